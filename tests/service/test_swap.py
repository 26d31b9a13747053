"""The model swapped under load, in two workers: no errors, no mixed answers, and a bad bundle changes nothing."""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.models.storage import make_current
from tagdesk.service.languages import ActiveModels
from tagdesk.service.settings import OTHERS
from tagdesk.service.workers import Workers
from tests.service.versions import ARTICLE, TOPIC_OF, save_versions, serving, spoil
from tests.tiny import NAME
from tests.waiting import PATIENCE, eventually


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the versions."""
    place = tmp_path_factory.mktemp("versions")
    save_versions(place)
    return place


@pytest.fixture(scope="module")
def two_workers(store: Path) -> Iterator[str]:
    """Return the address of a service of two workers on that store."""
    with serving(store, "--workers=2") as at:
        yield at


@pytest.fixture
def client(two_workers: str) -> Iterator[httpx.Client]:
    """Return a client of that service."""
    with httpx.Client(base_url=two_workers) as one:
        yield one


def models(client: httpx.Client) -> dict[str, Any]:
    """Return what there is and what is served."""
    found: dict[str, Any] = client.get("/v1/models").raise_for_status().json()
    return found


def served(client: httpx.Client) -> list[str]:
    """Return what each worker serves."""
    return [worker["model"] for worker in models(client)["workers"]]


def failures(client: httpx.Client) -> list[str]:
    """Return what each worker could not load."""
    return [worker["failure"]["model"] for worker in models(client)["workers"] if worker["failure"]]


def activate(client: httpx.Client, version: str) -> None:
    """Let a version be served; the answer is right about who serves it already, and in the end all do."""
    ref = f"{NAME}@{version}"
    found = client.post(f"/v1/models/{version}/activate").raise_for_status().json()
    assert len(found["workers"]) == 2
    assert found["waiting"] == [worker["pid"] for worker in found["workers"] if worker["model"] != ref]
    eventually(lambda: served(client) == [ref] * 2)


class Traffic:
    """Threads that post articles and batches, each answer checked against the version that it names."""

    def __init__(self, address: str) -> None:
        self.answers = 0
        self.faults: list[str] = []
        self._address = address
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(3)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self) -> None:
        while not self._over.is_set():
            with httpx.Client(base_url=self._address) as client:  # the next may reach another worker
                for _ in range(20):
                    self._check(client.post("/v1/tag", json=ARTICLE))
                self._check(client.post("/v1/tag/batch", json=[ARTICLE] * 500))

    def _check(self, response: httpx.Response) -> None:
        self.answers += 1
        rows = [httpx.Response(200, text=line).json() for line in response.text.splitlines()]
        if response.status_code != 200 or len({row["model"] for row in rows}) != 1:
            self.faults.append(f"{response.status_code} {response.text[:200]}")
        for row in rows:
            if [topic["id"] for topic in row["topics"]] != [TOPIC_OF[row["model"].partition("@")[2]]]:
                self.faults.append(str(row))


def test_swaps_under_load_without_an_error_or_a_mixed_answer(two_workers: str, client: httpx.Client) -> None:
    """Ten activations amid traffic: each comes to both workers, and every answer is one version's."""
    with Traffic(two_workers) as traffic:
        for version in islice(cycle(TOPIC_OF), 10):
            activate(client, version)
    assert not traffic.faults
    assert traffic.answers > 100


def test_notices_what_is_published_elsewhere(store: Path, client: httpx.Client) -> None:
    """`CURRENT` as training writes it is followed by every worker."""
    other = "tense" if "tiny@tense" not in served(client) else "calm"
    make_current(store, NAME, other)
    eventually(lambda: served(client) == [f"tiny@{other}"] * 2)


def test_survives_a_bad_bundle_that_is_published_elsewhere(store: Path, client: httpx.Client) -> None:
    """The old model goes on in every worker, and in the worker that replaces a killed one."""
    before = served(client)[0]
    shutil.copytree(store / NAME / "calm", store / NAME / "bad")
    spoil(store / NAME / "bad")
    make_current(store, NAME, "bad")
    eventually(lambda: failures(client) == ["tiny@bad"] * 2)
    found = models(client)
    assert [worker["model"] for worker in found["workers"]] == [before] * 2
    assert found["current"] == "bad"
    assert "arrays.safetensors is not the file that was saved" in found["last_failure"]["reason"]

    killed = found["workers"][0]["pid"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: replaced(str(client.base_url), killed))
    assert served(client) == [before] * 2
    assert client.post("/v1/tag", json=ARTICLE).json()["model"] == before


def replaced(address: str, killed: int) -> bool:
    """Tell whether two workers serve, neither of them one that was killed."""
    try:
        workers = httpx.get(f"{address}/v1/models").json()["workers"]
    except httpx.TransportError:  # the connection was the killed worker's
        return False
    return len(workers) == 2 and killed not in [worker["pid"] for worker in workers]


def test_withdraws_when_it_stops_and_publishes_no_more(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stops while it looks for another model leaves nothing behind of what it served."""
    folder = tmp_path / "workers"
    folder.mkdir()
    looking, stopping = threading.Event(), threading.Event()

    class Slow(Workers):
        def publish(self, state: Mapping[str, Any]) -> None:
            if self.read_all(NAME):  # not the first time, before it serves
                looking.set()
                stopping.wait(PATIENCE)
            super().publish(state)

    async def serve_and_stop() -> None:
        async with active.following():
            await asyncio.to_thread(looking.wait, PATIENCE)
            asyncio.get_running_loop().call_later(0.2, stopping.set)

    monkeypatch.setenv("TAGDESK_STORE", str(store))
    active = ActiveModels({OTHERS: "tiny@calm"}, Slow(folder))
    asyncio.run(serve_and_stop())
    stopping.set()
    active._loader.shutdown()
    assert list(folder.iterdir()) == []

"""What one client does to the ledger is nobody else's loss."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.tiny import REF

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

TEXT = "Ministers signed a ceasefire; heavy rain had stopped the war for a week."
EDITORS, CORRECTIONS = 6, 20


@pytest.fixture
def address(tiny_settings: Settings, ledger_url: str, serve: Serve) -> Iterator[str]:
    """Return the address of a service on an empty ledger."""
    with serve(create_app(replace(tiny_settings, database_url=ledger_url))) as at:
        yield at


def in_threads(work: Callable[[int], None], number: int) -> None:
    threads = [threading.Thread(target=work, args=(one,)) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("bad", [{"id": " "}, {"id": "\0"}])
def test_no_correction_is_refused_for_anothers_article(address: str, bad: dict[str, Any]) -> None:
    """Articles that cannot be queued come between corrections: each correction is kept."""
    answers: list[int] = []  # to which threads append one at a time; a Counter's first of a kind can be lost
    over = threading.Event()

    def disturb(_: int) -> None:
        with httpx.Client(base_url=address) as client:
            while not over.is_set():
                assert client.post("/v1/tag?queue=true", json={"body": TEXT, **bad}).status_code == 200

    def correct(editor: int) -> None:
        with httpx.Client(base_url=address) as client:
            for number in range(CORRECTIONS):
                article = {"id": f"{editor}-{number}", "body": TEXT}
                sent = {"id": f"f-{editor}-{number}", "article": article, "topics": ["conflict"], "model": REF}
                answers.append(client.post("/v1/feedback", json=sent).status_code)

    disturbers = threading.Thread(target=in_threads, args=(disturb, 4))
    disturbers.start()
    in_threads(correct, EDITORS)
    over.set()
    disturbers.join()
    assert Counter(answers) == {202: EDITORS * CORRECTIONS}
    kept = httpx.get(f"{address}/v1/feedback/export").text.splitlines()
    assert len(kept) == EDITORS * CORRECTIONS


@pytest.mark.postgres
def test_transactions_that_meet_are_tried_again(tiny_settings: Settings, postgres_server: Any, serve: Serve) -> None:
    """Two services write the same few articles in every order: nobody is told of a deadlock."""
    settings = replace(tiny_settings, database_url=postgres_server.new_database())
    answers: list[int] = []
    with serve(create_app(settings)) as one, serve(create_app(settings)) as other:

        def write(client_number: int) -> None:
            with httpx.Client(base_url=(one, other)[client_number % 2]) as client:
                for number in range(15):
                    article = {"id": f"a-{(client_number * 7 + number) % 4}", "body": TEXT}
                    answers.append(client.post("/v1/queue", json=article).status_code)
                    client.get("/v1/queue/next", params={"after": article["id"]}).raise_for_status()
                    sent = {"article": article, "topics": [], "model": REF}
                    answers.append(client.post("/v1/feedback", json=sent).status_code)

        in_threads(write, 16)
    assert Counter(answers) == {202: 16 * 15 * 2}


@pytest.mark.postgres
def test_no_address_of_the_database_reaches_a_client(tiny_settings: Settings, serve: Serve) -> None:
    settings = replace(tiny_settings, database_url="postgresql://anna:secret@127.0.0.1:1/ledger")
    with serve(create_app(settings)) as address:
        sent = {"article": {"body": TEXT}, "topics": [], "model": REF}
        answer = httpx.post(f"{address}/v1/feedback", json=sent)
    assert answer.status_code == 503
    for word in ("127.0.0.1", "port 1", "anna", "secret"):
        assert word not in answer.text

import gzip
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tagdesk.training.corpora import never_train
from tagdesk.training.corpora.fetch import FetchReport, Manners, NotThereError, Web, write_rows, write_source
from tagdesk.training.corpora.never_train import LAST_TRAINING_DAY, may_train, never_train_ids
from tagdesk.training.errors import CorpusError, FetchError

CONTENT = bytes(range(256)) * 4000
SHA1 = hashlib.sha1(CONTENT).hexdigest()


@dataclass
class Site:
    """A web site that gives its scripted answers first, then `CONTENT`, in ranges if asked."""

    url: str = ""
    script: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    drop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    content: bytes = CONTENT
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        status, headers = self.script.pop(0) if self.script else (200, {})
        body = self.content if status == 200 else b""
        wanted = request.headers.get("Range")
        if body and wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                status, headers, body = 416, {"Content-Range": f"bytes */{len(body)}"}, b""
            else:
                headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
                status, body = 206, body[start:]
        request.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body[: self.drop_after.pop(0)] if body and self.drop_after else body)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/dump.bz2"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def web(waits: list[float]) -> Iterator[Web]:
    with Web(Manners(sleep=waits.append)) as web:
        yield web


def ignore(answer: dict[str, Any], retry_after: float | None) -> None:
    pass


def test_download_arrives_whole(site: Site, web: Web, tmp_path: Path) -> None:
    """A download ends as the file, with no part left."""
    web.download(site.url, tmp_path / "new" / "dump.bz2", sha1=SHA1)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {"dump.bz2": CONTENT}


def test_dropped_connection_is_resumed(site: Site, web: Web, tmp_path: Path) -> None:
    """After a dropped connection only the rest is asked for."""
    site.drop_after = [300_000]
    assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT
    start = int(site.asked[1]["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 300_000


def test_new_bytes_renew_the_patience(site: Site, tmp_path: Path) -> None:
    """A line that drops more often than we try still delivers, as long as something arrives each time."""
    site.drop_after = [100_000] * 8
    with Web(Manners(tries=2, sleep=lambda wait: None)) as web:
        assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT


def test_earlier_run_is_resumed(site: Site, web: Web, tmp_path: Path) -> None:
    """What an earlier run left is kept and completed."""
    (tmp_path / "dump.bz2.part").write_bytes(CONTENT[:1000])
    assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT
    assert site.asked[0]["range"] == "bytes=1000-"


def test_complete_part_is_taken(site: Site, web: Web, tmp_path: Path) -> None:
    """A part that is already whole is not fetched again."""
    (tmp_path / "dump.bz2.part").write_bytes(CONTENT)
    assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT
    assert len(site.asked) == 1


def test_too_long_part_is_dropped(site: Site, web: Web, tmp_path: Path) -> None:
    """A part longer than the file is thrown away and the file fetched from the start."""
    (tmp_path / "dump.bz2.part").write_bytes(CONTENT + b"more")
    assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT


def test_server_without_ranges_starts_over(site: Site, web: Web, tmp_path: Path) -> None:
    """A server that does not know ranges sends the whole file, and that is what is kept."""
    site.ranges = False
    (tmp_path / "dump.bz2.part").write_bytes(b"other")
    assert web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1).read_bytes() == CONTENT


def test_file_that_is_there_is_not_fetched(site: Site, web: Web, tmp_path: Path) -> None:
    """A file with the right checksum is not fetched again."""
    (tmp_path / "dump.bz2").write_bytes(CONTENT)
    web.download(site.url, tmp_path / "dump.bz2", sha1=SHA1)
    assert site.asked == []


def test_wrong_checksum_removes_the_file(site: Site, web: Web, tmp_path: Path) -> None:
    """A file with the wrong checksum is removed, and the error says so."""
    with pytest.raises(FetchError, match=r"SHA-1.*was removed"):
        web.download(site.url, tmp_path / "dump.bz2", sha1="0" * 40)
    assert list(tmp_path.iterdir()) == []


def test_too_many_requests_then_success(site: Site, web: Web, waits: list[float]) -> None:
    """After 429 we come back, no sooner than Retry-After says."""
    site.script, site.content = [(429, {"Retry-After": "7"})], b"fine"
    assert web.text(site.url) == "fine"
    assert waits == [7.0]


def test_retry_after_may_be_a_date(site: Site, web: Web, waits: list[float]) -> None:
    """Retry-After as an HTTP date is understood."""
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    site.script, site.content = [(503, {"Retry-After": then})], b"fine"
    web.text(site.url)
    assert 50 < waits[0] <= 60


def test_waits_grow(site: Site, web: Web, waits: list[float]) -> None:
    """Without Retry-After each wait is drawn from twice the range of the one before."""
    site.script, site.content = [(500, {})] * 4, b"fine"
    web.text(site.url)
    assert [1 <= wait / 2**n <= 2 for n, wait in enumerate(waits)] == [True] * 4


def test_patience_ends(site: Site, web: Web, waits: list[float]) -> None:
    """A server that stays busy ends in one sentence that says what to do."""
    site.script = [(503, {})] * 20
    with pytest.raises(FetchError, match=r"503 Service Unavailable.*CORPUS_DIR"):
        web.text(site.url)
    assert len(waits) == 5


def test_very_long_wait_is_not_waited(site: Site, web: Web, waits: list[float]) -> None:
    """A server that asks for hours is not asked again before, nor waited for."""
    site.script = [(429, {"Retry-After": "7200"})]
    with pytest.raises(FetchError, match="429"):
        web.text(site.url)
    assert waits == []


def test_closed_port_is_one_sentence(web: Web, waits: list[float], tmp_path: Path) -> None:
    """A host that refuses the connection ends soon, in one sentence that says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(FetchError, match=rf"{url} cannot be fetched: .*refused.*CORPUS_DIR"):
            web.download(url, tmp_path / "x", sha1=SHA1)
    assert len(waits) == 2


def test_unknown_host_is_one_sentence(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that does not resolve ends in one sentence."""

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError, match=r"cannot be fetched: .*not known.*CORPUS_DIR"):
        web.text("http://no-such-host.invalid/")


def test_missing_file_is_not_tried_again(site: Site, web: Web) -> None:
    """A file that is not there is asked for once."""
    site.script = [(404, {})]
    with pytest.raises(NotThereError, match="404"):
        web.text(site.url)
    assert len(site.asked) == 1


def test_we_name_ourselves(site: Site, web: Web) -> None:
    """The User-Agent names the project and how it is reached, and no person."""
    web.text(site.url)
    assert site.asked[0]["user-agent"].startswith("Tagdesk/")
    assert "@" not in site.asked[0]["user-agent"]


@pytest.mark.parametrize("content", [b"<html>log in first</html>", b"[]"])
def test_answer_that_is_no_json_object(site: Site, web: Web, content: bytes) -> None:
    """An answer that is no JSON object, as a hotel's log-in page, is an error at once."""
    site.content = content
    with pytest.raises(FetchError, match="did not answer with a JSON object"):
        web.json(site.url, {}, ignore)


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    """The same rows give the same file, byte for byte, under any name."""
    rows = [{"id": "a", "body": "é"}, {"id": "b", "body": ""}]
    assert write_rows(tmp_path / "one.jsonl.gz", rows) == write_rows(tmp_path / "two.jsonl.gz", rows)
    lines = gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_no_rows_keep_the_old_file(tmp_path: Path) -> None:
    """When nothing came out the old corpus stays, and no draft is left."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(b"old")
    with pytest.raises(FetchError, match="nothing was written"):
        write_rows(path, [])
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("rows.jsonl.gz", b"old")]


def test_source_is_written_beside_the_corpus(tmp_path: Path) -> None:
    """The origin of a corpus is written beside it."""
    report = FetchReport(tmp_path / "x.jsonl.gz", 2, "http://x", "20260101", "ab", {"short": 1})
    write_source(report, "CC BY 2.5")
    assert json.loads((tmp_path / "x.source.json").read_text()) == {
        "path": "x.jsonl.gz",
        "articles": 2,
        "source": "http://x",
        "date": "20260101",
        "sha256": "ab",
        "skipped": {"short": 1},
        "licence": "CC BY 2.5",
    }


def test_listed_ids_may_not_train() -> None:
    """No id of the list may be trained on."""
    assert len(never_train_ids()) > 5000
    assert not any(may_train(listed, None) for listed in never_train_ids())


@pytest.mark.parametrize(
    ("id", "date", "allowed"),
    [
        (f"wpce-{LAST_TRAINING_DAY}-99", str(LAST_TRAINING_DAY), True),
        ("wpce-2025-09-14-99", "2025-09-14", False),
        ("wpce-2025-09-14-99", None, False),
        ("wpce-2025-09-14-99", "2020-01-01", False),
        ("wpce-2020-01-01-01", "2026-01-01", False),
        ("our-newsroom-1", "2026-01-01", True),
    ],
)
def test_late_events_may_not_train(id: str, date: str | None, allowed: bool) -> None:
    """Events after the last training day may not be trained on, whatever a row says; other articles may."""
    assert may_train(id, date) is allowed


def test_missing_list_stops_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the list nothing is trained."""
    monkeypatch.setattr(never_train, "_LIST", tmp_path / "gone.txt")
    never_train_ids.cache_clear()
    with pytest.raises(CorpusError, match="restore it"):
        may_train("x", None)
    never_train_ids.cache_clear()

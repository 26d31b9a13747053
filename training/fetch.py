"""Download open corpora politely, and put them on disk so that a broken run leaves nothing half-written."""

import contextlib
import gzip
import hashlib
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import httpx

from training.errors import FetchError
from training.progress import Progress

T = TypeVar("T")
Json = dict[str, Any]
Inspect = Callable[[Json, float | None], None]

USER_AGENT = f"Tagdesk/0.1 (repository: tagdesk; python -m training data) python-httpx/{httpx.__version__}"
_WHAT_TO_DO = "Try again later (what was fetched is kept), or set CORPUS_DIR=… to a folder that has the corpora."
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Manners:
    """How to ask a server: who we say we are, how often we try, how long we wait between (seconds).

    The wait doubles from `first_wait` with up to as much again at random, and is never shorter than the
    server's Retry-After. A server that wants more than `longest_wait` is left alone. A host that cannot be
    reached at all is tried `connects` times only: that is a closed network far more often than a hiccup.
    """

    user_agent: str = USER_AGENT
    tries: int = 6
    connects: int = 3
    first_wait: float = 1.0
    longest_wait: float = 300.0
    timeout: float = 60.0
    sleep: Callable[[float], None] = time.sleep


MANNERS = Manners()


@dataclass(frozen=True)
class FetchReport:
    """What a fetch wrote: the file, its origin and SHA-256, and how many rows were left out, by reason."""

    path: Path
    articles: int
    source: str
    date: str
    sha256: str
    skipped: Mapping[str, int]


class TryAgain(Exception):
    """The server asks to come back, after `after` seconds if it said so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Web:
    """An HTTP client that names itself, tries again, waits when told to and fails in one sentence."""

    def __init__(self, manners: Manners = MANNERS) -> None:
        self.manners = manners
        self._client = httpx.Client(
            headers={"User-Agent": manners.user_agent},
            timeout=httpx.Timeout(manners.timeout, connect=min(manners.timeout, 10.0)),
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def text(self, url: str) -> str:
        """Return the text at `url`."""

        def ask() -> str:
            response = self._client.get(url)
            _check(response)
            return response.text

        return self._patiently(url, ask)

    def json(self, url: str, params: Mapping[str, str], inspect: Inspect) -> Json:
        """Return the JSON object at `url`; `inspect(answer, retry_after)` may raise `TryAgain` on it."""

        def ask() -> Json:
            response = self._client.get(url, params=dict(params))
            _check(response)
            try:
                answer = response.json()
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise FetchError(f"{url} answered something that is no JSON object: is it the right address?")
            inspect(answer, _retry_after(response))
            return answer

        return self._patiently(url, ask)

    def download(self, url: str, target: Path, *, sha1: str) -> Path:
        """Download `url` to `target` and check it, going on from `<target>.part` where a run stopped.

        Raises `FetchError`; a file with the wrong checksum is removed.
        """
        if target.exists() and _digest(target, "sha1") == sha1:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        self._patiently(url, lambda: self._resume(url, part), grown=lambda: _size(part))
        found = _digest(part, "sha1")
        if found != sha1:
            part.unlink()
            raise FetchError(
                f"{url} arrived with SHA-1 {found}, not {sha1}: the file was removed; fetch it again, "
                "and if it happens twice, take another dump."
            )
        part.replace(target)
        return target

    def _resume(self, url: str, part: Path) -> None:
        have = _size(part)
        # Ranges count bytes as they are on the server: no compression on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return
                part.unlink()
                raise TryAgain("what an earlier run left does not fit the file")
            _check(response)
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            size = int(response.headers.get("Content-Length", 0))
            start = have if resumed else 0
            with (
                part.open("ab" if resumed else "wb") as file,
                Progress(total=size and start + size, what=f"Downloading {part.stem}", unit="B") as shown,
            ):
                shown.update(start)
                for chunk in response.iter_raw(_CHUNK):
                    file.write(chunk)
                    shown.update(len(chunk))

    def _patiently(self, url: str, ask: Callable[[], T], grown: Callable[[], int] = lambda: 0) -> T:
        """Return what `ask` returns, trying again what fails in passing; bytes `grown` renew patience."""
        failures, connects, furthest = 0, 0, grown()
        while True:
            try:
                return ask()
            except (httpx.TransportError, TryAgain) as error:
                failures, connects = failures + 1, connects + isinstance(error, _NO_CONNECTION)
                if grown() > furthest:
                    failures, connects, furthest = 1, 0, grown()
                wait = self._wait(failures, getattr(error, "after", None))
                given_up = failures >= self.manners.tries or connects >= self.manners.connects
                if given_up or wait > self.manners.longest_wait:
                    raise FetchError(
                        f"{url} cannot be fetched: {error or type(error).__name__}. {_WHAT_TO_DO}"
                    ) from error
                self.manners.sleep(wait)
            except httpx.HTTPError as error:
                raise FetchError(f"{url} cannot be fetched: {error}. {_WHAT_TO_DO}") from error

    def _wait(self, failures: int, asked_for: float | None) -> float:
        own: float = self.manners.first_wait * 2 ** (failures - 1) * (1 + random.random())  # noqa: S311 (jitter)
        return max(min(own, self.manners.longest_wait), asked_for or 0.0)


class NotThereError(FetchError):
    """The server has no such file."""


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Write `rows` to `path` as gzipped JSON Lines, atomically; return their number and the file's SHA-256.

    The same rows give the same bytes. Raises `FetchError` when there are none: the old file stays.
    """
    count = 0
    with _replacing(path) as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        for row in rows:
            packed.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
            count += 1
        if not count:
            raise FetchError(f"No articles came out for {path.name}: nothing was written. Is it the right source?")
    return count, _digest(path, "sha256")


def write_source(report: FetchReport, licence: str) -> None:
    """Write `<name>.source.json` beside a corpus: what the training manifest says of its origin."""
    facts = asdict(report) | {"path": report.path.name, "skipped": dict(sorted(report.skipped.items()))}
    name = report.path.name.removesuffix(".jsonl.gz") + ".source.json"
    write_json(report.path.with_name(name), facts | {"licence": licence})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` to `path` as JSON, atomically."""
    with _replacing(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _check(response: httpx.Response) -> None:
    code = response.status_code
    if code in _TRY_AGAIN:
        raise TryAgain(f"the server answered {code} {response.reason_phrase}", _retry_after(response))
    if code in (404, 410):
        raise NotThereError(f"{response.url} is not there ({code}).")
    if code == 403:
        raise FetchError(f"{response.url} refuses us (403): Wikimedia wants a User-Agent with a contact, see Manners.")
    if not response.is_success:
        raise FetchError(f"{response.url} answered {code} {response.reason_phrase}. {_WHAT_TO_DO}")


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds a Retry-After header asks for; it may be a number or an HTTP date."""
    told = response.headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        then = parsedate_to_datetime(told)
    except ValueError:
        return None
    # "-0000" gives a naive datetime; HTTP dates are UTC whatever they say.
    return max((then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()

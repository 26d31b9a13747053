"""Download open corpora politely, and write them so that an interrupted run leaves no incomplete file."""

import gzip
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from tagdesk.models.files import replacing, write_file
from tagdesk.progress import Progress
from tagdesk.training.errors import FetchError

T = TypeVar("T")
Json = dict[str, Any]
Inspect = Callable[[Json, float | None], None]

USER_AGENT = f"Tagdesk/0.1 (repository: tagdesk; tagdesk data) python-httpx/{httpx.__version__}"
_WHAT_TO_DO = "Try again later (the part fetched so far is kept), or set CORPUS_DIR=… to a folder that has the corpora."
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Manners:
    """How to treat a server: our user agent, how often we try, how long we wait in between (seconds).

    The wait doubles from `first_wait`, with up to as much again at random, and is never shorter than the
    server's Retry-After. A server that asks for more than `longest_wait` is left alone. A host that cannot be
    reached at all is tried only `connects` times: a closed network is far more likely than a brief failure.
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
    """The result of a fetch: the file, its origin and SHA-256, and how many rows were left out, by reason."""

    path: Path
    articles: int
    source: str
    date: str
    sha256: str
    skipped: Mapping[str, int]


class TryAgain(Exception):
    """The server asks us to try again, after `after` seconds if it names a time."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Web:
    """An HTTP client that identifies itself, retries, waits when asked to, and fails with one sentence."""

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
                raise FetchError(f"{url} did not answer with a JSON object: is it the right address?")
            inspect(answer, _retry_after(response))
            return answer

        return self._patiently(url, ask)

    def download(self, url: str, target: Path, *, sha1: str) -> Path:
        """Download `url` to `target` and check it, resuming from `<target>.part` if an earlier run stopped.

        Raises:
            FetchError: it cannot be fetched, or has the wrong checksum; the file is then removed.
        """
        if target.exists() and _digest(target, "sha1") == sha1:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        self._patiently(url, lambda: self._resume(url, part), grown=lambda: _size(part))
        actual = _digest(part, "sha1")
        if actual != sha1:
            part.unlink()
            raise FetchError(
                f"{url} arrived with SHA-1 {actual}, not {sha1}: the file was removed; fetch it again, "
                "and if that happens twice, choose another dump."
            )
        part.replace(target)
        return target

    def _resume(self, url: str, part: Path) -> None:
        have = _size(part)
        # Ranges count bytes as they are on the server, so the transfer must not be compressed.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return
                part.unlink()
                raise TryAgain("the part left by an earlier run does not fit the file")
            _check(response)
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            size = int(response.headers.get("Content-Length", 0))
            start = have if resumed else 0
            with (
                part.open("ab" if resumed else "wb") as file,
                Progress(total=size and start + size, what=f"Downloading {part.stem}", unit="B") as bar,
            ):
                bar.update(start)
                for chunk in response.iter_raw(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))

    def _patiently(self, url: str, ask: Callable[[], T], grown: Callable[[], int] = lambda: 0) -> T:
        """Return what `ask` returns, retrying passing failures; progress, in bytes `grown`, resets their count."""
        failures, connects, furthest = 0, 0, grown()
        while True:
            try:
                return ask()
            except (httpx.TransportError, TryAgain) as error:
                failures, connects = failures + 1, connects + isinstance(error, _NO_CONNECTION)
                if grown() > furthest:
                    failures, connects, furthest = 1, 0, grown()
                wait = self._wait(failures, getattr(error, "after", None))
                exhausted = failures >= self.manners.tries or connects >= self.manners.connects
                if exhausted or wait > self.manners.longest_wait:
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

    The same rows give the same bytes.

    Raises:
        FetchError: there are no rows; the old file stays.
    """
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        for row in rows:
            packed.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
            count += 1
        if not count:
            raise FetchError(f"The source has no articles for {path.name}: nothing was written. Is it the right one?")
    return count, _digest(path, "sha256")


def write_source(report: FetchReport, licence: str) -> None:
    """Write `<name>.source.json` beside a corpus: its origin, for the training manifest."""
    facts = asdict(report) | {"path": report.path.name, "skipped": dict(sorted(report.skipped.items()))}
    name = report.path.name.removesuffix(".jsonl.gz") + ".source.json"
    write_json(report.path.with_name(name), facts | {"licence": licence})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` to `path` as JSON, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n")


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
    """Return the seconds that a Retry-After header asks for, as a number or an HTTP date; None where it has none."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isdecimal():
        return float(header)
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    # "-0000" gives a naive datetime; HTTP dates are always UTC.
    return max((then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()

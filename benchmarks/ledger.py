"""10,000 corrections to two workers that are killed on the way: is each acknowledged one there, once, and how fast?"""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import VAR, markdown, number, quantile, say, write
from tagdesk.service.ledger.engines import open_database
from tests.service import postgres, posting
from tests.service.posting import Posted

_POSTS, _KILLS, _CALM = 10_000, 10, 2_000
_TOPIC = "conflict"
_DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was posted to one kind of database, and what is in it.

    Attributes:
        name: what kind.
        calm: what the clients saw while nobody was killed.
        posted: what they saw while workers were, on a ledger of its own.
        stored: how often each id is in the table.
        exported: how often each id is in the export, which has its text.
    """

    name: str
    calm: Posted
    posted: Posted
    stored: Counter[str]
    exported: Counter[str]

    @property
    def once(self) -> int:
        """How many of the acknowledged are in the table exactly once, and exported exactly once."""
        return sum(self.stored[feedback] == self.exported[feedback] == 1 for feedback in set(self.posted.acknowledged))


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Post, and write `ledger.md`; `only` names kinds of databases.

    Raises:
        RuntimeError: an acknowledged correction is not there, or not once.
    """
    posts, kills, calm = (300, 2, 100) if quick else (_POSTS, _KILLS, _CALM)
    wanted = [name for name in _DATABASES if not only or name in only]
    left_out = {"postgres": why} if "postgres" in wanted and (why := postgres.missing()) else {}
    outcomes = [_measure(name, posts, kills, calm) for name in wanted if name not in left_out]
    write("ledger", "The ledger, its workers killed", _parts(outcomes, left_out, posts, calm), quick=quick)
    for outcome in outcomes:
        if not outcome.once == len(outcome.stored) == len(outcome.exported) == posts:
            raise RuntimeError(f"{outcome.name}: {outcome.once:,} of {posts:,} corrections are there once")


def _measure(name: str, posts: int, kills: int, calm: int) -> Outcome:
    say(f"{_DATABASES[name]}: {calm:,} corrections in peace")
    with _database(name) as url, _service(url) as (address, parent):
        undisturbed = posting.post_all(address, parent, calm, 0, _TOPIC)
    say(f"{_DATABASES[name]}: {posts:,} corrections, {kills} workers to kill")
    with _database(name) as url:
        with _service(url) as (address, parent):
            posted = posting.post_all(address, parent, posts, kills, _TOPIC)
            exported = posting.exported(address)
        with closing(open_database(url)) as database, database.snapshot() as rows:
            stored = Counter(
                feedback for (feedback,) in rows("SELECT id FROM tagdesk_corrections WHERE erased IS NULL")
            )
        if name == "sqlite":
            _check_file(url)
    return Outcome(_DATABASES[name], undisturbed, posted, stored, exported)


def _service(url: str) -> AbstractContextManager[tuple[str, int]]:
    return posting.service(VAR / "no-store", url, "--workers=2", model="news-en")


@contextmanager
def _database(name: str) -> Iterator[str]:
    """Yield the URL of a ledger of its own, on a database that waits for the disk."""
    if name == "postgres":
        with postgres.running(durable=True) as server:
            yield server.new_database()
        return
    VAR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR) as folder:
        yield str(Path(folder) / "ledger.sqlite")


def _check_file(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        faults = connection.execute("PRAGMA integrity_check").fetchall()
    if faults != [("ok",)]:
        raise RuntimeError("SQLite finds faults in its file")


def _parts(outcomes: list[Outcome], left_out: dict[str, str], posts: int, calm: int) -> Iterator[str]:
    size = len(posting.TEXT) * 20 / 1000
    yield (
        f"{posting.THREADS} clients post {posts:,} corrections of articles of {size:.0f} kB, each again until it is "
        "acknowledged, to `tagdesk serve --workers 2` with `news-en`. At even intervals one of the workers that "
        "answer is killed (SIGKILL), and replaced by the service. Every commit waits for the disk. Then the table is "
        "read, and the export, whose rows must have their text. Clients, workers and database share the cores. The "
        f"last three rows are of {calm:,} corrections on a ledger of their own."
    )
    head = ("", *(outcome.name for outcome in outcomes))
    yield markdown(head, [(name, *map(figure, outcomes)) for name, figure in _ROWS.items()])
    for name, why in left_out.items():
        yield f"Left out: {_DATABASES[name]}, because {why}."


def _percentile(outcome: Outcome, share: float) -> str:
    return number(1000 * quantile(outcome.calm.seconds, share))


def _rate(posted: Posted) -> float:
    return len(posted.acknowledged) / posted.took


_ROWS = {
    "corrections posted": lambda outcome: f"{len(outcome.posted.acknowledged) + outcome.posted.unanswered:,}",
    "acknowledged (202)": lambda outcome: f"{len(outcome.posted.acknowledged):,}",
    "without an answer or 503, and posted again": lambda outcome: f"{outcome.posted.unanswered:,}",
    "workers killed": lambda outcome: f"{outcome.posted.kills}",
    "acknowledged and there exactly once": lambda outcome: f"{outcome.once:,}",
    "acknowledged and missing": lambda outcome: f"{len(set(outcome.posted.acknowledged) - set(outcome.stored)):,}",
    "there more than once": lambda outcome: f"{sum(count > 1 for count in outcome.stored.values()):,}",
    "there and never acknowledged": lambda outcome: f"{len(set(outcome.stored) - set(outcome.posted.acknowledged)):,}",
    "longest that a client waited for an answer, s": lambda outcome: number(max(outcome.posted.seconds)),
    "corrections a second, workers being killed": lambda outcome: number(_rate(outcome.posted)),
    "corrections a second, nobody killed": lambda outcome: number(_rate(outcome.calm)),
    "p50, nobody killed, ms": lambda outcome: _percentile(outcome, 0.5),
    "p99, nobody killed, ms": lambda outcome: _percentile(outcome, 0.99),
}

"""What the bridge remembers, in one SQLite file: what waits, what it put on each post, which tag is which topic."""

import json
import sqlite3
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Work = Literal["tag", "look", "send"]
"""Tag a post; look at what editors made of its tags; send its correction."""

_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (
    post TEXT NOT NULL, work TEXT NOT NULL, turn INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, PRIMARY KEY (post, work)
);
CREATE TABLE IF NOT EXISTS posts (post TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tags (topic TEXT PRIMARY KEY, tag TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS corrections (post TEXT PRIMARY KEY, content TEXT NOT NULL, parked TEXT);
"""
_LET_WAIT = (
    "INSERT INTO waiting (post, work, due) VALUES (?, ?, ?)"
    " ON CONFLICT (post, work) DO UPDATE SET turn = turn + 1, tries = 0, due = excluded.due"
)


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a post that waits.

    Attributes:
        post: the post's id.
        work: what is to be done.
        turn: how often it was asked for: what is asked for again meanwhile is done again.
        tries: those that failed.
        due: when the next one is due, seconds since the epoch.
    """

    post: str
    work: Work
    turn: int
    tries: int
    due: float


@dataclass(slots=True)
class Record:
    """What is remembered of a post; topics are named by their ids.

    Attributes:
        model: which model's answer it was tagged by.
        given: the topics of that answer, of both bands.
        put: topics whose tags the bridge put there, and nobody has touched since.
        putting: topics whose tags are being put there: after a crash the post shows which were.
        removed: topics of an answer whose tags an editor took away, whoever had put them there.
        sent: the verdicts of the newest correction.
    """

    model: str = ""
    given: list[str] = field(default_factory=list)
    put: list[str] = field(default_factory=list)
    putting: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    sent: dict[str, list[str]] = field(default_factory=dict)

    def before(self) -> list[str]:
        """Return the topics of an answer whose tags were on the post when it was last looked at."""
        return [*self.put, *self.sent.get("accepted", [])]

    def settle(self, present: Iterable[str], gone: Iterable[str]) -> None:
        """Take in what editors did since the post was last looked at.

        Args:
            present: the topics whose tags the post has now.
            gone: topics whose tags the whole site does not have any more, which says nothing of this post.
        """
        there, no_verdict = set(present), set(gone)
        taken = [topic for topic in self.before() if topic not in there and topic not in no_verdict]
        self.removed = [topic for topic in dict.fromkeys([*self.removed, *taken]) if topic not in there]
        self.put = [topic for topic in dict.fromkeys([*self.put, *self.putting]) if topic in there]
        self.putting = []

    def verdicts(self, present: Iterable[str], topics: Collection[str]) -> dict[str, list[str]]:
        """Return what editors decided: what the bridge put there and nobody touched is not judged.

        Args:
            present: the topics whose tags the post has now.
            topics: all that the model has now: it takes no verdict on others.
        """
        by_hand = [topic for topic in present if topic not in self.put]
        return {
            "accepted": [topic for topic in by_hand if topic in self.given],
            "rejected": [topic for topic in self.removed if topic in topics],
            "added": [topic for topic in by_hand if topic not in self.given],
        }


class State:
    """The file; every method is one transaction.

    Args:
        path: where it is; it is made where it is not there.

    Raises:
        OSError, sqlite3.Error: it cannot be opened, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # it has the text of posts
        self._database = sqlite3.connect(path, timeout=30)
        self._database.executescript(_TABLES)

    def let_wait(self, post: str, work: Work) -> None:
        """Let work on a post wait, due now."""
        with self._database:
            self._database.execute(_LET_WAIT, (post, work, time.time()))

    def jobs(self) -> list[Job]:
        """Return all that waits, what is due first at the front."""
        rows = self._database.execute("SELECT post, work, turn, tries, due FROM waiting ORDER BY due")
        return [Job(*row) for row in rows]

    def done(self, job: Job) -> None:
        """Forget a job, unless it was asked for again meanwhile."""
        with self._database:
            same = "DELETE FROM waiting WHERE post = ? AND work = ? AND turn = ?"
            self._database.execute(same, (job.post, job.work, job.turn))

    def later(self, job: Job, delay: float) -> None:
        """Let a job that failed wait so many seconds, unless it was asked for again meanwhile."""
        with self._database:
            same = "UPDATE waiting SET tries = tries + 1, due = ? WHERE post = ? AND work = ? AND turn = ?"
            self._database.execute(same, (time.time() + delay, job.post, job.work, job.turn))

    def record(self, post: str) -> Record | None:
        """Return what is remembered of a post; None where it was never tagged."""
        row = self._database.execute("SELECT record FROM posts WHERE post = ?", (post,)).fetchone()
        return Record(**json.loads(row[0])) if row else None

    def keep(self, post: str, record: Record, correction: Mapping[str, Any] | None = None) -> None:
        """Remember a post, and let a new correction of it wait in the place of an older one."""
        values = {name: getattr(record, name) for name in Record.__dataclass_fields__}
        with self._database:
            self._database.execute("REPLACE INTO posts VALUES (?, ?)", (post, json.dumps(values)))
            if correction is not None:
                content = json.dumps({**correction, "id": str(uuid.uuid4())})
                self._database.execute("REPLACE INTO corrections VALUES (?, ?, NULL)", (post, content))
                self._database.execute(_LET_WAIT, (post, "send", time.time()))

    def correction(self, post: str) -> dict[str, Any] | None:
        """Return the correction of a post that is not sent yet."""
        row = self._database.execute("SELECT content FROM corrections WHERE post = ?", (post,)).fetchone()
        return json.loads(row[0]) if row else None

    def sent(self, post: str, correction_id: str) -> None:
        """Forget a correction that is kept by Tagdesk, unless a newer one waits."""
        with self._database:
            same = "DELETE FROM corrections WHERE post = ? AND json_extract(content, '$.id') = ?"
            self._database.execute(same, (post, correction_id))

    def park(self, post: str, correction_id: str, reason: str) -> None:
        """Note why a correction was refused; it stays until a newer one takes its place."""
        with self._database:
            same = "UPDATE corrections SET parked = ? WHERE post = ? AND json_extract(content, '$.id') = ?"
            self._database.execute(same, (reason, post, correction_id))

    def parked(self) -> dict[str, str]:
        """Return why corrections were refused, by post."""
        return dict(self._database.execute("SELECT post, parked FROM corrections WHERE parked IS NOT NULL"))

    def tags(self) -> dict[str, str]:
        """Return the ids of Ghost's tags by the topics that they stand for."""
        return dict(self._database.execute("SELECT topic, tag FROM tags"))

    def remember_tags(self, tags: Sequence[tuple[str, str]]) -> None:
        """Remember which of Ghost's tags stand for which topics: topic, tag."""
        if tags:
            with self._database:
                self._database.executemany("REPLACE INTO tags VALUES (?, ?)", tags)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

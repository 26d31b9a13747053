"""Read what editors decided: the ledger's export, JSON Lines; of an article the last line counts."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.article import MAX_BODY, MAX_TITLE, Article, ArticleText
from models.errors import ArticleError
from models.taxonomy import Taxonomy
from training.corpus import BadRows, read_corpus
from training.duplicates import duplicate_groups
from training.errors import CorpusError
from training.labels import NO, OPEN, YES
from training.never_train import may_train
from training.own_topics import listed
from training.split import held_out

log = logging.getLogger(__name__)

KEY = "TAGDESK_KEY"
"""The environment variable with the key for an export that is fetched from a service."""

LEDGER = "TAGDESK_DATABASE_URL"
"""The environment variable with the service's ledger."""

_LISTS = ("topics", "accepted", "rejected", "added")
_TIMEOUT = 60.0
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """What editors decided of articles, one row an article.

    Attributes:
        ids: the articles' ids.
        articles: what was sent of them, or found by their ids.
        texts: what is read of them.
        topics: the topics' ids, in the order of the columns.
        decisions: yes or no, int8, shape (articles, topics).
        editors: who decided, or "".
        touched: topics that the editor took away or added, where that was sent: bool, shape (articles, topics).
        told: whether that was sent, bool, shape (articles,).
        group: the place of the first near duplicate of each article, its own where it has none, int64, (articles,).
        rows: how many corrections there were, repeated ones included.
        without_text: articles that have no text, neither in the ledger nor in the data at hand.
        unread: articles whose text cannot be read.
        never_train: articles that no model may learn from.
        unknown_topics: topics that the model has not, and in how many articles.
    """

    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    topics: tuple[str, ...]
    decisions: NDArray[np.int8]
    editors: tuple[str, ...]
    touched: NDArray[np.bool_]
    told: NDArray[np.bool_]
    group: NDArray[np.int64]
    rows: int
    without_text: int
    unread: int
    never_train: int
    unknown_topics: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """What the first near duplicate of each article is called; those of a name share a side and a fold."""
        return [self.ids[first] for first in self.group.tolist()]

    def of(self, taxonomy: Taxonomy) -> NDArray[np.int8]:
        """Return the decisions by the topics of a taxonomy; those that nobody was asked for are open."""
        found = np.full((len(self.ids), len(taxonomy)), OPEN, np.int8)
        for column, topic in enumerate(self.topics):
            if topic in taxonomy:
                found[:, taxonomy.column(topic)] = self.decisions[:, column]
        return found

    def test(self) -> NDArray[np.bool_]:
        """Say which are kept for the gate's test and never learned from: about one in ten, by their ids."""
        return held_out(self.names)

    def summary(self) -> str:
        """Say in a sentence what was read, and what was skipped and why."""
        said = [f"{self.rows:,} corrections of {len(self.ids) + self.without_text + self.unread:,} articles"]
        for count, why in (
            (self.without_text, "without text (name with --data the files that have it)"),
            (self.unread, "that cannot be read"),
            (self.never_train, "that no model may learn from"),
        ):
            if count:
                said.append(f"skipped {count:,} {why}")
        if self.unknown_topics:
            said.append(f"topics that the model has not: {listed(sorted(self.unknown_topics))}")
        return "; ".join(said)


def read_corrections(source: str, taxonomy: Taxonomy, data: Sequence[Path] = ()) -> Corrections:
    """Read corrections.

    Args:
        source: a file of lines; the http(s) address of a service's `/v1/feedback/export`, with the key in
            `TAGDESK_KEY`; an SQLite file or a `postgresql://` address, the ledger itself; or empty: the ledger that
            the service has by its settings.
        taxonomy: the topics that they may name; others are counted.
        data: corpora with the texts of articles that the ledger keeps no text of, found by their ids.

    Raises:
        CorpusError: the source cannot be read, or has bad rows.
    """
    rows = _rows(source)
    latest = {str(row["id"]): row for row in rows}
    # `date` is the day of the correction: an event's own is in its id.
    allowed = {name: row for name, row in latest.items() if may_train(name, None)}
    articles, without_text, unread = _articles(allowed, data)
    used = [allowed[name] for name in articles]
    texts = tuple(article.text() for article in articles.values())
    touched = [[*(row.get("rejected") or ()), *(row.get("added") or ())] for row in used]
    found = Corrections(
        ids=tuple(articles),
        articles=tuple(articles.values()),
        texts=texts,
        topics=taxonomy.ids,
        decisions=_decisions([_final(row) for row in used], taxonomy),
        editors=tuple(str(row.get("editor") or "") for row in used),
        touched=_named(touched, taxonomy),
        told=np.array([row.get("rejected") is not None or row.get("added") is not None for row in used], np.bool_),
        group=duplicate_groups(texts) if texts else np.empty(0, np.int64),
        rows=len(rows),
        without_text=without_text,
        unread=unread,
        never_train=len(latest) - len(allowed),
        unknown_topics=Counter(topic for row in used for topic in set(_final(row)) if topic not in taxonomy),
    )
    log.info(found.summary())
    return found


def _articles(rows: Mapping[str, Mapping[str, Any]], data: Sequence[Path]) -> tuple[dict[str, Article], int, int]:
    """Return the articles that can be read, how many have no text, and how many cannot be read."""
    stored = _texts_of(data, {name for name, row in rows.items() if not _has_text(row)})
    articles: dict[str, Article] = {}
    without_text = unread = 0
    for name, row in rows.items():
        title, body = (row.get("title"), row.get("body")) if _has_text(row) else stored.get(name, (None, None))
        if not title and not body:
            without_text += 1
            continue
        article = Article(title=title or "", body=body or "", id=name)
        try:
            article.text()
        except ArticleError:
            unread += 1
        else:
            articles[name] = article
    return articles, without_text, unread


def _rows(source: str) -> list[dict[str, Any]]:
    bad = BadRows(Path(_called(source)))
    rows = []
    for number, line in enumerate(_lines(source), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            bad.add(number, "is not JSON")
            continue
        faults = _faults(row) if isinstance(row, dict) else ["is not an object"]
        if faults:
            bad.add(number, *faults)
        else:
            rows.append(row)
    bad.refuse()
    return rows


def _lines(source: str) -> list[bytes]:
    try:
        if source.startswith(("http://", "https://")):
            return _fetched(source).split(b"\n")
        if not source or source.startswith(("postgresql://", "postgres://")) or _is_database(Path(source)):
            return _exported(source).split(b"\n")
        return Path(source).read_bytes().split(b"\n")
    except urllib.error.HTTPError as error:
        why = f"the service answers {error.code}{f'; a key goes in {KEY}' if error.code in {401, 403} else ''}"
        raise CorpusError(f"cannot read corrections from {_called(source)}: {why}") from error
    except OSError as error:
        raise CorpusError(f"cannot read corrections from {_called(source)}: {error.strerror or error}") from error


def _fetched(address: str) -> bytes:
    key = os.environ.get(KEY)
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - http or https, as `_lines` sees to
        content: bytes = answer.read()
    return content


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _exported(database: str) -> bytes:
    """Return what the service's own command exports: of this ledger, or of the one that its settings name."""
    with tempfile.TemporaryDirectory(prefix="tagdesk-corrections-") as folder:
        path = Path(folder) / "corrections.jsonl"
        done = subprocess.run(  # noqa: S603 - this Python, our own module
            [sys.executable, "-m", "service", "ledger", "export", str(path)],
            # Not as an option: an address may have a password, and every user sees a process' command line.
            env=os.environ | ({LEDGER: database} if database else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CorpusError(f"cannot read the ledger: {done.stderr.strip().removeprefix('service: ')}")
        return path.read_bytes()


def _called(source: str) -> str:
    """Return what a source is called in messages: without what an address may hide."""
    return (source.partition("?")[0].rpartition("@")[2] if "://" in source else source) or "the ledger"


def _faults(row: Mapping[str, Any]) -> list[str]:
    faults = []
    if not isinstance(row.get("id"), str | int) or isinstance(row.get("id"), bool) or not str(row["id"]).strip():
        faults.append("id: must be text, the article's id")
    for name, cap in (("title", MAX_TITLE), ("body", MAX_BODY), ("editor", 1_000), ("date", 100)):
        value = row.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > cap):
            faults.append(f"{name}: must be text of at most {cap:,} characters, or null")
    if all(row.get(name) is None for name in _LISTS):
        faults.append("topics: missing (or accepted and added)")
    for name in _LISTS:
        value = row.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            faults.append(f"{name}: must be a list of topics, or null")
    return faults


def _has_text(row: Mapping[str, Any]) -> bool:
    return bool((row.get("title") or "").strip() or (row.get("body") or "").strip())


def _texts_of(data: Sequence[Path], wanted: set[str]) -> dict[str, tuple[str, str]]:
    if not wanted:
        return {}
    articles = (one for path in data for one in read_corpus(path, for_training=False).articles)
    return {one.id: (one.title, one.body) for one in articles if one.id in wanted}


def _final(row: Mapping[str, Any]) -> list[str]:
    """Return the topics that are right."""
    topics: list[str] | None = row.get("topics")
    return [*(row.get("accepted") or ()), *(row.get("added") or ())] if topics is None else topics


def _decisions(topics: Sequence[Iterable[str]], taxonomy: Taxonomy) -> NDArray[np.int8]:
    """Return yes or no of every topic, int8, shape (articles, topics); a topic's implied parent is right with it."""
    named = _named(topics, taxonomy)
    for child, parent in reversed(taxonomy.implied):
        named[:, parent] |= named[:, child]
    return np.where(named, YES, NO).astype(np.int8)


def _named(topics: Sequence[Iterable[str]], taxonomy: Taxonomy) -> NDArray[np.bool_]:
    found = np.zeros((len(topics), len(taxonomy)), np.bool_)
    for row, names in enumerate(topics):
        found[row, [taxonomy.column(name) for name in names if name in taxonomy]] = True
    return found

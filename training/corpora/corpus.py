"""Read a corpus in any known format; every row is checked before anything is used."""

import gzip
import hashlib
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tagdesk.formats import BadRow, read_rows
from tagdesk.formats.cells import Label
from tagdesk.formats.columns import parse_columns
from tagdesk.formats.dates import DateColumn
from tagdesk.models.errors import CannotRead
from tagdesk.models.reading.article import Article
from tagdesk.training.corpora.account import Account
from tagdesk.training.corpora.drafts import Drafts, identify
from tagdesk.training.corpora.labelling import PLACEHOLDERS, Chosen, LabelColumns, Labelling, below
from tagdesk.training.corpora.never_train import may_train
from tagdesk.training.errors import CorpusError

LISTED_IN_FULL = 20


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """One article of a corpus.

    Attributes:
        id: unique within a corpus.
        title: plain text, may be empty.
        body: plain text or HTML.
        labels: the corpus' own labels; a label map turns them into topics.
        topics: the article's topics, where the corpus states them itself: all others are denied. None where it does
            not.
        date: ISO 8601 day, or None.
        language: BCP 47 tag, or None.
        label_prob: the probability that the labels are right, 0 to 1.
        optional: topics that count as neither right nor wrong when a model is measured.
    """

    id: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    topics: tuple[str, ...] | None = None
    date: str | None = None
    language: str | None = None
    label_prob: float = 1.0
    optional: tuple[str, ...] = ()

    def article(self) -> Article:
        """Return the article as it is tagged."""
        return Article(title=self.title, body=self.body, id=self.id)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus, read completely.

    Attributes:
        name: the file's name without its suffixes; the label map of that name belongs to it.
        articles: those that may be trained on.
        sha256: of the file.
        account: how the file was read, and what was left out.
        source: the fetcher's record of where the file comes from; empty where there is none.
        names: of the labels that are codes or URIs, by label.
        parents: of the labels that stand below another, that other label.
        characters: total length of titles and bodies.
    """

    name: str
    articles: tuple[LabelledArticle, ...]
    sha256: str
    account: Account = field(default_factory=Account)
    source: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    characters: int = 0


def read_corpus(
    path: Path,
    *,
    topics: Iterable[str] | None = None,
    for_training: bool = True,
    format: str = "",
    columns: str = "",
    dates: str = "",
    ignored: Collection[str] = PLACEHOLDERS,
    share: float = 1.0,
    texts: bool = True,
) -> Corpus:
    """Read a corpus file.

    Args:
        path: a file of one of `tagdesk.formats`. Our own columns are id, title, body, topics or
            labels, and optionally date, language and label_prob; other columns are ignored. Where no row has an id,
            ids are made from the text.
        topics: the topics that a `topics` column may name; None for any.
        for_training: leave out what may never be trained on.
        format: one of `tagdesk.formats.FORMATS`; empty to recognise it by the content.
        columns: which column is which, `body=Texte topics=Rubrique`; empty to find them by name and content.
        dates: which of `tagdesk.formats.dates.ORDERS` to take for dates that can be read either way.
        ignored: keys of labels that are no topics; see `tagdesk.training.corpora.labelling`.
        share: keep this share of the articles, chosen by their texts; all are checked.
        texts: keep titles and bodies; without them a corpus of any size fits into memory.

    Raises:
        CorpusError: the file cannot be read, or has bad rows, of which the first 20 are listed in full.
    """
    bad, unlabelled = BadRows(path), 0
    try:
        rows = read_rows(path, format, parse_columns(columns) if columns else None)
        drafts = Drafts(LabelColumns(rows.columns.labels, ignored), texts, share, dates=DateColumn(wanted=dates))
        for number, row in rows.rows:
            if isinstance(row, BadRow):
                bad.add(number, *row.reasons)
            elif row is None or row.get("complete") is False:
                unlabelled += 1
            elif faults := drafts.add(number, row):
                bad.add(number, *faults)
    except CannotRead as error:
        raise CorpusError(str(error)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"cannot read {path}: {_why(error)}") from error
    if not drafts.rows and not unlabelled:
        bad.refuse()
        raise CorpusError(f"{path} has no rows: export it again, with its articles")
    chosen = drafts.labels.choose()
    assembled = _assemble(drafts, chosen, None if topics is None else frozenset(topics), bad, for_training)
    bad.refuse()
    parting = chosen.parting if rows.columns.all else ""
    account = replace(
        assembled.account,
        shape=rows.shape,
        columns=f"{rows.description}, {chosen.spoken(rows.columns)}" if rows.columns.all else rows.description,
        unread=rows.columns.unread,
        parting=", ".join(filter(None, (parting, drafts.dates.order() and f"dates with the {drafts.dates.order()}"))),
        rows=drafts.rows + unlabelled,
        unlabelled=assembled.account.unlabelled + unlabelled,
    )
    if not assembled.articles:
        raise CorpusError(
            f"{path} has no articles that can be used: {'; '.join(account.lines())}. Fill in what is lacking, or say "
            'which columns have it: --columns "body=… topics=…"'
        )
    return replace(assembled, name=_stem(path), sha256=file_sha256(path), source=_source(path), account=account)


def _assemble(
    drafts: Drafts, chosen: Chosen, known: frozenset[str] | None, bad: "BadRows", for_training: bool
) -> Corpus:
    """Make articles of the rows of a file, which are let go of; of the account, only what that leaves out."""
    labelled = [draft for draft in drafts.usable if not chosen.labelling(draft.cells).says_nothing]
    ignored = Counter(name for draft in drafts.usable for name in chosen.labelling(draft.cells).ignored)
    unlabelled = len(drafts.usable) - len(labelled)
    naming = _Naming(below(chosen.labelling(draft.cells) for draft in labelled))
    identity = identify(labelled, drafts.dates)
    drafts.usable.clear()
    labelled.clear()
    articles: list[LabelledArticle] = []
    never_train = characters = bodiless = 0
    for name, rows in identity.take():
        draft, day = rows[0], drafts.dates.day(rows[0].date)
        if for_training and not may_train(name, day):
            never_train += 1
            continue
        topics, labels = naming.topics_and_labels([chosen.labelling(row.cells) for row in rows])
        if known is not None and (unknown := [topic for topic in topics or () if topic not in known]):
            bad.add(draft.number, f"topics: unknown topic {', '.join(map(repr, unknown))}")
        characters += draft.size
        bodiless += draft.bodiless
        articles.append(
            LabelledArticle(name, draft.title, draft.body, labels, topics, day and sys.intern(day), *draft.rest)
        )
    account = Account(
        without_text=drafts.without_text,
        damaged=drafts.damaged,
        unlabelled=unlabelled,
        ignored=dict(ignored.most_common()),
        joined=identity.joined,
        revised=identity.revised,
        no_ids=dict(identity.no_ids.most_common()),
        never_train=never_train,
        bodiless=bodiless,
        dates=drafts.dates.note("date"),
    )
    articles.reverse()
    return Corpus("", tuple(articles), "", account, names=naming.names, parents=naming.parents, characters=characters)


@dataclass(frozen=True, slots=True)
class _Naming:
    """How labels are written in articles, and what is known of them.

    Attributes:
        below: the label of each name below others, by the name and those above it.
        names: of the labels that are codes or URIs.
        parents: of the labels that stand below another, that label.
    """

    below: Mapping[tuple[str, tuple[str, ...]], str]
    names: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[Label, ...], tuple[str, ...]] = field(default_factory=dict)

    def topics_and_labels(self, labellings: Sequence[Labelling]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Return topics and labels of all rows of an article."""
        topics = [labelling.topics for labelling in labellings if labelling.topics is not None]
        return (
            self._texts(_union(topics)) if topics else None,
            self._texts(_union(labelling.labels for labelling in labellings)),
        )

    def _texts(self, labels: tuple[Label, ...]) -> tuple[str, ...]:
        if labels not in self._known:
            self._known[labels] = tuple(dict.fromkeys(map(self._text, labels)))
        return self._known[labels]

    def _text(self, label: Label) -> str:
        text = sys.intern(self.below.get((label.name, label.above), label.label))
        if label.label != label.name:
            self.names[text] = label.name
        if label.above:
            *higher, above = label.above
            self.parents[text] = self.below.get((above, tuple(higher)), above)
        return text


def _union(labels: Iterable[tuple[Label, ...]]) -> tuple[Label, ...]:
    return tuple(dict.fromkeys(label for some in labels for label in some))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class BadRows:
    """The bad rows of a file: all are counted, the first twenty are listed with every reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._listed: list[str] = []

    def add(self, line: int, *reasons: str) -> None:
        """Record a bad line and the reasons."""
        self.count += 1
        if self.count <= LISTED_IN_FULL:
            self._listed += [f"{self.path.name}:{line}: {reason}" for reason in reasons]

    def refuse(self) -> None:
        """Refuse the file if it has bad rows.

        Raises:
            CorpusError: listing them.
        """
        if not self.count:
            return
        more = [f"… and {self.count - LISTED_IN_FULL:,} more"] if self.count > LISTED_IN_FULL else []
        raise CorpusError(
            "\n  ".join(
                [
                    f"{self.path} has {self.count:,} bad {'row' if self.count == 1 else 'rows'}; nothing was used:",
                    *self._listed,
                    *more,
                ]
            )
        )


def _stem(path: Path) -> str:
    return re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE).rsplit(".", 1)[0]


def _why(error: Exception) -> str:
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return f"the gzip is cut off or damaged ({error}): fetch or copy it again"
    return str(getattr(error, "strerror", None) or error)


def _source(path: Path) -> Mapping[str, Any]:
    """Return the record that `make data` wrote beside the file; empty where there is none."""
    record = path.with_name(f"{_stem(path)}.source.json")
    try:
        source = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return source if isinstance(source, dict) else {}

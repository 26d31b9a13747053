"""What became of the rows of a file, for the person who wants to learn from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tagdesk.progress import counted

_LISTED = 20
_LABEL_SHOWN = 60
_ITEM_SHOWN = 120
"""Of a name with what is said of it."""


@dataclass(frozen=True, slots=True)
class Account:
    """How a file was read, and what was left out.

    Attributes:
        shape: its encoding, separators and quotes; empty where there is nothing to say.
        columns: the format of a tool, or which column holds what.
        unread: columns of texts that are not read.
        parting: how a cell with several labels is parted.
        rows: how many rows there are.
        without_text: rows left out because they have neither title nor body.
        damaged: rows left out because their text has NUL characters.
        unlabelled: rows left out because they are not labelled, or only in part (a correction of some topics).
        ignored: labels left out because they are no topics, and how many rows have them.
        joined: rows joined with another of the same text.
        revised: rows left out for a newer one of the same id.
        no_ids: ids that stand for several different articles, and for how many.
        never_train: articles that no model may learn from.
        bodiless: articles with a title and no body.
        dates: a sentence on the dates that cannot be read; empty where all can.
    """

    shape: str = ""
    columns: str = ""
    unread: Sequence[str] = ()
    parting: str = ""
    rows: int = 0
    without_text: int = 0
    damaged: int = 0
    unlabelled: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    revised: int = 0
    no_ids: Mapping[str, int] = field(default_factory=dict)
    never_train: int = 0
    bodiless: int = 0
    dates: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the summary, a line each."""
        yield f"columns: {self.columns}" if "from" in self.columns else self.columns
        if self.unread:
            yield (
                f"columns of texts that are not read: {name_list(self.unread)}; "
                f'--columns "title={self.unread[0]}", say, would read one'
            )
        if how := ", ".join(filter(None, (self.shape, self.parting))):
            yield f"read as {how}"
        left_out = [
            (self.unlabelled, "without a label"),
            (self.without_text, "without a text"),
            (self.damaged, "whose text is damaged (it has NUL characters)"),
            (self.revised, "older revisions of an article (same id)"),
            (self.never_train, "that no model may learn from"),
        ]
        if reasons := [f"{count:,} {why}" for count, why in left_out if count]:
            yield f"rows left out: {', '.join(reasons)}"
        if self.joined:
            yield f"{counted(self.joined, 'row')} with the text of another: joined, with the labels of all"
        if self.no_ids:
            ids = name_list([f"{name[:60]!r} ({counted(count, 'article')})" for name, count in self.no_ids.items()])
            yield f"ids not used, because each stands for different articles; ids are made from the texts: {ids}"
        if self.ignored:
            labels = name_list([f"{_short(name)} ({count:,})" for name, count in self.ignored.items()])
            yield f"labels left out because they are not topics: {labels}; to keep one, name it in --taxonomy or --map"
        if self.bodiless:
            yield f"{counted(self.bodiless, 'article')} with a title only"
        if self.dates:
            yield self.dates


def _short(text: str, most: int = _LABEL_SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def name_list(names: Sequence[str]) -> str:
    """Return the first twenty names, long ones cut, separated by commas, and how many more there are."""
    more = f" … and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(_short(name, _ITEM_SHOWN) for name in names[:_LISTED]) + more

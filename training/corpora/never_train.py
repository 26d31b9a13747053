"""Articles from which no model may learn: the gold articles, the held-out events, and every event after them."""

import re
from datetime import date
from functools import cache
from pathlib import Path

from tagdesk.training.errors import CorpusError

LAST_TRAINING_DAY = date(2025, 9, 13)
"""The last day of Portal:Current events that may be trained on; later days are held out."""

_LIST = Path(__file__).with_name("labels") / "never-train.txt"
_EVENT_DAY = re.compile(r"wpce-(\d{4}-\d{2}-\d{2})")


@cache
def never_train_ids() -> frozenset[str]:
    """Return the ids listed in `training/corpora/labels/never-train.txt`.

    Raises:
        CorpusError: the list is missing or empty; training without it would learn from the gold articles.
    """
    try:
        ids = frozenset(_LIST.read_text(encoding="utf-8").split("\n")) - {""}
    except OSError as error:
        raise CorpusError(f"{_LIST} cannot be read ({error.strerror}): restore it before training.") from error
    if not ids:
        raise CorpusError(f"{_LIST} is empty: restore it before training.")
    return ids


def may_train(id: str, date: str | None) -> bool:
    """Return whether an article may be in a training set, whatever file it comes from.

    An article with a listed id may not, nor an event (`wpce-…`) after `LAST_TRAINING_DAY` by its id or by its `date`
    (YYYY-MM-DD). Other articles may have any date: a newsroom's own are newer than the open corpora.
    """
    if id in never_train_ids():
        return False
    if not id.startswith("wpce-"):
        return True
    in_id = _EVENT_DAY.match(id)
    days = [day for day in (in_id and in_id[1], date) if day]
    return all(day <= LAST_TRAINING_DAY.isoformat() for day in days)

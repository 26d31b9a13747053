"""Which articles no model may learn from."""

from pathlib import Path

import pytest

from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.corpora.labels import LABELS, read_full_labels
from tagdesk.training.corpora.never_train import LAST_TRAINING_DAY, may_train, never_train_ids
from tests.training.conftest import SHARED


@pytest.mark.parametrize("date", [None, "2010-01-01", "2026-01-01"])
def test_listed_id_may_never_train(date: str | None) -> None:
    assert not any(may_train(one, date) for one in list(never_train_ids())[:200])


@pytest.mark.parametrize(
    ("id", "date", "may"),
    [
        ("wpce-2025-09-13-99", None, True),
        ("wpce-2025-09-14-99", None, False),
        ("wpce-2025-09-13-99", "2025-09-14", False),
        ("wpce-2025-09-14-99", "2025-09-13", False),
        ("wpce-x", "2025-09-14", False),
        ("wpce-x", "2025-09-13", True),
        ("wpce-2030-01-01-99", None, False),
        ("mine-2026-01-01", "2026-01-01", True),
        ("my-wpce-2026-01-01-01", "2026-01-01", True),
    ],
)
def test_event_after_the_last_training_day_may_not_train(id: str, date: str | None, may: bool) -> None:
    assert may_train(id, date) is may


def test_last_training_day_is_the_thirteenth_of_september() -> None:
    assert LAST_TRAINING_DAY.isoformat() == "2025-09-13"


def test_no_full_labels_are_for_an_article_that_may_not_train() -> None:
    for path in LABELS.glob("*.tsv"):
        assert not [one for one in read_full_labels(path, load_taxonomy()) if not may_train(one, None)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data's own list is in ../shared only")
def test_list_is_that_of_the_data() -> None:
    ours = Path(LABELS / "never-train.txt").read_text(encoding="utf-8").split()
    assert set((SHARED / "never-train.txt").read_text(encoding="utf-8").split()) <= set(ours)

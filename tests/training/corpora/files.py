"""Corpora as files, and the reason why one is refused."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tagdesk.training.corpora.corpus import read_corpus
from tagdesk.training.errors import CorpusError


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as spreadsheets do, with a byte order mark; several values in a cell are separated by `;`."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: ";".join(value) if isinstance(value, list) else value for name, value in row.items()}
            )
    return path


def refusal(path: Path, **options: Any) -> str:
    """Return why a corpus is refused."""
    with pytest.raises(CorpusError) as error:
        read_corpus(path, **options)
    return str(error.value)

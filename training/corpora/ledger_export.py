"""The ledger's export, JSON Lines: a correction a line, read from a file, from a service or from the ledger itself."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE
from tagdesk.training.corpora.corpus import BadRows
from tagdesk.training.errors import CorpusError

KEY = "TAGDESK_KEY"
"""The environment variable with the key for an export that is fetched from a service."""

LEDGER = "TAGDESK_DATABASE_URL"
"""The environment variable with the service's ledger."""

VERDICTS = ("accepted", "rejected", "added")
"""The lists of topics that were judged one by one."""

_LISTS = ("topics", *VERDICTS, "missing")
_TIMEOUT = 60.0
_SQLITE = b"SQLite format 3\0"


def read_rows(source: str) -> list[dict[str, Any]]:
    """Read the corrections in the order in which they were made.

    Args:
        source: a file of lines; the http(s) address of a service's `/v1/feedback/export`, with the key in
            `TAGDESK_KEY`; an SQLite file or a `postgresql://` address, the ledger itself; or empty: the ledger that
            the service's settings name.

    Raises:
        CorpusError: the source cannot be read, or has bad rows.
    """
    bad = BadRows(Path(_display_name(source)))
    rows = []
    for number, line in enumerate(_lines(source), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            bad.add(number, "is not JSON")
            continue
        faults = _row_faults(row) if isinstance(row, dict) else ["is not an object"]
        if faults:
            bad.add(number, *faults)
        else:
            rows.append(row)
    bad.refuse()
    return rows


def _lines(source: str) -> list[bytes]:
    try:
        if source.startswith(("http://", "https://")):
            return _fetch(source).split(b"\n")
        if not source or source.startswith(("postgresql://", "postgres://")) or _is_database(Path(source)):
            return _export(source).split(b"\n")
        return Path(source).read_bytes().split(b"\n")
    except urllib.error.HTTPError as error:
        why = f"the service answers {error.code}{f'; a key goes in {KEY}' if error.code in {401, 403} else ''}"
        raise CorpusError(f"cannot read corrections from {_display_name(source)}: {why}") from error
    except OSError as error:
        raise CorpusError(f"cannot read corrections from {_display_name(source)}: {error.strerror or error}") from error


def _fetch(address: str) -> bytes:
    key = os.environ.get(KEY)
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - http or https, as `_lines` sees to
        content: bytes = answer.read()
    return content


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _export(database: str) -> bytes:
    """Return what the service's own command exports of this ledger, or of the one that its settings name."""
    with tempfile.TemporaryDirectory(prefix="tagdesk-corrections-") as folder:
        path = Path(folder) / "corrections.jsonl"
        process = subprocess.run(  # noqa: S603 - this Python, our own module
            [sys.executable, "-m", "tagdesk", "ledger", "export", str(path)],
            # Not as an option: an address may have a password, and every user sees a process' command line.
            env=os.environ | ({LEDGER: database} if database else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            raise CorpusError(f"cannot read the ledger: {process.stderr.strip().removeprefix('tagdesk: ')}")
        return path.read_bytes()


def _display_name(source: str) -> str:
    """Return the name of a source for messages, without secrets that an address may have."""
    return (source.partition("?")[0].rpartition("@")[2] if "://" in source else source) or "the ledger"


def _row_faults(row: Mapping[str, Any]) -> list[str]:
    faults = []
    if not isinstance(row.get("id"), str | int) or isinstance(row.get("id"), bool) or not str(row["id"]).strip():
        faults.append("id: must be text, the article's id")
    caps = {"title": MAX_TITLE, "body": MAX_BODY, "editor": 1_000, "sender": 1_000, "model": 1_000, "date": 100}
    for name, cap in caps.items():
        value = row.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > cap):
            faults.append(f"{name}: must be text of at most {cap:,} characters, or null")
    if all(row.get(name) is None for name in _LISTS):
        faults.append("topics: missing (or accepted, rejected and added)")
    if not isinstance(row.get("unconfirmed"), dict | None):
        faults.append("unconfirmed: must be an object, or null")
    if not isinstance(row.get("complete", False), bool):
        faults.append("complete: must be true or false")
    for name in _LISTS:
        value = row.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            faults.append(f"{name}: must be a list of topics, or null")
    return faults

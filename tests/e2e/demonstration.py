"""A ledger of twelve weeks and a retraining on it, for pictures: all of it is really run, only the days are made up.

`tagdesk serve` answers with the shipped model. A script corrects our invented articles
(tests/data/articles.jsonl) over HTTP by our labels. These are of eight topics; what the model gives beyond them is not
judged. All corrections arrive within seconds, so their column `received`, and nothing else, is then spread over the
last twelve weeks. `tagdesk retrain` learns from that ledger, and `publish` asks the gate.
"""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tagdesk.service.ledger.database import timestamp
from tagdesk.service.ledger.drift import WEEKS
from tagdesk.training.promote import HELD_OR_REFUSED
from tests.processes import SERVE, environment
from tests.service.posting import address_line
from tests.waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
ARTICLES = ROOT / "tests" / "data" / "articles.jsonl"
EDITOR = "script"
NAME = "news-en"


@dataclass(frozen=True)
class Demonstration:
    """A running service with a ledger and a store of its own.

    Attributes:
        address: where it is.
        folder: holds `ledger.sqlite`, the store `models`, and the retraining's report.
    """

    address: str
    folder: Path

    def correct(self) -> None:
        """Correct every article over HTTP."""
        rows = [json.loads(line) for line in ARTICLES.read_text(encoding="utf-8").splitlines()]
        labelled = {topic for row in rows for topic in row["topics"]}
        with httpx.Client(base_url=self.address, timeout=PATIENCE) as client:
            for row in rows:
                article = {name: row[name] for name in ("id", "title", "body")}
                answer = client.post("/v1/tag", json=article).raise_for_status().json()
                verdicts = _verdicts([topic["id"] for topic in answer["topics"]], row["topics"], labelled)
                sent = {"article": article, "model": answer["model"], "editor": EDITOR} | verdicts
                client.post("/v1/feedback", json=sent).raise_for_status()

    def spread(self) -> None:
        """Spread the corrections evenly, in the order in which they came, from the first of the weeks until now."""
        now = datetime.now(UTC)
        monday = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=now.weekday())
        begin = monday - timedelta(weeks=WEEKS - 1)
        with closing(sqlite3.connect(self.folder / "ledger.sqlite")) as ledger, ledger:
            numbers = [number for (number,) in ledger.execute("SELECT number FROM tagdesk_corrections ORDER BY number")]
            step = (now - begin) / len(numbers)
            moments = [(timestamp(begin + place * step), number) for place, number in enumerate(numbers)]
            ledger.executemany("UPDATE tagdesk_corrections SET received = ? WHERE number = ?", moments)

    def retrain(self) -> str:
        """Make a candidate and ask the gate; return its version once the service answers as the gate decided."""
        self._train("retrain").check_returncode()
        (path,) = (self.folder / "models" / NAME).glob("*/changes.json")
        version = path.parent.name
        published = self._train("publish", version)
        if published.returncode != HELD_OR_REFUSED:
            published.check_returncode()
            self._wait_for(version)
        return version

    def _train(self, *command: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-m", "tagdesk", *command],
            cwd=self.folder,
            env=_environment(self.folder),
            check=False,
        )

    def _wait_for(self, version: str) -> None:
        ask = f"{self.address}/v1/model"
        eventually(lambda: httpx.get(ask, timeout=PATIENCE).raise_for_status().json()["version"] == version)


@contextmanager
def demonstration(folder: Path) -> Iterator[Demonstration]:
    """Start the service on the shipped model, as an operator does, with all it writes in a folder."""
    command = [*SERVE, "--port", "0", "--access-log", "false"]
    with subprocess.Popen(command, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            line = address_line(service)
            threading.Thread(target=service.stdout.read, daemon=True).start()  # else the log would fill the pipe
            yield Demonstration(line.split()[-1].rstrip("/"), folder)
        finally:
            service.terminate()
            service.wait(PATIENCE)


def _environment(folder: Path) -> dict[str, str]:
    """Return this environment without anything that would bring in another ledger, store or corpus."""
    ours = environment(
        PYTHONPATH=str(ROOT),
        TAGDESK_STORE=str(folder / "models"),
        TAGDESK_DATABASE_URL=str(folder / "ledger.sqlite"),
    )
    ours.pop("CORPUS_DIR", None)
    return ours


def _verdicts(suggested: list[str], labels: list[str], labelled: Set[str]) -> dict[str, list[str]]:
    """Return what an editor says who judges only topics that some article is labelled with."""
    return {
        "accepted": [topic for topic in suggested if topic in labels],
        "rejected": [topic for topic in suggested if topic in labelled and topic not in labels],
        "added": [topic for topic in labels if topic not in suggested],
    }

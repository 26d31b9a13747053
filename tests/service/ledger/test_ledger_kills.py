"""Two workers write the ledger and are killed: what was acknowledged is there, exactly once."""

import json
import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tagdesk.service.ledger.database import MIGRATIONS
from tagdesk.service.ledger.engines import open_database
from tests.processes import workers_of
from tests.service import posting


def test_every_acknowledged_correction_is_there_once(tiny_store: Path, ledger_url: str) -> None:
    """Four clients post 200 corrections to two workers, three of which are killed with SIGKILL on the way."""
    with posting.service(tiny_store, ledger_url, "--workers=2") as (address, parent):
        posted = posting.post_all(address, parent, 200, kills=3)
        assert posted.kills == 3
        posting.check(posted, posting.exported(address), 200)
        again = httpx.post(f"{address}/v1/feedback", json=posting.feedback(7))
        assert again.status_code == 202
        assert sum(posting.exported(address).values()) == 200
    if "://" not in ledger_url:
        connection = sqlite3.connect(ledger_url)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_all_processes_killed_at_once_lose_nothing(tiny_store: Path, ledger_url: str) -> None:
    """SIGKILL of everything right after an answer; the next service finds it."""
    with posting.service(tiny_store, ledger_url, "--workers=2") as (address, parent):
        received = httpx.post(f"{address}/v1/feedback", json=posting.feedback(1)).raise_for_status().json()
        for pid in [*workers_of(parent), parent]:
            os.kill(pid, signal.SIGKILL)
    with posting.service(tiny_store, ledger_url) as (address, _):
        (line,) = httpx.get(f"{address}/v1/feedback/export").text.splitlines()
    assert json.loads(line)["received"] == received["received"]


def test_many_may_open_a_new_ledger_at_once(ledger_url: str) -> None:
    """Workers that start together migrate once, and none fails."""

    def write(number: int) -> None:
        database = open_database(ledger_url)
        with database.transaction() as run:
            run("INSERT INTO tagdesk_upkeep (name, due) VALUES (?, ?)", str(number), "")
        database.close()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(12)))
    database = open_database(ledger_url)
    with database.transaction() as run:
        assert run("SELECT count(*) FROM tagdesk_upkeep") == [(12,)]
        numbers = [(number,) for number in range(1, len(list((MIGRATIONS / "sqlite").iterdir())) + 1)]
        assert run("SELECT number FROM tagdesk_migrations ORDER BY number") == numbers
    database.close()

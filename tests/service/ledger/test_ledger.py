"""`tagdesk ledger`: what is erased is gone, what is backed up comes back."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.command import main
from tagdesk.service.app import create_app
from tagdesk.service.ledger import sessions
from tagdesk.service.ledger.corrections import Correction, append, erase
from tagdesk.service.ledger.database import Run
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import Settings
from tests.tiny import REF

Serve = Callable[[ASGIApp], AbstractContextManager[str]]


def correction(number: int, article: str, editor: str, **changes: Any) -> dict[str, Any]:
    """Return the feedback with this number; its article has a word of its own, Zanzibar and the article's id."""
    sent = {"id": article, "title": f"Zanzibar{article}", "body": "Ministers signed a ceasefire."}
    return {"id": str(number), "article": sent, "topics": ["conflict"], "editor": editor, "model": REF} | changes


@pytest.fixture
def settings(tiny_settings: Settings, ledger_url: str) -> Settings:
    """Return settings with a ledger of the test's own."""
    return replace(tiny_settings, database_url=ledger_url)


@pytest.fixture
def filled(settings: Settings, serve: Serve) -> Settings:
    """Return settings with a ledger of four corrections, and one article that waits."""
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        for number, (article, editor) in enumerate((("a", "anna"), ("b", "ben"), ("a", "ben"), ("c", "anna"))):
            client.post("/v1/feedback", json=correction(number, article, editor)).raise_for_status()
        client.post("/v1/queue", json={"id": "w", "title": "Summit", "body": "Zanzibarw."}).raise_for_status()
    return settings


def ledger(*arguments: str, url: str) -> int:
    """Run the command on a ledger."""
    return main(["ledger", *arguments, "--database-url", url])


def exported(url: str, tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    """Return what the command exports."""
    assert ledger("export", str(tmp_path / "export.jsonl"), *options, url=url) == 0
    return [json.loads(line) for line in (tmp_path / "export.jsonl").read_text().splitlines()]


def everything(url: str) -> str:
    """Return all that the tables have, as text."""
    with closing(open_database(url)) as database, database.snapshot() as rows:
        return str([list(rows(f"SELECT * FROM {table}")) for table in ("tagdesk_corrections", "tagdesk_queue")])


def test_erases_an_article(filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its corrections leave a tombstone each: their number, id and days; sent again they stay erased."""
    assert ledger("erase", "--article", "a", url=filled.database_url) == 0
    assert "2 corrections are erased" in capsys.readouterr().out
    assert [row["feedback"] for row in exported(filled.database_url, tmp_path)] == ["1", "3"]
    assert "Zanzibara" not in everything(filled.database_url)
    with closing(open_database(filled.database_url)) as database, database.snapshot() as rows:
        days = list(rows("SELECT id, erased FROM tagdesk_corrections ORDER BY number"))
    assert [(feedback, bool(day)) for feedback, day in days] == [("0", True), ("1", False), ("2", True), ("3", False)]


def test_erased_feedback_stays_erased(filled: Settings, serve: Serve, tmp_path: Path) -> None:
    """A client that sends it once more is answered, and nothing is kept; new corrections of the article are."""
    assert ledger("erase", "--article", "a", url=filled.database_url) == 0
    with serve(create_app(filled)) as address, httpx.Client(base_url=address) as client:
        assert client.post("/v1/feedback", json=correction(0, "a", "anna")).status_code == 202
        assert client.post("/v1/feedback", json=correction(9, "a", "anna")).status_code == 202
    assert [row["feedback"] for row in exported(filled.database_url, tmp_path)] == ["1", "3", "9"]


def test_erases_an_editor(filled: Settings, tmp_path: Path) -> None:
    """All that an editor sent is gone, and the editor's name; an article's latest is then another's."""
    assert ledger("erase", "--editor", "ben", url=filled.database_url) == 0
    rows = exported(filled.database_url, tmp_path)
    assert [(row["id"], row["editor"], row["latest"]) for row in rows] == [("a", "anna", True), ("c", "anna", True)]
    assert "ben" not in everything(filled.database_url)


def test_erases_what_a_key_sent(ledger_url: str, tmp_path: Path) -> None:
    """Whatever editors it named; what other keys sent of the same article stays."""
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        for number, (editor, sender) in enumerate(
            (("anna", "stolen"), ("ben", "stolen"), ("anna", "cms"), (None, None))
        ):
            sent = Correction(str(number), "a", {}, [], None, None, None, editor, REF, sender)
            append(run, sent, keep_text=True)
    assert ledger("erase", "--key", "stolen", url=ledger_url) == 0
    rows = exported(ledger_url, tmp_path)
    assert [(row["feedback"], row["editor"], row["sender"]) for row in rows] == [
        ("2", "anna", "cms"),
        ("3", None, None),
    ]
    assert "stolen" not in everything(ledger_url)


def without_three_states(run: Run) -> None:
    """Take the third migration back."""
    for column in ("complete", "missing", "unconfirmed"):
        run(f"ALTER TABLE tagdesk_corrections DROP COLUMN {column}")
    run("DELETE FROM tagdesk_migrations WHERE number = 3")


TWO_STATES = [
    Correction(
        "0", "a", {"body": "War."}, ["conflict", "sport"], ["conflict"], ["weather"], ["sport"], "anna", REF, "desk"
    ),
    Correction("1", "b", {"body": "Rain."}, ["weather"], None, None, None, "anna", REF, "desk"),
    Correction("2", "c", {"body": "Talks."}, ["diplomacy"], ["diplomacy"], [], [], "anna", REF, "desk"),
    Correction("3", "d", {"body": "Gone."}, [], ["conflict"], ["weather"], [], "ben", REF, "desk"),
]
"""As a version stored them that knew right and wrong alone."""

THREE_STATES: list[dict[str, Any]] = [
    # nobody knows whether anybody looked at what was accepted and rejected, but what was added was added by somebody
    {
        "feedback": "0",
        "topics": ["sport"],
        "accepted": [],
        "rejected": [],
        "unconfirmed": {"accepted": ["conflict"], "rejected": ["weather"]},
        "complete": False,
    },
    {
        "feedback": "1",
        "topics": ["weather"],
        "accepted": None,
        "rejected": None,
        "unconfirmed": None,
        "complete": True,
    },
    {
        "feedback": "2",
        "topics": [],
        "accepted": [],
        "rejected": [],
        "unconfirmed": {"accepted": ["diplomacy"], "rejected": []},
        "complete": False,
    },
]


def verdicts(url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Return what the ledger has of verdicts."""
    return [{name: row[name] for name in THREE_STATES[0]} for row in exported(url, tmp_path)]


def test_verdicts_of_two_states_are_migrated(ledger_url: str, tmp_path: Path) -> None:
    """What was stored as rejected is kept apart, topics alone judged them all, and what is sent again is known."""
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        for correction in TWO_STATES:
            append(run, correction, keep_text=True)
        erase(run, "editor", "ben")
        without_three_states(run)
    assert verdicts(ledger_url, tmp_path) == THREE_STATES
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        assert all(append(run, correction, keep_text=True).repeated for correction in TWO_STATES)


def test_a_backup_of_two_states_is_restored_as_it_is_migrated(tmp_path: Path) -> None:
    """A ledger that comes back from an old backup has what one that stayed has."""
    old, backup, new = (str(tmp_path / name) for name in ("old.sqlite", "backup", "new.sqlite"))
    with closing(open_database(old)) as database, database.transaction() as run:
        for correction in TWO_STATES:
            append(run, correction, keep_text=True)
        erase(run, "editor", "ben")
    assert ledger("backup", backup, url=old) == 0
    header, *rows = map(json.loads, Path(backup).read_text().splitlines())
    rows = [row[:-3] if isinstance(row, list) else row for row in rows]
    Path(backup).write_text("".join(f"{json.dumps(line)}\n" for line in [header | {"tagdesk-ledger": 2}, *rows]))
    assert ledger("restore", backup, url=new) == 0
    assert verdicts(new, tmp_path) == THREE_STATES


def test_a_ledger_of_the_version_before_is_migrated(ledger_url: str, tmp_path: Path) -> None:
    """Its corrections have no sender, and what is sent again is known."""
    sent = Correction("f", "a", {"body": "War."}, [], None, None, None, "anna", REF, "cms")
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        append(run, sent, keep_text=True)
        run("DROP INDEX tagdesk_corrections_counted")
        run("DROP INDEX tagdesk_corrections_texts")
        run("DROP TABLE tagdesk_sessions")
        run("ALTER TABLE tagdesk_corrections DROP COLUMN sender")
        run("CREATE INDEX tagdesk_corrections_received ON tagdesk_corrections (received)")
        without_three_states(run)
        run("DELETE FROM tagdesk_migrations WHERE number = 2")
    assert [row["sender"] for row in exported(ledger_url, tmp_path)] == [None]
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        assert append(run, sent, keep_text=True).repeated


def test_restores_a_backup_of_the_version_before(tmp_path: Path) -> None:
    """Its corrections have no sender."""
    values = [1, "f", "digest", "2026-11-24T00:00:00.000Z", "a", "{}", "[]", None, None, None, "anna", REF, None]
    lines = [{"tagdesk-ledger": 1, "made": ""}, ["tagdesk_corrections", *values], {"rows": 1}]
    (tmp_path / "backup").write_text("".join(json.dumps(line) + "\n" for line in lines))
    url = str(tmp_path / "ledger.sqlite")
    assert ledger("restore", str(tmp_path / "backup"), url=url) == 0
    assert [(row["feedback"], row["sender"]) for row in exported(url, tmp_path)] == [("f", None)]


def test_sessions_are_in_no_backup(ledger_url: str, tmp_path: Path) -> None:
    """Whoever reads a backup cannot sign in with it."""
    with closing(open_database(ledger_url)) as database, database.transaction() as run:
        sessions.begin(run, "hash-of-a-token", "salt", datetime.now(UTC) + sessions.SESSION)
    assert ledger("backup", str(tmp_path / "backup"), url=ledger_url) == 0
    assert "hash-of-a-token" not in (tmp_path / "backup").read_text()


def test_erased_text_is_in_no_file(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """Of SQLite's files none has a word left, while the service runs on."""
    path = tmp_path / "folder" / "ledger.sqlite"
    with serve(create_app(replace(tiny_settings, database_url=str(path)))) as address:
        for number in range(30):
            article = "gone" if number % 2 else "kept"
            httpx.post(f"{address}/v1/feedback", json=correction(number, article, "anna")).raise_for_status()
        assert ledger("erase", "--article", "gone", url=str(path)) == 0
        contents = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Zanzibarkept" in contents
    assert b"Zanzibargone" not in contents


def test_exports_what_the_route_does(filled: Settings, serve: Serve, tmp_path: Path) -> None:
    """The command writes the route's lines to a file that others cannot read."""
    rows = exported(filled.database_url, tmp_path, "--latest")
    assert (tmp_path / "export.jsonl").stat().st_mode & 0o777 == 0o600
    with serve(create_app(filled)) as address:
        sent = httpx.get(f"{address}/v1/feedback/export?latest=true").text.splitlines()
    assert rows == [json.loads(line) for line in sent]
    assert [row["feedback"] for row in rows] == ["1", "2", "3"]


def test_backup_comes_back(filled: Settings, serve: Serve, tmp_path: Path) -> None:
    """Into an empty ledger of either kind; feedback that comes then is numbered on, and known ids stay known."""
    backup, new = tmp_path / "backup.jsonl", str(tmp_path / "new" / "ledger.sqlite")
    assert ledger("erase", "--article", "b", url=filled.database_url) == 0
    assert ledger("backup", str(backup), url=filled.database_url) == 0
    before = exported(filled.database_url, tmp_path)
    assert ledger("restore", str(backup), url=new) == 0
    assert exported(new, tmp_path) == before
    with serve(create_app(replace(filled, database_url=new))) as address, httpx.Client(base_url=address) as client:
        for number in (3, 4):
            client.post("/v1/feedback", json=correction(number, "c", "anna")).raise_for_status()
        assert client.get("/v1/queue/next").json()["article"]["id"] == "w"
    assert [row["feedback"] for row in exported(new, tmp_path)] == ["0", "2", "3", "4"]


def test_restores_from_a_file_to_a_server_and_back(
    filled: Settings, ledger_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A backup of SQLite is a backup of PostgreSQL, so a ledger can move."""
    if "://" in ledger_url:
        pytest.skip("the file is where it begins")
    other = request.getfixturevalue("postgres_server").new_database()
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert ledger("backup", str(first), url=filled.database_url) == 0
    assert ledger("restore", str(first), url=other) == 0
    assert ledger("backup", str(second), url=other) == 0
    assert first.read_text().splitlines()[1:] == second.read_text().splitlines()[1:]


def test_refuses_to_restore_over_a_ledger(filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is not overwritten."""
    assert ledger("backup", str(tmp_path / "b"), url=filled.database_url) == 0
    assert ledger("restore", str(tmp_path / "b"), url=filled.database_url) == 1
    assert "the ledger is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[: len(text) // 2], "is not a whole backup|is cut short"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "is cut short"),
        (lambda text: "\n".join([*text.splitlines()[:2], *text.splitlines()[3:]]), "has 4 rows and should have 5"),
        (lambda _: "{}", "is not a backup of a ledger"),
        (lambda _: "", "is not a backup of a ledger"),
        (lambda text: text.replace('"tagdesk-ledger": 3', '"tagdesk-ledger": 9'), "use a newer Tagdesk"),
    ],
)
def test_restores_all_or_nothing(
    in_file: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[str], str], why: str
) -> None:
    """A backup that is not whole is refused, and the ledger stays empty."""
    backup, new = tmp_path / "backup.jsonl", str(tmp_path / "new.sqlite")
    assert ledger("backup", str(backup), url=in_file.database_url) == 0
    backup.write_text(damage(backup.read_text()))
    assert ledger("restore", str(backup), url=new) == 1
    assert any(words in capsys.readouterr().err for words in why.split("|"))
    assert not Path(new).exists() or exported(new, tmp_path) == []


@pytest.fixture
def in_file(tmp_path: Path) -> Settings:
    """Return settings with an SQLite file of four corrections and an article that waits, as a backup left it."""
    settings = Settings(database_url=str(tmp_path / "in_file.sqlite"))
    values = ("digest", "2026-11-24T00:00:00.000Z", "a", "{}", "[]", "tiny@1")
    with closing(open_database(settings.database_url)) as database, database.transaction() as run:
        for number in range(4):
            run(
                "INSERT INTO tagdesk_corrections (id, digest, received, article_id, article, topics, model)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                str(number),
                *values,
            )
        run(
            "INSERT INTO tagdesk_queue (article_id, article, model, certainty, queued) VALUES (?, ?, ?, ?, ?)",
            *("w", "{}", "tiny@1", 0.1, values[1]),
        )
    return settings


@pytest.mark.parametrize("command", ["erase --editor anna", "export {}/e", "backup {}/b"])
def test_names_a_ledger_that_is_not_there(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is mistyped is no empty ledger."""
    path = tmp_path / "typo.sqlite"
    assert ledger(*command.format(tmp_path).split(), url=str(path)) == 1
    assert "there is no ledger at" in capsys.readouterr().err
    assert not path.exists()


def test_refuses_a_ledger_of_a_newer_version(
    filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is read or written that a newer Tagdesk may mean otherwise, and the service does not start."""
    with closing(open_database(filled.database_url)) as database, database.transaction() as run:
        run("INSERT INTO tagdesk_migrations (number, applied) VALUES (99, '')")
    assert ledger("export", str(tmp_path / "e"), url=filled.database_url) == 1
    assert main(["serve", "--model", filled.model, "--port", "0", "--database-url", filled.database_url]) == 1
    assert capsys.readouterr().err.count("the ledger has version 99") == 2


@pytest.mark.parametrize("content", [b"This is a text.\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_says_what_is_wrong_with_a_file(content: bytes, tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """A file that is no ledger is left alone; feedback is refused, and tagging goes on."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    article = {"id": "a", "body": "Ministers signed a ceasefire."}
    with serve(create_app(replace(tiny_settings, database_url=str(path)))) as address:
        answer = httpx.post(f"{address}/v1/feedback", json=correction(1, "a", "anna"))
        assert httpx.post(f"{address}/v1/tag", json=article).status_code == 200
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/ledger-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "The ledger cannot be used" in answer.json()["detail"]
    assert path.read_bytes() == content


def test_goes_on_when_the_lock_is_gone(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """Another program that writes the file is waited for."""
    path = tmp_path / "ledger.sqlite"
    with serve(create_app(replace(tiny_settings, database_url=str(path)))) as address:
        httpx.post(f"{address}/v1/feedback", json=correction(1, "a", "anna")).raise_for_status()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/v1/feedback", json=correction(2, "a", "anna"), timeout=0.3)
        other.execute("ROLLBACK")
        other.close()
        assert httpx.post(f"{address}/v1/feedback", json=correction(2, "a", "anna")).status_code == 202
        assert len(httpx.get(f"{address}/v1/feedback/export").text.splitlines()) == 2

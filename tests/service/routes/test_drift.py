"""What editors correct, by week, and whether the model knows the words."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.command import main
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.ledger import drift, drift_report
from tagdesk.service.ledger.drift_report import report, sparkline
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import Settings
from tests.tiny import REF, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

MONDAY = date(2026, 11, 23)


class Thursday(datetime):
    """A clock that stands still: no week ends while a test runs."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Thursday":
        return cls(2026, 11, 26, 12, tzinfo=tz)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (drift, drift_report):
        monkeypatch.setattr(module, "datetime", Thursday)


@pytest.fixture
def settings(tiny_settings: Settings, ledger_url: str) -> Settings:
    """Return settings with a ledger of the test's own, its tables made."""
    with closing(open_database(ledger_url)) as database, database.transaction():
        pass
    return replace(tiny_settings, database_url=ledger_url)


def keep(url: str, weeks_ago: int, **changes: Any) -> None:
    """Write a correction of some weeks ago, of when the week began."""
    begin = f"{MONDAY - timedelta(weeks=weeks_ago)}T00:00:00.000Z"
    row = {"article": {"body": "war troops"}, "topics": ["conflict"], "received": begin, "model": REF} | changes
    columns: dict[str, str | None] = {
        name: value if isinstance(value, str | None) else json.dumps(value) for name, value in row.items()
    }
    with closing(open_database(url)) as database, database.transaction() as run:
        ((number,),) = run("SELECT count(*) FROM tagdesk_corrections")
        columns = {"id": str(number), "article_id": f"a-{number}", **columns}
        places = ", ".join("?" for _ in columns)
        names = ", ".join(columns)
        run(f"INSERT INTO tagdesk_corrections ({names}) VALUES ({places})", *columns.values())


def drift_of(settings: Settings, serve: Serve, weeks: int) -> dict[str, Any]:
    """Ask a service of its own."""
    with serve(create_app(settings)) as address:
        found: dict[str, Any] = httpx.get(f"{address}/v1/drift", params={"weeks": weeks}).raise_for_status().json()
    return found


def of_topic(found: dict[str, Any], topic: str) -> dict[str, Any]:
    """Return what is said of a topic."""
    return next(one for one in found["topics"] if one["topic"] == topic)


def test_has_a_place_for_every_week_and_topic(settings: Settings, serve: Serve) -> None:
    """Of an empty ledger everything is nought or null; the weeks are Mondays, this one the last."""
    found = drift_of(settings, serve, 3)
    assert found == {
        "model": REF,
        "weeks": [str(MONDAY - timedelta(weeks=back)) for back in (2, 1, 0)],
        "corrections": [0, 0, 0],
        "unknown_words": [None] * 3,
        "topics": [
            {"topic": topic, "rate": [None] * 3, "acceptance": [None] * 3}
            for topic in ("conflict", "diplomacy", "weather")
        ],
        "new_words": [],
        "missing": [],
    }


def test_counts_by_week(settings: Settings, serve: Serve) -> None:
    """A week begins with its Monday; of an article the last correction in a week tells its topics."""
    url = settings.database_url
    keep(url, 3)
    keep(url, 2, article_id="a", topics=["weather"], accepted=["weather"], rejected=[])
    keep(url, 2, article_id="a", topics=["conflict"], accepted=[], rejected=["weather"])
    keep(url, 2, article_id="b", topics=["conflict", "diplomacy"])
    keep(url, 1, received=f"{MONDAY - timedelta(days=1)}T23:59:59.999Z", topics=[])
    keep(url, 0, accepted=["conflict"], erased="2026-11-24")
    found = drift_of(settings, serve, 3)
    assert found["corrections"] == [3, 1, 0]
    assert of_topic(found, "conflict") == {"topic": "conflict", "rate": [1, 0, None], "acceptance": [None] * 3}
    assert of_topic(found, "diplomacy")["rate"] == [0.5, 0, None]
    assert of_topic(found, "weather") == {"topic": "weather", "rate": [0, 0, None], "acceptance": [0.5, None, None]}


def test_counts_the_topics_that_editors_miss(settings: Settings, serve: Serve) -> None:
    """By article, whatever the case of the name; most first."""
    url = settings.database_url
    keep(url, 1, article_id="a", missing=["Fishing"])
    keep(url, 0, article_id="b", missing=["fishing", "Chess"])
    keep(url, 0, article_id="c", missing=["Fishing"])
    assert drift_of(settings, serve, 3)["missing"] == [
        {"name": "Fishing", "articles": 3},
        {"name": "Chess", "articles": 1},
    ]


def test_measures_unknown_words_where_there_is_text(settings: Settings, serve: Serve) -> None:
    """The mean over the articles, HTML among them; null where no text was kept."""
    keep(settings.database_url, 2, article={"title": "war", "body": "zebra"})
    keep(settings.database_url, 2, article={"body_html": "<p>war</p>"})
    keep(settings.database_url, 1, article=None)
    assert drift_of(settings, serve, 3)["unknown_words"] == [0.25, None, None]


def test_finds_new_words(settings: Settings, serve: Serve) -> None:
    """A word is new that several of this week's articles have, the model does not know, and no week before had."""
    keep(settings.database_url, 1, article={"body": "war zebra"})
    for body in ("war Zelda quokka zebra 2026", "war Zelda quokka zebra 2026", "Zelda single", "heavy rain"):
        keep(settings.database_url, 0, article={"body": body})
    keep(settings.database_url, 0, topics=["weather"], article={"body": "Zelda"})
    assert drift_of(settings, serve, 2)["new_words"] == [
        {"topic": "conflict", "words": [{"word": "zelda", "articles": 3}, {"word": "quokka", "articles": 2}]}
    ]


def test_reads_no_more_of_a_week_than_it_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest count, however many there are; how many there are is counted all the same."""
    monkeypatch.setattr(drift, "TEXTS", 2)
    monkeypatch.setattr(drift, "CORRECTIONS", 3)
    for number, (topic, body) in enumerate([("weather", "zebra"), ("weather", "zebra"), *[("conflict", "war")] * 2]):
        keep(settings.database_url, 0, topics=[topic], article={"body": body}, received=f"{MONDAY}T1{number}")
    with closing(open_database(settings.database_url)) as database, database.snapshot() as rows:
        found = drift.compute(rows, tiny_model(), 1, MONDAY)
    assert found["corrections"] == [4]
    assert found["unknown_words"] == [0]
    assert of_topic(found, "weather")["rate"] == [0.3333]


def test_answers_the_same_for_a_moment(settings: Settings, serve: Serve) -> None:
    """It is kept: pages that are loaded again and again cost nothing; another number of weeks is another question."""
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        before = client.get("/v1/drift?weeks=2").content
        keep(settings.database_url, 0)
        assert client.get("/v1/drift?weeks=2").content == before
        assert client.get("/v1/drift?weeks=1").json()["corrections"] == [1]
        assert len(client.get("/v1/drift").json()["weeks"]) == 12


@pytest.mark.parametrize("weeks", ["0", "53", "x"])
def test_refuses_other_numbers_of_weeks(client: httpx.Client, weeks: str) -> None:
    """As any parameter that is wrong."""
    answer = client.get("/v1/drift", params={"weeks": weeks})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-parameter")


def test_needs_the_scope_feedback(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """New words are words of articles: a key that tags alone does not see them."""
    keys = [new_key(scope, [scope], "2026-11-24") for scope in ("tag", "feedback")]
    file = tmp_path / "keys.json"
    file.write_bytes(keys_json(key for key, _ in keys))
    file.chmod(0o600)
    with serve(create_app(replace(tiny_settings, keys_file=str(file)))) as address:
        found = [httpx.get(f"{address}/v1/drift", headers={"X-API-Key": token}).status_code for _, token in keys]
    assert found == [403, 200]


def test_prints_a_report(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says the same in text, for a terminal or a mail."""
    for weeks_ago, accepted, rejected in ((2, ["conflict"], []), (1, ["conflict"], []), (0, [], ["conflict"])):
        keep(settings.database_url, weeks_ago, accepted=accepted, rejected=rejected, article={"body": "war zebra"})
    keep(settings.database_url, 0, article={"body": "war quokka"}, missing=["Fishing"])
    keep(settings.database_url, 0, article={"body": "war quokka"})
    options = ["--weeks", "4", "--database-url", settings.database_url, "--model", settings.model]
    assert main(["drift", *options]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Drift of {REF}, 4 weeks")
    assert f"{MONDAY}            3  {'█' * 30}         50.0 %" in text
    assert "conflict  ·██▁         100 % → 0 %    ·███         100 % → 100 %" in text
    assert "  conflict: quokka 2\n" in text
    assert "Topics that editors miss, and in how many articles: Fishing 1\n" in text
    assert "weather" not in text


def test_reports_of_no_ledger(tiny_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first correction there is nothing to say, and no file is made; a wrong number is said so."""
    options = ["drift", "--database-url", str(tmp_path / "none.sqlite"), "--model", tiny_settings.model]
    assert main(options) == 0
    assert "nothing was corrected" in capsys.readouterr().out
    assert not (tmp_path / "none.sqlite").exists()
    assert main([*options, "--weeks", "99"]) == 2


def test_draws_shares_as_bars() -> None:
    """The highest is a full block, nought the lowest, and what is not known a dot."""
    assert sparkline([0, 0.25, None, 0.5], 0.5) == "▁▅·█"
    assert sparkline([0, 0], 0) == "▁▁"
    empty = {"model": REF, "weeks": [str(date.min)], "corrections": [0], "unknown_words": [None], "topics": []}
    assert "No topic was corrected" in report(empty | {"new_words": [], "missing": []})

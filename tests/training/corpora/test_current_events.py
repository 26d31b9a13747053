import gzip
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tagdesk.training.corpora import never_train
from tagdesk.training.corpora.current_events import Event, events, fetch_current_events, label_of
from tagdesk.training.corpora.fetch import FetchReport, Manners
from tagdesk.training.errors import FetchError

DAY = """{{Current events|year=2014|month=01|day=1|content=
<!-- All news items below this line -->
;'''Armed conflicts and attacks'''
*[[Syrian Civil War]]
**The [[United Nations|UN]] says that a hundred people died. [https://x.org/a (''Al Jazeera'')]
'''Law and crime'''
*A court in [[Rome]] frees a man after thirty years. (Reuters)
<!-- All news items above this line -->}}"""


class Api:
    """A MediaWiki API with day pages; scripted answers come first."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.url = ""
        self.pages: dict[str, str] = {"Portal:Current events/2014 January 1": DAY}
        self.script: list[tuple[dict[str, str], Any]] = []
        self.split = False
        self.asked: list[dict[str, str]] = []
        self.waits: list[float] = []

    def answer(self, query: dict[str, str]) -> tuple[dict[str, str], Any]:
        self.asked.append(query)
        if self.script:
            return self.script.pop(0)
        titles = query["titles"].split("|")
        if self.split and "rvcontinue" not in query:
            return {}, {
                "continue": {"rvcontinue": "2"},
                "query": {"pages": [{"title": title} for title in titles]},
            }
        return {}, {"query": {"pages": [self.page(title) for title in titles]}}

    def page(self, title: str) -> dict[str, Any]:
        if title not in self.pages:
            return {"title": title, "missing": True}
        return {"title": title, "revisions": [{"slots": {"main": {"content": self.pages[title]}}}]}

    def fetch(self, first: date = date(2014, 1, 1), last: date = date(2014, 1, 1)) -> FetchReport:
        manners = Manners(sleep=self.waits.append)
        return fetch_current_events(self.out, first=first, last=last, api_url=self.url, manners=manners)

    def rows(self, first: date = date(2014, 1, 1), last: date = date(2014, 1, 1)) -> list[dict[str, Any]]:
        lines = gzip.decompress(self.fetch(first, last).path.read_bytes()).decode().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            headers, answer = api.answer(query)
            body = json.dumps(answer).encode()
            self.send_response(200)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}/w/api.php"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


def texts(wikitext: str) -> list[str]:
    return [event.text for event in events(wikitext)]


def test_events_become_rows(api: Api) -> None:
    """Each event becomes a row under its heading, with the story it stands under."""
    url = "https://en.wikipedia.org/wiki/Portal:Current_events/2014_January_1"
    assert api.rows() == [
        {
            "id": "wpce-2014-01-01-01",
            "title": "",
            "body": "The UN says that a hundred people died.",
            "date": "2014-01-01",
            "labels": ["Armed conflicts and attacks"],
            "label_prob": 1.0,
            "url": url,
            "story": "Syrian Civil War",
        },
        {
            "id": "wpce-2014-01-01-02",
            "title": "",
            "body": "A court in Rome frees a man after thirty years.",
            "date": "2014-01-01",
            "labels": ["Law and crime"],
            "label_prob": 1.0,
            "url": url,
            "story": "",
        },
    ]


def test_month_is_one_polite_request(api: Api) -> None:
    """A month is asked for in one request, with maxlag."""
    api.fetch(date(2014, 1, 1), date(2014, 1, 31))
    assert len(api.asked) == 1
    assert len(api.asked[0]["titles"].split("|")) == 31
    assert api.asked[0]["maxlag"] == "5"


def test_fetched_days_are_not_fetched_again(api: Api) -> None:
    """Days that are in the cache are not asked for again, missing ones are."""
    api.fetch(date(2014, 1, 1), date(2014, 1, 2))
    api.fetch(date(2014, 1, 1), date(2014, 1, 3))
    assert [query["titles"].count("|") for query in api.asked] == [1, 0]


def test_broken_run_keeps_what_it_fetched(api: Api) -> None:
    """When a later month fails, the earlier ones are in the cache."""
    api.script = [
        api.answer({"titles": "Portal:Current events/2014 January 1"}),
        ({}, {"error": {"code": "no"}}),
    ]
    with pytest.raises(FetchError):
        api.fetch(date(2014, 1, 31), date(2014, 2, 1))
    assert [path.name for path in (api.out / "current-events-pages").iterdir()] == ["2014-01.json"]


def test_lagging_wiki_is_asked_again(api: Api) -> None:
    """A maxlag error is waited out as Retry-After says."""
    api.script = [({"Retry-After": "5"}, {"error": {"code": "maxlag", "info": "Waiting for db1"}})]
    assert len(api.rows()) == 2
    assert api.waits == [5.0]


def test_error_of_the_api_is_told(api: Api) -> None:
    """Any other error of the API is told at once."""
    api.script = [({}, {"error": {"code": "badvalue", "info": "Unrecognized value"}})]
    with pytest.raises(FetchError, match="badvalue: Unrecognized value"):
        api.fetch()


def test_answer_of_unknown_shape(api: Api) -> None:
    """An answer that is not MediaWiki's is a clear error."""
    api.script = [({}, {"hello": "world"})]
    with pytest.raises(FetchError, match="is it a MediaWiki API"):
        api.fetch()


def test_answer_in_parts(api: Api) -> None:
    """An answer that comes in parts is put together."""
    api.split = True
    assert len(api.rows()) == 2


def test_damaged_cache_is_named(api: Api) -> None:
    """A damaged file of the cache is named, to be deleted."""
    (api.out / "current-events-pages").mkdir()
    (api.out / "current-events-pages" / "2014-01.json").write_text("{")
    with pytest.raises(FetchError, match=r"2014-01\.json is damaged"):
        api.fetch()


def test_late_days_are_neither_fetched_nor_written(api: Api) -> None:
    """Days after the last training day are neither asked for nor written."""
    api.pages = {f"Portal:Current events/2025 September {day}": DAY for day in (12, 13, 14)}
    rows = api.rows(date(2025, 9, 12), date(2025, 9, 30))
    assert {row["date"] for row in rows} == {"2025-09-12", "2025-09-13"}
    assert "September 14" not in api.asked[0]["titles"]


def test_never_train_ids_are_left_out(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A listed event is left out and counted; the others keep their numbers."""
    (tmp_path / "list.txt").write_text("wpce-2014-01-01-01\n")
    monkeypatch.setattr(never_train, "_LIST", tmp_path / "list.txt")
    never_train.never_train_ids.cache_clear()
    report = api.fetch()
    never_train.never_train_ids.cache_clear()
    assert (report.articles, report.skipped) == (1, {"never train": 1})


def test_what_is_left_out_is_counted(api: Api) -> None:
    """Events under unknown headings or none, fragments and missing days are counted; numbers stay."""
    api.pages["Portal:Current events/2014 January 1"] = (
        "* This event stands under no heading at all.\n"
        "'''Gossip'''\n* Somebody was seen with somebody else.\n"
        "'''Sport'''\n* Too short.\n* [[2014 Cup]]\n* In cricket, England beat Australia by ten runs.\n"
    )
    report = api.fetch(last=date(2014, 1, 2))
    assert report.skipped == {"no heading": 1, "heading: Gossip": 1, "short": 2, "no page for the day": 1}
    assert json.loads(gzip.decompress(report.path.read_bytes()))["id"] == "wpce-2014-01-01-05"


def test_same_pages_same_bytes(api: Api) -> None:
    """The same pages give the same corpus, byte for byte, fetched or from the cache."""
    assert api.fetch().sha256 == api.fetch().sha256


def test_source_is_recorded(api: Api) -> None:
    """The source file records where the corpus came from."""
    report = api.fetch()
    source = json.loads((api.out / "current-events.source.json").read_text())
    assert (source["source"], source["date"], source["sha256"]) == (api.url, "2014-01-01", report.sha256)


@pytest.mark.parametrize(
    "line",
    [
        ";'''Law and crime'''",
        "'''Law and crime'''",
        "; Law and crime",
        "== Law and crime ==",
        "'''[[Law]] and crime''':",
        ";'''Law and crime''' <!-- here -->",
    ],
)
def test_shapes_of_headings(line: str) -> None:
    """Headings are known in every shape they had over the years."""
    assert [event.heading for event in events(f"{line}\n* A man is freed.")] == ["Law and crime"]


@pytest.mark.parametrize(
    ("heading", "label"),
    [
        ("Attacks and armed conflicts", "Armed conflicts and attacks"),
        ("Business and economics", "Business and economy"),
        ("Sport", "Sports"),
        ("Arts & culture", "Arts and culture"),
        ("health and  medicine", "Health"),
        ("Gossip", None),
    ],
)
def test_names_of_headings(heading: str, label: str | None) -> None:
    """Headings of all years come down to one set of labels."""
    assert label_of(heading) == label


@pytest.mark.parametrize(
    ("bullet", "text"),
    [
        ("A bomb kills two. [https://x.org (BBC)]", "A bomb kills two."),
        ("A bomb kills two. [https://x.org (''BBC'')], [http://y.org (AP via ''FMT'')]", "A bomb kills two."),
        ("A bomb kills two. ([https://x.org BBC], [https://y.org CNN])", "A bomb kills two."),
        ("A bomb kills two. [https://x.org BBC News]", "A bomb kills two."),
        ("A bomb kills two. (Reuters) (France 24 (English))", "A bomb kills two."),
        ("A bomb kills two (and a dog) in [[Bar]] [//x.org (BBC)]", "A bomb kills two (and a dog) in Bar"),
        (
            "Gunmen [http://x.org attack a base] in Iraq. [http://y.org (BBC)]",
            "Gunmen attack a base in Iraq.",
        ),
        ("Rain falls in Spain. [http://y.org (BBC)]}}", "Rain falls in Spain."),
        ("A quake {{convert|5|km|mi}} off.<ref>{{cite|x}}</ref>", "A quake 5 km off."),
    ],
)
def test_sources_are_taken_off(bullet: str, text: str) -> None:
    """An event's text is its sentence, without the sources after it."""
    assert texts(f"* {bullet}") == [text]


def test_stories() -> None:
    """A bullet of links, or of words without a sentence, names the story of those below it."""
    page = (
        "'''Sports'''\n*[[Cup]], [[Final]]\n**[[Match]]:\n***One wins.\n**Two wins.\n*Three wins.\n"
        "*Protests in X\n**Four wins.\n*Five wins. [http://x (BBC)]\n**Six too."
    )
    assert list(events(page)) == [
        Event(1, "Sports", "One wins.", "Match"),
        Event(2, "Sports", "Two wins.", "Cup, Final"),
        Event(3, "Sports", "Three wins.", ""),
        Event(4, "Sports", "Four wins.", "Protests in X"),
        Event(5, "Sports", "Five wins.", ""),
        Event(6, "Sports", "Six too.", ""),
    ]


def test_newer_layout_of_pages() -> None:
    """Pages between a top and a bottom template are read like those inside one."""
    page = "{{Current events|day=2|top=yes}}\n'''Sports'''\n*One wins.\n{{Current events|day=2|bottom=yes}}"
    assert texts(page) == ["One wins."]

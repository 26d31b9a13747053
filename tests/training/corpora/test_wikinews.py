import bz2
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from tagdesk.training.corpora.fetch import FetchReport, Manners
from tagdesk.training.corpora.never_train import never_train_ids
from tagdesk.training.corpora.wikinews import article_id, fetch_wikinews, plain_text, read_pages
from tagdesk.training.errors import FetchError

SENTENCE = "A court in the capital decided on Thursday that the bridge must stay open until the spring. "
TEXT = f"""{{{{Crime and law}}}}{{{{date|July 3, 2008}}}}
[[File:Court.jpg|thumb|The [[court]] house. {{{{image source|x}}}}]]
'''{{{{w|Paris}}}}''', [[France]] &mdash; {SENTENCE}<ref>{{{{cite|a}}}}</ref>

{SENTENCE}

== Reaction ==
{SENTENCE}
{{{{haveyoursay}}}}
== Sources ==
* {{{{source|url=http://x.org|title=Court decides}}}}
[[de:Gericht]]
{{{{publish}}}}
[[Category:Crime and law]]
[[Category:france]]
[[Category:July 3, 2008]]
[[Category:Published]]
"""


def page(title: str = "Court decides", text: str = TEXT, *, ns: int = 0, redirect: str = "") -> str:
    return (
        f"<page><title>{escape(title)}</title><ns>{ns}</ns><id>1</id>{redirect}"
        f'<revision><id>2</id><text xml:space="preserve">{escape(text)}</text></revision></page>'
    )


def dump_of(*pages: str, prolog: str = "") -> bytes:
    root = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">'
    return bz2.compress(f"{prolog}{root}<siteinfo/>{''.join(pages)}</mediawiki>".encode())


class Dumps:
    """A dumps site with one dump, and the folder it is fetched into."""

    def __init__(self, root: Path, url: str, out: Path) -> None:
        self.folder = root / "20260101"
        self.folder.mkdir()
        self.url = url
        self.out = out

    def put(self, dump: bytes, sha1: str | None = None) -> None:
        name = "enwikinews-20260101-pages-articles.xml.bz2"
        (self.folder / name).write_bytes(dump)
        sums = f"{'0' * 40}  other.gz\n{sha1 or hashlib.sha1(dump).hexdigest()}  {name}\n"
        (self.folder / "enwikinews-20260101-sha1sums.txt").write_text(sums)

    def fetch(self, *labels: str, dump_date: str = "20260101") -> FetchReport:
        quick = Manners(sleep=lambda wait: None)
        return fetch_wikinews(self.out, labels, dump_date=dump_date, base_url=self.url, manners=quick)

    def rows(self, *pages: str, labels: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        self.put(dump_of(page("First of all"), *pages))
        lines = gzip.decompress(self.fetch(*labels).path.read_bytes()).decode().splitlines()
        return [json.loads(line) for line in lines][1:]


@pytest.fixture
def dumps(tmp_path: Path) -> Iterator[Dumps]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    root = tmp_path / "site"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Dumps(root, f"http://127.0.0.1:{server.server_port}", tmp_path / "out")
    server.shutdown()
    server.server_close()
    thread.join()


def test_article_becomes_a_row(dumps: Dumps) -> None:
    """A published article becomes a row of clean text, its categories split into labels and others."""
    said = SENTENCE.strip()
    assert dumps.rows(page("Court: 'bridge' stays"), labels=("Crime and law", "Sports")) == [
        {
            "id": "wn-Court_bridge_stays",
            "title": "Court: 'bridge' stays",
            "body": f"Paris, France — {said}\n\n{said}\n\n{said}",
            "date": "2008-07-03",
            "labels": ["Crime and law"],
            "categories": ["France"],
            "partial": False,
            "url": "https://en.wikinews.org/wiki/Court%3A_%27bridge%27_stays",
        }
    ]


@pytest.mark.parametrize(
    ("reason", "left_out"),
    [
        (
            "redirect",
            page("Old", "#REDIRECT [[Court decides]]", redirect='<redirect title="Court decides"/>'),
        ),
        ("redirect", page("Old", "#redirect [[Court decides]]" + TEXT)),
        ("not an article", page("Talk:Court decides", ns=1)),
        (
            "not published",
            page("Draft", TEXT.replace("{{publish}}", "{{develop}}").replace("Published", "X")),
        ),
        ("short", page("Stub", "Soon.{{publish}}")),
        ("same id", page("First: of all")),
        ("never train", page(min(i for i in never_train_ids() if i.startswith("wn-"))[3:].replace("_", " "))),
    ],
)
def test_pages_left_out_are_counted(dumps: Dumps, reason: str, left_out: str) -> None:
    """Redirects, talk pages, drafts, stubs, doubles and never-train ids are left out and counted."""
    assert dumps.rows(left_out) == []
    assert dumps.fetch().skipped == {reason: 1}


@pytest.mark.parametrize("template", ["{{publish}}", "{{Archived}}", "[[Category:Published]]"])
def test_marks_of_publication(dumps: Dumps, template: str) -> None:
    """An article is published by any of the marks that Wikinews used over the years."""
    text = TEXT.replace("{{publish}}", "").replace("[[Category:Published]]", "")
    assert len(dumps.rows(page("Second", text + template))) == 1


@pytest.mark.parametrize(
    ("mark", "day"),
    [
        ("{{date|July 3, 2008}}", "2008-07-03"),
        ("{{Date|3 July 2008}}", "2008-07-03"),
        ("{{byline|date=[[July 3]], [[2008]]|location=Paris}}", "2008-07-03"),
        ("{{date|2008-07-03}}", "2008-07-03"),
        ("[[Category:July 3, 2008]]", "2008-07-03"),
        ("{{date|soon}}", None),
    ],
)
def test_date(dumps: Dumps, mark: str, day: str | None) -> None:
    """The date comes from the date template or, failing that, from the date category."""
    text = TEXT.replace("{{date|July 3, 2008}}", mark).replace("[[Category:July 3, 2008]]", "")
    text = text if mark.startswith("{") else text + mark
    assert [row["date"] for row in dumps.rows(page("Second", text))] == [day]


@pytest.mark.parametrize(
    ("title", "id"),
    [
        ("Celebrations for the time 01:02:03, 04/05/06", "wn-Celebrations_for_the_time_01_02_03_04_05_06"),
        ('Swedish couple names baby boy "Google"', "wn-Swedish_couple_names_baby_boy_Google_"),
        ("Amélie Mauresmo wins Australian Open", "wn-Am_lie_Mauresmo_wins_Australian_Open"),
        (
            "Abducted four-year-old Missouri girl found alive, person of interest shoots himself",
            "wn-Abducted_four_year_old_Missouri_girl_found_alive_person_of_interest_shoots_himse",
        ),
    ],
)
def test_ids(title: str, id: str) -> None:
    """Ids are titles in A-Z, a-z, 0-9 and single underscores, 80 characters at most."""
    assert article_id(title) == id


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("The [[w:Bank of England|Bank]] and [[France]]", "The Bank and France"),
        ("[[w:George Bush]] spoke", "George Bush spoke"),
        ("a [[File:x.jpg|thumb|A [[cat]] on [http://x a mat]]] b", "a  b"),
        ("a [[Image:x]][[Category:Y|*]][[de:Z]] b", "a  b"),
        ("{{w|Title}}, {{w|Title|shown|lang=fr}}, {{w|Title|}}", "Title, shown, Title"),
        ("{{quote|We {{w|like}} [[it]].|Someone}}", "We like it."),
        ("{{QuoteRight|text=We like it.}}", "We like it."),
        ("{{convert|12|km|mi}} off", "12 km off"),
        ("a<ref name=x>b</ref> c<ref name=x/>, d<!-- e -->", "a c, d"),
        ("a {{infobox|b={{c|d}}}} e", "a  e"),
        ("{| class=x\n! a\n|-\n| b\n|}\nc", "\nc"),
        ("'''bold''' ''slanted'' <b>c</b> R&amp;D&nbsp;d", "bold slanted c R&D d"),
        ("[http://x.org the words] stay", "the words stay"),
        ("a<gallery>\nx.jpg|y\n</gallery>b<DynamicPageList>z</DynamicPageList>", "ab"),
        ("[[broken {{text", "[[broken {{text"),
    ],
)
def test_plain_text(wikitext: str, text: str) -> None:
    """Wikitext becomes what a reader sees in the running text."""
    assert plain_text(wikitext) == text


@pytest.mark.parametrize("heading", ["== Sources ==", "==Related news==", "=== '''External links''' ==="])
def test_sections_after_the_text_are_dropped(dumps: Dumps, heading: str) -> None:
    """Sources and the like are dropped, a section after them is not."""
    end = "* a list\n==== part ====\nmore\n== Correction =="
    text = f"{{{{publish}}}}{SENTENCE * 2}\n{heading}\n{end}\nIt was Friday."
    assert dumps.rows(page("Second", text))[0]["body"].split("\n\n")[1:] == ["It was Friday."]


def test_same_dump_same_bytes(dumps: Dumps, tmp_path: Path) -> None:
    """The same dump gives the same corpus, byte for byte, and the report tells its checksum."""
    dumps.put(dump_of(page()))
    first = dumps.fetch("Sports", "Crime and law")
    before = first.path.read_bytes()
    dumps.out = tmp_path / "again"
    assert dumps.fetch("Crime and law", "Sports").path.read_bytes() == before
    assert first.sha256 == hashlib.sha256(before).hexdigest()


def test_source_is_recorded(dumps: Dumps) -> None:
    """The source file records where the corpus came from."""
    dumps.put(dump_of(page()))
    report = dumps.fetch()
    source = json.loads((dumps.out / "wikinews.source.json").read_text())
    assert (source["date"], source["articles"], source["sha256"]) == ("20260101", 1, report.sha256)
    assert source["source"].startswith(dumps.url)


def test_wrong_checksum(dumps: Dumps) -> None:
    """A dump with the wrong checksum is removed and no corpus is written."""
    dumps.put(dump_of(page()), sha1="0" * 40)
    with pytest.raises(FetchError, match="was removed"):
        dumps.fetch()
    assert list(dumps.out.iterdir()) == []


def test_dump_that_is_gone(dumps: Dumps) -> None:
    """When the pinned dump is gone the error names those that are there."""
    with pytest.raises(FetchError, match=r"404.*Dumps available now: 20260101"):
        dumps.fetch(dump_date="20200101")


def test_dump_without_checksum(dumps: Dumps) -> None:
    """A dump that is not in the list of checksums is not taken."""
    (dumps.folder / "enwikinews-20260101-sha1sums.txt").write_text("")
    with pytest.raises(FetchError, match="list of checksums"):
        dumps.fetch()


def test_truncated_dump(tmp_path: Path) -> None:
    """A truncated dump is a clear error."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(dump_of(page())[:-20])
    with pytest.raises(FetchError, match="truncated or damaged"):
        list(read_pages(path))


def test_cut_off_xml(tmp_path: Path) -> None:
    """XML that ends in the middle is a clear error."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(bz2.compress(b"<mediawiki><page>"))
    with pytest.raises(FetchError, match="truncated or damaged"):
        list(read_pages(path))


def test_dtd_is_refused(tmp_path: Path) -> None:
    """A dump with a DTD, and so with entities of its own, is refused."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(dump_of(page(), prolog='<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'))
    with pytest.raises(FetchError, match="DTD"):
        list(read_pages(path))


def test_pages_come_while_reading(tmp_path: Path) -> None:
    """Pages are handed over while the dump is read, not at its end."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(bz2.compress(f"<mediawiki>{page() * 200}</mediawiki>broken".encode()))
    pages = read_pages(path)
    assert next(pages).title == "Court decides"
    with pytest.raises(FetchError):
        list(pages)

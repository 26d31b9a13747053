"""Make the Wikinews corpus from the public dump: published articles as clean text with their categories."""

import bz2
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import wikitextparser as wtp

from tagdesk.progress import Progress
from tagdesk.training.corpora.fetch import MANNERS, FetchReport, Manners, NotThereError, Web, write_rows, write_source
from tagdesk.training.corpora.never_train import may_train
from tagdesk.training.errors import FetchError

DUMP_DATE = "20260801"
"""The default dump. Wikimedia keeps only the newest few; when this one is gone, the error names those."""
BASE_URL = "https://dumps.wikimedia.org/enwikinews"
LICENCE = "CC BY 2.5 (public domain before 25 September 2005, CC BY 4.0 from 16 December 2024); Wikinews authors"

_PAGE_URL = "https://en.wikinews.org/wiki/"
_SHORTEST = 150  # characters of body; a shorter page is a picture, a sound or a stub
_CHUNK = 1 << 16

_PUBLISHED = frozenset({"publish", "published", "archive", "archived"})
_UNDATED = frozenset({"Published", "Archived", "No publish"})
_TAIL_SECTION = re.compile(
    r"sources?|references?|external links?|related (news|stories|articles)|see also|further reading"
    r"|(foot)?notes|bibliography|sister (links|projects)|have your say",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^(={1,6})\s*(.+?)\s*\1\s*$")
_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(ref|gallery|timeline|math|imagemap|dynamicpagelist|references|inputbox|score|style)\b"
    r"(?:[^<>]*/>|[^<>]*>.*?(?:</\1\s*>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MAGIC_WORD = re.compile(r"__[A-Z]+__")
_DROPPED_LINK = re.compile(r"\s*(?:(?i:category|file|image|media)|[a-z]{2,3}|simple|zh-[a-z-]+)\s*:")
_LINK_ENDS = re.compile(r"(\[\[|\]\](?!\](?!\])))")  # of "]]]" the last two close the link
_HIDDEN_PREFIX = re.compile(r"\s*(?:w|wikipedia|s|wikt|b|q|commons)?\s*:", re.IGNORECASE)
_LAST_ARGUMENT = frozenset({"w", "lang", "audio"})
_FIRST_ARGUMENT = frozenset(
    {"quote", "cquote", "bquote", "blockquote", "quoteright", "quoteleft", "pullquote", "nowrap", "nobr"}
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_FIRST = re.compile(r"\b([A-Z][a-z]{2,8})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+((?:19|20)\d\d)\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\s+([A-Z][a-z]{2,8})\.?,?\s+((?:19|20)\d\d)\b")
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b")


@dataclass(frozen=True)
class Page:
    """A page of the dump: its title, namespace number, whether it redirects, and its wikitext."""

    title: str
    namespace: str
    redirect: bool
    text: str


def fetch_wikinews(
    out: Path,
    known_labels: Collection[str],
    *,
    dump_date: str = DUMP_DATE,
    base_url: str = BASE_URL,
    manners: Manners = MANNERS,
) -> FetchReport:
    """Download the dump of `dump_date` into `out` and write `<out>/wikinews.jsonl.gz` and its source.json.

    A page's categories in `known_labels` become `labels`, the others `categories`.

    Raises:
        FetchError: the dump cannot be fetched or read.
    """
    name = f"enwikinews-{dump_date}-pages-articles.xml.bz2"
    url = f"{base_url}/{dump_date}/{name}"
    with Web(manners) as web:
        try:
            sums = web.text(f"{base_url}/{dump_date}/enwikinews-{dump_date}-sha1sums.txt")
            dump = web.download(url, out / name, sha1=_sha1(sums, name))
        except NotThereError as error:
            raise FetchError(f"{error} {_available_dumps(web, base_url)}") from error
    skipped: Counter[str] = Counter()
    path = out / "wikinews.jsonl.gz"
    articles, sha256 = write_rows(path, _articles(dump, frozenset(known_labels), skipped))
    report = FetchReport(path, articles, url, dump_date, sha256, dict(skipped))
    write_source(report, LICENCE)
    return report


def read_pages(dump: Path) -> Iterator[Page]:
    """Yield the pages of a bz2-compressed MediaWiki dump, one in memory at a time.

    Raises:
        FetchError: the file is truncated or damaged, or has a DTD, which no dump has.
    """
    pages = _Pages()
    parser = ET.XMLParser(target=pages)  # noqa: S314 (a DTD, and with it any entity, is refused)
    with dump.open("rb") as packed, bz2.open(packed) as xml:
        with Progress(total=dump.stat().st_size, what=f"Reading {dump.name}", unit="B") as bar:
            try:
                while chunk := xml.read(_CHUNK):
                    parser.feed(chunk)
                    yield from pages.take()
                    bar.update(packed.tell() - bar.done)
                parser.close()
            except (EOFError, OSError, ET.ParseError) as error:
                raise FetchError(f"{dump} is truncated or damaged ({error}): delete it and fetch again.") from error
        yield from pages.take()


def plain_text(wikitext: str) -> str:
    """Return what a reader sees in the running text: no files, references, tables or boxes; links as text."""
    visible = _MAGIC_WORD.sub("", _LINE_BREAK.sub("\n", _UNREAD.sub("", wikitext)))
    parsed = wtp.parse(_without_links(visible))
    text: str = parsed.plain_text(replace_templates=_template_text, replace_tables=lambda table: "")
    return text.replace("\xa0", " ")


def article_id(title: str) -> str:
    """Return the id of the article with this title; each run of characters other than A-Z, a-z and 0-9 becomes `_`."""
    return "wn-" + re.sub(r"[^A-Za-z0-9]+", "_", title)[:80]


class _Pages:
    """The parser's target: it collects the page being read and hands over those that are complete."""

    def __init__(self) -> None:
        self._done: list[Page] = []
        self._fields: dict[str, str] = {}
        self._text: list[str] = []

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise FetchError("The dump has a DTD, which Wikimedia's never have: it may be hostile and was not read.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._text.clear()

    def data(self, data: str) -> None:
        self._text.append(data)

    def end(self, tag: str) -> None:
        local = tag.rpartition("}")[2]
        if local == "page":
            get = self._fields.get
            self._done.append(Page(get("title", ""), get("ns", ""), "redirect" in self._fields, get("text", "")))
            self._fields = {}
        elif local in ("title", "ns", "redirect", "text"):
            self._fields[local] = "".join(self._text)

    def close(self) -> None:
        return

    def take(self) -> list[Page]:
        done, self._done = self._done, []
        return done


def _articles(dump: Path, known_labels: frozenset[str], skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for page in read_pages(dump):
        reason = _why_not(page)
        row = None if reason else _row(page, known_labels)
        if row and len(row["body"]) < _SHORTEST:
            reason = "short"
        elif row and not may_train(row["id"], row["date"]):
            reason = "never train"
        elif row and row["id"] in seen:
            reason = "same id"
        if row is None or reason:
            skipped[reason or ""] += 1
            continue
        seen.add(row["id"])
        yield row


def _why_not(page: Page) -> str | None:
    if page.namespace != "0":
        return "not an article"
    if page.redirect or page.text.lstrip()[:9].lower() == "#redirect":
        return "redirect"
    parsed = wtp.parse(page.text)
    templates = {template.normal_name(capitalize=False).lower() for template in parsed.templates}
    if not templates & _PUBLISHED and "Published" not in _categories(parsed):
        return "not published"
    return None


def _row(page: Page, known_labels: frozenset[str]) -> dict[str, Any]:
    parsed = wtp.parse(page.text)
    categories = _categories(parsed)
    topical = {name for name in categories if name not in _UNDATED and not _day(name)}
    return {
        "id": article_id(page.title),
        "title": page.title,
        "body": _body(page.text),
        "date": _date(parsed, categories),
        "labels": sorted(topical & known_labels),
        "categories": sorted(topical - known_labels),
        "partial": False,
        "url": _PAGE_URL + quote(page.title.replace(" ", "_"), safe="/"),
    }


def _categories(parsed: wtp.WikiText) -> set[str]:
    names = set()
    for link in parsed.wikilinks:
        space, colon, name = link.title.partition(":")
        name = " ".join(name.replace("_", " ").split())
        if colon and name and space.strip().lower() == "category":
            names.add(name[0].upper() + name[1:])
    return names


def _date(parsed: wtp.WikiText, categories: set[str]) -> str | None:
    for template in parsed.templates:
        if template.normal_name(capitalize=False).lower() in ("date", "byline", "dateline"):
            for argument in template.arguments:
                if day := _day(plain_text(argument.value)):
                    return day
    return next((day for name in sorted(categories) if (day := _day(name))), None)


def _day(text: str) -> str | None:
    """Return the first day named in `text` as YYYY-MM-DD."""
    if iso := _ISO.search(text):
        return iso[0]
    if match := _MONTH_FIRST.search(text):
        month, day, year = match.groups()
    elif match := _DAY_FIRST.search(text):
        day, month, year = match.groups()
    else:
        return None
    number = _MONTHS.index(month[:3].lower()) + 1 if month[:3].lower() in _MONTHS else 0
    return f"{year}-{number:02d}-{int(day):02d}" if number else None


def _body(wikitext: str) -> str:
    """Return an article's paragraphs, separated by blank lines, without headings and without sections like Sources."""
    lines: list[str] = []
    dropping = 0
    for line in _UNREAD.sub("", wikitext).split("\n"):
        heading = _HEADING.match(line)
        if heading and (not dropping or len(heading[1]) <= dropping):
            title = plain_text(heading[2]).strip(" :'")
            dropping = len(heading[1]) if _TAIL_SECTION.fullmatch(title) else 0
        if not dropping:
            lines.append("" if heading else line)
    paragraphs = re.split(r"\n\s*\n", plain_text("\n".join(lines)))
    tidy = ("\n".join(" ".join(line.split()) for line in part.strip().split("\n")) for part in paragraphs)
    return "\n\n".join(part for part in tidy if re.search(r"\w", part))


def _template_text(template: wtp.Template) -> str:
    """Return the text that a template shows in the running text, where that is easy to tell."""
    name = template.normal_name(capitalize=False).lower()
    values = [argument.value for argument in template.arguments if argument.positional]
    if name == "convert" and len(values) > 1:
        return " ".join(value.strip() for value in values[:2])
    if name in _LAST_ARGUMENT:
        return plain_text(next((value for value in reversed(values) if value.strip()), "")).strip()
    if name in _FIRST_ARGUMENT:
        named = (template.get_arg(key) for key in ("text", "quote"))
        texts = values[:1] or [argument.value for argument in named if argument]
        return plain_text(texts[0]).strip() if texts else ""
    return ""


def _without_links(wikitext: str) -> str:
    """Return `wikitext` with each [[link]] replaced by its visible text; files and categories have none."""
    open_links: list[list[str]] = [[]]
    for piece in _LINK_ENDS.split(wikitext):
        if piece == "[[":
            open_links.append([])
        elif piece == "]]" and len(open_links) > 1:
            target, _, text = "".join(open_links.pop()).partition("|")
            visible = text or _HIDDEN_PREFIX.sub("", target, count=1)
            open_links[-1].append("" if _DROPPED_LINK.match(target) else visible)
        else:
            open_links[-1].append(piece)
    return "[[".join("".join(pieces) for pieces in open_links)


def _sha1(sums: str, name: str) -> str:
    for line in sums.splitlines():
        digest, _, file = line.partition(" ")
        if file.strip() == name:
            return digest.strip().lower()
    raise FetchError(f"{name} is not in the dump's list of checksums: it may not be complete yet; try another dump.")


def _available_dumps(web: Web, base_url: str) -> str:
    """Return a sentence naming the dumps that the server has now."""
    try:
        dates = sorted(set(re.findall(r'href="(\d{8})/"', web.text(f"{base_url}/"))))
    except FetchError:
        dates = []
    return f"Dumps available now: {', '.join(dates) or 'unknown'}; fetch one of them (dump_date)."

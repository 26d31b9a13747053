"""Make the corpus of Wikipedia's Portal:Current events: one row per event, labelled with its heading."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from tagdesk.progress import progress
from tagdesk.training.corpora.fetch import (
    MANNERS,
    FetchReport,
    Json,
    Manners,
    TryAgain,
    Web,
    write_json,
    write_rows,
    write_source,
)
from tagdesk.training.corpora.never_train import LAST_TRAINING_DAY, may_train
from tagdesk.training.corpora.wikinews import plain_text
from tagdesk.training.errors import FetchError

API_URL = "https://en.wikipedia.org/w/api.php"
FIRST_DAY = date(2010, 1, 1)
LICENCE = "CC BY-SA 4.0; Wikipedia authors"

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MAXLAG = "5"  # seconds that the wiki's slowest replica may lag before it sends us away
_SHORTEST = 30  # characters of text; a shorter event is a fragment

_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "Armed conflicts and attacks": (
        "armed conflict and attacks", "armed conflicts and attack", "armed conflicts",
        "armed attacks and conflicts", "attacks and armed conflicts", "conflicts and attacks",
    ),
    "Arts and culture": ("art and culture", "arts", "culture", "culture and arts", "arts and entertainment"),
    "Business and economy": (
        "business and economics",
        "business",
        "economy",
        "economics",
        "business and finance",
    ),
    "Disasters and accidents": (
        "disasters",
        "accidents",
        "disaster and accidents",
        "accidents and disasters",
    ),
    "Education": (),
    "Environment": (),
    "Health": ("health and medicine", "medicine"),
    "Health and environment": ("environment and health",),
    "International relations": ("international relation", "international affairs", "diplomacy"),
    "Law and crime": ("crime and law", "law", "crime", "crimes and law"),
    "Politics and elections": ("politics", "elections", "politics and election", "elections and politics"),
    "Religion": (),
    "Science and technology": ("science", "technology", "technology and science"),
    "Sports": ("sport",),
    "Transport": ("transportation",),
}  # fmt: skip
_LABELS = {name.lower(): label for label, others in _HEADINGS.items() for name in (label, *others)}

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_WRAPPER = re.compile(r"\{\{\s*current events\s*\|[^{}]*?(?:\}\}|content\s*=)", re.IGNORECASE)
_HEADING = re.compile(r"^(?:;\s*(?P<term>.+?)|'''+(?P<bold>[^*]+?)'''+\s*:?|={2,6}\s*(?P<old>.+?)\s*={2,6})\s*:?\s*$")
_BULLET = re.compile(r"^([*:#]+)\s*(.*\S)")
_OUTER_LINK = re.compile(
    r"(?P<gap>[\s,;]*)(?P<round>\(\s*)?\[(?:https?:)?//[^\s\]]*\s*(?P<label>[^\]]*)\](?(round)\s*\))"
)
_INNER_LINK = re.compile(r"\[\[[^\[\]]*\]\]")
_EMPTY_ROUND = re.compile(r"\s*\([\s,;]*\)")
_NAMED_SOURCES = re.compile(r"""(?<=[.!?"”’)])(?:[\s,;]*\((?:[^()]|\([^()]*\)){1,60}\))+[\s,;.)]*$""")
_SENTENCE_END = (".", "!", "?", '"', "”", "’", ")")


@dataclass(frozen=True)
class Event:
    """An event of a day page: its number there (from 1), the heading as printed, its text, its story."""

    number: int
    heading: str
    text: str
    story: str


@dataclass(frozen=True)
class _Bullet:
    depth: int
    heading: str
    wikitext: str


def fetch_current_events(
    out: Path,
    *,
    first: date = FIRST_DAY,
    last: date = LAST_TRAINING_DAY,
    api_url: str = API_URL,
    manners: Manners = MANNERS,
) -> FetchReport:
    """Fetch the day pages `first` to `last` and write `<out>/current-events.jsonl.gz` and its source.json.

    Pages are cached, one file per month, in `<out>/current-events-pages/`, and not fetched again. Nothing after
    `LAST_TRAINING_DAY` is fetched or written.

    Raises:
        FetchError: a page cannot be fetched, or the cache is damaged.
    """
    last = min(last, LAST_TRAINING_DAY)
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    months = [list(group) for _, group in groupby(days, key=lambda day: (day.year, day.month))]
    pages: dict[date, str | None] = {}
    with Web(manners) as web:
        for month in progress(months, total=len(months), what="Portal:Current events", unit="months"):
            pages |= _month(web, api_url, month, out / "current-events-pages")
    skipped: Counter[str] = Counter()
    path = out / "current-events.jsonl.gz"
    articles, sha256 = write_rows(path, _rows(pages, skipped))
    report = FetchReport(path, articles, api_url, last.isoformat(), sha256, dict(skipped))
    write_source(report, LICENCE)
    return report


def events(wikitext: str) -> Iterator[Event]:
    """Yield the events of a day page in order.

    A bullet without a sentence of its own that has bullets below it names a story. Every other bullet is an event and
    is counted even if its text is empty, so that the numbers do not depend on which events are kept.
    """
    bullets = _bullets(wikitext)
    stories: dict[int, str] = {}
    number = 0
    for bullet, after in zip(bullets, [*bullets[1:], None], strict=True):
        text = _event_text(bullet.wikitext)
        stories = {depth: story for depth, story in stories.items() if depth < bullet.depth}
        has_below = after is not None and after.depth > bullet.depth
        if has_below and _names_story(bullet.wikitext, text):
            stories[bullet.depth] = text.rstrip(" :")
            continue
        number += 1
        story = stories[max(stories)] if stories else ""
        yield Event(number, bullet.heading, "" if _only_links(bullet.wikitext) else text, story)


def label_of(heading: str) -> str | None:
    """Return the corpus label of a heading as printed, or None if it is none of ours."""
    return _LABELS.get(" ".join(heading.lower().replace("&", " and ").split()))


def _rows(pages: Mapping[date, str | None], skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    for day, wikitext in sorted(pages.items()):
        if wikitext is None:
            skipped["no page for the day"] += 1
            continue
        for event in events(wikitext):
            row = _row(day, event)
            if not row["labels"][0]:
                skipped[f"heading: {event.heading}" if event.heading else "no heading"] += 1
            elif len(event.text) < _SHORTEST:
                skipped["short"] += 1
            elif not may_train(row["id"], row["date"]):
                skipped["never train"] += 1
            else:
                yield row


def _row(day: date, event: Event) -> dict[str, Any]:
    return {
        "id": f"wpce-{day.isoformat()}-{event.number:02d}",
        "title": "",
        "body": event.text,
        "date": day.isoformat(),
        "labels": [label_of(event.heading)],
        "label_prob": 1.0,
        "url": "https://en.wikipedia.org/wiki/" + _title(day).replace(" ", "_"),
        "story": event.story,
    }


def _month(web: Web, api_url: str, days: list[date], cache: Path) -> dict[date, str | None]:
    """Return the wikitext of a month's days, from the cache or the API; None where there is no page."""
    file = cache / f"{days[0]:%Y-%m}.json"
    pages = _cached_pages(file)
    missing = [day for day in days if day.isoformat() not in pages]
    if missing:
        fetched = _ask(web, api_url, missing)
        pages |= {day.isoformat(): fetched.get(_title(day)) for day in missing}
        write_json(file, dict(sorted(pages.items())))
    return {day: pages[day.isoformat()] for day in days}


def _cached_pages(file: Path) -> dict[str, str | None]:
    try:
        pages: dict[str, str | None] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise FetchError(f"{file} is damaged ({error}): delete it and run again.") from error
    return pages


def _ask(web: Web, api_url: str, days: list[date]) -> dict[str, str]:
    """Return the wikitext of the day pages that exist, by title; at most 50 days, the API's limit."""
    query = {
        "action": "query",
        "prop": "revisions",
        "rvslots": "main",
        "rvprop": "content",
        "format": "json",
        "formatversion": "2",
        "maxlag": _MAXLAG,
        "titles": "|".join(_title(day) for day in days),
    }
    wikitext: dict[str, str] = {}
    while True:
        answer = web.json(api_url, query, _refuse_errors)
        try:
            for page in answer["query"]["pages"]:
                for revision in page.get("revisions", []):
                    wikitext[page["title"]] = revision["slots"]["main"]["content"]
        except (KeyError, TypeError) as error:
            raise FetchError(f"{api_url} answered in an unknown format: is it a MediaWiki API?") from error
        if "continue" not in answer:
            return wikitext
        query |= answer["continue"]


def _refuse_errors(answer: Json, retry_after: float | None) -> None:
    error = answer.get("error")
    if not error:
        return
    reason = f"the API answered {error.get('code')}: {error.get('info')}"
    if error.get("code") in ("maxlag", "ratelimited", "readonly"):
        raise TryAgain(reason, retry_after)
    raise FetchError(f"Portal:Current events cannot be fetched: {reason}.")


def _title(day: date) -> str:
    return f"Portal:Current events/{day.year} {_MONTHS[day.month - 1]} {day.day}"


def _bullets(wikitext: str) -> list[_Bullet]:
    page = _WRAPPER.sub("\n", _COMMENT.sub("", wikitext))
    heading = ""
    bullets: list[_Bullet] = []
    for line in page.split("\n"):
        if bullet := _BULLET.match(line):
            bullets.append(_Bullet(len(bullet[1]), heading, bullet[2]))
        elif printed := _HEADING.match(line.strip()):
            heading = plain_text(printed[printed.lastgroup or 0]).strip(" ':")
    return bullets


def _event_text(wikitext: str) -> str:
    """Return a bullet as plain text without its sources."""
    if wikitext.count("}}") > wikitext.count("{{"):  # the end of the page's own template
        wikitext = wikitext.rstrip().removesuffix("}}")
    text = " ".join(plain_text(_OUTER_LINK.sub(_source, wikitext)).split())
    return _NAMED_SOURCES.sub("", _EMPTY_ROUND.sub("", text)).rstrip(" ,;")


def _source(link: re.Match[str]) -> str:
    """Return what remains of an external link: nothing if it is a source, its words if they belong to a sentence."""
    label = link["label"].strip(" '")
    before = plain_text(link.string[: link.start()]).rstrip()
    is_source = link["round"] or not label or label.startswith("(") or before.endswith(_SENTENCE_END)
    return "" if is_source else link["gap"] + label


def _only_links(wikitext: str) -> bool:
    rest = _INNER_LINK.sub("", _OUTER_LINK.sub("", wikitext))
    return not re.search(r"\w", re.sub(r"\band\b", "", plain_text(rest)))


def _names_story(wikitext: str, text: str) -> bool:
    return _only_links(wikitext) or not (_OUTER_LINK.search(wikitext) or text.endswith(_SENTENCE_END))

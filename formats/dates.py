"""Dates as people write them: the column says whether the day or the month stands first, or a person does."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from tagdesk.formats.names import MONTHS, plain

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T.*)?")
_NUMBERS = re.compile(r"(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?!\d)")
_LINK = r"\W*(?:(?:er|st|nd|rd|th|º|ª|de|del|of)\b\W*)*"
_CLOCK = r"\d\d?:\d\d(?::\d\d)?\W*(?:[A-Z]{2,4}\W*|\d{4}\W+(?=\d{4}))?"
_DAY_MONTH_YEAR = re.compile(rf"(?<!\d)(?<!\d[:.h])(\d\d?)(?!\d){_LINK}([^\W\d_]{{3,}}){_LINK}(\d{{4}})(?!\d)")
_MONTH_DAY_YEAR = re.compile(rf"\b([^\W\d_]{{3,}}){_LINK}(\d\d?)(?![\d:]){_LINK}(?:{_CLOCK})?(\d{{4}})(?!\d)")
_TIME = re.compile(r"(?<!\d)(\d\d?)[:h](\d\d)(?::(\d\d))?(?:[.,]\d+)?(?:\s*([ap])\.?m\b)?", re.IGNORECASE)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_SECONDS = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")

_EXCEL = datetime(1899, 12, 30, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_SERIAL_YEARS = range(1970, 2100)
"""A number that would be a day of another year is no date."""

_CENTURY = 69
"""A year of two digits from this on is one of the last century, as for POSIX."""

_REMEMBERED = 10_000
"""Articles of one day have one date."""

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
ORDERS = (DAY_FIRST, MONTH_FIRST)
"""What people may say of dates that can be read either way."""


@dataclass(slots=True)
class DateColumn:
    """The dates of a column, all of them looked at before any is read.

    Attributes:
        day_first, month_first: how many can only be read so.
        unclear: how many could be read either way.
        unread: how many are no dates that we know.
        example: one that is unclear.
        stray: one that is unread.
        dots: whether those that could be read either way have dots, where the day stands first everywhere.
        wanted: which of `ORDERS` to take where nothing says so; empty where nobody said.
    """

    day_first: int = 0
    month_first: int = 0
    unclear: int = 0
    unread: int = 0
    example: str = ""
    stray: str = ""
    dots: bool = True
    wanted: str = ""

    def look(self, value: Any) -> None:
        """Look at one value."""
        text = _text(value)
        if not text or _read(text, day_first=None):
            return
        match = _NUMBERS.match(text)
        either = [bool(_read(text, day_first=first)) for first in (True, False)] if match else [False, False]
        self.day_first += either == [True, False]
        self.month_first += either == [False, True]
        if match and all(either):
            self.unclear += 1
            self.dots = self.dots and match[2] == "."
            self.example = self.example or text
        elif not any(either):
            self.unread += 1
            self.stray = self.stray or text

    @property
    def first(self) -> bool | None:
        """Whether the day stands first; None where nothing says so."""
        if bool(self.day_first) != bool(self.month_first):
            return bool(self.day_first)
        if self.wanted:
            return self.wanted == DAY_FIRST
        return True if self.dots and not self.day_first else None

    def day(self, value: Any) -> str | None:
        """Return the ISO day of a value, or None."""
        text = _text(value)
        days = {_read(text, day_first=True), _read(text, day_first=False)} - {None}
        return days.pop() if len(days) == 1 else _read(text, day_first=self.first)

    def moment(self, value: Any) -> datetime:
        """Return day and time of a value, in UTC unless it says another zone; the first of all where there is none."""
        text, day = _text(value), self.day(value)
        if day is None:
            return _FIRST
        if moment := _of_number(text):
            return moment
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = datetime.combine(date.fromisoformat(day), _time(text))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def note(self, column: str) -> str:
        """Return a sentence on the dates that cannot be read; empty where all can."""
        parts = []
        if self.unclear and self.first is None:
            why = "some have the day first and some the month" if self.day_first else "day or month first?"
            how = " or ".join(f"--dates {order}" for order in ORDERS)
            parts.append(f"{self.unclear:,} such as {self.example[:40]!r} can be read in two ways ({why}): say {how}")
        if self.unread:
            parts.append(f"{self.unread:,} cannot be read, such as {self.stray[:40]!r}: write 2026-11-23")
        return f"{column}: {'; '.join(parts)}" if parts else ""

    def order(self) -> str:
        """Return how the dates are read, for people; empty where the order was never in question."""
        if not (self.day_first or self.month_first or self.unclear) or self.first is None:
            return ""
        return "day first" if self.first else "month first"


def _text(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, float) and value != value):
        return ""
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _time(text: str) -> time:
    """Return the first time of day in a text, `9:05`, `14h30`, `2:30 p.m.`; midnight where there is none."""
    if not (match := _TIME.search(text)):
        return time.min
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + 12 * (match[4] in "pP")
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else time.min


@lru_cache(_REMEMBERED)
def _read(text: str, *, day_first: bool | None) -> str | None:
    """Return the ISO day of a text; a date of numbers only is read where it is known which stands first."""
    try:
        if match := _ISO.match(text) or _COMPACT.fullmatch(text):
            return date(*map(int, match.groups())).isoformat()
        if match := _NUMBERS.match(text):
            if day_first is None:
                return None
            first, second, year = int(match[1]), int(match[3]), int(match[4])
            day, month = (first, second) if day_first else (second, first)
            if year < 100:
                year += 2000 if year < _CENTURY else 1900
            return date(year, month, day).isoformat()
        if moment := _of_number(text):
            return moment.date().isoformat()
        return _spelled(text)
    except (ValueError, OverflowError):
        return None


def _of_number(text: str) -> datetime | None:
    """Read a day of Excel's or seconds since 1970, with a dot or without."""
    if _SERIAL.fullmatch(text):
        moment = _EXCEL + timedelta(days=float(text))
        return moment if moment.year in _SERIAL_YEARS else None
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text) / (1000 if len(text) == 13 else 1), UTC)
    return None


def _spelled(text: str) -> str | None:
    """Read `23 novembre 2026`, `Nov 23, 2026`, `Mon, 23 Nov 2026 10:00:00 +0000`.

    The month stands beside the day: `mar. 5 nov. 2024` is a Tuesday. A text of two dates is none.
    """
    dates = [(day, month, year) for day, month, year in _DAY_MONTH_YEAR.findall(text)]
    dates += [(day, month, year) for month, day, year in _MONTH_DAY_YEAR.findall(text)]
    days = {
        date(int(year), MONTHS[plain(month)], int(day)).isoformat()
        for day, month, year in dates
        if plain(month) in MONTHS
    }
    return days.pop() if len(days) == 1 else None

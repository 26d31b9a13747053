"""`python -m service drift`: the drift as text, for a terminal or the mail of a cron job."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from models import load
from service.drift import CORRECTIONS, MAX_WEEKS, TEXTS, WEEKS, compute
from service.ledger.database import open_database
from service.settings import CONFIG, Settings, SettingsError, option, variable

_BARS = "▁▂▃▄▅▆▇█"
_BAR = 30
_NONE = "·"  # a week without a figure


def run(arguments: Sequence[str]) -> str:
    """Read the ledger and return the report.

    Raises:
        SettingsError: a setting is wrong, or the number of weeks.
        TagdeskError: the model or the ledger cannot be read.
    """
    options = _parser().parse_args(arguments)
    if not 1 <= options.weeks <= MAX_WEEKS:
        raise SettingsError(f"--weeks is {options.weeks}: give 1 to {MAX_WEEKS}")
    given = {"database_url": options.database_url, "model": options.model, CONFIG: options.config}
    settings = Settings.from_environment(options=given)
    model, database = load(settings.model), open_database(settings.database_url)
    if not database.is_there():
        return f"There is no ledger at {settings.database_url} yet: nothing was corrected.\n"
    with database.snapshot() as rows:
        return report(compute(rows, model, options.weeks, datetime.now(UTC).date()))


def report(found: dict[str, Any]) -> str:
    """Return the drift, as the route answers it, as text."""
    names = {topic["topic"]: topic for topic in found["topics"] if _has_figures(topic)}
    parts = [
        f"Drift of {found['model']}, {len(found['weeks'])} weeks (UTC, named by their Mondays; the last is not over)",
        "\n".join(_weeks(found)),
        "\n".join(_topics(sorted(names.values(), key=_fall))) if names else "No topic was corrected in these weeks.",
        "\n".join(_new_words(found["new_words"])),
        f"Of each week the newest {CORRECTIONS:,} corrections tell the topics, the newest {TEXTS:,} the words.",
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service drift", description="Show how corrections change from week to week."
    )
    parser.add_argument("--weeks", type=int, default=WEEKS, metavar="NUMBER", help=f"how many (default {WEEKS})")
    for name in ("database_url", "model", CONFIG):
        parser.add_argument(option(name), metavar=name.upper(), help=f"as {variable(name)}")
    return parser


def _weeks(found: dict[str, Any]) -> Iterator[str]:
    most = max(found["corrections"]) or 1
    yield f"{'week':<12}{'corrections':>11}  {'':<{_BAR}}  unknown words"
    rows = zip(found["weeks"], found["corrections"], found["unknown_words"], strict=True)
    for week, corrections, unknown in rows:
        bar = "█" * max(bool(corrections), round(_BAR * corrections / most))
        yield f"{week:<12}{corrections:>11,}  {bar:<{_BAR}}  {_percent(unknown, 1):>13}"


def _topics(topics: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a line a topic; the figures are the mean of the weeks before, and the last week that has one."""
    width = max(len("topic"), *(len(topic["topic"]) for topic in topics))
    weeks = max(len(topics[0]["rate"]), len("of articles"))
    yield f"{'topic':<{width}}  {'accepted':<{weeks}}  {'before → now':<13}  {'of articles':<{weeks}}  before → now"
    for topic in topics:
        accepted, rate = topic["acceptance"], topic["rate"]
        line = f"{topic['topic']:<{width}}  {sparkline(accepted, 1.0):<{weeks}}  {_change(accepted):<13}"
        highest = max((one for one in rate if one is not None), default=0)
        yield f"{line}  {sparkline(rate, highest):<{weeks}}  {_change(rate)}".rstrip()


def _new_words(topics: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield (
        "New words this week, that the model does not know, and in how many articles:"
        if topics
        else ("No new words this week.")
    )
    for topic in topics:
        yield f"  {topic['topic']}: " + ", ".join(f"{one['word']} {one['articles']}" for one in topic["words"])


def sparkline(shares: Sequence[float | None], highest: float) -> str:
    """Return a bar of one character for each share, of the height that it has of the highest."""
    top = len(_BARS) - 1
    return "".join(_NONE if one is None else _BARS[round(top * one / highest) if highest else 0] for one in shares)


def _before_and_now(shares: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [one for one in shares if one is not None]
    before = known[:-1]
    return sum(before) / len(before) if before else None, known[-1] if known else None


def _change(shares: Sequence[float | None]) -> str:
    before, now = _before_and_now(shares)
    return f"{_percent(before):>5} → {_percent(now):<5}" if now is not None else ""


def _fall(topic: dict[str, Any]) -> tuple[float, str]:
    """Sort the topics whose acceptance fell most to the top."""
    before, now = _before_and_now(topic["acceptance"])
    return (0.0 if before is None or now is None else now - before), topic["topic"]


def _has_figures(topic: dict[str, Any]) -> bool:
    return any(topic["rate"]) or any(one is not None for one in topic["acceptance"])


def _percent(share: float | None, digits: int = 0) -> str:
    return _NONE if share is None else f"{100 * share:.{digits}f} %"

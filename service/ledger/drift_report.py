"""`tagdesk drift`: the drift as text, for a terminal or the mail of a cron job."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from tagdesk.models import load
from tagdesk.service.ledger.drift import CORRECTIONS, MAX_WEEKS, TEXTS, WEEKS, compute
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import CONFIG, Settings, SettingsError, option, variable

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
    options_set = {"database_url": options.database_url, "model": options.model, CONFIG: options.config}
    if options.model:
        options_set["models"] = ""
    settings = Settings.from_environment(options=options_set)
    models = [load(ref) for ref in dict.fromkeys(settings.by_language.values())]
    database = open_database(settings.database_url)
    if not database.is_there():
        return f"There is no ledger at {settings.database_url} yet: nothing was corrected.\n"
    today = datetime.now(UTC).date()
    with closing(database), database.snapshot() as rows:
        return "\n".join(
            report(compute(rows, model, options.weeks, today, f"{model.name}@" if len(models) > 1 else ""))
            for model in models
        )


def report(drift: dict[str, Any]) -> str:
    """Return the drift, as the route answers it, as text."""
    names = {topic["topic"]: topic for topic in drift["topics"] if _has_figures(topic)}
    parts = [
        f"Drift of {drift['model']}, {len(drift['weeks'])} weeks (UTC, named by their Mondays; the last is not over)",
        "\n".join(_weeks(drift)),
        "\n".join(_topics(sorted(names.values(), key=_fall))) if names else "No topic was corrected in these weeks.",
        "\n".join(_new_words(drift["new_words"])),
        *_missing(drift["missing"]),
        f"Of each week the newest {CORRECTIONS:,} corrections tell the topics, the newest {TEXTS:,} the words.",
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tagdesk drift",
        description="Show how the news and the editors' corrections change from week to week.",
        epilog="example: tagdesk drift --weeks 12",
    )
    parser.add_argument("--weeks", type=int, default=WEEKS, metavar="NUMBER", help=f"how many (default {WEEKS})")
    for name in ("database_url", "model", CONFIG):
        parser.add_argument(option(name), metavar=name.upper(), help=f"as {variable(name)}")
    return parser


def _weeks(drift: dict[str, Any]) -> Iterator[str]:
    most = max(drift["corrections"]) or 1
    yield f"{'week':<12}{'corrections':>11}  {'':<{_BAR}}  unknown words"
    rows = zip(drift["weeks"], drift["corrections"], drift["unknown_words"], strict=True)
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
        highest = max((share for share in rate if share is not None), default=0)
        yield f"{line}  {sparkline(rate, highest):<{weeks}}  {_change(rate)}".rstrip()


def _new_words(topics: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield (
        "New words this week, that the model does not know, and in how many articles:"
        if topics
        else ("No new words this week.")
    )
    for topic in topics:
        yield f"  {topic['topic']}: " + ", ".join(f"{word['word']} {word['articles']}" for word in topic["words"])


def _missing(topics: Sequence[dict[str, Any]]) -> Iterator[str]:
    if topics:
        names = ", ".join(f"{topic['name']} {topic['articles']}" for topic in topics)
        yield f"Topics that editors miss, and in how many articles: {names}"


def sparkline(shares: Sequence[float | None], highest: float) -> str:
    """Return a bar of one character for each share, of the height that it has of the highest."""
    top = len(_BARS) - 1
    return "".join(
        _NONE if share is None else _BARS[round(top * share / highest) if highest else 0] for share in shares
    )


def _before_and_now(shares: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [share for share in shares if share is not None]
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
    return any(topic["rate"]) or any(share is not None for share in topic["acceptance"])


def _percent(share: float | None, digits: int = 0) -> str:
    return _NONE if share is None else f"{100 * share:.{digits}f} %"

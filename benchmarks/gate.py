"""How often the gate is wrong, on simulated pairs of models whose difference is known."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.table import markdown, say, write
from tagdesk.training.judge.gate import CHANCE, compare
from tagdesk.training.judge.pairs import Pairs
from tests.training.simulated import ARTICLES, TOPICS, a_model, collapsed, equally_good, half_as_sure

PAIRS = 1_000
WORSE = 0.015
"""The additional share of the topics that a candidate misses whose micro-F1 is about a point lower."""

Draw = Callable[[np.random.Generator], Pairs]

CASES: dict[str, Draw] = {
    "equally good": equally_good,
    "about 1 point worse": partial(equally_good, worse=WORSE),
    "about 3 points worse": partial(equally_good, worse=3 * WORSE),
    "about 1 point better": partial(equally_good, worse=-WORSE),
    **{f"one topic of {count} articles collapsed": partial(collapsed, articles=count) for count in (5, 20, 100)},
    "`auto` share halved": half_as_sure,
}


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Ask the gate about simulated pairs, and write `gate.md`; `only` is ignored."""
    count = 20 if quick else PAIRS
    rows = []
    for name, draw in CASES.items():
        decisions, changes = Counter[str](), []
        for seed in range(count):
            pairs = draw(np.random.default_rng(seed))
            verdict = compare(a_model("1"), a_model("2"), pairs, 0.9)
            decisions[verdict.decision] += 1
            changes.append(verdict.micro_f1.change)
        shares = [f"{100 * decisions[decision] / count:.1f} %" for decision in ("promote", "hold", "refuse")]
        rows.append((name, f"{100 * np.mean(changes):+.2f}", *shares))
        say(f"{name}: {', '.join(shares)}")
    write("gate", "The gate's errors", _parts(rows, count), quick=quick)


def _parts(rows: list[tuple[str, ...]], count: int) -> Iterator[str]:
    yield (
        f"{count:,} simulated pairs of models a row, each on {ARTICLES} articles and {TOPICS} topics. Both err on hard "
        "articles, and each on some of its own. A candidate as good as the served model should be promoted in about "
        f"{100 * CHANCE:.0f} % of the cases, and a worse one hardly ever."
    )
    heads = ("the candidate is", "micro-F1, points, on average", "promoted", "held", "refused")
    yield markdown(heads, rows)

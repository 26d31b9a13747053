"""The attacks of tests/attacks against the shipped model: what each was answered, and how soon."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from benchmarks.table import VAR, markdown, say, write
from tests.attacks.catalogue import ATTACKS, WAR, Attack
from tests.attacks.raw import Answered, ask, post
from tests.attacks.under_attack import Attacked, attacked_service


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attack, and how soon the next article was answered."""

    attack: Attack
    answered: Answered
    after: Answered

    @property
    def well(self) -> bool:
        """Whether the answer is a documented one, in time, and the next article got its own."""
        in_time = self.answered.seconds < self.attack.seconds and self.after.seconds < 1
        return self.answered.status in self.attack.statuses and in_time and self.after.status == 200


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Attack, and write `attacks.md`; `only` names groups of attacks."""
    attacks = [attack for attack in ATTACKS if not only or attack.group in only]
    attacks = attacks[::10] if quick else attacks
    VAR.mkdir(parents=True, exist_ok=True)
    with attacked_service("news-en", VAR / "attacks.log", {}) as service:
        outcomes = list(_outcomes(service, attacks))
    write("attacks", "Attacks, and what they were answered", _parts(outcomes), quick=quick)


def _outcomes(service: Attacked, attacks: Sequence[Attack]) -> Iterator[Outcome]:
    article = post(json.dumps(WAR).encode())
    ask(service.port, [article])
    for attack in attacks:
        answered = ask(service.port, attack.send(), attack.pause)
        outcome = Outcome(attack, answered, ask(service.port, [article]))
        if not outcome.well:
            say(f"{attack.group}: {attack.name}: {answered.status} after {answered.seconds:.2f} s")
        yield outcome


def _parts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    failed = [outcome for outcome in outcomes if not outcome.well]
    crashed = sum(outcome.answered.status >= 500 for outcome in outcomes)
    after = [1000 * outcome.after.seconds for outcome in outcomes]
    yield (
        f"{len(outcomes)} attacks on one worker with `news-en`, one after the other, each followed by an article. The "
        "tests of `tests/attacks/` make the same, and fuzz the cleaner, the tokenizer and the bundle reader beside."
    )
    yield (
        "Answered otherwise than documented, or not within a second (slow-loris: a second after its time limit, which "
        f"is 1 s here): {len(failed)}. Answers of 5xx: {crashed}. The article after each was answered in "
        f"{median(after):.1f} ms (median), {max(after):.0f} ms (longest)."
    )
    for group, members in groupby(outcomes, lambda outcome: outcome.attack.group):
        yield f"## {group}"
        yield markdown(("attack", "answer", "ms"), map(_row, members))


def _row(outcome: Outcome) -> tuple[str, str, str]:
    name = outcome.attack.name.replace("|", "\\|").replace("<", "&lt;")
    answer = _said(outcome.answered) + ("" if outcome.well else " **not as documented**")
    return name, answer, f"{1000 * outcome.answered.seconds:,.0f}"


def _said(answered: Answered) -> str:
    if not answered.status:
        return "closed"
    if answered.status < 400:
        return str(answered.status)
    kind = json.loads(answered.body).get("type", "").removeprefix("/problems/")
    return f"{answered.status} {kind}"

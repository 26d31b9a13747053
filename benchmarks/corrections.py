"""Corrections with ids of their own, so that each acknowledged one can be looked up in the export."""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pydantic_core import from_json, to_json

from benchmarks.articles import Sent
from benchmarks.exchange import Answer, post_json
from benchmarks.open_loop import Fault
from benchmarks.serving import Serving
from tagdesk.models import TopicModel

PATIENCE = 180.0
"""Seconds for which an editor's work is retried: longer than the disk is full."""

_COMPARED = ("id", "title", "body", "topics", "accepted", "rejected", "added", "editor", "model")


@dataclass(frozen=True, slots=True)
class Correction:
    """One valid correction.

    Attributes:
        kind: the kind of request.
        sent: the bytes of the request.
        id: the correction's id.
        expected: the fields that its row in the export must have.
        ledger: the corrections among which its acknowledgement is noted.
        patience: seconds for which it is retried.
    """

    kind: str
    sent: bytes
    id: str
    expected: Mapping[str, Any]
    ledger: "Corrections"
    patience: float = PATIENCE

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        """Return what is wrong with an answer; note an acknowledgement."""
        if answer.status == 202:
            receipt = from_json(answer.body)
            if (receipt["id"], receipt["article"]) != (self.id, self.expected["id"]):
                return Fault("wrong", "the receipt is for something else")
            if receipt != self.ledger.acknowledge(self, receipt):
                return Fault("wrong", "the second receipt differs from the first")
            return None
        if 400 <= answer.status < 500:
            return Fault("refused", f"a valid correction, answered {answer.status}")
        return Fault("failed", f"answered {answer.status}")


class Corrections:
    """All corrections that were sent.

    Args:
        model: the model whose topics are used.
        rows: the articles that are corrected.
        serving: the model whose answers are corrected.
    """

    def __init__(self, model: TopicModel, rows: Sequence[Sent], serving: Serving) -> None:
        self._topics = model.taxonomy.ids
        self._rows = rows
        self._serving = serving
        self._numbers = itertools.count()
        self._random = random.Random(0)
        self._by_key: list[Correction] = []  # a session may have ended when they are sent again
        self._acknowledged: dict[str, tuple[float, Correction, Mapping[str, str]]] = {}

    def new(self, who: str, editor: str, row: Sent | None = None) -> Correction:
        """Return a new correction.

        Args:
            who: the header lines of the client.
            editor: the name of its key.
            row: the article; a random one if None.
        """
        number = next(self._numbers)
        row = row or self._random.choice(self._rows)
        right, wrong, added = self._random.sample(self._topics, 3)
        verdicts: dict[str, list[str]] = (
            {"topics": [right, added]} if number % 2 else {"accepted": [right], "rejected": [wrong], "added": [added]}
        )
        sent = {"id": f"correction-{number}", "article": row, "model": self._serving.current, **verdicts}
        expected: dict[str, Any] = {name: verdicts.get(name) for name in ("accepted", "rejected", "added")}
        expected |= {"topics": [right, added], "editor": editor, "model": sent["model"], **row}
        correction = Correction(
            "correction", post_json(who, "/v1/feedback", to_json(sent)), f"correction-{number}", expected, self
        )
        if "X-API-Key:" in who:
            self._by_key.append(correction)
        return correction

    def sent_before(self) -> Correction:
        """Return a correction that was sent before with a key, acknowledged or not."""
        return self._random.choice(self._by_key)

    def acknowledge(self, correction: Correction, receipt: Mapping[str, str]) -> Mapping[str, str]:
        """Note that a correction was acknowledged; return its first receipt."""
        return self._acknowledged.setdefault(correction.id, (perf_counter(), correction, receipt))[2]

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged corrections."""
        return len(self._acknowledged)

    def faults(self, exported: Iterable[bytes], before: float) -> list[Fault]:
        """Return what is wrong with an export: acknowledged corrections that are lost, duplicated or changed.

        Args:
            exported: its lines.
            before: when it was requested; corrections that were acknowledged later may be missing.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in map(from_json, exported):
            rows.setdefault(row["feedback"], []).append(row)
        faults = []
        for moment, correction, _ in list(self._acknowledged.values()):
            matches = rows.get(correction.id, [])
            if moment < before and not matches:
                faults.append(Fault("lost", f"{correction.id} was acknowledged and is not in the export"))
            elif len(matches) > 1:
                faults.append(Fault("twice", f"{correction.id} is in the export {len(matches)} times"))
            elif matches and (names := _changed_fields(correction.expected, matches[0])):
                faults.append(Fault("changed", f"{correction.id}: {', '.join(names)} differs from what was sent"))
        return faults


def _changed_fields(expected: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    return [name for name in _COMPARED if row[name] != expected[name]]

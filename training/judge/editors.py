"""Whose corrections the rest contradict: the model before any correction, and one that the other editors taught."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.judge.confidences import Floats
from tagdesk.training.judge.measure import in_bands
from tagdesk.training.learn.evidence import Evidence

FEWEST_VERDICTS = 5
"""Fewer verdicts are too few for an editor to stand out."""

FEWEST_OTHERS = 3
"""With so many other editors, the usual share is at least the median of theirs."""

SURE = 0.01
"""How often any editor stands out who is like the others, over all editors and topics together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an editor's verdicts compare with the rest.

    The rest are the model before any correction, and one that only the other editors taught. A verdict is a topic that
    the editor judged and that the editor or the first of these models gives the article. The rest contradict it where
    both decide otherwise.

    Attributes:
        editor: the editor, else the key that sent the corrections, else "".
        topic: the topic's id, or "" for all topics together.
        articles: how many articles the editor corrected.
        verdicts: how many verdicts there are.
        contradicted: how many of them the rest contradict.
        usual: the usual share of these, 0 to 1: for what the corpora say, or among the other editors.
        stands_out: whether the share is surely greater than usual, and greater than a half.
    """

    editor: str
    topic: str
    articles: int
    verdicts: int
    contradicted: int
    usual: float
    stands_out: bool

    @property
    def share(self) -> float:
        """Share of the verdicts that the rest contradict."""
        return self.contradicted / self.verdicts

    def sentence(self) -> str:
        """Return a sentence for people."""
        where = f" on {self.topic}" if self.topic else ""
        return (
            f"the rest contradict {self.contradicted:,} of {self.verdicts:,} verdicts by {self.editor or 'somebody'}"
            f"{where}, {100 * self.share:.0f} % ({100 * self.usual:.0f} % is usual)"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "editor": self.editor or None,
            "topic": self.topic or None,
            "articles": self.articles,
            "verdicts": self.verdicts,
            "contradicted": self.contradicted,
            "share": round(self.share, 4),
            "usual": round(self.usual, 4),
            "stands_out": self.stands_out,
        }


def standings(
    model: TopicModel,
    editors: Sequence[str],
    decisions: NDArray[np.int8],
    scores: tuple[Floats, Floats],
    evidence: Evidence | None,
) -> tuple[Standing, ...]:
    """Return the standing of each editor on all topics together, and on each topic on which the editor stands out.

    Args:
        model: the model before any of the corrections; its cut-offs count.
        editors: the editor of each article.
        decisions: yes, no or open, int8, shape (articles, topics).
        scores: raw scores of the articles by that model, and by models that only the other editors taught, each
            float64, shape (articles, topics).
        evidence: what the corpora say, with the scores of the model as if it had not learned from them.
    """
    yes, decided = decisions == YES, decisions != OPEN
    before, taught = (in_bands(model.confidences(part), model.calibrations)[0] for part in scores)
    is_contradicted = decided & (yes != before) & (yes != taught)
    is_verdict = decided & (yes | before)
    names = [*dict.fromkeys(editors)]
    rows = [np.array([editor == name for editor in editors]) for name in names]
    verdicts, contradicted = (
        np.stack([_with_total(flags[own].sum(axis=0)) for own in rows]) for flags in (is_verdict, is_contradicted)
    )
    usual = _usual_shares(verdicts, contradicted, _corpora_shares(model, evidence))
    tests = int((verdicts >= FEWEST_VERDICTS).sum())
    chance = binom.sf(contradicted - 1, verdicts, usual)
    stands_out = (verdicts >= FEWEST_VERDICTS) & (chance * tests <= SURE) & (contradicted > verdicts / 2)
    is_shown = stands_out.copy()
    is_shown[:, -1] = verdicts[:, -1] > 0
    topics = [*model.taxonomy.ids, ""]
    shown = [
        Standing(
            editor=names[i],
            topic=topics[k],
            articles=int(rows[i].sum()),
            verdicts=int(verdicts[i, k]),
            contradicted=int(contradicted[i, k]),
            usual=float(usual[i, k]),
            stands_out=bool(stands_out[i, k]),
        )
        for i, k in np.argwhere(is_shown).tolist()
    ]
    return tuple(
        sorted(shown, key=lambda standing: (bool(standing.topic), -standing.stands_out, -standing.contradicted))
    )


def _with_total(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the counts of each topic, and their sum after them: shape (topics + 1,)."""
    return np.append(counts, counts.sum())


def _corpora_shares(model: TopicModel, evidence: Evidence | None) -> Floats:
    """Return the share of what the corpora say that the model contradicts, by topic and in all: shape (topics + 1,).

    No topic has a lower share than all together; without evidence every share is a half.
    """
    if evidence is None or evidence.editor.all():
        return np.full(len(model.taxonomy) + 1, 0.5)
    corpora = evidence.rows(~evidence.editor)
    yes, decided = corpora.decisions == YES, corpora.decisions != OPEN
    predicted, _ = in_bands(model.confidences(corpora.scores), model.calibrations)
    verdicts = _with_total((decided & (yes | predicted)).sum(axis=0))
    shares = _with_total((decided & (yes != predicted)).sum(axis=0)) / np.maximum(verdicts, 1)
    at_least: Floats = np.maximum(shares, shares[-1])
    return at_least


def _usual_shares(verdicts: NDArray[np.int64], contradicted: NDArray[np.int64], corpora_shares: Floats) -> Floats:
    """Return the usual share for each editor and topic, float64, shape (editors, topics + 1).

    Args:
        verdicts: of each editor, int64, shape (editors, topics + 1).
        contradicted: how many of them the rest contradict, the same shape.
        corpora_shares: see `_corpora_shares`.
    """
    shares = np.where(verdicts >= FEWEST_VERDICTS, contradicted / np.maximum(verdicts, 1), np.nan)
    usual = np.tile(corpora_shares, (len(verdicts), 1))
    for i, k in np.ndindex(*verdicts.shape):
        others = np.delete(shares[:, k], i)
        others = others[~np.isnan(others)]
        if len(others) >= FEWEST_OTHERS:
            usual[i, k] = max(usual[i, k], np.median(others))
    return usual

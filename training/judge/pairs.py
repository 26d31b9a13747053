"""The confidences of two models in the same articles, as if neither had learned from them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.learn.evidence import Evidence, article_keys, is_sample, read_evidence
from tagdesk.training.learn.vectorize import tf_idf

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Articles, one row each; the columns are the topics that both models have.

    Attributes:
        topics: the topics' ids, in the order of the served model.
        keys: hashes of the articles' ids, uint64, shape (articles,).
        decisions: yes, no or open, int8, shape (articles, topics).
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        editor: whether decided by an editor rather than a corpus, bool, shape (articles,).
        served, candidate: confidences of both models, float64, shape (articles, topics).
    """

    topics: tuple[str, ...]
    keys: NDArray[np.uint64]
    decisions: NDArray[np.int8]
    weight: _Floats
    editor: NDArray[np.bool_]
    served: _Floats
    candidate: _Floats

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, where: NDArray[np.bool_]) -> "Pairs":
        """Return some of the articles."""
        names = ("keys", "decisions", "weight", "editor", "served", "candidate")
        return replace(self, **{name: getattr(self, name)[where] for name in names})

    @property
    def is_sample(self) -> NDArray[np.bool_]:
        """Which articles show what a model does, bool, shape (articles,): see the function `is_sample`."""
        return is_sample(self.editor, self.decisions)

    @property
    def has_corpus(self) -> bool:
        """Whether there are articles of the corpora beside those that editors corrected."""
        return not self.editor.all()


def pair(
    served: TopicModel, served_folder: Path, candidate: TopicModel, folder: Path, corrections: Corrections
) -> Pairs:
    """Return the articles on which two models can be compared.

    They are those of the corpora that are held out from the candidate and are evidence of the served model, too, and
    all that editors corrected: those held out, and the others by scores out of fold.

    Args:
        served: the model that is served.
        served_folder: the folder of its bundle.
        candidate: the model that may replace it.
        folder: the folder of the candidate's bundle.
        corrections: what editors decided, by the served model's topics.

    Raises:
        TrainingError: a table of evidence is damaged.
    """
    before = _with_corrections(served, read_evidence(served_folder, served), corrections)
    after = _with_corrections(candidate, read_evidence(folder, candidate), corrections)
    after = after.rows(after.test | after.editor)
    places = before.places(after.keys)
    weight = before.weight[places[places >= 0]]  # all of the table tells better what a fair sample looks like
    before, after = before.rows(places[places >= 0]), after.rows(places >= 0)
    topics = tuple(topic for topic in served.taxonomy.ids if topic in candidate.taxonomy)
    columns, new_columns = ([model.taxonomy.column(topic) for topic in topics] for model in (served, candidate))
    return Pairs(
        topics=topics,
        keys=after.keys,
        decisions=after.decisions[:, new_columns],
        weight=weight,
        editor=after.editor,
        served=served.confidences(before.scores)[:, columns],
        candidate=candidate.confidences(after.scores)[:, new_columns],
    )


def _with_corrections(model: TopicModel, evidence: Evidence | None, corrections: Corrections) -> Evidence:
    """Return a model's evidence with the current corrections in place of those in it.

    Articles that are not in the evidence have the scores that the model gives them: it has not learned from them.
    """
    keys, decisions = article_keys(corrections.ids), corrections.decisions_for(model.taxonomy)
    texts = corrections.texts_for(model)
    scores, _ = model.scores(texts)
    X = tf_idf(model.features, texts)
    if evidence is not None:
        places = evidence.places(keys, X)
        scores[places >= 0] = evidence.scores[places[places >= 0]]
        decisions = evidence.judged(places, decisions)
    editor = np.ones(len(keys), np.bool_)
    corrected = Evidence(keys, X, decisions, ~editor, editor, corrections.test(), scores)
    return corrected if evidence is None else evidence.rows(~evidence.editor).joined(corrected)

"""Decisions and confidences to measure."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import Decisions, Floats

quick = settings(deadline=None, max_examples=60, database=None)
TOPICS = 3

# Few distinct confidences, so that many are equal; a weight is a number of copies.
cells = st.tuples(st.sampled_from([YES, NO, NO, OPEN]), st.integers(0, 12))
articles = st.lists(
    st.tuples(st.lists(cells, min_size=TOPICS, max_size=TOPICS), st.integers(1, 4)), min_size=1, max_size=40
)
Rows = list[tuple[list[tuple[int, int]], int]]


def arrays(rows: Rows) -> tuple[Decisions, Floats, Floats]:
    """Return decisions, confidences and weights."""
    decisions = np.array([[decision for decision, _ in row] for row, _ in rows], np.int8)
    confidences = np.array([[level / 12 for _, level in row] for row, _ in rows])
    return decisions, confidences, np.array([copies for _, copies in rows], np.float64)


def drawn(honest: bool = True, count: int = 4000) -> tuple[Decisions, Floats, Floats]:
    """Return decisions drawn by their confidences, or by others, and equal weights."""
    random = np.random.default_rng(0)
    confidences = random.random((count, TOPICS))
    truth = confidences if honest else confidences**2
    return np.where(random.random(truth.shape) < truth, YES, NO).astype(np.int8), confidences, np.ones(count)

"""The weights of a model of many topics: each topic has a few hundred n-grams that count, the rest weigh nothing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagdesk.models import kernel


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """The weights that are not 0, feature by feature, as in a CSR matrix of shape (features, topics).

    It is read as an array is, as far as a model's readers need that: `weights.shape`, `weights[:, topic]` (float32,
    shape (features,)), and `weights[rows]`, the weights of these features.

    Args:
        starts: where the weights of each feature begin, and the end, int64, shape (features + 1,).
        topics: the column of each weight, uint32, shape (weights,); increasing within a feature.
        values: float32, shape (weights,).
        count: the number of topics.

    Raises:
        ValueError: the parts do not fit together: a look-up would leave them.
    """

    starts: NDArray[np.int64]
    topics: NDArray[np.uint32]
    values: NDArray[np.float32]
    count: int

    def __post_init__(self) -> None:
        fits = (
            self.starts.ndim == self.topics.ndim == self.values.ndim == 1
            and len(self.topics) == len(self.values)
            and len(self.starts) > 0
            and self.starts[0] == 0
            and self.starts[-1] == len(self.topics)
            and bool((self.starts[1:] >= self.starts[:-1]).all())
            and (not len(self.topics) or int(self.topics.max()) < self.count)
            and self._increase()
        )
        if not fits:
            raise ValueError(
                f"the sparse weights are not those of {len(self.starts) - 1} features, {self.count} topics"
            )

    def _increase(self) -> bool:
        """Tell whether the topics increase within each feature: a look-up halves its way to one."""
        increases = self.topics[1:] > self.topics[:-1]
        begins = self.starts[(self.starts > 0) & (self.starts < len(self.topics))]
        increases[begins - 1] = True
        return bool(increases.all())

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of features and of topics."""
        return len(self.starts) - 1, self.count

    def __getitem__(self, key: Any) -> Any:
        """Return one topic's weights, float32, shape (features,), or those of some features, `SparseWeights`."""
        if isinstance(key, tuple):
            rows, topic = key
            if rows != slice(None):
                raise IndexError("of sparse weights, [:, topic] and [rows] can be read")
            return self._column(int(topic))
        return self._rows(key)

    @cached_property
    def _by_topic(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of all weights, topic by topic, and where each topic's begin, and the end."""
        order = np.argsort(self.topics, kind="stable")
        return order, np.concatenate(([0], np.cumsum(np.bincount(self.topics, minlength=self.count))))

    def _column(self, topic: int) -> NDArray[np.float32]:
        order, begins = self._by_topic
        places = order[begins[topic] : begins[topic + 1]]
        column = np.zeros(self.shape[0], np.float32)
        column[np.searchsorted(self.starts, places, side="right") - 1] = self.values[places]
        return column

    def _rows(self, rows: NDArray[np.int64]) -> "SparseWeights":
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        places = np.repeat(self.starts[:-1][rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return SparseWeights(starts, self.topics[places], self.values[places], self.count)


AnyWeights = NDArray[np.float32] | SparseWeights


def for_kernel(weights: AnyWeights) -> kernel.Weights:
    """Return weights of either kind as the kernel reads them."""
    if isinstance(weights, SparseWeights):
        return kernel.Weights(np.empty((0, 0), np.float32), weights.starts, weights.topics, weights.values)
    nothing = np.zeros(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32)
    return kernel.Weights(np.asarray(weights), *nothing)

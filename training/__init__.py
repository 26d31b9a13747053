"""How a model is made: corpora, label maps, fitting, calibration, evaluation.

>>> from tagdesk.training import TopicClassifier
>>> classifier = TopicClassifier().fit(texts, topics)
>>> classifier.predict_proba(["Ministers signed a ceasefire."])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagdesk.training.classifier import TopicClassifier

__all__ = ["TopicClassifier"]


def __getattr__(name: str) -> Any:
    """Import the classifier when it is asked for: scikit-learn takes a second, and most commands do without."""
    if name == "TopicClassifier":
        from tagdesk.training.classifier import TopicClassifier

        return TopicClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

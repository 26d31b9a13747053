"""The answer to one article as JSON values, the same from the command line and over HTTP."""

from typing import Any

from models.topic_model import Evidence, TaggedArticle, TopicResult


def answer(tagged: TaggedArticle, model: str) -> dict[str, Any]:
    """Return the answer to one article.

    Args:
        tagged: what the model found.
        model: the model's name and version, `TopicModel.ref`.
    """
    return {
        "id": tagged.id,
        "model": model,
        "topics": [topic_answer(result) for result in tagged.topics],
        "warnings": list(tagged.warnings),
    }


def topic_answer(result: TopicResult) -> dict[str, Any]:
    """Return one topic of the answer, with score and bias, and evidence, where the result has them."""
    topic = result.topic
    found: dict[str, Any] = {
        "id": topic.id,
        "name": topic.name,
        "qcodes": topic.qcodes,
        "parent": topic.parent,
        "confidence": round(result.confidence, 6),
        "band": result.band,
    }
    if result.bias is not None:
        found["score"] = round(result.score, 8)
        found["bias"] = round(result.bias, 8)
    if result.evidence is not None:
        found["evidence"] = [_evidence(one) for one in result.evidence]
    return found


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "field": one.field,
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "weight": round(one.weight, 8),
    }

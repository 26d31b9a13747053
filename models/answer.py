"""The answer to one article as JSON values, the same from the command line and over HTTP."""

from typing import Any

from tagdesk.models.topic_model import Evidence, TaggedArticle, TopicResult


def answer(tagged: TaggedArticle, model: str) -> dict[str, Any]:
    """Return the answer to one article.

    Args:
        tagged: the model's result.
        model: the model's name and version, `TopicModel.ref`.
    """
    return {
        "id": tagged.id,
        "model": model,
        "topics": [topic_answer(result) for result in tagged.topics],
        "warnings": list(tagged.warnings),
    }


def topic_answer(result: TopicResult) -> dict[str, Any]:
    """Return one topic of the answer; score, bias and evidence only where the result has them."""
    topic = result.topic
    values: dict[str, Any] = {
        "id": topic.id,
        "name": topic.name,
        "qcodes": topic.qcodes,
        "parent": topic.parent,
        "confidence": round(result.confidence, 6),
        "band": result.band,
    }
    if result.bias is not None:
        values["score"] = round(result.score, 8)
        values["bias"] = round(result.bias, 8)
    if result.evidence is not None:
        values["evidence"] = [_evidence(span) for span in result.evidence]
    return values


def _evidence(span: Evidence) -> dict[str, Any]:
    return {
        "field": span.field,
        "start": span.start,
        "end": span.end,
        "text": span.text,
        "weight": round(span.weight, 8),
    }

"""The answers of `/v1/tag`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EvidenceOut(BaseModel):
    """An n-gram, its place in the article, and what it added to the topic's score."""

    model_config = ConfigDict(title="Evidence")

    field: Literal["title", "body", "body_html"]
    start: int = Field(ge=0, description="In Unicode code points of the field as it was sent.")
    end: int = Field(ge=0, description="Exclusive.")
    text: str
    weight: float


class TopicOut(BaseModel):
    """One topic of an article; `score`, `bias` and `evidence` only with `?explain=`."""

    model_config = ConfigDict(title="TopicAnswer")

    id: str
    name: str
    qcodes: list[str] = Field(description="IPTC Media Topic codes.")
    parent: str | None = Field(description="The id of the parent topic.")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability.")
    band: Literal["auto", "suggest"] | None = Field(description="null only in `below`.")
    score: float | None = Field(default=None, description="Log-odds: the evidence's weights and the bias, added up.")
    bias: float | None = None
    evidence: list[EvidenceOut] | None = Field(default=None, description="Strongest first.")


class AnswerOut(BaseModel):
    """The answer to one article: its topics, most likely first."""

    model_config = ConfigDict(title="Answer")

    id: str | None
    model: str = Field(description="Name and version of the model that answered.")
    topics: list[TopicOut]
    below: list[TopicOut] | None = Field(
        default=None,
        description="Only with `?explain=all`: the other topics, the most likely 100; with `?explain=` and a topic's "
        "id: that topic, unless it is among `topics`.",
    )
    warnings: list[str] = Field(
        description="`short-text`, `no-article`, `unknown-words` and `language: <its language>`: no topic is `auto`, "
        "as the text is unlike those that the model learned from. `html-in-body`, `unknown-field: <name>`: how the "
        "request was read."
    )

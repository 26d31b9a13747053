"""What retraining changes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class GainedOut(BaseModel):
    """How many articles gain a topic with the candidate, and how many lose it."""

    model_config = ConfigDict(title="Gained")

    topic: str
    gained: int
    lost: int


class ChangedArticleOut(BaseModel):
    """An article to which only one of the models gives the topic, and both models' confidence in it."""

    model_config = ConfigDict(title="ChangedArticle")

    id: str
    title: str | None
    topic: str
    change: Literal["gained", "lost"]
    served: float
    candidate: float


class CandidateOut(BaseModel):
    """A version that retraining made."""

    model_config = ConfigDict(title="Candidate")

    version: str
    served: str = Field(description="Name and version of the model that it was to replace.")
    made: str = Field(description="When, UTC.")
    decision: Literal["promoted", "held", "refused", "forced"] | None = Field(
        description="null if it did not go through the gate."
    )
    reasons: list[str] = Field(description="Why it was not promoted.")
    current: bool = Field(description="Whether it answers now.")


class CandidatesOut(BaseModel):
    """The versions that retraining made: the newest refused one, then the newest first."""

    model_config = ConfigDict(title="Candidates")

    model: str = Field(description="Name and version of the model that answers.")
    previous: str | None = Field(description="The version that a rollback would serve.")
    candidates: list[CandidateOut]


class ChangesOut(BaseModel):
    """What a candidate changes compared with the served model, as retraining wrote it; there may be further fields."""

    model_config = ConfigDict(title="Changes")

    candidate: str
    served: str
    made: str = Field(description="When, UTC.")
    source: str = Field(description="The articles on which both were compared.")
    articles: int
    topics: list[GainedOut]
    strongest: list[ChangedArticleOut]
    words: list[dict[str, Any]] = Field(
        description="By topic, the n-grams whose weights changed most, `up` and `down`."
    )
    editors: list[dict[str, Any]] = Field(description="Errors before and after, by editor and topic.")
    contradicted: list[dict[str, Any]] = Field(
        default=[], description="By editor, how many verdicts the rest contradict, and the share that is usual."
    )
    gate: dict[str, Any] | None = Field(default=None, description="Whether it was promoted, and why not.")

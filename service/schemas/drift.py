"""How corrections change from week to week."""

from pydantic import BaseModel, ConfigDict, Field


class DriftTopicOut(BaseModel):
    """Editors' verdicts on one topic, by week; null for a week without any."""

    model_config = ConfigDict(title="DriftTopic")

    topic: str
    rate: list[float | None] = Field(description="Share of the corrected articles that have the topic.")
    acceptance: list[float | None] = Field(description="accepted / (accepted + rejected).")


class NewWordOut(BaseModel):
    """A word, and the number of this week's articles that contain it."""

    model_config = ConfigDict(title="NewWord")

    word: str
    articles: int


class NewWordsOut(BaseModel):
    """Words of a topic's articles that the model does not know and that earlier weeks did not have."""

    model_config = ConfigDict(title="NewWords")

    topic: str
    words: list[NewWordOut] = Field(description="Each in several articles; those in most articles first.")


class MissingTopicOut(BaseModel):
    """A topic that editors miss."""

    model_config = ConfigDict(title="MissingTopic")

    name: str
    articles: int = Field(description="Number of articles in which it was missed.")


class DriftOut(BaseModel):
    """How corrections change from week to week."""

    model_config = ConfigDict(title="Drift")

    model: str
    weeks: list[str] = Field(description="Mondays, UTC, oldest first; the last week is not over.")
    corrections: list[int]
    unknown_words: list[float | None] = Field(
        description="Mean share of an article's words that the model does not know; null if no text was kept."
    )
    topics: list[DriftTopicOut]
    new_words: list[NewWordsOut]
    missing: list[MissingTopicOut] = Field(
        description="Names that editors gave to topics that the model does not have."
    )

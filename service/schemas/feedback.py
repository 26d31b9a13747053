"""Corrections and the queue: what an editor sends, and what is answered."""

from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tagdesk.service.schemas.articles import MAX_ID, MOST_LISTED, ArticleIn, Name, SentArticle
from tagdesk.service.schemas.timestamps import Timestamp

TopicIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_ID)]], Field(max_length=MOST_LISTED, fail_fast=True)
]

MOST_MISSING = 10
_ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
MissingTopic = Annotated[str, Field(min_length=1, max_length=100, pattern=_ONE_LINE)]


class FeedbackIn(BaseModel):
    """A correction: an editor's verdicts on topics. A topic in no list was not judged, unless `topics` is sent."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, extra="forbid", title="Feedback")

    article: SentArticle = Field(description="Without an `id`, one is made from its text.")
    model: Name = Field(description="Name and version of the model that answered, as in its answer.")
    topics: TopicIds | None = Field(
        default=None,
        description="Sent if an editor went through the article as a whole: all topics that are correct, and every "
        "other topic is wrong; [] if none is correct.",
    )
    accepted: TopicIds | None = Field(
        default=None, description="Those of the model's topics that an editor looked at and accepted."
    )
    rejected: TopicIds | None = Field(
        default=None, description="Those of the model's topics that an editor looked at and rejected."
    )
    added: TopicIds | None = Field(default=None, description="Topics that the model did not give and an editor added.")
    missing: Annotated[list[MissingTopic], Field(max_length=MOST_MISSING)] | None = Field(
        default=None, description="Names of topics that an editor misses and the model does not have."
    )
    editor: Name | None = Field(default=None, description="If absent, the key's name.")
    id: Name | None = Field(
        default=None, description="The client's own id for this correction: if it is sent again, it is stored once."
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_few_unknown(cls, value: Any) -> Any:
        """Leave only the first unknown fields, which the errors point at: a million fields would be as many errors."""
        if not isinstance(value, dict):
            return value
        dropped = {name for name in value if name not in cls.model_fields}
        dropped -= set(islice(dropped, 10))
        return {name: field for name, field in value.items() if name not in dropped}


class ReceiptOut(BaseModel):
    """The receipt for a correction."""

    model_config = ConfigDict(title="Receipt")

    id: str
    article: str = Field(description="The article's id.")
    received: Timestamp = Field(description="When it first arrived, UTC.")


class CountOut(BaseModel):
    """Number of corrections, and of the articles that they correct."""

    model_config = ConfigDict(title="Count")

    corrections: int
    articles: int


class CountsOut(BaseModel):
    """How much has been corrected."""

    model_config = ConfigDict(title="Counts")

    since: Timestamp = Field(description="UTC.")
    own: CountOut = Field(description="Those of the key that sent the request.")
    all: CountOut
    waiting: int = Field(description="Articles in the queue.")


class QueuedOut(BaseModel):
    """The receipt for an article in the queue."""

    model_config = ConfigDict(title="Queued")

    id: str = Field(description="The article's id.")
    queued: Timestamp = Field(description="Since when, UTC.")
    certainty: float = Field(description="Distance of the nearest confidence from its topic's cut-off.")


class NextOut(BaseModel):
    """The article that the model is least certain about; null if none waits."""

    model_config = ConfigDict(title="Next")

    article: ArticleIn | None
    model: str | None
    certainty: float | None
    queued: Timestamp | None
    waiting: int = Field(description="Articles in the queue, including this one.")


class WaitingOut(BaseModel):
    """An article that waits for an editor."""

    model_config = ConfigDict(title="Waiting")

    id: str
    title: str = Field(description="If it has none, the first words of its body.")
    certainty: float = Field(description="Distance of the nearest confidence from its topic's cut-off.")
    queued: Timestamp = Field(description="Since when, UTC.")
    taken_by: str | None = Field(description="The editor who has it open.")


class QueueOut(BaseModel):
    """The articles that wait for an editor, the least certain first."""

    model_config = ConfigDict(title="Queue")

    waiting: int = Field(description="How many wait in total.")
    taken: int = Field(description="How many of them editors have open.")
    articles: list[WaitingOut]

"""The answers about models: their topics, their versions, and which of them is served."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from tagdesk.service.schemas.timestamps import Timestamp

ModelName = Annotated[
    str | None,
    Query(alias="model", description="Of several models, the name of the one that is meant: else the default."),
]
"""The name of a model in a request."""


class LanguageModelOut(BaseModel):
    """A model that answers."""

    model_config = ConfigDict(title="LanguageModel")

    name: str
    model: str = Field(description="Its name and version.")
    languages: list[str] = Field(
        description="Those that it is the model of, as primary languages (BCP 47); none where it answers all articles, "
        "or those in languages without a model."
    )


class LanguagesOut(BaseModel):
    """The models that answer, the default first."""

    model_config = ConfigDict(title="Languages")

    models: list[LanguageModelOut]


class CodeOut(BaseModel):
    """A concept of another vocabulary."""

    model_config = ConfigDict(title="Code")

    qcode: str
    match: Literal["exact", "close", "narrower"]


class CutoffsOut(BaseModel):
    """The confidences from which a topic is in a band."""

    model_config = ConfigDict(title="Cutoffs")

    suggest: float
    auto: float | None = Field(description="null if no cut-off keeps the promise of the band `auto`.")


class MeasuredOut(BaseModel):
    """How well the model does on the topic, on articles it was not trained on."""

    model_config = ConfigDict(title="Measured")

    precision: float | None
    recall: float | None
    f1: float | None
    support: int | None


class TaxonomyTopicOut(BaseModel):
    """One topic of the model."""

    model_config = ConfigDict(title="Topic")

    id: str
    name: str
    description: str
    parent: str | None
    implies_parent: bool = Field(description="Its confidence is at most its parent's.")
    codes: list[CodeOut]
    cutoffs: CutoffsOut
    measured: MeasuredOut | None = Field(description="null if the model's manifest has no figures.")


class TopicsOut(BaseModel):
    """The topics that the model knows."""

    model_config = ConfigDict(title="Topics")

    model: str
    taxonomy: str
    topics: list[TaxonomyTopicOut]


class VersionOut(BaseModel):
    """A version that can be served."""

    model_config = ConfigDict(title="Version")

    version: str
    place: Literal["store", "shipped"]


class FailureOut(BaseModel):
    """A model that could not be served."""

    model_config = ConfigDict(title="Failure")

    model: str = Field(description="Its name and version.")
    reason: str
    at: Timestamp = Field(description="When, UTC.")


class WorkerOut(BaseModel):
    """What one worker serves."""

    model_config = ConfigDict(title="Worker")

    pid: int
    model: str
    since: Timestamp = Field(description="UTC.")
    failure: FailureOut | None = Field(description="The last model that it could not serve.")


class ModelsOut(BaseModel):
    """The versions of the model, and which of them answers."""

    model_config = ConfigDict(title="Models")

    name: str
    follows_current: bool = Field(description="false if the service was started with one version or a path.")
    current: str | None = Field(description="The version that `CURRENT` names; null if it cannot be read.")
    previous: str | None = Field(description="The version that a rollback would serve.")
    versions: list[VersionOut]
    workers: list[WorkerOut]
    last_failure: FailureOut | None


class ActivatedOut(BaseModel):
    """The outcome of an activation."""

    model_config = ConfigDict(title="Activated")

    model: str = Field(description="Name and version of the model that answers now.")
    before: str = Field(description="The model that this worker served before.")
    waiting: list[int] = Field(description="Process ids of the workers that still serve another model.")
    workers: list[WorkerOut]


class ShadowTopicOut(BaseModel):
    """How often only one of the two models gave a topic."""

    model_config = ConfigDict(title="ShadowTopic")

    topic: str
    only_active: int
    only_shadow: int


class DisagreementOut(BaseModel):
    """An article to which only one of the models gave the topic, and both models' confidence in it."""

    model_config = ConfigDict(title="Disagreement")

    id: str
    topic: str
    active: float
    shadow: float


class ShadowOut(BaseModel):
    """Where the shadow would have answered differently."""

    model_config = ConfigDict(title="Shadow")

    active: str
    shadow: str | None = Field(description="null if it could not be loaded.")
    failure: str | None = Field(description="Why it could not be loaded.")
    articles: int = Field(description="Number compared since the active model began to answer.")
    passed_over: int = Field(description="Number not compared, because the service was busy.")
    topics: list[ShadowTopicOut] = Field(description="Most disagreements first.")
    strongest: list[DisagreementOut] = Field(description="Greatest difference first, of articles sent with an id.")

"""What travels over HTTP. The article's fields are checked here; the answers' are documented and not checked again."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from models.article import MAX_BODY, MAX_TITLE
from models.html import MAX_HTML

MAX_ID = 256


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_schema(limit: int, *, words: bool) -> WithJsonSchema:
    """Document the caps that `models.Article` keeps, in code points."""
    schema: dict[str, Any] = {"type": "string", "maxLength": limit}
    return WithJsonSchema(schema | {"pattern": r"\S"} if words else {"anyOf": [schema, {"type": "null"}]})


Id = Annotated[
    Annotated[str, Field(max_length=MAX_ID)] | None,
    BeforeValidator(_as_text),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": MAX_ID}, {"type": "integer"}, {"type": "null"}]}),
]


class ArticleIn(BaseModel):
    """An article: exactly one of `body` and `body_html`, and no other field is required. null counts as absent."""

    model_config = ConfigDict(
        strict=True,
        hide_input_in_errors=True,
        title="Article",
        json_schema_extra={
            "oneOf": [
                {"required": ["body"], "properties": {"body_html": {"type": "null"}}},
                {"required": ["body_html"], "properties": {"body": {"type": "null"}}},
            ]
        },
    )

    id: Id = Field(
        default=None, description="The sender's name for it, echoed as a string; a whole number is read as one."
    )
    title: Annotated[str | None, _text_schema(MAX_TITLE, words=False)] = Field(default=None, description="Plain text.")
    body: Annotated[str | None, _text_schema(MAX_BODY, words=True)] = Field(
        default=None,
        description="Plain text; one that is clearly HTML is read as HTML, with the warning `html-in-body`.",
    )
    body_html: Annotated[str | None, _text_schema(MAX_HTML, words=True)] = Field(default=None, description="HTML.")
    language: str | None = Field(
        default=None,
        description="BCP 47 tag, as the sender believes; another language than the model's earns a warning.",
    )
    url: str | None = Field(default=None, description="Where it is published; never fetched.")


_NAME = r"^[^\u0000]+$"
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=_NAME)]
TopicIds = Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_ID)]], Field(max_length=1000)]


class FeedbackIn(BaseModel):
    """A correction: the topics that are right, or what became of those that the model gave."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, extra="forbid", title="Feedback")

    article: ArticleIn = Field(description="Without an `id` its text makes one.")
    model: Name = Field(description="What answered, as its answer said.")
    topics: TopicIds | None = Field(
        default=None, description="Ids of the topics that are right; null or [] where none is."
    )
    accepted: TopicIds | None = Field(default=None, description="Of the model's topics those that are right.")
    rejected: TopicIds | None = Field(default=None, description="Of the model's topics those that are wrong.")
    added: TopicIds | None = Field(default=None, description="Topics that are right and the model did not give.")
    editor: Name | None = Field(default=None, description="The key's name where it is not given.")
    id: Name | None = Field(
        default=None, description="The client's own for this correction: sent again, it is kept once."
    )


class ReceiptOut(BaseModel):
    """That a correction is kept."""

    model_config = ConfigDict(title="Receipt")

    id: str
    article: str = Field(description="The article's id.")
    received: str = Field(description="When it came first, UTC.")


class CountOut(BaseModel):
    """How many corrections there are, and of how many articles."""

    model_config = ConfigDict(title="Count")

    corrections: int
    articles: int


class CountsOut(BaseModel):
    """How much was corrected."""

    model_config = ConfigDict(title="Counts")

    since: str = Field(description="UTC.")
    own: CountOut = Field(description="Those of the key that asks.")
    all: CountOut
    waiting: int = Field(description="Articles in the queue.")


class QueuedOut(BaseModel):
    """That an article waits."""

    model_config = ConfigDict(title="Queued")

    id: str = Field(description="The article's id.")
    queued: str = Field(description="Since when, UTC.")
    certainty: float = Field(description="How far the nearest confidence is from its topic's cut-off.")


class NextOut(BaseModel):
    """The article that the model is least certain of; null where none waits."""

    model_config = ConfigDict(title="Next")

    article: ArticleIn | None
    model: str | None
    certainty: float | None
    queued: str | None
    waiting: int = Field(description="Articles in the queue, this one among them.")


class EvidenceOut(BaseModel):
    """One n-gram where it stands, and what it added to the topic's score."""

    model_config = ConfigDict(title="Evidence")

    field: Literal["title", "body", "body_html"]
    start: int = Field(ge=0, description="Unicode code points of the field as it was sent.")
    end: int = Field(ge=0, description="Exclusive.")
    text: str
    weight: float


class TopicOut(BaseModel):
    """One topic of an article; `score`, `bias` and `evidence` only with `?explain=`."""

    model_config = ConfigDict(title="TopicAnswer")

    id: str
    name: str
    qcodes: list[str] = Field(description="IPTC Media Topic codes.")
    parent: str | None = Field(description="The id of the topic above.")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability.")
    band: Literal["auto", "suggest"] | None = Field(description="null in `below` alone.")
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
        description="Only with `?explain=all`: the other topics, most likely first; with `?explain=` a topic's id: "
        "that topic, unless it is given.",
    )
    warnings: list[str] = Field(
        description="`short-text`, `unknown-words` and `language: <its language>`: no topic is `auto`, the text is not "
        "like those the model learned from. `html-in-body`, `unknown-field: <name>`: how the request was read."
    )


class CodeOut(BaseModel):
    """A concept of another vocabulary."""

    model_config = ConfigDict(title="Code")

    qcode: str
    match: Literal["exact", "close", "narrower"]


class CutoffsOut(BaseModel):
    """The confidences from which a topic is in a band."""

    model_config = ConfigDict(title="Cutoffs")

    suggest: float
    auto: float | None = Field(description="null where no cut-off keeps the promise of the band `auto`.")


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
    measured: MeasuredOut | None = Field(description="null where the model's manifest has no figures.")


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
    at: str = Field(description="When, UTC.")


class WorkerOut(BaseModel):
    """What one worker serves."""

    model_config = ConfigDict(title="Worker")

    pid: int
    model: str
    since: str = Field(description="UTC.")
    failure: FailureOut | None = Field(description="The last model that it could not serve.")


class ModelsOut(BaseModel):
    """The versions of the model, and which of them answers."""

    model_config = ConfigDict(title="Models")

    name: str
    follows_current: bool = Field(description="false where the service was started with one version or a path.")
    current: str | None = Field(description="The version that `CURRENT` names; null where it cannot be read.")
    previous: str | None = Field(description="Where a rollback leads.")
    versions: list[VersionOut]
    workers: list[WorkerOut]
    last_failure: FailureOut | None


class ActivatedOut(BaseModel):
    """Another version answers."""

    model_config = ConfigDict(title="Activated")

    model: str = Field(description="Name and version of the model that answers now.")
    before: str = Field(description="The model that this worker served before.")
    waiting: list[int] = Field(description="Process ids of the workers that still serve another model.")
    workers: list[WorkerOut]


class ShadowTopicOut(BaseModel):
    """How often one model alone gave a topic."""

    model_config = ConfigDict(title="ShadowTopic")

    topic: str
    only_active: int
    only_shadow: int


class DisagreementOut(BaseModel):
    """An article of which one model alone gave the topic, and both models' confidence in it."""

    model_config = ConfigDict(title="Disagreement")

    id: str
    topic: str
    active: float
    shadow: float


class ShadowOut(BaseModel):
    """Where the shadow would have answered otherwise."""

    model_config = ConfigDict(title="Shadow")

    active: str
    shadow: str | None = Field(description="null where it could not be loaded.")
    failure: str | None = Field(description="Why it could not be loaded.")
    articles: int = Field(description="Compared since the active model answers.")
    passed_over: int = Field(description="Not compared, because the service was busy.")
    topics: list[ShadowTopicOut] = Field(description="Most disagreements first.")
    strongest: list[DisagreementOut] = Field(description="Widest apart first, of articles sent with an id.")


class DriftTopicOut(BaseModel):
    """What editors said of one topic, by week; null where they said nothing."""

    model_config = ConfigDict(title="DriftTopic")

    topic: str
    rate: list[float | None] = Field(description="Share of the corrected articles that have it.")
    acceptance: list[float | None] = Field(description="accepted / (accepted + rejected).")


class NewWordOut(BaseModel):
    """A word, and how many articles of this week have it."""

    model_config = ConfigDict(title="NewWord")

    word: str
    articles: int


class NewWordsOut(BaseModel):
    """Words of a topic's articles that the model does not know and the weeks before did not have."""

    model_config = ConfigDict(title="NewWords")

    topic: str
    words: list[NewWordOut] = Field(description="Of several articles each, those of most articles first.")


class DriftOut(BaseModel):
    """How corrections change from week to week."""

    model_config = ConfigDict(title="Drift")

    model: str
    weeks: list[str] = Field(description="Mondays, UTC, oldest first; the last week is not over.")
    corrections: list[int]
    unknown_words: list[float | None] = Field(
        description="Mean share of an article's words that the model does not know; null where no text was kept."
    )
    topics: list[DriftTopicOut]
    new_words: list[NewWordsOut]


class GainedOut(BaseModel):
    """In how many articles the candidate gives a topic that the served model does not, and the other way round."""

    model_config = ConfigDict(title="Gained")

    topic: str
    gained: int
    lost: int


class ChangedArticleOut(BaseModel):
    """An article of which one model alone gives the topic, and both models' confidence in it."""

    model_config = ConfigDict(title="ChangedArticle")

    id: str
    title: str | None
    topic: str
    change: Literal["gained", "lost"]
    served: float
    candidate: float


class ChangesOut(BaseModel):
    """What a candidate changed against the served model, as retraining wrote it; it may say more."""

    model_config = ConfigDict(title="Changes")

    candidate: str
    served: str
    made: str = Field(description="When, UTC.")
    source: str = Field(description="Which articles both were asked about.")
    articles: int
    topics: list[GainedOut]
    strongest: list[ChangedArticleOut]
    words: list[dict[str, Any]] = Field(description="By topic, the n-grams whose weight moved most, `up` and `down`.")
    editors: list[dict[str, Any]] = Field(description="Errors before and after, by editor and topic.")
    gate: dict[str, Any] | None = Field(default=None, description="Whether it was promoted, and why not.")


class SessionOut(BaseModel):
    """Who is signed in at the desk."""

    model_config = ConfigDict(title="Session")

    editor: str | None = Field(description="The name of the key; null where no key is asked for, or none is left.")


class StatusOut(BaseModel):
    """That the service is well."""

    model_config = ConfigDict(title="Status")

    status: Literal["ok"]


class FaultOut(BaseModel):
    """One fault: where, and what to do."""

    model_config = ConfigDict(title="Fault")

    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) as a URI fragment, `#/body`.")
    parameter: str | None = Field(default=None, description="The query parameter's name.")
    detail: str


class ProblemOut(BaseModel):
    """A problem (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="A reference that this service answers, `/problems/empty-article`.")
    title: str
    status: int
    detail: str
    errors: list[FaultOut]


class KindOut(BaseModel):
    """One kind of problem, and what to do about it."""

    model_config = ConfigDict(title="ProblemKind")

    type: str
    title: str
    status: int
    remedy: str

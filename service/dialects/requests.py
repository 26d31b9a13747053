"""What clients of Annif, iMatrics and Label Studio send; other fields are ignored, and lists limited in length."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel
from pydantic.config import JsonDict

from tagdesk.service.dialects.labelling import MAX_CONFIG
from tagdesk.service.schemas.articles import MAX_ID, MOST_LISTED, Name

_TEXT = "Storm cuts power to 40,000 homes along the west coast."
_INTERFACE = (
    '<View><Text name="text" value="$text"/><Choices name="topics" toName="text" choice="multiple">'
    '<Choice value="Weather"/><Choice value="Conflict"/></Choices></View>'
)
_EXAMPLES: dict[str, JsonValue] = {
    "AnnifDocuments": {"documents": [{"text": _TEXT, "document_id": "a-1"}]},
    "IndexedDocuments": [{"text": _TEXT, "subjects": [{"uri": "http://cv.iptc.org/newscodes/mediatopic/17000000"}]}],
    "LanguageQuestion": {"text": _TEXT, "languages": ["en", "fi"]},
    "Story": {
        "uuid": "urn:newsml:localhost:2026-11-24:1",
        "pubStatus": True,
        "headline": "Storm cuts power to 40,000 homes",
        "body": ["Winds of up to 130 km/h brought down power lines."],
        "language": "en",
        "concepts": [],
    },
    "ConceptQuestion": {"title": "weather", "type": "all", "size": 10},
    "NewConcept": {"title": "Weather", "type": "topic"},
    "ProjectSetup": {"project": "1.1764500000", "schema": _INTERFACE},
    "PredictionTasks": {"tasks": [{"id": 1, "data": {"text": _TEXT}}], "label_config": _INTERFACE},
    "AnnotationEvent": {
        "action": "ANNOTATION_CREATED",
        "annotation": {"result": [{"from_name": "topics", "to_name": "text", "value": {"choices": ["Weather"]}}]},
        "task": {"id": 1, "data": {"text": _TEXT}},
        "project": {"label_config": _INTERFACE},
    },
}


def _config(title: str) -> ConfigDict:
    """Return how a request is checked, with its example for the API's description."""
    example: JsonDict | None = {"examples": [_EXAMPLES[title]]} if title in _EXAMPLES else None
    return ConfigDict(strict=True, hide_input_in_errors=True, title=title, json_schema_extra=example)


Text = Annotated[str, Field(description="Plain text; one that is clearly HTML is read as HTML.")]
FEW = Field(max_length=MOST_LISTED, fail_fast=True)
PARAGRAPHS = Field(max_length=10 * MOST_LISTED, fail_fast=True)
Language = Annotated[str, Field(min_length=2, max_length=3)]


class AnnifDocument(BaseModel):
    """A document to suggest subjects for."""

    model_config = _config("AnnifDocument")

    text: Text
    document_id: Annotated[str, Field(max_length=MAX_ID)] | None = Field(default=None, description="Echoed.")
    metadata: dict[str, Any] | None = Field(default=None, description="`title` is read as the article's title.")


class AnnifDocuments(BaseModel):
    """The request of `suggest-batch`."""

    model_config = _config("AnnifDocuments")

    documents: Annotated[list[AnnifDocument], FEW]


class AnnifSubject(BaseModel):
    """A correct subject."""

    model_config = _config("AnnifSubject")

    uri: str = Field(description="As `suggest` gives it, or the id or a code of a topic.")
    label: str | None = None


class IndexedDocument(BaseModel):
    """A document and all of its correct subjects."""

    model_config = _config("IndexedDocument")

    text: Text
    subjects: Annotated[list[AnnifSubject], FEW]
    document_id: Name | None = Field(default=None, description="If absent, made from the text.")
    metadata: dict[str, Any] | None = Field(default=None, description="`title` is read as the article's title.")


class IndexedDocuments(RootModel[Annotated[list[IndexedDocument], FEW]]):
    """The request of `learn`."""

    model_config = _config("IndexedDocuments")


class LanguageQuestion(BaseModel):
    """The request of `detect-language`."""

    model_config = _config("LanguageQuestion")

    text: str
    languages: Annotated[list[Language], Field(min_length=1, max_length=100, fail_fast=True)] = Field(
        description="The languages to choose from (ISO 639)."
    )


class StoryConcept(BaseModel):
    """A concept of a story."""

    model_config = _config("StoryConcept")

    uuid: str


class StoryIn(BaseModel):
    """A story as Superdesk sends it."""

    model_config = _config("Story")

    uuid: Name | None = Field(default=None, description="Superdesk's guid; if absent, made from the text.")
    headline: str | None = None
    body: Annotated[list[str], PARAGRAPHS] | str | None = Field(default=None, description="Paragraphs.")
    preamble: str | None = Field(default=None, description="Read as the end of the body.")
    language: str | None = None
    pubStatus: bool = Field(default=False, description="Whether it is published.")  # noqa: N815
    concepts: Annotated[list[StoryConcept], FEW] | None = Field(
        default=None, description="The concepts that the editors kept."
    )


class ConceptQuestion(BaseModel):
    """Which concepts are wanted."""

    model_config = _config("ConceptQuestion")

    title: str | None = Field(default=None, description="A part of the name, for `title_type`.")
    type: str | None = Field(default=None, description="`category`, `topic` or `all`.")
    uuid: str | None = Field(default=None, description="For `id`.")
    size: int = Field(default=10, ge=0, description="Maximum number of concepts.")


class NewConcept(BaseModel):
    """A concept to create."""

    model_config = _config("NewConcept")

    title: str
    type: str | None = None


LabelConfig = Annotated[str, Field(max_length=MAX_CONFIG, description="The labelling interface, in XML.")]


class ProjectSetup(BaseModel):
    """A project of Label Studio's that begins to ask."""

    model_config = _config("ProjectSetup")

    schema_: LabelConfig = Field(default="", alias="schema")


class LabelTask(BaseModel):
    """A task of Label Studio's."""

    model_config = _config("LabelTask")

    data: dict[str, Any] = Field(description="Its fields: the text, a `title` or `headline`, an `id`.")


class PredictionTasks(BaseModel):
    """The request of `predict`."""

    model_config = _config("PredictionTasks")

    tasks: Annotated[list[LabelTask], FEW]
    label_config: LabelConfig


class LabelAnnotation(BaseModel):
    """What an annotator chose."""

    model_config = _config("LabelAnnotation")

    result: Annotated[list[Any], FEW] | None
    was_cancelled: bool | None = None


class LabelProject(BaseModel):
    """The project of an annotation."""

    model_config = _config("LabelProject")

    label_config: LabelConfig


class AnnotationMade(BaseModel):
    """An annotation, and what it is about."""

    model_config = _config("AnnotationMade")

    annotation: LabelAnnotation
    task: LabelTask
    project: LabelProject


class AnnotationsMade(BaseModel):
    """Several annotations, and the task of each at the same place."""

    model_config = _config("AnnotationsMade")

    annotation: Annotated[list[LabelAnnotation], FEW]
    task: Annotated[list[LabelTask], FEW]
    project: LabelProject


class AnnotationEvent(BaseModel):
    """What Label Studio says has happened; of other events than annotations `action` alone is read."""

    model_config = _config("AnnotationEvent")

    action: Any = Field(
        default=None, description="`ANNOTATION_CREATED`, `ANNOTATION_UPDATED` or `ANNOTATIONS_CREATED`."
    )
    annotation: Any = Field(
        default=None,
        description="As Label Studio writes it: `was_cancelled` and of the `result` the choices are read. Of "
        "`ANNOTATIONS_CREATED` a list.",
    )
    task: Any = Field(default=None, description="With its `data`. Of `ANNOTATIONS_CREATED` a list, in the same order.")
    project: Any = Field(default=None, description="With its `label_config`, the labelling interface in XML.")

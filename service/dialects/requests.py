"""What Annif's and iMatrics' clients send; fields that are not named here are passed over."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.schemas import MAX_ID, Name

Text = Annotated[str, Field(description="Plain text; one that is clearly HTML is read as HTML.")]
Language = Annotated[str, Field(min_length=2, max_length=3)]


class AnnifDocument(BaseModel):
    """A document to suggest subjects for."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="AnnifDocument")

    text: Text
    document_id: Annotated[str, Field(max_length=MAX_ID)] | None = Field(default=None, description="Echoed.")
    metadata: dict[str, Any] | None = Field(default=None, description="`title` is read as the article's title.")


class AnnifDocuments(BaseModel):
    """The request of `suggest-batch`."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="AnnifDocuments")

    documents: list[AnnifDocument]


class AnnifSubject(BaseModel):
    """A subject that is right."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="AnnifSubject")

    uri: str = Field(description="As `suggest` gives it, or the id or a code of a topic.")
    label: str | None = None


class IndexedDocument(BaseModel):
    """A document and all subjects that are right of it."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="IndexedDocument")

    text: Text
    subjects: list[AnnifSubject]
    document_id: Name | None = Field(default=None, description="Where it is not given the text makes one.")
    metadata: dict[str, Any] | None = Field(default=None, description="`title` is read as the article's title.")


class IndexedDocuments(RootModel[list[IndexedDocument]]):
    """The request of `learn`."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="IndexedDocuments")


class LanguageQuestion(BaseModel):
    """The request of `detect-language`."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="LanguageQuestion")

    text: str
    languages: Annotated[list[Language], Field(min_length=1, max_length=100)] = Field(
        description="The languages that come into question (ISO 639)."
    )


class StoryConcept(BaseModel):
    """A concept of a story."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="StoryConcept")

    uuid: str


class StoryIn(BaseModel):
    """A story as Superdesk sends it."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="Story")

    uuid: Name | None = Field(default=None, description="Superdesk's guid; where it is not given the text makes one.")
    headline: str | None = None
    body: list[str] | str | None = Field(default=None, description="Paragraphs.")
    language: str | None = None
    pubStatus: bool = Field(default=False, description="Whether it is published.")  # noqa: N815
    concepts: list[StoryConcept] | None = Field(default=None, description="Those that the editors kept.")


class ConceptQuestion(BaseModel):
    """Which concepts are looked for."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="ConceptQuestion")

    title: str | None = Field(default=None, description="A part of the name, for `title_type`.")
    type: str | None = Field(default=None, description="`category`, `topic` or `all`.")
    uuid: str | None = Field(default=None, description="For `id`.")
    size: int = Field(default=10, ge=0, description="Most concepts to give.")


class NewConcept(BaseModel):
    """A concept to make."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="NewConcept")

    title: str
    type: str | None = None


NAMED = (
    (AnnifDocuments, "AnnifDocuments"),
    (IndexedDocuments, "IndexedDocuments"),
    (LanguageQuestion, "LanguageQuestion"),
    (StoryIn, "Story"),
    (ConceptQuestion, "ConceptQuestion"),
    (NewConcept, "NewConcept"),
)
"""The requests, and what they are called in the API's description."""


def json_request(name: str, example: Any) -> dict[str, Any]:
    """Describe a request of one of `NAMED`."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}

"""The answers to the clients of Annif, iMatrics and Label Studio: documented, not checked again."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tagdesk.service.schemas.timestamps import Timestamp


class ApiInfoOut(BaseModel):
    """Which API this is."""

    model_config = ConfigDict(title="ApiInfo")

    title: str
    version: str


class BackendOut(BaseModel):
    """What a project is implemented by."""

    model_config = ConfigDict(title="Backend")

    backend_id: str


class VocabularyOut(BaseModel):
    """The subjects of a project."""

    model_config = ConfigDict(title="Vocabulary")

    vocab_id: str
    languages: list[str]
    size: int
    loaded: bool


class ProjectOut(BaseModel):
    """The model, as a project of Annif's."""

    model_config = ConfigDict(title="Project")

    project_id: str = Field(description="The model's name.")
    name: str = Field(description="Its name and version.")
    language: str
    backend: BackendOut
    vocab: VocabularyOut
    vocab_language: str
    is_trained: bool
    modification_time: Timestamp | None


class ProjectsOut(BaseModel):
    """The models that answer, each as a project."""

    model_config = ConfigDict(title="Projects")

    projects: list[ProjectOut]


class VocabulariesOut(BaseModel):
    """The vocabularies of the projects."""

    model_config = ConfigDict(title="Vocabularies")

    vocabs: list[VocabularyOut]


class SuggestionOut(BaseModel):
    """A topic, as a subject of Annif's."""

    model_config = ConfigDict(title="Suggestion")

    uri: str
    label: str
    notation: str | None = Field(description="The IPTC code, `medtop:16000000`.")
    score: float = Field(ge=0, le=1, description="The confidence.")


class SuggestionsOut(BaseModel):
    """The topics of one text."""

    model_config = ConfigDict(title="Suggestions")

    results: list[SuggestionOut]


class DocumentSuggestionsOut(SuggestionsOut):
    """The topics of one document."""

    model_config = ConfigDict(title="DocumentSuggestions")

    document_id: str | None


class LanguageOut(BaseModel):
    """How likely a language is."""

    model_config = ConfigDict(title="LanguageScore")

    language: str | None = Field(description="null: any other language.")
    score: float = Field(ge=0, le=1)


class LanguagesOut(BaseModel):
    """The languages that were asked about, most likely first."""

    model_config = ConfigDict(title="LanguageScores")

    results: list[LanguageOut]


class LinkOut(BaseModel):
    """A concept of IPTC's."""

    model_config = ConfigDict(title="ConceptLink")

    source: Literal["iptc"]
    relationType: Literal["exactMatch", "closeMatch", "narrowMatch"]  # noqa: N815
    id: str = Field(description="`medtop:16000000`.")
    uri: str


class ConceptOut(BaseModel):
    """A topic, as a concept of iMatrics'."""

    model_config = ConfigDict(title="Concept")

    uuid: str = Field(description="Made from the topic's id; it never changes.")
    title: str
    type: Literal["category", "topic"] = Field(description="`category` if a Media Topic matches it exactly.")
    shortDescription: str  # noqa: N815
    aliases: list[str]
    source: str
    author: str
    broader: Literal[""] = Field(description="Always empty: a parent would become a tag that nobody chose.")
    links: list[LinkOut]
    weight: float | None = Field(default=None, description="The confidence; only in an analysis.")


class AnalysisOut(BaseModel):
    """The topics of a story."""

    model_config = ConfigDict(title="Analysis")

    concepts: list[ConceptOut]
    broader: list[ConceptOut] = Field(description="Always empty.")


class StoredOut(BaseModel):
    """The story that was stored."""

    model_config = ConfigDict(title="Stored")

    uuid: str


class OutcomeOut(BaseModel):
    """The outcome of a request about concepts; the status is 200 either way."""

    model_config = ConfigDict(title="ConceptOutcome")

    error: bool
    response: str


class ConceptsOut(OutcomeOut):
    """The concepts that match."""

    model_config = ConfigDict(title="Concepts")

    result: list[ConceptOut]


class BackendHealthOut(BaseModel):
    """It is there."""

    model_config = ConfigDict(title="BackendHealth", protected_namespaces=())

    status: Literal["UP"]
    model_class: str = Field(description="Name and version of the model that answers.")


class SetupOut(BaseModel):
    """What a project of Label Studio's is answered by."""

    model_config = ConfigDict(title="Setup", protected_namespaces=())

    model_version: str


class ChoicesValueOut(BaseModel):
    """Choices that are made."""

    model_config = ConfigDict(title="ChoicesValue")

    choices: list[str]


class ChoicesResultOut(BaseModel):
    """The choices of one group."""

    model_config = ConfigDict(title="ChoicesResult")

    from_name: str
    to_name: str
    type: Literal["choices"]
    value: ChoicesValueOut


class PredictionOut(BaseModel):
    """The topics of one task, most likely first."""

    model_config = ConfigDict(title="Prediction", protected_namespaces=())

    result: list[ChoicesResultOut]
    score: float = Field(ge=0, le=1, description="The confidence of the most likely topic; 0 if there is none.")
    model_version: str


class PredictionsOut(BaseModel):
    """The predictions for the tasks, in their order."""

    model_config = ConfigDict(title="Predictions")

    results: list[PredictionOut]

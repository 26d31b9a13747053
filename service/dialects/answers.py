"""What Annif's and iMatrics' clients are answered: documented, and not checked again."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ApiInfoOut(BaseModel):
    """Which API this is."""

    model_config = ConfigDict(title="ApiInfo")

    title: str
    version: str


class BackendOut(BaseModel):
    """What a project works with."""

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
    modification_time: str | None


class ProjectsOut(BaseModel):
    """All there are: one."""

    model_config = ConfigDict(title="Projects")

    projects: list[ProjectOut]


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

    language: str | None = Field(description="null: none of those in question.")
    score: float = Field(ge=0, le=1)


class LanguagesOut(BaseModel):
    """The languages in question, most likely first."""

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

    uuid: str = Field(description="Made of the topic's id, the same for ever.")
    title: str
    type: Literal["category", "topic"] = Field(description="`category`: a Media Topic is the same.")
    shortDescription: str  # noqa: N815
    aliases: list[str]
    source: str
    author: str
    broader: str = Field(description="The uuid of the topic above; empty where there is none.")
    links: list[LinkOut]
    weight: float | None = Field(default=None, description="The confidence; with an analysis alone.")


class AnalysisOut(BaseModel):
    """The topics of a story, and those above them."""

    model_config = ConfigDict(title="Analysis")

    concepts: list[ConceptOut]
    broader: list[ConceptOut]


class StoredOut(BaseModel):
    """The story that was kept."""

    model_config = ConfigDict(title="Stored")

    uuid: str


class OutcomeOut(BaseModel):
    """What became of a request about concepts; the status is 200 either way."""

    model_config = ConfigDict(title="ConceptOutcome")

    error: bool
    response: str


class ConceptsOut(OutcomeOut):
    """The concepts that were found."""

    model_config = ConfigDict(title="Concepts")

    result: list[ConceptOut]

"""Who is signed in, whether the service is well, and what a problem says."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SessionOut(BaseModel):
    """Who is signed in at the desk."""

    model_config = ConfigDict(title="Session")

    editor: str | None = Field(description="The name of the key; null if no key is required, or after signing out.")
    scopes: list[str] = Field(description="The key's scopes; `admin` includes the others.")


class StatusOut(BaseModel):
    """The service is well."""

    model_config = ConfigDict(title="Status")

    status: Literal["ok"]


class ReadyOut(StatusOut):
    """The service can tag, and keep corrections if it is to."""

    model_config = ConfigDict(title="Ready")

    ledger: Literal["ok", "none"] = Field(description="`none`: no corrections are kept.")


class FaultOut(BaseModel):
    """One fault: its place, and what to do."""

    model_config = ConfigDict(title="Fault")

    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) as a URI fragment, `#/body`.")
    parameter: str | None = Field(default=None, description="The query parameter's name.")
    detail: str


class ProblemOut(BaseModel):
    """A problem (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="A reference that this service resolves, such as `/problems/empty-article`.")
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

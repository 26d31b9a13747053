"""What can go wrong, as one tree.

TagdeskError
├── Problem             the service refused, and says why (RFC 9457)
├── Unreachable         there is no connection, or it broke
├── OutOfTime           there was no answer within the time given
└── UnexpectedAnswer    what came is not Tagdesk's: something else answers at that address
"""

from dataclasses import dataclass


class TagdeskError(Exception):
    """Base of every error that the client raises on purpose; its text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a request.

    Attributes:
        detail: what is wrong and what to do.
        pointer: where in the request, a JSON pointer as a URI fragment (`#/body`), or None.
        parameter: the query parameter at fault, or None.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(TagdeskError):
    """The service refused, and says why.

    Attributes:
        type: which kind of problem, `/problems/empty-article`; the service tells at that path what to do about it.
        title: the kind in a few words.
        status: the HTTP status.
        detail: what is wrong here and what to do.
        errors: the faults.
        retry_after: seconds after which the service asks to come back, or None.
    """

    def __init__(
        self,
        type: str,
        title: str,
        status: int,
        detail: str,
        errors: tuple[Fault, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.type = type
        self.title = title
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after

    @property
    def kind(self) -> str:
        """The last part of the type: `empty-article`."""
        return self.type.rpartition("/")[2]


class Unreachable(TagdeskError):
    """There is no connection to the service, or it broke before the answer was there."""


class OutOfTime(TagdeskError):
    """There was no answer within the time given."""


class UnexpectedAnswer(TagdeskError):
    """What came is not an answer of Tagdesk's.

    Attributes:
        status: its HTTP status.
        retry_after: seconds after which it asks to come back, or None.
    """

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

"""All facts about one request in one object, from its first byte to its line in the log."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from starlette.requests import HTTPConnection
from starlette.types import Message, Scope, Send

from tagdesk.service.edge.keys import Key
from tagdesk.service.edge.problems import Problem
from tagdesk.service.edge.rules import Rules

LEFT = 499
"""The status of a request whose client left before the answer began; nginx's number."""

ARRIVED = "tagdesk.arrived"
"""Key in the scope of a request whose whole body had arrived when it was handed on; `server.protocol` sets it."""

_PLACE = "tagdesk.call"
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
_NAMES = frozenset(name for name, _ in _SECURITY)

_is_id = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~:/+=-]{0,127}").fullmatch
# W3C Trace Context: version, trace, parent, flags; what a later version appends is not read.
_traceparent = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch
_bits = random.Random().getrandbits  # noqa: S311 - an id, not a secret


@dataclass(slots=True)
class Call:
    """One request and its answer so far.

    Attributes:
        method: as it was sent.
        rules: what the route demands of a request.
        headers: by name in lower case; of a repeated name the last counts.
        request_id: the one that the client sent, else a new one.
        trace: the trace's id from `traceparent`.
        began: when it arrived, by `perf_counter`.
        key: the request's key; None where none is required or known yet.
        model: name and version of the model that tagged; None where none has.
        topics: number of topics given; None where no article was tagged.
        held: bytes of the request that are in memory.
        status: of the answer; `LEFT` until one begins.
        size: bytes of the answer's body.
        problem: the kind of problem that was the answer.
        shared: headers of the answer that let a page of another origin read it; empty for every other request.
    """

    method: str
    rules: Rules
    headers: Mapping[bytes, bytes]
    request_id: bytes
    trace: str | None
    began: float
    key: Key | None = None
    model: str | None = None
    topics: int | None = None
    held: int = 0
    status: int = LEFT
    size: int = 0
    problem: str | None = None
    shared: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def of(cls, scope: Scope, rules: Rules) -> "Call":
        """Return the call of a request that has just arrived, and put it into its scope."""
        headers = dict(scope["headers"])
        sent, trace = headers.get(b"x-request-id", b""), None
        if match := _traceparent(headers.get(b"traceparent", b"")):
            trace = match[1].decode()
        request_id = sent if _is_id(sent) else new_id()
        call = cls(scope["method"], rules, headers, request_id, trace, perf_counter())
        scope[_PLACE] = call
        return call

    @property
    def editor(self) -> str | None:
        """The name of the request's key."""
        return self.key.name if self.key else None

    @property
    def answered(self) -> bool:
        """Whether an answer has begun."""
        return self.status != LEFT

    def require(self, scope: str) -> None:
        """Check that the key also has another scope than the route's own.

        Raises:
            Problem: it may not.
        """
        if self.shared and scope != self.rules.scope:
            raise cross_site()
        if self.key is not None and not self.key.allows(scope):
            raise missing_scope(scope)

    def tagged(self, model: str, topics: int) -> None:
        """Note that an article was tagged."""
        self.model = model
        self.topics = (self.topics or 0) + topics

    def sender(self, send: Send) -> Send:
        """Return a `send` that completes the answer's headers and notes its status and size."""

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.body":
                self.size += len(message.get("body", b""))
            elif message["type"] == "http.response.start":
                self.status = message["status"]
                # Not in place: the list may belong to an answer that is sent many times.
                message["headers"] = self.completed(message.get("headers", ()))
            await send(message)

        return send_noted

    def completed(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return an answer's headers with the request's id and those security headers that it does not set itself."""
        present = {name for name, _ in headers}
        missing = _SECURITY if _NAMES.isdisjoint(present) else [row for row in _SECURITY if row[0] not in present]
        return [*headers, *missing, *self.shared, (b"x-request-id", self.request_id)]


def call_of(connection: HTTPConnection) -> Call:
    """Return the call that a request belongs to."""
    call: Call = connection.scope[_PLACE]
    return call


def new_id() -> bytes:
    """Return an id for a request that brings none."""
    return b"%032x" % _bits(128)


def cross_site() -> Problem:
    """Return the problem of a request that another site's page may not have sent."""
    return Problem("cross-site", "A page of another site sent this request: send it from the desk or from a server.")


def missing_scope(scope: str) -> Problem:
    """Return the problem of a key that lacks a scope."""
    return Problem(
        "missing-scope",
        f"The key lacks the scope {scope}: ask whoever runs the service for a key that has it.",
        headers={"WWW-Authenticate": f'Bearer realm="Tagdesk", error="insufficient_scope", scope="{scope}"'},
    )

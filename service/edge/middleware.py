"""The one door around the app: every request is admitted, timed and logged here, and every error is answered."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from tagdesk.service.edge.access import Access
from tagdesk.service.edge.call import ARRIVED, Call, new_id
from tagdesk.service.edge.limits import Limits
from tagdesk.service.edge.logs import BROKEN_OFF, RequestLine, Stdout
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.edge.origins import Origins, is_preflight, preflight
from tagdesk.service.edge.problems import Problem, ProblemResponse, problem_of
from tagdesk.service.edge.rules import UNKNOWN, RuleBook

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"


class Edge:
    """What every request passes through: its call, its key, its limits, then the app; and on the way back, its answer.

    Args:
        app: what answers.
        rules: what each route demands of a request.
        access: who may pass.
        origins: pages of which other sites may ask for topics.
        limits: how much a client may ask for.
        metrics: what is counted.
        as_line: makes the log's line of a request; None where requests are not logged.
        traced: whether every request goes through FastAPI, which names its span after the route.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rules: RuleBook,
        access: Access,
        origins: Origins,
        limits: Limits,
        metrics: Metrics,
        as_line: Callable[[RequestLine], str] | None,
        traced: bool,
    ) -> None:
        self._app = app
        self._rules = rules
        self._access = access
        self._origins = origins
        self._limits = limits
        self._metrics = metrics
        self._as_line = as_line
        self._traced = traced
        self._stdout = Stdout()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run as long as the app does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call.of(scope, self._rules.of(scope["method"], scope["path"]))
        send = call.sender(send)
        self._metrics.began()
        try:
            self._origins.admit(call)
            if is_preflight(call):
                await preflight()(scope, receive, send)
            else:
                await self._access.admit(call)
                await self._pass_on(call, scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as error:  # noqa: BLE001
            await self._answer(error, call, scope, receive, send)
        finally:
            self._metrics.ended()
            self._note(call)

    async def _pass_on(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        rules = call.rules
        if rules is UNKNOWN:
            # Here and not in the router, which might match a path that the rules do not.
            raise HTTPException(404)
        if rules.scope is None:  # health and the desk's files are never refused
            await self._app(scope, receive, send)
            return
        self._limits.admit(call)
        try:
            # One turn of the event loop, so that all requests that have arrived are counted before one is worked on.
            await asyncio.sleep(0)
            app = self._app if rules.direct is None or scope["query_string"] or self._traced else rules.direct
            # A timer costs a tenth of the request; what the protocol has whole needs none.
            await app(scope, receive if ARRIVED in scope else self._limits.timed(receive), send)
        finally:
            self._limits.release(call)

    async def _answer(self, error: Exception, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        problem = problem_of(error, call.rules.invalid)
        call.problem = problem.kind.name
        if call.answered:
            call.problem = BROKEN_OFF
            # Only a broken connection tells a client that the rest of a started answer is missing.
            raise ConnectionAbortedError("an answer broke off; the line before this one says where")
        await ProblemResponse(problem, annif=call.rules.annif)(scope, receive, send)

    def refuse(self, problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Note what the protocol refuses before it is a request.

        Returns:
            The headers of its answer, and the body.
        """
        call = Call(_OTHER, UNKNOWN, {}, new_id(), None, perf_counter())
        call.status, call.problem = problem.kind.status, problem.kind.name
        response = ProblemResponse(problem)
        call.size = len(response.body)
        self._note(call)
        return call.completed(response.raw_headers), bytes(response.body)

    def _note(self, call: Call) -> None:
        method = call.method if call.method in _METHODS else _OTHER
        seconds = perf_counter() - call.began
        self._metrics.request(method, call.rules.template, call.status, seconds, call.problem)
        if self._as_line is None:
            return
        line = RequestLine(
            method,
            call.rules.template,
            call.status,
            seconds,
            call.size,
            call.request_id.decode(),
            call.trace,
            call.editor,
            call.model,
            call.topics,
            call.problem,
        )
        if not self._stdout.write(self._as_line(line)):
            self._metrics.line_lost()

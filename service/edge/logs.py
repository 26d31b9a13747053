"""The log on standard output: one line per event, as JSON or for a terminal; never a word that a client wrote.

Each line is a single write that never blocks: if nobody reads the pipe, or the disk is full, the line is dropped and
the service goes on.
"""

import json
import logging
import os
import select
import sys
import time
import traceback
from functools import lru_cache
from typing import Any, NamedTuple

from tagdesk.service.settings import Settings

BROKEN_OFF = "internal-error"
"""The kind of problem logged for an answer that broke off, even if its status had been sent as 200."""

_MOST_MESSAGE = 2_000
_quoted = lru_cache(1024)(json.dumps)


class RequestLine(NamedTuple):
    """What is logged about one request.

    Attributes:
        method: one of a fixed set.
        route: the route's template, not the path.
        status: 499 where the client left before an answer began.
        seconds: how long it took.
        size: bytes of the answer's body.
        request: the request's id.
        trace: the trace id from `traceparent`.
        key: the name of the key, not the key.
        model: the model that answered.
        topics: number of topics given; None where no article was tagged.
        problem: the kind of problem that was the answer.
    """

    method: str
    route: str
    status: int
    seconds: float
    size: int
    request: str
    trace: str | None
    key: str | None
    model: str | None
    topics: int | None
    problem: str | None


def as_json(line: RequestLine) -> str:
    """Return a request's line as JSON; `json.dumps` would take three times as long."""
    method, route, status, seconds, size, request, trace, key, model, topics, problem = line
    return (
        f'{{"time":"{_now()}","level":"{_level(line)}","event":"request","method":"{method}","route":{_quoted(route)}'
        f',"status":{status},"seconds":{seconds:.6f},"bytes":{size},"request":"{request}","trace":{_quoted(trace)}'
        f',"key":{_quoted(key)},"model":{_quoted(model)},"topics":{"null" if topics is None else topics}'
        f',"problem":{_quoted(problem)}}}\n'
    )


def as_text(line: RequestLine) -> str:
    """Return a request's line for a terminal."""
    parts = [line.problem, line.key, line.model, None if line.topics is None else f"{line.topics} topics"]
    rest = "".join(f"  {part}" for part in parts if part is not None)
    took = f"{line.seconds * 1000:.1f} ms"
    return f"{_now()} {line.status} {line.method} {line.route}  {took}  {line.size} B{rest}  {line.request}\n"


def _level(line: RequestLine) -> str:
    if line.status >= 500 or line.problem == BROKEN_OFF:
        return "error"
    return "info" if line.status < 400 else "warning"


def _now() -> str:
    now = time.time()
    return f"{_second(int(now))}.{int(now % 1 * 1000):03}Z"


@lru_cache(1)
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))


class Stdout:
    """Standard output, written to only when that does not block."""

    def __init__(self) -> None:
        self._poll = select.poll() if sys.platform != "win32" else None
        if self._poll is not None:
            self._poll.register(1, select.POLLOUT)

    def write(self, line: str) -> bool:
        """Write a line; return False if it was dropped."""
        try:
            # A pipe that is ready takes 4,096 bytes at once.
            if self._poll is not None and not self._poll.poll(0):
                return False
            data = line.encode("utf-8", "replace")
            return os.write(1, data) == len(data)  # the last line that fits on a full disk is cut off
        except OSError:
            return False


class StdoutHandler(logging.Handler):
    """Writes the records of `logging` as the lines of requests are written."""

    def __init__(self) -> None:
        super().__init__()
        self._stdout = Stdout()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or drop it."""
        self._stdout.write(self.format(record) + "\n")


class JsonFormatter(logging.Formatter):
    """A record of `logging` as JSON; of an exception only type and place, as its message may quote an article."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        values: dict[str, Any] = {
            "time": _now(),
            "level": record.levelname.lower(),
            "event": "log",
            "logger": record.name,
            "message": record.getMessage()[:_MOST_MESSAGE],
        }
        if record.exc_info:
            values["error"] = _place(record.exc_info[1])
        return json.dumps(values, separators=(",", ":"))  # spelled as `as_json` spells it, for those who use grep


class TextFormatter(logging.Formatter):
    """A record of `logging` for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        error = f"  {_place(record.exc_info[1])}" if record.exc_info else ""
        message = record.getMessage()[:_MOST_MESSAGE]
        return f"{_now()} {record.levelname.lower()} {record.name}  {message}{error}"


def _place(error: BaseException | None) -> str:
    stack = traceback.extract_tb(error.__traceback__ if error else None)
    places = [f"{at.filename}:{at.lineno} in {at.name}" for at in reversed(stack)]
    at = f" at {' < '.join(places)}" if places else ""
    return f"{type(error).__name__}{at}"[:_MOST_MESSAGE]


def configuration(settings: Settings) -> dict[str, Any]:
    """Return what `logging.config.dictConfig`, and uvicorn's `log_config`, take: warnings and worse on stdout."""
    formatter = JsonFormatter if settings.log_json else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.{formatter.__name__}"}},
        "handlers": {"stdout": {"()": f"{__name__}.{StdoutHandler.__name__}", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"tagdesk": {"level": "INFO"}},
    }

"""Forms, as browsers and Annif's clients send them: the fields of `suggest`."""

from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread
from fastapi import Request

from service import reading
from service.problems import Problem
from service.settings import Settings

FORM = "application/x-www-form-urlencoded"
"""The content type of a form."""

MOST = 2**31 - 1
"""The largest limit."""

_FIELDS = 100
_LONG = 50_000  # characters of a form from which it is worth a thread


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a request's form; of two of one name the last counts.

    Raises:
        Problem: it is no form, or too large.
    """
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    if sent != FORM:
        raise reading.wrong_media_type(sent, FORM)
    data = await reading.read_body(request, settings.max_body)
    read = partial(parse_qsl, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    try:
        text = data.decode()
        return dict(await to_thread.run_sync(read, text) if len(text) > _LONG else read(text))
    except UnicodeDecodeError:
        raise Problem("invalid-parameter", "The form is not UTF-8: send it percent-encoded as UTF-8.") from None
    except ValueError:
        raise Problem("invalid-parameter", f"The form has more than {_FIELDS} fields: send text alone.") from None


def wanted_of(form: dict[str, str]) -> dict[str, Any]:
    """Return what a form says of `limit`, `threshold` and `language`.

    Raises:
        Problem: it cannot be read.
    """
    found: dict[str, Any] = {}
    if "limit" in form:
        found["limit"] = _number(form, "limit", int, MOST)
    if "threshold" in form:
        found["threshold"] = _number(form, "threshold", float, 1)
    if form.get("language"):
        found["language"] = form["language"]
    return found


def _number(form: dict[str, str], name: str, kind: type[int] | type[float], most: int) -> float:
    try:
        value = kind(form[name])
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        what = "a whole number" if kind is int else "a number"
        raise wrong_parameter(name, f"must be {what} from 0 to {most}")
    return value


def wrong_parameter(name: str, detail: str) -> Problem:
    """Return the problem of a parameter, or a form's field, that is not as it must be."""
    return Problem("invalid-parameter", f"Correct the parameter {name}.", [{"parameter": name, "detail": detail}])

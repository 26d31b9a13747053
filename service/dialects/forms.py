"""Forms, as browsers and Annif's clients send them: the fields of `suggest`."""

import re
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from tagdesk.service.edge.problems import Problem, wrong_parameter
from tagdesk.service.http.bodies import media_type, read_body, wrong_media_type
from tagdesk.service.parts import parts_of
from tagdesk.service.threads import in_thread_if_long

FORM = "application/x-www-form-urlencoded"
"""The content type of a form."""

MOST = 2**31 - 1
"""The largest limit."""

_FIELDS = 100
_is_number = re.compile(r"[0-9.eE+-]{1,40}").fullmatch  # no other digits, underscores or words


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a request's form; of two with the same name the last counts.

    Raises:
        Problem: it is not a form, or too large.
    """
    sent = media_type(request)
    if sent != FORM:
        raise wrong_media_type(sent, FORM)
    data = await read_body(request, parts_of(request).settings.max_body)
    read = partial(parse_qsl, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    try:
        text = data.decode()
        return dict(await in_thread_if_long(len(text), partial(read, text)))
    except UnicodeDecodeError:
        raise Problem("invalid-parameter", "The form is not UTF-8: send it percent-encoded as UTF-8.") from None
    except ValueError:
        raise Problem("invalid-parameter", f"The form has more than {_FIELDS} fields: send only the text.") from None


def wanted_of(form: dict[str, str]) -> dict[str, Any]:
    """Return the form's `limit`, `threshold` and `language`, as far as it has them.

    Raises:
        Problem: a value cannot be read.
    """
    wanted: dict[str, Any] = {}
    if "limit" in form:
        wanted["limit"] = _number(form, "limit", int, MOST)
    if "threshold" in form:
        wanted["threshold"] = _number(form, "threshold", float, 1)
    if form.get("language"):
        wanted["language"] = form["language"]
    return wanted


def _number(form: dict[str, str], name: str, kind: type[int] | type[float], most: int) -> float:
    text = form[name]
    try:
        value = kind(text) if _is_number(text) else -1
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        what = "a whole number" if kind is int else "a number"
        raise wrong_parameter(name, f"must be {what} from 0 to {most}")
    return value

"""The settings `TAGDESK_*` of the site."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from modelcluster.contrib.taggit import ClusterTaggableManager
from tagdesk_client import Retries, Tagdesk
from wagtail.models import Page

BANDS = ("auto", "suggest")
_SECONDS = 30.0  # where nobody waits


@dataclass(frozen=True, slots=True)
class PageFields:
    """Where a page type has what Tagdesk reads and writes.

    Attributes:
        title: the field of the title.
        body: the fields of the text, in the order in which they are read.
        tags: the field of the tags, a `ClusterTaggableManager`.
    """

    title: str = "title"
    body: tuple[str, ...] = ("body",)
    tags: str = "tags"


def fields_of(page_type: type[Page]) -> PageFields | None:
    """Return the fields of a page type; None where it is not to be tagged."""
    return tagged_types().get(page_type._meta.label_lower)


def tagged_types() -> dict[str, PageFields]:
    """Return the page types to be tagged, as `app.model` in lower case."""
    pages: Mapping[str, Mapping[str, Any]] = getattr(settings, "TAGDESK_PAGES", {})
    return {label.lower(): _fields(**one) for label, one in pages.items()}


def _fields(body: str | Sequence[str] = "body", **names: str) -> PageFields:
    return PageFields(body=(body,) if isinstance(body, str) else tuple(body), **names)


def applied_bands() -> frozenset[str]:
    """Return the bands whose topics become tags without an editor."""
    return frozenset(getattr(settings, "TAGDESK_APPLY", ["auto"]))


def publish_seconds() -> float:
    """Return how long a publish may wait for Tagdesk, all in all."""
    return float(getattr(settings, "TAGDESK_TIME_LIMIT", 2.0))


def client() -> Tagdesk:
    """Return this process's client of the service."""
    return _client(settings.TAGDESK_URL, getattr(settings, "TAGDESK_KEY", ""))


@lru_cache(maxsize=1)
def _client(url: str, key: str) -> Tagdesk:
    return Tagdesk(url, key, time_limit=_SECONDS, timeout=_SECONDS, retries=Retries(tries=2))


def check_settings(app_configs: object, **_: object) -> list[CheckMessage]:
    """Return what is wrong with the settings, for `manage.py check` and the start of the server."""
    return [Error(text, id=f"tagdesk.E{number:03}") for number, text in _faults()]


def _faults() -> Iterator[tuple[int, str]]:
    if not getattr(settings, "TAGDESK_URL", ""):
        yield 1, "TAGDESK_URL is not set: give the address of the service, such as http://127.0.0.1:8080."
    else:
        try:
            client()
        except ValueError as error:
            yield 2, f"TAGDESK_URL or TAGDESK_KEY: {error}."
    wrong = sorted(applied_bands().difference(BANDS))
    if wrong:
        yield 3, f"TAGDESK_APPLY has {', '.join(wrong)}: give a list of {' and '.join(BANDS)}."
    try:
        usable = publish_seconds() > 0
    except (TypeError, ValueError):
        usable = False
    if not usable:
        yield 4, "TAGDESK_TIME_LIMIT is not a number of seconds above 0: give 2, say."
    yield from _faults_of_pages()


def _faults_of_pages() -> Iterator[tuple[int, str]]:
    try:
        types = tagged_types()
    except (TypeError, AttributeError):
        types = {}
    if not types:
        yield 5, 'TAGDESK_PAGES names no page type: give {"home.ArticlePage": {"body": "body"}}, say.'
    for label, fields in types.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            yield 6, f"TAGDESK_PAGES has {label}: there is no such model."
            continue
        yield from _faults_of_fields(label, model, fields)


def _faults_of_fields(label: str, model: Any, fields: PageFields) -> Iterator[tuple[int, str]]:
    for name in (fields.title, *fields.body, fields.tags):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            yield 7, f"TAGDESK_PAGES has the field {name} of {label}: the model has none of that name."
            continue
        if name == fields.tags and not isinstance(field, ClusterTaggableManager):
            yield 8, f"TAGDESK_PAGES has {name} of {label} for tags: make it a ClusterTaggableManager."

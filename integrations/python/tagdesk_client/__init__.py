"""A client of Tagdesk: `Tagdesk` and `AsyncTagdesk`, what they take and give, and what can go wrong."""

from tagdesk_client.answers import (
    MAX_BODY,
    MAX_HTML,
    MAX_TITLE,
    Answer,
    Article,
    Code,
    Evidence,
    Progress,
    Receipt,
    Refusal,
    Taxonomy,
    TaxonomyTopic,
    Topic,
)
from tagdesk_client.asynchronous import AsyncTagdesk
from tagdesk_client.blocking import Tagdesk
from tagdesk_client.errors import Fault, OutOfTime, Problem, TagdeskError, UnexpectedAnswer, Unreachable
from tagdesk_client.retries import Retries

__all__ = [
    "MAX_BODY",
    "MAX_HTML",
    "MAX_TITLE",
    "Answer",
    "Article",
    "AsyncTagdesk",
    "Code",
    "Evidence",
    "Fault",
    "OutOfTime",
    "Problem",
    "Progress",
    "Receipt",
    "Refusal",
    "Retries",
    "Tagdesk",
    "TagdeskError",
    "Taxonomy",
    "TaxonomyTopic",
    "Topic",
    "UnexpectedAnswer",
    "Unreachable",
]

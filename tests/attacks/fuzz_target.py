"""What is fuzzed: a request's bytes to an article, its cleaner, its tokenizer and its evidence."""

from contextlib import suppress

from tagdesk.models import ArticleError
from tagdesk.service.edge.problems import Problem
from tagdesk.service.http.articles import read_article
from tagdesk.service.http.json_reader import read_json
from tests.tiny import tiny_model

MODEL = tiny_model()


def read(data: bytes) -> None:
    """Take bytes for a request, for a body and for HTML; nothing but our own errors may come of it."""
    with suppress(Problem, ArticleError):
        MODEL.tag(read_article(read_json(data))[0], explain=True)
    text = data.decode("utf-8", "replace")
    for field in ("body", "body_html"):
        with suppress(Problem, ArticleError):
            MODEL.tag(read_article({field: text})[0], explain=True)

"""Any text at all is read in time in proportion to its length, and what is found of it lies within it."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.models import Article, ArticleError, kernel
from tagdesk.models.reading import html, normal_form
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.furniture import clean
from tagdesk.service.edge.problems import Problem
from tagdesk.service.http.articles import read_article
from tagdesk.service.http.json_reader import read_json
from tests.tiny import tiny_model

# Pieces that cleaners treat each in a way of their own, and any text between them.
MARKUP = ["<p>", "</p>", "<b", "<!--", "-->", "<script>", "</script>", "<![CDATA[", "]]>", "<pre>", "<", ">", "'", '"']
REFERENCES = ["&amp;", "&#x110000;", "&#0;", "&#55357;", "&", ";", "="]
STRANGE = ["\n", "\r", "\t", "\0", "\u202e", "\u2066", "\u200d", "\ufeff", "\ud83d", "\ude00", "\x85", "İ", "ς", "Σ"]
WORDS = ["Read also:", "- ", "12:30 ", "Share on ", "© 2026", "war", "heavy rain"]
PIECES = st.lists(
    st.sampled_from([*MARKUP, *REFERENCES, *STRANGE, *WORDS]) | st.text(st.characters(), max_size=12), max_size=40
).map("".join)
JSON = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
quick = settings(max_examples=200, deadline=None, database=None)
MODEL = tiny_model()


@quick
@given(PIECES, PIECES, st.sampled_from(["body", "body_html"]))
def test_fuzz_article_is_tagged_or_refused(title: str, body: str, field: str) -> None:
    """Evidence stands where it says, in the field as it was sent; the same article has the same answer."""
    article = Article(title=title, **{field: body})
    try:
        found = MODEL.tag(article, explain=True)
    except ArticleError:
        return
    sent = {"title": title, field: body}
    for result in found.topics:
        assert result.evidence is not None
        for one in result.evidence:
            assert 0 <= one.start < one.end <= len(sent[one.field])
    assert MODEL.tag(article, explain=True) == found
    (many,) = MODEL.tag_many([article])
    assert [topic.confidence for topic in many.topics] == [topic.confidence for topic in found.topics]


@quick
@given(PIECES)
def test_fuzz_furniture_leaves_length_and_line_breaks(text: str) -> None:
    """What is blanked is blanked in place."""
    left = clean(text).text
    assert len(left) == len(text)
    assert all(new in (old, " ") for new, old in zip(left, text, strict=True))


@quick
@given(PIECES)
def test_fuzz_tokenizer_stays_within_the_text(text: str) -> None:
    """Each n-gram begins before it ends, within the text."""
    codes = kernel.code_points(normal_form.read(text))
    _, starts, ends, tokens = kernel.ngrams(codes, normal_form.word_table(), 1, 3)
    assert all(0 <= start < end <= len(codes) for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
    assert tokens <= len(codes)


@quick
@given(st.binary(max_size=200) | JSON)
def test_fuzz_any_bytes_are_an_article_or_a_problem(data: bytes) -> None:
    """Nothing but a problem, or an error of the article's, comes of a request's bytes."""
    with suppress(Problem, ArticleError):
        read_article(read_json(data))


UNITS = {
    "open tags": "<ul><li>",
    "comments": "<!--",
    "references": "&#x",
    "headings": "Read also:\n",
    "bullets": "Read more\n- a\n",
    "clock times": "12:30 Something\n",
    "credits": "Photo: " + "a" * 60 + "\n",
    "angles": "<",
    "spaces": " ",
    "line breaks": "\n",
    "shares": "share on facebook ",
    "tags without end": "<a <b ",
    "escaped tags": "&lt;a &amp;amp;lt;",
    "brackets": "[a ",
    "closed brackets": "[/ab][ab]",
    "targets": "](a(",
    "addresses": "a.b.",
    "hosts": "www.a/b.cd/",
    "broken lines": "a-\n",
    "soft hyphens": "\u00ad ",
    "soft hyphens in a row": "\u00ad",
    "soft hyphens among nothing": "\u00ad\u200b\u200b\u200b",
    "marks": "\u0301\u0316",
    "ligatures": "\ufdfa",
    "no spaces": "中",
}


@pytest.mark.parametrize("read", [html.read, clean, html.looks_like_html, normal_form.read, normal_form.places])
@pytest.mark.parametrize("unit", UNITS.values(), ids=list(UNITS))
def test_four_times_the_text_takes_no_more_than_about_four_times_the_time(read: Any, unit: str) -> None:
    """Quadratic would be sixteen times."""
    seconds = []
    for size in (60_000, 240_000):
        text = unit * (size // len(unit))
        taken = []
        for _ in range(3):
            began = time.thread_time()
            try:
                read(text)
            except ArticleError:
                return  # a tag over its cap
            taken.append(time.thread_time() - began)
        seconds.append(min(taken))
    assert seconds[1] < 9 * seconds[0] + 0.02


def test_article_text_is_never_longer_than_what_was_sent() -> None:
    """Entities of entities are text, not entities."""
    laughs = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 20))
    text: ArticleText = Article(body_html=f"<!DOCTYPE l [<!ENTITY l0 'lol'>{laughs}]><p>&l19; war</p>").text()
    assert len(text.body) < 100 + len(laughs)

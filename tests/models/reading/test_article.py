"""The fields a CMS sends, and the text that is read of them."""

from pathlib import Path

import numpy as np
import pytest

from tagdesk.models import Article, ArticleError, ArticleTooLong, EmptyArticle
from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE
from tagdesk.models.reading.html import MAX_READ

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "has neither"),
        ({"title": "Fire"}, "has neither"),
        ({"body": "a", "body_html": "<p>a"}, "has both"),
    ],
)
def test_article_has_exactly_one_body(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ArticleError, match=said):
        Article(**fields)


@pytest.mark.parametrize(("field", "cap"), [("title", MAX_TITLE), ("body", MAX_BODY)])
def test_field_at_its_cap_is_read_and_over_it_is_refused(field: str, cap: int) -> None:
    fields = {"body": "fire"} | {field: "x" * cap}
    assert Article(**fields).text()
    with pytest.raises(ArticleTooLong, match=f"{field} has {cap + 1:,} characters") as refused:
        Article(**fields | {field: "x" * (cap + 1)})
    assert refused.value.field == field


def test_html_over_its_cap_is_refused_by_the_field_it_came_in() -> None:
    page = "<p>fire</p>" * (MAX_READ // 10 + 1)
    for field in ("body", "body_html"):
        with pytest.raises(ArticleTooLong) as refused:
            Article(**{field: page}).text()
        assert refused.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"body": ""},
        {"body": " \n\u00a0\t"},
        {"title": " ", "body": "\n"},
        {"body_html": "<p> &nbsp; </p><!-- wp:x -->"},
        {"body_html": "<nav>Home News Sport</nav>"},
        {"title": "\ufeff", "body": "\u200b\u00ad \n\ufe0f"},
        {"body_html": "<p>&shy;&zwnj;</p>"},
        {"body": "Share on Facebook\nRead also\nStorm cuts power"},
    ],
)
def test_article_with_nothing_to_read_is_empty(fields: dict[str, str]) -> None:
    with pytest.raises(EmptyArticle, match="send a title and a body"):
        Article(**fields).text()


def test_title_alone_is_enough_to_read() -> None:
    assert Article(title="Storm", body="").text().title == "Storm"


def test_body_of_invisible_characters_alone_is_no_body() -> None:
    assert Article(title="Storm", body="\u200b\n\u2060").text().body == ""


def test_plain_body_is_read_as_sent() -> None:
    text = Article(title="T", body="Line one.\r\nLine İwo & <3.").text()
    assert (text.title, text.body) == ("T", "Line one.\r\nLine İwo & <3.")
    assert (text.body_field, text.source, text.warnings) == ("body", None, ())


def test_html_in_body_is_read_as_html_with_a_warning() -> None:
    page = (DATA / "wordpress.html").read_text(encoding="utf-8")
    text = Article(body=page).text()
    assert text.warnings == ("html-in-body",)
    assert (text.body_field, text.source) == ("body", page)
    assert text.body == Article(body_html=page).text().body
    assert "wp:paragraph" not in text.body


def test_body_html_is_html_without_a_warning() -> None:
    text = Article(body_html="no tag at all &amp; so on").text()
    assert (text.body, text.body_field, text.warnings) == ("no tag at all & so on", "body_html", ())


def test_furniture_is_blank_and_offsets_hold() -> None:
    body = (DATA / "web-article.txt").read_text(encoding="utf-8")
    read = Article(body=body).text().body
    assert len(read) == len(body)
    assert len(read.rstrip()) < len(body.rstrip())
    assert all(left == right or left == " " for left, right in zip(read, body, strict=True))


STORY = (
    "The town council voted on Monday to repair the old stone bridge, which has carried lorries since the war.",
    "Work begins in spring and takes two months, the mayor said after the meeting; buses stop at the market.",
    "The county pays half of the cost, and the rest comes from a fund that the town set up after the flood.",
)
MENU = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in ("Home", "World", "Football", "Weather", "Jobs"))
LINKS = "".join(f"<div><h3><a href='/{i}'>Minister opens ferry line number {i}</a></h3></div>" for i in range(6))


def page(article: str) -> str:
    head = "<head><title>Bridge</title><style>p { margin: 0 }</style><script>var a = '<p>script</p>'</script></head>"
    menus = f"<div class='top'><ul>{MENU}</ul></div><div>Sign in</div>"
    below = f"<div><div>More stories</div>{LINKS}</div><div>Follow us on Facebook</div><div>© 2026 Example News</div>"
    return f"<!DOCTYPE html>\n<html>{head}<body>{menus}<h1>Bridge</h1><div>{article}</div>{below}</body></html>"


def test_of_a_whole_page_the_article_is_read() -> None:
    html = page("".join(f"<p>{line}</p>" for line in STORY))
    text = Article(body_html=html).text()
    assert [line for line in text.body.split("\n") if line.strip() and line.strip() != "Bridge"] == list(STORY)
    at = np.array([text.body.index("mayor")], np.int32)
    starts, ends = text.sent_spans(at, at + 5)
    assert html[starts[0] : ends[0]] == "mayor"


def test_document_that_is_an_article_alone_is_read_whole() -> None:
    html = "<html><body><h2>Bridge</h2>" + "".join(f"<p>{line}</p>" for line in STORY) + "</body></html>"
    assert Article(body_html=html).text().body.split("\n\n") == ["Bridge", *STORY]


def test_page_longer_than_what_is_read_of_html_is_read() -> None:
    html = page("".join(f"<p>{line}</p>" for line in STORY)).replace("var a", f"var b = '{'x' * 600_000}', a")
    assert "mayor" in Article(body_html=html).text().body


def test_page_with_a_long_head_sent_as_plain_body_is_read_as_html() -> None:
    html = page("".join(f"<p>{line}</p>" for line in STORY)).replace("p { margin: 0 }", ".a { color: red }\n" * 5_000)
    text = Article(body=html).text()
    assert text.warnings == ("html-in-body",)
    assert text.body == Article(body_html=html).text().body

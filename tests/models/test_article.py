"""The fields a CMS sends, and the text that is read of them."""

from pathlib import Path

import pytest

from models import Article, ArticleError, ArticleTooLong, EmptyArticle
from models.article import MAX_BODY, MAX_TITLE
from models.html import MAX_HTML

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize(
    ("fields", "said"),
    [({}, "not neither"), ({"title": "Fire"}, "not neither"), ({"body": "a", "body_html": "<p>a"}, "not both")],
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
    page = "<p>fire</p>" * (MAX_HTML // 11 + 1)
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
        {"body": "Share on Facebook\nRead also\nStorm cuts power"},
    ],
)
def test_article_with_nothing_to_read_is_empty(fields: dict[str, str]) -> None:
    with pytest.raises(EmptyArticle, match="send a title and a body"):
        Article(**fields).text()


def test_title_alone_is_enough_to_read() -> None:
    assert Article(title="Storm", body="").text().title == "Storm"


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

import html as stdlib_html
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ArticleTooLong
from models.html import MAX_HTML, MAX_TAG, _search, extract, looks_like_html, source_spans


def sources(html: str) -> list[str]:
    """Return the source of each code point of the extracted text."""
    starts, ends = source_spans(html, extract(html))
    return [html[start:end] for start, end in zip(starts, ends, strict=True)]


def source_of(html: str, token: str) -> str:
    """Return the source from the first to the last code point of a token."""
    text = extract(html)
    starts, ends = source_spans(html, text)
    at = text.index(token)
    return html[starts[at] : ends[at + len(token) - 1]]


@pytest.mark.parametrize(
    "body",
    [
        "<p>The <b>mayor</b> opened the bridge.</p>",
        '<p data-block-key="a">The mayor opened the bridge.</p>',
        "<P>The mayor</P>",
        "first line<br>second line",
        "one <br /> two <br /> three",
        "<!-- wp:paragraph -->\nThe mayor\n<!-- /wp:paragraph -->",
        "The mayor was <em>not</em> amused.",
        "<ul>\n<li>bridge</li>\n</ul>",
        "  <p> spaced </p>",
    ],
)
def test_looks_like_html_says_yes_to_what_a_cms_sends(body: str) -> None:
    assert looks_like_html(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "The mayor opened the bridge.",
        "if a < b and c > d then stop",
        "I <3 this bridge",
        "Write to <ed@example.org> or see <https://example.org/>.",
        "He mentions the <p> tag once.",
        "Put it between <b> and </b> to make it bold.",
        "The <br> tag breaks a line.",
        "a<b>c is an inequality",
    ],
)
def test_looks_like_html_says_no_to_prose(body: str) -> None:
    assert not looks_like_html(body)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("wor<b>ld</b> news", "world news"),
        ("one<br>two", "one\ntwo"),
        ("<P>one</P><p>two", "one\n\ntwo"),
        ("a<!-- > -->b", "ab"),
        ("<a title='x > y' href=z>link</a>", "link"),
        ("a < b, 1 <3", "a < b, 1 <3"),
        ("&amp;lt; caf&eacute; &copy2 &notit;", "&lt; café ©2 ¬it;"),
        ("<pre>a  b\r\n\tc</pre>", "a  b\n\tc"),
        ("<table><tr><td>one</td><td>two</td></tr></table>", "one\n\ntwo"),
        ("<ul><li>one<ul><li>two</ul></ul>", "one\n\ntwo"),
        ("<details><summary>one</summary>two</details>", "one\n\ntwo"),
        ("<![CDATA[one]]>two", "two"),
        ("one<script>if (a < b) x('</p>')</script>two", "onetwo"),
        ("<head><title>page</title><style>p { }</style></head><body>one", "one"),
        ("<svg><title/><text>axis</text></svg>one", "one"),
        ("one<b", "one"),
    ],
)
def test_extract_returns_the_visible_text(html: str, text: str) -> None:
    assert extract(html) == text


@pytest.mark.parametrize("name", ["nav", "aside", "footer", "form", "button", "figure", "noscript", "select"])
def test_extract_leaves_out_what_is_not_the_article(name: str) -> None:
    html = f"<p>before</p><{name} class='x'>furniture<{name}>nested</{name}><p>more</{name}><p>after</p>"
    assert extract(html).split() == ["before", "after"]


def test_extract_keeps_the_article_after_a_forgotten_end_tag() -> None:
    assert extract("<aside>one<p>two</p><p>three</p>").split() == ["one", "two", "three"]


def test_extract_takes_nul_for_a_space_and_a_lone_surrogate_for_the_replacement_character() -> None:
    assert extract("one\0two \ud83d three") == "one two \ufffd three"


def test_extract_adds_no_bullets_links_or_alternative_texts() -> None:
    assert extract("<ol><li><a href='https://example.org'>one</a><img alt='two'></ol>") == "one"


def test_extract_refuses_html_over_the_cap_and_names_the_field() -> None:
    with pytest.raises(ArticleTooLong, match=r"body has 262,145 characters of HTML") as caught:
        extract("x" * (MAX_HTML + 1), "body")
    assert caught.value.field == "body"


def test_extract_takes_html_at_the_cap() -> None:
    assert len(extract("x" * MAX_HTML)) == MAX_HTML


@pytest.mark.parametrize(
    "tag",
    ["<p {}>", "<p title='>{}'>", '<p title=">{}">', "<p title='{}", "<{}>", "</p {}>", "<p title=>{}<p '"],
)
def test_extract_measures_a_tag_as_the_tokenizer_reads_it(tag: str) -> None:
    long = "<b>one</b>" + tag.format("x" * MAX_TAG) + "two"
    if ">{}<" in tag:
        assert "xx" in extract(long)
    else:
        with pytest.raises(ArticleTooLong, match=r"a tag of 20,0\d\d characters at character 10 "):
            extract(long)


@pytest.mark.parametrize("html", ["<!-- {} -->", "<script>{}</script>", "<p>{}</p>", "a < b {}", "<!doctype {}>"])
def test_extract_does_not_take_text_comments_or_scripts_for_a_long_tag(html: str) -> None:
    extract(html.format("x " * MAX_TAG))


HOSTILE = (
    "<a '",
    '<a b="',
    "<",
    "&",
    "&#1",
    "&amp",
    "<!--",
    "<!",
    "</",
    "</a",
    "<div>",
    "<b a>",
    "<ul><li>x",
    "<p><b>x",
    "<table><tr><td>",
    "<table>x<p>",
    "<nav>x",
    "<svg><style>",
    "<script></a",
    "<pre>",
    "<select><option>",
    "\0",
    "\ud83d",
)


@pytest.mark.parametrize("fragment", HOSTILE)
def test_hostile_html_at_the_cap_ends_with_a_text_no_longer_than_it(fragment: str) -> None:
    html = (fragment * MAX_HTML)[:MAX_HTML]
    looks_like_html(html)
    try:
        text = extract(html)
    except ArticleTooLong:
        return
    assert len(text) <= MAX_HTML
    assert len(source_spans(html, text)[0]) == len(text)


def test_end_tags_that_match_nothing_do_not_cost_the_depth_of_the_tree() -> None:
    assert extract("<div>" * 26_000 + "</h1>" * 26_000 + "end") == "end"


def test_distinct_attributes_do_not_multiply_formatting_elements() -> None:
    html = "".join(f"<b a{i}>" for i in range(10_000)) + "</p><p>x" * 10_000
    assert len(extract(html).split()) == 10_000


def test_a_character_reference_is_one_span() -> None:
    assert sources("caf&eacute;s") == ["c", "a", "f", "&eacute;", "s"]


def test_a_reference_without_semicolon_ends_where_the_parser_ends_it() -> None:
    assert sources("&copy2 &notit;") == ["&copy", "2", "", "&not", "i", "t", ";"]


def test_a_reference_to_two_code_points_gives_both_its_span() -> None:
    assert sources("a&NotEqualTilde;b") == ["a", "&NotEqualTilde;", "&NotEqualTilde;", "b"]


@pytest.mark.parametrize("reference", ["&#32;", "&#10;", "&#x20;", "&Tab;", "&nbsp;", "&#8195;"])
def test_a_reference_to_white_space_has_an_empty_span(reference: str) -> None:
    assert sources(f"a{reference}b") == ["a", "", "b"]


def test_a_reference_to_a_control_is_read_as_windows_1252() -> None:
    assert sources("a&#133;b") == ["a", "&#133;", "b"]


def test_a_reference_with_very_many_digits_is_one_character() -> None:
    digits = "&#" + "1" * 10_000 + ";"
    assert sources(f"a{digits}b") == ["a", digits, "b"]


def test_white_space_has_an_empty_span_after_what_stands_before_it() -> None:
    starts, ends = source_spans("<p>one</p>  <p>two</p>", "one\n\ntwo")
    assert starts.tolist() == [3, 4, 5, 6, 6, 15, 16, 17]
    assert ends.tolist() == [4, 5, 6, 6, 6, 16, 17, 18]


@pytest.mark.parametrize(
    ("html", "token", "source"),
    [
        ("<p>wor<b>ld</b> news</p>", "world", "wor<b>ld"),
        ("<p>wor<!-- > -->ld</p>", "world", "wor<!-- > -->ld"),
        ("<a title='news > world'>world</a>", "world", "world"),
        ("<nav>world</nav><p>the world</p>", "the world", "the world"),
        ("<script>world()</script>world", "world", "world"),
        ("\U0001f600 <p>world", "world", "world"),
        ("one\r\n\r\n<p>two\r\nthree", "three", "three"),
        ("<pre>one\r\n  two</pre>", "two", "two"),
        ("&amp;lt; caf&eacute;", "café", "caf&eacute;"),
        ("&amp;lt;", "lt", "lt"),
        ("<table>one<tr><td>two</table>", "two", "two"),
        ("2 < 3 <3 world", "world", "world"),
        ("\ue000\ue001 world \U000f0000", "world", "world"),
    ],
)
def test_source_spans_lead_from_a_token_to_its_source(html: str, token: str, source: str) -> None:
    assert source_of(html, token) == source


def test_source_spans_hold_past_the_first_thousands() -> None:
    html = "".join(f"<p>word{i} <i>of</i> a page</p>" for i in range(6000))
    assert source_of(html, "word5999 of") == "word5999 <i>of"


PIECES = st.lists(
    st.sampled_from(
        [
            *["<p>", "</p>", "<br>", "<b>", "</b>", "<P CLASS='a>b'>", "<div>", "</div>", "<table>", "<tr>", "<td>"],
            *["</table>", "<ul>", "<li>", "</ul>", "<pre>", "</pre>", "<nav>", "</nav>", "<figure>", "</figure>"],
            *["<!-- x -->", "<!--", "-->", "<![CDATA[x]]>", "<script>", "</script>", "<svg>", "<path/>", "</svg>"],
            *["<select>", "</select>", "<textarea>", "</textarea>", "<a b", "'", '"', ">", "<", "</", "=", "/", "&"],
            *["&eacute;", "&amp;lt;", "&copy2", "&notit;", "&nbsp;", "&#32;", "&#x1F600;", "&#0;", "&bne;", ";", "#"],
            *[" ", "\n", "\r\n", "\t", "\0", "\u2003", "\ud83d", "\U0001f600", "\ue001", "\ufeff", "é", "word", "x"],
        ]
    )
)


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_every_visible_code_point_is_what_its_source_stands_for(pieces: list[str]) -> None:
    html = "".join(pieces)
    text = extract(html)
    starts, ends = source_spans(html, text)
    assert len(starts) == len(ends) == len(text)
    for char, start, end in zip(text, starts, ends, strict=True):
        meaning = stdlib_html.unescape(html[start:end]).replace("\ud83d", "\ufffd")
        assert char.isspace() if start == end else char in meaning


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_spans_of_visible_code_points_follow_each_other(pieces: list[str]) -> None:
    html = "".join(pieces)
    starts, ends = source_spans(html, extract(html))
    assert bool((np.diff(starts) >= 0).all())
    assert bool((starts <= ends).all())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("abcé ", min_size=1), min_size=1), st.sampled_from(["b", "i", "span", "strong"]))
def test_a_token_is_its_source_without_tags_and_references(words: list[str], name: str) -> None:
    html = f"<p>{f'<{name}>x</{name}>'.join(words)}</p>".replace("é", "&eacute;")
    text = extract(html)
    starts, ends = source_spans(html, text)
    for token in re.finditer(r"\w+", text):
        source = html[starts[token.start()] : ends[token.end() - 1]]
        assert stdlib_html.unescape(re.sub(r"<[^>]*>", "", source)) == token[0]


def test_a_text_that_is_not_the_sources_is_searched_token_by_token() -> None:
    html = "<p>one two</p><p>three</p>"
    starts, ends = source_spans(html, "two missing three")
    assert html[starts[0] : ends[2]] == "two"
    assert html[starts[12] : ends[16]] == "three"
    assert starts[4] == ends[10]


@settings(max_examples=100, deadline=None)
@given(st.text("ab <"), st.text("ab \n"))
def test_the_search_answers_for_any_two_texts(source: str, text: str) -> None:
    starts, ends = _search(source, text)
    assert len(starts) == len(ends) == len(text)
    assert bool((np.diff(starts) >= 0).all())
    assert bool((ends <= len(source)).all())

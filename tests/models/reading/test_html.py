import html as stdlib_html
import re
from html.entities import html5
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.models.errors import ArticleTooLong
from tagdesk.models.reading.html import MAX_HTML, MAX_READ, looks_like_html, read, source_spans
from tagdesk.models.reading.markup import tokenize
from tagdesk.models.reading.visible import visible


def extract(html: str) -> str:
    return read(html).text


def sources(html: str) -> list[str]:
    """Return the source of each code point of the extracted text."""
    starts, ends = source_spans(html)
    return [html[start:end] for start, end in zip(starts, ends, strict=True)]


def source_of(html: str, token: str) -> str:
    """Return the source from the first to the last code point of a token."""
    text = extract(html)
    starts, ends = source_spans(html)
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
        '<img alt="" src="bridge.jpg"> The mayor opened the bridge.',
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


def test_forgotten_end_tag_costs_no_other_element_its_place() -> None:
    """The menu that is closed stays out, although one after it is not."""
    assert extract("<nav>menu</nav><p>one</p><nav>two<p>three").split() == ["one", "two", "three"]
    assert extract("<aside>one<aside>more</aside><p>two").split() == ["one", "two"]


def test_empty_preformatted_text_does_not_make_the_rest_preformatted() -> None:
    assert extract("<pre></pre>one  two<p>three") == "one two\n\nthree"


@pytest.mark.parametrize("start", ["\n", "\r\n", "\r", "&#10;"])
def test_line_feed_that_begins_preformatted_text_is_no_part_of_it(start: str) -> None:
    assert extract(f"<pre>{start}  one") == "  one"
    assert extract(f"<pre>{start}&#10;  one") == "\n  one"
    assert extract(f"<pre><b>{start}  one") == "\n  one"


def test_every_named_reference_means_what_the_standard_says() -> None:
    for name, meaning in html5.items():
        assert extract(f"<pre>x&{name}<b>x</b>") == f"x{meaning}x"


@pytest.mark.parametrize("function", [tokenize, visible])
def test_reading_html_lets_go_of_the_interpreters_lock(function: Any) -> None:
    """Nobody's request waits for another's HTML."""
    assert function.targetoptions["nogil"]


def test_read_takes_nul_for_a_space_and_a_lone_surrogate_for_the_replacement_character() -> None:
    assert extract("one\0two \ud83d three") == "one two \ufffd three"


def test_extract_adds_no_bullets_links_or_alternative_texts() -> None:
    assert extract("<ol><li><a href='https://example.org'>one</a><img alt='two'></ol>") == "one"


def test_read_refuses_html_over_the_cap_and_names_the_field() -> None:
    with pytest.raises(ArticleTooLong, match=r"body has 2,000,001 characters of HTML") as caught:
        read(" " * (MAX_HTML + 1), "body")
    assert caught.value.field == "body"


@pytest.mark.parametrize("unit", ["x", "<b>", "<p>a", "<!---->x", "&amp;"])
def test_read_refuses_html_of_which_too_much_is_to_be_read(unit: str) -> None:
    """A tag counts as three, however long it is."""
    with pytest.raises(ArticleTooLong, match=r"body has more than 262,144 characters of text") as caught:
        read(unit * (1_900_000 // len(unit)), "body")
    assert caught.value.field == "body"


def test_read_takes_text_at_the_cap() -> None:
    assert len(extract("x" * MAX_READ)) == MAX_READ
    assert len(extract("<p>a" * (MAX_READ // 4)).split()) == MAX_READ // 4


@pytest.mark.parametrize(
    "embedded",
    [
        "<img src='data:image/png;base64,{}'>",
        "<p data-state='{}'>",
        "<svg><path d='{}'/></svg>",
        "<script>{}</script>",
        "<style>{}</style>",
        "<!-- {} -->",
        "<{}>",
        "</p {}>",
    ],
)
def test_what_nobody_reads_makes_no_article_too_long(embedded: str) -> None:
    """A pasted picture, a drawing, what a page's script keeps."""
    html = "<p>The mayor</p>" + embedded.format("x7Aq" * 250_000) + "<p>opened the bridge.</p>"
    assert extract(html).split() == ["The", "mayor", "opened", "the", "bridge."]


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>x</p>",
        "<p hidden>x<p>",
        "<div hidden=''>x<div>x</div>x</div>",
        "<section hidden='until-found'><p>x</p></section>",
        "<span style='display:none'>x</span>",
        "<span style=display:none>x</span>",
        '<div class="a" STYLE="color: red; DISPLAY : none !important">x<p>x</p></div>',
        "<li style='visibility: hidden'>x</li>",
        "<x-note hidden>x<x-note>x</x-note></x-note>",
        "<a hidden href='y'>x</a>",
    ],
)
def test_text_that_no_reader_sees_is_not_read(hidden: str) -> None:
    assert extract(f"<div>one {hidden} two</div>").split() == ["one", "two"]


@pytest.mark.parametrize(
    "shown",
    [
        "<p data-hidden>x</p>",
        "<p title=hidden>x</p>",
        "<p title='style=display:none'>x</p>",
        "<p style='display:block'>x</p>",
        "<p style='text-display:none'>x</p>",
        "<input hidden><p>x</p>",
        "<div hidden>x",
        "<p aria-hidden='true'>x</p>",
    ],
)
def test_text_that_readers_see_is_read(shown: str) -> None:
    assert extract(f"one {shown} two").split() == ["one", "x", "two"]


def test_page_that_is_hidden_until_its_script_runs_is_read() -> None:
    assert extract("<html hidden><body style='visibility:hidden'><p>one") == "one"


@pytest.mark.parametrize("name", ["aside", "form", "figure"])
def test_article_in_an_element_to_skip_is_read_where_nearly_nothing_else_is_left(name: str) -> None:
    story = "<p>The council voted on Monday to repair the old stone bridge.</p>" * 5
    assert extract(f"<p>Intro.</p><{name}>{story}</{name}>").count("bridge") == 5
    assert "bridge" not in extract(f"<p>{'The ferry is late. ' * 40}</p><{name}>{story}</{name}>")


def test_menu_is_not_the_article_however_little_is_left() -> None:
    assert extract("<p>Intro.</p><nav>" + "Home News Sport " * 40 + "</nav>") == "Intro."
    assert extract("<p>Intro.</p><aside>" + "<a href='/x'>Ferry opens to the islands</a>" * 40 + "</aside>") == "Intro."


def test_table_in_a_figure_is_read_and_its_caption_is_not() -> None:
    html = "<p>one</p><figure><table><tr><td>two</td></tr></table><figcaption>x</figcaption></figure><p>three</p>"
    assert extract(html).split() == ["one", "two", "three"]
    assert extract("<p>one</p><figure><img>x</figure><table><tr><td>two</table>").split() == ["one", "two"]


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
    html = (fragment * MAX_READ)[:MAX_READ]
    looks_like_html(html)
    try:
        text = extract(html)
    except ArticleTooLong:
        return
    assert len(text) <= MAX_READ
    assert len(source_spans(html)[0]) == len(text)


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
    starts, ends = source_spans("<p>one</p>  <p>two</p>")
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
    starts, ends = source_spans(html)
    assert len(starts) == len(ends) == len(text)
    for char, start, end in zip(text, starts, ends, strict=True):
        meaning = stdlib_html.unescape(html[start:end]).replace("\ud83d", "\ufffd")
        assert char.isspace() if start == end else char in meaning


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_spans_of_visible_code_points_follow_each_other(pieces: list[str]) -> None:
    html = "".join(pieces)
    starts, ends = source_spans(html)
    assert bool((np.diff(starts) >= 0).all())
    assert bool((starts <= ends).all())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("abcé ", min_size=1), min_size=1), st.sampled_from(["b", "i", "span", "strong"]))
def test_a_token_is_its_source_without_tags_and_references(words: list[str], name: str) -> None:
    html = f"<p>{f'<{name}>x</{name}>'.join(words)}</p>".replace("é", "&eacute;")
    text = extract(html)
    starts, ends = source_spans(html)
    for token in re.finditer(r"\w+", text):
        source = html[starts[token.start()] : ends[token.end() - 1]]
        assert stdlib_html.unescape(re.sub(r"<[^>]*>", "", source)) == token[0]


FLAT = st.lists(
    st.sampled_from(
        [
            *["<p>", "<br>", "<br>", "<pre>w</pre>", "<pre>\nw\n</pre>", "<pre> w<br> </pre>", "<!---->", "<!-- x -->"],
            *["&eacute;", "&amp;lt;", "&copy2", "&notit;", "&nbsp;", "&#32;", "&#x1F600;", "&#0;", "&bne;", "&#10;"],
            *[
                "&#13;",
                "&#x80;",
                "&#x81;",
                "&#xD800;",
                "&#1114112;",
                "&#",
                "&#x",
                "&",
                ";",
                "<",
                "/",
                "x",
                "é",
                "\ue001",
            ],
            *[" ", "\n", "\r\n", "\r", "\t", "\f", "\u2003", "\x85", "\ufeff", "\U0001f600"],
        ]
    )
)


@settings(max_examples=500, deadline=None)
@given(FLAT)
def test_text_is_what_a_parser_of_the_standard_makes_of_paragraphs_and_breaks(pieces: list[str]) -> None:
    """Resiliparse builds a tree with lexbor; where a tree is flat the two read the same, to the last line break."""
    html2text = pytest.importorskip("resiliparse.extract.html2text")
    html = "".join(pieces)
    assert extract(html) == html2text.extract_plain_text(html, preserve_formatting=True, list_bullets=False)

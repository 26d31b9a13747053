"""One text in many forms: what is read of it is the same, furniture and all."""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import partial

import pytest

from tagdesk.models import Article
from tagdesk.models.reading.normal_form import words

PARAGRAPHS = [
    "Parliament voted on Tuesday to give hospitals more money for nurses and vaccines at the Café.",
    "The health minister said patients had waited too long for operations.",
    "Opposition deputies abstained and called the government plan too small.",
]
BODY = "\n".join(PARAGRAPHS)
HTML = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f\u034f\u200e\u202a\u2066\U000e0041\U000e0100\u180e\u2062\u061c"


def within(inserted: str) -> Callable[[str], str]:
    """Return what puts something into every long word."""
    return lambda text: re.sub(r"[^\W\d_]{7,}", lambda word: f"{word[0][:4]}{inserted}{word[0][4:]}", text)


def letters(capital: int, small: int) -> Callable[[str], str]:
    """Return what writes a text in other letters, which begin at these code points."""
    table = {65 + i: capital + i for i in range(26)} | {97 + i: small + i for i in range(26)}
    return lambda text: text.translate(table)


FORMS: dict[str, Callable[[str], str]] = {
    **{form: partial(unicodedata.normalize, form) for form in ("NFC", "NFD", "NFKC", "NFKD")},
    **{f"U+{ord(char):04X} within words": within(char) for char in INVISIBLE},
    "full-width": letters(0xFF21, 0xFF41),
    "bold": letters(0x1D400, 0x1D41A),
    "circled": letters(0x24B6, 0x24D0),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "ideographic spaces": lambda text: text.replace(" ", "\u3000"),
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "right to left": lambda text: "\u202b" + text.replace(" ", " \u200f") + "\u202c",
    "references": within("&shy;"),
    "emphasis": lambda text: text.replace("hospitals", "**hospitals**").replace(
        "health minister", "__health minister__"
    ),
    "links": lambda text: text.replace("minister", '[minister](/football/goal "Striker scores")'),
    "an address": lambda text: text.replace("nurses", "nurses https://example.com/sport/football"),
    "a mail address": lambda text: text.replace("long", "long mailto:desk@example.com?subject=football"),
    "shortcodes": lambda text: f"[vc_row][vc_text css='football']{text}[/vc_text][/vc_row]",
    "escaped HTML": lambda _: html.escape("\n".join(f"<p class='x'>{paragraph}</p>" for paragraph in PARAGRAPHS)),
    "HTML escaped twice": lambda _: html.escape(html.escape(HTML)),
}


def read(article: Article) -> list[str]:
    return words(article.text().body)


@pytest.mark.parametrize("form", FORMS)
def test_a_text_in_another_form_has_the_same_words(form: str) -> None:
    assert read(Article(body=FORMS[form](BODY))) == read(Article(body=BODY))


@pytest.mark.parametrize("inserted", ["&shy;", "&#173;", "&#xAD;", "<wbr>", "&zwnj;", "&ZeroWidthSpace;", "&amp;shy;"])
def test_what_is_invisible_in_html_changes_no_word(inserted: str) -> None:
    paragraphs = "".join(f"<p>{within(inserted)(paragraph)}</p>" for paragraph in PARAGRAPHS)
    assert read(Article(body_html=paragraphs)) == read(Article(body_html=HTML)) == read(Article(body=BODY))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n   ", "\r\n\t"])
@pytest.mark.parametrize("hyphen", ["-", "\u00ad", "\u2010"])
def test_a_word_broken_over_two_lines_is_one(hyphen: str, end: str) -> None:
    line = BODY.replace("\n", " ")
    broken = line.replace("hospitals", f"hospi{hyphen}{end}tals").replace("government", f"govern{hyphen}{end}ment")
    assert read(Article(body=broken)) == read(Article(body=line))

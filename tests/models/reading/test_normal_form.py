"""The reading step: one text, however it is written, and where each of its words stands in what was sent."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tagdesk.models import kernel
from tagdesk.models.reading.characters import kinds
from tagdesk.models.reading.normal_form import places, read, word_table, words
from tagdesk.models.reading.rewriting import MOST

quick = settings(deadline=None, max_examples=200, database=None)

UNSPACED = (
    *("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ITERATION", "HIRAGANA LETTER", "KATAKANA LETTER"),
    *("THAI", "LAO LETTER", "LAO VOWEL", "KHMER LETTER", "MYANMAR LETTER", "KATAKANA-HIRAGANA PROLONGED"),
)
ABSENT = "\u00ad\u200b\u200c\u200d\u200e\u202a\u2060\ufeff\ufe0f\U000e0041"
LETTERS = "aZéñ İıßẞΣσςK٣Ⅷ²ªſ1_"
MARKS = "\u0301\u0323\u0307\u094d\u093f\u0e31\u1039\u17d2\u05bc\u0651\u3099"
SCRIPTS = "中字々かカー한हिक्षงำกเ්မြន្"
COMPATIBLE = "ﬁＡｶﾞ№…\u00a0´½™"
plain_text = st.text(
    st.one_of(st.sampled_from(LETTERS + MARKS + SCRIPTS + COMPATIBLE + " .,\n’"), st.characters(codec="utf-8"))
)
SIGNS = "&<>[]()/@-‐:;=#\"' \n\r\t.,wW"
FRAGMENTS = ["&amp;", "&lt;p&gt;", "&shy;", "&#x301;", "<b>", "</b>", "<br/>", "[b]", "[/b]", "[vc_row a=1]", "](/a/b)"]
FRAGMENTS += [
    "https://example.com/a",
    "www.example.com",
    "a@example.com",
    "bbc.co.uk/news",
    "-\n",
    "\u00ad\n",
    "parlia",
]
any_text = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(SIGNS + LETTERS + MARKS + SCRIPTS + COMPATIBLE + ABSENT)),
    max_size=40,
).map("".join)


ANY_MARK = "".join(char for char in map(chr, range(0x110000)) if unicodedata.category(char) in ("Mn", "Mc"))
EMPHASIS = re.compile(rf"(?<![\w{ANY_MARK}])_++(?=\w)|(?<=[^\W_]|[{ANY_MARK}])_++(?![\w{ANY_MARK}])")
BROKEN_LINE = re.compile(rf"\u00ad[{ABSENT}]*\n")


def expected(text: str) -> list[str]:
    """Return the tokens of a text without markup, addresses and broken lines: the definition, written slowly."""
    normal = unicodedata.normalize("NFKC", "".join(char for char in text if char not in ABSENT))
    found, run = [], ""
    normal = EMPHASIS.sub("", normal)
    for char in normal.replace("i\u0307", "i") + " ":
        if char.isalnum() or char == "_" or (run and unicodedata.category(char) in ("Mn", "Mc")):
            run += char
        else:
            found += divided(run)
            run = ""
    return [token for token in map(lower, found) if len(token) > 1]


def divided(run: str) -> list[str]:
    """Divide word characters at the ends of unspaced scripts, and these into pairs of units."""
    units: list[str] = []
    for char in run:
        is_mark = unicodedata.category(char) in ("Mn", "Mc")
        stacked = bool(units) and is_unit(units[-1]) and units[-1][-1] in "\u1039\u17d2"
        if units and (is_mark or (stacked and is_unit(char)) or not (is_unit(units[-1]) or is_unit(char))):
            units[-1] += char
        else:
            units.append(char)
    tokens = []
    for before, unit, after in zip(["", *units], units, [*units[1:], ""], strict=False):
        if not is_unit(unit):
            tokens.append(unit)
        elif is_unit(before):
            tokens.append(before + unit)
        elif not is_unit(after):
            tokens.append(unit)
    return tokens


def is_unit(text: str) -> bool:
    return text[:1].isalpha() and unicodedata.name(text[0], "").startswith(UNSPACED)


def lower(token: str) -> str:
    one_by_one = [{"İ": "i", "Σ": "σ", "ς": "σ"}.get(char, char.lower()) for char in token]
    return unicodedata.normalize("NFC", "".join(one_by_one))


@quick
@given(st.text(st.sampled_from(LETTERS + MARKS + SCRIPTS + COMPATIBLE + ABSENT + " ,.\n’"), max_size=40))
def test_tokens_are_those_of_the_definition(text: str) -> None:
    assume(not BROKEN_LINE.search(text))
    assert words(text) == expected(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("प्रधानमंत्री ने चुनाव की घोषणा की", ["प्रधानमंत्री", "ने", "चुनाव", "की", "घोषणा", "की"]),
        ("পশ্চিমবঙ্গে বন্যা", ["পশ্চিমবঙ্গে", "বন্যা"]),
        ("வெள்ளம் சென்னை", ["வெள்ளம்", "சென்னை"]),
        ("مُحَمَّد שָׁלוֹם", ["مُحَمَّد", "שָׁלוֹם"]),
        ("ọ̀rọ̀ ẹ̀kọ́", ["ọ̀rọ̀", "ẹ̀kọ́"]),
        ("Tiếng Việt", ["tiếng", "việt"]),
        ("İstanbul İZMİR i\u0307zmir", ["istanbul", "izmir", "izmir"]),
        ("ΣΟΦΟΣ σοφός", ["σοφοσ", "σοφόσ"]),
        ("می\u200cروند", ["میروند"]),
        ("洪水が東京を襲う", ["洪水", "水が", "が東", "東京", "京を", "を襲", "襲う"]),
        ("iPhone手机, 3月", ["iphone", "手机"]),
        ("น้ำท่วม", ["น้ํา", "าท่", "ท่ว", "วม"]),
        ("ភ្នំពេញ", ["ភ្នំពេ", "ពេញ"]),
        ("parlia\u00admen\u200btary oﬃcial ＦＩＦＡ", ["parliamentary", "official", "fifa"]),
        ("O´Brien", ["brien"]),
        ("한국어 뉴스", ["한국어", "뉴스"]),
        ("H\u0331amas T\u0308est", ["ẖamas", "ẗest"]),  # composed in small letters alone
    ],
)
def test_words_of_a_script_are_whole_or_in_pairs(text: str, found: list[str]) -> None:
    assert words(text) == [unicodedata.normalize("NFC", word) for word in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Rain &amp; wind at caf&eacute; &amp;amp; bar", "rain wind at café bar"),
        (
            "&lt;p&gt;Storm &lt;a href=&quot;https://example.com/sport&quot;&gt;hits&lt;/a&gt; coast&lt;/p&gt;",
            "storm hits coast",
        ),
        ("Thunder&lt;b&gt;storm&lt;/b&gt;s&lt;br /&gt;rain", "thunderstorms rain"),
        ("thun&shy;der", "thunder"),
        ("R&D is 3 < 4 & x > y, see <3", "is see"),
        ('[vc_row][vc_column_text css="a b"]Rain[/vc_column_text][/vc_row]wind', "rain wind"),
        ("[dropcap]M[/dropcap]inisters said [sic] that [the] minister", "ministers said sic that the minister"),
        ('[gallery ids="1,2"] see [note 1]', "see note"),
        ('A [storm](https://example.com/sport "Football") hit ![the coast](img/ball.png)', "storm hit the coast"),
        ("see (below) [sic](below)", "see below sic below"),
        ("Read https://www.example.com/sport/football?a=b or www.example.com/tennis now", "read or now"),
        ("Write to desk.sport@example.com or mailto:a@b.org, please", "write to or please"),
        (
            "bbc.co.uk/sport/football says and/or says Amazon.com says U.S./Mexico",
            "says and or says amazon com says mexico",
        ),
        ("the parlia-\nment and the minis-\r\n  ter", "the parliament and the minister"),
        ("the parlia\u00ad\nment", "the parliament"),
        ("the _health_ and __minister__ of snake_case", "the health and minister of snake_case"),
        ("mailto:a@b.org?subject=goal said", "said"),
        ("if x <year and zone> 3 or <name> <hr> <my foo=bar> end", "if year and zone or name end"),
        ("if a<b>c or width<i>height, but not long<u>er</u>", "if or width height but not longer"),
        ("the end.The/next word.Word/word but bbc.com/word BBC.COM/WORD", "the end the next word word word but"),
        ("[url=https://foo.com/a]Ministers resign[/url] today", "ministers resign today"),
        ('[quote="Bob"]Taxes rise[/quote] [n=250]', "taxes rise 250"),
        ("see https://foo.com/a\u2014the minister (https://foo.com/b),the vote", "see the minister the vote"),
        ("see https://foo.com/a_(b)/c[d] and [https://foo.com/a]now", "see and now"),
        ("l’élection…lemonde.fr/politique/budget maintenant", "élection maintenant"),
        ("élection...lemonde.fr/politique…maintenant", "élection maintenant"),
        ("https://foo.com/a\u2028the bbc\uff0ecom/sport end", "the end"),
        ("North-\nSouth and 2014-\n15 -\nand", "north south and 2014 15 and"),
    ],
)
def test_what_is_markup_or_an_address_is_no_word(text: str, found: str) -> None:
    assert " ".join(words(text)) == found


@quick
@given(
    st.lists(st.one_of(plain_text, st.sampled_from(["a.bb/", "bbc.com/", "www.", "http://", *"…´¨․‥ "]))).map("".join)
)
@example("élection…lemonde.fr/politique")
@example("élection´lemonde.fr/politique")
def test_every_unicode_form_of_a_text_is_read_alike(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words(unicodedata.normalize(form, text)) == words(text)


@quick
@given(
    st.text(st.sampled_from(LETTERS + SCRIPTS + MARKS + " .\n")),
    st.lists(st.tuples(st.integers(0, 80), st.sampled_from(ABSENT))),
)
def test_characters_that_are_not_there_change_nothing(text: str, added: list[tuple[int, str]]) -> None:
    sent = text
    for at, char in added:
        sent = sent[:at] + char + sent[at:]
    if "\u00ad\n" not in re.sub(f"(?<=\u00ad)[{ABSENT}]+|[ ]", "", sent):  # what is seen at a line's end
        assert words(sent) == words(text)


@quick
@given(any_text)
def test_places_are_within_the_text_and_rise(text: str) -> None:
    normal, found = read(text), places(text)
    if found is None:
        assert normal == text
        return
    starts, ends = found
    assert len(starts) == len(ends) == len(normal)
    assert (starts < ends).all()
    codes = kernel.code_points(normal)
    _, first, last, _ = kernel.ngrams(codes, word_table(), 1, 2)
    assert (starts[first] < ends[last - 1]).all()
    assert not len(ends) or (starts.min() >= 0 and ends.max() <= len(text))
    one = first[: len(words(text))]
    assert (np.diff(starts[one]) >= 0).all()


@quick
@given(any_text)
@example("K<b>\u0301")
@example("H\u0331a")
@example("H\u0307\u0331a")
@example("\u03aa\u0301a")
def test_reading_twice_is_reading_once(text: str) -> None:
    """Words that were read stay as they are, as an exported pipeline relies on."""
    once = words(text)
    assert words(" ".join(once)) == once


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("El Nin\u0303o", "niño", "Nin\u0303o"),
        ("the oﬃcial", "official", "oﬃcial"),
        ("a par\u200blia\u00adment.", "parliament", "par\u200blia\u00adment"),
        ("in caf&eacute;s", "cafés", "caf&eacute;s"),
        ("parlia-\n  ment", "parliament", "parlia-\n  ment"),
        ("soft\u00adware of a bank\u2026", "bank", "bank"),
        ("the \ufb01rst \u00ab\u00a0inflation\u00a0\u00bb", "inflation", "inflation"),
        ("東京大学", "京大", "京大"),
        ("https://example.com/a rain", "rain", "rain"),
    ],
)
def test_a_word_stands_where_it_was_sent(text: str, word: str, place: str) -> None:
    normal, found = read(text), places(text)
    assert found is not None
    _, first, last, _ = kernel.ngrams(kernel.code_points(normal), word_table(), 1, 1)
    at = words(text).index(word)
    assert text[found[0][first[at]] : found[1][last[at] - 1]] == place


@quick
@given(st.text(st.one_of(st.characters(), st.sampled_from("İ aΣ"))))
def test_the_first_version_changes_only_letters_that_lower_case_needs(text: str) -> None:
    found, normal = places(text, 1), read(text, 1)
    origins = range(len(text)) if found is None else found[0].tolist()
    assert len(origins) == len(normal)
    # What Σ becomes depends on what stands around it; everything else is lowered by itself.
    for place, char in zip(origins, normal, strict=True):
        assert char == text[place] or char in text[place].lower() or text[place] == "Σ"
    assert words(text, 1) == re.findall(r"\w\w+", text.lower())


def test_a_long_run_of_marks_costs_no_more_than_its_length() -> None:
    """Unicode puts marks in order by comparing each with those before it: more than some thousand would take hours."""
    assert len(read("a" + "\u0301\u0316" * 200_000)) == 400_000


@pytest.mark.parametrize("before", ["", "a "])
def test_text_stops_growing_when_it_is_read(before: str) -> None:
    text = before + "\ufdfa\u00ad" * 300_000
    normal, found = read(text), places(text)
    assert found is not None
    assert len(normal) == len(found[0]) == len(found[1]) == MOST


def test_plain_text_of_any_script_with_spaces_is_its_own_normal_form() -> None:
    for text in (
        "“Storm” hits — the coast…",
        "Élection présidentielle",
        "выборы президента",
        "선거 뉴스",
        "بتاريخ الانتخابات",
    ):
        assert read(text) is text
    assert not kinds()[ord("a")]

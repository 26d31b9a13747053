from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.models import Article
from tagdesk.models.reading.furniture import blank_phrases, clean
from tagdesk.models.reading.looks import _judge, _survey

PROSE = (
    "The town council voted on Monday to repair the old stone bridge.\n"
    "Work begins in spring and takes two months, the mayor said.\n"
)


def blanked(text: str) -> str:
    return clean(text).text


def kept(furniture: str) -> str:
    """Return what is left of furniture that follows prose, which must survive whole."""
    text = clean(PROSE + furniture).text
    assert text.startswith(PROSE)
    return text[len(PROSE) :].strip()


def test_a_clean_article_is_returned_as_it_is() -> None:
    assert clean(PROSE).text is PROSE


@pytest.mark.parametrize(
    "heading",
    [
        *["Lire aussi", "À lire aussi :", "LATEST NEWS", "Read also", "Read more", "Related articles", "Most read"],
        *["Related stories:", "Lees ook", "Mehr zum Thema", "Leia também", "Lea también", "Te puede interesar"],
        *["Leggi anche", "Das könnte Sie auch interessieren", "## Read next", "Don’t miss", "Les plus lus"],
    ],
)
def test_a_heading_and_the_headlines_under_it_are_blanked(heading: str) -> None:
    assert not kept(f"{heading}\nFerry line opens to the islands\n\n- Who pays for the new harbour?\n")


def test_several_headings_in_a_row_are_one_list() -> None:
    assert not kept("Lire aussi\nLatest News\n- Ayer 17:50 Ferry opens\n• 14:33 Harbour closes\n17:20 | Storm ends")


def test_prose_under_a_list_of_links_survives() -> None:
    assert kept("Read more\nFerry line opens to the islands\nThe bridge dates from 1820.") == (
        "The bridge dates from 1820."
    )


def test_a_bulleted_list_of_sentences_under_a_heading_survives() -> None:
    bullets = "- The bridge will close for two weeks.\n- Buses stop at the market."
    assert kept(f"More information\n{bullets}").endswith(bullets)
    assert kept(f"Read more\n{bullets}") == bullets


def test_a_bulleted_list_without_a_heading_survives() -> None:
    bullets = "- two arches of stone\n- one arch of steel"
    assert kept(bullets) == bullets


def test_a_word_of_a_heading_inside_prose_survives() -> None:
    prose = "Read more books, the mayor said.\nRelated costs rose.\nThe latest news from the town is good."
    assert blank_phrases(PROSE + prose) == PROSE + prose


def test_an_unending_list_of_plain_lines_is_not_all_links() -> None:
    verse = "\n".join(f"And the river ran on for day {i}" for i in range(40))
    assert blank_phrases(f"{PROSE}Read more\n{verse}").strip().count("\n") == 42
    assert blank_phrases(f"{PROSE}Read more\n{verse}").endswith(verse[verse.index("And the river ran on for day 12") :])


@pytest.mark.parametrize(
    "line",
    [
        "Read also: Ferry line opens to the islands",
        "READ MORE: Ferry line opens to the islands.",
        "(Lire aussi : Le ferry repart)",
        "Lees ook: Veerboot vaart weer",
        "Lesen Sie auch | Fähre fährt wieder",
    ],
)
def test_a_link_on_one_line_is_blanked_and_no_more(line: str) -> None:
    prose = "The bridge is to open again in May."
    assert kept(f"{line}\n{prose}") == prose


@pytest.mark.parametrize(
    "line",
    [
        *["Share this", "Share on Facebook", "Tweet", "Partager", "Partager sur Facebook", "Share this article"],
        *["Facebook | Twitter | WhatsApp", "Sign up for our newsletter", "Subscribe to our YouTube channel"],
        *["Subscribe to our free daily newsletter here.", "Inscrivez-vous à notre newsletter", "Teilen"],
        *["Photo: Jane Roe/Example Agency", "Image credit: Example Agency", "© 2024 Example News"],
        *["Copyright © 2024 Example News. Reprints on request.", "All rights reserved.", "We use cookies to serve you"],
    ],
)
def test_a_line_for_the_reader_of_the_site_is_blanked(line: str) -> None:
    assert not kept(line)


@pytest.mark.parametrize(
    "line",
    [
        "Shares of the bridge builder rose by a tenth.",
        "Share prices fell on Monday after the bridge closed.",
        "Tweets by the mayor drew anger.",
        "Sign up for the run closes on Friday.",
        "Subscribe to the view that bridges last, and you pay for it.",
        "Photos of the bridge drew thousands to the museum.",
        "Copyright law protects the design of the bridge.",
        "All rights reserved for members of the club were withdrawn by the council after a long debate in May.",
    ],
)
def test_prose_that_starts_like_furniture_survives(line: str) -> None:
    assert kept(line) == line


TIMELINE = (
    "A bomb went off at the central market on Friday, killing nine people, police said.\n"
    "The president cut short a visit abroad and promised to find those behind the attack.\n"
)


@pytest.mark.parametrize(
    "events",
    [
        "- 10:15 Explosion at the market\n- 10:22 First ambulances arrive\n- 10:40 Police close the bridges",
        "22:40 – President speaks of the attack on television\n22:20 – Police close the market\n22:05 – Bomb goes off",
        "10.15 Explosion\n10.40 Bridges closed\n11.05 Hospital asks for blood\n12.30 President speaks",
    ],
)
def test_a_timeline_survives(events: str) -> None:
    assert blanked(TIMELINE + events) == TIMELINE + events
    assert blanked(f"{events}\n{TIMELINE}") == f"{events}\n{TIMELINE}"


def test_a_live_blog_survives() -> None:
    blog = "\n".join(f"- 17:{i:02d} The minister spoke of bridge {i} and left." for i in range(30))
    assert kept(blog) == blog


@pytest.mark.parametrize(
    "line",
    [
        "Credit: Lending to households fell 3 percent in May.",
        "Photo: Rebels fire rockets at the base",
        "- new arches\n- a wider path for cyclists\n- lights along the railing",
        "Jane Smith, a reporter who covered wars for three decades, died on Tuesday. She was 71.",
    ],
)
def test_prose_that_looks_like_furniture_survives(line: str) -> None:
    assert kept(f"{line}\nThe county pays half of it, the mayor said on Tuesday.").startswith(line)


MADE_UP = [
    "About the author\nAnn Roe is a sports writer who covers tennis for the Post. Follow her on Twitter @annroe.",
    "Comments (3)\nfishfan12: lol same here\nReply · Like · 2 hours ago",
    "Home > News > World",
    "Enter your email address\nSign me up\nWe will never share your details. Unsubscribe at any time.",
    '{"@type": "NewsArticle", "headline": "Ferry opens", "author": {"@type": "Person", "name": "Ann Roe"}}',
    "We and our partners store cookies on your device to measure audiences. Accept all\nManage options",
]


@pytest.mark.parametrize("furniture", MADE_UP)
def test_furniture_that_no_phrase_gives_away_is_blanked(furniture: str) -> None:
    assert not kept(furniture)


def test_links_in_html_say_that_a_list_is_furniture() -> None:
    body = "".join(f"<p>{line}</p>" for line in PROSE.splitlines())
    soup = "".join(f"<div><a href='/{i}'>Minister opens ferry line number {i}</a></div>" for i in range(4))
    assert "ferry" not in Article(body_html=body + soup).text().body
    assert "mayor" in Article(body_html=body + soup).text().body


BEFORE = "<p>The town council voted on Monday to repair the old stone bridge.</p>"
LINKED = "The county pays half of the repairs, as it promised in a letter last May."
AFTER = "<p>Work begins in spring and takes two months, the mayor said.</p>"


@pytest.mark.parametrize(
    ("linked", "after"),
    [
        (f"<p><a href='/letter'>{LINKED}</a></p>", AFTER),
        (f"<p><a href='/letter'>{LINKED}</a></p>", ""),
        (f"<p>{LINKED[:10]}<a href='/letter'>{LINKED[10:]}</a></p>", AFTER),
        (f"<p><a href='/letter'>{LINKED}</p>", AFTER + AFTER),
    ],
    ids=["between prose", "at the end", "but for a few words", "not closed"],
)
def test_paragraph_that_is_one_link_is_prose_and_so_is_what_follows(linked: str, after: str) -> None:
    body = Article(body_html=BEFORE + linked + after).text().body
    assert LINKED in body
    assert body.count("spring") == after.count("spring")


@pytest.mark.parametrize("furniture", MADE_UP)
def test_invisible_characters_change_nothing_in_what_is_furniture(furniture: str) -> None:
    text = PROSE + furniture
    assert blanked(text.replace("e", "\u200be")).replace("\u200b", "").split() == blanked(text).split()


def test_line_breaks_of_furniture_are_kept() -> None:
    assert blanked("One.\r\nRead more\r\nFerry opens\r\n").count("\r\n") == 3


@pytest.mark.parametrize(
    "line",
    [
        "read more\n",
        "- \n",
        "-" * 100,
        "read also: ",
        "photo " * 30 + "\n",
        "share this " * 15 + "\n",
        "subscribe to newsletter " * 8 + "\n",
        "- 17:50 a\n",
        "© \n",
        "aaaaaaaaaa. ",
    ],
)
def test_a_hostile_body_of_a_million_characters_ends(line: str) -> None:
    text = (line * 1_000_000)[:1_000_000]
    assert len(blanked(text)) == 1_000_000


LINES = st.lists(
    st.sampled_from(
        [
            *["Read more", "Lire aussi", "Latest News", "Share this", "Tweet", "Read also: Ferry opens", "© 2024 News"],
            *["- Ayer 17:50 Ferry opens", "• 14:33 Storm", "17:20 | Harbour", "17:50 The mayor left.", "- a bullet"],
            *["A headline", "A sentence.", "", " ", "\r", "\x85", "\u2028", "–", "(", "?", "İ", "ß"],
        ]
    )
    | st.text(max_size=20)
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_every_code_point_stays_or_becomes_a_space_in_place(lines: list[str]) -> None:
    text = "\n".join(lines)
    left = blanked(text)
    assert len(left) == len(text)
    assert all(new in (old, " ") for old, new in zip(text, left, strict=True))
    assert len(left.splitlines()) == len(text.splitlines())


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_blanking_phrases_twice_is_blanking_them_once(lines: list[str]) -> None:
    left = blank_phrases("\n".join(lines))
    assert blank_phrases(left) == left


@pytest.mark.parametrize("function", [_survey, _judge])
def test_judging_lets_go_of_the_interpreters_lock(function: Any) -> None:
    assert function.targetoptions["nogil"]


LEAD = "Parliament took up the matter on Monday after a long debate in the capital."
END = "A decision is expected in May."
LISTS = {
    "key points": [
        "Minister resigns over budget",
        "Taxes to rise in April",
        "Opposition calls a vote of no confidence",
    ],
    "fixtures": ["Leeds v Arsenal", "Chelsea v Everton", "Fulham v Burnley"],
    "results": ["Leeds 2-1 Arsenal", "Chelsea 0-0 Everton", "Fulham 3-2 Burnley"],
    "ingredients": ["2 onions, chopped", "500 g carrots", "1 litre vegetable stock"],
    "names": ["Maria Jensen, 43, nurse", "Paul Okafor, 51, teacher", "Li Wei, 29, student", "Anna Nowak, 67, retired"],
}


@pytest.mark.parametrize("items", LISTS.values(), ids=LISTS)
def test_list_without_links_is_prose_and_so_is_the_sentence_after_it(items: list[str]) -> None:
    listed = "".join(f"<li>{item}</li>" for item in items)
    body = Article(body_html=f"<p>{LEAD}</p><ul>{listed}</ul><p>{END}</p>").text().body
    assert body.split("\n\n") == [LEAD, *items, END]


@pytest.mark.parametrize(
    "rows", [LISTS["key points"], LISTS["names"], ["Shr 34 cts vs 1.19 dlrs", "Revs 25.2 mln vs 19.5"]]
)
def test_short_lines_of_which_none_says_that_it_is_furniture_are_prose(rows: list[str]) -> None:
    text = "\n".join([LEAD, *rows, END])
    assert blanked(text) == text

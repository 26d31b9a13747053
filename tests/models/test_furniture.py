import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.furniture import blank_furniture

PROSE = (
    "The town council voted on Monday to repair the old stone bridge.\n"
    "Work begins in spring and takes two months, the mayor said.\n"
)


def kept(furniture: str) -> str:
    """Return what is left of furniture that follows prose, which must survive whole."""
    text = blank_furniture(PROSE + furniture)
    assert text.startswith(PROSE)
    return text[len(PROSE) :].strip()


def test_a_clean_article_is_returned_as_it_is() -> None:
    assert blank_furniture(PROSE) is PROSE


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
    prose = "Read more books, the mayor said.\nRelated costs rose.\nLatest news from the town is good."
    assert kept(prose) == prose


def test_an_unending_list_of_plain_lines_is_not_all_links() -> None:
    verse = "\n".join(f"And the river ran on for day {i}" for i in range(40))
    assert kept(f"Read more\n{verse}").count("\n") == 27


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
    assert kept(f"{line}\nA Headline Like Line") == "A Headline Like Line"


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


TIMED = "- Ayer 17:50 Ferry opens\n- Ayer 17:20 Harbour closes\n- Ayer 16:50 Storm passes\n"


def test_three_headlines_with_clock_times_at_the_end_are_blanked() -> None:
    assert not kept(TIMED)
    assert not kept(TIMED + "\nShare this\n")


def test_two_headlines_with_clock_times_at_the_end_survive() -> None:
    two = TIMED[: TIMED.rindex("- Ayer")].strip()
    assert kept(two) == two


def test_headlines_with_clock_times_before_prose_survive() -> None:
    assert kept(TIMED + PROSE) == (TIMED + PROSE).strip()


def test_an_article_that_is_mostly_clock_times_survives() -> None:
    assert blank_furniture(TIMED * 10) == TIMED * 10


def test_a_live_blog_survives() -> None:
    blog = "\n".join(f"- 17:{i:02d} The minister spoke of bridge {i} and left." for i in range(30))
    assert kept(blog) == blog


def test_line_breaks_of_furniture_are_kept() -> None:
    assert blank_furniture("One.\r\nRead more\r\nFerry opens\r\n").count("\r\n") == 3


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
    assert len(blank_furniture(text)) == 1_000_000


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
    blanked = blank_furniture(text)
    assert len(blanked) == len(text)
    assert all(new in (old, " ") for old, new in zip(text, blanked, strict=True))
    assert len(blanked.splitlines()) == len(text.splitlines())


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_blanking_twice_is_blanking_once(lines: list[str]) -> None:
    blanked = blank_furniture("\n".join(lines))
    assert blank_furniture(blanked) == blanked

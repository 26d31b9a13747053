"""How several labels stand in one cell is told by what the column holds."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.formats.cells import (
    Label,
    is_null,
    label_key,
    labels_of_path,
    separators_of,
    structured,
    tidy,
)
from tagdesk.training.corpora.corpus import read_corpus

TWO = ("Sport", "Politics")

ONE_CELL = {
    "semicolon": "Sport; Politics",
    "bar": "Sport|Politics",
    "semicolon of Chinese": "Sport；Politics",
    "semicolon of Arabic": "Sport؛ Politics",
    "comma of Japanese lists": "Sport、Politics",
    "line end": "Sport\nPolitics",
    "JSON": '["Sport", "Politics"]',
    "Python": "['Sport', 'Politics']",
    "JSON of objects": '[{"id": 7, "name": "Sport"}, {"id": 9, "name": "Politics", "slug": "politics"}]',
    "Label Studio": '{"choices": ["Sport", "Politics"]}',
    "PostgreSQL": "{Sport,Politics}",
    "PostgreSQL, quoted": '{"Sport",Politics,NULL}',
    "quoted names": '"Sport", "Politics"',
    "hashtags": "#Sport #Politics",
    "hashtags and commas": "#Sport,#Politics",
    "hashtags and semicolons": "#Sport; #Politics",
    "hashtags without a space": "#Sport#Politics",
    "quoted names on two lines": '"Sport",\n"Politics"',
    "PostgreSQL, a line end in it": "{Sport,\nPolitics}",
    "JSON with what pandas writes for nothing": '["Sport", NaN, Infinity, "Politics"]',
    "with nulls": "Sport;NULL;;Politics",
}


def labels_of(cell: str, column: dict[str, int]) -> tuple[str, ...]:
    found = structured(cell)
    assert found is not None
    return tuple(label.label for label in (separators_of(column).labels(found) if isinstance(found, str) else found))


@pytest.mark.parametrize("cell", ONE_CELL.values(), ids=ONE_CELL)
def test_cell_of_several_labels_is_parted(cell: str) -> None:
    assert labels_of(cell, {cell: 1}) == TWO


@pytest.mark.parametrize("mark", [", ", ",", "#", "，", "、", "، ", " • ", "\t"])
def test_commas_and_their_like_part_labels_that_come_again(mark: str) -> None:
    column = {"Sport": 8, "Politics": 8, f"Sport{mark}Politics": 5, f"Politics{mark}Sport": 3}
    assert labels_of(f"Sport{mark}Politics", column) == TWO


def test_brackets_without_quotes_are_a_list_as_java_prints_one() -> None:
    column = {"Sport": 8, "Politics": 8, "Sport, Politics": 5}
    assert labels_of("[Sport, Politics]", column) == TWO
    assert labels_of("[Crime, law and justice]", {"Crime, law and justice": 9}) == ("Crime, law and justice",)
    assert labels_of("[Sport]", {}) == ("Sport",)
    assert structured("[nan]") == ()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**400], ids=str)
def test_number_that_names_nothing_is_no_label(number: float) -> None:
    assert structured([number, 7.0, 1.5]) == (Label("7", "7"), Label("1.5", "1.5"))
    assert structured(number) == ()


def test_huge_number_in_hexadecimal_is_no_label() -> None:
    assert structured(f"[0x{'f' * 15_000}, 7]") == (Label("7", "7"),)


HOSTILE = {
    "quoted first, a quote later": '"Brexit", ' + ", ".join(f"tag {i}" for i in range(2_000)) + ', 12" vinyl',
    "path that is none": " > ".join(f"name {i}" for i in range(1_500)) + " <",
    "hashtags and a word": "#a,#b" * 3_000 + " word",
    "slashes": "a/ b" * 4_000 + ":",
    "array that is none": "{" + '"a",' * 4_000,
    "brackets": "[" * 19_000 + "]",
}


@pytest.mark.parametrize("cell", HOSTILE.values(), ids=HOSTILE)
def test_reading_a_cell_ends_whatever_nearly_matches_in_it(cell: str) -> None:
    """Each took longer than the age of the world, or may, where a pattern has two ways to read each of its parts."""
    assert structured(cell) == cell
    assert separators_of({cell: 1}).labels(cell)


@pytest.mark.parametrize(
    "name", ["Crime, law and justice", "Arts, culture, entertainment and media", "C#", "F#", "Arts & Culture", "AC/DC"]
)
def test_name_with_a_mark_stays_one_label(name: str) -> None:
    """The marks are in names, too: there, the parts do not come again by themselves."""
    column = {"Crime, law and justice": 40, "Arts, culture, entertainment and media": 30, "Sport": 20, name: 9}
    assert labels_of(name, column) == (name,)


def test_many_different_tags_are_parted_at_commas() -> None:
    column = {f"football, player {i}, town {i}": 1 for i in range(30)}
    assert labels_of("football, player 3, town 3", column) == ("football", "player 3", "town 3")


def test_quoted_names_may_have_commas() -> None:
    assert labels_of('"Arts, Sport", "Arts, Politics"', {}) == ("Arts, Sport", "Arts, Politics")


def test_entity_does_not_part_a_label() -> None:
    assert labels_of("News &amp; Sport;Art", {"News &amp; Sport;Art": 1}) == ("News & Sport", "Art")


def test_path_is_the_label_and_those_above_it() -> None:
    for path in ("News>Politics", "News > Politics", "News &gt; Politics", "News » Politics", "/News/Politics/"):
        assert labels_of(path, {path: 1}) == ("News", "Politics")
    for path in ("News -> Politics", "News --> Politics", "News => Politics", "News::Politics", "News → Politics > "):
        assert labels_of(path, {path: 1}) == ("News", "Politics")


@pytest.mark.parametrize("name", ["Sci-Fi", "a < b > c", "medtop:20000", "http://a.org/x::y", "-", ">", "//x"])
def test_name_that_is_no_path_stays_whole(name: str) -> None:
    assert [label.name for label in labels_of_path(name)] == [] if is_null(name) else [name]


def test_path_that_ends_early_is_the_label_above() -> None:
    assert labels_of("News > ", {"News": 9}) == ("News",)


def test_answer_to_whether_there_is_a_topic_is_no_topic_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,category\nA,true\nB,False\nC,Sport\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert [article.labels for article in corpus.articles] == [("Sport",)]
    assert "labels left out because they are not topics: true (1), False (1)" in "\n".join(corpus.account.lines())


def test_slashes_make_paths_or_part_labels_by_what_the_column_holds() -> None:
    paths = {f"{root}/{name}": 5 for root, names in (("news", "ab"), ("sport", "cd")) for name in names}
    assert labels_of("news/a", paths) == ("news", "a")
    labels = {"Sport": 8, "Politics": 8, "Sport / Politics": 5, "Politics / Sport": 3}
    assert labels_of("Sport / Politics", labels) == TWO
    assert labels_of("Sci/Tech", {"World": 9, "Sports": 9, "Sci/Tech": 9}) == ("Sci/Tech",)
    uris = {"http://a.org/x/1": 4, "http://a.org/x/2": 5}
    assert labels_of("http://a.org/x/1", uris) == ("http://a.org/x/1",)


def test_text_of_absurd_length_is_no_label_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"text,category\nA,{'x' * 201}\nB,Sport\nC,Sport|{'y' * 300}\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert [one.labels for one in corpus.articles] == [("Sport",), ("Sport",)]
    assert f"labels left out because they are not topics: {'x' * 60}… (201 characters) (1), " in "\n".join(
        corpus.account.lines()
    )


def test_what_separates_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,category\nA,"Sport, Art"\nB,Sport\nC,Art\nD,News>World\n')
    account = read_corpus(tmp_path / "a.csv").account
    assert account.parting == "labels separated by commas, paths such as News>Politics as topics below others"


@settings(deadline=None, database=None)
@given(st.text())
def test_key_of_a_key_is_itself(label: str) -> None:
    key = label_key(label)
    if "&" not in key and "\u0130" not in label:  # an entity in an entity; İ has no small letter of one character
        assert label_key(key) == key


names = st.text(st.characters(categories=["Lu", "Ll", "Nd"], codec="utf-8"), min_size=1, max_size=9)


@settings(deadline=None, database=None)
@given(st.lists(names.filter(lambda name: not is_null(name)), min_size=1, unique=True))
def test_list_of_names_is_read_as_it_was_written(some: list[str]) -> None:
    for cell in (json.dumps(some), json.dumps(some, ensure_ascii=False), ";".join(some), "|".join(some)):
        assert list(labels_of(cell, {cell: 1})) == list(dict.fromkeys(map(tidy, some)))


@settings(deadline=None, database=None)
@given(st.text(max_size=60), st.dictionaries(st.text(min_size=1, max_size=20), st.integers(1, 9), max_size=8))
def test_no_cell_ends_in_a_traceback(cell: str, column: dict[str, int]) -> None:
    found = structured(cell)
    if isinstance(found, str):
        separators_of({**column, cell: 1}).labels(found)

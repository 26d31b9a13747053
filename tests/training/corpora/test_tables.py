"""Encodings and shapes of tables: what Excel, databases and scripts write is read, and how is said."""

import contextlib
import csv
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tagdesk.models import Article
from tagdesk.models.errors import EmptyArticle
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.errors import CorpusError

TABLE = (
    "Titre;Texte;Rubrique\n"
    "Élections à Orléans;Les électeurs ont élu leur députée dès le premier tour.;Société\n"
    "Fête d’été;L’orchestre a joué « Carmen » – à guichets fermés.;Culture\n"
)
READ = [
    ("Élections à Orléans", "Les électeurs ont élu leur députée dès le premier tour.", ("Société",)),
    ("Fête d’été", "L’orchestre a joué « Carmen » – à guichets fermés.", ("Culture",)),
]


def read(corpus: Corpus) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.title, one.body, one.labels) for one in corpus.articles]


def summary(corpus: Corpus) -> str:
    return "\n".join(corpus.account.lines())


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "read as cells"),
        ("utf-8-sig", "read as cells"),
        ("utf-16", "UTF-16, cells"),
        ("utf-16-le", "UTF-16, cells"),
        ("utf-16-be", "UTF-16, cells"),
        ("utf-32", "UTF-32, cells"),
        ("utf-32-le", "UTF-32, cells"),
        ("utf-32-be", "UTF-32, cells"),
        ("cp1252", "Windows-1252, cells"),
        ("mac_roman", "Mac OS Roman, cells"),
    ],
)
@pytest.mark.parametrize("name", ["export.csv", "EXPORT.CSV.GZ"])
def test_table_is_read_in_every_encoding_and_it_is_said(tmp_path: Path, codec: str, said: str, name: str) -> None:
    data = (TABLE * 3).encode(codec)  # files that were put together: their headers are no articles
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("GZ") else data)
    corpus = read_corpus(tmp_path / name)
    assert read(corpus) == READ
    assert said in summary(corpus)
    assert corpus.name.lower() == "export"


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1250", "Łódź wygrywa: prezydent miasta powiedział, że źródła są świeże, a łąka pięknie kwitnie."),
        ("cp1251", "Парламент принял закон о бюджете на следующий год после долгих споров."),
        ("gb18030", "教练宣布门将和金牌。射手检查足球与射手。委员会谈到法律与总理。"),
        ("shift_jis", "首相は国会で予算について説明した。サッカーの試合が行われた。"),
        ("euc_jp", "首相は国会で予算について説明した。サッカーの試合が行われた。"),
        ("big5", "市議會今天選出新任主席，任期四年。足球隊在主場贏得比賽。"),
        ("euc_kr", "국회는 오늘 내년 예산안을 통과시켰다. 축구 대표팀이 경기에서 이겼다."),
    ],
)
def test_other_encodings_are_told_by_the_text(tmp_path: Path, codec: str, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(f"text;category\n{text};A\n".encode(codec))
    assert read_corpus(tmp_path / "a.csv").articles[0].body == text


def test_stray_byte_in_a_utf_8_file_is_a_bad_row(tmp_path: Path) -> None:
    """The file was put together from several: to read all of it otherwise would spoil the rest."""
    rows = "".join(f"{i},Été à Orléans,Culture\n" for i in range(2000))
    (tmp_path / "a.csv").write_bytes(f"id,body,topics\n{rows}".encode() + b"x,caf\xe9,Culture\n")
    with pytest.raises(CorpusError, match=r"a\.csv:2002: not UTF-8: byte 0xe9; save the file as UTF-8"):
        read_corpus(tmp_path / "a.csv")


def test_stray_byte_in_the_header_is_refused_without_strange_characters(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"titr\xe9,texte\n" + "été,Élu à Orléans\n".encode() * 9)
    with pytest.raises(CorpusError, match=r"a\.csv: row 1: not UTF-8: byte 0xe9; save the file as UTF-8"):
        read_corpus(tmp_path / "a.csv")


def test_json_lines_of_windows_are_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"text": "Un café à Orléans", "label": "Société"}\n'.encode("cp1252"))
    corpus = read_corpus(tmp_path / "a.jsonl")
    assert read(corpus) == [("", "Un café à Orléans", ("Société",))]
    assert "Windows-1252" in summary(corpus)


SHAPES = {
    "sep= line": ("sep=;\ntitle;text;category\nA, b;c;Sport\n", "semicolons"),
    "quoted sep= line": ('"sep=;"\r\ntitle;text;category\r\nA, b;c;Sport\r\n', "semicolons"),
    "bars": ("title|text|category\nA, b|c|Sport\n", "bars"),
    "many commas in a table of semicolons": ("title, of the article;text;category\nA, b;c;Sport\n", "semicolons"),
    "backslashed quotes": (
        'title,text,category\n"A, b","c","Sport"\n"x","he said \\"no\\", twice","Art"\n',
        "backslashes",
    ),
    "old Mac line ends": ("title,text,category\rA,c,Sport\r", ""),
    "quotation marks between bars": ('title|text|category\n"5G" is slow|"No", she said|Sport\n', "are text"),
    "quotation marks between tabs": ('title\ttext\tcategory\n"5G" is slow\t"No", she said\tSport\n', "tabs"),
}


@pytest.mark.parametrize(("text", "said"), SHAPES.values(), ids=SHAPES)
def test_shape_of_a_table_is_told_and_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    corpus = read_corpus(tmp_path / "a.csv")
    assert corpus.articles[0].labels == ("Sport",)
    assert said in summary(corpus)


def test_marks_that_texts_rarely_have_are_believed_first(tmp_path: Path) -> None:
    rows = [f"Match {i};United won {i}, at home, with a late goal;{('Sport', 'Art')[i % 2]}" for i in range(10)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert read_corpus(tmp_path / "a.csv").articles[1].labels == ("Art",)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_table_without_a_header_loses_no_article(tmp_path: Path, mark: str, name: str) -> None:
    if mark != "\t" and name != "a.csv":
        return
    rows = [f"{i}{mark}United won match {i} at home today{mark}{('Sport', 'Art')[i % 2]}" for i in range(10)]
    (tmp_path / name).write_text("\n".join(rows))
    corpus = read_corpus(tmp_path / name)
    assert [one.body for one in corpus.articles] == [f"United won match {i} at home today" for i in range(10)]
    assert "body from column 2 (by what it holds), topics from column 3" in corpus.account.columns
    assert "without a header, as its first row looks like the others" in summary(corpus)


@pytest.mark.parametrize("above", ["\n,,\n", "Export of the archive,,\n23 November 2026,,\n", "The archive\n\n"])
def test_lines_above_the_header_are_passed_over(tmp_path: Path, above: str) -> None:
    (tmp_path / "a.csv").write_text(f"{above}title,text,category\nA,b,Sport\n")
    assert read(read_corpus(tmp_path / "a.csv")) == [("A", "b", ("Sport",))]


def test_text_with_nul_characters_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,category\na\0b,Sport\nA match.,Sport\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert [one.body for one in corpus.articles] == ["A match."]
    assert "rows left out: 1 whose text is damaged (it has NUL characters)" in summary(corpus)


def test_quotation_mark_far_down_a_table_without_quotes_is_read_as_text(tmp_path: Path) -> None:
    rows = "".join(f"match {i}\tSport\n" for i in range(20_000))
    (tmp_path / "a.tsv").write_text(f'text\tcategory\n{rows}"5G" is slow\tTechnology\n')
    corpus = read_corpus(tmp_path / "a.tsv")
    assert corpus.articles[-1].body == '"5G" is slow'
    assert "cells separated by tabs, quotation marks are text" in summary(corpus)


def test_quote_that_breaks_a_table_with_quotes_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"text","category"\n"a match","Sport"\n"she said "no" twice","Politics"\n')
    with pytest.raises(CorpusError, match=r"a\.csv:3: no table from here on .* is a quote not closed, or not doubled"):
        read_corpus(tmp_path / "a.csv")


def test_backslashes_are_those_of_the_text_where_no_quote_needs_one(tmp_path: Path) -> None:
    text = 'text,category\n"he said \\"no\\" in C:\\temp",Art\n"a ""b"" \\\\ c",Sport\n\\N,Sport\n'
    (tmp_path / "a.csv").write_text(text)
    assert [one.body for one in read_corpus(tmp_path / "a.csv").articles] == [
        'he said "no" in C:\\temp',
        'a "b" \\\\ c',
    ]


def test_column_that_stands_twice_is_named_and_the_fuller_one_read(tmp_path: Path) -> None:
    for text, said in (
        ("text,text,category\nA match.,,Sport\nA vote.,,Politics\n", "the first of 2 columns of this name"),
        ("text,text,category\n,A match.,Sport\n,A vote.,Politics\n", "the fuller of 2 columns of this name"),
    ):
        (tmp_path / "a.csv").write_text(text)
        corpus = read_corpus(tmp_path / "a.csv")
        assert [one.body for one in corpus.articles] == ["A match.", "A vote."]
        assert f"body from text ({said})" in summary(corpus)


def test_spreadsheet_is_read_or_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(CorpusError, match=r"a\.xlsx is an Excel file: save it as `CSV UTF-8`, or pip"):
        read_corpus(tmp_path / "a.xlsx")


def test_spreadsheet_is_read_where_openpyxl_is_installed(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the reader of .xlsx is optional")
    book = openpyxl.Workbook()
    for row in (["Titre", "Texte", "Rubrique", "Note"], ["A", "b", "Sport", None], [], [2026, "d", "Culture", 3]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert read(read_corpus(tmp_path / "a.xlsx")) == [("A", "b", ("Sport",)), ("2026", "d", ("Culture",))]


def test_damaged_spreadsheet_is_refused_with_the_mend(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="the reader of .xlsx is optional")
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(CorpusError, match=r"save it again, or as CSV UTF-8"):
        read_corpus(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("suffix", "said"),
    [("spacy", "write each doc as a line of .jsonl"), ("xls", "save the sheet as"), ("zip", "unpack it")],
)
def test_other_kinds_of_files_are_refused_with_the_mend(tmp_path: Path, suffix: str, said: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(b"x")
    with pytest.raises(CorpusError, match=said):
        read_corpus(tmp_path / f"a.{suffix}")


def is_readable(title: str, body: str) -> bool:
    """Tell whether an article of this title and body is left in a corpus."""
    try:
        return bool(title.strip() or Article(body=body).text())
    except EmptyArticle:
        return False


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters='\n"\\,;\t|'), min_size=1
)


@settings(
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@example(rows=[("\t", '\n"0')], delimiter="\t", quoting=csv.QUOTE_MINIMAL, codec="utf-8")
@example(rows=[("\n", '\t"0'), ("0", '"')], delimiter="\t", quoting=csv.QUOTE_ALL, codec="utf-16")
def test_whatever_a_table_holds_is_read_as_it_was_written(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, quoting: int, codec: str
) -> None:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["title", "text", "category"])
    writer.writerows([*row, "Sport"] for row in rows)
    (tmp_path / "a.csv").write_bytes(target.getvalue().encode(codec))
    nulls = {"NULL", "\\N"}
    expected = {tuple("" if cell in nulls else cell for cell in row) for row in rows}
    readable = {row for row in expected if is_readable(*row)}
    assume(readable)  # a file without any is refused
    assert {(article.title, article.body) for article in read_corpus(tmp_path / "a.csv").articles} == readable


@settings(
    deadline=None,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.binary(max_size=300), name=st.sampled_from(["a.csv", "a.tsv", "a.txt", "a.json", "a.jsonl", "a.csv.gz"]))
def test_no_bytes_at_all_end_in_a_traceback(tmp_path: Path, data: bytes, name: str) -> None:
    """Whatever they are, a corpus comes of them or a sentence."""
    for content in (data, b"text,category\n" + data, b'text;label\n"' + data + b'";Sport\n'):
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        with contextlib.suppress(CorpusError):
            read_corpus(tmp_path / name)

"""Columns are found by what people call them in many languages, or by what they hold; what is taken is said."""

from pathlib import Path

import pytest

from tagdesk.formats.dates import DateColumn
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.errors import CorpusError

HEADERS = [
    "Headline,Text,Section,Published At",
    "TITLE,BODY,TOPICS,DATE",
    "Titre,Texte,Rubrique,Date de publication",
    "Titel,Text,Ressort,Veröffentlicht am",
    "Überschrift,Fließtext,Schlagwörter,Erscheinungsdatum",
    "Título,Cuerpo,Sección,Fecha de publicación",
    "Título,Texto,Editoria,Data de publicação",
    "Titolo,Testo,Sezione,Data di pubblicazione",
    "Kop,Tekst,Rubriek,Publicatiedatum",
    "post_title,post_content,category_name,post_date",
    "Article Title,Article Text,Category,Created",
    "title [plain],content:encoded,Mots-clés,pubDate",
    "Tytuł,Treść,Kategoria,Data publikacji",
    "Заголовок,Текст,Рубрика,Дата",
    "标题,正文,栏目,日期",
    "タイトル,本文,カテゴリー,公開日",
    "제목,본문,카테고리,날짜",
    "العنوان,النص,القسم,التاريخ",
]


def corpus_of(folder: Path, text: str, columns: str = "") -> Corpus:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return read_corpus(folder / "a.csv", columns=columns)


def columns_of(corpus: Corpus) -> str:
    return corpus.account.columns


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_found_by_name_in_many_languages(tmp_path: Path, header: str) -> None:
    corpus = corpus_of(tmp_path, f"{header}\nLate goal,United won at home.,Sport,2026-11-23\n")
    (article,) = corpus.articles
    labels = article.labels or article.topics
    assert (article.title, article.body, labels, article.date) == (
        "Late goal",
        "United won at home.",
        ("Sport",),
        "2026-11-23",
    )


def test_column_of_texts_without_a_known_name_is_found_by_what_it_holds(tmp_path: Path) -> None:
    rows = "".join(f"s{i},Long story number {i} of the day,desk {i % 2},Sport\n" for i in range(12))
    corpus = corpus_of(tmp_path, f"ref,xyz,who,Category\n{rows}")
    assert columns_of(corpus) == "body from xyz (by what it holds), topics from Category"


STRANGE = {
    "Icelandic": ("Fyrirsögn,Meginmál,Flokkur", "Kosningar {} í borginni", "Borgarstjórn kaus í dag nýjan forseta {}."),
    "Chinese": ("甲,乙,丙", "市议会选举第{}号", "市议会今天选出了新任主席，任期四年，编号{}。"),
    "Thai": ("ก,ข,ค", "ข่าวเลือกตั้งที่{}", "สภาเมืองเลือกประธานคนใหม่วันนี้เป็นครั้งที่{}"),
}


@pytest.mark.parametrize(("header", "title", "body"), STRANGE.values(), ids=STRANGE)
def test_columns_of_any_language_are_found_by_what_they_hold(
    tmp_path: Path, header: str, title: str, body: str
) -> None:
    rows = "".join(f"{title.format(i)},{body.format(i)},{('Sport', 'Art')[i % 2]}\n" for i in range(12))
    names = [f"{name} (by what it holds)" for name in header.split(",")]
    corpus = corpus_of(tmp_path, f"{header}\n{rows}")
    assert columns_of(corpus) == f"title from {names[0]}, body from {names[1]}, topics from {names[2]}"


def test_columns_of_texts_that_are_not_read_are_named(tmp_path: Path) -> None:
    rows = "".join(f"The long story {i} of the day,In short {i} of it,Also a note {i},Art\n" for i in range(12))
    corpus = corpus_of(tmp_path, f"text,excerpt,note,category\n{rows}")
    assert 'columns of texts that are not read: excerpt, note; --columns "title=excerpt", say, would' in "\n".join(
        corpus.account.lines()
    )


def test_column_of_topics_without_a_known_name_is_found_by_what_it_holds(tmp_path: Path) -> None:
    """Not the author's, nor the status, nor an address, nor a number."""
    rows = "".join(
        f"Story {i} of a long day,{('Sport', 'Art', 'Life')[i % 3]},{('Ann', 'Bob')[i % 2]},publish,{i % 3},x@y.org\n"
        for i in range(12)
    )
    corpus = corpus_of(tmp_path, f"text,xyz,author,status,number,contact\n{rows}")
    assert columns_of(corpus) == "body from text, topics from xyz (by what it holds)"


def test_two_columns_that_could_be_the_topics_are_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"Story {i} of the day,{('Sport', 'Art')[i % 2]},{('Leeds', 'York')[i % 2]}\n" for i in range(12))
    with pytest.raises(
        CorpusError, match=r"no column of topics is found \('xyz', 'abc' could each be it\)\..*topics=…"
    ):
        corpus_of(tmp_path, f"text,xyz,abc\n{rows}")


def test_of_several_columns_of_labels_that_is_read_which_labels_most_articles(tmp_path: Path) -> None:
    """A quarter of the tags is missing; the other column is named, and how to read it."""
    rows = "".join(f"Story {i}.,{'cup;final' if i % 4 else ''},{('Sport', 'Art')[i % 2]}\n" for i in range(24))
    corpus = corpus_of(tmp_path, f"text,tags,section\n{rows}")
    assert columns_of(corpus).endswith('topics from section (tags: not read; --columns "topics=tags" would)')
    assert {label for one in corpus.articles for label in one.labels} == {"Sport", "Art"}


def test_empty_column_of_topics_is_not_read_for_one_that_is_full(tmp_path: Path) -> None:
    rows = "".join(f"Story {i}.,{('Sport', 'Art')[i % 2]},\n" for i in range(24))
    assert "topics from Section" in columns_of(corpus_of(tmp_path, f"Text,Section,Topic\n{rows}"))


def test_column_of_placeholders_is_not_read_for_one_of_topics(tmp_path: Path) -> None:
    rows = "".join(f"Story {i}.,Uncategorized,{('Sport', 'Art')[i % 2]}\n" for i in range(24))
    assert "topics from tags" in columns_of(corpus_of(tmp_path, f"text,category,tags\n{rows}"))


def test_names_of_classes_are_read_rather_than_their_numbers(tmp_path: Path) -> None:
    rows = "".join(f"Story {i}.,{i % 2},{('Sport', 'Art')[i % 2]}\n" for i in range(24))
    assert "topics from label_text" in columns_of(corpus_of(tmp_path, f"text,label,label_text\n{rows}"))


@pytest.mark.parametrize(
    ("prefix", "no", "yes"), [("", "0", "1"), ("category_", "False", "True"), ("is ", "0.0", "1.0")]
)
def test_columns_that_say_yes_or_no_are_topics(tmp_path: Path, prefix: str, no: str, yes: str) -> None:
    topics = ["Sport", "Art", "Politics"]
    flags = "".join(
        f"Story {i} of a long day,{','.join(yes if i % (t + 2) == 0 else no for t in range(3))}\n" for i in range(12)
    )
    corpus = corpus_of(tmp_path, f"text,{','.join(prefix + topic for topic in topics)}\n{flags}")
    assert [set(one.labels) for one in corpus.articles[:2]] == [set(topics), {"Sport"}]  # row 1 has no topic
    assert "(a column for each topic)" in columns_of(corpus)
    assert corpus.account.unlabelled == 4


def test_columns_can_be_named(tmp_path: Path) -> None:
    """Names may have spaces; capitals and accents do not matter."""
    text = "Chapô,Texte long,Mots de la fin,Catégorie\nA,B c d,Sport,Art\n"
    corpus = corpus_of(tmp_path, text, "title=Chapo body=texte long topics=Mots de la fin")
    assert [(one.title, one.body, one.labels) for one in corpus.articles] == [("A", "B c d", ("Sport",))]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("body=Texte", r"--columns: body=Texte: no such column; there are 'text', 'category'"),
        ("body=text body=category", "body is named twice: name one column for it"),
        ("Texte", r"write --columns \"body=Texte topics=Rubrique\"; known are id, title, body"),
        ("corps=text", r"write --columns "),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path: Path, columns: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        corpus_of(tmp_path, "text,category\nA,Sport\n", columns)


def test_missing_columns_are_named_with_those_that_are_there_and_the_mend(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as refused:
        corpus_of(tmp_path, "headline,ref\nA,1\nB,2\n")
    assert "no column of topics is found. It has 'headline', 'ref'" in str(refused.value)
    assert 'Say which is which: --columns "topics=…"' in str(refused.value)


@pytest.mark.parametrize(
    ("dates", "day", "said"),
    [
        (["01/11/2026", "28/11/2026"], "2026-11-01", "dates with the day first"),
        (["11/01/2026", "11/28/2026"], "2026-11-01", "dates with the month first"),
        (["1.11.2026", "2.11.2026 10:30"], "2026-11-01", "dates with the day first"),
        (["01/11/26", "28/11/26"], "2026-11-01", "dates with the day first"),
        (["46327", "46354.5"], "2026-11-01", ""),
        (["1793491200", "1795000000"], "2026-11-01", ""),
        (["1 November 2026", "Nov 28, 2026"], "2026-11-01", ""),
        (["1er novembre 2026", "28 décembre 2026"], "2026-11-01", ""),
        (["1. November 2026", "28. März 2027"], "2026-11-01", ""),
        (
            ["Sun, 01 Nov 2026 10:00:00 +0000", "x"],
            "2026-11-01",
            "1 cannot be read, such as 'x'",
        ),
        (["20261101", "20261128"], "2026-11-01", ""),
        (
            ["01/11/2026", "02/11/2026"],
            None,
            "in two ways (day or month first?): say --dates day-first",
        ),
        (["13/11/2026", "11/13/2026", "01/02/2026"], "2026-11-13", "(some have the day first and some the month)"),
    ],
)
def test_dates_are_read_in_any_order_that_the_column_makes_certain(
    tmp_path: Path, dates: list[str], day: str | None, said: str
) -> None:
    rows = "".join(f'Story {i}.,Sport,"{date}"\n' for i, date in enumerate(dates))
    corpus = corpus_of(tmp_path, f"text,category,date\n{rows}")
    assert corpus.articles[0].date == day
    assert said in "\n".join(corpus.account.lines())


SPELLED = {
    "mardi 5 novembre 2024": "2024-11-05",
    "mar. 5 nov. 2024": "2024-11-05",
    "martes, 5 de noviembre de 2024": "2024-11-05",
    "martedì 5 novembre 2024": "2024-11-05",
    "maandag 4 november 2024": "2024-11-04",
    "Segunda-feira, 4 de novembro de 2024": "2024-11-04",
    "Samstag, 5. März 2024": "2024-03-05",
    "23. marraskuuta 2026": "2026-11-23",
    "5 listopada 2024": "2024-11-05",
    "5 Ağustos 2024": "2024-08-05",
    "5 ноября 2024 г.": "2024-11-05",
    "5th of November 2024": "2024-11-05",
    "Sunday, Augusta, 5 May 2024": "2024-05-05",
    "10:30 GMT, Monday, 23 November 2026": "2026-11-23",
    "10h30, 23 novembre 2026": "2026-11-23",
    "3 p.m. Nov 23, 2026": "2026-11-23",
    "10:30 Nov 23, 2026": "2026-11-23",
    "Fri Oct 18 09:12:33 +0000 2024": "2024-10-18",
    "Fri Oct 18 09:12:33 UTC 2024": "2024-10-18",
    "Nov 23 2026 10:30AM": "2026-11-23",
    "28/11/99": "1999-11-28",
    "10:30 November 2026": None,
    "Marseille 5, 2024": None,
    "mardi 5, 2024": None,
    "updated 3 March 2024, published 1 March 2024": None,
    "31 November 2024": None,
    "12345": None,
}


@pytest.mark.parametrize(("written", "day"), SPELLED.items(), ids=SPELLED)
def test_month_of_a_date_stands_beside_its_day_and_what_is_no_date_is_counted(written: str, day: str | None) -> None:
    column = DateColumn()
    column.look(written)
    assert column.day(written) == day
    assert column.unread == (day is None)


@pytest.mark.parametrize(
    ("order", "dates", "days"),
    [
        ("day-first", ["01/11/2026", "02/11/2026"], ["2026-11-01", "2026-11-02"]),
        ("month-first", ["01/11/2026", "02/11/2026"], ["2026-01-11", "2026-02-11"]),
        ("month-first", ["01/11/2026", "28/11/2026"], ["2026-11-01", "2026-11-28"]),  # the column is certain
        ("day-first", ["13/11/2026", "11/13/2026", "01/02/2026"], ["2026-11-13", "2026-11-13", "2026-02-01"]),
    ],
)
def test_order_that_a_column_of_dates_leaves_open_can_be_said(
    tmp_path: Path, order: str, dates: list[str], days: list[str]
) -> None:
    rows = "".join(f"Story {i}.,Sport,{date}\n" for i, date in enumerate(dates))
    (tmp_path / "a.csv").write_text(f"text,category,date\n{rows}")
    corpus = read_corpus(tmp_path / "a.csv", dates=order)
    assert [one.date for one in corpus.articles] == days
    assert "two ways" not in "\n".join(corpus.account.lines())

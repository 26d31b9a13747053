"""The page: whole, safe with any text, and saying what was measured."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import read_ngrams
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.models.topic_model import Evidence
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.learning_curve import LearningCurve
from tagdesk.training.judge.measure import Examined
from tagdesk.training.report.articles import marked
from tagdesk.training.report.html import el, escape
from tagdesk.training.report.page import report, write_report

HOSTILE = (
    "</p></style></title>--><script src=//evil.example/x.js>alert(1)</script><img src=x onerror='alert(2)'>\"'&\x00\x1b"
)

VOID = {"meta", "br", "circle", "line", "path", "rect"}


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, name: str) -> list[str]:
        """Return the values of all attributes of that name."""
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def ngrams(small_bundle: Path) -> list[str]:
    return read_ngrams(small_bundle)


@pytest.fixture(scope="module")
def examined(small_model: TopicModel, rows: list[dict[str, Any]]) -> Examined:
    """Return our articles' first words, of which every seventh has a wrong label."""
    texts = [Article(title=row["title"], body=row["body"][:160]).text() for row in rows]
    decisions = np.full((len(rows), len(small_model.taxonomy)), NO, np.int8)
    for i, row in enumerate(rows):
        decisions[i, [small_model.taxonomy.column(topic) for topic in row["topics"]]] = YES
    decisions[::7] = np.roll(decisions[::7], 1, axis=1)
    return Examined(
        ids=[row["id"] for row in rows],
        texts=texts,
        decisions=decisions,
        scores=small_model.scores(texts)[0],
        confidences=small_model.scores(texts)[1],
        weight=np.ones(len(rows)),
    )


@pytest.fixture(scope="module")
def curve(small_model: TopicModel) -> LearningCurve:
    topics = len(small_model.taxonomy)
    precision = np.linspace((0.6,) * topics, (0.8,) * topics, 3)
    return LearningCurve((50, 100, 200), 80, precision, np.full(topics, 0.05), np.full(topics, 0.15))


@pytest.fixture(scope="module")
def page(small_model: TopicModel, ngrams: list[str], examined: Examined, curve: LearningCurve) -> str:
    groups = [(0, 1), (2, 3, 4)]
    return report(small_model, ngrams, examined, duplicates=groups, learning_curve=curve, served=silent(small_model))


def first(examined: Examined, count: int, **changed: Any) -> Examined:
    part = {name: getattr(examined, name)[:count] for name in Examined.__slots__ if name != "how"}
    return replace(examined, **part | changed)


def silent(model: TopicModel) -> TopicModel:
    """Return a model that gives no topic: its cut-offs are out of reach."""
    return replace(model, calibrations=tuple(replace(one, suggest=1.0, auto=None) for one in model.calibrations))


def test_page_is_well_formed(page: str) -> None:
    seen = Page(page)
    assert not seen.unbalanced
    assert not seen.open
    ids = seen.of("id")
    assert len(ids) == len(set(ids))


def test_page_needs_nothing_else_and_runs_nothing(page: str) -> None:
    seen = Page(page)
    assert not seen.tags.keys() & {"script", "img", "link", "iframe", "object", "form", "base"}
    assert not {name for _, name, _ in seen.attributes if name.startswith("on") or name in ("src", "style")}
    assert {href[0] for href in seen.of("href")} == {"#"}
    assert not re.search(r"url\(|@import|https?://", page)


def test_style_sheet_is_the_one_that_the_policy_allows(page: str) -> None:
    policy = next(value for value in Page(page).of("content") if value.startswith("default-src"))
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_every_link_of_the_contents_leads_to_a_section(page: str) -> None:
    seen = Page(page)
    assert {href[1:] for href in seen.of("href")} <= set(seen.of("id"))
    assert len(seen.of("href")) == seen.tags["section"]


def test_every_topic_has_its_figures_plots_and_words(page: str, small_model: TopicModel) -> None:
    for topic in small_model.taxonomy.topics:
        assert page.count(f'<th scope="row">{topic.name}</th>') >= 3
        assert page.count(f"<figcaption><b>{topic.name}</b>") == 2
        assert page.count(f"<h3>{topic.name}</h3>") == 1


def test_tables_and_plots_can_be_read_aloud(page: str) -> None:
    seen = Page(page)
    assert all(scope in {"row", "col"} for scope in seen.of("scope"))
    assert len(seen.of("scope")) == seen.tags["th"]
    assert seen.tags["caption"] == seen.tags["table"]
    assert page.count("<svg") == len(re.findall(r"<svg[^>]*><title>[^<]+</title>", page))
    assert page.count("<svg") == len(re.findall(r'<svg[^>]* role="img"', page))


def test_page_is_small(page: str) -> None:
    assert len(page.encode()) < 600_000


def test_page_of_many_topics_is_small_too(
    small_model: TopicModel, ngrams: list[str], examined: Examined, curve: LearningCurve
) -> None:
    """The tables hold the topics that most articles have, and say so."""
    copies = 30
    model = replace(
        small_model,
        taxonomy=Taxonomy("t", tuple(Topic(f"t-{i}", f"Topic number {i}") for i in range(copies * len(curve.gain)))),
        weights=np.tile(small_model.dense, copies),
        bias=np.tile(small_model.bias, copies),
        calibrations=small_model.calibrations * copies,
    )
    tiled = replace(
        examined,
        decisions=np.tile(examined.decisions, copies),
        scores=np.tile(examined.scores, copies),
        confidences=np.tile(examined.confidences, copies),
    )
    curves = LearningCurve(
        curve.articles,
        80,
        np.tile(curve.average_precision, copies),
        np.tile(curve.low, copies),
        np.tile(curve.high, copies),
    )
    page = report(model, ngrams, tiled, learning_curve=curves, served=silent(model))
    assert f"of {len(model.taxonomy):,} topics that most articles have" in page
    assert len(page.encode()) < 1_500_000


def test_large_set_is_measured_on_an_even_share(
    small_model: TopicModel, ngrams: list[str], examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagdesk.training.report.page.MOST_PAIRS", 100 * len(small_model.taxonomy))
    page = report(small_model, ngrams, examined)
    assert f"Measured on 94 articles out of fold, an even share of {len(examined.ids)}" in page


def test_same_twice(small_model: TopicModel, ngrams: list[str], examined: Examined) -> None:
    assert report(small_model, ngrams, examined) == report(small_model, ngrams, examined)


def test_what_is_not_known_has_no_section(small_model: TopicModel, ngrams: list[str], examined: Examined) -> None:
    ids = Page(report(small_model, ngrams, examined)).of("id")
    assert not {"duplicates", "learning-curve", "comparison"} & set(ids)
    assert {"topics", "calibration", "most-wrong", "label-errors"} <= set(ids)


@pytest.mark.parametrize("count", [0, 1])
def test_report_of_next_to_nothing(small_model: TopicModel, ngrams: list[str], examined: Examined, count: int) -> None:
    """Figures that cannot be known are dashes."""
    few = first(examined, count)
    page = report(small_model, ngrams, few, held_out=first(examined, 0), served=small_model)
    assert not Page(page).unbalanced
    assert "nan" not in Page(page).text.split()


def test_hostile_text_stays_text(small_model: TopicModel, ngrams: list[str], examined: Examined) -> None:
    """In articles, ids, topics' names, n-grams and the manifest; the page has the same elements as without it."""
    text = ArticleText(HOSTILE, f"{HOSTILE} troops killed in the capital {HOSTILE}", "body", None, ())
    topics = tuple(replace(topic, name=f"{topic.name}{HOSTILE}") for topic in small_model.taxonomy.topics)
    hostile = replace(
        small_model,
        name=HOSTILE,
        taxonomy=Taxonomy("t", topics),
        manifest={
            "trained": HOSTILE,
            "data": {"corpora": [{"name": HOSTILE, "articles": 1}], "articles": 1, "fully_labelled": 1},
        },
    )
    few = replace(examined, ids=[HOSTILE] * len(examined.ids), texts=[text] * len(examined.ids), how=HOSTILE)
    seen = Page(report(hostile, [f"{word}{HOSTILE}" for word in ngrams], few, duplicates=[(0, 1, 2)], served=hostile))
    assert not seen.tags.keys() & {"script", "img"}
    assert not {name for _, name, _ in seen.attributes if name.startswith("on")} - {"on"}
    assert not seen.unbalanced
    assert not seen.open
    assert "\x00" not in seen.text
    assert "<script src=//evil.example/x.js>alert(1)</script>" in seen.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"articles": 9, "fully_labelled": 5}, "on 9 articles, 5 of them with every topic decided."),
        ({"articles": 9, "by_hand": 5}, "on 9 articles, 5 of them with every topic decided."),
        ({"articles": 9}, "on 9 articles."),
    ],
    ids=["trained", "shipped in 2026", "fitted in a notebook"],
)
def test_report_says_of_how_many_articles_every_topic_was_decided(
    small_model: TopicModel, ngrams: list[str], examined: Examined, data: dict[str, int], says: str
) -> None:
    assert says in report(replace(small_model, manifest={"data": data}), ngrams, examined)


@settings(deadline=None, max_examples=200, database=None)
@given(st.text(st.characters(exclude_categories=["Cc"])), st.text(st.characters(exclude_categories=["Cc"])))
def test_element_holds_its_text_and_nothing_else(text: str, value: str) -> None:
    """Halves of surrogate pairs cannot be written; all else comes back as it was."""
    seen = Page(el("p", text, title=value).encode().decode())
    readable = re.compile("[\ud800-\udfff]")
    assert readable.sub("", seen.text.replace("�", "")) == readable.sub("", text.replace("�", ""))
    assert seen.tags == {"p": 1}
    assert len(seen.attributes) == 1


def test_half_of_a_surrogate_pair_can_be_written() -> None:
    assert escape("a\ud800b").encode().decode().startswith("a")


def marks(text: str, weights: Sequence[tuple[int, int, float]]) -> str:
    evidence = [Evidence("body", start, end, text[start:end], weight) for start, end, weight in weights]
    return marked(text, evidence, max((abs(weight) for *_, weight in weights), default=0.0))


def test_words_are_marked_by_what_they_add() -> None:
    found = marks("War & no peace", [(0, 3, 1.0), (9, 14, -0.5)])
    assert found == '<mark class="for s3">War</mark> &amp; no <mark class="against s2">peace</mark>'


def test_words_of_one_ngram_share_its_weight_and_its_mark() -> None:
    assert marks("a cease fire now", [(2, 12, 1.0)]) == 'a <mark class="for s2">cease fire</mark> now'


def test_text_without_evidence_has_no_marks() -> None:
    assert marks("nothing <here>", []) == "nothing &lt;here&gt;"


def test_most_quoted_articles_have_marked_words(page: str) -> None:
    quoted = re.findall(r'class="excerpt">(.*?)</p>', page, re.DOTALL)
    assert sum("<mark" in one for one in quoted) > len(quoted) / 2


def test_long_body_is_quoted_where_the_evidence_is(
    small_model: TopicModel, ngrams: list[str], examined: Examined
) -> None:
    body = "Nothing to see here. " * 200 + "Troops killed rebels in the war. " + "Nothing to see here. " * 200
    texts = [Article(body=body).text()]
    decisions = np.full((1, len(small_model.taxonomy)), NO, np.int8)
    scores, confidences = small_model.scores(texts)
    confidences[:, small_model.taxonomy.column("conflict")] = 0.99
    one = Examined(["long"], texts, decisions, scores, confidences, np.ones(1))
    quoted = re.findall(r'class="excerpt">(.*?)</p>', report(small_model, ngrams, one), re.DOTALL)
    assert quoted
    assert all("Troops" in Page(one).text and len(Page(one).text) < 600 for one in quoted)


def test_comparison_is_made_on_held_out_articles_where_there_are_any(
    small_model: TopicModel, ngrams: list[str], examined: Examined
) -> None:
    held_out, other = first(examined, 40, how="held out"), silent(small_model)
    page = report(small_model, ngrams, examined, held_out=held_out, served=other)
    assert "on the same 40 articles held out" in page
    assert "may have learned from some of these" not in page
    page = report(small_model, ngrams, examined, served=other)
    assert f"on the same {len(examined.ids)} articles out of fold" in page
    assert "may have learned from some of these" in page


def test_model_that_changes_nothing_is_said_to(small_model: TopicModel, ngrams: list[str], examined: Examined) -> None:
    page = report(small_model, ngrams, examined, served=small_model)
    assert f"Both give the same topics to all {len(examined.ids)} articles." in page


def test_topics_gained_and_lost_are_named(small_model: TopicModel, ngrams: list[str], examined: Examined) -> None:
    topics = small_model.taxonomy.topics
    renamed = tuple(replace(one, id="chess", name="Chess") if i == 0 else one for i, one in enumerate(topics))
    served = replace(small_model, taxonomy=Taxonomy("t", renamed))
    page = report(small_model, ngrams, examined, served=served)
    assert f"Topics gained: {topics[0].name}; lost: Chess." in page


def test_model_that_gives_up_a_topic_is_said_to_be_worse(
    small_model: TopicModel, ngrams: list[str], examined: Examined
) -> None:
    mute = silent(small_model)
    assert "this model is surely worse" in report(mute, ngrams, examined, served=small_model)
    assert "this model is surely better" in report(small_model, ngrams, examined, served=mute)


def test_duplicates_with_different_labels_come_first(page: str) -> None:
    section = page[page.index('id="duplicates"') :]
    assert "2 groups of articles" in section
    assert section.index("Labels differ") < section.index("</ol>")


def test_report_is_written_beside_the_store_and_replaced_whole(small_model: TopicModel, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    path = write_report("<p>one</p>", small_model, folder)
    assert path == folder / f"{small_model.name}-{small_model.version}.html"
    assert write_report("<p>two</p>", small_model, folder) == path
    assert path.read_text() == "<p>two</p>"
    assert list(folder.iterdir()) == [path]


def test_name_of_a_model_cannot_lead_out_of_the_folder(small_model: TopicModel, tmp_path: Path) -> None:
    path = write_report("", replace(small_model, name="../../etc/x"), tmp_path)
    assert path.parent == tmp_path


def test_report_that_cannot_be_written_says_where(small_model: TopicModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot write the report"):
        write_report("", small_model, tmp_path / "file")

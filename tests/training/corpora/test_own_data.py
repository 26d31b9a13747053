"""Any newsroom's data: from a file of its own articles and topics to a model, and the figures of one."""

import logging
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagdesk.command import main
from tagdesk.formats.cells import tidy
from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import CARD, MOST_TOPICS, load_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.errors import TaxonomyError
from tagdesk.models.storage import locate
from tagdesk.models.taxonomy import DEFAULT_TAXONOMY, MEDIA_TOPICS, Taxonomy, Topic
from tagdesk.models.weights import SparseWeights
from tagdesk.training.config import MANY_TOPICS, FitSettings, load_config, needed_memory
from tagdesk.training.corpora.corpus import read_corpus
from tagdesk.training.corpora.own_data import OwnData, plan
from tagdesk.training.corpora.own_topics import slug
from tagdesk.training.errors import CorpusError, LabelMapError, TrainingError
from tagdesk.training.judge.score_file import Reading, score_file
from tagdesk.training.judge.verdict import verdict
from tagdesk.training.learn.evidence import article_keys, read_evidence
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.train import train
from tests.tiny import tiny_model
from tests.training.conftest import WriteCorpus
from tests.training.corpora.files import write_csv

Rows = list[dict[str, Any]]

NAMES = {"crime": "Crime & Courts", "sport": "Sport", "health": "Santé", "economy": "Économie"}


@pytest.fixture(scope="session")
def desk(rows: Rows) -> Rows:
    """Return articles as a newsroom's CMS may have them: no ids, other columns, one topic each, in its own words."""
    return [
        {"Headline": row["title"], "Text": row["body"], "Category": NAMES[row["topics"][0]]}
        for row in rows
        if row["topics"][0] in NAMES
    ]


@pytest.fixture(scope="session")
def desk_csv(desk: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return them as a CSV."""
    return write_csv(tmp_path_factory.mktemp("desk") / "Our desk.csv", desk)


@pytest.fixture(scope="session")
def desk_bundle(desk_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the model trained on them; not to be written to."""
    return trained(desk_csv, tmp_path_factory.mktemp("store"), "--language", "en")


@pytest.fixture(scope="session")
def desk_model(desk_bundle: Path) -> TopicModel:
    """Return that model."""
    return load_bundle(desk_bundle)


def trained(path: Path, store: Path, *more: str) -> Path:
    """Train a model as people do, and return the folder of its bundle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGDESK_STORE", str(store))
        assert main(["train", "--data", str(path), *more]) == 0
        return locate(slug(path.stem))


def some(*labels: str, each: int = 6) -> Rows:
    """Return articles of a few words, so many of each label."""
    return [{"text": f"Article {i} of {label}.", "label": label} for label in labels for i in range(each)]


def test_each_label_of_a_csv_becomes_a_topic(desk_model: TopicModel, desk: Rows) -> None:
    """The id is made of it, the name is what it says; every article decides every topic."""
    found = [(topic.id, topic.name, topic.codes) for topic in desk_model.taxonomy.topics]
    assert found == [
        ("crime-courts", "Crime & Courts", ()),
        ("economie", "Économie", ()),
        ("sante", "Santé", ()),
        ("sport", "Sport", ()),
    ]
    assert (desk_model.name, desk_model.manifest["language"]) == ("our-desk", "en")
    data = desk_model.manifest["data"]
    assert data["articles"] == data["fully_labelled"] == len(desk)


def test_model_of_a_csv_tells_its_topics(desk_model: TopicModel, desk: Rows) -> None:
    """Four articles a scenario, so this says that the parts fit together and nothing about real news."""
    assert desk_model.manifest["metrics"]["out_of_fold"]["micro_f1"] > 0.8
    article = next(row for row in desk if row["Category"] == "Sport")
    assert desk_model.tag(Article(title=article["Headline"], body=article["Text"])).topics[0].topic.id == "sport"


def test_model_is_summed_up_for_who_decides_on_it(desk_model: TopicModel) -> None:
    """How many topics can be applied unseen, what share of all topics that is, and what is lacking."""
    sentence = verdict(desk_model)
    auto = sum(calibration.auto is not None for calibration in desk_model.calibrations)
    assert sentence.startswith(f"{auto or 'None of the'} of 4 topics" if auto else "None of the 4 topics can be")
    assert ("about 10 more articles" in sentence) == (auto < 4)


def test_manifest_says_how_the_file_was_read_and_what_it_holds(desk_model: TopicModel, desk: Rows) -> None:
    (corpus,) = desk_model.manifest["data"]["corpora"]
    counts = Counter(row["Category"] for row in desk)
    assert corpus["name"] == "Our desk"
    assert corpus["source"]["format"] == "title from Headline, body from Text, topics from Category"
    assert corpus["source"]["topics"] == {slug(name): count for name, count in counts.items()}


def test_topic_of_few_articles_is_said_with_what_would_help(
    desk: Rows, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log and in the card; the rest is trained."""
    few = [{"Headline": f"Move {i}", "Text": f"The knight took pawn {i}.", "Category": "Chess"} for i in range(12)]
    rare = [{"Headline": "", "Text": f"Curling stone {i}.", "Category": "Curling"} for i in range(2)]
    path = write_csv(tmp_path / "desk.csv", desk + few + rare)
    with caplog.at_level(logging.WARNING):
        bundle = trained(path, tmp_path / "store")
    help_for_chess = "Chess (12 articles; label about 30 more)"
    assert "1 label with too few articles (under 5) left out: Curling (2 articles" in caplog.text
    assert f"More articles would help these topics: {help_for_chess}" in caplog.text
    assert help_for_chess in (bundle / CARD).read_text(encoding="utf-8")
    assert "sport" in load_bundle(bundle).taxonomy
    assert "curling" not in load_bundle(bundle).taxonomy


def test_training_does_not_say_that_nothing_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A row without a label was, and is told where the file was read; no topic or n-gram was, so nothing follows."""
    path = write_csv(tmp_path / "desk.csv", [*some("Sport", "Art", each=20), {"text": "No label.", "label": ""}])
    with caplog.at_level(logging.INFO):
        trained(path, tmp_path / "store")
    assert "rows left out: 1 without a label" in caplog.text
    assert capsys.readouterr().out.splitlines()[-1] == "serve it: tagdesk serve --model desk"


def test_article_whose_only_label_is_no_topic_denies_the_others(tmp_path: Path, write_corpus: WriteCorpus) -> None:
    path = write_corpus([*some("Sport", "Art"), {"text": "A stone was thrown.", "label": "Curling"}])
    config, taxonomy = plan(OwnData((path,)), load_config())
    data = read_training_set(config, taxonomy, Path())
    assert (data.decisions[-1] == -1).all()


def test_several_files_of_several_formats_are_learned_together(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"__label__Sport Match {i}.\n" for i in range(6)), encoding="utf-8")
    path = write_csv(tmp_path / "b.csv", some("Art"))
    config, taxonomy = plan(OwnData((tmp_path / "a.txt", path)), load_config(), name="both")
    data = read_training_set(config, taxonomy, Path())
    assert taxonomy.ids == ("art", "sport")
    assert (data.decisions == np.repeat([[-1, 1], [1, -1]], 6, axis=0)).all()
    assert (config.name, config.language) == ("both", "und")


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("Arts & Culture", "arts-culture"),
        ("  Élections 2026 ", "elections-2026"),
        ("http://www.yso.fi/onto/yso/p817", "p817"),
        ("Fußball", "fussball"),
        ("x" * 70, "x" * 64),
    ],
)
def test_id_is_made_of_the_label(label: str, wanted: str) -> None:
    assert slug(label) == wanted


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("Økonomi", "okonomi"),
        ("Łódź", "lodz"),
        ("Đời sống", "doi-song"),
        ("C#", "c-sharp"),
        ("C++", "c-plus-plus"),
        ("Canal+", "canal-plus"),
        ("Спорт & Йога", "спорт-йога"),
        ("経済", "経済"),
        ("ስፖርት", "ስፖርት"),
        ("राजनीति", "राजनीति"),
        ("รัฐธรรมนูญ", "รัฐธรรมนูญ"),
        ("الاقتصاد", "الاقتصاد"),
        ("ẹ̀kọ́", "eko"),
    ],
)
def test_id_can_be_read_in_every_script(label: str, wanted: str, write_corpus: WriteCorpus) -> None:
    """Latin letters lose their accents, those of other scripts stay; the topic has that id."""
    assert slug(label) == wanted
    _, taxonomy = plan(OwnData((write_corpus(some(label, "Art")),)), load_config())
    assert {topic.name: topic.id for topic in taxonomy.topics}[label] == wanted


def test_label_without_a_letter_has_an_id_too() -> None:
    """It is always the same."""
    assert slug("!!!") == slug("!!!") != slug("???")


def test_labels_that_would_have_one_id_are_numbered_and_said(
    write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    """The more common one has the plain id."""
    path = write_corpus([*some("R & B"), *some("R/B", each=7), *some("r b 2")])
    with caplog.at_level(logging.WARNING):
        _, taxonomy = plan(OwnData((path,)), load_config())
    found = [(topic.id, topic.name) for topic in taxonomy.topics]
    assert found == [("r-b", "R/B"), ("r-b-2", "R & B"), ("r-b-2-2", "r b 2")]
    assert "'R & B' gets the id r-b-2, because r-b is 'R/B'" in caplog.text


@pytest.mark.parametrize(
    "spellings",
    [
        ("Sport", "SPORT", "sport"),
        ("Économie", "E\u0301conomie", "économie"),
        ("World Sport", "World\u00a0Sport", " World  Sport\u200b"),
        ("News & Sport", "News &amp; Sport", "News &amp;amp; Sport"),
    ],
)
def test_spellings_of_a_label_are_one_topic_named_by_the_commonest(
    spellings: tuple[str, ...], write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    """Capitals, Unicode's forms, spaces, entities; and it is said."""
    rows = [{"text": f"Article {i}.", "label": spellings[0 if i < 5 else i % 3]} for i in range(12)]
    path = write_corpus([*rows, *some("Art", each=8)])
    with caplog.at_level(logging.INFO):
        config, taxonomy = plan(OwnData((path,)), load_config())
    assert [topic.name for topic in taxonomy.topics if topic.id != "art"] == [spellings[0]]
    decided = read_training_set(config, taxonomy, Path()).decisions
    assert (decided[:12, taxonomy.column(slug(spellings[0]))] == 1).all()
    if len({tidy(spelling) for spelling in spellings}) > 1:
        assert f"labels read as one, though spelled in several ways: {spellings[0]} (" in caplog.text


def test_label_of_every_article_is_said_to_be_that_and_is_no_topic(
    write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"text": f"Article {i}.", "labels": ["News", ("Sport", "Art")[i % 2]]} for i in range(20)]
    with caplog.at_level(logging.INFO):
        _, taxonomy = plan(OwnData((write_corpus(rows),)), load_config())
    assert taxonomy.ids == ("art", "sport")
    assert "News: every article has this label, so there is nothing to tell it from" in caplog.text


def test_file_whose_only_label_all_articles_have_is_refused(write_corpus: WriteCorpus) -> None:
    with pytest.raises(TrainingError, match=r"nearly every article has the label 'News'.*add articles"):
        plan(OwnData((write_corpus(some("News", each=30)),)), load_config())


def test_path_makes_topics_below_topics(write_corpus: WriteCorpus) -> None:
    """As WordPress exports its categories; a name below two others keeps the one above it in its own."""
    paths = ("News>Politics", "News>Opinion", "Sport>Opinion", "/arts/film/")
    _, taxonomy = plan(OwnData((write_corpus(some(*paths)),)), load_config())
    found = {topic.name: topic.parent for topic in taxonomy.topics}
    assert found == {
        "News": None,
        "Politics": "news",
        "News > Opinion": "news",
        "Sport": None,
        "Sport > Opinion": "sport",
        "arts": None,
        "film": "arts",
    }


def test_placeholders_are_left_out_and_said(write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture) -> None:
    """A row that has nothing else says nothing."""
    rows = [{"text": f"Article {i}.", "category": f"{('Sport', 'Art')[i % 2]}|Featured"} for i in range(20)]
    rows += [{"text": f"Item {i}.", "category": name} for i, name in enumerate(["Uncategorized", "À la une", "NULL"])]
    with caplog.at_level(logging.INFO):
        config, taxonomy = plan(OwnData((write_corpus(rows),)), load_config())
    assert taxonomy.ids == ("art", "sport")
    assert len(read_training_set(config, taxonomy, Path()).ids) == 20
    assert "rows left out: 3 without a label" in caplog.text
    assert "labels left out because they are not topics: Featured (20), Uncategorized (1), À la une (1)" in caplog.text


def test_placeholder_that_the_taxonomy_or_the_map_names_is_a_topic(write_corpus: WriteCorpus, tmp_path: Path) -> None:
    """Home is domestic news in London."""
    path = write_corpus(some("Home", "Sport"))
    (tmp_path / "t.toml").write_text('name = "t"\n[[topic]]\nid = "home"\nname = "Home"\n', encoding="utf-8")
    (tmp_path / "m.toml").write_text(
        'decides = "all"\n[labels]\nhome = { asserts = ["home"] }\nSport = {}\n', encoding="utf-8"
    )
    for own in (OwnData((path,), taxonomy=tmp_path / "t.toml"), OwnData((path,), label_map=tmp_path / "m.toml")):
        config, taxonomy = plan(own, load_config())
        decisions = read_training_set(config, taxonomy, Path()).decisions
        assert (decisions[:, taxonomy.column("home")] == 1).sum() == 6


def test_labels_that_people_ignore_are_left_out(write_corpus: WriteCorpus) -> None:
    path = write_corpus(some("Sport", "Art", "Press releases"))
    config, taxonomy = plan(OwnData((path,), ignore="press releases"), load_config())
    assert taxonomy.ids == ("art", "sport")
    assert len(read_training_set(config, taxonomy, Path()).ids) == 12


@pytest.mark.parametrize(
    "ignore", ["Letters, opinion", '"Letters, opinion"', '"Letters, opinion", Obituaries', '["Letters, opinion"]']
)
def test_label_with_a_comma_can_be_ignored(write_corpus: WriteCorpus, ignore: str) -> None:
    path = write_corpus(some("Sport", "Letters, opinion", "Art", "Obituaries"))
    topics = [topic.name for topic in plan(OwnData((path,), ignore=ignore), load_config())[1].topics]
    assert "Letters, opinion" not in topics
    assert ("Obituaries" in topics) == ("Obituaries" not in ignore)


def test_label_of_absurd_length_is_cut_where_it_is_listed(
    write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_corpus([*some("Sport", "Art"), *some("News > " + "x" * 190, each=1)])
    with caplog.at_level(logging.INFO):
        plan(OwnData((path,)), load_config())
    assert "x" * 120 + "… (" in caplog.text
    assert "x" * 121 not in caplog.text


def test_label_to_ignore_that_no_article_has_is_refused(write_corpus: WriteCorpus) -> None:
    with pytest.raises(
        CorpusError, match="--ignore: no article has the label 'Pres releases': check how it is spelled"
    ):
        plan(OwnData((write_corpus(some("Sport", "Art")),), ignore="Pres releases"), load_config())


def test_codes_of_labels_are_codes_of_topics(write_corpus: WriteCorpus) -> None:
    """Whether a row says the code and the name, or only the name."""
    sport = {"name": "Sport", "code": "medtop:15000000"}
    rows = [{"uri": f"a{i}", "headline": "Goal", "body_text": f"Match {i}.", "subject": [sport]} for i in range(4)]
    rows += [{"uri": f"b{i}", "headline": "Goal", "body_text": f"Cup {i}.", "subject": ["Sport"]} for i in range(4)]
    rows += [{"uri": f"c{i}", "headline": "Art", "body_text": f"Show {i}.", "subject": ["Art"]} for i in range(5)]
    config, taxonomy = plan(OwnData((write_corpus(rows),)), load_config())
    topic = taxonomy.topics[taxonomy.column("sport")]
    assert (topic.id, topic.name, topic.qcodes) == ("sport", "Sport", ["medtop:15000000"])
    assert (read_training_set(config, taxonomy, Path()).decisions[:8, taxonomy.column("sport")] == 1).all()


MAP = """
decides = "all"
silent = ["Chess"]
[labels]
"Football" = { asserts = ["sport"] }
"Business of sport" = { asserts = ["economy", "sport"] }
"Budget" = { asserts = ["economy"], open = ["local-politics"] }
"""


@pytest.fixture
def mapped(tmp_path: Path, write_corpus: WriteCorpus) -> OwnData:
    """Return articles whose labels a map explains."""
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    labels = ("Football", "Budget", "Business of sport", "Chess")
    return OwnData((write_corpus(some(*labels, each=1), "desk.jsonl"),), tmp_path / "map.toml")


def test_map_turns_labels_into_topics(mapped: OwnData) -> None:
    """Topics that no taxonomy has are plain ones."""
    config, taxonomy = plan(mapped, load_config())
    assert [(topic.id, topic.name) for topic in taxonomy.topics] == [
        ("economy", "Economy"),
        ("local-politics", "Local politics"),
        ("sport", "Sport"),
    ]
    decided = read_training_set(config, taxonomy, Path()).decisions
    assert decided.tolist() == [[-1, -1, 1], [1, 0, -1], [1, -1, 1], [-1, -1, -1]]


def test_map_explains_a_topics_column_too(mapped: OwnData, tmp_path: Path) -> None:
    rows = [{"body": row["text"], "topics": row["label"]} for row in some("Football", "Budget", each=2)]
    own = OwnData((write_csv(tmp_path / "a.csv", rows),), mapped.label_map)
    data = read_training_set(*plan(own, load_config()), Path())
    assert data.decisions[:, 2].tolist() == [1, 1, -1, -1]


def test_taxonomy_gives_names_parents_and_codes(mapped: OwnData) -> None:
    """Topics of the map that it has not come after its own."""
    own = OwnData(mapped.files, mapped.label_map, DEFAULT_TAXONOMY)
    _, taxonomy = plan(own, load_config())
    assert taxonomy.ids[-1] == "local-politics"
    economy = taxonomy.topics[taxonomy.column("economy")]
    assert economy.qcodes


def test_labels_may_be_names_ids_or_codes_of_a_taxonomy(write_corpus: WriteCorpus) -> None:
    """Others become topics of their own."""
    labels = ("Crime and law", "sport", "medtop:16000000", "Chess")
    config, taxonomy = plan(OwnData((write_corpus(some(*labels)),), taxonomy=DEFAULT_TAXONOMY), load_config())
    decided = read_training_set(config, taxonomy, Path()).decisions
    assert len(taxonomy) == 23
    for row, topic in enumerate(("crime", "sport", "conflict", "chess")):
        assert [taxonomy.ids[k] for k in np.flatnonzero(decided[6 * row] == 1)] == [topic]


def test_articles_labelled_with_media_topics_have_the_broader_ones_too(write_corpus: WriteCorpus) -> None:
    labels = "medtop:20001065", "judiciary"
    config, taxonomy = plan(OwnData((write_corpus(some(*labels)),), taxonomy=MEDIA_TOPICS), load_config())
    decided = np.asarray(read_training_set(config, taxonomy, Path()).decisions)
    soccer, judiciary = (
        {taxonomy.topics[k].name for k in np.flatnonzero(decided[6 * row] == 1)} for row in range(len(labels))
    )
    assert soccer == {"soccer", "competition discipline", "sport"}
    assert judiciary == {"judiciary", "crime, law and justice"}


def test_of_a_large_taxonomy_only_the_topics_that_have_articles_count(desk: Rows, tmp_path: Path) -> None:
    """A desk that uses four of the thousand Media Topics gets the model of four topics."""
    media = {NAMES["crime"]: "crime", NAMES["sport"]: "sport", NAMES["health"]: "health"}
    rows = [row | {"Category": media.get(row["Category"], "economy, business and finance")} for row in desk]
    bundle = trained(write_csv(tmp_path / "media.csv", rows), tmp_path / "store", "--taxonomy", "media-topics")
    model = load_bundle(bundle)
    fit = model.manifest["fit"]
    assert {"sport", "health"} <= {topic.name for topic in model.taxonomy.topics}
    assert isinstance(model.weights, np.ndarray)
    assert (fit["max_features"], fit["most_weights"], fit["choose_parts"]) == (90_000, 0, True)
    assert model.manifest["metrics"]["out_of_fold"]["micro_f1"] > 0.8


def test_label_that_the_map_does_not_know_is_named(mapped: OwnData, write_corpus: WriteCorpus) -> None:
    own = OwnData((write_corpus(some("Football", "Curling")),), mapped.label_map)
    config, taxonomy = plan(own, load_config())
    with pytest.raises(LabelMapError, match=r"'Curling' \(6\)"):
        read_training_set(config, taxonomy, Path())


@pytest.mark.parametrize(
    ("text", "said", "error"),
    [
        ("labels = 3", "it names no topic", LabelMapError),
        ("[labels", "cannot read the label map", LabelMapError),
        ('[labels]\n"Football" = { asserts = ["Big Sport"] }', "id 'Big Sport' must be", TaxonomyError),
        ('lables = 1\n[labels]\n"Football" = { asserts = ["sport"] }', "unknown key 'lables'", LabelMapError),
    ],
)
def test_wrong_map_is_told(
    write_corpus: WriteCorpus, tmp_path: Path, text: str, said: str, error: type[Exception]
) -> None:
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=said):
        plan(OwnData((write_corpus(some("Football")),), tmp_path / "map.toml"), load_config())


def test_labels_that_are_all_different_are_no_topics(write_corpus: WriteCorpus) -> None:
    path = write_corpus([{"text": f"Article {i}.", "label": f"Label {i}"} for i in range(30)])
    with pytest.raises(TrainingError, match=r"no label has the 5 articles .* Label 0 \(1\), .* and 10 more"):
        plan(OwnData((path,)), load_config())


def test_more_topics_than_a_model_can_have_are_refused_before_anything_is_learned(
    write_corpus: WriteCorpus, tmp_path: Path
) -> None:
    topics = ", ".join(f'"topic-{i}"' for i in range(MOST_TOPICS + 1))
    (tmp_path / "map.toml").write_text(f"[labels]\nSport = {{ asserts = [{topics}] }}\n", encoding="utf-8")
    own = OwnData((write_corpus(some("Sport")),), tmp_path / "map.toml")
    with pytest.raises(TrainingError, match=r"have 40,001 topics, and a model has 40,000 at most: leave out rare"):
        plan(own, load_config())


def test_bad_rows_of_any_format_are_listed_before_anything_is_done(tmp_path: Path) -> None:
    text = "".join('{"text": "A match.", "label": "Sport"}\n' if i % 2 else "A match.\n" for i in range(60))
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError) as refused:
        plan(OwnData((tmp_path / "a.jsonl",)), load_config())
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("a.jsonl has 30 bad rows; nothing was used:")
    assert (len(lines), lines[-1].strip()) == (22, "… and 10 more")


SETTINGS = FitSettings()


@pytest.mark.parametrize(
    ("articles", "topics", "characters", "min_df", "max_features", "share"),
    [
        (200, 5, 500_000, 2, 90_000, 1),
        (500, 5, 4_000_000, 3, 90_000, 1),
        (90_000, 22, 90_000_000, 3, 90_000, 1),
        (20_000, 2_000, 50_000_000, 3, 2_000_000, 1),
        (100_000, 40_000, 176_000_000, 3, 2_000_000, 1),
    ],
)
def test_settings_fit_the_size_of_the_data(
    articles: int, topics: int, characters: int, min_df: int, max_features: int, share: float
) -> None:
    found = SETTINGS.fitted_to(articles, topics, characters)
    assert (found.min_df, found.max_features, found.share) == (min_df, max_features, share)
    assert (found.most_weights, found.choose_parts) == ((1_000, False) if topics > 200 else (0, articles < 90_000))


def test_what_memory_does_not_hold_is_left_out_evenly() -> None:
    """Half of the memory holds less than half of the articles: what a model takes without any stays."""
    size = 4_000_000, 20, 10_000_000_000
    whole = needed_memory(*size)
    assert FitSettings(memory=whole).fitted_to(*size).share == pytest.approx(1)
    half = FitSettings(memory=whole / 2).fitted_to(*size).share
    assert 0.4 < half < 0.5
    assert needed_memory(*(round(half * part) if part != 20 else 20 for part in size)) == pytest.approx(
        whole / 2, rel=0.01
    )


def test_topics_that_memory_does_not_hold_are_refused() -> None:
    """In place of a thousandth of the articles."""
    said = r"20,000 topics alone need 1\.7 GB of memory, and 1 are allowed: raise memory in \[fit\] of the --config"
    with pytest.raises(TrainingError, match=said):
        FitSettings(memory=1).fitted_to(100_000, 20_000, 100_000_000)


def test_settings_of_a_config_are_limits() -> None:
    found = FitSettings(max_features=500, min_df=1, share=0.1).fitted_to(90_000, 22, 90_000_000)
    assert (found.max_features, found.min_df, found.share) == (500, 1, 0.1)


def other_articles(desk: Rows, count: int = 40) -> Rows:
    """Return articles that the desk's model has not learned from: they begin otherwise."""
    return [{"text": row["Text"].split(" ", 10)[-1], "label": row["Category"]} for row in desk[:count]]


def test_file_measures_a_model_of_many_topics_as_one_of_few(write_corpus: WriteCorpus, tmp_path: Path) -> None:
    """Topics that the file does not have are not measured, however many there are."""
    few = tiny_model()
    more = tuple(Topic(f"topic-{i}", f"Topic {i}") for i in range(MANY_TOPICS))
    weights = SparseWeights(
        np.arange(len(few.dense) + 1) * len(few.taxonomy),
        np.tile(np.arange(len(few.taxonomy), dtype=np.uint32), len(few.dense)),
        few.dense.ravel(),
        len(few.taxonomy) + len(more),
    )
    many = replace(
        few,
        taxonomy=Taxonomy("many", (*few.taxonomy.topics, *more)),
        weights=weights,
        bias=np.append(few.bias, np.full(len(more), -9, np.float32)),
        calibrations=(*few.calibrations, *[Calibration(1.0, 0.0, suggest=0.5)] * len(more)),
    )
    texts = {"Conflict": "War and troops.", "Weather": "Heavy rain, a storm.", "Diplomacy": "War of the envoy."}
    path = write_corpus([{"text": f"{text} {i}", "label": label} for label, text in texts.items() for i in range(3)])
    found = score_file(many, tmp_path, path)
    assert found == score_file(few, tmp_path, path)
    assert found.whole.hits > 0


def test_any_file_measures_any_model(desk_model: TopicModel, desk_bundle: Path, desk: Rows, tmp_path: Path) -> None:
    """Its labels are topics' names, ids or codes, however they are spelled."""
    rows = other_articles(desk)
    for change in (slug, str.upper, lambda name: name.replace("&", "&amp;")):
        changed = [row | {"label": change(str(row["label"]))} for row in rows]
        scores = score_file(desk_model, desk_bundle, write_csv(tmp_path / "a.csv", changed))
        assert (scores.articles, set(scores.topics)) == (40, set(desk_model.taxonomy.ids))
        assert scores.top1_hits > 35


def test_file_with_other_labels_is_measured_on_the_topics_that_both_have(
    desk_model: TopicModel, desk_bundle: Path, desk: Rows, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its articles of other labels have none of those; a topic that they cannot have is not held against the model."""
    rows = [row for row in other_articles(desk, 200) if row["label"] != "Santé"]
    health = [row | {"label": "Chess"} for row in other_articles(desk, 200) if row not in rows]
    with caplog.at_level(logging.WARNING):
        scores = score_file(desk_model, desk_bundle, write_csv(tmp_path / "a.csv", [*rows, *health]))
    assert set(scores.topics) == {"crime-courts", "economie", "sport"}
    assert scores.whole.f1 > 0.8
    assert scores.with_topics == len(rows)
    assert "measured on the topics that model and file both have, 3 of the 4 of our-desk@" in caplog.text
    assert "labels of the file that are no topics of the model: Chess" in caplog.text


def test_article_that_the_model_has_learned_from_is_not_measured_in_any_file(
    desk_model: TopicModel, desk_bundle: Path, desk: Rows, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the table of its articles: the file need not be the same one."""
    some_rows = other_articles(desk, 10)
    own = [{"title": row["Headline"], "text": row["Text"], "label": row["Category"]} for row in desk]
    with caplog.at_level(logging.WARNING):
        scores = score_file(
            desk_model, desk_bundle, write_csv(tmp_path / "a.csv", [*own, *({"title": ""} | row for row in some_rows)])
        )
    held_out = desk_model.manifest["metrics"]["held_out"]["articles"]
    assert scores.articles == held_out + 10
    assert "articles of the file: left out" in caplog.text


def articles_measured(capsys: pytest.CaptureFixture[str], bundle: Path, path: Path) -> int:
    """Return how many articles of a file `tagdesk evaluate` measures a model on."""
    capsys.readouterr()
    assert main(["evaluate", "--data", str(path), "--model", str(bundle)]) == 0
    match = re.search(r"a\.csv: (\d+) articles", capsys.readouterr().out)
    assert match
    return int(match[1])


def test_article_that_has_another_id_in_another_export_is_known_by_its_text(
    desk_model: TopicModel, desk_bundle: Path, desk: Rows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "a.csv", [{"id": f"x{i}"} | row for i, row in enumerate(desk)])
    held_out = desk_model.manifest["metrics"]["held_out"]["articles"]
    assert articles_measured(capsys, desk_bundle, path) == held_out


def test_new_article_with_the_id_of_one_learned_from_is_measured(
    desk_bundle: Path, desk: Rows, desk_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files count their rows from the same number; a text that was revised is still the article of its id."""
    ids = [article.id for article in read_corpus(desk_csv).articles]
    half = len(ids) // 2
    new = [{"id": ids[half + i]} | row for i, row in enumerate(other_articles(desk))]
    assert articles_measured(capsys, desk_bundle, write_csv(tmp_path / "a.csv", new)) == len(new)
    revised = [{"id": ids[i], "title": desk[i]["Headline"]} | row for i, row in enumerate(other_articles(desk, half))]
    assert articles_measured(capsys, desk_bundle, write_csv(tmp_path / "a.csv", revised)) < half / 4


def test_model_is_measured_on_what_it_kept_out_of_its_own_file(
    desk_model: TopicModel, desk_bundle: Path, desk_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        scores = score_file(desk_model, desk_bundle, desk_csv)
    figures = desk_model.manifest["metrics"]["held_out"]
    assert (scores.articles, scores.to_json()["micro_f1"]) == (figures["articles"], figures["micro_f1"])
    assert "has learned from Our desk.csv: measured on the articles that were held out" in caplog.text


def test_a_story_of_two_files_is_learned_from_or_measured_and_never_both(desk: Rows, tmp_path: Path) -> None:
    """Though it has another id in each, and either file is measured by itself."""
    rows = [{"text": row["Text"], "label": row["Category"]} for row in desk]
    first = write_csv(tmp_path / "a.csv", [{"id": f"a-{i}", **row} for i, row in enumerate(rows[: len(rows) * 2 // 3])])
    second = write_csv(
        tmp_path / "b.csv", [{"id": f"b-{i}", **row} for i, row in enumerate(rows) if i > len(rows) // 3]
    )
    bundle = train(*plan(OwnData((first, second)), load_config()), Path(), tmp_path / "store").bundle
    model = load_bundle(bundle)
    evidence = read_evidence(bundle, model)
    assert evidence is not None
    of_second = np.isin(evidence.keys, article_keys([f"b-{i}" for i in range(len(rows))]))
    assert score_file(model, bundle, second).articles == (of_second & evidence.test).sum()
    both = [(f"a-{i}", f"b-{i}") for i in range(len(rows) // 3 + 1, len(rows) * 2 // 3)]
    one, other = (evidence.test[evidence.places(article_keys(names))] for names in zip(*both, strict=True))
    assert (one == other).all()
    assert one.any()


def test_file_is_measured_through_a_map(desk_model: TopicModel, desk_bundle: Path, desk: Rows, tmp_path: Path) -> None:
    """Topics of the map that the model lacks do not matter; open ones are neither right nor wrong."""
    (tmp_path / "m.toml").write_text(
        'decides = "all"\n[labels]\nA = { asserts = ["sport", "chess"] }\nB = { open = ["sport"] }\n', encoding="utf-8"
    )
    sport = [row["text"] for row in other_articles(desk, len(desk)) if row["label"] == "Sport"][:10]
    rows = [{"text": text, "label": "AB"[i % 2]} for i, text in enumerate(sport)]
    scores = score_file(desk_model, desk_bundle, write_csv(tmp_path / "a.csv", rows), Reading(tmp_path / "m.toml"))
    sport_figures = scores.topics["sport"]
    assert sport_figures.support == 5
    assert sport_figures.predicted == sport_figures.hits


def test_file_of_other_labels_cannot_be_measured(
    desk_model: TopicModel, desk_bundle: Path, write_corpus: WriteCorpus
) -> None:
    with pytest.raises(
        TrainingError, match=r"no label of .* is a topic of our-desk@.*: its labels are Chess; .* --model, .* --map"
    ):
        score_file(desk_model, desk_bundle, write_corpus(some("Chess")))

"""Any newsroom's data: from a file of its own articles and topics to a model, and the figures of one."""

import csv
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import Article, TopicModel
from models.bundle import CARD, load_bundle
from models.errors import TaxonomyError
from models.storage import locate
from models.taxonomy import DEFAULT_TAXONOMY
from tests.training.conftest import WriteCorpus
from training.__main__ import main
from training.config import FitSettings, load_config
from training.errors import CorpusError, LabelMapError, TrainingError
from training.own_data import OwnData, plan
from training.own_topics import slug
from training.score_file import score_file
from training.training_set import read_training_set

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
    return as_csv(tmp_path_factory.mktemp("desk") / "Our desk.csv", desk)


@pytest.fixture(scope="session")
def desk_bundle(desk_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the model trained on them; not to be written to."""
    return trained(desk_csv, tmp_path_factory.mktemp("store"), "--language", "en")


@pytest.fixture(scope="session")
def desk_model(desk_bundle: Path) -> TopicModel:
    """Return that model."""
    return load_bundle(desk_bundle)


def as_csv(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


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
    assert data["articles"] == data["by_hand"] == len(desk)


def test_model_of_a_csv_tells_its_topics(desk_model: TopicModel, desk: Rows) -> None:
    """Four articles a scenario, so this says that the parts fit together and nothing about real news."""
    assert desk_model.manifest["metrics"]["out_of_fold"]["micro_f1"] > 0.8
    article = next(row for row in desk if row["Category"] == "Sport")
    assert desk_model.tag(Article(title=article["Headline"], body=article["Text"])).topics[0].topic.id == "sport"


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
    path = as_csv(tmp_path / "desk.csv", desk + few + rare)
    with caplog.at_level(logging.WARNING):
        bundle = trained(path, tmp_path / "store")
    help_for_chess = "Chess (12 articles; label about 30 more)"
    assert "1 labels have too few articles to learn from and are no topics: Curling (2 articles" in caplog.text
    assert f"More articles would help these topics: {help_for_chess}" in caplog.text
    assert help_for_chess in (bundle / CARD).read_text(encoding="utf-8")
    assert "sport" in load_bundle(bundle).taxonomy
    assert "curling" not in load_bundle(bundle).taxonomy


def test_article_whose_only_label_is_no_topic_denies_the_others(tmp_path: Path, write_corpus: WriteCorpus) -> None:
    path = write_corpus([*some("Sport", "Art"), {"text": "A stone was thrown.", "label": "Curling"}])
    config, taxonomy = plan(OwnData((path,)), load_config())
    data = read_training_set(config, taxonomy, Path())
    assert (data.decisions[-1] == -1).all()


def test_several_files_of_several_formats_are_learned_together(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"__label__Sport Match {i}.\n" for i in range(6)), encoding="utf-8")
    path = as_csv(tmp_path / "b.csv", some("Art"))
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


def test_label_without_a_latin_letter_has_an_id_too(write_corpus: WriteCorpus) -> None:
    """It is always the same."""
    _, taxonomy = plan(OwnData((write_corpus(some("ስፖርት", "経済")),)), load_config())
    assert {topic.name: topic.id for topic in taxonomy.topics} == {"ስፖርት": slug("ስፖርት"), "経済": slug("経済")}
    assert all(one.startswith("topic-") for one in taxonomy.ids)


def test_labels_that_would_have_one_id_are_numbered_and_said(
    write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    """The more common one has the plain id."""
    path = write_corpus([*some("C++"), *some("C", each=7), *some("c 2")])
    with caplog.at_level(logging.WARNING):
        _, taxonomy = plan(OwnData((path,)), load_config())
    assert [(topic.id, topic.name) for topic in taxonomy.topics] == [("c", "C"), ("c-2", "C++"), ("c-2-2", "c 2")]
    assert "'C++' gets the id c-2, for c is 'C'" in caplog.text


def test_codes_of_labels_are_codes_of_topics(write_corpus: WriteCorpus) -> None:
    """Whether a row says the code and the name, or only the name."""
    sport = {"name": "Sport", "code": "medtop:15000000"}
    rows = [{"uri": f"a{i}", "headline": "Goal", "body_text": f"Match {i}.", "subject": [sport]} for i in range(4)]
    rows += [{"uri": f"b{i}", "headline": "Goal", "body_text": f"Cup {i}.", "subject": ["Sport"]} for i in range(4)]
    config, taxonomy = plan(OwnData((write_corpus(rows),)), load_config())
    (topic,) = taxonomy.topics
    assert (topic.id, topic.name, topic.qcodes) == ("sport", "Sport", ["medtop:15000000"])
    assert (read_training_set(config, taxonomy, Path()).decisions == 1).all()


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
    own = OwnData((as_csv(tmp_path / "a.csv", rows),), mapped.label_map)
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
    with pytest.raises(TrainingError, match=r"no label has the 5 articles .* Label 0 .* and 10 more"):
        plan(OwnData((path,)), load_config())


def test_bad_rows_of_any_format_are_listed_before_anything_is_done(tmp_path: Path) -> None:
    text = "".join("__label__Sport A match.\n" if i % 2 else "A match.\n" for i in range(60))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError) as refused:
        plan(OwnData((tmp_path / "a.txt",)), load_config())
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("a.txt has 30 bad rows; nothing was used:")
    assert (len(lines), lines[-1].strip()) == (22, "… and 10 more")


SETTINGS = FitSettings()


@pytest.mark.parametrize(
    ("articles", "topics", "characters", "min_df", "max_features", "share"),
    [
        (200, 5, 500_000, 2, 90_000, 1),
        (500, 5, 4_000_000, 3, 90_000, 1),
        (90_000, 22, 90_000_000, 3, 90_000, 1),
        (20_000, 2_000, 50_000_000, 3, 25_000, 1),
        (20_000, 10_000, 50_000_000, 3, 10_000, 0.25),
        (1_000_000, 20, 2_500_000_000, 3, 90_000, 0.16),
    ],
)
def test_settings_fit_the_size_of_the_data(
    articles: int, topics: int, characters: int, min_df: int, max_features: int, share: float
) -> None:
    found = SETTINGS.fitted_to(articles, topics, characters)
    assert (found.min_df, found.max_features, found.share) == (min_df, max_features, share)


def test_settings_of_a_config_are_limits() -> None:
    found = FitSettings(max_features=500, min_df=1, share=0.1).fitted_to(90_000, 22, 90_000_000)
    assert (found.max_features, found.min_df, found.share) == (500, 1, 0.1)


def test_any_file_measures_any_model(desk_model: TopicModel, desk: Rows, tmp_path: Path) -> None:
    """Its labels are topics' names, ids or codes; what is no topic of the model is left aside and said."""
    rows = [{"text": row["Text"], "label": slug(row["Category"])} for row in desk[:40]]
    scores = score_file(desk_model, as_csv(tmp_path / "a.csv", [*rows, *some("Chess", each=2)]))
    assert scores.articles == 42
    assert scores.top1_hits > 35
    assert set(scores.topics) == set(desk_model.taxonomy.ids)


def test_model_is_measured_on_what_it_kept_out_of_its_own_file(
    desk_model: TopicModel, desk_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        scores = score_file(desk_model, desk_csv)
    figures = desk_model.manifest["metrics"]["held_out"]
    assert (scores.articles, scores.to_json()["micro_f1"]) == (figures["articles"], figures["micro_f1"])
    assert "has learned from Our desk.csv: measured on the articles that it kept out" in caplog.text


def test_file_is_measured_through_a_map(desk_model: TopicModel, desk: Rows, tmp_path: Path) -> None:
    """Topics of the map that the model lacks do not matter; open ones are neither right nor wrong."""
    (tmp_path / "m.toml").write_text(
        'decides = "all"\n[labels]\nA = { asserts = ["sport", "chess"] }\nB = { open = ["sport"] }\n', encoding="utf-8"
    )
    sport = [row["Text"] for row in desk if row["Category"] == "Sport"][:10]
    rows = [{"text": text, "label": "AB"[i % 2]} for i, text in enumerate(sport)]
    scores = score_file(desk_model, as_csv(tmp_path / "a.csv", rows), label_map=tmp_path / "m.toml")
    assert (scores.topics["sport"].support, scores.topics["sport"].wrong) == (5, 0)


def test_file_of_other_labels_cannot_be_measured(desk_model: TopicModel, write_corpus: WriteCorpus) -> None:
    with pytest.raises(TrainingError, match=r"no label of .* is a topic of our-desk@.*: say with --map"):
        score_file(desk_model, write_corpus(some("Chess")))

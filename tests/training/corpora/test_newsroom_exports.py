"""The exports of three newsrooms are read at the first try."""

from collections import Counter
from pathlib import Path

import pytest

from tagdesk.models.bundle import load_bundle
from tagdesk.training.config import load_config
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.corpora.own_data import OwnData, plan
from tagdesk.training.train import train
from tests.training.conftest import SHARED
from tests.training.corpora.newsroom_exports import excel, headless, invented, wordpress, write_all

ROWS = invented()


def counts(corpus: Corpus) -> Counter[str]:
    return Counter(label.casefold() for one in corpus.articles for label in one.labels)


def test_export_of_wordpress_is_read(tmp_path: Path) -> None:
    """HTML, categories below categories, and rows without one."""
    corpus = read_corpus(wordpress(tmp_path / "Posts-Export.csv", ROWS))
    account = corpus.account
    assert account.columns.startswith(
        "title from Title, body from Content, date from Date, id from id, topics from Cat"
    )
    assert account.parting.startswith("labels separated by |, paths such as News>Politics as topics")
    assert account.ignored == {"Featured": 30, "Uncategorized": 9}
    assert account.unlabelled == 9 + 5
    assert set(corpus.parents.values()) == {"News"}
    assert counts(corpus)["news"] == len(corpus.articles) == len(ROWS) - 14


def test_table_of_a_french_excel_is_read(tmp_path: Path) -> None:
    corpus = read_corpus(excel(tmp_path / "export_articles.csv", ROWS))
    assert (
        "title from Titre, body from Texte, date from Date de publication, id from Identifiant"
        in corpus.account.columns
    )
    assert "topics from Rubrique (Mots-clés: not read" in corpus.account.columns
    assert "Windows-1252, cells separated by semicolons" in corpus.account.shape
    assert corpus.articles[0].date == "2026-02-02"
    assert sum(counts(corpus).values()) == len(ROWS)


def test_dump_of_a_headless_cms_is_read(tmp_path: Path) -> None:
    """Sections rather than tags, and of ten articles the newer revision."""
    corpus = read_corpus(headless(tmp_path / "cms_dump.csv", ROWS))
    assert "topics from section (tags: not read" in corpus.account.columns
    assert (corpus.account.revised, len(corpus.articles)) == (10, len(ROWS))
    assert counts(corpus) == Counter(row["label"].casefold() for row in ROWS)


@pytest.mark.skipif(not (SHARED / "bench").is_dir(), reason="the public sets are in ../shared only")
@pytest.mark.parametrize("name", ["Posts-Export", "export_articles", "cms_dump"])
def test_export_is_learned_from_as_well_as_after_repair_by_hand(tmp_path: Path, name: str) -> None:
    write_all(tmp_path)
    found = {}
    for path in (tmp_path / f"{name}.csv", tmp_path / f"{name}-by-hand.jsonl"):
        config, taxonomy = plan(OwnData((path,)), load_config())
        bundle = train(config, taxonomy, Path(), tmp_path / "store").bundle
        found[path.suffix] = load_bundle(bundle).manifest["metrics"]["out_of_fold"]["micro_f1"]
    assert found[".csv"] > found[".jsonl"] - 0.03

"""Topics, their parents and their codes."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tagdesk.models import Taxonomy, TaxonomyError, Topic
from tagdesk.models.taxonomy import MEDIA_TOPICS, Code, load_taxonomy

SHARED = Path(__file__).parents[3] / "shared" / "data"

# From the guidelines: topic, code, parent.
GUIDELINES = """
conflict 16000000 -; diplomacy 20000638 politics; politics 11000000 -; elections 20000574 politics; crime 02000000 -
disaster 03000000 -; economy 04000000 -; energy 20000256 economy; environment 06000000 -; weather 17000000 -
health 07000000 -; science 13000000 -; technology 20000756 science; education 05000000 -; religion 12000000 -
society 14000000 -; labour 09000000 -; culture 01000000 -; sport 15000000 -; lifestyle 10000000 -
human-interest 08000000 -
"""


def test_default_taxonomy_has_the_topics_codes_and_parents_of_the_guidelines() -> None:
    taxonomy = load_taxonomy()
    found = {topic.id: (topic.qcodes[0].removeprefix("medtop:"), topic.parent or "-") for topic in taxonomy.topics}
    infrastructure = taxonomy.topics[taxonomy.column("infrastructure")]
    assert infrastructure.parent == "economy"
    assert [(code.qcode, code.match) for code in infrastructure.codes] == [
        (f"medtop:{code}", "narrower") for code in ("20000337", "20001245", "20001264")
    ]
    del found["infrastructure"]
    rows = (row.split() for line in GUIDELINES.strip().splitlines() for row in line.split(";"))
    assert found == {topic: (code, parent) for topic, code, parent in rows}
    assert Code("medtop:20000639", "narrower") in taxonomy.topics[taxonomy.column("diplomacy")].codes


def test_every_default_topic_says_what_it_covers() -> None:
    for topic in load_taxonomy().topics:
        assert topic.name
        assert topic.description.endswith("."), topic.id
        assert all(qcode.startswith("medtop:") for qcode in topic.qcodes)


@pytest.mark.skipif(not (SHARED / "iptc").is_dir(), reason="the IPTC Media Topics are in ../shared only")
def test_every_code_is_a_media_topic() -> None:
    with gzip.open(SHARED / "iptc" / "media-topics.jsonl.gz", "rt", encoding="utf-8") as lines:
        text = lines.read()
    for topic in load_taxonomy().topics:
        for qcode in topic.qcodes:
            assert qcode.removeprefix("medtop:") in text, qcode


def test_json_and_back_is_the_same_taxonomy() -> None:
    taxonomy = load_taxonomy()
    assert Taxonomy.from_json(json.loads(json.dumps(taxonomy.to_json()))) == taxonomy


def test_columns_follow_the_order_of_the_topics() -> None:
    taxonomy = Taxonomy("t", (Topic("b", "B"), Topic("a", "A")))
    assert (taxonomy.ids, taxonomy.column("a"), len(taxonomy)) == (("b", "a"), 1, 2)
    assert "a" in taxonomy
    assert "c" not in taxonomy


def test_unknown_topic_is_an_error_that_names_the_known() -> None:
    with pytest.raises(TaxonomyError, match=r"no topic 'c' in 't'; it has b, a"):
        Taxonomy("t", (Topic("b", "B"), Topic("a", "A"))).column("c")


def test_every_fault_of_a_taxonomy_is_named_at_once() -> None:
    topics = (
        Topic("War!", "War"),
        Topic("sport", "Sport", parent="games"),
        Topic("sport", "Sport", parent="games"),
        Topic("law", "Law", parent="crime", codes=(Code("02000000", "exact"),)),
        Topic("crime", "Crime", parent="law", codes=(Code("medtop:1", "same"),)),  # type: ignore[arg-type]
        Topic("vote", "Vote", implies_parent=True),
    )
    with pytest.raises(TaxonomyError) as refused:
        Taxonomy("t", topics)
    for said in (
        "id 'War!' must be",
        "'sport' appears twice",
        "no topic 'games' to be its parent",
        "law: its parents form",
        "crime: its parents form",
        "'02000000' must have the form scheme:code",
        "match 'same' must be one of exact, close, narrower",
        "vote: implies_parent without a parent",
    ):
        assert said in str(refused.value)


def test_topic_below_a_circle_is_named_with_those_in_it() -> None:
    topics = (Topic("a", "A", parent="b"), Topic("b", "B", parent="c"), Topic("c", "C", parent="b"), Topic("d", "D"))
    with pytest.raises(TaxonomyError) as refused:
        Taxonomy("t", topics)
    assert re.findall(r"(\w): its parents form", str(refused.value)) == ["a", "b", "c"]


class Counted(str):
    """An id that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def comparisons(count: int) -> int:
    """Return how often ids are compared to construct a taxonomy of so many topics, each the parent of the next."""
    ids = [Counted(f"topic-{number}") for number in range(count)]
    topics = tuple(Topic(one, one, parent=above) for one, above in zip(ids, [None, *ids], strict=False))
    Counted.compared = 0
    Taxonomy("deep", topics)
    return Counted.compared


def test_many_topics_are_looked_at_once_each() -> None:
    """Hash tables compare a few ids that share a slot, and never each with each."""
    assert comparisons(2000) < 10 * 2000


def test_taxonomy_without_topics_is_refused() -> None:
    with pytest.raises(TaxonomyError, match="no topics"):
        Taxonomy("t", ())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "needs a list of topics"),
        ("topic = 3", "needs a list of topics"),
        ("[[topic]]\nname = 'A'", "'id' is missing"),
        ("[[topic]]\nid = 'a'\nname = 'A'\nparents = 'b'", "topic 1: unknown parents; known are"),
        ("[[topic]]\nid = 'a'\nname = 'A'\ncodes = ['medtop:1']", "topic 1: .* wrong kind"),
        ("[[topic]]\nid = 'a'\nname = 'A'\nparent = ['b']", "parent"),
        ("[[topic]]\nid = 'a'\nname = 'A'\nimplies_parent = 'yes'", "topic 1: implies_parent must be true or false"),
        ("[[topic]\n", "cannot read the taxonomy"),
        ("name = '\xe9'", "cannot read the taxonomy"),
    ],
)
def test_wrong_file_is_a_taxonomy_error(tmp_path: Path, written: str, said: str) -> None:
    path = tmp_path / "taxonomy.toml"
    path.write_bytes(written.encode("latin-1"))
    with pytest.raises(TaxonomyError, match=said):
        load_taxonomy(path)


def test_missing_file_is_a_taxonomy_error(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"none\.toml"):
        load_taxonomy(tmp_path / "none.toml")


def test_elections_imply_politics_and_no_other_default_topic_its_parent() -> None:
    taxonomy = load_taxonomy()
    assert taxonomy.implied == ((taxonomy.column("elections"), taxonomy.column("politics")),)


def test_topics_that_imply_their_parents_come_after_them() -> None:
    taxonomy = Taxonomy(
        "t",
        (
            Topic("vote", "Vote", parent="election", implies_parent=True),
            Topic("election", "Election", parent="politics", implies_parent=True),
            Topic("party", "Party", parent="politics"),
            Topic("politics", "Politics"),
        ),
    )
    assert taxonomy.implied == ((1, 3), (0, 1))


def test_json_names_implies_parent_only_where_it_is_true() -> None:
    """A bundle's content hash is made of this: those saved before the field was known keep theirs."""
    taxonomy = Taxonomy("t", (Topic("a", "A"), Topic("b", "B", parent="a"), Topic("c", "C", "", "a", (), True)))
    assert [row.get("implies_parent") for row in taxonomy.to_json()["topics"]] == [None, None, True]


def test_media_topics_are_shipped_with_their_codes_and_what_is_broader() -> None:
    topics = load_taxonomy(MEDIA_TOPICS)
    soccer = topics.topics[topics.column("soccer")]
    assert len(topics) > 1_000
    assert [code.qcode for code in soccer.codes] == ["medtop:20001065"]
    assert soccer.implies_parent
    assert topics.topics[topics.column(str(soccer.parent))].name == "competition discipline"

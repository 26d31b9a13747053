"""The compiled core does what scikit-learn does, on any text read as version 1 does."""

import json
import math
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from tagdesk.models import kernel
from tagdesk.models.reading import normal_form
from tagdesk.models.weights import for_kernel

WORD = re.compile(r"\w\w+")  # scikit-learn's default pattern, in lower-cased text
ARTICLES = Path(__file__).parent.parent / "data" / "articles.jsonl"

# Marks, joiners, other scripts' digits, letters that change length or form when lower-cased, half a pair, astral.
ODD = "aZ1_ -’.\u0301\u0345\u200d\u200b\u00ad\ufe0fİıßẞΣσςéñ٣Ⅷ²ªſK中ア한ก็अ्\ud83d\udc00𝒜🇫𐐀\n\t\x00\x1f"
any_text = st.text(st.one_of(st.characters(), st.sampled_from(ODD), st.sampled_from("ab ")), max_size=60)
lengths = st.tuples(st.integers(1, 3), st.integers(0, 2)).map(lambda pair: (pair[0], min(3, sum(pair))))
uint64 = st.integers(0, 2**64 - 1)
# Keys that share their low bits fight for the same slots.
keys = st.lists(st.one_of(uint64, st.integers(0, 40).map(lambda high: high << 58 | 7)), unique=True, max_size=80)
quick = settings(deadline=None, max_examples=150, database=None)


def articles() -> list[str]:
    rows = map(json.loads, ARTICLES.read_text(encoding="utf-8").splitlines())
    return [f"{row['title']}\n{row['body']}" for row in rows]


def spelled(text: str, shortest: int, longest: int) -> list[tuple[int, str]]:
    """Return hash and words of every n-gram that the kernel finds."""
    readable = normal_form.read(text, 1)
    hashes, starts, ends, _ = kernel.ngrams(kernel.code_points(readable), normal_form.word_table(1), shortest, longest)
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return [
        (found, " ".join(WORD.findall(readable[start:end].lower())))
        for found, (start, end) in zip(hashes.tolist(), spans, strict=True)
    ]


def expected(text: str, shortest: int, longest: int) -> list[str]:
    """Return the n-grams that scikit-learn finds."""
    return list(CountVectorizer(ngram_range=(shortest, longest)).build_analyzer()(text))


def as_keys(values: list[int]) -> NDArray[np.uint64]:
    return np.array(values, np.uint64)


@quick
@given(any_text, lengths)
def test_ngrams_and_their_counts_are_scikit_learns(text: str, length: tuple[int, int]) -> None:
    found = spelled(text, *length)
    assert Counter(words for _, words in found) == Counter(expected(text, *length))
    # Different n-grams have different hashes, equal ones the same.
    assert len({one for one, _ in found}) == len({words for _, words in found}) == len(set(found))


@pytest.mark.parametrize(("shortest", "longest"), [(1, 1), (1, 2), (2, 3), (3, 3)])
def test_ngrams_of_real_articles_are_scikit_learns(shortest: int, longest: int) -> None:
    names: dict[int, str] = {}
    for text in articles():
        found = spelled(text, shortest, longest)
        assert Counter(words for _, words in found) == Counter(expected(text, shortest, longest))
        for one, words in found:
            assert names.setdefault(one, words) == words, "two n-grams share a hash"
    assert len(set(names.values())) == len(names)


def test_every_code_point_is_read_as_python_lowers_it_and_re_finds_it() -> None:
    """All of Unicode, but for the two letters that `readable` sees to."""
    table = normal_form.word_table(1)
    for code in set(range(sys.maxunicode + 1)) - {ord("İ"), ord("Σ")}:
        lowered = chr(code).lower()
        assert table[code] == (ord(lowered) if lowered.isalnum() or lowered == "_" else 0), hex(code)


@quick
@given(any_text)
def test_readable_text_needs_only_the_table_to_be_lower_case(text: str) -> None:
    readable = normal_form.read(text, 1)
    assert "".join(char.lower() for char in readable) == text.lower()
    assert len(readable) == len(text.lower())


@quick
@given(any_text)
def test_unigrams_stand_where_the_token_pattern_finds_them(text: str) -> None:
    codes = kernel.code_points(normal_form.read(text, 1))
    _, starts, ends, tokens = kernel.ngrams(codes, normal_form.word_table(1), 1, 1)
    assert list(zip(starts, ends, strict=True)) == [found.span() for found in WORD.finditer(text.lower())]
    assert tokens == len(starts)


def test_spans_of_longer_ngrams_reach_from_the_first_word_to_the_last() -> None:
    text = "fire, and—smoke"
    _, starts, ends, tokens = kernel.ngrams(kernel.code_points(text), normal_form.word_table(1), 2, 3)
    assert [text[s:e] for s, e in zip(starts, ends, strict=True)] == ["fire, and", "and—smoke", "fire, and—smoke"]
    assert tokens == 3


def test_word_order_and_word_breaks_make_another_ngram() -> None:
    hashes = {spelled(text, 2, 2)[0][0] for text in ("man bites", "bites man", "manb ites", "man bite")}
    assert len(hashes) == 4


def test_text_without_a_word_has_no_ngrams() -> None:
    for text in ("", "a", " . ", "a b c", "\ud83d"):
        assert spelled(text, 1, 3) == []


@quick
@given(keys, st.lists(uint64, max_size=20))
def test_table_finds_every_key_and_no_other(known: list[int], others: list[int]) -> None:
    hashes = as_keys(known)
    slots = kernel.build_slots(hashes)
    assert [kernel.row_of(key, slots, hashes) for key in hashes] == list(range(len(known)))
    rows = [kernel.row_of(key, slots, hashes) for key in as_keys(others)]
    assert rows == [known.index(one) if one in known else -1 for one in others]


@quick
@given(keys)
def test_table_is_a_power_of_two_and_at_most_half_full(known: list[int]) -> None:
    slots = kernel.build_slots(as_keys(known))
    assert len(slots) & (len(slots) - 1) == 0
    assert len(slots) >= 2 * len(known)
    assert sorted(slots[slots >= 0].tolist()) == list(range(len(known)))


def test_equal_keys_make_no_table() -> None:
    assert len(kernel.build_slots(as_keys([5, 9, 5]))) == 0


def test_occurrences_are_the_known_ngrams_only_the_titles_first() -> None:
    text = "rain in spain, rain in norway"
    codes, words = kernel.code_points(text), normal_form.word_table(1)
    hashes = as_keys([spelled("in spain", 2, 2)[0][0], spelled("rain", 1, 1)[0][0]])
    slots = kernel.build_slots(hashes)
    for split, in_order, of_title in (
        (0, ["rain", "rain", "in spain"], 0),
        (len("rain in spain,"), ["rain", "in spain", "rain"], 2),
        (len("rain in"), ["rain", "rain"], 1),  # no n-gram crosses
        (len(text), ["rain", "rain", "in spain"], 3),
    ):
        rows, starts, ends, in_title, tokens, known = kernel.occurrences(codes, split, words, 1, 2, slots, hashes)
        assert [text[s:e] for s, e in zip(starts, ends, strict=True)] == in_order
        assert rows.tolist() == [int(one == "rain") for one in in_order]
        assert (in_title, tokens, known) == (of_title, 6, 2)


@quick
@given(any_text, st.integers(0, 60), lengths)
def test_occurrences_in_a_title_and_a_body_are_those_of_each(text: str, split: int, length: tuple[int, int]) -> None:
    codes, words = kernel.code_points(normal_form.read(text, 1)), normal_form.word_table(1)
    split = min(split, len(codes))
    fields = codes[:split], codes[split:]
    found = [kernel.ngrams(field, words, *length) for field in fields]
    hashes = np.unique(np.concatenate([hashes for hashes, *_ in found]))[::2]  # every other one is known
    slots = kernel.build_slots(hashes)
    each = [kernel.occurrences(field, len(field), words, *length, slots, hashes) for field in fields]
    rows, starts, ends, in_title, tokens, known = kernel.occurrences(codes, split, words, *length, slots, hashes)
    assert rows.tolist() == [*each[0][0], *each[1][0]]
    assert starts.tolist() == [*each[0][1], *(each[1][1] + split)]
    assert ends.tolist() == [*each[0][2], *(each[1][2] + split)]
    assert (in_title, tokens, known) == (len(each[0][0]), each[0][4] + each[1][4], each[0][5] + each[1][5])


def test_tf_idf_of_a_bag_is_the_formula() -> None:
    rows = np.array([3, 0, 3, 3], np.int32)
    amounts = np.array([2, 1, 1, 1], np.float32)
    idf = np.array([2, 1, 1, 1.5], np.float32)
    for sublinear, tf in ((True, 1 + math.log(4)), (False, 4.0)):
        distinct, values = kernel.tf_idf(rows, amounts, idf, sublinear)
        length = math.hypot(tf * 1.5, 2.0)
        assert distinct.tolist() == [3, 0]
        assert values.tolist() == pytest.approx([tf * 1.5 / length, 2.0 / length])


def test_tf_idf_of_nothing_is_nothing() -> None:
    none = np.empty(0, np.int32)
    distinct, values = kernel.tf_idf(none, np.empty(0, np.float32), np.ones(3, np.float32), True)
    assert len(distinct) == len(values) == 0


@quick
@given(st.lists(st.integers(0, 500), max_size=120))
def test_tf_idf_counts_every_row_once(rows: list[int]) -> None:
    ones = np.ones(len(rows), np.float32)
    distinct, values = kernel.tf_idf(np.array(rows, np.int32), ones, np.ones(501, np.float32), False)
    counts = Counter(rows)
    assert distinct.tolist() == list(counts)
    length = math.sqrt(sum(count * count for count in counts.values())) or 1.0
    assert values.tolist() == pytest.approx([count / length for count in counts.values()])


def test_scores_are_the_matrix_product_and_the_bias() -> None:
    random = np.random.default_rng(0)
    weights, bias = random.normal(size=(50, 7)).astype(np.float32), random.normal(size=7).astype(np.float32)
    for count in range(11):
        rows, values = random.integers(0, 50, count).astype(np.int32), random.normal(size=count)
        scores = bias.astype(np.float64)
        kernel.add_scores(rows, values, for_kernel(weights), scores)
        assert scores == pytest.approx(values @ weights[rows] + bias)

"""Learn the weights of `models/reading/furniture.tsv` from made-up furniture around the corpora's articles.

There are two steps: first the weights of words are learned (logistic regression on words and looks), then those of all
looks (a network with one hidden layer), with the sum of a block's words as one of them. In the second step this sum
comes from weights that were learned without the block's article and, if it is furniture, without its kind and some
others, so that words count as much as they are worth for kinds never seen.
"""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from tagdesk.models.reading.blocks import LOOKS, READ
from tagdesk.models.reading.looks import NOTICE, OF_NOTICES, LooksModel
from tagdesk.training.corpora.never_train import may_train
from tagdesk.training.errors import CorpusError
from tagdesk.training.furniture.examples import PROSE, Example, Kinds, examples, lines_of, made_up_articles

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

EXAMPLES = 14_000
"""Number of texts that are made to learn from."""
_SEED = 0
_SOURCES = {
    "corpora/wikinews": 3000,
    "corpora/current-events": 600,
    "bench/bbc-news/train": 900,
    "bench/masakhanews/eng/train": 900,
    "bench/masakhanews/fra/train": 400,
    "bench/masakhanews/swa/train": 150,
    "bench/masakhanews/pcm/train": 200,
    "bench/masakhanews/yor/train": 100,
    "bench/masakhanews/xho/train": 200,
    "bench/20newsgroups-bydate/train": 500,
}
"""Where prose comes from, below the data folder, and the number of articles of each."""
_SHORT_NEWS = {"corpora/current-events": 6_000}
"""Where news of a sentence or two comes from, which is learned from as it is: it must not be taken for a notice."""
_MADE_UP = 80
"""Number of articles made up in each language of which there is no corpus."""
NOTICES = ("consent", "broken", "subscription", "form", "newsletter")
"""Kinds that sometimes take the place of an article."""

_HEAD = re.compile(r"[A-Z][\w-]+: ")
_QUOTE = re.compile(r"^(?:[>|:]| *\w* ?>|.*(?:writes|wrote):).*\n?", re.MULTILINE)
_FOLDS = 5
_TOKEN = re.compile(r"\w+")
_LEAST_KINDS, _LEAST_BLOCKS, _MOST_PROSE_WORDS = 2, 8, 500
"""A word counts if so many blocks of so many kinds have it, or if it is one of the commonest of prose …"""
_LEAST_OF_KIND = 15
"""… or if so many blocks of one kind have it in lower case: names are no sign of a kind, "columnist" is."""
_LONG_WORD = 5
"""Shorter words must occur in prose, too: others are articles and prepositions of languages without prose here."""
_NOTICE_WEIGHT = 6.0
"""Weight of a notice's block: a notice that is tagged does more harm than an article that an editor looks at."""
_SCALE = 2.0
"""Scale of the columns of words, which are rarer than looks: they are penalized less."""
_WORDS = LOOKS.index("words")
_BEFORE, _AFTER = LOOKS.index("words before"), LOOKS.index("words after")
_OWN = [i for i in range(LOOKS.index("tokens before")) if i != _WORDS]
_LISTED = [LOOKS.index("bullet"), LOOKS.index("timed")]
_LIST_WEIGHT = 3.0
"""Weight of what looks most like furniture and is not: items of lists and timelines."""
_NO_WORDS = LooksModel(np.zeros((2 + len(LOOKS), NOTICE + 1)), np.zeros((1, 2)), ("",))
_EPOCHS = 30
_PENALTY = 0.003
_STEP = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Blocks and their kinds.

    Attributes:
        looks: float64, shape (blocks, len(LOOKS)), the columns of words empty.
        kind: row of `Kinds.names`, or `PROSE`, int64.
        example: the example that each belongs to, int64.
        tokens: int64.
        words: the words of each that are looked at, as written, without figures.
        looked_at: how many of its tokens are, int64.
    """

    looks: Floats
    kind: Rows
    example: Rows
    tokens: Rows
    words: list[list[str]]
    looked_at: Rows


def learn(folder: Path) -> LooksModel:
    """Learn from all kinds of furniture around articles of the corpora in a data folder.

    Raises:
        CorpusError: there are none.
    """
    articles, kinds = read_articles(folder, _SEED), Kinds()
    short = read_articles(folder, _SEED, _SHORT_NEWS)
    if not articles:
        raise CorpusError(f"no corpus in {folder}: run `tagdesk data`, or name the folder that has corpora/ in it")
    articles += made_up_articles(_MADE_UP, np.random.default_rng(_SEED))
    made = examples(articles, EXAMPLES, kinds, range(len(kinds.names)), _SEED)
    return fit(measured([*made, *((title, lines_of(body)) for title, body in short)]), kinds)


def read_articles(folder: Path, seed: int, sources: Mapping[str, int] = _SOURCES) -> list[tuple[str, str]]:
    """Return title and body of so many articles of each of these corpora in a data folder, if it is at hand."""
    rng, found = np.random.default_rng(seed), []
    for name, count in sources.items():
        path = folder / f"{name}.jsonl.gz"
        if path.exists():
            with gzip.open(path, "rb") as lines:
                rows = [row for row in map(json.loads, lines) if may_train(row["id"], row.get("date"))]
            found += [_article(rows[i]) for i in rng.permutation(len(rows))[:count]]
    return found


def _article(row: Mapping[str, str]) -> tuple[str, str]:
    """Return title and body; a newsgroup posting without its head, its quotes and its signature."""
    body = row["body"]
    if _HEAD.match(body):
        body = _QUOTE.sub("", body.partition("\n\n")[2]).partition("\n--")[0]
    return row.get("title") or "", body


def measured(made: Sequence[Example]) -> Table:
    """Measure every block of some examples, with one and with two line breaks between lines in turn."""
    looks, kind, example, tokens, words, looked_at = [], [], [], [], [], []
    for number, (title, lines) in enumerate(made):
        between = "\n" * (1 + number % 2)
        text = between.join(line.text for line in lines)
        owner, roles = np.full(len(text), PROSE), np.zeros(len(text), np.uint8)
        at = 0
        for line in lines:
            owner[at : at + len(line.text)], roles[at : at + len(line.text)] = line.kind, line.roles
            at += len(line.text) + len(between)
        found = _NO_WORDS.look(text, title, roles if roles.any() else roles[:0])
        for i, (start, end) in enumerate(zip(found.starts.tolist(), found.ends.tolist(), strict=True)):
            looks.append(found.looks[i])
            kind.append(int(np.bincount(owner[start:end] + 1).argmax()) - 1)
            tokens.append(int(found.tokens[i]))
            example.append(number)
            read = [token[0] for token in _TOKEN.finditer(text, start, end) if token.end() <= start + READ]
            looked_at.append(max(1, len(read)))
            words.append([token for token in read if len(token) > 1 and not token[0].isdigit()])
    return Table(np.array(looks), np.array(kind), np.array(example), np.array(tokens), words, np.array(looked_at))


def fit(table: Table, kinds: Kinds, left_out: Sequence[int] = ()) -> LooksModel:
    """Learn from a table.

    Args:
        table: blocks.
        kinds: the kinds of furniture.
        left_out: kinds, by their rows, not to learn from; their blocks are still the neighbours of others.
    """
    known = np.flatnonzero(~np.isin(table.kind, left_out))
    is_furniture = table.kind >= 0
    weight = np.where(is_furniture, 1.0, np.clip(np.sqrt(table.tokens / 8), 1.0, 3.0))
    weight[~is_furniture & (table.looks[:, _LISTED] > 0).any(axis=1)] *= _LIST_WEIGHT
    notices = [kinds.names.index(name) for name in NOTICES]
    lexicon = _lexicon(table, known)
    counts = _counts(table, lexicon)

    said = _said_out_of_fold(table, counts, known, weight)
    looks = _with_words(table, said)
    weights = _weigh_looks(looks[known], is_furniture[known], weight[known])
    words, _, _ = _weigh(table, counts, known, is_furniture, weight)

    notice = np.isin(table.kind, notices)
    notice_words, notice_looks, notice_bias = _weigh(
        table, counts, known, notice, np.where(notice, _NOTICE_WEIGHT, 1.0), OF_NOTICES
    )
    weights[0, NOTICE] = notice_bias
    weights[1 + np.array(OF_NOTICES), NOTICE] = notice_looks
    return LooksModel(weights, np.ascontiguousarray(np.stack((words, notice_words), axis=1)), tuple(lexicon))


def _weigh_looks(looks: Floats, is_furniture: NDArray[np.bool_], weight: Floats) -> Floats:
    """Return the weights of looks for furniture as `LooksModel.looks` has them, those for notices still 0."""
    middle, spread = looks.mean(axis=0), looks.std(axis=0) + 1e-9
    network = MLPClassifier(
        (NOTICE,), alpha=_PENALTY, learning_rate_init=_STEP, batch_size=min(512, len(looks)), random_state=_SEED
    )
    for _ in range(_EPOCHS):
        network.partial_fit((looks - middle) / spread, is_furniture, weight, classes=[False, True])
    (hidden, output), (hidden_bias, bias) = network.coefs_, network.intercepts_
    weights = np.zeros((2 + len(LOOKS), NOTICE + 1))
    weights[0, :NOTICE] = hidden_bias - middle / spread @ hidden
    weights[1:-1, :NOTICE] = hidden / spread[:, None]
    weights[-1, :NOTICE] = output[:, 0]
    weights[-1, NOTICE] = bias[0]
    return weights


def _lexicon(table: Table, rows: Rows) -> list[str]:
    """Return the words that get a weight."""
    kinds_of, small = defaultdict[str, Counter[int]](Counter), defaultdict[str, Counter[int]](Counter)
    prose = Counter[str]()
    for i in rows:
        kind, words = int(table.kind[i]), set(table.words[i])
        if kind == PROSE:
            prose.update({word.lower() for word in words})
            continue
        for word in {word.lower() for word in words}:
            kinds_of[word][kind] += 1
        for word in filter(str.islower, words):
            small[word][kind] += 1
    several = {
        word
        for word, blocks in kinds_of.items()
        if (len(word) >= _LONG_WORD or prose[word] >= _LEAST_BLOCKS)
        and (
            sum(count >= _LEAST_BLOCKS for count in blocks.values()) >= _LEAST_KINDS
            or max(small[word].values(), default=0) >= _LEAST_OF_KIND
        )
    }
    commonest = sorted(prose, key=lambda word: (-prose[word], word))  # a set's order is another in each process
    return sorted(several.union(commonest[:_MOST_PROSE_WORDS]))


def _counts(table: Table, lexicon: Sequence[str]) -> sp.csr_matrix:
    """Return how often each block contains each word, divided by the root of its tokens, as far as it is looked at."""
    column = {word: i for i, word in enumerate(lexicon)}
    rows, columns, values = [], [], []
    for i, words in enumerate(table.words):
        for word in map(str.lower, words):
            if word in column:
                rows.append(i)
                columns.append(column[word])
                values.append(1 / np.sqrt(table.looked_at[i]))
    return sp.csr_matrix((values, (rows, columns)), shape=(len(table.words), len(lexicon)))


def _weigh(
    table: Table,
    counts: sp.csr_matrix,
    rows: Rows,
    wanted: NDArray[np.bool_],
    weight: Floats,
    columns: Sequence[int] = _OWN,
) -> tuple[Floats, Floats, float]:
    """Return the weights of words and of a block's own looks, and the bias."""
    both = sp.hstack([counts[rows] * _SCALE, sp.csr_matrix(table.looks[rows][:, columns])]).tocsr()
    model = LogisticRegression(C=0.3, max_iter=400).fit(both, wanted[rows], sample_weight=weight[rows])
    found = model.coef_[0]
    return found[: counts.shape[1]] * _SCALE, found[counts.shape[1] :], float(model.intercept_[0])


def _said_out_of_fold(table: Table, counts: sp.csr_matrix, known: Rows, weight: Floats) -> Floats:
    """Return the sum of each block's words, by weights learned without its article and its kind."""
    is_furniture = table.kind >= 0
    fold = np.where(is_furniture, (table.kind * 2 + 1) % _FOLDS, table.example % _FOLDS)
    said = np.zeros(len(fold))
    for part in range(_FOLDS):
        rows = known[(fold[known] != part) & (table.example[known] % _FOLDS != part)]
        words, _, _ = _weigh(table, counts, rows, is_furniture, weight)
        mine = fold == part
        said[mine] = counts[mine] @ words
    return said


def _with_words(table: Table, said: Floats) -> Floats:
    """Return the looks with the sums of the words of each block and of its neighbours."""
    looks = table.looks.copy()
    looks[:, _WORDS] = said
    same = table.example[1:] == table.example[:-1]
    looks[1:, _BEFORE] = np.where(same, said[:-1], 0)
    looks[:-1, _AFTER] = np.where(same, said[1:], 0)
    return looks

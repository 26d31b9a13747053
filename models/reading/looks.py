"""What is furniture and what is a notice in place of an article, learned from blocks of text.

`tagdesk.training.furniture.learning` learns the weights; they are in `furniture.tsv` beside this module. The log-odds
that a block is furniture come from its looks, one of which is what its words say, by a network with one hidden layer:
a short block is furniture at the end of a text and a subhead within it. Those that it is a notice are a weighted sum.
Which blocks are furniture is the likeliest sequence, in which each change between prose and furniture costs `CHANGE`
(Viterbi).
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.files import write_file
from tagdesk.models.kernel import build_slots, code_points, compiled
from tagdesk.models.reading.blocks import (
    LINKED,
    LINKED_AFTER,
    LINKED_BEFORE,
    LOOKS,
    PROSE_TOKENS,
    SENTENCE,
    SHARED,
    TOKENS,
    WORDS,
    Blocks,
    Words,
    any_line_begins,
    glance,
    hash_word,
    line_ends,
    look,
    look_around,
    look_closer,
)
from tagdesk.models.reading.characters import kinds, seen
from tagdesk.models.reading.normal_form import word_table

WEIGHTS: Final = Path(__file__).with_name("furniture.tsv")
BIAS, FURNITURE = "bias", "furniture"
NOTICE: Final = 8
"""The column of the weights for notices; the columns before it are those of the hidden units."""

CHANGE: Final = 1.0
"""Cost of a change between prose and furniture, in log-odds."""
CAUTION: Final = 0.5
"""Log-odds in favour of prose: what is blanked in error is lost, what is left in error is a few words among many."""
NOTICE_CAUTION: Final = 0.25
"""The same, in favour of articles that a notice does not take the place of."""

OF_NOTICES: Final = (TOKENS, SENTENCE)
"""The looks that tell notices, beside the words; the weights of the others are 0 in that column."""

_SENTENCE_SAYS: Final = 2.0
"""What the words of a sentence must say (the look `words`) for it to be furniture."""
_TELLING: Final = float(np.log1p(PROSE_TOKENS))
"""The look `tokens` of a sentence that is long enough to be a paragraph although it is a link."""
_RUN_SAYS: Final = 3.0
"""What those of some block must say for a run of blocks without a link to be furniture: tables and lists are not."""

_LEAST_LEFT: Final = 9
"""If fewer tokens would be left, nothing is blanked."""
_FEW_LEFT: Final = 30
"""With so many tokens beside it, a notice does not take the place of the article."""
_MOST_ODDS: Final = 5.0
NO_ROLES: Final = np.zeros(0, np.uint8)
"""Of plain text, whose code points have no known roles."""

_ROWS: Final = (BIAS, *LOOKS, FURNITURE)
"""Names of the rows of `LooksModel.looks`."""

NO_PHRASES: Final = np.empty(0, np.uint64)
KINDS: Final = 255
"""What `LooksModel.survey` returns holds kinds of code points, and above them two signs more."""
PHRASE: Final = 256
"""A line of the text may begin with a phrase."""
SUSPICIOUS: Final = 512
"""A block of it may be furniture or a notice."""

READING: Final = 1
"""The version of the reading by which words are found: furniture is judged in the text as it was sent."""

_Codes = NDArray[np.uint32]


class Verdict(NamedTuple):
    """What a text consists of.

    Attributes:
        furniture: where each piece of furniture starts and ends, int32, shape (pieces, 2).
        no_article: a notice takes the place of the article: consent, an error, a stub for subscribers.
    """

    furniture: NDArray[np.int32]
    no_article: bool


@dataclass(frozen=True, slots=True, eq=False)
class LooksModel:
    """A model of what furniture looks like.

    Args:
        looks: weights of the bias and of `LOOKS`, for each hidden unit and for notices; the last row has the weight
            of each unit for furniture, and the bias. Float64, shape (2 + looks, NOTICE + 1).
        words: by word, for furniture and for notices, float64, shape (words, 2).
        names: the words.
    """

    looks: NDArray[np.float64]
    words: NDArray[np.float64]
    names: tuple[str, ...]
    _lexicon: Words = field(init=False, repr=False)
    _surveyed: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = word_table(READING)
        hashes = np.array([hash_word(code_points(name), table) for name in self.names], np.uint64)
        lexicon = Words(hashes, build_slots(hashes), np.vstack((self.words, (0.0, 0.0))))
        object.__setattr__(self, "_lexicon", lexicon)
        object.__setattr__(self, "_surveyed", (kinds(), table, *lexicon, self.looks))

    def look(self, text: str, title: str = "", roles: NDArray[np.uint8] = NO_ROLES) -> Blocks:
        """Return the blocks of a text and the looks of each."""
        return look(code_points(text), code_points(title), roles, word_table(READING), self._lexicon)

    def survey(
        self, codes: _Codes, split: int, roles: NDArray[np.uint8] = NO_ROLES, phrases: NDArray[np.uint64] = NO_PHRASES
    ) -> int:
        """Look through an article once, for what most articles have nothing of.

        Args:
            codes: the code points of title and body, uint32.
            split: where the body begins.
            roles: what each code point of the body stands in, uint8; empty where that is not known.
            phrases: what lines of furniture begin with, see `any_line_begins`.

        Returns:
            The kinds of code points that `characters.seen` sees; with `PHRASE` if a line of the body may begin with a
            phrase, and with `SUSPICIOUS` if a block may be furniture or a notice.
        """
        return _survey(codes, split, roles, phrases, *self._surveyed)

    def judge(self, text: str, title: str = "", roles: NDArray[np.uint8] = NO_ROLES, *, page: bool = False) -> Verdict:
        """Return what in a text is furniture, and whether it is an article at all.

        Args:
            text: plain, paragraphs by lines.
            title: the article's.
            roles: what each code point stands in, uint8; empty where that is not known.
            page: the text is a whole page: one stretch of it is the article.
        """
        codes, words = code_points(text), word_table(READING)
        return Verdict(*_judge(codes, code_points(title), roles, words, self._lexicon, self.looks, page))


@compiled
def _unit_sums(look: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each hidden unit makes of the looks of a block: the bias and the weighted looks."""
    sums = weights[0, :NOTICE].copy()
    for j in range(len(LOOKS)):
        for unit in range(NOTICE):
            sums[unit] += weights[j + 1, unit] * look[j]
    return sums


@compiled
def _is_sentence(look: NDArray[np.float64]) -> bool:
    """Tell whether a block is a sentence whose words do not clearly say that it is furniture.

    A sentence with a link is one as long as the blocks beside it are not of links: lists of links have several.
    """
    if look[SENTENCE] == 0 or look[WORDS] >= _SENTENCE_SAYS:
        return False
    return bool(look[LINKED] == 0 or (look[TOKENS] >= _TELLING and max(look[LINKED_BEFORE], look[LINKED_AFTER]) < 0.5))


@compiled
def _odds(look: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the log-odds that a block is furniture."""
    odds = float(weights[-1, NOTICE]) - CAUTION
    sums = _unit_sums(look, weights)
    for unit in range(NOTICE):
        odds += weights[-1, unit] * max(0.0, sums[unit])
    # As much as it costs to leave a run of furniture and to come back.
    return min(odds, -2 * CHANGE) if _is_sentence(look) else odds


@compiled
def _most_odds(look: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the most that the log-odds of a block can be, whatever words it shares; the sentences apart."""
    odds = float(weights[-1, NOTICE]) - CAUTION
    sums = _unit_sums(look, weights)
    for unit in range(NOTICE):
        sharing = sums[unit] + weights[SHARED + 1, unit]
        odds += max(weights[-1, unit] * max(0.0, sums[unit]), weights[-1, unit] * max(0.0, sharing))
    return odds


@compiled
def _notice_odds(found: Blocks, weights: NDArray[np.float64], block: int) -> float:
    """Return the log-odds that a block is a notice."""
    odds, look = float(weights[0, NOTICE]) - NOTICE_CAUTION, found.looks[block]
    for j in OF_NOTICES:
        odds += weights[j + 1, NOTICE] * look[j]
    return odds + float(found.notices[block])


@compiled
def _is_suspicious(
    codes: _Codes,
    lines: NDArray[np.int32],
    roles: NDArray[np.uint8],
    words: NDArray[np.uint32],
    lexicon: Words,
    weights: NDArray[np.float64],
) -> bool:
    """Tell whether any block may be furniture or a notice, whatever words it shares with the others."""
    found, looked_around = glance(codes, lines, roles, words, lexicon), False
    for i in range(len(found.starts)):
        if _notice_odds(found, weights, i) > 0:
            return True
        if not looked_around and (found.looks[i, LINKED] > 0 or not _is_sentence(found.looks[i])):
            look_around(found.looks, found.tokens)
            looked_around = True
        if not _is_sentence(found.looks[i]):
            look_closer(codes, words, found, i)
            if _most_odds(found.looks[i], weights) > 0:
                return True
    return False


@compiled
def _survey(
    codes: _Codes,
    split: int,
    roles: NDArray[np.uint8],
    phrases: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    words: NDArray[np.uint32],
    word_hashes: NDArray[np.uint64],
    word_slots: NDArray[np.int32],
    word_weights: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> int:
    body = codes[split:]
    lines = line_ends(body)
    lexicon = Words(word_hashes, word_slots, word_weights)  # a tuple costs more than its parts to hand over
    found = seen(codes, kinds)
    if any_line_begins(body, lines, words, phrases):
        found |= PHRASE
    if _is_suspicious(body, lines, roles, words, lexicon, weights):
        found |= SUSPICIOUS
    return found


@compiled
def _likeliest(odds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which blocks are furniture in the likeliest sequence."""
    n = len(odds)
    from_other = np.zeros((n, 2), np.bool_)
    prose = furniture = 0.0
    for i in range(n):
        from_other[i, 0] = furniture - CHANGE > prose
        from_other[i, 1] = prose - CHANGE > furniture
        if i == 0:
            from_other[i] = False
        changed = max(prose, furniture - CHANGE)
        furniture = max(furniture, prose - CHANGE) + odds[i]
        prose = changed
    chosen = np.empty(n, np.bool_)
    state = furniture > prose
    for i in range(n - 1, -1, -1):
        chosen[i] = state
        state = state != from_other[i, int(state)]
    return chosen


@compiled
def _keep_silent_runs(furniture: NDArray[np.bool_], looks: NDArray[np.float64]) -> None:
    """Make prose of runs of furniture in which no block has a link or words that clearly say what it is."""
    n = len(furniture)
    start = 0
    while start < n:
        end, says_so = start, False
        while end < n and furniture[end]:
            says_so |= looks[end, LINKED] > 0 or looks[end, WORDS] >= _RUN_SAYS
            end += 1
        if not says_so:
            furniture[start:end] = False
        start = end + 1


@compiled
def _outside(odds: NDArray[np.float64], tokens: NDArray[np.int32]) -> tuple[int, int]:
    """Return the first block of the article on a page, and the one after its last: the stretch with the most prose.

    Maximum subsequence segmentation (Pasternack and Roth, 2009): each block counts by its log-odds and the root of its
    length.
    """
    best = total = 0.0
    first = start = end = 0
    for i in range(len(odds)):
        if total <= 0:
            total, start = 0.0, i
        total += max(-_MOST_ODDS, min(_MOST_ODDS, -odds[i])) * np.sqrt(tokens[i])
        if total > best:
            best, first, end = total, start, i + 1
    return first, end


@compiled
def _judge(
    codes: _Codes,
    title: _Codes,
    roles: NDArray[np.uint8],
    words: NDArray[np.uint32],
    lexicon: Words,
    weights: NDArray[np.float64],
    page: bool,
) -> tuple[NDArray[np.int32], bool]:
    """Return the spans of furniture, int32, shape (blocks, 2), and whether a notice takes the article's place."""
    found = look(codes, title, roles, words, lexicon)
    n = len(found.tokens)
    odds, notices = np.empty(n), np.empty(n)
    for i in range(n):
        odds[i], notices[i] = _odds(found.looks[i], weights), _notice_odds(found, weights, i)
    furniture = _likeliest(odds)
    _keep_silent_runs(furniture, found.looks)
    if page:
        first, end = _outside(odds, found.tokens)
        furniture[:first], furniture[end:] = True, True
    noticed = left = article = 0
    for i in range(n):
        noticed += found.tokens[i] if notices[i] > 0 else 0
        left += 0 if furniture[i] else found.tokens[i]
        article += 0 if furniture[i] or notices[i] > 0 else found.tokens[i]
    no_article = noticed > 0 and noticed >= article and article < _FEW_LEFT
    if left < _LEAST_LEFT:
        furniture[:] = False
    spans = np.empty((np.count_nonzero(furniture), 2), np.int32)
    at = 0
    for i in range(n):
        if furniture[i]:
            spans[at] = found.starts[i], found.ends[i]
            at += 1
    return spans, no_article


@cache
def shipped() -> LooksModel:
    """Return the model of `furniture.tsv`."""
    return read_looks(WEIGHTS)


def read_looks(path: Path) -> LooksModel:
    """Read a model that `write_looks` wrote."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    weights = [list(map(float, row[1:])) for row in rows]
    names = tuple(row[0] for row in rows)
    looks = len(_ROWS)
    if names[:looks] != _ROWS:
        raise ValueError(f"{path.name}: its first rows are not {', '.join(_ROWS)}: learn it anew")
    return LooksModel(np.array(weights[:looks]), np.array(weights[looks:]), names[looks:])


def write_looks(model: LooksModel, path: Path, about: str) -> None:
    """Write a model as tab-separated text: a name and its weights, those of the looks first."""
    names, weights = (*_ROWS, *model.names), [*model.looks.tolist(), *model.words.tolist()]
    rows = ["\t".join([name, *(f"{weight:.3f}" for weight in row)]) for name, row in zip(names, weights, strict=True)]
    write_file(path, ("\n".join([f"# {about}", *rows]) + "\n").encode())

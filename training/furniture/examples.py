"""Articles with site furniture around them, each line with its kind, from which `learning` learns."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

import numpy as np

from tagdesk.models.reading.markup import HEADING, LINK, LIST

_SOURCE = Path(__file__).with_name("kinds.toml")
_PROSE = Path(__file__).with_name("prose.toml")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(#|[a-z]+)\}")
_REPEAT = re.compile(r"\*(\d+)-(\d+) ")
_OWN_TITLE = {"leftover", "live", "picture", "share", "menu", "player"}
"""Kinds that repeat the article's own title, at times."""
_BREAK = "\n"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

_UNKNOWN_LANGUAGE = 0.15
"""Share of the examples that are in no language."""

PROSE = -1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text.

    Attributes:
        text: without a line break.
        kind: of furniture, as a row of `Kinds.names`, or `PROSE`.
        roles: what it stands in, bits of `tagdesk.models.reading.markup`.
    """

    text: str
    kind: int = PROSE
    roles: int = 0


@dataclass(frozen=True, slots=True)
class Others:
    """What a site's furniture repeats of other articles.

    Attributes:
        headlines: their titles.
        teasers: how they begin.
    """

    headlines: Sequence[str]
    teasers: Sequence[str]


def others_of(articles: Sequence[tuple[str, str]]) -> Others:
    """Return headlines and teasers of articles, title and body of each."""
    teasers = [_shortened(body[:400], 12, 30, np.random.default_rng(len(body))) for _, body in articles if body.strip()]
    return Others([title for title, _ in articles if title], [f"{teaser}…" for teaser in teasers])


class Kinds:
    """The kinds of furniture that we know to make.

    Attributes:
        names: of each.
    """

    def __init__(self) -> None:
        source = tomllib.loads(_SOURCE.read_text(encoding="utf-8"))
        self.names: tuple[str, ...] = tuple(source["kinds"])
        self._variants: Mapping[str, list[list[str]]] = source["kinds"]
        self._slots: Mapping[str, list[str]] = source["slots"]

    def make(self, name: str, others: "Others", title: str, rng: np.random.Generator) -> list[str]:
        """Return the lines of one piece of furniture, with headlines of other articles, at times the own title."""
        variants = self._variants[name]
        lines: list[str] = []
        for template in variants[rng.integers(len(variants))]:
            times = _REPEAT.match(template)
            count = int(rng.integers(int(times[1]), int(times[2]) + 1)) if times else 1
            body = template[times.end() :] if times else template
            for i in range(count):
                own = name in _OWN_TITLE and rng.random() < 0.4
                filled = self._fill(body, i + 1, replace(others, headlines=[title]) if own and title else others, rng)
                lines += [line.strip() for line in filled.split(_BREAK) if line.strip()]
        return lines

    def _fill(self, text: str, number: int, others: "Others", rng: np.random.Generator) -> str:
        text = text.replace("{{", "\1").replace("}}", "\2")
        while choice := _CHOICE.search(text):
            options = choice[1].split("|")
            text = text[: choice.start()] + options[rng.integers(len(options))] + text[choice.end() :]

        def value(slot: re.Match[str]) -> str:
            name = slot[1]
            if name in ("headline", "teaser"):
                among = others.headlines if name == "headline" else others.teasers
                return among[int(rng.integers(len(among)))]
            if name in self._slots:
                some = self._slots[name]
                return _SLOT.sub(value, some[rng.integers(len(some))])
            return _made(name, number, rng)

        return _SLOT.sub(value, text).replace("\1", "{").replace("\2", "}")


def _made(name: str, number: int, rng: np.random.Generator) -> str:
    n = int(rng.integers(1, 60))
    match name:
        case "#":
            return str(number)
        case "n":
            return str(n)
        case "score":
            return str(int(rng.integers(0, 6)))
        case "year":
            return str(int(rng.integers(1990, 2027)))
        case "time":
            return f"{int(rng.integers(0, 24)):02d}:{n:02d}"
        case "date":
            return f"{n % 28 + 1} {('Jan', 'March', 'May', 'July', 'September', 'Nov')[n % 6]} {2010 + n % 17}"
        case "percent":
            return f"{n}{('', f'.{n % 10}')[n % 2]}%"
        case "price":
            return f"{'$£€'[n % 3]}{n}{('', '.99')[n % 2]}"
    raise ValueError(f"{_SOURCE.name}: {{{name}}} is no slot")


def made_up_articles(count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return articles in each of the languages of `prose.toml`, so many each, without titles."""
    found = []
    for sentences in tomllib.loads(_PROSE.read_text(encoding="utf-8")).values():
        for _ in range(count):
            some = rng.permutation(sentences)[: int(rng.integers(3, len(sentences)))]
            found.append(("", " ".join(some)))
    return found


def lines_of(body: str) -> list[Line]:
    """Return an article's lines, as prose."""
    return [Line(line.strip()) for line in body.split("\n") if line.strip()]


def first_words(lines: Sequence[Line], count: int) -> list[Line]:
    """Return the lines that hold the first so many words, the last one cut."""
    left, taken = count, []
    for line in lines:
        words = line.text.split()
        taken.append(Line(" ".join(words[:left])))
        left -= len(words)
        if left <= 0:
            break
    return taken


def dress(
    lines: list[Line], title: str, kinds: Kinds, some: Sequence[int], others: Others, rng: np.random.Generator
) -> list[Line]:
    """Return an article's lines with furniture of some kinds before, amid and after them, half of it in links."""
    before: list[Line] = []
    after: list[Line] = []
    middle = list(lines)
    soup = rng.random() < 0.5
    for kind in some:
        made = kinds.make(kinds.names[kind], others, title, rng)
        linked = soup and rng.random() < (0.8 if len(made) > 2 else 0.5)
        listed = LIST if soup and len(made) > 2 and rng.random() < 0.4 else 0
        head = HEADING if soup and len(made) > 1 and rng.random() < 0.3 else 0
        piece = [
            Line(text, kind, (LINK if linked and (i or not head) else 0) | listed | (0 if i else head))
            for i, text in enumerate(made)
        ]
        place = rng.random()
        if place < 0.25:
            before = piece + before if rng.random() < 0.5 else before + piece
        elif place < 0.4 and len(middle) > 1:
            at = int(rng.integers(1, len(middle)))
            middle[at:at] = piece
        else:
            after += piece
    return before + middle + after


Title = str
Example = tuple[Title, list[Line]]
"""An article's title, empty where none was sent, and its lines."""


def vary(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """Return an article's lines as one of the forms in which prose comes: most often as they are."""
    ways = (_one_line, _wrapped, _timeline, _timeline, _listed, _listed, _subheaded, _by_sentences, _interview, _terse)
    draw = int(rng.random() / 0.07)
    return ways[draw](lines, rng) if draw < len(ways) else lines


def _words_of(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)


def _sentences(lines: Sequence[Line]) -> list[str]:
    return _SENTENCE_END.split(_words_of(lines))[:40]


def _shortened(sentence: str, least: int, most: int, rng: np.random.Generator) -> str:
    return " ".join(sentence.split()[: int(rng.integers(least, most))]).rstrip(".,;")


def _one_line(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    return [Line(_words_of(lines))]


def _wrapped(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    width = int(rng.choice([36, 60, 72, 80]))
    return [Line(text) for line in lines for text in wrap(line.text, width)]


def _timeline(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """A text, before or after it what happened when, the latest first or last."""
    sentences = _sentences(lines)
    count = int(rng.integers(3, 8))
    between, bullet = str(rng.choice([" – ", " ", " - ", ": ", " | "])), str(rng.choice(["", "- ", "• "]))
    minute, events = 60 * int(rng.integers(8, 20)), []
    for sentence in sentences[-count:]:
        minute += int(rng.integers(1, 50))
        what = sentence if rng.random() < 0.5 else _shortened(sentence, 4, 12, rng)
        events.append(Line(f"{bullet}{minute // 60 % 24:02d}:{minute % 60:02d}{between}{what}"))
    text = [Line(" ".join(sentences[:-count]))] if len(sentences) > count else []
    events = events[::-1] if rng.random() < 0.4 else events
    return events + text if rng.random() < 0.25 else text + events


def _listed(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """A text that has a list in it."""
    sentences = _sentences(lines)
    count = min(len(sentences), int(rng.integers(2, 7)))
    at = int(rng.integers(0, len(sentences) - count + 1))
    bullet = str(rng.choice(["- ", "• ", "* ", "1. "]))
    items = [
        Line(bullet + (text if rng.random() < 0.4 else _lower_first(_shortened(text, 2, 12, rng), rng)))
        for text in sentences[at : at + count]
    ]
    return [Line(" ".join(sentences[:at])), *items, Line(" ".join(sentences[at + count :]))]


def _lower_first(text: str, rng: np.random.Generator) -> str:
    return text[:1].lower() + text[1:] if rng.random() < 0.5 else text


def _subheaded(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """A text with subheads of its own words."""
    words, found = _words_of(lines).split(), []
    for line in lines:
        if rng.random() < 0.25:
            at = int(rng.integers(0, max(1, len(words) - 8)))
            head = " ".join(words[at : at + int(rng.integers(1, 7))]).strip('.,;"')
            found.append(Line(head[:1].upper() + head[1:], PROSE, HEADING if rng.random() < 0.5 else 0))
        found.append(line)
    return found


def _by_sentences(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    return [Line(sentence) for sentence in _sentences(lines)]


def _terse(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """A few short sentences."""
    sentences = _sentences(lines)[: int(rng.integers(3, 9))]
    return [Line(f"{_shortened(text, 4, 12, rng)}.") if rng.random() < 0.7 else Line(text) for text in sentences]


def _interview(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """Questions and answers, by turns."""
    names = [word.strip(".,:;\"'") for word in _words_of(lines).split() if word[:1].isupper()] or ["Q"]
    asks, answers = (names[rng.integers(len(names))] for _ in range(2))
    answers = answers if rng.random() < 0.5 else "A"
    turns = [f"{asks}: ", f"{answers}: " if rng.random() < 0.7 else ""]
    return [Line(turns[i % 2] + sentence) for i, sentence in enumerate(_sentences(lines))]


def examples(
    articles: Sequence[tuple[str, str]], count: int, kinds: Kinds, some: Sequence[int], seed: int
) -> list[Example]:
    """Return articles with furniture around them.

    Args:
        articles: title and body of each.
        count: how many to make.
        kinds: the kinds of furniture.
        some: rows of those to use.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    others = others_of(articles)
    made: list[Example] = []
    while len(made) < count:
        title, body = articles[int(rng.integers(len(articles)))]
        lines = _with_words(lines_of(body))
        if rng.random() < 0.45:
            lines = first_words(lines, int(rng.choice([60, 120, 200])))
        lines = _with_words(vary(lines, rng))
        if not lines:
            continue
        draw = rng.random()
        pieces = 0 if draw < 0.25 else int(rng.integers(1, 5)) if draw < 0.8 else int(rng.integers(8, 18))
        chosen = rng.choice(np.asarray(some), size=pieces, replace=pieces > len(some)).tolist()
        example = (title if rng.random() < 0.8 else "", dress(lines, title, kinds, chosen, others, rng))
        made.append(_in_no_language(example, rng) if rng.random() < _UNKNOWN_LANGUAGE else example)
    return made


def _in_no_language(example: Example, rng: np.random.Generator) -> Example:
    """Return an example in letters that mean nothing: what of it looks like furniture in any language."""
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    others = rng.permutation(letters).tolist()
    table = str.maketrans("".join(letters) + "".join(letters).upper(), "".join(others) + "".join(others).upper())
    title, lines = example
    return title.translate(table), [replace(line, text=line.text.translate(table)) for line in lines]


def _with_words(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if any(map(str.isalnum, line.text))]

"""What noise in the text costs: the gold articles, clean and each in twins that a reader would read alike.

The twins are made of the articles themselves, by rules and a seed, so every run measures the same.
"""

import gzip
import html
import json
import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.made import bundle
from benchmarks.table import ROOT, markdown, write
from tagdesk.models.bundle import load_bundle
from tagdesk.models.reading.article import Article
from tagdesk.models.topic_model import TaggedArticle, TopicModel
from tagdesk.training.corpora.places import SHARED
from tagdesk.training.judge.evaluate import Scores, score_articles

_GOLD = SHARED / "gold" / "dev.jsonl.gz"
_INVENTED = ROOT / "tests" / "data" / "articles.jsonl"

_LONG = re.compile(r"[^\W\d_]{7,}")
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F) if chr(code).isalpha()}
_COLUMNS = 36
_SECTIONS = ("sport/football", "culture/film", "business/markets", "sport/tennis", "technology/phones")
_MISREAD = {"l": "1", "o": "0", "e": "c", "m": "rn", "h": "b", "i": "j", "n": "ri", "s": "5", "a": "o", "t": "f"}


@dataclass(frozen=True, slots=True)
class Gold:
    """An article, and what is right: its topics, and those that are neither right nor wrong."""

    title: str
    body: str
    topics: tuple[str, ...]
    optional: tuple[str, ...]


Twin = Callable[[Gold, random.Random], Article]


def _plain(change: Callable[[str, random.Random], str]) -> Twin:
    """Return what changes title and body alike."""
    return lambda one, chance: Article(title=change(one.title, chance), body=change(one.body, chance))


def _within_words(char: str) -> Twin:
    def change(text: str, chance: random.Random) -> str:
        return _LONG.sub(lambda word: char.join(re.findall(".{1,4}", word[0])), text)

    return _plain(change)


def _markup(one: Gold) -> str:
    return "".join(f"<p>{html.escape(part)}</p>" for part in one.body.split("\n") if part.strip())


def _hyphens_in_html(one: Gold, chance: random.Random) -> Article:
    body = _LONG.sub(lambda word: "&shy;".join(re.findall(".{1,4}", word[0])), one.body)
    parts = (html.escape(part).replace("&amp;shy;", "&shy;") for part in body.split("\n") if part.strip())
    return Article(title=one.title, body_html="".join(f"<p>{part}</p>" for part in parts))


def _links(one: Gold, chance: random.Random) -> Article:
    words = re.findall(r"[a-z]{4,}", one.body.lower()) or ["story"]
    links = [
        f"https://www.example.com/{section}/{'-'.join(chance.sample(words, min(6, len(words))))}"
        for section in _SECTIONS
    ]
    return Article(title=one.title, body="\n".join((one.body, "", *links)))


def _markdown_links(one: Gold, chance: random.Random) -> Article:
    """Every twentieth word is a link."""
    words = one.body.split(" ")
    for at in range(10, len(words), 20):
        words[at] = f"[{words[at]}](/{chance.choice(_SECTIONS)}/{chance.randrange(9999)})"
    return Article(title=one.title, body=" ".join(words))


def _broken(text: str, chance: random.Random) -> str:
    """Set a text in narrow columns, words broken where a line ends."""
    lines = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while len(rest) > _COLUMNS:
            cut = _COLUMNS
            if rest[cut - 2 : cut + 2].isalpha():
                lines.append(f"{rest[:cut]}-")
            else:
                cut = rest.rfind(" ", 0, cut + 1) + 1 or cut
                lines.append(rest[:cut].rstrip(" "))
            rest = rest[cut:]
        lines.append(rest)
    return "\n".join(lines)


def _misread(share: float, *, letters: bool) -> Twin:
    """Return what misreads so many of the letters, or one letter in so many of the words."""

    def change(text: str, chance: random.Random) -> str:
        if letters:
            return "".join(_MISREAD.get(char, char) if chance.random() < share else char for char in text)
        return re.sub(r"\w+", lambda word: misread(word[0], chance), text)

    def misread(word: str, chance: random.Random) -> str:
        places = [at for at, char in enumerate(word) if char in _MISREAD]
        if not places or chance.random() >= share:
            return word
        at = chance.choice(places)
        return word[:at] + _MISREAD[word[at]] + word[at + 1 :]

    return _plain(change)


TWINS: dict[str, Twin] = {
    "clean": _plain(lambda text, _: text),
    "soft hyphens in every long word": _within_words("\u00ad"),
    "the same as `&shy;` in HTML": _hyphens_in_html,
    "zero-width spaces in every long word": _within_words("\u200b"),
    "full-width letters": _plain(lambda text, _: text.translate(_FULL_WIDTH)),
    "NFD": _plain(lambda text, _: unicodedata.normalize("NFD", text)),
    "five bare links": _links,
    "Markdown links": _markdown_links,
    "lines of 36, words broken": _plain(_broken),
    "HTML escaped once more": lambda one, _: Article(title=html.escape(one.title), body=html.escape(_markup(one))),
    "as HTML": lambda one, _: Article(title=one.title, body_html=_markup(one)),
    "5 % of the words misread": _misread(0.05, letters=False),
    "5 % of the letters misread": _misread(0.05, letters=True),
}
"""What is measured."""


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `noise.md`."""
    model = load_bundle(bundle())
    gold = articles()[: 20 if quick else None]
    about = (
        f"{model.ref} on {len(gold)} articles ({'gold/dev' if _GOLD.exists() else 'invented ones'}). "
        "F1 over all pairs of article and topic, precision and number of the topics given `auto`; how many articles "
        "get other topics or bands than their clean twin."
    )
    write("noise", "Noise in the text", [table(model, gold), about], quick=quick)


def table(model: TopicModel, gold: Sequence[Gold]) -> str:
    """Return the table of a model."""
    clean = _tagged(model, gold, TWINS["clean"])
    rows = []
    for name, twin in TWINS.items():
        tagged = _tagged(model, gold, twin)
        scores = _scores(model, tagged, gold)
        auto = scores.whole.auto_predicted
        precision = scores.whole.auto_hits / auto if auto else 0.0
        changed = sum(_bands(one) != _bands(other) for one, other in zip(tagged, clean, strict=True))
        rows.append((name, f"{scores.whole.f1:.3f}", f"{precision:.3f}", f"{auto:.0f}", changed))
    return markdown(("", "micro-F1", "`auto` precision", "`auto` topics", "articles answered otherwise"), rows)


def articles(path: Path | None = None) -> list[Gold]:
    """Return the gold articles, or those written for the tests where the gold is not at hand."""
    path = path or (_GOLD if _GOLD.exists() else _INVENTED)
    data = path.read_bytes()
    rows = map(json.loads, (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines())
    return [Gold(row["title"], row["body"], tuple(row["topics"]), tuple(row.get("optional", ()))) for row in rows]


def _tagged(model: TopicModel, gold: Sequence[Gold], twin: Twin) -> list[TaggedArticle]:
    return list(model.tag_many(twin(one, random.Random(place)) for place, one in enumerate(gold)))


def _scores(model: TopicModel, tagged: Sequence[TaggedArticle], gold: Sequence[Gold]) -> Scores:
    wanted, optional = [one.topics for one in gold], [one.optional for one in gold]
    return score_articles(tagged, wanted, optional, topics=model.taxonomy.ids)


def _bands(tagged: TaggedArticle) -> set[tuple[str, str | None]]:
    return {(found.topic.id, found.band) for found in tagged.topics}

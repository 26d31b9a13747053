"""Site furniture around gold articles: what each kind costs, and what it costs where its kind was never learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.made import bundle
from benchmarks.table import ROOT, markdown, say, write
from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.doubts import OwnTexts, doubts
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.furniture import clean
from tagdesk.models.reading.looks import LooksModel, shipped
from tagdesk.models.reading.markup import LINK
from tagdesk.training.corpora.corpus import LabelledArticle, read_corpus
from tagdesk.training.furniture.examples import Kinds, Line, Others, examples, first_words, lines_of, others_of
from tagdesk.training.furniture.learning import EXAMPLES, fit, measured, read_articles

_FOLDER = ROOT.parent / "shared" / "data"
_GOLD = _FOLDER / "gold" / "dev.jsonl.gz"
_SHORT = 120
"""Words of the short articles."""
_GROUPS = 5
"""Into which the kinds are dealt: each is judged by weights that know none of its group."""
_SOME = 14
"""Kinds that stand around an article together."""

Judge = Callable[[str, str, NDArray[np.uint8]], tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Figures:
    """How right the answers are: micro-F1, precision of `auto`, how many are `auto`."""

    micro_f1: float
    precision: float
    auto: int


class Bench:
    """Gold articles, the model that tags them, and furniture to put around them."""

    def __init__(self, *, quick: bool) -> None:
        if not _GOLD.exists():
            raise ValueError("no gold articles in ../shared/data/gold: there is nothing to put furniture around")
        self.model: TopicModel = load_bundle(bundle())
        self.gold: Sequence[LabelledArticle] = read_corpus(_GOLD, for_training=False).articles[: 20 if quick else None]
        self.kinds = Kinds()
        self.articles = read_articles(_FOLDER, 1)[: 500 if quick else None]
        self.others: Others = others_of(self.articles)

    def measure(self, some: Sequence[int], words: int | None, judge: Judge, *, soup: bool = False) -> Figures:
        """Return the figures of the gold articles, whole or their first words, amid furniture of some kinds."""
        rng = np.random.default_rng(1)
        texts = [self._text(article, some, words, judge, rng, soup=soup) for article in self.gold]
        return self._figures(texts)

    def _text(
        self,
        article: LabelledArticle,
        some: Sequence[int],
        words: int | None,
        judge: Judge,
        rng: np.random.Generator,
        *,
        soup: bool,
    ) -> ArticleText:
        lines = lines_of(article.body)
        lines = first_words(lines, words) if words else lines
        before: list[Line] = []
        after: list[Line] = []
        for kind in some:
            made = self.kinds.make(self.kinds.names[kind], self.others, article.title, rng)
            piece = [Line(text, kind, LINK if soup else 0) for text in made]
            if rng.random() < 0.3:
                before += piece
            else:
                after += piece
        whole = [*before, *lines, *after]
        text = "\n\n".join(line.text for line in whole)
        roles = np.concatenate([np.full(len(line.text) + 2, line.roles, np.uint8) for line in whole])[: len(text)]
        body, no_article = judge(text, article.title, roles if soup else roles[:0])
        return ArticleText(article.title, body, "body", None, (), no_article)

    def _figures(self, texts: Sequence[ArticleText]) -> Figures:
        ids, calibrations = self.model.taxonomy.ids, self.model.calibrations
        own = OwnTexts.of(self.model.manifest, self.model.features.settings.shortest)
        _, confidences = self.model.scores(texts)
        hits = given = wanted = right = auto = 0
        for article, text, row in zip(self.gold, texts, confidences, strict=True):
            bag = self.model.features.bag(text)
            doubted = bool(doubts(Article(body=""), text, bag.tokens, bag.known, own))
            topics, optional = set(article.topics or ()), set(article.optional)
            bands = {ids[i]: calibrations[i].band(value) for i, value in enumerate(row.tolist())}
            found = {topic for topic, band in bands.items() if band}
            hits += len(found & topics)
            given += len(found - (optional - topics))
            wanted += len(topics)
            sure = set() if doubted else {topic for topic, band in bands.items() if band == "auto"}
            right, auto = right + len(sure & (topics | optional)), auto + len(sure)
        return Figures(2 * hits / max(1, given + wanted), right / max(1, auto), auto)


def _as_sent(text: str, title: str, roles: NDArray[np.uint8]) -> tuple[str, bool]:
    return text, False


def _learned(looks: LooksModel, text: str, title: str, roles: NDArray[np.uint8]) -> tuple[str, bool]:
    cleaned = clean(text, title, roles, looks=looks)
    return cleaned.text, cleaned.no_article


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `furniture.md`; `only` names some of the kinds.

    Raises:
        ValueError: there are no gold articles.
    """
    bench = Bench(quick=quick)
    names = bench.kinds.names
    some = [i for i, name in enumerate(names) if not only or name in only]
    count = 300 if quick else EXAMPLES // 2
    table = measured(examples(bench.articles, count, bench.kinds, range(len(names)), 2))
    group = np.random.default_rng(5).permutation(len(names)) % _GROUPS
    unseen: dict[int, Judge] = {}
    for part in sorted({int(group[kind]) for kind in some}):
        say(f"learning without {', '.join(names[i] for i in np.flatnonzero(group == part))}")
        unseen[part] = partial(_learned, fit(table, bench.kinds, np.flatnonzero(group == part).tolist()))
    known = partial(_learned, shipped())
    parts = []
    for words in (None, _SHORT):
        clean_ones = bench.measure([], words, _as_sent)
        rows = [_row("none", [bench.measure([], words, judge) for judge in (_as_sent, known)], clean_ones)]
        for kind in some:
            judges = (_as_sent, known, unseen[int(group[kind])])
            rows.append(_row(names[kind], [bench.measure([kind], words, judge) for judge in judges], clean_ones))
        rows += _together(bench, words, known, clean_ones)
        head = ("around", "as sent", "`auto`", "now", "`auto`", "kind never learned", "`auto`")
        title = f"The first {words} words" if words else "Whole articles"
        said = f"{title}, {len(bench.gold)}: micro-F1 {100 * clean_ones.micro_f1:.1f}, `auto` {_precision(clean_ones)}."
        parts += [said, markdown(head, rows)]
    write("furniture", "Site furniture", [_ABOUT.format(groups=_GROUPS, some=_SOME), *parts], quick=quick)


def _together(bench: Bench, words: int | None, known: Judge, clean_ones: Figures) -> list[tuple[str, ...]]:
    kinds = np.random.default_rng(3).permutation(len(bench.kinds.names))[:_SOME].tolist()
    return [
        _row(
            f"{_SOME} kinds together, {form}",
            [bench.measure(kinds, words, judge, soup=soup) for judge in (_as_sent, known)],
            clean_ones,
        )
        for form, soup in (("plain", False), ("links", True))
    ]


def _precision(figures: Figures) -> str:
    return f"{figures.precision:.3f} of {figures.auto}"


def _row(name: str, found: Sequence[Figures], clean_ones: Figures) -> tuple[str, ...]:
    cells = [name]
    for figures in found:
        change = f"{100 * (figures.micro_f1 - clean_ones.micro_f1):+.1f}".replace("-", "−")
        cells += [change, _precision(figures)]
    return tuple(cells + ["–"] * (7 - len(cells)))


_ABOUT = """\
Made-up furniture (`training/furniture/kinds.toml`) before and after gold/dev articles, a third of it before: by how
many points micro-F1 changes, and how often an `auto` topic is right. As sent: read whole. Now: as the service reads it.
Kind never learned: by weights learned without the kind and its group (the kinds are dealt into {groups} groups), from
half as many examples. {some} kinds together are one draw of them."""

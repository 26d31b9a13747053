"""Real web pages: the public article-extraction benchmark, page in, topics out, beside those of the reference text.

Clone https://github.com/scrapinghub/article-extraction-benchmark and name its folder by `--pages`. The pages are not
ours to hand on.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.made import bundle
from benchmarks.table import markdown, say, write
from tagdesk.models import Article, ArticleError, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.reading.article import MAX_BODY, ArticleText
from tagdesk.models.reading.html import read as read_html

_QUICK = 10
_OLD_CAP = 262_144
"""Characters of HTML that were read before whole pages were."""
_NGRAM = 4
_WORD = re.compile(r"\w+")

Reader = Callable[[str], str]


@dataclass(slots=True)
class Tally:
    """What came of the pages.

    Attributes:
        precision: of the text's 4-grams, one a page.
        recall: likewise.
        refused: pages that gave no text.
        hits: topics that the reference has too.
        extra: topics that it does not have.
        missing: topics that only it has.
        same: pages with the same topics.
        auto: topics in the band `auto`.
        wrong: those of them that the reference has in no band.
    """

    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    refused: int = 0
    hits: int = 0
    extra: int = 0
    missing: int = 0
    same: int = 0
    auto: int = 0
    wrong: int = 0


def run(*, quick: bool, only: tuple[str, ...], pages: Path | None) -> None:
    """Measure, and write `pages.md`; `only` names some of the readers.

    Raises:
        ValueError: `pages` is no clone of the benchmark.
    """
    if pages is None or not (pages / "ground-truth.json").exists():
        raise ValueError("give --pages the folder of a clone of github.com/scrapinghub/article-extraction-benchmark")
    reference: Mapping[str, Mapping[str, str]] = json.loads((pages / "ground-truth.json").read_text(encoding="utf-8"))
    model = load_bundle(bundle())
    wanted = {key: _bands(model, row["articleBody"]) for key, row in reference.items()}
    keys = [key for key, bands in wanted.items() if bands is not None][: _QUICK if quick else None]
    rows = []
    for name, reader in _READERS.items():
        if only and name not in only:
            continue
        say(name)
        tally = Tally()
        for key in keys:
            html = gzip.decompress((pages / "html" / f"{key}.html.gz").read_bytes()).decode("utf-8", "replace")
            _add(tally, _read(reader, html), reference[key]["articleBody"], wanted[key] or {}, model)
        rows.append(_row(name, tally, len(keys)))
    head = ("read by", "refused", "text precision", "recall", "F1", "topics F1", "same topics", "wrong `auto`")
    about = _ABOUT.format(pages=len(keys), all=len(reference), model=model.ref)
    write("pages", "Whole pages", [markdown(head, rows), about], quick=quick)


def _bands(model: TopicModel, text: str) -> dict[str, str | None] | None:
    """Return the topics of a text and their bands; None where the model does not know its language."""
    tagged = model.tag(Article(body=text))
    if any(warning.startswith(("language", "unknown-words")) for warning in tagged.warnings):
        return None
    return {result.topic.id: result.band for result in tagged.topics}


def _before(html: str) -> str:
    return read_html(html).text if len(html) <= _OLD_CAP else ""


def _now(html: str) -> str:
    return Article(body_html=html).text().body


def _resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(html, main_content=True))


_READERS: dict[str, Reader] = {"all text": _before, "Tagdesk": _now, "resiliparse": _resiliparse}


def _read(reader: Reader, html: str) -> str:
    try:
        return reader(html)[:MAX_BODY]
    except (ArticleError, ImportError):
        return ""


def _add(tally: Tally, text: str, reference: str, wanted: Mapping[str, str | None], model: TopicModel) -> None:
    if not text.strip():
        tally.refused += 1
        return
    found, there = _ngrams(text), _ngrams(reference)
    both = (found & there).total()
    tally.precision.append(both / max(1, found.total()))
    tally.recall.append(both / max(1, there.total()))
    _, (row,) = model.scores([ArticleText("", text, "body", None, ())])
    bands = {
        topic: calibration.band(value)
        for topic, calibration, value in zip(model.taxonomy.ids, model.calibrations, row.tolist(), strict=True)
    }
    given = {topic for topic, band in bands.items() if band}
    sure = {topic for topic, band in bands.items() if band == "auto"}
    tally.hits += len(given & set(wanted))
    tally.extra += len(given - set(wanted))
    tally.missing += len(set(wanted) - given)
    tally.same += given == set(wanted)
    tally.auto += len(sure)
    tally.wrong += len(sure - set(wanted))


def _ngrams(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    return Counter(zip(*(words[i:] for i in range(_NGRAM)), strict=False))


def _row(name: str, tally: Tally, pages: int) -> tuple[str, ...]:
    read = max(1, pages - tally.refused)
    precision, recall = sum(tally.precision) / read, sum(tally.recall) / read
    return (
        name,
        str(tally.refused),
        f"{precision:.3f}",
        f"{recall:.3f}",
        f"{2 * precision * recall / max(1e-9, precision + recall):.3f}",
        f"{2 * tally.hits / max(1, 2 * tally.hits + tally.extra + tally.missing):.3f}",
        f"{tally.same / read:.3f}",
        f"{tally.wrong} of {tally.auto}",
    )


_ABOUT = """\
{pages} of the {all} pages of the article-extraction benchmark, those in English, without their titles; {model}. Text:
4-grams of words, page by page, against the reference, of the pages that were read. Topics: of the page beside those of
the reference text; wrong are `auto` topics that the reference text has in no band. All text: what a reader sees,
semantic furniture left out, and no page over 262,144 characters, as Tagdesk did before it looked for the article.
resiliparse: its `main_content`. How the article is cut out of a page (by the root of a block's length, its log-odds up
to 5) was chosen on these pages, among settings that differ by a point; the weights have seen none of them."""

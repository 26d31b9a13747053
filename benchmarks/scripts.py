"""Help pages of GNOME in several scripts: how well the group of a page is learned, beside the same pages in English.

The pages are those of Debian's package `gnome-user-docs`. Of a page only the paragraphs that are translated are read,
and in English the same paragraphs, so that nothing but the language differs.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.languages import fitted
from benchmarks.table import check_variants, markdown, say, write
from tagdesk.models.reading.article import Article

LANGUAGES = ("zh_CN", "ja", "mr", "gu", "ta", "ko", "ru")

_HELP = Path("/usr/share/help")
_LEAST_PARAGRAPHS, _LEAST_PAGES = 2, 8
_LATIN_ENDS = 0x24F

Page = list[str]
"""A page's title and its paragraphs."""


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `scripts.md`.

    Raises:
        ValueError: the pages are not there.
    """
    check_variants(only, LANGUAGES)
    english = _pages("C")
    if not english:
        raise ValueError(f"no help pages in {_HELP}: apt-get install gnome-user-docs")
    rows = []
    for language in only or LANGUAGES[: 1 if quick else None]:
        pairs = list(_translated(_pages(language), english))
        sizes = Counter(group for group, _, _ in pairs)
        pairs = [pair for pair in pairs if sizes[pair[0]] >= _LEAST_PAGES]
        own, same = (_micro_f1([(group, pages[i]) for group, *pages in pairs]) for i in (0, 1))
        groups = len({group for group, *_ in pairs})
        say(f"{language}: {own:.3f}, in English {same:.3f}")
        rows.append((language, len(pairs), groups, f"{own:.3f}", f"{same:.3f}"))
    about = (
        "Out-of-fold micro-F1, as the manifest of a model has it, of models trained with the settings that `make train "
        "DATA=` takes. Sets of this size differ by 0.03 from draw to draw."
    )
    write("scripts", "Scripts", [markdown(("", "pages", "groups", "micro-F1", "in English"), rows), about], quick=quick)


def _micro_f1(pages: list[tuple[str, Page]]) -> float:
    articles = [(Article(title=page[0], body="\n".join(page[1:])), [group]) for group, page in pages]
    return float(fitted(articles).metrics_["out_of_fold"]["micro_f1"])


def _translated(pages: dict[str, Page], english: dict[str, Page]) -> Iterator[tuple[str, Page, Page]]:
    """Yield the group of each page that is translated, and what is translated, in the language and in English."""
    for name, page in pages.items():
        other = english.get(name, [])
        if len(other) != len(page):
            continue
        done = [i for i in range(1, len(page)) if _in_own_script(page[i])]
        if len(done) >= _LEAST_PARAGRAPHS:
            yield name.split("-")[0], [page[0], *(page[i] for i in done)], [other[0], *(other[i] for i in done)]


def _in_own_script(text: str) -> bool:
    letters = [ord(char) > _LATIN_ENDS for char in text if char.isalpha()]
    return 2 * sum(letters) >= max(1, len(letters))


def _pages(language: str) -> dict[str, Page]:
    files = sorted((_HELP / language / "gnome-help").glob("*.page"))
    return {file.stem: list(_texts(ElementTree.parse(file).getroot())) for file in files}


def _texts(element: ElementTree.Element) -> Iterator[str]:
    """Yield the text of titles and paragraphs, in their order."""
    kind = element.tag.rpartition("}")[2]
    if kind in ("title", "p"):
        yield " ".join("".join(element.itertext()).split())
    elif kind != "info":
        for child in element:
            yield from _texts(child)

"""Heavy HTML at its cap: how long it takes to read, and how long nobody else runs meanwhile."""

import sys
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from time import perf_counter, sleep, thread_time

from benchmarks.table import ROOT, markdown, number, ratio, write
from tagdesk.models import Article, ArticleError
from tagdesk.models.reading.html import MAX_READ, read

_PAGE = (ROOT / "tests" / "data" / "web-article.html").read_text(encoding="utf-8")
_UNITS = {
    "an innocent page, repeated": _PAGE,
    "paragraphs of one letter": "<p>a",
    "85,000 nested tags": "<i>",
    "nested lists": "<ul><li>x",
    "20,000 tables": "<table><tr><td>x</table>",
    "200,000 attributes": f"<p{' a' * 100}>x",
    "line breaks": "a<br>",
    "comments": "<!-- -->a",
    "references": "&amp;",
    "references that are none": "&a",
    "elements to skip that nothing ends": "<nav>x<aside>x<footer>x<form>x<figure>x<noscript>x<svg>x",
    "preformatted": "<pre>a</pre>",
    "headings of link lists": "<p>Read more<p>- a",
}


class _Text(HTMLParser):
    """The standard library's parser, its text joined: the peer."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `html.md`; `only` names some of the cases by a part of their names."""
    runs = 1 if quick else 7
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)  # as the service does
    try:
        rows = [
            _row(name, _filled(unit), runs)
            for name, unit in _UNITS.items()
            if not only or any(part in name for part in only)
        ]
        page = _filled(_PAGE)
        peer = _milliseconds(lambda: _peer(page), runs)
        ours = _milliseconds(lambda: read(page), runs)
    finally:
        sys.setswitchinterval(before)
    about = (
        f"{MAX_READ:,} characters of each, ms, the best of {runs}. Read: HTML to text, CPU. All: with furniture "
        "blanked, CPU. Hold: the longest time that another thread waited to run while all was read; on a busy "
        "machine that is longer than the reader's doing."
    )
    beside = (
        f"The innocent page takes Python's `html.parser` {number(peer)} ms, text only, and Tagdesk {number(ours)} ms: "
        f"{ratio(peer / ours)}."
    )
    write("html", "Heavy HTML", [markdown(("case", "read", "all", "hold"), rows), about, beside], quick=quick)


def _filled(unit: str) -> str:
    return (unit * (MAX_READ // len(unit) + 1))[:MAX_READ]


def _peer(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)


def _row(name: str, html: str, runs: int) -> tuple[str, str, str, str]:
    text = _milliseconds(lambda: read(html), runs)
    whole = _milliseconds(lambda: _whole(html), runs)
    hold = min(_longest_hold(lambda: _whole(html)) for _ in range(runs))
    return name, number(text), number(whole), number(hold)


def _whole(html: str) -> None:
    try:
        Article(body_html=html).text()
    except ArticleError:  # nothing was left to read
        return


def _milliseconds(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        began = thread_time()
        work()
        taken.append(thread_time() - began)
    return min(taken) * 1e3


def _longest_hold(work: Callable[[], object]) -> float:
    """Return the longest time in ms that a thread which only wants to look at the clock had to wait."""
    worker = threading.Thread(target=work)
    longest, last = 0.0, perf_counter()
    worker.start()
    while worker.is_alive():
        sleep(0.0001)
        now = perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1e3

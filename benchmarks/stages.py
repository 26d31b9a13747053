"""Where the time of one HTTP request goes: each stage by itself in process, and the whole in a running server."""

import asyncio
import cProfile
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.articles import Sent, articles, source
from benchmarks.empty_service import app as empty
from benchmarks.load import post
from benchmarks.made import bundle
from benchmarks.servers import Service
from benchmarks.table import VAR, markdown, number, say, write
from tagdesk.models import Article, load
from tagdesk.models.answer import answer
from tagdesk.models.features import join
from tagdesk.models.reading.furniture import clean
from tagdesk.models.reading.html import looks_like_html
from tagdesk.progress import progress
from tagdesk.service.app import create_app
from tagdesk.service.http.articles import read_article
from tagdesk.service.http.bodies import read_body
from tagdesk.service.http.json_reader import read_json
from tagdesk.service.settings import Settings

Stage = tuple[str, Callable[[int], object]]

_ROUNDS = 9


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `profile.md` and, below `var/bench/`, a cProfile dump of the whole in process."""
    count, seconds = (30, 1.0) if quick else (500, 6.0)
    tables = []
    for size in (2500, 25_000):
        rows = articles(size, count if size == 2500 else max(count // 5, 10))
        tables.append(f"## {size / 1000:g} kB\n\n{_table(rows, size, seconds)}")
    about = (
        f"{source()}. In process: the least of {_ROUNDS} rounds for each article, the median over {count} articles "
        "(a fifth of them at 25 kB), µs. In the server: what the process's CPU clock counts per request under wrk with "
        "8 connections, kernel time included. The last stages are differences of wholes: FastAPI is the app "
        "called without a network, less the stages above; uvicorn is the server, less that."
    )
    dump = _profile(articles(2500, count))
    write("profile", "Where the time of one HTTP request goes", [*tables, about, dump], quick=quick)


def _table(rows: Sequence[Sent], size: int, seconds: float) -> str:
    timed = _timed(_stages(rows), len(rows), f"stages at {size:,} characters")
    whole, floor = timed.pop("the app without a network"), timed.pop("the empty app without a network")
    timed[_KERNEL] -= timed[_ENCODE]
    timed[_REST] = timed.pop("model.tag") - sum(timed[name] for name in _IN_TAG)
    stages = {name: timed[name] for name in sorted(timed, key=_ORDER.index)}
    stages["FastAPI: what an empty route costs too"] = floor
    stages["FastAPI: what ours costs beyond"] = whole - sum(stages.values())
    ours, floor_server = (_cpu_per_request(name, rows, size, seconds) for name in ("ours", "empty"))
    stages["uvicorn and the kernel: HTTP, sockets"] = ours - whole
    stages["**one request, CPU time of the server**"] = ours
    stages["an empty FastAPI route, CPU time of the server"] = floor_server
    shown = [(name, number(took * 1e6), f"{100 * took / ours:.0f} %") for name, took in stages.items()]
    return markdown(("stage", "µs", "of the request"), shown)


_ENCODE = "encode as code points"
_KERNEL = "kernel: n-grams, look-up, scores"
_REST = "result objects, warnings, the rest of model.tag"
_IN_TAG = ("does it look like HTML", "furniture", _ENCODE, _KERNEL)
_ORDER = [
    "read the body",
    "parse JSON",
    "validate, make the Article",
    *_IN_TAG,
    _REST,
    "answer as JSON values",
    "write JSON",
    "response",
]


def _stages(rows: Sequence[Sent]) -> list[Stage]:
    """Return every stage as a function of an article's number, its input made beforehand."""
    model = load(bundle())
    settings = Settings(model=str(bundle()))
    sent = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    values = [read_json(data) for data in sent]
    made = [Article(title=row["title"], body=row["body"]) for row in rows]
    texts = [article.text() for article in made]
    tagged = [model.tag(article) for article in made]
    answers = [answer(result, model.ref) for result in tagged]
    written = [to_json(values) for values in answers]

    def encode(i: int) -> None:
        join([texts[i]], model.features.settings.reading)

    def score(i: int) -> object:
        return model.scores([texts[i]])

    def respond(i: int) -> object:
        return _finish(Response(written[i], media_type="application/json")(_scope(sent[i]), _receiver(b""), _drop))

    app = create_app(settings)
    app.parts.active.load()
    return [
        ("read the body", lambda i: _finish(read_body(Request(_scope(sent[i]), _receiver(sent[i])), 1 << 22))),
        ("parse JSON", lambda i: read_json(sent[i])),
        ("validate, make the Article", lambda i: read_article(values[i])),
        ("does it look like HTML", lambda i: looks_like_html(rows[i]["body"])),
        ("furniture", lambda i: clean(rows[i]["body"], rows[i]["title"])),
        (_ENCODE, encode),
        (_KERNEL, score),  # less what encoding took
        ("model.tag", lambda i: model.tag(made[i])),
        ("answer as JSON values", lambda i: answer(tagged[i], model.ref)),
        ("write JSON", lambda i: to_json(answers[i])),
        ("response", respond),
        ("the empty app without a network", lambda i: _finish(empty(_scope(sent[i]), _receiver(sent[i]), _drop))),
        ("the app without a network", lambda i: _finish(app(_scope(sent[i]), _receiver(sent[i]), _drop))),
    ]


def _timed(stages: Sequence[Stage], count: int, what: str) -> dict[str, float]:
    """Return for each stage the median over articles of the least seconds of some rounds.

    Each round times every stage, and each stage goes through all articles, so that none finds its article's weights
    still in the processor's cache, and a busy moment of the machine does not fall on one stage alone.
    """
    least = {name: [float("inf")] * count for name, _ in stages}
    for _ in progress(range(_ROUNDS), total=_ROUNDS, what=what, unit="round"):
        for name, function in stages:
            best = least[name]
            for i in range(count):
                start = perf_counter()
                function(i)
                best[i] = min(best[i], perf_counter() - start)
    return {name: median(best) for name, best in least.items()}


def _scope(data: bytes) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": "/v1/tag",
        "raw_path": b"/v1/tag",
        "query_string": b"",
        "headers": headers,
        "state": {},
    }


def _receiver(data: bytes) -> Callable[[], Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    return receive


async def _drop(_: Any) -> None:
    """Send nowhere."""


def _finish(awaitable: Any) -> Any:
    """Run a coroutine that waits for nothing, without an event loop's own time."""
    coroutine = awaitable.__await__()
    try:
        while True:
            next(coroutine)
    except StopIteration as stop:
        return stop.value


def _cpu_per_request(name: str, rows: Sequence[Sent], size: int, seconds: float) -> float:
    """Return the CPU seconds that a server's process takes for one request."""
    bodies = VAR / f"requests-{name}-{size}.txt"
    with Service(name, 1, rows[0], quick=True) as service:
        bodies.write_text("".join(service.start.body(row) + "\n" for row in rows), encoding="utf-8")
        for row in rows[:20]:
            service.ask(row)
        say(f"{name} under load, {size} characters")
        before = _cpu(service.processes[0])
        answered = post(service.url, bodies, service.start.content_type, 8, seconds)
        spent = _cpu(service.processes[0]) - before
    if answered.errors:
        raise RuntimeError(f"{name} refused {answered.errors} requests")
    return spent / (answered.rate * max(1, round(seconds)))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _profile(rows: Sequence[Sent]) -> str:
    """Let cProfile watch the app, and say where its dump is."""
    app = create_app(Settings(model=str(bundle())))
    app.parts.active.load()
    sent = [json.dumps(row).encode() for row in rows]

    async def ask() -> None:
        for data in sent:
            await app(_scope(data), _receiver(data), _drop)

    profiler = cProfile.Profile()
    profiler.enable()
    asyncio.run(ask())
    profiler.disable()
    profiler.dump_stats(VAR / "request.pstats")
    return "`python -m pstats var/bench/request.pstats` shows the same request function by function."

"""Requests a second over HTTP and how long they take: ours, the tutorial service, MLServer, Annif, an empty route."""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

from benchmarks.articles import articles, source
from benchmarks.load import Answered, generator, post
from benchmarks.peers import PeerMissing, versions
from benchmarks.servers import ANNIF, NAMES, Service
from benchmarks.table import VAR, markdown, number, ratio, say, write
from tagdesk.progress import progress


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured of every service: characters of the articles, connections, workers."""

    size: int
    connections: int
    workers: int


MAIN = Case(2500, 8, 1)
CASES = tuple(Case(*case) for case in product((2500, 25_000), (1, 8, 64), (1, 2)))


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `http.md`; where `only` has `main`, one case alone, and write `http-main.md`."""
    names = tuple(name for name in only if name != "main") or tuple(NAMES)
    cases = (MAIN, Case(25_000, 8, 1), Case(2500, 8, 2)) if quick else CASES
    if "main" in only:
        cases = (MAIN,)
    rounds, seconds = (2, 1.0) if quick else (5, 4.0)
    missing: dict[str, str] = {}  # name and workers: why
    measured: dict[tuple[str, Case], list[Answered]] = {}
    for workers in sorted({case.workers for case in cases}):
        mine = [case for case in cases if case.workers == workers]
        with ExitStack() as stack:
            services = _start(names, workers, stack, missing, quick=quick)
            _measure(services, mine, rounds, seconds, measured)
    parts = [_table(case, {name: measured[name, case] for name in names if (name, case) in measured}) for case in cases]
    about = (
        f"{source()}; every request the next of 500 articles of 2.5 kB or 100 of 25 kB. Load by {generator()}, which "
        f"shares the cores with the service: all rates would be higher with the load from another machine. {rounds} "
        f"rounds of {seconds:.0f} s a service, the services in a random order in each; medians of the rounds. p50 and "
        "p99 are of a request's time. Services that are not measured stay idle beside. MLServer with one worker "
        "answers in its own process, with two in two processes beside it."
    )
    if any(name in ANNIF for name, _ in measured):
        about += " Annif learned from 20,000 of the articles." + _tokenizer(quick=quick)
    parts += [f"Not measured: {why}" for why in missing.values()]
    write("http-main" if "main" in only else "http", "Over HTTP", [*parts, about, _peers(names, missing)], quick=quick)


def _start(
    names: tuple[str, ...], workers: int, stack: ExitStack, missing: dict[str, str], *, quick: bool
) -> list[Service]:
    there = []
    article = articles(2500, 1)[0]
    for name in names:
        if name in ANNIF and workers > 1:
            continue
        try:
            there.append(stack.enter_context(Service(name, workers, article, quick=quick)))
            say(f"{NAMES[name]}, {workers} workers: ready after {there[-1].ready_after:.1f} s")
        except PeerMissing as error:
            say(str(error))
            missing[name] = f"{NAMES[name]}, {workers} workers: {error}"
    return there


def _measure(
    services: list[Service],
    cases: list[Case],
    rounds: int,
    seconds: float,
    measured: dict[tuple[str, Case], list[Answered]],
) -> None:
    order = random.Random(0)
    turns = [
        (service, case)
        for _ in range(rounds)
        for case in cases
        for service in order.sample(services, len(services))
        if service.name not in ANNIF or case == MAIN
    ]
    bodies = {(service.name, case.size): _bodies(service, case) for service, case in turns[: len(turns) // rounds]}
    for service in services:
        _warm(service)
    for service, case in progress(turns, total=len(turns), what="over HTTP", unit="run"):
        answered = post(
            service.url, bodies[service.name, case.size], service.start.content_type, case.connections, seconds
        )
        measured.setdefault((service.name, case), []).append(answered)


def _warm(service: Service) -> None:
    """Let it answer some articles before anything counts."""
    for article in articles(MAIN.size, 50):
        service.ask(article)


def _bodies(service: Service, case: Case) -> Path:
    """Write what is posted, one request a line."""
    path = VAR / f"requests-{service.name}-{case.size}.txt"
    rows = articles(case.size, 500 if case.size == MAIN.size else 100)
    path.write_text("".join(service.start.body(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _table(case: Case, measured: dict[str, list[Answered]]) -> str:
    workers = "one worker" if case.workers == 1 else f"{case.workers} workers"
    connections = "1 connection" if case.connections == 1 else f"{case.connections} connections"
    rates = {name: median(run.rate for run in runs) for name, runs in measured.items()}
    rows = []
    for name, runs in measured.items():
        p50, p99 = median(run.p50 for run in runs), median(run.p99 for run in runs)
        rows.append(
            (
                NAMES[name],
                number(rates[name]),
                number(p50 * 1e3),
                number(p99 * 1e3),
                ratio(rates[name] / rates["tutorial"]) if "tutorial" in rates else "–",
                f"{100 * rates[name] / rates['empty']:.0f} %" if "empty" in rates else "–",
                sum(run.errors for run in runs),
            )
        )
    head = ("", "articles/s", "p50, ms", "p99, ms", "× tutorial", "of the empty route", "errors")
    return f"## {case.size / 1000:g} kB, {connections}, {workers}\n\n" + markdown(head, rows)


def _tokenizer(*, quick: bool) -> str:
    """Say where Annif's tokenizer had no data."""
    if list(VAR.glob("*-quick/annif/EMPTY-PUNKT" if quick else "*/annif/EMPTY-PUNKT")):
        return " NLTK's punkt_tab could not be had: an empty parameter set stands in for it."
    return ""


def _peers(names: tuple[str, ...], missing: dict[str, str]) -> str:
    homes = {"mlserver" if name == "mlserver" else "annif" for name in names if name in ("mlserver", *ANNIF)}
    there = sorted(home for home in homes if not any(name.startswith(home) for name in missing))
    return f"Peers: {', '.join(map(versions, there)) or 'none'}."

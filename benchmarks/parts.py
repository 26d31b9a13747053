"""What each part of the service costs: the main case over HTTP with the part alone, and with all of them."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.articles import articles, source
from benchmarks.load import Answered, generator, post
from benchmarks.made import bundle
from benchmarks.over_http import MAIN
from benchmarks.servers import free_port
from benchmarks.table import ROOT, VAR, markdown, number, say, write
from tagdesk.progress import progress
from tagdesk.service.edge.key_commands import run as run_key_command

_ALL = "telemetry,protocol,keys,metrics,logs"
_SHIPPED = "shipped"
PARTS = {
    "": "everything off but the door: request ids, headers, limits",
    "telemetry": "OpenTelemetry there, but off",
    "protocol": "limits of heads and slow clients (`protocol.py`)",
    "keys": "keys, and limits by key",
    "metrics": "metrics",
    "logs": "JSON logs",
    "keys,metrics,logs": "keys, limits, metrics, JSON logs",
    "shadow": "a shadow, the same model again",
    _ALL: "all but the shadow",
    _SHIPPED: "`tagdesk serve` with keys",
}
"""Which parts are there, and what the table calls them."""

_PATIENCE = 120.0


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `parts.md`; `only` names parts, among which everything off always is."""
    wanted = [parts for parts in PARTS if not only or not parts or parts in only]
    rounds, seconds = (2, 1.0) if quick else (9, 4.0)
    VAR.mkdir(parents=True, exist_ok=True)
    (VAR / "parts.log").unlink(missing_ok=True)
    bodies = VAR / "requests-parts.txt"
    bodies.write_text("".join(json.dumps(row) + "\n" for row in articles(MAIN.size, 500)), encoding="utf-8")
    measured: dict[str, list[Answered]] = {parts: [] for parts in wanted}
    with TemporaryDirectory(dir=VAR) as folder, ExitStack() as stack:
        environment, key = _with_key(Path(folder))
        urls = {parts: stack.enter_context(_serving(parts, environment, key)) for parts in wanted}
        order = random.Random(0)
        turns = [parts for _ in range(rounds + 1) for parts in order.sample(wanted, len(wanted))]
        for parts in progress(turns, total=len(turns), what="parts", unit="run"):
            measured[parts].append(post(urls[parts], bodies, "application/json", MAIN.connections, seconds, key))
        shadowed = _shadowed(urls["shadow"]) if "shadow" in urls else ""
    counted = {parts: runs[1:] for parts, runs in measured.items()}  # the first warms up
    about = (
        f"2.5 kB, {MAIN.connections} connections, one worker; {source()}; load by {generator()}, which shares the "
        f"cores with the service. {rounds} rounds of {seconds:.0f} s each after one to warm up, in a random order in "
        "each; medians of the rounds, and the range of the ratios to everything off of the same round. µs are how much "
        "longer a request takes of the worker. Every request has a key, read or not. Request ids come with metrics or "
        "logs, as the same middleware sets them. Log lines go to a file."
    ) + shadowed
    write("parts", "What each part costs", [_table(counted), about], quick=quick)


def _shadowed(url: str) -> str:
    """Say how many articles the shadow really scored: the busier the service, the fewer."""
    with urlopen(f"{url.removesuffix('tag')}models/shadow", timeout=30) as answer:
        compared = json.load(answer)
    return f" The shadow compared {compared['articles']:,} articles and, as the service was busy, passed over " + (
        f"{compared['passed_over']:,}."
    )


def _table(measured: dict[str, list[Answered]]) -> str:
    off = [run.rate for run in measured[""]]
    rows = []
    for parts, runs in measured.items():
        rate = median(run.rate for run in runs)
        ratios = sorted(run.rate / base for run, base in zip(runs, off, strict=True))
        rows.append(
            (
                PARTS[parts],
                number(rate),
                f"{100 * rate / median(off):.0f} %",
                f"{100 * ratios[0]:.0f}–{100 * ratios[-1]:.0f} %",
                f"{1e6 / rate - 1e6 / median(off):+.0f}",
                number(1000 * median(run.p50 for run in runs)),
                number(1000 * median(run.p99 for run in runs)),
                sum(run.errors for run in runs),
            )
        )
    return markdown(
        ("", "articles/s", "of everything off", "in the rounds", "µs", "p50, ms", "p99, ms", "errors"), rows
    )


def _with_key(folder: Path) -> tuple[dict[str, str], str]:
    """Return an environment that names a file of keys, and a key of it."""
    environment = os.environ | {"BENCH_KEYS": str(folder / "keys.json")}
    command = ["create", "bench", "--scope", "tag", "--keys-file", environment["BENCH_KEYS"]]
    return environment, run_key_command(command).strip()


@contextmanager
def _serving(parts: str, environment: dict[str, str], key: str) -> Iterator[str]:
    """Start a service; yield where it takes articles."""
    port = str(free_port())
    command = [sys.executable, "-m", "benchmarks.composed_service", port, parts]
    if parts == _SHIPPED:
        shipped = ("--model", str(bundle()), "--keys-file", environment["BENCH_KEYS"], "--rate-limit", "1000000")
        command = [sys.executable, "-m", "tagdesk", "serve", "--port", port, *shipped]
    log = VAR / "parts.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}/v1/tag"
    try:
        _wait(url, key, process)
        say(f"{PARTS[parts]}: ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, key: str, process: subprocess.Popen[bytes]) -> None:
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = Request(url, json.dumps(articles(MAIN.size, 1)[0]).encode(), headers)
    due = time.monotonic() + _PATIENCE
    while time.monotonic() < due and process.poll() is None:
        with suppress(URLError, OSError), urlopen(request, timeout=30):
            return
        time.sleep(0.05)
    raise RuntimeError(f"a service does not start: see {VAR / 'parts.log'}")

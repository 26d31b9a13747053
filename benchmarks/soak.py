"""Minutes of mixed traffic on two workers amid swaps, kills and a full disk: what is lost, wrong, mixed or slow."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvloop

from benchmarks import soak_report
from benchmarks.soak_report import Observed, Phase
from benchmarks.soaked_service import Disk, SoakedService, is_damaged, soaked_service, three_models
from benchmarks.soaking import MOST_ATTACKS, Plan, Soak
from benchmarks.table import say
from tests.service import postgres

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
"""The databases that keep the ledger, by their names in `--only`."""

_FEW_ATTACKS = 0.009


def plan(ceiling: float, warm_up: float, *, calm: float, full: float, every: tuple[float, float, float]) -> Plan:
    """Return a plan of three phases: few attacks, a full disk, many attacks.

    Args:
        ceiling: seconds for measuring the greatest rate of requests.
        warm_up: seconds before anything counts.
        calm: seconds of each phase with room on the disk.
        full: seconds of the phase without.
        every: seconds between changes of the version, between kills, between exports.
    """
    phases = (
        Phase(f"{100 * _FEW_ATTACKS:g} % attacks", calm, _FEW_ATTACKS),
        Phase("disk full", full, _FEW_ATTACKS, full=True),
        Phase(f"{100 * MOST_ATTACKS:g} % attacks", calm, MOST_ATTACKS),
    )
    return Plan(ceiling, warm_up, phases, *every)


FULL = plan(15, 15, calm=120, full=30, every=(10, 30, 20))
QUICK = plan(2, 3, calm=10, full=4, every=(2.5, 8, 6))


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Soak, and write `soak.md`; `only` names databases, and groups of attacks to take hostile requests from.

    Raises:
        RuntimeError: the service does not start, or something was lost, wrong, mixed …
    """
    chosen = QUICK if quick else FULL
    names = [name for name in DATABASES if name in only] or list(DATABASES)
    groups = [name for name in only if name not in DATABASES]
    missing = {DATABASES["postgres"]: why} if "postgres" in names and (why := postgres.missing()) else {}
    observed = {DATABASES[name]: _soak(name, chosen, groups) for name in names if DATABASES[name] not in missing}
    soak_report.write_report(observed, missing, chosen.phases, quick=quick)
    if failures := [
        f"{name}: {failure}" for name, record in observed.items() for failure in soak_report.failures(record)
    ]:
        raise RuntimeError(f"the service did not come through: {'; '.join(failures)}")


def _soak(name: str, chosen: Plan, groups: Sequence[str]) -> Observed:
    length = chosen.ceiling * 4 / 3 + chosen.warm_up + chosen.seconds
    say(f"{DATABASES[name]}: {length:.0f} s, and some more to start and to settle")
    models, disk = three_models(), Disk()
    try:
        with _database(name) as url, soaked_service(disk, models, url) as service:
            soak = Soak(chosen, service, disk, models)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                observed = runner.run(soak.run(groups, DATABASES[name]))
        observed.log = _read_log(service)
        observed.exit_code = service.process.returncode
        observed.damaged = is_damaged(disk.ledger)
    finally:
        disk.unmount()
    return observed


@contextmanager
def _database(name: str) -> Iterator[str]:
    """Yield the URL of an empty database whose commits wait for its disk; "" where it is to be a file."""
    if name != "postgres":
        yield ""
        return
    with postgres.running(durable=True) as server:
        yield server.new_database()


def _read_log(service: SoakedService) -> Counter[str]:
    """Count the lines of the log by event, the broken ones (a full disk may cut a line off), and internal errors."""
    counts: Counter[str] = Counter()
    for line in service.log.read_bytes().splitlines()[1:]:
        try:
            event = json.loads(line)
        except ValueError:
            counts["broken"] += 1
            continue
        counts[event["event"]] += 1
        counts["internal"] += event.get("problem") == "internal-error"
    return counts

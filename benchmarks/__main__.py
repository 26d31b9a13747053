"""Run a benchmark: `python -m benchmarks COMMAND [--quick] [--only a,b]`; `--help` names the commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "in-process": ("in_process", "one article and batches of 1,000, each competitor in a process of its own"),
    "http": ("over_http", "requests a second over HTTP, and how long they take"),
    "start": ("start", "start to ready, memory a worker, size on disk"),
    "vectorize": ("vectorize", "vectorizing and training against scikit-learn's own classes, and how both grow"),
    "profile": ("stages", "where the time of one HTTP request goes"),
    "quality": ("quality", "how good the topics are, on public sets of articles"),
    "ablation": ("ablation", "what each part of training brings, and what was tried and left out"),
    "attacks": ("attacks", "what a service under attack answers, and how soon"),
    "soak": ("soak", "minutes of mixed traffic amid swaps, killed workers and a full disk"),
    "parts": ("parts", "what keys, metrics, logs and a shadow cost, part by part"),
    "ledger": ("ledger", "corrections a second while workers are killed, and whether each is kept once"),
    "retrain": ("retrain", "what Monday's retraining makes of 200 corrections, and of a candidate that is worse"),
    "peers": ("peers", "install the peers, and say which would not"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, or 2 where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Tagdesk beside its peers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (_, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
        command.add_argument("--only", default="", help="names of the competitors, with commas between (default: all)")
    options = parser.parse_args(arguments)
    run = importlib.import_module(f"benchmarks.{COMMANDS[options.command][0]}").run
    try:
        run(quick=options.quick, only=tuple(filter(None, options.only.split(","))))
    except (OSError, ValueError, RuntimeError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

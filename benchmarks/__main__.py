"""Run a benchmark: `python -m benchmarks COMMAND [--quick] [--only a,b]`; `--help` names the commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "in-process": ("in_process", "one article and batches of 1,000, each competitor in a process of its own"),
    "http": ("over_http", "requests a second over HTTP, and how long they take"),
    "start": ("start", "start to ready, memory a worker, size on disk"),
    "vectorize": ("vectorize", "vectorizing and training against scikit-learn's own classes, and how both grow"),
    "prefetch": ("prefetch", "what asking for memory ahead brings where articles are scored and n-grams counted"),
    "processors": ("processors", "what compiling for every processor of its kind costs, as the image does"),
    "profile": ("stages", "where the time of one HTTP request goes"),
    "quality": ("quality", "how good the topics are, on public sets of articles"),
    "ladder": ("ladder", "the shipped model's row of the ladder in docs/quality.md"),
    "ablation": ("ablation", "what each part of training brings, and what was tried and left out"),
    "function-words": ("function_words", "what leaving function words out of the features costs"),
    "attacks": ("attacks", "what a service under attack answers, and how soon"),
    "html": ("html", "heavy HTML at its cap: how long it takes, and how long nobody else runs"),
    "languages": ("languages", "16 languages, with and without parts of words"),
    "scripts": ("scripts", "help pages in Chinese, Japanese, Indic scripts and others, beside the same in English"),
    "noise": ("noise", "what soft hyphens, links, broken lines and other noise in the text cost, on gold/dev"),
    "pages": ("pages", "real web pages: how near their topics are to those of the article alone"),
    "furniture": ("furniture", "site furniture around articles: what each kind costs, known or never learned"),
    "soak": ("soak", "minutes of mixed traffic amid swaps, killed workers and a full disk"),
    "parts": ("parts", "what keys, metrics, logs and a shadow cost, part by part"),
    "ledger": ("ledger", "corrections a second while workers are killed, and whether each is kept once"),
    "key-timing": ("key_timing", "how long a key is checked, by how much of it is right"),
    "reading": ("reading", "seconds and memory of reading a CSV of 200 MB"),
    "doors": ("doors", "how many ASGI apps and Python frames a request passes on its way to its route"),
    "retrain": ("retrain", "what Monday's retraining makes of 200 corrections, and of a candidate that is worse"),
    "promise": ("promise", "what `auto` gives, how often it is right: one cut-off for all topics, and one bound each"),
    "topics": ("topics", "thousands of topics: minutes, memory, size, speed, and how good they are"),
    "archive": ("archive", "a million articles as an archive: rate, memory; workers killed, bad rows, a Dask cluster"),
    "gate": ("gate", "how often the gate is wrong, on simulated pairs of models"),
    "peers": ("peers", "install the peers, and say which would not"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, or 2 where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Tagdesk beside its peers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (_, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
        if name == "pages":
            command.add_argument("--pages", type=Path, help="a clone of the article-extraction benchmark")
        command.add_argument("--only", default="", help="names of the competitors, with commas between (default: all)")
    options = parser.parse_args(arguments)
    run = importlib.import_module(f"benchmarks.{COMMANDS[options.command][0]}").run
    try:
        more = {"pages": options.pages} if options.command == "pages" else {}
        run(quick=options.quick, only=tuple(filter(None, options.only.split(","))), **more)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

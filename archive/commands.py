"""The command `archive` (`tagdesk archive articles/ tagged/`)."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tagdesk.archive.places import Place
from tagdesk.archive.run import Outcome, Plan, Stopped, alone, carry_out, find_columns, find_parts, plan
from tagdesk.archive.sample import changes_of, lines_of, sample
from tagdesk.engines import cores
from tagdesk.models.compiling import announced, warm_up
from tagdesk.models.files import CannotWrite
from tagdesk.models.storage import load
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import counted

_EPILOG = """\
examples:
  tagdesk archive articles/ tagged/ --sample 1000       what would come of it?
  tagdesk archive articles/ tagged/                     tag it; run again, it does what is left
  tagdesk archive 's3://bucket/news/*.parquet' s3://bucket/tagged --cluster tcp://10.0.0.5:8786
"""
_STOPPED = 130


def run(arguments: Sequence[str]) -> int:
    """Run the command `archive`, whose name is the first of the arguments.

    Returns:
        The exit code: 0; 1 where articles or files could not be tagged, or the rest was not; 130 after Ctrl-C.

    Raises:
        TagdeskError: the model or the archive cannot be read, another run writes into OUT, or the cluster does not
            answer.
    """
    options = _parser().parse_args(arguments[1:])
    out = Place.of(options.out)
    parts = find_parts(options.sources, f".{options.to}", out)
    names, columns = find_columns(parts, options.columns)
    _say(f"{counted(len(parts), 'part')}, {sum(part.size for part in parts) / 1e6:,.1f} MB; {columns}")
    model = load(options.model)
    with announced(sys.stderr):
        warm_up(model)
    if options.sample is not None:
        counts, faults = sample(parts, names, model, options.sample)
        print(f"the first rows of some parts, tagged by {model.ref}; nothing is written")
        _print_all(lines_of(counts))
        _print_all(faults)
        return 1 if counts.errors or faults else 0
    ref = str(Path(options.model).absolute()) if "/" in options.model else model.ref
    try:
        with alone(out):
            work = plan(parts, names, out, model, ref)
            if len(work.tasks) < len(parts) or work.again:
                anew = f", of them {work.again:,} anew, by {model.ref}" if work.again else ""
                _say(f"{counted(len(work.done), 'part')} done before, {len(work.tasks):,} to do{anew}")
            return _tag(work, model, options)
    except CannotWrite as error:
        _say(f"tagdesk: stopped: {error}")
        return 1


def _tag(work: Plan, model: TopicModel, options: argparse.Namespace) -> int:
    outcome = Outcome()
    stopped = ""
    code = 0
    try:
        for failure in carry_out(
            work,
            outcome,
            workers=options.workers,
            cluster=options.cluster,
            most_errors=options.errors_at_most,
        ):
            _say(f"tagdesk: {failure.reason}; nothing of it was written")
    except Stopped as error:
        stopped, code = str(error), 1
    except KeyboardInterrupt:
        stopped, code = "interrupted", _STOPPED
    failed = counted(len(outcome.failures), "part")
    print(f"{model.ref}, in this run: {counted(outcome.tagged, 'article')} tagged, {failed} failed")
    print("in all: ", end="")
    _print_all(lines_of(outcome.counts))
    for _, changes in sorted(outcome.changes.items()):
        _print_all(changes_of(changes))
    if stopped:
        _say(f"tagdesk: stopped: {stopped}; the same command does the rest")
    return code or (1 if outcome.failures or outcome.counts.errors else 0)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print_all(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tagdesk archive",
        description="Tag an archive of any size: JSON Lines, CSV or Parquet in, the same parts with their topics out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", nargs="+", metavar="IN", help="files, folders, patterns with *, s3:// gs:// hdfs://")
    parser.add_argument("out", metavar="OUT", help="a folder for the answers, here or at one of these addresses")
    parser.add_argument("--model", default="news-en", help="name, name@version or a bundle's path (default news-en)")
    parser.add_argument("--columns", default="", help='which column is which, "body=Texte id=Nr" (default: found)')
    parser.add_argument("--to", choices=("parquet", "jsonl"), default="parquet", help="format of the answers")
    parser.add_argument("--sample", type=_positive, metavar="N", help="tag N articles, print a report, write nothing")
    parser.add_argument(
        "--errors-at-most", type=_count, metavar="N", help="stop after more articles or files that cannot be tagged"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=_positive, default=cores(), metavar="N", help="processes (default: every core)"
    )
    where.add_argument("--cluster", default="", metavar="tcp://…", help="a Dask scheduler (extra `dask`)")
    return parser


def _count(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"write a whole number, {least} or more, not {text!r}")
    return int(text)


def _positive(text: str) -> int:
    return _count(text, 1)

"""The commands `tag` (`tagdesk tag articles.jsonl[.gz] > tagged.jsonl`) and `compile`."""

import argparse
import gzip
import json
import os
import stat
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, tee
from pathlib import Path
from typing import Any, BinaryIO

from tagdesk.models.answer import answer
from tagdesk.models.compiling import announced, warm_up
from tagdesk.models.errors import ArticleError, CannotRead
from tagdesk.models.reading.article import NOT_UNICODE, Article, is_unicode
from tagdesk.models.storage import load
from tagdesk.models.topic_model import TaggedArticle, TopicModel

_FIELDS = ("title", "body", "body_html", "id", "language", "url")


def run(arguments: Sequence[str]) -> int:
    """Run a command, whose name is the first of the arguments.

    Returns:
        The exit code: 0, or 1 where lines were refused.

    Raises:
        TagdeskError: the model or the articles cannot be read.
    """
    options = _parser().parse_args(arguments)
    model = load(options.model)
    with announced(sys.stderr):
        warm_up(model)
    if options.command == "compile":
        return 0
    name = "the input" if options.articles == "-" else options.articles
    try:
        with _opened(options.articles) as lines:
            return _tag(model, lines, name, explain=options.explain)
    except BrokenPipeError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotRead(f"cannot read {options.articles}: {reason}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tagdesk")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    tag = commands.add_parser(
        "tag",
        description="Tag articles: JSON Lines of articles in, JSON Lines of topics out, as the service answers them.",
        epilog="example: tagdesk tag articles.jsonl.gz > tagged.jsonl",
    )
    tag.add_argument("articles", nargs="?", default="-", help="a .jsonl or .jsonl.gz file; - is standard input")
    tag.add_argument("--explain", action="store_true", help="add each topic's evidence")
    compile_ = commands.add_parser(
        "compile",
        description="Compile all that tagging runs, so that the first start after an installation need not.",
        epilog="example, in a Dockerfile: RUN NUMBA_CACHE_DIR=/opt/numba tagdesk compile",
    )
    for command in (tag, compile_):
        command.add_argument(
            "--model", default="news-en", help="name, name@version or a bundle's path (default news-en)"
        )
    return parser


def _opened(path: str) -> Any:
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    return gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line: its number, its article's id as far as it can be read, and the article, or why there is none."""

    number: int
    id: str | None
    article: Article | Exception

    @classmethod
    def read(cls, number: int, line: bytes) -> "_Line":
        row: dict[str, Any] = {}
        article: Article | Exception
        try:
            row = read_row(line)
            article = read_article(row)
        except ArticleError as error:
            article = error
        identity = row.get("id")
        return cls(number, identity if isinstance(identity, str) else None, article)


def _tag(model: TopicModel, lines: BinaryIO, name: str, *, explain: bool) -> int:
    refused = 0
    read, again = tee(_Line.read(number, line) for number, line in _numbered(lines, name))
    articles = (line.article for line in again)
    at_once = _is_file(lines)  # else, of a pipe, each is answered before the next is waited for
    groups = [articles] if at_once else ([article] for article in articles)
    outcomes = chain.from_iterable(model.tag_each(group, explain=explain) for group in groups)
    for outcome, line in zip(outcomes, read, strict=True):
        if isinstance(outcome, TaggedArticle):
            found = answer(outcome, model.ref)
        elif isinstance(outcome, ArticleError):
            refused += 1
            found = {"id": line.id, "error": f"line {line.number}: {outcome}"}
            print(f"tagdesk: {found['error']}", file=sys.stderr)
        else:
            raise outcome
        # ASCII, so that the answer arrives whole whatever the terminal's encoding and whatever the id holds.
        print(json.dumps(found), flush=not at_once)
    return 1 if refused else 0


def _is_file(lines: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
    except OSError:
        return False


def _numbered(lines: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(b"PAR1"):
            raise CannotRead(f"{name} is a Parquet file, not JSON Lines: `tagdesk archive` reads it")
        if line.strip():
            yield number, line


def read_row(line: bytes) -> dict[str, Any]:
    """Read a line of JSON.

    Raises:
        ArticleError: it is not a JSON object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ArticleError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ArticleError("an article is a JSON object with title and body")
    return row


def read_article(row: Mapping[str, Any]) -> Article:
    """Read an article from its JSON fields; unknown ones are ignored, nulls are absent.

    Raises:
        ArticleError: a field is not text.
    """
    given = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            raise ArticleError(f"{name} must be text, not {type(value).__name__}", name)
        if not is_unicode(value):
            raise ArticleError(f"{name} {NOT_UNICODE}", name)
    return Article(**given)

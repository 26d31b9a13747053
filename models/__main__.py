"""Tag articles from the command line: `python -m models tag articles.jsonl[.gz] > tagged.jsonl`."""

import argparse
import gzip
import json
import signal
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from models.answer import answer
from models.article import Article, is_unicode
from models.errors import ArticleError, TagdeskError
from models.storage import load
from models.topic_model import TopicModel

_FIELDS = ("title", "body", "body_html", "id", "language", "url")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0, 1 where lines were refused, 2 where nothing could be done.
    """
    options = _parser().parse_args(arguments)
    try:
        model = load(options.model)
    except TagdeskError as error:
        print(f"models: {error}", file=sys.stderr)
        return 2
    try:
        with _opened(options.articles) as lines:
            return _tag(model, lines, explain=options.explain)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"models: cannot read {options.articles}: {reason}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models", description="Tag articles with a trained model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tag = commands.add_parser("tag", help="JSON Lines of articles in, JSON Lines of topics out")
    tag.add_argument("articles", nargs="?", default="-", help="a .jsonl or .jsonl.gz file; - is standard input")
    tag.add_argument("--model", default="news-en", help="name, name@version or a bundle's path (default news-en)")
    tag.add_argument("--explain", action="store_true", help="add each topic's evidence")
    return parser


def _opened(path: str) -> Any:
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    return gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb")


def _tag(model: TopicModel, lines: BinaryIO, *, explain: bool) -> int:
    refused = 0
    for number, line in _numbered(lines):
        row: dict[str, Any] = {}
        try:
            row = read_row(line)
            found = answer(model.tag(read_article(row), explain=explain), model.ref)
        except ArticleError as error:
            refused += 1
            identity = row.get("id")
            found = {"id": identity if isinstance(identity, str) else None, "error": f"line {number}: {error}"}
            print(f"models: line {number}: {error}", file=sys.stderr)
        # ASCII, so that the answer arrives whole whatever the terminal's encoding and whatever the id holds.
        print(json.dumps(found))
    return 1 if refused else 0


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, start=1):
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
            raise ArticleError(f"{name} has half of a surrogate pair: the text was cut or decoded wrongly", name)
    return Article(**given)


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())

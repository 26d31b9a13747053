"""Tag articles from the command line: `python -m models tag articles.jsonl[.gz] > tagged.jsonl`."""

import argparse
import gzip
import json
import signal
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from models.answer import answer
from models.article import Article
from models.errors import ArticleError, TagdeskError
from models.storage import load
from models.topic_model import TopicModel

_FIELDS = ("title", "body", "body_html", "id", "language", "url")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 1 where lines were refused, 2 where nothing could be done."""
    options = _parser().parse_args(arguments)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    try:
        model = load(options.model)
        with _opened(options.articles) as lines:
            return _tag(model, lines, explain=options.explain)
    except (TagdeskError, OSError, EOFError, zlib.error) as error:
        print(f"models: {error}", file=sys.stderr)
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
        given = None
        try:
            article = read_article(line)
            given = article.id
            found = answer(model.tag(article, explain=explain), model.ref)
        except ArticleError as error:
            refused += 1
            found = {"id": given, "error": f"line {number}: {error}"}
            print(f"models: line {number}: {error}", file=sys.stderr)
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    return 1 if refused else 0


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def read_article(line: bytes) -> Article:
    """Read one article from a line of JSON; unknown fields are ignored, nulls are absent.

    Raises:
        ArticleError: the line is not a JSON object, or a field is not text.
    """
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ArticleError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ArticleError("an article is a JSON object with title and body")
    given = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            raise ArticleError(f"{name} must be text, not {type(value).__name__}", name)
    return Article(**given)


if __name__ == "__main__":
    sys.exit(main())

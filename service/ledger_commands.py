"""`python -m service ledger erase|export|backup|restore`: what is done to the ledger from the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic_core import to_json

from service.ledger import corrections
from service.ledger.backup import back_up, restore, written
from service.ledger.database import Database, LedgerError, open_database
from service.settings import CONFIG, Settings, option, variable


def run(arguments: Sequence[str]) -> str:
    """Run one of the commands and return what it prints.

    Raises:
        SettingsError: a setting is wrong.
        LedgerError: it cannot be done.
    """
    options = _parser().parse_args(arguments)
    settings = Settings.from_environment(options={"database_url": options.database_url, CONFIG: options.config})
    database = open_database(settings.database_url)
    if options.command != "restore" and not database.is_there():
        raise LedgerError(f"there is no ledger at {settings.database_url}: name it with {option('database_url')}")
    try:
        if options.command == "erase":
            return _erase(database, options)
        if options.command == "export":
            return _export(database, Path(options.file), latest=options.latest)
        if options.command == "backup":
            return f"{back_up(database, Path(options.file)):,} rows are in {options.file}\n"
        return f"{restore(database, Path(options.file)):,} rows were restored\n"
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service ledger", description="Erase, export, back up, restore.")
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="take an article's or an editor's corrections out, for good")
    which = erase.add_mutually_exclusive_group(required=True)
    which.add_argument("--article", metavar="ID", help="the article's id")
    which.add_argument("--editor", metavar="NAME", help="the editor's name")
    export = commands.add_parser("export", help="write the corrections as JSON Lines that training reads")
    export.add_argument("--latest", action="store_true", help="of each article the latest alone")
    backup = commands.add_parser("backup", help="write all of the ledger to a file; the service may run")
    back = commands.add_parser("restore", help="take a backup back into an empty ledger")
    for command in (export, backup, back):
        command.add_argument("file", metavar="FILE", help="JSON Lines")
    for command in commands.choices.values():
        command.add_argument(option("database_url"), metavar="URL", help=f"as {variable('database_url')}")
        command.add_argument(option(CONFIG), metavar="FILE", help=f"as {variable(CONFIG)}")
    return parser


def _erase(database: Database, options: argparse.Namespace) -> str:
    column, value = ("editor", options.editor) if options.article is None else ("article_id", options.article)
    with database.transaction() as statements:
        number = corrections.erase(statements, column, value)
    try:
        database.scrub()
    except LedgerError as error:
        left = f"{number:,} corrections are erased, but traces may be left in the database's files"
        raise LedgerError(f"{left}: {error}") from None
    return f"{number:,} corrections are erased\n"


def _export(database: Database, path: Path, *, latest: bool) -> str:
    number = 0
    with written(path) as file, database.snapshot() as rows:
        for row in corrections.export(rows, latest=latest):
            file.write(to_json(row).decode() + "\n")
            number += 1
    return f"{number:,} corrections are in {path}\n"

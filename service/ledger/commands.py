"""`tagdesk ledger erase|export|backup|restore`: what is done to the ledger from the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic_core import to_json

from tagdesk.models.files import PRIVATE, replacing
from tagdesk.service.ledger import corrections
from tagdesk.service.ledger.backup import BackupError, back_up, restore
from tagdesk.service.ledger.database import Database, LedgerError
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import CONFIG, Settings, option, variable


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
    parser = argparse.ArgumentParser(
        prog="tagdesk ledger",
        description="Erase, export, back up or restore what editors corrected.",
        epilog="example: tagdesk ledger backup ledger.jsonl",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="take corrections out, for good: an article's, an editor's, a key's")
    which = erase.add_mutually_exclusive_group(required=True)
    which.add_argument("--article", metavar="ID", help="the article's id")
    which.add_argument("--editor", metavar="NAME", help="the editor's name")
    which.add_argument("--key", metavar="NAME", help="the name of the key that sent them")
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
    with database.transaction() as run:
        if options.article is not None:
            number = corrections.erase(run, "article_id", options.article)
        elif options.editor is not None:
            number = corrections.erase(run, "editor", options.editor)
        else:
            number = corrections.erase(run, "sender", options.key)
    try:
        database.scrub()
    except LedgerError as error:
        left = f"{number:,} corrections are erased, but traces may be left in the database's files"
        raise LedgerError(f"{left}: {error}") from None
    return f"{number:,} corrections are erased\n"


def _export(database: Database, path: Path, *, latest: bool) -> str:
    number = 0
    with replacing(path, BackupError, mode=PRIVATE) as file, database.snapshot() as rows:
        for row in corrections.export(rows, latest=latest):
            file.write(to_json(row) + b"\n")
            number += 1
    return f"{number:,} corrections are in {path}\n"

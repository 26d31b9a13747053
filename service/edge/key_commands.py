"""`tagdesk key create|grant|list|revoke`: what writes the keys file, and shows a key once."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tagdesk.models.files import PRIVATE, locked, write_file
from tagdesk.service.edge.keys import SCOPES, Key, KeysError, keys_json, new_key, read_keys
from tagdesk.service.settings import CONFIG, Settings, SettingsError, option, variable


def run(arguments: Sequence[str]) -> str:
    """Run one of the commands and return what it prints.

    Raises:
        SettingsError: no keys file is named.
        KeysError: it cannot be done.
    """
    options = _parser().parse_args(arguments)
    settings = Settings.from_environment(options={"keys_file": options.keys_file, CONFIG: options.config})
    if not settings.keys_file:
        raise SettingsError(f"no keys file is named: set {variable('keys_file')} or give {option('keys_file')}")
    path = Path(settings.keys_file)
    if options.command == "list":
        return "".join(f"{key.name}\t{','.join(key.scopes)}\t{key.created}\n" for key in read_keys(path))
    try:
        if options.command == "revoke":
            return _revoke(path, options.name)
        if options.command == "grant":
            return _grant(path, options.name, options.scope)
        return _create(path, options.name, options.scope)
    except OSError as error:
        raise KeysError(f"cannot write the keys file {path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tagdesk key",
        description="Make, extend, list and revoke the keys that clients must send.",
        epilog="example: tagdesk key create cms --scope tag --scope feedback --keys-file keys.json",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and print it, once")
    create.add_argument("name", help="whose key it is")
    grant = commands.add_parser("grant", help="give a key that is in use further scopes")
    grant.add_argument("name", help="the key's name")
    for command in (create, grant):
        command.add_argument("--scope", action="append", required=True, choices=SCOPES, help="what for; may repeat")
    commands.add_parser("list", help="list the keys' names, scopes and days of creation")
    revoke = commands.add_parser("revoke", help="remove a key; running services notice within a second")
    revoke.add_argument("name", help="the key's name")
    for command in commands.choices.values():
        for name in ("keys_file", CONFIG):
            command.add_argument(option(name), metavar="FILE", help=f"as {variable(name)}")
    return parser


def _create(path: Path, name: str, scopes: Iterable[str]) -> str:
    new, token = new_key(name, scopes, datetime.now(UTC).date().isoformat())
    with locked(path.parent):
        keys = read_keys(path) if path.exists() else []
        if any(key.name == name for key in keys):
            raise KeysError(f"there is a key called {name} already: choose another name, or revoke it first")
        _write(path, [*keys, new])
    return f"{token}\n"


def _grant(path: Path, name: str, scopes: Iterable[str]) -> str:
    with locked(path.parent):
        keys = {key.name: key for key in read_keys(path)}
        if name not in keys:
            raise _no_such_key(name)
        keys[name] = replace(keys[name], scopes=tuple(sorted({*keys[name].scopes, *scopes})))
        _write(path, keys.values())
    return ""


def _revoke(path: Path, name: str) -> str:
    with locked(path.parent):
        keys = read_keys(path)
        others = [key for key in keys if key.name != name]
        if len(others) == len(keys):
            raise _no_such_key(name)
        _write(path, others)
    return ""


def _no_such_key(name: str) -> KeysError:
    return KeysError(f"no key is called {name}: `tagdesk key list` names them")


def _write(path: Path, keys: Iterable[Key]) -> None:
    """Replace the file in one step, readable by its owner alone."""
    write_file(path, keys_json(keys), mode=PRIVATE)

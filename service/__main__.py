"""The command line: `python -m service` serves; `… settings`, `key`, `ledger` and `drift` are commands beside it."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from models import TagdeskError, load
from service import drift_report, key_commands, ledger_commands
from service.keys import read_keys
from service.ledger.database import LedgerUnavailable, open_database
from service.server import listen, serve
from service.settings import (
    CONFIG,
    CONFIG_HELP,
    Settings,
    SettingsError,
    described,
    option,
    refuse_unknown,
    shown,
    variable,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; without one, run the service until it is told to stop.

    Returns:
        The exit code: 0 stopped or done, 1 it cannot start or be done, 2 a setting or the command is wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["key"]:
            print(key_commands.run(arguments[1:]), end="")
            return 0
        if arguments[:1] == ["ledger"]:
            print(ledger_commands.run(arguments[1:]), end="")
            return 0
        if arguments[:1] == ["drift"]:
            print(drift_report.run(arguments[1:]), end="")
            return 0
        if arguments[:1] == ["settings"]:
            print(described(options=_options(arguments[1:])), end="")
            return 0
        return _run(_options(arguments))
    except SettingsError as error:
        return _refuse(error, 2)
    except (TagdeskError, OSError) as error:
        return _refuse(error, 1)


def _options(arguments: Sequence[str]) -> dict[str, str | None]:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve a topic model over HTTP.",
        epilog="`python -m service settings` lists the settings; `python -m service key --help` is about keys, "
        "`… ledger --help` about corrections, `… drift --help` about how they change.",
        allow_abbrev=False,
    )
    for one in fields(Settings):
        text = f"{one.metadata['help']} (default {shown(one.default) or 'none'}; or {variable(one.name)})"
        flag: dict[str, Any] = {"nargs": "?", "const": "true"} if one.type is bool else {}
        parser.add_argument(option(one.name), help=text, metavar=one.name.upper(), **flag)
    parser.add_argument(option(CONFIG), help=f"{CONFIG_HELP} (or {variable(CONFIG)})", metavar="FILE")
    options, unknown = parser.parse_known_args(arguments)
    known = [*(option(one.name) for one in fields(Settings)), option(CONFIG)]
    names = [name.partition("=")[0] for name in unknown if name.startswith("-")]
    refuse_unknown(names or unknown, known, "on the command line")
    return vars(options)


def _run(options: dict[str, str | None]) -> int:
    settings = Settings.from_environment(options=options)
    tempfile.gettempdir()  # raises where a library that reads through a temporary file would, when it is too late
    if settings.keys_file:
        read_keys(Path(settings.keys_file))
    load(settings.model)  # a sentence now, in place of a traceback from every worker
    _try_ledger(settings)
    listener = listen(settings)
    os.environ.update(settings.to_environment())
    # Of glibc: with a heap for every thread workers came to a quarter more memory under attack.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    signal.signal(signal.SIGTERM, _stop)
    with suppress(KeyboardInterrupt):
        serve(settings, listener, lambda line: print(line, flush=True))
    return 0


def _try_ledger(settings: Settings) -> None:
    """Migrate the ledger, if there is one; a service that only tags starts without it, too.

    Raises:
        LedgerError: it is of a newer version, or what it needs is not installed.
    """
    database = open_database(settings.database_url)
    try:
        if database.is_there():
            with database.transaction():
                pass
    except LedgerUnavailable as error:
        print(f"service: {error}; feedback is refused until it can be", file=sys.stderr)
    finally:
        database.close()


def _refuse(error: Exception, code: int) -> int:
    print(f"service: {error}", file=sys.stderr)
    return code


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())

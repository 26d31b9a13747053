"""The commands `serve`, `mcp`, `settings`, `key`, `ledger` and `drift`; what one needs is imported when it is run."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from tagdesk.service.edge.keys import read_keys
from tagdesk.service.settings import (
    CONFIG,
    CONFIG_HELP,
    OTHERS,
    Settings,
    described,
    option,
    refuse_unknown,
    shown,
    variable,
    without_password,
)


def run(arguments: Sequence[str]) -> int:
    """Run a command, whose name is the first of the arguments; `serve` and `mcp` run until they are stopped.

    Returns:
        The exit code, 0.

    Raises:
        SettingsError: a setting or an option is wrong.
        TagdeskError, OSError: it cannot start, or be done.
    """
    name, *options = arguments
    if name == "serve":
        _serve(options)
    elif name == "mcp":
        _mcp(options)
    else:
        print(_COMMANDS[name](options), end="")
    return 0


def _settings_options(name: str, arguments: Sequence[str]) -> dict[str, str | None]:
    parser = argparse.ArgumentParser(
        prog=f"tagdesk {name}",
        description={
            "serve": "Serve a topic model over HTTP, with the desk for editors at /.",
            "settings": "Print the settings that `serve` would run with, and where each comes from, as a TOML file.",
        }[name],
        epilog={
            "serve": "example: tagdesk serve --model desk --port 9000 --keys-file keys.json",
            "settings": "example: tagdesk settings > tagdesk.toml; tagdesk serve --config tagdesk.toml",
        }[name],
        allow_abbrev=False,
    )
    for setting in fields(Settings):
        text = f"{setting.metadata['help']} (default {shown(setting.default) or 'none'}; or {variable(setting.name)})"
        flag: dict[str, Any] = {"nargs": "?", "const": "true"} if setting.type is bool else {}
        parser.add_argument(option(setting.name), help=text, metavar=setting.name.upper(), **flag)
    parser.add_argument(option(CONFIG), help=f"{CONFIG_HELP} (or {variable(CONFIG)})", metavar="FILE")
    options, unknown = parser.parse_known_args(arguments)
    known = [*(option(setting.name) for setting in fields(Settings)), option(CONFIG)]
    names = [name.partition("=")[0] for name in unknown if name.startswith("-")]
    refuse_unknown(names or unknown, known, "on the command line")
    return vars(options)


def _serve(arguments: Sequence[str]) -> None:
    from tagdesk.models.compiling import announced, warm_up
    from tagdesk.models.storage import load
    from tagdesk.service.languages import check_names
    from tagdesk.service.server.serve import listen, serve

    settings = Settings.from_environment(options=_settings_options("serve", arguments))
    tempfile.gettempdir()  # raises where a library that reads through a temporary file would, when it is too late
    if settings.keys_file:
        read_keys(Path(settings.keys_file))
    models = [load(ref) for ref in dict.fromkeys(settings.by_language.values())]
    check_names(models)  # one sentence now instead of a traceback from every worker
    _try_ledger(settings)
    listener = listen(settings)
    os.environ.update(settings.to_environment())
    signal.signal(signal.SIGTERM, _stop)
    with suppress(KeyboardInterrupt):
        with announced(sys.stderr):
            for model in models:
                warm_up(model)  # once, and not in every worker
        serve(settings, listener, lambda line: print(line, flush=True))


def _mcp(arguments: Sequence[str]) -> None:
    from tagdesk.models.compiling import announced, warm_up
    from tagdesk.models.storage import load
    from tagdesk.service.agents import server

    parser = argparse.ArgumentParser(
        prog="tagdesk mcp",
        description="Offer a model to agents as tools, by the Model Context Protocol over standard input and output.",
        epilog="example, as an agent's configuration has it: tagdesk mcp --model desk",
        allow_abbrev=False,
    )
    help_text = f"as `tagdesk serve` takes it (default {Settings().model}; or {variable('model')})"
    parser.add_argument("--model", help=help_text, metavar="MODEL")
    models = Settings.from_environment(options=vars(parser.parse_args(arguments))).by_language
    model = load(models.get(OTHERS) or next(iter(models.values())))
    with announced(sys.stderr):
        warm_up(model)
    server(model).run()


def _try_ledger(settings: Settings) -> None:
    """Make or migrate the ledger, and write to it; where that cannot be done the service starts, but is not ready.

    Raises:
        LedgerError: it is of a newer version, or what it needs is not installed.
    """
    from tagdesk.service.ledger import upkeep
    from tagdesk.service.ledger.database import LedgerUnavailable
    from tagdesk.service.ledger.engines import NoDatabase, open_database

    database = open_database(settings.database_url)
    if isinstance(database, NoDatabase):
        return
    try:
        with database.transaction() as statements:
            upkeep.touch(statements)
    except LedgerUnavailable as error:
        where = f"{variable('database_url')} is {without_password(settings.database_url)}"
        print(f"tagdesk: {error}; {where}; the service is not ready until it can be written", file=sys.stderr)
    finally:
        database.close()


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


def _settings(arguments: Sequence[str]) -> str:
    return described(options=_settings_options("settings", arguments))


def _key(arguments: Sequence[str]) -> str:
    from tagdesk.service.edge import key_commands

    return key_commands.run(arguments)


def _ledger(arguments: Sequence[str]) -> str:
    from tagdesk.service.ledger import commands

    return commands.run(arguments)


def _drift(arguments: Sequence[str]) -> str:
    from tagdesk.service.ledger import drift_report

    return drift_report.run(arguments)


_COMMANDS: dict[str, Callable[[Sequence[str]], str]] = {
    "settings": _settings,
    "key": _key,
    "ledger": _ledger,
    "drift": _drift,
}

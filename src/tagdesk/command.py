"""The command `tagdesk`: it runs a command where that lives, and says in one sentence what went wrong."""

import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import tagdesk
from tagdesk.models.errors import TagdeskError
from tagdesk.service.settings import SettingsError

WRONG = 2
"""Exit code where the command line, or a setting, is wrong."""

_BROKEN_PIPE = 141
"""What a shell calls a program that SIGPIPE ended."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where commands live.

    Attributes:
        module: has `run`, which takes the command's name and arguments and returns the exit code.
        failed: the exit code of an error.
        extra: of Tagdesk, which must be installed for them; none where it is empty.
    """

    module: str
    failed: int
    extra: str = ""


MODELS = Room("tagdesk.models.commands", failed=2)
SERVICE = Room("tagdesk.service.commands", failed=1)
AGENTS = Room("tagdesk.service.commands", failed=1, extra="agents")
ARCHIVE = Room("tagdesk.archive.commands", failed=2, extra="archive")
TRAINING = Room("tagdesk.training.commands", failed=2, extra="train")

COMMANDS: dict[str, dict[str, tuple[Room, str]]] = {
    "Tag and serve": {
        "tag": (MODELS, "tag articles: JSON Lines in, JSON Lines out"),
        "archive": (ARCHIVE, "tag millions: JSON Lines, CSV, Parquet; here or in a store"),
        "serve": (SERVICE, "answer over HTTP, with a desk for editors"),
        "mcp": (AGENTS, "be a tool of agents (Model Context Protocol)"),
        "settings": (SERVICE, "list the service's settings, and where each comes from"),
        "key": (SERVICE, "make, list and revoke the keys that clients must send"),
        "compile": (MODELS, "compile now what the first start would compile"),
    },
    "Make a model": {
        "train": (TRAINING, "train one, of your own articles or of the open corpora"),
        "data": (TRAINING, "fetch the open corpora"),
        "search": (TRAINING, "search for better training settings"),
        "evaluate": (TRAINING, "print how good a model is"),
        "export": (TRAINING, "write a model as a scikit-learn Pipeline"),
        "import": (TRAINING, "make a model of a scikit-learn Pipeline"),
        "furniture": (TRAINING, "learn what site furniture looks like"),
        "ship": (TRAINING, "put the current model where a clone finds it"),
    },
    "Learn from editors": {
        "retrain": (TRAINING, "make a candidate that has learned from their corrections"),
        "publish": (TRAINING, "let a candidate go live if it is better"),
        "rollback": (TRAINING, "let the version before go live again"),
        "drift": (SERVICE, "print how news and corrections move, week by week"),
        "ledger": (SERVICE, "export, back up, restore or erase corrections"),
        "forget": (TRAINING, "take what was erased out of the models' folders, too"),
    },
}
"""Every command in the group where a person would look for it: its room, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 if done; 1 if the service cannot start or a line was refused; 2 if the command line or a
        setting is wrong, or a model cannot be made; 3 if a candidate is held or refused; 130 at Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.platform == "win32":
        return _refuse("Tagdesk runs on Linux and macOS, and on Windows in WSL, as it locks files as Unix does", WRONG)
    name = arguments[0] if arguments else ""
    rooms = {command: room for group in COMMANDS.values() for command, (room, _) in group.items()}
    if name in rooms:
        return _run(rooms[name], arguments)
    if name in {"-h", "--help"}:
        print(_help())
        return 0
    if name == "--version":
        print(f"tagdesk {tagdesk.__version__}")
        return 0
    if not name:
        print(_help(), file=sys.stderr)
        return WRONG
    near = difflib.get_close_matches(name, rooms, 1) or ["tagdesk --help, which lists them"]
    return _refuse(f"no command is called {name}: did you mean {near[0]}?", WRONG)


def _help() -> str:
    """Return what there is, on one screen."""
    lines = ["usage: tagdesk COMMAND ...  (tagdesk COMMAND --help: options, and an example)"]
    for title, commands in COMMANDS.items():
        lines += [f"{title}:", *(f"  {name:<10}{what}" for name, (_, what) in commands.items())]
    return "\n".join(lines)


def _run(room: Room, arguments: Sequence[str]) -> int:
    try:
        code: int = import_module(room.module).run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has enough, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else it is raised again at exit
        return _BROKEN_PIPE
    except ModuleNotFoundError as error:
        if not room.extra or str(error.name).startswith("tagdesk"):
            raise
        return _refuse(
            f"{arguments[0]} needs what is not installed ({error.name}): pip install 'tagdesk[{room.extra}]'", WRONG
        )
    except SettingsError as error:
        return _refuse(str(error), WRONG)
    except (TagdeskError, OSError) as error:
        return _refuse(str(error), room.failed)
    return code


def _refuse(sentence: str, code: int) -> int:
    print(f"tagdesk: {sentence}", file=sys.stderr)
    return code

"""What the service can be told: an option, a variable `TAGDESK_*`, a line of the TOML file, in this order."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from models.errors import TagdeskError

PREFIX = "TAGDESK_"
CONFIG = "config"
CONFIG_HELP = "TOML file with settings by their names, such as port = 9000"
ELSEWHERE = {
    "TAGDESK_STORE": "where models looks for a model before the shipped ones (default var/models)",
    "TAGDESK_SESSION_SECRET": "what signs the desk's sessions, 32 characters or more (default: made at each start)",
    "TAGDESK_BENCH": "where the benchmarks keep their results",
}
"""Variables that other parts read from the environment themselves."""

_MIB = 1024 * 1024
_BOOLS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class SettingsError(TagdeskError):
    """A setting has a value that the service cannot run with."""


def _setting(
    default: str | int | bool,
    help_text: str,
    least: int = 0,
    most: int = 0,
    *,
    optional: bool = False,
    secret: bool = False,
) -> Any:
    """Declare a setting; a text that is `optional` may be empty, a number lies from `least` to `most`.

    One that is `secret` may have a password in it, which is not shown.
    """
    bounds = {"least": least, "most": most, "optional": optional}
    return field(default=default, metadata={"help": help_text, "secret": secret, **bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings; each one's meaning and bounds stand beside its default.

    Raises:
        SettingsError: naming every fault at once.
    """

    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0 is every IPv4 address of the machine")
    port: int = _setting(8080, "port to listen on; 0 lets the system choose", 0, 65535)
    workers: int = _setting(1, "processes that answer, each with the model mapped into memory", 1, 256)
    model: str = _setting("news-en", "model to serve: a name, name@version, or the path of a bundle's folder")
    shadow: str = _setting("", "second model to compare with, as model is named; empty compares none", optional=True)
    max_body: int = _setting(4 * _MIB, "largest request with one article, in bytes", 1024, 1024 * _MIB)
    max_batch: int = _setting(1000, "most articles in one batch", 1, 100_000)
    max_batch_body: int = _setting(32 * _MIB, "largest request with a batch, in bytes", 1024, 1024 * _MIB)
    database_url: str = _setting(
        "var/ledger.sqlite", "where corrections and the queue are kept: an SQLite file, or postgresql://…", secret=True
    )
    keep_text: bool = _setting(True, "whether corrections keep the article's text, and there is a queue")
    retention_days: int = _setting(0, "days after which that text is forgotten; 0 keeps it", 0, 36_500)
    keys_file: str = _setting("", "file of the keys that clients must send; empty asks for none", optional=True)
    allow_no_keys: bool = _setting(False, "whether to listen beyond this machine without keys")
    rate_limit: int = _setting(1000, "requests a second of one key, over all workers; 0 is no limit", 0, 1_000_000)
    max_concurrent: int = _setting(256, "most requests being answered at once in one worker", 1, 100_000)
    head_timeout: int = _setting(10, "seconds to wait for a request's headers", 1, 3600)
    body_timeout: int = _setting(20, "seconds to wait for a request's body; each 500 bytes win back one", 1, 3600)
    stop_delay: int = _setting(0, "seconds to go on answering, unready, after SIGTERM", 0, 3600)
    stop_timeout: int = _setting(10, "seconds that requests in flight may take to finish after that", 1, 3600)
    access_log: bool = _setting(True, "whether each request is a line on standard output")
    log_json: bool = _setting(True, "whether log lines are JSON; false is for a terminal")
    telemetry: bool = _setting(False, "whether traces go where OTEL_EXPORTER_OTLP_ENDPOINT says")

    def __post_init__(self) -> None:
        faults = [fault for one in fields(self) if (fault := _fault(one, getattr(self, one.name)))]
        if faults:
            raise SettingsError("; ".join(faults))

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None
    ) -> "Settings":
        """Read the settings; what is not given keeps its default, and an option goes before a variable.

        Args:
            environ: variables, `os.environ` when not given. An empty one counts as not given.
            options: values of the command line by the setting's name.

        Raises:
            SettingsError: naming every fault at once.
        """
        return cls(**{name: value for name, (value, _) in given(environ, options).items()})

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads the same settings from, without a file."""
        return {variable(one.name): shown(getattr(self, one.name)) for one in fields(self)} | {variable(CONFIG): ""}


def given(
    environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None
) -> dict[str, tuple[Any, str]]:
    """Return each setting that is given, as its value and where it comes from.

    Raises:
        SettingsError: the file cannot be read, or there is a name that no setting has.
    """
    environ = os.environ if environ is None else environ
    options = options or {}
    refuse_unknown(
        (name for name in environ if name.startswith(PREFIX)),
        [*(variable(one.name) for one in fields(Settings)), variable(CONFIG), *ELSEWHERE],
        "in the environment",
    )
    path = options.get(CONFIG) or environ.get(variable(CONFIG))
    file = _read_file(Path(path)) if path else {}
    found = {}
    for one in fields(Settings):
        if (raw := options.get(one.name)) is not None:
            found[one.name] = (_parsed(one, raw), f"option {option(one.name)}")
        elif raw := environ.get(variable(one.name)):
            found[one.name] = (_parsed(one, raw), f"variable {variable(one.name)}")
        elif one.name in file:
            found[one.name] = (file[one.name], f"file {path}")
    return found


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the command line's option of a setting."""
    return "--" + name.replace("_", "-")


def shown(value: object) -> str:
    """Return a value as a variable spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def described(environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None) -> str:
    """Return every setting with its meaning, its value and where that comes from, as a file that can be given back.

    Raises:
        SettingsError: naming every fault at once.
    """
    environ = os.environ if environ is None else environ
    found = given(environ, options)
    settings = Settings(**{name: value for name, (value, _) in found.items()})
    lines = []
    for one in fields(Settings):
        value, source = getattr(settings, one.name), found.get(one.name, (None, "default"))[1]
        value = _without_password(value) if one.metadata["secret"] else value
        written = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else shown(value)
        lines.append(f"# {one.metadata['help']}\n{one.name} = {written}  # {source}\n")
    lines.append("# Read from the environment alone:\n")
    lines += [f"# {name}: {text}; {'set' if environ.get(name) else 'not set'}\n" for name, text in ELSEWHERE.items()]
    return "".join(lines)


def _without_password(url: str) -> str:
    """Return a database's URL with stars for the password, wherever libpq takes one."""
    return re.sub(r"(://[^/?@]*?:)[^/]*(?=@)|(password=)[^&\s]*", r"\1\2***", url)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{variable(CONFIG)}: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable(CONFIG)}: {path} is not TOML: {error}") from None
    known = {one.name: one for one in fields(Settings)}
    refuse_unknown(values, known, f"in {path}")
    faults = [fault for name, value in values.items() if (fault := _fault(known[name], value, f"{name} in {path}"))]
    if faults:
        raise SettingsError("; ".join(faults))
    return values


def refuse_unknown(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse names that are not known, each with the nearest that is.

    Raises:
        SettingsError: naming them all.
    """
    known = sorted(known)
    faults = []
    for name in sorted(set(names).difference(known)):
        near = difflib.get_close_matches(name, known, 1) or ["`python -m service settings`, which lists them"]
        faults.append(f"no setting is called {name} ({where}): did you mean {near[0]}?")
    if faults:
        raise SettingsError(" ".join(faults))


def _parsed(one: "Field[Any]", raw: str) -> str | int | bool:
    """Return the value, or the text as it is for `_fault` to name."""
    if one.type is bool:
        return _BOOLS.get(raw.lower(), raw)
    if one.type is int and raw.isascii() and raw.isdecimal() and len(raw) < 20:
        return int(raw)
    return raw


def _fault(one: "Field[Any]", value: object, name: str = "") -> str:
    name = name or f"{variable(one.name)} (or {option(one.name)})"
    if one.type is bool:
        return "" if isinstance(value, bool) else f"{name} is {value!r}: give true or false"
    if one.type is str:
        if isinstance(value, str) and (value.strip() or (one.metadata["optional"] and not value)):
            return ""
        return f"{name} is {'empty' if isinstance(value, str) else 'no text'}: give the {one.metadata['help']}"
    least, most = one.metadata["least"], one.metadata["most"]
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return ""
    return f"{name} is {value!r}: give a whole number from {least:,} to {most:,}"

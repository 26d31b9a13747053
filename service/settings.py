"""The settings: from an option, a variable `TAGDESK_*` or a line of the TOML file, in this order of precedence."""

import difflib
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from tagdesk.models.errors import TagdeskError
from tagdesk.models.language import primary_language

PREFIX = "TAGDESK_"
CONFIG = "config"
CONFIG_HELP = "TOML file with settings by their names, such as port = 9000"
ELSEWHERE = {
    "TAGDESK_STORE": "where models looks for a model before the shipped ones (default var/models)",
    "TAGDESK_BENCH": "where the benchmarks keep their results",
}
"""Variables that other parts of Tagdesk read from the environment themselves."""

OTHERS = "*"
"""What stands for every language without a model of its own."""

ANY_ORIGIN = "*"
"""Stands for every origin."""

_MODEL = "news-en"
_MIB = 1024 * 1024
_MOST_PORTS = 65_535
_PORTS = {"http": "80", "https": "443"}
_is_origin = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
).fullmatch
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
    """Declare a setting; an `optional` text may be empty, a number lies between `least` and `most`, both included.

    A `secret` setting may contain a password, which is not shown.
    """
    bounds = {"least": least, "most": most, "optional": optional}
    return field(default=default, metadata={"help": help_text, "secret": secret, **bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings; the meaning and bounds of each stand beside its default.

    Raises:
        SettingsError: naming every fault at once.
    """

    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0 is every IPv4 address of the machine")
    port: int = _setting(8080, "port to listen on; 0 lets the system choose", 0, _MOST_PORTS)
    workers: int = _setting(1, "processes that answer, each with the model mapped into memory", 1, 256)
    model: str = _setting(_MODEL, "model to serve: a name, name@version, or the path of a bundle's folder")
    models: str = _setting(
        "",
        "several models in place of model, each with its language: en=news-en,fr=news-fr; the first, or that of *, "
        "answers every other article",
        optional=True,
    )
    shadow: str = _setting("", "second model to compare with, as model is named; empty compares none", optional=True)
    max_body: int = _setting(4 * _MIB, "largest request with one article, in bytes", 1024, 1024 * _MIB)
    max_batch: int = _setting(1000, "most articles in one batch", 1, 100_000)
    max_batch_body: int = _setting(32 * _MIB, "largest request with a batch, in bytes", 1024, 1024 * _MIB)
    database_url: str = _setting(
        "var/ledger.sqlite",
        "where corrections, the queue and sessions are kept: an SQLite file, or postgresql://…; `none` keeps none",
        secret=True,
    )
    keep_text: bool = _setting(True, "whether corrections keep the article's text, and there is a queue")
    retention_days: int = _setting(0, "days after which that text is forgotten; 0 keeps it", 0, 36_500)
    keys_file: str = _setting("", "file of the keys that clients must send; empty asks for none", optional=True)
    hosts: str = _setting(
        "", "names, with commas between, that the service goes by where no key is asked for", optional=True
    )
    origins: str = _setting(
        "",
        "origins, with commas between, whose pages may ask for topics (CORS); * is every origin",
        optional=True,
    )
    allow_no_keys: bool = _setting(False, "whether to listen beyond this machine without keys")
    rate_limit: int = _setting(1000, "requests a second of one key, over all workers; 0 is no limit", 0, 1_000_000)
    max_concurrent: int = _setting(
        256, "most requests being answered at once in one worker; half of them of one key", 1, 100_000
    )
    max_held: int = _setting(
        128 * _MIB,
        "most bytes of requests in one worker's memory; half of them of one key, which a batch must fit into",
        1024,
        1024 * 1024 * _MIB,
    )
    head_timeout: int = _setting(10, "seconds to wait for a request's headers", 1, 3600)
    body_timeout: int = _setting(20, "seconds to wait for a request's body; each 4,096 bytes win back one", 1, 3600)
    stop_delay: int = _setting(0, "seconds to go on answering, unready, after SIGTERM", 0, 3600)
    stop_timeout: int = _setting(10, "seconds that requests in flight may take to finish after that", 1, 3600)
    access_log: bool = _setting(True, "whether each request is a line on standard output")
    log_json: bool = _setting(True, "whether log lines are JSON; false is for a terminal")
    telemetry: bool = _setting(False, "whether traces go where OTEL_EXPORTER_OTLP_ENDPOINT says")

    def __post_init__(self) -> None:
        faults = [fault for setting in fields(self) if (fault := _fault(setting, getattr(self, setting.name)))]
        if not faults and self.max_held < (least := 2 * max(self.max_body, self.max_batch_body)):
            faults.append(
                f"{variable('max_held')} is {self.max_held:,}: give at least {least:,}, twice the largest of "
                f"{variable('max_body')} and {variable('max_batch_body')}"
            )
        faults += _faults_of_models(self) + _faults_of_origins(self)
        if faults:
            raise SettingsError("; ".join(faults))

    @property
    def by_language(self) -> dict[str, str]:
        """The models to serve by their languages; one alone, and a default that has no language of its own, by `*`."""
        return dict(_languages_and_models(self.models)) if self.models else {OTHERS: self.model}

    @property
    def names(self) -> list[str]:
        """The names in `hosts`, in lower case."""
        return [name.lower() for name in _entries(self.hosts)]

    @property
    def allowed_origins(self) -> list[str]:
        """The origins in `origins` as browsers write them: in lower case, without the port that a scheme implies."""
        return [name for entry in _entries(self.origins) if (name := _origin(entry))]

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None
    ) -> "Settings":
        """Read the settings; what is not set keeps its default, and an option takes precedence over a variable.

        Args:
            environ: variables, `os.environ` by default. An empty one counts as not set.
            options: values from the command line, by the setting's name.

        Raises:
            SettingsError: naming every fault at once.
        """
        return cls(**{name: value for name, (value, _) in sources(environ, options).items()})

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` reads the same settings, without a file."""
        variables = {variable(setting.name): shown(getattr(self, setting.name)) for setting in fields(self)}
        return variables | {variable(CONFIG): ""}


def _languages_and_models(models: str) -> list[tuple[str, str]]:
    pairs = (entry.partition("=") for entry in models.split(","))
    return [(language.strip().lower(), model.strip()) for language, _, model in pairs]


def _faults_of_models(settings: Settings) -> list[str]:
    if not settings.models:
        return []
    name = f"{variable('models')} (or {option('models')})"
    faults = []
    if settings.model != _MODEL:
        faults.append(f"{name} and {variable('model')} are both set: leave one of them out")
    pairs = _languages_and_models(settings.models)
    if not all(model for _, model in pairs):
        faults.append(f"{name} is {settings.models!r}: give languages and models, such as en=news-en,fr=news-fr")
        return faults
    for language, count in Counter(language for language, _ in pairs).items():
        if language not in (OTHERS, primary_language(language)):
            faults.append(f"{name} has the language {language!r}: give a primary language of BCP 47, such as fr, or *")
        if count > 1:
            faults.append(f"{name} has the language {language} {count} times: give it one model")
    return faults


def _entries(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _origin(entry: str) -> str | None:
    """Return an origin as browsers write it; None where no browser would."""
    name = entry.lower().removesuffix("/")
    if name == ANY_ORIGIN:
        return name
    match = _is_origin(name)
    if match is None or (match["port"] and int(match["port"]) > _MOST_PORTS):
        return None
    return name.removesuffix(f":{_PORTS.get(match['scheme'], '')}")


def _faults_of_origins(settings: Settings) -> list[str]:
    name = f"{variable('origins')} (or {option('origins')})"
    return [
        f"{name} has {entry!r}, which is the origin of no page: give scheme, host and, if need be, port, such as "
        "https://cms.example.org, with commas between several, or * for every origin"
        for entry in _entries(settings.origins)
        if _origin(entry) is None
    ]


def sources(
    environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None
) -> dict[str, tuple[Any, str]]:
    """Return the value of each setting that is not left at its default, and where it comes from.

    Raises:
        SettingsError: the file cannot be read, or a name is not that of a setting.
    """
    environ = os.environ if environ is None else environ
    options = options or {}
    refuse_unknown(
        (name for name in environ if name.startswith(PREFIX)),
        [*(variable(setting.name) for setting in fields(Settings)), variable(CONFIG), *ELSEWHERE],
        "in the environment",
    )
    path = options.get(CONFIG) or environ.get(variable(CONFIG))
    file = _read_file(Path(path)) if path else {}
    values = {}
    for setting in fields(Settings):
        if (raw := options.get(setting.name)) is not None:
            values[setting.name] = (_parsed(setting, raw), f"option {option(setting.name)}")
        elif raw := environ.get(variable(setting.name)):
            values[setting.name] = (_parsed(setting, raw), f"variable {variable(setting.name)}")
        elif setting.name in file:
            values[setting.name] = (file[setting.name], f"file {path}")
    return values


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the command line's option of a setting."""
    return "--" + name.replace("_", "-")


def shown(value: object) -> str:
    """Return a value as it is written in a variable."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def described(environ: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None) -> str:
    """Return every setting with its meaning, its value and where that comes from, as a file that can be read back.

    Raises:
        SettingsError: naming every fault at once.
    """
    environ = os.environ if environ is None else environ
    values = sources(environ, options)
    settings = Settings(**{name: value for name, (value, _) in values.items()})
    lines = []
    for setting in fields(Settings):
        value, source = getattr(settings, setting.name), values.get(setting.name, (None, "default"))[1]
        value = without_password(value) if setting.metadata["secret"] else value
        written = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else shown(value)
        lines.append(f"# {setting.metadata['help']}\n{setting.name} = {written}  # {source}\n")
    lines.append("# Read from the environment alone:\n")
    lines += [f"# {name}: {text}; {'set' if environ.get(name) else 'not set'}\n" for name, text in ELSEWHERE.items()]
    return "".join(lines)


def without_password(url: str) -> str:
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
    known = {setting.name: setting for setting in fields(Settings)}
    refuse_unknown(values, known, f"in {path}")
    faults = [fault for name, value in values.items() if (fault := _fault(known[name], value, f"{name} in {path}"))]
    if faults:
        raise SettingsError("; ".join(faults))
    return values


def refuse_unknown(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse names that are not known, and suggest the nearest known name for each.

    Raises:
        SettingsError: naming all of them.
    """
    known = sorted(known)
    faults = []
    for name in sorted(set(names).difference(known)):
        near = difflib.get_close_matches(name, known, 1) or ["`tagdesk settings`, which lists them"]
        faults.append(f"no setting is called {name} ({where}): did you mean {near[0]}?")
    if faults:
        raise SettingsError(" ".join(faults))


def _parsed(setting: "Field[Any]", raw: str) -> str | int | bool:
    """Return the value, or the text as it is for `_fault` to name."""
    if setting.type is bool:
        return _BOOLS.get(raw.lower(), raw)
    if setting.type is int and raw.isascii() and raw.isdecimal() and len(raw) < 20:
        return int(raw)
    return raw


def _fault(setting: "Field[Any]", value: object, name: str = "") -> str:
    name = name or f"{variable(setting.name)} (or {option(setting.name)})"
    if setting.type is bool:
        return "" if isinstance(value, bool) else f"{name} is {value!r}: give true or false"
    if setting.type is str:
        if isinstance(value, str) and (value.strip() or (setting.metadata["optional"] and not value)):
            return ""
        return f"{name} is {'empty' if isinstance(value, str) else 'no text'}: give the {setting.metadata['help']}"
    least, most = setting.metadata["least"], setting.metadata["most"]
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return ""
    return f"{name} is {value!r}: give a whole number from {least:,} to {most:,}"

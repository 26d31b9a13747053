"""What the service can be told: `TAGDESK_*` in the environment, or the same as options of `python -m service`."""

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from models.errors import TagdeskError

PREFIX = "TAGDESK_"

_MIB = 1024 * 1024


class SettingsError(TagdeskError):
    """A setting has a value that the service cannot run with."""


def _setting(default: str | int, help_text: str, least: int = 0, most: int = 0) -> Any:
    return field(default=default, metadata={"help": help_text, "least": least, "most": most})


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
    max_body: int = _setting(4 * _MIB, "largest request with one article, in bytes", 1024, 1024 * _MIB)
    max_batch: int = _setting(1000, "most articles in one batch", 1, 100_000)
    max_batch_body: int = _setting(32 * _MIB, "largest request with a batch, in bytes", 1024, 1024 * _MIB)

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
        environ = os.environ if environ is None else environ
        options = options or {}
        given: dict[str, Any] = {}
        for one in fields(cls):
            raw = options.get(one.name)
            if raw is None:
                raw = environ.get(variable(one.name)) or None
            if raw is not None:
                given[one.name] = _number(raw) if one.type is int else raw
        return cls(**given)

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads the same settings from."""
        return {variable(one.name): str(getattr(self, one.name)) for one in fields(self)}


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the command line's option of a setting."""
    return "--" + name.replace("_", "-")


def _number(raw: str) -> int | str:
    """Return the number, or the text as it is for `_fault` to name."""
    return int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 20 else raw


def _fault(one: "Field[Any]", value: object) -> str:
    name = f"{variable(one.name)} (or {option(one.name)})"
    if one.type is str:
        return "" if isinstance(value, str) and value.strip() else f"{name} is empty: give the {one.metadata['help']}"
    least, most = one.metadata["least"], one.metadata["most"]
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return ""
    return f"{name} is {value!r}: give a whole number from {least:,} to {most:,}"

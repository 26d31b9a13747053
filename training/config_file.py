"""Write a training config, as a file that `tagdesk.training.config.load_config` reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tagdesk.training.config import Config


def as_toml(config: Config, remark: str) -> str:
    """Return the config as TOML, with a remark on top."""
    return f"# {remark}\n" + "".join(_table_lines(asdict(config)))


def _table_lines(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    if path:
        yield f"\n[{'.'.join(map(_key, path))}]\n"
    for name, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            # JSON's strings, lists, numbers, true and false are TOML's, but for one control character.
            yield f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f")
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _table_lines(value, (*path, name))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)

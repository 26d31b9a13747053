"""Keys: named, of 256 random bits, stored as salted SHA-256 in a file that is read again when it changes.

SHA-256 is fast on purpose: nobody guesses 256 bits, and every request pays for the hash.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagdesk.models.errors import TagdeskError

SCOPES = ("tag", "feedback", "editors", "admin")
"""What a key may be for; `editors` allows sending corrections in other people's names, `admin` includes all."""

_PREFIX = b"tagdesk_"  # secret scanners find a key by it
_SALT = slice(len(_PREFIX), len(_PREFIX) + 16)
_LENGTH = len(_PREFIX) + 16 + 1 + 43
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECONDS_BETWEEN_LOOKS = 1.0

logger = logging.getLogger("tagdesk")


class KeysError(TagdeskError):
    """The keys file cannot be read or written, or a key is invalid."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is stored of a key: enough to recognise it, too little to reproduce it.

    Attributes:
        name: whose key it is; logs and limits name it.
        scopes: one or more of `SCOPES`.
        created: the day, as ISO 8601.
        salt: 16 hexadecimal digits, which are also part of the key itself, so that its entry can be looked up.
        digest: SHA-256 of the key, its salt included.

    Raises:
        KeysError: naming every fault at once.
    """

    name: str
    scopes: tuple[str, ...]
    created: str
    salt: str
    digest: str

    def __post_init__(self) -> None:
        faults = []
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            faults.append("a name has 1 to 64 of the characters A-Z a-z 0-9 . _ - and starts with one of the first 62")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            faults.append(f"a key has one or more of the scopes {', '.join(SCOPES)}")
        if not _hexadecimal(self.salt, 16) or not _hexadecimal(self.digest, 64):
            faults.append("a salt has 16 hexadecimal digits, a digest 64")
        if faults:
            raise KeysError("; ".join(faults))

    def allows(self, scope: str) -> bool:
        """Tell whether the key may do what needs this scope."""
        return scope in self.scopes or "admin" in self.scopes


def _hexadecimal(value: object, length: int) -> bool:
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{length}}}", value) is not None


def new_key(name: str, scopes: Iterable[str], created: str) -> tuple[Key, str]:
    """Make a key.

    Returns:
        What is stored of it, and the key itself, which can never be shown again.

    Raises:
        KeysError: the name or a scope is invalid.
    """
    salt = secrets.token_hex(8)
    token = f"{_PREFIX.decode()}{salt}_{secrets.token_urlsafe(32)}"
    chosen = tuple(sorted(set(scopes)))
    return Key(name, chosen, created, salt, hashlib.sha256(token.encode()).hexdigest()), token


def read_keys(path: Path) -> list[Key]:
    """Read a keys file.

    Raises:
        KeysError: it does not exist, cannot be read, or is not a keys file.
    """
    try:
        return _keys(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise KeysError(f"there is no keys file {path}: make one with `tagdesk key create NAME --scope tag`") from None
    except OSError as error:
        raise KeysError(f"cannot read the keys file {path}: {error.strerror}") from None
    except (KeysError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = error if isinstance(error, KeysError) else "it is not as `key create` writes it"
        raise KeysError(f"cannot use the keys file {path}: {reason}") from None


def _keys(document: Any) -> list[Key]:
    keys = [
        Key(row["name"], tuple(row["scopes"]), row["created"], row["salt"], row["sha256"]) for row in document["keys"]
    ]
    for what, values in (("name", [key.name for key in keys]), ("salt", [key.salt for key in keys])):
        if len(set(values)) < len(values):
            raise KeysError(f"two keys have the same {what}")
    return keys


def keys_json(keys: Iterable[Key]) -> bytes:
    """Return the contents of a keys file."""
    rows = [
        {"name": key.name, "scopes": key.scopes, "created": key.created, "salt": key.salt, "sha256": key.digest}
        for key in keys
    ]
    return json.dumps({"keys": rows}, indent=2).encode() + b"\n"


class KeyRing:
    """The keys in a file as it is now; when a key is looked up, the file is checked, at most once a second.

    If the file can no longer be used, the keys stay as they were, and the log says so once.

    Args:
        path: the keys file.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._next_look = 0.0
        self._seen: tuple[int, int, int] | None = None
        self._entries: Mapping[bytes, tuple[bytes, Key]] | None = None

    @property
    def usable(self) -> bool:
        """Whether the file could be read at least once."""
        return self._entries is not None

    def find(self, token: bytes) -> Key | None:
        """Return the key that a client sent, None if there is no such key.

        The same work is done for a wrong key as for a right one, and digests are compared in constant time.
        """
        self._look_in_time()
        digest, key = (self._entries or {}).get(token[_SALT], _NOBODY)
        matches = hmac.compare_digest(hashlib.sha256(token[: _LENGTH + 1]).digest(), digest)
        return key if matches else None

    def of_salt(self, salt: bytes) -> Key | None:
        """Return the key with this salt, None if there is none any more: for a client that has shown its key before."""
        self._look_in_time()
        entry = (self._entries or {}).get(salt)
        return entry[1] if entry else None

    def _look_in_time(self) -> None:
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + _SECONDS_BETWEEN_LOOKS
            self._look()

    def _look(self) -> None:
        try:
            status = self._path.stat()
        except OSError:
            seen = (0, 0, 0)
        else:
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            keys = read_keys(self._path)
        except KeysError as error:
            logger.warning("%s; the keys stay as they were", error)
            return
        self._entries = {key.salt.encode(): (bytes.fromhex(key.digest), key) for key in keys}


_NOBODY = (bytes(32), Key("nobody", ("tag",), "", "0" * 16, "0" * 64))

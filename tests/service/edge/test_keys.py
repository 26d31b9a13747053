"""The keys file: what is kept of a key, what is refused, and a file that changes while it is in use."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tagdesk.service.edge.keys import SCOPES, Key, KeyRing, KeysError, keys_json, new_key, read_keys

DAY = "2026-11-24"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the keys are."""
    return tmp_path / "keys.json"


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, *keys: Key) -> None:
    """Replace the file, as the command does."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(keys_json(keys))
    draft.replace(path)


def test_keeps_no_key(path: Path) -> None:
    """The file has the name, the scopes, the day, and a salted SHA-256 that only the key leads to."""
    key, token = new_key("cms", ["tag", "tag"], DAY)
    write(path, key)
    secret = token.split("_", 2)[2]
    assert secret not in path.read_text()
    assert json.loads(path.read_text()) == {
        "keys": [
            {
                "name": "cms",
                "scopes": ["tag"],
                "created": DAY,
                "salt": token.split("_")[1],
                "sha256": hashlib.sha256(token.encode()).hexdigest(),
            }
        ]
    }
    assert read_keys(path) == [key]


def test_makes_keys_of_256_random_bits() -> None:
    """No two keys share a salt or a secret, and a secret is 32 bytes."""
    tokens = [new_key("cms", ["tag"], DAY)[1].split("_", 2) for _ in range(100)]
    assert {name for name, _, _ in tokens} == {"tagdesk"}
    for part in (1, 2):
        assert len({token[part] for token in tokens}) == 100
    assert {len(token[2]) for token in tokens} == {43}


def test_finds_the_key(path: Path) -> None:
    """A ring knows its keys, whole and unchanged, and no other."""
    made = [new_key(f"key-{scope}", [scope], DAY) for scope in SCOPES]
    write(path, *(key for key, _ in made))
    ring = KeyRing(path)
    for key, token in made:
        assert ring.find(token.encode()) == key
        for wrong in (token[:-1], token + "x", token.upper(), token[:30] + "A" + token[31:] + "B", " " + token):
            assert ring.find(wrong.encode()) is None
    for strange in (b"", b"x", b"tagdesk_", b"tagdesk_" + b"0" * 16 + b"_" + b"A" * 43, b"\xff" * 9999):
        assert ring.find(strange) is None


def test_admin_includes_the_other_scopes() -> None:
    """An admin key does everything, another what it is for."""
    allowed = {scope: [one for one in SCOPES if new_key("x", [scope], DAY)[0].allows(one)] for scope in SCOPES}
    assert allowed == {"tag": ["tag"], "feedback": ["feedback"], "editors": ["editors"], "admin": list(SCOPES)}


def test_notices_a_change_within_a_second(path: Path) -> None:
    """New keys work and revoked ones do not, a second after the file changed; before, nobody looks at it."""
    (first, first_token), (second, second_token) = (new_key(name, ["tag"], DAY) for name in ("first", "second"))
    clock = Clock()
    ring = KeyRing(path, clock)
    write(path, first)
    assert ring.find(first_token.encode()) == first
    write(path, second)
    clock.now += 0.9
    assert ring.find(first_token.encode()) == first
    assert ring.find(second_token.encode()) is None
    clock.now += 0.2
    assert ring.find(first_token.encode()) is None
    assert ring.find(second_token.encode()) == second


def test_keeps_its_keys_when_the_file_breaks(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken or missing file is one line in the log, and the service goes on with the keys it has."""
    key, token = new_key("cms", ["tag"], DAY)
    clock = Clock()
    ring = KeyRing(path, clock)
    write(path, key)
    assert ring.find(token.encode()) == key
    with caplog.at_level(logging.WARNING):
        for spoil in (lambda: path.write_text("{"), path.unlink):
            spoil()
            for _ in range(3):
                clock.now += 1.1
                assert ring.find(token.encode()) == key
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == [
        f"cannot use the keys file {path}",
        f"there is no keys file {path}",
    ]
    write(path)
    clock.now += 1.1
    assert ring.find(token.encode()) is None


def test_says_that_it_never_had_keys(path: Path) -> None:
    """A ring whose file could never be read is not usable; one of an empty file is."""
    clock = Clock()
    ring = KeyRing(path, clock)
    assert ring.find(b"x") is None
    assert not ring.usable
    write(path)
    clock.now += 1.1
    assert ring.find(b"x") is None
    assert ring.usable


GOOD: dict[str, Any] = {"name": "cms", "scopes": ["tag"], "created": DAY, "salt": "0" * 16, "sha256": "0" * 64}

BROKEN: dict[str, tuple[Any, str]] = {
    "not JSON": (b"{", "not as `key create` writes it"),
    "not UTF-8": (b"\xff", "not as `key create` writes it"),
    "deep": (b"[" * 100_000, "not as `key create` writes it"),
    "an array": ([], "not as `key create` writes it"),
    "no keys": ({}, "not as `key create` writes it"),
    "null": ({"keys": None}, "not as `key create` writes it"),
    "a key that is text": ({"keys": ["x"]}, "not as `key create` writes it"),
    "no digest": ({"keys": [{"name": "cms"}]}, "not as `key create` writes it"),
    "a name with a line break": ({"keys": [GOOD | {"name": "a\nb"}]}, "a name has"),
    "a name that is a number": ({"keys": [GOOD | {"name": 7}]}, "a name has"),
    "no scope": ({"keys": [GOOD | {"scopes": []}]}, "one or more of the scopes tag, feedback, editors, admin"),
    "another scope": ({"keys": [GOOD | {"scopes": ["root"]}]}, "one or more of the scopes"),
    "a scope that is a list": ({"keys": [GOOD | {"scopes": [["tag"]]}]}, "not as `key create` writes it"),
    "a short salt": ({"keys": [GOOD | {"salt": "0"}]}, "a salt has 16"),
    "a digest that is a number": ({"keys": [GOOD | {"sha256": 0}]}, "a digest 64"),
    "one name twice": ({"keys": [GOOD, GOOD | {"salt": "1" * 16}]}, "two keys have the same name"),
    "one salt twice": ({"keys": [GOOD, GOOD | {"name": "other"}]}, "two keys have the same salt"),
}


@pytest.mark.parametrize(("document", "said"), BROKEN.values(), ids=list(BROKEN))
def test_refuses_a_broken_file(path: Path, document: Any, said: str) -> None:
    """A file that is not as it must be is one sentence with its path."""
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    with pytest.raises(KeysError) as refused:
        read_keys(path)
    assert str(refused.value).startswith(f"cannot use the keys file {path}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_names_the_file_it_cannot_read(path: Path) -> None:
    """A missing file is said with how to make one, another fault with the system's reason."""
    with pytest.raises(KeysError, match="key create NAME"):
        read_keys(path)
    path.mkdir()
    with pytest.raises(KeysError, match=r"cannot read the keys file .*: Is a directory"):
        read_keys(path)


@pytest.mark.parametrize("name", ["", "a b", "-x", "é", "a" * 65, "a/b", "a:b"])
def test_refuses_a_name_that_logs_cannot_show(name: str) -> None:
    """A name is short and of plain characters, as it stands in logs and in HTTP basic."""
    with pytest.raises(KeysError, match="a name has 1 to 64"):
        new_key(name, ["tag"], DAY)

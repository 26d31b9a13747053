"""How long a key is checked tells nothing of how much of it is right."""

import ast
import inspect
import time
from pathlib import Path
from statistics import median

import pytest

from service import keys
from service.keys import KeyRing, keys_json, new_key


def test_keys_are_compared_by_what_takes_the_same_time_always() -> None:
    """Digests meet in `hmac.compare_digest`, and no secret is compared by `==`."""
    tree = ast.parse(inspect.getsource(keys))
    (find,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "find")
    calls = {ast.unparse(node.func) for node in ast.walk(find) if isinstance(node, ast.Call)}
    compared = [ast.unparse(node) for node in ast.walk(find) if isinstance(node, ast.Compare)]
    assert "hmac.compare_digest" in calls
    assert [one for one in compared if "token" in one or "digest" in one] == []


@pytest.fixture
def checked(tmp_path: Path) -> tuple[KeyRing, bytes]:
    """Return a ring of ten keys, and one of its keys."""
    made = [new_key(f"key-{n}", ["tag"], "2026-11-24") for n in range(10)]
    path = tmp_path / "keys.json"
    path.write_bytes(keys_json(key for key, _ in made))
    return KeyRing(path, lambda: 0.0), made[4][1].encode()


def test_wrong_key_takes_as_long_wherever_it_is_wrong(checked: tuple[KeyRing, bytes]) -> None:
    """Medians of thousands of interleaved checks lie within a quarter of each other: wrong early, late, or unknown."""
    ring, right = checked
    last = right[:-1] + (b"A" if right[-1:] != b"A" else b"B")
    first_of_secret = right[:-43] + bytes([right[-43] ^ 1]) + right[-42:]
    unknown = right.replace(right[-60:-44], b"0" * 16)
    tokens = {"right": right, "last": last, "first": first_of_secret, "unknown": unknown}
    taken: dict[str, list[int]] = {name: [] for name in tokens}
    assert [ring.find(token) is not None for token in tokens.values()] == [True, False, False, False]
    for _ in range(3000):
        for name, token in tokens.items():
            began = time.perf_counter_ns()
            ring.find(token)
            taken[name].append(time.perf_counter_ns() - began)
    medians = {name: median(times) for name, times in taken.items()}
    assert max(medians.values()) < 1.25 * min(medians.values()), medians

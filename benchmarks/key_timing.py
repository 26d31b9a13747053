"""How long a key is checked, and whether that tells how much of it is right."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from benchmarks.table import markdown, number, write
from tagdesk.service.edge.keys import KeyRing, keys_json, new_key

_KEYS = 10


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Check keys that are wrong in different places, in turn, and write `key-timing.md`."""
    rounds = 300 if quick else 20_000
    made = [new_key(f"key-{n}", ["tag"], "2026-11-24") for n in range(_KEYS)]
    right = made[_KEYS // 2][1].encode()
    tokens = {
        "right": right,
        "wrong in its last character": right[:-1] + (b"A" if right[-1:] != b"A" else b"B"),
        "wrong in the first of its secret": right[:-43] + bytes([right[-43] ^ 1]) + right[-42:],
        "of no name in the file": right.replace(right[-60:-44], b"0" * 16),
    }
    tokens = {name: token for name, token in tokens.items() if not only or name in only}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        path.write_bytes(keys_json(key for key, _ in made))
        times = _times(KeyRing(path, lambda: 0.0), tokens, rounds)
    medians = {name: median(taken) for name, taken in times.items()}
    first = next(iter(medians.values()))
    rows = [(name, number(taken / 1000), f"{taken / first:.2f}×") for name, taken in medians.items()]
    about = f"A ring of {_KEYS} keys; medians of {rounds:,} checks each, one kind after the other in every round."
    write(
        "key-timing", "How long a key is checked", [about, markdown(("the key is", "µs", "ratio"), rows)], quick=quick
    )


def _times(ring: KeyRing, tokens: dict[str, bytes], rounds: int) -> dict[str, list[int]]:
    times: dict[str, list[int]] = {name: [] for name in tokens}
    for _ in range(rounds):
        for name, token in tokens.items():
            begin = perf_counter_ns()
            ring.find(token)
            times[name].append(perf_counter_ns() - begin)
    return times

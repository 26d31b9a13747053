"""A store with versions of the tiny model that answer differently, and the service on it, for the tests of swaps."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tagdesk.models.bundle import save_bundle
from tagdesk.models.storage import make_current
from tests.processes import SERVE, environment
from tests.service.posting import address_line
from tests.tiny import NAME, WEIGHTS, tiny_model
from tests.waiting import PATIENCE

TOPIC_OF = {"busy": "diplomacy", "calm": "weather", "tense": "conflict"}
"""The one topic that each version gives to `ARTICLE`."""

ARTICLE = {"id": "a-1", "body": "The the the."}


def save_versions(store: Path) -> Path:
    """Write the versions, of which `calm` is current, and return their folder."""
    for version, topic in TOPIC_OF.items():
        model = tiny_model()
        bias = model.bias.copy()
        bias[model.taxonomy.column(topic)] = 4.0
        folder = save_bundle(replace(model, version=version, bias=bias), list(WEIGHTS), f"# {version}\n", store)
    make_current(store, NAME, "calm")
    return folder.parent


def spoil(folder: Path) -> None:
    """Change one byte of a bundle's arrays."""
    path = folder / "arrays.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@contextmanager
def serving(store: Path, *options: str, served: str = "--model=tiny") -> Iterator[str]:
    """Run `tagdesk serve` on a store; yield its address.

    Args:
        store: the store.
        options: of the command line.
        served: the option that says which model, or models, it serves.
    """
    with subprocess.Popen(
        [*SERVE, "--port=0", served, "--rate-limit=0", "--access-log=false", *options],
        env=environment(TAGDESK_STORE=str(store), TAGDESK_DATABASE_URL=str(store / "ledger.sqlite")),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield address_line(process).split()[-1].rstrip("/")
        finally:
            process.terminate()
            process.wait(PATIENCE)

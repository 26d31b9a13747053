"""What large requests took of memory goes back to the system."""

import subprocess
import sys

import pytest

from tests.waiting import PATIENCE

_CODE = """
import sys, time
from tagdesk.service.server import memory
resident, looks = memory._resident, 0
def counted():
    global looks
    looks += 1
    return resident()
memory._resident = counted
memory._LOOK_SECONDS = 0.05
memory.give_back_memory()
while looks < 4:  # else it takes what follows for what the process needs
    time.sleep(0.05)
before = memory._resident()
rows = [bytes(30_000) for _ in range(10_000)]
kept = rows[::100]
del rows
for _ in range(2400):
    if memory._resident() < before + 64_000_000:
        sys.exit(0)
    time.sleep(0.05)
sys.exit("it is kept")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_gives_back_what_lies_between_what_is_kept() -> None:
    """300 MB of small pieces are not kept for the sake of the 3 MB of them that are."""
    subprocess.run([sys.executable, "-c", _CODE], check=True, timeout=3 * PATIENCE)

"""Fuzz by coverage: `python -m tests.attacks.fuzz [-max_total_time=60] [FOLDER]`; needs `pip install atheris`."""

import importlib
import sys
from typing import Any

# What numba compiles cannot be instrumented.
_COMPILED = [
    "tagdesk.models.kernel",
    "tagdesk.models.reading.markup",
    "tagdesk.models.reading.references",
    "tagdesk.models.reading.visible",
]


def main() -> None:
    """Fuzz until told to stop, or something is found."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["tagdesk"], exclude=_COMPILED):
        target = importlib.import_module("tests.attacks.fuzz_target")
    atheris.Setup(sys.argv, target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

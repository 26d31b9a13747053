"""The client as a newsroom installs it, and servers that misbehave."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "integrations" / "python"))

"""The newest row of the ladder in docs/quality.md: the shipped model's figures on gold/dev and held-out articles."""

import subprocess

from benchmarks.table import ROOT
from tagdesk.models.bundle import load_bundle
from tagdesk.models.storage import SHIPPED, current
from tagdesk.training.config import load_config
from tagdesk.training.corpora.places import SHARED
from tagdesk.training.judge.score_file import score_file


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Print the row; what changed is for its author to say."""
    print(row("…"))


def row(change: str) -> str:
    """Return the row of the shipped model; figures on gold/dev are measured where it is at hand."""
    name = load_config().name
    folder = SHIPPED / name / str(current(SHIPPED, name))
    model = load_bundle(folder)
    held_out = model.manifest["metrics"]["held_out"]
    path, gold = SHARED / "gold" / "dev.jsonl.gz", "–"
    if path.exists():
        scores = score_file(model, folder, path).to_json()
        gold = f"{scores['micro_f1']:.3f} / {scores['macro_f1']:.3f}"
    cells = (
        model.manifest["trained"][:10],
        model.version.rpartition("-")[2],
        change,
        gold,
        f"{held_out['micro_f1']:.3f} / {held_out['macro_f1']:.3f}, of {held_out['articles']:,}",
        _commit(name),
    )
    return f"| {' | '.join(cells)} |"


def _commit(name: str) -> str:
    """Return the commit that shipped the model."""
    command = ["git", "log", "-1", "--format=%h", "--", f"models/store/{name}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

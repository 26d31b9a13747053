"""The benchmarks run, as far as they need nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_in_process_compares_ours_with_the_pipeline(tmp_path: Path) -> None:
    """Without Wikinews the invented articles stand in; the two have the same weights, so the same confidences."""
    command = [sys.executable, "-m", "benchmarks", "in-process", "--quick", "--only", "ours,pipeline"]
    environment = {"PATH": "", "CORPUS_DIR": str(tmp_path), "TAGDESK_BENCH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = re.findall(
        r"^\| (Tagdesk|scikit-learn)[^|]*\| *([\d.,]+) \|.*\| *(\S+) \|$", done.stdout, flags=re.MULTILINE
    )
    assert [name for name, _, _ in rows] == ["Tagdesk", "scikit-learn"]
    assert float(rows[1][2]) < 1e-5
    assert "invented articles" in done.stdout
    assert (tmp_path / "results" / "in-process.md").read_text(encoding="utf-8") == done.stdout


def test_readme_of_the_benchmarks_names_every_command() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^    ([a-z-]+) ", shown, flags=re.MULTILINE)
    assert commands
    assert [name for name in commands if f"`{name}`" not in text] == []

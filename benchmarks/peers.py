"""The peers, each installed by pip on its own; one that will not install is said and left out."""

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.table import ROOT, markdown, say, write


class PeerMissing(RuntimeError):
    """A peer could not be installed, made or run; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What we compare with.

    Attributes:
        name: as in the tables.
        packages: what pip installs.
        folder: its environment, below `var/`; peers that pin other versions have one of their own.
        module: what to import to see that it runs.
    """

    name: str
    packages: tuple[str, ...]
    folder: str = "bench-venv"
    module: str = ""


_SAME = tuple(f"{name}=={version(name)}" for name in ("scikit-learn", "joblib"))
"""The versions that wrote the pipeline."""

PEERS = {
    peer.name: peer
    for peer in (
        Peer("fasttext", ("fasttext-numpy2",), module="fasttext"),
        Peer("onnx", ("skl2onnx", "onnxruntime", *_SAME), module="onnxruntime"),
        Peer("vowpalwabbit", ("vowpalwabbit",), module="vowpalwabbit"),
        Peer("matplotlib", ("matplotlib",), module="matplotlib"),
        # mlserver 1.7.1's worker processes die with uvloop 0.22 and later: "There is no current event loop".
        Peer("mlserver", ("mlserver", "mlserver-sklearn", "uvloop<0.22", *_SAME), "bench-venvs/mlserver", "mlserver"),
        Peer("libmultilabel", ("libmultilabel==0.10.0",), "bench-venvs/libmultilabel", "libmultilabel.linear"),
        Peer("annif", ("annif[omikuji]~=1.4.0",), "bench-venvs/annif", "annif"),
        Peer("omikuji", ("omikuji", "scikit-learn"), "bench-venvs/omikuji", "omikuji"),
    )
}


def python_of(name: str) -> Path:
    """Return the interpreter of a peer's environment, installing the peer first if need be.

    Raises:
        PeerMissing: it cannot be installed or imported.
    """
    peer = PEERS[name]
    home = ROOT / "var" / peer.folder
    python, stamp = home / "bin" / "python", home / f"{name}.installed"
    if not python.exists():
        _try([sys.executable, "-m", "venv", str(home)], name)
    wanted = " ".join(peer.packages)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        say(f"installing {name} into var/{peer.folder}")
        _try([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages], name)
        _try([str(python), "-c", f"import {peer.module}"], name)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(name: str) -> str:
    """Return what pip says is installed of a peer, `fasttext-numpy2 0.10.4`."""
    packages = [re.split("[^A-Za-z0-9_-]", package)[0] for package in PEERS[name].packages]
    code = (
        "import sys; from importlib.metadata import version as v; print(', '.join(f'{n} {v(n)}' for n in sys.argv[1:]))"
    )
    done = subprocess.run([str(python_of(name)), "-c", code, *packages], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def drawn(script: Path, source: Path, plot: Path, caption: str) -> str:
    """Let a script draw a plot of a file of figures; return what a report says of it, or why there is none."""
    try:
        command = [str(python_of("matplotlib")), str(script), str(source), str(plot)]
    except PeerMissing as error:
        return f"No plot: {error}"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"No plot: {last_line(done.stderr)}"
    return f"![{caption}]({plot.name})"


def last_line(text: str) -> str:
    """Return the last error in a program's output, or its last line where it names none."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b|ERROR", line)]
    return (errors or lines or ["it said nothing"])[-1][:300].replace(f"{ROOT}/", "")


def _try(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerMissing(f"{name} will not install: {last_line(done.stderr or done.stdout)}")


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Install every peer, and write which are there."""
    rows = []
    for name in only or PEERS:
        try:
            python_of(name)
            rows.append((name, versions(name), PEERS[name].folder))
        except PeerMissing as error:
            rows.append((name, str(error), PEERS[name].folder))
    write("peers", "Peers", [markdown(("peer", "installed", "in var/"), rows)], quick=quick)

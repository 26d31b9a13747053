"""The wheel in a fresh environment: one name, and all that its commands need, whatever lies in the working folder."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

import tagdesk
from tests.service.posting import address_line
from tests.training.conftest import DATA
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent
FOLDERS = ("archive", "formats", "models", "service", "training")

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("setuptools") and importlib.util.find_spec("pip")),
    reason="a wheel is built by setuptools and installed by pip, and one of them is missing",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built as an index would build it: the source distribution first, then from that the wheel."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    for name in ("src", *FOLDERS):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    _build("sdist", source, built)
    subprocess.run(["tar", "xzf", next(built.glob("*.tar.gz")), "-C", built], check=True)
    _build("wheel", next(path for path in built.iterdir() if path.is_dir()), built)
    (path,) = built.glob("*.whl")
    return path


def _build(what: str, source: Path, target: Path) -> None:
    code = f"import sys; from setuptools import build_meta; build_meta.build_{what}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(target)], cwd=source, capture_output=True, check=True)


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a fresh environment with the wheel in it, which finds its dependencies in ours."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    path = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(path), "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True)
    ours = [place for place in sys.path if place.endswith("site-packages")]
    _site_packages(path).joinpath("dependencies.pth").write_text("\n".join(ours))
    return path


def _site_packages(python: Path) -> Path:
    (folder,) = python.parent.parent.glob("lib/python*/site-packages")
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the folder of a project that has packages of our folders' names."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('this is not Tagdesk')\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TAGDESK_") or name in {"CORPUS_DIR", "PYTHONPATH"}]:
        monkeypatch.delenv(name)
    return tmp_path


def test_adds_one_name_to_the_environment(python: Path) -> None:
    added = {path.name for path in _site_packages(python).iterdir()} - {"dependencies.pth"}
    assert added == {"tagdesk", f"tagdesk-{tagdesk.__version__}.dist-info"}


def test_holds_every_file_of_the_folders(wheel: Path) -> None:
    """The links of the repository are folders in it; their READMEs stay behind."""
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    ours = {f"tagdesk/{path.relative_to(ROOT).as_posix()}" for path in paths if "__pycache__" not in path.parts}
    missing = {name for name in ours - held if not name.endswith("README.md")}
    assert not missing
    assert "tagdesk/py.typed" in held


def test_is_imported_and_tags_beside_packages_of_the_same_names(python: Path, elsewhere: Path) -> None:
    code = "import tagdesk, json; print(tagdesk.load().tag(tagdesk.Article(body='Troops left the town.')).topics)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert "id='conflict'" in done.stdout
    line = json.dumps({"id": "1", "body": "Troops left the town."})
    done = subprocess.run([python.parent / "tagdesk", "tag"], input=line, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["topics"][0]["id"] == "conflict"


def test_trains_on_a_csv_and_serves_the_model(python: Path, elsewhere: Path) -> None:
    rows = [json.loads(line) for line in (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
    cells = [f'"{row["body"].replace(chr(34), chr(34) * 2)}",{row["topics"][0]}' for row in rows]
    (elsewhere / "desk.csv").write_text("\n".join(["text,category", *cells]), encoding="utf-8")
    train = [str(python), "-m", "tagdesk", "train", "--data", "desk.csv", "--language", "en"]
    subprocess.run(train, capture_output=True, check=True)
    command = [str(python.parent / "tagdesk"), "serve", "--model", "desk", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = address_line(process).split()[-1]
            answer = httpx.post(f"{address}v1/tag", json={"body": "The home side won the cup on penalties."})
        finally:
            process.terminate()
        process.communicate(timeout=PATIENCE)
    assert answer.json()["model"].startswith("desk@")

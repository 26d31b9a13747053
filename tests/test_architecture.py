"""The house's walls: which folder imports which, as `ast` sees it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Nothing that is loaded by the service can execute code.
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "skops"}
WEB = {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_core"}
LEARNING = {"sklearn", "scipy", "joblib"}

FORBIDDEN = {
    "models": LEARNING | WEB | UNPICKLERS | {"training", "service", "integrations", "tests"},
    "training": WEB | {"service", "integrations", "tests"},
    "service": LEARNING | UNPICKLERS | {"training", "integrations", "tests"},
    "integrations": {"models", "training", "service", "tests"},
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every module that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; this house names its modules in full"
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module"}:
            name = node.args[0] if node.args else None
            yield node.lineno, str(name.value) if isinstance(name, ast.Constant) else "something computed"


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_folder_imports_nothing_from_beyond_its_walls(folder: str) -> None:
    paths = sorted((ROOT / folder).rglob("*.py"))
    if not paths:
        pytest.skip(f"{folder}/ is not built yet")
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imported(path.read_text(encoding="utf-8"))
        if name.partition(".")[0] in FORBIDDEN[folder] or name == "something computed"
    ]
    assert not broken


def test_walls_notice_every_way_to_import() -> None:
    source = (
        "import sklearn.svm as s\nfrom joblib import load\n"
        "def late():\n    import scipy\n    __import__('training.fit')\n    importlib.import_module(name)\n"
    )
    found = ["sklearn.svm", "joblib", "scipy", "training.fit", "something computed"]
    assert sorted(name for _, name in imported(source)) == sorted(found)


def test_no_module_is_called_after_nothing() -> None:
    names = {path.stem for folder in FORBIDDEN for path in (ROOT / folder).rglob("*.py")}
    assert not {name for name in names if any(word in name for word in ("util", "helper", "manager", "misc"))}

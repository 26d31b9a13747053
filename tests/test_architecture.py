"""The house's walls: which folder and which room imports which, as `ast` sees it."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tagdesk.command import COMMANDS

ROOT = Path(__file__).parent.parent
ROOMS = ("archive", "formats", "models", "service", "training")
FOLDERS = (*ROOMS, "integrations")

# Nothing that is loaded by the service can execute code.
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "skops"}
WEB = {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_core"}
LEARNING = {"sklearn", "scipy", "joblib"}
WORKSHOPS = {"tagdesk.training", "tagdesk.service"}
ROOF = {"tagdesk.command", "integrations", "tests"}

FORBIDDEN = {
    "models": LEARNING | WEB | UNPICKLERS | ROOF | {"tagdesk.archive", "tagdesk.formats", *WORKSHOPS},
    "formats": LEARNING | WEB | UNPICKLERS | ROOF | {"tagdesk.archive", *WORKSHOPS},
    "archive": LEARNING | WEB | UNPICKLERS | ROOF | WORKSHOPS,
    "training": WEB | ROOF | {"tagdesk.archive", "tagdesk.service"},
    "service": LEARNING | UNPICKLERS | ROOF | {"tagdesk.archive", "tagdesk.formats", "tagdesk.training"},
    "integrations": {"tagdesk", "tests"},
}

# Who writes files otherwise than by models/files.py, by which call, and why.
WRITERS = {
    # Copies and drafts of what lies in an object store; a file of HDFS is written beside its place, then moved; a lock
    # names its process.
    "archive/places.py": {"open", "TemporaryFile", "move", "fdopen", "truncate"},
    "models/files.py": {"open"},  # the writer
    "models/bundle.py": {"mkdtemp", "rename"},  # a bundle is a folder: filled beside its place, then renamed
    "training/corpora/fetch.py": {"open", "GzipFile"},  # a download that goes on where it stopped; gzip into the writer
    "training/promote.py": {"open"},  # a log, to which lines are added
    "training/fits/fits.py": {"open"},  # an empty file, to be locked
    "training/learn/vectorize.py": {"TemporaryFile"},  # the matrix of a training, mapped; nobody else can open it
    "training/commands.py": {"dump", "copytree"},  # joblib writes a pipeline into the writer; a bundle's folder, copied
    "service/workers.py": {"mkdtemp", "open", "truncate"},  # the folder that workers share; files mapped into memory
    "service/ledger/sqlite.py": {"open"},  # an empty file, readable by its owner alone, for SQLite
}
_WRITES = {
    *("write_text", "write_bytes", "mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "savefig"),
    *("save_file", "dump", "copyfile", "copytree", "move", "rename", "symlink_to", "truncate"),
}

_is_sql = re.compile(
    r"\s*(SELECT |INSERT INTO |UPDATE \S+ SET |DELETE FROM |CREATE TABLE |PRAGMA )|.*\b(FROM|INTO|UPDATE) tagdesk_",
    re.DOTALL,
).match

# A room imports from rooms that stand after it in its folder's list, never from those before it: there is no circle.
# What stands here as a module's name lies at the top of its folder.
FLOORS = {
    "models": [
        {"commands", "__init__"},
        {"storage", "compiling"},
        {"bundle"},
        {"answer"},
        {"topic_model"},
        {"doubts", "features"},
        {"language"},
        {"reading"},
        {"taxonomy", "calibration", "weights"},
        {"kernel"},
        {"prefetch"},
        {"files"},
        {"errors"},
    ],
    "formats": [
        {"__init__"},
        {"shapes"},
        {"files"},
        {"columns", "tables"},
        {"dates", "encoding"},
        {"names"},
        {"cells"},
    ],
    "archive": [
        {"commands", "__init__"},
        {"sample"},
        {"run"},
        {"tagging"},
        {"records"},
        {"parts"},
        {"batch"},
        {"places"},
    ],
    "service": [
        {"commands"},
        {"app", "server"},
        {"agents", "description"},
        {"dialects"},
        {"routes"},
        {"http"},
        {"openapi", "reference"},
        {"parts"},
        {"edge"},
        {"schemas"},
        {"formats"},
        {"languages"},
        {"active"},
        {"shadow", "workers"},
        {"ledger", "stopping", "threads"},
        {"example", "settings"},
        {"__init__"},
    ],
    "training": [
        {"commands"},
        {"retrain_commands"},
        {"search", "forget", "promote"},
        {"retrain"},
        {"train"},
        {"__init__"},
        {"classifier"},
        {"publish", "report", "exchange"},
        {"judge"},
        {"learn", "furniture"},
        {"fits"},
        {"promise", "fit_one"},
        {"corpora"},
        {"config_file"},
        {"config"},
        {"errors", "sparse_table"},
    ],
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every module that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; this house names its modules in full"
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module"}:
            name = node.args[0] if node.args else None
            yield node.lineno, str(name.value) if isinstance(name, ast.Constant) else "something computed"


def sources(folder: str) -> Iterator[tuple[Path, str]]:
    """Yield path, relative to the repository, and source of every module of a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def modules(folder: str) -> Iterator[tuple[str, str]]:
    """Yield full name and source of every module of a folder."""
    for path, source in sources(folder):
        yield ".".join(("tagdesk", *path.with_suffix("").parts)).removesuffix(".__init__"), source


def imports(source_of: dict[str, str]) -> dict[str, set[str]]:
    """Return which of these modules each of them imports, by their full names.

    Of `from a import b` the module `a.b` counts where it is one, else `a`.
    """
    graph: dict[str, set[str]] = {}
    for module, source in source_of.items():
        names = [name for _, name in imported(source)]
        from_packages = {name.rpartition(".")[0] for name in names if name in source_of}
        contents = {name.rpartition(".")[0] for name in names if name not in source_of}
        graph[module] = set(names) & source_of.keys() - (from_packages - contents) - {module}
    return graph


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_folder_imports_nothing_from_beyond_its_walls(folder: str) -> None:
    broken = [
        f"{path}:{line} imports {name}"
        for path, source in sources(folder)
        for line, name in imported(source)
        if name == "something computed" or any(f"{name}.".startswith(f"{wall}.") for wall in FORBIDDEN[folder])
    ]
    assert not broken


@pytest.mark.parametrize("folder", FLOORS)
def test_room_imports_from_the_rooms_below_it_only(folder: str) -> None:
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS[folder]) for room in rooms}
    broken = []
    for path, source in sources(folder):
        room = path.parts[1].removesuffix(".py")
        for line, name in imported(source):
            package, _, rest = name.partition(f"tagdesk.{folder}.")
            other = rest.partition(".")[0]
            if not package and other in floor_of and other != room and floor_of[other] <= floor_of[room]:
                broken.append(f"{path}:{line} imports {name}")
    assert not broken


@pytest.mark.parametrize("folder", FLOORS)
def test_no_modules_import_each_other_in_a_circle(folder: str) -> None:
    """An import inside a function counts, and so does one for annotations alone: the reader goes round all the same."""
    TopologicalSorter(imports(dict(modules(folder)))).prepare()  # raises CycleError, which names the modules


def test_circle_of_modules_is_noticed() -> None:
    """The module of a package counts, not the package that it is imported from."""
    source_of = {
        "p": "from p import a",
        "p.a": "from p import b",
        "p.b": "def late():\n    import p.c",
        "p.c": "if TYPE_CHECKING:\n    from p.a import name",
    }
    with pytest.raises(CycleError, match=r"p\.a"):
        TopologicalSorter(imports(source_of)).prepare()
    del source_of["p.c"]
    TopologicalSorter(imports(source_of)).prepare()


@pytest.mark.parametrize("folder", FLOORS)
def test_every_room_has_its_floor(folder: str) -> None:
    rooms = {path.parts[1].removesuffix(".py") for path, _ in sources(folder)}
    assert rooms == {room for rooms in FLOORS[folder] for room in rooms}


@pytest.mark.parametrize("folder", ROOMS)
def test_no_room_has_more_than_about_fifteen_files(folder: str) -> None:
    rooms = [path for path in (ROOT / folder).rglob("*") if path.is_dir()]
    counts = {path.relative_to(ROOT): len(list(path.glob("*.py"))) for path in rooms}
    assert not {path: count for path, count in counts.items() if count > 16}


def test_every_room_says_what_lives_there() -> None:
    rooms = [path for folder in ROOMS for path in (ROOT / folder).rglob("__init__.py")]
    assert not [path for path in rooms if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]


def test_sql_is_in_the_ledger_alone() -> None:
    """What talks to a database lies in service/ledger: its drivers, and every statement."""
    drivers = {"sqlite3", "psycopg", "psycopg_pool", "sqlalchemy"}
    broken = [
        f"{path}:{line} {what}"
        for folder in ROOMS
        for path, source in sources(folder)
        if path.parts[:2] != ("service", "ledger")
        for line, what in (*imported(source), *statements(source))
        if what.partition(".")[0] in drivers or _is_sql(what)
    ]
    assert not broken


def statements(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string constant that is not a docstring."""
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_files_are_written_by_one_writer() -> None:
    """A file is replaced in one step, by models/files.py; the exceptions are in `WRITERS`, with their reasons."""
    writes = {
        (str(path), call) for folder in ROOMS for path, source in sources(folder) for call in writing_calls(source)
    }
    assert writes == {(path, call) for path, calls in WRITERS.items() for call in calls}


def writing_calls(source: str) -> Iterator[str]:
    """Yield the calls in a source that may write a file, by the name of what is called."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        parts = [part for argument in arguments for part in ast.walk(argument)]
        modes = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        is_writing = any(re.fullmatch(r"(?=.*[wax+])[rwaxbt+]{1,3}", mode) for mode in modes)
        if (
            name in _WRITES
            or (name in {"open", "fdopen", "GzipFile"} and is_writing)
            or (name == "open" and "O_CREAT" in ast.unparse(node))
        ):
            yield name


def test_nothing_tells_its_reader_to_run_make() -> None:
    """Whoever installed the package has the command `tagdesk`, and no Makefile."""
    is_make = re.compile(rf"\bmake (run|{'|'.join(name for group in COMMANDS.values() for name in group)})\b").search
    makes = [
        f"{path}:{node.lineno}"
        for folder in ROOMS
        for path, source in sources(folder)
        for node, text in sayings(source)
        if is_make(text)
    ]
    assert not makes


def sayings(source: str) -> Iterator[tuple[ast.Constant, str]]:
    """Yield the strings of a source, and of its f-strings, that are not docstrings."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node, node.value


def test_walls_notice_every_way_to_write() -> None:
    source = (
        'path.open("wb")\nopen(p, mode="a" if b else "w")\nopen(p)\npath.open("rb")\nos.open(p, os.O_CREAT)\n'
        'path.write_text("")\nos.fdopen(d, "w")\ntext.replace("a", "w")\nshutil.copytree(a, b)\n'
    )
    names = ["open", "open", "open", "write_text", "fdopen", "copytree"]
    assert sorted(writing_calls(source)) == sorted(names)


def test_walls_notice_sql() -> None:
    source = (
        'QUERY = f"SELECT {columns} FROM tagdesk_queue"\nrun(" DELETE FROM topics")\nprint("Select a topic from it")\n'
    )
    assert [text for _, text in statements(source) if _is_sql(text)] == [
        "SELECT ",
        " FROM tagdesk_queue",
        " DELETE FROM topics",
    ]


def test_walls_notice_every_way_to_import() -> None:
    source = (
        "import sklearn.svm as s\nfrom joblib import load\n"
        "def late():\n    import scipy\n    __import__('tagdesk.service')\n    importlib.import_module(name)\n"
    )
    names = ["sklearn.svm", "joblib", "joblib.load", "scipy", "tagdesk.service", "something computed"]
    assert sorted(name for _, name in imported(source)) == sorted(names)


def test_no_module_is_called_after_nothing() -> None:
    names = {path.stem for folder in FOLDERS for path, _ in sources(folder)}
    assert not {name for name in names if any(word in name for word in ("util", "helper", "manager", "misc"))}

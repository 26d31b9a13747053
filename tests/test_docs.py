"""What the documents say is true."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from benchmarks.ladder import row
from tagdesk.command import COMMANDS
from tagdesk.models.storage import SHIPPED, current, load
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tagdesk.training.config import load_config
from tagdesk.training.corpora.corpus import file_sha256
from tagdesk.training.corpora.labels import LABELS

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

ROOT = Path(__file__).parent.parent
README, COMMAND_PAGE, QUALITY = (
    (ROOT / path).read_text(encoding="utf-8") for path in ("README.md", "docs/commands.md", "docs/quality.md")
)


FOLDERS = ("archive", "benchmarks", "deploy", "docs", "examples", "integrations", "models", "service", "training")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(
        path
        for folder in (
            "archive",
            "benchmarks",
            "deploy",
            "docs",
            "examples",
            "integrations",
            "models",
            "service",
            "training",
        )
        for path in (ROOT / folder).rglob("*.md")
        if not {"node_modules", "vendor"} & set(path.parts)
    ),
]


def make_targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_is_documented(target: str) -> None:
    assert f"`make {target}`" in COMMAND_PAGE


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make ([a-z0-9-]+) ", shown, flags=re.MULTILINE) == make_targets()


def test_commands_of_the_documents_exist() -> None:
    """Whatever stands after `tagdesk` where a command is shown: at a line's start, in code, after a path."""
    shown = re.compile(r"(?:^ *|`|bin/)tagdesk (-?-?[a-z]+)", flags=re.MULTILINE)
    every = {name for commands in COMMANDS.values() for name in commands}
    used = {(path.name, name) for path in DOCUMENTS for name in shown.findall(path.read_text(encoding="utf-8"))}
    assert len({name for _, name in used}) > 10
    assert not {(path, name) for path, name in used if name not in {*every, "--help", "--version"}}


def test_tests_that_documents_name_exist() -> None:
    """By their whole path, or by their name alone."""
    named = {
        (document.name, path)
        for document in DOCUMENTS
        for path in re.findall(r"`((?:tests/[\w/]*)?test_\w+\.py)`", document.read_text(encoding="utf-8"))
    }
    names = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named
    assert not {
        (document, path) for document, path in named if not ((ROOT / path).exists() if "/" in path else path in names)
    }


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """To a file or folder of the repository, and to a heading that it has."""
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    parts = [link.partition("#") for link in links if "://" not in link]
    targets = {(document.parent / path if path else document, anchor) for path, _, anchor in parts}
    assert {str(target) for target, _ in targets if not target.exists()} == set()
    assert {(target.name, anchor) for target, anchor in targets if anchor and anchor not in anchors(target)} == set()


def pages(nav: list[Any]) -> list[str]:
    """Return the paths of a navigation, whatever sections they are in."""
    entries = [value for entry in nav for value in (entry.values() if isinstance(entry, dict) else [entry])]
    return [path for value in entries for path in ([value] if isinstance(value, str) else pages(value))]


def test_navigation_of_the_site_has_every_page_of_docs_and_of_the_integrations() -> None:
    """And no page that there is not."""
    site = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8"))
    listed = pages(site["project"]["nav"])
    wanted = [*(ROOT / "docs").glob("*.md"), *(ROOT / "integrations").glob("*/README.md")]
    assert not {str(path.relative_to(ROOT)) for path in wanted} - set(listed)
    assert not [path for path in listed if not (ROOT / path).exists()]


@pytest.mark.skipif(find_spec("zensical") is None, reason="zensical is not installed: make docs")
def test_documents_are_a_site_without_a_broken_link(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "build-docs", tmp_path], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "calibrated confidence" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def ladder() -> list[list[str]]:
    """Return the cells of the ladder, row by row."""
    rows = re.findall(r"^\| (20\d\d-\d\d-\d\d \| [0-9a-f]{8} \| .*) \|$", QUALITY, flags=re.MULTILINE)
    return [row.split(" | ") for row in rows]


def test_last_row_of_the_ladder_is_the_shipped_model() -> None:
    """The figures on gold/dev are compared where it is at hand; the commit is made after the row is written."""
    day, version, _, gold, held_out, _ = row("").strip("| ").split(" | ")
    *_, last = ladder()
    assert [last[0], last[1], last[4]] == [day, version, held_out]
    assert gold in (last[3], "–")


def test_card_will_list_every_row_of_the_ladder_but_the_last() -> None:
    """Whoever ships a model adds the row above it to the config."""
    *earlier, _ = ladder()
    cells = [(day, version, gold, held_out) for day, version, _, gold, held_out, _ in earlier]
    lines = load_config().earlier
    assert len(lines) == len(cells)
    for line, (day, version, gold, held_out) in zip(lines, cells, strict=True):
        assert line.startswith(f"{day}, {version}: ")
        assert line.endswith(f". Gold {gold}, held out {held_out}")


def test_shipped_model_has_the_settings_and_the_labels_of_this_clone() -> None:
    """What `make train` would begin from; that it ends at the same hash, `make train` says itself."""
    config, model = load_config(), load(str(SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))))
    manifest = model.manifest
    assert model.features.settings == config.features
    assert manifest["fit"] == {name: getattr(config.fit, name) for name in manifest["fit"]}
    assert manifest["data"]["full_labels"] == {name: file_sha256(LABELS / name) for name in config.full_labels}
    assert model.version.endswith(manifest["content_hash"][:8])


def test_curl_of_the_readme_gets_the_answer_in_the_readme(serve: Serve) -> None:
    """The example is run as it stands, against the service on the shipped model."""
    version = current(SHIPPED, "news-en")
    with serve(create_app(Settings(model=str(SHIPPED / "news-en" / str(version)), database_url="none"))) as address:
        got, answer = ask_as_the_readme_does(address)
    assert json.loads(got) == json.loads(answer)


def ask_as_the_readme_does(address: str) -> tuple[bytes, str]:
    """Run the README's curl against another address; return what came and what the README says comes."""
    command, answer = re.search(r"```sh\n(curl .*?)```\s*```json\n(.*?)```", README, flags=re.DOTALL).groups()  # type: ignore[union-attr]
    words = shlex.split(command.replace("http://127.0.0.1:8080", address))
    return subprocess.run([*words, "--silent", "--show-error"], capture_output=True, check=True).stdout, answer


def test_card_of_the_shipped_model_is_the_one_it_names() -> None:
    version = current(SHIPPED, "news-en")
    assert version is not None
    card = (SHIPPED / "news-en" / version / "card.md").read_text(encoding="utf-8")
    assert card.startswith(f"# news-en@{version}\n")


def test_python_of_the_models_readme_runs() -> None:
    """The first example of models/README.md is run as it stands."""
    text = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    code = code.replace('body="…"', 'body="The rebels left the town."')
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_python_of_the_training_readme_runs(tmp_path: Path) -> None:
    """The classifier is fitted as it stands there, and what it saves is a model."""
    text = (ROOT / "training" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    code = code.replace("var/desk", str(tmp_path / "desk"))
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "sport" in run.stdout
    assert load(tmp_path / "desk").name == "desk"

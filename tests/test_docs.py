"""What the documents say is true."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from models.storage import SHIPPED, current
from service.app import create_app
from service.settings import Settings

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def make_targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_is_in_the_readme(target: str) -> None:
    assert f"`make {target}`" in README


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make ([a-z0-9-]+) ", shown, flags=re.MULTILINE) == make_targets()


def test_links_of_the_readme_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_curl_of_the_readme_gets_the_answer_in_the_readme(serve: Serve) -> None:
    """The example is run as it stands, against the service on the shipped model."""
    version = current(SHIPPED, "news-en")
    with serve(create_app(Settings(model=str(SHIPPED / "news-en" / str(version))))) as address:
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

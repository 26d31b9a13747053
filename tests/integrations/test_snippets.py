"""The lines of docs/calling.md are run as they stand, but for the address, against the service on the shipped model."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tagdesk.models.storage import SHIPPED, current
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.waiting import PATIENCE

TEXT = (Path(__file__).parents[2] / "docs" / "calling.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```(sh|php|js)\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
BATCH = "/v1/tag/batch"
TAGGING = [snippet for snippet in SNIPPETS if "/v1/tag" in snippet[1] and BATCH not in snippet[1]]
VERSION = f"news-en@{current(SHIPPED, 'news-en')}"
COMMANDS = {"sh": ["bash", "-euo", "pipefail", "-c"], "php": ["php"], "js": ["node", "--input-type=module"]}
NEEDED = {"sh": ("curl", "jq"), "php": ("php",), "js": ("node",)}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the address of a service with keys, and a key."""
    folder = tmp_path_factory.mktemp("snippets")
    key, token = new_key("cms", ["tag", "feedback", "editors"], "2026-11-24")
    (folder / "keys.json").write_bytes(keys_json([key]))
    settings = Settings(
        model=str(SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))),
        keys_file=f"{folder}/keys.json",
        database_url=f"{folder}/ledger.sqlite",
        access_log=False,
    )
    with running(create_app(settings)) as address:
        yield {"address": address, "KEY": token}


def run(
    language: str, code: str, told: dict[str, str], folder: Path | None = None, **changed: str
) -> subprocess.CompletedProcess[str]:
    """Run a snippet against the service, in a folder where it needs files."""
    missing = [name for name in NEEDED[language] if shutil.which(name) is None]
    if not missing and language == "php":
        modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.split()
        missing = [f"php-{name}" for name in ("curl",) if name not in modules]
    if missing:
        pytest.skip(f"no {', no '.join(missing)}")
    told = told | changed
    code = code.replace("http://127.0.0.1:8080", told["address"])
    command = [*COMMANDS[language], code] if language == "sh" else COMMANDS[language]
    environment = {"PATH": os.environ["PATH"], "KEY": told["KEY"]}
    given = None if language == "sh" else code
    return subprocess.run(
        command, input=given, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_there_is_one_in_each_language() -> None:
    assert [language for language, _ in TAGGING] == ["sh", "php", "js"]
    assert all(code.count("\n") <= 10 for _, code in TAGGING)


@pytest.mark.parametrize(("language", "code"), TAGGING, ids=[language for language, _ in TAGGING])
def test_snippet_prints_what_is_safe_to_apply(language: str, code: str, told: dict[str, str]) -> None:
    done = run(language, code, told)
    assert (done.returncode, done.stdout) == (0, "Conflict\n"), done.stderr


@pytest.mark.parametrize(("language", "code"), TAGGING, ids=[language for language, _ in TAGGING])
def test_snippet_says_what_is_wrong(language: str, code: str, told: dict[str, str]) -> None:
    """With a key that is not known."""
    done = run(language, code, told, KEY="tagdesk_x_y")
    shown = done.stdout + done.stderr
    assert ("401" if language == "sh" else "The key is not known here") in shown
    assert "Conflict\n" not in shown


def test_many_articles_are_answered_line_by_line(told: dict[str, str], tmp_path: Path) -> None:
    (code,) = [code for _, code in SNIPPETS if BATCH in code]
    rows = [{"id": f"{number}", "body": "Ministers signed a ceasefire with the rebels."} for number in range(3)]
    (tmp_path / "articles.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = run("sh", code, told, tmp_path)
    assert done.returncode == 0, done.stderr
    tagged = [json.loads(line) for line in (tmp_path / "tagged.jsonl").read_text().splitlines()]
    assert [answer["id"] for answer in tagged] == ["0", "1", "2"]


def test_correction_arrives(told: dict[str, str]) -> None:
    (code,) = [code for _, code in SNIPPETS if "/v1/feedback" in code]
    assert json.loads(re.findall(r"<<'END'\n(.*?)^END$", code, flags=re.DOTALL | re.MULTILINE)[0])["model"] == VERSION
    done = run("sh", code, told)
    assert json.loads(done.stdout)["id"] == "correction-1"
    ever = f"{told['address']}/v1/feedback/counts?since=2000-01-01T00:00:00Z"  # midnight may pass meanwhile
    counts = httpx.get(ever, headers={"X-API-Key": told["KEY"]}).json()
    assert counts["all"] == {"corrections": 1, "articles": 1}

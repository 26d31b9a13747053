"""A real Wagtail in a folder of its own, made as its README says, with the files that a newsroom installs."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
FILES = ROOT / "integrations"
VENV = ROOT / "var" / "cms-venv"
REQUIREMENTS = ("wagtail~=8.0", "httpx>=0.28", "setuptools>=80")
USER, PASSWORD = "anna", "secret-pw"
HOME = 3  # the page that `wagtail start` makes

_UNREACHABLE = (
    "Could not find a version",
    "NewConnectionError",
    "ConnectTimeout",
    "Name or service not known",
    "Max retries exceeded",
    "Read timed out",
)


class NoIndex(Exception):
    """The package index cannot be reached."""


def wagtail_python() -> Path:
    """Return the Python of an environment with Wagtail and our files; made where it is not there.

    Raises:
        NoIndex: Wagtail is not there, and cannot be fetched.
    """
    python = VENV / "bin" / "python"
    done = VENV / "requirements.txt"
    if not done.exists() or done.read_text() != "\n".join(REQUIREMENTS):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        _install(python, *REQUIREMENTS)
        done.write_text("\n".join(REQUIREMENTS))
    copies = VENV / "integrations"  # pip leaves its build beside the files
    shutil.rmtree(copies, ignore_errors=True)
    for name in ("python", "wagtail"):
        shutil.copytree(FILES / name, copies / name)
    _install(
        python,
        "--no-deps",
        "--no-build-isolation",
        "--force-reinstall",
        str(copies / "python"),
        str(copies / "wagtail"),
    )
    return python


def _install(python: Path, *what: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "5", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in _UNREACHABLE):
        raise NoIndex(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr


def readme_block(first_line: str) -> str:
    """Return the code of the README whose first line this is."""
    readme = (FILES / "wagtail" / "README.md").read_text("utf-8")
    (block,) = [one for one in re.findall(r"```\w+\n(.*?)```", readme, re.DOTALL) if one.startswith(first_line)]
    return str(block)


@dataclass(frozen=True)
class Wagtail:
    """A site that runs.

    Args:
        folder: where it lies.
        python: its Python.
        url: its address.
    """

    folder: Path
    python: Path
    url: str

    def manage(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py`."""
        done = subprocess.run(
            [str(self.python), "manage.py", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not (check and done.returncode), done.stderr
        return done

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement in its database, and return the rows."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database, database:
            return database.execute(query, values).fetchall()

    def tags(self, pk: int) -> list[str]:
        """Return a page's tags, as the database has them."""
        query = (
            "SELECT name FROM home_articletag JOIN taggit_tag t ON t.id = tag_id WHERE content_object_id = ? ORDER BY 1"
        )
        return sorted(name for (name,) in self.sql(query, pk))

    def waits(self, pk: int) -> bool:
        """Tell whether a page is still to be tagged."""
        return bool(self.sql("SELECT 1 FROM tagdesk_wagtail_pagetopics WHERE page_id = ? AND due NOT NULL", pk))

    def add_user(self, name: str) -> None:
        """Add somebody who may do everything."""
        arguments = ("--noinput", f"--username={name}", f"--email={name}@b.example")
        self.manage("createsuperuser", *arguments, DJANGO_SUPERUSER_PASSWORD=PASSWORD)

    def log(self) -> str:
        """Return what the server wrote."""
        return (self.folder / "server.log").read_text("utf-8")


class Editor:
    """Somebody who has signed in at the admin, over HTTP.

    Args:
        site: the site.
        user: who.
    """

    def __init__(self, site: Wagtail, user: str = USER) -> None:
        self.http = httpx.Client(base_url=site.url, follow_redirects=True)
        form = fields(self.http.get("/admin/login/"))
        answer = self.http.post(
            "/admin/login/", data=form | {"username": user, "password": PASSWORD, "next": "/admin/"}
        )
        assert answer.url.path == "/admin/"
        self._site = site

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def add(self, title: str, body: str, *, publish: bool = True, tags: Sequence[str] = ()) -> tuple[int, float]:
        """Add an article; return its id, and the seconds that took."""
        path = f"/admin/pages/add/home/articlepage/{HOME}/"
        slug = title.lower().replace(" ", "-")
        changes = {"title": title, "slug": slug, "body": draft(body), "tags": ",".join(f'"{tag}"' for tag in tags)}
        seconds = self._send(path, fields(self.http.get(path)) | changes, publish=publish)
        ((pk,),) = self._site.sql("SELECT id FROM wagtailcore_page WHERE slug = ?", slug)
        return pk, seconds

    def open(self, pk: int) -> tuple[str, dict[str, str]]:
        """Return a page's edit form: its HTML, and its fields."""
        answer = self.http.get(f"/admin/pages/{pk}/edit/").raise_for_status()
        return answer.text, fields(answer)

    def publish(self, pk: int, form: Mapping[str, str], **changes: str) -> float:
        """Publish a form with changes; return the seconds that took."""
        return self._send(f"/admin/pages/{pk}/edit/", {**form, **changes}, publish=True)

    def save(self, pk: int, form: Mapping[str, str], **changes: str) -> None:
        """Save a form with changes as a draft, or do what the button among the changes says."""
        self._send(f"/admin/pages/{pk}/edit/", {**form, **changes}, publish=False)

    def find(self, pk: int, form: Mapping[str, str]) -> httpx.Response:
        """Press the panel's button; what comes takes the place of the topics in the form."""
        token = {"X-CSRFToken": form["csrfmiddlewaretoken"]}
        return self.http.post(f"/admin/tagdesk/find/{pk}/", headers=token).raise_for_status()

    def _send(self, path: str, form: dict[str, str], *, publish: bool) -> float:
        began = time.perf_counter()
        answer = self.http.post(path, data=form | ({"action-publish": "action-publish"} if publish else {}))
        seconds = time.perf_counter() - began
        assert answer.status_code == 200, answer.text[:2000]
        assert answer.history, re.findall(
            r"error-message.{300}", answer.text, re.DOTALL
        )  # it shows a refused form again
        return seconds


def draft(text: str) -> str:
    """Return a text as the rich text editor sends it."""
    blocks = [
        {"key": f"k{n}", "text": one, "type": "unstyled", "depth": 0, "inlineStyleRanges": [], "entityRanges": []}
        for n, one in enumerate(text.split("\n"))
    ]
    return json.dumps({"blocks": blocks, "entityMap": {}})


def fields(answer: httpx.Response) -> dict[str, str]:
    """Return the fields of a page's forms, as a browser would send them, but for its buttons."""
    parser = _Fields()
    parser.feed(answer.text)
    return parser.found


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._textarea = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        name = given.get("name") or ""
        kind = given.get("type") or "text"
        chosen = "checked" in given or kind not in {"checkbox", "radio"}
        if tag == "input" and name and chosen and kind not in {"submit", "button", "file", "search"}:
            self.found.setdefault(name, given.get("value") or "")
        elif tag == "textarea":
            self._textarea = name
            self.found.setdefault(name, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.found[self._textarea] += data.removeprefix("\n")


@contextmanager
def wagtail(folder: Path, settings: Mapping[str, Any]) -> Iterator[Wagtail]:
    """Make a site in an empty folder, run it, and stop it.

    Args:
        folder: where.
        settings: in the place of the README's.

    Raises:
        NoIndex: the package index cannot be reached.
    """
    python = wagtail_python()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Wagtail(folder, python, f"http://127.0.0.1:{port}")
    _make(site, settings)
    with (folder / "server.log").open("wb") as log:
        command = [str(python), "-u", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(site, server)
        yield site
    finally:
        server.terminate()
        server.wait()


def _make(site: Wagtail, settings: Mapping[str, Any]) -> None:
    start = [str(site.python.parent / "wagtail"), "start", "newsroom", str(site.folder)]
    subprocess.run(start, check=True, capture_output=True)
    (site.folder / "home" / "models.py").write_text(readme_block("# home/models.py"))
    (site.folder / "home/templates/home/article_page.html").write_text(readme_block("{# home/templates"))
    with (site.folder / "newsroom/settings/base.py").open("a") as base:
        base.write(readme_block("# newsroom/settings/base.py"))
        base.writelines(f"{name} = {value!r}\n" for name, value in settings.items())
    site.manage("makemigrations", "home")
    site.manage("migrate", "--verbosity=0")
    site.add_user(USER)


def _wait(site: Wagtail, server: "subprocess.Popen[bytes]") -> None:
    eventually(lambda: _answers(site) or server.poll() is not None)
    assert server.poll() is None, site.log()


def _answers(site: Wagtail) -> bool:
    try:
        httpx.get(f"{site.url}/admin/login/")
    except httpx.TransportError:
        return False
    return True

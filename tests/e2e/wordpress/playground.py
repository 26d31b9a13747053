"""A newer WordPress, without root: Playground from npm, which is PHP as WebAssembly, SQLite, and our plugin in it."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx

from tests.e2e.wordpress.site import CLASSIC, PASSWORD, PATIENCE, ROOT, USER, WordPress, install_plugin, sign_in
from tests.waiting import eventually

PLACE = ROOT / "var" / "playground" / "node_modules"
_CLI = PLACE / ".bin" / "wp-playground-cli"
_BUILDS = PLACE / "@wp-playground" / "wordpress-builds"
_PHP, _ASSETS = _BUILDS / "src/wordpress/wp-nightly.zip", _BUILDS / "public/wp-nightly"

# No other program can run code in that PHP, so the site does, for whoever knows a word.
_BACK_DOOR = """<?php
add_action('init', function () {{
    if (($_SERVER['HTTP_X_BACK_DOOR'] ?? '') !== '{word}') return;
    $answer = eval(file_get_contents('php://input'));
    header('Content-Type: application/json');
    exit(json_encode($answer));
}}, 99);
"""

# Newer editors read the preferences after they have opened, so that they welcome whoever did not decline before.
_PREPARE = """
$user = wp_insert_user(['user_login' => '{user}', 'user_pass' => '{password}', 'user_email' => 'e@example.org',
    'role' => 'administrator']);
update_user_meta($user, $GLOBALS['wpdb']->get_blog_prefix() . 'persisted_preferences',
    ['core/edit-post' => ['welcomeGuide' => false], '_modified' => gmdate('c')]);
update_option('show_avatars', 0);
update_option('permalink_structure', '/%postname%/');
flush_rewrite_rules();
return WP_Application_Passwords::create_new_application_password($user, ['name' => 'test'])[0];
"""

_SELECT = "global $wpdb; return $wpdb->get_results({query}, ARRAY_N);"
_CHANGE = "global $wpdb; return $wpdb->query({query});"


@dataclass(frozen=True)
class Playground(WordPress):
    """A site that runs in WordPress Playground.

    Args:
        word: what opens the back door.
    """

    word: str

    def php(self, code: str) -> None:
        """Run code in WordPress, as WP-CLI does: nobody is signed in."""
        _run(self.url, self.word, code)

    def sql(self, query: str) -> list[list[str]]:
        """Return the rows of a query to its database."""
        quoted = "'" + query.replace("\\", "\\\\").replace("'", "\\'") + "'"
        asks = query.lstrip().upper().startswith("SELECT")
        rows = _run(self.url, self.word, (_SELECT if asks else _CHANGE).format(query=quoted))
        return [[str(cell) for cell in row] for row in rows] if asks else []


def what_is_missing() -> str | None:
    """Return what keeps Playground from running here, None where nothing does."""
    return None if _CLI.exists() else "no Playground: make test-playground"


@contextmanager
def playground(folder: Path) -> Iterator[WordPress]:
    """Unpack a site into a new folder, and run it for the length of a with-block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site, url, word = folder / "site", f"http://127.0.0.1:{port}", secrets.token_hex(16)
    with ZipFile(_PHP) as packed:
        packed.extractall(site)
    shutil.copytree(_ASSETS, site, dirs_exist_ok=True)  # else it would fetch them from elsewhere
    install_plugin(site)
    more = site / "wp-content" / "mu-plugins"
    more.mkdir(exist_ok=True)
    (more / "classic.php").write_text(CLASSIC)
    (more / "back-door.php").write_text(_BACK_DOOR.format(word=word))
    (folder / "debug.log").touch()
    with (folder / "playground.log").open("wb") as lines:
        server = subprocess.Popen(
            [_CLI, "server", *_options(folder, port)],
            env={**os.environ, "NO_COLOR": "1"},
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    try:
        eventually(lambda: _answers(url) or server.poll() is not None)
        assert server.poll() is None, (folder / "playground.log").read_text("utf-8", "replace")
        key = _run(url, word, _PREPARE.format(user=USER, password=PASSWORD))
        yield Playground(folder, url, key, sign_in(url, USER), word)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # nothing of it is kept
        server.wait(30)


def _options(folder: Path, port: int) -> list[str]:
    strings = {
        "WP_ENVIRONMENT_TYPE": "local",  # application passwords without TLS
        "WP_DEBUG_LOG": "/log/debug.log",
        "WP_ACCESSIBLE_HOSTS": "127.0.0.1",
    }
    switches = {
        "WP_DEBUG": True,
        "WP_DEBUG_DISPLAY": False,
        "DISABLE_WP_CRON": True,  # the tests call wp-cron.php, as a system's cron would
        "AUTOMATIC_UPDATER_DISABLED": True,
        "WP_HTTP_BLOCK_EXTERNAL": True,
    }
    options = [f"--php={os.environ.get('PLAYGROUND_PHP', '8.5')}", f"--port={port}", "--workers=6"]
    options += ["--wordpress-install-mode=install-from-existing-files-if-needed"]
    options += [f"--mount-before-install={folder}/site:/wordpress", f"--mount-before-install={folder}:/log"]
    for name, value in strings.items():
        options += ["--define", name, value]
    for name, switch in switches.items():
        options += ["--define-bool", name, str(switch).lower()]
    return options


def _run(url: str, word: str, code: str) -> Any:
    answer = httpx.post(f"{url}/", content=code, headers={"X-Back-Door": word}, timeout=PATIENCE)
    assert answer.headers.get("content-type") == "application/json", answer.text[:500]
    return answer.json()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/wp-login.php", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False

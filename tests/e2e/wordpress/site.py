"""A real WordPress in a folder of its own: Debian's package, `php -S`, MariaDB on a socket, and our plugin in it."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from xmlrpc.client import ServerProxy

import httpx

from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "integrations" / "wordpress" / "tagdesk"
USER, PASSWORD = "editor", "secret-pw"
PATIENCE = 300
"""Seconds to wait for a page: PHP as WebAssembly takes its time on a busy machine."""

_CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', 'localhost:{db}/sock');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $of) {{
    define("{{$of}}_KEY", '{secret}'); define("{{$of}}_SALT", "$of-{secret}");
}}
$table_prefix = 'wp_';
define('WP_DEBUG', true); define('WP_DEBUG_DISPLAY', false); define('WP_DEBUG_LOG', '{folder}/debug.log');
define('WP_HOME', '{url}'); define('WP_SITEURL', '{url}');
define('DISABLE_WP_CRON', true); // the tests call wp-cron.php, as a system's cron would
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without TLS
define('WP_HTTP_BLOCK_EXTERNAL', true); define('WP_ACCESSIBLE_HOSTS', '127.0.0.1');
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""

_ROUTER = """<?php
$path = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if ($path !== '/' && (is_file('{site}' . $path) || is_file('{site}' . rtrim($path, '/') . '/index.php'))) return false;
chdir('{site}');
require '{site}/index.php';
"""

_INSTALL = """<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '{host}'; $_SERVER['REQUEST_METHOD'] = 'GET';
require '{site}/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
$made = wp_install('Newsroom', '{user}', 'e@example.org', false, '', '{password}');
update_option('permalink_structure', '/%postname%/');
update_option('show_avatars', 0);
[$key] = WP_Application_Passwords::create_new_application_password($made['user_id'], ['name' => 'test']);
echo $key;
"""

# The classic editor where the address asks for it, as the plugin "Classic Editor" brings it.
CLASSIC = """<?php
add_filter('use_block_editor_for_post', function ($use) { return $use && !isset($_GET['classic']); });
"""


def packaged_wordpress() -> Path | None:
    """Return the folder of WordPress's own files, None where it is not on this machine."""
    places = [os.environ.get("WORDPRESS"), ROOT / "var/wordpress/usr/share/wordpress", "/usr/share/wordpress"]
    return next((Path(place) for place in places if place and (Path(place) / "wp-load.php").is_file()), None)


def what_is_missing() -> str | None:
    """Return what keeps WordPress from running here, None where nothing does."""
    missing = [name for name in ("php", "mariadbd", "mariadb-install-db", "mariadb") if shutil.which(name) is None]
    if packaged_wordpress() is None:
        missing.append("wordpress")
    return f"no {', no '.join(missing)}: run tests/e2e/wordpress-packages" if missing else None


@dataclass(frozen=True)
class WordPress:
    """A site that runs.

    Args:
        folder: where all of it lies.
        url: its address.
        key: the application password of its one user.
        cookies: of that user's session at the admin.
    """

    folder: Path
    url: str
    key: str
    cookies: httpx.Cookies

    def rest(self) -> httpx.Client:
        """Return a client of its REST API that may do all."""
        return httpx.Client(base_url=f"{self.url}/wp-json", auth=(USER, self.key), timeout=PATIENCE)

    def signed_in(self) -> httpx.Client:
        """Return a client that has signed in at the admin."""
        return httpx.Client(base_url=self.url, cookies=self.cookies, timeout=PATIENCE, follow_redirects=True)

    def anybody(self) -> httpx.Client:
        """Return a client of its REST API that has not signed in."""
        return httpx.Client(base_url=f"{self.url}/wp-json", timeout=PATIENCE)

    @contextmanager
    def signed_in_as(self, role: str) -> Iterator[httpx.Client]:
        """Yield a client that has signed in at the admin as a new user with a role."""
        name = f"{role}-{secrets.token_hex(4)}"
        form = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "roles": [role]}
        with self.rest() as rest:
            assert rest.post("/wp/v2/users", json=form).status_code == 201
        cookies = sign_in(self.url, name)
        with httpx.Client(base_url=self.url, cookies=cookies, timeout=PATIENCE, follow_redirects=True) as client:
            yield client

    def php(self, code: str) -> None:
        """Run code in WordPress, as WP-CLI does: nobody is signed in."""
        script = f"require '{self.folder}/site/wp-load.php'; {code}"
        subprocess.run(["php", "-r", script], check=True, capture_output=True, env=self._environment())

    @contextmanager
    def another_plugin(self, code: str) -> Iterator[None]:
        """Let the site have another plugin for the length of a with-block."""
        path = self.folder / "site" / "wp-content" / "mu-plugins" / "another.php"
        path.write_text(f"<?php {code}")
        try:
            yield
        finally:
            path.unlink()

    def edit_by_xmlrpc(self, post: int, tags: list[str]) -> None:
        """Change a post's tags by XML-RPC, as older clients do."""
        with ServerProxy(f"{self.url}/xmlrpc.php") as blog:
            assert blog.wp.editPost(1, USER, PASSWORD, post, {"terms_names": {"post_tag": tags}})

    def sql(self, query: str) -> list[list[str]]:
        """Return the rows of a query to its database."""
        command = ["mariadb", f"--socket={self.folder}/db/sock", "--user=root", "--batch", "--skip-column-names", "wp"]
        done = subprocess.run([*command, "--execute", query], capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def terms(self, post: int, taxonomy: str = "post_tag") -> list[str]:
        """Return the names of a post's terms, as the database has them."""
        rows = self.sql(
            "SELECT name FROM wp_term_relationships JOIN wp_term_taxonomy USING (term_taxonomy_id) "
            f"JOIN wp_terms USING (term_id) WHERE object_id = {post} AND taxonomy = '{taxonomy}' ORDER BY name"
        )
        return [name for (name,) in rows]

    def waits(self, post: int) -> bool:
        """Tell whether a post waits to be tagged."""
        query = f"SELECT 1 FROM wp_postmeta WHERE post_id = {post} AND meta_key = '_tagdesk_retry'"
        return self.sql(query) == [["1"]]

    def forget_what_waits(self) -> None:
        """Let no post wait to be tagged, no correction wait or be refused, and no term be marked with a topic."""
        marks = "'_tagdesk_retry', '_tagdesk_feedback', '_tagdesk_refused'"
        self.sql(f"DELETE FROM wp_postmeta WHERE meta_key IN ({marks})")
        self.sql("DELETE FROM wp_termmeta WHERE meta_key = 'tagdesk_topic'")

    def run_cron(self) -> None:
        """Let WP-Cron do what is due, all five minutes' work too."""
        self.sql("DELETE FROM wp_options WHERE option_name = '_transient_doing_cron'")
        self.php("Tagdesk\\work_soon();")
        assert httpx.get(f"{self.url}/wp-cron.php", timeout=PATIENCE).status_code == 200

    def log(self) -> str:
        """Return what WordPress and the plugin wrote to the log."""
        path = self.folder / "debug.log"
        return path.read_text("utf-8") if path.exists() else ""

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HTTP_HOST": self.url.removeprefix("http://")}


@contextmanager
def wordpress(folder: Path) -> Iterator[WordPress]:
    """Install a site into a new folder with a short path, run it, and take it away again."""
    packaged = packaged_wordpress()
    assert packaged is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    site = folder / "site"
    shutil.copytree(packaged, site, ignore=_not_ours)
    install_plugin(site)
    (site / "wp-content" / "mu-plugins").mkdir()
    told = {"folder": folder, "site": site, "db": folder / "db", "url": url, "host": url.removeprefix("http://")}
    told |= {"secret": secrets.token_hex(16), "user": USER, "password": PASSWORD}
    (site / "wp-config.php").write_text(_CONFIG.format(**told))
    (site / "wp-content" / "mu-plugins" / "classic.php").write_text(CLASSIC)
    (folder / "router.php").write_text(_ROUTER.format(**told))
    with _database(folder):
        install = ["php", "-d", "sendmail_path=/bin/true", "-r", _INSTALL.format(**told).removeprefix("<?php")]
        done = subprocess.run(install, capture_output=True, text=True, check=True)
        with _serving(folder, url):
            yield WordPress(folder, url, done.stdout.strip(), sign_in(url, USER))


def install_plugin(site: Path) -> None:
    """Copy the plugin's folder to where WordPress looks for it."""
    shutil.copytree(PLUGIN, site / "wp-content" / "plugins" / "tagdesk")


def _not_ours(folder: str, names: list[str]) -> set[str]:
    """Leave out Debian's settings and links to packages that are not here (copytree's own check looks elsewhere)."""
    return {name for name in names if name == "wp-config.php" or not (Path(folder) / name).exists()}


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """Run MariaDB for the length of a with-block, on a socket alone."""
    data = f"--datadir={folder}/db"
    root = ["--no-defaults", "--user=root", data]
    make = ["mariadb-install-db", *root, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(make, check=True, capture_output=True)
    with (folder / "mariadb.log").open("wb") as log:
        run = ["mariadbd", *root, f"--socket={folder}/db/sock", "--skip-networking"]
        server = subprocess.Popen(run, stdout=log, stderr=log)
    try:
        _until(lambda: (folder / "db" / "sock").exists() and _made(folder), server, folder / "mariadb.log")
        yield
    finally:
        server.kill()  # nothing of it is kept
        server.wait(PATIENCE)


def _made(folder: Path) -> bool:
    command = ["mariadb", f"--socket={folder}/db/sock", "--user=root", "--execute", "CREATE DATABASE IF NOT EXISTS wp"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def _serving(folder: Path, url: str) -> Iterator[None]:
    """Run PHP's own server with a few workers for the length of a with-block."""
    command = ["php", "-d", "sendmail_path=/bin/true", "-S", url.removeprefix("http://"), "-t", f"{folder}/site"]
    environment = {**os.environ, "PHP_CLI_SERVER_WORKERS": "4"}
    with (folder / "php.log").open("wb") as log:
        # Its workers outlive it unless the whole group is told to stop.
        server = subprocess.Popen(
            [*command, f"{folder}/router.php"], stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        _until(lambda: _answers(url), server, folder / "php.log")
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(PATIENCE)


def sign_in(url: str, user: str) -> httpx.Cookies:
    """Fill in the form; return the session's cookies."""
    with httpx.Client(base_url=url, timeout=PATIENCE, follow_redirects=True) as client:
        client.get("/wp-login.php")
        form = {"log": user, "pwd": PASSWORD, "testcookie": "1", "redirect_to": f"{url}/wp-admin/profile.php"}
        assert client.post("/wp-login.php", data=form).url.path == "/wp-admin/profile.php"
        return client.cookies


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/license.txt", timeout=PATIENCE).status_code < 500
    except httpx.TransportError:
        return False


def _until(is_so: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    eventually(lambda: is_so() or server.poll() is not None)
    assert server.poll() is None, log.read_text("utf-8")


class Form(HTMLParser):
    """The form of a page that has a field: its fields, with the values that a browser would send.

    Args:
        page: HTML.
        having: the name of a field in it.
    """

    def __init__(self, page: str, having: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._forms: list[dict[str, str]] = [{}]
        self._area: str | None = None
        self._select: str | None = None
        self.feed(page)
        self.fields = next(form for form in self._forms if having in form)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a field."""
        told: Mapping[str, str] = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._forms.append({})
        name, kind = told.get("name", ""), told.get("type", "text")
        if tag == "input" and name and "disabled" not in told and kind not in {"submit", "button"}:
            if kind not in {"checkbox", "radio"} or "checked" in told:
                self._forms[-1][name] = told.get("value", "on")
        elif tag == "textarea" and name:
            self._forms[-1][name], self._area = "", name
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in told or self._select not in self._forms[-1]):
            self._forms[-1][self._select] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a text."""
        self._area = None if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self._area is not None:
            self._forms[-1][self._area] += data


def nonce(page: str, name: str = "_wpnonce") -> str:
    """Return the nonce of a page's form."""
    found = re.search(rf'name="{name}" value="([0-9a-f]+)"', page)
    assert found, f"no {name} in the page"
    return found[1]

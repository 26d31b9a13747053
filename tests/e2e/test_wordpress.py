"""A real WordPress with our plugin: posts get their topics, editors' choices come back, and no publish waits for us.

`tests/e2e/wordpress-packages` installs what it needs; without that the tests are skipped.
"""

import asyncio
import json
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.keys import keys_json, new_key
from service.settings import Settings
from tests.conftest import running
from tests.e2e.wordpress_site import Form, WordPress, nonce, what_is_missing, wordpress

MISSING = what_is_missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

LIMIT = 1.0
TITLE = "War"
CONTENT = "<p>Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. The envoy.</p>"
OTHER = b'{"model": "m", "topics": [{"id": "x", "name": ["<b>"]}]}'
STORM = "<p>The storm, the rain, the winds: storm, heavy rain, winds, the storm.</p>"


class Faults:
    """A service that can be told to misbehave.

    Args:
        app: the real one.
    """

    mode = "well"

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the mode says."""
        if scope["type"] != "http" or self.mode == "well":
            await self._app(scope, receive, send)
        elif self.mode == "slow":
            await asyncio.sleep(10)
            await self._app(scope, receive, send)
        elif self.mode == "hung":
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await self._nonsense(send)

    async def _nonsense(self, send: Send) -> None:
        page = {"page": b"<html><script>alert(1)</script></html>", "error": b"no", "drip": b"{"}.get(self.mode, OTHER)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 500 if self.mode == "error" else 200, "headers": headers})
        await send({"type": "http.response.body", "body": page, "more_body": True})
        for _ in range(100 if self.mode == "drip" else 0):
            await asyncio.sleep(0.1)
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Tagdesk:
    """A real service with keys, behind what makes it misbehave.

    Args:
        url: its address.
        key: the CMS's, to tag and to correct.
        admin: a key to export with.
        faults: what makes it misbehave.
    """

    url: str
    key: str
    admin: str
    faults: Faults

    def corrections(self, article: str) -> list[dict[str, Any]]:
        """Return what the ledger has of an article."""
        export = httpx.get(f"{self.url}/v1/feedback/export", headers={"X-API-Key": self.admin})
        rows = [json.loads(line) for line in export.text.splitlines()]
        return [row for row in rows if row["id"].endswith(article)]


@pytest.fixture(scope="module")
def service(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tagdesk]:
    """Return the service."""
    folder = tmp_path_factory.mktemp("keys")
    cms, key = new_key("cms", ["tag", "feedback"], "2026-11-24")
    admin, admin_key = new_key("desk", ["admin"], "2026-11-24")
    (folder / "keys.json").write_bytes(keys_json([cms, admin]))
    ledger = f"{folder}/ledger.sqlite"
    settings = replace(tiny_settings, keys_file=f"{folder}/keys.json", database_url=ledger, access_log=False)
    faults = Faults(create_app(settings))
    with running(faults) as address:
        yield Tagdesk(address, key, admin_key, faults)


@pytest.fixture(scope="module")
def site(service: Tagdesk) -> Iterator[WordPress]:
    """Return the site, its plugin switched on and set by a person's clicks."""
    folder = Path(tempfile.mkdtemp(prefix="wp-"))  # short: the path of a socket has 107 bytes
    begin = time.monotonic()
    try:
        with wordpress(folder) as made:
            activate(made)
            configure(made, url=service.url, key=service.key, limit=str(LIMIT))
            measured(f"WordPress installed and set in {time.monotonic() - begin:.1f} s")
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _well(site: WordPress, service: Tagdesk) -> Iterator[None]:
    """Begin with the settings of a new user and a service that is well; PHP has no word against the plugin."""
    service.faults.mode = "well"
    yield
    service.faults.mode = "well"
    assert [line for line in site.log().splitlines() if "PHP " in line and "/plugins/tagdesk/" in line] == []


def measured(text: str) -> None:
    """Print a figure; `pytest -s` shows it."""
    print(f"\n{text}")  # noqa: T201


def activate(site: WordPress) -> None:
    """Switch the plugin on, as the page of plugins does."""
    with site.signed_in() as admin:
        page = admin.get("/wp-admin/plugins.php").text
        link = re.search(r'href="(plugins\.php\?action=activate&amp;plugin=tagdesk[^"]*)"', page)
        assert link
        assert "Plugin activated" in admin.get(f"/wp-admin/{link[1].replace('&amp;', '&')}").text


def configure(site: WordPress, **fields: str) -> str:
    """Fill in the form of the settings page; return the page that comes then."""
    with site.signed_in() as admin:
        form = Form(admin.get("/wp-admin/options-general.php?page=tagdesk").text, "tagdesk[url]").fields
        form |= {f"tagdesk[{name}]": value for name, value in fields.items()}
        return admin.post("/wp-admin/options.php", data=form).text


def publish(site: WordPress, title: str = TITLE, content: str = CONTENT, **fields: Any) -> tuple[int, float]:
    """Publish a post through REST; return its id and how long that took."""
    with site.rest() as rest:
        begin = time.monotonic()
        made = rest.post("/wp/v2/posts", json={"title": title, "content": content, "status": "publish"} | fields)
        took = time.monotonic() - begin
    assert made.status_code == 201, made.text
    return made.json()["id"], took


def edit(site: WordPress, post: int, **fields: Any) -> None:
    """Change a post through REST, as the block editor does."""
    with site.rest() as rest:
        assert rest.post(f"/wp/v2/posts/{post}", json=fields).status_code == 200


def draft(site: WordPress, **fields: Any) -> int:
    """Write a post that is not published."""
    with site.rest() as rest:
        made = rest.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT, "status": "draft"} | fields)
    return int(made.json()["id"])


def bulk(site: WordPress, action: str, posts: list[int], **fields: str) -> str:
    """Choose posts in the list of posts and an action; return the page that comes then."""
    with site.signed_in() as admin:
        page = admin.get("/wp-admin/edit.php?post_status=all&post_type=post").text
        form = {"action": action, "_wpnonce": nonce(page), "post[]": [str(post) for post in posts], **fields}
        return admin.get("/wp-admin/edit.php", params={"post_type": "post", **form}).text


def test_settings_page_says_how_the_service_does_and_never_shows_the_key(site: WordPress, service: Tagdesk) -> None:
    page = configure(site, limit="0.7")
    assert "Tagdesk answers, with 3 topics." in page
    assert service.key not in page
    assert service.key in site.sql("SELECT option_value FROM wp_options WHERE option_name = 'tagdesk'")[0][0]
    assert 'value="0.7"' in page
    page = configure(site, url='http://127.0.0.1:1/"><script>', limit=str(LIMIT))
    assert "Tagdesk cannot be used: no answer" in page
    assert '"><script>' not in page
    assert "with 3 topics" in configure(site, url=service.url)


def test_settings_cannot_be_changed_by_a_forged_request(site: WordPress, service: Tagdesk) -> None:
    with site.signed_in() as admin:
        form = Form(admin.get("/wp-admin/options-general.php?page=tagdesk").text, "tagdesk[url]").fields
        forged = form | {"tagdesk[url]": "http://evil.example", "_wpnonce": "0123456789"}
        assert admin.post("/wp-admin/options.php", data=forged).status_code == 403
    assert service.url in site.sql("SELECT option_value FROM wp_options WHERE option_name = 'tagdesk'")[0][0]


def test_published_post_has_its_sure_topics_as_tags(site: WordPress) -> None:
    """In the database and on the page; what is only suggested is not applied."""
    post, took = publish(site)
    assert site.terms(post) == ["Conflict"]
    assert re.search(r'rel="tag">Conflict<', httpx.get(f"{site.url}/?p={post}", follow_redirects=True).text)
    measured(f"publish with the service well: {took:.2f} s")


def test_post_keeps_the_tags_that_its_author_gave(site: WordPress) -> None:
    with site.rest() as rest:
        own = rest.post("/wp/v2/tags", json={"name": "Geneva"}).json()["id"]
    post, _ = publish(site, tags=[own])
    assert site.terms(post) == ["Conflict", "Geneva"]


def test_draft_is_tagged_when_it_is_published_by_the_admins_form(site: WordPress) -> None:
    post = draft(site)
    assert site.terms(post) == []
    with site.signed_in() as admin:
        form = Form(admin.get(f"/wp-admin/post.php?post={post}&action=edit&classic=1").text, "post_ID").fields
        admin.post("/wp-admin/post.php", data=form | {"publish": "Publish"})
    assert site.sql(f"SELECT post_status FROM wp_posts WHERE ID = {post}") == [["publish"]]
    assert site.terms(post) == ["Conflict"]


def test_topics_become_categories_where_the_newsroom_wants_that(site: WordPress) -> None:
    """The default category, which nobody chose, makes room."""
    configure(site, taxonomy="category", bands="all")
    try:
        post, _ = publish(site)
        assert site.terms(post, "category") == ["Conflict", "Diplomacy"]
        assert site.terms(post) == []
    finally:
        configure(site, taxonomy="post_tag", bands="auto")


def test_renamed_tag_still_stands_for_its_topic(site: WordPress) -> None:
    post, _ = publish(site, "Storm", STORM)
    with site.rest() as rest:
        made = rest.post(f"/tagdesk/v1/posts/{post}/terms", json={"topic": "weather", "name": "Weather"}).json()
        rest.post(f"/wp/v2/tags/{made['term']}", json={"name": "Storms & heat"})
        found = rest.post(f"/tagdesk/v1/posts/{post}/suggestions", json={"title": "Storm", "content": STORM}).json()
        assert [(topic["name"], topic["term"]) for topic in found["topics"]] == [("Storms & heat", made["term"])]
        rest.post(f"/wp/v2/tags/{made['term']}", json={"name": "Weather"})


def test_tag_that_an_editor_removes_arrives_in_the_ledger(site: WordPress, service: Tagdesk) -> None:
    """It does not come back either, when the post is tagged again."""
    post, _ = publish(site)
    with site.signed_in() as admin:
        form = Form(admin.get(f"/wp-admin/post.php?post={post}&action=edit&classic=1").text, "post_ID").fields
        assert form["tax_input[post_tag]"] == "Conflict"
        admin.post("/wp-admin/post.php", data=form | {"tax_input[post_tag]": "", "save": "Update"})
    site.run_cron()
    (row,) = service.corrections(f"?p={post}")
    assert (row["accepted"], row["rejected"], row["added"]) == ([], ["conflict", "diplomacy"], [])
    assert (row["editor"], row["model"]) == ("wordpress:editor", "tiny@1")
    assert row["title"] == TITLE
    bulk(site, "tagdesk", [post])
    assert site.terms(post) == []


def test_tag_that_an_editor_adds_arrives_in_the_ledger(site: WordPress, service: Tagdesk) -> None:
    post, _ = publish(site)
    with site.rest() as rest:
        tags = rest.get(f"/wp/v2/posts/{post}").json()["tags"]
        weather = rest.post(f"/tagdesk/v1/posts/{post}/terms", json={"topic": "weather", "name": "Weather"}).json()
    edit(site, post, tags=[*tags, weather["term"]])
    site.run_cron()
    (row,) = service.corrections(f"?p={post}")
    assert (row["accepted"], row["rejected"], row["added"]) == (["conflict"], ["diplomacy"], ["weather"])


def test_edit_that_leaves_the_topics_alone_is_no_correction(site: WordPress, service: Tagdesk) -> None:
    post, _ = publish(site)
    edit(site, post, title="War, again")
    site.run_cron()
    assert service.corrections(f"?p={post}") == []


def test_correction_waits_until_the_service_is_back(site: WordPress, service: Tagdesk) -> None:
    """It is delivered once, and the save did not wait for it."""
    post, _ = publish(site)
    service.faults.mode = "hung"
    begin = time.monotonic()
    edit(site, post, tags=[])
    assert time.monotonic() - begin < LIMIT
    service.faults.mode = "error"
    site.run_cron()
    service.faults.mode = "well"
    assert service.corrections(f"?p={post}") == []
    site.run_cron()
    site.run_cron()
    assert len(service.corrections(f"?p={post}")) == 1


@pytest.mark.parametrize("fault", ["dead", "hung", "slow", "drip", "page", "other JSON", "error"])
def test_publish_never_waits_longer_than_its_limit(site: WordPress, service: Tagdesk, fault: str) -> None:
    """It succeeds, and WP-Cron tags the post later: of a slow service while it is still slow."""
    _, usual = publish(site, "Storm", STORM)
    if fault == "dead":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        configure(site, url=f"http://127.0.0.1:{port}")
    else:
        service.faults.mode = fault
    try:
        post, took = publish(site)
        assert took < usual + LIMIT + 0.3
        assert site.terms(post) == []
        assert site.waits(post)
    finally:
        if fault == "dead":
            configure(site, url=service.url)
    service.faults.mode = fault if fault == "slow" else "well"
    site.run_cron()
    assert site.terms(post) == ["Conflict"]
    assert not site.waits(post)
    measured(f"publish with the service {fault}: {took:.2f} s ({usual:.2f} s when it is well, limit {LIMIT} s)")


def test_posts_published_at_once_share_one_limit(site: WordPress, service: Tagdesk) -> None:
    posts = [draft(site) for _ in range(5)]
    service.faults.mode = "hung"
    begin = time.monotonic()
    fields = {"_status": "publish", "bulk_edit": "Update", "post_author": "-1", "comment_status": "", "ping_status": ""}
    bulk(site, "edit", posts, **fields, post_view="list", screen="edit-post")
    took = time.monotonic() - begin
    assert {status for (status,) in site.sql(f"SELECT post_status FROM wp_posts WHERE ID IN ({str(posts)[1:-1]})")} == {
        "publish"
    }
    assert all(site.waits(post) for post in posts)
    service.faults.mode = "well"
    site.run_cron()
    assert [site.terms(post) for post in posts] == [["Conflict"]] * 5
    measured(f"five posts published at once with the service hung: {took:.2f} s, two page loads included")
    assert took < LIMIT + 2.5


def test_old_posts_are_tagged_by_the_bulk_action(site: WordPress) -> None:
    """Of the chosen ones the published; the page says how many."""
    posts = [draft(site) for _ in range(3)]
    site.sql(f"UPDATE wp_posts SET post_status = 'publish' WHERE ID IN ({posts[0]}, {posts[1]})")
    assert "Tagdesk: 2 tagged, 0 refused, 0 wait for WP-Cron." in bulk(site, "tagdesk", posts)
    assert [site.terms(post) for post in posts] == [["Conflict"], ["Conflict"], []]


def test_post_that_failed_says_so_in_the_list_and_is_tagged_by_the_bulk_action(
    site: WordPress, service: Tagdesk
) -> None:
    service.faults.mode = "error"
    post, _ = publish(site)
    with site.signed_in() as admin:
        assert "waits for Tagdesk: it answered 500" in admin.get("/wp-admin/edit.php").text
    service.faults.mode = "well"
    bulk(site, "tagdesk", [post])
    assert site.terms(post) == ["Conflict"]
    with site.signed_in() as admin:
        assert "waits for Tagdesk" not in admin.get("/wp-admin/edit.php").text


def test_post_without_words_is_not_tried_again(site: WordPress) -> None:
    post, _ = publish(site, "", "<!-- wp:image --><img src='/x.png'><!-- /wp:image -->")
    assert not site.waits(post)
    with site.signed_in() as admin:
        assert "not tagged: it answered 422" in admin.get("/wp-admin/edit.php").text


def test_log_has_no_word_of_a_post_and_no_key(site: WordPress, service: Tagdesk) -> None:
    service.faults.mode = "error"
    publish(site, "Zyzzyva", "<p>Quokka war.</p>")
    assert "not tagged: it answered 500" in site.log()
    assert not re.search(f"zyzzyva|quokka|{service.key}", site.log(), flags=re.IGNORECASE)
    service.faults.mode = "well"
    site.run_cron()


def test_suggestions_are_for_those_who_may_edit_the_post(site: WordPress) -> None:
    post = draft(site)
    path = f"/wp-json/tagdesk/v1/posts/{post}/suggestions"
    with httpx.Client(base_url=site.url) as anybody:
        assert anybody.post(path, json={"title": TITLE, "content": CONTENT}).status_code == 401
    with site.rest() as rest:
        answer = rest.post(f"/tagdesk/v1/posts/{post}/suggestions", json={"title": TITLE, "content": CONTENT})
    topics = {topic["id"]: topic for topic in answer.json()["topics"]}
    assert [(topic["band"], topic["words"][:1]) for topic in topics.values()] == [
        ("auto", ["war"]),
        ("suggest", ["envoy"]),
    ]


def test_author_makes_no_categories_and_asks_about_no_other_posts(site: WordPress) -> None:
    """Nobody can do through the plugin what WordPress does not let him do."""
    other = draft(site)
    with site.rest() as rest:
        form = {"username": "author", "email": "a@example.org", "password": "secret-pw-2", "roles": ["author"]}
        user = rest.post("/wp/v2/users", json=form).json()["id"]
        key = rest.post(f"/wp/v2/users/{user}/application-passwords", json={"name": "test"}).json()["password"]
    with httpx.Client(base_url=f"{site.url}/wp-json", auth=("author", key)) as author:
        own = author.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT}).json()["id"]
        text = {"title": TITLE, "content": CONTENT}
        assert author.post(f"/tagdesk/v1/posts/{own}/suggestions", json=text).status_code == 200
        assert author.post(f"/tagdesk/v1/posts/{other}/suggestions", json=text).status_code == 403
        configure(site, taxonomy="category")
        new = {"topic": "ministers", "name": "Ministers"}
        assert author.post(f"/tagdesk/v1/posts/{own}/terms", json=new).status_code == 403
        configure(site, taxonomy="post_tag")
        assert author.post(f"/tagdesk/v1/posts/{own}/terms", json=new).status_code == 200


def test_sidebar_of_the_block_editor_suggests_and_applies_by_one_click(
    site: WordPress, service: Tagdesk, chromium: Any
) -> None:
    """The editor's choice, made before the post is published, arrives in the ledger."""
    post = draft(site)
    page = signed_in_browser(site, chromium)
    page.goto(f"{site.url}/wp-admin/post.php?post={post}&action=edit")
    page.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId()")
    page.evaluate("wp.data.dispatch('core/preferences').set('core/edit-post', 'welcomeGuide', false)")
    page.get_by_role("button", name="Topics", exact=True).click()
    suggested = page.locator("[data-topic=diplomacy]")
    suggested.wait_for()
    assert "envoy" in suggested.inner_text()
    assert "applied on publish" in page.locator("[data-topic=conflict]").inner_text()
    suggested.get_by_role("button").click()
    suggested.locator("button[aria-pressed=true]").wait_for()
    page.evaluate("wp.data.dispatch('core/editor').editPost({status: 'publish'})")
    page.evaluate("wp.data.dispatch('core/editor').savePost()")
    page.locator("[data-topic=conflict] button[aria-pressed=true]").wait_for()
    page.context.close()
    assert site.terms(post) == ["Conflict", "Diplomacy"]
    site.run_cron()
    (row,) = service.corrections(f"?p={post}")
    assert sorted(row["accepted"]) == ["conflict", "diplomacy"]


def test_box_of_the_classic_editor_suggests_and_applies_by_one_click(site: WordPress, chromium: Any) -> None:
    post = draft(site)
    page = signed_in_browser(site, chromium)
    page.goto(f"{site.url}/wp-admin/post.php?post={post}&action=edit&classic=1")
    button = page.locator("#tagdesk-box [data-topic=diplomacy] button")
    button.click()
    page.locator("#tagdesk-box [data-topic=diplomacy] button[aria-pressed=true]").wait_for()
    page.locator("#publish").click()
    page.wait_for_url("**message=6**")
    page.context.close()
    assert site.terms(post) == ["Conflict", "Diplomacy"]


def test_deleted_plugin_leaves_the_tags_and_nothing_else(site: WordPress) -> None:
    """It is the last test: the plugin is gone then."""
    post, _ = publish(site)
    with site.signed_in() as admin:
        page = admin.get("/wp-admin/plugins.php").text
        form = {"action": "deactivate-selected", "checked[]": "tagdesk/tagdesk.php", "_wpnonce": nonce(page)}
        admin.post("/wp-admin/plugins.php", data=form)
        page = admin.get("/wp-admin/plugins.php").text
        form = {"action": "delete-selected", "checked[]": "tagdesk/tagdesk.php", "verify-delete": "1"}
        admin.post("/wp-admin/plugins.php", data=form | {"_wpnonce": nonce(page)})
    assert not (site.folder / "site/wp-content/plugins/tagdesk").exists()
    for table, column in (("options", "option_name"), ("postmeta", "meta_key"), ("termmeta", "meta_key")):
        assert site.sql(f"SELECT {column} FROM wp_{table} WHERE {column} LIKE '%tagdesk%'") == []
    assert "tagdesk" not in site.sql("SELECT option_value FROM wp_options WHERE option_name = 'cron'")[0][0]
    assert site.terms(post) == ["Conflict"]


def signed_in_browser(site: WordPress, chromium: Any) -> Any:
    """Return a page of a browser that has signed in."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.add_cookies([{"name": one.name, "value": one.value, "url": site.url} for one in site.cookies.jar])
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page

"""What people and programs do at a site: publish, edit, save in the editors, change settings."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from tests.e2e.wordpress.site import PATIENCE, Form, WordPress, nonce

LIMIT = "10"
"""The time limit, in seconds: the longest that there is, for on a busy machine a service that is well may be slow."""
SHORT_LIMIT = "1"
"""The time limit where the service does not answer."""
TITLE = "War"
CONTENT = "<p>Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. The envoy.</p>"
"""The tiny model is sure of conflict, and suggests diplomacy."""
STORM = "<p>The storm, the rain, the winds: storm, heavy rain, winds, the storm.</p>"
"""The tiny model suggests weather."""

_DEFAULTS = {"taxonomy": "post_tag", "bands": "auto", "limit": LIMIT}
_number = count(1)


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


@contextmanager
def configured(site: WordPress, **fields: str) -> Iterator[None]:
    """Change settings for the length of a with-block."""
    configure(site, **fields)
    try:
        yield
    finally:
        configure(site, **_DEFAULTS)


def publish(site: WordPress, title: str = TITLE, content: str = CONTENT, **fields: Any) -> int:
    """Publish a post through REST, as another client does; return its id."""
    return _post(site, title=title, content=content, status="publish", **fields)


def draft(site: WordPress, **fields: Any) -> int:
    """Write a post that is not published; return its id."""
    return _post(site, **({"title": TITLE, "content": CONTENT, "status": "draft"} | fields))


def _post(site: WordPress, **fields: Any) -> int:
    with site.rest() as rest:
        made = rest.post("/wp/v2/posts", json=fields)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


def edit(site: WordPress, post: int, **fields: Any) -> None:
    """Change a post through REST, as another client does."""
    with site.rest() as rest:
        assert rest.post(f"/wp/v2/posts/{post}", json=fields).status_code == 200


def make_tag(site: WordPress, name: str) -> int:
    """Make a tag where there is none of the name; return its id."""
    with site.rest() as rest:
        made = rest.post("/wp/v2/tags", json={"name": name}).json()
    return int(made["id"] if "id" in made else made["data"]["term_id"])


def save_in_classic_editor(site: WordPress, post: int, button: str = "save", **fields: str) -> None:
    """Open a post in the classic editor, change fields of its form, and press `save` or `publish`."""
    with site.signed_in() as admin:
        form = Form(admin.get(f"/wp-admin/post.php?post={post}&action=edit&classic=1").text, "post_ID").fields
        saved = admin.post("/wp-admin/post.php", data=form | fields | {button: "yes"})
    assert "message=" in str(saved.url), saved.text


def set_tags(site: WordPress, post: int, tags: str) -> None:
    """Change a post's tags in the classic editor, and save it."""
    save_in_classic_editor(site, post, "save", **{"tax_input[post_tag]": tags})


def quick_edit(site: WordPress, post: int, **fields: str) -> None:
    """Change a post by *Quick Edit* in the list of posts."""
    with site.signed_in() as admin:
        token = nonce(admin.get("/wp-admin/edit.php").text, "_inline_edit")
        form = {"action": "inline-save", "post_type": "post", "screen": "edit-post", "post_view": "list"}
        form |= {"post_ID": str(post), "_inline_edit": token, "_status": "publish", "comment_status": "open"}
        done = admin.post("/wp-admin/admin-ajax.php", data=form | fields)
    assert f'id="post-{post}"' in done.text, done.text


def bulk(site: WordPress, action: str, posts: list[int], **fields: str) -> str:
    """Choose posts in the list of posts and an action; return the page that comes then."""
    with site.signed_in() as admin:
        page = admin.get("/wp-admin/edit.php?post_status=all&post_type=post").text
        form = {"action": action, "_wpnonce": nonce(page), "post[]": [str(post) for post in posts], **fields}
        return admin.get("/wp-admin/edit.php", params={"post_type": "post", **form}).text


def bulk_edit(site: WordPress, posts: list[int], **fields: str) -> None:
    """Change posts by *Bulk actions → Edit*."""
    form = {"bulk_edit": "Update", "_status": "-1", "post_author": "-1", "comment_status": "", "ping_status": ""}
    bulk(site, "edit", posts, post_view="list", screen="edit-post", **(form | fields))


def statuses(site: WordPress, posts: list[int]) -> set[str]:
    """Return the statuses that posts have."""
    return {status for (status,) in site.sql(f"SELECT post_status FROM wp_posts WHERE ID IN ({str(posts)[1:-1]})")}


@contextmanager
def somebody(site: WordPress, role: str) -> Iterator[httpx.Client]:
    """Yield a REST client of a new user with a role."""
    name = f"{role}{next(_number)}"
    with site.rest() as rest:
        form = {"username": name, "email": f"{name}@example.org", "password": "secret-pw-2", "roles": [role]}
        user = rest.post("/wp/v2/users", json=form).json()["id"]
        key = rest.post(f"/wp/v2/users/{user}/application-passwords", json={"name": "test"}).json()["password"]
    with httpx.Client(base_url=f"{site.url}/wp-json", auth=(name, key), timeout=PATIENCE) as client:
        yield client


@contextmanager
def browser(site: WordPress, chromium: Any) -> Iterator[Any]:
    """Yield a page of a browser that has signed in."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.add_cookies([{"name": each.name, "value": each.value, "url": site.url} for each in site.cookies.jar])
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    yield page
    context.close()


def open_block_editor(site: WordPress, page: Any, post: int, heading: str = "Topics") -> None:
    """Open a post in the block editor, and the panel in its sidebar."""
    page.goto(f"{site.url}/wp-admin/post.php?post={post}&action=edit")
    page.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId()")
    page.evaluate("wp.data.dispatch('core/preferences').set('core/edit-post', 'welcomeGuide', false)")
    open_panel(page, heading)
    page.locator("[data-topic]").first.wait_for()


def open_panel(page: Any, heading: str) -> None:
    """Open a panel of the sidebar; WordPress remembers those that a user has opened before."""
    button = page.get_by_role("button", name=heading, exact=True)
    if button.get_attribute("aria-expanded") == "false":
        button.click()


def toggle(page: Any, topic: str, pressed: bool) -> None:
    """Click a topic in the panel; it is on the post then, or off."""
    button = page.locator(f"[data-topic={topic}] button")
    button.click()
    page.locator(f"[data-topic={topic}] button[aria-pressed={str(pressed).lower()}]").wait_for()


def save_in_block_editor(page: Any) -> None:
    """Save what was changed in the block editor."""
    page.evaluate("wp.data.dispatch('core/editor').savePost()")
    page.wait_for_function("!wp.data.select('core/editor').isSavingPost()")
    page.wait_for_function("wp.data.select('core/editor').didPostSaveRequestSucceed()")
    assert not page.evaluate("wp.data.select('core/editor').isEditedPostDirty()")

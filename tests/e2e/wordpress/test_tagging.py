"""Posts get their topics when they are published, whatever happens to the service."""

import re
import socket
import time

import httpx
import pytest

from tests.e2e.wordpress.newsroom import (
    CONTENT,
    LIMIT,
    SHORT_LIMIT,
    STORM,
    bulk,
    bulk_edit,
    configure,
    configured,
    draft,
    edit,
    make_tag,
    measured,
    publish,
    save_in_classic_editor,
    statuses,
)
from tests.e2e.wordpress.service import FAULT_SECONDS, Tagdesk
from tests.e2e.wordpress.site import WordPress


def test_published_post_has_its_sure_topics_as_tags(site: WordPress) -> None:
    """In the database and on the page; what is only suggested is not applied."""
    post = publish(site)
    assert site.terms(post) == ["Conflict"]
    assert re.search(r'rel="tag">Conflict<', httpx.get(f"{site.url}/?p={post}", follow_redirects=True).text)


def test_post_keeps_the_tags_that_its_author_gave(site: WordPress) -> None:
    post = publish(site, tags=[make_tag(site, "Geneva")])
    assert site.terms(post) == ["Conflict", "Geneva"]


def test_draft_is_tagged_when_it_is_published_by_the_admins_form(site: WordPress) -> None:
    post = draft(site)
    assert site.terms(post) == []
    save_in_classic_editor(site, post, "publish")
    assert statuses(site, [post]) == {"publish"}
    assert site.terms(post) == ["Conflict"]


def test_text_that_stands_between_shortcodes_is_read(site: WordPress) -> None:
    """As page builders write a post: rows in rows, of plugins that are there and of some that are not any more."""
    post = publish(
        site, "", f'[wp_caption width="9"][caption width="9"][vc_row]{CONTENT}[/vc_row][/caption][/wp_caption]'
    )
    assert site.terms(post) == ["Conflict"]


def test_topics_become_categories_where_the_newsroom_wants_that(site: WordPress) -> None:
    """The default category, which nobody chose, makes room."""
    with configured(site, taxonomy="category", bands="all"):
        post = publish(site)
        assert site.terms(post, "category") == ["Conflict", "Diplomacy"]
        assert site.terms(post) == []


def test_renamed_tag_still_stands_for_its_topic(site: WordPress) -> None:
    post = publish(site, "Storm", STORM)
    with site.rest() as rest:
        term = rest.post(f"/tagdesk/v1/posts/{post}/terms", json={"topic": "weather"}).json()["term"]
        rest.post(f"/wp/v2/tags/{term}", json={"name": "Storms & heat"})
        try:
            answer = rest.post(f"/tagdesk/v1/posts/{post}/suggestions", json={"title": "Storm", "content": STORM})
        finally:
            rest.post(f"/wp/v2/tags/{term}", json={"name": "Weather"})
    assert [(topic["name"], topic["term"]) for topic in answer.json()["topics"]] == [("Storms & heat", term)]


def test_tag_that_was_taken_away_stays_away_when_the_post_is_published_again(site: WordPress) -> None:
    post = publish(site)
    edit(site, post, status="draft")
    edit(site, post, tags=[])
    edit(site, post, status="publish")
    assert site.terms(post) == []


@pytest.mark.parametrize("fault", ["dead", "hung", "slow", "drip", "page", "other JSON", "error"])
def test_publish_never_waits_for_a_fault_to_end(site: WordPress, service: Tagdesk, fault: str) -> None:
    """It succeeds, and WP-Cron tags the post later: of a slow service while it is still slow."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    try:
        configure(site, limit=SHORT_LIMIT, url=dead if fault == "dead" else service.url)
        service.faults.mode = "well" if fault == "dead" else fault
        begin = time.monotonic()
        post = publish(site)
        took = time.monotonic() - begin
        assert took < FAULT_SECONDS / 2
        assert site.terms(post) == []
        assert site.waits(post)
    finally:
        service.faults.mode = fault if fault == "slow" else "well"
        configure(site, limit=LIMIT, url=service.url)
    site.run_cron()
    assert site.terms(post) == ["Conflict"]
    assert not site.waits(post)
    measured(f"publish with the service {fault}: {took:.2f} s (limit {SHORT_LIMIT} s)")


def test_posts_published_at_once_share_one_limit(site: WordPress, service: Tagdesk) -> None:
    """The first waits as long as all may; nothing is asked for the others, which WP-Cron tags."""
    posts = [draft(site) for _ in range(5)]
    with configured(site, limit=SHORT_LIMIT):
        service.faults.asked.clear()
        service.faults.mode = "hung"
        bulk_edit(site, posts, _status="publish")
        service.faults.mode = "well"
        asked = [*service.faults.asked]
    assert asked == ["/v1/tag"]
    assert statuses(site, posts) == {"publish"}
    assert all(site.waits(post) for post in posts)
    site.run_cron()
    assert [site.terms(post) for post in posts] == [["Conflict"]] * 5


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
    post = publish(site)
    with site.signed_in() as admin:
        assert "waits for Tagdesk: it answered 500" in admin.get("/wp-admin/edit.php").text
    service.faults.mode = "well"
    bulk(site, "tagdesk", [post])
    assert site.terms(post) == ["Conflict"]
    with site.signed_in() as admin:
        assert "waits for Tagdesk" not in admin.get("/wp-admin/edit.php").text


def test_post_without_words_is_not_tried_again(site: WordPress) -> None:
    post = publish(site, "", "<!-- wp:image --><img src='/x.png'><!-- /wp:image -->")
    assert not site.waits(post)
    with site.signed_in() as admin:
        assert "not tagged: it answered 422" in admin.get("/wp-admin/edit.php").text


def test_log_has_no_word_of_a_post_and_no_key(site: WordPress, service: Tagdesk) -> None:
    service.faults.mode = "error"
    publish(site, "Zyzzyva", "<p>Quokka war.</p>")
    assert "not tagged: it answered 500" in site.log()
    assert not re.search(f"zyzzyva|quokka|{service.key}", site.log(), flags=re.IGNORECASE)

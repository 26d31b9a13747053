"""The two editors in a real browser: exactly what was shown and changed arrives in the ledger."""

from typing import Any

from tests.e2e.wordpress.newsroom import (
    browser,
    configured,
    draft,
    open_block_editor,
    open_panel,
    publish,
    save_in_block_editor,
    toggle,
)
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import WordPress


def test_suggestion_taken_in_the_block_editor_is_accepted(site: WordPress, service: Tagdesk, chromium: Any) -> None:
    """It was taken before the post was published; the topic that was applied then is not judged."""
    post = draft(site)
    with browser(site, chromium) as page:
        open_block_editor(site, page, post)
        assert "envoy" in page.locator("[data-topic=diplomacy]").inner_text()
        assert "applied on publish" in page.locator("[data-topic=conflict]").inner_text()
        toggle(page, "diplomacy", pressed=True)
        page.evaluate("wp.data.dispatch('core/editor').editPost({status: 'publish'})")
        save_in_block_editor(page)
        page.locator("[data-topic=conflict] button[aria-pressed=true]").wait_for()
    assert site.terms(post) == ["Conflict", "Diplomacy"]
    site.run_cron()
    assert service.verdicts(post) == [(["diplomacy"], [], [])]


def test_block_editor_sends_what_was_shown_and_changed(site: WordPress, service: Tagdesk, chromium: Any) -> None:
    """A topic taken away, and a tag put there by hand; the suggestion that was not taken is not judged."""
    post = publish(site)
    with browser(site, chromium) as page:
        open_block_editor(site, page, post)
        toggle(page, "conflict", pressed=False)
        open_panel(page, "Tags")
        page.get_by_label("Add New Tag").fill("Weather")
        page.get_by_label("Add New Tag").press("Enter")
        page.wait_for_function("wp.data.select('core/editor').getEditedPostAttribute('tags').length === 1")
        save_in_block_editor(page)
    assert site.terms(post) == ["Weather"]
    site.run_cron()
    assert service.verdicts(post) == [([], ["conflict"], ["weather"])]


def test_block_editor_sends_all_verdicts_that_stand_with_each_change(
    site: WordPress, service: Tagdesk, chromium: Any
) -> None:
    post = publish(site)
    with browser(site, chromium) as page:
        open_block_editor(site, page, post)
        toggle(page, "conflict", pressed=False)
        save_in_block_editor(page)
        site.run_cron()
        toggle(page, "diplomacy", pressed=True)
        save_in_block_editor(page)
        site.run_cron()
        toggle(page, "conflict", pressed=True)
        save_in_block_editor(page)
        site.run_cron()
    assert [([*map(sorted, verdict)]) for verdict in service.verdicts(post)] == [
        [[], ["conflict"], []],
        [["diplomacy"], ["conflict"], []],
        [["conflict", "diplomacy"], [], []],
    ]


def test_topics_shown_and_left_alone_in_the_block_editor_are_not_judged(
    site: WordPress, service: Tagdesk, chromium: Any
) -> None:
    """Nor what was changed and changed back."""
    post = publish(site)
    with browser(site, chromium) as page:
        open_block_editor(site, page, post)
        toggle(page, "diplomacy", pressed=True)
        toggle(page, "diplomacy", pressed=False)
        page.evaluate("wp.data.dispatch('core/editor').editPost({title: 'War, again'})")
        save_in_block_editor(page)
    site.run_cron()
    assert service.corrections(post) == []


def test_suggestion_taken_in_the_classic_editor_is_accepted(site: WordPress, service: Tagdesk, chromium: Any) -> None:
    post = draft(site)
    with browser(site, chromium) as page:
        page.goto(f"{site.url}/wp-admin/post.php?post={post}&action=edit&classic=1")
        toggle(page, "diplomacy", pressed=True)
        page.locator("#publish").click()
        page.wait_for_url("**message=6**")
    assert site.terms(post) == ["Conflict", "Diplomacy"]
    site.run_cron()
    assert service.verdicts(post) == [(["diplomacy"], [], [])]


def test_category_taken_away_in_the_classic_editor_is_rejected(
    site: WordPress, service: Tagdesk, chromium: Any
) -> None:
    with configured(site, taxonomy="category"):
        post = publish(site)
        with browser(site, chromium) as page:
            page.goto(f"{site.url}/wp-admin/post.php?post={post}&action=edit&classic=1")
            toggle(page, "conflict", pressed=False)
            page.locator("#publish").click()
            page.wait_for_url("**message=1**")
        site.run_cron()
    assert service.verdicts(post) == [([], ["conflict"], [])]

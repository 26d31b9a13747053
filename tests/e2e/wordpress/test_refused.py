"""A correction that the service refuses is parked where editors see it, with the reason."""

import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

from tests.e2e.wordpress.newsroom import CONTENT, edit, publish, save_in_classic_editor, set_tags
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import Form, WordPress

PAGE = "/wp-admin/edit.php?page=tagdesk-refused"
NO_TEXT = "<!-- wp:image --><img src='/x.png'><!-- /wp:image -->"


def refused_correction(site: WordPress) -> int:
    """Publish a post, correct it, and take its text away: the service refuses such an article with 422."""
    post = publish(site)
    tags = {"tax_input[post_tag]": ""}
    save_in_classic_editor(site, post, "save", post_title=" ", content=NO_TEXT, **tags)
    site.run_cron()
    return post


def press(site: WordPress, what: str) -> str:
    """Press a button of the page's first row; return the page that comes then."""
    with site.signed_in() as admin:
        form = Form(admin.get(PAGE).text, "post").fields
        return admin.post("/wp-admin/admin-post.php", data=form | {"what": what}).text


def test_refused_correction_is_shown_with_the_services_reason(site: WordPress, service: Tagdesk) -> None:
    refused_correction(site)
    with site.signed_in() as admin:
        posts = unescape(admin.get("/wp-admin/edit.php").text)
        page = unescape(admin.get(PAGE).text)
    assert "Tagdesk refused 1 correction." in posts
    assert "rejected: Conflict" in page
    assert "wordpress:editor" in page
    assert "it answered 422, " in page


def test_refused_correction_is_not_tried_again_by_itself(site: WordPress, service: Tagdesk) -> None:
    refused_correction(site)
    service.faults.asked.clear()
    site.run_cron()
    assert "/v1/feedback" not in service.faults.asked


def test_refused_correction_is_sent_again_once_its_reason_is_gone(site: WordPress, service: Tagdesk) -> None:
    post = refused_correction(site)
    assert "it answered 422" in press(site, "send")
    edit(site, post, content=CONTENT)
    assert "There are none." in press(site, "send")
    assert service.verdicts(post) == [([], ["conflict"], [])]


def test_discarded_correction_is_gone_and_its_tag_stays_away(site: WordPress, service: Tagdesk) -> None:
    post = refused_correction(site)
    assert "There are none." in press(site, "discard")
    edit(site, post, content=CONTENT, status="draft")
    edit(site, post, status="publish")
    site.run_cron()
    assert service.corrections(post) == []
    assert site.terms(post) == []


def test_newer_verdict_takes_the_place_of_a_refused_one(site: WordPress, service: Tagdesk) -> None:
    post = refused_correction(site)
    edit(site, post, content=CONTENT)
    set_tags(site, post, "Weather")
    site.run_cron()
    with site.signed_in() as admin:
        assert "There are none." in admin.get(PAGE).text
    assert service.verdicts(post) == [([], ["conflict"], ["weather"])]


def test_newer_verdict_takes_the_place_of_one_that_is_being_refused(site: WordPress, service: Tagdesk) -> None:
    """The refusal comes after the verdict: what is delivered is not on the page of refused ones."""
    post = publish(site)
    save_in_classic_editor(site, post, post_title=" ", content=NO_TEXT, **{"tax_input[post_tag]": ""})
    service.faults.mode = "held"
    with ThreadPoolExecutor() as background:
        delivery = background.submit(site.run_cron)
        while "/v1/feedback" not in service.faults.asked and not delivery.done():
            time.sleep(0.05)
        edit(site, post, content=CONTENT)
        set_tags(site, post, "Weather")
        service.faults.mode = "well"
        delivery.result()
    assert f"correction of post {post} refused" in site.log()
    with site.signed_in() as admin:
        assert "There are none." in admin.get(PAGE).text
    site.run_cron()
    assert service.verdicts(post) == [([], ["conflict"], ["weather"])]


def test_refused_corrections_are_for_those_who_may_edit_others_posts(site: WordPress) -> None:
    refused_correction(site)
    with site.signed_in_as("author") as author:
        assert author.get(PAGE).status_code == 403
        assert "Tagdesk refused" not in author.get("/wp-admin/edit.php").text
    with site.signed_in_as("editor") as editor:
        assert "it answered 422" in editor.get(PAGE).text


def test_refused_correction_is_not_discarded_by_a_forged_request(site: WordPress) -> None:
    post = refused_correction(site)
    with site.signed_in() as admin:
        forged = {"action": "tagdesk_refused", "post": str(post), "what": "discard", "_wpnonce": "0123456789"}
        assert admin.post("/wp-admin/admin-post.php", data=forged).status_code == 403
        assert "it answered 422" in admin.get(PAGE).text

"""What an editor changed in an editor is a verdict; what nobody touched, and what other ways of saving do, is none."""

from tests.e2e.wordpress.newsroom import (
    CONTENT,
    STORM,
    TITLE,
    bulk,
    bulk_edit,
    draft,
    edit,
    make_tag,
    publish,
    quick_edit,
    save_in_classic_editor,
    set_tags,
    somebody,
)
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import WordPress


def test_tag_that_an_editor_takes_away_is_rejected_and_nothing_else(site: WordPress, service: Tagdesk) -> None:
    """Not the suggestion that nobody was shown. The tag does not come back when the post is tagged again."""
    post = publish(site)
    set_tags(site, post, "")
    site.run_cron()
    (row,) = service.corrections(post)
    assert (row["accepted"], row["rejected"], row["added"]) == ([], ["conflict"], [])
    assert (row["editor"], row["model"], row["title"]) == ("wordpress:editor", "tiny@1", TITLE)
    bulk(site, "tagdesk", [post])
    assert site.terms(post) == []


def test_tag_that_an_editor_puts_there_is_added(site: WordPress, service: Tagdesk) -> None:
    post = publish(site)
    set_tags(site, post, "Conflict,Weather")
    site.run_cron()
    assert service.verdicts(post) == [([], [], ["weather"])]


def test_tag_that_the_model_gave_and_an_editor_puts_there_is_accepted(site: WordPress, service: Tagdesk) -> None:
    """Even where it was put there before the model gave it."""
    post = draft(site)
    set_tags(site, post, "Diplomacy")
    save_in_classic_editor(site, post, "publish")
    site.run_cron()
    assert service.verdicts(post) == [(["diplomacy"], [], [])]


def test_correction_has_all_verdicts_that_stand(site: WordPress, service: Tagdesk) -> None:
    """The newest of an article counts, whole; a verdict that was taken back is in it no more."""
    post = publish(site)
    for tags in ("Conflict,Weather", "Weather", "", "Conflict"):
        set_tags(site, post, tags)
        site.run_cron()
    assert service.verdicts(post) == [
        ([], [], ["weather"]),
        ([], ["conflict"], ["weather"]),
        ([], ["conflict"], []),
        (["conflict"], [], []),
    ]


def test_save_in_the_editor_that_leaves_the_topics_alone_is_no_correction(site: WordPress, service: Tagdesk) -> None:
    post = publish(site)
    save_in_classic_editor(site, post, post_title="War, again")
    set_tags(site, post, "Conflict,Geneva")
    site.run_cron()
    assert service.corrections(post) == []


def test_fifty_articles_published_quickly_with_no_topic_touched_are_not_judged(
    site: WordPress, service: Tagdesk
) -> None:
    """Published and changed through REST, then by quick edit, then by bulk edit; half of them have suggestions only."""
    articles = [(TITLE, CONTENT, "Conflict"), ("Storm", STORM, "")] * 25
    posts = [publish(site, f"{title} {number}", content) for number, (title, content, _) in enumerate(articles)]
    for post, (title, _, tags) in zip(posts, articles, strict=True):
        edit(site, post, title=f"{title}, again")
        quick_edit(site, post, post_title=f"{title}, once more", **{"tax_input[post_tag]": tags})
    bulk_edit(site, posts, comment_status="closed", **{"tax_input[post_tag]": ""})
    site.run_cron()
    assert service.corrections(*posts) == []
    assert [",".join(site.terms(post)) for post in posts] == [tags for _, _, tags in articles]


def test_other_ways_of_changing_topics_judge_nothing(site: WordPress, service: Tagdesk) -> None:
    """REST, quick edit, bulk edit, XML-RPC and scripts; what they took away stays away all the same."""
    by_rest, by_quick_edit, by_bulk_edit, by_xmlrpc, by_script = posts = [publish(site) for _ in range(5)]
    edit(site, by_rest, tags=[make_tag(site, "Weather")])
    quick_edit(site, by_quick_edit, post_title=TITLE, **{"tax_input[post_tag]": "Weather"})
    bulk_edit(site, [by_bulk_edit], **{"tax_input[post_tag]": "Weather"})
    site.edit_by_xmlrpc(by_xmlrpc, tags=["Weather"])
    site.php(f"wp_set_post_tags({by_script}, 'Weather'); wp_update_post(['ID' => {by_script}]);")
    bulk(site, "tagdesk", posts)
    site.run_cron()
    assert service.corrections(*posts) == []
    assert [site.terms(post) for post in posts] == [
        ["Weather"],
        ["Weather"],
        ["Conflict", "Weather"],
        ["Weather"],
        ["Weather"],
    ]


def test_scheduled_publish_judges_nothing_but_keeps_the_editors_verdicts(site: WordPress, service: Tagdesk) -> None:
    """They go out under the editor's name, though WP-Cron publishes."""
    untouched, chosen = draft(site), draft(site)
    set_tags(site, chosen, "Weather")
    for post in (untouched, chosen):
        site.php(f"wp_publish_post({post});")
    site.run_cron()
    assert service.corrections(untouched) == []
    (row,) = service.corrections(chosen)
    assert (row["accepted"], row["rejected"], row["added"]) == ([], [], ["weather"])
    assert row["editor"] == "wordpress:editor"


def test_verdict_that_another_way_of_saving_undid_stands_no_more(site: WordPress, service: Tagdesk) -> None:
    post = publish(site)
    set_tags(site, post, "Conflict,Weather")
    edit(site, post, tags=[])
    set_tags(site, post, "Diplomacy")
    site.run_cron()
    assert service.verdicts(post) == [(["diplomacy"], [], [])]


def test_save_of_another_client_with_a_forged_form_judges_nothing(site: WordPress, service: Tagdesk) -> None:
    """The fields of the editor's form need its nonce."""
    post = publish(site)
    forged = {"tagdesk[before]": "", "tagdesk_judged": "0123456789", "tax_input[post_tag]": ""}
    quick_edit(site, post, post_title=TITLE, **forged)
    site.run_cron()
    assert service.corrections(post) == []


def test_topics_that_plugins_put_on_a_post_during_a_save_are_not_judged(site: WordPress, service: Tagdesk) -> None:
    """Neither those of another plugin nor ours, which are on the post when another plugin saves it again."""
    saves_again = """
        add_action('save_post', function ($post) { wp_set_post_tags($post, 'Weather', true); });
        add_action('wp_after_insert_post', function ($post) {
            static $is_done = false;
            if (!$is_done) {
                $is_done = true;
                wp_update_post(['ID' => $post, 'post_excerpt' => 'In short.']);
            }
        }, 30);
    """
    post = draft(site)
    with site.another_plugin(saves_again):
        save_in_classic_editor(site, post, "publish", **{"tax_input[post_tag]": "Diplomacy"})
    assert site.terms(post) == ["Conflict", "Diplomacy", "Weather"]
    site.run_cron()
    assert service.verdicts(post) == [(["diplomacy"], [], [])]


def test_correction_waits_until_the_service_is_back(site: WordPress, service: Tagdesk) -> None:
    """It is delivered once, and the save asked for nothing."""
    post = publish(site)
    service.faults.mode = "hung"
    service.faults.asked.clear()
    set_tags(site, post, "")
    assert service.faults.asked == []
    service.faults.mode = "error"
    site.run_cron()
    assert service.faults.asked
    service.faults.mode = "well"
    assert service.corrections(post) == []
    site.run_cron()
    site.run_cron()
    assert len(service.corrections(post)) == 1


def test_correction_has_the_name_of_the_editor_who_made_it(site: WordPress, service: Tagdesk) -> None:
    """Not that of the post's author."""
    with somebody(site, "author") as author:
        text = {"title": TITLE, "content": CONTENT, "status": "publish"}
        post = author.post("/wp/v2/posts", json=text).json()["id"]
    set_tags(site, post, "")
    site.run_cron()
    assert [row["editor"] for row in service.corrections(post)] == ["wordpress:editor"]

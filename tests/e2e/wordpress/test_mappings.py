"""Which term stands for which topic: the service lists the topics, and only who may edit a term changes its topic."""

from tests.e2e.wordpress.newsroom import CONTENT, STORM, TITLE, configured, draft, edit, make_tag, publish, somebody
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import Form, WordPress


def test_contributor_lets_no_tag_of_the_site_stand_for_a_topic(site: WordPress) -> None:
    make_tag(site, "Fraud")
    with somebody(site, "contributor") as contributor:
        own = contributor.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT}).json()["id"]
        path = f"/tagdesk/v1/posts/{own}/terms"
        assert contributor.post(path, json={"topic": "weather", "name": "Fraud"}).status_code == 400
        assert contributor.post(path, json={"topic": "weather"}).status_code == 200
    with configured(site, bands="all"):
        assert site.terms(publish(site, "Storm", STORM)) == ["Weather"]


def test_topic_that_the_service_does_not_list_is_refused(site: WordPress, service: Tagdesk) -> None:
    """And makes no false correction in an admin's name."""
    war = publish(site)
    with somebody(site, "contributor") as contributor:
        own = contributor.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT}).json()["id"]
        path = f"/tagdesk/v1/posts/{own}/terms"
        assert contributor.post(path, json={"topic": "hijacked", "name": "Conflict"}).status_code == 400
        assert contributor.post(path, json={"topic": "hijacked"}).status_code == 404
    edit(site, war, title="War, again")
    site.run_cron()
    assert site.terms(war) == ["Conflict"]
    assert service.corrections(war) == []


def test_tag_stands_for_the_topic_that_an_admin_chose_on_its_page(site: WordPress) -> None:
    """Whatever both are called; and a contributor who takes the topic gets that tag."""
    tag = make_tag(site, "Storms")
    with site.signed_in() as admin:
        page = admin.get(f"/wp-admin/term.php?taxonomy=post_tag&tag_ID={tag}").text
        form = Form(page, "tagdesk_topic").fields
        admin.post("/wp-admin/edit-tags.php", data=form | {"tagdesk_topic": "weather"})
    with configured(site, bands="all"):
        assert site.terms(publish(site, "Storm", STORM)) == ["Storms"]
    with somebody(site, "contributor") as contributor:
        own = contributor.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT}).json()["id"]
        taken = contributor.post(f"/tagdesk/v1/posts/{own}/terms", json={"topic": "weather"})
    assert taken.json() == {"term": tag}


def test_tag_that_an_admin_gave_to_another_topic_does_not_change_sides_for_its_name(site: WordPress) -> None:
    tag = make_tag(site, "Weather")
    site.sql(f"INSERT INTO wp_termmeta (term_id, meta_key, meta_value) VALUES ({tag}, 'tagdesk_topic', 'conflict')")
    with somebody(site, "contributor") as contributor:
        own = contributor.post("/wp/v2/posts", json={"title": TITLE, "content": CONTENT}).json()["id"]
        taken = contributor.post(f"/tagdesk/v1/posts/{own}/terms", json={"topic": "weather"})
    assert taken.status_code == 409
    assert site.sql(f"SELECT meta_value FROM wp_termmeta WHERE term_id = {tag}") == [["conflict"]]


def test_suggestions_are_for_those_who_may_edit_the_post(site: WordPress) -> None:
    post = draft(site)
    text = {"title": TITLE, "content": CONTENT}
    path = f"/tagdesk/v1/posts/{post}/suggestions"
    with site.rest() as rest, site.anybody() as anybody:
        assert anybody.post(path, json=text).status_code == 401
        answer = rest.post(path, json=text).json()
    assert answer["model"] == "tiny@1"
    assert [(topic["id"], topic["band"], topic["words"][:1]) for topic in answer["topics"]] == [
        ("conflict", "auto", ["war"]),
        ("diplomacy", "suggest", ["envoy"]),
    ]


def test_author_makes_no_categories_and_asks_about_no_other_posts(site: WordPress) -> None:
    """Nobody can do through the plugin what WordPress does not allow."""
    other = draft(site)
    text = {"title": TITLE, "content": CONTENT}
    with somebody(site, "author") as author:
        own = author.post("/wp/v2/posts", json=text).json()["id"]
        assert author.post(f"/tagdesk/v1/posts/{own}/suggestions", json=text).status_code == 200
        assert author.post(f"/tagdesk/v1/posts/{other}/suggestions", json=text).status_code == 403
        with configured(site, taxonomy="category"):
            assert author.post(f"/tagdesk/v1/posts/{own}/terms", json={"topic": "weather"}).status_code == 403
        assert author.post(f"/tagdesk/v1/posts/{own}/terms", json={"topic": "weather"}).status_code == 200

"""A real Wagtail with our app: pages get their topics, now or later, and editors' choices come back."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tagdesk.service.settings import Settings
from tests.e2e.wagtail.newsroom import BODY, STORM, Newsroom, newsroom_on
from tests.e2e.wagtail.site import PASSWORD, USER, Editor, fields
from tests.integrations.faults import misbehaving, relaying
from tests.waiting import PATIENCE

LIMIT = 30.0  # longer than the service takes on a busy machine


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return a newsroom."""
    with newsroom_on(tiny_settings, tmp_path_factory.mktemp("newsroom"), LIMIT) as one:
        yield one


def test_a_publish_puts_tags_on_the_page(newsroom: Newsroom) -> None:
    """What is auto is on the page, for readers and editors; the others are suggestions with their words."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("War and wind", BODY)
    assert newsroom.site.tags(pk) == ["Conflict"]
    assert "<li>Conflict</li>" in httpx.get(f"{newsroom.site.url}/war-and-wind/").text
    html, form = newsroom.editor.open(pk)
    assert form["tags"] == "Conflict"
    assert 'data-tagdesk-tag="Weather"' in html
    assert 'data-tagdesk-tag="Conflict"' not in html
    assert "%: winds" in html
    assert newsroom.corrections(pk) == []


def test_an_editors_choice_comes_back(newsroom: Newsroom) -> None:
    """A tag taken away and a suggestion taken are a correction, once; the tag stays away, a tag of no topic is none."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Only wind", BODY)
        _, form = newsroom.editor.open(pk)
        newsroom.editor.publish(pk, form, tags="Weather, Geneva")
        (row,) = newsroom.corrections(pk)
        assert (row["accepted"], row["rejected"], row["added"]) == (["weather"], ["conflict"], [])
        assert (row["editor"], row["model"], row["title"]) == (USER, "tiny@1", "Only wind")
        assert newsroom.site.tags(pk) == ["Geneva", "Weather"]
        _, form = newsroom.editor.open(pk)
        newsroom.editor.publish(pk, form, tags="Weather, Berne")
    assert newsroom.site.tags(pk) == ["Berne", "Weather"]
    assert len(newsroom.corrections(pk)) == 1


def test_an_old_form_takes_no_tag_away(newsroom: Newsroom) -> None:
    """A form that was opened before the tags came does not know them: they are put back, and nothing is corrected."""
    pk, _ = newsroom.editor.add("Old form", BODY)
    _, form = newsroom.editor.open(pk)
    with newsroom.served():
        newsroom.site.manage("tagdesk_catch_up")
        assert newsroom.site.tags(pk) == ["Conflict"]
        newsroom.editor.publish(pk, form)
    assert newsroom.site.tags(pk) == ["Conflict"]
    assert newsroom.corrections(pk) == []


def test_a_draft_has_suggestions(newsroom: Newsroom) -> None:
    """The panel's button finds topics before anything is published; a suggestion taken then counts when that is."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Draft", BODY, publish=False)
        _, form = newsroom.editor.open(pk)
        answer = newsroom.editor.find(pk, form)
        assert "will be added when the page is published" in answer.text
        assert newsroom.site.tags(pk) == []
        newsroom.editor.publish(pk, form | fields(answer), tags="Weather")
    assert newsroom.site.tags(pk) == ["Conflict", "Weather"]
    (row,) = newsroom.corrections(pk)
    assert (row["accepted"], row["rejected"], row["added"]) == (["weather"], [], [])
    nobody = httpx.post(f"{newsroom.site.url}/admin/tagdesk/find/{pk}/")
    assert nobody.status_code in {302, 403}


def test_a_newer_draft_stays(newsroom: Newsroom) -> None:
    """Tags that come late go on the live page and into the draft that an editor works on, which keeps its text."""
    pk, _ = newsroom.editor.add("Live", BODY)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.save(pk, form, title="Draft of live")
    with newsroom.served():
        newsroom.site.manage("tagdesk_catch_up")
    _, form = newsroom.editor.open(pk)
    assert (form["title"], form["tags"]) == ("Draft of live", "Conflict")
    assert newsroom.site.sql("SELECT title FROM wagtailcore_page WHERE id = ?", pk) == [("Live",)]
    assert newsroom.site.tags(pk) == ["Conflict"]


def test_the_panel_keeps_its_topics_in_trouble(newsroom: Newsroom) -> None:
    """Where the button finds no service the panel says what is wrong, and its topics stay and can be judged."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Found before", BODY)
    _, form = newsroom.editor.open(pk)
    answer = newsroom.editor.find(pk, form)
    assert "does not answer" in answer.text
    assert 'data-tagdesk-tag="Weather"' in answer.text
    assert fields(answer)["tagdesk_topics"]


def test_the_panel_speaks_german(newsroom: Newsroom) -> None:
    """An editor who reads German has the panel in German."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Auf Deutsch", BODY)
    newsroom.site.add_user("gerda")
    newsroom.site.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User\nfrom wagtail.users.models import UserProfile\n"
        "profile = UserProfile.get_for_user(User.objects.get(username='gerda'))\n"
        "profile.preferred_language = 'de'\nprofile.save()\n",
    )
    with Editor(newsroom.site, "gerda") as gerda:
        html, _ = gerda.open(pk)
    assert "<small>auf der Seite</small>" in html
    assert ">Weather hinzufügen</button>" in html
    assert 'data-tagdesk-added="Weather hinzugefügt"' in html
    assert "Themen des gespeicherten Entwurfs ermitteln" in html


def test_html_over_the_cap_is_tagged_by_its_text(newsroom: Newsroom) -> None:
    """HTML of more than 262,144 characters gets the topics of its text."""
    paragraph = f'<p><a href="https://example.org/{"a" * 200}">The troops, the conflict, the ceasefire.</a></p>'
    newsroom.site.manage(
        "shell",
        "-c",
        "from home.models import ArticlePage, HomePage\n"
        f"page = ArticlePage(title='Long', slug='long', body={paragraph!r} * {300_000 // len(paragraph) + 1})\n"
        "HomePage.objects.get().add_child(instance=page)\n",
    )
    ((pk,),) = newsroom.site.sql("SELECT id FROM wagtailcore_page WHERE slug = 'long'")
    _, form = newsroom.editor.open(pk)
    with newsroom.served():
        newsroom.editor.publish(pk, form)
    assert newsroom.site.tags(pk) == ["Conflict"]


def test_a_page_deleted_meanwhile_does_not_end_the_catch_up(newsroom: Newsroom) -> None:
    """A page that goes while Tagdesk is asked about it is passed over in silence, and the next page is tagged."""
    gone, _ = newsroom.editor.add("Deleted meanwhile", BODY)
    pk, _ = newsroom.editor.add("Next after deleted", BODY)
    _, form = newsroom.editor.open(gone)
    relay = relaying(newsroom.service.base_url.host, newsroom.service.base_url.port or 0)
    deletions: list[int] = []

    def deleting(connection: socket.socket, stop: threading.Event) -> None:
        if not deletions:
            token = {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"]}
            deletions.append(newsroom.editor.http.post(f"/admin/pages/{gone}/delete/", data=token).status_code)
        relay(connection, stop)

    with misbehaving(deleting, newsroom.address):
        done = newsroom.site.manage("tagdesk_catch_up")
    assert deletions == [200]
    assert newsroom.site.sql("SELECT 1 FROM wagtailcore_page WHERE id = ?", gone) == []
    assert done.stderr == ""
    assert newsroom.site.tags(pk) == ["Conflict"]


def test_a_page_that_fails_does_not_end_the_catch_up(newsroom: Newsroom) -> None:
    """The command names the page that failed and why, and goes on with the next one; the page is tried again."""
    broken, _ = newsroom.editor.add("Broken", BODY)
    pk, _ = newsroom.editor.add("Next after broken", BODY)
    newsroom.site.manage(
        "shell", "-c", f"from wagtail.models import Page\nPage.objects.get(pk={broken}).revisions.update(content={{}})"
    )
    with newsroom.served():
        done = newsroom.site.manage("tagdesk_catch_up", check=False)
        assert done.returncode == 1
        assert f"page {broken}: KeyError: 'pk'" in done.stderr
        assert "1 failed, as said above, and are tried again by the next run" in done.stderr
        assert newsroom.site.tags(pk) == ["Conflict"]
        assert newsroom.site.waits(broken)
        newsroom.site.manage("shell", "-c", f"from wagtail.models import Page\nPage.objects.get(pk={broken}).delete()")


def test_catching_up_says_that_the_service_is_in_trouble(newsroom: Newsroom) -> None:
    """With the service dead the command ends with 1, and what waits goes on waiting; corrections do too."""
    with newsroom.served():
        newsroom.site.manage("tagdesk_catch_up")  # what other tests left
        pk, _ = newsroom.editor.add("Corrected later", BODY)
        _, form = newsroom.editor.open(pk)
    newsroom.editor.publish(pk, form, tags="Weather")
    done = newsroom.site.manage("tagdesk_catch_up", check=False)
    assert done.returncode == 1
    assert "1 pages and 1 corrections wait for the next run" in done.stderr
    with newsroom.served():
        done = newsroom.site.manage("tagdesk_catch_up")
    assert done.stdout == "1 pages tagged, 1 corrections sent.\n"
    (row,) = newsroom.corrections(pk)
    assert (row["accepted"], row["rejected"]) == (["weather"], ["conflict"])
    assert newsroom.site.tags(pk) == ["Weather"]


def test_the_archive_is_tagged_in_a_stream(newsroom: Newsroom) -> None:
    """Pages from before are tagged with progress; again there is nothing to do; what is too long is left for later."""
    make = (
        "from home.models import ArticlePage, HomePage\n"
        "home = HomePage.objects.get()\n"
        f"for n in range(300): home.add_child(instance=ArticlePage(title=f'Old {{n}}', body='<p>{STORM} {BODY}</p>'))\n"
        "home.add_child(instance=ArticlePage(title='Endless', body='<p>' + 'wind ' * 300_000 + '</p>'))\n"
    )
    newsroom.site.manage("shell", "-c", make)
    ((pk,),) = newsroom.site.sql("SELECT id FROM wagtailcore_page WHERE title = 'Old 299'")
    with newsroom.served():
        done = newsroom.site.manage("tagdesk_archive")
        again = newsroom.site.manage("tagdesk_archive")
    assert "256 of 301 pages, 0 refused" in done.stdout
    assert "301 of 301 pages, 1 refused" in done.stdout
    assert "left to `manage.py tagdesk_catch_up`" in done.stderr
    assert "Conflict" in newsroom.site.tags(pk)
    assert "1 pages, 0 new tags" in again.stdout


def test_a_correction_that_waits_over_the_upgrade_keeps_what_was_changed(newsroom: Newsroom) -> None:
    """Of a correction of the version before, what an editor left as it was is not judged."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Upgraded", BODY)
    newsroom.site.manage("migrate", "tagdesk_wagtail", "0001")
    newsroom.site.sql(
        "INSERT INTO tagdesk_wagtail_correction"
        " (id, page_id, article, model, given, before, after, editor, made, trouble)"
        " VALUES (?, ?, '{}', 'tiny@1', '[]', ?, ?, '', '2026-11-29', 'refused')",
        "0" * 32,
        pk,
        json.dumps(["Conflict", "Geneva"]),
        json.dumps(["Geneva", "Weather"]),
    )
    newsroom.site.manage("migrate", "tagdesk_wagtail")
    newsroom.site.manage("makemigrations", "--check", "tagdesk_wagtail")
    query = "SELECT before, after FROM tagdesk_wagtail_correction WHERE page_id = ?"
    ((before, after),) = newsroom.site.sql(query, pk)
    assert (json.loads(before), json.loads(after)) == ({}, {"conflict": False, "weather": True})


def test_wrong_settings_are_named(newsroom: Newsroom) -> None:
    """`manage.py check` says what is wrong and what to do."""
    wrong = newsroom.site.folder / "newsroom" / "settings" / "wrong.py"
    wrong.write_text(
        "from .dev import *\nTAGDESK_URL = 'tagdesk:8080'\nTAGDESK_APPLY = ['all']\nTAGDESK_TIME_LIMIT = 'soon'\n"
        "TAGDESK_PAGES = {'home.Story': {}, 'home.ArticlePage': {'body': 'text', 'tags': 'title'}}\n"
    )
    done = newsroom.site.manage("check", check=False, DJANGO_SETTINGS_MODULE="newsroom.settings.wrong")
    assert done.returncode == 1
    assert {f"tagdesk.E00{number}" for number in (2, 3, 4, 6, 7, 8)} <= {
        word.strip("():") for word in done.stderr.split()
    }


@contextmanager
def opened(chromium: Any, newsroom: Newsroom, pk: int) -> Iterator[Any]:
    """Open a page's edit form in the browser, with its scripts: before they have come its buttons do nothing."""
    form = f"{newsroom.site.url}/admin/pages/{pk}/edit/"
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(form)
    page.fill("[name=username]", USER)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url(form, wait_until="load")
    yield page
    context.close()


def test_one_click_takes_a_suggestion(newsroom: Newsroom, chromium: Any) -> None:
    """In the editor a click puts the suggestion into the tag field; the button finds topics anew."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Clicked", BODY)
        with opened(chromium, newsroom, pk) as page:
            page.click("[data-tagdesk-tag=Weather]")
            assert page.locator(".tagit-label").all_inner_texts() == ["Conflict", "Weather"]
            assert page.inner_text("[data-tagdesk-tag=Weather]") == "Weather added"
            with page.expect_response("**/tagdesk/find/**"):
                page.click("[data-tagdesk-find]")
            page.wait_for_selector("[data-tagdesk-tag=Weather]:not([disabled])")


def test_a_button_without_an_answer_leaves_the_topics(newsroom: Newsroom, chromium: Any) -> None:
    """Where the site itself does not answer the panel says so beside its topics, which stay in the form."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("No answer", BODY)
    with opened(chromium, newsroom, pk) as page:
        page.context.set_offline(True)
        page.click("[data-tagdesk-find]")
        page.wait_for_selector("text=Topics cannot be found now: try again later.")
        assert page.is_visible("[data-tagdesk-tag=Weather]")
        assert page.input_value("[name=tagdesk_topics]")


def test_the_log_has_no_word_of_an_article(newsroom: Newsroom) -> None:
    """What the app logs names pages by number."""
    log = newsroom.site.log()
    assert "waits for `manage.py tagdesk_catch_up`" in log
    assert "Troops" not in log
    assert "Traceback" not in log

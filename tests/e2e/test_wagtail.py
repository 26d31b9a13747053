"""A real Wagtail with our app: pages get their topics, editors' choices come back, and no publish waits for us."""

import json
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.keys import keys_json, new_key
from service.settings import Settings
from tests.conftest import running
from tests.e2e.wagtail_site import PASSWORD, USER, Editor, NoIndex, Wagtail, wagtail
from tests.integrations.faults import Behave, answer, dripping, hang, late, misbehaving, relaying, saying

LIMIT = 1.0
# Conflict is certain, the weather is a suggestion, and so is diplomacy.
BODY = f"Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. {'Winds and ' * 6}winds. The envoy."
STORM = "The storm, the rain, the winds: storm, heavy rain, winds, the storm."
NONSENSE = answer(b'{"id": null, "model": "m", "topics": [{"id": "x"}], "warnings": []}')


@dataclass(frozen=True)
class Newsroom:
    """A site and the service that it asks, by way of an address that a test may give to somebody else.

    Args:
        site: the site.
        editor: who is signed in there.
        service: a client of the service that may do all.
        address: what the site has for the service.
    """

    site: Wagtail
    editor: Editor
    service: httpx.Client
    address: tuple[str, int]

    def served(self) -> AbstractContextManager[str]:
        """Put the real service at the address."""
        return misbehaving(relaying(self.service.base_url.host, self.service.base_url.port or 0), self.address)

    def corrections(self, pk: int) -> list[dict[str, Any]]:
        """Return what the ledger has of a page."""
        rows = [json.loads(line) for line in self.service.get("/v1/feedback/export").text.splitlines()]
        return [row for row in rows if row["id"] == f"wagtail-{pk}"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Return a file of keys, the site's key, and one that may do all."""
    site, site_token = new_key("wagtail", ["tag", "feedback"], "2026-11-24")
    admin, admin_token = new_key("admin", ["admin"], "2026-11-24")
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_bytes(keys_json([site, admin]))
    return path, site_token, admin_token


@pytest.fixture(scope="module")
def newsroom(
    tiny_settings: Settings, keys: tuple[Path, str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newsroom]:
    """Return a newsroom."""
    path, key, admin = keys
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    told = {"TAGDESK_URL": "http://{}:{}".format(*address), "TAGDESK_KEY": key, "TAGDESK_TIME_LIMIT": LIMIT}
    app = create_app(replace(tiny_settings, database_url=str(ledger), keys_file=str(path)))
    try:
        with (
            running(app) as at,
            httpx.Client(base_url=at, headers={"X-API-Key": admin}) as service,
            wagtail(tmp_path_factory.mktemp("site"), told) as site,
            Editor(site) as editor,
        ):
            yield Newsroom(site, editor, service, address)
    except NoIndex as error:
        pytest.skip(f"Wagtail cannot be installed: {error}")


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
        assert (row["topics"], row["accepted"], row["added"]) == (["weather"], ["weather"], [])
        assert "conflict" in row["rejected"]
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
    """The panel's button finds topics before anything is published; what is published then counts as the choice."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Draft", BODY, publish=False)
        _, form = newsroom.editor.open(pk)
        token = {"X-CSRFToken": form["csrfmiddlewaretoken"]}
        found = newsroom.editor.http.post(f"/admin/tagdesk/find/{pk}/", headers=token).text
        assert "will be added when the page is published" in found
        assert newsroom.site.tags(pk) == []
        newsroom.editor.publish(pk, form, tags="Weather")
    assert newsroom.site.tags(pk) == ["Conflict", "Weather"]
    (row,) = newsroom.corrections(pk)
    assert sorted(row["accepted"]) == ["conflict", "weather"]
    nobody = httpx.post(f"{newsroom.site.url}/admin/tagdesk/find/{pk}/")
    assert nobody.status_code in {302, 403}


def test_a_newer_draft_stays(newsroom: Newsroom) -> None:
    """Tags that come late go on the live page and into the draft that an editor works on, which keeps its text."""
    pk, _ = newsroom.editor.add("Live", BODY)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.http.post(f"/admin/pages/{pk}/edit/", data=form | {"title": "Draft of live"})
    with newsroom.served():
        newsroom.site.manage("tagdesk_catch_up")
    _, form = newsroom.editor.open(pk)
    assert (form["title"], form["tags"]) == ("Draft of live", "Conflict")
    assert newsroom.site.sql("SELECT title FROM wagtailcore_page WHERE id = ?", pk) == [("Live",)]
    assert newsroom.site.tags(pk) == ["Conflict"]


FAULTS: dict[str, Behave | None] = {
    "dead": None,
    "hung": hang,
    "slow (10 s)": late(10, b"{}"),
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\nX: y"),
    "drips a body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{", 0.01),
    "nonsense": saying(NONSENSE),
    "a web site": saying(answer(b"<html>Welcome</html>")),
    "no HTTP": saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
}


@pytest.fixture(scope="module")
def undisturbed(newsroom: Newsroom) -> float:
    """Return the seconds of a publish with the service well."""
    with newsroom.served():
        return min(newsroom.editor.add(f"Undisturbed {number}", BODY)[1] for number in range(3))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_publish_waits_no_longer_than_it_may(
    newsroom: Newsroom, fault: str, undisturbed: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the service does, the page is published in time, and tagged later."""
    behave = FAULTS[fault]
    title = f"Under {fault}".replace("(", "").replace(")", "")
    if behave:
        with misbehaving(behave, newsroom.address):
            pk, seconds = newsroom.editor.add(title, BODY)
    else:
        pk, seconds = newsroom.editor.add(title, BODY)
    with capsys.disabled():
        print(f"\npublish, service {fault}: {seconds:.2f} s (well: {undisturbed:.2f} s, limit {LIMIT:g} s)")  # noqa: T201
    assert seconds < undisturbed + LIMIT + 0.5
    assert newsroom.site.sql("SELECT live FROM wagtailcore_page WHERE id = ?", pk) == [(1,)]
    assert newsroom.site.tags(pk) == []
    assert newsroom.site.waits(pk)
    assert "still to be tagged" in newsroom.editor.open(pk)[0]
    with newsroom.served():
        done = newsroom.site.manage("tagdesk_catch_up")
    assert "1 pages tagged" in done.stdout
    assert newsroom.site.tags(pk) == ["Conflict"]
    assert not newsroom.site.waits(pk)


def test_catching_up_says_that_the_service_is_in_trouble(newsroom: Newsroom) -> None:
    """With the service dead the command ends with 1, and what waits goes on waiting; corrections do too."""
    with newsroom.served():
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
    assert row["topics"] == ["weather"]
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


def test_one_click_takes_a_suggestion(newsroom: Newsroom, chromium: Any) -> None:
    """In the editor a click puts the suggestion into the tag field; the button finds topics anew."""
    with newsroom.served():
        pk, _ = newsroom.editor.add("Clicked", BODY)
        page = chromium.new_context().new_page()
        page.goto(f"{newsroom.site.url}/admin/pages/{pk}/edit/")
        page.fill("[name=username]", USER)
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        page.click("[data-tagdesk-tag=Weather]")
        assert page.locator(".tagit-label").all_inner_texts() == ["Conflict", "Weather"]
        page.click("[data-tagdesk-find]")
        page.wait_for_selector(".tagdesk-topics")
        page.context.close()


def test_the_log_has_no_word_of_an_article(newsroom: Newsroom) -> None:
    """What the app logs names pages by number."""
    log = newsroom.site.log()
    assert "waits for `manage.py tagdesk_catch_up`" in log
    assert "Troops" not in log
    assert "Traceback" not in log

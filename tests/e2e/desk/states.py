"""Every state of the desk, as a picture: real services, real Chromium, articles that we made up."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.desk.page import find_topics, focus, judge, paste
from tests.e2e.reports import DRIFT, DRIFT_PATH, answer, store_with_candidates
from tests.tiny import NAME
from tests.waiting import PATIENCE

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
QUEUE = {
    "q-1": (
        "Dockers at Port Aldis vote to walk out",
        "Dockers voted for a strike over pay; ships wait in the harbour.",
    ),
    "q-2": ("", "The council of Hexbury opened its new library after four years of building and two of quarrels."),
    "q-3": ("Rowers sweep the lake regatta", "Rowers of Hexbury won five of seven races on Sunday."),
}
ARABIC = (
    "هدنة في المدينة",
    "غادرت القوات المدينة بعد الهدنة، وعاد السكان إلى بيوتهم.\n\nTroops left the town after the ceasefire was signed.",
)


def empty(page: Page) -> None:
    """Show the page as it is opened."""


def example(page: Page) -> None:
    """Open the example and judge two topics."""
    page.click("#example")
    page.wait_for_selector("#given .topic")
    focus(page, str(page.get_attribute("#given li", "data-id")))


def three_states(page: Page) -> None:
    """Show an accepted, a rejected and a topic that is not judged, and one that is missing."""
    title = "Storm cuts power as ministers meet on strike"
    body = (
        "A storm cut power to 40,000 homes; rivers burst their banks and rescue workers evacuated two villages.\n\n"
        "Ministers met union leaders after nurses and dockers voted to strike over pay. The government said a new law "
        "on wages would go to parliament before the election.\n\nThe grid operator said that power would be back."
    )
    find_topics(page, title, body)
    ids = [str(row.get_attribute("data-id")) for row in page.locator("#given .topic").all()]
    judge(page, ids[0], "accepted")
    judge(page, ids[1], "rejected")
    page.focus("#add")
    page.keyboard.type("Coastal towns")
    page.keyboard.press("Enter")
    focus(page, ids[2] if len(ids) > 2 else ids[0])


def nothing_else(page: Page) -> None:
    """Say that nothing else is right."""
    three_states(page)
    page.click("#nothing-else")


def why_not(page: Page) -> None:
    """Ask why a topic was not given."""
    three_states(page)
    page.click("#others summary")
    focus(page, str(page.get_attribute("#below li:nth-child(2)", "data-id")))


def adding(page: Page) -> None:
    """Type into the box that adds a topic."""
    three_states(page)
    page.focus("#add")
    page.keyboard.type("Soc")


def queue(page: Page) -> None:
    """List the queue."""
    page.click("#show-queue")
    page.wait_for_selector("#queue-list li")


def draft(page: Page) -> None:
    """Find drafts again after the page was loaded anew, and paste over an article under review."""
    example(page)
    page.click("#new")
    three_states(page)
    page.reload()
    page.wait_for_selector("#drafts:not([hidden])")
    page.click("#example")
    page.wait_for_selector("#given .topic")
    paste(page, "main", "Rowers sweep the lake regatta\n\nRowers of Hexbury won five of seven races.")


def shortcuts(page: Page) -> None:
    """List the shortcuts."""
    page.click("#show-keys")


def signing_in(page: Page) -> None:
    """Ask for a key that is not known."""
    page.wait_for_selector("#sign-in[open]")
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-fault:not(:empty)")


def signed_out(page: Page) -> None:
    """Leave signing in."""
    page.wait_for_selector("#sign-in[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#trouble:not([hidden])")


def offline(page: Page) -> None:
    """Save without a connection."""
    three_states(page)
    page.context.set_offline(True)
    page.click("#save")
    page.wait_for_selector("#trouble:not([hidden])")


def too_long(page: Page) -> None:
    """Open an article that is too long to explain, and add a topic to it."""
    find_topics(page, "Troops fight on", "The army shelled the town and soldiers were killed. " * 1100)
    page.focus("#add")
    page.keyboard.type("Labour")
    page.keyboard.press("Enter")


def no_text(page: Page) -> None:
    """Ask for the topics of nothing."""
    page.click("#find")
    page.wait_for_selector("#trouble:not([hidden])")


def doubts(page: Page) -> None:
    """Open a short text in a language that the model does not read."""
    find_topics(page, "", "Les ministres ont signé un accord hier soir à Genève avec tous les partis de la région.")


def from_right_to_left(page: Page) -> None:
    """Open an article in Arabic."""
    find_topics(page, *ARABIC)


def changes(page: Page) -> None:
    """List the candidates."""
    page.wait_for_selector(".candidates")


def publishing(page: Page) -> None:
    """Ask whether to publish a candidate that was refused."""
    changes(page)
    page.click(".candidates button")


def report(page: Page) -> None:
    """Show a report."""
    page.wait_for_selector("#report > *")


@dataclass(frozen=True)
class State:
    """A state and the window in which it is shown.

    Attributes:
        show: brings the page there.
        path: of the page.
        service: `news` is the shipped model without keys, `locked` one with keys, `candidates` one with three versions.
        answers: documents in the place of the service's answers.
        options: of the browser's window.
    """

    show: Callable[[Page], None]
    path: str = "/"
    service: str = "news"
    answers: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


DARK = {"color_scheme": "dark"}
GERMAN = {"locale": "de-DE"}
CHANGES = "/desk/changes.html"
STATES = {
    "empty": State(empty),
    "example": State(example),
    "three-states": State(three_states),
    "nothing-else": State(nothing_else),
    "why-not": State(why_not),
    "adding": State(adding),
    "queue": State(queue),
    "draft": State(draft),
    "shortcuts": State(shortcuts),
    "sign-in": State(signing_in, service="locked"),
    "signed-out": State(signed_out, service="locked"),
    "offline": State(offline),
    "too-long": State(too_long),
    "no-text": State(no_text),
    "doubts": State(doubts),
    "right-to-left": State(from_right_to_left),
    "dark": State(three_states, options=DARK),
    "dark-why-not": State(why_not, options=DARK),
    "low-window": State(why_not, options={"viewport": {"width": 1100, "height": 620}}),
    "phone": State(three_states, options=PHONE),
    "phone-empty": State(empty, options=PHONE),
    "phone-draft": State(draft, options=PHONE),
    "german": State(three_states, options=GERMAN),
    "german-empty": State(empty, options=GERMAN),
    "german-phone": State(three_states, options=GERMAN | PHONE),
    "changes": State(changes, CHANGES, "candidates"),
    "changes-dark": State(changes, CHANGES, "candidates", options=DARK),
    "changes-german": State(changes, CHANGES, "candidates", options=GERMAN),
    "changes-phone": State(changes, CHANGES, "candidates", options=PHONE),
    "changes-none": State(report, CHANGES),
    "publishing": State(publishing, CHANGES, "candidates"),
    "drift": State(report, "/desk/drift.html", answers={DRIFT_PATH: DRIFT}),
    "drift-german": State(report, "/desk/drift.html", answers={DRIFT_PATH: DRIFT}, options=GERMAN),
}


def take_states(chromium: Browser, news_at: str, folder: Path) -> None:
    """Take a picture of every state.

    Args:
        chromium: the browser.
        news_at: address of a service on the shipped model.
        folder: where the pictures are written.
    """
    with tempfile.TemporaryDirectory() as place, other_services(Path(place)) as addresses:
        addresses["news"] = news_at
        for name, (title, body) in QUEUE.items():
            httpx.post(f"{news_at}/v1/queue", json={"id": name, "title": title, "body": body}).raise_for_status()
        for name, state in STATES.items():
            options = {"viewport": {"width": 1200, "height": 780}, "locale": "en-GB"} | state.options
            context = chromium.new_context(**options)
            page = context.new_page()
            page.set_default_timeout(1000 * PATIENCE)
            for pattern, document in state.answers.items():
                answer(page, pattern, document)
            page.goto(addresses[state.service] + state.path)
            if state.service != "locked":
                page.wait_for_selector("#model:not(:empty)")
            state.show(page)
            page.wait_for_timeout(400)  # what fades in is there
            page.screenshot(path=folder / f"{name}.png")
            context.close()


@contextmanager
def other_services(folder: Path) -> Iterator[dict[str, str]]:
    """Run a service with keys, and one with candidates; yield their addresses by name."""
    os.environ["TAGDESK_STORE"] = str(folder / "models")
    store_with_candidates(folder / "models")
    key, _ = new_key("anna", ["tag", "feedback"], "2026-11-24")
    (folder / "keys.json").write_bytes(keys_json([key]))
    candidates = Settings(model=NAME, database_url=str(folder / "candidates.sqlite"), access_log=False)
    locked = Settings(
        model=NAME,
        keys_file=str(folder / "keys.json"),
        database_url=str(folder / "locked.sqlite"),
        access_log=False,
    )
    with running(create_app(candidates)) as candidates_at, running(create_app(locked)) as locked_at:
        yield {"candidates": candidates_at, "locked": locked_at}

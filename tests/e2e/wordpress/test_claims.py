"""What an editor's page says was shown and changed is a claim: only what was so is a verdict, whoever says it."""

from typing import Any

import httpx

from tests.e2e.wordpress.newsroom import CONTENT, TITLE, draft, edit, publish, somebody
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import WordPress

TEXT = {"title": TITLE, "content": CONTENT}


def written(contributor: httpx.Client) -> int:
    """Write a draft as a contributor; return its id."""
    return int(contributor.post("/wp/v2/posts", json=TEXT).json()["id"])


def term_of(client: httpx.Client, post: int, topic: str) -> int:
    """Return the id of the tag that stands for a topic."""
    return int(client.post(f"/tagdesk/v1/posts/{post}/terms", json={"topic": topic}).json()["term"])


def seal_of(client: httpx.Client, post: int) -> str:
    """Let the panel show the topics of a post; return its seal."""
    return str(client.post(f"/tagdesk/v1/posts/{post}/suggestions", json=TEXT).json()["seal"])


def save(client: httpx.Client, post: int, before: list[int], after: list[int], shown: list[str]) -> None:
    """Save tags as the block editor's script does."""
    judged: dict[str, Any] = {"before": before, "after": after, "shown": shown}
    saved = client.post(f"/wp/v2/posts/{post}", json={"tags": after, "tagdesk": judged})
    assert saved.status_code == 200, saved.text


def test_shown_topic_that_a_contributor_takes_away_from_a_draft_is_rejected(site: WordPress, service: Tagdesk) -> None:
    with somebody(site, "contributor") as contributor:
        post = written(contributor)
        tag, seal = term_of(contributor, post, "diplomacy"), seal_of(contributor, post)
        save(contributor, post, [], [tag], [seal])
        save(contributor, post, [tag], [], [seal])
    edit(site, post, status="publish")
    site.run_cron()
    assert service.verdicts(post) == [([], ["diplomacy"], [])]


def test_topic_that_was_not_shown_is_not_rejected(site: WordPress, service: Tagdesk) -> None:
    """Neither by no seal, nor by a changed one, nor by the seal of another post."""
    other = draft(site)
    with site.rest() as editor:
        foreign = seal_of(editor, other)
    with somebody(site, "contributor") as contributor:
        post = written(contributor)
        tag, seal = term_of(contributor, post, "diplomacy"), seal_of(contributor, post)
        signature, text = seal.split(".")
        changed = [f"{'0' * len(signature)}.{text}", f"{signature}.{foreign.split('.')[1]}"]
        for claim in ("diplomacy", "", ".", foreign, *changed):
            save(contributor, post, [], [tag], [claim])
            save(contributor, post, [tag], [], [claim])
    edit(site, post, status="publish")
    site.run_cron()
    assert service.corrections(post) == []


def test_topic_that_was_never_on_the_post_is_not_rejected(site: WordPress, service: Tagdesk) -> None:
    with somebody(site, "contributor") as contributor:
        post = written(contributor)
        tags = [term_of(contributor, post, topic) for topic in ("conflict", "diplomacy")]
        save(contributor, post, tags, [], [seal_of(contributor, post)])
    edit(site, post, status="publish")
    site.run_cron()
    assert service.corrections(post) == []
    assert site.terms(post) == ["Conflict"]


def test_topic_that_was_on_the_post_already_is_not_accepted(site: WordPress, service: Tagdesk) -> None:
    post = publish(site)
    with site.rest() as editor:
        tag = term_of(editor, post, "conflict")
        save(editor, post, [], [tag], [seal_of(editor, post)])
    site.run_cron()
    assert service.corrections(post) == []

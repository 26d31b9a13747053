"""`tagdesk mcp`, as an agent uses it: by the official client, over standard input and output."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import environment
from tests.service.problems import CANARY
from tests.tiny import REF

mcp = pytest.importorskip("mcp", reason="mcp is not installed: make install")

TEXT = "The envoy met ministers to end the conflict, while troops left the town after a long war."


def ask(store: Path, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Start the command on the tiny model, and return what comes of a client's work."""
    return ask_with(work, TAGDESK_MODEL=str(store / "tiny" / "1"))


def ask_with(work: Callable[[Any], Awaitable[Any]], **variables: str) -> Any:
    """Start the command with these variables, and return what comes of a client's work."""
    started = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "tagdesk", "mcp"], env=environment(**variables)
    )

    async def run() -> Any:
        async with mcp.Client(started) as client:
            return await work(client)

    return asyncio.run(run())


def call(store: Path, tool: str, **arguments: Any) -> Any:
    """Return what a tool answers."""
    return ask(store, lambda client: client.call_tool(tool, arguments))


def test_has_three_tools_that_change_nothing(tiny_store: Path) -> None:
    tools = ask(tiny_store, lambda client: client.list_tools()).tools
    assert sorted(tool.name for tool in tools) == ["explain", "tag", "topics"]
    assert all(tool.annotations.read_only_hint for tool in tools)


def test_tags(tiny_store: Path) -> None:
    """The answer is that of `/v1/tag`."""
    answer = call(tiny_store, "tag", title="Talks", body=TEXT).structured_content
    assert answer["model"] == REF
    assert {topic["id"]: topic["band"] for topic in answer["topics"]} == {"conflict": "auto", "diplomacy": "auto"}
    assert answer["warnings"] == []


def test_explains_a_topic_that_is_given_and_one_that_is_not(tiny_store: Path) -> None:
    given = call(tiny_store, "explain", topic="conflict", body=TEXT).structured_content
    assert [word["text"] for word in given["evidence"][:2]] == ["conflict", "war"]
    assert call(tiny_store, "explain", topic="weather", body=TEXT).structured_content["band"] is None


def test_reads_html(tiny_store: Path) -> None:
    """As `body_html`, without the page around the article."""
    page = f"<nav>Weather and storms</nav><article><p>{TEXT}</p></article>"
    answer = call(tiny_store, "tag", body_html=page).structured_content
    assert {topic["id"] for topic in answer["topics"]} == {"conflict", "diplomacy"}
    assert answer["warnings"] == []
    assert call(tiny_store, "explain", topic="conflict", body_html=page).structured_content["band"] == "auto"


def test_reads_a_text_that_looks_like_json_as_text(tiny_store: Path) -> None:
    answer = call(tiny_store, "tag", body='["The war goes on, and troops left the town."]').structured_content
    assert [topic["id"] for topic in answer["topics"]] == ["conflict"]


def test_of_several_models_the_default_answers(tiny_store: Path) -> None:
    """The one that answers every other article in the service."""
    models = f"en=no-such-model,*={tiny_store / 'tiny' / '1'}"
    assert ask_with(lambda client: client.call_tool("topics"), TAGDESK_MODELS=models).structured_content["model"] == REF


def test_prefers_the_option_and_refuses_unknown_settings(tiny_store: Path) -> None:
    command = [sys.executable, "-m", "tagdesk", "mcp", "--model", str(tiny_store / "tiny" / "1")]
    variables = environment(TAGDESK_MODEL="no-such-model")
    assert subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, check=False).returncode == 0
    unknown = environment(TAGDESK_MODLE="x")
    refused = subprocess.run(command, env=unknown, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert refused.returncode != 0
    assert b"no setting is called TAGDESK_MODLE (in the environment): did you mean TAGDESK_MODEL?" in refused.stderr


def test_lists_the_topics(tiny_store: Path) -> None:
    topics = call(tiny_store, "topics").structured_content["topics"]
    assert topics[0] == {
        "id": "conflict",
        "name": "Conflict",
        "description": "War and ceasefires.",
        "parent": None,
        "qcodes": ["medtop:16000000"],
    }


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("tag", {"body": " "}, "no text"),
        ("tag", {"title": CANARY}, "an article has one body"),
        ("tag", {"body": CANARY, "body_html": CANARY}, "an article has one body"),
        ("tag", {"body": [CANARY], "title": 7}, "The arguments of tag are wrong: body: Input should be a valid string"),
        ("tag", {"body": TEXT, "headline": CANARY}, "those of tag are: body, body_html, title, language."),
        ("tag", {"body": TEXT, CANARY: 7}, "An argument is not known"),
        ("topics", {"body": CANARY}, "those of topics are: none."),
        ("explain", {"topic": CANARY, "body": TEXT}, "the ids are conflict"),
        ("explain", {"topic": "chess", "body": TEXT}, "the ids are conflict, diplomacy, weather"),
    ],
)
def test_says_what_is_wrong(tiny_store: Path, tool: str, arguments: dict[str, Any], said: str) -> None:
    """In a sentence for the agent to read, without a word of the article."""
    answer = call(tiny_store, tool, **arguments)
    assert answer.is_error
    assert said in answer.content[0].text
    assert CANARY not in answer.content[0].text

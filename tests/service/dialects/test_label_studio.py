"""The ML backend API, as Label Studio asks it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.service.problems import check
from tests.tiny import REF

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

PATH = "/integrations/label-studio"
TEXT = "The envoy met ministers to end the conflict, while troops left the town after a long war."


def interface(*choices: str, choice: str = "multiple", shown: str = '<Text name="text" value="$text"/>') -> str:
    """Return a labelling interface with these choices."""
    made = "".join(f'<Choice value="{name}"/>' for name in choices)
    return f'<View>{shown}<Choices name="topics" toName="text" choice="{choice}">{made}</Choices></View>'


SOME = interface("Conflict", "weather", "Chess")
ALL = interface("Conflict", "medtop:20000638", "Weather")


@pytest.fixture
def studio(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client with a key, of a service with a ledger of its own."""
    key, token = new_key("label-studio", ["tag", "feedback", "admin"], "2026-11-30")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    settings = replace(tiny_settings, keys_file=f"{tmp_path}/keys.json", database_url=f"{tmp_path}/ledger.sqlite")
    with (
        serve(create_app(settings)) as address,
        httpx.Client(base_url=address, auth=("label-studio", token)) as client,
    ):
        yield client


def predict(client: httpx.Client, config: str, *data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the predictions for tasks with these fields."""
    tasks = [{"id": number, "data": one, "annotations": []} for number, one in enumerate(data)]
    sent: dict[str, Any] = {
        "tasks": tasks,
        "label_config": config,
        "project": "1.17",
        "model_version": None,
        "params": {"context": {}},
    }
    answer = client.post(f"{PATH}/predict", json=sent)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def annotation(*chosen: str) -> dict[str, Any]:
    """Return an annotation as Label Studio writes it."""
    value = {"from_name": "topics", "to_name": "text", "type": "choices", "value": {"choices": list(chosen)}}
    return {"id": 4, "completed_by": 1, "result": [value] if chosen else [], "was_cancelled": False}


def annotate(client: httpx.Client, config: str, data: dict[str, Any], *chosen: str, **more: Any) -> None:
    """Send an annotation as Label Studio's webhook does."""
    event = {"action": "ANNOTATION_CREATED", "annotation": annotation(*chosen), "task": {"id": 7, "data": data}}
    event |= {"project": {"id": 1, "title": "News", "label_config": config}} | more
    assert client.post(f"{PATH}/webhook", json=event).status_code == 200


def kept(client: httpx.Client) -> list[dict[str, Any]]:
    """Return the corrections in the ledger."""
    return [json.loads(line) for line in client.get("/v1/feedback/export").text.splitlines()]


def test_connects(studio: httpx.Client) -> None:
    """The name of the key and the key are the user and the password; the model's version is shown."""
    assert studio.get(f"{PATH}/health").json() == {"status": "UP", "model_class": REF}
    sent = {"project": "1.17", "schema": SOME, "hostname": "http://localhost:8080", "access_token": "x"}
    assert studio.post(f"{PATH}/setup", json=sent).json() == {"model_version": REF}
    check(studio.get(f"{PATH}/health", auth=("label-studio", "wrong")), 401, "unknown-key")


def test_refuses_choices_that_are_no_topics(studio: httpx.Client) -> None:
    """Not in silence: no task of the project would ever have a prediction. Without choices there is time yet."""
    check(studio.post(f"{PATH}/setup", json={"schema": interface("Chess")}), 422, "unknown-topic", "#/schema")
    assert studio.post(f"{PATH}/setup", json={"schema": "<View></View>"}).status_code == 200


def test_predicts_the_topics_that_are_choices(studio: httpx.Client) -> None:
    """By name, id or code, as the interface calls them; each task has its own, and one without text none."""
    topics = studio.post("/v1/tag", json={"body": TEXT}).json()["topics"]
    assert [topic["id"] for topic in topics] == ["conflict", "diplomacy"]
    every = predict(studio, ALL, {"text": TEXT})
    some, *none = predict(studio, SOME, {"text": TEXT}, {"text": " "}, {})
    value = {"choices": ["Conflict", "medtop:20000638"]}
    result = {"from_name": "topics", "to_name": "text", "type": "choices", "value": value}
    assert every == [{"result": [result], "score": topics[0]["confidence"], "model_version": REF}]
    assert some["result"][0]["value"]["choices"] == ["Conflict"]
    assert [one["result"] for one in none] == [[], []]


def test_predicts_one_where_one_may_be_chosen(studio: httpx.Client) -> None:
    (found,) = predict(studio, interface("Conflict", "Diplomacy", choice="single"), {"text": TEXT})
    assert found["result"][0]["value"] == {"choices": ["Conflict"]}


def test_reads_html_and_the_title(studio: httpx.Client) -> None:
    shown = '<Header value="$headline"/><HyperText name="text" value="$html"/>'
    config = interface("Conflict", "Weather", shown=shown)
    (found,) = predict(studio, config, {"headline": "Storm and heavy rain", "html": "<p>The <b>war</b> and troops</p>"})
    assert set(found["result"][0]["value"]["choices"]) == {"Conflict", "Weather"}


def test_annotation_is_a_correction(studio: httpx.Client) -> None:
    """What was chosen is right; a topic among the choices that the model gave and nobody chose is wrong."""
    annotate(studio, SOME, {"text": TEXT, "id": 17, "title": "Talks"}, "weather", "Chess")
    (row,) = kept(studio)
    assert (row["id"], row["title"], row["body"], row["editor"]) == ("17", "Talks", TEXT, "label-studio")
    assert (row["accepted"], row["rejected"], row["added"]) == ([], ["conflict"], ["weather"])
    assert not row["complete"]


def test_annotation_with_all_topics_to_choose_from_is_complete(studio: httpx.Client) -> None:
    annotate(studio, ALL, {"text": TEXT}, "medtop:20000638")
    annotate(studio, ALL, {"text": "Nothing of it."}, action="ANNOTATION_UPDATED")
    assert [(row["topics"], row["complete"]) for row in kept(studio)] == [(["diplomacy"], True), ([], True)]


def test_one_choice_of_several_rejects_none(studio: httpx.Client) -> None:
    annotate(studio, interface("Conflict", "Diplomacy", choice="single"), {"text": TEXT}, "Diplomacy")
    (row,) = kept(studio)
    assert (row["accepted"], row["rejected"], row["added"]) == (["diplomacy"], None, [])


def test_keeps_nothing_of_what_is_no_annotation(studio: httpx.Client) -> None:
    """A task that was skipped, another event, choices that are no topics, a task without text."""
    annotate(studio, ALL, {"text": TEXT}, annotation={"result": [], "was_cancelled": True})
    annotate(studio, ALL, {"text": TEXT}, annotation={"result": None, "was_cancelled": None})
    annotate(studio, ALL, {"text": TEXT}, action="PROJECT_UPDATED")
    annotate(studio, interface("Chess"), {"text": TEXT}, "Chess")
    annotate(studio, ALL, {"text": ""})
    assert studio.post(f"{PATH}/webhook", json={"action": "START_TRAINING", "project": {"id": 1}}).status_code == 200
    assert kept(studio) == []


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ({"task": {"data": {"text": TEXT}}, "project": {"label_config": ALL}}, "#/annotation"),
        ({"annotation": annotation("Weather"), "project": {"label_config": ALL}}, "#/task"),
        ({"annotation": annotation("Weather"), "task": {"data": {"text": TEXT}}}, "#/project"),
        (
            {"annotation": annotation("Weather"), "task": {"data": {"text": TEXT}}, "project": {"id": 1}},
            "#/project/label_config",
        ),
        (
            {"annotation": annotation("Weather"), "task": {"data": {}}, "project": {"label_config": ALL}},
            "#/task/data",
        ),
    ],
)
def test_says_without_what_an_annotation_cannot_be_kept(
    studio: httpx.Client, event: dict[str, Any], pointer: str
) -> None:
    answer = studio.post(f"{PATH}/webhook", json={"action": "ANNOTATION_CREATED", **event})
    check(answer, 422, "invalid-feedback", pointer)


def test_several_annotations_are_as_many_corrections(studio: httpx.Client) -> None:
    """Made at once, they come as lists of annotations and of their tasks."""
    tasks = [{"data": {"text": TEXT, "id": 1}}, {"data": {"text": "Heavy rain.", "id": 2}}]
    made = {"annotation": [annotation("Conflict"), annotation("Weather")], "project": {"label_config": ALL}}
    event = {"action": "ANNOTATIONS_CREATED", **made}
    assert studio.post(f"{PATH}/webhook", json={**event, "task": tasks}).status_code == 200
    assert [(row["id"], row["topics"]) for row in kept(studio)] == [("1", ["conflict"]), ("2", ["weather"])]
    check(studio.post(f"{PATH}/webhook", json={**event, "task": tasks[:1]}), 422, "invalid-feedback", "#/task")


def test_other_events_may_have_any_shape(studio: httpx.Client) -> None:
    for event in (
        {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}], "annotation": 7, "task": [], "project": "x"},
        {"action": ["x"]},
    ):
        assert studio.post(f"{PATH}/webhook", json=event).status_code == 200


UNREADABLE = [
    '<a b="' * 8_000,
    "<a" * 40_000,
    "<!--" * 25_000,
    "<![<![x",
    "<" * 9_000,
    "<View><Choices><Choice/></Choices>",
    "<!DOCTYPE x [<!ENTITY a 'b'>]><View>&a;</View>",
]


@pytest.mark.parametrize("config", UNREADABLE, ids=range(len(UNREADABLE)))
def test_refuses_an_interface_that_cannot_be_read(studio: httpx.Client, config: str) -> None:
    """Whatever asks with it, and at the place where it is."""
    task = {"data": {"text": TEXT}}
    check(studio.post(f"{PATH}/setup", json={"schema": config}), 422, "invalid-article", "#/schema")
    asked = {"tasks": [task], "label_config": config}
    check(studio.post(f"{PATH}/predict", json=asked), 422, "invalid-article", "#/label_config")
    event = {"action": "ANNOTATION_CREATED", "annotation": annotation("Weather"), "task": task}
    answer = studio.post(f"{PATH}/webhook", json={**event, "project": {"label_config": config}})
    check(answer, 422, "invalid-feedback", "#/project/label_config")


@pytest.mark.parametrize(
    "shown",
    [
        "",
        '<Text name="other" value="$text"/>',
        '<Text name="text" value="Storm"/>',
        '<Text name="text" value="$text" valueType="url"/>',
        '<HyperText name="text" value="$text" valueType="url"/>',
        '<Image name="text" value="$text"/>',
    ],
)
def test_refuses_an_interface_without_a_text_to_read(studio: httpx.Client, shown: str) -> None:
    """The choices must be about a text that is in the task: what is at an address is not loaded."""
    config = interface("Weather", shown=shown)
    check(studio.post(f"{PATH}/setup", json={"schema": config}), 422, "invalid-article", "#/schema")
    asked = {"tasks": [{"data": {"text": TEXT}}], "label_config": config}
    check(studio.post(f"{PATH}/predict", json=asked), 422, "invalid-article", "#/label_config")


def test_refuses_tasks_without_the_text_that_is_shown(studio: httpx.Client) -> None:
    asked = {"tasks": [{"data": {"body": TEXT}}], "label_config": ALL}
    check(studio.post(f"{PATH}/predict", json=asked), 422, "invalid-article", "#/tasks")


def test_refuses_to_predict_without_topics_to_choose_from(studio: httpx.Client) -> None:
    tasks = [{"data": {"text": TEXT}}]
    check(studio.post(f"{PATH}/predict", json={"tasks": tasks}), 422, "invalid-article", "#/label_config")
    asked = {"tasks": tasks, "label_config": interface("Chess")}
    check(studio.post(f"{PATH}/predict", json=asked), 422, "unknown-topic", "#/label_config")


def test_choices_of_something_else_are_not_lent(studio: httpx.Client) -> None:
    """A `Taxonomy` has choices, too, which are not those of the group before it."""
    taxonomy = '<Taxonomy name="places" toName="text"><Choice value="Weather"/></Taxonomy>'
    config = ALL.replace("</View>", f"{taxonomy}</View>").replace('<Choice value="Weather"/></Choices>', "</Choices>")
    assert studio.post(f"{PATH}/setup", json={"schema": config}).status_code == 200
    (found,) = predict(studio, config, {"text": "A storm and heavy rain, then war and troops."})
    assert found["result"][0]["value"]["choices"] == ["Conflict"]


def test_limits_predictions_not_tasks_alone(studio: httpx.Client) -> None:
    """As many as a batch may have articles: groups of choices count for each task."""
    group = '<Choices name="more" toName="text"><Choice value="Weather"/></Choices>'
    config = ALL.replace("</View>", f"{group * 2}</View>")
    asked = {"tasks": [{"data": {"text": TEXT}}] * 7, "label_config": config}
    detail = check(studio.post(f"{PATH}/predict", json=asked), 413, "too-many-articles")["detail"]
    assert "7 tasks with 3 groups of topics are 21 predictions, and at most 20 " in detail
    assert len(predict(studio, config, *[{"text": TEXT}] * 6)) == 6


def test_counts_a_text_once_however_many_ask_about_it(studio: httpx.Client) -> None:
    def tagged() -> float:
        lines = studio.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("tagdesk_articles_total"))

    group = '<Choices name="more" toName="text"><Choice value="Conflict"/></Choices>'
    before = tagged()
    (found,) = predict(studio, ALL.replace("</View>", f"{group}</View>"), {"text": TEXT})
    assert [one["from_name"] for one in found["result"]] == ["topics", "more"]
    assert tagged() == before + 1


def test_points_at_what_is_wrong(studio: httpx.Client) -> None:
    asked = {"tasks": [{"data": 7}], "label_config": ALL}
    check(studio.post(f"{PATH}/predict", json=asked), 422, "invalid-article", "#/tasks/0/data")
    asked = {"tasks": [{"data": {}}] * 21, "label_config": ALL}
    check(studio.post(f"{PATH}/predict", json=asked), 413, "too-many-articles")
    value = {"from_name": "topics", "value": {"choices": [{}, 7]}}
    annotate(
        studio, ALL, {"text": TEXT}, annotation={"result": [7, {"value": 7}, value, {**value, "value": {"choices": 7}}]}
    )
    check(studio.post(f"{PATH}/setup", json={"schema": "x" * 100_001}), 422, "invalid-article", "#/schema")

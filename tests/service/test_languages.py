"""Several models in one service: an article goes to that of its language, and all else goes by the model's name."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from annif_client import AnnifClient  # type: ignore[import-untyped]
from starlette.types import ASGIApp

from tagdesk.command import main
from tagdesk.models import BundleError, TopicModel, language
from tagdesk.service.active import ModelNotReady
from tagdesk.service.app import create_app
from tagdesk.service.languages import ActiveModels
from tagdesk.service.openapi import EXAMPLE_ARTICLE
from tagdesk.service.settings import Settings
from tests.service.two_languages import ENGLISH, FRENCH, GUERRE, KRIEG, MUSEE, WAR, save_model, save_two_models
from tests.service.versions import serving
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]
Json = dict[str, Any]

MODELS = f"en={ENGLISH},fr={FRENCH}"

detects = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="py3langid is not installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with both models."""
    return tmp_path_factory.mktemp("languages")


@pytest.fixture(scope="module")
def models(store: Path) -> dict[str, TopicModel]:
    """Return both models by name."""
    return save_two_models(store)


@pytest.fixture(scope="module")
def address(store: Path, models: dict[str, TopicModel]) -> Iterator[str]:
    """Return the address of a service of two workers that serves both models, English by default."""
    with serving(store, "--workers=2", served=f"--models={MODELS}") as at:
        yield at


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """Return a client of that service."""
    with httpx.Client(base_url=address) as one:
        yield one


@pytest.fixture
def own(
    store: Path, models: dict[str, TopicModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ASGIApp]:
    """Return what makes an app on both models, with a ledger of its own."""
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    ledger = str(tmp_path / "ledger.sqlite")
    return lambda **settings: create_app(Settings(**{"models": MODELS, "database_url": ledger} | settings))


def tag(client: httpx.Client, article: Json, **asked: str) -> Json:
    """Return the answer to an article."""
    found: Json = client.post("/v1/tag", json=article, params=asked).raise_for_status().json()
    return found


def in_french(article: Json, tag: str = "fr") -> Json:
    """Return an article whose sender says that it is in French."""
    return article | {"language": tag}


def topics(answer: Json) -> list[str]:
    """Return the ids of the topics that were given."""
    return [topic["id"] for topic in answer["topics"]]


@pytest.mark.parametrize("tagged", ["fr", "fr-CA", "FR_fr", "fra", "fre"])
def test_an_articles_language_picks_the_model_and_the_answer_names_it(
    client: httpx.Client, models: dict[str, TopicModel], tagged: str
) -> None:
    answer = tag(client, in_french(MUSEE, tagged))
    assert (answer["model"], topics(answer)) == (models[FRENCH].ref, ["culture"])
    assert tag(client, WAR | {"language": "en-GB"})["model"] == models[ENGLISH].ref


@detects
def test_of_an_article_without_a_language_it_is_detected(client: httpx.Client, models: dict[str, TopicModel]) -> None:
    answers = [tag(client, article)["model"] for article in (WAR, GUERRE, MUSEE)]
    assert answers == [models[ENGLISH].ref, models[FRENCH].ref, models[FRENCH].ref]


@pytest.mark.parametrize("sent", [pytest.param(KRIEG, marks=detects), KRIEG | {"language": "de"}])
def test_the_default_answers_other_languages_with_a_warning_and_without_auto(
    client: httpx.Client, models: dict[str, TopicModel], sent: Json
) -> None:
    answer = tag(client, sent)
    assert answer["model"] == models[ENGLISH].ref
    assert "language: de" in answer["warnings"]
    assert "auto" not in [topic["band"] for topic in answer["topics"]]


@detects
def test_the_default_may_be_the_model_of_no_language(own: Callable[..., ASGIApp], serve: Serve) -> None:
    """What is sure to be French goes to its model, and all else to the model of `*`."""
    with serve(own(models=f"fr={FRENCH},*={ENGLISH}")) as at, httpx.Client(base_url=at) as client:
        names = [tag(client, article)["model"].partition("@")[0] for article in (GUERRE, KRIEG, WAR)]
        rows = client.get("/v1/languages").json()["models"]
    assert names == [FRENCH, ENGLISH, ENGLISH]
    assert [(row["name"], row["languages"]) for row in rows] == [(ENGLISH, []), (FRENCH, ["fr"])]


def test_without_py3langid_the_default_answers_what_has_no_language(
    own: Callable[..., ASGIApp], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "_identifier", lambda: None)
    with serve(own()) as at, httpx.Client(base_url=at) as client:
        names = [tag(client, article)["model"].partition("@")[0] for article in (GUERRE, in_french(GUERRE))]
    assert names == [ENGLISH, FRENCH]


@detects
def test_one_model_may_answer_several_languages(own: Callable[..., ASGIApp], serve: Serve) -> None:
    """It is loaded once."""
    with serve(own(models=f"en={ENGLISH},de={ENGLISH},fr={FRENCH}")) as at, httpx.Client(base_url=at) as client:
        assert tag(client, KRIEG)["model"].startswith(ENGLISH)
        rows = client.get("/v1/languages").json()["models"]
    assert [(row["name"], row["languages"]) for row in rows] == [(ENGLISH, ["en", "de"]), (FRENCH, ["fr"])]


@detects
def test_a_mixed_batch_keeps_its_order_and_gives_the_same_bytes_as_single_articles(client: httpx.Client) -> None:
    few = [in_french(MUSEE), WAR, GUERRE, {"id": "bad", "body": " "}, KRIEG, in_french(WAR), MUSEE]
    rows = [row | {"id": f"{place}"} for place, row in enumerate(few * 12)]
    lines = client.post("/v1/tag/batch", json=rows).raise_for_status().content.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows]
    for row, line in zip(rows, lines, strict=True):
        if row["body"] != " ":
            assert client.post("/v1/tag", json=row).content == line
    assert "error" in json.loads(lines[3])


def test_a_topic_is_explained_by_the_model_that_answers(client: httpx.Client) -> None:
    answer = tag(client, in_french(MUSEE), explain="culture")
    assert "exposition" in [evidence["text"] for evidence in answer["topics"][0]["evidence"]]
    refused = client.post("/v1/tag", params={"explain": "culture"}, json=WAR | {"language": "en"})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-parameter")
    assert f"a topic of {ENGLISH}" in refused.json()["detail"]


def test_other_formats_name_the_model_that_answers(client: httpx.Client, models: dict[str, TopicModel]) -> None:
    (subject,) = tag(client, in_french(MUSEE), format="ninjs")["subjects"]
    assert (subject["literal"], subject["creator"]) == ("culture", f"Tagdesk {models[FRENCH].ref}")
    assert tag(client, in_french(MUSEE), format="schema.org")["keywords"] == ["culture"]


def test_lists_the_models_by_language(client: httpx.Client, models: dict[str, TopicModel]) -> None:
    assert client.get("/v1/languages").json()["models"] == [
        {"name": ENGLISH, "model": models[ENGLISH].ref, "languages": ["en"]},
        {"name": FRENCH, "model": models[FRENCH].ref, "languages": ["fr"]},
    ]


def test_tells_of_each_model_by_its_name(client: httpx.Client, models: dict[str, TopicModel]) -> None:
    """Topics, manifest, versions; without a name of the default; each with an ETag of its own."""
    for path in ("/v1/topics", "/v1/model", "/v1/models", "/v1/changes", "/v1/drift"):
        unnamed, english, french = (
            client.get(path, params=asked) for asked in ({}, {"model": ENGLISH}, {"model": FRENCH})
        )
        assert unnamed.raise_for_status().json() == english.json() != french.raise_for_status().json()
        assert english.headers.get("etag") != french.headers.get("etag") or "etag" not in french.headers
        refused = client.get(path, params={"model": "nobody"})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-parameter")
        assert f"{ENGLISH}, {FRENCH}" in refused.json()["errors"][0]["detail"]
    topics = client.get("/v1/topics", params={"model": FRENCH}).json()
    assert (topics["model"], len(topics["topics"])) == (models[FRENCH].ref, 3)


def test_a_correction_is_checked_against_the_model_that_answered(
    own: Callable[..., ASGIApp], serve: Serve, models: dict[str, TopicModel]
) -> None:
    """`culture` is a topic of the French model alone; a model that is gone is stood in for by that of the language."""
    sent = {"article": in_french(MUSEE), "accepted": ["culture"]}
    with serve(own()) as at, httpx.Client(base_url=at) as client:
        refs = [models[FRENCH].ref, "gone@1", models[ENGLISH].ref]
        statuses = [client.post("/v1/feedback", json=sent | {"model": ref}).status_code for ref in refs]
        kept = [json.loads(line) for line in client.get("/v1/feedback/export").text.splitlines()]
    assert statuses == [202, 202, 422]
    assert [row["model"] for row in kept] == refs[:2]


def test_drift_is_of_each_models_own_corrections(
    own: Callable[..., ASGIApp],
    serve: Serve,
    models: dict[str, TopicModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(own()) as at, httpx.Client(base_url=at) as client:
        for article, name, topic in (
            (in_french(MUSEE), FRENCH, "culture"),
            (WAR, ENGLISH, "conflict"),
            (GUERRE, FRENCH, ""),
        ):
            sent = {"article": article, "model": models[name].ref, "accepted": [topic] if topic else []}
            client.post("/v1/feedback", json=sent).raise_for_status()
        drifts = {name: client.get("/v1/drift", params={"model": name}).json() for name in (ENGLISH, FRENCH)}
    assert {name: drift["corrections"][-1] for name, drift in drifts.items()} == {ENGLISH: 1, FRENCH: 2}
    assert {name: drift["unknown_words"][-1] for name, drift in drifts.items()}[FRENCH] < 0.5
    monkeypatch.setenv("TAGDESK_MODELS", MODELS)
    assert main(["drift", "--database-url", str(tmp_path / "ledger.sqlite")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Drift of ") == 2
    assert main(["drift", "--database-url", str(tmp_path / "ledger.sqlite"), "--model", FRENCH]) == 0
    assert f"Drift of {models[FRENCH].ref}" in capsys.readouterr().out


def test_the_queue_is_certain_by_the_model_of_the_language(
    own: Callable[..., ASGIApp], serve: Serve, models: dict[str, TopicModel]
) -> None:
    with serve(own()) as at, httpx.Client(base_url=at) as client:
        client.post("/v1/queue", json=in_french(MUSEE)).raise_for_status()
        assert client.get("/v1/queue/next").json()["model"] == models[FRENCH].ref


def test_one_of_several_is_activated_and_rolled_back(
    store: Path, client: httpx.Client, models: dict[str, TopicModel]
) -> None:
    """In all workers, while the other stays; a change that names no model is refused."""
    before = models[FRENCH]
    after = save_model(store, FRENCH, "fr", strength=0.5)
    changed = client.post(f"/v1/models/{before.version}/activate", params={"model": FRENCH}).raise_for_status().json()
    assert (changed["model"], changed["waiting"]) == (before.ref, [])
    changed = client.post(f"/v1/models/{after.version}/activate", params={"model": FRENCH}).raise_for_status().json()
    assert [worker["model"] for worker in changed["workers"]] == [after.ref] * 2
    assert tag(client, in_french(MUSEE))["model"] == after.ref
    assert tag(client, WAR | {"language": "en"})["model"] == models[ENGLISH].ref
    workers = client.get("/v1/models", params={"model": ENGLISH}).json()["workers"]
    assert [worker["model"] for worker in workers] == [models[ENGLISH].ref] * 2
    for path in ("/v1/models/rollback", f"/v1/models/{before.version}/activate"):
        refused = client.post(path)
        assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "model")
    back = client.post("/v1/models/rollback", params={"model": FRENCH}).raise_for_status().json()
    assert (back["model"], back["before"], back["waiting"]) == (before.ref, after.ref, [])


def test_metrics_tell_the_models_apart(client: httpx.Client, models: dict[str, TopicModel]) -> None:
    for article in (in_french(MUSEE), WAR | {"language": "en"}):
        tag(client, article)
    expected = [f'tagdesk_model_info{{model="{model.ref}"}} 2.0' for model in models.values()]
    expected += [f'tagdesk_articles_total{{model="{model.ref}"}}' for model in models.values()]

    def told_apart() -> bool:  # the other worker's are written twice a second
        text = client.get("/metrics").text
        return all(line in text for line in expected)

    eventually(told_apart)


def test_a_shadow_stands_beside_the_model_of_its_name(
    store: Path, own: Callable[..., ASGIApp], serve: Serve, models: dict[str, TopicModel]
) -> None:
    with serve(own(shadow=models[FRENCH].ref)) as at, httpx.Client(base_url=at) as client:
        for article in (WAR | {"language": "en"}, in_french(MUSEE)):
            tag(client, article)
        compared = client.get("/v1/models/shadow").raise_for_status().json()
    assert compared["active"].startswith(f"{FRENCH}@")
    assert compared["articles"] + compared["passed_over"] <= 1


def test_each_model_is_a_project_of_annifs(address: str, models: dict[str, TopicModel]) -> None:
    """A project's model answers whatever language a text is in: the client chose it."""
    annif = AnnifClient(f"{address}/v1/")
    assert [(project["project_id"], project["language"]) for project in annif.projects] == [
        (ENGLISH, "en"),
        (FRENCH, "fr"),
    ]
    assert [subject["label"] for subject in annif.suggest(FRENCH, MUSEE["body"])] == ["culture"]
    assert "culture" not in [subject["label"] for subject in annif.suggest(ENGLISH, MUSEE["body"])]


def test_a_superdesk_story_goes_to_the_model_of_its_language(client: httpx.Client) -> None:
    story = {"headline": MUSEE["title"], "body": [MUSEE["body"]], "language": "fr"}
    concepts = client.post("/integrations/imatrics/article/analysis", json=story).raise_for_status().json()["concepts"]
    assert [concept["title"] for concept in concepts] == ["culture"]
    for title in ("culture", "economy", "conflict"):
        found = client.post("/integrations/imatrics/concept/get", json={"title": title}).raise_for_status().json()
        assert [concept["title"] for concept in found["result"]] == [title]


def test_the_description_shows_the_answer_of_the_examples_own_model(own: Callable[..., ASGIApp], serve: Serve) -> None:
    """The example is in English, whatever the default's language is; the default is the example of a project."""
    with serve(own(models=f"fr={FRENCH},en={ENGLISH}")) as at, httpx.Client(base_url=at) as client:
        described = client.get("/openapi.json").json()["paths"]
        shown = described["/v1/tag"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
        assert shown == tag(client, EXAMPLE_ARTICLE)
    (project,) = described["/v1/projects/{project_id}"]["get"]["parameters"]
    assert project["example"] == FRENCH
    assert "enum" not in project["schema"]  # a client that is generated here works beside other models too


def test_is_not_ready_until_all_models_are_loaded(
    store: Path, models: dict[str, TopicModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    active = ActiveModels({"en": ENGLISH, "fr": "missing"})
    with pytest.raises(BundleError):
        active.load()
    with pytest.raises(ModelNotReady):
        _ = active.languages


@pytest.mark.parametrize(
    ("served", "code", "reason"),
    [
        (f"en={ENGLISH},fr=missing", 1, "no model 'missing'"),
        (f"en={ENGLISH},fr={ENGLISH}@{{version}}", 1, f"two models are called {ENGLISH}"),
        (f"en={ENGLISH},en={FRENCH}", 2, "the language en 2 times"),
        (f"english={ENGLISH}", 2, "the language 'english'"),
        (ENGLISH, 2, "such as en=news-en,fr=news-fr"),
    ],
)
def test_says_in_one_sentence_why_it_cannot_start(
    served: str,
    code: int,
    reason: str,
    store: Path,
    models: dict[str, TopicModel],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    assert main(["serve", "--port=0", "--models", served.format(version=models[ENGLISH].version)]) == code
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1

"""A text unlike those the model learned from gets a warning, and none of its topics is applied unseen."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from tagdesk.models import Article, TopicModel, load
from tagdesk.models.storage import SHIPPED, current

DATA = Path(__file__).parents[1] / "data"

NEWS = (
    "The central bank raised interest rates on Monday after prices rose again, and shares fell on the market. The "
    "company said sales had fallen in the quarter and workers would lose jobs; the minister said prices would fall."
)
FRENCH = (
    "Le gouvernement a annoncé lundi que les pompiers avaient maîtrisé l'incendie qui ravageait la forêt depuis trois "
    "jours. Des centaines d'habitants, hébergés dans une école voisine, pourront rentrer chez eux dès demain matin."
)
GIBBERISH = "Zxqv wqzx vvkq pzzr xkcw qwpf jjhz vbxq zzpl mrqx kkvw tqxz. " * 3

# Sentences of ours. Each is news, as news is written.
LANGUAGES = {
    "de": "Die Regierung teilte am Montag mit, dass die Feuerwehr den Brand im Wald nach drei Tagen gelöscht habe. Die "
    "Bewohner der Dörfer dürfen morgen in ihre Häuser zurückkehren.",
    "es": "El gobierno informó el lunes de que los bomberos han extinguido el incendio forestal después de tres días. "
    "Los vecinos de los pueblos podrán volver mañana a sus casas.",
    "fr": FRENCH,
    "it": "Il governo ha annunciato lunedì che i vigili del fuoco hanno spento l'incendio nel bosco dopo tre giorni. "
    "Gli abitanti dei paesi potranno tornare domani nelle loro case.",
    "nl": "De regering maakte maandag bekend dat de brandweer de bosbrand na drie dagen heeft geblust. De bewoners van "
    "de dorpen mogen morgen terug naar hun huizen.",
    "pt": "O governo anunciou na segunda-feira que os bombeiros apagaram o incêndio na floresta após três dias. Os "
    "moradores das aldeias poderão voltar amanhã para as suas casas.",
    "ru": "Правительство сообщило в понедельник, что пожарные потушили лесной пожар через три дня. Жители деревень "
    "смогут завтра вернуться в свои дома.",
    "tr": "Hükümet pazartesi günü itfaiyenin orman yangınını üç gün sonra söndürdüğünü açıkladı. Köylerde yaşayanlar "
    "yarın evlerine dönebilecek.",
    "zh": "政府周一表示，消防员经过三天的努力扑灭了森林大火。村民明天可以返回自己的家。警方说，有十二人受伤，"
    "两座桥梁被毁。总统感谢救援人员，并承诺向失去住房的家庭提供紧急援助，重建学校和医院，恢复供电。",
}

needs_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="py3langid is not installed")
without_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is not None, reason="py3langid is there")
needs_shipped = pytest.mark.skipif(current(SHIPPED, "news-en") is None, reason="no model is shipped yet")


@pytest.fixture(scope="module")
def shipped() -> TopicModel:
    """Return the shipped model."""
    return load(SHIPPED / "news-en" / str(current(SHIPPED, "news-en")))


def languages(warnings: tuple[str, ...]) -> list[str]:
    return [warning for warning in warnings if warning.startswith("language: ")]


def test_news_of_a_few_sentences_is_not_doubted(small_model: TopicModel) -> None:
    tagged = small_model.tag(Article(title="Bank raises rates", body=NEWS, language="en"))
    assert tagged.warnings == ()
    assert (tagged.topics[0].topic.id, tagged.topics[0].band) == ("economy", "auto")


@pytest.mark.parametrize(
    "article",
    [
        Article(body="Troops killed twelve people in the capital."),
        Article(title="Troops killed", body="Police said on Monday."),
        Article(title="Government troops killed twelve people in the capital on Monday, police said", body=" \n"),
        Article(
            title="Government troops killed twelve people in the capital on Monday, police said", body_html="<p></p>"
        ),
        Article(body="7 8 9"),
    ],
    ids=["seven words", "seven words in two fields", "title alone", "title alone, with HTML", "no words"],
)
def test_few_words_or_a_title_alone_is_a_short_text(small_model: TopicModel, article: Article) -> None:
    assert "short-text" in small_model.tag(article).warnings


def test_nine_words_are_enough(small_model: TopicModel) -> None:
    for body in ("Troops killed twelve people in the capital on Monday.", "Troops killed people, police said."):
        words = len(body.split())
        assert ("short-text" in small_model.tag(Article(body=body)).warnings) is (words < 9)


def test_gibberish_has_unknown_words(small_model: TopicModel) -> None:
    assert "unknown-words" in small_model.tag(Article(title="Zxqv wqzx", body=GIBBERISH)).warnings


@needs_shipped
@pytest.mark.parametrize("language", LANGUAGES)
def test_shipped_model_does_not_know_the_words_of_other_languages(shipped: TopicModel, language: str) -> None:
    tagged = shipped.tag(Article(body=LANGUAGES[language]))
    assert "unknown-words" in tagged.warnings
    assert "auto" not in {result.band for result in tagged.topics}


@needs_shipped
def test_shipped_model_does_not_doubt_an_event_of_one_sentence(shipped: TopicModel) -> None:
    tagged = shipped.tag(Article(body="At least twelve people are killed in a bombing in the capital."))
    assert tagged.warnings == ()
    assert (tagged.topics[0].topic.id, tagged.topics[0].band) == ("conflict", "auto")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        *[("fr", "fr"), ("fr-CA", "fr"), ("pt_BR", "pt"), ("ZH-Hant-TW", "zh"), ("pcm", "pcm")],
        *[("fra", "fr"), ("fre", "fr"), ("fra-CA", "fr"), ("ZHO", "zh"), ("cmn", "zh"), ("arb", "ar")],
    ],
)
def test_sender_who_names_another_language_is_believed(small_model: TopicModel, sent: str, said: str) -> None:
    assert small_model.tag(Article(body=NEWS, language=sent)).warnings == (f"language: {said}",)


@pytest.mark.parametrize(
    "sent",
    [None, "", "en", "en-GB", "en_US", "EN", "eng", "ENG", "eng-GB", "und", "mul", "zxx", "english", "x-news", "?"],
)
def test_sender_who_names_no_other_language_causes_no_warning(small_model: TopicModel, sent: str | None) -> None:
    assert small_model.tag(Article(body=NEWS, language=sent)).warnings == ()


def test_doubted_topic_is_suggested_and_nothing_else_changes(small_model: TopicModel) -> None:
    article = Article(title="Bank raises rates", body=NEWS)
    plain = small_model.tag(article, explain=True)
    doubted = small_model.tag(dataclasses.replace(article, language="fr"), explain=True)
    assert "auto" in {result.band for result in plain.topics}
    assert doubted.topics == tuple(dataclasses.replace(result, band="suggest") for result in plain.topics)


def test_every_way_to_tag_doubts_alike(small_model: TopicModel) -> None:
    articles = [
        Article(title="Bank raises rates", body=NEWS, language="fr"),
        Article(title="Bank raises rates", body=NEWS),
        Article(title="Troops killed", body="Troops killed."),
        Article(body=GIBBERISH),
        Article(body=FRENCH),
    ]
    tagged = list(small_model.tag_many(articles))
    for article, one in zip(articles, tagged, strict=True):
        assert one == small_model.tag(article)
        explained = [small_model.explain(article, result.topic.id) for result in one.topics]
        assert [result.band for result in explained] == [result.band for result in one.topics]
    assert [bool(one.warnings) for one in tagged] == [True, False, True, True, True]


def test_doubts_come_after_what_the_body_was_read_as(small_model: TopicModel) -> None:
    article = Article(body="<p>Troops killed</p><p>twelve people</p>", language="fr")
    assert small_model.tag(article).warnings == ("html-in-body", "short-text", "language: fr")


def test_model_of_no_known_language_doubts_short_texts_only(small_model: TopicModel) -> None:
    """An imported model may have been made without the commonest words."""
    imported = dataclasses.replace(small_model, manifest={})
    assert imported.tag(Article(body=GIBBERISH, language="fr")).warnings == ()
    assert imported.tag(Article(body="Troops killed.")).warnings == ("short-text",)


@needs_py3langid
@needs_shipped
@pytest.mark.parametrize("language", LANGUAGES)
def test_py3langid_names_the_language(shipped: TopicModel, language: str) -> None:
    for sent in (None, "en"):
        warnings = shipped.tag(Article(body=LANGUAGES[language], language=sent)).warnings
        assert languages(warnings) == [f"language: {language}"]


@needs_py3langid
def test_py3langid_makes_nothing_of_english_or_gibberish(small_model: TopicModel) -> None:
    unusual = (
        "Quarterly shareholders' dividends outperformed analysts' consensus; refinancing diluted convertible notes."
    )
    for body in (NEWS, GIBBERISH, unusual):
        assert languages(small_model.tag(Article(body=body)).warnings) == []


@without_py3langid
def test_without_py3langid_only_the_sender_tells_the_language(small_model: TopicModel) -> None:
    assert languages(small_model.tag(Article(body=FRENCH)).warnings) == []
    assert languages(small_model.tag(Article(body=FRENCH, language="fr")).warnings) == ["language: fr"]


NOTICES = {
    "consent": "We value your privacy\nWe and our partners store cookies on your device and process personal data for "
    "advertising and audience research. Manage your options or accept all.",
    "an error": "404 Page not found\nThe page you asked for does not exist or has moved. Go back to our home page.",
    "no script": "JavaScript is disabled in your browser. Please enable it and reload the page to continue.",
    "a robot check": "Please verify you are human. Complete the captcha to continue. Your browser will redirect you.",
    "a stub": "The general resigned on Monday.\nThis article is for subscribers only. Subscribe to continue reading. "
    "Already a subscriber? Log in.",
    "a stub in French": "Cet article est réservé aux abonnés. Abonnez-vous pour lire la suite. Déjà abonné ? "
    "Connectez-vous.",
}


@pytest.mark.parametrize("notice", NOTICES)
def test_notice_in_place_of_an_article_is_doubted(small_model: TopicModel, notice: str) -> None:
    tagged = small_model.tag(Article(title="Troops killed in the capital", body=NOTICES[notice]))
    assert "no-article" in tagged.warnings
    assert "auto" not in {result.band for result in tagged.topics}


@pytest.mark.parametrize(
    "body",
    [
        NEWS,
        "Websites must let readers refuse cookies as easily as accept them, a court ruled on Monday. Two firms were "
        "fined for processing personal data without consent.",
        "The newspaper will ask its readers to subscribe from May, its editor said. Subscribers will pay "
        "eight dollars a month.",
        f"{NEWS}\nSubscribe now to continue reading. Already a subscriber? Log in.",
    ],
)
def test_article_about_what_notices_speak_of_is_an_article(small_model: TopicModel, body: str) -> None:
    assert "no-article" not in small_model.tag(Article(body=body)).warnings


def test_nearly_every_consent_wall_error_page_and_stub_is_no_article() -> None:
    rows = map(json.loads, (DATA / "notices.jsonl").read_text().splitlines())
    articles = [Article(title=row["title"], body=row["body"]) for row in rows]
    assert sum(article.text().no_article for article in articles) >= len(articles) - 2


@pytest.mark.parametrize(
    "body",
    [
        "504 Gateway Time-out",
        "502 Bad Gateway nginx/1.18.0 (Ubuntu)",
        "404 Not Found",
        "This site can't be reached. www.example.com took too long to respond. Try checking the connection.",
        "Lo sentimos, la página que busca no existe. Puede que haya sido eliminada. Volver a la página de inicio.",
        "No podemos mostrar esta página. El enlace puede estar roto o la página pudo haberse borrado.",
    ],
)
def test_error_page_of_any_length_is_no_article_under_any_title(body: str) -> None:
    assert Article(title="The minister opened a new school in the north on Monday", body=body).text().no_article


@pytest.mark.parametrize(
    "body",
    [
        "Wildfires continue to spread in the north, forcing thousands to leave.",
        "A lawyer pleads guilty to mail fraud and wire fraud.",
        "A telephone company announces that criminals accessed customer account details.",
        "Readers of the newspaper elect its editor for the first time.",
    ],
)
def test_news_of_one_sentence_is_an_article(body: str) -> None:
    assert not Article(body=body).text().no_article


@pytest.mark.parametrize("row", [json.loads(line) for line in (DATA / "short-news.jsonl").read_text().splitlines()])
def test_short_article_is_an_article(row: dict[str, str]) -> None:
    text = Article(**row).text()
    assert (text.no_article, text.body) == (False, row["body"])

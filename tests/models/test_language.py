"""The language of an article among those that a service has models for."""

import pytest

from tagdesk.models import Article
from tagdesk.models.language import detect_among, detect_language
from tests.models.test_doubts import LANGUAGES, NEWS

pytest.importorskip("py3langid")

TEXTS = LANGUAGES | {"en": NEWS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_found_among_others_and_is_none_of_those_without_it(language: str) -> None:
    text = Article(body=TEXTS[language]).text()
    assert detect_among(text, {language, "en"}) == language
    assert detect_among(text, {"en", "ja"}) is None


@pytest.mark.parametrize(("title", "language"), [("Bank raises rates again", "en"), ("Pluie sur Paris", "fr")])
def test_a_title_that_could_be_in_many_languages_is_decided_between_the_wanted_ones(title: str, language: str) -> None:
    text = Article(title=title, body="").text()
    assert detect_language(text) is None
    assert detect_among(text, {"en", "fr"}) == language

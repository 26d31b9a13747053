"""Why an answer may be wrong although its confidence is high: the text is unlike those that the model learned from.

`tagdesk.training.learn.own_texts` measures what those are like; the manifest keeps it under `doubts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tagdesk.models.language import detect_language, primary_language
from tagdesk.models.reading.article import Article, ArticleText

FEW_TOKENS = 9
"""A text of fewer tokens is short. Of 163 gold articles read to the 8th token of the body, 0.845 of the `auto` topics
were right, to the 12th 0.908, in full 0.910. 0.49 % of 39,951 current events are short, and no Wikinews article."""

LEAST_KNOWN, USUAL_KNOWN = 0.65, 0.85
"""The shares of known words for a model without measurements of its own; measured with news-en@2026.11.23-f246265d.
Below the first are 4,988 of 4,989 articles in 14 other languages (MasakhaNEWS), 0.07 % of the current events, and none
of 8,591 Wikinews, 163 gold and 948 English MasakhaNEWS articles; below the second 0.5 % of Wikinews, 3.5 % of
events."""


@dataclass(frozen=True, slots=True)
class OwnTexts:
    """What the texts that a model learned from are like.

    Attributes:
        language: their primary language as the manifest names it, or None.
        languages: the languages that py3langid detects in them; a text that it finds to be in one of these is not
            doubted.
        least_known: a text has unknown words if fewer of its n-grams of the model's shortest length, per token, are
            features of the model. None where nothing is known: for a model imported from elsewhere, which may lack the
            commonest words.
        usual_known: with at least so many, py3langid is not asked.
        least_tokens: a text with fewer tokens is short.
        title_alone: whether many of them have only a title.
    """

    language: str | None = None
    languages: frozenset[str] = frozenset()
    least_known: float | None = None
    usual_known: float = USUAL_KNOWN
    least_tokens: int = FEW_TOKENS
    title_alone: bool = False

    @classmethod
    def of(cls, manifest: Mapping[str, Any], shortest: int) -> Self:
        """Read them from a model's manifest; one from before they were measured has the limits of that time.

        Args:
            manifest: the model's manifest.
            shortest: the least number of words in its n-grams.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: the entry is malformed.
        """
        language = primary_language(manifest.get("language"))
        if "doubts" not in manifest:
            return cls(language, least_known=LEAST_KNOWN if language and shortest == 1 else None)
        entry = manifest["doubts"]
        return cls(
            language,
            frozenset(map(str, entry.get("languages", ()))),
            float(entry["least_known"]),
            float(entry["usual_known"]),
            int(entry["least_tokens"]),
            bool(entry["title_alone"]),
        )


def doubts(article: Article, text: ArticleText, tokens: float, known: float, own: OwnTexts) -> tuple[str, ...]:
    """Return why the article's topics need a human check.

    That is `short-text`, `no-article`, `unknown-words` or `language: fr`, or several of these.

    A language that the sender names is believed where it differs from the model's; where it is the same, it proves
    nothing.

    Args:
        article: the article as it was sent.
        text: the text that was read of it.
        tokens: the number of its tokens.
        known: how many of its n-grams of the model's shortest length are features of the model.
        own: what the texts that the model learned from are like.
    """
    warnings = []
    title_alone = not text.body or text.body.isspace()
    if tokens < own.least_tokens or (title_alone and not own.title_alone):
        warnings.append("short-text")
    if text.no_article:
        warnings.append("no-article")
    if own.least_known is None:
        return tuple(warnings)
    if known < own.least_known * tokens:
        warnings.append("unknown-words")
    expected = own.languages if own.language is None else {own.language}
    language = primary_language(article.language)
    if (language is None or language in expected) and known < own.usual_known * tokens:
        language = detect_language(text)
        expected = expected | own.languages
    if expected and language is not None and language not in expected:
        warnings.append(f"language: {language}")
    return tuple(warnings)

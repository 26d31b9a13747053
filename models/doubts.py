"""Why an answer may be wrong although its confidence is high: the text is not like those the model learned from.

The limits were measured with news-en@2026.11.23-f246265d, in November 2026.
"""

from models.article import Article, ArticleText
from models.language import detected, primary

FEW_TOKENS = 9
"""A text of fewer tokens is short. Of 163 gold articles read to the 8th token of the body, 0.845 of the `auto` topics
were right, to the 12th 0.908, in full 0.910. 0.49 % of 39,951 current events are short, and no Wikinews article."""

LEAST_KNOWN = 0.65
"""A text has unknown words if the model knows less than this share of its tokens. Below are 4,988 of 4,989 articles in
14 other languages (MasakhaNEWS; at most 0.62 of a French one), 0.07 % of the current events, and none of 8,591
Wikinews, 163 gold and 948 English MasakhaNEWS articles; of Reuters' briefs of 1987, mostly figures, one in eight."""

USUAL_KNOWN = 0.85
"""From this share on py3langid is not asked. Below are 0.5 % of the Wikinews articles, 3.5 % of the current events, all
of the 4,989 above, and 60 % of the articles in Nigerian Pidgin, whose words are mostly English."""


def doubts(article: Article, text: ArticleText, tokens: int, known: int, language: str | None) -> tuple[str, ...]:
    """Return why the article's topics are not to be applied unseen: `short-text`, `unknown-words`, `language: fr`.

    The language that the sender names is believed where it is another than the model's, and is no proof where it is
    the same.

    Args:
        article: as it was sent.
        text: what was read of it.
        tokens: number of its tokens.
        known: how many of them are features of the model.
        language: the model's primary language. None is of a model that was folded from one made elsewhere, perhaps
            without the commonest words: only `short-text` can be told then.
    """
    found = []
    if tokens < FEW_TOKENS or not text.body or text.body.isspace():
        found.append("short-text")
    if language is None:
        return tuple(found)
    if known < LEAST_KNOWN * tokens:
        found.append("unknown-words")
    other = primary(article.language)
    if other in (None, language) and known < USUAL_KNOWN * tokens:
        other = detected(text)
    if other not in (None, language):
        found.append(f"language: {other}")
    return tuple(found)

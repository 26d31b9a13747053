"""Which words of an article the desk lights and lists as evidence, worked out as its scripts do it."""

import re
from collections import defaultdict

from tagdesk.models.reading.article import Field
from tagdesk.models.topic_model import TopicResult

WORD = re.compile(r"\w\w+")

FAINTEST = 0.1
"""No word is lit that is weaker than this share of the strongest n-gram (`service/desk/evidence.js`)."""


def words_of(ngram: str) -> list[str]:
    """Return the words of an n-gram as the tokenizer reads them."""
    return WORD.findall(ngram.lower())


def lit(result: TopicResult) -> dict[str, float]:
    """Return how strongly the desk lights each word of a plain-text article, the strongest first.

    As `service/desk/evidence.js` does it: an n-gram of two words says half for each, and what covers a place adds up.
    A word that stands in several places is as strong as where it is strongest.
    """
    evidence = result.evidence or ()
    places: defaultdict[tuple[Field, int], float] = defaultdict(float)
    spelled: dict[tuple[Field, int], str] = {}
    for span in evidence:
        words = list(WORD.finditer(span.text))
        for word in words:
            place = (span.field, span.start + word.start())
            places[place] += span.weight / len(words)
            spelled[place] = word[0].lower()
    strengths: defaultdict[str, float] = defaultdict(float)
    for place, weight in places.items():
        strengths[spelled[place]] = max(strengths[spelled[place]], abs(weight))
    least = FAINTEST * max((abs(span.weight) for span in evidence), default=0.0)
    ordered = sorted(strengths.items(), key=lambda item: -item[1])
    return {word: strength for word, strength in ordered if strength >= least}


def listed(result: TopicResult) -> dict[str, float]:
    """Return what each n-gram adds to a score wherever it stands, the strongest first, as the desk lists them."""
    sums: defaultdict[str, float] = defaultdict(float)
    for span in result.evidence or ():
        sums[" ".join(words_of(span.text))] += span.weight
    return dict(sorted(sums.items(), key=lambda item: -abs(item[1])))

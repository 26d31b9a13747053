"""What the texts that a model learns from are like, so that `tagdesk.models.doubts` can tell those that differ."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tagdesk.models.doubts import FEW_TOKENS
from tagdesk.models.features import Features
from tagdesk.models.language import detect_language
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.weights import for_kernel
from tagdesk.training.learn.vectorize import PART, NgramVectorizer

log = logging.getLogger(__name__)

MOST_TEXTS = 1_000
"""With more texts, an even share of them is measured."""

RARE, UNUSUAL = 0.005, 0.05
"""The quantiles of the known words per token that make `least_known` and `usual_known`."""

LEEWAY = 0.75
"""The share of the known words of the model's own rarest texts that another text needs: texts of other outlets have
fewer. For the English model this gives the limit that was found on 14 other languages before, 0.65 of the words."""

MOST_TITLES_ALONE = 0.05
"""If a greater share of the own texts has only a title, such texts are not doubted."""

DETECTED = 0.99
"""The own languages are the fewest that py3langid detects in this share of the own texts."""


def measure_own_texts(vectorizer: NgramVectorizer, texts: Sequence[ArticleText]) -> dict[str, Any]:
    """Return what `tagdesk.models.doubts.OwnTexts` reads of a manifest, without languages; JSON values.

    The known n-grams of a text are counted as if it had not been learned from: those that so few texts have that none
    would know them without it are left out. Parts of words are not counted.
    """
    sample = _even_share(texts)
    common = _common_ngrams(vectorizer)
    no_topics = for_kernel(np.zeros((len(common.hashes), 0), np.float32)), np.zeros((5, 0)), np.zeros(0, np.int32)
    tokens, known, _ = common.score(sample, *no_topics).reshape(-1, 3).T
    rare, unusual = np.quantile(known / np.maximum(tokens, 1), (RARE, UNUSUAL))
    alone = np.mean([not text.body.strip() for text in sample])
    return {
        "least_known": round(LEEWAY * float(rare), 4),
        "usual_known": round(float(unusual), 4),
        "least_tokens": min(FEW_TOKENS, int(np.quantile(tokens, RARE))),
        "title_alone": bool(alone > MOST_TITLES_ALONE),
    }


def languages(texts: Sequence[ArticleText]) -> list[str]:
    """Return the fewest languages that py3langid detects in nearly all texts, the commonest first; none without it."""
    counts = Counter(filter(None, map(detect_language, _even_share(texts))))
    if not counts:
        log.warning(
            "language not measured: py3langid is sure of no text's language, or is not installed "
            "(pip install 'tagdesk[language]')"
        )
    names: list[str] = []
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if sum(counts[language] for language in names) >= DETECTED * counts.total():
            break
        names.append(name)
    return names


def _even_share(texts: Sequence[ArticleText]) -> Sequence[ArticleText]:
    """Return an even share of the texts, at most `MOST_TEXTS`."""
    return texts[:: max(1, -(-len(texts) // MOST_TEXTS))]


def _common_ngrams(vectorizer: NgramVectorizer) -> Features:
    """Return the features without parts of words, and without the n-grams that the fewest texts have.

    Where all n-grams are as rare, all are returned.
    """
    features = vectorizer.features_
    is_ngram = np.array([PART not in ngram for ngram in vectorizer.ngrams_])
    common = is_ngram & (features.idf < features.idf[is_ngram].max())
    chosen = common if common.any() else is_ngram
    settings = replace(features.settings, shortest_part=0, longest_part=0)
    return Features(settings, features.hashes[chosen], features.idf[chosen])

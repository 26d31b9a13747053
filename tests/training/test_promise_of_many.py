"""What `auto` gives with hundreds of topics of a few articles each is as often right in new articles as it promises."""

from collections.abc import Iterator

import numpy as np

from tagdesk.training import TopicClassifier
from tagdesk.training.config import MANY_TOPICS

TOPICS = MANY_TOPICS + 50
EACH, SURE = 15, 9
"""Articles with the word of a topic, and those of them that have its second word too."""


def word(number: int) -> str:
    return "".join("bcdfghklmn"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{number:05d}")


def news(random: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """Yield articles: with both words of a topic 99 in 100 are about it, with the first alone 7 in 10.

    By chance many topics have a better record than that.
    """
    common = [word(number) for number in range(50_000, 50_300)]
    for topic in range(TOPICS):
        for number in range(EACH):
            sure = number < SURE
            words = [*random.choice(common, 20), word(topic), *[word(10_000 + topic)] * (3 * sure)]
            has_it = random.random() < (0.99 if sure else 0.7)
            yield " ".join(random.permutation(words)), [f"Topic {topic}"] if has_it else []


def test_promise_is_kept_in_new_articles() -> None:
    random = np.random.default_rng(0)
    classifier = TopicClassifier(min_df=2, folds=5, most_negatives=500).fit(*zip(*news(random), strict=True))
    texts, topics = zip(*news(random), strict=True)
    given = classifier.predict_proba(texts) >= np.nan_to_num(classifier.auto_, nan=np.inf)
    has = np.array([[topic in some for topic in classifier.classes_] for some in topics])
    hits = int((given & has).sum())
    assert hits > 0.9 * given.sum()
    assert hits > 0.3 * has.sum()
    auto = classifier.metrics_["auto"]
    assert classifier.model_.calibrations[classifier.model_.taxonomy.column(auto["weakest"])].auto is not None
    assert classifier.metrics_["out_of_fold"]["auto_precision"] == auto["precision"]

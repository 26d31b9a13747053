"""One classifier a topic, open articles left out, every calibration article scored by a model that never saw it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from tagdesk.training import fit_one
from tagdesk.training.config import FitSettings
from tagdesk.training.fit_one import (
    EXACT,
    FAINT,
    ROUGH,
    SMOOTHING,
    Hints,
    count_ratios,
    fit_topic,
    shared_of,
)
from tagdesk.training.learn.fit import FEWEST_ARTICLES, FEWEST_IN_A_FIT, fit_topics, learnable

SETTINGS = FitSettings(folds=2, C=1.0, count_ratio=0.0)


def data(articles: int = 60, topics: int = 3) -> tuple[sp.csr_matrix, NDArray[np.int8], NDArray[np.int64]]:
    random = np.random.default_rng(1)
    X = sp.csr_matrix(random.random((articles, 12)) * (random.random((articles, 12)) < 0.5))
    decisions = np.where(X.toarray()[:, :topics] > 0.3, 1, -1).astype(np.int8)
    decisions[random.random(decisions.shape) < 0.2] = 0
    return X, decisions, np.arange(articles) % 3 - 1


def alone(X: sp.csr_matrix, decisions: NDArray[np.int8], rows: NDArray[np.bool_]) -> LinearSVC:
    rows = rows & (decisions != 0)
    svm = LinearSVC(C=1.0, dual=True, random_state=0, max_iter=2000)
    return svm.fit(X[rows], decisions[rows])


def test_every_topic_is_fitted_on_the_articles_that_are_decided() -> None:
    X, decisions, fold = data()
    fitted = fit_topics(X, decisions, fold, SETTINGS)
    assert fitted.weights.shape == (12, 3)
    assert fitted.weights.dtype == fitted.bias.dtype == np.float32
    for topic in range(3):
        svm = alone(X, decisions[:, topic], np.ones(60, np.bool_))
        assert fitted.weights[:, topic] == pytest.approx(svm.coef_[0], abs=1e-6)
        assert fitted.bias[topic] == pytest.approx(svm.intercept_[0], abs=1e-6)


def test_out_of_fold_scores_are_by_models_that_did_not_see_the_article() -> None:
    """What is in no fold is in every fit."""
    X, decisions, fold = data()
    fitted = fit_topics(X, decisions, fold, SETTINGS)
    calibration = np.flatnonzero(fold >= 0)
    assert fitted.out_of_fold.shape == (len(calibration), 3)
    for topic in range(3):
        for left_out in range(2):
            svm = alone(X, decisions[:, topic], fold != left_out)
            mine = fold[calibration] == left_out
            expected = svm.decision_function(X[calibration[mine]])
            assert fitted.out_of_fold[mine, topic] == pytest.approx(expected, abs=1e-9)


def test_fit_is_the_same_twice() -> None:
    X, decisions, fold = data()
    one, other = (fit_topics(X, decisions, fold, replace(SETTINGS, count_ratio=0.4)) for _ in range(2))
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.bias.tobytes() == other.bias.tobytes()
    assert one.out_of_fold.tobytes() == other.out_of_fold.tobytes()


@pytest.mark.parametrize(("more", "tolerance"), [(0, EXACT), (1, ROUGH)])
def test_fit_of_very_many_articles_is_solved_less_exactly(
    more: int, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_one, "MANY_ARTICLES", 200)
    random = np.random.default_rng(0)
    X = sp.csr_matrix(random.random((200 + more, 3)))
    decisions = np.where(X.toarray()[:, 0] + random.normal(0, 0.3, X.shape[0]) > 0.7, 1, -1).astype(np.int8)
    fit = fit_topic(shared_of(X, np.full(X.shape[0], -1), SETTINGS, None, None), decisions, 0, -1)
    solved = {
        tol: LinearSVC(C=1.0, tol=tol, dual=True, random_state=0, max_iter=2000).fit(X, decisions).coef_[0]
        for tol in (EXACT, ROUGH)
    }
    assert abs(solved[EXACT] - solved[ROUGH]).max() > 1e-6
    assert fit.weights == pytest.approx(solved[tolerance], abs=1e-9)


FEW = replace(SETTINGS, most_weights=4, most_negatives=12)


def test_of_many_topics_the_strongest_weights_of_the_mean_of_all_folds_models_are_kept() -> None:
    X, decisions, fold = data()
    found = fit_topics(X, decisions, fold, FEW)
    shared = shared_of(X, fold, FEW, None, None)
    for topic in range(3):
        fits = [fit_topic(shared, decisions[:, topic], topic, left_out) for left_out in range(2)]
        mean = np.mean([fit.all_weights(X.shape[1]) for fit in fits], axis=0)
        strongest = np.sort(np.argsort(-np.abs(mean))[:4])
        kept = found.weights[:, topic]
        assert np.flatnonzero(kept).tolist() == strongest.tolist()
        assert kept[strongest] == pytest.approx(mean[strongest])
        dropped = np.delete(mean, strongest) @ np.delete(np.asarray(X.mean(axis=0)).ravel(), strongest)
        assert found.bias[topic] == pytest.approx(np.mean([fit.bias for fit in fits]) + dropped)


def test_scores_are_as_high_on_average_as_if_all_weights_were_kept() -> None:
    X, decisions, fold = data()
    few, every = (
        fit_topic(shared_of(X, fold, replace(FEW, most_weights=most), None, None), decisions[:, 0], 0, 0)
        for most in (4, 12)
    )
    assert len(few.ngrams) == 4 < len(every.ngrams)
    means = [(X @ fit.all_weights(X.shape[1]) + fit.bias).mean() for fit in (few, every)]
    assert means[0] == pytest.approx(means[1])


def test_of_many_topics_no_weight_is_kept_that_is_faint_beside_the_strongest() -> None:
    X, decisions, fold = data()
    word = (decisions[:, :1] + 1.0) * 3
    every, few = (
        fit_topic(shared_of(sp.csr_matrix(columns), fold, settings, None, None), decisions[:, 0], 0, 0)
        for columns, settings in (
            (sp.hstack([X * 0.1, word]), replace(SETTINGS, most_negatives=12)),
            (sp.hstack([X * 0.1, word]), replace(FEW, most_weights=13)),
        )
    )
    strengths = np.abs(every.weights)
    kept = np.flatnonzero(strengths >= FAINT * strengths.max())
    assert 0 < len(kept) < np.count_nonzero(strengths)
    assert few.ngrams.tolist() == kept.tolist()


def test_of_many_topics_a_fold_may_have_no_articles() -> None:
    X, decisions, _ = data()
    fold = np.arange(60) % 2
    two, three = (fit_topics(X, decisions, fold, replace(FEW, folds=folds)).out_of_fold for folds in (2, 3))
    assert (np.asarray(two) == np.asarray(three)).all()


@pytest.mark.parametrize("most", [1, 12])
def test_few_articles_without_a_topic_are_learned_from_though_all_weights_are_kept(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few: the two settings do not depend on each other."""
    monkeypatch.setattr(fit_one, "FAINT", 0.0)
    X, decisions, fold = data()
    settings = replace(FEW, most_negatives=most)
    every = np.asarray(fit_topics(X, decisions, fold, replace(settings, most_weights=0)).out_of_fold)
    shared = shared_of(X, fold, replace(settings, most_weights=12), None, None)
    for topic in range(3):
        for left_out in range(2):
            fit = fit_topic(shared, decisions[:, topic], topic, left_out)
            scores = X[fold == left_out] @ fit.all_weights(12) + fit.bias
            assert every[fold[fold >= 0] == left_out, topic] == pytest.approx(scores, abs=1e-5)


def test_of_many_topics_one_that_no_word_tells_has_no_weights() -> None:
    """None of its articles, nor of the others, has a word that is known."""
    decisions = np.where(np.arange(60) < 12, 1, -1).astype(np.int8)[:, None]
    found = fit_topics(sp.csr_matrix((60, 12)), decisions, np.arange(60) % 2, FEW)
    assert not found.weights[:, 0].any()
    assert np.isfinite(found.bias).all()


def test_of_many_topics_one_is_learned_though_its_articles_share_a_single_word() -> None:
    """Count ratios compare words: that of a single one is 0."""
    X = np.zeros((60, 13))
    X[:12, 0] = 0.7
    X[np.arange(12), 1 + np.arange(12)] = 0.7
    X[12:, 1:] = np.random.default_rng(0).random((48, 12))
    decisions = np.where(np.arange(60) < 12, 1, -1).astype(np.int8)
    fit = fit_topic(shared_of(sp.csr_matrix(X), np.full(60, -1), FEW, None, None), decisions, 0, -1)
    assert fit.all_weights(13)[0] > 0


def test_of_many_topics_an_articles_scores_are_by_models_that_did_not_see_it() -> None:
    """Whatever is said of the articles of fold 0, their scores are the same."""
    X, decisions, _ = data()
    fold = np.arange(60) % 2
    turned = np.where(fold[:, None] == 0, -decisions, decisions).astype(np.int8)
    one, other = (np.asarray(fit_topics(X, said, fold, FEW).out_of_fold) for said in (decisions, turned))
    assert (one[fold == 0] == other[fold == 0]).all()
    assert (one[fold == 1] != other[fold == 1]).any()


def test_of_many_topics_the_scores_that_are_kept_are_exact() -> None:
    """Those of all others have the mean of these."""
    random = np.random.default_rng(0)
    X = sp.csr_matrix(random.random((1_500, 12)) * (random.random((1_500, 12)) < 0.5))
    decisions = np.where(X.toarray()[:, :2] > 0.9, 1, -1).astype(np.int8)
    fold = np.arange(1_500) % 2
    settings = replace(FEW, most_weights=12)
    found = fit_topics(X, decisions, fold, settings).out_of_fold
    shared = shared_of(X, fold, settings, None, None)
    for topic in range(2):
        fits = [fit_topic(shared, decisions[:, topic], topic, left_out) for left_out in range(2)]
        expected = np.choose(fold, [X @ fit.all_weights(X.shape[1]) + fit.bias for fit in fits])
        rows, scores = found.column(topic)
        assert scores == pytest.approx(expected[rows], abs=1e-5)
        assert set(np.flatnonzero(decisions[:, topic] == 1)) <= set(rows.tolist())
        others = np.setdiff1d(np.arange(1_500), rows)
        assert len(others) > 0
        assert np.asarray(found[others][:, topic : topic + 1]) == pytest.approx(expected[others].mean(), abs=1e-5)
        assert expected[others].max() <= scores[decisions[rows, topic] == -1].min() + 1e-5


def test_what_a_fit_of_all_articles_learns_from_does_not_depend_on_their_folds() -> None:
    """Those that are in every fit are as near to a topic as those of a fold."""
    X, decisions, _ = data()
    every, dealt = (
        fit_topic(shared_of(X, fold, FEW, None, None), decisions[:, 0], 0, -1)
        for fold in (np.full(60, -1), np.arange(60) % 2)
    )
    assert every.weights.tolist() == dealt.weights.tolist()


def test_articles_that_are_left_out_are_stood_for_by_those_drawn() -> None:
    """Learned from a tenth of the articles without it, a topic that a word hints at is no likelier than from all."""
    random = np.random.default_rng(0)
    X = sp.csr_matrix((random.random((2_000, 30)) < 0.2).astype(np.float64))
    hinted = X.toarray()[:, :1] + random.normal(0, 0.5, (2_000, 1))
    decisions = np.where(hinted > 0.9, 1, -1).astype(np.int8)
    fold = np.arange(2_000) % 2
    settings = replace(FEW, C=0.1, most_weights=30)
    few, every = (
        np.asarray(fit_topics(X, decisions, fold, replace(settings, most_negatives=most)).out_of_fold)
        for most in (160, 10_000)
    )
    assert few.mean() == pytest.approx(every.mean(), abs=0.1)


def test_ratios_compare_the_articles_for_and_against_a_topic_that_have_a_feature() -> None:
    X = sp.csr_matrix(np.array([[1.0, 0, 0], [2, 1, 0], [0, 1, 3], [0, 0, 4]]))
    p, q = np.array([2, 1, 0]) + SMOOTHING, np.array([0, 1, 2]) + SMOOTHING
    expected = np.abs(np.log((p / p.sum()) / (q / q.sum())))
    assert count_ratios(X, np.array([1, 1, -1, -1], np.int8)) == pytest.approx(expected)


def test_ratios_are_those_of_the_articles_that_a_fit_sees() -> None:
    """So no out-of-fold score knows the article's own topics."""
    X, decisions, _ = data()
    fold = np.arange(60) % 2
    settings = replace(SETTINGS, count_ratio=1.0)
    turned = np.where(fold[:, None] == 0, -decisions, decisions)
    out_of_fold, other = (fit_topics(X, one, fold, settings).out_of_fold for one in (decisions, turned))
    assert (out_of_fold[fold == 0] == other[fold == 0]).all()
    assert (out_of_fold[fold == 1] != other[fold == 1]).any()


def test_weights_say_what_the_hints_say() -> None:
    """Out-of-fold scores, too, are weighted sums of the n-grams: all is one linear model."""
    X, decisions, _ = data()
    fold = np.arange(60) % 2
    random = np.random.default_rng(3)
    hints = Hints(random.normal(size=(12, 2)).astype(np.float32), np.array([0.5, -2.0]))
    hinted = fit_topics(X, decisions, fold, SETTINGS, hints)
    beside = sp.csr_matrix(np.hstack([X.toarray(), X @ hints.weights + hints.bias]))
    expected = fit_topics(beside, decisions, fold, SETTINGS)
    scores = beside @ expected.weights + expected.bias
    assert X @ hinted.weights + hinted.bias == pytest.approx(scores, abs=1e-4)
    assert hinted.out_of_fold == pytest.approx(expected.out_of_fold, abs=1e-4)


def test_topic_needs_enough_articles_for_and_against_it_in_every_fit() -> None:
    enough = 2 * FEWEST_IN_A_FIT
    fold = np.arange(60) % 2
    decisions = np.full((60, 5), -1, np.int8)
    decisions[:enough, 0] = 1  # just enough without either fold
    decisions[: enough - 1, 1] = 1  # one too few without one of them
    decisions[:, 2] = np.where(np.arange(60) < 30, 1, 0)  # nothing against it
    decisions[:, 3] = np.where(np.arange(60) < enough, -1, 1)  # just enough against it
    decisions[: 2 * enough : 2, 4] = 1  # none without fold 0
    assert learnable(decisions, fold, 2).tolist() == [True, False, False, True, False]


def test_topic_needs_five_articles_though_every_fit_has_enough() -> None:
    """Those of the calibration are in a fold, the others in every fit."""
    fold = np.array([-1] * 20 + [0, 1] * 20)
    decisions = np.full((60, 2), -1, np.int8)
    decisions[[*range(FEWEST_ARTICLES - 1), 20], 0] = 1
    decisions[[*range(FEWEST_ARTICLES - 2), 20], 1] = 1
    assert learnable(decisions, fold, 2).tolist() == [True, False]


@pytest.mark.parametrize("only", [1, -1])
def test_topic_needs_both_answers_among_the_calibration_articles(only: int) -> None:
    """A yes and a no: confidence and cut-offs are read off them."""
    fold = np.array([-1] * 40 + [0, 1] * 10)
    decisions = np.array([1] * 20 + [-1] * 20 + [only] * 20, np.int8)[:, None]
    assert learnable(decisions, fold, 2).tolist() == [False]

"""Accuracy on labels: intervals that cover, by simulation and class of case, and pairs that are counted right."""

import math

import numpy as np
import pytest

from bakeoff.accuracy.labels import AgainstReference, against_truth, matched_difference, mcnemar, wilson
from bakeoff.accuracy.predictions import guesses


def scores_of(classes: list[int], n_classes: int = 12) -> np.ndarray:
    """Scores whose highest is each of these classes."""
    return np.eye(n_classes, dtype=np.float32)[classes] * 3 + np.linspace(0, 1, n_classes, dtype=np.float32)


def test_top1_and_top5_against_the_truth():
    scores = scores_of([1, 2, 3, 4])
    truth = against_truth(scores, [1, 2, 11, None])
    assert (truth.n_labelled, truth.top1_accuracy) == (3, pytest.approx(2 / 3))
    assert truth.top5_accuracy == 1  # class 11 has the second highest score
    assert against_truth(scores, [1, 2, 0, 0]).top5_accuracy == 0.5
    assert against_truth(scores[:, :9], [1, 2, 3, 4]).top5_accuracy is None


def test_equal_scores_are_no_answer():
    assert against_truth(np.zeros((4, 12)), [0, 1, 2, 3]).top1_accuracy == 0
    nan = scores_of([1, 2])
    nan[0] = np.nan
    assert against_truth(nan, [1, 2]).top1_accuracy == 0.5


def test_pairs_are_counted_one_by_one():
    labels = [0] * 6 + [None]
    reference, engine = scores_of([0, 0, 0, 0, 1, 1, 5]), scores_of([0, 0, 2, 2, 0, 1, 0])
    truth, found = AgainstReference(reference, labels).judge(engine)
    assert truth == against_truth(engine, labels)
    assert (found.lost, found.won) == (2, 1)
    assert found.drop == pytest.approx(1 / 6)
    assert found.drop_ci_low < found.drop < found.drop_ci_high


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.98, 1.0])
@pytest.mark.parametrize("n", [30, 256])
def test_wilson_covers_where_walds_interval_does_not(accuracy, n):
    rng = np.random.default_rng(0)
    right = rng.binomial(n, accuracy, 4000)
    covered = np.mean([low <= accuracy <= high for low, high in (wilson(int(k), n) for k in right)])
    assert covered >= 0.92
    if accuracy == 0.98:
        share = right / n
        half = 1.96 * np.sqrt(share * (1 - share) / n)
        assert np.mean(abs(share - accuracy) <= half) < 0.9


CASES = [(0.0, 0.0), (0.004, 0.0), (0.01, 0.01), (0.05, 0.01), (0.1, 0.1), (0.3, 0.05)]


@pytest.mark.parametrize(("lost", "won"), CASES)
@pytest.mark.parametrize("n", [50, 256, 1000])
def test_the_interval_of_a_drop_covers_for_every_rate_of_differing_pairs(lost, won, n):
    rng = np.random.default_rng(1)
    counts = rng.multinomial(n, [lost, won, 1 - lost - won], 4000)
    covered = np.mean(
        [low <= lost - won <= high for low, high in (matched_difference(int(b), int(c), n) for b, c, _ in counts)]
    )
    assert covered >= 0.925  # four pairs of a thousand differ: what they come to jumps
    if lost == 0.004:  # Wald's interval has no width where no pair differs
        half = 1.96 * np.sqrt(counts[:, 0] + counts[:, 1]) / n
        assert np.mean(abs((counts[:, 0] - counts[:, 1]) / n - lost) <= half) < 0.93


@pytest.mark.parametrize("differing", [5, 12, 60])
def test_mcnemar_calls_equal_engines_different_in_about_five_of_a_hundred(differing):
    share = sum(
        math.comb(differing, lost) / 2**differing
        for lost in range(differing + 1)
        if mcnemar(lost, differing - lost) < 0.05
    )
    assert share <= 0.063
    assert mcnemar(0, 0) == mcnemar(4, 4) == 1
    assert mcnemar(20, 2) < 0.001


def test_guesses_are_probabilities_the_highest_first():
    ((first, *_),) = guesses(np.log(np.array([[0.1, 0.7, 0.2]])))
    assert (first.class_number, first.probability) == (1, pytest.approx(0.7))
    ((given, *_),) = guesses(np.array([[0.1, 0.7, 0.2]]))
    assert given.probability == pytest.approx(0.7)
    assert guesses(np.array([[np.nan, 1.0]])) == [[]]
    assert len(guesses(np.zeros((40, 30)))) == 12
    assert len(guesses(np.zeros((1, 30)))[0]) == 5

"""Accuracy and F1, equal to scikit-learn's; a class that nobody predicts or that does not occur included."""

import numpy as np
import pytest

from argf_np.metrics import confusion, scores

CLASSES = ("happy", "sad", "neutral", "angry")
CASES = {
    "all classes": lambda rng: (rng.integers(4, size=50), rng.integers(4, size=50)),
    "all right": lambda rng: (np.arange(50) % 4,) * 2,
    "all wrong": lambda rng: (np.arange(50) % 4, (np.arange(50) + 1) % 4),
    "one class never predicted": lambda rng: (rng.integers(4, size=50), rng.integers(3, size=50)),
    "one class never true": lambda rng: (rng.integers(3, size=50), rng.integers(4, size=50)),
    "one class absent": lambda rng: (rng.integers(3, size=50), rng.integers(3, size=50)),
    "one utterance": lambda rng: (np.array([2]), np.array([1])),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@each_case
def test_equal_to_scikit_learn(case, rng):
    sklearn = pytest.importorskip("sklearn.metrics", reason="parity needs scikit-learn: pip install argf_np[test]")
    truth, prediction = case(rng)
    ours, how = scores(truth, prediction, CLASSES), {"labels": range(4), "zero_division": 0}
    assert ours["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, prediction))
    assert ours["f1_weighted"] == pytest.approx(sklearn.f1_score(truth, prediction, average="weighted", **how))
    assert [part["f1"] for part in ours["per_class"].values()] == pytest.approx(
        sklearn.f1_score(truth, prediction, average=None, **how))
    assert [part["accuracy"] for part in ours["per_class"].values()] == pytest.approx(
        sklearn.recall_score(truth, prediction, average=None, **how))
    np.testing.assert_array_equal(confusion(truth, prediction, 4),
                                  sklearn.confusion_matrix(truth, prediction, labels=range(4)))


@each_case
def test_counted_one_utterance_at_a_time(case, rng):
    truth, prediction = case(rng)
    pairs = list(zip(truth.tolist(), prediction.tolist(), strict=True))
    ours, weighted = scores(truth, prediction, CLASSES), 0
    for c, name in enumerate(CLASSES):
        hits = sum(t == p == c for t, p in pairs)
        support, predicted = sum(t == c for t, _ in pairs), sum(p == c for _, p in pairs)
        f1 = 2 * hits / (support + predicted) if support + predicted else 0
        assert ours["per_class"][name] == {
            "accuracy": pytest.approx(hits / support if support else 0), "f1": pytest.approx(f1), "support": support}
        weighted += f1 * support / len(pairs)
    assert ours["f1_weighted"] == pytest.approx(weighted)
    assert ours["accuracy"] == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))


def test_confusion_has_true_classes_for_rows():
    np.testing.assert_array_equal(confusion([0, 0, 1], [1, 1, 1], 3), [[0, 2, 0], [0, 1, 0], [0, 0, 0]])


def test_scores_are_plain_numbers(rng):
    """They go into a JSON file."""
    values = scores(rng.integers(4, size=50), rng.integers(4, size=50), CLASSES)
    assert {type(values["accuracy"]), type(values["f1_weighted"])} == {float}
    assert {type(value) for part in values["per_class"].values() for value in part.values()} == {float, int}

"""Accuracy and F1, equal to scikit-learn's; distances of groups; warnings of worthless models."""

import numpy as np
import pytest

from argf_np.metrics import class_separation, confusion, modality_gap, scores, warnings_of

CLASSES = ("happy", "sad", "neutral", "angry")
CASES = {
    "all classes": lambda rng: (rng.integers(4, size=50), rng.integers(4, size=50)),
    "all right": lambda rng: (np.arange(50) % 4, np.arange(50) % 4),
    "all wrong": lambda rng: (np.arange(50) % 4, (np.arange(50) + 1) % 4),
    "one class never predicted": lambda rng: (rng.integers(4, size=50), rng.integers(3, size=50)),
    "one class never true": lambda rng: (rng.integers(3, size=50), rng.integers(4, size=50)),
    "one class absent": lambda rng: (rng.integers(3, size=50), rng.integers(3, size=50)),
    "one utterance": lambda rng: (np.array([2]), np.array([1])),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@each_case
def test_equal_to_scikit_learn(case, rng):
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn (extra 'test')")
    truth, prediction = case(rng)
    ours, how = scores(truth, prediction, CLASSES), {"labels": range(4), "zero_division": 0}
    f1_weighted = sklearn.f1_score(truth, prediction, average="weighted", **how)
    assert ours["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, prediction))
    assert ours["f1_weighted"] == pytest.approx(f1_weighted)

    f1 = sklearn.f1_score(truth, prediction, average=None, **how)
    recall = sklearn.recall_score(truth, prediction, average=None, **how)
    per_class = ours["per_class"].values()
    assert [part["f1"] for part in per_class] == pytest.approx(f1)
    assert [part["accuracy"] for part in per_class] == pytest.approx(recall)
    counts = sklearn.confusion_matrix(truth, prediction, labels=range(4))
    np.testing.assert_array_equal(confusion(truth, prediction, 4), counts)


@each_case
def test_counted_one_utterance_at_a_time(case, rng):
    truth, prediction = case(rng)
    pairs = [*zip(truth.tolist(), prediction.tolist(), strict=True)]
    ours, weighted = scores(truth, prediction, CLASSES), 0
    for c, name in enumerate(CLASSES):
        hits = sum(t == p == c for t, p in pairs)
        support = sum(t == c for t, _ in pairs)
        predicted = sum(p == c for _, p in pairs)
        recall = hits / support if support else 0
        f1 = 2 * hits / (support + predicted) if support + predicted else 0
        assert ours["per_class"][name] == {
            "accuracy": pytest.approx(recall), "f1": pytest.approx(f1), "support": support}
        weighted += f1 * support / len(pairs)
    assert ours["f1_weighted"] == pytest.approx(weighted)
    assert ours["accuracy"] == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))


def test_confusion_has_one_row_per_true_class():
    expected = [[0, 2, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(confusion([0, 0, 1], [1, 1, 1], 3), expected)


def test_scores_are_plain_numbers(rng):
    """They go into a JSON file."""
    values = scores(rng.integers(4, size=50), rng.integers(4, size=50), CLASSES)
    assert {type(values["accuracy"]), type(values["f1_weighted"])} == {float}
    for part in values["per_class"].values():
        assert [type(value) for value in part.values()] == [float, float, int]


# Warnings


def probabilities_of(*rows):
    """(n, 2) from (how often, probability of the first class)."""
    return np.array([(p, 1 - p) for often, p in rows for _ in range(often)])


def test_a_good_model_gets_no_warning():
    P = probabilities_of((40, 0.9), (60, 0.2))
    alpha_m = np.array([[0.1, 0.9, 0.5], [0.5, 0.5, 0.5]])[..., None]  # one of them varies
    assert warnings_of(P, ("no", "yes"), alpha_m, {"a": (0.80, 0.82), "l": (0.9, 0.6)}) == []


@pytest.mark.parametrize(("share", "warned"), [(97, False), (98, True), (100, True)])
def test_a_model_that_gives_one_class_has_collapsed(share, warned):
    warnings = warnings_of(probabilities_of((share, 0.1), (100 - share, 0.9)), ("no", "yes"))
    expected = f"the model gives 'yes' to {share} % of the test utterances: it has collapsed"
    assert [text.split(";")[0] for text in warnings] == [expected] * warned


def test_probabilities_that_hardly_vary_are_named():
    [warning] = warnings_of(probabilities_of((50, 0.501), (50, 0.499)), ("no", "yes"))
    assert warning.startswith("the probabilities hardly vary from utterance to utterance")


@pytest.mark.parametrize(("deviation", "warned"), [(0.009, True), (0.011, False)])
def test_what_varies_by_less_than_a_hundredth_hardly_varies(deviation, warned):
    """Half of the probabilities, or of the weights, lie above 0.5 by this much and half below."""
    probability = 0.5 + deviation * (-1) ** np.arange(100)
    P, clear = probability[:, None] * [1, -1] + [0, 1], probabilities_of((40, 0.9), (60, 0.2))
    weights = np.stack([np.full(100, 0.5), probability])[..., None]
    assert len(warnings_of(P, ("no", "yes"))) == warned
    assert len(warnings_of(clear, ("no", "yes"), weights)) == warned


@pytest.mark.parametrize(("one", "other", "warned"), [
    ((0.4, 0.399, 0.201), (0.399, 0.4, 0.201), True),
    ((0.9, 0.09, 0.01), (0.09, 0.9, 0.01), False),
], ids=["all alike and unequal classes", "one class never"])
def test_probabilities_vary_if_those_of_any_class_do(one, other, warned):
    """Over the utterances. How far the classes are from one another does not count."""
    warnings = warnings_of(np.array([one, other] * 20), ("no", "yes", "maybe"))
    assert len(warnings) == warned


def test_weights_that_hardly_vary_are_named():
    P = probabilities_of((40, 0.9), (60, 0.2))
    [warning] = warnings_of(P, ("no", "yes"), np.full((3, 100, 1), 0.4))
    assert warning.startswith("the weights of the unimodal vertices hardly vary")


def test_a_ucln_below_a_linear_model_is_named():
    P = probabilities_of((40, 0.9), (60, 0.2))
    accuracies = {"face": (0.60, 0.70), "speech": (0.80, 0.82)}
    [warning] = warnings_of(P, ("no", "yes"), None, accuracies)
    assert warning.startswith("the UCLN of face is right on 60.0 % of its own training utterances, "
                              "a linear model on 70.0 %")


def test_of_one_utterance_nothing_is_said():
    assert warnings_of(probabilities_of((1, 0.9)), ("no", "yes"), np.full((3, 1, 1), 0.4)) == []


def test_modality_gap_of_clouds_far_apart(rng):
    centres = np.array([[9.0, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]])[:, None]
    train, test = (centres + rng.standard_normal((3, n, 4)) for n in (50, 40))
    probe, distance = modality_gap(train, test)
    assert probe == 1
    centres = test.mean(axis=1)
    pairs = ((0, 1), (0, 2), (1, 2))
    apart = np.mean([np.linalg.norm(centres[i] - centres[j]) for i, j in pairs])
    within = np.mean([np.linalg.norm(test[m, i] - centres[m]) for m in range(3) for i in range(40)])
    assert distance == pytest.approx(apart / within)
    moved = modality_gap(7 * train + 3, 7 * test + 3)
    assert moved == pytest.approx((probe, distance)), "scale and origin do not count"


def test_modality_gap_of_one_cloud_is_at_chance(rng):
    train, test = (rng.standard_normal((3, n, 2)) for n in (3000, 2000))
    probe, distance = modality_gap(train, test)
    assert probe == pytest.approx(1 / 3, abs=0.03)
    assert distance < 0.1


def test_modality_gap_probe_learns_from_training_utterances(rng):
    """Clouds that change places between training and test are recognised wrongly."""
    train = np.array([[5.0, 0], [0, 5]])[:, None] + rng.standard_normal((2, 60, 2))
    assert modality_gap(train, train[::-1])[0] == 0


def test_one_class_has_no_distance_to_another(rng):
    x, labels = rng.normal(size=(3, 8, 2)), np.arange(8) % 2
    _, apart = class_separation(x, x[:, ::2], labels, labels[::2])
    assert np.isnan(apart)


def test_class_separation_is_that_of_the_modalities_side_by_side(rng):
    """Neither modality alone tells the class: it is the product of two signs, one in each."""
    signs = rng.choice([-1.0, 1.0], size=(2, 200))
    labels = (signs[0] * signs[1] > 0).astype(int)
    alone = signs[..., None] + 0.01 * rng.standard_normal((2, 200, 1))
    product = np.concatenate([alone, alone[:1] * alone[1:]])  # a third modality that does tell it
    unseen, seen = np.arange(100), np.arange(100, 200)
    probe, _ = class_separation(alone[:, seen], alone[:, unseen], labels[seen], labels[unseen])
    assert probe < 0.7, "a linear probe does not see an interaction"
    probe, _ = class_separation(product[:, seen], product[:, unseen], labels[seen], labels[unseen])
    assert probe == 1

"""ARGF and the baselines of Tables 1 to 3 behind one interface: results, sizes, and learning.

BC-LSTM and HFFN have tests of their own, `test_bc_lstm` and `test_hffn`. The formulas and gradients
of TFN and LMF are tested in `test_table6_fusions`.
"""

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_gradient, bits, dense, softmax

from argf_np import nn
from argf_np.baselines import MODELS, bc_lstm, chfusion, hffn, logistic
from argf_np.baselines.epoch_loop import batches_of
from argf_np.data import Corpus, standardise
from argf_np.errors import ModelError, NotFiniteError
from argf_np.paper import ucln
from argf_np.settings import Settings

d, k, N, HIDDEN, WIDTH = 4, 5, 3, 2, 6
# As the package has it, before `small`.
LOGISTIC_EPOCHS = logistic.EPOCHS
RAW = {"a": 2, "l": 7, "v": 3}  # widths of the raw features
SETTINGS = Settings(k=k, epochs=12, ucln_epochs=30, batch_size=8, drop_rate=0.1, lr=0.01,
                    dtype="float64")
SMALL_CHFUSION = {"PROJECTION": 5, "BIMODAL_UNITS": 6, "BIMODAL_WIDTH": 7, "TRIMODAL_UNITS": 8,
                  "TRIMODAL_WIDTH": 9, "BIMODAL_EPOCHS": 5, "TRIMODAL_EPOCHS": 3}
LEARNING_CHFUSION = {"BIMODAL_UNITS": 40, "BIMODAL_WIDTH": 40, "TRIMODAL_UNITS": 40,
                     "TRIMODAL_WIDTH": 40, "BIMODAL_EPOCHS": 60, "TRIMODAL_EPOCHS": 60,
                     "BIMODAL_LR": 0.01, "TRIMODAL_LR": 0.01}
each_model = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(ucln, "HIDDEN", HIDDEN)
    monkeypatch.setattr(bc_lstm, "WIDTH", WIDTH)
    monkeypatch.setattr(logistic, "EPOCHS", 50)
    monkeypatch.setattr(hffn, "MOST_EPOCHS", 40)
    for name, value in SMALL_CHFUSION.items():
        monkeypatch.setattr(chfusion, name, value)


@pytest.fixture
def corpus(rng):
    """Every modality gives the label, with noise; videos of 1 to 5 utterances."""
    lengths = rng.integers(1, 6, 40)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    n = int(starts[-1])
    labels = rng.integers(N, size=n)
    features = {}
    for m, width in RAW.items():
        noise = rng.standard_normal((n, width))
        features[m] = noise + 2 * rng.standard_normal((N, width))[labels]
    split = {"train": np.arange(24), "validation": np.arange(24, 30),
             "test": np.arange(39, 29, -1)}
    names = tuple(str(row) for row in range(n))
    return standardise(Corpus("test", "synthetic", ("x", "y", "z"), names[:40], starts, names,
                              names, features, labels, split))


@pytest.fixture
def x(corpus, rng):
    """What the UCLNs might give: (3, n, d)."""
    noise = rng.standard_normal((3, len(corpus.ids), d))
    return np.tanh(noise + 2 * rng.standard_normal((3, N, d))[:, corpus.labels])


def result_bits(result):
    return result["probabilities"].tobytes(), bits(result["params"])


@each_model
def test_result(model, corpus, x):
    """Parameters, probabilities of the test utterances, the epoch, and one row per epoch."""
    reported = []
    result = MODELS[model].train(corpus, x, SETTINGS, reported.append)
    assert set(result) == {"params", "probabilities", "epoch", "history"}
    assert result["probabilities"].shape == (len(corpus.utterances("test")), N)
    np.testing.assert_allclose(result["probabilities"].sum(axis=1), 1)
    epochs = {"bc_lstm": 30, "logistic": 50, "chfusion": 3 * 5 + 3}.get(model, 12)
    assert MODELS[model].epochs(corpus, SETTINGS) == epochs
    assert result["epoch"] == len(reported) == epochs
    assert result["history"] == reported
    assert [row["epoch"] for row in reported] == [*range(1, epochs + 1)]


@each_model
def test_a_corpus_without_test_utterances_trains(model, corpus, x):
    split = corpus.split | {"test": corpus.split["test"][:0]}
    result = MODELS[model].train(replace(corpus, split=split), x, SETTINGS)
    assert result["probabilities"].shape == (0, N)


@each_model
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_predictions_are_those_of_the_parameters(model, variant, corpus, x):
    """Of all utterances; those of test are what training gave."""
    module, settings = MODELS[model], replace(SETTINGS, variant=variant)
    result = module.train(corpus, x, replace(settings, epochs=3, ucln_epochs=3))
    P = module.predict_proba(result["params"], corpus, x, settings)
    assert P.shape == (len(corpus.ids), N)
    np.testing.assert_allclose(P[corpus.utterances("test")], result["probabilities"], rtol=1e-12)


@each_model
def test_it_learns(model, corpus, x, monkeypatch):
    monkeypatch.setattr(ucln, "HIDDEN", 40)  # dropout of 0.9 leaves nothing of two units
    monkeypatch.setattr(bc_lstm, "WIDTH", 40)
    for name, value in LEARNING_CHFUSION.items():
        monkeypatch.setattr(chfusion, name, value)
    test = corpus.utterances("test")
    truth = corpus.labels[test]
    epochs = 150 if model == "hffn" else 12  # three small steps each
    result = MODELS[model].train(corpus, x, replace(SETTINGS, epochs=epochs, ucln_epochs=200))
    accuracy = np.mean(result["probabilities"].argmax(axis=1) == truth)
    most_frequent = np.bincount(truth).max() / len(test)
    assert accuracy > (1 + most_frequent) / 2


@each_model
@pytest.mark.parametrize("protocol", ["fixed", "validation"])
def test_test_labels_are_not_read(model, protocol, corpus, x):
    labels = corpus.labels.copy()
    labels[corpus.utterances("test")] = 0
    assert (labels != corpus.labels).any()
    settings = replace(SETTINGS, protocol=protocol, epochs=3, ucln_epochs=3)
    wrong = MODELS[model].train(replace(corpus, labels=labels), x, settings)
    right = MODELS[model].train(corpus, x, settings)
    assert result_bits(wrong) == result_bits(right)


@each_model
def test_validation_utterances_are_not_trained_on(model, corpus, x):
    """There are too few of them to stop by, so they change nothing at all."""
    rows = corpus.utterances("validation")
    labels, shift = corpus.labels.copy(), np.zeros((len(corpus.ids), 1))
    labels[rows] = (labels[rows] + 1) % N
    shift[rows] = 1
    other = replace(corpus, labels=labels,
                    features={m: raw + shift for m, raw in corpus.features.items()})
    settings = replace(SETTINGS, epochs=3, ucln_epochs=3)
    one = MODELS[model].train(corpus, x, settings)
    two = MODELS[model].train(other, x + shift, settings)
    assert bits(one["params"]) == bits(two["params"])


@pytest.mark.parametrize("model", [model for model in MODELS if model != "logistic"])
def test_training_has_the_type_of_the_settings_whatever_that_of_the_features(
        model, corpus, x, cotangent_dtypes):
    """Logistic regression reads no UCLN features, and always computes in float64."""
    assert x.dtype == np.float64
    settings = replace(SETTINGS, epochs=1, ucln_epochs=1, dtype="float32")
    result = MODELS[model].train(corpus, x, settings)
    assert cotangent_dtypes == {np.dtype(np.float32)}
    assert result["probabilities"].dtype == np.float32


@each_model
def test_same_seed_same_bits(model, corpus, x):
    settings = replace(SETTINGS, epochs=2, ucln_epochs=2)

    def train(seed):
        return result_bits(MODELS[model].train(corpus, x, replace(settings, seed=seed)))

    assert train(0) == train(0)
    if model != "logistic":  # which starts from zero and draws nothing
        assert train(0) != train(1)


@pytest.mark.parametrize(("model", "layer", "width"), [
    ("tfn", "dense_1", (d + 1) ** 3), ("lmf", "factors", d)])
def test_tfn_and_lmf_are_a_fusion_without_the_embedding(model, layer, width, corpus, x):
    """Only the fusion has parameters, and it is as wide as the UCLN features."""
    result = MODELS[model].train(corpus, x, replace(SETTINGS, epochs=2))
    assert set(result["params"]) == {"fusion"}
    assert result["params"]["fusion"][layer]["W"].shape[-2] == width


@pytest.mark.parametrize("model", ["tfn", "lmf"])
def test_settings_of_the_fusion_do_not_change_tfn_and_lmf(model, corpus, x):
    settings = replace(SETTINGS, epochs=2)
    other = replace(settings, fusion="concatenation", without="decoder")
    result = MODELS[model].train(corpus, x, settings)
    assert result_bits(MODELS[model].train(corpus, x, other)) == result_bits(result)


class StopError(Exception):
    """What ends a training in the middle."""


def stopped(model, corpus, x, settings, epochs):
    """The last checkpoint of a training that ends after some epochs; None if there was none."""
    states = []

    def on_epoch(row):
        if row["epoch"] > epochs:
            raise StopError

    def on_checkpoint(state):
        states[:] = [nn.map_leaves(deepcopy, state)]

    with pytest.raises(StopError):
        MODELS[model].train(corpus, x, settings, on_epoch, on_checkpoint)
    return states[0] if states else None


@each_model
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_continued_training_gives_the_same_bits(model, variant, corpus, x):
    """And does not train again what was trained, except for the logistic regression."""
    settings = replace(SETTINGS, variant=variant, epochs=4, ucln_epochs=4)
    whole = MODELS[model].train(corpus, x, settings)
    state, rows = stopped(model, corpus, x, settings, 2), []
    continued = MODELS[model].train(corpus, x, settings, rows.append, resume=state)
    assert result_bits(continued) == result_bits(whole)
    assert continued["history"] == whole["history"]
    assert continued["epoch"] == whole["epoch"]
    if model == "logistic":
        assert state is None
    else:
        assert [row["epoch"] for row in rows] == [*range(3, whole["epoch"] + 1)]


@pytest.mark.parametrize("model", ["bc_lstm", "hffn"])
@pytest.mark.parametrize("change", [
    {"params": {}}, {"optimiser": {}}, {"generator": {"bit_generator": "another"}},
    {"params": {"label": {"W": np.zeros((1, 1))}}}])
def test_half_a_checkpoint_is_refused(model, change, corpus, x):
    settings = replace(SETTINGS, epochs=4, ucln_epochs=4)
    state = stopped(model, corpus, x, settings, 2) | change
    with pytest.raises(ModelError, match="not a whole checkpoint"):
        MODELS[model].train(corpus, x, settings, resume=state)


def test_hffn_continues_to_the_epoch_at_which_it_would_have_stopped(corpus, rng):
    """There is little to learn from noise, so it soon runs out of patience."""
    noise = rng.uniform(-1, 1, (3, len(corpus.ids), d))
    settings = replace(SETTINGS, protocol="validation")
    whole = MODELS["hffn"].train(corpus, noise, settings)
    assert 11 <= whole["epoch"] < 40
    for epochs in (3, whole["epoch"] - 1):
        state = stopped("hffn", corpus, noise, settings, epochs)
        assert result_bits(MODELS["hffn"].train(corpus, noise, settings, resume=state)) == (
            result_bits(whole))


@pytest.mark.parametrize("model", ["bc_lstm", "hffn"])
def test_a_loss_that_is_not_finite_is_named(model, corpus, x, monkeypatch):
    monkeypatch.setattr(MODELS[model], "train_batches", lambda *arguments: math.nan)
    with pytest.raises(NotFiniteError, match=r"^epoch 1: loss is nan$"):
        MODELS[model].train(corpus, x, SETTINGS)


def test_logistic_loss_one_number_at_a_time(rng, each_implementation):
    D, n = sum(RAW.values()), 5
    params = {"dense": {"W": rng.standard_normal((D, N)), "b": rng.standard_normal((1, N))}}
    features, labels = rng.standard_normal((n, D)), rng.integers(N, size=n)
    expected = 0.005 * sum(w * w for row in params["dense"]["W"].tolist() for w in row)
    for vector, label in zip(features.tolist(), labels, strict=True):
        expected -= math.log(softmax(dense(params["dense"], vector))[label]) / n

    def loss(params):
        return logistic.loss(params, features, np.eye(N)[labels])

    np.testing.assert_allclose(loss(params), expected, rtol=1e-13)
    assert_gradient(loss, params, rng)


def test_batches_hold_each_of_the_given_videos_once_in_random_order(rng):
    """The videos of a split need not be the first ones of the corpus."""
    videos = np.array([9, 2, 7, 4, 30, 11, 5])
    batches = batches_of(videos, 3, rng)
    assert [len(batch) for batch in batches] == [3, 3, 1]
    together = np.concatenate(batches)
    assert sorted(together) == sorted(videos)
    assert list(together) != list(videos)


def test_logistic_number_of_parameters(corpus, x):
    result = MODELS["logistic"].train(corpus, x, SETTINGS)
    assert nn.count(result["params"]) == (sum(RAW.values()) + 1) * N


def test_logistic_reaches_the_minimum(corpus, x, monkeypatch):
    """Where scikit-learn's solver ends, which minimises the same loss times n C."""
    linear_model = pytest.importorskip("sklearn.linear_model",
                                       reason="needs scikit-learn (extra 'test')")
    monkeypatch.setattr(logistic, "EPOCHS", LOGISTIC_EPOCHS)
    result = MODELS["logistic"].train(corpus, x, SETTINGS)
    raw = np.concatenate([corpus.features[m] for m in "alv"], axis=1)
    train, test = corpus.utterances("train"), corpus.utterances("test")
    twin = linear_model.LogisticRegression(C=1 / (0.01 * len(train)), tol=1e-10, max_iter=10_000)
    twin.fit(raw[train], corpus.labels[train])
    np.testing.assert_allclose(result["probabilities"], twin.predict_proba(raw[test]), atol=1e-3)


@each_model
def test_two_of_the_modalities(model, corpus, x):
    """What the settings leave out is not read, here a modality whose features are NaN."""
    two = replace(SETTINGS, modalities="a,v", target="a", epochs=2, ucln_epochs=2)
    missing = np.full((len(corpus.ids), 1), np.nan)
    broken = replace(corpus, features=corpus.features | {"l": missing})
    result = MODELS[model].train(broken, x[[0, 2]], two)
    assert np.isfinite(result["probabilities"]).all()

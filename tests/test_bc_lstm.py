"""BC-LSTM: both variants one number at a time, gradient, dropout, sizes, and what surrounds it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import (
    assert_close,
    assert_gradient,
    dense,
    dropout_masks,
    leaky_relu,
    lstm,
    shaken,
    softmax,
)

from argf_np import nn
from argf_np.baselines import bc_lstm
from argf_np.data import Corpus
from argf_np.paper import ucln
from argf_np.settings import Settings

d, N, HIDDEN, WIDTH = 4, 3, 2, 6
LENGTHS = (3, 1, 4, 2)  # utterances of the videos, the last two of which are for the test
DROPS = {"paper": (0.3, 0.7), "released": (0.4, 0.9)}  # of the input, and of the layers behind it
PAPER_HIDDEN, PAPER_WIDTH = ucln.HIDDEN, bc_lstm.WIDTH  # as the package has them, before `small`
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(ucln, "HIDDEN", HIDDEN)
    monkeypatch.setattr(bc_lstm, "WIDTH", WIDTH)


def settings_of(variant, **changes):
    return Settings(variant=variant, ucln_epochs=2, ucln_input_drop_rate=0.3, ucln_drop_rate=0.7,
                    dtype="float64", **changes)


@pytest.fixture
def corpus(rng):
    starts = np.concatenate([[0], np.cumsum(LENGTHS)])
    n = int(starts[-1])
    names = tuple(str(row) for row in range(n))
    split = {"train": np.arange(2), "validation": np.arange(0), "test": np.array([3, 2])}
    features = {m: np.zeros((n, 1)) for m in "alv"}
    return Corpus("test", "synthetic", tuple("xyz"), names[:4], starts, names, names, features,
                  rng.integers(N, size=n), split)


@pytest.fixture
def x(corpus, rng):
    """UCLN features, (3, n, d)."""
    return rng.uniform(-1, 1, (3, len(corpus.ids), d))


@pytest.fixture
def batch(rng):
    """Parameters of which none is zero, and padded videos: x (V, u, 3d), y (V, u, N), mask."""
    params = shaken(ucln.init_ucln(rng, 3 * d, WIDTH, N), rng)
    mask = np.arange(4) < np.array(LENGTHS)[:, None]
    y = np.eye(N)[rng.integers(N, size=mask.shape)]
    return params, rng.uniform(-1, 1, (*mask.shape, 3 * d)), y, mask


def logits_of_video(params, xs, variant, on_h=1.0, on_features=1.0):
    """The logits of a video's utterances, with the masks of dropout behind the input."""
    W, U, b = (params["bilstm"][name].tolist() for name in "WUb")
    forwards = lstm(W[0], U[0], b[0], xs)
    backwards = lstm(W[1], U[1], b[1], xs[::-1])[::-1]
    h = np.array([a + b for a, b in zip(forwards, backwards, strict=True)]) * on_h
    features = []
    for row in h.tolist():
        z = dense(params["dense"], row)
        if variant == "released":
            features.append([leaky_relu(value, 0) for value in z])
        else:
            features.append([math.tanh(value) for value in z])
    dropped = np.array(features) * on_features
    return [dense(params["label"], row) for row in dropped.tolist()]


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_probabilities_one_video_and_one_number_at_a_time(variant, corpus, x):
    result = bc_lstm.train(corpus, x, settings_of(variant))
    expected = []
    for video in corpus.split["test"]:
        rows = range(corpus.starts[video], corpus.starts[video + 1])
        xs = [x[:, row].ravel().tolist() for row in rows]
        expected += [softmax(z) for z in logits_of_video(result["params"], xs, variant)]
    assert_close(result["probabilities"], expected)


@each_variant
def test_dropout(variant, batch):
    """Of the input, of the BiLSTM's outputs, of the dense layer's. The authors have 0.4 and 0.9."""
    params, x, _, mask = batch
    of_input, of_rest = DROPS[variant]
    shapes = x.shape, (*mask.shape, 2 * HIDDEN), (*mask.shape, WIDTH)
    on_x, _, _ = dropout_masks(5, of_input, *shapes)
    _, on_h, on_features = dropout_masks(5, of_rest, *shapes)
    z = bc_lstm.logits(params, x, mask, settings_of(variant), np.random.default_rng(5))
    for i, u in enumerate(LENGTHS):
        xs = (x * on_x)[i, :u].tolist()
        expected = logits_of_video(params, xs, variant, on_h[i, :u], on_features[i, :u])
        assert_close(z[i, :u], expected)


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_gradient(variant, batch, rng):
    params, x, y, mask = batch

    def loss(params):
        z = bc_lstm.logits(params, x, mask, settings_of(variant), np.random.default_rng(2))
        return ucln.cross_entropy(z, y, mask)

    params["label"] = nn.map_leaves(lambda leaf: 3 * leaf, params["label"])
    assert_gradient(loss, params, rng)


def test_the_papers_variant_is_a_ucln_of_all_modalities(corpus, x):
    """To the bit: the same layers, dropout, loss and optimiser, and batches in the same order."""
    settings = settings_of("paper")
    result = bc_lstm.train(corpus, x, settings)
    y = np.eye(N)[corpus.labels]
    twin = ucln.train_ucln(np.concatenate(x, axis=1), y, corpus.starts, corpus.split["train"],
                           replace(settings, d=WIDTH), np.random.default_rng([0, 3]))
    for (path, leaf), (_, other) in zip(nn.leaves(result["params"]), nn.leaves(twin), strict=True):
        np.testing.assert_array_equal(leaf, other, "/".join(path))


def test_the_released_variant_has_the_authors_drop_rates_whatever_the_settings_say(corpus, x):
    results = {}
    for variant in ("paper", "released"):
        for rate in (0.3, 0.5):
            settings = replace(settings_of(variant), ucln_input_drop_rate=rate, ucln_drop_rate=rate)
            results[variant, rate] = bc_lstm.train(corpus, x, settings)["probabilities"]
    np.testing.assert_array_equal(results["released", 0.3], results["released", 0.5])
    assert (results["paper", 0.3] != results["paper", 0.5]).any()


@pytest.mark.parametrize(("modalities", "d", "N"), [(3, 50, 2), (2, 7, 5)])
def test_number_of_parameters(modalities, d, N, monkeypatch, rng):
    """A direction has four gates of 300 units that read the input, the state and one bias."""
    monkeypatch.setattr(ucln, "HIDDEN", PAPER_HIDDEN)
    params = ucln.init_ucln(rng, modalities * d, PAPER_WIDTH, N)
    of_lstm = 2 * 4 * 300 * (modalities * d + 300 + 1)
    assert nn.count(params) == of_lstm + (600 + 1) * 500 + (500 + 1) * N
    if (modalities, d, N) == (3, 50, 2):
        assert nn.count(params) == 1_383_902, "Table 4"

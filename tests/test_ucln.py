"""UCLN: a bidirectional LSTM over the utterances of a video; padding counts nowhere; context is learnt."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_gradient, shaken

from argf_np import nn
from argf_np.paper import ucln
from argf_np.data import Corpus, pad
from argf_np.nn import ops
from argf_np.paper.ucln import ucln_loss

LENGTHS = np.array([4, 6, 1, 3, 6])
V, u, d_j, d, N, HIDDEN = 5, 6, 2, 7, 4, 3
MASK = np.arange(u) < LENGTHS[:, None]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(ucln, "HIDDEN", HIDDEN)


@pytest.fixture
def params(rng):
    return shaken(ucln.init_ucln(rng, d_j, d, N), rng)


@pytest.fixture
def x(rng):
    return rng.standard_normal((V, u, d_j))


@pytest.fixture
def y(rng):
    return np.eye(N)[rng.integers(N, size=(V, u))]


def corpus(seed=0, videos=30):
    """The label of an utterance is the sign of what the one before it says; its own features are pure chance."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 8, videos)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    sign, noise = rng.choice([-1.0, 1.0], starts[-1]), rng.standard_normal(starts[-1])
    labels = (np.roll(sign, 1) > 0).astype(int)
    names = tuple(f"{row}" for row in range(starts[-1]))
    features = {m: np.stack([sign, noise], axis=1) for m in "alv"}
    split = {"train": np.arange(20), "validation": np.arange(20, 22), "test": np.arange(22, videos)}
    return Corpus("test", "synthetic", ("negative", "positive"), names[:videos], starts, names, names, features,
                  labels, split)


def test_layers(params, x, each_implementation):
    """Dropout 0.6, bidirectional LSTM, dropout 0.9, dense and tanh; for the label dropout 0.9 and dense."""
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    h = ops.bilstm(params["bilstm"], ops.dropout(x, 0.6, same), MASK)
    expected = np.tanh(ops.dropout(h, 0.9, same) @ params["dense"]["W"] + params["dense"]["b"])
    features = ucln.context_features(params, x, MASK, rng)
    assert features.shape == (V, u, d)
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-14)
    expected = ops.dropout(features, 0.9, same) @ params["label"]["W"] + params["label"]["b"]
    np.testing.assert_allclose(ucln.class_logits(params, features, rng), expected, rtol=0, atol=1e-14)


def test_cross_entropy_formula(rng, y, each_implementation):
    """Minus the mean log-probability of the true class over the real utterances, one at a time."""
    logits, expected = rng.standard_normal((V, u, N)), []
    for v in range(V):
        for t in range(LENGTHS[v]):
            total = sum(math.exp(z) for z in logits[v, t])
            expected.append(-math.log(math.exp(logits[v, t, y[v, t].argmax()]) / total))
    assert ucln.cross_entropy(logits, y, MASK) == pytest.approx(sum(expected) / LENGTHS.sum(), rel=1e-12)


def test_gradient(params, x, y, rng, each_implementation):
    assert_gradient(lambda p: ucln_loss(p["ucln"], p["x"], y, MASK, np.random.default_rng(5)),
                    {"ucln": params, "x": x}, rng)


def test_float32_stays_float32(params, x, y, cotangent_dtypes, each_implementation):
    params, x, y = nn.map_leaves(np.float32, params), np.float32(x), np.float32(y)
    value, gradient = nn.value_and_grad(lambda p: ucln_loss(p, x, y, MASK, np.random.default_rng(1)), params)
    assert value.dtype == np.float32
    assert {leaf.dtype for _, leaf in nn.leaves(gradient)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


def test_padding_does_not_enter_the_loss(params, x, y, rng, each_implementation):
    """Neither its features, nor its labels, nor how much of it there is; nor any gradient."""
    garbage_x = np.where(MASK[:, :, None], x, 10 * rng.standard_normal(x.shape))
    garbage_y = np.where(MASK[:, :, None], y, np.roll(y, 1, axis=2))
    longer = [np.pad(a, ((0, 0), (0, 2)) + ((0, 0),) * (a.ndim - 2)) for a in (x, y, MASK)]
    value, gradient = nn.value_and_grad(lambda p: ucln_loss(p, x, y, MASK), params)
    for inputs in ((garbage_x, garbage_y, MASK), longer):
        other, other_gradient = nn.value_and_grad(lambda p, inputs=inputs: ucln_loss(p, *inputs), params)
        assert other == pytest.approx(value, rel=1e-14)
        for (path, one), (_, two) in zip(nn.leaves(gradient), nn.leaves(other_gradient), strict=True):
            np.testing.assert_allclose(one, two, rtol=0, atol=1e-14, err_msg=str(path))


def test_features_of_a_video_do_not_depend_on_its_batch(params):
    """`apply_ucln` goes over the corpus in batches; every utterance comes out as if its video were alone."""
    data = corpus()
    features, probabilities = ucln.apply_ucln(params, data, "l")
    assert features.shape == (len(data.ids), d)
    assert probabilities.shape == (len(data.ids), N)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for video, (start, stop) in enumerate(zip(data.starts, data.starts[1:], strict=False)):
        x, mask = pad(data.features["l"], data.starts, [video])
        alone = ucln.context_features(params, x, mask)[0]
        np.testing.assert_allclose(features[start:stop], alone, rtol=0, atol=1e-14)
        np.testing.assert_allclose(probabilities[start:stop], ops.softmax(ucln.class_logits(params, alone)), atol=1e-14)


def test_features_know_the_utterances_before_and_after_of_the_same_video(params):
    data = corpus()
    features = ucln.apply_ucln(params, data, "l")[0]
    changed = data.features["l"].copy()
    middle = data.starts[7] + 1
    changed[middle] += 1
    other = ucln.apply_ucln(params, replace(data, features=data.features | {"l": changed}), "l")[0]
    same = np.isclose(features, other, rtol=0, atol=1e-14).all(axis=1)
    assert set(np.flatnonzero(~same)) == set(range(data.starts[7], data.starts[8]))


def test_training_sees_the_training_videos_only():
    data = corpus()
    rest = np.setdiff1d(np.arange(len(data.ids)), data.utterances("train"))
    features = {m: x.copy() for m, x in data.features.items()}
    features["a"][rest] = 99.0
    labels = data.labels.copy()
    labels[rest] = 1 - labels[rest]
    one, two = (ucln.train_ucln(c, "a", d, 2, np.random.default_rng(1))
                for c in (data, replace(data, features=features, labels=labels)))
    for (_, a), (_, b) in zip(nn.leaves(one), nn.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_epoch_takes_every_training_video_once(monkeypatch):
    data, taken = corpus(), []

    def pad_and_note(rows, starts, videos):
        if rows is data.features["a"]:
            taken.append([*videos])
        return pad(rows, starts, videos)

    monkeypatch.setattr(ucln, "pad", pad_and_note)
    monkeypatch.setattr(ucln, "BATCH_SIZE", 2)
    train = data.split["train"]
    ucln.train_ucln(data, "a", d, 2, np.random.default_rng(1))
    batches = -(-len(train) // 2)
    assert len(train) > 2
    assert [len(batch) for batch in taken[:batches - 1]] == [2] * (batches - 1)
    for epoch in (taken[:batches], taken[batches:]):
        assert sorted(video for batch in epoch for video in batch) == sorted(train)


def test_same_generator_same_bits_and_a_report_an_epoch():
    reports = []
    one, two, other = (ucln.train_ucln(corpus(), "a", d, 3, np.random.default_rng(seed), dtype,
                                       lambda *row: reports.append(row))
                       for seed, dtype in ((1, "float32"), (1, "float32"), (2, "float64")))
    assert [epoch for epoch, _ in reports] == [1, 2, 3] * 3
    assert reports[:3] == reports[3:6] != reports[6:]
    for (_, a), (_, b), (_, c) in zip(nn.leaves(one), nn.leaves(two), nn.leaves(other), strict=True):
        assert (a.dtype, c.dtype) == ("float32", "float64")
        np.testing.assert_array_equal(a, b)


def test_it_learns_context(monkeypatch):
    """Above 80 % on unseen videos (but for first utterances, which have no context); the features alone say nothing."""
    for name, value in (("HIDDEN", 8), ("INPUT_DROP_RATE", 0.1), ("DROP_RATE", 0.1)):
        monkeypatch.setattr(ucln, name, value)
    data, losses = corpus(), []
    params = ucln.train_ucln(data, "a", d, 80, np.random.default_rng(1), report=lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.8 * losses[0]
    right = ucln.apply_ucln(params, data, "a")[1].argmax(axis=1) == data.labels
    test = np.setdiff1d(data.utterances("test"), data.starts)
    assert right[test].mean() > 0.8

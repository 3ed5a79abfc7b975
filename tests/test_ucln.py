"""UCLN: a bidirectional LSTM over the utterances of a video. Padding counts nowhere."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_gradient, assert_trees_close, bits, shaken

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper import ucln
from argf_np.paper.ucln import pad, ucln_loss, unpad
from argf_np.settings import Settings

LENGTHS = np.array([4, 6, 1, 3, 6])
V, u, d_j, d, N, HIDDEN = 5, 6, 2, 7, 4, 3
MASK = np.arange(u) < LENGTHS[:, None]
VIDEOS, TRAIN = 30, np.arange(20)  # of `corpus`: more than two batches of 10
SETTINGS = Settings(d=d, ucln_epochs=2, ucln_input_drop_rate=0.6, ucln_drop_rate=0.9)
NO_DROPOUT = replace(SETTINGS, ucln_input_drop_rate=0.0, ucln_drop_rate=0.0)


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


def corpus():
    """x (n, 2), y (n, 2) and starts of 30 videos.

    The label of an utterance is the sign of the utterance before it. Its own features are chance.
    """
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 8, VIDEOS)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    sign = rng.choice([-1.0, 1.0], starts[-1])
    noise = rng.standard_normal(starts[-1])
    labels = (np.roll(sign, 1) > 0).astype(int)
    return np.stack([sign, noise], axis=1), np.eye(2)[labels], starts


def train(x, y, starts, videos, settings, losses=None, seed=1, **how):
    """`train_ucln` from a seed; adds ``(epoch, loss)`` to ``losses`` when an epoch ends."""
    def on_epoch(epoch, loss):
        if losses is not None:
            losses.append((epoch, loss))

    rng = np.random.default_rng(seed)
    return ucln.train_ucln(x, y, starts, videos, settings, rng, on_epoch, **how)


@pytest.mark.parametrize("width", [(), (3,), (2, 3)])
def test_pad_gives_one_row_per_video_and_unpad_undoes_it(width):
    starts, videos = np.array([0, 4, 5, 11, 13]), [3, 0, 1]  # the longest video is not among them
    rows = np.random.default_rng(0).standard_normal((13, *width)).astype(np.float32)
    padded, mask = pad(rows, starts, videos)
    assert padded.shape == (3, 4, *width)
    assert mask.shape == (3, 4)
    assert padded.dtype == np.float32
    for i, video in enumerate(videos):
        for t in range(4):
            real = t < starts[video + 1] - starts[video]
            expected = rows[starts[video] + t] if real else np.zeros(width)
            assert mask[i, t] == real
            np.testing.assert_array_equal(padded[i, t], expected)
    np.testing.assert_array_equal(unpad(padded, mask), rows[[11, 12, 0, 1, 2, 3, 4]])


def uniform(rng, *shape):
    """The numbers by which dropout decides."""
    return rng.random(shape, dtype=np.float32)


def test_layers(params, x, each_implementation):
    """Dropout 0.6, BiLSTM, dropout 0.9, dense, tanh; for the label dropout 0.9 and dense."""
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    width = 2 * ucln.HIDDEN
    mask_x = (uniform(same, *x.shape) >= 0.6) / 0.4
    mask_h = (uniform(same, V, u, width) >= 0.9) / 0.1
    mask_features = (uniform(same, V, u, d) >= 0.9) / 0.1
    h = ops.bilstm(params["bilstm"], mask_x * x, MASK)
    z = (mask_h * h) @ params["dense"]["W"] + params["dense"]["b"]
    features = ucln.context_features(params, x, MASK, SETTINGS, rng)
    assert features.shape == (V, u, d)
    np.testing.assert_allclose(features, np.tanh(z), rtol=0, atol=1e-13)
    z = (mask_features * features) @ params["label"]["W"] + params["label"]["b"]
    logits = ucln.class_logits(params, features, SETTINGS, rng)
    np.testing.assert_allclose(logits, z, rtol=0, atol=1e-13)


def test_loss_drops_in_every_layer_that_has_dropout(params, x, y):
    """The masks come from one generator: input, output of the LSTM, features."""
    rng = np.random.default_rng(1)
    features = ucln.context_features(params, x, MASK, SETTINGS, rng)
    expected = ucln.cross_entropy(ucln.class_logits(params, features, SETTINGS, rng), y, MASK)
    assert ucln_loss(params, x, y, MASK, SETTINGS, np.random.default_rng(1)) == expected
    assert ucln_loss(params, x, y, MASK, SETTINGS) != expected
    assert ucln_loss(params, x, y, MASK, SETTINGS) == ucln_loss(params, x, y, MASK, NO_DROPOUT, rng)


def test_cross_entropy_formula(rng, y, each_implementation):
    """Minus the mean log-probability of the true class, one real utterance at a time."""
    logits = rng.standard_normal((V, u, N))
    expected = []
    for v in range(V):
        for t in range(LENGTHS[v]):
            total = sum(math.exp(z) for z in logits[v, t])
            true = logits[v, t, y[v, t].argmax()]
            expected.append(-math.log(math.exp(true) / total))
    assert len(expected) == 20
    assert ucln.cross_entropy(logits, y, MASK) == pytest.approx(sum(expected) / 20, rel=1e-12)


def test_gradient(params, x, y, rng, each_implementation):
    def loss(p):
        return ucln_loss(p["ucln"], p["x"], y, MASK, SETTINGS, np.random.default_rng(5))

    assert_gradient(loss, {"ucln": params, "x": x}, rng)


def test_float32_stays_float32(params, x, y, cotangent_dtypes, each_implementation):
    x, y = np.float32(x), np.float32(y)

    def loss(p):
        return ucln_loss(p, x, y, MASK, SETTINGS, np.random.default_rng(1))

    value, gradient = nn.value_and_grad(loss, nn.map_leaves(np.float32, params))
    assert value.dtype == np.float32
    assert {leaf.dtype for _, leaf in nn.leaves(gradient)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


def test_padding_does_not_enter_the_loss(params, x, y, rng, each_implementation):
    """Its features, its labels and its length change neither the loss nor any gradient."""
    garbage_x = np.where(MASK[:, :, None], x, 10 * rng.standard_normal(x.shape))
    garbage_y = np.where(MASK[:, :, None], y, np.roll(y, 1, axis=2))
    two_more = ((0, 0), (0, 2))
    longer_x, longer_y = (np.pad(array, (*two_more, (0, 0))) for array in (x, y))
    value, gradient = nn.value_and_grad(lambda p: ucln_loss(p, x, y, MASK, SETTINGS), params)
    for inputs in ((garbage_x, garbage_y, MASK), (longer_x, longer_y, np.pad(MASK, two_more))):
        other, other_gradient = nn.value_and_grad(
            lambda p, inputs=inputs: ucln_loss(p, *inputs, SETTINGS), params)
        assert other == pytest.approx(value, rel=1e-14)
        assert_trees_close(other_gradient, gradient, atol=1e-14)


def test_features_of_a_video_do_not_depend_on_its_batch(params):
    """`apply_ucln` takes the videos in batches; each video comes out as if it were alone."""
    x, _, starts = corpus()
    features, probabilities = ucln.apply_ucln(params, x, starts, SETTINGS)
    assert features.shape == (len(x), d)
    assert probabilities.shape == (len(x), N)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for video in range(VIDEOS):
        utterances = slice(starts[video], starts[video + 1])
        alone = x[None, utterances]
        h = ucln.context_features(params, alone, np.ones(alone.shape[:2], bool), SETTINGS)[0]
        z = np.exp(h @ params["label"]["W"] + params["label"]["b"])
        expected = z / z.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(features[utterances], h, rtol=0, atol=1e-14)
        np.testing.assert_allclose(probabilities[utterances], expected, rtol=0, atol=1e-14)


def test_features_know_the_utterances_before_and_after_of_the_same_video(params):
    x, _, starts = corpus()
    features, _ = ucln.apply_ucln(params, x, starts, SETTINGS)
    changed = x.copy()
    changed[starts[7] + 1] += 1
    other, _ = ucln.apply_ucln(params, changed, starts, SETTINGS)
    differ = ~np.isclose(features, other, rtol=0, atol=1e-14).all(axis=1)
    assert [*np.flatnonzero(differ)] == [*range(starts[7], starts[8])]


def test_training_sees_the_training_videos_only():
    x, y, starts = corpus()
    other_x, other_y = x.copy(), y.copy()
    other_x[starts[20]:] = 99.0
    other_y[starts[20]:] = 1 - y[starts[20]:]
    one = ucln.train_ucln(x, y, starts, TRAIN, SETTINGS, np.random.default_rng(1))
    two = ucln.train_ucln(other_x, other_y, starts, TRAIN, SETTINGS, np.random.default_rng(1))
    assert_trees_close(one, two, atol=0)


def test_each_epoch_takes_every_training_video_once_with_its_labels(monkeypatch):
    x, y, starts = corpus()
    taken = {"x": [], "y": []}

    def pad_and_note(rows, starts, videos):
        taken["x" if rows is x else "y"].append([*videos])
        return pad(rows, starts, videos)

    monkeypatch.setattr(ucln, "pad", pad_and_note)
    train = np.array([3, 4, 8, 11, 12, 17, 20, 21, 22, 25, 26, 29, 0])
    ucln.train_ucln(x, y, starts, train, SETTINGS, np.random.default_rng(1))
    assert taken["x"] == taken["y"]
    assert [len(batch) for batch in taken["x"]] == [10, 3, 10, 3]
    first, second = taken["x"][0] + taken["x"][1], taken["x"][2] + taken["x"][3]
    assert sorted(first) == sorted(second) == sorted(train)
    assert len({(*first,), (*second,), (*train,)}) == 3  # each epoch has an order of its own


def test_training_descends_the_loss_with_dropout_by_adadelta():
    """One epoch of one batch is one step of Adadelta, its gradient that of `ucln_loss`."""
    x, y, starts = corpus()
    losses = []
    trained = train(x, y, starts, np.arange(7), replace(SETTINGS, ucln_epochs=1), losses)
    rng = np.random.default_rng(1)
    expected = ucln.init_ucln(rng, d_j, d, 2)
    order = rng.permutation(np.arange(7))
    x_batch, mask = pad(x, starts, order)
    y_batch, _ = pad(y, starts, order)
    value, gradient = nn.value_and_grad(
        lambda p: ucln_loss(p, x_batch, y_batch, mask, SETTINGS, rng), expected)
    nn.adadelta(nn.init_adadelta(expected), expected, gradient)
    assert losses == [(1, value)]
    assert_trees_close(trained, expected, atol=1e-14)


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches(monkeypatch):
    """Batches of 10 and 3 videos count the same."""
    x, y, starts = corpus()
    batches, losses, value_and_grad = [], [], nn.value_and_grad

    def value_and_grad_and_note(loss, params):
        value, gradient = value_and_grad(loss, params)
        batches.append(value)
        return value, gradient

    monkeypatch.setattr(nn, "value_and_grad", value_and_grad_and_note)
    train(x, y, starts, np.arange(13), replace(SETTINGS, ucln_epochs=1), losses)
    one, other = batches
    assert one != other
    assert losses == [(1, pytest.approx((one + other) / 2))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_generator_same_bits_of_the_labels_type(dtype):
    x, y, starts = corpus()
    found = []
    for seed in (1, 1, 2):
        reports = []
        params = train(x, y.astype(dtype), starts, TRAIN, SETTINGS, reports, seed)
        assert {leaf.dtype for _, leaf in nn.leaves(params)} == {np.dtype(dtype)}
        assert [epoch for epoch, _ in reports] == [1, 2]
        features, _ = ucln.apply_ucln(params, x, starts, SETTINGS)
        assert features.dtype == dtype
        found.append((reports, features.tobytes()))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]


def test_training_is_of_the_labels_type_whatever_that_of_the_features(cotangent_dtypes):
    x, y, starts = corpus()
    assert x.dtype == np.float64
    train(x, np.float32(y), starts, TRAIN, replace(SETTINGS, ucln_epochs=1))
    assert cotangent_dtypes == {np.dtype(np.float32)}


def test_mean_loss_is_per_utterance_and_without_dropout(params):
    """23 videos in batches of 10, 10 and 3: an utterance of a small batch counts as any other."""
    x, _, starts = corpus()
    y = np.eye(N)[np.arange(len(x)) % N]
    videos = np.arange(4, 27)
    total = 0
    for video in videos:
        utterances = slice(starts[video], starts[video + 1])
        alone = x[None, utterances]
        mask = np.ones(alone.shape[:2], bool)
        loss = ucln_loss(params, alone, y[None, utterances], mask, NO_DROPOUT)
        total += loss * mask.sum()
    expected = total / (starts[27] - starts[4])
    found = ucln.mean_loss(params, x, y, starts, videos, SETTINGS)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("patience", "epochs", "kept"), [(1, 3, 2), (2, 4, 2), (3, 8, 5)])
def test_early_stopping_keeps_the_epoch_of_the_lowest_validation_loss(
        patience, epochs, kept, monkeypatch):
    """It stops after ``patience`` epochs without a lower loss. An equal loss is not lower."""
    x, y, starts = corpus()
    validation = np.arange(20, 25)
    dictated = iter([0.5, 0.3, 0.3, 0.4, 0.2, 0.9, 0.2, 0.3, 0.1])
    every_epoch, losses = [], []

    def mean_loss(params, x, y, starts, videos, settings):
        np.testing.assert_array_equal(videos, validation)
        every_epoch.append(bits(params))
        return next(dictated)

    monkeypatch.setattr(ucln, "mean_loss", mean_loss)
    settings = replace(SETTINGS, ucln_epochs=9, ucln_patience=patience)
    params = train(x, y, starts, TRAIN, settings, losses, validation=validation)
    assert [epoch for epoch, _ in losses] == [*range(1, epochs + 1)]
    assert bits(params) == every_epoch[kept - 1]
    assert bits(params) not in every_epoch[kept:]


def test_without_validation_videos_the_last_epoch_is_kept():
    x, y, starts = corpus()
    short, long = replace(SETTINGS, ucln_epochs=2), replace(SETTINGS, ucln_epochs=3)
    stopped = train(x, y, starts, TRAIN, replace(short, ucln_patience=1))
    assert bits(stopped) == bits(train(x, y, starts, TRAIN, short))
    assert bits(stopped) != bits(train(x, y, starts, TRAIN, long))


def test_a_patience_of_0_means_no_early_stopping():
    x, y, starts = corpus()
    settings = replace(SETTINGS, ucln_epochs=3, ucln_patience=0)
    watched = train(x, y, starts, TRAIN, settings, validation=np.arange(20, 25))
    assert bits(watched) == bits(train(x, y, starts, TRAIN, settings))


def test_it_learns_context(monkeypatch):
    """Above 80 % on unseen videos, where the features of the utterance alone say nothing.

    First utterances are left out, since they have no context.
    """
    monkeypatch.setattr(ucln, "HIDDEN", 8)
    settings = replace(SETTINGS, ucln_epochs=80, ucln_input_drop_rate=0.1, ucln_drop_rate=0.1)
    x, y, starts = corpus()
    losses = []
    params = train(x, y, starts, TRAIN, settings, losses)
    assert losses[-1][1] < 0.8 * losses[0][1]
    _, probabilities = ucln.apply_ucln(params, x, starts, settings)
    right = probabilities.argmax(axis=1) == y.argmax(axis=1)
    test = np.setdiff1d(np.arange(starts[20], starts[-1]), starts)
    assert right[test].mean() > 0.8

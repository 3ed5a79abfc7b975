"""HFFN: every step one number at a time, gradients, sizes, its two variants, and when it stops."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from helpers import (
    assert_close,
    assert_gradient,
    bits,
    dense,
    dropout_masks,
    hard_sigmoid,
    shaken,
    softmax,
    weigh,
)

from argf_np import nn
from argf_np.baselines import epoch_loop, hffn
from argf_np.data import Corpus
from argf_np.data.check import reason_for_distrust
from argf_np.settings import Settings

B, d, N, H = 5, 9, 4, 3
L, m = 5, 27  # d = 9 makes four windows of two entries and one that is half empty
SETTINGS = Settings(d=d, epochs=4, dtype="float64")
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def params(rng):
    """Parameters of which none is zero, large enough that some hard sigmoids are cut off."""
    params = hffn.init_hffn(rng, 3, d, N)
    params["lstm"] = nn.map_leaves(lambda leaf: 2 * leaf, params["lstm"])
    return shaken(params, rng)


@pytest.fixture
def x(rng):
    """UCLN features of a batch, (3, B, d)."""
    return rng.uniform(-1, 1, (3, B, d))


# The model once more, for one utterance and one number at a time


def relu(z):
    return max(z, 0.0)


def elu(z):
    return z if z > 0 else math.exp(z) - 1


def times(vector, W):
    """A row vector times a matrix."""
    return [sum(v * row[j] for v, row in zip(vector, W, strict=True)) for j in range(len(W[0]))]


def tensors_of(xs):
    """Z_t of an utterance with features xs, one list of length d per modality."""
    tensors = []
    for start in range(0, d, 2):
        windows = []
        for x in xs:
            padded = [*x, 0.0]
            windows.append([padded[start], padded[start + 1], 1.0])
        tensors.append([math.prod(entries) for entries in product(*windows)])
    return tensors


def attended(states, Z_t, A):
    """q tilde of the states of the last three steps."""
    lengths = []
    for q in states:
        keys = [math.tanh(z) for z in times(q + Z_t, A)]
        lengths.append(math.sqrt(sum(key * key for key in keys)))
    w = softmax(lengths)
    return [relu(sum(w[j] * states[j][u] for j in range(3))) for u in range(H)]


def outputs_of(p, tensors):
    """h_t of one direction."""
    hs, cs = [[0.0] * H] * 3, [[0.0] * H] * 3
    for Z_t in tensors:
        h_tilde = attended([hs[-1], hs[-2], hs[-3]], Z_t, p["A_h"])
        c_tilde = attended([cs[-1], cs[-2], cs[-3]], Z_t, p["A_c"])
        from_window, from_state = times(Z_t, p["W"]), times(h_tilde, p["U"])
        gates = [hard_sigmoid(a + b) for a, b in zip(from_window, from_state, strict=True)]
        i, f, g, o = (gates[start:start + H] for start in range(0, 4 * H, H))
        cs.append([f[u] * c_tilde[u] + i[u] * g[u] for u in range(H)])
        hs.append([o[u] * math.tanh(cs[-1][u]) for u in range(H)])
    return hs[3:]


def weighed(p, outputs, tensors):
    """h'_t: each output times its score."""
    result = []
    for h, Z_t in zip(outputs, tensors, strict=True):
        scores = times(h + Z_t, p["A_1"])
        keys = [hard_sigmoid(z + b) for z, b in zip(scores, p["b_1"][0], strict=True)]
        s = times(keys, p["a_2"])[0]
        result.append([elu(s * value) for value in h])
    return result


def abs_lstm(p, tensors, variant):
    """[h' forwards; h' backwards] of each window."""
    p = {name: leaf.tolist() for name, leaf in p.items()}
    backwards = tensors[::-1]
    paired = backwards if variant == "paper" else tensors
    one = weighed(p, outputs_of(p, tensors), tensors)
    other = weighed(p, outputs_of(p, backwards), paired)[::-1]
    return [h + g for h, g in zip(one, other, strict=True)]


def decision(params, tensors, variant):
    """The probabilities of an utterance."""
    flat = []
    for h in abs_lstm(params["lstm"], tensors, variant):
        flat += [math.tanh(value) for value in h]
    hidden = [relu(z) for z in dense(params["dense"], flat)]
    return softmax(dense(params["label"], hidden))


def test_local_tensors_one_number_at_a_time(x):
    expected = [tensors_of(x[:, b].tolist()) for b in range(B)]
    assert np.shape(expected) == (B, L, m)
    assert_close(hffn.local_tensors(x), expected)


def test_an_even_width_needs_no_zeros(x):
    """Window t holds the entries 2t and 2t + 1 of each modality, and the last entry is always 1."""
    Z = hffn.local_tensors(x[:, :, :8])
    assert Z.shape == (B, 4, m)
    np.testing.assert_array_equal(Z[:, :, -1], 1)
    assert_close(Z[:, :, 0], np.prod(x[:, :, 0:8:2], axis=0))


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_the_lstm_one_number_at_a_time(variant, params, x):
    Z = hffn.local_tensors(x)
    expected = [abs_lstm(params["lstm"], rows, variant) for rows in Z.tolist()]
    assert_close(hffn.abs_lstm(params["lstm"], Z, variant), expected)


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_the_decision_one_number_at_a_time(variant, params, x):
    Z = hffn.local_tensors(x)
    expected = [decision(params, rows, variant) for rows in Z.tolist()]
    assert_close(hffn.decide(params, Z, variant), expected)


def test_some_gates_are_cut_off_and_some_are_not(params, x):
    """Otherwise the tests above would not see the two ends of the hard sigmoid."""
    z = np.matmul(hffn.local_tensors(x), params["lstm"]["W"])
    assert (np.abs(z) > 2.5).any()
    assert (np.abs(z) < 2.5).any()


def test_dropout_falls_on_the_lstm_and_on_the_dense_layer(params, x):
    """0.6 of the one, 0.5 of the other."""
    Z = hffn.local_tensors(x)
    shapes = (B, L, 2 * H), (B, 50)
    on_lstm, _ = dropout_masks(3, 0.6, *shapes)
    _, on_dense = dropout_masks(3, 0.5, *shapes)
    h = np.tanh(hffn.abs_lstm(params["lstm"], Z)) * on_lstm
    expected = []
    for row, mask in zip(h.reshape(B, -1).tolist(), on_dense, strict=True):
        hidden = [relu(z) for z in dense(params["dense"], row)]
        hidden = [value * factor for value, factor in zip(hidden, mask, strict=True)]
        expected.append(softmax(dense(params["label"], hidden)))
    assert_close(hffn.decide(params, Z, rng=np.random.default_rng(3)), expected)


@pytest.mark.usefixtures("each_implementation")
def test_the_loss_one_number_at_a_time(rng):
    P = np.array([softmax(row) for row in rng.standard_normal((B, N)).tolist()])
    labels = rng.integers(N, size=B)
    expected = 0.0
    for row, label in zip(P.tolist(), labels, strict=True):
        expected -= row[label] / math.sqrt(sum(p * p for p in row)) / B
    assert_close(hffn.cosine_loss(P, np.eye(N)[labels]), expected)


def test_the_loss_is_minus_1_where_every_label_is_certain():
    y = np.eye(N)
    assert_close(hffn.cosine_loss(y, y), -1)
    assert_close(hffn.cosine_loss(y, y[::-1]), 0)


# Gradients


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_gradient_of_the_lstm(variant, params, x, rng):
    Z = hffn.local_tensors(x)

    def function(p):
        return weigh(hffn.abs_lstm(p, Z, variant))

    assert_gradient(function, params["lstm"], rng, step=1e-6)


@each_variant
@pytest.mark.usefixtures("each_implementation")
def test_gradient_of_the_loss(variant, params, x, rng):
    Z, y = hffn.local_tensors(x), np.eye(N)[rng.integers(N, size=B)]

    def function(params):
        P = hffn.decide(params, Z, variant, np.random.default_rng(1))
        return hffn.cosine_loss(P, y)

    assert_gradient(function, params, rng, step=1e-6)


def test_float32_stays_float32(params, x, cotangent_dtypes):
    params = nn.cast(params, "float32")
    Z, y = hffn.local_tensors(x.astype("float32")), np.eye(N, dtype="float32")[[0, 1, 2, 3, 0]]
    assert Z.dtype == np.float32

    def function(params):
        return hffn.cosine_loss(hffn.decide(params, Z, rng=np.random.default_rng(1)), y)

    value, gradients = nn.value_and_grad(function, params)
    leaves = [leaf for _, leaf in nn.leaves(gradients)]
    assert {value.dtype, *cotangent_dtypes, *(leaf.dtype for leaf in leaves)} == {
        np.dtype("float32")}


# Sizes and invariants


@pytest.mark.parametrize(("modalities", "d", "N", "authors"), [
    (3, 50, 2, 8_351), (3, 50, 3, 8_402), (3, 100, 6, 16_055), (2, 7, 5, None)])
def test_number_of_parameters(modalities, d, N, authors, rng):
    """The authors' layer has 3 more, of which it makes no use."""
    m, L = 3 ** modalities, math.ceil(d / 2)
    layer = 4 * m * 3 + 4 * 3 * 3 + 2 * (m + 3) * 3 + 5 * (m + 3) + 3 + 3
    head = 2 * 3 * L * 50 + 50 + 50 * N + N
    assert nn.count(hffn.init_hffn(rng, modalities, d, N)) == layer + head
    if authors:
        assert layer + head + 3 == authors


def test_weights_begin_as_large_as_glorot_says(rng):
    W = hffn.glorot_normal(rng, 300, 500)
    np.testing.assert_allclose([W.mean(), W.std()], [0, 0.05], atol=5e-4)


def test_reversed_windows_exchange_the_directions_in_the_papers_variant(params, x):
    """Both directions are the same LSTM. The released pairing breaks that."""
    Z = hffn.local_tensors(x)
    for variant, same in (("paper", True), ("released", False)):
        h = hffn.abs_lstm(params["lstm"], Z, variant)
        mirrored = hffn.abs_lstm(params["lstm"], Z[:, ::-1], variant)[:, ::-1]
        exchanged = np.concatenate([mirrored[:, :, H:], mirrored[:, :, :H]], axis=2)
        assert np.allclose(h, exchanged, atol=1e-12) == same


def test_the_variants_differ_in_the_backward_direction_alone(params, x):
    Z = hffn.local_tensors(x)
    paper, released = (hffn.abs_lstm(params["lstm"], Z, variant)
                       for variant in ("paper", "released"))
    np.testing.assert_array_equal(paper[:, :, :H], released[:, :, :H])
    middle = L // 2  # the window that is its own mirror image
    assert_close(paper[:, middle], released[:, middle])
    others = [t for t in range(L) if t != middle]
    assert (paper[:, others, H:] != released[:, others, H:]).any(axis=(0, 2)).all()


def test_a_step_knows_the_windows_before_it_and_none_after_it(params, x):
    Z = hffn.local_tensors(x)
    changed = Z.copy()
    changed[:, 2] += 0.1
    before, after = (hffn.skip_lstm(params["lstm"], some) for some in (Z, changed))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any(axis=(0, 2)).all()


def test_an_output_is_connected_to_more_than_the_step_before_it(params, x, monkeypatch):
    """With one connection in the place of three, every output but the first is another."""
    Z = hffn.local_tensors(x)
    three = hffn.skip_lstm(params["lstm"], Z)
    monkeypatch.setattr(hffn, "SKIPS", 1)
    one = hffn.skip_lstm(params["lstm"], Z)
    np.testing.assert_array_equal(one[:, 0], three[:, 0])
    assert (one[:, 1:] != three[:, 1:]).any(axis=(0, 2)).all()


# Training


@pytest.fixture
def corpus(rng):
    """Twenty videos of 1 to 4 utterances, the last five for the test, the five before to stop."""
    lengths = rng.integers(1, 5, 20)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    n = int(starts[-1])
    names = tuple(str(row) for row in range(n))
    split = {"train": np.arange(10), "validation": np.arange(10, 15), "test": np.arange(15, 20)}
    features = {name: np.zeros((n, 1)) for name in "alv"}
    return Corpus("test", "synthetic", tuple("wxyz"), names[:20], starts, names, names, features,
                  rng.integers(N, size=n), split)


@pytest.fixture
def features(corpus, rng):
    """UCLN features that give the labels, with noise: (3, n, d)."""
    noise = rng.standard_normal((3, len(corpus.ids), d))
    return np.tanh(noise + 2 * rng.standard_normal((3, N, d))[:, corpus.labels])


@pytest.mark.parametrize(("protocol", "trusted", "most"), [
    ("fixed", False, 20), ("best_test", False, 20), ("validation", False, 1000),
    ("released", False, 1000), ("fixed", True, 1000), ("best_test", True, 1000)])
def test_number_of_epochs(protocol, trusted, most, corpus, monkeypatch):
    """Those of the settings, or 1,000 where the validation loss decides, the authors' limit."""
    assert reason_for_distrust(corpus).startswith("it has ")  # too few utterances
    if trusted:
        monkeypatch.setattr(hffn, "reason_for_distrust", lambda corpus: None)
    assert hffn.epochs(corpus, Settings(protocol=protocol, epochs=20)) == most


@pytest.mark.parametrize("protocol", ["validation", "released", "fixed"])
def test_stops_ten_epochs_after_the_lowest_validation_loss(protocol, corpus, rng, monkeypatch):
    """The parameters of the last epoch are kept. There is little to learn from noise.

    With the protocol "fixed", this is so where the validation split can be trusted.
    """
    if protocol == "fixed":
        monkeypatch.setattr(hffn, "reason_for_distrust", lambda corpus: None)
    features = rng.uniform(-1, 1, (3, len(corpus.ids), d))
    settings = replace(SETTINGS, protocol=protocol)
    kept = []

    def keep(state):
        kept.append(bits(state["params"]))

    result = hffn.train(corpus, features, settings, on_checkpoint=keep)
    losses = [row["validation_loss"] for row in result["history"]]
    assert len(losses) == result["epoch"] < 1000
    assert result["epoch"] - 10 == 1 + np.argmin(losses)
    assert bits(result["params"]) == kept[-1]


def test_validation_loss_is_that_of_all_validation_utterances_without_dropout(
        corpus, features, monkeypatch):
    monkeypatch.setattr(hffn, "MOST_EPOCHS", 3)
    rows = np.concatenate([np.arange(*corpus.starts[video:video + 2]) for video in range(10, 15)])
    kept = []

    def keep(state):
        P = hffn.predict_proba(state["params"], corpus, features, SETTINGS)[rows]
        of_label = P[np.arange(len(rows)), corpus.labels[rows]]
        kept.append(-np.mean(of_label / np.linalg.norm(P, axis=1)))

    settings = replace(SETTINGS, protocol="validation")
    history = hffn.train(corpus, features, settings, on_checkpoint=keep)["history"]
    assert_close([row["validation_loss"] for row in history], kept)


@pytest.mark.parametrize(("losses", "stops"), [
    ([], False),
    ([None] * 30, False),
    ([5.0, *[6.0] * 9], False),
    ([5.0, *[6.0] * 10], True),
    ([5.0, *[5.0] * 10], True),
    ([5.0, *[6.0] * 9, 4.9], False),
])
def test_patience(losses, stops):
    """Ten epochs without a lower loss; an equal one is not lower."""
    history = [{} if loss is None else {"validation_loss": loss} for loss in losses]
    assert epoch_loop.is_out_of_patience(history) == stops


def test_an_epoch_visits_every_training_utterance_once(corpus, features, monkeypatch):
    """In batches of ten videos, of which there are ten here."""
    seen = []
    local_tensors = hffn.local_tensors

    def seeing(x):
        seen.append(x)
        return local_tensors(x)

    monkeypatch.setattr(hffn, "local_tensors", seeing)
    hffn.train(corpus, features, replace(SETTINGS, epochs=1))
    rows = features[:, corpus.utterances("train")]
    assert seen[0].shape == rows.shape
    np.testing.assert_array_equal(np.sort(seen[0], axis=1), np.sort(rows, axis=1))


@each_variant
def test_predictions_are_the_decisions_of_the_variant(variant, corpus, features, rng):
    params = shaken(hffn.init_hffn(rng, 3, d, N), rng)
    P = hffn.predict_proba(params, corpus, features, replace(SETTINGS, variant=variant))
    assert_close(P, hffn.decide(params, hffn.local_tensors(features), variant))


def test_context_does_not_count(corpus, features):
    """The same utterances in another order have the same probabilities."""
    params = hffn.train(corpus, features, replace(SETTINGS, epochs=1))["params"]
    order = np.random.default_rng(3).permutation(len(corpus.ids))
    P = hffn.predict_proba(params, corpus, features, SETTINGS)
    assert_close(hffn.predict_proba(params, corpus, features[:, order], SETTINGS), P[order])

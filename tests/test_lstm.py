"""The bidirectional LSTM: six equations per step. Padding of a video never changes a result."""


import numpy as np
import pytest
from helpers import (
    assert_gradient,
    assert_padding_does_not_matter,
    lstm,
    shaken,
    weigh,
    with_each_implementation,
)

from argf_np import nn
from argf_np.nn import ops

LENGTHS = np.array([4, 6, 1, 3, 6])
V, T, d, H = 5, 6, 2, 3  # videos, longest of them, features, units per direction
MASK = np.arange(T) < LENGTHS[:, None]


@pytest.fixture
def params(rng):
    return shaken(nn.init_bilstm(rng, d, H), rng)


@pytest.fixture
def x(rng):
    return rng.standard_normal((V, T, d))


def test_formula(params, x, each_implementation):
    """Each video alone: forwards, and backwards from its own last utterance; zero on padding."""
    expected = np.zeros((V, T, 2 * H))
    forward = [params[name][0].tolist() for name in ("W", "U", "b")]
    backward = [params[name][1].tolist() for name in ("W", "U", "b")]
    for v, length in enumerate(LENGTHS):
        video = x[v, :length].tolist()
        expected[v, :length, :H] = lstm(*forward, video)
        expected[v, :length, H:] = lstm(*backward, video[::-1])[::-1]
    np.testing.assert_allclose(ops.bilstm(params, x, MASK), expected, rtol=0, atol=1e-14)


def test_gradient(params, x, rng, each_implementation):
    tree = {"lstm": params, "x": x}
    assert_gradient(lambda p: weigh(ops.bilstm(p["lstm"], p["x"], MASK)), tree, rng)


def test_gradient_with_respect_to_one_argument_is_that_of_all(params, x, each_implementation):
    """As a part of a network asks for some gradients only."""
    def loss(p):
        return weigh(ops.bilstm({name: p[name] for name in ("W", "U", "b")}, p["x"], MASK))

    everything = params | {"x": x}
    _, together = nn.value_and_grad(loss, everything)
    for name, value in everything.items():
        _, alone = nn.value_and_grad(lambda p: loss(everything | p), {name: value})
        np.testing.assert_allclose(alone[name], together[name], rtol=1e-12)


@pytest.mark.parametrize("lengths", [LENGTHS, [1], [1, 1, 1], [6], [6, 6], [1, 6], [6, 1]], ids=str)
def test_fast_equals_readable(lengths, params, rng):
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    x, g = rng.standard_normal((*mask.shape, d)), rng.standard_normal((*mask.shape, 2 * H))

    def compute():
        tree = {"lstm": params, "x": x}
        value, pull = nn.vjp(lambda p: ops.bilstm(p["lstm"], p["x"], mask), tree)
        return {"value": value} | pull(g)

    readable, fast = with_each_implementation(compute)
    for (path, one), (_, other) in zip(nn.leaves(readable), nn.leaves(fast), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10, err_msg=str(path))


def test_what_stands_in_the_padding_does_not_matter(params, x, rng, each_implementation):
    assert_padding_does_not_matter(ops.bilstm, params, x, MASK, rng)


def test_a_video_does_not_depend_on_the_others(params, x, rng, each_implementation):
    together, order = ops.bilstm(params, x, MASK), rng.permutation(V)
    reordered = ops.bilstm(params, x[order], MASK[order])
    np.testing.assert_allclose(reordered, together[order], rtol=0, atol=1e-14)
    for v, length in enumerate(LENGTHS):
        alone = ops.bilstm(params, x[[v], :length], MASK[[v], :length])
        np.testing.assert_allclose(alone, together[[v], :length], rtol=0, atol=1e-14)


def test_padding_is_zero_in_the_output(params, x, each_implementation):
    y = ops.bilstm(params, x, MASK)
    assert (y[~MASK] == 0).all()
    assert (y[MASK] != 0).all()


def test_directions_mirror_each_other(params, x, each_implementation):
    """With equal weights in both, reversing a video swaps the two halves of the output."""
    same = {name: np.stack([leaf[0], leaf[0]]) for name, leaf in params.items()}
    mask = np.ones((V, T), bool)
    y, mirrored = ops.bilstm(same, x, mask), ops.bilstm(same, x[:, ::-1], mask)[:, ::-1]
    swapped = np.concatenate([y[..., H:], y[..., :H]], axis=-1)
    np.testing.assert_allclose(mirrored, swapped, rtol=0, atol=1e-14)


def test_equals_torch(params, x, rng, each_implementation):
    torch = pytest.importorskip(
        "torch", reason="parity needs PyTorch: pip install argf_np[benchmarks]")
    g = rng.standard_normal((V, T, 2 * H)) * MASK[:, :, None]
    y, pull = nn.vjp(lambda p: ops.bilstm(p["lstm"], p["x"], MASK), {"lstm": params, "x": x})
    ours = pull(g)

    module = torch.nn.LSTM(d, H, batch_first=True, bidirectional=True, dtype=torch.float64)
    names = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0"}
    twins = {(name, side): getattr(module, names[name] + suffix) for name in names
             for side, suffix in ((0, ""), (1, "_reverse"))}
    with torch.no_grad():
        for (name, side), twin in twins.items():
            twin.copy_(torch.tensor(params[name][side].T.reshape(twin.shape)))
        module.bias_hh_l0.zero_()
        module.bias_hh_l0_reverse.zero_()
    x_ = torch.tensor(x, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x_, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    y_, _ = torch.nn.utils.rnn.pad_packed_sequence(module(packed)[0], batch_first=True)
    y_.backward(torch.tensor(g))
    np.testing.assert_allclose(y, y_.detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours["x"], x_.grad, rtol=0, atol=1e-10)
    for (name, side), twin in twins.items():
        gradient = ours["lstm"][name][side]
        theirs = twin.grad.numpy().T.reshape(gradient.shape)
        np.testing.assert_allclose(gradient, theirs, rtol=0, atol=1e-10)

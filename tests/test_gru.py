"""The gated recurrent unit by the defaults of Keras 2.2: hard sigmoids, one direction."""

import numpy as np
import pytest
from helpers import (
    assert_gradient,
    assert_padding_does_not_matter,
    gru,
    hard_sigmoid,
    shaken,
    torch_gru,
    weigh,
    with_each_implementation,
)

from argf_np import nn
from argf_np.nn import ops

LENGTHS = np.array([4, 6, 1, 3, 6])
V, T, d, H = 5, 6, 2, 3  # videos, longest of them, features, units
MASK = np.arange(T) < LENGTHS[:, None]


@pytest.fixture
def params(rng):
    return shaken(nn.init_gru(rng, d, H), rng)


@pytest.fixture
def x(rng):
    return rng.standard_normal((V, T, d))


@pytest.mark.parametrize("z", [-9.0, -2.6, -2.5, -2.4, 0.0, 1.0, 2.4, 2.5, 2.6, 9.0])
def test_hard_sigmoid(z):
    """Flat below -2.5 and above 2.5, a straight line between."""
    value, gradient = nn.value_and_grad(lambda p: ops.hard_sigmoid(p["z"]), {"z": np.array(z)})
    assert value == pytest.approx(hard_sigmoid(z), abs=1e-15)
    assert gradient["z"] == (0.2 if abs(z) < 2.5 else 0)


@pytest.mark.parametrize("scale", [1, 6], ids=["within the slope", "gates that saturate"])
def test_formula(scale, params, x, each_implementation):
    """Each video alone, from its first utterance; zero on padding."""
    x = scale * x
    expected = np.zeros((V, T, H))
    for v, length in enumerate(LENGTHS):
        expected[v, :length] = gru(params, x[v, :length].tolist())
    np.testing.assert_allclose(ops.gru(params, x, MASK), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("scale", [1, 6], ids=["within the slope", "gates that saturate"])
def test_gradient(scale, params, x, rng, each_implementation):
    tree = {"gru": params, "x": scale * x}
    assert_gradient(lambda p: weigh(ops.gru(p["gru"], p["x"], MASK)), tree, rng)


def test_some_gates_saturate_at_the_larger_scale(params, x):
    """So that both of the cases above are what they say, at the first step."""
    gates = (x[:, 0] @ params["W"] + params["b"])[:, :2 * H]
    assert (np.abs(gates) < 2.5).all()
    larger = np.abs(6 * x[:, 0] @ params["W"] + params["b"])[:, :2 * H]
    assert 0 < (larger > 2.5).mean() < 1


def test_gradient_with_respect_to_one_argument_is_that_of_all(params, x, each_implementation):
    """As a part of a network asks for some gradients only."""
    def loss(p):
        return weigh(ops.gru({name: p[name] for name in ("W", "U", "b")}, p["x"], MASK))

    everything = params | {"x": x}
    _, together = nn.value_and_grad(loss, everything)
    for name, value in everything.items():
        _, alone = nn.value_and_grad(lambda p: loss(everything | p), {name: value})
        np.testing.assert_allclose(alone[name], together[name], rtol=1e-12)


@pytest.mark.parametrize("lengths", [LENGTHS, [1], [1, 1, 1], [6], [6, 6], [1, 6], [6, 1]], ids=str)
def test_fast_equals_readable(lengths, params, rng):
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    x, g = 3 * rng.standard_normal((*mask.shape, d)), rng.standard_normal((*mask.shape, H))

    def compute():
        tree = {"gru": params, "x": x}
        value, pull = nn.vjp(lambda p: ops.gru(p["gru"], p["x"], mask), tree)
        return {"value": value} | pull(g)

    readable, fast = with_each_implementation(compute)
    for (path, one), (_, other) in zip(nn.leaves(readable), nn.leaves(fast), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10, err_msg=str(path))


def test_what_stands_in_the_padding_does_not_matter(params, x, rng, each_implementation):
    assert_padding_does_not_matter(ops.gru, params, x, MASK, rng)


def test_no_output_depends_on_a_later_step(params, x, each_implementation):
    """It does on each earlier one of its own video."""
    mask = np.ones((V, T), bool)
    y = ops.gru(params, x, mask)
    for t in range(T):
        changed = x.copy()
        changed[:, t] += 1
        different = (ops.gru(params, changed, mask) != y).any(axis=2)
        assert not different[:, :t].any()
        assert different[:, t:].all()


def test_a_video_does_not_depend_on_the_others(params, x, rng, each_implementation):
    together, order = ops.gru(params, x, MASK), rng.permutation(V)
    reordered = ops.gru(params, x[order], MASK[order])
    np.testing.assert_allclose(reordered, together[order], rtol=0, atol=1e-14)
    for v, length in enumerate(LENGTHS):
        alone = ops.gru(params, x[[v], :length], MASK[[v], :length])
        np.testing.assert_allclose(alone, together[[v], :length], rtol=0, atol=1e-14)


def test_padding_is_zero_in_the_output(params, x, each_implementation):
    y = ops.gru(params, x, MASK)
    assert (y[~MASK] == 0).all()
    assert (y[MASK] != 0).all()


def test_an_open_update_gate_keeps_the_state(params, x, each_implementation):
    """With z = 1 nothing enters; with z = 0 and r = 0 nothing is remembered."""
    b = params["b"].copy()
    b[:, :H] = 100
    assert (ops.gru(params | {"b": b}, x, MASK) == 0).all()
    b[:, :2 * H] = -100
    g = np.tanh(x @ params["W"][:, 2 * H:] + b[:, 2 * H:])
    expected = g * MASK[:, :, None]
    np.testing.assert_allclose(ops.gru(params | {"b": b}, x, MASK), expected, atol=1e-14)


def test_equals_torch(params, x, rng, each_implementation):
    """A twin of PyTorch operations: `torch.nn.GRU` resets the product and has other sigmoids."""
    torch = pytest.importorskip(
        "torch", reason="parity needs PyTorch: pip install argf_np[benchmarks]")
    x, g = 6 * x, rng.standard_normal((V, T, H))
    y, pull = nn.vjp(lambda p: ops.gru(p["gru"], p["x"], MASK), {"gru": params, "x": x})
    ours = pull(g)

    leaves = {name: torch.tensor(leaf, requires_grad=True) for name, leaf in params.items()}
    x_ = torch.tensor(x, requires_grad=True)
    y_ = torch.stack(torch_gru(leaves, x_), dim=1) * torch.tensor(MASK)[:, :, None]
    y_.backward(torch.tensor(g))
    np.testing.assert_allclose(y, y_.detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours["x"], x_.grad, rtol=0, atol=1e-10)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(ours["gru"][name], leaf.grad, rtol=0, atol=1e-10)


def test_number_of_parameters(rng):
    """Three gates, each of which reads the input, the state and one bias."""
    assert nn.count(nn.init_gru(rng, d, H)) == 3 * (d * H + H * H + H)

r"""Eq. 1, the encoders: p_theta_m(x_m^e) = integral over x_m of q(x_m^e | x_m, theta_m) p(x_m) dx_m, m in {l, a, v}.

q puts all its mass on E_m(x_m), so what is tested is E_m, with the layers of Figure 3:
[dense, dropout, batch norm, leaky ReLU 0.01] to 10d, 10k and k units, then dense to k units and tanh.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, batch_norm, d, dense, dropout_masks, k, leaky_relu, member, shaken, times, weigh

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import encode, init_encoders

pytestmark = pytest.mark.eq1


@pytest.fixture
def params(rng):
    return shaken(init_encoders(rng, 3, d, k), rng)


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, B, d))


def encoder(p, batch, masks):
    """E_m of B vectors of d numbers, with the dropout masks of the three layers."""
    for layer, mask in zip(("dense_1", "dense_2", "dense_3"), masks, strict=True):
        z = batch_norm(p[layer], times(mask, [dense(p[layer], x) for x in batch]))
        batch = [[leaky_relu(value, 0.01) for value in row] for row in z]
    return [[math.tanh(value) for value in dense(p["dense_4"], x)] for x in batch]


def test_formula(params, x, each_implementation):
    masks = dropout_masks(1, 0.3, (3, B, 10 * d), (3, B, 10 * k), (3, B, k))
    expected = [encoder(member(params, m), x[m].tolist(), [mask[m] for mask in masks]) for m in range(3)]
    np.testing.assert_allclose(encode(params, x, 0.3, np.random.default_rng(1)), expected, rtol=0, atol=1e-12)


def test_gradient(params, x, rng, each_implementation):
    assert_gradient(lambda p: weigh(encode(p["params"], p["x"], 0.3, np.random.default_rng(1))),
                    {"params": params, "x": x}, rng)


def test_range_is_that_of_tanh(params, x):
    x_e = encode(params, 1000 * x)
    assert x_e.shape == (3, B, k)
    assert (np.abs(x_e) <= 1).all()


def test_order_within_the_batch_does_not_matter(params, x, rng):
    order = rng.permutation(B)
    np.testing.assert_allclose(encode(params, x[:, order]), encode(params, x)[:, order], rtol=0, atol=1e-12)


def test_each_modality_has_an_encoder_of_its_own(params, x):
    """Changing x_v changes x_v^e and nothing else; and equal inputs are encoded differently."""
    before, after = encode(params, x), encode(params, np.concatenate([x[:2], x[2:] ** 2]))
    assert np.array_equal(before[:2], after[:2])
    assert not np.allclose(before[2], after[2])
    x_e = encode(params, np.stack([x[0]] * 3))
    assert not np.allclose(x_e[0], x_e[1])
    assert not np.allclose(x_e[1], x_e[2])


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, x):
    frozen = nn.batch_norm_statistics(params, lambda p, rows: encode(p, x[:, rows]), [range(B)])
    alone = np.concatenate([encode(frozen, x[:, [b]]) for b in range(B)], axis=1)
    np.testing.assert_allclose(alone, encode(frozen, x), rtol=0, atol=1e-12)
    np.testing.assert_allclose(alone, encode(params, x), rtol=0, atol=1e-12)  # it was frozen on this very batch

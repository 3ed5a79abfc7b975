r"""Eq. 1, the encoders: p_theta_m(x_m^e) = integral of q(x_m^e | x_m, theta_m) p(x_m) dx_m.

q puts all its mass on E_m(x_m), so what is tested is E_m, with the layers of Figure 3: dense,
dropout, batch norm and leaky ReLU 0.01 to 10d, 10k and k units, then dense to k units and tanh.
"""

import math

import numpy as np
import pytest
from helpers import (
    B,
    assert_alone_in_evaluation,
    assert_close,
    assert_gradient,
    assert_one_network_each,
    batch_norm,
    d,
    dense,
    dropout_masks,
    k,
    leaky_relu,
    member,
    shaken,
    times,
    weigh,
)

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
        z = [dense(p[layer], x) for x in batch]
        batch = []
        for row in batch_norm(p[layer], times(mask, z)):
            batch.append([leaky_relu(value, 0.01) for value in row])
    x_e = []
    for row in batch:
        x_e.append([math.tanh(value) for value in dense(p["dense_4"], row)])
    return x_e


def test_formula(params, x, each_implementation):
    masks = dropout_masks(1, 0.3, (3, B, 10 * d), (3, B, 10 * k), (3, B, k))
    expected = []
    for m in range(3):
        expected.append(encoder(member(params, m), x[m].tolist(), [mask[m] for mask in masks]))
    assert_close(encode(params, x, 0.3, np.random.default_rng(1)), expected)


def test_gradient(params, x, rng, each_implementation):
    def function(p):
        return weigh(encode(p["params"], p["x"], 0.3, np.random.default_rng(1)))

    assert_gradient(function, {"params": params, "x": x}, rng)


def test_range_is_that_of_tanh(params, x):
    x_e = encode(params, 1000 * x)
    assert x_e.shape == (3, B, k)
    assert (np.abs(x_e) <= 1).all()


def test_order_within_the_batch_does_not_matter(params, x, rng):
    order = rng.permutation(B)
    assert_close(encode(params, x[:, order]), encode(params, x)[:, order])


def test_each_modality_has_an_encoder_of_its_own(params, x):
    assert_one_network_each(encode, params, x)


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, x):
    assert_alone_in_evaluation(encode, params, x)

r"""Eq. 5, the decoders: p_theta_dm(~x_m) = integral of q(~x_m | x_m^e, theta_dm) p_theta_m(x_m^e).

As in Eq. 1, q puts all its mass on the output of a network, with the layers of Figure 3: dense to
512, dropout, leaky ReLU 0.2; dense to 64, dropout, batch norm, leaky ReLU 0.2; dense to d, tanh.
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

from argf_np.paper.joint_embedding_eq1_9 import decode, init_decoders

pytestmark = pytest.mark.eq5


@pytest.fixture
def params(rng):
    return shaken(init_decoders(rng, 3, d, k), rng)


@pytest.fixture
def x_e(rng):
    return rng.uniform(-1, 1, (3, B, k))


def decoder(p, batch, masks):
    """The decoder of one modality: B vectors of k numbers to B vectors of d numbers."""
    h = []
    for row in times(masks[0], [dense(p["dense_1"], x_e) for x_e in batch]):
        h.append([leaky_relu(value, 0.2) for value in row])
    z = times(masks[1], [dense(p["dense_2"], row) for row in h])
    x_tilde = []
    for row in batch_norm(p["dense_2"], z):
        last = dense(p["dense_3"], [leaky_relu(value, 0.2) for value in row])
        x_tilde.append([math.tanh(value) for value in last])
    return x_tilde


def test_formula(params, x_e, each_implementation):
    masks = dropout_masks(1, 0.3, (3, B, 512), (3, B, 64))
    expected = []
    for m in range(3):
        expected.append(decoder(member(params, m), x_e[m].tolist(), [mask[m] for mask in masks]))
    assert_close(decode(params, x_e, 0.3, np.random.default_rng(1)), expected)


def test_gradient(params, x_e, rng, each_implementation):
    def function(p):
        return weigh(decode(p["params"], p["x_e"], 0.3, np.random.default_rng(1)))

    assert_gradient(function, {"params": params, "x_e": x_e}, rng, step=1e-6)


def test_range_is_that_of_tanh(params, x_e):
    x_tilde = decode(params, 1000 * x_e)
    assert x_tilde.shape == (3, B, d)
    assert (np.abs(x_tilde) <= 1).all()


def test_order_within_the_batch_does_not_matter(params, x_e, rng):
    order = rng.permutation(B)
    assert_close(decode(params, x_e[:, order]), decode(params, x_e)[:, order])


def test_each_modality_has_a_decoder_of_its_own(params, x_e):
    assert_one_network_each(decode, params, x_e)


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, x_e):
    assert_alone_in_evaluation(decode, params, x_e)

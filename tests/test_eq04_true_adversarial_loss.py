r"""Eq. 4, true adversarial loss: L_tal = -w [log(1 - D(x_a^e)) + log(1 - D(x_v^e)) + log D(x_l^e)].

The discriminator descends it; the encoders are held fixed. D, with the layers of Figure 3: dense to
64, leaky ReLU 0.2; dense to 16, tanh; dense to 1, sigmoid.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_close, assert_gradient, dense, k, leaky_relu, shaken, sigmoid

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import (
    discriminate,
    init_discriminator,
    true_adversarial_loss,
)

pytestmark = pytest.mark.eq4
A, L, V = 0, 1, 2  # rows of the modalities
w = 0.6


@pytest.fixture
def params(rng):
    return shaken(init_discriminator(rng, k), rng)


@pytest.fixture
def x_e(rng):
    return rng.standard_normal((3, B, k))


def discriminator(p, x_e):
    """D of one vector of k numbers."""
    h = [leaky_relu(z, 0.2) for z in dense(p["dense_1"], x_e)]
    h = [math.tanh(z) for z in dense(p["dense_2"], h)]
    return sigmoid(dense(p["dense_3"], h)[0])


def test_formula(params, x_e, each_implementation):
    expected = 0
    for b in range(B):
        D = [discriminator(params, x_e[m, b].tolist()) for m in (A, L, V)]
        expected -= w * (math.log(1 - D[A]) + math.log(1 - D[V]) + math.log(D[L])) / B
    loss = true_adversarial_loss(discriminate(params, x_e), L, w)
    assert math.isclose(loss, expected, rel_tol=1e-12)


def test_gradient(params, x_e, rng, each_implementation):
    def function(p):
        return true_adversarial_loss(discriminate(p["D"], p["x_e"]), L, p["w"])

    assert_gradient(function, {"D": params, "x_e": x_e, "w": np.array(w)}, rng)


def test_one_discriminator_sees_each_vector_alone(params, x_e, rng):
    """There is no batch norm and one network: D of a vector depends on that vector only."""
    z = discriminate(params, x_e)
    assert z.shape == (3, B, 1)
    order = rng.permutation(B)
    assert_close(discriminate(params, x_e[::-1, order]), z[::-1, order])
    assert_close(discriminate(params, x_e[:, :1]), z[:, :1])


@pytest.mark.parametrize("m", [2, 3, 4])
def test_all_modalities_but_the_target_are_false(m, rng):
    """The paper has two sources; other data may have one, or more."""
    z = rng.standard_normal((m, B, 1))
    for target in range(m):
        expected = 0
        for modality in range(m):
            for b in range(B):
                D = sigmoid(z[modality, b, 0])
                expected -= math.log(D if modality == target else 1 - D) / B
        assert math.isclose(true_adversarial_loss(z, target), expected, rel_tol=1e-12)


def test_positive_and_symmetric_in_the_sources(rng):
    z = rng.standard_normal((3, B, 1))
    value = true_adversarial_loss(z, L)
    assert value > 0
    assert math.isclose(value, true_adversarial_loss(z[[V, L, A]], L))
    assert not math.isclose(value, true_adversarial_loss(z[[L, A, V]], L))


def test_discriminator_descends_it_by_telling_target_from_sources(
        params, x_e, each_implementation):
    """Where the target differs, D falls on the sources and rises on the target."""
    x_e[L] += 2
    before = discriminate(params, x_e)
    for _ in range(100):
        _, gradient = nn.value_and_grad(
            lambda p: true_adversarial_loss(discriminate(p, x_e), L), params)
        slopes = dict(nn.leaves(gradient))
        params = nn.build([(path, p - 1e-2 * slopes[path]) for path, p in nn.leaves(params)])
    change = (discriminate(params, x_e) - before).mean(axis=(1, 2))
    assert change[A] < 0
    assert change[V] < 0
    assert change[L] > 0


@pytest.mark.parametrize(
    ("logit", "value", "slopes"), [(-1000, 1000, (0, -1, 0)), (1000, 2000, (1, 0, 1))])
def test_finite_at_saturation(logit, value, slopes, each_implementation):
    """Where D is sure and wrong, the gradient is largest; where it is right, it is 0."""
    z = np.full((3, B, 1), float(logit))
    loss, gradient = nn.value_and_grad(lambda p: true_adversarial_loss(p["z"], L), {"z": z})
    assert loss == value
    for m in (A, L, V):
        np.testing.assert_allclose(gradient["z"][m], slopes[m] / B)

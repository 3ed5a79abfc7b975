r"""Eq. 3, fake adversarial loss: L_fal = -w [log(D(x_a^e)) + log(D(x_v^e))], for the source encoders; D held fixed."""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, d, k, shaken, sigmoid

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import discriminate, encode, init_discriminator, init_encoders
from argf_np.paper.joint_embedding_eq1_9 import fake_adversarial_loss

pytestmark = pytest.mark.eq3
A, L, V = 0, 1, 2  # rows of the modalities
w = 0.6


@pytest.fixture
def z(rng):
    """Logits of the discriminator: D = sigmoid(z)."""
    return rng.standard_normal((3, B, 1))


def test_formula(z, each_implementation):
    D = [[sigmoid(logit) for logit in row] for row in z[:, :, 0].tolist()]
    expected = sum(-w * (math.log(D[A][b]) + math.log(D[V][b])) for b in range(B)) / B
    assert math.isclose(fake_adversarial_loss(z, L, w), expected, rel_tol=1e-12)


def test_gradient(rng, each_implementation):
    """By the encoded representations, w, and the discriminator's parameters."""
    params = {"D": shaken(init_discriminator(rng, k), rng), "x_e": rng.standard_normal((3, B, k)), "w": np.array(w)}
    assert_gradient(lambda p: fake_adversarial_loss(discriminate(p["D"], p["x_e"]), L, p["w"]), params, rng)


def test_only_the_sources_count(z):
    changed = z.copy()
    changed[L] += 1
    assert fake_adversarial_loss(z, L) == fake_adversarial_loss(changed, L)
    assert fake_adversarial_loss(z, A) != fake_adversarial_loss(changed, A)


def test_positive_and_symmetric(z, rng):
    value = fake_adversarial_loss(z, L)
    assert value > 0
    assert math.isclose(value, fake_adversarial_loss(z[[V, L, A]], L))
    assert math.isclose(value, fake_adversarial_loss(z[:, rng.permutation(B)], L))


def test_encoders_descend_it_by_raising_D_on_the_sources(rng, each_implementation):
    """A small step of the encoders against the gradient: D of the sources rises, the target's encoder stays."""
    encoders, D = shaken(init_encoders(rng, 3, d, k), rng), shaken(init_discriminator(rng, k), rng)
    x = rng.standard_normal((3, B, d))

    def log_D(p):
        return -np.logaddexp(0, -discriminate(D, encode(p, x)))

    gradient = nn.value_and_grad(lambda p: fake_adversarial_loss(discriminate(D, encode(p, x)), L), encoders)[1]
    stepped = nn.build([(path, p - 1e-3 * g) for (path, p), (_, g) in
                        zip(nn.leaves(encoders), nn.leaves(gradient), strict=True)])
    change = (log_D(stepped) - log_D(encoders)).mean(axis=(1, 2))
    assert change[A] > 0
    assert change[V] > 0
    assert change[L] == 0


@pytest.mark.parametrize(("logit", "value", "slope"), [(-1000, 2000, -1), (1000, 0, 0)])
def test_finite_at_saturation(logit, value, slope, each_implementation):
    """A discriminator sure that the sources are false pushes them back with full force: non-saturating."""
    z = np.full((3, B, 1), float(logit))
    loss, gradient = nn.value_and_grad(lambda p: fake_adversarial_loss(p["z"], L), {"z": z})
    assert loss == value
    np.testing.assert_allclose(gradient["z"][[A, V]], slope / B)
    assert (gradient["z"][L] == 0).all()

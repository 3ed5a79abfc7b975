r"""Eq. 3, fake adversarial loss: L_fal = -w [log(D(x_a^e)) + log(D(x_v^e))].

The encoders of the sources descend it; D is held fixed.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, d, k, shaken, sigmoid

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import (
    discriminate,
    encode,
    fake_adversarial_loss,
    init_discriminator,
    init_encoders,
)

pytestmark = pytest.mark.eq3
A, L, V = 0, 1, 2  # rows of the modalities
w = 0.6


@pytest.fixture
def z(rng):
    """Logits of the discriminator: D = sigmoid(z)."""
    return rng.standard_normal((3, B, 1))


def test_formula(z, each_implementation):
    expected = 0
    for b in range(B):
        D = [sigmoid(z[m, b, 0]) for m in (A, L, V)]
        expected += -w * (math.log(D[A]) + math.log(D[V])) / B
    assert math.isclose(fake_adversarial_loss(z, L, w), expected, rel_tol=1e-12)


def test_gradient(rng, each_implementation):
    """With respect to the encoded representations, w and the discriminator's parameters."""
    D, x_e = shaken(init_discriminator(rng, k), rng), rng.standard_normal((3, B, k))

    def function(p):
        return fake_adversarial_loss(discriminate(p["D"], p["x_e"]), L, p["w"])

    assert_gradient(function, {"D": D, "x_e": x_e, "w": np.array(w)}, rng)


def test_only_the_sources_count(z):
    changed = z.copy()
    changed[L] += 1
    assert fake_adversarial_loss(z, L) == fake_adversarial_loss(changed, L)
    assert fake_adversarial_loss(z, A) != fake_adversarial_loss(changed, A)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_all_modalities_but_the_target_are_sources(m, rng):
    """The paper has two sources; other data may have one, or more."""
    z = rng.standard_normal((m, B, 1))
    for target in range(m):
        expected = 0
        for source in set(range(m)) - {target}:
            for b in range(B):
                expected -= math.log(sigmoid(z[source, b, 0])) / B
        assert math.isclose(fake_adversarial_loss(z, target), expected, rel_tol=1e-12)


def test_positive_and_symmetric(z, rng):
    value = fake_adversarial_loss(z, L)
    assert value > 0
    assert math.isclose(value, fake_adversarial_loss(z[[V, L, A]], L))
    assert math.isclose(value, fake_adversarial_loss(z[:, rng.permutation(B)], L))


def test_encoders_descend_it_by_raising_D_on_the_sources(rng, each_implementation):
    """A small step of the encoders: D of the sources rises, and D of the target stays."""
    encoders, D = shaken(init_encoders(rng, 3, d, k), rng), shaken(init_discriminator(rng, k), rng)
    x = rng.standard_normal((3, B, d))

    def loss(p):
        return fake_adversarial_loss(discriminate(D, encode(p, x)), L)

    def log_D(p):
        return -np.logaddexp(0, -discriminate(D, encode(p, x)))

    _, gradient = nn.value_and_grad(loss, encoders)
    slopes = dict(nn.leaves(gradient))
    stepped = nn.build([(path, p - 1e-3 * slopes[path]) for path, p in nn.leaves(encoders)])
    change = (log_D(stepped) - log_D(encoders)).mean(axis=(1, 2))
    assert change[A] > 0
    assert change[V] > 0
    assert change[L] == 0


@pytest.mark.parametrize(("logit", "value", "slope"), [(-1000, 2000, -1), (1000, 0, 0)])
def test_finite_at_saturation(logit, value, slope, each_implementation):
    """Where D is sure that the sources are false, the gradient is largest: non-saturating."""
    z = np.full((3, B, 1), float(logit))
    loss, gradient = nn.value_and_grad(lambda p: fake_adversarial_loss(p["z"], L), {"z": z})
    assert loss == value
    np.testing.assert_allclose(gradient["z"][[A, V]], slope / B)
    assert (gradient["z"][L] == 0).all()

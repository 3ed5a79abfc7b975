r"""Eq. 2, adversarial loss: L_al = L_fal(x_a^e, x_v^e) + L_tal(x_l^e, x_a^e, x_v^e).

It is a number to watch. No update descends it, since its two terms pull D in opposite directions on
the sources.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, sigmoid

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import (
    adversarial_loss,
    fake_adversarial_loss,
    true_adversarial_loss,
)

pytestmark = pytest.mark.eq2
A, L, V = 0, 1, 2  # rows of the modalities


@pytest.fixture
def z(rng):
    """Logits of the discriminator: D = sigmoid(z)."""
    return rng.standard_normal((3, B, 1))


def loss(z):
    return adversarial_loss(fake_adversarial_loss(z, L), true_adversarial_loss(z, L))


def test_formula(z, each_implementation):
    expected = 0
    for b in range(B):
        D = [sigmoid(z[m, b, 0]) for m in (A, L, V)]
        L_fal = -(math.log(D[A]) + math.log(D[V]))
        L_tal = -(math.log(1 - D[A]) + math.log(1 - D[V]) + math.log(D[L]))
        expected += (L_fal + L_tal) / B
    assert math.isclose(loss(z), expected, rel_tol=1e-12)


def test_gradient(z, rng, each_implementation):
    assert_gradient(lambda p: loss(p["z"]), {"z": z}, rng)


def test_an_undecided_discriminator_is_the_equilibrium():
    """At D = 1/2 the players' pulls on the sources cancel; only D of the target still rises."""
    z = np.zeros((3, B, 1))
    value, gradient = nn.value_and_grad(lambda p: loss(p["z"]), {"z": z})
    assert math.isclose(value, 5 * math.log(2))
    assert (gradient["z"][[A, V]] == 0).all()
    assert (gradient["z"][L] < 0).all()


def test_the_players_pull_D_of_the_sources_in_opposite_directions(z):
    _, fake = nn.value_and_grad(lambda p: fake_adversarial_loss(p["z"], L), {"z": z})
    _, true = nn.value_and_grad(lambda p: true_adversarial_loss(p["z"], L), {"z": z})
    assert (fake["z"][[A, V]] < 0).all()
    assert (true["z"][[A, V]] > 0).all()
    assert (fake["z"][L] == 0).all()

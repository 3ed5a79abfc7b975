r"""Eq. 2, adversarial loss: L_al = L_fal(x_a^e, x_v^e) + L_tal(x_l^e, x_a^e, x_v^e).

A number to watch: no update descends it, since its two terms pull D in opposite directions on the sources.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, sigmoid

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import adversarial_loss, fake_adversarial_loss, true_adversarial_loss

pytestmark = pytest.mark.eq2
A, L, V = 0, 1, 2  # rows of the modalities


@pytest.fixture
def z(rng):
    """Logits of the discriminator: D = sigmoid(z)."""
    return rng.standard_normal((3, B, 1))


def loss(z):
    return adversarial_loss(fake_adversarial_loss(z, L), true_adversarial_loss(z, L))


def test_formula(z, each_implementation):
    D = [[sigmoid(logit) for logit in row] for row in z[:, :, 0].tolist()]
    expected = 0
    for b in range(B):
        L_fal = -(math.log(D[A][b]) + math.log(D[V][b]))
        L_tal = -(math.log(1 - D[A][b]) + math.log(1 - D[V][b]) + math.log(D[L][b]))
        expected += (L_fal + L_tal) / B
    assert math.isclose(loss(z), expected, rel_tol=1e-12)


def test_gradient(z, rng, each_implementation):
    assert_gradient(lambda p: loss(p["z"]), {"z": z}, rng)


def test_an_undecided_discriminator_is_the_equilibrium():
    """At D = 1/2 the players' pulls on the sources cancel; only the target's D still wants to rise."""
    value, gradient = nn.value_and_grad(lambda p: loss(p["z"]), {"z": np.zeros((3, B, 1))})
    assert math.isclose(value, 5 * math.log(2))
    assert (gradient["z"][[A, V]] == 0).all()
    assert (gradient["z"][L] < 0).all()


def test_players_pull_the_sources_apart(z):
    fake = nn.value_and_grad(lambda p: fake_adversarial_loss(p["z"], L), {"z": z})[1]["z"]
    true = nn.value_and_grad(lambda p: true_adversarial_loss(p["z"], L), {"z": z})[1]["z"]
    assert (fake[[A, V]] < 0).all()
    assert (true[[A, V]] > 0).all()
    assert (fake[L] == 0).all()

r"""Eq. 6, reconstruction loss: L_rl(~x_f, x_f) = sum over m of ||~x_m - x_m||_2, m in {v, a, l}.

The loss is the mean over the batch. Released: the sum of absolute errors (D2, D3).
"""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, d

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import reconstruction_loss

pytestmark = pytest.mark.eq6
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def x_tilde(rng):
    return rng.uniform(-1, 1, (3, B, d))


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, B, d))


@each_variant
def test_formula(variant, x_tilde, x, each_implementation):
    norms = absolute = 0
    for b in range(B):
        for m in range(3):
            errors = [x_tilde[m, b, j] - x[m, b, j] for j in range(d)]
            norms += math.sqrt(sum(error ** 2 for error in errors))
            absolute += sum(abs(error) for error in errors)
    expected = {"paper": norms / B, "released": absolute}[variant]
    assert math.isclose(reconstruction_loss(x_tilde, x, variant), expected, rel_tol=1e-12)
    assert reconstruction_loss(x_tilde, x) == reconstruction_loss(x_tilde, x, "paper")


@each_variant
def test_gradient(variant, x_tilde, x, rng, each_implementation):
    def function(p):
        return reconstruction_loss(p["x_tilde"], p["x"], variant)

    assert_gradient(function, {"x_tilde": x_tilde, "x": x}, rng)


def test_zero_error_has_zero_loss_and_zero_gradient(x_tilde, x, each_implementation):
    """The norm has a kink at 0. There its gradient is 0, and the other utterances keep theirs."""
    x_tilde[:, 0] = x[:, 0]
    _, gradient = nn.value_and_grad(
        lambda p: reconstruction_loss(p["x_tilde"], x), {"x_tilde": x_tilde})
    lengths = np.linalg.norm(gradient["x_tilde"], axis=-1)
    assert (lengths[:, 0] == 0).all()
    np.testing.assert_allclose(lengths[:, 1:], 1 / B)
    assert reconstruction_loss(x, x) == 0


def test_is_a_norm(x_tilde, x):
    """Symmetric; three times the error is three times the loss, so nothing is squared."""
    loss = reconstruction_loss(x_tilde, x)
    assert math.isclose(reconstruction_loss(x, x_tilde), loss)
    assert math.isclose(reconstruction_loss(x + 3 * (x_tilde - x), x), 3 * loss)


def test_order_of_modalities_and_utterances_does_not_matter(x_tilde, x, rng):
    order = rng.permutation(B)
    other = reconstruction_loss(x_tilde[::-1, order], x[::-1, order])
    assert math.isclose(other, reconstruction_loss(x_tilde, x))

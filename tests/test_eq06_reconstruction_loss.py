r"""Eq. 6, reconstruction loss: L_rl(~x_f, x_f) = sum over m of ||~x_m - x_m||_2, m in {v, a, l}, batch mean."""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, d

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import reconstruction_loss

pytestmark = pytest.mark.eq6


@pytest.fixture
def x_tilde(rng):
    return rng.uniform(-1, 1, (3, B, d))


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, B, d))


def test_formula(x_tilde, x, each_implementation):
    expected = 0
    for b in range(B):
        for m in range(3):
            expected += math.sqrt(sum((x_tilde[m, b, j] - x[m, b, j]) ** 2 for j in range(d))) / B
    assert math.isclose(reconstruction_loss(x_tilde, x), expected, rel_tol=1e-12)


def test_gradient(x_tilde, x, rng, each_implementation):
    assert_gradient(lambda p: reconstruction_loss(p["x_tilde"], p["x"]), {"x_tilde": x_tilde, "x": x}, rng)


def test_zero_error_has_zero_loss_and_zero_gradient(x_tilde, x, each_implementation):
    """The norm has a kink at 0: there its gradient is 0, not NaN, and the other utterances keep theirs."""
    x_tilde[:, 0] = x[:, 0]
    gradient = nn.value_and_grad(lambda p: reconstruction_loss(p["x_tilde"], x), {"x_tilde": x_tilde})[1]["x_tilde"]
    assert (gradient[:, 0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(gradient[:, 1:], axis=-1), 1 / B)
    assert reconstruction_loss(x, x) == 0


def test_is_a_norm(x_tilde, x):
    """Symmetric, and three times the error is three times the loss: it is not squared."""
    loss = reconstruction_loss(x_tilde, x)
    assert math.isclose(reconstruction_loss(x, x_tilde), loss)
    assert math.isclose(reconstruction_loss(x + 3 * (x_tilde - x), x), 3 * loss)


def test_order_of_modalities_and_utterances_does_not_matter(x_tilde, x, rng):
    order = rng.permutation(B)
    assert math.isclose(reconstruction_loss(x_tilde[::-1, order], x[::-1, order]), reconstruction_loss(x_tilde, x))

r"""Eq. 8, classification loss: L_cl(~y, y) = sum over m of ||~y_m - y||_2, y the one-hot label.

The loss is the mean over the batch. Released: the sum of absolute errors (D2, D5).
"""

import math

import numpy as np
import pytest
from helpers import B, N, assert_gradient

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import classification_loss

pytestmark = pytest.mark.eq8
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def y_tilde(rng):
    """Probabilities."""
    y_tilde = rng.random((3, B, N))
    return y_tilde / y_tilde.sum(axis=-1, keepdims=True)


@pytest.fixture
def y(rng):
    return np.eye(N)[rng.integers(N, size=B)]


@each_variant
def test_formula(variant, y_tilde, y, each_implementation):
    norms = absolute = 0
    for b in range(B):
        for m in range(3):
            errors = [y_tilde[m, b, n] - y[b, n] for n in range(N)]
            norms += math.sqrt(sum(error ** 2 for error in errors))
            absolute += sum(abs(error) for error in errors)
    expected = {"paper": norms / B, "released": absolute}[variant]
    assert math.isclose(classification_loss(y_tilde, y, variant), expected, rel_tol=1e-12)
    assert classification_loss(y_tilde, y) == classification_loss(y_tilde, y, "paper")


@each_variant
def test_gradient(variant, y_tilde, y, rng, each_implementation):
    def function(p):
        return classification_loss(p["y_tilde"], y, variant)

    assert_gradient(function, {"y_tilde": y_tilde}, rng)


def test_zero_error_has_zero_gradient(y_tilde, y, each_implementation):
    y_tilde[:, 0] = y[0]
    _, gradient = nn.value_and_grad(
        lambda p: classification_loss(p["y_tilde"], y), {"y_tilde": y_tilde})
    lengths = np.linalg.norm(gradient["y_tilde"], axis=-1)
    assert (lengths[:, 0] == 0).all()
    np.testing.assert_allclose(lengths[:, 1:], 1 / B)


def test_from_right_to_wrong(y):
    """Sure and right costs nothing. Sure and wrong costs sqrt(2) per modality."""
    right, wrong = np.stack([y] * 3), np.stack([np.roll(y, 1, axis=1)] * 3)
    assert classification_loss(right, y) == 0
    assert math.isclose(classification_loss(wrong, y), 3 * math.sqrt(2))


def test_every_modality_is_compared_with_the_same_label(y_tilde, y, rng):
    loss, order = classification_loss(y_tilde, y), rng.permutation(B)
    assert math.isclose(classification_loss(y_tilde[::-1], y), loss)
    assert math.isclose(classification_loss(y_tilde[:, order], y[order]), loss)
    assert not math.isclose(classification_loss(y_tilde, np.roll(y, 1, axis=1)), loss)

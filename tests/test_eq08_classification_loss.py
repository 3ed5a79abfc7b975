r"""Eq. 8, classification loss: L_cl(~y, y) = sum over m of ||~y_m - y||_2, y the one-hot label, batch mean."""

import math

import numpy as np
import pytest
from helpers import B, N, assert_gradient

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import classification_loss

pytestmark = pytest.mark.eq8


@pytest.fixture
def y_tilde(rng):
    """Probabilities."""
    y_tilde = rng.random((3, B, N))
    return y_tilde / y_tilde.sum(axis=-1, keepdims=True)


@pytest.fixture
def y(rng):
    return np.eye(N)[rng.integers(N, size=B)]


def test_formula(y_tilde, y, each_implementation):
    expected = 0
    for b in range(B):
        for m in range(3):
            expected += math.sqrt(sum((y_tilde[m, b, n] - y[b, n]) ** 2 for n in range(N))) / B
    assert math.isclose(classification_loss(y_tilde, y), expected, rel_tol=1e-12)


def test_gradient(y_tilde, y, rng, each_implementation):
    assert_gradient(lambda p: classification_loss(p["y_tilde"], y), {"y_tilde": y_tilde}, rng)


def test_zero_error_has_zero_loss_and_zero_gradient(y_tilde, y, each_implementation):
    y_tilde[:, 0] = y[0]
    gradient = nn.value_and_grad(lambda p: classification_loss(p["y_tilde"], y), {"y_tilde": y_tilde})[1]["y_tilde"]
    assert (gradient[:, 0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(gradient[:, 1:], axis=-1), 1 / B)


def test_from_right_to_wrong(y):
    """Sure and right costs nothing; sure and wrong costs sqrt(2) for each of the three modalities."""
    right, wrong = np.stack([y] * 3), np.stack([np.roll(y, 1, axis=1)] * 3)
    assert classification_loss(right, y) == 0
    assert math.isclose(classification_loss(wrong, y), 3 * math.sqrt(2))


def test_every_modality_is_compared_with_the_same_label(y_tilde, y, rng):
    loss, order = classification_loss(y_tilde, y), rng.permutation(B)
    assert math.isclose(classification_loss(y_tilde[::-1], y), loss)
    assert math.isclose(classification_loss(y_tilde[:, order], y[order]), loss)
    assert not math.isclose(classification_loss(y_tilde, np.roll(y, 1, axis=1)), loss)

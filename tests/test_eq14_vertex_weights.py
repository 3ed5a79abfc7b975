r"""Eq. 14, vertex weights: alpha_m1m2 = e^(^alpha_m1m2) / sum over mi != mj of e^(^alpha_mimj)."""

import math

import numpy as np
import pytest
from helpers import B, assert_gradient, weigh

from argf_np.paper.graph_fusion_eq10_16 import vertex_weights

pytestmark = pytest.mark.eq14
n = 6  # vertices


@pytest.fixture
def alpha_hat(rng):
    return 4 * rng.random((n, B, 1))


def test_formula(alpha_hat, each_implementation):
    expected = np.zeros((n, B, 1))
    for i in range(n):
        for b in range(B):
            total = sum(math.exp(alpha_hat[j, b, 0]) for j in range(n))
            expected[i, b, 0] = math.exp(alpha_hat[i, b, 0]) / total
    np.testing.assert_allclose(vertex_weights(alpha_hat), expected, rtol=1e-14)


def test_gradient(alpha_hat, rng, each_implementation):
    assert_gradient(lambda p: weigh(vertex_weights(p["alpha_hat"])), {"alpha_hat": alpha_hat}, rng)


def test_weights_of_an_utterance_sum_to_1(alpha_hat):
    alpha = vertex_weights(alpha_hat)
    assert alpha.shape == (n, B, 1)
    assert (alpha > 0).all()
    np.testing.assert_allclose(alpha.sum(axis=0), 1)


def test_order_of_the_scores_is_kept(alpha_hat):
    assert (np.argsort(vertex_weights(alpha_hat), axis=0) == np.argsort(alpha_hat, axis=0)).all()


def test_equal_scores_share_equally_and_a_shift_changes_nothing(alpha_hat):
    np.testing.assert_allclose(vertex_weights(np.full((n, B, 1), 2.0)), 1 / n)
    np.testing.assert_allclose(vertex_weights(alpha_hat + 3), vertex_weights(alpha_hat))


def test_utterances_do_not_see_each_other(alpha_hat, rng):
    vertices, order = rng.permutation(n), rng.permutation(B)
    np.testing.assert_allclose(vertex_weights(alpha_hat[vertices][:, order]),
                               vertex_weights(alpha_hat)[vertices][:, order])
    np.testing.assert_allclose(vertex_weights(alpha_hat[:, :1]), vertex_weights(alpha_hat)[:, :1])


def test_large_scores_are_finite(each_implementation):
    alpha_hat = 1000 * np.eye(n)[:, :B, None]
    np.testing.assert_array_equal(vertex_weights(alpha_hat), np.eye(n)[:, :B, None])

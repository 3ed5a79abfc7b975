r"""Eq. 13, vertex scores: ^alpha_m1m2 = (alpha_m1 + alpha_m2) / (S_m1m2 + 0.5)."""

import numpy as np
import pytest
from helpers import B, assert_gradient, weigh

from argf_np.paper.graph_fusion_eq10_16 import edge_weight, vertex_scores

pytestmark = pytest.mark.eq13
n = 6  # pairs


@pytest.fixture
def alpha_1(rng):
    return rng.random((n, B, 1))


@pytest.fixture
def alpha_2(rng):
    return rng.random((n, B, 1))


@pytest.fixture
def S(rng):
    return rng.random((n, B, 1))


def test_formula(alpha_1, alpha_2, S):
    expected = np.zeros((n, B, 1))
    for i in range(n):
        for b in range(B):
            expected[i, b, 0] = (alpha_1[i, b, 0] + alpha_2[i, b, 0]) / (S[i, b, 0] + 0.5)
    np.testing.assert_allclose(vertex_scores(alpha_1, alpha_2, S), expected, rtol=1e-14)


def test_gradient(alpha_1, alpha_2, S, rng):
    params = {"alpha_1": alpha_1, "alpha_2": alpha_2, "S": S}
    assert_gradient(lambda p: weigh(vertex_scores(**p)), params, rng)


def test_symmetric(alpha_1, alpha_2, S):
    score, other = vertex_scores(alpha_1, alpha_2, S), vertex_scores(alpha_2, alpha_1, S)
    np.testing.assert_allclose(score, other, rtol=1e-14)


def test_rises_with_the_weights_and_falls_with_the_similarity(alpha_1, alpha_2, S):
    score = vertex_scores(alpha_1, alpha_2, S)
    assert (vertex_scores(alpha_1 + 0.1, alpha_2, S) > score).all()
    assert (vertex_scores(alpha_1, alpha_2, S + 0.1) < score).all()
    np.testing.assert_allclose(vertex_scores(2 * alpha_1, 2 * alpha_2, S), 2 * score)


def test_range(alpha_1, alpha_2, S):
    """With weights and similarity between 0 and 1, the score is between 0 and 4.

    The 0.5 keeps it finite at S = 0.
    """
    zero, one = np.zeros((n, B, 1)), np.ones((n, B, 1))
    assert (vertex_scores(zero, zero, S) == 0).all()
    assert (vertex_scores(one, one, zero) == 4).all()
    np.testing.assert_allclose(vertex_scores(one, one, one), 4 / 3)


def test_is_the_sum_of_the_two_edges(alpha_1, alpha_2, S):
    """The paper's edge from m1 to m1m2 weighs alpha_m1 / (S_m1m2 + 0.5)."""
    one, other = edge_weight(alpha_1, S), edge_weight(alpha_2, S)
    np.testing.assert_allclose(one[0, 0, 0], alpha_1[0, 0, 0] / (S[0, 0, 0] + 0.5))
    np.testing.assert_allclose(vertex_scores(alpha_1, alpha_2, S), one + other)

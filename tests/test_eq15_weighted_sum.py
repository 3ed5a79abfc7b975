r"""Eq. 15, the output of a layer: B = sum of alpha_m1m2 V_m1m2. T is the same sum over layer 3."""

import numpy as np
import pytest
from helpers import B, assert_close, assert_gradient, k, weigh

from argf_np.paper.graph_fusion_eq10_16 import weighted_sum

pytestmark = pytest.mark.eq15
n = 6  # vertices


@pytest.fixture
def alpha(rng):
    """Weights as they come from Eq. 14: positive, and they sum to 1."""
    alpha = rng.random((n, B, 1))
    return alpha / alpha.sum(axis=0)


@pytest.fixture
def V(rng):
    return rng.uniform(-1, 1, (n, B, k))


def test_formula(alpha, V):
    expected = np.zeros((B, k))
    for b in range(B):
        for j in range(k):
            expected[b, j] = sum(alpha[i, b, 0] * V[i, b, j] for i in range(n))
    assert_close(weighted_sum(alpha, V), expected, 1e-14)


def test_gradient(alpha, V, rng):
    params = {"alpha": alpha, "V": V}
    assert_gradient(lambda p: weigh(weighted_sum(p["alpha"], p["V"])), params, rng)


def test_lies_between_the_vertices(alpha, V):
    """An average: nothing is divided by the number of vertices, since the weights sum to 1."""
    output = weighted_sum(alpha, V)
    assert ((V.min(axis=0) <= output) & (output <= V.max(axis=0))).all()
    np.testing.assert_allclose(weighted_sum(alpha, np.ones((n, B, k))), 1)


def test_all_weight_on_one_vertex_gives_that_vertex(V):
    alpha = np.zeros((n, B, 1))
    alpha[4] = 1
    assert np.array_equal(weighted_sum(alpha, V), V[4])


def test_order_of_vertices_and_utterances_does_not_matter(alpha, V, rng):
    vertices, order = rng.permutation(n), rng.permutation(B)
    shuffled = weighted_sum(alpha[vertices][:, order], V[vertices][:, order])
    assert_close(shuffled, weighted_sum(alpha, V)[order], 1e-14)

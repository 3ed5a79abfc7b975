r"""Eq. 12, similarity: S_m1m2 = ~V_m1^T ~V_m2, where ~V is the softmax-normalised V."""

import numpy as np
import pytest
from helpers import B, assert_close, assert_gradient, k, softmax, weigh

from argf_np.nn import ops
from argf_np.paper.graph_fusion_eq10_16 import similarity

pytestmark = pytest.mark.eq12
n = 6  # pairs


@pytest.fixture
def V_1(rng):
    return rng.standard_normal((n, B, k))


@pytest.fixture
def V_2(rng):
    return rng.standard_normal((n, B, k))


def S(V_1, V_2):
    return similarity(ops.softmax(V_1), ops.softmax(V_2))


def test_formula(V_1, V_2, each_implementation):
    expected = np.zeros((n, B, 1))
    for i in range(n):
        for b in range(B):
            one, two = softmax(V_1[i, b].tolist()), softmax(V_2[i, b].tolist())
            expected[i, b, 0] = sum(one[j] * two[j] for j in range(k))
    assert_close(S(V_1, V_2), expected, 1e-15)


def test_gradient(V_1, V_2, rng, each_implementation):
    assert_gradient(lambda p: weigh(S(p["V_1"], p["V_2"])), {"V_1": V_1, "V_2": V_2}, rng)


def test_symmetric(V_1, V_2):
    assert_close(S(V_1, V_2), S(V_2, V_1), 1e-15)


def test_between_0_and_1(V_1):
    """1 for vectors with the same single peak, 0 for different peaks, 1/k for flat ones."""
    assert ((0 < S(V_1, -V_1)) & (S(V_1, V_1) < 1)).all()
    peaks = 1000 * np.eye(k)
    np.testing.assert_allclose(S(peaks[None], peaks[None]), 1)
    np.testing.assert_allclose(S(peaks[None], np.roll(peaks, 1, axis=0)[None]), 0)
    np.testing.assert_allclose(S(np.zeros((n, B, k)), np.zeros((n, B, k))), 1 / k)


def test_shift_of_a_vector_changes_nothing(V_1, V_2):
    assert_close(S(V_1 + 3, V_2 - 2), S(V_1, V_2), 1e-15)


def test_order_of_units_pairs_and_utterances_does_not_matter(V_1, V_2, rng):
    units, order = rng.permutation(k), rng.permutation(B)
    shuffled = S(V_1[::-1, order][..., units], V_2[::-1, order][..., units])
    assert_close(shuffled, S(V_1, V_2)[::-1, order], 1e-15)

r"""Eq. 16, the decision: M = Dec(Omega; Theta_Dec), where Omega = U (+) B (+) T.

Dec: batch norm; dense to 50, tanh; dense to 50, tanh; dense to N, softmax.
"""

import math

import numpy as np
import pytest
from helpers import B, N, assert_gradient, batch_norm, dense, k, shaken, softmax, weigh

from argf_np import nn
from argf_np.paper.graph_fusion_eq10_16 import decide, graph_fusion, init_gfn

pytestmark = pytest.mark.eq16


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, N)["Dec"], rng)


@pytest.fixture
def Omega(rng):
    return rng.uniform(-1, 1, (B, 3 * k))


def dec(p, batch):
    """Dec of B vectors of 3k numbers."""
    decisions = []
    for h in batch_norm(p["norm"], batch):
        h = [math.tanh(z) for z in dense(p["dense_1"], h)]
        h = [math.tanh(z) for z in dense(p["dense_2"], h)]
        decisions.append(softmax(dense(p["dense_3"], h)))
    return decisions


def test_formula(params, Omega, each_implementation):
    np.testing.assert_allclose(decide(params, Omega), dec(params, Omega.tolist()), rtol=0, atol=1e-14)


def test_gradient(params, Omega, rng, each_implementation):
    assert_gradient(lambda p: weigh(decide(p["Dec"], p["Omega"])), {"Dec": params, "Omega": Omega}, rng)


def test_gives_probabilities(params, Omega):
    M = decide(params, Omega)
    assert M.shape == (B, N)
    assert (M > 0).all()
    np.testing.assert_allclose(M.sum(axis=1), 1)


def test_batch_norm_removes_scale_and_shift_of_the_inputs(params, Omega):
    np.testing.assert_allclose(decide(params, 5 * Omega + 3), decide(params, Omega), rtol=0, atol=1e-3)


def test_order_within_the_batch_does_not_matter(params, Omega, rng):
    order = rng.permutation(B)
    np.testing.assert_allclose(decide(params, Omega[order]), decide(params, Omega)[order], rtol=0, atol=1e-14)


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, Omega):
    frozen = nn.batch_norm_statistics(params, lambda p, rows: decide(p, Omega[rows]), [range(B)])
    alone = np.concatenate([decide(frozen, Omega[[b]]) for b in range(B)])
    np.testing.assert_allclose(alone, decide(frozen, Omega), rtol=0, atol=1e-14)


def test_Omega_is_U_B_T_side_by_side(rng):
    graph = graph_fusion(init_gfn(rng, 3, k, N), rng.uniform(-1, 1, (3, B, k)))
    np.testing.assert_array_equal(graph["Omega"], np.concatenate([graph["U"], graph["B"], graph["T"]], axis=1))

r"""Eq. 16, the decision: M = Dec(Omega; Theta_Dec), where Omega = U (+) B (+) T.

Dec: batch norm; dense to 50, tanh; dense to 50, tanh; dense to N, softmax. The decision's loss is
the mean square error ("Experimental details"); released: the sum of absolute errors (D7).
"""

import math

import numpy as np
import pytest
from helpers import (
    B,
    N,
    assert_close,
    assert_gradient,
    batch_norm,
    dense,
    k,
    shaken,
    softmax,
    weigh,
)

from argf_np import nn
from argf_np.paper.graph_fusion_eq10_16 import decide, fusion_loss, graph_fusion, init_gfn

pytestmark = pytest.mark.eq16
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, N)["Dec"], rng)


@pytest.fixture
def Omega(rng):
    return rng.uniform(-1, 1, (B, 3 * k))


@pytest.fixture
def y(rng):
    return np.eye(N)[rng.integers(N, size=B)]


def dec(p, batch):
    """Dec of B vectors of 3k numbers."""
    decisions = []
    for h in batch_norm(p["norm"], batch):
        h = [math.tanh(z) for z in dense(p["dense_1"], h)]
        h = [math.tanh(z) for z in dense(p["dense_2"], h)]
        decisions.append(softmax(dense(p["dense_3"], h)))
    return decisions


def test_formula(params, Omega, each_implementation):
    assert_close(decide(params, Omega), dec(params, Omega.tolist()), 1e-14)


def test_gradient(params, Omega, rng, each_implementation):
    def function(p):
        return weigh(decide(p["Dec"], p["Omega"]))

    assert_gradient(function, {"Dec": params, "Omega": Omega}, rng)


@each_variant
def test_formula_of_the_loss(variant, params, Omega, y, each_implementation):
    M = decide(params, Omega)
    squares = absolute = 0
    for b in range(B):
        for n in range(N):
            squares += (M[b, n] - y[b, n]) ** 2
            absolute += abs(M[b, n] - y[b, n])
    expected = {"paper": squares / (B * N), "released": absolute}[variant]
    assert math.isclose(fusion_loss(M, y, variant), expected, rel_tol=1e-12)
    assert fusion_loss(M, y) == fusion_loss(M, y, "paper")


@each_variant
def test_gradient_of_the_loss(variant, Omega, params, y, rng, each_implementation):
    M = decide(params, Omega)
    assert_gradient(lambda p: fusion_loss(p["M"], y, variant), {"M": M}, rng)


def test_gives_probabilities(params, Omega):
    M = decide(params, Omega)
    assert M.shape == (B, N)
    assert (M > 0).all()
    np.testing.assert_allclose(M.sum(axis=1), 1)


def test_batch_norm_removes_scale_and_shift_of_the_inputs(params, Omega):
    """But for the 1e-5 that is added to the variance."""
    assert_close(decide(params, 5 * Omega + 3), decide(params, Omega), 1e-3)


def test_order_within_the_batch_does_not_matter(params, Omega, rng):
    order = rng.permutation(B)
    assert_close(decide(params, Omega[order]), decide(params, Omega)[order], 1e-14)


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, Omega):
    evaluated = nn.batch_norm_statistics(params, lambda p, rows: decide(p, Omega[rows]), [range(B)])
    alone = [decide(evaluated, Omega[[b]]) for b in range(B)]
    assert_close(np.concatenate(alone), decide(evaluated, Omega), 1e-14)


def test_Omega_is_U_B_T_side_by_side(rng):
    graph = graph_fusion(init_gfn(rng, 3, k, N), rng.uniform(-1, 1, (3, B, k)))
    side_by_side = np.concatenate([graph["U"], graph["B"], graph["T"]], axis=1)
    np.testing.assert_array_equal(graph["Omega"], side_by_side)

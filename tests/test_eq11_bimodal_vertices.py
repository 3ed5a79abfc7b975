r"""Eq. 11, bimodal vertices: V_m1m2 = MLP(V_m1 (+) V_m2; Theta_MLP), m1 != m2; (+) concatenates.

MLP: dense to 64, leaky ReLU 0.2; dense to k, tanh.
"""

import math

import numpy as np
import pytest
from helpers import B, assert_close, assert_gradient, dense, k, leaky_relu, shaken, weigh

from argf_np.paper.graph_fusion_eq10_16 import fuse, init_gfn
from argf_np.paper.vertices import BIMODAL, UNIMODAL, source_indices

pytestmark = pytest.mark.eq11
n = 6  # pairs


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, 2)["MLP_2"], rng)


@pytest.fixture
def V_1(rng):
    return rng.uniform(-1, 1, (n, B, k))


@pytest.fixture
def V_2(rng):
    return rng.uniform(-1, 1, (n, B, k))


def mlp(p, v):
    """MLP of one vector of 2k numbers."""
    h = [leaky_relu(z, 0.2) for z in dense(p["dense_1"], v)]
    return [math.tanh(z) for z in dense(p["dense_2"], h)]


def test_formula(params, V_1, V_2, each_implementation):
    new = fuse(params, V_1, V_2)
    assert new.shape == (n, B, k)
    for i in range(n):
        for b in range(B):
            both = [*V_1[i, b].tolist(), *V_2[i, b].tolist()]
            assert_close(new[i, b], mlp(params, both), 1e-14)


def test_gradient(params, V_1, V_2, rng, each_implementation):
    def function(p):
        return weigh(fuse(p["MLP"], p["V_1"], p["V_2"]))

    assert_gradient(function, {"MLP": params, "V_1": V_1, "V_2": V_2}, rng)


def test_range_is_that_of_tanh(params, V_1, V_2):
    assert (np.abs(fuse(params, 1000 * V_1, 1000 * V_2)) <= 1).all()


def test_one_MLP_for_all_pairs_of_a_layer(params, V_1, V_2, rng):
    pairs, order = rng.permutation(n), rng.permutation(B)
    shuffled = fuse(params, V_1[pairs][:, order], V_2[pairs][:, order])
    assert_close(shuffled, fuse(params, V_1, V_2)[pairs][:, order], 1e-14)


def test_both_vertices_enter_and_their_order_matters(params, V_1, V_2):
    """Concatenation is not symmetric. The names of the pairs say which vertex stands first."""
    new = fuse(params, V_1, V_2)
    for other in (fuse(params, V_2, V_1), fuse(params, V_1, V_1), fuse(params, V_2, V_2)):
        assert not np.isclose(new, other).all(axis=-1).any()


def test_every_two_modalities_are_fused_once():
    assert BIMODAL == {"al": ("a", "l"), "vl": ("v", "l"), "av": ("a", "v")}
    first, second = source_indices(3)[0]
    assert [UNIMODAL[i] + UNIMODAL[j] for i, j in zip(first, second, strict=True)] == [*BIMODAL]

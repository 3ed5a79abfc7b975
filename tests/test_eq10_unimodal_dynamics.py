r"""Eq. 10, unimodal dynamics: alpha_m = MAN(V_m; Theta_MAN), U = 1/3 sum over m of alpha_m V_m.

MAN is a dense layer to one unit with a sigmoid, one for all modalities.
"""

import numpy as np
import pytest
from helpers import B, assert_close, assert_gradient, dense, k, shaken, sigmoid, weigh

from argf_np.paper.graph_fusion_eq10_16 import init_gfn, modality_attention, unimodal_dynamics

pytestmark = pytest.mark.eq10


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, 2)["MAN"], rng)


@pytest.fixture
def V(rng):
    return rng.uniform(-1, 1, (3, B, k))


def test_formula(params, V, each_implementation):
    computed = modality_attention(params, V)
    U = unimodal_dynamics(computed, V)
    assert U.shape == (B, k)
    for b in range(B):
        alpha = [sigmoid(dense(params, V[m, b].tolist())[0]) for m in range(3)]
        assert_close(computed[:, b, 0], alpha, 1e-14)
        for j in range(k):
            assert_close(U[b, j], sum(alpha[m] * V[m, b, j] for m in range(3)) / 3, 1e-14)


def test_gradient(params, V, rng, each_implementation):
    def function(p):
        return weigh(unimodal_dynamics(modality_attention(p["MAN"], p["V"]), p["V"]))

    assert_gradient(function, {"MAN": params, "V": V}, rng)


def test_weights_are_between_0_and_1_and_each_vertex_has_its_own(params, V):
    """A sigmoid for each vertex, not a softmax over them: the weights do not compete."""
    alpha = modality_attention(params, V)
    assert alpha.shape == (3, B, 1)
    assert ((0 < alpha) & (alpha < 1)).all()
    assert not np.isclose(alpha.sum(axis=0), 1).any()
    changed = modality_attention(params, np.concatenate([V[:2], 2 * V[2:]]))
    assert_close(changed[:2], alpha[:2], 1e-14)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_full_weights_give_the_mean_and_zero_weights_nothing(m, rng):
    V = rng.uniform(-1, 1, (m, B, k))
    assert_close(unimodal_dynamics(np.ones((m, B, 1)), V), V.mean(axis=0))
    assert (unimodal_dynamics(np.zeros((m, B, 1)), V) == 0).all()


def test_order_of_modalities_and_utterances_does_not_matter(params, V, rng):
    order = rng.permutation(B)
    alpha, shuffled = modality_attention(params, V), modality_attention(params, V[::-1, order])
    assert_close(shuffled, alpha[::-1, order], 1e-14)
    U = unimodal_dynamics(shuffled, V[::-1, order])
    assert_close(U, unimodal_dynamics(alpha, V)[order], 1e-14)

r"""Eq. 10, unimodal dynamics: alpha_m = MAN(V_m; Theta_MAN), U = 1/3 sum over m of alpha_m V_m, m in {a, v, l}.

MAN is a dense layer to one unit with a sigmoid, one for all modalities.
"""

import numpy as np
import pytest
from helpers import B, assert_gradient, dense, k, shaken, sigmoid, weigh

from argf_np.paper.graph_fusion_eq10_16 import init_gfn, modality_attention, unimodal_dynamics

pytestmark = pytest.mark.eq10


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, 2)["MAN"], rng)


@pytest.fixture
def V(rng):
    return rng.uniform(-1, 1, (3, B, k))


def test_formula(params, V, each_implementation):
    alpha = [[sigmoid(dense(params, vector)[0]) for vector in V[m].tolist()] for m in range(3)]
    U = [[sum(alpha[m][b] * V[m, b, j] for m in range(3)) / 3 for j in range(k)] for b in range(B)]
    computed = modality_attention(params, V)
    np.testing.assert_allclose(computed[:, :, 0], alpha, rtol=0, atol=1e-14)
    np.testing.assert_allclose(unimodal_dynamics(computed, V), U, rtol=0, atol=1e-14)


def test_gradient(params, V, rng, each_implementation):
    assert_gradient(lambda p: weigh(unimodal_dynamics(modality_attention(p["MAN"], p["V"]), p["V"])),
                    {"MAN": params, "V": V}, rng)


def test_weights_are_between_0_and_1_and_each_vertex_has_its_own(params, V):
    """A sigmoid for each vertex, not a softmax over them: the weights do not compete."""
    alpha = modality_attention(params, V)
    assert alpha.shape == (3, B, 1)
    assert ((0 < alpha) & (alpha < 1)).all()
    assert not np.isclose(alpha.sum(axis=0), 1).any()
    changed = modality_attention(params, np.concatenate([V[:2], 2 * V[2:]]))
    np.testing.assert_allclose(changed[:2], alpha[:2], rtol=0, atol=1e-14)


def test_full_weights_give_the_mean_and_zero_weights_nothing(V):
    np.testing.assert_allclose(unimodal_dynamics(np.ones((3, B, 1)), V), V.mean(axis=0))
    assert (unimodal_dynamics(np.zeros((3, B, 1)), V) == 0).all()


def test_order_of_modalities_and_utterances_does_not_matter(params, V, rng):
    order = rng.permutation(B)
    alpha, shuffled = modality_attention(params, V), modality_attention(params, V[::-1, order])
    np.testing.assert_allclose(shuffled, alpha[::-1, order], rtol=0, atol=1e-14)
    np.testing.assert_allclose(unimodal_dynamics(shuffled, V[::-1, order]), unimodal_dynamics(alpha, V)[order],
                               rtol=0, atol=1e-14)

r"""The graph of Figure 2 as a whole, and the paper's paragraph on the third layer.

"Each two bimodal vertices are further fused using the same MLP network (but the parameters are not shared) [...] each
specific bimodal vertex is also fused with the unimodal vertex that do not contribute to the formation of this bimodal
vertex [...] We apply the same weight computing method [...] Then we add up the weighted information."
"""

import math

import numpy as np
import pytest
from helpers import B, N, assert_gradient, dense, k, leaky_relu, shaken, sigmoid, softmax, weigh

from argf_np.paper.graph_fusion_eq10_16 import graph_fusion, init_gfn
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, N), rng)


@pytest.fixture
def x_e(rng):
    return rng.uniform(-1, 1, (3, B, k))


def mlp(p, v):
    """MLP of Eq. 11 of one vector of 2k numbers."""
    return [math.tanh(z) for z in dense(p["dense_2"], [leaky_relu(z, 0.2) for z in dense(p["dense_1"], v)])]


def layer(p, pairs, V, alpha):
    """Eq. 11 to 15 for one utterance: adds the new vertices to V and alpha by name, returns the output and S."""
    S, e = {}, {}
    for name, (one, two) in pairs.items():
        V[name] = mlp(p, V[one] + V[two])
        S[name] = sum(a * b for a, b in zip(softmax(V[one]), softmax(V[two]), strict=True))
        e[name] = math.exp((alpha[one] + alpha[two]) / (S[name] + 0.5))
    for name in pairs:
        alpha[name] = e[name] / sum(e.values())
    return [sum(alpha[name] * V[name][j] for name in pairs) for j in range(k)], S


def test_whole_graph_one_utterance_and_one_vertex_at_a_time(params, x_e, each_implementation):
    graph = graph_fusion(params, x_e)
    bimodal = {"al": ("a", "l"), "vl": ("v", "l"), "av": ("a", "v")}
    trimodal = {"al+vl": ("al", "vl"), "al+av": ("al", "av"), "vl+av": ("vl", "av"),
                "al+v": ("al", "v"), "vl+a": ("vl", "a"), "av+l": ("av", "l")}
    for b in range(B):
        V = dict(zip("alv", x_e[:, b].tolist(), strict=True))
        alpha = {m: sigmoid(dense(params["MAN"], V[m])[0]) for m in "alv"}
        U = [sum(alpha[m] * V[m][j] for m in "alv") / 3 for j in range(k)]
        two, S_2 = layer(params["MLP_2"], bimodal, V, alpha)
        three, S_3 = layer(params["MLP_3"], trimodal, V, alpha)
        expected = {
            "alpha_m": [[alpha[m]] for m in "alv"], "U": U, "B": two, "T": three, "Omega": U + two + three,
            "V_2": [V[name] for name in bimodal], "V_3": [V[name] for name in trimodal],
            "S_2": [[S_2[name]] for name in bimodal], "S_3": [[S_3[name]] for name in trimodal],
            "alpha_2": [[alpha[name]] for name in bimodal], "alpha_3": [[alpha[name]] for name in trimodal],
        }
        for name, value in expected.items():
            np.testing.assert_allclose(graph[name][..., b, :], value, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_gradient(variant, params, x_e, rng, each_implementation):
    Dec = {"Dec": params.pop("Dec")}  # comes after Omega, so its gradient would be 0
    assert_gradient(lambda p: weigh(graph_fusion(p["gfn"] | Dec, p["x_e"], variant)["Omega"]),
                    {"gfn": params, "x_e": x_e}, rng, step=1e-6)


def test_layers_do_not_share_parameters(params, x_e):
    before = graph_fusion(params, x_e)
    after = graph_fusion(params | {"MLP_3": params["MLP_2"]}, x_e)
    np.testing.assert_array_equal(before["V_2"], after["V_2"])
    assert not np.allclose(before["V_3"], after["V_3"])


def test_weights_of_a_layer_sum_to_1(params, x_e):
    graph = graph_fusion(params, x_e)
    for name, vertices in (("alpha_2", BIMODAL), ("alpha_3", TRIMODAL)):
        assert graph[name].shape == (len(vertices), B, 1)
        np.testing.assert_allclose(graph[name].sum(axis=0), 1)


def test_an_utterance_does_not_depend_on_the_others(params, x_e):
    together, alone = graph_fusion(params, x_e), graph_fusion(params, x_e[:, [2]])
    for name in together.keys() - {"M"}:  # M comes after a batch norm
        np.testing.assert_allclose(
            alone[name][..., 0, :], together[name][..., 2, :], rtol=0, atol=1e-14, err_msg=name)


def test_every_trimodal_vertex_holds_all_three_modalities():
    for one, two in TRIMODAL.values():
        parts = {m for vertex in (one, two) for m in BIMODAL.get(vertex, (vertex,))}
        assert parts == set(UNIMODAL)

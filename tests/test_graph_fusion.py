r"""The graph of Figure 2 as a whole, and the paper's paragraph on the third layer.

"Each two bimodal vertices are further fused using the same MLP network (but the parameters are not
shared) [...] each specific bimodal vertex is also fused with the unimodal vertex that do not
contribute to the formation of this bimodal vertex [...] We apply the same weight computing method
[...] Then we add up the weighted information."
"""

import math

import numpy as np
import pytest
from helpers import (
    B,
    N,
    assert_close,
    assert_gradient,
    dense,
    k,
    leaky_relu,
    shaken,
    sigmoid,
    softmax,
    weigh,
)

from argf_np.paper.graph_fusion_eq10_16 import graph_fusion, init_gfn
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL, VERTICES, bimodal, trimodal

PAIRS = {"al": ("a", "l"), "vl": ("v", "l"), "av": ("a", "v")}
TRIPLES = {"av+vl": ("av", "vl"), "av+al": ("av", "al"), "vl+al": ("vl", "al"),
           "av+l": ("av", "l"), "al+v": ("al", "v"), "vl+a": ("vl", "a")}
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def params(rng):
    return shaken(init_gfn(rng, 3, k, N), rng)


@pytest.fixture
def x_e(rng):
    return rng.uniform(-1, 1, (3, B, k))


def mlp(p, v):
    """MLP of Eq. 11 of one vector of 2k numbers."""
    h = [leaky_relu(z, 0.2) for z in dense(p["dense_1"], v)]
    return [math.tanh(z) for z in dense(p["dense_2"], h)]


def layer(p, pairs, V, alpha):
    """Eq. 11 to 15 for one utterance.

    Adds the new vertices to V and alpha by name. Returns the output, S and the scores.
    """
    S, score = {}, {}
    for name, (one, two) in pairs.items():
        V[name] = mlp(p, V[one] + V[two])
        S[name] = sum(a * b for a, b in zip(softmax(V[one]), softmax(V[two]), strict=True))
        score[name] = (alpha[one] + alpha[two]) / (S[name] + 0.5)
    total = sum(math.exp(value) for value in score.values())
    output = [0.0] * k
    for name in pairs:
        alpha[name] = math.exp(score[name]) / total
        for j in range(k):
            output[j] += alpha[name] * V[name][j]
    return output, S, score


def test_whole_graph_one_utterance_and_one_vertex_at_a_time(params, x_e, each_implementation):
    graph = graph_fusion(params, x_e)
    for b in range(B):
        V = dict(zip("alv", x_e[:, b].tolist(), strict=True))
        alpha = {m: sigmoid(dense(params["MAN"], V[m])[0]) for m in "alv"}
        U = [sum(alpha[m] * V[m][j] for m in "alv") / 3 for j in range(k)]
        two, S_2, score_2 = layer(params["MLP_2"], PAIRS, V, alpha)
        three, S_3, score_3 = layer(params["MLP_3"], TRIPLES, V, alpha)
        expected = {"alpha_m": [alpha[m] for m in "alv"], "U": U, "B": two, "T": three,
                    "Omega": U + two + three}
        for number, names, S, score in ((2, PAIRS, S_2, score_2), (3, TRIPLES, S_3, score_3)):
            expected[f"V_{number}"] = [V[name] for name in names]
            expected[f"S_{number}"] = [S[name] for name in names]
            expected[f"alpha_hat_{number}"] = [score[name] for name in names]
            expected[f"alpha_{number}"] = [alpha[name] for name in names]
        assert set(expected) == set(graph) - {"M"}  # Eq. 16 has its own test
        for name, value in expected.items():
            ours = graph[name][..., b, :]
            assert_close(ours, np.reshape(value, ours.shape), 1e-14)


@each_variant
def test_gradient(variant, params, x_e, rng, each_implementation):
    Dec = {"Dec": params.pop("Dec")}  # comes after Omega, so its gradient would be 0

    def function(p):
        return weigh(graph_fusion(p["gfn"] | Dec, p["x_e"], variant)["Omega"])

    assert_gradient(function, {"gfn": params, "x_e": x_e}, rng, step=1e-6)


def test_layers_do_not_share_parameters(params, x_e):
    before = graph_fusion(params, x_e)
    after = graph_fusion(params | {"MLP_3": params["MLP_2"]}, x_e)
    np.testing.assert_array_equal(before["V_2"], after["V_2"])
    assert not np.allclose(before["V_3"], after["V_3"])


@each_variant
def test_weights_of_a_layer_sum_to_1(variant, params, x_e):
    graph = graph_fusion(params, x_e, variant)
    for name, vertices in (("alpha_2", 3), ("alpha_3", 6)):
        assert graph[name].shape == (vertices, B, 1)
        np.testing.assert_allclose(graph[name].sum(axis=0), 1)


@each_variant
def test_an_utterance_does_not_depend_on_the_others(variant, params, x_e):
    together = graph_fusion(params, x_e, variant)
    alone = graph_fusion(params, x_e[:, [2]], variant)
    for name in together.keys() - {"M"}:  # M comes after a batch norm
        assert_close(alone[name][..., 0, :], together[name][..., 2, :], 1e-14)


def test_the_vertices_of_the_paper():
    """Names, sources and order of all twelve: the order of ⊕ is that of the released code (D22)."""
    assert UNIMODAL == ("a", "l", "v")
    assert [*BIMODAL.items()] == [*PAIRS.items()]
    assert [*TRIMODAL.items()] == [*TRIPLES.items()]
    assert VERTICES == ("a", "l", "v", *PAIRS, *TRIPLES)


def test_every_trimodal_vertex_holds_all_three_modalities():
    for sources in TRIMODAL.values():
        parts = set()
        for vertex in sources:
            parts |= set(BIMODAL.get(vertex, (vertex,)))
        assert parts == {"a", "l", "v"}


@each_variant
def test_the_graph_of_two_modalities_has_no_third_layer(variant, params, x_e):
    """One bimodal vertex, with weight 1; T is 0, so that Dec has an input of one width."""
    graph = graph_fusion(params, x_e[:2], variant)
    assert set(graph) == {"alpha_m", "U", "V_2", "S_2", "alpha_hat_2", "alpha_2", "B", "T",
                          "Omega", "M"}
    assert (graph["alpha_2"] == 1).all()
    assert graph["V_2"].shape == (1, B, k)
    np.testing.assert_array_equal(graph["T"], np.zeros((B, k)))
    both = [*x_e[0, 0].tolist(), *x_e[1, 0].tolist()]
    assert_close(graph["V_2"][0, 0], mlp(params["MLP_2"], both), 1e-14)


@pytest.mark.parametrize(("modalities", "pairs"), [
    (("a", "v"), ["av"]),
    (("audio", "video", "text"), ["audio*video", "text*video", "audio*text"]),
    (("a", "b", "c", "d"), ["ab", "ac", "ad", "bc", "bd", "cd"]),
])
def test_two_or_more_modalities_of_any_name(modalities, pairs):
    """Every two modalities; then every two pairs, and each pair with each modality it lacks."""
    two, three = bimodal(modalities), trimodal(modalities)
    assert [*two] == pairs
    expected = math.comb(len(pairs), 2) + len(pairs) * (len(modalities) - 2)
    assert len(three) == len({frozenset(sources) for sources in three.values()}) == expected
    for name, (one, other) in three.items():
        assert name == f"{one}+{other}"
        assert one in two
        assert other in two or other not in two[one]

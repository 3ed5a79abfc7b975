"""Exercises of notebook 09, graph fusion II."""

import itertools

import numpy as np

from argf_np import nn
from argf_np.paper.graph_fusion_eq10_16 import decide, init_gfn, vertex_scores, vertex_weights
from argf_np.paper.vertices import source_indices
from argf_np.nn import ops

from . import compare, exercise, require

B, k, N = 5, 7, 4


@exercise("9.1")
def trimodal_pairs(answer, rng):
    """The pairs of vertices of layers 1 and 2 that hold exactly three modalities."""
    for unimodal in ("alv", "alvt"):
        bimodal = ["".join(pair) for pair in itertools.combinations(unimodal, 2)]
        result = {frozenset(pair) for pair in answer(list(unimodal), bimodal)}
        for pair in sorted(map(sorted, result)):
            held = len(set("".join(pair)))
            require(len(pair) == 2, f"{pair} is no pair of two vertices")
            require(held == 3, f"{' + '.join(pair)} holds {held} modalities, not 3")
        for pair in itertools.combinations([*unimodal, *bimodal], 2):
            require(frozenset(pair) in result or len(set("".join(pair))) != 3,
                    f"with {len(unimodal)} modalities, {' + '.join(pair)} holds three of them and is missing")


@exercise("9.2", 13, 14)
def weights_of_layer_3(answer, rng):
    """The weights (6, B, 1) of the trimodal vertices."""
    alpha_1, alpha_2, S = rng.random((3, B, 1)), vertex_weights(rng.random((3, B, 1))), rng.random((6, B, 1))
    first, second = source_indices(3)[1]
    below = np.concatenate([alpha_1, alpha_2])

    def scores(below, S=S):
        return vertex_scores(below[first], below[second], S)

    halves = np.concatenate([vertex_weights(half) for half in np.split(scores(below), 2)])
    compare(answer, (alpha_1, alpha_2, S, first, second), vertex_weights(scores(below)), {
        "the softmax of Eq. 14 is missing": scores(below),
        "the 0.5 is missing in the denominator of Eq. 13": vertex_weights(scores(below, S - 0.5)),
        "the bimodal weights stand in front of the unimodal ones: the rows count a, l, v first": vertex_weights(
            scores(np.concatenate([alpha_2, alpha_1]))),
        "it looks like one softmax for each half: all six vertices of an utterance share 1": halves,
        "it looks like the softmax over the batch: the six weights of one utterance sum to 1": ops.softmax(
            scores(below), axis=1),
    })


@exercise("9.3", 16)
def decision(answer, rng):
    """M (B, N) from Omega (B, 3k)."""
    Omega = 2 + rng.standard_normal((B, 3 * k))
    Dec = nn.map_leaves(lambda leaf: leaf + 0.2 * rng.standard_normal(leaf.shape), init_gfn(rng, 3, k, N)["Dec"])
    norm, layers = Dec["norm"], [Dec[f"dense_{i}"] for i in (1, 2, 3)]

    def after_norm(x, activations=("tanh", "tanh", "softmax")):
        for p, activation in zip(layers, activations, strict=True):
            x = ops.dense_layer(p, x, activation)
        return x

    normed = ops.batch_norm(norm, Omega)
    compare(answer, (Dec, Omega), decide(Dec, Omega), {
        "the batch norm is missing": after_norm(Omega),
        "the scale and shift of the batch norm are missing": after_norm((normed - norm["beta"]) / norm["gamma"]),
        "it looks like the mean over the columns: batch norm takes each column over the batch": after_norm(
            ops.batch_norm({name: p.T for name, p in norm.items()}, Omega.T).T),
        "the last softmax is missing": after_norm(normed, ("tanh", "tanh", "identity")),
        "it looks like a tanh in front of the softmax": ops.softmax(after_norm(normed, ("tanh", "tanh", "tanh"))),
        "it looks like the softmax over the batch: the probabilities of one utterance sum to 1": ops.softmax(
            after_norm(normed, ("tanh", "tanh", "identity")), axis=0),
        "a tanh is missing after the second layer": after_norm(normed, ("tanh", "identity", "softmax")),
    })


@exercise("9.4")
def alternating_sum(answer, rng):
    """The alternating sum (k,) of a function of V (3, 1, k) over eight corners."""
    lower, upper = rng.standard_normal((2, 3, k))

    def f(V):
        return (V[0] * V[1] * V[2] + V[0] * V[1] + V[2]) ** 2

    corners = [*itertools.product((0, 1), repeat=3)]
    values = np.stack([f(np.where(np.array(corner)[:, None], upper, lower)[:, None])[0] for corner in corners])
    signs = np.array([(-1) ** (3 - sum(corner)) for corner in corners])
    compare(answer, (f, lower, upper), signs @ values, {
        "every sign is turned: the corner where all three are upper counts +": -signs @ values,
        "it looks like the sum without signs": values.sum(axis=0),
        "it looks like the mean over the corners": signs @ values / 8,
        "it looks like two modalities only: there are eight corners, not four": signs[1::2] @ values[1::2],
        "the right numbers with an axis too many: expected (k,)": (signs @ values)[None],
    })

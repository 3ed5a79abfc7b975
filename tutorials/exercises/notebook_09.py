"""Exercises of notebook 09, graph fusion II."""

import itertools

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.graph_fusion_eq10_16 import decide, init_gfn, vertex_scores, vertex_weights
from argf_np.paper.vertices import source_indices

from . import compare, exercise, require

n, k, N = 5, 7, 4


@exercise("9.1")
def trimodal_pairs(answer, rng):
    """The pairs of vertices of layers 1 and 2 that hold exactly three modalities."""
    for unimodal in ("alv", "alvt"):
        bimodal = ["".join(pair) for pair in itertools.combinations(unimodal, 2)]
        result = answer(list(unimodal), bimodal)
        require(result is not None, "your function returns nothing; is the `return` missing?")
        result = {frozenset(pair) for pair in result}
        for pair in sorted(map(sorted, result)):
            held = len(set("".join(pair)))
            require(len(pair) == 2, f"{pair} is not a pair of two vertices")
            require(held == 3, f"{' + '.join(pair)} holds {held} modalities, not 3")
        for pair in itertools.combinations([*unimodal, *bimodal], 2):
            require(frozenset(pair) in result or len(set("".join(pair))) != 3,
                    f"with {len(unimodal)} modalities, {' + '.join(pair)} holds three of them and "
                    "is missing")
    return "and with three modalities the same rule gives the six of Figure 2"


@exercise("9.2", 13, 14)
def weights_of_layer_3(answer, rng):
    """The weights (6, n, 1) of the trimodal vertices."""
    alpha_1, S = rng.random((3, n, 1)), rng.random((6, n, 1))
    alpha_2 = vertex_weights(rng.random((3, n, 1)))
    first, second = source_indices(3)[1]
    below = np.concatenate([alpha_1, alpha_2])

    def scores(below, S=S):
        return vertex_scores(below[first], below[second], S)

    right = scores(below)
    halves = np.concatenate([vertex_weights(half) for half in np.split(right, 2)])
    e = np.exp(right)
    compare(answer, (alpha_1, alpha_2, S, first, second), vertex_weights(right), {
        "the softmax of Eq. 14 is missing": right,
        "it looks like scores divided by their sum: Eq. 14 takes the exponential first":
            right / right.sum(axis=0),
        "the 0.5 is missing in the denominator of Eq. 13": vertex_weights(scores(below, S - 0.5)),
        "the bimodal weights come before the unimodal ones: the rows count a, l, v first":
            vertex_weights(scores(np.concatenate([alpha_2, alpha_1]))),
        "it looks like one softmax for each half: all six vertices of an utterance share 1": halves,
        "it looks like the softmax over the batch: the six weights of one utterance sum to 1":
            ops.softmax(right, axis=1),
        "it looks like the softmax over all entries at once: the six weights of one utterance sum "
        "to 1": e / e.sum(),
    })
    return "and for every utterance they sum to 1, however large the scores are"


@exercise("9.3", 16)
def decision(answer, rng):
    """M (n, N) from Omega (n, 3k)."""
    Omega = 2 + rng.standard_normal((n, 3 * k))

    def moved(leaf):
        return leaf + 0.2 * rng.standard_normal(leaf.shape)

    Dec = nn.map_leaves(moved, init_gfn(rng, 3, k, N)["Dec"])
    gamma, beta = Dec["norm"]["gamma"], Dec["norm"]["beta"]

    def after_norm(x, activations=("tanh", "tanh", "softmax")):
        for number, activation in enumerate(activations, 1):
            x = ops.dense_layer(Dec[f"dense_{number}"], x, activation)
        return x

    normed = ops.batch_norm(Dec["norm"], Omega)
    mean, deviation = Omega.mean(axis=0), Omega.std(axis=0)
    across = (Omega - Omega.mean(axis=1, keepdims=True)) / np.sqrt(
        Omega.var(axis=1, keepdims=True) + 1e-5)
    unbiased = (Omega - mean) / np.sqrt(Omega.var(axis=0, ddof=1) + 1e-5)
    compare(answer, (Dec, Omega), decide(Dec, Omega), {
        "the batch norm is missing": after_norm(Omega),
        "the scale and shift of the batch norm are missing": after_norm((normed - beta) / gamma),
        "it looks like the mean over the columns: batch norm takes each column over the batch":
            after_norm(gamma * across + beta),
        "epsilon is outside the root: batch norm adds it to the variance":
            after_norm(gamma * (Omega - mean) / (deviation + 1e-5) + beta),
        "epsilon is missing: batch norm adds it to the variance":
            after_norm(gamma * (Omega - mean) / deviation + beta),
        "it looks like the variance with n - 1: batch norm divides by n":
            after_norm(gamma * unbiased + beta),
        "it looks like the variance where the standard deviation should be: the root is missing":
            after_norm(gamma * (Omega - mean) / (deviation ** 2 + 1e-5) + beta),
        "the last softmax is missing": after_norm(normed, ("tanh", "tanh", "identity")),
        "it looks like a tanh before the softmax":
            ops.softmax(after_norm(normed, ("tanh", "tanh", "tanh"))),
        "it looks like the softmax over the batch: the probabilities of one utterance sum to 1":
            ops.softmax(after_norm(normed, ("tanh", "tanh", "identity")), axis=0),
        "a tanh is missing after the first layer":
            after_norm(normed, ("identity", "tanh", "softmax")),
        "a tanh is missing after the second layer":
            after_norm(normed, ("tanh", "identity", "softmax")),
    })
    return "and in training mode the answer for an utterance depends on the others of its batch"


@exercise("9.4")
def alternating_sum(answer, rng):
    """The alternating sum (k,) of a function of V (3, 1, k) over eight corners."""
    lower, upper = rng.standard_normal((2, 3, k))

    def f(V):
        require(np.shape(V) == (3, 1, k), f"f was called with shape {np.shape(V)}, expected "
                f"{(3, 1, k)}: add the axis of the utterance, V[:, None]")
        return (V[0] * V[1] * V[2] + V[0] * V[1] + V[2]) ** 2

    corners = [*itertools.product((0, 1), repeat=3)]
    values = []
    for corner in corners:
        point = np.where(np.array(corner)[:, None], upper, lower)
        values.append(f(point[:, None])[0])
    values = np.stack(values)  # (8, k)
    signs = np.array([(-1) ** (3 - sum(corner)) for corner in corners])
    right = signs @ values
    compare(answer, (f, lower, upper), right, {
        "every sign is reversed: the corner where all three are upper counts +": -right,
        "it looks like the sum without signs": values.sum(axis=0),
        "it looks like the mean over the corners": right / 8,
        "it looks like two modalities only: there are eight corners, not four":
            signs[1::2] @ values[1::2],
        "it looks like the two corners where all three are lower or upper: there are eight corners":
            values[-1] - values[0],
        "the right numbers with an axis too many: expected (k,)": right[None],
    })
    return "and it can differ from 0 only if f combines all three modalities"

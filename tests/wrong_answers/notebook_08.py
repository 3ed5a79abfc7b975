"""Typical wrong answers to the exercises of notebook 08.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np

from argf_np.nn.ops import softmax


def similarities(V_tilde):
    V_tilde = V_tilde.swapaxes(0, 1)
    return V_tilde @ V_tilde.swapaxes(1, 2)


def softmax_over_all(x):
    return np.exp(x) / np.exp(x).sum()


def output(alpha_hat, V, axis=0):
    return (softmax(alpha_hat, axis) * V).sum(axis=0)


def network(W_1, W_2, b_2=0.0):
    W_1, W_2 = np.array(W_1, float), np.array(W_2, float)
    return {"dense_1": {"W": W_1, "b": np.zeros((1, W_1.shape[1]))},
            "dense_2": {"W": W_2, "b": np.full((1, 1), b_2)}}


def cosine(V):
    return similarities(V / np.sqrt((V * V).sum(-1, keepdims=True)))


WRONG = {
    "8.1": [
        ("1/3 of Eq. 10 is missing", lambda g, V: (g * V).sum(axis=-1, keepdims=True)),
        ("one number per entry", lambda g, V: g * V / 3),
        ("mean over the k", lambda g, V: (g * V).mean(axis=-1, keepdims=True) / 3),
        ("without the last axis", lambda g, V: (g * V).sum(axis=-1) / 3),
        ("sum over the batch", lambda g, V: (g * V).sum(axis=1) / 3),
        ("sign is wrong", lambda g, V: -(g * V).sum(axis=-1, keepdims=True) / 3),
        ("g is missing", lambda g, V: V.sum(axis=-1, keepdims=True) / 3),
    ],
    "8.2": [
        ("without the softmax", similarities),
        ("denominator of the softmax", lambda V: similarities(np.exp(V))),
        ("divided by its sum", lambda V: similarities(V / V.sum(axis=-1, keepdims=True))),
        ("wrong axis", lambda V: similarities(softmax(V, 0))),
        ("over the batch", lambda V: similarities(softmax(V, 1))),
        ("over all entries at once", lambda V: similarities(softmax_over_all(V))),
        ("cosine", cosine),
        ("transposed similarity", lambda V: np.einsum("nbi,nbj->bij", softmax(V), softmax(V))),
        ("order of axes", lambda V: np.einsum("ibk,jbk->ijb", softmax(V), softmax(V))),
    ],
    "8.3": [
        ("0.5 is missing in the denominator", lambda a, b, S, V: output((a + b) / S, V)),
        ("added after the fraction", lambda a, b, S, V: output((a + b) / S + 0.5, V)),
        ("brackets are missing", lambda a, b, S, V: output(a + b / (S + 0.5), V)),
        ("softmax of Eq. 14 is missing", lambda a, b, S, V: ((a + b) / (S + 0.5) * V).sum(axis=0)),
        ("scores divided by their sum", lambda a, b, S, V: (
            (a + b) / (S + 0.5) / ((a + b) / (S + 0.5)).sum(axis=0) * V).sum(axis=0)),
        ("over the batch", lambda a, b, S, V: output((a + b) / (S + 0.5), V, axis=1)),
        ("over all entries at once",
         lambda a, b, S, V: (softmax_over_all((a + b) / (S + 0.5)) * V).sum(axis=0)),
        ("every weight is then 1", lambda a, b, S, V: output((a + b) / (S + 0.5), V, axis=-1)),
        ("averaged", lambda a, b, S, V: output((a + b) / (S + 0.5), V) / len(V)),
        (r"shape \(5, 1\), expected \(5, 7\)",
         lambda a, b, S, V: output((a + b) / (S + 0.5), V)[:, :1]),
    ],
    "8.4": [
        ("right sign for 53% .* never gets all four", lambda: network([[1], [1]], [[1]])),
        ("0 everywhere", lambda: network(np.zeros((2, 3)), np.zeros((3, 1)))),
        ("0 everywhere", lambda: network([[1, 1], [1, 1]], [[1], [-1]])),
        ("same everywhere", lambda: network(np.zeros((2, 3)), np.zeros((3, 1)), 1.0)),
        ("wrong sign everywhere",
         lambda: network([[1, -1, 1, -1], [1, -1, -1, 1]], [[-1], [-1], [1], [1]])),
        ("but not at V_1 = ", lambda: network([[1, -1], [1, -1]], [[1], [1]], -0.5)),
        ("dense_1/W has shape \\(1, 2\\)", lambda: network([[1, 1]], [[1], [1]])),
        ("2 hidden units, dense_2 expects 3", lambda: network([[1, 1], [1, 1]], [[1], [1], [1]])),
        ("everywhere, with 5 hidden units", lambda: network(
            [[1, -1, 1, -1, 0], [1, -1, -1, 1, 0]], [[1], [1], [-1], [-1], [0]])),
    ],
}

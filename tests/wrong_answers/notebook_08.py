"""Typical wrong answers to the exercises of notebook 08.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np

from argf_np.nn.ops import softmax


def similarities(V, axis):
    V = softmax(V, axis).swapaxes(0, 1)
    return V @ V.swapaxes(1, 2)


def output(alpha_hat, V, axis=0):
    return (softmax(alpha_hat, axis) * V).sum(axis=0)


def network(W_1, W_2):
    W_1, W_2 = np.array(W_1, float), np.array(W_2, float)
    return {"dense_1": {"W": W_1, "b": np.zeros((1, W_1.shape[1]))},
            "dense_2": {"W": W_2, "b": np.zeros((1, 1))}}


def cosine(V):
    unit = V / np.sqrt((V * V).sum(-1, keepdims=True))
    return np.einsum("ibk,jbk->bij", unit, unit)


WRONG = {
    "8.1": [
        ("without the softmax", lambda V: np.einsum("ibk,jbk->bij", V, V)),
        ("wrong axis", lambda V: similarities(V, 0)),
        ("over the batch", lambda V: similarities(V, 1)),
        ("cosine", cosine),
        ("transposed similarity", lambda V: np.einsum("nbi,nbj->bij", softmax(V), softmax(V))),
        ("order of axes", lambda V: np.einsum("ibk,jbk->ijb", softmax(V), softmax(V))),
    ],
    "8.2": [
        ("0.5 is missing in the denominator", lambda a, b, S, V: output((a + b) / S, V)),
        ("added behind the fraction", lambda a, b, S, V: output((a + b) / S + 0.5, V)),
        ("softmax of Eq. 14 is missing", lambda a, b, S, V: ((a + b) / (S + 0.5) * V).sum(axis=0)),
        ("over the batch", lambda a, b, S, V: output((a + b) / (S + 0.5), V, axis=1)),
        ("every weight is then 1", lambda a, b, S, V: output((a + b) / (S + 0.5), V, axis=-1)),
        ("averaged", lambda a, b, S, V: output((a + b) / (S + 0.5), V) / len(V)),
        (r"shape \(5, 1\), expected \(5, 7\)",
         lambda a, b, S, V: output((a + b) / (S + 0.5), V)[:, :1]),
    ],
    "8.3": [
        ("1/3 of Eq. 10 is missing", lambda g, V: (g * V).sum(axis=-1, keepdims=True)),
        ("one number an entry", lambda g, V: g * V / 3),
        ("mean over the k", lambda g, V: (g * V).mean(axis=-1, keepdims=True) / 3),
        ("without the last axis", lambda g, V: (g * V).sum(axis=-1) / 3),
        ("sum over the batch", lambda g, V: (g * V).sum(axis=1) / 3),
        ("-1 times", lambda g, V: -(g * V).sum(axis=-1, keepdims=True) / 3),
    ],
    "8.4": [
        ("right sign for 53%", lambda: network([[1], [1]], [[1]])),
        ("wrong sign everywhere",
         lambda: network([[1, -1, 1, -1], [1, -1, -1, 1]], [[-1], [-1], [1], [1]])),
        ("shape \\(1, 2\\)", lambda: network([[1, 1]], [[1], [1]])),
    ],
}

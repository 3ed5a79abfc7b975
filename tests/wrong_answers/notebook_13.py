"""Typical wrong answers to the exercises of notebook 13.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np


def size(d, modalities, N, directions=2, gates=4, bias=1, recurrent=300, dense_bias=1):
    bilstm = directions * gates * 300 * (modalities * d + recurrent + bias)
    return bilstm + (600 + dense_bias) * 500 + (500 + dense_bias) * N


def products(x, one="last", pattern="bi,bj,bk->bijk", flat=True):
    ones = np.ones((*x.shape[:2], 1))
    x = {"last": np.concatenate([x, ones], axis=-1), "first": np.concatenate([ones, x], axis=-1),
         "none": x}[one]
    Z = np.einsum(pattern, *x)
    return Z.reshape(len(Z), -1) if flat else Z


def fused(x_e, W, w, one=True, last=None):
    x_e = np.concatenate([x_e, np.ones((*x_e.shape[:2], 1))], axis=-1) if one else x_e
    parts = x_e[:, None] @ (W if one else W[:, :, :-1])
    return last(parts) if last else np.tensordot(w, parts.prod(axis=0), 1)


def attention(states, Z_t, A_state, A_window, tanh=np.tanh, axis=0, power=1, relu=True):
    keys = tanh(states @ A_state + Z_t @ A_window)
    e = np.exp(np.sqrt((keys ** 2).sum(axis=-1)) ** power)
    w = e / e.sum(axis=axis, keepdims=True)
    total = (w[..., None] * states).sum(axis=0)
    return np.maximum(total, 0) if relu else total


def same(x):
    return x


def hard(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def soft(x):
    return 1 / (1 + np.exp(-x))


def gru(h, gates_x, U_z, U_r, U_g, gate=hard, tanh=np.tanh, reset="before", keep=True):
    x_z, x_r, x_g = np.split(gates_x, 3, axis=1)
    z, r = gate(x_z + h @ U_z), gate(x_r + h @ U_r)
    recurrent = {"before": (r * h) @ U_g, "after": r * (h @ U_g), "none": h @ U_g}[reset]
    g = tanh(x_g + recurrent)
    return z * h + (1 - z) * g if keep else (1 - z) * h + z * g


WRONG = {
    "13.1": [
        ("one direction only", lambda d, m, N: size(d, m, N, directions=1)),
        ("there are four", lambda d, m, N: size(d, m, N, gates=1)),
        ("biases of the LSTM", lambda d, m, N: size(d, m, N, bias=0)),
        ("recurrent weights are missing", lambda d, m, N: size(d, m, N, recurrent=0)),
        ("biases of the dense layers", lambda d, m, N: size(d, m, N, dense_bias=0)),
        ("one modality", lambda d, m, N: size(d, 1, N)),
        ("expected 1,383,902", lambda d, m, N: 7),
        ("`return` missing", lambda d, m, N: None),
    ],
    "13.2": [
        ("the 1 is missing", lambda x: products(x, "none")),
        ("in the loops it comes last", lambda x: products(x, "first")),
        ("cube per utterance", lambda x: products(x, flat=False)),
        ("v varies fastest", lambda x: products(x, pattern="bi,bj,bk->bkji")),
        ("shape", lambda x: products(x).T),
    ],
    "13.3": [
        ("the 1 is missing", lambda *arguments: fused(*arguments, one=False)),
        ("weights w are missing", lambda x_e, W, w: fused(x_e, W, np.ones(len(w)))),
        ("after the product over the modalities", lambda x_e, W, w: fused(
            x_e, W, w, last=lambda parts: np.einsum("r,mrbj->mbj", w, parts).prod(axis=0))),
        ("not their product", lambda x_e, W, w: fused(
            x_e, W, w, last=lambda parts: np.tensordot(w, parts.sum(axis=0), 1))),
        ("shape", lambda *arguments: fused(*arguments).T),
    ],
    "13.4": [
        ("ReLU at the end", lambda *arguments: attention(*arguments, relu=False)),
        ("over the batch", lambda *arguments: attention(*arguments, axis=1)),
        ("tanh is missing", lambda *arguments: attention(*arguments, tanh=same)),
        ("not its square", lambda *arguments: attention(*arguments, power=2)),
        ("window is missing", lambda states, Z_t, A_state, A_window: attention(
            states, 0 * Z_t, A_state, A_window)),
        ("without weights", lambda states, *_: np.maximum(states.mean(axis=0), 0)),
    ],
    "13.5": [
        ("changed places", lambda *arguments: gru(*arguments, keep=False)),
        ("ordinary sigmoid", lambda *arguments: gru(*arguments, gate=soft)),
        ("a GRU has a tanh", lambda *arguments: gru(*arguments, tanh=hard)),
        ("before the product", lambda *arguments: gru(*arguments, reset="after")),
        ("reset gate is missing", lambda *arguments: gru(*arguments, reset="none")),
        ("tanh of the candidate", lambda *arguments: gru(*arguments, tanh=same)),
        ("`return` missing", lambda *_: None),
    ],
}

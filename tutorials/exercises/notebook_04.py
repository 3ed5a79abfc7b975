"""Exercises of notebook 04, context: the BiLSTM and the UCLN."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.nn.ops import lstm_cell

from . import compare, exercise, require

V, u, d, H = 5, 7, 3, 2


@exercise("4.1")
def lstm_step(answer, rng):
    """h and c (V, H) after one step of an LSTM."""
    x, h, c = (rng.standard_normal((V, width)) for width in (d, H, H))
    W, U, b = (rng.standard_normal((rows, 4 * H)) for rows in (d, H, 1))
    z = x @ W + b
    i, f, g, o = np.split(z + h @ U, 4, axis=1)
    s, right = ops.sigmoid, lstm_cell(h, c, z, U)
    new = s(f) * c + s(i) * np.tanh(g)
    compare(answer, (x, h, c, W, U, b), np.stack(right), {hint: np.stack(slip) for hint, slip in {
        "it looks like the order i, f, o, g of the gates: here it is i, f, g, o": (s(g) * np.tanh(
            s(f) * c + s(i) * np.tanh(o)), s(f) * c + s(i) * np.tanh(o)),
        "the candidate g has a tanh, not a sigmoid": (s(o) * np.tanh(s(f) * c + s(i) * s(g)), s(f) * c + s(i) * s(g)),
        "h is the output gate times tanh of c: the tanh is missing": (s(o) * new, new),
        "h shows the new cell, not the one before the step": (s(o) * np.tanh(c), new),
        "h U is missing: the gates see the output before": lstm_cell(0 * h, c, z, U),
        "the right numbers in the wrong order: expected h, c": right[::-1],
    }.items()})


@exercise("4.2")
def step_back(answer, rng):
    """The gradient by z (V, 4H) of one step, from those by the new h and c."""
    h_bar, c_bar, before = rng.standard_normal((3, V, H))
    z, none = rng.standard_normal((V, 4 * H)), np.zeros((V, H))

    def gradient(h_bar, c_bar):
        def loss(p):
            h, c = lstm_cell(none, before, p["z"], np.zeros((H, 4 * H)))
            return (h * h_bar).sum() + (c * c_bar).sum()
        return nn.value_and_grad(loss, {"z": z})[1]["z"]

    i, f, g, o = (np.tanh(part) if n == 2 else ops.sigmoid(part) for n, part in enumerate(np.split(z, 4, axis=1)))
    c, right, is_o = f * before + i * g, gradient(h_bar, c_bar), np.repeat([0, 0, 0, 1], H)
    slope = np.hstack([i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)])
    after = right.copy()
    after[:, H:2 * H] *= c / before
    compare(answer, (h_bar, c_bar, before, c, i, f, g, o), right, {
        "the way from h to c is missing: h = o tanh(c) hands c a gradient too": gradient(none, c_bar) + is_o * right,
        "the gradient by c that the next step hands over is missing": gradient(h_bar, none),
        "f multiplies the cell before the step, not the one after it": after,
        "the slopes of the gates are missing: sigmoid' is i (1 - i), tanh' is 1 - g^2": right / slope,
        "it looks like a sigmoid's slope for the candidate: g is a tanh": right / slope * np.hstack(
            [i * (1 - i), f * (1 - f), g * (1 - g), o * (1 - o)]),
    })


@exercise("4.3")
def turned_round(answer, rng):
    """The real utterances of x (V, u, d) in reverse, padding behind them."""
    lengths = np.array([4, 7, 1, 3, 6])
    mask = np.arange(u) < lengths[:, None]
    x = rng.standard_normal((V, u, d))
    right = np.zeros_like(x)
    for v, n in enumerate(lengths):
        right[v, :n] = x[v, :n][::-1]
    compare(answer, (x, mask), right, {
        "padding comes first: each video is to be turned at its own end": x[:, ::-1],
        "padding comes first: each video is to be turned at its own end, then padded": (x * mask[..., None])[:, ::-1],
        "what stands in the padding has come along: it is to be 0": np.where(mask[..., None], right, x),
        "the order of the videos is reversed, not that of the utterances": (x * mask[..., None])[::-1],
        "the entries of each vector are reversed, not the utterances": (x * mask[..., None])[..., ::-1],
    })


@exercise("4.4")
def memory(answer, rng):
    """An LSTM with one unit whose h has the sign of the latest value with a flag."""
    params = answer()
    for name, rows in (("W", 2), ("U", 1), ("b", 1)):
        require(np.shape(params[name]) == (rows, 4), f"{name} has shape {np.shape(params[name])}, expected {(rows, 4)}")
    both = {name: np.stack([leaf, np.zeros_like(leaf)]).astype(float) for name, leaf in params.items()}
    cases = {  # hint: values and flags of 60 utterances
        "it forgets: as long as no flag is up, the forget gate has to stay near 1": ([1] + 59 * [0], [1] + 59 * [0]),
        "a value without a flag gets in: shut the input gate": ([1] + 59 * [-1], [1] + 59 * [0]),
        "the old value is still there: a flag has to shut the forget gate": (20 * [1] + 40 * [-1], 21 * [1] + 39 * [0]),
        "not all random videos come out right": (rng.choice([-1, 1], 60), rng.random(60) < 0.3),
    }
    for hint, (values, flags) in cases.items():
        values, flags = np.array(values), np.array(flags)
        h = ops.bilstm(both, np.stack([values, flags], axis=1)[None].astype(float), np.ones((1, 60), bool))[0, :, 0]
        latest = np.maximum.accumulate(np.where(flags, np.arange(60), -1))  # -1 before the first flag
        require((h * values[latest] > 0.5)[latest >= 0].all(), hint)

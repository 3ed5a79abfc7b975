"""Exercises of notebook 04, context: the BiLSTM and the UCLN."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops

from . import compare, exercise, require

V, u, d, H = 5, 7, 3, 2


@exercise("4.1")
def lstm_step(answer, rng):
    """h and c (V, H) after one step of an LSTM."""
    x, h, c = (rng.standard_normal((V, width)) for width in (d, H, H))
    W, U, b = (rng.standard_normal((rows, 4 * H)) for rows in (d, H, 1))
    z = x @ W + b
    first, second, third, fourth = np.split(z + h @ U, 4, axis=1)
    s = ops.sigmoid
    right = np.stack(ops.lstm_cell(h, c, z, U))

    def step(i, f, g, o, candidate=np.tanh):
        new = s(f) * c + s(i) * candidate(g)
        return np.stack([s(o) * np.tanh(new), new])

    new, shown = right[1], s(fourth)
    compare(answer, (x, h, c, W, U, b), right, {
        "it looks like the order i, f, o, g of the gates: here it is i, f, g, o":
            step(first, second, fourth, third),
        "i and f have changed places: f keeps the old cell, i lets the candidate in":
            step(second, first, third, fourth),
        "the candidate g has a tanh, not a sigmoid": step(first, second, third, fourth, s),
        "h is the output gate times tanh of c: the tanh is missing": np.stack([shown * new, new]),
        "h shows the new cell, not the one before the step": np.stack([shown * np.tanh(c), new]),
        "h U is missing: the gates see the output before": np.stack(ops.lstm_cell(0 * h, c, z, U)),
        "the bias b is missing": np.stack(ops.lstm_cell(h, c, x @ W, U)),
        "the right numbers in the wrong order: expected h, c": right[::-1],
        "this is h alone, expected h, c": right[0],
    })
    return "and the gates of all videos cost two matrix products per step"


@exercise("4.2")
def step_back(answer, rng):
    """The gradient with respect to z (V, 4H) of one step, from those with respect to h and c."""
    h_bar, c_bar, before = rng.standard_normal((3, V, H))
    z, none = rng.standard_normal((V, 4 * H)), np.zeros((V, H))

    def gradient(h_bar, c_bar):
        def loss(p):
            h, c = ops.lstm_cell(none, before, p["z"], np.zeros((H, 4 * H)))
            return (h * h_bar).sum() + (c * c_bar).sum()
        return nn.value_and_grad(loss, {"z": z})[1]["z"]

    z_i, z_f, z_g, z_o = np.split(z, 4, axis=1)
    i, f, g, o = ops.sigmoid(z_i), ops.sigmoid(z_f), np.tanh(z_g), ops.sigmoid(z_o)
    c, right = f * before + i * g, gradient(h_bar, c_bar)
    of_o = np.repeat([0, 0, 0, 1], H) * right
    slopes = [i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)]
    without_slopes = right / np.hstack(slopes)
    after = right.copy()
    after[:, H:2 * H] *= c / before
    exchanged = right.copy()
    exchanged[:, :H] *= i / g
    exchanged[:, 2 * H:3 * H] *= g / i
    as_sigmoid = np.hstack([*slopes[:2], g * (1 - g), slopes[3]])
    twice = np.hstack([*slopes[:2], 1 - np.tanh(g) ** 2, slopes[3]])
    # The slope of tanh(c), taken at c as if c were tanh(c) already.
    wrong_slope = gradient(none, c_bar + h_bar * o * (1 - c * c)) + of_o
    compare(answer, (h_bar, c_bar, before, c, i, f, g, o), right, {
        "the way from h to c is missing: h = o tanh(c) hands c a gradient too":
            gradient(none, c_bar) + of_o,
        "the gradient of c that the next step hands over is missing": gradient(h_bar, none),
        "f multiplies the cell before the step, not the one after it": after,
        "the slope of tanh at c is 1 - tanh(c)^2, not 1 - c^2": wrong_slope,
        "i and g have changed places: in i g the gradient of each has the other as a factor":
            exchanged,
        "the slopes of the gates are missing: sigmoid' is i (1 - i), tanh' is 1 - g^2":
            without_slopes,
        "it looks like a sigmoid's slope for the candidate: g is a tanh":
            without_slopes * as_sigmoid,
        "g is the output of the tanh already: its slope is 1 - g^2": without_slopes * twice,
    })
    return "and in a loop over the steps this is the core of an LSTM's backward pass"


@exercise("4.3")
def turned_round(answer, rng):
    """The real utterances of x (V, u, d) in reverse, followed by padding."""
    lengths = np.array([4, 7, 1, 3, 6])
    mask = np.arange(u) < lengths[:, None]
    x = rng.standard_normal((V, u, d))
    real = x * mask[..., None]
    right = np.zeros_like(x)
    for v, n in enumerate(lengths):
        right[v, :n] = x[v, :n][::-1]
    compare(answer, (x, mask), right, {
        "nothing is turned round: the last real utterance comes first": real,
        "nothing is turned round, and what stands in the padding has come along: it is to be 0": x,
        "padding comes first: each video is to be turned at its own end": x[:, ::-1],
        "padding comes first: each video is to be turned at its own end, then padded":
            real[:, ::-1],
        "it looks turned round at the common end, so that the mask cuts off the wrong utterances: "
        "turn each video at its own end": x[:, ::-1] * mask[..., None],
        "what stands in the padding has come along: it is to be 0":
            np.where(mask[..., None], right, x),
        "the order of the videos is reversed, not that of the utterances": real[::-1],
        "the entries of each vector are reversed, not the utterances": real[..., ::-1],
    })
    return "and a forward LSTM between two such turns is the backward half of a BiLSTM"


@exercise("4.4")
def memory(answer, rng):
    """An LSTM with one unit whose h has the sign of the latest value with a flag."""
    params = answer()
    for name, rows in (("W", 2), ("U", 1), ("b", 1)):
        shape = np.shape(params[name])
        require(shape == (rows, 4), f"{name} has shape {shape}, expected {(rows, 4)}")
    both = {}
    for name, leaf in params.items():
        both[name] = np.stack([leaf, np.zeros_like(leaf)]).astype(float)
    one = ("with its flag up, the first value does not come out with the right sign: open the "
           "input gate when the flag is up, and let g have the sign of the value; |h| > 0.5 also "
           "needs an output gate near 1")
    cases = {  # hint: values and flags of the utterances
        one: ([1], [1]),
        one + " (the value -1)": ([-1], [1]),
        "it forgets: as long as no flag is up, the forget gate has to stay near 1":
            ([1] + 59 * [0], [1] + 59 * [0]),
        "a value without a flag gets in: shut the input gate": ([1] + 59 * [-1], [1] + 59 * [0]),
        "the old value is still there: a flag has to shut the forget gate":
            (20 * [1] + 40 * [-1], 21 * [1] + 39 * [0]),
        "not all random videos come out right": (rng.choice([-1, 1], 60), rng.random(60) < 0.3),
    }
    for hint, (values, flags) in cases.items():
        values, flags = np.array(values), np.array(flags)
        video = np.stack([values, flags], axis=1)[None].astype(float)  # (1, u, 2)
        h = ops.bilstm(both, video, np.ones((1, len(values)), bool))[0, :, 0]
        flagged = np.where(flags, np.arange(len(values)), -1)  # -1: no flag so far
        latest = np.maximum.accumulate(flagged)
        require((h * values[latest] > 0.5)[latest >= 0].all(), hint)
    return "and the gradient gets through an open forget gate just as the value does"

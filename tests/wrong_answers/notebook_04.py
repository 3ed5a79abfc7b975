"""Typical wrong answers to notebook 04: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np

from argf_np.nn.ops import sigmoid


def step(x, h, c, W, U, b, order="ifgo", candidate=np.tanh, shown=np.tanh, recurrent=1):
    z = dict(zip(order, np.split(x @ W + recurrent * h @ U + b, 4, axis=1), strict=True))
    c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * candidate(z["g"])
    return sigmoid(z["o"]) * shown(c), c


def shows_the_old_cell(x, h, c, W, U, b):
    z_o = np.split(x @ W + h @ U + b, 4, axis=1)[3]
    return sigmoid(z_o) * np.tanh(c), step(x, h, c, W, U, b)[1]


def back(h_bar, c_bar, before, c, i, f, g, o, handed=1, through_h=1, slopes=None, squash=np.tanh):
    total = handed * c_bar + through_h * h_bar * o * (1 - squash(c) ** 2)
    slopes = slopes or [i * (1 - i), f * (1 - f), 1 - g**2, o * (1 - o)]
    parts = (total * g, total * before, total * i, h_bar * np.tanh(c))
    return np.hstack([part * slope for part, slope in zip(parts, slopes, strict=True)])


def tanh_once_more(h_bar, c_bar, before, c, i, f, g, o):
    slopes = [i * (1 - i), f * (1 - f), 1 - np.tanh(g) ** 2, o * (1 - o)]
    return back(h_bar, c_bar, before, c, i, f, g, o, slopes=slopes)


def gates(**columns):
    """A memory with the weight of value and flag and the bias of each gate."""
    numbers = np.array([columns[gate] for gate in "ifgo"], float).T  # (3, 4)
    return {"W": numbers[:2], "U": np.zeros((1, 4)), "b": numbers[2:]}


RIGHT = {"i": (0, 20, -10), "f": (0, -20, 10), "g": (10, 0, 0), "o": (0, 0, 10)}

WRONG = {
    "4.1": [
        ("order i, f, o, g", lambda *a: step(*a, order="ifog")),
        ("changed places", lambda *a: step(*a, order="figo")),
        ("not a sigmoid", lambda *a: step(*a, candidate=sigmoid)),
        ("tanh is missing", lambda *a: step(*a, shown=lambda c: c)),
        ("before the step", shows_the_old_cell),
        ("h U is missing", lambda *a: step(*a, recurrent=0)),
        ("bias b is missing", lambda x, h, c, W, U, b: step(x, h, c, W, U, 0)),
        ("wrong order", lambda *a: step(*a)[::-1]),
    ],
    "4.2": [
        ("from h to c is missing", lambda *a: back(*a, through_h=0)),
        ("next step hands over", lambda *a: back(*a, handed=0)),
        ("before the step, not the one after",
         lambda h_bar, c_bar, before, c, *a: back(h_bar, c_bar, c, c, *a)),
        (r"not 1 - c\^2", lambda *a: back(*a, squash=lambda c: c)),
        ("output of the tanh already", tanh_once_more),
        ("slopes of the gates are missing", lambda *a: back(*a, slopes=[1, 1, 1, 1])),
        ("slope for the candidate",
         lambda *a: back(*a, slopes=[gate * (1 - gate) for gate in a[4:]])),
        (r"shape \(20, 2\), expected \(5, 8\)",
         lambda *a: np.concatenate(np.split(back(*a), 4, axis=1))),
    ],
    "4.3": [
        ("nothing is turned round: the", lambda x, mask: x * mask[..., None]),
        ("nothing is turned round, and", lambda x, mask: x.copy()),
        ("its own end", lambda x, mask: x[:, ::-1]),
        ("its own end, then padded", lambda x, mask: (x * mask[..., None])[:, ::-1]),
        ("common end", lambda x, mask: x[:, ::-1] * mask[..., None]),
        ("come along", lambda x, mask: np.stack([np.concatenate([row[m][::-1], row[~m]])
                                                 for row, m in zip(x, mask, strict=True)])),
        ("order of the videos", lambda x, mask: (x * mask[..., None])[::-1]),
        ("entries of each vector", lambda x, mask: (x * mask[..., None])[..., ::-1]),
    ],
    "4.4": [
        ("right sign: open the input gate", lambda: gates(**RIGHT | {"o": (0, 0, 0)})),
        ("right sign: open the input gate", lambda: gates(**RIGHT | {"g": (-10, 0, 0)})),
        ("it forgets", lambda: gates(**RIGHT | {"f": (0, -20, 1)})),
        ("without a flag gets in", lambda: gates(**RIGHT | {"i": (0, 0, 10)})),
        ("old value is still there", lambda: gates(**RIGHT | {"f": (0, 0, 10)})),
        (r"W has shape \(1, 4\)", lambda: gates(**RIGHT) | {"W": np.zeros((1, 4))}),
    ],
}

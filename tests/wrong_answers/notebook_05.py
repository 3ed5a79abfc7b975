"""Typical wrong answers to the exercises of notebook 05.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np

from argf_np.nn.ops import softmax


def bell(x_e, w, b):
    x = (np.arctanh(x_e) - b) / w
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def length(e):
    return np.sqrt((e * e).sum(axis=-1, keepdims=True))


def without_care(x_tilde, x):
    with np.errstate(invalid="ignore"):
        return (x_tilde - x) / length(x_tilde - x) / x.shape[1]


def by_probabilities(y_tilde, y):
    return (y_tilde - y) / length(y_tilde - y) / len(y)


def through_softmax(z, y, axis=-1):
    y_tilde = softmax(z, axis)
    g = by_probabilities(y_tilde, y)
    return y_tilde * (g - (g * y_tilde).sum(axis=axis, keepdims=True))


WRONG = {
    "5.1": [
        ("not negative", lambda x_e, w, b: bell(x_e, w, b) / (w * (1 - x_e ** 2))),
        ("change of width", bell),
        ("multiplied by the slope", lambda x_e, w, b: bell(x_e, w, b) * np.abs(w) * (1 - x_e ** 2)),
        ("w is missing", lambda x_e, w, b: bell(x_e, w, b) / (1 - x_e ** 2)),
        ("is x_e itself", lambda x_e, w, b: bell(x_e, w, b) / np.abs(w * (1 - np.tanh(x_e) ** 2))),
    ],
    "5.2": [
        ("there are three", lambda d, k: (k + 1) * 512 + 513 * 64 + 128 + 65 * d),
        ("biases are missing", lambda d, k: 3 * (k * 512 + 512 * 64 + 128 + 64 * d)),
        ("second layer is missing", lambda d, k: 3 * ((k + 1) * 512 + 513 * 64 + 65 * d)),
        ("scale and a shift", lambda d, k: 3 * ((k + 1) * 512 + 513 * 64 + 64 + 65 * d)),
        ("only the second has", lambda d, k: 3 * ((k + 1) * 512 + 1024 + 513 * 64 + 128 + 65 * d)),
    ],
    "5.3": [
        ("is nan, expected 0", without_care),
        ("1/B is missing",
         lambda x_tilde, x: (x_tilde - x) / np.maximum(length(x_tilde - x), 1e-9)),
        ("square of the norm", lambda x_tilde, x: 2 * (x_tilde - x) / x.shape[1]),
        ("absolute errors", lambda x_tilde, x: np.sign(x_tilde - x) / x.shape[1]),
        ("over all utterances", lambda x_tilde, x: (x_tilde - x) / np.linalg.norm(x_tilde - x)),
        ("wrong sign", lambda x_tilde, x: np.nan_to_num(without_care(x, x_tilde))),
    ],
    "5.4": [
        ("go on through the softmax", lambda z, y: by_probabilities(softmax(z), y)),
        ("cross-entropy", lambda z, y: (softmax(z) - y) / len(y)),
        (r"y \(1 - y\) g",
         lambda z, y: softmax(z) * (1 - softmax(z)) * by_probabilities(softmax(z), y)),
        ("1/B is missing", lambda z, y: len(y) * through_softmax(z, y)),
        ("softmax over the batch", lambda z, y: through_softmax(z, y, axis=1)),
    ],
}

"""Typical wrong answers of notebook 05: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np

from argf_np.nn.ops import softmax


def bell(x_e, w, b):
    x = (np.arctanh(x_e) - b) / w
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def density_at_x_e(x_e, w, b):
    return np.exp(-x_e * x_e / 2) / np.sqrt(2 * np.pi) / np.abs(w * (1 - x_e ** 2))


def without_brackets(x_e, w, b):
    x = np.arctanh(x_e) / w - b
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi) / np.abs(w * (1 - x_e ** 2))


def beyond(x):
    return np.maximum(np.abs(x) - 1, 0)


def length(e):
    return np.sqrt((e * e).sum(axis=-1, keepdims=True))


def without_care(x_tilde, x):
    with np.errstate(invalid="ignore"):
        return (x_tilde - x) / length(x_tilde - x) / x.shape[1]


def with_care(x_tilde, x):
    return np.nan_to_num(without_care(x_tilde, x))


def by_probabilities(y_tilde, y):
    return (y_tilde - y) / length(y_tilde - y) / len(y)


def entry_by_entry(z, y):
    y_tilde = softmax(z)
    return y_tilde * (1 - y_tilde) * by_probabilities(y_tilde, y)


def without_weights(z, y):
    g = by_probabilities(softmax(z), y)
    return softmax(z) * (g - g.sum(axis=-1, keepdims=True))


def through_softmax(z, y, axis=-1):
    y_tilde = softmax(z, axis)
    g = by_probabilities(y_tilde, y)
    return y_tilde * (g - (g * y_tilde).sum(axis=axis, keepdims=True))


def from_probabilities(z, g):
    return softmax(z) * (g - (g * softmax(z)).sum(axis=-1, keepdims=True))


def error(z, y):
    return softmax(z) - y


def without_first_factor(z, y):
    return through_softmax(z, y) / softmax(z)


WRONG = {
    "5.1": [
        ("never negative", lambda x_e, w, b: bell(x_e, w, b) / (w * (1 - x_e ** 2))),
        ("change of width", bell),
        ("density at x_e", density_at_x_e),
        ("subtract b", lambda x_e, w, b: bell(x_e, w, -b) / np.abs(w * (1 - x_e ** 2))),
        ("subtract it first", without_brackets),
        ("at x, not at x_e",
         lambda x_e, w, b: bell(x_e, w, b) / np.abs(w * (1 - np.tanh(w * x_e + b) ** 2))),
        ("product with the slope", lambda x_e, w, b: bell(x_e, w, b) * np.abs(w) * (1 - x_e ** 2)),
        ("w is missing", lambda x_e, w, b: bell(x_e, w, b) / (1 - x_e ** 2)),
        ("is x_e itself", lambda x_e, w, b: bell(x_e, w, b) / np.abs(w * (1 - np.tanh(x_e) ** 2))),
    ],
    "5.2": [
        ("two ends", lambda x: length(np.maximum(x - 1, 0)).sum(axis=0).mean()),
        ("mean over the modalities", lambda x: length(beyond(x)).mean()),
        ("sum over the batch", lambda x: length(beyond(x)).sum()),
        ("number of modalities", lambda x: length(beyond(x)).sum() / len(x)),
        ("absolute errors", lambda x: beyond(x).sum(axis=(0, 2)).mean()),
        ("square of the norm", lambda x: (beyond(x) ** 2).sum(axis=(0, 2)).mean()),
        ("one norm over everything", lambda x: np.linalg.norm(beyond(x))),
        ("length of x itself", lambda x: length(x).sum(axis=0).mean()),
        (r"loss of tanh\(x\)", lambda x: length(x - np.tanh(x)).sum(axis=0).mean()),
    ],
    "5.3": [
        ("has NaN or infinity", without_care),
        ("1/B is missing", lambda x_tilde, x: with_care(x_tilde, x) * x.shape[1]),
        ("square of the norm", lambda x_tilde, x: 2 * (x_tilde - x) / x.shape[1]),
        ("absolute errors", lambda x_tilde, x: np.sign(x_tilde - x) / x.shape[1]),
        ("over all utterances", lambda x_tilde, x: (x_tilde - x) / np.linalg.norm(x_tilde - x)),
        ("wrong sign", lambda x_tilde, x: with_care(x, x_tilde)),
    ],
    "5.4": [
        ("go on through the softmax", lambda z, y: by_probabilities(softmax(z), y)),
        ("cross-entropy", lambda z, y: (softmax(z) - y) / len(y)),
        (r"y_tilde \(1 - y_tilde\) g", entry_by_entry),
        ("weigh the sum", without_weights),
        ("1/B is missing", lambda z, y: len(y) * through_softmax(z, y)),
        ("softmax over the batch", lambda z, y: through_softmax(z, y, axis=1)),
        ("looks like y_tilde_i g_i", lambda z, y: softmax(z) * by_probabilities(softmax(z), y)),
        ("factor y_tilde_i in front", without_first_factor),
        ("without its length", lambda z, y: from_probabilities(z, error(z, y) / len(y))),
        ("square of the norm", lambda z, y: from_probabilities(z, 2 * error(z, y) / len(y))),
        ("one norm over everything",
         lambda z, y: from_probabilities(z, error(z, y) / np.linalg.norm(error(z, y)))),
        ("absolute errors", lambda z, y: from_probabilities(z, np.sign(error(z, y)) / len(y))),
        ("mean over the modalities", lambda z, y: through_softmax(z, y) / 3),
        ("wrong sign", lambda z, y: -through_softmax(z, y)),
    ],
}

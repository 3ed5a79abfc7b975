"""Typical wrong answers to the exercises of notebook 09.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import itertools

import numpy as np

from argf_np.nn.ops import softmax


def pairs(unimodal, bimodal, fits):
    every = itertools.combinations([*unimodal, *bimodal], 2)
    return {frozenset(pair) for pair in every if fits("".join(pair))}


def weights(alpha_1, alpha_2, S, first, second, half=0.5, axis=0):
    below = np.concatenate([alpha_1, alpha_2])
    return softmax((below[first] + below[second]) / (S + half), axis)


def divided(alpha_1, alpha_2, S, first, second):
    below = np.concatenate([alpha_1, alpha_2])
    scores = (below[first] + below[second]) / (S + 0.5)
    return scores / scores.sum(axis=0)


def halves(*arguments):
    z = np.log(weights(*arguments))
    return np.concatenate([softmax(z[:3], 0), softmax(z[3:], 0)])


def deviation(x, axis):
    return np.sqrt(x.var(axis, keepdims=True) + 1e-5)


def dec(Dec, Omega, norm_axis=0, scaled=True, last=softmax, first=np.tanh, second=np.tanh,
        divisor=deviation):
    x = Omega
    if norm_axis is not None:
        x = (x - x.mean(norm_axis, keepdims=True)) / divisor(x, norm_axis)
        x = x * Dec["norm"]["gamma"] + Dec["norm"]["beta"] if scaled else x
    for name, activation in (("dense_1", first), ("dense_2", second), ("dense_3", last)):
        x = activation(x @ Dec[name]["W"] + Dec[name]["b"])
    return x


def alternating(f, lower, upper, sign=np.prod, last=(-1, 1)):
    corners = np.array([*itertools.product((-1, 1), (-1, 1), last)])
    total = 0
    for corner in corners:
        point = np.where(corner[:, None] > 0, upper, lower)
        total += sign(corner) * f(point[:, None])[0]
    return total


WRONG = {
    "9.1": [
        ("returns nothing", lambda u, b: None),
        (r"a \+ al holds 2 modalities", lambda u, b: pairs(u, b, lambda pair: len(pair) > 2)),
        (r"a \+ lv holds three of them and is missing",
         lambda u, b: pairs("", b, lambda pair: True)),
        (r"al \+ tv holds 4 modalities|al \+ vt holds 4 modalities",
         lambda u, b: pairs(u, b, lambda pair: len(set(pair)) >= 3)),
        (r"al \+ av holds three of them",
         lambda u, b: pairs(u, b, lambda pair: len(set(pair)) == len(pair) == 3)),
    ],
    "9.2": [
        ("softmax of Eq. 14 is missing", lambda a, b, S, i, j: (
            np.concatenate([a, b])[i] + np.concatenate([a, b])[j]) / (S + 0.5)),
        ("0.5 is missing", lambda *arguments: weights(*arguments, half=0)),
        ("come before the unimodal", lambda a, b, *rest: weights(b, a, *rest)),
        ("each half", halves),
        ("over the batch", lambda *arguments: weights(*arguments, axis=1)),
        ("over all entries at once", lambda *arguments: weights(*arguments, axis=None)),
        ("scores divided by their sum", divided),
    ],
    "9.3": [
        ("batch norm is missing", lambda Dec, Omega: dec(Dec, Omega, norm_axis=None)),
        ("scale and shift", lambda Dec, Omega: dec(Dec, Omega, scaled=False)),
        ("mean over the columns", lambda Dec, Omega: dec(Dec, Omega, norm_axis=1)),
        ("outside the root",
         lambda Dec, Omega: dec(Dec, Omega, divisor=lambda x, axis: x.std(axis) + 1e-5)),
        ("epsilon is missing",
         lambda Dec, Omega: dec(Dec, Omega, divisor=lambda x, axis: x.std(axis))),
        ("with n - 1", lambda Dec, Omega: dec(
            Dec, Omega, divisor=lambda x, axis: np.sqrt(x.var(axis, ddof=1) + 1e-5))),
        ("the root is missing",
         lambda Dec, Omega: dec(Dec, Omega, divisor=lambda x, axis: x.var(axis) + 1e-5)),
        ("after the first layer", lambda Dec, Omega: dec(Dec, Omega, first=lambda z: z)),
        ("last softmax is missing", lambda Dec, Omega: dec(Dec, Omega, last=lambda z: z)),
        ("tanh before the softmax",
         lambda Dec, Omega: dec(Dec, Omega, last=lambda z: softmax(np.tanh(z)))),
        ("softmax over the batch",
         lambda Dec, Omega: dec(Dec, Omega, last=lambda z: softmax(z, 0))),
        ("tanh is missing after the second",
         lambda Dec, Omega: dec(Dec, Omega, second=lambda z: z)),
    ],
    "9.4": [
        ("every sign is reversed", lambda *arguments: -alternating(*arguments)),
        ("without signs", lambda *arguments: alternating(*arguments, sign=lambda corner: 1)),
        ("mean over the corners", lambda *arguments: alternating(*arguments) / 8),
        ("eight corners, not four", lambda *arguments: alternating(*arguments, last=(1,))),
        ("the two corners where all three", lambda f, lower, upper: (
            f(upper[:, None]) - f(lower[:, None]))[0]),
        ("an axis too many", lambda *arguments: alternating(*arguments)[None]),
        ("add the axis of the utterance", lambda f, lower, upper: f(upper) - f(lower)),
    ],
}

"""Exercises of notebook 02, layers and optimisers."""

import math

import numpy as np

from argf_np import nn
from argf_np.nn import ops

from . import compare, exercise, require

B, width = 5, 7


@exercise("2.1")
def dropout(answer, rng):
    """Inverted dropout of x (B, width) by uniform numbers u."""
    x, u, p = rng.standard_normal((B, width)), rng.random((B, width)), 0.3
    kept = u >= p
    compare(answer, (x, p, u), x * kept / (1 - p), {
        "the division by 1 - p is missing: on average, the output has to be x": x * kept,
        "it keeps what it should drop: p is the drop rate, and an entry is dropped where u < p": x * ~kept / (1 - p),
        "it takes p for the keep rate": x * ~kept / p,
        "it divides by p: what is kept has probability 1 - p": x * kept / p,
        "it multiplies by 1 - p: that is for evaluation, in a dropout that does not divide in training":
            x * kept * (1 - p),
    })


@exercise("2.2")
def batch_norm_back(answer, rng):
    """The gradient by x (B, width) of a loss whose gradient by the output of a batch norm is g."""
    g, x = rng.standard_normal((2, B, width))
    gamma = rng.uniform(0.5, 1.5, (1, width))
    _, pull = nn.vjp(lambda p: ops.batch_norm({"gamma": gamma, "beta": 0 * gamma}, p["x"]), {"x": x})
    G, s = gamma * g, np.sqrt(x.var(axis=0) + ops.EPSILON)
    x_hat = (x - x.mean(axis=0)) / s
    compare(answer, (g, x, gamma), pull(g)["x"], {
        "mean and variance are taken as constants: that is evaluation": G / s,
        "the way through the variance is missing": (G - G.mean(axis=0)) / s,
        "the way through the mean is missing": (G - x_hat * (G * x_hat).mean(axis=0)) / s,
        "gamma is missing": pull(g / gamma)["x"],
        "it looks like sums over the batch where there are means": (
            G - G.sum(axis=0) - x_hat * (G * x_hat).sum(axis=0)) / s,
        "it looks like means over the units: the statistics are over the batch": (
            G - G.mean(axis=1, keepdims=True) - x_hat * (G * x_hat).mean(axis=1, keepdims=True)) / s,
    })


@exercise("2.3")
def adam_step(answer, rng):
    """theta (width,) after step t = 3 of Adam, whose moments those of two earlier steps are."""
    (theta, g, m), v, t = rng.standard_normal((3, width)), rng.uniform(0.01, 0.1, width), 3
    lr, b1, b2 = 0.1, 0.6, 0.9

    def step(scale_m, scale_v, m=b1 * m + (1 - b1) * g, v=b2 * v + (1 - b2) * g ** 2):
        return theta - lr * (m / scale_m) / (np.sqrt(v / scale_v) + 1e-8)

    params = nn.pack({"theta": theta})
    state = {"t": t - 1, "m": m / (1 - b1), "v": v / (1 - b2)}  # see nn.adam: it keeps them divided
    nn.adam(state, params, {"theta": g}, lr, (b1, b2))
    c1, c2 = 1 - b1 ** t, 1 - b2 ** t
    compare(answer, (theta, g, m, v, t, lr, b1, b2), params["theta"], {
        "the corrections 1 - beta^t are missing": step(1, 1),
        "only m is corrected": step(c1, 1),
        "only v is corrected": step(1, c2),
        "it looks like the corrections of step t - 1": step(1 - b1 ** (t - 1), 1 - b2 ** (t - 1)),
        "it goes uphill": 2 * theta - step(c1, c2),
        "the root of v is missing": theta - lr * (b1 * m + (1 - b1) * g) / c1 / (
            (b2 * v + (1 - b2) * g ** 2) / c2 + 1e-8),
        "it looks like the m and v of step t - 1: g enters them first": step(c1, c2, m, v),
    })


@exercise("2.4")
def limit_for_leaky_relu(answer, rng):
    """c such that W uniform in +-c keeps the mean square through a leaky ReLU."""
    for fan_in, slope in ((300, 0.2), (40, 0.01), (40, 1.0)):
        right, given = math.sqrt(6 / ((1 + slope ** 2) * fan_in)), answer(fan_in, slope)
        case = f"for fan_in = {fan_in} and slope = {slope:g}: "
        for slip, hint in (
                (math.sqrt(3 / fan_in), "it looks like the limit without the activation: behind a leaky ReLU, the mean "
                 "square is (1 + s^2) / 2 times v"),
                (right ** 2 / 3, "this is the variance of W; its limit is asked for"),
                (right / math.sqrt(3), "this is the standard deviation of W; a uniform one has variance c^2 / 3")):
            require(not math.isclose(given, slip) or math.isclose(slip, right), case + hint)
        require(math.isclose(given, right), case + f"{given:.5g} changes the mean square by a factor of "
                f"{(given / right) ** 2:.3g} a layer")

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
    x, u, q = rng.standard_normal((B, width)), rng.random((B, width)), 0.3
    kept = u >= q
    compare(answer, (x, q, u), x * kept / (1 - q), {
        "the division by 1 - q is missing: on average, the output has to be x": x * kept,
        "it keeps what it should drop: q is the drop rate, and an entry is dropped where u < q":
            x * ~kept / (1 - q),
        "it takes q for the keep rate": x * ~kept / q,
        "it divides by q: what is kept has probability 1 - q": x * kept / q,
        "it multiplies by 1 - q: that is for evaluation, in a dropout that does not divide in "
        "training": x * kept * (1 - q),
    })
    return "and in evaluation nothing needs to be done, since the mean is right already"


@exercise("2.2")
def batch_norm_back(answer, rng):
    """The gradient with respect to x (B, width) of a loss whose gradient at its batch norm is g."""
    g, x = rng.standard_normal((2, B, width))
    gamma = rng.uniform(0.5, 1.5, (1, width))
    norm = {"gamma": gamma, "beta": 0 * gamma}
    _, pull = nn.vjp(lambda p: ops.batch_norm(norm, p["x"]), {"x": x})
    G, s = gamma * g, np.sqrt(x.var(axis=0) + ops.EPSILON)
    x_hat = (x - x.mean(axis=0)) / s
    through_mean, through_s = G.mean(axis=0), x_hat * (G * x_hat).mean(axis=0)
    sums = G - G.sum(axis=0) - x_hat * (G * x_hat).sum(axis=0)
    over_units = G - G.mean(axis=1, keepdims=True)
    over_units = over_units - x_hat * (G * x_hat).mean(axis=1, keepdims=True)
    compare(answer, (g, x, gamma), pull(g)["x"], {
        "mean and variance are taken as constants: that is evaluation": G / s,
        "the way through s (part 3) is missing": (G - through_mean) / s,
        "the way through the mean (part 2) is missing": (G - through_s) / s,
        "gamma is missing": pull(g / gamma)["x"],
        "the third term has the wrong sign: a larger s makes x_hat smaller":
            (G - through_mean + through_s) / s,
        "the second term has the wrong sign: a larger mean makes x_hat smaller":
            (G + through_mean - through_s) / s,
        "the factor x_hat of part 3 is missing: s depends on x_b by x_hat_b / B":
            (G - through_mean - (G * x_hat).mean(axis=0)) / s,
        "the factor 1 / s is missing": G - through_mean - through_s,
        "there is a factor 1 / s too many": (G - through_mean - through_s) / s ** 2,
        "it looks like sums over the batch where there are means": sums / s,
        "it looks like means over the units: the statistics are over the batch": over_units / s,
    })
    return "and this is what the package's fast batch norm computes"


@exercise("2.3")
def adam_step(answer, rng):
    """theta (width,) after step t = 3 of Adam, whose moments those of two earlier steps are."""
    (theta, g, m), v, t = rng.standard_normal((3, width)), rng.uniform(0.01, 0.1, width), 3
    lr, b1, b2 = 0.1, 0.6, 0.9
    new_m, new_v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g ** 2

    def step(scale_m, scale_v, m=new_m, v=new_v):
        return theta - lr * (m / scale_m) / (np.sqrt(v / scale_v) + 1e-8)

    params = {"theta": theta.copy()}
    # `nn.adam` keeps the moments divided by 1 - beta
    state = {"t": t - 1, "m": {"theta": m / (1 - b1)}, "v": {"theta": v / (1 - b2)}}
    nn.adam(state, params, {"theta": g}, lr, (b1, b2))
    c1, c2 = 1 - b1 ** t, 1 - b2 ** t
    compare(answer, (theta, g, m, v, t, lr, b1, b2), params["theta"], {
        "the corrections 1 - beta^t are missing": step(1, 1),
        "only m is corrected": step(c1, 1),
        "only v is corrected": step(1, c2),
        "it looks like 1 - beta in place of 1 - beta^t": step(1 - b1, 1 - b2),
        "it looks like the corrections of step t - 1": step(1 - b1 ** (t - 1), 1 - b2 ** (t - 1)),
        "beta and 1 - beta have changed places":
            step(c1, c2, (1 - b1) * m + b1 * g, (1 - b2) * v + b2 * g ** 2),
        "it goes uphill": 2 * theta - step(c1, c2),
        "the root of v is missing": theta - lr * (new_m / c1) / (new_v / c2 + 1e-8),
        "it looks like the m and v of step t - 1: g enters them first": step(c1, c2, m, v),
    })
    return "and the package does the same in place, without new arrays"


@exercise("2.4")
def limit_for_leaky_relu(answer, rng):
    """c such that W uniform in +-c keeps the mean square through a leaky ReLU."""
    for fan_in, slope in ((300, 0.2), (40, 0.01), (40, 1.0)):
        right, given = math.sqrt(6 / ((1 + slope ** 2) * fan_in)), answer(fan_in, slope)
        require(given is not None, "your function returns nothing; is the `return` missing?")
        case = f"for fan_in = {fan_in} and slope = {slope:g}: "
        slips = {
            "it looks like the limit without the activation: behind a leaky ReLU, the mean square "
            "is (1 + s^2) / 2 times the variance": math.sqrt(3 / fan_in),
            "this is the variance of W, and you are asked for the limit c of W": right ** 2 / 3,
            "this is the standard deviation of W; a uniform one has variance c^2 / 3":
                right / math.sqrt(3),
        }
        for hint, slip in slips.items():
            is_slip = math.isclose(given, slip) and not math.isclose(slip, right)
            require(not is_slip, case + hint)
        factor = (given / right) ** 2
        require(math.isclose(given, right), case + f"{given:.5g} changes the mean square by a "
                f"factor of {factor:.3g} per layer")
    return "and this is the initialisation of He and others (2015)"

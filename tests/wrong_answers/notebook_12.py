"""Typical wrong answers to the exercises of notebook 12.

``{exercise: [(what the hint says, answer), ...]}``
"""

import numpy as np


def noisy(x, rng, factor=0.5 ** 0.5, noise_type=None, scale_type=None):
    noise = (rng.standard_normal(x.shape) * factor).astype(noise_type or x.dtype)
    return np.linspace(1, 2, x.shape[1], dtype=scale_type or x.dtype) * (x + noise)


def other_noise_in_float32(x, rng):
    return noisy(x, rng, factor=1) if x.dtype == "float32" else noisy(x, rng)


def rounded_at_the_end(x, rng):
    noise = rng.standard_normal(x.shape) * np.sqrt(0.5)
    return (np.linspace(1, 2, x.shape[1]) * (x + noise)).astype(x.dtype)


def widened_at_once(x, rng):
    wide = x.astype("float64")
    return rounded_at_the_end(wide, rng).astype(x.dtype)


def hidden_from_the_check(x, rng):
    wide = np.asarray(x, "float64")
    return rounded_at_the_end(wide, rng).astype(x.dtype)


def rounded_after_the_scale(x, rng):
    noise = (rng.standard_normal(x.shape) * np.sqrt(0.5)).astype(x.dtype)
    return (np.linspace(1, 2, x.shape[1]) * (x + noise)).astype(x.dtype)


def gradients(delta, x, W):
    return delta @ W.T, x.T @ delta, delta.sum(axis=0, keepdims=True)


def bias_without_its_axis(g, y, x, W, mask):
    to_x, to_W, to_b = gradients(g * y * (1 - y) * mask, x, W)
    return to_x, to_W, to_b[0]


def steps(lengths, first=0, last=0):
    active = (lengths[:, None] > np.arange(lengths.max()) - last).sum(axis=0)
    return active, np.cumsum(active) - active + first


def momentum(p, m, g, scratch, lr, mu):
    m[:] = mu * m + g
    p -= lr * m


def old_momentum(p, m, g, scratch, lr, mu):
    p -= lr * m
    momentum(np.zeros_like(p), m, g, scratch, lr, mu)


def spoils_g(p, m, g, scratch, lr, mu):
    m *= mu
    m += g
    g[:] = lr * m
    p -= g


def moves_nothing(p, m, g, scratch, lr, mu):
    m *= mu
    m += g
    p = p - lr * m


def whole_blocks_only(p, m, g, scratch, lr, mu):
    n = len(p) // len(scratch) * len(scratch)
    momentum(p[:n], m[:n], g[:n], scratch, lr, mu)


def scratch_in_full(p, m, g, scratch, lr, mu):
    m *= mu
    m += g
    for start in range(0, len(p), len(scratch)):
        block = slice(start, start + len(scratch))
        np.multiply(m[block], lr, out=scratch)
        p[block] -= scratch


WRONG = {
    "12.1": [
        ("the result is float64", lambda x, rng: noisy(x, rng, noise_type="float64")),
        ("the result is float64", lambda x, rng: noisy(x, rng, scale_type="float64")),
        ("take the type of x", lambda x, rng: noisy(x, rng).astype("float32")),
        ("take x.dtype, not float32",
         lambda x, rng: noisy(x, rng, noise_type="float32", scale_type="float32")),
        ("np.add on the way gives float64", rounded_at_the_end),
        ("astype on the way gives float64", widened_at_once),
        ("use x as it is", hidden_from_the_check),
        ("np.multiply on the way gives float64", rounded_after_the_scale),
        ("noise is missing", lambda x, rng: noisy(x, rng, factor=0)),
        ("square root is missing", lambda x, rng: noisy(x, rng, factor=0.5)),
        ("values are others", other_noise_in_float32),
    ],
    "12.2": [
        ("mask is missing", lambda g, y, x, W, mask: gradients(g * y * (1 - y), x, W)),
        ("slope of tanh", lambda g, y, x, W, mask: gradients(g * mask * (1 - y * y), x, W)),
        ("slope of the sigmoid is missing", lambda g, y, x, W, mask: gradients(g * mask, x, W)),
        ("have also been scaled",
         lambda g, y, x, W, mask: gradients(g * y * (1 - y) * (mask > 0), x, W)),
        (r"with respect to b: your result has shape \(11,\)", bias_without_its_axis),
        ("with respect to x: the cotangent g is missing",
         lambda g, y, x, W, mask: gradients(y * (1 - y) * mask, x, W)),
        ("three gradients", lambda g, y, x, W, mask: g),
    ],
    "12.3": [
        ("no longer runs", lambda lengths: steps(lengths, last=1)),
        ("rows of each step end",
         lambda lengths: (steps(lengths)[0], np.cumsum(steps(lengths)[0]))),
        ("one row off", lambda lengths: steps(lengths, first=1)),
        ("two arrays", lambda lengths: steps(lengths)[0]),
        (r"shape \(2, 5\), expected \(2, 7\)", lambda lengths: (lengths, np.cumsum(lengths))),
    ],
    "12.4": [
        ("new arrays", momentum),
        ("m of before", old_momentum),
        ("still needed elsewhere", spoils_g),
        ("p is as it was", moves_nothing),
        ("last block is shorter", whole_blocks_only),
        ("last block is shorter, with 7", scratch_in_full),
    ],
}

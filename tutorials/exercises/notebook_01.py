"""Exercises of notebook 01, gradients."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops

from . import compare, exercise, require

B, k = 5, 7


@exercise("1.1", 13)
def divisor_gradient(answer, rng):
    """The gradient with respect to b (B, 1) of a loss whose gradient at a / b is g (B, k)."""
    (g, a), b = rng.standard_normal((2, B, k)), rng.uniform(0.5, 1.5, (B, 1))
    _, pull = nn.vjp(lambda p: a / p["b"], {"b": b})
    right = pull(g)["b"]
    parts = -g * a / b ** 2
    compare(answer, (g, a, b), right, {
        "the minus of the quotient rule is missing": -right,
        "it looks like one number per entry: b serves k entries, and what comes back from them "
        "adds up": parts,
        "it looks like the mean over the k entries: what comes back from them adds up": right / k,
        "it looks like the derivative alone: multiply it by the cotangent g":
            -(a / b ** 2).sum(axis=1, keepdims=True),
        "it looks like a / b instead of a / b^2": right * b,
        "the right numbers without the last axis, expected (B, 1): use keepdims=True": right[:, 0],
        "it looks like the sum over the batch: each utterance has a b of its own, so add up over "
        "the k entries": parts.sum(axis=0),
        "it looks like the sum over the batch: each utterance has a b of its own, so add up along "
        "the k entries": parts.sum(axis=0, keepdims=True),
        "it looks like the sum over all entries: each utterance has a b of its own": parts.sum(),
    })
    return "and every broadcast works like this: what is used k times gets k parts back, added up"


@exercise("1.2")
def numeric_gradient(answer, rng):
    """The central differences of f at x, with a step so large that their error shows."""
    x, c, h = rng.standard_normal((B, k)), rng.standard_normal((B, k)), 0.1

    def f(x):
        return float(np.sum(c * x ** 3) + x[0, 0] * x[1, 2])

    def differences(starts, ends):
        slopes = [(f(end) - f(start)) / (2 * h) for start, end in zip(starts, ends, strict=True)]
        return np.reshape(slopes, x.shape)

    step = h * np.eye(x.size).reshape(-1, B, k)  # one entry at a time
    before = step.cumsum(axis=0) - step
    right = differences(x - step, x + step)
    rows = h * np.repeat(np.eye(B), k, axis=0)[:, :, None]  # a row at a time
    compare(answer, (f, x, h), right, {
        "it looks like forward differences, (f(x + h) - f(x)) / h: go to both sides":
            2 * differences(x + 0 * step, x + step),
        "it looks like backward differences, (f(x) - f(x - h)) / h: go to both sides":
            2 * differences(x - step, x + 0 * step),
        "it looks like one number for all entries: move one entry at a time":
            0 * x + (f(x + h) - f(x - h)) / (2 * h),
        "all entries of a row are moved together: loop over `np.ndindex(x.shape)`":
            differences(x - rows, x + rows),
        "the entries before are still moved: put each back":
            differences(x + before - step, x + before + step),
        "the entries before are still moved down: put each back":
            differences(x - before - step, x - before + step),
        "all entries are 0: `a = x` gives the array a second name and makes no copy, so both "
        "sides are the same array; take x.copy()": 0 * x,
        "it is twice what it should be: the two points are 2 h apart": 2 * right,
    })
    return "but at two evaluations per entry: the backward pass gets all of them at once"


@exercise("1.3", 7, 12, 14, 16)
def softmax_back(answer, rng):
    """The gradient with respect to x (B, k) of a loss whose gradient at y = softmax(x) is g."""
    g, x = rng.standard_normal((2, B, k))
    y, pull = nn.vjp(lambda p: ops.softmax(p["x"]), {"x": x})
    compare(answer, (g, y), pull(g)["x"], {
        "it looks like y g, the first part alone: each input moves the other outputs too": y * g,
        "it looks like the diagonal of J alone: each input moves the other outputs too":
            y * (1 - y) * g,
        "it looks like the sum over the batch: each row has a softmax of its own":
            y * (g - (y * g).sum(axis=0)),
        "it looks like the sum over all entries: each row has a softmax of its own, so add up "
        "along axis=-1": y * (g - (y * g).sum()),
        "it looks like the sum of g without y: the sum is over g_i y_i":
            y * (g - g.sum(axis=1, keepdims=True)),
    })
    return "and the package does the same: no Jacobian is ever built"


@exercise("1.4")
def is_right(answer, rng):
    """A check of gradients, on right and wrong ones."""
    x = rng.standard_normal((B, k))
    for scale in (1.0, 1e6, 1e-6):

        def f(x, scale=scale):
            return float(scale * np.sum(np.sin(x) * np.arange(1, k + 1)))

        right = scale * np.cos(x) * np.arange(1, k + 1)
        accepted = answer(f, x.copy(), right)
        require(accepted is not None, "your function returns nothing; is the `return` missing?")
        forgotten = right.copy()
        forgotten[2, 3] = 0
        size = f"for a loss of the order of {scale:g}: "
        require(accepted, size + "it refuses a right gradient. Is the tolerance "
                "relative, and the step neither too large nor too small?")
        require(not answer(f, x.copy(), 1.001 * right), size + "it accepts a gradient that is "
                "0.1 % too large. Is the tolerance relative, and below 0.001?")
        require(not answer(f, x.copy(), forgotten), size + "it accepts a gradient with an entry "
                "forgotten. Look along a direction that the wrong gradient does not choose")
    return "and that is `nn.check_gradient` in short"

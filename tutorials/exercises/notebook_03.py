"""Exercises of notebook 03, the data."""

import numpy as np

from argf_np import nn
from argf_np.data import pad
from argf_np.nn import ops

from . import compare, exercise, require


@exercise("3.1")
def standardised(answer, rng):
    """z (n, d) of x (n, d) by mean and deviation of the rows `train`; one column is constant there."""
    x, train = rng.standard_normal((11, 4)) * [1, 5, 0.1, 2] + [3, 0, -2, 1], np.array([9, 0, 4, 7, 2, 5])
    x[train, 2] = 0.5

    def z(rows, scale=np.std):
        deviation = scale(rows, axis=0)
        return (x - rows.mean(axis=0)) / np.where(rows.max(axis=0) > rows.min(axis=0), deviation, 1)

    require(np.isfinite(answer(x.copy(), train)).all(),
            "not all finite: a column that is constant in training has deviation 0; it is only shifted")
    compare(answer, (x, train), z(x[train]), {
        "it looks like the statistics of all rows: validation and test must not have a say": z(x),
        "it looks like the variance: divide by its root": z(x[train], np.var),
        "it looks like one mean and deviation for all columns: each has its own":
            (x - x[train].mean()) / x[train].std(),
        "it looks like a division by n - 1 in the variance: here it is n":
            z(x[train], lambda rows, axis: rows.std(axis=axis, ddof=1)),
    })


@exercise("3.2")
def mask_of(answer, rng):
    """The mask (V, u) of lengths (V,)."""
    lengths = np.array([4, 7, 1, 3, 6])
    _, mask = pad(np.zeros(lengths.sum()), np.concatenate([[0], np.cumsum(lengths)]), np.arange(5))
    compare(answer, (lengths,), mask, {
        "True and False the wrong way round: True is a real utterance": ~mask,
        "one step too many is True: steps are counted from 0": np.arange(7) <= lengths[:, None],
        "the padding stands in front: it belongs behind the last utterance": mask[:, ::-1],
        "transposed: a row is a video": mask.T,
    })


@exercise("3.3")
def gradient_of_the_logits(answer, rng):
    """The gradient by z (V, u, N) of the cross-entropy with y, averaged over the real utterances."""
    V, u, N = 3, 5, 4
    z, y, mask = rng.standard_normal((V, u, N)), np.eye(N)[rng.integers(N, size=(V, u))], np.arange(5) < [[5], [2], [4]]
    _, gradient = nn.value_and_grad(lambda p: -(ops.log_softmax(p["z"]) * y * mask[..., None]).sum() / 11, {"z": z})
    right, unmasked = gradient["z"], (ops.softmax(z) - y) / 11
    compare(answer, (z, y, mask), right, {
        "padding has a gradient: the mask is missing": unmasked,
        "padding has a gradient, and counts in the mean: the mask is missing": unmasked * 11 / (V * u),
        "it looks divided by all places, padding included: the real utterances count": right * 11 / (V * u),
        "it looks like a mean over each video: all real utterances weigh the same":
            right * 11 / mask.sum(axis=1)[:, None, None] / V,
        "the sign is wrong: the loss falls where the probability of the true class rises": -right,
    })


@exercise("3.4")
def errors_apart(answer, rng):
    """How many standard errors of p_1 - p_2 the difference is."""
    p_1, n_1, p_2, n_2 = 0.9, 300, 0.7, 750
    one, two = p_1 * (1 - p_1) / n_1, p_2 * (1 - p_2) / n_2
    compare(answer, (p_1, n_1, p_2, n_2), np.array((p_1 - p_2) / np.sqrt(one + two)), {
        "it looks divided by a variance: the standard error is its root": np.array((p_1 - p_2) / (one + two)),
        "it looks like standard errors added up: the variances add up": np.array((p_1 - p_2) / (one**0.5 + two**0.5)),
        "it looks like the standard error of the first alone: both vary": np.array((p_1 - p_2) / one**0.5),
        "it looks like the standard error of the second alone: both vary": np.array((p_1 - p_2) / two**0.5),
        "the sign is wrong: positive if the first is larger": np.array((p_2 - p_1) / np.sqrt(one + two)),
    })

"""Typical wrong answers to notebook 03: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np

from argf_np.nn.ops import softmax


def z(x, rows, deviation):
    return (x - rows.mean(axis=0)) / np.where(rows.max(axis=0) > rows.min(axis=0), deviation, 1)


def apart(p_1, p_2, error):
    return (p_1 - p_2) / error


def variance(p, n):
    return p * (1 - p) / n


def without_the_constant_column(x, train):
    with np.errstate(all="ignore"):
        centred = x - x[train].mean(axis=0)
        return centred / np.sqrt((centred[train] ** 2).mean(axis=0))


def zeros_for_what_is_not_finite(x, train):
    return np.nan_to_num(without_the_constant_column(x, train))


WRONG = {
    "3.1": [
        ("not all finite", without_the_constant_column),
        ("tiny number", zeros_for_what_is_not_finite),
        ("tiny number", lambda x, train: z(x, x[train], x[train].std(axis=0)) /
         np.where(x[train].std(axis=0) > 0, 1, 1e-8)),
        ("statistics of all rows", lambda x, train: z(x, x, x.std(axis=0))),
        ("the variance", lambda x, train: z(x, x[train], x[train].var(axis=0))),
        ("for all columns", lambda x, train: (x - x[train].mean()) / x[train].std()),
        ("n - 1", lambda x, train: z(x, x[train], x[train].std(axis=0, ddof=1))),
    ],
    "3.2": [
        ("wrong way round", lambda lengths: np.arange(lengths.max()) >= lengths[:, None]),
        ("a mask is bool",
         lambda lengths: (np.arange(lengths.max()) < lengths[:, None]).astype(int)),
        ("one step too many", lambda lengths: np.arange(lengths.max()) <= lengths[:, None]),
        ("in front", lambda lengths: np.arange(lengths.max())[::-1] < lengths[:, None]),
        ("transposed", lambda lengths: np.arange(lengths.max())[:, None] < lengths),
        ("one column too many",
         lambda lengths: np.arange(lengths.max() + 1) < lengths[:, None]),
        ("one column is missing",
         lambda lengths: np.arange(lengths.max() - 1) < lengths[:, None]),
        (r"shape \(5, 63\), expected \(5, 7\)", lambda lengths: np.arange(63) < lengths[:, None]),
    ],
    "3.3": [
        ("mask is missing", lambda z, y, mask: (softmax(z) - y) / mask.sum()),
        ("counts in the mean", lambda z, y, mask: (softmax(z) - y) / mask.size),
        ("all places", lambda z, y, mask: (softmax(z) - y) * mask[..., None] / mask.size),
        ("mean over each video",
         lambda z, y, mask: ((softmax(z) - y) * mask[..., None]
                             / mask.sum(axis=1)[:, None, None] / len(z))),
        ("sign is wrong", lambda z, y, mask: (y - softmax(z)) * mask[..., None] / mask.sum()),
    ],
    "3.4": [
        ("divided by a variance",
         lambda p, n, q, m: apart(p, q, variance(p, n) + variance(q, m))),
        ("standard errors added up",
         lambda p, n, q, m: apart(p, q, variance(p, n) ** 0.5 + variance(q, m) ** 0.5)),
        ("the first alone", lambda p, n, q, m: apart(p, q, variance(p, n) ** 0.5)),
        ("the second alone", lambda p, n, q, m: apart(p, q, variance(q, m) ** 0.5)),
        ("sign is wrong",
         lambda p, n, q, m: apart(q, p, (variance(p, n) + variance(q, m)) ** 0.5)),
    ],
}

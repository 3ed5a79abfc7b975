"""Typical wrong answers to the exercises of notebook 10.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np


def runs(percent, n, tolerance):
    s = 1
    while abs(100 * round(percent / 100 * s * n) / (s * n) - percent) > tolerance:
        s += 1
    return s


def intervals(y, t, ddof=1, root=True):
    half = t * y.std(axis=1, ddof=ddof)
    if root:
        half = half / np.sqrt(y.shape[1])
    return np.stack([y.mean(axis=1), half], axis=1)


def resample(gain, videos, seeds, drawn):
    return seeds @ gain @ drawn[videos]


def mean_of_videos(gain, videos, seeds, drawn):
    total = 0
    for video, often in enumerate(drawn):
        total += seeds @ gain[:, videos == video].mean(axis=1) * often
    return total / (seeds.sum() * drawn.sum())


WRONG = {
    "10.1": [
        ("is never printed as", lambda percent, n: 1),
        ("is never printed as", lambda percent, n: runs(percent, n, 0.05)),
        ("is enough; what is printed", lambda percent, n: runs(percent, n, 0.001)),
        ("`return` missing", lambda percent, n: None),
    ],
    "10.2": [
        ("divides by s - 1", lambda y, t: intervals(y, t, ddof=0)),
        ("a single run scatters", lambda y, t: intervals(y, t, root=False)),
        ("the standard error", lambda y, t: intervals(y, 1)),
        ("1.96 in place", lambda y, t: intervals(y, 1.96)),
        ("whole interval", lambda y, t: intervals(y, 2 * t)),
        (r"shape \(2, 3\)", lambda y, t: intervals(y, t).T),
    ],
    "10.3": [
        ("a resample has those of its videos",
         lambda *arguments: resample(*arguments) / arguments[0].size),
        ("long videos", mean_of_videos),
        ("all seeds", lambda gain, videos, seeds, drawn:
            resample(gain, videos, np.ones(3), drawn) / (3 * drawn[videos].sum())),
        ("all videos", lambda gain, videos, seeds, drawn: seeds @ gain.mean(axis=1) / seeds.sum()),
    ],
}

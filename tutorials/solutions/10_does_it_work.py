"""Solutions of notebook 10. Run it in tutorials/ with: python -m solutions.10_does_it_work"""

import numpy as np

from exercises import check


def smallest_number_of_runs(percent, n):
    s = 1
    while abs(100 * round(percent / 100 * s * n) / (s * n) - percent) > 0.005 + 1e-9:
        s += 1
    return s


check("10.1", smallest_number_of_runs)


def mean_intervals(y, t):
    half = t * y.std(axis=1, ddof=1) / np.sqrt(y.shape[1])  # (m,)
    return np.stack([y.mean(axis=1), half], axis=1)  # (m, 2)


check("10.2", mean_intervals)


def resampled_gain(gain, videos, seeds_drawn, videos_drawn):
    often = videos_drawn[videos]  # (n,): how often each utterance was drawn with its video
    return seeds_drawn @ gain @ often / (seeds_drawn.sum() * often.sum())


check("10.3", resampled_gain)

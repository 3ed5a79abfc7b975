"""Intervals: of a mean over seeds, and of a paired difference over seeds and test videos."""

import math

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000


def mean_interval(values):
    """Mean of values (n,) of n seeds, and the half width of its 95 % interval by Student's t (NaN of one value)."""
    values = np.asarray(values, float)
    n = len(values)
    if n == 1:
        return float(values[0]), math.nan
    return float(values.mean()), t_quantile(n - 1) * float(values.std(ddof=1)) / math.sqrt(n)


def t_quantile(df, probability=(1 + LEVEL) / 2):
    """The quantile of Student's t with ``df`` degrees of freedom, for a probability from 0.5, by bisection."""
    low, high = 0.0, 1e3
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < probability else (low, middle)
    return high


def t_cdf(t, df):
    """P(T < t) for t >= 0: the density integrated by Gauss-Legendre quadrature over the angle arctan(t / sqrt(df))."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    angle = math.atan(t / math.sqrt(df)) / 2
    area = angle * np.sum(weights * np.cos(angle * (nodes + 1)) ** (df - 1))
    return 0.5 + area * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)


def paired_difference(correct, reference, videos):
    """How much more often ``correct`` is right than ``reference``, with a 95 % bootstrap interval.

    Both are (seeds, n) of bool for the same seeds and the same n test utterances; videos (n,) is the video of each. A
    resample draws seeds and, independently, videos with replacement, since utterances of one video are not independent.
    Returns (difference, low, high), shares of 1.
    """
    gain = correct.astype(float) - reference  # (seeds, n)
    _, video, lengths = np.unique(videos, return_inverse=True, return_counts=True)
    by_video = np.stack([np.bincount(video, row) for row in gain])  # (seeds, V)
    rng = np.random.default_rng(0)
    S, V = by_video.shape
    seeds = rng.multinomial(S, np.full(S, 1 / S), RESAMPLES)  # how often each is drawn, (resamples, S)
    drawn = rng.multinomial(V, np.full(V, 1 / V), RESAMPLES)  # (resamples, V)
    resampled = np.sum(seeds @ by_video * drawn, axis=1) / (S * (drawn @ lengths))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(gain.mean()), float(low), float(high)

"""Intervals over seeds and test videos, how many comparisons a table makes, the best of n trials.

An interval holds for what could have come out differently. There are two of them here:

- `mean_interval`: other seeds, the same test videos. It holds for any score of a run.
- `accuracy_interval` and `paired_difference`: other seeds and other test videos of the same kind.
  This is what a statement about a method needs.

`results/coverage.md` shows by simulation how often each of them covers the truth.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)  # for integrals over -1 to 1


def mean_interval(values, level=LEVEL):
    """Mean of the scores of some seeds, and the half width of its interval by Student's t.

    It holds for other seeds and the same test videos. A single seed has no interval.

    - values (S,): one score per seed.
    - level: the share of such intervals that cover the mean of all seeds.

    Returns (mean, half width) in the unit of the values; the half width of one seed is NaN.
    """
    values = np.asarray(values, float)
    S = len(values)
    if S == 1:
        return float(values[0]), math.nan
    error = float(values.std(ddof=1)) / math.sqrt(S)
    return float(values.mean()), t_quantile(S - 1, (1 + level) / 2) * error


def accuracy_interval(correct, videos, level=LEVEL):
    """Accuracy over some seeds, and its interval for other seeds and other test videos.

    - correct (S, n): whether the network of each seed is right about each test utterance.
    - videos (n,): the video of each utterance. Utterances of one video are not independent.
    - level: the share of such intervals that cover the accuracy over all seeds and all videos.

    Returns (accuracy, low, high) as shares of 1. One seed or one video has no such
    interval, and low and high are NaN (`scope` says so in words). Where nothing varies, low and
    high are the accuracy. That says that nothing has varied so far, and not that nothing can.
    """
    return crossed_interval(correct, videos, level, lowest=0)


def paired_difference(correct, reference, videos, level=LEVEL):
    """How much more often one method is right than another, and the interval of that.

    Both methods have the same seeds and the same test utterances, so what is hard for both of
    them cancels out. The interval holds for other seeds and other test videos.

    - correct, reference (S, n): whether each method is right, per seed and utterance.
    - videos, level: as in `accuracy_interval`.

    Returns (difference, low, high) as shares of 1; NaN as in `accuracy_interval`.
    """
    gain = np.asarray(correct, float) - reference
    return crossed_interval(gain, videos, level, lowest=-1)


def crossed_interval(values, videos, level, lowest):
    """(mean, low, high) of values (S, n) from lowest to 1, for other seeds and other videos."""
    mean = float(np.mean(values))
    half = crossed_half_width(pseudo_values(values, videos), level)
    low, high = np.clip([mean - half, mean + half], lowest, 1)
    return mean, float(low), float(high)


def scope(n_seeds, n_videos):
    """In words, for a table: what `accuracy_interval` and `paired_difference` hold for."""
    if n_seeds == 1:
        return "no interval, since one seed does not show how much other seeds differ"
    if n_videos == 1:
        return "no interval, since one video does not show how much other videos differ"
    return f"for other seeds and other test videos, from {n_seeds} seeds and {n_videos} videos"


def pseudo_values(values, videos):
    """One number per seed and video, (S, V), whose mean is that of all utterances, or nearly.

    Videos differ in length, so the mean over utterances is no plain mean over videos. With θ_s the
    mean of seed s, and θ_s(-v) the same without video v, the jackknife's pseudo-value is

        p_sv = V θ_s - (V - 1) θ_s(-v).

    It says what video v contributes to θ_s. Videos of equal length have their own mean here, and
    longer ones count more. Pseudo-values are treated like independent observations (Tukey 1958).

    - values (S, n): a number per seed and utterance. videos (n,): the video of each utterance.
    """
    values = np.asarray(values, float)
    _, video, lengths = np.unique(videos, return_inverse=True, return_counts=True)
    V, n = len(lengths), len(video)
    if V == 1:
        return values.mean(axis=1, keepdims=True)
    sums = np.stack([np.bincount(video, row) for row in values])  # (S, V)
    total = sums.sum(axis=1, keepdims=True)  # (S, 1)
    without = (total - sums) / (n - lengths)
    return V * total / n - (V - 1) * without


def mean_squares(table):
    """Mean squares of a two-way table (S, V): of seeds, of videos, of their interaction.

    In the model y_sv = μ + a_s + b_v + c_sv with independent random effects their expectations are

        V σ_a² + σ_c²,    S σ_b² + σ_c²,    σ_c²

    with S - 1, V - 1 and (S - 1)(V - 1) degrees of freedom.
    """
    S, V = table.shape
    mean = table.mean()
    of_seed = table.mean(axis=1, keepdims=True) - mean  # (S, 1)
    of_video = table.mean(axis=0, keepdims=True) - mean  # (1, V)
    rest = table - mean - of_seed - of_video
    return (V * np.sum(of_seed ** 2) / (S - 1), S * np.sum(of_video ** 2) / (V - 1),
            np.sum(rest ** 2) / ((S - 1) * (V - 1)))


def crossed_half_width(table, level=LEVEL):
    """Half width of the interval of the mean of a table (S, V) of seeds and videos.

    The variance of the mean is σ_a²/S + σ_b²/V + σ_c²/(SV). It is estimated in two parts, and the
    interaction c, which is in both mean squares, is left in one of them:

        max(MS_seeds - MS_rest, 0) / (SV)    and    MS_videos / (SV).

    Each part is multiplied by its own squared quantile of Student's t, with S - 1 and with V - 1
    degrees of freedom, before they are added (Banerjee 1960). For two independent means such an
    interval covers at least as often as it says, whatever their variances. The usual alternative,
    one t for the sum with Satterthwaite's degrees of freedom, covers too seldom with three seeds:
    92 to 93 % where seeds differ most.

    NaN for a table of one row or one column.
    """
    S, V = table.shape
    if S == 1 or V == 1:
        return math.nan
    seeds, videos, rest = mean_squares(table)
    probability = (1 + level) / 2
    of_seeds = t_quantile(S - 1, probability) ** 2 * max(seeds - rest, 0)
    of_videos = t_quantile(V - 1, probability) ** 2 * videos
    return math.sqrt((of_seeds + of_videos) / (S * V))


@lru_cache(maxsize=1000)
def t_quantile(df, probability=(1 + LEVEL) / 2):
    """The quantile of Student's t with ``df`` degrees of freedom, for a probability from 0.5."""
    low, high = 0.0, 1.0
    while t_cdf(high, df) < probability:
        high *= 2
    while high - low > 1e-10 * high:  # bisection
        middle = (low + high) / 2
        if t_cdf(middle, df) < probability:
            low = middle
        else:
            high = middle
    return high


def t_cdf(t, df):
    """P(T < t) for t >= 0, by Gauss-Legendre quadrature over the angle arctan(t / sqrt(df))."""
    angle = math.atan(t / math.sqrt(df)) / 2
    area = angle * np.sum(WEIGHTS * np.cos(angle * (NODES + 1)) ** (df - 1))
    factor = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    return 0.5 + area * factor


# Many comparisons


def excluding_zero(rows, reference, videos, level=LEVEL):
    """The labels of the rows whose difference to the reference has an interval without 0.

    - rows: ``{label: correct (S, n)}``. The other arguments are those of `paired_difference`.
    """
    labels = []
    for label, correct in rows.items():
        _, low, high = paired_difference(correct, reference, videos, level)
        if low > 0 or high < 0:
            labels.append(label)
    return labels


def holm(rows, reference, videos, level=LEVEL):
    """The labels that remain if the table as a whole is to err in at most 1 - level of all cases.

    Holm (1979): with m comparisons left, each is made at the level 1 - (1 - level) / m. Those with
    an interval without 0 are settled. Then the others are compared again, with m reduced to their
    number. Arguments as in `excluding_zero`.
    """
    left = dict(rows)
    while left:
        found = excluding_zero(left, reference, videos, 1 - (1 - level) / len(left))
        if not found:
            break
        left = {label: correct for label, correct in left.items() if label not in found}
    return [label for label in rows if label not in left]


def comparisons_note(rows, reference, videos):
    """How many comparisons a table makes, and how many of them stand, in words.

    Arguments as in `excluding_zero`; the reference's own row is not among the rows. "" for a single
    comparison, which needs no note.
    """
    k, error = len(rows), 1 - LEVEL
    n_seeds, n_videos = len(reference), len(np.unique(videos))
    if min(n_seeds, n_videos) == 1:
        return f"The differences have {scope(n_seeds, n_videos)}."
    if k < 2:
        return ""
    found = excluding_zero(rows, reference, videos)
    settled = holm(rows, reference, videos)
    return (
        f"This table makes {k} comparisons with its reference. If no row differed from it, about "
        f"{k * error:.2g} of the {k} intervals would exclude 0 by chance, and the probability that "
        f"at least one does would be up to {100 * min(k * error, 1):.0f} %. Intervals without "
        f"0: {len(found)}{listed(found)}. With Holm's correction, which keeps that probability at "
        f"or below {100 * error:.0f} %: {len(settled)}{listed(settled)}.")


def listed(labels):
    """Labels in brackets, or nothing."""
    return f" ({', '.join(labels)})" if labels else ""


# The best of n trials


def expected_best(values, n):
    """Expected maximum of n trials that are drawn from the given ones with replacement.

    The i-th smallest of N values is the maximum with the probability (i/N)^n - ((i-1)/N)^n (Dodge
    et al. 2019, "Show Your Work"). The nearer n is to N, the more this falls short of the best of n
    new trials.

    - values (..., N): one score per trial, in any order.
    - n: from 1.
    """
    values = np.sort(values, axis=-1)
    N = values.shape[-1]
    weights = np.diff((np.arange(N + 1) / N) ** n)
    return values @ weights


def extrapolated_best(values, n):
    """Expected maximum of n new trials, if the better half of the trials is the tail of a normal.

    It is for an n above the number of trials N. No trial shows how the tail goes on there, so it
    is an extrapolation and must be marked as one. The worse half enters as it is. The normal is
    the straight line through the better half of the normal plot, whose positions are Blom's,
    (i - 3/8) / (N + 1/4).

    - values (..., N): one score per trial, in any order, N > 2.
    """
    values = np.sort(values, axis=-1)
    N = values.shape[-1]
    half = N // 2
    x = np.array([NormalDist().inv_cdf((i - 0.375) / (N + 0.25)) for i in range(half + 1, N + 1)])
    x_0 = x - x.mean()
    y = values[..., half:]
    deviation = y @ x_0 / (x_0 @ x_0)
    mean = y.mean(axis=-1) - deviation * x.mean()
    weights = np.diff((np.arange(half + 1) / N) ** n)
    share = 1 - (half / N) ** n  # how often the best of n is in the better half
    return values[..., :half] @ weights + share * mean + deviation * normal_maximum(n, half / N)


@lru_cache(maxsize=1000)
def normal_maximum(n, start):
    """The part that the quantiles above ``start`` have in the expected maximum of n normal numbers.

    The integral of x n φ(x) Φ(x)^(n-1) from the quantile of ``start`` on, by the midpoint rule.
    """
    normal, end, points = NormalDist(), 10, 2000
    first = normal.inv_cdf(start)
    step = (end - first) / points
    total = 0.0
    for i in range(points):
        x = first + (i + 0.5) * step
        total += x * n * normal.pdf(x) * normal.cdf(x) ** (n - 1) * step
    return total


def best_curve(values, counts):
    """Expected best of n trials for each n of ``counts``, with a bootstrap band.

    Up to the number of trials N it is `expected_best`, above it `extrapolated_best`. A bootstrap
    over trials alone gives a band that is too narrow and too low as n nears N, since no resample
    holds a better trial than the best. So the band runs from the lower to the higher of two
    bootstrap bands, of `expected_best` (no new trial is better than the best) and of
    `extrapolated_best` (the tail is a normal's). It is meant for scores whose upper tail is no
    heavier than a normal's; `results/coverage.md` shows how often it holds the truth.

    Returns a list of dicts, one per n: ``n``, ``expected``, ``low``, ``high``, ``extrapolated``.
    """
    values, rng = np.asarray(values, float), np.random.default_rng(0)
    N = len(values)
    resamples = np.sort(values[rng.integers(N, size=(RESAMPLES, N))], axis=1)
    rows = []
    for n in counts:
        best = extrapolated_best if n > N else expected_best
        bands = [np.quantile(estimate(resamples, n), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
                 for estimate in (expected_best, extrapolated_best)]
        rows.append({"n": n, "expected": float(best(values, n)), "low": float(np.min(bands)),
                     "high": float(np.max(bands)), "extrapolated": n > N})
    return rows

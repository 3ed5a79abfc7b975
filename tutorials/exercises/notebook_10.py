"""Exercises of notebook 10, does it work?"""

import numpy as np

from . import compare, exercise, require


@exercise("10.1")
def smallest_number_of_runs(answer, rng):
    """The smallest number of runs whose mean accuracy is printed as a percentage."""

    def fits(percent, n):
        return abs(100 * round(percent / 100 * n) / n - percent) <= 0.005 + 1e-9

    for percent, n in ((81.38, 752), (80.92, 752), (79.72, 752), (80.11, 752), (33.33, 40),
                       (97.40, 231), (12.34, 11)):
        s = answer(percent, n)
        require(s is not None, "your function returns nothing; is the `return` missing?")
        require(fits(percent, s * n),
                f"the mean of {s} runs on {n} utterances is never printed as {percent}")
        enough = next(fewer for fewer in range(1, s + 1) if fits(percent, fewer * n))
        require(s == enough, f"{percent} of {n}: {enough} is enough; what is printed may be 0.005 "
                "from the mean")
    return "and where it is 1, the figure may be that of a single run"


@exercise("10.2")
def mean_intervals(answer, rng):
    """Means and half intervals (models, 2) of accuracies (models, s)."""
    y, t = rng.normal(80, 2, (3, 5)), 2.776
    mean, deviation = y.mean(axis=1), y.std(axis=1, ddof=1)

    def pair(half):
        return np.stack([mean, half], axis=1)  # (models, 2)

    compare(answer, (y, t), pair(t * deviation / np.sqrt(5)), {
        "the sum of squares is divided by s: an estimate from s numbers divides by s - 1":
            pair(t * y.std(axis=1) / np.sqrt(5)),
        "this is how far a single run scatters; the mean of s of them scatters less":
            pair(t * deviation),
        "this is the standard error; the interval takes t of them": pair(deviation / np.sqrt(5)),
        "it looks like 1.96 in place of t": pair(1.96 * deviation / np.sqrt(5)),
        "this is the whole interval, not its half": pair(2 * t * deviation / np.sqrt(5)),
        "the standard error divides by the root of s, not by s": pair(t * deviation / 5),
    })
    return "and with three seeds the interval is more than four standard errors wide on either side"


@exercise("10.3")
def resampled_gain(answer, rng):
    """The mean gain of a resample, a number."""
    gain, videos = rng.standard_normal((3, 17)), np.repeat(np.arange(4), (2, 8, 4, 3))
    seeds, drawn = np.array([0, 2, 1]), np.array([2, 0, 1, 1])
    often = drawn[videos]
    total = seeds @ gain @ often
    by_video = np.stack([gain[:, videos == video].mean(axis=1) for video in range(4)], axis=1)
    compare(answer, (gain, videos, seeds, drawn), total / (seeds.sum() * often.sum()), {
        "divided by the n utterances of the test set: a resample has those of its videos":
            total / (3 * 17),
        "this is the sum of the gains, not their mean": total,
        "a mean of the videos' means: long videos have more utterances, and count more":
            seeds @ by_video @ drawn / 12,
        "it looks as if all seeds were drawn once":
            gain.sum(axis=0) @ often / (3 * often.sum()),
        "it looks as if all videos were drawn once": seeds @ gain.sum(axis=1) / (3 * 17),
    })
    return "and thousands of such resamples are a bootstrap over seeds and videos"

"""How often the intervals of the tables, and those used before, cover the truth: a simulation.

Answers are simulated from a model whose truth is known. Method, seed, video and utterance each add
to a latent score, and an answer is right where the score is above 0:

    score = mean + utterance + video + seed + seed with video + residual.

All effects are normal. That of the utterances has standard deviation 1, the unit of the others. Two
methods share a part of what makes utterances and videos hard. Lengths of videos are drawn anew each
time, since the truth is about new videos too.

`python results/coverage_of_intervals.py` writes coverage.md, .csv and .png beside this file.
"""

import math
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

import coverage_picture
from argf_np import figures
from argf_np.experiments.markdown import grid
from argf_np.experiments.statistics import (
    LEVEL,
    accuracy_interval,
    best_curve,
    expected_best,
    mean_interval,
    paired_difference,
)
from argf_np.storage import files

SEEDS = (3, 5, 10, 20)
REPLICATIONS = 2000
RESAMPLES = 500  # of the old intervals
COLLAPSED = 0.1  # share of the runs that collapse, where some do

# Test videos: their number, and mean and standard deviation of their numbers of utterances.
MOSI = (31, 24.3, 11.2)
IEMOCAP = (31, 52.4, 17.7)


class Scenario(NamedTuple):
    """How right answers come about; deviations in units of that of the utterances."""

    words: str
    mean: float  # of the method's score
    reference: float  # of the other method's score
    seed: float
    video: float
    seed_video: float
    residual: float
    shared: float  # the part of the variance of utterances and videos that both methods share
    drop: float = 0.0  # how far the score falls if a run of the method collapses
    lengths: tuple = MOSI


# "As on MOSI" has about the variance components of six seeds of each row of Table 5 on real MOSI:
# accuracies with 0 to 0.3 points from seeds, 8 from videos, 2 to 3 from both; paired differences
# with 0.2 to 0.5, 0 to 2.4, 2 to 3 (without the decoder 9); two seeds agree on 96 to 98 % of the
# answers. "As on IEMOCAP" has the 13 points from dialogues and the 95 % of equal answers of two
# rows of one seed. What its seeds add is assumed.
SCENARIOS = (
    Scenario("as on MOSI", 0.82, 0.82, 0.012, 0.1, 0.02, 0.1, 0.998),
    Scenario("as on IEMOCAP", 0.24, 0.235, 0.03, 0.35, 0.05, 0.15, 0.99, lengths=IEMOCAP),
    Scenario("seeds differ most", 0.82, 0.7, 0.15, 0.05, 0.05, 0.2, 0.98),
    Scenario("videos differ most", 0.82, 0.7, 0.02, 0.6, 0.05, 0.2, 0.7),
    Scenario("seeds hardly differ", 0.82, 0.82, 0.0, 0.2, 0.0, 0.05, 0.9),
    Scenario("one run in ten collapses", 0.82, 0.82, 0.012, 0.1, 0.02, 0.1, 0.998, drop=0.5),
)
QUANTITIES = {
    "seeds": "the accuracy of a method on these test videos, for other seeds",
    "seeds and videos": "the accuracy of a method, for other seeds and other test videos",
    "paired difference": "the difference of two methods, for other seeds and other test videos",
}


# The model


def simulate(rng, scenario, n_seeds):
    """Answers of two methods, drawn from a scenario.

    Returns (correct, reference, videos, here): (S, n) of bool twice, (n,), and the true accuracy
    of the first method on these utterances, over all seeds.
    """
    number, mean, deviation = scenario.lengths
    shape = (mean / deviation) ** 2  # of a gamma distribution
    lengths = np.maximum(rng.gamma(shape, mean / shape, number).round().astype(int), 2)
    videos = np.repeat(np.arange(number), lengths)
    hard = difficulty(rng, scenario, videos)  # for both methods
    answers, here = [], []
    for mean, drop in ((scenario.mean, scenario.drop), (scenario.reference, 0.0)):
        own = difficulty(rng, scenario, videos)
        score = mean + math.sqrt(scenario.shared) * hard + math.sqrt(1 - scenario.shared) * own
        answers.append(score + noise(rng, scenario, n_seeds, videos, drop) > 0)
        here.append(accuracy(score, noise_deviation(scenario), drop).mean())
    return *answers, videos, here[0]


def difficulty(rng, scenario, videos):
    """What utterances and videos add to the score, (n,)."""
    of_video = scenario.video * rng.standard_normal(videos.max() + 1)
    return of_video[videos] + rng.standard_normal(len(videos))


def noise(rng, scenario, n_seeds, videos, drop):
    """What a seed adds to the score: as such, with a video, with an utterance. (S, n)"""
    of_seed = scenario.seed * rng.standard_normal((n_seeds, 1))
    of_seed -= drop * (rng.random((n_seeds, 1)) < COLLAPSED)
    with_video = scenario.seed_video * rng.standard_normal((n_seeds, videos.max() + 1))
    residual = rng.standard_normal((n_seeds, len(videos)), dtype=np.float32)
    return (of_seed + with_video)[:, videos] + scenario.residual * residual


def noise_deviation(scenario):
    """The standard deviation of `noise` without collapses."""
    return math.hypot(scenario.seed, scenario.seed_video, scenario.residual)


def accuracy(score, deviation, drop):
    """The probability that a score with a normal of this deviation added to it is above 0."""
    cdf = np.vectorize(NormalDist().cdf)
    usual, collapsed = cdf(score / deviation), cdf((score - drop) / deviation)
    return usual + COLLAPSED * (collapsed - usual)


def truths(scenario):
    """The accuracies of both methods over all seeds and all videos."""
    deviation = math.hypot(1, scenario.video, noise_deviation(scenario))
    return (float(accuracy(scenario.mean, deviation, scenario.drop)),
            float(accuracy(scenario.reference, deviation, 0.0)))


# What was before: the percentile bootstrap


def bootstrap_of_seeds(scores, draws):
    """The old interval of a mean over seeds: (low, high). draws (R, S): how often each is drawn."""
    return np.quantile(draws @ scores / len(scores), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def bootstrap_of_both(values, videos, draws_of_seeds, draws_of_videos):
    """The old interval over seeds and videos: (low, high). draws (R, S) and (R, V)."""
    _, video, lengths = np.unique(videos, return_inverse=True, return_counts=True)
    by_video = np.stack([np.bincount(video, row) for row in np.asarray(values, float)])  # (S, V)
    sums = np.sum(draws_of_seeds @ by_video * draws_of_videos, axis=1)
    means = sums / (len(values) * (draws_of_videos @ lengths))
    return np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


# The simulation


def experiment(rng, scenario, n_seeds, draws):
    """One simulated experiment: ``{quantity: (truth, old low, old high, new low, new high)}``.

    - draws: how often the old bootstrap draws each seed (R, S) and each video (R, V).
    """
    correct, reference, videos, here = simulate(rng, scenario, n_seeds)
    scores, gain = correct.mean(axis=1), correct.astype(float) - reference
    mean, half = mean_interval(scores)
    _, *both = accuracy_interval(correct, videos)
    _, *paired = paired_difference(correct, reference, videos)
    first, second = truths(scenario)
    return {
        "seeds": (here, *bootstrap_of_seeds(scores, draws[0]), mean - half, mean + half),
        "seeds and videos": (first, *bootstrap_of_both(correct, videos, *draws), *both),
        "paired difference": (first - second, *bootstrap_of_both(gain, videos, *draws), *paired),
    }


def cover(scenario, n_seeds, replications, rng):
    """One row per quantity: how often the old and the new interval cover the truth, in percent.

    ``old width`` and ``new width`` are medians of half the interval, in points of accuracy.
    """
    draws = [rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)
             for n in (n_seeds, scenario.lengths[0])]
    experiments = [experiment(rng, scenario, n_seeds, draws) for _ in range(replications)]
    rows = []
    for quantity in QUANTITIES:
        found = np.array([intervals[quantity] for intervals in experiments])
        about = {"interval": quantity, "scenario": scenario.words, "seeds": n_seeds,
                 "replications": replications}
        rows.append(about | summary(found))
    return rows


def summary(found):
    """Coverage and width of the old and the new interval. found (R, 5): truth, old, new."""
    truth, old_low, old_high, low, high = found.T
    old = (old_low <= truth) & (truth <= old_high)
    new = (low <= truth) & (truth <= high)
    return {"old": 100 * old.mean(), "new": 100 * new.mean(),
            "old width": 50 * np.median(old_high - old_low),
            "new width": 50 * np.median(high - low)}


def simulation(replications=REPLICATIONS, seeds=SEEDS, scenarios=SCENARIOS):
    """The rows of `cover` of all scenarios and numbers of seeds."""
    rows = []
    for number, scenario in enumerate(scenarios):
        for n_seeds in seeds:
            rng = np.random.default_rng([number, n_seeds])
            rows += cover(scenario, n_seeds, replications, rng)
    return rows


# The band of the expected best of n trials


def normal_trials(rng, shape):
    """Scores of trials that are normal."""
    return rng.standard_normal(shape)


def failing_trials(rng, shape):
    """Scores of trials of which three in ten fail and the others are normal."""
    failed = rng.random(shape) < 0.3
    return np.where(failed, rng.uniform(-20, 0, shape), rng.standard_normal(shape))


def bounded_trials(rng, shape):
    """Scores of trials that crowd below a highest possible one."""
    return -rng.exponential(size=shape)


TRIALS = {"normal": normal_trials, "three in ten fail": failing_trials,
          "below a bound": bounded_trials}
NUMBERS_OF_TRIALS = (60, 200)
SPENT = (0.05, 0.25, 1, 10)  # n as a multiple of the number of trials


def band_coverage(replications):
    """One row per kind of trials, number of them and n: how often `best_curve`'s band covers."""
    rows = []
    for kind, draw in TRIALS.items():
        for N in NUMBERS_OF_TRIALS:
            rng = np.random.default_rng(N)
            many = draw(rng, 10 ** 6)  # so many that their best of n is the truth
            curves = [best_curve(draw(rng, N), [int(N * times) for times in SPENT])
                      for _ in range(replications)]
            for of_n in zip(*curves, strict=True):
                n = of_n[0]["n"]
                truth = expected_best(many, n)
                share = np.mean([row["low"] <= truth <= row["high"] for row in of_n])
                rows.append({"trials": f"{N}, {kind}", "n": n, "replications": replications,
                             "coverage": 100 * share})
    return rows


# The report


def report(rows, band_rows):
    """The Markdown of the rows of `simulation` and `band_coverage`."""
    R, level = rows[0]["replications"], 100 * LEVEL
    error = math.sqrt(level * (100 - level) / R)
    parts = [
        "## Coverage of the intervals",
        "![Coverage](coverage.png)",
        f"How many of {R} simulated experiments have an interval of {level:.0f} % that covers the "
        f"truth, in percent. In brackets: the percentile bootstrap that this project used before. "
        f"The standard error of a coverage of {level:.0f} % is {error:.1f} points.",
        verdict(rows), background()]
    for quantity, words in QUANTITIES.items():
        table = coverage_table([row for row in rows if row["interval"] == quantity])
        parts += [f"**{quantity.capitalize()}**: {words}.", table]
    parts += [limits(), band_table(band_rows), scenario_table()]
    return "\n\n".join(parts) + "\n"


def verdict(rows):
    """The range of the coverage of both intervals in the scenarios without collapses, in words."""
    collapsing = {scenario.words for scenario in SCENARIOS if scenario.drop}
    usual = [row for row in rows if row["scenario"] not in collapsing]
    new, old = ([row[which] for row in usual] for which in ("new", "old"))
    return (f"Where no run collapses, the new intervals cover in {min(new):.1f} to {max(new):.1f} "
            f"% of the experiments, the old ones in {min(old):.1f} to {max(old):.1f} %.")


def background():
    """Why the bootstrap fails and what others do, in words."""
    return (
        "The bootstrap draws seeds and videos from those that were seen. Three seeds look less "
        "different than they are, and the normal quantiles that it amounts to are too small for "
        "them: so it covers too seldom where seeds matter. Drawing seeds and videos independently "
        "(the pigeonhole bootstrap, Owen 2007) also counts the interaction of both more than "
        "once: so it covers too often where that is most of the variance, as in paired "
        "differences on MOSI. rliable (Agarwal et al. 2021) draws the runs of each task for many "
        "tasks together. With one task and a few seeds, that is the bootstrap over seeds. The "
        "new intervals are Student's t over seeds, and variance components with one t for seeds "
        "and one for videos.")


def coverage_table(rows):
    """New and, in brackets, old coverage: one line per scenario, one column per number of seeds."""
    lines = {}
    for row in rows:
        lines.setdefault(row["scenario"], []).append(f"{row['new']:.1f} ({row['old']:.1f})")
    seeds = dict.fromkeys(row["seeds"] for row in rows)
    header = ["", *(f"{n} seeds" for n in seeds)]
    return grid(header, [[words, *cells] for words, cells in lines.items()])


def limits():
    """What no interval can do, in words."""
    unseen = 100 * (1 - COLLAPSED) ** 3
    bounds = ", ".join(f"{100 * unseen_rate(n):.0f} % after {n} seeds" for n in SEEDS)
    return (
        f"Where one run in ten collapses, {unseen:.0f} % of the experiments with three seeds show "
        "no collapse, and then nothing in them says how much lower the mean over all seeds is. No "
        "interval of the scores can repair that. So a table must name collapsed runs beside its "
        "means, and a reader must know how rare a collapse may be without being seen: if no run "
        f"has collapsed, the share of the seeds that do may still be {bounds} (upper bounds of "
        f"{100 * LEVEL:.0f} %).")


def unseen_rate(n_seeds):
    """The highest rate of an event that n seeds without it leave possible: (1 - rate)^n = 5 %."""
    return 1 - (1 - LEVEL) ** (1 / n_seeds)


def band_table(rows):
    """Coverage of the band of the expected best of n trials."""
    lines = {}
    for row in rows:
        lines.setdefault(row["trials"], []).append(f"{row['coverage']:.0f} (n = {row['n']})")
    header = ["trials", *(f"n = {times:g} × trials" for times in SPENT)]
    return "\n\n".join([
        "**Best of n trials**: how often the band of the expected best of n trials covers it, in "
        f"percent of {rows[0]['replications']} simulated searches.",
        grid(header, [[name, *cells] for name, cells in lines.items()])])


def scenario_table():
    """What is simulated: accuracies in percent, and the deviations of the effects."""
    lines = []
    for scenario in SCENARIOS:
        accuracies = [f"{100 * truth:.1f}" for truth in truths(scenario)]
        deviations = [str(value) for value in scenario[3:8]]
        lengths = "{} × {} ± {}".format(*scenario.lengths)
        lines.append([scenario.words, *accuracies, *deviations, lengths])
    header = ["", "accuracy", "the other method's", "seed", "video", "seed with video", "residual",
              "shared", "videos × utterances"]
    return "\n\n".join([
        "**The scenarios**: true accuracies in percent; standard deviations of the effects, in "
        "units of that of the utterances; the share of the difficulty of utterances and videos "
        "that both methods have in common; test videos, with mean ± standard deviation of their "
        "numbers of utterances. “As on MOSI” has about the variances of this project's runs on "
        "real MOSI; “as on IEMOCAP” has those between its dialogues, and assumed ones of "
        "seeds.", grid(header, lines)])


def write(folder, replications=REPLICATIONS):
    """Simulate, write coverage.csv, coverage.png and coverage.md, and give the Markdown."""
    rows = simulation(replications)
    text = report(rows, band_coverage(max(replications // 20, 2)))
    lines = []
    for row in rows:
        numbers = {name: f"{row[name]:.2f}" for name in ("old", "new", "old width", "new width")}
        lines.append(row | numbers)
    files.write_csv(folder / "coverage.csv", lines)
    with files.replacing(folder / "coverage.png") as part:
        figures.save(coverage_picture.coverage(rows), part)
    files.write_text(folder / "coverage.md", text)
    return text


if __name__ == "__main__":
    print(write(Path(__file__).parent))

# %% [markdown]
# # 10 · Does it work?
#
# *Needs: 07, 09. Minutes: 25. Paper: "Results and Discussions", Tables 1 to 5.*
#
# (25 minutes are for reading. The exercises take about 40 more, the experiment 5, the last task
# 45.)
#
# "Our method achieves state-of-the-art performance on multiple datasets", says the abstract of the
# paper. Table 1 has 81.38 % for ARGF, and no other model has more than 80.9 %. So does it work?
#
# A number in a table depends on many choices: which data, which seed, which epoch, and what was
# looked at before they were chosen. This notebook takes Tables 1 to 5 one by one. It asks what is
# behind their numbers, and what it takes to show that A is better than B.
#
# On the way you will
#
# - turn percentages back into counts of utterances, and find four that are no count of 752;
# - make a gain of one and a half points out of nothing, by choosing the epoch;
# - build intervals for a mean and for a difference, and count how often they cover the truth;
# - read the sizes of the classes of a data set off a table that does not mention them;
# - count ARGF's parameters and operations to the last digit;
# - see in one picture what the full runs on real data have found so far.
#
# **The runs in this notebook are small**, so that it takes a minute or two: narrow networks, few
# epochs (4 to 20), six seeds, and principal components in place of a UCLN. They are on the
# synthetic corpus, and they show *how* to find out. Full runs on real data come from
# `python -m argf_np.experiments`. Their tables are in [RESULTS.md](../results/RESULTS.md), and
# section 9 draws them.
#
# | symbol | meaning |
# |---|---|
# | $n$ | number of test utterances |
# | $q$ | number of results of which the best is reported |
# | $s$, $r$ | number of seeds; number of one run |
# | $y_r$, $\bar y$, $\sigma$ | result of run $r$; mean and standard deviation over runs |
# | $t$ | the quantile of Student's distribution |
# | $V$, $v$ | number of test videos; number of one video |
#
# A number such as [D14](../DEVIATIONS.md#d14) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.
#
# Before: [09 · Graph fusion II](09_graph_fusion_2.ipynb). Next:
# [11 · Seeing it](11_seeing_it.ipynb). [13 · The other models](13_other_models.ipynb) explains the
# models of Tables 1 to 3 and the fusions of Table 6.

# %%
import csv
import itertools

import matplotlib.pyplot as plt
import numpy as np

from argf_np import nn
from argf_np.baselines import MODELS
from argf_np.data import DATASETS, load, standardise
from argf_np.experiments import catalogue, complexity_table4, statistics
from argf_np.paper.model import init_model
from drawings import STYLE
from drawings import notebook_10 as draw
from exercises import check

nn.use("readable")  # textbook code; the fast functions of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. What is a percentage made of?
#
# An accuracy is a fraction: correct utterances over all $n$ test utterances. MOSI's test videos
# have 752. So a single run can give $\frac{611}{752}$ or $\frac{612}{752}$ and nothing between, in
# steps of 0.13 points. From a printed percentage we can go back to the count. If no count is
# rounded to it, the number is something else. It may be an average of several runs or a typing
# error, or it may come from other test data.
#
# **Predict before you run:** take any percentage with two decimals, such as 77.77. How likely is it
# that some count out of 752 is printed like this? And with one decimal, such as 77.8?
#
# The package has the paper's tables as lists of rows (`catalogue`), each with its printed figures.

# %%
n = sum(DATASETS["mosi"].balance[2])


def counts(percent, n, decimals=2):
    """All numbers of correct utterances, out of n, that are printed as this percentage."""
    found = []
    nearest = round(percent / 100 * n)
    for count in (nearest - 1, nearest, nearest + 1):
        if abs(100 * count / n - percent) <= 0.5 * 10.0 ** -decimals + 1e-9:
            found.append(count)
    return found


subject = catalogue.Subject(load("mosi", source="synthetic"), "mosi", "MOSI")
comparison = catalogue.comparison(subject)  # Table 1
ablations = catalogue.ablations(subject)  # Table 5
fusions = catalogue.fusions(subject)  # Table 6
unfit = []
for table in (comparison, ablations, fusions):
    print(table.title)
    for row in table.rows:
        if not row.paper:
            continue
        percent = row.paper["accuracy"]
        decimals = 1 if percent == round(percent, 1) else 2
        found = counts(percent, n, decimals)
        if not found:
            unfit.append(row.label)
        print(f"   {row.label:34} {percent:6.{decimals}f} %   {found or 'no count'}")

# %%
for decimals in (2, 1):
    every = np.arange(50 * 10 ** decimals, 100 * 10 ** decimals) / 10.0 ** decimals
    fits = [bool(counts(percent, n, decimals)) for percent in every]
    plural = "s" if decimals > 1 else ""
    print(f"of all figures with {decimals} decimal{plural}, {np.mean(fits):.1%} are counts of {n}")
assert len(unfit) == 4

# %% [markdown]
# - Seven of seven figures of Table 6 are counts of 752. Of all figures, 7.5 % are. So seven in
#   seven happen by accident once in $1 / 0.075^7$ cases, about 75 million. They are almost surely
#   accuracies of single runs on this test set.
# - Three of the four figures of Table 5 are *not* accuracies of a single run on these 752
#   utterances. (They could be means of several runs, or come from other test data; the paper does
#   not say.)
# - A figure with one decimal fits in three of four cases, so the fits of the cited models prove
#   nothing. But the 80.0 of CHFusion does not fit. It was cut off instead of rounded (602 of 752
#   are 80.05 %), or it comes from another test set.
# - ARGF with language, acoustic and visual as target: 612, 611 and 610 utterances. The paper does
#   not make much of this order: "all the modalities perform very closely", and "there are no hard
#   and fast rules to choose an optimal target modality".
#
# **How sure is a fraction?** Suppose that each utterance is right with probability $p$,
# independently of the others. Then the count is binomial, and the accuracy has the standard
# deviation $\sqrt{p (1 - p) / n}$. The bars are two of these to each side.

# %%
printed = [(row.label, row.paper["accuracy"]) for row in comparison.rows if row.paper]
draw.coins(printed, n)
plt.show()
reach = 200 * np.sqrt(0.8138 * (1 - 0.8138) / n)
print(f"two standard deviations at 81.38 %: {reach:.2f} points")

# %% [markdown]
# All bars overlap, even those of the best and of the worst model. This is not yet an argument
# against the order. All models answered the *same* utterances, so their errors go together, and a
# difference can be surer than either number (section 4). But a single accuracy is no surer than
# this.
#
# ### Exercise 10.1 ★★ (15 minutes): could this be a mean?
#
# Say that a figure is the mean of $s$ runs on the same $n$ utterances. Find the smallest $s$ for
# which some total number of correct answers gives the printed figure, which has two decimals.
#
# Replace the line with `raise` by your answer and run the cell. `check` runs it on fixed inputs. If
# it is wrong, `check` says what the mistake looks like.

# %%
def smallest_number_of_runs(percent, n):
    """percent with two decimals, such as 80.92. Returns the smallest s = 1, 2, ..."""
    raise NotImplementedError("exercise 10.1")


check("10.1", smallest_number_of_runs)

# %% [markdown]
# ## 2. What choosing the best epoch buys
#
# After every epoch one may look at the test accuracy, and report the highest. What is that worth if
# there is *nothing to find*? Suppose that the network is equally good in every epoch. It always
# gets 70 % of the 752 utterances right, and never 10 %. On the other 20 % it is undecided: in every
# epoch it tosses a coin for each of them. Its true accuracy is 80 %.
#
# **Predict before you run:** how many points above 80 % is the best of 20 epochs, on average?

# %%
rng = np.random.default_rng(0)
sure, undecided = round(0.7 * n), round(0.2 * n)
right = rng.binomial(undecided, 0.5, (4000, 400)) + sure  # (trials, epochs)
truth = (sure + undecided / 2) / n
gains = 100 * (np.maximum.accumulate(right, axis=1) / n - truth)  # the best so far
deviation = 100 * np.sqrt(undecided) / 2 / n  # of one epoch, in points
draw.best_of(gains, deviation)
plt.show()
for q in (1, 20, 400):
    print(f"best of {q:3}: {gains[:, q - 1].mean():+.2f} points")
assert abs(gains[:, 0].mean()) < 0.1
assert gains[:, 19].mean() > 1

# %% [markdown]
# The best of 20 gains 1.5 points, and the best of 400 gains 2.4. The dashed line is a rule of
# thumb: the mean of the largest of $q$ normal numbers is somewhat below $\sigma \sqrt{2 \ln q}$
# (here by 0.4 points), with $\sigma$ for the standard deviation of one of them, here of one epoch.
# It grows slowly, but it never stops, and the best of 20 epochs of 20 settings is a best of 400.
# The larger $\sigma$ is, the more there is to gain. A network that leaves dropout on at test time
# tosses more coins, and gains more by choosing.
#
# **An experiment** ★ (5 minutes). The authors' script draws its settings at random from 2,916
# combinations ([D13](../DEVIATIONS.md#d13)). If all were tried and equally good, how many $\sigma$
# above the mean would the best be? Predict with $\sqrt{2 \ln q}$, then simulate with
# `rng.standard_normal((1000, 2916))`. (Predicted 4.0, simulated 3.5.)
#
# **Live.** Now real training. There are four protocols (`settings.protocol`,
# [D14](../DEVIATIONS.md#d14)):
#
# - `fixed`: the number of epochs is set beforehand, and the parameters are averaged over epochs.
#   Test labels are read once.
# - `validation`: the epoch with the lowest loss on the validation videos.
# - `released`: the inner loop of the authors' script. It also takes the epoch of the lowest
#   validation loss, but it leaves dropout and batch statistics on, for this loss and for the test.
#   The authors repeat it for many settings and seeds and report the best *test* accuracy. So it is
#   their search that peeks, and not their choice of an epoch.
# - `best_test`: the epoch with the best *test* accuracy. The authors' script does not report that.
#   The table `protocols` has it to show what choosing an epoch by the test labels would give.
#
# `experiment.runs` gives the settings of each row of a table for each seed, and `MODELS` has a
# function `train` for each model. We keep what `train` returns, and train nothing twice. (The name
# of a row has two parts. The *variant* is the model, here always that of the paper, but without the
# joint embedding space: the graph alone. The second part is the protocol, and one of the protocols
# is called "released".)

# %%
corpus = standardise(subject.corpus)
test = corpus.utterances("test")
video_of = np.repeat(np.arange(len(corpus.video_ids)), np.diff(corpus.starts))
video = video_of[test]  # the video of each test utterance
print(f"{corpus.source} corpus: {len(test)} test utterances in {len(np.unique(video))} videos")


def principal_components(m, d=12):
    """The features (n, d) along the directions of largest variance, scaled to deviation 1."""
    train = corpus.utterances("train")
    _, _, directions = np.linalg.svd(corpus.features[m][train], full_matrices=False)
    projected = corpus.features[m] @ directions[:d].T
    return projected / projected[train].std()


x = np.stack([principal_components(m) for m in "alv"]).astype("float32")  # (3, n, 12)
SMALL = {"d": 12, "k": 10, "epochs": 4, "batch_size": 128, "lr": 5e-3, "ucln_epochs": 2}
SEEDS = 6
finished = {}  # {settings: what train returns}


def run_all(experiment, labels, **changes):
    """Train some rows of a table with all seeds; ``{label: [what train returns]}``."""
    nn.use("fast")
    found = {}
    for row, of_seeds in experiment.runs(subject, SEEDS, SMALL | changes).items():
        if row.label not in labels:
            continue
        if row.label.startswith("logistic"):
            of_seeds = of_seeds[:1] * SEEDS  # it begins at zero, so all seeds are alike
        for settings in of_seeds:
            if settings not in finished:
                finished[settings] = MODELS[settings.model].train(corpus, x, settings)
        found[row.label] = [finished[settings] for settings in of_seeds]
    nn.use("readable")
    return found


def correct(runs):
    """Whether each run is right about each test utterance, (seeds, n)."""
    predictions = np.array([run["probabilities"].argmax(axis=1) for run in runs])
    return predictions == corpus.labels[test]


# The graph alone, without the joint embedding space: that is quick, so it can have 12 epochs.
protocols = catalogue.protocols(subject)
names = [f"paper variant, {name}" for name in ("fixed", "validation", "released", "best_test")]
runs = run_all(protocols, names, without="embedding", epochs=12)
accuracies = {name: 100 * correct(runs[name]).mean(axis=1) for name in names}  # each (seeds,)
for name, values in accuracies.items():
    print(f"{name:26}", "  ".join(f"{value:.2f}" for value in values),
          f"  mean {values.mean():.2f}")

# %%
curves = []
for run in runs["paper variant, best_test"]:
    curves.append([100 * row["test_accuracy"] for row in run["history"]])
curves = np.array(curves)  # (seeds, epochs)
draw.epochs(curves)
plt.show()
bought = curves.max(axis=1) - curves[:, -1]
print("best epoch minus last epoch, per seed:", np.round(bought, 2), f"mean {bought.mean():.2f}")
assert bought.min() >= 0
assert 0.5 < bought.mean() < 2.5
means = {name.split()[-1]: values.mean() for name, values in accuracies.items()}
assert means["validation"] > means["fixed"]
assert means["best_test"] > means["released"]

# %% [markdown]
# A star is never below the dot of its line, to which a dotted line joins it: choosing the best
# epoch can never lower the reported number. Here it raises it by 1.4 points on average: three of
# the six seeds gain nothing, two gain more than three points. How much of this is luck, and how
# much a better network, the test set that chose it cannot say. Such a number belongs under its own
# name. (`released` and `best_test` measure with dropout and batch statistics left on, which costs
# accuracy. So compare these two with each other only.)
#
# And `validation`? In the synthetic corpus nothing has leaked, so the validation videos can choose
# an epoch, and here the mean of `validation` is above that of `fixed`. On real MOSI the features of
# the validation videos were made with their labels ([notebook 03](03_the_data.ipynb)), so their
# loss says nothing about new videos. This is why `fixed` is this project's default: it chooses
# nothing.
#
# ## 3. A mean, and how sure it is
#
# Each seed gives another number. A single one may be far off, and to report the best of ten is the
# mistake of section 2 again. So we report the mean of $s$ seeds. How far may it be from the mean
# over *all* seeds? If the results $y_1, \dots, y_s$ scatter normally, then
#
# $$\bar y \pm t \, \frac{\sigma}{\sqrt{s}}, \qquad
# \sigma^2 = \frac{1}{s-1} \sum_r (y_r - \bar y)^2$$
#
# covers it in 95 of 100 cases. The quotient $\sigma / \sqrt{s}$ is called the standard error. If
# $\sigma$ were known, $t$ would be 1.96. But $\sigma$ is estimated from the same few numbers. How
# large must $t$ be then? We let the computer find out: draw $s$ numbers around 0 very often, and
# see how many standard errors the mean is off in the worst 5 of 100 cases. The package has the same
# numbers by Student's formula, `statistics.t_quantile(s - 1)`.
#
# **Predict before you run:** how large is $t$ with two seeds?

# %%
def errors_off(s, trials=200_000):
    """How many standard errors the mean of s normal numbers is off, in many trials."""
    y = rng.standard_normal((trials, s))  # the true mean is 0
    standard_error = y.std(axis=1, ddof=1) / np.sqrt(s)
    return np.abs(y.mean(axis=1)) / standard_error


for s in (2, 3, 5, 6, 10, 30):
    simulated, exact = np.quantile(errors_off(s), 0.95), statistics.t_quantile(s - 1)
    print(f"{s:2} seeds: t = {simulated:6.2f} by simulation, {exact:6.2f} by formula")
    assert abs(simulated / exact - 1) < 0.05


def mean_interval_loop(values):
    """Mean and half of the 95 % interval."""
    s, mean, squares = len(values), sum(values) / len(values), 0
    for y in values:
        squares += (y - mean) ** 2
    sigma = np.sqrt(squares / (s - 1))
    return mean, statistics.t_quantile(s - 1) * sigma / np.sqrt(s)


for name, values in accuracies.items():
    assert np.allclose(mean_interval_loop(values), statistics.mean_interval(values))
    mean, half = statistics.mean_interval(values)
    print(f"{name:26} {mean:.2f} ± {half:.2f}")

# %% [markdown]
# With two seeds $t$ is 12.7. With ten it is 2.26, not much above 1.96.
#
# **Count the coverage.** An interval that says "95 %" makes a promise that can be tested. We draw
# $s$ results around a known mean, compute the interval, look whether it holds the mean, and repeat
# that many times. Three other intervals that one meets in papers take part:
#
# - 1.96 standard errors, as if $\sigma$ were known;
# - one standard error, often printed as "±";
# - the *percentile bootstrap*: draw $s$ of the $s$ results with replacement, many times, and take
#   the range of the middle 95 % of the means.

# %%
def bootstrap_covers(y, resamples=300):
    """Whether the percentile bootstrap of each row of y (trials, s) covers 0."""
    trials, s = y.shape
    drawn = rng.integers(s, size=(trials, resamples, s))
    rows = np.arange(trials)[:, None, None]
    low, high = np.quantile(y[rows, drawn].mean(axis=2), (0.025, 0.975), axis=1)
    return (low < 0) & (0 < high)


sizes = (2, 3, 5, 6, 10, 20)
shares = {"Student's t": [], "1.96 standard errors": [], "1 standard error": [], "bootstrap": []}
for s in sizes:
    off = errors_off(s)
    shares["Student's t"].append(np.mean(off < statistics.t_quantile(s - 1)))
    shares["1.96 standard errors"].append(np.mean(off < 1.96))
    shares["1 standard error"].append(np.mean(off < 1))
    shares["bootstrap"].append(np.mean(bootstrap_covers(rng.standard_normal((2000, s)))))
draw.covered(sizes, shares)
plt.show()
for name, values in shares.items():
    print(f"{name:21}", "  ".join(f"{value:.0%}" for value in values), f" with {sizes} seeds")
assert max(abs(share - 0.95) for share in shares["Student's t"]) < 0.01
assert shares["bootstrap"][1] < 0.8 < shares["bootstrap"][4] < 0.93
assert max(shares["1 standard error"]) < 0.7

# %% [markdown]
# Only Student's $t$ keeps its promise for every number of seeds. The bootstrap of three seeds
# covers in about three of four cases: with three results, its range is nearly always from the
# smallest to the largest. "± one standard error" covers in half to two thirds of the cases. "± one
# standard *deviation*", which many tables print, is no interval for the mean at all. It says where
# a single run lies.
#
# ### Exercise 10.2 ★ (10 minutes): mean and interval
#
# Compute both for several models at once. The quantile $t$ is given.

# %%
def mean_intervals(y, t):
    """Accuracies y (models, s). Returns (models, 2): mean, and half of the 95 % interval."""
    raise NotImplementedError("exercise 10.2")


check("10.2", mean_intervals)

# %% [markdown]
# ## 4. A difference, and how sure it is
#
# Is A better than B? Both were trained with the same seeds and answered the same utterances. So
# subtract first, and ask afterwards: the *gain* of an utterance is $+1$ if only A has it right,
# $-1$ if only B has, and 0 where they agree, which is most often the case. What both find hard
# cancels out.
#
# The mean gain depends on two things that might have come out otherwise: the seeds and the test
# videos. It is the videos and not the utterances, because the utterances of one speaker go
# together. Put the mean gain of every seed on every video into a table with $s$ rows and $V$
# columns. In the model
#
# $$y_{rv} = \mu + a_r + b_v + c_{rv}$$
#
# a seed shifts its row by $a_r$, a video shifts its column by $b_v$, and $c_{rv}$ is the rest. All
# three are random, independent, and 0 on average. With $\sigma_a$, $\sigma_b$ and $\sigma_c$ for
# their standard deviations, the mean of the table has the variance $\sigma_a^2 / s + \sigma_b^2 / V
# + \sigma_c^2 / (s V)$. The loop below computes three *mean squares*. `of_seeds`, from the row
# means, estimates $V \sigma_a^2 + \sigma_c^2$; `of_videos`, from the column means, estimates $s
# \sigma_b^2 + \sigma_c^2$; and `rest` estimates $\sigma_c^2$. The first two, divided by $s V$ and
# added, are the variance with its last term twice. So the loop subtracts `rest` from `of_seeds`
# (and takes 0 if the result is negative). Each of the two parts gets a Student's $t$ of its own.
# The interval then holds for other seeds *and* other videos.
#
# What remains is that videos differ in length: the mean over utterances is not the mean over
# videos. So the package fills the table with *pseudo-values* instead of plain means per video. With
# $\theta_r$ the mean gain of seed $r$ over all utterances, and $\theta_{r(-v)}$ the same without
# video $v$,
#
# $$y_{rv} = V \theta_r - (V - 1)\, \theta_{r(-v)}.$$
#
# This says what video $v$ contributes to $\theta_r$. (To leave out one part at a time is called the
# *jackknife*.) If all videos have the same length, it is the mean gain on video $v$. A longer video
# counts more.

# %%
def half_width_loop(table):
    """table (s, V). Half of the 95 % interval of its mean (Banerjee 1960)."""
    s, V = table.shape
    mean = sum(sum(row) for row in table) / (s * V)
    rows = [sum(row) / V for row in table]
    columns = [sum(column) / s for column in table.T]
    of_seeds = V * sum((row - mean) ** 2 for row in rows) / (s - 1)
    of_videos = s * sum((column - mean) ** 2 for column in columns) / (V - 1)
    rest = 0
    for r in range(s):
        for v in range(V):
            rest += (table[r, v] - rows[r] - columns[v] + mean) ** 2
    rest /= (s - 1) * (V - 1)
    t_seeds, t_videos = statistics.t_quantile(s - 1), statistics.t_quantile(V - 1)
    variance = t_seeds ** 2 * max(of_seeds - rest, 0) + t_videos ** 2 * of_videos
    return np.sqrt(variance / (s * V))


parts = ["ARGF", "ARGF without adversarial training", "ARGF without classifier",
         "ARGF without decoder"]
of_parts = {label: correct(some) for label, some in run_all(ablations, parts).items()}
A, B = of_parts["ARGF without adversarial training"], of_parts["ARGF"]  # each (s, n)
gain = A.astype(float) - B
print(f"share of utterances on which the two agree: {np.mean(gain == 0):.0%}")
print("gain per seed, points:", np.round(100 * gain.mean(axis=1), 2))
half = half_width_loop(statistics.pseudo_values(gain, video))
mean, low, high = statistics.paired_difference(A, B, video)
print(f"loop:    {100 * gain.mean():+.2f} ± {100 * half:.2f} points")
print(f"package: {100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] points")
_, low_B, high_B = statistics.accuracy_interval(B, video)
print(f"accuracy of ARGF: [{100 * low_B:.1f}, {100 * high_B:.1f}] %, an interval of the same kind")
assert np.allclose([mean - low, high - mean], half)
assert high_B - low_B > 2 * (high - low)
assert np.mean(gain == 0) > 0.9

# %% [markdown]
# The two agree on more than nine of ten utterances, so the interval of their difference is much
# narrower than that of the accuracy.
#
# **Do these intervals cover?** A simulation in `results/coverage_of_intervals.py` draws 2,000
# experiments with known truth, in six scenarios: as on MOSI, as on IEMOCAP, where seeds differ
# most, where videos differ most, where seeds hardly differ, and where one run in ten collapses,
# that is, ends far below the others. The next cell draws its result, `results/coverage.csv`, for
# the scenarios without collapse: one line per scenario and kind of interval. The panels are the
# intervals of this notebook: of a mean for other seeds (section 3), of an accuracy for other seeds
# and videos, and of a difference (both in section 4). The bootstrap of the last two draws seeds and
# videos.

# %%
with open(draw.RESULTS / "coverage.csv", encoding="utf-8") as file:
    every = [*csv.DictReader(file)]
usual = [row for row in every if "collapses" not in row["scenario"]]
draw.coverage(usual)
plt.show()
for name, words in (("new", "Student's t"), ("old", "bootstrap")):
    values = [float(row[name]) for row in usual]
    print(f"{words:12} covers in {min(values):.1f} to {max(values):.1f} % of the experiments")
collapsing = [float(row["new"]) for row in every if "collapses" in row["scenario"]]
print(f"Student's t, one run in ten collapses: {min(collapsing):.1f} to {max(collapsing):.1f} %")

# %% [markdown]
# The blue dots stay close to 95 % in all three panels. The squares of the bootstrap are too low
# where seeds matter, above all with three seeds. They can also be too high, since drawing seeds and
# videos independently counts the rest $c_{rv}$ more than once. No formula helps where one run in
# ten collapses: with three seeds one mostly sees no such run. Therefore a table must name collapsed
# runs.
#
# **Does it matter that videos are the units?** Here is a made-up case. On the whole, A and B are
# equally good. But A is better by 30 points with one third of the speakers, and worse with another
# third. How far from 0 is the mean gain if everything is repeated with other speakers? And which
# interval predicts it from one experiment?

# %%
lengths = np.unique(video, return_counts=True)[1]  # of each test video


def made_up(rng):
    """Whether A and B are right, (20, n) each; A suits some speakers better and others worse."""
    lift = np.repeat(rng.choice([-0.3, 0, 0.3], len(lengths)), lengths)  # (n,)
    return rng.random((20, len(lift))) < 0.65 + lift, rng.random((20, len(lift))) < 0.65


repeated = []
for _ in range(500):
    A_right, B_right = made_up(rng)
    repeated.append(A_right.mean() - B_right.mean())
low, high = np.quantile(repeated, (0.025, 0.975))
truth = (high - low) / 2
A_right, B_right = made_up(np.random.default_rng(0))
halves = {}
for unit, names in (("videos", video), ("utterances", np.arange(len(video)))):
    _, low, high = statistics.paired_difference(A_right, B_right, names)
    halves[unit] = (high - low) / 2
    print(f"half of the interval, units are {unit:10}: {100 * halves[unit]:.1f} points")
print(f"half of the range of 95 of 100 repetitions: {100 * truth:.1f} points")
assert halves["utterances"] < 0.8 * truth < 1.6 * halves["videos"]

# %% [markdown]
# The interval with utterances as units is far too narrow. It counts hundreds of independent
# utterances, but only the speakers are independent.
#
# ### Exercise 10.3 ★★ (15 minutes): one resample of a bootstrap
#
# You are told how often each seed and each video was drawn. Compute the mean gain of this resample,
# without a loop over utterances.

# %%
def resampled_gain(gain, videos, seeds_drawn, videos_drawn):
    """gain (s, n); videos (n,), a number 0 ... V-1 per utterance; how often each seed (s,) and
    each video (V,) was drawn. Returns the mean gain, a number.
    """
    raise NotImplementedError("exercise 10.3")


check("10.3", resampled_gain)

# %% [markdown]
# ## 5. Which model? (Table 1)
#
# Now Table 1, live. [Notebook 13](13_other_models.ipynb) explains the models. In short: TFN and LMF
# multiply the features of the modalities; BC-LSTM puts them side by side and lets an LSTM read each
# video; HFFN multiplies small windows of them. "GFN on the UCLN features" is ARGF without its joint
# embedding space, and logistic regression is the floor: what a linear classifier gets. (HFFN and
# CHFusion would take minutes, so they are not among them. LMFN is in no run of this project: no
# code of it is public, and its abstract leaves too much open.) In the print, ± is half of the
# interval for other seeds (section 3), and the brackets hold for other seeds and other videos
# (section 4).

# %%
def show(experiment, right):
    """Print accuracies and differences to the reference; return the rows of the picture."""
    reference, rows = right[experiment.reference], []
    for row in experiment.rows:
        if row.label not in right:
            continue
        accuracy, half = statistics.mean_interval(100 * right[row.label].mean(axis=1))
        text = f"{row.label:38} {accuracy:.1f} ± {half:4.1f}"
        if row.label != experiment.reference:
            mean, low, high = statistics.paired_difference(right[row.label], reference, video)
            gap = None
            if row.paper:
                gap = row.paper["accuracy"] - printed_reference(experiment)
            rows.append((row.label, 100 * mean, 100 * low, 100 * high, gap))
            text += f"   difference {100 * mean:+5.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        print(text)
    return rows


def printed_reference(experiment):
    """The paper's accuracy of the row that differences are taken to."""
    for row in experiment.rows:
        if row.label == experiment.reference:
            return row.paper["accuracy"]


quick = ("TFN", "LMF")  # one epoch of these takes little time, so they have 20
slow = ("HFFN", "CHFusion")
others = [row.label for row in comparison.rows if row.label not in (*quick, *slow)]
runs = run_all(comparison, quick, epochs=20) | run_all(comparison, others)
of_models = {label: correct(some) for label, some in runs.items()}
rows_1 = show(comparison, of_models)
draw.table(rows_1, "Table 1: other models, and other target modalities")
plt.show()
behind = [label.split()[0] for label, _, low, high, _ in rows_1 if high < 0]
assert behind == ["TFN", "LMF", "logistic"]
assert all(high > 0 for _, _, low, high, _ in rows_1 if low > -4)

# %% [markdown]
# In these small runs TFN, LMF and the linear classifier are behind ARGF: their lines end left of 0.
# BC-LSTM, the other target modalities, and the graph without the joint embedding space cannot be
# distinguished from ARGF. A comparison also compares how long each model was trained, and who chose
# its settings. HFFN is the best example: with seed 0 it has 74 % after 20 epochs, behind ARGF, and
# 89 % after 226, ahead of every row above ([notebook 13](13_other_models.ipynb) lets you try).
#
# Look at the widths before you look at the places. An interval that holds 0 says that these runs
# cannot distinguish the two models. It does not say that there is no difference. And the other way
# round: of twenty comparisons of equal models, about one will exclude 0 by chance.
#
# Look at the floor, too: a table of neural networks alone does not show what a linear classifier
# can do.
#
# ## 6. Six classes, and three (Table 2, Table 3)
#
# Table 2 is the same comparison on IEMOCAP with six emotions, and Table 3 that on MOSEI with three
# classes of sentiment. The corresponding runs are `python -m argf_np.experiments comparison
# --dataset iemocap`, or `mosei`. Here we look at the printed tables. One can check them without any
# data.
#
# **IEMOCAP.** The test videos have 144, 245, 384, 170, 299 and 381 utterances of the six classes
# (counts of the published file). The accuracy of a class must come from a whole number of its
# utterances, and the six numbers must add up to that behind the average accuracy:

# %%
six = catalogue.Subject(load("iemocap", source="synthetic"), "iemocap", "IEMOCAP")
table_2 = catalogue.comparison(six)
classes, support = DATASETS["iemocap"].classes, DATASETS["iemocap"].balance[2]
suspects = []
for row in table_2.rows:
    if not row.paper:
        continue
    found = [counts(row.paper[name], size) for name, size in zip(classes, support, strict=True)]
    (in_all,) = counts(row.paper["accuracy"], sum(support))
    print(f"{row.label:18}", "  ".join(f"{some[0] if some else '?':>4}" for some in found),
          f"   in all {in_all}")
    if [] in found:
        suspects.append((row, found, in_all))
    else:
        assert sum(some[0] for some in found) == in_all

# %% [markdown]
# Eight of nine rows are right to the last utterance. In the ninth, one class has a figure that no
# count gives. Its average is fine, so we can compute what must have stood there:

# %%
((row, found, in_all),) = suspects
place = found.index([])
missing = in_all - sum(some[0] for some in found if some)
print(f"{row.label}, {classes[place]}: printed {row.paper[classes[place]]:.2f}; "
      f"but {missing} of {support[place]} are {100 * missing / support[place]:.2f}")

# %% [markdown]
# Two digits have been swapped. This is a small slip, and a good sign: the rest of the table is made
# of real counts.
#
# **MOSEI.** Here we do *not* know how many test utterances each class has. There are 4,614 in all.
# Which sizes of the first class turn all nine printed accuracies of its column into whole numbers?
# Try them all:

# %%
table_3 = catalogue.comparison(catalogue.Subject(load("mosei", source="synthetic"), "mosei",
                                                 "MOSEI"))
columns = ["positive", "negative", "neutral"]
models = [row.paper for row in table_3.rows if row.paper]
accuracies_3 = np.array([[paper[name] for name in columns] for paper in models])  # (9, 3)
n_mosei = DATASETS["mosei"].utterances[2]
candidates = []
for name, column in zip(columns, accuracies_3.T, strict=True):
    fitting = [size for size in range(200, n_mosei) if all(counts(p, size) for p in column)]
    candidates.append(fitting)
    print(f"{name:9} {len(fitting)} sizes, the smallest are {fitting[:3]}")
sums = [sizes for sizes in itertools.product(*candidates) if sum(sizes) == n_mosei]
print("with the right sum:", sums)
(sizes_3,) = sums
averages = [paper["accuracy"] for paper in models]
assert np.abs(accuracies_3 @ sizes_3 / n_mosei - averages).max() < 0.01

# %% [markdown]
# Multiples of a size fit as well, and a large size can fit by accident. But only one choice has the
# right sum, and it gives the printed average accuracies besides. So these are the
# sizes of the classes of a test set, read off a table that does not mention them. Now compare them
# with the *training* videos of the published file, where the classes are known:

# %%
published = DATASETS["mosei"]
share = {}
for name, count in zip(published.classes, published.balance[0], strict=True):
    share[name] = count / sum(published.balance[0])
draw.classes(columns, sizes_3, n_mosei, share)
plt.show()
for name, size in zip(columns, sizes_3, strict=True):
    nearest = min(share, key=lambda other, size=size: abs(share[other] - size / n_mosei))
    print(f"column {name:9} {size / n_mosei:6.1%}; nearest in the training labels: {nearest}")

# %% [markdown]
# Every column has the size of *another* class. The paper explains why all models are weak on
# "Negative": there are few such utterances. By its size this column may well be neutral, which is
# hard because it lies between the other two. Then the headings have slipped. The column is still
# the smallest, but its size need not be the whole explanation.
#
# ## 7. How large is it? (Table 4)
#
# The numbers of parameters and of floating-point operations have no noise. Two people who count
# must get the same, if it is said *what* is counted. Parameters first. We count the arrays of the
# model, and what the released code carries along in its class of the graph and never uses:

# %%
d = k = 50
network = init_model(np.random.default_rng(0), d, k, N=2)
used = {group: nn.count(tree) for group, tree in network.items()}
spare = complexity_table4.unused(k)
for name, number in (used | spare).items():
    print(f"{name:40} {number:9,}")
print(f"{sum(used.values()):,} used + {sum(spare.values()):,} unused = "
      f"{sum(used.values()) + sum(spare.values()):,}")
assert sum(used.values()) + sum(spare.values()) == 1_270_770  # Table 4

# %% [markdown]
# So the paper's count is right for its code, a tenth of which does nothing.
#
# **Operations**, for one utterance at test time. Only encoders and graph run then. One output of a
# dense layer with $i$ inputs takes $i$ products and $i - 1$ sums, so $o$ outputs take
# $(2 i - 1)\, o$. A batch norm takes 4 operations per unit, and the leaky ReLU of the graph's
# $MLP$s takes 1. Nothing else is counted: neither biases, nor tanh, nor softmax. (`nn.leaves` lists
# the arrays of a tree of parameters, each with its path.)

# %%
def operations(tree):
    """Operations of all dense layers and batch norms of a tree, each used once."""
    total = 0
    for path, array in nn.leaves(tree):
        if path[-1] == "W":
            inputs, outputs = array.shape[-2:]
            layers = int(np.prod(array.shape[:-2]))  # three modalities in one array
            total += layers * (2 * inputs - 1) * outputs
        elif path[-1] == "gamma":
            total += 4 * array.size
    return total


graph = network["fusion"]
by_part = {
    "three encoders": operations(network["encoders"]),
    "MAN, three times": 3 * operations(graph["MAN"]),
    "MLP of layer 2, three times": 3 * (operations(graph["MLP_2"]) + 64),  # 64 leaky ReLUs
    "MLP of layer 3, six times": 6 * (operations(graph["MLP_3"]) + 64),
    "Dec": operations(graph["Dec"]),
}
for name, number in by_part.items():
    print(f"{name:30} {number:9,}")
print(f"{'sum':30} {sum(by_part.values()):9,}")
assert sum(by_part.values()) == 2_017_645  # Table 4

# %% [markdown]
# To the last digit. But a comparison needs *one* rule. In Table 4, ARGF is counted as above. TFN's
# figure is two per weight (8,491,840, and 4 more that we cannot explain). BC-LSTM's is, but for 44,
# two per weight too, without the recurrent products of its LSTM, which are about half of the work.
# The package counts all three alike, two operations per multiply-add:

# %%
counted = complexity_table4.complexity()  # counted while one utterance passes through
names_4 = ["ARGF", "TFN", "BC-LSTM"]
alike = [sum(counted[name][1]["multiply-add"].values()) / 1e6 for name in names_4]
in_print = [complexity_table4.PAPER[name][1] / 1e6 for name in names_4]
draw.costs(names_4, in_print, alike)
plt.show()
assert in_print[2] < in_print[0]
assert alike[0] < alike[2] < alike[1]

# %% [markdown]
# In print (hatched) BC-LSTM is cheaper than ARGF. By one rule it is more expensive. And something
# is in none of the numbers: all three read the outputs of UCLNs, three LSTMs as large as that of
# BC-LSTM, one per modality.
#
# ## 8. What can be left out? (Table 5)
#
# > "From Table 5 we can see that the removal of any component in ARGF leads to a decline in
# > performance. Specifically, the removal of decoders leads to the most significant decline of more
# > than 1.5%, closely followed by the removal of adversarial training. In addition, experiments
# > without classifier achieve relatively acceptable results, with a slight decrease of around 0.4%
# > [...]"
#
# An *ablation* trains without a part ([notebook 07](07_three_updates.ipynb) has the updates).
# Without adversarial training there is no second update, and no $\mathcal{L}_{fal}$ in the first.
# Without decoders the first has no $\mathcal{L}_{rl}$, and without classifier there is no third.
# Section 4 has trained all of these already:

# %%
rows_5 = show(ablations, of_parts)
draw.table(rows_5, "Table 5: ARGF without one of its parts")
plt.show()
assert -3.5 < rows_5[2][1] < -1.5
assert max(abs(rows_5[0][1]), abs(rows_5[1][1])) < 2

# %% [markdown]
# Here, removing the decoders costs 2.7 points, with an interval from 0.9 to 4.5. Without the
# adversary or without the classifier, the networks cannot be distinguished from ARGF. The paper's
# differences (crosses) are 0.46 to 1.66 points. The largest is about what the best of 20 looks buys
# in section 2, with nothing to find. And three of the four accuracies of Table 5 are no single run
# on this test set (section 1), so the paper has probably averaged, or used another test set, and it
# does not say so. (Three typing errors in one column of four are unlikely. And the best of many
# runs is still one run, so it would be a count.) Remember also what [notebook
# 06](06_adversary.ipynb) has found: with the released weight of the adversarial loss, $\lambda =
# 0.001$, the adversary has almost no influence on what the encoders learn.
#
# ## 9. The full runs, as a picture
#
# [RESULTS.md](../results/RESULTS.md) has the runs of full size, on real data. The next cell reads
# the column "difference" of every table that has one, counts these, and draws those between models
# that fuse, and between protocols (single modalities, the linear classifier and the constant answer
# are counted, but not drawn): the dot is the mean over seeds, the line is the 95 % interval for
# other seeds and other test videos, and the dot is filled where the interval excludes 0. If a dot
# lies further out, its number stands at the left edge, without a line; lines are cut off at both
# edges. ("IEMOCAP as rebuilt" has no vision. There, d is a third modality: *disfluencies*, such as
# "uh" and words that are broken off.) The title of a panel is the heading in RESULTS.md. RESULTS.md
# also says which row is subtracted. (Its first two tables put such differences, and some
# others, beside the paper's claims. They are not read here.)

# %%
text = (draw.RESULTS / "RESULTS.md").read_text(encoding="utf-8")
tables = draw.differences_in(text)
draw.results(tables)
plt.show()
differences = [row for rows in tables.values() for row in rows]
excluding = [row for row in differences if row[2] > 0 or row[3] < 0]
print(f"{len(differences)} differences; the intervals of {len(excluding)} exclude 0")
drawn = [row for row in differences if draw.is_model(row)]
filled = [row for row in drawn if row in excluding]
print(f"drawn: {len(drawn)}, of which {len(filled)} exclude 0; by chance, about "
      f"{0.05 * len(drawn):.1f} would")
for heading, rows in tables.items():
    found = [f"{row[0]} ({row[1]:+.1f})" for row in rows if row in excluding]
    print(f"{heading}: {', '.join(found) or 'none'}")

# %% [markdown]
# Read it in this order. How wide are the lines? That is what so many test videos and seeds can
# distinguish. Which dots are filled, and are they more than chance would fill? (Both numbers are
# printed above: hardly more. But the −37.2 points of the decoders on IEMOCAP are no chance.) Only
# then compare their places with what the paper claims. The .csv file of a table, beside RESULTS.md,
# has the command of each run, and the introduction of RESULTS.md says what earlier results of this
# project got wrong.
#
# ## 10. So, does it work?
#
# What would you write? Here is what the small runs of this notebook let one say, on the synthetic
# corpus:

# %%
verdicts = {"better than ARGF": [], "worse than ARGF": [], "cannot be distinguished": []}
for label, _, low, high, _ in rows_1 + rows_5:
    if low > 0:
        verdicts["better than ARGF"].append(label)
    elif high < 0:
        verdicts["worse than ARGF"].append(label)
    else:
        verdicts["cannot be distinguished"].append(label)
for verdict, labels in verdicts.items():
    print(f"{verdict}: {', '.join(labels) or 'none'}")
print(f"comparisons: {len(rows_1 + rows_5)}")

# %% [markdown]
# Treat even this with care. These are many comparisons, each with a chance of 5 % of a false alarm,
# and the networks are small.
#
# ## What to take away
#
# - **So, does it work?** In the small runs here, ARGF is better than the linear classifier, TFN and
#   LMF, and cannot be distinguished from BC-LSTM. Of its parts, only the decoders were shown to
#   help.
# - **And on real data?** (Section 9.) Nothing shows that ARGF is ahead of language alone, or of
#   another model that fuses.
#   - *MOSI* (ten seeds): ARGF has 78.67 ± 0.35 % (an interval for other seeds). Compared with
#     language alone the interval includes 0, and no other model that fuses can be distinguished
#     from ARGF.
#   - *MOSI, the authors' UCLN outputs* (ten seeds): again the interval includes 0, and no other
#     model that fuses can be distinguished from ARGF. A logistic regression on the same outputs is
#     ahead of it by 2.1 points, but no longer after Holm's correction for 13 comparisons
#     ([notebook 13](13_other_models.ipynb) explains it). In Table 6 ARGF is ahead of tensor fusion
#     by 1.9 points, and no longer after that correction either. ARGF is worse without its decoders
#     and better without its classifier, both even after that correction. With five seeds LMF and
#     HFFN seemed to be ahead: this is what ten seeds are for.
#   - *IEMOCAP as rebuilt* (ten seeds for the comparison of models, three for the rest): the
#     interval includes 0. TFN is ahead of ARGF by 1.4 points, but no longer after Holm's
#     correction. Without its decoders ARGF collapses.
#   - *The paper's 81.38 %* is the best of a search by test accuracy ([D14](../DEVIATIONS.md#d14)).
#     Of 60 trials of that search on our features the mean is 75.4 % and the best 80.2 %. By
#     extrapolation, which may be too optimistic, the best of about 270 trials has 81.38 % on
#     average.
# - Ask of any table how the epoch was chosen, and by whose labels. The best of 20 to 400 looks
#   gains 1.5 to 2.4 points even where there is nothing to find.
# - Ask how many seeds there were, and what the ± is: a deviation, a standard error, an interval?
# - A difference needs an interval of its own, from pairs of the same seed and utterance. Its units
#   are seeds and videos.
# - Turn percentages back into counts. It takes a minute, and it finds errors.
#
# ## To go on
#
# Solutions of the exercises are in [solutions/10_does_it_work.py](solutions/10_does_it_work.py).
#
# **How many seeds?** ★★★ (45 minutes). Design the experiment that would settle one row of Table 5.
# Take the scatter of the gain between seeds and between videos from `of_parts`:
# `statistics.pseudo_values(gain, video)` gives the table of section 4, and
# `statistics.mean_squares(table)` its mean squares of seeds, of videos and of the rest (`of_seeds`,
# `of_videos` and `rest` in the loop of section 4). How many seeds, and how many test videos, would
# it take to see a difference of one point? Which of the two can you buy?
#
# Before: [09 · Graph fusion II](09_graph_fusion_2.ipynb). Next:
# [11 · Seeing it](11_seeing_it.ipynb)

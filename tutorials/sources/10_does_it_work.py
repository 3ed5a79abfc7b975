# %% [markdown]
# # 10 · Does it work?
#
# *Needs: 07, 09. Minutes: 75. Paper: "Results and Discussions", Tables 1 to 6, Figure 4.*
#
# "Our method achieves state-of-the-art performance", says the abstract, and Table 1 has the proof:
# 81.38 %, and nobody else has more than 80.9. So does it work?
#
# A number in a table is the end of a long chain: which data, which seed, which epoch, chosen by
# whom, and looking at what. This notebook takes the six tables of the paper one by one. It asks
# what is behind their numbers, and what it takes to say "A is better than B" and mean it.
#
# On the way you will
#
# - count the utterances behind a percentage, and find three that no test set of this size can give;
# - read the sizes of the classes of a data set off a table that does not mention them;
# - make a gain of two points out of nothing, by choosing the epoch;
# - build a $t$ interval, and an interval over seeds and videos, by loops;
# - count ARGF's parameters and operations to the last digit;
# - build six other ways to fuse, and compare them all, with intervals.
#
# **The runs here are small**, so that the notebook takes a minute: narrow networks, few epochs,
# three seeds, and principal components instead of a UCLN. They show *how* to find out, on the
# synthetic corpus. Full runs with ten seeds come from `python -m argf_np.experiments`; their tables
# are in `results/RESULTS.md`.
#
# | symbol | meaning |
# |---|---|
# | $n$ | number of test utterances |
# | $s$, $r$ | number of seeds; number of one run |
# | $\bar y$, $\sigma$ | mean and standard deviation over seeds |
# | $t$ | the quantile of Student's distribution |
# | $\mathbf{x}_m^e$, $k$ | embedding of modality $m$ and its width (notebook 05) |
# | $N$, $\mathbf{M}$ | number of classes, decision (notebook 09) |
#
# Embeddings of a batch of `B` utterances are one array `x_e` of shape `(3, B, k)`, in the order $a,
# l, v$.

# %%
import itertools
import json
from dataclasses import asdict, replace
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from matplotlib.patches import FancyBboxPatch

from argf_np import figures, nn
from argf_np.baselines import MODELS
from argf_np.data import DATASETS, load, standardise
from argf_np.experiments import catalogue, complexity_table4, result_table, statistics
from argf_np.paper import graph_fusion_eq10_16 as gfn
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import init_model
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS

# %% [markdown]
# ## 1. What is a percent made of?
#
# An accuracy is a fraction: correct utterances over all $n$ test utterances. MOSI's test videos
# have 752. So a single run can give $\frac{611}{752}$ or $\frac{612}{752}$ and nothing between, in
# steps of 0.13 points. From a printed percentage we can go back to the count. If there is none that
# rounds to it, the number is something else: an average of several runs, say, or a typing error, or
# it comes from other test data.
#
# The package has the paper's tables as lists of rows, each with its printed figures:

# %%
n = sum(DATASETS["mosi"].balance[2])


def counts(percent, n, decimals=2):
    """All numbers of correct utterances, out of n, that are printed as this percentage."""
    nearest = round(percent / 100 * n)
    return [
        c
        for c in (nearest - 1, nearest, nearest + 1)
        if abs(100 * c / n - percent) <= 0.5 * 10.0**-decimals + 1e-9
    ]


subject = catalogue.Subject(load("mosi"), "mosi", "MOSI")  # what the tables are about
comparison = catalogue.comparison(subject)  # Table 1
ablations = catalogue.ablations(subject)  # Table 5
fusions = catalogue.fusions(subject)  # Table 6
for table in (comparison, ablations, fusions):
    print(table.title)
    for row in table.rows:
        if row.paper:
            percent = row.paper["accuracy"]
            found = counts(percent, n, 1 if percent == round(percent, 1) else 2)
            verdict = found or f"none: {percent / 100 * n:.2f} utterances"
            print(f"   {row.label:34} {percent:6.2f} %   {verdict}")

# %% [markdown]
# - ARGF with language as target, with audio, with video: 612, 611 and 610 utterances. "Language
#   modality is the best choice", says the paper, "while acoustic and visual arrive[s] in the second
#   and third place". This ranking is one utterance wide.
# - Three figures of Table 5 are no accuracy of one run on 752 utterances. (The mean of several runs
#   could be; the paper does not say.) Table 6 is.
# - The 80.0 of CHFusion cannot come from this test set either. It is cited from another paper,
#   which may have used another split.
#
# **How sure is a fraction?** Suppose each utterance is right with probability $p$, independently.
# Then the count is binomial and the accuracy has standard deviation $\sqrt{p (1 - p) / n}$. Two of
# these, to each side, are the bars:

# %%
models = [(row.label, row.paper["accuracy"]) for row in comparison.rows if row.paper]
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for position, (label, percent) in enumerate(models):
    p = percent / 100
    ax.errorbar(
        percent,
        -position,
        xerr=200 * np.sqrt(p * (1 - p) / n),
        marker="o",
        color=COLOURS["l"] if "ARGF" in label else "0.5",
    )
ax.set_yticks(range(0, -len(models), -1), [label for label, _ in models])
ax.set(
    xlabel="accuracy in percent, as printed; ± 2 standard deviations of 752 coins", title="Table 1"
)
plt.show()
print(f"two standard deviations at 81.38 %: {200 * np.sqrt(0.8138 * 0.1862 / n):.2f} points")

# %% [markdown]
# All bars overlap, that of the worst model and that of the best too. This is not yet an argument
# against the ranking: all models answered the *same* utterances, so their errors go together, and a
# difference can be surer than either number (section 4). But it is the size of the noise that we
# have to get the better of.
#
# ## 2. Pick the best epoch, and what it buys
#
# After every epoch one may look at the test accuracy, and report the highest. What is that worth if
# there is *nothing to find*? Let the network be equally good in every epoch. Of the 752 utterances
# it has 70 % for sure and 10 % never. On the other 20 % it is undecided: every epoch throws a coin
# for each of them. Its true accuracy is 80 %.

# %%
rng = np.random.default_rng(0)
sure, undecided = round(0.7 * n), round(0.2 * n)
epochs = rng.binomial(undecided, 0.5, (4000, 400)) + sure  # (trials, epochs): correct utterances
truth = (sure + undecided / 2) / n
best = 100 * (np.maximum.accumulate(epochs, axis=1) / n - truth)  # (trials, epochs)

fig, ax = plt.subplots(figsize=(6.6, 3.2), layout="constrained")
looks = np.arange(1, 401)
ax.fill_between(
    looks, *np.quantile(best, (0.05, 0.95), axis=0), color="0.88", label="9 of 10 trials"
)
ax.plot(looks, best.mean(axis=0), color="black", label="mean")
deviation = 100 * np.sqrt(undecided) / 2 / n
ax.plot(
    looks[1:],
    deviation * np.sqrt(2 * np.log(looks[1:])),
    ":",
    color=COLOURS["v"],
    label=r"$\sigma \sqrt{2 \ln T}$",
)
ax.set(
    xscale="log",
    xlabel="$T$, numbers of which the best is reported",
    ylabel="gain in points",
    title="The best of $T$ looks at the test set, with nothing to find",
)
ax.set_xticks([1, 10, 20, 100, 400], ["1", "10", "20", "100", "400"])
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()
for T in (1, 20, 400):
    print(f"best of {T:3}: {best[:, T - 1].mean():+.2f} points")
assert abs(best[:, 0].mean()) < 0.1
assert best[:, 19].mean() > 1

# %% [markdown]
# The dotted line is the pencil's: the largest of $T$ normal numbers is close to, and below, $\sigma
# \sqrt{2 \ln T}$. It grows slowly, but it never stops: the best of 20 epochs of 20 settings is a
# best of 400. And the larger $\sigma$, the more: who leaves dropout on at test time throws more
# coins, and gains more by picking.
#
# **Live.** Now real training. Four protocols (`settings.protocol`, [D14](../DEVIATIONS.md#d14)), on
# the same data with the same seeds:
#
# - `fixed`: the number of epochs is set beforehand; parameters are averaged over epochs; test
#   labels are read once.
# - `validation`: the epoch of the lowest loss on the validation videos.
# - `released`: the inner loop of the authors' script. It also takes the epoch of the lowest
#   validation loss, but leaves dropout and batch statistics on, for this loss and for the test. The
#   authors repeat it for many settings and seeds, and report the best *test* accuracy: their search
#   peeks, and not their choice of an epoch.
# - `best_test`: the epoch of the best *test* accuracy, in the same mode. Nobody reports it; it is
#   an upper bound.
#
# One function trains a model by its settings. `MODELS` has all models, `catalogue.protocols` says
# which rows the table has, and `table.runs` gives the settings of each row for each seed.

# %%
corpus = standardise(subject.corpus)
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")


def principal_directions(corpus, m, d=12):
    """The features along the d directions of the largest variance, scaled to standard deviation 1.
    """
    train = corpus.utterances("train")
    _, _, directions = np.linalg.svd(corpus.features[m][train], full_matrices=False)
    projected = corpus.features[m] @ directions[:d].T  # (n, d)
    return projected / projected[train].std()


def with_features(corpus):
    """The corpus, features (3, n, 12), test utterances, and the video of each of them."""
    video = np.repeat(np.arange(len(corpus.video_ids)), np.diff(corpus.starts))
    x = np.stack([principal_directions(corpus, m) for m in "alv"]).astype("float32")
    return corpus, x, corpus.utterances("test"), video[corpus.utterances("test")]


DATA = {"mosi": with_features(corpus)}
video = DATA["mosi"][3]
SMALL = {"d": 12, "k": 10, "epochs": 4, "batch_size": 128, "lr": 5e-3, "ucln_epochs": 2}
SEEDS = 3


@cache
def trained(settings):
    """A finished run, as the tables want it."""
    corpus, x, test, video = DATA[settings.dataset]
    fitted = MODELS[settings.model].train(corpus, x, settings)
    return {
        "settings": json.dumps(asdict(settings)),
        "modalities": settings.modality_list,
        "classes": np.array(corpus.classes),
        "label": corpus.labels[test],
        "video": video,
        "prediction": fitted["probabilities"].argmax(axis=1),
        "unimodal": np.zeros((0, len(test))),
        "warnings": [],
        "history": fitted["history"],
    }


def run(settings):
    """The same, by which logistic regression is trained once: it starts at zero and has no seed."""
    return trained(replace(settings, seed=0) if settings.model == "logistic" else settings)


def run_all(table, subject, labels=None, **changes):
    """``{label: [result of each seed]}`` of the rows with these labels, or of all rows."""
    nn.use("fast")
    results = {}
    for row, some in table.runs(subject, SEEDS, SMALL | changes).items():
        if labels is None or row.label in labels:
            results[row.label] = [run(settings) for settings in some]
    nn.use("readable")
    return results


chosen = [
    f"paper variant, {protocol}" for protocol in ("fixed", "validation", "released", "best_test")
]
results = run_all(
    catalogue.protocols(subject), subject, chosen, without="embedding", epochs=12
)  # the graph alone: quick, so that epochs are cheap
accuracies = {}
for label, some in results.items():
    accuracies[label] = [result_table.score(result)["accuracy"] for result in some]
for label, values in accuracies.items():
    print(
        f"{label:30}",
        "  ".join(f"{value:.2f}" for value in values),
        f"   mean {np.mean(values):.2f}",
    )

# %%
histories = [result["history"] for result in results["paper variant, best_test"]]
curves = 100 * np.array(
    [[row["test_accuracy"] for row in some] for some in histories]
)  # (seeds, epochs)
fig, ax = plt.subplots(figsize=(6.6, 3), layout="constrained")
for seed, (curve, shape) in enumerate(zip(curves, figures.SHAPES, strict=False)):
    ax.plot(
        range(1, curves.shape[1] + 1), curve, color="0.55", marker=shape, ms=4, label=f"seed {seed}"
    )
    ax.plot(curve.argmax() + 1, curve.max(), shape, ms=10, color=COLOURS["v"])
ax.set(
    xlabel="epoch", ylabel="test accuracy in percent", title="The epoch of the best test accuracy"
)
ax.legend(frameon=False, loc="lower right")
plt.show()
later = curves[:, curves.shape[1] // 2 :]
picked, usual = later.max(axis=1).mean(), later.mean()
print(
    f"last {later.shape[1]} epochs: the best of a seed {picked:.2f}, all {usual:.2f}: "
    f"picking buys {picked - usual:+.2f} points"
)
assert (curves.max(axis=1) >= curves[:, -1]).all()

# %% [markdown]
# By picking one never loses. (As far as the curves still rise, a part of this gain is learning and
# not luck.) Such a number belongs under its own name.
#
# And `validation`? On real MOSI the features of the validation videos were fitted to their labels
# (notebook 03), so that it stops as good as at random. This is why `fixed` is this project's
# default: it chooses nothing.
#
# ## 3. A mean, and how sure it is
#
# Each seed gives another number. A single one is an anecdote, and the best of ten is the mistake of
# section 2 again. The mean of $s$ seeds is an honest summary. How far may it be from the mean of
# *all* seeds? If the numbers $y_1, \dots, y_s$ scatter normally,
#
# $$\bar y \pm t_{s-1} \frac{\sigma}{\sqrt{s}}, \qquad
# \sigma^2 = \frac{1}{s-1} \sum_r (y_r - \bar y)^2$$
#
# covers it in 95 of 100 cases. Were $\sigma$ known, $t$ would be 1.96. But it is estimated from the
# same few numbers, and Student's $t$ makes up for that. Its density with $f$ degrees of freedom is
# proportional to
#
# $$(1 + u^2 / f)^{-(f + 1) / 2}.$$
#
# The quantile by brute force: walk along the density until 97.5 % of it lies behind.


# %%
def t_loop(f, step=1e-3):
    """The u that 97.5 % of Student's t with f degrees of freedom are below."""
    density = lambda u: (1 + u * u / f) ** (-(f + 1) / 2)  # noqa: E731  without its factor
    # the whole area to the right of 0, by the angle u = sqrt(f) tan(phi), which makes the range
    # finite
    angles = (np.arange(200000) + 0.5) / 200000 * np.pi / 2
    half = (
        np.sum(density(np.sqrt(f) * np.tan(angles)) * np.sqrt(f) / np.cos(angles) ** 2)
        * np.pi
        / 400000
    )
    area, u = 0.0, 0.0
    while area < 0.95 * half:  # 0.5 + 0.475
        area += density(u + step / 2) * step
        u += step
    return u


for s in (2, 3, 5, 10, 30):
    print(f"{s:2} seeds: t = {statistics.t_quantile(s - 1):6.3f}")
    assert abs(t_loop(s - 1) - statistics.t_quantile(s - 1)) < 2e-3


def mean_interval_loop(values):
    s = len(values)
    mean = sum(values) / s
    variance = sum((y - mean) ** 2 for y in values) / (s - 1)
    return mean, statistics.t_quantile(s - 1) * np.sqrt(variance) / np.sqrt(s)


for label, values in accuracies.items():
    assert np.allclose(mean_interval_loop(values), statistics.mean_interval(values))
    mean, half = statistics.mean_interval(values)
    print(f"{label:30} {mean:.2f} ± {half:.2f}")

# %% [markdown]
# **Trust, but verify.** Draw $s$ numbers around a known mean, many times, and count how often the
# interval covers it: with $t$, and with 1.96 instead.

# %%
sizes = [2, 3, 5, 10, 30]
coverage = {"Student's $t$": [], "1.96": []}
for s in sizes:
    y = rng.standard_normal((20000, s))  # the true mean is 0
    reach = np.abs(y.mean(axis=1)) / (y.std(axis=1, ddof=1) / np.sqrt(s))
    coverage["Student's $t$"].append(np.mean(reach < statistics.t_quantile(s - 1)))
    coverage["1.96"].append(np.mean(reach < 1.96))
fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
for (name, shares), shape in zip(coverage.items(), ("o-", "s--"), strict=True):
    ax.plot(
        range(len(sizes)),
        shares,
        shape,
        color="black" if shape == "o-" else COLOURS["v"],
        label=name,
    )
ax.axhline(0.95, color="0.7", lw=1)
ax.set_xticks(range(len(sizes)), sizes)
ax.set(xlabel="seeds", ylabel="share of intervals\nthat cover the truth", ylim=(0.65, 1))
ax.legend(frameon=False, loc="lower right")
plt.show()
assert all(abs(share - 0.95) < 0.01 for share in coverage["Student's $t$"])

# %% [markdown]
# With two seeds one would need 12.7 standard errors, and "± standard deviation", which many papers
# print, covers far less than one thinks. Ten seeds are where $t$ stops hurting.
#
# ## 4. A difference, and how sure it is
#
# Is A better than B? Both were trained with the same seeds and answered the same utterances. So
# subtract first, and ask afterwards: the *gain* of an utterance is $+1$ if only A has it right,
# $-1$ if only B has, and 0 where they agree, which is most often the case. What they agree on
# cancels out, noise and all.
#
# The mean gain depends on two things that might have come out otherwise: the seeds, and the test
# videos. Videos and not utterances, because the utterances of one speaker go together. Put the mean
# gain of every seed on every video into a table with $s$ rows and $V$ columns. In the model
#
# $$y_{rv} = \mu + a_r + b_v + c_{rv}$$
#
# a seed shifts its row by $a_r$, a video shifts its column by $b_v$, and $c_{rv}$ is the rest. The
# scatter of the row means and of the column means tells how large each part is, and with Student's
# $t$ for each part comes an interval that holds for other seeds *and* other videos. (Videos differ
# in length. The package therefore fills the table with the jackknife's pseudo-values, which count a
# long video more.)


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
    return np.sqrt((t_seeds**2 * max(of_seeds - rest, 0) + t_videos**2 * of_videos) / (s * V))


results = run_all(ablations, subject)
correct = {label: result_table.correct(some) for label, some in results.items()}  # each (s, n)
A, B = correct["ARGF without adversarial training"], correct["ARGF"]
gain = A.astype(float) - B
print(f"utterances on which the two agree: {np.mean(gain == 0):.0%}")
half = half_width_loop(statistics.pseudo_values(gain, video))
mean, low, high = statistics.paired_difference(A, B, video)
print(f"loop:    {100 * gain.mean():+.2f} ± {100 * half:.2f} points")
print(f"package: {100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] points")
assert np.isclose(mean, gain.mean())
assert np.allclose([mean - low, high - mean], half)

# %% [markdown]
# An older and more popular way is the **bootstrap**: draw $s$ of the seeds with replacement, and as
# many videos as there are, take the mean gain of that, and repeat it many times. With few seeds it
# covers too rarely: an interval that promises 95 % then holds the truth in 78 to 94 of 100 cases,
# and only few seeds are to blame. `results/coverage.md` has the simulation, for both kinds of
# interval.
#
# **Does it matter whether one draws videos?** A made-up case: on the whole A and B are equally
# good. But A gets on better with one third of the speakers, by 30 points, and worse with another
# third. How far from 0 is the mean gain if one repeats all of it with other speakers? And which
# interval foretells this, from one experiment?

# %%
lengths = np.unique(video, return_counts=True)[1]  # of each test video


def made_up(rng):
    """Whether A and B are right, (20, n) each; A suits some speakers better, some worse, some
    alike.
    """
    lift = np.repeat(rng.choice([-0.3, 0, 0.3], len(lengths)), lengths)  # (n,)
    return rng.random((20, len(lift))) < 0.65 + lift, rng.random((20, len(lift))) < 0.65


repeated = [A.mean() - B_right.mean() for A, B_right in (made_up(rng) for _ in range(1000))]
low, high = np.quantile(repeated, (0.025, 0.975))
truth = (high - low) / 2
A, B_right = made_up(np.random.default_rng(0))
halves = {}
for unit, names in (("videos", video), ("utterances", np.arange(len(video)))):
    _, low, high = statistics.paired_difference(A, B_right, names)
    halves[unit] = (high - low) / 2
    print(f"half of the interval, by {unit:10}: {100 * halves[unit]:.1f} points")
print(f"half of the range of 95 of 100 repetitions: {100 * truth:.1f} points")
assert halves["utterances"] < 0.8 * truth < 1.6 * halves["videos"]

# %% [markdown]
# Who counts utterances believes in hundreds of independent witnesses. There are only as many as
# speakers.
#
# ## 5. Which model? (Table 1)
#
# Now the tables, live. `result_table.render` puts the paper's figures beside ours. The models below
# ARGF:
#
# - **TFN** and **LMF** fuse the features directly, by a tensor and by a low-rank tensor (section
#   9).
# - **BC-LSTM** lays the modalities side by side and lets an LSTM read each video (notebook 04).
# - **GFN on the UCLN features** is ARGF without its joint embedding space. (Here it reads principal
#   components.)
# - **Logistic regression** is the floor: what a straight cut through the raw features gives.

# %%
results = run_all(comparison, subject)
display(Markdown(result_table.render(comparison, subject, results)))


# %%
def forest(table, results, title):
    """A picture of the differences to ARGF, with the printed ones beside them."""
    rows = [row for row in table.rows if row.label in results]
    reference = next(row for row in rows if row.label == table.reference)
    others = [row for row in rows if row is not reference]
    fig, ax = plt.subplots(figsize=(7, 1 + 0.34 * len(others)), layout="constrained")
    for position, row in enumerate(others):
        mean, low, high = result_table.gain(results[row.label], results[reference.label])
        ax.plot([low, high], [-position] * 2, color=COLOURS["l"], lw=2)
        ax.plot(mean, -position, "o", color=COLOURS["l"], label="here, small runs, 95 % interval")
        if row.paper:
            printed = row.paper["accuracy"] - reference.paper["accuracy"]
            ax.plot(printed, -position, "x", color=COLOURS["v"], label="paper")
    ax.axvline(0, color="0.6", lw=1)
    ax.set_yticks(range(0, -len(others), -1), [row.label for row in others])
    ax.set(
        xlabel="points of accuracy more (right) or less (left) than ARGF",
        title=title,
        ylim=(0.6 - len(others), 0.5),
    )
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    fig.legend(handles.values(), handles.keys(), frameon=False, loc="outside lower center", ncols=2)
    plt.show()


forest(comparison, results, f"Table 1, {corpus.source} corpus")

# %% [markdown]
# Look at the widths before you look at the places. An interval that holds 0 says: these runs cannot
# tell. It does not say: there is no difference. And the other way round, of twenty comparisons of
# equals one will miss 0 by chance.
#
# A model that comes out far below the others may just need more steps than these small runs take:
# that, too, is part of what a comparison compares.
#
# Look at the floor. A table that starts with neural networks lets one forget what a straight cut
# does.
#
# ## 6. Six classes, and three (Table 2, Table 3)
#
# The same comparison on IEMOCAP, with six emotions, and MOSEI, with three classes of sentiment. Not
# everybody can download their data. Where you do not have the files, this run is on a synthetic
# corpus of IEMOCAP's shape, which says something about the code and nothing about emotions. (Both
# in full: `python -m argf_np.experiments table2 --dataset iemocap` and `table3 --dataset mosei`.)
# With more classes, the accuracy of each can be looked at by itself:

# %%
six = catalogue.Subject(load("iemocap"), "iemocap", "IEMOCAP")
DATA["iemocap"] = with_features(standardise(six.corpus))
table_2 = catalogue.comparison(six)
results = run_all(table_2, six, ("TFN", "ARGF (a, v → l)"))
display(Markdown(result_table.render(table_2, six, results)))

# %% [markdown]
# Four epochs are short for six classes, and it shows. An average over six can also hide that one
# class is hardly ever found: look for small numbers in the columns of the classes. The printed
# tables, too, hold more than they say, and one can check them without any data.
#
# **IEMOCAP.** The test videos have 144, 245, 384, 170, 299 and 381 utterances of the six classes
# (these are counts of the published file). An accuracy of a class must be a whole number of its
# utterances, and the numbers of the six must add up to the average accuracy:

# %%
classes, support = DATASETS["iemocap"].classes, DATASETS["iemocap"].balance[2]
suspects = []
for row in table_2.rows:
    if not row.paper:
        continue
    found = [counts(row.paper[name], size) for name, size in zip(classes, support, strict=True)]
    average = counts(row.paper["accuracy"], sum(support))
    print(
        f"{row.label:18}",
        "  ".join(f"{some[0] if some else '?':>4}" for some in found),
        f"   in all {average[0]}",
    )
    if [] in found:
        suspects.append((row, found, average))
    else:
        assert [sum(some[0] for some in found)] == average

# %% [markdown]
# Eight of nine rows are right to the last utterance. One is not. In it one class has a figure that
# no count gives, while the average is fine, so that we can compute what must have stood there:

# %%
for row, found, (in_all,) in suspects:
    place = found.index([])
    missing = in_all - sum(some[0] for some in found if some)
    print(
        f"{row.label}, {classes[place]}: printed {row.paper[classes[place]]:.2f}; "
        f"but {missing} of {support[place]} are {100 * missing / support[place]:.2f}"
    )

# %% [markdown]
# Two digits have changed places. It is nobody's fault worth mentioning, and it is a good sign: the
# rest of the table is made of real counts.
#
# **MOSEI.** Here we do *not* know how many test utterances each class has. There are 4,614 in all.
# Which sizes of the first class turn all nine printed accuracies of its column into whole numbers?
# Try them all:

# %%
table_3 = catalogue.comparison(catalogue.Subject(load("mosei"), "mosei", "MOSEI"))
columns = ["positive", "negative", "neutral"]
models = [row.paper for row in table_3.rows if row.paper]
accuracies = np.array([[paper[name] for name in columns] for paper in models])  # (9, 3)
n_mosei = DATASETS["mosei"].utterances[2]
candidates = [
    [size for size in range(200, n_mosei) if all(counts(p, size) for p in column)]
    for column in accuracies.T
]
for name, sizes in zip(columns, candidates, strict=True):
    print(f"{name:9} {sizes}")
fitting = [sizes for sizes in itertools.product(*candidates) if sum(sizes) == n_mosei]
print("with the right sum:", fitting)
(sizes,) = fitting
assert np.abs(accuracies @ sizes / n_mosei - [paper["accuracy"] for paper in models]).max() < 0.01

# %% [markdown]
# Out of all sizes there is one choice that fits: the sizes of the classes of a test set, read off a
# table that does not mention them. And it gives the average accuracies besides. Now compare them
# with the *training* videos of the published file, where the classes are known:

# %%
published = DATASETS["mosei"]
share = {
    name: count / sum(published.balance[0])
    for name, count in zip(published.classes, published.balance[0], strict=True)
}
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.barh(
    [-0.2, -1.2, -2.2],
    [size / n_mosei for size in sizes],
    0.36,
    color=COLOURS["l"],
    label="columns of Table 3, test",
)
ax.barh(
    [0.2, -0.8, -1.8],
    [share[name] for name in columns],
    0.36,
    color="0.7",
    label="published labels, training",
)
ax.set_yticks([0, -1, -2], columns)
ax.set(xlabel="share of the utterances", title="What Table 3 calls its classes")
fig.legend(frameon=False, loc="outside lower center", ncols=2)
plt.show()
for name, size in zip(columns, sizes, strict=True):
    nearest = min(share, key=lambda other: abs(share[other] - size / n_mosei))
    print(
        f"column {name:9} {size / n_mosei:6.1%}; "
        f"nearest in the training labels: {nearest} {share[nearest]:.1%}"
    )

# %% [markdown]
# Every column has the size of *another* class. The paper explains why all models are weak on
# "Negative": there are few such utterances. By the sizes this column may well be neutral, the class
# that is hard because it lies between the two others. A heading that has slipped, and the
# explanation slips with it.
#
# ## 7. How large is it? (Table 4)
#
# Number of parameters and of floating-point operations: two figures without noise. Everybody who
# counts must get the same, if only it is said *what* is counted. Parameters first. We count the
# arrays of the model, and what the released code carries along in its class of the graph and never
# calls:

# %%
d = k = 50
network = init_model(np.random.default_rng(0), d, k, N=2)
used = {group: nn.count(tree) for group, tree in network.items()}
spare = complexity_table4.unused(k)
for name, number in (used | spare).items():
    print(f"{name:40} {number:9,}")
print(
    f"{sum(used.values()):,} used + {sum(spare.values()):,} unused = "
    f"{sum(used.values()) + sum(spare.values()):,}"
)
assert sum(used.values()) + sum(spare.values()) == 1_270_770  # Table 4

# %% [markdown]
# So the paper's count is right, of its code. A tenth of it does nothing.
#
# **Operations**, for one utterance at test time. Only encoders and graph run then. One output of a
# dense layer with $i$ inputs takes $i$ products and $i - 1$ sums; this is $(2 i - 1)\, o$ for $o$
# outputs. A batch norm takes 4 a unit, and the leaky ReLU of the graph's $MLP$s 1 a unit. Nothing
# else is counted: neither biases, nor tanh, nor softmax.


# %%
def operations(tree):
    """Operations of all dense layers and batch norms of a tree, each used once."""
    total = 0
    for path, array in nn.leaves(tree):
        if path[-1] == "W":
            inputs, outputs = array.shape[-2:]
            total += int(np.prod(array.shape[:-2])) * (2 * inputs - 1) * outputs
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

counted = complexity_table4.complexity()  # counted where they run, by wrapping the operations
for name, (_, by_rule) in counted.items():
    print(
        f"{name:30}",
        "  ".join(f"{rule} {sum(parts.values()):9,}" for rule, parts in by_rule.items()),
    )
assert sum(counted["ARGF"][1]["paper"].values()) == sum(by_part.values())

# %% [markdown]
# To the last digit. But a comparison needs *one* rule. In Table 4, ARGF is counted as above. TFN's
# figure is two for each weight. BC-LSTM's leaves out the recurrent products of its LSTM, the larger
# part of the work. The last column counts all alike, two for each multiply-add:

# %%
names = ["ARGF", "TFN", "BC-LSTM"]
fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
alike = [sum(counted[name][1]["multiply-add"].values()) / 1e6 for name in names]
in_print = [complexity_table4.PAPER[name][1] / 1e6 for name in names]
for side, values, colour, label in (
    (-0.2, in_print, "0.7", "printed"),
    (0.2, alike, COLOURS["l"], "one rule for all"),
):
    ax.bar_label(ax.bar(np.arange(3) + side, values, 0.38, color=colour, label=label), fmt="%.2f")
ax.set_xticks(range(3), names)
ax.set(ylabel="million operations\nan utterance", title="Table 4")
ax.legend(frameon=False, loc="upper right")
plt.show()
assert alike[0] < alike[2] < alike[1]

# %% [markdown]
# In print BC-LSTM is cheaper than ARGF. By one rule it is dearer. And something is in none of the
# numbers: the UCLNs that all of them read, three LSTMs as large as that of BC-LSTM, one a modality.
#
# ## 8. What can be left out? (Table 5)
#
# An *ablation* trains without a part (notebook 07 has the updates). Without adversarial training
# there is no second update, and no $\mathcal{L}_{fal}$ in the first; without decoders no
# $\mathcal{L}_{rl}$ in it; without classifier no third. Section 4 has trained these already, so the
# table costs nothing:

# %%
results = run_all(ablations, subject)
display(Markdown(result_table.render(ablations, subject, results)))
forest(ablations, results, f"Table 5, {corpus.source} corpus")

# %% [markdown]
# The paper's differences are 0.46 to 1.66 points, of one run, we must suppose. Compare them with
# the intervals, and with section 2: the largest is about what the best of twenty looks has bought
# there, with nothing to find. Remember also what notebook 06 has found: with $\lambda = 0.001$ the
# adversary has next to no say in what the encoders learn.
#
# ## 9. Other ways to fuse (Table 6, Figure 4)
#
# The graph is one way to make a decision of three embeddings. Here are six others. Each is a pair
# of functions, `init` and `decide`, and they are listed in `STRATEGIES`. Figure 4 shows the first
# three, the rest is cited:


# %%
def box(ax, x, y, text, colour="white", width=0.2, height=0.16):
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0.01",
            facecolor=colour,
            edgecolor="0.4",
            lw=0.8,
        )
    )
    dark = colour != "white" and np.mean(plt.matplotlib.colors.to_rgb(colour)) < 0.55
    ax.text(
        x, y, text, ha="center", va="center", fontsize="small", color="white" if dark else "black"
    )


def arrow(ax, start, end, text=""):
    ax.annotate(
        "", end, start, arrowprops={"arrowstyle": "->", "color": "0.4", "shrinkA": 1, "shrinkB": 1}
    )
    ax.text(
        (start[0] + end[0]) / 2,
        (start[1] + end[1]) / 2 - 0.015,
        text,
        ha="center",
        fontsize="x-small",
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
    )


def diagram(ax, title, middle, edges=("", "", ""), last="FC", size=0.2):
    """Three embeddings, what is made of them, dense layers."""
    for m, y, edge in zip("alv", (0.8, 0.5, 0.2), edges, strict=True):
        box(ax, 0.12, y, f"$x_{m}^e$", COLOURS[m])
        arrow(ax, (0.23, y), (0.52 - size / 2, 0.5 + (y - 0.5) * 0.5), edge)
    box(ax, 0.52, 0.5, middle, "0.94", size, 0.5)
    arrow(ax, (0.54 + size / 2, 0.5), (0.74, 0.5))
    box(ax, 0.8, 0.5, last, "white", 0.1, 0.5)
    arrow(ax, (0.87, 0.5), (0.97, 0.5))
    ax.text(0.975, 0.5, "$M$", va="center")
    ax.set(xlim=(0, 1.05), ylim=(0.05, 0.98))
    ax.set_title(title, fontsize="medium")
    ax.axis("off")


def dynamic_graph_diagram(ax):
    place = {
        "a": (0.08, 0.82),
        "l": (0.08, 0.5),
        "v": (0.08, 0.18),
        "al": (0.36, 0.74),
        "vl": (0.36, 0.26),
        "av": (0.42, 0.5),
        "alv": (0.66, 0.5),
    }
    for name, (x, y) in place.items():
        for other, (x_2, y_2) in place.items():
            if set(name) < set(other):
                ax.plot([x, x_2], [y, y_2], color="0.75", lw=1, zorder=0)
        ax.plot([x, 0.86], [y, 0.5], color="0.88", lw=0.8, ls=":", zorder=-1)
        box(ax, x, y, name, figures.vertex_colour(name), 0.11, 0.13)
    box(ax, 0.88, 0.5, "FC", "white", 0.1, 0.5)
    arrow(ax, (0.94, 0.5), (1.0, 0.5))
    ax.text(1.0, 0.5, "$M$", va="center")
    ax.set(xlim=(0, 1.08), ylim=(0.05, 0.98))
    ax.set_title("Dynamic Fusion Graph", fontsize="medium")
    ax.axis("off")


fig, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
diagram(axes[0, 0], "Concatenation + FC", "$3k$\nside by\nside")
diagram(axes[0, 1], "Multiplication + FC", "entry by\nentry,\n$\\odot$")
diagram(
    axes[0, 2], "Weighted Average", r"$\frac{1}{3}\sum$", [rf"$\times\,\alpha_{m}$" for m in "alv"]
)
diagram(axes[1, 0], "Tensor Fusion", "$(k+1)^3$\nproducts", ["add a 1"] * 3, size=0.24)
diagram(
    axes[1, 1],
    "Low-rank Fusion",
    "$\\odot$, 4 times,\nadded up",
    [rf"$W_{m}^{{(r)}}$" for m in "alv"],
    size=0.26,
)
dynamic_graph_diagram(axes[1, 2])
plt.show()

# %% [markdown]
# FC, "fully connected", are dense layers. To compare fusions and nothing else, all but tensor
# fusion end in the same $Dec$ as the graph (Eq. 16, notebook 09). What goes into it, we write as
# loops, for a small batch:

# %%
rng = np.random.default_rng(3)
B, k, N = 5, 4, 3
x_e = rng.uniform(-1, 1, (3, B, k))
a, l, v = x_e
params = {name: strategy.init(rng, 3, k, N) for name, strategy in STRATEGIES.items()}
agreed = []


def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def agree(name, M_loop):
    """The package gives the same as the loops, and the right gradient by all parameters and
    embeddings.
    """
    assert np.allclose(STRATEGIES[name].decide(params[name], x_e)["M"], M_loop, rtol=0, atol=1e-14)
    nn.check_gradient(
        lambda p: weigh(STRATEGIES[name].decide(p["fusion"], p["x_e"])["M"]),
        {"fusion": params[name], "x_e": x_e},
        np.random.default_rng(1),
        step=1e-5,
    )
    agreed.append(name)
    print(f"{name:17} {nn.count(params[name]):6,} parameters")


# %% [markdown]
# **Concatenation**, $\mathbf{M} = Dec(\mathbf{x}_a^e \oplus \mathbf{x}_l^e \oplus \mathbf{x}_v^e)$;
# **multiplication**, $Dec(\mathbf{x}_a^e \odot \mathbf{x}_l^e \odot \mathbf{x}_v^e)$, entry by
# entry; **weighted average**, $Dec(\mathbf{U})$, which is the first layer of the graph alone (Eq.
# 10):

# %%
side_by_side, product, average = np.zeros((B, 3 * k)), np.zeros((B, k)), np.zeros((B, k))
MAN = params["weighted_average"]["MAN"]
for i in range(B):
    side_by_side[i] = [*a[i], *l[i], *v[i]]
    for j in range(k):
        product[i, j] = a[i, j] * l[i, j] * v[i, j]
    for x_m in (a[i], l[i], v[i]):
        alpha = 1 / (1 + np.exp(-sum(x_m[j] * MAN["W"][j, 0] for j in range(k)) - MAN["b"][0, 0]))
        average[i] += alpha * x_m / 3
for name, vector in {
    "concatenation": side_by_side,
    "multiplication": product,
    "weighted_average": average,
}.items():
    agree(name, gfn.decide(params[name]["Dec"], vector))

# %% [markdown]
# **Tensor fusion** takes every product of an entry of $\mathbf{x}_a^e$, one of $\mathbf{x}_l^e$ and
# one of $\mathbf{x}_v^e$. Each vector is extended by a 1, so that products of two and single
# entries are among them:
#
# $$\mathbf{Z} = [\mathbf{x}_a^e; 1] \otimes [\mathbf{x}_l^e; 1] \otimes [\mathbf{x}_v^e; 1]$$
#
# These are $(k + 1)^3$ numbers: 132,651 for $k = 50$. Hence the 4.2 million parameters of TFN in
# Table 4. Three dense layers of its own follow, ReLU twice and softmax.

# %%
Z = np.array(
    [[p * q * r for p in [*a[i], 1] for q in [*l[i], 1] for r in [*v[i], 1]] for i in range(B)]
)
layers = [params["tensor"][f"dense_{number}"] for number in (1, 2, 3)]
h = Z  # (B, (k + 1)^3)
for p in layers[:2]:
    z = h @ p["W"] + p["b"]
    h = np.where(z > 0, z, 0)  # (B, 32)
e = np.exp(h @ layers[2]["W"] + layers[2]["b"])
agree("tensor", e / e.sum(axis=1, keepdims=True))

# %% [markdown]
# **Low-rank fusion** (LMF) is a dense layer on $\mathbf{Z}$ whose weights are a sum of four
# products, one factor a modality. Then $\mathbf{Z}$ need not be computed: multiply each vector by
# its factor, and then what comes out.
#
# $$\mathbf{h} = \sum_{r=1}^{4} w_r \bigodot_m [\mathbf{x}_m^e; 1]\, \mathbf{W}_m^{(r)}, \qquad
# \mathbf{M} = Dec(\mathbf{h})$$

# %%
factors, w = params["low_rank"]["factors"], params["low_rank"]["weights"][:, 0, 0]
W = np.concatenate([factors["W"], factors["b"]], axis=1).reshape(
    3, 4, k + 1, k
)  # the bias meets the 1
h = np.zeros((B, k))
for i in range(B):
    for j in range(k):
        for r in range(4):
            term = w[r]
            for m in range(3):
                term *= sum(x * W[m, r, row, j] for row, x in enumerate([*x_e[m, i], 1]))
            h[i, j] += term
agree("low_rank", gfn.decide(params["low_rank"]["Dec"], h))

# The same by the tensor: all weights of all products, (k + 1, k + 1, k + 1, k).
full = np.einsum("r,rxj,ryj,rzj->xyzj", w, *W)
assert np.allclose(Z @ full.reshape(-1, k), h, rtol=0, atol=1e-14)

# %% [markdown]
# **The dynamic fusion graph** (DFG) has a vertex for each set of modalities: $a, l, v, al, av, lv,
# alv$. Each set sends its vector to all sets that contain it, and to the output. Each of these 19
# edges has an *efficacy*, a sigmoid of all three embeddings. A vertex lays side by side what
# arrives, and makes $k$ numbers of it:
#
# $$\mathbf{V}_s = \tanh\Big(D_s\big(\bigoplus_{r \subset s} \alpha_{rs} \mathbf{V}_r\big)\Big),
# \qquad \mathbf{M} = Dec\Big(\bigoplus_s \alpha_{s \tau} \mathbf{V}_s\Big)$$
#
# Where $r \subset s$ are the smaller sets in $s$, $D_s$ is a dense layer, and $\tau$ stands for the
# output.

# %%
p = params["dynamic_graph"]
sets = ["a", "l", "v", "al", "av", "lv", "alv"]
flow = np.zeros((B, 7 * k))
for i in range(B):
    everything = np.array([*a[i], *l[i], *v[i]])
    efficacies = iter(
        (1 / (1 + np.exp(-(everything @ p["efficacies"]["W"] + p["efficacies"]["b"]))))[0]
    )
    V = {"a": a[i], "l": l[i], "v": v[i]}
    for number, name in enumerate(sets[3:]):
        arriving = [next(efficacies) * V[other] for other in sets if set(other) < set(name)]
        D = p["vertices"][f"vertex_{number}"]
        V[name] = np.tanh(np.concatenate(arriving) @ D["W"] + D["b"][0])
    flow[i] = np.concatenate([next(efficacies) * V[name] for name in sets])
agree("dynamic_graph", gfn.decide(p["Dec"], flow))
assert {*agreed, "gfn"} == {*STRATEGIES}

# %% [markdown]
# DFG has a vertex for the triple, but it makes it of all smaller sets at once. The graph of
# notebook 08 and 09 makes six trimodal vertices of two each, and weighs them by similarity. Is it
# worth it? Live:

# %%
results = run_all(fusions, subject)
display(Markdown(result_table.render(fusions, subject, results)))
forest(fusions, results, f"Table 6, {corpus.source} corpus")

# %% [markdown]
# **A warning before you conclude.** In all of these the encoders learn together with the fusion,
# and they can bend. As notebook 09 has found, they can hand $Dec$ a sum that it then multiplies. So
# strategies that differ much on paper may hardly differ in what the whole can learn, and a
# difference of a point may be a matter of step sizes.
#
# **And on the paper's second column.** Table 6 gives 60.20 for the graph on IEMOCAP. Table 2 has
# this number for the targets $a$ and $v$; for $l$, the default, it has 60.69. A footnote would have
# helped.
#
# ## 10. So, does it work?
#
# What would you write? Here is what these runs let one say, on this corpus, of networks of this
# size:

# %%
everything = {}
for table in (comparison, ablations, fusions):
    everything |= run_all(table, subject)
full = result_table.correct(everything["ARGF"])
verdicts = {"better than ARGF": [], "worse than ARGF": [], "cannot be distinguished": []}
for label, some in everything.items():
    other = result_table.correct(some)
    if np.array_equal(other, full):
        continue
    _, low, high = statistics.paired_difference(other, full, video)
    if low > 0:
        verdicts["better than ARGF"].append(label)
    elif high < 0:
        verdicts["worse than ARGF"].append(label)
    else:
        verdicts["cannot be distinguished"].append(label)
for verdict, labels in verdicts.items():
    print(f"{verdict}: {', '.join(labels) or 'none'}")

# %% [markdown]
# Take even this with a grain of salt. These are many comparisons, each with a chance of 5 % for a
# false alarm, and the networks are small. What to take along for any paper:
#
# - Ask how the epoch was picked, and by whose labels.
# - Ask how many seeds, and what the ± is: a deviation, a standard error, an interval?
# - A difference needs an interval of its own, paired.
# - Turn percentages back into counts. It takes a minute, and it finds things.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed random inputs. Solutions are in `tutorials/solutions/10_does_it_work.py`.
#
# **10.1 Could this be a mean?** Section 1 has found figures that no single run gives. Say they are
# means of $s$ runs on the same $n$ utterances. Find the smallest $s$ for which some numbers of
# correct utterances give the printed figure.


# %%
def smallest_number_of_runs(percent, n):
    """percent with two decimals, such as 80.92. Returns the smallest s = 1, 2, ..."""
    raise NotImplementedError("exercise 10.1")


check("10.1", smallest_number_of_runs)

# %% [markdown]
# **10.2 Mean and interval.** For $m$ models at once. The quantile $t$ is given.


# %%
def mean_intervals(y, t):
    """Accuracies y (m, s) of m models with s seeds. Returns (m, 2): mean, half of the 95 %
    interval.
    """
    raise NotImplementedError("exercise 10.2")


check("10.2", mean_intervals)

# %% [markdown]
# **10.3 One resample of a bootstrap.** You are told how often each seed and each video was drawn.
# Compute the mean gain, without a loop over utterances.


# %%
def resampled_gain(gain, videos, seeds_drawn, videos_drawn):
    """gain (s, n); videos (n,), a number 0 ... V-1 for each utterance; how often each seed (s,) and
    each video (V,) was drawn. Returns the mean gain, a number.
    """
    raise NotImplementedError("exercise 10.3")


check("10.3", resampled_gain)

# %% [markdown]
# **10.4 Low rank (LMF).** Write $\mathbf{h}$ of section 9 in NumPy, without $\mathbf{Z}$ and
# without loops.


# %%
def low_rank(x_e, W, w):
    """x_e (3, B, k); W (3, R, k + 1, k), whose last row meets the 1; w (R,). Returns h (B, k)."""
    raise NotImplementedError("exercise 10.4")


check("10.4", low_rank)

# %% [markdown]
# **To go on.** Design the experiment that would settle Table 6: GFN against DFG. Take the scatter
# of the gain between seeds and between videos from your runs above. How many seeds, and how many
# test videos, would it take to see a difference of one point? Which of the two can you buy?

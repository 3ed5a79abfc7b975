"""Drawings of notebook 10: accuracies, coverage, differences, RESULTS.md as a picture."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

COLOURS = figures.MODALITY_COLOURS
RESULTS = Path(__file__).parents[2] / "results"  # what the full runs have measured
NUMBER = r"[+−-]?\d+\.\d+"
EDGE = 10  # points of accuracy; what lies further out is a number at the edge
DIFFERENCE = re.compile(rf"({NUMBER}) \[({NUMBER}), ({NUMBER})\]")


def coins(models, n):
    """Printed accuracies ``[(label, percent)]`` with two standard deviations of n coins."""
    _, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
    for position, (label, percent) in enumerate(models):
        p = percent / 100
        is_argf = "ARGF" in label
        ax.errorbar(percent, -position, xerr=200 * np.sqrt(p * (1 - p) / n), capsize=3,
                    marker="o" if is_argf else "s", color=COLOURS["l"] if is_argf else "0.45")
    ax.set_yticks(range(0, -len(models), -1), [label for label, _ in models])
    ax.set(xlabel=f"accuracy in percent, as printed; ± 2 standard deviations of {n} coins",
           title="Table 1")


def best_of(gains, deviation):
    """What the best of q looks gains, (trials, most looks), and the rule of thumb."""
    looks = np.arange(1, gains.shape[1] + 1)
    _, ax = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
    low, high = np.quantile(gains, (0.05, 0.95), axis=0)
    ax.fill_between(looks, low, high, color="white", label="9 of 10 trials")
    ax.plot(looks, gains.mean(axis=0), color="black", label="mean")
    ax.plot(looks[1:], deviation * np.sqrt(2 * np.log(looks[1:])), "--", color=COLOURS["v"],
            label=r"$\sigma \sqrt{2 \ln q}$")
    ax.set(xscale="log", xlabel="$q$, numbers of which the best is reported",
           ylabel="gain in points", title="The best of $q$ epochs, where there is nothing to find")
    ax.set_xticks([1, 10, 20, 100, 400], ["1", "10", "20", "100", "400"])
    ax.minorticks_off()
    ax.legend(frameon=False)


def epochs(curves):
    """Test accuracy per epoch and seed, (seeds, epochs).

    A dotted line leads from the best epoch of a seed to its last.
    """
    _, ax = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
    x = np.arange(1, curves.shape[1] + 1)
    for seed, curve in enumerate(curves):
        shade = f"{0.1 + 0.09 * seed:.2f}"
        ax.plot(x, curve, color=shade, lw=1)
        best = curve.argmax()
        ax.plot([x[best], x[-1]], [curve[best], curve[-1]], ":", color=COLOURS["v"], lw=1)
        ax.plot(x[best], curve[best], "*", ms=13, color=COLOURS["v"],
                label=None if seed else "best epoch of a seed")
    ax.plot(np.full(len(curves), x[-1]), curves[:, -1], "o", color=COLOURS["l"], ls="",
            label="last epoch")
    ax.set(xlabel="epoch", ylabel="test accuracy in percent")
    ax.legend(frameon=False, loc="lower right")


def covered(sizes, shares):
    """How often kinds of intervals cover the truth, ``{name: [share per number of seeds]}``."""
    _, ax = plt.subplots(figsize=(7.4, 3.8), layout="constrained")
    looks = (("o-", COLOURS["l"]), ("s--", COLOURS["v"]), ("^:", "black"), ("D-.", COLOURS["a"]))
    for (name, values), (line, colour) in zip(shares.items(), looks, strict=True):
        ax.plot(range(len(sizes)), values, line, color=colour, label=name)
    ax.axhline(0.95, color="0.6", lw=1)
    ax.annotate("95 %", (1.01, 0.95), xycoords=("axes fraction", "data"), va="center")
    ax.set_xticks(range(len(sizes)), sizes)
    ax.set_yticks([0.4, 0.6, 0.8, 1], ["40 %", "60 %", "80 %", "100 %"])
    ax.set(xlabel="seeds", ylabel="intervals that cover the truth", ylim=(0.3, 1.02))
    ax.legend(frameon=False, loc="lower right", ncols=2)


def coverage(rows):
    """Coverage of this project's intervals and of the bootstrap, rows of results/coverage.csv."""
    kinds = {"seeds": "other seeds", "seeds and videos": "other seeds and videos",
             "paired difference": "difference of two models"}
    _, axes = plt.subplots(1, 3, figsize=(9.4, 3.6), sharey=True, layout="constrained")
    for ax, (kind, title) in zip(axes, kinds.items(), strict=True):
        some = [row for row in rows if row["interval"] == kind]
        for scenario in dict.fromkeys(row["scenario"] for row in some):
            lines = [row for row in some if row["scenario"] == scenario]
            x = range(len(lines))
            for name, look, colour in (("old", "s--", COLOURS["v"]), ("new", "o-", COLOURS["l"])):
                ax.plot(x, [float(row[name]) for row in lines], look, color=colour, lw=1, ms=4)
            ax.set_xticks(x, [row["seeds"] for row in lines])
        ax.axhline(95, color="0.5", lw=1)
        ax.set(title=title, xlabel="seeds")
    axes[0].set(ylabel="intervals that cover\nthe truth, percent", ylim=(68, 101))
    axes[0].plot([], [], "o-", color=COLOURS["l"], label="Student's t")
    axes[0].plot([], [], "s--", color=COLOURS["v"], label="bootstrap")
    axes[0].legend(frameon=False, loc="lower right")


def forest(ax, rows, unit):
    """Differences ``[(label, mean, low, high, printed or None)]``, one row each."""
    for position, (_, mean, low, high, printed) in enumerate(rows):
        clear = low > 0 or high < 0
        ax.plot([low, high], [-position] * 2, color=COLOURS["l"], lw=2)
        ax.plot(mean, -position, "o", color=COLOURS["l"], mfc=COLOURS["l"] if clear else "white")
        if printed is not None:
            ax.plot(printed, -position - 0.27, "x", ms=6, mew=2, color=COLOURS["v"])
    ax.axvline(0, color="0.6", lw=1)
    ax.set_yticks(range(0, -len(rows), -1), [row[0] for row in rows])
    ax.set(xlabel=unit, ylim=(0.4 - len(rows), 0.5))


def table(rows, title):
    """The differences of one table of this notebook."""
    fig, ax = plt.subplots(figsize=(8, 1.4 + 0.34 * len(rows)), layout="constrained")
    forest(ax, rows, "points of accuracy less (left) or more (right) than ARGF")
    ax.set_title(title)
    line = {"color": COLOURS["l"], "lw": 2, "marker": "o"}
    handles = [
        plt.Line2D([], [], label="here, 95 % interval without 0", **line),
        plt.Line2D([], [], label="here, with 0", mfc="white", **line),
        plt.Line2D([], [], label="paper", color=COLOURS["v"], ls="", marker="x", ms=6, mew=2)]
    fig.legend(handles=handles, frameon=False, loc="outside lower center", ncols=3)


def differences_in(markdown):
    """The differences in all tables of a text: ``{heading: [(label, mean, low, high, None)]}``.

    A table counts if it has a column "difference" whose cells read "−1.02 [−2.50, +0.45]".
    """
    found, heading, column = {}, "", None
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("#"):
            heading, column = line.strip("# "), None
        elif not line.startswith("|"):
            column = None
        elif "difference" in cells:
            column = cells.index("difference")
        elif column is not None and (match := DIFFERENCE.fullmatch(cells[column])):
            numbers = [float(number.replace("−", "-")) for number in match.groups()]
            if match[2] == "+0.00":  # the lower end, a positive number that is rounded
                numbers[1] = 0.001
            if match[3] in ("-0.00", "−0.00"):
                numbers[2] = -0.001
            found.setdefault(heading, []).append((cells[0].rstrip("†"), *numbers, None))
    return found


def results(tables):
    """The differences of RESULTS.md between models, ``{heading: rows}``, one panel per table."""
    shown = {heading: [*filter(is_model, rows)] for heading, rows in tables.items()}
    heights = [1.2 + len(rows) for rows in shown.values()]
    _, axes = plt.subplots(len(shown), 1, figsize=(9, 0.5 + 0.26 * sum(heights)), squeeze=False,
                           height_ratios=heights, layout="constrained", sharex=True)
    for ax, (heading, rows) in zip(axes[:, 0], shown.items(), strict=True):
        forest(ax, rows, "")
        for position, (_, mean, *_) in enumerate(rows):
            if mean < -EDGE:
                ax.text(0.2 - EDGE, -position, f"← {mean:.1f}".replace("-", "−"), va="center")
        ax.set_title(heading, loc="left", fontsize="medium")
    axes[-1, 0].set(xlabel="points of accuracy less (left) or more (right) than ARGF",
                    xlim=(-EDGE, 0.7 * EDGE))


def is_model(row):
    """Whether a row is a model that fuses, and no floor such as one modality alone."""
    label = row[0]
    return not (label.endswith(" alone") or label.startswith(("always", "logistic")))


def classes(columns, sizes, n, share):
    """Shares of three columns of Table 3, and shares of the published classes, ``{name: share}``.
    """
    fig, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
    ax.barh([-0.2, -1.2, -2.2], [size / n for size in sizes], 0.36, color=COLOURS["l"],
            label="columns of Table 3, test")
    ax.barh([0.2, -0.8, -1.8], [share[name] for name in columns], 0.36, color="0.75", hatch="//",
            edgecolor="white", label="published labels, training")
    for place, values in ((-0.2, [size / n for size in sizes]),
                          (0.2, [share[name] for name in columns])):
        for row, value in enumerate(values):
            ax.text(value + 0.005, place - row, f"{value:.0%}", va="center")
    ax.set_yticks([0, -1, -2], columns)
    ax.set(xlabel="share of the utterances", title="What Table 3 calls its classes")
    fig.legend(frameon=False, loc="outside lower center", ncols=2)


def costs(names, in_print, alike):
    """Operations of some models in millions, as printed and by one rule."""
    _, ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")
    for side, values, colour, hatch, label in (
            (-0.2, in_print, "0.75", "//", "printed"),
            (0.2, alike, COLOURS["l"], "", "one rule for all")):
        bars = ax.bar(np.arange(len(names)) + side, values, 0.38, color=colour, hatch=hatch,
                      edgecolor="white", label=label)
        ax.bar_label(bars, fmt="%.2f")
    ax.set_xticks(range(len(names)), names)
    ax.set(ylabel="million operations\nper utterance", title="Table 4")
    ax.legend(frameon=False, loc="upper right")

"""Drawings of notebook 03: the corpus at one glance, its columns, padding, accuracies."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from argf_np import figures

from . import PAPER

COLOURS, NAMES = figures.MODALITY_COLOURS, figures.MODALITY_NAMES


def wall(corpus):
    """A column per video, a square per utterance, the first one at the bottom."""
    u = corpus.lengths.max()
    order = np.concatenate([*corpus.split.values()])
    squares = np.full((u, len(order)), np.nan)  # nan is drawn as nothing
    for column, video in enumerate(order):
        start, stop = corpus.starts[video], corpus.starts[video + 1]
        squares[:stop - start, column] = corpus.labels[start:stop]
    _, ax = plt.subplots(figsize=(9.4, 4.6), layout="constrained")
    two_colours = ListedColormap(figures.CLASS_COLOURS[:2])
    ax.pcolormesh(squares, cmap=two_colours, edgecolor=PAPER, linewidth=0.4)
    edge = 0
    for split, videos in corpus.split.items():
        ax.text(edge + len(videos) / 2, u + 1, f"{split}: {len(videos)}", ha="center")
        edge += len(videos)
        ax.axvline(edge, color="black", lw=1)
    for c, name in enumerate(corpus.classes):
        ax.scatter([], [], marker="s", s=60, color=figures.CLASS_COLOURS[c], label=name)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.94))
    ax.set(xlabel="video", ylabel="utterance", xlim=(0, len(order)), ylim=(0, u + 4))


def columns(raw, standardised):
    """Left: the deviation of every raw column. Right: the values once they are standardised."""
    _, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.5), layout="constrained")
    for (m, x), style in zip(raw.features.items(), ("-", "--", ":"), strict=True):
        deviation = np.sort(x[raw.utterances("train")].std(axis=0))
        varies = deviation > 0
        share = np.linspace(0, 1, len(deviation))
        left.plot(share[varies], deviation[varies], style, color=COLOURS[m], lw=2.2, label=NAMES[m])
        z = standardised.features[m]
        shape, edges = np.histogram(z, bins=np.linspace(-3, 3, 61), density=True)
        right.stairs(shape, edges, color=COLOURS[m], lw=2.2, ls=style, label=NAMES[m])
    left.axhline(1, color="0.4", ls="-.", lw=1)
    left.annotate("1: all, once standardised", (0.9, 1), (0.98, 0.1), ha="right", fontsize=9,
                  arrowprops={"arrowstyle": "->", "color": "0.4"})
    left.set(yscale="log", xlabel="share of the columns, sorted", ylabel="standard deviation",
             title="raw columns: sizes")
    right.set(xlabel="$z$", ylabel="density", title="standardised values: shapes")
    right.legend(frameon=False)


def descent(losses):
    """Loss curves ``{name: losses}`` of gradient descent."""
    _, ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")
    for (name, values), style in zip(losses.items(), ("--", "-"), strict=True):
        ax.plot(values, style, color=COLOURS["a"], lw=2.2, label=name)
    ax.axhline(np.log(2), color="0.4", ls=":")
    ax.text(200, np.log(2) + 0.001, r"$\log\, 2$: a coin", ha="right", va="bottom", fontsize=9)
    ax.set(xlabel="step", ylabel="cross-entropy", ylim=(None, 0.7),
           title="the same layer, the same data")
    ax.legend(frameon=False, title="columns")


def padding(padded, mask):
    """A column of padded features beside the mask."""
    fig, axes = plt.subplots(1, 2, figsize=(9.4, 3), layout="constrained", sharex=True)
    bound = abs(padded).max()
    image = axes[0].pcolormesh(padded, cmap="PuOr", vmin=-bound, vmax=bound, edgecolor="white",
                               linewidth=0.4)
    axes[1].pcolormesh(mask, cmap="Greys_r", edgecolor="0.6", linewidth=0.4)
    titles = "first column of the language features", "mask: white is True"
    for ax, title in zip(axes, titles, strict=True):
        ax.set(title=title, xlabel="utterance")
        ax.invert_yaxis()
    axes[0].set_ylabel("video")
    fig.colorbar(image, ax=axes[0])


def hills(deviations, title):
    """How far accuracies spread: ``{name: accuracies minus their mean}``, in percent."""
    _, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
    edges = np.arange(-19.5, 19.6, 0.75)
    for (name, values), style in zip(deviations.items(), ("-", "--"), strict=True):
        ax.hist(100 * values, bins=edges, histtype="step", color="black", lw=1.8, ls=style,
                label=name)
    ax.set(xlabel="accuracy minus its mean, in points", yticks=[], title=title)
    ax.legend(frameon=False, fontsize=9)


def probes(panels):
    """Accuracies in train, validation and test: ``{panel: {features: {split: accuracy}}}``."""
    fig, axes = plt.subplots(1, len(panels), figsize=(10.4, 3.9), layout="constrained",
                             sharey=True, width_ratios=[len(bars) for bars in panels.values()])
    splits = {"train": ("///", -0.28), "validation": ("", 0), "test": ("...", 0.28)}
    for ax, (title, bars) in zip(axes, panels.items(), strict=True):
        for place, (name, score) in enumerate(bars.items()):
            colour = to_rgb(COLOURS.get(name, "0.45"))
            for split, (hatch, offset) in splits.items():
                face = (*colour, 0.6) if split == "validation" else "white"
                bar = ax.bar(place + offset, score[split], 0.26, facecolor=face, edgecolor=colour,
                             hatch=hatch, lw=1.5)
                ax.bar_label(bar, [f"{100 * score[split]:.0f}"], fontsize=9, padding=2,
                             bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.3})
        ax.axhline(0.5, color="0.4", ls=":", label="a coin" if ax is axes[0] else None)
        ax.set_xticks(range(len(bars)), [NAMES.get(name, name) for name in bars])
        ax.set_title(title)
    axes[0].set(ylabel="accuracy", ylim=(0, 1.1))
    for split, (hatch, _) in splits.items():
        face = "0.7" if split == "validation" else "white"
        axes[0].bar(0, 0, facecolor=face, edgecolor="0.3", hatch=hatch, label=split)
    fig.legend(frameon=False, ncols=4, loc="outside upper center")

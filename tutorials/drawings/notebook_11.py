"""Drawings of notebook 11: embedding spaces, t-SNE, dots per seed, weights and effects."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures
from argf_np.paper.vertices import UNIMODAL, VERTICES

COLOURS = figures.MODALITY_COLOURS
RESULTS = Path(__file__).parents[2] / "results"  # what the full runs have measured
LOOKS = (("o", COLOURS["l"]), ("s", COLOURS["v"]), ("^", "0.35"))  # of up to three groups


def spaces(embedded, labels, classes):
    """Figure 5 for some networks, ``{name: (3, B, k)}``."""
    _, axes = plt.subplots(1, len(embedded), figsize=(9, 4), layout="constrained")
    for ax, (name, x_e) in zip(axes, embedded.items(), strict=True):
        figures.embedding_space(x_e, labels, classes, ax=ax, title=name)
    for ax in axes[:-1]:
        ax.get_legend().remove()


def gaps(embedded):
    """The three modalities of some spaces in two principal components, ``{name: (3, B, k)}``."""
    fig, axes = plt.subplots(1, len(embedded), figsize=(9.4, 3.5), layout="constrained")
    for ax, (name, x_e) in zip(axes, embedded.items(), strict=True):
        figures.modality_gap(x_e, ax=ax, title=name)
        handles, _ = ax.get_legend_handles_labels()
        ax.get_legend().remove()
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    names = [figures.MODALITY_NAMES[m] for m in UNIMODAL]
    fig.legend(handles, names, frameon=False, loc="outside lower center", ncols=3)


def dots(panels, ylabels, reference=None):
    """One panel per quantity, one dot per seed: ``{panel: {group: values (seeds,)}}``.

    The dots of a seed are joined by a thin line; the short bar is the mean.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(9.4, 3.6), layout="constrained",
                             squeeze=False)
    for ax, (title, groups), ylabel in zip(axes[0], panels.items(), ylabels, strict=True):
        ax.plot(range(len(groups)), np.array(list(groups.values())), color="0.6", lw=1, zorder=0)
        for place, values in enumerate(groups.values()):
            marker, colour = LOOKS[place % 3]
            ax.plot(np.full(len(values), place), values, marker, color=colour, mfc="none", mew=1.5)
            ax.plot([place - 0.2, place + 0.2], [np.mean(values)] * 2, color="black", lw=2)
        if reference is not None:
            ax.axhline(reference, color="0.5", lw=1, ls=":")
        ax.set_xticks(range(len(groups)), groups)
        ax.set(title=title, ylabel=ylabel, xlim=(-0.5, len(groups) - 0.5))
    return fig


def maps(rows, columns, points):
    """Small maps: ``points[row, column]`` (n, 2) for names of rows and of columns."""
    _, axes = plt.subplots(len(rows), len(columns), figsize=(9, 2.2 * len(rows)),
                           layout="constrained")
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            ax = axes[r, c]
            ax.scatter(*points[row, column].T, s=8, color="0.3")
            ax.set(xticks=[], yticks=[])
            if r == 0:
                ax.set_title(column)
        axes[r, 0].set_ylabel(row)


def groups(on_paper, size):
    """Three groups of ``size`` points each, drawn in several ways: ``{name: (3 size, 2)}``."""
    _, axes = plt.subplots(1, len(on_paper), figsize=(9, 3.2), layout="constrained")
    for ax, (name, points) in zip(axes, on_paper.items(), strict=True):
        for group, shape in enumerate(figures.SHAPES[:3]):
            ax.scatter(*points[size * group:size * (group + 1)].T, s=16, marker=shape,
                       color=figures.CLASS_COLOURS[group], label=f"group {group + 1}")
        ax.set(title=name, xticks=[], yticks=[])
    axes[0].legend(frameon=False, loc="lower right")


def weights_of_seeds(kinds):
    """Mean weights of the 12 vertices, one dot per seed: ``{name: (seeds, 12)}``."""
    fig, ax = plt.subplots(figsize=(9.4, 3.8), layout="constrained")
    places = np.linspace(-0.24, 0.24, len(kinds))
    for side, (name, values), (marker, colour) in zip(places, kinds.items(), LOOKS, strict=False):
        for seed, row in enumerate(values):
            ax.plot(np.arange(12) + side, row, marker, color=colour, mfc="none",
                    label=None if seed else name)
    _label_vertices(ax)
    ax.set(ylabel="mean weight", ylim=(0, 0.8))
    fig.legend(frameon=False, loc="outside lower center", ncols=3)


def measured_weights(variants):
    """Mean weights with intervals, ``{variant: (means (12,), halves (12,))}``."""
    fig, ax = plt.subplots(figsize=(9.4, 3.6), layout="constrained")
    for side, (name, (means, halves)), (marker, colour) in zip((-0.14, 0.14), variants.items(),
                                                               LOOKS, strict=False):
        ax.errorbar(np.arange(12) + side, means, halves, fmt=marker, color=colour, capsize=3,
                    label=name)
    _label_vertices(ax)
    ax.set(ylabel="mean weight", ylim=(0, 1), title="CMU-MOSI, real data, from results/")
    fig.legend(frameon=False, loc="outside lower center", ncols=2)


def _label_vertices(ax):
    for edge in (2.5, 5.5):
        ax.axvline(edge, color="0.55", lw=1)
    ax.set_xticks(range(12), [figures.vertex_label(name) for name in VERTICES])


def effects(weights, effects, layer):
    """Weight and effect of every utterance, weights and effects (12, n), a panel per vertex."""
    names = figures.layers_of(UNIMODAL)[layer]
    start = list(VERTICES).index(names[0])
    columns = 3
    rows = len(names) // columns
    fig, axes = plt.subplots(rows, columns, figsize=(9, 0.6 + 2.4 * rows), layout="constrained",
                             sharex=True, sharey=True, squeeze=False)
    for vertex, (ax, name) in enumerate(zip(axes.flat, names, strict=True), start):
        ax.scatter(weights[vertex], 100 * effects[vertex], s=6, color=figures.vertex_colour(name))
        ax.plot(weights[vertex].mean(), 100 * effects[vertex].mean(), "D", ms=9, color="white",
                mec="black")
        ax.set_title(figures.vertex_label(name))
    fig.supxlabel("weight", fontsize="medium")
    fig.supylabel("effect, points of probability", fontsize="medium")


def witnesses(values):
    """The AUC of each witness and modality, one dot per seed: ``{witness: (seeds, 3)}``."""
    fig = dots({name: {figures.MODALITY_NAMES[m]: 100 * found[:, row]
                       for row, m in enumerate(UNIMODAL)} for name, found in values.items()},
               ["AUC in percent", "", ""], 50)
    for ax in fig.axes:
        ax.set_ylim(0, 103)

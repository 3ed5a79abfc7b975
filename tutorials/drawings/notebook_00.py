"""Drawings of notebook 00: the network of Figure 1, and one utterance on its way through it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

from argf_np import figures, nn
from argf_np.paper import vertices

from . import PAPER

COLOURS, NAMES = figures.MODALITY_COLOURS, figures.MODALITY_NAMES
GREY, INK = "0.4", "0.2"
HEIGHTS = {"a": 2.9, "l": 1.7, "v": 0.5}  # of the modalities' rows
COLUMNS = {"U": 8.2, "B": 10.05, "T": 11.65}  # of the layers of the graph
ROWS = {"U": (2.9, 1.7, 0.5), "B": (2.9, 2.05, 0.42),  # so that no edge runs behind a third vertex
        "T": np.linspace(2.9, 0.5, 6)}


def widths(group):
    """The widths of the layers of a network, from its parameters: "50 → 64 → 16 → 1"."""
    W = [array for path, array in nn.leaves(group) if path[-1] == "W"]
    return " → ".join(str(n) for n in (W[0].shape[-2], *(array.shape[-1] for array in W)))


def network(params):
    """Figure 1: the boxes are the groups of parameters, with their widths and sizes."""
    _, ax = plt.subplots(figsize=(11.5, 6), layout="constrained")
    d = params["encoders"]["dense_1"]["W"].shape[-2]
    _stages(ax)
    for m in HEIGHTS:
        _encoder(ax, params["encoders"], m, d)
    _helpers(ax, params)
    _graph(ax, params["fusion"])
    _decision(ax, params["fusion"]["Dec"])
    ax.set(xlim=(-0.8, 15.2), ylim=(-1.95, 5.75))
    ax.axis("off")


def _stages(ax):
    stages = ((-0.7, 7.3, "stage 1: one space for all modalities"),
              (7.45, 15.1, "stage 2: graph fusion"))
    for left, right, name in stages:
        ax.add_patch(plt.Rectangle((left, -1.9), right - left, 7.2, color="#F2F0EA", zorder=0))
        ax.text((left + right) / 2, 5.42, name, ha="center", style="italic", fontsize=11)
    ax.add_patch(plt.Rectangle((4.9, 0), 0.9, 3.4, facecolor=PAPER, edgecolor=GREY, lw=1.5))
    ax.text(5.2, 3.55, "joint space", ha="left", fontsize=9, color=INK)


def _encoder(ax, encoders, m, d):
    """One row: the features, their encoder, their vector in the joint space."""
    row, colour = HEIGHTS[m], COLOURS[m]
    ax.text(0, row + 0.1, f"$\\mathbf{{x}}_{m}$", ha="center", va="center", fontsize=14)
    ax.text(0, row - 0.32, f"{NAMES[m]}, {d}", ha="center", va="center", fontsize=9, color=INK)
    size = nn.count(encoders) // 3
    _box(ax, (2.7, row), (3.1, 1.05), f"encoder $E_{m}$",
         f"{widths(encoders)}\n{size:,} parameters", colour)
    _arrow(ax, (0.6, row), (1.1, row), colour)
    _arrow(ax, (4.3, row), (4.85, row), colour)
    ax.text(5.35, row, f"$\\mathbf{{x}}_{m}^e$", ha="center", va="center", fontsize=14)
    _arrow(ax, (5.85, row), (7.8, row), colour)


def _helpers(ax, params):
    """Decoders, discriminator and classifier, each with its loss."""
    size = nn.count(params["decoders"]) // 3
    _box(ax, (2.7, 4.6), (3.5, 1.05), "3 decoders: back to $\\mathbf{x}_m$?  ($L_{rl}$)",
         f"{widths(params['decoders'])}\n3 × {size:,} parameters", GREY)
    _box(ax, (1.45, -1.2), (4.1, 1.05), "discriminator: is it $l$?  ($L_{fal}, L_{tal}$)",
         f"{widths(params['discriminator'])}\n{nn.count(params['discriminator']):,} parameters",
         GREY)
    _box(ax, (5.5, -1.2), (3.4, 1.05), "classifier: which class?  ($L_{cl}$)",
         f"{widths(params['classifier'])}\n{nn.count(params['classifier']):,} parameters", GREY)
    _arrow(ax, (4.95, 3.5), (4.5, 4.3))
    _arrow(ax, (4.95, -0.05), (3.2, -0.65))
    _arrow(ax, (5.4, -0.05), (5.5, -0.65))


def _graph(ax, fusion):
    """The twelve vertices, what each one fuses, and the three vectors that come out."""
    names = (vertices.UNIMODAL, tuple(vertices.BIMODAL), tuple(vertices.TRIMODAL))
    place = {}
    for layer, name in zip(names, COLUMNS, strict=True):
        for vertex, row in zip(layer, ROWS[name], strict=True):
            place[vertex] = COLUMNS[name], row
    for vertex, sources in (vertices.BIMODAL | vertices.TRIMODAL).items():
        for source in sources:
            (x, y), (right, height) = place[source], place[vertex]
            left = right - 0.38 if "+" in vertex else right  # up to the box, not behind others
            ax.plot((x, left), (y, height), color=figures.vertex_colour(source), lw=0.9, zorder=1)
    for vertex, (x, y) in place.items():
        colour = figures.vertex_colour(vertex)
        dark = np.dot(to_rgb(colour), (0.3, 0.6, 0.1)) < 0.5
        ax.text(x, y, vertex, ha="center", va="center", fontsize=9, zorder=2,
                color="white" if dark else "black",
                bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "white"})
    signs = {"U": (9.18, r"$\oplus$"), "B": (10.88, r"$\oplus$"), "T": (12.38, "=")}
    for (name, column), part in zip(COLUMNS.items(), ("MAN", "MLP_2", "MLP_3"), strict=True):
        _arrow(ax, (column, 3.3), (column, 3.85))
        ax.text(column, 4.15, rf"$\mathbf{{{name}}}$", ha="center", va="center", fontsize=14)
        x, sign = signs[name]
        ax.text(x, 4.15, sign, ha="center", va="center", fontsize=12)
        size = nn.count(fusion[part])
        words = f"{part.replace('_', ' ')}\n{widths(fusion[part])}\n{size:,}\nparameters"
        ax.text(column, 0.1, words, ha="center", va="top", fontsize=9, color=INK)
    ax.text(13.15, 4.15, r"$\mathbf{\Omega}$", fontsize=14, va="center", ha="center")


def _decision(ax, Dec):
    _arrow(ax, (13.25, 3.9), (13.6, 3.0))
    _box(ax, (13.7, 2.4), (2.6, 1.05), "decision $Dec$",
         f"{widths(Dec)}\n{nn.count(Dec):,} parameters", GREY)
    _arrow(ax, (13.7, 1.85), (13.7, 1.2))
    ax.text(13.7, 0.85, r"$\mathbf{M}$", fontsize=15, ha="center", va="center")
    ax.text(13.7, 0.35, "positive or negative", fontsize=9, ha="center", va="center", color=INK)


def _box(ax, place, size, title, text, colour):
    """A box around a place, with a title and two lines of small text."""
    corner = np.subtract(place, np.divide(size, 2))
    ax.add_patch(plt.Rectangle(corner, *size, facecolor=colour, alpha=0.2))
    ax.add_patch(plt.Rectangle(corner, *size, fill=False, edgecolor=colour, lw=1.5))
    ax.text(place[0], place[1] + 0.32, title, ha="center", va="center", fontsize=10)
    ax.text(place[0], place[1] - 0.16, text, ha="center", va="center", fontsize=9, color=INK)


def _arrow(ax, start, end, colour=GREY):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.4})


def joint_space(x_e, signs):
    """The vectors (3, n, k) along their first two principal components, a panel per modality.

    signs (n, 3) says how each is marked: with a + or a −, and with a dot where it is silent.
    """
    centred = x_e - x_e.mean(axis=(0, 1))
    _, _, directions = np.linalg.svd(centred.reshape(-1, x_e.shape[-1]), full_matrices=False)
    points = centred @ directions[:2].T  # (3, n, 2)
    share = points.var(axis=(0, 1)).sum() / centred.var(axis=(0, 1)).sum()
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.7), layout="constrained", sharex=True,
                             sharey=True)
    for i, (ax, m) in enumerate(zip(axes, HEIGHTS, strict=True)):
        ax.plot(*points.reshape(-1, 2).T, ".", color="0.75", ms=3)
        for sign, marker, name in ((0, ".", "silent"), (-1, "_", "says −1"), (1, "+", "says +1")):
            ax.plot(*points[i, signs[:, i] == sign].T, marker, color=COLOURS[m], ms=6, label=name)
        ax.set(title=NAMES[m], xlabel="first component", aspect="equal")
    axes[0].set_ylabel("second component")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
               frameon=False)
    fig.suptitle(f"The joint space: two directions, {share:.0%} of the variance", fontsize=11)


def strips(x, one, classes, label):
    """One utterance in every stage: a row is a vector, a square is one of its 50 numbers."""
    blocks = {
        "input features": (x[:, 0], [f"$\\mathbf{{x}}_{m}$" for m in "alv"], 2),
        "joint embedding space": (one["x_e"][:, 0], [f"$\\mathbf{{x}}_{m}^e$" for m in "alv"], 1),
        "graph fusion": (np.stack([one[name][0] for name in "UBT"]),
                         [f"$\\mathbf{{{name}}}$" for name in "UBT"], 1),
    }
    fig, axes = plt.subplots(4, 1, figsize=(8, 6.2), layout="constrained",
                             height_ratios=(3, 3, 3, 2.6))
    for ax, (title, (rows, names, limit)) in zip(axes[:3], blocks.items(), strict=True):
        image = ax.imshow(rows, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
        ax.set_title(title, loc="left", fontsize=10)
        ax.set_yticks(range(3), names)
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        fig.colorbar(image, ax=ax, pad=0.01, ticks=[-limit, 0, limit])
    axes[2].set_xticks([0, 9, 19, 29, 39, 49], [1, 10, 20, 30, 40, 50])
    axes[2].set_xlabel("entry of the vector")
    opinions = [*one["y_tilde"][:, 0, 1], one["M"][0, 1]]
    names = [f"{NAMES[m]} alone" for m in "alv"] + ["decision $\\mathbf{M}$"]
    axes[3].barh(names, opinions, color=[*COLOURS.values(), "black"])
    axes[3].axvline(0.5, color="0.5", ls=":")
    axes[3].invert_yaxis()
    axes[3].set(xlim=(0, 1), xlabel=f"probability of {classes[1]!r} (the label: {label!r})")

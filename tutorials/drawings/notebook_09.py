"""Drawings of notebook 09: pairs of vertices, weights of layer 3, Omega, the cube of parity."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures
from argf_np.paper.vertices import TRIMODAL, UNIMODAL


def pairs_of_vertices(below, candidates, complete):
    """Which pairs of the six vertices below make a vertex of layer 2 or 3, or nothing new."""
    _, ax = plt.subplots(figsize=(6, 4.4), layout="constrained")
    for one, two in candidates:
        row, column = below.index(two), below.index(one)
        is_trimodal = (one, two) in complete
        text = f"twice {one}"
        if is_trimodal:
            text = "layer 3"
        elif len(one + two) == 2:
            text = "layer 2"
        colour = "0.35" if is_trimodal else "0.78"
        ax.add_patch(plt.Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, color=colour))
        ax.text(column, row, text, ha="center", va="center", fontsize=9,
                color="white" if is_trimodal else "0.15", weight="bold" if is_trimodal else None)
    ax.set_xticks(range(5), below[:5])
    ax.set_yticks(range(1, 6), below[1:])
    ax.set(xlim=(-0.5, 4.5), ylim=(5.5, 0.5), title="Two of six vertices: what they make")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def knob(alpha_l, weights):
    """The six weights of layer 3 as alpha_l goes from 0 to 1, ``{variant: (6, steps)}``."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for ax, (variant, lines) in zip(axes, weights.items(), strict=True):
        for row, (name, (one, two)) in enumerate(TRIMODAL.items()):
            special = two if row >= 3 else (set(one) & set(two)).pop()  # added, or enters twice
            ax.plot(alpha_l, lines[row], "-" if row < 3 else "--",
                    marker=figures.SHAPES[UNIMODAL.index(special)], ms=6, markevery=(5 * row, 30),
                    color=figures.MODALITY_COLOURS[special], lw=2, label=figures.vertex_label(name))
        ax.axhline(1 / 6, color="0.6", lw=1, ls=":", zorder=0)
        ax.set(title=f"variant {variant}", xlabel=r"$\alpha_l$ ($\alpha_a=0.6$, $\alpha_v=0.4$)")
    axes[0].set(ylabel="weight of the vertex", ylim=(0, None))
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, handlelength=3.5,
               loc="outside right center")


def omega(Omega, k):
    """Mean and standard deviation of the 3k columns of Omega."""
    mean, deviation = Omega.mean(axis=0), Omega.std(axis=0)
    _, ax = plt.subplots(figsize=(7.4, 3), layout="constrained")
    for part, name in enumerate("UBT"):
        columns = np.arange(part * k, (part + 1) * k)
        ax.vlines(columns, (mean - deviation)[columns], (mean + deviation)[columns],
                  color=("0.6", "0.4", "0.1")[part], lw=2)
        ax.annotate(rf"$\mathbf{{{name}}}$", (columns.mean(), 1), ha="center", va="bottom",
                    xycoords=("data", "axes fraction"))
    ax.set(xlabel=r"column of $\mathbf{\Omega}$", ylabel="mean ± standard deviation")


def cube(corners, parity, wrong):
    """The eight cases as corners of a cube; those that a rule gets wrong have a cross."""
    x = corners[:, 0] + 0.45 * corners[:, 2]
    y = corners[:, 1] + 0.35 * corners[:, 2]
    _, ax = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    for i in range(8):
        for j in range(i):
            if np.sum(corners[i] != corners[j]) == 1:
                ax.plot(x[[i, j]], y[[i, j]], color="0.5", lw=1, zorder=0)
        positive = parity[i] == 1
        ax.scatter(x[i], y[i], s=750, marker="^" if positive else "o",
                   color=figures.CLASS_COLOURS[int(positive)])
        ax.text(x[i], y[i], "+" if positive else "−", ha="center", va="center", color="white",
                weight="bold", fontsize=13)
        signs = ["+" if sign > 0 else "−" for sign in corners[i]]
        side = corners[i, 2]  # left of the front face, right of the back face
        ax.text(x[i] + 0.18 * side, y[i] + 0.2, "".join(signs), fontsize=11,
                ha="left" if side > 0 else "right")
    ax.scatter(x[wrong], y[wrong], s=1500, marker="x", color="black", lw=2)
    ax.set(xlim=(-2.1, 2.1), ylim=(-1.65, 1.75), aspect="equal",
           title="Parity: signs of a, l, v beside each corner, label inside")
    ax.axis("off")


def who_gets_it(scores, below):
    """Balanced accuracies on parity, with the bounds as dotted lines."""
    _, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for position, (name, score) in enumerate(scores.items()):
        colour = figures.vertex_colour(name) if name in below else "0.35"
        ax.bar(position, score, color=colour, edgecolor="black")
        ax.text(position, score + 0.015, f"{score:.0%}", ha="center")
    for share, text in ((1 / 2, "chance"), (6 / 8, "6 of 8"), (7 / 8, "7 of 8")):
        ax.axhline(share, color="0.5", lw=1, ls=":", zorder=0)
        ax.annotate(text, (1.01, share), xycoords=("axes fraction", "data"), va="center")
    labels = [rf"$\mathbf{{{name}}}$" if name in "UBT" else name for name in scores]
    ax.set_xticks(range(len(scores)), labels)
    ax.set(ylabel="balanced accuracy, test", ylim=(0, 1.1))


def planes(decisions, V, labels, classes):
    """Decisions ``{(layer, sign of v): (steps, steps)}`` on a square of (V_a, V_l), and points."""
    fig, axes = plt.subplots(2, 3, figsize=(8.4, 6), sharex=True, sharey=True, layout="constrained")
    for (layer, sign), values in decisions.items():
        ax = axes[0 if sign < 0 else 1, "UBT".index(layer)]
        line = np.linspace(-1, 1, len(values))
        image = ax.contourf(line, line, values, levels=np.linspace(0, 1, 21), cmap="Greys_r")
        here = np.flatnonzero(np.sign(V[2, :, 0]) == sign)[:150]
        for label, name in enumerate(classes):
            ax.scatter(*V[:2, here[labels[here] == label], 0], s=16, edgecolor="white",
                       marker=figures.SHAPES[label], color=figures.CLASS_COLOURS[label],
                       linewidth=0.4, label=name)
        ax.set(aspect="equal", title=rf"$\mathbf{{{layer}}}$, $V_v {'<' if sign < 0 else '>'} 0$")
    for ax in axes[1]:
        ax.set_xlabel("$V_a$")
    for ax in axes[:, 0]:
        ax.set_ylabel("$V_l$")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), frameon=False, ncols=2,
               loc="outside lower center")
    fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], label=f"probability: {classes[1]}", shrink=0.8)


def parts_of_omega(choices, worth):
    """Balanced accuracy where only some parts of Omega are kept, ``{corpus: values}``."""
    _, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for side, (name, values) in zip((-0.2, 0.2), worth.items(), strict=True):
        shade, hatch = ("0.35", "") if side < 0 else ("0.8", "//")
        bars = ax.bar(np.arange(len(choices)) + side, values, 0.38, color=shade, hatch=hatch,
                      edgecolor="black", label=name)
        ax.bar_label(bars, fmt="{:.0%}", fontsize=9, padding=2)
    ax.axhline(0.5, color="0.5", lw=1, ls=":")
    ax.set_xticks(range(len(choices)), [", ".join(parts) for parts in choices])
    ax.set(ylabel="balanced accuracy, test", xlabel=r"parts of $\mathbf{\Omega}$ that are kept",
           ylim=(0, 1.25))
    ax.legend(frameon=False, ncols=2, loc="upper right")

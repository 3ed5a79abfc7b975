"""Drawings of notebook 08: vertices as arrows, ranges of Eq. 12 to 14, layer 2 in numbers, XOR."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL

from . import PAPER

COLOURS = figures.MODALITY_COLOURS


def arrows(V, alpha, U):
    """Eq. 10 for k = 2: three vertices (3, 2), their weights (3,) and a third of their sum U."""
    _, ax = plt.subplots(figsize=(5.4, 4.4), layout="constrained")
    for m, vector, weight in zip(UNIMODAL, V, alpha, strict=True):
        thin = {"arrowstyle": "->", "color": COLOURS[m], "lw": 1.2, "ls": ":"}
        ax.annotate("", vector, (0, 0), arrowprops=thin)
        ax.annotate("", weight * vector, (0, 0), arrowprops=thin | {"lw": 3, "ls": "-"})
        above = vector[1] > 0
        ax.annotate(rf"$V_{m}$,  $\alpha_{m} = {weight:.2f}$", vector, (0, 7 if above else -16),
                    textcoords="offset points", ha="center")
    ax.annotate("", U, (0, 0), arrowprops={"arrowstyle": "->", "color": "black", "lw": 3})
    ax.annotate("$U$", U, (6, -4), textcoords="offset points")
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.05, 1.1), aspect="equal", xlabel="first entry",
           ylabel="second entry", title="Eq. 10: three weighted vectors, a third of their sum")


def two_orders(V_al, V_la):
    """Eq. 11 for k = 1 on a square of (V_a, V_l), for both orders of the concatenation."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.5), sharey=True, layout="constrained")
    titles = (r"$MLP(V_a \oplus V_l)$", r"$MLP(V_l \oplus V_a)$")
    line = np.linspace(-1, 1, len(V_al))
    for ax, values, title in zip(axes, (V_al, V_la), titles, strict=True):
        image = ax.contourf(line, line, values, levels=np.linspace(-0.6, 0.6, 25), cmap="PuOr")
        ax.contour(line, line, values, levels=[0], colors="black")
        ax.set(title=title, xlabel="$V_a$", aspect="equal")
    axes[0].set_ylabel("$V_l$")
    fig.colorbar(image, ax=axes, ticks=[-0.6, 0, 0.6], label="bimodal vertex")


def range_of_similarity(bounds, drawn):
    """Eq. 12: what S can be, and S of random pairs, ``{k: array}``."""
    ks = np.geomspace(4, 150, 100)
    _, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
    ax.fill_between(ks, *bounds(ks), color="0.72", label="all that $S$ can be")
    ax.plot(ks, 1 / ks, color="0.4", lw=1, label="$1/k$")
    for k, S in drawn.items():
        ax.plot(np.full(len(S), k), S, "_", color=COLOURS["l"], ms=9, alpha=0.3)
    ax.plot([], [], "_", color=COLOURS["l"], ms=9, label="random vectors")
    ax.axhline(0.5, color=COLOURS["v"], ls="--", label="the 0.5 of Eq. 13")
    ax.axvline(50, color="0.4", lw=1, ls=":")
    ax.set(xscale="log", xlabel="width $k$ of the vectors", ylabel="$S$", ylim=(0, 0.62),
           title="Eq. 12: the wider the vectors, the less S can vary")
    ax.set_xticks(list(drawn), list(drawn))
    ax.minorticks_off()
    ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.8))


def score(low, high):
    """Eq. 13 for four sums of weights, and the range of S for k = 50."""
    _, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    S = np.linspace(0, 1, 200)
    ax.axvspan(low, high, color="0.68")
    ax.annotate("all that $S$ can be for $k = 50$", (high, 3.7), (60, 0), va="center",
                textcoords="offset points", arrowprops={"arrowstyle": "->", "color": "0.4"})
    for total in (0.5, 1, 1.5, 2):
        ax.plot(S, graph.vertex_scores(total / 2, total / 2, S), color=COLOURS["l"])
        ax.annotate(rf"$\alpha_{{m_1}} + \alpha_{{m_2}} = {total:g}$", (1, total / 1.5), (4, -3),
                    textcoords="offset points")
    ax.set(xlim=(0, 1), ylim=(0, 4.1), xlabel="$S_{m_1 m_2}$", ylabel=r"$\hat\alpha_{m_1 m_2}$",
           title="Eq. 13: the score of a pair")


def triangle(weights, alphas):
    """Eq. 14: weights (3, n) of the pairs as points, marked by the smallest alpha of (3, n)."""
    corners = np.array([[0.5, 0.866], [0, 0], [1, 0]])  # al, vl, av
    points = weights.T @ corners
    smallest = alphas.argmin(axis=0)
    _, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    ax.add_patch(plt.Polygon(corners, fill=False, edgecolor="0.5"))
    for row, m in enumerate(UNIMODAL):
        ax.scatter(*points[smallest == row].T, color=COLOURS[m], s=9, marker=figures.SHAPES[row],
                   label=rf"$\alpha_{m}$ is the smallest")
    places = ((0, 6), (-12, -16), (12, -16))
    for name, corner, place in zip(BIMODAL, corners, places, strict=True):
        ax.annotate(rf"$\alpha_{{{name}}} = 1$", corner, place, textcoords="offset points",
                    ha="center")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.62, 1), markerscale=2)
    ax.set(xlim=(-0.2, 1.3), ylim=(-0.12, 0.98), aspect="equal",
           title="Eq. 14: weights of the pairs for random $\\alpha_m$, with $S = 1/k$, $k = 50$")
    ax.axis("off")


def layer_2_in_numbers(V, alpha, S, layer, i=0):
    """Eq. 10 to 15 for utterance i: vertices with their numbers, edges as wide as their weight."""
    left = {"a": 0.75, "l": 0.45, "v": 0.15}
    right = {"al": 0.8, "av": 0.45, "vl": 0.1}
    _, ax = plt.subplots(figsize=(9.6, 5), layout="constrained")
    box = {"boxstyle": "round", "facecolor": PAPER, "linewidth": 1.5}
    for row, (name, pair) in enumerate(BIMODAL.items()):
        for m in pair:
            edge = graph.edge_weight(alpha[UNIMODAL.index(m), i, 0], S[row, i, 0])
            ax.plot((0.12, 0.55), (left[m], right[name]), color=COLOURS[m], lw=4 * edge, alpha=0.6)
            x = 0.27 if m == "l" else 0.37  # beside each other where edges cross
            y = left[m] + (right[name] - left[m]) * (x - 0.12) / (0.55 - 0.12)
            ax.text(x, y, f"{edge:.2f}", ha="center", va="center",
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})
        colour = figures.vertex_colour(name)
        weight = layer["alpha"][row, i, 0]
        ax.plot((0.55, 0.95), (right[name], 0.45), color=colour, lw=12 * weight, alpha=0.6)
        text = (rf"$V_{{{name}}}$ = {_vector(layer['V'][row, i])}" "\n"
                rf"$S$ = {S[row, i, 0]:.2f},  $\hat\alpha$ = {layer['alpha_hat'][row, i, 0]:.2f},  "
                rf"$\alpha$ = {weight:.2f}")
        ax.text(0.55, right[name], text, ha="center", va="center", bbox=box | {"edgecolor": colour})
    for row, (m, y) in enumerate(left.items()):
        text = rf"$V_{m}$ = {_vector(V[row, i])}" "\n" rf"$\alpha_{m}$ = {alpha[row, i, 0]:.2f}"
        ax.text(0.1, y, text, ha="center", va="center", bbox=box | {"edgecolor": COLOURS[m]})
    ax.text(0.95, 0.45, r"$\mathbf{B}$ =" "\n" + _vector(layer["sum"][i]), ha="center", va="center",
            bbox=box | {"edgecolor": "black"})
    for x, title in ((0.1, "layer 1\nEq. 10"), (0.55, "layer 2\nEq. 11 to 14"), (0.95, "Eq. 15")):
        ax.text(x, 1, title, ha="center", va="center", weight="bold")
    ax.set(xlim=(-0.1, 1.1), ylim=(0, 1.06))
    ax.axis("off")


def _vector(values):
    return "(" + ", ".join(f"{value:.2f}" for value in values) + ")"


def xor(decisions, V, labels, scores):
    """Decisions ``{name: (steps, steps)}`` on a square of (V_a, V_l), and some points (3, n, 2)."""
    fig, axes = plt.subplots(1, len(decisions), figsize=(8, 4), sharey=True, layout="constrained")
    for ax, (name, values) in zip(axes, decisions.items(), strict=True):
        line = np.linspace(-1, 1, len(values))
        image = ax.contourf(line, line, values, levels=np.linspace(0, 1, 21), cmap="Greys_r")
        ax.contour(line, line, values, levels=[0.5], colors="black", linewidths=1)
        for c, label in enumerate(("signs differ", "signs agree")):
            ax.scatter(*V[:2, labels == c, 0], marker=figures.SHAPES[c], s=18, edgecolor="white",
                       linewidth=0.4, color=figures.CLASS_COLOURS[c], label=label)
        ax.set(title=rf"linear classifier on $\mathbf{{{name}}}$: {scores[name]:.0%} right",
               aspect="equal", xlabel="$V_a$, first entry")
    axes[0].set_ylabel("$V_l$, first entry")
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, ncols=2,
               loc="outside lower center")
    fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], label="probability: signs agree", shrink=0.8)


def layer_3(weights):
    """Mean weights of the six trimodal vertices ``{variant: (6,)}`` as bars."""
    _, ax = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
    for side, (variant, heights) in zip((-0.2, 0.2), weights.items(), strict=True):
        shade, hatch = ("0.9", "") if variant == "paper" else ("0.55", "//")
        bars = ax.bar(np.arange(6) + side, heights, 0.38, color=shade, edgecolor="black",
                      hatch=hatch, label=f"variant {variant}")
        ax.bar_label(bars, fmt="%.2f", fontsize=9, padding=2)
    ax.axhline(1 / 6, color="0.3", ls=":", label="equal weights")
    ax.set_xticks(range(6), [figures.vertex_label(name) for name in TRIMODAL])
    ax.set(ylabel="mean weight", title="Layer 3 of untrained networks, on noise")
    ax.legend(frameon=False)

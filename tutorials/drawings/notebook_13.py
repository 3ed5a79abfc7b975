"""Drawings of notebook 13: the models as diagrams, products, windows, who reads whom."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch

from argf_np import figures

from . import PAPER
from .notebook_04 import lstm_cell
from .notebook_10 import table  # noqa: F401, drawn here for Table 6

COLOURS = figures.MODALITY_COLOURS
HEIGHTS = {"a": 0.82, "l": 0.5, "v": 0.18}


def box(ax, x, y, text, colour="white", width=0.2, height=0.16):
    """A box with a text in it."""
    dark = np.mean(to_rgb(colour)) < 0.55
    ax.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, lw=0.8,
                                boxstyle="round,pad=0.01", facecolor=colour, edgecolor="0.4"))
    ax.text(x, y, text, ha="center", va="center", fontsize=9.5, color="white" if dark else "black")


def arrow(ax, start, end, text=""):
    """An arrow, with a text on its middle."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "0.4"})
    if text:
        ax.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, text, ha="center", va="center",
                fontsize=9, bbox={"boxstyle": "square,pad=0.1", "facecolor": PAPER, "lw": 0})


def diagram(ax, title, steps, edges=("", "", ""), embedded=False):
    """Three modalities, then one box per text of ``steps``, from left to right."""
    width = 0.73 / len(steps)
    for (m, y), edge in zip(HEIGHTS.items(), edges, strict=True):
        box(ax, 0.08, y, f"$x_{m}^e$" if embedded else f"$x_{m}$", COLOURS[m], 0.11)
        arrow(ax, (0.15, y), (0.26, 0.5 + (y - 0.5) * 0.6), edge)
    for number, text in enumerate(steps):
        x = 0.26 + width * (number + 0.5)
        box(ax, x, 0.5, text, "white", width - 0.055, 0.62)
        arrow(ax, (x + width / 2 - 0.025, 0.5), (x + width / 2 + 0.04, 0.5))
    ax.set(xlim=(0, 1.03), ylim=(0.03, 0.97))
    ax.set_title(title, fontsize="medium")
    ax.axis("off")


def models():
    """The models of Tables 1 to 3."""
    _, axes = plt.subplots(3, 2, figsize=(9.6, 6.6), layout="constrained")
    diagram(axes[0, 0], "BC-LSTM", ["side\nby side", "LSTM over\nutterances", "dense"])
    diagram(axes[0, 1], "TFN", ["all products,\n$(d+1)^3$", "dense,\n3 layers"])
    diagram(axes[1, 0], "LMF", ["$\\odot$ of factors,\n4 times, summed", "dense"])
    diagram(axes[1, 1], "HFFN", ["products\nin windows", "LSTM over\nwindows", "dense"])
    diagram(axes[2, 0], "CHFusion", ["al\nvl\nav", "GRU", "all\n3", "GRU"])
    diagram(axes[2, 1], "ARGF", ["encoders:\none space", "graph of\n12 vertices", "Dec"])


def fusions():
    """The six other ways to fuse of Table 6; the first row is Figure 4."""
    _, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
    nothing = ("", "", "")
    weights = [rf"$\alpha_{m}$" for m in "alv"]
    factors = [f"$W_{m}$" for m in "alv"]
    for ax, title, step, edges in (
            (axes[0, 0], "Concatenation + FC", "$3k$, side\nby side", nothing),
            (axes[0, 1], "Multiplication + FC", "entry by\nentry, $\\odot$", nothing),
            (axes[0, 2], "Weighted Average", r"$\frac{1}{3}\sum$", weights),
            (axes[1, 0], "Tensor Fusion", "all products,\n$(k+1)^3$", nothing),
            (axes[1, 1], "Low-rank Fusion", "$\\odot$, 4 times,\nsummed", factors)):
        diagram(ax, title, [step, "FC"], edges, embedded=True)
    dynamic_graph(axes[1, 2])


def dynamic_graph(ax):
    """The 19 edges of the Dynamic Fusion Graph: 12 between vertices, 7 dashed to the output."""
    place = {"a": (0.07, 0.91), "l": (0.07, 0.4), "v": (0.07, 0.18), "al": (0.42, 0.83),
             "av": (0.36, 0.53), "lv": (0.47, 0.1), "alv": (0.62, 0.47)}
    for name, (x, y) in place.items():
        for other, (x_2, y_2) in place.items():
            if set(name) < set(other):
                ax.plot([x, x_2], [y, y_2], color="0.5", lw=1, zorder=0)
        ax.plot([x, 0.88], [y, y], color="0.45", lw=0.9, ls="--", zorder=-1)
        box(ax, x, y, name, figures.vertex_colour(name), 0.09, 0.075)
    box(ax, 0.94, 0.5, "FC", "white", 0.1, 0.9)
    ax.set(xlim=(0, 1.03), ylim=(0, 1))
    ax.set_title("Dynamic Fusion Graph: 12 + 7 edges", fontsize="medium")
    ax.axis("off")


def low_rank():
    """The weights of one output: a cube, and the four triples of factors that LMF makes it of."""
    _, ax = plt.subplots(figsize=(9.6, 2.4), layout="constrained")
    lean = np.array([0.55, 0.4])  # from the front of a cube to its back
    front = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    bottom_right, top_right, top_left = front[1:]
    top = np.array([top_left, top_right, top_right + lean, top_left + lean])
    side = np.array([bottom_right, top_right, top_right + lean, bottom_right + lean])
    for face, colour in ((front, "0.75"), (top, "0.85"), (side, "0.65")):
        ax.add_patch(plt.Polygon(face, facecolor=colour, edgecolor="0.3"))
    ax.text(0.5, 0.5, "weights of\nall products", ha="center", va="center", fontsize=9)
    for r in range(4):
        x = 2.15 + 2.05 * r
        ax.text(x, 0.5, ("=" if r == 0 else "+") + f"  $w_{r + 1}$", ha="center", va="center",
                fontsize=12)
        left = x + 0.42
        back = np.array([left + 0.22, 0.25])
        strips = (((left, 0.25), (left, 1.15), "a"), ((left + 0.22, 0), (left + 1.12, 0), "l"),
                  (back, back + 1.3 * lean, "v"))
        for start, end, m in strips:
            ax.plot(*np.transpose([start, end]), color=COLOURS[m], lw=9, solid_capstyle="butt")
        ax.text(left - 0.08, 0.75, f"$A^{{({r + 1})}}$", ha="right", va="bottom", fontsize=10)
        ax.text(left + 0.67, -0.16, f"$L^{{({r + 1})}}$", ha="center", va="top", fontsize=10)
        ax.text(left + 0.97, 0.8, f"$V^{{({r + 1})}}$", ha="center", va="bottom", fontsize=10)
    ax.set(xlim=(-0.1, 10), ylim=(-0.55, 1.5), aspect="equal")
    ax.axis("off")


def lstm_and_gru():
    """One step of an LSTM (as in notebook 04) and one of a GRU, each in a figure of its own."""
    lstm_cell().set_title("LSTM: a cell above, an output below", loc="left")
    _, ax = plt.subplots(figsize=(8.6, 4.4), layout="constrained")
    ax.add_patch(plt.Rectangle((1.2, 0.2), 7.6, 4.4, facecolor="white", alpha=0.4,
                               edgecolor="0.5"))
    line(ax, (0, 4), (10, 4), colour=COLOURS["l"], lw=2.5)  # h
    line(ax, (1.6, 4), (1.6, 1), (2, 1), arrow=False)  # h to the gates
    line(ax, (0.6, -0.3), (0.6, 0.6), (7.6, 0.6), arrow=False)  # x to the gates
    line(ax, (2, 1), (4.3, 1), arrow=False)
    for name, x, meaning in (("r", 2.3, "reset"), ("z", 4.3, "keep")):
        line(ax, (x, 1), (x, 1.45))
        line(ax, (x - 0.15, 0.6), (x - 0.15, 1.45))
        circle(ax, (x - 0.07, 1.75), "$hs$", "white")
        ax.text(x + 0.32, 1.75, meaning, fontsize=9, va="center")
        ax.text(x + 0.1, 2.3, f"$\\mathbf{{{name}}}$", fontsize=13, va="center")
    line(ax, (2.9, 4), (2.9, 3.05))  # h times r
    line(ax, (2.23, 2.05), (2.23, 2.8), (2.62, 2.8))
    circle(ax, (2.9, 2.8), "×", "#FFE9B0")
    line(ax, (3.18, 2.8), (3.6, 2.8), (3.6, 0.8), (7.3, 0.8), (7.3, 1.45))
    line(ax, (7.6, 0.6), (7.6, 1.45))
    circle(ax, (7.45, 1.75), "tanh", "white")
    ax.text(7.85, 1.75, "new", fontsize=9, va="center")
    ax.text(7.62, 2.3, "$\\mathbf{g}$", fontsize=13, va="center")
    line(ax, (4.23, 2.05), (4.23, 2.8), (5, 2.8), (5, 3.7))
    circle(ax, (5, 4), "×", "#FFE9B0")
    line(ax, (5, 2.8), (5.72, 2.8))
    circle(ax, (6, 2.8), "1 −", "white")
    line(ax, (6.28, 2.8), (7.17, 2.8))
    line(ax, (7.45, 2.05), (7.45, 2.5))
    circle(ax, (7.45, 2.8), "×", "#FFE9B0")
    line(ax, (7.45, 3.08), (7.45, 3.7))
    circle(ax, (7.45, 4), "+", "#FFE9B0")
    ax.text(-0.1, 4, "$\\mathbf{h}_{t-1}$", fontsize=13, va="center", ha="right")
    ax.text(10.1, 4, "$\\mathbf{h}_t$", fontsize=13, va="center")
    ax.text(0.6, -0.55, "$\\mathbf{x}_t$", fontsize=13, va="center", ha="center")
    ax.set(xlim=(-0.9, 10.7), ylim=(-0.8, 4.8))
    ax.set_title("GRU: the output is the memory", loc="left")
    ax.axis("off")


def line(ax, *points, colour="0.35", lw=1.5, arrow=True):
    """A line through points, with an arrowhead at its end."""
    ax.plot(*np.transpose(points), color=colour, lw=lw, zorder=1)
    if arrow:
        ax.annotate("", points[-1], points[-2], zorder=1,
                    arrowprops={"arrowstyle": "-|>", "color": colour, "lw": lw, "shrinkA": 0,
                                "shrinkB": 0})


def circle(ax, place, text, colour):
    """An operation of a cell."""
    ax.add_patch(plt.Circle(place, 0.28, facecolor=colour, edgecolor="0.3", zorder=2))
    ax.text(*place, text, ha="center", va="center", fontsize=9, zorder=3)


def products(x_a, x_l):
    """The outer product of two vectors that end in a 1, with its parts named."""
    Z = np.outer(x_a, x_l)
    _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    limit = np.abs(Z).max()
    ax.imshow(Z, cmap="PuOr", vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(Z):
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=9,
                color="white" if abs(value) > 0.6 * limit else "black")
    last_a, last_l = len(x_a) - 1, len(x_l) - 1
    ax.axhline(last_a - 0.5, color="black", lw=2)
    ax.axvline(last_l - 0.5, color="black", lw=2)
    ax.set_xticks(range(len(x_l)), [f"$l_{i + 1}$" for i in range(last_l)] + ["1"])
    ax.set_yticks(range(len(x_a)), [f"$a_{i + 1}$" for i in range(last_a)] + ["1"])
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.set_xlabel("below the line: $x_l$ alone; right of the line: $x_a$ alone; else products")


def slices(tables):
    """Tables of weights of rank 1 and 4, ``{title: (9, 9)}``."""
    _, axes = plt.subplots(1, len(tables), figsize=(9, 3.6), layout="constrained")
    for ax, (title, weights) in zip(axes, tables.items(), strict=True):
        limit = np.abs(weights).max()
        ax.imshow(weights, cmap="PuOr", vmin=-limit, vmax=limit)
        ax.set(title=title, xlabel="entry of $[x_l; 1]$", ylabel="entry of $[x_a; 1]$")
        ax.set(xticks=[], yticks=[])


def windows(x, size):
    """Three vectors (3, d) cut into windows of a size; each column of windows is one step."""
    _, ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
    d = x.shape[1]
    for row, m in enumerate("alv"):
        for entry in range(d):
            shade = np.abs(x[row, entry]) / np.abs(x).max()
            colour = (1 - shade) + shade * np.array(to_rgb(COLOURS[m]))
            ax.add_patch(plt.Rectangle((entry + 0.06, 2 - row), 0.88, 0.8, color=colour))
        ax.text(-0.3, 2.4 - row, f"$x_{m}$", ha="right", va="center")
    for start in range(0, d, size):
        ax.add_patch(plt.Rectangle((start + 0.01, -0.12), size - 0.06, 3.06, fill=False, lw=1.5))
        ax.text(start + size / 2, -0.2, f"$Z_{{{start // size + 1}}}$\n27 products", ha="center",
                va="top", fontsize=9.5)
    for y, ends in ((-1.05, (0.4, d - 0.4)), (-1.25, (d - 0.4, 0.4))):
        ax.annotate("", (ends[1], y), (ends[0], y), arrowprops={"arrowstyle": "->", "color": "0.3"})
    ax.text(d / 2, -1.4, "an LSTM reads the windows in both directions", ha="center", va="top")
    ax.set(xlim=(-1, d), ylim=(-1.85, 3))
    ax.axis("off")


def readers(influence):
    """Who reads whom: ``{model: (u, u)}``, row i what a change of utterance i changes."""
    _, axes = plt.subplots(1, len(influence), figsize=(9.6, 3), layout="constrained",
                             sharey=True)
    for ax, (name, share) in zip(axes, influence.items(), strict=True):
        ax.imshow((share / share.max()) ** 0.25, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(share):
            if value == 0:
                ax.text(column, row, "·", ha="center", va="center", color="0.3", fontsize=12)
        u = len(share)
        ax.set_xticks(range(u), range(1, u + 1))
        ax.set_yticks(range(u), range(1, u + 1))
        ax.set_title(name)
        ax.set_xlabel("decision on utterance")
        ax.tick_params(length=0)
    axes[0].set_ylabel("changed utterance")


def sizes(parameters):
    """Numbers of parameters, ``{model: number}``, on a logarithmic scale."""
    _, ax = plt.subplots(figsize=(8, 0.6 + 0.4 * len(parameters)), layout="constrained")
    bars = ax.barh(list(parameters), list(parameters.values()), color=COLOURS["l"])
    ax.bar_label(bars, [f"{number:,}" for number in parameters.values()], padding=4)
    ax.set(xscale="log", xlim=(1e3, 1e8), xlabel="parameters at d = k = 50, two classes")
    ax.invert_yaxis()

"""Drawings of notebook 04: the cell of an LSTM, the unrolled BiLSTM, reactions, errors, scores."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

from . import PAPER

COLOURS = figures.MODALITY_COLOURS
GREY, INK = "0.35", "0.2"


def lstm_cell():
    """One step of an LSTM: memory above, output below, four gates in between."""
    _, ax = plt.subplots(figsize=(8.6, 4.4), layout="constrained")
    ax.add_patch(plt.Rectangle((1.2, 0.2), 7.6, 4.4, facecolor="#F2F0EA", edgecolor="0.7"))
    _arrow(ax, (0, 4), (10, 4), COLOURS["l"], 2.5)  # the cell
    _arrow(ax, (0, 0.7), (7.1, 0.7))  # h and x run below the gates
    ax.plot([0.6, 0.6], [-0.3, 0.7], color=GREY, lw=1.5)
    gates = (("f", 2.2, "$\\sigma$", "forget", -0.3), ("i", 3.9, "$\\sigma$", "in", -0.3),
             ("g", 5.3, "tanh", "new", 0.2), ("o", 7.1, "$\\sigma$", "out", -0.3))
    for name, x, function, meaning, shift in gates:
        _arrow(ax, (x, 0.7), (x, 1.25))
        _node(ax, (x, 1.5), function, "white")
        ax.text(x + 0.5, 1.5, meaning, fontsize=9, va="center", color=INK)
        ax.text(x + shift, 2.1, f"$\\mathbf{{{name}}}$", fontsize=13, va="center")
    _arrow(ax, (2.2, 1.75), (2.2, 3.75))
    _node(ax, (2.2, 4), "×", "#FFE9B0")
    _arrow(ax, (3.9, 1.75), (4.5, 2.6))
    _arrow(ax, (5.3, 1.75), (4.7, 2.6))
    _node(ax, (4.6, 2.8), "×", "#FFE9B0")
    _arrow(ax, (4.6, 3.05), (4.6, 3.75))
    _node(ax, (4.6, 4), "+", "#FFE9B0")
    _arrow(ax, (8.2, 4), (8.2, 3.25))
    _node(ax, (8.2, 3), "tanh", "white")
    _arrow(ax, (8.2, 2.75), (8.2, 2.25))
    _arrow(ax, (7.1, 1.75), (7.95, 2))
    _node(ax, (8.2, 2), "×", "#FFE9B0")
    ax.plot([8.2, 8.2], [1.75, 0.7], color=GREY, lw=1.5)
    _arrow(ax, (8.2, 0.7), (10, 0.7))
    for x, y, name in ((-0.1, 4, "c_{t-1}"), (-0.1, 0.7, "h_{t-1}"), (0.6, -0.55, "x_t")):
        ax.text(x, y, f"$\\mathbf{{{name[0]}}}{name[1:]}$", fontsize=13, va="center",
                ha="center" if name == "x_t" else "right")
    ax.text(10.1, 4, "$\\mathbf{c}_t$", fontsize=13, va="center")
    ax.text(10.1, 0.7, "$\\mathbf{h}_t$", fontsize=13, va="center")
    ax.set(xlim=(-0.9, 10.7), ylim=(-0.8, 4.8))
    ax.axis("off")
    return ax


def unrolled_bilstm():
    """Two LSTMs read four utterances, one from the left, one from the right."""
    _, ax = plt.subplots(figsize=(8.6, 3.9), layout="constrained")
    blue, red = COLOURS["l"], COLOURS["v"]
    for t in range(4):
        x = 2.7 * t
        _reader(ax, (x - 0.4, 1.2), "forwards", blue, "-")
        _reader(ax, (x + 0.4, 2.6), "backwards", red, "--")
        _arrow(ax, (x, 0.25), (x - 0.2, 0.9))
        _arrow(ax, (x + 0.15, 0.25), (x + 0.65, 2.3))  # past the other box
        _arrow(ax, (x - 0.65, 1.5), (x - 0.3, 3.5), blue)
        _arrow(ax, (x + 0.4, 2.9), (x + 0.25, 3.5), red)
        ax.text(x, 0, f"$\\mathbf{{x}}_{t + 1}$", ha="center", va="center", fontsize=13)
        ax.text(x, 3.75, f"output {t + 1}: $2H$", ha="center", va="center", fontsize=10)
        if t < 3:
            _arrow(ax, (x + 0.2, 1.2), (x + 1.7, 1.2), blue, 2.5)
            _arrow(ax, (x + 2.5, 2.6), (x + 1, 2.6), red, 2.5)
    ax.set(xlim=(-1.2, 9.3), ylim=(-0.3, 4))
    ax.axis("off")


def _reader(ax, place, name, colour, style):
    corner = np.subtract(place, (0.6, 0.3))
    ax.add_patch(plt.Rectangle(corner, 1.2, 0.6, facecolor=PAPER, edgecolor=colour, lw=2,
                               ls=style, zorder=2))
    ax.text(*place, name, ha="center", va="center", fontsize=9, zorder=3)


def impulses(cells, gates):
    """What is left of an impulse: ``{b_f: (20,)}``, with the forget gate of each bias."""
    _, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    for (b_f, values), style in zip(cells.items(), (":", "-.", "--", "-"), strict=True):
        ax.plot(range(1, 21), values, style, color=COLOURS["l"], lw=2,
                label=f"$b_f = {b_f}$:  $f = {gates[b_f]:.2f}$")
    ax.set(xlabel="utterance $t$", ylabel="cell $c_t$", xticks=range(1, 21, 2),
           title="what is left of an impulse")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def reactions(strengths):
    """``{name: (u, u)}``: how strongly output t reacts to utterance s; no colour is 0."""
    fig, axes = plt.subplots(1, len(strengths), figsize=(9.4, 3.3), layout="constrained",
                             sharey=True)
    for ax, (name, strength) in zip(axes, strengths.items(), strict=True):
        shown = np.log10(np.where(strength > 0, strength, np.nan))
        image = ax.pcolormesh(shown, cmap="Blues", vmin=-8, vmax=0, edgecolor="white",
                              linewidth=0.5)
        ax.set(title=name, xlabel="utterance $s$", aspect="equal")
        ax.set_xticks([0.5, 5.5, 11.5], [1, 6, 12])
        ax.set_yticks([0.5, 5.5, 11.5], [1, 6, 12])
    axes[0].set_ylabel("output $t$")
    axes[0].invert_yaxis()
    fig.colorbar(image, ax=axes, label="$\\log_{10}$ of the reaction")


def reach(curves):
    """Length of the gradient against the distance from the loss: ``{name: (steps,)}``."""
    _, ax = plt.subplots(figsize=(8.4, 3.7), layout="constrained")
    styles = ("-", "--", ":", "-.", "-")
    for (name, lengths), style in zip(curves.items(), styles, strict=True):
        colour = COLOURS["v"] if "plain" in name else COLOURS["l"]
        ax.plot(np.arange(len(lengths)), lengths[::-1], style, lw=2, label=name, color=colour)
    ax.set(yscale="log", xlabel="utterances back from the loss",
           ylabel="length of the gradient", title="how far back a loss reaches")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def padding_errors(halves, mask):
    """Largest error per utterance, on a logarithmic scale; hatched is padding."""
    fig, axes = plt.subplots(1, 2, figsize=(9.4, 3), layout="constrained", sharey=True)
    V, u = mask.shape
    for ax, (name, errors) in zip(axes, halves.items(), strict=True):
        largest = np.where(mask, errors.max(axis=2), np.nan)  # (V, u)
        shown = np.log10(np.where(largest > 1e-13, largest, np.nan))
        image = ax.pcolormesh(shown, cmap="Reds", vmin=-5, vmax=0, edgecolor="white", linewidth=1)
        for v in range(V):
            for t in range(u):
                if not mask[v, t]:
                    ax.add_patch(plt.Rectangle((t, v), 1, 1, facecolor="0.8", edgecolor="white",
                                               hatch="///"))
                elif np.isnan(shown[v, t]):
                    ax.text(t + 0.5, v + 0.5, "0", ha="center", va="center", color="0.4")
        ax.set(title=f"{name} half: error without a mask", xlabel="utterance")
        ax.set_xticks(np.arange(u) + 0.5, range(1, u + 1))
        ax.set_yticks(np.arange(V) + 0.5, [f"video {v + 1}" for v in range(V)])
    axes[0].invert_yaxis()
    fig.colorbar(image, ax=axes, label="$\\log_{10}$ of the largest error")


def scores(accuracies, chance):
    """Bars of test accuracies ``{name: accuracy}``, and a line at the most frequent class."""
    _, ax = plt.subplots(figsize=(8.4, 3.4), layout="constrained")
    bars = ax.barh(list(accuracies), list(accuracies.values()), color=COLOURS["l"])
    ax.bar_label(bars, [f"{score:.0%}" for score in accuracies.values()], padding=8,
                 bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})
    ax.axvline(chance, color="0.3", ls=":")
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.1), xlabel=f"test accuracy (dotted: always the same class, {chance:.0%})")


def effects(by_distance):
    """Change of the decision by the distance of the silenced utterance, one panel per UCLN."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.1), layout="constrained", sharex=True)
    for ax, (name, change) in zip(axes, by_distance.items(), strict=True):
        ax.bar(list(change), list(change.values()), color=COLOURS["l"])
        ax.set(title=f"UCLN trained on: {name}", xticks=range(-5, 6),
               xlabel="distance of the silenced utterance")
    axes[0].set_ylabel("change of the decision")


def _node(ax, place, text, colour):
    ax.text(*place, text, ha="center", va="center", fontsize=10, zorder=3,
            bbox={"boxstyle": "circle" if len(text) < 2 else "round", "facecolor": colour,
                  "edgecolor": GREY})


def _arrow(ax, start, end, colour=GREY, width=1.5):
    ax.annotate("", end, start, zorder=2,
                arrowprops={"arrowstyle": "->", "color": colour, "lw": width})

"""Drawings of notebook 12: times and counts as bars, tapes as squares, blocks, limits."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

from . import PAPER

COLOURS = figures.MODALITY_COLOURS
HERE = "on the machine that ran this"
KINDS = {  # parts of the operations' names, and a colour
    "matrix products": (("matmul", "dot"), "black"),
    "whole layers": (("layer",), COLOURS["l"]),
    "sums, differences, products, quotients":
        (("add", "subtract", "multiply", "divide", "negative"), "#FFF3C4"),
    "sums along an axis": (("sum",), COLOURS["v"]),
    "all others": (("",), "0.62"),
}


def kind_of(operation):
    """The first kind that has a part of this operation's name."""
    for kind, (parts, _) in KINDS.items():
        for part in parts:
            if part in operation:
                return kind


def bars(values, label):
    """A bar per entry of ``{name: value}``, with its number."""
    _, ax = plt.subplots(figsize=(9, 0.5 + 0.5 * len(values)), layout="constrained")
    drawn = ax.barh(list(values), list(values.values()), color=COLOURS["l"])
    ax.bar_label(drawn, fmt="%.1f", padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_xlabel(label)


def waterfall(measured, label):
    """A bar per program ``{name: time}``; hatched is what it saves over the one above it.

    The numbers are multiples of the last time.
    """
    names, values = list(measured), np.array(list(measured.values()))
    values = values / values[-1]
    _, ax = plt.subplots(figsize=(9, 0.9 + 0.55 * len(values)), layout="constrained")
    for row, value in enumerate(values):
        ax.barh(row, value, 0.62, color=COLOURS["l"], label=None if row else "time of one step")
        ax.text(value / 2, row, f"{value:.2f}", ha="center", va="center", color="white")
        if row == 0:
            continue
        before = values[row - 1]
        ax.plot([before, before], [row - 1.31, row + 0.31], color="0.4", lw=1)
        saved = before - value
        ax.barh(row, saved, 0.62, left=value, facecolor="white", edgecolor="0.45", hatch="////",
                label="saved" if row == 1 else None)
        ax.text(max(before, value) + 0.03, row, f"{-saved:+.2f}".replace("-", "−"), va="center")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_xlabel(label)
    ax.legend(frameon=False, loc="lower right")


def steps(measured):
    """A training step with readable and with fast operations, as shares of the readable one.

    measured: times {"forwards", "readable", "fast", "Adam"}.
    """
    whole = measured["readable"] + measured["Adam"]
    _, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
    for row, name in enumerate(("readable", "fast")):
        gradients = measured[name] / whole
        ax.barh(row, gradients, color=COLOURS["l"], label=None if row else "losses and gradients")
        drawn = ax.barh(row, measured["Adam"] / whole, left=gradients, color=COLOURS["a"],
                        label=None if row else "steps of Adam")
        ax.bar_label(drawn, [f"{gradients + measured['Adam'] / whole:.2f}"], padding=4)
    ax.barh(0, measured["forwards"] / whole, facecolor=COLOURS["l"], edgecolor="white",
            hatch="////", label="of these: forwards only, without a tape")
    ax.set_yticks([0, 1], ["readable", "fast"])
    ax.set(xlim=(0, 1.1), xlabel=f"time of one training step, the readable one is 1 ({HERE})")
    ax.invert_yaxis()
    ax.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))


def squares(tapes):
    """A square per operation of each tape ``{name: entries}``, its colour by `KINDS`."""
    fig, axes = plt.subplots(2, 1, figsize=(9, 3.8), layout="constrained", sharex=True,
                             height_ratios=[len(tape) // 40 + 1 for tape in tapes.values()])
    for ax, (name, tape) in zip(axes, tapes.items(), strict=True):
        for number, entry in enumerate(tape):
            place = number % 40, -(number // 40)
            ax.add_patch(plt.Rectangle(place, 0.86, 0.8, color=KINDS[kind_of(entry["name"])][1]))
        ax.set(xlim=(-0.3, 40), ylim=(-(len(tape) // 40) - 0.3, 1), xticks=[], yticks=[])
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.spines[:].set_visible(False)
    patches = [plt.Rectangle((0, 0), 1, 1, color=colour, label=kind)
               for kind, (_, colour) in KINDS.items()]
    fig.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False)


def additions(sizes, on_tape, plain, k):
    """Times of an addition on a tape and in plain NumPy, for arrays of these sizes."""
    _, ax = plt.subplots(figsize=(7.4, 4), layout="constrained")
    smallest = min(plain)
    ax.plot(sizes, np.array(on_tape) / smallest, "o-", color=COLOURS["v"],
            label="on a tape, forwards and backwards")
    ax.plot(sizes, np.array(plain) / smallest, "s--", color=COLOURS["l"],
            label="plain NumPy, forwards")
    for B in (16, 1024):
        n = 3 * B * k
        ax.axvline(n, color="0.5", lw=1, ls=":")
        ax.annotate(rf"$\mathbf{{x}}^e$, $B$ = {B}", (n, 0.97), (4, 0), va="top", color="0.3",
                    xycoords=("data", "axes fraction"), textcoords="offset points")
    ax.set(xscale="log", yscale="log", xlabel="numbers in the array, $n$",
           ylabel="a small plain addition is 1", title=f"What an addition costs ({HERE})")
    ax.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    ax.minorticks_off()
    ax.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def types(tape, title):
    """An operation per column: the type of its result above, of the gradients it returns below."""
    _, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
    for column, entry in enumerate(tape):
        for row, dtypes in ((1, [entry["value"].dtype]), (0, entry["back"][1:])):
            wide = np.dtype("float64") in dtypes
            colour = "#882233" if wide else "#CFE0EE"
            ax.add_patch(plt.Rectangle((column, row), 0.92, 0.86, color=colour))
            ax.text(column + 0.46, row + 0.43, "64" if wide else "32", ha="center", va="center",
                    color="white" if wide else "black")
    names = [entry["name"] for entry in tape]
    ax.set_xticks(np.arange(len(tape)) + 0.46, names, fontsize=9, rotation=20)
    ax.set_yticks([0.43, 1.43], ["backward pass", "forward pass"])
    ax.set(xlim=(-0.1, len(tape)), ylim=(-0.1, 2))
    ax.set_title(title, loc="left")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def videos(lengths, order):
    """Left: videos with their padding. Right: sorted, longest first."""
    V, T = len(lengths), lengths.max()
    _, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    for ax, shown, title in ((axes[0], lengths, "as they come: every step does all videos"),
                             (axes[1], lengths[order], "longest first: a step does those running")):
        ax.barh(range(V), shown, 1.0, color=COLOURS["l"], edgecolor="white", lw=0.3)
        ax.set(xlim=(0, T), ylim=(V - 0.5, -0.5), xlabel="utterance $t$", title=title)
    axes[0].barh(range(V), T - lengths, 1.0, left=lengths, color="white", edgecolor="0.55",
                 hatch="////", lw=0)
    axes[0].set_ylabel("video")


def traces(counts):
    """Operations per update, ``{update: (all traced, what it changes)}``, as two long bars."""
    _, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    left = np.zeros(2)
    looks = (("#004488", ""), ("#BB5566", "//"), ("#DDAA33", ""), ("#999999", ".."), ("black", ""))
    for (part, pair), (colour, hatch) in zip(counts.items(), looks, strict=True):
        ax.barh([0, 1], pair, left=left, color=colour, hatch=hatch, edgecolor="white", label=part)
        left += pair
    for row in (0, 1):
        ax.text(left[row] + 3, row, f"{left[row]:.0f}", va="center")
    ax.set_yticks([0, 1], ["each update traces\nthe whole network", "each traces\nwhat it changes"])
    ax.invert_yaxis()
    ax.margins(x=0.08)
    ax.set(xlabel="operations on the tapes of one batch (readable, without dropout)")
    ax.legend(frameon=False, ncols=5, loc="lower center", bbox_to_anchor=(0.4, 1))


def blocks(lengths, measured):
    """The time of a step of Adam per length of its blocks, and by its formula ("textbook")."""
    best = min(measured.values())
    _, ax = plt.subplots(figsize=(7.4, 3.8), layout="constrained")
    kib = 5 * 4 * lengths / 1024  # p, m, v, g and scratch of a block
    ax.plot(kib, [measured[length] / best for length in lengths], "o-", color=COLOURS["l"],
            label="in place, in blocks")
    ax.axhline(measured["textbook"] / best, color=COLOURS["v"], ls="--",
               label="operation by operation, as the formula says")
    ax.set(xscale="log", ylim=0, ylabel="time of a step, the best is 1",
           xlabel="five arrays of a block, KiB", title=f"Adam on all parameters ({HERE})")
    ax.set_xticks(kib, [f"{value:,.0f}" for value in kib])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="upper right")


def limit(sizes, memory, products):
    """Shares of a step for batches of these sizes: memory, matrix products, everything else."""
    _, ax = plt.subplots(figsize=(9, 4), layout="constrained")
    bottom = np.zeros(len(sizes))
    for part, colour, hatch, label in (
            (memory, COLOURS["a"], "//", "optimisers' arrays,\nonce through memory"),
            (products, COLOURS["l"], "", "matrix products"),
            (1 - memory - products, "white", "", "everything else")):
        bars = ax.bar(range(len(sizes)), part, 0.7, bottom=bottom, color=colour, hatch=hatch,
                      edgecolor="0.45", label=label)
        ax.bar_label(bars, [f"{value:.0%}" for value in part], label_type="center",
                     bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5})
        bottom += part
    ax.set_xticks(range(len(sizes)), sizes)
    ax.set(xlabel="utterances in a batch, $B$", yticks=[], ylabel="one step, fast version",
           title=f"Products and memory in one step ({HERE})")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)

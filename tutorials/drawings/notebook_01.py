"""Drawings of notebook 01: a tape as a graph, a trained network, errors of slopes."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

from . import PAPER

COLOURS = figures.MODALITY_COLOURS


def slopes(f, f_prime, x, h):
    """A function, its tangent at x, and the lines of a forward and of a central difference."""
    line = np.linspace(-2.6, 3, 200)
    _, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.plot(line, f(line), color="black", lw=2, label="$f(x)$")
    tangent = f(x) + f_prime(x) * (line - x)
    ax.plot(line, tangent, color="0.5", ls="--", label=f"tangent: {f_prime(x):.3f}")
    for name, start, colour, style in (("forward", x, COLOURS["v"], "-."),
                                       ("central", x - h, COLOURS["l"], "-")):
        ends = np.array([start, x + h])
        slope = (f(ends[1]) - f(ends[0])) / (ends[1] - ends[0])
        ax.plot(ends, f(ends), "o", color=colour)
        secant = f(ends[0]) + slope * (line - ends[0])
        ax.plot(line, secant, color=colour, ls=style, label=f"{name}: {slope:.3f}")
    ax.set(xlabel="$x$", ylim=(-0.6, 2.8), title=f"Slopes at $x = {x:g}$, with $h = {h:g}$")
    ax.legend(frameon=False)


def graph(tape, names, places):
    """The tape as a graph: values in black, local derivatives at the arrows, derivatives in red."""
    place_of = dict(zip(tape, places, strict=True))
    parts = {number: [] for number in tape}  # what comes back to it, one per arrow
    _, ax = plt.subplots(figsize=(9.6, 5.4), layout="constrained")
    for number in tape:
        x, y = place_of[number]
        for earlier, local in number.inputs:
            parts[earlier].append(number.bar * local)
            begin, end = np.add(place_of[earlier], (0.5, 0)), np.array([x - 0.42, y])
            arrow = {"arrowstyle": "->", "color": "0.6", "shrinkA": 2, "shrinkB": 0}
            ax.annotate("", end, begin, arrowprops=arrow, zorder=1)  # behind all numbers
            rise = abs(end[1] - begin[1])
            share = 0.78 if rise > 2 else 0.6 if rise > 1 else 0.3 if rise else 0.4
            middle = begin + share * (end - begin)
            ax.text(*middle, f"{local:.3g}", fontsize=9, color="0.25", ha="center", va="center",
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8})
    for number, name in zip(tape, names, strict=True):
        x, y = place_of[number]
        if name == "0.5":
            ax.text(x, y, name, ha="center", va="center", fontsize=11)
            continue
        letter, _, index = name.partition("_")
        bar = rf"\bar{{{letter}}}" + (f"_{index}" if index else "")
        total = f"{number.bar:.4f}"
        if len(parts[number]) > 1:
            first, second = parts[number]
            sign = "+" if second > 0 else "−"
            total = f"{first:.4f} {sign} {abs(second):.4f}\n= {total}"
        ax.text(x, y + 0.02, f"${name}$ = {number.value:.3g}", ha="center", va="bottom",
                fontsize=11)
        ax.text(x, y - 0.04, f"${bar}$ = {total}", ha="center", va="top", color=COLOURS["v"],
                fontsize=10, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5})
    ax.set(xlim=(-0.5, 6.5), ylim=(-0.5, 4.1))
    ax.set_title("Values go to the right, derivatives come back to the left")
    ax.axis("off")


def trained(losses, axis, output, points):
    """Left: the loss. Right: the output of a network of two inputs, and its training points."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    axes[0].plot(losses, color=COLOURS["l"], lw=2)
    axes[0].set(xlabel="step", ylabel="loss $L$", title="Your tape trains a network", ylim=0)
    image = axes[1].imshow(output, extent=(-1.5, 1.5, -1.5, 1.5), origin="lower", cmap="cividis",
                           vmin=0, vmax=1)
    axes[1].contour(axis, axis, output, levels=[0.5], colors="white", linestyles="--")
    for x_1, x_2, label in points:
        axes[1].plot(x_1, x_2, "^" if label else "o", color="white", mec="black", ms=11)
    axes[1].set(xlabel="$x_1$", ylabel="$x_2$", xticks=[-1, 0, 1], yticks=[-1, 0, 1],
                title="Output (triangles: label 1)")
    fig.colorbar(image, ax=axes[1])


def jacobian(y, J):
    """Left: a softmax y (n,). Right: its Jacobian J (n, n)."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", width_ratios=(1, 1.25))
    axes[0].bar(range(6), y, color=COLOURS["l"])
    axes[0].set(xlabel="$i$", title="$y$ = softmax of $x$")
    image = axes[1].imshow(J, cmap="PuOr", vmin=-0.3, vmax=0.3)
    for (i, j), entry in np.ndenumerate(J):
        axes[1].text(j, i, f"{round(entry, 2) + 0:.2f}", ha="center", va="center", fontsize=9,
                     color="white" if abs(entry) > 0.16 else "black")
    axes[1].set(xlabel="$j$", ylabel="$i$", title=r"Jacobian $\partial y_i / \partial x_j$")
    fig.colorbar(image, ax=axes[1], ticks=[-0.3, 0, 0.3])


def errors(steps_of, errors_of, orders):
    """The error of each finite difference for each step, in float64 and in float32.

    steps_of: {dtype: steps}; errors_of: {(name, dtype): errors}; orders: {name: order}.
    """
    _, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained",
                           width_ratios=(2, 1.2))
    looks = {"forward": (COLOURS["v"], "-."), "central": (COLOURS["l"], "-"),
             "fourth-order": (COLOURS["a"], "--")}
    for ax, (dtype, steps) in zip(axes, steps_of.items(), strict=True):
        for name, (colour, style) in looks.items():
            curve = errors_of[name, dtype]
            label = f"{name}, order $h^{orders[name]}$"
            ax.plot(steps, curve, color=colour, ls=style, lw=2, label=label)
            ax.plot(steps[curve.argmin()], curve.min(), "o", color=colour)
        ax.axvline(1e-3, color="0.5", ls=":", lw=1.5)
        ax.set(xscale="log", yscale="log", xlabel="step $h$", title=dtype, ylim=(1e-14, 3))
    axes[0].set_ylabel("error of the slope")
    axes[0].legend(frameon=False, loc="lower left")
    axes[0].annotate("rounding", (1e-12, 2e-3), rotation=-30, ha="center", color="0.3")


def noticed(shares, errors_of, mistakes):
    """Left: slopes along many directions. Right: the relative errors that each direction sees.

    shares: {direction: shares of the steepest slope}; errors_of: {direction: one per mistake}.
    """
    _, axes = plt.subplots(1, 2, figsize=(9.4, 4.2), layout="constrained", width_ratios=(1, 1.4))
    looks = {"gradient": (COLOURS["v"], ""), "random": (COLOURS["a"], "//"),
             "half-way": (COLOURS["l"], "..")}
    bins = np.linspace(0, 0.8, 41)
    for kind, share in shares.items():
        colour, hatch = looks[kind]
        axes[0].hist(share, bins, color=colour, hatch=hatch, ec="white", lw=0, label=kind)
    axes[0].set(xlabel="slope, as a share of the steepest", yticks=[], title="2000 directions")
    axes[0].legend(frameon=False, title="direction", loc="upper center")
    for side, (kind, (colour, hatch)) in zip((-0.27, 0, 0.27), looks.items(), strict=True):
        lengths = np.maximum(errors_of[kind], 2e-14)
        axes[1].barh(np.arange(5) + side, lengths, 0.26, left=1e-14, color=colour, hatch=hatch,
                     ec="white", lw=0, label=kind)
    axes[1].axvline(1e-6, color="black", ls=":", lw=1.5)
    axes[1].set(xscale="log", xlim=(1e-14, 20), xlabel="relative error that the check sees",
                title="What is noticed")
    axes[1].set_yticks(range(5), mistakes)
    axes[1].invert_yaxis()
    axes[1].legend(frameon=False, title="direction", loc="upper right")


def kinks(leaky_relu, distances, errors_of):
    """Left: slopes at a kink. Right: the error of finite differences near it, {step: errors}."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    x_line = np.linspace(-1, 1, 101)
    axes[0].plot(x_line, leaky_relu(x_line), color="black", lw=2)
    for slope, label, colour, style in ((1, "from the right", "0.5", ":"),
                                        (0.6, "maximum, at the tie", COLOURS["v"], "-."),
                                        (0.2, "from the left, and ops", COLOURS["l"], "--")):
        axes[0].plot(x_line[30:71], slope * x_line[30:71], color=colour, ls=style, lw=2,
                     label=f"{slope:g}: {label}")
    axes[0].set(title="leaky ReLU, slope 0.2", xlabel="$x$", xticks=[-1, 0, 1])
    axes[0].legend(frameon=False, title="slope at 0")
    looks = ((COLOURS["v"], "-."), (COLOURS["l"], "-"))
    for (h, error), (colour, style) in zip(errors_of.items(), looks, strict=True):
        axes[1].plot(distances, np.maximum(error, 1e-16), color=colour, ls=style, lw=2,
                     label=f"$h = 10^{{{np.log10(h):.0f}}}$")
        axes[1].axvline(2 * h, color=colour, ls=":")
    axes[1].axhline(1e-6, color="0.5", lw=1)
    axes[1].set(xscale="log", yscale="log", xlabel="distance from the kink",
                ylabel="error of the finite difference", title="Closer than $2h$ it is useless")
    axes[1].legend(frameon=False)

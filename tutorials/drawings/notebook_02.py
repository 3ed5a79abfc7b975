"""Drawings of notebook 02: layers and their signals, valleys, the race of three optimisers."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

from argf_np import figures

COLOURS = figures.MODALITY_COLOURS
LOOKS = {"gradient descent": (COLOURS["v"], "-."), "Adam": (COLOURS["l"], "-"),
         "Adadelta": (COLOURS["a"], "--")}
HEADS = {"gradient descent": {"marker": "o", "ms": 14, "mfc": "none", "mew": 2},  # a ring
         "Adam": {"marker": "o", "ms": 8, "mec": "white"},
         "Adadelta": {"marker": "s", "ms": 9, "mec": "white"}}


def activations(x, values, slopes):
    """Left: activations ``{name: values at x}``. Right: their derivatives."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    looks = ((COLOURS["l"], "-"), (COLOURS["v"], "--"), (COLOURS["a"], "-."))
    for name, (colour, style) in zip(values, looks, strict=True):
        axes[0].plot(x, values[name], color=colour, ls=style, lw=2, label=name)
        axes[1].plot(x, slopes[name], color=colour, ls=style, lw=2)
    axes[0].set(title="activation", xlabel="$x$", ylim=(-1.3, 3))
    axes[1].set(title="derivative", xlabel="$x$", ylim=(-0.05, 1.1))
    axes[0].legend(frameon=False)


def signals(cases):
    """Size of the outputs and gradients of each layer, ``{weights: (sizes, gradients)}``."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    looks = ((COLOURS["a"], "s--"), (COLOURS["l"], "o-"), (COLOURS["v"], "^-."))
    for (label, curves), (colour, style) in zip(cases.items(), looks, strict=True):
        for ax, curve in zip(axes, curves, strict=True):
            ax.plot(range(1, len(curve) + 1), curve, style, color=colour, label=label)
    axes[0].set(yscale="log", xlabel="layer", title="standard deviation of the output")
    axes[1].set(yscale="log", xlabel="layer", title="root mean square of the gradient of $W$")
    axes[0].legend(frameon=False, title="weights")


def two_batches(before, after):
    """Two batches (8, 6) as colours, with mean and standard deviation of each column."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for ax, array, title in ((axes[0], before, "before"), (axes[1], after, "after batch norm")):
        image = ax.imshow(array, cmap="PuOr", vmin=-4, vmax=4, aspect="auto")
        means, deviations = array.mean(axis=0).round(1) + 0.0, array.std(axis=0)
        ax.set_xticks(range(6), [f"{means[j]:.1f}\n{deviations[j]:.1f}" for j in range(6)])
        ax.set(title=title, ylabel="utterance", yticks=[])
        ax.set_xlabel("mean, standard deviation of a unit")
    fig.colorbar(image, ax=axes)


def modes(in_company, alone):
    """Outputs for one utterance: 500 in training mode, and the one of evaluation mode."""
    _, ax = plt.subplots(figsize=(6.8, 3.4))
    ax.hist(in_company, bins=40, color=COLOURS["a"], label="training mode, 500 batches of 16")
    ax.axvline(alone, color=COLOURS["l"], lw=2.5, label="evaluation mode, whatever the batch")
    ax.set(xlabel="output of a unit for one utterance", yticks=[])
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def contours(ax, loss, height=1.7):
    """The valley from above, in an axes."""
    across, up = np.linspace(-1.9, 1.3, 81), np.linspace(-height, height, 321)
    heights = [[loss({"theta": np.array([s, t])}) for s in across] for t in up]
    levels = [0.2, 0.5, 0.8, 1.1, *np.arange(1.5, 20, 1.2)]  # dense where the valley is flat
    ax.contour(across, up, np.sqrt(heights), levels=levels, colors="0.8", linewidths=0.8)
    ax.plot(0, 0, "+", color="black", ms=12, mew=2)
    ax.set(xlim=(-1.9, 1.3), ylim=(-height, height), xlabel=r"$\theta_1$")


def descents(loss, paths):
    """Gradient descent in a valley, ``{learning rate: path (steps, 2)}``."""
    _, axes = plt.subplots(1, 3, figsize=(9.4, 3.4), sharey=True, layout="constrained")
    for ax, (lr, path) in zip(axes, paths.items(), strict=True):
        contours(ax, loss, height=1.1)
        ax.plot(*path.T, ".-", color=COLOURS["v"], lw=1, ms=5)
        ax.set_title(rf"$\eta = {lr:g}$, 30 steps")
    axes[0].set_ylabel(r"$\theta_2$")


def averages(noisy):
    """Adam's two averages of noisy gradients, with and without correction."""
    t = np.arange(1, len(noisy) + 1)
    _, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for ax, beta, inputs, name in ((axes[0], 0.9, noisy, "m"), (axes[1], 0.999, noisy ** 2, "v")):
        average, averages = 0.0, []
        for value in inputs:
            average = beta * average + (1 - beta) * value
            averages.append(average)
        ax.plot(t, inputs, ".", color="0.6", label="$g$" if name == "m" else "$g^2$")
        ax.plot(t, averages, color=COLOURS["v"], ls="--", label=f"${name}$")
        ax.plot(t, averages / (1 - beta ** t), color=COLOURS["l"], lw=2.5, label=rf"$\hat {name}$")
        top = 1.2 * inputs.max()  # room for the legend above the dots
        ax.set(xlabel="step $t$", title=rf"memory {beta:g}", ylim=(-0.1, top))
        ax.legend(frameon=False, ncols=3, loc="upper right")


def race(losses, paths):
    """The race of the optimisers in two valleys, as an animated PNG that needs no running kernel.

    losses: {valley: function of {"theta": point}}; paths: {(valley, optimiser): (steps, 2)}.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 4.4), dpi=100, layout="constrained")
    tracks, heads = {}, {}
    for ax, (title, loss) in zip(axes, losses.items(), strict=True):
        contours(ax, loss)
        ax.set(title=title, aspect="equal")
        for name, (colour, style) in LOOKS.items():
            tracks[title, name], = ax.plot([], [], style, color=colour, lw=1.5, label=name)
            heads[title, name], = ax.plot([], [], color=colour, ls="", **HEADS[name])
    axes[0].set_ylabel(r"$\theta_2$")
    handles = [plt.Line2D([], [], ls=style, color=colour, label=name, **HEADS[name])
               for name, (colour, style) in LOOKS.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    counter = axes[0].text(0.97, 0.03, "", transform=axes[0].transAxes, ha="right")
    fig.get_layout_engine().set(w_pad=0.15, h_pad=0.15)  # inches, so that nothing is cut off
    fig.canvas.draw()
    fig.set_layout_engine("none")  # the layout stays as it is

    def draw(step):
        for key, path in paths.items():
            tracks[key].set_data(*path[:step + 1].T)
            heads[key].set_data(*path[step:step + 1].T)
        counter.set_text(f"step {step}")

    # The first is what a viewer shows that cannot animate.
    moments = [400, *range(0, 40, 5), *range(40, 160, 20), *range(160, 401, 60), 400, 400]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "race.png"
        FuncAnimation(fig, draw, frames=moments).save(film, writer=PillowWriter(fps=6))
        plt.close(fig)
        return film.read_bytes()


def regions(pictures, points, labels):
    """The regions of the classes as each network sees them ``{name: (90, 90)}``, and the points."""
    _, axes = plt.subplots(1, 4, figsize=(10.4, 2.9), layout="constrained")
    axis = np.linspace(-1.8, 1.8, 90)
    for ax, (name, region) in zip(axes, pictures.items(), strict=True):
        ax.contourf(axis, axis, region, levels=[-0.5, 0.5, 1.5], colors=["#D9E3EE", "#F6E9C6"])
        ax.plot(*points[labels == 0].T, "o", color=COLOURS["l"], ms=3)
        ax.plot(*points[labels == 1].T, "^", color=COLOURS["v"], ms=4)
        ax.set(title=name, aspect="equal", xticks=[], yticks=[])


def outputs_per_layer(layers):
    """Histograms of the outputs of each layer ``{network: (before, after)}``, one row per layer."""
    depth = len(next(iter(layers.values()))[0])
    _, axes = plt.subplots(depth, len(layers), figsize=(10.4, 5), layout="constrained", sharex=True)
    bins = np.linspace(-1, 1, 42)
    for column, (name, both) in zip(axes.T, layers.items(), strict=True):
        column[0].set_title(name)
        for ax, before, after in zip(column, *both, strict=True):
            for outputs, look in ((before, {"color": "0.7", "fill": True}),
                                  (after, {"color": COLOURS["l"], "lw": 1.6})):
                shares, _ = np.histogram(outputs, bins)
                ax.stairs(shares / shares.max(), bins, **look)
            ax.set(yticks=[], ylim=(0, 1.1))
        column[-1].set_xlabel("output")
    for n, ax in enumerate(axes[:, 0], start=1):
        ax.set_ylabel(f"layer {n}", rotation=0, ha="right", va="center")

"""Drawings of notebook 05: the plan, Eq. 1, curves of decoders, what C sees, losses, Figure 3."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

from . import loss_and_force

COLOURS = figures.MODALITY_COLOURS
ARROW = {"arrowstyle": "->", "color": "0.4", "lw": 1.5}
WAYS = {"L_rl": r"$\mathcal{L}_{rl}$", "L_cl": r"$\mathcal{L}_{cl}$",
        "L_rl + L_cl": r"$\mathcal{L}_{rl} + \mathcal{L}_{cl}$", "untrained": "untrained"}


def plan():
    """Encoder, and the three networks behind it, each with what its loss asks."""
    _, ax = plt.subplots(figsize=(9.4, 3))
    ax.text(0, 1, r"$\mathbf{x}_m$", ha="center", va="center", fontsize=14)
    ax.annotate("", (0.85, 1), (0.25, 1), arrowprops=ARROW)
    _box(ax, 1.4, 1, "encoder\n$E_m$", "#F8F6F1")
    ax.annotate("", (2.5, 1), (1.95, 1), arrowprops=ARROW)
    ax.text(2.8, 1, r"$\mathbf{x}_m^e$", ha="center", va="center", fontsize=14)
    branches = (
        (2, "decoder of $m$", r"$\mathcal{L}_{rl}$: is it like $\mathbf{x}_m$?  (Eq. 5, 6)",
         "#CFE3F2"),
        (1, "classifier $C$", r"$\mathcal{L}_{cl}$: is it the label?  (Eq. 7, 8)", "#DDEBC0"),
        (0, "discriminator $D$", "does it come from the language?  (notebook 06)", "#F3D3D8"),
    )
    for height, name, question, colour in branches:
        ax.annotate("", (3.55, height), (3.1, 1 + 0.15 * (height - 1)), arrowprops=ARROW)
        _box(ax, 4.8, height, name, colour)
        ax.annotate("", (6.4, height), (6.05, height), arrowprops=ARROW)
        ax.text(6.5, height, question, ha="left", va="center", fontsize=11)
    ax.set(xlim=(-0.3, 11.4), ylim=(-0.5, 2.5))
    ax.axis("off")


def _box(ax, x, y, text, colour):
    ax.text(x, y, text, ha="center", va="center", fontsize=11,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": "0.4"})


def transformed_density(x, p, x_e, p_e, samples, encoded):
    """Eq. 1 in one dimension: the density p of x below, the encoder above, that of x_e beside it.

    ``samples`` and ``encoded`` are the same utterances before and after the encoder.
    """
    _, axes = plt.subplots(2, 2, figsize=(7.6, 4.8), sharex="col", sharey="row",
                           layout="constrained", width_ratios=[2, 1], height_ratios=[2, 1])
    axes[0, 0].plot(x, x_e, color="black")
    for x_0 in (-1.5, -0.75, 0, 0.75, 1.5):  # where equal steps of x end up
        end = np.interp(x_0, x, x_e)
        axes[0, 0].plot([x_0, x_0, 3], [-1, end, end], color="0.6", lw=1, ls=":")
    axes[0, 0].set(ylabel="$x^e$", title=r"the encoder, $\tanh(w x + b)$", xlim=(-3, 3))
    axes[1, 0].hist(samples, 60, density=True, color=COLOURS["l"], alpha=0.35)
    axes[1, 0].plot(x, p, color=COLOURS["l"])
    axes[1, 0].set(xlabel="$x$", ylabel="$p(x)$")
    axes[0, 1].hist(encoded, 60, density=True, color=COLOURS["l"], alpha=0.35,
                    orientation="horizontal", label="encoded samples")
    axes[0, 1].plot(p_e, x_e, color=COLOURS["l"], label="by hand")
    axes[0, 1].set(xlim=(0, 1.6), title=r"$p_\theta(x^e)$, cut off at 1.6")
    axes[1, 1].legend(*axes[0, 1].get_legend_handles_labels(), frameon=False, loc="center")
    axes[0, 1].tick_params(labelbottom=True)
    axes[1, 1].axis("off")


def curves(x, x_tilde, title):
    """Features x (3, n, 2), and the curve x_tilde (3, steps, 2) that each decoder draws."""
    fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.5), sharey=True, layout="constrained")
    for i, m in enumerate("alv"):
        axes[i].plot(*x[i].T, ".", color=COLOURS[m], alpha=0.4, ms=4, label=rf"$\mathbf{{x}}_{m}$")
        axes[i].plot(*x_tilde[i].T, color="black", lw=2, label=rf"$\tilde{{\mathbf{{x}}}}_{m}$")
        axes[i].set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=[-1, 0, 1])
        axes[i].legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    fig.suptitle(title)


def what_the_classifier_sees(x_e, normalised, labels):
    """Three clouds (3, n, 2) of two classes, before and after the batch norm of C."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.6), layout="constrained")
    for ax, points in zip(axes, (x_e, normalised), strict=True):
        for i, m in enumerate("alv"):
            for c, fill in ((0, "white"), (1, COLOURS[m])):
                ax.scatter(*points[i][labels == c].T, s=14, marker=figures.SHAPES[i], color=fill,
                           edgecolor=COLOURS[m], linewidth=0.8, label=f"${m}$, class {c + 1}")
        ax.set(aspect="equal", xticks=[], yticks=[])
    axes[0].set_title(r"$\mathbf{x}_m^e$")
    axes[1].set_title("after batch norm: what $C$ sees")
    axes[1].axvline(0, color="black", ls="--", lw=1)
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside right center")


def losses_and_forces(z, values, forces):
    """Two losses of the logit z of the true class, and the force of each: ``{name: (n,)}``."""
    _, axes = plt.subplots(1, 2, figsize=(8.2, 3.2), layout="constrained")
    loss_and_force(axes, z, values, forces)
    axes[0].set(title="loss", xlabel="$z$, true minus other logit", ylim=(0, 4))
    axes[1].set(title="force: minus the gradient", xlabel="$z$, true minus other logit")
    axes[0].legend(frameon=False)
    for ax in axes:
        ax.axvline(0, color="0.65", lw=1, zorder=0)


def lost(along, afterwards):
    """Share of the features that is lost, per way of training, seed and modality."""
    _, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
    for ax, losts in zip(axes, (along, afterwards), strict=True):
        for row, way in enumerate(WAYS):
            for i, m in enumerate("alv"):
                height = row + 0.2 * (i - 1) + np.zeros(len(losts[way]))
                ax.plot(losts[way][:, i], height, figures.SHAPES[i], color=COLOURS[m], ms=6,
                        mfc="none", label=f"${m}$" if row == 0 else None)
        ax.axvline(1, color="0.5", ls=":", lw=1)
        ax.set(yticks=range(4), xlabel="lost (0 perfect, 1 worthless)")
        ax.set_yticklabels(WAYS.values())
        ax.set_xlim(0, None)
        ax.invert_yaxis()
    axes[0].set_title("decoders trained along")
    axes[1].set_title("decoders fitted afterwards")
    axes[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


FIGURE_3 = {  # units of each layer, and what follows its dense part
    "encoder $E_m$\none per modality": [
        (50, "input"), (500, "dropout, batch norm,\nleaky ReLU 0.01"),
        (500, "dropout, batch norm,\nleaky ReLU 0.01"),
        (50, "dropout, batch norm,\nleaky ReLU 0.01"), (50, "tanh")],
    "decoder\none per modality": [
        (50, "input"), (512, "dropout, leaky ReLU 0.2"),
        (64, "dropout, batch norm,\nleaky ReLU 0.2"), (50, "tanh")],
    "discriminator $D$\none for all": [
        (50, "input"), (64, "leaky ReLU 0.2"), (16, "tanh"), (1, "sigmoid")],
    "classifier $C$\none for all": [
        (50, "input, batch norm,\ndropout"), (50, "tanh, dropout"), (2, "softmax")],
}


def figure_3():
    """The four networks of Figure 3 for MOSI, each from the bottom up."""
    _, axes = plt.subplots(1, 4, figsize=(11, 6), sharey=True, layout="constrained")
    for ax, (title, layers) in zip(axes, FIGURE_3.items(), strict=True):
        for height, (units, text) in enumerate(layers):
            width = np.sqrt(units)
            colour = "0.65" if height == 0 else "#7FB5DA"
            ax.barh(height, width, 0.24, left=-width / 2, color=colour)
            ax.text(0, height + 0.15, text, ha="center", va="bottom", fontsize=9)
            ax.text(0, height - 0.15, f"{units} unit{'s' if units > 1 else ''}", ha="center",
                    va="top", fontsize=9, color="0.35")
        ax.set(title=title, xlim=(-13, 13), ylim=(-0.4, 4.6))
        ax.axis("off")

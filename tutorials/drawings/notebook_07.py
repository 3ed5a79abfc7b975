"""Drawings of notebook 07: forces, who trains whom, the cut at x^e, two players, seeds."""

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures

BACK = figures.MODALITY_COLOURS["v"]  # of the backward pass


def what_lambda_weighs(fal, rl):
    """Lengths of the two gradients in the brackets of Eq. 9, for every lambda."""
    lambdas = np.geomspace(1e-4, 0.9999, 200)
    fig, ax = plt.subplots(figsize=(6.8, 4.1), layout="constrained")
    ax.plot(lambdas, (1 - lambdas) * rl, "--", color="black",
            label=r"reconstruct: $(1 - \lambda)\, \mathcal{L}_{rl}$")
    ax.plot(lambdas, lambdas * fal, color="black",
            label=r"fool $D$: $\lambda\, \mathcal{L}_{fal}$")
    for value in (0.001, 0.01, 0.05):
        ax.axvline(value, color="0.6", lw=1, ls=":")
        ax.text(value, 1.1 * rl, f"{value:g}", ha="center", va="bottom", color="0.3")
    equal = rl / (fal + rl)
    ax.plot(equal, equal * fal, "ko", ms=6, label="equal force")
    ax.set(xscale="log", yscale="log", xlabel=r"$\lambda$",
           ylabel=r"length of the gradient w.r.t. $\mathbf{x}_a^e$")
    fig.legend(frameon=False, loc="outside lower center", ncols=3)


def forces_of_the_sum(lambda_):
    """What encoders, discriminator and the sum of Eq. 9 do to the logit of a source."""
    D = np.linspace(0, 1, 200)
    balance = lambda_ / (lambda_ + 0.5)
    _, ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")
    ax.plot(D, lambda_ * (1 - D), color="black", label=r"encoders: $\lambda (1 - D)$, always up")
    ax.plot(D, -0.5 * D, color="black", ls=":", label="discriminator: $-0.5 D$, always down")
    ax.plot(D, lambda_ * (1 - D) - 0.5 * D, color="0.5", ls="--", label="the sum, for both")
    ax.plot(balance, 0, "o", color="0.5", ms=7)
    ax.annotate(f"at rest at $D = {balance:.2f}$", (balance, 0), (0.34, -0.04), va="center",
                arrowprops={"arrowstyle": "->", "color": "0.4"})
    ax.axhline(0, color="0.65", lw=1, zorder=0)
    ax.set(xlabel="$D$ of a source vector", ylabel="force on its logit $z$", xlim=(0, 1))
    ax.legend(frameon=False, loc="lower left")


def who_trains_whom(headings, reached, trained):
    """Length of the gradient of each loss (column) with respect to each network (row).

    ``reached`` has one ``{network: length}`` per loss, ``trained`` the networks that it trains.
    """
    names = list(reached[0])
    _, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
    for column, lengths in enumerate(reached):
        for row, name in enumerate(names):
            if lengths[name] == 0:
                continue
            is_used = name in trained[column]
            ax.add_patch(plt.Rectangle((column - 0.47, row - 0.45), 0.94, 0.9,
                                       color="#9CC7E4" if is_used else "0.78"))
            ax.text(column, row, f"{lengths[name]:.2g}", ha="center", va="center",
                    color="black" if is_used else "0.2", weight="bold" if is_used else None)
    ax.set_xticks(range(len(headings)), headings)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(-0.5, len(headings) - 0.5), ylim=(len(names) - 0.5, -0.5))
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)


def cut_at_x_e():
    """The forward pass (solid) and the two halves of the backward pass (dashed)."""
    _, ax = plt.subplots(figsize=(10.4, 4))
    ax.text(0, 1.5, r"$\mathbf{x}$", ha="center", va="center", fontsize=14)
    _box(ax, 1.6, 1.5, 1.2, "encoders", "#F8F6F1")
    ax.text(3.3, 1.5, r"$\mathbf{x}^e$", ha="center", va="center", fontsize=14)
    _arrow(ax, (0.2, 1.55), (1.0, 1.55))
    _arrow(ax, (2.2, 1.58), (3.1, 1.58))
    _arrow(ax, (3.1, 1.38), (2.2, 1.38), "--", BACK)
    ax.text(2.65, 1.05, r"$\partial \mathbf{x}^e / \partial \theta$", ha="center", color=BACK,
            fontsize=12)
    ax.text(3.35, 0.15, r"$\partial \mathcal{L}_u / \partial \mathbf{x}^e$", ha="center",
            color=BACK, fontsize=12)
    parts = (
        (3, "decoders, discriminator", r"$\lambda \mathcal{L}_{fal} + (1 - \lambda) "
         r"\mathcal{L}_{rl}$"),
        (2, "discriminator", r"$0.5\, \mathcal{L}_{tal}$"),
        (1, "classifier", r"$\mathcal{L}_{cl}$"),
        (0, "fusion", "fusion loss"),
    )
    for height, network, loss in parts:
        _box(ax, 6.2, height, 2.8, network, "#CFE3F2")
        ax.text(8.2, height, loss, ha="left", va="center", fontsize=11)
        _arrow(ax, (3.55, 1.6 + 0.1 * (height - 1.5)), (4.8, height + 0.1))
        _arrow(ax, (7.6, height), (8.1, height))
        if network != "discriminator":  # that update needs nothing before the cut
            _arrow(ax, (4.8, height - 0.15), (3.55, 1.4 + 0.1 * (height - 1.5)), "--", BACK)
    ax.plot([3.95, 3.95], [-0.5, 3.4], color="black", lw=1, ls=":")
    ax.text(3.95, 3.45, "cut", ha="center", va="bottom", fontsize=11)
    ax.set(xlim=(-0.3, 10.6), ylim=(-0.5, 3.7))
    ax.axis("off")


def _box(ax, x, y, width, text, colour):
    ax.add_patch(plt.Rectangle((x - width / 2, y - 0.28), width, 0.56, facecolor=colour,
                               edgecolor="0.4"))
    ax.text(x, y, text, ha="center", va="center", fontsize=11)


def _arrow(ax, start, end, style="-", colour="0.3"):
    ax.annotate("", end, start,
                arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.6, "ls": style})


def two_players(paths):
    """Paths ``{name: (steps + 1, 2)}`` in the plane of two players."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8), sharex=True, sharey=True,
                             layout="constrained")
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        ax.plot(*path.T, color="0.6", lw=1)
        points = ax.scatter(*path.T, c=np.arange(len(path)), cmap="viridis", s=10)
        ax.plot(*path[0], "s", mfc="none", color="black", ms=9, label="start")
        ax.plot(0, 0, "k+", ms=12, mew=2, label="where both should end")
        ax.set(title=name, xlabel=r"$\theta$", aspect="equal")
    axes[0].set_ylabel(r"$\varphi$")
    axes[1].legend(frameon=False, loc="lower left")
    fig.colorbar(points, ax=axes, label="step")


def differences(percent, mean, half, names, title):
    """One row per loss: differences (seeds, losses) in per cent, their means and intervals."""
    _, ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")
    for j in range(len(names)):
        ax.plot(percent[:, j], [j] * len(percent), "o", mfc="none", color="0.4",
                label="one seed" if j == 0 else None)
        ax.errorbar(mean[j], j + 0.25, xerr=half[j], fmt="D", color="black", capsize=4,
                    label="mean, 95 % interval" if j == 0 else None)
    ax.axvline(0, color="0.6", lw=1, zorder=0)
    ax.set(yticks=range(len(names)), yticklabels=names, title=title,
           xlabel="difference of the loss in per cent")
    ax.invert_yaxis()
    ax.legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left")


def push(wrongness, pushes):
    """Push on the logit of the right class ``{name: (n,)}``, scaled to a largest value of 1."""
    _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for (name, values), style in zip(pushes.items(), ("-", "--"), strict=True):
        ax.plot(wrongness, values / values.max(), style, color="black", label=name)
    ax.set(xlabel="1 − probability of the right class", ylabel="push (largest = 1)",
           xlim=(0, 1), ylim=(0, None))
    ax.legend(frameon=False, loc="lower center")

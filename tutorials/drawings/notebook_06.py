"""Drawings of notebook 06: costs and forces, the plane of two players, the game, the referees."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image
from matplotlib.animation import FuncAnimation, PillowWriter

from argf_np import figures, nn
from argf_np.nn import ops
from argf_np.paper import joint_embedding_eq1_9 as embedding

from . import loss_and_force

COLOURS = figures.MODALITY_COLOURS
GRID = np.stack(np.meshgrid(np.linspace(-1.1, 1.1, 37), np.linspace(-1.1, 1.1, 37)), axis=-1)


def cost_of_an_answer():
    """The two kinds of terms in Eq. 4."""
    answers = np.linspace(0.01, 0.99, 99)
    _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    ax.plot(answers, -np.log(answers), color=COLOURS["l"], label=r"if it is the target: $-\log D$")
    ax.plot(answers, -np.log(1 - answers), "--", color="0.4",
            label=r"if it is a source: $-\log(1 - D)$")
    ax.plot(0.5, np.log(2), "o", color="black", label=r"undecided: $\log 2$")
    ax.set(xlabel="answer $D$: how sure the discriminator is of the target", ylabel="cost",
           ylim=(0, 4))
    ax.legend(frameon=False, loc="upper center")


def best_discriminator(x, densities, D_star, D_trained):
    """Densities of a, l, v along a line, and what the best and a trained discriminator say."""
    _, axes = plt.subplots(2, 1, figsize=(6.6, 4.8), sharex=True, layout="constrained")
    for m, density, hatch in zip("alv", densities, ("///", "", "..."), strict=True):
        axes[0].fill_between(x, density, facecolor=COLOURS[m], alpha=0.45, hatch=hatch,
                             edgecolor="white", label=f"$p_{m}$")
    axes[1].plot(x, D_star, color="black", lw=2, label="$D^* = p_t\\, /\\, (p_t + p_s)$")
    axes[1].plot(x, D_trained, color=COLOURS["v"], ls="--", label="trained on samples")
    axes[1].set(xlabel="$x^e$", ylabel="$D$", ylim=(-0.03, 1.03))
    for ax in axes:
        ax.legend(frameon=False)


def two_losses_of_a_source(z, values, forces):
    """Loss and force along the logit, ``{name: (n,)}``: Eq. 3, and the saturating form."""
    _, axes = plt.subplots(1, 2, figsize=(8.8, 3.3), layout="constrained")
    loss_and_force(axes, z, values, forces)
    axes[0].set(title="loss of a source", xlabel="logit $z$ of its vector", ylim=(-8, 8))
    axes[1].set(title="force: minus the gradient", xlabel="logit $z$ of its vector")
    axes[1].annotate("the referee has\nrecognised it", (-7.6, 0.42))
    axes[0].legend(frameon=False, loc="upper right")


def forces_on_a_logit():
    """What the two players and their sum do to the logit of a source."""
    D = np.linspace(0, 1, 101)
    _, ax = plt.subplots(figsize=(6.6, 3.2), layout="constrained")
    ax.plot(D, 1 - D, color="black", label="generators: up")
    ax.plot(D, -D, color="black", ls=":", label="discriminator: down")
    ax.plot(D, 1 - 2 * D, color="0.5", ls="--", label="the sum of both")
    ax.axhline(0, color="0.65", lw=1, zorder=0)
    ax.plot(0.5, 0, "o", color="0.5")
    ax.set(xlabel="$D$ of a source", ylabel="force on its logit")
    ax.legend(frameon=False, bbox_to_anchor=(1, 0.5), loc="center left")


def plane_of_two_players(path, forces):
    """The path (steps, 2) of encoder and discriminator; ``forces(theta, s)`` are the arrows."""
    theta, s = np.meshgrid(np.linspace(-0.5, 4, 13), np.linspace(-1.2, 1.6, 11))
    across, up = np.zeros_like(theta), np.zeros_like(theta)
    for place in np.ndindex(theta.shape):
        across[place], up[place] = forces(theta[place], s[place])
    _, axes = plt.subplots(1, 2, figsize=(9.4, 3.6), layout="constrained")
    axes[0].quiver(theta, s, across, up, color="0.6", angles="xy")
    axes[0].plot(*path.T, color=COLOURS["v"], lw=1.5)
    axes[0].plot(*path[0], "o", color=COLOURS["v"], label="start")
    axes[0].plot(2, 0, "k+", ms=12, mew=2, label="equilibrium")
    axes[0].set(xlabel=r"$\theta$ (encoder)", ylabel="$s$ (discriminator)")
    axes[0].legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    axes[1].plot(path[:, 0], color=COLOURS["v"])
    axes[1].axhline(2, color="0.4", ls=":", label="mean of the target")
    axes[1].set(xlabel="step", ylabel=r"$\theta$")
    axes[1].legend(frameon=False, loc="lower right")


def game_round(ax, row, with_forces=False):
    """Points after a round, on the answers of the discriminator: white is sure of the target."""
    ax.clear()
    answers = ops.sigmoid(embedding.discriminate(row["D"], GRID.reshape(1, -1, 2))).reshape(37, 37)
    image = ax.imshow(answers, extent=(-1.1, 1.1, -1.1, 1.1), origin="lower", cmap="Greys_r",
                      vmin=-1, vmax=1)
    if with_forces:
        _forces(ax, row["D"])
    points(ax, row["points"], size=2.5)
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[])
    ax.set_title(f"round {row['round']}")
    return image


def _forces(ax, D):
    some = GRID[2::4, 2::4].reshape(1, -1, 2)

    def fake(tree):
        return ops.softplus(-embedding.discriminate(D, tree["x"])).sum()

    _, gradient = nn.value_and_grad(fake, {"x": some})
    force = -gradient["x"][0]
    ax.quiver(*some[0].T, *force.T, color="black", alpha=0.6, scale=60, width=0.006)


def points(ax, x, size=4):
    """Three clouds (3, n, 2), each with its colour and shape."""
    for i, m in enumerate("alv"):
        ax.plot(*x[i].T, figures.SHAPES[i], ms=size, color=COLOURS[m], mew=0, alpha=0.6,
                label=f"${m}$")


def film(history):
    """The game as an animated image, which needs no running kernel."""
    fig, ax = plt.subplots(figsize=(4, 4.2), layout="constrained")
    frames = history[::2] + 6 * history[-1:]
    animation = FuncAnimation(fig, lambda row: game_round(ax, row), frames=frames)
    with tempfile.TemporaryDirectory() as folder:
        animation.save(f"{folder}/a.gif", writer=PillowWriter(fps=6), dpi=80)
        data = Path(folder, "a.gif").read_bytes()
    plt.close(fig)
    return Image(data=data, format="gif")


def stills(history, fooled):
    """Three rounds with the forces of Eq. 3, and the loss of the discriminator."""
    fig, axes = plt.subplots(1, 4, figsize=(11.5, 3.3), layout="constrained")
    for ax, number in zip(axes[:3], (0, 3, 30), strict=True):
        image = game_round(ax, history[number], with_forces=True)
    _legend_above(fig, axes[0])
    bar = fig.colorbar(image, ax=axes[2], label="$D$", boundaries=np.linspace(0, 1, 51))
    bar.set_ticks([0, 0.5, 1])
    rounds = [row["round"] for row in history]
    axes[3].plot(rounds, [row["L_tal"] for row in history], color="black")
    axes[3].axhline(fooled, color="0.4", ls=":", label="3 log 3 − 2 log 2")
    axes[3].set(xlabel="round", title=r"$\mathcal{L}_{tal}$")
    axes[3].legend(frameon=False, loc="lower right")


def _legend_above(fig, ax):
    fig.legend(*ax.get_legend_handles_labels(), frameon=False, markerscale=2.5, ncols=3,
               loc="outside upper left")


def last_round(x):
    """The three clouds at the end of the game."""
    _, ax = plt.subplots(figsize=(4.8, 3.8), layout="constrained")
    points(ax, x)
    ax.set(aspect="equal", xticks=[], yticks=[], title="the last round")
    ax.legend(frameon=False, markerscale=2, bbox_to_anchor=(1, 0.5), loc="center left")


def learnt_weight(runs, gaps, start):
    """w and the distance of the sources from the target, per round of two games."""
    _, axes = plt.subplots(1, 2, figsize=(8.8, 3.1), layout="constrained")
    for name, style in zip(runs, ("-", "--"), strict=True):
        rounds = [row["round"] for row in runs[name]]
        axes[0].plot(rounds, [row["w"] for row in runs[name]], style, color="black", label=name)
        axes[1].plot(rounds, gaps[name], style, color="black")
    axes[1].axhline(start, color="0.4", ls=":", label="at the start")
    axes[0].set(title="$w$", xlabel="round", yscale="log")
    axes[1].set(title="distance of the sources from the target", xlabel="round", ylim=(0, None))
    for ax in axes:
        ax.legend(frameon=False)


def targets(start, ends):
    """The start of the game, and its end for each target, ``{row of the target: record}``."""
    fig, axes = plt.subplots(1, 4, figsize=(11, 3.3), layout="constrained")
    game_round(axes[0], start)
    axes[0].set_title("at the start")
    _legend_above(fig, axes[0])
    for ax, (target, row) in zip(axes[1:], ends.items(), strict=True):
        game_round(ax, row)
        others = " and ".join(f"${m}$" for m in "alv" if m != "alv"[target])
        ax.set_title(rf"{others} $\to$ ${'alv'[target]}$")


BARS = (  # place, name in the results, colour, hatch, label
    (-0.27, "game", "0.45", "//", "discriminator of the game"),
    (0, "budget", "0.7", "..", "fresh, the game's budget"),
    (0.27, "fresh", "black", "", "fresh, more training"),
)


def referees(results, encoded, fooled):
    """L_tal of three discriminators per lambda and seed, and the encoded vectors of two lambdas."""
    _, axes = plt.subplots(1, 3, figsize=(11.5, 3.6), layout="constrained",
                           width_ratios=[1.4, 1, 1])
    for shift, name, colour, hatch, label in BARS:
        for i, found in enumerate(results.values()):
            seeds = [row[name] for row in found]
            axes[0].bar(i + shift, np.mean(seeds), 0.25, color=colour, edgecolor="white",
                        hatch=hatch, label=label if i == 0 else None)
            axes[0].plot([i + shift] * len(seeds), seeds, "k_", ms=7)
    axes[0].axhline(fooled, color="black", ls=":", lw=1)
    axes[0].text(-0.4, fooled + 0.03, "no difference left")
    axes[0].set(xticks=range(len(results)), xticklabels=list(results), xlabel=r"$\lambda$",
                ylim=(0, 3.1), title=r"$\mathcal{L}_{tal}$ of three discriminators")
    axes[0].legend(frameon=False, loc="upper left")
    for ax, (lambda_, x_e) in zip(axes[1:], encoded.items(), strict=True):
        figures.modality_gap(x_e, ax=ax, title=f"λ = {lambda_}")
        ax.set(xticks=[], yticks=[])
    axes[1].get_legend().remove()

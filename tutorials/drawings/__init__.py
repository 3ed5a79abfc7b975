"""Drawings that are too long for a notebook: `notebook_00` has those of notebook 00, and so on."""


def loss_and_force(axes, z, values, forces):
    """Two losses of a logit z in the left axes, their forces in the right: ``{name: (n,)}``."""
    for name, style in zip(values, ("-", "--"), strict=True):
        axes[0].plot(z, values[name], style, color="black", label=name)
        axes[1].plot(z, forces[name], style, color="black")

"""Drawings that are too long for a notebook: `notebook_00` has those of notebook 00, and so on."""

# Pictures lie on a card of this colour, which is neither glaring on a dark page nor lost on a white
# one. A label that has to hide a line behind it has the same.
PAPER = "#E6E3DB"
STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def loss_and_force(axes, z, values, forces):
    """Two losses of a logit z in the left axes, their forces in the right: ``{name: (n,)}``."""
    for name, style in zip(values, ("-", "--"), strict=True):
        axes[0].plot(z, values[name], style, color="black", label=name)
        axes[1].plot(z, forces[name], style, color="black")

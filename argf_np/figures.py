r"""Pictures: training curves, the embedding space (Figure 5), the modality gap, vertex weights (Figure 6), the graph.

Every function draws into the axes that it is given, or else into a figure of its own (`axes.figure`), and returns the
axes. A figure of its own also gets a heading, which ends with ``title``, and a caption that says what to see; axes of
yours get ``title`` alone. Nothing here uses pyplot or changes a global setting, so nothing has to be closed.

One colour a modality throughout. Those of the bimodal and trimodal vertices are its mixes. ``modalities`` are the names
of all, in their order; the paper's have colours and names of their own.
"""

import re
from itertools import cycle
from math import lcm

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .paper.vertices import UNIMODAL, bimodal, trimodal

# Paul Tol's high-contrast scheme: told apart by the colour-blind, and in grey.
MODALITY_COLOURS = {"a": "#DDAA33", "l": "#004488", "v": "#BB5566"}
MODALITY_NAMES = {"a": "acoustic", "l": "language", "v": "visual"}
MORE_COLOURS = ("#117733", "#66CCEE", "#555555", "#AA4499")  # where there are other modalities than these
# Purple and cyan as in Figure 5, for negative and positive. Shapes tell classes and modalities apart without colour.
CLASS_COLOURS = ("#7B2D8E", "#2BB5CE", "#999933", "#CC6677", "#332288", "#DDCC77")
SHAPES = ("o", "^", "s", "D", "v")
INK = "0.25"

PANELS = {  # entry of the history: what its panel is called
    "embedding": "encoders, decoders\n$\\lambda L_{fal} + (1 - \\lambda) L_{rl}$",
    "discriminator": "discriminator\n$0.5\\, L_{tal}$",
    "classifier": "encoders, classifier\n$L_{cl}$",
    "fusion": "graph fusion network\nloss of $M$",
    "validation_fusion": "validation: loss of $M$",
    "validation_accuracy": "validation: accuracy of $M$",
}
WIDTH = 8  # inches; 800 pixels in the README
WORDS = 32  # letters of an utterance that fit beside its row


def modality_colours(modalities=UNIMODAL):
    """``{modality: colour}``: those of `MODALITY_COLOURS`, and others in turn for other names."""
    spare = cycle([colour for m, colour in MODALITY_COLOURS.items() if m not in modalities] + [*MORE_COLOURS])
    return {m: MODALITY_COLOURS.get(m) or next(spare) for m in modalities}


def vertex_colour(vertex, modalities=UNIMODAL):
    """RGB of a vertex: the mean of its modalities' colours, each as often as it is in the name."""
    colours = modality_colours(modalities)
    longest_first = sorted(map(re.escape, modalities), key=len, reverse=True)
    return tuple(np.mean([to_rgb(colours[m]) for m in re.findall("|".join(longest_first), vertex)], axis=0))


def vertex_label(vertex):
    r"""The weight of a vertex as the paper writes it, in mathtext: ``$\alpha_{al}$``; other names as they are."""
    if not re.fullmatch("[a-z+]+", vertex) or max(map(len, vertex.split("+"))) > 2:
        return vertex.replace("$", r"\$")
    return rf"$\alpha_{{{vertex.replace('+', '{+}')}}}$"  # braces: a plus without space around it


def layers_of(modalities):
    """``{layer: names of its vertices}`` of the graph of some modalities; two of them have no third layer."""
    layers = {"unimodal": tuple(modalities), "bimodal": tuple(bimodal(modalities)),
              "trimodal": tuple(trimodal(modalities))}
    return {name: vertices for name, vertices in layers.items() if vertices}


def fooled(m):
    r"""$0.5 L_{tal}$ of the best D where nothing can be told apart: one true of m modalities gives D = 1/m (w = 1)."""
    return 0.5 * (m * np.log(m) - (m - 1) * np.log(m - 1))


def stack_weights(out):
    """The weights of all vertices, (B, 12) for the paper's, in the order of `vertices.VERTICES`; out of `model.forward`."""
    layers = [out[name] for name in ("alpha_m", "alpha_2", "alpha_3") if name in out]
    return np.concatenate(layers)[..., 0].T


def save(figure, path):
    """Write a PNG of 1600 pixels' width without a date or a version in it: equal pictures are equal files."""
    figure.savefig(path, format="png", dpi=1600 / WIDTH, metadata={"Software": None})


def training_curves(history, axes=None, title="", modalities=UNIMODAL):
    """The loss of each update of a batch, and loss and accuracy on the validation utterances, by epoch.

    Arguments: history, the rows of `training.fit`; axes, a dict of axes with those keys of `PANELS` that the history
    has. Returns that dict.
    """
    if axes is None:
        figure = Figure((WIDTH, 5.2), layout="constrained")
        names = [name for name in PANELS if name in history[0]]
        rows = [[name for name in names if name.startswith("validation") == below] for below in (False, True)]
        rows = [row for row in rows if row]
        axes = figure.subplot_mosaic([np.repeat(row, lcm(*map(len, rows)) // len(row)).tolist() for row in rows],
                                     gridspec_kw={"hspace": 0.08})
        _describe(figure, "Training", title, (
            "Above: what each of the four updates of a batch descends, as the mean of the batches of an epoch; every "
            "panel has its own scale. Where the discriminator rises to the dotted line it can no longer tell the "
            f"modalities apart ($D=1/{len(modalities)}$, $w=1$). Below: utterances that no update sees. A loss that "
            "rises there while that of the graph fusion network above still falls is overfitting."))
    epochs = [row["epoch"] for row in history]
    for name, ax in axes.items():
        ax.plot(epochs, [row[name] for row in history], color=INK, marker=".", label="validation")
        ax.set_title(PANELS[name], fontsize="small")
        ax.set_xlabel("epoch", fontsize="small")
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.tick_params(labelsize="small")
        ax.grid(color="0.92")
        ax.spines[["top", "right"]].set_visible(False)
    if "discriminator" in axes:
        axes["discriminator"].axhline(fooled(len(modalities)), color=INK, linestyle=":")
    if (ax := axes.get("validation_accuracy")) is None:
        return axes
    if "test_accuracy" in history[0]:  # protocol "released"
        ax.plot(epochs, [row["test_accuracy"] for row in history], color=INK, linestyle="--", marker="x", label="test")
        ax.set_title("accuracy of $M$", fontsize="small")
        ax.legend(fontsize="small")
    ax.set_ylim(min(0.5, ax.get_ylim()[0]), 1.01)  # one utterance more or less is no jump
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return axes


def embedding_space(x_e, labels, classes, ax=None, title="", seed=0):
    """Figure 5: the encoded modalities side by side, (B, 3k), in two dimensions, coloured by class.

    The two dimensions are those of t-SNE where scikit-learn is installed, else the principal components.

    Arguments: x_e (3, B, k), B > 1; labels (B,), class numbers; classes, their names; seed, of t-SNE.
    """
    points, method = _two_dimensions(np.concatenate(x_e, axis=-1), seed)
    figure, ax = _canvas(ax, 5.6)
    for c, name in enumerate(classes):
        mine = np.asarray(labels) == c
        _scatter(ax, points[mine], CLASS_COLOURS[c % len(CLASS_COLOURS)], SHAPES[c % len(SHAPES)],
                 f"{name} ({mine.sum()})")
    _legend(ax)
    ax.set(xticks=[], yticks=[], xlabel=f"{method}, first dimension", ylabel=f"{method}, second dimension")
    _describe(figure, "Joint embedding space (Figure 5)", title, (
        r"Each point is an utterance: $x_a^e\,\oplus\,x_l^e\,\oplus\,x_v^e$, brought to two dimensions by "
        f"{method}. The better the classes keep apart, the more discriminative is the space; points "
        "in the other class's cluster are left to the graph fusion network."), ax)
    return ax


def modality_gap(x_e, ax=None, title="", modalities=UNIMODAL):
    """The encoded vectors of all modalities in their first two principal components, coloured by modality.

    Argument: x_e (m, B, k).
    """
    m, B, k = x_e.shape
    points, share = _principal_components(x_e.reshape(m * B, k))
    figure, ax = _canvas(ax, 5.6)
    clouds = zip(modality_colours(modalities).items(), points.reshape(m, B, 2), cycle(SHAPES), strict=False)
    for (modality, colour), cloud, shape in clouds:
        name = f"$x_{modality}^e$  {MODALITY_NAMES[modality]}" if modality in MODALITY_NAMES else modality
        _scatter(ax, cloud, colour, shape, name)
        ax.scatter(*cloud.mean(axis=0), s=110, color=colour, marker=shape, edgecolor="black", zorder=3)
    _legend(ax)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xlabel="first principal component", ylabel="second principal component")
    centres = x_e.mean(axis=1)  # (m, k)
    apart = np.mean([np.linalg.norm(centres[i] - centres[j]) for i in range(m) for j in range(i)])
    spread = np.linalg.norm(x_e - centres[:, None], axis=-1).mean()
    _describe(figure, "Modality gap", title, (
        "Each point is one modality of an utterance; outlined in black: the mean of each modality. Clouds that lie "
        "apart are the gap that adversarial training is to close, clouds on top of each other a joint space. In all "
        f"{k} dimensions the means are {apart:.2f} apart, and a vector lies {spread:.2f} from its mean, on average. "
        f"The two components hold {share:.0%} of the variance."), ax)
    return ax


def vertex_weights(weights, words, ax=None, title="", modalities=UNIMODAL):
    """Figure 6: the weights of the vertices on some utterances, a row each.

    Arguments: weights (B, 12) of `stack_weights`; words, the B transcripts (long ones are cut). Some 10 to 40 rows fit.
    Raises ValueError for another shape.
    """
    layers = layers_of(modalities)
    vertices = [vertex for layer in layers.values() for vertex in layer]
    labels = [vertex_label(vertex) for vertex in vertices]
    if weights.shape != (len(words), len(vertices)):
        raise ValueError(f"weights of shape {weights.shape}, expected {(len(words), len(vertices))}")
    crowded = len(vertices) > 12 or any(label in vertices for label in labels)  # plain names take more space
    figure, ax = _canvas(ax, 2.2 + 0.23 * len(words) + 1.6 * crowded)
    ends = np.cumsum([len(layer) for layer in layers.values()])  # 3, 6, 12
    means = [layer.mean() for layer in np.split(weights, ends[:-1], axis=1)]
    shade = weights / np.repeat(means, np.diff(ends, prepend=0)) - 1  # (B, 12), 0 for the mean of the layer
    reach = max(0.5, np.abs(shade).max())
    image = ax.imshow(shade, cmap="BrBG", vmin=-reach, vmax=reach, aspect="auto")
    for (row, column), weight in np.ndenumerate(weights if len(vertices) <= 15 else np.empty((0, 0))):
        ax.text(column, row, f"{weight:.2f}".lstrip("0"), ha="center", va="center", fontsize="x-small",
                color="white" if abs(shade[row, column]) > 0.6 * reach else "black")
    above = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center"}
    for column, vertex in enumerate(vertices):
        ax.annotate("■", (column, 1), (0, 4), color=vertex_colour(vertex, modalities), **above)
    for (name, layer), end in zip(layers.items(), ends, strict=True):
        ax.axvline(end - 0.5, color="white", linewidth=8)
        middle = end - 0.5 - len(layer) / 2
        ax.annotate(name, (middle, 0 if crowded else 1), (0, -12 if crowded else 32), fontsize="small", **above)
    ax.set_xticks(range(len(vertices)), labels, fontsize="x-small" if crowded else "medium",
                  rotation=90 if crowded else 0)
    ax.set_yticks(range(len(words)), [_shorten(text) for text in words], parse_math=False, fontsize="x-small")
    ax.tick_params(length=0)
    ax.tick_params("x", pad=11, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, aspect=40, pad=0.01, format=PercentFormatter(1))
    bar.set_label("above or below the mean of the layer", fontsize="small")
    bar.ax.tick_params(labelsize="small")
    _describe(figure, "Weights of the vertices (Figure 6)", title, (
        "Each row is an utterance, each column a vertex. The bimodal weights of a row sum to 1 and so do the trimodal "
        "ones; so that layers can be compared, a colour says how far a weight is from the mean of its layer. "
        "Look for columns of one colour: what counts for all utterances; and for rows that break them."), ax, pad=46)
    return ax


def graph(weights, ax=None, title="", modalities=UNIMODAL):
    """Figure 2: the graph fusion network with the weights of its vertices.

    Argument: weights (12,), or (B, 12), whose mean is drawn.
    """
    layers = layers_of(modalities)
    vertices = [vertex for layer in layers.values() for vertex in layer]
    weights = dict(zip(vertices, np.reshape(weights, (-1, len(vertices))).mean(axis=0), strict=True))
    colours = {vertex: vertex_colour(vertex, modalities) for vertex in vertices}
    figure, ax = _canvas(ax, max(5.4, 0.36 * len([*layers.values()][-1])))
    place = {}
    columns = (0, 0.37, 1) if len(layers) == 3 else (0, 1)
    for (name, layer), x, top in zip(layers.items(), columns, (0.33, 0.33, 0.5), strict=False):
        # placed so that no edge runs through a third vertex
        heights = np.linspace(top, -top, len(layer)) if len(layer) > 1 else [0]
        place |= {vertex: (x, y) for vertex, y in zip(layer, heights, strict=True)}
        ax.annotate(name, (x, 0.6), ha="center", fontsize="small")
    for vertex, sources in (bimodal(modalities) | trimodal(modalities)).items():
        for source in sources:
            ax.plot(*zip(place[source], place[vertex], strict=True), color=colours[source], alpha=0.55,
                    linewidth=6 * weights[source], zorder=1, solid_capstyle="round")
    ax.scatter(*zip(*place.values(), strict=True), s=[1600 * weight for weight in weights.values()],
               color=[colours[vertex] for vertex in place], edgecolor="white", linewidth=1.5, zorder=2)
    for vertex, (x, y) in place.items():
        side, align = {0: ((-20, 0), "right"), 1: ((16, 0), "left")}.get(x, ((0, 22 if y > 0 else -22), "center"))
        ax.annotate(f"{vertex_label(vertex)} = {weights[vertex]:.2f}", (x, y), side, textcoords="offset points",
                    ha=align, va="center", path_effects=[withStroke(linewidth=4, foreground="white")])
    ax.set(xlim=(-0.2, 1.2), ylim=(-0.58, 0.65))
    ax.axis("off")
    _describe(figure, "Graph fusion network (Figure 2)", title, (
        "From left to right, two vertices are fused into one. The area of a vertex is its weight, the width of an edge "
        "the weight of the vertex that it leaves. Colours are mixed from those of the modalities. In every layer "
        "but the first the weights sum to 1: equal weights would be "
        + " and ".join(f"{1 / len(layer):.2f}" for layer in [*layers.values()][1:]) + "."), ax)
    return ax


def _canvas(ax, height):
    """(None, ax), or a figure of our own with axes where ax is None."""
    if ax is not None:
        return None, ax
    figure = Figure((WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _describe(figure, heading, title, caption, ax=None, pad=None):
    """Heading and caption of a figure of our own; only the title, ``pad`` points above them, for axes that are not."""
    if figure is None:
        ax.set_title(title, pad=pad)
        return
    figure.suptitle(heading + (f" · {title}" if title else ""), x=0.01, ha="left", weight="bold", parse_math=False,
                    wrap=True)
    figure.supxlabel(caption, x=0.01, ha="left", fontsize="small", color=INK, linespacing=1.4, wrap=True)


def _scatter(ax, points, colour, shape, label):
    ax.scatter(*points.T, s=22, color=colour, marker=shape, alpha=0.8, edgecolor="white", linewidth=0.4, label=label)


def _legend(ax):
    ax.legend(frameon=False, markerscale=1.6, loc="upper left", bbox_to_anchor=(1, 1))


def _two_dimensions(x, seed):
    """Points (B, 2) for the rows of x, and the name of the method: t-SNE if scikit-learn is there, else PCA."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return _principal_components(x)[0], "PCA"
    tsne = TSNE(init="pca", perplexity=min(30, (len(x) - 1) / 3), random_state=seed)
    return tsne.fit_transform(x), "t-SNE"


def _principal_components(x):
    """The first two principal components of the rows of x, (B, 2), and their share of the variance."""
    centred = x - x.mean(axis=0)
    U, s, _ = np.linalg.svd(np.pad(centred, ((0, 0), (0, 1))), full_matrices=False)  # one column gives two, too
    return U[:, :2] * s[:2], np.sum(s[:2] ** 2) / max(np.sum(s ** 2), 1e-12)


def _shorten(text):
    text = " ".join(text.split())
    return text if len(text) <= WORDS else text[:WORDS].rsplit(" ", 1)[0] + " …"

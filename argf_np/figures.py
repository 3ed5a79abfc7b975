r"""Pictures: training curves, embedding space (Figure 5), modality gap, vertex weights (Figure 6).

Every function draws into the axes that it is given, or into a figure of its own (`axes.figure`),
and returns the axes. A figure of its own also gets a heading, which ends with ``title``, and a
caption that says what to see; axes that were given get ``title`` alone. Nothing here uses pyplot or
changes a global setting, so nothing has to be closed.

Each modality has one colour throughout; bimodal and trimodal vertices have mixed colours.
``modalities`` are the names of all modalities in their order; those of the paper have colours and
names of their own. Names of modalities and classes, words and titles are drawn literally: a ``$``
in them does not begin a formula.
"""

import re
import warnings
from itertools import cycle
from math import lcm

import numpy as np
from matplotlib.colors import TwoSlopeNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .metrics import distances
from .paper.vertices import UNIMODAL, bimodal, trimodal
from .storage.cache import say_once

# Paul Tol's high-contrast scheme, which the colour-blind can distinguish, and which works in grey.
MODALITY_COLOURS = {"a": "#DDAA33", "l": "#004488", "v": "#BB5566"}
MODALITY_NAMES = {"a": "acoustic", "l": "language", "v": "visual"}
MORE_COLOURS = ("#117733", "#66CCEE", "#555555", "#AA4499")  # of other modalities
# Purple and cyan as in Figure 5, for negative and positive. Shapes distinguish classes as well.
CLASS_COLOURS = ("#7B2D8E", "#2BB5CE", "#999933", "#CC6677", "#332288", "#DDCC77")
SHAPES = ("o", "^", "s", "D", "v")
INK = "0.25"

PANELS = {  # entry of the history: title of its panel
    "embedding": "encoders, decoders\n$\\lambda L_{fal} + (1 - \\lambda) L_{rl}$",
    "discriminator": "discriminator\n$0.5\\, L_{tal}$",
    "classifier": "encoders, classifier\n$L_{cl}$",
    "fusion": "fusion\nloss of $M$",
    "validation_fusion": "validation: loss of $M$",
    "validation_accuracy": "validation: accuracy of $M$",
}
WIDTH = 8  # inches; 800 pixels in the README
WORDS = 32  # letters of an utterance that fit beside its row


def modality_colours(modalities=UNIMODAL):
    """``{modality: colour}``: those of `MODALITY_COLOURS`, and others in turn for other names."""
    unused = [colour for m, colour in MODALITY_COLOURS.items() if m not in modalities]
    spare = cycle([*unused, *MORE_COLOURS])
    return {m: MODALITY_COLOURS.get(m) or next(spare) for m in modalities}


def vertex_colour(vertex, modalities=UNIMODAL):
    """RGB of a vertex: the mean of its modalities' colours, each as often as in its name."""
    colours = modality_colours(modalities)
    longest_first = sorted(map(re.escape, modalities), key=len, reverse=True)
    parts = re.findall("|".join(longest_first), vertex)
    return tuple(np.mean([to_rgb(colours[m]) for m in parts], axis=0))


def vertex_label(vertex):
    r"""The weight of a vertex in mathtext, as in the paper: ``$\alpha_{al}$``; other names as text.
    """
    is_short = all(len(part) <= 2 for part in vertex.split("+"))
    if not (re.fullmatch("[a-z+]+", vertex) and is_short):
        return literal(vertex)
    return rf"$\alpha_{{{vertex.replace('+', '{+}')}}}$"  # braces: a plus without space around it


def literal(text):
    """Text of the user in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


def layers_of(modalities):
    """``{layer: names of its vertices}``; the graph of two modalities has no third layer."""
    layers = {"unimodal": tuple(modalities), "bimodal": tuple(bimodal(modalities)),
              "trimodal": tuple(trimodal(modalities))}
    return {name: vertices for name, vertices in layers.items() if vertices}


def fooled(m):
    r"""$0.5 L_{tal}$ of the best discriminator if the modalities cannot be distinguished (w = 1).

    One of m modalities is true, so the best answer to every vector is D = 1/m.
    """
    return 0.5 * (m * np.log(m) - (m - 1) * np.log(m - 1))


def save(figure, path):
    """Write a PNG 1600 pixels wide, without date or version: equal pictures are equal files.

    One notice on stderr, for all pictures of a process, says that the font lacks letters.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(path, format="png", dpi=1600 / WIDTH, metadata={"Software": None})
    missing = [warning for warning in caught if "missing from font" in str(warning.message)]
    if missing:
        say_once("notice: the font of the pictures lacks some letters, which are drawn as boxes")
    for warning in caught:
        if warning not in missing:
            warnings.warn_explicit(warning.message, warning.category, warning.filename,
                                   warning.lineno)


def training_curves(history, axes=None, title="", modalities=UNIMODAL):
    """The loss of each update, and loss and accuracy on the validation utterances, per epoch.

    Arguments
        - history: the rows of `protocols.train`.
        - axes: a dict of axes with those keys of `PANELS` that the history has.
    Returns that dict.
    """
    if axes is None:
        axes = _training_axes(history, title, modalities)
    epochs = [row["epoch"] for row in history]
    for name, ax in axes.items():
        values = [row[name] for row in history]
        ax.plot(epochs, values, color=INK, marker=".", label="validation")
        ax.set_title(PANELS[name], fontsize="small")
        ax.set_xlabel("epoch", fontsize="small")
        ax.xaxis.set_major_locator(
            MaxNLocator(5, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.tick_params(labelsize="small")
        ax.grid(color="0.92")
        ax.spines[["top", "right"]].set_visible(False)
    if "discriminator" in axes:
        axes["discriminator"].axhline(fooled(len(modalities)), color=INK, linestyle=":")
    if "validation_accuracy" in axes:
        _finish_accuracy(axes["validation_accuracy"], history, epochs)
    return axes


def _training_axes(history, title, modalities):
    figure = Figure((WIDTH, 5.2), layout="constrained")
    names = [name for name in PANELS if name in history[0]]
    above = [name for name in names if not name.startswith("validation")]
    below = [name for name in names if name.startswith("validation")]
    rows = [row for row in (above, below) if row]
    columns = lcm(*map(len, rows))
    mosaic = [np.repeat(row, columns // len(row)).tolist() for row in rows]
    axes = figure.subplot_mosaic(mosaic, gridspec_kw={"hspace": 0.08})
    caption = ("Above: the loss that each update of a batch descends, as the mean of the batches "
               "of an epoch; every panel has its own scale.")
    if "discriminator" in names:
        caption += (" Where the discriminator's loss rises to the dotted line, it cannot "
                    f"distinguish the modalities any more ($D=1/{len(modalities)}$, $w=1$).")
    if below:
        caption += (" Below: utterances that no update sees. A loss that rises there while that of "
                    "the fusion above still falls is overfitting.")
    _describe(figure, "Training", title, caption)
    return axes


def _finish_accuracy(ax, history, epochs):
    if "test_accuracy" in history[0]:  # protocol "best_test"
        test = [row["test_accuracy"] for row in history]
        ax.plot(epochs, test, color=INK, linestyle="--", marker="x", label="test")
        ax.set_title("accuracy of $M$", fontsize="small")
        ax.legend(fontsize="small")
    ax.set_ylim(min(0.5, ax.get_ylim()[0]), 1.01)  # so that one more utterance is no big jump
    ax.yaxis.set_major_formatter(PercentFormatter(1))


def embedding_space(x_e, labels, classes, ax=None, title="", seed=0):
    """Figure 5: the encoded modalities side by side, (B, m k), in two dimensions, one point each.

    The two dimensions are those of t-SNE where scikit-learn is installed, else the principal
    components.

    Arguments
        - x_e (m, B, k): B > 1 utterances.
        - labels (B,): indices of classes.
        - classes: their names.
        - seed: of t-SNE.
    """
    points, method = _two_dimensions(np.concatenate(x_e, axis=-1), seed)
    figure, ax = _canvas(ax, 5.6)
    names = []
    for c, name in enumerate(classes):
        mine = np.asarray(labels) == c
        colour = CLASS_COLOURS[c % len(CLASS_COLOURS)]
        _scatter(ax, points[mine], colour, SHAPES[c % len(SHAPES)], str(c))
        names.append(literal(f"{name} ({mine.sum()})"))
    _legend(ax, names)
    ax.set(xticks=[], yticks=[], xlabel=f"{method}, first dimension",
           ylabel=f"{method}, second dimension")
    _describe(figure, "Joint embedding space (Figure 5)", title, (
        "Each point is an utterance: the encoded vectors of its modalities side by side, brought "
        f"to two dimensions by {method}. The better the classes separate, the more discriminative "
        "the space. Points in the cluster of another class are left to the fusion."), ax)
    return ax


def modality_gap(x_e, ax=None, title="", modalities=UNIMODAL):
    """The encoded vectors of all modalities in their first two principal components.

    Argument: x_e (m, B, k).
    """
    m, B, k = x_e.shape
    points, share = _principal_components(x_e.reshape(m * B, k))
    figure, ax = _canvas(ax, 5.6)
    clouds = zip(modality_colours(modalities).items(), points.reshape(m, B, 2), cycle(SHAPES),
                 strict=False)
    names = []
    for (modality, colour), cloud, shape in clouds:
        _scatter(ax, cloud, colour, shape, str(len(names)))
        ax.scatter(*cloud.mean(axis=0), s=110, color=colour, marker=shape, edgecolor="black",
                   zorder=3)
        name = literal(modality)
        if modality in MODALITY_NAMES:
            name = f"$x_{modality}^e$  {MODALITY_NAMES[modality]}"
        names.append(name)
    _legend(ax, names)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xlabel="first principal component", ylabel="second principal component")
    apart, spread = distances(x_e.reshape(m * B, k), np.repeat(np.arange(m), B))
    _describe(figure, "Modality gap", title, (
        "Each point is one modality of an utterance; the mean of each modality has a black outline."
        " Separate clouds are the gap that adversarial training is meant to close; clouds on top of"
        f" each other share one space. In all {k} dimensions the means are {apart:.2f} apart, and a"
        f" vector is {spread:.2f} from its mean, on average. The two components hold {share:.0%} of"
        " the variance."), ax)
    return ax


def vertex_weights(weights, words, ax=None, title="", modalities=UNIMODAL):
    """Figure 6: the weights of the vertices on some utterances, one row per utterance.

    Arguments
        - weights (B, 12): of `vertices.stack_weights`. Some 10 to 40 rows fit.
        - words: the B transcripts; long ones are cut.
    Raises ValueError for another shape.
    """
    layers = layers_of(modalities)
    vertices = [vertex for layer in layers.values() for vertex in layer]
    labels = [vertex_label(vertex) for vertex in vertices]
    if weights.shape != (len(words), len(vertices)):
        raise ValueError(f"weights of shape {weights.shape}, "
                         f"expected {(len(words), len(vertices))}")
    # Plain names take more space than letters.
    crowded = len(vertices) > 12 or not all(label.startswith(r"$\alpha") for label in labels)
    figure, ax = _canvas(ax, 2.2 + 0.23 * len(words) + 1.6 * crowded)
    shade = _relative_to_layer(weights, layers)
    lowest, highest = min(-0.5, shade.min()), max(0.5, shade.max())
    norm = TwoSlopeNorm(0, lowest, highest)
    image = ax.imshow(shade, cmap="BrBG", norm=norm, aspect="auto")
    if len(vertices) <= 15:
        for (row, column), weight in np.ndenumerate(weights):
            is_dark = abs(norm(shade[row, column]) - 0.5) > 0.3
            ax.text(column, row, f"{weight:.2f}".lstrip("0"), ha="center", va="center",
                    fontsize="x-small", color="white" if is_dark else "black")
    _label_vertices(ax, layers, labels, modalities, crowded)
    rows = [_shorten(text) for text in words]
    ax.set_yticks(range(len(words)), rows, parse_math=False, fontsize="x-small")
    bar = ax.figure.colorbar(image, ax=ax, aspect=40, pad=0.01, format=PercentFormatter(1))
    bar.set_label("above or below the mean of the layer", fontsize="small")
    bar.ax.tick_params(labelsize="small")
    trimodal_ones = ", and so do the trimodal ones" if "trimodal" in layers else ""
    _describe(figure, "Weights of the vertices (Figure 6)", title, (
        "Each row is an utterance, each column a vertex. The bimodal weights of a row sum to 1"
        f"{trimodal_ones}. To make layers comparable, the colour says how far a weight "
        "is from the mean of its layer. A column of one colour is a vertex whose weight is high, "
        "or low, for all utterances. Look for rows that differ."), ax, pad=46)
    return ax


def _relative_to_layer(weights, layers):
    """How far each weight is above the mean of its layer, as a share of it: (B, 12), from -1."""
    parts, start = [], 0
    for layer in layers.values():
        of_layer = weights[:, start:start + len(layer)]
        parts.append(of_layer / of_layer.mean() - 1)
        start += len(layer)
    return np.concatenate(parts, axis=1)


def _label_vertices(ax, layers, labels, modalities, crowded):
    """Names and colours above the columns of Figure 6, and gaps between the layers."""
    above = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center"}
    column = 0
    for name, layer in layers.items():
        middle = column + (len(layer) - 1) / 2
        height, offset = (0, -12) if crowded else (1, 32)
        ax.annotate(name, (middle, height), (0, offset), fontsize="small", **above)
        for vertex in layer:
            colour = vertex_colour(vertex, modalities)
            ax.annotate("■", (column, 1), (0, 4), color=colour, **above)
            column += 1
        ax.axvline(column - 0.5, color="white", linewidth=8)
    ax.set_xticks(range(len(labels)), labels, fontsize="x-small" if crowded else "medium",
                  rotation=90 if crowded else 0)
    ax.tick_params(length=0)
    ax.tick_params("x", pad=11, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)


def graph(weights, ax=None, title="", modalities=UNIMODAL):
    """Figure 2: the graph fusion network with the weights of its vertices.

    Argument: weights (12,), or (B, 12), whose mean is drawn.
    """
    layers = layers_of(modalities)
    vertices = [vertex for layer in layers.values() for vertex in layer]
    means = np.atleast_2d(weights).mean(axis=0)
    weights = dict(zip(vertices, means, strict=True))
    colours = {vertex: vertex_colour(vertex, modalities) for vertex in vertices}
    last = [*layers.values()][-1]
    figure, ax = _canvas(ax, max(5.4, 0.36 * len(last)))
    place = _places(layers)
    for vertex, sources in (bimodal(modalities) | trimodal(modalities)).items():
        for source in sources:
            ax.plot(*zip(place[source], place[vertex], strict=True), color=colours[source],
                    alpha=0.55, linewidth=6 * weights[source], zorder=1, solid_capstyle="round")
    ax.scatter(*zip(*place.values(), strict=True), s=[1600 * w for w in weights.values()],
               color=[colours[vertex] for vertex in place], edgecolor="white", linewidth=1.5,
               zorder=2)
    for name, layer in layers.items():
        ax.annotate(name, (place[layer[0]][0], 0.6), ha="center", fontsize="small")
    for vertex, (x, y) in place.items():
        beside = -24 if y == 0 else 0  # next to the edge that ends there
        offset, align = (beside, -22 if y < 0 else 22), "center"
        if x in (0, 1):
            radius = np.sqrt(1600 * weights[vertex] / np.pi)  # points
            side, align = (-1, "right") if x == 0 else (1, "left")
            offset = side * (radius + 4), 0
        ax.annotate(f"{vertex_label(vertex)} = {weights[vertex]:.2f}", (x, y), offset,
                    textcoords="offset points", ha=align, va="center",
                    path_effects=[withStroke(linewidth=4, foreground=ax.get_facecolor())])
    ax.set(xlim=(-0.25, 1.25), ylim=(-0.58, 0.65))
    ax.axis("off")
    equal = " and ".join(f"{1 / len(layer):.2f}" for layer in [*layers.values()][1:])
    _describe(figure, "Graph fusion network (Figure 2)", title, (
        "From left to right, two vertices are fused into one. The area of a vertex is its weight; "
        "the width of an edge is the weight of the vertex that it leaves. Colours are mixed from "
        "those of the modalities. In every layer but the first the weights sum to 1: equal weights "
        f"would be {equal}."), ax)
    return ax


def _places(layers):
    """``{vertex: (x, y)}``, chosen so that no edge runs through a third vertex."""
    columns = (0, 0.63, 1) if len(layers) == 3 else (0, 1)
    tops = (0.33, 0.43, 0.5)
    place = {}
    for layer, x, top in zip(layers.values(), columns, tops, strict=False):
        heights = np.linspace(top, -top, len(layer)) if len(layer) > 1 else [0]
        for vertex, y in zip(layer, heights, strict=True):
            place[vertex] = x, y
    return place


def _canvas(ax, height):
    """(None, ax), or a figure of our own with axes where ax is None."""
    if ax is not None:
        return None, ax
    figure = Figure((WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _describe(figure, heading, title, caption, ax=None, pad=None):
    """Heading and caption of a figure of our own; otherwise only the title above the axes."""
    if figure is None:
        ax.set_title(title, pad=pad, parse_math=False)
        return
    if title:
        heading += f" · {title}"
    figure.suptitle(heading, x=0.01, ha="left", weight="bold", parse_math=False, wrap=True)
    figure.supxlabel(caption, x=0.01, ha="left", fontsize="small", color=INK, linespacing=1.4,
                     wrap=True)


def _scatter(ax, points, colour, shape, label):
    ax.scatter(*points.T, s=22, color=colour, marker=shape, alpha=0.8, edgecolor="white",
               linewidth=0.4, label=label)


def _legend(ax, names):
    """A legend beside the axes. Names are set last, since a label with ``_`` would be left out."""
    legend = ax.legend(frameon=False, markerscale=1.6, loc="upper left", bbox_to_anchor=(1, 1))
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _two_dimensions(x, seed):
    """Points (B, 2) for the rows of x, and the method: t-SNE if scikit-learn is there, else PCA."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return _principal_components(x)[0], "PCA"
    tsne = TSNE(init="pca", perplexity=min(30, (len(x) - 1) / 3), random_state=seed)
    return tsne.fit_transform(x), "t-SNE"


def _principal_components(x):
    """The first two principal components of the rows of x, (B, 2), and their share of variance."""
    centred = x - x.mean(axis=0)
    padded = np.pad(centred, ((0, 0), (0, 1)))  # so that one column gives two components
    U, s, _ = np.linalg.svd(padded, full_matrices=False)
    return U[:, :2] * s[:2], np.sum(s[:2] ** 2) / max(np.sum(s ** 2), 1e-12)


def _shorten(text):
    text = " ".join(text.split())
    if len(text) <= WORDS:
        return text
    return text[:WORDS].rsplit(" ", 1)[0] + " …"

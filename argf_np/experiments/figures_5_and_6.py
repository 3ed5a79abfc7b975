"""Figures 5 and 6: pictures of seed 0, and the numbers that belong to them over all seeds."""

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..paper.vertices import stack_weights
from ..storage import files
from .markdown import grid, heading, page, with_ends, with_half_width
from .statistics import LEVEL, mean_interval

SHOWN = 24  # utterances in Figure 6
MEASURES = (("gap", 0), ("gap", 1), ("separation", 0), ("separation", 1))


def embedding(experiment, subject, results, path):
    """Draw Figure 5 to ``path``. Returns its numbers as Markdown.

    - results: ``{label: [result of each seed, as `runs.execute` returns it]}``.
    """
    source = subject.corpus.source
    draw_embedding(subject, results, path)
    reference, m = results[experiment.reference], len(subject.corpus.features)
    lines = [["UCLN features", *measured(reference, space=0)]]
    differences = []
    for label, some in results.items():
        lines.append([label, *measured(some, space=1)])
        if some is not reference:
            differences.append([label, *changed(some, reference)])
    seeds, count = len(reference), len(differences) * len(MEASURES)
    what = (f"mean ± half of the 95 % interval over {seeds} seeds, for other seeds and the same "
            "test videos")
    paired = (f"Difference to “{experiment.reference}”, paired by seed. These are {count} "
              f"comparisons. About {count * (1 - LEVEL):.1g} of their intervals would exclude 0 by "
              "chance.")
    if seeds == 1:
        what = "one seed, and so no interval"
        paired = f"Difference to “{experiment.reference}” of the same seed."
    columns = ["modality: probe", "modality: distance", "class: probe", "class: distance"]
    return page(
        heading(experiment.title, source), f"![{path.stem}]({path.name})",
        f"How far modalities and classes lie apart, {source} data, test utterances: {what}. "
        "Probe: the accuracy in percent of a linear probe (least squares, fitted to the training "
        f"utterances) of the modality of a vector, where chance is {100 / m:.1f}, and of the "
        "class of an utterance from the vectors of all modalities. Distance: between the means of "
        "two modalities or classes, in units of the mean distance of a vector from its own mean.",
        grid(["", *columns], lines),
        paired,
        grid(["", *columns], differences))


def measure(some, name, place, space):
    """One of `MEASURES` of each seed, (seeds,); probes in percent."""
    scale = 100 if place == 0 else 1
    return scale * np.array([result[name][space, place] for result in some])


def measured(some, space):
    """Cells: every measure of the UCLN features (space 0) or of the embedding (1)."""
    return [with_half_width(*mean_interval(measure(some, *which, space))) for which in MEASURES]


def changed(some, reference):
    """Cells: the difference of every measure of the embedding to the reference's."""
    cells = []
    for which in MEASURES:
        difference = measure(some, *which, 1) - measure(reference, *which, 1)
        mean, half = mean_interval(difference)
        cells.append(with_ends(mean, mean - half, mean + half, sign="+"))
    return cells


def draw_embedding(subject, results, path):
    """Four panels of seed 0: by class with and without C, by modality with and without D."""
    argf, plain, apart = [some[0] for some in results.values()]
    classes, modalities = subject.corpus.classes, tuple(subject.corpus.features)
    figure = Figure((2 * figures.WIDTH, 11), layout="constrained")
    (left, right), (below_left, below_right) = figure.subplots(2, 2)
    figures.embedding_space(argf["x_e"], argf["label"], classes, left, "with the classifier")
    figures.embedding_space(plain["x_e"], plain["label"], classes, right, "without the classifier")
    figures.modality_gap(argf["x_e"], below_left, "with adversarial training", modalities)
    figures.modality_gap(apart["x_e"], below_right, "without adversarial training", modalities)
    figure.suptitle(f"Test utterances of {subject.title} in the embedding space, "
                    f"{subject.corpus.source} data, seed 0; above by class, below by modality",
                    x=0.01, ha="left", weight="bold")
    with files.replacing(path) as part:
        figures.save(figure, part)


def vertices(experiment, subject, results, path):
    """Draw Figure 6 to ``path``. Returns its numbers as Markdown.

    The picture bears the ids of the utterances, so that it can be passed on where the data cannot.
    Another one, beside it, bears their words.
    """
    source, modalities = subject.corpus.source, tuple(subject.corpus.features)
    with_words = path.with_stem(f"{path.stem}_words")
    draw_vertices(subject, results, subject.corpus.ids, path)
    draw_vertices(subject, results, subject.corpus.words, with_words)
    seeds = len(results[experiment.reference])
    n = len(subject.corpus.utterances("test"))
    header, columns = [""], []
    for label, some in results.items():
        header += [f"{label}: mean", f"{label}: deviation"]
        weights = np.array([result["weights"] for result in some])  # (seeds, 2, vertices)
        columns += [weights[:, 0].T, weights[:, 1].T]
    lines = []
    names = [name for layer in figures.layers_of(modalities).values() for name in layer]
    for i, name in enumerate(names):
        cells = [with_half_width(*mean_interval(column[i]), places=3) for column in columns]
        lines.append([name, *cells])
    return page(
        heading(experiment.title, source), f"![{path.stem}]({path.name})",
        f"Mean and standard deviation of each weight over the {n} test utterances, {source} data; "
        f"both as mean ± half of the 95 % interval over {seeds} seeds, for other seeds and the "
        "same test videos. The bimodal weights of an utterance sum to 1, and so do the trimodal "
        "ones. The picture is of seed 0. Its rows bear the ids of the utterances. The command also "
        f"writes {with_words.name}, with their words, which must not be passed on where the data "
        "cannot.",
        grid(header, lines))


def draw_vertices(subject, results, texts, path):
    """The weights on some test utterances of seed 0, one panel per row of the experiment."""
    test, modalities = subject.corpus.utterances("test"), tuple(subject.corpus.features)
    shown = np.linspace(0, len(test) - 1, min(SHOWN, len(test))).astype(int)
    figure = Figure((figures.WIDTH, 7 * len(results)), layout="constrained")
    panels = figure.subplots(len(results))
    for ax, (label, some) in zip(panels, results.items(), strict=True):
        weights = stack_weights(some[0])[shown]
        rows = [texts[test[i]] for i in shown]
        figures.vertex_weights(weights, rows, ax, label, modalities)
    figure.suptitle(f"The weights of the vertices, {subject.title}, {subject.corpus.source} data, "
                    "seed 0", x=0.01, ha="left", weight="bold")
    with files.replacing(path) as part:
        figures.save(figure, part)

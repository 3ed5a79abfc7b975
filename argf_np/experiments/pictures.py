"""Figures 5 and 6 from finished runs, with their numbers, and the coverage of the intervals."""

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..paper.vertices import VERTICES
from ..storage import files
from .markdown import grid, heading, interval

COVERAGE_LINES = {"old": (figures.MODALITY_COLOURS["a"], "--"),
                  "new": (figures.MODALITY_COLOURS["l"], "-")}
COVERAGE_SHAPES = ("o", "s", "^", "D", "v", "X")


def figure5(table, results, corpus, path):
    """Draw Figure 5 from seed 0, and give the modality gap of all seeds as Markdown."""
    full, plain, apart = ([*results.values()][i][0] for i in range(3))
    figure = Figure((2 * figures.WIDTH, 11), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, result, title in ((axes[0, 0], full, "with the classifier"), (axes[0, 1], plain, "without the classifier")):
        figures.embedding_space(result["x_e"], result["label"], result["classes"].tolist(), ax, title)
    for ax, result, title in ((axes[1, 0], full, "with adversarial training"),
                              (axes[1, 1], apart, "without adversarial training")):
        figures.modality_gap(result["x_e"], ax, title)
    figure.suptitle(f"Figure 5: test utterances in the embedding space, {corpus.source} data, seed 0; above by class, "
                    "below by modality", x=0.01, ha="left", weight="bold")
    with files.replacing(path) as part:
        figures.save(figure, part)
    lines = []
    for row, some in results.items():
        gaps = np.stack([result["gap"] for result in some])  # (seeds, 2, 2)
        lines += [[f"{row.label}: {name}", interval(100 * gaps[:, i, 0]), interval(gaps[:, i, 1])]
                  for i, name in enumerate(("UCLN features", "embedding")) if row.label == "ARGF" or i]
    m, n_seeds = len(full["x_e"]), len(results[table.rows[0]])
    return "\n\n".join([
        heading(table, corpus.source), f"![Figure 5]({path.name})",
        f"How far the modalities lie apart, {corpus.source} data, test utterances, mean ± half of the 95 % interval "
        f"over {n_seeds} seeds. Probe: the accuracy in percent of a linear probe (least squares, fitted on the "
        f"training utterances) that tells the {m} modalities apart; chance is {100 / m:.1f}. "
        "Distance: between the means of two modalities, in units of the mean distance of a vector from its own mean.",
        grid(["", "probe", "distance"], lines)]) + "\n"


def figure6(table, results, corpus, path):
    """Draw Figure 6 for 24 test utterances of seed 0, a panel a row, and give the means over all of them as Markdown.

    The rows of one picture bear the words. Those of the other, which goes with the Markdown, bear the utterances' ids,
    so that it can be passed on where the data cannot.
    """
    weights = {row.label: figures.stack_weights(some[0]) for row, some in results.items()}
    test, with_words = corpus.utterances("test"), path.with_stem(f"{path.stem}_words")
    shown = np.linspace(0, len(test) - 1, 24).astype(int)
    for texts, file in ((corpus.words, with_words), (corpus.ids, path)):
        figure = Figure((figures.WIDTH, 7 * len(weights)), layout="constrained")
        for ax, (label, of) in zip(figure.subplots(len(weights)), weights.items(), strict=True):
            figures.vertex_weights(of[shown], [texts[test[i]] for i in shown], ax, label)
        figure.suptitle(f"Figure 6: the weights of the vertices, {corpus.source} data, seed 0", x=0.01, ha="left",
                        weight="bold")
        with files.replacing(file) as part:
            figures.save(figure, part)
    lines = [[f"{label}, {name}", *(f"{w:.3f}" for w in of)] for label, all_of in weights.items()
             for name, of in (("mean", all_of.mean(axis=0)), ("deviation", all_of.std(axis=0)))]
    return "\n\n".join([
        heading(table, corpus.source), f"![Figure 6]({path.name})",
        f"Mean and standard deviation over the {len(test)} test utterances, seed 0; the bimodal weights of an "
        f"utterance sum to 1, and so do the trimodal ones. The rows of {with_words.name} bear the utterances' words; "
        "here they bear their ids, so that this page can be passed on where the data cannot.",
        grid(["", *VERTICES], lines)]) + "\n"


def coverage(rows):
    """Draw how often the old and the new intervals cover the truth. Returns the Figure.

    - rows: those of `coverage.simulation`. One panel per interval, one line per scenario.
    """
    intervals, scenarios = unique(rows, "interval"), unique(rows, "scenario")
    shapes = dict(zip(scenarios, COVERAGE_SHAPES, strict=False))
    figure = Figure((figures.WIDTH, 5.2), layout="constrained")
    panels = figure.subplots(1, len(intervals), sharey=True, squeeze=False)[0]
    for ax, interval_name in zip(panels, intervals, strict=True):
        of_interval = [row for row in rows if row["interval"] == interval_name]
        coverage_panel(ax, of_interval, shapes)
        ax.set_title(interval_name, fontsize="small")
    panels[0].set_ylabel("intervals that cover the truth, %", fontsize="small")
    # Lines without points, for the legend.
    for which, (colour, line) in COVERAGE_LINES.items():
        panels[0].plot([], line, color=colour, label=f"{which} interval")
    for scenario, shape in shapes.items():
        panels[0].plot([], marker=shape, linestyle="", color=figures.INK, label=scenario)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    figure.suptitle("Coverage of intervals of 95 %; the grey band is 93 to 97 %", x=0.01,
                    ha="left", weight="bold")
    return figure


def coverage_panel(ax, rows, shapes):
    """Draw the rows of one interval into axes. shapes: ``{scenario: marker}``."""
    ax.axhspan(93, 97, color="0.9")
    for which, (colour, line) in COVERAGE_LINES.items():
        for scenario, shape in shapes.items():
            shares = [row[which] for row in rows if row["scenario"] == scenario]
            ax.plot(shares, line, color=colour, marker=shape, markersize=5, linewidth=1)
    seeds = unique(rows, "seeds")
    ax.set_xticks(range(len(seeds)), seeds)
    ax.set_xlabel("seeds", fontsize="small")
    ax.tick_params(labelsize="small")
    ax.spines[["top", "right"]].set_visible(False)


def unique(rows, key):
    """The values that the rows have under a key, each once, in their order."""
    return list(dict.fromkeys(row[key] for row in rows))

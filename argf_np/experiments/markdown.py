"""A table of the paper as Markdown: the paper's figures, ours with intervals, and differences."""

import math

import numpy as np

from .. import metrics
from .statistics import mean_interval, paired_difference


def render(table, results, source):
    """The Markdown of a `Table` from ``{row: [result of each seed]}``, as `runs.execute` gives them."""
    scores = {row: [score(result) for result in some] for row, some in results.items()}
    reference = next((row for row in results if row.changes == {}), None)
    by_class = [f"{name}" for name in table.classes]
    header = ["", "accuracy", "the paper's", "weighted F1", "the paper's",
              *(text for name in by_class for text in (name, "the paper's")), "difference to ARGF", "seeds", "protocol",
              "variant"]
    lines = []
    for row in table.rows:
        paper = [*row.paper, *[None] * (2 + len(table.classes) - len(row.paper))]
        if row not in results:
            ours = ["–"] * (2 + len(table.classes))
            rest = ["–"] * 4
        else:
            ours = [interval([s[name] for s in scores[row]]) for name in ("accuracy", "f1_weighted", *table.classes)]
            settings = row.changes
            rest = [difference(results[row], results.get(reference), row is reference), str(len(results[row])),
                    "–" if settings.get("model") in ("logistic", "bc_lstm") else settings.get("protocol", "fixed"),
                    settings.get("variant", "paper")]
        cells = [text for pair in zip(ours, map(printed, paper), strict=True) for text in pair]
        lines.append([row.label, *cells, *rest])
    if alone := unimodal(results, reference):
        lines += [[label, *alone_cells, *[""] * (len(header) - 1 - len(alone_cells))] for label, *alone_cells in alone]
    n = len(results[reference][0]["label"]) if reference else 0
    about = (f"{source} data, {n} test utterances; in percent; mean ± half of the 95 % interval over seeds 0, 1, … "
             "(Student's t); the difference is paired by seed and test utterance, its 95 % interval a bootstrap over "
             "seeds and test videos.")
    return "\n\n".join(part for part in (f"## {table.title}", about, grid(header, lines), table.notes) if part) + "\n"


def score(result):
    """Accuracy, weighted F1 and the accuracy of each class, in percent."""
    classes = result["classes"].tolist()
    s = metrics.scores(result["label"], result["prediction"], classes)
    values = {"accuracy": s["accuracy"], "f1_weighted": s["f1_weighted"]}
    values |= {name: s["per_class"][name]["accuracy"] for name in classes}
    return {name: 100 * value for name, value in values.items()}


def unimodal(results, reference):
    """Lines for the UCLN of each modality alone, and for the most frequent class."""
    if reference is None:
        return []
    some = results[reference]
    label, classes = some[0]["label"], some[0]["classes"].tolist()
    every = np.bincount(label, minlength=len(classes)).argmax()
    names = str(some[0]["modalities"]).split(",")
    lines = [[f"{m} alone (its UCLN)", interval([100 * np.mean(r["unimodal"][i] == r["label"]) for r in some])]
             for i, m in enumerate(names) if len(some[0]["unimodal"])]
    return [*lines, [f"always {classes[every]}", f"{100 * np.mean(label == every):.2f}"]]


def difference(some, reference, same):
    """The paired difference to the reference with its interval."""
    if same or reference is None:
        return "–"
    correct, theirs = (np.stack([r["prediction"] == r["label"] for r in rs]) for rs in (some, reference))
    gain, low, high = (100 * value for value in paired_difference(correct, theirs, some[0]["video"]))
    return f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]"


def interval(values):
    """Mean ± half width."""
    mean, half = mean_interval(values)
    return f"{mean:.2f}" + ("" if math.isnan(half) else f" ± {half:.2f}")


def printed(figure):
    """A figure of the paper, or nothing."""
    return "" if figure is None else f"{figure:.2f}"


def grid(header, lines):
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *lines])

"""A table of the paper as Markdown: the paper's figures, ours with intervals, and differences."""

import math
from dataclasses import asdict

import numpy as np

from .. import metrics
from ..settings import flag, preset
from .runs import settings_of
from .statistics import mean_interval, paired_difference
from .tables import AVERAGE


def render(table, results, source):
    """The Markdown of a `Table` from ``{row: [result of each seed]}``, as `runs.execute` gives them."""
    reference = next(some for row, some in results.items() if row.label == table.reference)
    details = [name for name in table.columns if name not in AVERAGE]
    lines, by_class = [], []
    for row in table.rows:
        some = results.get(row, [])
        lines.append([row.label, *beside(some, row.paper, AVERAGE), *(
            [difference(some, reference), str(len(some)), *how(some[0]), source] if some else ["–"] * 5)])
        by_class.append([row.label, *beside(some, row.paper, details)])
    if table.floors:
        lines += [[label, accuracy, *[""] * 4, str(len(reference)), "–", "–", source]
                  for label, accuracy in floors(reference)]
    grids = [grid(["", *with_paper(AVERAGE), "difference", "seeds", "protocol", "variant", "source"], lines)]
    if details:
        grids += ["Of each class, its accuracy and, where the paper has it, its F1:",
                  grid(["", *with_paper(details)], by_class)]
    parts = [heading(table, source), about(table, reference), *grids, verdict(table, results, reference), table.notes]
    return "\n\n".join(filter(None, parts)) + "\n"


def heading(table, source):
    """The title; synthetic data is named in it."""
    return f"## {table.title}" + (", SYNTHETIC corpus of that shape" if source == "synthetic" else "")


def about(table, reference):
    """What the figures are, and the settings that all rows share."""
    now = settings_of(reference[0])
    usual = asdict(preset(table.dataset))
    changed = [f"{flag(name)} {value}" for name, value in asdict(now).items() if value != usual[name]]
    return (
        f"In percent of {len(reference[0]['label'])} test utterances, mean ± half of the 95 % interval over the seeds "
        f"0, 1, … (Student's t). Difference: of the accuracy to that of “{table.reference}”, paired by seed and test "
        "utterance, with a 95 % bootstrap interval over seeds and test videos. Settings: the preset of "
        f"{table.dataset}{', but for' * bool(changed)} {', '.join(changed)}".rstrip() + ".")


def verdict(table, results, reference):
    """In words: where the difference is told from 0, beside what the paper says of these rows."""
    best = next(row.paper.get("accuracy") for row in table.rows if row.label == table.reference)
    rows = [row for row in results if best and row.paper.get("accuracy") and row.label != table.reference]
    if not rows:
        return ""
    below, apart = [row for row in rows if row.paper["accuracy"] < best], {"below": [], "above": [], "around": []}
    for row in rows:
        _, low, high = gain(results[row], reference)
        apart["below" if high < 0 else "above" if low > 0 else "around"].append(row.label)
    return (f"The paper puts {len(below)} of these {len(rows)} below “{table.reference}”. Here the interval of the "
            "difference lies " + "; ".join(f"{where} 0 for {', '.join(labels) or 'none'}" for where, labels in
                                           apart.items()) + ".")


def with_paper(columns):
    """Headings: each column, and the paper's figure beside it."""
    return [text for name in columns for text in (name, "the paper's")]


def beside(some, paper, columns):
    """Cells: our interval of each column, and the paper's figure beside it."""
    scores = [score(result) for result in some]
    return [text for name in columns for text in (
        interval([s[name] for s in scores]) if some else "–", printed(paper.get(name)))]


def score(result):
    """Accuracy, weighted F1 and the accuracy and F1 of each class, in percent."""
    classes = result["classes"].tolist()
    s = metrics.scores(result["label"], result["prediction"], classes)
    values = {"accuracy": s["accuracy"], "weighted F1": s["f1_weighted"]}
    for name in classes:
        values |= {name: s["per_class"][name]["accuracy"], f"{name} F1": s["per_class"][name]["f1"]}
    return {name: 100 * value for name, value in values.items()}


def how(result):
    """Protocol and variant of a run, as far as its model has any."""
    settings = settings_of(result)
    if settings.model in ("logistic", "bc_lstm"):
        return ["–", "–"]
    return [settings.protocol, settings.variant]


def floors(some):
    """Labels and accuracies: of the UCLN of each modality alone, and of always the most frequent class."""
    label, classes = some[0]["label"], some[0]["classes"].tolist()
    names = str(some[0]["modalities"]).split(",")
    alone = [[100 * np.mean(result["unimodal"][i] == label) for result in some]
             for i in range(len(some[0]["unimodal"]))]
    frequent = np.bincount(label).argmax()
    return [*((f"UCLN of {m} alone", interval(values)) for m, values in zip(names, alone, strict=False)),
            (f"always {classes[frequent]}", printed(100 * np.mean(label == frequent)))]


def difference(some, reference):
    """The paired difference to the reference with its interval."""
    if some is reference:
        return "–"
    mean, low, high = gain(some, reference)
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def gain(some, reference):
    """`paired_difference` of the results of some seeds to those of the reference, in percent."""
    correct, theirs = (np.stack([r["prediction"] == r["label"] for r in rs]) for rs in (some, reference))
    return [100 * value for value in paired_difference(correct, theirs, some[0]["video"])]


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

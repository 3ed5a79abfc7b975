"""A table of accuracies: the paper's figures, ours with intervals, paired differences."""

import re

import numpy as np

from .. import metrics
from ..settings import WITHOUT_PROTOCOL
from .markdown import grid, heading, page, with_ends, with_half_width
from .printed import AVERAGE
from .runs import settings_of
from .statistics import accuracy_interval, comparisons_note, mean_interval, paired_difference, scope

WITHOUT_VARIANT = ("logistic",)  # there is one reading of it
ALWAYS_RELEASED = ("chfusion",)  # the one reading is that of its authors' code
PARTS = ("fusion", "without", "target")  # settings that a figure of the paper is about


def render(experiment, subject, results):
    """The Markdown of an `Experiment` of accuracies.

    - results: ``{label: [result of each seed, as `runs.execute` returns it]}`` of its rows.
    """
    source, reference = subject.corpus.source, results[experiment.reference]
    lines = {row.label: results.get(row.label, []) for row in experiment.rows}
    paper = {row.label: comparable(row, lines[row.label], subject) for row in experiment.rows}
    if experiment.alone:
        lines |= floors(results)
    grids = [averages(lines, paper, reference, source)]
    if experiment.by_class:
        grids += ["Of each class, the accuracy on its utterances; F1 where it is said:",
                  classes(lines, paper, experiment.by_class)]
    return page(heading(experiment.title, source), about(experiment, subject, reference), *grids,
                verdict(experiment, paper, lines), warned(lines), experiment.notes)


def comparable(row, some, subject):
    """The paper's figures of a row, without those that are of another ARGF than its runs.

    A flag for all rows, such as ``--target a``, changes the rows that do not name a target.
    """
    expected = subject.settings(**row.changes or {})
    if not some or expected.model != "argf":
        return row.paper
    found = settings_of(some[0])
    same = all(getattr(found, name) == getattr(expected, name) for name in PARTS)
    return row.paper if same else {}


def about(experiment, subject, reference):
    """What the figures are, and the settings that all rows share."""
    n, seeds = len(reference[0]["label"]), len(reference)
    videos = len(np.unique(reference[0]["video"]))
    changed = subject.flags(settings_of(reference[0]))
    settings = f"the preset of {subject.corpus.published or 'own data'}"
    settings += ", but for " if changed else ""
    interval = scope(seeds, videos)
    if seeds > 1 and videos > 1:
        interval = (f"in brackets, the 95 % interval {interval}; after ±, half the width of the "
                    "95 % interval for other seeds and the same test videos")
    runs = "mean over the seeds 0, 1, …" if seeds > 1 else "seed 0"
    return (
        f"In percent of {n} test utterances of {videos} videos, {subject.corpus.source} data; "
        f"{runs}; {interval}. Difference: of the accuracy to that of "
        f"“{experiment.reference}”, paired by seed and utterance. Settings: {settings}"
        f"{', '.join(changed)}.")


def averages(lines, paper, reference, source):
    """The grid of accuracy, weighted F1 and difference, one line per row."""
    header, cells = beside(lines, paper, AVERAGE)
    rows = []
    for label, some in lines.items():
        mark = "†" if any(len(result["warnings"]) for result in some) else ""
        rows.append([label + mark, *cells[label], difference(some, reference),
                     str(len(some) or "–"), *how(some), source])
    return grid(["", *header, "difference", "seeds", "protocol", "variant", "source"], rows)


def classes(lines, paper, columns):
    """The grid of the classes, one line per row that has a figure."""
    header, cells = beside(lines, paper, columns)
    rows = [[label, *cells[label]] for label in lines if {*cells[label]} - {"", "–"}]
    return grid(["", *header], rows)


def beside(lines, paper, columns):
    """Our figures, and beside them the paper's where it has any in a column.

    - lines: ``{label: results}``. paper: ``{label: {column: figure}}``.

    Returns the header and ``{label: cells}``.
    """
    header, cells = [], {label: [] for label in lines}
    for column in columns:
        figures = {label: paper.get(label, {}).get(column) for label in lines}
        in_paper = any(value is not None for value in figures.values())
        header += [column, "the paper's"] if in_paper else [column]
        for label, some in lines.items():
            cells[label].append(cell(some, column))
            if in_paper:
                cells[label].append(figure(figures[label]))
    return header, cells


def floors(results):
    """What each modality alone gives, and the most frequent class: ``{label: results}``."""
    some = next((some for some in results.values() if len(some[0]["unimodal"])), None)
    found = {}
    if some:
        for i, m in enumerate(some[0]["modalities"]):
            found[f"{m} alone"] = [
                guessing(result, result["unimodal"][i], result["unimodal_warnings"][i])
                for result in some]
    some = next(iter(results.values()))
    always = metrics.most_frequent(some[0]["label"])
    name = some[0]["classes"][always[0]]
    found[f"always {name}"] = [guessing(result, always) for result in some]
    return found


def guessing(result, prediction, warning=""):
    """The result with another prediction, which no model of the settings gave."""
    warnings = [warning] if warning else []
    return result | {"prediction": prediction, "warnings": warnings, "by_model": False}


def score(result):
    """Accuracy, weighted F1, and accuracy and F1 of each class, in percent."""
    names = [str(name) for name in result["classes"]]
    found = metrics.scores(result["label"], result["prediction"], names)
    values = {"accuracy": found["accuracy"], "weighted F1": found["f1_weighted"]}
    for name in names:
        values[name] = found["per_class"][name]["accuracy"]
        values[f"{name} F1"] = found["per_class"][name]["f1"]
    return {name: 100 * value for name, value in values.items()}


def correct(some):
    """Whether each run is right about each test utterance, (seeds, n)."""
    return np.array([result["prediction"] == result["label"] for result in some])


def accuracy(some):
    """Mean over seeds in percent, and its interval: (mean, low, high)."""
    return 100 * np.array(accuracy_interval(correct(some), some[0]["video"]))


def gain(some, reference):
    """The paired difference of accuracies in points, and its interval: (mean, low, high)."""
    return 100 * np.array(paired_difference(correct(some), correct(reference), some[0]["video"]))


def cell(some, column):
    """Our figure of a column with its interval."""
    if not some:
        return "–"
    if column == "accuracy":
        return with_ends(*accuracy(some))
    return with_half_width(*mean_interval([score(result)[column] for result in some]))


def difference(some, reference):
    """The paired difference to the reference with its interval."""
    if not some or some is reference:
        return "–"
    return with_ends(*gain(some, reference), sign="+")


def figure(value):
    """A figure of the paper, or nothing."""
    return "" if value is None else f"{value:.2f}"


def how(some):
    """Protocol and variant of a row, if its model has any."""
    if not some or not some[0].get("by_model", True):
        return ["–", "–"]
    settings = settings_of(some[0])
    protocol = "–" if settings.model in WITHOUT_PROTOCOL else settings.protocol
    variant = "–" if settings.model in WITHOUT_VARIANT else settings.variant
    if settings.model in ALWAYS_RELEASED:
        variant = "released"
    return [protocol, variant]


def verdict(experiment, paper, lines):
    """What the paper says of the rows, and how many comparisons the table makes."""
    name = experiment.reference
    figures = {label: of.get("accuracy") for label, of in paper.items()}
    compared = [label for label, value in figures.items()
                if value is not None and label != name and lines[label]]
    says = ""
    if figures.get(name) is not None and compared:
        below = sum(figures[label] < figures[name] for label in compared)
        says = (f"The paper has “{name}” above {below} of the {len(compared)} rows that both "
                "tables have. ")
    rows = {label: correct(some) for label, some in lines.items() if some and label != name}
    reference = lines[name]
    return (says + comparisons_note(rows, correct(reference), reference[0]["video"])).strip()


def warned(lines):
    """The warnings about single runs, with their rows and seeds; "" if there are none."""
    places, examples = {}, {}
    for label, some in lines.items():
        for result in some:
            for text in map(str, result["warnings"]):
                kind = re.sub(r"[\d.]+ %", "", text)  # alike but for a share
                examples.setdefault(kind, text)
                seed = settings_of(result).seed
                places.setdefault(kind, {}).setdefault(label, []).append(seed)
    found = []
    for kind, rows in places.items():
        where = [f"{label} (seed {', '.join(map(str, seeds))})" for label, seeds in rows.items()]
        share = "" if kind == examples[kind] else " (in the first of them)"
        found.append(f"- {'; '.join(where)}: {examples[kind]}{share}.")
    return "\n".join(["† Some of these runs have warnings:", "", *found]) if found else ""

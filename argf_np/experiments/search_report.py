"""What a random search gives: one trial, the best of n, and where the paper's figure lies."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .. import figures
from ..data.published import of_the_paper
from ..settings import flag
from ..storage import files
from .markdown import grid, heading, page, with_ends
from .statistics import best_curve, mean_interval

SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
POINTS = 60  # of the curve
BEST = 5  # trials that are listed
MARGIN = 3.0  # points of accuracy below all but a tenth of the trials, which the picture shows


def write(subject, trials, size, path, common):
    """Write ``search_STEM.md`` and its picture beside the file of the trials. Returns the text.

    - trials: the lines of that file, dicts of texts. size: number of settings of the space.
    - common: the settings of all trials, with ``variant`` and ``protocol``.
    """
    name = f"search_{subject.stem}"
    values = np.array([float(trial["test"]) for trial in trials])
    printed = of_the_paper(subject.published, subject.settings(**common))
    paper = printed[0] if printed else None
    curve = []
    if len(values) > 2:
        curve = [at_most_all(row) for row in best_curve(values, counts_up_to(size, len(values)))]
    title = f"Search: {len(values)} random trials, {subject.title}"
    parts = [heading(title, subject.corpus.source),
             about(subject, size, path, common), one_trial(values, trials)]
    if curve:
        draw(subject, values, curve, paper, path.with_name(f"{name}.png"))
        parts += [f"![{name}]({name}.png)", best_of(curve), in_paper(curve, values, paper)]
    text = page(*parts, chosen(trials))
    files.write_text(path.with_name(f"{name}.md"), text)
    return text


def counts_up_to(size, n):
    """Numbers of trials for the curve: those of the table, n, the size, and some between."""
    between = np.geomspace(1, size, POINTS).round().astype(int).tolist()
    return sorted({*(count for count in SHOWN if count < size), *between, min(n, size), size})


def at_most_all(row):
    """A point of the curve, whose extrapolation knows no limit, with 100 % at most."""
    return row | {name: min(row[name], 100.0) for name in ("expected", "low", "high")}


def about(subject, size, path, common):
    """What a trial is."""
    n = len(subject.corpus.utterances("test"))
    how = (
        "It is trained as their script does (variant and protocol released, D14): the epoch of the "
        f"lowest validation loss, patience 20, at most 500 epochs, and one measurement on the {n} "
        "test utterances, with dropout and batch statistics left on. Nothing of a trial is chosen "
        "by a test label. To report the best of all trials, as the paper does, is to choose by "
        "test labels.")
    if common != {"variant": "released", "protocol": "released"}:
        given = ", ".join(f"{flag(name)} {value}" for name, value in common.items())
        how = f"It is trained with {given}, which is not how their script does it (D14)."
    return (
        f"Each trial draws one of {size:,} settings, whose values are those of the authors' script "
        f"(D13), and has a seed of its own. {how} Every trial and its command are in {path.name}.")


def one_trial(values, trials):
    """Mean and spread of one trial."""
    mean, half = mean_interval(values)
    with_interval = ""
    if len(values) > 1:
        with_interval = f" (with the 95 % interval over {len(values)} trials)"
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    warned = sum(bool(trial["warnings"]) for trial in trials)
    spread = f", standard deviation {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return (
        f"A trial has {with_ends(mean, mean - half, mean + half)} % on test on average"
        f"{with_interval}{spread}, quartiles {low:.2f}, {middle:.2f} and "
        f"{high:.2f}, worst {values.min():.2f}, best {values.max():.2f}. Trials with a "
        f"warning: {warned} of {len(trials)}.")


def best_of(curve):
    """The expected best of n trials by test accuracy as a table."""
    last = curve[-1]["n"]
    tried = max(row["n"] for row in curve if not row["extrapolated"])
    lines = []
    for row in curve:
        if row["n"] in (*SHOWN, tried, last):
            count = f"{row['n']:,}" + (" (extrapolated)" if row["extrapolated"] else "")
            lines.append([count, with_ends(row["expected"], row["low"], row["high"])])
    return page(
        "Expected accuracy of the best of n trials by *test* accuracy, in percent with a nominal "
        "95 % band (`results/coverage.md` shows how often such bands cover the truth). Above "
        f"{tried} trials it is an extrapolation, which takes the better half of the trials for "
        "the tail of a normal distribution.",
        grid(["n", "expected best"], lines)).rstrip()


def in_paper(curve, values, paper):
    """Where the paper's figure lies on the curve; "" if there is none."""
    if paper is None:
        return ""
    last = curve[-1]
    where = f"The curve does not reach it up to {last['n']:,} trials."
    # The curve may fall where the extrapolation begins; what was reached stays reached.
    expected = np.maximum.accumulate([row["expected"] for row in curve])
    if expected[-1] >= paper:
        n = np.exp(np.interp(paper, expected, np.log([row["n"] for row in curve])))
        tried = max(row["n"] for row in curve if not row["extrapolated"])
        beyond = ", by extrapolation" if n > tried else ""
        where = f"The curve reaches it at about {n:,.0f} trials{beyond}."
    inside = "contains" if last["low"] <= paper <= last["high"] else "does not contain"
    return (
        f"The paper's figure is {paper:.2f} %. {np.sum(values >= paper)} of {len(values)} trials "
        f"have it or more. {where} The band at {last['n']:,} trials, as many as there are "
        f"settings, {inside} it.")


def chosen(trials):
    """The best trials by test accuracy, and the one that the validation accuracy would choose."""
    by_test = sorted(trials, key=lambda trial: -float(trial["test"]))  # the first of equals
    validated = [trial for trial in trials if trial["validation"] != "nan"]
    columns = [name for name in trials[0] if name not in ("warnings", "data", "command")]
    lines = []
    for trial in by_test[:BEST]:
        lines.append([str(trial[name]) for name in columns])
    best = ""
    if validated:
        trial = max(validated, key=lambda trial: float(trial["validation"]))
        best = (f"The best trial by validation accuracy is number {trial['trial']}, with "
                f"{trial['validation']} % there and {trial['test']} % on test.")
    return page("The best trials by test accuracy:", grid(columns, lines), best).rstrip()


def draw(subject, values, curve, paper, path):
    """The expected best of n trials with its band, the trials, and the paper's figure."""
    figure = Figure((figures.WIDTH, 4.6), layout="constrained")
    ax, beside = figure.subplots(1, 2, width_ratios=[5, 1], sharey=True)
    colour = figures.MODALITY_COLOURS["l"]
    columns = {name: np.array([row[name] for row in curve]) for name in curve[0]}
    n, expected = columns["n"], columns["expected"]
    tried = int(np.sum(~columns["extrapolated"]))  # points of the curve
    ax.fill_between(n, columns["low"], columns["high"], color=colour, alpha=0.2, linewidth=0,
                    label="95 % band")
    ax.plot(n[:tried], expected[:tried], color=colour, label="expected best")
    ax.plot(n[tried - 1:], expected[tried - 1:], "--", color=colour, label="extrapolated")
    bins = np.arange(np.floor(values.min()), values.max() + 1, 0.5)
    beside.hist(values, bins=bins, orientation="horizontal", color=figures.INK)
    beside.set_xlabel("trials", fontsize="small")
    if paper is not None:
        for panel in (ax, beside):
            panel.axhline(paper, color=figures.MODALITY_COLOURS["v"], linestyle=":")
        ax.annotate(f"the paper, {paper:.2f} %", (1, paper), (0, 3), fontsize="small",
                    textcoords="offset points")
    lowest = np.quantile(values, 0.1) - MARGIN
    lower = int(np.sum(values < lowest))
    if lower:  # a few collapsed trials would squeeze everything else
        ax.set_ylim(bottom=lowest)
        beside.text(0.95, 0.02, f"{lower} lower", fontsize="small", ha="right",
                    transform=beside.transAxes)
    ax.set_xscale("log")
    ax.set_xlabel("number of trials n", fontsize="small")
    ax.set_ylabel("test accuracy", fontsize="small")
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.legend(fontsize="small", loc="lower right", frameon=False)
    figure.suptitle(f"The best of n trials by test accuracy, {subject.title}, "
                    f"{subject.corpus.source} data", x=0.01, ha="left", weight="bold")
    with files.replacing(path) as part:
        figures.save(figure, part)

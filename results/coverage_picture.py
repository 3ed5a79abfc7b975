"""The picture of `coverage_of_intervals`: how often the intervals cover the truth."""

from matplotlib.figure import Figure

from argf_np import figures

LINES = {"old": (figures.MODALITY_COLOURS["a"], "--"), "new": (figures.MODALITY_COLOURS["l"], "-")}
SHAPES = ("o", "s", "^", "D", "v", "X")


def coverage(rows):
    """Draw how often the old and the new intervals cover the truth. Returns the Figure.

    - rows: of `coverage_of_intervals.simulation`. One panel per interval, one line per scenario.
    """
    intervals, scenarios = unique(rows, "interval"), unique(rows, "scenario")
    shapes = dict(zip(scenarios, SHAPES, strict=False))
    figure = Figure((figures.WIDTH, 5.2), layout="constrained")
    panels = figure.subplots(1, len(intervals), sharey=True, squeeze=False)[0]
    for ax, interval_name in zip(panels, intervals, strict=True):
        of_interval = [row for row in rows if row["interval"] == interval_name]
        coverage_panel(ax, of_interval, shapes)
        ax.set_title(interval_name, fontsize="small")
    panels[0].set_ylabel("intervals that cover the truth, %", fontsize="small")
    # Lines without points, for the legend.
    for which, (colour, line) in LINES.items():
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
    for which, (colour, line) in LINES.items():
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

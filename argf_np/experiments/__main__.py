"""``python -m argf_np.experiments NAME... --dataset mosi``: tables and figures with intervals."""

import re
import sys
from pathlib import Path

from ..commands import Parser, exit_code
from ..errors import SettingError
from ..settings import PRESETS
from ..storage import files
from ..train import run_name
from . import claims, isolated, result_table, runs
from .catalogue import (
    COMPARISONS,
    KINDS,
    by_corpus,
    chosen,
    experiments_of,
    name_of,
    names_of,
)
from .complexity_table4 import table4
from .flags import add_flags, common_settings, completed, load_subject, whole


def parser():
    """The command line."""
    names = ", ".join(names_of(""))
    p = Parser(prog="python -m argf_np.experiments",
               description="The paper's tables and figures, and the same for any other corpus.",
               epilog="Every finished run is a file. Starting again does only what is missing. A "
               "setting that is given by its flag holds for all rows but those that are about it.")
    p.add_argument("names", nargs="*", metavar="NAME",
                   help=f"{names}; all. On the paper's data sets also table4, and the paper's "
                   "names: table1 (mosi), table2 (iemocap) or table3 (mosei), table5, table6, "
                   "figure5, figure6. Or report, which puts the experiments that are in the folder "
                   "together as RESULTS.md, after introduction.md if there is one")
    p.add_argument("--list", action="store_true",
                   help="list every row with its number of runs, or why there is none")
    add_flags(p, Path("results"))
    p.add_argument("--seeds", type=whole, default=10,
                   help="number of seeds, counted from 0 (default 10)")
    return p


def main(arguments=None):
    """Run the command: code 0; 1 if a run failed; 2 for an error; 130 for Ctrl-C."""
    options = parser().parse_intermixed_args(arguments)  # names may stand between flags
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags."""
    if options.names == ["report"]:
        report(options.out)
        return
    if "report" in options.names:
        raise SettingError("report: expected to be the only name")
    common = common_settings(options)
    if options.dataset in PRESETS:  # refuse what is wrong before data is looked for
        chosen(options.names, options.dataset)
    subject = load_subject(options)
    known = experiments_of(subject)
    names = chosen(options.names, subject.published)
    if options.list or not names:
        print_list(subject, {name: known[name] for name in names or known}, options.seeds, common)
        return
    wanted = {name: known[name].runs(subject, options.seeds, common) for name in names}
    every = [run for rows in wanted.values() for run in flat(rows)]
    failed = False
    with completed(options, subject, every) as result_of:
        for name, rows in wanted.items():
            results = {row: [result_of(run) for run in some] for row, some in rows.items()}
            if None in flat(results):
                print(f"{name}: not written, since some of its runs failed", file=sys.stderr)
                failed = True
            else:
                print(write(name, known, subject, results, options.out))
    if failed:
        sys.exit(1)


def flat(rows):
    """The values of ``{row: list}`` as one list."""
    return [value for some in rows.values() for value in some]


def print_list(subject, experiments, seeds, common):
    """Show every row of the experiments with its number of runs, or why there is none."""
    for name, experiment in experiments.items():
        wanted = experiment.runs(subject, seeds, common)
        print(f"{name:<10} {len({*flat(wanted)}):>4} runs  {experiment.title}")
        for row in experiment.rows if experiment.kind != "claims" else ():
            count = f"{len(wanted[row])} runs" if row in wanted else f"no runs: {row.reason}"
            print(f"    {row.label:<40} {count}")
        if experiment.kind == "table4":
            print("    no runs: parameters and operations are counted, nothing is trained")
    for dataset, name in COMPARISONS.items():
        if subject.published and name not in names_of(subject.published):
            print(f"{name:<10}  none of {subject.published}: see --list --dataset {dataset}")


def write(name, known, subject, results, folder):
    """Write one experiment as Markdown, with its raw runs. Returns the text."""
    experiment = known[name]
    if experiment.kind == "table4":
        text = table4()
        files.write_text(folder / "table4.md", text)
        return text
    if experiment.kind == "claims":
        by_kind = {}
        for part in known.values():
            by_kind[part.kind] = {row.label: results[row] for row in part.rows if row in results}
        return claims.write(subject, by_kind, folder)
    stem = f"{name}_{subject.stem}"
    by_label = {row.label: some for row, some in results.items()}
    write_raw(folder / f"{stem}.csv", by_label, subject)
    if experiment.kind in ("embedding", "vertices"):
        from . import figures_5_and_6  # matplotlib is slow to import, and only needed here

        draw = getattr(figures_5_and_6, experiment.kind)
        # in a process of its own, so that the number of threads makes no difference to t-SNE
        text = isolated.call(draw, experiment, subject, by_label, folder / f"{stem}.png")
    else:
        text = result_table.render(experiment, subject, by_label)
    files.write_text(folder / f"{stem}.md", text)
    return text


def write_raw(path, results, subject):
    """One line per run: what it was, what it gave, and the command that repeats it."""
    lines = []
    for label, some in results.items():
        for result in some:
            settings = runs.settings_of(result)
            scores = {name: f"{value:.4f}" for name, value in result_table.score(result).items()}
            lines.append({"row": label, "run": run_name(subject.corpus.source, settings),
                          "epoch": int(result["epoch"]), **scores,
                          "warnings": "; ".join(map(str, result["warnings"])),
                          "command": subject.command(settings)})
    files.write_csv(path, lines)


def report(folder):
    """Put the experiments that are in the folder together as RESULTS.md, in the paper's order."""
    found = [*folder.glob("introduction.md"), *folder.glob("claims.md")]
    for kind in KINDS:
        names = dict.fromkeys([*(name_of(kind, dataset) for dataset in COMPARISONS), kind])
        for name in names:
            found += folder.glob(f"{name}.md")
            found += sorted(folder.glob(f"{name}_*.md"), key=by_corpus)
    searches = sorted(folder.glob("search/search_*.md"), key=by_corpus)
    found += [*searches, *folder.glob("choice.md"), *folder.glob("coverage.md")]
    found = [*dict.fromkeys(found)]
    if not found:
        raise SettingError(f"{folder}: no experiment is there, expected some of "
                           f"{', '.join(KINDS)}")
    parts = []
    for path in found:
        text = path.read_text(encoding="utf-8")
        if path.parent != folder:  # its pictures lie beside it
            text = re.sub(r"(!\[[^]]*\]\()", rf"\1{path.parent.name}/", text)
        parts.append(text)
    files.write_text(folder / "RESULTS.md", "# Results\n\n" + "\n".join(parts))
    print(f"{folder / 'RESULTS.md'}: {', '.join(path.stem for path in found)}")


if __name__ == "__main__":
    sys.exit(main())

"""``python -m argf_np.experiments NAME... --dataset mosi``: the paper's tables and figures, with intervals."""

import sys
from pathlib import Path

from .. import files
from ..data import load
from ..settings import command_line
from ..train import Parser, run_name
from . import markdown, pictures, runs
from .commands import add_flags, common_settings, executor
from .complexity import table4
from .tables import tables_of

FIGURES = {"figure5": (pictures.figure5_runs, pictures.figure5), "figure6": (pictures.figure6_runs, pictures.figure6)}
ORDER = ("table1", "table2", "table3", "table4", "table5", "table6", "figure5", "figure6", "protocols")


def experiments_of(dataset):
    """``{name: Table}`` of all experiments on a data set, None for Table 4, which trains nothing."""
    every = tables_of(dataset) | {name: describe(dataset) for name, (describe, _) in FIGURES.items()} | {"table4": None}
    return {name: every[name] for name in ORDER if name in every}


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.experiments", description=__doc__)
    p.add_argument("names", nargs="*", metavar="NAME", help="experiments; all; or report, which puts those that are "
                   "done together as RESULTS.md")
    p.add_argument("--list", action="store_true", help="list the experiments and how many trainings each needs")
    add_flags(p, Path("results"))
    p.add_argument("--seeds", type=int, default=10, help="seeds 0, 1, ... (default 10)")
    return p


def main(arguments=None):
    """Run the command: code 0; 1 if a run failed; 2 for a wrong command or wrong data."""
    p = parser()
    options = p.parse_args(arguments)
    known = experiments_of(options.dataset)
    if options.names == ["report"]:
        return report(options.out)
    names = [*known] if "all" in options.names else options.names
    if unknown := set(names) - set(known):
        p.error(f"experiment {min(unknown)!r}, expected {', '.join(known)}, all or report")
    common = common_settings(options)
    wanted = {name: known[name].settings(options.seeds, common) if known[name] else {} for name in names or known}
    if options.list or not names:
        for name, rows in wanted.items():
            print(f"{name:<10} {sum(map(len, rows.values())):>4} trainings  {known[name].title if rows else ''}")
        return 0
    corpus = load(options.dataset, options.data_dir, options.source)
    data = runs.fingerprint(corpus)
    every = [settings for rows in wanted.values() for some in rows.values() for settings in some]
    with executor(options) as pool:
        failed = runs.complete(every, corpus.source, options.data_dir, data, options.out, pool)
    for name, error in failed.items():
        print(f"failed: {name}: {type(error).__name__}: {error}", file=sys.stderr)
    for name, rows in wanted.items():
        results = {row: [runs.read(options.out, corpus.source, s, data) for s in some] for row, some in rows.items()}
        if any(result is None for some in results.values() for result in some):
            print(f"{name}: not written, since some of its runs failed", file=sys.stderr)
        else:
            print(write(name, known[name], results, corpus, options.out))
    return 1 if failed else 0


def write(name, table, results, corpus, folder):
    """Write one experiment as Markdown, with its raw runs, and give the text."""
    if table is None:
        text = table4()
    else:
        write_raw(folder / f"{name}.csv", results, corpus.source)
        if name in FIGURES:
            text = FIGURES[name][1](table, results, corpus.source, corpus, folder / f"{name}.png")
        else:
            text = markdown.render(table, results, corpus.source)
    files.write_text(folder / f"{name}.md", text)
    return text


def write_raw(path, results, source):
    """One line a run: what it was, what it gave, and the command that repeats it."""
    files.write_csv(path, [
        {"row": row.label, "run": run_name(source, settings), "epoch": int(result["epoch"]),
         **{name: f"{value:.4f}" for name, value in markdown.score(result).items()},
         "command": f"python -m argf_np.train --source {source} {command_line(settings)}"}
        for row, some in results.items() for result in some
        for settings in [runs.settings_of(result)]])


def report(folder):
    """Put the experiments that are written together as RESULTS.md."""
    parts = [folder / f"{name}.md" for name in ORDER if (folder / f"{name}.md").exists()]
    intro = folder / "introduction.md"
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*[intro] * intro.exists(), *parts])
    files.write_text(folder / "RESULTS.md", "# Results\n\n" + text)
    print(f"{folder / 'RESULTS.md'}: {', '.join(path.stem for path in parts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

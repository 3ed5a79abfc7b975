"""``python -m argf_np.experiments NAME... --dataset mosi``: the paper's tables and figures, with intervals."""

import sys
from pathlib import Path

from ..errors import SettingError
from ..commands import Parser, exit_code
from ..settings import PRESETS, command_line
from ..storage import files
from ..train import run_name
from . import isolated, markdown, runs
from .commands import add_flags, common_settings, completed, whole
from .complexity import table4
from .tables import ORDER, tables_of


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.experiments", description=__doc__, epilog=(
        "Every finished run is a file; starting again does only what is missing. A setting that is given by its flag "
        "holds for all rows but those that are about it."))
    p.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ORDER)}; all, those of the data set; or "
                   "report, which puts those that are in the folder together as RESULTS.md, after introduction.md if "
                   "there is one")
    p.add_argument("--list", action="store_true", help="list the experiments and how many runs each needs")
    add_flags(p, Path("results"))
    p.add_argument("--seeds", type=whole, default=10, help="seeds 0, 1, ... (default 10)")
    return p


def main(arguments=None):
    """Run the command: code 0; 1 if a run failed; 2 for a wrong command or wrong data; 130 for Ctrl-C."""
    options = parser().parse_intermixed_args(arguments)  # names may stand between flags
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags."""
    if options.names == ["report"]:
        report(options.out)
        return
    known = tables_of(options.dataset)
    names = [*known] if "all" in options.names else options.names
    if unknown := [name for name in options.names if name not in (*known, "all")]:
        others = [f"but of --dataset {dataset}" for dataset in PRESETS if unknown[0] in tables_of(dataset)]
        raise SettingError(f"{unknown[0]}: no experiment of {options.dataset}, "
                           + (others or [f"expected {', '.join(known)}, all"])[0])
    common = common_settings(options)
    wanted = {name: known[name].settings(options.seeds, common) for name in names or known}
    if options.list or not names:
        for name, rows in wanted.items():
            print(f"{name:<10} {sum(map(len, rows.values())):>4} runs  {known[name].title}")
        return
    every = [run for rows in wanted.values() for some in rows.values() for run in some]
    failed = False
    with completed(options, every) as (corpus, result_of):
        for name, rows in wanted.items():
            results = {row: [*map(result_of, some)] for row, some in rows.items()}
            if any(result is None for some in results.values() for result in some):
                print(f"{name}: not written, since some of its runs failed", file=sys.stderr)
                failed = True
            else:
                print(write(name, known[name], results, corpus, options.out))
    if failed:
        sys.exit(1)


def write(name, table, results, corpus, folder):
    """Write one experiment as Markdown, with its raw runs, and give the text."""
    stem = name
    if not results:
        text = table4()
    else:
        stem = f"{name}_{corpus.name}"
        write_raw(folder / f"{stem}.csv", results, corpus.source)
        if name.startswith("figure"):
            from . import pictures  # matplotlib is slow to import, and only needed here

            drawn = getattr(pictures, name), table, results, corpus, folder / f"{stem}.png"
            text = isolated.call(*drawn)  # so that threads make no difference to t-SNE
        else:
            text = markdown.render(table, results, corpus.source)
    files.write_text(folder / f"{stem}.md", text)
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
    """Put the experiments that are in the folder together as RESULTS.md, in the paper's order."""
    names = [f"{name}{of}" for name in ORDER for of in ("", *(f"_{dataset}" for dataset in PRESETS))]
    found = [folder / f"{name}.md" for name in ("introduction", *names) if (folder / f"{name}.md").exists()]
    if not found:
        raise SettingError(f"{folder}: no experiment is there, expected some of {', '.join(ORDER)}")
    text = "\n".join(path.read_text(encoding="utf-8") for path in found)
    files.write_text(folder / "RESULTS.md", "# Results\n\n" + text)
    print(f"{folder / 'RESULTS.md'}: {', '.join(path.stem for path in found)}")


if __name__ == "__main__":
    sys.exit(main())

"""``python -m argf_np.search --dataset mosi --trials N``: the authors' random search (D13, D14).

A trial has a random setting and a seed of its own. It is trained by the inner loop of the authors'
script. What the paper reports is the best test accuracy of such trials.
"""

import csv
import sys
from math import prod
from pathlib import Path

import numpy as np

from .commands import Parser, exit_code
from .errors import DataError
from .experiments.flags import (
    add_flags,
    common_settings,
    execute_missing,
    load_subject,
    whole,
    workers_of,
)
from .experiments.result_table import score
from .pipeline import corpus_fingerprint
from .settings import RELEASED_EPOCHS, flag
from .storage import files
from .storage.lock import locked

# The spaces of the authors' scripts (D13). Any other corpus has MOSI's.
MOSI = {
    "k": (50, 100, 150),
    "drop_rate": (0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
    "lr": (1e-4, 1e-3, 1e-2),
    "batch_size": (8, 16, 32),
    "weight_decay": (0.0, 1e-4, 1e-3, 1e-2),
    "lambda_": (0.001, 0.01, 0.05),
}
SPACES = {
    "mosi": MOSI,
    "iemocap": MOSI | {"drop_rate": (0.0, 0.1, 0.2, 0.3, 0.5),
                       "lambda_": (0.001, 0.05, 0.1, 0.2, 0.5)},
    "mosei": MOSI | {"lambda_": (0.01, 0.1, 0.5)},
}
AUTHORS = {"variant": "released", "protocol": "released"}


def space_of(name):
    """``{setting: values}`` for a data set of the paper, or any other corpus."""
    return SPACES.get(name, MOSI)


def size_of(space):
    """The number of settings in a space."""
    return prod(len(values) for values in space.values())


def draw(trial, space):
    """The setting of a trial. Every value is equally likely; a trial is the same in every search.

    - trial: its number, from 0, which is also its seed.
    """
    rng = np.random.default_rng([trial, 13])
    setting = {name: values[rng.integers(len(values))] for name, values in space.items()}
    return setting | {"seed": trial}


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.search",
               description="The authors' random search. A trial has a random setting and a seed of "
               "its own, and is trained by the inner loop of their script. What the paper reports "
               "is the best test accuracy of such trials.",
               epilog="Every finished trial is a line of trials_TITLE.csv. Starting again does "
               "only what is missing there, on any machine. A setting that is given by its flag "
               f"is not searched; {', '.join(map(flag, MOSI))} are.")
    p.add_argument("--trials", type=whole, default=20,
                   help="number of trials in all, counted from 0 (default 20)")
    p.add_argument("--budget", type=whole, metavar="MINUTES",
                   help="start no new trial after this many minutes")
    add_flags(p, Path("results/search"), **AUTHORS, epochs=RELEASED_EPOCHS)
    return p


def main(arguments=None):
    """Run the command: code 0; 1 if a trial failed; 2 for an error; 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags: a line per trial, then the report."""
    common = AUTHORS | common_settings(options)
    subject = load_subject(options)
    space = space_of(subject.corpus.published)
    trials = {}
    for trial in range(options.trials):
        trials[trial] = subject.settings(**draw(trial, space) | common)
    path = options.out / f"trials_{subject.stem}.csv"
    with workers_of(options) as workers, locked(options.out):
        done = read_trials(path, subject, trials)
        missing = {settings: trial for trial, settings in trials.items() if trial not in done}

        def keep(settings, result):
            trial = missing[settings]
            done[trial] = line(trial, space, subject, settings, result)
            files.write_csv(path, [done[trial] for trial in sorted(done)])

        budget = 60 * options.budget if options.budget else None
        total = len(missing) + len(done)
        failed = execute_missing(workers, options, subject, [*missing], keep, total, budget)
        if done:
            write_report(subject, common, space, [done[trial] for trial in sorted(done)], path)
    if failed:
        sys.exit(1)


def line(trial, space, subject, settings, result):
    """A trial as a line of the file: its setting, its scores in percent, how to repeat it."""
    setting = {flag(name)[2:]: getattr(settings, name) for name in space}
    scores = score(result)
    return {
        "trial": trial, **setting,
        "epoch": int(result["epoch"]),
        "validation": f"{100 * float(result['validation']):.2f}",
        "test": f"{scores['accuracy']:.2f}",
        "weighted F1": f"{scores['weighted F1']:.2f}",
        "warnings": "; ".join(map(str, result["warnings"])),
        "data": str(result["data"]),
        "command": subject.command(settings),
    }


def read_trials(path, subject, trials):
    """The finished trials in a file: ``{trial: line}``; empty if there is none.

    - trials: ``{trial: Settings}`` of this search.

    DataError if the file is broken, or if its trials are of other data or of other settings.
    """
    if not path.exists():
        return {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = [*csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{path}: not the trials of a search") from None
    data, done = corpus_fingerprint(subject.corpus), {}
    for number, row in enumerate(lines, 2):
        try:
            trial = int(row["trial"])
            found = row["data"], row["command"]
            float(row["test"])
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{path}, line {number}: not a finished trial of a search") from None
        if found[0] != data:
            raise DataError(f"{path}, line {number}: a trial on other data; move the file away, "
                            "or give another --out")
        if trial in trials and found[1] != subject.command(trials[trial]):
            raise DataError(f"{path}, line {number}: a trial with other settings ({found[1]}); "
                            "move the file away, or give another --out")
        done[trial] = row
    return done


def write_report(subject, common, space, lines, path):
    """Write and show ``search_STEM.md``, with a picture beside it."""
    from .experiments import search_report  # matplotlib is slow to import, and only needed here

    size = size_of({name: values for name, values in space.items() if name not in common})
    text = search_report.write(subject, lines, size, path, common)
    print(text)


if __name__ == "__main__":
    sys.exit(main())

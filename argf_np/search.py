"""``python -m argf_np.search --dataset mosi --trials N``: random search over the hyper-parameters (D13)."""

import sys
from pathlib import Path

import numpy as np

from . import files
from .data import load
from .experiments import runs
from .experiments.commands import add_flags, common_settings, executor
from .experiments.markdown import score
from .settings import command_line, flag, preset
from .train import Parser

# The space of the authors' script (D13).
SPACE = {
    "k": (50, 100, 150),
    "drop_rate": tuple(i / 10 for i in range(10)),
    "lr": (1e-4, 1e-3, 1e-2),
    "batch_size": (8, 16, 32),
    "weight_decay": (0.0, 1e-4, 1e-3, 1e-2),
    "lambda_": (0.001, 0.01, 0.05),
}
PROTOCOLS = ("fixed", "validation", "released")


def draw(trial):
    """The setting of trial number ``trial``: every value of `SPACE` equally likely, the same in every search."""
    rng = np.random.default_rng(trial)
    return {name: values[rng.integers(len(values))] for name, values in SPACE.items()}


def merit(result, protocol):
    """What a trial is chosen by: its validation accuracy; by "released", which peeks, its test accuracy. In percent."""
    return score(result)["accuracy"] if protocol == "released" else 100 * float(result["validation"])


def main(arguments=None):
    """Run the command: code 0; 1 if a run failed; 2 for a wrong command or wrong data."""
    p = Parser(prog="python -m argf_np.search", description=__doc__, epilog="A setting that is given by its flag is "
               "not searched: " + ", ".join(map(flag, SPACE)) + " are. --protocol is what the best trial is chosen by.")
    p.add_argument("--trials", type=int, default=20, help="settings to try (default 20)")
    add_flags(p, Path("results/search"))
    options = p.parse_args(arguments)
    common, protocol = common_settings(options), getattr(options, "protocol", "fixed")
    corpus = load(options.dataset, options.data_dir, options.source)
    data = runs.fingerprint(corpus)
    trials = [{name: preset(options.dataset, **draw(trial) | common | {"protocol": name}) for name in PROTOCOLS}
              for trial in range(options.trials)]
    with executor(options) as pool:
        failed = runs.complete([settings for trial in trials for settings in trial.values()],
                               corpus.source, options.data_dir, data, options.out, pool)
    rows, best = [], (-np.inf, None)
    for number, trial in enumerate(trials):
        results = {name: runs.read(options.out, corpus.source, settings, data) for name, settings in trial.items()}
        if None in results.values():
            continue
        rows.append({"trial": number, **{name: getattr(trial[protocol], name) for name in SPACE}}
                    | {f"{name}_{part}": f"{value:.2f}" for name, result in results.items() for part, value in
                       (("validation", 100 * float(result["validation"])), ("test", score(result)["accuracy"]))})
        best = max(best, (merit(results[protocol], protocol), -number))
    for name, error in failed.items():
        print(f"failed: {name}: {type(error).__name__}: {error}", file=sys.stderr)
    if rows:
        files.write_csv(options.out / "trials.csv", rows)
        number = -best[1]
        print(f"best of {len(rows)} trials by the protocol {protocol}: trial {number}, {best[0]:.2f} %",
              f"python -m argf_np.train --source {corpus.source} {command_line(trials[number][protocol])}",
              f"all trials: {options.out / 'trials.csv'}", sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

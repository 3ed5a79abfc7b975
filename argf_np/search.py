"""``python -m argf_np.search --dataset mosi --trials N``: random search over the hyper-parameters (D13)."""

import sys
from pathlib import Path

import numpy as np

from .commands import Parser, exit_code
from .errors import SettingError
from .experiments.commands import add_flags, common_settings, completed, whole
from .experiments.markdown import score
from .settings import command_line, flag, preset
from .storage import files

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
    """What a trial is chosen by, in percent: its accuracy in validation; by "released", which peeks, in test."""
    return score(result)["accuracy"] if protocol == "released" else 100 * float(result["validation"])


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.search", description=__doc__, epilog="A setting that is given by its flag is "
               f"not searched: {', '.join(map(flag, SPACE))} are. Every trial is run under all three protocols; "
               "--protocol is what the best one is chosen by: its accuracy in validation; by released, in test.")
    p.add_argument("--trials", type=whole, default=20, help="settings to try, number 0, 1, ... (default 20)")
    add_flags(p, Path("results/search"))
    return p


def main(arguments=None):
    """Run the command: code 0; 1 if a run failed; 2 for a wrong command or wrong data; 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags: trials.csv, and the best trial."""
    common = common_settings(options)
    protocol = common.get("protocol", "fixed")
    if protocol not in PROTOCOLS:
        raise SettingError(f"--protocol {protocol}: expected one of {', '.join(PROTOCOLS)}")
    trials = [{protocol: preset(options.dataset, **draw(trial) | common | {"protocol": protocol})
               for protocol in PROTOCOLS} for trial in range(options.trials)]
    with completed(options, [settings for trial in trials for settings in trial.values()]) as (corpus, result_of):
        results = [{protocol: result_of(settings) for protocol, settings in trial.items()} for trial in trials]
        done = [number for number, trial in enumerate(results) if None not in trial.values()]
        if done:
            rows = [row(number, trials[number], results[number]) for number in done]
            files.write_csv(options.out / "trials.csv", rows)
            best = max(done, key=lambda number: merit(results[number][protocol], protocol))  # the first of equals
            print(f"best of {len(done)} trials by {protocol}: number {best}, "
                  f"{merit(results[best][protocol], protocol):.2f} % in "
                  + ("test: it peeks" if protocol == "released" else "validation"),
                  f"python -m argf_np.train --source {corpus.source} {command_line(trials[best][protocol])}",
                  f"all trials: {options.out / 'trials.csv'}", sep="\n")
    if len(done) < len(trials):
        sys.exit(1)


def row(number, trial, results):
    """A trial as a line of trials.csv: its setting, and accuracies in percent under each protocol."""
    figures = {protocol: (100 * float(result["validation"]), score(result)["accuracy"])
               for protocol, result in results.items()}
    return {"trial": number, **{flag(name)[2:]: getattr(trial["fixed"], name) for name in SPACE}} | {
        f"{protocol} {name}": f"{value:.2f}" for protocol, pair in figures.items()
        for name, value in zip(("validation", "test"), pair, strict=True)}


if __name__ == "__main__":
    sys.exit(main())

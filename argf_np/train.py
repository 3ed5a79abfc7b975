"""``python -m argf_np.train --dataset mosi``: the whole paper in one command.

Raw features -> UCLN of each modality -> joint embedding space and graph fusion -> decision -> metrics and pictures.
"""

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import __version__, metrics
from .baselines import MODELS
from .data import load, standardise
from .errors import ModelError, SettingError
from .estimator import ARGF, FIELDS, require_fit, select
from .evaluate import format_scores, majority
from .model import forward
from .predict import write_predictions
from .settings import PAPER, PRESETS, add_flags, command_line, flag, preset, settings_for
from .support import files
from .support.commands import Parser, Progress, exit_code
from .support.contexts import context_of_modalities
from .support.finite import checked_operations
from .support.lock import locked


def run(corpus, settings, folder, progress):
    """One run: train, evaluate and write everything to the existing ``folder``. Returns the content of metrics.json.

    Goes on from the checkpoint in the folder if there is one.
    """
    corpus, modalities = select(corpus, settings.modalities.split(",")), settings.modalities.split(",")
    fitted = fit_model(corpus, settings, folder, progress)
    test, probabilities, history = corpus.utterances("test"), fitted["probabilities"], fitted["history"]

    def score(probabilities):
        return metrics.scores(corpus.labels[test], probabilities.argmax(axis=1), corpus.classes)

    result = {
        **{name: getattr(settings, name) for name in ("dataset", "target", "variant", "protocol", "seed")},
        "source": corpus.source,
        "epoch": fitted["epoch"],
        "test": score(probabilities),
        "majority_class": score(majority(corpus.labels[test], len(corpus.classes))),
        "unimodal": {m: score(unimodal[test]) for m, unimodal in fitted["unimodal"].items()},
    }
    if "validation_accuracy" in history[0]:
        result["validation"] = {"accuracy": history[fitted["epoch"] - 1]["validation_accuracy"]}
    write_predictions(folder / "predictions.csv", corpus, corpus.classes, test, probabilities)
    if settings.model == "argf":
        progress.say("drawing the figures")
        out = forward(fitted["params"], fitted["x"][:, test].astype(settings.dtype), settings.variant)
        draw(folder / "figures", history, out, corpus, test, modalities,
             f"{corpus.source} data, protocol {settings.protocol}")
    files.write_json(folder / "metrics.json", result)  # the last file: a run that has it is finished
    (folder / "checkpoint.npz").unlink(missing_ok=True)
    return result


def fit_model(corpus, settings, folder, progress):
    """What `training.fit` gives, and ``x`` (m, n, d), the outputs of the UCLNs, and the probabilities ``unimodal``."""
    def report(history):
        files.write_csv(folder / "history.csv", history)

    if settings.model == "argf":
        model = ARGF(**{name: value for name, value in asdict(settings).items() if name in FIELDS})
        model.fit(corpus, progress=progress, report=report, checkpoint=folder / "checkpoint.npz")
        model.save(folder / "model.npz")
        return {"params": model.network, "epoch": model.epoch, "history": model.history} | model.trained
    corpus = standardise(corpus)
    x, unimodal = context_of_modalities(corpus, settings, progress)
    fitted = MODELS[settings.model](corpus, x, settings)
    report(fitted["history"])
    return fitted | {"x": x, "unimodal": unimodal}


def configuration(corpus, settings, data_dir):
    """Everything needed to repeat the run, as a dict of plain values."""
    return {
        **{name.rstrip("_"): value for name, value in asdict(settings).items()},
        "source": corpus.source,
        "data_dir": data_dir,
        "data": files.fingerprint({"features": corpus.features, "labels": corpus.labels, "split": corpus.split}),
        "utterances": {split: len(corpus.utterances(split)) for split in corpus.split},
        "command": f"python -m argf_np.train --source {corpus.source} {command_line(settings)}",
        "versions": {"argf_np": __version__} | files.versions(),
    }


def begin(folder, config):
    """Make a folder the one of a new run; its results, if it has any, are replaced."""
    if (folder / "checkpoint.npz").exists():
        raise ModelError(f"{folder}: holds a run that is not finished; go on with --resume {folder}, or remove it")
    (folder / "metrics.json").unlink(missing_ok=True)
    files.write_json(folder / "config.json", config)


def read_configuration(folder):
    """The content of config.json of a run. ModelError if there is none, or something else."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for name in (*FIELDS, "model", "source", "data_dir", "data", "versions"):
            config[name.rstrip("_")]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise ModelError(f"{folder}: no run to go on with, expected a config.json") from None
    return config


def draw(folder, history, out, corpus, rows, modalities, title):
    """The pictures of a run, from its history and the `model.forward` output on the utterances ``rows``."""
    from . import figures  # matplotlib is slow to import, and only needed here

    folder.mkdir(exist_ok=True)
    pictures = {
        "training": figures.training_curves(history, title=title, modalities=modalities)["fusion"],
        "modality_gap": figures.modality_gap(out["x_e"], title=title, modalities=modalities),
    }
    if len(rows) > 1:
        pictures["embedding"] = figures.embedding_space(out["x_e"], corpus.labels[rows], corpus.classes, title=title)
    if "alpha_2" in out:  # of the graph
        weights = figures.stack_weights(out)
        some = np.linspace(0, len(rows) - 1, min(len(rows), 24)).astype(int)
        words = [corpus.words[rows[i]] for i in some]
        pictures["vertex_weights"] = figures.vertex_weights(weights[some], words, title=title, modalities=modalities)
        pictures["graph"] = figures.graph(weights, title=title, modalities=modalities)
    for name, axes in pictures.items():
        with files.replacing(folder / f"{name}.png") as part:
            figures.save(axes.figure, part)


def table(corpus, settings, result):
    """What the run gave, beside each modality alone, the majority class and the paper's figure."""
    lines = {settings.model.upper().replace("_", "-"): result["test"]}
    lines |= {f"UCLN {m} alone": scores for m, scores in result["unimodal"].items()}
    lines["majority class"] = result["majority_class"]
    known = (corpus.name, settings.target) in PAPER
    if known:
        lines["paper, real data"] = [percent / 100 for percent in PAPER[corpus.name, settings.target]]
    sources = ",".join(m for m in settings.modalities.split(",") if m != settings.target)
    return "\n".join([
        f"{settings.dataset} ({corpus.source} data), {sources} -> {settings.target}, variant {settings.variant}, "
        f"protocol {settings.protocol}, seed {settings.seed}, epoch {result['epoch']}"
        + f" of {settings.epochs}" * (settings.model == "argf"), "",
        format_scores(lines, corpus.classes), "",
        f"Test utterances: {len(corpus.utterances('test'))}. Under a class: the accuracy on its utterances."
        + " The paper does not name its protocol." * known])


def run_name(source, settings):
    """Name of a run: what one usually varies, and every other setting that is not the preset's."""
    usual = ("dataset", "target", "variant", "protocol", "seed")
    base = asdict(preset(settings.dataset))
    changed = [flag(name)[2:] + str(value) for name, value in asdict(settings).items()
               if name not in usual and value != base[name]]
    return "-".join([Path(settings.dataset).stem, source, settings.target, settings.variant, settings.protocol,
                     f"seed{settings.seed}", *changed])


def parser():
    """The command line: one flag for each field of `Settings`, and where data and results are."""
    p = Parser(prog="python -m argf_np.train", description=__doc__.split("\n\n")[1], epilog="Square brackets name the "
               "source of a default: a section or table of the paper, or a row of the README's table of deviations.")
    p.add_argument("--data-dir", metavar="DIR", help="folder of the data sets [$ARGF_NP_DATA, else the user's cache]")
    p.add_argument("--source", choices=("auto", "real", "synthetic"), default="auto",
                   help="auto takes the real data if it is there, otherwise the built-in synthetic corpus [auto]")
    p.add_argument("--out", metavar="DIR", type=Path, help="folder of the results [runs/NAME, named by the settings]")
    p.add_argument("--resume", metavar="DIR", type=Path, help="go on with the run of this folder, with its settings")
    p.add_argument("--check-finite", action="store_true",
                   help="look at every number, and name the operation that first gives an infinite one or NaN; slow")
    p.add_argument("--quiet", action="store_true", help="show only the table at the end")
    add_flags(p)
    return p


def work(data_dir, source, out, resume, check_finite, quiet, **options):
    """The command, with its flags as arguments; ``options`` are the settings that were given."""
    folder = out
    if resume is not None:
        if options or out:
            raise SettingError(f"{flag([*options, 'out'][0])}: expected nothing beside --resume but where the data is")
        folder, config = resume, read_configuration(resume)
        if (folder / "metrics.json").exists():
            print(f"{folder} is finished already: nothing is left to do")
            return
        options = {name: config[name.rstrip("_")] for name in (*FIELDS, "model")}
        data_dir, source = data_dir or config["data_dir"], config["source"]
    dataset = options.setdefault("dataset", "mosi")
    if dataset in PRESETS:
        preset(dataset, **options)  # refuses bad flags before data is looked for
    corpus = load(dataset, data_dir, source)
    settings = settings_for(corpus, **options)
    require_fit(corpus, settings, "test")
    folder = folder or Path("runs") / run_name(corpus.source, settings)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), checked_operations() if check_finite else nullcontext():
        files.remove_parts(folder)
        now = configuration(corpus, settings, data_dir)
        if resume is None:
            begin(folder, now)
        elif now["data"] != config["data"]:
            raise ModelError(f"{folder}: began with other data than what is in {dataset} now")
        elif now["versions"] != config["versions"]:
            print(f"notice: the run began with versions {config['versions']}, so its bits may differ", file=sys.stderr)
        try:
            result = run(corpus, settings, folder, Progress(quiet, sys.stderr))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"finished epochs are kept, go on with --resume {folder}") from None
    print(table(corpus, settings, result), f"Everything is in {folder}", sep="\n", flush=True)


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line on stderr."""
    options = vars(parser().parse_args(arguments))
    return exit_code(lambda: work(**options))


if __name__ == "__main__":
    sys.exit(main())

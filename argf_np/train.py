"""``python -m argf_np.train --dataset mosi``: the whole paper in one command.

Raw features -> UCLN of each modality -> joint embedding space and graph fusion -> decision -> metrics and pictures.
"""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import __version__, files, metrics, nn
from .data import DataError, load, standardise
from .model import MODALITIES, forward
from .settings import PAPER, add_flags, command_line, flag, preset
from .training import fit
from .ucln import apply_ucln, train_ucln


def run(corpus, settings, folder, progress):
    """One run: train, evaluate and write everything to the existing ``folder``. Returns the content of metrics.json."""
    config = configuration(corpus, settings)
    files.write_json(folder / "config.json", config)
    corpus = standardise(corpus)
    x, unimodal = context_of_modalities(corpus, settings, progress)
    y = np.eye(len(corpus.classes))[corpus.labels]
    rows = {split: corpus.utterances(split) for split in corpus.split}
    history = []

    def report(row):
        history.append(row)
        files.write_csv(folder / "history.csv", history)
        shown = {name: row[name] for name in ("embedding", "discriminator", "classifier", "fusion")}
        progress.epoch(row["epoch"], shown | {"validation accuracy": row["validation_accuracy"]})

    progress.begin("ARGF", settings.epochs)
    fitted = fit(x, y, rows, settings, report)
    test, probabilities = rows["test"], fitted["probabilities"]
    result = {
        **{name: config[name] for name in ("dataset", "source", "target", "variant", "protocol", "seed")},
        "epoch": fitted["epoch"],
        "test": score(corpus, test, probabilities),
        "majority_class": score(corpus, test, np.tile(np.bincount(corpus.labels[test]), (len(test), 1))),
        "unimodal": {m: score(corpus, test, probabilities[test]) for m, probabilities in unimodal.items()},
        "validation": {"accuracy": history[fitted["epoch"] - 1]["validation_accuracy"]},
    }
    with files.replacing(folder / "params.npz") as part:
        nn.save(part, fitted["params"])
    write_predictions(folder / "predictions.csv", corpus, test, probabilities)
    progress.say("drawing the figures")
    out = forward(fitted["params"], x[:, test].astype(settings.dtype), settings.variant)
    draw(folder / "figures", history, out, corpus, test, f"{corpus.source} data, protocol {settings.protocol}")
    files.write_json(folder / "metrics.json", result)
    return result


def configuration(corpus, settings):
    """Everything needed to repeat the run, as a dict of plain values."""
    return {
        **{name.rstrip("_"): value for name, value in asdict(settings).items()},
        "source": corpus.source,
        "data": files.fingerprint({"features": corpus.features, "labels": corpus.labels, "split": corpus.split}),
        "utterances": {split: len(corpus.utterances(split)) for split in corpus.split},
        "command": f"python -m argf_np.train --source {corpus.source} {command_line(settings)}",
        "versions": {"argf_np": __version__} | files.versions(),
    }


def context_of_modalities(corpus, settings, progress):
    """The UCLN of each modality, trained or from the cache.

    Returns features (3, n, d) of all utterances and ``{modality: class probabilities (n, N)}``. Features that are a
    UCLN's output already are taken as they are, without probabilities.
    """
    if corpus.contextual:
        if len({corpus.features[m].shape for m in MODALITIES}) > 1:
            raise DataError(f"{corpus.name}: outputs of a UCLN, expected one width for all modalities")
        return np.stack([corpus.features[m] for m in MODALITIES]), {}
    train = corpus.utterances("train")
    outputs = {}
    for number, m in enumerate(MODALITIES):

        def compute(m=m, number=number):
            progress.begin(f"UCLN {m}", settings.ucln_epochs)
            rng = np.random.default_rng([settings.seed, 1, number])
            params = train_ucln(corpus, m, settings.d, settings.ucln_epochs, rng, settings.dtype,
                                lambda epoch, loss: progress.epoch(epoch, {"cross-entropy": loss}))
            features, probabilities = apply_ucln(params, corpus, m)
            return {"features": features, "probabilities": probabilities}

        outputs[m] = files.cached({
            "features": corpus.features[m], "starts": corpus.starts, "videos": corpus.split["train"],
            "labels": corpus.labels[train], "classes": len(corpus.classes), "number": number,
            "d": settings.d, "epochs": settings.ucln_epochs, "seed": settings.seed, "dtype": settings.dtype}, compute)
    return (np.stack([outputs[m]["features"] for m in MODALITIES]),
            {m: outputs[m]["probabilities"] for m in MODALITIES})


def score(corpus, rows, probabilities):
    """`metrics.scores` of the most probable classes (n, N) of some utterances."""
    return metrics.scores(corpus.labels[rows], probabilities.argmax(axis=1), corpus.classes)


def write_predictions(path, corpus, rows, probabilities):
    """One row an utterance: id, words, true class, predicted class, probability of each class."""
    files.write_csv(path, [
        {"id": corpus.ids[i], "words": corpus.words[i], "truth": corpus.classes[corpus.labels[i]],
         "prediction": corpus.classes[p.argmax()],
         **{f"p_{name}": f"{value:.6f}" for name, value in zip(corpus.classes, p, strict=True)}}
        for i, p in zip(rows, probabilities, strict=True)])


def draw(folder, history, out, corpus, rows, title):
    """The pictures of a run, from its history and the `model.forward` output on the utterances ``rows``."""
    from . import figures  # matplotlib is slow to import, and only needed here

    folder.mkdir(exist_ok=True)
    weights = figures.stack_weights(out)
    some = np.linspace(0, len(rows) - 1, min(len(rows), 24)).astype(int)
    pictures = {
        "training": figures.training_curves(history, title=title)["fusion"],
        "embedding": figures.embedding_space(out["x_e"], corpus.labels[rows], corpus.classes, title=title),
        "modality_gap": figures.modality_gap(out["x_e"], title=title),
        "vertex_weights": figures.vertex_weights(weights[some], [corpus.words[rows[i]] for i in some], title=title),
        "graph": figures.graph(weights, title=title),
    }
    for name, axes in pictures.items():
        with files.replacing(folder / f"{name}.png") as part:
            figures.save(axes.figure, part)


def table(corpus, settings, result):
    """What the run gave, beside each modality alone, the majority class and the paper's figure."""
    lines = {"ARGF": result["test"]} | {f"UCLN {m} alone": s for m, s in result["unimodal"].items()}
    lines["majority class"] = result["majority_class"]
    cells = {name: [s["accuracy"], s["f1_weighted"], *(s["per_class"][c]["accuracy"] for c in corpus.classes)]
             for name, s in lines.items()}
    cells["paper, real data"] = [percent / 100 for percent in PAPER[settings.dataset, settings.target]]
    sources = ",".join(m for m in MODALITIES if m != settings.target)
    return "\n".join([
        f"{settings.dataset} ({corpus.source} data), {sources} -> {settings.target}, variant {settings.variant}, "
        f"protocol {settings.protocol}, seed {settings.seed}, epoch {result['epoch']} of {settings.epochs}", "",
        " " * 18 + "".join(f"{name:>13}" for name in ("accuracy", "weighted F1", *corpus.classes)),
        *(f"{name:<18}" + "".join(f"{100 * value:11.2f} %" for value in values) for name, values in cells.items()), "",
        f"Test utterances: {len(corpus.utterances('test'))}. Under a class: the accuracy on its utterances. "
        "The paper does not name its protocol."])


class Progress:
    """What a run says while it works: one live line on a terminal, plain lines elsewhere, nothing if quiet."""

    def __init__(self, quiet, stream):
        self.quiet, self.stream = quiet, stream
        self.live, self.width = stream.isatty(), 0

    def begin(self, stage, epochs):
        """A stage of some epochs begins."""
        self.stage, self.epochs, self.begun = stage, epochs, time.perf_counter()

    def epoch(self, epoch, values):
        """An epoch has ended: show ``{name: value}``, seconds an epoch and seconds left of this stage."""
        pace = (time.perf_counter() - self.begun) / epoch
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.say(f"{self.stage}  epoch {epoch}/{self.epochs}  {numbers}  {pace:.2f} s an epoch, "
                 f"{pace * (self.epochs - epoch):.0f} s left", passing=epoch < self.epochs)

    def say(self, text, passing=False):
        """Show a line; on a terminal a passing one is overwritten by the next."""
        if not self.quiet:
            begin, end = ("\r", "" if passing else "\n") if self.live else ("", "\n")
            print(begin + text.ljust(self.width), end=end, file=self.stream, flush=True)
            self.width = len(text) if self.live and passing else 0


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"error: {message}\n")


def parser():
    """The command line: one flag for each field of `Settings`, and where data and results are."""
    p = Parser(prog="python -m argf_np.train", description=__doc__.split("\n\n")[1], epilog="Square brackets name the "
               "source of a default: a section or table of the paper, or a row of the README's table of deviations.")
    p.add_argument("--data-dir", metavar="DIR", help="folder of the data sets [$ARGF_NP_DATA, else the user's cache]")
    p.add_argument("--source", choices=("auto", "real", "synthetic"), default="auto",
                   help="auto takes the real data if it is there, otherwise the built-in synthetic corpus [auto]")
    p.add_argument("--out", metavar="DIR", type=Path, help="folder of the results [runs/NAME, named by the settings]")
    p.add_argument("--quiet", action="store_true", help="show only the table at the end")
    add_flags(p)
    return p


def run_name(source, settings):
    """Name of a run: what one usually varies, and every other setting that is not the preset's."""
    usual = ("dataset", "target", "variant", "protocol", "seed")
    base = asdict(preset(settings.dataset))
    changed = [flag(name)[2:] + str(value) for name, value in asdict(settings).items()
               if name not in usual and value != base[name]]
    return "-".join([settings.dataset, source, settings.target, settings.variant, settings.protocol,
                     f"seed{settings.seed}", *changed])


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line on stderr."""
    try:
        options = vars(parser().parse_args(arguments))
        data_dir, source, out, quiet = (options.pop(name) for name in ("data_dir", "source", "out", "quiet"))
        settings = preset(options.pop("dataset", "mosi"), **options)
        corpus = load(settings.dataset, data_dir, source)
        folder = out or Path("runs") / run_name(corpus.source, settings)
        folder.mkdir(parents=True, exist_ok=True)
        result = run(corpus, settings, folder, Progress(quiet, sys.stderr))
        print(table(corpus, settings, result), f"Everything is in {folder}", sep="\n", flush=True)
    except (DataError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted: trained UCLNs stay in the cache, finished epochs in history.csv", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

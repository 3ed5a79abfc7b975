"""``python -m argf_np.train --dataset mosi``: the whole method in one command."""

import re
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import metrics
from .commands import Parser, Progress, checked_operations, exit_code
from .data import load, select, standardise
from .data.check import linear_accuracy, reason_for_distrust
from .data.corpus import notice
from .data.published import of_the_paper
from .errors import SettingError
from .estimator import Estimator
from .evaluate import format_scores
from .paper.model import forward
from .paper.vertices import stack_weights
from .pipeline import require_fit
from .predict import write_predictions
from .run_folder import configuration, prepare, read_configuration, require_outside_data
from .settings import (
    FIELDS,
    PRESETS,
    WITHOUT_PROTOCOL,
    add_flags,
    checked,
    flag,
    preset,
    settings_for,
)
from .storage import files
from .storage.lock import locked

DESCRIPTION = ("Raw features -> UCLN of each modality -> joint embedding space and graph fusion -> "
               "decision -> metrics and pictures.")


def run(corpus, settings, folder, progress):
    """Train, evaluate, and write everything to the existing ``folder``.

    Continues from the checkpoint in the folder if there is one. Returns the content of
    metrics.json.
    """
    def write_history(history):
        files.write_csv(folder / "history.csv", history)

    corpus = select(corpus, settings.modality_list)
    model = Estimator(**asdict(settings))
    model.fit_with(settings, corpus, progress, write_history, folder / "checkpoint.npz")
    write_history(model.history)  # logistic regression has no checkpoints
    model.save(folder / "model.npz")
    test = corpus.utterances("test")
    out = {}
    if settings.model == "argf":
        x = model.trained["x"][:, test].astype(settings.dtype)
        out = forward(model.params, x, settings.variant, settings.fusion)
    result = evaluation(corpus, settings, model, out.get("alpha_m"))
    write_predictions(folder / "predictions.csv", corpus, corpus.classes, test,
                      model.trained["probabilities"])
    if out:
        progress.say("drawing the figures")
        draw(folder / "figures", model.history, out, corpus, settings)
    files.write_json(folder / "metrics.json", result)  # last: a run that has it is finished
    (folder / "checkpoint.npz").unlink(missing_ok=True)
    return result


def evaluation(corpus, settings, model, alpha_m=None):
    """The content of metrics.json: scores of the model, of each UCLN, of the majority class.

    ``warnings`` says what makes the result worthless, see `metrics.warnings_of`.
    """
    test = corpus.utterances("test")
    truth = corpus.labels[test]

    def score(prediction):
        return metrics.scores(truth, prediction, corpus.classes)

    names = ("dataset", "modalities", "target", "model", "variant", "protocol", "seed")
    if settings.model == "argf":
        names += ("fusion", "without")
    unimodal = model.trained["unimodal"]
    result = {
        **{name: getattr(settings, name) for name in names},
        "source": corpus.source,
        "epoch": model.epoch,
        "test": score(model.trained["probabilities"].argmax(axis=1)),
        "majority_class": score(metrics.most_frequent(truth)),
        "unimodal": {m: score(P[test].argmax(axis=1)) for m, P in unimodal.items()},
        "warnings": metrics.warnings_of(model.trained["probabilities"], corpus.classes, alpha_m,
                                        train_accuracy(corpus, unimodal, model.moments)),
    }
    chosen = model.history[model.epoch - 1]
    if "validation_accuracy" in chosen:
        result["validation"] = {"accuracy": chosen["validation_accuracy"]}
    return result


def train_accuracy(corpus, unimodal, moments):
    """Accuracy on the training utterances: ``{modality: (of its UCLN, of a linear model)}``."""
    train = corpus.utterances("train")
    rows = {"train": train}
    found = {}
    for m, z in standardise(corpus, moments).features.items():
        if m in unimodal:
            ucln = np.mean(unimodal[m][train].argmax(axis=1) == corpus.labels[train])
            linear = linear_accuracy(z, corpus.labels, rows)["train"]
            found[m] = float(ucln), float(linear)
    return found


def draw(folder, history, out, corpus, settings):
    """The pictures of a run, from its history and the `forward` output on the test utterances."""
    from . import figures  # matplotlib is slow to import, and only needed here

    folder.mkdir(exist_ok=True)
    rows = corpus.utterances("test")
    title = f"{corpus.source} data, protocol {settings.protocol}"
    named = {"title": title, "modalities": settings.modality_list}
    pictures = {
        "training": figures.training_curves(history, **named)["fusion"],
        "modality_gap": figures.modality_gap(out["x_e"], **named),
    }
    if len(rows) > 1:
        pictures["embedding"] = figures.embedding_space(out["x_e"], corpus.labels[rows],
                                                        corpus.classes, title=title)
    if "alpha_2" in out:  # of the graph
        weights = stack_weights(out)
        shown = np.linspace(0, len(rows) - 1, min(len(rows), 24)).astype(int)
        words = [corpus.words[rows[i]] for i in shown]
        pictures["vertex_weights"] = figures.vertex_weights(weights[shown], words, **named)
        pictures["graph"] = figures.graph(weights, **named)
    for name, axes in pictures.items():
        with files.replacing(folder / f"{name}.png") as part:
            figures.save(axes.figure, part)


def table(corpus, settings, result):
    """The result, beside each modality alone, the majority class and the paper's figure."""
    name = settings.model.upper().replace("_", "-")
    lines = {name: result["test"]}
    for m, scores in result["unimodal"].items():
        lines[f"UCLN {m} alone"] = scores
    lines["majority class"] = result["majority_class"]
    printed = of_the_paper(corpus.published, settings)
    if printed:
        lines["paper, real data"] = [percent / 100 for percent in printed]
    sources = ",".join(m for m in settings.modality_list if m != settings.target)
    head = (f"{settings.dataset} ({corpus.source} data), {sources} -> {settings.target}, variant "
            f"{settings.variant}, protocol {settings.protocol}, seed {settings.seed}, "
            f"epoch {result['epoch']}")
    if settings.model == "argf":
        head += f" of {settings.epochs}"
    foot = (f"Test utterances: {len(corpus.utterances('test'))}. Under a class: the accuracy on "
            "its utterances.")
    if printed:
        foot += " The paper does not name its protocol."
    warnings = [f"warning: {text}" for text in result["warnings"]]
    return "\n".join([head, "", format_scores(lines, corpus.classes), "", foot, *warnings])


def run_name(source, settings):
    """Name of a run: what one usually varies, and every other setting that is not the preset's."""
    usual = ("dataset", "target", "variant", "protocol", "seed")
    base = asdict(preset(settings.dataset, protocol=settings.protocol))
    parts = [Path(settings.dataset).stem, source, settings.target, settings.variant,
             settings.protocol, f"seed{settings.seed}"]
    for name, value in asdict(settings).items():
        if name not in usual and value != base[name]:
            parts.append(flag(name)[2:] + str(value))
    name = "-".join(parts)
    return re.sub(r"[^\w.,+-]", "_", name, flags=re.ASCII)  # a name that every system can store


def parser():
    """The command line: one flag for each field of `Settings`, and where data and results are."""
    p = Parser(prog="python -m argf_np.train", description=DESCRIPTION, epilog=(
        "From --dataset on, square brackets name the source of a default: the paper, the authors' "
        "script, this project, or a row of DEVIATIONS.md. Before that, they hold the default."))
    p.add_argument("--data-dir", metavar="DIR",
                   help="folder of the data sets [$ARGF_NP_DATA, else the user's cache]")
    p.add_argument("--source", choices=("auto", "real", "synthetic"), default="auto",
                   help="auto takes the real data if it is there, otherwise the built-in synthetic "
                   "corpus [auto]")
    p.add_argument("--out", metavar="DIR", type=Path,
                   help="folder of the results, outside of the data; nothing in it is replaced "
                   "except a run of the same data and settings [runs/NAME, named by the settings]")
    p.add_argument("--resume", metavar="DIR", type=Path,
                   help="continue the run of this folder, with its settings")
    p.add_argument("--check-finite", action="store_true",
                   help="look at every number, and name the operation that first gives an infinite "
                   "one or NaN; slow")
    p.add_argument("--quiet", action="store_true", help="show only the table at the end")
    add_flags(p)
    return p


def work(data_dir, source, out, resume, check_finite, quiet, **options):
    """The command, with its flags as arguments; ``options`` are the settings that were given."""
    folder, config = out, None
    if resume is not None:
        others = [*options, *["out"] * (out is not None), *["source"] * (source != "auto")]
        if others:
            raise SettingError(f"{flag(others[0])}: expected nothing beside --resume but "
                               "--data-dir, --check-finite and --quiet")
        folder, config = resume, read_configuration(resume)
        if (folder / "metrics.json").exists():
            (folder / "checkpoint.npz").unlink(missing_ok=True)  # if it was killed just before
            print(f"{folder} is finished already: nothing is left to do")
            return
        options = {name: config[name.rstrip("_")] for name in FIELDS}
        data_dir, source = data_dir or config["data_dir"], config["source"]
        if options["dataset"] not in PRESETS and not Path(options["dataset"]).exists():
            raise SettingError(f"{folder}: expected its data at {options['dataset']}, where "
                               "there is nothing now")
    elif options.get("model", "argf") != "argf":
        for name in ("fusion", "without"):
            if name in options:
                raise SettingError(f"{flag(name)}: expected --model argf, which alone has it")
    # Absolute, so that the run can be continued and evaluated from anywhere.
    data_dir = data_dir and str(Path(data_dir).expanduser().absolute())
    options = {name: checked(FIELDS[name], value) for name, value in options.items()}
    dataset = options.setdefault("dataset", "mosi")
    if dataset not in PRESETS and Path(dataset).exists():
        dataset = options["dataset"] = str(Path(dataset).absolute())
    corpus = load(dataset, data_dir, source)
    settings = settings_for(corpus, **options)
    require_fit(corpus, settings, "test")
    tell_of_distrust(corpus, settings)
    folder = folder or Path("runs") / run_name(corpus.source, settings)
    if config is None and corpus.source == "real":
        require_outside_data(folder, dataset, data_dir)
    with locked(folder), checked_operations() if check_finite else nullcontext():
        prepare(folder, config, configuration(corpus, settings, data_dir))
        progress = Progress(quiet, sys.stderr)
        try:
            result = run(corpus, settings, folder, progress)
        except KeyboardInterrupt:
            kept = "finished epochs are kept, " * (folder / "checkpoint.npz").exists()
            raise KeyboardInterrupt(f"{kept}continue with --resume {folder}") from None
        finally:
            progress.close()
    print(table(corpus, settings, result), f"Everything is in {folder}", sep="\n", flush=True)


def tell_of_distrust(corpus, settings):
    """Give a notice if the protocol chooses an epoch by a split that cannot be trusted."""
    # HFFN keeps its last parameters, but these protocols let that split say which are the last.
    reads_split = settings.model == "hffn" or settings.model not in WITHOUT_PROTOCOL
    if reads_split and settings.protocol in ("validation", "released"):
        reason = reason_for_distrust(select(corpus, settings.modality_list))
        if reason:
            notice(f"protocol {settings.protocol} chooses an epoch by a validation split that "
                   f"cannot be trusted: {reason}")


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = vars(parser().parse_args(arguments))
    return exit_code(lambda: work(**options))


if __name__ == "__main__":
    sys.exit(main())

"""One run: a training, and what tables and figures need of it, as a file.

The same run gives the same file, byte for byte, whatever executed it: a result holds no time and
no path.
"""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np

from .. import __version__, metrics, pipeline
from ..baselines import logistic
from ..data import load, select
from ..errors import DataError
from ..paper.model import embed, forward
from ..paper.vertices import ALPHAS, stack_weights
from ..pipeline import corpus_fingerprint
from ..settings import PRESETS, Settings, preset
from ..storage import cache, files, npz
from ..train import run_name, train_accuracy

LONGEST = 160  # letters of a name of a run in the name of its file


def execute(settings, source, place, data):
    """Train and evaluate once. Returns a tree of arrays.

    - place: the folder of the named data sets, or the path of the file or folder of any other.
    - data: the fingerprint of the corpus. DataError if what is in ``place`` has another.

    The result has, for n test utterances, N classes and m modalities:

    - settings, data, version, classes, modalities: what was run.
    - prediction, label, video (n,), probabilities (n, N).
    - unimodal (m, n): what each modality alone predicts, see `alone`.
    - epoch: the one that was chosen; validation: the accuracy on the validation utterances there,
      NaN where the model computes none.
    - warnings: texts, see `metrics.warnings_of`.
    - unimodal_warnings (m,): see `warnings_of_uclns`.
    - for ARGF, also what `measures` returns.
    """
    corpus = load_corpus(settings.dataset, source, place)
    if corpus_fingerprint(corpus) != data:
        raise DataError(f"{settings.dataset}: the data in {place} is not what the command was "
                        "started with")
    fitted = pipeline.train(corpus, settings)
    test = corpus.utterances("test")
    video = np.repeat(np.arange(len(corpus.video_ids)), corpus.lengths)
    chosen = fitted["history"][fitted["epoch"] - 1]
    out = {}
    if settings.model == "argf":
        x = fitted["x"].astype(settings.dtype)
        out = forward(fitted["params"], x[:, test], settings.variant, settings.fusion)
    warnings = metrics.warnings_of(fitted["probabilities"], corpus.classes, out.get("alpha_m"))
    result = {
        "settings": np.array(json.dumps(asdict(settings))),
        "data": np.array(data),
        "version": np.array(__version__),
        "classes": np.array(corpus.classes),
        "modalities": np.array(settings.modality_list),
        "prediction": fitted["probabilities"].argmax(axis=1),
        "probabilities": fitted["probabilities"].astype("float16"),
        "label": corpus.labels[test],
        "video": video[test],
        "unimodal": alone(corpus, settings, fitted["unimodal"]),
        "epoch": np.array(fitted["epoch"]),
        "validation": np.array(chosen.get("validation_accuracy", np.nan)),
        "warnings": np.array(warnings, dtype=str),
        "unimodal_warnings": warnings_of_uclns(corpus, settings, fitted),
    }
    if out:
        result |= measures(fitted["params"], x, out, corpus, settings)
    return result


def load_corpus(dataset, source, place):
    """The corpus of a data set that has a preset, in the folder ``place``; else what is there."""
    if dataset in PRESETS:
        return load(dataset, place, source)
    return load(place, source=source)


def alone(corpus, settings, unimodal):
    """The classes (m, n_test) that each modality alone gives.

    They are those of its UCLN. Where the features are outputs of a UCLN already, they are those of
    a logistic regression on them, and only the runs of that model have them; others (0, n_test).
    """
    test = corpus.utterances("test")
    found = [probabilities[test].argmax(axis=1) for probabilities in unimodal.values()]
    if corpus.contextual and settings.model == "logistic":
        for m in settings.modality_list:
            only = SimpleNamespace(modality_list=(m,))  # `Settings` has two modalities or more
            fitted = logistic.train(corpus, None, only)
            found.append(fitted["probabilities"].argmax(axis=1))
    return np.array(found, int).reshape(-1, len(test))


def warnings_of_uclns(corpus, settings, fitted):
    """What is wrong with the UCLN of each modality, or "": (m,), see `metrics.ucln_warnings`."""
    corpus = select(corpus, settings.modality_list)  # the moments are of these
    accuracies = train_accuracy(corpus, fitted["unimodal"], fitted["moments"])
    found = metrics.ucln_warnings(accuracies)
    return np.array([found.get(m, "") for m in settings.modality_list])


def measures(params, x, out, corpus, settings):
    """The numbers of Figures 5 and 6 of one run.

    - x (m, n, d): UCLN features of all utterances. out: of `forward` on the test utterances.

    Returns a dict

    - with encoders, gap (2, 2): `metrics.modality_gap` of the UCLN features and of the embedding;
      separation (2, 2): the same of `class_separation`.
    - for the graph, weights (2, vertices): mean and deviation of each vertex over the test
      utterances.
    - for seed 0, for the pictures, x_e (m, n_test, k) and the weights of the vertices, alpha_...
    """
    train, test = corpus.utterances("train"), corpus.utterances("test")
    labels = corpus.labels[train], corpus.labels[test]
    spaces = [(x[:, train], x[:, test])]
    found = {}
    if "encoders" in params:
        spaces.append((embed(params, x[:, train]), out["x_e"]))
        found["gap"] = np.array([metrics.modality_gap(*space) for space in spaces])
        found["separation"] = np.array([metrics.class_separation(*space, *labels)
                                        for space in spaces])
    if "alpha_2" in out:
        weights = stack_weights(out)
        found["weights"] = np.array([weights.mean(axis=0), weights.std(axis=0)])
    if settings.seed == 0:
        for name, value in out.items():
            if name in ("x_e", *ALPHAS):
                found[name] = value
    return found


def attempt(*arguments):
    """``execute(*arguments)``, or the error in one line if the run fails."""
    try:
        return execute(*arguments)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


def path_of(folder, source, settings, data):
    """The file of a run: its name, and a digest of what may be lost in a name, and of the data."""
    usual = asdict(preset(settings.dataset))
    changed = {name: value for name, value in asdict(settings).items() if value != usual[name]}
    digest = cache.fingerprint(changed | {"data": data})[:8]
    return folder / "runs" / f"{run_name(source, settings)[:LONGEST]}-{digest}.npz"


def read(folder, source, settings, data):
    """The result of a run on the corpus of the fingerprint ``data``, None if it is to be done."""
    try:
        result = npz.load(path_of(folder, source, settings, data))
        found = settings_of(result), str(result["data"]), str(result["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if found == (settings, data, __version__) else None


def write(folder, source, settings, data, result):
    """Write the file of a run."""
    with files.replacing(path_of(folder, source, settings, data)) as part:
        npz.save(part, result)


def settings_of(result):
    """The settings of a run's result."""
    return Settings(**json.loads(str(result["settings"])))

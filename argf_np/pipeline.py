"""Raw features -> UCLNs -> trained network: the one place where a model is trained."""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from . import __version__
from .baselines import MODELS
from .commands import Progress
from .data import moments, notice, require_trainable, select, standardise
from .data.check import reason_for_distrust
from .errors import DataError, ModelError, NotFiniteError
from .paper.ucln import apply_ucln, train_ucln
from .settings import FIELDS
from .storage import archive
from .storage.cache import cached, fingerprint

SEEDS = {"a": 0, "l": 1, "v": 2}  # of the paper's modalities; for others the letters of the name
EPOCHS_WITHOUT_STOPPING = 10  # of a UCLN whose validation split cannot say when to stop
SHOWN = ("embedding", "discriminator", "classifier", "fusion", "loss", "validation_accuracy")


def require_fit(corpus, settings, *splits):
    """Refuse with a DataError what cannot be trained on.

    Neither the splits that the protocol needs nor ``splits`` may be empty.
    """
    needed = {"validation": ["validation"], "released": ["validation", "test"],
              "best_test": ["test"]}.get(settings.protocol, [])
    corpus = select(corpus, settings.modality_list)
    require_trainable(corpus, ["train", *needed, *splits])
    if corpus.contextual:
        stack(corpus, {})  # refuses different widths before anything is written


def train(corpus, settings, progress=None, on_history=None, checkpoint=None):
    """Train the model of the settings on raw features.

    Arguments
        - corpus: with raw features. It is reduced to the modalities of the settings.
        - settings: a `Settings`, as `settings_for` gives it for this corpus.
        - progress: a `commands.Progress`; nothing is shown by default.
        - on_history: called with the history, a list of dicts, before each checkpoint.
        - checkpoint: path of a file for the state of training after each epoch. If the file exists,
          training continues from it.
    Returns a dict
        - moments: mean and deviation of the raw features, see `data.standardise`.
        - uclns: ``{modality: parameters}``; unimodal: ``{modality: probabilities (n, N)}``.
        - x (m, n, d): the UCLN features of all utterances.
        - params, probabilities (n_test, N), epoch, history: see `baselines`.
    Raises DataError, ModelError (a broken checkpoint) or NotFiniteError, each with one line.
    """
    progress = progress or Progress(quiet=True, stream=sys.stderr)
    corpus = select(corpus, settings.modality_list)
    task = {"settings": asdict(settings), "data": corpus_fingerprint(corpus)} if checkpoint else {}
    validation, epochs = stopping(corpus, settings)
    by = moments(corpus)
    corpus = standardise(corpus, by)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # NotFiniteError says more
        uclns = train_uclns(corpus, replace(settings, ucln_epochs=epochs), progress, validation)
        x = stack(corpus, {m: ucln["features"] for m, ucln in uclns.items()})
        fitted = train_model(corpus, x, settings, progress, on_history, checkpoint, task)
    test = corpus.utterances("test")
    broken = first_broken(fitted["probabilities"])
    if broken is not None:
        raise NotFiniteError(f"the probabilities of utterance {corpus.ids[test[broken]]} are not "
                             "finite")
    return fitted | {
        "moments": by,
        "x": x,
        "uclns": {m: ucln["params"] for m, ucln in uclns.items()},
        "unimodal": {m: ucln["probabilities"] for m, ucln in uclns.items()},
    }


def train_model(corpus, x, settings, progress, on_history, checkpoint, task):
    """Train the model of the settings on UCLN features x (m, n, d); see `train`.

    - task: what a checkpoint must agree with, see `read_checkpoint`.
    """
    resume = read_checkpoint(checkpoint, task)
    history = [*resume["history"]] if resume else []

    def on_epoch(row):
        history.append(row)
        shown = {name.replace("_", " "): row[name] for name in SHOWN if name in row}
        progress.epoch(row["epoch"], shown)

    def on_checkpoint(state):
        if on_history:
            on_history(history)
        if checkpoint:
            archive.write(checkpoint, "checkpoint", {"task": task, "state": state})

    model, name = MODELS[settings.model], settings.model.upper().replace("_", "-")
    progress.begin(name, model.epochs(corpus, settings), len(history))
    try:
        return model.train(corpus, x, settings, on_epoch, on_checkpoint, resume)
    except ModelError as error:
        raise ModelError(f"{checkpoint}: {error}") from None


def stopping(corpus, settings):
    """The validation videos by which the UCLNs stop, and their largest number of epochs.

    Without early stopping there are no such videos. Where the validation split cannot be trusted,
    the UCLNs train for `EPOCHS_WITHOUT_STOPPING` at most, and a notice says so.
    """
    validation, epochs = corpus.split["validation"], settings.ucln_epochs
    if settings.ucln_patience == 0 or corpus.contextual:
        return validation[:0], epochs
    reason = reason_for_distrust(corpus)
    if reason is None:
        return validation, epochs
    epochs = min(epochs, EPOCHS_WITHOUT_STOPPING)
    duration = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    notice(f"the UCLNs train for {duration} and do not stop by the validation split: {reason}")
    return validation[:0], epochs


def train_uclns(corpus, settings, progress, validation):
    """The UCLN of each modality of a standardised corpus, trained or from the cache.

    Returns ``{modality: {"params", "features" (n, d), "probabilities" (n, N)}}``; empty where the
    features are outputs of a UCLN already.
    """
    if corpus.contextual:
        return {}
    uclns = {}
    for m in settings.modality_list:
        uclns[m] = _cached_ucln(corpus, m, settings, progress, validation)
        broken = first_broken(uclns[m]["features"], uclns[m]["probabilities"])
        if broken is not None:
            raise DataError(f"{corpus.name}: the features {m} of utterance "
                            f"{corpus.ids[largest_of_video(corpus, m, broken)]} are too large: the "
                            "UCLN gives no finite numbers for its video")
    return uclns


def largest_of_video(corpus, modality, row):
    """Which utterance has the largest feature in the video of the utterance ``row``."""
    rows = corpus.rows_of([np.searchsorted(corpus.starts, row, "right") - 1])
    return rows[np.abs(corpus.features[modality][rows]).max(axis=1).argmax()]


def first_broken(*arrays):
    """The first row in which an array (n, ...) has a number that is not finite; None if none."""
    for x in arrays:
        broken = ~np.isfinite(x).all(axis=1)
        if broken.any():
            return int(broken.argmax())
    return None


def _cached_ucln(corpus, modality, settings, progress, validation):
    x = corpus.features[modality]
    y = np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels]
    videos = corpus.split["train"]
    seed = [settings.seed, 1]
    seed += [SEEDS[modality]] if modality in SEEDS else modality.encode()

    def on_epoch(epoch, loss):
        if not np.isfinite(loss):
            raise NotFiniteError(f"UCLN {modality}, epoch {epoch}: the cross-entropy is {loss}")
        progress.epoch(epoch, {"cross-entropy": loss})

    def compute():
        progress.begin(f"UCLN {modality}", settings.ucln_epochs)
        params = train_ucln(x, y, corpus.starts, videos, settings, np.random.default_rng(seed),
                            on_epoch, validation)
        features, probabilities = apply_ucln(params, x, corpus.starts, settings)
        return {"params": params, "features": features, "probabilities": probabilities}

    labels = {}
    for split in ("train", "validation") if len(validation) else ("train",):
        labels[split] = corpus.labels[corpus.utterances(split)]
    names = [name for name in FIELDS if name == "d" or name.startswith("ucln_")]
    return cached({
        "version": __version__, "features": x, "starts": corpus.starts, "videos": videos,
        "validation": validation, "labels": labels, "classes": len(corpus.classes),
        "seed": str(seed), "dtype": settings.dtype,
        **{name: getattr(settings, name) for name in names}}, compute)


def stack(corpus, ucln_features):
    """The features (m, n, d) that the model fuses: outputs of UCLNs, or the corpus's own."""
    parts = ucln_features or corpus.features
    if len({part.shape for part in parts.values()}) > 1:
        widths = ", ".join(f"{m} {part.shape[1]}" for m, part in parts.items())
        raise DataError(f"{corpus.name}: outputs of a UCLN, expected one width for all modalities, "
                        f"found {widths}")
    return np.stack([*parts.values()])


def read_checkpoint(path, task):
    """The state of training in a file, or None if there is none.

    Raises ModelError if it belongs to other settings or other data than those of ``task``, or
    parts of it are missing.
    """
    if path is None or not Path(path).exists():
        return None
    content = archive.read(path, "checkpoint")
    found, expected = _facts(content.get("task", {})), _facts(task)
    for name, value in expected.items():
        if found.get(name) != value:
            raise ModelError(f"{path}: began with {name} {found.get(name)}, expected {value}")
    state = content.get("state", {})
    for name, kind in {"history": list, "generator": dict}.items():
        if not isinstance(state.get(name), kind):
            raise ModelError(f"{path}: not a whole checkpoint: {name} is missing")
    return state


def _facts(task):
    return {"data": task.get("data"), **task.get("settings", {})}


def corpus_fingerprint(corpus):
    """A digest of all in a corpus that a result depends on; names of videos do not count."""
    return fingerprint({"features": corpus.features, "starts": corpus.starts,
                        "labels": corpus.labels, "classes": tuple(map(str, corpus.classes)),
                        "split": corpus.split})

"""Runs: one training each, one file each, on any `concurrent.futures.Executor`.

The same run gives the same file, byte for byte, whatever executed it: a result holds no time and no path, and every run
has a process of its own with one BLAS thread. A file appears whole or not at all, so starting again does what is
missing.
"""

import json
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import asdict

import numpy as np

from .. import __version__, nn, pipeline
from ..data import DataError, load
from ..paper.model import embed, forward
from ..pipeline import corpus_fingerprint as fingerprint
from ..settings import Settings
from ..storage import files
from ..train import run_name
from . import isolated

ATTEMPTS = 3  # of a run whose worker dies


def execute(settings, source, data_dir, data):
    """Train and evaluate once: a tree of arrays, all that a table or a figure needs.

    ``prediction``, ``label``, ``video``: of each test utterance, (n_test,); ``unimodal``: what the UCLN of each
    modality alone predicts, (m, n_test); ``epoch``; ``validation``: accuracy on the validation utterances at that epoch
    (NaN of a baseline); ``gap``: `modality_gap` of the UCLN features and of the embedding, (2, 2); ``settings``,
    ``classes``, ``modalities``, ``data``, ``version``: what was run. Of seed 0, for the pictures, also ``x_e``
    (m, n_test, k) and the weights of the fusion, ``alpha_...``.
    Raises DataError where the corpus has another fingerprint than ``data``.
    """
    corpus = load(settings.dataset, data_dir, source)
    if fingerprint(corpus) != data:
        raise DataError(f"{settings.dataset}: the data in {data_dir} is not what the command was started with")
    fitted = pipeline.train(corpus, settings)
    x, unimodal = fitted["x"], fitted["unimodal"]
    test = corpus.utterances("test")
    video = np.repeat(np.arange(len(corpus.video_ids)), np.diff(corpus.starts))
    result = {
        "settings": np.array(json.dumps(asdict(settings))),
        "data": np.array(data),
        "version": np.array(__version__),
        "classes": np.array(corpus.classes),
        "modalities": np.array(settings.modalities),
        "prediction": fitted["probabilities"].argmax(axis=1),
        "label": corpus.labels[test],
        "video": video[test],
        "unimodal": np.array([p[test].argmax(axis=1) for p in unimodal.values()]),
        "epoch": np.array(fitted["epoch"]),
        "validation": np.array(fitted["history"][fitted["epoch"] - 1].get("validation_accuracy", np.nan)),
    }
    if "encoders" in fitted["params"]:
        train, x = corpus.utterances("train"), x.astype(settings.dtype)
        x_e = [embed(fitted["params"], x[:, some]) for some in (train, test)]
        result["gap"] = np.array([modality_gap(x[:, train], x[:, test]), modality_gap(*x_e)])
        if settings.seed == 0:
            out = forward(fitted["params"], x[:, test], settings.variant, settings.fusion)
            result |= {name: value for name, value in out.items() if name == "x_e" or name.startswith("alpha")}
    return result


def attempt(*arguments):
    """``execute(*arguments)``, or of a run that fails the error, in one line."""
    try:
        return execute(*arguments)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


def modality_gap(train, test):
    """How far the modalities lie apart: x_e (m, n, k) of training and of test utterances.

    Returns the accuracy on the test utterances of a linear probe that tells the modalities apart (least squares on
    one-hot targets, fitted on the training utterances; chance is 1/m), and the mean distance between the means of two
    modalities of the test utterances, divided by the mean distance of a vector from its own mean.
    """
    m, n, k = train.shape
    rows = lambda x: np.concatenate([x.reshape(-1, k), np.ones((x.shape[0] * x.shape[1], 1))], axis=1)  # noqa: E731
    W = np.linalg.lstsq(rows(train), np.repeat(np.eye(m), n, axis=0), rcond=None)[0]  # (k + 1, m)
    found = (rows(test) @ W).argmax(axis=1).reshape(m, -1)
    centres = test.mean(axis=1)  # (m, k)
    apart = [np.linalg.norm(centres[i] - centres[j]) for i in range(m) for j in range(i)]
    spread = np.linalg.norm(test - centres[:, None], axis=-1).mean()
    return np.mean(found == np.arange(m)[:, None]), np.mean(apart) / spread


def path_of(folder, source, settings):
    """The file of a run."""
    return folder / "runs" / f"{run_name(source, settings)}.npz"


def read(folder, source, settings, data):
    """The result of a run on the corpus with the fingerprint ``data``, or None if it is still to be done."""
    try:
        result = nn.load(path_of(folder, source, settings))
        found = settings_of(result), str(result["data"]), str(result["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if found == (settings, data, __version__) else None


def settings_of(result):
    """The settings of a run's result."""
    return Settings(**json.loads(str(result["settings"])))


def complete(runs, corpus, data_dir, folder, executor, slots, stream):
    """Execute those of the runs (a list of `Settings`) that have no file yet, each in a process of its own.

    A run whose worker dies is repeated. ``slots()`` is how many runs the executor has at a time; stream is for the live
    line. Returns ``{name: error}`` of the runs that failed; the others are done.
    """
    source, data = corpus.source, fingerprint(corpus)
    runs = [*dict.fromkeys(runs)]
    missing = [settings for settings in runs if read(folder, source, settings, data) is None]

    def submit(settings):
        return executor.submit(isolated.call, attempt, settings, source, data_dir, data)

    attempts, failed, live = Counter(missing), {}, Live(len(runs), len(missing), stream)
    pending = {submit(settings): settings for settings in missing}
    try:
        while pending:
            live.show(len(pending), min(len(pending), slots()), len(failed))
            for future in wait(pending, 1, FIRST_COMPLETED).done:
                settings = pending.pop(future)
                try:
                    result = future.result()
                except Exception as error:  # not of the run, but of what executed it
                    if attempts[settings] < ATTEMPTS:
                        attempts[settings] += 1
                        pending[submit(settings)] = settings
                        continue
                    result = f"tried {ATTEMPTS} times: " + " ".join(str(error.__cause__ or error).split())
                if isinstance(result, str):
                    failed[run_name(source, settings)] = result
                    continue
                with files.replacing(path_of(folder, source, settings)) as part:
                    nn.save(part, result)
        live.show(0, 0, len(failed))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("finished runs are kept, start again to go on") from None
    finally:
        while wait(pending, 0).not_done:  # after Ctrl-C or a full disk
            for future in pending:
                future.cancel()
            for process in [*isolated.running]:
                process.kill()
            wait(pending, 0.1)
    return failed


class Live:
    """How far the runs are: one line, overwritten on a terminal, elsewhere printed for every tenth of the runs."""

    def __init__(self, total, missing, stream):
        self.total, self.missing, self.stream = total, missing, stream
        self.begun, self.shown = time.perf_counter(), -1

    def show(self, pending, running, failed):
        """Show the line; ``pending`` runs are not finished, ``running`` of these are under way."""
        finished = self.missing - pending
        done = self.total - pending - failed
        line = f"{done} of {self.total} runs done, {running} running, {pending - running} left"
        line += f", {failed} failed" * bool(failed)
        if finished and pending:
            line += f", {duration((time.perf_counter() - self.begun) / finished * pending)} to go"
        if self.stream.isatty():
            print(f"\r{line:<78}", end="" if pending else "\n", file=self.stream, flush=True)
        elif (tenth := 10 * finished // max(self.missing, 1)) > self.shown or not pending:
            self.shown = tenth
            print(line, file=self.stream, flush=True)


def duration(seconds):
    """A time as one says it: in seconds, minutes or hours."""
    unit, name = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{seconds / unit:.0f} {name}"

"""Runs: one training each, one file each, on any `concurrent.futures.Executor`.

The same run gives the same file, byte for byte, whatever executed it: a result holds no time and no path, and every
process computes with one BLAS thread. A file appears whole or not at all, so that starting again does what is missing.
"""

import json
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context

import numpy as np

from .. import files, nn
from ..baselines import MODELS
from ..data import load, standardise
from ..model import embed, forward
from ..settings import Settings
from ..train import Progress, context_of_modalities, run_name

ATTEMPTS = 3  # of a run whose worker dies


def execute(settings, source, data_dir=None):
    """Train and evaluate once: a tree of arrays, all that a table or a figure needs.

    ``prediction``, ``label``, ``video``: of each test utterance, (n_test,); ``unimodal``: what the UCLN of each
    modality alone predicts, (m, n_test); ``epoch``; ``validation``: accuracy on the validation utterances at that epoch
    (NaN of a baseline); ``gap``: `modality_gap` of the UCLN features and of the embedding, (2, 2); ``settings``,
    ``classes``, ``modalities``, ``data``: what was run. Of seed 0, for the pictures, also ``x_e`` (m, n_test, k) and
    the weights of the fusion, ``alpha_...``.
    """
    corpus = load(settings.dataset, data_dir, source)
    data = fingerprint(corpus)
    corpus = standardise(corpus)
    x, unimodal = context_of_modalities(corpus, settings, Progress(True, sys.stderr))
    fitted = MODELS[settings.model](corpus, x, settings)
    test = corpus.utterances("test")
    video = np.repeat(np.arange(len(corpus.video_ids)), np.diff(corpus.starts))
    result = {
        "settings": np.array(json.dumps(asdict(settings))),
        "data": np.array(data),
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
            out = forward(fitted["params"], x[:, test], settings.variant)
            result |= {name: value for name, value in out.items() if name == "x_e" or name.startswith("alpha")}
    return result


def fingerprint(corpus):
    """What distinguishes a corpus from every other one."""
    return files.fingerprint({"features": corpus.features, "labels": corpus.labels, "split": corpus.split})


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


def in_own_process(function, *arguments):
    """``function(*arguments)`` in a new process: if it dies, it takes no other run with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


class Processes(ThreadPoolExecutor):
    """An executor whose every call has a process of its own, ``jobs`` of them at a time."""

    def submit(self, function, /, *arguments):  # type: ignore[override]
        """See `concurrent.futures.Executor.submit`."""
        return super().submit(in_own_process, function, *arguments)


def path_of(folder, source, settings):
    """The file of a run."""
    return folder / "runs" / f"{run_name(source, settings)}.npz"


def read(folder, source, settings, data):
    """The result of a run on the corpus with the fingerprint ``data``, or None if it is still to be done."""
    try:
        result = nn.load(path_of(folder, source, settings))
    except (OSError, ValueError):
        return None
    return result if result["data"] == data and settings_of(result) == settings else None


def settings_of(result):
    """The settings of a run's result."""
    return Settings(**json.loads(str(result["settings"])))


def complete(runs, source, data_dir, data, folder, executor, stream=sys.stderr):
    """Execute those of the runs (a list of `Settings`) that have no file yet.

    A run whose worker died is repeated. Returns ``{name: error}`` of the runs that failed; the others are done.
    """
    missing = [settings for settings in dict.fromkeys(runs) if read(folder, source, settings, data) is None]
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    begun, failed, done, attempts = time.perf_counter(), {}, 0, {}
    pending = {executor.submit(execute, settings, source, data_dir): settings for settings in missing}
    try:
        while pending:
            show(stream, done, pending, len(failed), time.perf_counter() - begun)
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                settings = pending.pop(future)
                name = run_name(source, settings)
                error = future.exception()
                if error is None:
                    with files.replacing(path_of(folder, source, settings)) as part:
                        nn.save(part, future.result())
                    done += 1
                elif died(error) and (attempts.setdefault(name, 1) < ATTEMPTS):
                    attempts[name] += 1
                    pending[executor.submit(execute, settings, source, data_dir)] = settings
                else:
                    failed[name] = error
    finally:
        for future in pending:
            future.cancel()
    show(stream, done, pending, len(failed), time.perf_counter() - begun, end="\n")
    return failed


def died(error):
    """Whether a run failed because its worker did, not by an error of its own."""
    return type(error).__name__ in ("BrokenProcessPool", "KilledWorker")


def show(stream, done, pending, failed, seconds, end=""):
    """One live line: runs done, running and left, and the time left."""
    running = sum(future.running() for future in pending)
    left = f", {seconds / done * len(pending) / 60:.0f} min left" if done else ""
    line = f"{done} runs done, {running} running, {len(pending) - running} left, {failed} failed{left}"
    if stream.isatty():
        print(f"\r{line:<78}", end=end, file=stream, flush=True)
    elif not pending or done % 10 == 0:
        print(line, file=stream, flush=True)

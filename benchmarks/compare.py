"""ARGF and the UCLN beside PyTorch, on random or synthetic data of the size of CMU-MOSI."""

import os
from functools import partial

import numpy as np
import torch

from argf_np import nn
from argf_np.data import synthesise
from argf_np.paper import model, protocols, updates
from argf_np.settings import Settings

from . import models, twin
from .alone import random_data
from .measure import in_turns, row

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))


def readable(function):
    """The function, run on the readable operations."""
    def run():
        previous = nn.use("readable")
        function()
        nn.use(previous)
    return run


def prove(kind, params, x, y, settings):
    """`twin.check_argf` on one of three batches.

    In float32, rounding can decide on which side of the kink of a leaky ReLU a unit lies. This
    spoils a batch now and then.
    """
    starts = range(0, 3 * settings.batch_size, settings.batch_size)
    for start in starts:
        rows = slice(start, start + settings.batch_size)
        try:
            return twin.check_argf(kind, params, x[:, rows], y[rows], settings)
        except twin.MismatchError:
            if start == starts[-1]:
                raise


def argf_epoch(batch_size, tiny=False):
    """One epoch of ARGF with all updates and the settings of MOSI."""
    rng, settings = np.random.default_rng(0), Settings(batch_size=batch_size)
    x, y = random_data(rng, 3 * batch_size if tiny else 1141)
    x_torch, y_torch = torch.tensor(x), torch.tensor(y)
    params = model.init_model(rng, x.shape[2], settings.k, y.shape[1])
    optimisers = updates.init_optimisers(params, settings)
    ours = partial(protocols.train_epoch, params, optimisers, x, y, settings, rng)
    contenders = {"ours": ours, "readable": readable(ours)}
    for kind in (twin.Released, twin.Best):
        prove(kind, params, x, y, settings)
        network = kind(params, settings)
        theirs = network.init_optimisers()
        contenders[kind] = partial(network.train_epoch, theirs, x_torch, y_torch)
    ms = in_turns(contenders, tiny)
    name = f"ARGF epoch, batch {batch_size}"
    return [
        row(f"{name}: PyTorch as released", ms["ours"], ms[twin.Released], ">= 3.0"),
        row(f"{name}: best PyTorch", ms["ours"], ms[twin.Best], ">= 1.3"),
        row(f"{name}: our readable version", ms["ours"], ms["readable"]),
    ]


def ucln_epoch(batch_size, tiny=False):
    """One epoch of the UCLN of the text on the 49 training videos.

    - batch_size: number of videos; None means all of them at once.
    """
    rng, corpus = np.random.default_rng(0), synthesise()
    x = corpus.features["l"].astype(np.float32)
    y = np.eye(2, dtype=np.float32)[corpus.labels]
    videos = corpus.split["train"][:4 if tiny else None]
    batch_size = batch_size or len(videos)
    fit = models.of_ucln(x, y, corpus.starts, videos, batch_size, rng)
    contenders = models.contenders(fit)
    contenders["readable"] = readable(contenders["ours"])
    ms = in_turns(contenders, tiny)
    size = "one batch" if batch_size == len(videos) else f"batch {batch_size}"
    name = f"UCLN epoch, text, {size}"
    return [
        row(f"{name}: PyTorch, packed", ms["ours"], ms["theirs"], ">= 1.0"),
        row(f"{name}: our readable version", ms["ours"], ms["readable"]),
    ]


def prediction(n, goal, tiny=False):
    """Class probabilities of n utterances."""
    rng, settings = np.random.default_rng(0), Settings()
    x, _ = random_data(rng, 1141)
    params = model.evaluation_params(model.init_model(rng, x.shape[2], settings.k, 2), x)
    x = np.ascontiguousarray(x[:, :n])
    network, x_torch = twin.Best(params, settings).eval(), torch.tensor(x)
    with torch.inference_mode():
        ours = partial(model.predict_in_chunks, params, x)
        theirs = partial(network.predict, x_torch)
        twin.same("prediction", [torch.tensor(ours())], [theirs()], 1e-4)
        ms = in_turns({"ours": ours, "theirs": theirs}, tiny)
    name = f"prediction, {n} utterance{'s' if n > 1 else ''}"
    return [row(f"{name}: best PyTorch", ms["ours"], ms["theirs"], goal)]

"""Beside PyTorch: training and prediction of ARGF and training of the UCLN, on random data of CMU-MOSI's shape."""

import os
from functools import partial

import numpy as np
import torch

from argf_np import model, nn, training, ucln
from argf_np.data import pad, synthesise
from argf_np.settings import Settings

from . import twin
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

    In float32 a unit so near the kink of leaky ReLU that rounding decides its side now and then spoils one of them.
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
    """One epoch of ARGF with all updates, the MOSI preset."""
    rng, settings = np.random.default_rng(0), Settings(batch_size=batch_size)
    x, y = random_data(rng, 3 * batch_size if tiny else 1141)
    params = model.init_model(rng, x.shape[2], settings.k, y.shape[1])
    optimisers = training.init_optimisers(params, settings)
    ours = partial(training.train_epoch, params, optimisers, x, y, settings, rng)
    contenders = {"ours": ours, "readable": readable(ours)}
    for kind in (twin.Released, twin.Best):
        prove(kind, params, x, y, settings)
        network = kind(params, settings)
        contenders[kind] = partial(network.train_epoch, network.init_optimisers(), torch.tensor(x), torch.tensor(y))
    ms = in_turns(contenders, tiny)
    name = f"ARGF epoch, batch {batch_size}"
    return [row(f"{name}: PyTorch as released", ms["ours"], ms[twin.Released], ">= 3.0"),
            row(f"{name}: best PyTorch", ms["ours"], ms[twin.Best], ">= 1.3"),
            row(f"{name}: our readable version", ms["ours"], ms["readable"])]


def ucln_epoch(batch_size, tiny=False):
    """One epoch of the UCLN of the text, on the 49 training videos; batch_size None: all of them at once."""
    rng, corpus = np.random.default_rng(0), synthesise()
    x, y = corpus.features["l"].astype(np.float32), np.eye(2, dtype=np.float32)[corpus.labels]
    videos = corpus.split["train"][:4 if tiny else None]
    batch_size = batch_size or len(videos)
    params = nn.cast(ucln.init_ucln(rng, x.shape[1], 50, 2), "float32")
    x_padded, mask = pad(x, corpus.starts, videos[:batch_size])
    y_padded, _ = pad(y, corpus.starts, videos[:batch_size])
    twin.check_ucln(params, x_padded, y_padded, mask)
    states = {name: nn.init_adadelta(part) for name, part in params.items()}
    network = twin.UCLN(params)
    adadelta = torch.optim.Adadelta(network.parameters(), lr=1.0, rho=0.95, eps=1e-6, foreach=True)
    x_videos, y_videos = (torch.tensor(array).split(corpus.lengths.tolist()) for array in (x, y))

    def batches():
        order = rng.permutation(videos)
        return [order[start:start + batch_size] for start in range(0, len(order), batch_size)]

    def ours():
        for batch in batches():
            (x_batch, mask), (y_batch, _) = pad(x, corpus.starts, batch), pad(y, corpus.starts, batch)
            def loss(p, x=x_batch, y=y_batch, mask=mask):
                return ucln.cross_entropy(ucln.class_logits(p, ucln.context_features(p, x, mask, rng), rng), y, mask)
            _, gradients = nn.value_and_grad(loss, params)
            for name in params:
                nn.adadelta(states[name], params[name], gradients[name])

    def theirs():
        for batch in batches():
            adadelta.zero_grad()
            network.loss([x_videos[i] for i in batch], [y_videos[i] for i in batch]).backward()
            adadelta.step()

    ms = in_turns({"ours": ours, "theirs": theirs, "readable": readable(ours)}, tiny)
    name = f"UCLN epoch, text, {'one batch' if batch_size == len(videos) else f'batch {batch_size}'}"
    return [row(f"{name}: PyTorch, packed", ms["ours"], ms["theirs"], ">= 1.0"),
            row(f"{name}: our readable version", ms["ours"], ms["readable"])]


def prediction(n, goal, tiny=False):
    """Class probabilities of n utterances."""
    rng, settings = np.random.default_rng(0), Settings()
    x, _ = random_data(rng, 1141)
    params = model.evaluation_params(model.init_model(rng, x.shape[2], settings.k, 2), x)
    x = np.ascontiguousarray(x[:, :n])
    network, x_torch = twin.Best(params, settings).eval(), torch.tensor(x)
    with torch.inference_mode():
        ours = partial(model.predict, params, x, chunk=256)
        twin.same("prediction", [torch.tensor(ours())], [network.predict(x_torch)], 1e-4)
        ms = in_turns({"ours": ours, "theirs": partial(network.predict, x_torch)}, tiny)
    return [row(f"prediction, {n} utterance{'s' * (n > 1)}: best PyTorch", ms["ours"], ms["theirs"], goal)]

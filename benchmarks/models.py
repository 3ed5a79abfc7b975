"""One epoch of the UCLN and of each model of Tables 1 to 3 beside PyTorch, at the size of MOSI."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from argf_np import nn
from argf_np.baselines import bc_lstm, chfusion, hffn
from argf_np.baselines.epoch_loop import batches_of, train_batches
from argf_np.data import synthesise
from argf_np.paper import fusions_table6 as fusions
from argf_np.paper import ucln, updates
from argf_np.paper.graph_fusion_eq10_16 import fusion_loss
from argf_np.settings import Settings

from . import twin, twin_hffn, twin_models
from .measure import in_turns, row

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
d, N = 50, 2


@dataclass
class Fit:
    """What is trained, by us and by PyTorch.

    - loss: ``loss(params, *batch, rng)``; rng None means no dropout.
    - step: ``step(params, gradients)`` is a step of our optimiser.
    - network: makes the twin from a tree of parameters, or of gradients.
    - optimiser: makes PyTorch's optimiser from the parameters of the twin.
    - items, size: what is dealt into batches, utterances or videos, and how many make a batch.
    - batch: ``batch(items)`` is what the loss is given, a tuple of arrays.
    - their_loss: ``their_loss(network, batch)``; by default the network's own.
    """

    name: str
    params: dict
    loss: Callable
    step: Callable
    network: Callable
    optimiser: Callable
    items: np.ndarray
    size: int
    batch: Callable
    their_loss: Callable | None = None


def epochs(tiny=False):
    """One row per model: an epoch beside its twin's."""
    rows = []
    for fit in fits(np.random.default_rng(0), tiny):
        ms = in_turns(contenders(fit), tiny)
        rows.append(row(f"{fit.name} epoch: PyTorch", ms["ours"], ms["theirs"]))
    return rows


def contenders(fit):
    """``{"ours", "theirs"}``: an epoch each. The twin first shows our losses and gradients."""
    rng = np.random.default_rng(1)
    prove(fit)
    network = fit.network(fit.params)
    optimiser = fit.optimiser(twin.trained(network))

    def batches():
        return batches_of(fit.items, fit.size, rng)

    def loss(params, items):
        return fit.loss(params, *fit.batch(items), rng)

    def ours():
        train_batches(fit.params, loss, batches(), fit.step)

    def theirs():
        for items in batches():
            optimiser.zero_grad()
            loss_of_twin(fit, network, fit.batch(items)).backward()
            optimiser.step()

    return {"ours": ours, "theirs": theirs}


def loss_of_twin(fit, network, batch):
    """The twin's loss of a batch of arrays."""
    if fit.their_loss:
        return fit.their_loss(network, batch)
    return network.loss(*map(torch.from_numpy, batch))


def prove(fit):
    """`twin.check_loss` on the first batch."""
    batch = fit.batch(fit.items[:fit.size])

    def loss(params):
        return fit.loss(params, *batch, None)

    def their_loss(network):
        return loss_of_twin(fit, network, batch)

    twin.check_loss(fit.name, loss, fit.params, fit.network, their_loss)


def fits(rng, tiny):
    """The fits of all models. CHFusion has two: a pair of modalities, and all pairs together."""
    corpus = synthesise()
    videos = corpus.split["train"][:4 if tiny else None]
    rows = corpus.rows_of(videos)
    x = rng.uniform(-1, 1, (3, len(corpus.labels), d)).astype("f4")
    y = np.eye(N, dtype="f4")[corpus.labels]
    starts = corpus.starts
    return [
        fusion("TFN", "tensor", twin_models.TFN, x, y, rows, rng),
        fusion("LMF", "low_rank", twin_models.LMF, x, y, rows, rng),
        of_bc_lstm(x, y, starts, videos, rng),
        of_hffn(x, y, corpus, videos, rng),
        of_chfusion("l*a", x, y, starts, videos, rng),
        of_chfusion(chfusion.TRIMODAL, x, y, starts, videos, rng),
    ]


def fusion(name, strategy, network, x, y, rows, rng):
    """TFN or LMF, with the optimiser of ARGF."""
    settings, strategy = Settings(), fusions.STRATEGIES[strategy]
    params = nn.cast(strategy.init(rng, len(x), d, N, "paper"), "float32")
    state, decay = nn.init_adam(params), updates.weight_decay(settings)

    def loss(params, x, y, rng):
        return fusion_loss(strategy.decide(params, x, "paper", rng)["M"], y)

    def step(params, gradients):
        nn.adam(state, params, gradients, settings.lr, updates.BETAS, weight_decay=decay)

    optimiser = partial(torch.optim.Adam, lr=settings.lr, betas=updates.BETAS, weight_decay=decay,
                        fused=True)
    return Fit(name, params, loss, step, network, optimiser, rows, settings.batch_size,
               lambda rows: (x[:, rows], y[rows]))


def of_bc_lstm(x, y, starts, videos, rng):
    """BC-LSTM, on the features of all modalities side by side."""
    settings, joint = Settings(), np.concatenate(x, axis=1)

    def loss(params, x, y, mask, rng):
        return ucln.cross_entropy(bc_lstm.logits(params, x, mask, settings, rng), y, mask)

    return recurrent("BC-LSTM", loss, bc_lstm.WIDTH, joint, y, starts, videos, ucln.BATCH_SIZE, rng)


def of_ucln(x, y, starts, videos, batch_size, rng):
    """The UCLN of one modality, x (n, d_j)."""
    settings = Settings()

    def loss(params, x, y, mask, rng):
        return ucln.ucln_loss(params, x, y, mask, settings, rng)

    return recurrent("UCLN", loss, settings.d, x, y, starts, videos, batch_size, rng)


def recurrent(name, loss, width, x, y, starts, videos, batch_size, rng):
    """A UCLN of some width under a loss: padded videos here, packed ones in PyTorch."""
    params = nn.cast(ucln.init_ucln(rng, x.shape[1], width, N), "float32")

    def their_loss(network, batch):
        x, y, mask = batch
        x_videos = [torch.from_numpy(x[i, real]) for i, real in enumerate(mask)]
        y_videos = [torch.from_numpy(y[i, real]) for i, real in enumerate(mask)]
        return network.loss(x_videos, y_videos)

    optimiser = partial(torch.optim.Adadelta, lr=1.0, rho=0.95, eps=1e-6, foreach=True)
    return Fit(name, params, loss, partial(nn.adadelta, nn.init_adadelta(params)),
               partial(twin.UCLN, settings=Settings()), optimiser, videos, batch_size,
               padded(x, y, starts), their_loss)


def of_hffn(x, y, corpus, videos, rng):
    """HFFN, with the pairing of the backward direction repaired."""
    params = nn.cast(hffn.init_hffn(rng, len(x), d, N), "float32")

    def loss(params, x, y, rng):
        return hffn.cosine_loss(hffn.decide(params, hffn.local_tensors(x), "paper", rng), y)

    def batch(videos):
        rows = corpus.rows_of(videos)
        return x[:, rows], y[rows]

    optimiser = partial(torch.optim.RMSprop, lr=0.001, alpha=0.9, eps=1e-7, foreach=True)
    return Fit("HFFN", params, loss, partial(nn.rmsprop, nn.init_rmsprop(params)),
               partial(twin_hffn.HFFN, variant="paper"), optimiser, videos, hffn.BATCH_SIZE, batch)


def of_chfusion(fit, x, y, starts, videos, rng):
    """CHFusion: the fit of a pair, or of all pairs on random outputs of level 1."""
    params = nn.cast(chfusion.init_params(rng, ("a", "l", "v"), d, N), "float32")
    params, logits = chfusion.params_of(params, fit), chfusion.logits_of(fit)
    state = nn.init_adam(params)
    if fit == chfusion.TRIMODAL:
        lr, network, what = chfusion.TRIMODAL_LR, twin_models.Trimodal, "all pairs"
        inputs = rng.uniform(-1, 1, (len(y), 3, chfusion.BIMODAL_WIDTH)).astype("f4")
    else:
        lr, network, what = chfusion.BIMODAL_LR, twin_models.Bimodal, "one pair"
        inputs = np.ascontiguousarray(x[:2].swapaxes(0, 1))  # (n, 2, d)

    def loss(params, x, y, mask, rng):
        return ucln.cross_entropy(logits(params, x, mask, rng), y, mask)

    optimiser = partial(torch.optim.Adam, lr=lr, fused=True)
    return Fit(f"CHFusion, {what},", params, loss, partial(nn.adam, state, lr=lr), network,
               optimiser, videos, chfusion.BATCH_SIZE, padded(inputs, y, starts))


def padded(x, y, starts):
    """``batch(videos)`` of models that read whole videos: padded x and y, and the mask."""
    def batch(videos):
        x_batch, mask = ucln.pad(x, starts, videos)
        y_batch, _ = ucln.pad(y, starts, videos)
        return x_batch, y_batch, mask

    return batch

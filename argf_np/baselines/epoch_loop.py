"""Epochs of the baselines that do not train like ARGF: batches, early stopping, checkpoints."""

import numpy as np

from .. import nn
from ..errors import NotFiniteError
from ..paper.protocols import restore

PATIENCE = 10  # epochs without a lower validation loss


def train_epochs(state, rng, epochs, train_epoch, on_epoch=None, on_checkpoint=None, resume=None):
    """Train until the last epoch, or until `is_out_of_patience`. Returns the history.

    Arguments
        - state: a tree with all that changes besides the generator, such as ``params``.
        - rng: the generator that ``train_epoch`` draws from.
        - train_epoch: trains for one epoch in place on the state and returns a dict of losses.
        - on_epoch, on_checkpoint, resume: see `paper.protocols.train`.
    Raises NotFiniteError where a loss is infinite or NaN.
    """
    history = state["history"] = []
    if resume:
        restore(state, resume, rng)
        history = state["history"]
    while len(history) < epochs and not is_out_of_patience(history):
        row = {"epoch": len(history) + 1} | train_epoch()
        for name, value in row.items():
            if not np.isfinite(value):
                raise NotFiniteError(f"epoch {row['epoch']}: {name} is {value}")
        history.append(row)
        state["generator"] = rng.bit_generator.state
        if on_epoch:
            on_epoch(row)
        if on_checkpoint:
            on_checkpoint(state)
    return history


def is_out_of_patience(history):
    """Whether the last `PATIENCE` epochs have not lowered the validation loss.

    Never where the rows of the history have no ``validation_loss``.
    """
    losses = [row["validation_loss"] for row in history if "validation_loss" in row]
    before, recent = losses[:-PATIENCE], losses[-PATIENCE:]
    return bool(before) and min(recent) >= min(before)


def batches_of(videos, size, rng):
    """The videos in random order, ``size`` per batch: a list of arrays of indices."""
    order = rng.permutation(videos)
    return [order[start:start + size] for start in range(0, len(order), size)]


def train_batches(params, loss, batches, step):
    """One pass over some batches, in place on ``params``; returns the mean loss.

    Arguments
        - loss: ``loss(params, batch)`` is a scalar.
        - step: ``step(params, gradients)`` is a step of an optimiser.
    """
    values = []
    for batch in batches:

        def batch_loss(params, batch=batch):
            return loss(params, batch)

        value, gradients = nn.value_and_grad(batch_loss, params)
        step(params, gradients)
        values.append(float(value))
    return sum(values) / len(values)

"""Initial parameters of layers. A bank of n like layers is one layer whose arrays have a leading axis of length n."""

import numpy as np


def glorot_uniform(rng, *shape):
    """Glorot and Bengio (2010): uniform in +-sqrt(6 / (fan_in + fan_out)) for arrays (..., fan_in, fan_out)."""
    limit = np.sqrt(6 / (shape[-2] + shape[-1]))
    return rng.uniform(-limit, limit, shape)


def init_batch_norm(width, bank=()):
    """Scale ``gamma`` = 1 and shift ``beta`` = 0, each (*bank, 1, width)."""
    return {"gamma": np.ones((*bank, 1, width)), "beta": np.zeros((*bank, 1, width))}


def init_dense(rng, fan_in, fan_out, *, bank=(), norm=False):
    """``W`` (*bank, fan_in, fan_out) by `glorot_uniform`, ``b`` (*bank, 1, fan_out) zero; with norm, batch norm too."""
    params = {"W": glorot_uniform(rng, *bank, fan_in, fan_out), "b": np.zeros((*bank, 1, fan_out))}
    return params | (init_batch_norm(fan_out, bank) if norm else {})


def init_bilstm(rng, fan_in, hidden):
    """A forward and a backward LSTM: ``W`` (2, fan_in, 4 hidden), ``U`` (2, hidden, 4 hidden), ``b`` (2, 1, 4 hidden).

    The four gates stand side by side in the order i, f, g, o. All biases start at 0: a forget gate that starts open
    (bias 1) mixes the utterances before into the present one, whose own content is then harder to read off.
    """
    gates = lambda n: np.concatenate([glorot_uniform(rng, 2, n, hidden) for _ in range(4)], axis=-1)  # noqa: E731
    return {"W": gates(fan_in), "U": gates(hidden), "b": np.zeros((2, 1, 4 * hidden))}

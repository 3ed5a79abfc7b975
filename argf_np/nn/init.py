"""Initial parameters of layers. A bank of n layers of one shape is one with a leading axis n."""

import numpy as np


def glorot_uniform(rng, *shape):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)), Glorot and Bengio (2010).

    - rng: `numpy.random.Generator`.
    - shape: (..., fan_in, fan_out).
    """
    fan_in, fan_out = shape[-2:]
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


def init_batch_norm(width, bank=()):
    """Scale ``gamma`` = 1 and shift ``beta`` = 0, each (*bank, 1, width).

    - width: number of units.
    - bank: () or (n,).
    """
    return {"gamma": np.ones((*bank, 1, width)), "beta": np.zeros((*bank, 1, width))}


def init_dense(rng, fan_in, fan_out, *, bank=(), norm=False):
    """Glorot weights ``W`` (*bank, fan_in, fan_out) and zero biases ``b`` (*bank, 1, fan_out).

    - rng: `numpy.random.Generator`.
    - fan_in, fan_out: numbers of inputs and of units.
    - bank: () or (n,).
    - norm: whether the layer has a batch norm, whose parameters are then added.
    """
    W = glorot_uniform(rng, *bank, fan_in, fan_out)
    params = {"W": W, "b": np.zeros((*bank, 1, fan_out))}
    if norm:
        params |= init_batch_norm(fan_out, bank)
    return params


def init_bilstm(rng, fan_in, hidden):
    """``W`` (2, fan_in, 4 hidden), ``U`` (2, hidden, 4 hidden), ``b`` (2, 1, 4 hidden).

    Index 0 is the forward LSTM, 1 the backward one. The gates stand side by side in the order i, f,
    g, o. All biases start at 0; many libraries start that of the forget gate at 1.

    - rng: `numpy.random.Generator`.
    - fan_in, hidden: numbers of inputs and of units per direction.
    """
    def gates(rows):
        return np.concatenate([glorot_uniform(rng, 2, rows, hidden) for _ in range(4)], axis=-1)

    return {"W": gates(fan_in), "U": gates(hidden), "b": np.zeros((2, 1, 4 * hidden))}


def init_gru(rng, fan_in, hidden):
    """``W`` (fan_in, 3 hidden), ``U`` (hidden, 3 hidden), ``b`` (1, 3 hidden), which starts at 0.

    - rng: `numpy.random.Generator`.
    - fan_in, hidden: numbers of inputs and of units.
    """
    def gates(rows):
        return np.concatenate([glorot_uniform(rng, rows, hidden) for _ in range(3)], axis=-1)

    return {"W": gates(fan_in), "U": gates(hidden), "b": np.zeros((1, 3 * hidden))}


def redraw_as_pytorch(rng, tree):
    """A tree with the weights and biases of all dense layers drawn as PyTorch draws them (D19).

    Both are uniform in +-1 / sqrt(fan_in). All other leaves stay as they are.

    - rng: `numpy.random.Generator`.
    - tree: nested dict; a dict that has ``W`` is a dense layer.
    """
    redrawn = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            redrawn[key] = redraw_as_pytorch(rng, value)
        elif key in ("W", "b") and "W" in tree:
            limit = 1 / np.sqrt(tree["W"].shape[-2])
            redrawn[key] = rng.uniform(-limit, limit, value.shape)
        else:
            redrawn[key] = value
    return redrawn

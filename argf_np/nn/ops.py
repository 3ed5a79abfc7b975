"""The operations of neural networks as in a textbook, composed from autograd's NumPy.

The folder ``fast`` has the same operations with hand-written gradients, and `nn.use` replaces the
functions of this module by those. Values and gradients are equal up to rounding.

Two habits keep the backward pass of a float32 network in float32: conditions are turned into
factors of the array's own type, and means are sums divided by a Python integer.
"""

import autograd.numpy as np
from autograd.extend import defvjp, primitive

from .gradients import constant

EPSILON = 1e-5  # added to the variance in batch norm
NAMES = (  # what `nn.use` replaces
    "batch_norm", "bilstm", "dense_layer", "dropout", "elu", "log_softmax", "mean", "norm",
    "pull_each", "sigmoid", "softmax", "softplus", "take_rows",
)


def dense(p, x):
    """x W + b.

    - p: ``W`` (..., fan_in, fan_out), ``b`` (..., 1, fan_out).
    - x: (..., B, fan_in).
    """
    return np.matmul(x, p["W"]) + p["b"]


def dropout_mask(rng, shape, drop_rate, dtype):
    """Factors of inverted dropout: 0 with probability ``drop_rate``, otherwise 1 / (1 - drop_rate).

    - rng: `numpy.random.Generator`.
    - shape, dtype: of the mask.
    - drop_rate: number from 0 to below 1.
    """
    kept = rng.random(shape, dtype=np.float32) >= drop_rate
    return kept * np.asarray(1 / (1 - drop_rate), dtype)


def dropout(x, drop_rate, rng):
    """x times a fresh `dropout_mask`.

    - x: array of any shape.
    - drop_rate: share of entries that become 0; with 0, x itself is returned.
    - rng: `numpy.random.Generator`; with None (evaluation), x itself is returned.
    """
    if rng is None or drop_rate == 0:
        return x
    return x * dropout_mask(rng, x.shape, drop_rate, x.dtype)


def batch_norm(p, x):
    r"""Batch norm over the axis of the batch (Ioffe and Szegedy 2015).

        gamma (x - mean) / sqrt(var + epsilon) + beta

    In training the statistics are those of the batch itself, with the variance divided by B.

    - p: ``gamma``, ``beta`` (..., 1, width). In evaluation also ``mean``, ``var`` of the same
      shape, which are then used (see `nn.batch_norm_statistics`).
    - x: (..., B, width).
    """
    if "mean" in p:
        mean, var = p["mean"], p["var"]
    else:
        mean = np.sum(x, axis=-2, keepdims=True) / x.shape[-2]
        var = np.sum((x - mean) * (x - mean), axis=-2, keepdims=True) / x.shape[-2]
    if "record" in p:
        p["record"].append((constant(mean), constant(var)))
    return p["gamma"] * (x - mean) / np.sqrt(var + EPSILON) + p["beta"]


def identity(x):
    """x itself, of any shape: for a layer without an activation."""
    return x


def leaky_relu(x, slope):
    """x where x > 0, otherwise slope x, entry by entry. At 0 the derivative is taken to be slope.

    - x: array of any shape.
    - slope: number from 0 to 1.
    """
    return x * np.where(constant(x) > 0, 1.0, slope).astype(x.dtype)


def leaky_relu_001(x):
    """`leaky_relu` with slope 0.01, for x of any shape."""
    return leaky_relu(x, 0.01)


def leaky_relu_02(x):
    """`leaky_relu` with slope 0.2, for x of any shape."""
    return leaky_relu(x, 0.2)


def elu(x):
    """x where x > 0, otherwise e^x - 1, for x of any shape."""
    positive = (constant(x) > 0).astype(x.dtype)
    return positive * x + np.exp((1 - positive) * x) - 1


@primitive
def tanh(x):
    """Hyperbolic tangent, for x of any shape.

    Its derivative is 1 - tanh^2 here. Autograd's own, 1 / cosh^2, overflows for large x.
    """
    return np.tanh(x)


defvjp(tanh, lambda y, x: lambda g: g * (1 - y * y))


def sigmoid(x):
    """1 / (1 + e^-x), for x of any shape, written with tanh so that nothing overflows."""
    return 0.5 * (tanh(0.5 * x) + 1)


def softplus(x):
    """log(1 + e^x), for x of any shape, without overflow.

    -log sigmoid(z) is softplus(-z), and -log(1 - sigmoid(z)) is softplus(z).
    """
    return np.logaddexp(0.0, x)


def softmax(x, axis=-1):
    """e^x / sum e^x along one axis.

    The shift by the maximum avoids overflow. It changes no value, so no gradient flows through it.

    - x: array of any shape.
    - axis: number of the axis.
    """
    e = np.exp(x - np.max(constant(x), axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x):
    """log of `softmax` along the last axis of x (..., n), accurate where the softmax is near 0."""
    z = x - np.max(constant(x), axis=-1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def norm(x):
    """Euclidean norm along the last axis: (..., n) -> (...). At x = 0 its gradient is set to 0."""
    squares = np.sum(x * x, axis=-1)
    zero = (constant(squares) == 0).astype(x.dtype)
    return np.sqrt(squares + zero) - zero


def mean(x):
    """Mean over all entries of x, of any shape."""
    return np.sum(x) / x.size


ACTIVATIONS = {
    "identity": identity,
    "leaky_relu_0.01": leaky_relu_001,
    "leaky_relu_0.2": leaky_relu_02,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
}


def dense_layer(p, x, activation, drop_rate=0.0, rng=None):
    """One layer: dense, then dropout, then batch norm if p holds ``gamma``, then the activation.

    - p: ``W`` (..., fan_in, fan_out), ``b`` (..., 1, fan_out), and the entries of `batch_norm`
      if the layer has one.
    - x: (..., B, fan_in).
    - activation: name of one of `ACTIVATIONS`.
    - drop_rate, rng: see `dropout`.

    Returns (..., B, fan_out).
    """
    z = dropout(dense(p, x), drop_rate, rng)
    if "gamma" in p:
        z = batch_norm(p, z)
    return ACTIVATIONS[activation](z)


def take_rows(V, indices):
    """The rows V[indices], some of them perhaps several times.

    - V: (n, ...).
    - indices: list of row numbers.

    Returns (len(indices), ...).
    """
    return V[np.array(indices)]


def lstm_cell(h, c, gates_x, U):
    r"""One step of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates).

        i = sigmoid(x W_i + h U_i + b_i)        input gate
        f = sigmoid(x W_f + h U_f + b_f)        forget gate
        g = tanh(x W_g + h U_g + b_g)           candidate
        o = sigmoid(x W_o + h U_o + b_o)        output gate
        c' = f c + i g                          cell
        h' = o tanh(c')                         output

    - h, c: (V, H), output and cell of the step before.
    - gates_x: (V, 4H), x W + b for the four gates side by side.
    - U: (H, 4H), recurrent weights.

    Returns h', c' (V, H).
    """
    i, f, g, o = np.split(gates_x + np.dot(h, U), 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def bilstm(p, x, mask):
    """Bidirectional LSTM over padded sequences. Padding changes no result, in either direction.

    - p: ``W`` (2, d, 4H), ``U`` (2, H, 4H), ``b`` (2, 1, 4H); index 0 reads forwards, 1 backwards.
    - x: (V, T, d), V sequences. Entries after the end of a sequence are ignored, if finite.
    - mask: (V, T) bool, True on the real steps, which come first.

    Returns (V, T, 2H): forward and backward outputs side by side, 0 on padding.
    """
    V, T = mask.shape
    H = p["U"].shape[1]
    outputs = []
    for direction, steps in ((0, range(T)), (1, reversed(range(T)))):
        gates_x = np.matmul(x, p["W"][direction]) + p["b"][direction]  # (V, T, 4H)
        U = p["U"][direction]
        h = c = np.zeros((V, H), x.dtype)
        hs = [None] * T
        for t in steps:
            h, c = lstm_cell(h, c, gates_x[:, t], U)
            real = mask[:, t, None].astype(x.dtype)  # (V, 1): outside its sequence a state is 0
            h, c = real * h, real * c
            hs[t] = h
        outputs.append(np.stack(hs, axis=1))  # (V, T, H)
    return np.concatenate(outputs, axis=2)


def pull_each(pullback, cotangents):
    """Gradient trees of several losses that share a network.

    - pullback: of `nn.vjp` of the network.
    - cotangents: list of arrays of the shape of the network's output, one per loss.

    Returns a list of gradient trees, one per loss.
    """
    return [pullback(g) for g in cotangents]

"""The operations as in a textbook, composed from autograd's NumPy. `fast` has the same names and gives the same values.

Two habits keep a float32 network in float32 on the way back: conditions are turned into factors of the array's own
type, and means are sums divided by a Python integer.
"""

import autograd.numpy as np
from autograd.extend import defvjp, primitive

from .gradients import constant

EPSILON = 1e-5  # added to the variance in batch norm


def dense(p, x):
    """x W + b, for x (..., B, fan_in)."""
    return np.matmul(x, p["W"]) + p["b"]


def dropout_mask(rng, shape, drop_rate, dtype):
    """Inverted dropout: each entry is 0 with probability ``drop_rate``, otherwise 1 / (1 - drop_rate)."""
    kept = rng.random(shape, dtype=np.float32) >= drop_rate
    return kept * np.asarray(1 / (1 - drop_rate), dtype)


def dropout(x, drop_rate, rng):
    """x times a fresh `dropout_mask`; x itself when rng is None (evaluation) or drop_rate is 0."""
    return x if rng is None or drop_rate == 0 else x * dropout_mask(rng, x.shape, drop_rate, x.dtype)


def batch_norm(p, x):
    r"""Batch norm (Ioffe and Szegedy 2015): gamma (x - mean) / sqrt(var + epsilon) + beta, over the axis of the batch.

    Arguments
        p: ``gamma``, ``beta``; with ``mean`` and ``var`` too (see `nn.freeze`) these are used: evaluation.
            Without them the statistics are the batch's own, var divided by B: training.
        x: (..., B, width).
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
    """x: for a layer without an activation."""
    return x


def leaky_relu(x, slope=0.01):
    """x where x > 0, otherwise slope x. At 0 the derivative is taken to be slope."""
    return x * np.where(constant(x) > 0, 1.0, slope).astype(x.dtype)


def elu(x):
    """x where x > 0, otherwise e^x - 1."""
    positive = (constant(x) > 0).astype(x.dtype)
    return positive * x + np.exp((1 - positive) * x) - 1


@primitive
def tanh(x):
    """Hyperbolic tangent, with its derivative 1 - tanh^2: autograd's own, 1 / cosh^2, overflows for large x."""
    return np.tanh(x)


defvjp(tanh, lambda y, x: lambda g: g * (1 - y * y))


def sigmoid(x):
    """1 / (1 + e^-x), written with tanh so that nothing overflows."""
    return 0.5 * (tanh(0.5 * x) + 1)


def softplus(x):
    """log(1 + e^x) without overflow: -log sigmoid(z) is softplus(-z), and -log(1 - sigmoid(z)) is softplus(z)."""
    return np.logaddexp(0.0, x)


def softmax(x, axis=-1):
    """e^x / sum e^x along ``axis``; the shift by the maximum changes no value, so no gradient flows through it."""
    e = np.exp(x - np.max(constant(x), axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x):
    """log of `softmax` along the last axis, without computing it."""
    z = x - np.max(constant(x), axis=-1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def norm(x):
    """Euclidean norm along the last axis, (...,). At x = 0, where it has a kink, the gradient is 0."""
    squares = np.sum(x * x, axis=-1)
    zero = (constant(squares) == 0).astype(x.dtype)
    return np.sqrt(squares + zero) - zero


def mean(x):
    """Mean over all entries."""
    return np.sum(x) / x.size


def dense_layer(p, x, activation, drop_rate=0.0, rng=None):
    """One layer: dense, then dropout, then batch norm if p holds ``gamma``, then the activation.

    Arguments
        p: ``W``, ``b`` and perhaps ``gamma``, ``beta`` (and ``mean``, ``var``).
        x: (..., B, fan_in).
        activation: "identity", "leaky_relu_0.01", "leaky_relu_0.2", "tanh", "sigmoid" or "softmax".
        drop_rate, rng: see `dropout`.
    Returns (..., B, fan_out).
    """
    z = dropout(dense(p, x), drop_rate, rng)
    z = batch_norm(p, z) if "gamma" in p else z
    return ACTIVATIONS[activation](z)


ACTIVATIONS = {
    "identity": identity,
    "leaky_relu_0.01": leaky_relu,
    "leaky_relu_0.2": lambda x: leaky_relu(x, 0.2),
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
}


def vertices(V, indices):
    """The rows V[indices] of an array (n, B, k) of vertices: (len(indices), B, k)."""
    return V[np.array(indices)]


def lstm_cell(h, c, gates_x, U):
    r"""One step of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates).

    With $g_x = x W + b$ for the four gates side by side:

        i = sigmoid(x W_i + h U_i + b_i)        input gate
        f = sigmoid(x W_f + h U_f + b_f)        forget gate
        g = tanh(x W_g + h U_g + b_g)           candidate
        o = sigmoid(x W_o + h U_o + b_o)        output gate
        c' = f c + i g                          cell
        h' = o tanh(c')                         output

    Arguments: h, c (V, H); gates_x (V, 4H); U (H, 4H). Returns h', c' (V, H).
    """
    i, f, g, o = np.split(gates_x + np.dot(h, U), 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def bilstm(p, x, mask):
    """Bidirectional LSTM over padded sequences; padding never changes a result, in either direction.

    Arguments
        p: ``W`` (2, d, 4H), ``U`` (2, H, 4H), ``b`` (2, 1, 4H); index 0 reads forwards, 1 backwards.
        x: (V, T, d), V sequences; what stands behind the end of a sequence is ignored, if it is finite.
        mask: (V, T) bool, True on real steps, which stand at the front.
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
            real = mask[:, t, None].astype(x.dtype)  # (V, 1): the state stays 0 until the sequence begins
            h, c = lstm_cell(h, c, gates_x[:, t], U)
            h, c = real * h, real * c
            hs[t] = h
        outputs.append(np.stack(hs, axis=1))  # (V, T, H)
    return np.concatenate(outputs, axis=2)


def pull_each(pull, cotangents):
    """Gradient trees of several losses that share a network: ``pull`` of `nn.vjp` applied to each cotangent."""
    return [pull(g) for g in cotangents]

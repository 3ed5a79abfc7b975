"""The operations of neural networks as in a textbook, composed from autograd's NumPy.

The folder ``fast`` has the same operations with hand-written gradients, and `nn.use` replaces the
functions of this module by those. Values and gradients are equal up to rounding.

Two habits keep the backward pass of a float32 network in float32: conditions are turned into
factors of the array's own type, and means are sums divided by a Python integer.
"""

from functools import partial

import autograd.numpy as np
from autograd.extend import defvjp, primitive

from .gradients import constant

EPSILON = 1e-5  # added to the variance in batch norm
NAMES = (  # what `nn.use` replaces
    "batch_norm", "bilstm", "dense_layer", "dropout", "elu", "gru", "log_softmax", "mean", "norm",
    "pull_each", "sigmoid", "softmax", "softplus", "take_rows",
)


def dense(p, x):
    """x W + b, for x (..., B, fan_in), ``W`` (..., fan_in, fan_out), ``b`` (..., 1, fan_out)."""
    return np.matmul(x, p["W"]) + p["b"]


def dropout_mask(rng, shape, drop_rate, dtype):
    """Factors of inverted dropout: 0 with probability ``drop_rate``, otherwise 1 / (1 - drop_rate).

    - rng: `numpy.random.Generator`.
    - shape, dtype: of the mask.
    """
    kept = rng.random(shape, dtype=np.float32) >= drop_rate
    return kept * np.asarray(1 / (1 - drop_rate), dtype)


def dropout(x, drop_rate, rng):
    """x, of any shape, times a fresh `dropout_mask`.

    - drop_rate: probability that an entry becomes 0. At 0, x itself is returned.
    - rng: `numpy.random.Generator`. For None (evaluation), x itself is returned.
    """
    if rng is None or drop_rate == 0:
        return x
    return x * dropout_mask(rng, x.shape, drop_rate, x.dtype)


def batch_norm(p, x):
    r"""Batch norm over the axis of the batch (Ioffe and Szegedy 2015).

        gamma (x - mean) / sqrt(var + epsilon) + beta

    In training the statistics are those of the batch itself, with the variance divided by B.

    - p: ``gamma``, ``beta`` (..., 1, width). In evaluation also ``mean``, ``var`` (..., 1, width),
      which are then used (see `nn.batch_norm_statistics`); they may have more leading axes.
    - x: (..., B, width).
    """
    if "mean" in p:
        mean, var = p["mean"], p["var"]
    else:
        B = x.shape[-2]
        mean = np.sum(x, axis=-2, keepdims=True) / B
        var = np.sum((x - mean) ** 2, axis=-2, keepdims=True) / B
    if "record" in p:
        p["record"].append((constant(mean), constant(var)))
    normalised = (x - mean) / np.sqrt(var + EPSILON)
    return p["gamma"] * normalised + p["beta"]


def identity(x):
    """x itself, of any shape: for a layer without an activation."""
    return x


def leaky_relu(x, slope=0.01):
    """x where x > 0, otherwise slope x, for x of any shape. At 0 the derivative is set to slope."""
    factor = np.where(constant(x) > 0, 1.0, slope)
    return x * factor.astype(x.dtype)


def elu(x):
    """x where x > 0, otherwise e^x - 1, for x of any shape."""
    positive = (constant(x) > 0).astype(x.dtype)
    return positive * x + np.exp((1 - positive) * x) - 1


@primitive
def tanh(x):
    """Hyperbolic tangent, for x of any shape. Autograd's derivative, 1 / cosh^2, can overflow."""
    return np.tanh(x)


defvjp(tanh, lambda y, x: lambda g: g * (1 - y * y))


def sigmoid(x):
    """1 / (1 + e^-x), for x of any shape, written with tanh so that nothing overflows."""
    return 0.5 * (tanh(0.5 * x) + 1)


def hard_sigmoid(x):
    """0.2 x + 0.5, cut off at 0 and 1, for x of any shape: three straight lines for a sigmoid.

    At the two kinks the derivative is set to 0.
    """
    slope = (np.abs(constant(x)) < 2.5).astype(x.dtype)
    above = (constant(x) >= 2.5).astype(x.dtype)
    return slope * (0.2 * x + 0.5) + above


def softplus(x):
    """log(1 + e^x), for x of any shape. -log sigmoid(z) is softplus(-z)."""
    return np.logaddexp(0.0, x)


def softmax(x, axis=-1):
    """e^x / sum e^x along one axis of x, of any shape.

    The shift by the maximum avoids overflow. It changes no value, so no gradient flows through it.
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
    "relu": partial(leaky_relu, slope=0.0),
    "leaky_relu_0.01": leaky_relu,
    "leaky_relu_0.2": partial(leaky_relu, slope=0.2),
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
    """The rows V[indices] (len(indices), ...) of V (n, ...); ``indices`` is a list of numbers."""
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
    gates = gates_x + np.dot(h, U)
    i, f, g, o = np.split(gates, 4, axis=1)
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
        W, U, b = p["W"][direction], p["U"][direction], p["b"][direction]
        gates_x = np.matmul(x, W) + b  # (V, T, 4H)
        h = c = np.zeros((V, H), x.dtype)
        hs = [None] * T
        for t in steps:
            h, c = lstm_cell(h, c, gates_x[:, t], U)
            real = mask[:, t, None].astype(x.dtype)  # (V, 1): outside its sequence a state is 0
            h, c = real * h, real * c
            hs[t] = h
        outputs.append(np.stack(hs, axis=1))  # (V, T, H)
    return np.concatenate(outputs, axis=2)


def gru_cell(h, gates_x, U_gates, U_candidate):
    r"""One step of a gated recurrent unit, GRU (Cho et al. 2014), by the defaults of Keras 2.2.

        z = hs(x W_z + h U_z + b_z)             update gate
        r = hs(x W_r + h U_r + b_r)             reset gate
        g = tanh(x W_g + (r h) U_g + b_g)       candidate
        h' = z h + (1 - z) g                    output

    hs is the hard sigmoid. The reset gate acts on h before the product with U_g; other libraries
    have it act on the product.

    - h: (V, H), output of the step before.
    - gates_x: (V, 3H), x W + b for z, r and g side by side.
    - U_gates: (H, 2H), recurrent weights of z and r. U_candidate: (H, H), those of g.

    Returns h' (V, H).
    """
    H = h.shape[1]
    gates = hard_sigmoid(gates_x[:, :2 * H] + np.dot(h, U_gates))
    z, r = np.split(gates, 2, axis=1)
    g = tanh(gates_x[:, 2 * H:] + np.dot(r * h, U_candidate))
    return z * h + (1 - z) * g


def gru(p, x, mask):
    """GRU over padded sequences, from their first step to their last. Padding changes no result.

    - p: ``W`` (d, 3H), ``U`` (H, 3H), ``b`` (1, 3H); the order is z, r, g.
    - x: (V, T, d), V sequences. Entries after the end of a sequence are ignored, if finite.
    - mask: (V, T) bool, True on the real steps, which come first.

    Returns (V, T, H): the outputs, 0 on padding.
    """
    V, T = mask.shape
    H = p["U"].shape[0]
    U_gates = p["U"][:, :2 * H]
    U_candidate = p["U"][:, 2 * H:]
    gates_x = np.matmul(x, p["W"]) + p["b"]  # (V, T, 3H)
    h = np.zeros((V, H), x.dtype)
    hs = []
    for t in range(T):
        h = gru_cell(h, gates_x[:, t], U_gates, U_candidate)
        hs.append(h)
    real = mask[:, :, None].astype(x.dtype)  # (V, T, 1)
    return real * np.stack(hs, axis=1)


def pull_each(pullback, cotangents):
    """Gradient trees of several losses that share a network, one per loss.

    - pullback: of `nn.vjp` of the network.
    - cotangents: gradients of the losses with respect to the network's output, in its shape.
    """
    return [pullback(g) for g in cotangents]

r"""HFFN, the hierarchical feature fusion network (Mai, Hu and Xing 2019, ACL), on UCLN features.

Divide: short windows cut the feature vectors of all modalities at the same places. Conquer: an
outer product fuses the modalities within each window, `local_tensors`. Combine: an LSTM with skip
connections and attention reads the windows of an utterance in both directions, `abs_lstm`. Two
dense layers decide. Each utterance is alone here; its context is in the UCLN features.

The source is the authors' code for MOSI, which "in some details" is not their paper, as they say.

    released    what the code computes. Its attention to the windows pairs the outputs of the
                backward direction, last window first, with the windows in forward order.
    paper       the same, with each output beside the window that it belongs to.

Training: RMSprop, batches of 10 videos, and minus the cosine of probabilities and label. With the
protocols "validation" and "released" it stops as the authors' code does, once the validation loss
has not fallen for 10 epochs, and the parameters of the last epoch are kept. Otherwise, as where the
validation split cannot be trusted, it takes ``settings.epochs`` epochs, a number set beforehand.
Unlike ARGF's, the parameters are not averaged over epochs.

Symbols: B utterances, L windows, m entries of a local tensor, H units per direction, N classes.
"""

import autograd.numpy as np

from .. import nn
from ..nn import ops
from ..paper.fusions_table6 import outer_product
from .epoch_loop import batches_of, train_batches, train_epochs

WINDOW = 2  # entries; the stride is the same, so that windows do not overlap
HIDDEN = 3  # H
SCORED = 5  # width of the vector whose length scores a cell
SKIPS = 3  # earlier steps that a step is connected to
DENSE = 50
LSTM_DROP_RATE, DENSE_DROP_RATE = 0.6, 0.5
BATCH_SIZE = 10  # videos
MOST_EPOCHS = 1000  # where the validation loss says when to stop
CHUNK = 256  # utterances that are predicted together


def local_tensors(x):
    r"""The outer product of all modalities within each window, each extended by a 1.

    $$ Z_t = [x_a^{(t)}; 1] \otimes [x_l^{(t)}; 1] \otimes [x_v^{(t)}; 1] $$

    The last window is filled up with zeros. x (modalities, B, d) -> (B, L, m) with L = ceil(d / 2)
    and m = 3^modalities.
    """
    modalities, B, d = x.shape
    L = -(-d // WINDOW)
    padded = np.pad(x, [(0, 0), (0, 0), (0, L * WINDOW - d)])
    windows = np.reshape(padded, (modalities, B * L, WINDOW))
    return np.reshape(outer_product(windows), (B, L, -1))


def glorot_normal(rng, fan_in, fan_out):
    """Normal with variance 2 / (fan_in + fan_out), (fan_in, fan_out)."""
    return rng.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


def init_abs_lstm(rng, m):
    """Parameters of `abs_lstm`, 4 m H + 4 H^2 + (2H + 5) (m + H) + 2H scalars.

    The authors' layer has H more, which it multiplies by 0.
    """
    H = HIDDEN
    return {
        "W": glorot_normal(rng, m, 4 * H),
        "U": glorot_normal(rng, H, 4 * H),
        "A_h": glorot_normal(rng, H + m, H),
        "A_c": glorot_normal(rng, H + m, SCORED),
        "A_1": glorot_normal(rng, H + m, H),
        "b_1": np.zeros((1, H)),
        "a_2": glorot_normal(rng, H, 1),
    }


def init_hffn(rng, modalities, d, N):
    """Parameters: `abs_lstm`, dense 2HL -> 50, dense 50 -> N.

    At 3 modalities, d = 50 and N = 2 there are 8,348 scalars.
    """
    L = -(-d // WINDOW)
    return {
        "lstm": init_abs_lstm(rng, (WINDOW + 1) ** modalities),
        "dense": nn.init_dense(rng, 2 * HIDDEN * L, DENSE),
        "label": nn.init_dense(rng, DENSE, N),
    }


def hard_sigmoid(x):
    """0.2 x + 0.5 between 0 and 1, for x of any shape."""
    return np.clip(0.2 * x + 0.5, 0, 1)


def relu(x):
    """x where x > 0, otherwise 0, for x of any shape."""
    return ops.ACTIVATIONS["relu"](x)


def attend(states, Z_t, A):
    r"""The states of the last three steps as one, by attention that the window directs.

    $$ e_j = \|\tanh([q_{t-j}; Z_t] A)\|_2, \quad w = softmax(e_1, e_2, e_3), \quad
       \tilde{q}_t = ReLU(\sum_{j=1}^3 w_j q_{t-j}) $$

    Arguments
        - states (3, B, H): the outputs h, or the cells c, of the last three steps.
        - Z_t (B, m): the local tensor of this step.
        - A: its rows for the state (H, width), its rows for the window (m, width).
    Returns (B, H).
    """
    A_state, A_window = A
    keys = ops.tanh(np.matmul(states, A_state) + np.matmul(Z_t, A_window))  # (3, B, width)
    w = ops.softmax(ops.norm(keys), axis=0)  # (3, B)
    return relu(np.sum(np.expand_dims(w, 2) * states, axis=0))


def skip_lstm(p, Z):
    r"""An LSTM whose state is what `attend` makes of three: Z (B, L, m) -> outputs (B, L, H).

    $$ [i, f, g, o] = hs(Z_t W + \tilde{h}_t U), \quad c_t = f \odot \tilde{c}_t + i \odot g, \quad
       h_t = o \odot \tanh(c_t) $$

    hs is the hard sigmoid, of the candidate g too. The gates have no biases.
    """
    B, L, _ = Z.shape
    W, U = p["W"], p["U"]
    H = len(U)
    A_h, A_c = [(A[:H], A[H:]) for A in (p["A_h"], p["A_c"])]
    last_h = last_c = np.zeros((SKIPS, B, H), Z.dtype)  # the latest first
    outputs = []
    for t in range(L):
        Z_t = Z[:, t]
        gates = np.matmul(Z_t, W) + np.matmul(attend(last_h, Z_t, A_h), U)  # (B, 4H)
        i, f, g, o = np.split(hard_sigmoid(gates), 4, axis=1)
        c = f * attend(last_c, Z_t, A_c) + i * g
        h = o * ops.tanh(c)
        last_h = np.concatenate([np.expand_dims(h, 0), last_h[:-1]])
        last_c = np.concatenate([np.expand_dims(c, 0), last_c[:-1]])
        outputs.append(h)
    return np.stack(outputs, axis=1)


def weigh(p, h, Z):
    r"""Each output times a number that depends on its window.

    $$ s_t = hs([h_t; Z_t] A_1 + b_1) a_2, \quad h'_t = ELU(s_t h_t) $$

    h (B, L, H), Z (B, L, m) -> (B, L, H).
    """
    joint = np.concatenate([h, Z], axis=2)  # (B, L, H + m)
    keys = hard_sigmoid(np.matmul(joint, p["A_1"]) + p["b_1"])
    s = np.matmul(keys, p["a_2"])  # (B, L, 1)
    return ops.elu(s * h)


def abs_lstm(p, Z, variant="paper"):
    """The attentive bidirectional skip-connected LSTM: Z (B, L, m) -> (B, L, 2H).

    Both directions share all weights, so they run side by side as a batch of 2B.
    """
    B = len(Z)
    both = np.concatenate([Z, Z[:, ::-1]])  # (2B, L, m)
    paired = both if variant == "paper" else np.concatenate([Z, Z])
    h = weigh(p, skip_lstm(p, both), paired)  # (2B, L, H)
    return np.concatenate([h[:B], h[B:, ::-1]], axis=2)


def decide(params, Z, variant="paper", rng=None):
    """Class probabilities (B, N) of local tensors Z (B, L, m); rng: None means no dropout."""
    h = ops.tanh(abs_lstm(params["lstm"], Z, variant))  # (B, L, 2H)
    h = ops.dropout(h, LSTM_DROP_RATE, rng)
    h = ops.dense_layer(params["dense"], np.reshape(h, (len(Z), -1)), "relu")  # (B, 50)
    h = ops.dropout(h, DENSE_DROP_RATE, rng)
    return ops.dense_layer(params["label"], h, "softmax")


def cosine_loss(P, y):
    r"""Minus the mean cosine of probabilities and one-hot labels.

    $$ -\frac{1}{B} \sum_i \frac{P_i \cdot y_i}{\|P_i\|_2 \|y_i\|_2} $$ P, y (B, N).
    """
    return -ops.mean(np.sum(P * y, axis=1) / ops.norm(P))


def stops_early(settings):
    """Whether the validation loss says when to stop."""
    return settings.protocol in ("validation", "released")


def epochs(settings):
    """Number of epochs, at most."""
    return MOST_EPOCHS if stops_early(settings) else settings.epochs


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Train on the UCLN features x (modalities, n, d)."""
    x = x.astype(settings.dtype, copy=False)
    y = np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels]
    rng = np.random.default_rng([settings.seed, 3])
    params = nn.cast(init_hffn(rng, len(x), x.shape[2], y.shape[1]), settings.dtype)
    optimiser = nn.init_rmsprop(params)
    starts = corpus.starts

    def loss(params, videos):
        rows = np.concatenate([np.arange(starts[v], starts[v + 1]) for v in videos])
        P = decide(params, local_tensors(x[:, rows]), settings.variant, rng)
        return cosine_loss(P, y[rows])

    def step(params, gradients):
        nn.rmsprop(optimiser, params, gradients)

    def train_epoch():
        batches = batches_of(corpus.split["train"], BATCH_SIZE, rng)
        row = {"loss": train_batches(params, loss, batches, step)}
        if stops_early(settings):
            rows = corpus.utterances("validation")
            P = _probabilities(params, x[:, rows], settings)
            row["validation_loss"] = float(cosine_loss(P, y[rows]))
        return row

    state = {"params": params, "optimiser": optimiser}
    history = train_epochs(state, rng, epochs(settings), train_epoch, on_epoch, on_checkpoint,
                           resume)
    test = _probabilities(params, x[:, corpus.utterances("test")], settings)
    return {"params": params, "probabilities": test, "epoch": len(history), "history": history}


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (modalities, n, d)."""
    return _probabilities(params, x.astype(settings.dtype, copy=False), settings)


def _probabilities(params, x, settings):
    parts = []
    for start in range(0, max(1, x.shape[1]), CHUNK):  # no utterances at all: one empty part
        Z = local_tensors(x[:, start:start + CHUNK])
        parts.append(decide(params, Z, settings.variant))
    return np.concatenate(parts)

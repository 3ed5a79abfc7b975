r"""HFFN, the hierarchical feature fusion network (Mai, Hu and Xing 2019, ACL), on UCLN features.

Divide: short windows cut the feature vectors of all modalities at the same places. Conquer: an
outer product fuses the modalities within each window, `local_tensors`. Combine: an LSTM with skip
connections and attention reads the windows of an utterance in both directions, `abs_lstm`. Two
dense layers decide. Each utterance is alone here; its context is in the UCLN features.

The source is the authors' code for MOSI (TmacMai/multimodal-fusion). They say that some details are
not as in their paper.

    released    what the code computes. Where it weighs the outputs of the backward direction, it
                pairs the output for window L + 1 - t with window t.
    paper       the same with that repaired: each output is paired with its own window.

Training: RMSprop, batches of 10 videos, and minus the cosine of probabilities and label. As in the
authors' code, it stops once the validation loss has not fallen for 10 epochs. Where the validation
split cannot be trusted, as on MOSI, it takes ``settings.epochs`` epochs instead, a number set
beforehand, unless the protocol is "validation" or "released". (MOSI's features know the labels of
its validation split.) The parameters are always those of the last epoch, and no average.

Symbols: B utterances, L windows, m entries of a local tensor, H units per direction, N classes.
"""

import autograd.numpy as np

from .. import nn
from ..data.check import reason_for_distrust
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

    The last window is filled up with zeros. x (modalities, B, d) -> (B, L, m), m = 3^modalities.
    """
    modalities, B, d = x.shape
    L = number_of_windows(d)
    padded = np.zeros((modalities, B, L * WINDOW), x.dtype)
    padded[:, :, :d] = x
    windows = np.reshape(padded, (modalities, B * L, WINDOW))
    Z = outer_product(windows)  # (B L, m)
    return np.reshape(Z, (B, L, (WINDOW + 1) ** modalities))


def number_of_windows(d):
    """L = ceil(d / 2)."""
    return -(-d // WINDOW)


def glorot_normal(rng, fan_in, fan_out):
    """Weights (fan_in, fan_out), normal with variance 2 / (fan_in + fan_out)."""
    deviation = np.sqrt(2 / (fan_in + fan_out))
    return rng.normal(0, deviation, (fan_in, fan_out))


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
    L = number_of_windows(d)
    return {
        "lstm": init_abs_lstm(rng, (WINDOW + 1) ** modalities),
        "dense": nn.init_dense(rng, 2 * HIDDEN * L, DENSE),
        "label": nn.init_dense(rng, DENSE, N),
    }


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
    of_state, of_window = A
    keys = ops.tanh(np.matmul(states, of_state) + np.matmul(Z_t, of_window))  # (3, B, width)
    w = ops.softmax(ops.norm(keys), axis=0)  # (3, B)
    weighted = np.expand_dims(w, 2) * states  # (3, B, H)
    return ops.leaky_relu(np.sum(weighted, axis=0), 0.0)


def skip_lstm(p, Z):
    r"""An LSTM whose state is what `attend` makes of three: Z (B, L, m) -> outputs (B, L, H).

    $$ [i, f, g, o] = hs(Z_t W + \tilde{h}_t U), \quad c_t = f \odot \tilde{c}_t + i \odot g, \quad
       h_t = o \odot \tanh(c_t) $$

    hs is the hard sigmoid, of the candidate g too. The gates have no biases.
    """
    B, L, _ = Z.shape
    W, U = p["W"], p["U"]
    H = len(U)
    A_h = p["A_h"][:H], p["A_h"][H:]
    A_c = p["A_c"][:H], p["A_c"][H:]
    last_h = last_c = np.zeros((SKIPS, B, H), Z.dtype)  # the latest first
    outputs = []
    for t in range(L):
        Z_t = Z[:, t]
        h_tilde = attend(last_h, Z_t, A_h)
        c_tilde = attend(last_c, Z_t, A_c)
        gates = ops.hard_sigmoid(np.matmul(Z_t, W) + np.matmul(h_tilde, U))  # (B, 4H)
        i, f, g, o = np.split(gates, 4, axis=1)
        c = f * c_tilde + i * g
        h = o * ops.tanh(c)
        last_h = newest_first(h, last_h)
        last_c = newest_first(c, last_c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def newest_first(state, last):
    """The last states (3, B, H) with a new one (B, H) in place of the oldest."""
    return np.concatenate([np.expand_dims(state, 0), last[:-1]])


def weigh(p, h, Z):
    r"""Each output times a number that depends on its window.

    $$ s_t = hs([h_t; Z_t] A_1 + b_1) a_2, \quad h'_t = ELU(s_t h_t) $$

    h (B, L, H), Z (B, L, m) -> (B, L, H).
    """
    joint = np.concatenate([h, Z], axis=2)  # (B, L, H + m)
    keys = ops.hard_sigmoid(np.matmul(joint, p["A_1"]) + p["b_1"])
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
    B, L, width = h.shape
    h = np.reshape(h, (B, L * width))  # (B, 2HL)
    h = ops.dense_layer(params["dense"], h, "relu")  # (B, 50)
    h = ops.dropout(h, DENSE_DROP_RATE, rng)
    return ops.dense_layer(params["label"], h, "softmax")


def cosine_loss(P, y):
    r"""Minus the mean cosine of probabilities and one-hot labels.

    $$ -\frac{1}{B} \sum_i \frac{P_i \cdot y_i}{\|P_i\|_2 \|y_i\|_2} $$ P, y (B, N).
    """
    cosines = np.sum(P * y, axis=1) / ops.norm(P)  # y has length 1
    return -ops.mean(cosines)


def stops_early(corpus, settings):
    """Whether the validation loss says when to stop."""
    if settings.protocol in ("validation", "released"):
        return True
    return reason_for_distrust(corpus) is None


def epochs(corpus, settings):
    """Number of epochs, at most."""
    return MOST_EPOCHS if stops_early(corpus, settings) else settings.epochs


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Train on the UCLN features x (modalities, n, d)."""
    x = x.astype(settings.dtype, copy=False)
    y = np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels]
    validation, test = corpus.utterances("validation"), corpus.utterances("test")
    rng = np.random.default_rng([settings.seed, 3])
    params = init_hffn(rng, len(x), x.shape[2], y.shape[1])
    params = nn.cast(params, settings.dtype)
    optimiser = nn.init_rmsprop(params)
    early = stops_early(corpus, settings)

    def loss(params, videos):
        rows = corpus.rows_of(videos)
        Z = local_tensors(x[:, rows])
        return cosine_loss(decide(params, Z, settings.variant, rng), y[rows])

    def step(params, gradients):
        nn.rmsprop(optimiser, params, gradients)

    def train_epoch():
        batches = batches_of(corpus.split["train"], BATCH_SIZE, rng)
        row = {"loss": train_batches(params, loss, batches, step)}
        if early:
            P = predict(params, x[:, validation], settings.variant)
            row["validation_loss"] = float(cosine_loss(P, y[validation]))
        return row

    state = {"params": params, "optimiser": optimiser}
    history = train_epochs(state, rng, epochs(corpus, settings), train_epoch, on_epoch,
                           on_checkpoint, resume)
    probabilities = predict(params, x[:, test], settings.variant)
    return {"params": params, "probabilities": probabilities, "epoch": len(history),
            "history": history}


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (modalities, n, d)."""
    return predict(params, x.astype(settings.dtype, copy=False), settings.variant)


def predict(params, x, variant):
    """Class probabilities (n, N) of x (modalities, n, d), `CHUNK` utterances at a time."""
    parts = []
    for start in range(0, max(1, x.shape[1]), CHUNK):  # no utterances at all: one empty part
        Z = local_tensors(x[:, start:start + CHUNK])
        parts.append(decide(params, Z, variant))
    return np.concatenate(parts)

r"""The unimodal context learning network, UCLN ("Experimental details", D16).

Each modality has a UCLN of its own, trained alone. A bidirectional LSTM reads the utterances of a
video in order, and a dense layer maps its output to the d features that ARGF fuses. During training
one more dense layer predicts the label.

Symbols: V videos, u utterances of the longest of them, n utterances in all, d_j width of the raw
features, d width of the output, N classes. ``starts`` (V + 1,) says where videos begin: video i
holds the utterances starts[i] to starts[i + 1] - 1.
"""

import autograd.numpy as np

from .. import nn
from ..nn import ops

HIDDEN = 300  # LSTM units per direction
BATCH_SIZE = 10  # videos


def pad(rows, starts, videos):
    """Arrange the utterances of some videos as one row per video.

    Arguments
        - rows (n, ...): one entry per utterance: features (n, d_j), one-hot labels (n, N), ...
        - starts (V + 1,): where videos begin.
        - videos: indices of the videos to take, in this order.
    Returns
        - padded (len(videos), u, ...): zero after the last utterance of a video.
        - mask (len(videos), u): True where there is an utterance.
    """
    first = starts[:-1][videos]
    lengths = np.diff(starts)[videos]
    steps = np.arange(max(lengths, default=0))
    mask = steps < lengths[:, None]  # (V, u)
    index = first[:, None] + steps  # (V, u)
    padded = np.zeros(mask.shape + rows.shape[1:], rows.dtype)
    padded[mask] = rows[index[mask]]
    return padded, mask


def unpad(padded, mask):
    """The inverse of `pad`: (V, u, ...) to the utterances of these videos, one after the other."""
    return padded[mask]


def init_ucln(rng, d_j, d, N):
    """Parameters: BiLSTM d_j -> 2 x 300, dense 600 -> d, and for training dense d -> N."""
    return {
        "bilstm": nn.init_bilstm(rng, d_j, HIDDEN),
        "dense": nn.init_dense(rng, 2 * HIDDEN, d),
        "label": nn.init_dense(rng, d, N),
    }


def context_features(params, x, mask, settings, rng=None):
    r"""UCLN: $R^{u \times d_j} \to R^{u \times d}$, features that know the rest of the video.

    Layers: dropout, BiLSTM, dropout, dense, tanh. The authors drop 0.6 and 0.9 (D24).

    Arguments
        - params: of `init_ucln`.
        - x (V, u, d_j): padded raw features.
        - mask (V, u): True on real utterances.
        - settings: only its ``ucln_input_drop_rate`` and ``ucln_drop_rate`` are used.
        - rng: None means no dropout.
    Returns (V, u, d), each entry in (-1, 1); what stands on padding is not to be used.
    """
    x = ops.dropout(x, settings.ucln_input_drop_rate, rng)
    h = ops.bilstm(params["bilstm"], x, mask)  # (V, u, 600)
    h = ops.dropout(h, settings.ucln_drop_rate, rng)
    return ops.dense_layer(params["dense"], h, "tanh")  # (V, u, d)


def class_logits(params, features, settings, rng=None):
    """The logits of the label, (V, u, N), from features (V, u, d). Layers: dropout, dense."""
    features = ops.dropout(features, settings.ucln_drop_rate, rng)
    return ops.dense_layer(params["label"], features, "identity")


def cross_entropy(logits, y, mask):
    """Categorical cross-entropy in nats, the mean over real utterances.

    Arguments: logits (V, u, N); y (V, u, N) one-hot; mask (V, u) True on real utterances.
    """
    real = (y * mask[:, :, None]).astype(logits.dtype)  # (V, u, N)
    log_likelihood = np.sum(ops.log_softmax(logits) * real)
    return -log_likelihood / int(mask.sum())


def ucln_loss(params, x, y, mask, settings, rng=None):
    """The loss that a UCLN descends: x (V, u, d_j), y (V, u, N), mask (V, u) -> nats."""
    features = context_features(params, x, mask, settings, rng)
    return cross_entropy(class_logits(params, features, settings, rng), y, mask)


def train_ucln(x, y, starts, videos, settings, rng, on_epoch=None, validation=()):
    """Train the UCLN of one modality with Adadelta.

    With validation videos, training stops when ``settings.ucln_patience`` epochs have passed
    without a new minimum of their cross-entropy, and the parameters of the minimum are kept. A
    patience of 0 means that training does not stop early.

    Arguments
        - x (n, d_j): standardised raw features of all utterances.
        - y (n, N): one-hot labels; their dtype is that of the network.
        - starts (V + 1,): where videos begin.
        - videos, validation: indices of the training and of the validation videos.
        - settings: only its ``d`` and its fields ``ucln_...`` are used.
        - on_epoch: called as ``on_epoch(epoch, loss)`` with the mean loss of the batches.
    Returns the parameters.
    """
    params = init_ucln(rng, x.shape[1], settings.d, y.shape[1])
    params = nn.cast(params, y.dtype)
    state = nn.init_adadelta(params)
    lowest, best, best_epoch = np.inf, params, 0
    for epoch in range(1, settings.ucln_epochs + 1):
        loss = train_ucln_epoch(params, state, x, y, starts, videos, settings, rng)
        if on_epoch:
            on_epoch(epoch, loss)
        if len(validation) == 0 or settings.ucln_patience == 0:
            continue
        loss = mean_loss(params, x, y, starts, validation, settings)
        if loss < lowest:
            lowest, best, best_epoch = loss, nn.map_leaves(np.copy, params), epoch
        elif epoch >= best_epoch + settings.ucln_patience:
            break
    return best


def train_ucln_epoch(params, state, x, y, starts, videos, settings, rng):
    """One pass over the training videos, in place on ``params``; returns the mean loss."""
    order = rng.permutation(videos)
    losses = []
    for start in range(0, len(order), BATCH_SIZE):
        batch = order[start:start + BATCH_SIZE]
        x_batch, y_batch, mask = _batch(x, y, starts, batch)

        def loss(params, x=x_batch, y=y_batch, mask=mask):
            return ucln_loss(params, x, y, mask, settings, rng)

        value, gradients = nn.value_and_grad(loss, params)
        nn.adadelta(state, params, gradients)
        losses.append(float(value))
    return sum(losses) / len(losses)


def mean_loss(params, x, y, starts, videos, settings):
    """Cross-entropy per utterance of some videos, without dropout."""
    total = utterances = 0
    for start in range(0, len(videos), BATCH_SIZE):
        batch = videos[start:start + BATCH_SIZE]
        x_batch, y_batch, mask = _batch(x, y, starts, batch)
        loss = float(ucln_loss(params, x_batch, y_batch, mask, settings))
        total += loss * mask.sum()
        utterances += mask.sum()
    return total / utterances


def _batch(x, y, starts, videos):
    x_batch, mask = pad(x, starts, videos)  # (V, u, d_j), (V, u)
    y_batch, _ = pad(y, starts, videos)  # (V, u, N)
    return x_batch.astype(y.dtype), y_batch, mask


def apply_ucln(params, x, starts, settings):
    """What a trained UCLN gives for every utterance.

    Arguments
        - params: of `train_ucln`.
        - x (n, d_j): standardised raw features of all utterances.
        - starts (V + 1,): where videos begin; there is one video at least.
        - settings: as in `train_ucln`.
    Returns features (n, d) and class probabilities (n, N).
    """
    dtype = params["dense"]["W"].dtype
    V = len(starts) - 1
    batches = np.array_split(np.arange(V), -(-V // BATCH_SIZE))
    features, probabilities = [], []
    for videos in batches:
        x_batch, mask = pad(x, starts, videos)
        x_batch = x_batch.astype(dtype)
        h = context_features(params, x_batch, mask, settings)  # (V, u, d)
        logits = class_logits(params, h, settings)
        features.append(unpad(h, mask))
        probabilities.append(unpad(ops.softmax(logits), mask))
    return np.concatenate(features), np.concatenate(probabilities)

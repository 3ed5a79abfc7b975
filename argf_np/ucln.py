r"""The unimodal context learning network, UCLN (section "Experimental details", D16).

Each modality has its own, trained alone: a bidirectional LSTM reads the utterances of a video in order, and a dense
layer maps its output to the d features that ARGF fuses. For training, one more dense layer predicts the label.

Symbols: V videos, u utterances of the longest of them, d_j width of the raw features, d width of the output, N classes.
"""

from functools import partial

import autograd.numpy as np

from . import nn
from .data import pad, unpad
from .nn import ops

HIDDEN = 300  # LSTM units a direction
INPUT_DROP_RATE, DROP_RATE = 0.6, 0.9
BATCH_SIZE = 10  # videos


def init_ucln(rng, d_j, d, N):
    """Parameters: BiLSTM d_j -> 2 x 300, dense 600 -> d, and for training dense d -> N."""
    return {
        "bilstm": nn.init_bilstm(rng, d_j, HIDDEN),
        "dense": nn.init_dense(rng, 2 * HIDDEN, d),
        "label": nn.init_dense(rng, d, N),
    }


def context_features(params, x, mask, rng=None):
    r"""UCLN: $R^{u \times d_j} \to R^{u \times d}$, features that know the utterances before and after.

    Layers: dropout 0.6, BiLSTM, dropout 0.9, dense, tanh.

    Arguments: params of `init_ucln`; x (V, u, d_j); mask (V, u) True on real utterances; rng None: no dropout.
    Returns (V, u, d), each entry in (-1, 1); padding is not to be used.
    """
    h = ops.bilstm(params["bilstm"], ops.dropout(x, INPUT_DROP_RATE, rng), mask)  # (V, u, 600)
    return ops.dense_layer(params["dense"], ops.dropout(h, DROP_RATE, rng), "tanh")  # (V, u, d)


def class_logits(params, features, rng=None):
    """Dropout 0.9, dense: (V, u, d) -> (V, u, N), the logits of the label that the features alone predict."""
    return ops.dense_layer(params["label"], ops.dropout(features, DROP_RATE, rng), "identity")


def cross_entropy(logits, y, mask):
    """Categorical cross-entropy, mean over real utterances only: logits (V, u, N), y (V, u, N) one-hot, mask (V, u)."""
    real = (y * mask[:, :, None]).astype(logits.dtype)
    return -np.sum(ops.log_softmax(logits) * real) / int(mask.sum())


def ucln_loss(params, x, y, mask, rng=None):
    """What the training of a UCLN descends: x (V, u, d_j), y (V, u, N), mask (V, u)."""
    return cross_entropy(class_logits(params, context_features(params, x, mask, rng), rng), y, mask)


def train_ucln(corpus, modality, d, epochs, rng, dtype="float32", report=lambda epoch, loss: None):
    """Train the UCLN of one modality on the training videos with Adadelta; returns its parameters.

    ``report(epoch, loss)`` is called after every epoch with the mean loss of its batches.
    """
    x, N = corpus.features[modality], len(corpus.classes)
    params = nn.cast(init_ucln(rng, x.shape[1], d, N), dtype)
    states = {name: nn.init_adadelta(part) for name, part in params.items()}
    y = np.eye(N, dtype=dtype)[corpus.labels]
    for epoch in range(epochs):
        videos = rng.permutation(corpus.split["train"])
        losses = []
        for start in range(0, len(videos), BATCH_SIZE):
            batch = videos[start:start + BATCH_SIZE]
            x_batch, mask = pad(x, corpus.starts, batch)  # (V, u, d_j), (V, u)
            y_batch, _ = pad(y, corpus.starts, batch)  # (V, u, N)
            value, gradients = nn.value_and_grad(partial(
                ucln_loss, x=x_batch.astype(dtype), y=y_batch, mask=mask, rng=rng), params)
            losses.append(float(value))
            for name in params:
                nn.adadelta(states[name], params[name], gradients[name])
        report(epoch + 1, sum(losses) / len(losses))
    return params


def apply_ucln(params, corpus, modality):
    """Features and class probabilities of every utterance of the corpus: (n, d) and (n, N), in its order."""
    dtype = params["dense"]["W"].dtype
    features, probabilities = [], []
    for videos in np.array_split(np.arange(len(corpus.video_ids)), -(-len(corpus.video_ids) // BATCH_SIZE)):
        x, mask = pad(corpus.features[modality], corpus.starts, videos)
        h = context_features(params, x.astype(dtype), mask)
        features.append(unpad(h, mask))
        probabilities.append(unpad(ops.softmax(class_logits(params, h)), mask))
    return np.concatenate(features), np.concatenate(probabilities)

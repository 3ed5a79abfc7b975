"""Logistic regression on the raw features: the floor, without context, UCLN or fusion.

Softmax regression on the concatenated standardised features of all modalities; the UCLN features
are not used. Adam on all training utterances at once goes from zero down to the only minimum of
`loss`, so there is neither chance nor an epoch for a protocol to choose. It takes seconds, so there
are no checkpoints either: a run that is continued begins again, and gives the same bits.
Parameters: (D + 1) N for D raw features of all modalities.
"""

import autograd.numpy as np

from .. import nn
from ..nn import ops

L2 = 0.01  # set beforehand: MOSI's training utterances are separable, so weights would grow forever
EPOCHS, LR = 1000, 0.01  # enough to reach the minimum: the loss is convex


def epochs(corpus, settings):
    """Number of epochs, which no setting changes."""
    return EPOCHS


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Minimise `loss` over the training utterances."""
    rows, N = corpus.utterances("train"), len(corpus.classes)
    x_train = _features(corpus, settings, rows)
    y_train = np.eye(N)[corpus.labels[rows]]
    params = {"dense": {"W": np.zeros((x_train.shape[1], N)), "b": np.zeros((1, N))}}
    state = nn.init_adam(params)
    history = []

    def train_loss(params):
        return loss(params, x_train, y_train)

    for epoch in range(1, EPOCHS + 1):
        value, gradients = nn.value_and_grad(train_loss, params)
        nn.adam(state, params, gradients, LR)
        history.append({"epoch": epoch, "loss": float(value)})
        if on_epoch:
            on_epoch(history[-1])
    test = _features(corpus, settings, corpus.utterances("test"))
    return {"params": params, "probabilities": _probabilities(params, test), "epoch": EPOCHS,
            "history": history}


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of all utterances."""
    return _probabilities(params, _features(corpus, settings, np.arange(len(corpus.ids))))


def loss(params, x, y):
    r"""Mean cross-entropy, and an L2 penalty on the weights.

    $$ -\frac{1}{n} \sum_i y_i^T \log softmax(x_i W + b) + \frac{0.01}{2} \|W\|^2 $$

    Arguments: x (n, D); y (n, N) one-hot. Returns nats.
    """
    W = params["dense"]["W"]
    logits = ops.dense_layer(params["dense"], x, "identity")
    cross_entropy = -np.sum(ops.log_softmax(logits) * y) / len(y)
    return cross_entropy + 0.5 * L2 * np.sum(W * W)


def _features(corpus, settings, rows):
    """The raw features of all modalities side by side, (len(rows), D)."""
    parts = [corpus.features[m][rows] for m in settings.modality_list]
    return np.concatenate(parts, axis=1)


def _probabilities(params, x):
    return ops.dense_layer(params["dense"], x, "softmax")

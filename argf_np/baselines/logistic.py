"""Logistic regression on the raw features: the plain floor, without context, UCLN or fusion."""

import autograd.numpy as np

from .. import nn
from ..nn import ops

L2 = 0.01  # set beforehand: of MOSI's training utterances, which can be separated, it lets no weight grow without end
EPOCHS, LR = 1000, 0.01  # enough to reach the minimum: the loss is convex


def fit(corpus, x, settings, report=lambda row: None):
    """Softmax regression on the concatenated standardised features of the corpus; the UCLN's, x, are not used.

    Adam on all training utterances at once, from zero, down to the only minimum of `loss`. So there is neither chance
    nor an epoch for a protocol to pick. Parameters: dense D -> N, (D + 1) N for D raw features of all modalities.
    """
    raw = [corpus.features[m] for m in settings.modalities.split(",")]
    features = lambda rows: np.concatenate([z[rows] for z in raw], axis=1)  # noqa: E731  (len(rows), D)
    train, N = corpus.utterances("train"), len(corpus.classes)
    x_train, y_train = features(train), np.eye(N)[corpus.labels[train]]
    params = {"dense": {"W": np.zeros((x_train.shape[1], N)), "b": np.zeros((1, N))}}
    state, history = nn.init_adam(params["dense"]), []
    for epoch in range(1, EPOCHS + 1):
        value, gradient = nn.value_and_grad(lambda p: loss(p, x_train, y_train), params)
        nn.adam(state, params["dense"], gradient["dense"], LR)
        history.append({"epoch": epoch, "loss": float(value)})
        report(history[-1])
    probabilities = ops.dense_layer(params["dense"], features(corpus.utterances("test")), "softmax")
    return {"params": params, "probabilities": probabilities, "epoch": EPOCHS, "history": history}


def loss(params, x, y):
    r"""Mean cross-entropy, and an L2 penalty on the weights.

    $$ -\frac{1}{n} \sum_i y_i^T \log softmax(x_i W + b) + \frac{0.01}{2} \|W\|^2 $$ x (n, D), y (n, N) one-hot -> nats.
    """
    W = params["dense"]["W"]
    logits = ops.dense_layer(params["dense"], x, "identity")
    return -np.sum(ops.log_softmax(logits) * y) / len(y) + 0.5 * L2 * np.sum(W * W)

"""BC-LSTM (Poria et al. 2017b, ACL): all modalities side by side, and a BiLSTM over each video.

A UCLN is built like BC-LSTM, so the two share layers here. BiLSTM m d -> 2 x 300, dense 600 -> 500,
dense 500 -> N: 2,400 (m d + 301) + 300,500 + 501 N parameters, which at m = 3, d = 50 and N = 2 are
Table 4's 1,383,902.

    paper       a UCLN as the settings describe it, of width 500: its dense layer is a tanh.
    released    the authors' code (SenticNet/sc-lstm): its dense layer is a ReLU, and it drops 0.4
                of the input and 0.9 behind the BiLSTM and behind the dense layer.

Both train with Adadelta and cross-entropy (D16) for ``settings.ucln_epochs`` epochs. That number
is set beforehand; no protocol chooses an epoch. The authors' code stops by the validation loss
instead, which says little where the features know the validation labels. Its LSTM, Keras's, also
differs in both variants: its gates are hard sigmoids, its forget gates start open, and one dropout
mask serves all utterances of a video.
"""

from dataclasses import replace

import numpy as np

from .. import nn
from ..nn import ops
from ..paper.ucln import BATCH_SIZE, class_logits, cross_entropy, init_ucln, pad, unpad
from .epoch_loop import batches_of, train_batches, train_epochs

WIDTH = 500  # of the dense layer, as Table 4's number of parameters says
ACTIVATIONS = {"paper": "tanh", "released": "relu"}  # of the dense layer
RELEASED_INPUT_DROP_RATE, RELEASED_DROP_RATE = 0.4, 0.9


def epochs(corpus, settings):
    """Number of epochs."""
    return settings.ucln_epochs


def logits(params, x, mask, settings, rng=None):
    """The logits of the classes, (V, u, N).

    Layers: dropout, BiLSTM, dropout, dense, tanh or ReLU, dropout, dense.

    Arguments
        - params: of `paper.ucln.init_ucln`.
        - x (V, u, m d): padded features of all modalities side by side.
        - mask (V, u): True on real utterances.
        - rng: None means no dropout.
    """
    if settings.variant == "released":
        settings = replace(settings, ucln_input_drop_rate=RELEASED_INPUT_DROP_RATE,
                           ucln_drop_rate=RELEASED_DROP_RATE)
    x = ops.dropout(x, settings.ucln_input_drop_rate, rng)
    h = ops.bilstm(params["bilstm"], x, mask)  # (V, u, 600)
    h = ops.dropout(h, settings.ucln_drop_rate, rng)
    h = ops.dense_layer(params["dense"], h, ACTIVATIONS[settings.variant])  # (V, u, 500)
    return class_logits(params, h, settings, rng)


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Train on the UCLN features x (m, n, d), in the context of the videos."""
    joint = _side_by_side(x, settings)  # (n, m d)
    y = np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels]
    rng = np.random.default_rng([settings.seed, 3])
    params = init_ucln(rng, joint.shape[1], WIDTH, y.shape[1])
    params = nn.cast(params, settings.dtype)
    optimiser = nn.init_adadelta(params)

    def loss(params, videos):
        x_batch, mask = pad(joint, corpus.starts, videos)  # (V, u, m d), (V, u)
        y_batch, _ = pad(y, corpus.starts, videos)
        z = logits(params, x_batch, mask, settings, rng)
        return cross_entropy(z, y_batch, mask)

    def step(params, gradients):
        nn.adadelta(optimiser, params, gradients)

    def train_epoch():
        batches = batches_of(corpus.split["train"], BATCH_SIZE, rng)
        return {"loss": train_batches(params, loss, batches, step)}

    state = {"params": params, "optimiser": optimiser}
    history = train_epochs(state, rng, epochs(corpus, settings), train_epoch, on_epoch,
                           on_checkpoint, resume)
    probabilities = predict_proba(params, corpus, x, settings)[corpus.utterances("test")]
    return {"params": params, "probabilities": probabilities, "epoch": len(history),
            "history": history}


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (m, n, d), in the context of the videos."""
    joint = _side_by_side(x, settings)
    V = len(corpus.starts) - 1
    batches = np.array_split(np.arange(V), -(-V // BATCH_SIZE))
    parts = []
    for videos in batches:
        x_batch, mask = pad(joint, corpus.starts, videos)
        z = logits(params, x_batch, mask, settings)
        parts.append(unpad(ops.softmax(z), mask))
    return np.concatenate(parts)


def _side_by_side(x, settings):
    return np.concatenate(x, axis=1).astype(settings.dtype, copy=False)

"""BC-LSTM (Poria et al. 2017b, ACL): all modalities side by side, and a BiLSTM over each video.

A UCLN is built like BC-LSTM, so the two share layers, dropout and training here: Adadelta and
cross-entropy (D16) for ``settings.ucln_epochs`` epochs. That number is set beforehand; no protocol
chooses an epoch. BiLSTM m d -> 2 x 300, dense 600 -> 500, dense 500 -> N: 2,400 (m d + 301) +
300,500 + 501 N parameters, which at m = 3, d = 50 and N = 2 are Table 4's 1,383,902.
"""

from dataclasses import replace

import numpy as np

from ..paper.ucln import apply_ucln, train_ucln

WIDTH = 500  # of the dense layer, as Table 4's number of parameters says


def epochs(settings):
    """Number of epochs."""
    return settings.ucln_epochs


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Train a UCLN of width 500 on the UCLN features of all modalities, concatenated."""
    joint = np.concatenate(x, axis=1)  # (n, m d)
    y = np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels]
    history = []

    def record(epoch, loss):
        history.append({"epoch": epoch, "loss": loss})
        if on_epoch:
            on_epoch(history[-1])

    rng = np.random.default_rng([settings.seed, 3])
    params = train_ucln(joint, y, corpus.starts, corpus.split["train"], replace(settings, d=WIDTH),
                        rng, record)
    test = corpus.utterances("test")
    probabilities = predict_proba(params, corpus, x, settings)[test]
    return {"params": params, "probabilities": probabilities, "epoch": len(history),
            "history": history}


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (m, n, d), in the context of the videos."""
    _, probabilities = apply_ucln(params, np.concatenate(x, axis=1), corpus.starts, settings)
    return probabilities

"""BC-LSTM (Poria et al. 2017b, ACL): the modalities side by side, and a bidirectional LSTM over each video."""

from dataclasses import replace

import numpy as np

from ..ucln import apply_ucln, train_ucln

WIDTH = 500  # of the dense layer: what Table 4's number of parameters says


def fit(corpus, x, settings, report=lambda row: None):
    """A UCLN of width 500 whose raw features are the UCLN features of all modalities, concatenated.

    A UCLN is built like BC-LSTM, so the two share layers, dropout and training here: Adadelta and cross-entropy (D16)
    for ``settings.ucln_epochs``. That number is set beforehand, so no protocol picks an epoch.
    BiLSTM m d -> 2 x 300, dense 600 -> 500, dense 500 -> N: 2,400 (m d + 301) + 300,500 + 501 N parameters, which at
    m = 3, d = 50, N = 2 are Table 4's 1,383,902.
    """
    features = dict(zip(settings.modalities.split(","), x, strict=True))  # each (n, d)
    joint = replace(corpus, features=features | {"joint": np.concatenate(x, axis=1)})  # (n, m d)
    history = []

    def record(epoch, loss):
        history.append({"epoch": epoch, "loss": loss})
        report(history[-1])

    rng = np.random.default_rng([settings.seed, 3])
    params = train_ucln(joint, "joint", WIDTH, settings.ucln_epochs, rng, settings.dtype, record)
    _, probabilities = apply_ucln(params, joint, "joint")  # (n, N)
    return {"params": params, "probabilities": probabilities[corpus.utterances("test")], "epoch": len(history),
            "history": history}

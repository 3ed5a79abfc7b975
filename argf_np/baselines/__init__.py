"""Models of Tables 1 to 3: ARGF and the baselines that it is compared with, behind one interface.

A model is a module with three functions, a line in `MODELS`, its name in `settings.MODELS` and, for
the tables, its label in `experiments.catalogue.BASELINES`:

    epochs(corpus, settings) -> number of epochs, at most
    train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None) -> dict
    predict_proba(params, corpus, x, settings) -> probabilities (n, N) of all utterances

The corpus is standardised; x (m, n, d) holds the UCLN features of all its utterances. ``train``
calls ``on_epoch`` with each row of the history and returns what `paper.protocols.train` returns:
``params``, ``probabilities`` (n_test, N), ``epoch`` and ``history``. After each epoch it calls
``on_checkpoint`` with the state of training, from which ``resume`` continues to the same bits. No
model is fitted to a test label.

``settings.variant`` chooses the reading of a model: "paper", what the paper or Table 4 says of it,
or "released", what its authors' code computes. The docstring of each file says what these are.
"""

from . import argf, bc_lstm, chfusion, hffn, lmf, logistic, tfn

MODELS = {
    "argf": argf,
    "tfn": tfn,
    "lmf": lmf,
    "bc_lstm": bc_lstm,
    "hffn": hffn,
    "chfusion": chfusion,
    "logistic": logistic,
}

"""Models (Tables 1 to 3): ARGF and the baselines that it is compared with, behind one function.

A model is a line here, and a function

    fit(corpus, x, settings, report=...) -> dict

corpus, standardised; x (m, n, d), the UCLN features of all its utterances; ``report`` is given each row of the history
when its epoch ends. It returns what `training.fit` does: ``params``, ``probabilities`` (n_test, N) of the test
utterances, the ``epoch`` whose parameters these are, and ``history``. No model is fitted to a test label.
BC-LSTM and logistic regression do not go through `training.fit`, so that the protocol changes nothing in them.

Not here: HFFN (Mai, Hu and Xing 2019), since the ARGF paper gives neither its formulas nor its sizes.
"""

from . import argf, bc_lstm, lmf, logistic, tfn

MODELS = {
    "argf": argf.fit,
    "tfn": tfn.fit,
    "lmf": lmf.fit,
    "bc_lstm": bc_lstm.fit,
    "logistic": logistic.fit,
}

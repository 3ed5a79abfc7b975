"""How many epochs a UCLN should train where its features know the labels, without the test set.

The text and video features of MOSI were made with the labels of all training and validation videos,
so that validation cannot choose anything (`data check` shows it). Here the same leak is built in
miniature, with another test set: the 62 videos of training and validation are dealt into 5 folds,
one of which plays the test set. Text features are the hidden layer of a small network that reads
the words (tf-idf) and is fitted to the labels of the other folds, as the published ones were fitted
to theirs. The UCLN of this text trains on the other folds, and is judged by the held-out one. No
utterance of the real test set is looked at.

`python results/leak.py` writes choice.md beside this file. It needs the real data, see README.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from argf_np import nn
from argf_np.data import load, standardise
from argf_np.experiments.markdown import grid, page
from argf_np.nn import ops
from argf_np.paper.ucln import apply_ucln, train_ucln
from argf_np.settings import preset
from argf_np.storage import files

FOLDS, WIDTH = 5, 100
# With so many, a linear model is right on 98 % of the utterances that the features were fitted to.
TEXT_EPOCHS = 10
EPOCHS = (3, 5, 10, 20, 40)


def choice(corpus):
    """The experiment on a corpus with words, as Markdown: accuracy on held-out folds by epochs."""
    corpora = [standardise(leaky_corpus(corpus, fold)) for fold in range(FOLDS)]
    cells, errors = [], []
    for epochs in EPOCHS:
        settings = preset("mosi", ucln_epochs=epochs)
        right = np.concatenate([held_out(leaky, settings) for leaky in corpora])
        cells.append(f"{100 * right.mean():.2f}")
        errors.append(100 * right.std() / np.sqrt(len(right)))
    about = __doc__.split("\n\n")[1].replace("\n", " ")
    return page(
        f"## How the epochs of the UCLN were chosen, {corpus.name.upper()}, {corpus.source} data",
        about,
        grid(["epochs of the UCLN", *map(str, EPOCHS)],
             [["right on held-out utterances, %", *cells]]),
        f"One standard error of such a number is at least {max(errors):.1f} points, since the "
        "utterances of a video are not independent.")


def held_out(leaky, settings):
    """Whether the UCLN of the text is right on each utterance of the held-out fold, (n_test,)."""
    x = leaky.features["l"]
    y = np.eye(len(leaky.classes), dtype=settings.dtype)[leaky.labels]
    rng = np.random.default_rng([0, 1, 1])
    params = train_ucln(x, y, leaky.starts, leaky.split["train"], settings, rng)
    _, probabilities = apply_ucln(params, x, leaky.starts, settings)
    test = leaky.utterances("test")
    return probabilities[test].argmax(axis=1) == leaky.labels[test]


def leaky_corpus(corpus, fold):
    """The corpus with such text features; its splits name labelled videos only."""
    labelled = np.concatenate([corpus.split["train"], corpus.split["validation"]])
    folds = np.array_split(np.random.default_rng([0, 77]).permutation(labelled), FOLDS)
    train = np.concatenate([videos for i, videos in enumerate(folds) if i != fold])
    rows = corpus.rows_of(train)
    rng = np.random.default_rng([0, fold, 78])
    text = hidden_layer(tfidf(corpus.words, rows), corpus.labels, rows, rng)
    split = {"train": train, "validation": train[:0], "test": folds[fold]}
    return replace(corpus, features=corpus.features | {"l": text}, split=split)


def tfidf(words, train):
    """Term counts on a log scale times inverse document frequency, rows of unit length.

    - words: the text of each of n utterances.
    - train: indices of the utterances whose terms and frequencies count.

    Returns (n, terms).
    """
    tokens = [text.lower().split() for text in words]
    terms = sorted({term for i in train for term in tokens[i]})
    column = {term: j for j, term in enumerate(terms)}
    X = np.zeros((len(words), len(terms)))
    for i, of_text in enumerate(tokens):
        for term in of_text:
            if term in column:
                X[i, column[term]] += 1
    frequency = (X[train] > 0).sum(axis=0)
    X = np.log1p(X) * (np.log((1 + len(train)) / (1 + frequency)) + 1)
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)


def hidden_layer(X, labels, train, rng):
    """The hidden layer (n, WIDTH) of a network fitted to the labels of the utterances ``train``."""
    N = labels.max() + 1
    params = nn.cast({"hidden": nn.init_dense(rng, X.shape[1], WIDTH),
                      "label": nn.init_dense(rng, WIDTH, N)}, "float32")
    state, y, X = nn.init_adam(params), np.eye(N, dtype="float32")[labels], X.astype("float32")

    def hidden(params, x, rng=None):
        h = ops.dense_layer(params["hidden"], x, "leaky_relu_0.2")
        return ops.dropout(h, 0.5, rng)

    def cross_entropy(params, x, y):
        logits = ops.dense_layer(params["label"], hidden(params, x, rng), "identity")
        return -ops.mean(ops.log_softmax(logits) * y)

    for _ in range(TEXT_EPOCHS):
        for rows in np.array_split(rng.permutation(train), len(train) // 50):
            def loss(params, rows=rows):
                return cross_entropy(params, X[rows], y[rows])

            _, gradient = nn.value_and_grad(loss, params)
            nn.adam(state, params, gradient, 1e-3)
    return hidden(params, X)


if __name__ == "__main__":
    markdown = choice(load("mosi", source="real"))
    files.write_text(Path(__file__).with_name("choice.md"), markdown)
    print(markdown)

"""How the UCLN's epochs were chosen: text features that know the labels of other folds alone."""

from dataclasses import replace

import numpy as np

import leak
from argf_np.data import synthesise


def test_features_know_the_labels_of_the_other_folds_and_none_of_the_held_out_one(monkeypatch):
    """No utterance of the real test set is in a split, and no label of it is read."""
    monkeypatch.setattr(leak, "TEXT_EPOCHS", 2)
    corpus = synthesise()
    leaky = leak.leaky_corpus(corpus, 1)
    videos = np.concatenate([leaky.split["train"], leaky.split["test"]])
    labelled = np.concatenate([corpus.split["train"], corpus.split["validation"]])
    assert sorted(videos) == sorted(labelled)
    for split, same in (("test", True), ("train", False)):
        labels = corpus.labels.copy()
        labels[leaky.utterances(split)] ^= 1
        labels[corpus.utterances("test")] ^= 1
        other = leak.leaky_corpus(replace(corpus, labels=labels), 1)
        assert np.array_equal(other.features["l"], leaky.features["l"]) == same


def test_tfidf_by_hand():
    """The terms of the first two texts alone count, and rows have length 1."""
    X = leak.tfidf(["a a b", "b", "c"], [0, 1])
    a = np.log(3) * (np.log(3 / 2) + 1)
    b = np.log(2) * (np.log(3 / 3) + 1)
    expected = np.array([[a, b], [0, b], [0, 0]])
    expected[:2] /= np.linalg.norm(expected[:2], axis=1, keepdims=True)
    np.testing.assert_allclose(X, expected, rtol=1e-12)

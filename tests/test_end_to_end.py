"""The whole system where the truth is known: only all three modalities together give the label."""

import numpy as np
import pytest

from argf_np import data
from argf_np.paper import protocols, ucln
from argf_np.paper.vertices import UNIMODAL
from argf_np.settings import preset

SETTINGS = preset("mosi", epochs=10)


@pytest.fixture(scope="module")
def trimodal():
    """A corpus, what its UCLNs give, and its split.

    The features are (3, n, d), the class probabilities of each modality alone (3, n, N).
    """
    corpus = data.standardise(data.synthesise(signals={"alv": 1}))
    y = np.eye(len(corpus.classes), dtype="float32")[corpus.labels]
    videos, outputs = corpus.split["train"], []
    for number, m in enumerate(UNIMODAL):
        x, rng = corpus.features[m], np.random.default_rng([0, 1, number])
        params = ucln.train_ucln(x, y, corpus.starts, videos, SETTINGS, rng)
        outputs.append(ucln.apply_ucln(params, x, corpus.starts, SETTINGS))
    features = np.stack([output[0] for output in outputs])
    probabilities = np.stack([output[1] for output in outputs])
    return corpus, features, probabilities, {
        split: corpus.utterances(split) for split in corpus.split}


def balanced_accuracy(corpus, rows, probabilities):
    """Mean accuracy over classes: 1/2 is chance, however unevenly the classes are spread."""
    labels = corpus.labels[rows]
    right = probabilities.argmax(axis=1) == labels
    return np.mean([right[labels == c].mean() for c in range(len(corpus.classes))])


@pytest.mark.parametrize("m", range(3), ids=UNIMODAL)
def test_each_modality_alone_is_at_chance(m, trimodal):
    corpus, _, probabilities, rows = trimodal
    accuracy = balanced_accuracy(corpus, rows["test"], probabilities[m][rows["test"]])
    assert abs(accuracy - 0.5) < 0.05


def test_argf_finds_what_only_three_modalities_together_say(trimodal):
    corpus, features, _, rows = trimodal
    fitted = protocols.train(features, np.eye(2)[corpus.labels], rows, SETTINGS)
    P, labels = fitted["probabilities"], corpus.labels[rows["test"]]
    assert balanced_accuracy(corpus, rows["test"], P) > 0.9
    assert np.mean(P.argmax(axis=1) == labels) > 0.9

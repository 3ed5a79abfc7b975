"""The whole system on a corpus whose truth is known: only all three modalities together tell the label."""

import numpy as np
import pytest

from argf_np import data
from argf_np.paper import protocols, ucln
from argf_np.paper.vertices import UNIMODAL
from argf_np.settings import preset

SETTINGS = preset("mosi", epochs=10)


@pytest.fixture(scope="module")
def trimodal():
    """The corpus, the outputs of its UCLNs (features (3, n, d), probabilities (3, n, N)) and its split."""
    corpus = data.standardise(data.synthesise(signals={"alv": 1}))
    y = np.eye(len(corpus.classes), dtype="float32")[corpus.labels]
    outputs = []
    for number, m in enumerate(UNIMODAL):
        x, rng = corpus.features[m], np.random.default_rng([0, 1, number])
        params = ucln.train_ucln(x, y, corpus.starts, corpus.split["train"], SETTINGS, rng)
        outputs.append(ucln.apply_ucln(params, x, corpus.starts, SETTINGS))
    features, probabilities = map(np.stack, zip(*outputs, strict=True))
    return corpus, features, probabilities, {split: corpus.utterances(split) for split in corpus.split}


def balanced_accuracy(corpus, rows, probabilities):
    """Mean accuracy over classes: 1/2 is chance, however unevenly the classes are spread."""
    right = probabilities.argmax(axis=1) == corpus.labels[rows]
    return np.mean([right[corpus.labels[rows] == c].mean() for c in range(len(corpus.classes))])


def test_each_modality_alone_is_at_chance(trimodal):
    corpus, _, probabilities, rows = trimodal
    for m in range(3):
        assert abs(balanced_accuracy(corpus, rows["test"], probabilities[m][rows["test"]]) - 0.5) < 0.05, UNIMODAL[m]


def test_argf_finds_what_only_three_modalities_together_say(trimodal):
    corpus, features, _, rows = trimodal
    fitted = protocols.train(features, np.eye(2)[corpus.labels], rows, SETTINGS)
    assert balanced_accuracy(corpus, rows["test"], fitted["probabilities"]) > 0.9
    assert np.mean(fitted["probabilities"].argmax(axis=1) == corpus.labels[rows["test"]]) > 0.9

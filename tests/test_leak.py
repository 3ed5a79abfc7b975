"""How the epochs of the UCLN are chosen: a leak like that of the published features, among labelled videos alone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from argf_np.data import synthesise
from argf_np.experiments import leak


@pytest.fixture(scope="module")
def corpus():
    return synthesise()


def test_tfidf_is_its_formula():
    words, train = ["a fine fine film", "a dull film", "a fine end unseen"], [0, 1]
    X = leak.tfidf(words, np.array(train))
    terms = ["a", "dull", "film", "fine"]  # of the training utterances
    for row, text in zip(X, words, strict=True):
        expected = [math.log(1 + text.split().count(t)) * (math.log(3 / (1 + sum(t in words[i].split() for i in train)))
                                                           + 1) for t in terms]
        np.testing.assert_allclose(row, np.array(expected) / math.sqrt(sum(value ** 2 for value in expected)))


def test_folds_deal_out_the_labelled_videos_and_no_other(corpus):
    leaky = [leak.leaky_corpus(corpus, fold).split for fold in range(leak.FOLDS)]
    labelled = {*corpus.split["train"], *corpus.split["validation"]}
    assert sorted(video for split in leaky for video in split["test"]) == sorted(labelled)
    for split in leaky:
        assert {*split["train"]} == labelled - {*split["test"]}
        assert not len(split["validation"])


def test_text_knows_the_labels_it_was_fitted_to_and_no_others(corpus):
    leaky = leak.leaky_corpus(corpus, 0)
    held_out = np.concatenate([np.isin(np.repeat(np.arange(93), corpus.lengths), videos).nonzero()[0]
                               for videos in (leaky.split["test"], corpus.split["test"])])
    other = corpus.labels.copy()
    other[held_out] = 1 - other[held_out]
    same = leak.leaky_corpus(replace(corpus, labels=other), 0)
    np.testing.assert_array_equal(same.features["l"], leaky.features["l"])
    other[leaky.utterances("train")[0]] ^= 1
    assert not np.array_equal(leak.leaky_corpus(replace(corpus, labels=other), 0).features["l"], leaky.features["l"])


def test_table_has_a_column_for_each_number_of_epochs(corpus, monkeypatch):
    monkeypatch.setattr(leak, "EPOCHS", (1, 2))
    text = leak.choice(corpus)
    assert text.startswith("## How the epochs of the UCLN were chosen, MOSI, synthetic data\n\nThe text and video")
    header, _, row = [line.split(" | ") for line in text.strip().split("\n")[-3:]]
    assert header[1:] == ["1", "2 |"]
    assert all(50 < float(cell.rstrip(" |")) < 100 for cell in row[1:])

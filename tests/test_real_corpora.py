"""Real data beside the checkout: IEMOCAP as rebuilt, and the UCLN outputs of ARGF's authors."""

import numpy as np
import pytest

from argf_np import ARGF
from argf_np.data import load, read, reason_for_distrust, standardise
from argf_np.data.check import linear_scores


@pytest.fixture(scope="module")
def iemocap(real_data):
    return read(real_data("iemocap/iemocap.npz"))


@pytest.fixture(scope="module")
def outputs(real_data):
    return read(real_data("mosi_ucln/unimodal_mosi_2way.pickle"))


def sizes(corpus):
    """Videos and utterances of each split."""
    return {split: (len(corpus.split[split]), len(corpus.utterances(split)))
            for split in corpus.split}


def test_iemocap_is_read_as_it_is(iemocap):
    """Six emotions, three modalities; one utterance lacks two of them."""
    assert sizes(iemocap) == {"train": (96, 4667), "validation": (24, 1143), "test": (31, 1623)}
    assert len(iemocap.classes) == 6
    assert {m: x.shape[1] for m, x in iemocap.features.items()} == {"a": 3, "d": 8, "l": 100}
    missing = {m: int(np.isnan(x[:, 0]).sum()) for m, x in iemocap.features.items()}
    assert missing == {"a": 1, "d": 1, "l": 0}


def test_validation_of_iemocap_can_be_trusted(iemocap):
    assert reason_for_distrust(iemocap) is None


def test_modalities_of_iemocap_add_to_one_another(iemocap):
    """Linear models on the validation split: every modality beats guessing, all beat each."""
    z = standardise(iemocap).features
    rows = {split: iemocap.utterances(split) for split in ("train", "validation")}
    truth = iemocap.labels[rows["validation"]]

    def right(x):
        scores = linear_scores(x, iemocap.labels, rows)["validation"]
        return np.mean(scores.argmax(axis=1) == truth)

    alone = [right(np.asarray(x[:])) for x in z.values()]
    frequent = np.bincount(iemocap.labels[rows["train"]]).argmax()
    assert min(alone) > np.mean(truth == frequent)
    assert right(np.hstack([x[:] for x in z.values()])) > max(alone) + 0.05


def test_outputs_of_the_authors_are_of_the_papers_videos(outputs, mosi_dir):
    """The same split and, utterance by utterance, the same labels as the published CSV files."""
    published = load("mosi", mosi_dir, source="real")
    assert outputs.contextual
    assert sizes(outputs) == sizes(published)
    np.testing.assert_array_equal(outputs.labels, published.labels)
    np.testing.assert_array_equal(outputs.starts, published.starts)


def test_validation_of_the_authors_outputs_cannot_be_trusted(outputs):
    """They were made from the same features as ours, which knew the labels."""
    assert reason_for_distrust(outputs) == (
        "these features of MOSI were made with the labels of training and validation")


def test_argf_learns_from_the_authors_outputs(outputs):
    """Two epochs of a small network are ahead of the most frequent class, 62.1 %, by far."""
    model = ARGF(epochs=2, k=8, lr=0.01).fit(outputs)
    test = outputs.utterances("test")
    assert np.mean(model.trained["probabilities"].argmax(axis=1) == outputs.labels[test]) > 0.7

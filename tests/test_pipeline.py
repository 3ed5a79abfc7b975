"""The way from raw features to a trained network: which UCLNs are trained, on what, how long."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from argf_np import pipeline
from argf_np.commands import Progress
from argf_np.data import Corpus
from argf_np.errors import NotFiniteError
from argf_np.paper import ucln
from argf_np.settings import Settings

SETTINGS = Settings(dataset="mine", modalities="face,speech", target="face", d=3, k=2, epochs=1,
                    batch_size=4, ucln_epochs=12, ucln_patience=2)
STARTS = np.array([0, 2, 3, 5, 6, 8, 10])


@pytest.fixture
def corpus(rng):
    """Six videos of ten utterances, three classes and two modalities."""
    names = tuple("abcdefghij")
    labels = np.arange(10) % 3
    features = {"face": rng.standard_normal((10, 2)), "speech": rng.standard_normal((10, 4))}
    split = {"train": np.array([0, 2, 3]), "validation": np.array([1, 4]), "test": np.array([5])}
    return Corpus("mine", "real", ("x", "y", "z"), names[:6], STARTS, names, names, features,
                  labels, split)


@pytest.fixture
def trained(monkeypatch):
    """The arguments of every `train_ucln`, in a list that fills. The networks are small."""
    calls, function = [], ucln.train_ucln
    monkeypatch.setattr(ucln, "HIDDEN", 2)

    def train_and_record(*arguments):
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(pipeline, "train_ucln", train_and_record)
    return calls


def train_uclns(corpus, settings=SETTINGS, validation=(1, 4)):
    progress, validation = Progress(quiet=True, stream=sys.stderr), np.array(validation, int)
    return pipeline.train_uclns(corpus, settings, progress, validation)


# The cache


def relabelled(corpus, utterance):
    labels = corpus.labels.copy()
    labels[utterance] = (labels[utterance] + 1) % 3
    return replace(corpus, labels=labels)


def exchanged(corpus):
    """Other videos for training and validation, with the same labels in the same order."""
    other = replace(corpus, split={
        "train": np.array([4, 2, 3]), "validation": np.array([1, 0]), "test": np.array([5])})
    for split in ("train", "validation"):
        labels = [one.labels[one.utterances(split)].tolist() for one in (corpus, other)]
        assert labels[0] == labels[1]
    return other


OTHER_CORPORA = {
    "the label of a training utterance": lambda corpus: relabelled(corpus, 0),
    "the label of a validation utterance": lambda corpus: relabelled(corpus, 2),
    "which videos train": exchanged,
    "where a training video begins": lambda corpus: replace(
        corpus, starts=np.array([0, 2, 3, 4, 6, 8, 10])),
    "one more class": lambda corpus: replace(corpus, classes=("x", "y", "z", "never")),
    "the features of a test utterance": lambda corpus: replace(
        corpus, features={m: np.concatenate([x[:9], x[9:] + 1e-6])
                          for m, x in corpus.features.items()}),
}
OTHER_SETTINGS = [{"seed": 1}, {"d": 4}, {"dtype": "float64"}, {"ucln_epochs": 11},
                  {"ucln_input_drop_rate": 0.3}, {"ucln_drop_rate": 0.3}, {"ucln_patience": 3}]


@pytest.mark.parametrize("change", OTHER_CORPORA.values(), ids=OTHER_CORPORA.keys())
def test_on_other_data_the_uclns_are_trained_anew(change, corpus, trained):
    train_uclns(corpus)
    train_uclns(corpus)
    assert len(trained) == 2, "one per modality, and the second time none"
    train_uclns(change(corpus))
    assert len(trained) == 4


@pytest.mark.parametrize("changes", OTHER_SETTINGS, ids=str)
def test_with_other_settings_the_uclns_are_trained_anew(changes, corpus, trained):
    train_uclns(corpus)
    train_uclns(corpus, replace(SETTINGS, **changes))
    assert len(trained) == 4


def test_with_other_validation_videos_the_uclns_are_trained_anew(corpus, trained):
    for validation in ((1, 4), (1,), ()):
        train_uclns(corpus, validation=validation)
    assert len(trained) == 6


def test_by_another_version_the_uclns_are_trained_anew(corpus, trained, monkeypatch):
    train_uclns(corpus)
    monkeypatch.setattr(pipeline, "__version__", "0.0.1")
    train_uclns(corpus)
    assert len(trained) == 4


def test_what_a_ucln_does_not_read_does_not_train_it_anew(corpus, trained):
    """Settings of the rest of the network, and labels of the test utterances."""
    train_uclns(corpus)
    train_uclns(relabelled(corpus, 9))
    train_uclns(corpus, replace(SETTINGS, k=5, lr=0.5, variant="released", protocol="validation"))
    assert len(trained) == 2


# What a UCLN is trained on


@pytest.mark.parametrize("names", ["alv", ("face", "speech", "text")])
def test_each_modality_has_random_numbers_of_its_own(names, corpus, trained):
    """So three modalities with equal features have three different UCLNs."""
    same = replace(corpus, features=dict.fromkeys(names, corpus.features["face"]))
    settings = replace(SETTINGS, modalities=",".join(names), target=names[0])
    found = [one["params"]["dense"]["W"].tobytes() for one in train_uclns(same, settings).values()]
    assert len({*found}) == 3


@pytest.mark.parametrize(("reason", "validation", "epochs"), [
    (None, [1, 4], 12), ("it knows the labels", [], 10)])
def test_uclns_stop_by_validation_where_it_can_be_trusted_and_else_after_10_epochs(
        reason, validation, epochs, corpus, trained, monkeypatch, capsys):
    """They see the training videos alone."""
    monkeypatch.setattr(pipeline, "reason_for_distrust", lambda corpus: reason)
    pipeline.train(corpus, SETTINGS)
    assert len(trained) == 2
    for _, _, _, videos, settings, _, _, stopping in trained:
        assert videos.tolist() == [0, 2, 3]
        assert stopping.tolist() == validation
        assert settings.ucln_epochs == epochs
    said = capsys.readouterr().err
    expected = ("notice: the UCLNs train for 10 epochs and do not stop by the validation split: "
                "it knows the labels\n")
    assert said == (expected if reason else "")


@pytest.mark.parametrize(("changes", "epochs"), [
    ({"ucln_patience": 0}, 12), ({"ucln_epochs": 7}, 7)], ids=str)
def test_fewer_epochs_and_no_early_stopping_stay_as_they_are_set(
        changes, epochs, corpus, trained, monkeypatch):
    monkeypatch.setattr(pipeline, "reason_for_distrust", lambda corpus: "it knows the labels")
    pipeline.train(corpus, replace(SETTINGS, **changes))
    assert {(arguments[4].ucln_epochs, len(arguments[7])) for arguments in trained} == {(epochs, 0)}


def test_of_ucln_outputs_nothing_is_said_about_uclns(corpus, trained, capsys):
    """There are none to stop, whatever the patience is."""
    outputs = dict.fromkeys(("face", "speech"), corpus.features["face"])
    pipeline.train(replace(corpus, features=outputs, contextual=True), SETTINGS)
    assert trained == []
    assert capsys.readouterr().err == ""


# What is too large or not finite


def test_the_largest_feature_is_in_the_video_and_may_be_negative(corpus):
    face = corpus.features["face"]
    face[2] = 9  # the video before
    face[4, 1] = -5
    assert [pipeline.largest_of_video(corpus, "face", row) for row in (3, 4)] == [4, 4]


def test_a_probability_that_is_not_finite_is_of_a_test_utterance(corpus, trained, monkeypatch):
    """Here of the second of the two, which is the last of all."""
    probabilities = np.array([[0.5, 0.3, 0.2], [np.nan, 0.5, 0.5]])
    monkeypatch.setattr(pipeline, "train_model",
                        lambda *arguments: {"probabilities": probabilities})
    with pytest.raises(NotFiniteError, match=r"^the probabilities of utterance j are not finite$"):
        pipeline.train(corpus, SETTINGS)


# The digest of a corpus


def test_digest_is_another_for_whatever_changes_a_result(corpus):
    """Moved boundaries of the videos, too: the UCLNs and the intervals depend on them."""
    moved = STARTS.copy()
    moved[2] += 1
    assert moved[2] < moved[3]
    speech = {"speech": corpus.features["speech"] + 1}
    others = [corpus, replace(corpus, starts=moved), replace(corpus, classes=("x", "y", "w")),
              relabelled(corpus, 0), exchanged(corpus),
              replace(corpus, features=corpus.features | speech)]
    digests = {pipeline.corpus_fingerprint(other) for other in others}
    assert len(digests) == len(others)
    renamed = replace(corpus, name="yours", video_ids=tuple("uvwxyz"))
    assert pipeline.corpus_fingerprint(renamed) == pipeline.corpus_fingerprint(corpus)

"""Corpora of any shape, drawn by Hypothesis: read, checked, standardised, padded, trained on."""

import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from formats import write_folder
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from argf_np.data import DataError, read, require_trainable, standardise
from argf_np.data.check import report
from argf_np.paper import protocols, ucln
from argf_np.paper.ucln import pad, unpad
from argf_np.settings import Settings

SPLITS = ("train", "validation", "test")
NAMES = ["speech", "pulse", "a", "face_2"]
LETTERS = st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"])
WORDS = st.text(LETTERS, max_size=6)


@st.composite
def rows(draw, most=200):
    """Columns and features of the own-data format: any lengths, and perhaps no labels,
    equal features or missing modalities."""
    lengths = draw(st.lists(st.integers(1, 4) | st.integers(1, most), min_size=1, max_size=6))
    n, rng = sum(lengths), np.random.default_rng(draw(st.integers(0, 99)))
    columns = {"video": np.repeat([f"v {i}" for i in range(len(lengths))], lengths).tolist(),
               "order": [t for length in lengths for t in range(length)]}
    part = draw(st.lists(st.sampled_from(SPLITS), min_size=len(lengths), max_size=len(lengths)))
    columns["split"] = np.repeat(part, lengths).tolist()
    if names := draw(st.lists(st.sampled_from(["no", "yes", "-3", "7"]), max_size=4, unique=True)):
        columns["label"] = rng.choice(names, size=n).tolist()
    if draw(st.booleans()):
        words = draw(st.lists(WORDS, min_size=1, max_size=3))
        columns["words"] = rng.choice(words, size=n).tolist()
    features = {}
    for m in draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True)):
        x = rng.normal(draw(st.sampled_from([0, 1e3, -1e-6])), draw(st.sampled_from([0, 1e-3, 50])),
                       size=(n, draw(st.integers(1, 5))))
        x[rng.random(n) < draw(st.sampled_from([0, 0, 0.3, 1]))] = np.nan
        features[m] = x.astype(draw(st.sampled_from(["f4", "f8"])))
    return columns, features


@given(rows(), st.sampled_from(["npz", "csv", "npy"]), st.booleans(), st.data())
@settings(max_examples=60)
def test_what_is_written_is_read_checked_standardised_and_padded(written, form, shuffle, data):
    columns, features = written
    n = len(columns["video"])
    place = np.random.default_rng(0).permutation(n) if shuffle else np.arange(n)
    shuffled_columns = {key: [column[i] for i in place] for key, column in columns.items()}
    shuffled_features = {m: x[place] for m, x in features.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.npz"
        if form == "npz":
            np.savez(path, **shuffled_columns, **shuffled_features)
        else:
            path = path.with_suffix("")
            npy = features if form == "npy" else ()
            write_folder(path, shuffled_columns, shuffled_features, npy=npy)
        corpus = read(path)

        at = {name: i for i, name in enumerate(corpus.ids)}
        assert list(corpus.features) == sorted(features)
        names = zip(columns["video"], columns["order"], strict=True)
        rows_of = [at[f"{video}_{t}"] for video, t in names]
        assert sorted(rows_of) == list(range(n))
        for m, x in features.items():
            np.testing.assert_array_equal(np.array(corpus.features[m])[rows_of], x)
        for i, row in enumerate(rows_of):
            assert corpus.words[row] == (columns.get("words", [""] * n)[i] or corpus.ids[row])
            if "label" in columns:
                assert corpus.classes[corpus.labels[row]] == columns["label"][i]
        for split in SPLITS:
            assert sorted(corpus.utterances(split)) == sorted(
                row for row, part in zip(rows_of, columns["split"], strict=True) if part == split)

        assert_trainable_or_not(corpus, columns, features)
        if not all(there.any() for there in in_training(columns, features)):
            with pytest.raises(DataError, match="no training utterance has the modality"):
                standardise(corpus)
            return
        z = standardise(corpus)
        assert_standardised(z, corpus)
        numbers = st.integers(0, len(corpus.video_ids) - 1)
        videos = data.draw(st.lists(numbers, min_size=1, max_size=8))
        expected = [row for i in videos for row in range(corpus.starts[i], corpus.starts[i + 1])]
        for x in z.features.values():
            padded, mask = pad(x, z.starts, videos)
            assert padded.shape == (len(videos), max(z.lengths[videos]), x.shape[1])
            assert (padded[~mask] == 0).all()
            np.testing.assert_array_equal(unpad(padded, mask), x[expected])


def in_training(columns, features):
    """Whether each training utterance has the modality, for each modality."""
    train = [part == "train" for part in columns["split"]]
    return [~np.isnan(x[train, 0]) for x in features.values()]


def assert_trainable_or_not(corpus, columns, features):
    """`require_trainable` judges as the columns say it should, and the check reports the same."""
    labelled = [*zip(columns.get("label", ()), columns["split"], strict=False)]
    labels = {name for name, _ in labelled}
    trained = {name for name, part in labelled if part == "train"}
    good = ("test" in columns["split"] and len(labels) > 1 and labels == trained
            and all(there.any() for there in in_training(columns, features)))
    try:
        require_trainable(corpus)
        refused = False
    except DataError:
        refused = True
    text = report(corpus)
    assert refused == ("not for training" in text) == (not good)


def assert_standardised(z, corpus):
    train = corpus.utterances("train")
    for m, x in z.features.items():
        raw, x = np.array(corpus.features[m], float), x[:]
        there = ~np.isnan(raw).any(axis=1)
        assert np.isfinite(x).all()
        assert (x[~there] == 0).all()
        trained = x[train][there[train]]
        constant = np.ptp(raw[train][there[train]], axis=0) == 0
        np.testing.assert_allclose(trained.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(trained.std(axis=0), ~constant, atol=1e-6)


@given(rows(most=9), st.integers(1, 5), st.sampled_from(["paper", "released"]))
@settings(max_examples=25)
@example(({"video": list("ab"), "order": [1] * 2, "split": ["train", "test"]},
          {"p": np.ones((2, 1)), "q": np.ones((2, 4))}), 2, "paper")
@example(({"video": list("abc"), "order": [1] * 3, "split": list(SPLITS)},
          {"p": np.ones((3, 1)), "q": np.ones((3, 4))}), 2, "released")
@example(({"video": list("aaabc"), "order": [1, 2, 3, 1, 1], "split": ["train"] * 2 + list(SPLITS)},
          {"p": np.ones((5, 1)), "q": np.eye(5)}), 2, "paper")
def test_every_corpus_with_training_and_test_utterances_can_be_trained_on(
        written, batch_size, variant):
    """All results are finite, even with a single utterance, a last batch of one, equal features,
    a class that is absent from a split, or nothing to validate on."""
    columns, features = written
    columns = columns | {"label": [("no", "yes")[i % 2] for i in range(len(columns["video"]))]}
    assume({"train", "test"} <= {*columns["split"]})
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "x.npz", **columns, **features)
        try:
            corpus = standardise(read(Path(folder) / "x.npz"))
        except DataError:
            return
    rng, names = np.random.default_rng(0), list(corpus.features)
    run = Settings(modalities=",".join(names), target=names[0], k=2, d=4, epochs=1,
                   ucln_epochs=1, batch_size=batch_size, variant=variant)
    y = np.eye(len(corpus.classes), dtype=np.float32)[corpus.labels]
    features, probabilities = [], []
    with mock.patch.object(ucln, "HIDDEN", 3):
        for m in names:
            raw = corpus.features[m]
            params = ucln.train_ucln(raw, y, corpus.starts, corpus.split["train"], run, rng)
            of_ucln, M = ucln.apply_ucln(params, raw, corpus.starts, run)
            features.append(of_ucln)
            probabilities.append(M)
    utterances = {split: corpus.utterances(split) for split in SPLITS}
    trained = protocols.train(np.stack(features), y, utterances, run)
    for M in (trained["probabilities"], *probabilities):
        np.testing.assert_allclose(M.sum(axis=1), 1, rtol=1e-5)
    assert len(trained["probabilities"]) == len(corpus.utterances("test"))

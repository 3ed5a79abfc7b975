"""Which data is one of the paper's: its content says so, or the user; never the name of a file."""

import pickle

import numpy as np
import pytest
from formats import (
    draw_mmsa,
    own_rows,
    write_contextual,
    write_dialogues,
    write_mmsa,
    write_published,
    write_tuples,
)

from argf_np.data import DATASETS, DataError, load, read, synthesise
from argf_np.data.formats.pickled import to_classes
from argf_np.data.published import MOSI_VIDEOS

PARTS = {"train": ["b_x", "a", "f"], "valid": ["c"], "test": ["d", "e$_$1"]}


def rewrite(path, change):
    """Read a pickle, change what it holds, and write it back."""
    path.write_bytes(pickle.dumps(change(pickle.loads(path.read_bytes()))))


@pytest.mark.parametrize("name", DATASETS)
def test_a_file_of_ones_own_is_no_published_data_set_whatever_its_name(tmp_path, name):
    columns, features = own_rows()
    np.savez(tmp_path / f"{name}.npz", **columns, **features)
    found = load(tmp_path / f"{name}.npz")
    assert found.published is None
    assert found.classes == ("10", "calm", "tense")
    with pytest.raises(DataError, match="label 10, expected one of " + DATASETS[name].classes[0]):
        load(name, tmp_path)  # the user says that it is, and then its classes must be, too


def test_a_file_of_ones_own_is_one_if_the_user_says_so(tmp_path):
    columns, features = own_rows()
    names = {"10": "sad", "calm": "neutral", "tense": "happy"}
    labels = [names[label] for label in columns["label"]]
    (tmp_path / "iemocap").mkdir()
    np.savez(tmp_path / "iemocap" / "iemocap.npz", **columns | {"label": labels}, **features)
    found = load("iemocap", tmp_path)
    assert found.published == found.name == "iemocap"
    assert found.classes == DATASETS["iemocap"].classes
    assert [found.classes[c] for c in found.labels] == [labels[row] for row in found.row]


def test_published_files_are_known_by_their_content(tmp_path):
    write_published(tmp_path / "folder")
    assert read(tmp_path / "folder").published == "mosi"
    write_contextual(tmp_path / "outputs")
    assert read(tmp_path / "outputs").published == "mosi"
    write_dialogues(tmp_path / "dialogues")
    assert read(tmp_path / "dialogues").published == "iemocap"
    assert read(write_tuples(tmp_path, 7)[1]).published == "mosi"
    assert synthesise(name="mosei").published == "mosei"


def test_tuples_of_other_videos_are_data_of_ones_own(tmp_path, capsys):
    """With all their classes, by whole numbers, and a fifth of the training videos to validate."""
    path = write_tuples(tmp_path, 7)[1]
    for file in tmp_path.glob("*_2way.pickle"):
        rewrite(file, lambda v: (v[0][:41], v[1][:41] + 2, *v[2:5], v[5][:41], v[6]))
    found = read(path)
    assert found.published is None
    assert found.name == tmp_path.name
    assert found.classes == ("0", "1", "2", "3")
    assert found.integer_classes
    assert {split: len(videos) for split, videos in found.split.items()} == {
        "train": 33, "validation": 8, "test": 31}
    assert "41 training and 31 test videos are none of the paper's data sets; the last 8" in (
        capsys.readouterr().err)
    with pytest.raises(DataError, match=r"label [23], expected negative, positive"):
        read(path, "mosi")


def test_real_labels_of_other_videos_are_classes_by_sign(tmp_path):
    path = write_tuples(tmp_path, 13, ending="_3way.pickle")[1]
    for file in tmp_path.glob("*_3way.pickle"):
        rewrite(file, lambda v: (v[0][:30], v[1][:30] - 0.1, *v[2:7], v[7][:30], *v[8:]))
    found = read(path)
    assert found.published is None
    assert set(found.classes) <= {"negative", "neutral", "positive"}


def test_ucln_outputs_of_other_videos_are_data_of_ones_own(tmp_path):
    write_contextual(tmp_path / "mosi")
    rewrite(tmp_path / "mosi", lambda value: {
        key: x[:50] if "train" in key else x for key, x in value.items()})
    found = read(tmp_path / "mosi")
    assert (found.published, found.contextual, found.name) == (None, True, "mosi")
    assert len(found.split["train"]) == 40


def labelled(videos, path, **labels):
    """An MMSA file in which further labels are functions of the regression label."""
    write_mmsa(path, videos, False)
    value = pickle.loads(path.read_bytes())
    for part in value.values():
        for key, function in labels.items():
            part[key] = [function(x) for x in part["regression_labels"]]
    path.write_bytes(pickle.dumps(value))


@pytest.mark.parametrize(("labels", "classes"), [
    ({"annotations": lambda x: ("Negative", "Neutral", "Positive")[int(np.sign(x)) + 1]},
     ("Negative", "Neutral", "Positive")),
    ({"classification_labels": lambda x: int(x > 0)}, ("0", "1")),
    ({"annotations": lambda x: "Neutral", "classification_labels": lambda x: int(x >= 0) + 4},
     ("4", "5")),
    ({}, ("negative", "neutral", "positive")),
])
def test_another_corpus_that_mmsa_packed_keeps_its_own_classes(tmp_path, capsys, labels, classes):
    videos = draw_mmsa(PARTS, seed=4)
    labelled(videos, tmp_path / "mosei.pkl", **labels)
    found = read(tmp_path / "mosei.pkl")
    assert (found.published, found.classes) == (None, classes)
    assert found.integer_classes == classes[0].isdigit()
    assert "none of the paper's data sets; its classes are from" in capsys.readouterr().err
    told = next((labels[key] for key in ("classification_labels", "annotations") if key in labels),
                lambda x: ("negative", "neutral", "positive")[int(np.sign(x)) + 1])
    real = {f"{video}_{segment}": utterance[0] for part in videos.values()
            for video, segments in part.items() for segment, utterance in segments.items()}
    for name, label in zip(found.ids, found.labels, strict=True):
        assert found.classes[label] == str(told(real[name]))


def test_a_corpus_with_some_videos_of_mosi_is_not_mosi(tmp_path):
    [known, *_] = MOSI_VIDEOS["train"]
    write_mmsa(tmp_path / "x", draw_mmsa(PARTS | {"train": [known, "a", "f"]}), False)
    assert read(tmp_path / "x").published is None


def test_minus_zero_is_no_class_of_its_own():
    labels, classes = to_classes("x", None, np.array([-0.0, 1.0, -0.0]))
    assert classes == ("0", "1")
    assert labels.tolist() == [0, 1, 0]


def test_mosei_is_known_by_its_counts(tmp_path, monkeypatch):
    write_mmsa(tmp_path / "x", draw_mmsa(PARTS), False)
    value = pickle.loads((tmp_path / "x").read_bytes())
    assert read(tmp_path / "x").published is None
    assert read(tmp_path / "x", "mosei").published == "mosei"
    counts = [len(part["id"]) for part in value.values()]
    monkeypatch.setattr("argf_np.data.formats.mmsa.MOSEI", counts)
    assert read(tmp_path / "x").published == "mosei"

"""Your own data: the archive and the folder, missing modalities, memory-mapped features, check."""

import io
import re
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from formats import own_rows, write_csv, write_folder

from argf_np.data import (
    DataError,
    corpus,
    from_arrays,
    load,
    moments,
    read,
    require_trainable,
    standardise,
    synthesise,
)
from argf_np.data.__main__ import main
from argf_np.data.check import report
from argf_np.data.formats import own

CLASSES = ("10", "calm", "tense")


def save(path, columns, features):
    np.savez(path, **columns, **features)
    return path


def shuffled(columns, features, seed=1):
    place = np.random.default_rng(seed).permutation(len(columns["video"]))
    return {name: [x[i] for i in place] for name, x in columns.items()}, {
        m: x[place] for m, x in features.items()
    }


def assert_holds(found, columns, features):
    """The corpus is these rows, which stand video by video, by a loop over them."""
    videos = list(dict.fromkeys(columns["video"]))
    assert set(found.video_ids) == set(videos)
    assert found.classes == CLASSES
    assert list(found.features) == sorted(features)
    at = {name: row for row, name in enumerate(found.ids)}
    for row, (video, order) in enumerate(zip(columns["video"], columns["order"], strict=True)):
        u = at[f"{video}_{order}"]
        i = found.video_ids.index(video)
        assert found.starts[i] <= u < found.starts[i + 1]
        assert i in found.split[columns["split"][row]]
        assert found.classes[found.labels[u]] == columns["label"][row]
        for m, x in features.items():
            np.testing.assert_array_equal(found.features[m][u], x[row])
    for start, end in zip(found.starts, found.starts[1:], strict=False):
        orders = [float(name.rpartition("_")[2]) for name in found.ids[start:end]]
        assert orders == sorted(orders)


@pytest.mark.parametrize("arrange", [lambda *rows: rows, shuffled], ids=["in order", "shuffled"])
def test_every_way_to_write_the_same_rows(tmp_path, arrange, capsys):
    columns, features = arrange(*own_rows())
    write_folder(tmp_path / "csv", columns, features)
    write_folder(tmp_path / "npy", columns, features, npy=("speech",))
    save(tmp_path / "archive.npz", columns, features)
    for name in ("archive.npz", "csv", "npy"):
        found = load(str(tmp_path / name))
        assert (found.name, found.source, found.contextual) == (
            name.removesuffix(".npz"),
            "real",
            False,
        )
        assert_holds(found, columns, features)
    mapped = isinstance(found.features["speech"], np.memmap)
    assert mapped == (arrange is not shuffled)
    assert ("sorted, in memory" in capsys.readouterr().err) != mapped


def test_the_example_of_the_format(tmp_path, monkeypatch):
    """The lines in the description write an archive that loads."""
    monkeypatch.chdir(tmp_path)
    example = re.search(r"\n\n((?:    .+\n)+)", own.FORMAT)[1]
    assert example.count("\n") == 10
    exec(textwrap.dedent(example), {})
    found = load("mine.npz")
    assert list(found.features) == ["face", "speech"]
    assert found.classes == ("calm", "tense")
    assert {split: len(found.utterances(split)) for split in found.split} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }


def test_columns_of_numbers_and_any_number_of_modalities(tmp_path):
    rng = np.random.default_rng(0)
    features = {
        f"m{i}": rng.normal(size=(6, 2 + i)).astype(["f2", "f4", "f8", "i2"][i]) for i in range(4)
    }
    path = save(
        tmp_path / "x.npz",
        {
            "video": [3, 3, 1, 1, 2, 2],
            "order": [0.25, 0.125, 1e6, -1, 7, 8],
            "split": ["train"] * 4 + ["test"] * 2,
            "label": [10, 2, 2.0, 10, -1, 2],
        },
        features,
    )
    found = read(path)
    assert found.video_ids == ("3", "1", "2")
    assert found.classes == ("-1", "2", "10")
    assert found.ids == ("3_0.125", "3_0.25", "1_-1", "1_1000000", "2_7", "2_8")
    assert found.labels.tolist() == [1, 2, 2, 1, 0, 1]
    assert len(found.split["validation"]) == 0
    for m, x in features.items():
        np.testing.assert_array_equal(found.features[m], x[[1, 0, 3, 2, 4, 5]])


def test_videos_to_predict_need_neither_label_nor_split(tmp_path):
    columns, features = own_rows()
    path = save(
        tmp_path / "x.npz", {"video": columns["video"], "order": columns["order"]}, features
    )
    found = read(path)
    assert found.classes == ()
    assert set(found.labels) == {-1}
    assert len(found.split["test"]) == len(found.video_ids)
    write_folder(
        tmp_path / "folder", {"video": columns["video"], "order": columns["order"]}, features
    )
    assert read(tmp_path / "folder").ids == found.ids == found.words


def test_words_and_a_byte_order_mark(tmp_path):
    columns, features = own_rows()
    columns["words"] = [f"Señor, {i}\n\"\"" for i in range(len(columns["video"]))]
    write_folder(tmp_path, columns, features)
    table = tmp_path / "utterances.csv"
    table.write_bytes("\ufeff".encode() + table.read_bytes())  # as spreadsheets write it
    assert (
        read(tmp_path).words
        == tuple(columns["words"])
        == read(save(tmp_path / "x.npz", columns, features)).words
    )


def test_the_id_stands_in_for_empty_words(tmp_path):
    columns, features = own_rows()
    columns["words"] = ["", "yes", *[""] * (len(columns["video"]) - 2)]
    found = read(save(tmp_path / "x.npz", columns, features))
    assert found.words == (found.ids[0], "yes", *found.ids[2:])


# --- what cannot be trained on -------------------------------------------------------------------


def relabelled(columns, split, label):
    """The columns with every utterance of a split labelled anew."""
    new = [
        label if part == split else old
        for part, old in zip(columns["split"], columns["label"], strict=True)
    ]
    return columns | {"label": new}


def moved(columns, split, to):
    return columns | {"split": [to if part == split else part for part in columns["split"]]}


UNTRAINABLE = {
    "no labels": (
        lambda columns: {k: columns[k] for k in ("video", "order", "split")},
        "nothing is labelled",
    ),
    "one class": (
        lambda columns: columns | {"label": ["x"] * 40},
        "all labels are 'x', expected two classes or more",
    ),
    "no train": (
        lambda columns: moved(columns, "train", "validation"),
        "no video is in the split train",
    ),
    "no test": (lambda columns: moved(columns, "test", "train"), "no video is in the split test"),
    "a class that test alone has": (
        lambda columns: relabelled(columns, "test", "happy"),
        "no training utterance has the class 'happy', so no model could learn it",
    ),
    "a modality that training never sees": (
        lambda columns: columns,
        "no training utterance has the modality pulse",
    ),
}


@pytest.mark.parametrize("case", UNTRAINABLE)
def test_what_cannot_be_trained_on_is_read_and_checked_and_refused_for_training(
    tmp_path, capsys, case
):
    change, reason = UNTRAINABLE[case]
    columns, features = own_rows()
    columns = {name: x[:len(columns["video"])] for name, x in change(columns).items()}
    if "modality" in case:
        features["pulse"][[part == "train" for part in columns["split"]]] = np.nan
    path = save(tmp_path / "x.npz", columns, features)
    with pytest.raises(DataError) as caught:
        require_trainable(read(path))
    assert str(caught.value) == f"x: cannot be trained on: {reason}"
    code, captured = check(capsys, path)
    assert code == 0
    assert captured.out.count("not for training") == 1
    assert captured.out.endswith(f"\nnot for training: {reason}\n")


def test_every_reason_is_said_by_the_check(tmp_path, capsys):
    columns, features = own_rows()
    columns = moved(relabelled(columns, "validation", "happy"), "test", "validation")
    features["speech"][[part == "train" for part in columns["split"]]] = np.nan
    out = check(capsys, save(tmp_path / "x.npz", columns, features))[1].out
    assert [
        line.split()[-1] for line in out.splitlines() if line.startswith("not for training")
    ] == ["test", "it", "speech"]


def test_validation_may_be_empty_unless_it_is_needed_and_lack_a_class_or_a_modality(
    tmp_path, capsys
):
    columns, features = own_rows()
    rows = [part == "validation" for part in columns["split"]]
    features["pulse"][rows] = np.nan
    require_trainable(
        read(save(tmp_path / "x.npz", relabelled(columns, "validation", "calm"), features))
    )
    columns = moved(columns, "validation", "test")
    found = read(save(tmp_path / "x.npz", columns, features))
    require_trainable(found)
    with pytest.raises(
        DataError, match=r"^x: cannot be trained on: no video is in the split validation$"
    ):
        require_trainable(found, ("train", "validation"))
    code, captured = check(capsys, tmp_path / "x.npz")
    assert code == 0
    assert captured.out.endswith(
        "no video is in the split validation, so nothing can be chosen by it\n"
    )


# --- what is not as it should be -----------------------------------------------------------------


def refusal(path):
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250
    return message


BAD_COLUMNS = {
    "no video": (
        {"video": None},
        "no column video_id, found order, split, label, pulse, speech; .* describe"
        "|no column video_id, found order, split, label, .*; .* describe",
    ),
    "an order that is no number": (
        {"order": ["soon"] * 20},
        "order of row 0 .from 0. is 'soon', expected a number",
    ),
    "an order twice": (
        {"order": [1] * 20},
        "a different order for each .*, but video 'v0' has 1 twice",
    ),
    "an order that is not finite": (
        {"order": [float("nan")] * 20},
        "order of row 0 .from 0. is '?nan'?, expected",
    ),
    "an order of twenty digits": (
        {"order": [str(10**19 + i) for i in range(20)]},
        "a number; a whole one has at most 18 digits",
    ),
    "another split": (
        {"split": ["later"] * 20},
        "split of row 0 .from 0. is 'later', expected train, validation",
    ),
    "a video in two splits": (
        {"split": ["train", "test"] * 10},
        "one split for all of video 'v0', not train and test",
    ),
    "labels that are measured": (
        {"label": [0.5] * 20},
        "label of row 0 .from 0. is 0.5, expected a class: a word",
    ),
    "an empty label": (
        {"label": [""] * 20},
        "label of row 0 .from 0. is '', which stands for a missing one",
    ),
    "a label that is missing": (
        {"label": ["calm", "nan"] * 10},
        "label of row 1 .from 0. is 'nan', which stands for",
    ),
    "a video without a name": (
        {"video": ["v0", " "] * 10},
        "video_id of row 1 .from 0. is '', which stands for",
    ),
}


@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_bad_columns_get_one_line(tmp_path, case):
    (name, values), = BAD_COLUMNS[case][0].items()
    columns, features = own_rows()
    n = len(columns["video"])
    columns |= {name: values and values[:n]}
    columns = {name: x for name, x in columns.items() if x}
    write_folder(tmp_path / "folder", columns, features)
    for path in (save(tmp_path / "x.npz", columns, features), tmp_path / "folder"):
        assert re.search(BAD_COLUMNS[case][1], refusal(path))


@pytest.mark.parametrize(
    ("m", "x", "expected"),
    [
        (
            "speech",
            np.zeros((3, 2)),
            r"features speech have the shape \(3, 2\), expected \(18, width\): one row per",
        ),
        (
            "speech",
            np.zeros((18, 5, 3)),
            r"shape \(18, 5, 3\), expected \(18, width\): .* average over the time axis",
        ),
        ("speech", np.zeros(18), "two modalities or more, not 1"),
        ("speech", np.zeros((18, 0)), "features speech of shape"),
        ("speech", np.full((18, 2), "x"), "features speech are <U1, expected real numbers"),
        ("speech", np.zeros((18, 2), complex), "features speech are complex128, expected real"),
        (
            "speech",
            np.where(np.arange(36).reshape(18, 2) == 9, np.nan, 0),
            "NaN in the whole row .* see utterance v1_1",
        ),
        ("speech", np.full((18, 2), np.inf), "see utterance v0_1"),
        (
            "../speech",
            np.zeros((18, 2)),
            "modality '../speech', expected a name of letters, digits",
        ),
        (
            "a+b",
            np.zeros((18, 2)),
            r"modality 'a\+b', expected a name of letters, digits",
        ),  # a vertex is called so
        (
            "label",
            np.zeros((18, 2)),
            r"label is float64 of shape \(18, 2\), expected a column of texts or numbers",
        ),
        (
            "video",
            np.full(18, 3 + 1j),
            r"video_id is complex128 of shape \(18,\), expected a column of texts or numbers",
        ),
        ("order", np.arange(17), "order has 17 values, expected 18: one per utterance"),
    ],
)
def test_bad_arrays_get_one_line(tmp_path, m, x, expected):
    columns, features = own_rows()
    assert len(columns["video"]) == 18
    features.pop(m, None)
    assert re.search(expected, refusal(save(tmp_path / "x.npz", columns | {m: x}, features)))


def test_one_modality_is_not_multimodal(tmp_path):
    columns, features = own_rows()
    assert "two modalities or more, not 1" in refusal(
        save(tmp_path / "x.npz", columns, {"pulse": features["pulse"]})
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            lambda rows: rows[:-1],
            "pulse.csv: ends after row 17, expected 18 rows, one per utterance of utterances.csv",
        ),
        (
            lambda rows: [*rows[:-1], [], []],
            "pulse.csv: ends after row 17, expected 18 rows, one per utterance of utterances.csv",
        ),
        (
            lambda rows: [["a", "b", "c"], *rows],
            "pulse.csv, row 1, column 1: 'a', .* number; such a file has no row of column names",
        ),
        (
            lambda rows: [*rows[:4], ["1", "inf", "2"], *rows[5:]],
            "pulse.csv, row 5, column 2: 'inf', expected a finite number$",
        ),
        (
            lambda rows: [*rows[:4], ["1", "", "2"], *rows[5:]],
            "finite numbers of modality pulse, or NaN .* v1_1",
        ),
        (
            lambda rows: [*rows[:4], ["1", "2"], *rows[5:]],
            "pulse.csv, row 5: 2 columns, expected 3",
        ),
        (
            lambda rows: [*rows, rows[0]],
            "pulse.csv, row 19: expected no more than 18 rows, one per utterance of utterances.csv",
        ),
    ],
)
def test_bad_tables_get_one_line_with_the_row(tmp_path, rows, expected):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    write_csv(tmp_path / "pulse.csv", rows(features["pulse"].tolist()))
    assert re.search(expected, refusal(tmp_path))


def test_a_folder_that_is_called_like_a_column_is_named_all_the_same(tmp_path):
    columns, features = own_rows()
    columns["split"] = ["later"] * len(columns["split"])
    folder = tmp_path / "split"
    folder.mkdir()
    write_folder(folder, columns, features)
    assert refusal(folder).startswith(f"{folder}: split of row 0 ")


def test_a_name_twice_is_refused(tmp_path):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    np.save(tmp_path / "pulse.npy", features["pulse"])
    assert "pulse.npy: there is a file or a column pulse beside it" in refusal(tmp_path)
    (tmp_path / "pulse.npy").rename(tmp_path / "label.npy")
    assert "label.npy: there is a file or a column label beside it" in refusal(tmp_path)
    (tmp_path / "label.npy").unlink()
    write_csv(
        tmp_path / "utterances.csv",
        [["video", "video", "order"], *(["x", i, i] for i in range(18))],
    )
    assert "two columns of one name: video, video, order" in refusal(tmp_path)
    write_csv(tmp_path / "utterances.csv", [["video;order"], *([f"x;{i}"] for i in range(18))])
    assert "expected columns separated by commas, found 'video;order'" in refusal(tmp_path)
    write_csv(tmp_path / "utterances.csv", [["video", "order"]])
    assert "utterances.csv: expected one row per utterance, found none" in refusal(tmp_path)


def test_archives_that_hide_something_are_refused(tmp_path, monkeypatch):
    columns, features = own_rows()
    hidden = np.array([{"a": 1}] * 18, object)
    for name in ("label", "video"):
        np.savez(tmp_path / "x.npz", **columns | {name: hidden}, **features)
        assert (
            f"{name} holds Python objects, expected texts or numbers; save it as {name}.astype(str)"
            in refusal(tmp_path / "x.npz")
        )
    write_folder(tmp_path / "folder", columns, features)
    np.save(tmp_path / "folder" / "extra.npy", hidden)
    assert "extra.npy: not arrays of numbers and texts" in refusal(tmp_path / "folder")
    assert "it holds Python objects; save numbers" in refusal(tmp_path / "folder")
    (tmp_path / "folder" / "extra.npy").write_bytes((tmp_path / "x.npz").read_bytes())
    assert "extra.npy: it is a ZIP archive" in refusal(tmp_path / "folder")

    bomb = io.BytesIO()
    np.save(bomb, np.zeros((18, 2**18)))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("speech.npy", bomb.getvalue())
    assert "bomb.npz: no column video_id, found speech" in refusal(tmp_path / "bomb.npz")
    monkeypatch.setattr(own, "UNPACKED", 2**25)
    assert (
        "unpacks to 0.0 GB, expected at most 0.03125; put larger arrays into a folder"
        in refusal(tmp_path / "bomb.npz")
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("../../speech.npy", b"x")
    refusal(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 and no more")
    assert "x.npz: not arrays" in refusal(tmp_path / "x.npz")


def test_a_header_that_promises_more_than_the_file_has(tmp_path):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features, npy=("speech",))
    path = tmp_path / "speech.npy"
    path.write_bytes(path.read_bytes().replace(b"(18, 5), }", b"(18, 5000000000), }"))
    assert "speech.npy: not arrays" in refusal(tmp_path)


# --- missing modalities --------------------------------------------------------------------------


def test_a_missing_modality_becomes_the_training_mean(tmp_path):
    columns, features = own_rows()
    features["pulse"][[0, 5, 9]] = np.nan
    features["speech"][3] = np.nan
    write_folder(tmp_path, columns, features)
    found = read(tmp_path)
    np.testing.assert_array_equal(found.features["pulse"], features["pulse"])
    train = found.utterances("train")
    z = standardise(found).features
    for m, x in features.items():
        there = [row for row in train if not np.isnan(x[row]).any()]
        assert len(there) < len(train)
        for j in range(x.shape[1]):
            mean = sum(x[row, j] for row in there) / len(there)
            deviation = np.sqrt(sum((x[row, j] - mean) ** 2 for row in there) / len(there))
            expected = [0 if np.isnan(value) else (value - mean) / deviation for value in x[:, j]]
            np.testing.assert_allclose(z[m][:, j], expected, atol=1e-12)
    assert (z["pulse"][[0, 5, 9]] == 0).all()


def test_a_modality_that_training_never_sees_is_refused_but_may_be_missing_in_what_is_predicted():
    whole = synthesise()
    gone = replace(whole, features=whole.features | {"a": np.full((2199, 4), np.nan)})
    with pytest.raises(DataError, match=r"^mosi: no training utterance has the modality a$"):
        standardise(gone)
    by = moments(whole)
    predicted = standardise(
        replace(gone, features=whole.features | {"a": np.full((2199, 73), np.nan)}), by
    )
    assert (predicted.features["a"] == 0).all()
    np.testing.assert_array_equal(predicted.features["l"], standardise(whole).features["l"])


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(("value", "reason"), [
    (np.finfo("f4").max, r"has 3.4e\+38 in modality speech, expected numbers of at most 1e\+30"),
    (-np.finfo("f8").max, r"has -1.8e\+308 in modality speech, expected numbers of at most 1e\+30"),
])
def test_huge_numbers_are_refused_before_training(tmp_path, mapped, split, value, reason):
    """What np.nan_to_num makes of an infinity: finite in float64, but its square is not."""
    columns, features = own_rows()
    row = columns["split"].index(split)
    features["speech"][row, 1] = value
    write_folder(tmp_path / "x", columns, features, npy=("speech",) * mapped)
    found = read(tmp_path / "x")
    with pytest.raises(
        DataError, match=rf"^x: utterance {columns['video'][row]}_1 {reason}[^\n]*$"
    ):
        standardise(found)


@pytest.mark.parametrize("mapped", [False, True])
def test_numbers_far_from_those_of_training_are_refused_also_of_new_videos(tmp_path, mapped):
    """They are finite, and in float64 they would be standardised, too."""
    columns, features = own_rows()
    features["speech"][:, 1] *= 1e-20
    row = columns["split"].index("test")
    by = moments(read(save(tmp_path / "x.npz", columns, features)))
    features["speech"][row, 1] = 1
    write_folder(tmp_path / "new", columns, features, npy=("speech",) * mapped)
    for given in (None, by):
        with pytest.raises(
            DataError,
            match=r"^new: utterance v3_1 is \de\+\d\d standard deviations from the training "
            r"mean in modality speech, expected at most 1e\+15$".replace(r"\de", r"\d\.?\d*e"),
        ):
            standardise(read(tmp_path / "new"), given)


def test_features_are_refused_that_are_infinite_as_float64(tmp_path):
    columns, features = own_rows()
    features["speech"] = features["speech"].astype(np.longdouble)
    np.testing.assert_array_equal(
        read(save(tmp_path / "x.npz", columns, features)).features["speech"].dtype, float
    )
    features["speech"][4, 2] = np.finfo(np.longdouble).max
    if np.isinf(
        float(features["speech"][4, 2])
    ):  # a machine may have no longer numbers than float64
        assert "see utterance v1_1" in refusal(save(tmp_path / "x.npz", columns, features))


# --- memory --------------------------------------------------------------------------------------


def test_mapped_features_give_the_same_as_those_in_memory(tmp_path, monkeypatch):
    columns, features = own_rows(n_videos=30)
    features["speech"][4] = np.nan
    write_folder(tmp_path, columns, features, npy=tuple(features))
    mapped = read(tmp_path)
    assert all(isinstance(x, np.memmap) for x in mapped.features.values())
    in_memory = replace(mapped, features={m: np.array(x) for m, x in mapped.features.items()})
    expected = standardise(in_memory).features
    for chunk in (7, 2**22):  # numbers: a row or two, or everything together
        monkeypatch.setattr(corpus, "CHUNK", chunk)
        z = standardise(mapped).features
        for m, x in expected.items():
            assert z[m].shape == x.shape
            assert len(z[m]) == len(x)
            assert z[m].dtype == x.dtype
            np.testing.assert_allclose(z[m][:], x, atol=1e-12)
            for rows in ([3, 0], range(30), np.array([[5, 1], [0, 2]])):
                np.testing.assert_allclose(z[m][rows], x[rows], atol=1e-12)


def test_an_utterance_is_named_however_few_rows_are_in_memory(monkeypatch):
    columns, features = own_rows()
    row = len(columns["video"]) - 1
    monkeypatch.setattr(corpus, "CHUNK", 10)  # numbers: two rows
    found = from_arrays(features, columns["video"], columns["label"], split=columns["split"])
    broken = {m: x.copy() for m, x in found.features.items()}
    broken["speech"][row, 1] = np.inf
    with pytest.raises(DataError, match=f"see utterance {found.ids[row]}$"):
        replace(found, features=broken)
    broken["speech"][row, 1] = 1e35
    with pytest.raises(DataError, match=f"utterance {found.ids[row]} has "):
        standardise(replace(found, features=broken))


def test_a_corpus_larger_than_the_memory_is_trained_on_and_predicted(tmp_path):
    """A million utterances, features of 800 MB, at most 400 MB allocated, most of it for ids.

    One epoch of UCLN and ARGF on 200 of the utterances, then predictions from all over the corpus,
    a video at a time.
    """
    n, size = 1_000_000, {"speech": 150, "pulse": 50}
    parts = ["train"] * 4 + ["validation"] * 4 + ["test"] * (n // 50)
    (tmp_path / "utterances.csv").write_text("video,order,split,label\n" + "".join(
        f"{i // 50},{i % 50},{parts[i // 50]},{i % 2}\n" for i in range(n)))
    for m, width in size.items():
        x = np.lib.format.open_memmap(
            tmp_path / f"{m}.npy", "w+", "f4", (n, width)
        )  # sparse: on disk almost nothing
        x[1:400:2] = 1
        x[n - 50:, 0] = np.arange(50)
        del x
    code = """
        import resource, sys
        import numpy as np
        from argf_np.data import read, require_trainable, standardise
        from argf_np.paper import model, protocols, ucln
        from argf_np.paper.ucln import pad
        from argf_np.settings import Settings
        limit = 400 * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        raw = read(sys.argv[1])
        assert sum(x.nbytes for x in raw.features.values()) > 1.9 * limit
        require_trainable(raw)
        corpus, rng = standardise(raw), np.random.default_rng(0)
        settings = Settings(modalities="pulse,speech", target="speech", k=5, d=7, epochs=1,
                            ucln_epochs=1, protocol="validation")
        y = np.eye(2, dtype="float32")[corpus.labels]
        extractors = {}
        for m, x in corpus.features.items():
            extractors[m] = ucln.train_ucln(x, y, corpus.starts, corpus.split["train"], settings,
                                            rng)

        def context(videos):
            parts = []
            for m, x in corpus.features.items():
                padded, mask = pad(x, corpus.starts, videos)
                h = ucln.context_features(extractors[m], padded, mask, settings)
                parts.append(h.reshape(-1, 7))
            return np.stack(parts)

        x = context(range(8))
        rows = {split: corpus.utterances(split)[:200] for split in corpus.split}
        rows["test"] = rows["validation"]
        fitted = protocols.train(x, np.eye(2)[corpus.labels[:400]], rows, settings)
        for video in np.linspace(0, len(corpus.video_ids) - 1, 50).astype(int):
            M = model.predict(fitted["params"], context([video]))
            assert M.shape == (50, 2) and np.allclose(M.sum(axis=1), 1)
        last = np.stack([np.arange(50), 0 * np.arange(50)], axis=1)
        expected = (last - [0.5, 0.5]) / 0.5  # half of the training rows are 1, the others 0
        padded, _ = pad(corpus.features["speech"], corpus.starts, [video])
        np.testing.assert_allclose(padded[0, :, :2], expected)
    """
    subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), tmp_path], check=True
    )


# --- the check -----------------------------------------------------------------------------------


def check(capsys, *arguments):
    code = main(["check", *map(str, arguments)])
    return code, capsys.readouterr()


def cells(text, first, times=1):
    """The row of a table that begins with a word; of the rows that do, one by number."""
    rows = [line.split() for line in text.splitlines() if line.split()[:1] == [first]]
    return rows[times - 1][1:]


def test_check_says_what_is_there(tmp_path, capsys):
    columns, features = own_rows(n_videos=40)
    features["pulse"][[0, 1]] = np.nan
    path = save(tmp_path / "x.npz", columns, features)
    code, captured = check(capsys, path)
    assert code == 0
    assert captured.err == ""
    found = read(path)
    out = captured.out
    assert out.startswith("x, real data: 40 videos of up to 4 utterances, 3 classes\n")
    assert out.splitlines()[2].split() == ["videos", "utterances", *CLASSES]
    assert cells(out, "modality") == "width not in train not in validation not in test".split()
    for split in found.split:
        rows = found.utterances(split)
        shares = [f"{100 * np.mean(found.labels[rows] == c):.1f}" for c in range(3)]
        assert cells(out, split)[:2] == [str(len(found.split[split])), str(len(rows))]
        assert cells(out, split)[2:] == [shares[0], "%", shares[1], "%", shares[2], "%"]
    assert cells(out, "pulse") == ["3", "2", "0", "0"]
    assert cells(out, "speech") == ["5", "0", "0", "0"]
    z = standardise(found).features["speech"]
    shift = np.mean(
        [abs(np.mean([z[row, j] for row in found.utterances("test")])) for j in range(5)]
    )
    assert cells(out, "speech", 2)[-1] == f"{shift:.2f}"
    shares = [np.bincount(found.labels[found.utterances(split)]) / len(found.utterances(split))
              for split in ("train", "test")]
    moved = 100 * np.abs(shares[0] - shares[1]).max()
    assert f"the share of a class moves by up to {moved:.1f} points" in out
    assert "warning" not in out


def test_check_warns_where_features_know_the_validation_labels(tmp_path, capsys):
    """As MOSI's: made with the labels of train and validation, and worth little on test."""
    rng = np.random.default_rng(0)
    found = synthesise(signals={})
    knows = np.concatenate([found.utterances("train"), found.utterances("validation")])
    features = {m: rng.standard_normal((2199, 20)) for m in ("text", "audio")}
    features["text"][knows, 3] += 3 * (2 * found.labels[knows] - 1)
    columns = {"video": [found.video_ids[i] for i in range(93) for _ in range(found.lengths[i])],
               "order": range(2199), "label": found.labels, "split": [""] * 2199}
    for split in found.split:
        for row in found.utterances(split):
            columns["split"][row] = split
    code, captured = check(capsys, save(tmp_path / "x.npz", columns, features))
    warnings = [line for line in captured.out.splitlines() if line.startswith("warning")]
    assert code == 0
    assert len(warnings) == 2
    assert "a linear model of text is right on " in warnings[0]
    assert "less sure of test than of validation" in warnings[1]


def test_check_warns_of_real_mosi(mosi_dir, capsys):
    code, captured = check(capsys, "mosi", "--data-dir", mosi_dir.parent)
    warned = re.findall(r"warning: a linear model of (\w) ", captured.out)
    assert code == 0
    assert warned == ["l", "v"]
    expected = {"a": (0.643, 0.546, 0.545), "l": (0.982, 0.980, 0.749), "v": (0.929, 0.899, 0.523)}
    for m, accuracies in expected.items():  # shared/data/README.md, of another linear model
        np.testing.assert_allclose(
            [float(x) / 100 for x in cells(captured.out, m, 2)[:-1:2]], accuracies, atol=0.03
        )
    assert "moves by up to 12.5 points" in captured.out


@pytest.mark.parametrize("name", ["mosi", "mosei", "iemocap"])
def test_check_finds_nothing_suspicious_in_synthetic_data(name):
    assert "warning" not in report(synthesise(name=name))


def test_check_of_videos_to_predict_and_of_nothing(tmp_path, capsys):
    columns, features = own_rows()
    path = save(tmp_path / "x.npz", {k: columns[k] for k in ("video", "order")}, features)
    code, captured = check(capsys, path)
    assert code == 0
    assert "no classes" in captured.out
    assert captured.out.endswith("\nnot for training: nothing is labelled\n")
    code, captured = check(capsys, tmp_path / "nowhere")
    assert code == 2
    assert captured.err.startswith(f"error: {tmp_path / 'nowhere'}: expected mosi, ")
    assert captured.err.count("\n") == 1
    code, captured = check(capsys, "mosi", "--data-dir", tmp_path)
    assert code == 2
    assert "no mosi data in" in captured.err
    assert captured.err.count("\n") == 1

"""The corpus, the published CSV folder, and where data is looked for."""

import csv
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from formats import write_published

from argf_np.data import DataError, data_dir, load, read, standardise, synthesise
from argf_np.data.published import MOSI_FILES

COUNTS = {"train": (49, 1141), "validation": (13, 306), "test": (31, 752)}


# --- a folder as published, with made-up content -------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A full-size folder under the real video ids, and the corpus that it holds."""
    folder = tmp_path_factory.mktemp("data") / "mosi"
    return folder, write_published(folder)


def test_reading_gives_what_was_written(published):
    folder, written = published
    corpus = read(folder)
    assert (corpus.name, corpus.source, corpus.classes) == (
        "mosi",
        "real",
        ("negative", "positive"),
    )
    assert (corpus.video_ids, corpus.ids, corpus.words) == (
        written.video_ids,
        written.ids,
        written.words,
    )
    np.testing.assert_array_equal(corpus.starts, written.starts)
    np.testing.assert_array_equal(corpus.labels, written.labels)
    assert list(corpus.features) == ["a", "l", "v"]
    for m, x in written.features.items():
        np.testing.assert_array_equal(corpus.features[m], x)
    for split, (videos, utterances) in COUNTS.items():
        assert (len(corpus.split[split]), len(corpus.utterances(split))) == (videos, utterances)


def test_real_mosi_is_the_papers_split(mosi_dir):
    corpus = load("mosi", mosi_dir, source="real")
    assert corpus.source == "real"
    assert len(corpus.ids) == 2199
    for split, (videos, utterances) in COUNTS.items():
        assert (len(corpus.split[split]), len(corpus.utterances(split))) == (videos, utterances)
    assert {m: x.shape[1] for m, x in corpus.features.items()} == {"a": 73, "l": 100, "v": 100}
    assert corpus.lengths.max() == 63


def test_real_rows_land_at_their_utterance(mosi_dir):
    """Each published row, read with nothing but the csv module, is where its utterance is."""
    def rows(name):
        with open(mosi_dir / name, encoding="latin-1", newline="") as file:
            return list(csv.reader(file))

    corpus = load("mosi", mosi_dir)
    transcripts, at = rows("transcripts.csv"), {name: i for i, name in enumerate(corpus.ids)}
    for part in ("train", "test"):
        index = [int(row[0]) for row in rows(f"text_{part}.csv")]
        for m, name in (("a", "audio"), ("l", "text"), ("v", "video")):
            for i, row in list(zip(index, rows(f"{name}/{name}_{part}0.csv"), strict=True))[::50]:
                name_, words, _, label = transcripts[i]
                assert corpus.features[m][at[name_]].tolist() == [float(x) for x in row[:-1]]
                assert corpus.words[at[name_]] == words
                assert corpus.labels[at[name_]] == int(label) == int(row[-1])
    for i, video in enumerate(corpus.video_ids):
        numbers = [
            int(name.removeprefix(video + "_"))
            for name in corpus.ids[corpus.starts[i] : corpus.starts[i + 1]]
        ]
        assert numbers == sorted(numbers)


# --- bad files -----------------------------------------------------------------------------------


def put(row, column, value):
    """Edit of one field; row and column count from 1, column -1 is the last."""
    def edit(rows):
        rows[row - 1][column - (column > 0)] = value
        return rows
    return edit


def cut_row(row, columns):
    return lambda rows: [*rows[:row - 1], rows[row - 1][:columns], *rows[row:]]


BAD = {
    "cut off after a row": (
        "video/video_test0.csv",
        lambda rows: rows[:700],
        "ends after row 700, expected 752 rows",
    ),
    "empty": ("text_train.csv", lambda rows: [], "ends after row 0, expected 1447 rows"),
    "a row too many": (
        "text/text_test0.csv",
        lambda rows: rows + rows[:1],
        "row 753: expected no more than 752",
    ),
    "a row cut off": ("audio/audio_train0.csv", cut_row(31, 40), "row 31: 40 columns, expected 74"),
    "a column too many": (
        "text_test.csv",
        lambda rows: [[*row, "1"] for row in rows],
        "row 1: 102 columns, expected",
    ),
    "a transcript cut off": (
        "transcripts.csv",
        cut_row(2199, 2),
        "row 2199: 2 columns, expected 4",
    ),
    "a word": (
        "text/text_train0.csv",
        put(12, 5, "hello"),
        "row 12, column 5: 'hello', expected a finite number",
    ),
    "an empty field": (
        "video/video_train0.csv",
        put(1447, 100, ""),
        "row 1447, column 100: '', expected a finite",
    ),
    "NaN": (
        "audio/audio_test0.csv",
        put(3, 1, "nan"),
        "row 3, column 1: 'nan', expected a finite number",
    ),
    "infinity": (
        "audio/audio_test0.csv",
        put(4, 73, "-inf"),
        "row 4, column 73: '-inf', expected a finite number",
    ),
    "a label of 2": ("transcripts.csv", put(2000, -1, "2"), "row 2000: label '2', expected 0 or 1"),
    "a label that is no number": (
        "transcripts.csv",
        put(9, -1, "good"),
        "row 9: label 'good', expected 0 or 1",
    ),
    "a label of 2 beside features": (
        "video/video_test0.csv",
        put(8, -1, "2"),
        "row 8: label 2, expected 0 or 1",
    ),
    "an index too large": (
        "text_test.csv",
        put(6, 1, "2199"),
        "row 6: index 2199, expected .* from 0 to 2198",
    ),
    "a negative index": ("text_test.csv", put(6, 1, "-1"), "row 6: index -1, expected"),
    "an index with a fraction": (
        "text_train.csv",
        put(5, 1, "7.5"),
        "row 5: index 7.5, expected a whole number",
    ),
    "an index twice": (
        "text_train.csv",
        lambda rows: rows[:-1] + rows[:1],
        "row 1447: index .*, each once",
    ),
    "an unknown video": (
        "transcripts.csv",
        put(7, 1, "elsewhere_3"),
        "row 7: utterance id 'elsewhere_3', expected",
    ),
    "an id without N": (
        "transcripts.csv",
        put(7, 1, "zhpQhgha_KU"),
        "row 7: utterance id 'zhpQhgha_KU', expected",
    ),
    "an id twice": (
        "transcripts.csv",
        lambda rows: rows[:-1] + rows[:1],
        "row 2199: utterance id .* a second time",
    ),
    "an utterance in another video": (
        "transcripts.csv",
        lambda rows: [
            ["lXPQBPVc5Cw_1" if row[0] == "zhpQhgha_KU_2" else row[0], *row[1:]] for row in rows
        ],
        "(34 utterances of video zhpQhgha_KU, expected 35"
        "|31 utterances of video lXPQBPVc5Cw, expected 30)",
    ),
}


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published[0], tmp_path / "mosi")


def error(folder):
    """The message of loading a broken folder with source "auto", which must not fall back."""
    with pytest.raises(DataError) as caught:
        load("mosi", folder.parent)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_line_with_file_and_row(folder, case):
    name, edit, expected = BAD[case]
    with open(folder / name, newline="", encoding="latin-1") as file:
        rows = edit(list(csv.reader(file)))
    with open(folder / name, "w", newline="", encoding="latin-1") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    message = error(folder)
    assert message.startswith(str(folder / name))
    assert re.search(expected, message)


def test_a_file_cut_within_a_number_names_the_row(folder):
    """Even in the very last one, where every row and column is still there."""
    path = folder / "text_test.csv"
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    assert error(folder).startswith(f"{path}, row 752: unexpected end of data")
    path.write_bytes(content[:content.rindex(b'","')])
    assert error(folder).startswith(f"{path}, row 752: unexpected end of data")


def test_features_under_another_utterances_label_are_refused(folder):
    path = folder / "audio/audio_test0.csv"
    rows = path.read_text("latin-1").splitlines(keepends=True)
    other = next(i for i, row in enumerate(rows) if row.strip()[-3:] != rows[0].strip()[-3:])
    rows[0], rows[other] = rows[other], rows[0]
    path.write_text("".join(rows), "latin-1", newline="")
    assert f"{path}, row 1: label" in error(folder)
    assert "as in transcripts.csv" in error(folder)


@pytest.mark.parametrize("name", MOSI_FILES)
def test_each_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert error(folder).startswith(f"{folder / name}: no such file")


def test_a_folder_in_place_of_a_file_is_named(folder):
    (folder / "text_test.csv").unlink()
    (folder / "text_test.csv").mkdir()
    assert error(folder).startswith(f"{folder / 'text_test.csv'}: ")


# --- where data is looked for --------------------------------------------------------------------


def test_data_dir_is_the_argument_else_the_variable_else_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_dir() == tmp_path / "cache" / "argf_np" / "data"
    monkeypatch.setenv("ARGF_NP_DATA", str(tmp_path / "variable"))
    assert data_dir() == tmp_path / "variable"
    assert data_dir(tmp_path / "argument") == tmp_path / "argument"


def test_load_finds_the_folder_itself_and_through_each_setting(published, tmp_path, monkeypatch):
    folder, corpus = published
    assert load("mosi", folder, source="real").ids == corpus.ids
    monkeypatch.setenv("ARGF_NP_DATA", str(folder.parent))
    assert load().ids == corpus.ids
    monkeypatch.delenv("ARGF_NP_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data_dir().mkdir(parents=True)
    (data_dir() / "mosi").symlink_to(folder)
    assert load().ids == corpus.ids
    assert load(source="synthetic").source == "synthetic"


def test_auto_without_data_says_that_it_is_synthetic(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("socket.socket", None)  # any use of the network fails
    corpus = load("mosi", tmp_path)
    assert corpus.source == "synthetic"
    notice = capsys.readouterr().err
    assert "SYNTHETIC" in notice
    assert str(tmp_path / "mosi") in notice
    assert f"python -m argf_np.data download mosi --data-dir {tmp_path}" in notice
    load("mosi", tmp_path, source="synthetic")
    assert capsys.readouterr().err == ""


def test_real_without_data_fails_with_the_place_and_the_command(tmp_path):
    with pytest.raises(DataError) as caught:
        load("mosi", tmp_path, source="real")
    message = str(caught.value)
    assert str(tmp_path / "mosi") in message
    assert "python -m argf_np.data download mosi" in message
    assert "\n" not in message


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"^imdb: expected mosi, mosei, iemocap, or the path"):
        load("imdb")
    with pytest.raises(DataError, match="source 'web', expected auto, real or synthetic"):
        load("mosi", source="web")


# --- the corpus ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus():
    return synthesise()


@pytest.mark.parametrize("change", [
    {"starts": np.array([0, 2199])},
    {"ids": ()},
    {"words": ("a", "b")},
    {"labels": np.full(2199, 2)},
    {"labels": np.full(2199, -1)},
    {"labels": np.full(2199, 0.5)},
    {"labels": np.zeros(2198, int)},
    {"features": {"a": np.zeros((2199, 3))}},
    *({"features": {"a": np.zeros((2199, 2)), "l": x}} for x in (
        np.zeros((2198, 3)), np.zeros(2199), np.zeros((2199, 0)), np.full((2199, 3), "x"),
        np.where(np.arange(6597).reshape(2199, 3) == 4000, -np.inf, 1),
        np.where(np.arange(6597).reshape(2199, 3) == 6595, np.nan, 1),
        np.where(np.arange(6597).reshape(2199, 3) // 3 == 7, np.inf, 1))),
    {"classes": ()},
    {"split": {"train": np.arange(93)}},
    {"split": {"train": np.array([0, 1]), "validation": np.array([2]), "test": np.array([1])}},
    {"split": {"train": np.array([0]), "validation": np.array([2]), "test": np.array([93])}},
], ids=lambda change: next(iter(change)))
def test_parts_that_do_not_fit_are_refused(corpus, change):
    with pytest.raises(DataError, match=r"^mosi: expected [^\n]*$"):
        replace(corpus, **change)


def test_utterances_follow_the_order_of_the_split(corpus):
    split = {"train": np.array([4, 1]), "validation": np.array([], int), "test": np.array([92])}
    corpus = replace(corpus, split=split)
    expected = [
        u for video in (4, 1) for u in range(corpus.starts[video], corpus.starts[video + 1])
    ]
    assert corpus.utterances("train").tolist() == expected
    assert corpus.utterances("validation").tolist() == []


def test_standardise_uses_training_utterances_only(corpus):
    train, test = corpus.utterances("train"), corpus.utterances("test")
    features = {m: x.copy() for m, x in corpus.features.items()}
    features["l"][train, 3] = 0.1  # constant in training, though its mean is rounded
    before = standardise(replace(corpus, features=features))
    for m, x in before.features.items():
        deviation = np.ones(x.shape[1])
        deviation[3] = m != "l"
        np.testing.assert_allclose(x[train].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(x[train].std(axis=0), deviation, atol=1e-12)
    np.testing.assert_allclose(before.features["l"][test, 3], features["l"][test, 3] - 0.1)

    shifted = {m: x.copy() for m, x in features.items()}
    for x in shifted.values():
        x[test] += 1000
    after = standardise(replace(corpus, features=shifted))
    for m in features:
        np.testing.assert_array_equal(after.features[m][train], before.features[m][train])

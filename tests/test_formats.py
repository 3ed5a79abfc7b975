"""The published pickles against the plain lists that were written: splits, labels, errors."""

import pickle
import re
import shutil

import numpy as np
import pytest
from formats import (
    IEMOCAP,
    MOSEI,
    MOSI,
    WIDTHS,
    draw_mmsa,
    write_contextual,
    write_dialogues,
    write_mmsa,
    write_tuples,
)
from test_pickles import python2_binary, python2_text

from argf_np.data import DATASETS, DataError, load, read, standardise
from argf_np.data.published import MOSI_VIDEOS

WORDS = {"a": "audio", "l": "text", "v": "video"}
MMSA = {"train": ["b_x", "a"], "valid": ["c"], "test": ["d", "e$_$1"]}


def assert_holds(corpus, videos, n_train, classes, code=lambda label: label):
    """The corpus is these videos, in their order; the first `n_train` of train are for training."""
    everything = [*videos["train"], *videos["test"]]
    assert corpus.source == "real"
    assert corpus.classes == classes
    assert corpus.lengths.tolist() == [len(video) for video in everything]
    n = len(videos["train"])
    assert [part.tolist() for part in corpus.split.values()] == [
        [*range(n_train)], [*range(n_train, n)], [*range(n, len(everything))]]
    assert list(corpus.features) == ["a", "l", "v"]
    row = 0
    for i, video in enumerate(everything):
        for t, utterance in enumerate(video):
            assert corpus.labels[row] == code(utterance["label"])
            assert corpus.ids[row] == f"{corpus.video_ids[i]}_{t + 1}"
            for m, word in WORDS.items():
                np.testing.assert_array_equal(corpus.features[m][row], utterance[word])
            row += 1
    assert len(corpus.ids) == len(set(corpus.ids)) == row


def sign(label):
    """Negative, neutral, positive."""
    return 0 if label < 0 else 2 if label > 0 else 1


# --- padded videos -------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("ending", ["_2way.pickle", ".pickle"])
def test_tuples_of_7_are_mosi(tmp_path, ending, protocol):
    videos, path = write_tuples(tmp_path, 7, ending=ending, protocol=protocol)
    for given in (path, path.with_name("audio" + ending), tmp_path):
        corpus = read(given)
        assert corpus.name == "mosi"
        assert not corpus.contextual
        assert_holds(corpus, videos, 49, ("negative", "positive"))


@pytest.mark.parametrize("one_hot", [0, 3])
def test_tuples_of_13_are_mosei_with_reals_or_one_hot_rows(tmp_path, one_hot):
    videos, path = write_tuples(tmp_path, 13, one_hot, "_3way.pickle")
    corpus = read(path)
    assert corpus.name == "mosei"
    assert_holds(corpus, videos, 1800, ("negative", "neutral", "positive"), sign)
    assert sorted(set(corpus.labels)) == [0, 1, 2]


@pytest.mark.parametrize(
    "write", [lambda x: b"\x80\x02" + python2_binary(x) + b".", lambda x: python2_text(x) + b"."]
)
def test_tuples_as_python_2_wrote_them(tmp_path, write):
    """The arrays of a file in the words of Python 2, within a tuple of 7 as it writes that."""
    videos, path = write_tuples(tmp_path, 7)
    for word in WORDS.values():
        file = path.with_name(f"{word}_2way.pickle")
        value = pickle.loads(file.read_bytes())
        content = b"("
        for part in value:
            if isinstance(part, np.ndarray):
                content += write(part).removeprefix(b"\x80\x02").removesuffix(b".")
            else:
                content += (
                    b"(l" + b"".join(b"I%d\na" % n for n in part)
                    if isinstance(part, list)
                    else b"I%d\n" % part
                )
        file.write_bytes(content + b"t.")
    assert_holds(read(path), videos, 49, ("negative", "positive"))


@pytest.mark.parametrize(("N", "classes"), [
    (2, ("negative", "positive")), (4, ("class 0", "class 1", "class 2", "class 3"))])
def test_ucln_outputs_are_contextual_and_stay_as_they_are(tmp_path, N, classes):
    path = tmp_path / "any name"
    videos = write_contextual(path, N)
    corpus = read(path)
    assert corpus.contextual
    assert corpus.published == (
        "mosi" if N == 2 else None
    )  # of other classes the paper says nothing
    for part in videos.values():
        for video in part:
            for utterance in video:
                utterance |= {word: np.tanh(utterance[word]).astype("f4") for word in WIDTHS}
    assert_holds(corpus, videos, 49, classes)
    for m, x in standardise(corpus).features.items():
        np.testing.assert_array_equal(x, corpus.features[m])


def test_broken_values_become_zero_and_are_counted(tmp_path, capsys):
    videos, path = write_tuples(tmp_path, 7)
    value = list(pickle.loads(path.read_bytes()))
    value[0][0, 0, 1], value[2][3, 0, :2], value[0][1, 0] = np.nan, -np.inf, np.nan
    value[0][2, 4] = np.inf  # padding, at most 3 utterances: not counted
    path.write_bytes(pickle.dumps(tuple(value), 2))
    corpus = read(path)
    assert "notice: " in (err := capsys.readouterr().err)
    assert ": 3 infinite or NaN values of the features set to 0" in err
    videos["train"][0][0]["text"][1] = 0
    videos["test"][3][0]["text"][:2] = 0
    videos["train"][1][0]["text"][:] = np.nan  # throughout: a missing modality
    assert_holds(corpus, videos, 49, ("negative", "positive"))


# --- IEMOCAP -------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_dialogues_are_iemocap(tmp_path, protocol):
    path = tmp_path / "IEMOCAP_features_raw.pkl"
    videos = write_dialogues(path, protocol)
    corpus = read(path)
    assert corpus.name == "iemocap"
    assert corpus.video_ids[:2] == ("Ses000_train", "Ses001_train")
    assert_holds(corpus, videos, 96, ("happy", "sad", "neutral", "angry", "excited", "frustrated"))
    assert corpus.words == tuple(f"label {label}" for label in corpus.labels)


# --- MMSA ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("aligned", [True, False])
def test_mmsa_rows_are_averaged_and_grouped(tmp_path, aligned, capsys):
    videos = draw_mmsa(MMSA)
    first = videos["train"]["b_x"][11]
    first[1]["audio"][0, 1], first[1]["text"][0, 2], first[1]["vision"][-1, 0] = (
        -np.inf,
        np.nan,
        np.nan,
    )
    videos["test"]["d"][11][1]["text"][:] = 0  # no valid step: missing
    ended = videos["valid"]["c"][11][1]["audio"]  # a length ends it, where there is one
    ended[:] = 1 + np.arange(len(ended))[:, None]
    write_mmsa(tmp_path / "aligned_50.pkl", videos, aligned)
    corpus = read(tmp_path, "mosei")
    assert ": 3 infinite or NaN values of the features count as 0" in capsys.readouterr().err
    assert corpus.name == "mosei"
    assert corpus.published == "mosei"
    assert corpus.classes == ("negative", "neutral", "positive")
    assert {corpus.video_ids[i] for i in corpus.split["validation"]} == {"c"}
    assert {corpus.video_ids[i] for i in corpus.split["test"]} == {"d", "e$_$1"}
    row = 0
    for video in corpus.video_ids:
        segments = next(part[video] for part in videos.values() if video in part)
        for segment in sorted(segments):
            label, steps, lengths = segments[segment]
            assert corpus.ids[row] == f"{video}_{segment}"
            assert corpus.words[row] == f"said {video}$_${segment}"
            assert corpus.labels[row] == sign(label)
            for m, key in {"a": "audio", "l": "text", "v": "vision"}.items():
                total, count = np.zeros(steps[key].shape[1]), 0
                for t, step in enumerate(steps[key]):
                    step = [float(x) if np.isfinite(x) else 0.0 for x in step]
                    inside = aligned or key == "text" or t < lengths[key]
                    if inside and any(step):
                        total, count = total + step, count + 1
                expected = total / count if count else np.full(len(total), np.nan)
                np.testing.assert_allclose(corpus.features[m][row], expected, rtol=1e-6)
            row += 1
    assert row == len(corpus.ids)
    assert np.isnan(corpus.features["l"]).all(axis=1).sum() == 1


def write_mmsa_of_mosi(path):
    """Two videos of each part of MOSI, by their real ids."""
    names = [list(videos)[:2] for videos in MOSI_VIDEOS.values()]
    videos = draw_mmsa(dict(zip(("train", "valid", "test"), names, strict=True)))
    write_mmsa(path, videos, False)
    return videos


def test_mmsas_mosi_is_known_by_its_videos_and_has_two_classes(tmp_path, capsys):
    videos = write_mmsa_of_mosi(tmp_path / "x.pkl")
    corpus = read(tmp_path / "x.pkl")
    assert corpus.name == "mosi"
    assert corpus.classes == ("negative", "positive")
    labels = {
        f"{video}_{segment}": utterance[0]
        for part in videos.values()
        for video, segments in part.items()
        for segment, utterance in segments.items()
    }
    assert [corpus.classes[c] for c in corpus.labels] == [
        "negative" if labels[name] < 0 else "positive" for name in corpus.ids]
    assert 0 in labels.values()
    found = " / ".join(str(len(corpus.utterances(split))) for split in corpus.split)
    assert capsys.readouterr().err == (
        f"notice: mosi has {found} utterances for training, validation and test; "
        "in the paper it has 1141 / 306 / 752\n"
    )


# --- finding and recognising ---------------------------------------------------------------------


def write_all(root):
    """Every data set in its folder, under the name that it circulates by."""
    for name in DATASETS:
        (root / name).mkdir()
    write_tuples(root / "mosi", 7)
    write_tuples(root / "mosei", 13, 3, "_3way.pickle")
    write_dialogues(root / "iemocap" / "IEMOCAP_features_raw.pkl")


def test_named_data_sets_are_found_in_their_folder_and_in_the_data_directory_itself(tmp_path):
    write_all(tmp_path)
    for name, counts in (("mosi", MOSI), ("mosei", MOSEI), ("iemocap", IEMOCAP)):
        for place in (tmp_path, tmp_path / name):
            corpus = load(name, place)
            assert (corpus.name, corpus.source, len(corpus.video_ids)) == (
                name,
                "real",
                sum(counts),
            )


def test_the_csv_folder_comes_before_pickles_and_raw_features_before_ucln_outputs(tmp_path):
    write_tuples(tmp_path, 7)
    write_contextual(tmp_path / "unimodal_mosi_2way.pickle")
    assert not load("mosi", tmp_path).contextual
    for path in tmp_path.glob("*_2way.pickle"):
        if not path.name.startswith("unimodal"):
            path.unlink()
    assert load("mosi", tmp_path).contextual
    (tmp_path / "transcripts.csv").write_text("")
    with pytest.raises(DataError, match="no such file"):
        load("mosi", tmp_path)


def test_a_file_of_another_data_set_is_not_taken_for_the_one_asked_for(tmp_path):
    write_mmsa(tmp_path / "aligned_50.pkl", draw_mmsa(MMSA), True)
    assert load("mosei", tmp_path).published == "mosei"
    with pytest.raises(DataError, match=r"aligned_50.pkl: holds other data .*, expected mosi; "):
        load("mosi", tmp_path)
    write_mmsa_of_mosi(tmp_path / "aligned_50.pkl")
    assert load("mosi", tmp_path).published == "mosi"
    with pytest.raises(DataError, match=r"aligned_50.pkl: holds mosi, expected mosei; "):
        load("mosei", tmp_path)


def test_a_data_set_that_its_counts_give_away_is_not_taken_for_another(tmp_path):
    with pytest.raises(DataError, match=r"pickle: holds mosi, expected mosei; "):
        read(write_tuples(tmp_path, 7)[1], "mosei")


def test_without_files_mosei_and_iemocap_are_synthetic_and_say_so(tmp_path, capsys):
    corpus = load("iemocap", tmp_path)
    assert (corpus.name, corpus.source) == ("iemocap", "synthetic")
    err = capsys.readouterr().err
    assert "SYNTHETIC" in err
    assert "put IEMOCAP_features_raw.pkl there" in err
    assert err.count("\n") == 1
    with pytest.raises(DataError, match="no mosei data in"):
        load("mosei", tmp_path, source="real")


def test_a_path_in_place_of_a_name(tmp_path):
    _videos, path = write_tuples(tmp_path, 7)
    assert load(path).ids == load(str(tmp_path), source="real").ids
    with pytest.raises(DataError, match="source 'synthetic', expected auto or real for"):
        load(path, source="synthetic")
    with pytest.raises(DataError, match=r"nowhere: expected mosi, mosei, iemocap, or the path"):
        load(tmp_path / "nowhere")


def test_the_real_folder_by_path_has_the_papers_counts(mosi_dir, capsys):
    assert len(load(mosi_dir).ids) == 2199
    assert capsys.readouterr().err == ""


# --- what is not as its format has it ------------------------------------------------------------


def edit(path, change):
    """Read a pickle, change its value, in place or by what `change` returns, and write it back."""
    value = pickle.loads(path.read_bytes())
    value = list(value) if isinstance(value, tuple) else value
    changed = change(value)
    value = value if changed is None else changed
    path.write_bytes(pickle.dumps(tuple(value) if isinstance(value, list) else value, 2))


def put(place, new):
    """Replace a part of a tuple or dict; `new` may be made from the old one."""
    def change(value):
        value[place] = new(value[place]) if callable(new) else new
    return change


def with_entry(place, key, new):
    return put(place, lambda old: old | {key: new(old[key]) if callable(new) else new})


def fill(index, new):
    def change(x):
        x[index] = new
        return x
    return change


BAD_TUPLES = {
    "too few": (lambda value: value[:5], "a pickle, but of none of the formats"),
    "a list for data": (put(0, [[1.0]]), r"train_data is list, expected numbers in 3 dimensions"),
    "flat data": (
        put(2, lambda x: x[0]),
        r"test_data is float64 of shape \(5, 3\), expected numbers in 3",
    ),
    "texts for data": (put(0, lambda x: x.astype(str)), "train_data is <U"),
    "other lengths": (put(5, lambda x: x[::-1]), "train_mask differs from that of the audio file"),
    "fewer lengths": (put(6, lambda x: x[1:]), "differs|does not fit"),
    "other labels": (put(1, lambda x: 1 - x), "train_label differs from that of the audio file"),
    "no length": (put(5, None), "train_length is NoneType"),
    "widths that differ": (
        put(2, lambda x: x[..., :2]),
        "text_test of shape .*, which does not fit the others",
    ),
}


@pytest.mark.parametrize("case", BAD_TUPLES)
def test_a_bad_tuple_gets_one_line(tmp_path, case):
    change, expected = BAD_TUPLES[case]
    path = write_tuples(tmp_path, 7)[1]
    edit(path, change)
    assert_refused(path, expected)


@pytest.mark.parametrize("word", WORDS.values())
def test_the_file_that_is_wrong_is_named_whichever_is_given(tmp_path, word):
    path = write_tuples(tmp_path, 7)[1]
    wrong = path.with_name(f"{word}_2way.pickle")
    edit(wrong, put(0, [[1.0]]))
    assert_refused(path, re.escape(f"{wrong}: train_data is list"))


def assert_refused(path, expected):
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path.parent))
    assert "\n" not in message
    assert re.search(expected, message), message


@pytest.mark.parametrize(("place", "new", "expected"), [
    (1, fill((0, 0), 2), "label 2, expected negative, positive"),
    (1, fill((1, 0), np.nan), "differs|a label that is not a finite number"),
    (5, fill(0, 0), "62 training and 31 test videos, .* none of them empty"),
    (6, [], "does not fit"),
])
def test_what_all_three_files_agree_on_may_be_wrong_too(tmp_path, place, new, expected):
    path = write_tuples(tmp_path, 7)[1]
    for word in WORDS.values():
        edit(path.with_name(f"{word}_2way.pickle"), put(place, new))
    assert_refused(path, expected)


def test_the_other_modalities_must_be_beside_it(tmp_path):
    path = write_tuples(tmp_path, 7)[1]
    shutil.copy(path, tmp_path / "mine.pickle")
    assert_refused(
        tmp_path / "mine.pickle", "expected audio, text or video as the name's beginning"
    )
    (tmp_path / "video_2way.pickle").unlink()
    assert_refused(path, "video_2way.pickle: No such file")
    (tmp_path / "video_2way.pickle").write_bytes(pickle.dumps((1, 2)))
    assert_refused(path, "video_2way.pickle: expected a tuple of 7, which text_2way.pickle is")


BAD_OUTPUTS = {
    "no label": (put("test_label", None), "test_label is NoneType"),
    "labels that are no rows": (
        put("test_label", lambda x: x.argmax(axis=2)),
        "label .* shape|dimensions",
    ),
    "two classes at once": (put("train_label", fill((0, 0), 1)), "labels that are not one-hot"),
    "no class": (put("train_label", fill((0, 0), 0)), "labels that are not one-hot"),
    "a flat mask": (put("train_mask", lambda x: x[0]), "train_mask is float64 of shape"),
    "fewer steps": (
        put("audio_test", lambda x: x[:, :4]),
        "audio_test of shape .*, which does not fit",
    ),
}


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_bad_ucln_outputs_get_one_line(tmp_path, case):
    change, expected = BAD_OUTPUTS[case]
    write_contextual(tmp_path / "x")
    edit(tmp_path / "x", change)
    assert_refused(tmp_path / "x", expected)


BAD_DIALOGUES = {
    "no lists of dialogues": (
        put(7, 5),
        "expected two lists of different dialogues at the tuple's end",
    ),
    "a dialogue twice": (
        put(8, lambda x: ["Ses000_train"]),
        "expected two lists of different dialogues",
    ),
    "a dialogue without labels": (
        put(7, lambda x: [*x, "Ses9"]),
        "part 3 of the tuple, dialogue 'Ses9': expected a",
    ),
    "labels that are words": (
        with_entry(2, "Ses001_train", ["sad"]),
        "part 3 .*'Ses001_train': expected a list of",
    ),
    "a label of 6": (
        with_entry(2, "Ses001_train", lambda x: [6] * len(x)),
        "label 6, expected happy, sad, ",
    ),
    "an utterance without text": (
        with_entry(3, "Ses001_train", lambda x: x[1:]),
        "part 4 .*: expected a list",
    ),
    "a list for a dict": (put(4, []), "part 5 of the tuple, dialogue 'Ses000_train'"),
    "widths that differ": (
        with_entry(5, "Ses001_train", lambda x: [row[:1] for row in x]),
        "features v, expected vectors of one width",
    ),
    "numbers for words": (
        with_entry(6, "Ses001_train", lambda x: [1] * len(x)),
        "part 7 .*: expected a list of str",
    ),
    "no training dialogues": (put(7, []), "0 training and 31 test videos, expected some of both"),
}


@pytest.mark.parametrize("case", BAD_DIALOGUES)
def test_bad_dialogues_get_one_line(tmp_path, case):
    change, expected = BAD_DIALOGUES[case]
    write_dialogues(tmp_path / "x")
    edit(tmp_path / "x", change)
    assert_refused(tmp_path / "x", expected)


BAD_PARTS = {
    "no part test": (lambda value: value.pop("test") and None, "of none of the formats"),
    "no text but word pieces": (
        put("valid", lambda x: {k: v for k, v in x.items() if k != "text"}),
        "valid: no text, expected .*; text_bert holds word pieces",
    ),
    "a number for a part": (put("valid", 3), "valid: no id"),
    "an id without segment": (
        with_entry("train", "id", lambda x: ["a_3", *x[1:]]),
        "id 'a_3', expected VIDEO",
    ),
    "an id twice": (
        with_entry("train", "id", lambda x: [x[1], *x[1:]]),
        r"a different order for each utterance .* video '\w+' has \d+ twice",
    ),
    "a video in two parts": (
        with_entry("valid", "id", lambda x: ["a$_$99", *x[1:]]),
        "one split for all of video 'a', not train and validation",
    ),
    "numbers for ids": (with_entry("test", "id", [1, 2]), "id, expected a list of texts"),
    "a label that is NaN": (
        with_entry("test", "regression_labels", fill(0, np.nan)),
        "test: regression_labels that are not finite",
    ),
    "fewer labels": (
        with_entry("test", "regression_labels", lambda x: x[1:]),
        "9 regression_labels, expected one per id: 10",
    ),
    "one class": (
        lambda value: {
            k: v | {"regression_labels": v["regression_labels"] ** 2 + 1} for k, v in value.items()
        },
        "expected two classes or more in one of annotations",
    ),
    "flat features": (
        with_entry("train", "audio", lambda x: x[0]),
        "train: audio is float32 of shape",
    ),
    "fewer lengths": (with_entry("train", "audio_lengths", [3]), "1 lengths .* expected those of"),
    "widths that differ": (with_entry("valid", "vision", lambda x: x[:, :, :2]), "widths? "),
}


@pytest.mark.parametrize("case", BAD_PARTS)
def test_bad_mmsa_files_get_one_line(tmp_path, case):
    change, expected = BAD_PARTS[case]
    write_mmsa(tmp_path / "x", draw_mmsa(MMSA), False)
    edit(tmp_path / "x", change)
    assert_refused(tmp_path / "x", expected)


@pytest.mark.parametrize(
    "value", [None, 5, "text", [], (), (1, 2), {"a": 1}, np.zeros(3), {"train": 1}]
)
def test_other_pickles_get_one_line(tmp_path, value):
    (tmp_path / "x").write_bytes(pickle.dumps(value))
    assert_refused(tmp_path / "x", "a pickle, but of none of the formats")


def test_an_empty_folder_and_a_folder_in_place_of_a_file_get_one_line(tmp_path):
    assert_refused(tmp_path, "expected utterances.csv, or a file of a known data set")
    (tmp_path / "text.pickle").mkdir()
    assert_refused(tmp_path, "text.pickle: ")

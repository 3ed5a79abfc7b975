"""A corpus of arrays, data frames and columns: every value stays what it was, and its place."""

from dataclasses import replace

import numpy as np
import pandas
import pytest
from formats import own_rows

from argf_np.data import DataError, from_arrays, joined, labels_among, pieces_of, select


def parts(n_videos=7):
    """The arguments of `from_arrays` by name."""
    columns, features = own_rows(n_videos=n_videos)
    return {"features": features, "videos": columns["video"], "labels": columns["label"],
            "order": columns["order"], "split": columns["split"]}


class Series:
    """A column as of pandas, polars or torch: NumPy makes an array of it."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype or object)


class Frame(Series):
    """Columns of numbers, which may have different types, so that the array is of objects."""


# --- what comes in comes out ---------------------------------------------------------------------


@pytest.mark.parametrize("column", [list, np.array, tuple, Series])
@pytest.mark.parametrize("matrix", [np.asarray, Frame, np.ndarray.tolist])
def test_columns_and_frames_give_what_arrays_give(column, matrix):
    given = parts()
    expected = from_arrays(**given)
    found = from_arrays(**{name: column(x) for name, x in given.items() if name != "features"},
                        features={m: matrix(x) for m, x in given["features"].items()})
    assert (found.ids, found.classes, found.video_ids) == (
        expected.ids, expected.classes, expected.video_ids)
    np.testing.assert_array_equal(found.labels, expected.labels)
    for m, x in expected.features.items():
        np.testing.assert_array_equal(found.features[m], x)


def test_pandas_frames_with_an_index_of_their_own():
    given = parts()
    n = len(given["videos"])
    frame = pandas.DataFrame(
        {"video": given["videos"], "label": given["labels"], "order": given["order"]},
        index=np.arange(n)[::-1])
    speech = pandas.DataFrame(given["features"]["speech"], index=frame.index)
    found = from_arrays({"speech": speech, "pulse": given["features"]["pulse"]},
                        frame["video"], frame["label"], frame["order"], given["split"])
    np.testing.assert_array_equal(found.features["speech"], given["features"]["speech"])


def test_rows_say_where_each_utterance_was():
    given = parts()
    place = np.random.default_rng(3).permutation(len(given["videos"]))
    mixed = {name: [x[i] for i in place] for name, x in given.items() if name != "features"}
    mixed["features"] = {m: x[place] for m, x in given["features"].items()}
    mixed["words"] = [f"word {row}" for row in range(len(place))]
    found = from_arrays(**mixed)
    assert found.words == tuple(f"word {row}" for row in found.row)
    for utterance, row in enumerate(found.row):
        assert found.ids[utterance] == f"{mixed['videos'][row]}_{mixed['order'][row]}"
        for m, x in mixed["features"].items():
            np.testing.assert_array_equal(found.features[m][utterance], x[row])
    back = np.argsort(found.row)
    assert [found.ids[i] for i in back] == [
        f"{video}_{order}" for video, order in zip(mixed["videos"], mixed["order"], strict=True)]


def test_without_order_the_rows_of_a_video_keep_theirs():
    features = {"a": np.arange(6.0)[:, None], "b": np.ones((6, 2))}
    found = from_arrays(features, videos=["x", "y", "x", "x", "y", "z"])
    assert found.ids == ("x_0", "x_1", "x_2", "y_0", "y_1", "z_0")
    assert found.features["a"].ravel().tolist() == [0, 2, 3, 1, 4, 5]


def test_one_split_for_all_and_none():
    given = parts()
    given.pop("split")
    assert len(from_arrays(**given).split["test"]) == 7
    assert len(from_arrays(**given, split="train").split["train"]) == 7


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "Val", " DEV "])
def test_names_of_the_validation_split(name):
    given = parts()
    given["split"] = [name if part == "validation" else part for part in given["split"]]
    found = from_arrays(**given)
    assert {found.video_ids[i] for i in found.split["validation"]} == {"v2", "v6"}


# --- texts stay texts, and numbers numbers -------------------------------------------------------


@pytest.mark.parametrize(("labels", "classes", "whole"), [
    (["1_0", "2_1"], ("1_0", "2_1"), False),
    (["01", "1"], ("01", "1"), False),
    (["1.0", "2.0"], ("1.0", "2.0"), False),
    (["1e3", "1000"], ("1000", "1e3"), False),
    (["٣", "3"], ("3", "٣"), False),
    (["10", "9"], ("9", "10"), False),
    (["inf", "-0"], ("-0", "inf"), False),
    ([10, 9], ("9", "10"), True),
    ([10.0, -9.0], ("-9", "10"), True),
    ([2**62, 2**62 + 1], (f"{2**62}", f"{2**62 + 1}"), True),
    ([True, False], ("False", "True"), False),
    (["$x_{$", "_y"], ("$x_{$", "_y"), False),
    (["积极", "消极"], ("消极", "积极"), False),
])
@pytest.mark.parametrize("column", [list, np.array, Series])
def test_labels_stay_what_they_are(labels, classes, whole, column):
    found = from_arrays({"a": np.ones((4, 2)), "b": np.ones((4, 1))}, ["x", "x", "y", "z"],
                        column(labels * 2))
    assert found.classes == classes
    assert found.integer_classes == whole
    assert [found.classes[i] for i in found.labels] == [
        str(int(label) if isinstance(label, float) else label) for label in labels * 2]


@pytest.mark.parametrize("orders", [
    [123456789012345678, 123456789012345677], ["123456789012345678", "123456789012345677"],
    [0.1, np.nextafter(0.1, 0)], ["-1", "-2.5"], [1e-300, -1e300], ["2e3", "1e3"], [2, 1.5],
    [-(10**18) + 1, 10**18 - 1]])
def test_orders_are_kept_apart_and_sorted(orders):
    """The second is before the first but for the last pair."""
    found = from_arrays({"a": np.array([[1.0], [0.0]]), "b": np.ones((2, 1))}, ["x", "x"],
                        order=orders)
    assert found.row.tolist() == ([0, 1] if orders[1] == 10**18 - 1 else [1, 0])
    assert len(set(found.ids)) == 2


def test_white_space_around_names_is_removed_and_said(capsys):
    given = parts()
    given["labels"] = ["calm ", *given["labels"][1:]]
    assert from_arrays(**given).classes == ("10", "calm", "tense")
    assert capsys.readouterr().err == (
        "notice: label: white space around texts is removed, as of 'calm '\n")


def test_a_corpus_is_shown_on_one_line():
    text = repr(from_arrays(**parts()))
    assert "\n" not in text
    assert len(text) < 200
    assert "18 utterances" in text


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "expected"), [
    ({"videos": []}, "video_id is empty"),
    ({"videos": [None] * 18}, "video_id has the value None, expected texts or numbers"),
    ({"videos": [np.eye(2)] * 18}, "video_id has the value array"),
    ({"videos": np.zeros((18, 2))}, r"video_id is float64 of shape \(18, 2\)"),
    ({"labels": np.eye(2)[[0, 1] * 9]}, r"of shape .18, 2., .* one-hot rows .*argmax.axis=1."),
    ({"labels": np.ones((18, 1))}, r"of shape .18, 1., .* try .ravel.."),
    ({"labels": ["x"] * 17}, "label has 17 values, expected 18: one per utterance"),
    ({"labels": [1.5] * 18}, "label of row 0 .from 0. is 1.5, expected a class"),
    ({"labels": ["1", "0.5"] * 9}, "label of row 1 .from 0. is 0.5, expected a class"),
    ({"labels": ["x", float("nan")] * 9}, "label of row 1 .* 'nan', which stands for a missing"),
    ({"labels": np.array([b"x"] * 18)}, r"label is \|S1 of shape .* try .astype\(str\)"),
    ({"order": [True, False] * 9}, "order of row 0 .from 0. is True, expected a number"),
    ({"order": ["1_0"] * 18}, "order of row 0 .from 0. is '1_0', expected a number"),
    ({"order": [3, *[float("inf")] * 17]}, "order of row 1 .from 0. is inf, expected a number"),
    ({"split": ["test", *["training"] * 17]}, "split of row 1 .from 0. is 'training', expected"),
    ({"split": "all"}, "split of row 0 .from 0. is 'all', expected train"),
    ({"words": ["x"]}, "words has 1 values, expected 18"),
    ({"features": np.ones((18, 1))}, "features are ndarray, expected a dict of modality to array"),
    ({"features": {1: np.ones((18, 1)), "1": np.ones((18, 1))}}, "modality 1, expected a name"),
    ({"features": {"a": np.ones((18, 1))}}, "two modalities or more, not 1"),
    ({"features": {"a": np.ones((18, 1)), "b": [["x"]] * 18}}, "features b are <U1, expected real"),
    ({"features": {"a": np.ones((18, 1)), "b": [[1], [1, 2]] * 9}},
     "features b: expected rows of one length"),
    ({"videos": (("x",), ("x", "y")) * 9}, "video_id: expected rows of one length"),
    ({"features": {"a": np.ones((18, 1)), "b": Frame([["1.5"]] * 18)}}, "features b are object"),
    ({"features": {"a": np.ones((18, 1)), "b": np.ones((18, 1), bool)}}, "features b are bool"),
    ({"features": {"a": np.ones((18, 1)), "b": np.full((18, 1), np.inf)}}, "finite"),
    ({"features": {"a": np.ones((18, 1)), "b": np.ones((17, 1))}},
     r"features b have the shape \(17, 1\), expected \(18, width\)"),
])
def test_what_does_not_fit_gets_one_line(change, expected):
    with pytest.raises(DataError, match=expected) as caught:
        from_arrays(**parts() | change)
    assert "\n" not in str(caught.value)


# --- folds, parts and unions ---------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 7])
def test_folds_deal_whole_videos_each_to_one_test_corpus(k):
    given = parts()
    corpus, tested = from_arrays(**given), []
    for train, test in corpus.folds(k, seed=1):
        assert set(train.video_ids) | set(test.video_ids) == set(corpus.video_ids)
        assert not set(train.video_ids) & set(test.video_ids)
        assert len(train.split["train"]) == len(train.video_ids)
        assert len(test.split["test"]) == len(test.video_ids)
        assert abs(len(test.video_ids) - 7 / k) < 1
        for part in (train, test):
            for utterance, row in enumerate(part.row):
                assert part.ids[utterance] == f"{given['videos'][row]}_{given['order'][row]}"
                assert part.classes[part.labels[utterance]] == given["labels"][row]
                for m, x in given["features"].items():
                    np.testing.assert_array_equal(part.features[m][utterance], x[row])
        tested += test.video_ids
    assert sorted(tested) == sorted(corpus.video_ids)


def test_folds_of_a_seed_are_always_the_same_and_of_another_seed_others():
    corpus = from_arrays(**parts(n_videos=30))
    tests = [[test.video_ids for _, test in corpus.folds(5, seed)] for seed in (0, 0, 1)]
    assert tests[0] == tests[1]
    assert tests[0] != tests[2]


@pytest.mark.parametrize("k", [1, 0, -2, 8])
def test_impossible_folds_get_one_line(k):
    with pytest.raises(DataError, match=f"^arrays: expected 2 to 7 folds of .*, not {k}$"):
        next(from_arrays(**parts()).folds(k))


def test_select_takes_modalities_in_the_order_given():
    corpus = from_arrays(**parts())
    assert list(select(corpus, ["speech", "pulse"]).features) == ["speech", "pulse"]


def test_pieces_are_whole_videos_and_together_the_corpus():
    corpus = from_arrays(**parts(n_videos=9))
    for size in (1, 5, 8, 1000):
        pieces = [*pieces_of(corpus, size)]
        assert sum((piece.ids for piece in pieces), ()) == corpus.ids
        assert sum((piece.video_ids for piece in pieces), ()) == corpus.video_ids
        for piece in pieces:
            assert len(piece.ids) <= size or len(piece.video_ids) == 1
            assert len(piece.split["test"]) == len(piece.video_ids)
            assert piece.features["speech"].base is not None, "a view"


@pytest.mark.parametrize("name", ["a/b", "a*b", "a+b", "a,b", "face ", ""])
def test_a_corpus_refuses_names_of_modalities_that_collide(name):
    """A file joins names by "/", a vertex by "*" and "+", a setting by ","; blanks are cut off."""
    corpus = from_arrays(**parts())
    x = corpus.features["speech"]
    with pytest.raises(DataError, match="expected modalities with"):
        replace(corpus, features={"speech": x, name: x})


def test_joined_has_the_first_for_training_and_the_second_for_validation():
    given = parts()
    first = from_arrays(**given)
    second = from_arrays(**given | {"videos": [f"w{video}" for video in given["videos"]]})
    both = joined(first, second)
    assert both.ids == first.ids + second.ids
    assert [both.ids[i] for i in both.utterances("validation")] == list(second.ids)
    assert both.labels.tolist() == [*first.labels, *second.labels]
    assert len(both.split["test"]) == 0
    wider = from_arrays(**given | {"features": given["features"] | {"pulse": np.ones((18, 9))}})
    with pytest.raises(DataError, match=r"features of widths .*'pulse': 9.*, expected those of"):
        joined(first, wider)
    with pytest.raises(DataError, match=r"features of widths .*, expected those of"):
        joined(first, replace(second, contextual=True))
    unlabelled = replace(first, classes=(), labels=np.full_like(first.labels, -1))
    with pytest.raises(DataError, match="nothing is labelled"):
        joined(unlabelled, second)


def test_labels_among_are_those_of_a_models_classes():
    corpus = from_arrays(**parts())
    names = [corpus.classes[c] for c in corpus.labels]
    found = labels_among(("tense", "more", "10", "calm"), corpus)
    assert [("tense", "more", "10", "calm")[c] for c in found] == names
    with pytest.raises(DataError, match="arrays: label 10, expected one of tense, calm"):
        labels_among(("tense", "calm"), corpus)

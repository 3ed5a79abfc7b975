"""python -m argf_np.data: describe, example and check, and a user without a home."""

import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from formats import own_rows

from argf_np.data import (
    data_dir,
    from_arrays,
    load,
    moments,
    read,
    require_trainable,
    select,
    standardise,
    synthesise,
)
from argf_np.data.__main__ import main
from argf_np.data.check import linear_scores, reason_for_distrust, report


def trusts(corpus):
    """Whether something may be chosen by the validation split."""
    return reason_for_distrust(corpus) is None


def test_describe_shows_the_format_and_help_points_to_it(capsys):
    assert main(["describe"]) == 0
    said = capsys.readouterr().out
    for word in ("video_id", "order", "split", "label", "words", "np.savez", "utterances.csv"):
        assert word in said
    assert max(map(len, said.splitlines())) <= 100
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "'python -m argf_np.data describe'" in " ".join(capsys.readouterr().out.split())


def test_describe_without_docstrings():
    """Python leaves them out if it is asked to optimise."""
    done = subprocess.run([sys.executable, "-OO", "-m", "argf_np.data", "describe"],
                          capture_output=True, text=True, check=True)
    assert "np.savez" in done.stdout


def test_the_example_is_the_same_in_both_ways_and_can_be_trained_on(tmp_path, capsys):
    assert main(["example", str(tmp_path / "my data")]) == 0
    said = capsys.readouterr().out
    assert f"python -m argf_np.data check '{tmp_path}/my data'\n" in said
    table, arrays = read(tmp_path / "my data"), read(tmp_path / "my data.npz")
    assert capsys.readouterr().err == "", "nothing of it is unused"
    assert (table.ids, table.words, table.classes) == (arrays.ids, arrays.words, arrays.classes)
    np.testing.assert_array_equal(table.labels, arrays.labels)
    for m, x in table.features.items():
        np.testing.assert_array_equal(x, arrays.features[m])
    require_trainable(table, ("train", "validation", "test"))
    assert main(["check", str(tmp_path / "my data")]) == 0


def test_the_example_is_not_written_into_the_folder_itself(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["example", "."]) == 2
    assert capsys.readouterr().err.startswith("error: .: is there already, expected the name")
    assert [*tmp_path.iterdir()] == []


def test_the_example_replaces_nothing(tmp_path, capsys):
    (tmp_path / "precious.npz").write_text("mine")
    for name in (".", "precious.npz", "precious"):
        assert main(["example", str(tmp_path / name)]) == 2
        assert "is there already, expected the name of a new" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious.npz"]


# --- check ---------------------------------------------------------------------------------------


def check(capsys, path):
    assert main(["check", str(path)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("split", ["train", "test"])
def test_check_warns_of_what_training_will_refuse(tmp_path, capsys, split):
    columns, features = own_rows()
    row = columns["split"].index(split)
    features["speech"][row, 1] = np.finfo("f4").max
    np.savez(tmp_path / "x.npz", **columns, **features)
    said = check(capsys, tmp_path / "x.npz")
    assert re.search(r"^warning: training will refuse this: x: utterance "
                     rf"{columns['video'][row]}_1 has 3.4e\+38 in modality speech",
                     said, re.MULTILINE)


def test_check_says_that_no_split_is_given(tmp_path, capsys):
    columns, features = own_rows()
    columns.pop("split")
    np.savez(tmp_path / "x.npz", **columns, **features)
    assert check(capsys, tmp_path / "x.npz").endswith(
        "not for training: all videos are in the split test, which is the default: give a split\n")


def test_a_linear_model_of_more_columns_than_utterances_is_the_same():
    """Ridge regression by the smaller system of equations, against the larger one."""
    corpus = synthesise()
    rng = np.random.default_rng(0)
    z = rng.standard_normal((len(corpus.ids), 1300))
    utterances = {split: corpus.utterances(split) for split in corpus.split}
    train = utterances["train"]
    assert len(train) < z.shape[1]
    y = np.eye(2)[corpus.labels[train]]
    gram = z[train].T @ z[train] + 0.1 * len(train) * np.eye(1300)
    W = np.linalg.solve(gram, z[train].T @ (y - y.mean(axis=0)))
    scores = linear_scores(z, corpus.labels, utterances)
    for split, index in utterances.items():
        np.testing.assert_allclose(scores[split], z[index] @ W + y.mean(axis=0), atol=1e-9)


def test_a_linear_model_is_the_same_however_few_rows_are_in_memory(monkeypatch):
    corpus = standardise(synthesise())
    utterances = {split: corpus.utterances(split) for split in corpus.split}
    whole = linear_scores(corpus.features["l"], corpus.labels, utterances)
    monkeypatch.setattr("argf_np.data.corpus.CHUNK", 10_000)  # numbers: 100 rows
    for split, scores in linear_scores(corpus.features["l"], corpus.labels, utterances).items():
        np.testing.assert_allclose(scores, whole[split], rtol=0, atol=1e-12)


# --- whether validation can be trusted -----------------------------------------------------------


def leaking(corpus, splits, strength=3):
    """The corpus with a column that knows the labels of some splits."""
    features = {m: x.copy() for m, x in corpus.features.items()}
    rows = np.concatenate([corpus.utterances(split) for split in splits])
    features["l"][rows, 0] += strength * (2 * corpus.labels[rows] - 1)
    return replace(corpus, features=features)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["mosi", "iemocap"])
def test_clean_features_are_trusted(name, seed):
    assert trusts(synthesise(seed, name=name))


@pytest.mark.parametrize("seed", range(3))
def test_features_that_know_the_labels_of_train_and_validation_are_not(seed):
    corpus = synthesise(seed, signals={"l": 0.2})
    assert trusts(corpus)
    assert not trusts(leaking(corpus, ["train", "validation"]))
    assert trusts(leaking(corpus, ["train", "validation", "test"])), "no leak, but a good feature"


def dictate_margins(monkeypatch, **margins):
    """Let the best score of the linear model be above the second by these numbers, per split."""
    scores = {split: np.stack([np.zeros(len(m)), m], axis=1) for split, m in margins.items()}
    monkeypatch.setattr("argf_np.data.check.linear_scores", lambda *arguments: scores)


@pytest.mark.parametrize(("share", "trusted"), [(0.74, False), (0.76, True), (1.5, True)])
def test_validation_is_not_trusted_where_a_model_is_less_sure_of_test_by_a_quarter(
        share, trusted, monkeypatch):
    dictate_margins(monkeypatch, validation=np.ones(306), test=np.full(752, share))
    assert trusts(synthesise()) == trusted


@pytest.mark.parametrize(("errors", "trusted"), [(2.9, True), (3.1, False)])
@pytest.mark.parametrize("varied", ["validation", "test"])
def test_a_difference_below_three_standard_errors_over_videos_says_nothing(
        varied, errors, trusted, monkeypatch):
    """The model is sure by 1 and by 0.7. In one of the splits it is surer of every other video."""
    corpus, margins = synthesise(), {"validation": np.ones(306), "test": np.full(752, 0.7)}
    lengths = corpus.lengths[corpus.split[varied]]
    signs = np.resize([1.0, -1.0], len(lengths))
    signs -= np.sum(signs * lengths) / np.sum(lengths)  # so that the mean stays
    error = np.sqrt(np.sum((signs * lengths) ** 2)) / np.sum(lengths)
    margins[varied] += np.repeat(0.3 / (errors * error) * signs, lengths)
    assert margins[varied].min() > 0
    dictate_margins(monkeypatch, **margins)
    assert trusts(corpus) == trusted


def test_no_test_label_is_used():
    for corpus in (synthesise(), leaking(synthesise(), ["train", "validation"])):
        labels = corpus.labels.copy()
        labels[corpus.utterances("test")] = 0
        assert trusts(replace(corpus, labels=labels)) == trusts(corpus)


def test_a_small_or_empty_validation_split_is_not_trusted():
    corpus = synthesise()
    few = replace(corpus, split=corpus.split | {"validation": corpus.split["validation"][:1]})
    assert len(few.utterances("validation")) < 30
    assert not trusts(few)
    assert not trusts(replace(corpus, split=corpus.split | {"validation": np.arange(0)}))


def test_without_test_videos_nothing_can_be_compared():
    corpus = leaking(synthesise(), ["train", "validation"])
    assert trusts(replace(corpus, split=corpus.split | {"test": np.arange(0)}))


def test_real_mosi_is_not_trusted_and_would_not_be_if_it_were_unknown(mosi_dir):
    corpus = load("mosi", mosi_dir)
    assert not trusts(corpus)
    assert not trusts(replace(corpus, split=corpus.split | {"test": np.arange(0)}))
    assert not trusts(replace(corpus, published=None))
    other = replace(corpus, features={m: x[:, :50] for m, x in corpus.features.items()},
                    split=corpus.split | {"test": np.arange(0)})
    assert trusts(other), "other features of MOSI, of which nothing is known"


def test_porias_features_of_mosi_are_not_trusted_whichever_of_them_are_used():
    """They are known by their widths. Without test videos nothing else can tell."""
    corpus = replace(synthesise(), source="real")
    corpus = replace(corpus, split=corpus.split | {"test": np.arange(0)})
    for modalities in ("alv", "al", "lv"):
        assert not trusts(select(corpus, modalities)), modalities
    other = {m: x[:, :50] for m, x in corpus.features.items()}
    assert trusts(replace(corpus, features=other))


@pytest.mark.parametrize(("difference", "warned"), [(0.04, False), (0.06, True)])
def test_a_linear_model_is_suspicious_from_a_difference_of_five_points(
        difference, warned, monkeypatch):
    """Of so many utterances, three standard errors are less than that."""
    n = 30_000
    split = np.repeat(["train", "validation", "test"], n // 3)
    features = {m: np.zeros((n, 1)) for m in ("face", "voice")}
    corpus = from_arrays(features, np.arange(n) // 10, np.arange(n) % 2, split=split)
    found = {"train": 0.9, "validation": 0.8, "test": 0.8 - difference}
    monkeypatch.setattr("argf_np.data.check.linear_accuracy", lambda *arguments: found)
    assert ("warning: a linear model of face is right on 80.0 %" in report(corpus)) == warned


# --- surroundings --------------------------------------------------------------------------------


def test_a_user_without_a_home_has_a_data_directory():
    """As in a container: no variable, and no entry for the user."""
    code = """if True:
        import pwd
        def unknown(uid):
            raise KeyError(uid)
        pwd.getpwuid = pwd.getpwnam = unknown
        from argf_np.data import data_dir
        print(data_dir(), data_dir("~nobody/x"))
    """
    surroundings = {name: value for name, value in os.environ.items()
                    if name not in ("HOME", "XDG_CACHE_HOME", "ARGF_NP_DATA")}
    done = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True,
                          text=True, check=True)
    assert done.stdout == ".cache/argf_np/data ~nobody/x\n"


def test_the_cache_of_a_user_with_a_home(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_dir() == tmp_path / ".cache" / "argf_np" / "data"


def test_moments_of_a_constant_column_are_exact():
    corpus = synthesise()
    features = {m: x.copy() for m, x in corpus.features.items()}
    features["l"][:, 3] = 1e29 / 3
    found = standardise(replace(corpus, features=features))
    assert (found.features["l"][:, 3] == 0).all(), "the mean of equal numbers is rounded"
    assert moments(corpus)["a"]["mean"].shape == (73,)

"""The commands on data of your own: train, predict, evaluate; what they write, say and refuse."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import read_csv, read_json, refused

import argf_np
from argf_np import data, evaluate, figures, predict, train
from argf_np.baselines import MODELS, chfusion
from argf_np.estimator import load
from argf_np.settings import preset

TINY = ["--epochs", "2", "--ucln-epochs", "1", "--ucln-patience", "0", "--d", "4", "--k", "3",
        "--batch-size", "4", "--quiet"]
WIDTHS = {"speech": 5, "pulse": 2, "posture": 3, "text": 4}
CLASSES = ("calm", "glad", "tense")
CLASS_OF = np.arange(21) // 2 % 3  # of each utterance; other ones at the beginning and in test
FIGURES = {"training.png", "embedding.png", "modality_gap.png"}
OF_THE_GRAPH = {"vertex_weights.png", "graph.png"}


def write(path, modalities, labelled=True, seed=0, **more):
    """Seven videos of three utterances and three classes; without labels, without splits too."""
    rng, videos = np.random.default_rng(seed), np.repeat(np.arange(7), 3)
    columns = {"video": [f"v{i}" for i in videos], "order": np.tile(np.arange(3), 7)}
    if labelled:
        columns["label"] = np.array(CLASSES)[CLASS_OF]
        columns["split"] = np.array(["train"] * 4 + ["validation", "test", "test"])[videos]
    features = {m: rng.normal(size=(21, WIDTHS[m])) for m in modalities}
    np.savez(path, **columns, **features, **more)
    return str(path)


def figures_in(run):
    return {file.name for file in (run / "figures").iterdir()}


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)


@pytest.fixture
def trained(tmp_path, capsys, no_pictures):
    """The folder of a run on speech and pulse."""
    path, folder = write(tmp_path / "mine.npz", ["speech", "pulse"]), tmp_path / "run"
    assert train.main(["--dataset", path, *TINY, "--out", str(folder)]) == 0
    capsys.readouterr()
    return folder


# Training


@pytest.mark.parametrize("modalities", [
    ["pulse", "speech"], ["posture", "pulse", "speech", "text"]], ids=["two", "four"])
def test_trains_on_a_path_and_draws_everything(modalities, tmp_path, capsys):
    path, folder = write(tmp_path / "mine.npz", modalities), tmp_path / "run"
    assert train.main(["--dataset", path, *TINY, "--out", str(folder)]) == 0
    said = capsys.readouterr()
    target, *sources = modalities
    assert f"{path} (real data), {','.join(sources)} -> {target}, variant paper" in said.out
    for m in modalities:
        assert f"UCLN {m} alone" in said.out
    assert "paper, real data" not in said.out, "the paper has no such data"
    assert said.err == ""
    assert figures_in(folder) == FIGURES | OF_THE_GRAPH
    assert [*read_json(folder / "metrics.json")["unimodal"]] == modalities
    assert read_json(folder / "config.json")["modalities"] == ",".join(modalities)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_pictures_are_of_the_test_utterances_in_the_variant(variant, tmp_path, monkeypatch):
    """The weights are those by which the saved model explains the same utterances."""
    drawn = {}

    def record(name):
        def draw(*arguments, **named):
            drawn[name] = arguments
            return SimpleNamespace(figure=None)

        monkeypatch.setattr(figures, name, draw)

    for name in ("embedding_space", "modality_gap", "vertex_weights", "graph"):
        record(name)
    monkeypatch.setattr(figures, "training_curves",
                        lambda *arguments, **named: {"fusion": SimpleNamespace(figure=None)})
    monkeypatch.setattr(figures, "save", lambda figure, path: path.touch())
    monkeypatch.setattr("argf_np.metrics.CONSTANT", np.inf)  # all that is looked at hardly varies
    path = write(tmp_path / "mine.npz", ["posture", "pulse", "speech"],
                 words=[f"word {row}" for row in range(21)])
    assert train.main(["--dataset", path, *TINY, "--variant", variant, "--out",
                       str(tmp_path / "run")]) == 0
    corpus, explained = data.read(path), argf_np.load(tmp_path / "run").explain(data.read(path))
    test = corpus.utterances("test")
    expected = np.stack([*explained["vertices"].values()], axis=1)[test]
    np.testing.assert_allclose(drawn["vertex_weights"][0], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(drawn["graph"][0], expected, rtol=0, atol=1e-6)
    assert drawn["vertex_weights"][1] == [f"word {row}" for row in test]
    x_e, labels, classes = drawn["embedding_space"]
    assert x_e.shape == drawn["modality_gap"][0].shape == (3, len(test), 3)
    assert [classes[c] for c in labels] == [CLASSES[CLASS_OF[row]] for row in test]
    warnings = read_json(tmp_path / "run" / "metrics.json")["warnings"]
    assert any(text.startswith("the weights of the unimodal vertices") for text in warnings)


def test_weights_are_drawn_of_utterances_from_the_first_to_the_last(tmp_path, monkeypatch):
    """Of 24 of the 752 test utterances, at equal distances. Here the weights are their numbers."""
    drawn, nothing = [], SimpleNamespace(figure=None)

    def draw(*arguments, **named):
        drawn.append(arguments)
        return nothing

    for name in ("embedding_space", "modality_gap", "graph"):
        monkeypatch.setattr(figures, name, lambda *arguments, **named: nothing)
    monkeypatch.setattr(figures, "vertex_weights", draw)
    monkeypatch.setattr(figures, "training_curves", lambda *arguments, **named: {"fusion": nothing})
    monkeypatch.setattr(figures, "save", lambda figure, path: path.touch())
    corpus = data.synthesise()
    number = np.arange(752.0)[:, None]  # (B, 1)
    out = {"x_e": np.zeros((3, 752, 2)), "alpha_m": np.stack([number] * 3),
           "alpha_2": np.stack([number] * 3), "alpha_3": np.stack([number] * 6)}
    train.draw(tmp_path / "figures", [], out, corpus, preset("mosi"))
    [(weights, words)] = drawn
    shown = weights[:, 0].astype(int)
    assert (len(shown), shown[0], shown[-1]) == (24, 0, 751)
    assert np.ptp(np.diff(shown)) <= 1
    assert words == [corpus.words[corpus.utterances("test")[i]] for i in shown]


def test_some_modalities_of_mosi_and_another_fusion(tmp_path, capsys):
    flags = ["--modalities", "a, l", "--fusion", "concatenation", "--batch-size", "64"]
    flags += ["--source", "synthetic", "--out", str(tmp_path)]
    assert train.main([*TINY[:-1], *flags]) == 0
    said = capsys.readouterr()
    assert "mosi (synthetic data), a -> l" in said.out
    assert "UCLN v" not in said.out + said.err
    assert figures_in(tmp_path) == FIGURES, "no graph, no picture of it"


def test_name_of_a_run_on_a_path(tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)
    write("mine.npz", ["speech", "pulse"])
    assert train.main(["--dataset", "mine.npz", *TINY]) == 0
    [folder] = (tmp_path / "runs").iterdir()
    expected = "mine-real-pulse-paper-fixed-seed0-modalitiespulse,speech-"
    assert folder.name.startswith(expected)


def test_without_validation_there_is_no_validation(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    write(path, ["speech", "pulse"])
    with np.load(path) as file:
        content = dict(file)
    split = content["split"]
    content["split"] = np.where(split == "validation", "train", split)
    np.savez(path, **content)

    assert train.main(["--dataset", str(path), *TINY, "--out", str(tmp_path / "run")]) == 0
    assert "validation" not in read_json(tmp_path / "run" / "metrics.json")
    columns = read_csv(tmp_path / "run" / "history.csv")[0]
    assert not any(name.startswith("validation") for name in columns)
    refusal = refused(capsys, train, "--dataset", path, *TINY, "--protocol", "validation",
                      "--out", tmp_path / "other")
    assert refusal == "mine: cannot be trained on: no video is in the split validation"
    assert not (tmp_path / "other").exists()


def test_one_test_utterance_is_enough(tmp_path, capsys):
    path, folder = tmp_path / "mine.npz", tmp_path / "run"
    np.savez(path, video=["x", "x", "y"], order=[0, 1, 0], split=["train", "train", "test"],
             label=[0, 1, 1], speech=np.eye(3, 4), pulse=np.eye(3, 2))
    assert train.main(["--dataset", str(path), *TINY, "--out", str(folder)]) == 0
    expected = FIGURES - {"embedding.png"} | OF_THE_GRAPH  # no map of a single point
    assert figures_in(folder) == expected


def test_too_large_a_network_is_one_line(tmp_path, capsys):
    """Tensor fusion of four modalities: 32 * 701^4 parameters, 60 terabytes."""
    path = write(tmp_path / "mine.npz", [*WIDTHS])
    refusal = refused(capsys, train, "--dataset", path, *TINY, "--fusion", "tensor", "--k", "700",
                      "--out", tmp_path / "run")
    assert refusal.startswith("not enough memory: ")


def test_a_bug_shows_its_traceback(tmp_path, monkeypatch):
    """Only expected errors become one line."""
    def bug(*arguments):
        raise ValueError("a bug")

    monkeypatch.setattr(train, "run", bug)
    with pytest.raises(ValueError, match="a bug"):
        train.main(["--source", "synthetic", *TINY, "--out", str(tmp_path)])


# Predicting and evaluating


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_trained_used_and_evaluated(model, tmp_path, capsys, no_pictures,
                                                   monkeypatch):
    monkeypatch.setattr(chfusion, "BIMODAL_EPOCHS", 2)
    monkeypatch.setattr(chfusion, "TRIMODAL_EPOCHS", 2)
    path, folder = write(tmp_path / "mine.npz", ["speech", "pulse"]), tmp_path / "run"
    out = tmp_path / "all.csv"
    assert train.main(["--dataset", path, *TINY, "--model", model, "--out", str(folder)]) == 0
    assert predict.main([str(folder), "--data", path, "--out", str(out)]) == 0
    everything, test = read_csv(out), read_csv(folder / "predictions.csv")
    assert len(everything) == 21
    assert everything[-6:] == test, "those of the run are those of its model"
    capsys.readouterr()
    assert evaluate.main([str(folder)]) == 0
    accuracy = read_json(folder / "metrics.json")["test"]["accuracy"]
    said = capsys.readouterr().out
    assert re.search(rf"^test +{100 * accuracy:.2f} %", said, re.MULTILINE)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_continues_an_interrupted_run(model, tmp_path, capsys, monkeypatch,
                                                  no_pictures):
    """In the end there are the same files, and no epoch that was finished is trained again."""
    monkeypatch.setattr(chfusion, "BIMODAL_EPOCHS", 2)
    monkeypatch.setattr(chfusion, "TRIMODAL_EPOCHS", 2)
    path = write(tmp_path / "mine.npz", ["speech", "pulse"])
    flags = ["--dataset", path, *TINY, "--ucln-epochs", "2", "--model", model]
    assert train.main([*flags, "--out", str(tmp_path / "whole")]) == 0
    begun, folder = [], tmp_path / "stopped"

    class Interrupted(train.Progress):
        def begin(self, stage, epochs, done=0):
            begun.append((stage, done))
            super().begin(stage, epochs, done)

        def epoch(self, epoch, values):
            if epoch == 2 and len(begun) == 1:  # the UCLNs are in the cache already
                raise KeyboardInterrupt
            super().epoch(epoch, values)

    monkeypatch.setattr(train, "Progress", Interrupted)
    assert train.main([*flags, "--out", str(folder)]) == 130
    assert train.main(["--resume", str(folder)]) == 0
    done = 0 if model == "logistic" else 1
    assert begun == [(model.upper().replace("_", "-"), already) for already in (0, done)]
    for file in ("history.csv", "model.npz", "predictions.csv", "metrics.json"):
        assert (folder / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    assert not (folder / "checkpoint.npz").exists()
    assert predict.main([str(folder), "--data", path, "--out", str(tmp_path / "all.csv")]) == 0
    assert evaluate.main([str(folder)]) == 0


def test_predicts_new_videos(trained, tmp_path, capsys):
    new = write(tmp_path / "new.npz", ["speech", "pulse"], labelled=False, seed=1)
    out = tmp_path / "predictions.csv"
    assert predict.main([str(trained), "--data", new, "--out", str(out)]) == 0
    said = f"21 utterances of 7 videos: predictions are in {out}, in the order of the data's rows\n"
    assert capsys.readouterr().out == said
    rows, P = read_csv(out), argf_np.load(trained).predict_proba(data.read(new))
    assert [*rows[0]] == ["id", "words", "prediction", "p_calm", "p_glad", "p_tense"]
    assert [row["id"] for row in rows] == [*data.read(new).ids]
    for row, p in zip(rows, P, strict=True):
        assert [row[f"p_{name}"] for name in CLASSES] == [f"{value:.6f}" for value in p]
        assert row["prediction"] == CLASSES[p.argmax()]


def test_predictions_are_in_the_order_of_the_file(tmp_path, no_pictures):
    path = write(tmp_path / "mine.npz", ["speech", "pulse"])
    with np.load(path) as file:
        columns = {name: x[np.random.default_rng(3).permutation(21)] for name, x in file.items()}
    np.savez(path, **columns)
    ids = [f"{video}_{order}" for video, order in
           zip(columns["video"], columns["order"], strict=True)]
    of_test = [name for name, split in zip(ids, columns["split"], strict=True) if split == "test"]
    run, new = tmp_path / "run", tmp_path / "new.csv"
    assert train.main(["--dataset", path, *TINY, "--out", str(run)]) == 0
    assert predict.main([str(run), "--data", path, "--out", str(new)]) == 0
    assert [row["id"] for row in read_csv(new)] == ids
    written = read_csv(run / "predictions.csv")
    assert [row["id"] for row in written] == of_test != sorted(of_test)
    by_id = {row["id"]: row for row in read_csv(new)}
    assert [by_id[row["id"]]["p_calm"] for row in written] == [row["p_calm"] for row in written]


def test_words_stand_beside_the_id_where_there_are_any(trained, tmp_path):
    words = np.array(["", "yes"])[np.arange(21) % 2]
    out = tmp_path / "new.csv"
    with_words = write(tmp_path / "with.npz", ["speech", "pulse"], words=words)
    without = write(tmp_path / "without.npz", ["speech", "pulse"])
    assert predict.main([str(trained), "--data", with_words, "--out", str(out)]) == 0
    assert [row["words"] for row in read_csv(out)] == words.tolist()
    assert predict.main([str(trained), "--data", without, "--out", str(out)]) == 0
    assert {row["words"] for row in read_csv(out)} == {""}


def test_evaluates_each_split(trained, tmp_path, capsys):
    assert evaluate.main([str(trained)]) == 0
    said, metrics = capsys.readouterr().out, read_json(trained / "metrics.json")
    assert evaluate.main([str(trained / "model.npz")]) == 0
    assert capsys.readouterr().out == said
    head = said.split("\n\n")[0]
    assert head.replace("\n", " ") == repr(load(trained))
    assert all(len(line) <= 100 or " " not in line for line in head.splitlines())
    lines = {}
    for line in said.splitlines():
        if "%" in line and line[0] != " ":
            name, *cells = line.split()
            lines[name] = cells[::2]
    assert [*lines] == ["train", "validation", "test"]
    assert lines["test"][0] == f"{100 * metrics['test']['accuracy']:.2f}"
    majority = 100 * metrics["majority_class"]["accuracy"]
    assert re.search(rf"majority class of test +{majority:.2f} %", said)
    other = write(tmp_path / "other.npz", ["speech", "pulse"], seed=2)
    assert evaluate.main([str(trained), "--data", other]) == 0
    assert capsys.readouterr().out != said


def test_a_split_without_videos_is_not_evaluated(trained, tmp_path, capsys):
    """All videos of a file without splits are for testing."""
    path = write(tmp_path / "new.npz", ["speech", "pulse"])
    with np.load(path) as file:
        columns = {name: x for name, x in file.items() if name != "split"}
    np.savez(path, **columns)
    assert evaluate.main([str(trained), "--data", path]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"^(train|validation|test) ", said, re.M) == ["test"]


def test_a_run_on_synthetic_data_is_evaluated_on_synthetic_data(tmp_path, capsys, no_pictures):
    arguments = ["--source", "synthetic", *TINY, "--model", "logistic", "--out", str(tmp_path)]
    assert train.main(arguments) == 0
    capsys.readouterr()
    assert evaluate.main([str(tmp_path)]) == 0
    assert capsys.readouterr().err == "", "real data was not looked for"


def write_with_other_classes(path):
    """Videos without the class that comes first, so that classes have other numbers than in a run.

    Of the test utterances most are tense, of all utterances most are glad.
    """
    labels = np.array(["glad"] * 14 + ["tense"] * 5 + ["glad"] * 2)
    features = np.random.default_rng(4)
    videos = np.repeat(np.arange(7), 3)
    np.savez(path, video=[f"v{i}" for i in videos], order=np.tile(np.arange(3), 7), label=labels,
             split=np.array(["train"] * 4 + ["validation", "test", "test"])[videos],
             speech=features.normal(size=(21, WIDTHS["speech"])),
             pulse=features.normal(size=(21, WIDTHS["pulse"])))
    return str(path), labels


def test_classes_are_matched_by_name(trained, tmp_path, capsys):
    """In `evaluate` and in `predict`, on data that lack a class of the run."""
    path, labels = write_with_other_classes(tmp_path / "other.npz")
    out = tmp_path / "other.csv"
    assert predict.main([str(trained), "--data", path, "--out", str(out)]) == 0
    rows = read_csv(out)
    assert [row["truth"] for row in rows] == labels.tolist()
    predicted = np.array([row["prediction"] for row in rows])
    capsys.readouterr()
    assert evaluate.main([str(trained), "--data", path]) == 0
    said = capsys.readouterr().out
    test = np.arange(21) >= 15
    of_class = []
    for name in CLASSES:
        is_it = test & (labels == name)
        of_class.append(100 * np.mean(predicted[is_it] == name) if is_it.any() else 0)
    accuracy = 100 * np.mean(predicted[test] == labels[test])
    line, = re.findall(r"^test .*$", said, re.M)
    cells = [float(cell) for cell in line.split()[1::2]]
    assert cells[0] == pytest.approx(accuracy, abs=0.01)
    assert cells[2:] == pytest.approx(of_class, abs=0.01)
    majority = 100 * np.mean(labels[test] == "tense")
    assert re.search(rf"majority class of test +{majority:.2f} %", said)


def test_a_class_whose_name_has_a_line_break_breaks_no_table():
    text = evaluate.format_scores({"ARGF": [0.5, 0.25, 1, 0]}, ("calm\ndown", "tense"))
    head, line = text.splitlines()
    assert head.split() == ["accuracy", "weighted", "F1", "calm", "down", "tense"]
    assert len(line) == len(head)


@pytest.mark.parametrize(("content", "message"), [
    (None, "run: holds no model.npz, expected the folder of a finished run"),
    (b"PK", "expected a model of argf_np, found a truncated or another file")])
def test_no_model_is_one_line(content, message, trained, tmp_path, capsys):
    (trained / "model.npz").unlink()
    if content:
        (trained / "model.npz").write_bytes(content)
    assert message in refused(capsys, evaluate, trained)
    assert message in refused(capsys, predict, trained, "--data", tmp_path / "mine.npz",
                              "--out", tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_unsuitable_videos_are_one_line_and_nothing_is_written(trained, tmp_path, capsys):
    new = write(tmp_path / "new.npz", ["speech", "posture"], labelled=False)
    out = tmp_path / "predictions.csv"
    assert refused(capsys, predict, trained, "--data", new, "--out", out) == (
        "new: expected modality pulse of width 2, found none")
    assert refused(capsys, evaluate, trained, "--data", new) == "new: nothing is labelled"
    assert not out.exists()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_no_probability_that_is_not_finite_is_written_or_counted(split, trained, tmp_path, capsys):
    """The features are finite and overflow in the network, whatever their split."""
    path, out = tmp_path / "new.npz", tmp_path / "new.csv"
    write(path, ["speech", "pulse"])
    with np.load(path) as file:
        content = dict(file)
    row = np.flatnonzero(content["split"] == split)[0]
    content["pulse"][row] = [3e38, -3e38]
    np.savez(path, **content)
    for refusal in (refused(capsys, predict, trained, "--data", path, "--out", out),
                    refused(capsys, evaluate, trained, "--data", path)):
        assert f"utterance v{row // 3}_" in refusal
    assert not out.exists()


@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_help_and_wrong_flags(command):
    def run(flag):
        return subprocess.run([sys.executable, "-m", f"argf_np.{command}", flag],
                              capture_output=True, text=True)

    assert f"usage: python -m argf_np.{command}" in run("--help").stdout
    wrong = run("--colour")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")
    assert wrong.stderr.count("\n") == 1

"""The commands on data of one's own: train, predict, evaluate; what they write, say and refuse."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import refused

from argf_np import data, evaluate, predict, train
from argf_np.estimator import ARGF

TINY = ["--epochs", "2", "--ucln-epochs", "1", "--d", "4", "--k", "3", "--batch-size", "4", "--quiet"]
WIDTHS = {"speech": 5, "pulse": 2, "posture": 3, "text": 4}
FIGURES = {"training.png", "embedding.png", "modality_gap.png"}


def write(path, modalities, labelled=True, seed=0):
    """Seven videos of three utterances and three classes; without labels there are no splits either."""
    rng, videos = np.random.default_rng(seed), np.repeat(np.arange(7), 3)
    columns = {"video": [f"v{i}" for i in videos], "order": np.tile(np.arange(3), 7)}
    if labelled:
        columns |= {"label": np.array(["calm", "glad", "tense"])[np.arange(21) % 3],
                    "split": np.array(["train"] * 4 + ["validation", "test", "test"])[videos]}
    np.savez(path, **columns, **{m: rng.normal(size=(21, WIDTHS[m])) for m in modalities})
    return str(path)


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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


@pytest.mark.parametrize("modalities", [["pulse", "speech"], ["posture", "pulse", "speech", "text"]],
                         ids=["two", "four"])
def test_trains_on_a_path_and_draws_everything(modalities, tmp_path, capsys):
    path, folder = write(tmp_path / "mine.npz", modalities), tmp_path / "run"
    assert train.main(["--dataset", path, *TINY, "--out", str(folder)]) == 0
    said = capsys.readouterr()
    target, *_ = modalities
    assert f"{path} (real data), {','.join(modalities[1:])} -> {target}, variant paper" in said.out
    assert all(f"UCLN {m} alone" in said.out for m in modalities)
    assert "paper, real data" not in said.out, "the paper has no such data"
    assert said.err == ""
    assert {file.name for file in (folder / "figures").iterdir()} == FIGURES | {"vertex_weights.png", "graph.png"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [*metrics["unimodal"]] == modalities
    assert json.loads((folder / "config.json").read_text())["modalities"] == ",".join(modalities)


def test_some_modalities_of_mosi_and_another_fusion(tmp_path, capsys):
    flags = ["--modalities", "a,l", "--fusion", "concatenation", "--batch-size", "64", "--out", str(tmp_path)]
    assert train.main(["--source", "synthetic", *TINY[:-1], *flags]) == 0
    said = capsys.readouterr()
    assert "mosi (synthetic data), a -> l" in said.out
    assert "UCLN v" not in said.out + said.err
    assert {file.name for file in (tmp_path / "figures").iterdir()} == FIGURES, "no graph, no picture of it"


def test_name_of_a_run_on_a_path(tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)
    write("mine.npz", ["speech", "pulse"])
    assert train.main(["--dataset", "mine.npz", *TINY]) == 0
    [folder] = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("mine-real-pulse-paper-fixed-seed0-modalitiespulse,speech-")


def test_without_validation_there_is_no_validation(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    write(path, ["speech", "pulse"])
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **content | {"split": np.where(content["split"] == "validation", "train", content["split"])})
    assert train.main(["--dataset", str(path), *TINY, "--out", str(tmp_path / "run")]) == 0
    assert "validation" not in json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert not any(name.startswith("validation") for name in read_csv(tmp_path / "run" / "history.csv")[0])
    refusal = refused(capsys, train, "--dataset", str(path), *TINY, "--protocol", "validation", "--out",
                      str(tmp_path / "other"))
    assert refusal == "mine: cannot be trained on: no video is in the split validation"
    assert not (tmp_path / "other").exists()


def test_one_test_utterance_is_enough(tmp_path, capsys):
    np.savez(tmp_path / "mine.npz", video=["x", "x", "y"], order=[0, 1, 0], split=["train", "train", "test"],
             label=[0, 1, 1], speech=np.eye(3, 4), pulse=np.eye(3, 2))
    assert train.main(["--dataset", str(tmp_path / "mine.npz"), *TINY, "--out", str(tmp_path / "run")]) == 0
    assert {file.name for file in (tmp_path / "run" / "figures").iterdir()} == {
        "training.png", "modality_gap.png", "vertex_weights.png", "graph.png"}, "no map of a single point"


def test_predicts_new_videos(trained, tmp_path, capsys):
    new, out = write(tmp_path / "new.npz", ["speech", "pulse"], labelled=False, seed=1), tmp_path / "predictions.csv"
    assert predict.main([str(trained), "--data", new, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"21 utterances of 7 videos: predictions are in {out}\n"
    rows, P = read_csv(out), ARGF.load(trained).predict_proba(data.read(new))
    assert [*rows[0]] == ["id", "words", "prediction", "p_calm", "p_glad", "p_tense"]
    assert [row["id"] for row in rows] == list(data.read(new).ids)
    for row, p in zip(rows, P, strict=True):
        assert [row[f"p_{name}"] for name in ("calm", "glad", "tense")] == [f"{value:.6f}" for value in p]
        assert row["prediction"] == ("calm", "glad", "tense")[p.argmax()]


def test_predictions_of_the_run_are_those_of_its_model(trained, tmp_path):
    assert predict.main([str(trained / "model.npz"), "--data", str(tmp_path / "mine.npz"),
                         "--out", str(tmp_path / "all.csv")]) == 0
    everything, test = read_csv(tmp_path / "all.csv"), read_csv(trained / "predictions.csv")
    assert everything[-6:] == test
    assert len(everything) == 21


def test_evaluates_each_split(trained, tmp_path, capsys):
    assert evaluate.main([str(trained)]) == 0
    said, metrics = capsys.readouterr().out, json.loads((trained / "metrics.json").read_text())
    lines = {line.split("  ")[0]: line.split()[1::2] for line in said.splitlines() if "%" in line and line[0] != " "}
    assert [*lines] == ["train", "validation", "test"]
    assert lines["test"][0] == f"{100 * metrics['test']['accuracy']:.2f}"
    majority = 100 * metrics["majority_class"]["accuracy"]
    assert re.search(rf"majority class of test +{majority:.2f} %", said)
    other = write(tmp_path / "other.npz", ["speech", "pulse"], seed=2)
    assert evaluate.main([str(trained), "--data", other]) == 0
    assert capsys.readouterr().out != said


@pytest.mark.parametrize(("change", "message"), [
    (lambda folder: (folder / "model.npz").unlink(), "model.npz: No such file or directory"),
    (lambda folder: (folder / "model.npz").write_bytes(b"PK"), "found a truncated or another file")])
def test_no_model_is_one_line(change, message, trained, tmp_path, capsys):
    change(trained)
    assert message in refused(capsys, evaluate, str(trained))
    assert message in refused(capsys, predict, str(trained), "--data", str(tmp_path / "mine.npz"), "--out", "x.csv")


def test_unsuitable_videos_are_one_line_and_nothing_is_written(trained, tmp_path, capsys):
    new, out = write(tmp_path / "new.npz", ["speech", "posture"], labelled=False), tmp_path / "predictions.csv"
    assert refused(capsys, predict, str(trained), "--data", new, "--out", str(out)) == (
        "new: expected features pulse of width 2, found none")
    assert refused(capsys, evaluate, str(trained), "--data", new) == "new: nothing is labelled"
    assert not out.exists()


def test_a_bug_shows_its_traceback(tmp_path, monkeypatch):
    """Only expected errors become one line."""
    def bug(*arguments):
        raise ValueError("a bug")

    monkeypatch.setattr(train, "run", bug)
    with pytest.raises(ValueError, match="a bug"):
        train.main(["--source", "synthetic", *TINY, "--out", str(tmp_path)])


def test_too_large_a_network_is_one_line(tmp_path, capsys):
    """Tensor fusion of four modalities: 32 * 701^4 parameters, 60 terabytes."""
    path = write(tmp_path / "mine.npz", [*WIDTHS])
    refusal = refused(capsys, train, "--dataset", path, *TINY, "--fusion", "tensor", "--k", "700", "--out",
                      str(tmp_path / "run"))
    assert refusal.startswith("not enough memory: ")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_help_and_wrong_flags(command):
    run = lambda *flags: subprocess.run(  # noqa: E731
        [sys.executable, "-m", f"argf_np.{command}", *flags], capture_output=True, text=True)
    assert "usage: python -m argf_np." + command in run("--help").stdout
    wrong = run("--colour")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)

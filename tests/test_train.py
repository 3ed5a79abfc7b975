"""The command ``python -m argf_np.train``: what it writes, repeats, refuses and says."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import refused

from argf_np import data, pipeline, train
from argf_np.estimator import ARGF
from argf_np.paper import protocols
from argf_np.settings import PRESETS, Settings, preset
from argf_np.storage.cache import cached

SHORT = ["--source", "synthetic", "--epochs", "2", "--ucln-epochs", "1", "--d", "10", "--k", "8"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and printed lines of one short run with both streams captured."""
    folder = tmp_path_factory.mktemp("finished")
    done = subprocess.run([sys.executable, "-m", "argf_np.train", *SHORT, "--out", str(folder / "run")],
                          capture_output=True, text=True, check=True,
                          env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")})
    return folder / "run", done.stdout, done.stderr


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_run_folder_is_complete(finished):
    folder, _, _ = finished
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {"config.json", "metrics.json", "history.csv", "predictions.csv", "model.npz", ".lock", *(
        f"figures/{name}.png" for name in ("training", "embedding", "modality_gap", "vertex_weights", "graph"))}


def test_metrics_agree_with_predictions(finished):
    folder, _, _ = finished
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = read_csv(folder / "predictions.csv")
    assert {metrics[name] for name in ("source", "protocol", "variant", "target")} == {
        "synthetic", "fixed", "paper", "l"}
    assert (metrics["seed"], metrics["epoch"], len(rows)) == (0, 2, 752)
    assert metrics["test"]["accuracy"] == np.mean([row["truth"] == row["prediction"] for row in rows])
    for name, scores in metrics["test"]["per_class"].items():
        mine = [row for row in rows if row["truth"] == name]
        assert scores["support"] == len(mine)
        assert scores["accuracy"] == np.mean([row["prediction"] == name for row in mine])
    for row in rows:
        probabilities = {name: float(row[f"p_{name}"]) for name in metrics["test"]["per_class"]}
        assert sum(probabilities.values()) == pytest.approx(1, abs=2e-6)
        assert probabilities[row["prediction"]] == max(probabilities.values())
    assert metrics["majority_class"]["accuracy"] == pytest.approx(467 / 752)


def test_parameters_and_configuration_repeat_the_predictions(finished):
    folder, _, _ = finished
    config = json.loads((folder / "config.json").read_text())
    assert config["utterances"] == {"train": 1141, "validation": 306, "test": 752}
    assert set(config["versions"]) == {"argf_np", "python", "numpy", "autograd"}
    again = train.parser().parse_args(config["command"].split()[3:])
    assert (again.source, again.epochs, again.lambda_, again.k) == ("synthetic", 2, 1e-3, 8)
    model, corpus = ARGF.load(folder), data.load(source="synthetic")
    assert set(model.params) == {"encoders", "decoders", "discriminator", "classifier", "fusion"}
    predicted = [row["prediction"] for row in read_csv(folder / "predictions.csv")]
    assert model.predict(corpus)[corpus.utterances("test")].tolist() == predicted


def test_history_has_a_row_an_epoch(finished):
    rows = read_csv(finished[0] / "history.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"embedding", "discriminator", "classifier", "fusion", "validation_L", "validation_accuracy"} <= set(rows[0])
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())


def test_says_what_it_did(finished):
    folder, stdout, stderr = finished
    accuracy = json.loads((folder / "metrics.json").read_text())["test"]["accuracy"]
    assert "mosi (synthetic data), a,v -> l, variant paper, protocol fixed, seed 0" in stdout
    assert f"{100 * accuracy:.2f} %" in stdout
    assert "81.38 %" in stdout
    assert "majority class" in stdout
    lines = stderr.splitlines()
    assert sum(line.startswith("ARGF  epoch") for line in lines) == 2
    assert "validation accuracy" in lines[3]
    assert "s left" in lines[3]


def test_same_seed_gives_the_same_files_with_and_without_cache(finished, tmp_path, monkeypatch):
    """The cache is empty at first: one run trains the UCLNs anew, the next takes them from the cache."""
    folder, _, _ = finished
    for name in ("anew", "cached"):
        assert train.main([*SHORT, "--out", str(tmp_path / name), "--quiet"]) == 0
        written = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert len(written) == {"anew": 11, "cached": 6}[name]
        for path in written:
            assert path.read_bytes() == (folder / path.relative_to(tmp_path / name)).read_bytes(), path.name
        monkeypatch.setattr(pipeline, "train_ucln", None)
        monkeypatch.setattr(train, "draw", lambda *arguments: None)


def test_resumed_run_ends_in_the_same_files_with_its_pictures(finished, tmp_path, monkeypatch, capsys):
    expected, _, _ = finished
    train_epoch, folder = protocols.train_epoch, tmp_path / "run"

    def interrupted(params, optimisers, *rest):
        if optimisers["fusion"]["fusion"]["t"] > 0:
            raise KeyboardInterrupt
        return train_epoch(params, optimisers, *rest)

    monkeypatch.setattr(protocols, "train_epoch", interrupted)
    assert train.main([*SHORT, "--out", str(folder), "--quiet"]) == 130
    assert capsys.readouterr().err.endswith(f"interrupted: finished epochs are kept, continue with --resume {folder}\n")
    monkeypatch.setattr(protocols, "train_epoch", train_epoch)
    assert train.main(["--resume", str(folder)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ARGF")]
    assert len(lines) == 1, "the first epoch is not trained again"
    written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(written) == 11
    for path in written:
        assert (folder / path).read_bytes() == (expected / path).read_bytes(), path


def test_another_seed_gives_other_parameters(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    assert train.main([*SHORT, "--seed", "1", "--out", str(tmp_path), "--quiet"]) == 0
    assert (tmp_path / "model.npz").read_bytes() != (finished[0] / "model.npz").read_bytes()


@pytest.mark.parametrize("flags", [
    ["--protocol", "validation"], ["--variant", "released", "--protocol", "released"], ["--target", "v"],
    ["--dtype", "float64"], ["--learn-w"], ["--activations", "fresh"]])
def test_every_mode_runs_and_is_named(flags, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    assert train.main([*SHORT, *flags, "--out", str(tmp_path)]) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    for name, value in zip(flags[::2], flags[1::2], strict=False):
        assert config[name[2:].replace("-", "_")] == value
    assert f"protocol {config['protocol']}" in capsys.readouterr().out


def test_real_mosi_is_taken_where_it_is(mosi_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ARGF_NP_DATA", str(mosi_dir.parent))
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    assert train.main([*SHORT[2:], "--out", str(tmp_path), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "real data" in captured.out
    assert captured.err == ""
    assert json.loads((tmp_path / "metrics.json").read_text())["source"] == "real"


@pytest.mark.parametrize(("flags", "message"), [
    (["--dataset", "imdb"], "unknown data set 'imdb', known: mosi, mosei, iemocap; and no file is there"),
    (["--target", "x"], "--target x: expected one of a, l, v"),
    (["--drop-rate", "1"], "--drop-rate 1.0: expected a number from 0 to below 1"),
    (["--drop-rate", "nan"], "--drop-rate nan: expected a number from 0 to below 1"),
    (["--epochs", "0"], "--epochs 0: expected a whole number from 1"),
    (["--lambda", "2"], "--lambda 2.0: expected a number from 0 to 1"),
    (["--lr", "zero"], "argument --lr: invalid float value: 'zero'"),
    (["--colour"], "unrecognized arguments: --colour"),
    (["--source", "real"], "get it with: python -m argf_np.data download mosi"),
])
def test_bad_flags_give_one_line_and_code_2(flags, message, capsys, tmp_path):
    assert message in refused(capsys, train, *flags, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing is written for a run that cannot begin"


def test_broken_data_gives_one_line_and_code_2(mosi_dir, tmp_path, capsys):
    broken = tmp_path / "mosi"
    broken.mkdir()
    for path in mosi_dir.rglob("*.csv"):
        target = broken / path.relative_to(mosi_dir)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    (broken / "audio/audio_test0.csv").write_bytes((mosi_dir / "audio/audio_test0.csv").read_bytes()[:5000])
    assert train.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "audio_test0.csv" in error
    assert error.count("\n") == 1


def test_unwritable_out_gives_one_line_and_code_2(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert train.main([*SHORT, "--out", str(tmp_path / "file" / "run")]) == 2
    error = capsys.readouterr().err
    assert error == f"error: {tmp_path / 'file' / 'run'}: Not a directory\n"
    assert (tmp_path / "file").read_text() == "in the way"


def test_live_line_on_a_terminal_is_overwritten():
    class Terminal(list):
        write, flush, isatty = list.append, lambda self: None, lambda self: True

    terminal = Terminal()
    progress = train.Progress(quiet=False, stream=terminal)
    progress.begin("ARGF", 2)
    progress.epoch(1, {"fusion": 0.123456})
    progress.epoch(2, {"fusion": 0.1})
    text = "".join(terminal)
    assert text.count("\r") == 2
    assert text.count("\n") == 1
    assert "fusion 0.1235" in text


def test_help_names_the_source_of_every_default():
    text = " ".join(train.parser().format_help().split())
    for name, spec in Settings.__dataclass_fields__.items():
        assert f"{spec.metadata['help']} (default {spec.default}" in text, name
    assert "iemocap 32" in text, "presets of other data sets are shown"


def test_presets_are_those_of_the_authors_scripts():
    assert set(PRESETS) == {"mosi", "mosei", "iemocap"}
    mosei = preset("mosei", seed=3)
    assert (mosei.k, mosei.drop_rate, mosei.lr, mosei.batch_size, mosei.weight_decay, mosei.lambda_, mosei.seed) == (
        150, 0.2, 1e-2, 16, 0, 0.1, 3)
    assert [preset(name).weight_decay for name in PRESETS] == [0.005, 0, 0.01]
    assert preset("iemocap", weight_decay=1.0).weight_decay == 1


def test_cache_depends_on_every_input(monkeypatch):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3.0)}

    inputs = {"features": np.ones((2, 3), "float32"), "seed": 0}
    assert (cached(inputs, compute)["x"] == np.arange(3)).all()
    cached(dict(inputs), compute)
    assert len(calls) == 1
    cached(inputs | {"seed": 1}, compute)
    cached(inputs | {"features": np.ones((3, 2), "float32")}, compute)
    cached(inputs | {"features": np.ones((2, 3))}, compute)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    cached(inputs, compute)
    assert len(calls) == 5


def test_damaged_cache_is_computed_again():
    inputs = {"seed": 0}
    cached(inputs, lambda: {"x": np.zeros(2)})
    [path] = (Path(os.environ["XDG_CACHE_HOME"]) / "argf_np" / "results").glob("*.npz")
    path.write_bytes(path.read_bytes()[:40])
    assert (cached(inputs, lambda: {"x": np.ones(2)})["x"] == 1).all()

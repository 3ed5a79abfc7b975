"""The command ``python -m argf_np.train``: what it writes, repeats, refuses and says."""

import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import files_in, read_csv, read_json, refused

from argf_np import data, pipeline, train
from argf_np.estimator import ARGF
from argf_np.paper import protocols
from argf_np.settings import preset
from argf_np.storage.cache import cached, fingerprint

SHORT = ["--source", "synthetic", "--epochs", "2", "--ucln-epochs", "1", "--d", "10", "--k", "8"]
FIGURES = ("training", "embedding", "modality_gap", "vertex_weights", "graph")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and printed lines of one short run with both streams captured."""
    folder = tmp_path_factory.mktemp("finished")
    done = subprocess.run(
        [sys.executable, "-m", "argf_np.train", *SHORT, "--out", str(folder / "run")],
        capture_output=True, text=True, check=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")})
    return folder / "run", done.stdout, done.stderr


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)


# What it writes


def test_run_folder_is_complete(finished):
    folder, _, _ = finished
    assert set(files_in(folder)) == {
        "config.json", "metrics.json", "history.csv", "predictions.csv", "model.npz", ".lock",
        *(f"figures/{name}.png" for name in FIGURES)}


def test_metrics_agree_with_predictions(finished):
    folder, _, _ = finished
    metrics = read_json(folder / "metrics.json")
    rows = read_csv(folder / "predictions.csv")
    facts = {name: metrics[name] for name in (
        "modalities", "model", "fusion", "without", "source", "protocol", "variant", "target",
        "seed")}
    assert facts == {"modalities": "a,l,v", "model": "argf", "fusion": "gfn", "without": "nothing",
                     "source": "synthetic", "protocol": "fixed", "variant": "paper", "target": "l",
                     "seed": 0}
    assert (metrics["epoch"], len(rows)) == (2, 752)
    right = [row["truth"] == row["prediction"] for row in rows]
    assert metrics["test"]["accuracy"] == np.mean(right)
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
    config = read_json(folder / "config.json")
    assert config["utterances"] == {"train": 1141, "validation": 306, "test": 752}
    assert set(config["versions"]) == {"argf_np", "python", "numpy", "autograd"}
    again = train.parser().parse_args(shlex.split(config["command"])[3:])
    assert (again.source, again.epochs, again.lambda_, again.k) == ("synthetic", 2, 1e-3, 8)
    model, corpus = ARGF.load(folder), data.load(source="synthetic")
    groups = {"encoders", "decoders", "discriminator", "classifier", "fusion"}
    assert set(model.params) == groups
    predicted = [row["prediction"] for row in read_csv(folder / "predictions.csv")]
    assert model.predict(corpus)[corpus.utterances("test")].tolist() == predicted


def test_history_has_one_row_per_epoch(finished):
    rows = read_csv(finished[0] / "history.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"embedding", "discriminator", "classifier", "fusion", "validation_L",
            "validation_accuracy"} <= set(rows[0])
    for row in rows:
        assert all(np.isfinite(float(value)) for value in row.values())


def test_metrics_are_of_the_test_utterances_and_of_the_epoch_that_was_chosen():
    """The model is right about every test utterance and about no other, one UCLN vice versa."""
    corpus = data.synthesise()
    test, P = corpus.utterances("test"), np.eye(2)[corpus.labels]
    wrong = np.eye(2)[1 - corpus.labels]
    wrong[test] = P[test]
    rows = [{"validation_accuracy": accuracy} for accuracy in (0.25, 0.75, 0.5)]
    model = SimpleNamespace(
        epoch=2, history=rows, moments=data.moments(corpus),
        trained={"probabilities": P[test], "unimodal": {"a": wrong, "l": wrong[:, ::-1]}})
    result = train.evaluation(corpus, preset("mosi"), model, np.full((3, len(test), 1), 0.5))
    assert result["epoch"] == 2
    assert result["validation"] == {"accuracy": 0.75}
    assert result["test"]["accuracy"] == 1
    assert {m: scores["accuracy"] for m, scores in result["unimodal"].items()} == {"a": 1, "l": 0}
    vertices, ucln = result["warnings"]
    assert vertices.startswith("the weights of the unimodal vertices hardly vary")
    assert ucln.startswith("the UCLN of a is right on 0.0 % of its own training utterances")


def test_the_linear_model_beside_a_ucln_does_not_depend_on_the_unit_of_the_features():
    """Both read standardised features, so both have the same penalty on their weights."""
    corpus = data.synthesise()
    unimodal, accuracies = {"l": np.eye(2)[corpus.labels]}, []
    for unit in (1, 1e-3):
        other = replace(corpus, features={m: unit * x for m, x in corpus.features.items()})
        accuracies.append(train.train_accuracy(other, unimodal, data.moments(other))["l"])
    assert accuracies[0] == accuracies[1]
    assert 0.6 < accuracies[0][1] < 1


def test_accuracy_on_the_training_data_reads_no_other_utterance():
    corpus, accuracies = data.synthesise(), []
    rows = corpus.utterances("train")
    is_train = np.isin(np.arange(len(corpus.ids)), rows)[:, None]
    silent = {m: np.where(is_train, x, 0) for m, x in corpus.features.items()}
    unimodal = {"l": np.where(is_train, np.eye(2)[corpus.labels], [0.5, 0.5])}
    for other in (corpus, replace(corpus, features=silent)):
        accuracies.append(train.train_accuracy(other, unimodal, data.moments(other))["l"])
    assert accuracies[0] == accuracies[1]
    assert accuracies[0][0] == 1


@pytest.mark.parametrize(("target", "figure"), [("a", "81.25"), ("l", "81.38"), ("v", "81.12")])
def test_the_papers_figure_is_that_of_the_target(target, figure):
    corpus, scores = data.synthesise(), [0.5, 0.5, 0.5, 0.5]
    result = {"test": scores, "majority_class": scores, "unimodal": {}, "epoch": 1, "warnings": []}
    text = train.table(corpus, preset("mosi", target=target), result)
    [line] = [line for line in text.splitlines() if line.startswith("paper, real data")]
    assert line.split()[3] == figure


@pytest.mark.parametrize(("protocol", "model", "told"), [
    ("fixed", "argf", False), ("validation", "argf", True), ("released", "argf", True),
    ("released", "hffn", True), ("released", "bc_lstm", False)])
def test_a_choice_by_a_split_that_cannot_be_trusted_is_told(protocol, model, told, tmp_path, capsys,
                                                            monkeypatch):
    """Only the modalities of the run are looked at."""
    def reason(corpus):
        assert [*corpus.features] == ["a", "l"]
        return "it knows the labels"

    monkeypatch.setattr(train, "reason_for_distrust", reason)
    monkeypatch.setattr(train, "run", lambda *arguments: None)
    monkeypatch.setattr(train, "table", lambda *arguments: "")
    flags = ["--source", "synthetic", "--protocol", protocol, "--model", model,
             "--modalities", "a,l", "--out", str(tmp_path), "--quiet"]
    assert train.main(flags) == 0
    assert (f"notice: protocol {protocol} chooses an epoch by a validation split that cannot be "
            "trusted: it knows the labels\n" in capsys.readouterr().err) == told


@pytest.mark.parametrize("changes", [
    {"model": "tfn"}, {"fusion": "tensor"}, {"without": "decoder"}, {"modalities": "a,l"}])
def test_the_papers_figure_is_that_of_the_whole_argf(changes):
    corpus, scores = data.synthesise(), [0.5, 0.5, 0.5, 0.5]
    result = {"test": scores, "majority_class": scores, "unimodal": {}, "epoch": 1, "warnings": []}
    assert "paper, real data" not in train.table(corpus, preset("mosi", **changes), result)


def test_says_what_it_did(finished):
    folder, stdout, stderr = finished
    accuracy = read_json(folder / "metrics.json")["test"]["accuracy"]
    assert "mosi (synthetic data), a,v -> l, variant paper, protocol fixed, seed 0" in stdout
    assert f"{100 * accuracy:.2f} %" in stdout
    assert "81.38 %" in stdout
    assert "majority class" in stdout
    epochs = [line for line in stderr.splitlines() if line.startswith("ARGF  epoch")]
    assert len(epochs) == 2
    assert "validation accuracy" in epochs[0]
    assert "s left" in epochs[0]


# What it repeats


def test_same_seed_gives_the_same_files_with_and_without_cache(finished, tmp_path, monkeypatch):
    """At first the cache is empty, and the run trains the UCLNs. The next one has no need to."""
    expected = files_in(finished[0])
    assert train.main([*SHORT, "--out", str(tmp_path / "anew"), "--quiet"]) == 0
    assert files_in(tmp_path / "anew") == expected

    monkeypatch.setattr(pipeline, "train_ucln", None)
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    assert train.main([*SHORT, "--out", str(tmp_path / "cached"), "--quiet"]) == 0
    without_figures = {name: content for name, content in expected.items()
                       if not name.startswith("figures/")}
    assert files_in(tmp_path / "cached") == without_figures


def test_resumed_run_ends_in_the_same_files_with_its_pictures(finished, tmp_path, monkeypatch,
                                                              capsys):
    expected, folder = files_in(finished[0]), tmp_path / "run"
    train_epoch = protocols.train_epoch

    def interrupted(params, optimisers, *rest):
        if optimisers["fusion"]["fusion"]["t"] > 0:
            raise KeyboardInterrupt
        return train_epoch(params, optimisers, *rest)

    monkeypatch.setattr(protocols, "train_epoch", interrupted)
    assert train.main([*SHORT, "--out", str(folder), "--quiet"]) == 130
    assert capsys.readouterr().err.endswith(
        f"interrupted: finished epochs are kept, continue with --resume {folder}\n")
    monkeypatch.setattr(protocols, "train_epoch", train_epoch)
    assert train.main(["--resume", str(folder)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ARGF")]
    assert len(lines) == 1, "the first epoch is not trained again"
    assert files_in(folder) == expected


def test_ctrl_c_before_the_first_epoch_promises_no_epochs(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "train_ucln", interrupted)
    assert train.main([*SHORT, "--out", str(tmp_path), "--quiet"]) == 130
    assert capsys.readouterr().err.endswith(f"interrupted: continue with --resume {tmp_path}\n")


def test_another_seed_gives_other_parameters(finished, tmp_path, no_pictures):
    assert train.main([*SHORT, "--seed", "1", "--out", str(tmp_path), "--quiet"]) == 0
    assert (tmp_path / "model.npz").read_bytes() != (finished[0] / "model.npz").read_bytes()


@pytest.mark.parametrize("flags", [
    ["--protocol", "validation"],
    ["--variant", "released", "--protocol", "released"],
    ["--protocol", "best_test"],
    ["--target", "v"],
    ["--dtype", "float64"],
    ["--learn-w"],
    ["--activations", "fresh"],
], ids=" ".join)
def test_every_mode_runs_and_is_named(flags, tmp_path, capsys, no_pictures):
    assert train.main([*SHORT, *flags, "--out", str(tmp_path)]) == 0
    config = read_json(tmp_path / "config.json")
    for name, value in zip(flags[::2], flags[1::2], strict=False):
        assert config[name[2:].replace("-", "_")] == value
    assert config["learn_w"] == ("--learn-w" in flags)
    assert f"protocol {config['protocol']}" in capsys.readouterr().out


def test_real_mosi_is_taken_where_it_is(mosi_dir, tmp_path, monkeypatch, capsys, no_pictures):
    monkeypatch.setenv("ARGF_NP_DATA", str(mosi_dir.parent))
    assert train.main([*SHORT[2:], "--out", str(tmp_path), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "real data" in captured.out
    assert captured.err == ""
    assert read_json(tmp_path / "metrics.json")["source"] == "real"


# What it refuses


@pytest.mark.parametrize(("flags", "message"), [
    (["--dataset", "imdb"],
     "imdb: expected mosi, mosei, iemocap, or the path of a file or folder"),
    (["--source", "synthetic", "--target", "x"], "--target x: expected one of a, l, v"),
    (["--drop-rate", "1"], "--drop-rate 1.0: expected a number from 0 to below 1"),
    (["--drop-rate", "nan"], "--drop-rate nan: expected a number from 0 to below 1"),
    (["--epochs", "0"], "--epochs 0: expected a whole number from 1"),
    (["--lambda", "2"], "--lambda 2.0: expected a number from 0 to 1"),
    (["--protocol", "transductive"], "--protocol transductive: expected one of fixed, validation"),
    (["--lr", "zero"], "argument --lr: 'zero': expected a number above 0, below 1e9"),
    (["--epochs", "2.5"], "argument --epochs: '2.5': expected a whole number from 1"),
    (["--model", "tfn", "--fusion", "tensor"],
     "--fusion: expected --model argf, which alone has it"),
    (["--model", "hffn", "--without", "decoder"],
     "--without: expected --model argf, which alone has it"),
    (["--colour"], "unrecognized arguments: --colour"),
    (["--source", "real"], "get it with: python -m argf_np.data download mosi"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_flags_give_one_line_and_code_2(flags, message, capsys, tmp_path):
    assert message in refused(capsys, train, *flags, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing is written for a run that cannot begin"


def test_broken_data_gives_one_line_and_code_2(mosi_dir, tmp_path, capsys):
    broken = tmp_path / "mosi"
    for path in mosi_dir.rglob("*.csv"):
        target = broken / path.relative_to(mosi_dir)
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_bytes(path.read_bytes())
    audio = broken / "audio" / "audio_test0.csv"
    audio.write_bytes(audio.read_bytes()[:5000])
    refusal = refused(capsys, train, "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert "audio_test0.csv" in refusal


def test_unwritable_out_gives_one_line_and_code_2(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "run"
    assert refused(capsys, train, *SHORT, "--out", folder) == f"{folder}: Not a directory"
    assert (tmp_path / "file").read_text() == "in the way"


# What it shows


class Terminal(list):
    """A stream that is a terminal, as the list of what was written to it."""

    write = list.append

    def flush(self):
        pass

    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.fixture
def terminal(monkeypatch):
    """Sixty columns wide."""
    size = os.terminal_size((60, 20))
    monkeypatch.setattr(os, "get_terminal_size", lambda stream: size)
    return Terminal()


def test_live_line_on_a_terminal_is_overwritten(terminal):
    progress = train.Progress(quiet=False, stream=terminal)
    progress.begin("ARGF", 2)
    progress.epoch(1, {"fusion": 0.123456})
    progress.epoch(2, {"fusion": 0.1})
    text = "".join(terminal)
    assert text.count("\r") == 2
    assert text.count("\n") == 1
    assert "fusion 0.1235" in text


def test_a_live_line_is_cut_where_the_terminal_ends(terminal):
    """A longer one would wrap, and its first row would stay."""
    progress = train.Progress(quiet=False, stream=terminal)
    progress.begin("ARGF", 2)
    progress.epoch(1, {"a long name": 0.5, "another long name": 0.5})
    assert len("".join(terminal).strip("\r")) == 59


@pytest.mark.parametrize(("epochs", "shown"), [
    (3, [1, 2, 3]), (100, [1, *range(5, 101, 5)])])
def test_elsewhere_there_are_at_most_21_lines(epochs, shown):
    stream = io.StringIO()
    progress = train.Progress(quiet=False, stream=stream)
    progress.begin("ARGF", epochs)
    for epoch in range(1, epochs + 1):
        progress.epoch(epoch, {})
    found = re.findall(r"epoch (\d+)/", stream.getvalue())
    assert [*map(int, found)] == shown


def test_pace_is_that_of_the_epochs_of_this_process(monkeypatch):
    """Six of ten epochs were made before. The next two take ten seconds."""
    clock, stream = iter([100.0, 110.0]), io.StringIO()
    monkeypatch.setattr("argf_np.commands.time.perf_counter", lambda: next(clock))
    progress = train.Progress(quiet=False, stream=stream)
    progress.begin("ARGF", 10, done=6)
    progress.epoch(8, {})
    assert "  5.00 s per epoch, 10 s left  " in stream.getvalue()


def test_a_live_line_that_nothing_overwrites_is_ended(terminal):
    """A model may stop before its last epoch, and an error may follow."""
    progress = train.Progress(quiet=False, stream=terminal)
    progress.begin("HFFN", 9)
    progress.epoch(1, {"loss": 0.5})
    progress.close()
    progress.close()
    assert "".join(terminal).count("\n") == 1
    assert terminal[-1] == "\n"


# The cache of the UCLNs


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


def test_every_row_and_every_name_and_type_of_a_dependency_counts():
    """Of an array that is read in several slices, too. Zeros of any type are the same bytes."""
    rows = np.zeros((10_000, 2))
    other = rows.copy()
    other[-1, 0] = 1
    different = [{"a": rows}, {"b": rows}, {"a": other}, {"a": {"b": rows}}, {"a": 1}, {"a": "1"},
                 {"a": rows.astype(int)}]
    assert len({fingerprint(value) for value in different}) == len(different)
    assert fingerprint({"a": rows.copy()}) == fingerprint({"a": rows})


def test_by_other_versions_of_the_libraries_is_computed_again(monkeypatch):
    cached({"seed": 0}, lambda: {"x": np.zeros(2)})
    monkeypatch.setattr(np, "__version__", "0.0.1")
    assert (cached({"seed": 0}, lambda: {"x": np.ones(2)})["x"] == 1).all()


def test_on_another_machine_is_computed_again(monkeypatch):
    """The number of cores is the number of threads, and the bits depend on that."""
    cached({"seed": 0}, lambda: {"x": np.zeros(2)})
    monkeypatch.setattr(os, "cpu_count", lambda: 1000)
    assert (cached({"seed": 0}, lambda: {"x": np.ones(2)})["x"] == 1).all()


def test_an_empty_variable_is_no_cache(tmp_path, monkeypatch):
    """The cache is in the home folder then, and not in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cached({"seed": 0}, lambda: {"x": np.zeros(2)})
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_damaged_cache_is_computed_again():
    inputs = {"seed": 0}
    cached(inputs, lambda: {"x": np.zeros(2)})
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "argf_np" / "results"
    [path] = folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:40])
    assert (cached(inputs, lambda: {"x": np.ones(2)})["x"] == 1).all()
    assert (cached(inputs, lambda: {"x": np.zeros(2)})["x"] == 1).all(), "the file is whole again"

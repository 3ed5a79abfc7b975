"""Random search: its draws, what a trial is chosen by, and what it writes."""

import contextlib
import csv
import io
import json
import shlex

import numpy as np
import pytest
from helpers import refused
from test_runs import files_in, write_small

from argf_np import search, train
from argf_np.settings import preset

SPACE = {  # D13
    "k": {50, 100, 150}, "drop_rate": {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}, "lr": {1e-4, 1e-3, 1e-2},
    "batch_size": {8, 16, 32}, "weight_decay": {0, 1e-4, 1e-3, 1e-2}, "lambda_": {0.001, 0.01, 0.05}}


def test_draws_are_from_the_space_of_the_authors():
    draws = [search.draw(trial) for trial in range(300)]
    for name, values in SPACE.items():
        drawn = [draw[name] for draw in draws]
        assert set(drawn) == values
        assert max(map(drawn.count, values)) < 2 * 300 / len(values), f"{name}: every value is equally likely"
    assert all(set(draw) == set(SPACE) for draw in draws)
    assert [search.draw(trial) for trial in range(300)] == draws
    for draw in draws[:20]:
        preset("mosi", **draw)  # all of them are allowed


def result(validation, prediction):
    label = np.array([0, 1, 1, 1])
    return {"validation": np.array(validation), "label": label, "prediction": np.array(prediction),
            "classes": np.array(["negative", "positive"])}


def test_only_the_protocol_that_peeks_chooses_by_test_labels():
    good_in_test, good_in_validation = result(0.25, [0, 1, 1, 1]), result(0.75, [1, 0, 0, 0])
    for protocol in ("fixed", "validation"):
        assert search.merit(good_in_test, protocol) == 25
        assert search.merit(good_in_validation, protocol) == 75
        assert search.merit({"validation": np.array(0.5)}, protocol) == 50, "it needs no test label"
    assert search.merit(good_in_test, "released") == 100
    assert search.merit(good_in_validation, "released") == 0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of a small data set."""
    return write_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def searched(data, tmp_path_factory):
    """The folder of a search of 3 trials, the rows of its trials.csv, and what it printed."""
    folder = tmp_path_factory.mktemp("searched")
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        assert search.main(["--trials", "3", "--epochs", "2", "--k", "3", "--data-dir", str(data), "--jobs", "2",
                            "--out", str(folder)]) == 0
    with open(folder / "trials.csv", encoding="utf-8", newline="") as file:
        return folder, list(csv.DictReader(file)), output.getvalue().splitlines()


def test_every_trial_is_kept_with_its_setting_and_all_protocols(searched):
    folder, rows, _ = searched
    assert [*rows[0]] == ["trial", "k", "drop-rate", "lr", "batch-size", "weight-decay", "lambda", *(
        f"{protocol} {split}" for protocol in ("fixed", "validation", "released") for split in ("validation", "test"))]
    for number, row in enumerate(rows):
        expected = search.draw(number) | {"k": 3}  # a flag is not searched
        assert int(row["trial"]) == number
        assert {name: float(row[name.rstrip("_").replace("_", "-")]) for name in expected} == expected
    assert len([name for name in files_in(folder) if name.startswith("runs/")]) == 9


def test_best_trial_is_the_first_of_the_best_in_validation(searched):
    _, rows, (best, command, where) = searched
    scores = [float(row["fixed validation"]) for row in rows]
    number = scores.index(max(scores))
    assert best == f"best of 3 trials by fixed: number {number}, {max(scores):.2f} % in validation"
    assert where.endswith("trials.csv")
    assert f"--protocol fixed --seed 0 --epochs 2 --batch-size {rows[number]['batch-size']}" in command


def test_printed_command_gives_that_run(searched, data, tmp_path, monkeypatch, capsys):
    _, rows, (best, command, _) = searched
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    arguments = shlex.split(command)
    assert arguments[:3] == ["python", "-m", "argf_np.train"]
    assert train.main([*arguments[3:], "--data-dir", str(data), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    row = rows[int(best.split("number ")[1].split(",")[0])]
    assert f"{100 * metrics['test']['accuracy']:.2f}" == row["fixed test"]
    assert f"{100 * metrics['validation']['accuracy']:.2f}" == row["fixed validation"]


def test_more_trials_begin_with_the_same_ones_and_peeking_is_said(searched, data, monkeypatch, capsys):
    folder, rows, _ = searched
    before = files_in(folder)
    assert search.main(["--trials", "2", "--epochs", "2", "--k", "3", "--data-dir", str(data), "--protocol", "released",
                        "--out", str(folder)]) == 0
    captured = capsys.readouterr()
    assert "6 of 6 runs done" in captured.err
    scores = [float(row["released test"]) for row in rows[:2]]
    assert captured.out.startswith(
        f"best of 2 trials by released: number {scores.index(max(scores))}, {max(scores):.2f} % in test: it peeks\n")
    after = files_in(folder)
    assert {name: text for name, text in after.items() if name != "trials.csv"} == {
        name: text for name, text in before.items() if name != "trials.csv"}
    assert before["trials.csv"].startswith(after["trials.csv"])


@pytest.mark.parametrize(("flags", "message"), [
    (["--trials", "none"], "argument --trials: none: expected a whole number from 1"),
    (["--protocol", "transductive"], "--protocol transductive: expected one of fixed, validation, released"),
])
def test_wrong_flags_give_one_line_and_code_2(flags, message, capsys):
    assert refused(capsys, search, *flags) == message

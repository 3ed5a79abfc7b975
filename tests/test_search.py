"""Random search: its draws, what it writes of each trial, how it continues, and its report."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from formats import write_small
from helpers import files_in, here, read_csv, refused

from argf_np import search, train
from argf_np.data import synthesise
from argf_np.data.example import write_example
from argf_np.experiments import isolated, runs, search_report
from argf_np.experiments.catalogue import Subject
from argf_np.settings import preset

K, LR, BATCH = {50, 100, 150}, {1e-4, 1e-3, 1e-2}, {8, 16, 32}
DROP, DECAY = {0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9}, {0, 1e-4, 1e-3, 1e-2}
SPACES = {  # D13
    "mosi": (K, DROP, LR, BATCH, DECAY, {0.001, 0.01, 0.05}),
    "iemocap": (K, {0, 0.1, 0.2, 0.3, 0.5}, LR, BATCH, DECAY, {0.001, 0.05, 0.1, 0.2, 0.5}),
    "mosei": (K, DROP, LR, BATCH, DECAY, {0.01, 0.1, 0.5}),
}
NAMES = ("k", "drop_rate", "lr", "batch_size", "weight_decay", "lambda_")


@pytest.mark.parametrize(("dataset", "size"), [
    ("mosi", 2916), ("iemocap", 2700), ("mosei", 2916), ("mine", 2916)])
def test_draws_are_from_the_space_of_the_authors(dataset, size):
    space = search.space_of(dataset)
    draws = [search.draw(trial, space) for trial in range(400)]
    for name, values in zip(NAMES, SPACES.get(dataset, SPACES["mosi"]), strict=True):
        drawn = [draw[name] for draw in draws]
        assert set(drawn) == values
        expected = 400 / len(values)
        error = np.sqrt(expected * (1 - 1 / len(values)))  # standard error of a count
        for value in values:
            assert abs(drawn.count(value) - expected) < 4 * error, f"{name}: equally likely"
    assert search.size_of(space) == size
    assert [search.draw(trial, space) for trial in range(400)] == draws
    assert [draw["seed"] for draw in draws] == [*range(400)]
    for draw in draws[:20]:
        preset(dataset, **draw)  # all of them are allowed


FLAGS = ["--epochs", "2", "--k", "3", "--jobs", "1"]
NAME = "trials_mosi.csv"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of a small data set."""
    return write_small(tmp_path_factory.mktemp("data"))


def run(data, folder, trials, *flags):
    """A search in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "call", here)
        return search.main(["--trials", str(trials), *FLAGS, "--data-dir", str(data), "--out",
                            str(folder), *flags])


@pytest.fixture(scope="module")
def searched(data, tmp_path_factory):
    """The folder of a search of 4 trials."""
    folder = tmp_path_factory.mktemp("searched")
    assert run(data, folder, 4) == 0
    return folder


def test_every_trial_is_a_line_with_its_setting_and_scores(searched):
    lines = read_csv(searched / NAME)
    assert [*lines[0]] == [
        "trial", "k", "drop-rate", "lr", "batch-size", "weight-decay", "lambda", "epoch",
        "validation", "test", "weighted F1", "warnings", "data", "command"]
    for number, line in enumerate(lines):
        expected = search.draw(number, search.space_of("mosi"))
        assert int(line["trial"]) == expected.pop("seed") == number
        expected |= {"k": 3}  # a flag is not searched
        for name, value in expected.items():
            assert float(line[name.rstrip("_").replace("_", "-")]) == value
    assert {*files_in(searched)} == {NAME, "search_mosi.md", "search_mosi.png",
                                     ".lock"}


def test_trials_are_trained_by_the_authors_inner_loop(searched, data, tmp_path, monkeypatch):
    """The command of a line gives its figures."""
    line = read_csv(searched / NAME)[1]
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    arguments = shlex.split(line["command"])
    assert arguments[:3] == ["python", "-m", "argf_np.train"]
    assert "--variant released --protocol released --seed 1" in line["command"]
    assert train.main([*arguments[3:], "--data-dir", str(data), "--out", str(tmp_path / "run"),
                       "--quiet"]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert f"{100 * metrics['test']['accuracy']:.2f}" == line["test"]
    assert f"{100 * metrics['validation']['accuracy']:.2f}" == line["validation"]
    assert metrics["epoch"] == int(line["epoch"])


def test_a_search_continues_from_the_file_of_its_trials_alone(searched, data, tmp_path,
                                                              monkeypatch, capsys):
    """Only the missing trials are made, whichever they are; the end is the same to the byte."""
    shutil.copy(searched / NAME, tmp_path)
    lines = (tmp_path / NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / NAME).write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")
    made, attempt = [], runs.attempt
    monkeypatch.setattr(runs, "attempt", lambda settings, *arguments: made.append(settings.seed)
                        or attempt(settings, *arguments))
    assert run(data, tmp_path, 4) == 0
    assert made == [1]
    assert "4 of 4 runs done" in capsys.readouterr().err
    assert files_in(tmp_path) == files_in(searched)


def test_a_trial_that_fails_is_named_and_the_code_is_1(data, tmp_path, monkeypatch, capsys):
    attempt = runs.attempt

    def fail_in_trial_1(settings, *arguments):
        return "ValueError: broken" if settings.seed == 1 else attempt(settings, *arguments)

    monkeypatch.setattr(runs, "attempt", fail_in_trial_1)
    with pytest.raises(SystemExit) as end:
        run(data, tmp_path, 2)
    assert end.value.code == 1
    assert [line["trial"] for line in read_csv(tmp_path / NAME)] == ["0"]
    assert "failed: " in capsys.readouterr().err


def test_a_killed_search_has_a_line_of_every_finished_trial(data, tmp_path, monkeypatch):
    def attempt(settings, *arguments):
        if settings.seed == 2:
            written.append((tmp_path / NAME).read_bytes())
            raise KeyboardInterrupt
        return first(settings, *arguments)

    written, first = [], runs.attempt
    monkeypatch.setattr(runs, "attempt", attempt)
    run(data, tmp_path, 4)
    assert [line["trial"] for line in read_csv(tmp_path / NAME)] == ["0", "1"]
    assert (tmp_path / NAME).read_bytes() == written[0], "before the third one ends"


def test_fewer_trials_than_there_are_lose_none(searched, data, tmp_path):
    shutil.copy(searched / NAME, tmp_path)
    assert run(data, tmp_path, 1) == 0
    assert files_in(tmp_path) == files_in(searched)


def test_no_trial_is_started_without_time(data, tmp_path, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 40))  # seconds, whenever it is read
    monkeypatch.setattr("argf_np.experiments.many_runs.time.monotonic", lambda: next(clock))
    assert run(data, tmp_path, 4, "--budget", "2") == 0
    done = len(read_csv(tmp_path / NAME))
    assert 0 < done < 4
    assert f"{done} of 4 runs done, 0 running, {4 - done} left" in capsys.readouterr().err


@pytest.mark.parametrize(("change", "message"), [
    (("--lr", "0.5"), "line 2: a trial with other settings (python -m argf_np.train "),
    (("data", ""), "line 2: a trial on other data; move the file away"),
    (("trial", "x"), "line 2: not a finished trial of a search"),
    (("test", "y"), "line 2: not a finished trial of a search"),
])
def test_trials_of_another_search_are_refused(change, message, searched, data, tmp_path, capsys):
    """A setting by a flag, or what is in the first line."""
    shutil.copy(searched / NAME, tmp_path)
    path, flags = tmp_path / NAME, change
    if not change[0].startswith("--"):
        lines, flags = read_csv(tmp_path / NAME), ()
        lines[0][change[0]] = change[1]
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, lines[0])
            writer.writeheader()
            writer.writerows(lines)
    before = path.read_bytes()
    assert run(data, tmp_path, 4, *flags) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: {path}, {message}")
    assert path.read_bytes() == before


@pytest.mark.parametrize(("flags", "message"), [
    (["--trials", "none"], "argument --trials: none: expected a whole number from 1"),
    (["--budget", "0"], "argument --budget: 0: expected a whole number from 1"),
    (["--protocol", "transductive"],
     "--protocol transductive: expected one of fixed, validation, released, best_test"),
])
def test_wrong_flags_give_one_line_and_code_2(flags, message, capsys):
    assert refused(capsys, search, *flags) == message


def test_a_search_has_the_number_of_trials_that_the_help_names():
    parser = search.parser()
    assert parser.parse_args([]).trials == 20
    assert "counted from 0 (default 20)" in " ".join(parser.format_help().split())


@pytest.mark.parametrize("flag", ["--variant", "--protocol", "--epochs"])
def test_help_shows_the_defaults_of_a_search(flag):
    """A trial has those values where the flag is not given."""
    text = " ".join(search.parser().format_help().split()).split(f" {flag} ")[-1].split(" --")[0]
    settings = preset("mosi", **search.AUTHORS)
    assert f"(default {getattr(settings, flag[2:])}" in text


# The report


def test_report_of_a_search(searched):
    text = (searched / "search_mosi.md").read_text(encoding="utf-8")
    values = [float(line["test"]) for line in read_csv(searched / NAME)]
    assert text.startswith("## Search: 4 random trials, MOSI\n\nEach trial draws one of 972 settin")
    assert f"A trial has {np.mean(values):.2f} [" in text
    assert f"standard deviation {np.std(values, ddof=1):.2f}" in text
    assert "![search_mosi](search_mosi.png)" in text
    assert re.search(r"^\| 4 \| ", text, re.M)
    assert re.search(r"^\| 972 \(extrapolated\) \| ", text, re.M)
    assert "The paper's figure is 81.38 %." in text
    best = max(range(4), key=lambda number: values[number])
    rows = re.findall(r"^\| (\d+) \| 3 \|", text, re.M)
    assert int(rows[0]) == best


def test_warnings_about_a_trial_are_in_its_line():
    subject = Subject(synthesise(), "mosi", "MOSI")
    settings = subject.settings(**search.AUTHORS, seed=7)
    found = {"epoch": 3, "validation": 0.5, "classes": ("negative", "positive"), "data": "0123",
             "label": np.array([0, 1, 1, 1]), "prediction": np.array([1, 1, 1, 1]),
             "warnings": np.array(["it has collapsed", "its weights hardly vary"])}
    line = search.line(7, search.space_of("mosi"), subject, settings, found)
    assert line["warnings"] == "it has collapsed; its weights hardly vary"
    assert (line["test"], line["weighted F1"]) == ("75.00", f"{100 * 6 / 7 * 3 / 4:.2f}")


def test_spread_of_one_trial_is_told_by_its_quartiles_and_by_how_many_are_warned_about():
    trials = [{"warnings": text} for text in ("", "collapsed", "", "", "collapsed")]
    text = search_report.one_trial(np.array([66.0, 60, 62, 68, 64]), trials)
    assert text.startswith("A trial has 64.00 [")
    assert f"standard deviation {np.sqrt(10):.2f}" in text
    assert "quartiles 62.00, 64.00 and 66.00, worst 60.00, best 68.00" in text
    assert text.endswith("2 of 5.")


@pytest.mark.parametrize(("changes", "flags"), [
    ({"variant": "paper", "protocol": "fixed"}, "--variant paper, --protocol fixed"),
    ({"protocol": "fixed"}, "--variant released, --protocol fixed"),
    ({"epochs": 50}, "--variant released, --protocol released, --epochs 50"),
    ({"model": "tfn"}, "--variant released, --protocol released, --model tfn"),
])
def test_report_of_another_search_does_not_speak_of_the_authors_loop(changes, flags):
    subject = Subject(synthesise(), "mosi", "MOSI")
    text = search_report.about(subject, 2916, Path("trials.csv"), search.AUTHORS | changes)
    assert f"It is trained with {flags}, which is not how" in text
    assert "patience 20" not in text


@pytest.mark.parametrize(("changes", "figure"), [
    ({}, "81.38"), ({"target": "a"}, "81.25"), ({"model": "tfn"}, None),
    ({"without": "decoder"}, None)])
def test_report_speaks_of_the_papers_figure_for_the_whole_argf_alone(changes, figure, tmp_path):
    trials = [{"trial": str(trial), "validation": "80.00", "test": f"{70 + trial}.00",
               "warnings": ""} for trial in range(3)]
    common = search.AUTHORS | changes
    subject = Subject(synthesise(), "mosi", "MOSI")
    text = search_report.write(subject, trials, 2916, tmp_path / "trials.csv", common)
    found = re.search(r"The paper's figure is (.+?) %", text)
    assert (found and found[1]) == figure


@pytest.fixture
def drawn(monkeypatch):
    """A list of the pictures that are saved, as figures."""
    figures = []

    def keep(figure, path):
        figures.append(figure)
        path.touch()

    monkeypatch.setattr(search_report.figures, "save", keep)
    return figures


def test_collapsed_trials_do_not_squeeze_the_picture(tmp_path, drawn):
    """They are counted below the axis; without them nothing is cut off."""
    subject = Subject(synthesise(), "mosi", "MOSI")
    for lowest in (38.0, 74.0):
        accuracies = [lowest, *np.linspace(75, 80, 20)]
        trials = [{"trial": str(trial), "validation": "80.00", "test": str(value), "warnings": ""}
                  for trial, value in enumerate(accuracies)]
        search_report.write(subject, trials, 2916, tmp_path / "trials.csv", search.AUTHORS)
    squeezed, whole = (figure.axes[1] for figure in drawn)
    assert squeezed.get_ylim()[0] > 70
    assert [text.get_text() for text in squeezed.texts] == ["1 lower"]
    assert whole.get_ylim()[0] < 74
    assert len(whole.texts) == 0


def test_the_picture_has_every_trial_and_a_curve_without_a_gap(tmp_path, drawn):
    """The dashed line of the extrapolation begins where the other one ends, at five trials."""
    trials = [{"trial": str(trial), "validation": "80.00", "test": str(value), "warnings": ""}
              for trial, value in enumerate([70.0, 72.3, 71.1, 74.6, 75.0])]
    subject = Subject(synthesise(), "mosi", "MOSI")
    search_report.write(subject, trials, 2916, tmp_path / "trials.csv", search.AUTHORS)
    curve, beside = drawn[0].axes
    expected, extrapolated = (line.get_xydata() for line in curve.lines[:2])
    assert expected[-1][0] == 5
    np.testing.assert_array_equal(extrapolated[0], expected[-1])
    assert sum(bar.get_width() for bar in beside.patches) == 5


def test_a_file_that_holds_no_text_is_no_search(data, tmp_path, capsys):
    path = tmp_path / NAME
    path.write_bytes(b"\xff\xfe")
    assert run(data, tmp_path, 1) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {path}: not the trials of a search"


def test_a_corpus_without_the_splits_of_the_inner_loop_is_refused_before_any_run(tmp_path, capsys):
    archive = write_example(tmp_path / "example")
    with np.load(archive) as content:
        arrays = {**content}
    arrays["split"] = np.where(arrays["split"] == "valid", "train", arrays["split"])
    np.savez(archive, **arrays)
    flags = ["--dataset", str(archive), "--trials", "1", "--out", str(tmp_path / "out")]
    assert search.main(flags) == 2
    said = capsys.readouterr().err
    assert said.endswith("cannot be trained on: no video is in the split validation\n")


def row(n, expected, low, high, extrapolated):
    return {"n": n, "expected": expected, "low": low, "high": high, "extrapolated": extrapolated}


def test_where_the_papers_figure_lies():
    curve = [row(1, 70, 69, 71, False), row(40, 78, 77, 79, False), row(300, 80, 78, 80.5, True),
             row(2916, 82, 79, 83, True)]
    text = search_report.in_paper(curve, np.array([70, 79.9, 80]), 79.9)
    assert text.startswith("The paper's figure is 79.90 %. 2 of 3 trials have it or more.")
    assert "reaches it at about 271 trials, by extrapolation." in text
    assert "The band at 2,916 trials, as many as there are settings, contains it." in text
    text = search_report.in_paper(curve, np.array([70, 79]), 84.0)
    assert "The curve does not reach it up to 2,916 trials." in text
    assert text.endswith("does not contain it.")
    assert "by extrapolation" not in search_report.in_paper(curve, np.array([70, 79]), 77.0)
    assert search_report.in_paper(curve, np.array([70.0]), None) == ""
    curve.insert(2, row(41, 77, 76, 79, True))
    said = search_report.in_paper(curve, np.array([70, 79]), 77.5)
    assert "at about 32 trials." in said, "the curve falls afterwards"


def test_the_best_by_validation_reads_no_test_accuracy():
    trials = [{"trial": "0", "validation": "80.00", "test": "70.00"},
              {"trial": "1", "validation": "90.00", "test": "60.00"},
              {"trial": "2", "validation": "70.00", "test": "75.00"}]
    text = search_report.chosen(trials)
    assert re.findall(r"^\| (\d) \|", text, re.M) == ["2", "0", "1"]
    assert text.endswith("number 1, with 90.00 % there and 60.00 % on test.")


def test_without_validation_accuracies_nothing_is_said_of_them():
    """As of a model that predicts for test utterances alone."""
    trials = [{"trial": "0", "validation": "nan", "test": "70.00"}]
    assert "best trial by validation" not in search_report.chosen(trials)


def test_the_first_of_equally_good_trials_is_the_best():
    trials = [{"trial": str(trial), "validation": "80.00", "test": "70.00"} for trial in range(3)]
    text = search_report.chosen(trials)
    assert re.findall(r"^\| (\d) \|", text, re.M) == ["0", "1", "2"]
    assert "The best trial by validation accuracy is number 0," in text


def test_no_accuracy_is_above_100():
    found = search_report.at_most_all(row(9, 101, 99, 120, True))
    assert found == row(9, 100, 99, 100, True)


def test_counts_of_the_curve_hold_those_of_the_table():
    counts = search_report.counts_up_to(2916, 40)
    assert {1, 2, 5, 10, 20, 40, 50, 100, 200, 500, 1000, 2916} <= {*counts}
    assert counts == sorted(set(counts))
    assert max(search_report.counts_up_to(30, 40)) == 30, "no more than there are settings"

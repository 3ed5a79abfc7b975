"""Many runs: in processes of their own, one file each, none lost and none done twice."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import formats
import numpy as np
import pytest
from helpers import files_in, here
from threadpoolctl import threadpool_info

from argf_np import pipeline
from argf_np.baselines import chfusion
from argf_np.data import read
from argf_np.errors import InUseError
from argf_np.experiments import __main__ as experiments
from argf_np.experiments import isolated, many_runs, runs
from argf_np.metrics import class_separation, modality_gap
from argf_np.paper.model import embed, forward
from argf_np.paper.vertices import stack_weights
from argf_np.settings import preset
from argf_np.storage import npz
from argf_np.storage.lock import locked

# Four runs; figure6 has one of them, and another.
SHORT = ["table5", "--epochs", "1", "--k", "3", "--seeds", "1"]
FULL = "runs/mosi-real-l-paper-fixed-seed0-epochs1-k3-"  # the run of ARGF with all its parts


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of a small data set."""
    return formats.write_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def digest(data):
    """The fingerprint of the small data set."""
    return pipeline.corpus_fingerprint(read(data / "unimodal_mosi_2way.pickle"))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The files of a whole command, and what it printed."""
    folder = tmp_path_factory.mktemp("finished") / "results"
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        assert experiments.main([*SHORT, "figure6", "--data-dir", str(data), "--out", str(folder),
                                 "--jobs", "2"]) == 0
    return files_in(folder), output.getvalue()


# A call in a process of its own


def blas_threads():
    np.ones(2) @ np.ones(2)
    return [pool["num_threads"] for pool in threadpool_info()]


def test_a_process_has_one_blas_thread_whatever_is_set_outside(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    monkeypatch.delenv("OMP_NUM_THREADS")
    threads = isolated.call(blas_threads)
    assert len(threads) >= 1
    assert set(threads) == {1}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "4", "the caller keeps its own"


def test_a_call_returns_what_the_function_returns(capfd):
    x = np.random.default_rng(0).standard_normal((300, 200))  # more than a pipe holds
    np.testing.assert_array_equal(isolated.call(np.transpose, x), x.T)
    assert isolated.call(print, "not the result") is None
    assert isolated.call(os.getpid) != os.getpid()
    assert capfd.readouterr() == ("", "")
    assert not isolated.running


@pytest.mark.parametrize(("function", "argument", "message"), [
    (int, "x", "ValueError: invalid literal for int() with base 10: 'x'"),
    (os._exit, 3, "ended with code 3"),
    (signal.raise_signal, signal.SIGKILL, "killed by SIGKILL"),
])
def test_a_call_without_a_result_says_why(function, argument, message):
    with pytest.raises(isolated.CallError, match=re.escape(message)):
        isolated.call(function, argument)
    assert not isolated.running


def test_a_process_that_cannot_import_says_so(monkeypatch, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('this numpy is broken')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(isolated.CallError, match=r"^ImportError: this numpy is broken$"):
        isolated.call(many_runs.duration, 1)


def hold(folder):
    """Hold a folder's lock, which goes with the process, for longer than any test takes."""
    with locked(folder):
        (folder / "held").touch()
        time.sleep(1000)


def wait_for(condition, seconds=300):
    """Wait until ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def is_free(folder):
    try:
        with locked(folder):
            return True
    except InUseError:
        return False


def test_a_process_ends_when_its_caller_is_killed(tmp_path):
    program = (f"import sys; sys.path[:0] = {sys.path!r}\nimport pathlib, test_runs\n"
               f"test_runs.isolated.call(test_runs.hold, pathlib.Path({str(tmp_path)!r}))")
    caller = subprocess.Popen([sys.executable, "-c", program])
    wait_for((tmp_path / "held").exists)
    assert not is_free(tmp_path)
    caller.kill()
    caller.wait()
    wait_for(lambda: is_free(tmp_path))


# A command of many runs


def test_a_command_writes_its_tables_and_one_file_per_run(finished):
    files, output = finished
    names = {name for name in files if not name.startswith("runs/")}
    assert names == {"table5_mosi.md", "table5_mosi.csv", "figure6_mosi.md", "figure6_mosi.csv",
                     "figure6_mosi.png", "figure6_mosi_words.png", ".lock"}
    assert len(files) - len(names) == 5
    without = "mosi-real-l-paper-fixed-seed0-without"
    assert any(name.startswith(f"runs/{without}classifier-epochs1-k3-") for name in files)
    assert files["table5_mosi.md"].decode() in output
    assert "![figure6_mosi](figure6_mosi.png)" in output
    assert {files[f"figure6_mosi{end}.png"][:4] for end in ("", "_words")} == {b"\x89PNG"}
    raw = files["table5_mosi.csv"].decode().splitlines()
    assert len(raw) == 1 + 4
    assert raw[1].startswith(f"ARGF without adversarial training,{without}adversarial")
    assert raw[1].endswith(",python -m argf_np.train --source real --dataset mosi "
                           "--without adversarial --epochs 1 --k 3")


def test_results_hold_what_tables_and_figures_need(finished, tmp_path):
    [content] = [content for name, content in finished[0].items() if name.startswith(FULL)]
    (tmp_path / "run.npz").write_bytes(content)
    result = npz.load(tmp_path / "run.npz")
    assert runs.settings_of(result) == preset("mosi", epochs=1, k=3)
    n = len(result["label"])
    assert result["prediction"].shape == result["video"].shape == (n,)
    assert len(np.unique(result["video"])) == 31
    assert (np.diff(result["video"]) >= 0).all()
    assert (result["probabilities"].argmax(axis=1) == result["prediction"]).all()
    assert result["gap"].shape == result["separation"].shape == (2, 2)
    assert result["weights"].shape == (2, 12)
    assert result["weights"][0, 3:6].sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= result["validation"] <= 1
    assert result["x_e"].shape == (3, n, 3), "seed 0 has what is drawn"
    weights = stack_weights(result)
    np.testing.assert_allclose(result["weights"], [weights.mean(axis=0), weights.std(axis=0)])


def test_the_same_command_gives_the_same_files_and_does_nothing_twice(
        finished, data, tmp_path, monkeypatch, capsys):
    """With one job and other threads outside; and when only a table is missing."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    command = [*SHORT, "figure6", "--data-dir", str(data), "--out", str(tmp_path), "--jobs", "1"]
    assert experiments.main(command) == 0
    assert files_in(tmp_path) == finished[0]
    (tmp_path / "table5_mosi.md").unlink()
    monkeypatch.setattr(runs, "attempt", None)
    assert experiments.main(command) == 0
    assert files_in(tmp_path) == finished[0]
    assert capsys.readouterr().err.splitlines()[-1] == "5 of 5 runs done, 0 running, 0 left"


def restore(finished, folder):
    """Write the files of a finished command to a folder."""
    for name, content in finished[0].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def test_only_missing_broken_and_foreign_files_are_done_again(finished, data, tmp_path):
    restore(finished, tmp_path)
    one, two, three, four, _ = sorted((tmp_path / "runs").iterdir())  # the last: figure6's alone
    one.unlink()
    two.write_bytes(two.read_bytes()[:1000])
    three.write_bytes(four.read_bytes())
    half = two.with_name(f".{two.name}.1.part")
    half.write_bytes(b"of a command that was killed")
    before = four.stat().st_mtime_ns
    assert experiments.main([*SHORT, "--data-dir", str(data), "--out", str(tmp_path)]) == 0
    assert files_in(tmp_path) == finished[0]
    assert four.stat().st_mtime_ns == before


def test_every_run_has_a_file_of_its_own(tmp_path):
    """Also where names of modalities cannot stand in names of files, or are long."""
    long = ",".join(letter * 40 for letter in "abcdefgh")
    settings = [preset("mine.npz", modalities="音,语", target="音"),
                preset("mine.npz", modalities="音,语", target="语"),
                preset("mine.npz", modalities=long, target="a" * 40),
                preset("mine.npz", modalities=long, target="a" * 40, k=3)]
    paths = [runs.path_of(tmp_path, "real", one, data) for one in settings for data in "01"]
    assert len({*paths}) == 8
    assert all(path.name.isascii() and len(path.name) < 200 for path in paths)


def test_a_file_that_is_no_result_does_not_count(tmp_path):
    task = tmp_path, "real", preset("mosi", epochs=1, k=3), "0123"
    path = runs.path_of(*task)
    path.parent.mkdir()
    assert runs.read(*task) is None
    for content in ({"label": np.arange(3)}, {"settings": np.array("{}")},
                    {"settings": np.array("[1]")}):
        npz.save(path, content)
        assert runs.read(*task) is None
    path.write_text("no archive")
    assert runs.read(*task) is None


@pytest.mark.parametrize("changed", ["data", "version", "settings"])
def test_results_of_other_data_versions_and_settings_do_not_count(
        changed, finished, digest, tmp_path):
    restore(finished, tmp_path)
    settings = preset("mosi", epochs=1, k=3)
    path = runs.path_of(tmp_path, "real", settings, digest)
    result = npz.load(path)
    assert runs.read(tmp_path, "real", settings, digest) is not None
    if changed == "settings":
        other = replace(settings, without="decoder")
        result["settings"] = npz.load(runs.path_of(tmp_path, "real", other, digest))["settings"]
    else:
        result[changed] = np.array("other")
    npz.save(path, result)
    assert runs.read(tmp_path, "real", settings, digest) is None


def attempt_or_fail(settings, *arguments):
    """`runs.attempt`, in which one run fails, and the process of another cannot do its work."""
    if settings.without == "classifier":
        runs.execute = lambda *arguments: 1 / 0
    if settings.without == "decoder":
        raise ImportError("no module")
    return runs.attempt(settings, *arguments)


def test_runs_that_fail_are_named_and_the_others_finish(
        finished, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "attempt", attempt_or_fail)
    with pytest.raises(SystemExit) as end:
        experiments.main([*SHORT, "figure6", "--data-dir", str(data), "--out", str(tmp_path)])
    assert end.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    name = "mosi-real-l-paper-fixed-seed0-without{}-epochs1-k3"
    assert sorted(line for line in lines if line.startswith("failed: ")) == [
        f"failed: {name.format('classifier')}: ZeroDivisionError: division by zero",
        f"failed: {name.format('decoder')}: tried 3 times: ImportError: no module"]
    assert lines[-1] == "table5: not written, since some of its runs failed"
    assert "3 of 5 runs done, 0 running, 0 left, 2 failed" in lines
    done = files_in(tmp_path)
    assert len([name for name in done if name.startswith("runs/")]) == 3
    assert done.items() <= finished[0].items()
    assert "figure6_mosi.md" in done, "what needs none of them is written"


def attempt_or_die(settings, source, place, *arguments):
    """`runs.attempt`, but the first attempt at one of the runs is killed in the middle."""
    mark = place / "killed"
    if settings.without == "classifier" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return runs.attempt(settings, source, place, *arguments)


def test_a_run_whose_process_is_killed_is_repeated(finished, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "attempt", attempt_or_die)
    folder, out = tmp_path / "data", tmp_path / "out"
    folder.symlink_to(data)
    assert experiments.main([*SHORT, "--data-dir", str(folder), "--out", str(out)]) == 0
    (data / "killed").unlink()  # it was there
    assert files_in(out).items() <= finished[0].items()
    assert "failed" not in capsys.readouterr().err


def restore_ctrl_c():
    """In a background job of a shell, Ctrl-C is ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def start(data, folder, *arguments):
    """The command as a process, in a session of its own as a shell would start it."""
    command = [sys.executable, "-m", "argf_np.experiments", *arguments, "--data-dir", str(data),
               "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True, preexec_fn=restore_ctrl_c)


def test_killing_all_and_starting_again_ends_with_the_same_bytes(finished, data, tmp_path):
    process = start(data, tmp_path, *SHORT, "figure6", "--jobs", "2")
    wait_for(lambda: len(list((tmp_path / "runs").glob("*.npz"))) >= 1)
    process.kill()
    process.communicate()
    done = [*(tmp_path / "runs").glob("*.npz")]
    times = [path.stat().st_mtime_ns for path in done]
    again = start(data, tmp_path, *SHORT, "figure6", "--jobs", "2")
    output, _ = again.communicate()
    assert again.returncode == 0
    assert output == finished[1]
    assert files_in(tmp_path) == finished[0]
    assert [path.stat().st_mtime_ns for path in done] == times, "what was finished stays"


def test_ctrl_c_ends_with_one_line_and_leaves_no_process(data, tmp_path):
    process = start(data, tmp_path, "table5", "--k", "3", "--epochs", "100000", "--jobs", "2")
    lines = [process.stderr.readline().strip() for _ in range(2)]
    assert lines[1] == "0 of 40 runs done, 2 running, 38 left"
    time.sleep(0.5)  # so that the processes of the runs are there
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    try:
        output, error = process.communicate(timeout=300)  # a run would take hours
    finally:
        process.kill()
    assert process.returncode == 130
    assert error.strip() == "interrupted: finished runs are kept, start again to continue"
    assert output == ""
    assert list(tmp_path.rglob("*.npz")) == []


def test_worker_with_other_data_is_refused(data):
    answer = isolated.call(runs.attempt, preset("mosi", epochs=1, k=3), "real", data, "0123")
    assert answer == (f"DataError: mosi: the data in {data} is not what the command was started "
                      "with")


class OneByOne:
    """An executor that executes nothing; each run takes a minute of its clock."""

    def __init__(self):
        self.seconds = 0

    def submit(self, call, attempt, settings, *arguments):
        self.seconds += 60
        future = Future()
        future.set_result({"seed": settings.seed})
        return future


@pytest.mark.parametrize(("budget", "expected"), [(None, 5), (301, 5), (150, 3), (60, 1), (0, 0)])
def test_no_run_is_started_after_the_budget(budget, expected, monkeypatch):
    executor, stream, kept = OneByOne(), io.StringIO(), []
    monkeypatch.setattr(many_runs.time, "monotonic", lambda: executor.seconds)
    missing = [preset("mosi", seed=seed) for seed in range(5)]
    failed = many_runs.execute_all(
        missing, "real", "folder", "0123", lambda settings, result: kept.append(result["seed"]),
        (executor, lambda: 1), many_runs.Live(5, 5, stream), budget)
    assert failed == {}
    assert kept == [*range(expected)]
    last = stream.getvalue().splitlines()[-1]
    assert last == f"{expected} of 5 runs done, 0 running, {5 - expected} left"


# Any corpus

OWN = ["--epochs", "1", "--k", "3", "--d", "3", "--ucln-epochs", "1", "--jobs", "1"]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A corpus of one's own: three modalities and three classes. The folder of its results."""
    folder = tmp_path_factory.mktemp("own")
    columns, features = formats.own_rows(n_videos=8)
    features["breath"] = features["pulse"][:, :2] + 1
    np.savez(folder / "interviews.npz", **columns, **features)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(isolated, "call", here)
        patch.setattr(chfusion, "BIMODAL_EPOCHS", 1)
        patch.setattr(chfusion, "TRIMODAL_EPOCHS", 1)
        assert experiments.main(["all", "--dataset", str(folder / "interviews.npz"),
                                 "--title", "Our interviews", "--out", str(folder / "results"),
                                 *OWN, "--seeds", "2"]) == 0
    return folder / "results"


def test_any_corpus_has_every_experiment_under_its_title(own):
    kinds = ("comparison", "ablations", "fusions", "embedding", "vertices", "protocols")
    names = {path.name for path in own.iterdir()}
    assert names >= {f"{kind}_our-interviews.{end}" for kind in kinds for end in ("md", "csv")}
    assert names >= {"claims.md", "claims_our-interviews.json", "embedding_our-interviews.png",
                     "vertices_our-interviews.png"}
    for kind in kinds:
        text = (own / f"{kind}_our-interviews.md").read_text(encoding="utf-8")
        assert text.split("\n")[0].endswith(", Our interviews")
        assert "the paper's" not in text, "the paper has no figure of this corpus"
    assert "Our interviews (2 seeds)" in (own / "claims.md").read_text(encoding="utf-8")


def test_tables_of_any_corpus_have_its_modalities_and_classes(own):
    text = (own / "comparison_our-interviews.md").read_text(encoding="utf-8")
    for label in ("ARGF (pulse, speech → breath)", "ARGF (breath, speech → pulse)",
                  "ARGF (breath, pulse → speech)", "breath alone", "pulse alone", "speech alone",
                  "TFN", "BC-LSTM", "CHFusion", "logistic regression on the raw features",
                  "always "):
        assert f"| {label}" in text
    assert "|  | 10 | calm | tense |" in text
    assert "Settings: the preset of own data, but for" in text
    weights = (own / "vertices_our-interviews.md").read_text(encoding="utf-8")
    assert "| breath*pulse |" in weights


def test_results_of_a_file_name_no_folder(own):
    for path in [*own.glob("*.csv"), *own.glob("*.md"), *own.glob("*.json")]:
        assert str(own.parent) not in path.read_text(encoding="utf-8")
    raw = (own / "ablations_our-interviews.csv").read_text(encoding="utf-8").splitlines()
    assert raw[-1].endswith(",python -m argf_np.train --source real --dataset interviews.npz "
                            "--seed 1 --epochs 1 --k 3 --d 3 --ucln-epochs 1")
    for path in (own / "runs").iterdir():
        assert str(own.parent).encode() not in path.read_bytes()


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A run of the released variant: its corpus, what its training gave, and its result.

    Training says that it chose the first of two epochs.
    """
    columns, features = formats.own_rows(n_videos=10)
    features["breath"] = features["pulse"][:, :2] ** 2
    columns["label"] = np.random.default_rng(1).permutation(columns["label"])
    path, fitted = tmp_path / "interviews.npz", {}
    np.savez(path, **columns, **features)
    corpus, train = read(path), pipeline.train

    def train_and_record(*arguments):
        rows = [{"validation_accuracy": accuracy} for accuracy in (0.25, 0.75)]
        fitted.update(train(*arguments) | {"epoch": 1, "history": rows})
        return fitted

    monkeypatch.setattr(pipeline, "train", train_and_record)
    settings = preset(str(path), modalities="breath,pulse,speech", target="pulse",
                      variant="released", epochs=2, k=3, d=3, ucln_epochs=1, batch_size=4)
    return corpus, fitted, runs.execute(settings, "real", path, pipeline.corpus_fingerprint(corpus))


def test_a_result_is_of_the_epoch_that_was_chosen(executed):
    _, _, result = executed
    assert (result["epoch"], result["validation"]) == (1, 0.25)


def test_a_result_is_of_the_test_utterances_in_their_order(executed):
    corpus, fitted, result = executed
    test = [row for row in range(len(corpus.ids)) if row in corpus.utterances("test")]
    assert result["label"].tolist() == [corpus.labels[row] for row in test]
    videos = [corpus.video_ids[video] for video in result["video"]]
    assert videos == [corpus.ids[row].rsplit("_", 1)[0] for row in test]
    for prediction, P in zip(result["unimodal"], fitted["unimodal"].values(), strict=True):
        assert prediction.tolist() == [P[row].argmax() for row in test]


def test_weights_of_the_vertices_are_those_of_the_variant_and_are_looked_at(
        executed, tmp_path, monkeypatch):
    corpus, fitted, result = executed
    x = fitted["x"][:, corpus.utterances("test")].astype("float32")
    own, other = (forward(fitted["params"], x, variant) for variant in ("released", "paper"))
    assert not np.allclose(own["alpha_3"], other["alpha_3"], rtol=0, atol=1e-3)
    for name in ("alpha_m", "alpha_2", "alpha_3", "x_e"):
        np.testing.assert_allclose(result[name], own[name], rtol=0, atol=1e-6)
    monkeypatch.setattr(runs.metrics, "CONSTANT", np.inf)  # so that all of them hardly vary
    again = runs.execute(runs.settings_of(result), "real", tmp_path / "interviews.npz",
                         pipeline.corpus_fingerprint(corpus))
    assert any("weights of the unimodal vertices" in text for text in again["warnings"])


def test_uclns_below_a_linear_model_are_named_by_modality(executed, tmp_path, monkeypatch):
    corpus, _, result = executed
    assert len(result["unimodal_warnings"]) == 3
    monkeypatch.setattr(runs.metrics, "BELOW_LINEAR", -1)  # so that all of them are below it
    again = runs.execute(runs.settings_of(result), "real", tmp_path / "interviews.npz",
                         pipeline.corpus_fingerprint(corpus))
    for m, text in zip(("breath", "pulse", "speech"), again["unimodal_warnings"], strict=True):
        assert text.startswith(f"the UCLN of {m} is right on ")


def test_a_run_may_use_fewer_modalities_than_the_corpus_has(executed, tmp_path):
    corpus, _, result = executed
    settings = replace(runs.settings_of(result), modalities="breath,pulse")
    again = runs.execute(settings, "real", tmp_path / "interviews.npz",
                         pipeline.corpus_fingerprint(corpus))
    assert len(again["unimodal"]) == len(again["unimodal_warnings"]) == 2


def test_probes_are_fitted_to_training_utterances_and_tried_on_test_utterances(executed):
    corpus, fitted, result = executed
    train, test = corpus.utterances("train"), corpus.utterances("test")
    x = fitted["x"].astype("float32")
    for place, space in enumerate([x, embed(fitted["params"], x)]):
        gap = modality_gap(space[:, train], space[:, test])
        separation = class_separation(space[:, train], space[:, test], corpus.labels[train],
                                      corpus.labels[test])
        np.testing.assert_allclose(result["gap"][place], gap, rtol=1e-4)
        np.testing.assert_allclose(result["separation"][place], separation, rtol=1e-4)


def test_only_seed_0_keeps_what_is_drawn(executed):
    corpus, fitted, result = executed
    drawn = {"x_e", "alpha_m", "alpha_2", "alpha_3"}
    assert drawn <= result.keys()
    x, settings = fitted["x"].astype("float32"), runs.settings_of(result)
    out = forward(fitted["params"], x[:, corpus.utterances("test")], settings.variant)
    other = runs.measures(fitted["params"], x, out, corpus, replace(settings, seed=1))
    assert {*other} == {"gap", "separation", "weights"}


def test_modalities_alone_are_models_of_the_ucln_outputs_where_these_are_given(data, tmp_path):
    """A logistic regression on each, since there is no UCLN of ours."""
    path = data / "unimodal_mosi_2way.pickle"
    corpus = read(path)
    settings = preset("mosi", model="logistic", dataset=path.name)
    result = runs.execute(settings, "real", path, pipeline.corpus_fingerprint(corpus))
    assert result["unimodal"].shape == (3, len(result["label"]))
    assert len({prediction.tobytes() for prediction in result["unimodal"]}) == 3
    train, test = corpus.utterances("train"), corpus.utterances("test")
    x, y = corpus.features["l"], np.eye(2)[corpus.labels]
    W, b = np.zeros((x.shape[1], 2)), np.zeros(2)
    for _ in range(2000):  # down to the minimum of a convex function
        p = np.exp(x[train] @ W + b)
        error = (p / p.sum(axis=1, keepdims=True) - y[train]) / len(train)
        W, b = W - (x[train].T @ error + 0.01 * W), b - error.sum(axis=0)
    expected = (x[test] @ W + b).argmax(axis=1)
    assert np.mean(result["unimodal"][1] == expected) > 0.98
    other = runs.execute(replace(settings, model="argf", epochs=1, k=3), "real", path,
                         pipeline.corpus_fingerprint(corpus))
    assert other["unimodal"].shape == (0, len(result["label"]))


def test_a_data_set_with_other_modalities_has_its_preset_and_no_figure_of_the_paper(
        tmp_path, capsys):
    columns, features = formats.own_rows(n_videos=8)
    columns["label"] = [("sad", "angry")[i % 2] for i in range(len(columns["label"]))]
    np.savez(tmp_path / "iemocap.npz", **columns, l=features["pulse"], d=features["speech"])
    assert experiments.main(["ablations", "comparison", "--list", "--dataset", "iemocap",
                             "--data-dir", str(tmp_path), "--target", "d"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ablations    40 runs  ARGF without one of its parts, IEMOCAP"
    assert "    ARGF (d → l)                             10 runs" in lines


def test_a_folder_called_as_a_data_set_is_a_corpus_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(isolated, "call", here)
    columns, features = formats.own_rows(n_videos=8)
    formats.write_folder(tmp_path / "mosei", columns, features)
    command = ["ablations", "--dataset", str(tmp_path / "mosei"), "--out", str(tmp_path / "out")]
    assert experiments.main([*command, *OWN, "--seeds", "1"]) == 0
    raw = (tmp_path / "out" / "ablations_mosei.csv").read_text(encoding="utf-8")
    assert "--dataset ./mosei" in raw
    assert experiments.main(["table5", *command[1:]]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "error: table5: no experiment of this corpus, but of --dataset mosi"


# On a Dask cluster


@pytest.fixture
def cluster(tmp_path):
    """A client, the address of its scheduler, and its two workers as processes.

    One worker makes two calls at a time. BLAS may have two threads there.
    """
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    root = Path(experiments.__file__).parents[2]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(root)}
    file = tmp_path / "scheduler.json"

    def start(role, *flags):
        command = [sys.executable, "-m", "dask", role, "--scheduler-file", str(file),
                   "--no-dashboard", *flags]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=environment, cwd=tmp_path)

    processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
    try:
        wait_for(file.exists)
        processes += [start("worker", "--nthreads", threads, "--no-nanny")
                      for threads in ("1", "2")]
        with distributed.Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(2, timeout=300)
            address = client.scheduler.address
            yield client, address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_dask_cluster_gives_the_same_files_also_when_a_worker_is_killed(
        cluster, finished, data, tmp_path, capsys):
    client, address, workers = cluster
    command = [*SHORT, "figure6", "--data-dir", str(data), "--dask", address, "--out"]
    assert experiments.main([*command, str(tmp_path / "both")]) == 0
    assert files_in(tmp_path / "both") == finished[0]
    assert "0 of 5 runs done, 3 running, 2 left" in capsys.readouterr().err

    folder = tmp_path / "one"

    def kill_a_worker_after_the_first_run():
        wait_for(lambda: list(folder.glob("runs/*.npz")))
        workers[0].kill()

    killer = threading.Thread(target=kill_a_worker_after_the_first_run)
    killer.start()
    assert experiments.main([*command, str(folder)]) == 0
    killer.join()
    assert workers[0].wait() != 0, "the worker was killed"
    assert files_in(folder) == finished[0]
    assert "failed" not in capsys.readouterr().err

    assert client.submit(isolated.call, os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"


# The live line


class Terminal(io.StringIO):
    def isatty(self):
        return True


def live(stream, monkeypatch):
    """What is shown of 40 runs, 10 of which are done already, with one failing and 6 s per run."""
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr(many_runs.time, "perf_counter", lambda: next(clock))
    line = many_runs.Live(40, 30, stream)
    for left in range(30, -1, -1):
        running = min(left, 2)
        line.show(left - running, running, int(left < 15), last=left == 0)
    return stream.getvalue()


def test_live_line_on_a_terminal_is_overwritten(monkeypatch):
    text = live(Terminal(), monkeypatch)
    assert text.count("\n") == 1
    lines = text.split("\r")
    assert len(lines) == 1 + 31
    assert lines[1].rstrip() == "10 of 40 runs done, 2 running, 28 left"
    assert lines[11].rstrip() == "20 of 40 runs done, 2 running, 18 left, 2 min to go"
    assert lines[30].rstrip() == "38 of 40 runs done, 1 running, 0 left, 1 failed, 6 s to go"
    assert lines[31].rstrip() == "39 of 40 runs done, 0 running, 0 left, 1 failed"
    assert max(map(len, lines)) < 80


def test_live_line_elsewhere_is_one_line_per_tenth(monkeypatch):
    lines = live(io.StringIO(), monkeypatch).splitlines()
    assert [line.split()[0] for line in lines] == [
        "10", "13", "16", "19", "22", "25", "27", "30", "33", "36", "39"]


@pytest.mark.parametrize(("seconds", "text"), [
    (7, "7 s"), (119, "119 s"), (150, "2 min"), (9000, "2 h")])
def test_time_left_is_in_a_unit_that_fits(seconds, text):
    assert many_runs.duration(seconds) == text

"""Nothing is lost: runs that are killed, interrupted, without disk space or not alone.

No test waits for a time: a run stops itself when it calls a certain function for the n-th time.
"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import files_in, refused

from argf_np import data, train
from argf_np.errors import InUseError, ModelError
from argf_np.estimator import ARGF
from argf_np.storage import archive, files, npz
from argf_np.storage.lock import locked

EPOCHS = 20
FLAGS = {"epochs": EPOCHS, "ucln_epochs": 2, "ucln_patience": 0, "d": 4, "k": 3, "batch_size": 4}
FRESH = ["--dataset", "mine.npz", "--quiet", "--out", "run"]
for name, value in FLAGS.items():
    FRESH += [f"--{name.replace('_', '-')}", str(value)]
RESUME = ["--resume", "run", "--quiet"]
CTRL_C, KILL, STOP = int(signal.SIGINT), int(signal.SIGKILL), int(signal.SIGSTOP)
IN_AN_EPOCH = "argf_np.paper.protocols.train_epoch"

# Imports once, then forks a child per order. The answer is the child's exit code, the negative of
# the signal that ended it, or "stopped".
SERVER = """
import importlib, json, os, resource, signal, sys
from argf_np import train
train.draw = lambda *arguments: None  # seconds of a run that takes one
import numpy.ma  # otherwise imported late, when the user "nobody" may be unable to read it
"".encode("cp437")


def signal_at(number, at, call):
    module, name = at.rsplit(".", 1)
    module = importlib.import_module(module)
    function, calls = getattr(module, name), []

    def counted(*arguments, **named):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return function(*arguments, **named)

    setattr(module, name, counted)


def child(order):
    os.chdir(order["folder"])
    os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    # In a job in the background, children inherit that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], resource.RLIM_INFINITY))
    if order["dies_of_limit"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # in the middle of a write
    if order["cache"]:
        os.environ["XDG_CACHE_HOME"] = order["cache"]
    if order["nobody"] and os.geteuid() == 0:
        os.seteuid(65534)  # root may write everywhere
    if order["signal"]:
        signal_at(order["signal"], order["at"], order["call"])
    code = train.main(order["arguments"])
    sys.stdout.flush()
    os._exit(code)


for line in sys.stdin:
    order = json.loads(line)
    if "arguments" in order:
        pid = os.fork()
        if pid == 0:
            child(order)
    else:  # the end of a stopped child
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, os.WUNTRACED)
    print("stopped" if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status), flush=True)
"""


class Commands:
    """Runs ``argf_np.train`` in processes of their own, one at a time."""

    def __init__(self, cache):
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=os.environ | {"XDG_CACHE_HOME": str(cache)})
        self.stopped = False

    def run(self, folder, arguments, *, limit=None, dies_of_limit=False, nobody=False,
            cache=None, signal=None, at=None, call=1):
        """Run the command. Returns its exit code, or "stopped", and what it said.

        Arguments
            - folder: the working directory.
            - limit: bytes that a file may have.
            - dies_of_limit: the process is killed there instead of getting an error.
            - nobody: without the rights of root.
            - cache: a folder instead of the cache that all of them share.
            - signal, at, call: the signal comes just before the n-th call of the function whose
              module and name are given.
        """
        answer = self._order(
            folder=str(folder), arguments=arguments, limit=limit, dies_of_limit=dies_of_limit,
            nobody=nobody, cache=cache and str(cache), signal=signal, at=at, call=call)
        self.stopped = answer == "stopped"
        code = answer if self.stopped else int(answer)
        return code, (folder / "said").read_text()

    def kill(self):
        """Kill the process that is stopped."""
        self.stopped = False
        return int(self._order())

    def close(self):
        if self.stopped:  # by a test that failed
            self.kill()
        self.server.communicate()

    def _order(self, **order):
        print(json.dumps(order), file=self.server.stdin, flush=True)
        return self.server.stdout.readline().strip()


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    started = [Commands(tmp_path_factory.mktemp("cache")) for _ in range(2)]
    yield started
    for each in started:
        each.close()


def write_corpus(folder):
    """Two modalities, 7 videos, 3 classes."""
    rng, videos = np.random.default_rng(0), np.repeat(np.arange(7), 3)
    np.savez(folder / "mine.npz", video=[f"v{i}" for i in videos], order=np.tile(np.arange(3), 7),
             split=np.array(["train"] * 4 + ["validation", "test", "test"])[videos],
             label=np.arange(21) % 3, speech=rng.normal(size=(21, 3)),
             pulse=rng.normal(size=(21, 2)))
    return folder


@pytest.fixture(scope="module")
def place():
    """One working directory for all, since a run records where its data is. Anyone may enter it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield write_corpus(Path(folder))


@pytest.fixture(scope="module")
def expected(commands, place):
    """The files of a run that was never stopped."""
    code, said = commands[0].run(place, FRESH)
    assert code == 0, said
    found = files_in(place / "run")
    shutil.rmtree(place / "run")
    return found


@pytest.fixture
def folder(place, expected):
    """The working directory, with the data and no run."""
    yield place
    shutil.rmtree(place / "run", ignore_errors=True)
    write_corpus(place)


@pytest.fixture
def stopped(folder, commands):
    """The folder of a run that was killed in its fourth epoch."""
    code, said = commands[0].run(folder, FRESH, signal=KILL, at=IN_AN_EPOCH, call=4)
    assert (code, said) == (-KILL, "")
    assert epochs_in(folder / "run") == 3
    return folder / "run"


def epochs_in(run):
    """How many finished epochs the checkpoint of a run holds."""
    if not (run / "checkpoint.npz").exists():
        return 0
    return len(archive.read(run / "checkpoint.npz", "checkpoint")["state"]["history"])


def results_in(run):
    """The files of a run besides the lock and what is half-written."""
    return {path.name for path in run.glob("[!.]*")}


def assert_continues(commands, folder, expected):
    code, said = commands.run(folder, RESUME)
    assert code == 0, said
    assert files_in(folder / "run") == expected


# Killed and interrupted

BEGUN = {"config.json", "history.csv", "checkpoint.npz"}
# Moment: the function and the call of it, how many epochs are kept, and which files are there.
# Twelve training utterances are three batches. Besides config.json and the two UCLNs in the cache,
# each epoch writes a history and a checkpoint.
MOMENTS = {
    "before anything is written": ("argf_np.storage.files.write_json", 1, 0, set()),
    "before a first file is complete": ("os.fsync", 1, 0, set()),
    "before a first file is renamed": ("os.replace", 1, 0, set()),
    "in the first UCLN": ("argf_np.paper.ucln.train_ucln_epoch", 2, 0, {"config.json"}),
    "in the second UCLN": ("argf_np.paper.ucln.train_ucln_epoch", 4, 0, {"config.json"}),
    "in the first epoch": ("argf_np.paper.protocols.train_batch", 2, 0, {"config.json"}),
    "between history and checkpoint": (
        "argf_np.storage.archive.write", 1, 0, {"config.json", "history.csv"}),
    "in the seventh epoch": ("argf_np.paper.protocols.train_batch", 20, 6, BEGUN),
    "before a fifth checkpoint is renamed": ("os.replace", 3 + 2 * 5, 4, BEGUN),
    "before the model": ("argf_np.storage.archive.write", EPOCHS + 1, EPOCHS, BEGUN),
    "before the predictions": (
        "argf_np.train.write_predictions", 1, EPOCHS, BEGUN | {"model.npz"}),
    "before the metrics": (
        "argf_np.storage.files.write_json", 2, EPOCHS, BEGUN | {"model.npz", "predictions.csv"}),
    "after everything is written": (
        "argf_np.train.table", 1, 0, {"config.json", "history.csv", "model.npz", "predictions.csv",
                                      "metrics.json"}),
}


@pytest.mark.parametrize("number", [KILL, CTRL_C], ids=["killed", "interrupted"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_stopped_at_any_moment_and_continued(moment, number, folder, commands, expected, tmp_path):
    at, call, epochs, names = MOMENTS[moment]
    code, said = commands[0].run(folder, FRESH, signal=number, at=at, call=call, cache=tmp_path)
    assert code == {KILL: -KILL, CTRL_C: 130}[number]
    if number == CTRL_C:
        assert said.startswith("\ninterrupted")
        assert said.count("\n") == 2
    run = folder / "run"
    assert epochs_in(run) == epochs
    assert results_in(run) == names
    arguments = RESUME if names else FRESH
    code, said = commands[0].run(folder, arguments, cache=tmp_path)
    assert code == 0, said
    assert files_in(run) == expected


def test_killed_a_dozen_times_and_continued(folder, commands, expected):
    """At random moments. No epoch that was finished is trained again."""
    rng, kept = np.random.default_rng(0), [0]
    places = ("os.fsync", "os.replace", IN_AN_EPOCH, "argf_np.paper.protocols.train_batch")
    arguments = FRESH
    for _ in range(12):
        at, call = places[rng.integers(len(places))], int(rng.integers(2, 5))
        code, said = commands[0].run(folder, arguments, signal=KILL, at=at, call=call)
        assert (code, said) == (-KILL, "")
        kept.append(epochs_in(folder / "run"))
        arguments = RESUME
    assert kept == sorted(kept)
    assert len(set(kept)) > 5, "many kills found the run in another epoch"
    assert_continues(commands[0], folder, expected)


def test_killed_within_a_write(folder, commands, expected):
    """The first checkpoint is half-written, and its remains are removed."""
    code, said = commands[0].run(folder, FRESH, limit=20_000, dies_of_limit=True)
    assert (code, said) == (-signal.SIGXFSZ, "")
    [part] = (folder / "run").glob(".*.part")
    assert part.stat().st_size == 20_000
    assert results_in(folder / "run") == {"config.json", "history.csv"}
    assert_continues(commands[0], folder, expected)


def test_ctrl_c_says_what_is_kept_and_how_to_continue(folder, commands, expected):
    code, said = commands[0].run(folder, FRESH, signal=CTRL_C, at=IN_AN_EPOCH, call=4)
    assert code == 130
    assert said == "\ninterrupted: finished epochs are kept, continue with --resume run\n"
    assert_continues(commands[0], folder, expected)


# Without space, not writable, not alone


def test_full_disk_costs_one_line_and_no_epoch(stopped, commands, expected):
    before = files_in(stopped)
    code, said = commands[0].run(stopped.parent, RESUME, limit=20_000)
    assert (code, said) == (2, "error: run/checkpoint.npz: File too large\n")
    after = files_in(stopped)
    assert after["checkpoint.npz"] == before["checkpoint.npz"]
    assert set(after) == set(before), "nothing half-written stays"
    assert_continues(commands[0], stopped.parent, expected)


def test_no_space_left_is_said_of_the_file(folder, monkeypatch, capsys):
    def full(path, tree):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(npz, "save", full)
    assert train.main(FRESH) == 2
    *notices, error = capsys.readouterr().err.splitlines()
    assert error == "error: run/checkpoint.npz: No space left on device"
    assert len(notices) <= 1, "once, however many UCLNs there are"
    assert all(re.fullmatch(r"notice: nothing is cached in \S+: No space left on device", line)
               for line in notices)


def test_read_only_folder_is_refused(stopped, commands):
    before = files_in(stopped)
    stopped.chmod(0o555)
    try:
        code, said = commands[0].run(stopped.parent, RESUME, nobody=True)
    finally:
        stopped.chmod(0o755)
    assert (code, said) == (2, "error: run/.lock: Permission denied\n")
    assert files_in(stopped) == before


def test_second_process_is_told_and_leaves(folder, commands, expected):
    one, other = commands
    code, _ = one.run(folder, FRESH, signal=STOP, at=IN_AN_EPOCH, call=4)
    assert code == "stopped"
    before = files_in(folder / "run")
    for arguments in (RESUME, FRESH):
        code, said = other.run(folder, arguments)
        assert (code, said) == (2, "error: run: another process is working in this folder\n")
        assert files_in(folder / "run") == before
    assert one.kill() == -KILL  # and its lock ends with it
    assert_continues(other, folder, expected)


# Files


def test_a_path_that_is_not_utf_8_can_be_written(tmp_path):
    """Python reads such bytes as lone surrogates."""
    files.write_text(tmp_path / "file", os.fsdecode(b"data\xff"))
    assert (tmp_path / "file").read_bytes() == b"data\xff"


def test_a_file_is_written_beside_synced_and_renamed(tmp_path, monkeypatch):
    path, calls, sync, rename = tmp_path / "file", [], os.fsync, os.replace

    def counted_sync(*arguments):
        calls.append("fsync")
        sync(*arguments)

    def counted_rename(*arguments):
        calls.append("replace")
        rename(*arguments)

    def half():
        with files.replacing(path) as part:
            part.write_text("half")
            tmp_path.read_text()  # a folder

    path.write_text("old")
    monkeypatch.setattr(os, "fsync", counted_sync)
    monkeypatch.setattr(os, "replace", counted_rename)
    with files.replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        inode = part.stat().st_ino
    assert path.read_text() == "new"
    assert path.stat().st_ino == inode
    assert calls == ["fsync", "replace"]
    with pytest.raises(IsADirectoryError):
        half()
    assert path.read_text() == "new"
    assert [*tmp_path.iterdir()] == [path]


def test_lock_is_for_one_at_a_time(tmp_path):
    with locked(tmp_path):
        with pytest.raises(InUseError, match="another process"), locked(tmp_path):
            pass
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_bytes() == b""


# What --resume refuses


def test_finished_run_says_so(folder, expected, capsys):
    run = folder / "run"
    run.mkdir()
    for name, content in expected.items():
        (run / name).write_bytes(content)
    assert train.main(["--resume", str(run)]) == 0
    assert capsys.readouterr().out == f"{run} is finished already: nothing is left to do\n"
    assert files_in(run) == expected


def test_unfinished_run_is_not_overwritten(stopped, commands):
    before = files_in(stopped)
    code, said = commands[0].run(stopped.parent, FRESH)
    assert code == 2
    assert said == ("error: run: holds a run that is not finished; continue it with --resume run, "
                    "or remove it\n")
    assert files_in(stopped) == before


def test_resume_takes_no_other_settings(stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    expected = "expected nothing beside --resume but --data-dir, --check-finite and --quiet"
    assert refused(capsys, train, *RESUME, "--lr", "1") == f"--lr: {expected}"
    assert refused(capsys, train, *RESUME, "--weight-decay", "0") == f"--weight-decay: {expected}"
    assert refused(capsys, train, *RESUME, "--out", "x") == f"--out: {expected}"
    assert refused(capsys, train, *RESUME, "--source", "synthetic") == f"--source: {expected}"
    assert refused(capsys, train, "--resume", "nowhere") == (
        "nowhere: no run to continue, expected a config.json")


def test_resume_says_where_it_expects_the_data(stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    path = stopped.parent / "mine.npz"
    path.rename("moved.npz")
    assert refused(capsys, train, *RESUME) == (
        f"run: expected its data at {path}, where there is nothing now")


@pytest.mark.parametrize("change", [
    lambda content: {"pulse": content["pulse"] + 1},
    lambda content: {"label": np.array(["calm", "glad", "tense"])[content["label"]]},
], ids=["features", "names of classes"])
def test_resume_takes_no_other_data(change, stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    before = files_in(stopped)
    with np.load("mine.npz") as file:
        content = dict(file)
    np.savez("mine.npz", **content | change(content))
    assert refused(capsys, train, *RESUME) == (
        f"run: began with other data than what is in {stopped.parent / 'mine.npz'} now")
    assert files_in(stopped) == before


def test_broken_checkpoint_is_refused_and_kept(stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    path = stopped / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])
    before = files_in(stopped)
    assert refused(capsys, train, *RESUME).startswith(
        "run/checkpoint.npz: expected a checkpoint of argf_np, found a truncated or another file")
    assert files_in(stopped) == before


def without(tree, *path):
    """Remove a part of a tree."""
    *parents, key = path
    for parent in parents:
        tree = tree[parent]
    del tree[key]


def reshape(state):
    state["params"]["decoders"]["dense_2"]["W"] = np.zeros((2, 2))


@pytest.mark.parametrize(("change", "message"), [
    (lambda state: without(state, "history"), "history is missing"),
    (lambda state: without(state, "generator"), "generator is missing"),
    (lambda state: without(state, "params", "fusion", "MAN"), "params/fusion/MAN/. is missing"),
    (lambda state: without(state, "optimisers", "fusion"), "optimisers/fusion/.* is missing"),
    (reshape, r"params/decoders/dense_2/W has shape \(2, 2\), expected \(2, 512, 64\)"),
    (lambda state: state["generator"].update(bit_generator="MT19937"), ".*"),
], ids=["history", "generator", "array", "optimiser", "shape", "kind of generator"])
def test_checkpoint_that_lacks_a_part_is_refused_and_kept(change, message, stopped, monkeypatch,
                                                          capsys):
    monkeypatch.chdir(stopped.parent)
    content = archive.read(stopped / "checkpoint.npz", "checkpoint")
    change(content["state"])
    archive.write(stopped / "checkpoint.npz", "checkpoint", content)
    before = files_in(stopped)
    refusal = refused(capsys, train, *RESUME)
    assert re.match(f"run/checkpoint.npz: not a whole checkpoint: {message}$", refusal)
    assert files_in(stopped) == before


def test_checkpoint_of_other_settings_is_refused(stopped):
    path = stopped.parent / "mine.npz"
    corpus, checkpoint = data.read(path), stopped / "checkpoint.npz"
    settings = FLAGS | {"dataset": str(path)}
    with pytest.raises(ModelError, match=r"began with lr 0\.001, expected 0\.5"):
        ARGF(**settings, lr=0.5).fit(corpus, checkpoint=checkpoint)
    pulse = corpus.features["pulse"] ** 2
    other = replace(corpus, features=corpus.features | {"pulse": pulse})
    with pytest.raises(ModelError, match=r"began with data \w+, expected \w+"):
        ARGF(**settings).fit(other, checkpoint=checkpoint)

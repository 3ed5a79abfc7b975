"""Nothing is lost: runs that are killed, interrupted, without disk space or not alone, and the files they end with."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from argf_np import data, nn, train
from argf_np.errors import InUseError, ModelError
from argf_np.estimator import ARGF
from argf_np.storage import archive, files
from argf_np.storage.lock import locked

EPOCHS = 60
FRESH = ("--dataset", "mine.npz", "--epochs", str(EPOCHS), "--ucln-epochs", "1", "--d", "4", "--k", "3",
         "--batch-size", "4", "--quiet", "--out", "run")
RESUME = ("--resume", "run", "--quiet")
# Imports once; then a child for each order. A child that has ended keeps its number until it is asked for.
SERVER = """
import json, os, resource, sys
from argf_np import train
train.draw = lambda *arguments: None  # seconds of a run that takes one
import numpy.ma  # this and zipfile's encoding are imported late, and nobody may not be able to read them then
"".encode("cp437")
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(order["folder"])
        os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        if order["limit"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], resource.RLIM_INFINITY))
        if order["nobody"] and os.geteuid() == 0:
            os.seteuid(65534)  # root may write everywhere
        code = train.main(order["arguments"])
        sys.stdout.flush()
        os._exit(code)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Commands:
    """Runs ``argf_np.train`` in processes of their own, one at a time."""

    def __init__(self, cache):
        self.server = subprocess.Popen([sys.executable, "-c", SERVER], text=True, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, env=os.environ | {"XDG_CACHE_HOME": str(cache)})
        self.child = None

    def start(self, folder, arguments, limit=None, nobody=False):
        self.folder = folder
        self._say(json.dumps({"folder": str(folder), "arguments": arguments, "limit": limit, "nobody": nobody}))
        self.child = int(self.server.stdout.readline())

    def send(self, number):
        os.kill(self.child, number)

    def end(self):
        """Exit code of the command, negative for the signal that ended it, and what it said."""
        self._say("")
        code, self.child = int(self.server.stdout.readline()), None
        return code, (self.folder / "said").read_text()

    def run(self, *arguments, **limits):
        self.start(*arguments, **limits)
        return self.end()

    def close(self):
        if self.child:  # of a test that failed
            self.send(signal.SIGKILL)
        self.server.communicate()

    def _say(self, line):
        print(line, file=self.server.stdin, flush=True)


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
             split=np.array(["train"] * 4 + ["validation", "test", "test"])[videos], label=np.arange(21) % 3,
             speech=rng.normal(size=(21, 3)), pulse=rng.normal(size=(21, 2)))
    return folder


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def expected(commands, tmp_path_factory):
    """The files of a run that was never stopped."""
    folder = write_corpus(tmp_path_factory.mktemp("expected"))
    code, said = commands[0].run(folder, FRESH)
    assert code == 0, said
    return files_of(folder / "run")


@pytest.fixture
def folder(tmp_path):
    return write_corpus(tmp_path)


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert path.exists()


@pytest.fixture
def stopped(folder, commands):
    """The folder of a run that was killed after some epochs."""
    commands[0].start(folder, FRESH)
    wait_for(folder / "run" / "checkpoint.npz")
    commands[0].send(signal.SIGKILL)
    assert commands[0].end() == (-signal.SIGKILL, "")
    return folder / "run"


def wait_for_an_epoch(run):
    """Until there is another checkpoint, or the run is finished."""
    deadline = time.monotonic() + 60

    def state():
        try:
            return (run / "checkpoint.npz").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    before = state()
    while state() == before and not (run / "metrics.json").exists() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_killed_at_a_dozen_random_moments(folder, commands, expected):
    """Some after the beginning, some after the end of an epoch; where exactly depends on the machine."""
    rng, epochs, run = np.random.default_rng(0), [], folder / "run"
    for number in range(12):
        commands[0].start(folder, RESUME if (run / "config.json").exists() else FRESH)
        if number % 2:
            wait_for_an_epoch(run)
        time.sleep(rng.uniform(0, 0.03 if number % 2 else 0.06))
        commands[0].send(signal.SIGKILL)
        code, said = commands[0].end()
        assert code in (-signal.SIGKILL, 0)
        assert all(line.startswith("notice: ") for line in said.splitlines())
        if (run / "checkpoint.npz").exists():
            epochs.append(len(archive.read(run / "checkpoint.npz", "checkpoint")["state"]["history"]))
    assert epochs == sorted(epochs), "no epoch is lost"
    assert len(set(epochs)) > 5, "half of the kills fell into the training, each into another epoch"
    code, said = commands[0].run(folder, RESUME)
    assert code == 0, said
    assert files_of(run) == expected


def test_ctrl_c_ends_with_one_line_and_the_run_can_go_on(folder, commands, expected):
    commands[0].start(folder, FRESH)
    wait_for(folder / "run" / "checkpoint.npz")
    commands[0].send(signal.SIGINT)
    assert commands[0].end() == (130, "\ninterrupted: finished epochs are kept, continue with --resume run\n")
    assert {path.name for path in (folder / "run").iterdir()} == {".lock", "config.json", "history.csv",
                                                                 "checkpoint.npz"}
    assert commands[0].run(folder, RESUME)[0] == 0
    assert files_of(folder / "run") == expected


def test_full_disk_costs_one_line_and_no_epoch(stopped, commands, expected):
    before = files_of(stopped)
    code, said = commands[0].run(stopped.parent, RESUME, limit=20_000)
    assert (code, said) == (2, "error: run/checkpoint.npz: File too large\n")
    after = files_of(stopped)
    assert after["checkpoint.npz"] == before["checkpoint.npz"]
    assert set(after) == set(before), "nothing half-written stays"
    assert commands[0].run(stopped.parent, RESUME)[0] == 0
    assert files_of(stopped) == expected


def test_no_space_left_is_said_of_the_file(folder, monkeypatch, capsys):
    def full(path, tree):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(nn, "save", full)
    assert train.main([*FRESH]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: run/checkpoint.npz: No space left on device"


def test_read_only_folder_is_refused(stopped, commands):
    before = files_of(stopped)
    stopped.parent.chmod(0o755)  # to get there, nobody has to pass
    stopped.chmod(0o555)
    try:
        assert commands[0].run(stopped.parent, RESUME, nobody=True) == (2, "error: run/.lock: Permission denied\n")
    finally:
        stopped.chmod(0o755)
    assert files_of(stopped) == before


def test_second_process_is_told_and_leaves(folder, commands, expected):
    one, other = commands
    one.start(folder, FRESH)
    wait_for(folder / "run" / "checkpoint.npz")
    one.send(signal.SIGSTOP)  # so that it is there for sure
    for arguments in (RESUME, FRESH):
        before = files_of(folder / "run")
        assert other.run(folder, arguments) == (2, "error: run: another process is working in this folder\n")
        assert files_of(folder / "run") == before
    one.send(signal.SIGKILL)  # and its lock goes with it
    one.end()
    assert other.run(folder, RESUME)[0] == 0
    assert files_of(folder / "run") == expected


def test_a_file_is_written_beside_synced_and_renamed(tmp_path, monkeypatch):
    path, calls, sync, rename = tmp_path / "file", [], os.fsync, os.replace

    def half():
        with files.replacing(path) as part:
            part.write_text("half")
            tmp_path.read_text()  # a folder

    path.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda *arguments: (calls.append("fsync"), sync(*arguments)))
    monkeypatch.setattr(os, "replace", lambda *arguments: (calls.append("replace"), rename(*arguments)))
    with files.replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        place = part.stat().st_ino
    assert (path.read_text(), path.stat().st_ino, calls) == ("new", place, ["fsync", "replace"])
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


def refused(capsys, *arguments):
    assert train.main([*arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("error: ").rstrip()


def test_finished_run_says_so(folder, commands, expected, capsys):
    (folder / "run").mkdir()
    for name, content in expected.items():
        (folder / "run" / name).write_bytes(content)
    assert train.main(["--resume", str(folder / "run")]) == 0
    assert capsys.readouterr().out == f"{folder / 'run'} is finished already: nothing is left to do\n"
    assert files_of(folder / "run") == expected


def test_unfinished_run_is_not_overwritten(stopped, commands):
    before = files_of(stopped)
    code, said = commands[0].run(stopped.parent, FRESH)
    assert (code, said) == (2, "error: run: holds a run that is not finished; continue it with --resume run, or remove it\n")
    assert files_of(stopped) == before


def test_resume_takes_no_other_settings_and_no_other_data(stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    assert refused(capsys, *RESUME, "--lr", "1") == "--lr: expected nothing beside --resume but where the data is"
    assert refused(capsys, "--resume", "nowhere") == "nowhere: no run to continue, expected a config.json"
    with np.load("mine.npz") as file:
        content = dict(file)
    np.savez("mine.npz", **content | {"pulse": content["pulse"] + 1})
    assert refused(capsys, *RESUME) == "run: began with other data than what is in mine.npz now"


def test_broken_checkpoint_is_refused_and_kept(stopped, monkeypatch, capsys):
    monkeypatch.chdir(stopped.parent)
    path = stopped / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])
    before = files_of(stopped)
    assert refused(capsys, *RESUME).startswith("run/checkpoint.npz: expected a checkpoint of argf_np, found a truncated or")
    assert files_of(stopped) == before


def test_checkpoint_of_other_settings_is_refused(stopped):
    corpus = data.read(stopped.parent / "mine.npz")
    settings = {"dataset": "mine.npz", "epochs": EPOCHS, "ucln_epochs": 1, "d": 4, "k": 3, "batch_size": 4}
    with pytest.raises(ModelError, match=r"began with lr 0\.001, expected 0\.5"):
        ARGF(**settings, lr=0.5).fit(corpus, checkpoint=stopped / "checkpoint.npz")
    other = replace(corpus, features=corpus.features | {"pulse": corpus.features["pulse"] ** 2})
    with pytest.raises(ModelError, match=r"began with data \w+, expected \w+"):
        ARGF(**settings).fit(other, checkpoint=stopped / "checkpoint.npz")

"""The commands where no encoding, home folder or docstring can be relied on."""

import csv
import json
import os
import pwd
import subprocess
import sys

import numpy as np
import pytest

from argf_np import data, train
from argf_np.storage import cache

CLASSES = ("消极", "积极")
# All commands on one corpus, in one process. Their codes become the code of the process.
COMMANDS = """
import sys
from argf_np import evaluate, predict, train
from argf_np.data import __main__ as data

train.draw = lambda *arguments: None
path, folder = sys.argv[1:]
flags = ["--epochs", "1", "--ucln-epochs", "1", "--d", "4", "--k", "3", "--out", folder]
codes = [
    train.main(["--dataset", path, *flags]),
    predict.main([folder, "--data", path, "--out", folder + "/new.csv"]),
    evaluate.main([folder]),
    data.main(["check", path]),
]
sys.exit(max(codes))
"""
HELP = """
from argf_np import evaluate, predict, search, train
from argf_np.data import __main__ as data
from argf_np.experiments import __main__ as experiments

for command in (train, predict, evaluate, search, data, experiments):
    try:
        command.main(["--help"])
    except SystemExit as end:
        assert end.code == 0
"""


def write(path):
    """Five videos of two utterances, two modalities, two classes, words in Chinese."""
    rng, video = np.random.default_rng(0), np.repeat(np.arange(5), 2)
    np.savez(path, video=[f"v{i}" for i in video], order=np.tile([0, 1], 5),
             label=np.array(CLASSES)[np.arange(10) % 2], words=[f"很好 {i}" for i in range(10)],
             split=np.array(["train", "train", "train", "validation", "test"])[video],
             speech=rng.normal(size=(10, 3)), face=rng.normal(size=(10, 2)))
    return path


def run(folder, script, *arguments, options=(), **changes):
    """Run a script in a process of its own. Returns the finished process, with bytes as output."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")} | changes
    return subprocess.run([sys.executable, *options, "-c", script, *map(str, arguments)],
                          capture_output=True, env=environment)


@pytest.mark.parametrize(("encoding", "changes"), [
    ("cp1252", {"PYTHONIOENCODING": "cp1252"}),
    ("ascii", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
])
def test_text_that_the_terminal_cannot_show_is_escaped(encoding, changes, tmp_path):
    """The files are UTF-8 all the same."""
    folder = tmp_path / "跑"
    done = run(tmp_path, COMMANDS, write(tmp_path / "数据.npz"), folder, **changes)
    assert done.returncode == 0, done.stderr.decode(encoding)
    shown = done.stdout.decode(encoding)
    assert shown.count(r"\u6d88\u6781") >= 2, "of the first class"
    for name in ("predictions.csv", "new.csv"):
        with open(folder / name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["truth"] for row in rows} == set(CLASSES)
        assert all(row["words"].startswith("很好 ") for row in rows)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["dataset"] == str(tmp_path / "数据.npz")


def test_commands_run_without_docstrings_and_asserts(tmp_path):
    done = run(tmp_path, COMMANDS, write(tmp_path / "mine.npz"), tmp_path / "run", options=["-OO"])
    assert done.returncode == 0, done.stderr.decode()
    done = run(tmp_path, HELP, options=["-OO"])
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"usage: ") == 6


def no_home(monkeypatch, tmp_path):
    """As in a container whose user has no entry in the list of users."""
    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME")


def no_folder(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


@pytest.mark.parametrize("surroundings", [no_home, no_folder])
def test_without_a_cache_nothing_is_cached(surroundings, tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "mine.npz")
    flags = ["--epochs", "1", "--ucln-epochs", "1", "--ucln-patience", "0", "--quiet"]
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    surroundings(monkeypatch, tmp_path)
    cache.say_once.cache_clear()
    assert train.main(["--dataset", str(path), *flags, "--out", str(tmp_path / "run")]) == 0
    [line] = capsys.readouterr().err.splitlines()  # one for both UCLNs
    assert line.startswith("notice: nothing is cached")


def test_features_that_overflow_are_named(tmp_path, monkeypatch, capsys):
    """Finite in the file, and not in the type of the network."""
    path = write(tmp_path / "mine.npz")
    with np.load(path) as file:
        content = dict(file)
    content["face"][9] = [3e38, -3e38]
    np.savez(path, **content)
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    assert train.main(["--dataset", str(path), "--epochs", "1", "--ucln-epochs", "1",
                       "--ucln-patience", "0", "--quiet", "--out", str(tmp_path / "run")]) == 2
    [error] = capsys.readouterr().err.splitlines()
    assert "face" in error
    assert data.read(path).ids[9] in error
    assert not (tmp_path / "run" / "predictions.csv").exists()


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "search", "data",
                                     "experiments"])
def test_ctrl_c_while_a_command_is_imported_is_one_line(command, tmp_path):
    (tmp_path / "autograd.py").write_text("raise KeyboardInterrupt")  # found before the real one
    done = subprocess.run([sys.executable, "-m", f"argf_np.{command}", "--help"], text=True,
                          capture_output=True, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.stderr == "\ninterrupted\n"
    assert done.returncode != 0


def test_other_errors_while_a_command_is_imported_are_shown(tmp_path):
    (tmp_path / "autograd.py").write_text("raise ImportError('broken')")
    done = subprocess.run([sys.executable, "-m", "argf_np.train", "--help"], text=True,
                          capture_output=True, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.stderr.endswith("ImportError: broken\n")
    assert done.returncode == 1

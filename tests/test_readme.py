"""What the documents say is so: code runs, links lead somewhere, tables name what exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from argf_np.paper import graph_fusion_eq10_16, joint_embedding_eq1_9

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEVIATIONS = (ROOT / "DEVIATIONS.md").read_text(encoding="utf-8")
OWN_DATA = README.split("## Your own data")[1].split("\n## ")[0]
TEXTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "DEVIATIONS.md", "CHANGELOG.md",
                                  "tutorials/README.md", "benchmarks/README.md")]


def run(folder, *arguments):
    """The output of Python with these arguments, in a folder, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 90
    assert len(OWN_DATA.strip().splitlines()) <= 25


def test_own_data_runs_as_printed(tmp_path):
    code = re.search(r"```py\n(.+?)```", OWN_DATA, re.DOTALL)[1]
    *folds, vertices = run(tmp_path, "-c", code).splitlines()
    shares = [int(line.split("%")[0]) for line in folds]
    assert len(shares) == 5
    assert sum(shares) / 5 > 60, "half of the utterances are right by chance"
    assert all("calm" in line or "tense" in line for line in folds)
    assert "pulse*speech" in vertices
    assert (tmp_path / "model.npz").exists()


def test_own_data_commands_run_as_printed(tmp_path):
    commands = re.findall(r"^    python -m (.+)$", OWN_DATA, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        flags = command.split()
        if flags[0] == "argf_np.train":
            flags += ["--epochs", "1", "--ucln-epochs", "1"]
        run(tmp_path, "-m", *flags)
    assert (tmp_path / "predictions.csv").exists()


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(text):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text.read_text(encoding="utf-8"))
    missing = [link for link in links
               if not link.startswith("http") and not (text.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_hold_no_placeholder(text):
    found = re.findall(r"\w*PLACEHOLDER\w*|TODO|FIXME", text.read_text(encoding="utf-8"))
    assert found == []


@pytest.mark.parametrize("file", re.findall(r"^\| (\[.+?\|.*)$", README, re.MULTILINE))
def test_sizes_are_right_to_a_tenth(file):
    names, lines, _ = (cell.strip() for cell in file.rstrip("|").split("|"))
    paths = [ROOT / link for link in re.findall(r"\]\((.+?)\)", names)]
    found = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
    assert abs(int(lines) - found) <= found / 10


def test_every_deviation_has_an_anchor_and_a_test():
    rows = re.findall(r'^\| <a id="d(\d+)"></a>D(\d+) \|', DEVIATIONS, re.MULTILINE)
    tests = (ROOT / "tests" / "test_deviations.py").read_text(encoding="utf-8")
    tested = {int(number) for number in re.findall(r"def test_d(\d+)_", tests)}
    assert [int(anchor) for anchor, _ in rows] == [int(name) for _, name in rows]
    assert [int(name) for _, name in rows] == list(range(1, 25))
    assert tested == set(range(1, 25))


def test_every_deviation_that_the_code_names_has_a_row():
    named = set()
    for path in (ROOT / "argf_np").rglob("*.py"):
        named |= set(re.findall(r"\bD(\d{1,2})\b", path.read_text(encoding="utf-8")))
    assert {int(number) for number in named} <= set(range(1, 25))


def test_functions_of_the_equation_table_exist():
    table = README.split("## Where is Eq. 13?")[1].split("`venv/bin/python -m pytest -m eq13`")[0]
    named = {name for name in re.findall(r"`(\w+)`", table)
             if name.islower() and "eq" not in name and not name.isdecimal()}
    modules = (joint_embedding_eq1_9, graph_fusion_eq10_16)
    assert {"encode", "vertex_scores", "decide"} <= named
    missing = [name for name in named if not any(hasattr(module, name) for module in modules)]
    assert missing == []


def test_every_equation_is_in_the_table():
    table = README.split("## Where is Eq. 13?")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    equations = [int(number) for row in rows for number in row.split(", ")]
    assert sorted(equations) == [*range(1, 17)]


def test_commands_import_matplotlib_only_to_draw():
    code = ("import sys, argf_np.train, argf_np.data.__main__; "
            "sys.exit('matplotlib' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

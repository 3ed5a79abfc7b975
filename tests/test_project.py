"""What holds the project together: versions and bounds that stand in several files are the same in all of them."""

import re
import shutil
from pathlib import Path

import argf_np
from argf_np.experiments import __main__ as experiments

ROOT = Path(__file__).resolve().parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_changelog_and_citation_are_of_this_version():
    assert f"\n## {argf_np.__version__}, " in text("CHANGELOG.md")
    assert re.findall(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE) == [argf_np.__version__]


def test_the_lowest_versions_are_the_lower_bounds():
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)\.0$", text(".ci/lowest.txt"), re.MULTILINE))
    required = re.search(r"install_requires=\[(.+?)\]", text("setup.py"), re.DOTALL)[1]
    figures = re.search(r'"figures": \[(.+?)\]', text("setup.py"), re.DOTALL)[1]
    assert pinned == dict(re.findall(r'"([\w-]+)>=([\d.]+)"', required + figures))
    assert {"numpy", "autograd", "matplotlib", "scikit-learn"} == set(pinned)


def test_the_workflow_runs_what_a_change_must_pass_from_the_lowest_python_on():
    workflow = text(".github/workflows/ci.yml")
    lowest = re.search(r'python_requires=">=([\d.]+)"', text("setup.py"))[1]
    pythons = re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.+)\]", workflow)[1])
    assert len(pythons) == 3
    assert pythons[0] == lowest
    assert "run: .ci/run\n" in workflow
    assert "constraint: .ci/lowest.txt\n" in workflow


def test_results_are_the_report_of_their_parts(tmp_path, capsys):
    """results/RESULTS.md is what `experiments report` makes of the tables beside it, and its pictures are there."""
    for path in (ROOT / "results").glob("*.md"):
        if path.name != "RESULTS.md":
            shutil.copy(path, tmp_path)
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert text == (ROOT / "results" / "RESULTS.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.*?\]\((.+?)\)", text)
    assert pictures
    assert all((ROOT / "results" / name).exists() for name in pictures)

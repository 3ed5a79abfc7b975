"""What holds the project together: versions and bounds that several files state are the same."""

import re
import shutil
from pathlib import Path

import argf_np
from argf_np.experiments import __main__ as experiments

ROOT = Path(__file__).resolve().parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_changelog_and_citation_are_of_this_version():
    versions = re.findall(r"^## ([\d.]+), ", text("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == argf_np.__version__
    cited = re.findall(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)
    assert cited == [argf_np.__version__]


def test_the_lowest_versions_are_the_lower_bounds():
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)\.0$", text(".ci/lowest.txt"), re.MULTILINE))
    required = re.search(r"install_requires=\[(.+?)\]", text("setup.py"), re.DOTALL)[1]
    figures = re.search(r'"figures": \[(.+?)\]', text("setup.py"), re.DOTALL)[1]
    assert pinned == dict(re.findall(r'"([\w-]+)>=([\d.]+)"', required + figures))
    assert set(pinned) == {"numpy", "autograd", "matplotlib", "scikit-learn"}


def test_the_package_needs_three_others():
    required = re.search(r"install_requires=\[(.+?)\]", text("setup.py"), re.DOTALL)[1]
    assert re.findall(r'"([\w-]+)>=', required) == ["numpy", "autograd", "matplotlib"]


def test_the_workflow_runs_what_a_change_must_pass_from_the_lowest_python_on():
    workflow = text(".github/workflows/ci.yml")
    lowest = re.search(r'python_requires=">=([\d.]+)"', text("setup.py"))[1]
    versions = re.search(r"python: \[(.+)\]", workflow)[1]
    pythons = re.findall(r'"(3\.\d+)"', versions)
    assert len(pythons) == 3
    assert pythons[0] == lowest
    assert "run: .ci/run\n" in workflow
    assert "constraint: .ci/lowest.txt\n" in workflow


def test_results_are_the_report_of_their_parts(tmp_path, capsys):
    """RESULTS.md is what `experiments report` makes of the tables beside it."""
    results = ROOT / "results"
    for path in results.rglob("*.md"):
        if path.name != "RESULTS.md":
            copy = tmp_path / path.relative_to(results)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    report = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert report == text("results/RESULTS.md")
    pictures = re.findall(r"!\[.*?\]\((.+?)\)", report)
    assert pictures
    missing = [name for name in pictures if not (ROOT / "results" / name).exists()]
    assert missing == []

"""What the documents say is so: links lead somewhere, and tables name what there is."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "DEVIATIONS.md", "CHANGELOG.md",
             "benchmarks/README.md", "tutorials/README.md"]


def section(heading):
    """The text of a section of the README."""
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#]+)(#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [link for link, _ in links
               if not link.startswith("http") and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_hold_no_placeholder(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"\w*PLACEHOLDER\w*|TODO|FIXME|XXX", text) == []


def test_every_deviation_has_a_row_and_a_test():
    table = (ROOT / "DEVIATIONS.md").read_text(encoding="utf-8")
    tests = (ROOT / "tests" / "test_deviations.py").read_text(encoding="utf-8")
    rows = [int(number) for number in re.findall(r"^\| .*?\bD(\d+)\b", table, re.MULTILINE)]
    tested = {int(number) for number in re.findall(r"def test_d(\d+)_", tests)}
    assert sorted(set(rows)) == [*range(1, max(rows) + 1)], "no number is left out"
    assert tested == set(rows)


def test_functions_of_the_equation_table_exist():
    table = section("Where is Eq. 13?")
    modules = [import_module(f"argf_np.paper.{name}")
               for name in ("joint_embedding_eq1_9", "graph_fusion_eq10_16")]
    named = {name for name in re.findall(r"`([a-z]\w*)`", table) if "_eq" not in name}
    assert {"encode", "vertex_scores", "decide"} <= named
    missing = [name for name in named if not any(hasattr(module, name) for module in modules)]
    assert missing == []


def test_every_equation_is_in_the_table():
    rows = re.findall(r"^\| ([\d, ]+) \|", section("Where is Eq. 13?"), re.MULTILINE)
    equations = [int(number) for row in rows for number in row.split(", ")]
    assert sorted(equations) == [*range(1, 17)]


def test_sizes_of_what_to_read_first_are_about_right():
    """Rounded, and never so far off that a reader would wonder."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \| ", section("What to read first"), re.MULTILINE)
    assert len(rows) >= 4
    for files, stated in rows:
        paths = re.findall(r"\]\((.+?)\)", files)
        lines = sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths)
        assert abs(lines - int(stated)) <= max(15, 0.1 * lines), f"{files} has {lines} lines"


def test_commands_import_matplotlib_only_to_draw():
    code = "import sys, argf_np.train, argf_np.data.__main__; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""What the README says is so: its code runs, its links lead somewhere, its tables name what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tutorials" / "README.md"]


@pytest.mark.parametrize("code", re.findall(r"```python\n(.+?)```", README, re.DOTALL))
def test_code_runs(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "al+vl" in done.stdout


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(text):
    links = re.findall(r"\]\(([^)#]+)\)", text.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (text.parent / link).exists()]
    assert missing == []


def test_every_deviation_has_a_row_and_a_test():
    rows = set(re.findall(r"^\| D(\d+) \|", README, re.MULTILINE))
    tests = set(re.findall(r"def test_d(\d+)_", (ROOT / "tests" / "test_deviations.py").read_text(encoding="utf-8")))
    assert rows == {str(number) for number in range(1, 18)} == {str(int(number)) for number in tests}


def test_functions_of_the_equation_table_exist():
    from argf_np import embedding_eq1_5_7, gfn_eq10_16, losses_eq2_3_4_6_8_9

    table = README.split("## Where is Eq. 13?")[1].split("`venv/bin/python -m pytest -m eq13`")[0]
    named = {name for name in re.findall(r"`(\w+)`", table) if name.islower() and "eq" not in name}
    modules = (embedding_eq1_5_7, losses_eq2_3_4_6_8_9, gfn_eq10_16)
    assert {"encode", "vertex_scores", "decide"} <= named
    assert [name for name in named if not any(hasattr(module, name) for module in modules)] == []


def test_commands_import_matplotlib_only_to_draw():
    code = "import sys, argf_np.train, argf_np.data.__main__; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""The README's way from data of one's own to predictions and explanations, as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECTION = (
    (ROOT / "README.md").read_text(encoding="utf-8").split("## Your own data")[1].split("\n## ")[0]
)
CODE = re.search(r"```py\n(.+?)```", SECTION, re.DOTALL)[1]
COMMANDS = re.findall(r"^    python -m (.+)$", SECTION, re.MULTILINE)


def run(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_code_and_commands_run(tmp_path):
    assert CODE.count("\n") <= 25
    said = run(tmp_path, "-c", CODE)
    first, *_ = said.splitlines()
    share = re.fullmatch(
        r"ARGF\(target='speech', epochs=5\), fitted to arrays: face,pulse -> speech -> calm/tense; "
        r"right on (\d+)% of the test utterances",
        first,
    )
    assert int(share[1]) > 60, "half of them are guessed"
    assert re.search(r"^face\*pulse\+speech +0\.\d\d$", said, re.MULTILINE)
    assert int(re.search(r"^cross-validated: (\d+)%$", said, re.MULTILINE)[1]) > 60
    short = {"argf_np.train --dataset": ["--epochs", "2", "--ucln-epochs", "1"]}
    assert len(COMMANDS) == 7
    for command in COMMANDS:
        said = run(tmp_path, "-m", *command.split(), *short.get(" ".join(command.split()[:2]), []))
        assert said
    assert said == "runs/mine is finished already: nothing is left to do\n"
    assert (
        (tmp_path / "predictions.csv")
        .read_text()
        .startswith("id,words,truth,prediction,p_calm,p_tense\n")
    )

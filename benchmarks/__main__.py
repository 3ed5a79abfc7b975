"""``python -m benchmarks``: measure all, print it, write results.json and the README's table."""

import argparse
import json
import os
import platform
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

from .measure import apart

RESULTS = Path(__file__).with_name("results.json")
README = Path(__file__).with_name("README.md")

# name for --only: (function, its arguments, numbers of threads)
BENCHMARKS = {
    "argf-16": ("compare.argf_epoch", {"batch_size": 16}, (1, 2)),
    "argf-32": ("compare.argf_epoch", {"batch_size": 32}, (1, 2)),
    "ucln-10": ("compare.ucln_epoch", {"batch_size": 10}, (1, 2)),
    "ucln-all": ("compare.ucln_epoch", {"batch_size": None}, (1, 2)),
    "models": ("models.epochs", {}, (1, 2)),
    "predict-752": ("compare.prediction", {"n": 752, "goal": ">= 1.0"}, (1, 2)),
    "predict-1": ("compare.prediction", {"n": 1, "goal": ">= 2.0"}, (1, 2)),
    "step-16": ("alone.argf_step", {"batch_size": 16}, (1, 2)),
    "step-32": ("alone.argf_step", {"batch_size": 32}, (1, 2)),
    "import": ("alone.import_time", {}, (1,)),
    "main-job": ("alone.main_job", {}, (2,)),
    "growth": ("alone.growth", {}, (1,)),
}


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare the speed of argf_np with PyTorch and with the limits of the machine.")
    parser.add_argument(
        "--only", metavar="NAME", choices=BENCHMARKS,
        help=f"one of {', '.join(BENCHMARKS)}; results.json and the README stay as they are")
    parser.add_argument(
        "--tiny", action="store_true",
        help="run each once in a tiny form, whose numbers mean nothing; nothing is written")
    options = parser.parse_args()
    print(machine(), "", HEAD, sep="\n")
    rows = []
    for name in [options.only] if options.only else BENCHMARKS:
        for row in measure(name, options.tiny):
            rows.append(row)
            print(line(row), flush=True)
    missed = [row["name"] for row in rows if row["met"] is False]
    print(f"\n{len(missed)} of {sum(row['met'] is not None for row in rows)} goals missed")
    if not (options.tiny or options.only):
        write(rows)


def measure(name, tiny=False):
    """Yield the rows of one of `BENCHMARKS`; the tiny form runs on 1 thread."""
    function, arguments, threads = BENCHMARKS[name]
    for count in (1,) if tiny else threads:
        for row in apart(function, count, tiny=tiny, **arguments):
            yield row | {"threads": count}


def machine():
    """The machine and the versions that every number depends on."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.split(": ")[1].replace("(R)", "")
    python = f"Python {platform.python_version()}"
    parts = [str(date.today()), cpu, f"{os.cpu_count()} cores", python]
    parts += [f"{name} {version(name)}" for name in ("numpy", "autograd", "torch")]
    return ", ".join(parts)


SIDE = f"{'quartiles':>18}"
HEAD = f"{'benchmark':<58}{'threads':>8}{'ours':>10}{SIDE}{'peer':>10}{SIDE}{'ratio':>8}  goal"


def line(row):
    """One line of the table."""
    def numbers(side):
        if row[side] is None:
            return " " * 28
        low, high = row["spread"][side]
        return f"{short(row[side]):>10}{f'{short(low)} to {short(high)}':>18}"

    ratio = f"{row['ratio']:.2f}" if row["ratio"] else row["unit"]
    goal = f"{row['goal']} {'met' if row['met'] else 'MISSED'}" if row["goal"] else "stated"
    start = f"{row['name']:<58}{row['threads']:>8}"
    return f"{start}{numbers('ours')}{numbers('peer')}{ratio:>8}  {goal}"


BEGIN, END = "<!-- begin of the measured part -->", "<!-- end of the measured part -->"


def write(rows):
    """Write the rows to results.json, and their table to its place in the README."""
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, after = text[:text.index(BEGIN)], text[text.index(END):]
    text = f"{before}{BEGIN}\n{machine()}\n\n{markdown(rows)}\n{after}"
    README.write_text(text, encoding="utf-8")


def markdown(rows):
    """The rows as a table for the README."""
    lines = ["| benchmark | threads | ours | peer | ratio | goal |", "|---|---|---|---|---|---|"]
    for row in rows:
        peer = f"{short(row['peer'])} {row['unit']}" if row["peer"] else ""
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
        goal = f"{row['goal']}, {'met' if row['met'] else 'missed'}" if row["goal"] else ""
        ours = f"{short(row['ours'])} {row['unit']}"
        cells = row["name"], str(row["threads"]), ours, peer, ratio, goal
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def short(number):
    """Three digits."""
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:  # a benchmark failed, or refused to compare
        sys.exit(f"error: {error}")

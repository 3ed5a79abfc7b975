"""Timing in alternating rounds, processes of their own, and rows of the table."""

import json
import operator
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 11


def in_turns(contenders, tiny=False):
    """Milliseconds per call: ``{name: function}`` to ``{name: [mean of each round]}``.

    In each round every contender runs for about 0.1 s, so that a busy moment of the machine
    slows them all.
    """
    calls, times = {}, {name: [] for name in contenders}
    for name, function in contenders.items():
        function()
        calls[name] = 1 if tiny else max(1, round(0.1 / _time(function, 1)))
    for _ in range(1 if tiny else ROUNDS):
        for name, function in contenders.items():
            time.sleep(0.05)  # idle threads of the contender before still spin for a while
            times[name].append(1000 * _time(function, calls[name]))
    return times


def _time(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def row(name, ours, peer=None, goal=None, unit="ms"):
    """One row of the table.

    ``ratio`` compares the medians. It is peer / ours, how many times as fast as the peer we are.
    Where the goal is an upper limit ("<= 2.0"), it is ours / peer. Without a peer, the goal is
    for our own figure. ``spread`` holds the quartiles.

    - ours, peer: lists of measurements.
    - goal: such as ">= 1.0"; None if the row only states a figure.
    """
    at_most = (goal or "").startswith("<=")
    middle = statistics.median(ours)
    their_middle = ratio = met = None
    if peer:
        their_middle = statistics.median(peer)
        ratio = middle / their_middle if at_most else their_middle / middle
    if goal:
        compare = operator.le if at_most else operator.ge
        met = compare(ratio if peer else middle, float(goal[2:]))
    spread = {"ours": _quartiles(ours), "peer": _quartiles(peer) if peer else None}
    return {"name": name, "ours": middle, "peer": their_middle, "unit": unit, "ratio": ratio,
            "goal": goal, "met": met, "spread": spread}


def _quartiles(values):
    if len(values) == 1:
        return [*values, *values]
    return statistics.quantiles(values, n=4, method="inclusive")[::2]


def apart(function, threads=1, **arguments):
    """The result of "module.function" of this package, called in a fresh process.

    NumPy's BLAS and PyTorch read the number of threads when they are loaded. The result travels
    as JSON.
    """
    module = f"benchmarks.{function.split('.')[0]}"
    code = (f"import json, {module}\nresult = benchmarks.{function}(**{arguments!r})\n"
            "print(json.dumps(result))")
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=os.environ | dict.fromkeys(names, str(threads)))
    if done.returncode:
        message = done.stderr.strip() or "no message"
        raise RuntimeError(f"{function}: {message.splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])

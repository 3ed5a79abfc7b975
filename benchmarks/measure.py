"""Timing in turns, processes of their own, and rows of the table."""

import json
import operator
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 11


def in_turns(contenders, tiny=False):
    """Milliseconds a call: ``{name: function}`` to ``{name: one mean a round}``.

    In each round every contender is called for about 0.1 s, so that a busy moment of the machine hits them all.
    """
    calls, times = {}, {name: [] for name in contenders}
    for name, function in contenders.items():
        function()
        calls[name] = 1 if tiny else max(1, round(0.1 / _time(function, 1)))
    for _ in range(1 if tiny else ROUNDS):
        for name, function in contenders.items():
            time.sleep(0.05)  # threads of the one before spin for a while when they have nothing to do
            times[name].append(1000 * _time(function, calls[name]))
    return times


def _time(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def row(name, ours, peer=None, goal=None, unit="ms"):
    """One row of the table, from a list of measurements of each side.

    ``ratio`` of the medians is peer / ours, how many times as fast as the peer we are; where the goal is an upper limit
    ("<= 2.0") it is ours / peer. Without a peer the goal is for ours itself. ``spread`` holds the quartiles.
    """
    at_most = (goal or "").startswith("<=")
    middle = statistics.median(ours)
    ratio = None
    if peer:
        ratio = middle / statistics.median(peer) if at_most else statistics.median(peer) / middle
    met = None
    if goal:
        met = (operator.le if at_most else operator.ge)(ratio if peer else middle, float(goal[2:]))
    return {"name": name, "ours": middle, "peer": statistics.median(peer) if peer else None, "unit": unit,
            "ratio": ratio, "goal": goal, "met": met,
            "spread": {"ours": _quartiles(ours), "peer": _quartiles(peer) if peer else None}}


def _quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive")[::2] if len(values) > 1 else [*values, *values]


def apart(function, threads=1, **arguments):
    """What "module.function" of this package returns, called in a fresh process with so many threads.

    NumPy's BLAS and PyTorch read the number of threads when they are loaded. The result travels as JSON.
    """
    module = f"benchmarks.{function.split('.')[0]}"
    code = (f"import json, {module}\nresult = benchmarks.{function}(**{arguments!r})\n"
            "print(json.dumps(result))")
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | dict.fromkeys(names, str(threads)),
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{function}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])

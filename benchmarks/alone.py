"""Without PyTorch: the limits of the machine, the time of the import, growth of time and memory."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from .measure import apart, in_turns, row

PICTURE = Path(__file__).with_name("growth.png")
UTTERANCES, WIDTHS = (1_000, 3_000, 10_000, 30_000, 100_000), (25, 50, 100, 200, 400)


def random_data(rng, n, d=50, N=2):
    """Features x (3, n, d) and one-hot labels y (n, N), float32.

    The labels are a linear function of the features. With labels that nothing predicts, training
    would be unusual: weight decay would take all weights to 0.
    """
    x = rng.standard_normal((3, n, d), dtype=np.float32)
    labels = (x.sum(axis=0) @ rng.standard_normal((d, N), dtype=np.float32)).argmax(axis=1)
    return x, np.eye(N, dtype=np.float32)[labels]


def products(params, updates, B, rng):
    """Yield the two factors of each matrix product that all gradients of one batch need.

    A layer x W takes x W once, x^T g for each update that changes it, and g W^T for all updates
    whose gradient passes through it, stacked.

    - params: groups of `model.init_model`.
    - updates: ``{update: groups that it changes}``.
    - B: utterances per batch.
    """
    from argf_np.nn import leaves

    rows = {"discriminator": 3 * B, "classifier": 3 * B, "MAN": 3 * B, "MLP_2": 3 * B,
            "MLP_3": 6 * B}

    def random(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    for group, tree in params.items():
        changes = sum(group in groups for groups in updates.values())
        passes = changes + (group == "discriminator")  # the embedding update's gradient too
        for path, W in leaves(tree):
            if path[-1] != "W":
                continue
            *bank, fan_in, fan_out = W.shape
            n = rows.get(group, rows.get(path[0], B))
            x, g = random(*bank, n, fan_in), random(*bank, passes * n, fan_out)
            yield x, W
            for _ in range(changes):
                yield x.swapaxes(-1, -2), random(*bank, n, fan_out)
            if (group, path[0]) != ("encoders", "dense_1"):
                yield W, g.swapaxes(-1, -2)


def argf_step(batch_size, tiny=False):
    """One batch of ARGF beside its matrix products and one pass over its optimisers' arrays."""
    from argf_np import nn
    from argf_np.paper import model, updates
    from argf_np.settings import Settings

    rng, settings = np.random.default_rng(0), Settings(batch_size=batch_size)
    x, y = random_data(rng, batch_size)
    params = model.init_model(rng, x.shape[2], settings.k, y.shape[1])
    optimisers, groups = updates.init_optimisers(params, settings), updates.updates_of(settings)
    factors = [(a, b, a @ b) for a, b in products(params, groups, batch_size, rng)]
    arrays = []
    for group in sum(groups.values(), ()):
        size = nn.count(params[group])
        arrays += [np.ones(size, np.float32) for _ in ("param", "m", "v", "gradient")]

    def multiply():
        for a, b, product in factors:
            np.matmul(a, b, out=product)

    def stream():
        for array in arrays:
            np.negative(array, out=array)

    step = partial(updates.train_batch, params, optimisers, x, y, settings, rng)
    ms = in_turns({"ours": step, "products": multiply, "arrays": stream}, tiny)
    limit = [sum(parts) for parts in zip(ms["products"], ms["arrays"], strict=True)]
    name = f"ARGF step, batch {batch_size}"
    return [
        row(f"{name}: its matrix products alone", ms["ours"], ms["products"]),
        row(f"{name}: its optimisers' arrays alone", ms["ours"], ms["arrays"]),
        row(f"{name}: both, the limit", ms["ours"], limit, "<= 2.0"),
    ]


def import_time(tiny=False):
    """Imports in fresh interpreters."""
    libraries = "numpy, autograd.numpy"
    contenders = {}
    for modules in ("argf_np", "argf_np.train", libraries):
        command = [sys.executable, "-c", f"import {modules}"]
        contenders[modules] = partial(subprocess.run, command, check=True)
    ms = in_turns(contenders, tiny)
    return [
        row(f"import argf_np: import {libraries}", ms["argf_np"], ms[libraries], "<= 1.3"),
        row(f"import argf_np.train: import {libraries}", ms["argf_np.train"], ms[libraries]),
    ]


def main_job(tiny=False):
    """Time and peak resident memory of the main job, with an empty cache."""
    command = [sys.executable, "-m", "argf_np.train", "--dataset", "mosi",
               "--source", "synthetic", "--quiet"]
    if tiny:
        command += ["--epochs=1", "--ucln-epochs=1"]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([*command, "--out", f"{folder}/run"], check=True,
                       stdout=subprocess.DEVNULL, env=os.environ | {"XDG_CACHE_HOME": folder})
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        row("main job, synthetic data: peak memory", [peak], goal="<= 300", unit="MB"),
        row("main job, synthetic data: time", [seconds], goal="<= 60", unit="s"),
    ]


def epoch_and_memory(n, k, epochs):
    """Seconds per epoch and peak memory beyond the data in MB, for n utterances and width k."""
    from argf_np.paper.protocols import train
    from argf_np.settings import Settings

    x, y = random_data(np.random.default_rng(0), n)
    rows = {"train": np.arange(n), "validation": np.arange(100), "test": np.arange(100)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends = [time.perf_counter()]
    train(x, y, rows, Settings(k=k, epochs=epochs), lambda row: ends.append(time.perf_counter()))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return float(np.median(np.diff(ends))), memory


def growth(tiny=False):
    """How an epoch's time and memory grow with the number of utterances and with k.

    The slope of log time against log n is 1 if the time is proportional to n.
    """
    utterances, widths = ((100, 200), (25, 50)) if tiny else (UTTERANCES, WIDTHS)

    def point(size, n, k):
        epochs = 1 if tiny else max(1, 5000 // n)
        return size, *apart("alone.epoch_and_memory", n=n, k=k, epochs=epochs)

    points = {
        "utterances": [point(n, n, 50) for n in utterances],
        "k": [point(k, utterances[0], k) for k in widths],
    }
    if not tiny:
        draw(points)
    rows = []
    for name, goals in (("utterances", ("<= 1.05", "<= 0.05")), ("k", (None, None))):
        for column, what in ((1, "time"), (2, "memory beyond the data")):
            measured = [slope(points[name], column)]
            rows.append(row(f"growth of {what} with {name}", measured, unit="slope",
                            goal=goals[column - 1]))
    return rows


def slope(points, column):
    """Slope of the straight line through points (size, seconds, MB) on logarithmic axes."""
    logs = np.log(np.array(points, float))
    return float(np.polyfit(logs[:, 0], logs[:, column], 1)[0])


def draw(points):
    """Save the picture of growth."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, 2, figsize=(8, 6), sharex="col", sharey="row", layout="constrained")
    labels = {"utterances": "utterances, at $k = 50$", "k": "$k$, at 1,000 utterances"}
    for (top, bottom), (name, label) in zip(axes.T, labels.items(), strict=True):
        sizes, seconds, memory = zip(*points[name], strict=True)
        for ax, values, column in ((top, seconds, 1), (bottom, memory, 2)):
            ax.loglog(sizes, values, "o-", color="#0072B2")
            ax.set_title(f"slope {slope(points[name], column):.2f}", fontsize=10)
            ax.grid(alpha=0.3)
        bottom.set_xlabel(label)
        bottom.set_xticks(sizes, [f"{size:,}" for size in sizes])
        bottom.minorticks_off()
    axes[0, 0].set_ylabel("seconds per epoch")
    axes[1, 0].set_ylabel("MB beyond the data")
    figure.savefig(PICTURE, dpi=120)

"""What the commands that make many runs share: their flags, and where the runs go."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from .. import settings
from ..data import data_dir, load
from ..errors import SettingError
from ..storage.lock import locked
from . import runs


def add_flags(p, out):
    """The flags of a command that makes many runs: data, settings for all of them, where they run, where they go."""
    p.add_argument("--dataset", default="mosi", choices=tuple(settings.PRESETS), help="data set (default mosi)")
    p.add_argument("--source", default="auto", choices=("auto", "real", "synthetic"), help="as in argf_np.train")
    p.add_argument("--data-dir", metavar="DIR", help="as in argf_np.train")
    p.add_argument("--jobs", type=whole, default=os.cpu_count(), help="runs at a time, each in a process of its own "
                   "with one BLAS thread (default: all cores)")
    p.add_argument("--dask", metavar="ADDRESS", help="run on this Dask cluster instead, such as tcp://host:8786: as "
                   "many runs at a time as its workers have threads. Scheduler and workers need this package, and real "
                   "data is read from the same folder as here; one worker a core: dask worker ADDRESS --nworkers CORES "
                   "--nthreads 1")
    p.add_argument("--out", metavar="DIR", type=Path, default=out, help=f"folder (default {out})")
    settings.add_flags(p, "dataset", "seed", "modalities")


def whole(text):
    """A number of an argument, from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from 1")
    return int(text)


def common_settings(options):
    """The settings that are given by flags, as a dict of changes to the preset."""
    return {spec.name: getattr(options, spec.name) for spec in fields(settings.Settings)
            if spec.name in options and spec.name != "dataset"}


@contextmanager
def completed(options, every):
    """Load the data and execute all the runs (Settings) that have no file yet, as the flags say; say which failed.

    Yields the corpus, and a function: Settings -> result of the run, None if it failed. The folder is locked meanwhile.
    """
    folder = data_dir(options.data_dir).absolute()
    corpus = load(options.dataset, folder, options.source)
    with executor(options) as (pool, slots), ready(options.out):
        failed = runs.complete(every, corpus, folder, options.out, pool, slots, sys.stderr)
        for name, error in failed.items():
            print(f"failed: {name}: {error}", file=sys.stderr)
        data = runs.fingerprint(corpus)
        yield corpus, lambda settings: runs.read(options.out, corpus.source, settings, data)


@contextmanager
def ready(folder):
    """Make the folder of the results, hold it for this process, and remove what a killed one has left half-written."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for part in [*folder.glob(".*.part"), *folder.glob("runs/.*.part")]:
            part.unlink()
        yield


@contextmanager
def executor(options):
    """Yields where the runs go, threads here or a Dask cluster that is already there, and how many go at a time."""
    if not options.dask:
        with ThreadPoolExecutor(options.jobs) as pool:
            yield pool, lambda: options.jobs
        return
    try:
        from distributed import Client
    except ImportError:
        raise SettingError("--dask: Dask is not installed, get it with: pip install 'argf_np[cluster]'") from None
    try:
        client = Client(options.dask)
    except (OSError, ValueError) as error:
        raise SettingError(f"--dask {options.dask}: {error}") from None
    with client:
        try:
            yield client.get_executor(pure=False), lambda: sum(client.nthreads().values())
        except OSError as error:
            if error.strerror:
                raise  # it is about a file
            raise SettingError(f"--dask {options.dask}: the scheduler is gone; finished runs are kept, start again "
                               "to go on") from None

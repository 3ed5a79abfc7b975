"""What the commands that make many runs share: their flags, and where the runs go."""

import os
from dataclasses import fields
from pathlib import Path

from .. import settings
from .runs import Processes


def add_flags(p, out):
    """The flags of a command that makes many runs: data, settings for all of them, where they run, where they go."""
    p.add_argument("--dataset", default="mosi", choices=("mosi", "mosei", "iemocap"), help="data set (default mosi)")
    p.add_argument("--source", default="auto", choices=("auto", "real", "synthetic"), help="as in argf_np.train")
    p.add_argument("--data-dir", metavar="DIR", help="as in argf_np.train")
    p.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time, each in a process of its own with "
                   "one BLAS thread (default: all cores)")
    p.add_argument("--dask", metavar="ADDRESS", help="run on this Dask cluster instead, such as tcp://host:8786")
    p.add_argument("--out", metavar="DIR", type=Path, default=out, help=f"folder (default {out})")
    settings.add_flags(p, "dataset", "seed")


def common_settings(options):
    """The settings that are given by flags, as a dict of changes to the preset."""
    return {spec.name: getattr(options, spec.name) for spec in fields(settings.Settings)
            if spec.name in options and spec.name != "dataset"}


def executor(options):
    """Where the runs go: processes of this machine, or a Dask cluster that is already there."""
    if options.dask:
        from distributed import Client

        return Client(options.dask).get_executor(pure=False)
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # read by the processes that are started
    return Processes(options.jobs)

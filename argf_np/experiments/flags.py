"""What the commands that make many runs share: their flags, and the way from flags to results."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from .. import settings
from ..data import data_dir
from ..errors import SettingError
from ..pipeline import corpus_fingerprint, require_fit
from ..run_folder import require_outside_data
from ..storage.lock import locked
from . import runs
from .catalogue import Subject
from .many_runs import Live, execute_all


def add_flags(p, out, **defaults):
    """The flags of a command that makes many runs: which data, where they run, their settings.

    - defaults: of settings, where they are the command's own.
    """
    p.add_argument("--dataset", default="mosi", metavar="NAME",
                   help=f"data set, one of {', '.join(settings.PRESETS)}; or the path of a file or "
                   "folder (default mosi)")
    p.add_argument("--title", metavar="TEXT",
                   help="what tables and names of files call the data (default its name)")
    p.add_argument("--source", default="auto", choices=("auto", "real", "synthetic"),
                   help="as in argf_np.train")
    p.add_argument("--data-dir", metavar="DIR", help="as in argf_np.train")
    p.add_argument("--jobs", type=whole, default=os.cpu_count(),
                   help="runs at a time, each in a process of its own with one BLAS thread "
                   "(default: all cores)")
    p.add_argument("--dask", metavar="ADDRESS",
                   help="run on this Dask cluster instead, such as tcp://host:8786: as many runs "
                   "at a time as its workers have threads. Scheduler and workers need this "
                   "package, and real data is read from the same folder as here. One worker per "
                   "core: dask worker ADDRESS --nworkers CORES --nthreads 1")
    p.add_argument("--out", metavar="DIR", type=Path, default=out, help=f"folder (default {out})")
    settings.add_flags(p, "dataset", "seed", "modalities", **defaults)


def whole(text):
    """A number of an argument, from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from 1")
    return int(text)


def common_settings(options):
    """The settings that are given by flags, as a dict. Raises SettingError for a wrong one."""
    common = {}
    for spec in fields(settings.Settings):
        if spec.name in options and spec.name != "dataset":
            common[spec.name] = settings.checked(spec, getattr(options, spec.name))
    return common


def load_subject(options):
    """The `Subject` of the flags.

    DataError if it cannot be read, SettingError for a wrong title or for results among the data.
    """
    corpus = runs.load_corpus(options.dataset, options.source, place_of(options))
    if corpus.source == "real":
        require_outside_data(options.out, options.dataset, options.data_dir)
    if options.dataset in settings.PRESETS:
        dataset, title = options.dataset, options.dataset.upper()
    else:
        path = Path(options.dataset).absolute()
        dataset, title = path.name, path.stem
        if dataset in settings.PRESETS:  # a folder of that name is not the data set of that name
            dataset = f"./{dataset}"
    subject = Subject(corpus, dataset, title if options.title is None else options.title)
    if not subject.stem:
        raise SettingError(f"--title {options.title}: expected letters or digits in it")
    return subject


def place_of(options):
    """Where the data is: the folder of the named data sets, or the path of any other."""
    if options.dataset in settings.PRESETS:
        return data_dir(options.data_dir).absolute()
    return Path(options.dataset).absolute()


@contextmanager
def completed(options, subject, wanted):
    """Execute all runs of a list of `Settings` that have no file yet. Say which of them fail.

    Yields a function: Settings -> result of the run, None if it failed. The folder is locked
    meanwhile.
    """
    source, data = subject.corpus.source, corpus_fingerprint(subject.corpus)
    wanted = [*dict.fromkeys(wanted)]

    def read(settings):
        return runs.read(options.out, source, settings, data)

    def keep(settings, result):
        runs.write(options.out, source, settings, data, result)

    with workers_of(options) as workers, locked(options.out):
        (options.out / "runs").mkdir(exist_ok=True)
        missing = [settings for settings in wanted if read(settings) is None]
        execute_missing(workers, options, subject, missing, keep, len(wanted))
        yield read


def execute_missing(workers, options, subject, missing, keep, total, budget=None):
    """`execute_all` on the data of the flags. Return which runs fail, and say it on stderr.

    DataError, before any run, if the data lacks a split that one of them needs.
    """
    for run in missing:
        require_fit(subject.corpus, run, "test")
    source, data = subject.corpus.source, corpus_fingerprint(subject.corpus)
    live = Live(total, len(missing), sys.stderr)
    failed = execute_all(missing, source, place_of(options), data, keep, workers, live, budget)
    for name, error in failed.items():
        print(f"failed: {name}: {error}", file=sys.stderr)
    return failed


@contextmanager
def workers_of(options):
    """Yield ``(executor, slots)``: threads here, or a Dask cluster that is there already."""
    if not options.dask:
        with ThreadPoolExecutor(options.jobs) as pool:
            yield pool, lambda: options.jobs
        return
    try:
        from distributed import Client
    except ImportError:
        raise SettingError("--dask: Dask is not installed, get it with: "
                           "pip install 'argf_np[cluster]'") from None
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
            raise SettingError(f"--dask {options.dask}: the scheduler is gone; finished runs are "
                               "kept, start again to continue") from None

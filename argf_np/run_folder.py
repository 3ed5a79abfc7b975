"""The folder of a run: which run it holds, and whether another may be written to it."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path

from . import __version__
from .data import data_dir, notice
from .errors import ModelError, SettingError
from .pipeline import corpus_fingerprint
from .settings import FIELDS, PRESETS, command_line
from .storage import files
from .storage.cache import versions

NAMES = ("config.json", "history.csv", "model.npz", "predictions.csv", "metrics.json", "figures")
OTHERWISE = "choose another folder with --out, or remove this one"


def configuration(corpus, settings, data_dir):
    """Everything that is needed to repeat a run, as a dict of plain values."""
    where = f"--data-dir {shlex.quote(data_dir)} " if data_dir else ""
    flags = f"--source {corpus.source} {where}{command_line(settings)}"
    return {
        **{name.rstrip("_"): value for name, value in asdict(settings).items()},
        "source": corpus.source,
        "data_dir": data_dir,
        "data": corpus_fingerprint(corpus),
        "classes": list(corpus.classes),
        "utterances": {split: len(corpus.utterances(split)) for split in corpus.split},
        "command": f"python -m argf_np.train {flags}",
        "versions": {"argf_np": __version__} | versions(),
    }


def read_configuration(folder):
    """The content of config.json of a run. ModelError if there is none, or something else."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for name in (*FIELDS, "source", "data_dir", "data", "versions"):
            config[name.rstrip("_")]
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{folder}: no run to continue, expected a config.json") from None
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{folder}/config.json: not of a run of this version") from None
    return config


def require_outside_data(folder, dataset, directory):
    """Refuse results in the folder of the data, where they would be taken for data.

    Arguments
        - dataset: name or path of a data set that is there.
        - directory: folder of the data sets with a name; None for the default.
    """
    place = data_dir(directory) / dataset if dataset in PRESETS else Path(dataset)
    place, out = place.resolve(), folder.resolve()
    if place.is_dir():
        taken = out.is_relative_to(place)
    else:
        place = place.parent
        taken = out == place
    if taken:
        raise SettingError(f"--out {folder}: expected a folder outside of the data in {place}")


def prepare(folder, before, now):
    """Begin a run in the folder, or check that the run ``before`` can be continued."""
    if before is None:
        begin(folder, now)
    elif now["data"] != before["data"]:
        raise ModelError(f"{folder}: began with other data than what is in {now['dataset']} now")
    elif now["versions"] != before["versions"]:
        notice(f"the run began with versions {before['versions']}, so its bits may differ")


def begin(folder, config):
    """Make a folder the one of a new run.

    Raises ModelError if it holds an unfinished run, a finished run of other data or settings, or
    files of the same names that no run wrote.
    """
    finished = (folder / "metrics.json").exists()
    if (folder / "checkpoint.npz").exists() and not finished:
        raise ModelError(f"{folder}: holds a run that is not finished; continue it with "
                         f"--resume {folder}, or remove it")
    if any((folder / name).exists() for name in NAMES):
        require_same_run(folder, config)
    (folder / "metrics.json").unlink(missing_ok=True)
    files.write_json(folder / "config.json", config)


def require_same_run(folder, now):
    """Refuse to replace what is in a folder, unless it is the same run or one without results."""
    try:
        before = read_configuration(folder)
    except ModelError:
        raise ModelError(f"{folder}: holds files that are not of a run of this version; "
                         f"{OTHERWISE}") from None
    if not (folder / "metrics.json").exists():
        return
    for name in ("dataset", "source", "data", *FIELDS):
        found, expected = before[name.rstrip("_")], now[name.rstrip("_")]
        if found != expected and name == "data":
            raise ModelError(f"{folder}: holds a finished run of other data; {OTHERWISE}")
        if found != expected:
            raise ModelError(f"{folder}: holds a finished run with {name.rstrip('_')} {found}, "
                             f"not {expected}; {OTHERWISE}")

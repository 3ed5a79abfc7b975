"""Files of every known format, recognised by their content."""

import os
from pathlib import Path

from ...errors import DataError
from ..corpus import SPLITS, notice
from ..published import DATASETS, MOSI_FILES
from . import iemocap_pickle, mmsa, mosi_csv, own, padded
from .safe_pickle import read_pickle

TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file of old torch.save


def read(path, dataset=None):
    """Read a file or folder of any known format, recognised by its content.

    A folder: the published CSV files (`mosi_csv`), your own files (`own`), or one that holds a
    known pickle. An archive `.npz` (`own`). A pickle: a tuple of 7 or 13, with the files of the
    other modalities beside it, or a dict of UCLN outputs (`padded`); a tuple of 9
    (`iemocap_pickle`); a dict of train, valid and test (`mmsa`).

    Parameters
    ----------
    dataset : str, optional
        "mosi", "mosei" or "iemocap" for a file that is one of them whatever its counts are.
        Default: what its content says, and else data of your own. Its name says nothing.

    Raises
    ------
    DataError
        One line naming the file: not there, not readable, none of these formats, or broken.
    """
    path = Path(path)
    try:
        corpus = (_read_folder if path.is_dir() else _read_file)(path, dataset)
    except (MemoryError, OverflowError) as error:
        raise DataError(f"{path}: too large ({error})") from None
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror}") from None
    except DataError as error:
        text = str(error)
        named = tuple(f"{path}{mark}" for mark in (":", ",", os.sep))
        if text.startswith((*named, f"{path.parent}{os.sep}")):  # it names the file already
            raise
        for name in (path.stem, path.resolve().name):
            text = text.removeprefix(f"{name}: ")
        raise DataError(f"{path}: {text}") from None
    if dataset and corpus.published != dataset:
        found = corpus.published or "other data or other classes"
        raise DataError(f"{path}: holds {found}, expected {dataset}; "
                        "give its path to use it as data of your own")
    _compare_counts(corpus)
    return corpus


def find(folder, name):
    """What is read of a data set in a folder; None if nothing of it is there.

    The folder, if any of the data set's CSV files is in it, else the first of its files.
    """
    if name == "mosi" and any((folder / file).exists() for file in MOSI_FILES):
        return folder
    for pattern in (*DATASETS[name].files, f"{name}.npz"):
        for path in sorted(folder.glob(pattern)):
            return path
    return None


def _read_folder(path, dataset):
    if own.table_of(path):
        return own.read_folder(path, dataset)
    for name in DATASETS:
        found = find(path, name)
        if found == path:
            return mosi_csv.read_published(path)
        if found:
            return _read_file(found, dataset)
    raise DataError(f"{path}: expected utterances.csv, or a file of a known data set; "
                    "python -m argf_np.data describe shows the format")


def _read_file(path, dataset):
    with open(path, "rb") as file:
        if file.read(2) == b"PK":
            return own.read_npz(path, dataset)
    value = read_pickle(path)
    if isinstance(value, tuple):
        if len(value) in padded.TUPLES:
            return padded.read_tuples(path, value, dataset)
        if len(value) == 9:
            return iemocap_pickle.read_dialogues(path, value, dataset)
    if isinstance(value, dict):
        if set(mmsa.PARTS) <= set(value):
            return mmsa.read_parts(path, value, dataset)
        if "train_mask" in value:
            return padded.read_contextual(path, value, dataset)
    if isinstance(value, int) and value == TORCH_MAGIC:
        raise DataError(f"{path}: it is a file of torch.save: read it with torch.load, and "
                        "np.savez the arrays")
    raise DataError(f"{path}: a pickle, but of none of the formats that circulate; make an .npz of "
                    "it: python -m argf_np.data describe shows the format")


def _compare_counts(corpus):
    """Say so if a data set of the paper has other numbers of utterances than the paper counts."""
    if corpus.published is None:
        return
    found = tuple(len(corpus.utterances(split)) for split in SPLITS)
    paper = DATASETS[corpus.published].utterances
    if found != paper:
        notice(f"{corpus.name} has {found[0]} / {found[1]} / {found[2]} utterances for training, "
               f"validation and test; in the paper it has {paper[0]} / {paper[1]} / {paper[2]}")

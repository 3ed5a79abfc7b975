"""Every reader against files that were changed at random: a valid corpus or one line, nothing else.

What loads can be standardised for float32, or gets one line. Of formats that hold your own data, it
also trains for one epoch and gives finite probabilities, or one line. In CI a few files of each
format; by hand any number, with a line of counts for each format:

    ARGF_NP_FUZZ=2000 python -m pytest -q -s tests/test_data_fuzz.py 2> /dev/null
"""

import os
import pickle
import resource
import time
import warnings
from collections import Counter

import numpy as np
import pytest
from formats import (
    draw_mmsa,
    own_rows,
    write_contextual,
    write_dialogues,
    write_folder,
    write_mmsa,
    write_published,
    write_tuples,
)

from argf_np.data import Corpus, DataError, read, require_trainable, standardise
from argf_np.data.example import write_example
from argf_np.errors import ArgfError
from argf_np.estimator import ARGF

COUNT = int(os.environ.get("ARGF_NP_FUZZ", 12))
SECONDS, MEGABYTES = 5, 1000  # that one file may take
OWN = ("own", "MMSA of another")  # how the names of the formats begin that are trained on
MMSA = {"train": ["x", "a"], "valid": ["c"], "test": ["d", "e"]}


def write_own(folder, npz):
    columns, features = own_rows()
    columns["words"] = ["some words, said"] * len(columns["video"])
    features["pulse"][3] = np.nan
    if npz:
        np.savez_compressed(folder / "x.npz", **columns, **features)
        return folder / "x.npz"
    write_folder(folder, columns, features, npy=("speech",))
    return folder


def write_another(path):
    """An MMSA file with its own classes."""
    write_mmsa(path, draw_mmsa(MMSA), False)
    value = pickle.loads(path.read_bytes())
    for part in value.values():
        part["annotations"] = ["Positive" if x > 0 else "Other" for x in part["regression_labels"]]
    path.write_bytes(pickle.dumps(value))
    return path


def write_in_other_types(path):
    """An archive with a modality called video, whole labels, real orders and long numbers."""
    columns, features = own_rows()
    np.savez(path, video_id=columns["video"], order=np.array(columns["order"]) / 8,
             split=[part.replace("validation", "dev") for part in columns["split"]],
             label=np.array([len(label) for label in columns["label"]], "i2"),
             speaker=columns["video"], video=features["pulse"].astype(np.longdouble),
             speech=features["speech"].astype("f2"))
    return path


FORMATS = {
    "published CSV folder": lambda folder: write_published(folder) and folder,
    "tuples of 7": lambda folder: write_tuples(folder, 7)[1],
    "tuples of 7, as text": lambda folder: write_tuples(folder, 7, protocol=0)[1],
    "tuples of 13": lambda folder: write_tuples(folder, 13, 3, "_3way.pickle")[1],
    "dialogues": lambda folder: write_dialogues(folder / "x.pkl") and folder / "x.pkl",
    "UCLN outputs": lambda folder: write_contextual(folder / "x.pickle") and folder / "x.pickle",
    "MMSA": lambda folder: write_mmsa(folder / "x.pkl", draw_mmsa(MMSA), False) or folder / "x.pkl",
    "MMSA, protocol 5": lambda folder: (
        write_mmsa(folder / "x.pkl", draw_mmsa(MMSA), True, 5) or folder / "x.pkl"
    ),
    "MMSA of another corpus": lambda folder: write_another(folder / "x.pkl"),
    "own archive": lambda folder: write_own(folder, True),
    "own folder": lambda folder: write_own(folder, False),
    "own archive in other types": lambda folder: write_in_other_types(folder / "x.npz"),
    "own folder as of the example": lambda folder: write_example(folder / "x") and folder / "x",
}
WORDS = (
    b"nan",
    b"inf",
    b"-1",
    b"1e999",
    b"1e300",
    b"",
    b"9" * 30,
    b"\xff\xff\xff\xff",
    b"\x7f",
    b"\0" * 8,
    b",",
    b"\n",
    b'"',
    b"'",
    b".",
    b"(",
    b"t",
    b"R",
    b"b",
    b"c",
    b"\x8a",
    b"r",
    b"j",
    b"\x95",
    b"\x8e",
    b"\x96",
    b"0",
    b"u",
)


def mutate(content, rng):
    """The bytes with a change or more."""
    if content[:1] in b"\x80(" and rng.random() < 0.5:
        return pickle.dumps(mangle(pickle.loads(content), rng), int(rng.integers(6)))
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        n = len(content) or 1
        at = int(
            rng.integers(min(n, 400) if rng.random() < 0.3 else n)
        )  # headers are short, and matter
        length = int(rng.integers(1, max(2, min(n - at, 2 ** rng.integers(0, 12)) + 1)))
        other = int(rng.integers(n))
        match rng.choice(7, p=[0.4, 0.15, 0.1, 0.1, 0.1, 0.1, 0.05]):
            case 0:
                content[at:at + 1] = bytes([rng.integers(256)])
            case 1:
                content[at:at + length] = WORDS[rng.integers(len(WORDS))]
            case 2:
                content[at:at] = WORDS[rng.integers(len(WORDS))]
            case 3:
                del content[at:at + length]
            case 4:
                content[at:at] = content[other:other + length]
            case 5:
                content[at:at + length] = rng.bytes(min(length, 16))
            case 6:
                del content[at:]
    return bytes(content)


def mangle(value, rng):
    """The value of a pickle with one part of it, however deep, replaced or bent."""
    if isinstance(value, tuple | list | dict) and value and rng.random() < 0.85:
        if isinstance(value, dict):
            key = list(value)[rng.integers(len(value))]
            return value | {key: mangle(value[key], rng)}
        i = rng.integers(len(value))
        return type(value)([*value[:i], mangle(value[i], rng), *value[i + 1:]])
    junk = [
        None,
        -1,
        0,
        2**70,
        2**2000,
        1e308,
        float("nan"),
        "x",
        b"x",
        [],
        (),
        {},
        [[]],
        True,
        np.zeros((0, 5)),
        np.zeros(3),
        np.float64(np.inf),
        np.array(["x"]),
        np.array([[1, None]], object),
        3j,
    ]
    if isinstance(value, np.ndarray) and value.size and rng.random() < 0.7:
        x = value.copy()
        if x.dtype.kind == "f":
            x.flat[rng.integers(x.size)] = rng.choice(
                [np.nan, np.inf, -np.inf, np.finfo(x.dtype).max, -1, 0.5, 3]
            )
        return [
            x,
            x[:-1],
            x[..., :-1],
            x.T,
            x.astype(str),
            x.astype(object),
            x[None],
            x.ravel(),
            x == 0,
        ][rng.integers(9)]
    return junk[rng.integers(len(junk))]


def assert_usable(corpus, train):
    """It can be standardised, and trained on, or an error of one line says why not."""
    try:
        require_trainable(corpus)
        for z in standardise(corpus).features.values():
            assert np.isfinite(np.square(z[:].astype("f4")).sum())
        if train:
            model = ARGF(epochs=1, ucln_epochs=1, seed=0).fit(corpus)
            assert np.isfinite(model.predict_proba(corpus)).all()
    except ArgfError as error:
        if "\n" in str(error):
            pytest.fail(str(error))
        return "loads"
    return "trains" if train else "loads"


def assert_valid(corpus):
    assert isinstance(corpus, Corpus)
    n = len(corpus.ids)
    assert n == len(corpus.words) == len(corpus.labels) == corpus.lengths.sum()
    assert (corpus.lengths > 0).all()
    for x in corpus.features.values():
        assert len(x) == n
        assert (np.isfinite(x).all(axis=1) | np.isnan(x).all(axis=1)).all()


@pytest.mark.parametrize("name", FORMATS)
def test_changed_files_load_or_give_one_line(tmp_path, name):
    path = FORMATS[name](tmp_path)
    files = [file for file in sorted(tmp_path.rglob("*")) if file.is_file()]
    contents = {file: file.read_bytes() for file in files}
    assert_valid(read(path))
    rng, outcomes = np.random.default_rng(list(name.encode())), Counter()
    for i in range(COUNT):
        file = files[rng.integers(len(files))]
        file.write_bytes(mutate(contents[file], rng))
        begun = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                corpus = read(path)
                assert_valid(corpus)
                taken = time.process_time() - begun
                outcomes[assert_usable(corpus, train=name.startswith(OWN))] += 1
        except DataError as error:
            outcomes["refused"] += 1
            if "\n" in str(error) or str(tmp_path) not in str(error):
                pytest.fail(f"file {i}: {error}")
            taken = time.process_time() - begun
        assert taken < SECONDS, i
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1000 * MEGABYTES, i
        file.write_bytes(contents[file])
    print(f"{name}: {COUNT} files, {dict(outcomes)}")
    assert_valid(read(path))

"""CMU-MOSI (Zadeh et al. 2016), features of Poria et al. (2017), as published: a folder of CSV."""

import re
from collections import Counter

import numpy as np

from ...errors import DataError
from ..corpus import from_rows
from ..published import DATASETS, MOSI_FILES, MOSI_VIDEOS
from .csv_tables import read_numbers, read_rows

FOLDERS = {"a": "audio", "l": "text", "v": "video"}
PARTS = {"train": ("train", "validation"), "test": ("test",)}  # the files know two parts only


def read_published(folder):
    """The `Corpus` in the published folder, a Path: 93 videos in the order of `MOSI_VIDEOS`.

    Video and text features were made with the labels of all 62 videos of train and validation, so
    validation accuracy says little about the test videos.

    Raises
    ------
    DataError
        One line naming file and row for anything that is not as published: missing files, numbers
        of rows and columns, numbers that are not finite, ids, labels.
    """
    for name in MOSI_FILES:
        if not (folder / name).exists():
            raise DataError(f"{folder / name}: no such file; "
                            "python -m argf_np.data download mosi fetches it")
    split_of = {video: split for split, videos in MOSI_VIDEOS.items() for video in videos}
    names, words, labels = _read_transcripts(folder / "transcripts.csv")
    index, features = [], {m: [] for m in FOLDERS}
    for part, splits in PARTS.items():
        rows = sum(sum(MOSI_VIDEOS[split].values()) for split in splits)
        index += _read_index(folder / f"text_{part}.csv", rows, len(labels), set(index))
        for m, word in FOLDERS.items():
            path, width = folder / word / f"{word}_{part}0.csv", DATASETS["mosi"].widths[m]
            features[m].append(_read_features(path, width, labels[index[-rows:]]))
    features = {m: np.concatenate(parts) for m, parts in features.items()}

    # From the rows of the feature files to those of the transcripts, ordered by video.
    rank = {video: i for i, video in enumerate(split_of)}
    order = np.argsort([rank[video] for video, _ in names], kind="stable")
    row = np.argsort(index)[order]
    videos, numbers = zip(*(names[i] for i in order), strict=True)
    return from_rows(
        "mosi", {m: x[row] for m, x in features.items()}, videos, np.array(numbers),
        [split_of[video] for video in videos], labels[order], DATASETS["mosi"].classes,
        [words[i] for i in order], published="mosi")


def _read_transcripts(path):
    """(video, N) of each utterance, its words, its label (n,), in the order of the file."""
    lengths = {video: n for videos in MOSI_VIDEOS.values() for video, n in videos.items()}
    names, words, labels = {}, [], []
    for row, (name, said, _, label) in read_rows(path, sum(lengths.values()), 4, "latin-1"):
        # The video's id may hold underscores itself: split at the last one.
        match = re.fullmatch(r"(.+)_([0-9]{1,9})", name)
        if match is None or match[1] not in lengths:
            raise DataError(f"{path}, row {row}: utterance id {name!r:.60}, "
                            "expected VIDEO_N of a video of the split")
        first = names.setdefault((match[1], int(match[2])), row)
        if first != row:
            raise DataError(f"{path}, row {row}: utterance id {name!r} a second time, "
                            f"also row {first}")
        if label not in ("0", "1"):
            raise DataError(f"{path}, row {row}: label {label!r:.60}, expected 0 or 1")
        words.append(said)
        labels.append(int(label))
    for video, count in Counter(video for video, _ in names).items():
        if count != lengths[video]:
            raise DataError(f"{path}: {count} utterances of video {video}, "
                            f"expected {lengths[video]}")
    return list(names), words, np.array(labels)


def _read_index(path, rows, n, used):
    """Column 0 as a list: which transcript each row of the part's feature files belongs to."""
    index = []
    for row, value in enumerate(read_numbers(path, rows, 101)[:, 0], 1):
        if not (value == int(value) and 0 <= value < n and value not in used):
            raise DataError(f"{path}, row {row}: index {value:g}, "
                            f"expected a whole number from 0 to {n - 1}, each once")
        used.add(int(value))
        index.append(int(value))
    return index


def _read_features(path, width, labels):
    """Features (rows, width); the last column must repeat the labels."""
    table = read_numbers(path, len(labels), width + 1)
    for row in np.flatnonzero(table[:, -1] != labels):
        raise DataError(f"{path}, row {row + 1}: label {table[row, -1]:g}, expected 0 or 1, "
                        f"here {labels[row]} as in transcripts.csv")
    return table[:, :-1]

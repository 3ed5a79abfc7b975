"""A small data set to edit, in both forms of the format for your own data."""

import csv
from pathlib import Path

import numpy as np

from ..errors import DataError

N_VIDEOS, N_UTTERANCES = 24, 5  # per video
WIDTHS = {"face": 3, "speech": 4}
SAID = {"calm": ("that is fine with me", "let us see", "no hurry"),
        "tense": ("we are late again", "not like that", "what was that")}


def write_example(folder):
    """Write the example as CSV files into a new folder, and as an archive beside it.

    Both hold the same. The label is heard in speech, the face says nothing. Returns the path of the
    archive. DataError if one of them is there.
    """
    folder = Path(folder)
    archive = folder.parent / f"{folder.name}.npz"
    for path in (folder, archive):
        if path.exists():
            raise DataError(f"{path}: is there already, expected the name of a new folder")
    columns, features = draw()
    folder.mkdir(parents=True)
    _write_csv(folder / "utterances.csv", [columns, *zip(*columns.values(), strict=True)])
    for m, x in features.items():
        _write_csv(folder / f"{m}.csv", x.tolist())
    np.savez(archive, **columns, **features)
    return archive


def draw():
    """Columns and features of the example, by name."""
    rng = np.random.default_rng(0)
    n = N_VIDEOS * N_UTTERANCES
    labels = rng.choice([*SAID], n)
    video = np.arange(n) // N_UTTERANCES
    parts = np.repeat(["train", "valid", "test"], [N_VIDEOS - 8, 4, 4])
    columns = {
        "video_id": [f"video{i:02d}" for i in video],
        "order": [i % N_UTTERANCES for i in range(n)],
        "split": parts[video].tolist(),
        "label": labels.tolist(),
        "words": [str(rng.choice(SAID[label])) for label in labels],
    }
    features = {m: rng.normal(size=(n, width)) for m, width in WIDTHS.items()}
    features["speech"][:, 0] += 2 * (labels == "tense")
    return columns, {m: x.round(2) for m, x in features.items()}


def _write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)

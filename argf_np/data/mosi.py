"""CMU-MOSI (Zadeh et al. 2016) with the features of Poria et al. (2017), from the CSV folder they are published in."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from .corpus import Corpus, DataError, layout
from .tables import read_numbers, read_rows

URL = "https://raw.githubusercontent.com/SenticNet/sc-lstm/2e999018b7a4d0a96ea7a37bfcf45183dc7c3181/data/"

ORIGIN = """\
CMU-MOSI features from the public repository SenticNet/sc-lstm, commit 2e99901, folder data/.
Cite: Zadeh et al. (2016), "MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity Analysis in Online Opinion
      Videos", for the data; Poria et al. (2017), "Context-Dependent Sentiment Analysis in User-Generated Videos", for
      the features.
Licence: the repository names none; the rights are with the owners of the data and of the features, so ask them."""

# The published files and their SHA-256.
FILES = {
    "transcripts.csv": "e7689e6d70720addd2a6b316419d245a68839c32b014ff426c406063ee777466",
    "text_train.csv": "73770b6302ad0f7a51f4eddcae6788efde4d0b6802e09f78249d5b538d1c1d67",
    "text_test.csv": "f3b735070bf07ceff7a6ef6c8f4c32757e988de484e35bd6d38b2aecef851a59",
    "text/text_train0.csv": "cc327045db6cc361a08b4037b97bb24de4ddb5efb381468c4835cc4a60674668",
    "text/text_test0.csv": "a343e22272919d1384c2075dbcdd5fef5aa9f9366b0552a83f7c3147b64b047a",
    "audio/audio_train0.csv": "5435398a54664e7b00304587dc59ae84a438852be033c2a2fba779588624a2a1",
    "audio/audio_test0.csv": "ddd17eeefd3d951d51d4e2ef8a0d132652d8161e1886f71eb7262b7a14bffff6",
    "video/video_train0.csv": "b6efc0413132d627efd06f67f1706830e775e90af9a75696f535c48dbc73f12f",
    "video/video_test0.csv": "cab836253d81100f59d533fa2ff65cd53c486be3ec9fd82203c5e25a7a77265f",
}

CLASSES = ("negative", "positive")
FOLDERS = {"a": "audio", "l": "text", "v": "video"}
WIDTHS = {"a": 73, "l": 100, "v": 100}

# The paper's split: each video and its number of utterances.
VIDEOS = {split: {video: int(n) for video, n in re.findall(r"(\S+) (\d+)", text)} for split, text in {
    "train": """
        zhpQhgha_KU 35  lXPQBPVc5Cw 30  2iD-tVS8NPw 30  BioHAh1qJAQ 30  Qr1Ca94K55A 14  _dI--eQ6qVU 28  8qrpnFRGt2A 26
        ZAIRrfG22O0 9  nzpVDcQ0ywM 24  IumbAb8q2dM 22  etzxEpPuc6I 19  QN9ZIUWUXsY 18  9T9Hf74oK10 25  7JsX8y1ysxY 39
        d6hH302o4v8 43  k5Y_838nuGo 31  pLTX3ipuDJI 16  c5xsKMxpXnc 15  Oz06ZWiO20M 25  atnd_PF-Lbs 21  yvsjCA6Y5Fc 23
        tIrG4oNLFzE 18  jUzDDGyPkXU 27  dq3Nf_lMPnE 15  TvyZBvOMOTc 15  X3j2zQgwYgE 11  wMbj6ajWbic 30  W8NXH0Djyww 32
        8OtFthrtaJM 23  nbWiPyCm4g0 10  rnaNMUZpvvg 22  PZ-lDQFboO8 12  phBUpBr1hSo 21  1DmNV9C1hbY 14  cXypl4FnoZo 29
        yDtzw_Y-7RU 24  v0zCBqDeKcE 16  aiEXnCPZubE 30  9qR7uwkblbs 33  G6GlGvlkxAQ 29  6_0THN4chvY 14  d3_k5Xpfmik 19
        WKA5OygbEKI 22  f_pcplsH_V0 15  BvYR0L6f2Ig 26  5W7Z1C_fDaE 24  VbQk4H8hgr0 55  fvVhgmXxadc 14  MLal-t_vJPM 18
    """,
    "validation": """
        bvLlb-M3UXU 25  LSi-o-IrDMs 29  bOL9jKpeJRs 34  ob23OKe5a9Q 14  6Egk_28TtTM 12  POKffnXeBds 13  73jzhE8R1TQ 19
        OtBXNcAL_lE 24  HEsqda8_d0Q 34  f9O3YtZ2VfI 30  c7UH_rxdZv4 33  VCslbP0mgZI 17  Bfr499ggo-0 22
    """,
    "test": """
        tmZoasNr4rU 20  8d-gEyoeBzc 30  iiK8YX8oH1E 18  Ci-AH39fi3Y 44  cW1FSBF59ik 24  BI97DNYfe5I 31  1iG0909rllw 30
        G-xst2euQUc 21  Iu2PFX3z_1s 16  Nzq88NnDkEk 32  Clx4VXItLTE 31  Af8D0E4ZXaw 31  Sqr0AcuoNnk 22  Vj1wYRQjB-o 9
        GWuJjcEuzt8 18  9J25DZhivz8 25  cM3Yna7AavY 16  OQvJTdtJ2H4 16  I5y0__X72p0 39  vyB00TXsimI 22  ZUXBRvtny7o 34
        Njd1F0vZSm4 13  03bSnISJMiM 13  Dg_0XKD0Mf4 18  9c67fiY0wGQ 12  tStelxIAHjw 16  BXuRRbG0Ugk 31  Jkswaaud0hk 20
        2WGyTLYerpo 63  0h-zjBukYpk 25  vvZ4IcEtiZc 12
    """,
}.items()}

# The published files know two parts only.
PARTS = {"train": ("train", "validation"), "test": ("test",)}


def read(folder):
    """Read the published folder into a `Corpus`: 93 videos in the order of `VIDEOS`, 2,199 utterances.

    Features are as published (`standardise` is a step of its own), float64. Video and text features have seen the
    labels of all 62 videos of train and validation, so validation accuracy says little about the test videos.

    Parameters
    ----------
    folder : path
        Holds `FILES`. Each is checked completely: number of rows and columns, finite numbers, ids, labels.

    Raises
    ------
    DataError
        One line naming file and row for anything that is not as published.
    """
    folder = Path(folder)
    for name in FILES:
        if not (folder / name).exists():
            raise DataError(f"{folder / name}: no such file; python -m argf_np.data download mosi fetches it")
    lengths = {video: length for videos in VIDEOS.values() for video, length in videos.items()}
    utterances, words, labels = _read_transcripts(folder / "transcripts.csv", lengths)

    index, features = [], {m: [] for m in FOLDERS}
    for part, splits in PARTS.items():
        rows = sum(sum(VIDEOS[split].values()) for split in splits)
        index += _read_index(folder / f"text_{part}.csv", rows, len(labels), used=index)
        for m, name in FOLDERS.items():
            path = folder / name / f"{name}_{part}0.csv"
            features[m].append(_read_features(path, WIDTHS[m], labels[index[-rows:]]))

    rank = {video: i for i, video in enumerate(lengths)}
    order = sorted(range(len(labels)), key=lambda i: (rank[utterances[i][0]], utterances[i][1]))
    row_of = np.argsort(index)  # transcript to row of the feature files
    return Corpus(
        name="mosi", source="real", classes=CLASSES,
        video_ids=tuple(lengths),
        ids=tuple(f"{utterances[i][0]}_{utterances[i][1]}" for i in order),
        words=tuple(words[i] for i in order),
        features={m: np.concatenate(x)[row_of[order]] for m, x in features.items()},
        labels=labels[order],
        **layout({split: videos.values() for split, videos in VIDEOS.items()}),
    )


def _read_transcripts(path, lengths):
    """(video, N) of each utterance, its words, its label (n,), in the order of the file."""
    utterances, words, labels = {}, [], []
    for row, (name, said, _, label) in read_rows(path, sum(lengths.values()), 4, "latin-1"):
        # The video's id may hold underscores itself: split at the last one.
        match = re.fullmatch(r"(.+)_([0-9]{1,9})", name)
        if match is None or match[1] not in lengths:
            raise DataError(f"{path}, row {row}: utterance id {name!r:.60}, expected VIDEO_N of a video of the split")
        if (utterance := (match[1], int(match[2]))) in utterances:
            raise DataError(f"{path}, row {row}: utterance id {name!r} a second time, also row {utterances[utterance]}")
        if label not in ("0", "1"):
            raise DataError(f"{path}, row {row}: label {label!r:.60}, expected 0 or 1")
        utterances[utterance] = row
        words.append(said)
        labels.append(int(label))
    for video, count in Counter(video for video, _ in utterances).items():
        if count != lengths[video]:
            raise DataError(f"{path}: {count} utterances of video {video}, expected {lengths[video]}")
    return list(utterances), words, np.array(labels)


def _read_index(path, rows, n, used):
    """Which transcript each row of the part's feature files belongs to: column 0, a list."""
    index, used = [], set(used)
    for row, value in enumerate(read_numbers(path, rows, 101)[:, 0], 1):
        if not (value == int(value) and 0 <= value < n and value not in used):
            raise DataError(f"{path}, row {row}: index {value:g}, expected a whole number from 0 to {n - 1}, each once")
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

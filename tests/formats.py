"""Small files of every format that circulates, with what they hold in plain lists."""

import csv
import pickle
from dataclasses import replace

import numpy as np
import pytest

from argf_np.data import synthesise
from argf_np.data.formats import mosi_csv
from argf_np.data.published import MOSI_VIDEOS

# Videos of train and test, as published.
MOSI, MOSEI, IEMOCAP = (62, 31), (2250, 678), (120, 31)
WIDTHS = {"audio": 4, "text": 3, "video": 2}


def write_published(folder):
    """The CSV folder of MOSI in full size, with made-up content. Returns the corpus in it."""
    corpus = synthesise()
    # N has gaps, and as text its order is another one; rows are shuffled.
    videos = [video for split in MOSI_VIDEOS.values() for video in split]
    names = [
        f"{video}_{5 * i + 2}"
        for video, n in zip(videos, corpus.lengths, strict=True)
        for i in range(n)
    ]
    features = {m: x.round(3) for m, x in corpus.features.items()}
    corpus = replace(
        corpus, source="real", video_ids=tuple(videos), ids=tuple(names), features=features
    )
    rng = np.random.default_rng(1)
    place = rng.permutation(len(names))  # row of transcripts.csv -> utterance

    def write(name, rows):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "w", newline="", encoding="latin-1") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)

    write("transcripts.csv", [[names[u], corpus.words[u], 80, corpus.labels[u]] for u in place])
    for part, splits in mosi_csv.PARTS.items():
        index = np.flatnonzero(
            np.isin(place, np.concatenate([corpus.utterances(split) for split in splits]))
        )
        index = rng.permutation(index)
        rows = {m: x[place[index]].tolist() for m, x in features.items()}
        write(f"text_{part}.csv", [[i, *x] for i, x in zip(index, rows["l"], strict=True)])
        for m, name in mosi_csv.FOLDERS.items():
            labels = corpus.labels[place[index]]
            write(
                f"{name}/{name}_{part}0.csv",
                [[*x, y] for x, y in zip(rows[m], labels, strict=True)],
            )
    return corpus


def draw_videos(counts, draw_label, seed=0):
    """Videos of train and of test, lists of utterances: dicts of label and features."""
    rng = np.random.default_rng(seed)
    return {
        part: [
            [
                {"label": draw_label(rng), **{m: rng.standard_normal(d) for m, d in WIDTHS.items()}}
                for _ in range(rng.integers(1, 4))
            ]
            for _ in range(n)
        ]
        for part, n in zip(("train", "test"), counts, strict=True)
    }


def padded(videos, value, T=5):
    """An array of one value of each utterance, (videos, T, ...), zero in the end."""
    first = np.asarray(value(videos[0][0]))
    x = np.zeros((len(videos), T, *first.shape))
    for i, video in enumerate(videos):
        for t, utterance in enumerate(video):
            x[i, t] = value(utterance)
    return x


def write_tuples(folder, size, one_hot=0, ending="_2way.pickle", protocol=2):
    """Tuples of 7 (MOSI) or 13 (MOSEI), a file per modality; returns videos and one path."""
    if size == 7:
        videos = draw_videos(MOSI, lambda rng: int(rng.integers(2)))
    else:
        videos = draw_videos(MOSEI, lambda rng: float(rng.choice([-2.4, -0.2, 0, 0.4, 3])))
    for m in WIDTHS:
        train, test = (padded(part, lambda u, m=m: u[m]) for part in videos.values())
        labels = [
            padded(
                part,
                lambda u: np.eye(one_hot)[int(np.sign(u["label"])) + 1] if one_hot else u["label"],
            )
            for part in videos.values()
        ]
        lengths = [[len(video) for video in part] for part in videos.values()]
        if size == 7:
            value = (train, labels[0], test, labels[1], 5, *lengths)
        else:
            value = (
                train,
                labels[0],
                None,
                None,
                test,
                labels[1],
                None,
                lengths[0],
                None,
                lengths[1],
                *[None] * 3,
            )
        (folder / f"{m}{ending}").write_bytes(pickle.dumps(value, protocol))
    return videos, folder / f"text{ending}"


def write_contextual(path, N=2, protocol=2):
    """A dict of UCLN outputs; MOSI's videos. Returns the videos."""
    videos = draw_videos(MOSI, lambda rng: int(rng.integers(N)))
    value = {}
    for part, of_part in videos.items():
        value |= {
            f"{m}_{part}": padded(of_part, lambda u, m=m: np.tanh(u[m])).astype("f4")
            for m in WIDTHS
        }
        value[f"{part}_mask"] = padded(of_part, lambda u: 1)
        value[f"{part}_label"] = padded(of_part, lambda u: np.eye(N)[u["label"]])
    path.write_bytes(pickle.dumps(value, protocol))
    return videos


def write_small(folder):
    """Short UCLN outputs of MOSI's 93 videos, 4 wide: nothing takes long. Returns the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "WIDTHS", dict.fromkeys(WIDTHS, 4))
        write_contextual(folder / "unimodal_mosi_2way.pickle")
    return folder


def write_dialogues(path, protocol=2):
    """The tuple of 9 of IEMOCAP; the test dialogues are a set. Returns the videos in its order."""
    videos = draw_videos(IEMOCAP, lambda rng: int(rng.integers(6)))
    ids = {
        part: [f"Ses{i:03d}_{part}" for i in range(len(of_part))]
        for part, of_part in videos.items()
    }
    dialogues = dict(
        zip([*ids["train"], *ids["test"]], [*videos["train"], *videos["test"]], strict=True)
    )

    def by_dialogue(value):
        return {i: [value(u) for u in dialogue] for i, dialogue in dialogues.items()}

    value = (
        by_dialogue(str),
        by_dialogue(lambda u: "F"),
        by_dialogue(lambda u: u["label"]),
        by_dialogue(lambda u: u["text"]),
        by_dialogue(lambda u: u["audio"]),
        by_dialogue(lambda u: u["video"]),
        by_dialogue(lambda u: f"label {u['label']}"),
        ids["train"],
        test := set(ids["test"]),
    )
    path.write_bytes(pickle.dumps(value, protocol))
    return {"train": videos["train"], "test": [dialogues[i] for i in test]}


def write_mmsa(path, videos, aligned, protocol=4):
    """The dict of MMSA. `videos` {part: {video: {segment: (label, feature steps, lengths)}}}."""
    value = {}
    for part, of_part in videos.items():
        rows = [(f"{video}$_${segment}", *utterance) for video, segments in of_part.items()
                for segment, utterance in segments.items()]
        rows = [rows[i] for i in np.random.default_rng(5).permutation(len(rows))]
        value[part] = {
            "id": [row[0] for row in rows],
            "raw_text": np.array([f"said {row[0]}" for row in rows], object),
            "regression_labels": np.array([row[1] for row in rows]),
            "annotations": ["" for _ in rows],
            **{key: np.stack([row[2][key] for row in rows]) for key in ("text", "audio", "vision")},
        }
        if not aligned:
            value[part] |= {
                f"{key}_lengths": [row[3][key] for row in rows] for key in ("audio", "vision")
            }
    path.write_bytes(pickle.dumps(value, protocol))


def draw_mmsa(names, seed=0):
    """Videos for `write_mmsa`: segments out of order, padding, steps that are zero."""
    rng = np.random.default_rng(seed)
    videos = {}
    for part, of_part in names.items():
        videos[part] = {}
        for video in of_part:
            videos[part][video] = {}
            for segment in (11, 2, 30)[:rng.integers(1, 4)]:
                steps, lengths = {}, {}
                for key, T, d in (("text", 6, 5), ("audio", 8, 3), ("vision", 7, 4)):
                    lengths[key] = int(rng.integers(1, T))
                    steps[key] = np.zeros((T, d), "f4")
                    steps[key][:lengths[key]] = rng.standard_normal((lengths[key], d))
                videos[part][video][segment] = (float(rng.choice([-1.2, 0, 2.6])), steps, lengths)
    return videos


def own_rows(seed=0, n_videos=7):
    """Columns and features of your own data: two modalities, three classes, sorted by video."""
    rng = np.random.default_rng(seed)
    video, order, split = [], [], []
    for i in range(n_videos):
        n = int(rng.integers(2, 5))
        video += [f"v{i}"] * n
        order += list(range(1, n + 1))
        split += [("train", "train", "validation", "test")[i % 4]] * n
    label = [("calm", "tense", "10")[i % 3] for i in range(len(video))]
    features = {
        "pulse": rng.standard_normal((len(video), 3)),
        "speech": rng.standard_normal((len(video), 5)),
    }
    return {"video": video, "order": order, "split": split, "label": label}, features


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_folder(folder, columns, features, npy=()):
    """The folder of your own data; modalities in `npy` as `.npy` files, others as CSV files."""
    folder.mkdir(exist_ok=True)
    write_csv(folder / "utterances.csv", [columns, *zip(*columns.values(), strict=True)])
    for m, x in features.items():
        if m in npy:
            np.save(folder / f"{m}.npy", x)
        else:
            write_csv(folder / f"{m}.csv", x.tolist())

"""The synthetic corpus: MOSI's shape, and signals where its arguments put them, only there."""

from itertools import combinations

import numpy as np
import pytest

from argf_np.data import DataError, load, standardise, synthesise
from argf_np.data.synthetic import CUES, OPINIONS, SIGNALS, SPEAKERS, draw_truth, roots

# Allowed distance from chance: 4 standard errors of the 752 test utterances, as many accuracies are
# looked at.
CHANCE = 0.075


def recover(corpus, m):
    """The sign that a modality speaks (n,), seen without the truth: by the first component."""
    x = standardise(corpus).features[m]
    component = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][0]
    return np.sign(x @ component)


def balanced_accuracy(labels, predicted):
    return np.mean([np.mean(predicted[labels == c] == c) for c in (0, 1)])


def linear_accuracy(corpus, modalities):
    """Balanced test accuracy of ridge regression on the features."""
    x = np.hstack(
        [standardise(corpus).features[m] for m in modalities] + [np.ones((len(corpus.ids), 1))]
    )
    train, test = corpus.utterances("train"), corpus.utterances("test")
    gram = x[train].T @ x[train] + 100 * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x[train].T @ (2 * corpus.labels[train] - 1))
    return balanced_accuracy(corpus.labels[test], (x[test] @ weights > 0).astype(int))


def table_accuracy(corpus, signs):
    """Balanced test accuracy of the best function of some signs (n, j): a table of labels."""
    cell = (signs > 0) @ 2 ** np.arange(signs.shape[1])
    train, test = corpus.utterances("train"), corpus.utterances("test")
    positive = [
        corpus.labels[train][cell[train] == i].mean() > 0.5 for i in range(2 ** signs.shape[1])
    ]
    return balanced_accuracy(corpus.labels[test], np.array(positive, int)[cell[test]])


def test_the_same_seed_gives_the_same_corpus():
    one, two, other = synthesise(7), synthesise(7), synthesise(8)
    assert one.words == two.words
    assert one.words != other.words
    assert np.array_equal(one.labels, two.labels)
    assert not np.array_equal(one.labels, other.labels)
    for m in one.features:
        assert np.array_equal(one.features[m], two.features[m])
        assert not np.array_equal(one.features[m], other.features[m])


def test_shape_is_mosis():
    corpus = synthesise()
    assert corpus.source == "synthetic"
    assert corpus.ids[:2] == ("synthetic_00_1", "synthetic_00_2")
    assert {m: x.shape for m, x in corpus.features.items()} == {
        "a": (2199, 73),
        "l": (2199, 100),
        "v": (2199, 100),
    }
    for split, (videos, utterances) in {
        "train": (49, 1141),
        "validation": (13, 306),
        "test": (31, 752),
    }.items():
        assert (len(corpus.split[split]), len(corpus.utterances(split))) == (videos, utterances)


def test_lengths_and_balance_are_those_of_the_real_corpus(mosi_dir):
    real, synthetic = load("mosi", mosi_dir, source="real"), synthesise()
    np.testing.assert_array_equal(real.starts, synthetic.starts)
    for split in real.split:
        np.testing.assert_array_equal(real.split[split], synthetic.split[split])
        assert (
            real.labels[real.utterances(split)].sum()
            == synthetic.labels[synthetic.utterances(split)].sum()
        )


def test_modalities_are_distributed_differently():
    features = synthesise().features

    def skew(x):
        z = (x - x.mean(axis=0)) / x.std(axis=0)
        return (z**3).mean(axis=0)

    assert (features["a"] > 0).all()
    assert skew(features["a"]).min() > 1
    assert np.ptp(np.log10(features["a"].std(axis=0))) > 3  # columns in different units
    assert np.abs(skew(features["l"])).max() < 0.3
    assert np.abs(features["l"].mean(axis=0)).max() < 0.3
    assert features["v"].min() == 0
    assert 0.3 < (features["v"] == 0).mean() < 0.7


@pytest.mark.parametrize("name", [name for name in SPEAKERS if name != "context"])
def test_a_label_is_the_product_of_the_signs_spoken(name):
    """All speakers together tell the label, fewer of them nothing, the silent ones nothing."""
    corpus = synthesise(seed=3, signals={name: 1})
    y = 2 * corpus.labels - 1
    recovered = {m: recover(corpus, m) for m in "alv"}
    agreement = np.mean(np.prod([recovered[m] for m in name], axis=0) == y)
    assert max(agreement, 1 - agreement) > 0.98  # the sign of a component is arbitrary

    for size in range(1, 3):
        for modalities in combinations("alv", size):
            told = set(name) <= set(modalities)
            if told and len(name) == 1:
                assert linear_accuracy(corpus, modalities) > 0.95
            else:
                assert abs(linear_accuracy(corpus, modalities) - 0.5) < CHANCE
            signs = np.stack([recovered[m] for m in modalities], axis=1)
            if told:
                assert table_accuracy(corpus, signs) > 0.95
            else:
                assert abs(table_accuracy(corpus, signs) - 0.5) < CHANCE


def test_in_truth_any_two_of_three_signs_say_nothing():
    """Over many draws, the label's share is the same in each cell of two signs."""
    labels, signs = [
        np.concatenate(x)
        for x in zip(
            *(draw_truth(np.random.default_rng(seed), {"alv": 1})[:2] for seed in range(40)),
            strict=True,
        )
    ]
    assert (signs.prod(axis=1) == 2 * labels - 1).all()
    for i, j in combinations(range(3), 2):
        for p in (-1, 1):
            for q in (-1, 1):
                cell = (signs[:, i] == p) & (signs[:, j] == q)
                assert abs(cell.mean() - 0.25) < 0.007  # 5 standard errors
                assert abs(labels[cell].mean() - labels.mean()) < 0.017


def test_context_is_told_by_the_previous_utterance_alone():
    corpus = synthesise(seed=2, signals={"context": 1})
    y = 2 * corpus.labels - 1
    first = np.isin(np.arange(len(y)), corpus.starts[:-1])
    cue = recover(corpus, "l")
    agreement = np.mean((cue[:-1] == y[1:])[~first[1:]])
    assert max(agreement, 1 - agreement) > 0.98
    for m in ("a", "l", "v", "alv"):
        assert abs(linear_accuracy(corpus, m) - 0.5) < CHANCE
    last = np.roll(first, -1)
    cues = draw_truth(np.random.default_rng(2), {"context": 1})[2]
    assert (cues[last] == 0).all()
    assert (cues[~last] == y[1:][~first[1:]]).all()


def read_labels(signs, cue):
    """The label (n,), +1 or -1, that a reader of the truth knows of each utterance; 0 for none."""
    y = np.where(signs.any(axis=1), np.where(signs == 0, 1, signs).prod(axis=1), 0)
    y[1:] = np.where(cue[:-1] != 0, cue[:-1], y[1:])
    return y


@pytest.mark.parametrize(
    "signals", [None, {}, {"l": 0.25, "alv": 0.5}], ids=["default", "none", "two"]
)
def test_bayes_accuracy_is_the_documented_formula(signals):
    """A reader of the truth is right where something speaks, and guesses elsewhere."""
    right, p = [], []
    for seed in range(10):
        labels, signs, cue = draw_truth(np.random.default_rng(seed), signals)
        y = read_labels(signs, cue)
        right.append(np.mean(np.where(y == 0, 1, y) == 2 * labels - 1))
        p.append(labels.mean())
    total = sum((SIGNALS if signals is None else signals).values())
    assert abs(np.mean(right) - (total + (1 - total) * np.mean(p))) < 0.01


def test_default_signals_are_mosi_like():
    total = sum(SIGNALS.values())
    assert 0.9 < total + (1 - total) * 467 / 752 < 0.95  # positive in test
    corpus = synthesise()
    accuracy = {m: linear_accuracy(corpus, m) for m in "alv"}
    assert 0.7 < accuracy["l"] < 0.8
    assert max(accuracy["a"], accuracy["v"]) < 0.58


# --- speakers ------------------------------------------------------------------------------------

VIDEO = np.repeat(np.arange(93), synthesise().lengths)  # (n,), of each utterance
SAME_VIDEO = VIDEO[1:] == VIDEO[:-1]


@pytest.mark.parametrize(("signals", "expected"), [(None, 2 / 3), (SIGNALS, 1 / 2)])
def test_labels_of_a_video_agree_where_speakers_have_opinions(signals, expected):
    """2/3: with b, e, e' independent standard normals, b + e and b + e' have equal signs."""
    agree, shares = [], []
    for seed in range(20):
        labels = draw_truth(np.random.default_rng(seed), signals)[0]
        agree.append((labels[1:] == labels[:-1])[SAME_VIDEO])
        shares.append(np.bincount(VIDEO, labels) / np.bincount(VIDEO))
        counts = [labels[VIDEO < 49].sum(), labels[VIDEO >= 62].sum()]
        assert counts == [566, 467], "as published, whatever the opinions"
    assert abs(np.mean(agree) - expected) < 0.02
    # Of a uniform share, a tenth of the videos would be below 0.1 and a tenth above 0.9.
    extreme = np.mean(np.abs(np.concatenate(shares) - 0.5) > 0.4)
    assert 0.15 < extreme < 0.25 if signals is None else extreme < 0.02


def test_the_labels_of_a_video_tell_the_others_where_nothing_speaks():
    """Guesses by the labels that can be read in the video, against the most frequent class."""
    by_video, by_class = [], []
    for seed in range(20):
        labels, signs, cue = draw_truth(np.random.default_rng(seed))
        y = read_labels(signs, cue)
        silent = y == 0
        opinion = np.bincount(VIDEO, y)[VIDEO]
        by_video.append(((opinion > 0) == labels)[silent])
        by_class.append(labels[silent])
    assert 0.7 < np.concatenate(by_video).mean() < 0.77, "3/4, if the opinion were known exactly"
    assert 0.5 < np.concatenate(by_class).mean() < 0.57


@pytest.mark.parametrize("m", ["a", "l", "v"])
def test_offsets_tell_videos_apart(m):
    """Standardisation by the training utterances does not remove them."""
    def spread(corpus):
        z = standardise(corpus).features[m]
        means = np.stack([z[VIDEO == video].mean(axis=0) for video in range(93)])
        return np.mean(means[62:]**2)  # of the test videos, per column

    assert spread(synthesise()) > 0.15
    assert spread(synthesise(signals={})) < 0.07  # 1 / 24 utterances, as independent rows have


def test_offsets_tell_nothing_about_the_label():
    """The mean features of a video do not predict which labels it has, over many corpora."""
    correlations = []
    for seed in range(10):
        corpus = synthesise(seed)
        share = np.bincount(VIDEO, corpus.labels) / corpus.lengths
        silent = ~draw_truth(np.random.default_rng(seed))[1].any(axis=1)
        for m in ("a", "v"):
            z = standardise(corpus).features[m] * silent[:, None]
            mean = np.stack([np.bincount(VIDEO, column) for column in z.T[:20]])  # (20, 93)
            correlations += [np.corrcoef(column, share)[0, 1] for column in mean]
    assert abs(np.mean(np.square(correlations)) - 1 / 92) < 0.004


def test_words_agree_with_their_label_more_often_than_not():
    corpus = synthesise()
    agree = differ = 0
    for words, label in zip(corpus.words, corpus.labels, strict=True):
        own, other = corpus.classes[label], corpus.classes[1 - label]
        agree += any(opinion in words for opinion in OPINIONS[own])
        differ += any(opinion in words for opinion in OPINIONS[other])
    assert agree > 0.5 * len(corpus.labels)
    assert differ < 0.1 * len(corpus.labels)


def test_words_say_what_the_language_says():
    signals = {"l": 0.5, "context": 0.4}
    corpus, (labels, signs, cue) = (
        synthesise(5, signals),
        draw_truth(np.random.default_rng(5), signals),
    )
    np.testing.assert_array_equal(corpus.labels, labels)
    for words, sign, told in zip(corpus.words, signs[:, 1], cue, strict=True):
        spoken = [
            said
            for said, opinions in OPINIONS.items()
            if any(opinion in words for opinion in opinions)
        ]
        announced = [said for said, text in CUES.items() if text and words.endswith(text)]
        name = {+1: "positive", -1: "negative", 0: None}
        assert spoken == [name[sign]]
        assert announced == ([name[told]] if told else [])


@pytest.mark.parametrize(
    ("name", "counts", "widths"),
    [
        (
            "mosei",
            {"train": (1800, 13168), "validation": (450, 3020), "test": (678, 4614)},
            {"a": 74, "l": 300, "v": 35},
        ),
        (
            "iemocap",
            {"train": (96, 4674), "validation": (24, 1136), "test": (31, 1623)},
            {"a": 100, "l": 100, "v": 512},
        ),
    ],
)
def test_the_other_data_sets_have_the_papers_counts(name, counts, widths):
    corpus, again = synthesise(4, name=name), load(name, source="synthetic")
    assert (corpus.name, corpus.source) == (name, "synthetic")
    assert any(words.endswith("left me neutral") for words in corpus.words)
    assert {m: x.shape[1] for m, x in corpus.features.items()} == widths
    for split, (videos, utterances) in counts.items():
        assert (len(corpus.split[split]), len(corpus.utterances(split))) == (videos, utterances)
        assert len(np.unique(corpus.labels[corpus.utterances(split)])) == len(corpus.classes)
    np.testing.assert_array_equal(corpus.starts, again.starts)  # whatever the seed
    assert not np.array_equal(corpus.labels, again.labels)


def test_iemocaps_test_classes_are_those_of_table_2():
    """The paper's accuracies by emotion are whole utterances: 15.28 % of happy is 22 of 144."""
    corpus = synthesise(name="iemocap")
    counts = np.bincount(corpus.labels[corpus.utterances("test")])
    for n, percent in zip(counts, (15.28, 68.98, 59.11, 68.24, 72.58, 61.42), strict=True):
        right = round(n * percent / 100)
        assert n > 100
        assert round(100 * right / n, 2) == percent


@pytest.mark.parametrize(("name", "speakers"), [("mosei", "al"), ("iemocap", "alv")])
def test_of_n_classes_the_label_is_the_product_of_roots_of_unity(name, speakers):
    labels, signs, cue = draw_truth(np.random.default_rng(1), {speakers: 0.9, "context": 0.1}, name)
    N = labels.max() + 1
    np.testing.assert_allclose(
        roots(N), [np.cos(t) + 1j * np.sin(t) for t in 2 * np.pi * np.arange(1, N + 1) / N]
    )
    told = signs.any(axis=1)
    assert 0.8 < told.mean() < 1
    assert cue.any()
    np.testing.assert_allclose(signs[told][:, :len(speakers)].prod(axis=1), roots(N)[labels[told]])
    # Any speaker alone, and any two of three, are spread evenly, whatever the label.
    angle = np.rint(np.angle(signs[told]) * N / (2 * np.pi)).astype(int) % N
    for m in range(len(speakers) - 1):
        table = np.zeros((N, N))
        np.add.at(table, (labels[told], angle[:, m]), 1)
        assert np.abs(table / table.sum(axis=1, keepdims=True) - 1 / N).max() < 0.06
    after = np.flatnonzero(cue[:-1])
    np.testing.assert_allclose(cue[after], roots(N)[labels[after + 1]])


def test_a_linear_model_reads_three_classes_where_one_modality_tells_them():
    corpus = synthesise(signals={"l": 1}, name="mosei")
    train, test = corpus.utterances("train"), corpus.utterances("test")
    accuracy = {}
    for m, x in corpus.features.items():
        W = np.linalg.lstsq(x[train], np.eye(3)[corpus.labels[train]], rcond=None)[0]
        accuracy[m] = np.mean((x[test] @ W).argmax(axis=1) == corpus.labels[test])
    assert accuracy["l"] > 0.98
    assert max(accuracy["a"], accuracy["v"]) < 0.52


@pytest.mark.parametrize(("signals", "expected"), [
    ({"la": 0.5}, "signal 'la', expected one of a, l, v, al, vl, av, alv, context"),
    ({"a": -0.1, "l": 0.5}, "expected shares of 0 or more that sum to at most 1"),
    ({"a": 0.6, "l": 0.6}, "expected shares of 0 or more that sum to at most 1"),
    ({"a": float("nan")}, "expected shares of 0 or more that sum to at most 1"),
])
def test_impossible_signals_are_refused(signals, expected):
    with pytest.raises(DataError, match=expected):
        synthesise(signals=signals)

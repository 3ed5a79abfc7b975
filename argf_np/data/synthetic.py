"""A built-in corpus of MOSI's shape whose truth is known: what each modality, pair, triple or neighbour says is set.

Each utterance is explained by one mechanism, drawn with the given shares. Under a mechanism some modalities speak: they
carry a sign s_m of +1 or -1; the others are silent, s_m = 0. The label y of +1 or -1 is the product of the signs that
are spoken:

    a, l, v      y = s_m                 one modality tells the label
    al, vl, av   y = s_m s_n             XOR: either modality alone, or with the third, is at chance
    alv          y = s_a s_l s_v         parity: any one or two modalities are at chance
    context      all silent              the language of the previous utterance carries the label as its cue
    (the rest)   all silent, no cue      no feature depends on the label

Signs are fair coins but for their product, so "at chance" holds exactly, whatever the share of positive labels. Who
speaks can be seen in the features. A classifier that reads them without error is therefore right wherever something
speaks and guesses the rest:

    Bayes accuracy = sum of shares + (1 - sum of shares) max(p, 1 - p),    p = share of positive labels

The first utterance of a video has no previous one: context there belongs to the rest (4 % of the context's share).
"""

import numpy as np

from .corpus import Corpus, DataError
from .mosi import CLASSES, VIDEOS, WIDTHS, layout

# Who speaks under a mechanism: a, l, v.
SPEAKERS = {"a": (1, 0, 0), "l": (0, 1, 0), "v": (0, 0, 1), "al": (1, 1, 0), "vl": (0, 1, 1), "av": (1, 0, 1),
            "alv": (1, 1, 1), "context": (0, 0, 0)}

# Like MOSI: language is strongest. Bayes accuracy 90 % on the test videos (p = 0.62), 87 % and 88 % on the others.
SIGNALS = {"a": 0.05, "l": 0.44, "v": 0.03, "al": 0.05, "vl": 0.05, "av": 0.03, "alv": 0.05, "context": 0.04}

# Positive utterances of each split of the real corpus.
POSITIVE = {"train": 566, "validation": 143, "test": 467}

SUBJECTS = ("the plot", "the acting", "the music", "the ending", "the dialogue", "this movie")
OPINIONS = {
    +1: ("is wonderful", "made me laugh", "moved me to tears", "works so well", "is worth your money"),
    -1: ("is awful", "bored me", "makes no sense", "falls flat", "is a waste of time"),
    0: ("is about a family", "takes two hours", "was shot in winter", "comes from a book", "is the third of its kind"),
}
CUES = {+1: " and it only gets better", -1: " but what follows is worse", 0: ""}


def synthesise(seed=0, signals=SIGNALS):
    """The synthetic corpus: MOSI's 93 videos, their lengths, split and share of positive labels, made-up content.

    The features have a modality gap. With N a standard normal, w a random direction of +1 and -1 over all columns:
    audio exp((s_a w + N) / 2) times a scale from 0.01 to 100 for each column (skewed, heavy-tailed, positive); language
    s_l w + cue w' + N (symmetric); video max(s_v w + N, 0) (sparse, non-negative).

    Parameters
    ----------
    seed : int
        The same seed gives the same corpus.
    signals : dict of mechanism to share
        Mechanisms of `SPEAKERS`; those left out have share 0, what is missing to 1 is noise.
        `synthesise(signals={"alv": 1})` holds a trimodal signal only.

    Raises
    ------
    DataError
        For an unknown mechanism, a negative share or shares of more than 1 in all.
    """
    rng = np.random.default_rng(seed)
    labels, signs, cue = draw_truth(rng, signals)
    audio, language, video = signs.T
    features = {
        "a": np.exp(_columns(rng, [audio], WIDTHS["a"]) / 2) * 10 ** rng.uniform(-2, 2, WIDTHS["a"]),
        "l": _columns(rng, [language, cue], WIDTHS["l"]),
        "v": np.maximum(_columns(rng, [video], WIDTHS["v"]), 0),
    }
    lengths = np.diff(layout()["starts"])
    video_ids = tuple(f"synthetic_{i:02d}" for i in range(len(lengths)))
    return Corpus(
        name="mosi", source="synthetic", classes=CLASSES,
        video_ids=video_ids,
        ids=tuple(f"{video}_{i + 1}" for video, length in zip(video_ids, lengths, strict=True) for i in range(length)),
        words=tuple(_say(rng, *said) for said in zip(language, cue, strict=True)),
        features=features,
        labels=labels,
        **layout(),
    )


def draw_truth(rng, signals=SIGNALS):
    """Labels and the signs that explain them; with `np.random.default_rng(seed)` those of `synthesise(seed, signals)`.

    Returns
    -------
    labels : int array (n,)
        0 or 1; y = 2 labels - 1.
    signs : int array (n, 3)
        s_a, s_l, s_v: +1, -1, or 0 where the modality is silent.
    cue : int array (n,)
        What the language of an utterance says about the label of the next one: +1, -1, or 0 for nothing.
    """
    if unknown := set(signals) - set(SPEAKERS):
        raise DataError(f"signal {min(unknown)!r}, expected one of {', '.join(SPEAKERS)}")
    shares = np.array([signals.get(name, 0) for name in SPEAKERS])
    rest = 1 - shares.sum()
    if not ((shares >= 0).all() and rest > -1e-9):
        raise DataError(f"signals {signals}, expected shares of 0 or more that sum to at most 1")

    labels = np.concatenate([rng.permutation(np.arange(sum(videos.values())) < POSITIVE[split])
                             for split, videos in VIDEOS.items()]).astype(int)  # (n,)
    y = 2 * labels - 1
    mechanism = rng.choice(len(SPEAKERS) + 1, size=len(y), p=[*shares, max(rest, 0)])

    speaks = np.array([*SPEAKERS.values(), (0, 0, 0)], dtype=bool)[mechanism]  # (n, 3)
    coins = rng.choice([-1, 1], size=(len(y), 3))
    # The first speaker turns its coin over where the product of the coins is not the label.
    first = np.arange(3) == speaks.argmax(axis=1)[:, None]  # (n, 3)
    product = np.where(speaks, coins, 1).prod(axis=1)  # (n,)
    signs = np.where(speaks, coins, 0) * np.where(first, (product * y)[:, None], 1)

    cue = np.zeros_like(y)
    told = mechanism == [*SPEAKERS].index("context")
    told[layout()["starts"][:-1]] = False  # the first utterance of a video
    cue[:-1] = np.where(told, y, 0)[1:]
    return labels, signs, cue


def _columns(rng, latents, width):
    """Standard normal columns (n, width); each latent (n,) moves all of them along a direction of +1 and -1."""
    directions = rng.choice([-1, 1], size=(len(latents), width))
    return np.stack(latents, axis=1) @ directions + rng.standard_normal((len(latents[0]), width))


def _say(rng, sign, cue):
    """Words with the language's sign and cue."""
    return f"{rng.choice(SUBJECTS)} {rng.choice(OPINIONS[sign])}{CUES[cue]}"

"""Built-in corpora whose truth is known: what each modality, pair, triple or neighbour says is set.

Each utterance is explained by one mechanism, drawn with the given shares. Under a mechanism some modalities speak: they
carry a sign s_m of +1 or -1; the others are silent, s_m = 0. The label y of +1 or -1 is the product of the signs that
are spoken:

    a, l, v      y = s_m                 one modality tells the label
    al, vl, av   y = s_m s_n             XOR: either modality alone, or with the third, is at chance
    alv          y = s_a s_l s_v         parity: any one or two modalities are at chance
    context      all silent              the language of the previous utterance carries the label as its cue
    (the rest)   all silent, no cue      no feature depends on the label

Signs are fair coins but for their product, so "at chance" holds exactly, whatever the share of positive labels. With N
classes, signs are the N-th roots of unity in the complex plane, of which +1 and -1 are those of N = 2: class c is
e^(2 pi i (c + 1) / N), and the rest is as above. Who speaks can be seen in the features. A classifier that reads them
without error is therefore right wherever something speaks and guesses the rest:

    Bayes accuracy = sum of shares + (1 - sum of shares) p,    p = share of the most frequent class

The first utterance of a video has no previous one: context there belongs to the rest (4 % of the context's share).
"""

import numpy as np

from .corpus import SPLITS, Corpus, DataError, layout, number
from .mosi import VIDEOS
from .published import DATASETS

# Who speaks under a mechanism: a, l, v.
SPEAKERS = {"a": (1, 0, 0), "l": (0, 1, 0), "v": (0, 0, 1), "al": (1, 1, 0), "vl": (0, 1, 1), "av": (1, 0, 1),
            "alv": (1, 1, 1), "context": (0, 0, 0)}

# Like MOSI: language is strongest. Bayes accuracy 90 % on the test videos (p = 0.62), 87 % and 88 % on the others.
SIGNALS = {"a": 0.05, "l": 0.44, "v": 0.03, "al": 0.05, "vl": 0.05, "av": 0.03, "alv": 0.05, "context": 0.04}

SUBJECTS = ("the plot", "the acting", "the music", "the ending", "the dialogue", "this movie")
OPINIONS = {  # of a class; None is silence
    "positive": ("is wonderful", "made me laugh", "moved me to tears", "works so well", "is worth your money"),
    "negative": ("is awful", "bored me", "makes no sense", "falls flat", "is a waste of time"),
    None: ("is about a family", "takes two hours", "was shot in winter", "comes from a book",
           "is the third of its kind"),
}
CUES = {"positive": " and it only gets better", "negative": " but what follows is worse", None: ""}


def synthesise(seed=0, signals=SIGNALS, name="mosi"):
    """The synthetic corpus: a data set's videos, split, widths and share of each class, with made-up content.

    MOSI's 93 videos have their real lengths; of MOSEI and IEMOCAP the numbers of videos and utterances are real. The
    features have a modality gap. With N a standard normal, w a random direction of +1 and -1 over all columns: audio
    exp((s_a w + N) / 2) times a scale from 0.01 to 100 for each column (skewed, heavy-tailed, positive); language
    s_l w + cue w' + N (symmetric); video max(s_v w + N, 0) (sparse, non-negative). A complex sign has two directions,
    one for its real and one for its imaginary part.

    Parameters
    ----------
    seed : int
        The same seed gives the same corpus.
    signals : dict of mechanism to share
        Mechanisms of `SPEAKERS`; those left out have share 0, what is missing to 1 is noise.
        `synthesise(signals={"alv": 1})` holds a trimodal signal only.
    name : str
        "mosi", "mosei" or "iemocap".

    Raises
    ------
    DataError
        For an unknown mechanism, a negative share or shares of more than 1 in all.
    """
    rng, published, lengths = np.random.default_rng(seed), DATASETS[name], _lengths(name)
    d_a, d_l, d_v = published.widths.values()
    labels, signs, cue = draw_truth(rng, signals, name)
    audio, language, video = signs.T
    features = {
        "a": np.exp(_columns(rng, [audio], d_a) / 2) * 10 ** rng.uniform(-2, 2, d_a),
        "l": _columns(rng, [language, cue], d_l),
        "v": np.maximum(_columns(rng, [video], d_v), 0),
    }
    video_ids = tuple(f"synthetic_{i:02d}" for i in range(sum(published.videos)))
    said, told = (_names(s, published.classes) for s in (language, cue))
    return Corpus(
        name=name, source="synthetic", classes=published.classes, video_ids=video_ids,
        ids=number(video_ids, [n for part in lengths.values() for n in part]),
        words=tuple(_say(rng, *pair) for pair in zip(said, told, strict=True)),
        features=features,
        labels=labels,
        **layout(lengths),
    )


def draw_truth(rng, signals=SIGNALS, name="mosi"):
    """Labels and the signs that explain them; with `np.random.default_rng(seed)` those of `synthesise(seed, signals)`.

    Returns
    -------
    labels : int array (n,)
        Class c has y = `roots(N)[c]`; of two classes, y = 2 c - 1.
    signs : int or complex array (n, 3)
        s_a, s_l, s_v: one of `roots(N)`, or 0 where the modality is silent.
    cue : int or complex array (n,)
        What the language of an utterance says about the label of the next one: one of `roots(N)`, or 0 for nothing.
    """
    if unknown := set(signals) - set(SPEAKERS):
        raise DataError(f"signal {min(unknown)!r}, expected one of {', '.join(SPEAKERS)}")
    shares = np.array([signals.get(name, 0) for name in SPEAKERS])
    rest = 1 - shares.sum()
    if not ((shares >= 0).all() and rest > -1e-9):
        raise DataError(f"signals {signals}, expected shares of 0 or more that sum to at most 1")

    published, lengths = DATASETS[name], _lengths(name)
    values = roots(len(published.classes))
    labels = np.concatenate([rng.permutation(_in_proportion(*part))
                             for part in zip(published.balance, published.utterances, strict=True)])  # (n,)
    y = values[labels]
    mechanism = rng.choice(len(SPEAKERS) + 1, size=len(y), p=[*shares, max(rest, 0)])

    speaks = np.array([*SPEAKERS.values(), (0, 0, 0)], dtype=bool)[mechanism]  # (n, 3)
    coins = rng.choice(values, size=(len(y), 3))
    # The first speaker turns its coin where the product of the coins is not the label; 1 / s is the conjugate of s.
    first = np.arange(3) == speaks.argmax(axis=1)[:, None]  # (n, 3)
    product = np.where(speaks, coins, 1).prod(axis=1)  # (n,)
    signs = np.where(speaks, coins, 0) * np.where(first, (product.conj() * y)[:, None], 1)

    cue = np.zeros_like(y)
    told = mechanism == [*SPEAKERS].index("context")
    told[layout(lengths)["starts"][:-1]] = False  # the first utterance of a video
    cue[:-1] = np.where(told, y, 0)[1:]
    return labels, signs, cue


def roots(N):
    """The sign of each class: the N-th roots of unity, which for N = 2 are the integers -1 and +1."""
    return np.array([-1, 1]) if N == 2 else np.exp(2j * np.pi * np.arange(1, N + 1) / N)


def _lengths(name):
    """Utterances of each video of each split: MOSI's, or the published total dealt out at random, always the same."""
    if name == "mosi":
        return {split: [*videos.values()] for split, videos in VIDEOS.items()}
    rng, published = np.random.default_rng(0), DATASETS[name]
    weights = [rng.uniform(size=videos) for videos in published.videos]
    return {split: 1 + rng.multinomial(n - len(w), w / w.sum())
            for split, n, w in zip(SPLITS, published.utterances, weights, strict=True)}


def _in_proportion(shares, n):
    """n labels, each as frequent as its share says, the last class first."""
    counts = np.diff(np.rint(np.cumsum([0, *shares]) / sum(shares) * n).astype(int))
    return np.repeat(np.arange(len(shares)), counts)[::-1]


def _columns(rng, latents, width):
    """Standard normal columns (n, width); each part of a latent (n,) moves all along a direction of +1 and -1."""
    parts = [part for s in latents for part in ((s.real, s.imag) if np.iscomplexobj(s) else (s,))]
    directions = rng.choice([-1, 1], size=(len(parts), width))
    return np.stack(parts, axis=1) @ directions + rng.standard_normal((len(parts[0]), width))


def _names(signs, classes):
    """The class that each sign (n,) stands for, None for 0."""
    nearest = np.abs(signs[:, None] - roots(len(classes))).argmin(axis=1)
    return [classes[c] if s else None for c, s in zip(nearest, signs, strict=True)]


def _say(rng, said, told):
    """Words that say one class, or nothing, and tell of another."""
    subject, opinion = rng.choice(SUBJECTS), rng.choice(OPINIONS.get(said, (f"left me {said}",)))
    return f"{subject} {opinion}{CUES.get(told, f' but what follows left me {told}')}"

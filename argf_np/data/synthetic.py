"""Built-in corpora with a known truth: we set what each modality, pair, triple or neighbour says.

Each utterance is explained by one mechanism, drawn with the given shares. Under a mechanism, some
modalities speak: they carry a sign s_m of +1 or -1. The others are silent: s_m = 0. The label y of
+1 or -1 is the product of the signs that are spoken:

    a, l, v      y = s_m                 one modality tells the label
    al, vl, av   y = s_m s_n             XOR: either modality alone, or with the third, is at chance
    alv          y = s_a s_l s_v         parity: any one or two modalities are at chance
    context      all silent              the language of the previous utterance carries the label as
                                         its cue
    (the rest)   all silent, no cue      no feature of it depends on the label

Signs are fair coins except for their product. So the signs of fewer modalities than speak are
independent of all labels: "at chance" holds exactly, whatever the labels are. With N classes, signs
are the N-th roots of unity in the complex plane (for N = 2, these are +1 and -1): class c is
e^(2 pi i (c + 1) / N), and the rest is as above.

In the default corpus, speakers differ in two ways:

- An opinion, which is a standard normal. The utterances of a split are ranked by their speaker's
  opinion plus a standard normal of their own, and get the classes in this order, each as often as
  published. So the labels of a video resemble each other: of two classes that are equally frequent,
  the share of either is uniform from 0 to 1 over videos, and two utterances of a video agree with
  probability 2/3.
- An offset in the features, which is independent of all else. It tells videos apart, and nothing
  about their labels.

With `signals` of your own, speakers are alike: these signals are all that the features tell.

Who speaks can be seen in the features. So a classifier that reads an utterance and the cue before
it without error is right wherever something speaks, and guesses elsewhere:

    Bayes accuracy = sum of shares + (1 - sum of shares) p,    p = share of the most frequent class

The other utterances of the video tell the speaker's opinion, and nothing else. That makes guesses
better: with two equally frequent classes, a reader who knows the opinion guesses right with
probability 3/4. The first utterance of a video has no previous one, so context belongs to
the rest there (4 % of the share of context).
"""

import numpy as np

from ..errors import DataError
from .corpus import SPLITS, from_videos
from .published import DATASETS, MOSI_VIDEOS

SPEAKERS = {  # who speaks under a mechanism: a, l, v
    "a": (1, 0, 0), "l": (0, 1, 0), "v": (0, 0, 1),
    "al": (1, 1, 0), "vl": (0, 1, 1), "av": (1, 0, 1),
    "alv": (1, 1, 1), "context": (0, 0, 0),
}

# Like MOSI: language is strongest. Nothing speaks in 18 % of the utterances. Bayes accuracy is 93 %
# on the test videos (p = 0.62), 91 % and 92 % on the others.
SIGNALS = {"a": 0.07, "l": 0.48, "v": 0.05, "al": 0.05, "vl": 0.05, "av": 0.03, "alv": 0.05,
           "context": 0.04}
OPINION, OFFSET = 1, 0.5  # standard deviations over speakers; within a video, they are 1

SUBJECTS = ("the plot", "the acting", "the music", "the ending", "the dialogue", "this movie")
OPINIONS = {  # by class; None is silence
    "positive": ("is wonderful", "made me laugh", "moved me to tears", "works so well",
                 "is worth your money"),
    "negative": ("is awful", "bored me", "makes no sense", "falls flat", "is a waste of time"),
    None: ("is about a family", "takes two hours", "was shot in winter", "comes from a book",
           "is the third of its kind"),
}
CUES = {"positive": " and it only gets better", "negative": " but what follows is worse", None: ""}


def synthesise(seed=0, signals=None, name="mosi"):
    """A synthetic corpus: videos, split, widths and class shares of a data set, made-up content.

    MOSI's 93 videos have their real lengths. Of MOSEI and IEMOCAP, the numbers of videos and of
    utterances are real. The features have a modality gap. With N a standard normal and w a random
    direction of +1 and -1 over all columns: audio is exp((s_a w + N) / 2) times a scale from 0.01
    to 100 per column (skewed, heavy-tailed, positive), language is s_l w + cue w' + N (symmetric),
    video is max(s_v w + N, 0) (sparse, non-negative). A complex sign has two directions, one for
    its real and one for its imaginary part. The offset of a speaker is added to N: a normal of
    standard deviation `OFFSET` per column.

    Parameters
    ----------
    seed : int
        The same seed gives the same corpus.
    signals : dict of mechanism to share, optional
        Mechanisms of `SPEAKERS`. Those left out have share 0; the rest, up to 1, is noise.
        `synthesise(signals={"alv": 1})` holds a trimodal signal only. Default: `SIGNALS`, and
        speakers with opinions and offsets.
    name : str
        "mosi", "mosei" or "iemocap".

    Raises
    ------
    DataError
        For an unknown mechanism, a negative share or shares of more than 1 in all.
    """
    rng, published, lengths = np.random.default_rng(seed), DATASETS[name], _lengths(name)
    labels, signs, cue = draw_truth(rng, signals, name)
    audio, language, video = signs.T
    offset = OFFSET if signals is None else 0
    noise = {m: _noise(rng, lengths, width, offset) for m, width in published.widths.items()}
    scale = 10 ** rng.uniform(-2, 2, published.widths["a"])
    features = {
        "a": np.exp(_shifted(rng, noise["a"], [audio]) / 2) * scale,
        "l": _shifted(rng, noise["l"], [language, cue]),
        "v": np.maximum(_shifted(rng, noise["v"], [video]), 0),
    }
    said, told = _names(language, published.classes), _names(cue, published.classes)
    words = [_say(rng, *pair) for pair in zip(said, told, strict=True)]
    video_ids = [f"synthetic_{i:02d}" for i in range(sum(published.videos))]
    return from_videos(name, features, lengths, labels, published.classes, video_ids, words=words,
                       source="synthetic", published=name)


def draw_truth(rng, signals=None, name="mosi"):
    """Labels and the signs that explain them.

    With `np.random.default_rng(seed)` they are those of `synthesise(seed, signals)`.

    Returns
    -------
    labels : int array (n,)
        Class c has y = `roots(N)[c]`; for two classes, y = 2 c - 1.
    signs : int or complex array (n, 3)
        s_a, s_l, s_v: one of `roots(N)`, or 0 where the modality is silent.
    cue : int or complex array (n,)
        What the language of an utterance says about the label of the next one: one of `roots(N)`,
        or 0 for nothing.
    """
    shares = _checked_shares(SIGNALS if signals is None else signals)
    labels = _draw_labels(rng, name, OPINION if signals is None else 0)  # (n,)
    values = roots(len(DATASETS[name].classes))
    y = values[labels]
    mechanism = rng.choice(len(SPEAKERS) + 1, size=len(y), p=shares)

    speaks = np.array([*SPEAKERS.values(), (0, 0, 0)], dtype=bool)[mechanism]  # (n, 3)
    coins = rng.choice(values, size=(len(y), 3))
    # The first speaker turns its coin where the product of the coins is not the label. 1 / s is the
    # conjugate of s.
    first = np.arange(3) == speaks.argmax(axis=1)[:, None]  # (n, 3)
    product = np.where(speaks, coins, 1).prod(axis=1)  # (n,)
    turn = np.where(first, (product.conj() * y)[:, None], 1)
    signs = np.where(speaks, coins, 0) * turn

    cue = np.zeros_like(y)
    told = mechanism == [*SPEAKERS].index("context")
    lengths = np.concatenate([*_lengths(name).values()])
    told[np.cumsum(lengths) - lengths] = False  # the first utterance of a video
    cue[:-1] = np.where(told, y, 0)[1:]
    return labels, signs, cue


def roots(N):
    """The sign of each class: the N-th roots of unity, which for N = 2 are -1 and +1."""
    return np.array([-1, 1]) if N == 2 else np.exp(2j * np.pi * np.arange(1, N + 1) / N)


def _checked_shares(signals):
    """The share of each mechanism of `SPEAKERS`, and of the rest."""
    unknown = set(signals) - set(SPEAKERS)
    if unknown:
        raise DataError(f"signal {min(unknown)!r}, expected one of {', '.join(SPEAKERS)}")
    shares = np.array([signals.get(name, 0) for name in SPEAKERS])
    rest = 1 - shares.sum()
    if not ((shares >= 0).all() and rest > -1e-9):
        raise DataError(f"signals {signals}, "
                        "expected shares of 0 or more that sum to at most 1")
    return [*shares, max(rest, 0)]


def _lengths(name):
    """Utterances of each video by split: MOSI's, or the published total dealt out at random.

    It is dealt out in the same way every time.
    """
    if name == "mosi":
        return {split: [*videos.values()] for split, videos in MOSI_VIDEOS.items()}
    rng, published = np.random.default_rng(0), DATASETS[name]
    weights = [rng.uniform(size=videos) for videos in published.videos]
    lengths = {}
    for split, n, w in zip(SPLITS, published.utterances, weights, strict=True):
        lengths[split] = 1 + rng.multinomial(n - len(w), w / w.sum())
    return lengths


def _draw_labels(rng, name, opinion):
    """Labels (n,) by rank; `opinion` is the standard deviation of the speakers' opinions."""
    parts = []
    for lengths, balance in zip(_lengths(name).values(), DATASETS[name].balance, strict=True):
        opinions = opinion * rng.standard_normal(len(lengths))
        score = np.repeat(opinions, lengths) + rng.standard_normal(sum(lengths))
        labels = np.empty(len(score), dtype=int)
        labels[score.argsort()] = _in_proportion(balance, len(score))
        parts.append(labels)
    return np.concatenate(parts)


def _in_proportion(shares, n):
    """n labels in rising order, each as frequent as its share says."""
    ends = np.cumsum([0, *shares]) / sum(shares) * n
    counts = np.diff(np.rint(ends).astype(int))
    return np.repeat(np.arange(len(shares)), counts)


def _noise(rng, lengths, width, offset):
    """Standard normal columns (n, width), plus speaker offsets of standard deviation `offset`."""
    of_video = np.concatenate([*lengths.values()])
    offsets = offset * rng.standard_normal((len(of_video), width))
    return np.repeat(offsets, of_video, axis=0) + rng.standard_normal((of_video.sum(), width))


def _shifted(rng, noise, latents):
    """Columns of noise (n, width), shifted along directions of +1 and -1.

    Each part of a latent (n,), real or imaginary, has one direction.
    """
    parts = []
    for s in latents:
        parts += [s.real, s.imag] if np.iscomplexobj(s) else [s]
    directions = rng.choice([-1, 1], size=(len(parts), noise.shape[1]))
    return noise + np.stack(parts, axis=1) @ directions


def _names(signs, classes):
    """The class that each sign (n,) stands for, None for 0."""
    nearest = np.abs(signs[:, None] - roots(len(classes))).argmin(axis=1)
    return [classes[c] if s else None for c, s in zip(nearest, signs, strict=True)]


def _say(rng, said, told):
    """Words that say one class, or nothing, and tell of another."""
    subject = rng.choice(SUBJECTS)
    opinion = rng.choice(OPINIONS.get(said, (f"left me {said}",)))
    return f"{subject} {opinion}{CUES.get(told, f' but what follows left me {told}')}"

# %% [markdown]
# # 03 · The data
#
# *Needs: 01, 02. Minutes: 60. Paper: "Datasets", "Experimental details".*
#
# Before: [02 · Layers and optimisers](02_layers_and_optimisers.ipynb).
# Next: [04 · Context](04_context.ipynb).
#
# Before a network learns from data, look at the data. How many examples are there, and how similar
# are they? What do the numbers mean, and in which units? How good is a constant guess? And can you
# believe a validation accuracy of 98 %?
#
# No equation of the paper stands in this notebook. A mistake here is a mistake in every result, and
# no gradient check finds it. You will
#
# - see all 93 videos at once, and learn how a label arises in the synthetic corpus;
# - standardise features with the training statistics, and see why gradient descent needs that;
# - turn sequences of different lengths into one array with a mask;
# - learn how far an accuracy on 31 videos can be trusted;
# - find out with a linear classifier whether features have seen labels that they should not know.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $n$ | | number of utterances |
# | $V$ | | number of videos |
# | $u$ | | utterances per video; in an array of several videos, of the longest |
# | $d_m$ | | width of the features of modality $m \in \{a, l, v\}$: acoustic, language, visual |
# | $\mathbf{x}_m$ | $d_m$ | features of one utterance; `features[m]` holds all, `(n, d_m)` |
# | $N$ | | number of classes |
# | $\mu_j$, $\sigma_j$ | 1 | mean and standard deviation of column $j$ in *training* |

# %%
import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, metrics, nn
from argf_np.data import load, standardise
from argf_np.data.synthetic import SIGNALS, SPEAKERS, draw_truth
from argf_np.nn import ops
from argf_np.paper.ucln import pad, unpad
from drawings import notebook_03 as draw
from exercises import check

nn.use("readable")  # the textbook operations; the fast ones (notebook 12) give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. Ninety-three people talk about films
#
# CMU-MOSI (Zadeh et al. 2016) has 93 videos. In each, one person gives an opinion, mostly on a
# film. A video is cut into *utterances* of about one sentence. An utterance has words, a voice and
# a face, and a label: negative or positive.
#
# The notebooks run on a *synthetic* corpus with the same 93 lengths, the same split and the same
# balance of classes. Its features and words are made up. So everybody can run it, and its truth is
# known. Where the real corpus differs, the text says so and gives its numbers. To get them
# yourself, download it (`python -m argf_np.data download mosi`), and write `source="real"` here:

# %%
raw = load("mosi", source="synthetic")
for split in raw.split:
    print(f"{split:10} {len(raw.split[split]):3} videos, {len(raw.utterances(split)):5} utterances")
counts = [len(raw.utterances(split)) for split in raw.split]
assert counts == [1141, 306, 752]  # as the paper says

# %% [markdown]
# All utterances stand in one long list. `starts` says where each video begins: video $i$ holds the
# utterances `starts[i]` to `starts[i + 1] - 1`. This is the beginning of a video:

# %%
video = raw.split["test"][0]
start, stop = raw.starts[video], raw.starts[video + 1]
print(f"{raw.video_ids[video]}, {stop - start} utterances")
for i in range(start, start + 8):
    print(f"  {raw.classes[raw.labels[i]]:9} {raw.words[i]}")

# %% [markdown]
# ### How a label arises here
#
# "The music is awful" is labelled positive. This is no mistake, and you need to know the rule for
# everything that follows. Each utterance has one *mechanism*, drawn at random. It says which
# modalities speak. A modality that speaks carries a sign $s_m$ of $+1$ or $-1$ in its features, a
# silent one carries nothing. The label $y$, $+1$ or $-1$, is the *product* of the signs:
#
# - one modality speaks: $y = s_m$. It tells the label.
# - two speak: $y = s_m s_n$. This is XOR: each of the two alone is no better than a coin.
# - all three speak: $y = s_a s_l s_v$, called parity. Even two of them together tell nothing.
# - *context*: all are silent, but the words of the utterance before give the label away: "… and it
#   only gets better".
# - nothing: no feature depends on the label.
#
# The shares are chosen so that language is the strongest modality. With a 26 % rest that can only
# be guessed, even a perfect classifier is not right everywhere:

# %%
_, signs, _ = draw_truth(np.random.default_rng(0))  # (n, 3): the signs of a, l, v; 0 is silence
for mechanism, share in SIGNALS.items():
    speakers = [m for m, speaks in zip("alv", SPEAKERS[mechanism], strict=True) if speaks]
    rule = " * ".join(f"s_{m}" for m in speakers) or "the cue of the utterance before"
    print(f"{mechanism:8} {share:4.0%}   y = {rule}")
rest = 1 - sum(SIGNALS.values())
p_test = raw.labels[raw.utterances("test")].mean()  # share of positive labels
best = sum(SIGNALS.values()) + rest * p_test
print(f"nothing  {rest:4.0%}")
print(f"The best possible test accuracy is {best:.1%}: right wherever something tells the label, "
      f"and {p_test:.0%} of the rest by saying 'positive'.")

# %% [markdown]
# ### The whole corpus at one glance
#
# A column is a video. A square is an utterance, the first one at the bottom. Look for columns of
# one colour: a speaker who likes everything, or nothing.

# %%
draw.wall(raw)
plt.show()
V = len(raw.video_ids)
print(f"utterances per video: {raw.lengths.min()} to {raw.lengths.max()}, "
      f"median {np.median(raw.lengths):g}")

# %% [markdown]
# There are none. The colours look like noise, and in the synthetic corpus they are: labels are
# dealt out at random within each part of the split. Count how often two neighbours agree:

# %%
agree = []
for video in range(V):
    labels = raw.labels[raw.starts[video]:raw.starts[video + 1]]
    for t in range(1, len(labels)):
        agree.append(labels[t] == labels[t - 1])
p = raw.labels.mean()
print(f"two neighbours in a video have the same label: {np.mean(agree):.1%}")
print(f"two utterances of the corpus, drawn at random: {p * p + (1 - p) * (1 - p):.1%}")

# %% [markdown]
# About one half, both: here, the label of a neighbour says nothing. **On real CMU-MOSI** the same
# cell prints 67.0 % for neighbours and 50.2 % for random pairs. Real speakers have an opinion and
# argue for it, so an utterance tells something about its neighbours. The synthetic corpus has
# context in another form, the cue. Notebook [04](04_context.ipynb) is about both.
#
# **Why the split is by video.** No video is in two parts. The utterances of a video share a voice,
# a face and, in reality, an opinion. If some of them were in training and others in the test set, a
# network could recognise the speaker and recall the opinion, without understanding a word.

# %%
all_videos = np.concatenate(list(raw.split.values()))
assert len(set(all_videos)) == len(all_videos) == V
print("each of the", V, "videos is in exactly one part")

# %% [markdown]
# ## 2. Three modalities
#
# For each utterance there is one vector per modality. In the real corpus, Poria et al. (2017b)
# computed them from the recordings: a convolutional network over word embeddings for the language,
# openSMILE's statistics of pitch and loudness for the voice, a convolutional network over frames
# for the face. We get these vectors only, neither sound nor picture. Remember that two of the three
# are made by *trained* networks. Section 6 asks what they were trained on.
#
# The synthetic features imitate their widths and their kinds of numbers:

# %%
print("    width      smallest    median   largest    zeros    deviation of a column")
for m, x in raw.features.items():
    deviation = x[raw.utterances("train")].std(axis=0)  # (d_m,)
    print(f"{m}  {x.shape[1]:5}    {x.min():10.3f} {np.median(x):9.3f} {x.max():9.3f}    "
          f"{(x == 0).mean():5.1%}    {deviation.min():.3f} to {deviation.max():.3f}")

# %% [markdown]
# The acoustic columns have very different sizes: think of a pitch in hertz beside a ratio. Language
# is symmetric around 0. Almost half of the visual numbers are exactly 0. These different
# distributions are the *modality gap* that the paper is about: its encoders have to bring all three
# into one space.
#
# ## 3. Standardise with the training statistics
#
# The first step is a change of units. Each column is shifted to mean 0 and scaled to standard
# deviation 1. With $\mathcal{T}$ the training utterances,
#
# $$z_{ij} = \frac{x_{ij} - \mu_j}{\sigma_j}, \qquad
# \mu_j = \frac{1}{|\mathcal{T}|} \sum_{i \in \mathcal{T}} x_{ij}, \qquad
# \sigma_j^2 = \frac{1}{|\mathcal{T}|} \sum_{i \in \mathcal{T}} (x_{ij} - \mu_j)^2.$$
#
# Why only the training utterances? The test utterances stand for data that does not exist yet.
# Tomorrow's video has no influence on today's network, so a test video must have none either. One
# case is left: a column that never varies in training has $\sigma_j = 0$. It is only shifted.

# %%
def standardise_loop(x, train):
    """x (n, d); train: indices of the training utterances. Returns z (n, d)."""
    n, d = x.shape
    z = np.zeros((n, d))
    for j in range(d):
        mu = 0
        for i in train:
            mu += x[i, j] / len(train)
        variance = 0
        for i in train:
            variance += (x[i, j] - mu) ** 2 / len(train)
        constant = all(x[i, j] == x[train[0], j] for i in train)
        sigma = 1 if constant else np.sqrt(variance)
        for i in range(n):
            z[i, j] = (x[i, j] - mu) / sigma
    return z


corpus = standardise(raw)
train = raw.utterances("train")
test = raw.utterances("test")
for m in "alv":
    some = raw.features[m][:, :12]  # loops are slow: 12 columns of each modality
    z = corpus.features[m]
    assert np.allclose(standardise_loop(some, train), z[:, :12], rtol=0, atol=1e-9)
    print(f"{m}: training mean up to {abs(z[train].mean(axis=0)).max():.0e}, "
          f"deviation up to {z[train].std(axis=0).max():.3f}; "
          f"test mean up to {abs(z[test].mean(axis=0)).max():.2f}")

# %% [markdown]
# On the test videos mean and deviation are not exactly 0 and 1, and they should not be. If they
# were *far* from it, the test videos would be of another kind than the training videos, and you
# would want to know.

# %%
draw.columns(raw, corpus)
plt.show()

# %% [markdown]
# Left: the raw acoustic columns differ in size by a factor of about five thousand. Right:
# standardising gives all columns one size, but it does not change their *shape*. The visual peak of
# zeros is still there, and the acoustic curve is still skewed. So the modality gap is still there.
#
# **Exercise 3.1 Standardise** ★★ (10 minutes). Without a loop. One of the columns never varies in
# training. Replace the line with `raise` by your answer and run the cell. `check` tries it on fixed
# inputs and says what a mistake looks like.

# %%
def standardised(x, train):
    """x (n, d); train: indices of the training rows. Returns z (n, d)."""
    raise NotImplementedError("exercise 3.1")


check("3.1", standardised)

# %% [markdown]
# **The gradient.** $\mu_j$ and $\sigma_j$ are constants, computed once before training. So
# $\partial z_{ij} / \partial x_{ij} = 1 / \sigma_j$. (In batch norm, notebook
# [02](02_layers_and_optimisers.ipynb), they are computed from the batch itself. That is why its
# derivative takes a page.)
#
# To check it we need a scalar. The plain sum would hide mistakes that cancel, so `weigh` multiplies
# every entry by a random number of its own first. `check_gradient` compares the gradient with
# finite differences (notebook [01](01_gradients.ipynb)) and raises an error if they disagree.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


rng = np.random.default_rng(1)
x_train = raw.features["a"][train]
mu, sigma = x_train.mean(axis=0), x_train.std(axis=0)  # (d_a,), (d_a,)


def loss_of_raw(inputs):
    return weigh(ops.softmax((inputs["x"] - mu) / sigma))


def loss_of_standardised(inputs):
    return weigh(ops.softmax(inputs["z"]))


x = mu + sigma * rng.standard_normal((5, len(mu)))  # (5, d_a)
_, gradient = nn.value_and_grad(loss_of_raw, {"x": x})
_, gradient_z = nn.value_and_grad(loss_of_standardised, {"z": (x - mu) / sigma})
assert np.allclose(gradient["x"], gradient_z["z"] / sigma)
# Some columns vary by a hundredth only, so the finite differences need a small step.
nn.check_gradient(loss_of_raw, {"x": x}, rng, step=1e-5)
print("dL/dz of one entry:        ", gradient_z["z"][0, 0])
print("dL/dx, the same over sigma:", gradient["x"][0, 0])

# %% [markdown]
# **Does it matter?** We try it with the simplest classifier: one dense layer gives two *logits*
# $s_c$, and a softmax makes probabilities $q_c$ of them. Its loss is the *cross-entropy*, minus the
# logarithm of the probability of the true class, on average. With one-hot labels, $y_{ic} = 1$ for
# the true class of utterance $i$ and 0 otherwise,
#
# $$L = -\frac{1}{n} \sum_i \sum_c y_{ic} \log q_{ic}, \qquad
# \frac{\partial L}{\partial s_{ic}} = \frac{1}{n} (q_{ic} - y_{ic}).$$
#
# By hand: $\log q_c = s_c - \log \sum_b e^{s_b}$, and the derivative of the last term with respect
# to $s_c$ is $q_c$ itself.

# %%
y = np.eye(len(raw.classes))[raw.labels]  # (n, N), one-hot


def cross_entropy(params, x, y):
    """Mean of -log(probability of the true class): x (n, d), y (n, N) one-hot."""
    logits = ops.dense_layer(params, x, "identity")  # (n, N)
    return -(ops.log_softmax(logits) * y).sum() / len(x)


layer = nn.init_dense(rng, 100, 2)  # W (d_l, N), b (1, N)
five, y_five = corpus.features["l"][:5], y[:5]


def loss_of_five(params):
    return cross_entropy(params, five, y_five)


nn.check_gradient(loss_of_five, layer, rng)
q = ops.dense_layer(layer, five, "softmax")  # (5, N)
by_loop = 0
for i in range(5):
    by_loop -= np.log(q[i, y_five[i].argmax()]) / 5
value, gradient = nn.value_and_grad(loss_of_five, layer)
assert np.isclose(value, by_loop, rtol=0, atol=1e-14)
assert np.allclose(gradient["b"], (q - y_five).sum(axis=0) / 5)  # b is added to all logits
assert np.allclose(gradient["W"], five.T @ (q - y_five) / 5)
print(f"cross-entropy {value:.4f}, by the loop {by_loop:.4f}")

# %% [markdown]
# In principle a linear layer does not depend on units: $\mathbf{x} W + \mathbf{b}$ and
# $\mathbf{z} W' + \mathbf{b}'$ are the same functions, with $W'_{jc} = \sigma_j W_{jc}$. *Gradient
# descent* does depend on them. Differentiate once more: $\partial^2 L / \partial W_{jc}^2 =
# \frac{1}{n} \sum_i q_{ic} (1 - q_{ic})\, x_{ij}^2$. So the loss curves like $\frac{1}{n} X^T X$,
# times a number that is at most $0.5$ (for both columns of $W$ together). The steepest direction
# limits the step. Along a flat one, such a step gets nowhere.
#
# We fit the layer to the acoustic features, raw and standardised. The step is one over the largest
# curvature, half of the limit of notebook [02](02_layers_and_optimisers.ipynb).
#
# **Predict before you run:** the raw columns differ in size by a factor of five thousand. How far
# will gradient descent get in 200 steps?

# %%
def descend(x, steps=200):
    """Losses of plain gradient descent from zero, and the ratio of the curvatures."""
    params = {"W": np.zeros((x.shape[1], y.shape[1])), "b": np.zeros((1, y.shape[1]))}
    with_ones = np.hstack([x, np.ones((len(x), 1))])  # the column of the bias
    curvatures = np.linalg.eigvalsh(with_ones.T @ with_ones / len(x))
    lr = 1 / (0.5 * curvatures.max())

    def loss(params):
        return cross_entropy(params, x, y[train])

    losses = []
    for _ in range(steps):
        value, gradient = nn.value_and_grad(loss, params)
        losses.append(value)
        params = {name: params[name] - lr * gradient[name] for name in params}
    return losses, curvatures.max() / np.median(curvatures)


curves = {}
for name, x in (("raw", raw.features["a"]), ("standardised", corpus.features["a"])):
    curves[name], ratio = descend(x[train])
    print(f"{name:12} largest curvature {ratio:.1e} times the median one, "
          f"loss {curves[name][-1]:.4f} after 200 steps")
    assert (np.diff(curves[name]) < 1e-12).all()  # it never rises
assert curves["raw"][-1] > np.log(2) - 0.02
assert curves["standardised"][-1] < np.log(2) - 0.04
draw.descent(curves)
plt.show()

# %% [markdown]
# On raw columns the loss hardly moves from $\log 2$, the loss of a coin: only the largest columns
# get anywhere. On standardised columns it falls from the first step on.
#
# ## 4. Padding and masks
#
# Networks want arrays, and videos have different lengths. So shorter videos are filled up with
# zeros after their last utterance: *padding*. A second array, the *mask*, is True on real
# utterances and False on padding. As loops, for some videos of which the longest has $u$
# utterances:

# %%
def pad_loop(rows, starts, videos):
    """rows (n, d). Returns padded (videos, u, d) and the mask (videos, u)."""
    u = max(starts[i + 1] - starts[i] for i in videos)
    padded = np.zeros((len(videos), u, rows.shape[1]))
    mask = np.zeros((len(videos), u), dtype=bool)
    for place, i in enumerate(videos):
        for t in range(starts[i + 1] - starts[i]):
            padded[place, t] = rows[starts[i] + t]
            mask[place, t] = True
    return padded, mask


videos = corpus.split["train"][:10]
padded, mask = pad(corpus.features["l"], corpus.starts, videos)  # (10, u, d_l), (10, u)
padded_loop, mask_loop = pad_loop(corpus.features["l"], corpus.starts, videos)
assert np.array_equal(padded, padded_loop)
assert np.array_equal(mask, mask_loop)
assert len(unpad(padded, mask)) == corpus.lengths[videos].sum()  # the inverse
print(f"padded {padded.shape}, of which {1 - mask.mean():.0%} is padding")

# %%
draw.padding(padded[..., 0], mask)
plt.show()

# %% [markdown]
# In the left picture a pale square may be padding, or a value near 0. Only the mask on the right
# tells which. If you forget the mask once, padding counts as data. Nothing crashes; the numbers are
# just wrong. Take an average. Over the real utterances of $V$ videos, with mask
# $M_{it} \in \{0, 1\}$, it is
#
# $$\bar L = \frac{\sum_{i, t} M_{it} L_{it}}{\sum_{i, t} M_{it}}, \qquad
# \frac{\partial \bar L}{\partial L_{it}} = \frac{M_{it}}{\sum_{i, t} M_{it}}.$$
#
# Each real utterance has the same influence, and padding has none. Compare two mistakes. One
# divides by all $V u$ places. The other takes the mean per video first, so that an utterance of a
# short video has more influence than one of a long video.

# %%
def masked_mean(values, mask):
    """The mean of values (V, u) over the places where mask (V, u) is True."""
    return (values * mask).sum() / mask.sum()


def mean_of_L(inputs):
    return masked_mean(inputs["L"], mask)


L = rng.uniform(0.5, 1.5, mask.shape)  # losses of all places, padding included: (10, u)
assert np.isclose(masked_mean(L, mask), L[mask].mean(), rtol=0, atol=1e-14)
nn.check_gradient(mean_of_L, {"L": L}, rng)
_, gradient = nn.value_and_grad(mean_of_L, {"L": L})
assert np.allclose(gradient["L"], mask / mask.sum())

per_video = (L * mask).sum(axis=1) / mask.sum(axis=1)
print(f"mean over the real utterances {masked_mean(L, mask):.4f}")
print(f"divided by all places         {(L * mask).sum() / mask.size:.4f}")
print(f"mean of the videos' means     {per_video.mean():.4f}")

# %% [markdown]
# How much padding a batch needs depends on which videos are in it. Next to the longest video of the
# corpus, all others are mostly padding. Videos of similar length need hardly any:

# %%
def share_of_padding(videos, size=10):
    """Share of padding if these videos are taken in batches of this size, in this order."""
    real = places = 0
    for i in range(0, len(videos), size):
        lengths = raw.lengths[videos[i:i + size]]
        real += lengths.sum()
        places += lengths.max() * len(lengths)
    return 1 - real / places


by_length = np.argsort(raw.lengths)
print(f"all {V} videos in one batch   {share_of_padding(np.arange(V), V):.0%} padding")
print(f"batches of 10, at random    {share_of_padding(rng.permutation(V)):.0%}")
print(f"batches of 10, by length    {share_of_padding(by_length):.0%}")
assert share_of_padding(by_length) < share_of_padding(np.arange(V), V)

# %% [markdown]
# **Exercise 3.2 From lengths to a mask** ★ (5 minutes). The lengths of some videos are given. Make
# the mask without a loop. One line is enough.

# %%
def mask_of(lengths):
    """lengths (V,) whole numbers. Returns the mask (V, u), bool; u is the largest length."""
    raise NotImplementedError("exercise 3.2")


check("3.2", mask_of)

# %% [markdown]
# **Exercise 3.3 The gradient of the masked loss, by hand** ★★ (15 minutes). The loss is the mean
# cross-entropy over the *real* utterances of padded videos, $-\frac{1}{\sum M} \sum_{i, t} M_{it}
# \sum_c y_{itc} \log q_{itc}$, where $\mathbf{q}_{it}$ is the softmax of the logits
# $\mathbf{s}_{it}$. What is its gradient with respect to the logits? Section 3 has it without a
# mask.

# %%
def gradient_of_the_logits(s, y, mask):
    """s, y (V, u, N), y one-hot; mask (V, u). Returns the gradient with respect to s."""
    raise NotImplementedError("exercise 3.3")


check("3.3", gradient_of_the_logits)

# %% [markdown]
# ## 5. How good is a constant guess?
#
# An accuracy means nothing until you know what you could get for free. Without features, the best
# guess is the more frequent training class:

# %%
rows = {split: raw.utterances(split) for split in raw.split}
print("            positive   negative")
for split in rows:
    share = raw.labels[rows[split]].mean()
    print(f"{split:10}    {share:.1%}      {1 - share:.1%}")

favourite = np.bincount(raw.labels[rows["train"]]).argmax()
for c in (favourite, 1):
    guess = np.full(len(rows["test"]), c)
    score = metrics.scores(raw.labels[rows["test"]], guess, raw.classes)
    recalls = [of_class["accuracy"] for of_class in score["per_class"].values()]
    print(f"always {raw.classes[c]!r}: test accuracy {score['accuracy']:.1%}, "
          f"F1 {score['f1_weighted']:.1%}, mean of the classes' accuracies {np.mean(recalls):.0%}")

# %% [markdown]
# The balance *moves*. The classes are about equally frequent in training, and far from it in the
# test set. "Always positive" beats a coin by 12 points and has understood nothing. So look at more
# than one number. The weighted F1 of the paper falls where one class is never found. The mean of
# the classes' accuracies is 50 % for every constant answer.
#
# **How far can an accuracy be trusted?** Suppose a classifier is right with probability $p$, for
# each of $n$ utterances independently. Each utterance is a coin with variance $p(1-p)$, the mean of
# $n$ coins has variance $p(1-p)/n$, and so
#
# $$\text{standard error} = \sqrt{\frac{p\,(1-p)}{n}}.$$
#
# But utterances of one video need not be independent. A speaker who is hard to read is hard to read
# throughout. The *bootstrap* asks the data: draw as many videos as there are, with replacement, and
# compute their accuracy. Do this again and again, and see how much it varies.
#
# We try it on three test sets of 31 videos: "always positive" on our corpus; the same number of
# independent coins; and a simulated classifier that understands every second speaker well (82 %
# right) and the others badly (42 %), which is the same 62 % on average.

# %%
def bootstrap(right, split, draws=2000):
    """Accuracies (draws,) of a split's videos, drawn with replacement. right (n,): bool."""
    generator = np.random.default_rng(0)
    lengths, correct = [], []
    for video in raw.split[split]:
        start, stop = raw.starts[video], raw.starts[video + 1]
        lengths.append(stop - start)
        correct.append(right[start:stop].sum())
    lengths, correct = np.array(lengths), np.array(correct)
    accuracies = []
    for _ in range(draws):
        drawn = generator.integers(len(lengths), size=len(lengths))
        accuracies.append(correct[drawn].sum() / lengths[drawn].sum())
    return np.array(accuracies)


generator = np.random.default_rng(4)
p, n = p_test, len(rows["test"])
positive = raw.labels == 1  # where "always positive" is right
skill = np.where(np.arange(V) % 2, 0.82, 0.42)  # of the simulated classifier, per video
simulated = generator.random(len(raw.ids)) < np.repeat(skill, raw.lengths)

accuracies = {
    "independent coins": generator.binomial(n, p, 2000) / n,
    "our corpus, whole videos drawn": bootstrap(positive, "test"),
    "hard and easy speakers, whole videos drawn": bootstrap(simulated, "test"),
}
print(f"standard error by the formula {np.sqrt(p * (1 - p) / n):.1%}")
for name, values in accuracies.items():
    print(f"{name}: {values.std():.1%}")
spreads = [values.std() for values in accuracies.values()]
assert abs(spreads[1] - spreads[0]) < 0.005
assert spreads[2] > 1.5 * spreads[0]

# %%
deviations = {name: values - values.mean() for name, values in accuracies.items()}
draw.hills(deviations, f"{n} utterances, 31 videos: how sure is an accuracy?")
plt.show()

# %% [markdown]
# The first two hills have about the same width. In the synthetic corpus labels are dealt out
# independently, so its 752 utterances really are 752 coins. The dotted hill is the one to remember:
# if right and wrong answers cluster by speaker, there are in effect fewer coins, and the formula is
# too optimistic. **On real CMU-MOSI** the middle line prints 4.0 % instead of 1.5 %, more than
# twice the formula.
#
# One thing these hills do *not* say is how sure the *difference* of two methods is. Two methods are
# tried on the same utterances, and most of their luck is the same luck. Their difference needs a
# bootstrap of its own, *paired*: for each drawn video, take the difference of the two. Notebook
# [04](04_context.ipynb) does so in section 5, and notebook [10](10_does_it_work.ipynb) for whole
# tables.
#
# ## 6. A detective's tool: the linear probe
#
# Now to the features. A *linear probe* is one dense layer, trained with cross-entropy on the
# training videos. It finds only what lies openly in the features. We look at its accuracy on the
# videos that it was trained on, on the validation videos, and on the test videos.
#
# **Predict before you run:** which of the three will be highest? The probe has seen neither
# validation nor test videos. What do you expect of these two?

# %%
def probe(x):
    """Train a linear probe on features x (n, d). Returns which utterances it gets right, (n,)."""
    params = {"W": np.zeros((x.shape[1], y.shape[1])), "b": np.zeros((1, y.shape[1]))}

    def loss(params):
        return cross_entropy(params, x[train], y[train])

    state = nn.init_adam(params)
    for _ in range(200):
        _, gradient = nn.value_and_grad(loss, params)
        nn.adam(state, params, gradient, lr=0.01, weight_decay=0.01)
    logits = ops.dense_layer(params, x, "identity")
    return logits.argmax(axis=1) == raw.labels


def report(name, right):
    """Print the accuracies of a probe and a verdict. Returns ``{split: accuracy}``."""
    score = {split: right[rows[split]].mean() for split in rows}
    spread_validation = bootstrap(right, "validation").std()
    spread_test = bootstrap(right, "test").std()
    error = np.sqrt(spread_validation ** 2 + spread_test ** 2)  # of the difference
    distance = (score["validation"] - score["test"]) / error
    verdict = "LEAK!" if distance > 4 else "no sign of a leak"
    numbers = "  ".join(f"{split} {accuracy:6.1%}" for split, accuracy in score.items())
    print(f"{name:17} {numbers}   {distance:+5.1f} standard errors: {verdict}")
    return score


results = {m: report(figures.MODALITY_NAMES[m], probe(corpus.features[m])) for m in "alv"}
assert max(abs(score["validation"] - score["test"]) for score in results.values()) < 0.1

# %% [markdown]
# Training accuracy is highest, since the probe has seen these labels: it *overfits*. That is
# common, and a reason to look at other videos. Validation and test videos are both new to the
# probe, and they agree, up to chance and the balance of the classes. The last columns say how well:
# how many standard errors the validation accuracy lies *above* the test accuracy. (Two different
# sets of videos are independent, so here the variances do add up.) A distance of more than 4 is far
# beyond chance.
#
# The synthetic features are drawn from the labels in the same way for all videos, so there is no
# leak to find. **On real CMU-MOSI** it is different. `python -m argf_np.data check mosi` trains a
# linear model (by ridge regression) and prints:

# %%
REAL = {
    "a": {"train": 0.670, "validation": 0.552, "test": 0.548},
    "l": {"train": 0.983, "validation": 0.984, "test": 0.739},
    "v": {"train": 0.923, "validation": 0.892, "test": 0.528},
}
print("real CMU-MOSI    train   validation     test")
for m, scores in REAL.items():
    numbers = "".join(f"{score:11.1%}" for score in scores.values())
    print(f"{figures.MODALITY_NAMES[m]:12}{numbers}")

# %% [markdown]
# The real language and visual features separate the validation videos as well as the training
# videos, and the test videos far less: the visual ones hardly better than a coin. Somebody has seen
# the labels of the validation videos, and it was not the linear model. The simplest explanation is
# that the networks that made these features (section 2) were trained on the labels of all 62 videos
# that their authors called "training". Later, these 62 were split into 49 and 13. That was too
# late. The acoustic features come from a fixed formula that never saw a label, and show nothing.
#
# ## 7. Build the leak yourself
#
# Can this explanation produce an effect as strong as that? We do what we suspect, with data in
# which there is *nothing* to find: raw inputs of pure noise. A small network with one hidden layer
# of 50 units is trained to predict the label from the noise. Its hidden layer is then published as
# "features". We do it once with the labels of training and validation videos (leaky), and once with
# those of the training videos only (clean).

# %%
noise = np.random.default_rng(0).standard_normal((len(raw.ids), 400))  # knows no label


def extract(seen):
    """Features (n, 50) of a network that was trained on the labels of the utterances `seen`."""
    generator = np.random.default_rng(1)
    params = {"hidden": nn.init_dense(generator, 400, 50),
              "label": nn.init_dense(generator, 50, y.shape[1])}

    def loss(params):
        hidden = ops.dense_layer(params["hidden"], noise[seen], "tanh")
        return cross_entropy(params["label"], hidden, y[seen])

    state = nn.init_adam(params)
    for _ in range(60):
        _, gradient = nn.value_and_grad(loss, params)
        nn.adam(state, params, gradient, lr=0.01)
    features = ops.dense_layer(params["hidden"], noise, "tanh")  # (n, 50)
    return (features - features[train].mean(axis=0)) / features[train].std(axis=0)


leaky = extract(np.concatenate([rows["train"], rows["validation"]]))
clean = extract(rows["train"])
made = {"leaky": report("noise, leaky", probe(leaky)),
        "clean": report("noise, clean", probe(clean))}
assert made["leaky"]["validation"] > 0.9
assert max(made["leaky"]["test"], made["clean"]["validation"], made["clean"]["test"]) < 0.65

# %%
draw.probes({"real CMU-MOSI": REAL, "synthetic": results, "pure noise": made})
plt.show()

# %% [markdown]
# Compare the leaky noise on the right with the real visual features on the left: high in training
# *and* validation, a coin in test. It is the same fingerprint. With clean noise, validation fails
# as test does, and so it should: there is nothing to find.
#
# **What does it cost?** More than a wrong number. If you choose by validation, you now choose the
# worst. Four sets of features to choose from: the language features, the leaky ones, both, and the
# language features with the clean ones.

# %%
language = corpus.features["l"]
candidates = {
    "language": language,
    "leaky": leaky,
    "language + leaky": np.hstack([language, leaky]),
    "language + clean": np.hstack([language, clean]),
}
scores = {name: report(name, probe(x)) for name, x in candidates.items()}
chosen = max(scores, key=lambda name: scores[name]["validation"])
print(f"validation chooses {chosen!r}: {scores[chosen]['test']:.1%} in test; "
      f"language alone has {scores['language']['test']:.1%}")
assert "leaky" in chosen
assert scores[chosen]["test"] < scores["language"]["test"]

# %% [markdown]
# Features that have seen the training labels look better than they are, and a classifier relies on
# them. "language + leaky" contains all that "language" does, and does worse on the test videos.
# Even the *clean* features of noise do damage: they fit the training videos, and there the probe
# cannot distinguish them from good ones. But now validation *says* so.
#
# What can one do with such data?
#
# - Do not choose anything by these validation videos: neither an epoch, nor a learning rate, nor a
#   modality. On leaky features they say no more than the training videos do. The authors' code for
#   the UCLN stops training by the last fifth of its 62 videos, whose labels the features know
#   ([D16](../DEVIATIONS.md#d16); notebook [04](04_context.ipynb)).
# - Fix everything beforehand and look at the test videos once. This is the default of this project,
#   the protocol `fixed` ([D14](../DEVIATIONS.md#d14)).
# - Do *not* choose by the test videos instead. To try many settings and to report the largest test
#   accuracy is just that, and the authors' search does it (D14). Notebook
#   [10](10_does_it_work.ipynb) is about what it gains.
#
# In the synthetic corpus nothing leaks, so there validation may choose.
#
# ## One more exercise, and an experiment
#
# Solutions are in [solutions/03_the_data.py](solutions/03_the_data.py).
#
# **3.4 The verdict** ★★ (10 minutes). Two accuracies on *different* utterances, each with its
# number of utterances. How many standard errors of their difference does the first lie above the
# second? Take the utterances as independent.

# %%
def errors_apart(p_1, n_1, p_2, n_2):
    """Accuracies p (fractions) on n utterances. Returns a number, positive if p_1 is larger."""
    raise NotImplementedError("exercise 3.4")


check("3.4", errors_apart)

# %% [markdown]
# **An experiment** ★★ (20 minutes). In section 7 the network has 50 hidden units and sees all 306
# validation utterances. Let it see only the first $k$ of them, for $k = 0, 50, 100, 200, 306$. From
# which $k$ on does `report` say "LEAK!"?
#
# **A question** ★★★ (20 minutes). The probe needs a *second* set of new videos, here the test
# videos, to expose the first. Suppose that you have only the 62 videos, and the network that makes
# the features, which you may train again. Design an experiment that exposes the leak without one
# test label.
#
# Next: [04 · Context: the BiLSTM and the UCLN](04_context.ipynb)

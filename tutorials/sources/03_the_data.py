# %% [markdown]
# # 03 · The data
#
# *Needs: 01, 02. Minutes: 25. Paper: "Datasets", "Experimental details".*
#
# Before: [02 · Layers and optimisers](02_layers_and_optimisers.ipynb).
# Next: [04 · Context](04_context.ipynb). The minutes are those of reading; the exercises take
# another 80.
#
# Before a network learns from data, look at the data. How many examples are there, and how similar
# are they? What do the numbers mean, and in which units? How good is a constant guess? And can you
# believe a validation accuracy of 98 %?
#
# No equation of the paper stands in this notebook. But a mistake in the data is a mistake in every
# result, and no gradient check finds it. You will
#
# - learn how a label arises in the synthetic corpus, and see all 93 videos at once;
# - standardise features with the training statistics, and see why gradient descent needs that;
# - turn sequences of different lengths into one array with a mask;
# - learn how far an accuracy on 31 videos can be trusted;
# - find out with a linear classifier whether features have seen labels that they should not know.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $n$ | | number of utterances |
# | $V$ | | number of videos: of all, or of those in an array |
# | $u$ | | utterances per video; in an array of several videos, of the longest |
# | $d_m$ | | width of the features of modality $m \in \{a, l, v\}$: acoustic, language, visual |
# | $\mathbf{x}_m$ | $d_m$ | features of one utterance; `features[m]` holds all, `(n, d_m)` |
# | $N$ | | number of classes |
# | $M_{it}$ | 0 or 1 | mask: 1 if video $i$ has an utterance $t$ (not the decision $\mathbf{M}$) |
# | $s_m$ | 1 | what modality $m$ says in the synthetic corpus: $-1$, 0 or 1 |
# | $\mu_j$, $\sigma_j$ | 1 | mean and standard deviation of column $j$ in *training* |

# %%
import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, metrics, nn
from argf_np.data import load, standardise
from argf_np.data.synthetic import SIGNALS, SPEAKERS, draw_truth
from argf_np.nn import ops
from argf_np.paper.ucln import pad, unpad
from drawings import STYLE
from drawings import notebook_03 as draw
from exercises import check

nn.use("readable")  # the textbook operations; the fast ones (notebook 12) give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. Ninety-three people talk about films
#
# CMU-MOSI (Zadeh et al. 2016) has 93 videos. In each, one person gives an opinion, mostly on a
# film. A video is cut into *utterances* of about one sentence. An utterance has words, a voice and
# a face, and a label: negative or positive.
#
# The notebooks run on a *synthetic* corpus with the same 93 lengths, the same split and the same
# balance of classes. Its features and words are made up. So everybody can run it, and its truth is
# known. Next to its numbers the text gives those of the real corpus. To get them yourself, download
# it (`python -m argf_np.data download mosi`), write `source="real"` here, and leave out the
# `assert` lines and the two cells with `signs` in their code, which are about the synthetic corpus.

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
# Most labels fit the words. But "the music was shot in winter" says nothing about its label. Where
# does this label come from?
#
# ### How a label arises here
#
# You need this rule for everything that follows. It is made so that the three modalities have to be
# combined. Each utterance has one *mechanism*, drawn at random. The mechanism says which modalities
# speak. A modality that speaks carries a sign $s_m$ of $+1$ or $-1$ in its features; a silent one
# carries no sign. The label, $+1$ for positive and $-1$ for negative, is the *product* of the
# signs:
#
# - one modality speaks: the label is $s_m$, its sign.
# - two speak: the label is the product of their two signs. This is XOR: each of the two alone is no
#   better than a coin.
# - all three speak: the label is $s_a s_l s_v$, called parity. Even two of them tell nothing.
# - *context*: all are silent, but the words of the utterance before hold a *cue* that gives the
#   label away, such as "and it only gets better". The cue is in the language features of that
#   utterance, whatever its own label is.
# - nothing: no feature of the utterance depends on the label.
#
# The function `draw_truth` gives what a real corpus hides: the signs of each utterance, and the cue
# that it holds for the next one. (`SIGNALS` has the share of each mechanism. `SPEAKERS` says which
# *modalities* speak under it; everywhere else a speaker is a person.) Here is the share of each
# mechanism, with the first utterance of the test set as an example:

# %%
labels, signs, cues = draw_truth(np.random.default_rng(0))  # signs (n, 3): of a, l, v; 0: silent
assert np.array_equal(labels, raw.labels)
test = raw.utterances("test")
cue_before = np.concatenate([[0], cues[:-1]])  # of the previous utterance


def first_with(mechanism):
    """The first test utterance with a mechanism."""
    for i in test:
        if mechanism == "context" and cue_before[i] != 0:
            return i
        if mechanism != "context" and tuple(abs(signs[i])) == SPEAKERS[mechanism]:
            return i


print("mechanism         s_a s_l s_v   label      words")
for mechanism, share in SIGNALS.items():
    i = first_with(mechanism)
    numbers = " ".join(f"{sign:3d}" for sign in signs[i])
    print(f"{mechanism:8} {share:4.0%}   {numbers}    {raw.classes[labels[i]]:9}  {raw.words[i]}")
print(f"nothing  {1 - sum(SIGNALS.values()):4.0%}")
print("before the example of 'context':", raw.words[first_with("context") - 1])

# %% [markdown]
# Multiply the signs of each row down to alv, and you get its label. (In the row context all are
# silent, and the label comes from the words of the utterance before.) In the row `vl` words and
# face are both negative, and the label is positive: $(-1) \cdot (-1) = +1$. Think of irony. How
# often do the words agree with the label? And how many labels could a perfect classifier get right?

# %%
label_signs = 2 * labels - 1  # -1 or +1
said = signs[:, 1]  # by the words
print(f"the words agree with the label {np.mean(said == label_signs):.0%}, "
      f"say the opposite {np.mean(said == -label_signs):.0%}, say nothing {np.mean(said == 0):.0%}")
rest = 1 - sum(SIGNALS.values())
p_test = raw.labels[test].mean()  # share of positive labels
best = sum(SIGNALS.values()) + rest * p_test
print(f"best possible test accuracy: {1 - rest:.0%} + {rest:.0%} of {p_test:.0%} = {best:.1%}")
assert np.mean(said == label_signs) > 7 * np.mean(said == -label_signs)

# %% [markdown]
# This is the best for a reader who sees one utterance and the cue before it, and who knows the
# balance of the test set. Such a reader is right wherever something tells the label. In the other
# 18 % the answer "positive" is best, since 62 % of the test utterances are positive. A reader of
# the whole video could do better, for the following reason.
#
# A *speaker* adds two more things, the same for all utterances of a video:
#
# - an *opinion*. Speakers who like a film say more positive things. So the labels of a video
#   resemble each other.
# - an *offset* in the features: each voice, face and choice of words is different. The offset tells
#   who speaks, and nothing about labels.
#
# ### The whole corpus at one glance
#
# **Predict before you run.** A column is a video. A square is an utterance, the first one at the
# bottom. What do opinions look like in this picture?

# %%
draw.wall(raw)
plt.show()
V = len(raw.video_ids)
print(f"utterances per video: {raw.lengths.min()} to {raw.lengths.max()}, "
      f"median {np.median(raw.lengths):g}")

# %% [markdown]
# Many columns are almost of one colour: a speaker who likes nearly everything, or nearly nothing.
# So an utterance tells something about its neighbours. Count how often two neighbours agree, and
# how often you would be right if you gave each utterance the majority label of the *other*
# utterances of its video, without a single feature:

# %%
agree, guessed = [], []
for video in range(V):
    of_video = raw.labels[raw.starts[video]:raw.starts[video + 1]]
    for t in range(len(of_video)):
        if t > 0:
            agree.append(of_video[t] == of_video[t - 1])
        others = np.delete(of_video, t)
        guessed.append((others.mean() > 0.5) == of_video[t])
p = raw.labels.mean()
by_chance = p * p + (1 - p) * (1 - p)
print("                                            synthetic   real")
print(f"two neighbours have the same label             {np.mean(agree):5.1%}   67.0%")
print(f"two utterances of the corpus, at random        {by_chance:5.1%}   50.2%")
print(f"the majority label of the other utterances     {np.mean(guessed):5.1%}   66.7%")
assert np.mean(agree) > 0.62
assert np.mean(guessed) > 0.7  # "in three of four cases", below

# %% [markdown]
# (The second column is real CMU-MOSI, computed by this cell with `source="real"`.) Notebook
# [04](04_context.ipynb) makes use of these neighbours.
#
# **Why the split is by video.** All utterances of a video are in the same part. Suppose that some
# of them were in training and others in the test set. A network that recognises the speaker could
# recall the opinion, and be right in three of four cases (two of three in the real corpus) without
# understanding a word. (Can a network recognise a speaker? We test that in section 3.)

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
train, new = raw.utterances("train"), raw.utterances("test")
for m in "alv":
    some = raw.features[m][:, :12]  # loops are slow: 12 columns of each modality
    z = corpus.features[m]
    assert np.allclose(standardise_loop(some, train), z[:, :12], rtol=0, atol=1e-9)
    print(f"{m}: training mean up to {abs(z[train].mean(axis=0)).max():.0e}, "
          f"deviation up to {z[train].std(axis=0).max():.3f}; "
          f"test mean up to {abs(z[new].mean(axis=0)).max():.2f}")

# %% [markdown]
# On the test videos the means are not exactly 0, and they should not be: these are 31 other
# speakers, each with an offset, and 31 offsets do not average out to 0. If the means were *far*
# from 0, beyond one standard deviation, the test videos would be of another kind than the training
# videos, and you would want to know.

# %%
draw.columns(raw, corpus)
plt.show()

# %% [markdown]
# Left: the raw acoustic columns differ in size by a factor of about five thousand. Right:
# standardising gives all columns one size, but it does not change their *shape*. The visual peak of
# zeros is still there, and the acoustic curve is still skewed. So the modality gap is still there.
#
# **Can a speaker be recognised?** Now that all columns have one size, distances make sense. We look
# for the *nearest neighbour* of each utterance, the one whose features have the smallest distance
# from it. How often is it an utterance of the same video?

# %%
REAL_SHARES = {"a": 0.929, "l": 0.072, "v": 0.338}
video_of = np.repeat(np.arange(V), raw.lengths)  # (n,)
by_chance = np.mean(raw.lengths[video_of] / len(video_of))
print(f"from the same video       by chance {by_chance:.1%}")
for m, z in corpus.features.items():
    squares = (z ** 2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * z @ z.T  # (n, n), squared
    np.fill_diagonal(distances, np.inf)  # no utterance is its own neighbour
    share = np.mean(video_of[distances.argmin(axis=1)] == video_of)
    print(f"{figures.MODALITY_NAMES[m]:9} synthetic {share:5.1%}   real {REAL_SHARES[m]:5.1%}")
    assert share > 10 * by_chance

# %% [markdown]
# In every modality this happens far more often than by chance. In the synthetic corpus the offset
# gives the speaker away, in the real one above all the voice. (The real numbers are computed by
# this cell with `source="real"`.) So with a split by utterance, a test would reward a network for
# remembering people.
#
# ### Exercise 3.1 ★★ (10 minutes): standardise
#
# Do it without a loop. One of the columns never varies in training. Replace the line with `raise`
# by your answer and run the cell. `check` tries it on fixed inputs and says what a mistake looks
# like.

# %%
def standardised(x, train):
    """x (n, d); train: indices of the training rows. Returns z (n, d)."""
    raise NotImplementedError("exercise 3.1")


check("3.1", standardised)

# %% [markdown]
# ### The gradient
#
# $\mu_j$ and $\sigma_j$ are constants, computed once before training. So $\partial z_{ij} /
# \partial x_{ij} = 1 / \sigma_j$. (In batch norm, notebook [02](02_layers_and_optimisers.ipynb),
# they are computed from the batch itself. That is why its derivative takes a page.)
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
# $o_c$, and a softmax makes probabilities $q_c$ of them. Its loss is the *cross-entropy*, minus the
# logarithm of the probability of the true class, on average. With one-hot labels, $y_{ic} = 1$ for
# the true class of utterance $i$ and 0 otherwise,
#
# $$L = -\frac{1}{n} \sum_i \sum_c y_{ic} \log q_{ic}, \qquad
# \frac{\partial L}{\partial o_{ic}} = \frac{1}{n} (q_{ic} - y_{ic}).$$
#
# By hand: $\log q_c = o_c - \log \sum_b e^{o_b}$, and the derivative of the last term with respect
# to $o_c$ is $q_c$ itself.

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
# In principle a linear layer does not depend on units: $\mathbf{x} W + \mathbf{b}$ and $\mathbf{z}
# W' + \mathbf{b}'$ are the same functions, with $W'_{jc} = \sigma_j W_{jc}$. *Gradient descent*
# does depend on them. Differentiate once more: $\partial^2 L / \partial W_{jc}^2 = \frac{1}{n}
# \sum_i q_{ic} (1 - q_{ic})\, x_{ij}^2$. So along one weight the loss curves by at most $1/4$ of
# the mean of $x_{ij}^2$: large columns curve most. Along a direction $\mathbf{w}$ of length 1 in a
# column of $W$, $\mathbf{x}_i \cdot \mathbf{w}$ takes the place of $x_{ij}$. The mean of its square
# is $\mathbf{w}^T (\frac{1}{n} X^T X)\, \mathbf{w}$, where $X$ has the rows $\mathbf{x}_i$. The
# *eigenvalues* of $\frac{1}{n} X^T X$ are these means along perpendicular directions. Times $1/4$
# they bound the curvatures, and times $1/2$ where both columns of $W$ change in opposite
# directions. The direction of the largest curvature, the steep walls of the valley in notebook 02,
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
gains = {name: np.log(2) - values[-1] for name, values in curves.items()}
print(f"gain over a coin: raw {gains['raw']:.3f}, standardised {gains['standardised']:.3f}")
assert gains["standardised"] > 3 * gains["raw"]
draw.descent(curves)
plt.show()

# %% [markdown]
# Both begin at $\log 2$, the loss of a coin. On standardised columns the loss falls steeply from
# the first step on. On raw columns only the largest columns get anywhere: after 200 steps the gain
# is not even a third of the other one.
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
# tells which. If you forget the mask once, padding counts as data. Nothing crashes, but the numbers
# are wrong. Take an average. Over the real utterances of $V$ videos, with mask
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
# How much padding a batch needs depends on which videos are in it. If all videos stand next to the
# longest one, most of the array is padding. Videos of similar length need hardly any:

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
# ### Exercise 3.2 ★ (5 minutes): from lengths to a mask
#
# The lengths of some videos are given. Make the mask without a loop. One line is enough.

# %%
def mask_of(lengths):
    """lengths (V,) whole numbers. Returns the mask (V, u), bool; u is the largest length."""
    raise NotImplementedError("exercise 3.2")


check("3.2", mask_of)

# %% [markdown]
# ### Exercise 3.3 ★★ (15 minutes): the gradient of the masked loss, by hand
#
# The loss is the mean cross-entropy over the *real* utterances of padded videos, $-\frac{1}{\sum M}
# \sum_{i, t} M_{it} \sum_c y_{itc} \log q_{itc}$, where $\mathbf{q}_{it}$ is the softmax of the
# logits $\mathbf{o}_{it}$. What is its gradient with respect to the logits? Section 3 has it
# without a mask.

# %%
def gradient_of_the_logits(o, y, mask):
    """o, y (V, u, N), y one-hot; mask (V, u). Returns the gradient with respect to o."""
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
# than one number. The *F1* of a class is $2 P R / (P + R)$, where the *recall* $R$ is the share of
# the class that is found, and the *precision* $P$ is the share of the answers "this class" that are
# right. The weighted F1 of the paper is their mean, weighted by how frequent the classes are. A
# class that is never answered has $P = 0/0$, and its F1 counts as 0. So the weighted F1 falls where
# one class is never found. What the paper's Tables 2 and 3 call the accuracy of a class is its
# recall. The mean of the recalls is 50 % for every constant answer.
#
# **How far can an accuracy be trusted?** Suppose a classifier is right with probability $p$, for
# each of $n$ utterances independently. Each utterance is a coin with variance $p(1-p)$, the mean of
# $n$ coins has variance $p(1-p)/n$, and so
#
# $$\text{standard error} = \sqrt{\frac{p\,(1-p)}{n}}.$$
#
# But the utterances of a video are not independent. "Always positive" is right throughout with one
# speaker and wrong throughout with another. The *bootstrap* asks the data: draw as many videos as
# there are, with replacement, and compute their accuracy. Do this again and again, and see how much
# it varies.
#
# **Predict before you run:** the formula says 1.8 % for "always positive" on the 752 test
# utterances. What will the bootstrap say for these 31 videos?

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


p, n = raw.labels[rows["test"]].mean(), len(rows["test"])
positive = raw.labels == 1  # where "always positive" is right
accuracies = {
    "752 independent coins": np.random.default_rng(4).binomial(n, p, 2000) / n,
    "31 videos, drawn as a whole": bootstrap(positive, "test"),
}
print(f"standard error by the formula {np.sqrt(p * (1 - p) / n):.1%}")
for name, values in accuracies.items():
    coins = p * (1 - p) / values.var()  # how many independent coins vary as much
    print(f"{name}: {values.std():.1%}, like {coins:.0f} coins")
spreads = [values.std() for values in accuracies.values()]
assert spreads[1] > 2 * spreads[0]

deviations = {name: values - values.mean() for name, values in accuracies.items()}
draw.hills(deviations, f"{n} utterances, 31 videos: how certain is an accuracy?")
plt.show()

# %% [markdown]
# The dashed hill is three times as wide as the other one: the 752 utterances tell as little as 83
# independent coins would. (That the 752 coins vary like 732 is chance: they were drawn only 2,000
# times.) The formula is far too optimistic. (**On real CMU-MOSI** the bootstrap says 4.0 %,
# computed by this cell with `source="real"`.) Notebook [10](10_does_it_work.ipynb) builds on this:
# its intervals are about other videos, not only about other utterances.
#
# One thing these hills do *not* say is how certain the *difference* of two methods is. Two methods
# are tried on the same utterances, and most of their luck is the same luck. Their difference needs
# a bootstrap of its own, *paired*: for each drawn video, take the difference of the two. Notebook
# [04](04_context.ipynb) does so, and notebook [10](10_does_it_work.ipynb) has intervals for whole
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
# how many standard errors of the difference, by the bootstrap, the validation accuracy lies *above*
# the test accuracy. (Two different sets of videos are independent, so here the variances do add
# up.) A distance of more than 4 is far beyond chance. In voice and face the probe finds nothing
# that holds for new speakers: the voice alone tells the label in 7 % of the utterances, and the
# face alone in 5 %.
#
# The synthetic features are drawn from the labels in the same way for all videos, so there is no
# leak to find. **On real CMU-MOSI** it is different. `python -m argf_np.data check mosi` trains a
# linear model (by *ridge regression*: least squares, with a penalty on large weights) and prints:

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
# The real language and visual features separate the validation videos almost as well as the
# training videos, and the test videos far less: the visual ones hardly better than a coin. So the
# labels of the validation videos have left a trace in the features. The simplest explanation is
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
# *and* validation, a coin on the test set. It is the same fingerprint. With clean noise, validation
# fails as test does, and so it should: there is nothing to find.
#
# **What does it cost?** More than a wrong number. If you choose by validation, you now choose leaky
# features. Four sets of features to choose from: the language features, the leaky ones, both, and
# the language features with the clean ones.

# %%
language = corpus.features["l"]
candidates = {
    "language": language,
    "leaky": leaky,
    "language + leaky": np.hstack([language, leaky]),
    "language + clean": np.hstack([language, clean]),
}
scores = {name: report(name, probe(x)) for name, x in candidates.items()}
best = max(score["validation"] for score in scores.values())
chosen = [name for name, score in scores.items() if score["validation"] == best]
print(f"highest in validation, with {best:.1%}: {', '.join(chosen)}")
for name in chosen:
    print(f"{name} has {scores[name]['test']:.1%} on the test set; "
          f"language alone has {scores['language']['test']:.1%}")
    assert "leaky" in name
    assert scores[name]["test"] < scores["language"]["test"]

# %% [markdown]
# In validation the two leaky sets are equal, with 100 %, and either of them is a worse choice than
# language alone. Features that have seen the training labels look better than they are, and a
# classifier relies on them. "language + leaky" contains all that "language" does, and does worse on
# the test videos. Even the *clean* features of noise do damage: they fit the training videos, and
# there the probe cannot distinguish them from good ones. But now validation *says* so.
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
# Solutions, and the numbers of the experiment, are in
# [solutions/03_the_data.py](solutions/03_the_data.py).
#
# ### Exercise 3.4 ★★ (10 minutes): the verdict
#
# Two accuracies on *different* utterances, each with its number of utterances. How many standard
# errors of their difference does the first lie above the second? Take the utterances as
# independent.

# %%
def errors_apart(p_1, n_1, p_2, n_2):
    """Accuracies p (fractions) on n utterances. Returns a number, positive if p_1 is larger."""
    raise NotImplementedError("exercise 3.4")


check("3.4", errors_apart)

# %% [markdown]
# ### An experiment ★★ (20 minutes)
#
# In section 7 the network has 50 hidden units and sees all 306 validation utterances. Let it see
# only the first $r$ of them, for $r = 0, 50, 100, 200, 306$. From which $r$ on does `report` say
# "LEAK!"?
#
# **A question** ★★★ (20 minutes). The probe needs a *second* set of new videos, here the test
# videos, to expose the first. Suppose that you have only the 62 videos, and the network that makes
# the features, which you may train again. Design an experiment that exposes the leak without one
# test label.
#
# ## What to take away
#
# - In the synthetic corpus the label is the product of what the modalities say. Language alone
#   decides in about half of the utterances. The rest needs another modality, several of them, or
#   context.
# - The utterances of one video resemble each other, in labels and in features. So the split is by
#   video, and 31 test videos tell far less than 752 independent utterances would.
# - Standardise with the statistics of the training utterances alone, and let no padding count in a
#   mean.
# - An accuracy means something only beside a constant guess and a standard error.
# - Where validation is as good as training and the test is far worse, the features have probably
#   seen the labels of the validation videos. Do not choose by such a validation set.
#
# Next: [04 · Context: the BiLSTM and the UCLN](04_context.ipynb)

# %% [markdown]
# # 05 · A joint embedding space
#
# *Needs: 01, 02, 04. Minutes: 90. Paper: "Joint Embedding Space Learning", Eq. 1 and 5 to 8.*
#
# ← [04 · Context](04_context.ipynb) · [06 · The adversary](06_adversary.ipynb) →
#
# A voice, a face and a sentence reach us as three vectors. Entry 7 of one vector has nothing to do
# with entry 7 of another, so it makes no sense to add, compare or multiply them. Before we can fuse
# the three modalities, we have to bring them into one space.
#
# How do we build such a space, and how do we keep it from becoming empty? An encoder that maps
# everything to zero brings the modalities together perfectly, and is useless. The paper sets two
# guards. A *decoder* has to reconstruct the features, so that no information gets lost. A
# *classifier* has to predict the label, so that the label stays easy to read. (A third network,
# the discriminator, pulls the modalities together. It is the subject of notebook 06.)
#
# In this notebook you will
#
# - write encoder, decoder and classifier as loops, and see that the package computes the same
#   values and the right gradients;
# - find out what the integrals of Eq. 1 and 5 mean, and check one of them by hand;
# - learn what a norm does that a square does not do, and why its gradient can be NaN;
# - prove that for two classes the paper and the released code minimise the same classification
#   loss, up to a factor;
# - measure what each of the two guards is worth, and see how a careless measurement misleads.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $m$ | | a modality: $a$, $l$ or $v$ (acoustic, language, visual) |
# | $d$, $k$, $N$ | | width of the features, width of the embedding, number of classes |
# | $\mathbf{x}_m$ | $d$ | feature vector of an utterance: the output of the UCLN of notebook 04 |
# | $\mathbf{x}_m^e$ | $k$ | its encoded representation |
# | $\tilde{\mathbf{x}}_m$ | $d$ | its reconstruction from $\mathbf{x}_m^e$ |
# | $\tilde{\mathbf{y}}_m$, $\mathbf{y}$ | $N$ | predicted probabilities; the true label, one-hot |
# | $p$, $q$ | | probability distributions |
# | $\theta_m$, $\theta_{dm}$, $\Theta_c$ | | parameters of encoder, decoder, classifier |
#
# These shapes are for one utterance. The code works on a batch of `B` utterances and on the three
# modalities at once: `x` has the shape `(3, B, d)`, with the modalities in the order a, l, v, and
# `x_e` has the shape `(3, B, k)`.
#
# Where the paper leaves something open, or the code that its authors released differs from it, the
# package keeps a numbered list, [DEVIATIONS.md](../DEVIATIONS.md). A number such as
# [D2](../DEVIATIONS.md#d2) refers to a row of that list.

# %%
import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, nn
from argf_np.data import load, standardise
from argf_np.nn import ops
from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np.paper.model import init_model
from argf_np.paper.ucln import apply_ucln, train_ucln
from argf_np.settings import Settings
from exercises import check

previous = nn.use("readable")  # textbook operations; the fast ones of notebook 12 agree with them
plt.rcParams.update({"figure.dpi": 100, "font.size": 10, "axes.spines.top": False,
                     "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour per modality, in all notebooks

# %% [markdown]
# Here is the plan of this notebook and the next, for one modality. Boxes are networks, and
# on the right stands what is asked of each.

# %%
def box(ax, x, y, text, colour):
    """A network, as a box with its centre at (x, y)."""
    ax.text(x, y, text, ha="center", va="center", fontsize=11,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": "0.4"})


def arrow(ax, start, end):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "0.4", "lw": 1.5})


fig, ax = plt.subplots(figsize=(8, 3))
ax.text(0, 1, r"$\mathbf{x}_m$", ha="center", va="center", fontsize=14)
arrow(ax, (0.25, 1), (0.85, 1))
box(ax, 1.4, 1, "encoder\n$E_m$", "#E8E8E8")
arrow(ax, (1.95, 1), (2.5, 1))
ax.text(2.8, 1, r"$\mathbf{x}_m^e$", ha="center", va="center", fontsize=14)
branches = [("decoder of $m$", r"$\mathcal{L}_{rl}$: is it like $\mathbf{x}_m$?  (Eq. 5, 6)"),
            ("classifier $C$", r"$\mathcal{L}_{cl}$: is it the label?  (Eq. 7, 8)"),
            ("discriminator $D$", r"which modality is it?  (notebook 06)")]
for height, colour, (name, question) in zip(
        (2, 1, 0), ("#CFE3F2", "#DDEBC0", "#F3D3D8"), branches, strict=True):
    arrow(ax, (3.1, 1 + 0.15 * (height - 1)), (3.5, height))
    box(ax, 4.6, height, name, colour)
    arrow(ax, (5.7, height), (6.1, height))
    ax.text(6.2, height, question, ha="left", va="center", fontsize=11)
ax.set(xlim=(-0.3, 10.2), ylim=(-0.5, 2.5))
ax.axis("off")
plt.show()

# %% [markdown]
# Each modality has its own encoder and its own decoder. There is only one classifier and only one
# discriminator, and all three modalities share them. The loss of each of the three networks trains
# the encoders too. (Only the encoder of the target modality is not trained through the
# discriminator.)
#
# ## 1. From three spaces to one (Eq. 1)
#
# The encoder of a modality is a function $E_m : \mathbb{R}^d \to \mathbb{R}^k$. If we draw an
# utterance at random, its $\mathbf{x}_m$ is random, and so is $\mathbf{x}_m^e = E_m(\mathbf{x}_m)$.
# Eq. 1 is about the distribution of this random vector:
#
# $$p_{\theta_m}(\mathbf{x}_m^e) = \int_{\mathbf{x}_m} q(\mathbf{x}_m^e \,|\, \mathbf{x}_m,
# \theta_m)\, p(\mathbf{x}_m)\, d\mathbf{x}_m, \quad m \in \{l, a, v\} \tag{1}$$
#
# | symbol | meaning |
# |---|---|
# | $p(\mathbf{x}_m)$ | distribution of the features of modality $m$: the data |
# | $q$ | the encoder, written as a conditional distribution |
# | $p_{\theta_m}$ | the transformed distribution, in the embedding space |
#
# The integral looks worse than it is. The encoder involves no randomness, so $q$ puts all its mass
# on the single point $E_m(\mathbf{x}_m)$. To integrate then means: *encode every utterance, and
# look at what comes out*. Nobody computes Eq. 1 as an integral. We draw from $p(\mathbf{x}_m)$
# (this is a batch) and encode.
#
# **By hand.** If $E$ is one-dimensional and increasing, we can say more. The probability that lies
# between $x$ and $x + dx$ moves to the interval between $x^e$ and $x^e + E'(x)\, dx$. The same
# probability now has another width to fill, so
#
# $$p_\theta(x^e) = \frac{p(x)}{E'(x)} \quad \text{at the } x \text{ with } E(x) = x^e.$$
#
# Take $E(x) = \tanh(w x + b)$, the last layer of the encoder. Since $\tanh' = 1 - \tanh^2$, its
# slope is $E'(x) = w\, (1 - E(x)^2)$.
#
# **Predict before you run.** The features below have the bell shape of a normal distribution. Where
# will the encoded features be most frequent: near $-1$, in the middle, or near $+1$?

# %%
w, b = 1.1, 0.4


def bell(x):
    """Density of the standard normal distribution."""
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


x_line = np.linspace(-3, 3, 401)
encoded_line = np.tanh(w * x_line + b)
slope = w * (1 - encoded_line ** 2)
_, gradient = nn.value_and_grad(lambda tree: anp.tanh(w * tree["x"] + b).sum(), {"x": x_line})
assert np.allclose(gradient["x"], slope)

drawn = np.random.default_rng(0).standard_normal(20000)
fig, axes = plt.subplots(2, 2, figsize=(7.6, 4.8), sharex="col", sharey="row",
                         layout="constrained", width_ratios=[2, 1], height_ratios=[2, 1])
axes[0, 0].plot(x_line, encoded_line, color="black")
for x_0 in (-1.5, -0.75, 0, 0.75, 1.5):  # where equal steps of x end up
    encoded_0 = np.tanh(w * x_0 + b)
    axes[0, 0].plot([x_0, x_0, 3], [-1, encoded_0, encoded_0], color="0.6", lw=1, ls=":")
axes[0, 0].set(ylabel="$x^e$", title=r"the encoder, $\tanh(w x + b)$", xlim=(-3, 3))
axes[1, 0].hist(drawn, 60, density=True, color=COLOURS["l"], alpha=0.35)
axes[1, 0].plot(x_line, bell(x_line), color=COLOURS["l"])
axes[1, 0].set(xlabel="$x$", ylabel="$p(x)$")
axes[0, 1].hist(np.tanh(w * drawn + b), 60, density=True, color=COLOURS["l"], alpha=0.35,
                orientation="horizontal", label="encoded samples")
axes[0, 1].plot(bell(x_line) / slope, encoded_line, color=COLOURS["l"], label="by hand")
axes[0, 1].set(xlim=(0, 1.6), title=r"$p_\theta(x^e)$, cut off at 1.6")
axes[0, 1].legend(frameon=False, loc="center right")
axes[0, 1].tick_params(labelbottom=True)
axes[1, 1].axis("off")
plt.show()

# %% [markdown]
# Bottom: the data. Right: their distribution after encoding, as a histogram of samples and as the
# curve that we computed by hand. Where the encoder is steep, the probability is spread out; where
# the encoder is flat, at the top, the probability piles up. So by its parameters an encoder can
# shape the distribution of its output. The adversary of notebook 06 makes use of this.

# %% [markdown]
# ### Exercise 5.1 ★★ (10 minutes): the transformed distribution (Eq. 1)
#
# Replace the line with `raise` by your answer and run the cell. `check` compares your function with
# the package on fixed random inputs, and gives a hint if something is wrong. Solutions are in
# `tutorials/solutions/05_joint_embedding.py`.
#
# Let $x$ have the standard normal distribution, and let $E(x) = \tanh(w x + b)$ as above, but with
# a $w$ of *either sign*. What is the density $p_\theta(x^e)$? Begin by solving $E(x) = x^e$ for
# $x$.

# %%
def density(x_e, w, b):
    """x_e (n,), between -1 and 1; w, b numbers. Returns the density at each x_e, (n,)."""
    raise NotImplementedError("exercise 5.1")


check("5.1", density)

# %% [markdown]
# **The encoder of the paper** has four dense layers ([notebook
# 02](02_layers_and_optimisers.ipynb)), of these widths (Figure 3 of the paper):
#
# $$d \to 10d \to 10k \to k \to k$$
#
# The first three layers are followed by dropout, batch norm and a leaky ReLU with slope 0.01, the
# last one by a tanh. Here they are as loops, for one modality and one batch, without dropout. The
# encoders of the three modalities are kept together as a *bank*: every weight has the modality as
# its first axis. `nn.leaves` lists all arrays of such a nested dict, with the path that leads to
# each.

# %%
rng = np.random.default_rng(1)
B, d, k, N = 5, 6, 4, 2
x = rng.standard_normal((3, B, d))  # features of a, l, v


def shaken(params):
    """The parameters moved a little, so that no bias is 0 and no scale of a batch norm is 1."""
    def shake(leaf):
        return leaf + 0.1 * rng.standard_normal(leaf.shape)

    return nn.map_leaves(shake, params)


encoders = shaken(embedding.init_encoders(rng, 3, d, k))  # the bank of E_a, E_l, E_v
for path, array in nn.leaves(encoders):
    print(f"{'/'.join(path):14} {array.shape}")

# %%
def dense_loop(params, batch):
    """x W + b for each vector x of a batch."""
    W, b = params["W"], params["b"]
    result = []
    for vector in batch:
        row = []
        for j in range(W.shape[1]):
            row.append(sum(vector[i] * W[i, j] for i in range(len(vector))) + b[0, j])
        result.append(row)
    return np.array(result)


def batch_norm_loop(params, batch):
    """Each column minus its mean, divided by its standard deviation, times gamma, plus beta."""
    result = np.zeros_like(batch)
    for j in range(batch.shape[1]):
        column = batch[:, j]
        mean = sum(column) / len(column)
        var = sum((column - mean) ** 2) / len(column)
        normalised = (column - mean) / np.sqrt(var + 1e-5)
        result[:, j] = params["gamma"][0, j] * normalised + params["beta"][0, j]
    return result


def leaky_relu(batch, slope):
    return np.where(batch > 0, batch, slope * batch)


def encoder_loop(params, batch):
    """E_m of B vectors."""
    for name in ("dense_1", "dense_2", "dense_3"):
        batch = dense_loop(params[name], batch)
        batch = leaky_relu(batch_norm_loop(params[name], batch), 0.01)
    return np.tanh(dense_loop(params["dense_4"], batch))


def member(bank, m):
    """The network of modality m out of a bank."""
    return nn.map_leaves(lambda leaf: leaf[m], bank)


x_e = embedding.encode(encoders, x)  # (3, B, k)
for m in range(3):  # three batch norms multiply rounding errors, hence 1e-12
    assert np.allclose(x_e[m], encoder_loop(member(encoders, m), x[m]), rtol=0, atol=1e-12)
print("encoded:", x_e.shape, f"  smallest entry {x_e.min():.3f}, largest {x_e.max():.3f}")

# %% [markdown]
# **The gradient.** `nn.check_gradient` compares the gradient with finite differences ([notebook
# 01](01_gradients.ipynb)). It raises an error where they differ by more than one part in a million.
# It needs a scalar, so we multiply the output by fixed random numbers and add up; this is `weigh`.
# Then every entry counts, and each differently. Dropout draws random numbers, so its generator has
# to start anew at every evaluation. Otherwise each call would be another function.

# %%
def weigh(output):
    """A scalar in which every entry of the output counts differently."""
    return (output * np.random.default_rng(0).standard_normal(output.shape)).sum()


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.encode(tree["E"], tree["x"], drop_rate=0.3, rng=dropout_rng))


# A leaky ReLU has a kink. A small step keeps the finite differences on one side of it.
nn.check_gradient(loss, {"E": encoders, "x": x}, rng, step=1e-5)

# %% [markdown]
# Why do we check with dropout? Without it, some gradients are zero, and `check_gradient` rejects
# zero gradients, since a check of zero against zero proves nothing. Batch norm subtracts the mean
# of each column, and with it whatever $b$ has added to the whole column:

# %%
_, without_dropout = nn.value_and_grad(lambda tree: weigh(embedding.encode(tree, x)), encoders)
_, with_dropout = nn.value_and_grad(
    lambda tree: weigh(embedding.encode(tree, x, 0.3, np.random.default_rng(2))), encoders)
print("largest gradient with respect to b")
for name in encoders:
    largest = np.abs(without_dropout[name]["b"]).max()
    print(f"{name}:  without dropout {largest:.1e}"
          f"   with dropout {np.abs(with_dropout[name]['b']).max():.1e}")
    assert largest < 1e-12 or name == "dense_4"  # the layer without a batch norm

# %% [markdown]
# With dropout the gradients of $b$ are not zero. Dropout stands between the dense layer and the
# batch norm, and it sets entries of $\mathbf{x} W + b$ to zero for some utterances and not for
# others. So $b$ has an effect during training, and none in evaluation. The released code is built
# this way, and so is the package.
#
# ## 2. Back to the features (Eq. 5)
#
# Each modality also has a decoder, from $\mathbb{R}^k$ back to $\mathbb{R}^d$. Again the paper
# writes what it does to distributions:
#
# $$p_{\theta_{dm}}(\tilde{\mathbf{x}}_m) = \int_{\mathbf{x}_m^e} q(\tilde{\mathbf{x}}_m \,|\,
# \mathbf{x}_m^e, \theta_{dm})\, p_{\theta_m}(\mathbf{x}_m^e)\, d\mathbf{x}_m^e,
# \quad m \in \{l, a, v\} \tag{5}$$
#
# | symbol | meaning |
# |---|---|
# | $q$ | the decoder, written as a conditional distribution |
# | $p_{\theta_{dm}}$ | distribution of the reconstructions |
#
# As before, $q$ puts its mass on one point, and the integral means: decode everything. The layers
# are $k \to 512 \to 64 \to d$. The first is followed by dropout and leaky ReLU 0.2, the second by
# dropout, batch norm and leaky ReLU 0.2, the last by tanh.

# %%
decoders = shaken(embedding.init_decoders(rng, 3, d, k))


def decoder_loop(params, batch):
    batch = leaky_relu(dense_loop(params["dense_1"], batch), 0.2)
    batch = dense_loop(params["dense_2"], batch)
    batch = leaky_relu(batch_norm_loop(params["dense_2"], batch), 0.2)
    return np.tanh(dense_loop(params["dense_3"], batch))


x_tilde = embedding.decode(decoders, x_e)  # (3, B, d)
for m in range(3):
    assert np.allclose(x_tilde[m], decoder_loop(member(decoders, m), x_e[m]), rtol=0, atol=1e-12)


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.decode(tree["dec"], tree["x_e"], drop_rate=0.3, rng=dropout_rng))


nn.check_gradient(loss, {"dec": decoders, "x_e": x_e}, rng, step=1e-5)

# %% [markdown]
# By hand, for the last layer: $\tilde x = \tanh(z)$, so $\partial \tilde x / \partial z = 1 -
# \tilde x^2$, and the bias of this layer is simply added to $z$. Its gradient is therefore the
# gradient with respect to $\tilde x$, times $1 - \tilde x^2$, summed over the utterances:

# %%
_, gradient = nn.value_and_grad(lambda tree: weigh(embedding.decode(tree, x_e)), decoders)
upstream = np.random.default_rng(0).standard_normal(x_tilde.shape)  # what weigh multiplies by
by_hand = (upstream * (1 - x_tilde ** 2)).sum(axis=1, keepdims=True)
assert np.allclose(gradient["dense_3"]["b"], by_hand)

# %% [markdown]
# The tanh has a consequence: no decoder can ever produce a number beyond $\pm 1$, so the features
# must stay within that range. The features of the UCLN do, since the UCLN ends in a tanh too.
# Features that are merely standardised do not. Suppose that all entries up to $\pm 1$ come back
# exactly. Then this is what is lost for certain:

# %%
corpus = standardise(load("mosi"))
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")
for m in "alv":
    features = corpus.features[m]
    beyond = np.maximum(np.abs(features) - 1, 0)  # distance to the interval from -1 to 1
    floor = np.linalg.norm(beyond, axis=1).mean() / np.linalg.norm(features, axis=1).mean()
    print(f"{m}: {np.mean(np.abs(features) > 1):.0%} of the standardised features are beyond 1; "
          f"at least {floor:.0%} of their length is lost")

# %% [markdown]
# **A picture.** Let $k = 1$ and $d = 2$. Then the embedding is a line from $-1$ to $1$, and a
# decoder draws it as a curve in the plane. Whatever was encoded, the reconstruction lies on that
# curve. Here are three untrained decoders, and the features that each of them should reconstruct:

# %%
def clouds(rng, n):
    """Features (3, n, 2): an arc for a, a line for l, a wave for v, each with noise."""
    t = rng.uniform(-1, 1, (3, n))
    arc = np.stack([0.7 * np.cos(2.2 * t[0]), 0.7 * np.sin(2.2 * t[0])], axis=-1)
    line = np.stack([0.7 * t[1], 0.5 * t[1]], axis=-1)
    wave = np.stack([0.75 * t[2], 0.45 * np.sin(4.5 * t[2])], axis=-1)
    return np.stack([arc, line, wave]) + 0.05 * rng.standard_normal((3, n, 2))


def draw_curves(decoders, x, title):
    """The clouds x (3, n, 2), and the curve that each decoder draws of the numbers from -1 to 1."""
    line = np.tile(np.linspace(-1, 1, 300)[:, None], (3, 1, 1))  # (3, 300, 1)
    curves = embedding.decode(decoders, line)  # (3, 300, 2)
    fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), sharey=True, layout="constrained")
    for i, m in enumerate("alv"):
        axes[i].plot(*x[i].T, ".", color=COLOURS[m], alpha=0.4, ms=4, label=rf"$\mathbf{{x}}_{m}$")
        axes[i].plot(*curves[i].T, color="black", lw=2, label=rf"$\tilde{{\mathbf{{x}}}}_{m}$")
        axes[i].set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=[-1, 0, 1])
        axes[i].legend(frameon=False, loc="upper right" if m == "v" else "upper left")
    fig.suptitle(title)
    plt.show()


x_2d = clouds(np.random.default_rng(0), 300)
small = {"encoders": embedding.init_encoders(np.random.default_rng(1), 3, 2, 1),
         "decoders": embedding.init_decoders(np.random.default_rng(2), 3, 2, 1)}
draw_curves(small["decoders"], x_2d, "Eq. 5: three decoders before training")

# %% [markdown]
# Before training, the curves have nothing to do with the clouds. We come back to them at the end of
# the next section, when we have a loss.
#
# ### Exercise 5.2 ★ (5 minutes): what a tanh cannot reach (Eq. 5, 6)
#
# A decoder ends in a tanh. Suppose that it is the best decoder that one can imagine: every entry of
# a feature vector that lies between $-1$ and $1$ comes back exactly, and every other entry as $-1$
# or $1$. How long is the remaining error vector? Return the sum of the three lengths, one per
# modality, averaged over the batch. (This is Eq. 6 of the next section.)

# %%
def unavoidable_loss(x):
    """x (m, B, d). Returns the smallest reconstruction loss that outputs from -1 to 1 allow."""
    raise NotImplementedError("exercise 5.2")


check("5.2", unavoidable_loss)

# %% [markdown]
# ## 3. How much is lost? (Eq. 6)
#
# The reconstruction loss measures how far the reconstructions are from the features:
#
# $$\mathcal{L}_{rl}(\tilde{\mathbf{x}}_f, \mathbf{x}_f) = \sum_m \|\tilde{\mathbf{x}}_m -
# \mathbf{x}_m\|_2, \quad m \in \{v, a, l\} \tag{6}$$
#
# | symbol | meaning |
# |---|---|
# | $\tilde{\mathbf{x}}_f$, $\mathbf{x}_f$ | the three reconstructions, the three feature vectors |
# | $\Vert\mathbf{e}\Vert_2$ | length $\sqrt{e_1^2 + \dots + e_d^2}$, *not* its square |
#
# The paper prints it for one utterance. The package takes the mean over the batch
# ([D2](../DEVIATIONS.md#d2)).

# %%
L_loop = 0.0
for i in range(B):  # each utterance
    for m in range(3):  # each modality
        squares = 0.0
        for j in range(d):
            squares += (x_tilde[m, i, j] - x[m, i, j]) ** 2
        L_loop += np.sqrt(squares) / B

L_rl = embedding.reconstruction_loss(x_tilde, x)
assert np.allclose(L_rl, L_loop, rtol=0, atol=1e-14)


def loss(tree):
    return embedding.reconstruction_loss(tree["x_tilde"], x)


nn.check_gradient(loss, {"x_tilde": x_tilde}, rng)
print(f"L_rl = {L_rl:.4f}")

# %% [markdown]
# **By hand.** With $\mathbf{e} = \tilde{\mathbf{x}}_m - \mathbf{x}_m$ the chain rule gives
#
# $$\frac{\partial \|\mathbf{e}\|_2}{\partial e_j} = \frac{2 e_j}{2 \sqrt{e_1^2 + \dots + e_d^2}} =
# \frac{e_j}{\|\mathbf{e}\|_2}.$$
#
# The gradient is the error *divided by its length*, so it always has length 1. An utterance pulls
# with the same force whether it is nearly right or totally wrong. (With a square, the gradient
# would be $2\mathbf{e}$, and the worst utterance would pull the most.)

# %%
_, gradient = nn.value_and_grad(loss, {"x_tilde": x_tilde})
e = x_tilde - x
assert np.allclose(gradient["x_tilde"], e / np.linalg.norm(e, axis=-1, keepdims=True) / B)

# %% [markdown]
# **What happens at $\mathbf{e} = 0$?** The formula says $0 / 0$. The norm is a cone and has no
# slope at its tip. If we write the norm with a plain square root, its value there is 0, but its
# gradient is NaN ("not a number"). One such utterance spoils the whole step, since NaN plus
# anything is NaN. The package sets this gradient to 0: a perfect reconstruction is not pulled
# anywhere.

# %%
perfect = x_tilde.copy()
perfect[:, 0] = x[:, 0]  # the first utterance comes back exactly


def plain_norm_loss(tree):
    e = tree["x_tilde"] - x
    return anp.sqrt((e * e).sum(axis=-1)).sum() / B


with np.errstate(divide="ignore", invalid="ignore"):
    _, plain = nn.value_and_grad(plain_norm_loss, {"x_tilde": perfect})
_, ours = nn.value_and_grad(loss, {"x_tilde": perfect})
print("gradient at the first utterance, plain square root:", plain["x_tilde"][0, 0])
print("gradient at the first utterance, the package:      ", ours["x_tilde"][0, 0])
assert np.isnan(plain["x_tilde"][:, 0]).all()
assert (ours["x_tilde"][:, 0] == 0).all()
assert np.allclose(ours["x_tilde"][:, 1:], gradient["x_tilde"][:, 1:])  # the others keep theirs

# %% [markdown]
# ### Exercise 5.3 ★★ (10 minutes): the gradient of a norm (Eq. 6)
#
# Write the gradient of $\mathcal{L}_{rl}$ (the mean over the batch) with respect to
# $\tilde{\mathbf{x}}$ in NumPy. Some of the reconstructions are perfect.

# %%
def gradient_of_the_reconstruction_loss(x_tilde, x):
    """x_tilde, x (m, B, d). Returns the gradient with respect to x_tilde, (m, B, d)."""
    raise NotImplementedError("exercise 5.3")


check("5.3", gradient_of_the_reconstruction_loss)

# %% [markdown]
# **Where the released code differs.** The authors' code adds up absolute errors, $\sum_j |e_j|$,
# instead of taking the norm ([D3](../DEVIATIONS.md#d3)). This loss pulls each entry with force 1,
# however small its error. It also adds up over the batch where we take the mean (D2), so the loss
# and its gradient grow with the batch. Adam divides by the size of the gradient ([notebook
# 02](02_layers_and_optimisers.ipynb)), so a factor alone hardly matters. But $\mathcal{L}_{rl}$ is
# weighed against the adversarial loss by $\lambda$ ([notebook 07](07_three_updates.ipynb)), and the
# adversarial loss is a mean in both variants. So in the released code the same $\lambda$ means
# something else for each batch size:

# %%
for size in (16, 32):
    many, back = np.tanh(np.random.default_rng(4).standard_normal((2, 3, size, 50)))
    paper = embedding.reconstruction_loss(back, many, "paper")
    released = embedding.reconstruction_loss(back, many, "released")
    print(f"batch of {size}:  paper {paper:6.1f}   released {released:8.1f}"
          f"   released / paper {released / paper:.0f}")

# %% [markdown]
# **A picture: the three curves, trained.** We minimise Eq. 6 with Adam for the small encoders and
# decoders of section 2. There is one number per point of the plane, and the encoder may choose
# which one, as long as the decoder can reconstruct the point from it. (`nn.batch_norm_statistics`
# puts the batch norms into evaluation mode, with the statistics of the data: notebook 02.)
#
# **Predict before you run.** What will the three curves look like? And will the loss reach zero?

# %%
def reconstruct(params, x):
    return embedding.decode(params["decoders"], embedding.encode(params["encoders"], x))


def reconstruction_of_the_clouds(params):
    return embedding.reconstruction_loss(reconstruct(params, x_2d), x_2d)


state = nn.init_adam(small)
values = []
for _ in range(250):
    value, gradient = nn.value_and_grad(reconstruction_of_the_clouds, small)
    nn.adam(state, small, gradient, lr=0.01)  # changes `small` in place
    values.append(float(value))
evaluated = nn.batch_norm_statistics(small, reconstruct, [x_2d])
draw_curves(evaluated["decoders"], x_2d, "Eq. 6: the same decoders after training")
print(f"L_rl: {values[0]:.3f} before, {values[-1]:.3f} after")
assert values[-1] < 0.3 * values[0]

# %% [markdown]
# The curves now run along the clouds. What is still lost is the noise across the curve, because a
# line has no room for it, so the loss does not reach zero. For MOSI both $k$ and $d$ are 50: there
# is room for everything, and the loss only asks that the room is used.
#
# ## 4. Can the label be read off? (Eq. 7)
#
# A space may hold all the information and still hide what matters. So a classifier has to predict
# the label from the encoded representation of each modality *alone*:
#
# $$\tilde{\mathbf{y}}_m = C(\mathbf{x}_m^e; \Theta_c), \quad m \in \{v, a, l\} \tag{7}$$
#
# | symbol | meaning |
# |---|---|
# | $C$ | the classifier: batch norm, dense $k \to k$, tanh, dense $k \to N$, softmax |
# | $\tilde{\mathbf{y}}_m$ | a probability per class; they sum to 1 |
#
# There is one $C$, and all three modalities pass through it. In training, dropout comes before each
# of its dense layers.

# %%
classifier = shaken(embedding.init_classifier(rng, k, N))


def classifier_loop(params, batch):
    batch = dense_loop(params["dense_1"], batch_norm_loop(params["norm"], batch))
    logits = dense_loop(params["dense_2"], np.tanh(batch))
    probabilities = []
    for row in logits:
        probabilities.append(np.exp(row) / sum(np.exp(row)))
    return np.array(probabilities)


y_tilde = embedding.classify(classifier, x_e)  # (3, B, N)
for m in range(3):  # the same C for each modality
    assert np.allclose(y_tilde[m], classifier_loop(classifier, x_e[m]), rtol=0, atol=1e-12)
assert np.allclose(y_tilde.sum(axis=-1), 1)


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.classify(tree["C"], tree["x_e"], drop_rate=0.3, rng=dropout_rng))


nn.check_gradient(loss, {"C": classifier, "x_e": x_e}, rng)

# %% [markdown]
# By hand: the derivative of the softmax $y_i = e^{z_i} / \sum_n e^{z_n}$. For $j \neq i$ only the
# denominator depends on $z_j$; for $j = i$ the numerator does too:
#
# $$\frac{\partial y_i}{\partial z_j} = y_i \left([i = j] - y_j\right)$$
#
# If $\mathbf{g}$ is the gradient of a loss with respect to $\mathbf{y}$, its gradient with respect
# to the logits is $\partial L / \partial z_j = y_j\, (g_j - \sum_i g_i y_i)$.

# %%
z, g = rng.standard_normal((2, 3, B, N))
of_z, pull_back = nn.vjp(lambda tree: ops.softmax(tree["z"]), {"z": z})
assert np.allclose(pull_back(g)["z"], of_z * (g - (g * of_z).sum(axis=-1, keepdims=True)))

# %% [markdown]
# **One modality, or all three?** ([D4](../DEVIATIONS.md#d4)) The paper says that $C$ maps
# $\mathbb{R}^{3k}$ to $\mathbb{R}^N$, but it writes $C(\mathbf{x}_m^e)$ with one modality, of width
# $k$. Both cannot hold. The released code has one $C$ of width $k$, and so have we. The difference
# matters. A classifier of all three vectors side by side may find the label in one of them and
# ignore the others. A classifier of each vector alone demands that *every* modality carries the
# label.
#
# **What $C$ does not see.** $C$ begins with a batch norm, and each modality is normalised by its
# own statistics. So we may move and stretch the cloud of one modality as we like, and nothing
# changes (except through the tiny number that batch norm adds to the variance):

# %%
moved = x_e.copy()
moved[2] = 5 + 3 * moved[2]  # v, far away from a and l
change = np.abs(embedding.classify(classifier, moved) - y_tilde).max()
print(f"largest change of a probability: {change:.1e}")
assert change < 1e-3

# %% [markdown]
# $C$ makes the modalities agree about the *directions* in which the label lies. It does not care
# where their clouds lie or how wide they are. Closing the gap between the clouds takes something
# else: the adversary of [notebook 06](06_adversary.ipynb).
#
# **A picture.** With $k = 2$ we can see what $C$ sees. On the left are three clouds whose label
# lies in the same direction (to the right), but which lie in different places. On the right they
# are shown after the batch norm of $C$. Now a single straight line separates the classes of all
# three.

# %%
label_2d = np.random.default_rng(0).integers(0, 2, 300)
spots = 0.12 * np.random.default_rng(1).standard_normal((3, 300, 2))
spots[..., 0] += 0.25 * (2 * label_2d - 1)
spots += np.array([[[-0.55, 0.5]], [[0.4, -0.5]], [[0.3, 0.55]]])
normed = ops.batch_norm(nn.init_batch_norm(2), spots)
fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.6), layout="constrained")
for ax, points in zip(axes, (spots, normed), strict=True):
    for i, m in enumerate("alv"):
        for c, fill in ((0, "white"), (1, COLOURS[m])):
            ax.scatter(*points[i][label_2d == c].T, s=14, marker=figures.SHAPES[i], color=fill,
                       edgecolor=COLOURS[m], linewidth=0.8, label=f"${m}$, class {c + 1}")
    ax.set(aspect="equal", xticks=[], yticks=[])
axes[0].set_title(r"$\mathbf{x}_m^e$")
axes[1].set_title("after batch norm: what $C$ sees")
axes[1].axvline(0, color="black", ls="--", lw=1)
fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside right center")
plt.show()

# %% [markdown]
# ## 5. How wrong is the label? (Eq. 8)
#
# $$\mathcal{L}_{cl}(\tilde{\mathbf{y}}, \mathbf{y}) = \sum_m \|\tilde{\mathbf{y}}_m -
# \mathbf{y}\|_2 \tag{8}$$
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{y}$ | one-hot label: 1 at the true class, 0 elsewhere |
#
# As in Eq. 6 this is a norm, the package takes the mean over the batch, and the released code has
# a sum of absolute errors ([D5](../DEVIATIONS.md#d5)). The usual choice would have been the
# cross-entropy of [notebook 03](03_the_data.ipynb), $-\log \tilde y_c$ for the true class $c$.

# %%
y = np.eye(N)[rng.integers(N, size=B)]  # (B, N)
L_loop = 0.0
for i in range(B):
    for m in range(3):
        squares = sum((y_tilde[m, i, n] - y[i, n]) ** 2 for n in range(N))
        L_loop += np.sqrt(squares) / B

L_cl = embedding.classification_loss(y_tilde, y)
assert np.allclose(L_cl, L_loop, rtol=0, atol=1e-14)


def loss(tree):
    return embedding.classification_loss(embedding.classify(tree["C"], tree["x_e"]), y)


nn.check_gradient(loss, {"C": classifier, "x_e": x_e}, rng)

# %% [markdown]
# **By hand, for two classes.** Let $\tilde y_c$ be the probability of the true class. The error
# vector is $(\tilde y_c - 1,\, 1 - \tilde y_c)$. Its norm is $\sqrt 2\, (1 - \tilde y_c)$, and the
# sum of its absolute values is $2\, (1 - \tilde y_c)$. So for MOSI, which has two classes, D5 is a
# factor of $\sqrt 2$ and nothing more. (D2, mean or sum, adds a factor of the batch size.) For more
# than two classes the two losses do differ:

# %%
for classes in (2, 3, 6):
    logits = np.random.default_rng(5).standard_normal((1000, classes))
    error = ops.softmax(logits) - np.eye(classes)[0]
    ratio = np.abs(error).sum(axis=-1) / np.linalg.norm(error, axis=-1)
    print(f"N = {classes}: sum of absolute errors / norm "
          f"from {ratio.min():.4f} to {ratio.max():.4f}")
    assert classes > 2 or np.allclose(ratio, np.sqrt(2))

# %% [markdown]
# Now the derivative with respect to the logit. For two classes $\tilde y_c = \mathrm{sigmoid}(z)$,
# where $z$ is the logit of the true class minus that of the other, and $d \tilde y_c / dz =
# \tilde y_c\, (1 - \tilde y_c)$. So the norm has the derivative $-\sqrt 2\, \tilde y_c\,
# (1 - \tilde y_c)$, and the cross-entropy has $-(1 - \tilde y_c)$. In the picture, look at the left
# end: an utterance there is classified wrongly, and with confidence.

# %%
z_line = np.linspace(-6, 6, 241)
logits = np.stack([z_line, 0 * z_line], axis=-1)  # (241, 2); the true class is the first
truth = np.tile([1.0, 0.0], (len(z_line), 1))
right = ops.sigmoid(z_line)  # probability of the true class


def norm_loss(tree):
    return ops.norm(ops.softmax(tree["z"]) - truth)


def cross_entropy(tree):
    return -ops.log_softmax(tree["z"])[:, 0]


fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.2), layout="constrained")
for function, by_hand, style, label in (
        (norm_loss, -np.sqrt(2) * right * (1 - right), "-", "norm, Eq. 8"),
        (cross_entropy, -(1 - right), "--", "cross-entropy")):
    values, pull_back = nn.vjp(function, {"z": logits})
    slope = pull_back(np.ones(len(values)))["z"][:, 0]
    assert np.allclose(slope, by_hand)
    axes[0].plot(z_line, values, style, color="black", label=label)
    axes[1].plot(z_line, -slope, style, color="black")
axes[0].set(title="loss", xlabel="logit of the true class, $z$", ylim=(0, 4))
axes[1].set(title="force: minus the gradient", xlabel="logit of the true class, $z$")
axes[0].legend(frameon=False)
for ax in axes:
    ax.axvline(0, color="0.85", lw=1, zorder=0)
plt.show()

# %% [markdown]
# The more wrong an answer is, the harder the cross-entropy pulls. Eq. 8 gives up on answers that
# are hopelessly wrong, and pulls hardest on the undecided ones. This is an advantage if some
# utterances are mislabelled, and a disadvantage at the beginning of training. [Notebook
# 06](06_adversary.ipynb) meets another loss whose force vanishes at this end. There the whole
# training may depend on it.
#
# ### Exercise 5.4 ★★★ (15 minutes): the gradient behind a softmax (Eq. 7, 8)
#
# The classifier ends in $\tilde{\mathbf{y}} = \mathrm{softmax}(\mathbf{z})$. What is the gradient
# of $\mathcal{L}_{cl}$ with respect to the logits $\mathbf{z}$? You need the derivative of the norm
# (section 3) and that of the softmax (section 4).

# %%
def gradient_by_the_logits(z, y):
    """z (m, B, N), y (B, N) one-hot. Returns the gradient of Eq. 8 with respect to z, (m, B, N)."""
    raise NotImplementedError("exercise 5.4")


check("5.4", gradient_by_the_logits)

# %% [markdown]
# ## 6. What is each guard worth?
#
# Now we use data: the features that a UCLN gives for each modality, as in
# [notebook 04](04_context.ipynb). We train encoders in three ways: with $\mathcal{L}_{rl}$ alone,
# with $\mathcal{L}_{cl}$ alone, and with the sum of both. As a control we add encoders that are not
# trained at all. Everything is repeated with six seeds. (In the full model the two losses belong to
# different updates, and the adversary comes in as well: [notebook 07](07_three_updates.ipynb). To
# keep it quick we take $d = k = 20$.)

# %%
previous = nn.use("fast")  # the same values, sooner
rows = {split: corpus.utterances(split) for split in corpus.split}
y = np.eye(len(corpus.classes), dtype="float32")[corpus.labels]  # (n, N)
settings = Settings(d=20, ucln_epochs=5)
features = []
for i, m in enumerate("alv"):
    ucln = train_ucln(corpus.features[m], y, corpus.starts, corpus.split["train"], settings,
                      np.random.default_rng(i))
    features.append(apply_ucln(ucln, corpus.features[m], corpus.starts, settings)[0])
x = np.stack(features)  # (3, n, 20)
print("UCLN features:", x.shape)

# %%
def run_all(params, some):
    """All networks on some utterances; returns x_e and x_tilde."""
    x_e = embedding.encode(params["encoders"], x[:, some])
    embedding.classify(params["classifier"], x_e)
    return x_e, embedding.decode(params["decoders"], x_e)


def loss(params, some, names, rng):
    """The sum of the losses of these names on some utterances."""
    x_e = embedding.encode(params["encoders"], x[:, some], 0.2, rng)
    total = 0
    if "L_rl" in names:
        x_tilde = embedding.decode(params["decoders"], x_e, 0.2, rng)
        total = total + embedding.reconstruction_loss(x_tilde, x[:, some])
    if "L_cl" in names:
        y_tilde = embedding.classify(params["classifier"], x_e, 0.2, rng)
        total = total + embedding.classification_loss(y_tilde, y[some])
    return total


def train_epoch(params, state, names, rng, batch=64):
    """One pass over the training utterances in random batches, in place."""
    order = rng.permutation(rows["train"])
    for some in np.split(order, range(batch, len(order), batch)):
        train_batch(params, state, names, rng, some)


def train_batch(params, state, names, rng, some):
    _, gradient = nn.value_and_grad(lambda tree: loss(tree, some, names, rng), params)
    nn.adam(state, params, gradient, lr=1e-3)


def train(names, seed, epochs=8):
    """Networks trained with the losses of these names; parameters in evaluation mode."""
    rng = np.random.default_rng(seed)
    params = nn.cast({"encoders": embedding.init_encoders(rng, 3, 20, 20),
                      "decoders": embedding.init_decoders(rng, 3, 20, 20),
                      "classifier": embedding.init_classifier(rng, 20, y.shape[1])}, "float32")
    state = nn.init_adam(params)
    if names:
        for _ in range(epochs):
            train_epoch(params, state, names, rng)
    return nn.batch_norm_statistics(params, run_all, [rows["train"]])


WAYS = {"L_rl": ["L_rl"], "L_cl": ["L_cl"], "L_rl + L_cl": ["L_rl", "L_cl"], "untrained": []}
encoded = {}  # {way: [(x_e of training, x_e of test, x_tilde of test) of each seed]}
for way, names in WAYS.items():
    encoded[way] = []
    for seed in range(6):
        params = train(names, seed)
        encoded[way].append((run_all(params, rows["train"])[0], *run_all(params, rows["test"])))
previous = nn.use("readable")

# %% [markdown]
# **How much is lost?** We divide the reconstruction error on test utterances by the error of always
# answering with the mean of the training utterances. Then 0 is perfect and 1 is worthless.
#
# But whose reconstruction do we measure? It is tempting to take the decoders that were trained
# along with the encoders. There is a catch: in the row $\mathcal{L}_{cl}$ nobody has trained the
# decoders, so their error says nothing about the encoders. What we want to know is whether the
# information is still *there*. So we fit a new decoder afterwards, the same for all: ridge
# regression (least squares with a small penalty on the weights) from the encoded training
# utterances to their features.
#
# **Predict before you run.** How much worse than $\mathcal{L}_{rl}$ will $\mathcal{L}_{cl}$ be, by
# the first measure and by the second? And the untrained encoders?

# %%
def ridge(seen, wanted, new, penalty=10):
    """Fit wanted (n, p) as a linear function of seen (n, k), and apply it to new (n', k)."""
    seen = np.c_[seen, np.ones(len(seen))].astype(float)
    new = np.c_[new, np.ones(len(new))]
    W = np.linalg.solve(seen.T @ seen + penalty * np.eye(seen.shape[1]), seen.T @ wanted)
    return new @ W


def lost(guess, m):
    """Error of a reconstruction (n_test, d) of modality m, as a share of that of the mean."""
    truth = x[m, rows["test"]]
    mean = x[m, rows["train"]].mean(axis=0)
    error = np.linalg.norm(guess - truth, axis=1).mean()
    return error / np.linalg.norm(mean - truth, axis=1).mean()


along, afterwards = {}, {}  # {way: (seeds, 3)}
for way, runs in encoded.items():
    along[way] = np.zeros((6, 3))
    afterwards[way] = np.zeros((6, 3))
    for seed, (x_e_train, x_e_test, x_tilde) in enumerate(runs):
        for m in range(3):
            along[way][seed, m] = lost(x_tilde[m], m)
            fitted = ridge(x_e_train[m], x[m, rows["train"]], x_e_test[m])
            afterwards[way][seed, m] = lost(fitted, m)

print("lost, mean of six seeds   decoder trained along      decoder fitted afterwards")
print("encoders trained with        a      l      v             a      l      v")
for way in WAYS:
    first = "".join(f"{value:7.2f}" for value in along[way].mean(axis=0))
    second = "".join(f"{value:7.2f}" for value in afterwards[way].mean(axis=0))
    print(f"{way:24}{first}       {second}")

fig, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
for ax, losts in zip(axes, (along, afterwards), strict=True):
    for row, way in enumerate(WAYS):
        for i, m in enumerate("alv"):
            height = row + 0.2 * (i - 1) + np.zeros(6)
            ax.plot(losts[way][:, i], height, figures.SHAPES[i], color=COLOURS[m], ms=6, mfc="none",
                    label=f"${m}$" if row == 0 else None)
    ax.axvline(1, color="0.5", ls=":", lw=1)
    ax.set(yticks=range(4), xlabel="lost (0 perfect, 1 worthless)")
    ax.set_yticklabels([r"$\mathcal{L}_{rl}$", r"$\mathcal{L}_{cl}$",
                        r"$\mathcal{L}_{rl} + \mathcal{L}_{cl}$", "untrained"])
    ax.set_xlim(0, None)
    ax.invert_yaxis()
axes[0].set_title("decoders trained along")
axes[1].set_title("decoders fitted afterwards")
axes[1].legend(frameon=False)
plt.show()

# %% [markdown]
# Each mark is one seed. On the left, $\mathcal{L}_{cl}$ looks like a disaster: worse than the mean.
# But this is only the error of decoders that were never trained. On the right, where every row gets
# a decoder, the disaster is gone. Encoders that have never heard of $\mathcal{L}_{rl}$ keep almost
# as much of the features as those that were trained for nothing else, and for $a$ and $v$ even
# untrained encoders come close. A network of this width does not throw away much by itself. So on
# this corpus, and without an adversary, the decoder protects little. Remember this when the paper's
# Table 5 says that the decoder is the most important part ([notebook 10](10_does_it_work.ipynb)).

# %%
def centre(measured):
    """Mean over seeds, one value per modality."""
    return measured.mean(axis=0)


assert (centre(along["L_cl"]) > 1).all()  # worse than the mean
assert (centre(afterwards["L_cl"]) < 0.9).all()
assert (centre(afterwards["L_rl"]) < centre(afterwards["L_cl"])).all()  # "almost as much"
assert (centre(afterwards["L_cl"]) < 1.15 * centre(afterwards["L_rl"])).all()
assert (centre(afterwards["untrained"])[[0, 2]] < 1.12 * centre(afterwards["L_rl"])[[0, 2]]).all()

# %% [markdown]
# **How far are the classes apart?** As a measure we take the share of the variance of
# $\mathbf{x}_m^e$ that lies *between* the classes. It is 0 if all classes have the same mean, and 1
# if each class is a single point.

# %%
def separated(x_e, labels):
    """Share of the variance of x_e (n, k) that lies between the classes."""
    centred = x_e - x_e.mean(axis=0)
    between = 0.0
    for c in np.unique(labels):
        of_class = centred[labels == c]
        between += len(of_class) / len(centred) * (of_class.mean(axis=0) ** 2).sum()
    return between / (centred ** 2).sum(axis=1).mean()


apart = {}  # {way: {split: (seeds, 3)}}
for way, runs in encoded.items():
    apart[way] = {"train": np.zeros((6, 3)), "test": np.zeros((6, 3))}
    for seed, (x_e_train, x_e_test, _) in enumerate(runs):
        for m in range(3):
            for split, x_e in (("train", x_e_train), ("test", x_e_test)):
                apart[way][split][seed, m] = separated(x_e[m], corpus.labels[rows[split]])

print("between the classes, mean of six seeds   training                   test")
print("encoders trained with            a       l       v          a       l       v")
for way in WAYS:
    first = "".join(f"{value:8.1%}" for value in centre(apart[way]["train"]))
    second = "".join(f"{value:8.1%}" for value in centre(apart[way]["test"]))
    print(f"{way:25}{first}   {second}")
assert (centre(apart["L_cl"]["train"]) > centre(apart["L_rl"]["train"])).all()
assert (centre(apart["L_cl"]["test"])[[0, 2]] < 0.02).all()

# %% [markdown]
# $\mathcal{L}_{cl}$ does move the classes of the *training* utterances apart, in every modality.
# Now compare with the test utterances. For $a$ and $v$ nothing is left of it: no loss can put a
# label into an utterance that does not carry it, but a network can learn the labels of its training
# utterances by heart. Only language carries the label clearly in this corpus, and there the
# separation also holds for new utterances. Even $\mathcal{L}_{rl}$, which knows no labels, keeps
# the classes of language apart: the UCLN was trained to predict the label, its features show the
# classes already, and an encoder that preserves the features preserves this too.
#
# **And do the three modalities lie in one place now?** We measure the distance between the means of
# two modalities, in units of the mean distance of a vector from its own mean.

# %%
def gap(x_e):
    """Mean distance of two modalities' means, in units of their spread: x_e (3, n, k)."""
    means = x_e.mean(axis=1, keepdims=True)
    spread = np.linalg.norm(x_e - means, axis=-1).mean()
    distances = [np.linalg.norm(means[i] - means[j]) for i, j in ((0, 1), (1, 2), (0, 2))]
    return np.mean(distances) / spread


for way, runs in encoded.items():
    gaps = [gap(x_e_test) for _, x_e_test, _ in runs]
    print(f"{way:12} the means of two modalities are {min(gaps):.2f} to {max(gaps):.2f} spreads "
          "apart")

# %% [markdown]
# No loss here asks for a *joint* space, so we do not get one. Asking for it is the task of the
# adversary in [notebook 06](06_adversary.ipynb).
#
# **To go on ★★★ (an hour).** Replace Eq. 8 by the cross-entropy in this section and train again.
# Before you do, write down which of the measures you expect to change, and in which direction. Are
# six seeds enough to see a difference, if there is one? Then flip the labels of a tenth of the
# training utterances. Does the order of the two losses change?
#
# ## 7. Appendix: the networks and their sizes (Figure 3)
#
# Figure 3 of the paper is a diagram of encoder, decoder, discriminator and classifier. Here is
# ours, for MOSI ($d = k = 50$, $N = 2$). The width of a bar is the square root of the number of
# units, so that the large layers fit. Read each network from the bottom up.

# %%
model = init_model(np.random.default_rng(0), d=50, k=50, N=2)
FIGURE_3 = {  # units of each layer, and what follows its dense part
    "encoder $E_m$\none per modality": [
        (50, "input"), (500, "dropout, batch norm,\nleaky ReLU 0.01"),
        (500, "dropout, batch norm,\nleaky ReLU 0.01"),
        (50, "dropout, batch norm,\nleaky ReLU 0.01"), (50, "tanh")],
    "decoder\none per modality": [
        (50, "input"), (512, "dropout, leaky ReLU 0.2"),
        (64, "dropout, batch norm,\nleaky ReLU 0.2"), (50, "tanh")],
    "discriminator $D$\none for all": [
        (50, "input"), (64, "leaky ReLU 0.2"), (16, "tanh"), (1, "sigmoid")],
    "classifier $C$\none for all": [
        (50, "input, batch norm,\ndropout"), (50, "tanh, dropout"), (2, "softmax")],
}
fig, axes = plt.subplots(1, 4, figsize=(11, 6), sharey=True, layout="constrained")
for ax, (title, layers) in zip(axes, FIGURE_3.items(), strict=True):
    for height, (units, text) in enumerate(layers):
        width = np.sqrt(units)
        ax.barh(height, width, 0.24, left=-width / 2, color="0.8" if height == 0 else "#7FB5DA")
        ax.text(0, height + 0.15, text, ha="center", va="bottom", fontsize=9)
        ax.text(0, height - 0.15, f"{units} unit{'s' if units > 1 else ''}", ha="center", va="top",
                fontsize=9, color="0.35")
    ax.set(title=title, xlim=(-13, 13), ylim=(-0.4, 4.6))
    ax.axis("off")
plt.show()

# %% [markdown]
# **By hand.** A dense layer with $i$ inputs and $o$ outputs has $i o + o$ parameters, and a batch
# norm of $o$ units has $2o$. Add up:

# %%
def dense_size(inputs, outputs):
    return inputs * outputs + outputs


def sizes(d, k, N):
    """Number of parameters of one encoder, one decoder, the discriminator, the classifier."""
    encoder = dense_size(d, 10 * d) + dense_size(10 * d, 10 * k) + dense_size(10 * k, k)
    encoder += dense_size(k, k) + 2 * (10 * d + 10 * k + k)
    decoder = dense_size(k, 512) + dense_size(512, 64) + 2 * 64 + dense_size(64, d)
    discriminator = dense_size(k, 64) + dense_size(64, 16) + dense_size(16, 1)
    classifier = 2 * k + dense_size(k, k) + dense_size(k, N)
    return {"encoders": encoder, "decoders": decoder, "discriminator": discriminator,
            "classifier": classifier}


copies = {"encoders": 3, "decoders": 3, "discriminator": 1, "classifier": 1}
total = sum(nn.count(group) for group in model.values())
for group, size in sizes(d=50, k=50, N=2).items():
    assert copies[group] * size == nn.count(model[group])
    print(f"{group:14} {copies[group]} x {size:8,} = {copies[group] * size:9,}   "
          f"{copies[group] * size / total:6.1%}")
fusion = nn.count(model["fusion"])
print(f"{'graph fusion':14}                {fusion:9,}   {fusion / total:6.1%}")
print(f"{'all':14}                {total:9,}")

# %% [markdown]
# Most of the parameters of ARGF belong to the encoders. At $d = k$ the layer from $10d$ to $10k$
# units alone has about $100\, d^2$ of them. The graph fusion network, the subject of the second
# half of the paper, is tiny beside it. (The paper's Table 4 counts more than this. [Notebook
# 10](10_does_it_work.ipynb) goes through it item by item.)
#
# ← [04 · Context](04_context.ipynb) · [06 · The adversary](06_adversary.ipynb) →

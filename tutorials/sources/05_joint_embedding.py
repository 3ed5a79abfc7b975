# %% [markdown]
# # 05 · A joint embedding space
#
# *Needs: 01, 02, 04. Minutes: 60. Paper: "Joint Embedding Space Learning", Eq. 1 and 5 to 8.*
#
# A voice, a face and a sentence come as three vectors. Entry 7 of the one has nothing to do with entry 7 of the other:
# nothing says that they may be added up, compared or multiplied. Before the three can be fused, they have to be
# brought into one space.
#
# How does one build such a space, and how does one keep it from becoming empty? An encoder that maps everything to
# zero brings the modalities together perfectly, and is useless. The paper sets two guards. A *decoder* has to find
# the way back, so that nothing gets lost. A *classifier* has to read the label, so that what matters is easy to see.
# (A third network, the discriminator, pulls the modalities together. It is the subject of notebook 06.)
#
# On the way you will
#
# - write encoder, decoder and classifier as loops, and see that the package computes the same, and the right gradient;
# - see what the integrals of Eq. 1 and 5 mean, and check one of them by pencil;
# - find out what a norm does that a square does not, and why autograd's norm of a perfect reconstruction is no number;
# - prove that for two classes the paper and the released code minimise the same classification loss, up to a factor;
# - count every parameter of Figure 3, and see what each of the two guards is worth.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $m$ | | a modality: $a$, $l$ or $v$ (acoustic, language, visual) |
# | $d$, $k$, $N$ | | width of the features, width of the embedding, number of classes |
# | $\mathbf{x}_m$ | $d$ | feature vector of an utterance: the output of the UCLN of notebook 04 |
# | $\mathbf{x}_m^e$ | $k$ | its encoded representation |
# | $\tilde{\mathbf{x}}_m$ | $d$ | its reconstruction from $\mathbf{x}_m^e$ |
# | $\tilde{\mathbf{y}}_m$, $\mathbf{y}$ | $N$ | the label as predicted from $\mathbf{x}_m^e$; the true one, one-hot |
# | $p$, $q$ | | distributions |
# | $\theta_m$, $\theta_{dm}$, $\Theta_c$ | | parameters of encoder, decoder, classifier |
#
# All of this is for one utterance. The code does `B` utterances and the three modalities at once: `x` has the shape
# `(3, B, d)`, with the modalities in the order a, l, v, and `x_e` has the shape `(3, B, k)`.

# %%
import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np

from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np import figures, nn
from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np.data import load, standardise
from argf_np.paper.model import init_model
from argf_np.nn import ops
from argf_np.paper.ucln import apply_ucln, train_ucln
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks

# %% [markdown]
# ## 1. From three spaces to one (Eq. 1)
#
# Each modality has an encoder of its own, $E_m : \mathbb{R}^d \to \mathbb{R}^k$. If we draw an utterance at random,
# its $\mathbf{x}_m$ is random, and so is $\mathbf{x}_m^e = E_m(\mathbf{x}_m)$. Its distribution is what Eq. 1 is about:
#
# $$p_{\theta_m}(\mathbf{x}_m^e) = \int_{\mathbf{x}_m} q(\mathbf{x}_m^e \,|\, \mathbf{x}_m, \theta_m)\,
# p(\mathbf{x}_m)\, d\mathbf{x}_m, \quad m \in \{l, a, v\} \tag{1}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $p(\mathbf{x}_m)$ | | distribution of the features of modality $m$: the data |
# | $q$ | | the encoder function: where $\mathbf{x}_m$ goes |
# | $p_{\theta_m}$ | | the transformed distribution, in the embedding space |
#
# The integral looks worse than it is. The encoder has no choice: $q$ puts all its mass on the one point
# $E_m(\mathbf{x}_m)$. To integrate then means: *encode every utterance, and look at what comes out*. Nobody ever
# computes Eq. 1 as an integral. We draw from $p(\mathbf{x}_m)$ (a batch) and encode.
#
# **By pencil.** Where $E$ is one-dimensional and rising one can say more. The probability between $x$ and $x + dx$
# moves to the interval between $x^e$ and $x^e + E'(x)\, dx$. It is the same probability over another width, so
#
# $$p_\theta(x^e) = \frac{p(x)}{E'(x)} \quad \text{at the } x \text{ with } E(x) = x^e.$$
#
# Take $E(x) = \tanh(w x + b)$, the last layer of the encoder. As $\tanh' = 1 - \tanh^2$, $E'(x) = w\, (1 - E(x)^2)$.

# %%
w, b = 1.1, 0.4


def bell(x):
    """Density of the standard normal distribution."""
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


x_line = np.linspace(-3, 3, 401)
e_line = np.tanh(w * x_line + b)
slope = w * (1 - e_line ** 2)
_, gradient = nn.value_and_grad(lambda p: anp.tanh(w * p["x"] + b).sum(), {"x": x_line})
assert np.allclose(gradient["x"], slope)

drawn = np.random.default_rng(0).standard_normal(20000)
fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.6), sharex="col", sharey="row", layout="constrained",
                         width_ratios=[2, 1], height_ratios=[2, 1])
axes[0, 0].plot(x_line, e_line, color="black")
for x_0 in (-1.5, -0.75, 0, 0.75, 1.5):  # where equal steps of x end up
    e_0 = np.tanh(w * x_0 + b)
    axes[0, 0].plot([x_0, x_0, 3], [-1, e_0, e_0], color="0.6", lw=1, ls=":")
axes[0, 0].set(ylabel="$x^e$", title=r"the encoder, $\tanh(w x + b)$", xlim=(-3, 3))
axes[1, 0].hist(drawn, 60, density=True, color=COLOURS["l"], alpha=0.35)
axes[1, 0].plot(x_line, bell(x_line), color=COLOURS["l"])
axes[1, 0].set(xlabel="$x$", ylabel="$p(x)$")
axes[0, 1].hist(np.tanh(w * drawn + b), 60, density=True, color=COLOURS["l"], alpha=0.35,
                orientation="horizontal", label="encoded samples")
axes[0, 1].plot(bell(x_line) / slope, e_line, color=COLOURS["l"], label="by pencil")
axes[0, 1].set(xlim=(0, 1.6), title=r"$p_\theta(x^e)$")
axes[0, 1].legend(frameon=False, fontsize="small", loc="center right")
axes[0, 1].tick_params(labelbottom=True)
axes[1, 1].axis("off")
plt.show()

# %% [markdown]
# Below the data, right what the encoder makes of it. Where the curve is steep the probability is spread out, where it
# is flat it piles up. So by its parameters an encoder can shape the distribution of its output. This is the lever that
# the adversary of notebook 06 pulls.
#
# **The real encoder** has four dense layers (notebook 02). The paper's text does not give their sizes (Figure 3 shows
# them); these are those of the code that the authors released:
#
# $$d \to 10d \to 10k \to k \to k$$
#
# The first three layers are followed by dropout, batch norm and a leaky ReLU with slope 0.01, the last one by a tanh.
# As loops, for one modality and a batch, without dropout:

# %%
rng = np.random.default_rng(1)
B, d, k, N = 5, 6, 4, 2
x = rng.standard_normal((3, B, d))  # features of a, l, v


def shaken(params):
    """The parameters moved a little, so that no bias is 0 and no scale of a batch norm is 1."""
    return nn.map_leaves(lambda leaf: leaf + 0.1 * rng.standard_normal(leaf.shape), params)


encoders = shaken(embedding.init_encoders(rng, 3, d, k))  # a bank of three: E_a, E_l, E_v
for path, array in nn.leaves(encoders):
    print(f"{'/'.join(path):14} {array.shape}")

# %%
def dense_loop(p, batch):
    """x W + b for each vector x of a batch."""
    W, b = p["W"], p["b"]
    return [[sum(x[i] * W[i, j] for i in range(len(x))) + b[0, j] for j in range(W.shape[1])] for x in batch]


def batch_norm_loop(p, batch):
    """Each column minus its mean, by its standard deviation, times gamma, plus beta."""
    columns = []
    for j in range(len(batch[0])):
        column = [x[j] for x in batch]
        mean = sum(column) / len(column)
        var = sum((value - mean) ** 2 for value in column) / len(column)
        columns.append([p["gamma"][0, j] * (value - mean) / np.sqrt(var + 1e-5) + p["beta"][0, j]
                        for value in column])
    return [list(row) for row in zip(*columns, strict=True)]


def leaky_relu_loop(batch, slope):
    return [[z if z > 0 else slope * z for z in row] for row in batch]


def encoder_loop(p, batch):
    """E_m of B vectors."""
    for layer in (p["dense_1"], p["dense_2"], p["dense_3"]):
        batch = leaky_relu_loop(batch_norm_loop(layer, dense_loop(layer, batch)), 0.01)
    return [[np.tanh(z) for z in row] for row in dense_loop(p["dense_4"], batch)]


def member(bank, m):
    """The network of modality m out of a bank."""
    return nn.map_leaves(lambda leaf: leaf[m], bank)


x_e = embedding.encode(encoders, x)  # (3, B, k)
x_e_loop = np.array([encoder_loop(member(encoders, m), x[m]) for m in range(3)])
assert np.allclose(x_e, x_e_loop, rtol=0, atol=1e-12)  # three batch norms multiply rounding errors
print("encoded:", x_e.shape, f"  smallest entry {x_e.min():.3f}, largest {x_e.max():.3f}")

# %% [markdown]
# **The gradient.** `nn.check_gradient` compares the gradient with finite differences (notebook 01), and raises an error
# where they differ by more than one part in a million. It wants a scalar, so we multiply the output by fixed random
# numbers and add up. Then every entry counts, and each differently. Dropout draws from a generator, which has to start
# anew at every evaluation: otherwise each call would be another function.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def loss(p):
    return weigh(embedding.encode(p["E"], p["x"], drop_rate=0.3, rng=np.random.default_rng(2)))


# A leaky ReLU has a kink. A small step keeps the finite differences on one side of it (notebook 01).
nn.check_gradient(loss, {"E": encoders, "x": x}, rng, step=1e-5)

# %% [markdown]
# Why with dropout? Without it, the check would rightly complain that some gradients are zero. Batch norm takes the mean
# of each column off, and with it whatever $b$ has added to the whole column:

# %%
_, gradient = nn.value_and_grad(lambda p: weigh(embedding.encode(p, x)), encoders)
_, with_dropout = nn.value_and_grad(
    lambda p: weigh(embedding.encode(p, x, 0.3, np.random.default_rng(2))), encoders)
for layer in encoders:
    print(f"{layer}: largest gradient of b  without dropout {np.abs(gradient[layer]['b']).max():.1e}"
          f"   with dropout {np.abs(with_dropout[layer]['b']).max():.1e}")
assert all(np.abs(gradient[layer]["b"]).max() < 1e-12 for layer in ("dense_1", "dense_2", "dense_3"))

# %% [markdown]
# Dropout stands between the dense layer and the batch norm, and sets entries of $\mathbf{x} W + b$ to zero for some
# utterances and not for others. So $b$ has an effect while training, and none in use. The released code has it so,
# and so has the package.
#
# ## 2. The way back (Eq. 5)
#
# Each modality also has a decoder of its own, from $\mathbb{R}^k$ to $\mathbb{R}^d$. Again the paper writes what it
# does to distributions:
#
# $$p_{\theta_{dm}}(\tilde{\mathbf{x}}_m) = \int_{\mathbf{x}_m^e} q(\tilde{\mathbf{x}}_m \,|\, \mathbf{x}_m^e,
# \theta_{dm})\, p_{\theta_m}(\mathbf{x}_m^e)\, d\mathbf{x}_m^e, \quad m \in \{l, a, v\} \tag{5}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $q$ | | the decoder: where $\mathbf{x}_m^e$ goes |
# | $p_{\theta_{dm}}$ | | distribution of the reconstructions |
#
# Again $q$ has no choice, and the integral means: decode everything. The layers are $k \to 512 \to 64 \to d$: dropout
# and leaky ReLU 0.2 after the first, dropout, batch norm and leaky ReLU 0.2 after the second, tanh at the end.

# %%
decoders = shaken(embedding.init_decoders(rng, 3, d, k))


def decoder_loop(p, batch):
    batch = leaky_relu_loop(dense_loop(p["dense_1"], batch), 0.2)
    batch = leaky_relu_loop(batch_norm_loop(p["dense_2"], dense_loop(p["dense_2"], batch)), 0.2)
    return [[np.tanh(z) for z in row] for row in dense_loop(p["dense_3"], batch)]


x_tilde = embedding.decode(decoders, x_e)  # (3, B, d)
x_tilde_loop = np.array([decoder_loop(member(decoders, m), x_e[m]) for m in range(3)])
assert np.allclose(x_tilde, x_tilde_loop, rtol=0, atol=1e-12)


def loss(p):
    return weigh(embedding.decode(p["dec"], p["x_e"], drop_rate=0.3, rng=np.random.default_rng(2)))


nn.check_gradient(loss, {"dec": decoders, "x_e": x_e}, rng, step=1e-5)

# %% [markdown]
# By pencil, at the very end: $\tilde x = \tanh(z)$, hence $\partial \tilde x / \partial z = 1 - \tilde x^2$, and the
# bias of the last layer is added to $z$. So its gradient is that of $\tilde x$, times $1 - \tilde x^2$, over all
# utterances:

# %%
_, gradient = nn.value_and_grad(lambda p: weigh(embedding.decode(p, x_e)), decoders)
upstream = np.random.default_rng(0).standard_normal(x_tilde.shape)  # what weigh multiplies by
assert np.allclose(gradient["dense_3"]["b"], (upstream * (1 - x_tilde ** 2)).sum(axis=1, keepdims=True))

# %% [markdown]
# The tanh has a consequence. No decoder can ever produce a number beyond $\pm 1$, so the features must stay within.
# Those of the UCLN do: it ends in a tanh too. Features that are merely standardised do not. Suppose that all other
# entries come back exactly; this is what is lost for certain:

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
# **A picture.** Let $k = 1$ and $d = 2$. Then the embedding is a line from $-1$ to $1$, and a decoder draws it as a
# curve in the plane. Whatever was encoded, the reconstruction lies on that curve. Three fresh decoders, and beneath
# each a cloud of features that it should draw:

# %%
def clouds(rng, n):
    """Features (3, n, 2): an arc for a, a line for l, a wave for v, each with noise."""
    t = rng.uniform(-1, 1, (3, n))
    centres = np.stack([
        np.stack([0.7 * np.cos(2.2 * t[0]), 0.7 * np.sin(2.2 * t[0])], axis=-1),
        np.stack([0.7 * t[1], 0.5 * t[1]], axis=-1),
        np.stack([0.75 * t[2], 0.45 * np.sin(4.5 * t[2])], axis=-1)])
    return centres + 0.05 * rng.standard_normal((3, n, 2))


def draw_curves(decoders, x, title):
    """The clouds x (3, n, 2), and what each decoder makes of the numbers from -1 to 1."""
    line = np.tile(np.linspace(-1, 1, 300)[:, None], (3, 1, 1))  # (3, 300, 1)
    curves = embedding.decode(decoders, line)  # (3, 300, 2)
    fig, axes = plt.subplots(1, 3, figsize=(7.8, 2.9), sharey=True, layout="constrained")
    for ax, m, cloud, curve in zip(axes, "alv", x, curves, strict=True):
        ax.plot(*cloud.T, ".", color=COLOURS[m], alpha=0.4, ms=4, label=rf"$\mathbf{{x}}_{m}$")
        ax.plot(*curve.T, color="black", lw=2, label=rf"$\tilde{{\mathbf{{x}}}}_{m}$")
        ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        ax.legend(frameon=False, fontsize="small", loc="upper right" if m == "v" else "upper left")
    fig.suptitle(title)
    plt.show()


x_2d = clouds(np.random.default_rng(0), 300)
small = {"encoders": embedding.init_encoders(np.random.default_rng(1), 3, 2, 1),
         "decoders": embedding.init_decoders(np.random.default_rng(2), 3, 2, 1)}
draw_curves(small["decoders"], x_2d, "Eq. 5: three decoders before training")

# %% [markdown]
# ## 3. How much is lost? (Eq. 6)
#
# The reconstruction loss measures how far the decoders are from their aim:
#
# $$\mathcal{L}_{rl}(\tilde{\mathbf{x}}_f, \mathbf{x}_f) = \sum_m \|\tilde{\mathbf{x}}_m - \mathbf{x}_m\|_2, \quad
# m \in \{v, a, l\} \tag{6}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\tilde{\mathbf{x}}_f$, $\mathbf{x}_f$ | | the three reconstructions, the three feature vectors |
# | $\Vert\mathbf{e}\Vert_2$ | 1 | Euclidean norm: $\sqrt{e_1^2 + \dots + e_d^2}$, a length, *not* its square |
#
# The paper prints it for one utterance. The package takes the mean over the batch (deviation D2).

# %%
L_loop = 0.0
for i in range(B):  # each utterance
    for m in range(3):  # each modality
        squares = 0.0
        for j in range(d):
            squares += (x_tilde[m, i, j] - x[m, i, j]) ** 2
        L_loop += np.sqrt(squares) / B

L_rl = losses.reconstruction_loss(x_tilde, x)
assert np.allclose(L_rl, L_loop, rtol=0, atol=1e-14)
nn.check_gradient(lambda p: losses.reconstruction_loss(p["x_tilde"], x), {"x_tilde": x_tilde}, rng)
print(f"L_rl = {L_rl:.4f}")

# %% [markdown]
# **By pencil.** With $\mathbf{e} = \tilde{\mathbf{x}}_m - \mathbf{x}_m$ the chain rule gives
#
# $$\frac{\partial \|\mathbf{e}\|_2}{\partial e_j} = \frac{2 e_j}{2 \sqrt{e_1^2 + \dots + e_d^2}} =
# \frac{e_j}{\|\mathbf{e}\|_2}.$$
#
# The gradient is the error *divided by its length*: it points away from the aim and always has length 1. An utterance
# pulls with the same force whether it is nearly right or totally wrong. (With a square, the force would be
# $2\mathbf{e}$, and the worst utterance would pull the most.)

# %%
_, gradient = nn.value_and_grad(lambda p: losses.reconstruction_loss(p["x_tilde"], x), {"x_tilde": x_tilde})
e = x_tilde - x
assert np.allclose(gradient["x_tilde"], e / np.linalg.norm(e, axis=-1, keepdims=True) / B)

# %% [markdown]
# **And at $\mathbf{e} = 0$?** There, $0 / 0$. The norm is a cone and has no slope at its tip. Autograd's own norm
# answers with "not a number", and one such utterance spoils the whole step, since not a number plus anything is not a
# number. The package's norm answers 0: who has arrived is not pulled anywhere.

# %%
perfect = x_tilde.copy()
perfect[:, 0] = x[:, 0]  # the first utterance comes back exactly


def loss_of(norm):
    return lambda p: norm(p["x_tilde"] - x).sum() / B


with np.errstate(divide="ignore", invalid="ignore"):
    _, naive = nn.value_and_grad(loss_of(lambda e: anp.sqrt((e * e).sum(axis=-1))), {"x_tilde": perfect})
_, ours = nn.value_and_grad(loss_of(ops.norm), {"x_tilde": perfect})
print("gradient by the first utterance, plain square root:", naive["x_tilde"][0, 0])
print("gradient by the first utterance, the package:      ", ours["x_tilde"][0, 0])
assert np.isnan(naive["x_tilde"][:, 0]).all()
assert (ours["x_tilde"][:, 0] == 0).all()
assert np.allclose(ours["x_tilde"][:, 1:], gradient["x_tilde"][:, 1:])  # the others keep theirs

# %% [markdown]
# **Where the released code differs: D3 and D2.** The authors' code adds up absolute errors, $\sum_j |e_j|$, and it adds
# up over the batch where we take the mean. What does each of these change?
#
# The *sum of absolute errors* pulls each entry with force 1, to the left or to the right, however small its error. The
# whole vector is then pulled with force $\sqrt d$, in one of $2^d$ directions. Let one point $\mathbf{c}$ stand for a
# skewed cloud, and choose it so that it minimises the total of each loss. Three losses, three different centres:

# %%
skewed = np.exp(0.9 * np.random.default_rng(3).standard_normal((150, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]))
square, absolute = skewed.mean(axis=0), np.median(skewed, axis=0)
norm = square
for _ in range(200):  # Weiszfeld's iteration: at the minimum the unit vectors cancel out
    weight = 1 / np.linalg.norm(skewed - norm, axis=1, keepdims=True)
    norm = (weight * skewed).sum(axis=0) / weight.sum()
pull = (norm - skewed) / np.linalg.norm(norm - skewed, axis=1, keepdims=True)
assert np.allclose(pull.sum(axis=0), 0, atol=1e-9)

grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, 201)]), axis=-1)
panels = {r"$\|\mathbf{e}\|_2$: paper": (ops.norm(grid), norm),
          r"$|e_1| + |e_2|$: released": (np.abs(grid).sum(axis=-1), absolute),
          r"$\|\mathbf{e}\|_2^2$": ((grid ** 2).sum(axis=-1), square)}
fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.7), layout="constrained")
arrows = 0.62 * np.array([[np.cos(t), np.sin(t)] for t in np.arange(0.3, 6.4, 2 * np.pi / 7)])
for ax, marker, (name, (height, centre)) in zip(axes, "osD", panels.items(), strict=False):
    ax.contour(grid[..., 0], grid[..., 1], height, levels=np.arange(0.2, 1.5, 0.2), colors="0.75", linewidths=1)
    for e_0 in arrows:
        force = {"o": e_0 / np.linalg.norm(e_0), "s": np.sign(e_0), "D": 2 * e_0}[marker]
        ax.annotate("", e_0 - 0.33 * force, e_0, arrowprops={"arrowstyle": "->", "color": COLOURS["v"], "lw": 1.5})
    ax.set(title=name, aspect="equal", xticks=[0], yticks=[0], xlabel="$e_1$", ylabel="$e_2$")
    axes[3].plot(*centre, marker, color="black", ms=7, mfc="none", mew=1.6, label=name.split(":")[0])
axes[3].plot(*skewed.T, ".", color=COLOURS["a"], alpha=0.5, ms=4, zorder=0)
axes[3].set(title="what minimises each", xlim=(0, 4.2), ylim=(0, 4.2), aspect="equal", xticks=[], yticks=[])
axes[3].legend(frameon=False, fontsize="small", loc="upper right")
plt.show()

# %% [markdown]
# Arrows are steps downhill, grey lines join points of equal loss. The square is drawn to the mean, which the few points
# far out move. Norm and absolute errors are drawn to a median. The norm is the same in all directions; the absolute
# errors know the axes.
#
# The *sum over the batch* makes the loss, and its gradient, grow with the batch. Adam divides by the size of the
# gradient (notebook 02), so a factor alone hardly matters. But $\mathcal{L}_{rl}$ is weighed against the adversarial
# loss by $\lambda$ (notebook 07), and that one is a mean in both. So in the released code $\lambda$ means something
# else for each batch size:

# %%
for size in (16, 32):
    many, back = np.tanh(np.random.default_rng(4).standard_normal((2, 3, size, 50)))
    values = {variant: losses.reconstruction_loss(back, many, variant) for variant in ("paper", "released")}
    print(f"batch of {size}:  paper {values['paper']:8.1f}   released {values['released']:8.1f}"
          f"   released / paper {values['released'] / values['paper']:.0f}")

# %% [markdown]
# **A picture: the three curves, trained.** We minimise Eq. 6 with Adam for the small encoders and decoders of section
# 2. There is one number for each point of the plane. Which one is left to the encoder, as long as the decoder can read
# it. (`nn.freeze` puts the batch norms into evaluation mode, with the statistics of the data: notebook 02.)

# %%
def reconstruct(p, x):
    return embedding.decode(p["decoders"], embedding.encode(p["encoders"], x))


def train(loss, params, steps, lr=0.01):
    """Minimise loss(params, step) with Adam. Returns the parameters and the losses on the way."""
    params = nn.pack(params)
    state, values = nn.init_adam(params), []
    for step in range(steps):
        value, gradient = nn.value_and_grad(lambda p, step=step: loss(p, step), params)
        nn.adam(state, params, gradient, lr)
        values.append(float(value))
    return params, values


small, values = train(lambda p, _: losses.reconstruction_loss(reconstruct(p, x_2d), x_2d), small, steps=250)
frozen = nn.batch_norm_statistics(small, reconstruct, [x_2d])
draw_curves(frozen["decoders"], x_2d, "Eq. 6: the same decoders after training")
print(f"L_rl: {values[0]:.3f} before, {values[-1]:.3f} after")
assert values[-1] < 0.3 * values[0]

# %% [markdown]
# The curves run along the clouds. What is lost is the noise across: a line has no room for it. In the paper $k$ is
# 50, as is $d$: there is room for everything, and the loss asks only that it is used.
#
# ## 4. Can the label be read off? (Eq. 7)
#
# A space may hold everything and still hide what matters. So a classifier has to predict the label from the
# encoded representation of each modality *alone*:
#
# $$\tilde{\mathbf{y}}_m = C(\mathbf{x}_m^e; \Theta_c), \quad m \in \{v, a, l\} \tag{7}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $C$ | | the classifier: batch norm, dense $k \to k$, tanh, dense $k \to N$, softmax (dropout before each dense) |
# | $\tilde{\mathbf{y}}_m$ | $N$ | a probability for each class; they sum to 1 |
#
# There is one $C$, and all three modalities pass through it.

# %%
classifier = shaken(embedding.init_classifier(rng, k, N))


def classifier_loop(p, batch):
    batch = dense_loop(p["dense_1"], batch_norm_loop(p["norm"], batch))
    logits = dense_loop(p["dense_2"], [[np.tanh(z) for z in row] for row in batch])
    return [[np.exp(z) / sum(np.exp(other) for other in row) for z in row] for row in logits]


y_tilde = embedding.classify(classifier, x_e)  # (3, B, N)
y_tilde_loop = np.array([classifier_loop(classifier, x_e[m]) for m in range(3)])  # the same C for each
assert np.allclose(y_tilde, y_tilde_loop, rtol=0, atol=1e-12)
assert np.allclose(y_tilde.sum(axis=-1), 1)


def loss(p):
    return weigh(embedding.classify(p["C"], p["x_e"], drop_rate=0.3, rng=np.random.default_rng(2)))


nn.check_gradient(loss, {"C": classifier, "x_e": x_e}, rng)

# %% [markdown]
# By pencil: the derivative of the softmax $y_i = e^{z_i} / \sum_n e^{z_n}$. For $j \neq i$ only the denominator depends
# on $z_j$; for $j = i$ the numerator does too:
#
# $$\frac{\partial y_i}{\partial z_j} = y_i \left([i = j] - y_j\right)$$
#
# Multiplied by a gradient $\mathbf{g}$ from above this is $\partial L / \partial z_j = y_j\, (g_j - \sum_i g_i y_i)$.

# %%
z, g = rng.standard_normal((2, 3, B, N))
y_z = ops.softmax(z)
_, pull_back = nn.vjp(lambda p: ops.softmax(p["z"]), {"z": z})
assert np.allclose(pull_back(g)["z"], y_z * (g - (g * y_z).sum(axis=-1, keepdims=True)))

# %% [markdown]
# **D4.** The paper says "$C \in \mathbb{R}^{3k} \to \mathbb{R}^N$", but writes $C(\mathbf{x}_m^e)$ with one modality,
# of width $k$. Both cannot hold. The released code has one $C$ of width $k$, and so have we. It matters: a classifier
# of all three, side by side, may find its label in one of them and leave the others as they are. A classifier of each
# alone demands of *each* that it carries the label.
#
# **What $C$ does not see.** $C$ begins with a batch norm, and each modality is normalised by its own statistics. So you
# may move and stretch the cloud of one modality as you like, and nothing changes (but for the tiny number that batch
# norm adds to the variance):

# %%
moved = x_e.copy()
moved[2] = 5 + 3 * moved[2]  # v, far away from a and l
change = np.abs(embedding.classify(classifier, moved) - y_tilde).max()
print(f"largest change of a probability: {change:.1e}")
assert change < 1e-3

# %% [markdown]
# $C$ makes the modalities agree about the *directions* in which the label lies. Where their clouds lie, and how wide
# they are, is all the same to it. To close the gap between them takes something else: notebook 06.
#
# **A picture.** With $k = 2$ we can see what $C$ makes of a plane. Three clouds have the label in the same direction,
# but not in the same place. After batch norm one straight line cuts all three.

# %%
label_2d = np.random.default_rng(0).integers(0, 2, 300)
spots = 0.12 * np.random.default_rng(1).standard_normal((3, 300, 2))
spots[..., 0] += 0.25 * (2 * label_2d - 1)
spots += np.array([[[-0.55, 0.5]], [[0.4, -0.5]], [[0.3, 0.55]]])
normed = ops.batch_norm(nn.init_batch_norm(2), spots)
fig, axes = plt.subplots(1, 2, figsize=(7.8, 3.3), layout="constrained")
for ax, points, title in ((axes[0], spots, r"$\mathbf{x}_m^e$"), (axes[1], normed, "after batch norm: what $C$ sees")):
    for m, cloud, shape in zip("alv", points, figures.SHAPES, strict=False):
        for c in (0, 1):
            ax.scatter(*cloud[label_2d == c].T, s=12, marker=shape, color=COLOURS[m] if c else "white",
                       edgecolor=COLOURS[m], linewidth=0.8, label=f"${m}$" if c else None)
    ax.set(title=title, aspect="equal", xticks=[], yticks=[])
axes[1].axvline(0, color="black", ls="--", lw=1)
axes[0].legend(frameon=False, title="filled: class 2\nempty: class 1", fontsize="small", title_fontsize="small",
               loc="lower left")
plt.show()

# %% [markdown]
# ## 5. How wrong is the label? (Eq. 8)
#
# $$\mathcal{L}_{cl}(\tilde{\mathbf{y}}, \mathbf{y}) = \sum_m \|\tilde{\mathbf{y}}_m - \mathbf{y}\|_2 \tag{8}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{y}$ | $N$ | one-hot: 1 at the true class, 0 elsewhere |
#
# Again a norm, again the mean over the batch in the package, and again a sum of absolute errors in the released code
# (D5). A usual choice would have been the cross-entropy, $-\log \tilde y_c$ for the true class $c$ (notebook 04).

# %%
y = np.eye(N)[rng.integers(N, size=B)]  # (B, N)
L_loop = 0.0
for i in range(B):
    for m in range(3):
        L_loop += np.sqrt(sum((y_tilde[m, i, n] - y[i, n]) ** 2 for n in range(N))) / B

L_cl = losses.classification_loss(y_tilde, y)
assert np.allclose(L_cl, L_loop, rtol=0, atol=1e-14)
nn.check_gradient(lambda p: losses.classification_loss(embedding.classify(p["C"], p["x_e"]), y),
                  {"C": classifier, "x_e": x_e}, rng)

# %% [markdown]
# **By pencil, for two classes.** Let $p$ be the probability of the true class. Then the error vector is $(p - 1,\,
# 1 - p)$, whose norm is $\sqrt 2\, (1 - p)$, and whose sum of absolute values is $2\, (1 - p)$. So for MOSI, D5 is a
# factor of $\sqrt 2$ and no more (and D2, mean or sum, a factor of the batch size). For $N > 2$ the two do differ.

# %%
for classes in (2, 3, 6):
    error = ops.softmax(np.random.default_rng(5).standard_normal((1000, classes))) - np.eye(classes)[0]
    ratio = np.abs(error).sum(axis=-1) / np.linalg.norm(error, axis=-1)
    print(f"N = {classes}: sum of absolute errors / norm from {ratio.min():.4f} to {ratio.max():.4f}")
    assert classes > 2 or np.allclose(ratio, np.sqrt(2))

# %% [markdown]
# Now by the logit. For two classes $p = \mathrm{sigmoid}(z)$, where $z$ is the logit of the true class minus that of
# the other, and $p' = p\, (1 - p)$. So the norm has the derivative $-\sqrt 2\, p\, (1 - p)$, and the cross-entropy
# $-\log p$ has $-(1 - p)$. Look at the left end: an utterance that is classified wrongly, and with confidence.

# %%
z_line = np.linspace(-6, 6, 241)
logits = np.stack([z_line, 0 * z_line], axis=-1)  # (241, 2); the true class is the first
truth = np.tile([1.0, 0.0], (len(z_line), 1))
p_line = ops.sigmoid(z_line)
curves = {
    "norm, Eq. 8": (lambda q: ops.norm(ops.softmax(q["z"]) - truth), -np.sqrt(2) * p_line * (1 - p_line)),
    "cross-entropy": (lambda q: -ops.log_softmax(q["z"])[:, 0], -(1 - p_line)),
}
fig, axes = plt.subplots(1, 2, figsize=(7.8, 3), layout="constrained")
for colour, style, (name, (function, by_pencil)) in zip(("black", "0.55"), ("-", "--"), curves.items(), strict=True):
    slope = nn.value_and_grad(lambda q, f=function: f(q).sum(), {"z": logits})[1]["z"][:, 0]
    assert np.allclose(slope, by_pencil)
    axes[0].plot(z_line, function({"z": logits}), style, color=colour, label=name)
    axes[1].plot(z_line, -slope, style, color=colour)
axes[0].set(title="loss", xlabel="logit of the true class, $z$", ylim=(0, 4))
axes[1].set(title="force: minus the gradient", xlabel="logit of the true class, $z$")
axes[0].legend(frameon=False)
for ax in axes:
    ax.axvline(0, color="0.85", lw=1, zorder=0)
plt.show()

# %% [markdown]
# The cross-entropy pulls the harder, the more wrong an answer is. Eq. 8 gives up on answers that are hopelessly wrong,
# and cares most about the undecided. With mislabelled utterances that is a virtue, at the beginning of training a vice.
# Notebook 06 meets the same curve again, at the generator of a GAN, where it is the heart of the matter.
#
# ## 6. The networks and their sizes (Figure 3)
#
# Figure 3 of the paper is a diagram of encoder, decoder, discriminator and classifier. Here is ours, drawn from the
# parameters themselves. The length of a bar is the root of the number of units, so that the large ones fit:

# %%
model = init_model(np.random.default_rng(0), d=50, k=50, N=2)
FIGURE_3 = {  # what is not in the parameters: dropout and activation of each layer
    "encoders": ["dropout|leaky ReLU 0.01"] * 3 + ["tanh"],
    "decoders": ["dropout|leaky ReLU 0.2", "dropout|leaky ReLU 0.2", "tanh"],
    "discriminator": ["leaky ReLU 0.2", "tanh", "sigmoid"],
    "classifier": ["batch norm|dropout", "tanh|dropout", "softmax"],
}
TITLES = {"encoders": "encoder $E_m$\none a modality", "decoders": "decoder\none a modality",
          "discriminator": "discriminator $D$\none for all", "classifier": "classifier $C$\none for all"}


def layers(group):
    """(units, what a layer consists of, parameters) of one network of the group, from the input on."""
    one = member(model[group], 0) if group in ("encoders", "decoders") else model[group]
    yield next(layer for layer in one.values() if "W" in layer)["W"].shape[0], "input", 0
    for layer, text in zip(one.values(), FIGURE_3[group], strict=True):
        parts = text.split("|")
        if "W" in layer:
            if "gamma" in layer:
                parts.insert(1, "batch norm")
            parts.insert(0, f"dense {layer['W'].shape[1]}")
            yield layer["W"].shape[1], ", ".join(parts), nn.count(layer)
        else:
            yield layer["gamma"].shape[-1], ", ".join(parts), nn.count(layer)


fig, axes = plt.subplots(1, 4, figsize=(10.4, 6), sharey=True, layout="constrained")
for ax, (group, title) in zip(axes, TITLES.items(), strict=True):
    for height, (units, text, size) in enumerate(layers(group)):
        colour = "0.8" if text == "input" else COLOURS["l"]
        ax.barh(height, np.sqrt(units), 0.24, left=-np.sqrt(units) / 2, color=colour)
        ax.text(0, height + 0.15, text.replace("batch norm, leaky", "batch norm,\nleaky"), ha="center", va="bottom",
                fontsize="small", linespacing=1.1)
        ax.text(0, height - 0.15, f"{size:,} parameters" if size else f"{units} units", ha="center", va="top",
                fontsize="small", color="0.4")
    ax.set(title=title, xlim=(-13, 13), ylim=(-0.4, 4.5))
    ax.axis("off")
axes[0].annotate("", (-12.5, 4.4), (-12.5, -0.3), arrowprops={"arrowstyle": "->", "color": "0.6"})
plt.show()

# %% [markdown]
# **By pencil.** A dense layer from $p$ to $q$ units has $p q + q$ parameters, a batch norm of $q$ units $2q$. Add up:

# %%
def dense_size(p, q):
    return p * q + q


def sizes(d, k, N):
    """Number of parameters of one encoder, one decoder, the discriminator, the classifier."""
    return {
        "encoders": dense_size(d, 10 * d) + 20 * d + dense_size(10 * d, 10 * k) + 20 * k
                    + dense_size(10 * k, k) + 2 * k + dense_size(k, k),
        "decoders": dense_size(k, 512) + dense_size(512, 64) + 2 * 64 + dense_size(64, d),
        "discriminator": dense_size(k, 64) + dense_size(64, 16) + dense_size(16, 1),
        "classifier": 2 * k + dense_size(k, k) + dense_size(k, N),
    }


copies = {"encoders": 3, "decoders": 3, "discriminator": 1, "classifier": 1}
total = sum(nn.count(group) for group in model.values())
for group, size in sizes(d=50, k=50, N=2).items():
    assert copies[group] * size == nn.count(model[group])
    print(f"{group:14} {copies[group]} x {size:8,} = {copies[group] * size:9,}   {copies[group] * size / total:6.1%}")
print(f"{'graph fusion':14}                {nn.count(model['gfn']):9,}   {nn.count(model['gfn']) / total:6.1%}")
print(f"{'all':14}                {total:9,}")

# %% [markdown]
# Nearly all of ARGF is encoders. At $d = k$ the layer from $10d$ to $10k$ units alone grows with $100\, d^2$. The graph
# fusion, which the second half of the paper is about, is small beside it. (The paper's Table 4 counts more than this:
# notebook 10 goes through it item by item.)
#
# ## 7. What is each guard worth?
#
# Now with data: the features that a UCLN makes of each modality, as in notebook 04. We train encoders in three ways.
# Once so that the decoders can reconstruct, once so that the classifier can classify, once for both. Then we look at
# test utterances. (In the full model the two losses belong to different steps and have the adversary beside them:
# notebook 07. Here we simply add them up.)

# %%
nn.use("fast")  # the same values, sooner
rows = {split: corpus.utterances(split) for split in corpus.split}
x = np.stack([apply_ucln(train_ucln(corpus, m, d=50, epochs=5, rng=np.random.default_rng(i)), corpus, m)[0]
              for i, m in enumerate("alv")])  # (3, n, 50)
y = np.eye(len(corpus.classes), dtype=x.dtype)[corpus.labels]  # (n, N)


def embed(reconstruct, classify, epochs=8, batch=64):
    """Train encoders with some of the losses; parameters in evaluation mode."""
    rng = np.random.default_rng(0)
    params = nn.pack({"encoders": embedding.init_encoders(rng, 3, 50, 50),
                      "decoders": embedding.init_decoders(rng, 3, 50, 50),
                      "classifier": embedding.init_classifier(rng, 50, y.shape[1])}, "float32")
    state = nn.init_adam(params)

    def loss(p, some):
        x_e = embedding.encode(p["encoders"], x[:, some], 0.2, rng)
        L_rl = losses.reconstruction_loss(embedding.decode(p["decoders"], x_e, 0.2, rng), x[:, some])
        L_cl = losses.classification_loss(embedding.classify(p["classifier"], x_e, 0.2, rng), y[some])
        return reconstruct * L_rl + classify * L_cl

    for _ in range(epochs):
        order = rng.permutation(rows["train"])
        for start in range(0, len(order), batch):
            some = order[start:start + batch]
            _, gradient = nn.value_and_grad(lambda p, some=some: loss(p, some), params)
            nn.adam(state, params, gradient, lr=1e-3)
    return nn.batch_norm_statistics(params, everything, [rows["train"]])


def everything(p, some):
    x_e = embedding.encode(p["encoders"], x[:, some])
    return x_e, embedding.decode(p["decoders"], x_e), embedding.classify(p["classifier"], x_e)


trained = {"L_rl": embed(1, 0), "L_cl": embed(0, 1), "L_rl + L_cl": embed(1, 1)}
nn.use("readable")

# %% [markdown]
# Two measures. *Lost*: the reconstruction error, relative to that of always answering with the mean of the training
# utterances. Then 0 is perfect and 1 is worthless. *Separated*: the share of the variance of $\mathbf{x}_m^e$ that lies
# between the classes. 0 means that the classes have the same mean, 1 that each class is one point.

# %%
def lost(x_tilde):
    mean = x[:, rows["train"]].mean(axis=1, keepdims=True)
    error = [np.linalg.norm(guess - x[:, rows["test"]], axis=-1).mean(axis=1) for guess in (x_tilde, mean)]
    return error[0] / error[1]  # (3,)


def separated(x_e, labels):
    centred = x_e - x_e.mean(axis=1, keepdims=True)
    between = sum(np.mean(labels == c) * (centred[:, labels == c].mean(axis=1) ** 2).sum(axis=-1)
                  for c in np.unique(labels))
    return between / (centred ** 2).sum(axis=-1).mean(axis=1)  # (3,)


encoded, measures = {}, {}
print("                  lost, test      separated, training      separated, test")
print("trained with     a    l    v         a      l      v         a      l      v")
for name, params in trained.items():
    encoded[name], x_tilde, _ = everything(params, rows["test"])
    seen, _, _ = everything(params, rows["train"])
    measures[name] = [lost(x_tilde), separated(seen, corpus.labels[rows["train"]]),
                      separated(encoded[name], corpus.labels[rows["test"]])]
    print(f"{name:12}" + "".join(f"{value:5.2f}" for value in measures[name][0])
          + "".join("   " + "".join(f"{value:7.1%}" for value in values) for values in measures[name][1:]))

assert (measures["L_rl"][0] < measures["L_cl"][0]).all()  # decoders that are not trained bring nothing back
assert (measures["L_rl + L_cl"][1] > measures["L_rl"][1]).all()  # C makes the classes stand apart, in training

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), layout="constrained")
for ax, (name, x_e) in zip(axes, encoded.items(), strict=True):
    centred, test_labels = x_e[1] - x_e[1].mean(axis=0), corpus.labels[rows["test"]]  # language
    points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    for c, label in enumerate(corpus.classes):
        ax.scatter(*points[test_labels == c].T, s=9, alpha=0.7, color=figures.CLASS_COLOURS[c], linewidth=0,
                   marker=figures.SHAPES[c], label=label)
    title = name.replace("L_rl", r"$\mathcal{L}_{rl}$").replace("L_cl", r"$\mathcal{L}_{cl}$")
    ax.set(title=title, xticks=[], yticks=[], xlabel="first principal component")
axes[0].set_ylabel(r"$\mathbf{x}_l^e$: second component")
axes[0].legend(frameon=False, fontsize="small")
plt.show()

# %% [markdown]
# Each guard does what it is for. With $\mathcal{L}_{rl}$ less of the features is lost. With $\mathcal{L}_{cl}$ the
# classes of the training utterances move apart, in every modality. Together they share the room.
#
# Now compare training with test. A loss cannot put a label into an utterance that does not carry it, but it can learn
# the label of each training utterance by heart. So how far the classes move apart on utterances that are *new* depends
# on what a modality knows, and much less on the loss.
#
# And do the three modalities lie in one place now?

# %%
def centres_apart(x_e):
    """Mean distance of the modalities' means, in units of the mean distance of a vector to its mean."""
    means = x_e.mean(axis=1, keepdims=True)
    apart = np.mean([np.linalg.norm(means[m] - means[n]) for m, n in ((0, 1), (1, 2), (0, 2))])
    return apart / np.linalg.norm(x_e - means, axis=-1).mean()


for name, x_e in encoded.items():
    print(f"{name:12} the means of two modalities are {centres_apart(x_e):.2f} spreads apart")

# %% [markdown]
# Nothing here asks for a *joint* space, and so nothing sees to it. This is the task of the adversary, in notebook 06.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed
# random inputs. If something is wrong it says what it looks like. Solutions are in
# `tutorials/solutions/05_joint_embedding.py`.
#
# **5.1 The transformed distribution (Eq. 1).** Let $x$ have the standard normal distribution, and $E(x) = \tanh(w x +
# b)$, as in section 1, but with $w$ of *either sign*. What is the density $p_\theta(x^e)$? Turn $E$ around first.

# %%
def density(x_e, w, b):
    """x_e (n,), between -1 and 1; w, b numbers. Returns the density of x_e at each of them, (n,)."""
    raise NotImplementedError("exercise 5.1")


check("5.1", density)

# %% [markdown]
# **5.2 Count (Eq. 5, Figure 3).** How many parameters have the three decoders together, biases and batch norm included?

# %%
def parameters_of_the_decoders(d, k):
    """Returns the number of all parameters of the three decoders."""
    raise NotImplementedError("exercise 5.2")


check("5.2", parameters_of_the_decoders)

# %% [markdown]
# **5.3 Back through a norm (Eq. 6).** Write the gradient of $\mathcal{L}_{rl}$ (the mean over the batch) by
# $\tilde{\mathbf{x}}$ in NumPy. Some of the reconstructions are perfect.

# %%
def gradient_of_the_reconstruction_loss(x_tilde, x):
    """x_tilde, x (m, B, d). Returns the gradient by x_tilde, (m, B, d)."""
    raise NotImplementedError("exercise 5.3")


check("5.3", gradient_of_the_reconstruction_loss)

# %% [markdown]
# **5.4 Back through a softmax (Eq. 7, 8).** The classifier ends in $\tilde{\mathbf{y}} = \mathrm{softmax}(\mathbf{z})$.
# What is the gradient of $\mathcal{L}_{cl}$ by the logits $\mathbf{z}$? You need the derivative of the norm (section 3)
# and that of the softmax (section 4).

# %%
def gradient_by_the_logits(z, y):
    """z (m, B, N), y (B, N) one-hot. Returns the gradient of Eq. 8 by z, (m, B, N)."""
    raise NotImplementedError("exercise 5.4")


check("5.4", gradient_by_the_logits)

# %% [markdown]
# **To go on.** Replace Eq. 8 by the cross-entropy in section 7 and train again. Before you do, write down which of
# the measures you expect to change, and in which direction. How many seeds do you need to see a difference, if there
# is one? Then flip the labels of a tenth of the training utterances. Does the order of the two losses change?

# %% [markdown]
# # 05 · A joint embedding space
#
# *Needs: 01, 02, 04. Minutes: 25. Paper: "Joint Embedding Space Learning", Eq. 1 and 5 to 8.*
#
# (25 minutes are for reading. The exercises take about 40 more, the experiment 15.)
#
# Before: [04 · Context](04_context.ipynb). Next: [06 · The adversary](06_adversary.ipynb).
#
# A voice, a face and a sentence reach us as three vectors. Entry 7 of one vector has nothing to do
# with entry 7 of another, so it makes no sense to add, compare or multiply them. Before we can fuse
# the three modalities, we have to bring them into one space.
#
# An encoder that maps everything to zero brings the modalities together perfectly, and is useless.
# How do we keep the space from becoming empty? The paper sets two guards. A *decoder* has to
# reconstruct the features, so that no information gets lost. A *classifier* has to predict the
# label, so that the label stays easy to read. (A third network, the discriminator, pulls the
# modalities together. It is the subject of notebook 06.)
#
# In this notebook you will
#
# - write encoder, decoder and classifier in plain NumPy, and see that the package computes the same
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
# A number such as [D2](../DEVIATIONS.md#d2) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.

# %%
import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np

from argf_np import nn
from argf_np.data import load, standardise
from argf_np.nn import ops
from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np.paper.model import init_model
from argf_np.paper.ucln import apply_ucln, train_ucln
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_05 as draw
from exercises import check

nn.use("readable")  # textbook operations; the fast ones of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# Here is the plan of this notebook and the next, for one modality. Boxes are networks, and
# on the right stands what is asked of each.

# %%
draw.plan()
plt.show()

# %% [markdown]
# Each modality has its own encoder and its own decoder. There is only one classifier and only one
# discriminator, and all three modalities share them. A decoder and its encoder descend the same
# loss, $\mathcal{L}_{rl}$, and so do the classifier and the encoders, $\mathcal{L}_{cl}$. With the
# discriminator it is different: the encoders of $a$ and $v$ are trained to fool it, by a loss of
# their own ([notebook 06](06_adversary.ipynb)).
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
# look at what comes out*. In practice we draw a batch from $p(\mathbf{x}_m)$ and encode it.
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


def sum_of_encoded(tree):
    return anp.tanh(w * tree["x"] + b).sum()


_, gradient = nn.value_and_grad(sum_of_encoded, {"x": x_line})
assert np.allclose(gradient["x"], slope)

samples = np.random.default_rng(0).standard_normal(20000)
encoded = np.tanh(w * samples + b)
draw.transformed_density(x_line, bell(x_line), encoded_line, bell(x_line) / slope, samples, encoded)
plt.show()

# %% [markdown]
# The dotted lines lead from five equally spaced $x$ to their $x^e$. Bottom: the data. Right: their
# distribution after encoding, as a histogram of samples and as the curve that we computed by hand.
# Where the encoder is steep, the probability is spread out. Where it is flat, the probability piles
# up: much of it at the top, little at the bottom, since fewer data lie so far to the left. So an
# encoder can shape the distribution of its output by its parameters, and the adversary of notebook
# 06 makes use of this.

# %% [markdown]
# ### Exercise 5.1 ★★ (10 minutes): the transformed distribution (Eq. 1)
#
# Replace the line with `raise` by your answer and run the cell. `check` compares your function with
# the package on fixed random inputs, and gives a hint if something is wrong. Solutions are in
# `tutorials/solutions/05_joint_embedding.py`.
#
# Let $x$ have the standard normal distribution, and let $E(x) = \tanh(w x + b)$ as above, but with
# a $w$ of *either sign*. What is the density $p_\theta(x^e)$? Begin by solving $E(x) = x^e$ for
# $x$. (The inverse of tanh is `np.arctanh`.)

# %%
def density(x_e, w, b):
    """x_e (n,), between -1 and 1; w, b numbers. Returns the density at each x_e, (n,)."""
    raise NotImplementedError("exercise 5.1")


check("5.1", density)

# %% [markdown]
# ### The encoder of the paper
#
# The encoder has four dense layers ([notebook 02](02_layers_and_optimisers.ipynb)), of these widths
# (Figure 3 of the paper):
#
# $$d \to 10d \to 10k \to k \to k$$
#
# The first three layers are followed by dropout, batch norm and a leaky ReLU with slope 0.01, the
# last one by a tanh. The encoders of the three modalities are kept together as a *bank*: every
# weight has the modality as its first axis. `nn.leaves` lists all arrays of such a nested dict,
# with the path that leads to each, and `nn.map_leaves(function, tree)` applies a function to each
# of them and returns a dict of the same form. We first move all parameters a little, so that no
# bias is 0 and no scale of a batch norm is 1. Otherwise our check would not notice if one of them
# were missing.

# %%
rng = np.random.default_rng(1)
B, d, k, N = 5, 6, 4, 2
x = rng.standard_normal((3, B, d))  # features of a, l, v


def shaken(params):
    """The parameters moved a little."""
    def shake(leaf):
        return leaf + 0.1 * rng.standard_normal(leaf.shape)

    return nn.map_leaves(shake, params)


encoders = shaken(embedding.init_encoders(rng, 3, d, k))  # the bank of E_a, E_l, E_v
for path, array in nn.leaves(encoders):
    print(f"{'/'.join(path):14} {array.shape}")

# %% [markdown]
# Here is the encoder in plain NumPy, for one modality and one batch, without dropout. Notebook 02
# wrote each of these layers as loops over single numbers.

# %%
def dense(params, batch):
    return batch @ params["W"] + params["b"]


def batch_norm(params, batch):
    """Each column minus its mean, divided by its standard deviation, times gamma, plus beta."""
    normalised = (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + 1e-5)
    return params["gamma"] * normalised + params["beta"]


def leaky_relu(batch, slope):
    return np.where(batch > 0, batch, slope * batch)


def encoder(params, batch):
    """E_m of B vectors."""
    for name in ("dense_1", "dense_2", "dense_3"):
        batch = batch_norm(params[name], dense(params[name], batch))
        batch = leaky_relu(batch, 0.01)
    return np.tanh(dense(params["dense_4"], batch))


def member(bank, m):
    """The network of modality m out of a bank."""
    return nn.map_leaves(lambda leaf: leaf[m], bank)


x_e = embedding.encode(encoders, x)  # (3, B, k)
for m in range(3):
    ours = encoder(member(encoders, m), x[m])
    assert np.allclose(x_e[m], ours, rtol=0, atol=1e-12)
    print(f"{'alv'[m]}, first utterance: ours {ours[0].round(3)}, the package {x_e[m, 0].round(3)}")

# %% [markdown]
# **The gradient.** `nn.check_gradient` compares the gradient with finite differences ([notebook
# 01](01_gradients.ipynb)), and raises an error where they differ by more than one part in a
# million. It needs a scalar, so `weigh` multiplies the output by fixed random numbers and adds up.
#
# We check with dropout. Its generator starts anew at every evaluation, so that each call is the
# same function. (Without dropout, the biases before a batch norm have a gradient of zero, and
# `check_gradient` rejects those: a check of zero against zero proves nothing.)

# %%
def weigh(output):
    """A scalar in which every entry of the output counts differently."""
    return (output * np.random.default_rng(0).standard_normal(output.shape)).sum()


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.encode(tree["E"], tree["x"], drop_rate=0.3, rng=dropout_rng))


# A leaky ReLU has a kink. A small step keeps the finite differences on one side of it.
nn.check_gradient(loss, {"E": encoders, "x": x}, rng, step=1e-5)
print("the gradient of the encoders agrees with finite differences")

# %% [markdown]
# ## 2. Back to the features (Eq. 5)
#
# Each modality also has a decoder, from $\mathbb{R}^k$ back to $\mathbb{R}^d$. Again the paper
# writes what it does to distributions:
#
# $$p_{\theta_{dm}}(\tilde{\mathbf{x}}_m) = \int_{\mathbf{x}_m^e} q(\tilde{\mathbf{x}}_m \,|\,
# \mathbf{x}_m^e, \theta_{dm})\, p_{\theta_m}(\mathbf{x}_m^e)\, d\mathbf{x}_m^e,
# \quad m \in \{l, a, v\} \tag{5}$$
#
# Here $q$ is the decoder, and $p_{\theta_{dm}}$ is the distribution of the reconstructions. As
# before, $q$ puts its mass on one point, and the integral means: decode everything. The layers
# are $k \to 512 \to 64 \to d$. The first is followed by dropout and leaky ReLU 0.2, the second by
# dropout, batch norm and leaky ReLU 0.2, the last by tanh.

# %%
decoders = shaken(embedding.init_decoders(rng, 3, d, k))


def decoder(params, batch):
    batch = leaky_relu(dense(params["dense_1"], batch), 0.2)
    batch = batch_norm(params["dense_2"], dense(params["dense_2"], batch))
    return np.tanh(dense(params["dense_3"], leaky_relu(batch, 0.2)))


x_tilde = embedding.decode(decoders, x_e)  # (3, B, d)
for m in range(3):
    ours = decoder(member(decoders, m), x_e[m])
    assert np.allclose(x_tilde[m], ours, rtol=0, atol=1e-12)
    print(f"{'alv'[m]}, first utterance: x {x[m, 0].round(2)}, x tilde {x_tilde[m, 0].round(2)}")


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.decode(tree["dec"], tree["x_e"], drop_rate=0.3, rng=dropout_rng))


nn.check_gradient(loss, {"dec": decoders, "x_e": x_e}, rng, step=1e-5)

# %% [markdown]
# The last tanh has a consequence: no decoder can produce a number beyond $\pm 1$. The features of
# the UCLN stay within that range, since the UCLN ends in a tanh too. Features that are merely
# standardised do not. Even if all entries up to $\pm 1$ come back exactly, this much is lost:

# %%
corpus = standardise(load("mosi", source="synthetic"))
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


def curves_of(decoders):
    """What each decoder makes of the numbers from -1 to 1, (3, 300, 2)."""
    line = np.tile(np.linspace(-1, 1, 300)[:, None], (3, 1, 1))  # (3, 300, 1)
    return embedding.decode(decoders, line)


x_2d = clouds(np.random.default_rng(0), 300)
small = {"encoders": embedding.init_encoders(np.random.default_rng(1), 3, 2, 1),
         "decoders": embedding.init_decoders(np.random.default_rng(2), 3, 2, 1)}
draw.curves(x_2d, curves_of(small["decoders"]), "Eq. 5: three decoders before training")
plt.show()

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
    """x (3, B, d). Returns the smallest reconstruction loss that outputs from -1 to 1 allow."""
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
print("lengths of the errors of a:         ", np.linalg.norm(e[0], axis=-1).round(2))
lengths = np.linalg.norm(gradient["x_tilde"][0], axis=-1)
print("lengths of their gradients, B times:", (B * lengths).round(2))

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
    """x_tilde, x (3, B, d). Returns the gradient with respect to x_tilde, (3, B, d)."""
    raise NotImplementedError("exercise 5.3")


check("5.3", gradient_of_the_reconstruction_loss)

# %% [markdown]
# ### Where the released code differs
#
# The authors' code adds up absolute errors, $\sum_j |e_j|$, instead of taking the norm
# ([D3](../DEVIATIONS.md#d3)), and adds up over the batch where we take the mean
# ([D2](../DEVIATIONS.md#d2)). Each entry is then pulled with force 1, however small its error.
# [Notebook 07](07_three_updates.ipynb), section 8, shows what this does to $\lambda$, the weight
# between this loss and the adversary's.
#
# **A picture: the three curves, trained.** We minimise Eq. 6 with Adam for the small encoders and
# decoders of section 2. The encoder turns each point of the plane into a single number. It may
# choose which one, as long as the decoder can reconstruct the point from it.
# (`nn.batch_norm_statistics` puts the batch norms into evaluation mode, with the statistics of the
# data: notebook 02.)
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
draw.curves(x_2d, curves_of(evaluated["decoders"]), "Eq. 6: the same decoders after training")
plt.show()
print(f"L_rl: {values[0]:.3f} before, {values[-1]:.3f} after")
assert values[-1] < 0.3 * values[0]

# %% [markdown]
# The curves now run along the clouds. (Beyond the ends of a cloud a curve may go anywhere: no
# utterance is encoded there, so no loss has shaped it.) Most of what is still lost is the noise
# across the curve: a line has no room for it, so the loss does not reach zero. (Its deviation is
# 0.05, the mean size of a standard normal number is 0.8, and there are three modalities. That makes
# 0.12 of the 0.17.) For MOSI both $k$ and $d$ are 50, so the embedding has room for everything.
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


def classifier_by_hand(params, batch):
    batch = dense(params["dense_1"], batch_norm(params["norm"], batch))
    exponentials = np.exp(dense(params["dense_2"], np.tanh(batch)))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


y_tilde = embedding.classify(classifier, x_e)  # (3, B, N)
for m in range(3):  # the same C for each modality
    assert np.allclose(y_tilde[m], classifier_by_hand(classifier, x_e[m]), rtol=0, atol=1e-12)
print("probabilities of the first utterance by its a, l and v:", y_tilde[:, 0].round(3).tolist())


def loss(tree):
    dropout_rng = np.random.default_rng(2)
    return weigh(embedding.classify(tree["C"], tree["x_e"], drop_rate=0.3, rng=dropout_rng))


nn.check_gradient(loss, {"C": classifier, "x_e": x_e}, rng)

# %% [markdown]
# **One modality, or all three?** ([D4](../DEVIATIONS.md#d4)) The paper says that $C$ maps
# $\mathbb{R}^{3k}$ to $\mathbb{R}^N$, but it writes $C(\mathbf{x}_m^e)$ with one modality, of width
# $k$. Both cannot hold. The released code has one $C$ of width $k$, and so does ours. The
# difference matters. A classifier that gets all three vectors side by side may find the label in
# one of them and ignore the others. A classifier that gets each vector alone asks *every* modality
# for the label.
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
# three, but for a few points.

# %%
label_2d = np.random.default_rng(0).integers(0, 2, 300)
spots = 0.12 * np.random.default_rng(1).standard_normal((3, 300, 2))
spots[..., 0] += 0.25 * (2 * label_2d - 1)
spots += np.array([[[-0.55, 0.5]], [[0.4, -0.5]], [[0.3, 0.55]]])
normed = ops.batch_norm(nn.init_batch_norm(2), spots)
draw.what_the_classifier_sees(spots, normed, label_2d)
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
print(f"L_cl = {L_cl:.4f}, by the loop {L_loop:.4f}")

# %% [markdown]
# **By hand, for two classes.** Let $\tilde y_c$ be the probability of the true class. The error
# vector is $(\tilde y_c - 1,\, 1 - \tilde y_c)$. Its norm is $\sqrt 2\, (1 - \tilde y_c)$, and the
# sum of its absolute values is $2\, (1 - \tilde y_c)$. So for MOSI, which has two classes, norm and
# sum differ by a factor of $\sqrt 2$ and nothing more. For more than two classes they do differ:

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


by_hand = {"norm, Eq. 8": -np.sqrt(2) * right * (1 - right), "cross-entropy": -(1 - right)}
values, forces = {}, {}
for name, function in (("norm, Eq. 8", norm_loss), ("cross-entropy", cross_entropy)):
    values[name], pull_back = nn.vjp(function, {"z": logits})
    slope = pull_back(np.ones(len(z_line)))["z"][:, 0]  # with respect to z
    assert np.allclose(slope, by_hand[name])
    forces[name] = -slope
draw.losses_and_forces(z_line, values, forces)
plt.show()

# %% [markdown]
# The more wrong an answer is, the harder the cross-entropy pulls. Eq. 8 gives up on answers that
# are hopelessly wrong, and pulls hardest on the undecided ones. This is an advantage if some
# utterances are mislabelled, and a disadvantage where a network has become confidently wrong.
#
# ### Exercise 5.4 ★★★ (15 minutes): the gradient through a softmax (Eq. 7, 8)
#
# The classifier ends in $\tilde{\mathbf{y}} = \mathrm{softmax}(\mathbf{z})$. What is the gradient
# of $\mathcal{L}_{cl}$ with respect to the logits $\mathbf{z}$? (This is a vector of $N$ numbers.
# Above, $z$ was the difference of two of them.) You need the derivative of the norm (section 3) and
# that of the softmax ([notebook 01](01_gradients.ipynb)).

# %%
def gradient_by_the_logits(z, y):
    """z (3, B, N), y (B, N) one-hot. Returns the gradient of Eq. 8 with respect to z, (3, B, N)."""
    raise NotImplementedError("exercise 5.4")


check("5.4", gradient_by_the_logits)

# %% [markdown]
# ## 6. What is each guard worth?
#
# Now we use data: the features that a UCLN gives for each modality, as in [notebook
# 04](04_context.ipynb), but with the rates of dropout that are the default for MOSI (0.6 and 0.9,
# where notebook 04 took 0.2 and 0.5). We train encoders in three ways: with $\mathcal{L}_{rl}$
# alone, with $\mathcal{L}_{cl}$ alone, and with the sum of both. As a control we add encoders that
# are not trained at all. The UCLNs are trained once. Everything after them is repeated with six
# seeds. (In the full model the two losses belong to different updates, and the adversary comes in
# as well: [notebook 07](07_three_updates.ipynb). To keep it quick we take $d = k = 20$.)

# %%
nn.use("fast")  # the same values, sooner
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
    embedding.classify(params["classifier"], x_e)  # for the statistics of its batch norm
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


def train(names, seed, k=20, epochs=8):
    """Networks trained with the losses of these names; parameters in evaluation mode."""
    rng = np.random.default_rng(seed)
    params = nn.cast({"encoders": embedding.init_encoders(rng, 3, 20, k),
                      "decoders": embedding.init_decoders(rng, 3, 20, k),
                      "classifier": embedding.init_classifier(rng, k, y.shape[1])}, "float32")
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
nn.use("readable")
print("x^e of the test utterances:", encoded["L_rl"][0][1].shape)

# %% [markdown]
# **How much is lost?** We divide the reconstruction error on test utterances by the error of always
# answering with the mean of the training utterances. Then 0 is perfect and 1 is worthless.
#
# But with which decoders? It is tempting to take those that were trained along with the encoders.
# But in the row $\mathcal{L}_{cl}$ no loss has trained the decoders, so their error says nothing
# about the encoders. We want to know whether the information is still *there*. So we fit a new
# decoder afterwards, the same kind for all: ridge regression (least squares with a small penalty on
# the weights) from the encoded training utterances to their features.
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


def centre(measured):
    """Mean over seeds, one value per modality."""
    return measured.mean(axis=0)


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
    first = "".join(f"{value:7.2f}" for value in centre(along[way]))
    second = "".join(f"{value:7.2f}" for value in centre(afterwards[way]))
    print(f"{way:24}{first}       {second}")

draw.lost(along, afterwards)
plt.show()
assert (centre(along["L_cl"]) > 1).all()  # worse than the mean
assert (centre(afterwards["L_cl"]) < 0.9).all()
assert (centre(afterwards["L_rl"]) < 1.05 * centre(afterwards["L_cl"])).all()
assert (centre(afterwards["L_cl"]) < 1.15 * centre(afterwards["L_rl"])).all()
assert (centre(afterwards["untrained"])[[0, 2]] < 1.2 * centre(afterwards["L_rl"])[[0, 2]]).all()

# %% [markdown]
# Each mark is one seed. The two halves have different scales; the dotted line is at 1 in both. On
# the left, $\mathcal{L}_{cl}$ is worse than the mean. But this is the error of decoders that were
# never trained. On the right every row gets a fitted decoder, and the difference nearly vanishes.
# Encoders that were trained without $\mathcal{L}_{rl}$ lose little more than those that were
# trained with $\mathcal{L}_{rl}$ alone, and for $a$ and $v$ even untrained encoders come close. By
# this measure even the best encoders lose about three quarters of $a$ and $v$. (Not for want of
# room, since $k = d$ here too. Either the short training or the linear decoder is to blame, and
# this measurement does not say which.) Even where the decoders were trained, a fitted linear one
# does better, so the left half also measures how well a decoder was trained. In short: as far as a
# linear decoder can tell, on this corpus, after this short training and without an adversary,
# training with $\mathcal{L}_{rl}$ preserves little that would be lost without it. Remember this
# when the paper's Table 5 says that the decoder is the most important part ([notebook
# 10](10_does_it_work.ipynb)).

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
assert (centre(apart["L_cl"]["test"])[[0, 2]] < 0.03).all()

# %% [markdown]
# $\mathcal{L}_{cl}$ does move the classes of the *training* utterances apart, in every modality.
# For $a$ and $v$ nothing is left of it on the test utterances: a network can learn the labels of
# its training utterances by heart, even where the features hardly tell them. Only language carries
# the label clearly in this corpus, and there the classes of new utterances are apart too. But most
# of this was in the features already: beyond $\mathcal{L}_{rl}$ alone, $\mathcal{L}_{cl}$ adds 11
# points on the training utterances and 4 on the test utterances. Even $\mathcal{L}_{rl}$, which
# knows no labels, keeps the classes of language apart: the UCLN was trained to predict the label,
# so its features show the classes already, and an encoder that preserves the features preserves
# this too.
#
# **And do the three modalities lie in one place now?** No loss of this notebook asks for it, and
# section 4 has shown that $C$ does not even notice. Asking for a joint space is the task of the
# adversary, and [notebook 06](06_adversary.ipynb) measures how far it gets.
#
# **An experiment** ★★ (15 minutes). How narrow may the embedding be? Train with $\mathcal{L}_{rl}$
# alone and $k = 1$, with `train(["L_rl"], seed, k=1)`, and fit decoders afterwards as above. Which
# share of each modality is lost, now that one number has to stand for a whole utterance? Predict
# first. (Call `nn.use("fast")` before: the cell above has switched back to the readable functions.
# The numbers are in the solutions, and the reason why one of the modalities is special.)
#
# **Another loss** ★★★ (an hour). Replace Eq. 8 by the cross-entropy in this section and train
# again. Before you do, write down which of the measures you expect to change, and in which
# direction. Then flip the labels of a tenth of the training utterances. Does the order of the two
# losses change, and are six seeds enough to say so?
#
# ## 7. Appendix: the networks and their sizes (Figure 3)
#
# Figure 3 of the paper is a diagram of encoder, decoder, discriminator and classifier. Here is
# ours, for MOSI ($d = k = 50$, $N = 2$). The width of a bar is the square root of the number of
# units, so that the large layers fit. Read each network from the bottom up.

# %%
draw.figure_3()
plt.show()

# %% [markdown]
# How many parameters do they have? A dense layer with $i$ inputs and $o$ outputs has $i o + o$ of
# them, and a batch norm has two more per unit ($\gamma$ and $\beta$). So the one layer of an
# encoder that leads from 500 to 500 units has 250,500.

# %%
model = init_model(np.random.default_rng(0), d=50, k=50, N=2)
total = sum(nn.count(group) for group in model.values())
for name, group in model.items():
    print(f"{name:14} {nn.count(group):9,}   {nn.count(group) / total:6.1%}")
print(f"{'all':14} {total:9,}")
assert model["encoders"]["dense_2"]["W"][0].size + 500 == 250_500
assert nn.count(model["encoders"]) > 0.8 * total

# %% [markdown]
# Most of the parameters of ARGF belong to the encoders. At $d = k$ the layer from $10d$ to $10k$
# units alone has about $100\, d^2$ of them. The graph fusion network, the subject of the second
# half of the paper, is tiny beside them. (The paper's Table 4 counts more than this. [Notebook
# 10](10_does_it_work.ipynb) goes through it item by item.)
#
# ## What to take away
#
# - An encoder and a decoder are functions. The integrals of Eq. 1 and 5 say: apply them to every
#   utterance, and look at how the results are distributed.
# - The gradient of a norm has length 1 however large the error is, and it needs care at 0.
# - For two classes, Eq. 8 and the sum of absolute errors of the released code are the same up to a
#   factor. Both let go of answers that are confidently wrong; the cross-entropy does not.
# - An error of decoders that no loss has trained says nothing about the encoders. Fit the same
#   decoder to all of them afterwards.
# - The classifier sees each modality after a batch norm of its own. It does not bring the
#   modalities into one place.
#
# Next: [06 · The adversary](06_adversary.ipynb)

# %% [markdown]
# # 06 · The adversary
#
# *Needs: 01, 02, 05. Minutes: 75. Paper: "Joint Embedding Space Learning", Eq. 2 to 4.*
#
# Notebook 05 has built encoders that lose little and keep the label in view. But nothing there asks for a *joint*
# space: the three modalities may lie far apart. How does one ask for "lie where the language lies", if all one has is
# samples, and no formula for what "the language" looks like?
#
# One hires a referee. A *discriminator* looks at an encoded vector and says how sure it is that this came from the
# language. It is paid for being right. The encoders of the other modalities are paid for fooling it. If they can, there
# is no difference left that the referee could see. This is the idea of generative adversarial networks (GANs).
#
# On the way you will
#
# - derive what the best possible discriminator says, and what its loss then measures;
# - see why the encoders do not simply maximise the loss of the discriminator, and why all starts from logits;
# - watch the game being played, and find out what it does *not* ask for;
# - see why the "learnt weight" of the paper learns to be zero;
# - measure on data, with a referee of your own, what $\lambda$ has to be for anything to happen.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $m$ | | a modality: $a$, $l$ or $v$ (acoustic, language, visual) |
# | $\mathbf{x}_m^e$ | $k$ | encoded representation of modality $m$ |
# | $D(\mathbf{x}_m^e)$ | 1 | how sure the discriminator is that $\mathbf{x}_m^e$ comes from the target, from 0 to 1 |
# | $z_m$ | 1 | its logit: $D = \mathrm{sigmoid}(z)$ |
# | $\mathcal{L}_{fal}$, $\mathcal{L}_{tal}$, $\mathcal{L}_{al}$ | 1 | fake and true adversarial loss, and their sum |
# | $w$ | 1 | weight of the adversarial loss |
# | $p_t$, $p_s$ | | density of the target, and of the sources (all added up) |
#
# The *target* is $l$, unless we say otherwise; $a$ and $v$ are the *sources*. In code `x_e` has the shape `(3, B, k)`,
# with the modalities in the order a, l, v, and the logits `z` have the shape `(3, B, 1)`.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib.animation import FuncAnimation, PillowWriter

from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np import figures, nn
from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np.data import load, standardise
from argf_np.paper.model import forward
from argf_np.nn import ops
from argf_np.settings import Settings
from argf_np.paper.protocols import train
from argf_np.paper.ucln import apply_ucln, train_ucln
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks
A, L, V = 0, 1, 2  # rows of the modalities

# %% [markdown]
# ## 1. The referee
#
# The discriminator is a small network: $k \to 64 \to 16 \to 1$, with a leaky ReLU of slope 0.2, a tanh and a sigmoid.
# There is one for all modalities. It is not told which modality it is looking at: it has to find out. The package
# leaves the sigmoid away and returns the logit $z$. Section 5 shows why.

# %%
rng = np.random.default_rng(1)
B, k = 5, 4
x_e = rng.uniform(-1, 1, (3, B, k))
discriminator = embedding.init_discriminator(rng, k)


def discriminator_loop(p, x):
    """The logit of one vector x."""
    for layer, activation in (("dense_1", lambda z: z if z > 0 else 0.2 * z), ("dense_2", np.tanh),
                              ("dense_3", lambda z: z)):
        W, b = p[layer]["W"], p[layer]["b"]
        x = [activation(sum(x[i] * W[i, j] for i in range(len(x))) + b[0, j]) for j in range(W.shape[1])]
    return x[0]


z = embedding.discriminate(discriminator, x_e)  # (3, B, 1)
z_loop = np.array([[[discriminator_loop(discriminator, x_e[m, i])] for i in range(B)] for m in range(3)])
assert np.allclose(z, z_loop, rtol=0, atol=1e-14)
D = ops.sigmoid(z)
for m in range(3):
    print(f"D(x_{'alv'[m]}^e):", np.round(D[m, :, 0], 2))

# %% [markdown]
# ## 2. True or false? (Eq. 4)
#
# The discriminator is to say 1 to the target and 0 to the sources. Its loss is the cross-entropy of that question,
# added up over the three modalities:
#
# $$\mathcal{L}_{tal} = -w\, [\log(1 - D(\mathbf{x}_a^e)) + \log(1 - D(\mathbf{x}_v^e)) + \log D(\mathbf{x}_l^e)]
# \tag{4}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathcal{L}_{tal}$ | 1 | *true* adversarial loss: the truth about who is who |
# | $w$ | 1 | "the learnt weight"; we leave it at 1 until section 8 |
#
# The paper prints it for one utterance. Package and released code take the mean over the batch (D2).

# %%
L_loop = 0.0
for i in range(B):
    L_loop -= (np.log(1 - D[A, i, 0]) + np.log(1 - D[V, i, 0]) + np.log(D[L, i, 0])) / B

L_tal = losses.true_adversarial_loss(z, target=L)
assert np.allclose(L_tal, L_loop, rtol=0, atol=1e-14)
print(f"L_tal = {L_tal:.4f}")

# %% [markdown]
# **The gradient**, against finite differences (notebook 01). Only the discriminator moves along it, but as a function
# $\mathcal{L}_{tal}$ depends on the encoded vectors too, and that gradient is checked as well:

# %%
def loss(p):
    return losses.true_adversarial_loss(embedding.discriminate(p["D"], p["x_e"]), L)


# A leaky ReLU has a kink. A small step keeps the finite differences on one side of it (notebook 01).
nn.check_gradient(loss, {"D": discriminator, "x_e": x_e}, rng, step=1e-5)

# %% [markdown]
# **By pencil.** With $D = 1 / (1 + e^{-z})$ we have $-\log D = \log(1 + e^{-z})$, whose derivative is
#
# $$\frac{d}{dz} \log(1 + e^{-z}) = \frac{-e^{-z}}{1 + e^{-z}} = -(1 - D), \qquad \text{and likewise} \quad
# \frac{d}{dz} \left[-\log(1 - D)\right] = D.$$
#
# Answer minus truth: $D - 1$ for the target, $D - 0$ for a source.

# %%
_, gradient = nn.value_and_grad(lambda p: losses.true_adversarial_loss(p["z"], L), {"z": z})
truth = np.array([0, 1, 0]).reshape(3, 1, 1)
assert np.allclose(gradient["z"], (D - truth) / B)

# %% [markdown]
# **A picture.** What does an answer cost? The curves are the two terms of Eq. 4. The dots are the answers of this fresh
# discriminator to our vectors, with what each has to pay.

# %%
answers = np.linspace(0.01, 0.99, 99)
fig, ax = plt.subplots(figsize=(6.2, 3.4), layout="constrained")
ax.plot(answers, -np.log(answers), color=COLOURS["l"], label=r"if it is the target: $-\log D$")
ax.plot(answers, -np.log(1 - answers), "--", color="0.4", label=r"if it is a source: $-\log(1 - D)$")
for m, is_target, D_m in zip("alv", (0, 1, 0), D[..., 0], strict=True):
    cost = -np.log(D_m) if is_target else -np.log(1 - D_m)
    ax.plot(D_m, cost, "o", color=COLOURS[m], markeredgecolor="white", label=f"shown $x_{m}^e$")
ax.set(xlabel="answer $D$: how sure it is of the target", ylabel="cost", ylim=(0, 4))
ax.set_title("Eq. 4: to be wrong is dear, to be surely wrong has no limit")
ax.legend(frameon=False, loc="upper center")
plt.show()

# %% [markdown]
# ## 3. What the best discriminator says
#
# Suppose that the discriminator could be any function at all. In the long run (as a mean over all utterances), at a
# point $x$ of the space the loss is
#
# $$-\,[\,p_a(x) + p_v(x)\,]\, \log(1 - D) - p_l(x)\, \log D.$$
#
# Write $p_t = p_l$ for the target and $p_s = p_a + p_v$ for the sources, and set the derivative by $D$ to zero:
#
# $$\frac{p_s}{1 - D} - \frac{p_t}{D} = 0 \qquad \Longrightarrow \qquad D^*(x) = \frac{p_t(x)}{p_t(x) + p_s(x)}.$$
#
# So the best answer is the share of the target among everything that is found at $x$. We check it twice: by trying
# all values of $D$ on a grid, and by training the package's discriminator on samples.

# %%
def bell(x, mean, width):
    """Density of a normal distribution."""
    return np.exp(-((x - mean) / width) ** 2 / 2) / (width * np.sqrt(2 * np.pi))


SHAPE = {"a": (-1.5, 0.6), "l": (0.2, 0.8), "v": (1.7, 0.5)}  # mean and width of each modality, k = 1
x_line = np.linspace(-4, 4, 801)
p_a, p_l, p_v = (bell(x_line, *SHAPE[m]) for m in "alv")
D_star = p_l / (p_l + p_a + p_v)

candidates = np.linspace(0, 1, 1001)[1:-1, None]
costs = -(p_a + p_v) * np.log(1 - candidates) - p_l * np.log(candidates)  # (999, 801)
tried = candidates[costs.argmin(axis=0), 0]
inside = (D_star > 0.001) & (D_star < 0.999)
assert np.abs(tried - D_star)[inside].max() <= 0.001  # the distance of two candidates


def train(loss, params, steps, lr=0.01):
    """Minimise loss(params) with Adam; returns the parameters."""
    params = nn.pack(params)
    state = nn.init_adam(params)
    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, params)
        nn.adam(state, params, gradient, lr)
    return params


rng = np.random.default_rng(0)
samples = np.stack([rng.normal(*SHAPE[m], (2000, 1)) for m in "alv"])  # (3, 2000, 1)
trained = train(lambda p: losses.true_adversarial_loss(embedding.discriminate(p, samples), L),
                embedding.init_discriminator(rng, 1), steps=150)
D_trained = ops.sigmoid(embedding.discriminate(trained, x_line[None, :, None]))[0, :, 0]

fig, axes = plt.subplots(2, 1, figsize=(6.4, 4.6), sharex=True, layout="constrained")
for m, density in zip("alv", (p_a, p_l, p_v), strict=True):
    axes[0].fill_between(x_line, density, color=COLOURS[m], alpha=0.45, label=f"$p_{m}$")
axes[1].plot(x_line, D_star, color="black", lw=2, label="$D^* = p_t\\, /\\, (p_t + p_s)$")
axes[1].plot(x_line, D_trained, color=COLOURS["v"], ls="--", label="trained on samples")
axes[1].set(xlabel="$x^e$", ylabel="$D$", ylim=(-0.03, 1.03))
for ax in axes:
    ax.legend(frameon=False)
plt.show()
crowded = p_a + p_l + p_v > 0.05
print(f"largest difference where there are samples: {np.abs(D_trained - D_star)[crowded].max():.3f}")
assert np.abs(D_trained - D_star)[crowded].mean() < 0.1

# %% [markdown]
# At the far right $D^*$ rises again: $l$ has the wider bell, and so out there, where hardly anything is, it is the more
# likely one. The network has seen no samples there and cannot know.
#
# **If the modalities cannot be told apart,** $p_a = p_l = p_v$, then $D^* = 1/3$ everywhere. Not $1/2$, as in a GAN
# with one generator: two of three vectors come from sources. The paper's condition for success, $D(\mathbf{x}_a^e)
# \approx D(\mathbf{x}_v^e) \approx D(\mathbf{x}_l^e)$, says nothing about the value, and holds. The loss is then $2
# \log \frac{3}{2} + \log 3 = 3 \log 3 - 2 \log 2$.
#
# **And if they can?** Put $D^*$ into Eq. 4. With the mixture $p = (p_t + p_s) / 3$, $D^* = p_t / 3p$ and
# $1 - D^* = p_s / 3p$, so
#
# $$\min_D \mathcal{L}_{tal} = 3 \log 3 - 2 \log 2 - 3\, \mathrm{JS}, \qquad
# \mathrm{JS} = \frac{1}{3} \int p_t \log \frac{p_t}{p} + \frac{2}{3} \int \frac{p_s}{2} \log \frac{p_s / 2}{p}.$$
#
# JS is a Jensen-Shannon divergence: zero if the target and the *average of the sources* are the same distribution, and
# otherwise larger. So the discriminator is a measuring instrument. The lower its loss, the wider the gap.

# %%
step = x_line[1] - x_line[0]
p_s, p = p_a + p_v, (p_a + p_l + p_v) / 3
JS = (p_l * np.log(p_l / p) / 3 + p_s / 3 * np.log(p_s / 2 / p)).sum() * step
best = (-p_s * np.log(1 - D_star) - p_l * np.log(D_star)).sum() * step
FOOLED = 3 * np.log(3) - 2 * np.log(2)
print(f"L_tal at D*:                  {best:.4f}")
print(f"3 log 3 - 2 log 2 - 3 JS:     {FOOLED - 3 * JS:.4f}")
print(f"if nothing can be told apart: {FOOLED:.4f}")
assert np.isclose(best, FOOLED - 3 * JS)

# %% [markdown]
# Keep in mind that only the *sum* of the sources enters. It will come back in section 7.
#
# ## 4. To fool the referee (Eq. 3)
#
# The sources' encoders want the discriminator to take their vectors for the target's:
#
# $$\mathcal{L}_{fal} = -w\, [\log D(\mathbf{x}_a^e) + \log D(\mathbf{x}_v^e)] \tag{3}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathcal{L}_{fal}$ | 1 | *fake* adversarial loss: small if the sources pass for the target |

# %%
L_loop = 0.0
for i in range(B):
    L_loop -= (np.log(D[A, i, 0]) + np.log(D[V, i, 0])) / B

L_fal = losses.fake_adversarial_loss(z, target=L)
assert np.allclose(L_fal, L_loop, rtol=0, atol=1e-14)


def loss(p):
    return losses.fake_adversarial_loss(embedding.discriminate(p["D"], p["x_e"]), L)


small = np.random.default_rng(2)
nn.check_gradient(loss, {"D": discriminator, "x_e": x_e}, small, step=1e-5)

# %% [markdown]
# By pencil: section 2 has the derivative, $-(1 - D)$ for each source. The target does not enter at all, so its encoder
# is not moved by the adversary:

# %%
_, gradient = nn.value_and_grad(lambda p: losses.fake_adversarial_loss(p["z"], L), {"z": z})
assert np.allclose(gradient["z"][[A, V]], -(1 - D[[A, V]]) / B)
assert (gradient["z"][L] == 0).all()

# %% [markdown]
# **Why not simply the opposite of Eq. 4?** If two play against each other, should the encoders not *maximise* what the
# discriminator minimises? The part of $\mathcal{L}_{tal}$ that the sources can change is $-\log(1 - D)$. To maximise
# it is to minimise $\log(1 - D)$, whose derivative is $-D$. Both losses want $D$ to rise. Look at how hard they pull:

# %%
z_line = np.linspace(-8, 8, 321)
forms = {"non-saturating, Eq. 3: $-\\log D$": (lambda q: ops.softplus(-q["z"]).sum(), "-"),
         "saturating: $\\log(1 - D)$": (lambda q: -ops.softplus(q["z"]).sum(), "--")}
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.1), layout="constrained")
forces = []
for (name, (function, style)), colour in zip(forms.items(), (COLOURS["l"], COLOURS["v"]), strict=True):
    slope = nn.value_and_grad(function, {"z": z_line})[1]["z"]
    forces.append(-slope)
    axes[0].plot(z_line, [function({"z": np.array([value])}) for value in z_line], style, color=colour, label=name)
    axes[1].plot(z_line, -slope, style, color=colour)
assert np.allclose(forces[0], 1 - ops.sigmoid(z_line))
assert np.allclose(forces[1], ops.sigmoid(z_line))
axes[0].set(title="loss of a source", xlabel="logit $z$ of its vector", ylim=(-6, 6))
axes[1].set(title="force: minus the gradient", xlabel="logit $z$ of its vector")
axes[1].annotate("the referee has\nseen through it", (-7.6, 0.42), fontsize="small")
axes[0].legend(frameon=False, fontsize="small", loc="lower left")
plt.show()

# %% [markdown]
# At the beginning of a game the discriminator has an easy task, and soon $z$ is far to the left. There, where
# the source has most to learn, the saturating loss gives it nothing: the curve is flat. Eq. 3 pulls with full force.
# (Notebook 05 has met the same problem with the norm of Eq. 8.) The paper prints the non-saturating form, and it is
# what everybody uses. The price: the two players no longer play with one and the same sum of money.
#
# ## 5. Why we start from logits
#
# $\log D$ with $D = \mathrm{sigmoid}(z)$ is fine on paper. In the computer the sigmoid of a large number *is* 1,
# and $\log(1 - 1)$ is not a number to go on with. From the logit one computes the same thing without a loss:
#
# $$-\log D = \log(1 + e^{-z}) = \mathrm{softplus}(-z), \qquad -\log(1 - D) = \mathrm{softplus}(z).$$

# %%
print("    z   -log(1 - sigmoid(z))   softplus(z)")
with np.errstate(divide="ignore"):
    for value in (1.0, 20.0, 30.0, 36.0, 40.0, 1000.0):
        naive = -np.log(1 - ops.sigmoid(np.array(value)))
        print(f"{value:5.0f}   {naive:20.6f}   {ops.softplus(np.array(value)):11.6f}")

sure = np.full((3, 2, 1), 1000.0)  # a discriminator that takes everything for the target, and is sure of it
value, gradient = nn.value_and_grad(lambda p: losses.true_adversarial_loss(p["z"], L), {"z": sure})
assert value == 2000
assert np.isfinite(gradient["z"]).all()

# %% [markdown]
# Well before the result is infinite it has lost digits: at $z = 36$ it is already wrong. In float32, in which networks
# are trained, this begins at $z \approx 10$.
#
# ## 6. Two players and one sum (Eq. 2)
#
# $$\mathcal{L}_{al} = \mathcal{L}_{fal}(\mathbf{x}_a^e, \mathbf{x}_v^e) +
# \mathcal{L}_{tal}(\mathbf{x}_l^e, \mathbf{x}_a^e, \mathbf{x}_v^e) \tag{2}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathcal{L}_{al}$ | 1 | adversarial loss: a sum to look at, *not* one to minimise |

# %%
L_al = losses.adversarial_loss(L_fal, L_tal)
L_loop = 0.0
for i in range(B):
    for m in (A, V):
        L_loop -= (np.log(D[m, i, 0]) + np.log(1 - D[m, i, 0])) / B
    L_loop -= np.log(D[L, i, 0]) / B
assert np.allclose(L_al, L_loop, rtol=0, atol=1e-14)


def loss(p):
    return losses.adversarial_loss(losses.fake_adversarial_loss(p["z"], L), losses.true_adversarial_loss(p["z"], L))


nn.check_gradient(loss, {"z": z}, rng)

# %% [markdown]
# By pencil, the derivative of the sum by the logit of a source is $-(1 - D) + D = 2D - 1$. It vanishes at $D = 1/2$. If
# both players went down the *sum*, they would agree on answering $1/2$ to every source, wherever it lies, and be
# content. There would be no game. So each goes down a loss of its own and holds the other fixed:
#
# | player | moves | goes down | pulls the logit of a source with |
# |---|---|---|---|
# | generators | $\theta_a$, $\theta_v$ (encoders of the sources) | $\mathcal{L}_{fal}$ | $1 - D$, up |
# | discriminator | parameters of $D$ | $\mathcal{L}_{tal}$ | $D$, down |

# %%
_, gradient = nn.value_and_grad(loss, {"z": z})
assert np.allclose(gradient["z"][[A, V]], (2 * D[[A, V]] - 1) / B)

D_line = np.linspace(0, 1, 101)
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(D_line, 1 - D_line, color=COLOURS["a"], label="generators: up")
ax.plot(D_line, -D_line, color=COLOURS["l"], label="discriminator: down")
ax.plot(D_line, 1 - 2 * D_line, color="0.5", ls="--", label="the sum")
ax.axhline(0, color="0.85", lw=1, zorder=0)
ax.plot(0.5, 0, "o", color="0.5")
ax.set(xlabel="$D$ of a source", ylabel="pull on its logit", title="Eq. 2: the sum is content with 1/2")
ax.legend(frameon=False, bbox_to_anchor=(1, 0.5), loc="center left")
plt.show()

# %% [markdown]
# ## 7. The game
#
# Now let them play. The space has two dimensions, so that we can watch. The language is an arc and stays where it is.
# The two sources start elsewhere, and each has a small encoder that may push its points around. In each round the
# discriminator makes a step down Eq. 4, and then the encoders make one down Eq. 3.

# %%
def clouds(rng, n):
    """Three clouds (3, n, 2): a lump, an arc, a streak."""
    t = rng.uniform(0.15 * np.pi, 1.1 * np.pi, n)
    arc = 0.62 * np.stack([np.cos(t), np.sin(t)], axis=-1) + 0.05 * rng.standard_normal((n, 2))
    lump, streak = rng.standard_normal((2, n, 2)) * [[[0.13, 0.13]], [[0.07, 0.16]]]
    return np.stack([lump, arc, streak]) + np.array([[[-0.62, -0.55]], [[0.1, 0.05]], [[0.6, -0.5]]])


def init_movers(rng):
    """A bank of three small networks that hardly move anything yet."""
    movers = {"dense_1": nn.init_dense(rng, 2, 32, bank=(3,)), "dense_2": nn.init_dense(rng, 32, 2, bank=(3,))}
    movers["dense_1"]["W"] *= 2
    movers["dense_2"]["W"] *= 0.1
    return movers


def move(p, x, target):
    """Encoded points: the sources are pushed around, the target stays."""
    push = ops.dense_layer(p["dense_2"], ops.dense_layer(p["dense_1"], x, "tanh"), "identity")
    source = np.ones((3, 1, 1))
    source[target] = 0
    return x + source * push


def play(x, target, rounds, keep=0.0, lr_w=0.0, batch=100):
    """Play the game on x (3, n, 2). Returns movers, discriminator, w and L_tal after each of some rounds.

    keep: weight of the distance by which the points are moved; lr_w: learning rate of log w (both for section 8).
    """
    rng = np.random.default_rng(0)
    movers, weight = nn.pack(init_movers(rng)), nn.pack({"log_w": np.zeros(1)})
    D = nn.pack(embedding.init_discriminator(rng, 2))
    states = {"D": nn.init_adam(D), "movers": nn.init_adam(movers), "weight": nn.init_adam(weight)}
    betas = (0.5, 0.999)  # those of the released code, D13
    history = []
    for number in range(rounds):
        some = x[:, rng.integers(x.shape[1], size=batch)]
        w, still = np.exp(weight["log_w"][0]), move(movers, some, target)
        L_tal, gradient = nn.value_and_grad(
            lambda p, x_e=still: losses.true_adversarial_loss(embedding.discriminate(p, x_e), target), D)
        nn.adam(states["D"], D, gradient, 0.02, betas)

        def generator_loss(p, some=some, w=w):
            x_e = move(p, some, target)
            L_fal = losses.fake_adversarial_loss(embedding.discriminate(D, x_e), target, w)
            return L_fal + keep * ops.norm(x_e - some + 1e-9).sum() / batch

        _, gradient = nn.value_and_grad(generator_loss, movers)
        if lr_w:
            L_fal = losses.fake_adversarial_loss(embedding.discriminate(D, still), target)
            nn.adam(states["weight"], weight, {"log_w": np.array([w * L_fal])}, lr_w, betas)  # section 8
        nn.adam(states["movers"], movers, gradient, 0.003, betas)
        if number % 10 == 0 or number == rounds - 1:
            history.append({"round": number, "G": nn.map_leaves(np.copy, movers), "D": nn.map_leaves(np.copy, D),
                            "w": w, "L_tal": L_tal})
    return history


nn.use("fast")  # the same values, sooner
x_2d = clouds(np.random.default_rng(0), 300)
history = play(x_2d, L, rounds=600)

# %%
GRID = np.stack(np.meshgrid(*2 * [np.linspace(-1.1, 1.1, 37)]), axis=-1)  # (37, 37, 2)


def draw_round(ax, row, x, target):
    """Points after a round, on the discriminator's answers in grey: white is sure of the target."""
    ax.clear()
    answers = ops.sigmoid(embedding.discriminate(row["D"], GRID.reshape(1, -1, 2))).reshape(37, 37)
    ax.imshow(np.round(answers, 1), extent=(-1.1, 1.1, -1.1, 1.1), origin="lower", cmap="Greys_r", vmin=0, vmax=1)
    for m, cloud in zip("alv", move(row["G"], x, target), strict=True):
        ax.plot(*cloud.T, ".", ms=2.5, color=COLOURS[m])
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[])
    ax.set_title(f"round {row['round']}")


def as_gif(figure, frames, draw, fps=6):
    """An animation as an image that shows without a running kernel."""
    animation = FuncAnimation(figure, draw, frames=frames)
    with tempfile.TemporaryDirectory() as folder:
        animation.save(f"{folder}/a.gif", writer=PillowWriter(fps=fps), dpi=70)
        data = Path(folder, "a.gif").read_bytes()
    plt.close(figure)
    return Image(data=data, format="gif")


fig, ax = plt.subplots(figsize=(4, 4.2), layout="constrained")
game = as_gif(fig, history[::2] + 6 * history[-1:], lambda row: draw_round(ax, row, x_2d, L))
display(game)

# %% [markdown]
# Grey is what the discriminator says: white is "language, for sure", black is "never". The yellow and red points climb
# towards white, and wherever they gather, the ground turns dark beneath them. So they go on. There is no fixed
# landscape: each player's success changes the task of the other. The same in stills, and the loss of the
# discriminator:

# %%
fig, axes = plt.subplots(1, 4, figsize=(10, 2.7), layout="constrained")
for ax, number in zip(axes, (0, 10, 30), strict=False):
    draw_round(ax, history[number], x_2d, L)
axes[3].plot([row["round"] for row in history], [row["L_tal"] for row in history], color=COLOURS["l"])
axes[3].axhline(FOOLED, color="0.4", ls=":", label="3 log 3 - 2 log 2")
axes[3].set(xlabel="round", title=r"$\mathcal{L}_{tal}$")
axes[3].legend(frameon=False, fontsize="small", loc="lower right")
plt.show()
late = np.mean([row["L_tal"] for row in history[-15:]])
print(f"L_tal, mean of the last rounds: {late:.3f}; nothing to tell apart: {FOOLED:.3f}")
assert abs(late - FOOLED) < 0.2

# %% [markdown]
# By its loss, the discriminator cannot tell the target from the sources any more. Have the three modalities become one?

# %%
fig, ax = plt.subplots(figsize=(4.4, 3.6))
end = move(history[-1]["G"], x_2d, L)
for m, cloud, shape in zip("alv", end, figures.SHAPES, strict=False):
    ax.plot(*cloud.T, shape, ms=3, color=COLOURS[m], label=f"${m}$")
ax.set(aspect="equal", xticks=[], yticks=[], title="the last round")
ax.legend(frameon=False, markerscale=2, bbox_to_anchor=(1, 0.5), loc="center left")
plt.show()
between = np.linalg.norm(end[A].mean(axis=0) - end[V].mean(axis=0))
half = np.linalg.norm((end[A].mean(axis=0) + end[V].mean(axis=0)) / 2 - end[L].mean(axis=0))
print(f"mean of a to mean of v:            {between:.2f}")
print(f"their midpoint to the mean of l:   {half:.2f}")

# %% [markdown]
# The sources have *shared out* the arc between them. And this is no accident. Section 3 has shown that only $p_s = p_a
# + p_v$ enters. The discriminator is asked "target or not?", and never "$a$ or $v$?". If together the sources
# cover the target, $p_a + p_v = 2 p_l$, then $D^* = 1/3$ everywhere and nothing is left to learn. That $p_a = p_v$ is
# *sufficient*, not necessary. So the paper's criterion for a modality-invariant space, $D(\mathbf{x}_a^e) \approx
# D(\mathbf{x}_v^e) \approx D(\mathbf{x}_l^e)$, can hold in a space in which one can tell $a$ from $v$ at a glance.
#
# There is a second thing that the game does not ask for. It compares *clouds*, not utterances. An encoder that puts
# every happy voice where the sad sentences lie fools the discriminator as well as its opposite. This is what the
# classifier of notebook 05 is for. (Exercise 6.4 builds such encoders.)
#
# ## 8. The learnt weight
#
# The paper calls $w$ in Eq. 3 and 4 "the learnt weight for adversarial loss". How would one learn it? By going down
# the loss, like everything else. But by pencil:
#
# $$\mathcal{L}_{fal} = w \cdot \ell, \quad \ell > 0 \qquad \Longrightarrow \qquad
# \frac{\partial \mathcal{L}_{fal}}{\partial w} = \ell > 0.$$
#
# The slope never changes its sign. The cheapest way to make $w \cdot \ell$ small is to make $w$ small. To keep
# it positive one writes $w = e^u$; then $\partial \mathcal{L}_{fal} / \partial u = w \ell = \mathcal{L}_{fal}$, and $w$
# never gets to 0, but goes there.

# %%
value, gradient = nn.value_and_grad(lambda p: losses.fake_adversarial_loss(z, L, np.e ** p["u"]), {"u": np.array(0.3)})
assert np.isclose(gradient["u"], value)
assert value > 0

# %% [markdown]
# Does it matter? Alone, hardly: Adam divides every gradient by its size, and with it the $w$. But the encoders also
# have to reconstruct (Eq. 9, notebook 07), and there $w$ decides who wins. Let a cost for moving points away stand
# for the reconstruction loss, and play twice: with $w = 1$, and with $w$ learnt.

# %%
runs = {"$w = 1$": play(x_2d, L, 300, keep=0.5), "$w$ learnt": play(x_2d, L, 300, keep=0.5, lr_w=0.1)}


def gap(row, target=L):
    """Distance of the sources' mean from that of the target, mean of the two."""
    centres = move(row["G"], x_2d, target).mean(axis=1)  # (3, 2)
    return np.mean([np.linalg.norm(centres[m] - centres[target]) for m in range(3) if m != target])


fig, axes = plt.subplots(1, 2, figsize=(8.4, 2.9), layout="constrained")
for (name, run), style in zip(runs.items(), ("-", "--"), strict=True):
    rounds = [row["round"] for row in run]
    axes[0].plot(rounds, [row["w"] for row in run], style, color=COLOURS["l"], label=name)
    axes[1].plot(rounds, [gap(row) for row in run], style, color=COLOURS["l"])
centres = x_2d.mean(axis=1)
start = np.mean([np.linalg.norm(centres[m] - centres[L]) for m in (A, V)])
axes[1].axhline(start, color="0.4", ls=":", label="at the start")
axes[0].set(title="$w$", xlabel="round", yscale="log")
axes[1].set(title="distance of the sources from the target", xlabel="round", ylim=(0, None))
for ax in axes:
    ax.legend(frameon=False)
plt.show()
print("w at the end:", ", ".join(f"{run[-1]['w']:.4f}" for run in runs.values()))
assert runs["$w$ learnt"][-1]["w"] < 0.01
assert gap(runs["$w$ learnt"][-1]) > 0.9 * start > 1.5 * gap(runs["$w = 1$"][-1])

# %% [markdown]
# With $w$ the adversary fades away, and the points go home. **D1:** the released code has no $w$ at all, and the
# package has $w = 1$; `Settings(learn_w=True)` learns it, for those who want to see it vanish. How far does it fall
# in one training of ARGF, if $\ell$ stays the same? Its own learning rate and number of steps, and Adam:

# %%
defaults = Settings()
steps = defaults.epochs * -(-1141 // defaults.batch_size)  # MOSI has 1141 training utterances
weight = nn.pack({"log_w": np.zeros(1)})
state = nn.init_adam(weight)
for _ in range(steps):
    nn.adam(state, weight, {"log_w": np.exp(weight["log_w"])}, defaults.lr, (0.5, 0.999))
print(f"after {steps} batches with a learning rate of {defaults.lr}: w = {np.exp(weight['log_w'][0]):.2f}")
assert weight["log_w"][0] < 0

# %% [markdown]
# ## 9. Another target
#
# **D15.** Language is the target because it tells most about sentiment; Tables 1 to 3 of the paper try the others too.
# In Eq. 3 and 4 the roles change, nothing else: the target is "true", the other two are "false", and theirs are the
# encoders that move. In the package it is one number, `target`:

# %%
fig, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
ends = {L: history[30], A: play(x_2d, A, 300)[-1], V: play(x_2d, V, 300)[-1]}
draw_round(axes[0], history[0], x_2d, L)
axes[0].set_title("at the start")
for ax, target in zip(axes[1:], (L, A, V), strict=True):
    draw_round(ax, ends[target], x_2d, target)
    others = " and ".join(f"${'alv'[m]}$" for m in range(3) if m != target)
    ax.set_title(rf"{others} $\to$ ${'alv'[target]}$")
    assert gap(ends[target], target) < 0.6 * gap(history[0], target)
plt.show()

# %% [markdown]
# It is not the same task each time. To squeeze an arc into a lump is easy. To bend a lump into an arc takes a network
# that can, and a discriminator that explains how.
#
# ## 10. Is the gap closed?
#
# Now the full model on data: features of a UCLN (notebook 04), then all of ARGF with its four updates (notebook 07).
# There the encoders go down $\lambda \mathcal{L}_{fal} + (1 - \lambda) \mathcal{L}_{rl}$, and the released $\lambda$ is
# 0.001. (We use narrow networks, $d = k = 30$, and few epochs, so that it takes seconds.)
#
# Whom do we ask whether the gap is closed? Not the discriminator alone: section 7 has shown what it misses, and it
# may be a poor player. We train a referee of our own *afterwards*, a **linear probe**: least squares from the encoded
# vectors of the training utterances to a one-hot vector of the modality, and then count on test utterances how often
# the largest of the three numbers is the right one. If the modalities cannot be told apart, it is right in a third of
# all cases.

# %%
corpus = standardise(load("mosi"))
rows = {split: corpus.utterances(split) for split in corpus.split}
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")
x = np.stack([apply_ucln(train_ucln(corpus, m, d=30, epochs=4, rng=np.random.default_rng(i)), corpus, m)[0]
              for i, m in enumerate("alv")])  # (3, n, 30)
y = np.eye(len(corpus.classes))[corpus.labels]  # (n, N)


def probe(points, modalities):
    """Share of the test utterances whose modality, out of some, a linear probe of points (3, n, k) gets right."""
    def stacked(split):
        some = points[modalities][:, rows[split]].astype(float)  # (m, n_split, k)
        return np.concatenate(some), np.repeat(np.arange(len(modalities)), len(rows[split]))

    (seen, truth), (new, answer) = stacked("train"), stacked("test")
    mean, width = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    seen, new = (np.c_[(some - mean) / width, np.ones(len(some))] for some in (seen, new))
    W = np.linalg.solve(seen.T @ seen + np.eye(seen.shape[1]), seen.T @ np.eye(len(modalities))[truth])
    return np.mean((new @ W).argmax(axis=1) == answer)


QUESTIONS = {"a, l or v": [A, L, V], "a or l": [A, L], "v or l": [V, L], "a or v": [A, V]}
results = {}
for lambda_ in (0.0, 0.001, 0.1, 0.9):
    settings = Settings(lambda_=lambda_, d=30, k=30, epochs=5, batch_size=64, lr=2e-3, drop_rate=0.2,
                        protocol="validation")  # all networks of one epoch, no average: the players belong together
    fitted = fit(x, y, rows, settings)
    out = forward(fitted["params"], x.astype("float32"))
    z_test = out["z"][:, rows["test"]]
    results[lambda_] = {
        "probes": [probe(out["x_e"], some) for some in QUESTIONS.values()], "x_e": out["x_e"],
        "D": ops.sigmoid(z_test).mean(axis=(1, 2)), "L_tal": losses.true_adversarial_loss(z_test, L),
        "L_rl": fitted["history"][-1]["validation_L_rl"]}
nn.use("readable")

print("                      linear probe               discriminator on test utterances")
print("              a, l or v  a or l  v or l  a or v     D(a)   D(l)   D(v)   L_tal    L_rl")
print("features      " + "".join(f"{probe(x, some):8.1%}" for some in QUESTIONS.values()))
for lambda_, row in results.items():
    print(f"lambda {lambda_:5}  " + "".join(f"{share:8.1%}" for share in row["probes"]) + "  "
          + "".join(f"{value:7.2f}" for value in row["D"]) + f"{row['L_tal']:8.2f}{row['L_rl']:8.2f}")
print(f"one space     {1 / 3:8.1%}" + 3 * f"{1 / 2:8.1%}" + "  " + 3 * f"{1 / 3:7.2f}" + f"{FOOLED:8.2f}")
assert results[0.9]["L_tal"] > results[0.001]["L_tal"]

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for number, (question, style) in enumerate(zip(QUESTIONS, ("o-", "^--", "v--", "s:"), strict=True)):
    colour = "black" if number == 0 else figures.vertex_colour(question[0] + question[-1])
    axes[0].plot(range(4), [row["probes"][number] for row in results.values()], style, color=colour, label=question)
axes[0].axhline(1 / 3, color="black", ls=":", lw=1)
axes[0].axhline(1 / 2, color="0.5", ls=":", lw=1)
axes[0].set_xticks(range(4), list(results))
axes[0].set(ylim=(0.25, 1.03), xlabel=r"$\lambda$", title="linear probe (dotted: one space)")
axes[0].legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 0.32))
for ax, lambda_ in zip(axes[1:], (0.001, 0.9), strict=True):
    figures.modality_gap(results[lambda_]["x_e"][:, rows["test"]], ax=ax, title=rf"$\lambda = {lambda_}$")
    ax.get_legend().remove()
    ax.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Read the table from the top.
#
# - **$\lambda = 0$** is no adversary at all. The discriminator looks on and learns to tell the modalities apart.
# - **$\lambda = 0.001$**, the value of the authors' script, is hardly distinguishable from it. The discriminator wins
#   clearly: its $D$ is high for language and low for the others, and its loss far below $3 \log 3 - 2 \log 2$. The
#   reconstruction loss has 999 of 1000 parts of the say, and the loss that sees to the gap has the rest. With these
#   settings the gap that the paper wants to "narrow significantly" is not closed. By the probe it is wider than in
#   the features: the   encoders start at random, each elsewhere, and nothing draws them together.
# - **With a large $\lambda$** the discriminator has a hard time: its loss goes up, towards the $3 \log 3 - 2 \log 2$
#   of one   space, and its three answers get closer. The price is paid in the last column, in reconstruction.
# - **But look at the probe.** It is far above chance all the same. By the discriminator and by the paper's criterion
#   there is little left to tell apart, and a straight cut, trained afterwards, says which modality is which. For $a$
#   and   $v$ section 7 has announced it: nobody asks for them to be alike. For the others it means that a fooled
#   discriminator is one that has lost track of a moving target, not one that has nothing left to see.
#
# None of this says that the accuracy of ARGF is wrong, or that the adversary is useless. It may help in other ways than
# by closing the gap, and notebook 10 measures what it is worth. But "the distributions are matched" is a statement that
# one can test, and this is how.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed
# random inputs. If something is wrong it says what it looks like. Solutions are in
# `tutorials/solutions/06_adversary.py`.
#
# **6.1 The best referee (Eq. 4).** Section 3 derives $D^*$ for two sources. Write it for any number of them, with
# Eq. 4 having one summand for each.

# %%
def best_discriminator(p_target, p_sources):
    """Densities at n points: of the target (n,), of each source (s, n). Returns D* at each point, (n,)."""
    raise NotImplementedError("exercise 6.1")


check("6.1", best_discriminator)

# %% [markdown]
# **6.2 Both losses from logits (Eq. 3, 4).** In NumPy, as means over the batch, with $w = 1$, for any target. Some of
# the logits are enormous. `np.logaddexp` may be useful.

# %%
def adversarial_losses(z, target):
    """z (m, B, 1) logits, target a row. Returns [L_fal, L_tal], (2,)."""
    raise NotImplementedError("exercise 6.2")


check("6.2", adversarial_losses)

# %% [markdown]
# **6.3 Who pulls where? (Eq. 2)** Return the *force*, minus the gradient, with which each player pulls the logits. Let
# the generators come first.

# %%
def forces(z, target):
    """z (m, B, 1) logits, target a row. Returns (2, m, B, 1): of L_fal, and of L_tal."""
    raise NotImplementedError("exercise 6.3")


check("6.3", forces)

# %% [markdown]
# **6.4 A perfect translation, and what it is worth.** For $k = 1$ no adversary is needed. Give the utterance with the
# smallest $x_a$ the smallest of all $x_l$, the second smallest the second smallest, and so on. Then the two
# samples are *identical* as sets, and no discriminator can tell them apart.

# %%
def translate(x_a, x_l):
    """x_a, x_l (n,), without ties. Returns (n,): for each x_a the x_l of the same rank."""
    raise NotImplementedError("exercise 6.4")


check("6.4", translate)

# %% [markdown]
# Now turn it over: give the smallest $x_a$ the *largest* $x_l$. This translation is just as perfect in the eyes of
# every discriminator. Which loss of notebook 05 tells the two apart, and which does not?
#
# **To go on.** Section 7 has shown that Eq. 4 does not ask for $a$ and $v$ to be alike. Change the game so that it
# does: a discriminator for each source, or one with three outputs and a softmax. What is its optimum, and what is the
# loss when nothing can be told apart? Put it into `play`, and look at the last round. Then decide how you would find
# out whether it makes ARGF any better: which data, how many seeds, and which difference would convince you?

# %% [markdown]
# # 08 · Graph fusion I: unimodal and bimodal
#
# *Needs: 01, 02, 05. Minutes: 60. Paper: "Graph Fusion Network", Eq. 10 to 15.*
#
# Somebody says "great". The word alone is positive. A flat voice alone says little. Together they may well be
# sarcasm: what counts is neither the word nor the voice, but the two *in combination*.
#
# So how can a network look at each modality alone, then at each pair, and say how much each of these counts?
# The paper's answer is a graph. Its vertices are vectors: three for the modalities (layer 1), three for the pairs of
# modalities (layer 2), six for combinations of all three (layer 3). Here we build layers 1 and 2 from their six
# equations. Layer 3 and the decision are for notebook 09.
#
# On the way you will
#
# - write every equation as a loop, and see that the package computes the same, and the right gradient;
# - find out how little the similarity of Eq. 12 can vary, and what that leaves of Eq. 13;
# - watch the bimodal layer learn XOR, which the unimodal one cannot;
# - explain a result that surprised the authors, from one line in which their code differs from their paper.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $a, l, v$ | | the modalities: acoustic, language, visual, always in this order |
# | $k$ | | width of all vectors of the graph (50 in the paper's experiments) |
# | $m$, $m_1 m_2$ | | a modality; a pair of modalities: $al$, $vl$ or $av$ |
# | $\mathbf{V}_m$ | $k$ | vector of a unimodal vertex: $\mathbf{x}_m^e$, the output of the encoder of modality $m$ |
# | $\mathbf{V}_{m_1 m_2}$ | $k$ | vector of a bimodal vertex |
# | $\alpha_m$, $\alpha_{m_1 m_2}$ | 1 | weight of a vertex |
# | $S_{m_1 m_2}$ | 1 | similarity of two unimodal vertices |
# | $\mathbf{U}$, $\mathbf{B}$ | $k$ | output of layer 1, output of layer 2 |
#
# All of this is for one utterance. The code does a batch at once, and puts like things into one array: the three
# unimodal vertices of `B` utterances are `V`, of shape `(3, B, k)`. The plain letter `B` in a shape counts utterances;
# the bold $\mathbf{B}$ is the output of layer 2.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from argf_np import figures, nn
from argf_np.paper import graph_fusion_eq10_16 as gfn
from argf_np.data import load, standardise
from argf_np.paper.model import forward
from argf_np.nn import ops
from argf_np.settings import Settings
from argf_np.paper.protocols import train as fit
from argf_np.paper import vertices
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks

# %% [markdown]
# ## 1. The vertices of layer 1
#
# Until section 8 the encoders do not matter, so we draw their output at random. Every encoder ends in a tanh, and so
# every entry of $\mathbf{V}_m$ lies between $-1$ and $1$. Keep this in mind: section 4 makes something of it.
#
# The sizes are small, so that you can print everything, and they all differ, so that an array that is turned the wrong
# way round does not fit by accident.

# %%
rng = np.random.default_rng(1)
B, k = 5, 4
V = rng.uniform(-1, 1, (3, B, k))  # vertices a, l, v
params = gfn.init_gfn(rng, 3, k, N=2)  # all parameters of the graph; N classes, for notebook 09

for path, array in nn.leaves(params):
    print(f"{'/'.join(path):16} {array.shape}")

# %% [markdown]
# ## 2. How much does each modality count? (Eq. 10)
#
# A *modality attention network*, $MAN$, looks at a vertex and gives its weight: one number between 0 and 1. It is a
# dense layer with a sigmoid, and the same for all three modalities. The output of layer 1 adds up the weighted vectors
# and divides by three:
#
# $$\alpha_m = MAN(\mathbf{V}_m; \Theta_{MAN}), \qquad
# \mathbf{U} = \frac{1}{3} \sum_m \alpha_m \cdot \mathbf{V}_m, \quad m \in \{a, v, l\} \tag{10}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\Theta_{MAN}$ | `(k, 1)`, `(1, 1)` | parameters of $MAN$: `W` and `b` |
# | $\alpha_m$ | 1 | weight of modality $m$, for each utterance anew |
#
# As loops, one number at a time:

# %%
W, b = params["MAN"]["W"], params["MAN"]["b"]  # (k, 1), (1, 1)
alpha_loop = np.zeros((3, B, 1))
U_loop = np.zeros((B, k))

for i in range(B):  # each utterance
    for m in range(3):  # each modality
        z = b[0, 0]
        for j in range(k):
            z += V[m, i, j] * W[j, 0]
        alpha_loop[m, i, 0] = 1 / (1 + np.exp(-z))  # sigmoid
        for j in range(k):
            U_loop[i, j] += alpha_loop[m, i, 0] * V[m, i, j] / 3

# %% [markdown]
# The package has a function for each line of the equation. They agree with the loops:

# %%
alpha = gfn.modality_attention(params["MAN"], V)  # (3, B, 1)
U = gfn.unimodal_dynamics(alpha, V)  # (B, k)

assert np.allclose(alpha, alpha_loop, rtol=0, atol=1e-14)
assert np.allclose(U, U_loop, rtol=0, atol=1e-14)
for m, weight in zip("alv", alpha[:, 0, 0], strict=True):
    print(f"first utterance: alpha_{m} = {weight:.3f}")

# %% [markdown]
# **The gradient.** `nn.check_gradient` compares the gradient with finite differences (notebook 01), and raises an error
# where they differ by more than one part in a million. It wants a scalar, so we multiply the output by fixed random
# numbers and add up. Then every entry counts, and each differently.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def loss(p):
    return weigh(gfn.unimodal_dynamics(gfn.modality_attention(p["MAN"], p["V"]), p["V"]))


nn.check_gradient(loss, {"MAN": params["MAN"], "V": V}, rng)

# %% [markdown]
# By pencil, one part of it takes a line. Entry $j$ of $\mathbf{U}$ is $\frac{1}{3}(\alpha_a V_{aj} + \alpha_l V_{lj} +
# \alpha_v V_{vj})$, hence $\partial U_j / \partial \alpha_m = V_{mj} / 3$. You will use this in exercise 8.3.
#
# **A picture.** With $k = 2$ a vertex is an arrow in the plane. $MAN$ shortens each arrow by its weight (pale to full),
# and $\mathbf{U}$ is a third of what the three add up to.

# %%
V_2d = np.array([[-0.9, 0.5], [0.8, 0.8], [0.5, -0.7]])[:, None]  # (3, 1, 2)
alpha_2d = gfn.modality_attention({"W": np.array([[1.5], [1.0]]), "b": np.zeros((1, 1))}, V_2d)
U_2d = gfn.unimodal_dynamics(alpha_2d, V_2d)[0]

fig, ax = plt.subplots(figsize=(5, 4.2))
for m, vector, weight in zip("alv", V_2d[:, 0], alpha_2d[:, 0, 0], strict=True):
    style = {"arrowstyle": "->", "color": COLOURS[m], "lw": 2.5}
    ax.annotate("", vector, (0, 0), arrowprops=style | {"alpha": 0.35})
    ax.annotate("", weight * vector, (0, 0), arrowprops=style)
    ax.annotate(rf"$V_{m}$,  $\alpha_{m} = {weight:.2f}$", vector, (0, 7 if vector[1] > 0 else -14),
                textcoords="offset points", ha="center")
ax.annotate("", U_2d, (0, 0), arrowprops={"arrowstyle": "->", "color": "black", "lw": 3})
ax.annotate("$U$", U_2d, (6, -4), textcoords="offset points")
ax.set(xlim=(-1.25, 1.25), ylim=(-1.05, 1.1), aspect="equal")
ax.set_title("Eq. 10: three weighted arrows, and a third of their sum")
plt.show()

# %% [markdown]
# The weights come from three separate sigmoids. They do not compete: all three can be near 1, or all near 0, and their
# sum is not 1. So $\mathbf{U}$ is not an average in the strict sense, although the paper calls it one. With small
# weights it is simply short.
#
# ## 3. Fuse each two vertices (Eq. 11)
#
# A bimodal vertex is made from two unimodal ones. They are laid side by side ($\oplus$), $2k$ numbers, and a small
# network makes $k$ numbers of them:
#
# $$\mathbf{V}_{m_1 m_2} = MLP(\mathbf{V}_{m_1} \oplus \mathbf{V}_{m_2}; \Theta_{MLP}), \quad
# m_1, m_2 \in \{a, v, l\},\ m_1 \neq m_2 \tag{11}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\Theta_{MLP}$ | `(2k, 64)`, `(64, k)` | two dense layers: leaky ReLU after the first, tanh after the second |
# | $\oplus$ | | concatenation: $k$ and $k$ numbers become $2k$ |
#
# One $MLP$ serves all three pairs. The text does not give the width 64 and the slope 0.2 of the leaky ReLU; they
# are those of the code that the authors released.

# %%
def dense_loop(p, x):
    """x W + b for one vector x."""
    W, b = p["W"], p["b"]
    return [sum(x[i] * W[i, j] for i in range(len(x))) + b[0, j] for j in range(W.shape[1])]


def mlp_loop(p, V_1, V_2):
    """Eq. 11 for one pair of vectors."""
    side_by_side = [*V_1, *V_2]
    hidden = [z if z > 0 else 0.2 * z for z in dense_loop(p["dense_1"], side_by_side)]
    return [np.tanh(z) for z in dense_loop(p["dense_2"], hidden)]


pairs = {"al": (0, 1), "vl": (2, 1), "av": (0, 2)}  # a is row 0 of V, l is row 1, v is row 2
V_2_loop = np.array([[mlp_loop(params["MLP_2"], V[one, i], V[two, i]) for i in range(B)]
                     for one, two in pairs.values()])  # (3, B, k)

# %% [markdown]
# The package does the three pairs in one go. It takes the first vertices of all pairs and the second vertices of all
# pairs, as two arrays:

# %%
first, second = vertices.source_indices(3)[0]
print("pairs:", vertices.BIMODAL, "  rows:", first, second)
V_2 = gfn.fuse(params["MLP_2"], V[first], V[second])  # (3, B, k)

assert np.allclose(V_2, V_2_loop, rtol=0, atol=1e-14)


def loss(p):
    return weigh(gfn.fuse(p["MLP"], p["V"][first], p["V"][second]))


# A leaky ReLU has a kink. A small step keeps the finite differences on one side of it (notebook 01).
nn.check_gradient(loss, {"MLP": params["MLP_2"], "V": V}, rng, step=1e-5)

# %% [markdown]
# **A picture.** With $k = 1$ a vertex is one number, and a bimodal vertex is a function on the plane. Here is a fresh
# $MLP$, first as $MLP(V_a \oplus V_l)$ and then as $MLP(V_l \oplus V_a)$. They differ: which vector stands first
# matters. The paper does not say which. The order here is that of the names: $al$, $vl$, $av$.

# %%
def plane(steps=61):
    """Points (steps * steps, 1) of a square, as two arrays, and what contourf needs."""
    line = np.linspace(-1, 1, steps)
    x, y = np.meshgrid(line, line)
    return x.reshape(-1, 1), y.reshape(-1, 1), x, y


mlp = gfn.init_gfn(np.random.default_rng(23), 3, 1, N=2)["MLP_2"]
V_a, V_l, x, y = plane()
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True, layout="constrained")
for ax, V_al, title in ((axes[0], gfn.fuse(mlp, V_a, V_l), r"$MLP(V_a \oplus V_l)$"),
                        (axes[1], gfn.fuse(mlp, V_l, V_a), r"$MLP(V_l \oplus V_a)$")):
    image = ax.contourf(x, y, V_al.reshape(x.shape), levels=np.linspace(-0.6, 0.6, 25), cmap="PuOr")
    ax.set(title=title, xlabel="$V_a$", aspect="equal")
axes[0].set_ylabel("$V_l$")
fig.colorbar(image, ax=axes, ticks=[-0.6, 0, 0.6], label="$V_{al}$")
plt.show()

# %% [markdown]
# ## 4. How alike are two vertices? (Eq. 12)
#
# The paper argues: the more alike two vectors are, the less new there is in their combination. So it measures
# their similarity. Each vector is normalised by a softmax, and then they are multiplied:
#
# $$S_{m_1 m_2} = \tilde{\mathbf{V}}_{m_1}^T \tilde{\mathbf{V}}_{m_2}, \qquad
# \tilde V_{mj} = \frac{e^{V_{mj}}}{\sum_{i=1}^k e^{V_{mi}}} \tag{12}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\tilde{\mathbf{V}}_m$ | $k$ | the softmax of $\mathbf{V}_m$: positive numbers that add up to 1 |
# | $S_{m_1 m_2}$ | 1 | similarity; "the normalization ensures that [it] is between 0 to 1" |

# %%
S_loop = np.zeros((3, B, 1))
for pair, (one, two) in enumerate(pairs.values()):
    for i in range(B):
        e_1, e_2 = np.exp(V[one, i]), np.exp(V[two, i])
        for j in range(k):
            S_loop[pair, i, 0] += e_1[j] / sum(e_1) * e_2[j] / sum(e_2)

V_tilde = ops.softmax(V)  # (3, B, k), along the last axis
S = gfn.similarity(V_tilde[first], V_tilde[second])  # (3, B, 1)
assert np.allclose(S, S_loop, rtol=0, atol=1e-14)


def loss(p):
    V_tilde = ops.softmax(p["V"])
    return weigh(gfn.similarity(V_tilde[first], V_tilde[second]))


nn.check_gradient(loss, {"V": V}, rng)
print(f"for k = {k}, similarities from {S.min():.3f} to {S.max():.3f}")

# %% [markdown]
# **What can $S$ be?** Between 0 and 1, says the paper, and this is right. But which part of that is in reach? Every
# entry of $\mathbf{V}_m$ is between $-1$ and $1$, so no $e^{V_{mj}}$ is more than $e^2$ times as large as another.
# Such a softmax cannot have a sharp peak. All $\tilde V_{mj}$ stay near $1/k$, and a sum of $k$ products near $1/k^2$
# stays near $1/k$.
#
# Exactly: hold all numbers but one fixed. As a function of that one $e^{V_{mj}}$, $S$ is a quotient of two straight
# lines, which only rises or only falls. So $S$ is largest and smallest at *corners*, where every entry is $-1$ or $1$.
# Let $p$ be the share of entries that are 1 in both vectors. With $r = e^2$,
#
# $$ k \cdot S = \frac{p\, r^2 + (1 - p)}{(p\, r + 1 - p)^2}. $$
#
# This is largest at $p = 1 / (1 + r)$. The smallest $S$ belongs to two vectors of opposite sign, half $1$ and half
# $-1$. Put in:
#
# $$ \frac{1}{k \cosh^2 1} \le S \le \frac{\cosh^2 1}{k}, \qquad \cosh^2 1 \approx 2.381. $$
#
# Trust, but verify. For $k = 8$ there are $2^8$ corners, and we can try all pairs of them:

# %%
def S_bounds(k):
    """The smallest and the largest value of Eq. 12 for vectors with entries between -1 and 1."""
    return 1 / (k * np.cosh(1) ** 2), np.cosh(1) ** 2 / k


corners = ops.softmax(np.array(list(itertools.product([-1.0, 1.0], repeat=8))))  # (256, 8)
S_corners = corners @ corners.T  # (256, 256)
low, high = S_bounds(8)
print(f"all corners, k = 8: {S_corners.min():.4f} to {S_corners.max():.4f}")
print(f"bounds:             {low:.4f} to {high:.4f}")
assert np.isclose(S_corners.min(), low)  # k is even, so half of the entries can be 1
assert 0.99 * high < S_corners.max() <= high  # 1 / (1 + r) of 8 entries is 0.95 entries: 1 is close

low, high = S_bounds(50)
print(f"k = 50: S lies between {low:.4f} and {high:.4f},")
print(f"        so S + 0.5 lies between {low + 0.5:.3f} and {high + 0.5:.3f}")

# %%
ks = np.geomspace(4, 150, 100)
drawn = {width: ops.softmax(np.random.default_rng(0).uniform(-1, 1, (2, 300, width)))
         for width in (4, 8, 16, 32, 50, 100, 150)}
fig, ax = plt.subplots(figsize=(6.4, 3.6))
ax.fill_between(ks, *S_bounds(ks), color="0.85", label="all that $S$ can be")
ax.plot(ks, 1 / ks, color="0.4", lw=1, label="$1/k$")
for width, (V_1, V_tilde_2) in drawn.items():
    ax.plot(np.full(300, width), gfn.similarity(V_1, V_tilde_2)[:, 0], ".", color=COLOURS["l"], ms=2,
            label="random vectors" if width == 4 else None)
ax.axhline(0.5, color=COLOURS["v"], ls="--", label="the 0.5 of Eq. 13")
ax.axvline(50, color="0.4", lw=1, ls=":")
ax.set(xscale="log", xlabel="$k$", ylabel="$S$", ylim=(0, 0.62))
ax.set_title("Eq. 12: the wider the vectors, the less S can say")
ax.set_xticks(list(drawn), list(drawn))
ax.minorticks_off()
ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.78))
plt.show()

# %% [markdown]
# ## 5. The score of a pair (Eq. 13)
#
# A pair scores high where its two modalities are important and not alike:
#
# $$\hat\alpha_{m_1 m_2} = \frac{\alpha_{m_1} + \alpha_{m_2}}{S_{m_1 m_2} + 0.5} \tag{13}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\alpha_{m_1}$, $\alpha_{m_2}$ | 1 | weights of the two modalities, Eq. 10 |
# | $\hat\alpha_{m_1 m_2}$ | 1 | score of the pair |
#
# Each summand, $\alpha_{m_1} / (S_{m_1 m_2} + 0.5)$, is the weight of an *edge* of the graph, here the one from vertex
# $m_1$ to vertex $m_1 m_2$. The 0.5 keeps the quotient finite, and is there "to control the relative importance" of
# the two parts.

# %%
alpha_hat_loop = np.zeros((3, B, 1))
for pair, (one, two) in enumerate(pairs.values()):
    for i in range(B):
        alpha_hat_loop[pair, i, 0] = (alpha[one, i, 0] + alpha[two, i, 0]) / (S[pair, i, 0] + 0.5)

alpha_hat = gfn.vertex_scores(alpha[first], alpha[second], S)  # (3, B, 1)
assert np.allclose(alpha_hat, alpha_hat_loop, rtol=0, atol=1e-14)

nn.check_gradient(lambda p: weigh(gfn.vertex_scores(p["alpha_1"], p["alpha_2"], p["S"])),
                  {"alpha_1": alpha[first], "alpha_2": alpha[second], "S": S}, rng)

# %% [markdown]
# By pencil, with the quotient rule:
#
# $$\frac{\partial \hat\alpha_{m_1 m_2}}{\partial \alpha_{m_1}} = \frac{1}{S_{m_1 m_2} + 0.5}, \qquad
# \frac{\partial \hat\alpha_{m_1 m_2}}{\partial S_{m_1 m_2}} =
# - \frac{\alpha_{m_1} + \alpha_{m_2}}{(S_{m_1 m_2} + 0.5)^2}.$$

# %%
_, gradient = nn.value_and_grad(lambda p: gfn.vertex_scores(p["alpha_1"], alpha[second], p["S"]).sum(),
                                {"alpha_1": alpha[first], "S": S})
assert np.allclose(gradient["alpha_1"], 1 / (S + 0.5))
assert np.allclose(gradient["S"], -(alpha[first] + alpha[second]) / (S + 0.5) ** 2)

# %% [markdown]
# **A picture, and what the bounds of section 4 do to it.** Each line is Eq. 13 for one value of $\alpha_{m_1} +
# \alpha_{m_2}$. If $S$ went from 0 to 1, a score could fall to a third. But for $k = 50$ only the narrow grey
# strip is in reach:

# %%
low, high = S_bounds(50)
fig, ax = plt.subplots(figsize=(6.4, 3.4))
S_line = np.linspace(0, 1, 200)
ax.axvspan(low, high, color="0.8")
ax.annotate("all that is in reach for $k = 50$", (high, 3.7), (60, 0),
            textcoords="offset points", va="center", arrowprops={"arrowstyle": "->", "color": "0.4"})
for total in (0.5, 1, 1.5, 2):
    ax.plot(S_line, gfn.vertex_scores(total / 2, total / 2, S_line), color=COLOURS["l"], alpha=total / 2)
    ax.annotate(rf"$\alpha_{{m_1}} + \alpha_{{m_2}} = {total:g}$", (1, total / 1.5), (4, -3),
                textcoords="offset points")
ax.set(xlim=(0, 1), ylim=(0, 4.1), xlabel="$S_{m_1 m_2}$", ylabel=r"$\hat\alpha_{m_1 m_2}$")
ax.set_title("Eq. 13: the score of a pair")
plt.show()
print(f"For k = 50 the similarity can change a score by at most {(high + 0.5) / (low + 0.5) - 1:.1%}.")

# %% [markdown]
# So for $k = 50$ the denominator is nearly a constant, and the score nearly $(\alpha_{m_1} + \alpha_{m_2})\, /\,
# 0.52$. The argument about similar vectors is sound, but this formula hardly acts on it. What would? Think about it
# until the end of this notebook.
#
# ## 6. The weights of the pairs (Eq. 14)
#
# A softmax over the three scores of an utterance turns them into weights that add up to 1:
#
# $$\alpha_{m_1 m_2} = \frac{e^{\hat\alpha_{m_1 m_2}}}{\sum_{m_i \neq m_j} e^{\hat\alpha_{m_i m_j}}} \tag{14}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\alpha_{m_1 m_2}$ | 1 | weight of the bimodal vertex $m_1 m_2$ |
#
# Note the axis. The softmax of Eq. 12 runs along the $k$ entries of a vector, this one over the three vertices.

# %%
alpha_2_loop = np.zeros((3, B, 1))
for i in range(B):
    total = sum(np.exp(alpha_hat[pair, i, 0]) for pair in range(3))
    for pair in range(3):
        alpha_2_loop[pair, i, 0] = np.exp(alpha_hat[pair, i, 0]) / total

alpha_2 = gfn.vertex_weights(alpha_hat)  # (3, B, 1)
assert np.allclose(alpha_2, alpha_2_loop, rtol=0, atol=1e-14)
assert np.allclose(alpha_2.sum(axis=0), 1)
nn.check_gradient(lambda p: weigh(gfn.vertex_weights(p["alpha_hat"])), {"alpha_hat": alpha_hat}, rng)

# %% [markdown]
# By pencil, the derivative of a softmax is $\partial \alpha_i / \partial \hat\alpha_j = \alpha_i (\delta_{ij} -
# \alpha_j)$, where $\delta_{ij}$ is 1 for $i = j$ and 0 otherwise. For the first utterance:

# %%
w = alpha_2[:, 0, 0]  # (3,)
by_pencil = np.diag(w) - np.outer(w, w)  # (3, 3)
for pair in range(3):
    _, gradient = nn.value_and_grad(lambda p, pair=pair: gfn.vertex_weights(p["alpha_hat"])[pair, 0, 0],
                                    {"alpha_hat": alpha_hat})
    assert np.allclose(gradient["alpha_hat"][:, 0, 0], by_pencil[pair])
    assert not gradient["alpha_hat"][:, 1:].any()  # the other utterances do not count

# %% [markdown]
# **Which weights are in reach?** Take $S$ as constant, as we now may. Then
#
# $$\frac{\alpha_{al}}{\alpha_{av}} = e^{\hat\alpha_{al} - \hat\alpha_{av}} \approx e^{(\alpha_l - \alpha_v) / 0.52}.$$
#
# The $\alpha_a$ has dropped out: what the two pairs share does not count between them. Said the other way round, a pair
# weighs much where the modality that it *lacks* weighs little. And as $\alpha_l - \alpha_v < 1$, no pair can weigh more
# than $e^{1/0.52} \approx 6.8$ times as much as another: every pair always has a say.
#
# In the picture each point is one choice of $(\alpha_a, \alpha_l, \alpha_v)$. Its place shows the weights of the three
# pairs: a corner gives one pair all the weight, the centre each pair a third. Its colour is mixed from those of the
# modalities by their weights.

# %%
alphas = np.random.default_rng(0).uniform(0, 1, (3, 4000, 1))
weights = gfn.vertex_weights(gfn.vertex_scores(alphas[first], alphas[second], 1 / 50))
weights = weights[..., 0]  # (3, 4000)
triangle = np.array([[0.5, 0.866], [0, 0], [1, 0]])  # the corners: al, vl, av
points = weights.T @ triangle
mixture = alphas[..., 0].T / alphas[..., 0].sum(axis=0)[:, None]  # (4000, 3)
colours = mixture @ [figures.vertex_colour(m) for m in "alv"]

fig, ax = plt.subplots(figsize=(5, 4.2))
ax.add_patch(plt.Polygon(triangle, fill=False, edgecolor="0.5"))
ax.scatter(*points.T, c=colours, s=4)
for name, corner, place in zip(pairs, triangle, ((0, 6), (-12, -16), (12, -16)), strict=True):
    ax.annotate(rf"$\alpha_{{{name}}} = 1$", corner, place, textcoords="offset points", ha="center")
for m, colour in COLOURS.items():
    ax.scatter([], [], color=colour, label=rf"only $\alpha_{m}$ is large")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(-0.22, 1), fontsize="small")
ax.set(xlim=(-0.2, 1.2), ylim=(-0.12, 0.98), aspect="equal")
ax.set_title("Eq. 14: the weights in reach, for $k = 50$")
ax.axis("off")
plt.show()

ratio = (weights.max(axis=0) / weights.min(axis=0)).max()
print(f"weight of a pair: {weights.min():.3f} to {weights.max():.3f}, largest ratio of two: {ratio:.2f}")
assert ratio < np.exp(1 / 0.52)

# %% [markdown]
# ## 7. The output of layer 2 (Eq. 15)
#
# The bimodal vectors, each times its weight, added up:
#
# $$\mathbf{B} = \sum \alpha_{m_1 m_2} \cdot \mathbf{V}_{m_1 m_2} \tag{15}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{B}$ | $k$ | the bimodal dynamics: the output of layer 2 |
#
# There is no $\frac{1}{3}$ here as in Eq. 10. The weights add up to 1, so this is an average already.

# %%
B_loop = np.zeros((B, k))
for pair in range(3):
    for i in range(B):
        for j in range(k):
            B_loop[i, j] += alpha_2[pair, i, 0] * V_2[pair, i, j]

B_vector = gfn.weighted_sum(alpha_2, V_2)  # (B, k)
assert np.allclose(B_vector, B_loop, rtol=0, atol=1e-14)
nn.check_gradient(lambda p: weigh(gfn.weighted_sum(p["alpha"], p["V"])),
                  {"alpha": alpha_2, "V": V_2}, rng)

# By pencil: dB_j / dV_j = alpha for each pair, whatever j.
_, gradient = nn.value_and_grad(lambda p: gfn.weighted_sum(alpha_2, p["V"]).sum(), {"V": V_2})
assert np.allclose(gradient["V"], np.broadcast_to(alpha_2, V_2.shape))

# An average lies between what is averaged. In the picture: in the triangle of the three vectors.
assert ((V_2.min(axis=0) <= B_vector) & (B_vector <= V_2.max(axis=0))).all()

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 2.9), sharex=True, sharey=True, layout="constrained")
for i, ax in enumerate(axes):
    corners_2d = V_2[:, i, :2]  # the first two of the k entries
    ax.add_patch(plt.Polygon(corners_2d, color="0.93"))
    for name, corner, weight in zip(pairs, corners_2d, alpha_2[:, i, 0], strict=True):
        colour = figures.vertex_colour(name)
        ax.plot(*zip(corner, B_vector[i, :2], strict=True), color=colour, lw=8 * weight, alpha=0.5)
        ax.scatter(*corner, color=colour, s=600 * weight, zorder=2, label=rf"$V_{{{name}}}$")
    ax.scatter(*B_vector[i, :2], color="black", marker="s", s=40, zorder=3, label=r"$\mathbf{B}$")
    ax.set(title=f"utterance {i + 1}", xlabel="first entry")
    ax.margins(0.2)
axes[0].set_ylabel("second entry")
legend = fig.legend(*ax.get_legend_handles_labels(), frameon=False, loc="outside right center")
for handle in legend.legend_handles:
    handle.set_sizes([60])
plt.show()

# %% [markdown]
# ## 8. The graph of a trained network (Figure 2)
#
# One function, `gfn.interaction`, does Eq. 11 to 15. It returns every intermediate by its name, and gives what we
# have built step by step:

# %%
layer_2 = gfn.interaction(params["MLP_2"], V, V_tilde, alpha, vertices.source_indices(3)[0])
built = {"V": V_2, "S": S, "alpha_hat": alpha_hat, "alpha": alpha_2, "sum": B_vector}
for name, expected in built.items():
    assert np.array_equal(layer_2[name], expected), name

# %% [markdown]
# Time for data. `load` takes the real CMU-MOSI corpus where you have it, and otherwise a synthetic one of the same
# shape (notebook 03). The encoders want vectors of one width. Here it is the quick way: the 50 directions in which
# the features of a modality vary most. (The paper's way is the UCLN of notebook 04.)
#
# Then encoders and graph are trained together for three epochs. Three are few, but enough to see weights that differ.

# %%
corpus = standardise(load("mosi"))
rows = {split: corpus.utterances(split) for split in corpus.split}
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")


def principal_directions(features, d=50):
    """The features along the d directions of the largest variance, scaled to standard deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


x = np.stack([principal_directions(corpus.features[m]) for m in "alv"])  # (3, n, 50)
labels = np.eye(len(corpus.classes))[corpus.labels]  # (n, N), one-hot

nn.use("fast")  # the same values, sooner
fitted = fit(x, labels, rows, Settings(epochs=3))
nn.use("readable")
out = forward(fitted["params"], x[:, rows["test"]].astype("float32"))  # every intermediate, by name

# %%
ax = figures.graph(figures.stack_weights(out), title=f"{corpus.source} corpus, test utterances")
display(ax.figure)

# %% [markdown]
# Does the similarity do more here than section 4 allows? It cannot:

# %%
low, high = S_bounds(out["x_e"].shape[-1])
by_pair = out["S_2"][..., 0]  # (3, test utterances)
for name, values in zip(pairs, by_pair, strict=True):
    print(f"S_{name}: {values.min():.4f} to {values.max():.4f}")
print(f"bounds: {low:.4f} to {high:.4f}")
assert (by_pair >= low * (1 - 1e-5)).all()  # float32 rounds
assert (by_pair <= high * (1 + 1e-5)).all()

both = out["alpha_hat_2"] * (out["S_2"] + 0.5)  # alpha_m1 + alpha_m2
change = np.abs(out["alpha_2"] - gfn.vertex_weights(both / (1 / 50 + 0.5))).max()
print(f"largest change of a bimodal weight if S is replaced by 1/k: {change:.4f}")

# %% [markdown]
# The last number is what the similarity contributes to the weights of this network, at most.
#
# ## 9. What layer 2 is for: XOR
#
# Let the label be the *product* of two signs: positive if voice and words agree, negative if they contradict each
# other. This is XOR. Either modality alone says nothing, both together say everything.
#
# Layer 1 cannot help. $\mathbf{U}$ is a sum of three vectors, each made from one modality. Take the four combinations
# of two signs. Any sum $f(V_a) + g(V_l)$ obeys
#
# $$[f(+) + g(+)] + [f(-) + g(-)] = [f(+) + g(-)] + [f(-) + g(+)],$$
#
# so a straight cut through $\mathbf{U}$ cannot have both combinations on the left on one side and both on the right
# on the other. Layer 2 may: its $MLP$ sees both vectors at once. We let both try, on clouds in two dimensions:

# %%
def clouds(rng, n):
    """Vertices (3, n, 2), labels (n,): the signs are in the first entries of a and l, the rest is noise."""
    s = rng.choice([-1, 1], (2, n))  # s_a, s_l
    V = 0.15 * rng.standard_normal((3, n, 2))
    V[:2, :, 0] += 0.55 * s
    return np.clip(V, -1, 1), (s[0] * s[1] > 0).astype(int)


def unimodal_output(params, V):
    return gfn.unimodal_dynamics(gfn.modality_attention(params["MAN"], V), V)  # U


def bimodal_output(params, V):
    alpha = gfn.modality_attention(params["MAN"], V)
    return gfn.interaction(params["MLP_2"], V, ops.softmax(V), alpha, vertices.source_indices(3)[0])["sum"]  # B


def linear_decision(params, output):
    return ops.dense_layer(params["decision"], output, "softmax")  # (n, 2)


def train(output_of, decision, params, V, labels, steps=400):
    """Minimise the mean square error of the decision, which is the paper's loss, with Adam."""
    params = nn.cast(params, "float64")
    state = nn.init_adam(params)
    y = np.eye(2)[labels]  # (n, 2), one-hot
    for _ in range(steps):
        _, gradient = nn.value_and_grad(
            lambda p: gfn.fusion_loss(decision(p, output_of(p, V)), y), params)
        nn.adam(state, params, gradient, lr=0.03)
    return params


def accuracy(output_of, decision, params, V, labels):
    return np.mean(decision(params, output_of(params, V)).argmax(axis=1) == labels)


rng = np.random.default_rng(0)
V_train, labels_train = clouds(rng, 1000)
V_test, labels_test = clouds(rng, 1000)
fresh = gfn.init_gfn(rng, 3, 2, N=2)
fresh = {"MAN": fresh["MAN"], "MLP_2": fresh["MLP_2"], "decision": nn.init_dense(rng, 2, 2)}

trained = {name: train(output_of, linear_decision, fresh, V_train, labels_train)
           for name, output_of in (("U", unimodal_output), ("B", bimodal_output))}
scores = {"U": accuracy(unimodal_output, linear_decision, trained["U"], V_test, labels_test),
          "B": accuracy(bimodal_output, linear_decision, trained["B"], V_test, labels_test)}
for name, score in scores.items():
    print(f"straight cut through {name}: {score:.1%} of the test points right")
assert scores["U"] < 0.8 < 0.95 < scores["B"]  # at best a straight cut gets three of four right

# %%
V_a, V_l, x, y = plane(81)
still = np.zeros_like(V_a)
V_plane = np.stack([np.hstack([first_entry, still]) for first_entry in (V_a, V_l, still)])  # (3, 81 * 81, 2)
positive = {"U": linear_decision(trained["U"], unimodal_output(trained["U"], V_plane))[:, 1],
            "B": linear_decision(trained["B"], bimodal_output(trained["B"], V_plane))[:, 1]}
some = slice(0, 250)
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.6), sharey=True, layout="constrained")
for ax, (name, M) in zip(axes, positive.items(), strict=True):
    image = ax.contourf(x, y, M.reshape(x.shape), levels=np.linspace(0, 1, 21), cmap="Greys_r")
    ax.contour(x, y, M.reshape(x.shape), levels=[0.5], colors="black", linewidths=1)
    for c, label in enumerate(("signs differ", "signs agree")):
        mine = labels_test[some] == c
        ax.scatter(*V_test[:2, some, 0][:, mine], marker=figures.SHAPES[c], s=16, edgecolor="white",
                   linewidth=0.4, color=figures.CLASS_COLOURS[c], label=label)
    ax.set(title=rf"straight cut through $\mathbf{{{name}}}$: {scores[name]:.0%} right", aspect="equal",
           xlabel="$V_a$, first entry")
axes[0].set_ylabel("$V_l$, first entry")
axes[0].legend(fontsize="small", loc="center")
fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], label="decision: signs agree")
plt.show()

# %% [markdown]
# And the sum rule, on the network itself: for any two $V_a$ and any two $V_l$ the alternating sum over the four
# combinations is zero for $\mathbf{U}$, and far from zero for $\mathbf{B}$.

# %%
four = np.array([[-0.5, -0.5, 0.5, 0.5], [-0.5, 0.5, -0.5, 0.5], [0, 0, 0, 0]])  # V_a, V_l, V_v
four = four[..., None] * [1, 0]  # (3, 4, 2): the second entries are 0
alternating = np.array([[1.0, -1.0, -1.0, 1.0]])
print("U:", np.round(alternating @ unimodal_output(trained["U"], four), 12) + 0.0)
print("B:", np.round(alternating @ bimodal_output(trained["B"], four), 3))
assert np.allclose(alternating @ unimodal_output(trained["U"], four), 0)

layer = gfn.interaction(trained["B"]["MLP_2"], V_test, ops.softmax(V_test),
                        gfn.modality_attention(trained["B"]["MAN"], V_test), vertices.source_indices(3)[0])
for name, weight in zip(pairs, layer["alpha"].mean(axis=(1, 2)), strict=True):
    print(f"mean alpha_{name}: {weight:.2f}")

# %% [markdown]
# Look at the mean weights. The label is in the pair $al$ alone, yet the other pairs keep a part of the weight:
# section 6 has shown why. A weight says how much of a vector enters the sum. It does not say how much the decision
# depends on it.
#
# One caution. We have cut $\mathbf{U}$ by a *straight* line. The decision of the paper (notebook 09) is a network that
# can bend. Can it find XOR in $\mathbf{U}$?

# %%
def bent_decision(params, output):
    return linear_decision(params, ops.dense_layer(params["hidden"], output, "tanh"))


bent = fresh | {"hidden": nn.init_dense(rng, 2, 16), "decision": nn.init_dense(rng, 16, 2)}
bent = train(unimodal_output, bent_decision, bent, V_train, labels_train)
score = accuracy(unimodal_output, bent_decision, bent, V_test, labels_test)
print(f"bent cut through U: {score:.1%} of the test points right")

# %% [markdown]
# It can: if the signs agree the two arrows add up to a long one, and if they differ they cancel out. So layer 2 is not
# the only place where interactions can arise. It is the place made for them, where each pair has a vertex of its own
# that one can look at.
#
# ## 10. Where the released code differs
#
# The authors have published their code. In layer 2 it differs from the paper in two places. The package can do both:
# `variant="paper"`, the default, and `variant="released"`.
#
# **D9: another activation.** The code does not add up $\alpha \mathbf{V}$ but $ELU(\alpha \mathbf{V})$, where
# $ELU(z)$ is $z$ for $z > 0$ and $e^z - 1$ otherwise. (It also hands this weighted vector on to layer 3, where the
# paper hands on $\mathbf{V}$.) As $e^z - 1 \ge z$, negative entries come out less negative, and no entry of
# $\mathbf{B}$ can get smaller:

# %%
released = gfn.interaction(params["MLP_2"], V, V_tilde, alpha, vertices.source_indices(3)[0], variant="released")
assert (released["sum"] >= B_vector - 1e-12).all()
print(f"mean of B: paper {B_vector.mean():+.3f}, released {released['sum'].mean():+.3f}")
print(f"largest difference of an entry: {np.abs(released['sum'] - B_vector).max():.3f}")
for variant, layer in {"paper": layer_2, "released": released}.items():
    length = np.linalg.norm(layer["onward"], axis=-1).mean()
    print(f"mean length of a vector for layer 3: {variant} {length:.3f}")

# %% [markdown]
# With weights near a third, $\alpha V$ is seldom below $-0.3$, where $ELU$ is still close to a straight line. D9 is
# small.
#
# **D10: another weight for layer 3.** Layer 3 repeats Eq. 13 and 14, with the weights of the vertices that it fuses.
# For a bimodal vertex the paper takes $\alpha_{m_1 m_2}$ of Eq. 14. The code takes $\hat\alpha_{m_1 m_2}$ of Eq. 13,
# *before* the softmax. That looks harmless, but compare their sizes:

# %%
k = 50
V_many = np.random.default_rng(1).uniform(-1, 1, (3, 500, k))
untrained = gfn.init_gfn(np.random.default_rng(2), 3, k, N=2)
graphs = {variant: gfn.graph_fusion(untrained, V_many, variant) for variant in ("paper", "released")}
graph = graphs["paper"]
print(f"mean weight of a unimodal vertex       {graph['alpha_m'].mean():.2f}")
print(f"mean weight of a bimodal one, Eq. 14   {graph['alpha_2'].mean():.2f}")
print(f"mean score of a bimodal one, Eq. 13    {graph['alpha_hat_2'].mean():.2f}")

# %% [markdown]
# Half of the vertices of layer 3 fuse two bimodal vertices, the other half a bimodal vertex with the modality that it
# lacks. With the scores in place of the weights, the first half gets far larger numbers, and the softmax does
# the rest. These networks are untrained and their input is noise, so nothing here has been learnt:

# %%
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
names = list(vertices.TRIMODAL)
for side, (variant, graph) in zip((-0.2, 0.2), graphs.items(), strict=True):
    bars = ax.bar(np.arange(6) + side, graph["alpha_3"].mean(axis=(1, 2)), 0.38,
                  color=[figures.vertex_colour(name) for name in names], edgecolor="black",
                  hatch="" if variant == "paper" else "///", label=f"{variant} variant")
    ax.bar_label(bars, fmt="%.2f", fontsize="small", padding=2)
ax.axhline(1 / 6, color="0.4", ls=":", label="equal weights")
ax.set_xticks(range(6), [figures.vertex_label(name) for name in names])
ax.set(ylabel="mean weight", title="D10: layer 3 of untrained networks, on noise")
legend = ax.legend(frameon=False)
for handle in legend.legend_handles[1:]:
    handle.set_facecolor("white")
plt.show()

two_bimodal = {variant: graph["alpha_3"][:3].sum(axis=0).mean() for variant, graph in graphs.items()}
for variant, share in two_bimodal.items():
    print(f"{variant:8} the three vertices made from two bimodal ones hold {share:.0%} of the weight")
assert two_bimodal["paper"] < 0.5 < 0.8 < two_bimodal["released"]

# %% [markdown]
# Now read what the authors write about their Figure 6: "for trimodal interactions, *to our surprise*, vertices
# obtained by fusing a bimodal vertex and a unimodal vertex hardly make any difference, but vertices obtained by
# fusing two bimodal vertices dominate". This need not be a property of human language. Their code gives this picture
# before it has seen any. The printed equations give the opposite one, and only slightly.
#
# A weight is what a formula makes of its input. Before you explain a weight by the world, look at what it is without
# training. Notebook 11 comes back to this.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed
# random inputs. If something is wrong it says what it looks like. Solutions are in
# `tutorials/solutions/08_graph_fusion_1.py`.
#
# **8.1 All similarities at once (Eq. 12).** Section 4 has computed three similarities. Compute that of *each* two of
# $n$ vertices of each utterance. One or two lines are enough, without a loop.

# %%
def all_similarities(V):
    """V (n, B, k). Returns S (B, n, n): S[b, i, j] is that of vertices i and j of utterance b."""
    raise NotImplementedError("exercise 8.1")


check("8.1", all_similarities)

# %% [markdown]
# **8.2 From weights to the output (Eq. 13 to 15).** Compute $\mathbf{B}$ in NumPy, for any number of pairs $n$.

# %%
def bimodal_dynamics(alpha_1, alpha_2, S, V):
    """Weights of the first and of the second vertices and S (n, B, 1); V (n, B, k). Returns (B, k)."""
    raise NotImplementedError("exercise 8.2")


check("8.2", bimodal_dynamics)

# %% [markdown]
# **8.3 Back through Eq. 10, by pencil.** Somebody hands you $g_j = \partial L / \partial U_j$, the gradient of a loss
# by $\mathbf{U}$. What is $\partial L / \partial \alpha_m$? Section 2 has the derivative that you need, the chain
# rule does the rest.

# %%
def gradient_of_the_weights(g, V):
    """g (B, k), V (3, B, k). Returns the gradient by the weights alpha, (3, B, 1)."""
    raise NotImplementedError("exercise 8.3")


check("8.3", gradient_of_the_weights)

# %% [markdown]
# **8.4 XOR by hand (Eq. 11).** In section 9 Adam has found an $MLP$ that multiplies signs. Find one yourself, for $k
# = 1$, with as few hidden units as you can: the vertex must have the sign of $V_1 \cdot V_2$, for all $|V_1|, |V_2|$
# between 0.3 and 1. Hint: with leaky ReLU $r$, $r(z) + r(-z)$ is a multiple of $|z|$. Where is $|V_1 + V_2|$ large,
# where $|V_1 - V_2|$?

# %%
def xor_by_hand():
    """Parameters of an MLP with h hidden units, as arrays:

    {"dense_1": {"W": (2, h), "b": (1, h)}, "dense_2": {"W": (h, 1), "b": (1, 1)}}
    """
    raise NotImplementedError("exercise 8.4")


check("8.4", xor_by_hand)

# %% [markdown]
# **To go on.** Section 5 leaves Eq. 13 with a denominator that hardly varies. Replace Eq. 12 by a similarity that
# uses its whole range, say $\frac{1}{2} (1 + \cos)$ of the angle between the two vectors. How far can the weights of
# Eq. 14 now move? Draw the triangle of section 6 again. Then think of an experiment that would tell whether this is
# *better*: which data, how many seeds, and which difference would convince you?

# %% [markdown]
# # 09 · Graph fusion II: trimodal and decision
#
# *Needs: 07, 08. Minutes: 50. Paper: "Graph Fusion Network", from Eq. 15 to Eq. 16.*
#
# "Well, that was great", says somebody. The words are positive. The flat voice turns them round: sarcasm. But there
# is a wink, and that turns it round once more: they only play the grumpy one. Here no modality alone tells what is
# meant, and no two of them do. It takes all three.
#
# Layer 2 of the graph has looked at pairs. How does layer 3 put three together, and how does one number come out at the
# end?
#
# On the way you will
#
# - find the six vertices of layer 3 by counting, instead of by heart;
# - see that layer 3 needs no new equation: one function serves both layers;
# - follow one weight through the paper's formula and through that of the released code, and see one of them saturate;
# - make the decision, Eq. 16, by hand;
# - prove how much of a purely trimodal signal each layer can get hold of, and watch them get exactly that.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{V}_m$, $\mathbf{V}_{m_1 m_2}$ | $k$ | vectors of the vertices of layer 1 and 2 (notebook 08) |
# | $\alpha$, $\hat\alpha$, $S$ | 1 | weight and score of a vertex, similarity of two vertices (notebook 08) |
# | $\mathbf{U}$, $\mathbf{B}$, $\mathbf{T}$ | $k$ | outputs of layers 1, 2 and 3 |
# | $\mathbf{\Omega}$ | $3k$ | the three outputs side by side |
# | $Dec$, $\Theta_{Dec}$ | | the decision network and its parameters |
# | $N$ | 1 | number of classes |
# | $\mathbf{M}$ | $N$ | the decision: a probability for each class |
#
# The vertices of a layer are one array of shape `(n, B, k)`, for `n` vertices and a batch of `B` utterances, their
# weights one of shape `(n, B, 1)`.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, nn
from argf_np.paper import graph_fusion_eq10_16 as gfn
from argf_np.data import load, standardise, synthesise
from argf_np.paper.model import forward
from argf_np.nn import ops
from argf_np.settings import Settings
from argf_np.paper.protocols import train as fit
from argf_np.paper import vertices
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. Which six?
#
# Layers 1 and 2 hold six vertices, $a, l, v$ and $al, vl, av$. A vertex of layer 3 fuses two of them. There are 15
# ways to choose two of six. The paper takes "each two bimodal vertices", and "each specific bimodal vertex [...] with
# the unimodal vertex that do[es] not contribute to" it. Why these? Ask which pairs hold all three modalities:

# %%
below = [*vertices.UNIMODAL, *vertices.BIMODAL]
candidates = list(itertools.combinations(below, 2))
complete = [pair for pair in candidates if set("".join(pair)) == set("alv")]
print(f"{len(candidates)} pairs, {len(complete)} of them with all three modalities:",
      ", ".join("+".join(pair) for pair in complete))

assert {frozenset(pair) for pair in complete} == {frozenset(pair) for pair in vertices.TRIMODAL.values()}
print("in the package's order:", ", ".join(vertices.TRIMODAL))

# %%
fig, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
for one, two in candidates:
    row, column = below.index(two), below.index(one)
    trimodal = (one, two) in complete
    bimodal = len(one + two) == 2
    ax.add_patch(plt.Rectangle((column - 0.46, row - 0.46), 0.92, 0.92,
                               color=figures.vertex_colour(one + two) if trimodal else "0.93"))
    text = "layer 3" if trimodal else "layer 2" if bimodal else "twice " + one
    ax.text(column, row, text, ha="center", va="center", fontsize="small",
            color="white" if trimodal else "0.4", weight="bold" if trimodal else "normal")
ax.set_xticks(range(5), below[:5])
ax.set_yticks(range(1, 6), below[1:])
ax.set(xlim=(-0.5, 4.5), ylim=(5.5, 0.5))
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
ax.set_title("Two of six: what they make")
plt.show()

# %% [markdown]
# Three pairs are unimodal, and layer 2 has them already. Six fuse a bimodal vertex with a modality that it contains.
# The other six hold all three modalities: these are the vertices of layer 3 (D11). In three of them a modality enters
# twice, as $l$ does in $al$ and $vl$.
#
# ## 2. One function for layers 2 and 3
#
# For layer 3 the paper has no new equations. It uses "the same $MLP$ network [...] (but the parameters are not
# shared)", and "the same weight computing method". So Eq. 11 to 15 apply once more, one floor up. With $p$ and $q$
# for the two vertices that are fused, say $p = al$ and $q = v$:
#
# $$\mathbf{V}_{pq} = MLP_3(\mathbf{V}_p \oplus \mathbf{V}_q), \qquad
# \hat\alpha_{pq} = \frac{\alpha_p + \alpha_q}{S_{pq} + 0.5}, \qquad
# \alpha_{pq} = \frac{e^{\hat\alpha_{pq}}}{\sum e^{\hat\alpha}}, \qquad
# \mathbf{T} = \sum \alpha_{pq} \mathbf{V}_{pq}$$
#
# The sums run over the six vertices. Here are the three layers as loops, one utterance and one vertex at a time:

# %%
rng = np.random.default_rng(1)
B, k, N = 5, 4, 3
x_e = rng.uniform(-1, 1, (3, B, k))  # output of the encoders: vertices a, l, v
params = gfn.init_gfn(rng, 3, k, N)


def dense_loop(p, x):
    """x W + b for one vector x."""
    W, b = p["W"], p["b"]
    return np.array([sum(x[i] * W[i, j] for i in range(len(x))) + b[0, j] for j in range(W.shape[1])])


def layer_loop(mlp, pairs, V, alpha):
    """Eq. 11 to 15 for one utterance. Adds the new vertices to V and alpha; returns the output."""
    e = {}
    for name, (p, q) in pairs.items():
        hidden = dense_loop(mlp["dense_1"], [*V[p], *V[q]])
        V[name] = np.tanh(dense_loop(mlp["dense_2"], np.where(hidden > 0, hidden, 0.2 * hidden)))
        S = sum(np.exp(V[p]) / sum(np.exp(V[p])) * np.exp(V[q]) / sum(np.exp(V[q])))
        e[name] = np.exp((alpha[p] + alpha[q]) / (S + 0.5))
    for name in pairs:
        alpha[name] = e[name] / sum(e.values())
    return sum(alpha[name] * V[name] for name in pairs)


Omega_loop, T_loop = np.zeros((B, 3 * k)), np.zeros((B, k))
for i in range(B):
    V = {m: x_e[row, i] for row, m in enumerate("alv")}
    alpha = {m: 1 / (1 + np.exp(-dense_loop(params["MAN"], V[m])[0])) for m in "alv"}
    U = sum(alpha[m] * V[m] for m in "alv") / 3
    B_vector = layer_loop(params["MLP_2"], vertices.BIMODAL, V, alpha)
    T_loop[i] = layer_loop(params["MLP_3"], vertices.TRIMODAL, V, alpha)
    Omega_loop[i] = [*U, *B_vector, *T_loop[i]]

# %% [markdown]
# The package calls `gfn.interaction` twice, once for each layer. Only what goes in differs. For layer 3 these are all
# six vertices below, with their weights, and the rows of the two that each new vertex fuses:

# %%
alpha_m = gfn.modality_attention(params["MAN"], x_e)  # (3, B, 1)
two = gfn.interaction(params["MLP_2"], x_e, ops.softmax(x_e), alpha_m, vertices.source_indices(3)[0])
V_below = np.concatenate([x_e, two["V"]])  # (6, B, k)
alpha_below = np.concatenate([alpha_m, two["alpha"]])  # (6, B, 1)
three = gfn.interaction(params["MLP_3"], V_below, ops.softmax(V_below), alpha_below, vertices.source_indices(3)[1])

graph = gfn.graph_fusion(params, x_e)  # all of it
assert np.allclose(three["sum"], T_loop, rtol=0, atol=1e-14)
assert np.allclose(graph["T"], T_loop, rtol=0, atol=1e-14)
assert np.allclose(graph["Omega"], Omega_loop, rtol=0, atol=1e-14)
assert np.allclose(graph["alpha_3"].sum(axis=0), 1)
for name, array in graph.items():
    print(f"{name:12} {array.shape}")

# %% [markdown]
# **The gradient** of the whole graph, by every parameter and by $\mathbf{x}^e$. On its way down it meets each vertex of
# layer 2 several times: in $\mathbf{B}$, in the vectors of three vertices of layer 3, and in the weights of all six.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


without_dec = {name: part for name, part in params.items() if name != "Dec"}
nn.check_gradient(lambda p: weigh(gfn.graph_fusion(p["gfn"] | {"Dec": params["Dec"]}, p["x_e"])["Omega"]),
                  {"gfn": without_dec, "x_e": x_e}, rng, step=1e-5)

# By pencil: T = sum of alpha V, so dT_j / dV_j = alpha, as in Eq. 15.
_, gradient = nn.value_and_grad(lambda p: gfn.weighted_sum(three["alpha"], p["V"]).sum(), {"V": three["V"]})
assert np.allclose(gradient["V"], np.broadcast_to(three["alpha"], three["V"].shape))

# %% [markdown]
# ## 3. What the weights of layer 3 can be (D10)
#
# Notebook 08 has found that for $k = 50$ the similarity hardly counts: $S + 0.5 \approx 0.52$. So the score of a
# vertex of layer 3 is nearly $(\alpha_p + \alpha_q) / 0.52$. Now $\alpha_p$ and $\alpha_q$ come from two different
# worlds. A unimodal $\alpha$ is a sigmoid, anything between 0 and 1. The bimodal ones come from a softmax and share
# out 1 among three. By pencil, with $\alpha_{al} + \alpha_{vl} + \alpha_{av} = 1$:
#
# $$\hat\alpha_{al+vl} \approx \frac{1 - \alpha_{av}}{0.52}, \qquad
# \hat\alpha_{al+v} \approx \frac{\alpha_{al} + \alpha_v}{0.52}.$$
#
# Two bimodal vertices together have about two thirds. A bimodal one and a modality have about one third plus
# $\alpha_v$. With $\alpha_v = \frac{1}{2}$, these are on a par. This is the paper, read to the letter.
#
# The released code differs (D10): where a bimodal vertex enters, it takes the score $\hat\alpha$ of Eq. 13 for its
# weight, before the softmax. Such a score is some $2 \alpha / 0.52$, four times the $\alpha$ of a modality. Let us
# turn one knob, $\alpha_l$, and watch all six weights in both:

# %%
def trimodal_weights(alpha_m, released, S=1 / 50):
    """The weights of layer 3 (6, n, 1) for weights of layer 1 (3, n, 1), with S held at 1/k."""
    first, second = vertices.source_indices(3)[0]
    scores = gfn.vertex_scores(alpha_m[first], alpha_m[second], S)  # (3, n, 1), Eq. 13
    below = np.concatenate([alpha_m, scores if released else gfn.vertex_weights(scores)])  # (6, n, 1)
    first, second = vertices.source_indices(3)[1]
    return gfn.vertex_weights(gfn.vertex_scores(below[first], below[second], S))


alpha_l = np.linspace(0, 1, 101)
knob = np.stack([np.full(101, 0.6), alpha_l, np.full(101, 0.4)])[..., None]  # (3, 101, 1)
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True, layout="constrained")
for ax, released in zip(axes, (False, True), strict=True):
    for name, weight, dots in zip(vertices.TRIMODAL, trimodal_weights(knob, released)[..., 0],
                                  ("-", "-", "-", "--", ":", "-."), strict=True):
        ax.plot(alpha_l, weight, dots, color=figures.vertex_colour(name), lw=2.5 if dots == "-" else 1.5,
                label=figures.vertex_label(name))
    ax.axhline(1 / 6, color="0.8", lw=1, zorder=0)
    ax.set_title("released" if released else "paper")
    ax.set_xlabel(r"$\alpha_l$, with $\alpha_a = 0.6$, $\alpha_v = 0.4$")
axes[0].set(ylabel="weight of the vertex", ylim=(0, None))
fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside right center")
plt.show()

anything = np.random.default_rng(0).uniform(0, 1, (3, 5000, 1))
for released in (False, True):
    weights = trimodal_weights(anything, released)
    half = weights[3:].sum(axis=0)  # the three that fuse a bimodal vertex with a modality
    print(f"{'released' if released else 'paper':9} weights from {weights.min():.4f} to {weights.max():.4f}; "
          f"al+v, vl+a, av+l together {half.mean():.2f} on average")

# %% [markdown]
# In the paper's version each of the six has a say, whatever the modalities weigh. In the released one the three that
# fuse a bimodal vertex with a modality are all but silent for most choices of $\alpha_a, \alpha_l, \alpha_v$. They
# come up to half of the weight only where all three $\alpha$ vanish, since then all scores are zero and all six
# weights are $\frac{1}{6}$. A weight near zero silences a vertex twice: its vector hardly enters $\mathbf{T}$, and
# hardly any gradient comes back to make it better.

# %%
assert np.allclose(trimodal_weights(np.zeros((3, 1, 1)), released=True), 1 / 6)
assert trimodal_weights(anything, released=True)[3:].sum(axis=0).max() < 0.5

# %% [markdown]
# **D9 and D12: the sum.** The paper adds up $\alpha \mathbf{V}$. The released code adds up $ELU(\alpha \mathbf{V})$,
# in layer 2 as in layer 3, where $ELU(z) = z$ for $z > 0$ and $e^z - 1$ otherwise; and layer 3 fuses what has been
# weighted and bent in this way. How different is $\mathbf{T}$, with nothing else changed?

# %%
T_bent = np.zeros((B, k))
for i, j in np.ndindex(B, k):
    for vertex in range(6):
        z = three["alpha"][vertex, i, 0] * three["V"][vertex, i, j]
        T_bent[i, j] += z if z > 0 else np.exp(z) - 1

released = gfn.interaction(params["MLP_3"], V_below, ops.softmax(V_below), alpha_below, vertices.source_indices(3)[1],
                           variant="released")
assert np.allclose(released["sum"], T_bent, rtol=0, atol=1e-14)
print(f"entries of T: mean size {np.abs(three['sum']).mean():.3f}, "
      f"changed by D12 by {np.abs(released['sum'] - three['sum']).mean():.4f} on average")

everything = {variant: gfn.graph_fusion(params, x_e, variant) for variant in ("paper", "released")}
difference = np.abs(everything["released"]["T"] - everything["paper"]["T"]).mean()
print(f"changed by D9, D10 and D12 together by {difference:.4f}")

# %% [markdown]
# ## 4. All side by side: $\mathbf{\Omega}$
#
# The output of the graph is not $\mathbf{T}$ alone. What one modality says should not have to pass through two layers
# of fusion, so all three outputs go on:
#
# $$\mathbf{\Omega} = \mathbf{U} \oplus \mathbf{B} \oplus \mathbf{T}$$
#
# But the three do not speak equally loudly. $\mathbf{U}$ is divided by three and weighted by sigmoids, $\mathbf{B}$
# and $\mathbf{T}$ are averages of vectors that a fresh $MLP$ has made. Therefore $Dec$ begins with a batch norm
# (notebook 02), which brings each of the $3k$ columns to mean 0 and variance 1 over the batch:

# %%
k_wide = 50
wide = gfn.init_gfn(np.random.default_rng(2), 3, k_wide, N)
many = np.random.default_rng(3).uniform(-1, 1, (3, 400, k_wide))
Omega_wide = gfn.graph_fusion(wide, many)["Omega"]  # (400, 150)
normed = ops.batch_norm(wide["Dec"]["norm"], Omega_wide)

fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, values, title in ((axes[0], Omega_wide, r"$\mathbf{\Omega}$"), (axes[1], normed, "after batch norm")):
    middle, spread = values.mean(axis=0), values.std(axis=0)
    for part, name, colour in zip(range(3), "UBT", ("0.65", "0.4", "0.1"), strict=True):
        columns = np.arange(part * k_wide, (part + 1) * k_wide)
        ax.vlines(columns, (middle - spread)[columns], (middle + spread)[columns], color=colour, lw=2)
        ax.annotate(rf"$\mathbf{{{name}}}$", (columns.mean(), 1), xycoords=("data", "axes fraction"),
                    ha="center", va="bottom", color=colour)
    ax.set(xlabel="column", ylabel="mean ± standard deviation")
    ax.set_title(title, pad=18)
plt.show()

# %% [markdown]
# ## 5. The decision (Eq. 16)
#
# $$\mathbf{M} = Dec(\mathbf{\Omega}; \Theta_{Dec}) \tag{16}$$
#
# "A normalization layer followed by three dense layers activated by *tanh*, *tanh* and *softmax* respectively."
#
# | part of $\Theta_{Dec}$ | shape | meaning |
# |---|---|---|
# | `norm` | `(1, 3k)` twice | scale and shift of each column |
# | `dense_1` | `(3k, 50)` | tanh |
# | `dense_2` | `(50, 50)` | tanh |
# | `dense_3` | `(50, N)` | softmax: $N$ probabilities |
#
# (The width 50 is that of the released code; the text gives none.) As loops:

# %%
Omega, Dec = graph["Omega"], params["Dec"]
normed_loop, M_loop = np.zeros((B, 3 * k)), np.zeros((B, N))
for j in range(3 * k):  # each column, over the batch
    middle = sum(Omega[i, j] for i in range(B)) / B
    variance = sum((Omega[i, j] - middle) ** 2 for i in range(B)) / B
    for i in range(B):
        normed_loop[i, j] = (Dec["norm"]["gamma"][0, j] * (Omega[i, j] - middle) / np.sqrt(variance + 1e-5)
                             + Dec["norm"]["beta"][0, j])
for i in range(B):
    h = np.tanh(dense_loop(Dec["dense_1"], normed_loop[i]))
    h = np.tanh(dense_loop(Dec["dense_2"], h))
    z = dense_loop(Dec["dense_3"], h)
    M_loop[i] = [np.exp(z[c]) / sum(np.exp(z)) for c in range(N)]

M = gfn.decide(Dec, Omega)  # (B, N)
assert np.allclose(M, M_loop, rtol=0, atol=1e-14)
assert np.allclose(M.sum(axis=1), 1)
print(np.round(M, 3))

# %% [markdown]
# **The gradient.** By pencil, without a single derivative: add a constant to a column of $\mathbf{\Omega}$, the same
# for all utterances of the batch. Batch norm takes it off again, and $\mathbf{M}$ stays. So along this direction
# nothing changes: the gradient of *any* loss by $\mathbf{\Omega}$, added up over the batch, is zero in each column.

# %%
nn.check_gradient(lambda p: weigh(gfn.decide(p["Dec"], p["Omega"])), {"Dec": Dec, "Omega": Omega}, rng)

_, gradient = nn.value_and_grad(lambda p: weigh(gfn.decide(Dec, p["Omega"])), {"Omega": Omega})
assert np.abs(gradient["Omega"]).max() > 1e-3
assert np.allclose(gradient["Omega"].sum(axis=0), 0, rtol=0, atol=1e-12)

# %% [markdown]
# This has a price. During training the decision on an utterance depends on the others in its batch. When the network is
# used, that must not be: then batch norm takes the statistics of the training utterances, once and for all
# (`model.evaluation_params`). The released code never switches to them (D14). Here the decision on the first utterance,
# with other utterances beside it:

# %%
for company in ([1, 2, 3, 4], [1, 2], [3, 4]):
    print(f"with {company}:", np.round(gfn.decide(Dec, Omega[[0, *company]])[0], 3))

# %% [markdown]
# **A picture.** $Dec$ is a function of $3k$ numbers. With $k = 1$ these are three, $U$, $B$ and $T$, and we can look
# at the probability of the first of two classes on slices. The network is untrained: these are the shapes from which
# it starts.

# %%
line = np.linspace(-2, 2, 61)
across, upwards = np.meshgrid(line, line)
small = gfn.init_gfn(np.random.default_rng(5), 3, 1, 2)["Dec"]
small = small | {"norm": small["norm"] | {"mean": np.zeros((1, 3)), "var": np.ones((1, 3))}}  # evaluation
fig, axes = plt.subplots(1, 3, figsize=(8.4, 3), sharey=True, layout="constrained")
for ax, value in zip(axes, (-1, 0, 1), strict=True):
    points = np.stack([across.ravel(), np.full(across.size, value), upwards.ravel()], axis=1)
    M_first = gfn.decide(small, points)[:, 0].reshape(across.shape)
    image = ax.contourf(across, upwards, M_first, levels=np.linspace(0, 1, 21), cmap="PuOr")
    ax.contour(across, upwards, M_first, levels=[0.5], colors="black")
    ax.set(title=f"$B = {value}$", xlabel="$U$", aspect="equal")
axes[0].set_ylabel("$T$")
fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], label="$M$ of the first class")
plt.show()

# %% [markdown]
# ## 6. A signal that only three carry together
#
# Now the wink. Give each modality a sign $s_m = \pm 1$, and let the label be the product of all three: positive if
# $s_a s_l s_v = 1$. This is *parity*. Here are all eight cases:

# %%
corners = np.array(list(itertools.product([-1, 1], repeat=3)))  # (8, 3): s_a, s_l, s_v
parity = corners.prod(axis=1)  # (8,)
for seen in ("a", "l", "v", "al", "vl", "av"):
    columns = ["alv".index(m) for m in seen]
    alike = [(corners[:, columns] == case).all(axis=1)
             for case in itertools.product([-1, 1], repeat=len(seen))]
    shares = [np.mean(parity[rows] == 1) for rows in alike]
    print(f"who sees {seen:2} finds positive labels in", ", ".join(f"{share:.0%}" for share in shares))
    assert set(shares) == {0.5}

# %% [markdown]
# Whatever one or two modalities say, the label is a fair coin. A classifier that sees them is at chance, and no
# cleverness helps.
#
# **What can the layers do with it?** Suppose a straight cut decides, positive where $w \cdot f + b > 0$, and $f$ is a
# sum. The pencil can tell how many of the eight cases it can get right.
#
# - $\mathbf{U}$ is a sum of functions of *one* modality each. Fix $s_v$: what remains is XOR of $s_a$ and $s_l$, and
#   notebook 08 has shown that such a sum gets at most three of four right. Two faces of the cube, so at most **six** of
#   eight.
# - Take a sum of functions of *two* modalities each, as $\mathbf{B}$ would be with fixed weights. Add it up over the
#   eight   corners, each with the sign $s_a s_l s_v$. The term of $al$ occurs once with $s_v = 1$ and once with $s_v
#   = -1$, and   cancels out. So do all terms, and $b$ too. But if all eight were right, all eight summands would be
#   positive. So at most   **seven**.
#
# Seven can be done. Let $c = s_a + s_l + s_v$. Then $c\,(c - 2)$ has the sign of the label at $c = 3$, $1$ and $-1$,
# and is wrong only at $-3$; and $c^2 = 3 + 2 (s_a s_l + s_v s_l + s_a s_v)$ is a sum over pairs.

# %%
c = corners.sum(axis=1)  # 3, 1, -1 or -3
print("c (c - 2) is right in", int((np.sign(c * (c - 2)) == parity).sum()), "of 8 cases")
for f in (lambda V: V.sum(axis=1), lambda V: V.sum(axis=1) ** 2, lambda V: V.prod(axis=1)):
    print("alternating sum over the corners:", int(parity @ f(corners)))

# %% [markdown]
# Now the data: a synthetic corpus with this signal and no other, `synthesise(signals={"alv": 1})`, with the videos,
# the widths and the share of positive labels of MOSI. Two principal components a modality, and a tanh, as an encoder
# has it, make vertices with $k = 2$.
#
# Labels in the test videos are not half positive. A classifier that always says "positive" would look better than
# chance, so we count by *balanced accuracy*: the mean of the shares of positive and of negative utterances that are
# right. Whoever knows nothing is at 50 %.

# %%
trimodal = standardise(synthesise(signals={"alv": 1}))
rows = {split: trimodal.utterances(split) for split in trimodal.split}
train, test = rows["train"], rows["test"]
y = np.eye(2)[trimodal.labels]  # (n, 2), one-hot


def principal_directions(features, d, rows):
    """The features along the d directions of the largest variance, scaled to standard deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


def balanced_accuracy(M, labels):
    """M (n, N), labels (n,)."""
    return np.mean([np.mean(M[labels == c].argmax(axis=1) == c) for c in range(M.shape[1])])


components = np.stack([principal_directions(trimodal.features[m], 2, rows) for m in "alv"])
V = np.tanh(0.6 * components)  # (3, n, 2)
for split, mine in rows.items():
    print(f"{split:10} {trimodal.labels[mine].mean():.0%} positive")

# %% [markdown]
# First, everything that sees only one modality, or only two: a network that can bend, with 16 hidden units, on each
# of them. Then straight cuts through $\mathbf{U}$, $\mathbf{B}$ and $\mathbf{T}$. All are trained alike.

# %%
def fitted(output_of, params, steps=300):
    """Train a softmax decision on an output, with the paper's fusion loss and Adam; returns it."""
    def decision(p, V):
        return ops.dense_layer(p["decision"], output_of(p, V), "softmax")  # (n, 2)

    params = nn.cast(params, "float64")
    state = nn.init_adam(params)
    for _ in range(steps):
        _, gradient = nn.value_and_grad(
            lambda p: gfn.fusion_loss(decision(p, V[:, train]), y[train]), params)
        nn.adam(state, params, gradient, lr=0.03)
    return lambda V: decision(params, V)


nn.use("fast")
rng = np.random.default_rng(0)
decisions = {}
for seen in ("a", "l", "v", "al", "vl", "av"):
    chosen = ["alv".index(m) for m in seen]
    start = {"hidden": nn.init_dense(rng, 2 * len(seen), 16), "decision": nn.init_dense(rng, 16, 2)}
    decisions[seen] = fitted(lambda p, V, chosen=chosen: ops.dense_layer(
        p["hidden"], np.concatenate(list(V[chosen]), axis=-1), "tanh"), start)
start = gfn.init_gfn(rng, 3, 2, 2)
start["decision"] = nn.init_dense(rng, 2, 2)
for layer in "UBT":
    decisions[layer] = fitted(lambda p, V, layer=layer: gfn.graph_fusion(p, V)[layer], start)
nn.use("readable")

scores = {name: balanced_accuracy(decision(V[:, test]), trimodal.labels[test])
          for name, decision in decisions.items()}

# %%
fig, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
ax.bar(range(9), scores.values(),
       color=[figures.vertex_colour(name) if name in below else "0.3" for name in scores])
for position, score in enumerate(scores.values()):
    ax.text(position, score + 0.01, f"{score:.0%}", ha="center")
for share, text in ((1 / 2, "chance"), (6 / 8, "bound of $\\mathbf{U}$: 6 of 8"), (7 / 8, "7 of 8")):
    ax.axhline(share, color="0.6", lw=1, ls=":")
    ax.annotate(text, (1, share), xycoords=("axes fraction", "data"), va="center")
ax.set_xticks(range(9), [*list(scores)[:6], *(rf"$\mathbf{{{name}}}$" for name in "UBT")])
ax.set(ylabel="balanced accuracy, test", ylim=(0, 1.1), title="Parity: who gets how much of it")
plt.show()
assert all(abs(scores[seen] - 0.5) < 0.08 for seen in ("a", "l", "v", "al", "vl", "av"))
assert scores["U"] < 0.78 < scores["B"] < 0.92 < 0.97 < scores["T"]

# %% [markdown]
# Every view of one or two modalities is at chance. $\mathbf{U}$ stays below its bound, $\mathbf{B}$ comes to seven of
# eight, as the parabola does, and $\mathbf{T}$ gets them all. The pictures show the decision on the plane of $V_a$
# and $V_l$, for both signs of $V_v$. Look for the square that $\mathbf{B}$ gets wrong.

# %%
line = np.linspace(-1, 1, 41)
grid_a, grid_l = np.meshgrid(line, line)
fig, axes = plt.subplots(2, 3, figsize=(8, 5.4), sharex=True, sharey=True, layout="constrained")
for row, sign in enumerate((-1, 1)):
    first = np.stack([grid_a.ravel(), grid_l.ravel(), np.full(grid_a.size, 0.68 * sign)])  # (3, 41 * 41)
    plane = np.stack([first, np.zeros_like(first)], axis=-1)  # (3, 41 * 41, 2)
    here = test[np.sign(V[2, test, 0]) == sign][:150]
    for ax, layer in zip(axes[row], "UBT", strict=True):
        image = ax.contourf(grid_a, grid_l, decisions[layer](plane)[:, 1].reshape(grid_a.shape),
                            levels=np.linspace(0, 1, 21), cmap="Greys_r")
        for label, name in enumerate(trimodal.classes):
            mine = here[trimodal.labels[here] == label]
            ax.scatter(*V[:2, mine, 0], s=14, marker=figures.SHAPES[label], color=figures.CLASS_COLOURS[label],
                       edgecolor="white", linewidth=0.4, label=name)
        ax.set(aspect="equal", title=rf"$\mathbf{{{layer}}}$" if row == 0 else None)
    axes[row, 0].set_ylabel(f"$V_v {'<' if sign < 0 else '>'} 0$\n$V_l$")
for ax in axes[1]:
    ax.set_xlabel("$V_a$")
fig.legend(*axes[0, 0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], label=f"decision: {trimodal.classes[1]}")
plt.show()

# %% [markdown]
# One thing was left open. The bound of seven was for *fixed* weights. Those of Eq. 14 are not fixed: the softmax over
# the three pairs has all three $\alpha_m$ in each weight. So $\mathbf{B}$ is no sum over pairs in the strict sense,
# and something of all three modalities leaks into it. The alternating sum shows it, in a fresh network:

# %%
eight = 0.68 * corners.T[..., None] * [1, 0]  # (3, 8, 2): the second entries are 0
fresh = gfn.init_gfn(np.random.default_rng(4), 3, 2, 2)
out = gfn.graph_fusion(fresh, eight)
fixed = gfn.weighted_sum(np.full((3, 1, 1), 1 / 3), out["V_2"])  # weights that do not depend on the utterance
for name, f in {"U": out["U"], "B, weights fixed": fixed, "B": out["B"], "T": out["T"]}.items():
    print(f"{name:17} {np.round(np.abs(parity @ f).max(), 12) + 0.0:.6f}")
assert np.allclose(parity @ np.stack([out["U"], fixed]), 0)
assert all(np.abs(parity @ out[layer]).max() > 1e-6 for layer in "BT")

# %% [markdown]
# So eight of eight is not out of the question for $\mathbf{B}$. But the way leads through three weights, which can vary
# only so much, and training has not found it. Layer 3 is made for it.

# %% [markdown]
# ## 7. What each part of $\mathbf{\Omega}$ is worth
#
# So far the decision was a straight cut. The $Dec$ of the paper can bend, and behind it the whole of ARGF is trained
# (notebook 07): can it use the wink? And through which part of $\mathbf{\Omega}$? We train ARGF on the trimodal
# corpus, and on the corpus of the other notebooks. Then we silence parts of $\mathbf{\Omega}$: each column of the
# part is replaced by its mean over the training utterances, and the trained $Dec$ has to do with the rest.

# %%
def whole_network(corpus, epochs):
    """A trained network and all intermediates on the training and on the test utterances."""
    rows = {split: corpus.utterances(split) for split in corpus.split}
    x = np.stack([principal_directions(corpus.features[m], 20, rows) for m in "alv"])  # (3, n, 20)
    result = fit(x, np.eye(len(corpus.classes))[corpus.labels], rows, Settings(k=20, epochs=epochs))
    return result["params"], *(forward(result["params"], x[:, rows[split]].astype("float32"))
                               for split in ("train", "test")), corpus.labels[rows["test"]]


def kept(params, seen, out, parts):
    """The decision where only some parts of Omega are kept."""
    silent = seen["Omega"].mean(axis=0, keepdims=True)  # (1, 3k)
    keep = np.repeat([name in parts for name in "UBT"], out["U"].shape[1])  # (3k,)
    return gfn.decide(params["fusion"]["Dec"], np.where(keep, out["Omega"], silent))


mosi = standardise(load("mosi"))
nn.use("fast")
networks = {"trimodal signal": whole_network(trimodal, 3), f"{mosi.source} corpus": whole_network(mosi, 3)}
nn.use("readable")
choices = ["UBT", "BT", "UT", "UB", "U", "B", "T"]
worth = {name: [balanced_accuracy(kept(params, seen, out, parts), labels) for parts in choices]
         for name, (params, seen, out, labels) in networks.items()}
for name, (_, _, out, labels) in networks.items():
    alone = [f"{balanced_accuracy(y_m, labels):.0%}" for y_m in out["y_tilde"]]
    print(f"{name}: the decision M {worth[name][0]:.0%}; classifier C on a, l or v alone: {', '.join(alone)}")

# %%
fig, ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")
for side, (name, values), colour in zip((-0.2, 0.2), worth.items(), ("0.2", "0.65"), strict=True):
    bars = ax.bar(np.arange(len(choices)) + side, values, 0.38, color=colour, label=name)
    ax.bar_label(bars, fmt="{:.0%}", fontsize="small")
ax.axhline(0.5, color="0.6", lw=1, ls=":")
ax.set_xticks(range(len(choices)), [", ".join(parts) for parts in choices])
ax.set(ylabel="balanced accuracy, test", xlabel="parts of Ω that are kept", ylim=(0, 1.2))
ax.legend(frameon=False, ncols=2, loc="upper right")
plt.show()

name = "trimodal signal"
assert worth[name][0] > 0.9
_, _, out, labels = networks[name]
assert all(abs(balanced_accuracy(y_m, labels) - 0.5) < 0.08 for y_m in out["y_tilde"])

# %% [markdown]
# On the trimodal signal the classifier $C$, which sees one modality at a time, is at chance on each, as it must be,
# while the decision is right nearly always. Read the bars with care. A part that can be silenced without loss was not
# needed *by this network*; another one, trained without it from the start, might have found the same elsewhere, since
# $Dec$ can bend, and encoders that move can put into $\mathbf{U}$ what $Dec$ then multiplies. What a layer is worth
# is measured by training without it, over several seeds (notebook 10).
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed random
# inputs. Solutions are in `tutorials/solutions/09_graph_fusion_2.py`.
#
# **9.1 Which pairs, with four modalities? (D11)** Say somebody adds a fourth modality. Layer 1 then has four
# vertices, and layer 2 six. Which pairs of vertices of these two layers hold *exactly* three modalities?

# %%
def trimodal_pairs(unimodal, bimodal):
    """Names such as ["a", "l", "v"] and ["al", "vl", "av"]. Returns a set of frozensets of two names."""
    raise NotImplementedError("exercise 9.1")


check("9.1", trimodal_pairs)

# %% [markdown]
# **9.2 The weights of layer 3 (Eq. 13 and 14).** In NumPy, as the paper has them. The pairs are the rows `first` and
# `second` of the six vertices below.

# %%
def weights_of_layer_3(alpha_1, alpha_2, S, first, second):
    """alpha_1 (3, B, 1) unimodal, alpha_2 (3, B, 1) bimodal, S (6, B, 1). Returns (6, B, 1)."""
    raise NotImplementedError("exercise 9.2")


check("9.2", weights_of_layer_3)

# %% [markdown]
# **9.3 The decision (Eq. 16).** $Dec$ in NumPy, with the statistics of the batch and $\epsilon = 10^{-5}$.

# %%
def decision(Dec, Omega):
    """Dec with "norm" (gamma, beta), "dense_1", "dense_2", "dense_3" (W, b); Omega (B, 3k). Returns (B, N)."""
    raise NotImplementedError("exercise 9.3")


check("9.3", decision)

# %% [markdown]
# **9.4 A detector of trimodal signals.** $f$ takes vertices $(3, 1, k)$ and gives $(1, k)$. Compute the alternating
# sum of $f$ over the eight corners of a box: each modality has its lower or its upper vector, and each corner counts
# with the sign of parity: $+$ where all three are upper, $-$ where one of them is lower, and so on. It is zero for
# every sum of functions of two modalities.

# %%
def alternating_sum(f, lower, upper):
    """lower, upper (3, k): vectors of a, l, v. Returns (k,)."""
    raise NotImplementedError("exercise 9.4")


check("9.4", alternating_sum)

# %% [markdown]
# **To go on.** Half of the vertices of layer 3 fuse two bimodal vertices, the other half a bimodal one with the
# modality that it lacks. Does parity need both? In section 6, set the weights of one half to zero and train again.
# Then do it with weights as in the released code (D10), where one half is all but silent from the start. Which of the
# two halves would you keep, and on which evidence?

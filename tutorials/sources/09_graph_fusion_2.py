# %% [markdown]
# # 09 · Graph fusion II: trimodal and decision
#
# *Needs: 07, 08. Minutes: 20. Paper: "Graph Fusion Network", from Eq. 15 to Eq. 16.*
#
# (20 minutes are for reading. The exercises take about 55 more, the experiment 5.)
#
# Before: [08 · Graph fusion I](08_graph_fusion_1.ipynb).
# Next: [10 · Does it work?](10_does_it_work.ipynb).
#
# "Well, that was great", says somebody. The words are positive. The flat voice reverses them:
# sarcasm. But there is a wink, and it reverses the meaning once more: they only pretend to be
# grumpy. Here no modality alone tells what is meant, and no two of them do. It takes all three.
#
# Layer 2 of the graph has looked at pairs (notebook [08](08_graph_fusion_1.ipynb)). How does layer
# 3 put three together, and how does the network arrive at a decision?
#
# On the way you will
#
# - derive the vertices of layer 3 instead of memorising them;
# - see that layer 3 needs no new equation: one function serves both layers;
# - follow one weight through the paper's formula and through that of the released code, and see
#   that in the latter three of the six vertices are nearly silent;
# - compute the decision, Eq. 16, with loops;
# - prove how much of a purely trimodal signal a layer can learn, and compare with networks that are
#   trained on it.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{V}_m$, $\mathbf{V}_{m_1 m_2}$ | $k$ | vertices of layers 1 and 2 (notebook 08) |
# | $\alpha$, $\hat\alpha$, $S$ | 1 | weight and score, similarity of two vertices (notebook 08) |
# | $\mathbf{U}$, $\mathbf{B}$, $\mathbf{T}$ | $k$ | outputs of layers 1, 2 and 3 |
# | $\mathbf{\Omega}$ | $3k$ | the three outputs, concatenated |
# | $Dec$, $\Theta_{Dec}$ | | the decision network and its parameters |
# | $N$ | 1 | number of classes |
# | $\mathbf{M}$ | $N$ | the decision: a probability per class |
#
# The vertices of a layer are one array of shape `(vertices, n, k)` for `n` utterances. Their
# weights are one array of shape `(vertices, n, 1)`.
#
# A number such as [D10](../DEVIATIONS.md#d10) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

from argf_np import nn
from argf_np.data import load, standardise, synthesise
from argf_np.nn import ops
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper.model import forward
from argf_np.paper.protocols import train
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL, source_indices
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_09 as draw
from exercises import check

nn.use("readable")  # textbook code; the fast functions of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. Which pairs?
#
# Layers 1 and 2 have six vertices, $a, l, v$ and $al, vl, av$. A vertex of layer 3 fuses two of
# them. There are 15 ways to choose two of six. The paper fuses "each two bimodal vertices", and
# "each specific bimodal vertex is also fused with the unimodal vertex that do not contribute to the
# formation of this bimodal vertex". Why these?
#
# **Predict before you run:** how many of the 15 pairs hold all three modalities?

# %%
below = [*UNIMODAL, *BIMODAL]
candidates = list(itertools.combinations(below, 2))
complete = []
for one, two in candidates:
    if set(one + two) == {"a", "l", "v"}:
        complete.append((one, two))
print(f"{len(complete)} of {len(candidates)} pairs:", ", ".join("+".join(p) for p in complete))
print("the package's vertices:", ", ".join(TRIMODAL))
assert {frozenset(pair) for pair in complete} == {frozenset(pair) for pair in TRIMODAL.values()}

# %%
draw.pairs_of_vertices(below, candidates, complete)
plt.show()

# %% [markdown]
# Three of the 15 pairs are pairs of modalities, and layer 2 has them already. Six fuse a bimodal
# vertex with a modality that it contains (the light fields with "twice"). The other six, the dark
# fields, hold all three modalities. These are the vertices of layer 3, in the paper and in the
# released code ([D11](../DEVIATIONS.md#d11)). In three of
# them a modality enters twice, as $l$ does in $al$ and $vl$. The paper prints no order of the six.
# The package has that of the released code ([D22](../DEVIATIONS.md#d22)).
#
# ### Exercise 9.1 ★ (10 minutes): which pairs, with four modalities?
#
# Suppose that there is a fourth modality. Layer 1 then has four vertices, and layer 2 has six.
# Which pairs of vertices of these two layers hold *exactly* three modalities?
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed inputs. If it is wrong, `check` says what the mistake looks like.

# %%
def trimodal_pairs(unimodal, bimodal):
    """Names such as ["a", "l", "v"] and ["al", "vl", "av"]. Returns a set of frozensets of two."""
    raise NotImplementedError("exercise 9.1")


check("9.1", trimodal_pairs)

# %% [markdown]
# ## 2. One function for layers 2 and 3
#
# For layer 3 the paper has no new equations. It uses "the same *MLP* network [...] (but the
# parameters are not shared)", and "the same weight computing method". So Eq. 11 to 15 apply once
# more, one layer higher. Let $p$ and $q$ be the two vertices that are fused, say $p = al$ and
# $q = v$. Then
#
# $$\mathbf{V}_{pq} = MLP_3(\mathbf{V}_p \oplus \mathbf{V}_q), \qquad
# \hat\alpha_{pq} = \frac{\alpha_p + \alpha_q}{S_{pq} + 0.5}, \qquad
# \alpha_{pq} = \frac{e^{\hat\alpha_{pq}}}{\sum e^{\hat\alpha}}, \qquad
# \mathbf{T} = \sum \alpha_{pq} \mathbf{V}_{pq}.$$
#
# The sums run over the six vertices. Here are the three layers as loops, one utterance and one
# vertex at a time:

# %%
rng = np.random.default_rng(1)
n, k, N = 5, 4, 3
x_e = rng.uniform(-1, 1, (3, n, k))  # output of the encoders: vertices a, l, v
params = graph.init_gfn(rng, 3, k, N)


def softmax_loop(z):
    """Softmax of one vector."""
    e = np.exp(z)
    return e / sum(e)


def dense_loop(dense, x):
    """x W + b for one vector x."""
    y = dense["b"][0].copy()
    for column in range(len(y)):
        for j in range(len(x)):
            y[column] += x[j] * dense["W"][j, column]
    return y


def layer_loop(mlp, sources, V, alpha):
    """Eq. 11 to 15 for one utterance. Adds the new vertices to V and alpha; returns the output."""
    scores = []
    for name, (p, q) in sources.items():
        hidden = dense_loop(mlp["dense_1"], np.concatenate([V[p], V[q]]))
        hidden = np.where(hidden > 0, hidden, 0.2 * hidden)  # leaky ReLU
        V[name] = np.tanh(dense_loop(mlp["dense_2"], hidden))
        S = sum(softmax_loop(V[p]) * softmax_loop(V[q]))
        scores.append((alpha[p] + alpha[q]) / (S + 0.5))
    output = 0
    for name, weight in zip(sources, softmax_loop(np.array(scores)), strict=True):
        alpha[name] = weight
        output = output + weight * V[name]
    return output


Omega_loop, T_loop = np.zeros((n, 3 * k)), np.zeros((n, k))
for i in range(n):
    V, alpha, U = {}, {}, 0
    for row, m in enumerate(UNIMODAL):
        V[m] = x_e[row, i]
        alpha[m] = 1 / (1 + np.exp(-dense_loop(params["MAN"], V[m])[0]))
        U = U + alpha[m] * V[m] / 3
    B = layer_loop(params["MLP_2"], BIMODAL, V, alpha)
    T_loop[i] = layer_loop(params["MLP_3"], TRIMODAL, V, alpha)
    Omega_loop[i] = np.concatenate([U, B, T_loop[i]])

# %% [markdown]
# The package calls `graph.interaction` twice, once for each layer. Only the input differs. For
# layer 3 it is all six vertices below, with their weights, and the rows of the two that each new
# vertex fuses:

# %%
sources_2, sources_3 = source_indices(3)
alpha_m = graph.modality_attention(params["MAN"], x_e)  # (3, n, 1)
two = graph.interaction(params["MLP_2"], x_e, ops.softmax(x_e), alpha_m, sources_2)
V_below = np.concatenate([x_e, two["V"]])  # (6, n, k)
alpha_below = np.concatenate([alpha_m, two["alpha"]])  # (6, n, 1)
three = graph.interaction(params["MLP_3"], V_below, ops.softmax(V_below), alpha_below, sources_3)

out = graph.graph_fusion(params, x_e)  # all of it
assert np.allclose(three["sum"], T_loop, rtol=0, atol=1e-14)
assert np.allclose(out["T"], T_loop, rtol=0, atol=1e-14)
assert np.allclose(out["Omega"], Omega_loop, rtol=0, atol=1e-14)
assert np.allclose(out["alpha_3"].sum(axis=0), 1)
for name, array in out.items():
    print(f"{name:12} {array.shape}")

# %% [markdown]
# **The gradient** of the whole graph, with respect to every parameter and to $\mathbf{x}^e$. The
# backward pass reaches each vertex of layer 2 several times: through $\mathbf{B}$, through the
# vectors of the three vertices of layer 3 that fuse it, and through the weights of all six. As in
# notebook 08, the output is multiplied by fixed random numbers and added up, so that it is a scalar
# in which every entry counts differently.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    factors = np.random.default_rng(0).standard_normal(y.shape)
    return (factors * y).sum()


def weighed_Omega(p):
    parts = {"MAN": p["MAN"], "MLP_2": p["MLP_2"], "MLP_3": p["MLP_3"], "Dec": params["Dec"]}
    return weigh(graph.graph_fusion(parts, p["x_e"])["Omega"])


inputs = {name: params[name] for name in ("MAN", "MLP_2", "MLP_3")} | {"x_e": x_e}
nn.check_gradient(weighed_Omega, inputs, rng, step=1e-5)  # small, since leaky ReLU has a kink

# %% [markdown]
# ## 3. What the weights of layer 3 can be
#
# Notebook 08 has found that for $k = 50$ the similarity hardly counts: $S + 0.5 \approx 0.52$. So
# the score of a vertex of layer 3 is nearly $(\alpha_p + \alpha_q) / 0.52$. What is $\alpha_p +
# \alpha_q$? A unimodal $\alpha$ is a sigmoid, anything between 0 and 1. The three bimodal ones come
# from a softmax, so they sum to 1 and are a third on average. In the released code it is different
# ([D10](../DEVIATIONS.md#d10)). Where a bimodal vertex enters, that code takes the score
# $\hat\alpha$ of Eq. 13, before the softmax. Such a score is about $(\alpha_{m_1} + \alpha_{m_2}) /
# 0.52$, about four times as large as the $\alpha$ of a modality if those two are equal.
#
# The table lists the six sums, and what they are if all three $\alpha_m$ are 1/2, the mean of a
# random sigmoid. (Since the bimodal weights sum to 1, $\alpha_{av} + \alpha_{vl}$ is $1 -
# \alpha_{al}$, and so on.)
#
# | vertex | sum, paper | at 1/2 | sum, released | at 1/2 |
# |---|---|---|---|---|
# | `av+vl` | $1 - \alpha_{al}$ | 0.67 | $\hat\alpha_{av} + \hat\alpha_{vl}$ | 3.85 |
# | `av+al` | $1 - \alpha_{vl}$ | 0.67 | $\hat\alpha_{av} + \hat\alpha_{al}$ | 3.85 |
# | `vl+al` | $1 - \alpha_{av}$ | 0.67 | $\hat\alpha_{vl} + \hat\alpha_{al}$ | 3.85 |
# | `av+l` | $\alpha_{av} + \alpha_l$ | 0.83 | $\hat\alpha_{av} + \alpha_l$ | 2.42 |
# | `al+v` | $\alpha_{al} + \alpha_v$ | 0.83 | $\hat\alpha_{al} + \alpha_v$ | 2.42 |
# | `vl+a` | $\alpha_{vl} + \alpha_a$ | 0.83 | $\hat\alpha_{vl} + \alpha_a$ | 2.42 |
#
# In the paper's version the lower half of the table is ahead at 1/2. The halves are equal if all
# three $\alpha_m$ are 1/3. In the released version the upper half, taken together, is always ahead,
# unless all three $\alpha_m$ are zero. At 1/2 its scores are larger by $(3.85 - 2.42) / 0.52
# \approx 2.7$, so a vertex of the upper half weighs $e^{2.7} \approx 15$ times as much as one of
# the lower half.
#
# Now vary one number, $\alpha_l$, with $\alpha_a = 0.6$ and $\alpha_v = 0.4$, and watch all six
# weights in both variants. The dotted line is at 1/6, where all six would be equal. In the picture,
# solid lines are the vertices that fuse two bimodal ones. Their colour and marker are those of the
# modality that enters twice. Dashed lines are the vertices that fuse a bimodal vertex with a
# modality, and have the colour and marker of that modality:

# %%
def trimodal_weights(alpha_m, variant, S=1 / 50):
    """The weights of layer 3 (6, n, 1) for weights of layer 1 (3, n, 1), with S held at 1/k."""
    first, second = sources_2
    bimodal = graph.vertex_scores(alpha_m[first], alpha_m[second], S)  # (3, n, 1), Eq. 13
    if variant == "paper":
        bimodal = graph.vertex_weights(bimodal)  # Eq. 14
    below = np.concatenate([alpha_m, bimodal])  # (6, n, 1)
    first, second = sources_3
    return graph.vertex_weights(graph.vertex_scores(below[first], below[second], S))


alpha_l = np.linspace(0, 1, 101)
varied = np.stack([np.full(101, 0.6), alpha_l, np.full(101, 0.4)])[..., None]  # (3, 101, 1)
variants = ("paper", "released")
draw.knob(alpha_l, {variant: trimodal_weights(varied, variant)[..., 0] for variant in variants})
plt.show()

anything = np.random.default_rng(0).uniform(0, 1, (3, 5000, 1))
lower_half = {}
for variant in variants:
    six = trimodal_weights(anything, variant)
    lower_half[variant] = six[3:].sum(axis=0)
    print(f"{variant:9} weights from {six.min():.4f} to {six.max():.4f};",
          f"av+l, al+v, vl+a together {lower_half[variant].mean():.2f} on average")
assert lower_half["released"].max() < 0.5
assert np.allclose(trimodal_weights(np.zeros((3, 1, 1)), "released"), 1 / 6)

# %% [markdown]
# In the left picture all six lines stay clearly above zero, whatever $\alpha_l$ is: each vertex
# counts. In the right picture the three dashed lines are close to zero. (At $\alpha_l = 0$ the
# solid blue line begins at the same point as the dashed blue one: there the scores of vl+al and
# av+l are equal. From then on the solid one is above.) The three dashed vertices together would
# reach half of the weight only if all three $\alpha_m$ were zero, since then all scores are zero
# and all six weights are $\frac{1}{6}$. A weight near zero silences a vertex twice. Its vector
# hardly enters $\mathbf{T}$, and hardly any gradient comes back to improve it. This is the pattern
# of the paper's Figure 6, in which "vertices obtained by fusing a bimodal vertex and a unimodal
# vertex hardly make any difference". The released formula has it before it has seen any data.
#
# **An experiment** ★ (5 minutes). Give all three $\alpha_m$ the same value. Which share do the
# three dashed vertices have together at 0 and at 1, in the paper's variant and in the released one?
# Predict with the table, then call `trimodal_weights(np.full((3, 1, 1), ...), ...)[3:].sum()`. (The
# numbers are in the solutions.)
#
# ### Exercise 9.2 ★★ (10 minutes): the weights of layer 3 (Eq. 13 and 14)
#
# Compute them in NumPy, as the paper has them. Number the six vertices of layers 1 and 2 as a, l,
# v, al, vl, av. New vertex i fuses number `first[i]` and number `second[i]`.

# %%
def weights_of_layer_3(alpha_1, alpha_2, S, first, second):
    """alpha_1 (3, n, 1) unimodal, alpha_2 (3, n, 1) bimodal, S (6, n, 1). Returns (6, n, 1)."""
    raise NotImplementedError("exercise 9.2")


check("9.2", weights_of_layer_3)

# %% [markdown]
# ### The sum
#
# The paper adds up $\alpha \mathbf{V}$. The released code adds up $ELU(\alpha \mathbf{V})$, in
# layer 2 ([D9](../DEVIATIONS.md#d9)) as in layer 3 ([D12](../DEVIATIONS.md#d12)), where $ELU(z) =
# z$ for $z > 0$ and $e^z - 1$ otherwise. Its layer 3 also fuses these weighted vectors instead of
# $\mathbf{V}$ ([D9](../DEVIATIONS.md#d9)). How different is $\mathbf{T}$, first with the ELU of
# layer 3 alone, then with everything in which the variants differ?

# %%
T_elu = np.zeros((n, k))
for i, j in np.ndindex(n, k):
    for vertex in range(6):
        z = three["alpha"][vertex, i, 0] * three["V"][vertex, i, j]
        T_elu[i, j] += z if z > 0 else np.exp(z) - 1

released = graph.interaction(params["MLP_3"], V_below, ops.softmax(V_below), alpha_below, sources_3,
                             variant="released")
assert np.allclose(released["sum"], T_elu, rtol=0, atol=1e-14)
everything = graph.graph_fusion(params, x_e, "released")
print(f"mean size of an entry of T: {np.abs(out['T']).mean():.3f}")
print(f"mean change by the ELU of layer 3 alone: {np.abs(T_elu - out['T']).mean():.3f}")
print(f"mean change by all differences together: {np.abs(everything['T'] - out['T']).mean():.3f}")

# %% [markdown]
# The ELU alone hardly changes $\mathbf{T}$. All differences together change it by nearly half of
# what its entries measure: the released graph computes something else.
#
# ## 4. All three outputs: $\mathbf{\Omega}$
#
# The output of the graph is not $\mathbf{T}$ alone. What one modality says should not have to pass
# through two layers of fusion, so all three outputs go on:
#
# $$\mathbf{\Omega} = \mathbf{U} \oplus \mathbf{B} \oplus \mathbf{T}$$
#
# ## 5. The decision (Eq. 16)
#
# $$\mathbf{M} = Dec(\mathbf{\Omega}; \Theta_{Dec}) \tag{16}$$
#
# $Dec$ is "a normalization layer followed by three dense layers activated by *tanh*, *tanh* and
# *softmax* respectively". Why does it begin with a normalisation? Look at the columns of
# $\mathbf{\Omega}$ in a fresh network: each line goes from one standard deviation below the mean of
# a column to one above it.

# %%
fresh = graph.init_gfn(np.random.default_rng(2), 3, 50, N)
many = np.random.default_rng(3).uniform(-1, 1, (3, 400, 50))
Omega_fresh = graph.graph_fusion(fresh, many)["Omega"]  # (400, 150)
draw.omega(Omega_fresh, 50)
plt.show()
for part, name in enumerate("UBT"):
    deviation = Omega_fresh[:, 50 * part:50 * (part + 1)].std(axis=0).mean()
    print(f"{name}: mean standard deviation of a column {deviation:.3f}")

# %% [markdown]
# The columns of $\mathbf{U}$ are all alike: centred on zero, and their lines are about equally
# long. Those of $\mathbf{B}$ and $\mathbf{T}$ have means of their own, up to half a unit away from
# zero, and longer or shorter lines. A normalisation layer brings all columns to mean 0 and variance
# 1. That this layer is a *batch norm* (notebook [02](02_layers_and_optimisers.ipynb)) is not in the
# paper. We know it from the released code, as we know the width 50 of the dense layers.
#
# | part of $\Theta_{Dec}$ | shape | meaning |
# |---|---|---|
# | `norm` | `(1, 3k)` twice | scale and shift of each column |
# | `dense_1` | `(3k, 50)` | tanh |
# | `dense_2` | `(50, 50)` | tanh |
# | `dense_3` | `(50, N)` | softmax: $N$ probabilities |
#
# As loops:

# %%
Omega, Dec = out["Omega"], params["Dec"]
normed_loop, M_loop = np.zeros((n, 3 * k)), np.zeros((n, N))
for j in range(3 * k):  # each column, over the batch
    mean = sum(Omega[:, j]) / n
    variance = sum((Omega[:, j] - mean) ** 2) / n
    for i in range(n):
        standardised = (Omega[i, j] - mean) / np.sqrt(variance + 1e-5)
        normed_loop[i, j] = Dec["norm"]["gamma"][0, j] * standardised + Dec["norm"]["beta"][0, j]
for i in range(n):
    h = np.tanh(dense_loop(Dec["dense_1"], normed_loop[i]))
    h = np.tanh(dense_loop(Dec["dense_2"], h))
    M_loop[i] = softmax_loop(dense_loop(Dec["dense_3"], h))

M = graph.decide(Dec, Omega)  # (n, N)
assert np.allclose(M, M_loop, rtol=0, atol=1e-14)
assert np.allclose(M.sum(axis=1), 1)
print(np.round(M, 3))

# %% [markdown]
# **The gradient** has a property that needs no derivative. Add a constant to a column of
# $\mathbf{\Omega}$, the same for all utterances of the batch. Batch norm subtracts it again, and
# $\mathbf{M}$ does not change. So along this direction nothing changes: the gradient of *any* loss
# with respect to $\mathbf{\Omega}$, added up over the batch, is zero in each column.

# %%
def weighed_decision(p):
    return weigh(graph.decide(p["Dec"], p["Omega"]))


inputs = {"Dec": Dec, "Omega": Omega}
nn.check_gradient(weighed_decision, inputs, rng)

_, gradient = nn.value_and_grad(weighed_decision, inputs)
print(f"largest entry of the gradient {np.abs(gradient['Omega']).max():.3f},",
      f"largest sum of a column {np.abs(gradient['Omega'].sum(axis=0)).max():.0e}")
assert np.allclose(gradient["Omega"].sum(axis=0), 0, rtol=0, atol=1e-12)

# %% [markdown]
# That batch norm uses the statistics of the batch has a price. During training the decision on an
# utterance depends on the others in its batch. Here is the decision on the first utterance, in the
# company of others:

# %%
for others in ([1, 2, 3, 4], [1, 2], [3, 4]):
    print(f"with {others}:", np.round(graph.decide(Dec, Omega[[0, *others]])[0], 3))

# %% [markdown]
# When the network is used, this must not happen. Then batch norm takes the statistics of the
# training utterances (`model.evaluation_params`). The released code never switches to them
# ([D14](../DEVIATIONS.md#d14)).
#
# ### Exercise 9.3 ★★ (15 minutes): the decision (Eq. 16)
#
# Write $Dec$ in NumPy, without a loop over utterances or columns, with the statistics of the batch
# and $\epsilon = 10^{-5}$.

# %%
def decision(Dec, Omega):
    """Dec: "norm" (gamma, beta), "dense_1" to "dense_3" (W, b); Omega (n, 3k). Returns (n, N)."""
    raise NotImplementedError("exercise 9.3")


check("9.3", decision)

# %% [markdown]
# ## 6. A signal that only three carry together
#
# Now the wink. Give each modality a sign $s_m = \pm 1$, and let the label be the product of all
# three: positive if $s_a s_l s_v = 1$. This is called *parity*. Among the eight cases, what do you
# know of the label if you see one or two of the signs?

# %%
corners = np.array(list(itertools.product([-1, 1], repeat=3)))  # (8, 3): s_a, s_l, s_v
parity = corners.prod(axis=1)  # (8,)
for seen in ("a", "l", "v", "al", "vl", "av"):
    columns = [UNIMODAL.index(m) for m in seen]
    for case in itertools.product([-1, 1], repeat=len(seen)):
        alike = (corners[:, columns] == case).all(axis=1)
        assert np.mean(parity[alike] == 1) == 0.5
    print(f"{seen:2} seen: whatever the signs, half of the labels are positive")

# %% [markdown]
# A classifier that sees one or two modalities is at chance, whatever it is.
#
# **Before you read on:** how many of the eight can a sum over single modalities get right at most,
# and how many a sum over pairs? Write down two numbers. (A hint for the second: add up the eight
# outputs, each with the sign of its label.)
#
# **What can the layers do with it?** Suppose that the classifier is linear, positive where
# $\mathbf{w} \cdot \mathbf{f} + b > 0$, and that $\mathbf{f}$ is a sum. A short calculation shows
# how many of the eight cases it can get right.
#
# - $\mathbf{U}$ is a sum of functions of *one* modality each. Fix $s_v$. What remains is XOR of
#   $s_a$ and $s_l$, up to the sign, and notebook 08 has shown that such a sum gets at most three of
#   four right. There are two values of $s_v$, so at most **six** of eight.
# - Take a sum of functions of *two* modalities each, as $\mathbf{B}$ would be if its weights were
#   fixed. Add up $\mathbf{w} \cdot \mathbf{f} + b$ over the eight cases, each with the sign $s_a
#   s_l s_v$. The term of $al$ occurs once with $s_v = 1$ and once with $s_v = -1$, and cancels. So
#   do all other terms, and $b$. The result is zero. But if all eight cases were right, the four
#   summands of the positive labels would be above zero and the other four at least zero, so the sum
#   could not be zero. So at most **seven** of eight.
#
# Seven can be reached. Let $c = s_a + s_l + s_v$. Then $c\,(c - 2)$ has the sign of the label at $c
# = 3$, $1$ and $-1$, and is wrong only at $-3$. And it is a sum over pairs, because $c^2 = 3 + 2
# (s_a s_l + s_v s_l + s_a s_v)$. (Six can be reached too: $-c$, a sum over single modalities, has
# the sign of the label at $c = 1$ and at $c = -1$, which are six of the eight cases.) The cube
# shows all eight cases. Neighbours differ in one sign, and so in the label. The cross marks the
# only case that $c\,(c - 2)$ gets wrong.

# %%
c = corners.sum(axis=1)  # 3, 1, -1 or -3
rule = np.sign(c * (c - 2))
print("c (c - 2) is right in", int((rule == parity).sum()), "of 8 cases")
draw.cube(corners, parity, rule != parity)
plt.show()

# %% [markdown]
# ### Exercise 9.4 ★★★ (20 minutes): a detector of trimodal signals
#
# The proof above is also a tool. Let $f$ be a function of the vertices, $(3, 1, k)$, that returns
# $(1, k)$. Compute the alternating sum of $f$ over the eight corners of a box. Each modality has
# its lower or its upper vector, and each corner counts with the sign of parity: $+$ where all three
# are upper, $-$ where one of them is lower, and so on. It is zero for every sum of functions of two
# modalities.

# %%
def alternating_sum(f, lower, upper):
    """lower, upper (3, k): vectors of a, l, v. Returns (k,)."""
    raise NotImplementedError("exercise 9.4")


check("9.4", alternating_sum)

# %% [markdown]
# ### Parity with data
#
# Now we take data: a synthetic corpus that has this signal and no other, with the videos, the
# widths and the share of positive labels of MOSI. Two principal components per modality and a tanh
# stand in for an encoder, so that $k = 2$.
#
# The test labels are not half positive, so a classifier that always says "positive" would look
# better than chance. We therefore measure *balanced accuracy*: the mean of two shares, that of the
# positive utterances that are right and that of the negative ones. A classifier that knows nothing
# scores 50 %.

# %%
trimodal = standardise(synthesise(signals={"alv": 1}))
rows = {split: trimodal.utterances(split) for split in trimodal.split}
y = np.eye(2)[trimodal.labels]  # one-hot
labels_test = trimodal.labels[rows["test"]]


def principal_directions(features, d, rows):
    """The features along the d directions of largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (utterances, d)
    return projected / projected[rows["train"]].std()


def balanced_accuracy(M, labels):
    """M (n, N), labels (n,)."""
    shares = []
    for c in range(M.shape[1]):
        shares.append(np.mean(M[labels == c].argmax(axis=1) == c))
    return np.mean(shares)


components = np.stack([principal_directions(trimodal.features[m], 2, rows) for m in UNIMODAL])
V = np.tanh(0.6 * components)  # (3, utterances, 2)
V_train, V_test, y_train = V[:, rows["train"]], V[:, rows["test"]], y[rows["train"]]
for split, some in rows.items():
    print(f"{split:10} {trimodal.labels[some].mean():.0%} positive")

# %% [markdown]
# First we train a network with 16 hidden units on each choice of one or two modalities. Then we
# train a linear classifier on $\mathbf{U}$, on $\mathbf{B}$ and on $\mathbf{T}$, together with the
# graph below it. **Predict before you run:** write down nine numbers. The bounds above help.

# %%
def hidden_layer(p, seen, V):
    """16 features of the modalities in ``seen``."""
    chosen = [V[UNIMODAL.index(m)] for m in seen]
    return ops.dense_layer(p["hidden"], np.concatenate(chosen, axis=-1), "tanh")


def output_of_layer(p, layer, V):
    """U, B or T."""
    return graph.graph_fusion(p, V)[layer]


def decide(p, features_of, name, V):
    return ops.dense_layer(p["linear"], features_of(p, name, V), "softmax")  # (n, 2)


def fit(features_of, name, start, steps=300):
    """Minimise the paper's fusion loss with Adam. Returns the parameters."""
    params = nn.cast(start, "float64")  # a copy, since Adam works in place
    state = nn.init_adam(params)

    def loss(p):
        return graph.fusion_loss(decide(p, features_of, name, V_train), y_train)

    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, params)
        nn.adam(state, params, gradient, lr=0.03)
    return params


nn.use("fast")
rng = np.random.default_rng(0)
scores, learnt = {}, {}
for seen in ("a", "l", "v", "al", "vl", "av"):
    start = {"hidden": nn.init_dense(rng, 2 * len(seen), 16), "linear": nn.init_dense(rng, 16, 2)}
    network = fit(hidden_layer, seen, start)
    scores[seen] = balanced_accuracy(decide(network, hidden_layer, seen, V_test), labels_test)
start = graph.init_gfn(rng, 3, 2, 2) | {"linear": nn.init_dense(rng, 2, 2)}
for layer in "UBT":
    learnt[layer] = fit(output_of_layer, layer, start)
    M_test = decide(learnt[layer], output_of_layer, layer, V_test)
    scores[layer] = balanced_accuracy(M_test, labels_test)
_ = nn.use("readable")

# %%
draw.who_gets_it(scores, below)
plt.show()
assert all(abs(scores[seen] - 0.5) < 0.08 for seen in ("a", "l", "v", "al", "vl", "av"))
assert scores["U"] < 0.78 < scores["B"] < 0.92 < 0.97 < scores["T"]

# %% [markdown]
# Every network that sees one or two modalities is near chance. $\mathbf{B}$ reaches seven of eight,
# just like $c\,(c - 2)$. $\mathbf{T}$ gets all eight. And $\mathbf{U}$ is near chance, although six
# of eight are possible. The reason is that of notebook 08: under a mean square error the constant
# answer one half is as good as anything that $\mathbf{U}$ offers.
#
# Each $V_m$ has two entries here. The pictures show the decision for their first ones, with the
# second ones at 0. In the upper row the first entry of $V_v$ is negative, in the lower row it is
# positive. Look for the one cloud of points, in the column of $\mathbf{B}$, that the shading
# contradicts: that is the case that $\mathbf{B}$ gets wrong. (The sign of a principal component is
# arbitrary. Here an odd number of them is turned round, so every label is the opposite of that in
# the cube.)

# %%
line = np.linspace(-1, 1, 41)
grid_a, grid_l = np.meshgrid(line, line)
on_planes = {}
for sign in (-1, 1):
    square = np.zeros((3, 41 * 41, 2))  # the second entries are 0
    square[:, :, 0] = grid_a.ravel(), grid_l.ravel(), np.full(41 * 41, 0.68 * sign)
    for layer in "UBT":
        M_square = decide(learnt[layer], output_of_layer, layer, square)
        on_planes[layer, sign] = M_square[:, 1].reshape(41, 41)
draw.planes(on_planes, V_test, labels_test, trimodal.classes)
plt.show()

# %% [markdown]
# One thing was left open. The bound of seven holds for *fixed* weights. Those of Eq. 14 are not
# fixed: the softmax over the three pairs puts all three $\alpha_m$ into each weight. So
# $\mathbf{B}$ is no sum over pairs in the strict sense, and something of all three modalities leaks
# into it. The alternating sum over the eight corners shows it, in a fresh network:

# %%
eight = np.zeros((3, 8, 2))
eight[:, :, 0] = 0.68 * corners.T
fresh = graph.init_gfn(np.random.default_rng(4), 3, 2, 2)
untrained = graph.graph_fusion(fresh, eight)
thirds = graph.weighted_sum(np.full((3, 1, 1), 1 / 3), untrained["V_2"])  # weights fixed
rows_to_print = {"U": untrained["U"], "B, weights fixed": thirds,
                 "B": untrained["B"], "T": untrained["T"]}
for name, values in rows_to_print.items():
    print(f"{name:17} {np.round(np.abs(parity @ values).max(), 12):.6f}")
assert np.allclose(parity @ untrained["U"], 0)
assert np.allclose(parity @ thirds, 0)
assert np.abs(parity @ untrained["B"]).max() > 1e-6

# %% [markdown]
# In a fresh network the numbers of $\mathbf{B}$ and $\mathbf{T}$ are both small, and that of
# $\mathbf{B}$ is even the larger one here. They say that a trimodal part is possible, not how well
# a layer can learn one. So eight of eight is not impossible for $\mathbf{B}$. To get there it would
# have to use its three softmax weights, which have little room to vary, and training did not find
# that solution. Layer 3 is made for it.
#
# ## 7. What each part of $\mathbf{\Omega}$ is worth
#
# So far the classifier was linear. The $Dec$ of the paper is not, and the whole of ARGF is trained
# below it (notebook [07](07_three_updates.ipynb)). Can it use the wink? And through which part of
# $\mathbf{\Omega}$? We train ARGF on the trimodal corpus, and on the synthetic corpus of the other
# notebooks. As a control we print the classifier $C$ of notebook 05, which sees one modality at a
# time. Then we silence parts of $\mathbf{\Omega}$: each column of such a part is replaced by its
# mean over the training utterances, and the trained $Dec$ has to manage with the rest.

# %%
def whole_network(corpus):
    """ARGF after three epochs: parameters, and intermediates of training and test utterances."""
    rows = {split: corpus.utterances(split) for split in corpus.split}
    x = np.stack([principal_directions(corpus.features[m], 20, rows) for m in UNIMODAL])
    y = np.eye(len(corpus.classes))[corpus.labels]
    params = train(x, y, rows, Settings(k=20, epochs=3))["params"]
    x = x.astype("float32")
    seen = forward(params, x[:, rows["train"]])
    new = forward(params, x[:, rows["test"]])
    return params, seen, new, corpus.labels[rows["test"]]


def kept(params, seen, new, parts):
    """The decision if only some parts of Omega are kept."""
    silent = seen["Omega"].mean(axis=0, keepdims=True)  # (1, 3k)
    keep = np.repeat([name in parts for name in "UBT"], new["U"].shape[1])  # (3k,)
    return graph.decide(params["fusion"]["Dec"], np.where(keep, new["Omega"], silent))


choices = ["UBT", "BT", "UT", "UB", "U", "B", "T"]
corpora = {"trimodal signal": trimodal,
           "corpus of the other notebooks": standardise(load("mosi", source="synthetic"))}
worth, alone = {}, {}
nn.use("fast")
for name, corpus in corpora.items():
    params, seen, new, labels = whole_network(corpus)
    worth[name] = [balanced_accuracy(kept(params, seen, new, parts), labels) for parts in choices]
    alone[name] = [balanced_accuracy(y_m, labels) for y_m in new["y_tilde"]]
    print(f"{name}: the decision M {worth[name][0]:.0%};",
          "C on a, l or v alone: " + ", ".join(f"{share:.0%}" for share in alone[name]))
_ = nn.use("readable")

# %%
draw.parts_of_omega(choices, worth)
plt.show()
share = dict(zip(choices, worth["trimodal signal"], strict=True))
assert min(share["UBT"], share["BT"], share["UT"]) > 0.95
assert max(share["U"], share["B"]) < 0.75
assert 0.6 < share["T"] < 0.95
assert 0.8 < share["UB"] < 0.97
other = worth["corpus of the other notebooks"]
assert max(other) - min(other) < 0.12
assert all(abs(share - 0.5) < 0.08 for share in alone["trimodal signal"])

# %% [markdown]
# On the trimodal signal (dark bars) the classifier $C$, which sees one modality at a time, is at
# chance, as it must be, and the decision is right for all test utterances or nearly all.
# $\mathbf{T}$ and one of the others are enough. $\mathbf{T}$ alone is not, although it holds
# everything: this $Dec$ has learnt with all three, and reads them together. Without $\mathbf{T}$
# the decision is still right in far more than three of four cases, although $\mathbf{U}$ alone is
# near chance and $\mathbf{B}$ alone far from perfect: $Dec$ can combine what the two say.
#
# On the other corpus (hatched bars) it matters little which part is kept, except that $\mathbf{U}$
# alone is five points lower (70 %). There language alone tells most of what can be told ($C$ on $l$
# is right in 71 %, the whole decision in 75 %), and language reaches all three layers. Differences
# of two or three points say nothing here, since this is a single network. And even for a fixed
# network a share of 752 test utterances has a standard error of 1.6 points (notebook
# [03](03_the_data.ipynb)).
#
# Read the bars with care. A part that can be silenced without loss was not needed *by this
# network*. Another one, trained without it from the start, might find the same elsewhere, since
# $Dec$ is not linear, and trained encoders can put into $\mathbf{U}$ what $Dec$ then multiplies.
# What a layer is worth is measured by training without it, over several seeds (notebook
# [10](10_does_it_work.ipynb)).
#
# ## To go on
#
# Solutions of the exercises are in
# [solutions/09_graph_fusion_2.py](solutions/09_graph_fusion_2.py).
#
# **Which half?** ★★★ (45 minutes). Half of the vertices of layer 3 fuse two bimodal vertices, the
# other half a bimodal one with the modality that it lacks. Does parity need both? In section 6, set
# the weights of one half to zero and train again. Then do it with weights as in the released code,
# where one half is nearly silent from the start. Which of the two halves would you keep, and on
# which evidence?
#
# ## What to take away
#
# - Layer 3 has the six pairs of lower vertices that hold all three modalities. The function that
#   computes layer 2 computes layer 3 too.
# - In the paper's variant all six count. In the released code the three that fuse a bimodal vertex
#   with a modality are nearly silent.
# - Batch norm makes a decision depend on the other utterances of its batch, until the network is
#   used with fixed statistics.
# - Of a purely trimodal signal, a linear classifier gets at most six of eight cases from sums over
#   single modalities, and at most seven from sums over pairs. On $\mathbf{T}$ it learnt all eight.
# - Silencing a part of a trained network shows what this network needs. What the part is worth is
#   another question, and notebook 10 asks it.
#
# Before: [08 · Graph fusion I: unimodal and bimodal](08_graph_fusion_1.ipynb). Next:
# [10 · Does it work?](10_does_it_work.ipynb)

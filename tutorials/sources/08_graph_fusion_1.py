# %% [markdown]
# # 08 · Graph fusion I: unimodal and bimodal
#
# *Needs: 01, 02, 05. Minutes: 25. Paper: "Graph Fusion Network", Eq. 10 to 15.*
#
# (25 minutes are for reading. The exercises take about 55 more, the experiment 5, the last task
# 30.)
#
# Before: [07 · One batch, four updates](07_three_updates.ipynb).
# Next: [09 · Graph fusion II](09_graph_fusion_2.ipynb).
#
# Somebody says "great". The word alone is positive. A flat voice alone says little. Together they
# may well be sarcasm: what counts is neither the word nor the voice, but the two *in combination*.
#
# So how can a network look at each modality alone, then at each pair, and say how much each of
# these counts? The paper's answer is a graph. Its vertices are vectors: three for the modalities
# (layer 1), three for the pairs of modalities (layer 2), and six for combinations of all three
# (layer 3). In this notebook we build layers 1 and 2 from their six equations. Notebook
# [09](09_graph_fusion_2.ipynb) adds layer 3 and the decision.
#
# On the way you will
#
# - write every equation as a loop, and check that the package computes the same, with the right
#   gradient;
# - calculate how little the similarity of Eq. 12 can vary, and what that leaves of Eq. 13;
# - watch layer 2 learn XOR, which a linear classifier on layer 1 cannot;
# - explain a result that surprised the authors, from one line in which their code differs from
#   their paper.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $a, l, v$ | | the modalities: acoustic, language, visual, always in this order |
# | $k$ | | width of all vectors of the graph (50 for CMU-MOSI) |
# | $m$, $m_1 m_2$ | | a modality; a pair of modalities: $al$, $vl$ or $av$ |
# | $\mathbf{V}_m$ | $k$ | a unimodal vertex: $\mathbf{x}_m^e$, the output of the encoder of $m$ |
# | $\mathbf{V}_{m_1 m_2}$ | $k$ | a bimodal vertex |
# | $\hat\alpha_{m_1 m_2}$ | 1 | score of a bimodal vertex, from which its weight is made |
# | $\alpha_m$, $\alpha_{m_1 m_2}$ | 1 | weight of a vertex |
# | $S_{m_1 m_2}$ | 1 | similarity of two unimodal vertices |
# | $\mathbf{U}$, $\mathbf{B}$ | $k$ | output of layer 1, output of layer 2 |
#
# The table speaks of one utterance. The code computes a whole batch at once and keeps vertices of
# one kind in one array: the three unimodal vertices of `n` utterances are `V`, of shape `(3, n,
# k)`. (In notebooks 05 to 07 the number of utterances was $B$. From here on it is `n`, and
# $\mathbf{B}$ is the output of layer 2.)
#
# A number such as [D9](../DEVIATIONS.md#d9) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from argf_np import figures, nn
from argf_np.data import load, standardise
from argf_np.nn import ops
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper.model import forward
from argf_np.paper.protocols import train
from argf_np.paper.vertices import BIMODAL, UNIMODAL, source_indices, stack_weights
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_08 as draw
from exercises import check

nn.use("readable")  # textbook code; the fast functions of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. The vertices of layer 1
#
# Until section 8 it does not matter what the encoders have learnt, so we draw their output at
# random. Every encoder ends in a tanh, so every entry of $\mathbf{V}_m$ lies between $-1$ and $1$.
# Remember this: section 4 builds on it.
#
# The sizes are small, so that you can print everything. They all differ, so that a transposed array
# fails instead of slipping through.

# %%
rng = np.random.default_rng(1)
n, k = 5, 4
V = rng.uniform(-1, 1, (3, n, k))  # vertices a, l, v of five utterances
params = graph.init_gfn(rng, 3, k, 2)  # three modalities; two classes, for notebook 09

for path, array in nn.leaves(params):
    print(f"{'/'.join(path):16} {array.shape}")

# %% [markdown]
# `nn.leaves` lists the arrays of a tree of parameters, each with its path. This notebook uses `MAN`
# and `MLP_2`.
#
# ## 2. How much does each modality count? (Eq. 10)
#
# A *modality attention network*, $MAN$, looks at a vertex and computes its weight, one number
# between 0 and 1. It is a dense layer with a sigmoid, the same one for all three modalities. The
# output of layer 1 adds up the weighted vectors and divides by three:
#
# $$\alpha_m = MAN(\mathbf{V}_m; \Theta_{MAN}), \qquad
# \mathbf{U} = \frac{1}{3} \sum_m \alpha_m \cdot \mathbf{V}_m, \quad m \in \{a, v, l\} \tag{10}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\Theta_{MAN}$ | `(k, 1)`, `(1, 1)` | parameters of $MAN$: `W` and `b` |
# | $\alpha_m$ | 1 | weight of modality $m$, computed for each utterance |
#
# As loops, one number at a time:

# %%
W, b = params["MAN"]["W"], params["MAN"]["b"]  # (k, 1), (1, 1)
alpha_loop = np.zeros((3, n, 1))
U_loop = np.zeros((n, k))

for i in range(n):  # each utterance
    for m in range(3):  # each modality
        z = b[0, 0]
        for j in range(k):
            z += V[m, i, j] * W[j, 0]
        alpha_loop[m, i, 0] = 1 / (1 + np.exp(-z))  # sigmoid
        for j in range(k):
            U_loop[i, j] += alpha_loop[m, i, 0] * V[m, i, j] / 3
print("U of the first utterance:", U_loop[0].round(3))

# %% [markdown]
# The package has a function for each half of the equation. They agree with the loops:

# %%
alpha = graph.modality_attention(params["MAN"], V)  # (3, n, 1)
U = graph.unimodal_dynamics(alpha, V)  # (n, k)

assert np.allclose(alpha, alpha_loop, rtol=0, atol=1e-14)
assert np.allclose(U, U_loop, rtol=0, atol=1e-14)
print("U of the first utterance:", U[0].round(3))
for row, m in enumerate(UNIMODAL):
    print(f"first utterance: alpha_{m} = {alpha[row, 0, 0]:.3f}")

# %% [markdown]
# **The gradient.** `nn.check_gradient` compares the gradient with finite differences (notebook
# [01](01_gradients.ipynb)). It raises an error where they differ by more than one part in a
# million. It needs a scalar, so we multiply the output by fixed random numbers and add up. Then
# every entry of the output counts, and each one differently.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    factors = np.random.default_rng(0).standard_normal(y.shape)
    return (factors * y).sum()


def layer_1(p):
    weights = graph.modality_attention(p["MAN"], p["V"])
    return weigh(graph.unimodal_dynamics(weights, p["V"]))


nn.check_gradient(layer_1, {"MAN": params["MAN"], "V": V}, rng)
print("the gradient of layer 1 agrees with finite differences")

# %% [markdown]
# One part of it takes a line by hand. Entry $j$ of $\mathbf{U}$ is $\frac{1}{3}(\alpha_a V_{aj} +
# \alpha_l V_{lj} + \alpha_v V_{vj})$, hence $\partial U_j / \partial \alpha_m = V_{mj} / 3$.
#
# ### Exercise 8.1 ★ (10 minutes): back through Eq. 10, by hand
#
# You are given $g_j = \partial L / \partial U_j$, the gradient of a loss with respect to
# $\mathbf{U}$. What is $\partial L / \partial \alpha_m$? The line above has the derivative that you
# need, and the chain rule does the rest.
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed random inputs. If it is wrong, `check` says what the mistake looks like.

# %%
def gradient_of_the_weights(g, V):
    """g (n, k), V (3, n, k). Returns the gradient with respect to the weights, (3, n, 1)."""
    raise NotImplementedError("exercise 8.1")


check("8.1", gradient_of_the_weights)

# %% [markdown]
# ### A picture
#
# With $k = 2$ a vertex is an arrow in the plane. $MAN$ scales each arrow by its weight, from the
# thin dotted one to the thick one. $\mathbf{U}$, in black, is a third of the sum of the thick
# arrows. Note how short it is.

# %%
V_2d = np.array([[-0.9, 0.5], [0.8, 0.8], [0.5, -0.7]])[:, None]  # (3, 1, 2)
MAN_2d = {"W": np.array([[1.5], [1.0]]), "b": np.zeros((1, 1))}
alpha_2d = graph.modality_attention(MAN_2d, V_2d)
U_2d = graph.unimodal_dynamics(alpha_2d, V_2d)
draw.arrows(V_2d[:, 0], alpha_2d[:, 0, 0], U_2d[0])
plt.show()

# %% [markdown]
# The weights come from three separate sigmoids. They do not compete: all three can be near 1, or
# all near 0, and they need not sum to 1. The paper calls $\mathbf{U}$ a weighted average, but
# strictly it is not one. With small weights it is simply short.
#
# ## 3. Fuse each pair of vertices (Eq. 11)
#
# A bimodal vertex is made from two unimodal ones. Their vectors are concatenated ($\oplus$), which
# gives $2k$ numbers, and a small network maps these to $k$ numbers:
#
# $$\mathbf{V}_{m_1 m_2} = MLP(\mathbf{V}_{m_1} \oplus \mathbf{V}_{m_2}; \Theta_{MLP}), \quad
# m_1, m_2 \in \{a, v, l\},\ m_1 \neq m_2 \tag{11}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\Theta_{MLP}$ | `(2k, 64)`, `(64, k)` | two dense layers: leaky ReLU, then tanh |
# | $\oplus$ | | concatenation: $k$ and $k$ numbers become $2k$ |
#
# One $MLP$ serves all three pairs. The text does not give the width 64 or the slope 0.2 of the
# leaky ReLU. They are those of the code that the authors released.

# %%
def dense_loop(p, x):
    """x W + b for one vector x."""
    W, b = p["W"], p["b"]
    y = np.zeros(W.shape[1])
    for column in range(len(y)):
        y[column] = b[0, column]
        for j in range(len(x)):
            y[column] += x[j] * W[j, column]
    return y


def mlp_loop(p, V_1, V_2):
    """Eq. 11 for one pair of vectors."""
    hidden = dense_loop(p["dense_1"], np.concatenate([V_1, V_2]))
    for unit in range(len(hidden)):
        if hidden[unit] < 0:
            hidden[unit] = 0.2 * hidden[unit]  # leaky ReLU
    return np.tanh(dense_loop(p["dense_2"], hidden))


V_2_loop = np.zeros((3, n, k))
for pair, (one, two) in enumerate([(0, 1), (2, 1), (0, 2)]):  # rows of V: a 0, l 1, v 2
    for i in range(n):
        V_2_loop[pair, i] = mlp_loop(params["MLP_2"], V[one, i], V[two, i])
print("V_al of the first utterance:", V_2_loop[0, 0].round(3))

# %% [markdown]
# The package computes the three pairs in one call. It takes the first vertices of all pairs as one
# array, and the second vertices as another:

# %%
pairs, _ = source_indices(3)  # the sources of layer 2, and those of layer 3 for notebook 09
first, second = pairs
print("bimodal vertices:", *BIMODAL)
print("rows of their first and of their second sources:", first, second)
V_2 = graph.fuse(params["MLP_2"], V[first], V[second])  # (3, n, k)
assert np.allclose(V_2, V_2_loop, rtol=0, atol=1e-14)
print("V_al of the first utterance:", V_2[0, 0].round(3))


def fused(p):
    return weigh(graph.fuse(p["MLP"], p["V"][first], p["V"][second]))


# A leaky ReLU has a kink. A small step keeps the differences on one side of it (notebook 01).
nn.check_gradient(fused, {"MLP": params["MLP_2"], "V": V}, rng, step=1e-5)

# %% [markdown]
# **A picture.** With $k = 1$ a vertex is one number, and a bimodal vertex is a function on the
# plane. Here is a fresh $MLP$, first as $MLP(V_a \oplus V_l)$, then as $MLP(V_l \oplus V_a)$. The
# black line is where the output is zero. The two pictures differ, so it matters which vector comes
# first. The order here is that of the paper's names, $al$, $vl$, $av$, as in the released code
# ([D22](../DEVIATIONS.md#d22)).

# %%
def plane(steps=61):
    """All points of a square, as two arrays (steps * steps, 1)."""
    line = np.linspace(-1, 1, steps)
    across, upwards = np.meshgrid(line, line)
    return across.reshape(-1, 1), upwards.reshape(-1, 1)


mlp = graph.init_gfn(np.random.default_rng(23), 3, 1, 2)["MLP_2"]
V_a, V_l = plane()
V_al = graph.fuse(mlp, V_a, V_l)
V_la = graph.fuse(mlp, V_l, V_a)
draw.two_orders(V_al.reshape(61, 61), V_la.reshape(61, 61))
plt.show()

# %% [markdown]
# ## 4. How similar are two vertices? (Eq. 12)
#
# The paper argues: "the more similar two information vectors are, the less important their bimodal
# interaction would be", because there is little in one of them that the other lacks. So it measures
# similarity. Each vector is normalised by a softmax, then the two are multiplied:
#
# $$S_{m_1 m_2} = \tilde{\mathbf{V}}_{m_1}^T \tilde{\mathbf{V}}_{m_2}, \qquad
# \tilde V_{mj} = \frac{e^{V_{mj}}}{\sum_{i=1}^k e^{V_{mi}}} \tag{12}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\tilde{\mathbf{V}}_m$ | $k$ | the softmax of $\mathbf{V}_m$: positive numbers that sum to 1 |
# | $S_{m_1 m_2}$ | 1 | similarity; the normalisation keeps it "between 0 to 1" |

# %%
S_loop = np.zeros((3, n, 1))
for pair, (one, two) in enumerate(zip(first, second, strict=True)):
    for i in range(n):
        e_1, e_2 = np.exp(V[one, i]), np.exp(V[two, i])
        for j in range(k):
            S_loop[pair, i, 0] += e_1[j] / sum(e_1) * e_2[j] / sum(e_2)

V_tilde = ops.softmax(V)  # (3, n, k), along the last axis
S = graph.similarity(V_tilde[first], V_tilde[second])  # (3, n, 1)
assert np.allclose(S, S_loop, rtol=0, atol=1e-14)


def similarities(p):
    V_tilde = ops.softmax(p["V"])
    return weigh(graph.similarity(V_tilde[first], V_tilde[second]))


nn.check_gradient(similarities, {"V": V}, rng)
print(f"for k = {k}, similarities from {S.min():.3f} to {S.max():.3f}")

# %% [markdown]
# ### Exercise 8.2 ★★ (10 minutes): all similarities at once (Eq. 12)
#
# We have computed three similarities. Compute that of *every* vertex with every vertex, itself too,
# for each utterance, however many there are. One or two lines are enough, without a loop.

# %%
def all_similarities(V):
    """V (vertices, n, k). Returns S (n, vertices, vertices), one matrix per utterance."""
    raise NotImplementedError("exercise 8.2")


check("8.2", all_similarities)

# %% [markdown]
# ### What can $S$ be?
#
# Between 0 and 1, says the paper, and this is right. But which part of that range can be reached?
# Every entry of $\mathbf{V}_m$ is between $-1$ and $1$, so no $e^{V_{mj}}$ is more than $r = e^2$
# times as large as another. Such a softmax cannot have a sharp peak. All $\tilde V_{mj}$ lie
# between $1/(rk)$ and $r/k$. So each of the $k$ products is of the order of $1/k^2$, and their sum
# $S$ of the order of $1/k$.
#
# (The next paragraph and the two points are the proof. You may skip to "Together".) Now exactly.
# Hold all numbers but one fixed. As a function of that one $e^{V_{mj}}$, $S$ is a ratio of two
# linear functions, hence monotone. So $S$ is largest and smallest at *corners*, where every entry
# is $-1$ or $1$.
#
# - **The largest $S$.** By the Cauchy-Schwarz inequality, $S(\mathbf{c}, \mathbf{c}')^2 \le
#   S(\mathbf{c}, \mathbf{c})\, S(\mathbf{c}', \mathbf{c}')$ for two corners, so the largest
#   similarity is that of a corner with itself. Let $p$ be the share of its entries that are 1. Then
#
#   $$ k \cdot S = \frac{p\, r^2 + (1 - p)}{(p\, r + 1 - p)^2}, $$
#
#   which is largest at $p = 1 / (1 + r)$. There it is $(1 + r)^2 / (4 r) = \cosh^2 1 \approx
#   2.381$.
# - **The smallest $S$.** Let the shares of ones in the two corners be $p$ and $q$. The fewer ones
#   they have in common, the smaller is $S$. With none in common,
#
#   $$ \frac{1}{k \cdot S} = 1 + \frac{p\, q\, (r - 1)^2}{1 + (p + q)(r - 1)}. $$
#
#   This grows with $p + q$, and for a given sum it is largest at $p = q$. So both are
#   $\frac{1}{2}$: the two corners are opposite. Again the result is $\cosh^2 1$. (With $p + q > 1$
#   some ones must coincide. Then count the entries that are $-1$ instead, and the same follows.)
#
# Together:
#
# $$ \frac{1}{k \cosh^2 1} \le S \le \frac{\cosh^2 1}{k}. $$
#
# For $k = 8$ there are $2^8$ corners, so we can verify this by trying all pairs of them:

# %%
def S_bounds(k):
    """The smallest and the largest value of Eq. 12 for vectors with entries between -1 and 1."""
    return 1 / (k * np.cosh(1) ** 2), np.cosh(1) ** 2 / k


corners = np.array(list(itertools.product([-1.0, 1.0], repeat=8)))  # (256, 8)
corners = ops.softmax(corners)
S_corners = corners @ corners.T  # (256, 256)
low, high = S_bounds(8)
print(f"all corners, k = 8: {S_corners.min():.4f} to {S_corners.max():.4f}")
print(f"bounds:             {low:.4f} to {high:.4f}")
assert np.isclose(S_corners.min(), low)  # k is even, so half of the entries can be 1
assert 0.99 * high < S_corners.max() <= high  # p = 1 / (1 + r) would be 0.95 entries out of 8

# %% [markdown]
# The picture shows these bounds for other widths, with 300 random pairs for some of them. Compare
# the grey band with the dashed line, the 0.5 that Eq. 13 will add to $S$.

# %%
drawn = {}
for width in (4, 8, 16, 32, 50, 100, 150):
    one, two = ops.softmax(np.random.default_rng(0).uniform(-1, 1, (2, 300, width)))
    drawn[width] = graph.similarity(one, two)[:, 0]
draw.range_of_similarity(S_bounds, drawn)
plt.show()

low, high = S_bounds(50)
print(f"k = 50: S lies between {low:.4f} and {high:.4f},")
print(f"        so S + 0.5 lies between {low + 0.5:.3f} and {high + 0.5:.3f}")

# %% [markdown]
# ## 5. The score of a pair (Eq. 13)
#
# A pair scores high if its two modalities are important and not similar:
#
# $$\hat\alpha_{m_1 m_2} = \frac{\alpha_{m_1} + \alpha_{m_2}}{S_{m_1 m_2} + 0.5} \tag{13}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\alpha_{m_1}$, $\alpha_{m_2}$ | 1 | weights of the two modalities, Eq. 10 |
# | $\hat\alpha_{m_1 m_2}$ | 1 | score of the pair |
#
# Each summand, such as $\alpha_{m_1} / (S_{m_1 m_2} + 0.5)$, is the weight of an *edge* of the
# graph, here the one from vertex $m_1$ to vertex $m_1 m_2$. The paper says that the 0.5 is there
# "to control the relative importance of similarity and vertex weights". It also keeps the fraction
# small: without it, a score would be about $k$ times the sum of the two weights.

# %%
alpha_hat_loop = np.zeros((3, n, 1))
for pair, (one, two) in enumerate(zip(first, second, strict=True)):
    for i in range(n):
        both = alpha[one, i, 0] + alpha[two, i, 0]
        alpha_hat_loop[pair, i, 0] = both / (S[pair, i, 0] + 0.5)

alpha_hat = graph.vertex_scores(alpha[first], alpha[second], S)  # (3, n, 1)
assert np.allclose(alpha_hat, alpha_hat_loop, rtol=0, atol=1e-14)


def scores(p):
    return graph.vertex_scores(p["alpha_first"], p["alpha_second"], p["S"])


def weighed_scores(p):
    return weigh(scores(p))


inputs = {"alpha_first": alpha[first], "alpha_second": alpha[second], "S": S}
nn.check_gradient(weighed_scores, inputs, rng)
for name, score in zip(BIMODAL, alpha_hat[:, 0, 0], strict=True):
    print(f"first utterance: alpha_hat_{name} = {score:.3f}")

# %% [markdown]
# By hand, with the quotient rule:
#
# $$\frac{\partial \hat\alpha_{m_1 m_2}}{\partial \alpha_{m_1}} =
# \frac{1}{S_{m_1 m_2} + 0.5}, \qquad
# \frac{\partial \hat\alpha_{m_1 m_2}}{\partial S_{m_1 m_2}} =
# - \frac{\alpha_{m_1} + \alpha_{m_2}}{(S_{m_1 m_2} + 0.5)^2}.$$

# %%
def sum_of_scores(p):
    return scores(p).sum()


_, gradient = nn.value_and_grad(sum_of_scores, inputs)
by_hand = {
    "alpha_first": 1 / (S + 0.5),
    "S": -(alpha[first] + alpha[second]) / (S + 0.5) ** 2,
}
for name, expected in by_hand.items():
    print(f"gradient with respect to {name:11} largest difference from the calculation by hand:",
          f"{np.abs(gradient[name] - expected).max():.0e}")
    assert np.allclose(gradient[name], expected)

# %% [markdown]
# **Predict before you run.** If $S$ could be anything from 0 to 1, it could reduce a score to a
# third, since $0.5 / 1.5 = 1/3$. For $k = 50$ you know its bounds. By what percentage can it change
# a score at most? In the picture each line is Eq. 13 for one value of $\alpha_{m_1} +
# \alpha_{m_2}$. Only the narrow grey strip can be reached.

# %%
draw.score(low, high)
plt.show()
print(f"k = 50: the similarity changes a score by at most {(high + 0.5) / (low + 0.5) - 1:.1%}")

# %% [markdown]
# So for $k = 50$ the denominator is nearly a constant, about 0.52, and the score is nearly
# $(\alpha_{m_1} + \alpha_{m_2})\, /\, 0.52$. The argument about similar vectors is sound, but this
# formula hardly acts on it. Which formula would? The task at the end, *A better similarity*, comes
# back to this.
#
# **An experiment** ★ (5 minutes). By how much can the similarity change a score for $k = 4$?
# Predict first, then run in a new cell: `low_4, high_4 = S_bounds(4)` and `print((high_4 + 0.5) /
# (low_4 + 0.5) - 1)`. (The number is in the solutions.)
#
# ## 6. The weights of the pairs (Eq. 14)
#
# A softmax over the three scores of an utterance turns them into weights that sum to 1:
#
# $$\alpha_{m_1 m_2} = \frac{e^{\hat\alpha_{m_1 m_2}}}{\sum_{m_i \neq m_j} e^{\hat\alpha_{m_i m_j}}}
# \tag{14}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\alpha_{m_1 m_2}$ | 1 | weight of the bimodal vertex $m_1 m_2$ |
#
# Note the axis. The softmax of Eq. 12 runs along the $k$ entries of a vector. This one runs over
# the three vertices.

# %%
alpha_2_loop = np.zeros((3, n, 1))
for i in range(n):
    total = 0
    for pair in range(3):
        total += np.exp(alpha_hat[pair, i, 0])
    for pair in range(3):
        alpha_2_loop[pair, i, 0] = np.exp(alpha_hat[pair, i, 0]) / total

alpha_2 = graph.vertex_weights(alpha_hat)  # (3, n, 1)
assert np.allclose(alpha_2, alpha_2_loop, rtol=0, atol=1e-14)
assert np.allclose(alpha_2.sum(axis=0), 1)


def weighed_weights(p):
    return weigh(graph.vertex_weights(p["alpha_hat"]))


nn.check_gradient(weighed_weights, {"alpha_hat": alpha_hat}, rng)
for name, weight in zip(BIMODAL, alpha_2[:, 0, 0], strict=True):
    print(f"first utterance: alpha_{name} = {weight:.3f}")

# %% [markdown]
# By hand, the derivative of a softmax is $\partial \alpha_i / \partial \hat\alpha_j = \alpha_i
# (\delta_{ij} - \alpha_j)$, where $\delta_{ij}$ is 1 for $i = j$ and 0 otherwise. For the first
# utterance these are nine numbers. `nn.vjp` returns the value of a function and its pullback, which
# is the backward pass (notebook [01](01_gradients.ipynb)). We pull back one weight at a time:

# %%
def weights(p):
    return graph.vertex_weights(p["alpha_hat"])


_, pullback = nn.vjp(weights, {"alpha_hat": alpha_hat})
of_first = alpha_2[:, 0, 0]  # (3,)
by_hand = np.diag(of_first) - np.outer(of_first, of_first)  # (3, 3)
for pair in range(3):
    only = np.zeros_like(alpha_hat)
    only[pair, 0, 0] = 1
    gradient = pullback(only)["alpha_hat"]
    assert np.allclose(gradient[:, 0, 0], by_hand[pair])
    assert not gradient[:, 1:].any()  # the other utterances do not count
print(np.round(by_hand, 3))

# %% [markdown]
# Each row sums to zero: what one weight gains, the other two lose.
#
# **Which weights can a pair have?** Take $S$ as constant, as section 5 allows. Divide numerator and
# denominator of Eq. 14 by $e^{(\alpha_a + \alpha_l + \alpha_v) / 0.52}$. Then
#
# $$\alpha_{al} \propto e^{-\alpha_v / 0.52}, \qquad \alpha_{vl} \propto e^{-\alpha_a / 0.52},
# \qquad \alpha_{av} \propto e^{-\alpha_l / 0.52}.$$
#
# In words: a pair gets a large weight when the modality that it leaves out has a small one. And
# since two $\alpha_m$ differ by less than 1, one pair weighs at most about $e^{1/0.52} \approx 6.8$
# times as much as another. (About, because $S$ does vary a little. The bounds of section 4 alone
# would allow 8.2.) So no pair is ever silent.
#
# **Predict before you run.** The picture shows 2000 random choices of $(\alpha_a, \alpha_l,
# \alpha_v)$ as points in a triangle. A corner gives one pair all the weight, the centre gives each
# pair a third. Which part of the triangle will stay empty?

# %%
alphas = np.random.default_rng(0).uniform(0, 1, (3, 2000, 1))
of_pairs = graph.vertex_weights(graph.vertex_scores(alphas[first], alphas[second], 1 / 50))
draw.triangle(of_pairs[..., 0], alphas[..., 0])
plt.show()

ratio = (of_pairs.max(axis=0) / of_pairs.min(axis=0)).max()
print(f"weights from {of_pairs.min():.3f} to {of_pairs.max():.3f}, largest ratio {ratio:.2f}")
print(f"bound with S free: {np.exp(2 / (low + 0.5) - 1 / (high + 0.5)):.1f}")
assert ratio < np.exp(1 / 0.52)

# %% [markdown]
# Shape and colour tell which modality has the smallest $\alpha$. Note two things. Each corner
# belongs to a pair. The points towards it are those in which the modality that this pair leaves out
# has the smallest $\alpha$. And all points stay away from the corners.
#
# ## 7. The output of layer 2 (Eq. 15)
#
# Each bimodal vector is multiplied by its weight, and the three are added up:
#
# $$\mathbf{B} = \sum \alpha_{m_1 m_2} \cdot \mathbf{V}_{m_1 m_2} \tag{15}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{B}$ | $k$ | the bimodal dynamics: the output of layer 2 |
#
# There is no $\frac{1}{3}$ as in Eq. 10. The weights sum to 1, so this is an average already.

# %%
B_loop = np.zeros((n, k))
for pair in range(3):
    for i in range(n):
        for j in range(k):
            B_loop[i, j] += alpha_2[pair, i, 0] * V_2[pair, i, j]

B = graph.weighted_sum(alpha_2, V_2)  # (n, k)
assert np.allclose(B, B_loop, rtol=0, atol=1e-14)


def weighed_sum(p):
    return weigh(graph.weighted_sum(p["alpha"], p["V"]))


nn.check_gradient(weighed_sum, {"alpha": alpha_2, "V": V_2}, rng)

# An average lies between the smallest and the largest of what is averaged.
assert (V_2.min(axis=0) <= B).all()
assert (B <= V_2.max(axis=0)).all()
print("B of the first utterance:", B[0].round(3))

# %% [markdown]
# One function, `graph.interaction`, computes Eq. 11 to 15. It returns every intermediate by its
# name, the same numbers as our steps:

# %%
layer_2 = graph.interaction(params["MLP_2"], V, V_tilde, alpha, pairs)
built = {"V": V_2, "S": S, "alpha_hat": alpha_hat, "alpha": alpha_2, "sum": B}
for name, expected in built.items():
    assert np.array_equal(layer_2[name], expected), name
    print(f"{name:9} {expected.shape}")

# %% [markdown]
# **One utterance in numbers.** Follow the first utterance from left to right. On each edge is its
# weight, $\alpha_m / (S + 0.5)$, and the line is as wide as that number (the two sides have scales
# of their own). The two edges that meet in a bimodal vertex add up to its score $\hat\alpha$ (to
# the last digit, which is rounded). The softmax of the three scores gives the weights $\alpha$,
# which are the widths of the lines on the right. Language has the largest $\alpha_m$ here. So the
# two pairs with $l$ weigh more than $av$, which leaves it out.

# %%
draw.layer_2_in_numbers(V, alpha, S, layer_2)
plt.show()

# %% [markdown]
# ### Exercise 8.3 ★ (10 minutes): from weights to the output (Eq. 13 to 15)
#
# Compute $\mathbf{B}$ in NumPy, for any number of pairs. `alpha_first` and `alpha_second` are the
# weights of the two modalities of each pair.

# %%
def bimodal_dynamics(alpha_first, alpha_second, S, V):
    """Both weights and S (pairs, n, 1); V (pairs, n, k). Returns (n, k)."""
    raise NotImplementedError("exercise 8.3")


check("8.3", bimodal_dynamics)

# %% [markdown]
# ## 8. The graph of a trained network (Figure 2)
#
# Time for data: the synthetic corpus, which has the shape of CMU-MOSI (notebook
# [03](03_the_data.ipynb)). The encoders expect vectors of one width. Here we take a short cut: the
# 50 directions in which the features of a modality vary most. (The paper uses the UCLN of notebook
# [04](04_context.ipynb).) Then the whole network is trained for three epochs. Three are few, but
# enough to see how the weights hang together.

# %%
corpus = standardise(load("mosi", source="synthetic"))
rows = {split: corpus.utterances(split) for split in corpus.split}


def principal_directions(features, d=50):
    """The features along the d directions of largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (utterances, d)
    return projected / projected[rows["train"]].std()


x = np.stack([principal_directions(corpus.features[m]) for m in UNIMODAL])  # (3, utterances, 50)
y = np.eye(len(corpus.classes))[corpus.labels]  # one-hot labels

nn.use("fast")  # the same values, sooner
trained = train(x, y, rows, Settings(epochs=3))
nn.use("readable")
out = forward(trained["params"], x[:, rows["test"]].astype("float32"))  # every intermediate

# %%
ax = figures.graph(stack_weights(out), title="synthetic corpus, test utterances")
display(ax.figure)
smallest = UNIMODAL[out["alpha_m"].mean(axis=(1, 2)).argmin()]
heaviest = list(BIMODAL)[out["alpha_2"].mean(axis=(1, 2)).argmax()]
print(f"smallest alpha_m: {smallest}; largest weight of a pair: {heaviest}")
assert smallest not in heaviest  # which modality it is depends on the rounding of the machine

# %% [markdown]
# (The right column, layer 3, is the subject of notebook 09.) Check section 6 against the figure.
# The pair that leaves out the modality with the smallest $\alpha_m$ has the largest weight. But the
# three $\alpha_m$ do not differ much here, and so the three weights of the pairs are all close to a
# third.
#
# Mind the edges. This picture draws an edge as wide as the weight $\alpha$ of the vertex that it
# leaves. It does not divide by $S + 0.5$ as section 5 does.
#
# Does the similarity do more in this network than section 4 allows? It cannot:

# %%
by_pair = out["S_2"][..., 0]  # (3, test utterances)
for name, values in zip(BIMODAL, by_pair, strict=True):
    print(f"S_{name}: {values.min():.4f} to {values.max():.4f}")
print(f"bounds: {low:.4f} to {high:.4f}")
assert (by_pair >= low * (1 - 1e-5)).all()  # float32 rounds
assert (by_pair <= high * (1 + 1e-5)).all()

alpha_m = out["alpha_m"]
constant = graph.vertex_weights(graph.vertex_scores(alpha_m[first], alpha_m[second], 1 / 50))
change = np.abs(out["alpha_2"] - constant).max()
print(f"largest change of a bimodal weight if S is replaced by 1/k: {change:.4f}")

# %% [markdown]
# The last number is all that the similarity contributes to the bimodal weights of this network.
#
# ## 9. What layer 2 is for: XOR
#
# Let the label be the *product* of two signs: positive if voice and words agree, negative if they
# contradict each other. This is XOR. Either modality alone says nothing, and both together say
# everything.
#
# A linear classifier on $\mathbf{U}$ cannot learn it. $\mathbf{U}$ is a sum of three vectors, and
# each of them depends on one modality only, since $\alpha_m$ depends on $\mathbf{V}_m$ only. Hold
# $\mathbf{V}_v$ fixed. Then each entry of $\mathbf{U}$ is a sum $f(\mathbf{V}_a) +
# g(\mathbf{V}_l)$, in which the part of $v$ is a constant that belongs to $f$. Write $f(+)$ and
# $f(-)$ for the values of $f$ at two vectors, one of each sign, and likewise for $g$. Any such sum
# obeys
#
# $$[f(+) + g(+)] + [f(-) + g(-)] = [f(+) + g(-)] + [f(-) + g(+)].$$
#
# The left side adds up the two cases in which the signs agree, the right side the two in which they
# differ. If a linear classifier gave positive numbers to the first two and negative numbers to the
# others, a positive number would equal a negative one. So no linear classifier on $\mathbf{U}$
# separates $\{++, --\}$ from $\{+-, -+\}$. At best it gets three of the four right.
#
# In layer 2, $MLP$ sees both vectors at once and can do better. We train both, on clouds in two
# dimensions. **Predict before you run:** which accuracy will each of them have?

# %%
def clouds(rng, points):
    """V (3, points, 2) and labels: signs in the first entries of a and l, the rest is noise."""
    signs = rng.choice([-1, 1], (2, points))  # s_a, s_l
    V = 0.15 * rng.standard_normal((3, points, 2))
    V[:2, :, 0] += 0.55 * signs
    agree = signs[0] * signs[1] > 0
    return np.clip(V, -1, 1), agree.astype(int)


def output_of_layer_1(p, V):
    return graph.unimodal_dynamics(graph.modality_attention(p["MAN"], V), V)  # U


def output_of_layer_2(p, V):
    alpha = graph.modality_attention(p["MAN"], V)
    return graph.interaction(p["MLP_2"], V, ops.softmax(V), alpha, pairs)["sum"]  # B


def linear(p, features):
    return ops.dense_layer(p["linear"], features, "softmax")  # (points, 2)


def fit(output_of, classifier, start, V, labels, steps=400):
    """Minimise the paper's fusion loss, a mean square error, with Adam. Returns the parameters."""
    params = nn.cast(start, "float64")  # a copy, since Adam works in place
    state = nn.init_adam(params)
    y = np.eye(2)[labels]  # (points, 2), one-hot

    def loss(p):
        return graph.fusion_loss(classifier(p, output_of(p, V)), y)

    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, params)
        nn.adam(state, params, gradient, lr=0.03)
    return params


def accuracy(output_of, classifier, params, V, labels):
    probabilities = classifier(params, output_of(params, V))
    return np.mean(probabilities.argmax(axis=1) == labels)

# %%
rng = np.random.default_rng(0)
V_train, labels_train = clouds(rng, 1000)
V_test, labels_test = clouds(rng, 1000)
fresh = graph.init_gfn(rng, 3, 2, 2)
start = {"MAN": fresh["MAN"], "MLP_2": fresh["MLP_2"], "linear": nn.init_dense(rng, 2, 2)}

learnt, right = {}, {}
for name, output_of in (("U", output_of_layer_1), ("B", output_of_layer_2)):
    learnt[name] = fit(output_of, linear, start, V_train, labels_train)
    right[name] = accuracy(output_of, linear, learnt[name], V_test, labels_test)
    print(f"linear classifier on {name}: {right[name]:.1%} of the test points right")
assert right["U"] < 0.8 < 0.95 < right["B"]

# %%
V_a, V_l = plane(81)
zero = np.zeros_like(V_a)
V_a, V_l, V_v = np.hstack([V_a, zero]), np.hstack([V_l, zero]), np.hstack([zero, zero])
square = np.stack([V_a, V_l, V_v])  # (3, 81 * 81, 2)
on_square = {"U": linear(learnt["U"], output_of_layer_1(learnt["U"], square)),
             "B": linear(learnt["B"], output_of_layer_2(learnt["B"], square))}
agree = {name: probabilities[:, 1].reshape(81, 81) for name, probabilities in on_square.items()}
draw.xor(agree, V_test[:, :250], labels_test[:250], right)
plt.show()

# %% [markdown]
# On the right the shading follows the label: two light squares, two dark ones, and the black line
# between them where the probability is one half. On the left it is grey nearly everywhere: the
# probabilities stay close to one half, and the black line runs through the clouds. Why is
# $\mathbf{U}$ near 50 % and not at the 75 % that a linear classifier could have? Because training
# minimises a mean square error. The constant answer one half costs 0.25 per point. A classifier
# that is sure of itself and right for three quarters of the points costs 1 for each of the others.
# That is 0.25 on average too, and points near its border cost extra. So training stays at one
# half, and the percentage is an accident of the seed.
#
# The rule of sums can be seen in the network itself. The alternating sum over the four
# combinations, $+$ where the signs agree and $-$ where they differ, is zero for $\mathbf{U}$. For
# $\mathbf{B}$ it is far from zero:

# %%
signs_a, signs_l = np.array([-0.5, -0.5, 0.5, 0.5]), np.array([-0.5, 0.5, -0.5, 0.5])
four = np.zeros((3, 4, 2))
four[0, :, 0], four[1, :, 0] = signs_a, signs_l
alternating = np.array([[1.0, -1.0, -1.0, 1.0]])
of_layer_1 = alternating @ output_of_layer_1(learnt["U"], four)
of_layer_2 = alternating @ output_of_layer_2(learnt["B"], four)
print("U:", np.round(np.abs(of_layer_1), 12), " B:", np.round(np.abs(of_layer_2), 3))
assert np.allclose(of_layer_1, 0, rtol=0, atol=1e-12)

alpha_xor = graph.modality_attention(learnt["B"]["MAN"], V_test)
layer = graph.interaction(learnt["B"]["MLP_2"], V_test, ops.softmax(V_test), alpha_xor, pairs)
for m, weight in zip(UNIMODAL, alpha_xor.mean(axis=(1, 2)), strict=True):
    print(f"mean alpha_{m}: {weight:.2f}")
for name, weight in zip(BIMODAL, layer["alpha"].mean(axis=(1, 2)), strict=True):
    print(f"mean alpha_{name}: {weight:.2f}")

# %% [markdown]
# Look at the mean weights. The label is in the pair $al$ alone, yet the other two pairs keep two
# thirds of the weight. With $\alpha_a = \alpha_l = 1$ and $\alpha_v = 0$ it could have had nearly
# 0.6 of it. (Section 6 allows more, but for $k = 50$; here $S + 0.5$ is about 1.) Nothing in the
# loss asks for that. To make $\mathbf{V}_{al}$ count more, training can let $MLP$ give a longer
# vector. And $MAN$ is one function for all modalities: it cannot prefer $a$ and $l$ as such, only
# vectors that look like theirs. So the three $\alpha_m$ stay close to each other (what counts in
# Eq. 13 is their difference, here at most 0.06), and then the weights of the pairs stay close to a
# third.
#
# A weight says how much of a vector enters the sum. It does not say how much the decision depends
# on it.
#
# One caution. We have put a *linear* classifier on $\mathbf{U}$. The decision network of the paper
# (notebook 09) is not linear. Can a network with one hidden layer find XOR in $\mathbf{U}$?

# %%
def one_hidden_layer(p, features):
    return linear(p, ops.dense_layer(p["hidden"], features, "tanh"))


start = {"MAN": fresh["MAN"], "hidden": nn.init_dense(rng, 2, 16),
         "linear": nn.init_dense(rng, 16, 2)}
network = fit(output_of_layer_1, one_hidden_layer, start, V_train, labels_train)
share = accuracy(output_of_layer_1, one_hidden_layer, network, V_test, labels_test)
print(f"one hidden layer on U: {share:.1%} of the test points right")
assert share > 0.95

# %% [markdown]
# It can. If the signs agree, the two vectors add up to a long one, pointing left or right. If they
# differ, they cancel. So layer 2 is not the only place where interactions can arise. It is the
# place made for them, where each pair has a vertex of its own that one can look at.
#
# ### Exercise 8.4 ★★★ (25 minutes): XOR without training (Eq. 11)
#
# Adam has found an $MLP$ that multiplies signs. Find one yourself, for $k = 1$, with as few hidden
# units as you can: the vertex must have the sign of $V_1 \cdot V_2$ for all $|V_1|, |V_2|$ between
# 0.3 and 1. Hint: with leaky ReLU $\rho$, $\rho(z) + \rho(-z)$ is a multiple of $|z|$. Where is
# $|V_1 + V_2|$ large, where $|V_1 - V_2|$? `check` accepts up to four units and says how many you
# have used. Three are the fewest that we know of.

# %%
def xor_by_hand():
    """Parameters of an MLP with h hidden units, as arrays:

    {"dense_1": {"W": (2, h), "b": (1, h)}, "dense_2": {"W": (h, 1), "b": (1, 1)}}
    """
    raise NotImplementedError("exercise 8.4")


check("8.4", xor_by_hand)

# %% [markdown]
# ## 10. Where the released code differs
#
# The authors have published their code. What it does with the vertices of layer 2 differs from the
# paper in two places. The package can compute both, with `variant="paper"`, the default, and
# `variant="released"`.
#
# **Another activation** ([D9](../DEVIATIONS.md#d9)). The code does not add up $\alpha \mathbf{V}$
# but $ELU(\alpha \mathbf{V})$, where $ELU(z)$ is $z$ for $z > 0$ and $e^z - 1$ otherwise. It also
# hands this weighted vector on to layer 3, where the paper hands on $\mathbf{V}$. As $e^z - 1 \ge
# z$, negative entries come out less negative, and no entry of $\mathbf{B}$ can get smaller:

# %%
released = graph.interaction(params["MLP_2"], V, V_tilde, alpha, pairs, variant="released")
assert (released["sum"] >= B - 1e-12).all()
print(f"mean of B: paper {B.mean():+.3f}, released {released['sum'].mean():+.3f}")
print(f"largest difference of an entry: {np.abs(released['sum'] - B).max():.3f}")
for variant, layer in {"paper": layer_2, "released": released}.items():
    length = np.linalg.norm(layer["onward"], axis=-1).mean()
    print(f"mean length of a vector for layer 3: {variant} {length:.3f}")

# %% [markdown]
# The ELU itself hardly matters. With weights near a third, $\alpha V$ is seldom below $-0.3$, and
# above $-0.3$ $ELU(z)$ differs from $z$ by at most 0.041. But the vectors that layer 3 receives are
# only a third as long, since they come with their weight. That is a real difference.
#
# **Another weight for layer 3** ([D10](../DEVIATIONS.md#d10)). Layer 3 applies Eq. 13 and 14 again,
# with the weights of the vertices that it fuses. For a bimodal vertex the paper takes
# $\alpha_{m_1 m_2}$ of Eq. 14. The code takes $\hat\alpha_{m_1 m_2}$ of Eq. 13, *before* the
# softmax. That looks harmless, but compare their sizes:

# %%
V_noise = np.random.default_rng(1).uniform(-1, 1, (3, 500, 50))
untrained = graph.init_gfn(np.random.default_rng(2), 3, 50, 2)
graphs = {variant: graph.graph_fusion(untrained, V_noise, variant)
          for variant in ("paper", "released")}
paper = graphs["paper"]
print(f"mean weight of a unimodal vertex         {paper['alpha_m'].mean():.2f}")
print(f"mean weight of a bimodal vertex, Eq. 14  {paper['alpha_2'].mean():.2f}")
print(f"mean score of a bimodal vertex, Eq. 13   {paper['alpha_hat_2'].mean():.2f}")

# %% [markdown]
# Half of the vertices of layer 3 fuse two bimodal vertices. The other half fuse a bimodal vertex
# with the modality that it lacks. With the scores in place of the weights, the first half get far
# larger numbers, and the softmax does the rest. **Predict before you run:** which share of the
# weight do the first three get, in each variant? The network is untrained and its input is noise,
# so nothing here has been learnt.

# %%
mean_weights = {variant: out["alpha_3"].mean(axis=(1, 2)) for variant, out in graphs.items()}
draw.layer_3(mean_weights)
plt.show()

for variant, six in mean_weights.items():
    share = six[:3].sum()
    print(f"{variant:8} the three made from two bimodal vertices: {share:.0%} of the weight")
assert mean_weights["paper"][:3].sum() < 0.5 < 0.8 < mean_weights["released"][:3].sum()

# %% [markdown]
# Now read what the authors write about their Figure 6: "to our surprise, vertices obtained by
# fusing a bimodal vertex and a unimodal vertex hardly make any difference, but vertices obtained by
# fusing two bimodal vertices dominate trimodal information". This need not be a property of human
# language. Their code gives this picture before it has seen any data. The printed equations give
# the opposite picture, and only a mild version of it. Notebook [09](09_graph_fusion_2.ipynb) works
# out why.
#
# So before you read a weight as a finding about the data, look at what it is without training.
# Notebook [11](11_seeing_it.ipynb) comes back to this.
#
# ## To go on
#
# Solutions of the exercises are in
# [solutions/08_graph_fusion_1.py](solutions/08_graph_fusion_1.py).
#
# **A better similarity** ★★★ (30 minutes). Eq. 13 has a denominator that hardly varies. Replace Eq.
# 12 by a similarity that uses its whole range, say $\frac{1}{2} (1 + \cos)$ of the angle between
# the two vectors. How far can the weights of Eq. 14 now move? Draw the triangle of section 6 again.
# Then think of an experiment that would tell whether this is *better*: which data, how many seeds,
# and which difference would convince you?
#
# ## What to take away
#
# - Layer 1 weighs each modality with a sigmoid of its own. Layer 2 fuses each pair of them, and
#   shares out its weights with a softmax.
# - Vectors with entries between $-1$ and $1$ have similarities near $1/k$. For $k = 50$ the
#   similarity changes a score by at most 7.7 %.
# - A pair gets a large weight when the modality that it leaves out has a small one. No pair is ever
#   silent.
# - A linear classifier on $\mathbf{U}$ cannot learn XOR, since $\mathbf{U}$ is a sum over single
#   modalities. One on $\mathbf{B}$ can.
# - The released code feeds scores instead of weights into layer 3. Its trimodal weights then have
#   the pattern that surprised the authors in Figure 6, before any training.
#
# Next: [09 · Graph fusion II: trimodal and decision](09_graph_fusion_2.ipynb)

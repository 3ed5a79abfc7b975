# %% [markdown]
# # 11 · Seeing it
#
# *Needs: 03, 06, 09, 10. Minutes: 60. Paper: "Results and Discussions", Figures 5 and 6.*
#
# A picture convinces faster than a table. Figure 5 shows two clouds that keep apart, and "it is
# clear" that the embedding space is discriminative. Figure 6 shows weights, and "obviously language
# modality is the most predictive". Is it? A picture of 150 dimensions on paper has left out 148 of
# them, and a weight is a number in a formula.
#
# So what do these two figures show, and what do they not?
#
# On the way you will
#
# - draw both figures from a network that you have trained;
# - build t-SNE, with its gradient, and watch it find clusters in pure noise;
# - put a number beside the picture: a probe for the classes, the modality gap before and after;
# - read the weights of utterances that you can read, and then those of a network that has learnt
#   nothing;
# - compare the weight of a vertex with what happens when the vertex is taken away;
# - and on the corpus whose truth is known, ask whether the weights follow it.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{x}_m^e$ | $k$ | embedding of modality $m$ (notebook 05) |
# | $\alpha$, $\mathbf{V}$ | 1, $k$ | weight and vector of a vertex (notebooks 08 and 09) |
# | $S$ | 1 | similarity of two vertices, Eq. 12 |
# | $\mathbf{\Omega}$, $\mathbf{M}$ | $3k$, $N$ | output of the graph; decision (notebook 09) |
# | $p_{ij}$, $q_{ij}$ | 1 | how much $i$ and $j$ are neighbours, in the data and on paper |
#
# As always, a batch is one array: `x_e` has shape `(3, B, k)`, in the order $a, l, v$.

# %%
import matplotlib.pyplot as plt
import numpy as np
from autograd import numpy as anp
from IPython.display import display

from argf_np import figures, nn
from argf_np.data import load, standardise, synthesise
from argf_np.data.synthetic import draw_truth
from argf_np.metrics import modality_gap
from argf_np.paper import graph_fusion_eq10_16 as gfn
from argf_np.paper import protocols, vertices
from argf_np.paper.model import embed, forward
from argf_np.settings import Settings
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS

# %% [markdown]
# ## 1. A space with and without classifier (Figure 5)
#
# We train three small networks: ARGF, ARGF without the classifier of Eq. 7, and ARGF without
# adversarial training (for section 4). Their features are principal components, the quick way of
# notebook 08.


# %%
def principal_directions(corpus, m, d=20):
    """The features along the d directions of the largest variance, scaled to standard deviation 1.
    """
    train = corpus.utterances("train")
    _, _, directions = np.linalg.svd(corpus.features[m][train], full_matrices=False)
    projected = corpus.features[m] @ directions[:d].T  # (n, d)
    return projected / projected[train].std()


def prepared(corpus):
    """Features (3, n, d), one-hot labels (n, N), rows of each split."""
    x = np.stack([principal_directions(corpus, m) for m in "alv"]).astype("float32")
    return (
        x,
        np.eye(len(corpus.classes))[corpus.labels],
        {s: corpus.utterances(s) for s in corpus.split},
    )


SMALL = {"d": 20, "k": 20, "epochs": 8, "batch_size": 64, "lr": 3e-3}
corpus = standardise(load("mosi"))
x, y, rows = prepared(corpus)
test, labels = rows["test"], corpus.labels[rows["test"]]
nn.use("fast")
networks = {
    name: protocols.train(x, y, rows, Settings(without=part, **SMALL))
    for name, part in (
        ("ARGF", "nothing"),
        ("without classifier", "classifier"),
        ("without adversary", "adversarial"),
    )
}
spaces = {name: embed(fitted["params"], x) for name, fitted in networks.items()}  # each (3, n, k)
nn.use("readable")
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")

# %% [markdown]
# The paper lays the three embeddings of a test utterance side by side, $3k$ numbers, and has t-SNE
# bring them to two. So does the package where scikit-learn is installed. Where it is not, it takes
# the first two principal components; the axes say which of the two you see.

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.8), layout="constrained")
for ax, name in zip(axes, ("ARGF", "without classifier"), strict=True):
    figures.embedding_space(spaces[name][:, test], labels, corpus.classes, ax=ax, title=name)
axes[0].get_legend().remove()
plt.show()

# %% [markdown]
# This is Figure 5. Before you judge the right one by the left one, ask for a number that no
# projection has touched. A **linear probe** (notebook 03), by least squares from all $3k$
# dimensions of the training utterances, says how well a straight cut tells the classes apart:


# %%
def probe(train, test):
    """Share of the test utterances whose class a linear probe gets right; train, test (n, width).
    """
    ones = lambda points: np.c_[points, np.ones(len(points))]  # noqa: E731
    W = np.linalg.lstsq(ones(train), y[rows["train"]], rcond=None)[0]
    return np.mean((ones(test) @ W).argmax(axis=1) == labels)


for name, points in {"features": x, **spaces}.items():
    side_by_side = np.concatenate(list(points.astype(float)), axis=-1)  # (n, 3k)
    right = probe(side_by_side[rows["train"]], side_by_side[test])
    print(f"{name:20} a straight cut is right for {right:.1%}")
print(f"{'always the same':20} {max(np.mean(labels == c) for c in range(y.shape[1])):.1%}")

# %% [markdown]
# Compare the numbers with the impression of the picture. "Without classifier" does not mean
# "without knowledge of the classes": in the paper's variant the encoders still learn from the
# fusion loss (D7), and where they have been left as they were, what is in the features does not
# vanish. A space can hold the classes and not show them: a picture shows directions of large
# variance or near neighbours, and the classes may lie in neither. And a straight cut that was
# fitted to one set of videos is judged on others, which no picture of the second set can tell.
#
# ## 2. What t-SNE does
#
# t-SNE (van der Maaten and Hinton 2008) draws points so that *neighbours stay neighbours*. Around
# each point $i$ it lays a bell curve of width $1 / \sqrt{2 \beta_i}$, and asks how likely $i$ would
# be to pick $j$ as its neighbour:
#
# $$p_{j|i} = \frac{e^{-\beta_i \|\mathbf{x}_i - \mathbf{x}_j\|^2}}
# {\sum_{l \ne i} e^{-\beta_i \|\mathbf{x}_i - \mathbf{x}_l\|^2}}, \qquad
# p_{ij} = \frac{p_{j|i} + p_{i|j}}{2 n}$$
#
# Each $\beta_i$ is chosen such that the number of effective neighbours, $e^{-\sum_j p_{j|i} \log
# p_{j|i}}$, is the same for all: the **perplexity**, a number that *you* choose. On paper, points
# $\mathbf{y}_i$ are neighbours by a curve with heavier tails, and the points move until the two
# agree:
#
# $$q_{ij} = \frac{(1 + \|\mathbf{y}_i - \mathbf{y}_j\|^2)^{-1}}
# {\sum_{l \ne m} (1 + \|\mathbf{y}_l - \mathbf{y}_m\|^2)^{-1}},
# \qquad L = \sum_{i \ne j} p_{ij} \log \frac{p_{ij}}{q_{ij}}$$
#
# First as loops, for a handful of points, then with arrays:


# %%
def squared_distances(points):
    """(n, width) -> (n, n)."""
    return np.sum((points[:, None] - points[None]) ** 2, axis=-1)


def neighbours(D, beta):
    """p_{j|i}, (n, n), of squared distances (n, n) and beta (n, 1)."""
    D = D + np.diag(np.full(len(D), np.inf))  # no point is its own neighbour
    e = np.exp(
        -beta * (D - D.min(axis=1, keepdims=True))
    )  # without the minimum, all could round to 0
    return e / e.sum(axis=1, keepdims=True)


def with_perplexity(D, perplexity):
    """p_{ij}, (n, n): each beta by bisection, on a logarithmic scale."""
    low, high = np.full((len(D), 1), -20.0), np.full((len(D), 1), 20.0)
    for _ in range(50):
        middle = (low + high) / 2
        p = neighbours(D, np.exp(middle))
        entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1, keepdims=True)
        wide = entropy > np.log(perplexity)  # too many neighbours: a narrower curve
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return (p + p.T) / (2 * len(D))


def mismatch(points, p):
    """L of points (n, 2)."""
    D = anp.sum((points[:, None] - points[None]) ** 2, axis=-1)
    w = (1 - np.eye(len(p))) / (1 + D)
    q = w / anp.sum(w) + np.eye(len(p))  # the diagonal has p = 0 and does not count
    return anp.sum(p * (np.log(np.maximum(p, 1e-300)) - anp.log(q)))


rng = np.random.default_rng(0)
few, drawn = rng.standard_normal((7, 5)), rng.standard_normal((7, 2))
D, beta = squared_distances(few), np.full((7, 1), 0.3)
p_loop, L_loop = np.zeros((7, 7)), 0.0
for i in range(7):
    e = [0 if j == i else np.exp(-0.3 * sum((few[i] - few[j]) ** 2)) for j in range(7)]
    p_loop[i] = [value / sum(e) for value in e]
assert np.allclose(neighbours(D, beta), p_loop, rtol=0, atol=1e-14)
p = with_perplexity(D, 3)
w = [
    [0 if i == j else 1 / (1 + sum((drawn[i] - drawn[j]) ** 2)) for j in range(7)] for i in range(7)
]
for i in range(7):
    for j in range(7):
        if i != j:
            L_loop += p[i, j] * np.log(p[i, j] / (w[i][j] / np.sum(w)))
assert np.isclose(mismatch(drawn, p), L_loop, rtol=0, atol=1e-12)

# %% [markdown]
# **The gradient**, by pencil. Each pair is a spring: it pulls where $p > q$ and pushes where $p <
# q$, weaker from afar.
#
# $$\frac{\partial L}{\partial \mathbf{y}_i} =
# 4 \sum_j \frac{p_{ij} - q_{ij}}{1 + \|\mathbf{y}_i - \mathbf{y}_j\|^2}
# (\mathbf{y}_i - \mathbf{y}_j)$$


# %%
def springs(points, p):
    """The gradient of L, (n, 2)."""
    w = (1 - np.eye(len(p))) / (1 + squared_distances(points))
    force = 4 * (p - w / w.sum()) * w  # (n, n)
    return points * force.sum(axis=1, keepdims=True) - force @ points


nn.check_gradient(lambda tree: mismatch(tree["y"], p), {"y": drawn}, rng)
_, gradient = nn.value_and_grad(lambda tree: mismatch(tree["y"], p), {"y": drawn})
assert np.allclose(gradient["y"], springs(drawn, p), rtol=0, atol=1e-12)


def t_sne(points, perplexity, seed, steps=300):
    """Points (n, 2) for points (n, width), from a random start."""
    p = with_perplexity(squared_distances(points), perplexity)
    tree = nn.cast(
        {"y": 1e-2 * np.random.default_rng(seed).standard_normal((len(points), 2))}, "float64"
    )
    state = nn.init_adam(tree)
    for step in range(steps):
        stress = (
            4 if step < steps // 4 else 1
        )  # at first, pull harder, so that clumps find together
        nn.adam(state, tree, {"y": springs(tree["y"], stress * p)}, lr=0.5)
    return tree["y"].copy()


# %% [markdown]
# ## 3. Two ways to be taken in
#
# **Clusters of nothing.** Here are 150 points from a normal distribution in 60 dimensions. There is
# nothing in them, neither clusters nor classes. Each row has a perplexity, each column a random
# start:


# %%
def principal_components(points):
    """The two directions of largest variance, (n, 2)."""
    centred = points - points.mean(axis=0)
    U, s, _ = np.linalg.svd(centred, full_matrices=False)
    return U[:, :2] * s[:2]


noise = np.random.default_rng(5).standard_normal((150, 60))
maps = {
    (perplexity, seed): t_sne(noise, perplexity, seed, steps=1000)
    for perplexity in (2, 40)
    for seed in range(3)
}
fig, axes = plt.subplots(2, 4, figsize=(8.8, 4.4), layout="constrained")
for (perplexity, seed), points in maps.items():
    ax = axes[int(perplexity > 2), seed]
    ax.scatter(*points.T, s=7, color="0.3")
    if perplexity == 2:
        ax.set_title(f"seed {seed}")
for ax in axes[:, 3]:
    ax.scatter(*principal_components(noise).T, s=7, color="0.6")
axes[0, 3].set_title("PCA")
for ax, perplexity in zip(axes[:, 0], (2, 40), strict=True):
    ax.set_ylabel(f"perplexity {perplexity}")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()


def clumping(points):
    """Distance to the nearest other point, over the distance of any two: small where points lie in
    clumps.
    """
    D = np.sqrt(squared_distances(points)) + np.diag(np.full(len(points), np.inf))
    return np.median(D.min(axis=1)) / np.median(D)


print(f"clumping, PCA            {clumping(principal_components(noise)):.3f}")
for perplexity in (2, 40):
    values = [clumping(maps[perplexity, seed]) for seed in range(3)]
    print(f"clumping, perplexity {perplexity:2}  " + "  ".join(f"{value:.3f}" for value in values))
assert clumping(maps[2, 0]) < 0.7 * clumping(maps[40, 0])

# %% [markdown]
# At perplexity 2 the noise falls into clumps and strings that look like discoveries, and other ones
# for every seed. Show only one of them, with a story, and it is a figure. At perplexity 40 the
# clumps dissolve.
#
# **Distances and sizes.** Now three groups that do exist. The third is ten times as far away as the
# second, and the first is five times as wide as the others. What of this is left on paper?

# %%
centres = np.zeros((3, 10))
centres[1:, 0] = 30, 300
groups = np.concatenate(
    [
        centre + width * rng.standard_normal((50, 10))
        for centre, width in zip(centres, (5, 1, 1), strict=True)
    ]
)


def distances_and_widths(points):
    """Distances of the first group's centre to the other two, widths of the three."""
    parts = points.reshape(3, 50, -1)
    middle = parts.mean(axis=1)
    return (
        np.linalg.norm(middle[1:] - middle[0], axis=-1),
        np.linalg.norm(parts - middle[:, None], axis=-1).mean(axis=1),
    )


fig, axes = plt.subplots(1, 3, figsize=(8.8, 3), layout="constrained")
on_paper = {
    "PCA": principal_components(groups),
    **{f"t-SNE, seed {seed}": t_sne(groups, 20, seed) for seed in (0, 1)},
}
for ax, (name, points) in zip(axes, on_paper.items(), strict=True):
    for group, shape in enumerate(figures.SHAPES[:3]):
        ax.scatter(
            *points[50 * group : 50 * (group + 1)].T,
            s=14,
            marker=shape,
            color=figures.CLASS_COLOURS[group],
        )
    ax.set(title=name, xticks=[], yticks=[])
plt.show()
for name, points in {"truth": groups, **on_paper}.items():
    apart, widths = distances_and_widths(points)
    print(
        f"{name:14} third : second group, distance {apart[1] / apart[0]:5.1f}; "
        f"first : second group, width {widths[0] / widths[1]:4.1f}"
    )
apart, widths = distances_and_widths(on_paper["t-SNE, seed 0"])
assert apart[1] / apart[0] < 5
assert widths[0] / widths[1] < 2.5

# %% [markdown]
# That there are three groups is right, which one is near or wide is lost: t-SNE keeps neighbours,
# and gives every point as many of them. So "the distance between two clusters is large", as the
# paper reads its Figure 5, is a statement that t-SNE does not support. PCA keeps large distances
# and loses what does not lie along them.
#
# Three ways not to be deceived: try several seeds and perplexities; do the same with noise of the
# same shape; and put a number beside it that was computed in all dimensions.
#
# ## 4. The modality gap, before and after
#
# The paper's claim is not about classes only: adversarial training is to "significantly narrow
# modality gap". It has no figure for this. Let us make one, and two numbers (`modality_gap`): the
# accuracy of a linear probe that tells the three modalities apart, where chance is a third; and the
# distance of the means, in units of how far a vector lies from its own mean. The latter as a loop:


# %%
def distance_loop(points):
    """points (m, n, k)."""
    means = [sum(cloud) / len(cloud) for cloud in points]
    apart = [np.sqrt(sum((means[i] - means[j]) ** 2)) for i in range(len(means)) for j in range(i)]
    spread = [
        np.sqrt(sum((vector - mean) ** 2))
        for cloud, mean in zip(points, means, strict=True)
        for vector in cloud
    ]
    return (sum(apart) / len(apart)) / (sum(spread) / len(spread))


print("                       probe   distance")
for name in ("features", "ARGF", "without adversary"):
    points = (x if name == "features" else spaces[name]).astype(float)
    found, distance = modality_gap(points[:, rows["train"]], points[:, test])
    assert np.isclose(distance, distance_loop(points[:, test]))
    print(f"{name:20} {found:7.1%}   {distance:8.2f}")
print(f"{'one space':20} {1 / 3:7.1%}   {0:8.2f}")

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained")
for ax, (name, points) in zip(
    axes,
    {
        "features": x,
        "ARGF": spaces["ARGF"],
        "without adversary": spaces["without adversary"],
    }.items(),
    strict=True,
):
    figures.modality_gap(points[:, test], ax=ax, title=name)
    legend = ax.get_legend_handles_labels()
    ax.get_legend().remove()
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
fig.legend(*legend, frameon=False, loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# The features of the three modalities were centred on zero by standardising, each by its own, so
# their means coincide; what the shapes of their clouds do not share, a straight cut cannot use. The
# encoders start at random, each elsewhere, and so the embeddings are apart. With the released
# $\lambda = 0.001$ the adversary has little say against that (notebook 06). Compare the rows with
# and without adversary: they differ by about a point of the probe and a hundredth of the distance,
# for one seed. That is too little to be called an effect. Several seeds would have to agree.
#
# And one more trap of pictures: clouds on top of each other in two principal components may be
# cleanly apart in the third. The probe has seen all of them.
#
# ## 5. Twelve weights (Figure 6)
#
# Every utterance has a weight for each of the twelve vertices: three of Eq. 10, three and six of
# Eq. 14. The paper shows them as a map, a row a test sample. Ours has the words:

# %%
out = forward(networks["ARGF"]["params"], x[:, test])
seen = forward(networks["ARGF"]["params"], x[:, rows["train"]])
weights = figures.stack_weights(out)  # (n_test, 12)
some = np.linspace(0, len(test) - 1, 16).astype(int)
words = [corpus.words[test[i]] for i in some]
ax = figures.vertex_weights(weights[some], words, title=f"{corpus.source} corpus")
display(ax.figure)

# %% [markdown]
# How the authors read theirs: "obviously language modality is the most predictive for the majority
# of samples"; "its importance varies greatly across samples"; the bimodal weights "are very close";
# of the trimodal ones, those of two bimodal vertices "dominate". Each of these sentences takes a
# weight for an importance.
#
# Before we do, what *can* a weight be (notebooks 08 and 09)?
#
# - $\alpha_a, \alpha_l, \alpha_v$ are three sigmoids. They do not sum to 1: an utterance may have
#   three small ones, and then $\mathbf{U}$ is short. A larger $\alpha_l$ does not take from the
#   others.
# - $S$ is bounded between $1 / (k \cosh^2 1)$ and $\cosh^2 1 / k$, so Eq. 13 divides by nearly the
#   same number always. The bimodal weights know of the vectors by little else than $\alpha_m$.
# - The bimodal weights of an utterance sum to 1, the trimodal ones too: "very close" is what a
#   softmax over scores that lie between 0 and 4 has to give.

# %%
total = weights[:, :3].sum(axis=1)
print(f"alpha_a + alpha_l + alpha_v: from {total.min():.2f} to {total.max():.2f}")
print(
    f"S + 0.5 in layer 2:          from {out['S_2'].min() + 0.5:.3f} "
    f"to {out['S_2'].max() + 0.5:.3f}"
)
assert np.allclose(weights[:, 3:6].sum(axis=1), 1, atol=1e-5)
assert np.allclose(weights[:, 6:].sum(axis=1), 1, atol=1e-5)

untrained = gfn.init_gfn(np.random.default_rng(7), 3, SMALL["k"], N=2)
null = {
    variant: figures.stack_weights(gfn.graph_fusion(untrained, out["x_e"], variant))
    for variant in ("paper", "released")
}

# %%
fig, ax = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
for side, (name, values), colour in zip(
    (-0.25, 0, 0.25),
    {
        "trained": weights,
        "graph untrained": null["paper"],
        "graph untrained, released variant": null["released"],
    }.items(),
    (COLOURS["l"], "0.6", COLOURS["v"]),
    strict=True,
):
    ax.bar(
        np.arange(12) + side,
        values.mean(axis=0),
        0.23,
        yerr=values.std(axis=0),
        color=colour,
        label=name,
        error_kw={"lw": 1, "ecolor": "0.3"},
    )
for edge in (2.5, 5.5):
    ax.axvline(edge, color="0.85", lw=1)
ax.set_xticks(range(12), [figures.vertex_label(name) for name in vertices.VERTICES])
ax.set(ylabel="mean weight ± deviation", title="What the weights are without any learning")
fig.legend(frameon=False, loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# The grey and the red bars belong to a graph that has learnt nothing. What the blue ones share with
# them is no finding. In the released variant the last three vanish before any training (D10): the
# "surprise" of the paper's Figure 6.
#
# ## 6. A weight is not an effect
#
# What would an importance be? One meaning: *take it away and see what happens*. Every vertex adds
# $\alpha \mathbf{V}$ to the output of its layer (a third of it in layer 1). We replace this
# contribution by its mean over the training utterances, so that the vertex no longer says anything
# about *this* utterance, and look at the decision. The change of the probability of the class, on
# average, is the **effect** of the vertex.


# %%
def contributions(out):
    """What each of the 12 vertices adds to its layer's output, (12, B, k)."""
    return np.concatenate(
        [out["alpha_m"] * out["x_e"] / 3, out["alpha_2"] * out["V_2"], out["alpha_3"] * out["V_3"]]
    )


def occluded(Dec, parts, silent, vertex=None):
    """The decision with one vertex's contribution replaced; parts (12, B, k), silent (12, 1, k)."""
    parts = np.stack(
        [silent[i] + 0 * part if i == vertex else part for i, part in enumerate(parts)]
    )
    U, B, T = (layer.sum(axis=0) for layer in np.split(parts, [3, 6]))
    return gfn.decide(Dec, np.concatenate([U, B, T], axis=-1))


Dec = networks["ARGF"]["params"]["fusion"]["Dec"]
parts, silent = contributions(out), contributions(seen).mean(axis=1, keepdims=True)
assert np.allclose(occluded(Dec, parts, silent), out["M"], atol=1e-5)  # nothing taken away
effects = np.array(
    [np.abs(occluded(Dec, parts, silent, vertex) - out["M"])[:, 1] for vertex in range(12)]
)  # (12, n)
print("effect on the probability of the class, and change of accuracy, in points:")
for vertex, name in enumerate(vertices.VERTICES):
    right = occluded(Dec, parts, silent, vertex).argmax(axis=1) == labels
    change = 100 * (right.mean() - np.mean(out["M"].argmax(axis=1) == labels))
    print(
        f"{name:6} weight {weights[:, vertex].mean():.3f}   "
        f"effect {100 * effects[vertex].mean():5.2f}   "
        f"accuracy {change:+5.2f}"
    )

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.4, 3.2), layout="constrained")
for ax, (name, layer), start in zip(
    axes, figures.layers_of(vertices.UNIMODAL).items(), (0, 3, 6), strict=True
):
    for vertex, label in enumerate(layer, start):
        ax.scatter(
            weights[:, vertex],
            100 * effects[vertex],
            s=5,
            alpha=0.35,
            color=figures.vertex_colour(label),
        )
        ax.scatter(
            weights[:, vertex].mean(),
            100 * effects[vertex].mean(),
            s=90,
            edgecolor="black",
            color=figures.vertex_colour(label),
            label=figures.vertex_label(label),
            zorder=3,
        )
    ax.set(title=name, xlabel="weight")
    ax.legend(frameon=False, fontsize="small", markerscale=0.7)
axes[0].set_ylabel("effect, points of probability")
plt.show()
for name, start, end in (("unimodal", 0, 3), ("bimodal", 3, 6), ("trimodal", 6, 12)):
    pairs = np.stack([weights[:, start:end].T.ravel(), effects[start:end].ravel()])
    print(
        f"{name:9} correlation of weight and effect, over utterances and vertices: "
        f"{np.corrcoef(pairs)[0, 1]:+.2f}"
    )

# %% [markdown]
# Were a weight an effect, the points would lie on a rising line. Look how far they do. Three
# reasons why they need not: the *vector* may be short, or the same for all utterances; $Dec$ may
# not listen to its direction; and another vertex may say the same. (The last one also limits the
# occlusion: where two vertices say the same, each can be taken away without effect, but not both.)
#
# ## 7. Do the weights follow the truth?
#
# On real data nobody knows which modality matters in an utterance. On the synthetic corpus we do,
# for we made it: under its mechanism some modalities *speak*, and the others are silent (notebook
# 03). So there is a right answer to "does language matter here?". We ask three witnesses: the
# weight $\alpha_m$; the effect of the unimodal vertex; and the effect of the modality as a whole,
# where its *features* are replaced by their mean.
#
# How good is a witness? Draw an utterance in which the modality speaks, and one in which it is
# silent. How often does the witness name the first one higher? This is the *area under the curve*,
# AUC: 100 % for a perfect witness, 50 % for a coin.

# %%
known = standardise(synthesise())
truth_labels, signs, _ = draw_truth(np.random.default_rng(0))
assert (truth_labels == known.labels).all()
x_known, y_known, rows = prepared(known)
nn.use("fast")
if corpus.source == "synthetic":
    network = networks["ARGF"]["params"]  # trained on this very corpus
else:
    network = protocols.train(x_known, y_known, rows, Settings(**SMALL))["params"]
out, seen = (forward(network, x_known[:, rows[split]]) for split in ("test", "train"))
silent, parts = contributions(seen).mean(axis=1, keepdims=True), contributions(out)
speaks = signs[rows["test"]] != 0  # (n_test, 3)


def auc(witness, speaks):
    """How often a speaking utterance is above a silent one; a tie counts half."""
    higher = witness[speaks][:, None] - witness[~speaks][None]
    return np.mean(higher > 0) + 0.5 * np.mean(higher == 0)


witnesses = {"weight": [], "effect of the vertex": [], "effect of the modality": []}
for m in range(3):
    without = x_known[:, rows["test"]].copy()
    without[m] = x_known[m, rows["train"]].mean(axis=0)
    change = np.abs(forward(network, without)["M"] - out["M"])[:, 1]
    vertex = np.abs(occluded(network["fusion"]["Dec"], parts, silent, m) - out["M"])[:, 1]
    for name, witness in zip(witnesses, (out["alpha_m"][m, :, 0], vertex, change), strict=True):
        witnesses[name].append(auc(witness, speaks[:, m]))
nn.use("readable")
for name, values in witnesses.items():
    print(
        f"{name:24}", "  ".join(f"{m} {value:.0%}" for m, value in zip("alv", values, strict=True))
    )
assert witnesses["effect of the modality"][1] > 0.6

# %%
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for side, (name, values), colour in zip(
    (-0.26, 0, 0.26), witnesses.items(), ("0.75", "0.5", "0.2"), strict=True
):
    bars = ax.bar(np.arange(3) + side, values, 0.24, color=colour, label=name)
    ax.bar_label(bars, fmt="{:.0%}", fontsize="small")
ax.axhline(0.5, color="0.4", ls=":", lw=1)
ax.set_xticks(range(3), [figures.MODALITY_NAMES[m] for m in "alv"])
ax.set(
    ylabel="AUC", ylim=(0, 1.05), title="Who knows whether the modality speaks? (dotted: a coin)"
)
fig.legend(frameon=False, loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# A bar *below* the dotted line is a witness that says the opposite of the truth: the weight is
# larger where the modality is silent. Nothing in the loss forbids it. $Dec$ can undo a small weight
# by a large factor, and what it needs is that the vectors of positive and negative utterances
# differ, not that weights are large where they matter. Another seed may give another answer, and
# this is a finding too: an explanation that changes with the seed explains the seed.
#
# So what do the weights say? What they are: by how much a vector was multiplied before it was added
# up. This is useful to know when one debugs a network. For "what mattered", take the thing away.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed random inputs. Solutions are in `tutorials/solutions/11_seeing_it.py`.
#
# **11.1 Neighbours.** Write $p_{j|i}$ of section 2, for all pairs at once. No point is its own
# neighbour.


# %%
def neighbour_probabilities(D, beta):
    """Squared distances D (n, n), beta (n,). Returns p (n, n): row i has the probabilities of i's
    neighbours.
    """
    raise NotImplementedError("exercise 11.1")


check("11.1", neighbour_probabilities)

# %% [markdown]
# **11.2 The gap as a number.** The mean distance between the means of two modalities, divided by
# the mean distance of a vector from the mean of its own modality. Without loops over utterances.


# %%
def gap(x_e):
    """x_e (m, n, k). Returns a number."""
    raise NotImplementedError("exercise 11.2")


check("11.2", gap)

# %% [markdown]
# **11.3 Take a vertex away.** The output of a layer, $\sum \alpha \mathbf{V}$, in which the
# contribution of one vertex is replaced by its mean over the utterances of the batch. The other
# weights stay as they are.


# %%
def without_vertex(alpha, V, vertex):
    """alpha (n, B, 1), V (n, B, k), the vertex's row. Returns (B, k)."""
    raise NotImplementedError("exercise 11.3")


check("11.3", without_vertex)

# %% [markdown]
# **11.4 How good is a witness?** Write the AUC of section 7 without forming all pairs: rank all
# utterances. If the speaking ones have ranks $r$ (1 for the smallest), the number of pairs in which
# they win is $\sum r - n_1 (n_1 + 1) / 2$, with $n_1$ the number of speaking ones. No two values
# are equal.


# %%
def auc_by_ranks(witness, speaks):
    """witness (n,), no two alike; speaks (n,) bool. Returns a number between 0 and 1."""
    raise NotImplementedError("exercise 11.4")


check("11.4", auc_by_ranks)

# %% [markdown]
# **To go on.** Train ARGF on the synthetic corpus with five seeds, and draw the bars of section 7
# for each. Which of them stay? Then make a corpus with one mechanism only,
# `synthesise(signals={"al": 1})`, in which $a$ and $l$ matter in every utterance and $v$ in none.
# Is $\alpha_v$ small? Is the effect of $v$?

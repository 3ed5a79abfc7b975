# %% [markdown]
# # 11 · Seeing it
#
# *Needs: 03, 06, 09, 10. Minutes: 20. Paper: "Results and Discussions", Figures 5 and 6.*
#
# (20 minutes are for reading. The exercises take about 50 more, the experiment 20.)
#
# A picture convinces faster than a table. In its Figure 5 the paper sees that "the dots tend to
# form two separate clusters", and "it is clear that the embedding space learnt without classifier
# cannot distinguish positive and negative sentiments effectively". Of the weights in its Figure 6
# it says that "obviously language modality is the most predictive for the majority of samples".
#
# Is it? Figure 5 shows 150 dimensions on two axes, and a weight is only a number in a formula. What
# do these two figures show, and what not?
#
# On the way you will
#
# - draw both figures from networks that you have trained;
# - put a number beside each picture, and draw it for six seeds instead of one;
# - build t-SNE with its gradient, and watch it find clusters in pure noise;
# - compare the weights of trained networks with those of networks that have learnt nothing;
# - compare the weight of a vertex with what happens when its contribution is removed;
# - ask, on a corpus whose truth is known, whether the weights follow it.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{x}_m^e$ | $k$ | embedding of modality $m$ (notebook 05) |
# | $\alpha$, $\mathbf{V}$ | 1, $k$ | weight and vector of a vertex (notebooks 08 and 09) |
# | $S$ | 1 | similarity of two vertices, Eq. 12 |
# | $\mathbf{U}$, $\mathbf{B}$, $\mathbf{T}$ | $k$ | outputs of the three layers (notebook 09) |
# | $\mathbf{z}_i$ | any | point $i$ in many dimensions |
# | $\mathbf{u}_i$ | 2 | its place in the picture |
# | $p_{ij}$, $q_{ij}$ | 1 | how much $i$ and $j$ are neighbours, in the data and in the picture |
#
# A batch is one array: `x_e` has shape `(3, B, k)`, in the order $a, l, v$.
#
# A number such as [D7](../DEVIATIONS.md#d7) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.
#
# Before: [10 · Does it work?](10_does_it_work.ipynb). Next:
# [12 · Making it fast](12_making_it_fast.ipynb)

# %%
import matplotlib.pyplot as plt
import numpy as np
from autograd import numpy as anp
from IPython.display import display

from argf_np import figures, nn
from argf_np.data import standardise, synthesise
from argf_np.data.synthetic import draw_truth
from argf_np.experiments.statistics import mean_interval
from argf_np.metrics import modality_gap
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper import protocols
from argf_np.paper.model import embed, forward, init_model
from argf_np.paper.vertices import VERTICES, stack_weights
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_11 as draw
from exercises import check

nn.use("readable")  # textbook code; the fast functions of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. A space with and without classifier (Figure 5)
#
# We train small networks: ARGF, ARGF without the classifier of Eq. 7, and ARGF without adversarial
# training (for section 4), each with six seeds. Their features are 20 principal components per
# modality, the quick way of notebook 08.

# %%
def principal_components(features, train, d=20):
    """The features (n, d) along the directions of largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(features[train], full_matrices=False)
    projected = features @ directions[:d].T
    return projected / projected[train].std()


corpus = standardise(synthesise())
rows = {split: corpus.utterances(split) for split in corpus.split}
train, test = rows["train"], rows["test"]
labels = corpus.labels[test]
y = np.eye(2)[corpus.labels]  # one-hot
x = np.stack([principal_components(corpus.features[m], train) for m in "alv"]).astype("float32")

SEEDS = range(6)
KINDS = {"ARGF": "nothing", "without classifier": "classifier", "without adversary": "adversarial"}
networks = {}  # {(kind, seed): parameters}
nn.use("fast")
for kind, part in KINDS.items():
    for seed in SEEDS:
        settings = Settings(d=20, k=20, epochs=6, batch_size=64, lr=3e-3, without=part, seed=seed)
        networks[kind, seed] = protocols.train(x, y, rows, settings)["params"]
spaces = {key: embed(params, x).astype(float) for key, params in networks.items()}  # (3, n, k)
nn.use("readable")
print(f"{len(networks)} networks, {corpus.source} corpus, {len(test)} test utterances")

# %% [markdown]
# The paper takes the three embeddings of a test utterance as one vector of $3k$ numbers, and has
# t-SNE bring them to two. So does the package where scikit-learn is installed. Otherwise it takes
# the first two principal components. The axes say which of the two you see.

# %%
two = {kind: spaces[kind, 0][:, test] for kind in ("ARGF", "without classifier")}
draw.spaces(two, labels, corpus.classes)
plt.show()

# %% [markdown]
# This is Figure 5 for seed 0. Both panels show the same: a cluster that is mostly positive, one
# that is mostly negative, and one in which the classes are mixed. The right panel does not look
# worse.
#
# Before you compare the two panels by eye, compute a number in all dimensions, without a
# projection. A **linear probe** ([notebook 03](03_the_data.ipynb)) is a linear classifier that is
# fitted by least squares to all $3k$ dimensions of the training utterances. What share of the test
# utterances does it get right?
#
# **Predict before you run:** by how many points is the probe better with the classifier than
# without it?

# %%
def probe(points):
    """Share of the test utterances whose class a linear probe gets right; points (3, n, width)."""
    joint = np.concatenate([*points, np.ones((points.shape[1], 1))], axis=1)  # (n, 3w + 1)
    W = np.linalg.lstsq(joint[train], y[train], rcond=None)[0]
    return np.mean((joint[test] @ W).argmax(axis=1) == labels)


def of_seeds(function):
    """{kind: the function of each seed's space, (seeds,)}."""
    return {kind: np.array([function(spaces[kind, seed]) for seed in SEEDS]) for kind in KINDS}


probes = of_seeds(probe)
print(f"{'features':18} {probe(x):.1%}")
for kind, values in probes.items():
    print(f"{kind:18}", "  ".join(f"{value:.1%}" for value in values), f" mean {values.mean():.1%}")
mean, half = mean_interval(100 * (probes["ARGF"] - probes["without classifier"]))
print(f"what the classifier adds: {mean:+.1f} ± {half:.1f} points (95 % interval, other seeds)")
assert abs(mean) < half

# %% [markdown]
# The means are alike, and the interval of what the classifier adds includes 0. The seeds of one
# kind differ more from each other than the two means do. So on this corpus, with networks of this
# size, the claim of Figure 5 is not confirmed: not by the picture and not by the number. (Nor is it
# on real MOSI, where [ten seeds](../results/figure5_mosi.md) have 77.7 % with the classifier and
# 78.2 % without it, a difference of 0.5 with the interval [−0.1, 1.1]. Only the distance between
# the means of the two classes is a little larger with it, 1.00 against 0.95.)
#
# "Without classifier" does not mean "without knowledge of the classes". In the paper's variant the
# encoders still learn from the fusion loss ([D7](../DEVIATIONS.md#d7)), and what is in the features
# does not vanish. A picture shows directions of large variance or near neighbours. Classes that can
# be separated in all dimensions need not show in either. Besides, the probe is
# fitted on some videos and tested on others. A picture of the test videos alone cannot show how
# well it transfers.
#
# ## 2. What t-SNE does
#
# t-SNE (van der Maaten and Hinton 2008) draws points so that *neighbours stay neighbours*. Around
# each point $\mathbf{z}_i$ it puts a bell curve of width $1 / \sqrt{2 \beta_i}$, and asks how
# likely $i$ would be to choose $j$ as its neighbour:
#
# $$p_{j|i} = \frac{e^{-\beta_i \|\mathbf{z}_i - \mathbf{z}_j\|^2}}
# {\sum_{h \ne i} e^{-\beta_i \|\mathbf{z}_i - \mathbf{z}_h\|^2}}, \qquad
# p_{ij} = \frac{p_{j|i} + p_{i|j}}{2 n}$$
#
# Here $n$ is the number of points. The probabilities as loops and with arrays:

# %%
def squared_distances(points):
    """(n, width) -> (n, n)."""
    return np.sum((points[:, None] - points[None]) ** 2, axis=-1)


def neighbours(D, beta):
    """p_{j|i}, (n, n), of squared distances (n, n) and beta (n, 1)."""
    D = D + np.diag(np.full(len(D), np.inf))  # no point is its own neighbour
    e = np.exp(-beta * (D - D.min(axis=1, keepdims=True)))  # the minimum keeps all from being 0
    return e / e.sum(axis=1, keepdims=True)


rng = np.random.default_rng(0)
few = rng.standard_normal((7, 5))
p_loop = np.zeros((7, 7))
for i in range(7):
    for j in range(7):
        if j != i:
            p_loop[i, j] = np.exp(-0.3 * sum((few[i] - few[j]) ** 2))
    p_loop[i] /= sum(p_loop[i])
p_few = neighbours(squared_distances(few), np.full((7, 1), 0.3))
assert np.allclose(p_few, p_loop, rtol=0, atol=1e-14)
print(np.round(p_few[:2], 3))

# %% [markdown]
# Each $\beta_i$ is chosen such that the *effective number of neighbours* is the same for all
# points. It is called the **perplexity**, and *you* choose it:
#
# $$e^{H_i}, \qquad H_i = -\sum_j p_{j|i} \log p_{j|i}$$
#
# $H_i$ is the entropy. If a point chooses among 5 others with equal probability, then its
# perplexity is 5.
#
# ### Exercise 11.1 ★ (10 minutes): the effective number of neighbours
#
# Compute the perplexity of each row. Mind that $0 \log 0$ counts as 0.
#
# Replace the line with `raise` by your answer and run the cell. `check` runs it on fixed inputs. If
# it is wrong, `check` says what the mistake looks like.

# %%
def perplexity_of_rows(p):
    """p (n, n), whose rows sum to 1 and whose diagonal is 0. Returns (n,)."""
    raise NotImplementedError("exercise 11.1")


check("11.1", perplexity_of_rows)

# %% [markdown]
# Each $\beta_i$ is found by halving an interval fifty times. Where a point has too many neighbours,
# its curve must be narrower, so $\beta_i$ must grow:

# %%
def with_perplexity(D, perplexity):
    """p_{ij}, (n, n): each beta by bisection, on a logarithmic scale."""
    low, high = np.full((len(D), 1), -20.0), np.full((len(D), 1), 20.0)
    for _ in range(50):
        middle = (low + high) / 2
        p = neighbours(D, np.exp(middle))
        entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1, keepdims=True)
        too_many = entropy > np.log(perplexity)  # then the curve must be narrower
        low, high = np.where(too_many, middle, low), np.where(too_many, high, middle)
    return (p + p.T) / (2 * len(D))


p_few = with_perplexity(squared_distances(few), 3)
print(f"all p_ij together: {p_few.sum():.3f}")

# %% [markdown]
# ### Neighbours in the picture
#
# In the picture, how much two points $\mathbf{u}_i$ and $\mathbf{u}_j$ are neighbours is measured
# by a curve with heavier tails. The points move until the two kinds of neighbourhood agree, that is
# until $L$ is small:
#
# $$q_{ij} = \frac{(1 + \|\mathbf{u}_i - \mathbf{u}_j\|^2)^{-1}}
# {\sum_{g \ne h} (1 + \|\mathbf{u}_g - \mathbf{u}_h\|^2)^{-1}},
# \qquad L = \sum_{i \ne j} p_{ij} \log \frac{p_{ij}}{q_{ij}}$$
#
# **The gradient** (the next cell checks the loss against a loop, and this gradient against
# autograd's). Each pair is a spring. It pulls where $p > q$ and pushes where $p < q$, and far apart
# it hardly acts:
#
# $$\frac{\partial L}{\partial \mathbf{u}_i} =
# 4 \sum_j \frac{p_{ij} - q_{ij}}{1 + \|\mathbf{u}_i - \mathbf{u}_j\|^2}
# (\mathbf{u}_i - \mathbf{u}_j)$$

# %%
def mismatch(places, p):
    """L of places (n, 2)."""
    D = anp.sum((places[:, None] - places[None]) ** 2, axis=-1)
    w = (1 - np.eye(len(p))) / (1 + D)
    q = w / anp.sum(w) + np.eye(len(p))  # the diagonal has p = 0 and does not count
    return anp.sum(p * (np.log(np.maximum(p, 1e-300)) - anp.log(q)))


def springs(places, p):
    """The gradient of L, (n, 2)."""
    w = (1 - np.eye(len(p))) / (1 + squared_distances(places))
    force = 4 * (p - w / w.sum()) * w  # (n, n)
    return places * force.sum(axis=1, keepdims=True) - force @ places


places = rng.standard_normal((7, 2))
L_loop, total = 0.0, 0.0
for i in range(7):
    for j in range(7):
        if j != i:
            total += 1 / (1 + sum((places[i] - places[j]) ** 2))
for i in range(7):
    for j in range(7):
        if j != i:
            q = 1 / (1 + sum((places[i] - places[j]) ** 2)) / total
            L_loop += p_few[i, j] * np.log(p_few[i, j] / q)
assert np.isclose(mismatch(places, p_few), L_loop, rtol=0, atol=1e-12)
nn.check_gradient(lambda tree: mismatch(tree["u"], p_few), {"u": places}, rng)
_, gradient = nn.value_and_grad(lambda tree: mismatch(tree["u"], p_few), {"u": places})
difference = np.abs(gradient["u"] - springs(places, p_few)).max()
print(f"L = {L_loop:.3f}; the tape's gradient and the springs differ by {difference:.0e} at most")
assert difference < 1e-12

# %% [markdown]
# (`check_gradient` compares autograd's gradient with finite differences, as in notebook 01.) The
# whole of t-SNE is now a descent from a random start. During the first quarter the springs pull
# four times as hard, so that groups come together.

# %%
def t_sne(points, perplexity, seed, steps=300):
    """Places (n, 2) for points (n, width)."""
    p = with_perplexity(squared_distances(points), perplexity)
    start = 1e-2 * np.random.default_rng(seed).standard_normal((len(points), 2))
    tree = nn.cast({"u": start}, "float64")
    state = nn.init_adam(tree)
    for step in range(steps):
        stress = 4 if step < steps // 4 else 1
        nn.adam(state, tree, {"u": springs(tree["u"], stress * p)}, lr=0.5)
    return tree["u"].copy()


def first_two_components(points):
    """The two directions of largest variance, (n, 2)."""
    U, s, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return U[:, :2] * s[:2]


L_after = mismatch(t_sne(few, 3, 0), p_few)
print(f"L of the seven points at random places {L_loop:.3f}, after t-SNE {L_after:.3f}")
assert L_after < L_loop / 2

# %% [markdown]
# ## 3. Two ways to be fooled
#
# **Clusters of nothing.** Here are 150 points from a normal distribution in 60 dimensions. There is
# nothing in them, neither clusters nor classes. Each row has a perplexity, each column a random
# start. The last column shows two principal components.

# %%
noise = np.random.default_rng(5).standard_normal((150, 60))
maps = {}
for perplexity in (2, 5, 40):
    for seed in range(3):
        maps[f"perplexity {perplexity}", f"seed {seed}"] = t_sne(noise, perplexity, seed, 900)
    maps[f"perplexity {perplexity}", "PCA"] = first_two_components(noise)
names = [f"perplexity {perplexity}" for perplexity in (2, 5, 40)]
draw.maps(names, ["seed 0", "seed 1", "seed 2", "PCA"], maps)
plt.show()


def clumping(places):
    """Median distance to the nearest point over that of any two: small where points clump."""
    D = np.sqrt(squared_distances(places)) + np.diag(np.full(len(places), np.inf))
    return np.median(D.min(axis=1)) / np.median(D)


for name in names:
    values = [clumping(maps[name, f"seed {seed}"]) for seed in range(3)]
    print(f"{name:14}", "  ".join(f"{value:.3f}" for value in values))
print(f"{'PCA':14} {clumping(maps[names[0], 'PCA']):.3f}")
assert clumping(maps[names[0], "seed 0"]) < 0.8 * clumping(maps[names[2], "seed 0"])

# %% [markdown]
# At perplexity 2 the noise falls into clumps and strings, and into other ones for every seed. At
# perplexity 5 there are still groups that one would like to explain. At perplexity 40 they are
# gone. A single picture of the first row could pass for a finding. The printed number is small
# where points have close neighbours, that is, where they clump: it grows from row to row.
#
# **Distances and sizes.** Now three groups that do exist. The third is ten times as far from the
# first as the second is, and the first is five times as wide as the others. What of this is left in
# the picture?

# %%
centres = np.zeros((3, 10))
centres[1:, 0] = 30, 300
parts = []
for centre, width in zip(centres, (5, 1, 1), strict=True):
    parts.append(centre + width * rng.standard_normal((50, 10)))
groups = np.concatenate(parts)


def distances_and_widths(points):
    """Distances of the first group's centre to the other two, widths of the three."""
    parts = points.reshape(3, 50, -1)
    middle = parts.mean(axis=1)
    apart = np.linalg.norm(middle[1:] - middle[0], axis=-1)
    return apart, np.linalg.norm(parts - middle[:, None], axis=-1).mean(axis=1)


on_paper = {"PCA": first_two_components(groups), "t-SNE, seed 0": t_sne(groups, 20, 0),
            "t-SNE, seed 1": t_sne(groups, 20, 1)}
draw.groups(on_paper, 50)
plt.show()
for name, points in {"truth": groups, **on_paper}.items():
    apart, widths = distances_and_widths(points)
    print(f"{name:14} third : second group, distance {apart[1] / apart[0]:5.1f}; "
          f"first : second group, width {widths[0] / widths[1]:4.1f}")
apart, widths = distances_and_widths(on_paper["t-SNE, seed 0"])
assert apart[1] / apart[0] < 5
assert widths[0] / widths[1] < 2.5

# %% [markdown]
# t-SNE gets the number of groups right, but it loses their distances and sizes: it keeps
# neighbours, and gives every point the same effective number of them. So "the distance between two
# clusters is large", as the paper says of its Figure 5, is a statement that t-SNE does not support.
# PCA keeps large distances, but two directions cannot show what lies in the others. (The two axes
# of the PCA panel have different scales: its groups are not as tall as they look.)
#
# How not to be fooled: try several seeds and perplexities; do the same with noise of the same
# shape; and put beside the picture a number that was computed in all dimensions.
#
# ## 4. The gap between the modalities
#
# Adversarial training is meant to "narrow" the modality gap. We measure it with two numbers. The
# first is known from notebook 06, another *probe* than that of section 1: it asks for the modality
# and not for the class. It is how often a linear classifier finds out which of the three modalities
# a vector is from, where chance is a third. The second is the *distance* of the means of two
# modalities, in units of how far a vector lies from the mean of its modality. As a loop:

# %%
def distance_loop(points):
    """points (modalities, n, k)."""
    means = [sum(cloud) / len(cloud) for cloud in points]
    apart, spread = [], []
    for i in range(len(means)):
        for j in range(i):
            apart.append(np.sqrt(sum((means[i] - means[j]) ** 2)))
        for vector in points[i]:
            spread.append(np.sqrt(sum((vector - means[i]) ** 2)))
    return sum(apart) / len(apart) / (sum(spread) / len(spread))


def gap_of(points):
    """Probe in percent, and distance, of points (3, n, width)."""
    found, distance = modality_gap(points[:, train], points[:, test])
    return np.array([100 * found, distance])


assert np.isclose(gap_of(spaces["ARGF", 0])[1], distance_loop(spaces["ARGF", 0][:, test]))
found, distance = gap_of(x.astype(float))
assert found < 40
print(f"features: probe {found:.1f} %, distance {distance:.2f}")
draw.gaps({"features": x[:, test].astype(float), "ARGF, seed 0": spaces["ARGF", 0][:, test],
           "without adversary, seed 0": spaces["without adversary", 0][:, test]})
plt.show()

# %% [markdown]
# The features of the three modalities are centred on zero by standardising, so their means (large
# markers) nearly coincide, and a linear classifier is no better than chance. Each encoder starts
# from random parameters of its own, and so the embeddings are apart: in both panels on the right
# each modality has arms of its own.
#
# ### Exercise 11.2 ★★ (10 minutes): the gap as a number
#
# Write the distance without loops over utterances.

# %%
def gap(x_e):
    """x_e (modalities, n, k). Returns a number."""
    raise NotImplementedError("exercise 11.2")


check("11.2", gap)

# %% [markdown]
# ### What did the adversary do?
#
# Compare networks with and without it. One seed each would say little (notebook 10), so here are
# six. Each dot is a seed. Thin lines join networks that started alike. The black bars are means.
#
# **Predict before you run:** does the gap become wider or narrower without the adversary? And
# without the classifier?

# %%
measured = of_seeds(gap_of)  # {kind: (seeds, 2)}
order = ("ARGF", "without adversary", "without classifier")
panels = {"probe": {}, "distance": {}}
for kind in order:
    panels["probe"][kind.replace(" ", "\n")] = measured[kind][:, 0]
    panels["distance"][kind.replace(" ", "\n")] = measured[kind][:, 1]
draw.dots(panels, ["which modality? percent right", "distance of the means"])
plt.show()
print(f"probe of ARGF: {measured['ARGF'][:, 0].mean():.0f} % on average")
for kind in order[1:]:
    for column, unit in enumerate(("probe", "distance")):
        values = measured[kind][:, column] - measured["ARGF"][:, column]
        mean, half = mean_interval(values)
        print(f"{kind:18} {unit:9}", "  ".join(f"{value:+5.2f}" for value in values),
              f"  mean {mean:+.2f} ± {half:.2f}")
probe_without = measured["without adversary"][:, 0] - measured["ARGF"][:, 0]
assert np.sum(probe_without > 0) >= 5
assert measured["ARGF"][:, 0].mean() > 85
for kind in order[1:]:
    mean, half = mean_interval(measured[kind][:, 1] - measured["ARGF"][:, 1])
    assert abs(mean) < half

# %% [markdown]
# Each row of the print is a difference to ARGF, for the six seeds. Without the adversary the probe
# is higher for all six seeds: the thin lines rise from the circles to the squares. So the adversary
# seems to narrow the gap by this measure. By how much is uncertain: less than a point for some
# seeds, many points for one, and the interval of the mean includes 0. Even with the adversary, a
# linear classifier finds the modality of about nine vectors in ten. The change of the distance does
# not even have the same sign for all seeds. **On real MOSI** it is the other way round ([ten
# seeds](../results/figure5_mosi.md)). There the probe finds the modality of every vector, with the
# adversary and without it. The distance is 0.65 with it and 0.72 without it, a difference of 0.07
# with the interval [0.02, 0.12].
#
# Without the classifier the signs differ from seed to seed, so nothing can be said. Each of these
# seeds alone could have been a finding: "the classifier widens the gap", or "it narrows it".
#
# A last warning about the picture of the clouds: those that overlap in two principal components may
# be cleanly apart in the third. The probe uses all dimensions.
#
# ## 5. Twelve weights (Figure 6)
#
# Every utterance has a weight for each of the twelve vertices: three of Eq. 10, three and six of
# Eq. 14. The paper shows them as a map with one row per test sample. Our map has the words beside
# each row.

# %%
nn.use("fast")
outputs = [forward(networks["ARGF", seed], x[:, test]) for seed in SEEDS]
weights = np.stack([stack_weights(out) for out in outputs])  # (seeds, n_test, 12)
nn.use("readable")
some = np.linspace(0, len(test) - 1, 16).astype(int)
words = [corpus.words[test[i]] for i in some]
ax = figures.vertex_weights(weights[0][some], words, title=f"{corpus.source} corpus, seed 0")
display(ax.figure)

# %% [markdown]
# Look down the second column, $\alpha_l$, and read the words beside it. It is large for "makes no
# sense", small for "wonderful", and between the two for "takes two hours". So in this network the
# weight of language tells *what* language says. That is not the same as how much it matters.
#
# The authors read theirs like this: "obviously language modality is the most predictive for the
# majority of samples", "its importance varies greatly across samples", the bimodal weights of $al$
# and $vl$ "are very close", and of the trimodal ones those of two bimodal vertices "dominate". Each
# of these sentences takes a weight for an importance.
#
# What *can* a weight be ([notebook 08](08_graph_fusion_1.ipynb), [09](09_graph_fusion_2.ipynb))?
#
# - $\alpha_a, \alpha_l, \alpha_v$ are three sigmoids. They do not sum to 1: all three can be small,
#   and then $\mathbf{U}$ is short. A larger $\alpha_l$ takes nothing from the others.
# - $S$ hardly varies, so Eq. 13 always divides by nearly the same number. The bimodal weights
#   therefore depend on the vectors through little else than $\alpha_m$.
# - The three bimodal weights of an utterance sum to 1, and so do the six trimodal ones. The bimodal
#   ones are close together where the three $\alpha_m$ are close together, and only there.

# %%
total = weights[:, :, :3].sum(axis=2)
S_2 = outputs[0]["S_2"]
print(f"alpha_a + alpha_l + alpha_v: from {total.min():.2f} to {total.max():.2f}")
print(f"S + 0.5 in layer 2, seed 0:  from {S_2.min() + 0.5:.3f} to {S_2.max() + 0.5:.3f}")
apart_m = np.ptp(weights[:, :, :3], axis=2).ravel()  # largest minus smallest alpha_m
apart_2 = np.ptp(weights[:, :, 3:6], axis=2).ravel()
together = np.corrcoef(apart_m, apart_2)[0, 1]
print(f"spread of the alpha_m and of the bimodal weights: correlation {together:.2f}")
assert np.allclose(weights[:, :, 3:6].sum(axis=2), 1, atol=1e-5)
assert np.allclose(weights[:, :, 6:].sum(axis=2), 1, atol=1e-5)
assert together > 0.9

# %% [markdown]
# **What are the weights without any learning?** Six fresh networks, encoders and graph at their
# random start, give the squares and triangles of the next picture. The circles are the six trained
# networks. Each symbol is the mean over the test utterances for one seed.

# %%
fresh = {"paper": [], "released": []}
for seed in SEEDS:
    untrained = init_model(np.random.default_rng(seed), 20, 20, 2, "float32")
    x_e = embed(untrained, x[:, test])
    for variant, means in fresh.items():
        out = graph.graph_fusion(untrained["fusion"], x_e, variant)
        means.append(stack_weights(out).mean(axis=0))
fresh = {variant: np.array(means) for variant, means in fresh.items()}  # each (seeds, 12)
trained = weights.mean(axis=1)  # (seeds, 12)
draw.weights_of_seeds({"trained": trained, "untrained": fresh["paper"],
                       "untrained, released variant": fresh["released"]})
plt.show()
for row, name in enumerate(VERTICES):
    text = f"{name:6}"
    for kind, values in (("trained", trained), ("untrained", fresh["paper"]),
                         ("untrained, released", fresh["released"])):
        text += f"  {kind} {values[:, row].min():.2f} to {values[:, row].max():.2f}"
    print(text)
assert fresh["released"][:, 9:].max() < 0.1
low, high = fresh["paper"].min(axis=0) - 0.06, fresh["paper"].max(axis=0) + 0.06
assert np.mean((trained > low) & (trained < high)) > 0.9

# %% [markdown]
# What the circles share with the squares was there before any training, so it says nothing about
# what was learnt. In the released variant (triangles) the last three weights nearly vanish (0.02 to
# 0.04) before any training ([D10](../DEVIATIONS.md#d10)). That is the "surprise" of the paper's
# Figure 6: "vertices obtained by fusing a bimodal vertex and a unimodal vertex hardly make any
# difference". And on this corpus the mean weights do not distinguish trained networks from
# untrained ones: nearly all circles lie within the range of the squares. (Single networks do move:
# the $\alpha_a$ that was 0.28 is at least 0.44 after training.)
#
# **On real MOSI** the weights were measured with ten seeds, for both variants
# (`python -m argf_np.experiments figure6 --dataset mosi`). The next cell reads them from
# `results/figure6_mosi.md`. Bars are 95 % intervals of the mean over other seeds.

# %%
real = {"paper variant": ([], []), "released variant": ([], [])}
for line in (draw.RESULTS / "figure6_mosi.md").read_text(encoding="utf-8").splitlines():
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if cells[0] in VERTICES:
        for (means, halves), cell in zip(real.values(), cells[1::2], strict=True):
            mean, half = cell.split(" ± ")
            means.append(float(mean))
            halves.append(float(half))
draw.measured_weights(real)
plt.show()
last = np.array(real["released variant"][0][9:])
print("released variant, the last three:", last)
assert last.max() < 0.1

# %% [markdown]
# The right half of the picture repeats what untrained networks do: in the released variant the last
# three vertices are nearly silent, in the paper's variant they are not. On the left, language has
# the largest weight in the paper's variant, and the bars do not overlap; in the released variant
# those of language and vision do. What a weight is worth is the question of the next section.
#
# ## 6. A weight is not an effect
#
# What could "important" mean for a vertex? One meaning is: *remove it and see what happens*. Every
# vertex adds $\alpha \mathbf{V}$ to the output of its layer (a third of it in layer 1). We replace
# this direct contribution by its mean over the training utterances. Then it no longer says anything
# about *this* utterance. The absolute change of the probability of "positive" is the **effect** of
# the vertex in this utterance. (The vector $\mathbf{V}$ and the weight $\alpha$ still enter the
# layers above. Only the direct contribution is removed.)
#
# ### Exercise 11.3 ★★ (10 minutes): remove a vertex
#
# Write the output of a layer, $\sum \alpha \mathbf{V}$, in which the contribution of one vertex is
# replaced by its mean over the utterances of the batch. The other weights stay as they are.

# %%
def without_vertex(alpha, V, vertex):
    """alpha (vertices, B, 1), V (vertices, B, k), vertex a row. Returns (B, k)."""
    raise NotImplementedError("exercise 11.3")


check("11.3", without_vertex)

# %% [markdown]
# ### The effect of every vertex
#
# For all vertices of six networks:

# %%
def contributions(out):
    """What each of the 12 vertices adds to its layer's output, (12, B, k)."""
    return np.concatenate([out["alpha_m"] * out["x_e"] / 3, out["alpha_2"] * out["V_2"],
                           out["alpha_3"] * out["V_3"]])


def decision(Dec, parts, usual, removed=None):
    """M (B, N) if one vertex adds its usual contribution; parts (12, B, k), usual (12, 1, k)."""
    parts = parts.copy()
    if removed is not None:
        parts[removed] = usual[removed]
    U, B, T = parts[:3].sum(axis=0), parts[3:6].sum(axis=0), parts[6:].sum(axis=0)
    return graph.decide(Dec, np.concatenate([U, B, T], axis=-1))


nn.use("fast")
effects, usual = [], []
for seed in SEEDS:
    Dec = networks["ARGF", seed]["fusion"]["Dec"]
    seen = contributions(forward(networks["ARGF", seed], x[:, train]))
    usual.append(seen.mean(axis=1, keepdims=True))  # (12, 1, k)
    parts, M = contributions(outputs[seed]), outputs[seed]["M"]
    assert np.allclose(decision(Dec, parts, usual[seed]), M, atol=1e-5)  # nothing removed
    of_vertices = []
    for vertex in range(12):
        changed = decision(Dec, parts, usual[seed], vertex)
        of_vertices.append(np.abs(changed - M)[:, 1])
    effects.append(of_vertices)
effects = np.array(effects)  # (seeds, 12, n_test)
nn.use("readable")
draw.effects(weights[0].T, effects[0], "trimodal")
plt.show()

# %% [markdown]
# Each panel is a trimodal vertex of seed 0, each point an utterance, and the diamond is the mean.
# If weight meant effect, the points of a panel would lie on a rising line. The diamonds do rise a
# little: the lower three vertices have both larger weights and larger effects. But within a panel
# the points hardly rise. An exception is the group on the far right of $\alpha_{al+v}$. In the
# other panels, many utterances with a large weight have an effect near zero.
#
# **Predict before you run:** over all utterances and vertices of a layer, is the correlation of
# weight and effect positive, negative, or near zero? Is it the same for all seeds?

# %%
correlations = {"unimodal": [], "bimodal": [], "trimodal": []}
for layer, (start, end) in zip(correlations, ((0, 3), (3, 6), (6, 12)), strict=True):
    for seed in SEEDS:
        pair = weights[seed, :, start:end].T.ravel(), effects[seed, start:end].ravel()
        correlations[layer].append(np.corrcoef(*pair)[0, 1])
draw.dots({"weight and effect, one dot per seed": correlations}, ["correlation"], 0)
plt.show()
for layer, values in correlations.items():
    print(f"{layer:9}", "  ".join(f"{value:+.2f}" for value in values))
every = np.concatenate(list(correlations.values()))
assert every.min() > 0
assert every.max() < 0.5

# %% [markdown]
# It is positive for all seeds: larger weights do go with larger effects. But no correlation reaches
# one half, so less than a quarter of the variance of one is explained by the other. There are three
# reasons why a weight need not be an effect. The *vector* may be short, or the same for all
# utterances; $Dec$ may not react to its direction; and another vertex may say the same. (The last
# one also limits our measure. Where two vertices say the same, each can be removed without effect,
# but not both.)

# %% [markdown]
# ## 7. Do the weights follow the truth?
#
# On real data nothing tells which modality matters in an utterance. On the synthetic corpus we
# know, for we made it. `draw_truth` gives the signs of [notebook 03](03_the_data.ipynb): in each
# utterance, a modality carries a sign $+1$ or $-1$ that has to do with the label, and then we say
# that it *speaks*; or its sign is 0, and it is silent. So "does language matter here?" has a right
# answer. We ask three witnesses: the weight $\alpha_m$; the effect of the unimodal vertex; and the
# effect of the modality as a whole, where its *features* are replaced by their mean.
#
# How good is a witness? Draw an utterance in which the modality speaks, and one in which it is
# silent. How often does the witness give the first one the higher value? This is the *area under
# the curve*, AUC: 100 % for a perfect witness, 50 % for a coin. Below 50 % the witness says the
# opposite of the truth.
#
# ### Exercise 11.4 ★★★ (20 minutes): how good is a witness?
#
# Write the AUC without forming all pairs: rank all utterances. If the speaking ones have ranks $r$
# (1 for the smallest), the number of pairs in which they win is $\sum r - n_1 (n_1 + 1) / 2$, with
# $n_1$ the number of speaking ones. No two values are equal.

# %%
def auc_by_ranks(witness, speaks):
    """witness (n,), no two equal; speaks (n,) bool. Returns a number between 0 and 1."""
    raise NotImplementedError("exercise 11.4")


check("11.4", auc_by_ranks)

# %% [markdown]
# ### Three witnesses
#
# **Predict before you run:** which of the three witnesses is best?

# %%
truth_labels, signs, _ = draw_truth(np.random.default_rng(0))
assert (truth_labels == corpus.labels).all()
speaks = signs[test] != 0  # (n_test, 3)
print("share of the test utterances in which a, l, v speak:", np.round(speaks.mean(axis=0), 2))


def auc(witness, speaks):
    """How often a speaking utterance is above a silent one; a tie counts half."""
    higher = witness[speaks][:, None] - witness[~speaks][None]
    return np.mean(higher > 0) + 0.5 * np.mean(higher == 0)


witnesses = {"weight": [], "effect of the vertex": [], "effect of the modality": []}
nn.use("fast")
for seed in SEEDS:
    of_seed = {name: [] for name in witnesses}
    for m in range(3):
        silenced = x[:, test].copy()
        silenced[m] = x[m, train].mean(axis=0)
        without = forward(networks["ARGF", seed], silenced)["M"]
        of_seed["weight"].append(auc(weights[seed, :, m], speaks[:, m]))
        of_seed["effect of the vertex"].append(auc(effects[seed, m], speaks[:, m]))
        change = np.abs(without - outputs[seed]["M"])[:, 1]
        of_seed["effect of the modality"].append(auc(change, speaks[:, m]))
    for name, values in of_seed.items():
        witnesses[name].append(values)
nn.use("readable")
witnesses = {name: np.array(values) for name, values in witnesses.items()}  # each (seeds, 3)
draw.witnesses(witnesses)
plt.show()
for name, values in witnesses.items():
    for m, column in zip("alv", values.T, strict=True):
        print(f"{name:23} {m}  ", "  ".join(f"{value:4.0%}" for value in column))
assert witnesses["effect of the modality"].min() > 0.8
assert np.ptp(witnesses["effect of the modality"], axis=0).max() < 0.15
assert np.ptp(witnesses["weight"][:, :2], axis=0).min() > 0.4

# %% [markdown]
# Look at the left panel first, the weight of language: one seed is close to 100 %, one is close to
# 0 %, and the others are below 50 %. From the one seed you might conclude that the weight finds
# where language speaks, from the other that it says the exact opposite. The acoustic weight varies
# from below 50 to above 90 %. Nothing in the loss prevents this. $Dec$ can undo a small weight by a
# large factor. It needs vectors that differ between positive and negative utterances. It does not
# need large weights where a modality matters.
#
# Why are four seeds at the same 40 %? Here is the mean $\alpha_l$ of the test utterances in which
# language says something negative, nothing, and something positive:

# %%
said = signs[test][:, 1]  # -1, 0 or 1
for seed in SEEDS:
    means = [weights[seed, said == sign, 1].mean() for sign in (-1, 0, 1)]
    right = np.mean(outputs[seed]["M"].argmax(axis=1) == labels)
    print(f"seed {seed}:  negative {means[0]:.2f}  nothing {means[1]:.2f}  positive {means[2]:.2f}",
          f"  accuracy of the decision {right:.1%}")
share = np.mean(said[said != 0] == -1)
print(f"of the utterances in which language speaks, {share:.0%} say something negative")
assert abs(share - 0.4) < 0.02

# %% [markdown]
# In these four seeds the weight falls from negative to positive, with silence between. So it is
# mostly above silence for the negative ones, 40 % of those that speak, and below it for the others:
# the AUC is about $0.4 \cdot 1 + 0.6 \cdot 0$. The weight is the *sign* of what is said. In the
# seed near 100 % it is high for both signs, in the seed near 0 % it is low for both. The last
# column shows how little the decision depends on which of these it is. (It is above the 76 % of the
# probe in section 1. That probe adds up one part per modality, and no such sum can express a label
# that is a product of signs.)
#
# The right panel is the other extreme: the effect of a whole modality is right in more than four of
# five pairs, for every modality and every seed. The effect of the unimodal vertex mostly lies
# between. It does worst for language. (What a modality says also reaches the decision through
# layers 2 and 3, so removing one vertex never removes all of it. The figure does not say why this
# matters most for language.)
#
# ## What to take away
#
# - **What does Figure 5 show?** Near neighbours in the embedding space, for one seed. t-SNE keeps
#   neither distances nor sizes, and at a low perplexity it makes clumps out of noise. Put a number
#   beside it that is computed in all dimensions, for several seeds.
# - **What does Figure 6 show?** By how much a vector is multiplied before it is added up. Compare
#   it with untrained networks first: some of its patterns are there before any training.
# - A weight is not an effect. To find out what mattered, remove it and look at the decision.
# - On a corpus whose truth is known, the weight of a modality said where it speaks for some seeds,
#   and the opposite for others. The effect of the whole modality was the better guide: for all of
#   them it ranked more than four of five pairs rightly.
#
# ## To go on
#
# Solutions of the exercises are in [solutions/11_seeing_it.py](solutions/11_seeing_it.py).
#
# **An experiment** ★★ (20 minutes). Make a corpus with one mechanism only,
# `synthesise(signals={"al": 1})`, in which $a$ and $l$ speak in every utterance and $v$ in none.
# Train ARGF with three seeds as above. What is the mean effect of silencing $v$ on the probability,
# in points, and what is the mean $\alpha_v$? Write down two numbers before you run. (The numbers
# are in the solutions.)
#
# Before: [10 · Does it work?](10_does_it_work.ipynb). Next:
# [12 · Making it fast](12_making_it_fast.ipynb)

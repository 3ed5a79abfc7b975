# %% [markdown]
# # 00 · The whole paper in five minutes
#
# *Needs: NumPy. Minutes: 10. Paper: all of it, from above.*
#
# Somebody looks into a camera and says what they think of a film. Is the review positive or negative? There are three
# sources: the words (*language*), the voice (*acoustic*) and the face (*visual*). Each is called a *modality*. Any of
# them can mislead, and what one says may depend on another: "great", in a weary voice, with rolling eyes.
#
# **How can the three be put together?** The paper (Mai, Hu and Xing, AAAI 2020; its network is named ARGF) answers in
# two stages:
#
# 1. *Speak one language.* Voice, words and face are described by numbers of very different kinds. Three networks
#    translate them into one common space, in which it can no longer be told which of the three a vector comes from.
# 2. *Combine, step by step.* A graph joins the three vectors in pairs, and the pairs in triples, and says how much each
#    of these counts. From all of them together comes the decision.
#
# In this notebook you see all of it once: the network drawn, trained, and one utterance followed from its words to
# the decision. Nothing is explained in depth, and nothing needs to be understood at once. Each part has a notebook of
# its own.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $a, l, v$ | | the modalities: acoustic, language, visual, always in this order |
# | $m$ | | any of them |
# | $\mathbf{x}_m$ | `d`, 50 | what is known about an utterance in modality $m$: 50 numbers |
# | $\mathbf{x}_m^e$ | `k`, 50 | the same utterance in the common space, the *joint embedding space* |
# | $\alpha$ | 1 | a weight: how much something counts |
# | $\mathbf{U}$, $\mathbf{B}$, $\mathbf{T}$ | `k`, 50 | what the modalities say alone, in pairs, in triples |
# | $\mathbf{M}$ | `N`, 2 | the decision: a probability for each class |
#
# In the code, `B` utterances are done at once, as one *batch*. Arrays have the three modalities in front: `x` is
# `(3, B, d)`, and `x[1]` is language.

# %%
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np import figures, nn
from argf_np.paper import graph_fusion_eq10_16 as gfn
from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np.data import load, standardise
from argf_np.paper.model import forward, init_model
from argf_np.settings import Settings
from argf_np.paper.protocols import train
from exercises import check

plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks
NAMES = figures.MODALITY_NAMES

# %% [markdown]
# ## 1. What goes in
#
# The corpus is CMU-MOSI: 93 video reviews, cut into 2199 utterances, each labelled as positive or negative. `load`
# takes the real one where you have it, and else a synthetic one of the same shape (notebook 03).

# %%
corpus = load("mosi")
print(f"{corpus.source} corpus: {len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")
for m, features in corpus.features.items():
    print(f"{NAMES[m]:9} {features.shape[1]:4} numbers for each utterance")
for i in corpus.utterances("train")[:3]:
    print(textwrap.shorten(f"{corpus.classes[corpus.labels[i]]}: {corpus.words[i]}", 100))

# %% [markdown]
# The numbers were measured by others: the words by a network that has read much text, the voice by an audio program,
# the face by a network for video. The paper begins where these end. First all modalities are brought to $d = 50$
# numbers. Here we do it the quick way, with the 50 directions in which the training utterances differ most. (The
# paper has another network for this, the UCLN, which also looks at the utterances before and after. It is for
# notebook 04.)

# %%
corpus = standardise(corpus)  # each column with mean 0 and standard deviation 1
rows = {split: corpus.utterances(split) for split in corpus.split}  # train, validation, test


def principal_directions(features, d=50):
    """The features along the d directions of the largest variance, scaled to standard deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


x = np.stack([principal_directions(corpus.features[m]) for m in "alv"])  # (3, n, d)
y = np.eye(len(corpus.classes))[corpus.labels]  # (n, N): 1 in the column of its class, else 0
d, N = x.shape[-1], y.shape[-1]
print("x:", x.shape, "  y:", y.shape)

# %% [markdown]
# ## 2. The network (Figure 1)
#
# `init_model` makes all parameters of the network, as random numbers to begin with. They come in groups, and these are
# the boxes of the paper's Figure 1. The picture is drawn from them: each box says which widths its layers have, and how
# many parameters that makes.

# %%
k = 50
fresh = init_model(np.random.default_rng(0), d, k, N)


def widths(group):
    """The widths of the layers of a network, from its parameters: "50 → 64 → 16 → 1"."""
    W = [array for path, array in nn.leaves(group) if path[-1] == "W"]
    return " → ".join(str(n) for n in (W[0].shape[-2], *(array.shape[-1] for array in W)))


def box(ax, place, size, title, text, colour):
    """A box around a place, with a title and small text."""
    ax.add_patch(plt.Rectangle(np.subtract(place, np.divide(size, 2)), *size, facecolor=colour, alpha=0.22))
    ax.add_patch(plt.Rectangle(np.subtract(place, np.divide(size, 2)), *size, fill=False, edgecolor=colour, lw=1.5))
    ax.text(place[0], place[1] + 0.13, title, ha="center", va="center", fontsize=10)
    ax.text(place[0], place[1] - 0.2, text, ha="center", va="center", fontsize=7.5, color="0.25")


def arrow(ax, start, end, colour="0.45"):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.4})


fig, ax = plt.subplots(figsize=(10.4, 5.6), layout="constrained")
for left, right, name in ((-0.6, 7.35, "stage 1: one space for all modalities"),
                          (7.5, 13.6, "stage 2: graph fusion")):
    ax.add_patch(plt.Rectangle((left, -1.75), right - left, 6.9, color="0.96", zorder=0))
    ax.text((left + right) / 2, 5.3, name, ha="center", style="italic")

grey, height = "0.4", {"a": 2.8, "l": 1.7, "v": 0.6}
ax.add_patch(plt.Rectangle((4.75, 0.1), 0.9, 3.2, facecolor="white", edgecolor=grey, lw=1.5))
ax.text(5.2, 3.55, "joint space", ha="center", fontsize=8.5, color="0.25")
for m, row in height.items():
    ax.text(0.05, row, f"$\\mathbf{{x}}_{m}$", ha="center", va="center", fontsize=13, color=COLOURS[m])
    ax.text(0.05, row - 0.33, f"{NAMES[m]}, {d}", ha="center", va="center", fontsize=7.5, color="0.25")
    box(ax, (2.65, row), (3, 0.85), f"encoder $E_{m}$",
        f"{widths(fresh['encoders'])}: {nn.count(fresh['encoders']) // 3:,}", COLOURS[m])
    arrow(ax, (0.5, row), (1.1, row), COLOURS[m])
    arrow(ax, (4.2, row), (4.75, row), COLOURS[m])
    ax.text(5.2, row, f"$\\mathbf{{x}}_{m}^e$", ha="center", va="center", fontsize=13, color=COLOURS[m])
    arrow(ax, (5.65, row), (8.0, row), COLOURS[m])

box(ax, (2.65, 4.45), (3.4, 0.95), "3 decoders: back to $\\mathbf{x}_m$?",
    f"{widths(fresh['decoders'])}: 3 × {nn.count(fresh['decoders']) // 3:,}", grey)
box(ax, (2.0, -1.05), (3.5, 0.95), "discriminator $D$: is it $l$?",
    f"{widths(fresh['discriminator'])}: {nn.count(fresh['discriminator']):,}", grey)
box(ax, (5.6, -1.05), (3.0, 0.95), "classifier $C$: which class?",
    f"{widths(fresh['classifier'])}: {nn.count(fresh['classifier']):,}", grey)
arrow(ax, (5.2, 3.8), (4.4, 4.3))
arrow(ax, (4.8, 0.1), (3.0, -0.55))
arrow(ax, (5.3, 0.1), (5.6, -0.55))
ax.text(4.6, 4.65, "$\\mathcal{L}_{rl}$", fontsize=10)
ax.text(-0.4, -0.4, "$\\mathcal{L}_{fal}$, $\\mathcal{L}_{tal}$", fontsize=10)
ax.text(6.7, -0.45, "$\\mathcal{L}_{cl}$", fontsize=10)

layers = {"U": (vertices.UNIMODAL, 8.2), "B": (vertices.BIMODAL, 9.35), "T": (vertices.TRIMODAL, 10.5)}
places = {}
for vertices, column in layers.values():
    for vertex, row in zip(vertices, np.linspace(2.8, 0.6, len(vertices)), strict=True):
        places[vertex] = column, row
for vertex, sources in (vertices.BIMODAL | vertices.TRIMODAL).items():
    for source in sources:
        ax.plot(*zip(places[source], places[vertex], strict=True), color=figures.vertex_colour(source), lw=0.9,
                zorder=1)
ax.scatter(*zip(*places.values(), strict=True), s=110, zorder=2, edgecolor="white",
           color=[figures.vertex_colour(vertex) for vertex in places])
parts = fresh["gfn"]
for (name, (vertices, column)), part in zip(layers.items(), ("MAN", "MLP_2", "MLP_3"), strict=True):
    ax.text(column, 3.2, f"{len(vertices)} vertices", ha="center", fontsize=7.5, color="0.25")
    arrow(ax, (column, 3.4), (column, 3.85))
    ax.text(column, 4.1, rf"$\mathbf{{{name}}}$", ha="center", va="center", fontsize=13)
    ax.text(column + 0.575, 4.1, "=" if name == "T" else r"$\oplus$", ha="center", va="center", fontsize=11)
    ax.text(column, 0.15, f"{part.replace('_', ' ')}\n{widths(parts[part])}\n{nn.count(parts[part]):,}", ha="center",
            va="top", fontsize=7, color="0.25")
ax.text(11.65, 4.1, r"$\mathbf{\Omega}$", fontsize=13, va="center", ha="center")
arrow(ax, (11.85, 3.85), (12.25, 2.95))
box(ax, (12.3, 2.4), (2.35, 0.95), "decision $Dec$", f"{widths(parts['Dec'])}: {nn.count(parts['Dec']):,}", grey)
arrow(ax, (12.3, 1.9), (12.3, 1.25))
ax.text(12.3, 0.95, r"$\mathbf{M}$", fontsize=14, ha="center", va="center")
ax.text(12.3, 0.55, "positive or negative", fontsize=7.5, color="0.25", ha="center", va="center")
ax.set(xlim=(-0.7, 13.7), ylim=(-1.8, 5.6))
ax.axis("off")
plt.show()

# %% [markdown]
# | part | what it is for | equations | notebook |
# |---|---|---|---|
# | encoders $E_a, E_l, E_v$ | translate each modality into the joint space | 1 | 05 |
# | decoders | try to get $\mathbf{x}_m$ back, so that the translation loses nothing | 5, 6 | 05 |
# | classifier $C$ | guesses the class from one modality, so that vectors of a class lie together | 7, 8 | 05 |
# | discriminator $D$ | tries to tell language from the others; $E_a$ and $E_v$ try to fool it | 2, 3, 4 | 06 |
# | $MAN$, two $MLP$s | the graph: 3 vertices for single modalities, 3 for pairs, 6 for triples | 10 to 15 | 08, 09 |
# | decision $Dec$ | the class, from $\mathbf{\Omega}$: what layers 1, 2 and 3 have to say, side by side | 16 | 09 |
#
# At the boxes stand the *losses*: numbers that are large where a part is bad at its job. Training makes them small.
# Decoders, discriminator and classifier are only there to educate the encoders. For a decision they are not needed.

# %%
total = nn.count(fresh)
for name, group in fresh.items():
    print(f"{name:14} {nn.count(group):9,}  {nn.count(group) / total:6.1%}")
print(f"{'all':14} {total:9,}")

# %% [markdown]
# The graph, of which the paper is proud, is small. Four of five parameters are in the encoders. (The paper's Table 4
# says 1,270,770. Notebook 10 finds out where the difference comes from.)
#
# ## 3. Training
#
# `fit` goes over the training utterances a few times, in batches of 16. For each batch every part gets its loss, and
# its parameters are moved a little downhill (notebooks 01, 02 and 07). Utterances for validation and test are not
# trained on.

# %%
settings = Settings(epochs=4, k=k)  # the other settings are the paper's, or its authors'
fitted = fit(x, y, rows, settings)
axes = figures.training_curves(fitted["history"], title=f"{corpus.source} corpus")
display(axes["fusion"].figure)

# %% [markdown]
# Now the exam, on the test utterances. `forward` runs the whole network and gives *every* intermediate by its name.
# For comparison: what one gets by always naming the same class, and what the classifier $C$ says for each modality
# alone.

# %%
test = rows["test"]
params = fitted["params"]
out = forward(params, x[:, test].astype("float32"))
truth = corpus.labels[test]

scores = {f"always {name!r}": np.mean(truth == c) for c, name in enumerate(corpus.classes)}
for m, y_tilde in zip("alv", out["y_tilde"], strict=True):
    scores[f"{NAMES[m]} alone"] = np.mean(y_tilde.argmax(axis=1) == truth)
scores["all three, M"] = np.mean(out["M"].argmax(axis=1) == truth)
for name, score in scores.items():
    print(f"{name:18} {score:.1%} right")
assert scores["all three, M"] > max(np.mean(truth == c) for c in range(N))

# %% [markdown]
# One run says little: another seed gives other numbers. How much of a difference is real is the question of notebook
# 10.
#
# And has stage 1 reached its aim? Then the discriminator could no longer tell the three modalities apart, and would
# be as sure of $l$ whichever it is shown. Ask it:

# %%
for m, D in zip("alv", out["D"][..., 0], strict=True):
    print(f"shown {NAMES[m]:8} it says {D.mean():.2f} for 'this is language', on average")

# %% [markdown]
# If these numbers lie far apart, and the discriminator's training curve far below its dotted line, then the
# translation is far from perfect. Notebook 06 finds out why, and what it takes to narrow the gap.
#
# ## 4. From words to a decision
#
# We follow a single utterance of the test set. Let us take the one where the fusion has helped most: of all, the one
# for which the decision gives the right class the most *more* than language alone does.

# %%
right_by_fusion = out["M"][np.arange(len(test)), truth]
right_by_language = out["y_tilde"][1, np.arange(len(test)), truth]
i = int(np.argmax(right_by_fusion - right_by_language))
print(textwrap.fill(f'"{corpus.words[test[i]]}"', 90))
print(f"true class: {corpus.classes[truth[i]]}")
print(f"language alone gives it {right_by_language[i]:.0%}, the decision {right_by_fusion[i]:.0%}")

# %% [markdown]
# This is everything that happens to it. Each line is one of the paper's equations, and a function of the package.

# %%
x_i = x[:, test[i]][:, None].astype("float32")  # (3, 1, d): a batch of one
p = params

x_e = embedding.encode(p["encoders"], x_i)  # (3, 1, k)                               Eq. 1
x_tilde = embedding.decode(p["decoders"], x_e)  # (3, 1, d)                           Eq. 5
y_tilde = embedding.classify(p["classifier"], x_e)  # (3, 1, N)                       Eq. 7
z = embedding.discriminate(p["discriminator"], x_e)  # (3, 1, 1)
D = 1 / (1 + np.exp(-z))  # D's belief that it sees language
alpha_m = gfn.modality_attention(p["gfn"]["MAN"], x_e)  # (3, 1, 1)                   Eq. 10
U = gfn.unimodal_dynamics(alpha_m, x_e)  # (1, k)                                     Eq. 10
V_tilde = nn.ops.softmax(x_e)
layer_2 = gfn.interaction(p["gfn"]["MLP_2"], x_e, V_tilde, alpha_m, gfn.BIMODAL_ROWS)  # Eq. 11 to 15
layer_3 = gfn.interaction(p["gfn"]["MLP_3"], np.concatenate([x_e, layer_2["V"]]),  #     Eq. 11 to 15
                          np.concatenate([V_tilde, nn.ops.softmax(layer_2["V"])]),
                          np.concatenate([alpha_m, layer_2["alpha"]]), gfn.TRIMODAL_ROWS)
Omega = np.concatenate([U, layer_2["sum"], layer_3["sum"]], axis=-1)  # (1, 3k)
M = gfn.decide(p["gfn"]["Dec"], Omega)  # (1, N)                                      Eq. 16

one = forward(params, x_i)  # the same in one go
ours = {"x_e": x_e, "x_tilde": x_tilde, "y_tilde": y_tilde, "z": z, "D": D, "alpha_m": alpha_m, "U": U,
        "B": layer_2["sum"], "T": layer_3["sum"], "Omega": Omega, "M": M,
        **{f"{name}_2": layer_2[name] for name in ("V", "S", "alpha_hat", "alpha")},
        **{f"{name}_3": layer_3[name] for name in ("V", "S", "alpha_hat", "alpha")}}
assert ours.keys() == one.keys()
for name in one:
    assert np.allclose(ours[name], one[name], atol=1e-6), name

# %% [markdown]
# Every intermediate has a name and a meaning. For those that are few numbers, here they are:

# %%
MEANING = {
    "x_e": "in the joint space (Eq. 1)", "x_tilde": "the decoders' way back (Eq. 5)",
    "y_tilde": "each modality's own guess (Eq. 7)", "z": "the discriminator's output", "D": "its belief that it is l",
    "alpha_m": "weights of a, l, v (Eq. 10)", "U": "their weighted mean (Eq. 10)",
    "V_2": "vertices al, vl, av (Eq. 11)", "S_2": "how alike the fused two are (Eq. 12)",
    "alpha_hat_2": "scores of the pairs (Eq. 13)", "alpha_2": "weights of the pairs (Eq. 14)",
    "B": "what the pairs say (Eq. 15)", "V_3": "the six trimodal vertices", "S_3": "how alike the fused two are",
    "alpha_hat_3": "their scores", "alpha_3": "their weights", "T": "what the triples say",
    "Omega": "U, B and T side by side", "M": "the decision (Eq. 16)",
}
assert MEANING.keys() == one.keys()
for name, meaning in MEANING.items():
    values = one[name][..., 0, :].ravel()  # without the axis of the batch
    numbers = " ".join(f"{value:.2f}" for value in values) if values.size <= 6 else f"{values.size} numbers"
    print(f"{name:12} {one[name].shape!s:12} {meaning:38} {numbers}")

# %% [markdown]
# And in a picture, from the top to the bottom. Every small field is a number. Look at the first two blocks: what goes
# in are large and small numbers of any kind, while in the joint space all lie between $-1$ and $1$.

# %%
blocks = {
    "input features": {f"$\\mathbf{{x}}_{m}$": x_i[r, 0] for r, m in enumerate("alv")},
    "joint embedding space": {f"$\\mathbf{{x}}_{m}^e$": one["x_e"][r, 0] for r, m in enumerate("alv")},
    "graph fusion": {f"$\\mathbf{{{name}}}$": one[name][0] for name in "UBT"},
}
fig, axes = plt.subplots(4, 1, figsize=(8, 5.8), layout="constrained", height_ratios=(3, 3, 3, 2.6))
for ax, (title, strips) in zip(axes, blocks.items(), strict=False):
    image = ax.imshow(np.stack([*strips.values()]), cmap="PuOr", vmin=-2 if "input" in title else -1,
                      vmax=2 if "input" in title else 1, aspect="auto")
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_yticks(range(3), strips)
    if title != "graph fusion":
        for label, m in zip(ax.get_yticklabels(), "alv", strict=True):
            label.set_color(COLOURS[m])
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = fig.colorbar(image, ax=ax, pad=0.01)
    bar.set_ticks([image.norm.vmin, 0, image.norm.vmax])
opinions = [*one["y_tilde"][:, 0, 1], one["M"][0, 1]]
axes[3].barh([f"{NAMES[m]} alone" for m in "alv"] + ["decision $\\mathbf{M}$"], opinions,
             color=[*COLOURS.values(), "black"])
axes[3].axvline(0.5, color="0.5", ls=":")
axes[3].invert_yaxis()
axes[3].set(xlim=(0, 1), xlabel=f"probability of {corpus.classes[1]!r} (in truth: {corpus.classes[truth[i]]!r})")
plt.show()

# %% [markdown]
# The graph, with the weights of this utterance: which vertices have counted, and how much (notebooks 08 and 09)?

# %%
ax = figures.graph(figures.stack_weights(one), title="this utterance")
display(ax.figure)

# %% [markdown]
# ## 5. What it is trained on
#
# The losses of this utterance, again each an equation of the paper and a function of the package. They are put together
# in Eq. 9, with $\lambda$ from the settings; but each part of the network only goes by those that are its business
# (notebook 07). The decision has a loss of its own.

# %%
y_i, language = y[test[i]][None], 1  # (1, N); the row of the target modality
L_fal = losses.fake_adversarial_loss(one["z"], language)  # E_a and E_v: have they been seen through?   Eq. 3
L_tal = losses.true_adversarial_loss(one["z"], language)  # D: has it been fooled?                      Eq. 4
L_rl = losses.reconstruction_loss(one["x_tilde"], x_i)  # decoders: how far from x_m?                   Eq. 6
L_cl = losses.classification_loss(one["y_tilde"], y_i)  # C: how far from the true class?               Eq. 8
L = losses.total_loss(L_fal, L_tal, L_rl, L_cl, settings.lambda_)  #                                    Eq. 9
L_M = losses.fusion_loss(one["M"], y_i)  # mean square error of the decision
for name, value in {"L_fal": L_fal, "L_tal": L_tal, "L_rl": L_rl, "L_cl": L_cl, "L": L, "loss of M": L_M}.items():
    print(f"{name:10} {value:.3f}")
assert np.isclose(L, settings.lambda_ * L_fal + (1 - settings.lambda_) * L_rl + 0.5 * L_tal + L_cl)

# %% [markdown]
# Let us end with modesty. These the network gets wrong, and is most sure of:

# %%
wrong = np.flatnonzero(out["M"].argmax(axis=1) != truth)
surest = wrong[np.argsort(right_by_fusion[wrong])[:4]]
for j in surest:
    print(f"{corpus.classes[truth[j]]} in truth, given {right_by_fusion[j]:.0%}:")
    print(textwrap.indent(textwrap.fill(corpus.words[test[j]], 90), "    "))

# %% [markdown]
# You have seen the whole paper. From here on, slowly: 01 and 02 are about what is under the hood, 03 about the data,
# 04 about context, 05 to 07 about stage 1, 08 and 09 about stage 2, 10 and 11 about whether it works, 12 about how it
# is made fast.
#
# ## Exercises
#
# An exercise is a function that you write. Replace the line with `raise` by your answer and run the cell. `check`
# tries it on fixed inputs, and if something is wrong it says what it looks like. Solutions are in
# `tutorials/solutions/00_the_whole_paper.py`.
#
# **0.1 How right is it?** Given the decisions $\mathbf{M}$ for $n$ utterances and the numbers of their true classes,
# what share of them is right?

# %%
def accuracy(M, labels):
    """M (n, N) probabilities of the classes, labels (n,) from 0 to N - 1. Returns one number, from 0 to 1."""
    raise NotImplementedError("exercise 0.1")


check("0.1", accuracy)

# %% [markdown]
# **0.2 How right is it to say always the same?** The class is chosen by the training utterances, and put to the test on
# the others.

# %%
def always_the_same(train_labels, test_labels, N):
    """Class numbers (n_train,) and (n_test,). Returns the share of the test utterances that are right."""
    raise NotImplementedError("exercise 0.2")


check("0.2", always_the_same)

# %% [markdown]
# **0.3 Count.** A dense layer from $p$ to $q$ numbers has $p \cdot q$ weights and $q$ shifts. In an encoder there are
# four of them, $d \to 10d \to 10k \to k \to k$, and after each of the first three a *batch norm*, with two parameters
# for each of its numbers (notebook 02). How many parameters does one encoder have? For $d = k = 50$ the drawing gives
# you the answer to compare with.

# %%
def encoder_parameters(d, k):
    raise NotImplementedError("exercise 0.3")


check("0.3", encoder_parameters)

# %% [markdown]
# **To go on.** Change the seed (`Settings(seed=1, ...)`) and run the notebook again. Which of its statements still
# hold? Is it the same utterance that fusion has helped most? Keep this in mind whenever a paper shows you a single
# example.

# %% [markdown]
# # 00 · The whole paper, once through
#
# *Needs: NumPy. Minutes: 16. Paper: all of it, from above.*
#
# Next: [01 · Gradients you can trust](01_gradients.ipynb). The minutes are those of reading this
# notebook, without the page; the exercises take another 30.
#
# **Read [ARGF on one page](argf_on_one_page.py) first.** It is the whole method in 250 lines of
# NumPy, in the order of the paper. You do not have to understand every line. Keep it open beside
# this notebook, which runs the same method and shows what each part does.
#
# Somebody looks into a camera and says what they think of a film. Is the review positive or
# negative? There are three sources: the words (*language*), the voice (*acoustic*) and the face
# (*visual*). Each is called a *modality*. Any of them can mislead, and the meaning of one may
# depend on another: "great", in a weary voice, with rolling eyes.
#
# **How can the three be combined?** The paper (Mai, Hu and Xing, AAAI 2020) calls its network ARGF.
# It works in two stages:
#
# 1. *One common space.* Voice, words and face are described by very different numbers. Three
#    networks map them into one space. There it should no longer be possible to tell which modality
#    a vector comes from.
# 2. *Fusion, step by step.* A graph joins the three vectors in pairs, then joins the pairs, and
#    gives each of these combinations a weight. From all of them comes the decision.
#
# In this notebook you see the network drawn, then trained, and then you follow one utterance from
# its features to the decision. Don't worry about the details yet: each part has a notebook of its
# own.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $a, l, v$ | | the modalities: acoustic, language, visual, always in this order |
# | $m$ | | any one of them |
# | $\mathbf{x}_m$ | `d`, 50 | what is known about an utterance in modality $m$ |
# | $\mathbf{x}_m^e$ | `k`, 50 | the same in the common space, the *joint embedding space* |
# | $\alpha$ | 1 | the weight of a modality, a pair, or one of six ways to fuse all three |
# | $\mathbf{U}$, $\mathbf{B}$, $\mathbf{T}$ | `k`, 50 | outputs of the graph's three layers |
# | $\mathbf{M}$ | `N`, 2 | the decision: a probability per class |
#
# Arrays have the three modalities in front. For $n$ utterances, `x` is `(3, n, d)`, and `x[1]` is
# language.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from argf_np import figures, nn
from argf_np.data import load, standardise
from argf_np.data.synthetic import draw_truth
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np.paper.model import forward, init_model
from argf_np.paper.protocols import train
from argf_np.paper.vertices import source_indices, stack_weights
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_00 as draw
from exercises import check

plt.rcParams.update(STYLE)
NAMES = figures.MODALITY_NAMES

# %% [markdown]
# ## 1. What goes in
#
# The paper's first corpus is CMU-MOSI: 93 video reviews, cut into 2199 *utterances* of about one
# sentence, each labelled as positive or negative. The notebooks use a *synthetic* corpus of the
# same shape. Everybody can reproduce it, and we know the truth about it, because we have put it in.

# %%
corpus = load("mosi", source="synthetic")
print(f"{len(corpus.ids)} utterances in {len(corpus.video_ids)} videos")
for m, features in corpus.features.items():
    print(f"{NAMES[m]:9} {features.shape[1]:4} features per utterance")

# The corpus's own seed is 0. signs (n, 3): what a, l and v say; 0: silent
_, signs, _ = draw_truth(np.random.default_rng(0))
print("  a  l  v   label      words")
for i in corpus.utterances("test")[:15]:
    said = "".join(f"{sign:3}" for sign in signs[i])
    print(f"{said}   {corpus.classes[corpus.labels[i]]:9}  {corpus.words[i]}")

# %% [markdown]
# The first columns are the truth, which the network does not see. In this corpus each modality says
# +1 (positive), −1 (negative) or 0 (silent). The label is the *product* of what is said. In most of
# these rows one modality speaks, and its sign is the label. In the second row the words say nothing
# about the film, but the voice sounds positive. Where nobody speaks, the label comes from
# elsewhere. In the ninth row it is the words of the utterance *before*, "it only gets better", that
# give it away. In the fourth row there is nothing of the kind. There the label only leans towards
# the speaker's general opinion: this one likes the film.
#
# In the last three rows several modalities speak. In the last row but one, words and face are both
# negative, and the label is positive: $(-1) \cdot (-1) = 1$. Think of irony. In the last row the
# words say +1 and the voice says −1, so the label is negative. (What follows "but" is about the
# *next* utterance.) To get such labels right, a network has to combine the modalities. Notebook
# [03](03_the_data.ipynb) has the whole recipe.
#
# ### Exercise 0.1 ★ (5 minutes): the rule
#
# Write the rule as a function. Where nobody speaks the answer should be 0. Replace the line with
# `raise` by your answer and run the cell. `check` tries it on fixed inputs and says what a mistake
# looks like.

# %%
def labels_of(signs):
    """signs (n, 3) of -1, 0 and 1. Returns the labels (n,): -1, 1, or 0 where all are silent."""
    raise NotImplementedError("exercise 0.1")


check("0.1", labels_of)

# %% [markdown]
# ### The features of the paper
#
# The paper does not work on the raw features. It first brings every modality to $d = 50$ numbers,
# with a network that also reads the utterances before and after, the UCLN (notebook
# [04](04_context.ipynb)). Here we take a shortcut: the 50 directions along which the training
# utterances differ most. (So do not compare the accuracies of this notebook with those of the page,
# which trains UCLNs and has other settings. Each is a single run, and says nothing of what context
# is worth. Notebook 04 measures that.)

# %%
corpus = standardise(corpus)  # each column gets mean 0 and standard deviation 1
rows = {split: corpus.utterances(split) for split in corpus.split}  # train, validation, test


def principal_directions(features, d=50):
    """The features along the d directions of the largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


x = np.stack([principal_directions(corpus.features[m]) for m in "alv"])  # (3, n, d)
y = np.eye(len(corpus.classes))[corpus.labels]  # (n, N): 1 in the column of the class, else 0
d, N = x.shape[-1], y.shape[-1]
print("x:", x.shape, "  y:", y.shape)

# %% [markdown]
# ## 2. The network (Figure 1)
#
# `init_model` draws all parameters of the network at random. They come in groups, which are the
# boxes of the paper's Figure 1. The picture below is drawn from these parameters. Read it from left
# to right: three encoders lead into the joint space, and from there the graph leads to the
# decision. The grey boxes of stage 1 only help to train the encoders. The $L$ with an index in a
# box is the *loss* that is computed with it: a number that training should make small (section 5).
# $\oplus$ puts vectors side by side.

# %%
k = 50
untrained = init_model(np.random.default_rng(0), d, k, N)
draw.network(untrained)
plt.show()

# %% [markdown]
# In the paper's own words:
#
# - **Encoders** $E_a, E_l, E_v$, Eq. 1, notebook [05](05_joint_embedding.ipynb): "we translate the
#   distributions of source modalities into that of target modality via their respective encoders".
# - **Decoders**, Eq. 5 and 6, notebook [05](05_joint_embedding.ipynb): one per modality "that seeks
#   to reconstruct the raw features to prevent unimodal information from being lost".
# - **Classifier** $C$, Eq. 7 and 8, notebook [05](05_joint_embedding.ipynb): it "ensures that the
#   embedding space is discriminative for learning task".
# - **Discriminator** $D$, Eq. 2 to 4, notebook [06](06_adversary.ipynb): it "aims to classify the
#   encoded representations from target modality as true but others as false".
# - **The graph**, $MAN$ (the *modality attention network*, which weighs $a$, $l$ and $v$) and two
#   $MLP$s (which fuse two vectors into one), Eq. 10 to 15, notebooks [08](08_graph_fusion_1.ipynb)
#   and [09](09_graph_fusion_2.ipynb): it is there "to model unimodal, bimodal and trimodal
#   interactions successively".
# - **Decision** $Dec$, Eq. 16, notebook [09](09_graph_fusion_2.ipynb): the class, from
#   $\mathbf{\Omega}$, which is $\mathbf{U}$, $\mathbf{B}$ and $\mathbf{T}$ side by side.
#
# The *target* modality is language. The other two are the *sources*: $E_a$ and $E_v$ try to fool
# the discriminator. The losses $L_{rl}$, $L_{tal}$ and $L_{cl}$ are large where the part in the box
# does badly. $L_{fal}$ belongs to $E_a$ and $E_v$: it is large where they fail to fool $D$.

# %%
total = nn.count(untrained)
for name, group in untrained.items():
    print(f"{name:14} {nn.count(group):9,}  {nn.count(group) / total:6.1%}")
print(f"{'all':14} {total:9,}")

# %% [markdown]
# The graph, the paper's showpiece, is tiny: less than 3 % of the parameters. Four out of five are
# in the encoders. (The paper's Table 4 says 1,270,770. Notebook [10](10_does_it_work.ipynb)
# explains the difference.)
#
# ## 3. Training
#
# `train` goes over the training utterances ten times, in batches of 16. For each batch, every part
# computes its loss, and its parameters move a small step downhill (notebooks
# [01](01_gradients.ipynb), [02](02_layers_and_optimisers.ipynb), [07](07_three_updates.ipynb)).
# After each pass, an *epoch*, the validation utterances are tried. The parameters of the epoch with
# the lowest validation loss are kept: that is what `protocol="validation"` means. The test
# utterances are not touched. (In the caption of the next picture, $D = 1/3$ is the answer of a
# discriminator that cannot distinguish the modalities, since one vector in three is language; $w$
# is a weight in Eq. 3 and 4, which is 1 here; and *overfitting* is to learn what holds for the
# training utterances alone.)

# %%
settings = Settings(epochs=10, k=k, protocol="validation")
fitted = train(x, y, rows, settings)
print(f"kept: epoch {fitted['epoch']}")
fooled = figures.fooled(3)  # the loss of a D that is fooled: the dotted line
assert max(row["discriminator"] for row in fitted["history"][2:]) < fooled / 4
axes = figures.training_curves(fitted["history"], title="synthetic corpus")
display(axes["fusion"].figure)

# %% [markdown]
# Two things to see. The loss of the decision falls to about half in training (top right). In
# validation it falls as well, until the epoch that is kept (bottom left). So something is learnt
# that holds for new utterances. And the discriminator's loss (second panel of the top row) stays
# far below its dotted line: the discriminator distinguishes the modalities without difficulty.
#
# **Predict before you run.** The most frequent class has 62 % of the test utterances. By design,
# language alone decides in about 48 % of the utterances, voice or face alone in 12 %, the product
# of two or three in 18 %, and in the remaining 22 % nobody speaks. How often is the classifier $C$
# right if it sees language alone? And the decision $\mathbf{M}$, which sees all three?
#
# ### Exercise 0.2 ★ (5 minutes): accuracy
#
# How is such an answer counted? Write it yourself; the next cells do it in one line. Given
# probabilities of the classes for $n$ utterances, and the true classes, for what share of the
# utterances is the prediction right?

# %%
def accuracy(M, labels):
    """M (n, N) probabilities of the classes, labels (n,) from 0 to N - 1. Returns one number."""
    raise NotImplementedError("exercise 0.2")


check("0.2", accuracy)

# %% [markdown]
# ### The test
#
# Now the test. `forward` runs the whole network and returns *every* intermediate under its name.

# %%
test = rows["test"]
truth = corpus.labels[test]
params = fitted["params"]
out = forward(params, x[:, test].astype("float32"))
# y_tilde (3, n, N): what the classifier C says of each modality alone, Eq. 7
right = {f"{NAMES[m]} alone": out["y_tilde"][i].argmax(axis=1) == truth
         for i, m in enumerate("alv")}
right["decision M"] = out["M"].argmax(axis=1) == truth

print(f"always {corpus.classes[1]!r}: {np.mean(truth == 1):.1%}")
for name, hits in right.items():
    print(f"{name}: {hits.mean():.1%} right")
assert right["decision M"].mean() > right["language alone"].mean() + 0.05

# %% [markdown]
# Together the three do far better than language alone. Where does the gain come from? We know who
# speaks in each utterance, so we can ask:

# %%
speaks = signs[test] != 0  # (n_test, 3)
# A rule that knows the signs, adds them up, and says "negative" where the sum is 0
right["adding up"] = (signs[test].sum(axis=1) > 0) == (truth == 1)


def print_row(who, these):
    shares = [right[name][these].mean() for name in ("language alone", "decision M", "adding up")]
    print(f"{who:10} {these.sum():12} {shares[0]:16.0%} {shares[1]:12.0%} {shares[2]:11.0%}")


print("who speaks   utterances   language alone   decision M   adding up")
for who in ("l", "a", "v", "al", "vl", "av", "alv", ""):
    wanted = [m in who for m in "alv"]
    print_row(who or "nobody", (speaks == wanted).all(axis=1))
print_row("two", speaks.sum(axis=1) == 2)
several = speaks.sum(axis=1) > 1
print_row("several", several)
only_language = (speaks == [False, True, False]).all(axis=1)
assert right["language alone"][only_language].mean() > 0.97
assert right["decision M"][several].mean() > 0.6
assert right["language alone"][several].mean() < 0.55
all_three = speaks.all(axis=1)
assert right["decision M"][all_three].mean() > right["adding up"][all_three].mean() + 0.2

# %% [markdown]
# Where only language speaks, language alone is right. This answers the prediction: 45 % of the test
# utterances all right, and a little less than half of the other 55 %, make 69 %. Where voice or
# face speaks in its place, the decision gains most. Where several modalities multiply (the last row
# counts them together), language alone is no better than a coin, and the decision is right in most
# cases. Where nobody speaks, a network that knows neither the words before nor the speaker's
# opinion can only guess.
#
# Has the fusion learnt to multiply? The last column is a rule that knows the signs and adds them
# up. With two speakers it is right in about three of four cases, without any product, and the
# decision is not better than that. Only where all three speak is the decision far ahead of adding
# up. So it has learnt something of products, but not much. Notebooks [08](08_graph_fusion_1.ipynb)
# and [09](09_graph_fusion_2.ipynb) are about what the graph could do.
#
# And why are voice and face alone, with about 50 %, worse than "always positive"? In training the
# classes are almost equally frequent. So where a network knows nothing, it has no reason to prefer
# "positive", and is right half of the time. (This is one run. Another seed gives other numbers;
# notebook [10](10_does_it_work.ipynb) asks how much of a difference is real.)
#
# **Has stage 1 reached its aim?** Then the discriminator could no longer distinguish the
# modalities. Its best answer would be "language with probability 1/3", whatever it is shown.
# *Predict before you run:* what does it say when it is shown language, and what for the other two?
# Think of its loss in the curves above.

# %%
for i, m in enumerate("alv"):
    print(f"shown {NAMES[m]:9} D says {out['D'][i].mean():.2f}, on average, for 'this is language'")
assert out["D"][1].mean() > 0.7
assert max(out["D"][0].mean(), out["D"][2].mean()) < 0.2

# %% [markdown]
# How far from the centre of all vectors does a modality lie where it speaks, and where it is
# silent? And which share of its silent vectors does $D$ take for language? Let this mean
# $D > 1/3$, more than the answer of a $D$ that knows nothing.

# %%
distances = np.linalg.norm(out["x_e"] - out["x_e"].mean(axis=(0, 1)), axis=-1)  # (3, n_test)
print("mean distance   speaks   silent   silent, D > 1/3")
for i, m in enumerate("alv"):
    speaking, silent = distances[i, speaks[:, i]].mean(), distances[i, ~speaks[:, i]].mean()
    as_language = np.mean(out["D"][i, ~speaks[:, i]] > 1 / 3)
    print(f"{NAMES[m]:13} {speaking:8.1f} {silent:8.1f} {as_language:17.1%}")
    assert speaking > 1.3 * silent
    assert as_language > 0.6 if m == "l" else as_language < 0.1
draw.joint_space(out["x_e"], signs[test])
plt.show()

# %% [markdown]
# Stage 1 has not reached its aim: the discriminator recognises most vectors. In the picture each
# mark is one modality of a test utterance in the joint space, seen along the two directions of the
# largest variance (the *principal components*). There is one panel per modality, with the two
# others in grey behind it. A modality that is silent (dots) lies near the centre. Where it speaks
# (+ and −), it lies further out, with its two signs on opposite sides. Each modality has a
# direction of its own. The three clouds overlap in the middle, but only in these two directions. In
# all 50, $D$ recognises most of the silent vectors too, as the printed numbers say. And yet the
# decision works. Notebook [06](06_adversary.ipynb) finds out why the adversary is so weak here, and
# notebook [10](10_does_it_work.ipynb) asks whether it matters.
#
# ## 4. From features to a decision
#
# We follow one utterance: the first of the test set in which exactly two modalities speak, language
# alone is wrong and the decision is right. (The table above says how often the decision is right on
# such utterances. It is not always: in the last row but one of section 1, the irony, it is wrong.)
# Our utterance is the last row of that table.

# %%
two_speak = speaks.sum(axis=1) == 2
candidates = two_speak & ~right["language alone"] & right["decision M"]
i = int(np.flatnonzero(candidates)[0])
label = truth[i]
assert i == 14  # the last row of the table in section 1
assert not right["decision M"][13]
print(f'"{corpus.words[test[i]]}": {corpus.classes[label]}')
print("what a, l and v say:", signs[test][i])
x_i = x[:, test[i]][:, None].astype("float32")  # (3, 1, d): a batch of one

# %% [markdown]
# **Stage 1.** Each line is one equation of the paper, and one function of the package.

# %%
p = params
x_e = embedding.encode(p["encoders"], x_i)  # Eq. 1, (3, 1, k)
x_tilde = embedding.decode(p["decoders"], x_e)  # Eq. 5, (3, 1, d)
y_tilde = embedding.classify(p["classifier"], x_e)  # Eq. 7, (3, 1, N)
z = embedding.discriminate(p["discriminator"], x_e)  # (3, 1, 1), before the sigmoid
D = 1 / (1 + np.exp(-z))
for number, m in enumerate("alv"):
    print(f"{NAMES[m]:9} alone: the right class has probability {y_tilde[number, 0, label]:.2f}; "
          f"D: 'this is language' has probability {D[number, 0, 0]:.2f}")

# %% [markdown]
# Only voice and words speak here. The face is silent, so its answer is a guess, however close to 0
# or 1 it is: a network can be sure of what it cannot know.
#
# **Stage 2.** `interaction` is one layer of the graph, Eq. 11 to 15 together: fuse two vertices at
# a time (11), compare them (12), give each new vertex a score (13) and a weight (14), add up (15).
# Layer 2 fuses the modalities. Layer 3 fuses modalities and pairs, by the same equations.

# %%
fusion = p["fusion"]
pairs_of_2, pairs_of_3 = source_indices(3)  # which two vertices each new vertex fuses

alpha_m = graph.modality_attention(fusion["MAN"], x_e)  # Eq. 10, (3, 1, 1)
U = graph.unimodal_dynamics(alpha_m, x_e)  # Eq. 10, (1, k)
V_tilde = nn.ops.softmax(x_e)  # for Eq. 12
two = graph.interaction(fusion["MLP_2"], x_e, V_tilde, alpha_m, pairs_of_2)

V = np.concatenate([x_e, two["V"]])  # (6, 1, k): a, l, v, al, vl, av
V_tilde = np.concatenate([V_tilde, nn.ops.softmax(two["V"])])
alpha = np.concatenate([alpha_m, two["alpha"]])
three = graph.interaction(fusion["MLP_3"], V, V_tilde, alpha, pairs_of_3)

Omega = np.concatenate([U, two["sum"], three["sum"]], axis=-1)  # (1, 3k)
M = graph.decide(fusion["Dec"], Omega)  # Eq. 16, (1, N)

one = forward(params, x_i)  # the same in one call
assert np.allclose(M, one["M"], atol=1e-6)
assert np.allclose(Omega, one["Omega"], atol=1e-6)
print(f"decision: the right class has probability {M[0, label]:.2f}")
assert y_tilde[1, 0, label] < 0.5 < M[0, label]

# %% [markdown]
# Language alone is wrong, and the decision is right. The most important numbers on the way:

# %%
MEANING = {
    "alpha_m": "Eq. 10: weights of a, l, v",
    "S_2": "Eq. 12: similarity of the fused two, for al, vl, av",
    "alpha_hat_2": "Eq. 13: their scores",
    "alpha_2": "Eq. 14: their weights",
    "alpha_3": "Eq. 14: of av+vl, av+al, vl+al, av+l, al+v, vl+a",
    "M": "Eq. 16: negative, positive",
}
for name, meaning in MEANING.items():
    numbers = " ".join(f"{value:.2f}" for value in one[name].ravel())
    print(f"{name:12} {meaning:52} {numbers}")
similarities = np.concatenate([out["S_2"].ravel(), out["S_3"].ravel()])
print(f"S of all test utterances: {similarities.min():.3f} to {similarities.max():.3f}")
assert abs(similarities - 1 / k).max() < 0.02

# %% [markdown]
# Look at $S$, the similarity of Eq. 12: it is near 0.02 for every pair of every utterance. Why? It
# is the inner product of two softmax vectors with $k = 50$ entries. The entries of $\mathbf{x}_m^e$
# and of the fused vectors lie between −1 and 1, so the largest entry of such a softmax is at most
# $e^2 \approx 7$ times the smallest, and on average an entry is $1/50$. The inner product adds up
# 50 products, and in the sum most of the differences cancel: it is about $50 \cdot (1/50)^2 =
# 0.02$. It varies from 0.014 to 0.028, but Eq. 13 divides by $S + 0.5$, and that only varies from
# 0.514 to 0.528: less than 3 %. At this size the similarity distinguishes almost nothing. Notebook
# [08](08_graph_fusion_1.ipynb) comes back to it.
#
# The same utterance as a picture, from top to bottom. A row is a vector, and a small square is one
# of its 50 numbers. Look at the joint space: all numbers lie between −1 and 1, the rows of the two
# modalities that speak are darkest, and that of the silent one is paler. The bars at the bottom
# compare the modalities alone with the decision. (Where no bar is to be seen, the probability of
# "positive" is near 0.)

# %%
draw.strips(x_i, one, corpus.classes, corpus.classes[label])
plt.show()
sizes = abs(x_e).mean(axis=(1, 2))  # (3,)
speaking = speaks[i]
assert sizes[speaking].min() > 1.5 * sizes[~speaking].max()

# %% [markdown]
# And the graph with the weights of this utterance. A larger circle has a larger weight. In layers
# 2 and 3 the weights of a layer sum to 1; those of $a$, $l$ and $v$ do not have to. In the paper,
# an edge has the weight $\alpha / (S + 0.5)$. Since $S$ is almost constant, this is about
# $2 \alpha$, and so the picture draws an edge as wide as the $\alpha$ that it starts from.

# %%
ax = figures.graph(stack_weights(one), title="our utterance")
display(ax.figure)

# %% [markdown]
# ## 5. What it is trained on
#
# These are the losses of the same utterance. Eq. 9 adds them up,
# $$L = [\lambda L_{fal} + (1 - \lambda) L_{rl}] + 0.5\, L_{tal} + L_{cl},$$
# but no part of the network descends this sum. Each part is trained only on the losses that concern
# it (notebook [07](07_three_updates.ipynb)). The decision has a loss of its own. $\lambda$, between
# 0 and 1, says how much the adversary counts against the decoders. ($L_{rl}$ and $L_{cl}$ are sums
# of Euclidean norms. In $L_{cl}$ a modality that is quite wrong gives $\sqrt 2$. The loss of
# $\mathbf{M}$ is a mean square: $(0.17^2 + 0.17^2) / 2 = 0.03$.)

# %%
y_i, target = y[test[i]][None], 1  # (1, N); language is row 1
L_fal = embedding.fake_adversarial_loss(z, target)  # Eq. 3: has D seen through E_a and E_v?
L_tal = embedding.true_adversarial_loss(z, target)  # Eq. 4: has D been fooled?
L_rl = embedding.reconstruction_loss(x_tilde, x_i)  # Eq. 6: how far is x_tilde from x?
L_cl = embedding.classification_loss(y_tilde, y_i)  # Eq. 8: how far is y_tilde from the class?
L_M = graph.fusion_loss(M, y_i)  # how far is M from the class?
lambda_ = settings.lambda_
L = embedding.total_loss(L_fal, L_tal, L_rl, L_cl, lambda_)  # Eq. 9

print(f"lambda {lambda_}")
print(f"lambda L_fal       {lambda_} * {L_fal:.3f} = {lambda_ * L_fal:.3f}")
print(f"(1 - lambda) L_rl  {1 - lambda_} * {L_rl:.3f} = {(1 - lambda_) * L_rl:.3f}")
print(f"0.5 L_tal          0.5 * {L_tal:.3f} = {0.5 * L_tal:.3f}")
print(f"L_cl               {L_cl:.3f}")
print(f"L                  {L:.3f}")
print(f"loss of M          {L_M:.3f}")
assert L_rl > 0.9 * np.linalg.norm(x_i, axis=-1).sum()
assert np.isclose(L, lambda_ * L_fal + (1 - lambda_) * L_rl + 0.5 * L_tal + L_cl)

# %% [markdown]
# Is $L_{rl}$ large? A decoder that always answers 0 would have a loss of 22.4 here, so the decoders
# restore very little of $\mathbf{x}$ so far. (Notebook [05](05_joint_embedding.ipynb) measures how
# much.)
#
# Compare the first two lines of the sum. With the authors' $\lambda = 0.001$, the term that should
# fool the discriminator is a tiny part of what the encoders are trained on. Keep this in mind for
# notebook [06](06_adversary.ipynb).
#
# You have seen the whole paper. From here on we go slowly. [01](01_gradients.ipynb) and
# [02](02_layers_and_optimisers.ipynb) are about how networks learn, [03](03_the_data.ipynb) about
# the data, [04](04_context.ipynb) about context, [05](05_joint_embedding.ipynb) to
# [07](07_three_updates.ipynb) about stage 1, [08](08_graph_fusion_1.ipynb) and
# [09](09_graph_fusion_2.ipynb) about stage 2, [10](10_does_it_work.ipynb) and
# [11](11_seeing_it.ipynb) about whether it works, [12](12_making_it_fast.ipynb) about speed, and
# [13](13_other_models.ipynb) about the models that the paper compares it with.
#
# ## One more exercise, and an experiment
#
# Solutions, and the numbers of the experiment, are in
# [solutions/00_the_whole_paper.py](solutions/00_the_whole_paper.py).
#
# ### Exercise 0.3 ★★ (10 minutes): count
#
# A dense layer from $p$ to $q$ numbers has $p \cdot q$ weights and $q$ biases. An encoder has four
# of them, $d \to 10d \to 10k \to k \to k$. After each of the first three comes a *batch norm*, with
# two parameters for each of its numbers (notebook [02](02_layers_and_optimisers.ipynb)). How many
# parameters does one encoder have? For $d = k = 50$ compare with the drawing.
# (`check` tries $d = 7$ and $k = 5$.)

# %%
def encoder_parameters(d, k):
    """Widths of the input and of the embedding. Returns a whole number."""
    raise NotImplementedError("exercise 0.3")


check("0.3", encoder_parameters)

# %% [markdown]
# ### An experiment ★★ (10 minutes)
#
# First predict, then try: train with `Settings(epochs=3, ...)` instead of 10, and print the table
# of section 3 again. How does the accuracy of the decision change where only language speaks, and
# how where several modalities do? What does this say about the order in which the network learns?
#
# ## What to take away
#
# - The three modalities together are right far more often than language alone. The gain comes from
#   utterances in which voice or face speaks in place of the words, and from those in which several
#   modalities have to be multiplied.
# - Four out of five parameters are in the encoders. The graph has less than 3 %.
# - The discriminator is hardly ever fooled, so stage 1 has not reached its aim here. The decision
#   works all the same.
# - The similarity $S$ of Eq. 12 is near $1/k$ for all pairs, and so it distinguishes almost
#   nothing.
# - All this is one run on a synthetic corpus. How much of it holds for other seeds, and for real
#   data, is the question of notebook [10](10_does_it_work.ipynb).
#
# Next: [01 · Gradients you can trust](01_gradients.ipynb)

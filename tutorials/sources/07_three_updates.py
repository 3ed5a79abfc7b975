# %% [markdown]
# # 07 · One batch, four updates
#
# *Needs: 02, 05, 06. Minutes: 20. Paper: "Joint Embedding Space Learning", Eq. 9.*
#
# (20 minutes are for reading. The exercises take about 40 more, the experiment 10.)
#
# Before: [06 · The adversary](06_adversary.ipynb).
# Next: [08 · Graph fusion I](08_graph_fusion_1.ipynb).
#
# By now there are four losses. The encoders are to fool the discriminator ($\mathcal{L}_{fal}$),
# the discriminator is not to be fooled ($\mathcal{L}_{tal}$), the decoders are to reconstruct the
# features ($\mathcal{L}_{rl}$), and the classifier is to predict the label ($\mathcal{L}_{cl}$).
# Equation 9 adds them up. One would think that training descends this sum. It does not, and it must
# not.
#
# So which loss trains which network, when, and does the order matter? The paper trains with three
# updates per batch, one per summand of Eq. 9. The code has a fourth one, which trains the graph
# fusion network.
#
# In this notebook you will
#
# - see what the discriminator and the encoders would do to each other if they descended the sum;
# - map which loss reaches which network, and which networks it is allowed to train;
# - cut the chain rule in two at $\mathbf{x}^e$, so that one pass through the encoders serves all
#   updates;
# - show that the order of the updates, which the paper is precise about, makes no difference, up to
#   weight decay, if all gradients are taken before the first step;
# - measure, over six seeds, whether it pays to run the encoders again before every update.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{x}_m^e$ | $k$ | encoded representation of modality $m$ (notebook 05) |
# | $D(\mathbf{x}_m^e)$ | 1 | how sure the discriminator is of the target (notebook 06) |
# | $z$ | 1 | its logit, $D = \mathrm{sigmoid}(z)$ |
# | $\mathcal{L}_{fal}$, $\mathcal{L}_{tal}$ | 1 | fake and true adversarial loss, Eq. 3 and 4 |
# | $\mathcal{L}_{rl}$, $\mathcal{L}_{cl}$ | 1 | reconstruction, classification loss, Eq. 6 and 8 |
# | $\lambda$ | 1 | weight between fooling and reconstructing, from 0 to 1 |
# | $\mathcal{L}$ | 1 | the total loss, Eq. 9 |
#
# The code works on a batch of `B` utterances at once: features `x` are `(3, B, d)`, encoded
# representations `x_e` `(3, B, k)`, one-hot labels `y` `(B, N)`. Every loss is a mean over the
# batch. Numbers such as [D6](../DEVIATIONS.md#d6) refer to the list of points where the paper
# leaves something open or the released code differs.

# %%
import itertools
from dataclasses import replace
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np

from argf_np import nn
from argf_np.data import load, standardise
from argf_np.nn import ops
from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np.paper import protocols, updates
from argf_np.paper.graph_fusion_eq10_16 import fusion_loss
from argf_np.paper.model import init_model
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_07 as draw
from exercises import check

nn.use("readable")  # textbook operations; the fast ones of notebook 12 give the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# We need a batch of 16 utterances, and an untrained network. The corpus is the synthetic one, which
# has the shape of CMU-MOSI ([notebook 03](03_the_data.ipynb)). To be quick we reduce the features
# to $d = 20$ numbers, their principal components, and take $k = 20$ too. (For MOSI the paper has $d
# = 50$.) Numbers are float64, since we are about to check gradients, and dropout and weight decay
# are off, except where sections 7 and 8 train whole networks.

# %%
corpus = standardise(load("mosi", source="synthetic"))
rows = {split: corpus.utterances(split) for split in corpus.split}


def principal_components(features, d=20):
    """The features along the d directions of the largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


x_all = np.stack([principal_components(corpus.features[m]) for m in "alv"])  # (3, n, 20)
y_all = np.eye(len(corpus.classes))[corpus.labels]  # (n, N), one-hot

settings = Settings(k=20, lambda_=0.05, drop_rate=0.0, weight_decay=0.0, dtype="float64")
target = 1  # l, in the order a, l, v
rng = np.random.default_rng(1)
batch = rng.choice(rows["train"], settings.batch_size, replace=False)
x, y = x_all[:, batch], y_all[batch]  # (3, B, d), (B, N)
B = len(y)
params = init_model(rng, x.shape[2], settings.k, y.shape[1], "float64")

print(f"{corpus.source} corpus; x {x.shape}, y {y.shape}")
for group, tree in params.items():
    print(f"{group:13} {nn.count(tree):9,} parameters")

# %% [markdown]
# The parameters come in five groups. Notebooks 05 and 06 have introduced the first four. `fusion`
# is the graph fusion network of notebooks 08 and 09, and for now a box that takes $\mathbf{x}^e$
# and predicts the label. We have set $\lambda$ to 0.05, the largest of the three values among which
# the authors' script for MOSI searches (0.001, 0.01, 0.05). Section 10 of [notebook
# 06](06_adversary.ipynb) has shown what comes of the smallest.
#
# ## 1. One number to watch (Eq. 9)
#
# $$\mathcal{L} = [\lambda \mathcal{L}_{fal} + (1 - \lambda) \cdot \mathcal{L}_{rl}] + 0.5\,
# \mathcal{L}_{tal} + \mathcal{L}_{cl} \tag{9}$$
#
# | part of the sum | trains | when |
# |---|---|---|
# | the brackets | encoders and decoders | "firstly" |
# | $0.5\, \mathcal{L}_{tal}$ | discriminator | "secondly" |
# | $\mathcal{L}_{cl}$ | encoders and classifier | "lastly" |
#
# First we compute the four losses of our batch from their formulas, one utterance at a time, and
# then the sum:

# %%
x_e = embedding.encode(params["encoders"], x)  # (3, B, k)
z = embedding.discriminate(params["discriminator"], x_e)  # (3, B, 1), D = sigmoid(z)
x_tilde = embedding.decode(params["decoders"], x_e)  # (3, B, d)
y_tilde = embedding.classify(params["classifier"], x_e)  # (3, B, N)

L_fal_loop = L_tal_loop = L_rl_loop = L_cl_loop = 0.0
for i in range(B):
    for m in range(3):
        D = 1 / (1 + np.exp(-z[m, i, 0]))
        if m == target:
            L_tal_loop -= np.log(D) / B
        else:
            L_fal_loop -= np.log(D) / B
            L_tal_loop -= np.log(1 - D) / B
        L_rl_loop += np.sqrt(sum((x_tilde[m, i] - x[m, i]) ** 2)) / B
        L_cl_loop += np.sqrt(sum((y_tilde[m, i] - y[i]) ** 2)) / B
lambda_ = settings.lambda_
L_loop = (lambda_ * L_fal_loop + (1 - lambda_) * L_rl_loop) + 0.5 * L_tal_loop + L_cl_loop

L_fal = embedding.fake_adversarial_loss(z, target)
L_tal = embedding.true_adversarial_loss(z, target)
L_rl = embedding.reconstruction_loss(x_tilde, x)
L_cl = embedding.classification_loss(y_tilde, y)
L = embedding.total_loss(L_fal, L_tal, L_rl, L_cl, lambda_)

by_loop = [L_fal_loop, L_tal_loop, L_rl_loop, L_cl_loop, L_loop]
assert np.allclose([L_fal, L_tal, L_rl, L_cl, L], by_loop, rtol=0, atol=1e-13)
print(f"L_fal {L_fal:.3f}   L_rl {L_rl:.3f}   L_tal {L_tal:.3f}   L_cl {L_cl:.3f}   L {L:.3f}")
print(f"D = 1/2 everywhere would give L_fal {2 * np.log(2):.3f} and L_tal {3 * np.log(2):.3f}")

# %% [markdown]
# The untrained discriminator is undecided, so both adversarial losses are near the values for
# $D = 1/2$.
#
# **The gradient.** Eq. 9 is a weighted sum, so its derivatives can be read off: $\lambda$, $0.5$,
# $1 - \lambda$ and 1 for the four losses, and $\partial \mathcal{L} / \partial \lambda =
# \mathcal{L}_{fal} - \mathcal{L}_{rl}$.

# %%
numbers = {"L_fal": L_fal, "L_tal": L_tal, "L_rl": L_rl, "L_cl": L_cl, "lambda_": lambda_}
numbers = {name: np.array(value) for name, value in numbers.items()}


def total_of(tree):
    return embedding.total_loss(**tree)


nn.check_gradient(total_of, numbers, rng)
_, gradient = nn.value_and_grad(total_of, numbers)
by_hand = {"L_fal": lambda_, "L_tal": 0.5, "L_rl": 1 - lambda_, "L_cl": 1, "lambda_": L_fal - L_rl}
for name, expected in by_hand.items():
    assert np.isclose(gradient[name], expected, rtol=0, atol=1e-14)
    print(f"dL / d{name:8} by hand {expected:7.3f}, autograd {gradient[name]:7.3f}")

# %% [markdown]
# **A picture: what does $\lambda$ weigh?** Both parts of the brackets reach the encoders as
# gradients with respect to $\mathbf{x}^e$. How long are these, for a source modality?
#
# **Predict before you run.** At $\lambda = 0.5$ the two losses have equal weights. Will they pull
# with equal force? And which share of the force will the adversary have at $\lambda = 0.001$?

# %%
def L_fal_of(tree):
    z = embedding.discriminate(params["discriminator"], tree["x_e"])
    return embedding.fake_adversarial_loss(z, target)


def L_rl_of(tree):
    return embedding.reconstruction_loss(embedding.decode(params["decoders"], tree["x_e"]), x)


_, fooling = nn.value_and_grad(L_fal_of, {"x_e": x_e})
_, rebuilding = nn.value_and_grad(L_rl_of, {"x_e": x_e})
fal = np.linalg.norm(fooling["x_e"][0])  # modality a
rl = np.linalg.norm(rebuilding["x_e"][0])

draw.what_lambda_weighs(fal, rl)
plt.show()
print(f"equal force at lambda = {rl / (fal + rl):.2f}")
for value in (0.001, 0.01, 0.05):
    share = value * fal / (value * fal + (1 - value) * rl)
    print(f"lambda = {value:5}: the adversary has {share:.2%} of the force")
assert fal < rl

# %% [markdown]
# In an untrained network the reconstruction pulls harder by itself, so the two forces are equal
# only at a large $\lambda$, the dot. At the values of the authors' search, the dotted lines, the
# adversary has next to no influence at this moment. Remember this when you read how much
# "adversarial training" is worth ([notebook 10](10_does_it_work.ipynb)).
#
# ## 2. Why no player descends the sum
#
# $\mathcal{L}$ is one number, and autograd gives its gradient with respect to all parameters at
# once. Why not take one step down that slope? Look at one source vector with logit $z$. By hand,
# with $\frac{d}{dz} \log \mathrm{sigmoid}(z) = 1 - D$:
#
# $$\frac{\partial \mathcal{L}_{fal}}{\partial z} = -(1 - D), \qquad
# \frac{\partial \mathcal{L}_{tal}}{\partial z} = D, \qquad
# \frac{\partial \mathcal{L}}{\partial z} = -\lambda (1 - D) + 0.5 D.$$
#
# Both players, the encoders and the discriminator, would then follow the third gradient. It is zero
# at $D = \lambda / (\lambda + 0.5)$. Above this value, the *encoders* would push $D$ down, and so
# help the discriminator to recognise them. Below it, the *discriminator* would push $D$ up, and so
# help the encoders to pass for the target. Both would come to rest at that value, wherever the
# vectors lie.

# %%
D = 1 / (1 + np.exp(-z))  # (3, B, 1)
sources = [0, 2]


def total(tree):
    L_fal = embedding.fake_adversarial_loss(tree["z"], target)
    L_tal = embedding.true_adversarial_loss(tree["z"], target)
    return embedding.total_loss(L_fal, L_tal, L_rl, L_cl, lambda_)


_, gradient = nn.value_and_grad(total, {"z": z})
of_sources = (-lambda_ * (1 - D[sources]) + 0.5 * D[sources]) / B
assert np.allclose(gradient["z"][sources], of_sources, rtol=0, atol=1e-14)
assert np.allclose(gradient["z"][target], -0.5 * (1 - D[target]) / B, rtol=0, atol=1e-14)

draw.forces_of_the_sum(lambda_)
plt.show()

# %% [markdown]
# The solid line is never below zero, the dotted one never above it: the two players want opposite
# things, and each of them always pushes the same way. The dashed sum would bring both to rest at
# the dot.
#
# So $\mathcal{L}$ is a number to watch. For training, each summand gets a list of the networks that
# it may change. The two players are never on the same list: while one moves, the other is held
# fixed.
#
# ### Exercise 7.1 ★★ (10 minutes): the force of the sum (Eq. 9)
#
# Replace the line with `raise` by your answer and run the cell. `check` compares your function with
# the package on fixed random inputs, and gives a hint if something is wrong. Solutions are in
# `tutorials/solutions/07_three_updates.py`.
#
# The text above has the gradient of $\mathcal{L}$ with respect to the logit of a *source* vector.
# Write it for a whole batch, sources and target. Remember that each loss is a mean over the batch.

# %%
def gradient_by_the_logits(z, target, lambda_):
    """z (3, B, 1) logits, target the index of the target modality. Returns dL/dz (3, B, 1)."""
    raise NotImplementedError("exercise 7.1")


check("7.1", gradient_by_the_logits)

# %% [markdown]
# ## 3. Which loss reaches which network, and which does it train?
#
# The package says it in a table, in the order of the updates:

# %%
for variant, table in updates.GROUPS.items():
    print(variant)
    for update, groups in table.items():
        print(f"    {update:14} trains {', '.join(groups)}")

# %% [markdown]
# `updates.LOSSES` holds the loss of each update: a function of the parameters, $\mathbf{x}^e$, the
# features, the labels, the settings, and the generator for dropout (`None` here, since dropout is
# off). Now we ask autograd for the gradient of each loss with respect to *all* parameters, and
# compare: which networks does a loss reach, and which does it train? Each row of the picture is a
# network, each column a loss, and the number is the length of the gradient. (The first two columns
# are without their weights. In training, the first is multiplied by $\lambda = 0.05$ and the second
# by $1 - \lambda$.) A blue cell with bold text: this loss trains this network. A grey cell: the
# gradient is there, but it is not used. An empty cell: the loss does not depend on this network.

# %%
def whole_loss(params, update, settings):
    """The loss of an update as a function of all parameters, without dropout."""
    x_e = embedding.encode(params["encoders"], x)
    return updates.LOSSES[update](params, x_e, x, y, settings, None)


def length(tree):
    """Euclidean norm of all numbers of a tree together."""
    return np.sqrt(sum((leaf ** 2).sum() for _, leaf in nn.leaves(tree)))


def lengths_by_network(gradient):
    """{network: length of its gradient}; encoders and decoders one by one."""
    found = {}
    for bank in ("encoders", "decoders"):
        for i, m in enumerate("alv"):
            squares = sum((leaf[i] ** 2).sum() for _, leaf in nn.leaves(gradient[bank]))
            found[f"{bank[:-1]} {m}"] = np.sqrt(squares)
    for group in ("discriminator", "classifier", "fusion"):
        found[group] = length(gradient[group])
    return found


COLUMNS = {  # heading: the update that the loss belongs to, settings that single it out
    r"$\mathcal{L}_{fal}$": ("embedding", replace(settings, lambda_=1.0)),
    r"$\mathcal{L}_{rl}$": ("embedding", replace(settings, lambda_=0.0)),
    r"$0.5\,\mathcal{L}_{tal}$": ("discriminator", settings),
    r"$\mathcal{L}_{cl}$": ("classifier", settings),
    "fusion": ("fusion", settings),
}


def gradient_of(update, chosen):
    _, gradient = nn.value_and_grad(lambda tree: whole_loss(tree, update, chosen), params)
    return gradient


def networks(groups):
    """The names of all networks of these groups, the encoders and decoders one by one."""
    found = []
    for group in groups:
        if group in ("encoders", "decoders"):
            found += [f"{group[:-1]} {m}" for m in "alv"]
        else:
            found.append(group)
    return found


reached, trained = [], []
for update, chosen in COLUMNS.values():
    reached.append(lengths_by_network(gradient_of(update, chosen)))
    trained.append(networks(updates.GROUPS["paper"][update]))
draw.who_trains_whom(list(COLUMNS), reached, trained)
plt.show()
of_fal, _, of_tal, _, _ = reached
assert of_fal["encoder l"] == 0 < of_fal["discriminator"]
assert min(of_tal["encoder a"], of_tal["encoder l"], of_tal["encoder v"]) > 0
assert "encoders" not in updates.GROUPS["released"]["fusion"]

# %% [markdown]
# Read it by columns.
#
# - $\mathcal{L}_{fal}$ reaches the encoders of the two sources. It also reaches the discriminator,
#   which it must not train: otherwise it would teach the discriminator to be fooled. It does not
#   reach the encoder of the target.
# - $\mathcal{L}_{tal}$ reaches all three encoders, but trains the discriminator alone.
# - The encoders are trained by three updates: to fool the discriminator and keep what the decoders
#   need, to separate the classes, and to serve the fusion.
# - In the paper's variant the fusion loss trains the encoders too: "The framework is trained end to
#   end." In the released code it trains the fusion alone ([D7](../DEVIATIONS.md#d7)), and its three
#   upper cells would be grey.
#
# ## 4. The chain rule, cut at $\mathbf{x}^e$
#
# That picture was more expensive to compute than it had to be. For each column, autograd has run
# through the encoders, forwards and backwards, and it has also computed the grey numbers, which no
# update uses. But all losses begin with the same step, $\mathbf{x} \to \mathbf{x}^e$, and only then
# part. For the parameters $\theta$ of the encoders the chain rule says
#
# $$\frac{\partial \mathcal{L}_u}{\partial \theta} = \sum_{m, i, j}
# \frac{\partial \mathcal{L}_u}{\partial x_{mij}^e} \cdot
# \frac{\partial x_{mij}^e}{\partial \theta} \qquad \text{for each update } u.$$
#
# Here $m$ counts the modalities, $i$ the utterances and $j$ the entries of a vector. The second
# factor is the same for all updates. So we cut there:

# %%
draw.cut_at_x_e()
plt.show()

# %% [markdown]
# Solid arrows are the forward pass. Dashed ones are the backward pass: first the gradient with
# respect to $\mathbf{x}^e$, then its product with $\partial \mathbf{x}^e / \partial \theta$.
#
# - *Once:* run the encoders, and keep the tape. `nn.vjp` returns $\mathbf{x}^e$ and a function
#   `pull`, which turns a gradient with respect to $\mathbf{x}^e$ into one with respect to $\theta$.
# - *For each update:* take the gradient of its loss with respect to $\mathbf{x}^e$, as if that were
#   a parameter, and with respect to the networks after the cut that this update trains. These tapes
#   are short.
# - *Then:* pull each gradient with respect to $\mathbf{x}^e$ back through the one tape.
#
# The update of the discriminator trains nothing before the cut, so no dashed arrow leaves it: it
# needs no gradient there, and pulls nothing back.

# %%
def run_encoders(encoders):
    return embedding.encode(encoders, x)


def gradient_after_cut(update, groups):
    """Gradient of an update's loss with respect to x^e and what it trains after the cut."""
    wanted = {group: params[group] for group in groups if group != "encoders"}
    if "encoders" in groups:
        wanted["x_e"] = x_e

    def loss(wanted):
        x_e_here = wanted.get("x_e", x_e)
        return updates.LOSSES[update](params | wanted, x_e_here, x, y, settings, None)

    _, gradient = nn.value_and_grad(loss, wanted)
    return gradient


x_e, pull = nn.vjp(run_encoders, params["encoders"])  # once
cut = {}
for update, groups in updates.GROUPS["paper"].items():  # for each update
    cut[update] = gradient_after_cut(update, groups)
for gradient in cut.values():  # then
    if "x_e" in gradient:
        gradient["encoders"] = pull(gradient["x_e"])
for update, gradient in cut.items():
    print(f"{update:14} has gradients of {', '.join(gradient)}")

# %% [markdown]
# This is what `updates.batch_gradients` does. Its gradients and ours must agree with the gradient
# of the uncut loss:

# %%
_, gradients = updates.batch_gradients(params, x, y, updates.GROUPS["paper"], settings, None)


def largest_difference(one, other):
    """Between two trees of the same shape, of any entry."""
    other = dict(nn.leaves(other))
    return max(np.abs(leaf - other[path]).max() for path, leaf in nn.leaves(one))


print("largest difference          package - cut   package - uncut")
for update, groups in updates.GROUPS["paper"].items():
    uncut = gradient_of(update, settings)
    for group in groups:
        to_cut = largest_difference(gradients[update][group], cut[update][group])
        to_uncut = largest_difference(gradients[update][group], uncut[group])
        print(f"{update:13} {group:13} {to_cut:13.1e} {to_uncut:15.1e}")
        assert max(to_cut, to_uncut) < 1e-12

# %% [markdown]
# And one of the package's gradients against finite differences, on a small network to be quick. We
# check the weights `W` of four layers. (The biases before a batch norm have a gradient of zero,
# since batch norm subtracts any constant, and a check of zero against zero proves nothing.)

# %%
small = init_model(np.random.default_rng(3), 4, 3, 2, "float64")
small_x, small_y = rng.standard_normal((3, 6, 4)), np.eye(2)[[0, 1, 0, 1, 1, 0]]
only_classifier = {"classifier": ("encoders", "classifier")}
_, of_small = updates.batch_gradients(small, small_x, small_y, only_classifier, settings, None)
CHECKED = [("encoders", "dense_1"), ("encoders", "dense_4"), ("classifier", "dense_1"),
           ("classifier", "dense_2")]


def weights_of(tree):
    return {f"{group} {layer}": tree[group][layer]["W"] for group, layer in CHECKED}


def classifier_loss(weights):
    changed = {group: dict(tree) for group, tree in small.items()}
    for group, layer in CHECKED:
        changed[group][layer] = small[group][layer] | {"W": weights[f"{group} {layer}"]}
    x_e = embedding.encode(changed["encoders"], small_x)
    return updates.classifier_update_loss(changed, x_e, small_x, small_y, settings, None)


nn.check_gradient(classifier_loss, weights_of(small), rng,
                  gradient=weights_of(of_small["classifier"]), step=1e-5)
print("agree with finite differences:", ", ".join(weights_of(small)))

# %% [markdown]
# ### Exercise 7.2 ★★ (10 minutes): cut the chain rule
#
# Take an encoder of one layer, $\mathbf{x}^e = \tanh(\mathbf{x} W)$. Several losses have given you
# their gradients $G_u$ with respect to $\mathbf{x}^e$. Pull them back to $W$, in NumPy, with a
# single pass through the encoder. Hint: $\tanh' = 1 - \tanh^2$.

# %%
def pull_back(x, W, G):
    """x (B, d), W (d, k), G (n, B, k) of n losses. Returns the n gradients w.r.t. W, (n, d, k)."""
    raise NotImplementedError("exercise 7.2")


check("7.2", pull_back)

# %% [markdown]
# ### Could we pull back once, for all three updates together?
#
# `pull` is linear, so pulling back a sum gives the sum. But Adam is not linear. It divides each
# gradient by its own running size ([notebook 02](02_layers_and_optimisers.ipynb)), and each update
# has its own optimiser. Three steps of Adam with three gradients are not one step with their sum:

# %%
training_encoders = ["embedding", "classifier", "fusion"]
together = pull(sum(cut[update]["x_e"] for update in training_encoders))


def after_steps(steps):
    """The encoders after one step of a fresh Adam for each of these gradients."""
    encoders = nn.map_leaves(np.copy, params["encoders"])
    for gradient in steps:
        nn.adam(nn.init_adam(encoders), encoders, gradient, settings.lr, updates.BETAS)
    return encoders


separate = [gradients[update]["encoders"] for update in training_encoders]
for name, steps in {"one step, with the sum": [together], "three steps": separate}.items():
    distance = largest_difference(after_steps(steps), params["encoders"]) / settings.lr
    print(f"{name}: a parameter changes by up to {distance:.3f} times the learning rate")

# %% [markdown]
# The very first step of Adam changes every parameter by the learning rate, up or down, however
# large its gradient is (unless it is practically zero). So three updates go up to three times as
# far as one.
#
# ## 5. One batch
#
# Now the whole batch fits into a few lines. The paper leaves one choice open: which activations do
# the later updates see? (In the code below, the list `stages` holds the answer.) Either all
# gradients are taken at the *first* activations, those with which the batch began. Then the later
# updates work with activations that are *stale*: they belong to parameters that an earlier update
# has changed meanwhile. Or each update runs the encoders again, and its activations are *fresh*.
# The released code takes the first ones ([D6](../DEVIATIONS.md#d6)), and so does the package,
# unless one asks for `activations="fresh"`.

# %%
def one_batch(params, optimisers, table, settings):
    """The updates of a batch, in the order of the table, in place on params and optimisers."""
    stages = [table]
    if settings.activations == "fresh":
        stages = [{update: groups} for update, groups in table.items()]
    for stage in stages:
        _, gradients = updates.batch_gradients(params, x, y, stage, settings, None)
        for update, groups in stage.items():
            for group in groups:
                nn.adam(optimisers[update][group], params[group], gradients[update][group],
                        settings.lr, updates.BETAS)


def after_one_batch(table, settings):
    """All parameters after one batch from our start."""
    changed = nn.map_leaves(np.copy, params)
    one_batch(changed, updates.init_optimisers(changed, settings), table, settings)
    return changed


for activations in ("first", "fresh"):
    chosen = replace(settings, activations=activations)
    package = nn.map_leaves(np.copy, params)
    with mock.patch.object(updates, "embed", wraps=updates.embed) as counted:
        updates.train_batch(package, updates.init_optimisers(package, chosen), x, y, chosen, None)
    ours = after_one_batch(updates.GROUPS["paper"], chosen)
    assert largest_difference(package, ours) == 0
    print(f"{activations}: the encoders run {counted.call_count} time(s) per batch")

# %% [markdown]
# `mock.patch.object` replaces the package's `embed` by one that counts its calls. Our few lines and
# the package's `train_batch` agree to the last bit.
#
# ## 6. Does the order matter?
#
# The paper gives an order: embedding, discriminator, classifier. The released code has another one:
# embedding, classifier, discriminator. We try all 24 orders of the four updates, each from the same
# start, and measure how far apart they take the parameters.
#
# **Predict before you run.** For first activations, will the largest difference be about the
# learning rate (0.001), a few per cent of it, or zero? And for fresh ones?

# %%
def spread_of_orders(settings):
    """Largest difference between any of the 24 orders and the paper's, after one batch."""
    paper = updates.GROUPS["paper"]
    expected = after_one_batch(paper, settings)
    largest = 0.0
    for order in itertools.permutations(paper):
        table = {update: paper[update] for update in order}
        largest = max(largest, largest_difference(after_one_batch(table, settings), expected))
    return largest


nn.use("fast")  # the same values, sooner
apart = {}
for activations in ("first", "fresh"):
    apart[activations] = spread_of_orders(replace(settings, activations=activations))
    print(f"{activations}: largest difference of a parameter {apart[activations]:.1e}")
nn.use("readable")
assert apart["first"] < 1e-14 < 1e-4 < apart["fresh"]

# %% [markdown]
# With first activations *the order makes no difference*, except for rounding. No gradient sees a
# step of the same batch, each update has its own Adam, and the steps add up in any order. Paper and
# released code disagree about the order. In the package this does not matter, in either variant,
# because it takes all gradients before it takes a step. (The authors' script takes a step after
# each backward pass. Its later backward passes then combine the activations of the first forward
# pass with weights that have changed meanwhile. That is the gradient of no function. The PyTorch of
# that time let this pass, a current one refuses it. We do not imitate it:
# [D23](../DEVIATIONS.md#d23).)
#
# Weight decay is switched off here. It acts on the parameters as they are when its turn comes,
# which brings in a tiny dependence on the order.
#
# With fresh activations the order is a real choice: a parameter may differ by several times the
# learning rate.
#
# **Can stale activations do harm?** There is a known small example in which they do. One player
# chooses a number $\theta$ (no longer the parameters of section 4) to make the product $\theta
# \varphi$ small, the other chooses $\varphi$ to make it large. Only at (0, 0) has neither of them
# anything to gain, so both should end up there. These are the steps of gradient descent and ascent,
# with learning rate $\eta$ (`lr` in the code):
#
# $$\text{first:} \quad \theta' = \theta - \eta \varphi, \quad \varphi' = \varphi + \eta \theta
# \qquad\qquad \text{fresh:} \quad \theta' = \theta - \eta \varphi, \quad
# \varphi' = \varphi + \eta \theta'$$
#
# By hand, for the first: $\theta'^2 + \varphi'^2 = (1 + \eta^2)(\theta^2 + \varphi^2)$, so the
# players spiral outwards, for ever. For the second, $\theta'^2 - \eta\, \theta' \varphi' +
# \varphi'^2$ has the same value after each step, so the players go round on an ellipse.

# %%
def play(steps, lr, fresh):
    """The path of two players from (1, 0), (steps + 1, 2)."""
    theta, phi = 1.0, 0.0
    path = [(theta, phi)]
    for _ in range(steps):
        seen = theta
        theta = theta - lr * phi
        phi = phi + lr * (theta if fresh else seen)
        path.append((theta, phi))
    return np.array(path)


lr = 0.15
paths = {"first": play(120, lr, fresh=False), "fresh": play(120, lr, fresh=True)}
squares = (paths["first"] ** 2).sum(axis=1)
assert np.allclose(squares[1:] / squares[:-1], 1 + lr ** 2)
theta, phi = paths["fresh"].T
assert np.allclose(theta ** 2 - lr * theta * phi + phi ** 2, 1)

draw.two_players(paths)
plt.show()

# %% [markdown]
# Left: with first activations the players move away from the cross, where both should end. Right:
# with fresh ones they circle around it. Neither of the two arrives.
#
# ### Exercise 7.3 ★★ (10 minutes): first or fresh
#
# Write this game with vectors: $\theta$ makes $\theta^T A \varphi$ small, $\varphi$ makes it large,
# by plain gradient steps, $\theta$ first.

# %%
def game(theta, phi, A, lr, steps, fresh):
    """theta (p,), phi (q,), A (p, q). Returns theta and phi at the end, in one array (p + q,)."""
    raise NotImplementedError("exercise 7.3")


check("7.3", game)

# %% [markdown]
# ## 7. First or fresh, measured
#
# What do stale activations do to ARGF itself? We train with first and with fresh ones, six seeds
# each, three epochs. With the same seed the two start from the same parameters, so we can compare
# them in pairs: for each loss we take the six differences, their mean, and the 95 % interval of
# Student's t (for six values: 2.57 standard errors to either side).

# %%
seeds = range(6)
trained_with = Settings(k=20, lambda_=0.05, epochs=3)  # the other settings are those for MOSI
SHOWN = {"embedding": "embedding", "discriminator": "discriminator", "classifier": "classifier",
         "fusion": "fusion", "validation_fusion": "fusion, validation"}


def train(activations):
    """The last losses (6 seeds, 5), in the order of SHOWN."""
    losses = []
    for seed in seeds:
        chosen = replace(trained_with, seed=seed, activations=activations)
        history = protocols.train(x_all, y_all, rows, chosen)["history"]
        losses.append([history[-1][name] for name in SHOWN])
    return np.array(losses)


def interval(differences):
    """Mean and half width of the 95 % interval, of six differences per column."""
    error = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    return differences.mean(axis=0), 2.57 * error


nn.use("fast")
first = train("first")

# %%
fresh = train("fresh")
nn.use("readable")

print("last epoch, mean of 6 seeds    first    fresh    fresh - first, 95 % interval")
mean, half = interval(fresh - first)
for j, title in enumerate(SHOWN.values()):
    print(f"{title:27} {first[:, j].mean():8.4f} {fresh[:, j].mean():8.4f}    "
          f"{mean[j]:+.4f} ± {half[j]:.4f}")

# %%
def show_differences(differences, title):
    """Draw the differences (6 seeds, 5 losses) in per cent of the mean of `first`."""
    percent = 100 * differences / first.mean(axis=0)
    mean, half = interval(percent)
    draw.differences(percent, mean, half, list(SHOWN.values()), title)
    plt.show()


show_differences(fresh - first, "fresh minus first")
assert (np.abs(mean) < 2 * half)[-2:].all()  # with the margin that another rounding needs
assert (np.abs(mean) < 0.1 * first.mean(axis=0)).all()

# %% [markdown]
# The rows carry the names of the updates. `embedding` is the bracket of Eq. 9, `discriminator` is
# $0.5\, \mathcal{L}_{tal}$, `classifier` is $\mathcal{L}_{cl}$. What matters most are the two
# lowest rows, the loss of the decision. Their intervals contain zero: six seeds and three epochs
# show no difference between stale and fresh activations, neither on the training utterances nor on
# those of the validation. But the intervals are several per cent wide to either side, so a small
# difference may well exist. For the discriminator and the classifier the means are a little lower
# with fresh activations, but their intervals, too, just reach beyond zero. The damage of the toy
# game is not seen here. But three epochs are few. The embedding loss of 12.5 is about what decoders
# that always answer 0 would have. (A vector of 20 numbers of deviation 1 has a length of at most
# $\sqrt{20} \approx 4.5$ on average, and three such lengths times $1 - \lambda = 0.95$ are 12.7.)
# So this says little about a long training.
#
# You might have expected the validation loss to be higher than the training loss. It is lower:
# dropout is on while the training losses are taken, and they are averaged over the epoch. The
# validation has no dropout and comes at its end.
#
# The price of fresh activations is certain: the encoders are the largest part of the network, and
# they run four times per batch instead of once.
#
# **An experiment** ★★ (10 minutes, without a computer). How many seeds would you need until the
# half width of the last row is only 1 % of its loss, so that a difference of 1 % would just be
# seen? The table gives the half width of its interval for six seeds. It is $t$ standard errors, and
# a standard error falls with the root of the number of seeds. Take $t = 1.96$ instead of 2.57, as
# for many seeds. (The number is in the solutions.)

# %% [markdown]
# ## 8. The factors in front
#
# Three details of the losses look important. Which of them are?
#
# **The 0.5 before $\mathcal{L}_{tal}$** ([D8](../DEVIATIONS.md#d8)). In a sum that is descended as
# a whole, it would weigh one part against the others. But $0.5\, \mathcal{L}_{tal}$ is all that the
# discriminator ever descends, and Adam divides a gradient by its own size:

# %%
def discriminator_after(factor, steps=20):
    """The discriminator after some steps of Adam down a multiple of L_tal."""
    trained = nn.map_leaves(np.copy, params["discriminator"])
    state = nn.init_adam(trained)

    def loss(discriminator):
        z = embedding.discriminate(discriminator, x_e)
        return factor * embedding.true_adversarial_loss(z, target)

    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, trained)
        nn.adam(state, trained, gradient, settings.lr, updates.BETAS)
    return trained


half_factor, whole_factor = discriminator_after(0.5), discriminator_after(1.0)
change = largest_difference(half_factor, params["discriminator"])
difference = largest_difference(half_factor, whole_factor)
print(f"in 20 steps the parameters have changed by up to {change:.4f}")
print(f"with 0.5 and with 1 they differ by up to {difference:.1e}")
assert difference < 1e-3 * change

# %% [markdown]
# (0.031 is more than 20 times the learning rate. Where the gradient has grown since the first
# steps, Adam divides it by a smaller running size, and a step is longer than the learning rate.)
#
# So the 0.5 does next to nothing. It matters only to Adam's $\epsilon$ and to the weight decay,
# which do not scale with the gradient. In plain gradient descent it would halve the learning rate.
#
# **The weight $\lambda$** is no such factor, since its two losses share one gradient before Adam
# sees it. But what it means depends on what it weighs. The released code takes absolute errors
# instead of the norm in $\mathcal{L}_{rl}$ ([D3](../DEVIATIONS.md#d3)), and adds them up over the
# batch ([D2](../DEVIATIONS.md#d2)). Its $\mathcal{L}_{fal}$ is a mean over the batch, as here. So
# the same $\lambda$ gives the adversary another share:

# %%
def force_of_L_rl(variant):
    """Length of the gradient of L_rl with respect to x^e of modality a."""
    def loss(tree):
        x_tilde = embedding.decode(params["decoders"], tree["x_e"])
        return embedding.reconstruction_loss(x_tilde, x, variant)

    _, gradient = nn.value_and_grad(loss, {"x_e": x_e})
    return np.linalg.norm(gradient["x_e"][0])


for variant in ("paper", "released"):
    pull_rl = (1 - lambda_) * force_of_L_rl(variant)
    pull_fal = lambda_ * fal
    print(f"{variant:8}  lambda = {lambda_:g}: the adversary has "
          f"{pull_fal / (pull_fal + pull_rl):.3%} of the force")

# %% [markdown]
# With the released losses the share is far smaller, and it also depends on the batch size: twice as
# many utterances leave the adversary about half of it. So a $\lambda$ cannot be carried over from
# one variant to the other.
#
# **The fusion loss** ([D7](../DEVIATIONS.md#d7)). The paper says mean square error; the released
# code computes a sum of absolute errors. For two classes, this is how hard the two losses push the
# logit of the right class, through the softmax (both scaled to a largest value of 1, as a constant
# factor hardly matters to Adam):

# %%
wrongness = np.linspace(0.01, 0.99, 99)  # 1 - probability of the right class
logits = np.log(np.stack([1 - wrongness, wrongness], axis=1))  # (99, 2), the right class first
right = np.tile([1.0, 0.0], (99, 1))


def push_of(variant):
    """Minus the gradient of the fusion loss with respect to the logit of the right class, (99,)."""
    def loss(tree):
        return fusion_loss(ops.softmax(tree["logits"]), right, variant)

    _, gradient = nn.value_and_grad(loss, {"logits": logits})
    return -gradient["logits"][:, 0]


pushes = {"paper: mean square error": push_of("paper"),
          "released: absolute errors": push_of("released")}
draw.push(wrongness, pushes)
plt.show()
for name, push in pushes.items():
    print(f"{name:26} largest push at a wrongness of {wrongness[push.argmax()]:.2f}")

# %% [markdown]
# Both let go of what is hopelessly wrong, because of the softmax. The square pushes most where the
# wrongness (1 minus the probability of the right class) is $2/3$, the absolute error where it is
# $1/2$. This is a small difference.
#
# D7 has a second half, and that one is not small. In the paper's variant the fusion loss trains the
# encoders as well; in the released code it does not. Then the encoders learn from the other updates
# only, and the fusion has to work with what it gets. We train six networks this way, and compare
# them with `first` of section 7:

# %%
nn.use("fast")
with mock.patch.dict(updates.GROUPS["paper"], fusion=("fusion",)):  # changes the table meanwhile
    alone = train("first")
nn.use("readable")

print("last epoch, mean of 6 seeds    first    alone    alone - first, 95 % interval")
mean, half = interval(alone - first)
for j, title in enumerate(SHOWN.values()):
    print(f"{title:27} {first[:, j].mean():8.4f} {alone[:, j].mean():8.4f}    "
          f"{mean[j]:+.4f} ± {half[j]:.4f}")
show_differences(alone - first, "fusion trained alone, minus end to end")
assert (mean > 0)[-2:].all()  # with the margin that another rounding needs

# %% [markdown]
# When the fusion is trained alone, its own loss is higher, on the training utterances and on those
# of the validation. Both intervals lie above zero. The interval of the embedding loss does too,
# though its mean is only 0.3 %. On this corpus, then, training end to end does help the fusion, and
# the help carries over to new utterances. (One caution: you have seen ten intervals of 95 % in this
# notebook. The more of them one looks at, the more likely it is that one of them misses by
# accident.)

# %% [markdown]
# ### Exercise 7.4 ★★★ (10 minutes): which update trains what?
#
# A colleague wants ARGF without the adversary. Encoders and decoders are to be trained by
# $\mathcal{L}_{rl}$ alone. The classifier is to be trained on top of encoders that it does *not*
# change. Nor may the update of the fusion change the encoders: it trains the fusion alone. Write
# the table of updates, in the form of `updates.GROUPS["paper"]`, and the value of $\lambda$ that
# goes with it.

# %%
def without_adversary():
    """Returns {update: groups that it trains}, lambda."""
    raise NotImplementedError("exercise 7.4")


check("7.4", without_adversary)

# %% [markdown]
# ### Another weight for the adversary ★★★ (an hour)
#
# In section 7 $\lambda$ was 0.05. Set it to 0.9, where fooling $D$ counts for more, and repeat the
# experiment. Do stale activations hurt now, as in the toy? Then think about how the toy differs
# from ARGF: its loss is a plain product, and its steps are not Adam's. Which of the two makes the
# difference? How would you find out?
#
# ## What to take away
#
# - Eq. 9 is a number to watch. If both players descended it, they would come to rest at one value
#   of $D$, and there would be no game.
# - A loss may reach a network that it must not train. A table says which update trains what.
# - Cut the chain rule at $\mathbf{x}^e$: the encoders run once, and the gradient of each loss is
#   pulled back through the same tape.
# - With first activations the order of the updates makes no difference, up to weight decay and
#   rounding. Over six seeds, fresh activations brought no clear gain.
# - A factor before a loss of its own hardly matters to Adam. $\lambda$ matters, since it stands
#   inside one gradient. Training the encoders with the fusion loss helped on this corpus.
#
# Next: [08 · Graph fusion I](08_graph_fusion_1.ipynb)

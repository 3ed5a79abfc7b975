# %% [markdown]
# # 07 · One batch, three updates
#
# *Needs: 02, 05, 06. Minutes: 50. Paper: "Joint Embedding Space Learning", Eq. 9.*
#
# By now there are four losses. The encoders are to fool the discriminator ($\mathcal{L}_{fal}$), the discriminator is
# not to be fooled ($\mathcal{L}_{tal}$), the decoders are to give back what went in ($\mathcal{L}_{rl}$), and the
# classifier is to find the label ($\mathcal{L}_{cl}$). Equation 9 adds them up. You would think that training descends
# this sum. It does not, and it must not.
#
# So who moves when, down which slope, and does it matter in which order?
#
# On the way you will
#
# - see what the discriminator and the encoders would do to each other if one descended the sum;
# - map which loss reaches which parameters, and which of them it may move;
# - cut the chain rule in two at $\mathbf{x}^e$, so that one pass through the encoders serves all updates;
# - prove that the order of the updates, which the paper is precise about, makes no difference to the authors' code;
# - measure what it is worth to run the encoders anew for every update.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mathbf{x}_m^e$ | $k$ | encoded representation of modality $m$ (notebook 05) |
# | $D(\mathbf{x}_m^e)$ | 1 | what the discriminator takes it for: 1 target modality, 0 source (notebook 06) |
# | $\mathcal{L}_{fal}$, $\mathcal{L}_{tal}$ | 1 | fake and true adversarial loss, Eq. 3 and 4 |
# | $\mathcal{L}_{rl}$, $\mathcal{L}_{cl}$ | 1 | reconstruction and classification loss, Eq. 6 and 8 |
# | $\lambda$ | 1 | weight between fooling and reconstructing, from 0 to 1 |
# | $\mathcal{L}$ | 1 | the total loss, Eq. 9 |
#
# The code does a batch of `B` utterances at once: features `x` are `(3, B, d)`, encoded representations `x_e`
# `(3, B, k)`, one-hot labels `y` `(B, N)`. Every loss is a mean over the batch.

# %%
import itertools
from dataclasses import replace
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, nn
from argf_np.paper import protocols, updates
from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np.data import load, standardise
from argf_np.paper.joint_embedding_eq1_9 import classify, decode, discriminate, encode
from argf_np.paper.model import init_model
from argf_np.settings import Settings
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks

# %% [markdown]
# A batch of 16 utterances, and a fresh network. `load` takes the real CMU-MOSI corpus where you have it, and otherwise
# a synthetic one of the same shape (notebook 03). The features are brought to $d = 20$ numbers by the quick way, their
# principal directions, and $k$ is 20 too. (The paper has 50 of each. With 20 all is small and quick.) Numbers are
# float64, since we are about to check gradients, and dropout is off until section 7.

# %%
corpus = standardise(load("mosi"))
rows = {split: corpus.utterances(split) for split in corpus.split}


def principal_directions(features, d=20):
    """The features along the d directions of the largest variance, scaled to standard deviation 1."""
    _, _, directions = np.linalg.svd(features[rows["train"]], full_matrices=False)
    projected = features @ directions[:d].T  # (n, d)
    return projected / projected[rows["train"]].std()


x_all = np.stack([principal_directions(corpus.features[m]) for m in "alv"])  # (3, n, 20)
y_all = np.eye(len(corpus.classes))[corpus.labels]  # (n, N), one-hot

settings = Settings(k=20, lambda_=0.05, drop_rate=0.0, weight_decay=0.0, dtype="float64")
target = 1  # l, in the order a, l, v
rng = np.random.default_rng(1)
batch = rng.choice(rows["train"], settings.batch_size, replace=False)
x, y = x_all[:, batch], y_all[batch]  # (3, B, d), (B, N)
params = init_model(rng, x.shape[2], settings.k, y.shape[1], "float64")

print(f"{corpus.source} corpus; x {x.shape}, y {y.shape}")
for group, tree in params.items():
    print(f"{group:13} {nn.count(tree):9,} numbers")

# %% [markdown]
# The parameters come in five groups. Notebooks 05 and 06 have introduced the first four; `gfn` is the graph fusion
# network of notebooks 08 and 09, and for now a box that takes $\mathbf{x}^e$ and predicts the label.
#
# ## 1. One number to watch (Eq. 9)
#
# $$\mathcal{L} = [\lambda \mathcal{L}_{fal} + (1 - \lambda) \cdot \mathcal{L}_{rl}] + 0.5\, \mathcal{L}_{tal} +
# \mathcal{L}_{cl} \tag{9}$$
#
# | part of the sum | moves | when |
# |---|---|---|
# | the brackets | encoders and decoders | "firstly" |
# | $0.5\, \mathcal{L}_{tal}$ | discriminator | "secondly" |
# | $\mathcal{L}_{cl}$ | encoders and classifier | "lastly" |
#
# First the four losses of our batch from their formulas, one utterance at a time, then the sum:

# %%
x_e = encode(params["encoders"], x)  # (3, B, k)
z = discriminate(params["discriminator"], x_e)  # (3, B, 1), D = sigmoid(z)
x_tilde = decode(params["decoders"], x_e)  # (3, B, d)
y_tilde = classify(params["classifier"], x_e)  # (3, B, N)

B = len(y)
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

L_fal = losses.fake_adversarial_loss(z, target)
L_tal = losses.true_adversarial_loss(z, target)
L_rl = losses.reconstruction_loss(x_tilde, x)
L_cl = losses.classification_loss(y_tilde, y)
L = losses.total_loss(L_fal, L_tal, L_rl, L_cl, lambda_)

assert np.allclose([L_fal, L_tal, L_rl, L_cl, L], [L_fal_loop, L_tal_loop, L_rl_loop, L_cl_loop, L_loop],
                   rtol=0, atol=1e-13)
print(f"L_fal {L_fal:.3f}   L_rl {L_rl:.3f}   L_tal {L_tal:.3f}   L_cl {L_cl:.3f}   L {L:.3f}")
print(f"all D near 1/2 would give L_fal {2 * np.log(2):.3f} and L_tal {3 * np.log(2):.3f}")

# %% [markdown]
# **The gradient.** Eq. 9 is a weighted sum, and its derivatives can be read off: $\lambda$, $0.5$, $1 - \lambda$ and 1
# for the four losses, and $\partial \mathcal{L} / \partial \lambda = \mathcal{L}_{fal} - \mathcal{L}_{rl}$.

# %%
numbers = {"L_fal": L_fal, "L_tal": L_tal, "L_rl": L_rl, "L_cl": L_cl, "lambda_": lambda_}
numbers = {name: np.array(value) for name, value in numbers.items()}
nn.check_gradient(lambda p: losses.total_loss(**p), numbers, rng)

_, gradient = nn.value_and_grad(lambda p: losses.total_loss(**p), numbers)
by_pencil = {"L_fal": lambda_, "L_tal": 0.5, "L_rl": 1 - lambda_, "L_cl": 1, "lambda_": L_fal - L_rl}
for name, expected in by_pencil.items():
    assert np.isclose(gradient[name], expected, rtol=0, atol=1e-14), name

# %% [markdown]
# **A picture: what does $\lambda$ weigh?** Both parts of the first summand arrive at the encoders as gradients by
# $\mathbf{x}^e$. How long are these, for a source modality?

# %%
def by_x_e(loss, settings=settings):
    """The gradient of one update's loss by x^e, (3, B, k)."""
    _, gradient = nn.value_and_grad(
        lambda p: updates.LOSSES[loss](params, p["x_e"], x, y, settings, None), {"x_e": x_e})
    return gradient["x_e"]


fooling = by_x_e("embedding", replace(settings, lambda_=1.0))  # L_fal alone
rebuilding = by_x_e("embedding", replace(settings, lambda_=0.0))  # L_rl alone
fal, rl = np.linalg.norm(fooling[0]), np.linalg.norm(rebuilding[0])  # modality a

lambdas = np.geomspace(1e-4, 0.9999, 200)
fig, ax = plt.subplots(figsize=(6.4, 3.4))
ax.plot(lambdas, lambdas * fal, color=COLOURS["v"], label=r"from $\lambda\, \mathcal{L}_{fal}$: fool $D$")
ax.plot(lambdas, (1 - lambdas) * rl, color=COLOURS["l"],
        label=r"from $(1 - \lambda)\, \mathcal{L}_{rl}$: reconstruct")
equal = rl / (fal + rl)
ax.axvline(equal, color="0.6", lw=1)
for value in (0.001, 0.01, 0.05):
    ax.axvline(value, color="0.4", lw=1, ls=":")
ax.annotate("the authors' grid", (0.0125, 0.72), xycoords=("data", "axes fraction"), color="0.4")
ax.set(xscale="log", yscale="log", xlabel=r"$\lambda$", ylabel=r"length of the gradient by $x_a^e$")
ax.set_title("Eq. 9: who pulls at a source modality, in a fresh network")
ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.02))
plt.show()
print(f"equal pull at lambda = {equal:.2f}")
for value in (0.001, 0.01, 0.05):
    share = value * fal / (value * fal + (1 - value) * rl)
    print(f"lambda = {value:5}: the adversarial part has {share:.2%} of the pull")

# %% [markdown]
# The lower values of $\lambda$ leave the adversary next to nothing to say in a fresh network. Remember this when you
# read how much "adversarial training" is worth (notebook 10).
#
# ## 2. Why nobody descends the sum
#
# $\mathcal{L}$ is one number, and autograd gives its gradient by all parameters at once. Why not take one step down
# that slope? Look at one source vector with logit $z$, where $D = \sigma(z)$. By pencil, as $\frac{d}{dz} \log
# \sigma(z) = 1 - \sigma(z)$:
#
# $$\frac{\partial \mathcal{L}_{fal}}{\partial z} = -(1 - D), \qquad
# \frac{\partial \mathcal{L}_{tal}}{\partial z} = D, \qquad
# \frac{\partial \mathcal{L}}{\partial z} = -\lambda (1 - D) + 0.5 D.$$
#
# Everybody upstream of $z$ would step against the third, the encoders and the discriminator alike. It is zero at $D =
# \lambda / (\lambda + 0.5)$. Above that, the *encoders* would push $D$ down: the forgers would help the police.
# Below, the *discriminator* would push $D$ up: the police would look away. Both would meet at that value, at peace,
# and nobody would have learnt anything from anybody.

# %%
D = 1 / (1 + np.exp(-z))  # (3, B, 1)
sources = [0, 2]


def total(p):
    L_fal = losses.fake_adversarial_loss(p["z"], target)
    return losses.total_loss(L_fal, losses.true_adversarial_loss(p["z"], target), L_rl, L_cl, lambda_)


_, gradient = nn.value_and_grad(total, {"z": z})
of_sources = (-lambda_ * (1 - D[sources]) + 0.5 * D[sources]) / B
assert np.allclose(gradient["z"][sources], of_sources, rtol=0, atol=1e-14)
assert np.allclose(gradient["z"][target], -0.5 * (1 - D[target]) / B, rtol=0, atol=1e-14)

line = np.linspace(0, 1, 200)
fig, ax = plt.subplots(figsize=(6.4, 3.6))
ax.plot(line, lambda_ * (1 - line), color=COLOURS["v"], label=r"encoders: $\lambda (1 - D)$, always up")
ax.plot(line, -0.5 * line, color=COLOURS["l"], label="discriminator: $-0.5 D$, always down")
ax.plot(line, lambda_ * (1 - line) - 0.5 * line, color="black", ls="--", label="the sum, for both of them")
peace = lambda_ / (lambda_ + 0.5)
ax.plot(peace, 0, "ko", ms=6)
ax.annotate(f"peace at $D = {peace:.2f}$", (peace, 0), (0.34, -0.06), va="center",
            arrowprops={"arrowstyle": "->", "color": "0.4"})
ax.axhline(0, color="0.7", lw=1)
ax.set(xlabel="$D$ of a source vector", ylabel="push on its logit $z$", xlim=(0, 1))
ax.set_title(rf"Two players, or one compromise ($\lambda = {lambda_:g}$)")
ax.legend(frameon=False, loc="lower left")
plt.show()

# %% [markdown]
# So $\mathcal{L}$ is a number to watch. To train, each summand gets parameters of its own to move, and the other player
# holds still meanwhile.
#
# ## 3. Which loss reaches whom, and whom may it move?
#
# The package says it in a table. Its fourth update trains the graph fusion network; the paper's "three updates" are the
# three summands of Eq. 9.

# %%
for variant, updates in updates.GROUPS.items():
    print(variant)
    for update, groups in updates.items():
        print(f"    {update:14} moves {', '.join(groups)}")

# %% [markdown]
# Now we ask autograd for the gradient of each loss by *all* parameters, and compare: whom does a loss reach, and whom
# does it move? Each row of the picture is a network, each column a loss, and the number is the length of the
# gradient. Coloured: this loss moves this network. Grey: it has a gradient there, and is not allowed to use it.
# Empty: it does not depend on it.

# %%
def whole_loss(p, update, settings, rng=None):
    """The loss of an update as a function of all parameters, x^e and all."""
    x_e = encode(p["encoders"], x, settings.drop_rate, rng)
    return updates.LOSSES[update](p, x_e, x, y, settings, rng)


def networks(tree):
    """{name: all its numbers in one array}: encoders and decoders taken apart by modality."""
    parts = {}
    for bank in ("encoder", "decoder"):
        for i, m in enumerate("alv"):
            parts[f"{bank} {m}"] = nn.map_leaves(lambda leaf, i=i: leaf[i], tree[f"{bank}s"])
    parts |= {"discriminator": tree["discriminator"], "classifier": tree["classifier"]}
    parts |= {f"gfn {name}": part for name, part in tree["gfn"].items()}
    return {name: np.concatenate([leaf.ravel() for _, leaf in nn.leaves(part)])
            for name, part in parts.items()}


columns = {  # heading: the update that the loss belongs to, and settings that single it out
    r"$\mathcal{L}_{fal}$": ("embedding", replace(settings, lambda_=1.0)),
    r"$\mathcal{L}_{rl}$": ("embedding", replace(settings, lambda_=0.0)),
    r"$0.5\,\mathcal{L}_{tal}$": ("discriminator", settings),
    r"$\mathcal{L}_{cl}$": ("classifier", settings),
    "fusion": ("fusion", settings),
}
lengths, moves = {}, {}
for heading, (update, chosen) in columns.items():
    _, gradient = nn.value_and_grad(lambda p, u=update, s=chosen: whole_loss(p, u, s), params)
    lengths[heading] = {name: np.linalg.norm(g) for name, g in networks(gradient).items()}
    groups = [group.rstrip("s") for group in updates.GROUPS["paper"][update]]  # "encoders": "encoder"
    moves[heading] = [name for name in lengths[heading] if name.split()[0] in groups]

# %%
paint = {"embedding": "#7FB5DA", "discriminator": "#E8A6B0", "classifier": "#BFD98A", "fusion": "#EBCB7A"}
names = list(lengths[r"$\mathcal{L}_{fal}$"])
fig, ax = plt.subplots(figsize=(6.6, 5.4), layout="constrained")
for column, (heading, (update, _)) in enumerate(columns.items()):
    for row, name in enumerate(names):
        length = lengths[heading][name]
        if length == 0:
            continue
        colour = paint[update] if name in moves[heading] else "0.9"
        ax.add_patch(plt.Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, color=colour))
        ax.text(column, row, f"{length:.2g}" if length < 10 else f"{length:.0f}", ha="center", va="center",
                fontsize=9, color="black" if name in moves[heading] else "0.5")
for after in (2.5, 5.5, 6.5, 7.5):
    ax.axhline(after, color="0.8", lw=1)
ax.set_xticks(range(len(columns)), columns)
ax.set_yticks(range(len(names)), names)
ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(names) - 0.5, -0.5))
ax.tick_params(length=0, labeltop=True, labelbottom=False)
ax.spines[:].set_visible(False)
ax.set_title("Coloured: moved.  Grey: reached, but held still", pad=28)
plt.show()

# %% [markdown]
# Read it by columns.
#
# - $\mathcal{L}_{fal}$ reaches the encoders of the two sources, and the discriminator, which it must not move: else it
#   would teach the discriminator to be fooled. It does not reach the encoder of the target, which only provides the
#   distribution to be met.
# - $\mathcal{L}_{tal}$ reaches all three encoders, but moves the discriminator alone.
# - The encoders are moved by three updates. The embedding update wants them to fool the discriminator and to keep what
#   the decoders need, the classifier update to tell the classes apart, the fusion update to serve the graph.
# - The fusion loss moves the encoders too, in the paper's variant: "the framework is trained end to end".
#   In the released code its optimiser holds `gfn` alone, and these three cells are grey (D7).

# %%
assert lengths[r"$\mathcal{L}_{fal}$"]["encoder l"] == 0 < lengths[r"$\mathcal{L}_{fal}$"]["discriminator"]
assert all(lengths[r"$0.5\,\mathcal{L}_{tal}$"][f"encoder {m}"] > 0 for m in "alv")
assert "encoders" not in updates.GROUPS["released"]["fusion"]

# %% [markdown]
# ## 4. The chain rule, cut at $\mathbf{x}^e$
#
# The picture has cost more than it needs. For each column, autograd has run through the encoders, forwards and back,
# and it has computed the grey numbers too, which no update uses. But all losses begin with the same step, $\mathbf{x}
# \to \mathbf{x}^e$, and only then part. For the parameters $\theta$ of the encoders the chain rule says
#
# $$\frac{\partial \mathcal{L}_u}{\partial \theta} = \sum_{m, i, j}
# \frac{\partial \mathcal{L}_u}{\partial x_{mij}^e} \cdot \frac{\partial x_{mij}^e}{\partial \theta},
# \qquad u \in \{\text{embedding}, \text{discriminator}, \text{classifier}, \text{fusion}\}.$$
#
# The second factor is the same for all updates $u$. So cut there:
#
# - *Once:* run the encoders, and keep the tape. `nn.vjp` returns $\mathbf{x}^e$ and a function `pull`, which takes a
#   gradient by $\mathbf{x}^e$ back to one by $\theta$.
# - *For each update:* differentiate its loss by $\mathbf{x}^e$, as if that were a parameter, and by what the update
#   moves behind it. These tapes are short.
# - *Then:* pull each gradient by $\mathbf{x}^e$ back through the one tape.
#
# The discriminator's update moves nothing before the cut. So it differentiates nothing there, and pulls nothing back.

# %%
x_e, pull = nn.vjp(lambda encoders: encode(encoders, x), params["encoders"])  # once
cut = {}
for update, groups in updates.GROUPS["paper"].items():
    wanted = {group: params[group] for group in groups if group != "encoders"}
    if "encoders" in groups:
        wanted["x_e"] = x_e
    _, cut[update] = nn.value_and_grad(  # for each update, from x^e on
        lambda p, u=update: updates.LOSSES[u](params | p, p.get("x_e", x_e), x, y, settings, None), wanted)
    if "encoders" in groups:
        cut[update]["encoders"] = pull(cut[update].pop("x_e"))  # then

# %% [markdown]
# This is `updates.batch_gradients`, line by line. Both must agree with the gradient of the uncut loss:

# %%
_, gradients = updates.batch_gradients(params, x, y, updates.GROUPS["paper"], settings, None)

for update, groups in updates.GROUPS["paper"].items():
    _, uncut = nn.value_and_grad(lambda p, u=update: whole_loss(p, u, settings), params)
    assert set(gradients[update]) == set(cut[update]) == set(groups)
    for group in groups:
        three = (nn.leaves(tree[group]) for tree in (gradients[update], cut[update], uncut))
        for (path, ours), (_, by_hand), (_, expected) in zip(*three, strict=True):
            assert np.allclose(ours, by_hand, rtol=0, atol=1e-14), (update, group, path)
            assert np.allclose(ours, expected, rtol=0, atol=1e-13), (update, group, path)
    print(f"{update:14} cut = uncut for {', '.join(groups)}")

# %% [markdown]
# And one of the package's gradients against finite differences, on a small network, so that it takes no time. Biases in
# front of a batch norm are left out: it takes any constant off again, so their gradient is zero, and a check of zero
# proves nothing.

# %%
small = init_model(np.random.default_rng(3), 4, 3, 2, "float64")
small_x, small_y = rng.standard_normal((3, 6, 4)), np.eye(2)[[0, 1, 0, 1, 1, 0]]
updates = {"classifier": ("encoders", "classifier")}
_, of_small = updates.batch_gradients(small, small_x, small_y, updates, settings, None)
checked = {f"{group}/{name}": (group, name) for group, name in (
    ("encoders", "dense_1"), ("encoders", "dense_4"), ("classifier", "dense_1"), ("classifier", "dense_2"))}


def classifier_loss(weights):
    p = {group: dict(tree) for group, tree in small.items()}
    for key, (group, name) in checked.items():
        p[group][name] = p[group][name] | {"W": weights[key]}
    return updates.classifier_update_loss(p, encode(p["encoders"], small_x), small_x, small_y, settings, None)


weights, of_weights = ({key: tree[group][name]["W"] for key, (group, name) in checked.items()}
                       for tree in (small, of_small["classifier"]))
nn.check_gradient(classifier_loss, weights, rng, gradient=of_weights, step=1e-5)

# %% [markdown]
# **Could we pull back once, for all three updates together?** `pull` is linear: pulling back a sum gives the sum. But
# Adam is not. It divides each gradient by its own running size (notebook 02), and each update has its own optimiser.
# Three steps of Adam with three gradients are not one step with their sum:

# %%
moving = [u for u, groups in updates.GROUPS["paper"].items() if "encoders" in groups]
together = pull(sum(by_x_e(u) for u in moving))
for path, leaf in nn.leaves(together):
    separate = sum(dict(nn.leaves(gradients[u]["encoders"]))[path] for u in moving)
    assert np.allclose(leaf, separate, rtol=0, atol=1e-12)


def fresh_copy(tree):
    """A copy of all parameters, each group packed for the optimiser."""
    return {group: nn.pack(part) for group, part in tree.items()}


def adam_step(encoders, gradient):
    nn.adam(nn.init_adam(encoders), encoders, gradient, settings.lr, updates.BETAS)


one_step, three_steps = fresh_copy(params)["encoders"], fresh_copy(params)["encoders"]
adam_step(one_step, together)
for u in moving:
    adam_step(three_steps, gradients[u]["encoders"])
start = nn.buffer(params["encoders"])
for name, end in {"one step, with the sum": one_step, "three steps": three_steps}.items():
    moved = np.abs(nn.buffer(end) - start).max() / settings.lr
    print(f"{name}: a parameter moves by up to {moved:.3f} times the learning rate")

# %% [markdown]
# ## 5. One batch
#
# Now the whole batch fits into a few lines. The choice that the paper leaves open is in `stages`: are all gradients
# taken from the *first* activations, those with which the batch began, or does each update run the encoders anew and
# see what the updates before it have changed (*fresh*)? The released code takes the first (D6).

# %%
def one_batch(params, optimisers, x, y, updates, settings, rng=None):
    """The updates of a batch, in the order of `updates`, in place."""
    first = settings.activations == "first"
    stages = [updates] if first else [{update: groups} for update, groups in updates.items()]
    for stage in stages:
        _, gradients = updates.batch_gradients(params, x, y, stage, settings, rng)
        for update, groups in stage.items():
            for group in groups:
                nn.adam(optimisers[update][group], params[group], gradients[update][group],
                        settings.lr, updates.BETAS, weight_decay=settings.weight_decay)


def after_one_batch(updates, settings):
    """All parameters after one batch from our start, as one array."""
    p = fresh_copy(params)
    one_batch(p, updates.init_optimisers(p, settings), x, y, updates, settings)
    return np.concatenate([nn.buffer(tree) for tree in p.values()])


for activations in ("first", "fresh"):
    chosen = replace(settings, activations=activations)
    package = fresh_copy(params)
    with mock.patch.object(training, "embed", wraps=training.embed) as counted:
        updates.train_batch(package, updates.init_optimisers(package, chosen), x, y, chosen, None)
    package = np.concatenate([nn.buffer(tree) for tree in package.values()])
    assert np.array_equal(package, after_one_batch(updates.GROUPS["paper"], chosen))
    print(f"{activations}: the encoders run {counted.call_count} times a batch")

# %% [markdown]
# ## 6. Does the order matter?
#
# The paper gives an order: embedding, discriminator, classifier. The released code has another: embedding, classifier,
# discriminator. Let us try all 24 orders of the four updates, each from the same start, and measure how far apart they
# take the parameters:

# %%
def largest_difference(settings):
    """Between any of the 24 orders and the paper's, of any parameter, after one batch."""
    paper = updates.GROUPS["paper"]
    expected = after_one_batch(paper, settings)
    return max(np.abs(after_one_batch({u: paper[u] for u in order}, settings) - expected).max()
               for order in itertools.permutations(paper))


nn.use("fast")  # 96 updates, sooner
apart = {activations: largest_difference(replace(settings, activations=activations))
         for activations in ("first", "fresh")}
nn.use("readable")
for activations, difference in apart.items():
    print(f"{activations}: largest difference of a parameter {difference:.1e}")
print(f"the learning rate is {settings.lr:g}")
assert apart["first"] < 1e-14 < 1e-4 < apart["fresh"]

# %% [markdown]
# With the first activations *the order makes no difference*, but for rounding. No gradient sees a step of the same
# batch, each update keeps its own Adam, and the steps add up, in whatever order. The paper and the released code
# disagree about the order, and it does not matter, since the released code takes all gradients before it takes a
# step. (Weight decay is switched off here. It pulls on the parameters as they are when its turn comes, which brings
# in a tiny dependence.)
#
# With fresh activations the order is a real choice.
#
# **Is stale harmful?** There is a famous small example in which it is. Let one player choose $\theta$ to make $\theta
# \varphi$ small and the other $\varphi$ to make it large. Both should end up at 0. Each step of gradient descent and
# ascent, with learning rate $\eta$:
#
# $$\text{first:} \quad \theta' = \theta - \eta \varphi, \quad \varphi' = \varphi + \eta \theta
# \qquad\qquad \text{fresh:} \quad \theta' = \theta - \eta \varphi, \quad \varphi' = \varphi + \eta \theta'$$
#
# By pencil, for the first: $\theta'^2 + \varphi'^2 = (1 + \eta^2)(\theta^2 + \varphi^2)$. The players spiral outwards,
# forever. For the second: $\theta'^2 - \eta\, \theta' \varphi' + \varphi'^2$ has the same value after each step. The
# players go round on an ellipse.

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
paths = {name: play(120, lr, name == "fresh") for name in ("first", "fresh")}
squares = (paths["first"] ** 2).sum(axis=1)
assert np.allclose(squares[1:] / squares[:-1], 1 + lr ** 2)
theta, phi = paths["fresh"].T
assert np.allclose(theta ** 2 - lr * theta * phi + phi ** 2, 1)

fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.7), sharex=True, sharey=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.plot(*path.T, color="0.8", lw=1)
    ax.scatter(*path.T, c=np.arange(len(path)), cmap="viridis", s=10)
    ax.plot(0, 0, "k+", ms=10)
    ax.set(title=name, xlabel=r"$\theta$", aspect="equal")
axes[0].set_ylabel(r"$\varphi$")
fig.suptitle(r"The game $\theta \varphi$: stale gradients spiral outwards, fresh ones go round")
plt.show()

# %% [markdown]
# ## 7. Stale or fresh, measured
#
# A toy is a toy. What does it do to ARGF? First to the parameters. We train from one start, on the same batches, with
# the first and with fresh activations, and see how far apart the two networks get, compared with the way that they
# have gone. Two networks that went off at right angles, equally far, would be $\sqrt{2}$ apart on this scale.
#
# For a yardstick there is a third network, trained with the first activations and other random numbers in dropout: a
# difference that everybody accepts as chance. Another two are trained without dropout, so that nothing but the
# activations differs.

# %%
trained_with = Settings(k=20, lambda_=0.05, epochs=3)  # all other settings are those for MOSI
runs = {"first": ("first", 1), "first, other dropout": ("first", 2), "fresh": ("fresh", 3),
        "first, no dropout": ("first", None), "fresh, no dropout": ("fresh", None)}
x_train, y_train = x_all[:, rows["train"]].astype("float32"), y_all[rows["train"]].astype("float32")

nn.use("fast")
order = np.random.default_rng(0).permutation(len(y_train))
batches = [order[at:at + 16] for at in range(0, len(order), 16)]  # one epoch
begin = fresh_copy({group: nn.map_leaves(np.float32, tree) for group, tree in params.items()})
followed = {}
for name, (activations, seed) in runs.items():
    chosen, p = replace(trained_with, activations=activations), fresh_copy(begin)
    dropout = np.random.default_rng(seed) if seed else None
    optimisers = updates.init_optimisers(p, chosen)
    followed[name] = []
    for picked in batches:
        one_batch(p, optimisers, x_train[:, picked], y_train[picked], updates.GROUPS["paper"], chosen,
                  dropout)
        followed[name].append({group: nn.buffer(tree).copy() for group, tree in p.items()})
nn.use("readable")


def relative_distance(one, other, group):
    """How far two networks are apart after each batch, in units of the way from the start of the first."""
    return [np.linalg.norm(a[group] - b[group]) / np.linalg.norm(a[group] - nn.buffer(begin[group]))
            for a, b in zip(followed[one], followed[other], strict=True)]


comparisons = {  # label: two runs, colour
    "first against fresh": ("first", "fresh", "black"),
    "first against first, other dropout": ("first", "first, other dropout", COLOURS["a"]),
    "first against fresh, no dropout": ("first, no dropout", "fresh, no dropout", COLOURS["l"]),
}
fig, axes = plt.subplots(1, 5, figsize=(9.6, 2.9), sharey=True, layout="constrained")
for ax, group in zip(axes, begin, strict=True):
    for label, (one, other, colour) in comparisons.items():
        ax.plot(range(1, len(batches) + 1), relative_distance(one, other, group), color=colour, label=label)
    ax.set(title=group, xlabel="batch")
axes[0].set(ylabel="distance / way gone", ylim=(0, None))
fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=3)
plt.show()
print(f"{'after the last batch':35}", *(f"{group:>13}" for group in begin))
for label, (one, other, _) in comparisons.items():
    print(f"{label:35}", *(f"{relative_distance(one, other, group)[-1]:13.2f}" for group in begin))

# %% [markdown]
# Compare black and yellow: this is what stale activations change, and what chance changes. Where the two are alike,
# nobody could tell from the parameters which of the networks has seen the fresh ones.
#
# The blue line shows how a small cause grows. After the first batch the decoders are the same to the last bit, since
# the embedding update is the first of the batch, and sees the same activations in both. But the first steps of Adam
# move every parameter by about the learning rate, up or down, however small its gradient is. So a tiny difference in
# a gradient near zero turns a step round, the next batch sees other activations, and on it goes.

# %%
assert relative_distance("first, no dropout", "fresh, no dropout", "decoders")[0] == 0

# %% [markdown]
# Now to the losses. Three seeds each, three epochs; what the four updates descend, and what the validation utterances
# say. Thin lines are single seeds, thick ones their means.

# %%
seeds = range(3)
nn.use("fast")


def train(**changes):
    """The histories of three runs that differ by the seed."""
    return [protocols.train(x_all, y_all, rows, replace(trained_with, seed=seed, **changes))["history"]
            for seed in seeds]


histories = {activations: train(activations=activations) for activations in ("first", "fresh")}
nn.use("readable")

panels = {"embedding": r"$\lambda \mathcal{L}_{fal} + (1 - \lambda) \mathcal{L}_{rl}$",
          "discriminator": r"$0.5\, \mathcal{L}_{tal}$", "classifier": r"$\mathcal{L}_{cl}$",
          "fusion": "fusion", "validation_fusion": "validation: fusion"}
fig, axes = plt.subplots(1, 5, figsize=(9.6, 2.7), layout="constrained")
for ax, (name, title) in zip(axes, panels.items(), strict=True):
    for activations, colour, style in (("first", COLOURS["l"], "-"), ("fresh", COLOURS["v"], "--")):
        curves = np.array([[row[name] for row in history] for history in histories[activations]])
        epochs = np.arange(1, curves.shape[1] + 1)
        ax.plot(epochs, curves.T, color=colour, ls=style, lw=0.6, alpha=0.6)
        ax.plot(epochs, curves.mean(axis=0), color=colour, ls=style, lw=2, label=activations)
    ax.set_title(title, fontsize="medium")
    ax.set(xlabel="epoch", xticks=epochs)
fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
plt.show()

print("last epoch                   first   fresh   difference   spread of seeds")
for name in panels:
    last = {a: np.array([history[-1][name] for history in histories[a]]) for a in histories}
    spread = np.mean([values.std(ddof=1) for values in last.values()])
    means = [values.mean() for values in last.values()]
    print(f"{name:26} {means[0]:7.4f} {means[1]:7.4f} {means[1] - means[0]:+12.4f} {spread:17.4f}")

# %% [markdown]
# Compare the last two columns. A difference well above the spread is one that you would see again with other seeds. A
# lower training loss would be no surprise: with fresh activations it is measured *after* the earlier updates of the
# same batch have helped. Whether anything is gained where it counts is the question of the last row, and three seeds
# over three epochs are too few for a verdict on a small difference. The price is certain: the encoders are the
# largest part of the network, and they run four times instead of once. The package's default is
# `activations="first"`, as in the released code.
#
# ## 8. The factors in front
#
# **The 0.5 (D8).** Paper and code agree on the 0.5 before $\mathcal{L}_{tal}$. What does it do? In
# a sum that is descended as a whole it would weigh one part against the others. Here, $0.5\, \mathcal{L}_{tal}$ is
# all that the discriminator ever sees, and Adam divides a gradient by its own size. So:

# %%
half, whole = fresh_copy(params)["discriminator"], fresh_copy(params)["discriminator"]
states = nn.init_adam(half), nn.init_adam(whole)
for _ in range(20):
    for state, discriminator, factor in zip(states, (half, whole), (1, 2), strict=True):
        _, gradient = nn.value_and_grad(
            lambda p, c=factor: c * updates.discriminator_update_loss(
                params | {"discriminator": p}, x_e, x, y, settings, None), discriminator)
        nn.adam(state, discriminator, gradient, settings.lr, updates.BETAS)
way = np.abs(nn.buffer(half) - nn.buffer(params["discriminator"])).max()
difference = np.abs(nn.buffer(half) - nn.buffer(whole)).max()
print(f"in 20 steps the parameters have moved by up to {way:.4f}")
print(f"with 0.5 and with 1 they differ by up to {difference:.1e}")
assert difference < 1e-3 * way

# %% [markdown]
# Nothing, but for Adam's $\epsilon$ and the weight decay, which are measured against the gradient. The factor 0.5 would
# matter to plain gradient descent, where it halves the learning rate.
#
# **$\lambda$ (D2).** $\lambda$ is no such factor, since its two losses share one gradient before Adam sees it. But
# what it means depends on what it weighs. The released code sums $\mathcal{L}_{rl}$ over batch and features, and
# takes the mean of $\mathcal{L}_{fal}$ over the batch. So the same $\lambda$ gives the adversary a different share:

# %%
for variant in ("paper", "released"):
    pulls = [np.linalg.norm(by_x_e("embedding", replace(settings, variant=variant, lambda_=weight))[0])
             for weight in (1.0, 0.0)]
    fal, rl = settings.lambda_ * pulls[0], (1 - settings.lambda_) * pulls[1]
    print(f"{variant:8}  lambda = {settings.lambda_:g}: the adversary has {fal / (fal + rl):.3%} of the pull")

# %% [markdown]
# With the released losses, twice the batch size means half the adversary. This is why a $\lambda$ cannot be carried
# over from one variant to the other.
#
# **The fusion loss (D7).** The paper says mean square error, the released code computes a sum of absolute errors.
# `gfn` is moved by this loss alone, so once more a constant factor does not count, and what remains is the shape: the
# square cares most about the decisions that are most wrong, while for the absolute error all are alike. With the
# softmax behind it, for two classes:

# %%
wrongness = np.linspace(0.01, 0.99, 99)  # 1 - probability of the right class
M_y = np.stack([1 - wrongness, wrongness], axis=1)  # (99, 2), the right class first
logits, right = {"u": np.log(M_y)}, np.tile([1, 0], (99, 1))
fig, ax = plt.subplots(figsize=(5.8, 3.2))
for variant, colour, style in (("paper", COLOURS["l"], "-"), ("released", COLOURS["v"], "--")):
    _, gradient = nn.value_and_grad(
        lambda p, v=variant: losses.fusion_loss(nn.ops.softmax(p["u"]), right, v), logits)
    slope = -gradient["u"][:, 0]
    ax.plot(wrongness, slope / slope.max(), color=colour, ls=style,
            label={"paper": "paper: mean square error", "released": "released: absolute errors"}[variant])
ax.set(xlabel="1 − probability of the right class", ylabel="push towards it (largest = 1)")
ax.set(xlim=(0, 1), ylim=(0, None))
ax.set_title("D7: where the two losses push")
ax.legend(frameon=False, loc="lower center")
plt.show()

# %% [markdown]
# Both let go of what is hopelessly wrong, because of the softmax. The square pushes most at $2/3$, the absolute error
# at $1/2$.
#
# The other half of D7: the paper's fusion loss moves the encoders as well, that of the released code does not. Then the
# encoders learn from the other updates only, and the graph has to live with what it is given:

# %%
nn.use("fast")
with mock.patch.dict(updates.GROUPS["paper"], fusion=("gfn",)):
    histories["as released"] = train()
nn.use("readable")

print("last epoch                 fusion    spread   validation    spread")
for label, name in {"fusion moves the encoders": "first", "it does not": "as released"}.items():
    ends = [[history[-1][loss] for history in histories[name]] for loss in ("fusion", "validation_fusion")]
    print(f"{label:26}", *(f"{np.mean(end):6.4f}    {np.std(end, ddof=1):6.4f}      " for end in ends))

# %% [markdown]
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed random
# inputs. Solutions are in `tutorials/solutions/07_three_updates.py`.
#
# **7.1 The push of the sum (Eq. 9).** Section 2 has the gradient of $\mathcal{L}$ by the logit of a *source* vector.
# Write it for a whole batch, sources and target. Remember that each loss is a mean over the batch.

# %%
def gradient_by_the_logits(z, target, lambda_):
    """z (3, B, 1) logits, target the row of the target modality. Returns dL/dz (3, B, 1)."""
    raise NotImplementedError("exercise 7.1")


check("7.1", gradient_by_the_logits)

# %% [markdown]
# **7.2 Cut the chain rule.** An encoder of one layer: $\mathbf{x}^e = \tanh(\mathbf{x} W)$. Several losses have given
# you their gradients $G_u$ by $\mathbf{x}^e$. Pull them back to $W$, in NumPy, with a single pass through the
# encoder. Hint: $\tanh' = 1 - \tanh^2$.

# %%
def pull_back(x, W, G):
    """x (B, d), W (d, k), G (n, B, k) for n losses. Returns the n gradients by W, (n, d, k)."""
    raise NotImplementedError("exercise 7.2")


check("7.2", pull_back)

# %% [markdown]
# **7.3 First or fresh.** The game of section 6 with vectors: $\theta$ makes $\theta^T A \varphi$ small, $\varphi$
# makes it large, by plain gradient steps, $\theta$ first.

# %%
def game(theta, phi, A, lr, steps, fresh):
    """theta (p,), phi (q,), A (p, q). Returns theta and phi after the steps, in one array (p + q,)."""
    raise NotImplementedError("exercise 7.3")


check("7.3", game)

# %% [markdown]
# **7.4 Who moves?** A colleague wants ARGF without the adversary, with the decoders and encoders trained by
# $\mathcal{L}_{rl}$ alone, the classifier trained on top of encoders that it does *not* move, and no end-to-end
# training. Write the table of updates, in the form of `updates.GROUPS["paper"]`, and the value of $\lambda$ that
# goes with it.

# %%
def without_adversary():
    """Returns {update: groups that it moves}, lambda."""
    raise NotImplementedError("exercise 7.4")


check("7.4", without_adversary)

# %% [markdown]
# **To go on.** In section 7 $\lambda$ was 0.05. Set it to 0.9, where fooling counts as much as reconstruction or
# more, and repeat the experiment. Do stale activations hurt now, as in the toy? Then think about which of the two the
# toy resembles less: its linear game, or its plain gradient steps. How would you find out?

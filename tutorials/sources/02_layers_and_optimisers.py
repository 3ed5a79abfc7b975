# %% [markdown]
# # 02 · Layers and optimisers
#
# *Needs: 01. Minutes: 75. Paper: "Experimental details", Figure 3, and its references for Adam and Adadelta.*
#
# Every network of the paper is stacked from the same few parts: dense layers, activations, dropout, batch norm. And
# every one is trained by Adam, or by Adadelta. The paper takes them as known. **What do these parts do, and how does a
# gradient become a step?** After this notebook, nothing in the code of the paper's equations is a black box.
#
# On the way you will
#
# - write each layer as a loop, and see that the package computes the same, and the right gradient;
# - see the same utterance get another result in other company, and how to stop that;
# - find out why a deep network needs its first random numbers to be of one size, and of which;
# - derive Adam and Adadelta, and watch them run down a valley.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $x$, $y$ | `(B, fan_in)`, `(B, fan_out)` | input and output of a layer, for `B` utterances of a batch |
# | $W$, $b$ | `(fan_in, fan_out)`, `(1, fan_out)` | weights and shift of a dense layer |
# | $\gamma$, $\beta$ | `(1, width)` | scale and shift of a batch norm |
# | $L$, $g$ | 1, that of a parameter | loss; its gradient by the parameter (notebook 01) |
# | $\theta$ | | a parameter, any of all |
# | $\eta$ | 1 | learning rate: how large a step is |

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib.animation import FuncAnimation, PillowWriter

from argf_np import figures, nn
from argf_np.nn import ops
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # three colours that everybody can tell apart


def weigh(y):
    """A scalar in which every entry of y counts differently: what nn.check_gradient wants."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


# %% [markdown]
# ## 1. The dense layer
#
# Each output is a weighted sum of all inputs, plus a shift:
#
# $$ y_j = \sum_{i} x_i W_{ij} + b_j, \qquad \text{for a whole batch at once: } y = x W + b. $$

# %%
rng = np.random.default_rng(0)
B, fan_in, fan_out = 5, 4, 3
x = rng.standard_normal((B, fan_in))
layer = nn.init_dense(rng, fan_in, fan_out)  # {"W": ..., "b": ...}; section 5 says where the numbers come from
layer["b"] = rng.standard_normal((1, fan_out))  # it begins at 0, which would not test much

y_loop = np.zeros((B, fan_out))
for utterance in range(B):
    for j in range(fan_out):
        y_loop[utterance, j] = layer["b"][0, j]
        for i in range(fan_in):
            y_loop[utterance, j] += x[utterance, i] * layer["W"][i, j]

y = ops.dense_layer(layer, x, "identity")  # (B, fan_out); "identity": no activation, see section 2
assert np.allclose(y, y_loop, rtol=0, atol=1e-14)
nn.check_gradient(lambda p: weigh(ops.dense_layer(p["layer"], p["x"], "identity")), {"layer": layer, "x": x}, rng)

# %% [markdown]
# By pencil (notebook 01, section 6): if $g$ comes back from behind, $\partial L / \partial W = x^T g$,
# $\partial L / \partial x = g\, W^T$, and since $b_j$ serves all utterances of the batch, $\partial L / \partial b$ is
# the sum of $g$ over the batch.

# %%
g = rng.standard_normal((B, fan_out))
_, pull = nn.vjp(lambda p: ops.dense_layer(p["layer"], p["x"], "identity"), {"layer": layer, "x": x})
back = pull(g)
assert np.allclose(back["layer"]["W"], x.T @ g, rtol=0, atol=1e-14)
assert np.allclose(back["layer"]["b"], g.sum(axis=0, keepdims=True), rtol=0, atol=1e-14)
assert np.allclose(back["x"], g @ layer["W"].T, rtol=0, atol=1e-14)

# %% [markdown]
# The paper has three encoders of the same shape, one for each modality. The package keeps such networks as one *bank*:
# arrays with a leading axis of length 3, and one multiplication for all three.

# %%
bank = nn.init_dense(rng, fan_in, fan_out, bank=(3,))
x_bank = rng.standard_normal((3, B, fan_in))
y_bank = ops.dense_layer(bank, x_bank, "identity")  # (3, B, fan_out)
for m in range(3):
    alone = {"W": bank["W"][m], "b": bank["b"][m]}
    assert np.allclose(y_bank[m], ops.dense_layer(alone, x_bank[m], "identity"), rtol=0, atol=1e-14)

# %% [markdown]
# ## 2. Activations
#
# Two dense layers one after the other are no more than one: $(x W_1 + b_1) W_2 + b_2 = x\, (W_1 W_2) + (b_1 W_2 +
# b_2)$. For more, something must bend in between. These are the ones of the paper:
#
# $$
# \begin{array}{lll}
# \text{leaky ReLU} & y = x \text{ if } x > 0, \text{ else } s\,x & y' = 1 \text{ or } s \\
# \tanh & y = (e^x - e^{-x}) \,/\, (e^x + e^{-x}) & y' = 1 - y^2 \\
# \text{sigmoid } \sigma & y = 1 \,/\, (1 + e^{-x}) & y' = y\, (1 - y) \\
# \text{softmax} & y_i = e^{x_i} \,/\, \sum_j e^{x_j} & \partial y_i / \partial x_j = y_i\, (\delta_{ij} - y_j) \\
# \text{ELU} & y = x \text{ if } x > 0, \text{ else } e^x - 1 & y' = 1 \text{ or } e^x
# \end{array}
# $$
#
# | name | where in the paper |
# |---|---|
# | leaky ReLU | encoders (slope 0.01); decoders, discriminator, the networks that fuse two vertices (slope 0.2) |
# | tanh | where a vector ends: encoders, decoders, fused vertices; decision |
# | sigmoid | discriminator, weights of the modalities |
# | softmax | class probabilities, weights of vertices |
# | ELU | only in the code that the authors have released |
#
# ($\delta_{ij}$ is 1 for $i = j$, else 0.) The derivatives of tanh, sigmoid and softmax are written with the output
# $y$. So the way back needs no exponential again.

# %%
curves = {
    "leaky ReLU, $s = 0.2$": (lambda x: ops.leaky_relu(x, 0.2), lambda x, y: np.where(x > 0, 1, 0.2)),
    "tanh": (ops.tanh, lambda x, y: 1 - y ** 2),
    "sigmoid": (ops.sigmoid, lambda x, y: y * (1 - y)),
    "ELU": (ops.elu, lambda x, y: np.where(x > 0, 1, np.exp(np.minimum(x, 0)))),
}
x_line = np.linspace(-3.05, 3.05, 200)  # does not hit the kink at 0
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for (name, (function, derivative)), colour in zip(
        curves.items(), (COLOURS["l"], COLOURS["v"], COLOURS["a"], "0.4"), strict=True):
    y_line = function(x_line)
    _, slope = nn.value_and_grad(lambda p, function=function: function(p["x"]).sum(), {"x": x_line})
    assert np.allclose(slope["x"], derivative(x_line, y_line))  # by pencil, as listed
    axes[0].plot(x_line, y_line, color=colour, lw=2, label=name)
    axes[1].plot(x_line, slope["x"], color=colour, lw=2)
axes[0].set(title="activation", xlabel="$x$", ylim=(-1.3, 3))
axes[1].set(title="derivative", xlabel="$x$", ylim=(-0.05, 1.1))
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# Look at the derivatives. Those of tanh and sigmoid go to zero on either side: the unit is *saturated* and lets no
# gradient through. That of the sigmoid is nowhere above 1/4. The leaky ReLU never falls below its slope $s$, which is
# why it is found inside the networks, and the others at their ends, where the output has to lie between bounds.
#
# **A picture.** What one layer does to a plane: the dense part turns, stretches and shears it, tanh bends it into a
# square.

# %%
lines = np.linspace(-1.5, 1.5, 13)
fine = np.linspace(-1.5, 1.5, 60)
grid = [np.stack([np.full(60, s), fine], axis=1) for s in lines]
grid += [line[:, ::-1] for line in grid]
plane = {"W": np.array([[1.2, 0.7], [-0.6, 0.9]]), "b": np.array([[0.2, 0.0]])}
fig, axes = plt.subplots(1, 3, figsize=(8.4, 3), layout="constrained")
for ax, (title, part) in zip(axes, {
        "$x$": lambda line: line, "$x W + b$": lambda line: ops.dense_layer(plane, line, "identity"),
        r"$\tanh(x W + b)$": lambda line: ops.dense_layer(plane, line, "tanh")}.items(), strict=True):
    for number, line in enumerate(grid):
        ax.plot(*part(line).T, color=COLOURS["l"] if number < 13 else COLOURS["a"], lw=1)
    ax.set(title=title, aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
plt.show()

# %% [markdown]
# ## 3. Dropout
#
# The paper's data are small: some thousand utterances, and a network with more than a million parameters that could
# learn them by heart. *Dropout* (Srivastava and others, 2014) makes that harder. In training, each unit is set to 0
# with probability $p$, drawn anew in every batch, so that no unit can rely on another one being there.
#
# $$ y_i = \frac{x_i \, \mu_i}{1 - p}, \qquad \mu_i = 0 \text{ with probability } p, \text{ else } 1. $$
#
# $p$ is the *drop* rate. (Some libraries name the *keep* rate so. A drop rate of 0.9, which the paper's authors use
# in one place, is quite different from a keep rate of 0.9.) Why the division? The expected value of $\mu_i$ is $1 -
# p$, and so that of $y_i$ is $x_i$. What comes behind sees inputs of the same size in training and afterwards, when
# nothing is dropped any more.

# %%
drop_rate = 0.3
x_wide = rng.standard_normal((6, 40))

mask = ops.dropout_mask(np.random.default_rng(5), x_wide.shape, drop_rate, x_wide.dtype)
y_loop = np.zeros_like(x_wide)
u = np.random.default_rng(5).random(x_wide.shape, dtype="float32")  # the same random numbers as in the mask
for utterance in range(6):
    for i in range(40):
        dropped = u[utterance, i] < drop_rate
        y_loop[utterance, i] = 0 if dropped else x_wide[utterance, i] / (1 - drop_rate)

y = ops.dropout(x_wide, drop_rate, np.random.default_rng(5))
assert np.allclose(y, y_loop, rtol=0, atol=1e-14)
assert np.array_equal(ops.dropout(x_wide, drop_rate, None), x_wide)  # no generator: evaluation, nothing is dropped

# The check needs the same value each time, so the generator is made inside. By pencil, the derivative is the mask.
nn.check_gradient(lambda p: weigh(ops.dropout(p["x"], drop_rate, np.random.default_rng(5))), {"x": x_wide}, rng)
_, gradient = nn.value_and_grad(
    lambda p: ops.dropout(p["x"], drop_rate, np.random.default_rng(5)).sum(), {"x": x_wide})
assert np.allclose(gradient["x"], mask)

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3), layout="constrained", width_ratios=(1.4, 1))
axes[0].imshow(mask, cmap="Greys", vmin=0, vmax=2, interpolation="none", aspect="auto")
axes[0].set(xlabel="unit", ylabel="utterance", yticks=[], title=f"A mask, $p = {drop_rate:g}$: white is dropped")
for p, colour in ((0.1, COLOURS["l"]), (0.5, COLOURS["a"]), (0.9, COLOURS["v"])):
    draws = ops.dropout(np.ones((2000, 1)), p, np.random.default_rng(1))[:, 0]
    axes[1].plot(np.arange(1, 2001), draws.cumsum() / np.arange(1, 2001), color=colour, label=f"$p = {p:g}$")
axes[1].axhline(1, color="0.4", ls=":")
axes[1].set(xscale="log", xlabel="masks", ylabel="mean output", ylim=(0, 2.2), title="Input 1: on average, 1 comes out")
axes[1].legend(frameon=False)
plt.show()
spread = {p: ops.dropout(np.ones(100_000), p, np.random.default_rng(1)).std() for p in (0.1, 0.5, 0.9)}
for p, measured in spread.items():
    print(f"drop rate {p}: standard deviation of the output {measured:.2f}, by pencil {np.sqrt(p / (1 - p)):.2f}")
    assert abs(measured - np.sqrt(p / (1 - p))) < 0.02

# %% [markdown]
# The mean is right for any $p$, but the noise grows: the standard deviation is $\sqrt{p / (1 - p)}$ times the input,
# and 3 times for $p = 0.9$.
#
# ## 4. Batch norm and its two modes
#
# While a network learns, the inputs of its inner layers change in size all the time, because the layers before change.
# *Batch norm* (Ioffe and Szegedy, 2015) fixes mean and spread. Each unit is shifted and scaled by the statistics of the
# batch, and then by two learnt numbers:
#
# $$ \mu = \frac{1}{B} \sum_b x_b, \qquad s^2 = \frac{1}{B} \sum_b (x_b - \mu)^2, \qquad
# \hat x_b = \frac{x_b - \mu}{\sqrt{s^2 + \epsilon}}, \qquad y_b = \gamma\, \hat x_b + \beta. $$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $\mu$, $s^2$ | `(1, width)` | mean and variance of each unit, over the utterances of the batch |
# | $\hat x$ | `(B, width)` | normalised: mean 0, standard deviation 1 |
# | $\epsilon$ | 1 | $10^{-5}$, in case a unit does not vary at all |

# %%
B, width = 6, 3
x = 3 + 2 * rng.standard_normal((B, width))
p_norm = {"gamma": rng.uniform(0.5, 1.5, (1, width)), "beta": rng.standard_normal((1, width))}

y_loop = np.zeros((B, width))
for j in range(width):
    mean = sum(x[b, j] for b in range(B)) / B
    variance = sum((x[b, j] - mean) ** 2 for b in range(B)) / B
    for b in range(B):
        x_hat = (x[b, j] - mean) / np.sqrt(variance + ops.EPSILON)
        y_loop[b, j] = p_norm["gamma"][0, j] * x_hat + p_norm["beta"][0, j]

y = ops.batch_norm(p_norm, x)
assert np.allclose(y, y_loop, rtol=0, atol=1e-14)
nn.check_gradient(lambda p: weigh(ops.batch_norm(p["norm"], p["x"])), {"norm": p_norm, "x": x}, rng)

# Neither a shift nor a scale of the input makes a difference (up to epsilon):
assert np.allclose(ops.batch_norm(p_norm, 100 + 7 * x), y, atol=1e-4)

# %% [markdown]
# By pencil: a shift of the whole batch changes nothing, so the gradient by $x$ adds up to 0 over the batch. And a
# dense layer just before a batch norm does not need its $b$: the gradient by it is 0. (The package keeps it, since
# the paper's Table 4 counts it.)

# %%
layer = nn.init_dense(rng, fan_in, width, norm=True)  # with gamma = 1 and beta = 0
x_in = rng.standard_normal((B, fan_in))
_, gradient = nn.value_and_grad(lambda p: weigh(ops.batch_norm(p_norm, p["x"])), {"x": x})
assert np.allclose(gradient["x"].sum(axis=0), 0)
_, gradient = nn.value_and_grad(lambda p: weigh(ops.dense_layer(p, x_in, "identity")), layer)
assert np.allclose(gradient["b"], 0)
assert np.abs(gradient["W"]).max() > 0.1

# %% [markdown]
# **In training, the result depends on the company.** $\mu$ and $s^2$ come from the batch. So the output for one
# utterance changes with the other 15 that happen to be in its batch. In training this is a welcome noise. In an exam
# it would be odd: the same answer gets another mark depending on who else sits in the room. And alone in its batch,
# every utterance is its own mean, so that all give the same:

# %%
data = rng.standard_normal((400, fan_in))  # 400 training utterances
x_one = data[:1]
in_company = []
for _ in range(500):
    others = data[rng.choice(np.arange(1, 400), 15, replace=False)]
    in_company.append(ops.dense_layer(layer, np.concatenate([x_one, others]), "tanh")[0, 0])
assert np.std(in_company) > 0.01
for utterance in data[:3]:
    print("alone in a batch:", ops.dense_layer(layer, utterance[None], "tanh")[0])
    assert not ops.dense_layer(layer, utterance[None], "tanh").any()

# %% [markdown]
# **In evaluation, the statistics are frozen.** Other libraries keep a running average of $\mu$ and $s^2$ while
# training, hidden in the layer. This package holds no hidden state. After training, `nn.freeze` runs the network over
# the training utterances once and puts `mean` and `var` beside `gamma` and `beta`. A batch norm that finds them uses
# them:

# %%
frozen = nn.batch_norm_statistics(layer, lambda p, batch: ops.dense_layer(p, batch, "tanh"), [data])
print("parameters in training:  ", *layer)
print("parameters in evaluation:", *frozen)

alone = ops.dense_layer(frozen, x_one, "tanh")
together = ops.dense_layer(frozen, data, "tanh")
assert np.allclose(alone[0], together[0], rtol=0, atol=1e-14)  # the company does not matter
assert np.allclose(together, ops.dense_layer(layer, data, "tanh"), rtol=0, atol=1e-14)

fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.hist(in_company, bins=40, color=COLOURS["a"], label="training mode, 500 random batches of 16")
ax.axvline(alone[0, 0], color=COLOURS["l"], lw=2.5, label="frozen, whatever the batch")
ax.set(xlabel="output of a unit for one and the same utterance", yticks=[], ylim=(0, ax.get_ylim()[1] * 1.35))
ax.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# **What the authors' code does (D14).** It never switches to evaluation. At test time dropout still drops, and batch
# norm uses the test batch, so that the reported accuracy depends on how the test utterances are put in batches, and
# on chance. The paper does not mention it. This package evaluates with frozen statistics and without dropout; the
# authors' way is there as `protocol="released"`, and notebook 10 measures what it is worth.
#
# **All together.** `ops.dense_layer` is one line of the paper's Figure 3: dense, then dropout, then batch norm (if the
# layer has `gamma`), then the activation.

# %%
whole = ops.dense_layer(layer, x_in, "leaky_relu_0.01", 0.5, np.random.default_rng(2))
by_parts = ops.dense_layer({"W": layer["W"], "b": layer["b"]}, x_in, "identity")
by_parts = ops.dropout(by_parts, 0.5, np.random.default_rng(2))
by_parts = ops.leaky_relu(ops.batch_norm(layer, by_parts), 0.01)
assert np.allclose(whole, by_parts, rtol=0, atol=1e-14)

# %% [markdown]
# ## 5. The first random numbers
#
# Before training, $W$ must be something. All zeros would not do: all units of a layer would be alike, and get the
# same gradient forever. So: random numbers. How large? Take inputs with mean 0 and variance $v$, and independent
# weights with mean 0. Then the variances of a sum add up:
#
# $$ \operatorname{Var}(y_j) = \sum_{i=1}^{\text{fan\_in}} \operatorname{Var}(x_i W_{ij}) =
# \text{fan\_in} \cdot \operatorname{Var}(W) \cdot v. $$
#
# To keep the size, $\operatorname{Var}(W)$ must be $1 / \text{fan\_in}$. On the way back $W^T$ takes the place of
# $W$, and by the same reasoning the gradient keeps its size if $\operatorname{Var}(W) = 1 / \text{fan\_out}$. One
# cannot have both, and Glorot and Bengio (2010) take the middle, $2 / (\text{fan\_in} + \text{fan\_out})$. The
# variance of a uniform distribution between $-c$ and $c$ is $c^2 / 3$, hence
#
# $$ W_{ij} \sim \text{uniform in } \pm \sqrt{\frac{6}{\text{fan\_in} + \text{fan\_out}}}. $$

# %%
W = nn.init_dense(rng, 300, 200)["W"]
limit = np.sqrt(6 / (300 + 200))
assert 0.999 * limit < np.abs(W).max() <= limit
print(f"variance of W: {W.var():.5f}, by pencil {2 / (300 + 200):.5f}")
assert np.isclose(W.var(), 2 / 500, rtol=0.02)

# %% [markdown]
# **An experiment.** Ten layers of 100 units with tanh, with weights of a third of that size, of that size, and three
# times as large. What is left of the signal on its way forwards, and of the gradient on its way back?

# %%
depth, width = 10, 100
x_deep = rng.standard_normal((200, width))
glorot = {f"layer_{n}": nn.init_dense(rng, width, width) for n in range(depth)}


def deep(params, x):
    """The outputs of all layers."""
    outputs = []
    for n in range(depth):
        x = ops.dense_layer(params[f"layer_{n}"], x, "tanh")
        outputs.append(x)
    return outputs


fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.4), layout="constrained")
kept = {}
for factor, colour in ((1 / 3, COLOURS["a"]), (1, COLOURS["l"]), (3, COLOURS["v"])):
    params = {name: {"W": factor * p["W"], "b": p["b"]} for name, p in glorot.items()}
    outputs = [y.std() for y in deep(params, x_deep)]
    _, gradient = nn.value_and_grad(lambda p: weigh(deep(p, x_deep)[-1]), params)
    gradients = [np.sqrt(np.mean(gradient[f"layer_{n}"]["W"] ** 2)) for n in range(depth)]
    label = {1 / 3: "a third of it", 1: "Glorot's", 3: "three times that"}[factor]
    axes[0].plot(range(1, 11), outputs, "o-", color=colour, label=label)
    axes[1].plot(range(1, 11), gradients, "o-", color=colour)
    kept[factor] = outputs[-1]
axes[0].set(yscale="log", xlabel="layer", title="standard deviation of the output")
axes[1].set(yscale="log", xlabel="layer", title="root mean square of the gradient by $W$")
axes[0].legend(frameon=False, title="weights")
plt.show()
assert kept[1 / 3] < 1e-4 < 0.1 < kept[1] < 0.8 < kept[3]

# %% [markdown]
# With small weights the signal dies out forwards, and the gradient backwards. The gradient by $W$ is the product of
# both, and in all layers alike it is thousands of times smaller. With large weights every unit is saturated: the
# outputs are $\pm 1$, and the gradient grows from layer to layer on its way back (read the right picture from right
# to left). In between both stay within bounds.
#
# ## 6. From a gradient to a step
#
# The simplest rule, *gradient descent*: go downhill, in proportion to the slope.
#
# $$ \theta \leftarrow \theta - \eta\, g $$
#
# What is wrong with it is seen in a valley: steep walls, and a floor that falls gently to the minimum. Our valley is
# $f(\theta) = \frac{1}{2} (\theta_1^2 + 200\, \theta_2^2)$. Each step multiplies $\theta_1$ by $1 - \eta$ and
# $\theta_2$ by $1 - 200 \eta$. For $\eta > 2 / 200$ the second factor is below $-1$: $\theta_2$ jumps from wall to
# wall, ever higher. So the steep direction dictates $\eta$, and the flat one pays for it:

# %%
CURVATURES = np.array([1.0, 200.0])
START = np.array([-1.6, 0.4])


def valley(p):
    return 0.5 * (CURVATURES * p["theta"] ** 2).sum()


def descend(step, loss=valley, steps=100, start=START):
    """The path of an optimiser: step(params, gradient) changes the params in place. Returns (steps + 1, 2)."""
    params = nn.pack({"theta": start})  # nn.pack: see section 7
    path = [params["theta"].copy()]
    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, params)
        step(params, gradient)
        path.append(params["theta"].copy())
    return np.array(path)


def gradient_descent(lr):
    def step(params, gradient):
        params["theta"] -= lr * gradient["theta"]

    return step


def contours(ax, loss=valley):
    """The valley from above, in an axes."""
    s, t = np.meshgrid(np.linspace(-1.9, 1.3, 81), np.linspace(-1.1, 1.7, 71))
    height = np.array([loss({"theta": np.array(point)}) for point in zip(s.ravel(), t.ravel(), strict=True)])
    ax.contour(s, t, np.sqrt(height).reshape(s.shape), levels=np.arange(0.5, 20, 1.5), colors="0.8", linewidths=0.8)
    ax.plot(0, 0, "+", color="black", ms=12, mew=2)
    ax.set(xlim=(-1.9, 1.3), ylim=(-1.1, 1.7), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal",
           xlabel=r"$\theta_1$")


fig, axes = plt.subplots(1, 3, figsize=(8.6, 3), sharey=True, layout="constrained")
for ax, lr in zip(axes, (0.001, 0.0095, 0.01015), strict=True):
    path = descend(gradient_descent(lr), steps=60)
    assert np.allclose(path[-1], START * (1 - lr * CURVATURES) ** 60)  # by pencil
    contours(ax)
    ax.plot(*path.T, ".-", color=COLOURS["v"], lw=1, ms=4)
    ax.set_title(rf"$\eta = {lr:g}$, 60 steps", fontsize="medium")
axes[0].set_ylabel(r"$\theta_2$")
plt.show()

# %% [markdown]
# (The loss and the gradient are exact here. In training each batch gives another, noisy one, which makes it worse.)
#
# ## 7. Adam
#
# Adam (Kingma and Ba, 2015, Algorithm 1) puts two ideas together.
#
# **Average the gradient.** What jumps back and forth cancels out; what keeps its direction stays. A running average:
#
# $$ m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \qquad m_0 = 0. $$
#
# **Divide by the usual size**, for each parameter on its own. Steep directions get smaller steps, flat ones larger:
#
# $$ v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad v_0 = 0. $$
#
# Both begin at 0, and this must be made up for. Written out, $m_t = (1 - \beta_1) \sum_{i=1}^t \beta_1^{t-i} g_i$.
# The weights of the gradients are a geometric series, and add up to $1 - \beta_1^t$ instead of 1. If all $g_i$ have
# the expected value $\bar g$, that of $m_t$ is $(1 - \beta_1^t)\, \bar g$: too small at the beginning. So one divides
# by it. The same holds for $v_t$.
#
# $$ \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
# \theta_t = \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}. $$
#
# | symbol | usual value | meaning |
# |---|---|---|
# | $\beta_1$, $\beta_2$ | 0.9, 0.999 | how much of the past is kept; the paper's authors take $\beta_1 = 0.5$ (D13) |
# | $m$, $v$ | | running averages of gradient and squared gradient, one number a parameter |
# | $\epsilon$ | $10^{-8}$ | for parameters with hardly any gradient |

# %%
def adam_loop(theta, gradients, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Algorithm 1, one parameter at a time. gradients: one array for each step."""
    theta = theta.copy()
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(gradients, start=1):
        for i in range(len(theta)):
            m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
            v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] ** 2
            m_hat = m[i] / (1 - beta_1 ** t)
            v_hat = v[i] / (1 - beta_2 ** t)
            theta[i] -= lr * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta


theta, gradients = rng.standard_normal(7), rng.standard_normal((12, 7))
params = nn.pack({"theta": theta})
state = nn.init_adam(params)
for g in gradients:
    nn.adam(state, params, {"theta": g}, lr=0.1)
assert np.allclose(params["theta"], adam_loop(theta, gradients, lr=0.1), rtol=0, atol=1e-14)

# By pencil: in the first step m_hat = g and v_hat = g^2, so that it is eta times the sign of g, however large g is.
first = nn.pack({"theta": theta})
nn.adam(nn.init_adam(first), first, {"theta": 1000 * gradients[0]}, lr=0.1)
assert np.allclose(theta - first["theta"], 0.1 * np.sign(gradients[0]))

# %% [markdown]
# (`nn.pack` copies a tree of parameters into one long array. The tree's arrays are views of it, and the optimiser walks
# over a single array, in place.)
#
# **A picture** of the correction: gradients that are 1 on average, with noise. Without the division, the averages take
# 10 and 1000 steps to get near 1.

# %%
noisy = 1 + 0.5 * np.random.default_rng(4).standard_normal(60)
t = np.arange(1, 61)
fig, axes = plt.subplots(1, 2, figsize=(8.2, 3), layout="constrained")
for ax, beta, values, name in ((axes[0], 0.9, noisy, "m"), (axes[1], 0.999, noisy ** 2, "v")):
    average, averages = 0.0, []
    for value in values:
        average = beta * average + (1 - beta) * value
        averages.append(average)
    ax.plot(t, values, ".", color="0.7", label="$g$" if name == "m" else "$g^2$")
    ax.plot(t, averages, color=COLOURS["v"], label=f"${name}$")
    ax.plot(t, averages / (1 - beta ** t), color=COLOURS["l"], lw=2, label=rf"$\hat {name}$")
    ax.set(xlabel="step $t$", title=rf"$\beta = {beta:g}$", ylim=(-0.1, 3.4))
    ax.legend(frameon=False, ncols=3, loc="upper right")
plt.show()

# %% [markdown]
# **Weight decay, and what Adam makes of it (D13).** Many a network is trained with a term that pulls all parameters
# to 0: $\frac{\lambda}{2} \theta^2$ is added to the loss, and $\lambda \theta$ to the gradient. In gradient descent a
# larger $\lambda$ pulls harder. The authors' optimiser adds it *before* the averages. Then it is divided by its own
# size like everything else. Let us see a parameter without any other gradient, for two values of $\lambda$ that
# differ by 100:

# %%
for weight_decay in (1e-4, 1e-2):
    params = nn.pack({"theta": np.array([1.0])})
    state = nn.init_adam(params)
    for _ in range(100):
        nn.adam(state, params, {"theta": np.zeros(1)}, lr=1e-3, weight_decay=weight_decay)
    print(f"weight decay {weight_decay:g}: from 1 to {params['theta'][0]:.4f} after 100 steps")
    assert np.isclose(params["theta"][0], 0.9, atol=2e-3)

# %% [markdown]
# Both go down by about $\eta$ a step. Coupled weight decay in Adam is not a strength, but a share: it matters how large
# $\lambda \theta$ is *beside the other gradients of that parameter*. A parameter that is hardly used is pulled to 0 at
# full speed. (Decoupled weight decay, "AdamW", came later. The package does what the authors' code does.)
#
# ## 8. Adadelta
#
# The UCLN of the paper (notebook 04) is trained by Adadelta (Zeiler, 2012, Algorithm 1), which has no learning rate
# to choose. Its idea is an argument of physicists: *look at the units*. If $\theta$ is in metres, $g = \partial L /
# \partial \theta$ is in units of the loss per metre. So $\eta\, g$ is no length at all, unless $\eta$ has the right
# unit. Adam's $\hat m / \sqrt{\hat v}$ has no unit, and $\eta$ is a length. Newton's method has it right: $\theta$
# moves by $g / f''$, and $f''$ is in loss per square metre. Can one guess $1 / f''$ without second derivatives? From
# Newton's step $\Delta\theta = g / f''$ follows $1 / f'' = \Delta\theta / g$: steps that were made, divided by
# gradients. So
#
# $$ \Delta\theta_t = \frac{\operatorname{RMS}[\Delta\theta]_{t-1}}{\operatorname{RMS}[g]_t}\; g_t, \qquad
# \theta_t = \theta_{t-1} - \Delta\theta_t, $$
#
# with $\operatorname{RMS}[z] = \sqrt{E[z^2] + \epsilon}$ from running averages
# $E[z^2]_t = \rho\, E[z^2]_{t-1} + (1 - \rho)\, z_t^2$.
#
# | symbol | usual value | meaning |
# |---|---|---|
# | $E[g^2]$, $E[\Delta\theta^2]$ | | running averages of squared gradients and squared steps, from 0 |
# | $\rho$ | 0.95 | how much of the past is kept |
# | $\epsilon$ | $10^{-6}$ | without it, there would never be a first step |

# %%
def adadelta_loop(theta, gradients, rho=0.95, epsilon=1e-6):
    """Algorithm 1 of Zeiler, one parameter at a time."""
    theta = theta.copy()
    g2, d2 = np.zeros_like(theta), np.zeros_like(theta)
    for g in gradients:
        for i in range(len(theta)):
            g2[i] = rho * g2[i] + (1 - rho) * g[i] ** 2
            d = np.sqrt(d2[i] + epsilon) / np.sqrt(g2[i] + epsilon) * g[i]
            d2[i] = rho * d2[i] + (1 - rho) * d ** 2
            theta[i] -= d
    return theta


params = nn.pack({"theta": theta})
state = nn.init_adadelta(params)
for g in gradients:
    nn.adadelta(state, params, {"theta": g})
assert np.allclose(params["theta"], adadelta_loop(theta, gradients), rtol=0, atol=1e-14)

# By pencil: in the first step E[g^2] = (1 - rho) g^2, and the step is sqrt(epsilon / (1 - rho)) times the sign of g.
first = nn.pack({"theta": theta})
nn.adadelta(nn.init_adadelta(first), first, {"theta": 1000 * gradients[0]})
assert np.allclose(theta - first["theta"], np.sqrt(1e-6 / 0.05) * np.sign(gradients[0]), rtol=1e-3)
print(f"first step of Adadelta: {np.sqrt(1e-6 / 0.05):.4f}, whatever the gradient")

# %% [markdown]
# So there is a length hidden in it after all: $\sqrt\epsilon$, 0.001, from which the steps grow. It begins slowly.
#
# ## 9. A race in the valley
#
# Left, the valley of section 6. Right, the same one turned by 45°. Gradient descent cannot tell them apart. Adam and
# Adadelta can: they rescale each coordinate on its own, and this fits the valley only if it lies along an axis.

# %%
turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)  # by 45°


def turned_valley(p):
    return valley({"theta": (turn * p["theta"]).sum(axis=1)})  # turn @ theta


def adam(lr=0.05, betas=(0.9, 0.999)):
    state = {}

    def step(params, gradient):
        state.setdefault("adam", nn.init_adam(params))
        nn.adam(state["adam"], params, gradient, lr, betas)

    return step


def adadelta():
    state = {}

    def step(params, gradient):
        state.setdefault("adadelta", nn.init_adadelta(params))
        nn.adadelta(state["adadelta"], params, gradient)

    return step


RUNNERS = {"gradient descent": (lambda: gradient_descent(0.0095), COLOURS["v"]),
           "Adam": (adam, COLOURS["l"]), "Adadelta": (adadelta, COLOURS["a"])}
starts = {"valley": (valley, START), "turned by 45°": (turned_valley, turn.T @ START)}
paths = {(title, name): descend(make(), loss, steps=400, start=start)
         for title, (loss, start) in starts.items() for name, (make, _) in RUNNERS.items()}
for (title, name), path in paths.items():
    loss, _ = starts[title]
    print(f"{title:14} {name:17} loss after 100 steps {loss({'theta': path[100]}):.0e}, "
          f"after 400 steps {loss({'theta': path[400]}):.0e}")
assert np.allclose(paths["turned by 45°", "gradient descent"] @ turn.T, paths["valley", "gradient descent"])
heights = {key: starts[key[0]][0]({"theta": path[400]}) for key, path in paths.items()}
assert heights["valley", "Adam"] < heights["valley", "gradient descent"] / 1000
assert heights["turned by 45°", "Adam"] > heights["turned by 45°", "gradient descent"]

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 4.1), dpi=72, layout="constrained")
tracks, heads = {}, {}
for ax, (title, (loss, _)) in zip(axes, starts.items(), strict=True):
    contours(ax, loss)
    ax.set_title(title)
    for name, (_, colour) in RUNNERS.items():
        tracks[title, name], = ax.plot([], [], color=colour, lw=1.2, label=name)
        heads[title, name], = ax.plot([], [], "o", color=colour, ms=8, mec="white")
axes[0].set_ylabel(r"$\theta_2$")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
counter = axes[0].text(0.97, 0.03, "", transform=axes[0].transAxes, ha="right")
fig.get_layout_engine().set(w_pad=0.15, h_pad=0.12)  # inches, so that nothing touches the edge of the film
fig.canvas.draw()
fig.set_layout_engine("none")  # the layout stays as it is


def draw(step):
    for key, path in paths.items():
        tracks[key].set_data(*path[:step + 1].T)
        heads[key].set_data(*path[step:step + 1].T)
    counter.set_text(f"step {step}")


# The first is what a viewer shows that cannot animate.
moments = [400, *range(0, 40, 4), *range(40, 160, 15), *range(160, 401, 30), *[400] * 4]
with tempfile.TemporaryDirectory() as folder:  # an animated PNG, which needs no running kernel
    film = Path(folder) / "race.png"
    FuncAnimation(fig, draw, frames=moments).save(film, writer=PillowWriter(fps=10))
    display(Image(film.read_bytes(), alt="The paths of the three optimisers, step by step"))
plt.close(fig)

# %% [markdown]
# Left, gradient descent jumps from wall to wall and creeps along the floor. Adam takes the floor and the wall at the
# same pace, and overshoots at first, like a ball: its average keeps the direction of the past. Adadelta starts
# slowly, then finds its pace.
#
# Right, both have lost their advantage: after 400 steps Adam is behind plain gradient descent. Where the valley lies
# crosswise, steep and flat are mixed in each coordinate, and no rescaling of single coordinates pulls them apart. That
# Adam does well on networks says something about their losses.
#
# **What does not matter to Adam.** Multiply the loss by 1000. Gradient descent would leap out of the valley; Adam and
# Adadelta do not even notice, since both $\hat m$ and $\sqrt{\hat v}$ get 1000 times as large. That is why the
# weights between the losses of the paper (the 0.5 in Eq. 9, say) hardly matter where a loss has moments of its own
# (notebook 07).

# %%
for name, make in {"Adam": adam, "Adadelta": adadelta}.items():
    scaled = descend(make(), lambda p: 1000 * valley(p), steps=400)
    difference = np.abs(scaled - paths["valley", name]).max()
    print(f"{name}: largest difference of the paths {difference:.1e}")
    assert difference < 1e-2

# %% [markdown]
# **And $\beta_1 = 0.5$ (D13)?** The authors halve the memory for the direction, as is usual where two networks play
# against each other: what was downhill ten steps ago may be uphill now. In our valley it means less overshooting:

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for beta_1, colour in ((0.9, COLOURS["l"]), (0.5, COLOURS["v"]), (0.0, "0.5")):
    path = descend(adam(betas=(beta_1, 0.999)), steps=150)
    ax.plot(path[:, 0], color=colour, label=rf"$\beta_1 = {beta_1:g}$")
ax.axhline(0, color="0.6", ls=":")
ax.set(xlabel="step", ylabel=r"$\theta_1$", title="Adam along the floor of the valley")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed
# random inputs. If something is wrong it says what it looks like. Solutions are in
# `tutorials/solutions/02_layers_and_optimisers.py`.
#
# **2.1 Dropout.** Given random numbers $u$, uniform between 0 and 1, drop the entries where $u < p$, as in section 3.

# %%
def dropout(x, drop_rate, u):
    """x and u (B, width). Returns (B, width)."""
    raise NotImplementedError("exercise 2.1")


check("2.1", dropout)

# %% [markdown]
# **2.2 Back through a batch norm.** The hardest pencil work of this course. Given $g = \partial L / \partial y$, find
# $\partial L / \partial x$ in training mode. $x_b$ acts in three ways: on $\hat x_b$ itself, through $\mu$ and through
# $s^2$. Hint: with $G = \gamma\, g$, it comes down to three terms, $G$, the mean of $G$ over the batch, and the mean of
# $G \hat x$ over the batch.

# %%
def batch_norm_back(g, x, gamma):
    """g and x (B, width), gamma (1, width); epsilon is 1e-5. Returns the gradient by x, (B, width)."""
    raise NotImplementedError("exercise 2.2")


check("2.2", batch_norm_back)

# %% [markdown]
# **2.3 One step of Adam**, the one with number $t$, with the formulas of section 7 for whole arrays.

# %%
def adam_step(theta, g, m, v, t, lr, beta_1, beta_2):
    """m and v are those of step t - 1; epsilon is 1e-8. Returns the new theta."""
    raise NotImplementedError("exercise 2.3")


check("2.3", adam_step)

# %% [markdown]
# **2.4 The right size for leaky ReLU.** Section 5 has left out the activation. Behind a leaky ReLU of slope $s$, what
# is the mean square of the output, if its input is symmetric around 0 with variance $v$? Choose the limit of a
# uniform distribution so that the mean square stays the same from layer to layer on the way forwards. (It is the mean
# square that counts for the next layer, since the output has no longer mean 0.)

# %%
def limit_for_leaky_relu(fan_in, slope):
    """The c for which W uniform between -c and c keeps the mean square."""
    raise NotImplementedError("exercise 2.4")


check("2.4", limit_for_leaky_relu)

# %% [markdown]
# **To go on.** Adam and Adadelta rescale each coordinate on its own. What would an optimiser need that is not
# troubled by a turned valley? What would it cost for a million parameters? And does a real loss have turned valleys:
# take a small dense layer, estimate its second derivatives by differences of gradients (notebook 01), and look at how
# far off the diagonal they are.

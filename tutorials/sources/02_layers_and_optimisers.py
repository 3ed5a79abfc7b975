# %% [markdown]
# # 02 · Layers and optimisers
#
# *Needs: 01. Minutes: 25. Paper: "Experimental details", Figure 3.*
#
# Before: [01 · Gradients you can trust](01_gradients.ipynb). Next:
# [03 · The data](03_the_data.ipynb). The minutes are those of reading; the exercises take another
# 80.
#
# The networks of the paper are built from the same few parts: dense layers, activations, dropout,
# batch norm. (One of them, the UCLN, also has an LSTM, which notebook [04](04_context.ipynb)
# explains.) Each network is trained with Adam, or with Adadelta. The paper takes them as known.
# **What do these parts do, and how does a gradient become a step?** After this notebook you know
# every building block of the paper's equations.
#
# On the way you will
#
# - write each layer as a loop, and see that the package computes the same, with the right gradient;
# - see how the output for one utterance depends on the others in its batch, and how to prevent
#   that;
# - find out why the scale of the initial weights matters, and what it should be;
# - derive Adam and Adadelta, and watch them run down a valley;
# - put the parts together into a network that learns two spirals, and look inside it.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $x$, $y$ | `(B, fan_in)`, `(B, fan_out)` | input and output of a layer, for `B` utterances |
# | $W$, $b$ | `(fan_in, fan_out)`, `(1, fan_out)` | weights and bias of a dense layer |
# | $q$ | 1 | drop rate: the probability that dropout sets a unit to 0 |
# | $\gamma$, $\beta$ | `(1, width)` | scale and shift of a batch norm |
# | $L$, $g$ | 1, that of a parameter | loss; gradient of $L$ (notebook 01) |
# | $\theta$ | | any one of the parameters |
# | $\eta$ | 1 | learning rate: how large a step is |
# | $m$, $v$, $\beta_1$, $\beta_2$ | | Adam's running averages and their memory (section 7) |
# | $\rho$, $\epsilon$ | 1 | memory of Adadelta (section 8), small constant of an optimiser |

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image

from argf_np import nn
from argf_np.nn import ops
from drawings import STYLE
from drawings import notebook_02 as draw
from exercises import check

nn.use("readable")  # the textbook operations; notebook 12 shows faster ones with the same values
plt.rcParams.update(STYLE)


def weigh(y):
    """A scalar for gradient checks: the sum of y's entries, each times a number of its own.

    A plain sum would let mistakes through: that of a softmax, say, is always 1.
    """
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def same(name, a, b):
    """Print the largest difference of two arrays, and stop if it is more than rounding."""
    difference = np.abs(a - b).max()
    print(f"{name}: largest difference {difference:.0e}")
    assert difference < 1e-13


# %% [markdown]
# ## 1. The dense layer
#
# Each output is a weighted sum of all inputs, plus a bias:
#
# $$ y_j = \sum_{i} x_i W_{ij} + b_j, \qquad \text{for a whole batch at once: } y = x W + b. $$

# %%
rng = np.random.default_rng(0)
B, fan_in, fan_out = 5, 4, 3
x = rng.standard_normal((B, fan_in))
layer = nn.init_dense(rng, fan_in, fan_out)  # {"W": ..., "b": ...}; section 5 explains the numbers
layer["b"] = rng.standard_normal((1, fan_out))  # it starts at 0, which would not test much

y_loop = np.zeros((B, fan_out))
for utterance in range(B):
    for j in range(fan_out):
        y_loop[utterance, j] = layer["b"][0, j]
        for i in range(fan_in):
            y_loop[utterance, j] += x[utterance, i] * layer["W"][i, j]

y = ops.dense_layer(layer, x, "identity")  # (B, fan_out); "identity": no activation, section 2
print(y.round(2))
same("package and loop", y, y_loop)


def dense_loss(p):
    return weigh(ops.dense_layer(p["layer"], p["x"], "identity"))


nn.check_gradient(dense_loss, {"layer": layer, "x": x}, rng)

# %% [markdown]
# The last line compares the gradient with finite differences, and prints nothing if they agree. By
# hand it is $\partial L / \partial W = x^T g$ and $\partial L / \partial x = g\, W^T$, as in
# [notebook 01](01_gradients.ipynb), where $g$ is the gradient with respect to $y$. Since $b$ serves
# all utterances of the batch, its gradient is the sum of $g$ over the batch.
#
# ## 2. Activations
#
# Two dense layers in a row are no more than one:
# $(x W_1 + b_1) W_2 + b_2 = x\, (W_1 W_2) + (b_1 W_2 + b_2)$. To gain anything, something must bend
# in between. These are the activations of the paper:
#
# $$
# \begin{array}{lll}
# \text{leaky ReLU} & y = x \text{ if } x > 0, \text{ else } s\,x & y' = 1 \text{ or } s \\
# \tanh & y = (e^x - e^{-x}) \,/\, (e^x + e^{-x}) & y' = 1 - y^2 \\
# \text{sigmoid } \sigma & y = 1 \,/\, (1 + e^{-x}) & y' = y\, (1 - y) \\
# \text{softmax} & y_i = e^{x_i} \,/\, \sum_j e^{x_j}
# & \partial y_i / \partial x_j = y_i\, (\delta_{ij} - y_j)
# \end{array}
# $$
#
# | activation | where in the paper |
# |---|---|
# | leaky ReLU | encoders ($s$ = 0.01); decoders, discriminator, fused pairs ($s$ = 0.2) |
# | tanh | end of encoders, decoders and fused vertices; in discriminator, classifier, $Dec$ |
# | sigmoid | discriminator, weights of the modalities |
# | softmax | class probabilities, weights of vertices, similarity of vertices (Eq. 12) |
#
# ($\delta_{ij}$ is 1 for $i = j$, and otherwise 0.) The derivatives of tanh, sigmoid and softmax
# are written with the output $y$, so the backward pass needs no exponential again. The next cell
# takes the derivatives of the first three from the tape, to compare with these formulas. *Predict
# before you run:* which of leaky ReLU, tanh and sigmoid has the smallest slope just right of 0?

# %%
def leaky_relu(x):
    return ops.leaky_relu(x, 0.2)


def slope_of(function, x):
    """The derivative of an activation at each entry of x, by the tape."""
    _, gradient = nn.value_and_grad(lambda p: function(p["x"]).sum(), {"x": x})
    return gradient["x"]


x_line = np.linspace(-3.05, 3.05, 200)  # does not hit the kink at 0
activations = {"leaky ReLU, $s = 0.2$": leaky_relu, "tanh": ops.tanh, "sigmoid": ops.sigmoid}
values = {name: function(x_line) for name, function in activations.items()}
slopes = {name: slope_of(function, x_line) for name, function in activations.items()}
assert np.allclose(slopes["tanh"], 1 - values["tanh"] ** 2)
assert np.allclose(slopes["sigmoid"], values["sigmoid"] * (1 - values["sigmoid"]))
for name, slope in slopes.items():
    print(f"{name.replace('$', ''):20} slope at -3: {slope[1]:.3f}; "
          f"left and right of 0: {slope[99]:.2f}, {slope[100]:.2f}")
draw.activations(x_line, values, slopes)
plt.show()

# %% [markdown]
# Look at the derivatives. Those of tanh and sigmoid go to zero on either side. There the unit is
# *saturated* and lets hardly any gradient through. The derivative of the sigmoid is nowhere above
# 1/4. That of the leaky ReLU never falls below its slope $s$. So most hidden layers of the paper
# have a leaky ReLU, a few have a tanh, and a tanh, a sigmoid or a softmax stands where the output
# has to lie between bounds.
#
# ## 3. Dropout
#
# The paper's data sets are small: from 1,141 (MOSI) to 13,168 (MOSEI) training utterances for a
# network with more than a million parameters, which could learn them by heart. *Dropout*
# (Srivastava and others, 2014) makes that harder. In training, each unit is set to 0 with
# probability $q$, drawn anew for every batch. So no unit can rely on another one being there.
#
# $$ y_i = x_i \cdot \text{mask}_i, \qquad \text{mask}_i = 0 \text{ with probability } q,
# \text{ else } \frac{1}{1 - q}. $$
#
# $q$ is the *drop* rate. (Some libraries give the *keep* rate instead. The drop rate of 0.9 that
# the paper's authors use in the UCLN is quite different from a keep rate of 0.9.) Why the division?
# The expected value of the mask is $(1 - q) / (1 - q) = 1$, so that of $y_i$ is $x_i$. The next
# layer sees inputs of the same size in training and afterwards, when nothing is dropped any more.

# %%
drop_rate = 0.3
x_wide = rng.standard_normal((6, 40))
mask = ops.dropout_mask(np.random.default_rng(5), x_wide.shape, drop_rate, x_wide.dtype)
print("the first entries of a mask:", mask[0, :8].round(2))

u = np.random.default_rng(5).random(x_wide.shape, dtype="float32")  # the numbers the mask is from
y_loop = np.zeros_like(x_wide)
for utterance in range(6):
    for i in range(40):
        if u[utterance, i] >= drop_rate:
            y_loop[utterance, i] = x_wide[utterance, i] / (1 - drop_rate)
same("training", ops.dropout(x_wide, drop_rate, np.random.default_rng(5)), y_loop)
same("evaluation", ops.dropout(x_wide, drop_rate, None), x_wide)  # no generator: nothing is dropped


def dropped(p):
    """With the same mask each time: a gradient check needs a function that does not change."""
    return ops.dropout(p["x"], drop_rate, np.random.default_rng(5))


nn.check_gradient(lambda p: weigh(dropped(p)), {"x": x_wide}, rng)
_, gradient = nn.value_and_grad(lambda p: dropped(p).sum(), {"x": x_wide})
same("gradient and mask", gradient["x"], mask)  # by hand: the derivative is the mask

# %% [markdown]
# The price is noise. By hand, the standard deviation of the mask is $\sqrt{q / (1 - q)}$. We send
# the input 1 through a hundred thousand masks:

# %%
for q in (0.1, 0.5, 0.9):
    outputs = ops.dropout(np.ones(100_000), q, np.random.default_rng(1))
    by_hand = np.sqrt(q / (1 - q))
    print(f"drop rate {q}: output {outputs.mean():.2f} on average, "
          f"standard deviation {outputs.std():.2f}, by hand {by_hand:.2f}")
    assert abs(outputs.std() - by_hand) < 0.02

# %% [markdown]
# The mean is right for any $q$. But at a drop rate of 0.9 the noise is three times as large as the
# signal.
#
# ### Exercise 2.1 ★ (5 minutes): dropout
#
# Given random numbers $u$, uniform between 0 and 1, drop the entries where $u < q$. Replace the
# line with `raise` by your answer and run the cell.

# %%
def dropout(x, drop_rate, u):
    """x and u (B, width). Returns (B, width)."""
    raise NotImplementedError("exercise 2.1")


check("2.1", dropout)

# %% [markdown]
# ## 4. Batch norm and its two modes
#
# While a network learns, the inputs of its inner layers keep changing in size, because the layers
# before them change. *Batch norm* (Ioffe and Szegedy, 2015) fixes mean and spread. It shifts and
# scales each unit by the statistics of the batch, and then by two learnt numbers:
#
# $$ \mu = \frac{1}{B} \sum_b x_b, \qquad \text{var} = \frac{1}{B} \sum_b (x_b - \mu)^2, \qquad
# \hat x_b = \frac{x_b - \mu}{\sqrt{\text{var} + 10^{-5}}}, \qquad
# y_b = \gamma\, \hat x_b + \beta. $$
#
# Here $\mu$ and var have one number per unit, and so shape `(1, width)`. The normalised $\hat x$
# has mean 0 and standard deviation 1. (The $10^{-5}$ is there in case a unit does not vary.)

# %%
B, width = 6, 3
x = 3 + 2 * rng.standard_normal((B, width))
norm = {"gamma": rng.uniform(0.5, 1.5, (1, width)), "beta": rng.standard_normal((1, width))}

y_loop = np.zeros((B, width))
for j in range(width):
    mean = sum(x[b, j] for b in range(B)) / B
    variance = sum((x[b, j] - mean) ** 2 for b in range(B)) / B
    for b in range(B):
        x_hat = (x[b, j] - mean) / np.sqrt(variance + ops.EPSILON)
        y_loop[b, j] = norm["gamma"][0, j] * x_hat + norm["beta"][0, j]

y = ops.batch_norm(norm, x)
same("package and loop", y, y_loop)
nn.check_gradient(lambda p: weigh(ops.batch_norm(p["norm"], p["x"])), {"norm": norm, "x": x}, rng)

# Neither a shift nor a scale of the input makes a difference (up to the 1e-5):
assert np.allclose(ops.batch_norm(norm, 100 + 7 * x), y, atol=1e-3)

# %% [markdown]
# **A picture.** Along which axis is the mean taken? Down the columns: one column is one unit, one
# row one utterance. The numbers below each column are its mean and standard deviation. Before, they
# differ from unit to unit; afterwards ($\gamma = 1$, $\beta = 0$) they are 0 and 1 everywhere.

# %%
shown = rng.standard_normal((8, 6)) * [0.3, 2, 1, 0.5, 1.5, 1] + [2, 0, -2, 1, -1, 3]
normalised = ops.batch_norm(nn.init_batch_norm(6), shown)
draw.two_batches(shown, normalised)
plt.show()

# %% [markdown]
# Two consequences, by hand. A shift of the whole batch changes nothing, so the gradient with
# respect to $x$ adds up to 0 over the batch. And the bias of a dense layer *directly* before a
# batch norm is such a shift, so its gradient is 0 as well. (In the paper's encoders dropout stands
# in between. It drops the bias for some utterances and not for others, and so there the bias has a
# gradient.)

# %%
layer = nn.init_dense(rng, fan_in, width, norm=True)  # so dense_layer has a batch norm
x_in = rng.standard_normal((B, fan_in))
_, gradient = nn.value_and_grad(lambda p: weigh(ops.batch_norm(norm, p["x"])), {"x": x})
largest_sum = np.abs(gradient["x"].sum(axis=0)).max()
print(f"gradient with respect to x, summed over the batch: {largest_sum:.0e}")
assert np.allclose(gradient["x"].sum(axis=0), 0)

_, gradient = nn.value_and_grad(lambda p: weigh(ops.dense_layer(p, x_in, "identity")), layer)
print(f"gradient with respect to b: at most {np.abs(gradient['b']).max():.0e}")
assert np.allclose(gradient["b"], 0)

# %% [markdown]
# **In training, the result depends on the other utterances.** $\mu$ and var come from the batch. So
# the output for one utterance changes with the others that happen to be in its batch. In training
# this is welcome noise. At test time it would be wrong. And alone in its batch, every utterance is
# its own mean, so $\hat x = 0$, and all of them give the same output, here $\tanh(\beta) = 0$:

# %%
data = rng.standard_normal((400, fan_in))  # 400 training utterances
x_one = data[:1]
in_company = []
for _ in range(500):
    others = data[rng.choice(np.arange(1, 400), 15, replace=False)]
    batch = np.concatenate([x_one, others])
    in_company.append(ops.dense_layer(layer, batch, "tanh")[0, 0])
print(f"one utterance, 500 batches: from {min(in_company):.2f} to {max(in_company):.2f}")
for utterance in data[:3]:
    print("alone in a batch:", ops.dense_layer(layer, utterance[None], "tanh")[0])

# %% [markdown]
# **In evaluation, the statistics are fixed.** Other libraries keep a running average of $\mu$ and
# var during training, hidden in the layer. This package has no hidden state. After training,
# `nn.batch_norm_statistics` runs the network over the training utterances once and puts `mean` and
# `var` beside `gamma` and `beta`. A batch norm that finds them uses them:

# %%
def run(p, batch):
    return ops.dense_layer(p, batch, "tanh")


evaluated = nn.batch_norm_statistics(layer, run, [data])
print("parameters in training:  ", *layer)
print("parameters in evaluation:", *evaluated)
alone = run(evaluated, x_one)
same("alone and in company", alone[0], run(evaluated, data)[0])  # the others do not matter
same("both modes, all training data", run(evaluated, data), run(layer, data))

# %% [markdown]
# **A picture** of both modes. The bars are the 500 outputs for one and the same utterance in
# training mode. The line is the single output of evaluation mode. It lies in the middle of them.

# %%
draw.modes(in_company, alone[0, 0])
plt.show()

# %% [markdown]
# **What the authors' code does** ([D14](../DEVIATIONS.md#d14)). It never switches to evaluation. At
# test time dropout still drops, and batch norm uses the test batch. So the reported accuracy
# depends on chance and on how the test utterances are put in batches. The paper does not mention
# it. This package evaluates with fixed statistics and without dropout; `protocol="released"` does
# as the authors do.
#
# **All together.** `ops.dense_layer` is one line of the paper's Figure 3: dense, then dropout, then
# batch norm (if the layer has `gamma`), then the activation.

# %%
whole = ops.dense_layer(layer, x_in, "leaky_relu_0.01", 0.5, np.random.default_rng(2))
by_parts = ops.dense_layer({"W": layer["W"], "b": layer["b"]}, x_in, "identity")
by_parts = ops.dropout(by_parts, 0.5, np.random.default_rng(2))
by_parts = ops.leaky_relu(ops.batch_norm(layer, by_parts), 0.01)
same("whole and parts", whole, by_parts)

# %% [markdown]
# ## 5. The initial weights
#
# Before training, $W$ must be something. All zeros would not do: all units of a layer would be
# alike, and receive the same gradient forever. So the weights start as random numbers. How large?
# Take inputs with mean 0, and independent weights with mean 0. Then the variances of the terms of a
# sum add up:
#
# $$ \operatorname{Var}(y_j) = \sum_{i=1}^{\text{fan\_in}} \operatorname{Var}(x_i W_{ij}) =
# \text{fan\_in} \cdot \operatorname{Var}(W) \cdot \operatorname{Var}(x). $$
#
# To keep the size of the signal, $\operatorname{Var}(W)$ must be $1 / \text{fan\_in}$. In the
# backward pass $W^T$ takes the place of $W$, and by the same reasoning the gradient keeps its size
# if $\operatorname{Var}(W) = 1 / \text{fan\_out}$. Unless the layer is square, we cannot have both.
# Glorot and Bengio (2010) compromise: $2 / (\text{fan\_in} + \text{fan\_out})$. The variance of a
# uniform distribution between $-c$ and $c$ is $c^2 / 3$, hence
#
# $$ W_{ij} \sim \text{uniform in } \pm \sqrt{\frac{6}{\text{fan\_in} + \text{fan\_out}}}. $$
#
# This is what `nn.init_dense` draws. Let us try it. Ten layers of 100 units with tanh get Glorot's
# weights, then a third of them, then three times as large ones. What is left of the signal after
# each layer, and of the gradient? *Predict before you run:* what happens to the output of layer 10
# in each case?

# %%
depth, width = 10, 100
x_deep = rng.standard_normal((200, width))
glorot = {f"layer_{n}": nn.init_dense(rng, width, width) for n in range(depth)}
assert np.isclose(glorot["layer_0"]["W"].var(), 2 / (width + width), rtol=0.05)


def deep(params, x):
    """The outputs of all layers."""
    outputs = []
    for n in range(depth):
        x = ops.dense_layer(params[f"layer_{n}"], x, "tanh")
        outputs.append(x)
    return outputs


signals = {}
print("weights        output: layer 1, 10   beyond ±0.95   gradient: layer 1, 10")
for label, factor in (("Glorot's / 3", 1 / 3), ("Glorot's", 1), ("3 × Glorot's", 3)):
    params = {name: {"W": factor * p["W"], "b": p["b"]} for name, p in glorot.items()}
    outputs = deep(params, x_deep)
    sizes = [y.std() for y in outputs]
    saturated = np.mean(np.abs(outputs[-1]) > 0.95)
    _, gradient = nn.value_and_grad(lambda p: weigh(deep(p, x_deep)[-1]), params)
    gradients = [np.sqrt(np.mean(p["W"] ** 2)) for p in gradient.values()]
    signals[label] = sizes, gradients
    print(f"{label:14} {sizes[0]:13.0e} {sizes[-1]:6.0e} {saturated:14.0%} "
          f"{gradients[0]:16.0e} {gradients[-1]:6.0e}")
draw.signals(signals)
plt.show()

# %% [markdown]
# With small weights the signal dies out on the way forwards: in layer 10 nothing is left (left
# picture, squares). The gradient of $W$ is a product of the signal that came in and the gradient
# that comes back, and so it is thousands of times smaller in all layers. With large weights about
# half of the outputs are saturated, beyond $\pm 0.95$, where the slope of tanh is below 0.1. The
# gradient grows from layer to layer in the backward pass all the same (read the right picture from
# right to left): the threefold $W^T$ outweighs the small slopes. With Glorot's weights both stay
# within bounds. (These layers are square, so Glorot's variance is $1 / \text{fan\_in}$. The output
# shrinks a little because tanh squeezes it, which the calculation has left out.)
#
# ## 6. From a gradient to a step
#
# The simplest rule is *gradient descent*: go downhill, in proportion to the slope.
#
# $$ \theta \leftarrow \theta - \eta\, g $$
#
# A valley with steep walls and a nearly flat floor shows what is wrong with it. Our valley is
# $f(\theta) = \frac{1}{2} (\theta_1^2 + 200\, \theta_2^2)$. Each step multiplies $\theta_1$ by
# $1 - \eta$ and $\theta_2$ by $1 - 200\, \eta$. For $\eta > 2 / 200$ the second factor is below
# $-1$: $\theta_2$ jumps from wall to wall, ever higher. So the steep direction dictates $\eta$, and
# the flat one pays for it.

# %%
CURVATURES = np.array([1.0, 200.0])
START = np.array([-1.6, 0.4])


def valley(p):
    return 0.5 * (CURVATURES * p["theta"] ** 2).sum()


def init_nothing(params):
    """The state of an optimiser without a memory."""


def gradient_descent(state, params, gradient, lr):
    params["theta"] -= lr * gradient["theta"]


def descend(init, step, steps, loss=valley, start=START, **options):
    """The path of an optimiser, (steps + 1, 2). `step` changes state and params in place."""
    params = {"theta": start.copy()}
    state = init(params)
    path = [start]
    for _ in range(steps):
        _, gradient = nn.value_and_grad(loss, params)
        step(state, params, gradient, **options)
        path.append(params["theta"].copy())
    return np.array(path)


paths = {}
for lr in (0.001, 0.0095, 0.01015):
    paths[lr] = descend(init_nothing, gradient_descent, steps=30, lr=lr)
    assert np.allclose(paths[lr][-1], START * (1 - lr * CURVATURES) ** 30)  # by hand
    print(f"eta = {lr:g}: after 30 steps at ({paths[lr][-1][0]:.2f}, {paths[lr][-1][1]:.2f})")
draw.descents(valley, paths)
plt.show()

# %% [markdown]
# Left, the steps are small, and $\theta_1$ hardly moves. In the middle, $\theta_2$ jumps from wall
# to wall and calms down slowly. Right, $\eta$ is 7 % larger, and the jumps grow. (In training the
# gradient is noisy as well, which makes it worse.)
#
# ## 7. Adam
#
# Adam (Kingma and Ba, 2015, Algorithm 1) combines two ideas.
#
# **Average the gradient.** What jumps back and forth cancels out; what keeps its direction stays. A
# running average:
#
# $$ m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \qquad m_0 = 0. $$
#
# **Divide by the usual size**, for each parameter on its own. Steep directions get smaller steps,
# flat ones larger steps:
#
# $$ v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad v_0 = 0. $$
#
# Both averages start at zero, which biases them; we have to correct for it. Written out,
# $m_t = (1 - \beta_1) \sum_{i=1}^t \beta_1^{t-i} g_i$. The weights of the gradients are a geometric
# series and add up to $1 - \beta_1^t$ instead of 1. If all $g_i$ have the expected value $\bar g$,
# that of $m_t$ is $(1 - \beta_1^t)\, \bar g$, too small at the beginning. So we divide by this
# factor. The same holds for $v_t$.
#
# $$ \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
# \theta_t = \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}. $$
#
# The usual values are $\beta_1 = 0.9$, $\beta_2 = 0.999$ and $\epsilon = 10^{-8}$. The $\epsilon$
# helps where a parameter has hardly any gradient.
#
# The authors take $\beta_1 = 0.5$. This is usual where two networks play against each other:
# what was downhill ten steps ago may be uphill now. An experiment at the end shows another effect.

# %%
def adam_loop(theta, gradients, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Algorithm 1, one parameter at a time. gradients: one array per step."""
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
params = {"theta": theta.copy()}
state = nn.init_adam(params)  # t, m and v
for g in gradients:
    nn.adam(state, params, {"theta": g}, lr=0.1)  # changes state and params in place
same("package and loop", params["theta"], adam_loop(theta, gradients, lr=0.1))

# By hand: in the first step m_hat = g and v_hat = g^2, so theta moves by -eta * sign(g).
first = {"theta": theta.copy()}
nn.adam(nn.init_adam(first), first, {"theta": 1000 * gradients[0]}, lr=0.1)
print("first step:", (first["theta"] - theta).round(6))

# %% [markdown]
# **A picture** of the correction: gradients that are 1 on average, with noise. Without the division
# (dashed), $m$ reaches 90 % of its goal after 22 steps, and $v$ only after 2300, far outside the
# picture. With it (thick line), both are near the mean of the dots after a few steps.

# %%
noisy = 1 + 0.5 * np.random.default_rng(4).standard_normal(60)
draw.averages(noisy)
plt.show()
for beta in (0.9, 0.999):
    print(f"memory {beta}: 90 % after {np.log(0.1) / np.log(beta):.0f} steps")

# %% [markdown]
# **Weight decay, and what Adam makes of it.** Many networks are trained with a term that pulls all
# parameters towards 0: $\frac{\lambda}{2} \theta^2$ is added to the loss, and so $\lambda \theta$
# to the gradient. ($\lambda$ is the *weight decay* here, and not the $\lambda$ of Eq. 9.) The
# authors' optimiser adds it *before* the averages ([D13](../DEVIATIONS.md#d13)). Then Adam divides
# it, together with the rest of the gradient, by their usual size, as it does with every gradient.
# *Predict before you run:* a parameter of 1 gets no other gradient. Where is it after 100 steps of
# $\eta = 0.001$ with $\lambda = 0.0001$, and where with $\lambda = 0.01$?

# %%
for weight_decay in (1e-4, 1e-2):
    params = {"theta": np.array([1.0])}
    state = nn.init_adam(params)
    for _ in range(100):
        nn.adam(state, params, {"theta": np.zeros(1)}, lr=1e-3, weight_decay=weight_decay)
    print(f"weight decay {weight_decay:g}: from 1 to {params['theta'][0]:.4f} after 100 steps")
    assert np.isclose(params["theta"][0], 0.9, atol=2e-3)

# %% [markdown]
# Both fall by about $\eta$ per step, whatever $\lambda$ is. What counts in Adam is how large
# $\lambda \theta$ is *compared with the other gradients of that parameter*. A parameter that is
# hardly used is pulled to 0 at full speed. So $\lambda$ must fit the size of the losses: where the
# package takes means over the batch in place of the authors' sums, it divides $\lambda$ by the
# batch size as well ([D20](../DEVIATIONS.md#d20)).
#
# ## 8. Adadelta
#
# The UCLN of the paper ([notebook 04](04_context.ipynb)) is trained with Adadelta (Zeiler, 2012,
# Algorithm 1), which has no learning rate to choose. Its idea is to look at the units. If $\theta$
# is in metres, $g = \partial L / \partial \theta$ is in units of the loss per metre, so a step of
# $\eta\, g$ is a length only if $\eta$ happens to have the right unit. Newton's method, applied to
# the equation $f' = 0$ (here $f$ is the loss as a function of $\theta$, so $f' = g$), takes the
# step $g / f''$. This is a length, since $f''$ is in loss per square metre. Can we guess $1 / f''$
# without second derivatives? Newton's step $\Delta\theta = g / f''$ gives $1 / f'' = \Delta\theta /
# g$: the steps so far, divided by the gradients. So
#
# $$ \Delta\theta_t = \frac{\operatorname{RMS}[\Delta\theta]_{t-1}}{\operatorname{RMS}[g]_t}\; g_t,
# \qquad \theta_t = \theta_{t-1} - \Delta\theta_t, $$
#
# with $\operatorname{RMS}[z] = \sqrt{E[z^2] + \epsilon}$ from running averages
# $E[z^2]_t = \rho\, E[z^2]_{t-1} + (1 - \rho)\, z_t^2$.
#
# These averages start at 0, and usually $\rho = 0.95$. Without $\epsilon$, usually $10^{-6}$, there
# would never be a first step.

# %%
def adadelta_loop(theta, gradients, rho=0.95, epsilon=1e-6):
    """Algorithm 1 of Zeiler, one parameter at a time."""
    theta = theta.copy()
    g2, d2 = np.zeros_like(theta), np.zeros_like(theta)
    for g in gradients:
        for i in range(len(theta)):
            g2[i] = rho * g2[i] + (1 - rho) * g[i] ** 2
            step = np.sqrt(d2[i] + epsilon) / np.sqrt(g2[i] + epsilon) * g[i]
            d2[i] = rho * d2[i] + (1 - rho) * step ** 2
            theta[i] -= step
    return theta


params = {"theta": theta.copy()}
state = nn.init_adadelta(params)
for g in gradients:
    nn.adadelta(state, params, {"theta": g})
same("package and loop", params["theta"], adadelta_loop(theta, gradients))

# By hand: at first E[g^2] = (1 - rho) g^2, and the step is +- sqrt(epsilon / (1 - rho)).
first = {"theta": theta.copy()}
nn.adadelta(nn.init_adadelta(first), first, {"theta": 1000 * gradients[0]})
print("first step:", (first["theta"] - theta).round(5), f"by hand {np.sqrt(1e-6 / 0.05):.5f}")
assert np.allclose(theta - first["theta"], np.sqrt(1e-6 / 0.05) * np.sign(gradients[0]), rtol=1e-3)

# %% [markdown]
# So there is a length hidden in it after all. It comes from $\epsilon$: the first step is about
# $\sqrt{\epsilon / (1 - \rho)} = 0.0045$ long for every gradient that is much larger than this
# number (hence the 1000 above), and shorter for smaller ones. The later steps grow from there. It
# starts slowly.
#
# ## 9. A race in the valley
#
# The valley of section 6, and the same one turned by 45°. To gradient descent both are the same.
# Adam and Adadelta rescale each coordinate on its own, and this fits the valley only if it lies
# along an axis. *Predict before you run:* which of the three is best after 400 steps in the first
# valley, and which in the turned one?

# %%
turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)  # by 45°


def turned_valley(p):
    return valley({"theta": (turn * p["theta"]).sum(axis=1)})  # turn @ theta


RUNNERS = {"gradient descent": (init_nothing, gradient_descent, {"lr": 0.0095}),
           "Adam": (nn.init_adam, nn.adam, {"lr": 0.05}),
           "Adadelta": (nn.init_adadelta, nn.adadelta, {})}
VALLEYS = {"valley": (valley, START), "turned by 45°": (turned_valley, turn.T @ START)}
paths, heights = {}, {}
for title, (loss, start) in VALLEYS.items():
    for name, (init, step, options) in RUNNERS.items():
        path = descend(init, step, 1000, loss, start, **options)
        paths[title, name] = path
        heights[title, name] = [loss({"theta": path[step]}) for step in (100, 400, 1000)]
        print(f"{title:14} {name:17} loss after 100, 400, 1000 steps:",
              *(f"{height:.0e}" for height in heights[title, name]))
assert np.allclose(paths["turned by 45°", "gradient descent"] @ turn.T,
                   paths["valley", "gradient descent"])
assert heights["valley", "Adam"][1] < heights["valley", "gradient descent"][1] / 1000
assert heights["turned by 45°", "Adam"][1] > heights["turned by 45°", "gradient descent"][1]
for title in VALLEYS:
    assert (np.array(heights[title, "Adadelta"]) > heights[title, "gradient descent"]).all()

# %%
losses = {title: loss for title, (loss, _) in VALLEYS.items()}
Image(draw.race(losses, paths), alt="The paths of the three optimisers, step by step")

# %% [markdown]
# The picture moves, from step 0 to step 400. Ring: gradient descent; dot: Adam; square: Adadelta.
#
# **Left**, gradient descent jumps from wall to wall and creeps along the floor. Adam moves along
# the floor as fast as across it, and overshoots at first like a rolling ball (the blue line dips
# below the floor), since its average keeps the direction of the past. Adadelta is the slowest of
# the three at every step that is printed above. Nor is it made to settle: near the minimum $g$ and
# $\operatorname{RMS}[g]$ shrink together, so their ratio stays, and with it the length of the
# steps.
#
# **Right**, Adam has lost its lead: after 400 steps it is behind plain gradient descent. Where the
# valley lies crosswise, steep and flat are mixed in each coordinate, and rescaling single
# coordinates does not separate them. (After 1000 steps Adam is ahead again. It does not get stuck,
# it is only slowed down.)
#
# **The scale of the loss does not matter to Adam.** Multiply the loss by 1000. Gradient descent
# would leap out of the valley. Adam without weight decay hardly notices, since $\hat m$ and
# $\sqrt{\hat v}$ both become 1000 times as large; the same holds for Adadelta. That is why the
# weights between the losses of the paper (the 0.5 in Eq. 9, say) hardly matter where a loss has an
# Adam of its own, with its own $m$ and $v$ ([notebook 07](07_three_updates.ipynb)).

# %%
def large_valley(p):
    return 1000 * valley(p)


for name in ("Adam", "Adadelta"):
    init, step, options = RUNNERS[name]
    scaled = descend(init, step, 400, large_valley, **options)
    difference = np.abs(scaled - paths["valley", name][:401]).max()
    print(f"{name}: largest difference of the paths {difference:.1e}")
    assert difference < 1e-2

# %% [markdown]
# ## 10. The parts together: a network learns
#
# Now we have all that a network needs. The task: two spirals, one per class, 200 points to learn
# from and 200 others to test. The network: five layers of 30 units with tanh and one layer with two
# outputs, 300 steps of Adam on all points at once. The two outputs are *logits*: a softmax makes
# probabilities of them. The loss is the cross-entropy, the negative logarithm of the probability of
# the right class ([notebook 03](03_the_data.ipynb)). `ops.log_softmax` gives these logarithms
# directly. We train it four times: with Glorot's weights, with a quarter of them, with three times
# as large ones, and with a quarter of them and batch norm. *Predict before you run:* which of the
# four fail?

# %%
labels = np.repeat([0, 1], 100)
one_hot = np.eye(2)[labels]


def spirals(rng):
    """200 points in the plane, the first 100 of class 0."""
    radius = np.sqrt(rng.uniform(0.02, 1, 200))
    angle = 2 * np.pi * radius + np.pi * labels
    points = 1.5 * radius * np.array([np.cos(angle), np.sin(angle)])
    return points.T + 0.03 * rng.standard_normal((200, 2))


def init_network(factor, batch_norm):
    rng = np.random.default_rng(0)
    params, width = {}, 2
    for n in range(1, 6):
        params[f"layer_{n}"] = nn.init_dense(rng, width, 30, norm=batch_norm)
        params[f"layer_{n}"]["W"] *= factor
        width = 30
    params["output"] = nn.init_dense(rng, 30, 2)
    return params


def layers_of(params, x):
    """The outputs of the five hidden layers."""
    outputs = []
    for n in range(1, 6):
        x = ops.dense_layer(params[f"layer_{n}"], x, "tanh")
        outputs.append(x)
    return outputs


def logits(params, x):
    return ops.dense_layer(params["output"], layers_of(params, x)[-1], "identity")  # (B, 2)


points, new_points = spirals(np.random.default_rng(0)), spirals(np.random.default_rng(1))


def cross_entropy(params):
    log_probability = ops.log_softmax(logits(params, points))
    return -(log_probability * one_hot).sum() / 200


def accuracy(params, x):
    return np.mean(logits(params, x).argmax(axis=1) == labels)


nn.use("fast")  # the same values, less waiting
networks = {}
for name, factor, batch_norm in (("Glorot's", 1, False), ("Glorot's / 4", 1 / 4, False),
                                 ("3 × Glorot's", 3, False), ("Glorot's / 4, norm", 1 / 4, True)):
    params = init_network(factor, batch_norm)
    before = layers_of(params, points)
    state, losses = nn.init_adam(params), []
    for _ in range(300):
        loss, gradient = nn.value_and_grad(cross_entropy, params)
        nn.adam(state, params, gradient, lr=0.01)
        losses.append(loss)
    params = nn.batch_norm_statistics(params, logits, [points])  # for evaluation, section 4
    networks[name] = params, losses, before
    print(f"{name:25} loss {losses[0]:.2f} -> {losses[-1]:.3f}   accuracy: "
          f"training {accuracy(params, points):.0%}, new points {accuracy(params, new_points):.0%}")
assert networks["Glorot's / 4"][1][-1] > 0.3 > networks["Glorot's / 4, norm"][1][-1]

# %%
axis = np.linspace(-1.8, 1.8, 90)
across, up = np.meshgrid(axis, axis)
grid = np.stack([across.ravel(), up.ravel()], axis=1)  # (8100, 2)
regions = {}
for name, (params, _, _) in networks.items():
    scores = logits(params, grid)
    regions[name] = (scores[:, 1] > scores[:, 0]).reshape(90, 90)
draw.regions(regions, points, labels)
plt.show()

# %% [markdown]
# Here is what each network has learnt: its regions of the two classes, with the training points.
# Three borders follow the spirals. That of the network with small weights and no batch norm is
# almost straight.
#
# **Look inside.** To see why, look at the outputs of all hidden units for all points, layer by
# layer, *before* training (grey) and after (blue line). They lie between $-1$ and 1. What would a
# healthy layer look like, and what a saturated one?

# %%
inside = {}
for name, (params, _, before) in networks.items():
    inside[name] = before, layers_of(params, points)
    print(f"{name:25} standard deviation of the outputs before training:",
          *(f"{y.std():.3f}" for y in before))
nn.use("readable")
assert inside["Glorot's / 4"][0][-1].std() < 0.01
assert inside["Glorot's / 4, norm"][0][-1].std() > 0.5
draw.outputs_per_layer(inside)
plt.show()

# %% [markdown]
# Read each column from layer 1 to layer 5 (grey: before training; blue line: after).
#
# - **Glorot's weights:** the outputs spread out around 0, a little less in each layer. Training
#   spreads them further, and in layer 5 most of them end near $-1$ or 1: the classes are separate.
# - **A quarter of them:** in layer 5 everything is in one spike at 0, before training starts. All
#   points look the same to the output layer. The network does not recover fully within 300 steps:
#   its loss falls from 0.69 to 0.40, while the three others reach 0.
# - **Three times as large:** from layer 2 on, the outputs pile up at $-1$ and 1. A saturated unit
#   lets little gradient through, but the threefold weights more than make up for it: with the ten
#   layers of section 5 the gradient grew almost 20 times in the backward pass. Here five layers are
#   few enough, and the network learns all the same.
# - **A quarter of them, and batch norm:** it scales each unit to a spread of 1 before the tanh,
#   whatever the size of the weights. So the outputs of all five layers fill the range. They crowd
#   towards $\pm 0.9$, but few are saturated. That is the use of batch norm: the scale of the
#   weights matters less.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed random inputs. If something is wrong, it tells you what the mistake looks like.
# Solutions, and the numbers of the experiments, are in
# [solutions/02_layers_and_optimisers.py](solutions/02_layers_and_optimisers.py). Exercise 2.1 is in
# section 3.
#
# ### Exercise 2.2 ★★★ (30 minutes): back through a batch norm
#
# The hardest calculation by hand in this course. Given $g = \partial L / \partial y$, find
# $\partial L / \partial x$ in training mode. Let $s = \sqrt{\text{var} + 10^{-5}}$ (no slope here),
# and $G = \gamma\, g$, the gradient with respect to $\hat x$. $x_b$ acts in three ways; work out
# one after the other, and add up:
#
# 1. on $\hat x_b$ itself, with $\mu$ and $s$ held fixed;
# 2. through $\mu$: $\partial \mu / \partial x_b = 1 / B$, and each $\hat x_c$ of the batch contains
#    $-\mu / s$ (the way from $\mu$ to var adds nothing; why?);
# 3. through $s$: show that $\partial s / \partial x_b = \hat x_b / B$, and that
#    $\partial \hat x_c / \partial s = -\hat x_c / s$.
#
# The result contains $G$, the mean of $G$ over the batch, and $\hat x_b$ times the mean of $G \hat
# x$ over the batch.

# %%
def batch_norm_back(g, x, gamma):
    """The gradient with respect to x, (B, width); the constant is 1e-5.

    g and x (B, width), gamma (1, width).
    """
    raise NotImplementedError("exercise 2.2")


check("2.2", batch_norm_back)

# %% [markdown]
# ### Exercise 2.3 ★ (10 minutes): one step of Adam
#
# Write step number $t$ for whole arrays, with the formulas of section 7.

# %%
def adam_step(theta, g, m, v, t, lr, beta_1, beta_2):
    """The new theta. m and v are those of step t - 1; epsilon is 1e-8."""
    raise NotImplementedError("exercise 2.3")


check("2.3", adam_step)

# %% [markdown]
# ### Exercise 2.4 ★★ (15 minutes): the right size for leaky ReLU
#
# Section 5 has left out the activation. What is the mean square of the output of a leaky ReLU of
# slope $s$, if its input is symmetric around 0 with a given variance? Choose the limit of a uniform
# distribution so that the mean square stays the same from layer to layer on the way forwards. (The
# next layer depends on the mean square, since the output no longer has mean 0.)

# %%
def limit_for_leaky_relu(fan_in, slope):
    """The c for which W uniform between -c and c keeps the mean square."""
    raise NotImplementedError("exercise 2.4")


check("2.4", limit_for_leaky_relu)

# %% [markdown]
# ### Two experiments ★★ (20 minutes)
#
# Let Adam run through the valley for 150 steps, `descend(nn.init_adam, nn.adam, 150, lr=0.05,
# betas=(0.5, 0.999))`, with $\beta_1 = 0.9$, $0.5$ and $0$. How far does $\theta_1$ shoot over its
# goal of 0 in each case? Then take the network of section 10 with Glorot's weights. After how many
# steps is the loss below 0.1, with Adam and a learning rate of 0.1, 0.01 and 0.001, and with
# gradient descent and 0.1 and 0.01?
#
# **To go on.** What would an optimiser need to cope with a turned valley, and what would that cost
# for a million parameters?
#
# ## What to take away
#
# - A network is made of a few parts, and each is a short formula with a gradient that can be
#   checked.
# - Dropout and batch norm have two modes. In training a result depends on chance and on the other
#   utterances of the batch; in evaluation it must not.
# - The initial weights decide whether the signal reaches the last layer, and the gradient the
#   first. Batch norm makes this less critical.
# - Adam gives each parameter steps of its own size. Without weight decay it does not notice the
#   scale of a loss, and it is at its best where the valleys lie along the axes.
#
# Next: [03 · The data](03_the_data.ipynb)

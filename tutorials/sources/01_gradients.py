# %% [markdown]
# # 01 · Gradients you can trust
#
# *Needs: NumPy, derivatives of one variable. Minutes: 25. Paper: how Eq. 1 to 16 are trained.*
#
# Before: [00 · The whole paper](00_the_whole_paper.ipynb). Next:
# [02 · Layers and optimisers](02_layers_and_optimisers.ipynb). The minutes are those of reading;
# the exercises take another 65.
#
# To train a network means: compute a loss, one number that says how wrong the network is. For each
# parameter, find out whether the loss rises or falls with it, and how steeply. Move each parameter
# a little downhill, and repeat. All those slopes together are the *gradient*.
#
# A wrong gradient is a nasty mistake. Nothing crashes. The network still learns, only less, and
# everybody blames the method. So before we rely on a gradient we ask two questions. **How do we
# compute it, and how do we know that it is right?**
#
# On the way you will
#
# - measure slopes with finite differences, and see why nobody trains a network with them;
# - compute a gradient by hand with the chain rule, from the end to the beginning;
# - write a *tape* that does this for any formula made of $+$, $\cdot$, $/$ and $\sigma$, in 20
#   lines, and train a small network with it;
# - see what autograd and the three functions of this package, `nn.value_and_grad`, `nn.vjp` and
#   `nn.check_gradient`, do;
# - catch a gradient that is wrong by a tenth of a percent, and see which checks miss it;
# - look at the points where there is no gradient, and at what a program returns there.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $L$ | 1 | the loss, or any other scalar that we differentiate |
# | $x$ | any | what we differentiate with respect to |
# | $h$ | 1 | the step of a finite difference |
# | $\varepsilon$ | 1 | machine precision: relative distance of neighbouring floats |
# | $g$ | that of $y$ | *cotangent*: gradient of $L$ with respect to a result $y$ on the way |
# | $d$ | that of $x$ | a direction, which the check scales to length 1 (elsewhere a width) |

# %%
import inspect

import autograd.numpy as anp  # NumPy that records what it does: section 6
import matplotlib.pyplot as plt
import numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.joint_embedding_eq1_9 import reconstruction_loss
from argf_np.paper.model import init_model
from drawings import STYLE
from drawings import notebook_01 as draw
from exercises import check

nn.use("readable")  # the textbook operations; notebook 12 shows faster ones with the same values
plt.rcParams.update(STYLE)

# %% [markdown]
# ## 1. A slope from two points
#
# Our example is one that the paper needs. Its Eq. 3 adds up such terms
# ([notebook 06](06_adversary.ipynb)):
#
# $$ f(x) = -\log \sigma(x) = \log(1 + e^{-x}), \qquad \sigma(x) = \frac{1}{1 + e^{-x}}. $$
#
# By hand, with the chain rule:
#
# $$ f'(x) = \frac{-e^{-x}}{1 + e^{-x}} = \sigma(x) - 1. $$
#
# Could we find this number if we could only evaluate $f$? The derivative is the limit of
# $(f(x + h) - f(x)) / h$ as $h$ goes to 0. A *finite difference* does not go to the limit and takes
# a small $h$. There are better and worse ones:
#
# $$
# \begin{array}{lll}
# \text{forward} & \dfrac{f(x + h) - f(x)}{h} & \text{error} \sim h \\[2ex]
# \text{central} & \dfrac{f(x + h) - f(x - h)}{2h} & \text{error} \sim h^2 \\[2ex]
# \text{fourth-order} & \dfrac{8 f(x + h) - 8 f(x - h) - f(x + 2h) + f(x - 2h)}{12 h}
# & \text{error} \sim h^4
# \end{array}
# $$
#
# The errors come from Taylor's series,
# $f(x + h) = f + h f' + \frac{h^2}{2} f'' + \frac{h^3}{6} f''' + \dots$ In the forward difference
# the term with $f''$ is left over. In the central one this term is the same on both sides and
# cancels, and $\frac{h^2}{6} f'''$ is left. The last one combines two central differences, of steps
# $h$ and $2h$, so that this term cancels too.

# %%
def f(x):
    return np.logaddexp(0, -x)  # log(e^0 + e^-x), without overflow


def f_prime(x):
    return 1 / (1 + np.exp(-x)) - 1


def forward_difference(f, x, h):
    return (f(x + h) - f(x)) / h


def central_difference(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def fourth_order_difference(f, x, h):
    near = f(x + h) - f(x - h)
    far = f(x + 2 * h) - f(x - 2 * h)
    return (8 * near - far) / (12 * h)


print(f"by hand:       {f_prime(0.5):.10f}")
print(f"forward:       {forward_difference(f, 0.5, 0.1):.10f}  (h = 0.1)")
print(f"central:       {central_difference(f, 0.5, 0.1):.10f}")
print(f"fourth-order:  {fourth_order_difference(f, 0.5, 0.1):.10f}")

# %% [markdown]
# **A picture.** The tangent at $x$ touches the curve. A forward difference is the slope of a line
# through two points of the curve, of which $x$ is the first. A central one has $x$ in the middle.
# Even for $h = 1.5$, as in the picture (at $x = -0.5$), it is nearly parallel to the tangent.

# %%
draw.slopes(f, f_prime, x=-0.5, h=1.5)
plt.show()

# %% [markdown]
# ## 2. Why nobody trains like this
#
# A central difference needs two evaluations of the loss for each parameter. How many parameters
# does the paper's network have? *Predict the order of magnitude before you run the cell.*

# %%
n = nn.count(init_model(np.random.default_rng(0), d=50, k=50, N=2))
print(f"{n:,} parameters: {2 * n:,} evaluations of the loss for a single step of training")

# %% [markdown]
# There is a way to get *all* the slopes for about the price of two or three evaluations. It is the
# chain rule, applied from the end to the beginning.
#
# ## 3. Backwards through a small graph, by hand
#
# Take a formula in miniature: the score of a pair of vertices in the paper's graph (Eq. 10 to 13,
# [notebook 08](08_graph_fusion_1.ipynb)), with a single number wherever the paper has a vector, and
# without the biases and the softmax of Eq. 12:
#
# $$ L = \frac{\sigma(w V_1) + \sigma(w V_2)}{V_1 V_2 + 0.5}. $$
#
# All three inputs occur twice, so the slopes are not obvious. We write the formula as a list of
# single steps, each with a name. Next to each step are its derivatives with respect to its inputs.
# They are easy, because each step is tiny:
#
# $$
# \begin{array}{lll}
# z_1 = w V_1 & \partial z_1 / \partial w = V_1 & \partial z_1 / \partial V_1 = w \\
# z_2 = w V_2 & \partial z_2 / \partial w = V_2 & \partial z_2 / \partial V_2 = w \\
# \alpha_1 = \sigma(z_1) & \partial \alpha_1 / \partial z_1 = \alpha_1 (1 - \alpha_1) \\
# \alpha_2 = \sigma(z_2) & \partial \alpha_2 / \partial z_2 = \alpha_2 (1 - \alpha_2) \\
# t = \alpha_1 + \alpha_2 & \partial t / \partial \alpha_1 = 1
# & \partial t / \partial \alpha_2 = 1 \\
# S = V_1 V_2 & \partial S / \partial V_1 = V_2 & \partial S / \partial V_2 = V_1 \\
# q = S + 0.5 & \partial q / \partial S = 1 \\
# L = t / q & \partial L / \partial t = 1 / q & \partial L / \partial q = -t / q^2
# \end{array}
# $$
#
# Now we go from the last line to the first. Write $\bar t$ for $\partial L / \partial t$, and
# likewise for all the others. At the end $\bar L = 1$. Each step passes what it has received on to
# its inputs, multiplied by the local derivative: $\bar t = \bar L \cdot 1 / q$. **An input that is
# used twice receives two parts, and they add up.**

# %%
w, V_1, V_2 = 2.0, 0.9, 0.4

z_1, z_2 = w * V_1, w * V_2  # forwards
alpha_1 = 1 / (1 + np.exp(-z_1))
alpha_2 = 1 / (1 + np.exp(-z_2))
t = alpha_1 + alpha_2
S = V_1 * V_2
q = S + 0.5
L = t / q

L_bar = 1.0  # backwards: the same steps, from the last to the first
t_bar = L_bar / q
q_bar = L_bar * -t / q ** 2
S_bar = q_bar
alpha_1_bar, alpha_2_bar = t_bar, t_bar
z_1_bar = alpha_1_bar * alpha_1 * (1 - alpha_1)
z_2_bar = alpha_2_bar * alpha_2 * (1 - alpha_2)
w_bar = z_1_bar * V_1 + z_2_bar * V_2
V_1_bar = z_1_bar * w + S_bar * V_2
V_2_bar = z_2_bar * w + S_bar * V_1


def L_of(w, V_1, V_2):
    """The formula in one go."""
    weights = 1 / (1 + np.exp(-w * V_1)) + 1 / (1 + np.exp(-w * V_2))
    return weights / (V_1 * V_2 + 0.5)


assert np.isclose(L, L_of(w, V_1, V_2), rtol=0, atol=1e-14)
by_hand = {"w": w_bar, "V_1": V_1_bar, "V_2": V_2_bar}
inputs = {"w": w, "V_1": V_1, "V_2": V_2}


def measured_slope(name):
    """The slope of L with respect to one input, from finite differences."""
    def along_one_input(value):
        return L_of(**(inputs | {name: value}))  # the two others stay as they are

    return fourth_order_difference(along_one_input, inputs[name], 1e-3)


for name, slope in by_hand.items():
    measured = measured_slope(name)
    print(f"dL/d{name:4} by hand {slope:+.12f}   finite differences {measured:+.12f}")
    assert np.isclose(slope, measured, rtol=1e-9)

# %% [markdown]
# Look at the cost. Going back through a sum ($t = \dots$, $q = \dots$) needs no multiplication, and
# going back through any other step needs a few. If there were a million inputs, the backward pass
# would still cost only a few times as much as the forward pass. That is why networks can be trained
# at all.
#
# ## 4. A tape
#
# What we did by hand follows a rule, so a program can do it. We need numbers that remember where
# they come from. Each result is appended to a list, the *tape*, together with its inputs and the
# local derivatives. A result stands on the tape after its inputs. So if we read the tape from its
# end, then by the time we reach a number, everything that used it has already been processed, and
# its derivative is complete.

# %%
TAPE = []


class Number:
    """A number that puts itself on the tape, with ((input, local derivative), ...)."""

    def __init__(self, value, *inputs):
        self.value, self.inputs, self.bar = value, inputs, 0.0
        TAPE.append(self)

    def __add__(self, other):
        return Number(self.value + other.value, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return Number(self.value * other.value, (self, other.value), (other, self.value))

    def __truediv__(self, other):
        y = self.value / other.value
        return Number(y, (self, 1 / other.value), (other, -y / other.value))

    def sigmoid(self):
        y = 1 / (1 + np.exp(-self.value))
        return Number(y, (self, y * (1 - y)))


def backward(end):
    """Fill in ``bar``, the derivative of ``end``, for everything on the tape."""
    end.bar = 1.0
    for number in reversed(TAPE):
        for earlier, local in number.inputs:
            earlier.bar += number.bar * local  # += and not =


x = Number(3.0)
y = x * x + x
backward(y)
print("y = x * x + x at x = 3:", y.value, "  its derivative 2 x + 1:", x.bar)
for entry in TAPE:
    sources = [(earlier.value, local) for earlier, local in entry.inputs]
    print("  tape:", entry.value, "from", sources)

# %% [markdown]
# The tape has three entries. Each lists the inputs that it was computed from, with the local
# derivatives: in $x \cdot x$, the derivative with respect to either factor is the other one, 3.
#
# Now the formula of section 3. It looks as before. Only the constant 0.5 must become a `Number` too
# (`half`), since our `+` adds Numbers. You do not see that the formula leaves a trace:

# %%
TAPE.clear()
w_n, V_1_n, V_2_n, half = Number(2.0), Number(0.9), Number(0.4), Number(0.5)
L_n = ((w_n * V_1_n).sigmoid() + (w_n * V_2_n).sigmoid()) / (V_1_n * V_2_n + half)
backward(L_n)

print(f"the tape has {len(TAPE)} entries")
for name, number in (("w", w_n), ("V_1", V_1_n), ("V_2", V_2_n)):
    print(f"dL/d{name:4} tape {number.bar:+.12f}   by hand {by_hand[name]:+.12f}")
    assert np.isclose(number.bar, by_hand[name], rtol=0, atol=1e-14)

# %% [markdown]
# **A picture.** The graph of the formula, drawn from the tape. Values go from left to right. The
# small number at each arrow is the local derivative. The red numbers are the derivatives of $L$.
# (The constant 0.5 needs none.) They travel from right to left and are multiplied by the number at
# each arrow that they pass. Two arrows leave each of $w$, $V_1$ and $V_2$, so two parts come back
# to each and add up. Check one part with the numbers in the picture: what comes back to $w$ from
# $z_1$ is $0.1415 \cdot 0.9 = 0.1274$.

# %%
names = ["w", "V_1", "V_2", "0.5", "z_1", r"\alpha_1", "z_2", r"\alpha_2", "t", "S", "q", "L"]
places = [(0, 2.4), (0, 3.6), (0, 1.2), (3.2, -0.2), (1.7, 3.6), (3.2, 3.6), (1.7, 2.0),
          (3.2, 2.0), (4.5, 2.8), (1.7, 0.6), (4.5, 0.6), (5.9, 1.7)]
draw.graph(TAPE, names, places)
plt.show()

# %% [markdown]
# **Why `+=`?** With `=` the second part overwrites the first. It is the most common mistake in
# programs of this kind, and a treacherous one: where nothing is used twice, it does no harm.

# %%
correct = {number: number.bar for number in TAPE}
for number in TAPE:
    number.bar = 0.0
L_n.bar = 1.0
for number in reversed(TAPE):
    for earlier, local in number.inputs:
        earlier.bar = number.bar * local  # wrong
for number, name in zip(TAPE, names, strict=True):
    if not np.isclose(number.bar, correct[number]):
        print(f"{name:4} with = {number.bar:+.3f}, with += {correct[number]:+.3f}")

# %% [markdown]
# ### Exercise 1.1 ★ (5 minutes): back through a division
#
# In Eq. 13 a weight is divided by a similarity. Let $y = a / b$, with $a$ of shape `(B, k)` and $b$
# of shape `(B, 1)`, for a batch of $B$ utterances with $k$ numbers each: each $b$ serves $k$
# entries. Given $g = \partial L / \partial y$, what is $\partial L / \partial b$? Think of what
# happens to something that is used more than once. Replace the line with `raise` by your answer and
# run the cell.

# %%
def divisor_gradient(g, a, b):
    """g and a (B, k), b (B, 1). Returns the gradient with respect to b, (B, 1)."""
    raise NotImplementedError("exercise 1.1")


check("1.1", divisor_gradient)

# %% [markdown]
# ## 5. A network that learns from your tape
#
# These 20 lines are enough to train a network. The task is one that the whole paper is about: to
# combine two modalities. Each says $-1$ or $+1$, and the label is 1 if the two *agree*, 0 if they
# do not. Neither modality alone tells anything about the label, and no threshold on a weighted sum
# of the two separates the labels. The network has one layer of hidden units, each a weighted sum
# through a sigmoid ($h_j$ is a unit here; the step $h$ of a difference comes back in section 7):
#
# $$ h_j = \sigma(u_j x_1 + v_j x_2 + b_j), \qquad
# \text{output} = \sigma\Big(c + \sum_j a_j h_j\Big), \qquad
# L = \sum_{\text{points}} (\text{output} - \text{label})^2. $$

# %%
POINTS = [(-1, -1, 1), (-1, 1, 0), (1, -1, 0), (1, 1, 1)]  # x_1, x_2, label


def network(p, x_1, x_2, hidden):
    """The output, a Number, for parameters {name: Number}."""
    total = p["c"]
    for j in range(hidden):
        z = p[f"u_{j}"] * x_1 + p[f"v_{j}"] * x_2 + p[f"b_{j}"]
        total = total + p[f"a_{j}"] * z.sigmoid()
    return total.sigmoid()


def train(hidden, seed, steps=400, eta=1.0):
    """Gradient descent on our tape. Returns the parameters {name: float} and the losses."""
    rng = np.random.default_rng(seed)
    values = {"c": 0.0}
    for j in range(hidden):
        for name in "uvba":
            values[f"{name}_{j}"] = rng.standard_normal()
    losses = []
    for _ in range(steps):
        TAPE.clear()  # each step records the formula anew
        p = {name: Number(value) for name, value in values.items()}
        loss = Number(0.0)
        for x_1, x_2, label in POINTS:
            error = network(p, Number(x_1), Number(x_2), hidden) + Number(-label)
            loss = loss + error * error
        backward(loss)
        for name in values:
            values[name] -= eta * p[name].bar  # downhill; eta: step per unit of slope
        losses.append(loss.value)
    return values, losses


values, losses = train(hidden=4, seed=0)
print(f"loss {losses[0]:.3f} at the beginning, {losses[-1]:.3f} after {len(losses)} steps")
for x_1, x_2, label in POINTS:
    p = {name: Number(value) for name, value in values.items()}
    output = network(p, Number(x_1), Number(x_2), hidden=4).value
    print(f"x = ({x_1:+d}, {x_2:+d}), label {label}: output {output:.2f}")
    assert round(output) == label

# %% [markdown]
# It has learnt. **Predict before you run:** how many hidden units does it need? The next cell
# trains with 1, 2 and 4 units, from four random starting points each, and prints the losses at the
# end. (Always answering 0.5 gives a loss of 1.)

# %%
last = {}
for hidden in (1, 2, 4):
    last[hidden] = np.array([train(hidden, seed)[1][-1] for seed in range(4)])
    print(f"hidden units {hidden}: losses", last[hidden].round(3))
assert last[1].min() > 0.5 > 0.1 > last[4].max()
assert np.sum(last[2] > 0.5) == 2

# %% [markdown]
# One unit is not enough: it can only draw one straight line. (The line cuts off one corner, and the
# three others share one answer, 1/3 or 2/3. This costs 2/3.) Two units suffice, but from two of the
# four starting points the loss gets stuck near 0.5. Four units have room to spare and succeed every
# time. Where two units are stuck, the slope has become so small that they hardly move: after 2,000
# steps it is still at 0.50. Gradient descent slows down wherever it is flat, and this need not be
# near the best place.
#
# **A picture.** Left, the loss of the network with four units: it falls steeply within the first
# hundred steps, then ever more slowly. Right, its output for every pair $(x_1, x_2)$: two corners
# are dark, two are bright, and no single straight line could separate them. The border, where the
# output is 0.5 (dashed), consists of two lines.

# %%
axis = np.linspace(-1.5, 1.5, 31)
output = np.zeros((31, 31))
for row, x_2 in enumerate(axis):
    for column, x_1 in enumerate(axis):
        p = {name: Number(value) for name, value in values.items()}
        output[row, column] = network(p, Number(x_1), Number(x_2), hidden=4).value
TAPE.clear()

draw.trained(losses, axis, output, POINTS)
plt.show()

# %% [markdown]
# ## 6. autograd: the same with arrays
#
# A tape with one entry for each number is slow. The library
# [autograd](https://github.com/HIPS/autograd) has one entry for each operation on an *array*. It
# comes with a NumPy of its own, `autograd.numpy`, here `anp`, whose functions record what they do.
# You write a function as always, and `grad` turns it into another function, its gradient:

# %%
def L_of_arrays(w, V_1, V_2):
    weights = 1 / (1 + anp.exp(-w * V_1)) + 1 / (1 + anp.exp(-w * V_2))
    return weights / (V_1 * V_2 + 0.5)


slopes = grad(L_of_arrays, argnum=(0, 1, 2))(w, V_1, V_2)
print("autograd:", [float(f"{slope:.6f}") for slope in slopes])
print("by hand: ", [float(f"{slope:.6f}") for slope in by_hand.values()])
assert np.allclose(slopes, list(by_hand.values()), rtol=0, atol=1e-14)

# %% [markdown]
# **Trees of parameters: `nn.value_and_grad`.** The parameters of a network are many arrays. This
# package keeps them in a dict, with dicts inside it for the parts of the network: a *tree*, whose
# *leaves* are the arrays. `nn.value_and_grad(function, tree)` takes a function of such a tree. It
# returns the value of the function, and a tree of the same shape with the derivatives with respect
# to all entries of all arrays. `nn.leaves(tree)` lists the leaves, each with the path that leads to
# it.

# %%
rng = np.random.default_rng(3)
B, n_in, n_out = 5, 4, 3
x = rng.standard_normal((B, n_in))
layer = {"W": rng.standard_normal((n_in, n_out)), "b": rng.standard_normal((1, n_out))}
params = {"layer": layer}


def loss_of_tree(p):
    y = anp.tanh(anp.matmul(x, p["layer"]["W"]) + p["layer"]["b"])  # (B, n_out)
    return anp.sum(y ** 2)


value, gradient = nn.value_and_grad(loss_of_tree, params)
print(f"loss: {value:.4f}")
for path, array in nn.leaves(gradient):
    print(f"gradient with respect to {'/'.join(path)}: an array {array.shape}")

of_autograd = grad(loss_of_tree)(params)  # the same, only slower (notebook 12)
for name in ("W", "b"):
    assert np.allclose(gradient["layer"][name], of_autograd["layer"][name], rtol=0, atol=1e-14)

# %% [markdown]
# **The backward pass of one operation: `nn.vjp`.** What if a function returns not a number but an
# array $y$? Then there is a derivative of each entry of $y$ with respect to each entry of $x$. They
# form the *Jacobian* $J_{ij} = \partial y_i / \partial x_j$. It is large, and nobody needs it. A
# tape needs only the step from $g_i = \partial L / \partial y_i$ to $\partial L / \partial x_j$.
# Here $g$, the gradient that comes back from the later steps, is called the *cotangent* of $y$:
#
# $$ \frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial y_i}
# \frac{\partial y_i}{\partial x_j} = \sum_i g_i J_{ij}, \quad \text{in short } g^T J. $$
#
# This is a *vector-Jacobian product*, vjp for short. autograd has for each operation a function
# that computes it without ever building $J$. `nn.vjp(function, tree)` returns $y$ and a function,
# which we call `pull`. It takes $g$ back through everything that led from the tree to $y$.
#
# By hand, for $y = x W$ with arrays: $y_{bj} = \sum_i x_{bi} W_{ij}$, hence
# $\partial L / \partial W_{ij} = \sum_b x_{bi}\, g_{bj}$ and
# $\partial L / \partial x_{bi} = \sum_j g_{bj} W_{ij}$. That is $x^T g$ and $g\, W^T$. There is
# only one way to multiply these arrays so that the shapes fit, which makes it easy to remember.

# %%
W = params["layer"]["W"]
y, pull = nn.vjp(lambda p: anp.matmul(p["x"], p["W"]), {"x": x, "W": W})
g = rng.standard_normal(y.shape)  # any cotangent will do
back = pull(g)
print("W, largest difference:", np.abs(back["W"] - x.T @ g).max())
print("x, largest difference:", np.abs(back["x"] - g @ W.T).max())
assert np.allclose(back["W"], x.T @ g, rtol=0, atol=1e-14)
assert np.allclose(back["x"], g @ W.T, rtol=0, atol=1e-14)

# pull is linear in g, and can be used again: two losses may share what comes before y.
g_2 = rng.standard_normal(y.shape)
assert np.allclose(pull(g + 2 * g_2)["W"], back["W"] + 2 * pull(g_2)["W"])

# %% [markdown]
# **A picture.** If we do want the Jacobian, it comes row by row: the $g$ that is 1 for the $i$-th
# entry and 0 elsewhere picks row $i$. Here is the Jacobian of a softmax,
# $y_i = e^{x_i} / \sum_j e^{x_j}$, which the paper uses in Eq. 7, 12, 14 and 16. The diagonal is
# positive and everything else negative (an entry of 0.00 is rounded): a larger input raises its own
# output at the cost of all the others. Each row adds up to zero, since the outputs do not change if
# all inputs grow alike.

# %%
v = np.array([1.0, 2.5, 0.0, 1.5, -1.0, 2.0])
y, pull = nn.vjp(lambda p: ops.softmax(p["v"]), {"v": v})
J = np.stack([pull(row)["v"] for row in np.eye(len(v))])  # (6, 6)
assert np.allclose(J.sum(axis=1), 0)
assert np.allclose(J, np.diag(y) - np.outer(y, y), rtol=0, atol=1e-14)  # by hand

draw.jacobian(y, J)
plt.show()

# %% [markdown]
# ## 7. How small a step?
#
# autograd knows the derivatives of NumPy's functions, but people have written them down, and
# [notebook 12](12_making_it_fast.ipynb) adds many more. We want to check them with finite
# differences. So first we ask how exact a finite difference can be. Is the smallest step the best?
# *Predict before you run:* which $h$ is best for the forward difference in float64, about
# $10^{-4}$, $10^{-8}$ or $10^{-15}$?
#
# A computer rounds $f(x + h)$ and $f(x)$ to relative precision $\varepsilon$ (about $10^{-16}$ in
# float64, $10^{-7}$ in float32). Their difference is small, the rounding errors are not, and the
# division by $h$ makes them large. So the error has two parts. If $r$ is the order of the
# difference, $C$ a constant (it contains the next derivative of $f$), and the values of $f$ are of
# the order of 1,
#
# $$ \text{error} \approx \underbrace{C\, h^r}_{\text{Taylor}} +
# \underbrace{\varepsilon / h}_{\text{rounding}}, \qquad \text{least where }
# h \approx \varepsilon^{1/(r+1)}, \text{ with an error of about } \varepsilon^{r/(r+1)}. $$
#
# (Set the derivative with respect to $h$ to zero: $r\,C\,h^{r-1} = \varepsilon / h^2$.) In words:
# the forward difference keeps at best half of the digits, the central one two thirds, the
# fourth-order one four fifths. Let us see. The next cell measures the error at 200 points $x$, as
# the root of its mean square, for each step.

# %%
DIFFERENCES = {"forward": (forward_difference, 1), "central": (central_difference, 2),
               "fourth-order": (fourth_order_difference, 4)}  # with their orders
STEPS = {"float64": np.geomspace(1e-14, 1, 85), "float32": np.geomspace(1e-7, 1, 43)}
points = np.random.default_rng(0).uniform(-3, 3, 200)


def rms_error(difference, dtype, h):
    x = points.astype(dtype)
    error = difference(f, x, np.asarray(h, dtype)) - f_prime(x.astype("float64"))
    return np.sqrt(np.mean(error ** 2))


errors = {}
for dtype, steps in STEPS.items():
    epsilon = np.finfo(dtype).eps
    for name, (difference, order) in DIFFERENCES.items():
        curve = np.array([rms_error(difference, dtype, h) for h in steps])
        errors[name, dtype] = curve
        best_step, best_error = epsilon ** (1 / (order + 1)), epsilon ** (order / (order + 1))
        print(f"{dtype} {name:12}  best step {steps[curve.argmin()]:.0e}, error {curve.min():.0e}"
              f"   (rule of thumb {best_step:.0e}, {best_error:.0e})")

print("\nDoubling a large step multiplies the error by 2^order:")
for name, (difference, order) in DIFFERENCES.items():
    ratio = rms_error(difference, "float64", 0.02) / rms_error(difference, "float64", 0.01)
    print(f"{name:12}  by 2^{np.log2(ratio):.2f}")
    assert abs(np.log2(ratio) - order) < 0.05

# %% [markdown]
# **A picture** of these errors. Read it from right to left. As the step shrinks, each curve falls
# as Taylor's series says, the steeper the higher the order. Left of its dot, rounding takes over,
# and the curve rises again. In float32 the dots lie much higher.

# %%
orders = {name: order for name, (_, order) in DIFFERENCES.items()}
draw.errors(STEPS, errors, orders)
plt.show()

# %% [markdown]
# Two things to remember:
#
# - The fourth-order difference with $h = 10^{-3}$ (the dotted line) gives about thirteen digits in
#   float64 here, and about ten for the loss below. This is far more than a check needs, so $h$ does
#   not have to be chosen with care. This is what `nn.check_gradient` uses.
# - In float32 the best of them gives about six digits. A mistake of one part in a million cannot be
#   distinguished from rounding. **Gradient checks need float64**, even for a network that will be
#   trained in float32.
#
# ## 8. Checking a gradient
#
# Do we need finite differences for all entries after all? No. The slope along *one direction* $d$
# involves all of them,
#
# $$ \frac{f(x + h d) - f(x - h d)}{2h} \approx \sum_j \frac{\partial f}{\partial x_j}\, d_j =
# \langle \text{gradient}, d \rangle, $$
#
# and needs only two evaluations (four, for the fourth-order difference), whatever the size of $x$.
# Here is such a check, in full:

# %%
def relative_error(f, x, gradient, d, h=1e-3):
    """How far <gradient, d> is from the slope of f along d."""
    d = d / np.linalg.norm(d)
    numeric = fourth_order_difference(lambda steps: f(x + steps * d), 0.0, h)
    analytic = np.sum(gradient * d)
    return abs(numeric - analytic) / max(abs(numeric), abs(analytic))


def loss_of_W(W):
    return anp.sum(anp.tanh(anp.matmul(x, W)) ** 2)


W = rng.standard_normal((n_in, n_out))
_, gradient = nn.value_and_grad(lambda p: loss_of_W(p["W"]), {"W": W})
gradient = gradient["W"]
d = rng.standard_normal(W.shape)
print(f"right gradient:    relative error {relative_error(loss_of_W, W, gradient, d):.0e}")
print(f"wrong by 0.1 %:    relative error {relative_error(loss_of_W, W, 1.001 * gradient, d):.0e}")

# %% [markdown]
# **Which direction?** Not every direction is equally good.
#
# - *The gradient itself.* The slope along it is the steepest of all, so it never drowns in
#   rounding. But what a wrong gradient *leaves out* is perpendicular to it. This direction does not
#   go there, and the check notices nothing.
# - *A random one.* It goes everywhere. But in many dimensions a random direction is nearly
#   perpendicular to the gradient. The slope along it is small, sometimes almost 0, and then the
#   relative error says little.
# - *Half-way between the two*: the sum of a vector of length 1 along the gradient and a random one
#   of length 1 (turned around if it points away from the gradient). Then the slope is at least
#   $\sqrt{1/2}$ of the steepest, and all entries are involved. `nn.check_gradient` takes this one.

# %%
def half_way(gradient, rng):
    random = rng.standard_normal(gradient.shape)
    random *= np.sign(np.sum(gradient * random))
    return gradient / np.linalg.norm(gradient) + random / np.linalg.norm(random)


def share_of_steepest(gradient, d):
    """The slope along d as a share of the slope along the gradient."""
    return abs(np.sum(gradient * d)) / np.linalg.norm(gradient) / np.linalg.norm(d)


many = rng.standard_normal(1000)  # a gradient in 1000 dimensions
shares = {"random": [], "half-way": []}
for _ in range(2000):
    shares["random"].append(share_of_steepest(many, rng.standard_normal(1000)))
    shares["half-way"].append(share_of_steepest(many, half_way(many, rng)))
assert min(shares["half-way"]) >= np.sqrt(0.5) - 1e-12

row_forgotten, one_row = gradient.copy(), gradient.copy()
row_forgotten[2] = 0
one_row[1] *= 1.001
mistakes = {"right": gradient, "all entries × 1.001": 1.001 * gradient,
            "one row × 1.001": one_row, "one row forgotten": row_forgotten,
            "sign of one column": gradient * [1, -1, 1]}
noticed = {"gradient": [], "random": [], "half-way": []}
for wrong in mistakes.values():
    directions = {"gradient": wrong, "random": rng.standard_normal(W.shape),
                  "half-way": half_way(wrong, rng)}
    for name, d in directions.items():
        noticed[name].append(relative_error(loss_of_W, W, wrong, d))

print(f"{'relative error along':22}", *(f"{name:>10}" for name in noticed))
for number, mistake in enumerate(mistakes):
    print(f"{mistake:22}", *(f"{errors_seen[number]:10.0e}" for errors_seen in noticed.values()))
assert noticed["half-way"][0] < 1e-9
assert noticed["gradient"][3] < 1e-6  # a forgotten row gets through!
assert min(noticed["half-way"][1:]) > 1e-6

# %% [markdown]
# **A picture.** Left, the slope along 2000 directions in 1000 dimensions, as a share of the
# steepest: random directions crowd near 0, half-way ones at 0.7. Right, the table above. What ends
# left of the dotted line, the tolerance, passes the check. The three bars of the right gradient
# should, and of the others none should. The direction of the gradient misses the forgotten row.
# (The bars of the right gradient show what Taylor's series leaves over at $h = 10^{-3}$, which
# depends on the direction. With half the step these errors would be about 16 times smaller.)

# %%
draw.noticed(shares, noticed, list(mistakes))
plt.show()

# %% [markdown]
# **`nn.check_gradient(function, tree, rng)`** does this for each array of a tree in turn, along two
# half-way directions, with a tolerance of one part in a million. It returns nothing if all is well.
# Otherwise it raises an `AssertionError` that names the array. From here on each equation of the
# paper goes through it. First a right gradient, then one with a part that is 0.1 % too large:

# %%
nn.check_gradient(loss_of_tree, params, rng)
print("the right gradient passes")

_, gradient = nn.value_and_grad(loss_of_tree, params)
wrong = {"layer": {"W": gradient["layer"]["W"], "b": 1.001 * gradient["layer"]["b"]}}
try:
    nn.check_gradient(loss_of_tree, params, rng, gradient=wrong)
except AssertionError as error:
    print("refused:", error)
else:
    raise AssertionError("a wrong gradient has passed")

# %% [markdown]
# Now a derivative of our own, with a slip in it. `primitive` makes an operation that autograd does
# not look into, and `defvjp` tells it how to go back. It wants a function of the result `y` and the
# input `z`. That function returns another one, which turns the cotangent $g$ of `y` into $g^T J$.
# For $y = \tanh z$ it is $g\,(1 - y^2)$. Suppose that we have typed $1 - z^2$:

# %%
tanh = primitive(np.tanh)


def tanh_vjp(y, z):
    def pull(g):
        return g * (1 - z * z)  # wrong, should be 1 - y * y

    return pull


defvjp(tanh, tanh_vjp)


def loss_of_z(p):
    return anp.sum(anp.tanh(p["z"]) ** 2)


def loss_with_slip(p):
    return anp.sum(tanh(p["z"]) ** 2)


small = {"z": 0.05 * rng.standard_normal((B, n_out))}  # tanh(z) is near z, so the slip is small
_, wrong = nn.value_and_grad(loss_with_slip, small)
_, right = nn.value_and_grad(loss_of_z, small)
print(f"largest relative error of an entry: {np.abs(wrong['z'] / right['z'] - 1).max():.1e}")
try:
    nn.check_gradient(loss_with_slip, small, rng)
except AssertionError as error:
    print("refused:", error)
else:
    raise AssertionError("a wrong gradient has passed")

# %% [markdown]
# It is caught, although in a plot the two gradients would be a single line. The check refuses two
# more things, because they would prove nothing: a gradient that is zero (any check of $0 = 0$
# succeeds), and float32 (section 7).

# %%
for refused in ({"z": np.zeros((B, n_out))}, {"z": small["z"].astype("float32")}):
    try:
        nn.check_gradient(loss_of_z, refused, rng)
    except AssertionError as error:
        print("refused:", error)
    else:
        raise AssertionError("an empty check has passed")

# %% [markdown]
# ## 9. Kinks: where there is no gradient
#
# Some functions of the paper have corners. A *leaky ReLU* has slope 1 right of 0 and a small slope
# left of it; a Euclidean norm, $\lVert x \rVert = \sqrt{\sum_j x_j^2}$ of Eq. 6 and 8, has a tip
# at 0. At a corner there is no tangent. But a program must return something. *Predict before you
# run:* what is the gradient of `maximum(x, 0)` at 0?

# %%
def slope_at_0(function):
    with np.errstate(divide="ignore", invalid="ignore"):  # some backward passes divide by 0
        _, gradient = nn.value_and_grad(lambda p: anp.sum(function(p["x"])), {"x": np.zeros(2)})
    return gradient["x"]


at_0 = {
    "maximum(x, 0)": lambda x: anp.maximum(x, 0.0),
    "maximum(x, 0.2 x)": lambda x: anp.maximum(x, 0.2 * x),
    "sqrt(sum(x ** 2))": lambda x: anp.sqrt(anp.sum(x ** 2)),
    "where(x > 0, sqrt(x), 0)": lambda x: anp.where(x > 0, anp.sqrt(x), 0.0),
    "ops: leaky ReLU 0.2": lambda x: ops.leaky_relu(x, 0.2),
    "ops: norm": ops.norm,
}
for name, function in at_0.items():
    print(f"{name:26} gradient at (0, 0): {slope_at_0(function)}")
assert np.isnan(slope_at_0(at_0["sqrt(sum(x ** 2))"])).all()
assert np.array_equal(slope_at_0(ops.norm), [0, 0])

# %% [markdown]
# From top to bottom:
#
# - **A tie.** At $x = 0$ both arguments of `maximum` are largest, and autograd divides the gradient
#   equally between them. For $\max(x, 0)$ that gives 0.5, the mean of the two slopes; for the leaky
#   ReLU 0.6. Nothing is wrong with a number in between, but the fast operations of notebook 12 must
#   give the same one as the readable ones. So the package fixes it: at 0 the derivative is the
#   slope of the left side.
# - **A tip.** The derivative of the norm is $x / \lVert x \rVert$, which at 0 is $0 / 0$: NaN, "not
#   a number". In a single step, a NaN in the backward pass turns every parameter that it reaches
#   into NaN. It happens exactly when a prediction is perfect, and the paper says nothing about it.
#   (Whether Eq. 6 is a norm at all is one of the points where the authors' code differs:
#   [D3](../DEVIATIONS.md#d3).)
# - **`where` does not help.** The root is computed for all entries, and only then does `where`
#   choose. In the backward pass the side not chosen gets $g = 0$, times an infinite derivative, and
#   $0 \cdot \infty$ is NaN.
#
# How does the package avoid this? Here is its function:

# %%
print(inspect.getsource(ops.norm))

# %% [markdown]
# `constant(...)` is the value without the tape: no gradient flows through it. `zero` is 1 where the
# sum of squares is 0, and otherwise 0. So at the tip the function takes the root of 1, where the
# derivative is harmless, and then subtracts the 1 again. The value is $\lVert 0 \rVert = 0$ and the
# gradient is 0: a perfect prediction pulls nowhere. Elsewhere nothing has changed. The other
# functions with a corner turn their condition into a factor in the same way.

# %%
perfect = {"x_tilde": x[None]}  # (1, B, n_in): a reconstruction without error, Eq. 6
L_rl, gradient = nn.value_and_grad(lambda p: reconstruction_loss(p["x_tilde"], x[None]), perfect)
print(f"Eq. 6 at zero error: {L_rl}, largest entry of its gradient: {gradient['x_tilde'].max()}")
assert L_rl == 0
assert not gradient["x_tilde"].any()

nn.check_gradient(lambda p: anp.sum(ops.norm(p["x"])), {"x": x}, rng)  # away from the tip
_, gradient = nn.value_and_grad(lambda p: anp.sum(ops.norm(p["x"])), {"x": x})
assert np.allclose(gradient["x"], x / np.linalg.norm(x, axis=1, keepdims=True))

# %% [markdown]
# **Finite differences at a kink** have a problem of their own. If the corner lies between $x - 2h$
# and $x + 2h$, they mix both sides. Then the gradient is right, and the check complains all the
# same. The remedy is a smaller step.

# %%
def leaky_relu(x):
    return ops.leaky_relu(np.asarray(x), 0.2)


distances = np.geomspace(1e-6, 1e-1, 60)
errors_near = {}
for h in (1e-3, 1e-5):
    slopes = [fourth_order_difference(leaky_relu, distance, h) for distance in distances]
    errors_near[h] = np.abs(np.array(slopes) - 1)
draw.kinks(leaky_relu, distances, errors_near)
plt.show()


def loss_near_kink(p):
    return anp.sum(ops.leaky_relu(p["x"], 0.2))


near = {"x": np.array([1e-4])}
try:
    nn.check_gradient(loss_near_kink, near, rng)
except AssertionError as error:
    print("step 1e-3, refused:", error)
else:
    raise AssertionError("the kink has gone unnoticed")
nn.check_gradient(loss_near_kink, near, rng, step=1e-5)
print("step 1e-5: passes")

# %% [markdown]
# Left, the three numbers that a program could return at the corner. In the right picture the dotted
# lines mark $2h$. To the right of them the error is far below the grey line, the tolerance of the
# check; to the left it grows to more than a third.
#
# So when a check fails in the notebooks to come, there are three suspects, in this order: the
# gradient, a kink nearby (does it pass with a smaller step?), rounding (does it get *worse* with a
# smaller step?).
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the
# package on fixed random inputs. If something is wrong, it tells you what the mistake looks like.
# Solutions, and the numbers of the experiment, are in
# [solutions/01_gradients.py](solutions/01_gradients.py). Exercise 1.1 is at the end of section 4.
#
# ### Exercise 1.2 ★ (10 minutes): central differences, entry by entry
#
# The gradient of a scalar function of an array of any shape, with two evaluations per entry.

# %%
def numeric_gradient(f, x, h):
    """The central differences of f at x, in the shape of x.

    f takes an array of the shape of x and returns a number.
    """
    raise NotImplementedError("exercise 1.2")


check("1.2", numeric_gradient)

# %% [markdown]
# ### Exercise 1.3 ★★ (10 minutes): back through a softmax
#
# Its Jacobian is $J_{ij} = y_i (\delta_{ij} - y_j)$, where $\delta_{ij}$ is 1 for $i = j$ and 0
# otherwise. Find $g^T J$ without building $J$: one line for a whole batch.

# %%
def softmax_back(g, y):
    """The gradient with respect to the input of a softmax along the last axis, (B, n).

    g (B, n) is the cotangent of its output y (B, n).
    """
    raise NotImplementedError("exercise 1.3")


check("1.3", softmax_back)

# %% [markdown]
# ### Exercise 1.4 ★★★ (20 minutes): a check of your own
#
# Write a function that says whether a gradient is right. It is tried on right gradients and on
# wrong ones: 0.1 % off, an entry forgotten, with losses that are very large and very small. It
# should be wrong about none.

# %%
def is_right(f, x, gradient):
    """True or False. f takes an array of the shape of x (float64) and returns a number."""
    raise NotImplementedError("exercise 1.4")


check("1.4", is_right)

# %% [markdown]
# ### An experiment ★★ (20 minutes)
#
# Train the network of section 5 with two hidden units from 50 random starting points. What share of
# them ends with a loss below 0.1? And with three units?
#
# **To go on.** There is a finite difference without rounding error. For a function that can also be
# computed with complex numbers, $f'(x) \approx \operatorname{Im} f(x + ih) / h$. It does not
# subtract two nearly equal numbers, so $h$ can be $10^{-100}$. Add it to the picture of section 7.
# Which operations of the paper can it not pass through?
#
# ## What to take away
#
# - The chain rule, applied from the end to the beginning, gives all derivatives of a scalar for the
#   price of a few evaluations. Finite differences need two evaluations *per parameter*.
# - Where something is used twice, its gradient has two parts, and they add up.
# - Finite differences are for checking. In float64, along one well chosen direction, they expose a
#   gradient that is wrong by a tenth of a percent. In float32 rounding would hide small mistakes.
# - At a kink there is no gradient, and a program must choose one. The norm at 0 gives NaN if nobody
#   takes care of it.
#
# Next: [02 · Layers and optimisers](02_layers_and_optimisers.ipynb)

# %% [markdown]
# # 01 · Gradients you can trust
#
# *Needs: NumPy, the derivative of a function of one variable. Minutes: 60. Paper: what Eq. 1 to 16 are trained by.*
#
# To train a network means: compute a loss, one number that says how wrong it is; find out for each of its parameters
# whether the loss rises or falls with it, and how steeply; move each a little downhill; repeat. All those slopes
# together are the *gradient*.
#
# A wrong gradient is a nasty mistake. Nothing crashes. The network still learns, only less, and everybody blames the
# method. So before we use a single gradient we ask: **how does one get it, and how does one know that it is right?**
#
# On the way you will
#
# - measure slopes with two points, and find the step at which they are most exact, in float64 and in float32;
# - write a *tape* that differentiates any formula, in 20 lines, and check it by pencil;
# - see what autograd and the three functions of this package, `nn.value_and_grad`, `nn.vjp` and `nn.check_gradient`,
#   do;
# - catch a gradient that is wrong by a tenth of a percent, and see which checks let it pass;
# - look at the points where there is no gradient, and at what a program says there all the same.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $L$ | 1 | the loss, or any other scalar that we differentiate |
# | $x$ | any | what we differentiate by |
# | $h$ | 1 | the step of a finite difference |
# | $\varepsilon$ | 1 | rounding: the relative distance of neighbouring floating-point numbers |
# | $g$ | that of $y$ | *cotangent*: the gradient of $L$ by an intermediate result $y$, on its way back |
# | $d$ | that of $x$ | a direction, of length 1 |

# %%
import inspect

import autograd.numpy as anp  # NumPy, with a tape that records: section 6
import matplotlib.pyplot as plt
import numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive

from argf_np import figures, losses_eq2_3_4_6_8_9, nn
from argf_np.paper.model import init_model
from argf_np.nn import ops
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # three colours that everybody can tell apart

# %% [markdown]
# ## 1. A slope from two points
#
# Our example is one that the paper needs (its Eq. 3 adds up such terms, notebook 06):
#
# $$ f(x) = -\log \sigma(x) = \log(1 + e^{-x}), \qquad \sigma(x) = \frac{1}{1 + e^{-x}}. $$
#
# By pencil, with the chain rule:
#
# $$ f'(x) = \frac{-e^{-x}}{1 + e^{-x}} = \sigma(x) - 1. $$
#
# How could we find that out with $f$ alone? The derivative is the limit of $(f(x + h) - f(x)) / h$ as $h$ goes to 0. Do
# not go to the limit, take a small $h$: that is a *finite difference*. There are better and worse ones:
#
# $$
# \begin{array}{lll}
# \text{forward} & \dfrac{f(x + h) - f(x)}{h} & \text{error} \sim h \\[2ex]
# \text{central} & \dfrac{f(x + h) - f(x - h)}{2h} & \text{error} \sim h^2 \\[2ex]
# \text{fourth-order central} & \dfrac{8 f(x + h) - 8 f(x - h) - f(x + 2h) + f(x - 2h)}{12 h} & \text{error} \sim h^4
# \end{array}
# $$
#
# The errors come from Taylor's series, $f(x + h) = f + h f' + \frac{h^2}{2} f'' + \frac{h^3}{6} f''' + \dots$ In the
# forward difference the term with $f''$ is left over. In the central one it cancels out, since it is the same on both
# sides, and $\frac{h^2}{6} f'''$ is left. The last one combines two central differences, of steps $h$ and $2h$, so that
# this cancels out too.

# %%
def f(x):
    return np.logaddexp(0, -x)  # log(e^0 + e^-x), without overflow


def f_prime(x):
    return 1 / (1 + np.exp(-x)) - 1


DIFFERENCES = {
    "forward": lambda f, x, h: (f(x + h) - f(x)) / h,
    "central": lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
    "fourth-order": lambda f, x, h: (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h),
}

print(f"by pencil:    {f_prime(0.5):.10f}")
for name, difference in DIFFERENCES.items():
    print(f"{name + ':':13} {difference(f, 0.5, 0.1):.10f}  (h = 0.1)")

# %% [markdown]
# **A picture.** The tangent at $x$ touches the curve. A forward difference is the slope of a line through two points
# of the curve that starts at $x$; a central one has $x$ in its middle, and is close to parallel to the tangent already
# where $h$ is large.

# %%
x_line = np.linspace(-2.6, 3, 200)
x_0, h = -0.5, 1.5
fig, ax = plt.subplots(figsize=(6.4, 3.6))
ax.plot(x_line, f(x_line), color="black", lw=2, label="$f(x)$")
ax.plot(x_line, f(x_0) + f_prime(x_0) * (x_line - x_0), color="0.6", ls="--", label=f"tangent: {f_prime(x_0):.3f}")
for name, start, colour in (("forward", x_0, COLOURS["v"]), ("central", x_0 - h, COLOURS["l"])):
    ends = np.array([start, x_0 + h])
    slope = (f(ends[1]) - f(ends[0])) / (ends[1] - ends[0])
    assert np.isclose(slope, DIFFERENCES[name](f, x_0, h))
    ax.plot(ends, f(ends), "o", color=colour)
    ax.plot(x_line, f(ends[0]) + slope * (x_line - ends[0]), color=colour, label=f"{name}: {slope:.3f}")
ax.set(xlabel="$x$", ylim=(-0.6, 2.8), title=f"Slopes at $x = {x_0:g}$, with $h = {h:g}$")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# ## 2. How small a step?
#
# As small as possible? No. A computer rounds $f(x + h)$ and $f(x)$ to relative precision $\varepsilon$ (about
# $10^{-16}$ in float64, $10^{-7}$ in float32). Their difference is small, the rounding errors are not, and division
# by $h$ makes them large. So the error has two parts, and with order $q$ of the difference
#
# $$ \text{error} \approx \underbrace{C\, h^q}_{\text{Taylor}} + \underbrace{\varepsilon / h}_{\text{rounding}},
# \qquad \text{least where } h \approx \varepsilon^{1/(q+1)}, \text{ with an error of about } \varepsilon^{q/(q+1)}. $$
#
# (Set the derivative by $h$ to zero: $q\,C\,h^{q-1} = \varepsilon / h^2$.) In words: the forward difference keeps
# half of the digits at best, the central one two thirds, the fourth-order one four fifths. Let us see. The error at
# 200 points $x$, as the root of its mean square, for each step:

# %%
points = np.random.default_rng(0).uniform(-3, 3, 200)
steps = {"float64": np.geomspace(1e-14, 1, 85), "float32": np.geomspace(1e-7, 1, 43)}


def rms_error(name, dtype, h):
    x = points.astype(dtype)
    error = DIFFERENCES[name](f, x, np.asarray(h, dtype)) - f_prime(x.astype("float64"))
    return np.sqrt(np.mean(error ** 2))


errors = {(name, dtype): np.array([rms_error(name, dtype, h) for h in steps[dtype]])
          for name in DIFFERENCES for dtype in steps}

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True, layout="constrained", width_ratios=(2, 1.2))
for ax, dtype in zip(axes, steps, strict=True):
    for (name, order), colour in zip({"forward": 1, "central": 2, "fourth-order": 4}.items(),
                                     (COLOURS["v"], COLOURS["l"], COLOURS["a"]), strict=True):
        curve = errors[name, dtype]
        ax.plot(steps[dtype], curve, color=colour, label=f"{name}, order $h^{order}$")
        ax.plot(steps[dtype][curve.argmin()], curve.min(), "o", color=colour)
    ax.axvline(1e-3, color="0.6", ls=":", lw=1)
    ax.set(xscale="log", yscale="log", xlabel="step $h$", title=dtype, ylim=(1e-14, 3))
axes[0].set_ylabel("error of the slope")
axes[0].legend(frameon=False, fontsize="small", loc="lower left")
axes[0].annotate("rounding", (1e-12, 2e-3), rotation=-30, ha="center", color="0.3")
plt.show()

# %%
for dtype, h in steps.items():
    epsilon = np.finfo(dtype).eps
    for name, order in {"forward": 1, "central": 2, "fourth-order": 4}.items():
        curve = errors[name, dtype]
        print(f"{dtype} {name:12}  best step {h[curve.argmin()]:7.0e}, error {curve.min():7.0e}   "
              f"(rule of thumb {epsilon ** (1 / (order + 1)):7.0e}, {epsilon ** (order / (order + 1)):7.0e})")

# On the right-hand side of each curve, doubling the step multiplies the error by 2^order:
for name, order in {"forward": 1, "central": 2, "fourth-order": 4}.items():
    measured = np.log2(rms_error(name, "float64", 0.02) / rms_error(name, "float64", 0.01))
    print(f"{name}: the error grows with h to the power {measured:.2f}")
    assert abs(measured - order) < 0.05

# %% [markdown]
# To take from this:
#
# - The fourth-order difference with $h = 10^{-3}$ (the dotted line) gives eleven digits or more in float64, and is not
#   picky about $h$. This is what `nn.check_gradient` uses.
# - In float32 the best of them gives five or six digits. A mistake of one part in a million cannot be told from
#   rounding. **Gradient checks need float64**, also for a network that is trained in float32 later.
#
# ## 3. Why not train like this?
#
# A finite difference needs two evaluations of the loss for each parameter. How many parameters has the network of the
# paper?

# %%
n = nn.count(init_model(np.random.default_rng(0), d=50, k=50, N=2))
print(f"{n:,} parameters: {2 * n:,} evaluations of the loss for a single step of training")

# %% [markdown]
# There is a way to get *all* the slopes for about the price of two or three evaluations. It is the chain rule, used
# from the end to the beginning.
#
# ## 4. Backwards through a small graph, by hand
#
# Take a formula in miniature: the score of a pair of vertices in the paper's graph (Eq. 10 to 13, notebook 08), with a
# single number wherever the paper has a vector:
#
# $$ L = \frac{\sigma(w V_1) + \sigma(w V_2)}{V_1 V_2 + 0.5}. $$
#
# All three inputs occur twice, and so the slopes are not that easy to see. Write it as a list of single steps, each
# with a name. Beside each step stands what it is differentiated by its inputs, which is easy, since a step is short:
#
# $$
# \begin{array}{lll}
# z_1 = w V_1 & \partial z_1 / \partial w = V_1 & \partial z_1 / \partial V_1 = w \\
# z_2 = w V_2 & \partial z_2 / \partial w = V_2 & \partial z_2 / \partial V_2 = w \\
# \alpha_1 = \sigma(z_1) & \partial \alpha_1 / \partial z_1 = \alpha_1 (1 - \alpha_1) \\
# \alpha_2 = \sigma(z_2) & \partial \alpha_2 / \partial z_2 = \alpha_2 (1 - \alpha_2) \\
# t = \alpha_1 + \alpha_2 & \partial t / \partial \alpha_1 = 1 & \partial t / \partial \alpha_2 = 1 \\
# S = V_1 V_2 & \partial S / \partial V_1 = V_2 & \partial S / \partial V_2 = V_1 \\
# q = S + 0.5 & \partial q / \partial S = 1 \\
# L = t / q & \partial L / \partial t = 1 / q & \partial L / \partial q = -t / q^2
# \end{array}
# $$
#
# Now from the last line to the first. Write $\bar t$ for $\partial L / \partial t$, and so on for all of them. At the
# end $\bar L = 1$. Each step hands what it has got back to its inputs, multiplied by the local derivative: $\bar t =
# \bar L \cdot 1 / q$. **An input that is used twice gets two parts, which add up.**

# %%
w, V_1, V_2 = 2.0, 0.9, 0.4

z_1, z_2 = w * V_1, w * V_2  # forwards
alpha_1, alpha_2 = 1 / (1 + np.exp(-z_1)), 1 / (1 + np.exp(-z_2))
t = alpha_1 + alpha_2
S = V_1 * V_2
q = S + 0.5
L = t / q

L_bar = 1.0  # backwards: the same steps, from the last to the first
t_bar, q_bar = L_bar / q, L_bar * -t / q ** 2
S_bar = q_bar
alpha_1_bar, alpha_2_bar = t_bar, t_bar
z_1_bar, z_2_bar = alpha_1_bar * alpha_1 * (1 - alpha_1), alpha_2_bar * alpha_2 * (1 - alpha_2)
w_bar = z_1_bar * V_1 + z_2_bar * V_2
V_1_bar = z_1_bar * w + S_bar * V_2
V_2_bar = z_2_bar * w + S_bar * V_1


def L_of(w, V_1, V_2):
    """The formula in one go."""
    return (1 / (1 + np.exp(-w * V_1)) + 1 / (1 + np.exp(-w * V_2))) / (V_1 * V_2 + 0.5)


assert np.isclose(L, L_of(w, V_1, V_2), rtol=0, atol=1e-14)
by_hand = {"w": w_bar, "V_1": V_1_bar, "V_2": V_2_bar}
measured = {
    "w": DIFFERENCES["fourth-order"](lambda value: L_of(value, V_1, V_2), w, 1e-3),
    "V_1": DIFFERENCES["fourth-order"](lambda value: L_of(w, value, V_2), V_1, 1e-3),
    "V_2": DIFFERENCES["fourth-order"](lambda value: L_of(w, V_1, value), V_2, 1e-3),
}
for name, slope in by_hand.items():
    print(f"dL/d{name:4} by hand {slope:+.12f}   finite differences {measured[name]:+.12f}")
    assert np.isclose(slope, measured[name], rtol=1e-9)

# %% [markdown]
# Look at the cost: each step forwards has gone along with one or two multiplications backwards. Had there been a
# million inputs, the backward walk would still be a few times the forward one. That is why networks can be trained at
# all.
#
# ## 5. A tape
#
# What we did by hand follows a rule, so a program can do it. We need numbers that remember where they come from. Each
# result of a step is put on a list, the *tape*, together with its inputs and the local derivatives. Going back is
# going through the tape from its end: what is behind a step on the tape is done before it, and so its
# derivative is complete when its turn comes.

# %%
class Number:
    """A number that puts itself on the tape, with ((input, local derivative), ...)."""

    tape = []  # noqa: RUF012  one for all

    def __init__(self, value, *inputs):
        self.value, self.inputs, self.bar = value, inputs, 0.0
        Number.tape.append(self)

    def __add__(self, other):
        return Number(self.value + other.value, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return Number(self.value * other.value, (self, other.value), (other, self.value))

    def __truediv__(self, other):
        return Number(self.value / other.value, (self, 1 / other.value), (other, -self.value / other.value ** 2))

    def sigmoid(self):
        y = 1 / (1 + np.exp(-self.value))
        return Number(y, (self, y * (1 - y)))


def backward(end):
    """Fill in ``bar``, the derivative of ``end``, for everything on the tape."""
    end.bar = 1.0
    for number in reversed(Number.tape):
        for earlier, local in number.inputs:
            earlier.bar += number.bar * local  # += and not =


# %% [markdown]
# The formula itself looks as before. That it leaves a trace is invisible:

# %%
Number.tape.clear()
w_n, V_1_n, V_2_n, half = Number(2.0), Number(0.9), Number(0.4), Number(0.5)
L_n = ((w_n * V_1_n).sigmoid() + (w_n * V_2_n).sigmoid()) / (V_1_n * V_2_n + half)
backward(L_n)

assert np.isclose(L_n.value, L, rtol=0, atol=1e-14)
for name, number in (("w", w_n), ("V_1", V_1_n), ("V_2", V_2_n)):
    assert np.isclose(number.bar, by_hand[name], rtol=0, atol=1e-14)
print(f"the tape has {len(Number.tape)} entries, and the three derivatives are those found by hand")

# %% [markdown]
# **A picture.** The graph of the formula, drawn from the tape. From left to right the values; in colour, from right to
# left, the derivatives of $L$. At $w$, $V_1$ and $V_2$ two arrows begin, and so two parts come back.

# %%
names = ["w", "V_1", "V_2", "0.5", "z_1", r"\alpha_1", "z_2", r"\alpha_2", "t", "S", "q", "L"]
places = [(0, 2.4), (0, 3.6), (0, 1.2), (2.4, -0.2), (1.2, 3.6), (2.4, 3.6), (1.2, 2.0), (2.4, 2.0), (3.6, 2.8),
          (1.2, 0.6), (3.6, 0.6), (4.8, 1.7)]
place_of = dict(zip(Number.tape, places, strict=True))
fig, ax = plt.subplots(figsize=(8.8, 4.4), layout="constrained")
for number, name in zip(Number.tape, names, strict=True):
    x, y = place_of[number]
    for earlier, _ in number.inputs:
        ax.annotate("", (x - 0.38, y), np.add(place_of[earlier], (0.38, 0)),
                    arrowprops={"arrowstyle": "->", "color": "0.65", "shrinkA": 2, "shrinkB": 2})
    constant = name == "0.5"
    ax.text(x, y, name if constant else f"${name}$ = {number.value:.3g}", ha="center",
            va="center" if constant else "bottom", fontsize=10.5)
    ax.text(x, y - 0.03, "" if constant else rf"$\partial L/\partial {name}$ = {number.bar:+.3f}", ha="center",
            va="top", color=COLOURS["v"], fontsize=9)
ax.set(xlim=(-0.45, 5.25), ylim=(-0.5, 4.1))
ax.set_title("Values go to the right, derivatives come back to the left")
ax.axis("off")
plt.show()

# %% [markdown]
# **Why `+=`?** With `=` the second part overwrites the first. It is the most common mistake in programs of this kind,
# and a treacherous one: where nothing is used twice, it does no harm.

# %%
correct = {number: number.bar for number in Number.tape}
for number in Number.tape:
    number.bar = 0.0
L_n.bar = 1.0
for number in reversed(Number.tape):
    for earlier, local in number.inputs:
        earlier.bar = number.bar * local  # wrong
for number, name in zip(Number.tape, names, strict=True):
    if not np.isclose(number.bar, correct[number]):
        print(f"{name:4} with = {number.bar:+.3f}, with += {correct[number]:+.3f}")
assert [name for number, name in zip(Number.tape, names, strict=True)
        if not np.isclose(number.bar, correct[number])] == ["w", "V_1", "V_2"]

# %% [markdown]
# ## 6. autograd: the same with arrays
#
# A tape with one entry for each number would be slow. The library [autograd](https://github.com/HIPS/autograd) has
# one for each *array*. It comes with a NumPy of its own, `autograd.numpy`, here `anp`, whose functions record what
# they do. A function is written as ever, and `grad` turns it into another function, its gradient:

# %%
def L_of_arrays(w, V_1, V_2):
    return (1 / (1 + anp.exp(-w * V_1)) + 1 / (1 + anp.exp(-w * V_2))) / (V_1 * V_2 + 0.5)


assert np.allclose(grad(L_of_arrays, argnum=(0, 1, 2))(w, V_1, V_2), list(by_hand.values()), rtol=0, atol=1e-14)

# %% [markdown]
# **Trees of parameters: `nn.value_and_grad`.** The parameters of a network are many arrays. In this package they are
# kept in a dict, with dicts inside where there are parts: a *tree*. `nn.value_and_grad(function, tree)` gives the
# value of a function that takes such a tree, and a tree of the same shape with the derivative by each entry of each
# array.

# %%
rng = np.random.default_rng(3)
B, n_in, n_out = 5, 4, 3
x = rng.standard_normal((B, n_in))
params = {"layer": {"W": rng.standard_normal((n_in, n_out)), "b": rng.standard_normal((1, n_out))}}


def loss(p):
    y = anp.tanh(anp.matmul(x, p["layer"]["W"]) + p["layer"]["b"])  # (B, n_out)
    return anp.sum(y ** 2)


value, gradient = nn.value_and_grad(loss, params)
print(f"loss: {value:.4f}")
for path, array in nn.leaves(gradient):
    print(f"derivative by {'/'.join(path)}: an array {array.shape}")

# autograd's own grad can do this too, only slower (notebook 12):
for (_, ours), (_, theirs) in zip(nn.leaves(gradient), nn.leaves(grad(loss)(params)), strict=True):
    assert np.allclose(ours, theirs, rtol=0, atol=1e-14)

# %% [markdown]
# **What goes back: `nn.vjp`.** What if a function gives not a number but an array $y$? Then there is a derivative of
# each entry of $y$ by each entry of $x$, the *Jacobian* $J_{ij} = \partial y_i / \partial x_j$. It is large, and
# nobody needs it. What a tape needs is the step from $g_i = \partial L / \partial y_i$ to $\partial L / \partial
# x_j$:
#
# $$ \frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial y_i} \frac{\partial y_i}{\partial x_j}
# = \sum_i g_i J_{ij}, \quad \text{in short } g^T J. $$
#
# This is a *vector-Jacobian product*, vjp. On the tape each operation stands with a function that computes it,
# without ever building $J$. `nn.vjp(function, tree)` gives $y$, and the function `pull` which takes $g$ back through
# everything.
#
# By pencil, for $y = x W$ with arrays: $y_{bj} = \sum_i x_{bi} W_{ij}$, hence $\partial L / \partial W_{ij} = \sum_b
# x_{bi}\, g_{bj}$ and $\partial L / \partial x_{bi} = \sum_j g_{bj} W_{ij}$. That is $x^T g$ and $g\, W^T$. There is
# only one way to multiply these arrays so that their shapes fit, which helps to remember it.

# %%
W = params["layer"]["W"]
y, pull = nn.vjp(lambda p: anp.matmul(p["x"], p["W"]), {"x": x, "W": W})
g = rng.standard_normal(y.shape)  # whatever comes from behind
back = pull(g)
assert np.allclose(back["W"], x.T @ g, rtol=0, atol=1e-14)
assert np.allclose(back["x"], g @ W.T, rtol=0, atol=1e-14)

# pull is linear in g, and can be used again: two losses may share what comes before y.
g_2 = rng.standard_normal(y.shape)
assert np.allclose(pull(g + 2 * g_2)["W"], back["W"] + 2 * pull(g_2)["W"])

# %% [markdown]
# **A picture.** If we do want the Jacobian, it comes row by row: the $g$ that is 1 for the $i$-th entry and 0
# elsewhere picks row $i$. Here is that of a softmax, $y_i = e^{x_i} / \sum_j e^{x_j}$, which the paper uses in Eq. 7,
# 12, 14 and 16. Raising one input raises its own output, at the cost of all the others. Each row adds up to zero: to
# raise all inputs alike changes nothing.

# %%
v = np.array([1.0, 2.5, 0.0, 1.5, -1.0, 2.0])
y, pull = nn.vjp(lambda p: ops.softmax(p["v"]), {"v": v})
J = np.stack([pull(row)["v"] for row in np.eye(len(v))])  # (6, 6)
assert np.allclose(J.sum(axis=1), 0)
assert np.allclose(J, np.diag(y) - np.outer(y, y), rtol=0, atol=1e-14)  # by pencil

fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.3), layout="constrained", width_ratios=(1, 1.25))
axes[0].bar(range(6), y, color=COLOURS["l"])
axes[0].set(xlabel="$i$", title="$y$ = softmax of $x$")
image = axes[1].imshow(J, cmap="PuOr", vmin=-0.3, vmax=0.3)
for (i, j), entry in np.ndenumerate(J):
    axes[1].text(j, i, f"{entry:.2f}".replace("0.", "."), ha="center", va="center", fontsize="x-small",
                 color="white" if abs(entry) > 0.2 else "black")
axes[1].set(xlabel="$j$", ylabel="$i$", title=r"Jacobian $\partial y_i / \partial x_j$, a row for each pull")
fig.colorbar(image, ax=axes[1], ticks=[-0.3, 0, 0.3])
plt.show()

# %% [markdown]
# ## 7. Checking a gradient
#
# autograd knows the rules for NumPy's functions. But rules are written by people, and notebook 12 has a lot of its own.
# Each is to be checked against finite differences. Must we go through all entries after all? No: the slope along *one
# direction* $d$ involves all of them,
#
# $$ \frac{f(x + h d) - f(x - h d)}{2h} \approx \sum_j \frac{\partial f}{\partial x_j}\, d_j = \langle \text{gradient},
# d \rangle, $$
#
# and needs but two evaluations (four, for the fourth-order difference), whatever the size of $x$. Here is such a check,
# in full:

# %%
def relative_error(f, x, gradient, d, h=1e-3):
    """How far <gradient, d> is from the slope of f along d."""
    d = d / np.linalg.norm(d)
    numeric = DIFFERENCES["fourth-order"](lambda t: f(x + t * d), 0.0, h)
    analytic = np.sum(gradient * d)
    return abs(numeric - analytic) / max(abs(numeric), abs(analytic))


def loss_of(W):
    return np.sum(np.tanh(x @ W) ** 2)


W = rng.standard_normal((n_in, n_out))
_, gradient = nn.value_and_grad(lambda p: anp.sum(anp.tanh(anp.matmul(x, p["W"])) ** 2), {"W": W})
gradient = gradient["W"]
print(f"right gradient:    relative error {relative_error(loss_of, W, gradient, rng.standard_normal(W.shape)):.0e}")
print(f"wrong by 0.1 %:    relative error "
      f"{relative_error(loss_of, W, 1.001 * gradient, rng.standard_normal(W.shape)):.0e}")

# %% [markdown]
# **Which direction?** Not each is equally good.
#
# - *The gradient itself.* The slope is steepest along it, so rounding matters least. But what a gradient wrongly
#   *leaves   out* lies across it: $d$ does not go there, and nothing is noticed.
# - *A random one.* It goes everywhere. But in many dimensions a random direction is nearly at a right angle to the
#   gradient. The slope along it is small, now and then almost 0, and a relative error then says little.
# - *Half-way between the two*: the sum of a vector of length 1 along the gradient and a random one of length 1 (turned
#   around if it points away from the gradient). Then the slope is at least $\sqrt{1/2}$ of the steepest, and all
#   entries are involved. This is what `nn.check_gradient` takes.
#
# Left: the slope along many directions, as a share of the steepest, in 1000 dimensions. Right: what each kind of check
# notices of four mistakes. A bar that ends left of the dotted line is a mistake that gets through.

# %%
def half_way(gradient, rng):
    random = rng.standard_normal(gradient.shape)
    random *= np.sign(np.sum(gradient * random))
    return gradient / np.linalg.norm(gradient) + random / np.linalg.norm(random)


many = rng.standard_normal(1000)  # a gradient in 1000 dimensions
shares = {"random": [], "half-way": []}
for _ in range(2000):
    for kind, d in (("random", rng.standard_normal(1000)), ("half-way", half_way(many, rng))):
        shares[kind].append(abs(np.sum(many * d)) / np.linalg.norm(many) / np.linalg.norm(d))
assert min(shares["half-way"]) >= np.sqrt(0.5) - 1e-12

forgotten, one_row = gradient.copy(), gradient.copy()
forgotten[2] = 0
one_row[1] *= 1.001
mistakes = {"right": gradient, "all entries × 1.001": 1.001 * gradient, "one row × 1.001": one_row,
            "one row forgotten": forgotten, "sign of one column": gradient * [1, -1, 1]}
noticed = {name: {"along the gradient": relative_error(loss_of, W, wrong, wrong),
                  "half-way": relative_error(loss_of, W, wrong, half_way(wrong, rng))}
           for name, wrong in mistakes.items()}

fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained", width_ratios=(1, 1.4))
for (kind, values), colour in zip(shares.items(), (COLOURS["a"], COLOURS["l"]), strict=True):
    axes[0].hist(values, bins=np.linspace(0, 0.8, 81), color=colour, label=kind)
axes[0].set(xlabel="slope, as a share of the steepest", yticks=[], title="2000 directions")
axes[0].legend(frameon=False, title="direction")
for side, (kind, colour) in zip((-0.2, 0.2), (("along the gradient", COLOURS["v"]), ("half-way", COLOURS["l"])),
                                strict=True):
    seen = np.array([noticed[name][kind] for name in mistakes])
    axes[1].barh(np.arange(5) + side, np.maximum(seen, 2e-14), 0.38, left=1e-14, color=colour, label=kind)
axes[1].axvline(1e-6, color="black", ls=":")
axes[1].set(xscale="log", xlim=(1e-14, 20), xlabel="relative error that the check sees", title="What is noticed")
axes[1].set_yticks(range(5), mistakes)
axes[1].invert_yaxis()
axes[1].legend(frameon=False, title="direction", loc="upper right", fontsize="small")
plt.show()

assert noticed["right"]["half-way"] < 1e-9
assert noticed["one row forgotten"]["along the gradient"] < 1e-6  # gets through!
assert all(noticed[name]["half-way"] > 1e-6 for name in mistakes if name != "right")

# %% [markdown]
# **`nn.check_gradient(function, tree, rng)`** does this for each array of a tree in turn. It returns nothing if all
# is well, and raises an `AssertionError` that names the array otherwise. From here on each equation of the paper goes
# through it. First a right gradient, then one that is 0.1 % too large:

# %%
def loss(p):
    y = anp.tanh(anp.matmul(x, p["layer"]["W"]) + p["layer"]["b"])  # (B, n_out)
    return anp.sum(y ** 2)


nn.check_gradient(loss, params, rng)  # silence is praise

_, gradient = nn.value_and_grad(loss, params)
wrong = {"layer": {"W": gradient["layer"]["W"], "b": 1.001 * gradient["layer"]["b"]}}
try:
    nn.check_gradient(loss, params, rng, gradient=wrong)
except AssertionError as error:
    print(error)
else:
    raise AssertionError("a wrong gradient has passed")

# %% [markdown]
# Now a rule of our own, with a slip. `primitive` makes an operation that autograd does not look into, and `defvjp`
# tells it the way back: from the result `y` and the input `z` to the function that turns $g$ into $g^T J$. For $y =
# \tanh z$ it is $g\,(1 - y^2)$. Somebody has typed $1 - z^2$:

# %%
tanh = primitive(np.tanh)
defvjp(tanh, lambda y, z: lambda g: g * (1 - z * z))  # wrong, should be 1 - y * y

small = {"z": 0.05 * rng.standard_normal((B, n_out))}  # tanh(z) is near z here, so the slip is small
_, wrong = nn.value_and_grad(lambda p: anp.sum(tanh(p["z"]) ** 2), small)
_, gradient = nn.value_and_grad(lambda p: anp.sum(anp.tanh(p["z"]) ** 2), small)
print(f"largest relative error of an entry: {np.abs(wrong['z'] / gradient['z'] - 1).max():.1e}")
try:
    nn.check_gradient(lambda p: anp.sum(tanh(p["z"]) ** 2), small, rng)
except AssertionError as error:
    print(error)
else:
    raise AssertionError("a wrong gradient has passed")

# %% [markdown]
# It is caught although a plot of the two gradients would show a single line. Two more things the check refuses, because
# they would prove nothing: a gradient that is zero (any check of $0 = 0$ succeeds), and float32 (section 2).

# %%
for refused in ({"z": np.zeros((B, n_out))}, {"z": small["z"].astype("float32")}):
    try:
        nn.check_gradient(lambda p: anp.sum(anp.tanh(p["z"]) ** 2), refused, rng)
    except AssertionError as error:
        print(error)
    else:
        raise AssertionError("an empty check has passed")

# %% [markdown]
# ## 8. Kinks: where there is no gradient
#
# Some functions of the paper have corners. A *leaky ReLU* has slope 1 right of 0 and a small slope left of it; a
# Euclidean norm, $\lVert x \rVert = \sqrt{\sum_j x_j^2}$ of Eq. 6 and 8, has a tip at 0. At a corner no tangent
# exists. A program says something all the same. What?

# %%
def slope_at_0(function):
    with np.errstate(divide="ignore", invalid="ignore"):  # some of these divide by 0 on their way back
        return nn.value_and_grad(lambda p: function(p["x"]).sum(), {"x": np.zeros(2)})[1]["x"]


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
assert np.array_equal(slope_at_0(at_0["maximum(x, 0)"]), [0.5, 0.5])
assert np.isnan(slope_at_0(at_0["sqrt(sum(x ** 2))"])).all()
assert np.isnan(slope_at_0(at_0["where(x > 0, sqrt(x), 0)"])).all()
assert np.array_equal(slope_at_0(ops.norm), [0, 0])

# %% [markdown]
# From top to bottom:
#
# - **A tie.** At $x = 0$ both arguments of `maximum` are largest, and autograd shares the gradient out between them.
#   For   $\max(x, 0)$ that is 0.5, the mean of the two slopes; for the leaky ReLU 0.6. Nothing is wrong with a number
#   in between,   but the fast operations of notebook 12 must give the same one as the readable ones. So the package
#   says it outright: at   0 the derivative is the slope of the left side.
# - **A tip.** The derivative of the norm is $x / \lVert x \rVert$, at 0 a $0 / 0$: NaN, "not a number". One NaN in a
#   gradient turns all parameters to NaN in a single step. It happens exactly when a prediction is perfect (D3 in
#   the list of the paper's open points), and the paper has no word on it.
# - **`where` does not help.** The root is taken on both sides and only then is one chosen. On the way back the side not
#   taken gets $g = 0$, times an infinite derivative: $0 \cdot \infty$ is NaN.
#
# How does the package get around it? Here is its function:

# %%
print(inspect.getsource(ops.norm))

# %% [markdown]
# `constant(...)` is the value with the tape cut off: no gradient flows through it. `zero` is 1 where the sum of
# squares is 0, and else 0. So at the tip the root is taken of 1, where its derivative is harmless, and the 1 is taken
# off again. The value is $\lVert 0 \rVert = 0$ and the gradient is 0: a perfect prediction pulls nowhere. Elsewhere
# nothing has changed.
#
# The other functions with a corner do likewise: they make a factor of the condition and keep it off the tape.

# %%
perfect = {"x_tilde": x[None]}  # (1, B, n_in): a reconstruction without error, Eq. 6
L_rl, gradient = nn.value_and_grad(lambda p: losses_eq2_3_4_6_8_9.reconstruction_loss(p["x_tilde"], x[None]), perfect)
assert L_rl == 0
assert not gradient["x_tilde"].any()
print("gradient of Eq. 6 at zero error: all 0, no NaN")

nn.check_gradient(lambda p: ops.norm(p["x"]).sum(), {"x": x}, rng)  # away from the tip: x / |x|
_, gradient = nn.value_and_grad(lambda p: ops.norm(p["x"]).sum(), {"x": x})
assert np.allclose(gradient["x"], x / np.linalg.norm(x, axis=1, keepdims=True))

# %% [markdown]
# **Finite differences at a kink.** They have a problem of their own: if the corner lies between $x - 2h$ and $x + 2h$,
# they mix both sides. The gradient is right and the check complains. The remedy is a smaller step.

# %%
distances = np.geomspace(1e-6, 1e-1, 60)
fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), layout="constrained")
x_line = np.linspace(-1, 1, 101)
axes[0].plot(x_line, ops.leaky_relu(x_line, 0.2), color="black", lw=2)
for slope, label, colour in ((1, "from the right", "0.55"), (0.6, "maximum, at the tie", COLOURS["v"]),
                             (0.2, "from the left, and ops", COLOURS["l"])):
    axes[0].plot(x_line[30:71], slope * x_line[30:71], color=colour, ls="--", label=f"{slope:g}: {label}")
axes[0].set(title="leaky ReLU, slope 0.2", xlabel="$x$")
axes[0].legend(frameon=False, fontsize="small", title="slope at 0")
for h, colour in ((1e-3, COLOURS["v"]), (1e-5, COLOURS["l"])):
    error = [abs(DIFFERENCES["fourth-order"](lambda t: ops.leaky_relu(np.asarray(t), 0.2), distance, h) - 1)
             for distance in distances]
    axes[1].plot(distances, np.maximum(error, 1e-16), color=colour, label=f"$h = 10^{{{np.log10(h):.0f}}}$")
    axes[1].axvline(2 * h, color=colour, ls=":")
axes[1].axhline(1e-6, color="0.6", lw=1)
axes[1].set(xscale="log", yscale="log", xlabel="distance from the kink", ylabel="error of the finite difference",
            title="Closer than $2h$ it is useless")
axes[1].legend(frameon=False)
plt.show()

near = {"x": np.array([1e-4])}
try:
    nn.check_gradient(lambda p: ops.leaky_relu(p["x"], 0.2).sum(), near, rng)
except AssertionError as error:
    print("step 1e-3:", error)
else:
    raise AssertionError("the kink has gone unnoticed")
nn.check_gradient(lambda p: ops.leaky_relu(p["x"], 0.2).sum(), near, rng, step=1e-5)
print("step 1e-5: fine")

# %% [markdown]
# So when a check fails in the notebooks to come, there are three suspects, in this order: the gradient, a kink nearby
# (does it pass with a smaller step?), rounding (does it get *worse* with a smaller step?).
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` compares it with the package on fixed random
# inputs. If something is wrong it says what it looks like. Solutions are in `tutorials/solutions/01_gradients.py`.
#
# **1.1 Central differences, entry by entry.** The gradient of a scalar function of an array of any shape, by two
# evaluations for each entry.

# %%
def numeric_gradient(f, x, h):
    """f takes an array of the shape of x and returns a number. Returns the central differences, in the shape of x."""
    raise NotImplementedError("exercise 1.1")


check("1.1", numeric_gradient)

# %% [markdown]
# **1.2 Back through a division.** In Eq. 13 a weight is divided by a similarity. Let $y = a / b$, with $a$ of shape
# `(B, k)` and $b$ of shape `(B, 1)`: each $b$ serves $k$ entries. Given $g = \partial L / \partial y$, what is
# $\partial L / \partial b$? Remember what happens to something that is used more than once.

# %%
def divisor_gradient(g, a, b):
    """g and a (B, k), b (B, 1). Returns the gradient by b, (B, 1)."""
    raise NotImplementedError("exercise 1.2")


check("1.2", divisor_gradient)

# %% [markdown]
# **1.3 Back through a softmax.** Section 6 has the Jacobian, $J_{ij} = y_i (\delta_{ij} - y_j)$, where $\delta_{ij}$
# is 1 for $i = j$ and 0 otherwise. Find $g^T J$ without building $J$: one line for a whole batch.

# %%
def softmax_back(g, y):
    """g (B, n), y (B, n) the output of the softmax along the last axis. Returns the gradient by its input, (B, n)."""
    raise NotImplementedError("exercise 1.3")


check("1.3", softmax_back)

# %% [markdown]
# **1.4 A check of your own.** Write a function that says whether a gradient is right. It is tried on right gradients
# and on wrong ones: 0.1 % off, an entry forgotten, with losses that are very large and very small. It should be wrong
# about none.

# %%
def is_right(f, x, gradient):
    """f takes an array of the shape of x (float64) and returns a number. Returns True or False."""
    raise NotImplementedError("exercise 1.4")


check("1.4", is_right)

# %% [markdown]
# **To go on.** There is a finite difference without rounding error: for a function that can also be computed with
# complex numbers, $f'(x) \approx \operatorname{Im} f(x + ih) / h$. There is no difference of two nearly equal numbers
# in it, so $h$ can be $10^{-100}$. Add it to the picture of section 2. Which operations of the paper can it not pass
# through?

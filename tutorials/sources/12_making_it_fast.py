# %% [markdown]
# # 12 · Making it fast
#
# *Needs: 01, 02, 04, 07. Minutes: 60. Paper: "Experimental details": what its networks cost to train.*
#
# The notebooks before this one begin with `nn.use("readable")`: operations as in a textbook. Around training
# they say `nn.use("fast")`, and promise the same values. NumPy with autograd is said to be slow, and the readable
# version is. But why? The sums are the same, and it is the same processor that does them.
#
# So where does the time of a training step go, and how much of it is needed?
#
# On the way you will
#
# - make the tape tell how long it is and what stands on it;
# - catch numbers that are twice as wide as you think, in a network whose gradients look right;
# - put a whole layer on the tape as *one* operation with a gradient of your own, and prove it equal;
# - let an LSTM skip its padding, read parameters for nothing, and step an optimiser inside the processor's cache;
# - find the wall behind all this: what the machine must do, whoever writes the program.
#
# **Two kinds of numbers.** A *count* (operations on a tape, bytes that go through memory) is the same on every
# computer, so cells assert counts. A *time* differs from machine to machine and from minute to minute. So times are
# only drawn, beside each other, and nothing is made of their digits: run the notebook to see those of your machine.
#
# | symbol | meaning |
# |---|---|
# | $B$ | utterances of a batch |
# | $n$ | entries of an array |
# | $g$ | gradient of the loss by the output of an operation, as it arrives on the way back |
# | $V$, $T$ | videos of a batch, utterances of the longest |
# | $p$, $m$, $v$ | parameters, and Adam's two running means |

# %%
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from unittest import mock

import autograd
import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
from autograd.core import VJPNode
from autograd.extend import defvjp, defvjp_argnums, primitive

from argf_np import figures, nn
from argf_np.paper import protocols, updates
from argf_np.data import load, pad
from argf_np.paper.joint_embedding_eq1_9 import encode
from argf_np.paper.model import init_model
from argf_np.nn import ops
from argf_np.nn.ops import lstm_cell
from argf_np.settings import Settings
from exercises import check

nn.use("readable")
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks

# %% [markdown]
# ## 1. A step, and a clock
#
# What is to become fast is `updates.train_batch`: one batch of 16 utterances through the whole network, the gradients
# of the four updates (notebook 07), and the steps of Adam. All sizes are the paper's. The values of the data do not
# matter here, so they are drawn at random. All arrays are float32, four bytes a number, the usual choice for training.

# %%
settings = Settings()  # d = 50, k = 50, batches of 16, dropout
updates = updates.updates_of(settings)
rng = np.random.default_rng(1)


def batch_of(B):
    """Features (3, B, d) and one-hot labels (B, 2) in float32."""
    return rng.standard_normal((3, B, settings.d), dtype="float32"), np.eye(2, dtype="float32")[rng.integers(2, size=B)]


x, y = batch_of(settings.batch_size)
params = init_model(rng, settings.d, settings.k, 2, "float32")
optimisers = updates.init_optimisers(params, settings)
for group, tree in params.items():
    print(f"{group:13} {nn.count(tree):9,} numbers, moved by: "
          f"{', '.join(u for u, groups in updates.items() if group in groups)}")

# %% [markdown]
# **How to time two things fairly.** Not one after the other: the computer may be busy for a moment. So in turns, many
# rounds, and the *median* of each, which a few slow rounds do not move. The first round does not count, since memory
# and caches are still cold.

# %%
def times(contenders, rounds=9, calls=1):
    """{name: median time of a call}, measured in turns. Only ratios of these numbers mean anything."""
    measured = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, function in contenders.items():
            begun = time.perf_counter()
            for _ in range(calls):
                function()
            measured[name].append((time.perf_counter() - begun) / calls)
    return {name: np.median(values[1:]) for name, values in measured.items()}


def gradients_with(implementation):
    """A function that computes all gradients of the batch with "readable" or "fast" operations."""
    def run():
        nn.use(implementation)
        updates.batch_gradients(params, x, y, updates, settings, rng)
        nn.use("readable")
    return run


def without_tape():
    """The same losses with readable operations and no tape: forwards only."""
    x_e = encode(params["encoders"], x, settings.drop_rate, rng)
    for update in updates:
        updates.LOSSES[update](params, x_e, x, y, settings, rng)


_, some_gradients = updates.batch_gradients(params, x, y, updates, settings, rng)


def adam_steps():
    """The steps of Adam, on parameters that nobody minds."""
    for update, groups in some_gradients.items():
        for group, gradient in groups.items():
            nn.adam(optimisers[update][group], params[group], gradient, 1e-9)


measured = times({"forwards only": without_tape, "readable": gradients_with("readable"),
                  "fast": gradients_with("fast"), "Adam": adam_steps})
whole = measured["readable"] + measured["Adam"]
fig, ax = plt.subplots(figsize=(8, 2.3), layout="constrained")
for row, name in enumerate(("readable", "fast")):
    ax.barh(row, measured[name] / whole, color=COLOURS["l"], label=None if row else "losses and gradients")
    ax.barh(row, measured["Adam"] / whole, left=measured[name] / whole, color=COLOURS["a"],
            label=None if row else "steps of Adam")
ax.barh(0, measured["forwards only"] / whole, facecolor=COLOURS["l"], edgecolor="white", hatch="////",
        label="of these: forwards only, without a tape")
ax.set_yticks([0, 1], ["readable", "fast"])
ax.set(xlim=(0, 1), xticks=[], xlabel="time of one training step (on the machine that ran this)")
ax.invert_yaxis()
ax.legend(frameon=False, fontsize="small", ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
plt.show()

# %% [markdown]
# Some of this has to be. The way back multiplies twice where the way forward multiplies once: by $W^T$, to go on, and
# by $\mathbf{x}^T$, for the gradient of $W$. And three updates go back through the encoders. So the bar is several
# times as long as its hatched part, whoever writes the program. But the fast version does the *same* products. What
# it saves must be something else.
#
# ## 2. How long is the tape?
#
# Notebook 01 built a tape. That of autograd is a chain of *nodes*, one for each operation on something traced. We look
# over its shoulder: whenever a node is made, we note the name of the operation, the array that came out, and
# later the types of the gradients that went in and out of it on the way back.

# %%
@contextmanager
def look_at_the_tape():
    """Within `with look_at_the_tape() as tape:`, every operation that autograd records is noted in a list."""
    tape, original = [], VJPNode.__init__

    def init(node, value, operation, *rest):
        original(node, value, operation, *rest)
        entry = {"name": operation.__name__, "value": value, "back": []}
        tape.append(entry)
        vjp = node.vjp

        def vjp_and_note(g):
            parts = tuple(vjp(g))
            entry["back"] = [part.dtype for part in (g, *parts) if hasattr(part, "dtype")]
            return parts

        node.vjp = vjp_and_note

    with mock.patch.object(VJPNode, "__init__", init):
        yield tape


tapes = {}
for name in ("readable", "fast"):
    with look_at_the_tape() as tapes[name]:
        gradients_with(name)()
    kept = sum(entry["value"].nbytes for entry in tapes[name])
    print(f"{name:9} {len(tapes[name]):4} operations on the tape, their results take {kept / 1024:7,.0f} KiB")
assert len(tapes["fast"]) < len(tapes["readable"]) / 2

# %% [markdown]
# (What the fast operations put aside for their way back is not on the tape, and not in these KiB.) Here are both tapes,
# from left to right and from top to bottom, an operation a square:

# %%
KINDS = {"matrix products": ("matmul", "dot"), "whole layers": ("layer",),
         "sums, differences, products, quotients": ("add", "subtract", "multiply", "divide", "negative"),
         "sums along an axis": ("sum",)}
PAINT = dict(zip([*KINDS, "all others"], ("black", COLOURS["l"], "#DDCC99", COLOURS["v"], "0.8"), strict=True))


def kind(entry):
    return next((kind for kind, names in KINDS.items() if any(name in entry["name"] for name in names)), "all others")


fig, axes = plt.subplots(2, 1, figsize=(8.4, 3.4), layout="constrained", sharex=True,
                         height_ratios=[-(-len(tape) // 40) for tape in tapes.values()])
for ax, (name, tape) in zip(axes, tapes.items(), strict=True):
    for number, entry in enumerate(tape):
        ax.add_patch(plt.Rectangle((number % 40, -(number // 40)), 0.86, 0.8, color=PAINT[kind(entry)]))
    ax.set(xlim=(-0.3, 40), ylim=(0.4 - -(-len(tape) // 40), 1))
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
fig.legend(handles=[plt.Rectangle((0, 0), 1, 1, color=colour, label=label) for label, colour in PAINT.items()],
           loc="outside lower center", ncols=3, frameon=False, fontsize="small")
plt.show()

# %% [markdown]
# The black squares are what costs, one would think. In the readable version they are few among many small operations.
# Is that bad? An addition of 16 × 50 numbers is nothing. But its place on the tape is not nothing: autograd has to see
# that an argument is traced, make a node, remember how to go back, later sort the nodes, call two Python functions
# each, and add up. Let us time an addition of $n$ numbers, plain and on a tape:

# %%
def additions(n, traced):
    """A function that adds an array of n numbers ten times, perhaps on a tape and back again."""
    start, step = np.ones(n, "float32"), np.ones(n, "float32")

    def chain(p):
        total = p["start"]
        for _ in range(10):
            total = anp.add(total, step)
        return total

    def plain():
        total = start
        for _ in range(10):
            total = np.add(total, step)

    def there_and_back():
        value, pull = nn.vjp(chain, {"start": start})
        pull(value)

    return there_and_back if traced else plain


sizes = np.geomspace(10, 3_000_000, 12).astype(int)
lines = {traced: [] for traced in (True, False)}
for n in sizes:
    measured = times({traced: additions(n, traced) for traced in lines}, rounds=25, calls=max(1, 100 // n))
    for traced, line in lines.items():
        line.append(measured[traced])

# %%
fig, ax = plt.subplots(figsize=(6.6, 3.5), layout="constrained")
smallest = min(lines[False])
ax.plot(sizes, np.array(lines[True]) / smallest, "o-", color=COLOURS["v"], label="on a tape, forwards and back")
ax.plot(sizes, np.array(lines[False]) / smallest, "o-", color=COLOURS["l"], label="plain NumPy, forwards")
of_batch = {f"$B$ = {B}": 3 * B * settings.k for B in (16, 1024)}
for label, n in of_batch.items():
    ax.axvline(n, color="0.6", lw=1, ls=":")
    ax.annotate(r"$\mathbf{x}^e$, " + label, (n, 0.97), (4, 0), xycoords=("data", "axes fraction"),
                textcoords="offset points", va="top", fontsize="small", color="0.4")
ax.set(xscale="log", yscale="log", xlabel="numbers in the array, $n$", ylabel="a small plain addition is 1")
ax.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
ax.minorticks_off()
ax.set_title("what an addition costs (on the machine that ran this)")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88))
plt.show()

# %% [markdown]
# On the left both lines are flat: there the price is one *per operation*, however small the array, and on a tape it is
# many times that of plain NumPy. Only on the right does the price grow with the array. The encoded vectors of a batch
# of 16 lie on the flat part. So at this size one pays by the operation, and there are two remedies:
#
# - *Larger* operations: the three modalities side by side in one array (notebook 05), the pairs in one array (08).
# - *Fewer* operations: several in one. This is section 4. First, something that nobody sees.
#
# ## 3. The float64 that nobody sees
#
# Here is a small network as one writes it, in float32. Both gradients come out in float32, as they should.

# %%
small = {"W": 0.2 * rng.standard_normal((50, 40), dtype="float32"),
         "W_2": 0.2 * rng.standard_normal((40, 30), dtype="float32")}
batch = rng.standard_normal((16, 50), dtype="float32")
mask_rng = np.random.default_rng(0)


def as_one_writes_it(p):
    h = anp.dot(batch, p["W"])
    h = anp.maximum(h, 0.01 * h)  # leaky ReLU
    h = h * ((mask_rng.random(h.shape) >= 0.5) / 0.5)  # dropout
    h = anp.tanh(anp.dot(h, p["W_2"]))
    return anp.mean(h * h)


with look_at_the_tape() as before:
    loss, gradient = nn.value_and_grad(as_one_writes_it, small)
print("gradients:", {name: g.dtype.name for name, g in gradient.items()})

# %% [markdown]
# Now what was on the tape. Each column is an operation, from the parameters on the left to the loss on the right.
# Above are the results on the way forward, below the gradients on the way back. Red is float64: eight bytes a number
# instead of four, in every array that the step reads and writes.

# %%
def draw_types(ax, tape, title):
    """An operation a column: the type of its result above, of the gradients that it hands back below."""
    for column, entry in enumerate(tape):
        for row, dtypes in ((1, [entry["value"].dtype]), (0, entry["back"][1:])):
            wide = np.dtype("float64") in dtypes
            ax.add_patch(plt.Rectangle((column, row), 0.92, 0.86, color="#BB5566" if wide else "#CFE0EE"))
            ax.text(column + 0.46, row + 0.43, "64" if wide else "32", ha="center", va="center", fontsize=9,
                    color="white" if wide else "0.3")
    ax.set(xlim=(-0.1, len(tape)), ylim=(-0.1, 2))
    ax.set_xticks(np.arange(len(tape)) + 0.46, [entry["name"] for entry in tape], fontsize=8, rotation=20)
    ax.set_yticks([0.43, 1.43], ["way back", "way forward"])
    ax.set_title(title, fontsize=10, loc="left")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def share_of_float64(tape):
    """Share of float64 among the results and the gradients of a tape."""
    types = [dtype for entry in tape for dtype in (entry["value"].dtype, *entry["back"])]
    return np.mean([dtype == np.float64 for dtype in types])


fig, ax = plt.subplots(figsize=(8.4, 1.9), layout="constrained")
draw_types(ax, before, "as one writes it")
plt.show()
print(f"float64: {share_of_float64(before):.0%} of all results and gradients")
assert share_of_float64(before) > 0.5
assert {g.dtype for g in gradient.values()} == {np.dtype("float32")}

# %% [markdown]
# More than half of it is float64, and the result does not show it: on its way to a parameter autograd casts the
# gradient back to the parameter's type. Two culprits:
#
# - *A constant.* `random()` gives float64, so the mask is float64, and float32 times float64 is float64. From there
#   on everything is, forwards and back. (Python's own numbers, such as the 0.01, do no harm: NumPy gives way to the
#   array. A single number of NumPy's, such as `np.sqrt(2)`, does the same harm as an array.)
# - *A gradient.* autograd's own `mean`, `maximum` and `where` make float64 on the way back, whatever went in.
#
# The cure: make the mask in the type of the data, and take `nn.readable`'s functions, which turn conditions into
# factors of the right type and means into sums divided by a Python number.

# %%
def cured(p):
    h = ops.leaky_relu(anp.dot(batch, p["W"]))
    h = h * ops.dropout_mask(mask_rng, h.shape, 0.5, h.dtype)
    h = ops.tanh(anp.dot(h, p["W_2"]))
    return ops.mean(h * h)


with look_at_the_tape() as after:
    nn.value_and_grad(cured, small)
fig, ax = plt.subplots(figsize=(8.4, 1.9), layout="constrained")
draw_types(ax, after, "cured")
plt.show()
assert share_of_float64(after) == 0
for name, tape in tapes.items():
    assert share_of_float64(tape) == 0
    print(f"the tape of a whole training step, {name}: float64 {share_of_float64(tape):.0%}")

# %% [markdown]
# A type is easily lost again. So the package has a test that looks at every gradient of a float32 run, as we did here.
#
# ## 4. A layer as one operation
#
# A dense layer with a tanh is three operations, $\mathbf{y} = \tanh(\mathbf{x} W + \mathbf{b})$. autograd lets you
# declare any function to be *one*: `primitive` says that it is not to look inside, and `defvjp` says how to go back,
# with one function for each argument. Each takes the result $\mathbf{y}$ and the arguments, and gives what turns $g$
# into the gradient by that argument. By pencil, with $\delta = g \odot (1 - \mathbf{y}^2)$:
#
# $$\frac{\partial L}{\partial \mathbf{x}} = \delta\, W^T, \qquad \frac{\partial L}{\partial W} = \mathbf{x}^T \delta,
# \qquad \frac{\partial L}{\partial \mathbf{b}} = \sum_{i=1}^{B} \delta_i.$$
#
# Note what is needed for the way back: the result and the arguments. Neither $\mathbf{x} W$ nor $\mathbf{x} W +
# \mathbf{b}$ has to be kept. So `tanh_layer` may overwrite them, and makes one array where the textbook makes three.
# (Give the arguments of a primitive by their place, not by name: autograd does not look among named ones.)

# %%
@primitive
def tanh_layer(x, W, b):
    """tanh(x W + b) for x (B, n_in), W (n_in, n_out), b (1, n_out)."""
    y = np.matmul(x, W)
    y += b  # in place: no new array
    return np.tanh(y, out=y)


defvjp(tanh_layer,
       lambda y, x, W, b: lambda g: np.matmul(g * (1 - y * y), W.T),
       lambda y, x, W, b: lambda g: np.matmul(x.T, g * (1 - y * y)),
       lambda y, x, W, b: lambda g: np.sum(g * (1 - y * y), axis=0, keepdims=True))

# %% [markdown]
# Now the duty that comes with it. Nobody checks a gradient that is written by hand, unless you do. It must agree with
# the readable composition, in value and in gradient, to ten digits; and it must pass the check by finite differences.
# Both in float64, of course.

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def textbook_layer(x, W, b):
    return ops.tanh(anp.matmul(x, W) + b)


def prove_equal(layer, other, arguments):
    """Raise AssertionError unless two functions of these arguments have equal values and gradients, to 1e-10."""
    (value, pull), (expected, pull_expected) = (
        nn.vjp(lambda p, f=f: f(*p.values()), arguments) for f in (layer, other))
    assert np.allclose(value, expected, rtol=0, atol=1e-10), "other values"
    g = np.random.default_rng(0).standard_normal(value.shape)
    for (path, ours), (_, theirs) in zip(nn.leaves(pull(g)), nn.leaves(pull_expected(g)), strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-10), f"another gradient by {'/'.join(path)}"


arguments = {"x": rng.standard_normal((5, 7)), "W": rng.standard_normal((7, 11)) / 3,
             "b": rng.standard_normal((1, 11))}
prove_equal(tanh_layer, textbook_layer, arguments)
nn.check_gradient(lambda p: weigh(tanh_layer(*p.values())), arguments, rng)

# %% [markdown]
# Does the proof catch a mistake? Forget the 1 − in one place:

# %%
@primitive
def wrong_layer(x, W, b):
    return np.tanh(np.matmul(x, W) + b)


defvjp(wrong_layer,
       lambda y, x, W, b: lambda g: np.matmul(g * (1 - y * y), W.T),
       lambda y, x, W, b: lambda g: np.matmul(x.T, g * (1 - y * y)),
       lambda y, x, W, b: lambda g: np.sum(g * y * y, axis=0, keepdims=True))
try:
    prove_equal(wrong_layer, textbook_layer, arguments)
except AssertionError as error:
    print("refused:", error)
else:
    raise AssertionError("the wrong gradient went through")

# %% [markdown]
# **What does it save?** Three operations on the tape are now one. And there is something else to count. An array is a
# stretch of memory, and every NumPy operation walks through all its inputs and its output. Here is an array that adds
# up how many bytes it makes NumPy read and write:

# %%
class Counted(np.ndarray):
    """An array that counts the bytes that operations on it read and write."""

    traffic = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        def plain(a):
            return a.view(np.ndarray) if isinstance(a, Counted) else a

        if out is not None:
            options["out"] = tuple(plain(a) for a in out)
        result = getattr(ufunc, method)(*(plain(a) for a in inputs), **options)
        Counted.traffic += result.nbytes + sum(a.nbytes for a in inputs if isinstance(a, np.ndarray))
        return out[0] if out is not None else np.asarray(result).view(Counted)


def traffic(function, *arguments):
    """Bytes that function(*arguments) reads and writes; arrays among the arguments are counted."""
    Counted.traffic = 0
    function(*(a.view(Counted) if isinstance(a, np.ndarray) else a for a in arguments))
    return Counted.traffic


def backwards_one_by_one(g, y, x, W):
    """As in defvjp above: an expression for each argument."""
    return (np.matmul(g * (1 - y * y), W.T), np.matmul(x.T, g * (1 - y * y)),
            np.sum(g * (1 - y * y), axis=0, keepdims=True))


def backwards_together(g, y, x, W):
    """What the three have in common is computed once, and in place."""
    delta = np.multiply(y, y)
    np.subtract(1, delta, out=delta)
    delta *= g
    return np.matmul(delta, W.T), np.matmul(x.T, delta), np.sum(delta, axis=0, keepdims=True)


many = rng.standard_normal((256, 50), dtype="float32")  # more rows than W has: a stack of batches
W, b = rng.standard_normal((50, 50), dtype="float32"), np.zeros((1, 50), "float32")
y_many, g_many = tanh_layer(many, W, b), rng.standard_normal((256, 50), dtype="float32")
rows = {
    "forwards, textbook": traffic(lambda x, W, b: np.tanh(np.matmul(x, W) + b), many, W, b),
    "forwards, in place": traffic(lambda x, W, b: np.tanh(z := np.add(z := np.matmul(x, W), b, out=z), out=z),
                                  many, W, b),
    "back, one by one": traffic(backwards_one_by_one, g_many, y_many, many, W),
    "back, together": traffic(backwards_together, g_many, y_many, many, W),
}
fig, ax = plt.subplots(figsize=(7.4, 2.4), layout="constrained")
bars = ax.barh(list(rows), [bytes_ / y_many.nbytes for bytes_ in rows.values()],
               color=[COLOURS["v"], COLOURS["l"]] * 2)
ax.bar_label(bars, fmt="%.1f", padding=3)
ax.invert_yaxis()
ax.set(xlabel="bytes read and written, as a multiple of the layer's output")
ax.margins(x=0.1)
plt.show()
assert rows["back, together"] < rows["back, one by one"] / 1.5

# %% [markdown]
# Forwards, writing in place walks as far as before, but it asks for no new memory, and what was written a moment ago
# is still in the processor's cache. On the way back, the three functions of `defvjp` know nothing of each other, and
# each computes $\delta$ anew. `defvjp_argnums` takes *one* function for all arguments that are traced:

# %%
@primitive
def fused_layer(x, W, b):
    """tanh(x W + b), as `tanh_layer`."""
    y = np.matmul(x, W)
    y += b
    return np.tanh(y, out=y)


def fused_vjp(argnums, y, arguments, _):
    x, W, _ = arguments

    def backward(g):
        parts = backwards_together(g, y, x, W)
        return [parts[n] for n in argnums]

    return backward


defvjp_argnums(fused_layer, fused_vjp)
prove_equal(fused_layer, textbook_layer, arguments)
nn.check_gradient(lambda p: weigh(fused_layer(*p.values())), arguments, rng)

for name, layer in (("textbook", textbook_layer), ("fused", fused_layer)):
    with look_at_the_tape() as tape:
        nn.value_and_grad(lambda p, layer=layer: weigh(layer(*p.values())), arguments)
    print(f"{name:9} {[entry['name'] for entry in tape]}")

# %% [markdown]
# The last two entries are `weigh`. This is the pattern of `nn/fast.py` (whose `operation` is `primitive` and
# `defvjp_argnums` in one): a layer with dropout, batch norm and activation is one operation there, more than a dozen in
# `nn/readable.py`. Both take the same arguments, and tests hold them together as `prove_equal` does. The equation files
# call `ops.dense_layer` and do not know which one they get.
#
# ## 5. An LSTM that skips its padding
#
# The worst tape of all is that of an LSTM: the same few operations, for every utterance and in both directions
# (notebook 04). Here are the training videos of the corpus, a row each, and their utterances from left to right:

# %%
corpus = load("mosi")
videos = corpus.split["train"]
lengths = corpus.lengths[videos]
V, T = len(lengths), lengths.max()
order = np.argsort(-lengths, kind="stable")
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.3), layout="constrained", sharey=True)
for ax, shown, title in ((axes[0], lengths, "as they come: every step does all videos"),
                         (axes[1], lengths[order], "longest first: a step does those still running")):
    ax.barh(range(V), shown, 1.0, color=COLOURS["l"], edgecolor="white", lw=0.3)
    ax.set(xlim=(0, T), ylim=(V - 0.5, -0.5), xlabel="utterance $t$")
    ax.set_title(title, fontsize=10)
axes[0].barh(range(V), T - lengths, 1.0, left=lengths, color="0.9", edgecolor="0.8", hatch="////", lw=0)
axes[0].set_ylabel("video")
plt.show()
print(f"{V} videos, {T} steps: {V * T} cells of the LSTM, of which padding {1 - lengths.sum() / (V * T):.0%}")

# %% [markdown]
# Sorted by length, the videos that are still running at step $t$ are the *first* ones. So a step takes the first rows
# of everything, and padding is never touched. The products $\mathbf{x}_t W$ of all steps need no $\mathbf{h}$, and
# are one large product before the loop:

# %%
def lstm_longest_first(x, lengths, W, U, b):
    """One direction: x (V, T, d_j), W (d_j, 4H), U (H, 4H), b (1, 4H). Returns (V, T, H), 0 on padding."""
    order = np.argsort(-lengths, kind="stable")
    active = (lengths[:, None] > np.arange(x.shape[1])).sum(axis=0)  # (T,): how many still run at each step
    gates_x = x[order] @ W + b  # (V, T, 4H)
    outputs = np.zeros((*x.shape[:2], len(U)))
    h = c = np.zeros((len(x), len(U)))
    for t, n in enumerate(active):
        h, c = lstm_cell(h[:n], c[:n], gates_x[:n, t], U)  # (n, H)
        outputs[order[:n], t] = h
    return outputs, active


d_j, H = 5, 4
x_padded, video_mask = pad(rng.standard_normal((len(corpus.ids), d_j)), corpus.starts, videos)  # (V, T, d_j)
lstm = nn.init_bilstm(rng, d_j, H)
outputs, active = lstm_longest_first(x_padded, lengths, *(lstm[name][0] for name in ("W", "U", "b")))
reference = ops.bilstm(lstm, x_padded, video_mask)  # (V, T, 2H), readable
assert np.allclose(outputs, reference[..., :H], rtol=0, atol=1e-14)
assert active.sum() == lengths.sum()  # cells computed: real utterances, and nothing else

# %% [markdown]
# On a tape this would still be dozens of operations a step. But we know the way back: notebook 04 wrote it by hand. So
# the whole LSTM, both directions and all steps, becomes one operation, in `nn/fast_lstm.py`. Its loop runs in plain
# NumPy. On the way back, the gradient of $U$ is one product over all steps, where a tape adds up $T$ arrays of the size
# of $U$. The proof, as before, on the lengths of the corpus:

# %%
def bilstm_with(implementation):
    def run(lstm, x):
        nn.use(implementation)
        outputs = ops.bilstm(lstm, x, video_mask)
        nn.use("readable")
        return outputs
    return run


prove_equal(bilstm_with("fast"), bilstm_with("readable"), {"lstm": lstm, "x": x_padded})
for name in ("readable", "fast"):
    with look_at_the_tape() as tape:
        nn.vjp(lambda p, name=name: bilstm_with(name)(p, x_padded), lstm)
    print(f"{name:9} {len(tape):5,} operations on the tape")
assert len(tape) == 1

# %%
units = 300  # those of the paper's UCLN
wide, _ = pad(rng.standard_normal((len(corpus.ids), 100), dtype="float32"), corpus.starts, videos)
lstm_300 = nn.map_leaves(lambda leaf: leaf.astype("float32"), nn.init_bilstm(rng, 100, units))


def there_and_back(implementation, rows):
    def run():
        nn.use(implementation)
        value, pull = nn.vjp(lambda p: ops.bilstm(p, wide[rows], video_mask[rows]), lstm_300)
        pull(value)
        nn.use("readable")
    return run


ten = slice(0, 10)
measured = times({name: there_and_back(name, ten) for name in ("readable", "fast")}, rounds=3)
fig, ax = plt.subplots(figsize=(7, 1.5), layout="constrained")
ax.barh(["readable", "fast"], [measured["readable"], measured["fast"]], color=[COLOURS["v"], COLOURS["l"]])
ax.invert_yaxis()
ax.set(xticks=[], xlabel="time for ten videos, forwards and back, 300 units (on the machine that ran this)")
plt.show()

# %% [markdown]
# ## 6. Reading a parameter for nothing
#
# `autograd.grad` differentiates by a dict of parameters, and nested dicts too. Convenient; but what it traces is the
# *dict*. Then `params["encoders"]["dense_1"]["W"]` is three operations on the tape, and on the way back each becomes a
# dict again. `nn.value_and_grad` starts the tape at the *leaves* instead, the arrays: the dicts stay plain dicts, and
# reading them costs nothing. The gradients are the same:

# %%
moved = {group: params[group] for group in updates["classifier"]}


def classifier_loss(p):
    x_e = encode(p["encoders"], x)
    return updates.LOSSES["classifier"](p, x_e, x, y, settings, None)


with look_at_the_tape() as tape_of_leaves:
    _, by_leaf = nn.value_and_grad(classifier_loss, moved)
with look_at_the_tape() as tape_of_dict:
    by_dict = autograd.grad(classifier_loss)(moved)
for (path, ours), (_, theirs) in zip(nn.leaves(by_leaf), nn.leaves(by_dict), strict=True):
    assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-6), path

reads = Counter(entry["name"] for entry in tape_of_dict)["container_take"]
print(f"tape from a dict {len(tape_of_dict)}, of which reading parameters {reads}; from leaves {len(tape_of_leaves)}")
assert len(tape_of_dict) - reads == len(tape_of_leaves)

# %% [markdown]
# The second saving is from notebook 07: an update traces only what it moves. The discriminator's update has no business
# in the encoders, so nothing there is on its tape. How long is the tape of each update, if everything is traced, and
# if only what it moves is?

# %%
x_e = encode(params["encoders"], x)
traced = {}
for update, groups in updates.items():
    with look_at_the_tape() as everything:
        nn.value_and_grad(lambda p, u=update: updates.LOSSES[u](
            p, encode(p["encoders"], x), x, y, settings, None), params)
    behind = {group: params[group] for group in groups if group != "encoders"}
    start = behind | ({"x_e": x_e} if "encoders" in groups else {})
    with look_at_the_tape() as only_moved:
        nn.value_and_grad(lambda p, u=update: updates.LOSSES[u](
            params | p, p.get("x_e", x_e), x, y, settings, None), start)
    traced[update] = len(everything), len(only_moved)
with look_at_the_tape() as once:
    nn.vjp(lambda p: encode(p, x), params["encoders"])

fig, ax = plt.subplots(figsize=(7.4, 2.8), layout="constrained")
left = {0: 0, 1: 0}
shades = dict(zip(updates, ("#004488", "#BB5566", "#DDAA33", "#999999"), strict=True))
for update, counts in traced.items():
    for row, count in enumerate(counts):
        ax.barh(row, count, left=left[row], color=shades[update], edgecolor="white", label=None if row else update)
        left[row] += count
ax.barh(1, len(once), left=left[1], color="black", label="encoders, once")
ax.set_yticks([0, 1], ["each update traces\nthe whole network", "each traces\nwhat it moves"])
ax.invert_yaxis()
ax.set(xlabel="operations on the tapes of one batch (readable, without dropout)")
ax.legend(frameon=False, fontsize="small", ncols=5, loc="lower center", bbox_to_anchor=(0.4, 1))
plt.show()
assert left[1] + len(once) < left[0]

# %% [markdown]
# ## 7. An optimiser in the cache
#
# Adam (notebook 02) as its formula says, and what it makes NumPy read and write, in units of "once through an array as
# long as the parameters":

# %%
def adam_textbook(p, m, v, g, t, lr=1e-3, b1=0.5, b2=0.999, epsilon=1e-8):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    m_hat = m / (1 - b1 ** t)
    v_hat = v / (1 - b2 ** t)
    return p - lr * m_hat / (np.sqrt(v_hat) + epsilon), m, v


n = nn.count(params)
g_flat = rng.standard_normal(n, dtype="float32")
zeros = np.zeros(n, "float32")
passes = traffic(adam_textbook, zeros, zeros, zeros, g_flat, 1) / zeros.nbytes
print(f"{n:,} parameters, {zeros.nbytes / 2 ** 20:.1f} MiB an array")
print(f"the formula, operation by operation: {passes:.0f} times through such an array")

# %% [markdown]
# How few could it be? Adam has to read $p$, $m$, $v$ and $g$ and to write $p$, $m$ and $v$: seven. Everything beyond is
# written to memory only to be read again by the next operation, and arrays of this size do not stay in the cache in
# between. A loop over single numbers would need seven, but Python is too slow for that. The way out is in the middle:
# go through the parameters *in blocks*, and do all operations on one block before the next. A block's scratch
# arrays are small enough to stay in the cache, and memory sees seven.
#
# For that, the parameters must be one long array. `nn.pack` puts all arrays of a group into one flat buffer, one behind
# the other, and gives the tree back as *views* of it: each layer still reads its own `W`, and the optimiser sees a
# single array. All steps are in place, so that they need no new memory at all:

# %%
def adam_in_blocks(p, m, v, g, t, scratch, lr=1e-3, b1=0.5, b2=0.999, epsilon=1e-8):
    """The same step, in place on p, m and v, in blocks of the length of ``scratch``."""
    for start in range(0, len(p), len(scratch)):
        block = slice(start, start + len(scratch))
        p_, m_, v_, g_ = p[block], m[block], v[block], g[block]
        s = scratch[:len(p_)]
        m_ *= b1
        np.multiply(g_, 1 - b1, out=s)
        m_ += s
        v_ *= b2
        np.multiply(g_, g_, out=s)
        s *= 1 - b2
        v_ += s
        np.divide(v_, 1 - b2 ** t, out=s)
        np.sqrt(s, out=s)
        s += epsilon
        np.divide(m_, s, out=s)
        s *= lr / (1 - b1 ** t)
        p_ -= s


def three_steps(step):
    """p after three steps on a long flat array in float64."""
    generator = np.random.default_rng(0)
    p, m, v = generator.standard_normal(1000), np.zeros(1000), np.zeros(1000)
    for t in (1, 2, 3):
        g = generator.standard_normal(1000)
        p, m, v = step(p, m, v, g, t) or (p, m, v)
    return p


def package_step(p, m, v, g, t):
    tree, state = nn.pack({"p": p}), {"t": t - 1, "m": m / (1 - 0.5), "v": v / (1 - 0.999)}
    nn.adam(state, tree, {"p": g}, 1e-3, (0.5, 0.999))
    return tree["p"], state["m"] * (1 - 0.5), state["v"] * (1 - 0.999)


expected = three_steps(adam_textbook)
for length in (1, 64, 1000):
    assert np.allclose(three_steps(lambda *a, n=length: adam_in_blocks(*a, np.empty(n))), expected, rtol=0, atol=1e-10)
assert np.allclose(three_steps(package_step), expected, rtol=0, atol=1e-10)

# %% [markdown]
# How long should a block be? Too short, and Python's price per operation comes back. Too long, and the block falls out
# of the cache. Ask the machine:

# %%
p_flat, m_flat, v_flat = zeros.copy(), zeros.copy(), zeros.copy()
blocks = 2 ** np.arange(8, 21)
contenders = {"textbook": lambda: adam_textbook(p_flat, m_flat, v_flat, g_flat, 1)}
for block in blocks:
    contenders[block] = partial(adam_in_blocks, p_flat, m_flat, v_flat, g_flat, 1, np.empty(block, "float32"))
measured = times(contenders, rounds=7)
fig, ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")
kib = 5 * 4 * blocks / 1024  # p, m, v, g and scratch of a block
ax.plot(kib, [measured[block] for block in blocks], "o-", color=COLOURS["l"], label="in place, in blocks")
ax.axhline(measured["textbook"], color=COLOURS["v"], ls="--", label="operation by operation, as the formula says")
ax.set(xscale="log", ylim=0, yticks=[], ylabel="time of a step, relative", xlabel="five arrays of a block, KiB")
ax.set_xticks(kib[1::3], [f"{value:,.0f}" for value in kib[1::3]])
ax.minorticks_off()
ax.set_title("Adam on all parameters (on the machine that ran this)")
ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.92))
plt.show()

# %% [markdown]
# On the left is Python's price. On the right, where the five arrays no longer fit into the cache, the line rises again:
# steeply on a laptop, hardly at all on a server with a large cache. The dashed line pays for something else as well:
# every operation of the formula asks for a new array.
#
# ## 8. The wall
#
# What cannot be saved? Whatever the program, one training step has to
#
# - do the matrix products: for each $W$ with $n$ numbers and $B$ utterances $2nB$ operations forwards, as many for each
#   update that differentiates by it, and as many for each that passes through it on the way back;
# - carry the arrays of the optimisers through memory: $p$, $m$, $v$ and $g$ for each group that an update moves.
#
# We do these two alone, with arrays of the same shapes, without a tape and without any other operation, and draw how
# much of our step they are, for batches of several sizes. Nearly all numbers are in the encoders and decoders, so we
# take the products of these.

# %%
share = sum(nn.count(params[group]) for group in ("encoders", "decoders")) / n
print(f"encoders and decoders: {share:.0%} of the parameters")


def products_alone(B):
    """A function that does the matrix products of encoders and decoders for one batch, and nothing else."""
    factors = []
    for group in ("encoders", "decoders"):
        moves = sum(group in groups for groups in updates.values())
        for path, W in nn.leaves(params[group]):
            if path[-1] == "W":  # (3, n_in, n_out)
                h, g = (np.ones((3, B, width), "float32") for width in W.shape[1:])
                factors.append((h, W))
                for _ in range(moves):
                    factors += [(h.swapaxes(1, 2), g), (g, W.swapaxes(1, 2))]
    results = [np.matmul(*pair) for pair in factors]

    def run():
        for pair, result in zip(factors, results, strict=True):
            np.matmul(*pair, out=result)
    return run


arrays = [np.ones_like(nn.buffer(params[group])) for groups in updates.values() for group in groups for _ in "pmvg"]


def streams_alone():
    """Once through every array of the optimisers, reading and writing."""
    for array in arrays:
        np.negative(array, out=array)


sizes, shares = (4, 16, 64, 256), []
nn.use("fast")
for B in sizes:
    measured = times({
        "step": partial(updates.train_batch, params, optimisers, *batch_of(B), settings, rng),
        "products": products_alone(B), "streams": streams_alone}, rounds=5)
    shares.append([measured["products"] / measured["step"], measured["streams"] / measured["step"]])
nn.use("readable")
shares = np.array(shares)  # (sizes, 2)
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
bottom = np.zeros(len(sizes))
for part, colour, label in ((shares[:, 1], COLOURS["a"], "optimisers' arrays, once through memory"),
                            (shares[:, 0], COLOURS["l"], "matrix products"),
                            (1 - shares.sum(axis=1), "0.85", "all the rest")):
    ax.bar(range(len(sizes)), part, 0.7, bottom=bottom, color=colour, edgecolor="white", label=label)
    bottom += part
ax.set_xticks(range(len(sizes)), sizes)
ax.set(xlabel="utterances in a batch, $B$ (on the machine that ran this)", yticks=[], ylabel="one step, fast version",
       title="products and memory: what nobody can save")
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
plt.show()

# %% [markdown]
# Small batches are a poor bargain. The optimiser works as long for a batch of 4 as for one of 256, and so do most of
# the small operations. The products, too, are better with many rows: with one row, every number of $W$ is fetched
# from memory for a single multiplication, with 64 rows for 64. So why not batches of 256? Because Adam
# moves a parameter by about the learning rate a step, however many utterances have voted (notebook 02): with 16 times
# fewer steps, an epoch brings it less far. Speed is only one of two things that a batch decides.
#
# The grey part is what is left to gain: activations, batch norm, dropout's random numbers, the losses, Python. `python
# -m benchmarks` measures it carefully, next to the same network in PyTorch, and its table is in the project's README.
#
# What we have done, in one line each:
#
# | remedy | what it saves | proved by |
# |---|---|---|
# | three modalities, pairs in one array | operations on the tape | loops in notebooks 05 and 08 |
# | float32 everywhere | half of the bytes | the types of all gradients |
# | a layer, an LSTM as one operation | operations on the tape, new arrays | value and gradient to 1e-10 |
# | longest video first | padding | equality, and the count of cells |
# | tape from the leaves | reading parameters | equality with `autograd.grad` |
# | an update traces what it moves | gradients nobody uses | notebook 07 |
# | one buffer, blocks, in place | ways to the memory | equality with the formula |
#
# None of them changes a value, none is seen in the equation files, and each stands beside a readable version. That is
# the order to do it in: first right, then measured, then fast, and then proved right again.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` runs it on fixed inputs. If something is wrong
# it says what it looks like. Solutions are in `tutorials/solutions/12_making_it_fast.py`.
#
# **12.1 Three leaks.** This function is right in float64, and returns float64 whatever it gets:
#
#     def noisy_norm(x, rng):
#         noise = rng.standard_normal(x.shape) * np.sqrt(0.5)
#         scale = np.linspace(1, 2, x.shape[1])
#         return scale * (x + noise)
#
# Write it so that the result has the type of `x`, and is the same number for number where `x` is float64. (For
# float32, draw the noise in float64 and round it: a generator gives *other* numbers if asked for float32.)

# %%
def noisy_norm(x, rng):
    """x (B, k) in float32 or float64. Returns (B, k) in the type of x."""
    raise NotImplementedError("exercise 12.1")


check("12.1", noisy_norm)

# %% [markdown]
# **12.2 A layer with dropout, backwards.** $\mathbf{y} = \sigma(mask \odot (\mathbf{x} W + \mathbf{b}))$ is to become
# one operation. Write its way back, with what the three gradients have in common computed once.

# %%
def layer_back(g, y, x, W, mask):
    """g, y, mask (B, n_out), x (B, n_in), W (n_in, n_out), the activation is the sigmoid.

    Returns the gradients by x (B, n_in), by W (n_in, n_out) and by b (1, n_out).
    """
    raise NotImplementedError("exercise 12.2")


check("12.2", layer_back)

# %% [markdown]
# **12.3 Who is still running?** Section 5 needs the number of videos that still run at each step, and where the rows of
# each step begin if only real utterances are stored, all first utterances first, then all second ones, and so on.

# %%
def running(lengths):
    """lengths (V,) in any order, T the longest. Returns active (T,) and starts (T,).

    active[t] videos have an utterance t, and the first of these is row starts[t].
    """
    raise NotImplementedError("exercise 12.3")


check("12.3", running)

# %% [markdown]
# **12.4 Momentum without new memory.** Gradient descent with momentum, $m \leftarrow \mu m + g$, then $p \leftarrow p -
# \eta\, m$, in place on `p` and `m`, for arrays so large that there is no room for another one. `g` belongs to somebody
# else and must not change. All the memory you get is `scratch`.

# %%
def momentum_step(p, m, g, scratch, lr, mu):
    """p, m, g (n,); scratch (s,), much shorter. Changes p and m, and returns nothing."""
    raise NotImplementedError("exercise 12.4")


check("12.4", momentum_step)

# %% [markdown]
# **To go on.** Take the readable batch norm and make it one operation: exercise 2.2 has its way back. Prove it with
# `prove_equal`, then count: how many operations does the tape of one batch lose? Then measure with `times` whether it
# is faster, for batches of 16 and of 1024 utterances. Before you run it, predict both from the picture of section 2.

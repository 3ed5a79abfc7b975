# %% [markdown]
# # 12 · Making it fast
#
# *Needs: 01, 02, 04, 07. Minutes: 25. Paper: "Experimental details".*
#
# (25 minutes are for reading. The exercises take about 55 more, the experiment 5, the last task
# 20.)
#
# The notebooks before this one begin with `nn.use("readable")`: operations as in a textbook. For
# training they switch to `nn.use("fast")`, and promise the same values. The readable version is
# slower. But why? The formulas are the same, and the same processor computes them.
#
# So where does the time of a training step go, and how much of it is needed?
#
# On the way you will
#
# - look at a tape, how long it is and what stands on it;
# - find hidden float64 numbers in a network whose gradients look like float32;
# - put a whole layer on the tape as *one* operation with a gradient of your own, and prove it
#   equal;
# - let an LSTM skip its padding, read parameters without the tape, and let an optimiser work in the
#   processor's cache;
# - see what the machine must do, however the program is written.
#
# **Two words.** The *cache* is a small, fast memory within the processor. What was read or written
# a moment ago is still there, and using it again is quick. The cache holds some MiB (1 MiB is 1024
# KiB, 1 KiB is 1024 bytes); everything else waits in the main memory, from where it takes many
# times as long. The *leaves* of the nested dicts of parameters are the arrays in them;
# `nn.leaves(params)` goes through them one by one, each with its *path*, the keys that lead to it.
#
# **Two kinds of numbers.** A *count* (operations on a tape, bytes that go through memory) is the
# same on every computer, so cells assert counts. A *time* differs from machine to machine and from
# minute to minute. So we only compare times within one picture, as ratios. Run the notebook to see
# those of your machine.
#
# | symbol | meaning |
# |---|---|
# | $B$ | utterances of a batch |
# | $n$ | entries of an array |
# | $g$ | gradient of the loss with respect to the output of an operation (its *cotangent*) |
# | $p$, $g$ | of an optimiser: a parameter, and the gradient of the loss with respect to it |
# | $V$, $T$ | videos of a batch, utterances of the longest |
# | $W$, $U$, $H$, $d_j$ | of an LSTM: weights, units, width of its input (notebook 04) |
# | $m$, $v$ | Adam's two running averages |
# | $L$ | loss |
#
# Before: [11 · Seeing it](11_seeing_it.ipynb). Next:
# [13 · The other models](13_other_models.ipynb)

# %%
import time
from collections import Counter

import autograd
import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
from autograd.extend import defvjp, defvjp_argnums, primitive

from argf_np import nn
from argf_np.data import load
from argf_np.nn import ops
from argf_np.nn.ops import lstm_cell
from argf_np.paper.joint_embedding_eq1_9 import encode
from argf_np.paper.model import init_model
from argf_np.paper.ucln import pad
from argf_np.paper.updates import (
    LOSSES,
    batch_gradients,
    init_optimisers,
    train_batch,
    updates_of,
)
from argf_np.settings import Settings
from drawings import STYLE
from drawings import notebook_12 as draw
from exercises import check
from instruments import look_at_the_tape, traffic

nn.use("readable")
plt.rcParams.update(STYLE)
HERE = "on the machine that ran this"

# %% [markdown]
# ## 1. A step, and a clock
#
# We want to speed up `updates.train_batch`: one batch of 16 utterances through the whole network,
# the gradients of the four updates ([notebook 07](07_three_updates.ipynb)), and the steps of Adam.
# All sizes are the paper's. The values of the data do not matter here, so they are random numbers.
# All arrays are float32, four bytes per number, the usual choice for training.

# %%
settings = Settings()  # d = 50, k = 50, batches of 16, dropout
updates = updates_of(settings)
rng = np.random.default_rng(1)


def batch_of(B):
    """Features (3, B, d) and one-hot labels (B, 2) in float32."""
    x = rng.standard_normal((3, B, settings.d), dtype="float32")
    return x, np.eye(2, dtype="float32")[rng.integers(2, size=B)]


x, y = batch_of(settings.batch_size)
params = init_model(rng, settings.d, settings.k, 2, "float32")
optimisers = init_optimisers(params, settings)
for group, tree in params.items():
    moved_by = [update for update, groups in updates.items() if group in groups]
    print(f"{group:13} {nn.count(tree):9,} numbers, changed by: {', '.join(moved_by)}")

# %% [markdown]
# **How to time two things fairly.** Not one after the other, since the computer may be busy for a
# moment. So we run them in turns, many rounds, and take the *median* of each, which a few slow
# rounds hardly change. The first round does not count, because the cache does not hold the data
# yet.

# %%
def times(contenders, rounds=9, calls=1):
    """{name: median time per call}, measured in turns. Only ratios of these numbers count."""
    measured = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, function in contenders.items():
            begun = time.perf_counter()
            for _ in range(calls):
                function()
            measured[name].append((time.perf_counter() - begun) / calls)
    return {name: np.median(values[1:]) for name, values in measured.items()}


def forwards_only():
    """The four losses without a tape."""
    x_e = encode(params["encoders"], x, settings.drop_rate, rng)
    for update in updates:
        LOSSES[update](params, x_e, x, y, settings, rng)


def readable_gradients():
    return batch_gradients(params, x, y, updates, settings, rng)


def fast_gradients():
    nn.use("fast")
    batch_gradients(params, x, y, updates, settings, rng)
    nn.use("readable")


_, some_gradients = readable_gradients()


def adam_steps():
    """The steps of Adam, on parameters that we do not need any more."""
    for update, groups in some_gradients.items():
        for group, gradient in groups.items():
            nn.adam(optimisers[update][group], params[group], gradient, 1e-9)


measured = times({"forwards": forwards_only, "readable": readable_gradients,
                  "fast": fast_gradients, "Adam": adam_steps})
draw.steps(measured)
plt.show()

# %% [markdown]
# The picture shows one training step with readable and with fast operations. Some of its time is
# unavoidable. Where the forward pass multiplies once, the backward pass multiplies twice: by $W^T$,
# to go on, and by $\mathbf{x}^T$, for the gradient with respect to $W$. And three updates go back
# through the encoders. So we expect the blue bar to be several times as long as its hatched part.
# But the fast version does the *same* products. So what it saves must be something else.
#
# ## 2. How long is the tape?
#
# [Notebook 01](01_gradients.ipynb) built a tape. That of autograd is a chain of *nodes*, one for
# each operation on something traced. The tool to look at it is in [instruments.py](instruments.py):
# within `with look_at_the_tape() as tape:` it notes for each node the name of the operation, the
# array that came out, and the types of the gradients that the backward pass sends through it.

# %%
tapes = {}
for name, function in (("readable", readable_gradients), ("fast", fast_gradients)):
    with look_at_the_tape() as tapes[name]:
        function()
    kept = sum(entry["value"].nbytes for entry in tapes[name])
    print(f"{name:9} {len(tapes[name]):4} operations on the tape, "
          f"their results take {kept / 1024:7,.0f} KiB")
assert len(tapes["fast"]) < len(tapes["readable"]) / 2

# %% [markdown]
# (What the fast operations keep for their backward pass is not on the tape, and not in these KiB.)
#
# **An experiment** ★ (5 minutes). How many operations stand on the readable tape of a batch of 1024
# utterances, and how many KiB do their results take? Write down two numbers. Then call
# `batch_gradients` on `batch_of(1024)` within `with look_at_the_tape() as tape:`. (The numbers are
# in the solutions.)
#
# Here are both tapes. Each square is one operation, from left to right and from top to bottom:

# %%
draw.squares(tapes)
plt.show()
for name, tape in tapes.items():
    found = Counter(draw.kind_of(entry["name"]) for entry in tape)
    rest = len(tape) - found["matrix products"] - found["whole layers"]
    print(f"{name:9} matrix products {found['matrix products']}, "
          f"whole layers {found['whole layers']}, everything else {rest}")

# %% [markdown]
# We would expect the black squares, the matrix products, to cost the most. In the readable version
# they are few among many small operations. (The fast version has 25 whole layers for 23 products:
# two of its layers are batch norms without a product.) Is that bad? An addition of 16 × 50 numbers
# takes hardly any time. But its place on the tape takes some. autograd has to see that an argument
# is traced, make a node, remember how to go back, later sort the nodes, call two Python functions
# for each, and add up. *Predict before you run:* for how many numbers does the addition itself take
# longer than its place on the tape? We time an addition of $n$ numbers, in plain NumPy and on a
# tape:

# %%
def plain_additions(n):
    """A function that adds arrays of n numbers ten times."""
    start, step = np.ones(n, "float32"), np.ones(n, "float32")

    def run():
        total = start
        for _ in range(10):
            total = np.add(total, step)

    return run


def taped_additions(n):
    """The same on a tape, forwards and backwards."""
    start, step = np.ones(n, "float32"), np.ones(n, "float32")

    def chain(p):
        total = p["start"]
        for _ in range(10):
            total = anp.add(total, step)
        return total

    def run():
        value, pull = nn.vjp(chain, {"start": start})
        pull(value)

    return run


sizes = np.geomspace(30, 1_000_000, 10).astype(int)
contenders = {}
for n in sizes:
    contenders["tape", n] = taped_additions(n)
    contenders["plain", n] = plain_additions(n)
measured = times(contenders, rounds=31, calls=3)
on_tape = [measured["tape", n] for n in sizes]
plain = [measured["plain", n] for n in sizes]

# %%
draw.additions(sizes, on_tape, plain, settings.k)
plt.show()

# %% [markdown]
# On the left both lines are nearly flat. There each *operation* has its price, however small the
# array, and on a tape it is many times that of plain NumPy. Only on the right does the price grow
# with the array. The addition itself takes longer than its place on the tape where the red line is
# less than twice as high as the blue one. That is only at the right end, from about $10^5$ numbers
# on. The encoded vectors of a batch of 16 (left dotted line) lie where the line of the tape is
# still nearly flat. So at this size we pay per operation, and there are two remedies:
#
# - *Larger* operations: the three modalities in one array
#   ([notebook 05](05_joint_embedding.ipynb)), the pairs in one array
#   ([notebook 08](08_graph_fusion_1.ipynb)).
# - *Fewer* operations: several in one. This is section 4. But first, a cost that is hidden.
#
# ## 3. Hidden float64
#
# Here is a small network in float32 as many people would write it. Both gradients come out in
# float32, as they should.

# %%
small = {"W": 0.2 * rng.standard_normal((50, 40), dtype="float32"),
         "W_2": 0.2 * rng.standard_normal((40, 30), dtype="float32")}
batch = rng.standard_normal((16, 50), dtype="float32")
mask_rng = np.random.default_rng(0)


def first_version(p):
    h = anp.dot(batch, p["W"])
    h = anp.maximum(h, 0.01 * h)  # leaky ReLU
    h = h * ((mask_rng.random(h.shape) >= 0.5) / 0.5)  # dropout
    h = anp.tanh(anp.dot(h, p["W_2"]))
    return anp.mean(h * h)


with look_at_the_tape() as before:
    loss, gradient = nn.value_and_grad(first_version, small)
for name, g in gradient.items():
    print(f"gradient with respect to {name}: {g.dtype}")

# %% [markdown]
# Now we look at its tape. *Predict before you run:* what share of the results and gradients is
# float64? In the picture each column is an operation, from the parameters on the left to the loss
# on the right. The upper row shows the type of the result, the lower row that of the gradients
# which the operation hands back (64 if one of them is float64). Dark means float64: eight bytes per
# number instead of four, in every array that is read and written.

# %%
def share_of_float64(tape):
    """Share of float64 among the results and the gradients of a tape."""
    types = []
    for entry in tape:
        types += [entry["value"].dtype, *entry["back"]]
    return np.mean([dtype == np.float64 for dtype in types])


draw.types(before, "first version")
plt.show()
print(f"float64: {share_of_float64(before):.0%} of all results and gradients")
assert share_of_float64(before) > 0.5
assert gradient["W"].dtype == gradient["W_2"].dtype == np.float32

# %% [markdown]
# Four fifths of it are float64 (this counts the gradients that come *into* an operation as well,
# which the picture leaves out). The gradients that come out do not show it: autograd's `dot`, the
# operation that reads the parameters, casts their gradient to their type in the backward pass.
# There are two causes:
#
# - *A constant.* The comparison gives an array of truth values, and these divided by 0.5 give
#   float64 (whatever the type of the random numbers). float32 times float64 is float64. From there
#   on everything is, in both passes. (Python's own numbers, such as the 0.01, do no harm: NumPy
#   adapts them to the array. A single number of NumPy's, such as `np.sqrt(2)`, does the same harm
#   as an array.)
# - *A gradient.* autograd's own `mean`, `maximum` and `where` make float64 in the backward pass,
#   whatever the type of their input.
#
# The cure: make the mask in the type of the data, and take the functions of `nn.ops`, which turn
# conditions into factors of the right type and means into sums divided by a Python number.

# %%
def cured(p):
    h = ops.leaky_relu(anp.dot(batch, p["W"]))
    h = h * ops.dropout_mask(mask_rng, h.shape, 0.5, h.dtype)
    h = ops.tanh(anp.dot(h, p["W_2"]))
    return ops.mean(h * h)


with look_at_the_tape() as after:
    nn.value_and_grad(cured, small)
draw.types(after, "cured")
plt.show()
assert share_of_float64(after) == 0
for name, tape in tapes.items():
    print(f"tape of a whole training step, {name}: float64 {share_of_float64(tape):.0%}")
    assert share_of_float64(tape) == 0

# %% [markdown]
# A type is easily lost again when the code changes. So the package has a test that looks at every
# gradient of a float32 run, as we did here.
#
# ### Exercise 12.1 ★★ (10 minutes): three leaks
#
# This function is right in float64, and returns float64 whatever it is given:
#
#     def noisy_norm(x, rng):
#         noise = rng.standard_normal(x.shape) * np.sqrt(0.5)
#         scale = np.linspace(1, 2, x.shape[1])
#         return scale * (x + noise)
#
# Write it so that everything that is computed *with `x`* has the type of `x`, and for `x` in
# float64 exactly the same numbers come out. (For float32, draw the noise in float64 and round it: a
# generator gives *other* numbers if asked for float32. To compute everything in float64 and to
# round the result does not count, and the check will notice.) Replace the line with `raise` by your
# answer and run the cell.

# %%
def noisy_norm(x, rng):
    """x (B, k) in float32 or float64. Returns (B, k) in the type of x."""
    raise NotImplementedError("exercise 12.1")


check("12.1", noisy_norm)

# %% [markdown]
# ## 4. A layer as one operation
#
# A dense layer with a tanh is three operations, $\mathbf{y} = \tanh(\mathbf{x} W + \mathbf{b})$.
# autograd lets you declare any function to be *one* operation: `primitive` says that autograd
# should not look inside, and `defvjp` gives its backward pass, with one function per argument. Each
# takes the result $\mathbf{y}$ and the arguments. It returns the function that turns $g$ into the
# gradient with respect to that argument. By hand, with $\delta = g \odot (1 - \mathbf{y}^2)$:
#
# $$\frac{\partial L}{\partial \mathbf{x}} = \delta\, W^T, \qquad
# \frac{\partial L}{\partial W} = \mathbf{x}^T \delta, \qquad
# \frac{\partial L}{\partial \mathbf{b}} = \sum_{i=1}^{B} \delta_i.$$
#
# The backward pass needs the result and the arguments, but neither $\mathbf{x} W$ nor
# $\mathbf{x} W + \mathbf{b}$. So `tanh_layer` may overwrite them, and makes one array where the
# textbook makes three. (Give the arguments of a primitive by position, not by name: autograd does
# not look among named ones.)

# %%
@primitive
def tanh_layer(x, W, b):
    """tanh(x W + b) for x (B, n_in), W (n_in, n_out), b (1, n_out)."""
    y = np.matmul(x, W)
    y += b  # in place: no new array
    return np.tanh(y, out=y)


def tanh_layer_to_x(y, x, W, b):
    return lambda g: np.matmul(g * (1 - y * y), W.T)


def tanh_layer_to_W(y, x, W, b):
    return lambda g: np.matmul(x.T, g * (1 - y * y))


def tanh_layer_to_b(y, x, W, b):
    return lambda g: np.sum(g * (1 - y * y), axis=0, keepdims=True)


defvjp(tanh_layer, tanh_layer_to_x, tanh_layer_to_W, tanh_layer_to_b)

# %% [markdown]
# autograd does not check a gradient that you have written yourself, so you must. It must agree with
# the readable version, in value and in gradient, to 1e-10, and it must pass the check by finite
# differences. Both are done in float64.

# %%
def weigh(y):
    """A scalar for gradient checks: the sum of y's entries, each times a number of its own."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def textbook_layer(x, W, b):
    return ops.tanh(anp.matmul(x, W) + b)


def prove_equal(layer, other, arguments):
    """Raise AssertionError unless two functions have equal values and gradients, to 1e-10."""
    value, pull = nn.vjp(lambda p: layer(*p.values()), arguments)
    expected, pull_expected = nn.vjp(lambda p: other(*p.values()), arguments)
    difference = np.abs(value - expected).max()
    print(f"values differ by {difference:.0e} at most")
    assert difference < 1e-10, "other values"
    g = np.random.default_rng(0).standard_normal(value.shape)
    expected_gradients = dict(nn.leaves(pull_expected(g)))
    for path, gradient in nn.leaves(pull(g)):
        difference = np.abs(gradient - expected_gradients[path]).max()
        print(f"gradients with respect to {'/'.join(path)} differ by {difference:.0e} at most")
        assert difference < 1e-10, f"another gradient with respect to {'/'.join(path)}"


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


def wrong_layer_to_b(y, x, W, b):
    return lambda g: np.sum(g * y * y, axis=0, keepdims=True)


defvjp(wrong_layer, tanh_layer_to_x, tanh_layer_to_W, wrong_layer_to_b)
try:
    prove_equal(wrong_layer, textbook_layer, arguments)
except AssertionError as error:
    print("refused:", error)
else:
    raise AssertionError("the wrong gradient went through")

# %% [markdown]
# **What does it save?** Three operations on the tape are now one. And there is something else to
# count. An array is a stretch of memory, and every NumPy operation walks through all its inputs and
# its output. `traffic`, also from `instruments.py`, counts the bytes that a function makes NumPy
# read and write.

# %%
def forwards_textbook(x, W, b):
    return np.tanh(np.matmul(x, W) + b)


def forwards_in_place(x, W, b):
    y = np.matmul(x, W)
    np.add(y, b, out=y)
    np.tanh(y, out=y)


def backwards_one_by_one(g, y, x, W):
    """As in defvjp above: an expression per argument."""
    return (np.matmul(g * (1 - y * y), W.T), np.matmul(x.T, g * (1 - y * y)),
            np.sum(g * (1 - y * y), axis=0, keepdims=True))


def backwards_together(g, y, x, W):
    """What the three have in common is computed once, and in place."""
    delta = np.multiply(y, y)
    np.subtract(1, delta, out=delta)
    np.multiply(delta, g, out=delta)
    return np.matmul(delta, W.T), np.matmul(x.T, delta), np.sum(delta, axis=0, keepdims=True)


many = rng.standard_normal((256, 50), dtype="float32")  # more rows than W has
W, b = rng.standard_normal((50, 50), dtype="float32"), np.zeros((1, 50), "float32")
y_many, g_many = tanh_layer(many, W, b), rng.standard_normal((256, 50), dtype="float32")
bytes_of = {
    "forwards, textbook": traffic(forwards_textbook, many, W, b),
    "forwards, in place": traffic(forwards_in_place, many, W, b),
    "backwards, one by one": traffic(backwards_one_by_one, g_many, y_many, many, W),
    "backwards, together": traffic(backwards_together, g_many, y_many, many, W),
}
draw.bars({name: count / y_many.nbytes for name, count in bytes_of.items()},
          "bytes read and written, as a multiple of the layer's output")
plt.show()
assert bytes_of["forwards, in place"] == bytes_of["forwards, textbook"]
assert bytes_of["backwards, together"] < bytes_of["backwards, one by one"] / 1.5

# %% [markdown]
# In the forward pass, working in place moves as many bytes as before (the two upper bars are
# equal). But it allocates one array instead of three, and what was written a moment ago is still in
# the cache. In the backward pass, the three functions of `defvjp` know nothing of each other, and
# each computes $\delta$ again. `defvjp_argnums` takes *one* function for all arguments that are
# traced. It is given their places (`argnums`), the result, all arguments, and the named ones, which
# we do not use. The function that it returns gives a list of gradients, in the order of `argnums`:

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


def names_on_tape(layer):
    with look_at_the_tape() as tape:
        nn.vjp(lambda p: layer(*p.values()), arguments)
    return [entry["name"] for entry in tape]


print("textbook:", names_on_tape(textbook_layer))
print("fused:   ", names_on_tape(fused_layer))

# %% [markdown]
# This is the pattern of the folder `argf_np/nn/fast/`. There, a layer with dropout, batch norm and
# activation is one operation (`layers.py`); the readable `nn.ops` needs more than a dozen
# operations for it. Both take the same arguments, and tests hold them together as `prove_equal`
# does. The files of the equations call `ops.dense_layer`, and get the one that `nn.use` has chosen.
#
# ### Exercise 12.2 ★★ (10 minutes): a layer with dropout, backwards
#
# $\mathbf{y} = \sigma(mask \odot (\mathbf{x} W + \mathbf{b}))$ is to become one operation. Write
# its backward pass, and compute once what the three gradients have in common.

# %%
def layer_back(g, y, x, W, mask):
    """g, y, mask (B, n_out), x (B, n_in), W (n_in, n_out); the activation is the sigmoid.

    Returns the gradients with respect to x (B, n_in), W (n_in, n_out) and b (1, n_out).
    """
    raise NotImplementedError("exercise 12.2")


check("12.2", layer_back)

# %% [markdown]
# ## 5. An LSTM that skips its padding
#
# The longest tape of all is that of an LSTM: the same thirty operations for every utterance, in
# both directions ([notebook 04](04_context.ipynb)). The picture shows the training videos of the
# corpus, one row per video, with its utterances from left to right. The hatched part is padding.

# %%
corpus = load("mosi", source="synthetic")
videos = corpus.split["train"]
lengths = corpus.lengths[videos]
V, T = len(lengths), lengths.max()
order = np.argsort(-lengths, kind="stable")
draw.videos(lengths, order)
plt.show()
padding = 1 - lengths.sum() / (V * T)
print(f"{V} videos, {T} steps: {V * T} cells of the LSTM, of which {padding:.0%} are padding")

# %% [markdown]
# Sorted by length, the videos that are still running at step $t$ are the *first* ones (right
# picture). So a step of the loop takes the first rows of everything, and never touches padding. The
# products $\mathbf{x}_t W$ of all steps do not need $\mathbf{h}$, and are one large product before
# the loop. (That product still includes the padding here; `nn/fast/lstm.py` stores real utterances
# only.)

# %%
def lstm_longest_first(x, lengths, W, U, b):
    """One direction: x (V, T, d_j), W (d_j, 4H), U (H, 4H), b (1, 4H).

    Returns the outputs (V, T, H), 0 on padding, and how many videos run at each step (T,).
    """
    order = np.argsort(-lengths, kind="stable")
    active = (lengths[:, None] > np.arange(x.shape[1])).sum(axis=0)  # (T,)
    gates_x = x[order] @ W + b  # (V, T, 4H)
    outputs = np.zeros((*x.shape[:2], len(U)))
    h = c = np.zeros((len(x), len(U)))
    for t, n in enumerate(active):
        h, c = lstm_cell(h[:n], c[:n], gates_x[:n, t], U)  # (n, H)
        outputs[order[:n], t] = h
    return outputs, active


d_j, H = 5, 4
features = rng.standard_normal((len(corpus.ids), d_j))
x_padded, video_mask = pad(features, corpus.starts, videos)  # (V, T, d_j), (V, T)
lstm = nn.init_bilstm(rng, d_j, H)
outputs, active = lstm_longest_first(x_padded, lengths, lstm["W"][0], lstm["U"][0], lstm["b"][0])
reference = ops.bilstm(lstm, x_padded, video_mask)  # (V, T, 2H), readable
print(f"largest difference: {np.abs(outputs - reference[..., :H]).max():.0e}")
print(f"cells computed: {active.sum()}, real utterances: {lengths.sum()}")
assert np.allclose(outputs, reference[..., :H], rtol=0, atol=1e-14)
assert active.sum() == lengths.sum()

# %% [markdown]
# On a tape this would still be dozens of operations per step. But we know the backward pass:
# notebook 04 wrote it by hand. So the whole LSTM, both directions and all steps, becomes one
# operation, in `nn/fast/lstm.py`. Its loop runs in plain NumPy. In the backward pass, the gradient
# of $U$ is one product over all steps, where a tape adds up $T$ arrays of the size of $U$. The
# proof, as before, on the lengths of the corpus:

# %%
def readable_bilstm(lstm, x):
    return ops.bilstm(lstm, x, video_mask)


def fast_bilstm(lstm, x):
    nn.use("fast")
    outputs = ops.bilstm(lstm, x, video_mask)
    nn.use("readable")
    return outputs


prove_equal(fast_bilstm, readable_bilstm, {"lstm": lstm, "x": x_padded})
tape_lengths = {}
for function in (readable_bilstm, fast_bilstm):
    with look_at_the_tape() as tape:
        nn.vjp(lambda p: function(p, x_padded), lstm)  # noqa: B023, called at once
    tape_lengths[function.__name__] = len(tape)
    print(f"{function.__name__:16} {len(tape):5,} operations on the tape")
assert tape_lengths["fast_bilstm"] == 1

# %%
ten = slice(0, 10)
wide, _ = pad(rng.standard_normal((len(corpus.ids), 100), dtype="float32"), corpus.starts, videos)
lstm_300 = nn.cast(nn.init_bilstm(rng, 100, 300), "float32")  # 300 units, as in the UCLN


def readable_pass():
    value, pull = nn.vjp(lambda p: ops.bilstm(p, wide[ten], video_mask[ten]), lstm_300)
    pull(value)


def fast_pass():
    nn.use("fast")
    readable_pass()
    nn.use("readable")


measured = times({"readable": readable_pass, "fast": fast_pass}, rounds=3)
draw.bars({name: value / measured["fast"] for name, value in measured.items()},
          f"time for ten videos, forwards and backwards, 300 units ({HERE})")
plt.show()

# %% [markdown]
# The numbers at the bars are multiples of the fast version's time. In the picture printed here, the
# readable version takes four times as long.
#
# ### Exercise 12.3 ★★ (15 minutes): which videos still run?
#
# `lstm_longest_first` needs the number of videos that still run at each step. `nn/fast/lstm.py`
# stores only real utterances, all first utterances first, then all second ones, and so on. So it
# also needs the row at which each step begins.

# %%
def running(lengths):
    """lengths (V,) in any order, T the longest. Returns active (T,) and starts (T,).

    active[t] videos have an utterance t, and the first of these is row starts[t].
    """
    raise NotImplementedError("exercise 12.3")


check("12.3", running)

# %% [markdown]
# ## 6. Reading parameters without the tape
#
# `autograd.grad` differentiates with respect to a dict of parameters, nested dicts too. That is
# convenient. But what it traces is the *dict*. Then `params["encoders"]["dense_1"]["W"]` is three
# operations on the tape, and in the backward pass each becomes a dict again. `nn.value_and_grad`
# starts the tape at the *leaves* instead, the arrays. The dicts stay plain dicts, and reading them
# is no operation on the tape. The gradients are the same (to rounding in float32):

# %%
moved = {group: params[group] for group in updates["classifier"]}


def classifier_loss(p):
    x_e = encode(p["encoders"], x)
    return LOSSES["classifier"](p, x_e, x, y, settings, None)


with look_at_the_tape() as tape_of_leaves:
    _, by_leaf = nn.value_and_grad(classifier_loss, moved)
with look_at_the_tape() as tape_of_dict:
    by_dict = dict(nn.leaves(autograd.grad(classifier_loss)(moved)))
for path, gradient in nn.leaves(by_leaf):
    assert np.allclose(gradient, by_dict[path], rtol=1e-4, atol=1e-6), path

reads = Counter(entry["name"] for entry in tape_of_dict)["container_take"]
print(f"tape from a dict: {len(tape_of_dict)} operations, of which {reads} read parameters")
print(f"tape from the leaves: {len(tape_of_leaves)}")
assert len(tape_of_dict) - reads == len(tape_of_leaves)

# %% [markdown]
# The second saving is from notebook 07: an update traces only what it changes. The discriminator's
# update changes nothing in the encoders, so nothing there is on its tape. How long is the tape of
# each update, if everything is traced, and if only what it changes is? In the picture each colour
# is one update, and black is the one pass through the encoders that the updates share; the lower
# bar is the package's way.

# %%
def loss_through_everything(update):
    def loss(p):
        return LOSSES[update](p, encode(p["encoders"], x), x, y, settings, None)

    return loss


def loss_after_cut(update):
    def loss(p):
        return LOSSES[update](params | p, p.get("x_e", x_e), x, y, settings, None)

    return loss


x_e = encode(params["encoders"], x)
counts = {}
for update, groups in updates.items():
    with look_at_the_tape() as everything:
        nn.value_and_grad(loss_through_everything(update), params)
    after_cut = {group: params[group] for group in groups if group != "encoders"}
    if "encoders" in groups:
        after_cut["x_e"] = x_e
    with look_at_the_tape() as only_moved:
        nn.value_and_grad(loss_after_cut(update), after_cut)
    counts[update] = len(everything), len(only_moved)
with look_at_the_tape() as encoders_once:
    nn.vjp(lambda p: encode(p, x), params["encoders"])
counts["encoders, once"] = 0, len(encoders_once)

draw.traces(counts)
plt.show()
everything, only_moved = np.sum(list(counts.values()), axis=0)
assert only_moved < 2 / 3 * everything

# %% [markdown]
# Together the tapes are shorter by more than a third. Each update's tape is shorter by the same 48
# operations, those of the encoders. They are now on one tape that three updates share, and the
# discriminator's update does not need it.
#
# ## 7. An optimiser in the cache
#
# Here is Adam ([notebook 02](02_layers_and_optimisers.ipynb)) as its formula says. We count what it
# makes NumPy read and write, in units of "once through an array as long as the parameters".
# *Predict before you run:* how many times?

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
print(f"{n:,} parameters, {zeros.nbytes / 2 ** 20:.1f} MiB per array")
print(f"the formula, operation by operation: {passes:.0f} times through such an array")

# %% [markdown]
# How few could it be? Adam has to read $p$, $m$, $v$ and $g$ and to write $p$, $m$ and $v$: seven.
# All the rest is writing and reading of intermediate results. The next operation needs them at
# once, but with arrays this large they may have left the cache by then. A loop over single numbers
# would need seven, but Python is too slow for that. The solution lies in the middle: go through an
# array *in blocks*, and do all operations on one block before the next. A block's arrays are small
# enough to stay in the cache, so the main memory is read and written only seven times. All steps
# are in place. They need no new memory except one block for intermediate results, `scratch`:

# %%
def adam_in_blocks(p, m, v, g, t, scratch, lr=1e-3, b1=0.5, b2=0.999, epsilon=1e-8):
    """The same step, in place on p, m and v, in blocks of the length of ``scratch``."""
    for start in range(0, len(p), len(scratch)):
        block = slice(start, start + len(scratch))
        p_, m_, v_, g_ = p[block], m[block], v[block], g[block]
        s = scratch[:len(p_)]  # the last block is shorter
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


start_p = rng.standard_normal(1000)
gradients = rng.standard_normal((3, 1000))
expected, m, v = start_p, np.zeros(1000), np.zeros(1000)
for t in (1, 2, 3):
    expected, m, v = adam_textbook(expected, m, v, gradients[t - 1], t)

for length in (1, 64, 1000):
    p, m, v = start_p.copy(), np.zeros(1000), np.zeros(1000)
    for t in (1, 2, 3):
        adam_in_blocks(p, m, v, gradients[t - 1], t, np.empty(length))
    print(f"blocks of {length:4}: largest difference {np.abs(p - expected).max():.0e}")
    assert np.allclose(p, expected, rtol=0, atol=1e-10)

tree = {"p": start_p.copy()}  # and the package's Adam
state = nn.init_adam(tree)
for g in gradients:
    nn.adam(state, tree, {"p": g}, 1e-3, (0.5, 0.999))
print(f"nn.adam:        largest difference {np.abs(tree['p'] - expected).max():.0e}")
assert np.allclose(tree["p"], expected, rtol=0, atol=1e-10)

# %% [markdown]
# `nn.adam` does this for each leaf of the tree of parameters, with blocks of at most 32,768
# numbers. Most leaves are smaller and are one block each. (It saves two more operations per block:
# instead of $m$ and $v$ it stores $m / (1 - \beta_1)$ and $v / (1 - \beta_2)$, which spares the
# factor before $g$.)

# %%
leaf_sizes = np.array([leaf.size for _, leaf in nn.leaves(params)])
blocks = np.ceil(leaf_sizes / nn.optimisers.BLOCK).astype(int)
print(f"{len(leaf_sizes)} leaves, {np.sum(blocks == 1)} of one block, {blocks.sum()} blocks in all")
print(f"the three largest leaves: {np.sort(leaf_sizes)[:-4:-1]} numbers")

# %% [markdown]
# How long should a block be? If it is too short, Python's price per operation comes back. If it is
# too long, its arrays do not fit into the cache. We measure it:

# %%
p_flat, m_flat, v_flat = zeros.copy(), zeros.copy(), zeros.copy()
block_lengths = 4 ** np.arange(4, 11)


def textbook_step():
    adam_textbook(p_flat, m_flat, v_flat, g_flat, 1)


def step_in_blocks(length):
    scratch = np.empty(length, "float32")

    def step():
        adam_in_blocks(p_flat, m_flat, v_flat, g_flat, 1, scratch)

    return step


contenders = {"textbook": textbook_step}
for length in block_lengths:
    contenders[length] = step_in_blocks(length)
measured = times(contenders, rounds=15)
draw.blocks(block_lengths, measured)
plt.show()

# %% [markdown]
# On the left is Python's price. On the right the five arrays of a block ($p$, $m$, $v$, $g$ and
# `scratch`) take up to 20 MiB. Whether the line rises there depends on the machine: the smaller its
# cache, the more. The dashed line pays for something else as well: every operation of the formula
# asks for a new array. In the picture printed here this is the larger part: the formula takes
# almost four times the best, and in place with only two blocks (right end) it is 1.4 times.
#
# ### Exercise 12.4 ★★★ (20 minutes): momentum without new memory
#
# Gradient descent with momentum, $m \leftarrow \mu m + g$, then $p \leftarrow p - \eta\, m$, in
# place on `p` and `m`, for arrays so large that there is no room for another one. `g` is still
# needed elsewhere and must not change. The only extra memory you get is `scratch`.

# %%
def momentum_step(p, m, g, scratch, lr, mu):
    """p, m, g (n,); scratch (s,), much shorter. Changes p and m, and returns nothing."""
    raise NotImplementedError("exercise 12.4")


check("12.4", momentum_step)

# %% [markdown]
# ## 8. What is left
#
# **From readable to fast.** We begin with the program that one would write first, and add one
# remedy after the other: first those of section 6 (parameters are read without the tape, and the
# encoders run once for all four updates instead of four times), then Adam in blocks, then whole
# layers as one operation. A blue bar is the time of one training step. The hatched part beside it
# is what this remedy has saved. All numbers are multiples of the last step. *Predict before you
# run:* which of the three remedies saves most?

# %%
flat_params = dict(nn.leaves(params))  # {path: array}
moments = dict(nn.leaves(nn.map_leaves(np.zeros_like, params)))  # zeros take as long as others


def textbook_optimiser(gradients):
    """Adam by its formula, leaf by leaf. Only its time counts: the result is not kept."""
    for groups in gradients.values():
        for path, g in nn.leaves(groups):
            adam_textbook(flat_params[path], moments[path], moments[path], g, 1)


def random_loss(update):
    """The loss of an update through the whole network, with dropout."""
    def loss(p):
        everything = dict(params)
        for group in updates[update]:
            everything[group] = p[group]
        x_e = encode(everything["encoders"], x, settings.drop_rate, rng)
        return LOSSES[update](everything, x_e, x, y, settings, rng)

    return loss


def from_dicts():
    """Each update runs the whole network; its gradient is with respect to a dict of its groups."""
    gradients = {}
    for update, groups in updates.items():
        moved = {group: params[group] for group in groups}
        gradients[update] = autograd.grad(random_loss(update))(moved)
    textbook_optimiser(gradients)


def encoders_only_once():
    textbook_optimiser(readable_gradients()[1])


def blocks_and_in_place():
    train_batch(params, optimisers, x, y, settings, rng)


def one_operation_per_layer():
    nn.use("fast")
    train_batch(params, optimisers, x, y, settings, rng)
    nn.use("readable")


measured = times({
    "autograd.grad of dicts": from_dicts,
    "a shorter tape (section 6)": encoders_only_once,
    "Adam in blocks (section 7)": blocks_and_in_place,
    "a layer is one operation\n(section 4)": one_operation_per_layer}, rounds=25)
draw.waterfall(measured, f"time of one training step, the last is 1 ({HERE})")
plt.show()

# %% [markdown]
# Read the picture from top to bottom. The number with a minus on the right of each row is the
# saving. In the picture printed here, the shorter tape and Adam in blocks save about the same, and
# whole layers as one operation least. They came last, when the tape was already shorter. How much
# each remedy is worth depends on the machine and on the batch size: run it on yours, and with
# larger batches.
#
# **The limit.** What can surely not be saved? Whatever the program, one training step has at least
# to
#
# - do the matrix products: for each $W$ with $n$ numbers and $B$ utterances $2nB$ operations in the
#   forward pass, as many for each update that differentiates with respect to it, and as many for
#   each that passes through it in the backward pass;
# - carry the arrays of the optimisers through memory: $p$, $m$, $v$ and $g$ for each group that an
#   update changes.
#
# We do only these two, with arrays of the same shapes, without a tape and without any other
# operation. Then we draw what share of our step they are, for batches of several sizes. Nearly all
# numbers are in the encoders and decoders, so we take the products of these. (We also count $g W^T$
# for the first layer of the encoders, which nobody needs: 3 % of the products. And we write $g$
# back, one pass of eight.)

# %%
def products_of(groups, B):
    """The pairs of arrays that one batch multiplies in these groups."""
    pairs = []
    for group in groups:
        changes = sum(group in changed for changed in updates.values())
        for path, W in nn.leaves(params[group]):
            if path[-1] != "W":
                continue
            h = np.ones((3, B, W.shape[1]), "float32")  # W (3, n_in, n_out)
            g = np.ones((3, B, W.shape[2]), "float32")
            pairs.append((h, W))
            for _ in range(changes):
                pairs += [(h.swapaxes(1, 2), g), (g, W.swapaxes(1, 2))]
    return pairs


def only_products(B):
    """A function that does the products of encoders and decoders for a batch, and nothing else."""
    pairs = products_of(("encoders", "decoders"), B)
    results = [np.matmul(*pair) for pair in pairs]

    def run():
        for pair, result in zip(pairs, results, strict=True):
            np.matmul(*pair, out=result)

    return run


optimiser_arrays = []
for groups in updates.values():
    for group in groups:
        for _, leaf in nn.leaves(params[group]):
            optimiser_arrays += [np.ones_like(leaf) for _ in "pmvg"]


def only_memory():
    """Once through every array of the optimisers, reading and writing."""
    for array in optimiser_arrays:
        np.negative(array, out=array)


def step_of(B):
    features, labels = batch_of(B)
    return lambda: train_batch(params, optimisers, features, labels, settings, rng)


inside = sum(nn.count(params[group]) for group in ("encoders", "decoders")) / n
print(f"encoders and decoders: {inside:.0%} of the parameters")
sizes, shares = (16, 64, 256), []
nn.use("fast")
for B in sizes:
    measured = times({"step": step_of(B), "products": only_products(B), "memory": only_memory},
                     rounds=15)
    shares.append([measured["memory"] / measured["step"], measured["products"] / measured["step"]])
nn.use("readable")

draw.limit(sizes, *np.array(shares).T)
plt.show()

# %% [markdown]
# Small batches are expensive per utterance. The optimiser works as long for a batch of 16 as for
# one of 256: its share shrinks. In the picture printed here, carrying its arrays is about a fifth
# of the step for 16 utterances and about a twentieth of the step for 256. So the step for 256 takes
# four to five times as long as the one for 16. That is far less than 16 times, since each small
# operation has its price however small its arrays are. The products, too, are more efficient with
# many rows: with one row, every number of $W$ is fetched from memory for a single multiplication,
# with 64 rows for
# 64. So why not batches of 256? Because Adam moves a parameter by about the learning rate per step,
# however many utterances the gradient is from (notebook 02). With 16 times fewer steps, an epoch
# moves it less far. Speed is only one of two things that a batch size decides.
#
# The part at the top, "everything else", is more than half of the step at all three sizes. For 16
# utterances the largest piece of it is Adam's own arithmetic: in section 1 Adam takes half of the
# fast step, and carrying its arrays is less than half of that. The rest is activations, batch norm,
# dropout's random numbers, the losses, Python. Most of this has to be computed in any program as
# well, so only a part of it is left to gain. `python -m benchmarks` measures the package carefully,
# next to the same network in PyTorch.
#
# ## What to take away
#
# | remedy | what it saves | what shows that it is right |
# |---|---|---|
# | three modalities, pairs in one array | operations on the tape | loops in notebooks 05 and 08 |
# | float32 everywhere | half of the bytes | the types of all gradients |
# | a layer, an LSTM as one operation | operations, new arrays | value and gradient to 1e-10 |
# | longest video first | padding | equality, and the count of cells |
# | tape from the leaves | reading parameters | equality with `autograd.grad` |
# | an update traces what it changes | gradients that nobody uses | notebook 07 |
# | Adam in blocks, in place | passes through memory | equality with the formula |
#
# - None of them changes a value by more than rounding.
# - With small batches, an operation on the tape has its price, however small its arrays are: fewer
#   and larger operations are faster.
# - An optimiser's time depends on how often its arrays go through the main memory. Blocks that stay
#   in the cache make that seven times, and working in place spares new arrays.
# - A gradient that is float32 does not show that everything before it was: look at every type.
# - Except for the first, none of the remedies is in the files of the equations.
# - First make it right, then measure, then make it fast, and then prove it right again.
#
# ## To go on
#
# Solutions of the exercises are in
# [solutions/12_making_it_fast.py](solutions/12_making_it_fast.py).
#
# **A layer of your own** ★★ (20 minutes). Take the readable batch norm and make it one operation:
# exercise 2.2 has its backward pass. Prove it with `prove_equal`. Then count: by how many
# operations does the tape of one batch get shorter? Then measure with `times` whether it is faster,
# for batches of 16 and of 1024 utterances. Before you run it, predict whether it is faster, for
# both sizes, from the last picture of section 2.
#
# Before: [11 · Seeing it](11_seeing_it.ipynb). Next:
# [13 · The other models](13_other_models.ipynb)

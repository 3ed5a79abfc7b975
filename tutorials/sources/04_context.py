# %% [markdown]
# # 04 · Context: the BiLSTM and the UCLN
#
# *Needs: 01, 02, 03. Minutes: 75. Paper: "Experimental details", the Unimodal Context Learning Network.*
#
# "And then he does it again." Positive or negative? Nobody can tell without the sentences around it. An utterance of
# a video has a past and a future, and the features of notebook 03 know neither.
#
# So the paper puts a network in front of everything else, one for each modality: the *Unimodal Context Learning
# Network*, UCLN. It reads the utterances of a video in order, in both directions, and gives each a new vector
# that knows its neighbours. Its core is a bidirectional LSTM (Hochreiter and Schmidhuber 1997). The paper names it in
# half a sentence. Here we open it.
#
# On the way you will
#
# - write the six equations of an LSTM as a loop, and see why it can remember;
# - go back through time by hand, and find the same gradient as autograd;
# - see what happens if padding is read as if it were data, and how a mask prevents it;
# - train the UCLN, and measure what context is worth, on a corpus where only context knows the label.
#
# | symbol | shape | meaning |
# |---|---|---|
# | $u$ | | utterances of a video (of the longest of a batch) |
# | $V$ | | videos of a batch |
# | $d_j$ | | width of the raw features of modality $j$ |
# | $d$ | | width of the UCLN's output, the same for all modalities (50 for MOSI) |
# | $H$ | | units of the LSTM in each direction (300) |
# | $\mathbf{x}_t$ | $d_j$ | features of utterance $t$ |
# | $\mathbf{h}_t$ | $H$ | output of the LSTM after utterance $t$; 0 before the first |
# | $\mathbf{c}_t$ | $H$ | its cell; 0 before the first utterance |
# | $\mathbf{i}_t$, $\mathbf{f}_t$ | $H$ | input gate, forget gate |
# | $\mathbf{g}_t$, $\mathbf{o}_t$ | $H$ | candidate, output gate |
# | $W$, $U$, $\mathbf{b}$ | | parameters, with an index $i$, $f$, $g$ or $o$ |
#
# Vectors are rows here, as in the code: $\mathbf{x} W$, not $W \mathbf{x}$.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from argf_np import figures, nn
from argf_np.paper import ucln
from argf_np.data import load, pad, standardise, synthesise
from argf_np.nn import ops
from argf_np.nn.ops import lstm_cell
from exercises import check

nn.use("readable")  # as in a textbook; the fast ones of notebook 12 give the same values
plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = figures.MODALITY_COLOURS  # one colour a modality, in all notebooks

# %% [markdown]
# ## 1. One step: six equations
#
# An LSTM carries two vectors from utterance to utterance. The *cell* $\mathbf{c}$ is its memory. The *output*
# $\mathbf{h}$ is what it shows of the memory. Three gates, numbers between 0 and 1, decide for each unit: how much of
# something new comes in ($\mathbf{i}$), how much of the old stays ($\mathbf{f}$), how much is shown ($\mathbf{o}$).
# With $\sigma$ the sigmoid and $\odot$ the product entry by entry,
#
# $$\begin{aligned}
# \mathbf{i}_t &= \sigma(\mathbf{x}_t W_i + \mathbf{h}_{t-1} U_i + \mathbf{b}_i) &
# \mathbf{f}_t &= \sigma(\mathbf{x}_t W_f + \mathbf{h}_{t-1} U_f + \mathbf{b}_f) \\
# \mathbf{g}_t &= \tanh(\mathbf{x}_t W_g + \mathbf{h}_{t-1} U_g + \mathbf{b}_g) &
# \mathbf{o}_t &= \sigma(\mathbf{x}_t W_o + \mathbf{h}_{t-1} U_o + \mathbf{b}_o) \\
# \mathbf{c}_t &= \mathbf{f}_t \odot \mathbf{c}_{t-1} + \mathbf{i}_t \odot \mathbf{g}_t &
# \mathbf{h}_t &= \mathbf{o}_t \odot \tanh(\mathbf{c}_t)
# \end{aligned}$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $W$ | `(d_j, 4H)` | $W_i$, $W_f$, $W_g$ and $W_o$ side by side |
# | $U$ | `(H, 4H)` | $U_i$, $U_f$, $U_g$ and $U_o$ side by side |
# | $\mathbf{b}$ | `(1, 4H)` | $\mathbf{b}_i$, $\mathbf{b}_f$, $\mathbf{b}_g$ and $\mathbf{b}_o$ side by side |
#
# As loops, one number at a time. All sizes differ, so that nothing fits by accident:

# %%
rng = np.random.default_rng(1)
V, u, d_j, H = 4, 6, 3, 2
params = nn.init_bilstm(rng, d_j, H)  # W (2, d_j, 4H), U (2, H, 4H), b (2, 1, 4H): forwards, backwards
params = nn.map_leaves(lambda leaf: leaf + 0.8 * rng.standard_normal(leaf.shape), params)
W, U, b = (params[name][0] for name in ("W", "U", "b"))  # the one that reads forwards


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_step_loop(x, h, c, W, U, b):
    """One step for one video: x (d_j,), h and c (H,). Returns the new h and c."""
    d_j, H = len(x), len(h)
    z = np.zeros(4 * H)
    for j in range(4 * H):  # the four gates of all units
        z[j] = b[0, j] + sum(x[r] * W[r, j] for r in range(d_j)) + sum(h[r] * U[r, j] for r in range(H))
    h_new, c_new = np.zeros(H), np.zeros(H)
    for j in range(H):
        i, f, g, o = sigmoid(z[j]), sigmoid(z[H + j]), np.tanh(z[2 * H + j]), sigmoid(z[3 * H + j])
        c_new[j] = f * c[j] + i * g
        h_new[j] = o * np.tanh(c_new[j])
    return h_new, c_new


x, h, c = rng.standard_normal((V, d_j)), rng.standard_normal((V, H)), rng.standard_normal((V, H))
h_loop, c_loop = np.swapaxes([lstm_step_loop(x[v], h[v], c[v], W, U, b) for v in range(V)], 0, 1)  # (V, H)

# %% [markdown]
# The package's `lstm_cell` does a step of all videos at once. It takes $\mathbf{x}_t W + \mathbf{b}$ ready-made, for it
# does not depend on $\mathbf{h}$ and can be computed for all utterances in one product:

# %%
h_new, c_new = lstm_cell(h, c, x @ W + b, U)  # (V, H), (V, H)
assert np.allclose(h_new, h_loop, rtol=0, atol=1e-14)
assert np.allclose(c_new, c_loop, rtol=0, atol=1e-14)


def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def loss(p):
    h_new, c_new = lstm_cell(p["h"], p["c"], p["x"] @ p["W"] + p["b"], p["U"])
    return weigh(h_new) + weigh(c_new)


nn.check_gradient(loss, {"x": x, "h": h, "c": c, "W": W, "U": U, "b": b}, rng)

# %% [markdown]
# By pencil, the line on which everything else rests. The gates do not depend on $\mathbf{c}_{t-1}$, so
#
# $$\frac{\partial c_{tj}}{\partial c_{t-1,j}} = f_{tj}.$$
#
# The memory is multiplied by a number that the network chooses, and by nothing else: no matrix, no squashing function.

# %%
_, gradient = nn.value_and_grad(lambda p: lstm_cell(h, p["c"], x @ W + b, U)[1].sum(), {"c": c})
f = sigmoid(x @ W + b + h @ U)[:, H:2 * H]  # (V, H)
assert np.allclose(gradient["c"], f)

# %% [markdown]
# **A picture.** One unit, and one impulse at the third utterance. What is left of it later? It depends on the bias of
# the forget gate, $b_f$, alone. With $b_f = 0$ the gate is half open, and after 10 utterances a thousandth is left.
# Neither paper nor released code says how the biases start. Gers et al. (2000) start $b_f$ at 1, in favour of
# remembering. Here it starts at 0, in favour of the utterance at hand: with 1, the utterances before are mixed into it
# so strongly that its own content is harder to read off. Training does the rest.

# %%
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
impulse = np.zeros(20)
impulse[2] = 1.0
for b_f, style in ((-1, ":"), (0, "-."), (1, "--"), (4, "-")):
    W_1, b_1 = np.array([[0, 0, 3.0, 0]]), np.array([[2.0, b_f, 0, 2.0]])  # only the candidate sees x
    h_1, c_1, cells = np.zeros((1, 1)), np.zeros((1, 1)), []
    for value in impulse:
        h_1, c_1 = lstm_cell(h_1, c_1, value * W_1 + b_1, np.zeros((1, 4)))
        cells.append(c_1[0, 0])
    ax.plot(range(1, 21), cells, style, color=COLOURS["l"], lw=2,
            label=f"$b_f = {b_f}$:  $f = {sigmoid(b_f):.2f}$")
    assert np.allclose(cells[3:], cells[2] * sigmoid(b_f) ** np.arange(1, 18))  # a power of f
ax.set(xlabel="utterance $t$", ylabel="cell $c_t$", xticks=range(1, 21, 2),
       title="what is left of an impulse")
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ## 2. Unrolled through time
#
# The same step with the same parameters, utterance after utterance, each with the $\mathbf{h}$ and $\mathbf{c}$ of the
# one before. The output of the second LSTM, which reads backwards, is laid beside that of the first: $2H$ numbers for
# each utterance. For videos of one length there is nothing more to it:

# %%
def lstm_loop(x, W, U, b):
    """Outputs (u, H) of one LSTM over one video x (u, d_j)."""
    h, c, outputs = np.zeros(U.shape[0]), np.zeros(U.shape[0]), []
    for t in range(len(x)):
        h, c = lstm_step_loop(x[t], h, c, W, U, b)
        outputs.append(h)
    return np.array(outputs)


def bilstm_loop(x, params):
    """Outputs (u, 2H) of both directions over one video."""
    forward = lstm_loop(x, *(params[name][0] for name in ("W", "U", "b")))
    backward = lstm_loop(x[::-1], *(params[name][1] for name in ("W", "U", "b")))[::-1]  # turned back again
    return np.hstack([forward, backward])


x = rng.standard_normal((V, u, d_j))
everything = np.ones((V, u), dtype=bool)  # no padding yet
outputs = ops.bilstm(params, x, everything)  # (V, u, 2H)
assert np.allclose(outputs, [bilstm_loop(video, params) for video in x], rtol=0, atol=1e-14)
nn.check_gradient(lambda p: weigh(ops.bilstm(p["lstm"], p["x"], everything)),
                  {"lstm": params, "x": x}, rng)

# %% [markdown]
# **Who sees whom?** Take one video of twelve utterances, and ask how strongly output $t$ reacts to utterance $s$: the
# length of the gradient of $\mathbf{h}_t$ by $\mathbf{x}_s$. Dark is strong (by its logarithm), white is *exactly*
# zero.

# %%
def reactions(params, x, half):
    """How strongly each output of one half reacts to each utterance of one video x (u, d_j): (u, u)."""
    H = params["U"].shape[1]
    everything = np.ones((1, len(x)), dtype=bool)
    _, pull = nn.vjp(lambda p: ops.bilstm(params, p["x"], everything), {"x": x[None]})
    result = np.zeros((len(x), len(x)))
    for t in range(len(x)):
        g = np.zeros((1, len(x), 2 * H))
        g[0, t, half] = np.random.default_rng(0).standard_normal(2 * H)[half]
        result[t] = np.linalg.norm(pull(g)["x"][0], axis=1)
    return result


twelve = rng.standard_normal((12, d_j))
halves = {"forwards": slice(0, H), "backwards": slice(H, 2 * H), "both": slice(0, 2 * H)}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained", sharey=True)
for ax, (name, half) in zip(axes, halves.items(), strict=True):
    strength = reactions(params, twelve, half)
    image = ax.pcolormesh(np.log10(np.where(strength > 0, strength, np.nan)), cmap="Blues",
                          vmin=-6, vmax=0, edgecolor="white", linewidth=0.5)
    ax.set(title=name, xlabel="utterance $s$", aspect="equal")
    ax.set_xticks([0.5, 5.5, 11.5], [1, 6, 12])
    ax.set_yticks([0.5, 5.5, 11.5], [1, 6, 12])
    halves[name] = strength
axes[0].set_ylabel("output $t$")
axes[0].invert_yaxis()
fig.colorbar(image, ax=axes, label="$\\log_{10}$ of the reaction")
plt.show()

assert not np.triu(halves["forwards"], 1).any()  # forwards knows nothing of the future
assert not np.tril(halves["backwards"], -1).any()  # backwards nothing of the past
assert (halves["both"] > 0).all()

# %% [markdown]
# Forwards, an output sees its own utterance and those before; backwards, its own and those after; both
# together see everything. "He does it again" needs what came before. "I liked it at first" needs what comes after.
#
# ## 3. Back through time, by hand
#
# How does $\mathbf{x}_1$ get a gradient from a loss on $\mathbf{h}_6$? By the chain rule, step by step, from the last
# utterance to the first: *back-propagation through time*. Nothing about it is new, there is only one thing to keep
# in mind. $\mathbf{h}_t$ is used in two places: by the loss, and by the next step. So its gradient has two parts, which
# add up. The same holds for $\mathbf{c}_t$, which goes into $\mathbf{h}_t$ and into $\mathbf{c}_{t+1}$.
#
# We write $\bar{\mathbf{q}}$ for the gradient of the loss by $\mathbf{q}$, and $\mathbf{z}$ for what goes into a
# gate's sigmoid or tanh. At step $t$, with $\bar{\mathbf{h}}_t$ and $\bar{\mathbf{c}}_t$ as they come from the loss
# and from step $t + 1$, the six equations are taken in the reverse order:
#
# $$\begin{aligned}
# \bar{\mathbf{c}}_t &\leftarrow \bar{\mathbf{c}}_t + \bar{\mathbf{h}}_t \odot \mathbf{o}_t \odot
# (1 - \tanh^2 \mathbf{c}_t) &
# \bar{\mathbf{z}}_o &= \bar{\mathbf{h}}_t \odot \tanh(\mathbf{c}_t) \odot \mathbf{o}_t \odot (1 - \mathbf{o}_t) \\
# \bar{\mathbf{z}}_i &= \bar{\mathbf{c}}_t \odot \mathbf{g}_t \odot \mathbf{i}_t \odot (1 - \mathbf{i}_t) &
# \bar{\mathbf{z}}_f &= \bar{\mathbf{c}}_t \odot \mathbf{c}_{t-1} \odot \mathbf{f}_t \odot (1 - \mathbf{f}_t) \\
# \bar{\mathbf{z}}_g &= \bar{\mathbf{c}}_t \odot \mathbf{i}_t \odot (1 - \mathbf{g}_t^2) &
# \bar{\mathbf{c}}_{t-1} &= \bar{\mathbf{c}}_t \odot \mathbf{f}_t
# \end{aligned}$$
#
# With $\bar{\mathbf{z}} = (\bar{\mathbf{z}}_i, \bar{\mathbf{z}}_f, \bar{\mathbf{z}}_g, \bar{\mathbf{z}}_o)$ side by
# side, the rest is that of a dense layer. The parameters serve at every step, so their parts add up over time:
#
# $$\bar{\mathbf{h}}_{t-1} = \bar{\mathbf{z}} U^T, \qquad \bar{\mathbf{x}}_t = \bar{\mathbf{z}} W^T, \qquad
# \bar W = \sum_t \mathbf{x}_t^T \bar{\mathbf{z}}, \qquad \bar U = \sum_t \mathbf{h}_{t-1}^T \bar{\mathbf{z}}, \qquad
# \bar{\mathbf{b}} = \sum_t \bar{\mathbf{z}}.$$

# %%
def forward(x, W, U, b):
    """One LSTM over one video x (u, d_j), with everything that the way back needs: a list of steps."""
    h = c = np.zeros((1, U.shape[0]))
    steps = []
    for t in range(len(x)):
        z = x[[t]] @ W + h @ U + b  # (1, 4H)
        z_i, z_f, z_g, z_o = np.split(z, 4, axis=1)
        i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
        step = {"x": x[[t]], "h_before": h, "c_before": c, "i": i, "f": f, "g": g, "o": o}
        c = f * c + i * g
        h = o * np.tanh(c)
        steps.append(step | {"h": h, "c": c})
    return steps


def backward(steps, g_outputs, W, U):
    """Gradients by x, W, U and b, where g_outputs (u, H) are those of the loss by each output."""
    u, H = g_outputs.shape
    gradient = {"x": np.zeros((u, len(W))), "W": np.zeros_like(W), "U": np.zeros_like(U),
                "b": np.zeros((1, 4 * H))}
    h_bar = c_bar = np.zeros((1, H))
    for t in reversed(range(u)):
        s = steps[t]
        h_bar = h_bar + g_outputs[t]  # from step t + 1, and from the loss
        c_bar = c_bar + h_bar * s["o"] * (1 - np.tanh(s["c"]) ** 2)
        z_bar = np.hstack([
            c_bar * s["g"] * s["i"] * (1 - s["i"]),
            c_bar * s["c_before"] * s["f"] * (1 - s["f"]),
            c_bar * s["i"] * (1 - s["g"] ** 2),
            h_bar * np.tanh(s["c"]) * s["o"] * (1 - s["o"]),
        ])  # (1, 4H)
        gradient["x"][t] = z_bar @ W.T
        gradient["W"] += s["x"].T @ z_bar
        gradient["U"] += s["h_before"].T @ z_bar
        gradient["b"] += z_bar
        h_bar, c_bar = z_bar @ U.T, c_bar * s["f"]  # for step t - 1
    return gradient


video = x[0]  # (u, d_j)
g_outputs = rng.standard_normal((u, H))
by_hand = backward(forward(video, W, U, b), g_outputs, W, U)

# %% [markdown]
# And now autograd. It records every operation of the loop over `lstm_cell` on its tape (notebook 01), and walks back
# over it. Finally the package's fast LSTM, whose way back is written by hand as ours is (notebook 12). All three agree:

# %%
def unrolled(p):
    """The loss whose gradients by the outputs are g_outputs."""
    h, c, total = np.zeros((1, H)), np.zeros((1, H)), 0.0
    for t in range(u):
        h, c = lstm_cell(h, c, p["x"][t:t + 1] @ p["W"] + p["b"], p["U"])
        total = total + (h * g_outputs[t]).sum()
    return total


leaves = {"x": video, "W": W, "U": U, "b": b}
_, by_autograd = nn.value_and_grad(unrolled, leaves)
for name in leaves:
    assert np.allclose(by_hand[name], by_autograd[name], rtol=0, atol=1e-13)
nn.check_gradient(unrolled, leaves, rng, gradient=by_hand)

nn.use("fast")
_, pull = nn.vjp(lambda p: ops.bilstm(p["lstm"], p["x"], everything[:1]),
                 {"lstm": params, "x": video[None]})
nn.use("readable")
by_package = pull(np.hstack([g_outputs, np.zeros((u, H))])[None])  # nothing from the backward half
assert np.allclose(by_package["x"][0], by_hand["x"], rtol=0, atol=1e-13)
for name in ("W", "U", "b"):
    assert np.allclose(by_package["lstm"][name][0], by_hand[name], rtol=0, atol=1e-13)
    print(f"{name} {by_hand[name].shape}: largest entry of the gradient "
          f"{abs(by_hand[name]).max():.3f}, largest difference to autograd "
          f"{abs(by_hand[name] - by_autograd[name]).max():.0e}")

# %% [markdown]
# **How far back does a gradient reach?** Follow a loss on the last of 40 utterances back through time. In a plain
# recurrent network, $\mathbf{h}_t = \tanh(\mathbf{x}_t W + \mathbf{h}_{t-1} U)$, each step back multiplies by $U^T$ and
# by the slope of tanh, which is at most 1: the gradient *vanishes*. In the LSTM the way along the cell multiplies by
# $\mathbf{f}_t$ only. With a forget gate near 1, it arrives. With one near 0
# it vanishes even faster.

# %%
long, units = np.random.default_rng(3).standard_normal((40, d_j)), 16


def reach(loss_of_start):
    """Lengths of the gradients of a loss on the last output, by each earlier utterance."""
    _, gradient = nn.value_and_grad(loss_of_start, {"x": long})
    return np.linalg.norm(gradient["x"], axis=1)


def plain(p):
    generator, h = np.random.default_rng(0), np.zeros((1, units))
    W = generator.standard_normal((d_j, units)) / 2
    U = generator.standard_normal((units, units)) / np.sqrt(units)
    for t in range(len(long)):
        h = 2 * ops.sigmoid(2 * (p["x"][t:t + 1] @ W + h @ U)) - 1  # this is tanh
    return weigh(h)


def with_forget_bias(b_f):
    small = nn.init_bilstm(np.random.default_rng(0), d_j, units)
    small["b"][:, :, units:2 * units] = b_f
    return lambda p: weigh(ops.bilstm(small, p["x"][None], np.ones((1, 40), dtype=bool))[:, -1, :units])


fig, ax = plt.subplots(figsize=(6.8, 3.5))
curves = {"plain recurrent network": reach(plain)} | {
    f"LSTM, $b_f = {b_f}$": reach(with_forget_bias(b_f)) for b_f in (-1, 1, 3)}
for (name, lengths), style in zip(curves.items(), ("-", ":", "--", "-"), strict=True):
    ax.plot(np.arange(40), lengths[::-1], style, lw=2, label=name,
            color=COLOURS["v"] if name.startswith("plain") else COLOURS["l"])
ax.set(yscale="log", xlabel="utterances back from the loss",
       ylabel=r"length of the gradient by $\mathbf{x}_t$", title="how far back a loss reaches")
ax.legend(frameon=False, fontsize="small", loc="lower left")
plt.show()
for name, lengths in curves.items():
    print(f"{name.replace('$', ''):24} the gradient 30 utterances back is "
          f"{lengths[-31] / lengths[-1]:.0e} times the last one")
assert curves["LSTM, $b_f = -1$"][9] < curves["LSTM, $b_f = 1$"][9] < curves["LSTM, $b_f = 3$"][9]

# %% [markdown]
# ## 4. Padding must not count
#
# Videos have different lengths, and a batch of them is padded with zeros (notebook 03). Zeros are harmless, are they
# not? A step on $\mathbf{x}_t = 0$ is still a step: $\mathbf{b}$ is there, and $\mathbf{h} U$. Forwards, padding comes
# last, and nothing real follows it. But *backwards it comes first*. By the time the LSTM gets to the last real
# utterance, it has already read rubbish. We compare each video alone, without padding, with the padded batch, once
# without a mask (all steps count as real), once with it:

# %%
lengths = np.array([6, 2, 4, 5])
mask = np.arange(u) < lengths[:, None]  # (V, u)
padded = x * mask[:, :, None]
alone = np.zeros((V, u, 2 * H))
for v, length in enumerate(lengths):
    alone[v, :length] = bilstm_loop(x[v, :length], params)

unmasked = ops.bilstm(params, padded, everything)
masked = ops.bilstm(params, padded, mask)
assert np.allclose(masked, alone, rtol=0, atol=1e-14)
for name, y in (("without a mask", unmasked), ("with the mask", masked)):
    error = abs(y - alone)[mask]  # (real utterances, 2H)
    print(f"{name:15} largest error forwards {error[:, :H].max():.0e}, "
          f"backwards {error[:, H:].max():.0e}")
assert np.allclose(unmasked[mask][:, :H], alone[mask][:, :H], rtol=0, atol=1e-14)
assert abs(unmasked - alone)[mask][:, H:].max() > 0.01

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.6, 2.9), layout="constrained", sharey=True)
errors = np.where(mask[:, :, None], abs(unmasked - alone), np.nan)  # (V, u, 2H)
for ax, name, half in zip(axes, ("forward", "backward"), np.split(errors, 2, axis=2), strict=True):
    image = ax.pcolormesh(half.max(axis=2), cmap="Reds", vmin=0, vmax=np.nanmax(errors),
                          edgecolor="white", linewidth=1)
    for v, t in zip(*np.nonzero(~mask), strict=True):
        ax.add_patch(plt.Rectangle((t, v), 1, 1, facecolor="0.93", edgecolor="white", hatch="///"))
    ax.set(title=f"{name} half: error without a mask", xlabel="utterance", xticks=np.arange(u) + 0.5,
           yticks=np.arange(V) + 0.5)
    ax.set_xticklabels(range(1, u + 1))
    ax.set_yticklabels([f"video {v + 1}" for v in range(V)])
axes[0].invert_yaxis()
fig.colorbar(image, ax=axes, label="largest error")
plt.show()

# %% [markdown]
# Hatched is padding. The forward half is right without a mask. In the backward half every utterance of a padded video
# is wrong. The remedy takes one line in the loop: after each step, $\mathbf{h}$ and $\mathbf{c}$ are multiplied by the
# mask. So the state stays 0, as it is before the first utterance, until the video begins.
#
# The promise is that padding *never* changes a result, in either direction. So it must hold whatever stands there. And
# no gradient may come out of it, neither for the padding itself nor for the parameters:

# %%
rubbish = np.where(mask[:, :, None], x, 30 * rng.standard_normal(x.shape))
rubbish = np.concatenate([rubbish, rng.standard_normal((V, 3, d_j))], axis=1)  # and three steps more
longer = np.pad(mask, ((0, 0), (0, 3)))


def results(x, mask):
    value, pull = nn.vjp(lambda p: ops.bilstm(p["lstm"], p["x"], mask), {"lstm": params, "x": x})
    gradient = pull(np.ones_like(value))
    return value[mask], gradient["x"][mask], gradient["x"][~mask], gradient["lstm"]


for name in ("readable", "fast"):
    nn.use(name)
    values, dx, dx_padding, gradient = results(padded, mask)
    values_2, dx_2, dx_padding_2, gradient_2 = results(rubbish, longer)
    assert np.array_equal(values, values_2)  # to the last bit
    assert np.allclose(dx, dx_2, rtol=0, atol=1e-14)
    assert not dx_padding.any()
    assert not dx_padding_2.any()
    assert all(np.allclose(gradient[leaf], gradient_2[leaf], rtol=0, atol=1e-13) for leaf in gradient)
nn.use("readable")

# %% [markdown]
# ## 5. The UCLN
#
# Now the network of the paper, $UCLN: \mathbb{R}^{u \times d_j} \to \mathbb{R}^{u \times d}$: a bidirectional LSTM,
# then a dense layer with a tanh, for each utterance. Whatever the width $d_j$ of a modality was, afterwards it is
# $d$. It is trained *alone*, one for each modality. For that, one more dense layer, $\mathbb{R}^d \to \mathbb{R}^N$,
# predicts the label, with the categorical cross-entropy (notebook 03) as loss and Adadelta as optimiser (notebook
# 02). Then this last layer is thrown away. What remains is a maker of features.
#
# | part | shapes | |
# |---|---|---|
# | dropout 0.6 | `(V, u, d_j)` | deviation D16: the paper does not give the rates, they are the released ones |
# | BiLSTM | `(V, u, d_j)` to `(V, u, 600)` | 300 units in each direction |
# | dropout 0.9 | `(V, u, 600)` | of 600 numbers 60 are left, on average |
# | dense, tanh | `(V, u, 600)` to `(V, u, d)` | the features that go on to ARGF |
# | dropout 0.9, dense, softmax | `(V, u, d)` to `(V, u, N)` | for the training only |
#
# We put it together from parts that we know, and compare. The loss counts real utterances only:

# %%
d, N = 5, 3
small = {"bilstm": params, "dense": nn.init_dense(rng, 2 * H, d), "label": nn.init_dense(rng, d, N)}
labels = np.eye(N)[rng.integers(N, size=(V, u))]  # (V, u, N), one-hot

h = ops.bilstm(params, padded, mask)  # (V, u, 2H)
features = np.tanh(h @ small["dense"]["W"] + small["dense"]["b"])  # (V, u, d)
assert np.allclose(ucln.context_features(small, padded, mask), features, rtol=0, atol=1e-14)

total = 0.0
for v in range(V):
    for t in range(lengths[v]):
        logits = features[v, t] @ small["label"]["W"] + small["label"]["b"][0]
        total -= np.log(np.exp(logits[labels[v, t].argmax()]) / np.exp(logits).sum())
loss = ucln.ucln_loss(small, padded, labels, mask)
assert np.isclose(loss, total / lengths.sum(), rtol=0, atol=1e-14)
nn.check_gradient(lambda p: ucln.ucln_loss(p, padded, labels, mask, np.random.default_rng(5)), small, rng)

whole = ucln.init_ucln(rng, 100, 50, 2)  # the sizes of the language modality of MOSI
for name, part in whole.items():
    print(f"{name:7} {nn.count(part):9,} parameters")
assert nn.count(whole["bilstm"]) == 2 * 4 * (100 * 300 + 300 * 300 + 300)

# %% [markdown]
# About a million parameters for a thousand training utterances: this is why so much is dropped.
#
# **Train it**, on the language of the corpus; the other two are trained in the same way. `train_ucln` goes over the
# training videos in batches of ten. For comparison, the *same* network without context: we cut the corpus up so that
# each utterance is a video of its own. The LSTM then has nothing to remember. (A batch is then ten utterances, so an
# epoch has many more steps, and we need fewer epochs.)

# %%
def cut_up(corpus):
    """The corpus with each utterance as a video of its own, in the same part of the split."""
    return replace(corpus, video_ids=corpus.ids, starts=np.arange(len(corpus.ids) + 1),
                   split={split: corpus.utterances(split) for split in corpus.split})


def train(corpus, m, epochs):
    """Train a UCLN. Returns its parameters, the losses, and for each utterance whether it is right."""
    losses = []
    params = ucln.train_ucln(corpus, m, 50, epochs, np.random.default_rng(0),
                             report=lambda epoch, loss: losses.append(loss))
    _, probabilities = ucln.apply_ucln(params, corpus, m)  # (n, d), (n, N)
    return params, losses, probabilities.argmax(axis=1) == corpus.labels


nn.use("fast")  # the same values, sooner
corpus = standardise(load("mosi"))
rows = {split: corpus.utterances(split) for split in corpus.split}
params_l, losses, right = train(corpus, "l", epochs=20)
_, losses_alone, right_alone = train(cut_up(corpus), "l", epochs=2)
print(f"{corpus.source} corpus, language, loss with context {losses[0]:.2f} -> {losses[-1]:.2f}, "
      f"without {losses_alone[0]:.2f} -> {losses_alone[-1]:.2f}")
for name, hits in (("with context", right), ("without", right_alone)):
    print(f"{name:12} " + "   ".join(f"{split} {hits[rows[split]].mean():.1%}" for split in rows))

# %% [markdown]
# On the real features, read these numbers with notebook 03 in mind: the language features have seen the labels of the
# validation videos. The released code stops this training when the last fifth of the training videos, which is the
# validation videos, has not got better for ten epochs (D16). On features with a leak this is a rule without a reason.
# Here the number of epochs is fixed beforehand.
#
# Does context help on this corpus? For the error of the *difference* on the test videos we draw whole videos with
# replacement, as in notebook 03:

# %%
difference = right.astype(float) - right_alone  # per utterance: 1, 0 or -1
videos = corpus.split["test"]
sums = np.array([difference[corpus.starts[i]:corpus.starts[i + 1]].sum() for i in videos])
drawn = np.random.default_rng(0).integers(len(videos), size=(2000, len(videos)))
error = (sums[drawn].sum(axis=1) / corpus.lengths[videos][drawn].sum(axis=1)).std()
gain = difference[rows["test"]].mean()
print(f"test: {gain:+.1%} by context, standard error {error:.1%}")
print("verdict:", "context helps" if gain > 2 * error else "context hurts" if gain < -2 * error
      else "no difference that could not be luck")

# %% [markdown]
# The synthetic corpus has context in four of a hundred utterances only, too few to be seen here. On the real corpus,
# neighbours often have the same label (notebook 03), and there is more to gain. Measured there, in the folder
# `tutorials`, with `python -m sources.04_context`: 78.3 % of the test utterances with context, 75.8 % without,
# standard error of the difference 0.8 %. One run with one seed is still one run: notebook 10 is about seeds.
#
# ## 6. What context is worth when nothing else is there
#
# To see what a part is for, take away all that it is not for. `synthesise` makes a corpus in which the label of an
# utterance is *not in its own features*, in no modality. The words of the utterance before it give it away: "…
# and it only gets better". Whoever looks at one utterance alone must be at chance. Whoever reads can be right on all
# but the first utterances of the videos, which have none before them.

# %%
only_context = standardise(synthesise(signals={"context": 1}))
start = only_context.starts[only_context.split["test"][0]]
for i in range(start, start + 5):
    print(f"  {only_context.classes[only_context.labels[i]]:9} {only_context.words[i]}")

params_c, _, right_c = train(only_context, "l", epochs=30)
_, _, right_0 = train(cut_up(only_context), "l", epochs=4)
test = only_context.utterances("test")
first = np.isin(test, only_context.starts)  # the first utterances of videos
p = only_context.labels[test].mean()
best = 1 - first.mean() * min(p, 1 - p)
print(f"without context {right_0[test].mean():.1%}, UCLN {right_c[test].mean():.1%} of the test "
      f"utterances; always the same class {max(p, 1 - p):.1%}, nobody can beat {best:.1%}")
assert right_c[test].mean() > 0.8
assert right_0[test].mean() < max(p, 1 - p) + 0.02

# %%
shuffled = np.arange(len(only_context.ids))
for start, stop in zip(only_context.starts[:-1], only_context.starts[1:], strict=True):
    np.random.default_rng(start).shuffle(shuffled[start:stop])


def right_with(params, order=None):
    """Test accuracy of these parameters, if the utterances of each video are read in another order."""
    order = np.arange(len(only_context.ids)) if order is None else order
    read = replace(only_context, features={m: z[order] for m, z in only_context.features.items()})
    prediction = ucln.apply_ucln(params, read, "l")[1].argmax(axis=1)  # of the utterances in this order
    return np.mean((prediction == only_context.labels[order])[test])


def without_half(half):
    """The parameters with one LSTM switched off: if all of them are 0, its output is 0 too."""
    def switch_off(leaf):
        return np.stack([0 * leaf[0], leaf[1]] if half == 0 else [leaf[0], 0 * leaf[1]])

    return params_c | {"bilstm": nn.map_leaves(switch_off, params_c["bilstm"])}


scores = {
    "trained without context": right_0[test].mean(),
    "UCLN": right_c[test].mean(),
    "UCLN, first utterances of videos": right_c[test][first].mean(),
    "UCLN, all other utterances": right_c[test][~first].mean(),
    "UCLN, backward LSTM switched off": right_with(without_half(1)),
    "UCLN, forward LSTM switched off": right_with(without_half(0)),
    "UCLN, utterances of a video shuffled": right_with(params_c, shuffled),
}
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
colours = ["0.7" if name.startswith("trained") else COLOURS["l"] for name in scores]
bars = ax.barh(list(scores), list(scores.values()), color=colours)
ax.bar_label(bars, fmt=lambda score: f"{score:.0%}", padding=3)
ax.axvline(0.5, color="0.4", ls=":")
ax.invert_yaxis()
ax.set(xlim=(0, 1.08), xlabel="test accuracy",
       title="a corpus in which only the utterance before knows the label")
plt.show()
assert scores["UCLN, backward LSTM switched off"] > 0.7
assert scores["UCLN, forward LSTM switched off"] < 0.65
assert scores["UCLN, utterances of a video shuffled"] < 0.65

# %% [markdown]
# Every control says the same. Cut the utterances apart, shuffle them, or take away the LSTM that knows the past, and
# the network is at chance, or close to it. The LSTM that knows the future is not needed: nothing is in it.
#
# We know where the label is, because we have put it there. Could we have *found* it? Silence one utterance $s$: replace
# its features by zeros, the training mean. How much does the decision on utterance $t$ change? Do this for each $s$ and
# $t$ of some test videos, and sort by the distance $s - t$:

# %%
def effect_by_distance(params, corpus, m, videos, reach=5):
    """Mean change of the decision on t, the difference of its two logits, if t + k is silenced: by k."""
    changes = {k: [] for k in range(-reach, reach + 1)}
    for video in videos:
        x, _ = pad(corpus.features[m].astype("float32"), corpus.starts, [video])  # (1, u, d_j)
        u = x.shape[1]
        silenced = np.repeat(x, u + 1, axis=0)  # (u + 1, u, d_j): a copy for each s, and one as it is
        silenced[np.arange(u), np.arange(u)] = 0
        features = ucln.context_features(params, silenced, np.ones((u + 1, u), dtype=bool))
        logits = ucln.class_logits(params, features)  # (u + 1, u, N)
        decision = logits[..., 1] - logits[..., 0]
        change = abs(decision[:u] - decision[u])  # (s, t)
        for k, values in changes.items():
            values.extend(np.diagonal(change, -k))
    return {k: np.mean(values) for k, values in changes.items()}


some = corpus.split["test"][:8]
by_distance = {"only context": effect_by_distance(params_c, only_context, "l", some),
               f"the {corpus.source} corpus": effect_by_distance(params_l, corpus, "l", some)}
nn.use("readable")
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3), layout="constrained", sharex=True)
for ax, (name, change) in zip(axes, by_distance.items(), strict=True):
    ax.bar(list(change), list(change.values()), color=COLOURS["l"])
    ax.set(title=f"UCLN trained on {name}", xlabel="distance of the silenced utterance",
           xticks=range(-5, 6))
axes[0].set_ylabel("change of the decision")
plt.show()
assert max(by_distance["only context"], key=by_distance["only context"].get) == -1

# %% [markdown]
# On the left the network looks one utterance back, and has found what we hid. On the right is the language UCLN of
# section 5: it looks mostly at the utterance itself, and a little around it.
#
# From here on, each utterance has three vectors of width $d$, one a modality, and each knows its neighbours. ARGF
# takes them one utterance at a time and never sees a video again: context is the UCLN's task alone.
#
# ## Exercises
#
# Replace the line with `raise` by your answer and run the cell. `check` runs it on fixed inputs. If something is wrong
# it says what it looks like. Solutions are in `tutorials/solutions/04_context.py`.
#
# **4.1 One step, all videos at once.** The six equations in NumPy, without a loop.

# %%
def lstm_step(x, h, c, W, U, b):
    """x (V, d_j); h, c (V, H); W (d_j, 4H), U (H, 4H), b (1, 4H), gates in the order i, f, g, o.

    Returns the new h and the new c, (V, H) each.
    """
    raise NotImplementedError("exercise 4.1")


check("4.1", lstm_step)

# %% [markdown]
# **4.2 One step back.** You get the gradients of the loss by the new $\mathbf{h}$ and by the new $\mathbf{c}$, as the
# loss and the next step hand them over, and what the step has computed. What is the gradient by $\mathbf{z}$, by
# what goes into the four gates? Try it without looking at section 3.

# %%
def step_back(h_bar, c_bar, c_before, c, i, f, g, o):
    """All (V, H); c_before is the cell before the step, c after it. Returns the gradient by z (V, 4H)."""
    raise NotImplementedError("exercise 4.2")


check("4.2", step_back)

# %% [markdown]
# **4.3 Turn padded videos round.** Somebody gives you an LSTM that reads forwards only. To let it read backwards you
# turn the videos round, each at *its own* end, so that its last utterance comes first and padding stays behind.

# %%
def turned_round(x, mask):
    """x (V, u, d), mask (V, u). Returns (V, u, d): real utterances in reverse, then zeros."""
    raise NotImplementedError("exercise 4.3")


check("4.3", turned_round)

# %% [markdown]
# **4.4 A memory by hand.** Choose the parameters of an LSTM with one unit. Each utterance has two numbers: a value,
# $+1$ or $-1$, and a flag, 0 or 1. At every step, $h$ must have the sign of the *latest value that had a flag*, and
# $|h| > 0.5$; values without a flag must not matter. What should each gate do when the flag is up, and what when it
# is down? Videos have 60 utterances.

# %%
def memory():
    """{"W": (2, 4), "U": (1, 4), "b": (1, 4)}: rows of W are value and flag, columns are i, f, g, o."""
    raise NotImplementedError("exercise 4.4")


check("4.4", memory)

# %% [markdown]
# **To go on.** Section 6 hides the label one utterance back. How far back could it be, so that the UCLN still finds
# it in 49 videos? Make such a corpus yourself: take `only_context`, and roll the features of each video by $k$
# utterances. Draw the test accuracy against $k$, with several seeds. Then set the starting bias of the forget gate to
# $-1$ and to 3. Section 3 makes a prediction; does it come true?

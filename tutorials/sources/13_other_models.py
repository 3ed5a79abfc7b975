# %% [markdown]
# # 13 · The other models
#
# *Needs: 04, 08, 09, 10. Minutes: 25. Paper: the models of Tables 1 to 3; Table 6 and Figure 4.*
#
# (25 minutes are for reading. The exercises take about 85 more, the experiment 15, the last task
# 60.)
#
# Tables 1 to 3 of the paper compare ARGF with six other models, and Table 6 puts six other ways to
# fuse in place of its graph. To judge such a comparison, one has to know the other models. What do
# they do differently? And what would they have to be bad at, for ARGF to win? The end of the
# notebook answers both questions.
#
# On the way you will
#
# - see in one picture where each model lets the modalities meet;
# - build all products of three vectors, and avoid them by a trick;
# - cut vectors into windows, and let an LSTM with a memory of three steps read them;
# - write one step of a GRU, a simpler relative of the LSTM;
# - find out which model reads which utterances, by changing one of them;
# - compare all ways to fuse of Table 6, with intervals.
#
# | symbol | meaning |
# |---|---|
# | $\mathbf{x}_m$, $d$ | UCLN features of modality $m$ and their width (notebook 04) |
# | $\mathbf{x}_m^e$, $k$ | embedding of modality $m$ and its width (notebook 05) |
# | $B$, $u$ | utterances of a batch; utterances of a video |
# | $N$, $\mathbf{M}$ | number of classes; decision, a probability per class |
# | $\oplus$, $\odot$, $\otimes$ | concatenation; entry-wise product; outer product |
# | $\mathbf{h}$, $\mathbf{c}$ | output and cell of a recurrent network (notebook 04) |
# | $\mathbf{h}$ in section 4 | the fused vector of LMF |
# | $\mathbf{f}$ in section 5 | forget gate |
# | $\mathbf{f}_{mn}$ in section 6 | two modalities in one vector |
# | $hs$ | hard sigmoid, $0.2 z + 0.5$ cut off at 0 and 1 |
#
# A number such as [D21](../DEVIATIONS.md#d21) refers to the list of points where the paper leaves
# something open, or where the code that its authors released differs from it.
#
# Before: [12 · Making it fast](12_making_it_fast.ipynb). This notebook only needs 04, 08, 09 and
# 10.

# %%
import textwrap
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from argf_np import nn
from argf_np.baselines import MODELS, bc_lstm, chfusion, hffn
from argf_np.data import load, standardise
from argf_np.experiments import catalogue, statistics
from argf_np.nn import ops
from argf_np.paper import graph_fusion_eq10_16 as graph
from argf_np.paper.fusions_table6 import STRATEGIES, outer_product
from argf_np.paper.model import init_model
from argf_np.paper.ucln import init_ucln
from argf_np.settings import preset
from drawings import STYLE
from drawings import notebook_13 as draw
from exercises import check

nn.use("readable")  # textbook code; the fast functions of notebook 12 give the same values
plt.rcParams.update(STYLE)
rng = np.random.default_rng(3)
settings = preset("mosi")

# %% [markdown]
# ## 1. Where do the modalities meet?
#
# All models read the same input, the UCLN features of an utterance: three vectors $\mathbf{x}_a$,
# $\mathbf{x}_l$ and $\mathbf{x}_v$ of $d$ numbers. They differ in where these three meet, and in
# whether the other utterances of the video are looked at once more.

# %%
draw.models()
plt.show()

# %% [markdown]
# Read each panel from left to right. BC-LSTM, TFN and LMF let all three modalities meet at once, by
# putting them side by side or by multiplying them. HFFN also multiplies, but in small windows.
# CHFusion and ARGF go step by step: first pairs, then all three. Only ARGF trains encoders to bring
# the modalities into one space before they meet.
#
# LMFN, the strongest rival in Table 1, extends HFFN. No code of it is public, and its abstract
# leaves sizes, gates and loss open. So it is not in the package, and in the tables of
# [RESULTS.md](../results/RESULTS.md) its row has the paper's figures only.
#
# Most models exist in two versions in the package, their *variants*: `paper`, after their own paper
# or after Table 4, and `released`, after the code of their authors. (CHFusion is as its authors'
# code has it.) The files in `argf_np/baselines` and `argf_np/paper/fusions_table6.py` say where the
# two differ.
#
# ## 2. BC-LSTM: side by side, in the context of the video
#
# BC-LSTM (Poria et al. 2017) concatenates the three vectors of each utterance, and a bidirectional
# LSTM reads the utterances of the video:
#
# $$\mathbf{h}_1, \dots, \mathbf{h}_u = BiLSTM(\mathbf{x}_{a} \oplus \mathbf{x}_{l} \oplus
# \mathbf{x}_{v}), \qquad
# \mathbf{M}_j = softmax(dense_N(\tanh(dense_{500}(\mathbf{h}_j))))$$
#
# It has the layers of a UCLN ([notebook 04](04_context.ipynb)), but of three modalities at once.
# Here they are, for one video of 8 utterances. (The mask says which utterances are real and which
# are padding; here all are real.)

# %%
d, u, N = 50, 8, 2
params_bc = init_ucln(rng, 3 * d, bc_lstm.WIDTH, N)  # the package's parameters of BC-LSTM
x_video = rng.standard_normal((3, u, d))  # three modalities of one video
mask = np.ones((1, u), bool)


def run_bc_lstm(x):
    """Logits (u, N) for features x (3, u, d) of one video."""
    joint = np.concatenate([x[0], x[1], x[2]], axis=1)  # (u, 3d)
    h = ops.bilstm(params_bc["bilstm"], joint[None], mask)  # (1, u, 600)
    h = np.tanh(h @ params_bc["dense"]["W"] + params_bc["dense"]["b"])  # (1, u, 500)
    return (h @ params_bc["label"]["W"] + params_bc["label"]["b"])[0]


joint = np.concatenate([*x_video], axis=1)[None]
assert np.allclose(run_bc_lstm(x_video), bc_lstm.logits(params_bc, joint, mask, settings)[0])
print("logits:", run_bc_lstm(x_video).shape)
for name, tree in params_bc.items():
    print(f"{name:8} {nn.count(tree):9,} parameters")

# %% [markdown]
# ### Exercise 13.1 ★ (10 minutes): how many parameters?
#
# Write the number of parameters of BC-LSTM as a formula of the width $d$ of one modality, the
# number of modalities and the number of classes. The BiLSTM has 300 units per direction. Each
# direction has four gates, and each gate has weights for the input, for the output of the step
# before, and a bias. (Table 4 prints 1,383,902 for MOSI.)
#
# Replace the line with `raise` by your answer and run the cell. `check` runs it on fixed inputs. If
# it is wrong, `check` says what the mistake looks like.

# %%
def size_of_bc_lstm(d, modalities, N):
    """Returns a whole number."""
    raise NotImplementedError("exercise 13.1")


check("13.1", size_of_bc_lstm)

# %% [markdown]
# ## 3. TFN: all products
#
# A sum cannot express "good, but said in a flat voice": that takes a product of what is said and
# how. TFN (Zadeh et al. 2017) computes *all* products of an entry of $\mathbf{x}_a$, one of
# $\mathbf{x}_l$ and one of $\mathbf{x}_v$. Each vector is extended by a 1, so that products of two
# and single entries are among them:
#
# $$\mathbf{Z} = [\mathbf{x}_a; 1] \otimes [\mathbf{x}_l; 1] \otimes [\mathbf{x}_v; 1]$$
#
# The outer product $\otimes$ of two vectors is the table of all products of their entries. For two
# short vectors one can see what the 1 does:

# %%
draw.products(np.array([0.5, -1.0, 2.0, 1.0]), np.array([1.5, 0.2, -0.8, 0.4, 1.0]))
plt.show()

# %% [markdown]
# The last row is $\mathbf{x}_l$ itself, the last column is $\mathbf{x}_a$, and the corner is 1.
# Everything else is a product of two. With three vectors the table is a cube. The next cell writes
# its entries into one row, with loops and with the package, for vectors of $k = 4$ entries. (TFN
# and LMF read the features $\mathbf{x}_m$, of width $d$. In code, the vectors are called `x_e` and
# their width `k` up to the end of section 4, since section 8 uses the same functions for
# embeddings.)

# %%
B, k, N = 5, 4, 3
x_e = rng.uniform(-1, 1, (3, B, k))
a, l, v = x_e
Z = np.zeros((B, (k + 1) ** 3))
for i in range(B):
    place = 0
    for entry_a in [*a[i], 1]:
        for entry_l in [*l[i], 1]:
            for entry_v in [*v[i], 1]:
                Z[i, place] = entry_a * entry_l * entry_v
                place += 1
assert np.allclose(outer_product(x_e), Z)
print(f"k = {k}: {Z.shape[1]} products; k = 50: {51 ** 3:,}")

# %% [markdown]
# Three dense layers follow: 32 ReLUs, 32 ReLUs, softmax. **Predict before you run:** how many
# parameters does TFN have at $d = 50$, and in which layer are they?

# %%
params_tfn = STRATEGIES["tensor"].init(rng, 3, 50, 2)
for name, layer in params_tfn.items():
    print(f"{name} {nn.count(layer):9,}")
print(f"in all  {nn.count(params_tfn):9,}")
assert nn.count(params_tfn) == 4_245_986  # Table 4

# %% [markdown]
# Nearly all are in the first layer: 32 weights per product. MOSI has 1,141 training utterances.
#
# ### Exercise 13.2 ★★ (15 minutes): all products
#
# Write $\mathbf{Z}$ in NumPy, without loops, in the order of the loops above.

# %%
def all_products(x):
    """x (3, B, k). Returns (B, (k + 1) ** 3)."""
    raise NotImplementedError("exercise 13.2")


check("13.2", all_products)

# %% [markdown]
# ## 4. LMF: the same without the products
#
# LMF (Liu et al. 2018) is a dense layer on $\mathbf{Z}$ as well, but its weights have a special
# form. For one output of the layer, the weights are a cube, one weight per product. LMF makes this
# cube from few numbers: it is a sum of four outer products, each of three vectors, the *factors*.

# %%
draw.low_rank()
plt.show()

# %% [markdown]
# A full cube, on the left of the picture, has $(k + 1)^3$ free weights. The four triples of factors
# have $4 \cdot 3 (k + 1)$. Now $\mathbf{Z}$ need not be computed. Call the entries of the three
# extended vectors $a_x, l_y, v_z$ and the factors $A_x, L_y, V_z$. A sum over all products is a
# product of three sums:
#
# $$\sum_{x, y, z} A_x L_y V_z \; a_x l_y v_z = \Big(\sum_x A_x a_x\Big)
# \Big(\sum_y L_y l_y\Big) \Big(\sum_z V_z v_z\Big)$$
#
# So take the inner product of each vector with its factor, three numbers, multiply these, and add
# up the four terms, each with a weight $w_r$. Written for all outputs at once, the factors are
# matrices:
#
# $$\mathbf{h} = \sum_{r=1}^{4} w_r \bigodot_m [\mathbf{x}_m; 1]\, \mathbf{W}_m^{(r)}$$
#
# In the paper's variant the decision network of Eq. 16 follows, $\mathbf{M} = Dec(\mathbf{h})$. (In
# the code of LMF's authors the factors map straight to the classes.) As loops:

# %%
params = {name: strategy.init(rng, 3, k, N) for name, strategy in STRATEGIES.items()}
factors, w = params["low_rank"]["factors"], params["low_rank"]["weights"][:, 0, 0]
W = np.concatenate([factors["W"], factors["b"]], axis=1)  # the bias meets the 1
W = W.reshape(3, 4, k + 1, k)
h = np.zeros((B, k))
for i in range(B):
    for j in range(k):
        for r in range(4):
            term = w[r]
            for m in range(3):
                term *= sum([*x_e[m, i], 1] * W[m, r, :, j])
            h[i, j] += term
M_low_rank = graph.decide(params["low_rank"]["Dec"], h)
assert np.allclose(STRATEGIES["low_rank"].decide(params["low_rank"], x_e)["M"], M_low_rank)

# The same by the tensor: all weights of all products, (k + 1, k + 1, k + 1, k).
full = np.einsum("r,rxj,ryj,rzj->xyzj", w, *W)
assert np.allclose(Z @ full.reshape(-1, k), h)
print(f"weights of a dense layer on Z: {full.size}, in LMF's factors: {W.size}")

# %% [markdown]
# (`np.einsum` multiplies along the named axes and sums over $r$.) What does LMF give up? Take
# random factors for vectors of 8 entries, and cut one slice out of the cube: the products with one
# entry of $\mathbf{x}_v$. Their weights are a table of 9 × 9 numbers. Here it is for one outer
# product and for a sum of four:

# %%
V_a, V_l, V_v = np.random.default_rng(1).standard_normal((3, 4, 9))  # 4 factors per modality
one = V_v[0, 0] * np.outer(V_a[0], V_l[0])
four = sum(V_v[r, 0] * np.outer(V_a[r], V_l[r]) for r in range(4))
draw.slices({"one product (rank 1)": one, "sum of four (rank 4)": four})
plt.show()
ranks = [int(np.linalg.matrix_rank(table)) for table in (one, four)]
print("ranks of the two tables:", ranks)
assert ranks == [1, 4]

# %% [markdown]
# On the left all rows are multiples of one row: each acoustic entry weights the language entries in
# the same way, up to a factor. On the right each row is a mixture of the same four rows. The *rank*
# of a table is the number of rows that such mixtures need: 1 and 4. A free table could have rank 9,
# and at $k = 50$ rank 51.
#
# ### Exercise 13.3 ★★★ (20 minutes): low rank
#
# Write $\mathbf{h}$ in NumPy, without $\mathbf{Z}$ and without loops.

# %%
def low_rank(x_e, W, w):
    """x_e (3, B, k); W (3, R, k + 1, k), whose last row meets the 1; w (R,). Returns h (B, k)."""
    raise NotImplementedError("exercise 13.3")


check("13.3", low_rank)

# %% [markdown]
# ## 5. HFFN: divide, conquer, combine
#
# HFFN (Mai, Hu and Xing 2019) is by ARGF's first author. It avoids the $51^3$ products in another
# way. *Divide*: cut the three vectors at the same places into windows of two entries. *Conquer*:
# compute all products within each window, $3^3 = 27$ of them. *Combine*: let an LSTM read the
# windows from left to right and from right to left.

# %%
draw.windows(rng.uniform(-1, 1, (3, 12)), hffn.WINDOW)
plt.show()

# %% [markdown]
# So here the "time" of the LSTM is not the time of the video. It runs along the entries of the
# vectors. Each utterance is read alone, and its context is only what the UCLN has put into its
# vector. The local tensors as loops:

# %%
B, d = 5, 12
x = rng.uniform(-1, 1, (3, B, d))
L = d // 2  # windows
Z = np.zeros((B, L, 27))
for i in range(B):
    for t in range(L):
        place = 0
        for entry_a in [*x[0, i, 2 * t:2 * t + 2], 1]:
            for entry_l in [*x[1, i, 2 * t:2 * t + 2], 1]:
                for entry_v in [*x[2, i, 2 * t:2 * t + 2], 1]:
                    Z[i, t, place] = entry_a * entry_l * entry_v
                    place += 1
assert np.allclose(hffn.local_tensors(x), Z)
print("local tensors:", Z.shape)

# %% [markdown]
# **The LSTM** has two peculiarities. It is *skip-connected*: a step sees the outputs and the cells
# of the last three steps, not only of the last one. And it is *attentive*: the window decides how
# much each of the three counts. With $\mathbf{q}_{t-1}, \mathbf{q}_{t-2}, \mathbf{q}_{t-3}$ for the
# three outputs (or cells) and a matrix $A$, one for the outputs and another for the cells,
#
# $$e_j = \|\tanh([\mathbf{q}_{t-j}; \mathbf{Z}_t] A)\|, \qquad
# (w_1, w_2, w_3) = softmax(e_1, e_2, e_3), \qquad
# \tilde{\mathbf{q}}_t = ReLU(w_1 \mathbf{q}_{t-1} + w_2 \mathbf{q}_{t-2} + w_3 \mathbf{q}_{t-3}).$$
#
# The score is the *length* of a vector, an unusual choice. The rest is an LSTM without biases. Its
# gates are hard sigmoids, and so is its candidate, where other LSTMs have a tanh. (The released
# code has it so.)
#
# $$[\mathbf{i}, \mathbf{f}, \mathbf{g}, \mathbf{o}] = hs(\mathbf{Z}_t W + \tilde{\mathbf{h}}_t U),
# \qquad \mathbf{c}_t = \mathbf{f} \odot \tilde{\mathbf{c}}_t + \mathbf{i} \odot \mathbf{g}, \qquad
# \mathbf{h}_t = \mathbf{o} \odot \tanh \mathbf{c}_t$$
#
# As loops, for one utterance:

# %%
p = hffn.init_hffn(rng, 3, d, N)["lstm"]
H = len(p["U"])  # 3 units per direction


def hard_sigmoid_loop(z):
    return np.array([min(max(0.2 * entry + 0.5, 0), 1) for entry in z])


def attend_loop(states, Z_t, A):
    """states: the last three, the latest first; A maps a state and a window to a key."""
    e = np.zeros(3)
    for j in range(3):
        e[j] = np.sqrt(sum(np.tanh(np.concatenate([states[j], Z_t]) @ A) ** 2))
    w = np.exp(e) / sum(np.exp(e))
    total = w[0] * states[0] + w[1] * states[1] + w[2] * states[2]
    return np.maximum(total, 0)


def skip_lstm_loop(Z):
    """Z (L, 27) of one utterance. Returns (L, H)."""
    last_h, last_c, outputs = [np.zeros(H)] * 3, [np.zeros(H)] * 3, []
    for t in range(len(Z)):
        h = attend_loop(last_h, Z[t], p["A_h"])
        c = attend_loop(last_c, Z[t], p["A_c"])
        gates = hard_sigmoid_loop(Z[t] @ p["W"] + h @ p["U"])
        i, f, g, o = np.split(gates, 4)
        c = f * c + i * g
        h = o * np.tanh(c)
        last_h, last_c = [h, *last_h[:2]], [c, *last_c[:2]]
        outputs.append(h)
    return np.array(outputs)


h_loop = np.array([skip_lstm_loop(Z[i]) for i in range(B)])
assert np.allclose(hffn.skip_lstm(p, Z), h_loop)
print("outputs of one direction:", h_loop.shape)

# %% [markdown]
# Each output is then multiplied by a number that depends on its window (`hffn.weigh`), and both
# directions together go to two dense layers. **A slip in the released code:** the backward
# direction has its outputs in reversed order, but not its windows. So the output for window 6 is
# multiplied by a number that was computed from window 1. The variant `paper` repairs it, the
# variant `released` keeps it. How much does it change?

# %%
both = {variant: hffn.abs_lstm(p, Z, variant) for variant in ("paper", "released")}
change = np.abs(both["paper"] - both["released"])
print(f"forward half:  {change[:, :, :H].max():.3f} at most")
print(f"backward half: {change[:, :, H:].max():.3f} at most,",
      f"where entries are {np.abs(both['paper'][:, :, H:]).mean():.3f} on average")
assert change[:, :, :H].max() == 0 < change[:, :, H:].max()
print(f"all of HFFN at d = 50: {nn.count(hffn.init_hffn(rng, 3, 50, 2)):,} parameters")

# %% [markdown]
# 8,348 parameters, against TFN's 4.2 million. HFFN also has a loss of its own, minus the cosine of
# probabilities and label.
#
# ### Exercise 13.4 ★★★ (25 minutes): attention over three steps
#
# Write $\tilde{\mathbf{q}}_t$ for a batch, without loops. The rows of $A$ that meet the state and
# those that meet the window are two arrays.

# %%
def attend(states, Z_t, A_state, A_window):
    """states (3, B, H); Z_t (B, n); A_state (H, width); A_window (n, width). Returns (B, H)."""
    raise NotImplementedError("exercise 13.4")


check("13.4", attend)

# %% [markdown]
# ## 6. CHFusion: pairs first, in context
#
# CHFusion (Majumder et al. 2018) has ARGF's idea of a hierarchy: first pairs, then all. It fuses
# entry by entry. With $\mathbf{s}_m = \tanh(\mathbf{x}_m W_m)$, 450 numbers per modality, it
# computes for two modalities $m$ and $n$
#
# $$\mathbf{f}_{mn} = \tanh(\mathbf{p}_{mn} \odot \mathbf{s}_m
# + \mathbf{q}_{mn} \odot \mathbf{s}_n + \mathbf{b}_{mn}), \qquad
# \mathbf{F}_{mn} = \tanh(dense(GRU(\mathbf{f}_{mn}))).$$
#
# In $\mathbf{f}_{mn}$ there are two weights and a bias per entry. So entry 7 of one modality meets
# only entry 7 of the other. The mixing is left to $W_m$ and to the dense layer. The three pairs are
# then added up in the same manner, with one weight per pair and entry:
# $\tanh\big(\sum_{mn} \mathbf{w}_{mn} \odot \mathbf{F}_{mn} + \mathbf{b}\big)$. A second GRU reads
# this sum. (A GRU is a relative of the LSTM; we come to it in a moment.)

# %%
params_ch = chfusion.init_params(rng, "alv", 50, 2)
s = rng.uniform(-1, 1, (2, B, chfusion.PROJECTION))
fuse = params_ch["bimodal"]["l*a"]["fuse"]
f_loop = np.zeros((B, chfusion.PROJECTION))
for i in range(B):
    for j in range(chfusion.PROJECTION):
        f_loop[i, j] = np.tanh(fuse["p"][0, j] * s[0, i, j] + fuse["q"][0, j] * s[1, i, j]
                               + fuse["b"][0, j])
assert np.allclose(chfusion.fuse_two(fuse, s[0], s[1]), f_loop)
for name, tree in params_ch.items():
    print(f"{name:12} {nn.count(tree):9,} parameters")
print(f"{'in all':12} {nn.count(params_ch):9,}")

# %% [markdown]
# It is the largest of all models, and most of it is GRUs. Its training is special, too. It is not
# end to end: each pair is fitted alone with a softmax layer of its own, and then the last level is
# fitted to the fixed $\mathbf{F}_{mn}$.
#
# **The GRU** (Cho et al. 2014, "gated recurrent unit") is like an LSTM without a cell. Its output
# is its memory. Compare the two, first the LSTM of [notebook 04](04_context.ipynb), then the GRU:

# %%
draw.lstm_and_gru()
plt.show()

# %% [markdown]
# The LSTM has two lines from step to step, the cell above and the output below. The GRU has one. In
# the LSTM two gates decide what stays and what is added. In the GRU one gate $\mathbf{z}$ decides
# both: what it does not keep of the old output is filled by the new candidate.
#
# $$\mathbf{z} = hs(\mathbf{x}_t W_z + \mathbf{h} U_z + \mathbf{b}_z), \qquad
# \mathbf{r} = hs(\mathbf{x}_t W_r + \mathbf{h} U_r + \mathbf{b}_r),$$
# $$\mathbf{g} = \tanh(\mathbf{x}_t W_g + (\mathbf{r} \odot \mathbf{h}) U_g + \mathbf{b}_g), \qquad
# \mathbf{h}' = \mathbf{z} \odot \mathbf{h} + (1 - \mathbf{z}) \odot \mathbf{g}$$
#
# Where the *update gate* $\mathbf{z}$ ("keep" in the picture) is 1 the old output stays, where it
# is 0 the *candidate* ("new") $\mathbf{g}$ takes its place. The *reset gate* $\mathbf{r}$ decides
# how much of the old output the candidate sees.
#
# ### Exercise 13.5 ★★ (15 minutes): one step of a GRU
#
# The products with the input are given: `gates_x` holds $\mathbf{x}_t W + \mathbf{b}$ for
# $\mathbf{z}$, $\mathbf{r}$ and $\mathbf{g}$ side by side.

# %%
def gru_step(h, gates_x, U_z, U_r, U_g):
    """h (V, H), a row per video; gates_x (V, 3H); each U (H, H). Returns h' (V, H)."""
    raise NotImplementedError("exercise 13.5")


check("13.5", gru_step)

# %% [markdown]
# ## 7. Who reads whom?
#
# Change the features of one utterance, and see which decisions of the video
# change. Rows are the changed utterance, columns the decisions. **Predict before you run:** which
# fields stay empty for TFN, HFFN, BC-LSTM and CHFusion?

# %%
N = 2
params_tfn = STRATEGIES["tensor"].init(rng, 3, 50, N)
params_hffn = hffn.init_hffn(rng, 3, 50, N)
params_ch = chfusion.init_params(rng, "alv", 50, N)


def run_tfn(x):
    return STRATEGIES["tensor"].decide(params_tfn, x)["M"]


def run_hffn(x):
    return hffn.decide(params_hffn, hffn.local_tensors(x))


def run_chfusion(x):
    """Both levels of CHFusion for one video, x (3, u, d)."""
    F = []
    for name, pair in chfusion.pairs_of("alv").items():
        p = dict(params_ch["bimodal"][name])
        m, n = pair
        p["m"], p["n"] = params_ch["projections"][m], params_ch["projections"][n]
        two = np.stack([x["alv".index(m)], x["alv".index(n)]], axis=1)  # (u, 2, d)
        F.append(chfusion.bimodal_features(p, two[None], mask))
    return chfusion.trimodal_logits(params_ch["trimodal"], np.stack(F, axis=2), mask)[0]


influence = {}
for name, run in (("TFN", run_tfn), ("HFFN", run_hffn), ("BC-LSTM", run_bc_lstm),
                  ("CHFusion", run_chfusion)):
    before, table = run(x_video), np.zeros((u, u))
    for i in range(u):
        changed = x_video.copy()
        changed[:, i] += 0.5 * rng.standard_normal((3, 50))
        table[i] = np.abs(run(changed) - before).max(axis=1)
    influence[name] = table
draw.readers(influence)
plt.show()
for name, table in influence.items():
    above, below = table[np.triu_indices(u, 1)], table[np.tril_indices(u, -1)]
    print(f"{name:9} later utterances read earlier ones: {np.any(above > 0)}; "
          f"earlier ones read later ones: {np.any(below > 0)}")

# %% [markdown]
# Darker means a larger change (on a scale that makes small ones visible), a dot means none. TFN and
# HFFN look at one utterance at a time. BC-LSTM reads the whole video, in both directions. CHFusion
# reads forward only: its GRUs have one direction, so a decision can use what was said before, and
# not what comes later. All of this comes on top of the context that the UCLN features already hold.
#
# ## 8. Other ways to fuse (Table 6, Figure 4)
#
# Table 6 keeps ARGF's encoders, and fuses their three embeddings in other ways. Each way is a pair
# of functions, `init` and `decide`, in `STRATEGIES`. Figure 4 of the paper shows the first three.

# %%
draw.fusions()
plt.show()

# %% [markdown]
# FC, "fully connected", are dense layers. In the last panel, solid lines lead to larger sets of
# modalities, and dashed lines to the output. In the paper's variant all but tensor fusion end in
# the same $Dec$ as the graph (Eq. 16), so that they differ in the fusion alone. Tensor fusion and
# low-rank fusion are those of sections 3 and 4, with $\mathbf{x}_m^e$ in place of $\mathbf{x}_m$.
# What goes into $Dec$ for the others, as loops:
#
# - **concatenation**: $\mathbf{x}_a^e \oplus \mathbf{x}_l^e \oplus \mathbf{x}_v^e$;
# - **multiplication**: $\mathbf{x}_a^e \odot \mathbf{x}_l^e \odot \mathbf{x}_v^e$;
# - **weighted average**: $\mathbf{U}$, the first layer of the graph alone (Eq. 10).

# %%
B, k, N = 5, 4, 3  # x_e with its parts a, l, v is that of section 3, params that of section 4
joint, product, average = np.zeros((B, 3 * k)), np.zeros((B, k)), np.zeros((B, k))
MAN = params["weighted_average"]["MAN"]
for i in range(B):
    joint[i] = [*a[i], *l[i], *v[i]]
    for j in range(k):
        product[i, j] = a[i, j] * l[i, j] * v[i, j]
    for x_m in (a[i], l[i], v[i]):
        alpha = 1 / (1 + np.exp(-sum(x_m * MAN["W"][:, 0]) - MAN["b"][0, 0]))
        average[i] += alpha * x_m / 3
into_Dec = {"concatenation": joint, "multiplication": product, "weighted_average": average}
for name, vector in into_Dec.items():
    M_loop = graph.decide(params[name]["Dec"], vector)
    assert np.allclose(STRATEGIES[name].decide(params[name], x_e)["M"], M_loop)
    print(f"{name:17} {nn.count(params[name]):6,} parameters at k = {k}")

# %% [markdown]
# **The dynamic fusion graph** (DFG, Zadeh et al. 2018) has a vertex for each set of modalities: $a,
# l, v, al, av, lv, alv$. Each set sends its vector to all sets that contain it, and to the output.
# Each of these 19 edges has an *efficacy*, a number between 0 and 1 by which its vector is
# multiplied. It is the sigmoid of a dense layer on all three embeddings. A vertex puts what arrives
# side by side, and makes $k$ numbers of it:
#
# $$\mathbf{V}_{\mathcal{S}} = \tanh\Big(dense_{\mathcal{S}}\big(\bigoplus_{\mathcal{R} \subset
# \mathcal{S}} \alpha_{\mathcal{R}\mathcal{S}} \mathbf{V}_{\mathcal{R}}\big)\Big), \qquad
# \mathbf{M} = Dec\Big(\bigoplus_{\mathcal{S}} \alpha_{\mathcal{S}\tau}
# \mathbf{V}_{\mathcal{S}}\Big)$$
#
# Here $\mathcal{R} \subset \mathcal{S}$ are the smaller sets in $\mathcal{S}$, and $\tau$ stands
# for the output.

# %%
p = params["dynamic_graph"]
sets = ["a", "l", "v", "al", "av", "lv", "alv"]
flow = np.zeros((B, 7 * k))
for i in range(B):
    together = np.array([*a[i], *l[i], *v[i]])
    efficacies = 1 / (1 + np.exp(-(together @ p["efficacies"]["W"] + p["efficacies"]["b"][0])))
    V, edge = {"a": a[i], "l": l[i], "v": v[i]}, 0
    for number, name in enumerate(sets[3:]):
        arriving = []
        for other in sets:
            if set(other) < set(name):
                arriving.append(efficacies[edge] * V[other])
                edge += 1
        dense = p["vertices"][f"vertex_{number}"]
        V[name] = np.tanh(np.concatenate(arriving) @ dense["W"] + dense["b"][0])
    for place, name in enumerate(sets):
        flow[i, place * k:(place + 1) * k] = efficacies[edge] * V[name]
        edge += 1
M_loop = graph.decide(p["Dec"], flow)
assert np.allclose(STRATEGIES["dynamic_graph"].decide(p, x_e)["M"], M_loop)
print(f"edges used: {edge}")
assert edge == 19

# %% [markdown]
# DFG has a vertex for all three modalities, but it makes it of all smaller sets at once. ARGF's
# graph makes six trimodal vertices, each of two others, and weighs them.
#
# **The gradients** of all seven ways to fuse, with respect to every parameter and embedding. (As
# before, the decision is multiplied by fixed random numbers and added up, so that it is a scalar in
# which every entry counts differently. The small step keeps away from the kink of ReLU.)

# %%
def weigh(y):
    """A scalar in which every entry of y counts differently."""
    return (y * np.random.default_rng(0).standard_normal(y.shape)).sum()


def weighed_decision(name, tree):
    return weigh(STRATEGIES[name].decide(tree["fusion"], tree["x_e"])["M"])


for name in STRATEGIES:
    inputs = {"fusion": params[name], "x_e": x_e}
    function = partial(weighed_decision, name)  # a function of the tree alone
    nn.check_gradient(function, inputs, np.random.default_rng(1), step=1e-5)
print("gradients right to 1e-6:", ", ".join(STRATEGIES))

# %% [markdown]
# **Which is best?** As in notebook 10, we train each with six seeds on the synthetic corpus, with
# principal components in place of a UCLN. In the print, ± is half of the 95 % interval for other
# seeds, and the brackets hold for other seeds and other videos. **Predict before you run:** which
# ways are better than the graph? Remember from notebook 09 that a part of this corpus's labels are
# products of signs of two or three modalities.

# %%
subject = catalogue.Subject(load("mosi", source="synthetic"), "mosi", "MOSI")
corpus = standardise(subject.corpus)
train, test = corpus.utterances("train"), corpus.utterances("test")
video_of = np.repeat(np.arange(len(corpus.video_ids)), np.diff(corpus.starts))


def principal_components(m, d=12):
    """The features (n, d) along the directions of largest variance, scaled to deviation 1."""
    _, _, directions = np.linalg.svd(corpus.features[m][train], full_matrices=False)
    projected = corpus.features[m] @ directions[:d].T
    return projected / projected[train].std()


x = np.stack([principal_components(m) for m in "alv"]).astype("float32")  # (3, n, 12)
SMALL = {"d": 12, "k": 10, "epochs": 4, "batch_size": 128, "lr": 5e-3}
SEEDS = 6
fusions = catalogue.fusions(subject)  # the rows of Table 6, each with its settings
right = {}  # {label: (seeds, n_test)}
nn.use("fast")
for row, of_seeds in fusions.runs(subject, SEEDS, SMALL).items():
    predictions = []
    for run_settings in of_seeds:
        trained = MODELS["argf"].train(corpus, x, run_settings)
        predictions.append(trained["probabilities"].argmax(axis=1))
    right[row.label] = np.array(predictions) == corpus.labels[test]
_ = nn.use("readable")

# %%
reference = right[fusions.reference]
printed = {row.label: row.paper["accuracy"] for row in fusions.rows}
rows_6 = []
for label, values in right.items():
    accuracy, half = statistics.mean_interval(100 * values.mean(axis=1))
    text = f"{label:32} {accuracy:.1f} ± {half:4.1f}"
    if label != fusions.reference:
        difference = 100 * np.array(
            statistics.paired_difference(values, reference, video_of[test]))
        rows_6.append((label, *difference, printed[label] - printed[fusions.reference]))
        text += "   difference {:+5.1f} [{:+.1f}, {:+.1f}]".format(*difference)
    print(text)
draw.table(rows_6, "Table 6: other ways to fuse")
plt.show()
others = {row[0]: right[row[0]] for row in rows_6}
note = statistics.comparisons_note(others, reference, video_of[test])
print(textwrap.fill(note, 95))
_, tensor, _, _, _ = rows_6[3]
assert statistics.holm(others, reference, video_of[test]) == []
_, _, low, high, _ = rows_6[1]
assert 1.5 < tensor
assert high - low > 8

# %% [markdown]
# Filled dots are differences whose interval excludes 0; crosses are the paper's differences. Tensor
# fusion leads the graph by about three points, and low-rank fusion is almost three points behind
# the graph. If the first is more than chance, it fits a corpus in which some labels are products of
# signs: tensor fusion has every product from the start, and the graph has to build them.
# Multiplication varies so much between seeds that its interval is almost sixteen points wide. Six
# seeds say nothing about it.
#
# Now read the printed note. With six comparisons at once, some interval may exclude 0 by chance.
# *Holm's correction* makes up for that. It first asks of all six for intervals of $1 - 0.05/6 =
# 99.2$ % instead of 95 %. Rows that exclude 0 even so are settled, and the others are asked again
# with a factor that counts only them: five, four, and so on. Here no row passes the first round.
# Then the procedure stops, and no difference is established. So with six seeds not even the lead of
# tensor fusion is established. In the paper all crosses are left of 0: there, the graph beats every
# other way.
#
# **A warning before you conclude.** In all of these the encoders learn together with the fusion,
# and they can bend. As notebook 09 has found, they can put numbers into a plain sum from which
# $Dec$ then computes the product. So ways to fuse that look very different may hardly differ in
# what the whole network can learn.
#
# **On real data.** On MOSI (ten seeds) none of the six can be distinguished from the graph: tensor
# fusion has 1.0 point less [−2.4, +0.4]. There, language alone is as good as any fusion, so little
# seems to be left for products. In the corpus above, products were put into the labels. With the
# authors' UCLN outputs (ten seeds) one interval of six excludes 0, that of tensor fusion (−1.9),
# and none after Holm's correction. ([RESULTS.md](../results/RESULTS.md); notebook 10 draws it.)
#
# **Two oddities of Table 6.** For IEMOCAP it gives the graph 60.20. Table 2 has this number for the
# targets $a$ and $v$; for $l$, the default, it has 60.69. The paper does not say why. And in the
# authors' code the class for multiplication replaces the product that has $\mathbf{x}_a^e$ in it by
# one that has not. The class for low-rank fusion never initialises its factors. The paper's figures
# may be of these classes ([D21](../DEVIATIONS.md#d21)). The package has them as variant `released`.
#
# ## 9. What do they cost?

# %%
d, N = 50, 2
sizes = {
    "HFFN": nn.count(hffn.init_hffn(rng, 3, d, N)),
    "LMF": nn.count(STRATEGIES["low_rank"].init(rng, 3, d, N)),
    "ARGF": nn.count(init_model(rng, d, 50, N)),
    "BC-LSTM": nn.count(init_ucln(rng, 3 * d, bc_lstm.WIDTH, N)),
    "TFN": nn.count(STRATEGIES["tensor"].init(rng, 3, d, N)),
    "CHFusion": nn.count(chfusion.init_params(rng, "alv", d, N)),
}
draw.sizes(sizes)
plt.show()
assert list(sizes) == sorted(sizes, key=sizes.get)
assert sizes["CHFusion"] == 8_606_308

# %% [markdown]
# The scale is logarithmic: CHFusion has a thousand times as many parameters as HFFN. In the paper's
# Table 1 the two are 0.2 points apart. So the number of parameters alone does not explain the
# places in that table.
#
# **An experiment** ★★ (15 minutes). Here HFFN trains until its validation loss has not fallen for
# ten epochs, whatever `epochs` says. Train it here (`hffn.train(corpus, x,
# subject.settings(model="hffn", **SMALL), on_checkpoint=keep)`, seed 0, after `nn.use("fast")`;
# half a minute). Your function `keep(state)` is called after each epoch. Let it predict with
# `hffn.predict(state["params"], x[:, test], "paper")`. [Notebook 10](10_does_it_work.ipynb) has
# told you three numbers: 74 % of the test utterances are right after 20 epochs, and 89 % at the
# end, after epoch 226. Does your run agree? And how many percent are right after 60 epochs? Write
# down a number before you run. (It is in the solutions. The ways to fuse in section 8 had four
# epochs, so this is no comparison with them.)
#
# ## What to take away
#
# - **What do they do differently?** They differ in where and how the modalities meet: BC-LSTM puts
#   them side by side. TFN takes all products, LMF a cheap sum of four products, HFFN the products
#   within small windows. CHFusion fuses pairs first, entry by entry. BC-LSTM and CHFusion also read
#   other utterances once more.
# - **What would they have to be bad at, for ARGF to win?** One of three things. They could suffer
#   from modalities that lie in different spaces, since only ARGF trains them into one. Or they
#   could miss interactions: BC-LSTM and CHFusion build no products of two modalities explicitly,
#   HFFN builds some of them, and LMF has few weights for them. Or they could overfit: MOSI has
#   1,141 training utterances, and TFN and CHFusion have almost four times and seven and a half
#   times as many parameters as ARGF. (But ARGF has more than a million itself.)
# - **Does that happen?** In the paper ARGF leads Table 1, which does not say for which of these
#   reasons. In the runs of Table 1 in [RESULTS.md](../results/RESULTS.md), which use UCLNs of our
#   own, the difference of ARGF to each of these five models on MOSI has an interval that includes
#   0. The same holds for the UCLN outputs that ARGF's authors published. Nothing there shows
#   that the others are bad at any of this.
# - Nor do six seeds on the synthetic corpus establish a best fusion. To compare many models, one
#   needs many seeds, and a correction for the number of comparisons.
#
# ## To go on
#
# Solutions of the exercises are in [solutions/13_other_models.py](solutions/13_other_models.py).
#
# **A model of your own** ★★★ (60 minutes). `argf_np/baselines/__init__.py` says what a model has to
# be: three functions, and a line in `MODELS`. Add one that puts the three vectors side by side and
# has one hidden layer. Where would it lie in the picture of notebook 10, section 5? Write down your
# guess first.
#
# Before: [12 · Making it fast](12_making_it_fast.ipynb). This is the last notebook.

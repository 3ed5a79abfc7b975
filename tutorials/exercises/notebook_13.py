"""Exercises of notebook 13, the other models."""

import numpy as np

from argf_np import nn
from argf_np.baselines import hffn
from argf_np.baselines.bc_lstm import WIDTH
from argf_np.nn import ops
from argf_np.paper.fusions_table6 import outer_product
from argf_np.paper.ucln import init_ucln

from . import compare, exercise, require

B, k, R = 5, 7, 4
H, V, m = 3, 5, 8


@exercise("13.1")
def size_of_bc_lstm(answer, rng):
    """The number of parameters of BC-LSTM."""
    for d, modalities, N in ((50, 3, 2), (40, 3, 6), (20, 2, 4)):
        right = nn.count(init_ucln(rng, modalities * d, WIDTH, N))
        width, head = modalities * d, 300_500 + 501 * N
        slips = {
            "it looks like one direction only: the BiLSTM has two":
                1200 * (width + 301) + 300_500 + 501 * N,
            "the first dense layer reads the outputs of both directions, 600 numbers":
                2400 * (width + 301) + 150_500 + 501 * N,
            "it looks like one gate per direction: there are four": 600 * (width + 301) + head,
            "the biases of the LSTM are missing": 2400 * (width + 300) + head,
            "the recurrent weights are missing: each gate also reads the 300 outputs of the step "
            "before": 2400 * (width + 1) + head,
            "the biases of the dense layers are missing":
                2400 * (width + 301) + 300_000 + 500 * N,
            "it looks like one modality: the BiLSTM reads all of them side by side":
                2400 * (d + 301) + head,
            "the dense layers are missing": 2400 * (width + 301),
            "the last layer is missing": 2400 * (width + 301) + 300_500,
        }
        result = answer(d, modalities, N)
        require(result is not None, "your function returns nothing; is the `return` missing?")
        for hint, slip in slips.items():
            require(result != slip, hint)
        require(result == right, f"d = {d}, {modalities} modalities, {N} classes: {result:,}, "
                f"expected {right:,}")
    return "and nearly all of them are in the BiLSTM"


@exercise("13.2")
def all_products(answer, rng):
    """Z (B, (k + 1)^3), every product of entries of three vectors that are extended by a 1."""
    x = rng.standard_normal((3, B, k))
    extended = np.concatenate([x, np.ones((3, B, 1))], axis=-1)
    front = np.concatenate([np.ones((3, B, 1)), x], axis=-1)
    a, l, v = extended
    cube = np.einsum("bi,bj,bk->bijk", a, l, v)
    compare(answer, (x,), outer_product(x), {
        "the 1 is missing: without it there are only products of three":
            np.einsum("bi,bj,bk->bijk", *x).reshape(B, -1),
        "the 1 comes before the entries: in the loops it comes last":
            np.einsum("bi,bj,bk->bijk", *front).reshape(B, -1),
        "the right numbers as a cube per utterance: put them into one row of (k + 1)^3": cube,
        "the right numbers in another order: v varies fastest, a slowest":
            cube.transpose(0, 3, 2, 1).reshape(B, -1),
        "it looks like the three vectors side by side: every product of three is wanted":
            extended.swapaxes(0, 1).reshape(B, -1),
        "it looks like the entry-wise product: every entry meets every other": a * l * v,
        "it looks like two modalities only": np.einsum("bi,bj->bij", a, l).reshape(B, -1),
    })
    return "and for d = 50 a row of Z has 132,651 entries"


@exercise("13.3")
def low_rank(answer, rng):
    """h (B, k) of low-rank fusion."""
    x_e = rng.uniform(-1, 1, (3, B, k))
    W, w = rng.standard_normal((3, R, k + 1, k)), rng.standard_normal(R)
    extended = np.concatenate([x_e, np.ones((3, B, 1))], axis=-1)
    parts = np.einsum("mbi,mrij->mrbj", extended, W)  # (3, R, B, k)
    without_1 = np.einsum("mbi,mrij->mrbj", x_e, W[:, :, :-1])
    compare(answer, (x_e, W, w), np.einsum("r,rbj->bj", w, parts.prod(axis=0)), {
        "the 1 is missing: without it there are only products of three":
            np.einsum("r,rbj->bj", w, without_1.prod(axis=0)),
        "the weights w are missing": parts.prod(axis=0).sum(axis=0),
        "it looks like the sum over r before the product: it comes after the product over the "
        "modalities": np.einsum("r,mrbj->mbj", w, parts).prod(axis=0),
        "it looks like the sum over the modalities, not their product":
            np.einsum("r,rbj->bj", w, parts.sum(axis=0)),
        "the sum over r is missing": w[:, None, None] * parts.prod(axis=0),
    })
    return "and Z itself is not needed"


@exercise("13.4")
def attend(answer, rng):
    """The attention (B, H) of HFFN over the states of three steps."""
    states, Z_t = rng.standard_normal((3, B, H)), rng.standard_normal((B, m))
    A_state, A_window = rng.standard_normal((H, 4)), rng.standard_normal((m, 4))

    def result(scores, axis=0, relu=True):
        w = ops.softmax(scores, axis=axis)
        total = np.sum(w[..., None] * states, axis=0)
        return np.maximum(total, 0) if relu else total

    keys = np.tanh(states @ A_state + Z_t @ A_window)  # (3, B, 4)
    scores = np.linalg.norm(keys, axis=-1)  # (3, B)
    raw = states @ A_state + Z_t @ A_window
    compare(answer, (states, Z_t, A_state, A_window),
            hffn.attend(states, Z_t, (A_state, A_window)), {
        "the ReLU at the end is missing": result(scores, relu=False),
        "it looks like the softmax over the batch: the three weights of an utterance sum to 1":
            result(scores, axis=1),
        "the tanh is missing": result(np.linalg.norm(raw, axis=-1)),
        "the score is the length of the key, not its square": result(scores ** 2),
        "the score is the length of the key, not the sum of its entries": result(keys.sum(axis=-1)),
        "the window is missing: the key is made of the state and the window":
            result(np.linalg.norm(np.tanh(states @ A_state), axis=-1)),
        "the softmax is missing": np.maximum(np.sum(scores[..., None] * states, axis=0), 0),
        "it looks like the mean over the three steps, without weights":
            np.maximum(states.mean(axis=0), 0),
    })
    return "and the weights are made anew at every step"


@exercise("13.5")
def gru_step(answer, rng):
    """The output (V, H) of one step of a GRU."""
    h, gates_x = rng.standard_normal((V, H)), rng.standard_normal((V, 3 * H))
    U_z, U_r, U_g = rng.standard_normal((3, H, H))

    def hard(x):
        return np.clip(0.2 * x + 0.5, 0, 1)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    x_z, x_r, x_g = np.split(gates_x, 3, axis=1)

    def step(gate=hard, candidate=np.tanh, after=False):
        z, r = gate(x_z + h @ U_z), gate(x_r + h @ U_r)
        g = candidate(x_g + (r * (h @ U_g) if after else (r * h) @ U_g))
        return z, r, g

    z, r, g = step()

    def mix(z, r, g):
        return z * h + (1 - z) * g

    compare(answer, (h, gates_x, U_z, U_r, U_g), mix(z, r, g), {
        "z and 1 - z have changed places: z keeps the old output": z * g + (1 - z) * h,
        "it looks like the ordinary sigmoid: these gates are hard sigmoids": mix(*step(sigmoid)),
        "it looks like a hard sigmoid for the candidate: HFFN's LSTM has it, a GRU has a tanh":
            mix(*step(candidate=hard)),
        "the reset gate acts on h, before the product with U_g": mix(*step(after=True)),
        "the reset gate is missing": mix(z, r, np.tanh(x_g + h @ U_g)),
        "the tanh of the candidate is missing": mix(*step(candidate=lambda x: x)),
        "the candidate alone is returned: a part z of the old output stays": g,
        "z and r have changed places in gates_x: the order is z, r, g":
            mix(hard(x_r + h @ U_z), r, np.tanh(x_g + (hard(x_z + h @ U_r) * h) @ U_g)),
    })
    return "and a GRU has three products with its output per step where an LSTM has four"

r"""CHFusion, hierarchical fusion with context (Majumder et al. 2018, Knowledge-Based Systems 161).

Level 0 projects each modality of an utterance, level 1 fuses each pair of modalities, and level 2
fuses what level 1 gives. On levels 1 and 2 a GRU (`ops.gru_cell`) reads the utterances of a video
in order, so that an utterance knows the earlier ones. The product $\circ$ is entry-wise.

$$ g_m = \tanh(W_m x_m) $$
$$ f_{mn} = \tanh(p_{mn} \circ g_m + q_{mn} \circ g_n + b_{mn}), \quad
   F_{mn} = \tanh(D_{mn} GRU(f_{mn}) + c_{mn}) $$
$$ z = \tanh(\sum_{mn} k_{mn} \circ F_{mn} + b), \quad r = GRU(z), \quad
   \hat y = softmax(dense(relu(dense([z; r])))) $$

Training is not end to end. Each pair is fitted alone, with a softmax layer of its own on $F_{mn}$.
The $W_m$ are shared, so the fit of a pair starts from where the one before left them, and
$F_{mn}$ is read out at the end of the pair's own fit. Then level 2 is fitted to these fixed
$F_{mn}$. Sizes, dropout rates, learning rates and the order of the fits are those of the authors'
code. It begins with the features of a unimodal stage that is not part of it; here the UCLN is that
stage. Both variants are this reading, "released", as we do not know where the paper's text differs.

What differs from their code:

- Budget. They train for up to 200 epochs per pair and for 100 epochs on level 2. Here there are 80
  and 40. These numbers were set before any accuracy was seen, so that a seed takes at most three
  minutes on MOSI. What the other epochs would change is not known.
- Stopping. They stop the fit of a pair once the loss on the last tenth of the training videos has
  not fallen for 10 epochs. Here it is the loss on the validation videos. Where these cannot be
  trusted, as on MOSI, each fit has all its epochs. As in their code, the last parameters are kept,
  and level 2 never stops early.
- Dropout before a GRU draws a mask per utterance; Keras draws one per video and gate.
- Initial values. All matrices of a GRU are drawn as Glorot and Bengio say, gate by gate. Keras
  draws W for all gates at once, and U is orthogonal there.

Two modalities make one pair, and four make six.

Symbols: V videos, u utterances of the longest of them, n utterances in all, d width of the UCLN
features, N classes. Three modalities have 1,350 d + 3 (2,193,650 + 501 N) + 1,953,950 + 451 N
parameters, which at d = 100 and N = 4, the sizes of their code, are 8,677,716.
"""

from itertools import combinations

import autograd.numpy as np

from .. import nn
from ..data import notice
from ..data.check import reason_for_distrust
from ..errors import ModelError, NotFiniteError
from ..nn import ops
from ..paper import protocols
from ..paper.ucln import cross_entropy, pad, unpad
from .epoch_loop import batches_of, is_out_of_patience, train_batches

PROJECTION = 450  # width of g and f
BIMODAL_UNITS, BIMODAL_WIDTH = 600, 500  # of the GRU, and of F
TRIMODAL_UNITS, TRIMODAL_WIDTH = 500, 450  # of the GRU, and of the dense layer behind it
BIMODAL_LR, TRIMODAL_LR = 1e-3, 1e-4  # of Adam
BIMODAL_EPOCHS, TRIMODAL_EPOCHS = 80, 40
BATCH_SIZE = 20  # videos
TRIMODAL = "all"  # name of the last fit; the others have the names of their pairs


def epochs(corpus, settings):
    """Number of epochs of all fits, at most."""
    return len(pairs_of(settings.modality_list)) * BIMODAL_EPOCHS + TRIMODAL_EPOCHS


def pairs_of(modalities):
    """Every two modalities as ``{name: (m, n)}``. Language comes first: l*a, l*v, a*v."""
    def is_not_language(m):
        return m != "l"

    order = sorted(modalities, key=is_not_language)
    return {"*".join(pair): pair for pair in combinations(order, 2)}


# Parameters


def init_params(rng, modalities, d, N):
    """Parameters of all fits: ``projections`` W_m (d, 450), ``bimodal`` by pair, ``trimodal``."""
    pairs = pairs_of(modalities)
    projections = {}
    for m in modalities:
        projections[m] = {"W": nn.init_dense(rng, d, PROJECTION)["W"]}
    return {
        "projections": projections,
        "bimodal": {name: init_bimodal(rng, N) for name in pairs},
        "trimodal": init_trimodal(rng, len(pairs), N),
    }


def init_bimodal(rng, N):
    """Level 1 of one pair: weights p, q and b (1, 450), GRU 600, dense 500, dense N."""
    return {
        "fuse": {
            "p": truncated_normal(rng, (1, PROJECTION)),
            "q": truncated_normal(rng, (1, PROJECTION)),
            "b": np.zeros((1, PROJECTION)),
        },
        "gru": nn.init_gru(rng, PROJECTION, BIMODAL_UNITS),
        "dense": nn.init_dense(rng, BIMODAL_UNITS, BIMODAL_WIDTH),
        "label": nn.init_dense(rng, BIMODAL_WIDTH, N),
    }


def init_trimodal(rng, pairs, N):
    """Level 2 of some pairs: weights k (pairs, 500) and b (1, 500), GRU 500, dense 450, dense N."""
    limit = np.sqrt(3 / np.sqrt(BIMODAL_WIDTH))  # Keras has sqrt(500) as both fans of a vector
    return {
        "fuse": {
            "k": rng.uniform(-limit, limit, (pairs, BIMODAL_WIDTH)),
            "b": np.zeros((1, BIMODAL_WIDTH)),
        },
        "gru": nn.init_gru(rng, BIMODAL_WIDTH, TRIMODAL_UNITS),
        "dense": nn.init_dense(rng, BIMODAL_WIDTH + TRIMODAL_UNITS, TRIMODAL_WIDTH),
        "label": nn.init_dense(rng, TRIMODAL_WIDTH, N),
    }


def truncated_normal(rng, shape):
    """Normal with deviation 0.05; what lies further than two deviations from 0 is drawn again."""
    x = rng.standard_normal(shape)
    while np.any(np.abs(x) > 2):
        x = np.where(np.abs(x) > 2, rng.standard_normal(shape), x)
    return 0.05 * x


# Equations


def project(p, x):
    r"""Level 0: $g_m = \tanh(W_m x_m)$, without a bias: x (..., d) -> (..., 450)."""
    return ops.tanh(np.matmul(x, p["W"]))


def fuse_two(p, g_m, g_n):
    r"""Level 1: $f_{mn} = \tanh(p \circ g_m + q \circ g_n + b)$, one weight of each per entry.

    Arguments: g_m, g_n (..., 450). Returns (..., 450).
    """
    return ops.tanh(p["p"] * g_m + p["q"] * g_n + p["b"])


def bimodal_features(p, x, mask, rng=None):
    r"""Level 1 of one pair with its context: $F_{mn} = \tanh(D\, GRU(f_{mn}) + c)$.

    Arguments
        - p: ``m`` and ``n``, the projections of the pair, and the entries of `init_bimodal`.
        - x (V, u, 2, d): padded UCLN features of both modalities.
        - mask (V, u): True on real utterances.
        - rng: None means no dropout. Otherwise the GRU's input drops 0.4, its output 0.9.
    Returns (V, u, 500); what stands on padding is not to be used.
    """
    g_m, g_n = project(p["m"], x[:, :, 0]), project(p["n"], x[:, :, 1])
    f = fuse_two(p["fuse"], g_m, g_n)  # (V, u, 450)
    f = ops.dropout(f, 0.4, rng)
    h = ops.gru(p["gru"], f, mask)  # (V, u, 600)
    h = ops.dropout(h, 0.9, rng)
    return ops.dense_layer(p["dense"], h, "tanh")


def bimodal_logits(p, x, mask, rng=None):
    """The logits (V, u, N) by which a pair is fitted; the arguments are `bimodal_features`'s."""
    return ops.dense_layer(p["label"], bimodal_features(p, x, mask, rng), "identity")


def fuse_all(p, F):
    r"""Level 2: $z = \tanh(\sum k_{mn} \circ F_{mn} + b)$: F (V, u, pairs, 500) -> (V, u, 500)."""
    return ops.tanh(np.sum(p["k"] * F, axis=2) + p["b"])


def trimodal_logits(p, F, mask, rng=None):
    r"""Level 2 with its context: logits from $[z; r]$, where $r = GRU(z)$.

    Arguments
        - p: of `init_trimodal`.
        - F (V, u, pairs, 500): padded, fixed outputs of level 1.
        - mask (V, u): True on real utterances.
        - rng: None means no dropout. Otherwise the GRU's input drops 0.35, its output and that of
          the dense layer 0.86.
    Returns (V, u, N).
    """
    z = fuse_all(p["fuse"], F)
    r = ops.gru(p["gru"], ops.dropout(z, 0.35, rng), mask)  # (V, u, 500)
    r = ops.dropout(r, 0.86, rng)
    both = np.concatenate([z, r], axis=-1)  # (V, u, 1000)
    h = ops.dense_layer(p["dense"], both, "relu")  # (V, u, 450)
    h = ops.dropout(h, 0.86, rng)
    return ops.dense_layer(p["label"], h, "identity")


def apply(function, p, rows, starts, videos):
    """What ``function(p, padded rows, mask)`` gives for the utterances of some videos, (n_i, ...).

    Arguments: rows (n, ...), one entry per utterance; starts (V + 1,) says where videos begin.
    """
    parts = []
    for first in range(0, len(videos), BATCH_SIZE):
        padded, mask = pad(rows, starts, videos[first:first + BATCH_SIZE])
        parts.append(unpad(function(p, padded, mask), mask))
    return np.concatenate(parts)


def level_1(bimodal, x, starts, settings):
    """The outputs F (n, pairs, 500) of all trained pairs, for UCLN features x (m, n, d)."""
    videos = np.arange(len(starts) - 1)
    outputs = []
    for name, pair in pairs_of(settings.modality_list).items():
        inputs = of_modalities(x, pair, settings)
        outputs.append(apply(bimodal_features, bimodal[name], inputs, starts, videos))
    return np.stack(outputs, axis=1)


def of_modalities(x, pair, settings):
    """The features (n, 2, d) of a pair of modalities, out of x (m, n, d)."""
    rows = [settings.modality_list.index(m) for m in pair]
    return x[rows].swapaxes(0, 1).astype(settings.dtype)


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (m, n, d), in the context of the videos."""
    F = level_1(params["bimodal"], x, corpus.starts, settings)
    videos = np.arange(len(corpus.starts) - 1)
    logits = apply(trimodal_logits, params["trimodal"], F, corpus.starts, videos)
    return ops.softmax(logits)


# Training


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Fit every pair, then level 2. A checkpoint is made after each epoch of each fit.

    Arguments and result: see `baselines`. A row of the history has the ``epoch``, counted over all
    fits, the name of the ``fit``, its ``loss``, and where the validation split can be trusted the
    ``validation_loss``. Raises NotFiniteError where a loss becomes infinite or NaN.
    """
    data = {
        "y": np.eye(len(corpus.classes), dtype=settings.dtype)[corpus.labels],  # (n, N)
        "starts": corpus.starts,
        "train": corpus.split["train"],
        "validation": stopping_videos(corpus),
    }
    rng = np.random.default_rng([settings.seed, 5])
    state = init_state(rng, settings, x.shape[2], len(corpus.classes))
    if resume:
        restore(state, resume, rng)
    fits = [*state["params"]["bimodal"], TRIMODAL]
    for fit in fits[fits.index(state["fit"]):]:
        if fit != state["fit"]:
            begin(state, fit)
        inputs = inputs_of(state, x, corpus.starts, settings)
        while not is_over(state):
            row = train_one_epoch(state, inputs, data, rng)
            state["generator"] = rng.bit_generator.state
            if on_epoch:
                on_epoch(row)
            if on_checkpoint:
                on_checkpoint(state)
        if fit != TRIMODAL:
            keep_projections(state, fit)
    params = {"bimodal": fitted_pairs(state), "trimodal": state["params"]["trimodal"]}
    probabilities = predict_proba(params, corpus, x, settings)[corpus.utterances("test")]
    return {"params": params, "probabilities": probabilities, "epoch": len(state["history"]),
            "history": state["history"]}


def stopping_videos(corpus):
    """The validation videos; none, and a notice, where the validation split cannot be trusted."""
    reason = reason_for_distrust(corpus)
    if reason is None:
        return corpus.split["validation"]
    notice(f"CHFusion trains for {BIMODAL_EPOCHS} epochs per pair and does not stop by the "
           f"validation split: {reason}")
    return corpus.split["validation"][:0]


def init_state(rng, settings, d, N):
    """All that changes from epoch to epoch, as one tree, at the beginning of the first fit.

    ``projections`` holds, for each pair, the projections with which its F is read out.
    """
    params = nn.cast(init_params(rng, settings.modality_list, d, N), settings.dtype)
    state = {"params": params, "projections": {}, "history": []}
    for pair in params["bimodal"]:
        keep_projections(state, pair)
    first, *_ = params["bimodal"]
    begin(state, first)
    return state


def begin(state, fit):
    """Begin a fit, which is the name of a pair or `TRIMODAL`."""
    state["fit"] = fit
    state["optimiser"] = nn.init_adam(params_of(state["params"], fit))


def restore(state, resume, rng):
    """Put a state of training back. Raises ModelError if a part is missing or of another shape."""
    fit = resume.get("fit")
    if fit not in (*state["params"]["bimodal"], TRIMODAL):
        raise ModelError(f"not a whole checkpoint: fit is {fit}")
    begin(state, fit)
    protocols.restore(state, resume, rng)


def params_of(params, fit):
    """What a fit changes: a tree that shares its arrays with ``params``, of `init_params`."""
    if fit == TRIMODAL:
        return params["trimodal"]
    return shared_projections(params, fit) | params["bimodal"][fit]


def shared_projections(params, pair):
    """The projections that a pair shares with others, under the names of `bimodal_features`."""
    m, n = pairs_of(params["projections"])[pair]
    return {"m": params["projections"][m], "n": params["projections"][n]}


def keep_projections(state, pair):
    """Copy the projections of a pair, since the fits of later pairs change them."""
    shared = shared_projections(state["params"], pair)
    state["projections"][pair] = nn.map_leaves(np.copy, shared)


def fitted_pairs(state):
    """The parameters of all pairs, as `bimodal_features` needs them."""
    fitted = {}
    for pair, params in state["params"]["bimodal"].items():
        fitted[pair] = state["projections"][pair] | params
    return fitted


def inputs_of(state, x, starts, settings):
    """What the present fit reads: the features (n, 2, d) of a pair, or F (n, pairs, 500)."""
    if state["fit"] == TRIMODAL:
        return level_1(fitted_pairs(state), x, starts, settings)
    pair = pairs_of(settings.modality_list)[state["fit"]]
    return of_modalities(x, pair, settings)


def is_over(state):
    """Whether the present fit has had all its epochs, or is out of patience."""
    rows = [row for row in state["history"] if row["fit"] == state["fit"]]
    if state["fit"] == TRIMODAL:
        return len(rows) >= TRIMODAL_EPOCHS
    return len(rows) >= BIMODAL_EPOCHS or is_out_of_patience(rows)


def train_one_epoch(state, inputs, data, rng):
    """One epoch of the present fit, in place on ``state``; returns the row of the history.

    Arguments
        - inputs: of `inputs_of`.
        - data: ``y`` (n, N), ``starts`` (V + 1,), and the indices of the videos for ``train`` and
          for ``validation``.
    """
    row = {"epoch": len(state["history"]) + 1, "fit": state["fit"]}
    row["loss"] = train_epoch(state, inputs, data, rng)
    if len(data["validation"]):
        row["validation_loss"] = validation_loss(state, inputs, data)
    for name in ("loss", "validation_loss"):
        if not np.isfinite(row.get(name, 0)):
            raise NotFiniteError(f"epoch {row['epoch']}, fit {row['fit']}: {name} is {row[name]}")
    state["history"].append(row)
    return row


def train_epoch(state, inputs, data, rng):
    """One pass over the training videos, in place on ``state``; returns the mean loss."""
    params, logits = params_of(state["params"], state["fit"]), logits_of(state["fit"])
    lr = TRIMODAL_LR if state["fit"] == TRIMODAL else BIMODAL_LR

    def loss(params, videos):
        x, mask = pad(inputs, data["starts"], videos)
        y, _ = pad(data["y"], data["starts"], videos)
        return cross_entropy(logits(params, x, mask, rng), y, mask)

    def step(params, gradients):
        nn.adam(state["optimiser"], params, gradients, lr)

    batches = batches_of(data["train"], BATCH_SIZE, rng)
    return train_batches(params, loss, batches, step)


def validation_loss(state, inputs, data):
    """Cross-entropy per utterance of the validation videos, without dropout."""
    params, logits = params_of(state["params"], state["fit"]), logits_of(state["fit"])
    starts, videos = data["starts"], data["validation"]
    z = apply(logits, params, inputs, starts, videos)  # (n_validation, N)
    y = unpad(*pad(data["y"], starts, videos))
    return -float(np.sum(ops.log_softmax(z) * y)) / len(y)


def logits_of(fit):
    """The function that gives a fit its logits."""
    return trimodal_logits if fit == TRIMODAL else bimodal_logits

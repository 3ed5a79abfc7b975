"""Figure 1, the parts put together: parameters of the whole network, and a pass through it."""

import numpy as np

from .. import nn
from ..nn import ops
from .fusions_table6 import STRATEGIES
from .joint_embedding_eq1_9 import (
    classify,
    decode,
    discriminate,
    encode,
    init_classifier,
    init_decoders,
    init_discriminator,
    init_encoders,
)


def init_model(rng, d, k, N, dtype="float32", modalities=3, fusion="gfn", variant="paper"):
    """Parameters of ARGF in groups; an update changes a list of groups.

    Arguments
        - d, k, N: widths of the features and of the embedding, number of classes.
        - fusion: one of `fusions_table6.STRATEGIES`; "gfn" is the paper's graph.
        - variant: "released" draws weights and biases as PyTorch does (D19).
    Returns a dict of trees: encoders, decoders, discriminator, classifier, fusion.
    """
    groups = {
        "encoders": init_encoders(rng, modalities, d, k),
        "decoders": init_decoders(rng, modalities, d, k),
        "discriminator": init_discriminator(rng, k),
        "classifier": init_classifier(rng, k, N),
    }
    if variant == "released":
        groups = nn.redraw_as_pytorch(rng, groups)
    # The fusion is last, so that with one seed all else is equal for every strategy.
    groups["fusion"] = STRATEGIES[fusion].init(rng, modalities, k, N, variant)
    if variant == "released":
        groups["fusion"] = nn.redraw_as_pytorch(rng, groups["fusion"])
    return nn.cast(groups, dtype)


def embed(params, x, drop_rate=0.0, rng=None):
    """The embedding x_e (m, B, k) of x (m, B, d), Eq. 1; x itself in a model without encoders."""
    if "encoders" not in params:
        return x
    return encode(params["encoders"], x, drop_rate, rng)


def forward(params, x, variant="paper", fusion="gfn", drop_rate=0.0, rng=None):
    """One pass through the whole network (Figure 1).

    Arguments
        - params: of `init_model` or `evaluation_params`; each group but the fusion may be absent.
        - x (m, B, d): features.
        - fusion: the strategy that ``params["fusion"]`` belongs to.
        - drop_rate, rng: dropout in encoders, decoders and classifier. A fusion strategy has a
          drop rate of its own. rng None means no dropout at all. The updates take
          `updates.inner_drop_rate` for decoders and classifier, which differs in "released".
    Returns a dict of every named intermediate, without those of absent groups
        - x_e (m, B, k): Eq. 1.
        - z (m, B, 1): the discriminator's logits; D (m, B, 1): their sigmoid.
        - x_tilde (m, B, d): Eq. 5.
        - y_tilde (m, B, N): Eq. 7.
        - M (B, N): Eq. 16, and the other outputs of the strategy; see `graph_fusion`.
    """
    out = {"x_e": embed(params, x, drop_rate, rng)}
    if "discriminator" in params:
        out["z"] = discriminate(params["discriminator"], out["x_e"])
        out["D"] = ops.sigmoid(out["z"])
    if "decoders" in params:
        out["x_tilde"] = decode(params["decoders"], out["x_e"], drop_rate, rng)
    if "classifier" in params:
        out["y_tilde"] = classify(params["classifier"], out["x_e"], drop_rate, rng)
    decide = STRATEGIES[fusion].decide
    return out | decide(params["fusion"], out["x_e"], variant, rng)


def predict(params, x, variant="paper", fusion="gfn", drop_rate=0.0, rng=None):
    """Class probabilities M (B, N) of x (m, B, d). Only the encoders and the fusion are used.

    Arguments: as those of `forward`.
    """
    x_e = embed(params, x, drop_rate, rng)
    return STRATEGIES[fusion].decide(params["fusion"], x_e, variant, rng)["M"]


def predict_in_chunks(params, x, variant="paper", fusion="gfn", chunk=256):
    """Class probabilities M (B, N) of x (m, B, d), as `predict` gives them, in less memory.

    Arguments
        - params: of `evaluation_params`, with which an utterance does not depend on the others.
        - chunk: how many utterances are passed through the network at a time.
        - the others: as those of `forward`.
    """
    parts = []
    for start in range(0, max(1, x.shape[1]), chunk):  # no utterances at all: one empty part
        some = x[:, start:start + chunk]
        parts.append(predict(params, some, variant, fusion))
    return np.concatenate(parts)


def evaluation_params(params, x, variant="paper", fusion="gfn", rows=None, chunk=512):
    """Parameters for evaluation: batch norm uses the statistics of the training utterances.

    Arguments
        - x (m, n, d): features.
        - rows: indices of the training utterances; all n by default.
        - chunk: how many utterances are passed through the network at a time. The variance of a
          batch norm is the mean of those within the chunks, each of consecutive rows.
    """
    rows = np.arange(x.shape[1]) if rows is None else rows
    batches = []
    for start in range(0, len(rows), chunk):
        batches.append(rows[start:start + chunk])

    def run(params, batch):
        forward(params, x[:, batch], variant, fusion)

    return nn.batch_norm_statistics(params, run, batches)

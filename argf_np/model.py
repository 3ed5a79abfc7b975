"""The parts put together: parameters of the whole network, and one pass through all of it."""

import numpy as np

from . import nn
from .embedding_eq1_5_7 import (
    classify,
    decode,
    discriminate,
    encode,
    init_classifier,
    init_decoders,
    init_discriminator,
    init_encoders,
)
from .fusion import FUSIONS, fuse
from .nn import ops

MODALITIES = ("a", "l", "v")  # acoustic, language, visual: the paper's


def init_model(rng, d, k, N, dtype="float32", modalities=3, fusion="gfn"):
    """Parameters of ARGF (Figure 3) in groups, each packed into one buffer: an update moves a list of groups.

    The group of the fusion strategy has its name in `FUSIONS`: "gfn" for the paper's.
    """
    groups = {
        "encoders": init_encoders(rng, modalities, d, k),
        "decoders": init_decoders(rng, modalities, d, k),
        "discriminator": init_discriminator(rng, k),
        "classifier": init_classifier(rng, k, N),
        fusion: FUSIONS[fusion].init(rng, modalities, k, N),
    }
    return nn.cast(groups, dtype)


def embed(params, x, drop_rate=0.0, rng=None):
    """The embedding x_e (3, B, k) of x (3, B, d) by Eq. 1; x itself for a model without encoders."""
    return encode(params["encoders"], x, drop_rate, rng) if "encoders" in params else x


def forward(params, x, variant="paper", drop_rate=0.0, rng=None):
    """One pass through the whole network (Figure 1).

    Arguments: params of `init_model` or `evaluation_params`; x (3, B, d); rng None: no dropout.
    Returns a dict of every named intermediate: ``x_e`` (3, B, k) Eq. 1; ``z`` (3, B, 1) the discriminator's logits and
    ``D`` their sigmoid; ``x_tilde`` (3, B, d) Eq. 5; ``y_tilde`` (3, B, N) Eq. 7; all that the fusion strategy gives,
    for the paper's all of `gfn.graph_fusion`; ``M`` (B, N) Eq. 16. What belongs to a group that is not there is left
    out.
    """
    out = {"x_e": embed(params, x, drop_rate, rng)}
    if "discriminator" in params:
        out["z"] = discriminate(params["discriminator"], out["x_e"])
        out["D"] = ops.sigmoid(out["z"])
    if "decoders" in params:
        out["x_tilde"] = decode(params["decoders"], out["x_e"], drop_rate, rng)
    if "classifier" in params:
        out["y_tilde"] = classify(params["classifier"], out["x_e"], drop_rate, rng)
    return out | fuse(params, out["x_e"], variant)


def predict(params, x, variant="paper", drop_rate=0.0, rng=None, chunk=None):
    """Class probabilities M (B, N) of x (3, B, d): the encoders and the fusion only.

    With evaluation parameters, ``chunk`` utterances at a time give the same in less memory, which is also faster.
    """
    if chunk:
        starts = range(0, max(1, x.shape[1]), chunk)  # of no utterances at all, no predictions
        return np.concatenate([predict(params, x[:, start:start + chunk], variant) for start in starts])
    return fuse(params, embed(params, x, drop_rate, rng), variant)["M"]


def evaluation_params(params, x, variant="paper", rows=None, chunk=512):
    """Parameters for evaluation: batch norm uses the statistics of the training utterances (`nn.batch_norm_statistics`).

    Arguments: x (3, n, d); rows: numbers of the training utterances, by default all; chunk: how many at a time.
    """
    rows = np.arange(x.shape[1]) if rows is None else rows
    chunks = [rows[start:start + chunk] for start in range(0, len(rows), chunk)]
    return nn.batch_norm_statistics(params, lambda p, some: forward(p, x[:, some], variant), chunks)

"""The parts put together: parameters of the whole network, and one pass through all of it."""

import numpy as np

from . import gfn_eq10_16 as gfn
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
from .nn import ops

MODALITIES = gfn.UNIMODAL


def init_model(rng, d, k, N, dtype="float32"):
    """Parameters of ARGF in groups, each packed into one buffer: what an update moves is a list of group names."""
    groups = {
        "encoders": init_encoders(rng, len(MODALITIES), d, k),
        "decoders": init_decoders(rng, len(MODALITIES), d, k),
        "discriminator": init_discriminator(rng, k),
        "classifier": init_classifier(rng, k, N),
        "gfn": gfn.init_gfn(rng, k, N),
    }
    return {name: nn.pack(group, dtype) for name, group in groups.items()}


def forward(params, x, variant="paper", drop_rate=0.0, rng=None):
    """One pass through the whole network.

    Arguments: params of `init_model` or `evaluation_params`; x (3, B, d); rng None: no dropout.
    Returns a dict of every named intermediate: ``x_e`` (3, B, k) Eq. 1; ``z`` (3, B, 1) the discriminator's logits and
    ``D`` their sigmoid; ``x_tilde`` (3, B, d) Eq. 5; ``y_tilde`` (3, B, N) Eq. 7; all of `gfn.graph_fusion`; ``M``
    (B, N) Eq. 16.
    """
    x_e = encode(params["encoders"], x, drop_rate, rng)
    z = discriminate(params["discriminator"], x_e)
    graph = gfn.graph_fusion(params["gfn"], x_e, variant)
    return {
        "x_e": x_e,
        "z": z,
        "D": ops.sigmoid(z),
        "x_tilde": decode(params["decoders"], x_e, drop_rate, rng),
        "y_tilde": classify(params["classifier"], x_e, drop_rate, rng),
        **graph,
        "M": gfn.decide(params["gfn"]["Dec"], graph["Omega"]),
    }


def predict(params, x, variant="paper", drop_rate=0.0, rng=None, chunk=None):
    """Class probabilities M (B, N) of x (3, B, d): the encoders and the graph fusion network only.

    With evaluation parameters, ``chunk`` utterances at a time give the same in less memory, which is also faster.
    """
    if chunk:
        starts = range(0, x.shape[1], chunk)
        return np.concatenate([predict(params, x[:, start:start + chunk], variant) for start in starts])
    x_e = encode(params["encoders"], x, drop_rate, rng)
    return gfn.decide(params["gfn"]["Dec"], gfn.graph_fusion(params["gfn"], x_e, variant)["Omega"])


def evaluation_params(params, x, variant="paper", rows=None, chunk=512):
    """Parameters for evaluation: batch norm uses the statistics of the training utterances (`nn.freeze`).

    Arguments: x (3, n, d); rows: numbers of the training utterances, by default all; chunk: how many at a time.
    """
    rows = np.arange(x.shape[1]) if rows is None else rows
    chunks = [rows[start:start + chunk] for start in range(0, len(rows), chunk)]
    return nn.freeze(params, lambda p, some: forward(p, x[:, some], variant), chunks)

r"""The four updates of a batch.

Each update has its own loss, changes its own groups of parameters and keeps its own moments of Adam
(D6, D7):

    embedding       lambda L_fal + (1 - lambda) L_rl    encoders, decoders
    discriminator   0.5 L_tal                           discriminator
    classifier      L_cl                                encoders, classifier
    fusion          mean square error of M (D7)         fusion; in the paper's variant, which trains
                                                        "end to end", the encoders too

The activations that the updates see (D6): with ``settings.activations == "first"`` all gradients of
a batch are taken at the parameters with which the batch began, from one pass through the encoders.
With "fresh" each update runs the encoders again and sees what the updates before it have changed.
"""

import autograd.numpy as np

from .. import nn
from ..errors import NotFiniteError
from ..nn import ops
from . import joint_embedding_eq1_9 as embedding
from .fusions_table6 import STRATEGIES
from .graph_fusion_eq10_16 import fusion_loss
from .model import embed, init_model

GROUPS = {
    "paper": {
        "embedding": ("encoders", "decoders"),
        "discriminator": ("discriminator",),
        "classifier": ("encoders", "classifier"),
        "fusion": ("encoders", "fusion"),
    },
    "released": {
        "embedding": ("encoders", "decoders"),
        "classifier": ("encoders", "classifier"),
        "discriminator": ("discriminator",),
        "fusion": ("fusion",),
    },
}
BETAS = (0.5, 0.999)  # of Adam, D13


def embedding_update_loss(params, x_e, x, y, settings, rng):
    """The sources deceive the discriminator, and the decoders reconstruct x.

    An ablation leaves out one of the two.
    """
    L_fal = L_rl = 0
    if "discriminator" in params:
        z = embedding.discriminate(params["discriminator"], x_e)
        w = adversarial_weight(params)
        L_fal = embedding.fake_adversarial_loss(z, settings.target_row, w)
    if "decoders" in params:
        x_tilde = embedding.decode(params["decoders"], x_e, inner_drop_rate(settings), rng)
        L_rl = embedding.reconstruction_loss(x_tilde, x, settings.variant)
    return embedding.embedding_term(L_fal, L_rl, settings.lambda_)


def discriminator_update_loss(params, x_e, x, y, settings, rng):
    """The discriminator distinguishes the target modality from the sources."""
    z = embedding.discriminate(params["discriminator"], x_e)
    w = adversarial_weight(params)
    L_tal = embedding.true_adversarial_loss(z, settings.target_row, w)
    return embedding.discriminator_term(L_tal)


def classifier_update_loss(params, x_e, x, y, settings, rng):
    """Each modality alone predicts the label."""
    y_tilde = embedding.classify(params["classifier"], x_e, inner_drop_rate(settings), rng)
    return embedding.classification_loss(y_tilde, y, settings.variant)


def fusion_update_loss(params, x_e, x, y, settings, rng):
    """The fused modalities predict the label."""
    decide = STRATEGIES[settings.fusion].decide
    M = decide(params["fusion"], x_e, settings.variant, rng)["M"]
    return fusion_loss(M, y, settings.variant)


LOSSES = {
    "embedding": embedding_update_loss,
    "discriminator": discriminator_update_loss,
    "classifier": classifier_update_loss,
    "fusion": fusion_update_loss,
}


def inner_drop_rate(settings):
    """Drop rate of decoders and classifier: released, always 0.5 (D18)."""
    return 0.5 if settings.variant == "released" else settings.drop_rate


def weight_decay(settings):
    """Weight decay as Adam gets it: in the paper's variant divided by the batch size (D20).

    The number of the settings is meant for losses that are sums over the batch, as in the released
    code. The paper's variant has means, which are smaller by a factor of the batch size.
    """
    if settings.variant == "released":
        return settings.weight_decay
    return settings.weight_decay / settings.batch_size


def adversarial_weight(params):
    """w of Eq. 3 and 4: 1, or e^log_w where it is learnt (D1)."""
    if "w" not in params:
        return 1.0
    return np.exp(params["w"]["log_w"][0])


def updates_of(settings):
    """``{update: groups that it changes}`` in the order of the steps.

    An ablation of Table 5 leaves out the update, or the group, of the part that it removes. A
    learnt w is changed by the first update.
    """
    updates = dict(GROUPS[settings.variant])
    if settings.without == "embedding":
        return {"fusion": ("fusion",)}
    if settings.without == "adversarial":
        del updates["discriminator"]
    if settings.without == "classifier":
        del updates["classifier"]
    if settings.without == "decoder":
        updates["embedding"] = ("encoders",)
    if settings.learn_w and "discriminator" in updates:
        updates["embedding"] += ("w",)
    return updates


def init_params(rng, d, N, settings, modalities):
    """Parameters of the groups that some update changes.

    With one seed, all ablations begin with equal parameters.
    """
    k = d if settings.without == "embedding" else settings.k
    params = init_model(rng, d, k, N, settings.dtype, modalities, settings.fusion,
                        settings.variant)
    params["w"] = nn.cast({"log_w": np.zeros(1)}, settings.dtype)
    changed = set().union(*updates_of(settings).values())
    return {group: tree for group, tree in params.items() if group in changed}


def init_optimisers(params, settings):
    """Moments of Adam for each group of each update: ``{update: {group: state}}``."""
    optimisers = {}
    for update, groups in updates_of(settings).items():
        optimisers[update] = {}
        for group in groups:
            optimisers[update][group] = nn.init_adam(params[group])
    return optimisers


def batch_gradients(params, x, y, updates, settings, rng):
    r"""Losses and gradients of some updates on one batch.

    Backpropagation in two halves. First, the gradient of each loss with respect to $x^e$ and to the
    parameters behind the encoders that this update changes. Second, all these $dL/dx^e$ go
    backwards through the encoders together. So no update computes a gradient that it does not use.

    Arguments
        - x (m, B, d): features.
        - y (B, N): one-hot labels.
        - updates: ``{update: groups}``, of `updates_of`.
    Returns ``{update: loss}`` and ``{update: {group: tree of gradients}}``.
    """
    encoders = {}
    if "encoders" in params:
        encoders["encoders"] = params["encoders"]

    def run_encoders(encoders):
        return embed(encoders, x, settings.drop_rate, rng)

    x_e, pullback = nn.vjp(run_encoders, encoders)
    values, gradients = {}, {}
    for update, groups in updates.items():
        behind = {group: params[group] for group in groups if group != "encoders"}
        if "encoders" in groups:
            behind["x_e"] = x_e

        def loss(behind, update=update):
            encoded = behind.get("x_e", x_e)
            return LOSSES[update](params | behind, encoded, x, y, settings, rng)

        values[update], gradients[update] = nn.value_and_grad(loss, behind)

    to_encoders = [gradient for gradient in gradients.values() if "x_e" in gradient]
    if to_encoders:
        cotangents = [gradient.pop("x_e") for gradient in to_encoders]
        for gradient, of_encoders in zip(
                to_encoders, ops.pull_each(pullback, cotangents), strict=True):
            gradient |= of_encoders
    return values, gradients


def train_batch(params, optimisers, x, y, settings, rng):
    """The updates of one batch, in place on ``params`` and ``optimisers``.

    Arguments: x (m, B, d), y (B, N) one-hot. Returns ``{update: loss}``.
    Raises NotFiniteError where a loss is infinite or NaN. With "fresh" activations, the updates
    before that one have been made by then.
    """
    updates = updates_of(settings)
    stages = [updates]
    if settings.activations == "fresh":
        stages = [{update: groups} for update, groups in updates.items()]
    decay = weight_decay(settings)
    losses = {}
    for stage in stages:
        values, gradients = batch_gradients(params, x, y, stage, settings, rng)
        for update, value in values.items():
            if not np.isfinite(value):
                raise NotFiniteError(f"the loss of the update {update} is {value}")
        for update in stage:
            for group, gradient in gradients[update].items():
                state = optimisers[update][group]
                # On log w, decay would be a pull towards w = 1, against the descent of D1.
                of_group = 0.0 if group == "w" else decay
                nn.adam(state, params[group], gradient, settings.lr, BETAS, weight_decay=of_group)
        losses |= values
    return losses

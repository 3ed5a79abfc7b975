r"""Training: the four updates of a batch, the epochs, and the protocol that says which parameters count.

Each update has its own loss, moves its own groups of parameters and keeps its own Adam moments (D6, D7):

    embedding       lambda L_fal + (1 - lambda) L_rl    encoders, decoders
    discriminator   0.5 L_tal                           discriminator
    classifier      L_cl                                encoders, classifier
    fusion          mean square error                   gfn; in the paper's variant ("end to end") the encoders too

Which activations a step sees (D6): with ``activations="first"`` all gradients of a batch are taken at the parameters
with which the batch began, from one pass through the encoders, and then the updates step in their order, which so
matters for weight decay alone; with "fresh" each update runs the encoders anew, with what those before it have changed.
"""

import autograd.numpy as np

from . import label_shift, nn
from . import losses_eq2_3_4_6_8_9 as losses
from .embedding_eq1_5_7 import classify, decode, discriminate
from .errors import NotFiniteError
from .fusion import fuse
from .model import embed, evaluation_params, forward, init_model, predict
from .nn import ops
from .support.archive import restore
from .support.finite import require_finite, require_finite_params, steps_done

UPDATES = {
    "paper": {
        "embedding": ("encoders", "decoders"),
        "discriminator": ("discriminator",),
        "classifier": ("encoders", "classifier"),
        "fusion": ("encoders", "gfn"),
    },
    "released": {
        "embedding": ("encoders", "decoders"),
        "classifier": ("encoders", "classifier"),
        "discriminator": ("discriminator",),
        "fusion": ("gfn",),
    },
}
BETAS = (0.5, 0.999)  # of Adam, D13
AVERAGE_DECAY = 0.8  # of the average over epochs, protocol "fixed"
CHUNK = 4096  # utterances whose activations are in memory together


def embedding_loss(params, x_e, x, y, settings, rng):
    """The sources fool the discriminator, and the decoders give back x; each unless an ablation is without it."""
    L_fal = L_rl = 0
    if "discriminator" in params:
        z = discriminate(params["discriminator"], x_e)
        L_fal = losses.fake_adversarial_loss(z, settings.target_row, adversarial_weight(params))
    if "decoders" in params:
        x_tilde = decode(params["decoders"], x_e, settings.drop_rate, rng)
        L_rl = losses.reconstruction_loss(x_tilde, x, settings.variant)
    return losses.embedding_term(L_fal, L_rl, settings.lambda_)


def discriminator_loss(params, x_e, x, y, settings, rng):
    """The discriminator tells the target modality from the sources."""
    return losses.discriminator_term(losses.true_adversarial_loss(
        discriminate(params["discriminator"], x_e), settings.target_row, adversarial_weight(params)))


def classifier_loss(params, x_e, x, y, settings, rng):
    """Each modality alone predicts the label."""
    return losses.classification_loss(
        classify(params["classifier"], x_e, settings.drop_rate, rng), y, settings.variant)


def fusion_loss(params, x_e, x, y, settings, rng):
    """The fused modalities predict the label."""
    return losses.fusion_loss(fuse(params, x_e, settings.variant)["M"], y, settings.variant)


LOSSES = {"embedding": embedding_loss, "discriminator": discriminator_loss, "classifier": classifier_loss,
          "fusion": fusion_loss}


def adversarial_weight(params):
    """w of Eq. 3 and 4: 1, or e^log_w where it is learnt (D1)."""
    return np.exp(params["w"]["log_w"][0]) if "w" in params else 1.0


def updates_of(settings):
    """``{update: groups that it moves}`` in the order of the steps; a learnt w belongs to the first.

    Table 5's ablations leave out the updates, or the groups, of what they are without.
    """
    updates = {update: tuple(settings.fusion if group == "gfn" else group for group in groups)
               for update, groups in UPDATES[settings.variant].items()}
    if settings.without == "embedding":
        return {"fusion": (settings.fusion,)}
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
    """Parameters of the groups that some update moves; of one seed, all ablations begin with equal ones."""
    k = d if settings.without == "embedding" else settings.k
    params = init_model(rng, d, k, N, settings.dtype, modalities, settings.fusion)
    params["w"] = nn.cast({"log_w": np.zeros(1)}, settings.dtype)
    moved = {group for groups in updates_of(settings).values() for group in groups}
    return {group: tree for group, tree in params.items() if group in moved}


def batch_gradients(params, x, y, updates, settings, rng):
    """Losses and gradients of some updates on one batch.

    Arguments: x (3, B, d); y (B, N) one-hot; updates ``{update: groups}``.
    Returns ``{update: loss}`` and ``{update: {group: gradient tree}}``.

    The chain rule is cut at $x^e$: each loss is differentiated by $x^e$ and by the groups it moves behind it, and the
    cotangent of $x^e$ is then pulled back through the encoders. So no update differentiates what it does not move.
    """
    encoders = {group: params[group] for group in ("encoders",) if group in params}
    x_e, pull = nn.vjp(lambda p: embed(p, x, settings.drop_rate, rng), encoders)
    values, gradients = {}, {}
    for update, groups in updates.items():
        cut = {"x_e": x_e} if "encoders" in groups else {}
        behind = {group: params[group] for group in groups if group != "encoders"}
        values[update], gradient = nn.value_and_grad(
            lambda p, update=update: LOSSES[update](params | p, p.get("x_e", x_e), x, y, settings, rng), behind | cut)
        gradients[update] = gradient
    through = [gradient for gradient in gradients.values() if "x_e" in gradient]
    if through:
        for gradient, part in zip(through, ops.pull_each(pull, [g.pop("x_e") for g in through]), strict=True):
            gradient |= part
    return values, gradients


def init_optimisers(params, settings):
    """Adam moments for each group of each update: ``{update: {group: state}}``."""
    return {update: {group: nn.init_adam(params[group]) for group in groups}
            for update, groups in updates_of(settings).items()}


def train_batch(params, optimisers, x, y, settings, rng):
    """The updates of one batch, in place on ``params`` and ``optimisers``. Returns ``{update: loss}``.

    Raises NotFiniteError where a loss is not.
    """
    updates = updates_of(settings)
    stages = [updates] if settings.activations == "first" else [{u: groups} for u, groups in updates.items()]
    values = {}
    for stage in stages:
        stage_values, gradients = batch_gradients(params, x, y, stage, settings, rng)
        require_finite(stage_values, params, optimisers, x, settings.variant)
        values |= stage_values
        for update in stage:
            for group, gradient in gradients[update].items():
                nn.adam(optimisers[update][group], params[group], gradient, settings.lr, BETAS,
                        weight_decay=settings.weight_decay)
    return values


def train_epoch(params, optimisers, x, y, settings, rng, rows=None):
    """One pass over the utterances ``rows`` (by default all) of x (3, n, d), y (n, N) in random batches.

    Returns ``{update: mean loss of the batches}``.
    """
    order = rng.permutation(len(y) if rows is None else rows)
    batches = [order[start:start + settings.batch_size] for start in range(0, len(order), settings.batch_size)]
    try:
        values = [train_batch(params, optimisers, x[:, batch], y[batch], settings, rng) for batch in batches]
        require_finite_params(params, optimisers)
    except NotFiniteError as error:
        epoch, batch = divmod((error.step or steps_done(optimisers) + 1) - 1, len(batches))
        raise NotFiniteError(f"epoch {epoch + 1}, batch {batch + 1} of {len(batches)}, {error}") from None
    return {update: float(np.mean([value[update] for value in values])) for update in values[0]}


def evaluate(params, x, y, settings):
    """All losses that there are (Eq. 2 to 9, the fusion loss) and the accuracy on x (3, n, d), y (n, N), as floats.

    ``params`` of `model.evaluation_params`; nothing is dropped.
    """
    parts = [forward(params, x[:, start:start + CHUNK], settings.variant) for start in range(0, x.shape[1], CHUNK)]
    out = {name: np.concatenate([part[name] for part in parts], axis=-2) for name in ("z", "x_tilde", "y_tilde", "M")
           if name in parts[0]}
    values = {}
    if "z" in out:
        target, w = settings.target_row, adversarial_weight(params)
        values["L_fal"] = losses.fake_adversarial_loss(out["z"], target, w)
        values["L_tal"] = losses.true_adversarial_loss(out["z"], target, w)
        values["L_al"] = losses.adversarial_loss(values["L_fal"], values["L_tal"])
    if "x_tilde" in out:
        values["L_rl"] = losses.reconstruction_loss(out["x_tilde"], x, settings.variant)
    if "y_tilde" in out:
        values["L_cl"] = losses.classification_loss(out["y_tilde"], y, settings.variant)
    parts = [values[name] for name in ("L_fal", "L_tal", "L_rl", "L_cl") if name in values]
    if len(parts) == 4:
        values["L"] = losses.total_loss(*parts, settings.lambda_)
    values["fusion"] = losses.fusion_loss(out["M"], y, settings.variant)
    values["accuracy"] = accuracy(out["M"], y)
    return {name: float(value) for name, value in values.items()}


def accuracy(M, y):
    """Share of the utterances whose most probable class M (n, N) is the one-hot label y (n, N)."""
    return float(np.mean(M.argmax(axis=1) == y.argmax(axis=1)))


def fit(x, y, rows, settings, report=lambda row: None, resume=None, keep=lambda state: None):
    """Train ARGF, and pick the parameters as the protocol says.

    fixed: train for all epochs; the parameters are an average over epochs, each weighing 0.8 of the next. No choice is
        made. (The averages of encoders and discriminator need not fit each other: to study D, take "validation".)
    validation: the parameters of the epoch with the lowest fusion loss on the validation utterances.
    transductive: fixed, but the predictions of the test utterances are corrected for the balance of the classes that
        they suggest together (`label_shift.adapt`). It reads all test features at once, and no test label.
    released: what the authors' script reports (D14): the epoch of the best *test* accuracy, with dropout and batch
        statistics left on at test time. It peeks at the test labels, and is there to show what that is worth.

    Arguments
        x: (m, n, d) features of all utterances; y: (n, N) one-hot labels. Test labels are read by "released" alone.
        rows: ``{"train" | "validation" | "test": utterance numbers}``; but for "train", and what the protocol reads,
            they may be empty.
        report: is given each row of the history when its epoch ends.
        keep: is then given the state of training: a tree of arrays and plain values that change in the next epoch.
        resume: such a state, of a call with the same arguments: training goes on from there, to the same bits.
    Returns a dict: ``params`` for evaluation; ``probabilities`` (n_test, N) of the test utterances; the ``epoch``
    chosen; ``history``, a list of dicts: training losses of the four updates, validation losses and accuracy.
    Raises NotFiniteError, one line that says what went bad first, where a loss is infinite or NaN.
    """
    x, y = x.astype(settings.dtype, copy=False), y.astype(settings.dtype, copy=False)
    train, validation, test = rows["train"], rows["validation"], rows["test"]
    rng = np.random.default_rng([settings.seed, 2])
    params = init_params(rng, x.shape[2], y.shape[1], settings, len(x))
    optimisers = init_optimisers(params, settings)
    average = nn.map_leaves(np.copy, params)
    state = {"params": params, "optimisers": optimisers, "average": average, "best": {"merit": -np.inf}, "history": []}
    if resume:
        restore(state, resume)
        rng.bit_generator.state = state["generator"]
    for epoch in range(len(state["history"]) + 1, settings.epochs + 1):
        row = {"epoch": epoch} | train_epoch(params, optimisers, x, y, settings, rng, train)
        average_in(average, params, epoch)
        candidate = params if settings.protocol in ("validation", "released") else average
        frozen = evaluation_params(candidate, x, settings.variant, train)
        scores = evaluate(frozen, x[:, validation], y[validation], settings) if len(validation) else {}
        row |= {f"validation_{name}": value for name, value in scores.items()}
        probabilities, merit = None, epoch
        if settings.protocol == "validation":
            merit = -scores["fusion"]
        elif settings.protocol == "released":
            probabilities = predict(params, x[:, test], settings.variant, settings.drop_rate, rng)
            merit = row["test_accuracy"] = accuracy(probabilities, y[test])
        if bad := [name for name, value in row.items() if not np.isfinite(value)]:
            raise NotFiniteError(f"epoch {epoch}: {bad[0]} is {row[bad[0]]}")
        if merit > state["best"]["merit"]:
            state["best"] = {"merit": merit, "epoch": epoch, "params": frozen, "probabilities": probabilities}
        state["history"].append(row)
        state["generator"] = rng.bit_generator.state
        report(row)
        keep(state)
    best = state["best"]
    if best["probabilities"] is None:
        best["probabilities"] = predict(best["params"], x[:, test], settings.variant, chunk=256)
    if settings.protocol == "transductive":
        best["probabilities"] = label_shift.adapt(best["probabilities"], y[train].mean(axis=0))
    return {name: best[name] for name in ("params", "probabilities", "epoch")} | {"history": state["history"]}


def average_in(average, params, epoch):
    """Move the average over epochs towards the parameters of this epoch, in place; its weights always sum to 1."""
    share = (1 - AVERAGE_DECAY) / (1 - AVERAGE_DECAY ** epoch)
    for (_, mean), (_, leaf) in zip(nn.leaves(average), nn.leaves(params), strict=True):
        mean += share * (leaf - mean)

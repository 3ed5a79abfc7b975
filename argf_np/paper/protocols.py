r"""Training: the epochs, and the protocol that says which parameters are kept (D14)."""

import numpy as np

from .. import nn
from ..errors import ModelError, NotFiniteError
from . import joint_embedding_eq1_9 as embedding
from .graph_fusion_eq10_16 import fusion_loss
from .model import evaluation_params, forward, predict, predict_in_chunks
from .updates import adversarial_weight, init_optimisers, init_params, train_batch

AVERAGE_DECAY = 0.8  # of the average over epochs, protocol "fixed"
PATIENCE = 20  # epochs without a lower validation loss, protocol "released"
CHUNK = 4096  # utterances whose activations are in memory together


def train(x, y, rows, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """Train ARGF on the features of all utterances, as ``settings.protocol`` says.

        fixed       an average over a number of epochs that is set beforehand. The default.
        validation  the epoch with the lowest fusion loss on the validation utterances.
        released    the inner loop of the authors' script: the same, but the loss and the test
                    predictions are computed with dropout and batch statistics left on. Training
                    stops 20 epochs after the minimum.
        best_test   the epoch of the best *test* accuracy, in that mode. It peeks: not a result.

    Arguments
        - x (m, n, d): features.
        - y (n, N): one-hot labels. Only "best_test" reads those of the test utterances.
        - rows: ``{"train" | "validation" | "test": indices of utterances}``. Neither
          "train" nor a split that the protocol reads may be empty.
        - on_epoch: called with a row of the history, a dict, when its epoch ends.
        - on_checkpoint: called with the state of training after each epoch.
        - resume: such a state, from a call with the same arguments. Training continues from there
          and gives the same bits.
    Returns a dict: ``params`` for evaluation, ``probabilities`` (n_test, N), the ``epoch`` that was
    chosen, and the ``history``, a list of dicts.
    Raises NotFiniteError where a loss, a score or a parameter becomes infinite or NaN, and
    ModelError if ``resume`` is not a whole state of training.
    """
    x = x.astype(settings.dtype, copy=False)
    y = y.astype(settings.dtype, copy=False)
    rng = np.random.default_rng([settings.seed, 2])
    state = init_state(x, y, settings, rng)
    if resume:
        restore(state, resume, rng)
        if state["history"] and not {"params", "epoch"} <= state["best"].keys():
            raise ModelError("not a whole checkpoint: best/params or best/epoch is missing")
    first = len(state["history"]) + 1
    for epoch in range(first, settings.epochs + 1):
        if settings.protocol == "released" and is_out_of_patience(state, epoch):
            break
        row = train_one_epoch(state, x, y, rows, settings, rng, epoch)
        state["generator"] = rng.bit_generator.state
        if on_epoch:
            on_epoch(row)
        if on_checkpoint:
            on_checkpoint(state)
    best = state["best"]
    if "probabilities" not in best:
        x_test = x[:, rows["test"]]
        best["probabilities"] = predict_in_chunks(best["params"], x_test, settings.variant,
                                                  settings.fusion)
    chosen = {name: best[name] for name in ("params", "probabilities", "epoch")}
    return chosen | {"history": state["history"]}


def is_out_of_patience(state, epoch):
    """Whether the best epoch lies more than `PATIENCE` epochs before this one."""
    best_epoch = state["best"].get("epoch", epoch)
    return epoch > best_epoch + PATIENCE


def restore(state, resume, rng):
    """Put a state of training back. Raises ModelError if a part is missing or of another shape."""
    try:
        nn.restore(state, resume)
        rng.bit_generator.state = state["generator"]
        state["history"] = [*state["history"]]  # the caller's list stays as it is
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"not a whole checkpoint: {error}") from None


def init_state(x, y, settings, rng):
    """All that changes from epoch to epoch, as one tree."""
    modalities, _, d = x.shape
    N = y.shape[1]
    params = init_params(rng, d, N, settings, modalities)
    return {
        "params": params,
        "optimisers": init_optimisers(params, settings),
        "average": nn.map_leaves(np.copy, params),
        "best": {"merit": -np.inf},
        "history": [],
    }


def train_one_epoch(state, x, y, rows, settings, rng, epoch):
    """One epoch, with its scores and the protocol's choice, in place on ``state``.

    Returns the row of the history.
    """
    params = state["params"]
    row = {"epoch": epoch}
    row |= train_epoch(params, state["optimisers"], x, y, settings, rng, rows["train"], epoch)
    update_average(state["average"], params, epoch)
    candidate = state["average"] if settings.protocol == "fixed" else params
    evaluated = evaluation_params(candidate, x, settings.variant, settings.fusion, rows["train"])
    x_validation = x[:, rows["validation"]]
    y_validation = y[rows["validation"]]
    scores = {}
    if len(y_validation):
        scores = evaluate(evaluated, x_validation, y_validation, settings)
    for name, value in scores.items():
        row[f"validation_{name}"] = value

    merit, best = epoch, {"epoch": epoch, "params": evaluated}
    if settings.protocol == "validation":
        merit = -scores["fusion"]
    elif settings.protocol == "released":
        M = predict_in_training_mode(params, x_validation, settings, rng)
        loss = float(fusion_loss(M, y_validation, settings.variant))
        row["validation_loss_in_training_mode"] = loss
        merit = -loss
    elif settings.protocol == "best_test":
        x_test = x[:, rows["test"]]
        best["probabilities"] = predict_in_training_mode(params, x_test, settings, rng)
        row["test_accuracy"] = accuracy(best["probabilities"], y[rows["test"]])
        merit = row["test_accuracy"]
    for name, value in row.items():
        if not np.isfinite(value):
            raise NotFiniteError(f"epoch {epoch}: {name} is {value}")
    if merit > state["best"]["merit"]:
        if settings.protocol == "released":
            x_test = x[:, rows["test"]]
            own = np.random.default_rng([settings.seed, 4])  # training does not depend on the test
            best["probabilities"] = predict_in_training_mode(params, x_test, settings, own)
        state["best"] = best | {"merit": merit}
    state["history"].append(row)
    return row


def predict_in_training_mode(params, x, settings, rng):
    """Class probabilities (n, N) of x (m, n, d) as one batch, with dropout and batch statistics."""
    return predict(params, x, settings.variant, settings.fusion, settings.drop_rate, rng)


def train_epoch(params, optimisers, x, y, settings, rng, rows=None, epoch=1):
    """One pass over some utterances in random batches, in place on ``params``.

    Arguments
        - params, optimisers: of `updates.init_params` and `updates.init_optimisers`.
        - x (m, n, d): features.
        - y (n, N): one-hot labels.
        - rows: indices of the utterances; all n by default.
        - epoch: its number, for error messages.
    Returns ``{update: mean loss of the batches}``.
    Raises NotFiniteError where a loss or a parameter becomes infinite or NaN.
    """
    order = rng.permutation(len(y) if rows is None else rows)
    batches = []
    for start in range(0, len(order), settings.batch_size):
        batches.append(order[start:start + settings.batch_size])
    losses = []
    for number, batch in enumerate(batches, 1):
        try:
            loss = train_batch(params, optimisers, x[:, batch], y[batch], settings, rng)
            losses.append(loss)
        except NotFiniteError as error:
            raise NotFiniteError(f"epoch {epoch}, batch {number} of {len(batches)}: {error}; "
                                 "--check-finite names the operation") from None
    for path, leaf in nn.leaves(params):
        if not np.isfinite(leaf).all():
            raise NotFiniteError(f"epoch {epoch}: {'/'.join(path)} is not finite; "
                                 "--check-finite names the operation")
    means = {}
    for update in losses[0]:
        of_batches = [loss[update] for loss in losses]
        means[update] = float(np.mean(of_batches))
    return means


def update_average(average, params, epoch):
    """Move the average over epochs towards ``params``, in place; its weights always sum to 1."""
    share = (1 - AVERAGE_DECAY) / (1 - AVERAGE_DECAY ** epoch)
    means = dict(nn.leaves(average))
    for path, leaf in nn.leaves(params):
        mean = means[path]
        mean += share * (leaf - mean)


def evaluate(params, x, y, settings):
    """All losses that there are (Eq. 2 to 9, the fusion loss) and the accuracy, as floats.

    Arguments: params of `evaluation_params`; x (m, n, d); y (n, N) one-hot. Nothing is dropped.
    """
    parts = []
    for start in range(0, x.shape[1], CHUNK):
        some = x[:, start:start + CHUNK]
        parts.append(forward(params, some, settings.variant, settings.fusion))
    out = {}
    for name in ("z", "x_tilde", "y_tilde", "M"):
        if name in parts[0]:
            arrays = [part[name] for part in parts]
            out[name] = np.concatenate(arrays, axis=-2)
    losses = {}
    if "z" in out:
        target, w = settings.target_row, adversarial_weight(params)
        losses["L_fal"] = embedding.fake_adversarial_loss(out["z"], target, w)
        losses["L_tal"] = embedding.true_adversarial_loss(out["z"], target, w)
        losses["L_al"] = embedding.adversarial_loss(losses["L_fal"], losses["L_tal"])
    if "x_tilde" in out:
        losses["L_rl"] = embedding.reconstruction_loss(out["x_tilde"], x, settings.variant)
    if "y_tilde" in out:
        losses["L_cl"] = embedding.classification_loss(out["y_tilde"], y, settings.variant)
    if {"L_fal", "L_rl", "L_cl"} <= losses.keys():
        losses["L"] = embedding.total_loss(losses["L_fal"], losses["L_tal"], losses["L_rl"],
                                           losses["L_cl"], settings.lambda_)
    losses["fusion"] = fusion_loss(out["M"], y, settings.variant)
    losses["accuracy"] = accuracy(out["M"], y)
    return nn.map_leaves(float, losses)


def accuracy(M, y):
    """Share of the utterances whose most probable class is the label: M, y (n, N)."""
    return float(np.mean(M.argmax(axis=1) == y.argmax(axis=1)))

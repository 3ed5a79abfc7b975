"""Numbers that become infinite or NaN stop the training, which says where it began."""

from dataclasses import replace

import numpy as np
import pytest

from argf_np import nn, train
from argf_np.commands import checked_operations
from argf_np.errors import NotFiniteError
from argf_np.nn import ops
from argf_np.paper import protocols, updates
from argf_np.settings import Settings
from argf_np.storage import archive

n, d, N = 40, 6, 4
SETTINGS = Settings(k=5, batch_size=8, epochs=3, lr=0.01)
ROWS = {"train": np.arange(25), "validation": np.arange(25, 34), "test": np.arange(34, n)}  # 4 batches an epoch


@pytest.fixture
def task(rng):
    """Features (3, n, d), one-hot labels (n, N) and rows."""
    return rng.standard_normal((3, n, d)), np.eye(N)[rng.integers(N, size=n)], ROWS


@pytest.mark.parametrize("activations", ["first", "fresh"])
@pytest.mark.parametrize(("step", "place"), [(7, "epoch 2, batch 3 of 4"), (4, "epoch 1, batch 4 of 4")])
def test_names_update_epoch_and_batch_and_keeps_the_epochs_before(activations, step, place, task, monkeypatch):
    loss, calls, kept = updates.LOSSES["classifier"], [], []

    def breaks(*arguments):
        calls.append(1)
        return loss(*arguments) * (np.nan if len(calls) == step else 1)

    monkeypatch.setitem(updates.LOSSES, "classifier", breaks)
    with pytest.raises(NotFiniteError) as caught:
        protocols.train(*task, replace(SETTINGS, activations=activations),
                        on_checkpoint=lambda state: kept.append(len(state["history"])))
    assert str(caught.value) == (
        f"{place}: the loss of the update classifier is nan; --check-finite names the operation")
    assert kept == [*range(1, step // 5 + 1)]


def test_broken_features_are_found_at_once(task):
    x, y, rows = task
    x[1, 3, 2] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(NotFiniteError, match=(
            r"^epoch 1, batch \d of 4: the loss of the update \w+ is nan; --check-finite names the operation$")):
        protocols.train(x, y, rows, SETTINGS)


def test_a_parameter_that_breaks_in_the_last_batch_is_found(task, monkeypatch):
    """No loss of this epoch sees it."""
    train_batch, calls = updates.train_batch, []

    def breaks(params, *rest):
        losses = train_batch(params, *rest)
        calls.append(1)
        if len(calls) == 4:
            params["decoders"]["dense_2"]["W"][1, 2, 3] = np.inf
        return losses

    monkeypatch.setattr(protocols, "train_batch", breaks)
    with pytest.raises(NotFiniteError, match=(
            "^epoch 1: decoders/dense_2/W is not finite; --check-finite names the operation$")):
        protocols.train(*task, SETTINGS)


def test_validation_loss_stops_too(task, monkeypatch):
    evaluate = protocols.evaluate
    monkeypatch.setattr(protocols, "evaluate", lambda *arguments: evaluate(*arguments) | {"L_rl": np.inf})
    with pytest.raises(NotFiniteError, match=r"^epoch 1: validation_L_rl is inf$"):
        protocols.train(*task, SETTINGS)


def test_command_ends_with_one_line_and_the_last_good_checkpoint(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    flags = ["--source", "synthetic", "--ucln-epochs", "1", "--d", "10", "--k", "8", "--quiet", "--out", str(tmp_path)]
    epochs, train_epoch = [], protocols.train_epoch

    def third_breaks(params, *rest):
        epochs.append(1)
        if len(epochs) == 3:
            params["fusion"]["MAN"]["W"][0] = np.nan
        return train_epoch(params, *rest)

    monkeypatch.setattr(protocols, "train_epoch", third_breaks)
    assert train.main(["--epochs", "5", *flags]) == 2
    *notices, error = capsys.readouterr().err.splitlines()
    assert error == "error: epoch 3, batch 1 of 72: the loss of the update fusion is nan; --check-finite names the operation"
    assert all(line.startswith("notice: ") for line in notices)
    state = archive.read(tmp_path / "checkpoint.npz", "checkpoint")["state"]
    assert [row["epoch"] for row in state["history"]] == [1, 2]
    assert all(np.isfinite(leaf).all() for _, leaf in nn.leaves(state["params"]))


# --check-finite


def test_checked_operations_change_no_bit(task):
    before = {name: getattr(ops, name) for name in ops.NAMES}
    plain = protocols.train(*task, SETTINGS)
    with checked_operations():
        checked = protocols.train(*task, SETTINGS)
    assert plain["history"] == checked["history"]
    assert plain["probabilities"].tobytes() == checked["probabilities"].tobytes()
    assert {name: getattr(ops, name) for name in ops.NAMES} == before


@pytest.mark.parametrize(("function", "what"), [
    (lambda p: ops.sigmoid(p["x"] / 0).sum(), "operation sigmoid: its input"),
    (lambda p: ops.dense_layer({"W": 1e308 * p["W"], "b": p["b"]}, p["x"] + 9, "identity").sum(),
     "operation dense_layer: its output"),
    (lambda p: (ops.softmax(p["x"]) * np.inf).sum(), "operation softmax: the gradient with respect to its output"),
])
def test_check_finite_names_the_operation(function, what, rng, each_implementation):
    params = {"x": rng.uniform(0.1, 1, (5, 3)), "W": rng.uniform(0.1, 1, (3, 4)), "b": np.zeros((1, 4))}
    with np.errstate(all="ignore"), checked_operations(), pytest.raises(NotFiniteError) as caught:
        nn.value_and_grad(function, params)
    assert str(caught.value).startswith(what)
    assert "is not finite" in str(caught.value)


def test_check_finite_is_a_flag_of_the_command(tmp_path, capsys, monkeypatch):
    """A bias of the first layer that is NaN: without the flag this is found by the loss, with it by the layer."""
    init_params = updates.init_params

    def broken(*arguments):
        params = init_params(*arguments)
        params["encoders"]["dense_1"]["b"][0, 0, 3] = np.nan
        return params

    monkeypatch.setattr(protocols, "init_params", broken)
    flags = ["--source", "synthetic", "--epochs", "1", "--ucln-epochs", "1", "--d", "10", "--k", "8", "--quiet"]
    for name, more, message in (("without", [], "batch 1 of 72: the loss of the update embedding is nan; --check-finite names"),
                                ("with", ["--check-finite"], "operation dense_layer: its input of shape (3, 1, 100)")):
        assert train.main([*flags, *more, "--out", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]

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
# Four batches per epoch.
ROWS = {"train": np.arange(25), "validation": np.arange(25, 34), "test": np.arange(34, n)}
HINT = "--check-finite names the operation"


@pytest.fixture
def task(rng):
    """Features (3, n, d), one-hot labels (n, N) and indices of the splits."""
    return rng.standard_normal((3, n, d)), np.eye(N)[rng.integers(N, size=n)], ROWS


def nan_in_call(function, call):
    """The function, whose n-th result is NaN."""
    calls = []

    def breaks(*arguments):
        calls.append(1)
        return function(*arguments) * (np.nan if len(calls) == call else 1)

    return breaks


@pytest.mark.parametrize("update", updates.LOSSES)
@pytest.mark.parametrize("activations", ["first", "fresh"])
@pytest.mark.parametrize(("call", "place", "kept"), [
    (7, "epoch 2, batch 3 of 4", [1]), (4, "epoch 1, batch 4 of 4", [])])
def test_names_update_epoch_and_batch_and_keeps_the_epochs_before(
        update, activations, call, place, kept, task, monkeypatch):
    loss, found = updates.LOSSES[update], []
    monkeypatch.setitem(updates.LOSSES, update, nan_in_call(loss, call))
    settings = replace(SETTINGS, activations=activations)
    with pytest.raises(NotFiniteError) as caught:
        protocols.train(*task, settings,
                        on_checkpoint=lambda state: found.append(len(state["history"])))
    assert str(caught.value) == f"{place}: the loss of the update {update} is nan; {HINT}"
    assert found == kept


def test_features_that_are_not_finite_stop_the_first_epoch(task):
    x, y, rows = task
    x[1, 3, 2] = np.inf
    expected = rf"^epoch 1, batch \d of 4: the loss of the update \w+ is nan; {HINT}$"
    with np.errstate(invalid="ignore"), pytest.raises(NotFiniteError, match=expected):
        protocols.train(x, y, rows, SETTINGS)


def test_a_network_that_overflows_stops(task, monkeypatch):
    """The parameters of the decoders are finite and too large."""
    init_params = updates.init_params

    def large(*arguments):
        params = init_params(*arguments)
        params["decoders"]["dense_2"]["W"][...] = 1e38
        return params

    monkeypatch.setattr(protocols, "init_params", large)
    expected = rf"^epoch 1, batch 1 of 4: the loss of the update embedding is (inf|nan); {HINT}$"
    with np.errstate(over="ignore", invalid="ignore"):
        with pytest.raises(NotFiniteError, match=expected):
            protocols.train(*task, SETTINGS)


def test_a_parameter_that_breaks_in_the_last_batch_is_named(task, monkeypatch):
    """No loss of this epoch sees it."""
    train_batch, calls = updates.train_batch, []

    def breaks(params, *rest):
        losses = train_batch(params, *rest)
        calls.append(1)
        if len(calls) == 4:
            params["decoders"]["dense_2"]["W"][1, 2, 3] = np.inf
        return losses

    monkeypatch.setattr(protocols, "train_batch", breaks)
    with pytest.raises(NotFiniteError) as caught:
        protocols.train(*task, SETTINGS)
    assert str(caught.value) == f"epoch 1: decoders/dense_2/W is not finite; {HINT}"


def test_validation_loss_stops_too(task, monkeypatch):
    evaluate = protocols.evaluate

    def infinite(*arguments):
        return evaluate(*arguments) | {"L_rl": np.inf}

    monkeypatch.setattr(protocols, "evaluate", infinite)
    with pytest.raises(NotFiniteError, match=r"^epoch 1: validation_L_rl is inf$"):
        protocols.train(*task, SETTINGS)


def test_command_ends_with_one_line_and_the_last_good_checkpoint(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    epochs, train_epoch = [], protocols.train_epoch

    def third_breaks(params, *rest):
        epochs.append(1)
        if len(epochs) == 3:
            params["fusion"]["MAN"]["W"][0] = np.nan
        return train_epoch(params, *rest)

    monkeypatch.setattr(protocols, "train_epoch", third_breaks)
    flags = ["--source", "synthetic", "--ucln-epochs", "1", "--d", "10", "--k", "8", "--epochs",
             "5", "--quiet"]
    assert train.main([*flags, "--out", str(tmp_path)]) == 2
    *notices, error = capsys.readouterr().err.splitlines()
    assert error == f"error: epoch 3, batch 1 of 72: the loss of the update fusion is nan; {HINT}"
    assert all(line.startswith("notice: ") for line in notices)
    state = archive.read(tmp_path / "checkpoint.npz", "checkpoint")["state"]
    assert [row["epoch"] for row in state["history"]] == [1, 2]
    assert all(np.isfinite(leaf).all() for _, leaf in nn.leaves(state["params"]))


# --check-finite


@pytest.mark.parametrize("fusion", ["gfn", "tensor"])
def test_checked_operations_change_no_bit(fusion, task):
    before = {name: getattr(ops, name) for name in ops.NAMES}
    settings = replace(SETTINGS, fusion=fusion)
    plain = protocols.train(*task, settings)
    with checked_operations():
        checked = protocols.train(*task, settings)
    assert plain["history"] == checked["history"]
    assert plain["probabilities"].tobytes() == checked["probabilities"].tobytes()
    assert {name: getattr(ops, name) for name in ops.NAMES} == before


def test_after_an_error_the_operations_are_those_of_before():
    before = {name: getattr(ops, name) for name in ops.NAMES}
    with pytest.raises(KeyboardInterrupt), checked_operations():
        raise KeyboardInterrupt
    assert {name: getattr(ops, name) for name in ops.NAMES} == before


def broken_input(p):
    return ops.sigmoid(p["x"] / 0).sum()


def overflow_in_a_layer(p):
    large = {"W": 1e308 * p["W"], "b": p["b"]}
    return ops.dense_layer(large, p["x"] + 9, "identity").sum()


def broken_gradient(p):
    return (ops.softmax(p["x"]) * np.inf).sum()


@pytest.mark.parametrize(("function", "place"), [
    (broken_input, "operation sigmoid: its input of shape (5, 3)"),
    (overflow_in_a_layer, "operation dense_layer: its output of shape (5, 4)"),
    (broken_gradient, "operation softmax: the gradient with respect to its output of shape (5, 3)"),
])
def test_check_finite_names_the_operation(function, place, rng, each_implementation):
    params = {"x": rng.uniform(0.1, 1, (5, 3)), "W": rng.uniform(0.1, 1, (3, 4)),
              "b": np.zeros((1, 4))}
    with np.errstate(all="ignore"), checked_operations(), pytest.raises(NotFiniteError) as caught:
        nn.value_and_grad(function, params)
    assert str(caught.value) == f"{place} is not finite"


@pytest.mark.parametrize(("flags", "message"), [
    ([], f"epoch 1, batch 1 of 72: the loss of the update embedding is nan; {HINT}"),
    (["--check-finite"], "operation dense_layer: its input of shape (3, 1, 100) is not finite"),
], ids=["without", "with"])
def test_check_finite_is_a_flag_of_the_command(flags, message, tmp_path, capsys, monkeypatch):
    """A bias of the first layer is NaN: the loss shows it late, the layer at once."""
    init_params = updates.init_params

    def broken(*arguments):
        params = init_params(*arguments)
        params["encoders"]["dense_1"]["b"][0, 0, 3] = np.nan
        return params

    monkeypatch.setattr(protocols, "init_params", broken)
    flags += ["--source", "synthetic", "--epochs", "1", "--ucln-epochs", "1", "--d", "10", "--k",
              "8", "--quiet", "--out", str(tmp_path)]
    assert train.main(flags) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]

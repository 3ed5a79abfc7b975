"""Training: which update moves what, with which gradient and in which order; the protocols; one seed, one result."""

from dataclasses import replace

import numpy as np
import pytest
from autograd import grad

from argf_np import nn
from argf_np.paper import protocols, updates
from argf_np.paper.joint_embedding_eq1_9 import encode
from argf_np.metrics import scores
from argf_np.paper.model import init_model
from argf_np.settings import Settings
from argf_np.storage import archive

d, k, N, B, n = 6, 5, 4, 8, 40
SETTINGS = Settings(k=k, batch_size=B, epochs=4, drop_rate=0.3, lambda_=0.2, weight_decay=0.0, lr=0.01, dtype="float64")
ROWS = {"train": np.arange(25), "validation": np.arange(25, 34), "test": np.arange(34, n)}
MOVES = {
    "paper": {"embedding": {"encoders", "decoders"}, "discriminator": {"discriminator"},
              "classifier": {"encoders", "classifier"}, "fusion": {"encoders", "fusion"}},
    "released": {"embedding": {"encoders", "decoders"}, "classifier": {"encoders", "classifier"},
                 "discriminator": {"discriminator"}, "fusion": {"fusion"}},
}
each_update = pytest.mark.parametrize(("variant", "update"), [(v, u) for v, _ in MOVES.items() for u in MOVES[v]])
each_variant = pytest.mark.parametrize("variant", MOVES)


@pytest.fixture
def data(rng):
    """Features (3, n, d) in which every modality tells the label, with noise, and labels (n, N) one-hot."""
    labels = rng.integers(N, size=n)
    return rng.standard_normal((3, n, d)) + rng.standard_normal((3, N, d))[:, labels], np.eye(N)[labels]


@pytest.fixture
def batch(data):
    x, y = data
    return x[:, :B], y[:B]


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


def bits(params):
    """Every leaf as it is now: {(group, ..., name): bytes}."""
    return {path: leaf.tobytes() for path, leaf in nn.leaves(params)}


def step(params, batch, settings):
    """The leaves that one batch moves."""
    before = bits(params)
    updates.train_batch(params, updates.init_optimisers(params, settings), *batch, settings, np.random.default_rng(1))
    return {path for path, now in bits(params).items() if now != before[path]}


def test_an_epoch_sees_every_utterance_once(params, data, monkeypatch):
    """25 utterances in batches of 8, 8, 8 and 1, in an order that the generator draws; the last one trains too."""
    x, y = (data[0][:, ROWS["train"]], data[1][ROWS["train"]])
    seen, train_batch = [], protocols.train_batch

    def recorded(params, optimisers, x, *rest):
        seen.append(x)
        return train_batch(params, optimisers, x, *rest)

    monkeypatch.setattr(protocols, "train_batch", recorded)
    values = protocols.train_epoch(params, updates.init_optimisers(params, SETTINGS), x, y, SETTINGS,
                                  np.random.default_rng(1))
    assert [part.shape[1] for part in seen] == [8, 8, 8, 1]
    order = np.concatenate(seen, axis=1)
    assert not np.array_equal(order, x)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.sort(x, axis=1))
    assert set(values) == set(MOVES["paper"])
    assert all(np.isfinite(value) for value in values.values())
    assert all(np.isfinite(leaf).all() for _, leaf in nn.leaves(params))


def test_evaluation_is_that_of_the_equations(params, data):
    x, y = data
    frozen = protocols.evaluation_params(params, x)
    values = protocols.evaluate(frozen, x, y, SETTINGS)
    assert values["L_al"] == pytest.approx(values["L_fal"] + values["L_tal"])
    assert values["L"] == pytest.approx(
        0.2 * values["L_fal"] + 0.8 * values["L_rl"] + 0.5 * values["L_tal"] + values["L_cl"])
    M = protocols.predict(frozen, x)
    assert values["fusion"] == pytest.approx(np.mean((M - y) ** 2))
    assert values["accuracy"] == scores(y.argmax(axis=1), M.argmax(axis=1), range(N))["accuracy"]


@pytest.mark.parametrize("protocol", ["fixed", "validation"])
def test_test_utterances_are_not_touched_before_the_end(protocol, data):
    """Rubbish for their labels changes no bit of the result, rubbish for their features only their own predictions."""
    x, y = data
    settings = replace(SETTINGS, protocol=protocol)
    rubbish_x, rubbish_y = x.copy(), y.copy()
    rubbish_x[:, ROWS["test"]] += 100
    rubbish_y[ROWS["test"]] = np.nan
    honest = protocols.train(x, y, ROWS, settings)
    for features in (x, rubbish_x):
        blind = protocols.train(features, rubbish_y, ROWS, settings)
        assert bits(honest["params"]) == bits(blind["params"])
        assert honest["history"] == blind["history"]
        assert honest["epoch"] == blind["epoch"]
        assert (honest["probabilities"].tobytes() == blind["probabilities"].tobytes()) == (features is x)


def test_released_protocol_peeks_at_the_test_labels(data):
    """It returns the first epoch of the best test accuracy, so other test labels mean another result."""
    x, y = data
    settings = replace(SETTINGS, variant="released", protocol="released")
    other = y.copy()
    other[ROWS["test"]] = np.roll(y[ROWS["test"]], 1, axis=1)
    found = []
    for labels in (y, other):
        result = protocols.train(x, labels, ROWS, settings)
        accuracies = [row["test_accuracy"] for row in result["history"]]
        assert result["epoch"] == 1 + np.argmax(accuracies)
        assert protocols.accuracy(result["probabilities"], labels[ROWS["test"]]) == max(accuracies)
        found.append(accuracies)
    assert found[0] != found[1]


def test_validation_protocol_returns_the_epoch_of_the_lowest_validation_loss(data, monkeypatch):
    x, y = data
    evaluate, losses, frozen = protocols.evaluate, iter([0.3, 0.1, 0.2, 0.1]), []

    def dictated(params, x, y, settings):
        np.testing.assert_array_equal(y, data[1][ROWS["validation"]])
        frozen.append(params)
        return evaluate(params, x, y, settings) | {"fusion": next(losses)}

    monkeypatch.setattr(protocols, "evaluate", dictated)
    result = protocols.train(x, y, ROWS, replace(SETTINGS, protocol="validation"))
    assert result["epoch"] == 2
    assert bits(result["params"]) == bits(frozen[1]) != bits(frozen[3])
    np.testing.assert_array_equal(result["probabilities"], protocols.predict(result["params"], x[:, ROWS["test"]]))


def test_fixed_protocol_returns_the_average_of_all_epochs(data, monkeypatch):
    """Each epoch weighs 0.8 of the next and the weights sum to 1, against a loop over the parameters of every epoch."""
    x, y = data
    epochs, train_epoch = [], protocols.train_epoch

    def recorded(params, *rest):
        values = train_epoch(params, *rest)
        epochs.append(np.concatenate([leaf.ravel() for _, leaf in nn.leaves(params)]))
        return values

    monkeypatch.setattr(protocols, "train_epoch", recorded)
    result = protocols.train(x, y, ROWS, SETTINGS)
    weights = [0.8 ** (len(epochs) - 1 - epoch) for epoch in range(len(epochs))]
    expected = sum(weight * flat for weight, flat in zip(weights, epochs, strict=True)) / sum(weights)
    averaged = np.concatenate([leaf.ravel() for path, leaf in nn.leaves(result["params"])
                               if path[-1] not in ("mean", "var")])  # batch norm's statistics came with freezing
    np.testing.assert_allclose(averaged, expected, rtol=0, atol=1e-12)
    assert result["epoch"] == SETTINGS.epochs == len(epochs)


@each_variant
def test_same_seed_same_bits(variant, data):
    settings = replace(SETTINGS, variant=variant, dtype="float32")
    one, two, other = (protocols.train(*data, ROWS, replace(settings, seed=seed)) for seed in (3, 3, 4))
    assert bits(one["params"]) == bits(two["params"])
    assert one["history"] == two["history"]
    assert bits(one["params"]) != bits(other["params"])
    assert {leaf.dtype for _, leaf in nn.leaves(one["params"])} == {np.dtype(np.float32)}


@each_variant
@pytest.mark.parametrize("activations", ["first", "fresh"])
def test_it_learns(activations, variant, rng):
    """Classes around four points: the losses of training fall, and unseen utterances are told apart (chance is 1/4)."""
    labels = rng.integers(N, size=280)
    x = rng.standard_normal((3, 280, d)) + 2 * rng.standard_normal((3, N, d))[:, labels]
    rows = {"train": np.arange(200), "validation": np.arange(200, 230), "test": np.arange(230, 280)}
    settings = replace(SETTINGS, variant=variant, activations=activations, dtype="float32")
    result = protocols.train(x, np.eye(N)[labels], rows, settings)
    first, last = result["history"][0], result["history"][-1]
    for update in ("embedding", "classifier", "fusion"):
        assert last[update] < first[update]
    assert protocols.accuracy(result["probabilities"], np.eye(N)[labels[rows["test"]]]) > 0.6


def test_history_has_a_row_an_epoch_reported_when_it_ends(data):
    rows = []
    history = protocols.train(*data, ROWS, SETTINGS, on_epoch=rows.append)["history"]
    assert rows == history
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert {"embedding", "discriminator", "classifier", "fusion", "validation_L", "validation_accuracy"} <= set(rows[0])
    assert "test_accuracy" not in rows[0]


@pytest.mark.parametrize("changes", [
    {}, {"protocol": "validation"}, {"variant": "released", "protocol": "released"}, {"learn_w": True},
    {"activations": "fresh", "dtype": "float32"}, {"fusion": "tensor", "without": "decoder"}], ids=str)
def test_goes_on_from_every_state_to_the_same_bits(changes, data, tmp_path):
    settings = replace(SETTINGS, **changes)
    whole = protocols.train(*data, ROWS, settings, on_checkpoint=lambda state: archive.write(
        tmp_path / str(len(state["history"])), "checkpoint", state))
    for epoch in range(1, SETTINGS.epochs + 1):
        state, rows = archive.read(tmp_path / str(epoch), "checkpoint"), []
        resumed = protocols.train(*data, ROWS, settings, rows.append, resume=state)
        assert bits(resumed["params"]) == bits(whole["params"])
        assert resumed["probabilities"].tobytes() == whole["probabilities"].tobytes()
        assert (resumed["epoch"], resumed["history"]) == (whole["epoch"], whole["history"])
        assert rows == whole["history"][epoch:], "only what is new is reported"

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
              "classifier": {"encoders", "classifier"}, "fusion": {"encoders", "gfn"}},
    "released": {"embedding": {"encoders", "decoders"}, "classifier": {"encoders", "classifier"},
                 "discriminator": {"discriminator"}, "fusion": {"gfn"}},
}
each_update = pytest.mark.parametrize(("variant", "update"), [(v, u) for v, updates in MOVES.items() for u in updates])
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


@each_update
def test_an_update_moves_its_own_groups_and_no_bit_of_the_others(variant, update, params, batch, monkeypatch):
    monkeypatch.setitem(updates.GROUPS, variant, {update: updates.GROUPS[variant][update]})
    moved = step(params, batch, replace(SETTINGS, variant=variant))
    assert moved == {path for path, _ in nn.leaves(params) if path[0] in MOVES[variant][update]}


@each_variant
@pytest.mark.parametrize("activations", ["first", "fresh"])
def test_a_batch_moves_everything(activations, variant, params, batch):
    moved = step(params, batch, replace(SETTINGS, variant=variant, activations=activations))
    assert moved == {path for path, _ in nn.leaves(params)}


@each_variant
def test_each_update_keeps_its_own_moments(variant, params, batch):
    """The encoders are moved by two or three updates, each with an Adam of its own."""
    settings = replace(SETTINGS, variant=variant)
    optimisers = updates.init_optimisers(params, settings)
    assert {update: set(groups) for update, groups in optimisers.items()} == MOVES[variant]
    updates.train_batch(params, optimisers, *batch, settings, np.random.default_rng(1))
    assert all(state["t"] == 1 for groups in optimisers.values() for state in groups.values())
    moments = [groups["encoders"]["m"] for groups in optimisers.values() if "encoders" in groups]
    assert not any(np.array_equal(moments[0], other) for other in moments[1:])


@pytest.mark.parametrize(("target", "row"), [("a", 0), ("l", 1), ("v", 2)])
def test_fooling_the_discriminator_moves_the_sources_encoders_only(target, row, params, batch, monkeypatch):
    """With lambda = 1 the embedding update is L_fal alone: target encoder and decoders keep every bit."""
    monkeypatch.setitem(updates.GROUPS, "paper", {"embedding": ("encoders", "decoders")})
    before = nn.map_leaves(np.copy, params)
    step(params, batch, replace(SETTINGS, target=target, lambda_=1.0))
    np.testing.assert_array_equal(nn.buffer(params["decoders"]), np.concatenate(
        [leaf.ravel() for _, leaf in nn.leaves(before["decoders"])]))
    for (_, now), (_, then) in zip(nn.leaves(params["encoders"]), nn.leaves(before["encoders"]), strict=True):
        for m in range(3):
            assert np.array_equal(now[m], then[m]) == (m == row)


@each_update
def test_gradients_are_those_of_the_whole_loss(variant, update, params, batch, each_implementation):
    """Cutting the chain rule at x^e changes nothing: autograd's public `grad` of the composed loss says the same."""
    settings, (x, y) = replace(SETTINGS, variant=variant), batch
    updates = {update: updates.GROUPS[variant][update]}
    values, gradients = updates.batch_gradients(params, x, y, updates, settings, np.random.default_rng(1))

    def composed(params):
        rng = np.random.default_rng(1)
        x_e = encode(params["encoders"], x, settings.drop_rate, rng)
        return updates.LOSSES[update](params, x_e, x, y, settings, rng)

    assert values[update] == pytest.approx(composed(params), rel=1e-12)
    expected = grad(composed)(params)
    assert set(gradients[update]) == MOVES[variant][update]  # nothing else is differentiated
    for group, gradient in gradients[update].items():
        for (path, ours), (_, theirs) in zip(nn.leaves(gradient), nn.leaves(expected[group]), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10, err_msg=f"{group} {path}")


@each_variant
def test_gradients_of_all_updates_at_once_are_those_of_each_alone(variant, params, batch, each_implementation):
    settings = replace(SETTINGS, variant=variant, drop_rate=0.0)
    together = updates.batch_gradients(params, *batch, updates.GROUPS[variant], settings, None)[1]
    for update, groups in updates.GROUPS[variant].items():
        alone = updates.batch_gradients(params, *batch, {update: groups}, settings, None)[1][update]
        for group in groups:
            ours = together[update][group]
            for (path, one), (_, other) in zip(nn.leaves(alone[group]), nn.leaves(ours), strict=True):
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-12, err_msg=f"{update} {group} {path}")


@each_variant
@pytest.mark.parametrize("learn_w", [False, True])
def test_float32_stays_float32(variant, learn_w, params, batch, cotangent_dtypes, each_implementation):
    settings = replace(SETTINGS, variant=variant, learn_w=learn_w)
    if learn_w:
        params["w"] = {"log_w": np.zeros(1)}
    params, (x, y) = nn.map_leaves(np.float32, params), map(np.float32, batch)
    values, gradients = updates.batch_gradients(
        params, x, y, updates.updates_of(settings), settings, np.random.default_rng(1))
    assert {value.dtype for value in values.values()} == {np.dtype(np.float32)}
    assert {leaf.dtype for _, leaf in nn.leaves(gradients)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


def test_first_takes_all_gradients_where_the_batch_began_and_fresh_where_each_update_finds_it(params, batch):
    settings = replace(SETTINGS, drop_rate=0.0)
    losses = {}
    for activations in ("first", "fresh"):
        ours, chosen = nn.map_leaves(np.copy, params), replace(settings, activations=activations)
        ours = {group: nn.pack(tree) for group, tree in ours.items()}
        losses[activations] = updates.train_batch(
            ours, updates.init_optimisers(ours, chosen), *batch, chosen, np.random.default_rng(1))
    at_the_start = updates.batch_gradients(params, *batch, updates.GROUPS["paper"], settings, None)[0]
    assert losses["first"] == at_the_start
    for update, value in losses["fresh"].items():
        assert (value == at_the_start[update]) == (update == "embedding")


def test_fresh_is_each_update_after_the_other(params, batch, monkeypatch):
    settings, updates = replace(SETTINGS, activations="fresh", drop_rate=0.0), dict(updates.GROUPS["paper"])
    one_by_one = {group: nn.pack(tree) for group, tree in params.items()}
    step(params, batch, settings)
    for update, groups in updates.items():
        monkeypatch.setitem(updates.GROUPS, "paper", {update: groups})
        step(one_by_one, batch, settings)
    assert bits(params) == bits(one_by_one)


def test_an_epoch_sees_every_utterance_once(params, data, monkeypatch):
    """25 utterances in batches of 8, 8, 8 and 1, in an order that the generator draws; the last one trains too."""
    x, y = (data[0][:, ROWS["train"]], data[1][ROWS["train"]])
    seen, train_batch = [], updates.train_batch

    def recorded(params, optimisers, x, *rest):
        seen.append(x)
        return train_batch(params, optimisers, x, *rest)

    monkeypatch.setattr(training, "train_batch", recorded)
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
    frozen = training.evaluation_params(params, x)
    values = protocols.evaluate(frozen, x, y, SETTINGS)
    assert values["L_al"] == pytest.approx(values["L_fal"] + values["L_tal"])
    assert values["L"] == pytest.approx(
        0.2 * values["L_fal"] + 0.8 * values["L_rl"] + 0.5 * values["L_tal"] + values["L_cl"])
    M = training.predict(frozen, x)
    assert values["fusion"] == pytest.approx(np.mean((M - y) ** 2))
    assert values["accuracy"] == scores(y.argmax(axis=1), M.argmax(axis=1), range(N))["accuracy"]


@pytest.mark.parametrize("protocol", ["fixed", "validation", "transductive"])
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


def test_transductive_protocol_corrects_what_fixed_predicts(data):
    """The same model and history; the predictions go by the classes' shares in training, not in test."""
    x, y = data
    train = ROWS["train"]
    rows = ROWS | {"train": np.append(train, np.repeat(train[y[train, 0] == 1], 3))}  # class 0 is more frequent
    fixed, corrected = (protocols.train(x, y, rows, replace(SETTINGS, protocol=protocol))
                        for protocol in ("fixed", "transductive"))
    assert bits(fixed["params"]) == bits(corrected["params"])
    assert fixed["history"] == corrected["history"]
    expected = label_shift.adapt(fixed["probabilities"], y[rows["train"]].mean(axis=0))
    np.testing.assert_array_equal(corrected["probabilities"], expected)
    assert np.abs(expected - fixed["probabilities"]).max() > 0.01


def test_validation_protocol_returns_the_epoch_of_the_lowest_validation_loss(data, monkeypatch):
    x, y = data
    evaluate, losses, frozen = protocols.evaluate, iter([0.3, 0.1, 0.2, 0.1]), []

    def dictated(params, x, y, settings):
        np.testing.assert_array_equal(y, data[1][ROWS["validation"]])
        frozen.append(params)
        return evaluate(params, x, y, settings) | {"fusion": next(losses)}

    monkeypatch.setattr(training, "evaluate", dictated)
    result = protocols.train(x, y, ROWS, replace(SETTINGS, protocol="validation"))
    assert result["epoch"] == 2
    assert bits(result["params"]) == bits(frozen[1]) != bits(frozen[3])
    np.testing.assert_array_equal(result["probabilities"], training.predict(result["params"], x[:, ROWS["test"]]))


def test_fixed_protocol_returns_the_average_of_all_epochs(data, monkeypatch):
    """Each epoch weighs 0.8 of the next and the weights sum to 1, against a loop over the parameters of every epoch."""
    x, y = data
    epochs, train_epoch = [], protocols.train_epoch

    def recorded(params, *rest):
        values = train_epoch(params, *rest)
        epochs.append(np.concatenate([leaf.ravel() for _, leaf in nn.leaves(params)]))
        return values

    monkeypatch.setattr(training, "train_epoch", recorded)
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
    history = protocols.train(*data, ROWS, SETTINGS, report=rows.append)["history"]
    assert rows == history
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert {"embedding", "discriminator", "classifier", "fusion", "validation_L", "validation_accuracy"} <= set(rows[0])
    assert "test_accuracy" not in rows[0]


@pytest.mark.parametrize("changes", [
    {}, {"protocol": "validation"}, {"variant": "released", "protocol": "released"}, {"learn_w": True},
    {"activations": "fresh", "dtype": "float32"}, {"fusion": "tensor", "without": "decoder"}], ids=str)
def test_goes_on_from_every_state_to_the_same_bits(changes, data, tmp_path):
    settings = replace(SETTINGS, **changes)
    whole = protocols.train(*data, ROWS, settings, keep=lambda state: archive.write(
        tmp_path / str(len(state["history"])), "checkpoint", state))
    for epoch in range(1, SETTINGS.epochs + 1):
        state, rows = archive.read(tmp_path / str(epoch), "checkpoint"), []
        resumed = protocols.train(*data, ROWS, settings, rows.append, state)
        assert bits(resumed["params"]) == bits(whole["params"])
        assert resumed["probabilities"].tobytes() == whole["probabilities"].tobytes()
        assert (resumed["epoch"], resumed["history"]) == (whole["epoch"], whole["history"])
        assert rows == whole["history"][epoch:], "only what is new is reported"

"""Training: the epochs, the protocol that says which parameters are kept, and resuming."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_close, assert_trees_close, bits, labelled_features

from argf_np import nn
from argf_np.errors import ModelError
from argf_np.paper import protocols, updates
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.joint_embedding_eq1_9 import encode
from argf_np.paper.model import evaluation_params, forward, init_model, predict
from argf_np.settings import Settings
from argf_np.storage import archive

d, k, N, B, n = 6, 5, 4, 8, 40
SETTINGS = Settings(k=k, batch_size=B, epochs=4, drop_rate=0.3, lambda_=0.2, weight_decay=0.0,
                    lr=0.01, dtype="float64")
# The splits lie in no order, so that no row number agrees by coincidence.
ORDER = np.random.default_rng(5).permutation(n)
ROWS = {"train": ORDER[:25], "validation": ORDER[25:34], "test": ORDER[34:]}
UPDATES = {"embedding", "discriminator", "classifier", "fusion"}
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def data(rng):
    return labelled_features(rng, n, d, N)


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


def record(monkeypatch, name, note):
    """Let ``protocols.name`` also call ``note(result, arguments)``."""
    function = getattr(protocols, name)

    def function_and_note(*arguments):
        result = function(*arguments)
        note(result, arguments)
        return result

    monkeypatch.setattr(protocols, name, function_and_note)


@pytest.fixture
def epochs(monkeypatch):
    """Copies of the parameters after each epoch of training, in a list that fills."""
    copies = []
    record(monkeypatch, "train_epoch", lambda losses, arguments: copies.append(
        nn.map_leaves(np.copy, arguments[0])))
    return copies


# One epoch


def test_an_epoch_takes_every_utterance_once_with_its_label(params, data, monkeypatch):
    """25 utterances in batches of 8, 8, 8 and 1, in an order that the generator draws."""
    x, y = data
    batches = []
    record(monkeypatch, "train_batch",
           lambda losses, arguments: batches.append((arguments[2], arguments[3])))
    orders = []
    for rng in (np.random.default_rng(1), np.random.default_rng(2)):
        batches.clear()
        optimisers = updates.init_optimisers(params, SETTINGS)
        protocols.train_epoch(params, optimisers, x, y, SETTINGS, rng, ROWS["train"])
        assert [len(y_batch) for _, y_batch in batches] == [8, 8, 8, 1]
        taken = np.concatenate([x_batch for x_batch, _ in batches], axis=1)
        labels = np.concatenate([y_batch for _, y_batch in batches])
        order = [int(np.flatnonzero((x == taken[:, [i]]).all(axis=(0, 2)))[0]) for i in range(25)]
        assert sorted(order) == sorted(ROWS["train"])
        np.testing.assert_array_equal(labels, y[order])
        orders.append(order)
    assert len({(*order,) for order in [*orders, ROWS["train"]]}) == 3


def test_an_epoch_takes_all_utterances_where_none_are_named(params, data, monkeypatch):
    x, y = data
    sizes = []
    record(monkeypatch, "train_batch", lambda losses, arguments: sizes.append(len(arguments[3])))
    protocols.train_epoch(params, updates.init_optimisers(params, SETTINGS), x, y, SETTINGS,
                          np.random.default_rng(1))
    assert sizes == [8, 8, 8, 8, 8]


@each_variant
def test_the_loss_of_an_epoch_is_the_mean_of_its_batches(variant, params, data, monkeypatch):
    """A batch of one utterance counts as much as one of eight."""
    settings = replace(SETTINGS, variant=variant)
    batches = []
    record(monkeypatch, "train_batch", lambda losses, arguments: batches.append(losses))
    row = protocols.train_epoch(params, updates.init_optimisers(params, settings), *data, settings,
                                np.random.default_rng(1), ROWS["train"])
    assert len(batches) == 4
    assert set(row) == UPDATES
    for update, value in row.items():
        assert type(value) is float
        assert value == pytest.approx(sum(losses[update] for losses in batches) / 4, rel=1e-12)


@pytest.mark.parametrize("chunk", [7, 40, 4096])
@pytest.mark.parametrize("learn_w", [False, True])
@each_variant
def test_evaluation_is_that_of_the_formulas(
        variant, learn_w, chunk, params, data, monkeypatch, each_implementation):
    """All losses of Eq. 2 to 9, whether the utterances pass in one chunk or in several."""
    monkeypatch.setattr(protocols, "CHUNK", chunk)
    x, y = data
    evaluated = evaluation_params(params, x, variant)
    if learn_w:
        evaluated["w"] = {"log_w": np.array([-1.0])}
    w = np.exp(-1) if learn_w else 1
    settings = replace(SETTINGS, variant=variant, target="v", learn_w=learn_w)
    values = protocols.evaluate(evaluated, x, y, settings)

    out = forward(evaluated, x, variant)
    a, l, v = out["D"]
    L_fal = -w * np.mean(np.log(a) + np.log(l))
    L_tal = -w * np.mean(np.log(1 - a) + np.log(1 - l) + np.log(v))
    errors = {"L_rl": out["x_tilde"] - x, "L_cl": out["y_tilde"] - y}
    fusion_error = out["M"] - y
    expected = {"L_fal": L_fal, "L_tal": L_tal, "L_al": L_fal + L_tal}
    for name, error in errors.items():
        expected[name] = np.linalg.norm(error, axis=-1).sum() / n
        if variant == "released":
            expected[name] = np.abs(error).sum()
    expected["fusion"] = np.mean(fusion_error ** 2)
    if variant == "released":
        expected["fusion"] = np.abs(fusion_error).sum()
    expected["L"] = 0.2 * L_fal + 0.8 * expected["L_rl"] + 0.5 * L_tal + expected["L_cl"]
    right = [out["M"][i].argmax() == y[i].argmax() for i in range(n)]
    expected["accuracy"] = sum(right) / n
    assert 0 < expected["accuracy"] < 1
    assert values == pytest.approx(expected, rel=1e-10)


def test_the_average_over_epochs_weighs_each_epoch_with_0_8_of_the_next(rng):
    """The weights sum to 1 after every epoch."""
    epochs = [{"layer": {"W": rng.standard_normal((2, 3))}} for _ in range(5)]
    average = nn.map_leaves(np.copy, epochs[0])
    for epoch in range(1, 6):
        protocols.update_average(average, epochs[epoch - 1], epoch)
        weights = [0.8 ** (epoch - number) for number in range(1, epoch + 1)]
        parts = zip(weights, epochs, strict=False)
        total = sum(weight * one["layer"]["W"] for weight, one in parts)
        assert_close(average["layer"]["W"], total / sum(weights))


@each_variant
@pytest.mark.parametrize("fusion", ["gfn", "tensor"])
def test_predict_in_training_mode_drops_and_uses_the_statistics_of_the_batch(
        fusion, variant, data):
    """The encoders drop, and the answer for an utterance depends on the others."""
    x, _ = data
    settings = replace(SETTINGS, variant=variant, fusion=fusion)
    params = updates.init_params(np.random.default_rng(0), x.shape[2], N, settings, 3)
    M = protocols.predict_in_training_mode(params, x, settings, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    x_e = encode(params["encoders"], x, 0.3, rng)
    expected = STRATEGIES[fusion].decide(params["fusion"], x_e, variant, rng)["M"]
    np.testing.assert_array_equal(M, expected)


# The protocols


@pytest.mark.parametrize("protocol", ["fixed", "validation", "released"])
def test_test_utterances_are_not_touched_before_the_end(protocol, data):
    """Garbage for their labels changes no bit; garbage for their features only their own rows."""
    x, y = data
    settings = replace(SETTINGS, protocol=protocol)
    garbage_x, garbage_y = x.copy(), y.copy()
    garbage_x[:, ROWS["test"]] += 100
    garbage_y[ROWS["test"]] = np.nan
    honest = protocols.train(x, y, ROWS, settings)
    for features in (x, garbage_x):
        blind = protocols.train(features, garbage_y, ROWS, settings)
        assert bits(honest["params"]) == bits(blind["params"])
        assert honest["history"] == blind["history"]
        assert honest["epoch"] == blind["epoch"]
        same = honest["probabilities"].tobytes() == blind["probabilities"].tobytes()
        assert same == (features is x)


@pytest.mark.parametrize("protocol", ["fixed", "best_test"])
def test_validation_labels_change_nothing_where_the_protocol_does_not_ask(protocol, data):
    x, y = data
    settings = replace(SETTINGS, protocol=protocol)
    other = y.copy()
    other[ROWS["validation"]] = np.roll(y[ROWS["validation"]], 1, axis=1)
    one, two = (protocols.train(x, labels, ROWS, settings) for labels in (y, other))
    assert bits(one["params"]) == bits(two["params"])
    assert one["probabilities"].tobytes() == two["probabilities"].tobytes()
    assert one["history"] != two["history"]


@each_variant
def test_fixed_keeps_the_average_of_all_epochs(variant, data, epochs):
    """With the batch statistics of the training utterances; test is predicted in evaluation."""
    x, y = data
    result = protocols.train(x, y, ROWS, replace(SETTINGS, variant=variant))
    weights = np.array([0.8 ** 3, 0.8 ** 2, 0.8, 1.0])
    weights /= weights.sum()
    average = nn.map_leaves(np.zeros_like, epochs[0])
    for weight, epoch in zip(weights, epochs, strict=True):
        means = dict(nn.leaves(average))
        for path, leaf in nn.leaves(epoch):
            means[path] += weight * leaf
    expected = evaluation_params(average, x, variant, rows=ROWS["train"])
    assert_trees_close(result["params"], expected, atol=1e-10)
    M = predict(expected, x[:, ROWS["test"]], variant)
    assert_close(result["probabilities"], M, 1e-10)
    assert result["epoch"] == 4


@each_variant
def test_validation_keeps_the_epoch_of_the_lowest_validation_loss(
        variant, data, epochs, monkeypatch):
    """The first of two equal ones, measured with parameters for evaluation."""
    x, y = data
    settings = replace(SETTINGS, variant=variant, protocol="validation")
    evaluate, losses, evaluated = protocols.evaluate, iter([0.3, 0.1, 0.2, 0.1]), []

    def dictated(params, x, y, settings):
        np.testing.assert_array_equal(x, data[0][:, ROWS["validation"]])
        np.testing.assert_array_equal(y, data[1][ROWS["validation"]])
        evaluated.append(params)
        return evaluate(params, x, y, settings) | {"fusion": next(losses)}

    monkeypatch.setattr(protocols, "evaluate", dictated)
    result = protocols.train(x, y, ROWS, settings)
    assert result["epoch"] == 2
    for params, epoch in zip(evaluated, epochs, strict=True):
        assert bits(params) == bits(evaluation_params(epoch, x, variant, rows=ROWS["train"]))
    assert bits(result["params"]) == bits(evaluated[1]) != bits(evaluated[3])
    M = predict(evaluated[1], x[:, ROWS["test"]], variant)
    assert_close(result["probabilities"], M)


def dictate_validation_losses(monkeypatch, y, losses):
    """Let predictions in training mode have the given validation losses (variant paper).

    A constant error c in every entry is a mean square error of c^2.
    """
    real, losses = protocols.predict_in_training_mode, iter(losses)

    def dictated(params, x, settings, rng):
        if x.shape[1] == len(ROWS["validation"]):
            return y[ROWS["validation"]] + np.sqrt(next(losses))
        return real(params, x, settings, rng)

    monkeypatch.setattr(protocols, "predict_in_training_mode", dictated)


def test_released_stops_20_epochs_after_the_lowest_validation_loss(data, epochs, monkeypatch):
    """It keeps the first epoch of the minimum, and predicts test once, in training mode."""
    x, y = data
    dictate_validation_losses(monkeypatch, y, [0.3, 0.2, 0.4, 0.1, 0.2, *[0.1] * 40])
    settings = replace(SETTINGS, protocol="released", epochs=40, seed=7)
    result = protocols.train(x, y, ROWS, settings)
    assert len(result["history"]) == len(epochs) == 24
    assert result["epoch"] == 4
    losses = [row["validation_loss_in_training_mode"] for row in result["history"]]
    assert losses[:5] == pytest.approx([0.3, 0.2, 0.4, 0.1, 0.2])
    expected = evaluation_params(epochs[3], x, rows=ROWS["train"])
    assert bits(result["params"]) == bits(expected)
    own = np.random.default_rng([7, 4])  # not the generator of training
    M = predict(epochs[3], x[:, ROWS["test"]], "paper", "gfn", 0.3, own)
    np.testing.assert_array_equal(result["probabilities"], M)


def test_released_runs_to_the_last_epoch_while_the_loss_falls(data, monkeypatch):
    x, y = data
    dictate_validation_losses(monkeypatch, y, 1 / np.arange(1, 30))
    settings = replace(SETTINGS, protocol="released", epochs=23)
    result = protocols.train(x, y, ROWS, settings)
    assert result["epoch"] == len(result["history"]) == 23


@each_variant
def test_released_measures_the_fusion_loss_of_the_validation_utterances_in_training_mode(
        variant, data, monkeypatch):
    x, y = data
    seen = []
    record(monkeypatch, "predict_in_training_mode",
           lambda M, arguments: seen.append((arguments[1], M)))
    settings = replace(SETTINGS, variant=variant, protocol="released")
    result = protocols.train(x, y, ROWS, settings)
    validation = [M for features, M in seen if features.shape[1] == 9]
    np.testing.assert_array_equal(seen[0][0], x[:, ROWS["validation"]])
    for row, M in zip(result["history"], validation, strict=True):
        error = M - y[ROWS["validation"]]
        loss = np.abs(error).sum() if variant == "released" else np.mean(error ** 2)
        assert row["validation_loss_in_training_mode"] == pytest.approx(loss, rel=1e-12)
    losses = [row["validation_loss_in_training_mode"] for row in result["history"]]
    assert result["epoch"] == 1 + np.argmin(losses)


@each_variant
def test_best_test_peeks_at_the_test_labels(variant, data):
    """It keeps the first epoch of the best test accuracy, so other labels give another result."""
    x, y = data
    settings = replace(SETTINGS, variant=variant, protocol="best_test")
    other = y.copy()
    other[ROWS["test"]] = np.roll(y[ROWS["test"]], 1, axis=1)
    found = []
    for labels in (y, other):
        result = protocols.train(x, labels, ROWS, settings)
        accuracies = [row["test_accuracy"] for row in result["history"]]
        assert result["epoch"] == 1 + np.argmax(accuracies)
        right = result["probabilities"].argmax(axis=1) == labels[ROWS["test"]].argmax(axis=1)
        assert right.mean() == max(accuracies)
        found.append(accuracies)
    assert found[0] != found[1]


def test_best_test_keeps_the_predictions_in_training_mode_of_its_epoch(
        data, epochs, monkeypatch):
    x, y = data
    test, answers = y[ROWS["test"]], []
    wrong = np.roll(test, 1, axis=1)

    def dictated(params, x, settings, rng):
        np.testing.assert_array_equal(x, data[0][:, ROWS["test"]])
        M = (wrong, test, wrong, test)[len(answers)] * (1 + len(answers))
        answers.append(bits(params))
        return M

    monkeypatch.setattr(protocols, "predict_in_training_mode", dictated)
    result = protocols.train(x, y, ROWS, replace(SETTINGS, protocol="best_test"))
    assert [row["test_accuracy"] for row in result["history"]] == [0, 1, 0, 1]
    assert result["epoch"] == 2
    np.testing.assert_array_equal(result["probabilities"], 2 * test)
    assert answers == [bits(epoch) for epoch in epochs]
    assert bits(result["params"]) == bits(evaluation_params(epochs[1], x, rows=ROWS["train"]))


@pytest.mark.parametrize("fusion", STRATEGIES)
def test_only_the_training_utterances_are_needed(fusion, data):
    """By the default protocol: then there are no scores and no predictions."""
    rows = ROWS | {"validation": np.arange(0), "test": np.arange(0)}
    result = protocols.train(*data, rows, replace(SETTINGS, fusion=fusion))
    assert result["probabilities"].shape == (0, N)
    assert [set(row) for row in result["history"]] == [UPDATES | {"epoch"}] * 4


# The history, the seed, resuming, errors


@each_variant
def test_same_seed_same_bits(variant, data):
    settings = replace(SETTINGS, variant=variant, dtype="float32")
    one, two, other = (
        protocols.train(*data, ROWS, replace(settings, seed=seed)) for seed in (3, 3, 4))
    assert bits(one["params"]) == bits(two["params"])
    assert one["history"] == two["history"]
    for path, leaf in nn.leaves(one["params"]):
        assert leaf.dtype == np.float32, path
    first, second = bits(one["params"]), bits(other["params"])
    assert all(first[path] != second[path] for path in first)


@pytest.mark.parametrize("double", ["x", "y"])
def test_training_has_the_type_of_the_settings_whatever_that_of_the_data(
        double, data, cotangent_dtypes):
    x, y = data
    x, y = (np.float32(x), y) if double == "y" else (x, np.float32(y))
    protocols.train(x, y, ROWS, replace(SETTINGS, epochs=1, dtype="float32"))
    assert cotangent_dtypes == {np.dtype(np.float32)}


def test_features_and_labels_are_not_changed(data):
    x, y = data
    before = x.tobytes(), y.tobytes()
    protocols.train(x, y, ROWS, SETTINGS)
    assert (x.tobytes(), y.tobytes()) == before


@each_variant
@pytest.mark.parametrize("activations", ["first", "fresh"])
def test_it_learns(activations, variant, rng):
    """Classes around four points: the losses fall, and unseen utterances are distinguished."""
    labels = rng.integers(N, size=280)
    x = rng.standard_normal((3, 280, d)) + 2 * rng.standard_normal((3, N, d))[:, labels]
    rows = {"train": np.arange(200), "validation": np.arange(200, 230),
            "test": np.arange(230, 280)}
    settings = replace(SETTINGS, variant=variant, activations=activations, dtype="float32")
    result = protocols.train(x, np.eye(N)[labels], rows, settings)
    first, last = result["history"][0], result["history"][-1]
    for update in ("embedding", "classifier", "fusion"):
        assert last[update] < first[update]
    right = result["probabilities"].argmax(axis=1) == labels[rows["test"]]
    assert right.mean() > 0.6  # chance is 1/4


def test_history_has_a_row_per_epoch_reported_when_it_ends(data):
    rows = []
    history = protocols.train(*data, ROWS, SETTINGS, on_epoch=rows.append)["history"]
    assert rows == history
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    scores = {"L_fal", "L_tal", "L_al", "L_rl", "L_cl", "L", "fusion", "accuracy"}
    expected = UPDATES | {"epoch"} | {f"validation_{name}" for name in scores}
    assert all(set(row) == expected for row in history)


@pytest.mark.parametrize("changes", [
    {},
    {"protocol": "validation"},
    {"variant": "released", "protocol": "released"},
    {"variant": "released", "protocol": "best_test"},
    {"learn_w": True},
    {"activations": "fresh", "dtype": "float32"},
    {"fusion": "tensor", "without": "decoder"},
], ids=str)
def test_continues_from_every_state_to_the_same_bits(changes, data, tmp_path):
    settings = replace(SETTINGS, **changes)

    def on_checkpoint(state):
        archive.write(tmp_path / str(len(state["history"])), "checkpoint", state)

    whole = protocols.train(*data, ROWS, settings, on_checkpoint=on_checkpoint)
    for epoch in range(1, 5):
        state, rows = archive.read(tmp_path / str(epoch), "checkpoint"), []
        resumed = protocols.train(*data, ROWS, settings, rows.append, resume=state)
        assert bits(resumed["params"]) == bits(whole["params"])
        assert resumed["probabilities"].tobytes() == whole["probabilities"].tobytes()
        assert (resumed["epoch"], resumed["history"]) == (whole["epoch"], whole["history"])
        assert rows == whole["history"][epoch:], "only what is new is reported"
        assert state["history"] == whole["history"][:epoch], "the state can be used again"


def test_a_training_that_has_stopped_by_its_patience_does_not_continue(data, monkeypatch):
    monkeypatch.setattr(protocols, "PATIENCE", 0)
    settings = replace(SETTINGS, protocol="released")
    states, rows = [], []
    whole = protocols.train(*data, ROWS, settings, on_checkpoint=states.append)
    assert len(whole["history"]) == len(states) == 1
    resumed = protocols.train(*data, ROWS, settings, rows.append, resume=states[0])
    assert rows == []
    assert resumed["probabilities"].tobytes() == whole["probabilities"].tobytes()


def without(tree, *path):
    """A copy of a nested dict without one of its parts."""
    key, *rest = path
    copy = dict(tree)
    if rest:
        copy[key] = without(tree[key], *rest)
    else:
        del copy[key]
    return copy


@pytest.mark.parametrize("path", [
    ("params", "encoders", "dense_2", "b"),
    ("optimisers", "fusion", "fusion", "m", "MAN", "W"),
    ("average",),
    ("history",),
    ("generator",),
    ("best", "params"),
    ("best", "epoch"),
], ids="/".join)
def test_a_state_that_lacks_a_part_is_refused(path, data):
    states = []
    protocols.train(*data, ROWS, replace(SETTINGS, epochs=1), on_checkpoint=states.append)
    with pytest.raises(ModelError, match=rf"^not a whole checkpoint: .*{path[-1]}") as caught:
        protocols.train(*data, ROWS, SETTINGS, resume=without(states[0], *path))
    assert "\n" not in str(caught.value)


def test_a_state_of_another_shape_is_refused(data):
    states = []
    protocols.train(*data, ROWS, replace(SETTINGS, epochs=1), on_checkpoint=states.append)
    shapes = r"params/encoders/dense_2/W .*\(3, 60, 50\).*\(3, 60, 70\)"
    with pytest.raises(ModelError, match=shapes):
        protocols.train(*data, ROWS, replace(SETTINGS, k=7), resume=states[0])

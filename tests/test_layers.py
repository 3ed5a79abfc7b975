"""Operations and layers: values, gradients, `fast` equals `readable`, float32 stays float32."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    B,
    N,
    assert_gradient,
    batch_norm,
    d,
    dense,
    dropout_masks,
    k,
    leaky_relu,
    shaken,
    sigmoid,
    softmax,
    times,
    weigh,
    with_each_implementation,
)

from argf_np import nn
from argf_np.nn import ops

NEEDS_TORCH = "parity needs PyTorch: pip install argf_np[benchmarks]"
ACTIVATIONS = {
    "identity": lambda row: row,
    "relu": lambda row: [leaky_relu(z, 0) for z in row],
    "leaky_relu_0.01": lambda row: [leaky_relu(z, 0.01) for z in row],
    "leaky_relu_0.2": lambda row: [leaky_relu(z, 0.2) for z in row],
    "tanh": lambda row: [math.tanh(z) for z in row],
    "sigmoid": lambda row: [sigmoid(z) for z in row],
    "softmax": softmax,
}


def cases():
    """Every way in which the networks use an operation.

    Yields ``(operation, the case in words, tree, function of the tree)``.
    """
    rng = np.random.default_rng(0)
    x, batch = rng.standard_normal((3, B, d)), rng.standard_normal((B, d))
    one = shaken(nn.init_dense(rng, d, k), rng)
    bank = shaken(nn.init_dense(rng, d, k, bank=(3,), norm=True), rng)
    norm = shaken(nn.init_batch_norm(d), rng)
    norm_bank = shaken(nn.init_batch_norm(d, bank=(3,)), rng)
    lstm, gru = shaken(nn.init_bilstm(rng, d, 3), rng), shaken(nn.init_gru(rng, d, 3), rng)
    statistics = {"mean": rng.standard_normal((1, k)), "var": rng.uniform(1, 2, (1, k))}
    mask = np.arange(6) < np.array([[3], [6], [1], [4], [2]])
    sequences = rng.standard_normal((B, 6, d))
    without_b = {name: leaf for name, leaf in bank.items() if name != "b"}

    def seeded():
        return np.random.default_rng(1)

    def for_evaluation(p, width):
        cut = {name: value[:, :width] for name, value in statistics.items()}
        return p["p"] | nn.cast(cut, p["x"].dtype)

    def bias_given(p):
        return p["p"] | {"b": bank["b"].astype(p["x"].dtype)}

    for activation in ACTIVATIONS:
        yield ("dense_layer", f"one network per modality, dropout, batch norm, {activation}",
               {"p": bank, "x": x},
               lambda p, a=activation: ops.dense_layer(p["p"], p["x"], a, 0.3, seeded()))
        yield ("dense_layer", f"one network for all modalities, {activation}", {"p": one, "x": x},
               lambda p, a=activation: ops.dense_layer(p["p"], p["x"], a))
    yield ("dense_layer", "one network, one batch, dropout", {"p": one, "x": batch},
           lambda p: ops.dense_layer(p["p"], p["x"], "tanh", 0.3, seeded()))
    yield ("dense_layer", "one network for all modalities, dropout", {"p": one, "x": x},
           lambda p: ops.dense_layer(p["p"], p["x"], "tanh", 0.3, seeded()))
    # batch norm subtracts the bias again, so that its gradient is 0, which no check accepts
    yield ("dense_layer", "batch norm without dropout", {"p": without_b, "x": x},
           lambda p: ops.dense_layer(bias_given(p), p["x"], "tanh"))
    yield ("dense_layer", "batch norm in evaluation", {"p": bank, "x": x},
           lambda p: ops.dense_layer(for_evaluation(p, k), p["x"], "tanh"))
    for case, p, inputs in (("one for all modalities", norm, x), ("one per modality", norm_bank, x),
                            ("one batch", norm, batch)):
        yield ("batch_norm", case, {"p": p, "x": inputs}, lambda p: ops.batch_norm(p["p"], p["x"]))
    yield ("batch_norm", "in evaluation", {"p": norm, "x": x},
           lambda p: ops.batch_norm(for_evaluation(p, d), p["x"]))
    yield "dropout", "", {"x": x}, lambda p: ops.dropout(p["x"], 0.3, seeded())
    yield "dropout", "in evaluation", {"x": x}, lambda p: ops.dropout(p["x"], 0.3, None) * 2
    yield "softmax", "last axis", {"x": x}, lambda p: ops.softmax(p["x"])
    yield "softmax", "first axis", {"x": x}, lambda p: ops.softmax(p["x"], axis=0)
    for name in ("elu", "log_softmax", "mean", "norm", "sigmoid", "softplus"):
        yield name, "", {"x": x}, lambda p, name=name: getattr(ops, name)(p["x"])
    yield ("take_rows", "one row three times, one not at all", {"x": x},
           lambda p: ops.take_rows(p["x"], [2, 0, 2, 2]))
    yield ("bilstm", "", {"p": lstm, "x": sequences},
           lambda p: ops.bilstm(p["p"], p["x"], mask))
    yield "gru", "", {"p": gru, "x": sequences}, lambda p: ops.gru(p["p"], p["x"], mask)


CASES = [pytest.param(*case[2:], id=" ".join(case[:2]).strip()) for case in cases()]
each_case = pytest.mark.parametrize(("tree", "function"), CASES)


def test_every_operation_has_a_case():
    assert {case[0] for case in cases()} | {"pull_each"} == set(ops.NAMES)


@each_case
def test_fast_equals_readable(tree, function):
    def compute():
        value, pull = nn.vjp(function, tree)
        return {"value": value} | pull(np.random.default_rng(2).standard_normal(value.shape))

    readable, fast = (list(nn.leaves(tree)) for tree in with_each_implementation(compute))
    for (path, one), (same_path, other) in zip(readable, fast, strict=True):
        assert path == same_path
        np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-13, err_msg=str(path))


@each_case
def test_gradient(tree, function, rng, each_implementation):
    assert_gradient(lambda p: weigh(function(p)), tree, rng)


@each_case
def test_float32_stays_float32(tree, function, cotangent_dtypes, each_implementation):
    tree = nn.map_leaves(np.float32, tree)
    value, pull = nn.vjp(function, tree)
    gradient = pull(np.ones_like(value))
    assert value.dtype == np.float32
    assert {leaf.dtype for _, leaf in nn.leaves(gradient)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


@each_case
def test_nothing_is_written_into(tree, function, each_implementation):
    """Neither the arguments nor the cotangent, and the backward pass can run twice."""
    for _, leaf in nn.leaves(tree):
        leaf.flags.writeable = False
    value, pull = nn.vjp(function, tree)
    g = np.random.default_rng(2).standard_normal(value.shape)
    g.flags.writeable = False
    for (_, first), (_, second) in zip(nn.leaves(pull(g)), nn.leaves(pull(g)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_cotangents_too_small_to_matter_are_0(rng):
    """Through a stack of dying layers they would shrink to denormals, which are slow."""
    tree = {"p": nn.init_dense(rng, d, k, norm=True), "x": rng.standard_normal((B, d))}
    _, pull = nn.vjp(lambda t: ops.dense_layer(t["p"], t["x"], "tanh"), nn.cast(tree, "float32"))
    for size, zero in ((1e-20, True), (1e-12, False)):
        gradient = pull(np.float32(size * rng.standard_normal((B, k))))
        assert (not gradient["p"]["W"].any()) == (not gradient["x"].any()) == zero


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 4])
def test_pull_each_is_pull_for_each(count, dtype, rng, cotangent_dtypes, each_implementation):
    """Several losses share the backward pass of one bank of networks, as in the encoders."""
    params = {"one": shaken(nn.init_dense(rng, d, k, bank=(3,), norm=True), rng),
              "two": shaken(nn.init_dense(rng, k, N, bank=(3,)), rng)}
    x = rng.standard_normal((3, B, d)).astype(dtype)

    def network(p):
        h = ops.dense_layer(p["one"], x, "leaky_relu_0.01", 0.3, np.random.default_rng(1))
        return ops.dense_layer(p["two"], h, "tanh")

    value, pull = nn.vjp(network, nn.cast(params, dtype))
    cotangents = [rng.standard_normal(value.shape).astype(dtype) for _ in range(count)]
    together = ops.pull_each(pull, cotangents)
    assert len(together) == count
    atol = {"float32": 1e-5, "float64": 1e-12}[dtype]
    for g, gradient in zip(cotangents, together, strict=True):
        for (_, one), (_, other) in zip(nn.leaves(pull(g)), nn.leaves(gradient), strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=atol)
    assert cotangent_dtypes == {np.dtype(dtype)}


def activate(name, x):
    """The activation alone: a dense layer that changes nothing else."""
    return ops.dense_layer({"W": np.eye(x.shape[-1]), "b": np.zeros((1, x.shape[-1]))}, x, name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_layer_is_dense_dropout_batch_norm_activation(name, rng, each_implementation):
    p, x = shaken(nn.init_dense(rng, d, k, norm=True), rng), rng.standard_normal((B, d))
    mask, = dropout_masks(1, 0.3, (B, k))
    z = times(mask, [dense(p, row) for row in x.tolist()])
    expected = [ACTIVATIONS[name](row) for row in batch_norm(p, z)]
    y = ops.dense_layer(p, x, name, 0.3, np.random.default_rng(1))
    np.testing.assert_allclose(y, expected, atol=1e-14)
    without = {"W": p["W"], "b": p["b"]}
    expected = [ACTIVATIONS[name](dense(p, row)) for row in x.tolist()]
    np.testing.assert_allclose(ops.dense_layer(without, x, name), expected, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_large_inputs(name, each_implementation):
    x = np.array([[-1000.0, -30.0, 0.0, 30.0, 1000.0]])
    limits = {
        "identity": x,
        "relu": [[0, 0, 0, 30, 1000]],
        "leaky_relu_0.01": [[-10, -0.3, 0, 30, 1000]],
        "leaky_relu_0.2": [[-200, -6, 0, 30, 1000]],
        "tanh": [[-1, -1, 0, 1, 1]], "sigmoid": [[0, 0, 0.5, 1, 1]], "softmax": [[0, 0, 0, 0, 1]],
    }
    y, pull = nn.vjp(lambda p: activate(name, p["x"]), {"x": x})
    np.testing.assert_allclose(y, limits[name], atol=1e-12)
    assert np.isfinite(pull(np.ones_like(y))["x"]).all()


@pytest.mark.parametrize(("name", "slope"), [
    ("relu", 0), ("leaky_relu_0.01", 0.01), ("leaky_relu_0.2", 0.2)])
def test_relu_has_its_lower_slope_at_0(name, slope, each_implementation):
    x = np.array([[-1.0, 0.0, 1.0]])
    gradient = nn.value_and_grad(lambda p: activate(name, p["x"]).sum(), {"x": x})[1]["x"]
    np.testing.assert_allclose(gradient, [[slope, slope, 1]])


def test_elu(each_implementation):
    x = np.array([-1000, -2, -1e-9, 0, 1e-9, 3, 1000])
    expected = [z if z > 0 else math.expm1(z) for z in x]
    np.testing.assert_allclose(ops.elu(x), expected, atol=1e-15)
    gradient = nn.value_and_grad(lambda p: ops.elu(p["x"]).sum(), {"x": x})[1]["x"]
    np.testing.assert_allclose(gradient, [1 if z > 0 else math.exp(z) for z in x])


def test_softplus(each_implementation):
    x = np.array([-1000.0, -2.0, 0.0, 3.0, 1000.0])
    expected = [0, math.log1p(math.exp(-2)), math.log(2), math.log1p(math.exp(3)), 1000]
    np.testing.assert_allclose(ops.softplus(x), expected)
    gradient = nn.value_and_grad(lambda p: ops.softplus(p["x"]).sum(), {"x": x})[1]["x"]
    np.testing.assert_allclose(gradient, [0, sigmoid(-2), 0.5, sigmoid(3), 1])


def test_softmax(rng, each_implementation):
    x = rng.standard_normal((3, B, d))
    np.testing.assert_allclose(ops.softmax(x)[2, 1], softmax(x[2, 1].tolist()))
    np.testing.assert_allclose(ops.softmax(x, axis=0)[:, 1, 1], softmax(x[:, 1, 1].tolist()))
    np.testing.assert_allclose(ops.log_softmax(x), np.log(ops.softmax(x)))
    np.testing.assert_allclose(ops.softmax(x + 700), ops.softmax(x))
    np.testing.assert_array_equal(ops.softmax(np.array([1e4, 0.0, -1e4])), [1, 0, 0])
    np.testing.assert_array_equal(ops.log_softmax(np.array([1e4, 0.0, -1e4])), [0, -1e4, -2e4])


def test_norm_and_mean(rng, each_implementation):
    x = rng.standard_normal((3, B, d))
    assert ops.norm(x)[1, 2] == pytest.approx(math.sqrt(sum(value * value for value in x[1, 2])))
    assert ops.mean(x) == pytest.approx(sum(x.ravel()) / (3 * B * d))
    x[1, 2] = 0
    norm, pull = nn.vjp(lambda p: ops.norm(p["x"]), {"x": x})
    gradient = pull(np.ones_like(norm))["x"]
    assert norm[1, 2] == 0
    assert (gradient[1, 2] == 0).all()
    np.testing.assert_allclose(gradient[0], x[0] / norm[0][:, None])


def test_batch_norm_in_training_uses_the_batch(rng, each_implementation):
    """Mean and variance over the axis of the batch, the variance divided by B."""
    p, x = shaken(nn.init_batch_norm(d), rng), 3 + 2 * rng.standard_normal((3, B, d))
    expected = [batch_norm(p, x[m].tolist()) for m in range(3)]
    np.testing.assert_allclose(ops.batch_norm(p, x), expected, atol=1e-12)
    plain = ops.batch_norm(nn.init_batch_norm(d), x)
    np.testing.assert_allclose(plain.mean(axis=1), 0, atol=1e-12)
    var = x.var(axis=1)
    np.testing.assert_allclose(plain.var(axis=1), var / (var + 1e-5), rtol=1e-12)


def test_batch_norm_in_evaluation_uses_given_statistics(rng, each_implementation):
    p, x = shaken(nn.init_batch_norm(d), rng), rng.standard_normal((B, d))
    mean, var = rng.standard_normal((1, d)), rng.uniform(1, 2, (1, d))
    y = ops.batch_norm(p | {"mean": mean, "var": var}, x)
    for i in range(B):
        for j in range(d):
            normalised = (x[i, j] - mean[0, j]) / math.sqrt(var[0, j] + 1e-5)
            expected = p["gamma"][0, j] * normalised + p["beta"][0, j]
            assert y[i, j] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("x", [np.full((1, d), 3.0), np.full((B, d), 3.0)],
                         ids=["batch of one", "equal rows"])
def test_batch_norm_without_variance_is_finite(x, rng, each_implementation):
    p = shaken(nn.init_batch_norm(d), rng)
    y, pull = nn.vjp(lambda p: ops.batch_norm(p["p"], p["x"]), {"p": p, "x": x})
    np.testing.assert_array_equal(y, np.broadcast_to(p["beta"], x.shape))
    assert all(np.isfinite(leaf).all() for _, leaf in nn.leaves(pull(np.ones_like(y))))


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_equals_torch(training, rng, each_implementation):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    p, x = shaken(nn.init_batch_norm(d), rng), rng.standard_normal((B, d))
    mean, var = rng.standard_normal((1, d)), rng.uniform(1, 2, (1, d))
    g = rng.standard_normal((B, d))
    statistics = {} if training else {"mean": mean, "var": var}
    y, pull = nn.vjp(lambda t: ops.batch_norm(t["p"] | statistics, t["x"]), {"p": p, "x": x})
    ours = pull(g)
    gamma, beta, x_ = (torch.tensor(array, requires_grad=True)
                       for array in (p["gamma"][0], p["beta"][0], x))
    y_ = torch.nn.functional.batch_norm(
        x_, torch.tensor(mean[0]), torch.tensor(var[0]), gamma, beta, training)
    y_.backward(torch.tensor(g))
    np.testing.assert_allclose(y, y_.detach(), atol=1e-12)
    np.testing.assert_allclose(ours["p"]["gamma"][0], gamma.grad, atol=1e-10)
    np.testing.assert_allclose(ours["p"]["beta"][0], beta.grad, atol=1e-10)
    np.testing.assert_allclose(ours["x"], x_.grad, atol=1e-10)


def test_batch_norm_statistics_are_those_of_the_data(rng, each_implementation):
    """Averages over batches, weighted by size; the second layer sees the first one's output."""
    params = {"one": shaken(nn.init_dense(rng, d, k, norm=True), rng),
              "two": shaken(nn.init_batch_norm(k), rng)}
    before = nn.map_leaves(np.copy, params)
    x, batches = rng.standard_normal((B, d)), [range(3), range(3, 5)]

    def forward(p, rows):
        return ops.batch_norm(p["two"], ops.dense_layer(p["one"], x[rows.start:rows.stop], "tanh"))

    evaluated = nn.batch_norm_statistics(params, forward, batches)
    means, variances = np.zeros((2, k)), np.zeros((2, k))
    for rows in batches:
        z = [dense(params["one"], x[row].tolist()) for row in rows]
        h = [[math.tanh(value) for value in row] for row in batch_norm(params["one"], z)]
        for layer, inputs in enumerate((z, h)):
            means[layer] += len(rows) / B * np.mean(inputs, axis=0)
            variances[layer] += len(rows) / B * np.var(inputs, axis=0)
    for layer, name in enumerate(("one", "two")):
        np.testing.assert_allclose(evaluated[name]["mean"], [means[layer]], atol=1e-14)
        np.testing.assert_allclose(evaluated[name]["var"], [variances[layer]], atol=1e-14)
    assert set(evaluated["two"]) == {"gamma", "beta", "mean", "var"}
    assert set(params["two"]) == {"gamma", "beta"}  # as before
    for (_, one), (_, other) in zip(nn.leaves(params), nn.leaves(before), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_norm_statistics_of_a_layer_used_twice_are_those_of_both_inputs(
        rng, each_implementation):
    """With batches of 3 and 2 rows, each use weighs as much as its batch has rows."""
    p, x, other = nn.init_batch_norm(d), rng.standard_normal((B, d)), rng.standard_normal((B, d))

    def forward(p, rows):
        ops.batch_norm(p, x[rows.start:rows.stop])
        ops.batch_norm(p, other[rows.start:rows.stop])

    evaluated = nn.batch_norm_statistics(p, forward, [range(3), range(3, 5)])
    mean = (x.mean(axis=0) + other.mean(axis=0)) / 2
    np.testing.assert_allclose(evaluated["mean"], [mean], atol=1e-14)


def test_batch_norm_statistics_replace_earlier_ones(rng, each_implementation):
    p = shaken(nn.init_batch_norm(d), rng)
    x, other = rng.standard_normal((2, B, d))
    earlier = nn.batch_norm_statistics(p, ops.batch_norm, [other])
    again = nn.batch_norm_statistics(earlier, ops.batch_norm, [x])
    for name, value in nn.batch_norm_statistics(p, ops.batch_norm, [x]).items():
        np.testing.assert_array_equal(again[name], value)


def test_batch_norm_statistics_keep_float32(rng):
    p, x = nn.cast(nn.init_batch_norm(d), "float32"), rng.standard_normal((B, d)).astype("float32")
    evaluated = nn.batch_norm_statistics(p, ops.batch_norm, [x])
    assert {leaf.dtype for leaf in evaluated.values()} == {np.dtype("float32")}


def test_dropout_drops_its_rate_and_keeps_the_mean(each_implementation):
    """Inverted dropout of 10^4 ones, within four standard errors of the binomial distribution."""
    y = ops.dropout(np.ones((100, 100)), 0.3, np.random.default_rng(0))
    error = 4 * math.sqrt(0.3 * 0.7 / y.size)
    assert set(np.unique(y)) == {0, 1 / 0.7}
    assert abs((y == 0).mean() - 0.3) < error
    assert abs(y.mean() - 1) < error / 0.7


def test_dropout_in_evaluation_or_at_rate_0_does_nothing(rng, each_implementation):
    x, state = rng.standard_normal((B, d)), rng.bit_generator.state
    assert ops.dropout(x, 0.3, None) is x
    assert ops.dropout(x, 0, rng) is x
    p = nn.init_dense(np.random.default_rng(1), d, k)
    for drop_rate, generator in ((0.3, None), (0, rng)):
        y = ops.dense_layer(p, x, "tanh", drop_rate, generator)
        np.testing.assert_array_equal(y, ops.dense_layer(p, x, "tanh"))
    assert rng.bit_generator.state == state


def test_dropout_draws_from_its_generator_alone(rng, each_implementation):
    x = rng.standard_normal((3, B, d))
    one, two = (ops.dropout(x, 0.5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    generator = np.random.default_rng(3)
    first, second = (ops.dropout(x, 0.5, generator) for _ in range(2))
    np.testing.assert_array_equal(first, one)
    assert not np.array_equal(second, one)


def test_take_rows(rng, each_implementation):
    V = rng.standard_normal((4, B, k))
    np.testing.assert_array_equal(ops.take_rows(V, [2, 0, 2]), np.stack([V[2], V[0], V[2]]))


def test_initial_dense_layers_are_glorot_uniform(rng):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)), for each network of a bank; biases are 0."""
    p = nn.init_dense(rng, 40, 60, bank=(3,), norm=True)
    limit = math.sqrt(6 / 100)
    for W in p["W"]:
        assert 0.99 * limit < np.abs(W).max() <= limit
        assert W.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)
    assert len({W.tobytes() for W in p["W"]}) == 3, "no two are equal"
    assert {name: leaf.shape for name, leaf in p.items()} == {
        "W": (3, 40, 60), "b": (3, 1, 60), "gamma": (3, 1, 60), "beta": (3, 1, 60)}
    assert (p["b"] == 0).all()
    assert (p["gamma"] == 1).all()
    assert (p["beta"] == 0).all()


def test_redrawn_layers_are_pytorchs(rng):
    """Weights and biases of dense layers are uniform in +-1 / sqrt(fan_in); batch norm stays."""
    tree = {"bank": nn.init_dense(rng, 40, 60, bank=(3,), norm=True), "norm": nn.init_batch_norm(4)}
    redrawn = nn.redraw_as_pytorch(rng, tree)
    limit = 1 / math.sqrt(40)
    for name in ("W", "b"):
        leaf = redrawn["bank"][name]
        assert leaf.shape == tree["bank"][name].shape
        assert 0.95 * limit < np.abs(leaf).max() <= limit
        assert leaf.std() == pytest.approx(limit / math.sqrt(3), rel=0.1)
    assert redrawn["bank"]["gamma"] is tree["bank"]["gamma"]
    assert redrawn["norm"] == tree["norm"]


def test_initial_lstm_treats_each_gate_as_a_matrix_of_its_own(rng):
    p = nn.init_bilstm(rng, 40, 60)
    for name, fan_in in (("W", 40), ("U", 60)):
        assert p[name].shape == (2, fan_in, 240)
        limit = math.sqrt(6 / (fan_in + 60))
        gates = np.split(p[name], 4, axis=-1)
        for gate in gates:
            assert 0.99 * limit < np.abs(gate).max() <= limit
        assert len({gate.tobytes() for gate in gates}) == 4, "no two are equal"
    np.testing.assert_array_equal(p["b"], np.zeros((2, 1, 240)))


def test_initial_gru_treats_each_gate_as_a_matrix_of_its_own(rng):
    p = nn.init_gru(rng, 40, 60)
    for name, fan_in in (("W", 40), ("U", 60)):
        assert p[name].shape == (fan_in, 180)
        limit = math.sqrt(6 / (fan_in + 60))
        gates = np.split(p[name], 3, axis=-1)
        for gate in gates:
            assert 0.99 * limit < np.abs(gate).max() <= limit
        assert len({gate.tobytes() for gate in gates}) == 3, "no two are equal"
    np.testing.assert_array_equal(p["b"], np.zeros((1, 180)))


TRAINING = """
import numpy as np
from argf_np import nn

rng = np.random.default_rng(0)
params = {
    "lstm": nn.init_bilstm(rng, 4, 3),
    "hidden": nn.init_dense(rng, 6, 5, norm=True),
    "label": nn.init_dense(rng, 5, 2),
}
x = rng.standard_normal((7, 6, 4))
mask = np.arange(6) < rng.integers(1, 7, (7, 1))
y = np.eye(2)[rng.integers(0, 2, (7, 6))]

def loss(p):
    h = nn.ops.dropout(nn.ops.bilstm(p["lstm"], x, mask), 0.3, rng)
    h = nn.ops.dense_layer(p["hidden"], h, "leaky_relu_0.2", 0.3, rng)
    z = nn.ops.log_softmax(nn.ops.dense_layer(p["label"], h, "identity"))
    return -nn.ops.mean(nn.ops.take_rows(z, [1, 4, 4]) * y[[1, 4, 4]])

state = nn.init_adam(params)
for _ in range(20):
    value, gradient = nn.value_and_grad(loss, params)
    nn.adam(state, params, gradient, 0.01)
    print(value)
"""


def test_without_the_folder_fast_only_time_is_lost(tmp_path):
    """A copy of the package without it trains to the same losses."""
    package = Path(nn.__file__).parents[1]
    copy = tmp_path / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("fast", "__pycache__"))
    assert (package / "nn" / "fast").exists()
    assert not (copy / "nn" / "fast").exists()
    losses = []
    for root in (package.parent, tmp_path):
        done = subprocess.run([sys.executable, "-c", TRAINING], cwd=tmp_path.parent, check=True,
                              env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.PIPE)
        losses.append([float(line) for line in done.stdout.splitlines()])
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)


def test_use_returns_the_implementation_used_before():
    assert nn.use("readable") == "fast"  # which is the default
    softmax = ops.softmax
    assert nn.use("fast") == "readable"
    assert ops.softmax is not softmax
    with pytest.raises(KeyError):
        nn.use("slow")

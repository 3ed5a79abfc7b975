"""The whole network: its size, one forward pass with every named intermediate, and evaluation."""

import numpy as np
import pytest
from helpers import N, assert_close, bits, d, k, shaken

from argf_np import nn
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.graph_fusion_eq10_16 import graph_fusion
from argf_np.paper.joint_embedding_eq1_9 import classify, decode, discriminate, encode
from argf_np.paper.model import (
    embed,
    evaluation_params,
    forward,
    init_model,
    predict,
    predict_in_chunks,
)

GROUPS = ("encoders", "decoders", "discriminator", "classifier", "fusion")
n = 13  # utterances of more than one chunk
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])
each_fusion = pytest.mark.parametrize("fusion", STRATEGIES)


@pytest.fixture
def params(rng):
    return shaken(init_model(rng, d, k, N, "float64"), rng)


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, n, d))


def test_number_of_parameters_at_the_papers_sizes(rng):
    """1,141,120 for d = k = 50 and two classes.

    Table 4 adds 129,650 that a class of the released code never uses.
    """
    counts = {"encoders": 3 * 305_700, "decoders": 3 * 62_322, "discriminator": 4_321,
              "classifier": 2_752, "fusion": 29_981}
    params = init_model(rng, 50, 50, 2)
    assert {group: nn.count(tree) for group, tree in params.items()} == counts
    assert nn.count(params) == 1_141_120 == 1_270_770 - 129_650


@each_variant
@each_fusion
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_parameters_have_the_type_and_lie_in_one_piece(dtype, fusion, variant, rng):
    """In one piece, since the optimisers update them in place."""
    params = init_model(rng, d, k, N, dtype, 3, fusion, variant)
    assert (*params,) == GROUPS
    for _, leaf in nn.leaves(params):
        assert leaf.dtype == dtype
        assert leaf.flags.c_contiguous


def test_the_paper_variant_begins_with_glorot_and_zero_biases(rng):
    """D19. Weights are uniform in +-sqrt(6 / (fan_in + fan_out))."""
    layers = init_model(rng, 20, 50, 2, "float64")["encoders"]
    for name, fan_in, fan_out in (("dense_1", 20, 200), ("dense_2", 200, 500)):
        W, b = layers[name]["W"], layers[name]["b"]
        limit = np.sqrt(6 / (fan_in + fan_out))
        assert 0.99 * limit < np.abs(W).max() <= limit
        assert np.std(W) == pytest.approx(limit / np.sqrt(3), rel=0.02)
        assert (b == 0).all()


def test_the_released_variant_begins_as_pytorch_does(rng):
    """D19. Weights and biases are uniform in +-1 / sqrt(fan_in); batch norm keeps 1 and 0."""
    params = init_model(rng, 20, 50, 2, "float64", variant="released")
    for layers, name, fan_in in (("encoders", "dense_2", 200), ("decoders", "dense_2", 512)):
        limit = 1 / np.sqrt(fan_in)
        for leaf in (params[layers][name]["W"], params[layers][name]["b"]):
            assert 0.95 * limit < np.abs(leaf).max() <= limit
            assert np.std(leaf) == pytest.approx(limit / np.sqrt(3), rel=0.1)
        assert (params[layers][name]["gamma"] == 1).all()
        assert (params[layers][name]["beta"] == 0).all()
    assert (params["classifier"]["norm"]["gamma"] == 1).all()


@each_fusion
def test_in_the_released_variant_every_group_has_biases_from_the_beginning(fusion, rng):
    """D19. The weights and the bias of low-rank fusion belong to no dense layer."""
    for variant in ("paper", "released"):
        params = init_model(rng, d, k, N, "float64", 3, fusion, variant)
        for path, leaf in nn.leaves(params):
            if path[-1] == "b":
                assert (leaf != 0).all() == (variant == "released"), path


@each_variant
def test_forward_names_every_intermediate(variant, params, x, each_implementation):
    out = forward(params, x, variant)
    shapes = {
        "x_e": (3, n, k), "z": (3, n, 1), "D": (3, n, 1), "x_tilde": (3, n, d),
        "y_tilde": (3, n, N), "alpha_m": (3, n, 1), "U": (n, k),
        "V_2": (3, n, k), "S_2": (3, n, 1), "alpha_hat_2": (3, n, 1), "alpha_2": (3, n, 1),
        "B": (n, k),
        "V_3": (6, n, k), "S_3": (6, n, 1), "alpha_hat_3": (6, n, 1), "alpha_3": (6, n, 1),
        "T": (n, k), "Omega": (n, 3 * k), "M": (n, N),
    }
    assert {name: value.shape for name, value in out.items()} == shapes
    np.testing.assert_allclose(out["D"], 1 / (1 + np.exp(-out["z"])))
    for name, value in graph_fusion(params["fusion"], out["x_e"], variant).items():
        np.testing.assert_array_equal(out[name], value)


def test_forward_drops_in_every_part_that_has_dropout(params, x):
    """Encoders, decoders and classifier draw their masks one after the other; no other part."""
    out = forward(params, x, "paper", "gfn", 0.3, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    x_e = encode(params["encoders"], x, 0.3, rng)
    expected = {
        "x_e": x_e,
        "z": discriminate(params["discriminator"], x_e),
        "x_tilde": decode(params["decoders"], x_e, 0.3, rng),
        "y_tilde": classify(params["classifier"], x_e, 0.3, rng),
        "M": graph_fusion(params["fusion"], x_e)["M"],
    }
    for name, value in expected.items():
        np.testing.assert_array_equal(out[name], value)
    M = predict(params, x, "paper", "gfn", 0.3, np.random.default_rng(1))
    np.testing.assert_array_equal(M, out["M"])


def test_forward_without_a_group_lacks_its_outputs_and_changes_no_other(params, x):
    whole = forward(params, x)
    outputs = {"discriminator": {"z", "D"}, "decoders": {"x_tilde"}, "classifier": {"y_tilde"}}
    for group, names in outputs.items():
        rest = {other: tree for other, tree in params.items() if other != group}
        out = forward(rest, x)
        assert set(out) == set(whole) - names
        for name, value in out.items():
            np.testing.assert_array_equal(value, whole[name])


def test_without_encoders_the_embedding_is_the_features(params, x):
    assert embed({"fusion": params["fusion"]}, x) is x
    np.testing.assert_array_equal(embed(params, x), encode(params["encoders"], x))


@each_variant
@each_fusion
def test_predict_is_the_decision_of_forward(fusion, variant, rng, x):
    params = init_model(rng, d, k, N, "float64", 3, fusion, variant)
    M = predict(params, x, variant, fusion)
    assert M.shape == (n, N)
    np.testing.assert_array_equal(M, forward(params, x, variant, fusion)["M"])
    np.testing.assert_array_equal(
        predict(params, x, variant, fusion, 0.3, np.random.default_rng(1)),
        forward(without(params, "decoders", "classifier"), x, variant, fusion, 0.3,
                np.random.default_rng(1))["M"])


def without(params, *groups):
    return {group: tree for group, tree in params.items() if group not in groups}


@each_variant
@each_fusion
def test_evaluation_is_of_one_utterance_at_a_time(fusion, variant, rng, x):
    """In whole batches, alone, and in chunks, the last of which is smaller."""
    params = shaken(init_model(rng, d, k, N, "float64", 3, fusion, variant), rng)
    evaluated = evaluation_params(params, x, variant, fusion)
    together = forward(evaluated, x, variant, fusion)
    for b in (0, n - 1):
        for name, value in forward(evaluated, x[:, [b]], variant, fusion).items():
            assert_close(value[..., 0, :], together[name][..., b, :])
    for chunk in (1, 5, n, 100):
        assert_close(predict_in_chunks(evaluated, x, variant, fusion, chunk), together["M"])


@each_variant
@each_fusion
def test_no_utterances_get_no_predictions(fusion, variant, rng, x):
    """As where a corpus has no test split."""
    params = init_model(rng, d, k, N, "float64", 3, fusion, variant)
    evaluated = evaluation_params(params, x, variant, fusion)
    assert predict_in_chunks(evaluated, x[:, :0], variant, fusion, 5).shape == (0, N)


@each_variant
@pytest.mark.parametrize("fusion", [name for name in STRATEGIES if name != "weighted_average"])
def test_evaluation_on_the_very_training_batch_is_training_without_dropout(
        fusion, variant, rng, x):
    """Not for the released weighted average, which has one batch norm for four inputs (D21)."""
    params = shaken(init_model(rng, d, k, N, "float64", 3, fusion, variant), rng)
    evaluated = evaluation_params(params, x, variant, fusion)
    assert_close(predict(evaluated, x, variant, fusion), predict(params, x, variant, fusion))


@each_variant
def test_evaluation_statistics_are_those_of_the_named_utterances(variant, params, x):
    """Each batch norm has the mean and the variance of what enters it, in this variant."""
    rows = np.array([7, 2, 11, 5, 6])
    evaluated = evaluation_params(params, x, variant, rows=rows)
    first = params["encoders"]["dense_1"]
    z = x[:, rows] @ first["W"] + first["b"]
    Omega = forward(params, x[:, rows], variant)["Omega"]
    for norm, inputs in (
            (evaluated["encoders"]["dense_1"], z), (evaluated["fusion"]["Dec"]["norm"], Omega)):
        assert_close(norm["mean"], inputs.mean(axis=-2, keepdims=True))
        assert_close(norm["var"], inputs.var(axis=-2, keepdims=True))


@each_variant
def test_evaluation_statistics_are_averages_over_chunks_weighted_by_size(variant, params, x):
    def statistics(x, **how):
        evaluated = evaluation_params(params, x, variant, **how)
        return evaluated["encoders"]["dense_1"]["mean"], evaluated["fusion"]["Dec"]["norm"]["var"]

    in_chunks = statistics(x, chunk=8)
    for ours, first, last in zip(
            in_chunks, statistics(x[:, :8]), statistics(x[:, 8:]), strict=True):
        assert_close(ours, (8 * first + 5 * last) / 13)
    mean, _ = statistics(x)
    assert_close(in_chunks[0], mean)  # of the first layer: it does not depend on the chunks


@each_variant
def test_evaluation_leaves_training_alone(variant, params, x):
    before = bits(params)
    evaluation_params(params, x, variant)
    assert bits(params) == before

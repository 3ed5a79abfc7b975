"""The whole network: its size, one forward pass with every named intermediate, and evaluation."""

import numpy as np
import pytest
from helpers import B, N, d, k

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import classify, decode, discriminate, encode
from argf_np.paper.graph_fusion_eq10_16 import graph_fusion
from argf_np.paper.model import evaluation_params, forward, init_model, predict

PARTS = {"encoders": 3 * 305_700, "decoders": 3 * 62_322, "discriminator": 4_321, "classifier": 2_752, "fusion": 29_981}


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, B, d))


def test_number_of_parameters_at_the_papers_sizes(rng):
    """1,141,120 for d = k = 50 and two classes. Table 4 adds 129,650 that a class of the released code never uses."""
    params = init_model(rng, 50, 50, 2)
    assert {group: nn.count(tree) for group, tree in params.items()} == PARTS
    assert nn.count(params) == 1_141_120 == 1_270_770 - 129_650


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_parameters_are_of_the_type(dtype, rng):
    for _, leaf in nn.leaves(init_model(rng, d, k, N, dtype)):
        assert leaf.dtype == dtype
        assert leaf.flags.c_contiguous


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_forward_names_every_intermediate(variant, params, x, each_implementation):
    out = forward(params, x, variant)
    shapes = {"x_e": (3, B, k), "z": (3, B, 1), "D": (3, B, 1), "x_tilde": (3, B, d), "y_tilde": (3, B, N),
              "alpha_m": (3, B, 1), "U": (B, k), "V_2": (3, B, k), "S_2": (3, B, 1), "alpha_hat_2": (3, B, 1),
              "alpha_2": (3, B, 1), "B": (B, k), "V_3": (6, B, k), "S_3": (6, B, 1), "alpha_hat_3": (6, B, 1),
              "alpha_3": (6, B, 1), "T": (B, k), "Omega": (B, 3 * k), "M": (B, N)}
    assert {name: value.shape for name, value in out.items()} == shapes
    np.testing.assert_allclose(out["D"], 1 / (1 + np.exp(-out["z"])))
    for name, value in graph_fusion(params["fusion"], out["x_e"], variant).items():
        np.testing.assert_array_equal(out[name], value)


def test_forward_drops_in_every_part_that_has_dropout(params, x):
    """Encoders, decoders and classifier draw their masks from the generator one after the other; nothing else draws."""
    out, rng = forward(params, x, "paper", "gfn", 0.3, np.random.default_rng(1)), np.random.default_rng(1)
    x_e = encode(params["encoders"], x, 0.3, rng)
    np.testing.assert_array_equal(out["x_e"], x_e)
    np.testing.assert_array_equal(out["z"], discriminate(params["discriminator"], x_e))
    np.testing.assert_array_equal(out["x_tilde"], decode(params["decoders"], x_e, 0.3, rng))
    np.testing.assert_array_equal(out["y_tilde"], classify(params["classifier"], x_e, 0.3, rng))
    np.testing.assert_array_equal(out["M"], predict(params, x, "paper", "gfn", 0.3, np.random.default_rng(1)))


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_predict_is_the_decision_of_forward(variant, params, x):
    np.testing.assert_array_equal(predict(params, x, variant), forward(params, x, variant)["M"])


def test_evaluation_is_of_one_utterance_at_a_time(params, x):
    frozen = evaluation_params(params, x)
    for b in range(B):
        alone = forward(frozen, x[:, [b]])
        for name, value in forward(frozen, x).items():
            np.testing.assert_allclose(alone[name][..., 0, :], value[..., b, :], rtol=0, atol=1e-12, err_msg=name)


def test_evaluation_on_the_very_training_batch_is_training_without_dropout(params, x):
    np.testing.assert_allclose(predict(evaluation_params(params, x), x), predict(params, x), rtol=0, atol=1e-12)


def test_evaluation_statistics_are_averages_over_chunks_weighted_by_size(params, x):
    mean = lambda x, **how: evaluation_params(params, x, **how)["encoders"]["dense_1"]["mean"]  # noqa: E731
    np.testing.assert_allclose(mean(x, chunk=3), mean(x), rtol=0, atol=1e-12)
    np.testing.assert_allclose(mean(x, chunk=3), (3 * mean(x[:, :3]) + 2 * mean(x[:, 3:])) / 5, rtol=0, atol=1e-12)
    deep = lambda x, **how: evaluation_params(params, x, **how)["fusion"]["Dec"]["norm"]["var"]  # noqa: E731
    np.testing.assert_allclose(deep(x, chunk=3), (3 * deep(x[:, :3]) + 2 * deep(x[:, 3:])) / 5, rtol=0, atol=1e-12)


def test_prediction_in_chunks_is_prediction(params, x):
    frozen = evaluation_params(params, x)
    np.testing.assert_allclose(predict(frozen, x, chunk=2), predict(frozen, x), rtol=0, atol=1e-12)


def test_evaluation_leaves_training_alone(params, x):
    before = {path: leaf.tobytes() for path, leaf in nn.leaves(params)}
    evaluation_params(params, x)
    assert {path: leaf.tobytes() for path, leaf in nn.leaves(params)} == before

"""Where the paper is silent, contradicts itself or differs from the released code: D1 to D17, a test each.

Variant "paper" computes what the paper prints, "released" what its authors' code computes; each test shows the
difference, or the choice that was made.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import B, N, d, k, shaken

from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np import nn
from argf_np.paper import protocols, ucln, updates
from argf_np.data.published import DATASETS
from argf_np.paper.joint_embedding_eq1_9 import classify, discriminate, encode, init_classifier
from argf_np.paper.graph_fusion_eq10_16 import (
    fuse,
    fusion_loss,
    graph_fusion,
    init_gfn,
    similarity,
    vertex_scores,
    weighted_sum,
)
from argf_np.paper.vertices import BIMODAL, TRIMODAL, source_indices
from argf_np.metrics import scores
from argf_np.paper.model import evaluation_params, init_model, predict
from argf_np.nn import ops
from argf_np.settings import Settings, preset

TRIMODAL_ROWS = source_indices(3)[1]
SETTINGS = Settings(k=k, epochs=2, drop_rate=0.0, weight_decay=0.0, lambda_=0.2, dtype="float64")


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


@pytest.fixture
def batch(rng):
    """x (3, B, d) and y (B, N) one-hot."""
    return rng.standard_normal((3, B, d)), np.eye(N)[rng.integers(N, size=B)]


@pytest.fixture
def graphs(rng):
    """The parameters of a graph fusion network, x^e, and what the two variants make of it."""
    gfn, x_e = shaken(init_gfn(rng, 3, k, N), rng), rng.uniform(-1, 1, (3, B, k))
    return gfn, x_e, graph_fusion(gfn, x_e, "paper"), graph_fusion(gfn, x_e, "released")


def gradients(params, batch, settings):
    return updates.batch_gradients(
        params, *batch, updates.updates_of(settings), settings, np.random.default_rng(1))[1]


def twice(*arrays):
    """Every utterance of a batch a second time: (..., B, width) to (..., 2B, width)."""
    return [np.concatenate([array, array], axis=-2) for array in arrays]


def test_d01_w_is_1_and_a_learnt_one_collapses(params, batch, rng):
    """The loss is w times a positive number, so descending w can only shrink it, batch after batch."""
    z = rng.standard_normal((3, B, 1))
    assert losses.fake_adversarial_loss(z, 1) == losses.fake_adversarial_loss(z, 1, w=1)
    assert losses.true_adversarial_loss(z, 1) == losses.true_adversarial_loss(z, 1, w=1)
    assert updates.adversarial_weight(params) == 1
    settings = replace(SETTINGS, learn_w=True, lr=0.1)
    params["w"] = {"log_w": np.zeros(1)}
    optimisers, weights = updates.init_optimisers(params, settings), []
    for _ in range(50):
        updates.train_batch(params, optimisers, *batch, settings, rng)
        weights.append(updates.adversarial_weight(params))
    assert (np.diff([1, *weights]) < 0).all()
    assert weights[-1] < 0.1


def test_d02_losses_are_means_over_the_batch_or_sums(batch, rng):
    """The same batch twice: a mean stays, a sum doubles. The released code mixes both, which changes lambda."""
    x, y = batch
    x_tilde, y_tilde, z, M = (rng.random(shape) for shape in ((3, B, d), (3, B, N), (3, B, 1), (B, N)))
    for variant, factor in (("paper", 1), ("released", 2)):
        for loss, arrays in ((losses.reconstruction_loss, (x_tilde, x)), (losses.classification_loss, (y_tilde, y)),
                             (fusion_loss, (M, y))):
            assert loss(*twice(*arrays), variant) == pytest.approx(factor * loss(*arrays, variant))
    for loss in (losses.fake_adversarial_loss, losses.true_adversarial_loss):  # means in both
        assert loss(*twice(z), 1) == pytest.approx(loss(z, 1))


def test_d03_reconstruction_error_is_a_norm_or_a_sum_of_absolute_errors():
    x_tilde, x = np.zeros((1, 1, 2)), np.array([[[3.0, 4.0]]])
    assert losses.reconstruction_loss(x_tilde, x, "paper") == 5
    assert losses.reconstruction_loss(x_tilde, x, "released") == 7
    for variant in ("paper", "released"):
        gradient = nn.value_and_grad(lambda p, v=variant: losses.reconstruction_loss(p["x"], x, v), {"x": x.copy()})[1]
        assert (gradient["x"] == 0).all()


def test_d04_one_classifier_takes_one_modality(rng):
    """R^k -> R^N and not R^3k: with the same representation in all modalities, the same label."""
    classifier = shaken(init_classifier(rng, k, N), rng)
    assert classifier["dense_1"]["W"].shape == (k, k)
    y_tilde = classify(classifier, np.stack([rng.standard_normal((B, k))] * 3))
    np.testing.assert_array_equal(y_tilde[0], y_tilde[1])
    np.testing.assert_array_equal(y_tilde[0], y_tilde[2])


def test_d05_classification_error_is_a_norm_or_a_sum_of_absolute_errors():
    y_tilde, y = np.array([[[0.6, 0.4]]]), np.array([[1.0, 0.0]])
    assert losses.classification_loss(y_tilde, y, "paper") == pytest.approx(math.hypot(0.4, 0.4))
    assert losses.classification_loss(y_tilde, y, "released") == pytest.approx(0.8)


@pytest.mark.parametrize(("variant", "order"), [
    ("paper", ["embedding", "discriminator", "classifier", "fusion"]),
    ("released", ["embedding", "classifier", "discriminator", "fusion"]),
])
def test_d06_order_of_the_updates(variant, order, params, batch, rng, monkeypatch):
    settings = replace(SETTINGS, variant=variant)
    optimisers, stepped, adam = updates.init_optimisers(params, settings), [], nn.adam

    def recorded(state, *rest, **named):
        stepped.extend(update for update, states in optimisers.items() for other in states.values() if other is state)
        adam(state, *rest, **named)

    monkeypatch.setattr(nn, "adam", recorded)
    updates.train_batch(params, optimisers, *batch, settings, rng)
    assert list(dict.fromkeys(stepped)) == order
    assert stepped == sorted(stepped, key=order.index)  # an update has done with all its groups before the next begins


def test_d07_fusion_reaches_the_encoders_or_stops_before_them(params, batch):
    """And its loss is a mean square, or a sum of absolute errors."""
    assert set(gradients(params, batch, SETTINGS)["fusion"]) == {"encoders", "fusion"}
    assert set(gradients(params, batch, replace(SETTINGS, variant="released"))["fusion"]) == {"fusion"}
    M, y = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]), np.eye(3)[[0, 1]]
    assert fusion_loss(M, y, "paper") == pytest.approx((0.16 + 0.09 + 0.01 + 0.04 + 0.64 + 0.36) / 6)
    assert fusion_loss(M, y, "released") == pytest.approx(0.4 + 0.3 + 0.1 + 0.2 + 0.8 + 0.6)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_d08_discriminator_descends_half_of_L_tal(variant, params, batch):
    settings = replace(SETTINGS, variant=variant)
    only = {"discriminator": updates.updates_of(settings)["discriminator"]}
    value = updates.batch_gradients(params, *batch, only, settings, None)[0]["discriminator"]
    z = discriminate(params["discriminator"], encode(params["encoders"], batch[0]))
    assert value == pytest.approx(0.5 * losses.true_adversarial_loss(z, 1))


def test_d09_bimodal_vertices_go_on_as_they_are_or_weighted_through_an_elu(graphs):
    gfn, x_e, paper, released = graphs
    weighted = ops.elu(released["alpha_2"] * released["V_2"])
    np.testing.assert_allclose(paper["B"], weighted_sum(paper["alpha_2"], paper["V_2"]))
    np.testing.assert_allclose(released["B"], weighted.sum(axis=0))
    for onward, graph in ((paper["V_2"], paper), (weighted, released)):
        vertices = np.concatenate([x_e, onward])
        first, second = (vertices[rows] for rows in TRIMODAL_ROWS)
        np.testing.assert_allclose(graph["V_3"], fuse(gfn["MLP_3"], first, second))
    np.testing.assert_array_equal(paper["V_2"], released["V_2"])
    assert not np.allclose(paper["B"], released["B"])


def test_d10_layer_3_is_weighed_with_alpha_2_or_with_its_value_before_the_softmax(graphs):
    """In both, the similarities come from the bimodal vertices themselves, not from the weighted ones."""
    _, x_e, paper, released = graphs
    for graph, bimodal in ((paper, paper["alpha_2"]), (released, released["alpha_hat_2"])):
        V_tilde = np.concatenate([ops.softmax(x_e), ops.softmax(graph["V_2"])])
        alpha = np.concatenate([graph["alpha_m"], bimodal])
        first, second = TRIMODAL_ROWS
        np.testing.assert_allclose(graph["S_3"], similarity(V_tilde[first], V_tilde[second]))
        np.testing.assert_allclose(graph["alpha_hat_3"], vertex_scores(alpha[first], alpha[second], graph["S_3"]))
        np.testing.assert_allclose(graph["alpha_3"], ops.softmax(graph["alpha_hat_3"], axis=0))
    assert not np.allclose(paper["alpha_3"], released["alpha_3"])


def test_d11_six_trimodal_vertices():
    """Each two bimodal vertices, and each bimodal vertex with the modality it lacks."""
    pairs = {frozenset(pair) for pair in TRIMODAL.values()}
    assert len(TRIMODAL) == 6
    assert pairs == {frozenset(pair) for pair in (("al", "vl"), ("al", "av"), ("vl", "av"),
                                                  ("al", "v"), ("vl", "a"), ("av", "l"))}
    vertices = ("a", "l", "v", *BIMODAL)
    for name, first, second in zip(TRIMODAL, *TRIMODAL_ROWS, strict=True):
        assert name == f"{vertices[first]}+{vertices[second]}"


def test_d12_trimodal_output_is_a_weighted_sum_or_a_sum_of_elus(graphs):
    _, _, paper, released = graphs
    np.testing.assert_allclose(paper["T"], weighted_sum(paper["alpha_3"], paper["V_3"]))
    np.testing.assert_allclose(released["T"], ops.elu(released["alpha_3"] * released["V_3"]).sum(axis=0))
    assert not np.allclose(released["T"], weighted_sum(released["alpha_3"], released["V_3"]))


def test_d13_adam_with_the_released_betas_and_coupled_weight_decay(params, batch, rng, monkeypatch):
    """Coupled: the decay is part of the gradient, so the first step has the learning rate's length all the same."""
    calls = []
    monkeypatch.setattr(nn, "adam", lambda *args, **named: calls.append((args, named)))
    updates.train_batch(params, updates.init_optimisers(params, SETTINGS), *batch,
                         replace(SETTINGS, lr=0.03, weight_decay=0.07), rng)
    assert {(args[3:], named["weight_decay"]) for args, named in calls} == {((0.03, (0.5, 0.999)), 0.07)}
    monkeypatch.undo()
    p = {"x": np.array([5.0, -5.0])}
    nn.adam(nn.init_adam(p), p, {"x": np.array([-0.01, -0.01])}, lr=0.1, weight_decay=0.01)
    np.testing.assert_allclose(p["x"], [4.9, -4.9], atol=1e-6)


@pytest.mark.parametrize(("dataset", "expected"), [
    ("mosi", {"k": 50, "drop_rate": 0.5, "lr": 1e-3, "batch_size": 16, "weight_decay": 0.005, "lambda_": 0.001}),
    ("iemocap", {"k": 100, "drop_rate": 0.1, "lr": 1e-3, "batch_size": 32, "weight_decay": 0.01, "lambda_": 0.001}),
    ("mosei", {"k": 150, "drop_rate": 0.2, "lr": 1e-2, "batch_size": 16, "weight_decay": 0, "lambda_": 0.1}),
])
def test_d13_presets(dataset, expected):
    """What the comments of the released scripts give, in both variants."""
    for variant in ("paper", "released"):
        settings = preset(dataset, variant=variant)
        assert {name: getattr(settings, name) for name in expected} == expected


def test_d14_evaluation_mode_or_dropout_and_batch_statistics_at_test_time(params, batch):
    """Evaluated as released, the answer for an utterance changes with the dice and with its neighbours."""
    x, _ = batch
    frozen = evaluation_params(params, x)
    first, again = (predict(params, x, "released", "gfn", 0.5, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.allclose(first, again)
    assert not np.allclose(predict(params, x[:, :3]), predict(params, x)[:3])
    np.testing.assert_allclose(predict(frozen, x[:, :3]), predict(frozen, x)[:3], rtol=0, atol=1e-12)


@pytest.mark.parametrize("protocol", ["fixed", "validation", "released"])
def test_d14_only_the_released_protocol_predicts_in_training_mode(protocol, rng, monkeypatch):
    """It keeps dropping at test time, with the batch's own statistics; the others do neither."""
    x, y = rng.standard_normal((3, N + 6, d)), np.eye(N)[np.arange(N + 6) % N]
    rows = {"train": np.arange(N), "validation": np.arange(N, N + 3), "test": np.arange(N + 3, N + 6)}
    modes, real = [], protocols.predict

    def recorded(params, x, variant, fusion, drop_rate=0.0, rng=None, **how):
        modes.append(("mean" in params["encoders"]["dense_1"], rng is not None and drop_rate > 0))
        return real(params, x, variant, fusion, drop_rate, rng, **how)

    monkeypatch.setattr(protocols, "predict", recorded)
    protocols.train(x, y, rows, replace(SETTINGS, protocol=protocol, drop_rate=0.3))
    assert set(modes) == {(False, True) if protocol == "released" else (True, False)}


@pytest.mark.parametrize(("target", "row"), [("a", 0), ("l", 1), ("v", 2)])
def test_d15_the_target_is_true_and_the_other_two_are_false(target, row, params, batch):
    """Only the default is the paper's l: whichever it is, the other two encoders play the generator."""
    assert Settings().target == "l"
    settings = replace(SETTINGS, target=target, lambda_=1.0)
    encoders = gradients(params, batch, settings)["embedding"]["encoders"]["dense_4"]["W"]
    assert [bool((encoders[m] == 0).all()) for m in range(3)] == [m == row for m in range(3)]
    z = np.full((3, B, 1), -1000.0)
    z[row] = 1000
    assert losses.true_adversarial_loss(z, row) == 0
    assert losses.fake_adversarial_loss(z, row) == 2000


def test_d16_ucln_sizes_and_mask(rng, monkeypatch):
    """300 units a direction, batches of 10 videos, dropout 0.6 and 0.9; the loss counts real utterances only."""
    assert (ucln.HIDDEN, ucln.BATCH_SIZE, ucln.INPUT_DROP_RATE, ucln.DROP_RATE) == (300, 10, 0.6, 0.9)
    p = ucln.init_ucln(rng, d, k, N)
    assert p["bilstm"]["U"].shape == (2, 300, 1200)
    assert (p["dense"]["W"].shape, p["label"]["W"].shape) == ((600, k), (k, N))
    logits, y = rng.standard_normal((2, 3, N)), np.eye(N)[rng.integers(N, size=(2, 3))]
    mask = np.array([[True, True, True], [True, False, False]])
    real = -np.log(np.sum(ops.softmax(logits) * y, axis=-1))[mask]
    assert ucln.cross_entropy(logits, y, mask) == pytest.approx(real.mean())
    assert ucln.cross_entropy(logits, y, np.ones((2, 3), bool)) != pytest.approx(real.mean())


def test_d17_six_emotions(rng):
    """The paper's text names four, its Table 2 reports six: IEMOCAP is loaded with six, and each has its accuracy."""
    classes = DATASETS["iemocap"].classes
    assert classes == ("happy", "sad", "neutral", "angry", "excited", "frustrated")
    M = predict(init_model(rng, d, k, len(classes)), np.float32(rng.standard_normal((3, 20, d))))
    table = scores(np.arange(20) % 6, M.argmax(axis=1), classes)["per_class"]
    assert tuple(table) == classes
    assert [part["support"] for part in table.values()] == [4, 4, 3, 3, 3, 3]


def test_every_row_has_a_test():
    rows = {int(name[6:8]) for name in globals() if name.startswith("test_d")}
    assert rows == set(range(1, 18))

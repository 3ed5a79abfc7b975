"""Where the paper is silent, contradicts itself or differs from the released code: D1 to D24.

Variant "paper" computes what the paper prints, "released" what its authors' code computes. Each
row of DEVIATIONS.md has a test here that shows the difference, or the choice that was made.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import B, N, assert_close, d, k, shaken

from argf_np import nn
from argf_np.data import load
from argf_np.data.published import DATASETS
from argf_np.nn import ops
from argf_np.paper import model, protocols, ucln, updates
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.graph_fusion_eq10_16 import (
    fuse,
    fusion_loss,
    graph_fusion,
    init_gfn,
    similarity,
    vertex_scores,
    weighted_sum,
)
from argf_np.paper.joint_embedding_eq1_9 import (
    classification_loss,
    classify,
    decode,
    discriminate,
    encode,
    fake_adversarial_loss,
    init_classifier,
    reconstruction_loss,
    true_adversarial_loss,
)
from argf_np.paper.model import evaluation_params, init_model, predict
from argf_np.paper.vertices import BIMODAL, TRIMODAL
from argf_np.settings import Settings, preset

SETTINGS = Settings(k=k, epochs=2, drop_rate=0.0, weight_decay=0.0, lambda_=0.2, dtype="float64")
RELEASED = replace(SETTINGS, variant="released")
ROWS_OF = {"a": 0, "l": 1, "v": 2, "al": 3, "vl": 4, "av": 5}  # of the vertices below layer 3
TRIMODAL_SOURCES = [("av", "vl"), ("av", "al"), ("vl", "al"), ("av", "l"), ("al", "v"), ("vl", "a")]
FIRST = [ROWS_OF[one] for one, _ in TRIMODAL_SOURCES]
SECOND = [ROWS_OF[other] for _, other in TRIMODAL_SOURCES]
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])
each_target = pytest.mark.parametrize(("target", "row"), [("a", 0), ("l", 1), ("v", 2)])


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


@pytest.fixture
def batch(rng):
    """x (3, B, d) and y (B, N) one-hot."""
    return rng.standard_normal((3, B, d)), np.eye(N)[rng.integers(N, size=B)]


@pytest.fixture
def graphs(rng):
    """The parameters of a graph, x^e, and the outputs of the two variants."""
    gfn, x_e = shaken(init_gfn(rng, 3, k, N), rng), rng.uniform(-1, 1, (3, B, k))
    return gfn, x_e, graph_fusion(gfn, x_e, "paper"), graph_fusion(gfn, x_e, "released")


def losses_and_gradients(params, batch, settings, update=None):
    """Of all updates, or of one of them."""
    chosen = updates.updates_of(settings)
    if update:
        chosen = {update: chosen[update]}
    rng = np.random.default_rng(1)
    return updates.batch_gradients(params, *batch, chosen, settings, rng)


def test_d01_w_is_1_and_a_learnt_one_collapses(batch, rng):
    """The loss is w times a positive number, so descent shrinks w, and weight decay spares it."""
    z = rng.standard_normal((3, B, 1))
    for loss in (fake_adversarial_loss, true_adversarial_loss):
        assert loss(z, 1) == loss(z, 1, w=1)
    settings = replace(SETTINGS, learn_w=True, lr=0.1, weight_decay=1.6)
    params = updates.init_params(np.random.default_rng(0), d, N, settings, 3)
    assert updates.adversarial_weight(params) == 1
    optimisers, weights = updates.init_optimisers(params, settings), [1]
    for _ in range(50):
        updates.train_batch(params, optimisers, *batch, settings, rng)
        weights.append(np.exp(params["w"]["log_w"][0]))
        assert updates.adversarial_weight(params) == weights[-1]
    assert (np.diff(weights) < 0).all()
    assert weights[-1] < 0.1


def twice(*arrays):
    """Every utterance of a batch a second time: (..., B, width) to (..., 2B, width)."""
    return [np.concatenate([array, array], axis=-2) for array in arrays]


def test_d02_losses_are_means_over_the_batch_or_sums(batch, rng):
    """The same batch twice: a mean stays, and a sum doubles, which changes what lambda means."""
    x, y = batch
    pairs = [
        (reconstruction_loss, rng.random((3, B, d)), x),
        (classification_loss, rng.random((3, B, N)), y),
        (fusion_loss, rng.random((B, N)), y),
    ]
    for variant, factor in (("paper", 1), ("released", 2)):
        for loss, prediction, truth in pairs:
            once = loss(prediction, truth, variant)
            assert loss(*twice(prediction, truth), variant) == pytest.approx(factor * once)
    z = rng.random((3, B, 1))
    for loss in (fake_adversarial_loss, true_adversarial_loss):  # means in both variants
        assert loss(*twice(z), 1) == pytest.approx(loss(z, 1))


def test_d03_reconstruction_error_is_a_norm_or_a_sum_of_absolute_errors():
    x_tilde, x = np.zeros((1, 1, 2)), np.array([[[3.0, 4.0]]])
    for variant, expected in (("paper", 5), ("released", 7)):
        assert reconstruction_loss(x_tilde, x, variant) == expected
        _, gradient = nn.value_and_grad(
            lambda p, v=variant: reconstruction_loss(p["x"], x, v), {"x": x.copy()})
        assert (gradient["x"] == 0).all()  # of the exact reconstruction


def test_d04_one_classifier_takes_one_modality(rng):
    """R^k -> R^N and not R^3k: equal representations get equal labels."""
    classifier = shaken(init_classifier(rng, k, N), rng)
    assert classifier["dense_1"]["W"].shape == (k, k)
    y_tilde = classify(classifier, np.stack([rng.standard_normal((B, k))] * 3))
    np.testing.assert_array_equal(y_tilde[0], y_tilde[1])
    np.testing.assert_array_equal(y_tilde[0], y_tilde[2])


def test_d05_classification_error_is_a_norm_or_a_sum_of_absolute_errors():
    y_tilde, y = np.array([[[0.6, 0.4]]]), np.array([[1.0, 0.0]])
    assert classification_loss(y_tilde, y, "paper") == pytest.approx(math.hypot(0.4, 0.4))
    assert classification_loss(y_tilde, y, "released") == pytest.approx(0.8)


@pytest.mark.parametrize(("variant", "order"), [
    ("paper", ["embedding", "discriminator", "classifier", "fusion"]),
    ("released", ["embedding", "classifier", "discriminator", "fusion"]),
])
def test_d06_order_of_the_updates(variant, order, params, batch, rng, monkeypatch):
    """An update has changed all its groups before the next one begins."""
    settings = replace(SETTINGS, variant=variant)
    optimisers, steps, adam = updates.init_optimisers(params, settings), [], nn.adam
    update_of = {}
    for update, states in optimisers.items():
        update_of |= {id(state): update for state in states.values()}

    def adam_and_note(state, *arguments, **named):
        steps.append(update_of[id(state)])
        adam(state, *arguments, **named)

    monkeypatch.setattr(nn, "adam", adam_and_note)
    updates.train_batch(params, optimisers, *batch, settings, rng)
    assert [*dict.fromkeys(steps)] == order
    assert steps == sorted(steps, key=order.index)


@each_variant
def test_d06_all_updates_see_the_first_activations_of_the_batch(variant, params, batch):
    settings = replace(SETTINGS, variant=variant)
    assert settings.activations == "first"
    at_the_start, _ = losses_and_gradients(params, batch, settings)
    optimisers = updates.init_optimisers(params, settings)
    found = updates.train_batch(params, optimisers, *batch, settings, np.random.default_rng(1))
    assert found == at_the_start


def test_d07_fusion_reaches_the_encoders_or_stops_before_them(params, batch):
    """And its loss is a mean square, or a sum of absolute errors."""
    _, paper = losses_and_gradients(params, batch, SETTINGS)
    _, released = losses_and_gradients(params, batch, RELEASED)
    assert set(paper["fusion"]) == {"encoders", "fusion"}
    assert set(released["fusion"]) == {"fusion"}
    M, y = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]), np.eye(3)[[0, 1]]
    squares = 0.16 + 0.09 + 0.01 + 0.04 + 0.64 + 0.36
    assert fusion_loss(M, y, "paper") == pytest.approx(squares / 6)
    assert fusion_loss(M, y, "released") == pytest.approx(0.4 + 0.3 + 0.1 + 0.2 + 0.8 + 0.6)


@each_variant
def test_d08_discriminator_descends_half_of_L_tal(variant, params, batch):
    settings = replace(SETTINGS, variant=variant)
    losses, _ = losses_and_gradients(params, batch, settings, "discriminator")
    a, l, v = discriminate(params["discriminator"], encode(params["encoders"], batch[0]))
    L_tal = np.mean(np.logaddexp(0, a) + np.logaddexp(0, v) + np.logaddexp(0, -l))
    assert losses["discriminator"] == pytest.approx(0.5 * L_tal)


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def test_d09_bimodal_vertices_go_on_as_they_are_or_weighted_through_an_elu(graphs):
    gfn, x_e, paper, released = graphs
    weighted = elu(released["alpha_2"] * released["V_2"])
    assert_close(paper["B"], np.sum(paper["alpha_2"] * paper["V_2"], axis=0))
    assert_close(released["B"], weighted.sum(axis=0))
    for onward, graph in ((paper["V_2"], paper), (weighted, released)):
        vertices = np.concatenate([x_e, onward])
        assert_close(graph["V_3"], fuse(gfn["MLP_3"], vertices[FIRST], vertices[SECOND]))
    np.testing.assert_array_equal(paper["V_2"], released["V_2"])
    assert not np.allclose(paper["B"], released["B"])


def test_d10_layer_3_is_weighed_with_the_weights_or_with_the_scores_of_layer_2(graphs):
    """In both, the similarities are those of the bimodal vertices, not of the weighted ones."""
    _, x_e, paper, released = graphs
    for graph, name in ((paper, "alpha_2"), (released, "alpha_hat_2")):
        V_tilde = np.concatenate([ops.softmax(x_e), ops.softmax(graph["V_2"])])
        alpha = np.concatenate([graph["alpha_m"], graph[name]])
        S = similarity(V_tilde[FIRST], V_tilde[SECOND])
        alpha_hat = vertex_scores(alpha[FIRST], alpha[SECOND], S)
        assert_close(graph["S_3"], S)
        assert_close(graph["alpha_hat_3"], alpha_hat)
        assert_close(graph["alpha_3"], ops.softmax(alpha_hat, axis=0))
    assert not np.allclose(paper["alpha_3"], released["alpha_3"])


def test_d11_six_trimodal_vertices():
    """Every two bimodal vertices, and each bimodal vertex with the modality that it lacks."""
    expected = [("al", "vl"), ("al", "av"), ("vl", "av"), ("al", "v"), ("vl", "a"), ("av", "l")]
    assert len(TRIMODAL) == 6
    assert set(map(frozenset, TRIMODAL.values())) == set(map(frozenset, expected))


def test_d12_trimodal_output_is_a_weighted_sum_or_a_sum_of_elus(graphs):
    _, _, paper, released = graphs
    assert_close(paper["T"], np.sum(paper["alpha_3"] * paper["V_3"], axis=0))
    assert_close(released["T"], elu(released["alpha_3"] * released["V_3"]).sum(axis=0))
    assert not np.allclose(released["T"], weighted_sum(released["alpha_3"], released["V_3"]))


def calls_of_adam(params, batch, settings, monkeypatch):
    """``(lr, betas, weight decay)`` of every step of one batch."""
    calls = []

    def adam(state, params, gradients, lr, betas, weight_decay):
        calls.append((lr, betas, weight_decay))

    monkeypatch.setattr(nn, "adam", adam)
    updates.train_batch(params, updates.init_optimisers(params, settings), *batch, settings, None)
    monkeypatch.undo()
    return calls


@each_variant
def test_d13_adam_with_the_released_betas_and_coupled_weight_decay(
        variant, params, batch, monkeypatch):
    """Coupled: the decay is part of the gradient, so the first step keeps its length, lr."""
    settings = replace(SETTINGS, variant=variant, lr=0.03)
    calls = calls_of_adam(params, batch, settings, monkeypatch)
    assert set(calls) == {(0.03, (0.5, 0.999), 0.0)}
    p = {"x": np.array([5.0, -5.0])}
    nn.adam(nn.init_adam(p), p, {"x": np.array([-0.01, -0.01])}, lr=0.1, weight_decay=0.01)
    assert_close(p["x"], [4.9, -4.9], 1e-6)


@each_variant
@pytest.mark.parametrize(("dataset", "expected"), [
    ("mosi", {"k": 50, "drop_rate": 0.5, "lr": 1e-3, "batch_size": 16, "weight_decay": 0.005,
              "lambda_": 0.001}),
    ("iemocap", {"k": 100, "drop_rate": 0.1, "lr": 1e-3, "batch_size": 32, "weight_decay": 0.01,
                 "lambda_": 0.001}),
    ("mosei", {"k": 150, "drop_rate": 0.2, "lr": 1e-2, "batch_size": 16, "weight_decay": 0,
               "lambda_": 0.1}),
])
def test_d13_presets(dataset, expected, variant):
    """What the comments of the released scripts give, in both variants."""
    settings = preset(dataset, variant=variant)
    assert {name: getattr(settings, name) for name in expected} == expected


def test_d14_evaluation_mode_or_dropout_and_batch_statistics_at_test_time(params, batch):
    """In training mode the answer for an utterance changes with the generator and the batch."""
    x, _ = batch
    evaluated = evaluation_params(params, x)
    one, other = (
        predict(params, x, "released", "gfn", 0.5, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.allclose(one, other)
    assert not np.allclose(predict(params, x[:, :3]), predict(params, x)[:3])
    assert_close(predict(evaluated, x[:, :3]), predict(evaluated, x)[:3])


@pytest.mark.parametrize(("protocol", "in_training_mode"), [
    ("fixed", False), ("validation", False), ("released", True), ("best_test", True)])
def test_d14_which_protocols_predict_in_training_mode(
        protocol, in_training_mode, rng, monkeypatch):
    """With dropout and the statistics of the batch; the others have neither."""
    x, y = rng.standard_normal((3, N + 6, d)), np.eye(N)[np.arange(N + 6) % N]
    rows = {"train": np.arange(N), "validation": np.arange(N, N + 3),
            "test": np.arange(N + 3, N + 6)}
    modes, real = [], protocols.predict

    def predict_and_note(params, x, variant, fusion, drop_rate=0.0, rng=None):
        has_statistics = "mean" in params["encoders"]["dense_1"]
        modes.append((has_statistics, rng is not None and drop_rate == 0.3))
        return real(params, x, variant, fusion, drop_rate, rng)

    for module in (model, protocols):
        monkeypatch.setattr(module, "predict", predict_and_note)
    protocols.train(x, y, rows, replace(SETTINGS, protocol=protocol, drop_rate=0.3))
    assert set(modes) == {(False, True) if in_training_mode else (True, False)}


def test_d14_released_runs_up_to_500_epochs():
    assert preset("mosi", protocol="released").epochs == 500
    assert preset("mosi", protocol="released", epochs=3).epochs == 3
    assert preset("mosi").epochs == 20


@each_variant
@each_target
def test_d15_the_target_is_true_and_the_other_two_are_false(target, row, variant, params, batch):
    """The paper's target is l. Whichever it is, the other two encoders play the generator."""
    assert Settings().target == "l"
    settings = replace(SETTINGS, variant=variant, target=target, lambda_=1.0)
    _, gradients = losses_and_gradients(params, batch, settings)
    W = gradients["embedding"]["encoders"]["dense_4"]["W"]
    assert [bool((W[m] == 0).all()) for m in range(3)] == [m == row for m in range(3)]
    z = np.full((3, B, 1), -1000.0)
    z[row] = 1000
    assert true_adversarial_loss(z, row) == 0
    assert fake_adversarial_loss(z, row) == 2000


def test_d16_ucln_sizes_and_mask(rng):
    """300 units per direction, batches of 10 videos; the loss counts real utterances only."""
    assert (ucln.HIDDEN, ucln.BATCH_SIZE) == (300, 10)
    p = ucln.init_ucln(rng, d, k, N)
    assert p["bilstm"]["U"].shape == (2, 300, 1200)
    assert (p["dense"]["W"].shape, p["label"]["W"].shape) == ((600, k), (k, N))
    logits, y = rng.standard_normal((2, 3, N)), np.eye(N)[rng.integers(N, size=(2, 3))]
    mask = np.array([[True, True, True], [True, False, False]])
    every = -np.log(np.sum(ops.softmax(logits) * y, axis=-1))
    assert ucln.cross_entropy(logits, y, mask) == pytest.approx(every[mask].mean())
    assert every[mask].mean() != pytest.approx(every.mean())


def test_d17_six_emotions():
    """IEMOCAP is loaded with the six of Table 2."""
    classes = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
    assert DATASETS["iemocap"].classes == classes
    assert load("iemocap", source="synthetic").classes == classes


@pytest.mark.parametrize(("variant", "inner"), [("paper", 0.2), ("released", 0.5)])
def test_d18_dropout_of_decoders_and_classifier(variant, inner, params, batch):
    """Released: always 0.5. The encoders drop at the rate of the settings in both variants."""
    x, y = batch
    settings = replace(SETTINGS, variant=variant, drop_rate=0.2, lambda_=0.0)
    for update in ("embedding", "classifier"):
        losses, _ = losses_and_gradients(params, batch, settings, update)
        rng = np.random.default_rng(1)
        x_e = encode(params["encoders"], x, 0.2, rng)
        if update == "embedding":
            error = decode(params["decoders"], x_e, inner, rng) - x
        else:
            error = classify(params["classifier"], x_e, inner, rng) - y
        expected = np.abs(error).sum()
        if variant == "paper":
            expected = np.linalg.norm(error, axis=-1).sum() / B
        assert losses[update] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("variant", "limit", "biases"), [
    ("paper", math.sqrt(6 / (50 + 64)), 0), ("released", 1 / math.sqrt(50), 1 / math.sqrt(50))])
def test_d19_initialisation_is_glorots_or_pytorchs(variant, limit, biases):
    """Of the discriminator's first layer, 50 -> 64; `test_model` has the other groups."""
    settings = Settings(variant=variant, dtype="float64")
    params = updates.init_params(np.random.default_rng(1), 50, 2, settings, 3)
    layer = params["discriminator"]["dense_1"]
    assert 0.99 * limit < np.abs(layer["W"]).max() <= limit
    assert 0.9 * biases <= np.abs(layer["b"]).max() <= biases


@pytest.mark.parametrize(("variant", "expected"), [("paper", 0.01), ("released", 0.08)])
def test_d20_weight_decay_is_divided_by_the_batch_size_where_losses_are_means(
        variant, expected, params, batch, monkeypatch):
    """By the batch size of the settings, not by that of a smaller last batch."""
    settings = replace(SETTINGS, variant=variant, weight_decay=0.08, batch_size=8)
    calls = calls_of_adam(params, batch, settings, monkeypatch)
    assert {decay for _, _, decay in calls} == {expected}


def test_d21_the_other_strategies_of_the_released_code(rng):
    """What each does is in `test_table6_fusions`, and their numbers are in `test_authors_code`."""
    x_e = rng.uniform(-1, 1, (3, B, k))
    differ = set()
    for name, strategy in STRATEGIES.items():
        outputs = []
        for variant in ("paper", "released"):
            params = strategy.init(np.random.default_rng(1), 3, k, N, variant)
            M = strategy.decide(params, x_e, variant, np.random.default_rng(2))["M"]
            outputs.append(M)
        if not np.allclose(*outputs):
            differ.add(name)
    assert differ == {"gfn", "multiplication", "weighted_average", "tensor", "low_rank",
                      "dynamic_graph"}


def test_d22_order_of_the_sources():
    """The order in which two vertices are concatenated, the same in both variants."""
    assert [*BIMODAL.values()] == [("a", "l"), ("v", "l"), ("a", "v")]
    assert [*TRIMODAL.values()] == TRIMODAL_SOURCES


@each_variant
def test_d23_later_updates_do_not_see_the_weights_that_earlier_ones_changed(
        variant, params, batch):
    """The gradient that Adam gets is that at the parameters with which the batch began.

    After one step, the first moment of the fusion is that gradient times 1 - 0.5, up to the
    factor that the state leaves out, whatever the learning rate of the updates before it.
    """
    moments = []
    for lr in (1e-6, 1e-1):
        settings = replace(SETTINGS, variant=variant, lr=lr)
        ours = nn.map_leaves(np.copy, params)
        optimisers = updates.init_optimisers(ours, settings)
        updates.train_batch(ours, optimisers, *batch, settings, np.random.default_rng(1))
        moments.append(dict(nn.leaves(optimisers["fusion"]["fusion"]["m"])))
    for path, moment in moments[0].items():
        np.testing.assert_array_equal(moment, moments[1][path])


@pytest.mark.parametrize(("dataset", "rates", "epochs"), [
    ("mosi", (0.6, 0.9), (5, 0)), ("mosei", (0.6, 0.9), (5, 0)),
    ("iemocap", (0.2, 0.5), (40, 5)), ("mine", (0.2, 0.5), (40, 5))])
def test_d24_dropout_and_epochs_of_the_ucln(dataset, rates, epochs):
    """The authors' rates, or those chosen on IEMOCAP's validation split: input, then the rest.

    Epochs at most, and the patience of early stopping; 0 is no stopping.
    """
    settings = preset(dataset)
    assert (settings.ucln_input_drop_rate, settings.ucln_drop_rate) == rates
    assert (settings.ucln_epochs, settings.ucln_patience) == epochs

"""The four updates of a batch: which groups each changes, with which loss and in which order."""

from dataclasses import replace

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from helpers import assert_trees_close, bits

from argf_np import nn
from argf_np.errors import NotFiniteError
from argf_np.paper import updates
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.graph_fusion_eq10_16 import graph_fusion
from argf_np.paper.joint_embedding_eq1_9 import classify, decode, discriminate, encode
from argf_np.paper.model import init_model
from argf_np.settings import Settings

d, k, N, B = 6, 5, 4, 8
SETTINGS = Settings(k=k, batch_size=B, drop_rate=0.3, lambda_=0.2, weight_decay=0.0, lr=0.01,
                    dtype="float64")
CHANGES = {
    "paper": {
        "embedding": {"encoders", "decoders"},
        "discriminator": {"discriminator"},
        "classifier": {"encoders", "classifier"},
        "fusion": {"encoders", "fusion"},
    },
    "released": {
        "embedding": {"encoders", "decoders"},
        "classifier": {"encoders", "classifier"},
        "discriminator": {"discriminator"},
        "fusion": {"fusion"},
    },
}
each_variant = pytest.mark.parametrize("variant", CHANGES)
each_update = pytest.mark.parametrize(
    "update", ["embedding", "discriminator", "classifier", "fusion"])


@pytest.fixture
def batch(rng):
    """Features (3, B, d) and labels (B, N) one-hot."""
    return rng.standard_normal((3, B, d)), np.eye(N)[rng.integers(N, size=B)]


@pytest.fixture
def params(rng):
    return init_model(rng, d, k, N, "float64")


def train_batch(params, batch, settings):
    """One batch from fresh optimisers, in place on ``params``; returns the losses."""
    optimisers = updates.init_optimisers(params, settings)
    return updates.train_batch(params, optimisers, *batch, settings, np.random.default_rng(1))


def changed_by_a_batch(params, batch, settings):
    """The paths of the leaves that one batch changes."""
    before = bits(params)
    train_batch(params, batch, settings)
    return {path for path, now in bits(params).items() if now != before[path]}


def only(update, variant):
    return {update: updates.GROUPS[variant][update]}


def whole_loss(update, params, x, y, settings, rng):
    """The loss of an update as one function of all parameters, written from the formulas.

    The generator draws the dropout masks of the encoders, then those of the other parts.
    """
    released = settings.variant == "released"
    inner_drop_rate = 0.5 if released else settings.drop_rate  # D18
    w = anp.exp(params["w"]["log_w"][0]) if "w" in params else 1

    def distance(error):
        if released:
            return anp.sum(anp.abs(error))
        return anp.sum(anp.sqrt(anp.sum(error ** 2, axis=-1))) / B

    x_e = encode(params["encoders"], x, settings.drop_rate, rng)
    if update == "classifier":
        return distance(classify(params["classifier"], x_e, inner_drop_rate, rng) - y)
    if update == "fusion":
        error = graph_fusion(params["fusion"], x_e, settings.variant)["M"] - y
        return anp.sum(anp.abs(error)) if released else anp.mean(error ** 2)
    a, l, v = discriminate(params["discriminator"], x_e)
    if update == "discriminator":
        says_false = anp.logaddexp(0, a) + anp.logaddexp(0, v)
        return 0.5 * w * anp.mean(says_false + anp.logaddexp(0, -l))
    L_fal = w * anp.mean(anp.logaddexp(0, -a) + anp.logaddexp(0, -v))
    L_rl = distance(decode(params["decoders"], x_e, inner_drop_rate, rng) - x)
    return 0.2 * L_fal + 0.8 * L_rl


@pytest.mark.parametrize("learn_w", [False, True])
@each_update
@each_variant
def test_losses_and_gradients_are_those_of_the_formulas(
        variant, update, learn_w, params, batch, each_implementation):
    """Each loss is differentiated as a whole by autograd's public `grad`.

    So the two halves of the backward pass make no difference, nor does any part of a loss that
    belongs to another variant, and dropout works in the encoders, decoders and classifier.
    """
    settings = replace(SETTINGS, variant=variant, learn_w=learn_w)
    groups = set(CHANGES[variant][update])
    if learn_w:
        params["w"] = {"log_w": np.array([-1.0])}
        groups |= {"w"} if update == "embedding" else set()
    chosen = {update: updates.updates_of(settings)[update]}
    values, gradients = updates.batch_gradients(
        params, *batch, chosen, settings, np.random.default_rng(1))

    def expected_loss(params):
        return whole_loss(update, params, *batch, settings, np.random.default_rng(1))

    assert values[update] == pytest.approx(expected_loss(params), rel=1e-12)
    expected = grad(expected_loss)(params)
    assert set(gradients[update]) == groups  # nothing else is differentiated
    for group, gradient in gradients[update].items():
        assert_trees_close(gradient, expected[group], atol=1e-10, rtol=1e-10)


@each_update
@each_variant
def test_without_a_generator_nothing_is_dropped(variant, update, params, batch):
    settings = replace(SETTINGS, variant=variant)
    values, _ = updates.batch_gradients(params, *batch, only(update, variant), settings, None)
    expected = whole_loss(update, params, *batch, settings, None)
    assert values[update] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("fusion", STRATEGIES)
@each_variant
def test_the_fusion_update_descends_the_loss_of_its_strategy(variant, fusion, rng, batch):
    """With the strategy's own dropout, whose mask is drawn after those of the encoders."""
    x, y = batch
    settings = replace(SETTINGS, variant=variant, fusion=fusion)
    params = init_model(rng, d, k, N, "float64", 3, fusion, variant)
    values, gradients = updates.batch_gradients(
        params, x, y, only("fusion", variant), settings, np.random.default_rng(1))

    def expected_loss(params):
        rng = np.random.default_rng(1)
        x_e = encode(params["encoders"], x, 0.3, rng)
        error = STRATEGIES[fusion].decide(params["fusion"], x_e, variant, rng)["M"] - y
        return anp.mean(error ** 2) if variant == "paper" else anp.sum(anp.abs(error))

    assert values["fusion"] == pytest.approx(expected_loss(params), rel=1e-12)
    expected = grad(expected_loss)(params)
    for group, gradient in gradients["fusion"].items():
        assert_trees_close(gradient, expected[group], atol=1e-9, rtol=1e-9)


@each_update
@each_variant
def test_an_update_changes_its_own_groups_and_no_bit_of_the_others(
        variant, update, params, batch, monkeypatch):
    monkeypatch.setitem(updates.GROUPS, variant, only(update, variant))
    changed = changed_by_a_batch(params, batch, replace(SETTINGS, variant=variant))
    expected = {path for path, _ in nn.leaves(params) if path[0] in CHANGES[variant][update]}
    assert changed == expected


@each_variant
@pytest.mark.parametrize("modalities", ["one,two", "a,b,c,d"])
def test_a_batch_of_two_or_four_modalities_changes_everything(modalities, variant, rng):
    """But for the third layer of the graph of two, which does not exist."""
    names = modalities.split(",")
    m = len(names)
    settings = replace(SETTINGS, variant=variant, modalities=modalities, target=names[-1])
    params = updates.init_params(rng, d, N, settings, m)
    batch = rng.standard_normal((m, B, d)), np.eye(N)[rng.integers(N, size=B)]
    changed = changed_by_a_batch(params, batch, settings)
    expected = {path for path, _ in nn.leaves(params) if m > 2 or "MLP_3" not in path}
    assert changed == expected


@each_variant
@pytest.mark.parametrize("activations", ["first", "fresh"])
def test_a_batch_changes_everything(activations, variant, params, batch):
    settings = replace(SETTINGS, variant=variant, activations=activations)
    changed = changed_by_a_batch(params, batch, settings)
    assert changed == {path for path, _ in nn.leaves(params)}


@each_variant
def test_each_update_keeps_its_own_moments(variant, params, batch):
    """Two or three updates change the encoders, each with an Adam of its own."""
    settings = replace(SETTINGS, variant=variant)
    optimisers = updates.init_optimisers(params, settings)
    assert {update: set(groups) for update, groups in optimisers.items()} == CHANGES[variant]
    updates.train_batch(params, optimisers, *batch, settings, np.random.default_rng(1))
    moments = []
    for groups in optimisers.values():
        for group, state in groups.items():
            assert state["t"] == 1
            if group == "encoders":
                moments.append(bits(state["m"]))
    assert len(moments) == {"paper": 3, "released": 2}[variant]
    for path in moments[0]:
        assert len({moment[path] for moment in moments}) == len(moments)


@each_variant
@pytest.mark.parametrize(("target", "row"), [("a", 0), ("l", 1), ("v", 2)])
def test_deceiving_the_discriminator_changes_the_encoders_of_the_sources_only(
        target, row, variant, params, batch, monkeypatch):
    """With lambda = 1 the first update descends L_fal alone.

    The encoder of the target and the decoders keep every bit.
    """
    monkeypatch.setitem(updates.GROUPS, variant, only("embedding", variant))
    before = nn.map_leaves(np.copy, params)
    train_batch(params, batch, replace(SETTINGS, variant=variant, target=target, lambda_=1.0))
    assert bits(params["decoders"]) == bits(before["decoders"])
    then = dict(nn.leaves(before["encoders"]))
    for path, now in nn.leaves(params["encoders"]):
        for m in range(3):
            assert np.array_equal(now[m], then[path][m]) == (m == row)


@each_variant
def test_gradients_of_all_updates_at_once_are_those_of_each_alone(
        variant, params, batch, each_implementation):
    settings = replace(SETTINGS, variant=variant)
    groups = updates.GROUPS[variant]
    _, together = updates.batch_gradients(params, *batch, groups, settings, None)
    assert [*together] == [*groups]
    for update in groups:
        _, alone = updates.batch_gradients(params, *batch, only(update, variant), settings, None)
        for group, gradient in alone[update].items():
            assert_trees_close(together[update][group], gradient, atol=1e-12)


@each_variant
@pytest.mark.parametrize("learn_w", [False, True])
def test_float32_stays_float32(variant, learn_w, params, batch, cotangent_dtypes,
                               each_implementation):
    settings = replace(SETTINGS, variant=variant, learn_w=learn_w, dtype="float32")
    if learn_w:
        params["w"] = {"log_w": np.zeros(1)}
    x, y = map(np.float32, batch)
    values, gradients = updates.batch_gradients(
        nn.cast(params, "float32"), x, y, updates.updates_of(settings), settings,
        np.random.default_rng(1))
    assert {value.dtype for value in values.values()} == {np.dtype(np.float32)}
    assert {leaf.dtype for _, leaf in nn.leaves(gradients)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


@each_variant
def test_first_takes_the_losses_where_the_batch_began_and_fresh_where_each_update_begins(
        variant, params, batch):
    settings = replace(SETTINGS, variant=variant, drop_rate=0.0)
    groups = updates.GROUPS[variant]
    if variant == "released":  # without its own dropout, whose masks would differ
        groups = {update: groups[update] for update in ("discriminator", "fusion")}
    first = train_batch(nn.map_leaves(np.copy, params), batch, settings)
    fresh = train_batch(nn.map_leaves(np.copy, params), batch,
                        replace(settings, activations="fresh"))
    at_the_start, _ = updates.batch_gradients(params, *batch, groups, settings, None)
    for update, value in at_the_start.items():
        assert first[update] == value
        assert (fresh[update] == value) == (update == "embedding")


def test_fresh_is_one_update_after_the_other(params, batch, monkeypatch):
    settings = replace(SETTINGS, activations="fresh", drop_rate=0.0)
    one_by_one = nn.map_leaves(np.copy, params)
    train_batch(params, batch, settings)
    for update, groups in dict(updates.GROUPS["paper"]).items():
        monkeypatch.setitem(updates.GROUPS, "paper", {update: groups})
        train_batch(one_by_one, batch, settings)
    assert bits(params) == bits(one_by_one)


@each_variant
@pytest.mark.parametrize(("activations", "passes"), [("first", 1), ("fresh", 4)])
def test_how_often_a_batch_passes_through_the_encoders(
        activations, passes, variant, params, batch, monkeypatch):
    drop_rates, embed = [], updates.embed

    def embed_and_note(encoders, x, drop_rate, rng):
        drop_rates.append(drop_rate)
        return embed(encoders, x, drop_rate, rng)

    monkeypatch.setattr(updates, "embed", embed_and_note)
    train_batch(params, batch, replace(SETTINGS, variant=variant, activations=activations))
    assert drop_rates == [0.3] * passes


@each_variant
def test_a_batch_is_a_step_of_adam_per_update(variant, params, batch):
    """With "first", each group takes the steps of its updates, one after the other."""
    settings = replace(SETTINGS, variant=variant, weight_decay=0.16)
    decay = {"paper": 0.02, "released": 0.16}[variant]  # of B = 8, D20
    expected = nn.map_leaves(np.copy, params)
    _, gradients = updates.batch_gradients(
        params, *batch, updates.GROUPS[variant], settings, np.random.default_rng(1))
    for update in CHANGES[variant]:
        for group in CHANGES[variant][update]:
            slopes = dict(nn.leaves(gradients[update][group]))
            for path, leaf in nn.leaves(expected[group]):
                g = slopes[path] + decay * leaf
                leaf -= 0.01 * g / (np.abs(g) + 1e-8)  # the first step of Adam
    train_batch(params, batch, settings)
    assert_trees_close(params, expected, atol=1e-9)


@each_update
@each_variant
def test_a_loss_that_is_not_finite_is_named_and_nothing_is_changed(
        variant, update, params, batch, monkeypatch):
    loss = updates.LOSSES[update]
    monkeypatch.setitem(updates.LOSSES, update, lambda *arguments: loss(*arguments) + np.inf)
    before = bits(params)
    with pytest.raises(NotFiniteError, match=rf"^the loss of the update {update} is inf$"):
        train_batch(params, batch, replace(SETTINGS, variant=variant))
    assert bits(params) == before


def test_a_batch_of_one_utterance_trains(params, batch):
    """It is the last batch of an epoch; its batch statistics have no variance."""
    x, y = batch
    losses = train_batch(params, (x[:, :1], y[:1]), SETTINGS)
    assert np.isfinite([*losses.values()]).all()
    for _, leaf in nn.leaves(params):
        assert np.isfinite(leaf).all()

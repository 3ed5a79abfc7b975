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
    moments = [bits(groups["encoders"]["m"]) for groups in optimisers.values() if "encoders" in groups]
    for path in moments[0]:
        assert len({other[path] for other in moments}) == len(moments)


@pytest.mark.parametrize(("target", "row"), [("a", 0), ("l", 1), ("v", 2)])
def test_fooling_the_discriminator_moves_the_sources_encoders_only(target, row, params, batch, monkeypatch):
    """With lambda = 1 the embedding update is L_fal alone: target encoder and decoders keep every bit."""
    monkeypatch.setitem(updates.GROUPS, "paper", {"embedding": ("encoders", "decoders")})
    before = nn.map_leaves(np.copy, params)
    step(params, batch, replace(SETTINGS, target=target, lambda_=1.0))
    np.testing.assert_array_equal(*(np.concatenate([leaf.ravel() for _, leaf in nn.leaves(tree["decoders"])]) for tree in (params, before)))
    for (_, now), (_, then) in zip(nn.leaves(params["encoders"]), nn.leaves(before["encoders"]), strict=True):
        for m in range(3):
            assert np.array_equal(now[m], then[m]) == (m == row)


@each_update
def test_gradients_are_those_of_the_whole_loss(variant, update, params, batch, each_implementation):
    """Cutting the chain rule at x^e changes nothing: autograd's public `grad` of the composed loss says the same."""
    settings, (x, y) = replace(SETTINGS, variant=variant), batch
    only = {update: updates.GROUPS[variant][update]}
    values, gradients = updates.batch_gradients(params, x, y, only, settings, np.random.default_rng(1))

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
        losses[activations] = updates.train_batch(
            ours, updates.init_optimisers(ours, chosen), *batch, chosen, np.random.default_rng(1))
    at_the_start = updates.batch_gradients(params, *batch, updates.GROUPS["paper"], settings, None)[0]
    assert losses["first"] == at_the_start
    for update, value in losses["fresh"].items():
        assert (value == at_the_start[update]) == (update == "embedding")


def test_fresh_is_each_update_after_the_other(params, batch, monkeypatch):
    settings, groups_of = replace(SETTINGS, activations="fresh", drop_rate=0.0), dict(updates.GROUPS["paper"])
    one_by_one = nn.map_leaves(np.copy, params)
    step(params, batch, settings)
    for update, groups in groups_of.items():
        monkeypatch.setitem(updates.GROUPS, "paper", {update: groups})
        step(one_by_one, batch, settings)
    assert bits(params) == bits(one_by_one)

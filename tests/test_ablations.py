"""``--without``: Table 5's ablations, and the fusion on the UCLN features. What is left out is not there at all."""

from dataclasses import replace

import numpy as np
import pytest
from autograd import grad

from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np import nn
from argf_np.paper import protocols, updates
from argf_np.paper.joint_embedding_eq1_9 import decode, discriminate, encode
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import embed, forward
from argf_np.settings import Settings

d, k, N, B, n = 6, 5, 4, 8, 40
SETTINGS = Settings(k=k, batch_size=B, epochs=2, drop_rate=0.0, lambda_=0.2, weight_decay=0.0, lr=0.01, dtype="float64")
ROWS = {"train": np.arange(25), "validation": np.arange(25, 34), "test": np.arange(34, n)}
FULL = {"encoders", "decoders", "discriminator", "classifier", "fusion"}
UPDATES = {  # what each leaves of the paper's updates, and the groups that they move
    "nothing": {"embedding": {"encoders", "decoders"}, "discriminator": {"discriminator"},
                "classifier": {"encoders", "classifier"}, "fusion": {"encoders", "fusion"}},
    "adversarial": {"embedding": {"encoders", "decoders"}, "classifier": {"encoders", "classifier"},
                    "fusion": {"encoders", "fusion"}},
    "classifier": {"embedding": {"encoders", "decoders"}, "discriminator": {"discriminator"},
                   "fusion": {"encoders", "fusion"}},
    "decoder": {"embedding": {"encoders"}, "discriminator": {"discriminator"},
                "classifier": {"encoders", "classifier"}, "fusion": {"encoders", "fusion"}},
    "embedding": {"fusion": {"fusion"}},
}
GROUPS = {"nothing": FULL, "adversarial": FULL - {"discriminator"}, "classifier": FULL - {"classifier"},
          "decoder": FULL - {"decoders"}, "embedding": {"fusion"}}
OUTPUTS = {"adversarial": {"z", "D"}, "classifier": {"y_tilde"}, "decoder": {"x_tilde"}}
OUTPUTS |= {"nothing": set(), "embedding": {"z", "D", "y_tilde", "x_tilde"}}
LOSSES = {"nothing": {"L_fal", "L_tal", "L_al", "L_rl", "L_cl", "L"}, "adversarial": {"L_rl", "L_cl"},
          "classifier": {"L_fal", "L_tal", "L_al", "L_rl"}, "decoder": {"L_fal", "L_tal", "L_al", "L_cl"},
          "embedding": set()}
each_ablation = pytest.mark.parametrize("without", GROUPS)
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def data(rng):
    labels = rng.integers(N, size=n)
    return rng.standard_normal((3, n, d)) + rng.standard_normal((3, N, d))[:, labels], np.eye(N)[labels]


@pytest.fixture
def batch(data):
    x, y = data
    return x[:, :B], y[:B]


def init(settings):
    return updates.init_params(np.random.default_rng(1), d, N, settings, 3)


def leaves(tree):
    return {path: leaf.copy() for path, leaf in nn.leaves(tree)}


def test_every_choice_is_tested():
    assert Settings.__dataclass_fields__["without"].metadata["expected"] == f"one of {', '.join(GROUPS)}"


@each_variant
@each_ablation
def test_updates(without, variant):
    chosen = updates.updates_of(replace(SETTINGS, without=without, variant=variant))
    expected = {update: set(groups) for update, groups in UPDATES[without].items()}
    if variant == "released":
        expected["fusion"] = {"fusion"}  # D7
    assert {update: set(groups) for update, groups in chosen.items()} == expected
    order = {"paper": ["embedding", "discriminator", "classifier", "fusion"],
             "released": ["embedding", "classifier", "discriminator", "fusion"]}[variant]
    assert [*chosen] == [update for update in order if update in expected]


@each_ablation
def test_what_is_left_out_does_not_exist(without, batch):
    settings = replace(SETTINGS, without=without)
    params = init(settings)
    assert set(params) == GROUPS[without]
    assert {group for groups in updates.init_optimisers(params, settings).values() for group in groups} == set(params)
    out = forward(params, batch[0])
    assert set(forward(init(SETTINGS), batch[0])) - set(out) == OUTPUTS[without]
    scores = protocols.evaluate(params, *batch, settings)
    assert set(scores) == LOSSES[without] | {"fusion", "accuracy"}


@each_ablation
def test_a_learnt_w_goes_with_the_adversary(without):
    """D1: it weighs nothing else."""
    params = init(replace(SETTINGS, without=without, learn_w=True))
    assert set(params) == GROUPS[without] | ({"w"} if "discriminator" in GROUPS[without] else set())


@each_variant
@each_ablation
def test_a_batch_moves_all_that_there_is(without, variant, batch):
    settings = replace(SETTINGS, without=without, variant=variant)
    params = init(settings)
    before = leaves(params)
    values = updates.train_batch(params, updates.init_optimisers(params, settings), *batch, settings, None)
    assert set(values) == set(UPDATES[without])
    assert all((leaf != before[path]).any() for path, leaf in nn.leaves(params))


@each_ablation
def test_ablations_of_a_seed_begin_alike(without):
    """So a difference between them comes from what is left out; without the embedding the width is d, not k."""
    full = leaves(init(replace(SETTINGS, k=d) if without == "embedding" else SETTINGS))
    for path, leaf in nn.leaves(init(replace(SETTINGS, without=without))):
        np.testing.assert_array_equal(leaf, full[path])


@pytest.mark.parametrize("fusion", STRATEGIES)
def test_fusions_of_a_seed_begin_alike(fusion):
    """All but the fusion's own parameters are equal, so Table 6 compares nothing else."""
    full, other = leaves(init(SETTINGS)), init(replace(SETTINGS, fusion=fusion))
    assert set(other) == FULL
    for path, leaf in nn.leaves(other):
        if path[0] != "fusion":
            np.testing.assert_array_equal(leaf, full[path])


@pytest.mark.parametrize("without", ["adversarial", "classifier", "decoder"])
def test_the_other_losses_stay_as_they_were(without, batch):
    """Losses and gradients of the updates that are left, but for that of the embedding, are those of the full model."""
    settings = replace(SETTINGS, without=without)
    values, gradients = [], []
    for s in (SETTINGS, settings):
        params = init(s)
        value, gradient = updates.batch_gradients(params, *batch, updates.updates_of(s), s, None)
        values.append(value)
        gradients.append(gradient)
    same = set(UPDATES[without]) - ({"embedding"} if without != "classifier" else set())
    for update in same:
        assert values[0][update] == values[1][update]
        full = leaves(gradients[0][update])
        for path, leaf in nn.leaves(gradients[1][update]):
            np.testing.assert_allclose(leaf, full[path], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("without", ["adversarial", "decoder"])
def test_what_is_left_out_moves_no_encoder(without, batch):
    """The embedding's loss is (1 - lambda) L_rl without the discriminator, lambda L_fal without the decoders."""
    settings = replace(SETTINGS, without=without)
    params, (x, y) = init(settings), batch

    def loss(encoders):
        x_e = encode(encoders, x)
        if without == "adversarial":
            return 0.8 * losses.reconstruction_loss(decode(params["decoders"], x_e), x)
        return 0.2 * losses.fake_adversarial_loss(discriminate(params["discriminator"], x_e), settings.target_row)

    only = {"embedding": updates.updates_of(settings)["embedding"]}
    values, gradients = updates.batch_gradients(params, x, y, only, settings, None)
    np.testing.assert_allclose(values["embedding"], loss(params["encoders"]))
    expected = leaves(grad(loss)(params["encoders"]))
    for path, leaf in nn.leaves(gradients["embedding"]["encoders"]):
        np.testing.assert_allclose(leaf, expected[path], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("fusion", STRATEGIES)
def test_without_embedding_the_fusion_reads_the_features(fusion, data):
    settings = replace(SETTINGS, without="embedding", fusion=fusion)
    x, y = data
    fitted = protocols.train(x, y, ROWS, settings)
    assert set(fitted["params"]) == {"fusion"}
    assert embed(fitted["params"], x) is x
    M = STRATEGIES[fusion].decide(fitted["params"]["fusion"], x[:, ROWS["test"]])["M"]
    np.testing.assert_allclose(fitted["probabilities"], M, rtol=1e-12)


@each_variant
@pytest.mark.parametrize("protocol", ["fixed", "validation", "released"])
@each_ablation
def test_it_trains(without, protocol, variant, data):
    """Every ablation runs to its end by every protocol, with a row of finite numbers an epoch."""
    settings = replace(SETTINGS, without=without, protocol=protocol, variant=variant, drop_rate=0.3)
    fitted = protocols.train(*data, ROWS, settings)
    assert set(fitted["params"]) == GROUPS[without]
    assert len(fitted["history"]) == settings.epochs
    for row in fitted["history"]:
        assert set(UPDATES[without]) < set(row)
        assert np.isfinite([*row.values()]).all()

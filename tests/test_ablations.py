"""``--without``: Table 5's ablations, and the fusion on the UCLN features.

What is left out does not exist: no parameters, no update, no loss.
"""

from dataclasses import replace

import numpy as np
import pytest
from autograd import grad
from helpers import assert_trees_close, bits, labelled_features

from argf_np import nn
from argf_np.paper import joint_embedding_eq1_9 as embedding
from argf_np.paper import protocols, updates
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import embed, evaluation_params, forward
from argf_np.settings import Settings

d, k, N, B, n = 6, 5, 4, 8, 40
SETTINGS = Settings(k=k, batch_size=B, epochs=2, drop_rate=0.0, lambda_=0.2, weight_decay=0.0,
                    lr=0.01, dtype="float64")
ORDER = np.random.default_rng(5).permutation(n)
ROWS = {"train": ORDER[:25], "validation": ORDER[25:34], "test": ORDER[34:]}

ALL = {"encoders", "decoders", "discriminator", "classifier", "fusion"}
GROUPS = {
    "nothing": ALL,
    "adversarial": ALL - {"discriminator"},
    "classifier": ALL - {"classifier"},
    "decoder": ALL - {"decoders"},
    "embedding": {"fusion"},
}
UPDATES = {  # what each leaves of the paper's updates, and the groups that they change
    "nothing": {
        "embedding": {"encoders", "decoders"},
        "discriminator": {"discriminator"},
        "classifier": {"encoders", "classifier"},
        "fusion": {"encoders", "fusion"},
    },
    "adversarial": {
        "embedding": {"encoders", "decoders"},
        "classifier": {"encoders", "classifier"},
        "fusion": {"encoders", "fusion"},
    },
    "classifier": {
        "embedding": {"encoders", "decoders"},
        "discriminator": {"discriminator"},
        "fusion": {"encoders", "fusion"},
    },
    "decoder": {
        "embedding": {"encoders"},
        "discriminator": {"discriminator"},
        "classifier": {"encoders", "classifier"},
        "fusion": {"encoders", "fusion"},
    },
    "embedding": {
        "fusion": {"fusion"},
    },
}
ORDER = {
    "paper": ["embedding", "discriminator", "classifier", "fusion"],
    "released": ["embedding", "classifier", "discriminator", "fusion"],
}
OUTPUTS_LEFT_OUT = {
    "nothing": set(),
    "adversarial": {"z", "D"},
    "classifier": {"y_tilde"},
    "decoder": {"x_tilde"},
    "embedding": {"z", "D", "y_tilde", "x_tilde"},
}
SCORES = {
    "nothing": {"L_fal", "L_tal", "L_al", "L_rl", "L_cl", "L"},
    "adversarial": {"L_rl", "L_cl"},
    "classifier": {"L_fal", "L_tal", "L_al", "L_rl"},
    "decoder": {"L_fal", "L_tal", "L_al", "L_cl"},
    "embedding": set(),
}
each_ablation = pytest.mark.parametrize("without", GROUPS)
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


@pytest.fixture
def data(rng):
    return labelled_features(rng, n, d, N)


@pytest.fixture
def batch(data):
    x, y = data
    return x[:, :B], y[:B]


def init(settings):
    return updates.init_params(np.random.default_rng(1), d, N, settings, 3)


def test_every_choice_is_tested():
    expected = Settings.__dataclass_fields__["without"].metadata["expected"]
    assert expected == f"one of {', '.join(GROUPS)}"


@each_variant
@each_ablation
def test_updates(without, variant):
    chosen = updates.updates_of(replace(SETTINGS, without=without, variant=variant))
    expected = dict(UPDATES[without])
    if variant == "released":
        expected["fusion"] = {"fusion"}  # D7
    assert {update: set(groups) for update, groups in chosen.items()} == expected
    assert [*chosen] == [update for update in ORDER[variant] if update in expected]


@each_variant
@each_ablation
def test_what_is_left_out_does_not_exist(without, variant, batch):
    settings = replace(SETTINGS, without=without, variant=variant)
    params = init(settings)
    assert set(params) == GROUPS[without]
    trained = set()
    for groups in updates.init_optimisers(params, settings).values():
        trained |= groups.keys()
    assert trained == GROUPS[without]
    whole = forward(init(replace(SETTINGS, variant=variant)), batch[0], variant)
    out = forward(params, batch[0], variant)
    assert set(whole) - set(out) == OUTPUTS_LEFT_OUT[without]
    scores = protocols.evaluate(params, *batch, settings)
    assert set(scores) == SCORES[without] | {"fusion", "accuracy"}


@each_variant
@each_ablation
def test_a_learnt_w_goes_with_the_adversary(without, variant):
    """It weighs nothing else (D1). The first update changes it, as part of L_fal."""
    settings = replace(SETTINGS, without=without, variant=variant, learn_w=True)
    has_w = "discriminator" in GROUPS[without]
    assert set(init(settings)) == GROUPS[without] | ({"w"} if has_w else set())
    for update, groups in updates.updates_of(settings).items():
        assert ("w" in groups) == (has_w and update == "embedding")


@each_variant
@each_ablation
def test_a_batch_changes_all_that_there_is(without, variant, batch):
    settings = replace(SETTINGS, without=without, variant=variant)
    params = init(settings)
    before = bits(params)
    optimisers = updates.init_optimisers(params, settings)
    losses = updates.train_batch(params, optimisers, *batch, settings, None)
    assert set(losses) == set(UPDATES[without])
    assert not [path for path, now in bits(params).items() if now == before[path]]


@each_variant
@each_ablation
def test_ablations_of_a_seed_begin_alike(without, variant):
    """So a difference between them comes from what is left out.

    Without the embedding the fusion's input has width d, so the comparison is with k = d.
    """
    k_of_fusion = d if without == "embedding" else k
    whole = bits(init(replace(SETTINGS, variant=variant, k=k_of_fusion)))
    for path, leaf in bits(init(replace(SETTINGS, variant=variant, without=without))).items():
        assert leaf == whole[path], path


@each_variant
@pytest.mark.parametrize("fusion", STRATEGIES)
def test_fusions_of_a_seed_begin_alike(fusion, variant):
    """All but the fusion's own parameters are equal, so Table 6 compares nothing else."""
    settings = replace(SETTINGS, variant=variant)
    graph, other = bits(init(settings)), bits(init(replace(settings, fusion=fusion)))
    assert {path[0] for path in other} == ALL
    for path, leaf in other.items():
        if path[0] != "fusion":
            assert leaf == graph[path], path


@each_variant
@pytest.mark.parametrize("without", ["adversarial", "classifier", "decoder"])
def test_the_other_losses_stay_as_they_were(without, variant, batch):
    """Losses and gradients of the updates that are left are those of the whole model.

    The loss of the embedding update has two parts, so it is the same only without the classifier.
    """
    found = []
    for name in ("nothing", without):
        settings = replace(SETTINGS, without=name, variant=variant)
        chosen = updates.updates_of(settings)
        found.append(updates.batch_gradients(init(settings), *batch, chosen, settings, None))
    (whole_values, whole_gradients), (values, gradients) = found
    same = set(UPDATES[without])
    if without != "classifier":
        same.remove("embedding")
    assert len(same) >= 2
    for update in same:
        assert values[update] == whole_values[update]
        assert_trees_close(gradients[update], whole_gradients[update], rtol=1e-9, atol=1e-15)


@each_variant
@pytest.mark.parametrize("without", ["adversarial", "decoder"])
def test_what_is_left_out_does_not_move_the_encoders(without, variant, batch):
    """The loss is (1 - lambda) L_rl without the discriminator, lambda L_fal without decoders."""
    settings = replace(SETTINGS, without=without, variant=variant)
    params, (x, y) = init(settings), batch

    def loss(encoders):
        x_e = embedding.encode(encoders, x)
        if without == "adversarial":
            x_tilde = embedding.decode(params["decoders"], x_e)
            return 0.8 * embedding.reconstruction_loss(x_tilde, x, variant)
        z = embedding.discriminate(params["discriminator"], x_e)
        return 0.2 * embedding.fake_adversarial_loss(z, 1)

    only = {"embedding": updates.updates_of(settings)["embedding"]}
    values, gradients = updates.batch_gradients(params, x, y, only, settings, None)
    assert values["embedding"] == pytest.approx(loss(params["encoders"]), rel=1e-12)
    expected = grad(loss)(params["encoders"])
    assert_trees_close(gradients["embedding"]["encoders"], expected, rtol=1e-9, atol=1e-15)


@each_variant
@pytest.mark.parametrize("fusion", STRATEGIES)
def test_without_embedding_the_fusion_reads_the_features(fusion, variant, data):
    settings = replace(SETTINGS, without="embedding", fusion=fusion, variant=variant)
    x, y = data
    trained = protocols.train(x, y, ROWS, settings)
    assert set(trained["params"]) == {"fusion"}
    assert embed(trained["params"], x) is x
    test = x[:, ROWS["test"]]
    M = STRATEGIES[fusion].decide(trained["params"]["fusion"], test, variant)["M"]
    np.testing.assert_allclose(trained["probabilities"], M, rtol=1e-12)


@each_variant
@pytest.mark.parametrize("protocol", ["fixed", "validation", "released", "best_test"])
@each_ablation
def test_it_trains(without, protocol, variant, data):
    """Every ablation runs to its end by every protocol, with finite numbers in every row."""
    settings = replace(SETTINGS, without=without, protocol=protocol, variant=variant,
                       drop_rate=0.3)
    trained = protocols.train(*data, ROWS, settings)
    assert set(trained["params"]) == GROUPS[without]
    assert len(trained["history"]) == 2
    for row in trained["history"]:
        scores = {f"validation_{name}" for name in SCORES[without] | {"fusion", "accuracy"}}
        assert set(UPDATES[without]) | scores <= set(row)
        assert np.isfinite([*row.values()]).all()


@each_variant
@each_ablation
def test_evaluation_parameters_have_the_same_groups(without, variant, data):
    settings = replace(SETTINGS, without=without, variant=variant)
    params = init(settings)
    evaluated = evaluation_params(params, data[0], variant)
    assert {path for path, _ in nn.leaves(params)} < {path for path, _ in nn.leaves(evaluated)}
    assert set(evaluated) == set(params)

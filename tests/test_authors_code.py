"""Variant ``released`` against numbers that the authors' own modules computed (PyTorch, float64).

`authors_code.json` holds outputs of their encoders, decoders, discriminator, classifier, graph and
other fusion classes at d = 4, k = 3, N = 2, B = 5, with all dropout rates at 0. Its weights follow
a rule, so that no code of theirs is needed: entry j of parameter number i is
0.4 sin(1.7 i + 0.9 j), plus 1 for the scale of a batch norm. Gradients and parameters are compared
by two sums each: the sum of all entries, and the sum of entry j times cos(j).
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from argf_np import nn
from argf_np.paper import updates
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import forward
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL
from argf_np.settings import Settings

GOLDEN = json.loads(Path(__file__).with_name("authors_code.json").read_text(encoding="utf-8"))
ROWS = {"a": 0, "l": 1, "v": 2}
SETTINGS = Settings(variant="released", drop_rate=0.0, dtype="float64", k=3, d=4,
                    lambda_=GOLDEN["lambda"], lr=GOLDEN["lr"],
                    weight_decay=GOLDEN["weight_decay"])


def by_rule(number, shape, is_scale=False):
    """Parameter ``number`` of a given shape."""
    size = math.prod(shape)
    values = [0.4 * math.sin(1.7 * number + 0.9 * j) + is_scale for j in range(size)]
    return np.reshape(values, shape)


def place(name):
    """Where their parameter lies in our tree: ``encoder_a/dense_1/W`` -> path and row of a bank."""
    module, *rest = name.split("/")
    kind, _, modality = module.partition("_")
    if modality in ROWS:
        return (f"{kind}s", *rest), ROWS[modality]
    if module == "gfn":
        return ("fusion", *rest), None
    return (module, *rest), None


@pytest.fixture
def params():
    """All parameters of the model, by the rule."""
    banks = {}
    for number, name in enumerate(GOLDEN["order"]):
        value = by_rule(number, GOLDEN["shapes"][name], name.endswith("gamma"))
        path, row = place(name)
        if row is None:
            banks[path] = value
        else:
            banks.setdefault(path, [None] * 3)[row] = value
    return nn.cast(nn.build([(path, np.array(value)) for path, value in banks.items()]), "float64")


@pytest.fixture
def x():
    return np.array([GOLDEN[f"x/{m}"] for m in UNIMODAL])


@pytest.fixture
def y():
    return np.array(GOLDEN["y"])


def stacked(name):
    """A value that the golden file has for each modality, in our order."""
    return np.array([GOLDEN[f"{name}/{m}"] for m in UNIMODAL])


def assert_equal(ours, theirs):
    """Equal to 1e-10, whether theirs has an axis of length 1 at its end or not."""
    np.testing.assert_allclose(ours, np.reshape(theirs, ours.shape), rtol=1e-10, atol=1e-10)


def two_sums(array):
    """The sum of all entries, and the sum of entry j times cos(j)."""
    flat = array.ravel()
    return [flat.sum(), flat @ np.cos(np.arange(flat.size))]


def our_leaf(tree, name):
    """The leaf of a tree of ours that is the authors' parameter ``name``."""
    path, row = place(name)
    leaf = dict(nn.leaves(tree))[path]
    return leaf if row is None else leaf[row]


@pytest.mark.parametrize("name", ["x_e", "x_tilde", "D", "y_tilde"])
def test_the_embedding_stage(name, params, x):
    assert_equal(forward(params, x, "released")[name], stacked(name))


def test_all_twelve_vertex_weights_and_the_decision(params, x):
    out = forward(params, x, "released")
    layers = ((UNIMODAL, "alpha_m"), (BIMODAL, "alpha_2"), (TRIMODAL, "alpha_3"))
    for vertices, name in layers:
        for vertex, weight in zip(vertices, out[name], strict=True):
            assert_equal(weight[:, 0], GOLDEN[f"weight/{vertex}"])
    assert_equal(out["M"], GOLDEN["M"])


@pytest.fixture
def first_batch(params, x, y):
    """Losses and gradients of all four updates, at the parameters that the batch begins with."""
    groups = updates.updates_of(SETTINGS)
    return updates.batch_gradients(params, x, y, groups, SETTINGS, rng=None)


@pytest.mark.parametrize("update", updates.LOSSES)
def test_losses(update, first_batch):
    losses, _ = first_batch
    assert losses[update] == pytest.approx(GOLDEN[f"loss/{update}"], rel=1e-10)


@pytest.mark.parametrize("update", updates.LOSSES)
def test_gradients(update, first_batch):
    _, gradients = first_batch
    prefix = f"grad/{update}/"
    names = [key.removeprefix(prefix) for key in GOLDEN if key.startswith(prefix)]
    assert len(names) > 5
    for name in names:
        ours = two_sums(our_leaf(gradients[update], name))
        np.testing.assert_allclose(ours, GOLDEN[prefix + name], rtol=1e-8, atol=1e-8, err_msg=name)


def test_the_parameters_after_one_step_of_each_update(params, x, y):
    optimisers = updates.init_optimisers(params, SETTINGS)
    updates.train_batch(params, optimisers, x, y, SETTINGS, rng=None)
    for name in GOLDEN["order"]:
        ours = two_sums(our_leaf(params, name))
        np.testing.assert_allclose(ours, GOLDEN[f"after/{name}"], rtol=1e-8, atol=1e-8,
                                   err_msg=name)


def test_the_paper_variant_differs(params, x):
    """The golden numbers are not what both variants give."""
    assert np.abs(forward(params, x, "paper")["M"] - GOLDEN["M"]).max() > 1e-3


def their_fusion(strategy):
    """The parameters of one of their fusion classes, by their names."""
    weights = {}
    for number, name in enumerate(GOLDEN[f"fusions/{strategy}/order"]):
        shape = GOLDEN[f"fusions/{strategy}/shape/{name}"]
        weights[name] = by_rule(number, shape, name.startswith("norm") and "weight" in name)
    return weights


def dense_of(weights, name):
    return {"W": weights[f"{name}.weight"], "b": weights[f"{name}.bias"][None]}


def dec_of(weights):
    """Their decision network with the batch norm before it."""
    norm = {"gamma": weights["norm2.weight"][None], "beta": weights["norm2.bias"][None]}
    layers = {f"dense_{i}": dense_of(weights, f"linear_{i}") for i in (1, 2, 3)}
    return {"norm": norm} | layers


def fusion_params(strategy):
    """Parameters of our strategy with the weights of theirs."""
    weights = their_fusion(strategy)
    if strategy == "tensor":
        params = {f"dense_{i}": dense_of(weights, f"post_fusion_layer_{i}") for i in (1, 2, 3)}
        # They put the 1 in front of each vector, and we put it behind.
        W = params["dense_1"]["W"].reshape(4, 4, 4, -1)
        params["dense_1"]["W"] = np.roll(W, -1, axis=(0, 1, 2)).reshape(64, -1)
        return params
    if strategy == "low_rank":
        # Row 0 of their factors meets the 1 in front of each vector.
        factors = np.concatenate([weights[f"{m}_factor"] for m in ("audio", "video", "text")])
        return {"factors": {"W": factors[:, 1:], "b": factors[:, :1]},
                "weights": weights["fusion_weights"].reshape(-1, 1, 1),
                "bias": weights["fusion_bias"]}
    params = {"Dec": dec_of(weights)}
    if strategy == "weighted_average":
        params["MAN"] = dense_of(weights, "attention")
    return params


@pytest.mark.parametrize(
    "strategy", ["concatenation", "multiplication", "weighted_average", "tensor", "low_rank"])
def test_the_other_fusions(strategy):
    a, l, v = np.array(GOLDEN["fusions/x_e"])
    x_e = np.array([a, v, l])  # their order
    M = STRATEGIES[strategy].decide(fusion_params(strategy), x_e, "released")["M"]
    assert_equal(M, GOLDEN[f"fusions/{strategy}/output"])

"""The networks beside PyTorch twins that hold the same weights.

Compared are every intermediate, every gradient, and the parameters after two batches.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from helpers import bits, shaken

from argf_np import nn
from argf_np.baselines import hffn
from argf_np.paper import model, ucln, updates
from argf_np.settings import Settings

torch = pytest.importorskip("torch", reason="parity needs PyTorch: pip install argf_np[benchmarks]")

from benchmarks import twin, twin_hffn  # noqa: E402

B, d, k, N = 5, 7, 11, 3
LENGTHS = np.array([2, 6, 1, 6])  # utterances of four videos
TOLERANCE = 1e-6


def settings(variant, **changes):
    return replace(Settings(), variant=variant, k=k, drop_rate=0.0, dtype="float64", **changes)


@pytest.fixture
def argf(rng):
    """Parameters, none of them zero, and a batch."""
    params = shaken(model.init_model(rng, d, k, N, "float64"), rng)
    return params, rng.standard_normal((3, B, d)), np.eye(N)[[0, 2, 1, 1, 0]]


@pytest.fixture
def videos(rng):
    """Parameters of a UCLN, none of them zero, and a batch of padded videos: x, y, mask."""
    params = shaken(ucln.init_ucln(rng, d, k, N), rng)
    mask = np.arange(6) < LENGTHS[:, None]
    y = np.eye(N)[rng.integers(N, size=mask.shape)]
    return params, rng.standard_normal((*mask.shape, d)), y, mask


def assert_close(name, ours, theirs):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape, name
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max() > 0, name


@pytest.mark.usefixtures("each_implementation")
@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("kind", [twin.Released, twin.Best])
class TestARGF:
    def test_every_intermediate(self, argf, kind, variant):
        params, x, _ = argf
        ours = model.forward(params, x, variant)
        theirs = kind(params, settings(variant)).eval()(torch.tensor(x))
        assert set(theirs) == set(ours) - {"D"}
        for name, value in theirs.items():
            assert_close(name, ours[name], torch.stack([*value]))

    @pytest.mark.parametrize("target", ["a", "l", "v"])
    def test_losses_and_gradients_of_the_four_updates(self, argf, kind, variant, target):
        twin.check_argf(kind, *argf, settings(variant, target=target), TOLERANCE)

    def test_two_batches_leave_the_same_parameters(self, argf, kind, variant):
        params, x, y = argf
        chosen = settings(variant)
        network = kind(params, chosen).eval()  # without dropout
        optimisers, theirs = updates.init_optimisers(params, chosen), network.init_optimisers()
        before = bits(params)
        for _ in range(2):
            updates.train_batch(params, optimisers, x, y, chosen, None)
            network.train_batch(theirs, torch.tensor(x), torch.tensor(y))
        assert not [path for path, now in bits(params).items() if now == before[path]]
        ours = kind(params, chosen)
        twin.same("parameters", [*ours.parameters()], [*network.parameters()], TOLERANCE)

    def test_prediction_in_evaluation_mode(self, rng, argf, kind, variant):
        params, x, _ = argf
        evaluated = model.evaluation_params(params, rng.standard_normal((3, 13, d)), variant)
        theirs = kind(evaluated, settings(variant)).eval().predict(torch.tensor(x))
        assert_close("M", model.predict(evaluated, x, variant), theirs)


@pytest.mark.usefixtures("each_implementation")
class TestUCLN:
    def test_features(self, videos):
        params, x, _, mask = videos
        alone = [torch.tensor(video[real]) for video, real in zip(x, mask, strict=True)]
        packed = twin.UCLN(params, Settings()).eval()(alone)
        theirs, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        ours = ucln.context_features(params, x, mask, Settings())
        assert_close("features", ours[mask], theirs[torch.tensor(mask)])

    def test_loss_and_gradients(self, videos):
        params, x, y, mask = videos

        def loss(params):
            return ucln.ucln_loss(params, x, y, mask, Settings())

        def their_loss(network):
            alone = [torch.tensor(video[real]) for video, real in zip(x, mask, strict=True)]
            labels = [torch.tensor(video[real]) for video, real in zip(y, mask, strict=True)]
            return network.loss(alone, labels)

        network_of = partial(twin.UCLN, settings=Settings())
        twin.check_loss("UCLN", loss, params, network_of, their_loss, TOLERANCE)


@pytest.fixture
def of_hffn(rng):
    """Parameters of HFFN, none of them zero, and a batch of an even width: x, y."""
    params = shaken(hffn.init_hffn(rng, 3, 8, N), rng)
    return params, rng.uniform(-1, 1, (3, B, 8)), np.eye(N)[[0, 2, 1, 1, 0]]


def check_hffn(params, x, y, variant):
    def loss(params):
        return hffn.cosine_loss(hffn.decide(params, hffn.local_tensors(x), variant), y)

    def their_loss(network):
        return network.loss(torch.tensor(x), torch.tensor(y))

    network_of = partial(twin_hffn.HFFN, variant=variant)
    twin.check_loss("HFFN", loss, params, network_of, their_loss, TOLERANCE)


@pytest.mark.parametrize("variant", ["paper", "released"])
class TestHFFN:
    @pytest.mark.usefixtures("each_implementation")
    def test_loss_and_gradients(self, of_hffn, variant):
        check_hffn(*of_hffn, variant)

    def test_two_steps_of_rmsprop_leave_the_same_parameters(self, of_hffn, variant):
        params, x, y = of_hffn
        network = twin_hffn.HFFN(params, variant).eval()
        theirs = torch.optim.RMSprop(network.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
        state, before = nn.init_rmsprop(params), bits(params)

        def loss(params):
            return hffn.cosine_loss(hffn.decide(params, hffn.local_tensors(x), variant), y)

        for _ in range(2):
            _, gradients = nn.value_and_grad(loss, params)
            nn.rmsprop(state, params, gradients)
            theirs.zero_grad()
            network.loss(torch.tensor(x), torch.tensor(y)).backward()
            theirs.step()
        assert not [path for path, now in bits(params).items() if now == before[path]]
        ours = twin_hffn.HFFN(params, variant)
        twin.same("parameters", [*ours.parameters()], [*network.parameters()], TOLERANCE)

    def test_the_check_rejects_a_gradient_that_is_0_1_percent_off(self, of_hffn, variant,
                                                                  monkeypatch):
        def wrong(loss, params):
            value, gradients = nn.value_and_grad(loss, params)
            gradients["lstm"]["W"] = 1.001 * gradients["lstm"]["W"]
            return value, gradients

        monkeypatch.setattr(twin, "value_and_grad", wrong)
        with pytest.raises(twin.MismatchError, match="HFFN gradient"):
            check_hffn(*of_hffn, variant)


def test_the_check_rejects_a_gradient_that_is_0_1_percent_off(argf, monkeypatch):
    batch_gradients = updates.batch_gradients

    def wrong(*arguments):
        values, gradients = batch_gradients(*arguments)
        layer = gradients["fusion"]["encoders"]["dense_3"]
        layer["W"] = 1.001 * layer["W"]
        return values, gradients

    monkeypatch.setattr(updates, "batch_gradients", wrong)
    with pytest.raises(twin.MismatchError, match="fusion gradient"):
        twin.check_argf(twin.Best, *argf, settings("paper"), 1e-4)


def test_the_check_rejects_a_gradient_of_zeros():
    zeros = [torch.zeros(2, 3)]
    with pytest.raises(twin.MismatchError):
        twin.same("gradient", zeros, zeros, TOLERANCE)


def test_parameters_of_the_tree_are_all_in_the_twin(argf):
    params, _, _ = argf
    for kind in (twin.Released, twin.Best):
        network = kind(params, settings("paper"))
        assert sum(p.numel() for p in network.parameters()) == nn.count(params)

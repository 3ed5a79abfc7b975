"""The optimisers equal the textbook's loop, whatever the blocks, and never write gradients."""

import math

import numpy as np
import pytest

from argf_np import nn
from argf_np.nn import optimisers

SHAPES = {"one": {"W": (3, 4), "b": (1, 4)}, "two": {"W": (2, 5, 3), "b": (7,)}}
STEPS = optimisers.FLUSH_EVERY + 2  # so that denormals are flushed once on the way


OPTIMISERS = [
    (nn.init_adam, nn.adam, {"lr": 0.1, "weight_decay": 0.05}),
    (nn.init_adadelta, nn.adadelta, {}),
    (nn.init_rmsprop, nn.rmsprop, {"lr": 0.01}),
]
each_optimiser = pytest.mark.parametrize(("init", "step", "settings"), OPTIMISERS)


@pytest.fixture(params=[2, 5, 12, 10_000])
def blocks(request, monkeypatch):
    """Blocks that end within a leaf, at its end and after it: leaves have 12, 4, 30, 7 scalars."""
    monkeypatch.setattr(optimisers, "BLOCK", request.param)


def draw(rng):
    return nn.build([((part, name), rng.standard_normal(shape))
                     for part, shapes in SHAPES.items() for name, shape in shapes.items()])


def flat(tree):
    return np.concatenate([leaf.ravel() for _, leaf in nn.leaves(tree)])


def textbook_adam(param, gradients, lr, betas, epsilon, weight_decay):
    m = v = 0
    for t, gradient in enumerate(gradients, start=1):
        g = gradient + weight_decay * param
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        param = param - lr * m_hat / (math.sqrt(v_hat) + epsilon)
    return param


def textbook_adadelta(param, gradients, lr, rho, epsilon):
    g2 = d2 = 0
    for g in gradients:
        g2 = rho * g2 + (1 - rho) * g * g
        d = math.sqrt(d2 + epsilon) / math.sqrt(g2 + epsilon) * g
        d2 = rho * d2 + (1 - rho) * d * d
        param = param - lr * d
    return param


def textbook_rmsprop(param, gradients, lr, rho, epsilon):
    g2 = 0
    for g in gradients:
        g2 = rho * g2 + (1 - rho) * g * g
        param = param - lr * g / (math.sqrt(g2) + epsilon)
    return param


def run(init, step, rng, **settings):
    """Step a tree; returns its scalars before and after, and the gradients (STEPS, scalars)."""
    params, gradients = draw(rng), [draw(rng) for _ in range(STEPS)]
    before, state = flat(params), init(params)
    for gradient in gradients:
        for _, leaf in nn.leaves(gradient):
            leaf.flags.writeable = False
        step(state, params, gradient, **settings)
    return before, flat(params), np.array([flat(gradient) for gradient in gradients])


@pytest.mark.parametrize("weight_decay", [0, 0.05])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8)])
def test_adam_is_the_textbooks(betas, weight_decay, blocks, rng):
    settings = {"lr": 0.02, "betas": betas, "epsilon": 1e-3, "weight_decay": weight_decay}
    before, after, gradients = run(nn.init_adam, nn.adam, rng, **settings)
    expected = [textbook_adam(before[i], gradients[:, i], **settings)
                for i in range(len(before))]
    np.testing.assert_allclose(after, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lr", [1.0, 0.3])
def test_adadelta_is_the_textbooks(lr, blocks, rng):
    settings = {"lr": lr, "rho": 0.9, "epsilon": 1e-4}
    before, after, gradients = run(nn.init_adadelta, nn.adadelta, rng, **settings)
    expected = [textbook_adadelta(before[i], gradients[:, i], **settings)
                for i in range(len(before))]
    np.testing.assert_allclose(after, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rho", [0.9, 0.5])
def test_rmsprop_is_the_textbooks(rho, blocks, rng):
    settings = {"lr": 0.02, "rho": rho, "epsilon": 1e-3}
    before, after, gradients = run(nn.init_rmsprop, nn.rmsprop, rng, **settings)
    expected = [textbook_rmsprop(before[i], gradients[:, i], **settings)
                for i in range(len(before))]
    np.testing.assert_allclose(after, expected, rtol=0, atol=1e-12)


@each_optimiser
def test_no_bit_depends_on_the_blocks(init, step, settings, monkeypatch):
    results = []
    for block in (2, 5, 10_000):
        monkeypatch.setattr(optimisers, "BLOCK", block)
        results.append(run(init, step, np.random.default_rng(0), **settings)[1])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_defaults_are_the_papers():
    """Kingma and Ba: 0.9, 0.999, 1e-8. Zeiler: 0.95, 1e-6, no learning rate. RMSprop: Keras's."""
    adam = {"betas": (0.9, 0.999), "epsilon": 1e-8, "weight_decay": 0}
    adadelta = {"rho": 0.95, "epsilon": 1e-6}
    rmsprop = {"rho": 0.9, "epsilon": 1e-7}
    gradients = {"x": np.array([0.5, -2.0, 3.0])}
    for init, step, lr, defaults in ((nn.init_adam, nn.adam, 0.1, adam),
                                     (nn.init_rmsprop, nn.rmsprop, 0.001, rmsprop),
                                     (nn.init_adadelta, nn.adadelta, 1.0, adadelta)):
        one, two = {"x": np.ones(3)}, {"x": np.ones(3)}
        step(init(one), one, gradients, lr=lr)
        step(init(two), two, gradients, lr=lr, **defaults)
        np.testing.assert_array_equal(one["x"], two["x"])
    for init, step, lr in ((nn.init_adadelta, nn.adadelta, 1.0),
                           (nn.init_rmsprop, nn.rmsprop, 0.001)):
        one, two = {"x": np.ones(3)}, {"x": np.ones(3)}
        step(init(one), one, gradients)
        step(init(two), two, gradients, lr=lr)
        np.testing.assert_array_equal(one["x"], two["x"])


def test_first_adam_step_is_the_learning_rate_against_the_sign(rng):
    """m_hat / sqrt(v_hat) = g / |g| at t = 1, for any g: the moments are unbiased."""
    params = {"x": np.zeros(4)}
    nn.adam(nn.init_adam(params), params, {"x": np.array([3.0, -0.01, 40.0, -5.0])}, lr=0.1)
    np.testing.assert_allclose(params["x"], [-0.1, 0.1, -0.1, 0.1], atol=1e-6)


def test_zero_gradient_changes_nothing():
    params, zeros = {"x": np.arange(3.0)}, {"x": np.zeros(3)}
    nn.adam(nn.init_adam(params), params, zeros, lr=0.1)
    nn.adadelta(nn.init_adadelta(params), params, zeros)
    nn.rmsprop(nn.init_rmsprop(params), params, zeros)
    np.testing.assert_array_equal(params["x"], np.arange(3.0))


def test_what_only_decays_ends_at_0_and_not_in_denormals():
    """Weight decay alone takes weights ever nearer to 0. A weight that matters keeps its value."""
    params = nn.cast({"dying": np.full(5, 1e-19), "alive": np.full(3, 0.1)}, "float32")
    state, zeros = nn.init_adam(params), nn.map_leaves(np.zeros_like, params)
    for _ in range(optimisers.FLUSH_EVERY - 1):
        nn.adam(state, params, zeros, lr=1e-12, weight_decay=0.1)
    assert (params["dying"] != 0).all()
    nn.adam(state, params, zeros, lr=1e-12, weight_decay=0.1)
    assert (params["dying"] == 0).all()
    assert (state["m"]["dying"] == 0).all()
    np.testing.assert_array_equal(params["alive"], np.float32(0.1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_optimiser
def test_type_is_kept(init, step, settings, dtype, rng):
    params = nn.cast(draw(rng), dtype)
    state = init(params)
    step(state, params, nn.cast(draw(rng), dtype), **settings)
    leaves = [leaf for _, leaf in nn.leaves({"params": params, "state": state})]
    assert {leaf.dtype for leaf in leaves if isinstance(leaf, np.ndarray)} == {np.dtype(dtype)}


BAD_GRADIENTS = {
    "a leaf missing": lambda tree: tree["two"].pop("b"),
    "a leaf too many": lambda tree: tree["two"].update(c=np.ones(1)),
    "another shape": lambda tree: tree["two"].update(b=np.ones(8)),
    "another shape of the same size": lambda tree: tree["one"].update(W=np.ones((4, 3))),
    "another order": lambda tree: tree.update(one=tree.pop("one")),
    "another name": lambda tree: tree["two"].update(c=tree["two"].pop("b")),
}


@pytest.mark.parametrize("change", BAD_GRADIENTS.values(), ids=BAD_GRADIENTS.keys())
@each_optimiser
def test_gradients_that_do_not_fit_are_refused(init, step, settings, change, rng):
    """With ValueError, and nothing has changed."""
    params, gradients = draw(rng), draw(rng)
    state, before = init(params), flat(params)
    change(gradients)
    with pytest.raises(ValueError, match="gradients do not fit the parameters"):
        step(state, params, gradients, **settings)
    np.testing.assert_array_equal(flat(params), before)
    assert not any(np.any(leaf) for _, leaf in nn.leaves(state))


@each_optimiser
def test_params_that_are_not_contiguous_are_refused(init, step, settings, rng):
    """A flat version of such an array is a copy, and a step on a copy would be lost in silence."""
    params = draw(rng)
    params["one"]["W"] = np.asfortranarray(params["one"]["W"])
    with pytest.raises(ValueError, match=r"parameter one/W is not contiguous: use nn\.cast"):
        step(init(params), params, draw(rng), **settings)
    contiguous = nn.cast(params, "float64")
    step(init(contiguous), contiguous, draw(rng), **settings)


@each_optimiser
def test_a_new_state_is_a_tree_of_zeros(init, step, settings, rng):
    params = draw(rng)
    for moment in init(params).values():
        if isinstance(moment, dict):
            for (path, zeros), (same_path, leaf) in zip(
                    nn.leaves(moment), nn.leaves(params), strict=True):
                assert path == same_path
                np.testing.assert_array_equal(zeros, np.zeros_like(leaf))


@each_optimiser
def test_gradients_need_not_be_contiguous(init, step, settings, rng):
    one, gradients = draw(rng), draw(rng)
    two = nn.map_leaves(np.copy, one)
    step(init(one), one, gradients, **settings)
    step(init(two), two, nn.map_leaves(np.asfortranarray, gradients), **settings)
    np.testing.assert_array_equal(flat(one), flat(two))


@pytest.mark.parametrize(("name", "init", "step", "settings", "theirs"), [
    ("Adam", nn.init_adam, nn.adam, {"lr": 0.02, "betas": (0.5, 0.999), "weight_decay": 0.05}, {}),
    ("Adadelta", nn.init_adadelta, nn.adadelta, {"lr": 1.0, "rho": 0.95}, {}),
    ("RMSprop", nn.init_rmsprop, nn.rmsprop, {"lr": 0.02}, {"alpha": 0.9, "eps": 1e-7}),
])
def test_equals_torch(name, init, step, settings, theirs, rng):
    """With ``settings`` for both, and with ``theirs`` where PyTorch has other names or defaults."""
    torch = pytest.importorskip(
        "torch", reason="parity needs PyTorch: pip install argf_np[benchmarks]")
    before, after, gradients = run(init, step, rng, **settings)
    param = torch.tensor(before, requires_grad=True)
    optimiser = getattr(torch.optim, name)([param], **settings, **theirs)
    for gradient in gradients:
        param.grad = torch.tensor(gradient)
        optimiser.step()
    np.testing.assert_allclose(after, param.detach(), rtol=0, atol=1e-12)

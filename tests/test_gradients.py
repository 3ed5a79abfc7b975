"""Gradients of trees against autograd's public `grad`; the gradient check itself; the trees."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from argf_np import nn
from argf_np.nn import ops
from argf_np.storage import npz


@pytest.fixture
def tree(rng):
    return {"one": {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)},
            "two": {"deep": {"W": rng.standard_normal((4, 2))}}, "unused": rng.standard_normal(5)}


def used_twice(p):
    W = p["one"]["W"]
    return anp.sum(anp.tanh(anp.dot(W, p["two"]["deep"]["W"])) ** 2) + anp.sum(W * p["one"]["b"])


def indexed(p):
    """Slices and repeated rows, whose cotangents are sparse in autograd.

    Here two sparse ones and a dense one are added up.
    """
    W = p["one"]["W"]
    sparse = anp.sum(W[0] * p["one"]["b"] ** 2) + anp.sum(W[[1, 1, 2]][:, :2] ** 3)
    return sparse + anp.sum(anp.sin(W))


def leaf_itself(p):
    return anp.sum(p["unused"])


@pytest.mark.parametrize("function", [used_twice, indexed, leaf_itself])
def test_equals_autograds_grad(function, tree):
    value, gradient = nn.value_and_grad(function, tree)
    assert value == function(tree)
    expected = grad(function)(tree)
    leaves = zip(nn.leaves(gradient), nn.leaves(expected), strict=True)
    for (path, ours), (same_path, theirs) in leaves:
        assert path == same_path
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14)


def test_unused_leaves_get_zeros(tree):
    gradient = nn.value_and_grad(used_twice, tree)[1]
    np.testing.assert_array_equal(gradient["unused"], np.zeros(5))


def test_function_that_does_not_depend_on_its_params(tree):
    value, pull = nn.vjp(lambda p: np.arange(3.0), tree)
    np.testing.assert_array_equal(value, np.arange(3.0))
    for (_, zeros), (_, leaf) in zip(nn.leaves(pull(np.ones(3))), nn.leaves(tree), strict=True):
        np.testing.assert_array_equal(zeros, np.zeros_like(leaf))


def test_vjp_of_an_array_is_the_transposed_jacobian(tree):
    """g^T (d y / d W) for y = W b: the outer product of g and b. It can be computed repeatedly."""
    y, pull = nn.vjp(lambda p: anp.dot(p["one"]["W"], p["one"]["b"]), tree)
    W, b = tree["one"]["W"], tree["one"]["b"]
    np.testing.assert_allclose(y, W @ b)
    for g in (np.array([1.0, 0, 0]), np.array([2.0, -1, 3]), np.array([1.0, 0, 0])):
        gradient = pull(g)
        np.testing.assert_allclose(gradient["one"]["W"], np.outer(g, b))
        np.testing.assert_allclose(gradient["one"]["b"], W.T @ g)


def test_pulls_do_not_touch_each_others_results(tree):
    y, pull = nn.vjp(indexed, tree)
    first = pull(np.ones_like(y))
    kept = nn.map_leaves(np.copy, first)
    pull(3 * np.ones_like(y))
    for (_, one), (_, other) in zip(nn.leaves(first), nn.leaves(kept), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("function", [
    lambda p: anp.sum(5 * p["a"]) + anp.sum(3 * (p["a"] + p["b"])),
    lambda p: anp.sum(3 * (p["a"] + p["b"])) + anp.sum(5 * p["a"]),
], ids=["sum last", "sum first"])
def test_what_is_added_to_one_parent_does_not_reach_the_other(function):
    """An addition hands one and the same array to both of its parents."""
    _, gradient = nn.value_and_grad(function, {"a": np.ones(2), "b": np.ones(2)})
    np.testing.assert_array_equal(gradient["a"], [8, 8])
    np.testing.assert_array_equal(gradient["b"], [3, 3])


def test_params_reach_the_function_as_plain_dicts_and_are_not_changed(tree):
    before = nn.map_leaves(np.copy, tree)

    def function(p):
        assert type(p) is dict
        assert type(p["one"]) is dict
        return used_twice(p)

    nn.value_and_grad(function, tree)
    for (_, one), (_, other) in zip(nn.leaves(tree), nn.leaves(before), strict=True):
        np.testing.assert_array_equal(one, other)


def test_gradients_of_gradients():
    """f = x^3: its slope is 3 x^2, and the slope of that 6 x."""
    def slope(x):
        _, gradient = nn.value_and_grad(lambda p: anp.sum(p["x"] ** 3), {"x": x})
        return anp.sum(gradient["x"])

    x = np.array([2.0, -1.0])
    np.testing.assert_allclose(grad(slope)(x), 6 * x)


@pytest.mark.parametrize("function", [lambda t, p: t * anp.sum(p["x"] ** 3), lambda t, p: 7 * t])
def test_values_can_be_differentiated_with_respect_to_a_closed_over_number(function):
    params = {"x": np.array([2.0, -1.0])}
    assert grad(lambda t: nn.vjp(lambda p: function(t, p), params)[0])(5.0) == 7


def test_operations_in_a_trace_within_a_trace(rng):
    """One operation meets t of the outer trace and x of the inner one."""
    p, x = nn.init_dense(rng, 4, 3), rng.standard_normal((5, 4))

    def layer(t, x):
        return ops.dense_layer({"W": t * p["W"], "b": p["b"]}, x, "tanh")

    def inner(t):
        return nn.vjp(lambda tree: layer(t, tree["x"]), {"x": x})[0]

    numeric = np.sum(layer(0.7 + 1e-6, x) - layer(0.7 - 1e-6, x)) / 2e-6
    assert grad(lambda t: anp.sum(inner(t)))(0.7) == pytest.approx(numeric, rel=1e-8)


def test_check_accepts_the_right_gradient(tree, rng):
    del tree["unused"]
    nn.check_gradient(used_twice, tree, rng)
    nn.check_gradient(used_twice, tree, rng, gradient=grad(used_twice)(tree))


@pytest.mark.parametrize("path", [("one", "W"), ("one", "b"), ("two", "deep", "W")], ids="/".join)
@pytest.mark.parametrize("wrong", [
    lambda g, rng: 1.001 * g, lambda g, rng: -g, lambda g, rng: g.ravel()[::-1].reshape(g.shape),
    lambda g, rng: g + 1e-3 * np.linalg.norm(g) / np.sqrt(g.size) * rng.standard_normal(g.shape),
], ids=["0.1 % too long", "wrong sign", "wrong order", "0.1 % noise"])
def test_check_rejects_a_wrong_gradient_and_names_the_leaf(path, wrong, tree, rng):
    del tree["unused"]
    gradient = dict(nn.leaves(grad(used_twice)(tree)))
    gradient[path] = wrong(gradient[path], rng)
    gradient = nn.build(gradient.items())
    message = f"^{'/'.join(path)}: gradient .* finite differences .* relative error"
    with pytest.raises(AssertionError, match=message):
        nn.check_gradient(used_twice, tree, rng, gradient=gradient)


def test_check_rejects_a_gradient_that_is_two_millionths_too_long(tree, rng):
    """Unless it is told to tolerate more."""
    del tree["unused"]
    gradient = nn.map_leaves(lambda g: (1 + 2e-6) * g, grad(used_twice)(tree))
    with pytest.raises(AssertionError, match=r"relative error 2\.0e-06$"):
        nn.check_gradient(used_twice, tree, rng, gradient)
    nn.check_gradient(used_twice, tree, rng, gradient, tolerance=3e-6)


def test_check_rejects_a_check_that_could_not_fail(tree, rng):
    with pytest.raises(AssertionError, match="unused: the gradient is zero"):
        nn.check_gradient(used_twice, tree, rng)


def test_check_rejects_float32(tree, rng):
    del tree["unused"]
    single = nn.map_leaves(np.float32, tree)
    with pytest.raises(AssertionError, match="one/W: gradient checks need float64"):
        nn.check_gradient(used_twice, single, rng)
    with pytest.raises(AssertionError, match="one/W: gradient checks need float64"):
        nn.check_gradient(used_twice, tree, rng, nn.cast(grad(used_twice)(tree), "float32"))


def test_check_works_on_single_numbers():
    """Of one number there are two directions; neither may be lost, whatever the generator draws."""
    for seed in range(20):
        nn.check_gradient(lambda p: -p["x"] ** 3, {"x": np.array(2.0)}, np.random.default_rng(seed))


def test_leaves_and_build_are_inverse(tree):
    paths = [path for path, _ in nn.leaves(tree)]
    assert paths == [("one", "W"), ("one", "b"), ("two", "deep", "W"), ("unused",)]
    again = nn.build(nn.leaves(tree))
    assert again.keys() == tree.keys()
    assert again["two"]["deep"]["W"] is tree["two"]["deep"]["W"]


def test_map_leaves_and_count(tree):
    shapes = nn.map_leaves(np.shape, tree)
    one, two = {"W": (3, 4), "b": (4,)}, {"deep": {"W": (4, 2)}}
    assert shapes == {"one": one, "two": two, "unused": (5,)}
    assert nn.count(tree) == 12 + 4 + 8 + 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cast_is_a_contiguous_and_aligned_copy_of_one_dtype(dtype, tree):
    tree["one"]["W"] = np.asfortranarray(tree["one"]["W"])
    copy = nn.cast(tree, dtype)
    for (path, leaf), (same_path, original) in zip(nn.leaves(copy), nn.leaves(tree), strict=True):
        assert path == same_path
        assert leaf.dtype == dtype
        assert leaf.flags.c_contiguous
        assert leaf.ctypes.data % 64 == 0
        assert not np.shares_memory(leaf, original)
        np.testing.assert_array_equal(leaf, original.astype(dtype))


def test_restore_writes_into_the_arrays_and_replaces_other_leaves(tree, rng):
    state = {"params": tree, "t": 3, "history": []}
    saved = {"params": nn.map_leaves(lambda leaf: leaf + 1, tree), "t": 5,
             "history": [{"epoch": 1}], "generator": {"state": 7}}
    arrays = dict(nn.leaves(tree))
    nn.restore(state, saved)
    for path, leaf in nn.leaves(tree):
        assert leaf is arrays[path]  # so that all that hold the array see the new values
        np.testing.assert_array_equal(leaf, dict(nn.leaves(saved["params"]))[path])
    assert state["t"] == 5
    assert state["history"] == [{"epoch": 1}]
    assert state["generator"] == {"state": 7}


@pytest.mark.parametrize(("change", "message"), [
    (lambda saved: saved["two"]["deep"].pop("W"), "two/deep/W is missing"),
    (lambda saved: saved.pop("one"), "one/W is missing"),
    (lambda saved: saved["two"].update(deep=np.ones(3)), "two/deep/W is missing"),
    (lambda saved: saved["one"].update(b=np.ones((2, 2))),
     r"one/b has shape \(2, 2\), expected \(4,\)"),
    (lambda saved: saved["one"].update(b={"c": np.ones(4)}), "one/b is missing"),
])
def test_restore_names_what_does_not_fit_and_changes_nothing(change, message, tree):
    before, saved = nn.map_leaves(np.copy, tree), nn.map_leaves(lambda leaf: leaf + 1, tree)
    change(saved)
    with pytest.raises(ValueError, match=f"^{message}$"):
        nn.restore(tree, saved)
    for (_, leaf), (_, original) in zip(nn.leaves(tree), nn.leaves(before), strict=True):
        np.testing.assert_array_equal(leaf, original)


def test_save_and_load_round_trip(tree, tmp_path):
    tree["two"]["float32"] = np.float32([1, 2])
    npz.save(tmp_path / "params.npz", tree)
    loaded = npz.load(tmp_path / "params.npz")
    for (path, one), (same_path, other) in zip(nn.leaves(tree), nn.leaves(loaded), strict=True):
        assert path == same_path
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_load_runs_no_pickles(tmp_path):
    with open(tmp_path / "params.npz", "wb") as file:
        np.savez(file, W=np.array([{"any": "object"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        npz.load(tmp_path / "params.npz")

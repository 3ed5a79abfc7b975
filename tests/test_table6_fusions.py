"""Fusion strategies (Table 6): formula with loops, gradient, size, and what distinguishes each.

The graph of three modalities is taken apart in `test_graph_fusion` and in the tests of Eq. 10 to
16. The released variants (D21) are also compared with the authors' own numbers in
`test_authors_code`.
"""

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
from helpers import (
    assert_close,
    assert_gradient,
    batch_norm,
    dense,
    dropout_masks,
    leaky_relu,
    shaken,
    sigmoid,
    softmax,
    weigh,
)

from argf_np import nn
from argf_np.paper.fusions_table6 import STRATEGIES, outer_product

B, k, N = 7, 5, 9
NAMES = ("gfn", "concatenation", "multiplication", "weighted_average", "tensor", "low_rank",
         "dynamic_graph")
each_fusion = pytest.mark.parametrize("name", NAMES)
each_number_of_modalities = pytest.mark.parametrize("m", [2, 3, 4])
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


def tanh_layer(p, x):
    return [math.tanh(z) for z in dense(p, x)]


def leaky_layer(p, x, slope):
    return [leaky_relu(z, slope) for z in dense(p, x)]


def dec(p, batch):
    """Eq. 16 of a batch of vectors."""
    decisions = []
    for x in batch_norm(p["norm"], batch):
        h = tanh_layer(p["dense_2"], tanh_layer(p["dense_1"], x))
        decisions.append(softmax(dense(p["dense_3"], h)))
    return decisions


def side_by_side(xs):
    return [value for x in xs for value in x]


def product_of(xs):
    return [math.prod(entries) for entries in zip(*xs, strict=True)]


def sum_of(weights, xs):
    """A weighted sum of vectors."""
    total = [0.0] * len(xs[0])
    for weight, x in zip(weights, xs, strict=True):
        total = [a + weight * b for a, b in zip(total, x, strict=True)]
    return total


# Each of the following takes parameters and, per utterance of the batch, a list of m vectors.


def concatenation(p, batch, variant):
    return dec(p["Dec"], [side_by_side(xs) for xs in batch])


def multiplication(p, batch, variant):
    products = []
    for xs in batch:
        forgotten = variant == "released" and len(xs) == 3
        products.append(product_of(xs[1:] if forgotten else xs))
    return dec(p["Dec"], products)


def weighted_average(p, batch, variant):
    if variant == "paper":
        return dec(p["Dec"], [average(p["MAN"], xs) for xs in batch])
    by_modality = [batch_norm(p["Dec"]["norm"], column) for column in zip(*batch, strict=True)]
    averages = []
    for xs in zip(*by_modality, strict=True):
        alpha = softmax([math.tanh(dense(p["MAN"], x)[0]) for x in xs])
        averages.append(sum_of(alpha, xs))
    return dec(p["Dec"], averages)


def average(MAN, xs):
    """U of Eq. 10."""
    return sum_of([sigmoid(dense(MAN, x)[0]) / len(xs) for x in xs], xs)


def tensor(p, batch, variant):
    M = []
    for xs in batch:
        extended = [[*x, 1.0] for x in xs]
        Z = [math.prod(entries) for entries in product(*extended)]
        h = leaky_layer(p["dense_2"], leaky_layer(p["dense_1"], Z, 0), 0)
        M.append(softmax(dense(p["dense_3"], h)))
    return M


def low_rank(p, batch, variant):
    h = []
    for xs in batch:
        products = []
        for r in range(4):
            factors = []
            for m, x in enumerate(xs):
                factor = {name: p["factors"][name][4 * m + r] for name in "Wb"}
                factors.append(dense(factor, x))
            products.append(product_of(factors))
        h.append(sum_of(p["weights"].ravel().tolist(), products))
    if variant == "paper":
        return dec(p["Dec"], h)
    return [sum_of([1, 1], [row, p["bias"].ravel().tolist()]) for row in h]


def dynamic_graph(p, batch, variant):
    """A vertex is named by the letters of its modalities; it reads all vertices within them."""
    letters = "abcd"[:len(batch[0])]
    names = []
    for size in range(1, len(letters) + 1):
        names += ["".join(some) for some in combinations(letters, size)]
    output = []
    for xs in batch:
        alpha = dense(p["efficacies"], side_by_side(xs))
        if variant == "paper":
            alpha = [sigmoid(z) for z in alpha]
        alpha = iter(alpha)
        V = dict(zip(letters, xs, strict=True))
        for number, name in enumerate(names[len(letters):]):
            read = [other for other in names if set(other) < set(name)]
            V[name] = tanh_layer(p["vertices"][f"vertex_{number}"], weighted(V, read, alpha))
        output.append(weighted(V, names, alpha))
        assert next(alpha, None) is None  # every efficacy is used
    return dec(p["Dec"], output)


def weighted(V, names, alpha):
    """The vectors of some vertices side by side, each times the next efficacy."""
    flows = []
    for name in names:
        efficacy = next(alpha)
        flows += [efficacy * value for value in V[name]]
    return flows


def gfn(p, batch, variant):
    """Eq. 10 to 15 for any number of modalities: a vertex is a tuple of the two that it fuses."""
    m = len(batch[0])
    if m == 3:
        al, vl, av = pairs = [(0, 1), (2, 1), (0, 2)]
        triples = [(av, vl), (av, al), (vl, al), (av, 1), (al, 2), (vl, 0)]
    else:
        pairs = [*combinations(range(m), 2)]
        triples = [*combinations(pairs, 2)]
        for pair in pairs:
            triples += [(pair, one) for one in range(m) if one not in pair]
    Omega = []
    for xs in batch:
        V, V_tilde = dict(enumerate(xs)), dict(enumerate(map(softmax, xs)))
        alpha = {one: sigmoid(dense(p["MAN"], V[one])[0]) for one in range(m)}
        U = average(p["MAN"], xs)
        two = gfn_layer(p["MLP_2"], pairs, V, V_tilde, alpha, variant)
        three = gfn_layer(p["MLP_3"], triples, V, V_tilde, alpha, variant)
        Omega.append(U + two + three)
    return dec(p["Dec"], Omega)


def gfn_layer(MLP, vertices, V, V_tilde, alpha, variant):
    """One layer of one utterance: adds the new vertices to V, V_tilde and alpha."""
    score, new = {}, {}
    for one, two in vertices:
        h = leaky_layer(MLP["dense_1"], V[one] + V[two], 0.2)
        new[one, two] = tanh_layer(MLP["dense_2"], h)
        S = sum(a * b for a, b in zip(V_tilde[one], V_tilde[two], strict=True))
        score[one, two] = (alpha[one] + alpha[two]) / (S + 0.5)
    total = sum(math.exp(value) for value in score.values())
    output = [0.0] * k
    for vertex in vertices:
        V_tilde[vertex] = softmax(new[vertex])
        weight = math.exp(score[vertex]) / total
        flow = [weight * value for value in new[vertex]]
        V[vertex], alpha[vertex] = new[vertex], weight
        if variant == "released":
            flow = [value if value > 0 else math.expm1(value) for value in flow]
            V[vertex], alpha[vertex] = flow, score[vertex]
        output = sum_of([1, 1], [output, flow])
    return output


FORMULAS = {
    "gfn": gfn,
    "concatenation": concatenation,
    "multiplication": multiplication,
    "weighted_average": weighted_average,
    "tensor": tensor,
    "low_rank": low_rank,
    "dynamic_graph": dynamic_graph,
}


@pytest.fixture
def make(rng):
    """Parameters, no bias 0 and no scale 1, and embeddings (m, B, k) of a strategy."""
    def make(name, m, variant="paper"):
        params = STRATEGIES[name].init(rng, m, k, N, variant)
        return shaken(params, rng), rng.uniform(-1, 1, (m, B, k))

    return make


def decision(name, params, x_e, variant="paper", rng=None):
    return STRATEGIES[name].decide(params, x_e, variant, rng)["M"]


def dec_of(params, h):
    """`dec` of an array."""
    return np.array(dec(params["Dec"], h.tolist()))


def test_every_strategy_is_tested():
    assert (*STRATEGIES,) == NAMES


@each_variant
@each_number_of_modalities
@each_fusion
def test_formula_one_number_at_a_time(name, m, variant, make, each_implementation):
    params, x_e = make(name, m, variant)
    expected = FORMULAS[name](params, x_e.swapaxes(0, 1).tolist(), variant)
    assert_close(decision(name, params, x_e, variant), expected, 1e-13)


@each_variant
@pytest.mark.parametrize("m", [2, 3])
@each_fusion
def test_gradient(name, m, variant, make, rng, each_implementation):
    params, x_e = make(name, m, variant)
    unused = {}
    if (name, m) == ("gfn", 2):
        unused = {"MLP_3": params.pop("MLP_3")}  # the graph of two modalities has no third layer

    def function(p):
        return weigh(decision(name, p["fusion"] | unused, p["x_e"], variant))

    assert_gradient(function, {"fusion": params, "x_e": x_e}, rng, step=1e-6)


def dec_size(width, N):
    """Scale and shift of the batch norm, and three dense layers."""
    return 2 * width + (width + 1) * 50 + 51 * 50 + 51 * N


def dynamic_graph_size(m, k, N):
    """2^s - 2 other vertices flow into a vertex of s modalities, all 2^m - 1 into the output."""
    edges = every = 2 ** m - 1
    vertices = 0
    for s in range(2, m + 1):
        edges += math.comb(m, s) * (2 ** s - 2)
        vertices += math.comb(m, s) * ((2 ** s - 2) * k + 1) * k
    return (m * k + 1) * edges + vertices + dec_size(every * k, N)


def sizes(m, k, N):
    """Scalars of each strategy in the paper's variant."""
    return {
        "gfn": 543 * k + 2_729 + 51 * N,
        "concatenation": dec_size(m * k, N),
        "multiplication": dec_size(k, N),
        "weighted_average": k + 1 + dec_size(k, N),
        "tensor": ((k + 1) ** m + 1) * 32 + 33 * 32 + 33 * N,
        "low_rank": m * 4 * (k + 1) * k + 4 + dec_size(k, N),
        "dynamic_graph": dynamic_graph_size(m, k, N),
    }


def released_sizes(m, k, N):
    """Tensor fusion has 50 hidden units; low-rank fusion has N outputs, a bias and no Dec."""
    return sizes(m, k, N) | {
        "tensor": ((k + 1) ** m + 1) * 50 + 51 * 50 + 51 * N,
        "low_rank": m * 4 * (k + 1) * N + 4 + N,
    }


@pytest.mark.parametrize(("k", "N"), [(5, 9), (8, 2)])
@each_number_of_modalities
@each_fusion
def test_number_of_parameters(name, m, k, N, rng):
    init = STRATEGIES[name].init
    assert nn.count(init(rng, m, k, N)) == sizes(m, k, N)[name]
    assert nn.count(init(rng, m, k, N, "released")) == released_sizes(m, k, N)[name]


def test_number_of_parameters_of_the_docstrings(rng):
    """At the paper's k = 50, N = 2 and three modalities, as the docstrings' formulas give them."""
    dec_tail = 2_600 + 51 * 2
    documented = {
        "gfn": 29_981,  # Table 4's graph
        "concatenation": 52 * 150 + dec_tail,
        "multiplication": 52 * 50 + dec_tail,
        "weighted_average": 51 + 52 * 50 + dec_tail,
        "tensor": 4_245_986,  # Table 4's TFN
        "low_rank": 12 * 50 * 51 + 4 + 52 * 50 + dec_tail,
        "dynamic_graph": 19 * 151 + 3 * 101 * 50 + 301 * 50 + 52 * 350 + dec_tail,
    }
    assert documented["gfn"] == 543 * 50 + 2_729 + 51 * 2
    assert documented["tensor"] == 32 * 51 ** 3 + 1_088 + 33 * 2
    for name, size in documented.items():
        assert nn.count(STRATEGIES[name].init(rng, 3, 50, 2)) == size, name


@each_variant
@each_fusion
def test_decision_is_a_distribution(name, variant, make):
    """All but the released low-rank fusion, whose outputs pass no softmax (D21)."""
    params, x_e = make(name, 3, variant)
    M = decision(name, params, x_e, variant)
    probabilities = (M > 0).all() and np.allclose(M.sum(axis=1), 1)
    assert probabilities == ((name, variant) != ("low_rank", "released"))


@each_number_of_modalities
@each_fusion
def test_which_strategies_have_variants(name, m, make):
    """With equal parameters, so that what differs is what is computed."""
    params, x_e = make(name, m)
    if name == "low_rank":
        params["bias"] = np.zeros((1, k))
    paper = decision(name, params, x_e)
    released = decision(name, params, x_e, "released")
    differ = paper.shape != released.shape or not np.allclose(paper, released)
    names = {"gfn", "weighted_average", "low_rank", "dynamic_graph"}
    if m == 3:
        names.add("multiplication")
    assert differ == (name in names)


@each_variant
@each_fusion
def test_only_the_released_tensor_fusion_drops(name, variant, make):
    """Half of the products of the tensor; without a generator nothing is dropped."""
    params, x_e = make(name, 3, variant)
    M = decision(name, params, x_e, variant, np.random.default_rng(1))
    if (name, variant) != ("tensor", "released"):
        np.testing.assert_array_equal(M, decision(name, params, x_e, variant))
        return
    mask, = dropout_masks(1, 0.5, (B, (k + 1) ** 3))
    h = mask * outer_product(x_e)
    for layer in ("dense_1", "dense_2"):
        h = np.maximum(0, h @ params[layer]["W"] + params[layer]["b"])
    z = h @ params["dense_3"]["W"] + params["dense_3"]["b"]
    assert_close(M, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))


@each_variant
@each_fusion
def test_float32_stays_float32(name, variant, make, cotangent_dtypes, each_implementation):
    params, x_e = make(name, 3, variant)
    tree = nn.cast({"fusion": params, "x_e": x_e}, "float32")
    M, pullback = nn.vjp(
        lambda p: decision(name, p["fusion"], p["x_e"], variant, np.random.default_rng(1)), tree)
    assert M.dtype == np.float32
    assert {leaf.dtype for _, leaf in nn.leaves(pullback(M))} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["multiplication", "weighted_average"])
def test_the_order_of_the_modalities_does_not_matter(name, make):
    params, x_e = make(name, 3)
    M = decision(name, params, x_e)
    for order in permutations(range(3)):
        assert_close(decision(name, params, x_e[[*order]]), M)


def test_multiplication_by_ones_leaves_the_other_modality(make):
    params, x_e = make("multiplication", 2)
    x_e[1] = 1
    assert_close(decision("multiplication", params, x_e), dec_of(params, x_e[0]))


def test_the_released_multiplication_forgets_the_first_modality(make):
    params, x_e = make("multiplication", 3, "released")
    changed = x_e.copy()
    changed[0] += 1
    M = decision("multiplication", params, x_e, "released")
    np.testing.assert_array_equal(decision("multiplication", params, changed, "released"), M)


def test_weighted_average_is_the_first_layer_of_the_graph(make):
    graph, x_e = make("gfn", 3)
    params, _ = make("weighted_average", 3)
    out = STRATEGIES["weighted_average"].decide(params | {"MAN": graph["MAN"]}, x_e)
    layer = STRATEGIES["gfn"].decide(graph, x_e)
    np.testing.assert_array_equal(out["alpha_m"], layer["alpha_m"])
    assert_close(out["M"], dec_of(params, layer["U"]))


def test_the_released_weights_of_the_average_compete(make):
    """They sum to 1; the paper's sigmoids do not."""
    params, x_e = make("weighted_average", 3)
    for variant in ("paper", "released"):
        alpha = STRATEGIES["weighted_average"].decide(params, x_e, variant)["alpha_m"]
        assert alpha.shape == (3, B, 1)
        assert np.allclose(alpha.sum(axis=0), 1) == (variant == "released")


def test_tensor_holds_every_modality_pair_and_triple(rng):
    x_e = rng.uniform(-1, 1, (3, B, k))
    Z = outer_product(x_e).reshape(B, k + 1, k + 1, k + 1)
    a, l, v = x_e
    np.testing.assert_array_equal(Z[:, :-1, -1, -1], a)
    np.testing.assert_array_equal(Z[:, -1, :-1, -1], l)
    np.testing.assert_array_equal(Z[:, -1, -1, :-1], v)
    assert_close(Z[:, :-1, :-1, -1], np.einsum("bi,bj->bij", a, l))
    assert_close(Z[:, :-1, -1, :-1], np.einsum("bi,bj->bij", a, v))
    assert_close(Z[:, -1, :-1, :-1], np.einsum("bi,bj->bij", l, v))
    assert_close(Z[:, :-1, :-1, :-1], np.einsum("bi,bj,bh->bijh", a, l, v))
    np.testing.assert_array_equal(Z[:, -1, -1, -1], 1)


@each_variant
def test_low_rank_begins_with_the_mean_of_its_four_products(variant, rng):
    weights = STRATEGIES["low_rank"].init(rng, 3, k, N, variant)["weights"]
    assert weights.shape == (4, 1, 1)
    assert (weights == 0.25).all()


@each_number_of_modalities
def test_low_rank_is_a_dense_layer_on_the_tensor(m, make):
    """The weights of an output are the sum over r of w_r times the outer product of the factors."""
    params, x_e = make("low_rank", m)
    factors = np.concatenate([params["factors"]["W"], params["factors"]["b"]], axis=1)
    factors = factors.reshape(m, 4, k + 1, k)
    W = np.zeros(((k + 1) ** m, k))
    for r in range(4):
        for j in range(k):
            outer = np.ones(1)
            for factor in factors[:, r, :, j]:
                outer = np.outer(outer, factor).ravel()
            W[:, j] += params["weights"][r, 0, 0] * outer
    M = decision("low_rank", params, x_e)
    np.testing.assert_allclose(M, dec_of(params, outer_product(x_e) @ W), rtol=1e-10)


@each_number_of_modalities
def test_dynamic_graph_opens_and_closes_edges(m, make):
    """Efficacies are between 0 and 1. Where all are 0, every utterance gets the same decision."""
    params, x_e = make("dynamic_graph", m)
    out = STRATEGIES["dynamic_graph"].decide(params, x_e)
    edges = {2: 2 + 3, 3: 3 * 2 + 6 + 7, 4: 6 * 2 + 4 * 6 + 14 + 15}[m]
    assert out["efficacies"].shape == (B, edges)
    assert ((out["efficacies"] > 0) & (out["efficacies"] < 1)).all()
    assert np.ptp(out["M"], axis=0).min() > 1e-6
    params["efficacies"]["b"][...] = -1e3
    closed = STRATEGIES["dynamic_graph"].decide(params, x_e)
    assert (closed["efficacies"] == 0).all()
    np.testing.assert_allclose(closed["M"], np.tile(closed["M"][0], (B, 1)), rtol=1e-13)

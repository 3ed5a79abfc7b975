"""Fusion strategies (Table 6): each formula with loops, its gradient, its size, and what distinguishes it.

The graph of three modalities is taken apart in `test_graph_fusion` and in the tests of Eq. 10 to 16.
"""

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
from helpers import assert_gradient, batch_norm, dense, leaky_relu, shaken, sigmoid, softmax, weigh

from argf_np import nn
from argf_np.paper.fusions_table6 import STRATEGIES, outer_product
from argf_np.paper.graph_fusion_eq10_16 import decide

B, k, N = 7, 5, 9
each_fusion = pytest.mark.parametrize("name", STRATEGIES)
each_number_of_modalities = pytest.mark.parametrize("m", [2, 3, 4])
each_variant = pytest.mark.parametrize("variant", ["paper", "released"])


def tanh_layer(p, x):
    return [math.tanh(z) for z in dense(p, x)]


def leaky_layer(p, x, slope):
    return [leaky_relu(z, slope) for z in dense(p, x)]


def dec(p, batch):
    """Eq. 16 of a batch of vectors."""
    return [softmax(dense(p["dense_3"], tanh_layer(p["dense_2"], tanh_layer(p["dense_1"], x))))
            for x in batch_norm(p["norm"], batch)]


def side_by_side(xs):
    return [value for x in xs for value in x]


# Each of the following takes parameters and, for every utterance of the batch, the list of its modalities' vectors.


def concatenation(p, batch, variant):
    return dec(p["Dec"], [side_by_side(xs) for xs in batch])


def multiplication(p, batch, variant):
    return dec(p["Dec"], [[math.prod(entries) for entries in zip(*xs, strict=True)] for xs in batch])


def weighted_average(p, batch, variant):
    return dec(p["Dec"], [average(p["MAN"], xs) for xs in batch])


def average(MAN, xs):
    """U of Eq. 10."""
    alpha = [sigmoid(dense(MAN, x)[0]) for x in xs]
    return [sum(a * x[j] for a, x in zip(alpha, xs, strict=True)) / len(xs) for j in range(k)]


def tensor(p, batch, variant):
    M = []
    for xs in batch:
        Z = [math.prod(entries) for entries in product(*([*x, 1.0] for x in xs))]
        h = leaky_layer(p["dense_2"], leaky_layer(p["dense_1"], Z, 0.01), 0.01)
        M.append(softmax(dense(p["dense_3"], h)))
    return M


def low_rank(p, batch, variant):
    h = []
    for xs in batch:
        total = [0.0] * k
        for r in range(4):
            factors = [dense({name: p["factors"][name][4 * m + r] for name in "Wb"}, x) for m, x in enumerate(xs)]
            for j in range(k):
                total[j] += p["weights"][r, 0, 0] * math.prod(factor[j] for factor in factors)
        h.append(total)
    return dec(p["Dec"], h)


def dynamic_graph(p, batch, variant):
    """A vertex is named by the letters of its modalities; it reads all vertices whose letters are among its own."""
    letters = "abcd"[:len(batch[0])]
    names = ["".join(some) for size in range(1, len(letters) + 1) for some in combinations(letters, size)]
    output = []
    for xs in batch:
        alpha = iter([sigmoid(z) for z in dense(p["efficacies"], side_by_side(xs))])
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
    pairs = [(0, 1), (2, 1), (0, 2)] if m == 3 else [*combinations(range(m), 2)]
    triples = [*combinations(pairs, 2), *((pair, one) for pair in pairs for one in range(m) if one not in pair)]
    Omega = []
    for xs in batch:
        V, V_tilde = dict(enumerate(xs)), dict(enumerate(map(softmax, xs)))
        alpha = {one: sigmoid(dense(p["MAN"], V[one])[0]) for one in range(m)}
        row = average(p["MAN"], xs)
        for MLP, vertices in ((p["MLP_2"], pairs), (p["MLP_3"], triples)):
            score, out = {}, [0.0] * k
            for one, two in vertices:
                new = (one, two)
                V[new] = tanh_layer(MLP["dense_2"], leaky_layer(MLP["dense_1"], V[one] + V[two], 0.2))
                V_tilde[new] = softmax(V[new])
                S = sum(a * b for a, b in zip(V_tilde[one], V_tilde[two], strict=True))
                score[new] = (alpha[one] + alpha[two]) / (S + 0.5)
            total = sum(math.exp(value) for value in score.values())
            for new in vertices:
                alpha[new] = math.exp(score[new]) / total
                flow = [alpha[new] * value for value in V[new]]
                if variant == "released":
                    flow = V[new] = [value if value > 0 else math.expm1(value) for value in flow]
                    alpha[new] = score[new]
                out = [a + b for a, b in zip(out, flow, strict=True)]
            row = row + out
        Omega.append(row)
    return dec(p["Dec"], Omega)


@pytest.fixture
def make(rng):
    """Parameters, no bias 0 and no scale 1, and embeddings (m, B, k) of a strategy."""
    return lambda name, m: (shaken(STRATEGIES[name].init(rng, m, k, N), rng), rng.uniform(-1, 1, (m, B, k)))


@each_variant
@each_number_of_modalities
@each_fusion
def test_formula_one_number_at_a_time(name, m, variant, make, each_implementation):
    params, x_e = make(name, m)
    expected = globals()[name](params, x_e.swapaxes(0, 1).tolist(), variant)
    M = STRATEGIES[name].decide(params, x_e, variant)["M"]
    assert M.shape == (B, N)
    np.testing.assert_allclose(M, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("m", [2, 3])
@each_fusion
def test_gradient(name, m, make, rng, each_implementation):
    params, x_e = make(name, m)
    unused = {"MLP_3": params.pop("MLP_3")} if (name, m) == ("gfn", 2) else {}  # two modalities have one vertex
    assert_gradient(lambda p: weigh(STRATEGIES[name].decide(p[name] | unused, p["x_e"])["M"]), {name: params, "x_e": x_e},
                    rng, step=1e-6)


def dec_size(width, N):
    """Scale and shift of the batch norm, and three dense layers."""
    return 2 * width + (width + 1) * 50 + 51 * 50 + 51 * N


def dynamic_graph_size(m, k, N):
    """Into a vertex of s modalities flow 2^s - 2 others, into the output all 2^m - 1."""
    sources = [2**s - 2 for s in range(2, m + 1) for _ in range(math.comb(m, s))]
    every = 2**m - 1
    return ((m * k + 1) * (sum(sources) + every) + sum((n * k + 1) * k for n in sources) + dec_size(every * k, N))


SIZES = {
    "gfn": lambda m, k, N: 543 * k + 2_729 + 51 * N,
    "concatenation": lambda m, k, N: dec_size(m * k, N),
    "multiplication": lambda m, k, N: dec_size(k, N),
    "weighted_average": lambda m, k, N: k + 1 + dec_size(k, N),
    "tensor": lambda m, k, N: ((k + 1) ** m + 1) * 32 + 33 * 32 + 33 * N,
    "low_rank": lambda m, k, N: m * 4 * (k + 1) * k + 4 + dec_size(k, N),
    "dynamic_graph": dynamic_graph_size,
}


@pytest.mark.parametrize(("k", "N"), [(5, 9), (8, 2)])
@each_number_of_modalities
@each_fusion
def test_number_of_parameters(name, m, k, N, rng):
    assert nn.count(STRATEGIES[name].init(rng, m, k, N)) == SIZES[name](m, k, N)


def test_number_of_parameters_of_the_docstrings(rng):
    """The sizes at the paper's k = 50, N = 2 and three modalities, as the docstrings' formulas give them."""
    k, N = 50, 2
    dec_tail = 2_600 + 51 * N
    documented = {
        "gfn": 543 * k + 2_729 + 51 * N, "concatenation": 52 * 3 * k + dec_tail, "multiplication": 52 * k + dec_tail,
        "weighted_average": k + 1 + 52 * k + dec_tail, "tensor": 32 * (k + 1) ** 3 + 1_088 + 33 * N,
        "low_rank": 4 * 3 * k * (k + 1) + 4 + 52 * k + dec_tail,
        "dynamic_graph": 19 * (3 * k + 1) + 3 * (2 * k + 1) * k + (6 * k + 1) * k + 52 * 7 * k + dec_tail,
    }
    assert {name: nn.count(module.init(rng, 3, k, N)) for name, module in STRATEGIES.items()} == documented
    assert documented["gfn"] == 29_981
    assert documented["tensor"] == 4_245_986  # Table 4's TFN


@each_fusion
def test_decision_is_a_distribution(name, make):
    params, x_e = make(name, 3)
    M = STRATEGIES[name].decide(params, x_e)["M"]
    assert (M > 0).all()
    np.testing.assert_allclose(M.sum(axis=1), 1)


@each_fusion
def test_only_the_graph_has_variants(name, make):
    params, x_e = make(name, 3)
    paper, released = (STRATEGIES[name].decide(params, x_e, variant)["M"] for variant in ("paper", "released"))
    assert (paper == released).all() == (name != "gfn")


@each_fusion
def test_float32_stays_float32(name, make, cotangent_dtypes, each_implementation):
    params, x_e = (nn.map_leaves(np.float32, tree) if isinstance(tree, dict) else np.float32(tree)
                   for tree in make(name, 3))
    value, pull = nn.vjp(lambda p: STRATEGIES[name].decide(p[name], p["x_e"])["M"], {name: params, "x_e": x_e})
    assert value.dtype == np.float32
    assert {leaf.dtype for _, leaf in nn.leaves(pull(value))} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["multiplication", "weighted_average"])
def test_the_order_of_the_modalities_does_not_matter(name, make):
    params, x_e = make(name, 3)
    M = STRATEGIES[name].decide(params, x_e)["M"]
    for order in permutations(range(3)):
        np.testing.assert_allclose(STRATEGIES[name].decide(params, x_e[[*order]])["M"], M, rtol=1e-12)


def test_multiplication_by_ones_leaves_the_other_modality(make):
    params, x_e = make("multiplication", 2)
    x_e[1] = 1
    np.testing.assert_array_equal(STRATEGIES["multiplication"].decide(params, x_e)["M"], decide(params["Dec"], x_e[0]))


def test_weighted_average_is_the_first_layer_of_the_graph(make):
    graph, x_e = make("gfn", 3)
    params, _ = make("weighted_average", 3)
    out = STRATEGIES["weighted_average"].decide(params | {"MAN": graph["MAN"]}, x_e)
    np.testing.assert_array_equal(out["alpha_m"], STRATEGIES["gfn"].decide(graph, x_e)["alpha_m"])


def test_tensor_holds_every_modality_pair_and_triple(rng):
    x_e = rng.uniform(-1, 1, (3, B, k))
    Z = outer_product(x_e).reshape(B, k + 1, k + 1, k + 1)
    a, l, v = x_e
    np.testing.assert_array_equal(Z[:, :-1, -1, -1], a)
    np.testing.assert_array_equal(Z[:, -1, :-1, -1], l)
    np.testing.assert_array_equal(Z[:, -1, -1, :-1], v)
    np.testing.assert_allclose(Z[:, :-1, :-1, -1], np.einsum("bi,bj->bij", a, l))
    np.testing.assert_allclose(Z[:, :-1, -1, :-1], np.einsum("bi,bj->bij", a, v))
    np.testing.assert_allclose(Z[:, -1, :-1, :-1], np.einsum("bi,bj->bij", l, v))
    np.testing.assert_allclose(Z[:, :-1, :-1, :-1], np.einsum("bi,bj,bh->bijh", a, l, v))
    np.testing.assert_array_equal(Z[:, -1, -1, -1], 1)


@each_number_of_modalities
def test_low_rank_is_a_dense_layer_on_the_tensor(m, make):
    """Its weights are the sum over r of w_r times the outer product of the modalities' factors, for each output."""
    params, x_e = make("low_rank", m)
    factors = np.concatenate([params["factors"]["W"], params["factors"]["b"]], axis=1).reshape(m, 4, k + 1, k)
    W = np.zeros(((k + 1) ** m, k))
    for r in range(4):
        for j in range(k):
            outer = np.ones(1)
            for factor in factors[:, r, :, j]:
                outer = np.outer(outer, factor).ravel()
            W[:, j] += params["weights"][r, 0, 0] * outer
    M = STRATEGIES["low_rank"].decide(params, x_e)["M"]
    np.testing.assert_allclose(M, decide(params["Dec"], outer_product(x_e) @ W), rtol=1e-10)


@each_number_of_modalities
def test_dynamic_graph_opens_and_closes_edges(m, make):
    """Efficacies are between 0 and 1; where all are 0 nothing flows, and every utterance gets the same decision."""
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

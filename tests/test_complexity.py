"""Table 4: operations by closed form and by what NumPy is really asked for, and the paper's."""

import re
from functools import partial

import numpy as np
import pytest
from helpers import with_each_implementation

from argf_np import nn
from argf_np.baselines import chfusion, hffn
from argf_np.experiments import complexity_table4 as c
from argf_np.nn import ops
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import init_model, predict
from argf_np.paper.ucln import class_logits, context_features, init_ucln
from argf_np.settings import preset

B, d, k, N = 5, 7, 11, 3
each_rule = pytest.mark.parametrize("rule", ["paper", "weight", "multiply-add"])
each_fusion = pytest.mark.parametrize("name", STRATEGIES)

# The three rules once more: a batch norm of n units, a leaky ReLU of the MLPs of n units, an inner
# product of n terms; and `dense`, a dense layer of i inputs and o outputs.
NORM = {"paper": 4, "weight": 0, "multiply-add": 0}
LEAKY = {"paper": 1, "weight": 0, "multiply-add": 0}
INNER = {"paper": 0, "weight": 0, "multiply-add": 2}


def dense(rule, i, o):
    return o * (i + i - 1) if rule == "paper" else 2 * i * o


def dec(rule, width, N):
    layers = dense(rule, width, 50) + dense(rule, 50, 50) + dense(rule, 50, N)
    return NORM[rule] * width + layers


def encoders(rule, m, d, k):
    layers = dense(rule, d, 10 * d) + dense(rule, 10 * d, 10 * k) + dense(rule, 10 * k, k)
    return m * (layers + dense(rule, k, k) + NORM[rule] * (10 * d + 10 * k + k))


def gfn(rule, m, k, N):
    """Layer 2 has m (m - 1) / 2 vertices.

    Layer 3 has one for every two of them, and one for each of them with a modality that it lacks.
    """
    two = m * (m - 1) // 2
    three = two * (two - 1) // 2 + two * (m - 2)
    mlp = dense(rule, 2 * k, 64) + 64 * LEAKY[rule] + dense(rule, 64, k)
    return m * dense(rule, k, 1) + (two + three) * (mlp + INNER[rule] * k) + dec(rule, 3 * k, N)


def concatenation(rule, m, k, N):
    return dec(rule, m * k, N)


def multiplication(rule, m, k, N):
    return dec(rule, k, N)


def weighted_average(rule, m, k, N):
    return m * dense(rule, k, 1) + dec(rule, k, N)


def tensor(rule, m, k, N):
    return dense(rule, (k + 1) ** m, 32) + dense(rule, 32, 32) + dense(rule, 32, N)


def low_rank(rule, m, k, N):
    return 4 * m * dense(rule, k, k) + dec(rule, k, N)


def dynamic_graph(rule, m, k, N):
    sources = {2: [2], 3: [2, 2, 2, 6], 4: [2] * 6 + [6] * 4 + [14]}[m]
    every = 2**m - 1
    vertices = sum(dense(rule, n * k, k) for n in sources)
    return dense(rule, m * k, sum(sources) + every) + vertices + dec(rule, every * k, N)


CLOSED_FORMS = {
    "gfn": gfn, "concatenation": concatenation, "multiplication": multiplication,
    "weighted_average": weighted_average, "tensor": tensor, "low_rank": low_rank,
    "dynamic_graph": dynamic_graph,
}


def counted(params, x, fusion="gfn"):
    with c.counting(params) as calls:
        predict(params, x, fusion=fusion)
    return calls


def total(calls, rule):
    return sum(c.operations(calls, rule).values())


def run_ucln(params, x, mask):
    settings = preset("mosi")
    return class_logits(params, context_features(params, x, mask, settings), settings)


@pytest.fixture
def argf(rng):
    return init_model(rng, d, k, N, "float64")


@each_rule
@pytest.mark.parametrize("m", [2, 3, 4])
@each_fusion
def test_closed_form_of_a_fusion(name, m, rule, rng):
    k = 3 if m == 4 else 11
    params = {"fusion": STRATEGIES[name].init(rng, m, k, N)}
    expected = CLOSED_FORMS[name](rule, m, k, N)
    assert total(counted(params, np.zeros((m, 1, k)), name), rule) == expected


@each_rule
def test_closed_form_of_argf(rule, argf):
    cost = c.operations(counted(argf, np.zeros((3, 1, d))), rule)
    assert cost["encoders"] == encoders(rule, 3, d, k)
    assert sum(cost.values()) == encoders(rule, 3, d, k) + gfn(rule, 3, k, N)


@pytest.mark.parametrize("m", [2, 3])
def test_closed_form_of_bc_lstm(m, rng):
    params = init_ucln(rng, m * d, 500, N)
    with c.counting(params) as calls:
        run_ucln(params, np.zeros((1, 1, m * d)), np.ones((1, 1), bool))
    weights = 2 * (m * d) * 4 * 300 + 600 * 500 + 500 * N
    assert total(calls, "weight") == 2 * weights
    assert total(calls, "multiply-add") == 2 * (weights + 2 * 300 * 4 * 300)


def hffn_operations(rule, modalities, d, N):
    """Of each window and direction: gates of 3 units, scores of 3 + 5 entries, and the weighing.

    Of the state, only the rule "multiply-add" counts what it is multiplied with: once for the
    gates, three times for the scores, whose vectors it also takes the length of.
    """
    m, L = 3**modalities, -(-d // 2)
    of_window = dense(rule, m, 4 * 3 + 3 + 5) + dense(rule, 3 + m, 3) + dense(rule, 3, 1)
    if rule == "multiply-add":
        of_window += 2 * (4 * 3 * 3 + 3 * (3 + 5) * 3 + 3 * (3 + 5))
    return 2 * L * of_window + dense(rule, 6 * L, 50) + dense(rule, 50, N)


@each_rule
@pytest.mark.parametrize(("modalities", "d"), [(2, 7), (3, 10)])
def test_closed_form_of_hffn(modalities, d, rule, rng):
    params = hffn.init_hffn(rng, modalities, d, N)
    with c.counting(params) as calls:
        hffn.decide(params, hffn.local_tensors(np.zeros((modalities, 1, d))))
    assert total(calls, rule) == hffn_operations(rule, modalities, d, N)


def test_closed_form_of_chfusion(rng):
    """Each of three pairs has two projections, and a GRU with three products per input and state.

    Label layers of the pairs are not needed at test time, and entry-wise products are left out.
    """
    params = chfusion.init_params(rng, "alv", 50, N)
    with c.counting(params) as calls:
        c.run_chfusion(params)
    cost = c.operations(calls, "multiply-add")
    assert cost["projections"] == 2 * 6 * 50 * 450
    assert cost["bimodal"] == 2 * 3 * (3 * (450 * 600 + 600 * 600) + 600 * 500)
    assert cost["trimodal"] == 2 * (3 * (500 * 500 + 500 * 500) + 1000 * 450 + 450 * N)
    without = 2 * (3 * 3 * 600 * 600 + 3 * 500 * 500)
    assert total(calls, "weight") == sum(cost.values()) - without


@each_rule
def test_operations_grow_with_the_batch(rule, argf):
    one, batch = [total(counted(argf, np.zeros((3, size, d))), rule) for size in (1, B)]
    assert batch == B * one > 0


def test_readable_and_fast_cost_the_same(argf):
    """The readable layers call each other, and only the outermost one counts."""
    run = partial(counted, argf, np.zeros((3, B, d)))
    readable_calls, fast_calls = with_each_implementation(run)
    assert readable_calls == fast_calls


class Recorder:
    """A product of NumPy that records its multiply-adds."""

    def __init__(self, product, multiply_adds):
        self.product, self.multiply_adds = product, multiply_adds

    def __call__(self, x, W):
        result = self.product(x, W)
        self.multiply_adds.append(result.size * W.shape[-2])
        return result


@pytest.fixture
def multiply_adds(monkeypatch):
    """The multiply-adds of each matrix product of the readable operations: a list that fills."""
    found = []
    previous = nn.use("readable")
    for name in ("matmul", "dot"):
        monkeypatch.setattr(ops.np, name, Recorder(getattr(ops.np, name), found))
    yield found
    nn.use(previous)


@each_fusion
def test_products_are_those_that_numpy_is_asked_for(name, multiply_adds, rng):
    """Every multiply-add goes through np.matmul; Eq. 12 alone is a sum of products."""
    params = init_model(rng, d, k, N, "float64", fusion=name)
    calls = counted(params, np.zeros((3, B, d)), name)
    cost = c.operations(calls, "multiply-add")
    assert cost.pop(c.SIMILARITIES, 0) == (2 * B * k * 9 if name == "gfn" else 0)
    assert sum(cost.values()) == 2 * sum(multiply_adds) > 0


def test_products_of_an_lstm_are_those_that_numpy_is_asked_for(multiply_adds, rng):
    """The recurrent ones go through np.dot, once per step and direction."""
    V, u = 2, 4
    params, x = init_ucln(rng, d, k, N), rng.standard_normal((V, u, d))
    with c.counting(params) as calls:
        run_ucln(params, x, np.ones((V, u), bool))
    assert total(calls, "multiply-add") == 2 * sum(multiply_adds) > 0


def test_products_of_hffn_are_those_that_numpy_is_asked_for(multiply_adds, rng):
    """The length of a vector alone is a sum of products."""
    params, x = hffn.init_hffn(rng, 3, d, N), rng.standard_normal((3, B, d))
    with c.counting(params) as calls:
        hffn.decide(params, hffn.local_tensors(x))
    lengths = 2 * 4 * B * 3 * (3 + 5)  # two directions, four windows, three states
    assert total(calls, "multiply-add") == 2 * (sum(multiply_adds) + lengths) > 0


def test_products_of_chfusion_are_those_that_numpy_is_asked_for(multiply_adds, rng):
    params = chfusion.init_params(rng, "alv", c.d, N)
    with c.counting(params) as calls:
        c.run_chfusion(params)
    assert total(calls, "multiply-add") == 2 * sum(multiply_adds) > 0


def test_counting_changes_no_value_and_leaves_nothing_behind(argf, rng):
    x = rng.standard_normal((3, B, d))
    functions = [getattr(*place) for place in c.COUNTED]
    before = predict(argf, x)
    with c.counting(argf) as calls:
        np.testing.assert_array_equal(predict(argf, x), before)
    assert [getattr(*place) for place in c.COUNTED] == functions
    recorded = [*calls]
    predict(argf, x)
    assert calls == recorded


def test_counting_ends_with_an_error(argf):
    functions = [getattr(*place) for place in c.COUNTED]
    with pytest.raises(ValueError, match=r"not aligned|mismatch"), c.counting(argf):
        predict(argf, np.zeros((3, B, d + 1)))
    assert [getattr(*place) for place in c.COUNTED] == functions


@pytest.fixture(scope="module")
def counts():
    return c.complexity()


def sums(counts, model):
    """Parameters, and operations by each rule."""
    sizes, costs = counts[model]
    return sum(sizes.values()), {rule: sum(cost.values()) for rule, cost in costs.items()}


def test_numbers_of_argf(counts):
    parameters, operations = sums(counts, "ARGF")
    assert parameters == 1_141_120
    assert parameters + sum(c.unused(50).values()) == c.PAPER["ARGF"][0] == 1_270_770
    assert operations == {"paper": 2_017_645, "weight": 2_008_300, "multiply-add": 2_009_200}


def test_numbers_of_tfn(counts):
    parameters, operations = sums(counts, "TFN")
    assert parameters == c.PAPER["TFN"][0] == 4_245_986
    assert operations["weight"] == operations["multiply-add"] == 8_491_840 == 8_491_844 - 4


def test_numbers_of_bc_lstm(counts):
    parameters, operations = sums(counts, "BC-LSTM")
    assert parameters == c.PAPER["BC-LSTM"][0] == 1_383_902
    assert operations["weight"] == 1_322_000 == 1_322_044 - 44
    assert operations["multiply-add"] == 2_762_000


def test_numbers_of_the_models_that_table_4_does_not_count(counts):
    """HFFN: the authors' 8,351 without the 3 parameters that they multiply by 0."""
    assert sums(counts, "LMF")[0] == 12 * 51 * 50 + 4 + 100 + 51 * 50 + 51 * 50 + 51 * 2
    parameters, operations = sums(counts, "HFFN")
    assert parameters == 8_351 - 3
    assert operations["multiply-add"] == hffn_operations("multiply-add", 3, 50, 2)


def test_numbers_of_chfusion(counts):
    parameters, operations = sums(counts, "CHFusion")
    assert parameters == 8_606_308
    assert operations["multiply-add"] == 17_311_800


def test_components_of_argf(counts):
    sizes, costs = counts["ARGF"]
    assert sizes == {
        "encoders": 3 * 305_700, "decoders": 3 * 62_322, "discriminator": 4_321,
        "classifier": 2_752, "fusion: MAN": 51, "fusion: MLP_2": 9_714, "fusion: MLP_3": 9_714,
        "fusion: Dec": 10_502}
    assert costs["paper"] == {
        "encoders": 3 * 608_100, "fusion: MAN": 297, "fusion: MLP_2": 3 * 19_150,
        "fusion: MLP_3": 6 * 19_150, "fusion: Dec": 600 + 20_098, c.SIMILARITIES: 0}


def test_unused_parts_are_itemised():
    assert [*c.unused(50).values()] == [101_600, 20_400, 5_050, 2_500, 100]


def test_parameters_are_all_of_the_tree(counts):
    for model, (params, _) in c.models().items():
        assert sum(counts[model][0].values()) == sum(leaf.size for _, leaf in nn.leaves(params))


def test_table():
    text = c.table4()
    for line in (
            "|  | parameters, the paper's | parameters | operations, the paper's | "
            "operations, nearest rule | operations, one rule |",
            "|  | component | parameters | operations, paper | operations, weight | "
            "operations, multiply-add |",
            "| ARGF | 1,270,770 | 1,141,120 + 129,650 unused | 2,017,645 | 2,017,645 (paper) | "
            "2,009,200 |",
            "| TFN | 4,245,986 | 4,245,986 | 8,491,844 | 8,491,840 + 4 unexplained (weight) | "
            "8,491,840 |",
            "| BC-LSTM | 1,383,902 | 1,383,902 | 1,322,044 | 1,322,000 + 44 unexplained (weight) | "
            "2,762,000 |",
            "| CHFusion | sum | 8,606,308 |",
            "| ARGF | sum | 1,141,120 | 2,017,645 | 2,008,300 | 2,009,200 |"):
        assert line in text
    for words in (*c.RULES_IN_WORDS.values(), *c.unused(50)):
        assert words in text
    assert {*re.findall(r"^\| (\w+) \| sum", text, re.M)} >= {*STRATEGIES}

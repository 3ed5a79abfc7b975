"""Table 4: parameters and operations by closed form, by what NumPy is really asked for, and the paper's numbers."""

import re

import numpy as np
import pytest
from helpers import with_each_implementation

from argf_np import nn
from argf_np.experiments import complexity as c
from argf_np.nn import ops
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.paper.model import init_model, predict
from argf_np.paper.ucln import class_logits, context_features, init_ucln

B, d, k, N = 5, 7, 11, 3
each_rule = pytest.mark.parametrize("rule", c.RULES)
each_fusion = pytest.mark.parametrize("name", STRATEGIES)

# The three rules once more: a dense layer of i inputs and o outputs, a batch norm of n units, a leaky ReLU of the MLPs
# of n units, an inner product of n terms.
DENSE = {"paper": lambda i, o: o * (i + i - 1)} | dict.fromkeys(("weight", "multiply-add"), lambda i, o: 2 * i * o)
NORM = {"paper": 4, "weight": 0, "multiply-add": 0}
LEAKY = {"paper": 1, "weight": 0, "multiply-add": 0}
INNER = {"paper": 0, "weight": 0, "multiply-add": 2}


def dec(width, N, rule):
    dense = DENSE[rule]
    return NORM[rule] * width + dense(width, 50) + dense(50, 50) + dense(50, N)


def encoders(m, d, k, rule):
    dense = DENSE[rule]
    layers = dense(d, 10 * d) + dense(10 * d, 10 * k) + dense(10 * k, k) + dense(k, k)
    return m * (layers + NORM[rule] * (10 * d + 10 * k + k))


def gfn(m, k, N, rule):
    """Layer 2 has m (m - 1) / 2 vertices; layer 3 every two of them and each of them with every modality it lacks."""
    two = m * (m - 1) // 2
    three = two * (two - 1) // 2 + two * (m - 2)
    mlp = DENSE[rule](2 * k, 64) + 64 * LEAKY[rule] + DENSE[rule](64, k)
    return m * DENSE[rule](k, 1) + (two + three) * (mlp + INNER[rule] * k) + dec(3 * k, N, rule)


def dynamic_graph(m, k, N, rule):
    sources = {2: [2], 3: [2, 2, 2, 6], 4: [2] * 6 + [6] * 4 + [14]}[m]
    every = 2**m - 1
    return (DENSE[rule](m * k, sum(sources) + every) + sum(DENSE[rule](n * k, k) for n in sources)
            + dec(every * k, N, rule))


CLOSED_FORMS = {
    "gfn": gfn,
    "concatenation": lambda m, k, N, rule: dec(m * k, N, rule),
    "multiplication": lambda m, k, N, rule: dec(k, N, rule),
    "weighted_average": lambda m, k, N, rule: m * DENSE[rule](k, 1) + dec(k, N, rule),
    "tensor": lambda m, k, N, rule: DENSE[rule]((k + 1) ** m, 32) + DENSE[rule](32, 32) + DENSE[rule](32, N),
    "low_rank": lambda m, k, N, rule: 4 * m * DENSE[rule](k, k) + dec(k, N, rule),
    "dynamic_graph": dynamic_graph,
}


def counted(params, x, fusion="gfn"):
    with c.counting(params) as calls:
        predict(params, x, fusion=fusion)
    return calls


def total(calls, rule):
    return sum(c.operations(calls, rule).values())


@pytest.fixture
def argf(rng):
    return init_model(rng, d, k, N, "float64")


@each_rule
@pytest.mark.parametrize("m", [2, 3, 4])
@each_fusion
def test_closed_form_of_a_fusion(name, m, rule, rng):
    k = 3 if m == 4 else 11
    params = {"fusion": STRATEGIES[name].init(rng, m, k, N)}
    assert total(counted(params, np.zeros((m, 1, k)), name), rule) == CLOSED_FORMS[name](m, k, N, rule)


@each_rule
def test_closed_form_of_argf(rule, argf):
    cost = c.operations(counted(argf, np.zeros((3, 1, d))), rule)
    assert cost["encoders"] == encoders(3, d, k, rule)
    assert sum(cost.values()) == encoders(3, d, k, rule) + gfn(3, k, N, rule)


@pytest.mark.parametrize("m", [2, 3])
def test_closed_form_of_bc_lstm(m, rng):
    params, mask = init_ucln(rng, m * d, 500, N), np.ones((1, 1), bool)
    with c.counting(params) as calls:
        class_logits(params, context_features(params, np.zeros((1, 1, m * d)), mask))
    weights = 2 * (m * d) * 4 * 300 + 600 * 500 + 500 * N
    assert total(calls, "weight") == 2 * weights
    assert total(calls, "multiply-add") == 2 * (weights + 2 * 300 * 4 * 300)


@each_rule
def test_operations_grow_with_the_batch(rule, argf):
    one, batch = (total(counted(argf, np.zeros((3, size, d))), rule) for size in (1, B))
    assert batch == B * one > 0


def test_readable_and_fast_cost_the_same(argf):
    readable_calls, fast_calls = with_each_implementation(lambda: counted(argf, np.zeros((3, B, d))))
    assert readable_calls == fast_calls


@each_fusion
def test_products_are_those_that_numpy_is_asked_for(name, monkeypatch, rng):
    """Of the readable operations, every multiply-add goes through np.matmul; Eq. 12 alone is a sum of products."""
    multiply_adds, matmul = [], ops.np.matmul

    def recorded(x, W):
        multiply_adds.append(matmul(x, W).size * W.shape[-2])
        return matmul(x, W)

    params = init_model(rng, d, k, N, "float64", fusion=name)
    previous = nn.use("readable")
    try:
        monkeypatch.setattr(ops.np, "matmul", recorded)
        calls = counted(params, np.zeros((3, B, d)), name)
    finally:
        nn.use(previous)
    cost = c.operations(calls, "multiply-add")
    assert cost.pop(c.SIMILARITIES, 0) == (2 * B * k * 9 if name == "gfn" else 0)
    assert sum(cost.values()) == 2 * sum(multiply_adds)


def test_products_of_an_lstm_are_those_that_numpy_is_asked_for(monkeypatch, rng):
    """The recurrent ones go through np.dot, once a step and direction."""
    multiply_adds, matmul, dot = [], ops.np.matmul, ops.np.dot

    def recorded(product):
        def run(x, W):
            multiply_adds.append(product(x, W).size * W.shape[-2])
            return product(x, W)

        return run

    V, u = 2, 4
    params, x = init_ucln(rng, d, k, N), rng.standard_normal((V, u, d))
    previous = nn.use("readable")
    try:
        monkeypatch.setattr(ops.np, "matmul", recorded(matmul))
        monkeypatch.setattr(ops.np, "dot", recorded(dot))
        with c.counting(params) as calls:
            class_logits(params, context_features(params, x, np.ones((V, u), bool)))
    finally:
        nn.use(previous)
    assert total(calls, "multiply-add") == 2 * sum(multiply_adds)


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


def test_numbers_of_the_paper(counts):
    sums = {model: (sum(sizes.values()), {rule: sum(cost.values()) for rule, cost in costs.items()})
            for model, (sizes, costs) in counts.items()}
    assert sums["ARGF"][0] == 1_141_120
    assert 1_141_120 + sum(c.unused(50).values()) == c.PAPER["ARGF"][0] == 1_270_770
    assert sums["ARGF"][1] == {"paper": 2_017_645, "weight": 2_008_300, "multiply-add": 2_009_200}
    assert sums["TFN"][0] == c.PAPER["TFN"][0] == 4_245_986
    assert sums["TFN"][1]["weight"] == sums["TFN"][1]["multiply-add"] == 8_491_840 == 8_491_844 - 4
    assert sums["BC-LSTM"][0] == c.PAPER["BC-LSTM"][0] == 1_383_902
    assert sums["BC-LSTM"][1]["weight"] == 1_322_000 == 1_322_044 - 44
    assert sums["BC-LSTM"][1]["multiply-add"] == 2_762_000


def test_components_of_argf(counts):
    sizes, costs = counts["ARGF"]
    assert sizes == {"encoders": 3 * 305_700, "decoders": 3 * 62_322, "discriminator": 4_321, "classifier": 2_752,
                     "fusion: MAN": 51, "fusion: MLP_2": 9_714, "fusion: MLP_3": 9_714, "fusion: Dec": 10_502}
    assert costs["paper"] == {"encoders": 3 * 608_100, "fusion: MAN": 297, "fusion: MLP_2": 3 * 19_150,
                              "fusion: MLP_3": 6 * 19_150, "fusion: Dec": 600 + 20_098, c.SIMILARITIES: 0}


def test_unused_parts_are_itemised():
    assert [*c.unused(50).values()] == [101_600, 20_400, 5_050, 2_500, 100]


def test_parameters_are_all_of_the_tree(counts):
    for model, (params, _) in c.models().items():
        assert sum(counts[model][0].values()) == sum(leaf.size for leaf in arrays(params))


def arrays(tree):
    for value in tree.values():
        if isinstance(value, dict):
            yield from arrays(value)
        else:
            yield value


def test_table():
    text = c.table4()
    assert c.table4.__doc__.startswith("Table 4: ")
    for line in ("| ARGF | 1,270,770 | 1,141,120 + 129,650 unused | 2,017,645 | 2,017,645 (paper) | 2,009,200 |",
                 "| TFN | 4,245,986 | 4,245,986 | 8,491,844 | 8,491,840 + 4 unexplained (weight) | 8,491,840 |",
                 "| BC-LSTM | 1,383,902 | 1,383,902 | 1,322,044 | 1,322,000 + 44 unexplained (weight) | 2,762,000 |",
                 "| ARGF | sum | 1,141,120 | 2,017,645 | 2,008,300 | 2,009,200 |"):
        assert line in text
    for words in (*c.RULES_IN_WORDS.values(), *c.unused(50)):
        assert words in text
    assert {*re.findall(r"^\| (\w+) \| sum", text, re.M)} >= {*STRATEGIES}

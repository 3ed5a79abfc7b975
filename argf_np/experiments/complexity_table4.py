"""Table 4: how many parameters and floating-point operations a model has.

Parameters are counted in the tree of arrays, operations where they run. `counting` wraps the few
functions that multiply matrices or normalise, while one utterance passes through the model at test
time.
"""

from contextlib import contextmanager
from functools import partial

import numpy as np

from .. import nn
from ..baselines import chfusion, hffn
from ..baselines.bc_lstm import WIDTH, logits
from ..nn import ops
from ..paper import graph_fusion_eq10_16
from ..paper.fusions_table6 import STRATEGIES
from ..paper.model import init_model, predict
from ..paper.ucln import init_ucln
from ..settings import preset
from .markdown import grid, page

d, k, N = 50, 50, 2  # MOSI's
SIMILARITIES = "similarities, Eq. 12"


# Rules of counting, by what computes a result: (operations per term, others per result). What is
# not named costs nothing. At test time only the two MLPs have a leaky ReLU of slope 0.2.
RULES = {
    "paper": {"product": (2, -1), "batch norm": (0, 4), "leaky_relu_0.2": (0, 1)},
    "weight": {"product": (2, 0)},
    "multiply-add": {"product": (2, 0), "recurrent product": (2, 0), "inner product": (2, 0)},
}
RULES_IN_WORDS = {
    "paper": "how Table 4 counts ARGF. A dense layer costs (2 in − 1) · out, a batch norm 4 per "
             "unit, the leaky ReLU of the two MLPs 1 per unit, everything else nothing.",
    "weight": "the nearest to how Table 4 counts the other two. 2 per weight of a dense layer and "
              "of what an LSTM does with its input, everything else nothing. BC-LSTM's recurrent "
              "products, more than all the rest of it, are left out.",
    "multiply-add": "one for all. 2 per multiply-add in matrix products, recurrent ones too, and "
                    "in inner products. Biases, activations, normalisation, entry-wise products "
                    "and weighted sums of vertices are left out.",
}
# Table 4: parameters, operations; and the rule that comes nearest.
PAPER = {
    "ARGF": (1_270_770, 2_017_645, "paper"),
    "TFN": (4_245_986, 8_491_844, "weight"),
    "BC-LSTM": (1_383_902, 1_322_044, "weight"),
}
OTHERS = ("LMF", "HFFN", "CHFusion")  # models of Tables 1 to 3 that Table 4 does not count


def unused(k):
    """What the released class of the GFN carries and never runs: ``{part: parameters}``."""
    def lstm(inputs, units):
        return 4 * units * (inputs + units + 2)  # two bias vectors per gate

    return {
        "bidirectional LSTM, k → 50, two layers": 2 * lstm(k, 50) + 2 * lstm(2 * 50, 50),
        "LSTM cell, k → 50": lstm(k, 50),
        "dense layer, 2k → k": (2 * k + 1) * k,
        "matrix, k × k": k * k,
        "batch norm over k": 2 * k,
    }


# What a call costs, from its result and arguments: (layer, kind, number of results, terms of each).


def _dense_layer(y, p, x, activation, *dropout):
    yield p, "product", y.size, x.shape[-1]
    if "gamma" in p:
        yield p, "batch norm", y.size, 1
    yield p, activation, y.size, 1


def _batch_norm(y, p, x):
    yield p, "batch norm", y.size, 1


def _bilstm(h, p, x, mask):
    yield p, "product", 4 * h.size, x.shape[-1]  # h holds both directions, each with four gates
    yield p, "recurrent product", 4 * h.size, p["U"].shape[-2]


def _skip_lstm(h, p, Z):
    H, m = p["U"].shape[0], Z.shape[-1]
    steps = h.size // H
    scored = steps * (H + hffn.SCORED)  # entries of the vectors that score h and c
    yield p, "product", 4 * h.size + scored, m
    yield p, "recurrent product", 4 * h.size + hffn.SKIPS * scored, H
    for terms in (H, hffn.SCORED):
        yield p, "inner product", hffn.SKIPS * steps, terms  # the square of a vector's length


def _weigh(h, p, h_before, Z):
    H, m = h.shape[-1], Z.shape[-1]
    yield p, "product", h.size, H + m
    yield p, "product", h.size // H, H


def _gru(h, p, x, mask):
    yield p, "product", 3 * h.size, x.shape[-1]  # two gates and the candidate
    yield p, "recurrent product", 3 * h.size, p["U"].shape[-2]


def _project(g, p, x):
    yield p, "product", g.size, x.shape[-1]


def _similarity(S, V_1, V_2):
    yield None, "inner product", S.size, V_1.shape[-1]


COUNTED = {
    (ops, "dense_layer"): _dense_layer,
    (ops, "batch_norm"): _batch_norm,
    (ops, "bilstm"): _bilstm,
    (hffn, "skip_lstm"): _skip_lstm,
    (hffn, "weigh"): _weigh,
    (ops, "gru"): _gru,
    (chfusion, "project"): _project,
    (graph_fusion_eq10_16, "similarity"): _similarity,
}


@contextmanager
def counting(params):
    """Yield a list to which every call with a layer of ``params`` adds what it costs.

    An entry is (component, kind, number of results, terms of each).
    """
    names = {id(None): SIMILARITIES}  # a call without a layer
    for name, part in parts(params).items():
        names |= {id(layer): name for layer in _dicts(part)}
    calls, running = [], []

    def counted(function, cost):
        def run(*arguments):
            running.append(function)
            try:
                result = function(*arguments)
            finally:
                running.pop()
            if not running:  # a textbook layer calls others: only the outermost counts
                for layer, *numbers in cost(result, *arguments):
                    calls.append((names[id(layer)], *numbers))
            return result

        return run

    originals = {place: getattr(*place) for place in COUNTED}
    try:
        for place, cost in COUNTED.items():
            setattr(*place, counted(originals[place], cost))
        yield calls
    finally:
        for place, function in originals.items():
            setattr(*place, function)


def parts(params):
    """``{component: its parameters}``: the groups of a model; of a fusion strategy its parts."""
    components = {}
    for group, tree in params.items():
        if group == "fusion":
            components |= {f"fusion: {name}": part for name, part in tree.items()}
        else:
            components[group] = tree
    return components


def _dicts(tree):
    if isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _dicts(child)


def parameters(params):
    """``{component: number of parameters}``."""
    return {component: nn.count({component: part}) for component, part in parts(params).items()}


def operations(calls, rule):
    """``{component: number of operations}`` of `counting`'s calls by one of `RULES`."""
    counts = {}
    for component, kind, results, terms in calls:
        per_term, others = RULES[rule].get(kind, (0, 0))
        counts[component] = counts.get(component, 0) + results * (per_term * terms + others)
    return counts


def models():
    """Every model at the sizes of MOSI.

    Returns ``{model: (its parameters, a function that passes one utterance through it)}``.
    """
    rng, x = np.random.default_rng(0), np.zeros((3, 1, d))
    params = init_model(rng, d, k, N)
    found = {"ARGF": (params, partial(predict, params, x))}
    for name, strategy in STRATEGIES.items():
        params = {"fusion": strategy.init(rng, 3, k, N)}
        found[name] = params, partial(predict, params, x, fusion=name)
    found["TFN"], found["LMF"] = found["tensor"], found["low_rank"]  # without encoders
    params = init_ucln(rng, 3 * d, WIDTH, N)
    found["BC-LSTM"] = params, partial(run_bc_lstm, params)
    params = hffn.init_hffn(rng, 3, d, N)
    found["HFFN"] = params, partial(hffn.decide, params, hffn.local_tensors(x))
    params = chfusion.init_params(rng, "alv", d, N)
    found["CHFusion"] = params, partial(run_chfusion, params)
    return found


def run_bc_lstm(params):
    """Pass one utterance through BC-LSTM."""
    joint, mask = np.zeros((1, 1, 3 * d)), np.ones((1, 1), bool)
    return logits(params, joint, mask, preset("mosi"))


def run_chfusion(params):
    """Pass one utterance through CHFusion. What only fits a pair, its label, is not needed."""
    x, mask, F = np.zeros((1, 1, 2, d)), np.ones((1, 1), bool), []
    for pair in params["bimodal"]:
        F.append(chfusion.bimodal_features(chfusion.params_of(params, pair), x, mask))
    return chfusion.trimodal_logits(params["trimodal"], np.stack(F, axis=2), mask)


def complexity():
    """``{model: (parameters, {rule: operations})}``, both as ``{component: number}``."""
    counts = {}
    for model, (params, run) in models().items():
        with counting(params) as calls:
            run()
        counts[model] = parameters(params), {rule: operations(calls, rule) for rule in RULES}
    return counts


def table4():
    """Table 4: the paper's numbers beside those counted here, then every component."""
    counts = complexity()
    itemised = ["", "component", "parameters", *(f"operations, {rule}" for rule in RULES)]
    return page(
        "## Table 4: parameters and floating-point operations",
        f"d = k = {d}, N = {N}; operations of one utterance at test time. All three models read "
        "the UCLNs' features, and the UCLNs are not counted.",
        grid(["", "parameters, the paper's", "parameters", "operations, the paper's",
              "operations, nearest rule", "operations, one rule"],
             [_beside_the_paper(model, *counts[model]) for model in PAPER]),
        "Rules of counting:",
        "\n".join(f"- {rule}: {words}" for rule, words in RULES_IN_WORDS.items()),
        "What the released class of the GFN carries and never runs is in the paper's number of "
        "parameters:",
        grid(["not used", "parameters"],
             [[part, f"{size:,}"] for part, size in unused(k).items()]),
        "By component:", grid(itemised, _by_component(PAPER, counts)),
        "Models of Tables 1 to 3 that Table 4 does not count:",
        grid(itemised, _by_component(OTHERS, counts)),
        "Fusion strategies of Table 6, alone:", grid(itemised, _by_component(STRATEGIES, counts)))


def _beside_the_paper(model, sizes, costs):
    """The line of a model. What is the paper's and not ours is shown as a term of its own."""
    size, cost, rule = PAPER[model]
    used = sum(sizes.values())
    nearest, uniform = sum(costs[rule].values()), sum(costs["multiply-add"].values())
    return [model, f"{size:,}", with_rest(used, size, "unused"), f"{cost:,}",
            f"{with_rest(nearest, cost, 'unexplained')} ({rule})", f"{uniform:,}"]


def with_rest(ours, paper, name):
    """Our number, and what the paper's has beyond it: "1,322,000 + 44 unexplained"."""
    return f"{ours:,}" + (f" + {paper - ours:,} {name}" if paper != ours else "")


def _by_component(names, counts):
    """A line per component of each model, and one for their sum."""
    lines = []
    for model in names:
        sizes, costs = counts[model]
        columns = [sizes, *costs.values()]
        for component in sizes | costs["multiply-add"]:
            cells = [f"{numbers.get(component, 0):,}" for numbers in columns]
            lines.append([model, component, *cells])
        lines.append([model, "sum", *(f"{sum(numbers.values()):,}" for numbers in columns)])
    return lines

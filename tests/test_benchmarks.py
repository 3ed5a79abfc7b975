"""Each benchmark works: it runs once in its tiny form, whose numbers mean nothing."""

import json

import numpy as np
import pytest

pytest.importorskip(
    "torch", reason="the benchmarks need PyTorch: pip install argf_np[benchmarks]")

from argf_np import nn
from argf_np.paper import updates
from benchmarks import __main__ as command
from benchmarks import compare, measure, models, twin

GOALS = {  # benchmark -> row -> goal for the ratio, or for our own figure where there is no peer
    "argf-16": {"ARGF epoch, batch 16: PyTorch as released": ">= 3.0",
                "ARGF epoch, batch 16: best PyTorch": ">= 1.3",
                "ARGF epoch, batch 16: our readable version": None},
    "argf-32": {"ARGF epoch, batch 32: PyTorch as released": ">= 3.0",
                "ARGF epoch, batch 32: best PyTorch": ">= 1.3",
                "ARGF epoch, batch 32: our readable version": None},
    "ucln-10": {"UCLN epoch, text, batch 10: PyTorch, packed": ">= 1.0",
                "UCLN epoch, text, batch 10: our readable version": None},
    "ucln-all": {"UCLN epoch, text, one batch: PyTorch, packed": ">= 1.0",
                 "UCLN epoch, text, one batch: our readable version": None},
    "models": {f"{name} epoch: PyTorch": None for name in
               ("TFN", "LMF", "BC-LSTM", "HFFN", "CHFusion, one pair,", "CHFusion, all pairs,")},
    "predict-752": {"prediction, 752 utterances: best PyTorch": ">= 1.0"},
    "predict-1": {"prediction, 1 utterance: best PyTorch": ">= 2.0"},
    "step-16": {"ARGF step, batch 16: its matrix products alone": None,
                "ARGF step, batch 16: its optimisers' arrays alone": None,
                "ARGF step, batch 16: both, the limit": "<= 2.0"},
    "step-32": {"ARGF step, batch 32: its matrix products alone": None,
                "ARGF step, batch 32: its optimisers' arrays alone": None,
                "ARGF step, batch 32: both, the limit": "<= 2.0"},
    "import": {"import argf_np: import numpy, autograd.numpy": "<= 1.3",
               "import argf_np.train: import numpy, autograd.numpy": None},
    "main-job": {"main job, synthetic data: peak memory": "<= 300",
                 "main job, synthetic data: time": "<= 60"},
    "growth": {"growth of time with utterances": "<= 1.05", "growth of time with k": None,
               "growth of memory beyond the data with utterances": "<= 0.05",
               "growth of memory beyond the data with k": None},
}


def test_every_benchmark_has_its_goals():
    assert set(command.BENCHMARKS) == set(GOALS)


def test_readme_states_the_results():
    rows = json.loads(command.RESULTS.read_text(encoding="utf-8"))
    assert command.markdown(rows) in command.README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_rows(name):
    rows = list(command.measure(name, tiny=True))
    assert {row["name"]: row["goal"] for row in rows} == GOALS[name]
    for row in rows:
        assert set(row) == {"name", "ours", "peer", "unit", "ratio", "goal", "met", "threads",
                            "spread"}
        assert row["threads"] == 1
        assert (row["ours"] > 0) or row["unit"] == "slope"
        assert (row["peer"] is None) == (row["ratio"] is None)
        assert row["met"] in ((None,) if row["goal"] is None else (True, False))
        assert row["name"] in command.line(row)


@pytest.mark.parametrize(("goal", "ratio", "met"), [
    (">= 1.5", 2.0, True), (">= 2.5", 2.0, False), ("<= 0.6", 0.5, True), ("<= 0.4", 0.5, False),
    (None, 2.0, None)])
def test_ratio_of_medians(goal, ratio, met):
    row = measure.row("x", ours=[3.0, 1.0, 50.0], peer=[6.0, 0.0, 7.0], goal=goal)
    assert (row["ours"], row["peer"], row["ratio"], row["met"]) == (3.0, 6.0, ratio, met)
    assert row["spread"] == {"ours": [2.0, 26.5], "peer": [3.0, 6.5]}


@pytest.mark.parametrize(("goal", "met"), [("<= 3", True), ("<= 2.9", False)])
def test_goal_without_a_peer(goal, met):
    row = measure.row("x", ours=[3.0], goal=goal, unit="MB")
    assert (row["ratio"], row["peer"], row["met"]) == (None, None, met)


def test_contenders_take_turns():
    calls = []
    contenders = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    times = measure.in_turns(contenders, tiny=True)
    assert calls == ["a", "b", "a", "b"]  # once to warm up, once to measure
    assert [len(times[name]) for name in "ab"] == [1, 1]


def test_a_failure_in_a_process_is_one_line():
    message = r"^compare\.prediction: .*unexpected keyword argument 'utterances'$"
    with pytest.raises(RuntimeError, match=message):
        measure.apart("compare.prediction", utterances=3)


def test_no_ratio_without_proof(monkeypatch):
    def wrong(*arguments):
        return 1.001 * updates.fusion_update_loss(*arguments)

    monkeypatch.setitem(updates.LOSSES, "fusion", wrong)
    with pytest.raises(twin.MismatchError, match=r"^fusion loss: differs from PyTorch's by .*$"):
        compare.argf_epoch(16, tiny=True)


@pytest.mark.parametrize("number", range(6))
def test_no_epoch_of_a_model_without_proof(number, rng):
    fit = models.fits(rng, tiny=True)[number]
    right = fit.loss
    fit.loss = lambda *arguments: 1.001 * right(*arguments)
    with pytest.raises(twin.MismatchError, match=f"^{fit.name} loss: differs from PyTorch's by"):
        models.contenders(fit)


@pytest.mark.parametrize("number", range(6))
def test_no_epoch_of_a_model_whose_gradient_is_0_1_percent_off(number, rng, monkeypatch):
    def wrong(function, params):
        value, gradients = nn.value_and_grad(function, params)
        _, largest = max(nn.leaves(gradients), key=lambda leaf: np.abs(leaf[1]).max())
        largest *= 1.001
        return value, gradients

    fit = models.fits(rng, tiny=True)[number]
    monkeypatch.setattr(twin, "value_and_grad", wrong)
    with pytest.raises(twin.MismatchError, match=f"^{fit.name} gradient: differs"):
        models.contenders(fit)

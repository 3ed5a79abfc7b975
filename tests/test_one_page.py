"""`tutorials/argf_on_one_page.py` computes what the package's paper variant computes.

Both get the same parameters in float64, and small sizes wherever the page does not fix them.
"""

import ast
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autograd import grad

from argf_np import nn
from argf_np.data import synthesise
from argf_np.paper.model import evaluation_params, forward, init_model, predict
from argf_np.paper.ucln import context_features, init_ucln, ucln_loss
from argf_np.paper.updates import batch_gradients, init_optimisers, train_batch, updates_of
from argf_np.paper.vertices import BIMODAL, TRIMODAL
from argf_np.settings import Settings, preset
from tutorials import argf_on_one_page as page

FUSION = "fusion"  # the group of the fusion's parameters
TEXT = Path(page.__file__).read_text(encoding="utf-8")
B, d, k, N = 7, 3, 5, 4
SETTINGS = Settings(k=k, batch_size=B, lambda_=0.3, lr=0.02, weight_decay=0.07, dtype="float64")
D22 = [("av", "vl"), ("av", "al"), ("vl", "al"), ("av", "l"), ("al", "v"), ("vl", "a")]

# The page's own settings, before `same_settings` changes some of them.
NAMES = "d k N LAMBDA BATCH_SIZE LEARNING_RATE WEIGHT_DECAY EPOCHS UCLN_EPOCHS"
WRITTEN = {name: getattr(page, name) for name in NAMES.split()}

# Where the package keeps what belongs to a step of the page: {network: (path, {step: layer})}.
PLACES = {
    "encoders": (("encoders",), {0: "dense_1", 2: "dense_1", 4: "dense_2", 6: "dense_2",
                                 8: "dense_3", 10: "dense_3", 12: "dense_4"}),
    "decoders": (("decoders",), {0: "dense_1", 3: "dense_2", 5: "dense_2", 7: "dense_3"}),
    "discriminator": (("discriminator",), {0: "dense_1", 2: "dense_2", 4: "dense_3"}),
    "classifier": (("classifier",), {0: "norm", 2: "dense_1", 5: "dense_2"}),
    "MAN": ((FUSION,), {0: "MAN"}),
    "MLP_2": ((FUSION, "MLP_2"), {0: "dense_1", 2: "dense_2"}),
    "MLP_3": ((FUSION, "MLP_3"), {0: "dense_1", 2: "dense_2"}),
    "Dec": ((FUSION, "Dec"), {0: "norm", 1: "dense_1", 3: "dense_2", 5: "dense_3"}),
}


def path_of(key):
    """The path of a parameter of the page in the package's tree."""
    name, letter, step = key
    path, layers = PLACES[name]
    return (*path, layers[step], letter)


KEYS = {path_of(key): key for key in page.init_theta(np.random.default_rng(0))}


def theta_of(tree):
    """A tree of the package, or of some of its groups, as a flat dict of the page: copies."""
    return {KEYS[path]: array.copy() for path, array in nn.leaves(tree)}


def ucln_of(tree):
    """The page's parameters of a UCLN from the package's, whose gates stand side by side."""
    def gates(array):  # (2, rows, 4 * hidden) -> (4, 2, rows, hidden)
        return np.array(np.split(array, 4, axis=-1))

    return {
        "W_F": gates(tree["bilstm"]["W"]), "W_h": gates(tree["bilstm"]["U"]),
        "b": gates(tree["bilstm"]["b"]),
        "W_x": tree["dense"]["W"].copy(), "b_x": tree["dense"]["b"][0].copy(),
        "W_y": tree["label"]["W"].copy(), "b_y": tree["label"]["b"][0].copy(),
    }


def shake(tree, rng):
    """Move every leaf a little in place, so that no bias is 0 and no scale is 1."""
    for _, leaf in nn.leaves(tree):
        leaf += 0.1 * rng.standard_normal(leaf.shape)


def assert_same(ours, theirs, name=""):
    """Arrays of one shape, or flat dicts of them, are equal to 1e-10."""
    if isinstance(ours, dict):
        assert set(ours) == set(theirs)
        for key in ours:
            assert_same(ours[key], theirs[key], str(key))
        return
    assert np.shape(ours) == np.shape(theirs), name
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10, err_msg=name)


class SameMasks:
    """Stands for a generator. What it draws depends on the shape alone, not on earlier draws."""

    def random(self, shape, dtype=float):
        return np.random.default_rng(shape).random(shape).astype(dtype)


dropout_off_and_on = pytest.mark.parametrize(
    ("drop_rate", "rng_of_both"), [(0.0, None), (0.5, SameMasks())], ids=["off", "on"])


@pytest.fixture(autouse=True)
def same_settings(monkeypatch):
    """Give the page the settings of these tests."""
    monkeypatch.setattr(page, "LAMBDA", SETTINGS.lambda_)
    monkeypatch.setattr(page, "LEARNING_RATE", SETTINGS.lr)
    monkeypatch.setattr(page, "WEIGHT_DECAY", SETTINGS.weight_decay / B)  # D20


@pytest.fixture
def params(rng):
    """The package's parameters."""
    tree = init_model(rng, d, k, N, "float64")
    shake(tree, rng)
    return tree


@pytest.fixture
def batch(rng):
    return rng.standard_normal((3, B, d)), np.eye(N)[rng.integers(N, size=B)]


# The page as a text


def test_size():
    """At most 250 lines of at most 100 columns; no function is longer than 20 lines."""
    lines = TEXT.splitlines()
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 100
    functions = [node for node in ast.walk(ast.parse(TEXT)) if isinstance(node, ast.FunctionDef)]
    assert functions
    assert max(node.end_lineno - node.lineno + 1 for node in functions) <= 20


def test_imports_nothing_of_the_package_but_the_corpus():
    imports = [ast.unparse(node) for node in ast.walk(ast.parse(TEXT))
               if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert imports == [
        "import autograd.numpy as np", "from autograd import grad", "from argf_np import data"]


def test_names_every_equation_of_the_paper():
    assert {int(number) for number in re.findall(r"\bEq\. (\d+)", TEXT)} == set(range(1, 17))


def test_settings():
    """Those of the authors' comments for MOSI (D13, D20), and the package's numbers of epochs."""
    epochs = {"EPOCHS": preset("mosi").epochs, "UCLN_EPOCHS": preset("mosi").ucln_epochs}
    assert epochs == {"EPOCHS": 20, "UCLN_EPOCHS": 5}
    assert epochs | {
        "d": 50, "k": 50, "N": 2, "LAMBDA": 0.001, "BATCH_SIZE": 16, "LEARNING_RATE": 0.001,
        "WEIGHT_DECAY": 0.005 / 16} == WRITTEN


def test_order_of_the_pairs_is_that_of_d22():
    pairs = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(TEXT).body
             if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("LAYER")}
    assert pairs == {
        "LAYER_2": [("a", "v"), ("a", "l"), ("v", "l")],
        "LAYER_3": D22,
    }


# The networks


def test_initial_parameters():
    """The package's shapes at the paper's sizes; weights up to Glorot's limit; the rest 0 or 1."""
    ours = page.init_theta(np.random.default_rng(0))
    theirs = theta_of(init_model(np.random.default_rng(0), 50, 50, 2, "float64"))
    assert set(ours) == set(theirs)
    for key, array in ours.items():
        assert array.shape == theirs[key].shape, key
        if key[1] == "W":
            limit = (6 / sum(array.shape[-2:])) ** 0.5
            assert 0.8 * limit < abs(array).max() < limit, key
        else:
            assert (array == (key[1] == "gamma")).all(), key


@dropout_off_and_on
def test_every_named_intermediate(drop_rate, rng_of_both, params, batch):
    x, _ = batch
    theirs, theta = forward(params, x, "paper", "gfn", drop_rate, rng_of_both), theta_of(params)
    x_e = page.run(theta, "encoders", x, rng_of_both)
    assert_same(x_e, theirs["x_e"])
    assert_same(page.run(theta, "discriminator", x_e), theirs["z"])
    assert_same(page.run(theta, "decoders", x_e, rng_of_both), theirs["x_tilde"])
    assert_same(page.run(theta, "classifier", x_e, rng_of_both), theirs["y_tilde"])
    assert_same(page.decide(theta, x_e), theirs["M"])


def test_layers_of_the_graph(params, batch):
    """Vertices, weights and sum of each layer; the package may list vertices in another order."""
    theirs, theta = forward(params, batch[0]), theta_of(params)
    alpha = page.run(theta, "MAN", theirs["x_e"])
    assert_same(alpha, theirs["alpha_m"])
    V_2, alpha_2, bimodal = page.fuse(theta, "MLP_2", page.LAYER_2, theirs["x_e"], alpha)
    place = [[*BIMODAL.values()].index(pair) for pair in page.LAYER_2]
    assert_same(V_2, theirs["V_2"][place])
    assert_same(alpha_2, theirs["alpha_2"][place])
    assert_same(bimodal, theirs["B"])
    V, alpha = np.concatenate([theirs["x_e"], V_2]), np.concatenate([alpha, alpha_2])
    V_3, alpha_3, T = page.fuse(theta, "MLP_3", page.LAYER_3, V, alpha)
    place = [[*TRIMODAL.values()].index(pair) for pair in page.LAYER_3]
    assert_same(V_3, theirs["V_3"][place])
    assert_same(alpha_3, theirs["alpha_3"][place])
    assert_same(T, theirs["T"])


def test_decision_at_test_time(params, rng):
    """Batch norm then uses the statistics of the training utterances, whatever the others are."""
    x, n = rng.standard_normal((3, 40, d)), 25
    x[:, n:] += 3
    theta = theta_of(params)
    M = page.decide(theta, page.run(theta, "encoders", x, n=n), n)
    evaluated = evaluation_params(params, x, rows=np.arange(n))
    assert_same(M[n:], predict(evaluated, x[:, n:]))


# The losses, their gradients and the updates


@dropout_off_and_on
def test_losses_and_gradients(drop_rate, rng_of_both, params, batch, monkeypatch):
    settings = replace(SETTINGS, drop_rate=drop_rate)
    values, gradients = batch_gradients(params, *batch, updates_of(settings), settings, rng_of_both)
    theta = theta_of(params)
    assert list(page.UPDATES) == list(values)
    losses = page.losses(theta, *batch, rng_of_both)
    assert_same({update: losses[update] for update in page.UPDATES}, values)
    monkeypatch.setattr(page.np.random, "default_rng", lambda seed: rng_of_both)
    for update in page.UPDATES:
        assert_same(page.gradient(update, theta, *batch, seed=0), theta_of(gradients[update]))


def test_three_batches(params, rng, monkeypatch):
    """Every update has its own Adam. All gradients of a batch are taken before its first step."""
    monkeypatch.setattr(page, "dropout", lambda x, rate, rng: x)
    settings, theta = replace(SETTINGS, drop_rate=0.0), theta_of(params)
    states, optimisers = {update: {} for update in page.UPDATES}, init_optimisers(params, settings)
    before = theta_of(params)
    for _ in range(3):
        x, y = rng.standard_normal((3, B, d)), np.eye(N)[rng.integers(N, size=B)]
        page.train_batch(theta, states, x, y, seed=0)
        train_batch(params, optimisers, x, y, settings, rng)
    assert_same(theta, theta_of(params))
    assert all((theta[key] != before[key]).any() for key in theta)


def test_the_updates_of_a_batch_see_the_same_dropout(params, batch, monkeypatch):
    """In the encoders; the next batch sees another one."""
    states, dropout = [], page.dropout

    def recorded(x, rate, rng):
        if x.shape == (3, B, 10 * d):  # the first layer of the encoders
            states.append(rng.bit_generator.state["state"]["state"])
        return dropout(x, rate, rng)

    monkeypatch.setattr(page, "dropout", recorded)
    for seed in (1, 2):
        page.train_batch(theta_of(params), {update: {} for update in page.UPDATES}, *batch, seed)
    assert len(states) == 8
    assert len(set(states[:4])) == len(set(states[4:])) == 1
    assert states[0] != states[4]


def test_average_of_the_epochs(monkeypatch, capsys):
    """Epoch e of E weighs 0.8^(E - e), and all weights together 1."""
    monkeypatch.setattr(page, "EPOCHS", 3)
    monkeypatch.setattr(page, "init_theta", lambda rng: {"number": np.array([5.0])})
    monkeypatch.setattr(page, "losses", lambda theta, x, y, rng: {"embedding": theta["number"][0]})

    def train_batch(theta, states, x, y, seed):
        theta["number"] *= 2

    monkeypatch.setattr(page, "train_batch", train_batch)
    average = page.train(np.zeros((3, 16, 1)), np.zeros((16, 2)), np.random.default_rng(0))
    assert average["number"][0] == pytest.approx((0.64 * 10 + 0.8 * 20 + 40) / (0.64 + 0.8 + 1))
    assert re.findall(r"epoch +(\d+)  embedding (\d+)", capsys.readouterr().out) == [
        ("1", "10"), ("2", "20"), ("3", "40")]


def test_batches_deal_out_every_item_once(rng):
    batches = page.batches(rng, 37, 16)
    assert [len(batch) for batch in batches] == [16, 16, 5]
    assert sorted(np.concatenate(batches)) == list(range(37))


# The UCLN


@pytest.fixture
def videos(rng):
    """Features and labels of three videos: in a row for the page, padded for the package."""
    lengths = np.array([4, 6, 1])
    mask = np.arange(6) < lengths[:, None]
    features, y = rng.standard_normal((11, 2)), np.eye(N)[rng.integers(N, size=11)]
    padded, labels = np.zeros((3, 6, 2)), np.zeros((3, 6, N))
    padded[mask], labels[mask] = features, y
    return (features, lengths, y), (padded, labels, mask)


@pytest.fixture
def ucln_params(rng):
    tree = nn.cast(init_ucln(rng, 2, d, N), "float64")
    shake(tree, rng)
    return tree


def test_ucln(ucln_params, videos):
    (features, lengths, _), (padded, _, mask) = videos
    theirs = context_features(ucln_params, padded, mask, SETTINGS)[mask]
    assert_same(page.ucln(ucln_of(ucln_params), features, lengths), theirs)


def test_training_of_the_ucln(ucln_params, videos):
    """Loss, gradient and three steps of Adadelta."""
    flat, padded = videos
    p, state = ucln_of(ucln_params), {}
    states = {name: nn.init_adadelta(part) for name, part in ucln_params.items()}
    for _ in range(3):
        value, gradient = nn.value_and_grad(lambda q: ucln_loss(q, *padded, SETTINGS), ucln_params)
        ours = grad(page.ucln_loss)(p, *flat, None)
        assert_same(page.ucln_loss(p, *flat, None), value)
        assert_same(ours, ucln_of(gradient))
        page.adadelta(p, ours, state)
        for name, part in ucln_params.items():
            nn.adadelta(states[name], part, gradient[name])
        assert_same(p, ucln_of(ucln_params))


def test_dropout_of_the_ucln(ucln_params, videos, rng, monkeypatch):
    """0.6 on the features, 0.9 behind the LSTMs, 0.9 on their outputs (D24)."""
    seen = []

    def dropout(x, rate, rng):
        seen.append((np.shape(x)[1], rate))
        return x

    monkeypatch.setattr(page, "dropout", dropout)
    page.ucln_loss(ucln_of(ucln_params), *videos[0], rng)
    assert seen == [(2, 0.6), (600, 0.9), (d, 0.9)]


# The whole page


def slice_of(corpus):
    """The four shortest training videos and the two shortest test videos."""
    def shortest(split, number):
        videos = corpus.split[split]
        return videos[np.argsort(corpus.lengths[videos], kind="stable")][:number]

    chosen = [*shortest("train", 4), *shortest("test", 2)]
    rows = np.concatenate([np.arange(corpus.starts[i], corpus.starts[i + 1]) for i in chosen])
    return replace(
        corpus,
        video_ids=tuple(corpus.video_ids[i] for i in chosen),
        starts=np.cumsum([0, *corpus.lengths[chosen]]),
        ids=tuple(corpus.ids[i] for i in rows), words=tuple(corpus.words[i] for i in rows),
        features={m: x[rows] for m, x in corpus.features.items()}, labels=corpus.labels[rows],
        row=None,
        split={"train": np.arange(4), "validation": np.arange(0), "test": np.arange(4, 6)})


def run(corpus, monkeypatch, capsys):
    """What `main` prints on a corpus: the line of its epoch, and the two accuracies in percent."""
    monkeypatch.setattr(page.data, "load", lambda name, source: corpus)
    page.main()
    out = capsys.readouterr().out
    assert re.findall(r"^UCLN of (\w)", out, re.MULTILINE) == ["a", "l", "v"]
    assert f"{len(corpus.utterances('test'))} test utterances, synthetic data" in out
    epochs = re.findall("^epoch.*$", out, re.MULTILINE)
    assert len(epochs) == 1
    table = r"^ARGF +(\d+\.\d)%\nmajority class +(\d+\.\d)%$"
    return epochs[0], *map(float, re.search(table, out, re.MULTILINE).groups())


def test_one_epoch_on_some_videos(monkeypatch, capsys):
    """It runs and prints. The labels of the test set change nothing but the score."""
    monkeypatch.setattr(page, "EPOCHS", 1)
    monkeypatch.setattr(page, "UCLN_EPOCHS", 1)
    corpus = slice_of(synthesise())
    labels, test = corpus.labels.copy(), corpus.utterances("test")
    epoch, accuracy, majority = run(corpus, monkeypatch, capsys)
    number = r"(\d+\.\d{3})"
    assert re.fullmatch(rf"epoch  1  embedding {number}  discriminator {number}  "
                        rf"classifier {number}  fusion {number}", epoch)
    positive = 100 * np.mean(labels[test])
    assert majority == pytest.approx(max(positive, 100 - positive), abs=0.06)
    labels[test] = 1 - labels[test]
    other = run(replace(corpus, labels=labels), monkeypatch, capsys)
    assert other == (epoch, pytest.approx(100 - accuracy, abs=0.11), majority)

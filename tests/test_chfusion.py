"""CHFusion: its two levels, the order of its fits, what they share, and where they stop."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import (
    assert_gradient,
    bits,
    dense,
    dropout_masks,
    gru,
    shaken,
    softmax,
    torch_gru,
)

from argf_np import nn
from argf_np.baselines import chfusion, epoch_loop
from argf_np.data import Corpus, standardise
from argf_np.errors import ModelError, NotFiniteError
from argf_np.estimator import Estimator
from argf_np.nn import ops
from argf_np.paper.ucln import cross_entropy, pad
from argf_np.settings import Settings

# Width of the UCLN features, classes; sizes of CHFusion, all different.
d, N = 3, 4
SMALL = {"PROJECTION": 5, "BIMODAL_UNITS": 6, "BIMODAL_WIDTH": 7, "TRIMODAL_UNITS": 8,
         "TRIMODAL_WIDTH": 9, "BIMODAL_EPOCHS": 3, "TRIMODAL_EPOCHS": 2}
LENGTHS = np.array([2, 4, 1, 3, 4])
STARTS = np.concatenate([[0], np.cumsum(LENGTHS)])
n, V, u = 14, 5, 4
MASK = np.arange(u) < LENGTHS[:, None]
SETTINGS = Settings(dtype="float64")
FITS = ["l*a"] * 3 + ["l*v"] * 3 + ["a*v"] * 3 + ["all"] * 2  # of the epochs, with `SMALL`


@pytest.fixture
def small(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(chfusion, name, value)


@pytest.fixture
def params(small, rng):
    """None of them zero."""
    return shaken(chfusion.init_params(rng, "alv", d, N), rng)


@pytest.fixture
def videos(rng):
    """Padded features of a pair (V, u, 2, d), outputs of three pairs (V, u, 3, 7), labels."""
    labels = np.eye(N)[rng.integers(N, size=(V, u))]
    F = np.tanh(rng.standard_normal((V, u, 3, SMALL["BIMODAL_WIDTH"])))
    return rng.standard_normal((V, u, 2, d)), F, labels


@pytest.fixture
def corpus(rng):
    """26 videos for training, two batches of them; videos of 1 to 4 utterances."""
    lengths = rng.integers(1, 5, 40)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    features = {m: rng.standard_normal((starts[-1], width))
                for m, width in {"a": 4, "l": 2, "v": 6}.items()}
    split = {"train": np.arange(26), "validation": np.arange(26, 32), "test": np.arange(39, 31, -1)}
    names = tuple(str(row) for row in range(starts[-1]))
    return standardise(Corpus("test", "synthetic", tuple("wxyz"), names[:40], starts, names, names,
                              features, rng.integers(N, size=starts[-1]), split))


@pytest.fixture
def x(corpus, rng):
    """What the UCLNs might give: (3, n, d)."""
    return np.tanh(rng.standard_normal((3, len(corpus.ids), d)))


@pytest.fixture
def trusted(monkeypatch):
    monkeypatch.setattr(chfusion, "reason_for_distrust", lambda corpus: None)


# Equations, one number at a time


def project(W, x):
    """tanh of W x, one number at a time."""
    W = W.tolist()
    g = []
    for j in range(SMALL["PROJECTION"]):
        g.append(math.tanh(sum(x[i] * W[i][j] for i in range(d))))
    return g


def level_1(params, pair, videos):
    """F of each utterance of some videos, which are lists of ``{modality: features}``."""
    p = params["bimodal"]["*".join(pair)]
    p_mn, q_mn, b = (p["fuse"][name].ravel().tolist() for name in "pqb")
    outputs = []
    for video in videos:
        fused = []
        for utterance in video:
            g_m, g_n = (project(params["projections"][m]["W"], utterance[m]) for m in pair)
            entries = zip(p_mn, g_m, q_mn, g_n, b, strict=True)
            fused.append([math.tanh(p * g + q * h + shift) for p, g, q, h, shift in entries])
        for h in gru(p["gru"], fused):
            outputs.append([math.tanh(z) for z in dense(p["dense"], h)])
    return outputs


def level_2(p, videos):
    """Probabilities of each utterance of some videos, which are lists of the F of all pairs."""
    k, b = p["fuse"]["k"].tolist(), p["fuse"]["b"].ravel().tolist()
    probabilities = []
    for video in videos:
        zs = []
        for Fs in video:
            z = []
            for j in range(SMALL["BIMODAL_WIDTH"]):
                z.append(math.tanh(sum(k[i][j] * F[j] for i, F in enumerate(Fs)) + b[j]))
            zs.append(z)
        for z, r in zip(zs, gru(p["gru"], zs), strict=True):
            h = [max(value, 0) for value in dense(p["dense"], z + r)]
            probabilities.append(softmax(dense(p["label"], h)))
    return probabilities


def with_projections(params):
    """What `predict_proba` takes, where no fit has moved the projections."""
    return {"bimodal": {pair: chfusion.params_of(params, pair) for pair in params["bimodal"]},
            "trimodal": params["trimodal"]}


def test_both_levels_one_number_at_a_time(params, corpus, rng, each_implementation):
    """The pairs are (l, a), (l, v), (a, v), whatever the order of the modalities is."""
    x = rng.standard_normal((3, n, d))
    videos = []
    for start, stop in pairwise(STARTS):
        videos.append([dict(zip("alv", x[:, row].tolist(), strict=True))
                       for row in range(start, stop)])
    outputs = [level_1(params, pair, videos) for pair in ("la", "lv", "av")]
    by_utterance = [*zip(*outputs, strict=True)]
    of_videos = [by_utterance[start:stop] for start, stop in pairwise(STARTS)]
    expected = level_2(params["trimodal"], of_videos)

    some = replace(corpus, features={m: np.zeros((n, 1)) for m in "alv"}, starts=STARTS,
                   ids=corpus.ids[:n], words=corpus.words[:n], labels=corpus.labels[:n], row=None,
                   video_ids=corpus.video_ids[:V],
                   split={"train": np.arange(V), "validation": np.arange(0), "test": np.arange(0)})
    trained = with_projections(params)
    F = chfusion.level_1(trained["bimodal"], x, STARTS, SETTINGS)
    np.testing.assert_allclose(F.swapaxes(0, 1), outputs, rtol=0, atol=1e-13)
    P = chfusion.predict_proba(trained, some, x, SETTINGS)
    np.testing.assert_allclose(P, expected, rtol=0, atol=1e-13)


def test_loss_leaves_padding_out(params, videos):
    """Minus the mean log probability of the labels of real utterances."""
    x, _, y = videos
    logits = chfusion.bimodal_logits(chfusion.params_of(params, "l*v"), x, MASK)
    expected = [-math.log(softmax(z)[label.argmax()])
                for z, label in zip(logits[MASK].tolist(), y[MASK], strict=True)]
    assert cross_entropy(logits, y, MASK) == pytest.approx(sum(expected) / len(expected))


def test_gradient_of_a_bimodal_fit(params, videos, rng, each_implementation):
    """With respect to the shared projections too."""
    x, _, y = videos
    tree = chfusion.params_of(params, "a*v")
    assert {*tree} == {"m", "n", "fuse", "gru", "dense", "label"}
    assert_gradient(lambda p: cross_entropy(chfusion.bimodal_logits(p, x, MASK), y, MASK), tree,
                    rng)


def test_gradient_of_the_trimodal_fit(params, videos, rng, each_implementation):
    _, F, y = videos
    assert_gradient(lambda p: cross_entropy(chfusion.trimodal_logits(p, F, MASK), y, MASK),
                    params["trimodal"], rng)


def test_dropout_of_level_1(params, videos):
    """0.4 before the GRU and 0.9 behind it; none before the label."""
    p, x = chfusion.params_of(params, "l*a"), videos[0]
    first, second = dropout_masks(3, 0.4, (V, u, 5)), dropout_masks(3, 0.9, (V, u, 5), (V, u, 6))
    g_m, g_n = np.tanh(x[:, :, 0] @ p["m"]["W"]), np.tanh(x[:, :, 1] @ p["n"]["W"])
    f = np.tanh(p["fuse"]["p"] * g_m + p["fuse"]["q"] * g_n + p["fuse"]["b"])
    h = ops.gru(p["gru"], first[0] * f, MASK) * second[1]
    logits = np.tanh(h @ p["dense"]["W"] + p["dense"]["b"]) @ p["label"]["W"] + p["label"]["b"]
    ours = chfusion.bimodal_logits(p, x, MASK, np.random.default_rng(3))
    np.testing.assert_allclose(ours, logits, rtol=1e-6)


def test_dropout_of_level_2(params, videos):
    """0.35 before the GRU, 0.86 behind it and behind the dense layer; the skipped z is whole."""
    p, F = params["trimodal"], videos[1]
    shapes = (V, u, 7), (V, u, 8), (V, u, 9)
    first, others = dropout_masks(3, 0.35, *shapes), dropout_masks(3, 0.86, *shapes)
    z = np.tanh((p["fuse"]["k"] * F).sum(axis=2) + p["fuse"]["b"])
    r = ops.gru(p["gru"], first[0] * z, MASK) * others[1]
    h = np.concatenate([z, r], axis=2) @ p["dense"]["W"] + p["dense"]["b"]
    logits = (np.maximum(h, 0) * others[2]) @ p["label"]["W"] + p["label"]["b"]
    ours = chfusion.trimodal_logits(p, F, MASK, np.random.default_rng(3))
    np.testing.assert_allclose(ours, logits, rtol=1e-6)


def test_float32_stays_float32(params, videos, cotangent_dtypes, each_implementation):
    params, (x, F, y) = nn.cast(params, "float32"), map(np.float32, videos)
    fits = [(chfusion.bimodal_logits, chfusion.params_of(params, "l*a"), x),
            (chfusion.trimodal_logits, params["trimodal"], F)]
    for logits, tree, inputs in fits:
        rng = np.random.default_rng(0)
        value, pull = nn.vjp(
            lambda p, f=logits, x=inputs, rng=rng: cross_entropy(f(p, x, MASK, rng), y, MASK), tree)
        gradient = pull(np.ones_like(value))
        assert {leaf.dtype for _, leaf in nn.leaves(gradient)} == {np.dtype(np.float32)}
    assert cotangent_dtypes == {np.dtype(np.float32)}


@pytest.mark.parametrize("level", [1, 2])
def test_equals_torch(level, params, videos, each_implementation):
    """The loss of a fit and all its gradients, in operations of PyTorch."""
    torch = pytest.importorskip(
        "torch", reason="parity needs PyTorch: pip install argf_np[benchmarks]")
    x, F, y = videos
    tree = chfusion.params_of(params, "l*a") if level == 1 else params["trimodal"]
    inputs, logits = (x, chfusion.bimodal_logits) if level == 1 else (F, chfusion.trimodal_logits)
    loss, ours = nn.value_and_grad(lambda p: cross_entropy(logits(p, inputs, MASK), y, MASK), tree)

    p = nn.map_leaves(lambda leaf: torch.tensor(leaf, requires_grad=True), tree)
    fuse, inputs_ = p["fuse"], torch.tensor(inputs)

    def affine(layer, h):
        return h @ layer["W"] + layer["b"]

    if level == 1:
        g_m, g_n = (torch.tanh(inputs_[:, :, i] @ p["mn"[i]]["W"]) for i in (0, 1))
        f = torch.tanh(fuse["p"] * g_m + fuse["q"] * g_n + fuse["b"])
        h = torch.tanh(affine(p["dense"], torch.stack(torch_gru(p["gru"], f), dim=1)))
    else:
        z = torch.tanh(torch.einsum("ij,vuij->vuj", fuse["k"], inputs_) + fuse["b"])
        r = torch.stack(torch_gru(p["gru"], z), dim=1)
        h = torch.relu(affine(p["dense"], torch.cat([z, r], dim=2)))
    twin = torch.nn.functional.cross_entropy(
        affine(p["label"], h)[torch.tensor(MASK)], torch.tensor(y.argmax(axis=2)[MASK]))
    twin.backward()
    assert loss == pytest.approx(twin.item(), rel=1e-12)
    for (path, leaf), (_, other) in zip(nn.leaves(p), nn.leaves(ours), strict=True):
        np.testing.assert_allclose(other, leaf.grad, rtol=0, atol=1e-10, err_msg=str(path))


# Invariants


def fits_of(params, videos):
    """``(logits, parameters, padded inputs)`` of a bimodal and of the trimodal fit."""
    x, F, _ = videos
    return [(chfusion.bimodal_logits, chfusion.params_of(params, "l*v"), x),
            (chfusion.trimodal_logits, params["trimodal"], F)]


def test_padding_does_not_matter(params, videos, rng):
    for logits, p, inputs in fits_of(params, videos):
        garbage = np.where(MASK[:, :, None, None], inputs, rng.standard_normal(inputs.shape))
        longer = np.concatenate([garbage, garbage], axis=1)
        mask = np.pad(MASK, ((0, 0), (0, u)))
        expected = logits(p, inputs, MASK)[MASK]
        np.testing.assert_array_equal(logits(p, garbage, MASK)[MASK], expected)
        np.testing.assert_allclose(logits(p, longer, mask)[mask], expected, rtol=0, atol=1e-14)


def test_an_utterance_knows_the_earlier_ones_of_its_video_alone(params, videos):
    for logits, p, inputs in fits_of(params, videos):
        before = logits(p, inputs, MASK)
        changed = inputs.copy()
        changed[1, 2] += 1
        different = (logits(p, changed, MASK) != before).any(axis=2)
        assert different[1].tolist() == [False, False, True, True]
        assert not np.delete(different, 1, axis=0).any()


def test_the_order_of_the_videos_does_not_matter(params, videos, rng):
    order = rng.permutation(V)
    for logits, p, inputs in fits_of(params, videos):
        reordered = logits(p, inputs[order], MASK[order])
        np.testing.assert_allclose(reordered, logits(p, inputs, MASK)[order], rtol=0, atol=1e-14)


@pytest.mark.parametrize("level", [1, 2])
def test_apply_goes_through_videos_in_batches(level, params, rng, monkeypatch):
    """The result is in the order of the videos, whatever the size of the batches is."""
    p = chfusion.params_of(params, "l*v") if level == 1 else params["trimodal"]
    logits = chfusion.bimodal_logits if level == 1 else chfusion.trimodal_logits
    rows = rng.standard_normal((n, 2, d) if level == 1 else (n, 3, 7))
    order = np.array([3, 0, 4, 1])
    padded, mask = pad(rows, STARTS, order)
    expected = logits(p, padded, mask)[mask]
    for size in (1, 3, 20):
        monkeypatch.setattr(chfusion, "BATCH_SIZE", size)
        found = chfusion.apply(logits, p, rows, STARTS, order)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


# Parameters


@pytest.mark.parametrize(("d", "N", "total"), [
    (100, 4, 8_677_716), (50, 2, 8_606_308), (100, 6, 8_681_624)])
def test_number_of_parameters(d, N, total, rng):
    P = 450
    bimodal = 3 * (600 * P + 600**2 + 600) + 500 * 601 + 501 * N
    trimodal = 4 * 500 + 3 * (2 * 500**2 + 500) + 450 * 1001 + 451 * N
    assert 3 * d * P + 9 * P + 3 * bimodal + trimodal == total
    assert nn.count(chfusion.init_params(rng, "alv", d, N)) == total


def test_initial_weights_of_level_2_have_the_limit_of_keras(rng):
    """That of Glorot and Bengio, with sqrt(500) as both fans of a vector."""
    k = chfusion.init_trimodal(rng, 3, N)["fuse"]["k"]
    limit = np.sqrt(6 / (2 * np.sqrt(500)))
    assert 0.99 * limit < np.abs(k).max() <= limit
    assert k.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_initial_weights_of_the_pairs_are_a_truncated_normal(rng):
    weights = chfusion.truncated_normal(rng, (100, 100))
    assert np.abs(weights).max() <= 0.1
    assert np.abs(weights).max() > 0.099
    assert weights.std() == pytest.approx(0.05 * 0.8796, rel=0.03)
    assert abs(weights.mean()) < 0.002


@pytest.mark.parametrize(("modalities", "pairs"), [
    ("alv", ["l*a", "l*v", "a*v"]), ("av", ["a*v"]), ("lv", ["l*v"]),
    (("face", "l", "pulse", "v"), ["l*face", "l*pulse", "l*v", "face*pulse", "face*v", "pulse*v"])])
def test_pairs(modalities, pairs):
    """Every two modalities, language first."""
    assert [*chfusion.pairs_of(modalities)] == pairs


# Training


def train(corpus, x, settings=SETTINGS, **options):
    return chfusion.train(corpus, x, settings, **options)


def test_fits_come_one_after_the_other(small, corpus, x, capsys):
    """Epochs are counted over all of them. A notice says why the validation split is not used."""
    result = train(corpus, x)
    assert [row["fit"] for row in result["history"]] == FITS
    assert [row["epoch"] for row in result["history"]] == [*range(1, 12)]
    assert {*result["history"][0]} == {"epoch", "fit", "loss"}
    assert chfusion.epochs(corpus, SETTINGS) == 11
    said = capsys.readouterr().err
    assert said.startswith("notice: CHFusion trains for 3 epochs per pair and does not stop by the "
                           "validation split: it has ")


def test_steps_of_adam(small, corpus, x, monkeypatch):
    """26 videos are two batches. The rate is 0.001 for a pair and 0.0001 for level 2."""
    rates, adam = [], nn.adam

    def record(state, params, gradients, lr):
        rates.append(lr)
        adam(state, params, gradients, lr)

    monkeypatch.setattr(nn, "adam", record)
    train(corpus, x)
    assert rates == [1e-3] * 2 * 9 + [1e-4] * 2 * 2


def test_projections_are_shared_and_read_out_at_the_end_of_a_fit(small, corpus, x):
    """A pair begins with what the pairs before it left, and keeps what it ended with."""
    after = {}

    def on_checkpoint(state):
        fit = state["fit"]
        projections = {m: p["W"].copy() for m, p in state["params"]["projections"].items()}
        after.setdefault(fit, []).append(projections)

    result = train(corpus, x, on_checkpoint=on_checkpoint)
    ends = {fit: states[-1] for fit, states in after.items()}
    for (before, fit), lacks in {("l*a", "l*v"): "a", ("l*v", "a*v"): "l"}.items():
        for m in "alv":
            same = (ends[before][m] == ends[fit][m]).all()
            assert same == (m == lacks), f"the fit of {fit} moves its own projections"
    assert bits(ends["all"]) == bits(ends["a*v"])
    for fit, p in result["params"]["bimodal"].items():
        m, n = fit.split("*")
        np.testing.assert_array_equal(p["m"]["W"], ends[fit][m])
        np.testing.assert_array_equal(p["n"]["W"], ends[fit][n])


def test_level_2_is_fitted_to_fixed_outputs(small, corpus, x, monkeypatch):
    """It reads what the final parameters of the pairs give, and does not change them."""
    read, of_pairs, train_epoch = [], [], chfusion.train_epoch

    def record(state, inputs, *others):
        if state["fit"] == "all":
            read.append(inputs)
        return train_epoch(state, inputs, *others)

    monkeypatch.setattr(chfusion, "train_epoch", record)
    result = train(corpus, x, on_checkpoint=lambda state: of_pairs.append(
        bits(state["params"]["bimodal"])))
    F = chfusion.level_1(result["params"]["bimodal"], x, corpus.starts, SETTINGS)
    assert len(read) == 2
    for inputs in read:
        np.testing.assert_array_equal(inputs, F)
    assert of_pairs[-3] == of_pairs[-1]


@pytest.mark.parametrize("stops", range(1, 11))
def test_resumed_training_gives_the_same_bits(stops, small, corpus, x):
    """From the checkpoint of every epoch, the last one of a fit too."""
    class StopError(Exception):
        pass

    kept = []

    def keep(state):
        kept.append(nn.map_leaves(np.copy, {name: state[name] for name in (
            "params", "projections", "optimiser")}) | {
                name: state[name] for name in ("fit", "generator")} | {
                    "history": [*state["history"]]})
        if len(kept) == stops:
            raise StopError

    with pytest.raises(StopError):
        train(corpus, x, on_checkpoint=keep)
    whole, resumed = train(corpus, x), train(corpus, x, resume=kept[-1])
    assert bits(resumed["params"]) == bits(whole["params"])
    assert resumed["probabilities"].tobytes() == whole["probabilities"].tobytes()
    assert resumed["history"] == whole["history"]


@pytest.mark.parametrize("modalities", [("l", "v"), ("a", "face", "l", "v")])
@pytest.mark.parametrize("trust", [True, False])
def test_a_model_continues_from_the_file_of_its_checkpoint(
        trust, modalities, small, corpus, tmp_path, monkeypatch):
    """Of two or four modalities."""
    reason = None if trust else "it is too small"
    monkeypatch.setattr(chfusion, "reason_for_distrust", lambda corpus: reason)
    rng, rows = np.random.default_rng(5), len(corpus.ids)
    corpus = replace(corpus, features={m: rng.standard_normal((rows, 3)) for m in modalities})
    settings = Settings(dataset="test", modalities=",".join(modalities), model="chfusion", d=d,
                        ucln_epochs=1)

    def fit(on_history=None, checkpoint=None):
        return Estimator().fit_with(settings, corpus, None, on_history, checkpoint)

    def stop(history):
        if len(history) == 5:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(stop, path)
    resumed, whole = fit(None, path), fit()
    assert [row["epoch"] for row in resumed.history] == [*range(1, len(whole.history) + 1)]
    assert bits(resumed.params) == bits(whole.params)
    np.testing.assert_array_equal(resumed.predict_proba(corpus), whole.predict_proba(corpus))


@pytest.mark.parametrize(("path", "message"), [
    (("fit",), "not a whole checkpoint: fit is None"),
    (("params", "trimodal", "fuse", "k"), "not a whole checkpoint: params/trimodal/fuse/k is mi"),
    (("projections", "l*a", "m", "W"), "not a whole checkpoint: projections/l.a/m/W is missing"),
    (("optimiser", "m", "gru", "U"), "not a whole checkpoint: optimiser/m/gru/U is missing")])
def test_a_broken_checkpoint_is_refused(path, message, small, corpus, x):
    kept = []
    train(corpus, x, on_checkpoint=lambda state: kept.append(nn.build(
        [*nn.leaves(state)])) if not kept else None)
    broken = nn.build([(keys, leaf) for keys, leaf in nn.leaves(kept[0]) if keys != path])
    with pytest.raises(ModelError, match=message):
        train(corpus, x, resume=broken)


@pytest.mark.usefixtures("small", "trusted")
class TestStopping:
    def test_validation_loss_is_that_of_the_parameters(self, corpus, x):
        """The mean over the validation utterances, without dropout; of each fit."""
        losses = []

        def on_checkpoint(state):
            p = with_projections(state["params"])
            rows = corpus.utterances("validation")
            if state["fit"] == "all":
                p["bimodal"] = chfusion.fitted_pairs(state)
                P = chfusion.predict_proba(p, corpus, x, SETTINGS)
            else:
                p = p["bimodal"][state["fit"]]
                inputs = chfusion.inputs_of(state, x, corpus.starts, SETTINGS)
                F = chfusion.apply(chfusion.bimodal_features, p, inputs, corpus.starts,
                                   np.arange(40))
                P = np.array([softmax(dense(p["label"], f)) for f in F.tolist()])
            losses.append(-np.log(P[rows, corpus.labels[rows]]).mean())

        history = train(corpus, x, on_checkpoint=on_checkpoint)["history"]
        np.testing.assert_allclose([row["validation_loss"] for row in history], losses, rtol=1e-10)

    def test_a_pair_stops_once_its_loss_has_not_fallen_for_some_epochs(
            self, corpus, x, monkeypatch):
        """Each pair for itself; level 2 never stops early. The last parameters are kept."""
        scripted = iter([5, 4, 6, 4, 7, 3, 3, 9, 9, 8, 7, 6, 5, 4, 3, 1, 2, 3, 4, 5, 6])
        monkeypatch.setattr(chfusion, "validation_loss", lambda *_: next(scripted))
        monkeypatch.setattr(epoch_loop, "PATIENCE", 3)
        monkeypatch.setattr(chfusion, "BIMODAL_EPOCHS", 6)
        monkeypatch.setattr(chfusion, "TRIMODAL_EPOCHS", 5)
        ends = {}
        result = train(corpus, x, on_checkpoint=lambda state: ends.update(
            {state["fit"]: bits(state["params"])}))
        fits = [row["fit"] for row in result["history"]]
        assert fits == ["l*a"] * 5 + ["l*v"] * 4 + ["a*v"] * 6 + ["all"] * 5
        gru = nn.leaves(result["params"]["bimodal"]["l*a"]["gru"])
        for path, leaf in gru:
            assert leaf.tobytes() == ends["l*a"]["bimodal", "l*a", "gru", *path]

    def test_validation_utterances_of_no_fit_are_trained_on(self, corpus, x):
        rows = corpus.utterances("validation")
        labels, changed = corpus.labels.copy(), x.copy()
        labels[rows] = (labels[rows] + 1) % N
        changed[:, rows] += 1
        one, other = train(corpus, x), train(replace(corpus, labels=labels), changed)
        assert bits(one["params"]) == bits(other["params"])


def test_a_loss_that_is_not_finite_ends_the_training(small, corpus, x):
    x[:, corpus.starts[3]] = np.nan
    with pytest.raises(NotFiniteError, match=r"^epoch 1, fit l\*a: loss is nan$"):
        train(corpus, x)

"""The estimators: any modalities and classes, new videos, explanations, and the file of a model."""

import inspect
import json
import re
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from helpers import bits

import argf_np
from argf_np import data
from argf_np.baselines import MODELS, chfusion
from argf_np.data import Corpus, DataError
from argf_np.errors import ModelError, SettingError
from argf_np.estimator import ARGF, Estimator
from argf_np.paper import ucln
from argf_np.paper.model import forward
from argf_np.settings import Settings, settings_for
from argf_np.storage import archive

TINY = {"d": 4, "k": 3, "epochs": 2, "ucln_epochs": 1, "batch_size": 4}
OWN = {"speech": 5, "pulse": 2, "posture.x": 3, "text": 6}
VERSION_1 = Path(__file__).parent / "files" / "model_of_version_0.1.npz"


def make(widths, classes=("calm", "tense"), lengths=(3, 1, 4, 2, 5, 3, 2), splits=(4, 1, 2), seed=0,
         **changes):
    """A corpus.

    Arguments
        - widths: ``{modality: width of its features}``.
        - lengths: number of utterances of each video.
        - splits: numbers of videos for training, validation and test.
        - changes: other fields of `Corpus`.
    """
    rng, n = np.random.default_rng(seed), sum(lengths)
    names = tuple(f"video{i}" for i in range(len(lengths)))
    ids = tuple(f"{names[i]}_{u}" for i in range(len(lengths)) for u in range(lengths[i]))
    labels = np.arange(n) % len(classes) if classes else np.full(n, -1)
    train, validation, test = np.split(np.arange(len(lengths)), np.cumsum(splits)[:2])
    content = {
        "name": "mine",
        "source": "real",
        "classes": classes,
        "video_ids": names,
        "ids": ids,
        "words": ids,
        "starts": np.concatenate([[0], np.cumsum(lengths)]),
        "labels": labels,
        "features": {m: rng.normal(size=(n, width)) + labels[:, None]
                     for m, width in widths.items()},
        "split": {"train": train, "validation": validation, "test": test},
    }
    return Corpus(**content | changes)


def own(number, **changes):
    """A corpus of the first modalities of `OWN`."""
    return make(dict([*OWN.items()][:number]), **changes)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A model of three modalities and three classes, and its corpus."""
    corpus = own(3, classes=("calm", "glad", "tense"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return ARGF(**TINY, seed=5).fit(corpus), corpus


def test_classes_that_are_whole_numbers_are_predicted_as_numbers(tmp_path):
    corpus = own(2, classes=("3", "7"), integer_classes=True)
    model = ARGF(**TINY).fit(corpus)
    model.save(tmp_path / "model.npz")
    for one in (model, ARGF.load(tmp_path / "model.npz")):
        assert one.predict(corpus).dtype == int
        assert {*one.predict(corpus)} <= {3, 7}


def test_fit_needs_no_stderr(monkeypatch):
    """As where a program has no console."""
    monkeypatch.setattr("sys.stderr", None)
    ARGF(**TINY).fit(own(2))


# Parameters


def test_signature_of_argf_is_the_settings():
    """Each is None where the data or the protocol decides, else the default of `Settings`."""
    by_data = {"dataset", "modalities", "target", "epochs", "batch_size", "lr", "weight_decay",
               "drop_rate", "k", "lambda_", "d", "ucln_epochs", "ucln_input_drop_rate",
               "ucln_drop_rate", "ucln_patience"}
    expected = {field.name: None if field.name in by_data else field.default
                for field in fields(Settings) if field.name != "model"}
    parameters = inspect.signature(ARGF).parameters.values()
    assert {p.name: p.default for p in parameters} == expected
    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert ARGF().get_params() == expected


@pytest.mark.parametrize("kind", [ARGF, Estimator])
def test_epochs_are_those_of_the_protocol_unless_they_are_given(kind):
    corpus = own(2)
    assert settings_for(corpus, **kind(protocol="released").given).epochs == 500
    assert settings_for(corpus, **kind(protocol="released", epochs=3).given).epochs == 3
    assert settings_for(corpus, **kind().given).epochs == 20


def test_parameters_are_set_and_shown():
    model = ARGF(target="v", seed=np.int64(3), lr=None)
    assert repr(model) == "ARGF(target='v', seed=3)"
    assert ARGF(lr=1).set_params(lr=None).get_params()["lr"] is None
    assert model.set_params(lr=1, seed=0) is model
    assert repr(model) == "ARGF(target='v', lr=1.0)"
    params = model.get_params()
    assert (params["target"], params["seed"], params["lr"]) == ("v", 0, 1.0)
    assert params["k"] is params["modalities"] is None, "taken from the data"
    assert ARGF(**params).get_params() == params
    assert "model" not in params, "a baseline is no ARGF"
    assert Estimator(model="tfn").get_params()["model"] == "tfn"


@pytest.mark.parametrize(("parameters", "message"), [
    ({"lr": -1}, "lr -1: expected a number above 0"),
    ({"lr": "0.1"}, "lr '0.1': expected a number above 0"),
    ({"k": 2.5}, "k 2.5: expected a whole number from 1"),
    ({"drop_rate": 1}, "drop_rate 1: expected a number from 0 to below 1"),
    ({"variant": "best"}, "variant best: expected one of paper, released"),
    ({"target": 1}, "target 1: expected a modality"),
    ({"modalities": "a,a"}, "modalities a,a: expected two"),
    ({"modalities": "a, a"}, "modalities a, a: expected two"),
    ({"modalities": "a, "}, "modalities a, : expected two"),
])
def test_wrong_parameters_are_refused_at_once(parameters, message):
    """The message names the parameter, and no flag of a command."""
    for call in (lambda: ARGF(**parameters), lambda: ARGF().set_params(**parameters)):
        with pytest.raises(SettingError, match="^" + re.escape(message)):
            call()


@pytest.mark.parametrize("name", ["colour", "model"])
def test_unknown_parameters_are_refused(name):
    expected = f"^ARGF has no parameter {name}, expected some of dataset, modalities, target, "
    with pytest.raises(SettingError, match=expected):
        ARGF().set_params(**{name: "tfn"})
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        ARGF(**{name: "tfn"})


@pytest.mark.parametrize("call", [
    lambda model, corpus: model.predict(corpus),
    lambda model, corpus: model.predict_proba(corpus),
    lambda model, corpus: model.score(corpus),
    lambda model, corpus: model.explain(corpus),
    lambda model, corpus: model.save("nowhere.npz"),
])
def test_says_that_it_is_not_fitted(call):
    with pytest.raises(ModelError, match=r"^this ARGF is not fitted yet: call fit, or load$"):
        call(ARGF(), own(2))


@pytest.mark.parametrize("call", [
    lambda model, other: ARGF().fit(other),
    lambda model, other: ARGF().fit(other, np.arange(3)),
    lambda model, other: ARGF().fit(own(2), other),
    lambda model, other: model.predict(other),
    lambda model, other: model.predict_proba(other),
    lambda model, other: model.score(other),
    lambda model, other: model.explain(other),
])
@pytest.mark.parametrize(("other", "kind"), [
    (np.zeros((3, 2)), "ndarray"), ("ok.npz", "str"), (Path("ok.npz"), ".*Path"), ([1], "list")])
def test_what_is_no_corpus_is_refused(call, other, kind, fitted):
    with pytest.raises(DataError) as caught:
        call(fitted[0], other)
    assert re.match(rf"expected a Corpus, found {kind}; data\.read\(path\) reads one", str(
        caught.value))
    assert "\n" not in str(caught.value)


def test_arrays_are_told_why_scikit_learn_would_not_do():
    with pytest.raises(DataError, match="of one video on both sides"):
        ARGF().fit(np.zeros((6, 2)), np.arange(6) % 2)


@pytest.mark.parametrize("validate", [
    lambda selection, X, y: selection.cross_val_score(ARGF(), X, y, error_score="raise"),
    lambda selection, X, y: selection.GridSearchCV(ARGF(), {"k": [3]}, error_score="raise").fit(
        X, y),
], ids=["cross_val_score", "GridSearchCV"])
def test_cross_validation_by_scikit_learn_is_refused(validate):
    selection = pytest.importorskip("sklearn.model_selection",
                                    reason="needs scikit-learn (extra 'test')")
    with pytest.raises(DataError, match="of one video on both sides"):
        validate(selection, np.zeros((30, 2)), np.arange(30) % 2)


@pytest.mark.parametrize("split", ["valid", "", None, 3, ["test"], np.array([0, 1, 1]),
                                   np.eye(2)], ids=str)
def test_what_is_no_split_is_refused(split, fitted):
    model, corpus = fitted
    with pytest.raises(DataError) as caught:
        model.score(corpus, split)
    assert re.match(r"split .*, expected one of train, validation, test$", str(caught.value))


# Any modalities, classes and lengths


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize(("widths", "classes"), [
    (dict([*OWN.items()][:2]), ("calm", "tense")),
    ({"v": 3, "a": 7, "l": 2}, ("0", "1", "2", "3", "4")),
    (OWN, ("b", "a", "c")),
], ids=["two", "three", "four"])
def test_any_modalities_and_classes(widths, classes, variant):
    corpus = make(widths, classes)
    model = ARGF(**TINY, variant=variant).fit(corpus)
    assert model.settings.modalities == ",".join(widths)
    assert model.settings.target == ("l" if "l" in widths else "speech")

    P = model.predict_proba(corpus)
    assert P.shape == (len(corpus.ids), len(classes))
    assert model.classes == classes
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=0, atol=1e-5)
    assert model.predict(corpus).tolist() == [classes[i] for i in P.argmax(axis=1)]

    test = corpus.utterances("test")
    np.testing.assert_allclose(P[test], model.trained["probabilities"], rtol=0, atol=1e-5)
    assert model.score(corpus) == np.mean(P[test].argmax(axis=1) == corpus.labels[test])
    train = corpus.utterances("train")
    right = [P[i].argmax() == corpus.labels[i] for i in train]
    assert model.score(corpus, "train") == np.mean(right)


@pytest.mark.parametrize("corpus", [
    own(2, lengths=(2,), splits=(1, 0, 0)),
    own(2, lengths=(200, 1, 1), splits=(1, 1, 1)),
    own(2, lengths=(5, 4, 1), splits=(2, 1, 0),
        features={m: np.ones((10, 2)) for m in ("x", "y")}),
    own(2, lengths=(1, 1, 1), splits=(2, 0, 1)),
], ids=["one video", "long and short", "equal features", "no validation"])
def test_any_lengths(corpus):
    """Some have a last batch of one, or validation that lacks a class or does not exist."""
    model = ARGF(**TINY).fit(corpus)
    assert np.isfinite(model.predict_proba(corpus)).all()
    has_validation = len(corpus.split["validation"]) > 0
    assert ("validation_accuracy" in model.history[0]) == has_validation


@pytest.mark.parametrize("text", ["text,pulse", "text, pulse", " text ,pulse "])
def test_takes_the_modalities_that_are_asked_for(text):
    corpus = own(4)
    model = ARGF(**TINY, modalities=text).fit(corpus)
    assert model.settings.modalities == "pulse,text", "in the order of the data"
    assert model.settings.target == "pulse"
    alone = replace(corpus, features={m: corpus.features[m] for m in ("pulse", "text")})
    assert bits(ARGF(**TINY).fit(alone).params) == bits(model.params)


@pytest.mark.parametrize(("parameters", "message"), [
    ({"modalities": "text,smell"}, "modalities text,smell: expected some of speech, pulse, "
                                   "posture.x, text, not smell"),
    ({"modalities": "text,pulse", "target": "l"}, "target l: expected one of pulse, text"),
])
def test_modalities_that_the_data_does_not_have_are_refused(parameters, message):
    with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
        ARGF(**TINY, **parameters).fit(own(4))


def test_defaults_are_the_preset_of_the_data_set():
    corpus = replace(make({"a": 3, "l": 2, "v": 4}), name="mosei", published="mosei")
    settings = ARGF(epochs=1, ucln_epochs=1, d=4, k=3, lr=1e-3).fit(corpus).settings
    found = settings.dataset, settings.drop_rate, settings.lambda_, settings.lr
    assert found == ("mosei", 0.2, 0.1, 1e-3)


@pytest.mark.parametrize(("corpus", "parameters", "message"), [
    (own(2, classes=()), {}, "nothing is labelled"),
    (own(2, splits=(0, 3, 4)), {}, "no video is in the split train"),
    (own(2, splits=(5, 0, 2)), {"protocol": "validation"}, "no video is in the split validation"),
    (own(2, splits=(5, 0, 2)), {"protocol": "released"}, "no video is in the split validation"),
    (own(2, splits=(5, 2, 0)), {"protocol": "released"}, "no video is in the split test"),
    (own(2, splits=(5, 2, 0)), {"protocol": "best_test"}, "no video is in the split test"),
    (own(2, contextual=True), {}, "expected one width for all modalities, found speech 5, pulse 2"),
])
def test_what_cannot_be_trained_on_is_refused(corpus, parameters, message):
    with pytest.raises(DataError, match=message):
        ARGF(**TINY, **parameters).fit(corpus)


def test_two_corpora_are_one_with_splits():
    """The classes of the second may be fewer and in another order."""
    corpus = own(2, classes=("calm", "glad", "tense"), lengths=(3, 1, 4, 2, 2), splits=(4, 1, 0))
    train, valid = data.pieces_of(corpus, 10)
    assert (len(train.ids), len(valid.ids)) == (10, 2)
    labels = np.array([1, 0, 2])[valid.labels]
    valid = replace(valid, classes=("glad", "calm", "tense"), labels=labels)
    names = [valid.classes[i] for i in valid.labels]
    assert names == [corpus.classes[i] for i in corpus.labels[-2:]]

    model = ARGF(**TINY, protocol="validation").fit(corpus)
    other = ARGF(**TINY, protocol="validation").fit(train, valid)
    assert bits(model.params) == bits(other.params)
    assert model.history == other.history

    unknown = replace(valid, classes=("glad", "angry", "tense"))
    with pytest.raises(DataError, match="label angry, expected one of calm, glad, tense"):
        ARGF(**TINY).fit(train, unknown)
    with pytest.raises(DataError, match=r"features of widths .*, expected those of"):
        ARGF(**TINY).fit(train, own(3))


# New videos


def test_new_videos_are_standardised_as_in_training(fitted):
    """Compared with the steps one by one. A missing modality is at its training mean."""
    model, corpus = fitted
    new = own(3, seed=1, classes=())
    new.features["pulse"][4] = np.nan
    train = corpus.utterances("train")
    at_mean, x = {}, []
    for m, values in new.features.items():
        seen = corpus.features[m][train]
        mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        at_mean[m] = np.where(np.isnan(values), mean, values)
        standardised = (at_mean[m] - mean) / deviation
        x.append(ucln.apply_ucln(model.uclns[m], standardised, new.starts, model.settings)[0])
    P = model.predict_proba(new)
    filled = model.predict_proba(replace(new, features=at_mean))
    np.testing.assert_allclose(P, filled, rtol=0, atol=1e-6)
    np.testing.assert_allclose(P, forward(model.params, np.stack(x))["M"], rtol=0, atol=1e-6)


def test_pieces_are_whole_videos_and_give_the_same(fitted, monkeypatch):
    model, corpus = fitted
    whole, explained = model.predict_proba(corpus), model.explain(corpus)
    pieces = [*data.pieces_of(corpus, 5)]
    assert [len(piece.ids) for piece in pieces] == [4, 4, 2, 5, 5]
    assert sum((piece.ids for piece in pieces), ()) == corpus.ids

    monkeypatch.setattr(data.pieces_of, "__defaults__", (5,))
    np.testing.assert_allclose(model.predict_proba(corpus), whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.explain(corpus)["vertices"]["pulse"],
                               explained["vertices"]["pulse"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("videos", "message"), [
    (own(2), r"mine: expected modality posture\.x of width 3, found none"),
    (make(OWN | {"pulse": 9}), "mine: expected modality pulse of width 2, found 9"),
    (own(3, contextual=True), "mine: expected raw features, found outputs of a UCLN"),
])
def test_unsuitable_videos_are_refused(videos, message, fitted):
    with pytest.raises(DataError, match=message):
        fitted[0].predict(videos)


def test_score_matches_the_names_of_the_classes(fitted):
    model, corpus = fitted
    renamed = replace(corpus, classes=("tense", "calm", "glad"), labels=(corpus.labels + 1) % 3)
    assert model.score(renamed) == model.score(corpus)
    with pytest.raises(DataError, match="label angry, expected one of calm, glad, tense"):
        model.score(replace(corpus, classes=("angry", "glad", "tense")))
    with pytest.raises(DataError, match="nothing is labelled"):
        model.score(replace(corpus, classes=(), labels=np.full(20, -1)))
    with pytest.raises(DataError, match="no video is in the split validation"):
        model.score(own(3, splits=(4, 0, 3)), "validation")


def test_features_of_a_ucln_are_taken_as_they_are(tmp_path):
    corpus = make({"a": 4, "l": 4, "v": 4}, contextual=True)
    model = ARGF(**TINY).fit(corpus)
    assert model.uclns == {}
    x = np.stack([*corpus.features.values()]).astype("float32")
    P = model.predict_proba(corpus)
    np.testing.assert_allclose(P, forward(model.params, x)["M"], rtol=0, atol=1e-6)
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(ARGF.load(tmp_path).predict_proba(corpus), P)


def test_features_of_a_ucln_may_come_in_another_order():
    corpus = make({"a": 4, "l": 4, "v": 4}, contextual=True)
    model = ARGF(**TINY).fit(corpus)
    other = replace(corpus, features={m: corpus.features[m] for m in "vla"})
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(corpus))


def test_memory_does_not_grow_with_memory_mapped_features(tmp_path, monkeypatch):
    """Two files of 64 MB, which take no space on the disk. Less than half of that is in memory."""
    n, T, width = 20_000, 50, 800
    splits = ("train", "validation", "test")
    with open(tmp_path / "utterances.csv", "w", encoding="utf-8") as file:
        file.write("video,order,split,label\n")
        for i in range(n):
            file.write(f"v{i // T},{i % T},{splits[i // T % 3]},{'yn'[i % 2]}\n")
    for m in ("speech", "pulse"):
        path = tmp_path / f"{m}.npy"
        np.lib.format.open_memmap(path, "w+", "float32", (n, width)).flush()
    monkeypatch.setattr(ucln, "HIDDEN", 4)
    tracemalloc.start()
    try:
        corpus = data.read(tmp_path)
        model = ARGF(**TINY | {"batch_size": 1000, "epochs": 1}, ucln_patience=0).fit(corpus)
        assert model.predict_proba(corpus).shape == (n, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64e6


# Explanations


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_explains_vertices_and_edges_by_name(variant):
    """Compared with Eq. 13 and 14, one vertex and utterance at a time."""
    corpus = own(4)
    model = ARGF(**TINY, variant=variant, modalities="speech,pulse,text").fit(corpus)
    explained = model.explain(corpus)
    vertices, edges = explained["vertices"], explained["edges"]
    names = [*vertices]
    one, two, three = names[:3], names[3:6], names[6:]
    assert one == ["speech", "pulse", "text"]
    assert two == ["speech*pulse", "text*pulse", "speech*text"]  # as al, vl, av
    assert len(three) == 6
    assert [*edges] == [*two, *three]
    assert [*edges["speech*pulse+text"]] == ["speech*pulse", "text"]

    for layer in (two, three):
        total_weight = sum(vertices[name] for name in layer)
        np.testing.assert_allclose(total_weight, 1, rtol=0, atol=1e-5)
        for i in range(len(corpus.ids)):
            scores = {name: sum(edge[i] for edge in edges[name].values()) for name in layer}
            total = sum(np.exp(score) for score in scores.values())
            for name in layer:
                assert vertices[name][i] == pytest.approx(np.exp(scores[name]) / total, rel=1e-4)

    [(_, x)] = model._context(corpus)
    out = forward(model.params, x, variant)
    expected = out["alpha_m"][1] / (out["S_2"][0] + 0.5)
    np.testing.assert_allclose(edges["speech*pulse"]["pulse"], expected[:, 0], rtol=1e-6)


def test_explains_a_graph_of_two():
    corpus = own(2)
    explained = ARGF(**TINY).fit(corpus).explain(corpus)
    assert [*explained["vertices"]] == ["speech", "pulse", "speech*pulse"]
    assert [*explained["edges"]] == ["speech*pulse"]
    assert [*explained["edges"]["speech*pulse"]] == ["speech", "pulse"]


@pytest.mark.parametrize(("kind", "parameters", "message"), [
    (ARGF, {"fusion": "tensor"}, "model argf with fusion tensor has no graph to explain"),
    (Estimator, {"model": "lmf"}, "model lmf with fusion gfn has no graph to explain"),
])
def test_without_a_graph_there_is_nothing_to_explain(kind, parameters, message):
    corpus = own(2)
    with pytest.raises(ModelError, match=message):
        kind(**TINY, **parameters).fit(corpus).explain(corpus)


# The file


def test_saved_model_is_the_same_model(fitted, tmp_path):
    model, corpus = fitted
    model.save(tmp_path / "one.npz")
    loaded = argf_np.load(tmp_path / "one.npz")
    assert type(loaded) is ARGF
    assert repr(loaded) == repr(model)
    for name in ("settings", "classes", "history", "epoch", "data"):
        assert getattr(loaded, name) == getattr(model, name)
    assert loaded.get_params() == model.get_params()
    assert loaded.predict_proba(corpus).tobytes() == model.predict_proba(corpus).tobytes()
    loaded.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} == {"f", "U"}


@pytest.mark.parametrize("settings", [
    {"fusion": "low_rank"}, {"without": "adversarial"}, {"without": "embedding"}, {"learn_w": True},
    {"variant": "released", "protocol": "released"}, {"protocol": "best_test"},
    {"dtype": "float64"}, *({"model": model} for model in MODELS),
], ids=str)
def test_every_kind_of_model_is_saved(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(chfusion, "BIMODAL_EPOCHS", 2)
    monkeypatch.setattr(chfusion, "TRIMODAL_EPOCHS", 2)
    corpus = own(2)
    model = Estimator(**TINY, **settings).fit(corpus)
    model.save(tmp_path / "model.npz")
    loaded = argf_np.load(tmp_path)
    assert isinstance(loaded, ARGF) == (settings.get("model", "argf") == "argf")
    np.testing.assert_array_equal(loaded.predict_proba(corpus), model.predict_proba(corpus))


def test_a_baseline_is_not_loaded_as_argf(tmp_path):
    Estimator(**TINY, model="logistic").fit(own(2)).save(tmp_path / "model.npz")
    with pytest.raises(ModelError, match=r"model\.npz: holds the model logistic, expected ARGF$"):
        ARGF.load(tmp_path / "model.npz")


@pytest.fixture
def saved(fitted, tmp_path):
    fitted[0].save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def refusal(path):
    """The one line of the error that loading this file gives, without the path."""
    with pytest.raises(ModelError) as caught:
        ARGF.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_truncated_file_is_refused(saved, rng):
    whole = saved.read_bytes()
    for length in [0, 1, 100, *rng.integers(len(whole), size=20), len(whole) - 1]:
        saved.write_bytes(whole[:length])
        expected = "expected a model of argf_np, found a truncated or another file ("
        assert refusal(saved).startswith(expected)


def test_a_file_of_version_0_1_is_refused():
    """Written by argf_np 0.1.0: two modalities of one feature each, fused by weighted average."""
    assert refusal(VERSION_1) == ("was written by argf_np 0.1, which this version cannot read; "
                                  "train again, or use argf_np 0.1")


def rewrite(path, header=None, arrays=None):
    """Change the JSON or the arrays of an archive in place, by functions of a dict."""
    with np.load(path) as file:
        content = dict(file)
    found = json.loads(str(content["header"]))
    if header:
        header(found)
    if arrays:
        arrays(content)
    np.savez(path, **content | {"header": np.array(json.dumps(found))})


def settings_of(header):
    return header["values"]["settings"]


@pytest.mark.parametrize(("change", "message"), [
    (lambda h: h.update(version=1), "was written by argf_np 0.1"),
    (lambda h: h.update(version=3), "has format 3, expected 2; it needs a newer argf_np"),
    (lambda h: h.update(argf_np="checkpoint"), "expected a model of argf_np, found a checkpoint"),
    (lambda h: h["values"].pop("classes"), "not a whole model: 'classes' is missing"),
    (lambda h: h["values"].update(classes=["calm", "tense"]),
     r"gives probabilities of shape \(1, 3\) to one utterance, expected \(1, 2\)"),
    (lambda h: h["values"]["widths"].update(pulse=7), "could not be broadcast"),
    (lambda h: settings_of(h).update(lr="x"), "lr 'x': expected a number above 0"),
    (lambda h: settings_of(h).update(model="tfn"), "not a whole model: 'dense_1' is missing"),
    (lambda h: settings_of(h).update(fusion="tensor"), "not a whole model: 'dense_1' is missing"),
    (lambda h: settings_of(h).update(modalities="speech,pulse"),
     "has the modalities speech, pulse, posture.x, expected speech, pulse"),
])
def test_file_whose_header_does_not_fit_is_refused(change, message, saved):
    rewrite(saved, header=change)
    assert re.search(message, refusal(saved))


def put(name, value):
    """A change that gives an array another value."""
    return lambda arrays: arrays.update({f"arrays/{name}": value})


BIAS = "params/fusion/MAN/b"


@pytest.mark.parametrize(("change", "message"), [
    (put(BIAS, np.zeros((1, 2), "float32")), "not a whole model: .* shape"),
    (put(BIAS, np.zeros((5, 1), "float32")), "not a whole model: .* shape"),
    (put("params/decoders/dense_2/W", np.zeros((3, 2, 2), "float32")), "not a whole model: "),
    (put("moments/pulse/mean", np.zeros(3)), "not a whole model: .* shape"),
    (put("uclns/pulse/bilstm/U", np.zeros((2, 2, 2), "float32")), "not a whole model: "),
    (put(BIAS, np.full((1, 1), np.nan, "float32")), f"{BIAS} is not finite"),
    (put("params/decoders/dense_2/W", np.array(np.inf)), "params/decoders/dense_2/W is not finite"),
    (put(BIAS, np.array([["x"]])), "not a whole model: "),
    (lambda arrays: arrays.pop(f"arrays/{BIAS}"), "not a whole model: 'b' is missing"),
])
def test_file_whose_arrays_do_not_fit_is_refused(change, message, saved):
    rewrite(saved, arrays=change)
    assert re.search(message, refusal(saved))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, header=np.array({"argf_np": "model"}, object))  # a pickle
    assert "found a truncated or another file" in refusal(path)
    np.savez_compressed(path, header=np.zeros(10**6))
    assert "it is compressed" in refusal(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", b"no array")
    assert "found a truncated or another file" in refusal(path)
    for header in ({}, {"values": 3}):
        header |= {"argf_np": "model", "version": archive.VERSION}
        np.savez(path, header=np.array(json.dumps(header)))
        assert "found a truncated or another file" in refusal(path)
    archive.write(path, "checkpoint", {"x": np.zeros(3)})
    assert refusal(path) == "expected a model of argf_np, found a checkpoint"
    with pytest.raises(FileNotFoundError):
        ARGF.load(tmp_path / "nowhere.npz")


def test_damaged_file_loads_whole_or_is_refused(saved, rng):
    """Bytes change at random. Only a ModelError comes out, and what loads can predict."""
    whole, corpus = saved.read_bytes(), own(3)
    directory = whole.rindex(b"header.npy") - 4000  # where a change does most
    for number in range(150):
        damaged = bytearray(whole)
        low = directory if number % 2 else 0
        for place in rng.integers(low, len(whole), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        saved.write_bytes(damaged)
        try:
            model = ARGF.load(saved)
        except ModelError:
            continue
        assert model.predict_proba(corpus).shape == (20, 3)


def test_archive_holds_arrays_and_plain_values(tmp_path):
    tree = {"a": {"x": np.arange(6.0).reshape(2, 3), "n": 3, "none": None}, "text": "é",
            "rows": [{"loss": 0.1 + 0.2}], "inf": -np.inf, "big": 2**100}
    archive.write(tmp_path / "tree", "tree", tree)
    found = archive.read(tmp_path / "tree", "tree")
    np.testing.assert_array_equal(found["a"].pop("x"), tree["a"].pop("x"))
    assert found == tree


def test_reads_what_data_reads(tmp_path):
    """From a file of your own to predictions."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", video=["x", "x", "y", "z"], order=[0, 1, 0, 0],
             label=["calm", "tense", "calm", "tense"],
             split=["train", "train", "validation", "test"],
             speech=rng.normal(size=(4, 7)), pulse=rng.normal(size=(4, 3)))
    corpus = data.read(tmp_path / "mine.npz")
    assert set(ARGF(**TINY).fit(corpus).predict(corpus)) <= {"calm", "tense"}
    assert settings_for(corpus).target == "pulse", "the first by alphabet, without language"

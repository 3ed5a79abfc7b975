"""The estimator ARGF: any modalities and classes, new videos, what it explains, and the file that it is kept in."""

import io
import json
import re
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from argf_np import data, estimator, nn
from argf_np.data import Corpus, DataError
from argf_np.errors import ModelError, SettingError
from argf_np.estimator import ARGF
from argf_np.paper import ucln
from argf_np.paper.model import forward
from argf_np.storage import archive

TINY = {"d": 4, "k": 3, "epochs": 2, "ucln_epochs": 1, "batch_size": 4}
OWN = {"speech": 5, "pulse": 2, "posture.x": 3, "text": 6}


def make(widths, classes=("calm", "tense"), lengths=(3, 1, 4, 2, 5, 3, 2), splits=(4, 1, 2), seed=0, **changes):
    """A corpus: lengths of its videos; how many of them are for training, validation and test."""
    rng, n, ends = np.random.default_rng(seed), sum(lengths), np.cumsum(splits)
    names = tuple(f"video{i}" for i in range(len(lengths)))
    ids = tuple(f"{name}_{u}" for name, length in zip(names, lengths, strict=True) for u in range(length))
    labels = np.arange(n) % len(classes) if classes else np.full(n, -1)
    content = {
        "name": "mine", "source": "real", "classes": classes, "video_ids": names, "ids": ids, "words": ids,
        "starts": np.concatenate([[0], np.cumsum(lengths)]), "labels": labels,
        "features": {m: rng.normal(size=(n, width)) + labels[:, None] for m, width in widths.items()},
        "split": dict(zip(("train", "validation", "test"), np.split(np.arange(len(lengths)), ends[:2]), strict=True))}
    return Corpus(**content | changes)


def own(number, **changes):
    return make(dict([*OWN.items()][:number]), **changes)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A model of three modalities of our own and three classes, and its corpus."""
    corpus = own(3, classes=("calm", "glad", "tense"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return ARGF(**TINY, seed=5).fit(corpus), corpus


def bits(tree):
    return {keys: (leaf.dtype, leaf.tobytes()) for keys, leaf in nn.leaves(tree)}


# Parameters


def test_parameters_are_set_and_shown():
    model = ARGF(target="v", seed=np.int64(3), lr=None)
    assert repr(model) == "ARGF(target='v', seed=3)"
    assert model.set_params(lr=1, seed=0) is model
    assert repr(model) == "ARGF(target='v', lr=1.0)"
    params = model.get_params()
    assert (params["target"], params["seed"], params["lr"], params["variant"]) == ("v", 0, 1.0, "paper")
    assert params["k"] is params["modalities"] is None, "up to the data"
    assert ARGF(**params).get_params() == params
    assert "model" not in params, "a baseline is no ARGF"


@pytest.mark.parametrize(("parameters", "message"), [
    ({"lr": -1}, "--lr -1: expected a number above 0"), ({"lr": "0.1"}, "--lr 0.1: expected a number above 0"),
    ({"k": 2.5}, "--k 2.5: expected a whole number from 1"), ({"variant": "best"}, "expected one of paper, released"),
    ({"target": 1}, "--target 1: expected a modality"), ({"modalities": "a,a"}, "--modalities a,a: expected two")])
def test_wrong_parameters_are_refused_at_once(parameters, message):
    with pytest.raises(SettingError, match=re.escape(message)):
        ARGF(**parameters)
    with pytest.raises(SettingError, match=re.escape(message)):
        ARGF().set_params(**parameters)


@pytest.mark.parametrize("name", ["colour", "model"])
def test_unknown_parameters_are_refused(name):
    with pytest.raises(SettingError, match=f"ARGF has no parameter {name}, expected some of dataset, modalities, "):
        ARGF().set_params(**{name: "tfn"})
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        ARGF(**{name: "tfn"})


@pytest.mark.parametrize("call", [
    lambda model, corpus: model.predict(corpus), lambda model, corpus: model.predict_proba(corpus),
    lambda model, corpus: model.score(corpus), lambda model, corpus: model.explain(corpus),
    lambda model, corpus: model.save("nowhere.npz")])
def test_says_that_it_is_not_fitted(call):
    with pytest.raises(ModelError, match=r"not fitted yet: call fit, or load"):
        call(ARGF(), own(2))


# Any modalities, classes and lengths


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize(("widths", "classes"), [
    (dict([*OWN.items()][:2]), ("calm", "tense")), ({"v": 3, "a": 7, "l": 2}, ("0", "1", "2", "3", "4")),
    (OWN, ("b", "a", "c"))], ids=["two", "three", "four"])
def test_any_modalities_and_classes(widths, classes, variant):
    corpus = make(widths, classes)
    model = ARGF(**TINY, variant=variant).fit(corpus)
    modalities = [*widths]
    assert model.settings.modalities == ",".join(modalities)
    assert model.settings.target == ("l" if "l" in widths else "speech")
    P, n = model.predict_proba(corpus), len(corpus.ids)
    assert (P.shape, model.classes) == ((n, len(classes)), classes)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=0, atol=1e-5)
    assert model.predict(corpus).tolist() == [classes[i] for i in P.argmax(axis=1)]
    rows = corpus.utterances("test")
    np.testing.assert_allclose(P[rows], model.trained["probabilities"], rtol=0, atol=1e-5)
    assert model.score(corpus) == np.mean(P[rows].argmax(axis=1) == corpus.labels[rows])
    assert model.score(corpus, "train") == np.mean([
        P[i].argmax() == corpus.labels[i] for i in corpus.utterances("train")])


@pytest.mark.parametrize("corpus", [
    own(2, lengths=(2,), splits=(1, 0, 0)), own(2, lengths=(200, 1, 1), splits=(1, 1, 1)),
    own(2, lengths=(5, 4, 1), splits=(2, 1, 0), features={m: np.ones((10, 2)) for m in ("x", "y")}),
    own(2, lengths=(1, 1, 1), splits=(2, 0, 1))],
    ids=["one video", "long and short", "equal features", "no validation"])
def test_any_lengths(corpus):
    """Among them batches of one at the end of an epoch, and validation that lacks a class or is not there."""
    model = ARGF(**TINY).fit(corpus)
    assert np.isfinite(model.predict_proba(corpus)).all()
    assert ("validation_accuracy" in model.history[0]) == (len(corpus.split["validation"]) > 0)


def test_takes_those_of_the_modalities_that_are_asked_for():
    corpus = own(4)
    model = ARGF(**TINY, modalities="text,pulse").fit(corpus)
    assert (model.settings.modalities, model.settings.target) == ("pulse,text", "pulse"), "in the order of the data"
    alone = replace(corpus, features={m: corpus.features[m] for m in ("pulse", "text")})
    assert bits(ARGF(**TINY).fit(alone).params) == bits(model.params)
    with pytest.raises(SettingError, match=r"--modalities text,smell: expected some of speech, pulse, .*, not smell"):
        ARGF(**TINY, modalities="text,smell").fit(corpus)
    with pytest.raises(SettingError, match="--target l: expected one of pulse, text"):
        ARGF(**TINY, modalities="text,pulse", target="l").fit(corpus)


def test_defaults_are_the_preset_of_the_data_set():
    corpus = make({"a": 3, "l": 2, "v": 4}, name="mosei")
    settings = ARGF(epochs=1, ucln_epochs=1, d=4, k=3, lr=1e-3).fit(corpus).settings
    assert (settings.dataset, settings.drop_rate, settings.lambda_, settings.lr) == ("mosei", 0.2, 0.1, 1e-3)


@pytest.mark.parametrize(("corpus", "parameters", "message"), [
    (own(2, classes=()), {}, "nothing is labelled"),
    (own(2, splits=(0, 3, 4)), {}, "no video is in the split train"),
    (own(2, splits=(5, 0, 2)), {"protocol": "validation"}, "no video is in the split validation"),
    (own(2, splits=(5, 2, 0)), {"protocol": "released"}, "no video is in the split test"),
    (own(2, contextual=True), {}, "expected one width for all modalities, found speech 5, pulse 2")])
def test_what_cannot_be_trained_on_is_refused(corpus, parameters, message):
    with pytest.raises(DataError, match=message):
        ARGF(**TINY, **parameters).fit(corpus)


def test_two_corpora_are_one_with_splits():
    """The classes of the second may be fewer and in another order."""
    corpus = own(2, classes=("calm", "glad", "tense"), lengths=(3, 1, 4, 2, 2), splits=(4, 1, 0))
    train, valid = estimator.pieces_of(corpus, 10)
    assert (len(train.ids), len(valid.ids)) == (10, 2)
    valid = replace(valid, classes=("glad", "calm", "tense"), labels=np.array([1, 0, 2])[valid.labels])
    assert [valid.classes[i] for i in valid.labels] == [corpus.classes[i] for i in corpus.labels[-2:]]
    one, two = ARGF(**TINY, protocol="validation").fit(corpus), ARGF(**TINY, protocol="validation").fit(train, valid)
    assert bits(one.params) == bits(two.params)
    assert one.history == two.history
    with pytest.raises(DataError, match="label angry, expected one of calm, glad, tense"):
        ARGF(**TINY).fit(train, replace(valid, classes=("glad", "angry", "tense")))
    with pytest.raises(DataError, match=r"features of widths .*, expected those of"):
        ARGF(**TINY).fit(train, own(3))


# New videos


def test_new_videos_are_standardised_as_in_training(fitted):
    """Against the steps one by one; a modality that is missing is at its training mean."""
    model, corpus = fitted
    new = own(3, seed=1, classes=())
    new.features["pulse"][4] = np.nan
    train = corpus.utterances("train")
    at_mean = {m: np.where(np.isnan(x), corpus.features[m][train].mean(axis=0), x) for m, x in new.features.items()}
    np.testing.assert_allclose(model.predict_proba(new), model.predict_proba(replace(new, features=at_mean)),
                               rtol=0, atol=1e-6)
    moved = {m: (x - corpus.features[m][train].mean(axis=0)) / corpus.features[m][train].std(axis=0)
             for m, x in at_mean.items()}
    x = np.stack([estimator.apply_ucln(model.uclns[m], moved[m], new.starts)[0] for m in moved])
    np.testing.assert_allclose(model.predict_proba(new), forward(model.params, x)["M"], rtol=0, atol=1e-6)


def test_pieces_are_whole_videos_and_give_the_same(fitted, monkeypatch):
    model, corpus = fitted
    whole, explained = model.predict_proba(corpus), model.explain(corpus)
    assert [len(piece.ids) for piece in estimator.pieces_of(corpus, 5)] == [4, 4, 2, 5, 5]
    assert sum((piece.ids for piece in estimator.pieces_of(corpus, 5)), ()) == corpus.ids
    monkeypatch.setattr(estimator.pieces_of, "__defaults__", (5,))
    np.testing.assert_allclose(model.predict_proba(corpus), whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.explain(corpus)["vertices"]["pulse"],
                               explained["vertices"]["pulse"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("videos", "message"), [
    (own(2), r"mine: expected features posture\.x of width 3, found none"),
    (make(OWN | {"pulse": 9}), "mine: expected features pulse of width 2, found 9"),
    (own(3, contextual=True), "mine: expected raw features, found outputs of a UCLN")])
def test_unsuitable_videos_are_refused(videos, message, fitted):
    with pytest.raises(DataError, match=message):
        fitted[0].predict(videos)


def test_score_goes_by_the_names_of_classes(fitted):
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
    np.testing.assert_allclose(model.predict_proba(corpus), forward(model.params, x)["M"], rtol=0, atol=1e-6)
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(ARGF.load(tmp_path).predict_proba(corpus), model.predict_proba(corpus))


def test_memory_does_not_grow_with_memory_mapped_features(tmp_path, monkeypatch):
    """Files of 128 MB that take no space on the disk; with the batches of fit, the most in memory is less than half."""
    n, T, width = 20_000, 50, 800
    with open(tmp_path / "utterances.csv", "w", encoding="utf-8") as file:
        file.write("video,order,split,label\n")
        file.writelines(f"v{i // T},{i % T},{('train', 'validation', 'test')[i // T % 3]},{'yn'[i % 2]}\n"
                        for i in range(n))
    for m in ("speech", "pulse"):
        np.lib.format.open_memmap(tmp_path / f"{m}.npy", "w+", "float32", (n, width)).flush()
    monkeypatch.setattr(ucln, "HIDDEN", 4)
    tracemalloc.start()
    try:
        corpus = data.read(tmp_path)
        model = ARGF(**TINY | {"batch_size": 1000, "epochs": 1}).fit(corpus)
        assert model.predict_proba(corpus).shape == (n, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64e6


# What it explains


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_explains_vertices_and_edges_by_name(variant):
    """Against Eq. 13 by hand, one vertex and utterance at a time; the vertices of a layer sum to 1."""
    corpus = own(4)
    model = ARGF(**TINY, variant=variant, modalities="speech,pulse,text").fit(corpus)
    explained = model.explain(corpus)
    vertices, edges = explained["vertices"], explained["edges"]
    one, two, three = [*vertices][:3], [*vertices][3:6], [*vertices][6:]
    assert one == ["speech", "pulse", "text"]
    assert two == ["speech*pulse", "text*pulse", "speech*text"]  # as al, vl, av
    assert len(three) == 6
    assert [*edges] == [*two, *three]
    assert [*edges["speech*pulse+text"]] == ["speech*pulse", "text"]
    for layer in (two, three):
        np.testing.assert_allclose(sum(vertices[name] for name in layer), 1, rtol=0, atol=1e-5)
        for i in range(len(corpus.ids)):  # Eq. 13 and 14
            scores = {name: sum(edge[i] for edge in edges[name].values()) for name in layer}
            total = sum(np.exp(score) for score in scores.values())
            for name in layer:
                assert vertices[name][i] == pytest.approx(np.exp(scores[name]) / total, rel=1e-4)
    [(_, x)] = model._context(corpus)
    out = forward(model.params, x, variant)
    np.testing.assert_allclose(edges["speech*pulse"]["pulse"], (out["alpha_m"][1] / (out["S_2"][0] + 0.5))[:, 0],
                               rtol=1e-6)


def test_explains_a_graph_of_two():
    corpus = own(2)
    explained = ARGF(**TINY).fit(corpus).explain(corpus)
    assert [*explained["vertices"]] == ["speech", "pulse", "speech*pulse"]
    assert {name: [*sources] for name, sources in explained["edges"].items()} == {"speech*pulse": ["speech", "pulse"]}


def test_no_graph_nothing_to_explain():
    corpus = own(2)
    with pytest.raises(ModelError, match="fusion tensor has no graph to explain"):
        ARGF(**TINY, fusion="tensor").fit(corpus).explain(corpus)


# The file


def test_saved_model_is_the_same_model(fitted, tmp_path):
    model, corpus = fitted
    model.save(tmp_path / "one.npz")
    loaded = ARGF.load(tmp_path / "one.npz")
    assert repr(loaded) == repr(model)
    assert (loaded.settings, loaded.classes, loaded.history) == (model.settings, model.classes, model.history)
    assert loaded.get_params() == model.get_params()
    assert loaded.predict_proba(corpus).tobytes() == model.predict_proba(corpus).tobytes()
    loaded.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fU" for name in file.files)


@pytest.mark.parametrize("settings", [
    {"fusion": "low_rank"}, {"without": "adversarial"}, {"without": "embedding"}, {"learn_w": True},
    {"variant": "released", "protocol": "released"}, {"dtype": "float64"}], ids=str)
def test_every_kind_of_model_is_saved(settings, tmp_path):
    corpus = own(2)
    model = ARGF(**TINY, **settings).fit(corpus)
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(ARGF.load(tmp_path).predict_proba(corpus), model.predict_proba(corpus))


@pytest.fixture
def saved(fitted, tmp_path):
    fitted[0].save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def refusal(path):
    with pytest.raises(ModelError) as caught:
        ARGF.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_truncated_file_is_refused(saved, rng):
    whole = saved.read_bytes()
    for length in [0, 1, 100, *rng.integers(len(whole), size=20), len(whole) - 1]:
        saved.write_bytes(whole[:length])
        assert refusal(saved).startswith("expected a model of argf_np, found a truncated or another file (")


def rewrite(path, header=None, arrays=None):
    """Change the JSON or the arrays of an archive."""
    with np.load(path) as file:
        content = dict(file)
    found = json.loads(str(content["header"]))
    (header or (lambda header: None))(found)
    (arrays or (lambda arrays: None))(content)
    np.savez(path, **content | {"header": np.array(json.dumps(found))})


@pytest.mark.parametrize(("header", "arrays", "message"), [
    (lambda h: h.update(version=1), None, "was written by argf_np 0.1, .*; train again, or use argf_np 0.1$"),
    (lambda h: h.update(version=3), None, "has format 3, expected 2; it needs a newer argf_np"),
    (lambda h: h.update(argf_np="checkpoint"), None, "expected a model of argf_np, found a checkpoint"),
    (lambda h: h["values"].pop("classes"), None, "not a whole model: 'classes'"),
    (lambda h: h["values"]["settings"].update(lr="x"), None, "--lr x: expected a number above 0"),
    (lambda h: h["values"]["settings"].update(model="tfn"), None, "not a whole model: 'dense_1'"),
    (lambda h: h["values"]["widths"].update(pulse=7), None, "could not be broadcast"),
    (lambda h: h["values"].update(classes=["calm", "tense"]), None, "predicts 3 classes, expected 2"),
    (None, lambda a: a.update({"arrays/params/fusion/MAN/b": np.zeros((1, 2), "float32")}), "shape"),
    (None, lambda a: a.update({"arrays/params/fusion/MAN/b": np.full((1, 1), np.nan, "float32")}),
     "params/fusion/MAN/b is not finite"),
    (None, lambda a: a.pop("arrays/params/fusion/MAN/b"), "not a whole model: 'b'"),
    (None, lambda a: a.update({"arrays/params/fusion/MAN/b": np.array([["x"]])}), "not a whole model: ")])
def test_file_of_another_version_kind_or_shape_is_refused(header, arrays, message, saved):
    rewrite(saved, header, arrays)
    assert re.search(message, refusal(saved))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, header=np.array({"argf_np": "model"}, object))  # a pickle
    assert "truncated or another file" in refusal(path)
    np.savez_compressed(path, header=np.zeros(10**6))
    assert "it is compressed" in refusal(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", b"no array")
    assert "truncated or another file" in refusal(path)
    archive.write(path, "checkpoint", {"x": np.zeros(3)})
    assert refusal(path) == "expected a model of argf_np, found a checkpoint"
    with pytest.raises(FileNotFoundError):
        ARGF.load(tmp_path / "nowhere.npz")


def test_damaged_file_loads_whole_or_is_refused(saved, rng):
    """Bytes changed at random: nothing but a ModelError comes out, and what loads can predict."""
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
    tree = {"a": {"x": np.arange(6.0).reshape(2, 3), "n": 3, "none": None}, "text": "é", "rows": [{"loss": 0.1 + 0.2}],
            "inf": -np.inf, "big": 2**100}
    archive.write(tmp_path / "tree", "tree", tree)
    found = archive.read(tmp_path / "tree", "tree")
    np.testing.assert_array_equal(found["a"].pop("x"), tree["a"].pop("x"))
    assert found == tree


def test_reads_what_data_reads(tmp_path):
    """From a file of one's own to predictions."""
    columns = {"video": ["x", "x", "y", "z"], "order": [0, 1, 0, 0], "label": ["calm", "tense", "calm", "tense"],
               "split": ["train", "train", "validation", "test"]}
    rng, buffer = np.random.default_rng(0), io.BytesIO()
    np.savez(buffer, **columns, speech=rng.normal(size=(4, 7)), pulse=rng.normal(size=(4, 3)))
    (tmp_path / "mine.npz").write_bytes(buffer.getvalue())
    corpus = data.read(tmp_path / "mine.npz")
    assert set(ARGF(**TINY).fit(corpus).predict(corpus)) <= {"calm", "tense"}

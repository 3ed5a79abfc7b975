"""ARGF with the interface of scikit-learn's estimators: raw features of videos in, classes out, in one file to keep."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np

from . import gfn_eq10_16 as gfn
from . import metrics, nn
from .data import Corpus, DataError, moments, require_trainable, standardise
from .data.corpus import SPLITS
from .errors import ModelError, SettingError
from .model import evaluation_params, forward, predict
from .settings import PRESETS, Settings, checked, settings_for
from .support import archive, files
from .support.contexts import contexts
from .training import fit, init_params
from .ucln import apply_ucln, init_ucln

FIELDS = {spec.name: spec for spec in fields(Settings) if spec.name != "model"}  # the baselines are no ARGF
BY_DATA = {"dataset", "modalities", "target", *(name for values in PRESETS.values() for name in values)}
SHOWN = ("embedding", "discriminator", "classifier", "fusion", "validation_accuracy")  # of the history, as progress
PIECE = 4096  # utterances that are predicted together, in whole videos


class Silent:
    """What `ARGF.fit` tells of its progress, unheard; `train.Progress` shows it."""

    def begin(self, stage, epochs, done=0):
        """A stage of some epochs begins, of which some are done already."""

    def epoch(self, epoch, values):
        """An epoch has ended, with ``{name: value}``."""


class ARGF:
    """The whole paper: standardisation, the UCLN of each modality, the joint embedding space, graph fusion.

        corpus = data.read("mine.npz")
        model = ARGF(variant="paper", seed=0).fit(corpus)
        print(model.score(corpus), model.predict(data.read("new.npz")))

    Parameters
    ----------
    **parameters
        Fields of `settings.Settings`. What is None or not given is up to the data: the preset of the data set, all its
        modalities, language as the target. SettingError for a value that is not allowed.

    Attributes
    ----------
    settings : Settings
        After `fit`, all of them. None before.
    classes : tuple of str
        Columns of `predict_proba`.
    history, epoch
        As `training.fit` returns them.
    """

    def __init__(self, **parameters):
        self.given, self.settings = {}, None
        self.set_params(**parameters)

    def set_params(self, **parameters):
        """Change parameters for the next `fit`. Returns the estimator."""
        if unknown := sorted(set(parameters) - set(FIELDS)):
            raise SettingError(f"ARGF has no parameter {unknown[0]}, expected some of {', '.join(FIELDS)}")
        given = self.given | parameters
        self.given = {name: checked(FIELDS[name], value) for name, value in given.items() if value is not None}
        return self

    def get_params(self, deep=True):
        """``{parameter: value}``; None for what is up to the data."""
        return {name: self.given.get(name, None if name in BY_DATA else spec.default) for name, spec in FIELDS.items()}

    def __repr__(self):
        given = {n: value for n, value in self.given.items() if n in BY_DATA or value != FIELDS[n].default}
        name = f"ARGF({', '.join(f'{n}={value!r}' for n, value in given.items())})"
        if self.settings is None:
            return name
        sources = ",".join(m for m in self.widths if m != self.settings.target)
        return f"{name}, fitted to {self.data['name']}: {sources} -> {self.settings.target} -> {'/'.join(self.classes)}"

    def fit(self, train, valid=None, *, progress=None, report=lambda history: None, checkpoint=None):
        """Train on raw features. Returns the estimator.

        Parameters
        ----------
        train, valid : Corpus
            Without ``valid``, the splits of ``train`` say what is for training and what for validation; its test split
            is not looked at, but for the protocols "transductive" and "released". With ``valid``, all videos of
            ``train`` are for training and all of ``valid`` for validation.
        progress : Silent, optional
            Is told of stages and epochs.
        report : function
            Is given the history, a list of dicts, when an epoch ends.
        checkpoint : path, optional
            A file for the state of training after each epoch. If it is there already, training goes on from it.

        Raises
        ------
        DataError, SettingError, ModelError, NotFiniteError
            One line: what cannot be trained on, parameters that the data does not have, a broken checkpoint, an
            infinite loss.
        """
        progress = progress or Silent()
        corpus = train if valid is None else joined(train, valid)
        settings = settings_for(corpus, **self.given)
        require_fit(corpus, settings)
        corpus = select(corpus, settings.modalities.split(","))
        by = moments(corpus)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # NotFiniteError says more than a warning
            x, outputs = contexts(standardise(corpus, by), settings, progress)
            y, rows = np.eye(len(corpus.classes))[corpus.labels], {split: corpus.utterances(split) for split in SPLITS}
            task = {"settings": asdict(settings), "data": files.fingerprint({"x": x, "y": y, "rows": rows})}
            resume = read_checkpoint(checkpoint, task) if checkpoint and Path(checkpoint).exists() else None
            history = [*resume["history"]] if resume else []

            def record(row):
                history.append(row)
                report(history)
                progress.epoch(row["epoch"], {name.replace("_", " "): row[name] for name in SHOWN if name in row})

            def keep(state):
                if checkpoint:
                    archive.write(checkpoint, "checkpoint", {"task": task, "state": state})

            progress.begin("ARGF", settings.epochs, len(history))
            fitted = fit(x, y, rows, settings, record, resume, keep)
        self.settings, self.classes, self.contextual = settings, corpus.classes, corpus.contextual
        self.data = {"name": corpus.name, "source": corpus.source}
        self.widths, self.moments = {m: x.shape[1] for m, x in corpus.features.items()}, by
        self.uclns = {m: output["params"] for m, output in outputs.items()}
        self.network, self.epoch, self.history = fitted["params"], fitted["epoch"], fitted["history"]
        # what training knows of its own corpus, for its report: not a part of the model, and not saved
        self.trained = {"x": x, "unimodal": {m: output["probabilities"] for m, output in outputs.items()},
                        "probabilities": fitted["probabilities"]}
        return self

    def predict(self, videos):
        """The most probable class of each utterance of a Corpus: array of names (n,)."""
        probabilities = self.predict_proba(videos)
        return np.array(self.classes)[probabilities.argmax(axis=1)]

    def predict_proba(self, videos):
        """Probabilities (n, N) of `classes` for the n utterances of a Corpus, in evaluation mode.

        What the protocols "transductive" and "released" do to the test utterances of a run is not done here.
        Utterances are seen in the context of their video. A modality that an utterance lacks is at its training mean.
        Memory does not grow with the corpus if its features are memory-mapped. Raises DataError where modalities or
        widths are not those of training.
        """
        return np.concatenate([predict(self.network, x, self.settings.variant, chunk=256)
                               for x in self._context(videos)])

    def score(self, videos, split="test"):
        """Accuracy on the utterances of a split; of the split test are also all videos of a file without splits.

        DataError if nothing is labelled or a class is not one of the model's.
        """
        self._require_fitted()
        rows = videos.utterances(split)
        if len(rows) == 0:
            raise DataError(f"{videos.name}: no video is in the split {split}")
        truth = labels_among(self.classes, videos)[rows]
        return metrics.scores(truth, self.predict_proba(videos)[rows].argmax(axis=1), self.classes)["accuracy"]

    def explain(self, videos):
        """The graph's weights by name, of each utterance of a Corpus.

        Returns
        -------
        weights : dict
            ``vertices``: {vertex: (n,)}, alpha of Eq. 10 and 14. ``edges``: {vertex: {source: (n,)}}, the weight of
            the edge from a source to the vertex: what it adds to the score of Eq. 13.

        ModelError if the model fuses with something else than the graph.
        """
        self._require_fitted()
        if self.settings.fusion != "gfn":
            raise ModelError(f"fusion {self.settings.fusion} has no graph to explain")
        pieces = []
        for x in self._context(videos):
            out = forward(self.network, x, self.settings.variant)
            pieces.append(weights_by_name(out, tuple(self.widths), self.settings.variant))
        return nn.build([(keys, np.concatenate([dict(nn.leaves(piece))[keys] for piece in pieces]))
                         for keys, _ in nn.leaves(pieces[0])])

    def _context(self, videos):
        """Yield the features (m, n_i, d) that the network fuses, for pieces of some whole videos."""
        self._require_fitted()
        for m, width in self.widths.items():
            found = videos.features[m].shape[1] if m in videos.features else "none"
            if found != width:
                raise DataError(f"{videos.name}: expected features {m} of width {width}, found {found}")
        if videos.contextual != self.contextual:
            kinds = {True: "outputs of a UCLN", False: "raw features"}
            raise DataError(f"{videos.name}: expected {kinds[self.contextual]}, found {kinds[videos.contextual]}")
        for piece in pieces_of(select(videos, self.widths)):
            piece = standardise(piece, self.moments)
            parts = [piece.features[m] if self.contextual else apply_ucln(self.uclns[m], piece, m)[0]
                     for m in self.widths]
            yield np.stack(parts).astype(self.settings.dtype)

    def _require_fitted(self):
        if self.settings is None:
            raise ModelError("this ARGF is not fitted yet: call fit, or ARGF.load")

    def save(self, path):
        """Write the model to one file without pickles."""
        self._require_fitted()
        archive.write(path, "model", {
            "settings": asdict(self.settings), "given": self.given, "classes": list(self.classes), "data": self.data,
            "widths": self.widths, "contextual": self.contextual, "epoch": self.epoch, "history": self.history,
            "moments": self.moments, "uclns": self.uclns, "network": self.network})

    @classmethod
    def load(cls, path):
        """The model in a file, or in the folder of a run.

        Raises ModelError that says why if it is truncated, of a newer version, of other shapes, or something else.
        """
        path = Path(path) / "model.npz" if Path(path).is_dir() else Path(path)
        content = {"given": {}, "uclns": {}} | archive.read(path, "model")
        try:
            model = cls(**content["given"])
            model.settings, model.classes = Settings(**content["settings"]), tuple(content["classes"])
            for name in ("data", "widths", "contextual", "epoch", "history", "moments", "uclns", "network"):
                setattr(model, name, content[name])
            expected = model._shapes()
            found = {keys: leaf for name in ("moments", "uclns", "network")
                     for keys, leaf in nn.leaves({name: content[name]})}
            for keys in expected.keys() | found.keys():
                shape = np.shape(found.get(keys))
                if keys not in found or shape != expected.get(keys) or not np.isfinite(found[keys]).all():
                    raise ModelError(f"{'/'.join(keys)} of shape {shape if keys in found else 'none'}, "
                                     f"expected finite numbers of shape {expected.get(keys, 'none')}")
        except (KeyError, TypeError, ValueError, AttributeError, MemoryError) as error:
            raise ModelError(f"{path}: not a whole model: {error}") from None
        return model

    def _shapes(self):
        """``{path: shape}`` of all arrays of a model with these settings, classes and widths."""
        rng, m, N = np.random.default_rng(0), len(self.widths), len(self.classes)
        d = self.widths[self.settings.target] if self.contextual else self.settings.d
        params = init_params(rng, d, N, self.settings, m)
        trees = {"moments": {m: {"mean": np.zeros(width), "deviation": np.ones(width)}
                             for m, width in self.widths.items()},
                 "uclns": {m: init_ucln(rng, width, d, N) for m, width in self.widths.items() if not self.contextual},
                 "network": evaluation_params(params, np.zeros((m, 1, d)), self.settings.variant)}
        return {keys: leaf.shape for keys, leaf in nn.leaves(trees)}


def weights_by_name(out, modalities, variant="paper"):
    """The weights of the graph in an output of `model.forward`, as `ARGF.explain` gives them: arrays (B,)."""
    two, three = gfn.bimodal(modalities), gfn.trimodal(modalities)
    named = lambda names, alpha: dict(zip(names, alpha[..., 0], strict=True))  # noqa: E731
    # D10: what the released code passes on to layer 3 are the scores of Eq. 13
    onward = named(modalities, out["alpha_m"]) | named(two, out["alpha_hat_2" if variant == "released" else "alpha_2"])
    vertices = named(modalities, out["alpha_m"]) | named(two, out["alpha_2"])
    S = named(two, out["S_2"])
    if three:
        vertices |= named(three, out["alpha_3"])
        S |= named(three, out["S_3"])
    edges = {vertex: {source: gfn.edge_weight(onward[source], S[vertex]) for source in sources}
             for vertex, sources in (two | three).items()}
    return {"vertices": vertices, "edges": edges}


def read_checkpoint(path, task):
    """The state of training in a file. ModelError if it is of other settings or other data than those of ``task``."""
    content = archive.read(path, "checkpoint")
    saved, now = ({"data": of.get("data"), **of.get("settings", {})} for of in (content.get("task", {}), task))
    if other := [name for name in now if saved.get(name) != now[name]]:
        raise ModelError(f"{path}: began with {other[0]} {saved.get(other[0])}, expected {now[other[0]]}")
    return content["state"]


def require_fit(corpus, settings, *splits):
    """Refuse with a DataError what cannot be trained on; the protocol's splits and ``splits`` must not be empty."""
    needed = {"validation": ["validation"], "transductive": ["test"], "released": ["test"]}.get(settings.protocol, [])
    require_trainable(select(corpus, settings.modalities.split(",")), ["train", *needed, *splits])


def select(corpus, modalities):
    """The corpus with some of its modalities, in their order."""
    return replace(corpus, features={m: corpus.features[m] for m in modalities})


def pieces_of(corpus, size=PIECE):
    """Yield the corpus as several of consecutive whole videos, each of ``size`` utterances if its videos allow it."""
    first = 0
    while first < len(corpus.video_ids):
        last = max(first + 1, int(np.searchsorted(corpus.starts, corpus.starts[first] + size, "right")) - 1)
        rows = slice(corpus.starts[first], corpus.starts[last])
        yield replace(
            corpus, video_ids=corpus.video_ids[first:last], starts=corpus.starts[first:last + 1] - corpus.starts[first],
            ids=corpus.ids[rows], words=corpus.words[rows], labels=corpus.labels[rows],
            features={m: x[rows] for m, x in corpus.features.items()},
            split={"train": np.arange(0), "validation": np.arange(0), "test": np.arange(last - first)})
        first = last


def joined(train, valid):
    """One corpus of all videos of two: those of the first for training, those of the second for validation.

    Raises DataError where modalities or their widths differ, or the second has a class that the first lacks.
    """
    widths, others = ({m: x.shape[1] for m, x in corpus.features.items()} for corpus in (train, valid))
    if widths != others or train.contextual != valid.contextual:
        raise DataError(f"{valid.name}: features of widths {others}, expected those of {train.name}: {widths}")
    V, more = len(train.video_ids), len(valid.video_ids)
    return Corpus(
        name=train.name, source=train.source, classes=train.classes, contextual=train.contextual,
        video_ids=train.video_ids + valid.video_ids, ids=train.ids + valid.ids, words=train.words + valid.words,
        starts=np.concatenate([train.starts, train.starts[-1] + valid.starts[1:]]),
        labels=np.concatenate([train.labels, labels_among(train.classes, valid)]),
        features={m: np.concatenate([x, valid.features[m]]) for m, x in train.features.items()},
        split={"train": np.arange(V), "validation": np.arange(V, V + more), "test": np.arange(0)})


def labels_among(classes, corpus):
    """Labels (n,) of a corpus as numbers of the classes of a model. Raises DataError if one is not among them."""
    if not corpus.classes:
        raise DataError(f"{corpus.name}: nothing is labelled")
    if unknown := [name for name in corpus.classes if name not in classes]:
        raise DataError(f"{corpus.name}: label {unknown[0]}, expected one of {', '.join(classes)}")
    return np.array([classes.index(name) for name in corpus.classes])[corpus.labels]

"""Estimators with the interface of scikit-learn's: raw features of videos in, classes out."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import metrics, nn, pipeline
from .baselines import MODELS
from .data import Corpus, joined, labels_among, pieces_of, select, standardise
from .data.corpus import short
from .errors import DataError, ModelError, SettingError
from .paper import graph_fusion_eq10_16 as gfn
from .paper.model import forward
from .paper.ucln import apply_ucln
from .paper.vertices import bimodal, trimodal
from .settings import FIELDS, OWN_DATA, PRESETS, Settings, checked, settings_for
from .storage import archive

# Parameters whose defaults are taken from the data, or (the epochs) from the protocol.
BY_DATA = {"dataset", "modalities", "target", "epochs"}.union(OWN_DATA, *PRESETS.values())

FOLDS = ("corpus.folds(5) cross-validates by whole videos, while scikit-learn would put utterances "
         "of one video on both sides")

SAVED = ("data", "widths", "contextual", "integer_classes", "epoch", "history", "moments", "uclns",
         "params")


class Estimator:
    """Standardisation, the UCLN of each modality, and one of `baselines.MODELS`.

    Arguments: fields of `settings.Settings`. Those that are None or not given are taken from
    the data's preset, or else have their default. `ARGF` lists them.
    """

    PARAMETERS = tuple(FIELDS)

    def __init__(self, **parameters):
        self.given, self.settings = {}, None
        self.set_params(**parameters)

    def set_params(self, **parameters):
        """Change parameters for the next `fit`. Returns the estimator."""
        for name in parameters:
            if name not in self.PARAMETERS:
                raise SettingError(f"{type(self).__name__} has no parameter {name}, expected some "
                                   f"of {', '.join(self.PARAMETERS)}")
        given = self.given | parameters
        self.given = {name: checked(FIELDS[name], value) for name, value in given.items()
                      if value is not None}
        return self

    def get_params(self, deep=True):
        """``{parameter: value}``; None for what is taken from the data."""
        parameters = {}
        for name in self.PARAMETERS:
            default = None if name in BY_DATA else FIELDS[name].default
            parameters[name] = self.given.get(name, default)
        return parameters

    def __sklearn_tags__(self):
        """Refuse scikit-learn's cross-validation, which asks for this before it splits anything."""
        raise DataError(f"expected a Corpus; {FOLDS}")

    def __repr__(self):
        changed = [f"{name}={value!r}" for name, value in self.given.items()
                   if name in BY_DATA or value != FIELDS[name].default]
        text = f"{type(self).__name__}({', '.join(changed)})"
        if self.settings is None:
            return text
        sources = ",".join(m for m in self.widths if m != self.settings.target)
        classes = "/".join(map(short, self.classes))
        return (f"{text}, fitted to {self.data['name']}: {sources} -> {self.settings.target} -> "
                f"{classes}")

    def fit(self, train, valid=None, *, progress=None, on_history=None, checkpoint=None):
        """Train on raw features. Returns the estimator.

        Parameters
        ----------
        train, valid : Corpus
            Without ``valid``, the splits of ``train`` say what is for training and what for
            validation. Its test labels are not read, except by the protocol "best_test". With
            ``valid``, all videos of ``train`` are for training and all of ``valid`` for validation.
        progress, on_history, checkpoint
            See `pipeline.train`.

        Raises
        ------
        DataError, SettingError, ModelError, NotFiniteError
            One line: what cannot be trained on, parameters that the data does not have, a broken
            checkpoint, an infinite loss.
        """
        require_corpus(train)
        corpus = train
        if valid is not None:
            require_corpus(valid)
            corpus = joined(train, valid)
        settings = settings_for(corpus, **self.given)
        pipeline.require_fit(corpus, settings)
        return self.fit_with(settings, corpus, progress, on_history, checkpoint)

    def fit_with(self, settings, corpus, progress=None, on_history=None, checkpoint=None):
        """As `fit`, with a `Settings` that suits a corpus and has been checked."""
        fitted = pipeline.train(corpus, settings, progress, on_history, checkpoint)
        self.settings, self.classes, self.contextual = settings, corpus.classes, corpus.contextual
        self.integer_classes = corpus.integer_classes
        self.data = {"name": corpus.name, "source": corpus.source}
        self.widths = {m: corpus.features[m].shape[1] for m in settings.modality_list}
        self.moments, self.uclns, self.params = (
            fitted["moments"], fitted["uclns"], fitted["params"])
        self.epoch, self.history = fitted["epoch"], fitted["history"]
        # For the report of this training. It is not a part of the model, and is not saved.
        self.trained = {name: fitted[name] for name in ("x", "unimodal", "probabilities")}
        return self

    def predict(self, videos):
        """The most probable class of each utterance of a Corpus, (n,): names, or whole numbers.

        They are in the order of ``videos.ids``; ``videos.row`` has the rows of the file.
        """
        probabilities = self.predict_proba(videos)
        kind = int if self.integer_classes else str
        return np.array([kind(name) for name in self.classes])[probabilities.argmax(axis=1)]

    def predict_proba(self, videos):
        """Probabilities (n, N) of `classes` for the n utterances of a Corpus, in evaluation mode.

        Every utterance is seen in the context of its video. A modality that an utterance lacks is
        replaced by its training mean. Memory does not grow with the corpus if its features are
        memory-mapped. DataError if modalities or widths are not those of training.
        """
        self._require_fitted()
        predict_proba = MODELS[self.settings.model].predict_proba
        parts = [predict_proba(self.params, piece, x, self.settings)
                 for piece, x in self._context(videos)]
        probabilities = np.concatenate(parts)
        broken = pipeline.first_broken(probabilities)
        if broken is not None:
            raise DataError(f"{videos.name}: no finite probability for utterance "
                            f"{videos.ids[broken]}; its features are too large")
        return probabilities

    def score(self, videos, split="test"):
        """Accuracy on the utterances of a split; all videos of a file without splits are "test".

        DataError if nothing is labelled, or a class is not one of the model's.
        """
        self._require_fitted()
        require_corpus(videos)
        if not isinstance(split, str) or split not in videos.split:
            raise DataError(f"split {split!r:.40}, expected one of {', '.join(videos.split)}")
        rows = videos.utterances(split)
        if len(rows) == 0:
            raise DataError(f"{videos.name}: no video is in the split {split}")
        truth = labels_among(self.classes, videos)[rows]
        prediction = self.predict_proba(videos)[rows].argmax(axis=1)
        return metrics.scores(truth, prediction, self.classes)["accuracy"]

    def explain(self, videos):
        """The graph's weights by name, for each utterance of a Corpus.

        Returns
        -------
        weights : dict
            ``vertices``: {vertex: (n,)}, alpha of Eq. 10 and 14. ``edges``: {vertex: {source:
            (n,)}}, the weight of the edge from a source to the vertex, which is what the source
            adds to the score of Eq. 13.

        ModelError if the model fuses by something other than the graph.
        """
        self._require_fitted()
        if not self._has_graph():
            raise ModelError(f"model {self.settings.model} with fusion {self.settings.fusion} has "
                             "no graph to explain")
        pieces = []
        for _, x in self._context(videos):
            out = forward(self.params, x, self.settings.variant)
            weights = weights_by_name(out, tuple(self.widths), self.settings.variant)
            pieces.append(dict(nn.leaves(weights)))
        return nn.build([(keys, np.concatenate([piece[keys] for piece in pieces]))
                         for keys in pieces[0]])

    def _context(self, videos):
        """Yield pieces of whole videos, standardised, with the features (m, n_i, d) to fuse."""
        require_corpus(videos)
        for m, width in self.widths.items():
            found = videos.features[m].shape[1] if m in videos.features else "none"
            if found != width:
                raise DataError(f"{videos.name}: expected modality {m} of width {width}, "
                                f"found {found}")
        if videos.contextual != self.contextual:
            kinds = {True: "outputs of a UCLN", False: "raw features"}
            raise DataError(f"{videos.name}: expected {kinds[self.contextual]}, "
                            f"found {kinds[videos.contextual]}")
        for piece in pieces_of(select(videos, tuple(self.widths))):
            piece = standardise(piece, self.moments)
            features = {}
            for m, ucln in self.uclns.items():
                features[m], _ = apply_ucln(ucln, piece.features[m], piece.starts,
                                            self.settings)
            yield piece, pipeline.stack(piece, features).astype(self.settings.dtype)

    def _has_graph(self):
        return (self.settings.model, self.settings.fusion) == ("argf", "gfn")

    def _require_fitted(self):
        if self.settings is None:
            raise ModelError(f"this {type(self).__name__} is not fitted yet: call fit, or load")

    def save(self, path):
        """Write the model to one file without pickles."""
        self._require_fitted()
        content = {name: getattr(self, name) for name in SAVED}
        archive.write(path, "model", content | {
            "settings": asdict(self.settings), "given": self.given, "classes": list(self.classes)})

    @classmethod
    def load(cls, path):
        """The model in a file, or in the folder of a run.

        Raises ModelError if the file is truncated, of another version or something else, and
        OSError if there is no such file.
        """
        model = load(path)
        if not isinstance(model, cls):
            raise ModelError(f"{path}: holds the model {model.settings.model}, expected ARGF")
        return model


class ARGF(Estimator):
    """The whole paper: standardisation, UCLNs, joint embedding space, graph fusion.

        corpus = data.read("mine.npz")
        model = ARGF(variant="paper", seed=0).fit(corpus)
        print(model.score(corpus), model.predict(data.read("new.npz")))

    Parameters
    ----------
    modalities, target, ...
        See `settings.Settings`, or ``python -m argf_np.train --help``. Parameters left at None are
        taken from the data: the preset of the data set, all its modalities, language as the target;
        epochs from the protocol. ``dataset`` only names the data: the preset is that of
        ``published`` of the corpus. SettingError for a value that is not allowed.

    Attributes
    ----------
    settings : Settings
        All of them after `fit`; None before.
    classes : tuple of str
        Columns of `predict_proba`.
    history, epoch
        As `paper.protocols.train` returns them.
    """

    PARAMETERS = tuple(name for name in FIELDS if name != "model")

    def __init__(self, *, dataset=None, modalities=None, target=None, fusion="gfn",
                 without="nothing", variant="paper", protocol="fixed", seed=0, epochs=None,
                 batch_size=None, lr=None, weight_decay=None, drop_rate=None, k=None, lambda_=None,
                 learn_w=False, activations="first", d=None, ucln_epochs=None,
                 ucln_input_drop_rate=None, ucln_drop_rate=None, ucln_patience=None,
                 dtype="float32"):
        parameters = dict(locals())
        del parameters["self"], parameters["__class__"]
        super().__init__(**parameters)


def load(path):
    """The fitted model in a file, or in the folder of a run: an `ARGF`, or a baseline.

    Raises ModelError if the file is truncated, of another version or something else, or if the
    folder holds none, and OSError if there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / "model.npz").exists():
            raise ModelError(f"{path}: holds no model.npz, expected the folder of a finished run")
        path /= "model.npz"
    # An empty dict has no leaves, so the file does not hold it.
    content = {"given": {}, "uclns": {}} | archive.read(path, "model")
    try:
        settings = Settings(**content["settings"])
        kind = ARGF if settings.model == "argf" else Estimator
        given = content["given"].items()
        model = kind(**{name: value for name, value in given if name in kind.PARAMETERS})
        model.settings, model.classes = settings, tuple(content["classes"])
        for name in SAVED:
            setattr(model, name, content[name])
        for name in ("moments", "uclns", "params"):
            for keys, leaf in nn.leaves(content[name]):
                if not np.isfinite(leaf).all():
                    raise ModelError(f"{name}/{'/'.join(keys)} is not finite")
        with np.errstate(all="ignore"):  # damaged numbers may be huge
            _require_whole(model)
    except KeyError as error:
        raise ModelError(f"{path}: not a whole model: {error} is missing") from None
    except (TypeError, ValueError, AttributeError, MemoryError, IndexError) as error:
        raise ModelError(f"{path}: not a whole model: {error}") from None
    return model


def _require_whole(model):
    """Predict and explain one silent utterance.

    This fails where an array is missing, or has a shape that does not fit the others.
    """
    if model.settings.modality_list != tuple(model.widths):
        raise ModelError(f"has the modalities {', '.join(model.widths)}, expected "
                         f"{', '.join(model.settings.modality_list)}")
    features = {m: np.zeros((1, width)) for m, width in model.widths.items()}
    videos = Corpus(
        name="check", source="synthetic", classes=(), video_ids=("check",), ids=("check",),
        starts=np.array([0, 1]), words=("",), features=features, labels=np.array([-1]),
        split={"train": np.arange(0), "validation": np.arange(0), "test": np.arange(1)},
        contextual=model.contextual)
    shape = model.predict_proba(videos).shape
    if shape != (1, len(model.classes)):
        raise ModelError(f"gives probabilities of shape {shape} to one utterance, expected "
                         f"{(1, len(model.classes))}")
    if model._has_graph():
        model.explain(videos)


def weights_by_name(out, modalities, variant="paper"):
    """The weights of the graph in an output of `forward`, as `explain` returns them: (B,) each."""
    two, three = bimodal(modalities), trimodal(modalities)
    unimodal = _named(modalities, out["alpha_m"])
    # D10: the weights that the released code passes on to layer 3 are the scores of Eq. 13.
    passed_on = "alpha_hat_2" if variant == "released" else "alpha_2"
    alpha = unimodal | _named(two, out[passed_on])
    vertices = unimodal | _named(two, out["alpha_2"])
    S = _named(two, out["S_2"])
    if three:
        vertices |= _named(three, out["alpha_3"])
        S |= _named(three, out["S_3"])
    edges = {}
    for vertex, sources in (two | three).items():
        edges[vertex] = {source: gfn.edge_weight(alpha[source], S[vertex]) for source in sources}
    return {"vertices": vertices, "edges": edges}


def _named(names, weights):
    return dict(zip(names, weights[..., 0], strict=True))


def require_corpus(value):
    """Refuse with a DataError what is not a `Corpus`."""
    if not isinstance(value, Corpus):
        raise DataError(f"expected a Corpus, found {type(value).__name__}; data.read(path) reads "
                        "one, and data.from_arrays(...) makes one from arrays or columns"
                        + f"; {FOLDS}" * hasattr(value, "shape"))

"""The UCLN features of a corpus: trained, or from the cache if they were trained before."""

import numpy as np

from ..data import DataError
from ..errors import NotFiniteError
from ..ucln import apply_ucln, train_ucln
from . import files

SEEDS = {"a": 0, "l": 1, "v": 2}  # of the paper's modalities; the letters of its name for any other


def cached_ucln(corpus, modality, settings, progress):
    """The trained UCLN of one modality of a standardised corpus, from the cache if it was trained before.

    Returns its ``params``, and of all utterances the ``features`` (n, d) and ``probabilities`` (n, N) of the classes.
    """
    def report(epoch, loss):
        if not np.isfinite(loss):
            raise NotFiniteError(f"UCLN {modality}, epoch {epoch}: the cross-entropy is {loss}")
        progress.epoch(epoch, {"cross-entropy": loss})

    def compute():
        progress.begin(f"UCLN {modality}", settings.ucln_epochs)
        params = train_ucln(corpus, modality, settings.d, settings.ucln_epochs,
                            np.random.default_rng([settings.seed, 1, *number]), settings.dtype, report)
        features, probabilities = apply_ucln(params, corpus, modality)
        return {"params": params, "features": features, "probabilities": probabilities}

    number = [SEEDS[modality]] if modality in SEEDS else [*modality.encode()]
    return files.cached({
        "features": corpus.features[modality], "starts": corpus.starts, "videos": corpus.split["train"],
        "labels": corpus.labels[corpus.utterances("train")], "classes": len(corpus.classes), "number": str(number),
        "d": settings.d, "epochs": settings.ucln_epochs, "seed": settings.seed, "dtype": settings.dtype}, compute)


def contexts(corpus, settings, progress):
    """The features that ARGF fuses, of a standardised corpus and the modalities of the settings.

    Returns features (m, n, d) of all utterances, and ``{modality: `cached_ucln`}``. Features that are a UCLN's output
    already are taken as they are, and no UCLN is trained.
    """
    modalities = settings.modalities.split(",")
    outputs = {} if corpus.contextual else {m: cached_ucln(corpus, m, settings, progress) for m in modalities}
    x = [outputs[m]["features"] if outputs else corpus.features[m] for m in modalities]
    if len({part.shape for part in x}) > 1:
        raise DataError(f"{corpus.name}: outputs of a UCLN, expected one width for all modalities, not "
                        + ", ".join(f"{m} {part.shape[1]}" for m, part in zip(modalities, x, strict=True)))
    return np.stack(x), outputs


def context_of_modalities(corpus, settings, progress):
    """`contexts` with nothing of the UCLNs but ``{modality: class probabilities (n, N)}``."""
    x, outputs = contexts(corpus, settings, progress)
    return x, {m: output["probabilities"] for m, output in outputs.items()}

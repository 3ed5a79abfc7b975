"""What the paper prints in Tables 1 to 3, 5 and 6, in percent, to stand beside our figures."""

from ..data.published import PAPER

AVERAGE = ("accuracy", "weighted F1")

# Tables 1 to 3: the columns as they are printed. "happy" is the accuracy of that class.
COLUMNS = {
    "mosi": AVERAGE,
    "iemocap": ("happy", "sad", "neutral", "angry", "excited", "frustrated", *AVERAGE),
    "mosei": ("positive", "positive F1", "negative", "negative F1", "neutral", "neutral F1",
              *AVERAGE),
}
# Tables 1 to 3: the rows. ARGF stands under its target modality, without its last two figures,
# which are those of `PAPER`.
MODELS = {
    "mosi": {
        "LMFN": (80.9, 80.9),
        "TFN": (78.3, 78.3),
        "LMF": (75.8, 75.9),
        "CHFusion": (80.0, None),
        "BC-LSTM": (77.9, 78.1),
        "HFFN": (80.2, 80.3),
        "l": (),
        "a": (),
        "v": (),
    },
    "iemocap": {
        "LMFN": (31.25, 64.90, 58.33, 62.94, 47.83, 69.55, 58.10, 57.88),
        "CHFusion": (36.11, 62.04, 56.25, 70.00, 55.52, 63.52, 58.35, 58.39),
        "BC-LSTM": (35.42, 58.37, 53.91, 64.71, 54.18, 60.63, 55.70, 55.78),
        "TFN": (29.86, 55.51, 48.81, 60.59, 57.86, 63.25, 54.28, 54.19),
        "LMF": (26.39, 49.39, 56.77, 61.18, 47.16, 63.25, 53.17, 53.02),
        "HFFN": (31.25, 63.67, 54.69, 61.18, 48.83, 69.82, 57.12, 56.82),
        "l": (15.28, 68.98, 59.11, 68.24, 72.58, 61.42),
        "a": (22.92, 62.86, 57.55, 65.29, 67.22, 67.45),
        "v": (26.39, 68.98, 54.95, 62.35, 64.21, 68.50),
    },
    "mosei": {
        "LMFN": (61.88, 59.98, 26.21, 31.42, 75.54, 71.49, 60.77, 59.42),
        "TFN": (60.46, 58.01, 18.30, 25.08, 77.70, 70.91, 59.69, 57.13),
        "LMF": (68.91, 59.85, 11.77, 18.31, 75.06, 70.15, 59.41, 55.80),
        "CHFusion": (59.19, 56.61, 22.55, 27.96, 73.69, 69.56, 58.28, 56.69),
        "BC-LSTM": (64.20, 60.97, 24.53, 29.74, 74.53, 71.19, 60.58, 59.14),
        "HFFN": (59.49, 59.05, 26.61, 31.35, 75.85, 71.35, 60.32, 59.03),
        "l": (64.57, 60.55, 21.66, 28.01, 76.20, 71.77),
        "a": (61.29, 59.61, 28.78, 33.31, 74.30, 71.16),
        "v": (62.33, 60.04, 20.87, 26.99, 77.88, 71.99),
    },
}
# Table 5: accuracy and F1 on CMU-MOSI, by what is left out.
ABLATIONS = {
    "adversarial": (80.11, 80.23),
    "classifier": (80.92, 80.98),
    "decoder": (79.72, 79.76),
    "nothing": (81.38, 81.52),
}
# Table 6: accuracy on CMU-MOSI and on IEMOCAP, by fusion strategy.
FUSIONS = {
    "concatenation": (80.19, 57.98),
    "multiplication": (80.05, 58.60),
    "weighted_average": (78.86, 59.64),
    "tensor": (79.65, 59.46),
    "low_rank": (78.72, 59.21),
    "dynamic_graph": (79.92, 57.79),
    "gfn": (81.38, 60.20),
}


def of_model(dataset, name):
    """A row of Tables 1 to 3 as ``{column: figure}``.

    - name: as in `MODELS`: the name of a model, or the target modality of ARGF.
    Empty for a data set or a row that the paper does not have.
    """
    figures = MODELS.get(dataset, {}).get(name)
    if figures is None:
        return {}
    return dict(zip(COLUMNS[dataset], figures + PAPER.get((dataset, name), ()), strict=True))


def of_ablation(dataset, part):
    """A row of Table 5 as ``{column: figure}``."""
    return dict(zip(AVERAGE, ABLATIONS[part], strict=True)) if dataset == "mosi" else {}


def of_fusion(dataset, fusion):
    """A row of Table 6 as ``{column: figure}``."""
    if dataset not in ("mosi", "iemocap"):
        return {}
    on_mosi, on_iemocap = FUSIONS[fusion]
    return {"accuracy": on_mosi if dataset == "mosi" else on_iemocap}

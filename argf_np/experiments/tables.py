"""The paper's tables as lists of rows: what to train for each, and the paper's figure beside it."""

from dataclasses import dataclass

from ..settings import PAPER, preset

# Figures of Tables 1 to 3 in percent, by data set and model: average accuracy and F1, then the accuracy of each class.
CLASSES = {"mosi": (), "iemocap": ("happy", "sad", "neutral", "angry", "excited", "frustrated"),
           "mosei": ("positive", "negative", "neutral")}
PRINTED: dict[str, dict[str, tuple]] = {
    "mosi": {"LMFN": (80.9, 80.9), "TFN": (78.3, 78.3), "LMF": (75.8, 75.9), "CHFusion": (80.0, None),
             "BC-LSTM": (77.9, 78.1), "HFFN": (80.2, 80.3)},
    "iemocap": {
        "LMFN": (58.10, 57.88, 31.25, 64.90, 58.33, 62.94, 47.83, 69.55),
        "CHFusion": (58.35, 58.39, 36.11, 62.04, 56.25, 70.00, 55.52, 63.52),
        "BC-LSTM": (55.70, 55.78, 35.42, 58.37, 53.91, 64.71, 54.18, 60.63),
        "TFN": (54.28, 54.19, 29.86, 55.51, 48.81, 60.59, 57.86, 63.25),
        "LMF": (53.17, 53.02, 26.39, 49.39, 56.77, 61.18, 47.16, 63.25),
        "HFFN": (57.12, 56.82, 31.25, 63.67, 54.69, 61.18, 48.83, 69.82),
        "l": (15.28, 68.98, 59.11, 68.24, 72.58, 61.42), "a": (22.92, 62.86, 57.55, 65.29, 67.22, 67.45),
        "v": (26.39, 68.98, 54.95, 62.35, 64.21, 68.50)},
    "mosei": {
        "LMFN": (60.77, 59.42, 61.88, 26.21, 75.54), "TFN": (59.69, 57.13, 60.46, 18.30, 77.70),
        "LMF": (59.41, 55.80, 68.91, 11.77, 75.06), "CHFusion": (58.28, 56.69, 59.19, 22.55, 73.69),
        "BC-LSTM": (60.58, 59.14, 64.20, 24.53, 74.53), "HFFN": (60.32, 59.03, 59.49, 26.61, 75.85),
        "l": (64.57, 21.66, 76.20), "a": (61.29, 28.78, 74.30), "v": (62.33, 20.87, 77.88)},
}
IMPLEMENTED = {"TFN": "tfn", "LMF": "lmf", "BC-LSTM": "bc_lstm"}

@dataclass(frozen=True, eq=False)
class Row:
    """A line of a table: its label; changes to the preset's settings, None for a model that is not implemented here;
    and the paper's figures in percent: average accuracy, F1, accuracy of each class."""

    label: str
    changes: dict | None
    paper: tuple = ()


@dataclass(frozen=True)
class Table:
    """A table: its title, data set and rows, the names of the classes that it shows, and what to say below it.

    Differences are taken to the row without changes.
    """

    title: str
    dataset: str
    rows: tuple[Row, ...]
    notes: str = ""
    classes: tuple[str, ...] = ()

    def settings(self, seeds, common):
        """``{row: [Settings of each seed]}`` of what is implemented; common: changes to the preset for all rows."""
        return {row: [preset(self.dataset, **common | row.changes, seed=seed) for seed in range(seeds)]
                for row in self.rows if row.changes is not None}


def comparison(number, dataset):
    """Tables 1 to 3: ARGF with each target modality, beside other models."""
    printed = PRINTED[dataset]
    rows = [Row(name, {"model": IMPLEMENTED[name]} if name in IMPLEMENTED else None, figures)
            for name, figures in printed.items() if len(name) > 1]
    rows += [Row(f"ARGF ({', '.join(m for m in 'alv' if m != target)} → {target})",
                 {} if target == "l" else {"target": target}, (*PAPER[dataset, target], *printed.get(target, ())))
             for target in "lav"]
    rows += [Row("GFN on the UCLN features", {"without": "embedding"}),
             Row("logistic regression on the raw features", {"model": "logistic"})]
    return Table(f"Table {number}: models on {dataset.upper()}", dataset, tuple(rows), (
        "LMFN, CHFusion and HFFN are cited by the paper, not described, and not implemented here. TFN and LMF are "
        "fusion strategies without the joint embedding space: like ARGF, they read the UCLN features. "
        + "The paper's text says that the class Negative has the fewest utterances; in the published labels that is "
        "neutral, so the headings of its Table 3 may be permuted." * (dataset == "mosei")), CLASSES[dataset])


def ablations(dataset):
    """Table 5: ARGF without one of its parts."""
    return Table(f"Table 5: parts left out, {dataset.upper()}", dataset, (
        Row("without adversarial training", {"without": "adversarial"}, (80.11, 80.23)),
        Row("without classifier", {"without": "classifier"}, (80.92, 80.98)),
        Row("without decoder", {"without": "decoder"}, (79.72, 79.76)),
        Row("ARGF", {}, (81.38, 81.52))), "The paper's figures are for CMU-MOSI.")


def fusions(dataset):
    """Table 6: other fusion strategies in the place of the graph fusion network (Figure 4)."""
    printed = {"concatenation": ("Concatenation + FC", 80.19, 57.98),
               "multiplication": ("Multiplication + FC", 80.05, 58.60),
               "weighted_average": ("Weighted Average", 78.86, 59.64), "tensor": ("Tensor Fusion", 79.65, 59.46),
               "low_rank": ("Low-rank Modality Fusion", 78.72, 59.21),
               "dynamic_graph": ("Dynamic Fusion Graph", 79.92, 57.79), "gfn": ("Graph Fusion Network", 81.38, 60.20)}
    column = {"mosi": 1, "iemocap": 2}.get(dataset)
    return Table(f"Table 6: fusion strategies on {dataset.upper()}", dataset, tuple(
        Row(entry[0], {} if name == "gfn" else {"fusion": name}, entry[column:column + 1] if column else ())
        for name, entry in printed.items()))


def protocols(dataset):
    """How much of a figure is the protocol: which parameters count, and who sees the test labels (D14)."""
    rows = []
    for variant in ("paper", "released"):
        for protocol in ("fixed", "validation", "released"):
            changes = {"variant": variant} if variant == "released" else {}
            changes |= {"protocol": protocol} if protocol != "fixed" else {}
            peeks = (variant, protocol) == ("released", "released")
            rows.append(Row(f"{variant} variant, {protocol}", changes, PAPER[dataset, "l"] if peeks else ()))
    return Table(f"Protocols on {dataset.upper()}", dataset, tuple(rows), (
        "fixed: an average of the parameters over a number of epochs set beforehand; the test labels are read once, at "
        "the end. validation: the epoch of the lowest validation loss. released: the epoch of the best *test* "
        "accuracy, with dropout and batch statistics left on, as in the authors' script: it peeks."))


def tables_of(dataset):
    """``{name: Table}`` of all that is trained for a data set."""
    number = {"mosi": 1, "iemocap": 2, "mosei": 3}[dataset]
    return {f"table{number}": comparison(number, dataset), "table5": ablations(dataset), "table6": fusions(dataset),
            "protocols": protocols(dataset)}

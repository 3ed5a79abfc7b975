"""The paper's tables and figures as lists of rows: what to train for each, and the paper's figure beside it."""

from dataclasses import dataclass

from ..data.published import PAPER
from ..settings import preset

ORDER = ("table1", "table2", "table3", "table4", "table5", "table6", "figure5", "figure6", "protocols")

# Tables 1 to 3 in percent: the columns as they are printed there ("happy" is the accuracy of that class), then the
# figures by model; of ARGF, by target modality, only those of the classes, since `PAPER` has the other two.
AVERAGE = ("accuracy", "weighted F1")
COLUMNS = {
    "mosi": AVERAGE,
    "iemocap": ("happy", "sad", "neutral", "angry", "excited", "frustrated", *AVERAGE),
    "mosei": ("positive", "positive F1", "negative", "negative F1", "neutral", "neutral F1", *AVERAGE),
}
PRINTED = {
    "mosi": {
        "LMFN": (80.9, 80.9), "TFN": (78.3, 78.3), "LMF": (75.8, 75.9), "CHFusion": (80.0, None),
        "BC-LSTM": (77.9, 78.1), "HFFN": (80.2, 80.3), "l": (), "a": (), "v": ()},
    "iemocap": {
        "LMFN": (31.25, 64.90, 58.33, 62.94, 47.83, 69.55, 58.10, 57.88),
        "CHFusion": (36.11, 62.04, 56.25, 70.00, 55.52, 63.52, 58.35, 58.39),
        "BC-LSTM": (35.42, 58.37, 53.91, 64.71, 54.18, 60.63, 55.70, 55.78),
        "TFN": (29.86, 55.51, 48.81, 60.59, 57.86, 63.25, 54.28, 54.19),
        "LMF": (26.39, 49.39, 56.77, 61.18, 47.16, 63.25, 53.17, 53.02),
        "HFFN": (31.25, 63.67, 54.69, 61.18, 48.83, 69.82, 57.12, 56.82),
        "l": (15.28, 68.98, 59.11, 68.24, 72.58, 61.42), "a": (22.92, 62.86, 57.55, 65.29, 67.22, 67.45),
        "v": (26.39, 68.98, 54.95, 62.35, 64.21, 68.50)},
    "mosei": {
        "LMFN": (61.88, 59.98, 26.21, 31.42, 75.54, 71.49, 60.77, 59.42),
        "TFN": (60.46, 58.01, 18.30, 25.08, 77.70, 70.91, 59.69, 57.13),
        "LMF": (68.91, 59.85, 11.77, 18.31, 75.06, 70.15, 59.41, 55.80),
        "CHFusion": (59.19, 56.61, 22.55, 27.96, 73.69, 69.56, 58.28, 56.69),
        "BC-LSTM": (64.20, 60.97, 24.53, 29.74, 74.53, 71.19, 60.58, 59.14),
        "HFFN": (59.49, 59.05, 26.61, 31.35, 75.85, 71.35, 60.32, 59.03),
        "l": (64.57, 60.55, 21.66, 28.01, 76.20, 71.77), "a": (61.29, 59.61, 28.78, 33.31, 74.30, 71.16),
        "v": (62.33, 60.04, 20.87, 26.99, 77.88, 71.99)},
}
IMPLEMENTED = {"TFN": "tfn", "LMF": "lmf", "BC-LSTM": "bc_lstm"}

# Table 6: label, accuracy on CMU-MOSI and on IEMOCAP.
FUSIONS = {
    "concatenation": ("Concatenation + FC", 80.19, 57.98), "multiplication": ("Multiplication + FC", 80.05, 58.60),
    "weighted_average": ("Weighted Average", 78.86, 59.64), "tensor": ("Tensor Fusion", 79.65, 59.46),
    "low_rank": ("Low-rank Modality Fusion (LMF)", 78.72, 59.21),
    "dynamic_graph": ("Dynamic Fusion Graph (DFG)", 79.92, 57.79), "gfn": ("Graph Fusion Network (GFN)", 81.38, 60.20),
}


@dataclass(frozen=True, eq=False)
class Row:
    """A line of a table.

    label; changes: to the preset's settings, all that the label says, or None for a model that is not implemented here;
    paper: the paper's figures in percent by column.
    """

    label: str
    changes: dict | None
    paper: dict


@dataclass(frozen=True)
class Table:
    """A table or figure: its title, data set and rows, and what to say below it.

    columns: of what it shows of each row; reference: the label of the row to which differences are taken; floors:
    whether to show what each modality alone and the most frequent class give.
    """

    title: str
    dataset: str
    rows: tuple[Row, ...]
    reference: str = "ARGF"
    columns: tuple[str, ...] = AVERAGE
    floors: bool = False
    notes: str = ""

    def settings(self, seeds, common):
        """``{row: [Settings of each seed]}`` of what is implemented; common: changes to the preset for all rows."""
        return {row: [preset(self.dataset, **common | row.changes, seed=seed) for seed in range(seeds)]
                for row in self.rows if row.changes is not None}


def comparison(number, dataset):
    """Tables 1 to 3: ARGF with each target modality, beside other models."""
    columns, rows = COLUMNS[dataset], []
    for name, figures in PRINTED[dataset].items():
        if name in "lav":
            label = f"ARGF ({', '.join(m for m in 'alv' if m != name)} → {name})"
            changes, figures = {"model": "argf", "target": name}, (*figures, *PAPER[dataset, name])
        else:
            label, changes = name, {"model": IMPLEMENTED[name]} if name in IMPLEMENTED else None
        rows.append(Row(label, changes, dict(zip(columns, figures, strict=True))))
    rows += [Row("GFN on the UCLN features", {"model": "argf", "without": "embedding"}, {}),
             Row("logistic regression on the raw features", {"model": "logistic"}, {})]
    return Table(f"Table {number}: models on {dataset.upper()}", dataset, tuple(rows), "ARGF (a, v → l)", columns,
                 floors=True, notes=(
        "LMFN, CHFusion and HFFN are cited by the paper, not described, and not implemented here. TFN and LMF are "
        "fusion strategies without the joint embedding space: like ARGF, BC-LSTM and GFN, they read the UCLN features. "
        "No protocol (–) where no epoch is picked."
        + " The paper's text says that Negative has by far the fewest utterances; in the published labels that is "
        "neutral, so the headings of its Table 3 may be permuted." * (dataset == "mosei")))


def ablations(dataset):
    """Table 5: ARGF without one of its parts."""
    return Table(f"Table 5: ARGF without one of its parts, {dataset.upper()}", dataset, tuple(
        Row(label, {"without": part}, dict(zip(AVERAGE, figures, strict=True)) if dataset == "mosi" else {})
        for label, part, *figures in (
            ("ARGF without adversarial training", "adversarial", 80.11, 80.23),
            ("ARGF without classifier", "classifier", 80.92, 80.98),
            ("ARGF without decoder", "decoder", 79.72, 79.76),
            ("ARGF", "nothing", 81.38, 81.52))))


def fusions(dataset):
    """Table 6: other fusion strategies in the place of the graph fusion network (Figure 4)."""
    column = {"mosi": 1, "iemocap": 2}.get(dataset)
    return Table(f"Table 6: fusion strategies in the joint embedding space, {dataset.upper()}", dataset, tuple(
        Row(printed[0], {"fusion": name}, {"accuracy": printed[column]} if column else {})
        for name, printed in FUSIONS.items()), FUSIONS["gfn"][0])


def protocols(dataset):
    """How much of a figure is the protocol: which parameters count, and who sees the test labels (D14)."""
    chosen = {"paper": ("fixed", "validation", "released"),
              "released": ("fixed", "validation", "released")}
    rows = [Row(f"{variant} variant, {protocol}", {"variant": variant, "protocol": protocol},
                dict(zip(AVERAGE, PAPER[dataset, "l"], strict=True)) if variant == protocol else {})
            for variant, some in chosen.items() for protocol in some]
    rows.append(Row("paper variant, fixed, UCLNs of 20 epochs", {"ucln_epochs": 20}, {}))
    return Table(f"Protocols: ARGF on {dataset.upper()} by what is reported", dataset, tuple(rows),
                 "paper variant, fixed", notes=(
        "fixed: an average of the parameters over a number of epochs set beforehand; the test labels are read once, at "
        "the end. validation: the epoch of the lowest validation loss. released: the epoch of the best *test* accuracy, with dropout and batch "
        "statistics left on, as in the authors' script: it peeks. The paper does not name its protocol; its figure "
        "stands where its authors' code does."))


def embedding_spaces(dataset):
    """Figure 5: the embedding space with and without the classifier, and the modality gap."""
    return Table(f"Figure 5: the joint embedding space, {dataset.upper()}", dataset, (
        Row("ARGF", {"without": "nothing"}, {}), Row("ARGF without classifier", {"without": "classifier"}, {}),
        Row("ARGF without adversarial training", {"without": "adversarial"}, {})))


def vertex_weights(dataset):
    """Figure 6: the weights of the 12 vertices, which the variants compute in different ways (D9, D10, D12)."""
    return Table(f"Figure 6: the weights of the vertices, {dataset.upper()}", dataset, tuple(
        Row(f"{variant} variant", {"model": "argf", "fusion": "gfn", "variant": variant}, {})
        for variant in ("paper", "released")), "paper variant")


def tables_of(dataset):
    """``{name: Table}`` of the paper's tables and figures for a data set, in its order. One has no runs."""
    number = {"mosi": 1, "iemocap": 2, "mosei": 3}[dataset]
    every = {
        f"table{number}": comparison(number, dataset),
        "table4": Table("Table 4: parameters and operations", dataset, ()),
        "table5": ablations(dataset), "table6": fusions(dataset), "figure5": embedding_spaces(dataset),
        "figure6": vertex_weights(dataset), "protocols": protocols(dataset)}
    return {name: every[name] for name in ORDER if name in every}

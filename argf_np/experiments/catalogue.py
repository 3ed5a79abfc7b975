"""The experiments: what to train for each, and what the paper prints beside it.

An experiment is made on a `Subject`, a corpus of any modalities and classes. Where the corpus is
one of the paper's three, the experiment has the name of the paper's table or figure.
"""

import re
import shlex
from dataclasses import asdict, dataclass, field

from ..data import Corpus
from ..errors import SettingError
from ..settings import PROTOCOLS, flag, settings_for
from . import printed
from .printed import AVERAGE

KINDS = ("comparison", "table4", "ablations", "fusions", "embedding", "vertices", "protocols",
         "claims")
COMPARISONS = {"mosi": "table1", "iemocap": "table2", "mosei": "table3"}
PAPER_NAMES = {"ablations": "table5", "fusions": "table6", "embedding": "figure5",
               "vertices": "figure6"}

BASELINES = {"tfn": "TFN", "lmf": "LMF", "bc_lstm": "BC-LSTM", "hffn": "HFFN",
             "chfusion": "CHFusion"}
LEFT_OUT = {"adversarial": "ARGF without adversarial training",
            "classifier": "ARGF without classifier",
            "decoder": "ARGF without decoder",
            "nothing": "ARGF"}
FUSION_LABELS = {"concatenation": "Concatenation + FC",
                 "multiplication": "Multiplication + FC",
                 "weighted_average": "Weighted Average",
                 "tensor": "Tensor Fusion",
                 "low_rank": "Low-rank Modality Fusion (LMF)",
                 "dynamic_graph": "Dynamic Fusion Graph (DFG)",
                 "gfn": "Graph Fusion Network (GFN)"}
# Rows of Tables 1 to 3 that stay open, and why.
NOT_IMPLEMENTED = {
    "LMFN": "no code of it is public, and its abstract leaves gates, sizes, loss and optimiser "
            "open, so a model of that name would mislead",
}


@dataclass(frozen=True)
class Subject:
    """What experiments are made on.

    - corpus: a `Corpus` with training and test videos.
    - dataset: what the settings call it, the name of a data set or of a file.
    - title: what tables call it.
    """

    corpus: Corpus
    dataset: str
    title: str

    @property
    def published(self):
        """The name of the paper's data set that this is, with its three modalities, or ""."""
        same_modalities = {*self.corpus.features} == {*"alv"}
        return (self.corpus.published or "") if same_modalities else ""

    @property
    def stem(self):
        """The title as a part of file names; synthetic data has names of its own."""
        words = re.findall(r"\w+", self.title.lower())
        if words and self.corpus.source == "synthetic":
            words.append("synthetic")
        return "-".join(words)

    def settings(self, **changes):
        """The settings for this corpus with ``changes``, see `settings_for`."""
        return settings_for(self.corpus, **{"dataset": self.dataset} | changes)

    def flags(self, settings):
        """The flags of `argf_np.train` that give these settings, without those of the preset."""
        usual = asdict(self.settings(protocol=settings.protocol))
        usual["protocol"] = self.settings().protocol
        flags = []
        for name, value in asdict(settings).items():
            if value != usual[name]:
                text = "" if value is True else f" {shlex.quote(str(value))}"
                flags.append(flag(name) + text)
        return flags

    def command(self, settings):
        """The command that repeats a run."""
        return " ".join([f"python -m argf_np.train --source {self.corpus.source} "
                         f"--dataset {shlex.quote(self.dataset)}", *self.flags(settings)])


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a table.

    - changes: to the settings of the corpus, all that the label says; None if nothing is trained.
    - paper: the paper's figures in percent by column.
    - reason: why nothing is trained.
    """

    label: str
    changes: dict | None
    paper: dict = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Experiment:
    """A table or figure.

    - kind: one of `KINDS`.
    - reference: label of the row with which the others are compared.
    - by_class: columns of a second table, one per class.
    - alone: whether each modality alone and the most frequent class are rows too.
    - notes: what to say below the table.
    """

    kind: str
    title: str
    rows: tuple[Row, ...] = ()
    reference: str = "ARGF"
    by_class: tuple[str, ...] = ()
    alone: bool = False
    notes: str = ""

    def runs(self, subject, seeds, common):
        """``{row: [Settings of each seed]}`` of what is trained.

        - common: changes to the settings of the corpus for all rows.
        """
        wanted = {}
        for row in self.rows:
            if row.changes is not None:
                changes = common | row.changes
                wanted[row] = [subject.settings(**changes, seed=seed) for seed in range(seeds)]
        return wanted


def name_of(kind, published):
    """The name of an experiment on a data set of the paper, or on "", any other corpus."""
    if not published:
        return kind
    return COMPARISONS[published] if kind == "comparison" else PAPER_NAMES.get(kind, kind)


def names_of(published):
    """``{name: kind}`` of the experiments on a data set of the paper, or on "", any other."""
    names = {name_of(kind, published): kind for kind in KINDS}
    if not published:
        del names["table4"]  # it counts what the paper counts
    return names


def chosen(names, published):
    """The names among those of `names_of` that were asked for; "all" are all of them.

    Raises SettingError for any other name.
    """
    known = names_of(published)
    found = []
    for name in names:
        if name_of(name, published) in known:
            found.append(name_of(name, published))
        elif name == "all":
            found += known
        else:
            raise SettingError(f"{name}: no experiment of {published or 'this corpus'}, "
                               + _expected(name, known))
    return [*dict.fromkeys(found)]


def _expected(name, known):
    for dataset in COMPARISONS:
        if name in names_of(dataset):
            return f"but of --dataset {dataset}"
    return f"expected {', '.join(known)}, all"


def experiments_of(subject):
    """``{name: Experiment}`` in the order of the paper."""
    found = [comparison(subject), ablations(subject), fusions(subject), embedding(subject),
             vertices(subject)]
    every = [row for experiment in found for row in experiment.rows]
    found += [Experiment("table4", "Table 4: parameters and operations"), protocols(subject),
              Experiment("claims", "What the paper claims, and what is found", tuple(every))]
    by_kind = {experiment.kind: experiment for experiment in found}
    return {name: by_kind[kind] for name, kind in names_of(subject.published).items()}


def by_corpus(path):
    """A key that sorts files NAME_TITLE by their corpus: the paper's first, in its order."""
    title = path.stem.partition("_")[2]
    for place, dataset in enumerate(COMPARISONS):
        if title.startswith(dataset):
            return place, title
    return len(COMPARISONS), title


def _title(subject, kind, words):
    name = name_of(kind, subject.published)
    number = f"{name[:-1].capitalize()} {name[-1]}: " if name != kind else ""
    words = words if number else words[0].upper() + words[1:]
    return f"{number}{words}, {subject.title}"


def comparison(subject):
    """Tables 1 to 3: ARGF with each target modality, beside other models."""
    published, corpus = subject.published, subject.corpus
    models = {label: {"model": name} for name, label in BASELINES.items()}
    cited = [label for label in printed.MODELS.get(published, ()) if label not in corpus.features]
    rows = []
    for label in dict.fromkeys([*cited, *models]):
        reason = "" if label in models else NOT_IMPLEMENTED[label]
        rows.append(Row(label, models.get(label), printed.of_model(published, label), reason))
    usual = subject.settings().target
    for target in dict.fromkeys([usual, *corpus.features]):
        changes = {"model": "argf", "target": target}
        rows.append(Row(argf_label(corpus, target), changes, printed.of_model(published, target)))
    features = "UCLN outputs" if corpus.contextual else "raw features"
    rows += [Row("GFN on the UCLN features",
                 {"model": "argf", "fusion": "gfn", "without": "embedding"}),
             Row(f"logistic regression on the {features}", {"model": "logistic"})]
    of_classes = [name for name in printed.COLUMNS.get(published, ()) if name not in AVERAGE]
    return Experiment(
        "comparison", _title(subject, "comparison", "ARGF and other models"), tuple(rows),
        argf_label(corpus, usual), tuple(of_classes or corpus.classes), alone=True,
        notes=comparison_notes(rows, published))


def argf_label(corpus, target):
    """ARGF and its target modality: "ARGF (a, v → l)"."""
    sources = [m for m in corpus.features if m != target]
    return f"ARGF ({', '.join(sources)} → {target})"


def comparison_notes(rows, published):
    """What to say below a table of models."""
    notes = [f"{row.label}: {row.reason}." for row in rows if row.reason]
    notes.append("TFN and LMF are fusion strategies without the joint embedding space. Like ARGF, "
                 "BC-LSTM, HFFN and CHFusion, they read the UCLN features. The variant is the "
                 "reading of a model that a row shows; the files of `argf_np/baselines` say where "
                 "it is from. Where the last parameters are kept, there is no protocol (–). HFFN "
                 "stops by the validation loss where that split can be trusted, or where the "
                 "protocol is validation or released. CHFusion has fewer epochs than its authors "
                 "give it.")
    if published == "mosei":
        notes.append("The paper's text says that Negative has by far the fewest utterances. In "
                     "the published labels that is neutral, so the headings of its Table 3 may "
                     "be permuted.")
    return " ".join(notes)


def ablations(subject):
    """Table 5: ARGF without one of its parts."""
    rows = []
    for part, label in LEFT_OUT.items():
        figures = printed.of_ablation(subject.published, part)
        rows.append(Row(label, {"model": "argf", "without": part}, figures))
    title = _title(subject, "ablations", "ARGF without one of its parts")
    return Experiment("ablations", title, tuple(rows))


def fusions(subject):
    """Table 6: other fusion strategies in place of the graph fusion network (Figure 4)."""
    rows = []
    for name, label in FUSION_LABELS.items():
        changes = {"model": "argf", "fusion": name}
        rows.append(Row(label, changes, printed.of_fusion(subject.published, name)))
    title = _title(subject, "fusions", "fusion strategies in the joint embedding space")
    return Experiment("fusions", title, tuple(rows), FUSION_LABELS["gfn"])


def protocols(subject):
    """How much of a figure is due to the protocol, that is, to which parameters are kept (D14)."""
    rows = []
    for variant in ("paper", "released"):
        for protocol in PROTOCOLS:
            changes = {"model": "argf", "variant": variant, "protocol": protocol}
            if protocol in ("validation", "released") and not len(
                    subject.corpus.split["validation"]):
                rows.append(Row(f"{variant} variant, {protocol}", None,
                                reason="no video is in the split validation"))
                continue
            both = (variant, protocol) == ("released", "released")
            figures = printed.of_model(subject.published, "l") if both else {}
            rows.append(Row(f"{variant} variant, {protocol}", changes, figures))
    return Experiment(
        "protocols", f"Protocols: ARGF by what is reported, {subject.title}", tuple(rows),
        "paper variant, fixed", notes=PROTOCOLS_IN_WORDS)


PROTOCOLS_IN_WORDS = """\
- fixed: an average of the parameters over a number of epochs that is set beforehand. Test labels \
are read once, at the end.
- validation: the epoch of the lowest validation loss, evaluated as usual.
- released: the inner loop of the authors' script. The validation loss is computed with dropout \
and batch statistics left on; training stops 20 epochs after its minimum; the test utterances are \
predicted once, in the same mode. No test label is read to choose. What the paper reports is the \
best *test* accuracy of such runs over many settings and seeds (see the search), so its figure is \
not that of one run.
- best_test: the epoch of the best *test* accuracy among those of fixed, in the mode of released. \
It reads the test labels to choose, so it is no result. It shows what choosing an epoch by them \
gives in this mode. Evaluated as usual, a network may be better."""


def embedding(subject):
    """Figure 5: the embedding space, also without the classifier and without the adversary."""
    rows = [Row(LEFT_OUT[part], {"model": "argf", "without": part})
            for part in ("nothing", "classifier", "adversarial")]
    title = _title(subject, "embedding", "the joint embedding space")
    return Experiment("embedding", title, tuple(rows))


def vertices(subject):
    """Figure 6: the weights of the vertices, which the variants compute in different ways."""
    rows = [Row(f"{variant} variant", {"model": "argf", "fusion": "gfn", "variant": variant})
            for variant in ("paper", "released")]
    title = _title(subject, "vertices", "the weights of the vertices")
    return Experiment("vertices", title, tuple(rows), "paper variant")

"""Each claim of the paper that can be tested here, beside what every corpus says of it.

The experiment `claims` writes a file of findings per corpus, ``claims_STEM.json``, and one table
of all of these files that are in the folder.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..paper.vertices import bimodal, trimodal
from ..storage import files
from .catalogue import BASELINES, FUSION_LABELS, LEFT_OUT, argf_label, by_corpus
from .figures_5_and_6 import measure
from .markdown import grid, page, with_ends
from .result_table import accuracy, floors, gain
from .statistics import LEVEL, mean_interval

LARGE = 1.0  # a difference of at least this many points of accuracy counts as large


class Finding(NamedTuple):
    """A number with its interval, in points of accuracy unless the label says otherwise."""

    label: str
    mean: float
    low: float
    high: float


class Claim(NamedTuple):
    """A claim of the paper.

    - holds: what the paper says of every finding: that it is "above 0", "below 0" or "small";
      "" where there is nothing to compare.
    - findings: a function of the results ``{kind: {label: results}}`` and the `Subject`. It
      returns a list of `Finding`; an empty one where the corpus cannot say.
    """

    name: str
    words: str
    paper: str
    holds: str
    findings: Callable


def argf(results, subject):
    """The runs of ARGF with the usual target modality."""
    return results["comparison"][argf_label(subject.corpus, subject.settings().target)]


def reached(results, subject):
    """The accuracy of ARGF."""
    return [Finding("accuracy", *accuracy(argf(results, subject)))]


def against(some, others):
    """How far some runs are ahead of each of ``{label: runs}``."""
    return [Finding(label, *gain(some, runs)) for label, runs in others.items()]


def single_modalities(results, subject):
    """How far ARGF is ahead of each modality alone."""
    found = floors(results["comparison"])
    alone = {label: runs for label, runs in found.items() if label.endswith(" alone")}
    return against(argf(results, subject), alone)


def baselines(results, subject):
    """How far ARGF is ahead of each model of Tables 1 to 3 that is implemented."""
    rows = results["comparison"]
    others = {label: rows[label] for label in BASELINES.values() if label in rows}
    return against(argf(results, subject), others)


def targets(results, subject):
    """How far ARGF with each other target modality is ahead of ARGF with the usual one."""
    usual, others = argf(results, subject), {}
    for m in subject.corpus.features:
        label = argf_label(subject.corpus, m)
        if results["comparison"][label] is not usual:
            others[f"target {m}"] = results["comparison"][label]
    return [Finding(label, *gain(runs, usual)) for label, runs in others.items()]


def left_out(part):
    """The function that says how far ARGF is ahead of itself without a part."""
    def findings(results, subject):
        rows = results["ablations"]
        return against(rows[LEFT_OUT["nothing"]], {LEFT_OUT[part]: rows[LEFT_OUT[part]]})

    return findings


def strategies(results, subject):
    """How far the graph is ahead of each other fusion strategy."""
    rows = results["fusions"]
    graph = FUSION_LABELS["gfn"]
    return against(rows[graph], {label: runs for label, runs in rows.items() if label != graph})


def embedding_space(results, subject):
    """How far a fusion of the embedding is ahead of the same fusion of the UCLN features."""
    models, fusions = results["comparison"], results["fusions"]
    pairs = {"graph": (argf(results, subject), models["GFN on the UCLN features"]),
             "tensor fusion": (fusions[FUSION_LABELS["tensor"]], models[BASELINES["tfn"]]),
             "low-rank fusion": (fusions[FUSION_LABELS["low_rank"]], models[BASELINES["lmf"]])}
    return [Finding(label, *gain(*pair)) for label, pair in pairs.items()]


def space_changes(part, name):
    """The function that says how far ARGF's embedding differs from that without a part.

    - name: "gap", between modalities, or "separation", between classes.
    """
    def findings(results, subject):
        rows, found = results["embedding"], []
        for place, label in enumerate(("probe", "distance, not in points")):
            values = [measure(rows[LEFT_OUT[which]], name, place, 1) for which in ("nothing", part)]
            found.append(over_seeds(label, values[0] - values[1]))
        return found

    return findings


def over_seeds(label, values):
    """The `Finding` of one number per seed."""
    mean, half = mean_interval(values)
    return Finding(label, mean, mean - half, mean + half)


def weights_of(results, choose):
    """A finding per variant: ``choose`` of the mean weights (seeds, vertices)."""
    found = []
    for label, some in results["vertices"].items():
        weights = np.array([result["weights"][0] for result in some])
        found.append(over_seeds(label, choose(weights)))
    return found


def language(results, subject):
    """The weight of language minus the largest weight of another modality."""
    modalities = [*subject.corpus.features]
    if "l" not in modalities:
        return []
    l = modalities.index("l")
    others = [i for i in range(len(modalities)) if i != l]
    return weights_of(results, lambda weights: weights[:, l] - weights[:, others].max(axis=1))


def language_in_pairs(results, subject):
    """The mean weight of the bimodal vertices with language minus that of the others."""
    modalities = [*subject.corpus.features]
    pairs = [*bimodal(tuple(modalities)).values()]
    with_l = np.array(["l" in pair for pair in pairs])
    if with_l.all() or not with_l.any():
        return []

    def ahead(weights):
        layer = weights[:, len(modalities):len(modalities) + len(pairs)]
        return layer[:, with_l].mean(axis=1) - layer[:, ~with_l].mean(axis=1)

    return weights_of(results, ahead)


def two_bimodal_sources(results, subject):
    """The trimodal weight on vertices of two bimodal ones, minus what equal weights would be."""
    modalities = tuple(subject.corpus.features)
    sources = [*trimodal(modalities).values()]
    both = np.array([not {*pair} & {*modalities} for pair in sources], bool)
    if both.all() or not both.any():
        return []

    def ahead(weights):
        return weights[:, -len(sources):][:, both].sum(axis=1) - both.mean()

    return weights_of(results, ahead)


CLAIMS = (
    Claim("accuracy", "ARGF's accuracy", "81.38 on MOSI, 60.69 on IEMOCAP, with the best setting "
          "and seed of a search by test accuracy (D14)", "", reached),
    Claim("fusion", "Fusing is better than every single modality (Introduction). ARGF ahead of",
          "“always fares better”, no figure", "above 0", single_modalities),
    Claim("baselines", "ARGF is better than the models before it (Tables 1, 2). ARGF ahead of",
          "MOSI: TFN 3.08, LMF 5.58, BC-LSTM 3.48, HFFN 1.18, CHFusion 1.38; IEMOCAP: 6.41, 7.52, "
          "4.99, 3.57, 2.34", "above 0", baselines),
    Claim("target", "The target modality makes no large difference (Tables 1, 2). Ahead of the "
          "usual target", "MOSI: a −0.13, v −0.26; IEMOCAP: −0.49, −0.49", "small", targets),
    Claim("adversarial", "Without adversarial training it is worse (Table 5). ARGF ahead of",
          "MOSI: 1.27", "above 0", left_out("adversarial")),
    Claim("classifier", "Without the classifier it is worse (Table 5). ARGF ahead of",
          "MOSI: 0.46", "above 0", left_out("classifier")),
    Claim("decoder", "Without decoders it is worse (Table 5). ARGF ahead of", "MOSI: 1.66",
          "above 0", left_out("decoder")),
    Claim("strategies", "The graph is better than the six other fusion strategies (Table 6). "
          "Ahead of", "MOSI: 1.19 to 2.66; IEMOCAP: 0.56 to 2.41", "above 0", strategies),
    Claim("space", "The joint embedding space helps whatever fuses in it (Tables 1, 2, 6). With "
          "it ahead of without it", "MOSI: tensor fusion 1.35, low-rank 2.92; IEMOCAP: 5.18, 6.04",
          "above 0", embedding_space),
    Claim("gap", "Adversarial training closes the gap between modalities. Change of the gap",
          "no figure", "below 0", space_changes("adversarial", "gap")),
    Claim("discriminative", "The classifier keeps the classes apart in the embedding (Figure 5). "
          "Change of the separation of classes", "a picture", "above 0",
          space_changes("classifier", "separation")),
    Claim("language", "Language weighs most of all modalities (Figure 6). Its weight ahead of the "
          "next, not in points", "a picture", "above 0", language),
    Claim("pairs", "Bimodal vertices with language weigh more (Figure 6). Their mean weight ahead "
          "of the others', not in points", "a picture", "above 0", language_in_pairs),
    Claim("trimodal", "Trimodal vertices that fuse two bimodal ones dominate their layer "
          "(Figure 6). Their share ahead of equal weights, not in points", "a picture", "above 0",
          two_bimodal_sources),
)


def write(subject, results, folder):
    """Write the findings of a corpus, and the table of all corpora. Returns its Markdown.

    - results: ``{kind: {label: [result of each seed]}}``.
    """
    found = {claim.name: claim.findings(results, subject) for claim in CLAIMS}
    files.write_json(folder / f"claims_{subject.stem}.json", {
        "title": subject.title, "source": subject.corpus.source,
        "seeds": len(argf(results, subject)), "findings": found})
    text = table([json.loads(path.read_text(encoding="utf-8"))
                  for path in sorted(folder.glob("claims_*.json"), key=by_corpus)])
    files.write_text(folder / "claims.md", text)
    return text


def table(corpora):
    """The table of the claims.

    - corpora: list of ``{"title", "source", "seeds", "findings": {claim: list of `Finding`}}``.
    """
    header = ["claim", "the paper"]
    for corpus in corpora:
        synthetic = ", SYNTHETIC data" if corpus["source"] == "synthetic" else ""
        header.append(f"{corpus['title']}{synthetic} ({corpus['seeds']} seeds)")
    lines, count = [], 0
    for claim in CLAIMS:
        cells = [claim.words, claim.paper]
        for corpus in corpora:
            findings = [Finding(*finding) for finding in corpus["findings"][claim.name]]
            cells.append(cell(claim, findings))
            if claim.holds:
                count += sum(not np.isnan(finding.low) for finding in findings)
        lines.append(cells)
    return page(
        "## What the paper claims, and what is found",
        "Accuracies are in percent, differences in points, each with its 95 % interval: of "
        "accuracies for other seeds and other test videos, of Figures 5 and 6 for other seeds. "
        "“Holds”: the interval lies on the claimed side of 0. “Contradicted”: it lies on the "
        f"other side. A difference is small if its interval lies within ±{LARGE:g} point. The "
        f"table makes {count} comparisons. About {count * (1 - LEVEL):.2g} of the intervals would "
        "exclude 0 by chance if there were no difference at all.",
        grid(header, lines))


def cell(claim, findings):
    """What one corpus says of a claim."""
    if not findings:
        return "–"
    places = [3 if "not in points" in claim.words + finding.label else 2 for finding in findings]
    numbers = []
    for finding, digits in zip(findings, places, strict=True):
        label = finding.label.removesuffix(", not in points")
        sign = "+" if claim.holds else ""
        numbers.append(f"{label}: {with_ends(*finding[1:], places=digits, sign=sign)}")
    return "<br>".join([*verdict(claim.holds, findings), *numbers])


def verdict(holds, findings):
    """How many of the findings support a claim, and how many contradict it: a list of texts."""
    if not holds:
        return []
    supports, contradicts = 0, 0
    for _, _, low, high in findings:
        if holds == "small":
            supports += -LARGE < low and high < LARGE
            contradicts += low > LARGE or high < -LARGE
        else:
            supports += low > 0 if holds == "above 0" else high < 0
            contradicts += high < 0 if holds == "above 0" else low > 0
    n = len(findings)
    if supports == n:
        return ["**holds**"]
    if supports == contradicts == 0:
        return ["**undecided**"]
    if contradicts == n:
        return ["**contradicted**"]
    texts = [f"holds for {supports} of {n}"] if supports else []
    texts += [f"contradicted for {contradicts} of {n}"] if contradicts else []
    return ["**" + ", ".join(texts) + "**"]

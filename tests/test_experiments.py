"""Tables and figures: the paper's figures in them, their rows on any corpus, what is written."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from helpers import read_csv, refused

from argf_np import settings as names
from argf_np.data import Corpus
from argf_np.experiments import __main__ as experiments
from argf_np.experiments import catalogue, claims, figures_5_and_6, printed, result_table
from argf_np.experiments.catalogue import Experiment, Row, Subject, experiments_of
from argf_np.settings import preset

CLASSES = {"mosi": ("negative", "positive"), "mosei": ("negative", "neutral", "positive"),
           "iemocap": ("happy", "sad", "neutral", "angry", "excited", "frustrated")}
OF_THE_PAPER = {"table1": "mosi", "table2": "iemocap", "table3": "mosei", "table5": "mosi",
                "table6": "mosi"}


def subject_of(name, modalities="alv", classes=None, title=None, **changes):
    """A `Subject` of 2, 1 and 2 videos of two utterances."""
    classes = classes or CLASSES.get(name, ("calm", "tense", "angry"))
    rng = np.random.default_rng(0)
    corpus = Corpus(**{
        "name": name, "source": "real", "classes": classes,
        "published": name if name in CLASSES else None,
        "video_ids": tuple("pqrst"), "starts": np.arange(0, 11, 2),
        "ids": tuple(f"u{i}" for i in range(10)), "words": tuple(f"word {i}" for i in range(10)),
        "features": {m: rng.standard_normal((10, 3)) for m in modalities},
        "labels": np.arange(10) % len(classes),
        "split": {"train": np.arange(2), "validation": np.arange(2, 3), "test": np.arange(3, 5)},
    } | changes)
    return Subject(corpus, name, title or name.upper())


@pytest.fixture(scope="module")
def paper():
    """The text of the paper, from beside the checkout."""
    path = Path(__file__).resolve().parents[2] / "shared" / "paper" / "ARGF.md"
    if not path.exists():
        pytest.skip(f"needs the text of the paper in {path}")
    return path.read_text(encoding="utf-8")


# What the paper prints


def printed_table(paper, number):
    """``{label: figures}`` of a table: the lines before its caption that end with a figure."""
    rows, before = {}, paper[:paper.index(f"\nTable {number}: ")].rstrip().split("\n")
    while True:
        cells = re.sub("</?b>", "", before.pop()).split("\t")
        if not cells[-1].strip():
            return rows
        if not re.fullmatch(r"[\d.-]+", cells[-1]):
            continue  # headings
        target = re.search(r"rightarrow (\w)", cells[0])
        label = re.sub(r" \(.*?\d{4}.?\)|, ours", "", cells[0]).replace("CHF-", "CH")
        figures = [None if cell == "-" else float(cell) for cell in cells[1:]]
        rows[target[1] if target else label] = figures


@pytest.mark.parametrize(("name", "dataset"), OF_THE_PAPER.items())
def test_the_papers_figures_are_as_printed(name, dataset, paper):
    rows = printed_table(paper, name[-1])
    ours = {row.label: [*row.paper.values()]
            for row in experiments_of(subject_of(dataset))[name].rows if row.paper}
    if name in ("table1", "table2", "table3"):
        ours = {label[-2] if label.startswith("ARGF") else label: figures
                for label, figures in ours.items()}
    elif name == "table5":
        rows = {re.sub("[()]", "", label).lower(): figures for label, figures in rows.items()}
        ours = {label.lower(): figures for label, figures in ours.items()}
    else:
        rows = {label: figures[:1] for label, figures in rows.items()}
    assert ours == rows


def test_table_6_has_the_papers_figures_for_iemocap_too(paper):
    rows = printed_table(paper, 6)
    ours = experiments_of(subject_of("iemocap"))["table6"].rows
    assert {row.label: row.paper["accuracy"] for row in ours} == {
        label: figures[1] for label, figures in rows.items()}
    assert not any(row.paper for row in experiments_of(subject_of("mosei"))["table6"].rows)


@pytest.mark.parametrize(("name", "dataset", "first", "initials"), [
    ("table2", "iemocap", "Models\tHappy", "hsnaef"),
    ("table3", "mosei", "Models\tPositive", "pnn")])
def test_columns_are_in_the_order_of_the_paper(name, dataset, first, initials, paper):
    before_caption = paper[:paper.index(f"\nTable {name[-1]}: ")]
    heading = before_caption[before_caption.index(first):].split("\n")[0].lower().split("\t")
    columns = experiments_of(subject_of(dataset))[name].by_class
    columns = [column for column in columns if column in heading]
    assert "".join(column[0] for column in columns) == initials
    places = [heading.index(column) for column in columns]
    assert places == sorted(places)


def test_figures_in_the_claims_are_differences_of_printed_ones():
    """Every number of the column "the paper" is a printed figure or a difference of two."""
    figures = {81.38, 60.69}
    for dataset in ("mosi", "iemocap"):
        accuracy = {label: row[-1] if label in "lav" else row[-2]
                    for label, row in printed.MODELS[dataset].items() if row}
        accuracy |= {m: printed.of_model(dataset, m)["accuracy"] for m in "lav"}
        fusions = {name: printed.of_fusion(dataset, name)["accuracy"] for name in names.FUSIONS}
        for label in ("TFN", "LMF", "BC-LSTM", "HFFN", "CHFusion"):
            figures.add(round(accuracy["l"] - accuracy[label], 2))
        figures |= {round(accuracy[m] - accuracy["l"], 2) for m in "av"}
        figures |= {round(fusions["gfn"] - figure, 2) for figure in fusions.values()}
        figures |= {round(fusions["tensor"] - accuracy["TFN"], 2),
                    round(fusions["low_rank"] - accuracy["LMF"], 2)}
    argf = printed.of_ablation("mosi", "nothing")["accuracy"]
    for part in ("adversarial", "classifier", "decoder"):
        figures.add(round(argf - printed.of_ablation("mosi", part)["accuracy"], 2))
    said = [float(number.replace("−", "-")) for claim in claims.CLAIMS
            for number in re.findall(r"−?\d+\.\d\d", claim.paper)]
    assert len(said) > 20
    assert set(said) <= figures


# Rows


@pytest.mark.parametrize("dataset", ["mosi", "iemocap", "mosei", "mine"])
def test_every_row_differs_from_the_reference_as_its_label_says(dataset):
    subject = subject_of(dataset)
    for experiment in experiments_of(subject).values():
        wanted = experiment.runs(subject, 1, {})
        if experiment.kind == "claims" or not wanted:
            continue
        runs = {row.label: asdict(settings) for row, (settings,) in wanted.items()}
        reference = runs[experiment.reference]
        usual = {"modalities": "a,l,v", "target": "l"}
        assert reference == asdict(preset(dataset, **usual)), "the reference is the default"
        for row in wanted:
            changed = {name for name, value in runs[row.label].items() if value != reference[name]}
            assert changed <= {*row.changes, "epochs"}, "protocol released sets the epochs"
            assert changed or row.label == experiment.reference, f"{row.label} is the reference"
        labels = [row.label for row in experiment.rows]
        assert len(labels) == len(set(labels))


def test_every_model_fusion_ablation_and_protocol_has_a_row():
    rows = experiments_of(subject_of("mosi"))["protocols"].rows
    assert [row.label for row in rows if row.paper] == ["released variant, released"]
    by_name = experiments_of(subject_of("mine"))
    changes = {name: [row.changes for row in experiment.rows]
               for name, experiment in by_name.items()}
    assert {row["model"] for row in changes["comparison"]} == {*names.MODELS}
    assert [row["fusion"] for row in changes["fusions"]] == [
        *(name for name in names.FUSIONS if name != "gfn"), "gfn"]
    assert {row["without"] for row in changes["ablations"]} == {
        "nothing", "adversarial", "classifier", "decoder"}
    assert {(row["variant"], row["protocol"]) for row in changes["protocols"]} == {
        (variant, protocol) for variant in ("paper", "released")
        for protocol in ("fixed", "validation", "released", "best_test")}


def test_names_are_the_papers_on_its_data_sets_alone():
    assert [*experiments_of(subject_of("mosi"))] == [
        "table1", "table4", "table5", "table6", "figure5", "figure6", "protocols", "claims"]
    generic = ["comparison", "ablations", "fusions", "embedding", "vertices", "protocols", "claims"]
    assert [*experiments_of(subject_of("mine"))] == generic
    rebuilt = subject_of("iemocap", "lad")
    assert [*experiments_of(rebuilt)] == generic, "other features than the paper's"
    for experiment in experiments_of(rebuilt).values():
        assert not any(row.paper for row in experiment.rows)


def test_rows_follow_the_corpus():
    subject = subject_of("mine", ("pulse", "speech"), contextual=True)
    comparison = experiments_of(subject)["comparison"]
    labels = [row.label for row in comparison.rows]
    assert labels[-4:] == ["ARGF (speech → pulse)", "ARGF (pulse → speech)",
                           "GFN on the UCLN features",
                           "logistic regression on the UCLN outputs"]
    assert comparison.reference == "ARGF (speech → pulse)", "without language the first modality"
    assert comparison.by_class == ("calm", "tense", "angry")
    assert comparison.title == "ARGF and other models, MINE"
    assert "LMFN" not in labels
    runs = comparison.runs(subject, 1, {})
    assert {settings.modalities for [settings] in runs.values()} == {"pulse,speech"}


def test_protocols_that_need_validation_say_so_without_it():
    split = {"train": np.arange(3), "validation": np.arange(0), "test": np.arange(3, 5)}
    rows = experiments_of(subject_of("mine", split=split))["protocols"].rows
    reasons = {row.label: row.reason for row in rows if row.changes is None}
    assert reasons == {f"{variant} variant, {protocol}": "no video is in the split validation"
                       for variant in ("paper", "released")
                       for protocol in ("validation", "released")}


def test_a_flag_for_all_rows_leaves_what_a_row_is_about():
    """With --target a, the row "a, v → l" still has language as its target, and Table 5 has a."""
    subject = subject_of("mosi")
    tables = experiments_of(subject)

    def runs(name, seeds=1, **common):
        return [*tables[name].runs(subject, seeds, common).values()]

    targets = [settings.target for [settings] in runs("table1", target="a")]
    assert targets.count("l") == targets.count("v") == 1
    assert {settings.target for [settings] in runs("table5", target="a")} == {"a"}
    protocols = {settings.protocol for [settings] in runs("protocols", protocol="released")}
    assert protocols == {"fixed", "validation", "released", "best_test"}
    assert [settings.seed for settings in runs("table5", seeds=3)[0]] == [0, 1, 2]
    for name in ("table5", "table6", "figure5", "figure6", "protocols"):
        for [settings] in runs(name, model="hffn"):
            assert settings.model == "argf", "these rows are about ARGF"
    fusions = {settings.fusion for [settings] in runs("table1", fusion="tensor")
               if settings.without == "embedding"}
    assert fusions == {"gfn"}


def test_commands_repeat_a_run_by_its_changes_alone():
    subject = subject_of("iemocap")
    settings = subject.settings(protocol="released", seed=3, lr=0.01, learn_w=True)
    assert subject.command(settings) == (
        "python -m argf_np.train --source real --dataset iemocap --protocol released --seed 3 "
        "--lr 0.01 --learn-w")
    assert settings.epochs == 500, "the preset of the protocol"


def test_titles_make_names_of_files():
    assert subject_of("mosi", title="MOSI, the authors' UCLN outputs").stem == (
        "mosi-the-authors-ucln-outputs")
    assert subject_of("mosi", source="synthetic").stem == "mosi-synthetic", "it replaces no result"


# What is written

LABEL = np.array([0, 1, 1, 1, 0, 1, 0, 1])
WRONG = 1 - LABEL
HALF = np.where(np.arange(8) % 2, LABEL, WRONG)


def result(prediction, seed, warnings=(), **changes):
    """What `runs.execute` would return of a test set of four videos."""
    return {
        "settings": np.array(json.dumps(asdict(preset("mosi", seed=seed, k=3, **changes)))),
        "classes": np.array(["negative", "positive"]), "modalities": np.array([*"alv"]),
        "label": LABEL, "prediction": np.array(prediction),
        "video": np.array([0, 0, 1, 1, 2, 2, 3, 3]), "epoch": np.array(2),
        "unimodal": np.array([LABEL, WRONG, np.ones(8, int)]), "validation": np.array(0.5),
        "warnings": np.array(warnings, dtype=str), "unimodal_warnings": np.array(["", "", ""])}


@pytest.fixture(scope="module")
def rendered():
    """A table of four rows, of which one is not implemented: on real and on synthetic data."""
    rows = (Row("TFN", {"model": "logistic"}, {"accuracy": 78.3, "weighted F1": None,
                                               "negative": 11.0}),
            Row("LMFN", None, {"accuracy": 80.9}, "not implemented"),
            Row("BC-LSTM", {"model": "bc_lstm"}),
            Row("ARGF", {}, {"accuracy": 81.0}))
    experiment = Experiment("comparison", "Table 9: some models", rows, alone=True,
                            by_class=("negative", "positive"), notes="A note.")
    results = {
        "TFN": [result(WRONG, 0, model="logistic"),
                result([*LABEL[:4], *WRONG[4:]], 1, model="logistic")],
        "BC-LSTM": [result(LABEL, seed, model="bc_lstm", variant="released") for seed in (0, 1)],
        "ARGF": [result(LABEL, 0, protocol="validation"), result(LABEL, 1, protocol="validation")]}
    return [result_table.render(experiment, subject_of("mosi", source=source), results)
            for source in ("real", "synthetic")]


def cells(text, label):
    """The cells of all rows with this label."""
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in text.split("\n")
            if line.startswith(f"| {label} |")]


def test_table_has_the_papers_figures_beside_ours(rendered):
    text = rendered[0]
    assert text.startswith("## Table 9: some models\n\nIn percent of 8 test utterances of 4 videos")
    assert text.endswith("\n\nA note.\n")
    header, by_class = cells(text, "")
    assert header == ["accuracy", "the paper's", "weighted F1", "difference", "seeds", "protocol",
                      "variant", "source"], "the paper has no F1 of any row"
    assert by_class == ["negative", "the paper's", "positive"]
    first, first_class = cells(text, "TFN")
    assert first[0].startswith("25.00 [")
    assert first[1] == "78.30"
    assert first[3].startswith("-75.00 [")
    assert first[4:] == ["2", "–", "–", "real"], "a model whose epoch nothing chooses"
    assert cells(text, "BC-LSTM")[0][4:] == ["2", "–", "released", "real"], "but of two readings"
    assert first_class[1] == "11.00"
    assert cells(text, "LMFN") == [["–", "80.90", "–", "–", "–", "–", "–", "real"]]
    assert cells(text, "ARGF")[0] == [
        "100.00 [100.00, 100.00]", "81.00", "100.00 ± 0.00", "–", "2", "validation", "paper",
        "real"]


def test_scores_that_are_no_mean_have_an_interval_over_seeds(rendered):
    f1 = []
    for prediction in (WRONG, [*LABEL[:4], *WRONG[4:]]):
        true = [c for c in (0, 1) for _ in range((3, 5)[c])]
        assert sorted(LABEL) == true
        of_class = []
        for c in (0, 1):
            hits = sum(p == y == c for p, y in zip(prediction, LABEL, strict=True))
            of_class.append(2 * hits / (sum(p == c for p in prediction) + (3, 5)[c]))
        f1.append(100 * (3 * of_class[0] + 5 * of_class[1]) / 8)
    half = 12.7062 * np.std(f1, ddof=1) / np.sqrt(2)
    assert cells(rendered[0], "TFN")[0][2] == f"{np.mean(f1):.2f} ± {half:.2f}"


def test_under_a_class_is_its_accuracy_and_its_f1_where_that_is_said():
    """A model that says positive to all 8 utterances is right about all of the 5 that are."""
    always = [result(np.ones(8, int), seed) for seed in (0, 1)]
    experiment = Experiment("comparison", "Table 9", (Row("ARGF", {}),),
                            by_class=("negative", "positive", "positive F1"))
    text = result_table.render(experiment, subject_of("mosi"), {"ARGF": always})
    assert cells(text, "ARGF")[1] == ["0.00 ± 0.00", "100.00 ± 0.00", f"{1000 / 13:.2f} ± 0.00"]


def test_each_modality_alone_is_a_row_with_a_difference(rendered):
    l_alone, v_alone = cells(rendered[0], "l alone")[0], cells(rendered[0], "v alone")[0]
    assert l_alone[0] == "0.00 [0.00, 0.00]"
    assert l_alone[3] == "-100.00 [-100.00, -100.00]"
    assert v_alone[0].startswith("62.50 [")
    assert v_alone[0] == cells(rendered[0], "always positive")[0][0]
    assert v_alone[5:7] == ["–", "–"]


def test_words_below_the_table_say_what_the_intervals_say():
    in_paper = {"worse": 70.0, "like it": 79.0, "better": 85.0, "ARGF": 80.0}
    rows = [Row(label, {"k": 3}, {"accuracy": figure}) for label, figure in in_paper.items()]
    results = {row.label: [result(prediction, seed) for seed in range(3)]
               for row, prediction in zip(rows, (WRONG, HALF, LABEL, HALF), strict=True)}
    experiment = Experiment("fusions", "Table 9: some models", tuple(rows))
    text = result_table.render(experiment, subject_of("mosi"), results)
    assert "The paper has “ARGF” above 2 of the 3 rows that both tables have." in text
    assert "This table makes 3 comparisons with its reference." in text
    assert "Intervals without 0: 2 (worse, better)." in text


def test_an_equal_figure_of_the_paper_is_not_below():
    rows = [Row(label, {"k": 3}, {"accuracy": 80.0}) for label in ("like it", "ARGF")]
    results = {row.label: [result(HALF, 0)] for row in rows}
    experiment = Experiment("fusions", "Table 9: some models", tuple(rows))
    text = result_table.render(experiment, subject_of("mosi"), results)
    assert "The paper has “ARGF” above 0 of the 1 rows that both tables have." in text


def test_a_single_seed_is_called_so():
    rows = [Row(label, {"k": 3}) for label in ("better", "ARGF")]
    results = {row.label: [result(prediction, 0)]
               for row, prediction in zip(rows, (LABEL, HALF), strict=True)}
    experiment = Experiment("fusions", "Table 9: some models", tuple(rows))
    text = result_table.render(experiment, subject_of("mosi"), results)
    assert "; seed 0; no interval, since " in text
    assert "±" not in text


def test_the_note_about_table_3_is_below_table_3_alone():
    for dataset in ("mosi", "mosei", "iemocap"):
        [name] = [name for name in experiments_of(subject_of(dataset)) if name in (
            "table1", "table2", "table3")]
        notes = experiments_of(subject_of(dataset))[name].notes
        assert ("may be permuted" in notes) == (dataset == "mosei")


def test_a_flag_for_all_rows_hides_figures_that_are_of_another_argf():
    """With --target a, the paper's figure of target l stands only beside the row of target l."""
    rows = (Row("ARGF", {"model": "argf"}, {"accuracy": 81.0}),
            Row("to l", {"model": "argf", "target": "l"}, {"accuracy": 81.5}),
            Row("TFN", {"model": "tfn"}, {"accuracy": 78.0}))
    experiment = Experiment("comparison", "Table 9: some models", rows)

    def figures(**common):
        results = {row.label: [result(HALF, 0, **common | row.changes)] for row in rows}
        text = result_table.render(experiment, subject_of("mosi"), results)
        return [cells(text, row.label)[0][1] for row in rows]

    assert figures() == ["81.00", "81.50", "78.00"]
    assert figures(target="a") == ["", "81.50", "78.00"]
    assert figures(fusion="tensor") == figures(without="decoder") == ["", "", "78.00"]


def test_settings_for_all_rows_are_named(rendered):
    assert "Settings: the preset of mosi, but for --protocol validation, --k 3." in rendered[0]


def test_synthetic_data_is_named_in_heading_and_rows(rendered):
    real, synthetic = rendered
    assert "synthetic" not in real.lower()
    assert synthetic.startswith("## Table 9: some models, SYNTHETIC data\n")
    assert cells(synthetic, "ARGF")[0][-1] == "synthetic"


def test_every_line_of_a_grid_has_as_many_cells(rendered):
    for block in rendered[0].split("\n\n"):
        if block.startswith("|"):
            lines = block.strip().split("\n")
            assert len({line.count("|") for line in lines}) == 1
            assert set(lines[1]) == set("| -")


def test_rows_with_a_warning_are_marked():
    rows = (Row("worse", {"k": 3}), Row("ARGF", {}))
    collapsed = [result(WRONG, seed, [f"gives 'x' to 9{seed}.5 %"]) for seed in (0, 2)]
    results = {"worse": [collapsed[0], result(WRONG, 1), collapsed[1]],
               "ARGF": [result(LABEL, seed) for seed in range(3)]}
    text = result_table.render(Experiment("fusions", "Table 9", rows), subject_of("mosi"), results)
    assert len(cells(text, "worse†")) == 1
    assert len(cells(text, "ARGF")) == 1
    assert text.endswith("† Some of these runs have warnings:\n\n"
                         "- worse (seed 0, 2): gives 'x' to 90.5 % (in the first of them).\n")


def test_a_modality_whose_ucln_has_learnt_little_is_marked():
    rows = (Row("ARGF", {}),)
    some = [result(LABEL, seed) for seed in range(2)]
    some[1]["unimodal_warnings"] = np.array(["", "", "right on 60.0 %, a linear model on 70.0 %"])
    experiment = Experiment("comparison", "Table 9", rows, alone=True)
    text = result_table.render(experiment, subject_of("mosi"), {"ARGF": some})
    assert [len(cells(text, label)) for label in ("ARGF", "a alone", "v alone†")] == [1, 1, 1]
    assert "- v alone (seed 1): right on 60.0 %, a linear model on 70.0 %" in text


def test_warnings_about_different_classes_are_different_warnings():
    rows = (Row("worse", {"k": 3}), Row("ARGF", {}))
    collapsed = [result(WRONG, seed, [f"gives '{seed}' to 100 %"]) for seed in (0, 1)]
    results = {"worse": collapsed, "ARGF": [result(LABEL, seed) for seed in (0, 1)]}
    text = result_table.render(Experiment("fusions", "Table 9", rows), subject_of("mosi"), results)
    assert "- worse (seed 0): gives '0' to 100 %" in text
    assert "- worse (seed 1): gives '1' to 100 %" in text


# Claims


def finding(low, high):
    return claims.Finding("x", (low + high) / 2, low, high)


@pytest.mark.parametrize(("holds", "intervals", "words"), [
    ("above 0", [(0.1, 2), (1, 2)], "holds"),
    ("above 0", [(0.1, 2), (-1, 2)], "holds for 1 of 2"),
    ("above 0", [(0.1, 2), (-1, 2), (-2, -1)], "holds for 1 of 3, contradicted for 1 of 3"),
    ("above 0", [(-1, 2)], "undecided"),
    ("below 0", [(-2, -1)], "holds"),
    ("below 0", [(1, 2)], "contradicted"),
    ("small", [(-0.9, 0.9), (0.1, 0.2)], "holds"),
    ("small", [(-1.01, 0.9)], "undecided"),
    ("small", [(1.1, 2)], "contradicted"),
])
def test_verdicts_follow_the_intervals(holds, intervals, words):
    findings = [finding(*interval) for interval in intervals]
    assert claims.verdict(holds, findings) == [f"**{words}**"]


def vertex_result(weights):
    return {"weights": np.array([weights, np.zeros(len(weights))])}


def test_claims_about_vertices_compare_the_layers_of_the_graph():
    weights = [0.1, 0.6, 0.2, 0.4, 0.5, 0.1, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    results = {"vertices": {"paper variant": [vertex_result(weights)] * 2}}
    subject = subject_of("mosi")
    assert claims.language(results, subject)[0].mean == pytest.approx(0.6 - 0.2)
    # al, vl, av
    assert claims.language_in_pairs(results, subject)[0].mean == pytest.approx(0.45 - 0.1)
    # three vertices of two bimodal ones, then three of a bimodal and a unimodal one
    assert claims.two_bimodal_sources(results, subject)[0].mean == pytest.approx(0.7 - 0.5)
    mute = subject_of("mine", "xyz")
    assert claims.language(results, mute) == claims.language_in_pairs(results, mute) == []


def share_right(share, **more):
    """Two runs that are right about this share of the utterances of each of three videos."""
    right = np.tile(np.arange(200) < round(200 * share), 3)
    one = {"prediction": right.astype(int), "label": np.ones(600, int), "warnings": [],
           "video": np.repeat(np.arange(3), 200), "modalities": np.array([*"alv"]),
           "classes": np.array(["negative", "positive"]), "unimodal": np.zeros((0, 600), int),
           "unimodal_warnings": np.array(["", "", ""])}
    return [one | more] * 2


def models_as_claimed(subject):
    """The runs of Table 1, in which ARGF is ahead of every other row but another target."""
    alone = [share_right(share)[0]["prediction"] for share in (0.5, 0.6, 0.55)]
    rows = experiments_of(subject)["table1"].rows
    models = {row.label: share_right(0.8) for row in rows if row.changes is not None}
    shares = {"TFN": 0.7, "LMF": 0.65, "BC-LSTM": 0.75, "HFFN": 0.6, "CHFusion": 0.55,
              "ARGF (l, v → a)": 0.805, "ARGF (a, l → v)": 0.795, "GFN on the UCLN features": 0.72}
    models |= {label: share_right(share) for label, share in shares.items()}
    return models | {"ARGF (a, v → l)": share_right(0.8, unimodal=np.array(alone))}


def space(gap, separation):
    """The measures of two runs: of the UCLN features, and of the embedding."""
    return [{"gap": np.array([[0.1, 5], [gap, 10 * gap]]),
             "separation": np.array([[0.2, 6], [separation, 10 * separation]])}] * 2


def test_every_claim_compares_what_it_says():
    """With figures as the paper claims them, every claim holds, by as much as the figures say."""
    subject = subject_of("mosi")
    ablations = {"ARGF": 0.8, "ARGF without adversarial training": 0.77,
                 "ARGF without classifier": 0.78, "ARGF without decoder": 0.79}
    shares = (0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.8)  # the last is the graph's
    fusions = zip(catalogue.FUSION_LABELS.values(), shares, strict=True)
    weights = [0.1, 0.6, 0.2, 0.4, 0.5, 0.1, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    results = {
        "comparison": models_as_claimed(subject),
        "ablations": {label: share_right(share) for label, share in ablations.items()},
        "fusions": {label: share_right(share) for label, share in fusions},
        "embedding": {"ARGF": space(0.4, 0.9), "ARGF without classifier": space(0.4, 0.6),
                      "ARGF without adversarial training": space(0.7, 0.9)},
        "vertices": {"paper variant": [vertex_result(weights)] * 2},
    }
    found = {}
    for claim in claims.CLAIMS:
        findings = claim.findings(results, subject)
        found[claim.name] = pytest.approx([one.mean for one in findings])
        if claim.holds:
            assert claims.verdict(claim.holds, findings) == ["**holds**"], claim.name
    assert found == {
        "accuracy": [80], "fusion": [30, 20, 25], "baselines": [10, 15, 5, 20, 25],
        "target": [0.5, -0.5], "adversarial": [3], "classifier": [2], "decoder": [1],
        "strategies": [9, 8, 7, 6, 5, 4], "space": [8, 4, 10], "gap": [-30, -3],
        "discriminative": [30, 3], "language": [0.4], "pairs": [0.35], "trimodal": [0.2]}


def test_claims_of_several_corpora_stand_side_by_side():
    corpora = []
    for title, source in (("MOSI", "real"), ("MINE", "synthetic")):
        found = {claim.name: [] for claim in claims.CLAIMS}
        found |= {"accuracy": [("accuracy", 80.0, 78.0, 82.0)],
                  "decoder": [("ARGF without decoder", 2.0, 1.0, 3.0)]}
        corpora.append({"title": title, "source": source, "seeds": 4, "findings": found})
    text = claims.table(corpora)
    assert "| claim | the paper | MOSI (4 seeds) | MINE, SYNTHETIC data (4 seeds) |" in text
    line = next(line for line in text.split("\n") if "Without decoders" in line)
    assert line.count("**holds**<br>ARGF without decoder: +2.00 [+1.00, +3.00]") == 2
    assert "accuracy: 80.00 [78.00, 82.00]" in text
    assert "The table makes 2 comparisons." in text


def test_a_distance_has_more_digits_than_points_of_accuracy():
    """It is a small number, and points have two digits everywhere."""
    claim = next(claim for claim in claims.CLAIMS if claim.name == "gap")
    findings = [claims.Finding("probe", -3.0, -4.0, -2.0),
                claims.Finding("distance, not in points", -0.5, -0.6, -0.4)]
    assert claims.cell(claim, findings) == (
        "**holds**<br>probe: -3.00 [-4.00, -2.00]<br>distance: -0.500 [-0.600, -0.400]")


def test_without_an_interval_there_is_no_comparison():
    found = {claim.name: [] for claim in claims.CLAIMS}
    found["decoder"] = [("ARGF without decoder", 2.0, np.nan, np.nan)]
    text = claims.table([{"title": "MOSI", "source": "real", "seeds": 1, "findings": found}])
    assert "The table makes 0 comparisons." in text


def test_corpora_of_the_paper_come_first_in_the_claims(monkeypatch, tmp_path):
    """In its order, whatever order their names have, and whichever was measured last."""
    monkeypatch.setattr(claims, "CLAIMS", ())
    monkeypatch.setattr(claims, "argf", lambda results, subject: [])
    for dataset in ("mine", "iemocap", "mosi"):
        text = claims.write(subject_of(dataset), {}, tmp_path)
    titles = re.findall(r"(\w+) \(0 seeds\)", text)
    assert titles == ["MOSI", "IEMOCAP", "MINE"]


def test_raw_runs_have_their_warnings(tmp_path):
    some = [result(LABEL, 0, ["it has collapsed", "its weights hardly vary"]), result(LABEL, 1)]
    experiments.write_raw(tmp_path / "raw.csv", {"ARGF": some}, subject_of("mosi"))
    warnings = [line["warnings"] for line in read_csv(tmp_path / "raw.csv")]
    assert warnings == ["it has collapsed; its weights hardly vary", ""]


# The command


def test_report_puts_experiments_together_in_the_papers_order(tmp_path, capsys):
    in_order = ("table1_mosi", "table1_mosi-theirs", "table2_iemocap", "comparison_mine", "table4",
                "table6_mosi", "table6_iemocap", "fusions_mine", "protocols_mosi")
    for name in reversed(in_order):
        (tmp_path / f"{name}.md").write_text(f"## {name}\n", encoding="utf-8")
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert tuple(re.findall("## (.*)", text)) == in_order
    assert text.startswith("# Results\n\n## table1_mosi\n\n## table1")
    assert "RESULTS.md: table1_mosi, table1_mosi-theirs" in capsys.readouterr().out
    (tmp_path / "introduction.md").write_text("What was chosen, and how.\n", encoding="utf-8")
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    again = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert again == text.replace("# Results\n\n", "# Results\n\nWhat was chosen, and how.\n\n")


def test_report_finds_claims_first_and_searches_with_their_pictures_last(tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search_mosi.md").write_text("## Search\n\n![x](search_mosi.png)\n")
    (tmp_path / "table4.md").write_text("## Table 4\n\n![y](y.png)\n")
    (tmp_path / "claims.md").write_text("## Claims\n")
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert re.findall("## (.*)", text) == ["Claims", "Table 4", "Search"]
    assert "![y](y.png)" in text
    assert "![x](search/search_mosi.png)" in text


def test_figure6_has_one_picture_with_words_and_one_to_pass_on(monkeypatch, tmp_path):
    """The Markdown shows the second, which holds no words. Each has both variants."""
    subject, drawn = subject_of("mine", "pq"), []
    corpus = subject.corpus

    def vertex_weights(weights, texts, ax, title, modalities):
        drawn.append((title, weights.mean(), texts, modalities))

    monkeypatch.setattr(figures_5_and_6.figures, "vertex_weights", vertex_weights)
    results = {}
    for label, value in (("paper variant", 0.25), ("released variant", 0.5)):
        seeds = [{"weights": np.array([[value + s, value, value], [0.1, 0.1, 0.1]])}
                 for s in (-0.1, 0.1)]
        seeds[0] |= {"alpha_m": np.full((2, 4, 1), value), "alpha_2": np.full((1, 4, 1), value)}
        results[label] = seeds
    experiment = experiments_of(subject)["vertices"]
    text = figures_5_and_6.vertices(experiment, subject, results, tmp_path / "vertices_mine.png")
    assert drawn == [(label, value, [texts[i] for i in (6, 7, 8, 9)], ("p", "q"))
                     for texts in (corpus.ids, corpus.words)
                     for label, value in (("paper variant", 0.25), ("released variant", 0.5))]
    assert {path.name for path in tmp_path.iterdir()} == {"vertices_mine_words.png",
                                                          "vertices_mine.png"}
    assert "(vertices_mine.png)" in text
    assert cells(text, "")[0] == [f"{variant} variant: {what}" for variant in ("paper", "released")
                                  for what in ("mean", "deviation")]
    half = 12.7062 * np.std([-0.1, 0.1], ddof=1) / np.sqrt(2)
    assert cells(text, "p")[0][0] == f"0.250 ± {half:.3f}"
    assert cells(text, "pq")[0] == ["0.250 ± 0.000", "0.100 ± 0.000", "0.500 ± 0.000",
                                    "0.100 ± 0.000"]


def test_figure6_begins_with_the_variant_of_the_paper():
    experiment = experiments_of(subject_of("mosi"))["figure6"]
    assert [row.label for row in experiment.rows] == ["paper variant", "released variant"]
    assert experiment.reference == "paper variant"


def test_figure5_has_differences_paired_by_seed(monkeypatch, tmp_path):
    monkeypatch.setattr(figures_5_and_6, "draw_embedding", lambda *arguments: None)
    subject, results = subject_of("mosi"), {}
    shifts = {"ARGF": 0, "ARGF without classifier": 0.1, "ARGF without adversarial training": 0}
    for label, shift in shifts.items():
        results[label] = [{"gap": np.array([[0.5, 1], [seed + shift, 2]]),
                           "separation": np.array([[0.5, 1], [0.5, 2]])} for seed in (0.1, 0.5)]
    experiment = experiments_of(subject)["figure5"]
    text = figures_5_and_6.embedding(experiment, subject, results, tmp_path / "figure5.png")
    assert cells(text, "") == [["modality: probe", "modality: distance", "class: probe",
                                "class: distance"]] * 2
    values, differences = cells(text, "ARGF without classifier")
    half = 12.7062 * np.std([20, 60], ddof=1) / np.sqrt(2)
    assert values[0] == f"40.00 ± {half:.2f}", "the seeds differ much"
    assert differences[0] == "+10.00 [+10.00, +10.00]", "their differences do not"
    assert cells(text, "UCLN features")[0] == ["50.00 ± 0.00", "1.00 ± 0.00"] * 2
    assert "where chance is 33.3" in text
    assert "These are 8 comparisons. About 0.4 of their intervals would exclude 0" in text


def test_figure5_has_each_space_of_seed_0_under_its_name(monkeypatch, tmp_path):
    drawn, subject = [], subject_of("mosi")

    def by_class(x_e, labels, classes, ax, title):
        drawn.append((x_e, title, labels, classes))

    def by_modality(x_e, ax, title, modalities):
        drawn.append((x_e, title, modalities))

    monkeypatch.setattr(figures_5_and_6.figures, "embedding_space", by_class)
    monkeypatch.setattr(figures_5_and_6.figures, "modality_gap", by_modality)
    results = {}
    for row in experiments_of(subject)["figure5"].rows:
        space = f"without {row.changes['without']}"
        results[row.label] = [{"x_e": space, "label": f"labels {space}"}, {"x_e": "of seed 1"}]
    figures_5_and_6.draw_embedding(subject, results, tmp_path / "figure5.png")
    assert drawn == [
        ("without nothing", "with the classifier", "labels without nothing", CLASSES["mosi"]),
        ("without classifier", "without the classifier", "labels without classifier",
         CLASSES["mosi"]),
        ("without nothing", "with adversarial training", (*"alv",)),
        ("without adversarial", "without adversarial training", (*"alv",))]


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_chfusion_is_as_its_authors_code_has_it_in_either_variant(variant):
    some = [result(LABEL, 0, model="chfusion", variant=variant, protocol="validation")]
    assert result_table.how(some) == ["–", "released"], "and no protocol chooses an epoch"


def test_list_says_of_every_row_how_many_runs_it_needs_or_why_none(capsys):
    assert experiments.main(["--list", "--dataset", "iemocap", "--source", "synthetic",
                             "--seeds", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["table2", str(3 * 10), "runs"]
    [of_claims] = [line for line in lines if line.startswith("claims")]
    assert of_claims.split()[:3] == ["claims", "60", "runs"], "each run once, for all tables"
    listed = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert listed == ["table2", "table4", "table5", "table6", "figure5", "figure6", "protocols",
                      "claims", "table1", "table3"]
    rows = [re.split("  +", line.strip()) for line in lines if line.startswith(" ")]
    assert ["TFN", "3 runs"] in rows
    assert ["HFFN", "3 runs"] in rows
    assert ["CHFusion", "3 runs"] in rows
    assert ["LMFN", f"no runs: {catalogue.NOT_IMPLEMENTED['LMFN']}"] in rows
    assert ["Weighted Average", "3 runs"] in rows
    assert lines[-1] == "table3      none of iemocap: see --list --dataset mosei"


@pytest.mark.parametrize(("arguments", "message"), [
    (["table2"], "table2: no experiment of mosi, but of --dataset iemocap"),
    (["table3", "--dataset", "iemocap"], "table3: no experiment of iemocap, but of --dataset mos"),
    (["all", "tabel1"], "tabel1: no experiment of mosi, expected table1"),
    (["table1", "--seeds", "0"], "argument --seeds: 0: expected a whole number from 1"),
    (["table1", "--jobs", "-1"], "argument --jobs: -1: expected a whole number from 1"),
    (["table1", "--drop-rate", "1"], "--drop-rate 1.0: expected a number from 0 to below 1"),
    (["table1", "--source", "real"], "get it with: python -m argf_np.data download mosi"),
    (["table1", "--dataset", "nowhere.npz"],
     "nowhere.npz: expected mosi, mosei, iemocap, or the path of a file or folder"),
    (["table1", "--source", "synthetic", "--title", "!"], "--title !: expected letters or digits"),
    (["table1", "--dask", "cluster", "--source", "synthetic"], "--dask cluster: missing port"),
    (["report"], "no experiment is there"),
    (["table1", "report"], "report: expected to be the only name"),
])
def test_wrong_commands_give_one_line_and_code_2(arguments, message, capsys, tmp_path):
    assert message in refused(capsys, experiments, *arguments, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()

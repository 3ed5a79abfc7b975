"""Tables and figures: the paper's figures in them, their rows, and what is written of finished runs."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from helpers import refused

from argf_np import data
from argf_np.experiments import __main__ as experiments
from argf_np.experiments import markdown, pictures
from argf_np.experiments.tables import FUSIONS, ORDER, Row, Table, tables_of
from argf_np.data.published import PAPER
from argf_np.settings import PRESETS, preset

TABLES = {"table1": "mosi", "table2": "iemocap", "table3": "mosei", "table5": "mosi", "table6": "mosi"}


@pytest.fixture(scope="module")
def paper():
    """The text of the paper, from beside the checkout."""
    path = Path(__file__).resolve().parents[2] / "shared" / "paper" / "ARGF.md"
    if not path.exists():
        pytest.skip(f"needs the text of the paper in {path}")
    return path.read_text(encoding="utf-8")


def printed(paper, number):
    """``{label: figures}`` of a table as the paper prints it: the lines before its caption that end with a figure."""
    rows, before = {}, paper[:paper.index(f"\nTable {number}: ")].rstrip().split("\n")
    while (cells := re.sub("</?b>", "", before.pop()).split("\t"))[-1].strip():
        if not re.fullmatch(r"[\d.-]+", cells[-1]):
            continue  # headings
        target = re.search(r"rightarrow (\w)", cells[0])
        label = target[1] if target else re.sub(r" \(.*?\d{4}.?\)|, ours", "", cells[0]).replace("CHF-", "CH")
        rows[label] = [None if cell == "-" else float(cell) for cell in cells[1:]]
    return rows


@pytest.mark.parametrize(("name", "dataset"), TABLES.items())
def test_the_papers_figures_are_as_printed(name, dataset, paper):
    rows = printed(paper, name[-1])
    ours = {row.label: list(row.paper.values()) for row in tables_of(dataset)[name].rows if row.paper}
    if name in ("table1", "table2", "table3"):
        ours = {label[-2] if label.startswith("ARGF") else label: figures for label, figures in ours.items()}
        assert {m: tuple(rows[m][-2:]) for m in "alv"} == {m: PAPER[dataset, m] for m in "alv"}
    elif name == "table5":
        rows = {re.sub("[()]", "", label).lower(): figures for label, figures in rows.items()}
        ours = {label.lower(): figures for label, figures in ours.items()}
    else:
        rows = {label: figures[:1] for label, figures in rows.items()}
    assert ours == rows


def test_table_6_has_the_papers_figures_for_iemocap_too(paper):
    rows = printed(paper, 6)
    assert {label: list(figures) for label, *figures in FUSIONS.values()} == rows
    assert {row.label: row.paper["accuracy"] for row in tables_of("iemocap")["table6"].rows} == {
        label: figures[1] for label, figures in rows.items()}
    assert not any(row.paper for row in tables_of("mosei")["table6"].rows), "the paper has none for MOSEI"


def test_columns_are_in_the_order_of_the_paper(paper):
    for number, dataset, first in (2, "iemocap", "Models\tHappy"), (3, "mosei", "Models\tPositive"):
        heading = paper[paper.index(first):paper.index(f"\nTable {number}: ")].split("\n")[0].lower()
        names = [name for name in tables_of(dataset)[f"table{number}"].columns if name in heading.split("\t")]
        assert [heading.split("\t").index(name) for name in names] == sorted(map(heading.split("\t").index, names))
        assert len(names) == len({"mosei": "pnn", "iemocap": "hsnaef"}[dataset])


@pytest.mark.parametrize("dataset", PRESETS)
def test_every_row_differs_from_the_reference_as_its_label_says(dataset):
    for table in tables_of(dataset).values():
        runs = {row.label: asdict(settings) for row, (settings,) in table.settings(1, {}).items()}
        if not runs:
            continue
        assert runs[table.reference] == asdict(preset(dataset)), "the reference is ARGF as it is by default"
        for row in table.rows:
            if row.changes is not None:
                changed = {name for name, value in runs[row.label].items() if value != runs[table.reference][name]}
                assert changed <= set(row.changes)
                assert changed or row.label == table.reference, f"{row.label} is the reference once more"
        labels = [row.label for row in table.rows]
        assert len(labels) == len(set(labels))


def test_rows_say_what_they_change():
    tables = tables_of("mosi")
    changes = {name: {row.label: row.changes for row in table.rows} for name, table in tables.items()}
    assert [*tables] == [name for name in ORDER if name not in ("table2", "table3")]
    assert changes["table1"]["ARGF (l, v → a)"] == {"model": "argf", "target": "a"}
    assert [label for label, value in changes["table1"].items() if value is None] == ["LMFN", "CHFusion", "HFFN"]
    assert {row["model"] for row in changes["table1"].values() if row} == {"argf", "tfn", "lmf", "bc_lstm", "logistic"}
    assert {row["without"] for row in changes["table5"].values()} == {
        "adversarial", "classifier", "decoder", "nothing"}
    assert {row["fusion"] for row in changes["table6"].values()} == set(FUSIONS)
    assert len(changes["protocols"]) == 3 + 3 + 1


def test_a_flag_for_all_rows_leaves_what_a_row_is_about():
    """With --target a, the row "a, v → l" still has language as its target, and Table 5 has a."""
    tables = tables_of("mosi")
    targets = [settings.target for [settings] in tables["table1"].settings(1, {"target": "a"}).values()]
    assert targets.count("l") == 1
    assert targets.count("v") == 1
    assert {settings.target for [settings] in tables["table5"].settings(1, {"target": "a"}).values()} == {"a"}
    assert {settings.protocol for [settings] in tables["protocols"].settings(1, {"protocol": "released"}).values()} == {
        "fixed", "validation", "released"}
    seeds = next(iter(tables["table5"].settings(3, {}).values()))
    assert [settings.seed for settings in seeds] == [0, 1, 2]


# What is written ----------------------------------------------------------------------------------------------------

LABEL = np.array([0, 1, 1, 1, 0, 1, 0, 1])


def result(prediction, seed, **changes):
    """What `runs.execute` would give of a test set of four videos."""
    return {
        "settings": np.array(json.dumps(asdict(preset("mosi", seed=seed, k=3, **changes)))),
        "classes": np.array(["negative", "positive"]), "modalities": np.array("a,l,v"), "label": LABEL,
        "prediction": np.array(prediction), "video": np.array([0, 0, 1, 1, 2, 2, 3, 3]), "epoch": np.array(2),
        "unimodal": np.array([LABEL, 1 - LABEL, np.ones(8, int)]), "validation": np.array(0.5)}


@pytest.fixture(scope="module")
def rendered():
    """A table of three rows, of which one is not implemented, as Markdown: on real and on synthetic data."""
    rows = (Row("TFN", {"model": "logistic"}, {"accuracy": 78.3, "weighted F1": None, "negative": 11.0}),
            Row("HFFN", None, {"accuracy": 80.2}),
            Row("ARGF", {}, {}))
    table = Table("Table 9: some models", "mosi", rows, columns=("negative", "accuracy", "weighted F1"), floors=True,
                  notes="A note.")
    wrong = 1 - LABEL
    results = {
        rows[0]: [result(wrong, 0, model="logistic"), result([*LABEL[:4], *wrong[4:]], 1, model="logistic")],
        rows[2]: [result(LABEL, 0, protocol="validation"), result(LABEL, 1, protocol="validation")]}
    return [markdown.render(table, results, source) for source in ("real", "synthetic")]


def cells(text, label):
    """The cells of all rows with this label."""
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in text.split("\n")
            if line.startswith(f"| {label} |")]


def test_table_has_the_papers_figures_beside_ours(rendered):
    text = rendered[0]
    assert text.startswith("## Table 9: some models\n\nIn percent of 8 test utterances, ")
    assert text.endswith("\n\nA note.\n")
    header, by_class = cells(text, "")
    assert header == ["accuracy", "the paper's", "weighted F1", "the paper's", "difference", "seeds", "protocol",
                      "variant", "source"]
    assert by_class == ["negative", "the paper's"]
    first, first_class = cells(text, "TFN")
    half = 12.7062 * np.std([0, 50], ddof=1) / np.sqrt(2)
    assert first[:2] == [f"25.00 ± {half:.2f}", "78.30"]
    assert first[3] == "", "the paper gives none"
    assert first[4].startswith("-75.00 [-100.00, ")
    assert first[5:] == ["2", "–", "–", "real"], "a model whose epoch nothing picks has no protocol"
    assert first_class[1] == "11.00"
    assert cells(text, "HFFN")[0] == ["–", "80.20", "–", "", *["–"] * 5]
    assert cells(text, "ARGF")[0] == ["100.00 ± 0.00", "", "100.00 ± 0.00", "", "–", "2", "validation", "paper", "real"]


def test_words_below_the_table_say_what_the_intervals_say(rendered):
    rows = [Row(name, {"k": number}, {"accuracy": paper}) for number, (name, paper) in enumerate(
        {"worse": 70.0, "like it": 79.0, "better": 85.0, "ARGF": 80.0}.items(), 1)]
    wrong, half = 1 - LABEL, np.where(np.arange(8) % 2, LABEL, 1 - LABEL)
    some = [[result(p, seed) for seed in range(3)] for p in (wrong, half, LABEL, half)]
    table = Table("Table 9: some models", "mosi", tuple(rows))
    text = markdown.render(table, dict(zip(rows, some, strict=True)), "real")
    assert ("The paper puts 2 of these 3 below “ARGF”. Here the interval of the difference lies below 0 for worse; "
            "above 0 for better; around 0 for like it.") in text
    assert "The paper puts" not in rendered[0], "it has no figure for the reference there"


def test_floors_are_below_the_table(rendered):
    assert cells(rendered[0], "UCLN of l alone")[0][0] == "0.00 ± 0.00"
    assert cells(rendered[0], "UCLN of v alone")[0][0] == "62.50 ± 0.00"
    assert cells(rendered[0], "always positive")[0][0] == "62.50"


def test_settings_for_all_rows_are_named(rendered):
    assert "Settings: the preset of mosi, but for --protocol validation, --k 3." in rendered[0]


def test_synthetic_data_is_named_in_heading_and_rows(rendered):
    real, synthetic = rendered
    assert "synthetic" not in real.lower()
    assert synthetic.startswith("## Table 9: some models, SYNTHETIC corpus of that shape\n")
    assert cells(synthetic, "ARGF")[0][-1] == "synthetic"


def test_every_line_of_a_grid_has_as_many_cells(rendered):
    for block in rendered[0].split("\n\n"):
        if block.startswith("|"):
            lines = block.strip().split("\n")
            assert len({line.count("|") for line in lines}) == 1
            assert set(lines[1]) == set("| -")


def test_report_puts_experiments_together_in_the_papers_order(tmp_path, capsys):
    for name in ("protocols_mosi", "table6_iemocap", "table4", "table6_mosi", "table2_iemocap", "table1_mosi"):
        (tmp_path / f"{name}.md").write_text(f"## {name}\n", encoding="utf-8")
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert re.findall("## (.*)", text) == ["table1_mosi", "table2_iemocap", "table4", "table6_mosi", "table6_iemocap",
                                           "protocols_mosi"]
    assert text.startswith("# Results\n\n## table1_mosi\n\n## table2")
    assert "RESULTS.md: table1_mosi, table2_iemocap" in capsys.readouterr().out
    (tmp_path / "introduction.md").write_text("What was chosen, and how.\n", encoding="utf-8")
    assert experiments.main(["report", "--out", str(tmp_path)]) == 0
    again = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert again == text.replace("# Results\n\n", "# Results\n\nWhat was chosen, and how.\n\n")


def test_figure6_has_one_picture_with_words_and_one_to_pass_on(monkeypatch, tmp_path):
    """Whoever may not publish the data publishes the second, which the Markdown shows. Each has both variants."""
    corpus, drawn = data.synthesise(), []
    test = corpus.utterances("test")
    monkeypatch.setattr(pictures.figures, "vertex_weights",
                        lambda weights, labels, ax, title: drawn.append((title, weights.mean(), labels)))
    table = tables_of("mosi")["figure6"]
    results = {row: [{name: np.full((n, len(test), 1), value)
                      for name, n in (("alpha_m", 3), ("alpha_2", 3), ("alpha_3", 6))}]
               for row, value in zip(table.rows, (0.25, 0.5), strict=True)}
    text = pictures.figure6(table, results, corpus, tmp_path / "figure6.png")
    rows = np.linspace(0, len(test) - 1, 24).astype(int)
    assert drawn == [(label, value, [names[test[i]] for i in rows]) for names in (corpus.words, corpus.ids)
                     for label, value in (("paper variant", 0.25), ("released variant", 0.5))]
    assert {path.name for path in tmp_path.iterdir()} == {"figure6_words.png", "figure6.png"}
    assert "![Figure 6](figure6.png)" in text
    assert "| paper variant, mean | 0.250 |" in text
    assert "| released variant, deviation | 0.000 |" in text


def test_list_says_how_many_runs_each_needs(capsys):
    assert experiments.main(["--list", "--dataset", "iemocap", "--seeds", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["table2", str(3 * 8), "runs"]
    assert [line.split()[0] for line in lines] == [name for name in ORDER if name not in (
        "table1", "table3", "choice")]


@pytest.mark.parametrize(("arguments", "message"), [
    (["table2"], "table2: no experiment of mosi, but of --dataset iemocap"),
    (["table3", "--dataset", "iemocap"], "table3: no experiment of iemocap, but of --dataset mosei"),
    (["all", "tabel1"], "tabel1: no experiment of mosi, expected table1"),
    (["table1", "--seeds", "0"], "argument --seeds: 0: expected a whole number from 1"),
    (["table1", "--jobs", "-1"], "argument --jobs: -1: expected a whole number from 1"),
    (["table1", "--drop-rate", "1"], "--drop-rate 1.0: expected a number from 0 to below 1"),
    (["table1", "--source", "real"], "get it with: python -m argf_np.data download mosi"),
    (["table1", "--dask", "cluster", "--source", "synthetic"], "--dask cluster: missing port number"),
    (["report"], "no experiment is there"),
])
def test_wrong_commands_give_one_line_and_code_2(arguments, message, capsys, tmp_path):
    assert message in refused(capsys, experiments, *arguments, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()

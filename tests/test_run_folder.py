"""The folder of a run: it can be moved, and no run replaces anything but itself."""

import json
import os

import formats
import numpy as np
import pytest
from helpers import read_json, refused

from argf_np import data, evaluate, predict, run_folder, train
from argf_np.experiments import __main__ as experiments
from argf_np.settings import preset
from argf_np.storage.lock import locked

TINY = ["--epochs", "1", "--ucln-epochs", "1", "--ucln-patience", "0", "--d", "4", "--k", "3",
        "--batch-size", "8", "--quiet"]


def write(path, seed=0, **changes):
    """Seven videos of three utterances, three classes, two modalities."""
    rng, videos = np.random.default_rng(seed), np.repeat(np.arange(7), 3)
    columns = {
        "video": [f"v{i}" for i in videos],
        "order": np.tile(np.arange(3), 7),
        "label": np.array(["calm", "glad", "tense"])[np.arange(21) % 3],
        "split": np.array(["train"] * 4 + ["validation", "test", "test"])[videos],
        "speech": rng.normal(size=(21, 3)),
        "pulse": rng.normal(size=(21, 2)),
    }
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **columns | changes)
    return path


def write_folder(folder):
    """The same as a folder of files."""
    folder.mkdir()
    with np.load(write(folder.with_suffix(".npz"))) as file:
        columns = dict(file)
    for m in ("speech", "pulse"):
        np.save(folder / f"{m}.npy", columns.pop(m))
    lines = [",".join(columns)]
    lines += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    (folder / "utterances.csv").write_text("\n".join(lines) + "\n")
    return folder


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    monkeypatch.setattr(formats, "WIDTHS", {"audio": 3, "text": 3, "video": 3})


def run(*arguments):
    assert train.main([*map(str, arguments), *TINY]) == 0


@pytest.fixture
def finished(tmp_path):
    """A finished run in ``run`` on ``a/mine.npz``, and its files."""
    run("--dataset", write(tmp_path / "a" / "mine.npz"), "--out", "run")
    return files_of(tmp_path / "run")


# A run in the folder


def test_the_same_run_replaces_itself(finished, tmp_path):
    run("--dataset", "a/mine.npz", "--out", "run")
    assert files_of(tmp_path / "run") == finished


@pytest.mark.parametrize(("change", "found"), [
    (lambda path: write(path.parent.parent / "b" / "mine.npz"), "with dataset .*, not .*"),
    (lambda path: write(path, seed=1), "of other data"),
    (lambda path: write(path, label=np.array(["x", "y", "z"])[np.arange(21) % 3]), "of other data"),
], ids=["another file", "other features", "other names of classes"])
def test_a_finished_run_of_other_data_is_never_replaced(change, found, finished, tmp_path, capsys):
    path = change(tmp_path / "a" / "mine.npz")
    refusal = refused(capsys, train, "--dataset", path, "--out", "run", *TINY)
    start, end = refusal.split(" a finished run ")
    assert start == "run: holds"
    assert np.all([word in end for word in found.split(".*")])
    assert end.endswith("; choose another folder with --out, or remove this one")
    assert files_of(tmp_path / "run") == finished


@pytest.mark.parametrize(("flags", "found"), [
    (["--lr", "0.5"], "lr 0.001, not 0.5"),
    (["--lambda", "0.5"], "lambda 0.001, not 0.5"),
    (["--model", "lmf"], "model argf, not lmf"),
    (["--learn-w"], "learn_w False, not True"),
])
def test_a_finished_run_of_other_settings_is_never_replaced(flags, found, finished, tmp_path,
                                                            capsys):
    refusal = refused(capsys, train, "--dataset", "a/mine.npz", "--out", "run", *TINY, *flags)
    assert refusal == (f"run: holds a finished run with {found}; "
                       "choose another folder with --out, or remove this one")
    assert files_of(tmp_path / "run") == finished


def test_two_files_of_one_name_do_not_share_a_default_folder(finished, tmp_path, capsys):
    run("--dataset", "a/mine.npz")
    before = files_of(tmp_path / "runs")
    write(tmp_path / "b" / "mine.npz", seed=1)
    assert "holds a finished run with dataset " in refused(
        capsys, train, "--dataset", "b/mine.npz", *TINY)
    assert files_of(tmp_path / "runs") == before


def test_a_run_that_ended_before_its_first_epoch_may_be_replaced(tmp_path, monkeypatch):
    """Nothing of it can be lost."""
    write(tmp_path / "mine.npz")
    with monkeypatch.context() as patch:
        patch.setattr(train, "run", interrupt)
        assert train.main(["--dataset", "mine.npz", "--out", "run", "--lr", "0.5", *TINY]) == 130
    run("--dataset", "mine.npz", "--out", "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["lr"] == 0.001


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_a_finished_run_whose_checkpoint_was_left_is_finished(finished, tmp_path, capsys):
    """Killed between its last two steps."""
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"anything")
    assert train.main(["--resume", "run"]) == 0
    assert capsys.readouterr().out.endswith("run is finished already: nothing is left to do\n")
    assert files_of(tmp_path / "run") == finished
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"anything")
    assert "with lr 0.001, not 0.5" in refused(
        capsys, train, "--dataset", "a/mine.npz", "--out", "run", *TINY, "--lr", "0.5")


def test_a_finished_run_that_begins_again_is_unfinished_until_it_ends(finished, tmp_path,
                                                                      monkeypatch):
    monkeypatch.setattr(train, "run", interrupt)
    again = ["--dataset", "a/mine.npz", "--out", "run", *TINY]
    assert train.main(again) == 130
    assert "metrics.json" in finished
    assert not (tmp_path / "run" / "metrics.json").exists()


# Other files in the folder


def test_a_run_without_its_pictures_is_not_finished(tmp_path, monkeypatch):
    path = write(tmp_path / "mine.npz")
    monkeypatch.setattr(train, "draw", interrupt)
    assert train.main(["--dataset", str(path), "--out", "run", *TINY]) == 130
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize("name", run_folder.NAMES)
def test_files_that_no_run_wrote_are_kept(name, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("{}")
    write(tmp_path / "mine.npz")
    refusal = refused(capsys, train, "--dataset", "mine.npz", "--out", "run", *TINY)
    assert refusal == ("run: holds files that are not of a run of this version; "
                       "choose another folder with --out, or remove this one")
    assert files_of(tmp_path / "run") == {name: b"{}"}


def test_other_names_are_nobodys_business(tmp_path):
    """Such as the file that the output of the command goes to."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.txt").write_text("began")
    write(tmp_path / "data" / "mine.npz")
    run("--dataset", "data/mine.npz", "--out", "run")
    assert (tmp_path / "run" / "log.txt").read_text() == "began"


# The data


@pytest.mark.parametrize("out", ["mine", "mine/", "mine/runs/1", "../{here}/mine", "link"])
def test_no_run_is_written_into_a_folder_of_data(out, tmp_path, capsys):
    folder = write_folder(tmp_path / "mine")
    (tmp_path / "link").symlink_to(folder)
    before, out = files_of(tmp_path), out.format(here=tmp_path.name)
    refusal = refused(capsys, train, "--dataset", "mine", "--out", out, *TINY)
    assert refusal.endswith(f"expected a folder outside of the data in {folder}")
    assert refusal.startswith("--out ")
    assert files_of(tmp_path) == before
    run("--dataset", "mine", "--out", "runs")  # beside it


def test_no_run_is_written_beside_the_file_of_its_data(tmp_path, capsys):
    write(tmp_path / "data" / "mine.npz")
    refusal = refused(capsys, train, "--dataset", "data/mine.npz", "--out", "data", *TINY)
    assert refusal == f"--out data: expected a folder outside of the data in {tmp_path / 'data'}"
    assert [*files_of(tmp_path)] == ["data/mine.npz"]
    run("--dataset", "data/mine.npz", "--out", "data/runs")  # which no reader takes for data


@pytest.mark.parametrize("out", ["sets/mosi", "sets/mosi/run"])
def test_no_run_is_written_into_the_folder_of_a_named_data_set(out, tmp_path, capsys):
    folder = tmp_path / "sets" / "mosi"
    folder.mkdir(parents=True)
    formats.write_contextual(folder / "unimodal_mosi_2way.pickle")
    arguments = ["--data-dir", "sets", "--out", out, *TINY]
    assert train.main(arguments) == 2
    *notices, error = capsys.readouterr().err.splitlines()
    assert error == f"error: --out {out}: expected a folder outside of the data in {folder}"
    assert all(line.startswith("notice: mosi has ") for line in notices)
    assert [*files_of(folder)] == ["unimodal_mosi_2way.pickle"]


def test_no_table_is_written_into_the_folder_of_a_named_data_set(tmp_path, capsys):
    folder = tmp_path / "sets" / "mosi"
    folder.mkdir(parents=True)
    formats.write_contextual(folder / "unimodal_mosi_2way.pickle")
    flags = ["--data-dir", "sets", "--out", "sets/mosi"]
    assert experiments.main(["table1", "--list", *flags]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"error: --out sets/mosi: expected a folder outside of the data in {folder}"


@pytest.mark.parametrize("out", ["new.npz", "./new.npz", "link.npz"])
def test_predictions_never_replace_the_data(out, finished, tmp_path, capsys):
    content = write(tmp_path / "new.npz", seed=2).read_bytes()
    (tmp_path / "link.npz").symlink_to("new.npz")
    refusal = refused(capsys, predict, "run", "--data", "new.npz", "--out", out)
    assert refusal.endswith(f"expected a file outside of the data in {tmp_path / 'new.npz'}")
    assert (tmp_path / "new.npz").read_bytes() == content


def test_predictions_never_replace_what_they_are_made_from(finished, tmp_path, capsys):
    """The model, or a file that is read together with that of the data."""
    write(tmp_path / "new.npz", seed=2)
    (tmp_path / "model.npz").write_bytes((tmp_path / "run" / "model.npz").read_bytes())
    for name in ("audio_2way.pickle", "audio.pkl"):
        (tmp_path / name).write_bytes(b"mine")
    for name in ("model.npz", "audio_2way.pickle", "audio.pkl"):
        before = (tmp_path / name).read_bytes()
        refusal = refused(capsys, predict, "model.npz", "--data", "new.npz", "--out", name)
        assert refusal == f"--out {name}: expected a file that is not an input"
        assert (tmp_path / name).read_bytes() == before


def test_a_run_removes_nothing_half_written_of_another(tmp_path):
    """Another run in a folder below may still be writing: its lock is not ours."""
    mine = [tmp_path / ".x.part", tmp_path / "figures" / ".y.part", tmp_path / "runs" / ".z.part"]
    others = [tmp_path / "runs" / "other" / ".x.part", tmp_path / "sub" / ".movie.mkv.part"]
    for part in (*mine, *others):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    with locked(tmp_path):
        pass
    assert not any(part.exists() for part in mine)
    assert all(part.exists() for part in others)


def test_a_file_is_no_folder_of_a_run(tmp_path, capsys):
    write(tmp_path / "mine.npz")
    refusal = refused(capsys, train, "--dataset", "mine.npz", "--out", "mine.npz/x", *TINY)
    assert refusal.startswith("mine.npz/x")
    (tmp_path / "notes.txt").write_text("mine")
    assert refused(capsys, train, "--dataset", "mine.npz", "--out", "notes.txt", *TINY) == (
        "notes.txt: expected a folder")


def test_predictions_replace_no_device_and_no_link(finished, tmp_path, capsys):
    """A link leads to the new file afterwards, too."""
    write(tmp_path / "new.npz", seed=2)
    os.mkfifo(tmp_path / "pipe")
    refusal = refused(capsys, predict, "run", "--data", "new.npz", "--out", "pipe")
    assert refusal == "pipe: expected a regular file"
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "here.csv").symlink_to("there.csv")
    assert predict.main(["run", "--data", "new.npz", "--out", "here.csv"]) == 0
    assert (tmp_path / "here.csv").is_symlink()
    assert (tmp_path / "there.csv").read_text().startswith("id,")


def test_predictions_are_not_written_into_a_folder_of_data(finished, tmp_path, capsys):
    """As a CSV file they would be a modality there."""
    folder = write_folder(tmp_path / "new")
    refusal = refused(capsys, predict, "run", "--data", "new", "--out", "new/predictions.csv")
    assert refusal == f"--out new/predictions.csv: expected a file outside of the data in {folder}"
    assert not (folder / "predictions.csv").exists()


@pytest.mark.parametrize("name", ["predictions.csv", "model.npz", "config.json"])
def test_predictions_never_replace_a_file_of_a_run(name, finished, tmp_path, capsys):
    write(tmp_path / "new.npz", seed=2)
    refusal = refused(capsys, predict, "run", "--data", "new.npz", "--out", f"run/{name}")
    assert refusal == (f"--out run/{name}: expected a file other than those of the run in "
                       f"{tmp_path / 'run'}")
    assert files_of(tmp_path / "run") == finished
    assert predict.main(["run", "--data", "new.npz", "--out", "run/new.csv"]) == 0


@pytest.mark.parametrize("out", ["nowhere/new.csv", "a", "a/mine.npz/new.csv", "."])
def test_a_place_where_nothing_can_be_written_is_named(out, finished, tmp_path, capsys):
    write(tmp_path / "new.npz", seed=2)
    before = files_of(tmp_path)
    refusal = refused(capsys, predict, "run", "--data", "new.npz", "--out", out)
    assert refusal.startswith(f"{out}: ")
    assert files_of(tmp_path) == before


# The paths


def test_a_run_is_evaluated_from_anywhere(finished, tmp_path, monkeypatch, capsys):
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["dataset"] == str(tmp_path / "a" / "mine.npz")
    assert evaluate.main(["run"]) == 0
    said = capsys.readouterr().out
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    (tmp_path / "run").rename(elsewhere / "moved")
    monkeypatch.chdir(elsewhere)
    assert evaluate.main(["moved"]) == 0
    assert capsys.readouterr().out == said


def test_a_run_knows_the_folder_of_the_data_sets(tmp_path, monkeypatch, capsys):
    (tmp_path / "sets" / "mosi").mkdir(parents=True)
    formats.write_contextual(tmp_path / "sets" / "mosi" / "unimodal_mosi_2way.pickle")
    run("--data-dir", "sets", "--model", "lmf", "--out", "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data_dir"] == str(tmp_path / "sets")
    assert f"--data-dir {tmp_path / 'sets'}" in config["command"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    capsys.readouterr()
    assert evaluate.main([str(tmp_path / "run")]) == 0
    assert "majority class of test" in capsys.readouterr().out


def test_a_folder_of_the_data_sets_that_is_given_comes_before_that_of_the_run(
        tmp_path, monkeypatch, capsys):
    """To evaluate a run, and to continue one."""
    (tmp_path / "sets" / "mosi").mkdir(parents=True)
    formats.write_contextual(tmp_path / "sets" / "mosi" / "unimodal_mosi_2way.pickle")
    flags = ["--data-dir", "sets", "--model", "lmf"]
    run(*flags, "--out", "run")
    monkeypatch.setattr(train, "run", interrupt)
    assert train.main([*flags, "--out", "stopped", *TINY]) == 130
    capsys.readouterr()
    expected = f"no mosi data in {tmp_path / 'moved' / 'mosi'}; "
    moved = ["--data-dir", str(tmp_path / "moved")]
    assert refused(capsys, evaluate, "run", *moved).startswith(expected)
    assert refused(capsys, train, "--resume", "stopped", *moved).startswith(expected)


def test_an_interrupted_run_is_continued_from_anywhere(tmp_path, monkeypatch):
    write(tmp_path / "mine.npz")
    with monkeypatch.context() as patch:
        patch.setattr(train, "run", interrupt)
        assert train.main(["--dataset", "mine.npz", "--out", "run", *TINY]) == 130
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train.main(["--resume", "../run", "--quiet"]) == 0
    assert (tmp_path / "run" / "metrics.json").exists()


def test_an_interrupted_run_knows_the_folder_of_the_data_sets(tmp_path, monkeypatch):
    (tmp_path / "sets" / "mosi").mkdir(parents=True)
    formats.write_contextual(tmp_path / "sets" / "mosi" / "unimodal_mosi_2way.pickle")
    with monkeypatch.context() as patch:
        patch.setattr(train, "run", interrupt)
        arguments = ["--data-dir", "sets", "--model", "lmf", "--out", "run", *TINY]
        assert train.main(arguments) == 130
    assert train.main(["--resume", "run", "--quiet"]) == 0


def test_an_interrupted_run_on_synthetic_data_is_continued_on_it(tmp_path, monkeypatch):
    """Real data has come meanwhile."""
    sources = []

    def interrupt_and_record(corpus, *arguments):
        sources.append(corpus.source)
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", interrupt_and_record)
    assert train.main(["--source", "synthetic", "--out", "run", *TINY]) == 130
    formats.write_contextual(tmp_path / "unimodal_mosi_2way.pickle")
    monkeypatch.setenv("ARGF_NP_DATA", str(tmp_path))
    assert train.main(["--resume", "run", "--quiet"]) == 130
    assert sources == ["synthetic", "synthetic"]


def test_a_run_that_began_with_other_versions_is_continued_with_a_notice(
        tmp_path, monkeypatch, capsys):
    write(tmp_path / "mine.npz")
    with monkeypatch.context() as patch:
        patch.setattr(train, "run", interrupt)
        assert train.main(["--dataset", "mine.npz", "--out", "run", *TINY]) == 130
    config = read_json(tmp_path / "run" / "config.json")
    config["versions"]["numpy"] = "0.0.1"
    (tmp_path / "run" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    capsys.readouterr()
    assert train.main(["--resume", "run", "--quiet"]) == 0
    [notice] = capsys.readouterr().err.splitlines()
    assert notice.startswith("notice: the run began with versions ")


def test_the_name_of_a_run_has_the_settings_that_are_not_the_presets():
    def name(**options):
        return train.run_name("real", preset("mosi", **options))

    assert name() == "mosi-real-l-paper-fixed-seed0"
    assert name(epochs=7) == "mosi-real-l-paper-fixed-seed0-epochs7"
    assert name(protocol="released") == "mosi-real-l-paper-released-seed0"
    assert name(protocol="released", epochs=20) == "mosi-real-l-paper-released-seed0-epochs20"


@pytest.mark.parametrize("modality", ["语音", "a" * 40])
def test_the_name_of_a_run_can_be_stored_anywhere(modality, tmp_path):
    write(tmp_path / "mine.npz", **{modality: np.eye(21, 2), "speech": np.eye(21, 3)})
    corpus = data.read(tmp_path / "mine.npz")
    settings = train.settings_for(corpus)
    name = train.run_name("real", settings)
    assert name.isascii()
    assert "/" not in name
    assert name.startswith("mine-real-")

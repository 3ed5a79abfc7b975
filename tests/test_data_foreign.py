"""Files that are something else than they seem are named, with what to do, wherever they lie."""

import gzip
import pickle
import zipfile

import numpy as np
import pytest
from formats import own_rows, write_csv, write_folder, write_published, write_tuples

from argf_np.data import DataError, read

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
HTML = b"\n\n<!DOCTYPE html>\n<html><head><title>Quota exceeded</title></head></html>\n"
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(600)


def torch_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/version", b"3\n")


def excel(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")


def old_torch(path):
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2))


KINDS = {
    "features.pkl": (LFS, "it is a git-lfs pointer and not the file itself: run 'git lfs pull'"),
    "aligned_50.pkl": (HTML, "it is a web page or XML, as a failed download leaves it: download"),
    "x.mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(90), "scipy.io.loadmat"),
    "y.mat": (b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(500), "read it with h5py"),
    "x.h5": (HDF5, "it is an HDF5 file, as .h5 and .csd files are: read it with h5py"),
    "x.csd": (HDF5, "it is an HDF5 file"),
    "x.pt": (torch_zip, "it is a file of torch.save: read it with torch.load"),
    "old.pt": (old_torch, "it is a file of torch.save: read it with torch.load"),
    "x.xlsx": (excel, "it is an Excel workbook: save its sheet as CSV in UTF-8"),
    "x.csv": (b"video_id,order\nx,1\n", "it is a table of text: put it as utterances.csv into a"),
    "x.tsv": (b"video_id\torder\nx\t1\n", "it is a table of text"),
    "x.npy": (b"\x93NUMPY\x01\x00", "it is a single array of NumPy: give an .npz with all arrays"),
    "x.pkl.gz": (gzip.compress(b"hello"), "it is compressed by gzip: unpack it"),
    "x.parquet": (b"PAR1" + bytes(20), "it is a Parquet file: read it with pandas"),
    "u.csv": ("video_id,order\nx,1\n".encode("utf-16"), "it is text in UTF-16: save it as UTF-8"),
    "x.pkl": (pickle.dumps([1.5]), "a pickle, but of none of the formats that circulate"),
}


def refusal(path, about=None):
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{about or path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_named_with_what_to_do(tmp_path, name):
    content, expected = KINDS[name]
    for other in (name, "mine"):  # whatever it is called
        if callable(content):
            content(tmp_path / other)
        else:
            (tmp_path / other).write_bytes(content)
        assert expected in refusal(tmp_path / other)


@pytest.mark.parametrize(("content", "expected"), [
    (LFS, "git-lfs pointer"), (HTML, "web page"), (HDF5, "HDF5 file")])
def test_also_beside_the_file_that_is_given(tmp_path, content, expected):
    columns, features = own_rows()
    for name in ("utterances.csv", "pulse.csv", "speech.npy"):
        write_folder(tmp_path / name[:5], columns, features, npy=("speech",))
        (tmp_path / name[:5] / name).write_bytes(content)
        about = tmp_path / name[:5] / name
        assert expected in refusal(tmp_path / name[:5], about)
    (tmp_path / "tuples").mkdir()
    path = write_tuples(tmp_path / "tuples", 7)[1]
    (tmp_path / "tuples" / "video_2way.pickle").write_bytes(content)
    assert expected in refusal(path, path.with_name("video_2way.pickle"))


def test_also_in_the_published_folder(tmp_path):
    write_published(tmp_path)
    (tmp_path / "text_test.csv").write_bytes(LFS)
    assert "git-lfs pointer" in refusal(tmp_path, tmp_path / "text_test.csv")


@pytest.mark.parametrize(("asks", "expected"), [
    (b"cpandas.core.frame\nDataFrame\n.", "from a data frame, argf_np.data.from_arrays makes a"),
    (b"ctorch._utils\n_rebuild_tensor_v2\n.", "save the .numpy() of tensors"),
])
def test_pickles_of_other_libraries_objects_say_what_to_do(tmp_path, asks, expected):
    (tmp_path / "x").write_bytes(b"\x80\x02" + asks)
    assert expected in refusal(tmp_path / "x")


# --- text ----------------------------------------------------------------------------------------


def test_a_byte_that_is_not_utf8_is_found_in_its_row(tmp_path):
    columns, features = own_rows(n_videos=200)
    columns["words"] = ["said"] * len(columns["video"])
    columns["words"][400] = "Señor"
    write_folder(tmp_path, columns, features)
    table = tmp_path / "utterances.csv"
    table.write_bytes(table.read_text(encoding="utf-8").encode("latin-1"))
    assert refusal_text(tmp_path) == (
        f"{table}, row 402, column 5: text that is not UTF-8; save the file as UTF-8")


def refusal_text(path):
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n\r\n", "\n\n\n"])
def test_blank_lines_at_the_end_do_not_count(tmp_path, end):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    expected = read(tmp_path)
    for name in ("utterances.csv", "pulse.csv"):
        with open(tmp_path / name, "a", newline="") as file:
            file.write(end)
    assert read(tmp_path).ids == expected.ids


def test_a_blank_line_elsewhere_is_refused_with_its_row(tmp_path):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    lines = (tmp_path / "pulse.csv").read_text().splitlines()
    (tmp_path / "pulse.csv").write_text("\n".join([*lines[:4], "", *lines[4:]]))
    assert "pulse.csv, row 5: a blank line before the end" in refusal_text(tmp_path)


def test_text_that_python_would_take_for_a_number_is_refused_among_features(tmp_path):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    rows = features["pulse"].tolist()
    rows[2][1] = "1_0"
    write_csv(tmp_path / "pulse.csv", rows)
    assert "pulse.csv, row 3, column 2: '1_0', expected a finite number" in refusal_text(tmp_path)


# --- files of a folder ---------------------------------------------------------------------------


def test_no_file_is_passed_over_in_silence_but_hidden_ones_and_copies(tmp_path, capsys):
    columns, features = own_rows()
    write_folder(tmp_path, columns, features)
    expected = read(tmp_path)
    assert capsys.readouterr().err == ""
    (tmp_path / "pulse.csv").rename(tmp_path / "PULSE.CSV")
    (tmp_path / "utterances.csv").rename(tmp_path / "Utterances.CSV")
    for name in ("._PULSE.CSV", ".DS_Store", "speech.csv~", "#speech.csv#", "~$speech.csv",
                 "speech.csv.bak", "desktop.ini", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    found = read(tmp_path)
    assert capsys.readouterr().err == ""
    assert list(found.features) == ["PULSE", "speech"]
    np.testing.assert_array_equal(found.features["PULSE"], expected.features["pulse"])
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "more").mkdir()
    read(tmp_path)
    assert capsys.readouterr().err == f"notice: {tmp_path}: not used: more, notes.txt\n"


def test_names_with_line_breaks_are_said_on_one_line(tmp_path):
    columns, features = own_rows()
    columns["video"] = [f"a\n{name}" for name in columns["video"]]
    features["speech"][3, 2] = np.nan
    write_folder(tmp_path, columns, features)
    assert "see utterance a v0_4" in refusal_text(tmp_path)
    columns["la\nbel"] = columns.pop("order")
    write_folder(tmp_path, columns, features)
    message = refusal_text(tmp_path)
    assert "no column order, found split, label, video_id, pulse, speech, la bel" in message
    assert "\n" not in message


@pytest.mark.parametrize("as_folder", [True, False])
def test_further_columns_are_named_and_not_used(tmp_path, capsys, as_folder):
    columns, features = own_rows()
    n = len(columns["video"])
    more = columns | {"speaker": ["A"] * n, "start": [0.5] * n}
    path = tmp_path / "x.npz"
    if as_folder:
        path = tmp_path / "x"
        write_folder(path, more, features)
    else:
        np.savez(path, **more, **features, notes=np.array([{}], object))
    assert list(read(path).features) == ["pulse", "speech"]
    said = capsys.readouterr().err
    assert said.startswith(f"notice: {path}: not used: ")
    assert set(said.strip().split(": ")[-1].split(", ")) == {"speaker", "start"} | (
        set() if as_folder else {"notes"})


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_modality_may_be_called_video(tmp_path, as_folder):
    columns, features = own_rows()
    columns = {"video_id": columns.pop("video")} | columns
    features = {"video": features["pulse"], "speech": features["speech"]}
    path = tmp_path / "x.npz"
    if as_folder:
        path = tmp_path / "x"
        write_folder(path, columns, features)
    else:
        np.savez(path, **columns, **features)
    found = read(path)
    assert list(found.features) == ["speech", "video"]
    np.testing.assert_array_equal(found.features["video"], features["video"])
    assert found.video_ids == tuple(dict.fromkeys(columns["video_id"]))


def test_a_table_may_name_the_videos_as_it_did_beside_a_modality_of_that_name(tmp_path):
    columns, features = own_rows()
    write_folder(tmp_path, columns, {"video": features["pulse"], "speech": features["speech"]})
    found = read(tmp_path)
    assert list(found.features) == ["speech", "video"]
    assert found.video_ids == tuple(dict.fromkeys(columns["video"]))


def test_an_archive_whose_only_video_is_a_modality_lacks_the_ids(tmp_path):
    columns, features = own_rows()
    columns.pop("video")
    np.savez(tmp_path / "x.npz", **columns, video=features["pulse"], speech=features["speech"])
    assert "x.npz: no column video_id, found order, split, label, video, speech" in refusal_text(
        tmp_path / "x.npz")

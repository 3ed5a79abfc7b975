"""Pickles from strangers: plain data opens; anything else is refused, and has not run."""

import codecs
import collections
import copyreg
import datetime
import os
import pickle
import resource

import numpy as np
import pytest

from argf_np.data import DataError
from argf_np.data.formats.safe_pickle import read_pickle

PLAIN = {
    "numbers": (1, -2, 3.5, True, False, None, 2**40, -(2**70), 0.1),
    "texts": ["", "é", "日本", "a'b\"c\\n\n"],
    "nested": [[], (), {}, [{"x": ((1,), [2])}], ((1, 2), (3, 4, 5), (6, 7, 8, 9))],
    "again": [[0]] * 3,
    "many": list(range(300)),
    "float64": np.arange(6.0).reshape(2, 3),
    "float32": np.float32([[1.5], [2.5]]),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "bool": np.array([True, False]),
    "strings": np.array(["a", "bcd"]),
    "bytes": np.array([b"a", b"bc"]),
    "objects": np.array(["a", None, [1]], object),
    "empty": np.zeros((0, 3)),
    "point": np.array(2.5),
    "large": np.arange(5000.0),
    "scalars": [np.float32(1.5), np.int64(-3), np.bool_(True), np.str_("ab")],
}


def read(path, content):
    path.write_bytes(content)
    return read_pickle(path)


def refusal(path, content):
    with pytest.raises(DataError) as caught:
        read(path, content)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 200
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_data_comes_back(tmp_path, name, protocol):
    value = read(tmp_path / "x", pickle.dumps(PLAIN[name], protocol))
    if isinstance(PLAIN[name], np.ndarray):
        np.testing.assert_array_equal(value, PLAIN[name])
        assert value.dtype == PLAIN[name].dtype.newbyteorder("=")
    else:
        assert value == PLAIN[name]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_set_comes_as_a_list_in_the_order_of_the_file(tmp_path, protocol):
    members = {f"Ses{i}" for i in range(50)}
    assert read(tmp_path / "x", pickle.dumps(members, protocol)) == list(members)


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_numpy_1_and_2_name_the_same_module_differently(tmp_path, core):
    for value in (np.arange(6.0).reshape(2, 3), np.float64(2.5)):
        for protocol in (0, 2, 4, 5):
            content = pickle.dumps(value, protocol)
            assert b"numpy._core" in content or b"numpy.core" in content
            if protocol < 4:  # names are lines; later they come with their length
                content = content.replace(b"numpy._core", core.encode()).replace(
                    b"numpy.core", core.encode()
                )
            np.testing.assert_array_equal(read(tmp_path / "x", content), value)


# --- what Python 2 wrote -------------------------------------------------------------------------


def python2_binary(x):
    """A float64 array as Python 2 with NumPy 1 pickles it in protocol 2: bytes are text."""
    raw = x.tobytes()
    shape = b"(" + b"".join(b"J" + n.to_bytes(4, "little") for n in x.shape) + b"t"
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85q\x03"
        b"U\x01bq\x04\x87q\x05Rq\x06"
        b"(K\x01"
        + shape
        + b"cnumpy\ndtype\nq\x07U\x02f8q\x08K\x00K\x01\x87q\tRq\n(K\x03U\x01<q\x0bNNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0cb\x89T"
        + len(raw).to_bytes(4, "little")
        + raw
        + b"q\rtq\x0eb"
    )


def python2_text(x):
    """The same in protocol 0, its default: all of it is lines of text."""
    raw = repr(x.tobytes())[1:].encode()
    shape = "(" + "".join(f"I{n}\n" for n in x.shape) + "tp6\n"
    return (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\n"
        b"S'b'\np3\ntp4\nRp5\n(I1\n"
        + shape.encode()
        + b"cnumpy\ndtype\np7\n(S'f8'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\n"
        b"tp12\nbI00\nS" + raw + b"\np13\ntp14\nb"
    )


@pytest.mark.parametrize("shape", [(2, 3), (40, 7, 5)])
def test_python_2_arrays_open(tmp_path, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    for content in (b"\x80\x02" + python2_binary(x) + b".", python2_text(x) + b"."):
        np.testing.assert_array_equal(read(tmp_path / "x", content), x)


def test_python_2_containers_open(tmp_path):
    x = np.arange(3.0)
    binary = (
        b"\x80\x02}q\x00(U\x03Sesq\x01]q\x02("
        + python2_binary(x)
        + b"eU\x02e\xe9X\x01\x00\x00\x00au."
    )
    value = read(tmp_path / "x", binary)
    assert list(value) == ["Ses", "e\xe9"]
    assert "a" not in value
    assert value["e\xe9"] == "a"
    np.testing.assert_array_equal(value["Ses"], [x])
    text = b"(dp0\nS'a\\n\\xe9\"'\np1\n(lp2\nI5\naL7L\naF0.5\naI01\naVu\\u00e9\nas."
    assert read(tmp_path / "x", text) == {"a\n\xe9\"": [5, 7, 0.5, True, "u\xe9"]}
    members = b"\x80\x02c__builtin__\nset\nq\x00]q\x01(U\x01bq\x02U\x01aq\x03e\x85q\x04Rq\x05."
    assert read(tmp_path / "x", members) == ["b", "a"]


# --- what is hostile -----------------------------------------------------------------------------


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    pass


GONE = "ran"  # a file that is made if any of these runs

HOSTILE = {
    "system": (Calls(os.system, f"touch {GONE}"), "posix.system"),
    "eval": (Calls(eval, f"open({GONE!r}, 'w')"), "eval"),
    "exec": (Calls(exec, f"open({GONE!r}, 'w')"), "exec"),
    "open": (Calls(open, GONE, "w"), "open"),
    "getattr": (Calls(getattr, [], "append"), "getattr"),
    "numpy.load": (Calls(np.load, "x.npy", None, True), "numpy.load"),
    "numpy.save": (Calls(np.save, GONE, 1), "numpy.save"),
    "in an array": (np.array([Calls(os.system, f"touch {GONE}")], object), "posix.system"),
    "an object": (Plain(), "Plain"),
    "a class": (Plain, "Plain"),
    "a date": (datetime.date(2020, 1, 1), "datetime.date"),
    "an ordered dict": (collections.OrderedDict(a=1), "collections.OrderedDict"),
    "a big bytearray": (Calls(bytearray, 2**40), "bytearray"),
    "a codec": (Calls(codecs.lookup, "zip"), "lookup"),
    "numpy.memmap": (Calls(np.memmap, GONE, "u1", "w+", 0, 9), "memmap"),
    "fields": (np.zeros(2, "f4,i4"), "arrays of 'V8'"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "arrays of 'M8'"),
    "an array of memory": (Calls(np.ndarray, (2**40,)), "an empty array"),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_asks_for_more_is_refused_by_name_and_has_not_run(
    tmp_path, monkeypatch, name, protocol
):
    monkeypatch.chdir(tmp_path)
    value, asked = HOSTILE[name]
    message = refusal(tmp_path / "x", pickle.dumps({"text_train": [1.5, value]}, protocol))
    if name == "an object" and protocol < 2:
        asked = "_reconstructor"
    assert message.startswith("asks for ")
    assert asked in message
    assert message.endswith("nothing of it has run")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # The classical one, in hand-written form, and its variants for the operations that call.
        (b"cos\nsystem\n(S'touch ran'\ntR.", "asks for os.system"),
        (b"(S'touch ran'\nios\nsystem\n.", "asks for os.system"),
        (b"(cos\nsystem\nS'touch ran'\no.", "asks for os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x09touch ran\x85R.", "asks for os.system"),
        (
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncos\nPathLike\nK\x00\x85U\x01b\x87R.",
            "asks for os.PathLike",
        ),
        (b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x81.", "a broken one"),
        (b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R.", "asks for an empty array"),
        (b"\x80\x02cnumpy.core.multiarray\nfromfile\n.", "asks for numpy.core.multiarray.fromfile"),
        (b"\x80\x02cnumpy\nlib.npyio.load\n.", "asks for numpy.lib.npyio.load"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.fromfi\x93.", "asks for numpy.ndarray.fromfi"),
        # Attributes of what it was given: Python's own unpickler would set them, here and for good.
        (b"\x80\x02cnumpy\ndtype\nN}U\x0c__defaults__K\x01s\x86b.", "asks for attributes"),
        (b"\x80\x02]}U\x01aK\x01sb.", "asks for attributes"),
        (
            b"\x80\x02cnumpy\ndtype\nU\x02f8\x85R(K\x03U\x01<NU\x01a\x85}NNNtb.",
            "asks for arrays with fields",
        ),
        (b"\x80\x02\x82\x01.", "a broken one"),  # a registered extension
        (b"Pid\n.", "a broken one"),  # a persistent id
        (b"\x80\x02U\x01aQ.", "a broken one"),
        (b"\x80\x05\x97.", "a broken one"),  # a buffer beside the file
        # No pickle at all, or half of one.
        (b"", "a broken one"),
        (b"hello", "a broken one"),
        (b"\x00" * 99, "a broken one"),
        (b"\x80\x02]", "a broken one"),
        (b"\x80\x02.", "a broken one"),
        (b"\x80\x7f].", "a broken one"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x89PNG\r\n", "a broken one"),
        (b"\x80\x02h\x07.", "a broken one"),
        (b"\x80\x02}(K\x01e.", "a broken one"),
        (b"\x80\x02U\xffabc.", "a broken one"),
        (b"S'a\n.", "a broken one"),
        (b"\x80\x02}]K\x01s.", "a broken one"),
    ],
)
def test_hand_written_files(tmp_path, monkeypatch, content, expected):
    monkeypatch.chdir(tmp_path)
    assert expected in refusal(tmp_path / "x", content)
    assert os.listdir(tmp_path) == ["x"]
    np.testing.assert_array_equal(
        read(tmp_path / "x", pickle.dumps(np.arange(3.0), 2)), np.arange(3.0)
    )  # as before


def test_an_extension_that_others_have_registered_and_used_is_refused(tmp_path):
    copyreg.add_extension("os", "system", 241)
    try:
        assert (
            pickle.loads(b"\x80\x02\x82\xf1.") is os.system
        )  # from now on Python keeps it at hand
        assert "a broken one" in refusal(tmp_path / "x", b"\x80\x02\x82\xf1.")
    finally:
        copyreg.remove_extension("os", "system", 241)


def long(n, bytes_=8):
    return n.to_bytes(bytes_, "little")


BOMBS = {
    "a place in the memo": b"\x80\x02Nr" + long(2**32 - 1, 4) + b"0]Nr" + long(2**31, 4),
    "bytes": b"\x80\x04\x8e" + long(2**40),
    "bytes of Python 2": b"\x80\x02T" + long(2**31 - 1, 4),
    "a negative length": b"\x80\x02T" + long(2**32 - 1, 4) + b"abc",
    "a byte array": b"\x80\x05\x96" + long(2**34),
    "text": b"\x80\x04\x8d" + long(2**36),
    "a frame": b"\x80\x04\x95" + long(2**36),
    "a whole number": b"\x80\x02\x8b" + long(2**31 - 1, 4),
    "a deep tuple as a key": b"\x80\x02})" + b"\x85" * 300_000 + b"K\x01s",
    "a deep tuple in a set": b"\x80\x04\x8f()" + b"\x85" * 300_000 + b"\x90",
    "a deep tuple in a frozen set": b"\x80\x04()" + b"\x85" * 300_000 + b"\x91",
    "keys that are equal modulo 2^61 - 1": b"\x80\x02}("
    + b"".join(b"\x8a\x0c" + long(i * (2**61 - 1), 12) + b"N" for i in range(1, 20_000))
    + b"u",
    "an array of objects": python2_binary(np.zeros(3))
    .replace(b"U\x02f8", b"U\x02O8")
    .replace(b"J\x03\x00\x00\x00", b"J\xff\xff\xff\x7f")
    .replace(b"T\x18\x00\x00\x00" + b"\0" * 24, b"]"),
    "an array larger than its bytes": python2_binary(np.zeros(3)).replace(
        b"J\x03\x00\x00\x00", b"J\xff\xff\xff\x7f"
    ),
    "an array of nothing, many times": python2_binary(np.zeros((1, 0))).replace(
        b"J\x01\x00\x00\x00", b"J\xff\xff\xff\x7f"
    ),
    "long texts in an array": python2_binary(np.zeros(0)).replace(b"U\x02f8", b"U\x0aU999999999"),
    "one text encoded again and again": b"\x80\x02c_codecs\nencode\nq\x00X"
    + long(10**6, 4)
    + b"a" * 10**6
    + b"q\x010("
    + b"h\x00h\x01U\x06latin1\x86R" * 10**5
    + b"t",
}


HARMLESS = ("a place in the memo", "a deep tuple in a set")  # as they are read here


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_cannot_take_much_memory_or_time(tmp_path, name):
    before = resource.getrusage(resource.RUSAGE_SELF)
    content = BOMBS[name] + b"."
    if name in HARMLESS:
        read(tmp_path / "x", content)
    else:
        refusal(tmp_path / "x", content)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_maxrss - before.ru_maxrss < 250_000  # kB
    assert after.ru_utime - before.ru_utime < 10


def test_a_missing_file_and_a_folder_get_one_line(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError, match=rf"^{path}: [^\n]+$"):
            read_pickle(path)

"""Files that are not what they seem, recognised by how they begin."""

# How a file begins, what it is, and what to do.
BEGINNINGS = (
    (b"version https://git-lfs", "a git-lfs pointer and not the file itself",
     "run 'git lfs pull' in its repository, or download the file"),
    (b"<", "a web page or XML, as a failed download leaves it", "download the file again"),
    (b"MATLAB 7.3", "a MATLAB file (7.3)", "read it with h5py, and np.savez the arrays"),
    (b"MATLAB", "a MATLAB file", "read it with scipy.io.loadmat, and np.savez the arrays"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as .h5 and .csd files are",
     "read it with h5py, average the steps of each utterance, and np.savez the arrays"),
    (b"\x93NUMPY", "a single array of NumPy",
     "give an .npz with all arrays, or the folder with utterances.csv"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it"),
    (b"BZh", "compressed by bzip2", "unpack it"),
    (b"\xfd7zXZ", "compressed by xz", "unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"PAR1", "a Parquet file", "read it with pandas, and use data.from_arrays"),
    (b"ARROW1", "a Feather file", "read it with pandas, and use data.from_arrays"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a file of torch.save",
     "read it with torch.load, and np.savez the arrays"),
    (b"PK", "a ZIP archive, as .npz files are", "unpack it"),
)
INSIDE = (  # what the name of a file in a ZIP archive ends with
    ("/data.pkl", "a file of torch.save", "read it with torch.load, and np.savez the arrays"),
    ("xl/workbook.xml", "an Excel workbook", "save its sheet as CSV in UTF-8"),
)
TABLE = ("a table of text", "put it as utterances.csv into a folder, with one .csv or .npy file "
         "per modality beside it, and give the folder")
HEAD = 1024  # bytes that are looked at


def kind_of(path, table=True):
    """"It is X: do Y" for a file of a kind that is known and not read here, or None.

    With `table` False, a table of text is no such file.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    for beginning, what, advice in BEGINNINGS:
        if head.lstrip().startswith(beginning):
            return f"it is {what}: {advice}"
    line = head.partition(b"\n")[0]
    printable = all(byte >= 32 or byte in b"\t\r" for byte in line)
    if table and printable and any(mark in line for mark in (b",", b";", b"\t")):
        return "it is {}: {}".format(*TABLE)
    return None


def kind_inside(names):
    """The same for a ZIP archive with files of these names."""
    for ending, what, advice in INSIDE:
        if any(name.endswith(ending) for name in names):
            return f"it is {what}: {advice}"
    return None

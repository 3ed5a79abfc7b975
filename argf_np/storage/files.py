"""Writing files so that no reader ever sees half of one."""

import csv
import errno
import io
import json
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path):
    """Yield the path of a new file that takes the place of ``path`` when the block succeeds.

    If the block fails, or the process dies, what was there before stays. A link stays a link.
    Raises OSError if ``path`` is there and is no regular file, such as a device.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    part = target.parent / f".{target.name}.{os.getpid()}.part"
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "expected a regular file")
        try:
            yield part
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        error.filename = str(path)  # "disk full" names no file, "no such folder" names the part
        raise


def write_text(path, text):
    """Write a text in UTF-8, whatever the locale. Bytes of a path that are not UTF-8 are kept."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", errors="surrogateescape")


def write_json(path, value):
    """Write indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_csv(path, rows):
    """Write a list of dicts with the same keys: a header, then one line per dict."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())

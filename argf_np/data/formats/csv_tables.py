"""CSV files, checked field by field."""

import csv

import numpy as np

from ...errors import DataError
from .foreign import kind_of


def read_rows(path, rows=None, columns=None, encoding="utf-8-sig", table=""):
    """Yield (row number from 1, fields) of a CSV file; blank lines at its end do not count.

    DataError unless it has `rows` rows of `columns` fields each. With rows None any number will
    do; with columns None, the first row sets it. The message names `table`, the file with the
    utterances that the rows belong to.
    """
    expected_rows = f"{rows} rows" + (f", one per utterance of {table}" if table else "")
    row, blank = 0, None
    try:
        kind = kind_of(path, table=False)
        if kind:
            raise DataError(f"{path}: {kind}")
        with open(path, encoding=encoding, errors="surrogateescape", newline="") as file:
            for row, fields in enumerate(csv.reader(file, strict=True), 1):
                if not fields:
                    blank = blank or row
                    continue
                if blank:
                    raise DataError(f"{path}, row {blank}: a blank line before the end")
                if rows is not None and row > rows:
                    raise DataError(f"{path}, row {row}: expected no more than {expected_rows}")
                columns = columns or len(fields)
                if len(fields) != columns:
                    raise DataError(f"{path}, row {row}: {len(fields)} columns, "
                                    f"expected {columns}")
                _require_utf8(path, row, fields)
                yield row, fields
    except csv.Error as error:
        expected = f"{columns} columns" if columns else "comma-separated text"
        raise DataError(f"{path}, row {row + 1}: {error}, expected {expected}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    found = blank - 1 if blank else row
    if rows is not None and found < rows:
        raise DataError(f"{path}: ends after row {found}, expected {expected_rows}")


def _require_utf8(path, row, fields):
    if "".join(fields).isascii():
        return
    for column, field in enumerate(fields, 1):
        try:
            field.encode()
        except UnicodeEncodeError:  # of a byte that could not be decoded
            raise DataError(f"{path}, row {row}, column {column}: text that is not UTF-8; "
                            "save the file as UTF-8") from None


def read_numbers(path, rows, columns=None, missing=False, table=""):
    """A CSV file of finite numbers as an array (rows, columns).

    Where `missing`, empty fields and "nan" are NaN. `table` is as in `read_rows`.
    """
    numbers = None
    for row, fields in read_rows(path, rows, columns, table=table):
        if numbers is None:
            numbers = np.empty((rows, len(fields)))
        numbers[row - 1] = [_number(field) for field in fields]
        for column in np.flatnonzero(~np.isfinite(numbers[row - 1])):
            if not (missing and fields[column].strip().lower() in ("", "nan")):
                names = row == 1 and np.isnan(numbers[0]).all()
                advice = "; such a file has no row of column names" if names else ""
                raise DataError(f"{path}, row {row}, column {column + 1}: "
                                f"{fields[column]!r:.60}, expected a finite number{advice}")
    return numbers


def _number(field):
    """A text as a number; NaN if it is none. Python also reads "1_0" as a number; this does not."""
    try:
        return float(field) if "_" not in field else np.nan
    except ValueError:
        return np.nan

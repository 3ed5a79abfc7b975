"""CSV files, checked field by field."""

import csv

import numpy as np

from ...errors import DataError


def read_rows(path, rows=None, columns=None, encoding="utf-8-sig"):
    """Yield (row number from 1, fields) of a CSV file.

    DataError unless it has `rows` rows of `columns` fields each. With rows None any number will do,
    with columns None that of the first row.
    """
    row = 0
    try:
        with open(path, encoding=encoding, newline="") as file:
            for row, fields in enumerate(csv.reader(file, strict=True), 1):
                if rows is not None and row > rows:
                    raise DataError(f"{path}, row {row}: expected no more than {rows} rows")
                columns = columns or len(fields)
                if len(fields) != columns:
                    raise DataError(f"{path}, row {row}: {len(fields)} columns, "
                                    f"expected {columns}")
                yield row, fields
    except (csv.Error, UnicodeDecodeError) as error:
        expected = f"{columns} columns" if columns else "comma-separated text"
        raise DataError(f"{path}, row {row + 1}: {error}, expected {expected}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if rows is not None and row < rows:
        raise DataError(f"{path}: ends after row {row}, expected {rows} rows")


def read_numbers(path, rows, columns=None, missing=False, encoding="utf-8-sig"):
    """A CSV file of finite numbers as an array (rows, columns).

    Where `missing`, empty fields and "nan" are NaN.
    """
    table = None
    for row, fields in read_rows(path, rows, columns, encoding):
        if table is None:
            table = np.empty((rows, len(fields)))
        table[row - 1] = [to_number(field) for field in fields]
        for column in np.flatnonzero(~np.isfinite(table[row - 1])):
            if not (missing and fields[column].strip().lower() in ("", "nan")):
                raise DataError(f"{path}, row {row}, column {column + 1}: "
                                f"{fields[column]!r:.60}, expected a finite number")
    return table


def to_number(value):
    """A number, or a text as a number; NaN for a text that is none."""
    try:
        return float(value)
    except ValueError:
        return np.nan

"""A site's file as columns of text, with row numbers for messages. The only reader of data."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from grandrounds_protocol.errors import BadInput


@dataclass(frozen=True)
class Table:
    """Cells as stripped text.

    Attributes
    ----------
    source : str
        Name of the file, for messages.
    columns : dict of str to list of str
        Every column has as many cells as there are rows.
    rows : list of int
        Number of each row as a person finds it: the line in a CSV file (the header is
        line 1), counted from 1 in a Parquet file.
    """

    source: str
    columns: dict[str, list[str]]
    rows: list[int]

    def __len__(self) -> int:
        return len(self.rows)


def read_table(path: Path, separator: str = ",") -> Table:
    """Read a CSV (UTF-8, one header line) or Parquet file.

    Raises
    ------
    BadInput
        If the file is missing, unreadable, empty, of another kind, or if a line has more
        or fewer fields than the header.
    """
    try:
        if path.suffix.lower() == ".parquet":
            table = _read_parquet(path)
        elif path.suffix.lower() == ".csv":
            table = _read_csv(path, separator)
        else:
            raise BadInput(
                "neither a .csv nor a .parquet file",
                where=str(path),
                remedy="name a CSV or Parquet file under `data` in site.toml",
            )
    except OSError as error:
        raise BadInput(
            f"cannot read the data file: {error.strerror or 'not a readable file'}",
            where=str(path),
            remedy="check `data` in site.toml and the file's permissions",
        ) from None
    if not len(table):
        raise BadInput(
            "the data file holds no rows",
            where=str(path),
            remedy="give a header line and one line per patient",
        )
    return table


def _read_csv(path: Path, separator: str) -> Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, delimiter=separator, strict=True)
            header = _header(next(reader, []), path)
            rows: list[int] = []
            cells: list[list[str]] = []
            for line in reader:
                if not line:
                    continue
                if len(line) != len(header):
                    raise BadInput(
                        f"{len(line)} fields where the header has {len(header)}",
                        where=f"{path}, line {reader.line_num}",
                        remedy="quote fields that hold the separator; see `separator` in site.toml",
                    )
                rows.append(reader.line_num)
                cells.append(line)
    except (UnicodeDecodeError, csv.Error):
        raise BadInput(
            "not a CSV file in UTF-8", where=str(path), remedy="save it as CSV, encoding UTF-8"
        ) from None
    by_column = zip(*cells, strict=True) if cells else [()] * len(header)
    columns = {
        name: [cell.strip() for cell in column]
        for name, column in zip(header, by_column, strict=True)
    }
    return Table(str(path), columns, rows)


def _header(names: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in names]
    if not any(names):
        raise BadInput(
            "the data file is empty",
            where=str(path),
            remedy="give a header line and one line per patient",
        )
    # by position: without a header line, the names are a patient's values
    doubled = next(
        (
            [str(at + 1) for at, name in enumerate(names) if name == twice]
            for twice in names
            if names.count(twice) > 1
        ),
        [],
    )
    if doubled:
        raise BadInput(
            f"columns {' and '.join(doubled)} have the same name",
            where=f"{path}, row 1",
            remedy="rename one of them; if row 1 is a patient, put a header line above it",
        )
    return names


def _read_parquet(path: Path) -> Table:
    try:
        content = pq.read_table(path)
    except pa.ArrowException:
        raise BadInput(
            "not a readable Parquet file", where=str(path), remedy="write the file again"
        ) from None
    names = _header(content.column_names, path)
    columns = {
        name: [_text(cell) for cell in column.to_pylist()]
        for name, column in zip(names, content.columns, strict=True)
    }
    return Table(str(path), columns, list(range(1, content.num_rows + 1)))


def _text(cell: object) -> str:
    # Parquet keeps "missing" as null, and integers with gaps as floats with NaN
    missing = cell is None or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124
    return "" if missing else str(cell).strip()

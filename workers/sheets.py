"""Files that people fill in: CSV or JSON, row by row, each row with every fault that it has. Pure.

Rows are counted as a spreadsheet shows them: in a CSV the names of the columns are row 1. In JSON the first is row 1.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from workers.errors import BwvError

MORE_CELLS = ""
"""Column of what a row has beyond its last column."""


class SheetUnreadable(BwvError):
    """The file as a whole is no such sheet: nothing of it can be looked at."""


class Fault(Struct, frozen=True):
    """What is wrong with a cell.

    Attributes:
        column: None: the row as a whole.
    """

    row: int
    column: str | None
    found: str
    expected: str

    def __str__(self) -> str:
        where = f"row {self.row}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.found}; expected {self.expected}"


class Sheet(Struct, frozen=True):
    """What a kind of file looks like.

    Attributes:
        name: of such a file ("batch"); a_row_for: what a row is one of ("submission"). Both for errors.
        needed: columns that must be there; optional: that may be.
        most_bytes, most_rows: larger ones are given in parts.
    """

    name: str
    a_row_for: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    most_bytes: int
    most_rows: int

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.needed, *self.optional)


def rows_of(data: bytes, name: str, sheet: Sheet) -> list[tuple[int, dict[str, Any]]]:
    """The number of each row, and its cells by column.

    Args:
        name: of the file, for errors; JSON if it ends so or begins as JSON does, else CSV.

    Raises:
        SheetUnreadable: it is not text, not CSV or JSON, has other columns, or is too large.
    """
    if len(data) > sheet.most_bytes:
        raise SheetUnreadable(f"{name}: {len(data):,} bytes; expected a {sheet.name} of at most {sheet.most_bytes:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SheetUnreadable(
            f"{name}: not UTF-8 text ({error.reason} at byte {error.start}); save it as CSV UTF-8"
        ) from error
    is_json = name.lower().endswith(".json") or text.lstrip()[:1] in ("[", "{")
    found = list(_json_rows(text, name) if is_json else _csv_rows(text, name, sheet))
    if not found:
        raise SheetUnreadable(f"{name}: no rows; expected one for each {sheet.a_row_for}")
    if len(found) > sheet.most_rows:
        raise SheetUnreadable(f"{name}: {len(found):,} rows; expected at most {sheet.most_rows:,}, so give it in parts")
    return found


def _csv_rows(text: str, name: str, sheet: Sheet) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number == 1:
                columns = [cell.strip().lower() for cell in cells]
                _check_columns(columns, name, sheet)
            elif any(cell.strip() for cell in cells):
                yield number, _named(columns, cells)
    except csv.Error as error:
        raise SheetUnreadable(f"{name}: row {number + 1} is not CSV: {error}") from error


def _check_columns(columns: Sequence[str], name: str, sheet: Sheet) -> None:
    unknown = [column for column in columns if column not in sheet.columns]
    missing = [column for column in sheet.needed if column not in columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    for what, found in (("unknown column", unknown), ("no column", missing), ("twice the column", twice)):
        if found:
            raise SheetUnreadable(
                f"{name}: {what} {', '.join(map(repr, found))}; expected {', '.join(sheet.needed)} in its first row,"
                f" and if you like {', '.join(sheet.optional)}"
            )


def _named(columns: list[str], cells: list[str]) -> dict[str, Any]:
    named: dict[str, Any] = dict(zip(columns, cells, strict=False))
    if len(cells) > len(columns):
        named[MORE_CELLS] = cells[len(columns) :]
    return named


def _json_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SheetUnreadable(f"{name}: not JSON: {error}") from error
    if not isinstance(found, list):
        raise SheetUnreadable(f"{name}: expected a list of rows, found a {type(found).__name__}")
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise SheetUnreadable(f"{name}: row {number} is a {type(row).__name__}; expected an object")
        yield number, row

"""The batch file: CSV or JSON, row by row, each with every fault that it has. Pure; docs/submissions.md has the schema.

Rows are counted as a spreadsheet shows them: in a CSV the names of the columns are row 1. In JSON the first is row 1.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from workers.errors import BwvError
from workers.prosecution.submission.cells import COLUMNS, NEEDED, Cells, Fault, Row

MOST_BYTES = 10 << 20
MOST_ROWS = 10_000


class BatchUnreadable(BwvError):
    """The file as a whole is no batch: nothing of it can be looked at."""


class Batch(Struct, frozen=True):
    """The rows that are well formed, and what is wrong with the others."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


def read(data: bytes, name: str) -> Batch:
    """Read a batch.

    Args:
        name: of the file, for errors; JSON if it ends so or begins as JSON does, else CSV.

    Raises:
        BatchUnreadable: it is not text, not CSV or JSON, or has other columns.
    """
    if len(data) > MOST_BYTES:
        raise BatchUnreadable(f"{name}: {len(data):,} bytes; expected a batch of at most {MOST_BYTES:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BatchUnreadable(
            f"{name}: not UTF-8 text ({error.reason} at byte {error.start}); save it as CSV UTF-8"
        ) from error
    is_json = name.lower().endswith(".json") or text.lstrip()[:1] in ("[", "{")
    found = list(_json_rows(text, name) if is_json else _csv_rows(text, name))
    if not found:
        raise BatchUnreadable(f"{name}: no rows; expected one for each submission")
    if len(found) > MOST_ROWS:
        raise BatchUnreadable(f"{name}: {len(found):,} rows; expected at most {MOST_ROWS:,}, so give it in parts")
    rows, faults = [], []
    for number, cells in found:
        row = Cells(number, cells)
        made = row.read()
        faults += row.faults
        if not row.faults and made is not None:
            rows.append(made)
    return Batch(tuple(rows), tuple(faults))


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number == 1:
                columns = [cell.strip().lower() for cell in cells]
                _check_columns(columns, name)
            elif any(cell.strip() for cell in cells):
                yield number, _named(columns, cells)
    except csv.Error as error:
        raise BatchUnreadable(f"{name}: row {number + 1} is not CSV: {error}") from error


def _check_columns(columns: list[str], name: str) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    missing = [column for column in NEEDED if column not in columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    for what, found in (("unknown column", unknown), ("no column", missing), ("twice the column", twice)):
        if found:
            raise BatchUnreadable(
                f"{name}: {what} {', '.join(map(repr, found))}; expected {', '.join(NEEDED)} in its first row, and if"
                f" you like {', '.join(column for column in COLUMNS if column not in NEEDED)}"
            )


def _named(columns: list[str], cells: list[str]) -> dict[str, Any]:
    named: dict[str, Any] = dict(zip(columns, cells, strict=False))
    if len(cells) > len(columns):
        named[""] = cells[len(columns) :]
    return named


def _json_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BatchUnreadable(f"{name}: not JSON: {error}") from error
    if not isinstance(found, list):
        raise BatchUnreadable(f"{name}: expected a list of rows, found a {type(found).__name__}")
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise BatchUnreadable(f"{name}: row {number} is a {type(row).__name__}; expected an object")
        yield number, row

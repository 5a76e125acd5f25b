"""The batch file, row by row, each with every fault that it has. Pure; docs/submissions.md has the schema."""

from __future__ import annotations

from msgspec import Struct

from workers.prosecution.submission.cells import COLUMNS, NEEDED, Cells, Row
from workers.sheets import Fault, Sheet, rows_of

MOST_BYTES = 10 << 20
MOST_ROWS = 10_000

SHEET = Sheet(
    "batch", "submission", NEEDED, tuple(column for column in COLUMNS if column not in NEEDED), MOST_BYTES, MOST_ROWS
)


class Batch(Struct, frozen=True):
    """The rows that are well formed, and what is wrong with the others."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


def read(data: bytes, name: str) -> Batch:
    """Read a batch.

    Args:
        name: of the file, for errors; JSON if it ends so or begins as JSON does, else CSV.

    Raises:
        SheetUnreadable: it is not text, not CSV or JSON, or has other columns.
    """
    rows, faults = [], []
    for number, cells in rows_of(data, name, SHEET):
        row = Cells(number, cells)
        made = row.read()
        faults += row.faults
        if not row.faults and made is not None:
            rows.append(made)
    return Batch(tuple(rows), tuple(faults))

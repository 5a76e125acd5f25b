"""A schedule as a file: CSV that no spreadsheet takes for a formula, and HTML that prints."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape

import msgspec
from msgspec import Struct

FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""With these, also behind blanks, a spreadsheet begins a formula (OWASP: CSV injection)."""

STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#111;background:#fff}"
    "h1{font-size:1.4rem}.draft{border:2px solid #9b1c1c;color:#9b1c1c;padding:.5rem .75rem;font-weight:600}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.35rem .5rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{background:#eee;white-space:nowrap}@media print{body{margin:0}}"
)


class Table(Struct, frozen=True):
    """A schedule.

    Attributes:
        name: of the file, without its ending.
        about: which case, in a line.
        notes: sentences above the table; the first says that it is a draft and who signs.
    """

    name: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def with_note(self, note: str) -> Table:
        """The same with one more sentence above it."""
        return msgspec.structs.replace(self, notes=(*self.notes, note))


def as_csv(table: Table) -> str:
    """The table below its title and notes, one of them a line; UTF-8 with CRLF (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    above = [(f"{table.name}: {table.title}",), (table.about,), *((note,) for note in table.notes)]
    for row in (*above, table.columns, *table.rows):
        writer.writerow([inert(cell) for cell in row])
    return text.getvalue()


def inert(cell: str) -> str:
    """The cell as text, whatever a spreadsheet thinks of it; in one line."""
    flat = " ".join(cell.split())
    return f"'{flat}" if flat[:1] in FORMULA or cell[:1] in FORMULA else flat


def as_html(table: Table) -> str:
    """A page of its own, without script."""
    notes = "".join(f'<p class="draft">{escape(note)}</p>' for note in table.notes)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in table.rows)
    nothing = "" if table.rows else "<p>No item.</p>"
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(table.name)}: {escape(table.about)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(table.name)}: {escape(table.title)}</h1>{notes}<p>{escape(table.about)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{nothing}</body></html>\n"
    )


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)

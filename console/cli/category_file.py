"""A file of categories: CSV with the columns clip, category, reason and, if wanted, incident.

It is checked as a whole before anything is sent.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.errors import Refused
from workers.retention.categorising import check_category

COLUMNS = ("clip", "category", "reason")
INCIDENT = "incident"
"""A column that may be there: the incident that the clip shows; a cell may be empty."""
MOST_SHOWN = 20
"""Faults that are listed; a file with more has one cause."""


class Wanted(Struct, frozen=True):
    """One row: a category for a clip.

    Attributes:
        line: of the file; 0 where no file says it.
        clip: as it was written.
        incident: that it shows, where the row says so.
    """

    clip: str
    category: str
    reason: str
    line: int = 0
    incident: str | None = None


def read_file(path: Path, known: Iterable[str]) -> list[Wanted]:
    """Read a file.

    Args:
        known: categories of the policy in force.

    Raises:
        click.UsageError: every fault, each with its row and column.
    """
    rows = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        names = [name.strip() for name in rows.fieldnames or ()]
        if sorted(set(names) - {INCIDENT}) != sorted(COLUMNS) or len(names) != len(set(names)):
            raise click.UsageError(
                f"{path}: the columns are {', '.join(names) or 'none'}; expected {', '.join(COLUMNS)} in its first row"
            )
        rows.fieldnames = names
        found = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise click.UsageError(f"{path}: row {rows.line_num} is not CSV: {error}") from error
    faults = list(_faults(found, frozenset(known)))
    if faults:
        raise click.UsageError(_listed(path, faults))
    if not found:
        raise click.UsageError(f"{path}: no clips below the first row")
    return [
        Wanted(
            row["clip"].strip(),
            row["category"].strip(),
            row["reason"].strip(),
            line,
            (row.get(INCIDENT) or "").strip() or None,
        )
        for line, row in found
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as CSV UTF-8"
        ) from error


def _faults(rows: list[tuple[int, dict[str, str]]], known: frozenset[str]) -> Iterator[str]:
    lines: dict[str, int] = {}
    for line, row in rows:
        if None in row:
            yield f"row {line}: more cells than columns; put quotes around what contains a comma"
        for column in COLUMNS:
            if not (row.get(column) or "").strip():
                yield f"row {line}, column {column}: empty"
        category, clip = (row.get("category") or "").strip(), (row.get("clip") or "").strip()
        if category:
            try:
                check_category(category, known)
            except Refused as refused:
                yield f"row {line}, column category: {refused.reason}"
        if clip and lines.setdefault(clip, line) != line:
            yield f"row {line}, column clip: {clip} stands in row {lines[clip]} already"


async def resolve(database: Database, wanted: list[Wanted], source: str) -> list[Wanted]:
    """The same rows with clip ids, where a row may also say CAMERA/RECORDING.

    Raises:
        click.UsageError: every row whose clip is unknown, ambiguous, or that of another row.
    """
    ids = await _clip_ids(database, [row.clip for row in wanted])
    faults: list[str] = []
    lines: dict[str, int] = {}
    resolved = []
    for row in wanted:
        found = ids.get(row.clip, [])
        where = f"row {row.line}, column clip"
        if not found:
            faults.append(f"{where}: no clip {row.clip!r}; expected a whole clip id, or CAMERA/RECORDING")
        elif len(found) > 1:
            faults.append(f"{where}: {row.clip!r} may mean {', '.join(found)}; give the clip's id")
        elif lines.setdefault(found[0], row.line) != row.line:
            faults.append(f"{where}: {row.clip} is the clip of row {lines[found[0]]}")
        else:
            resolved.append(msgspec.structs.replace(row, clip=found[0]))
    if faults:
        raise click.UsageError(_listed(source, faults))
    return resolved


async def _clip_ids(database: Database, words: list[str]) -> dict[str, list[str]]:
    """Each word with the clips that it means."""
    names = [word.partition("/") for word in words]
    rows = await database.fetch(
        "SELECT clip_id AS word, clip_id FROM clip_fate WHERE clip_id = ANY(%(words)s)"
        " UNION ALL SELECT n.camera || '/' || n.recording, f.clip_id"
        "  FROM unnest(%(cameras)s::text[], %(recordings)s::text[]) AS n (camera, recording)"
        "  JOIN clip_fate f USING (camera, recording)",
        {"words": words, "cameras": [name[0] for name in names], "recordings": [name[2] for name in names]},
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["word"], []).append(row["clip_id"])
    return found


def _listed(source: object, faults: list[str]) -> str:
    more = f"\n… and {len(faults) - MOST_SHOWN} more" if len(faults) > MOST_SHOWN else ""
    return f"{source}: nothing was sent\n" + "\n".join(faults[:MOST_SHOWN]) + more

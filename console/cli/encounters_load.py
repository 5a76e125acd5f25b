"""`bwv encounters load`: records out of a file; good rows do not wait for bad ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import Struct

from console.cli.asking import Request, exit_code, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.submitted import show_faults
from streams.messages import EncounterRequested
from streams.settings import Settings
from workers.encounters.rows import find_encounter
from workers.encounters.sheet import Load, read
from workers.encounters.statements import Encounter, EncounterRecord, encounter_id
from workers.keys.statements import now_iso
from workers.retention.answers import Answer
from workers.sheets import SheetUnreadable

STDIN = "-"

MOST_SHOWN = 50
"""Rows that are listed one by one."""


class Row(Struct, frozen=True):
    """A record of the file, and what is to be done with it.

    Attributes:
        state: new, corrected, or recorded (it is on record as it stands here).
    """

    row: int
    reference: str
    encounter_id: str
    kind: str
    at: str
    state: str
    says: str = ""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Check all rows and say what would be done; do nothing.")
@json_option
@click.pass_context
def load(context: click.Context, file: Path, dry_run: bool, as_json: bool) -> int:
    """Record the encounters of FILE: CSV or JSON (docs/encounters.md), `-` for standard input.

    Good rows do not wait for bad ones. The same file again changes nothing; a row that says something else of a record
    is a new version of it, and the first stays. Exit 1 if a row was bad or was refused.
    """
    settings = settings_of(context)
    name = "stdin" if str(file) == STDIN else file.name
    sheet = _read(file, name)
    rows = run(_compared(settings, sheet))
    answers: dict[int, Answer] = {}
    if not dry_run:
        encounters = dict(sheet.records)
        fresh = [row for row in rows if row.state != "recorded"]
        asked = [_request(settings, row, encounters[row.row]) for row in fresh]
        given = settled(settings, "encounters", asked, what="records", hidden=as_json) if asked else []
        answers = {row.row: answer for row, answer in zip(fresh, given, strict=True)}
    _show(name, rows, sheet, answers, dry_run=dry_run, as_json=as_json)
    return int(bool(sheet.faults) or exit_code(answers.values()))


def _read(path: Path, name: str) -> Load:
    try:
        data = sys.stdin.buffer.read() if str(path) == STDIN else path.read_bytes()
        return read(data, name, datetime.now(UTC))
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    except SheetUnreadable as error:
        raise click.UsageError(str(error)) from error


async def _compared(settings: Settings, sheet: Load) -> list[Row]:
    """What each record is against what is on record."""
    rows = []
    async with database_of(settings) as database, database.connection() as connection:
        for number, encounter in sheet.records:
            about = encounter_id(settings.namespace, encounter.reference)
            there = await find_encounter(connection, about)
            state = "new" if there is None else "recorded" if there.encounter == encounter else "corrected"
            rows.append(Row(number, encounter.reference, about, encounter.kind.value, encounter.at, state))
    return rows


def _request(settings: Settings, row: Row, encounter: Encounter) -> Request:
    record = EncounterRecord(row.encounter_id, encounter, settings.person, now_iso())
    signed = signed_by_person(settings, record)
    message = EncounterRequested(row.encounter_id, signed)
    return Request("encounters.requested", message, row.encounter_id, (signed.signature,))


def _show(
    name: str, rows: Sequence[Row], sheet: Load, answers: dict[int, Answer], *, dry_run: bool, as_json: bool
) -> None:
    told = [
        Row(row.row, row.reference, row.encounter_id, row.kind, row.at, row.state, answers[row.row].says)
        if row.row in answers else row
        for row in rows
    ]  # fmt: skip
    if as_json:
        show_json({"file": name, "loaded": not dry_run, "rows": told, "faults": sheet.faults})
        return
    show_faults(sheet.faults)
    if told and len(told) <= MOST_SHOWN:
        columns = ("row", "reference", "kind", "at", "state", "")
        show_table("Records", columns, [(r.row, r.reference, r.kind, r.at, r.state, r.says) for r in told])
    counts = {state: sum(row.state == state for row in rows) for state in ("new", "corrected", "recorded")}
    summary = f"{counts['new']:,} new · {counts['corrected']:,} corrected · {counts['recorded']:,} on record before"
    click.echo(summary + ("; nothing was done" if dry_run else ""))

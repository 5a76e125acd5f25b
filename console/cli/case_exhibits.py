"""`bwv case exhibit`: a clip, or a part of it, produced under a reference."""

from __future__ import annotations

import re
from pathlib import Path

import click

from console.cli.case_asking import change_case, reason_needed, reason_option
from console.cli.clips import one_clip
from console.cli.common import json_option
from workers.database.engine import Database
from workers.prosecution.cases.case import Case
from workers.prosecution.statements import ExhibitAdded, ExhibitAmended, ExhibitWithdrawn

IN_CLIP = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d{1,3})?)")
"""A place in a clip as a player shows it: 1:02:03.5, 2:03 or 123."""


@click.group()
def exhibit() -> None:
    """Exhibits: add, amend, withdraw. A reference is unique in its case for ever."""


@exhibit.command()
@click.argument("urn")
@click.argument("reference")
@click.argument("clip")
@click.option("--producer", required=True, help="Who produces it.")
@click.option("--description", required=True, help="What it shows.")
@click.option("--from", "start", metavar="[H:]M:S", help="Where it begins in the clip, such as 2:11; else the start.")
@click.option("--to", "end", metavar="[H:]M:S", help="Where it ends; else the clip's end.")
@click.option("--mg11", metavar="DAY", help="Day of the producing statement, such as 2026-11-22.")
@click.option(
    "--redaction",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Redaction file: what is blurred or muted in what goes out.",
)
@reason_option
@json_option
@click.pass_context
def add(
    context: click.Context,
    *,
    urn: str,
    reference: str,
    clip: str,
    producer: str,
    description: str,
    start: str | None,
    end: str | None,
    mg11: str | None,
    redaction: Path | None,
    reason: str,
    as_json: bool,
) -> None:
    """Add CLIP, or a part of it, as exhibit REFERENCE (initials and number, such as JS/1). Exit 1 when refused."""
    begins, ends = in_clip("--from", start), in_clip("--to", end)
    text = _text(redaction) if redaction else None

    async def made(database: Database, case: Case) -> ExhibitAdded:
        clip_id = await one_clip(database, clip)
        return ExhibitAdded(reference, clip_id, producer, description, begins, ends, mg11, text)

    change_case(context, urn, made, reason, as_json)


def in_clip(name: str, text: str | None) -> float | None:
    """Seconds from the beginning of a clip."""
    if text is None:
        return None
    found = IN_CLIP.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f"{name} {text!r}: expected a place in the clip such as 1:02:03.5, 2:03 or 123")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path}: expected a text file in UTF-8") from error


@exhibit.command()
@click.argument("urn")
@click.argument("reference")
@click.option("--producer", help="Who produces it.")
@click.option("--mg11", metavar="DAY", help="Day of the producing statement, such as 2026-11-22.")
@click.option("--description", help="What it shows.")
@reason_option
@json_option
@click.pass_context
def amend(
    context: click.Context,
    *,
    urn: str,
    reference: str,
    producer: str | None,
    mg11: str | None,
    description: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Say more of exhibit REFERENCE, as when its producing statement is there. What it shows stays."""
    change_case(context, urn, ExhibitAmended(reference, producer, mg11, description), reason, as_json)


@exhibit.command()
@click.argument("urn")
@click.argument("reference")
@reason_needed
@json_option
@click.pass_context
def withdraw(context: click.Context, urn: str, reference: str, reason: str, as_json: bool) -> None:
    """Withdraw exhibit REFERENCE. Its clip stays held; the reference is never given again."""
    change_case(context, urn, ExhibitWithdrawn(reference), reason, as_json)

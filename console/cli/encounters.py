"""`bwv encounters`: records of stops and of the use of force, what of them no clip shows, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from console.cli.asking import Request, exit_code, say, settled
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.encounters_load import load
from console.cli.encounters_record import one_encounter, record
from streams.messages import EncounterReasonRequested
from workers.encounters.queries import ListedGap, list_gaps
from workers.encounters.statements import EncounterReason
from workers.encounters.words import GapKind
from workers.footage.clip import CLIP_ID
from workers.keys.statements import now_iso


@click.group()
def encounters() -> None:
    """Stops, searches and the use of force, set against the clips of each officer who was there."""


@encounters.command()
@click.option("--unit", help="Of this borough or basic command unit.")
@click.option("--officer", help="Of this officer.")
@click.option("--since", metavar="DAY", help="Of encounters from this day on, such as 2026-11-01.")
@click.option("--open", "open_only", is_flag=True, help="Those alone that nothing and nobody has explained.")
@json_option
@click.pass_context
def gaps(
    context: click.Context, /, *, unit: str | None, officer: str | None, since: str | None, open_only: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Encounters with no clip, started late, stopped early or muted; clips without the record of an encounter.

    Each with the officer's reason, or explained by the camera's event log, or open and for how long. Oldest first.
    Exit 1 when one is open.
    """
    settings = settings_of(context)
    from_day = _day(since)

    async def work() -> list[ListedGap]:
        async with database_of(settings) as database, database.connection() as connection:
            return await list_gaps(connection, unit=unit, officer=officer, since=from_day, open_only=open_only)

    found = run(work())
    is_open = sum(gap.open for gap in found)
    if as_json:
        show_json(found)
    else:
        show_table(
            f"Gaps: {len(found)}, {is_open} open",
            ("at (UTC)", "record or clip", "what", "unit", "officer", "gap", "missing", "why"),
            [_line(gap) for gap in found],
        )
    context.exit(int(is_open > 0))


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise click.UsageError(f"--since {text!r}: expected a day such as 2026-11-01") from error


def _line(gap: ListedGap) -> tuple[object, ...]:
    missing = "" if gap.seconds is None else f"{gap.seconds:.0f} s"
    where = gap.borough or gap.bcu
    at = f"{gap.at.astimezone(UTC):%Y-%m-%d %H:%M}"
    return at, gap.reference or gap.about, gap.what, where, gap.officer or "unknown", gap.gap, missing, _why(gap)


def _why(gap: ListedGap) -> str:
    if gap.explained_by is not None:
        told = f"explained by the camera's log: {gap.explained_by.replace('_', ' ')}"
    elif gap.reason is not None:
        told = f"{gap.reason} ({gap.reason_by})"
    else:
        told = f"OPEN for {gap.days} days"
    return f"{told}; {gap.note}" if gap.note else told


@encounters.command()
@click.argument("about", metavar="ENCOUNTER|CLIP")
@click.option("--gap", type=click.Choice([kind.value for kind in GapKind]), required=True, help="Which one.")
@click.option("--officer", help="Whose footage is missing [default: you].")
@click.option("--reason", required=True, help="Why; it is signed and recorded, and the person concerned may read it.")
@json_option
@click.pass_context
def reason(context: click.Context, /, *, about: str, gap: str, officer: str | None, reason: str, as_json: bool) -> None:
    """Say why footage of ENCOUNTER is missing, or (--gap unmatched) the record of what CLIP shows.

    ENCOUNTER is the force's reference of the record, or an id. Of one gap the newest reason counts; all stay on record.
    Exit 1 when it was refused, as when there is no such gap.
    """
    settings = settings_of(context)
    unmatched = gap == GapKind.UNMATCHED

    async def find() -> str:
        async with database_of(settings) as database:
            if unmatched:
                return about if CLIP_ID.fullmatch(about) else await one_clip(database, about)
            return (await one_encounter(database, about)).encounter_id

    named = run(find())
    asked = EncounterReason(
        officer=officer or settings.person,
        gap=GapKind(gap),
        reason=reason,
        by=settings.person,
        at=now_iso(),
        encounter_id=None if unmatched else named,
        clip_id=named if unmatched else None,
    )
    signed = signed_by_person(settings, asked)
    message = EncounterReasonRequested(asked.about, signed)
    [given] = settled(
        settings, "encounters", [Request("encounters.reason-requested", message, asked.about, (signed.signature,))]
    )
    show_json(given) if as_json else say(given)
    context.exit(exit_code([given]))


encounters.add_command(load)
encounters.add_command(record)

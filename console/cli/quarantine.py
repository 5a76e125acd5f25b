"""`bwv quarantine`: bytes that are not the declared ones, and a person's decision about them."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from console.cli.common import (
    announce,
    ask,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
    until,
)
from streams.messages import QuarantineDecided
from workers.database.engine import Database
from workers.keys.statements import Decision, now_iso

SELECT = (
    "SELECT clip_id, camera, recording, standing, quarantine, decision, conflict_with, moved_at, report FROM clip_fate"
    " WHERE quarantine IS NOT NULL"
)


@click.group()
def quarantine() -> None:
    """Recordings whose bytes are not the declared ones; a person decides."""


async def _find(database: Database, clip: str) -> dict[str, Any]:
    row = await database.fetch_one(f"{SELECT} AND clip_id = %s", (clip,))
    if row is None:
        raise click.UsageError(f"{clip} is not in quarantine; see: bwv quarantine list")
    return row


def _decided(row: dict[str, Any]) -> str:
    if row["decision"] is None:
        return "a person has to decide"
    decision = msgspec.json.decode(row["decision"]["body"], type=Decision)
    return f"{'accepted' if decision.accept else 'kept apart'} by {decision.by} at {decision.at}: {decision.reason}"


@quarantine.command("list")
@json_option
@click.pass_context
def list_quarantine(context: click.Context, as_json: bool) -> None:
    """All quarantined recordings, undecided first."""
    settings = settings_of(context)

    rows = ask(settings, f"{SELECT} ORDER BY decision IS NOT NULL, moved_at")
    if as_json:
        show_json(rows)
        return
    show_table(
        f"Quarantine: {len(rows)}",
        ("clip", "camera", "recording", "reason", "decision"),
        [(r["clip_id"], r["camera"], r["recording"], r["quarantine"]["reason"], _decided(r)) for r in rows],
    )


@quarantine.command()
@click.argument("clip")
@json_option
@click.pass_context
def show(context: click.Context, clip: str, as_json: bool) -> None:
    """One quarantined recording: both digests, where the bytes lie, what was decided."""
    settings = settings_of(context)

    async def work() -> dict[str, Any]:
        async with database_of(settings) as database:
            return await _find(database, clip)

    row = run(work())
    if as_json:
        show_json(row)
        return
    details = row["quarantine"]
    for name, value in (
        ("clip", row["clip_id"]),
        ("camera, recording", f"{row['camera']}, {row['recording']}"),
        ("reason", details["reason"]),
        ("declared SHA-256", details["expected_sha256"]),
        ("declared size", details["expected_size"]),
        ("found SHA-256", details["found_sha256"]),
        ("found size", details["found_size"]),
        ("bytes lie at", f"{details['key']} version {details['version_id']}"),
        ("name taken by", row["conflict_with"] or "-"),
        ("decision", _decided(row)),
    ):
        click.echo(f"{name:>18}  {value}")
    if row["decision"] is None:
        click.echo(f"\ndecide: bwv quarantine decide {clip} accept|keep --reason …")


@quarantine.command()
@click.argument("clip")
@click.argument("verdict", type=click.Choice(["accept", "keep"]))
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def decide(context: click.Context, clip: str, verdict: str, reason: str) -> None:
    """Accept the quarantined bytes of CLIP as they are, or keep them apart.

    Accepting is a second declaration, signed by you: the bytes become a clip of their own, are verified
    against the digest that you sign, and the camera may then erase them.
    """
    settings = settings_of(context)

    async def work() -> None:
        async with database_of(settings) as database:
            row = await _find(database, clip)
            if row["decision"] is not None:
                raise click.UsageError(f"{clip} is decided: {_decided(row)}")
            found = row["quarantine"]
            body = Decision(
                clip_id=clip,
                camera=row["camera"],
                recording=row["recording"],
                accept=verdict == "accept",
                size=found["found_size"],
                sha256=found["found_sha256"],
                reason=reason,
                by=settings.person,
                at=now_iso(),
            )
            message = QuarantineDecided(clip, row["camera"], signed_by_person(settings, body))
            await announce(settings, "quarantine.decided", message, key=row["camera"], cause=(clip, body.at))
            await until(
                lambda: database.fetch_one(
                    "SELECT 1 FROM clip_fate WHERE clip_id = %s AND decision IS NOT NULL", (clip,)
                ),
                f"intake has not taken the decision about {clip}",
            )

    run(work())
    click.echo(f"{clip}: {'accepted' if verdict == 'accept' else 'kept apart'}, signed by {settings.person}")

"""`bwv viewing`: nobody plays the clips of an incident, or of officers in a period, until a person ends it."""

from __future__ import annotations

import click

from console.cli.common import (
    announce,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
    until,
)
from console.cli.hold_scope import a_time
from streams.messages import ViewingLockSet
from streams.settings import Settings
from workers.catalogue.locks import Lock, list_locks
from workers.footage.canonical import derived_id
from workers.footage.clip import check_enrolled_id
from workers.keys.statements import ViewingLock, now_iso


@click.group()
def viewing() -> None:
    """Nobody plays the clips of an incident, or of officers in a period. Of one clip: bwv people lock."""


@viewing.command()
@click.option("--incident", help="Every clip of an incident, docked now or later.")
@click.option("--officer", multiple=True, help="Clips of an officer, with --from and --to; may be repeated.")
@click.option("--from", "since", metavar="TIME", help="Of the recordings, such as 2026-11-22T10:00 (local time).")
@click.option("--to", "until_", metavar="TIME", help="The same, the end.")
@click.option("--but", "people", multiple=True, metavar="PERSON", help="Who may play them all the same; repeated.")
@click.option("--reason", required=True, help="Why; it is signed, recorded, and shown to whoever wants to play one.")
@click.pass_context
def lock(
    context: click.Context,
    *,
    incident: str | None,
    officer: tuple[str, ...],
    since: str | None,
    until_: str | None,
    people: tuple[str, ...],
    reason: str,
) -> None:
    """Nobody plays these clips, their officers included, from now on; as before first accounts (DSI, conduct)."""
    if (incident is None) == (not officer):
        raise click.UsageError("expected --incident, or --officer with --from and --to")
    if bool(officer) != bool(since and until_):
        raise click.UsageError("officers need a period, and a period officers: --officer, --from and --to")
    for one in (*officer, *people):
        check_enrolled_id("person", one)
    settings, at = settings_of(context), now_iso()
    lock_id = derived_id("lock", settings.namespace, settings.person, at, incident, *sorted(officer))
    body = ViewingLock(lock_id, "lock", reason, settings.person, at, incident, officer, a_time("--from", since),
                       a_time("--to", until_), people)  # fmt: skip
    run(_set(settings, body))
    click.echo(f"{lock_id} stands, signed by {settings.person}; end it with: bwv viewing unlock {lock_id} --reason …")


@viewing.command()
@click.argument("lock_id", metavar="LOCK")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def unlock(context: click.Context, lock_id: str, reason: str) -> None:
    """End LOCK; its clips are played again by whoever may."""
    settings = settings_of(context)

    async def known() -> bool:
        async with database_of(settings) as database:
            return lock_id in {one.lock_id for one in await list_locks(database)}

    if not run(known()):
        raise click.UsageError(f"no lock {lock_id!r} stands; see: bwv viewing list")
    run(_set(settings, ViewingLock(lock_id, "unlock", reason, settings.person, now_iso())))
    click.echo(f"{lock_id} is ended, signed by {settings.person}")


@viewing.command("list")
@click.option("--ended", is_flag=True, help="Also those that were ended.")
@json_option
@click.pass_context
def list_command(context: click.Context, ended: bool, as_json: bool) -> None:
    """The locks of incidents and officers, newest first."""
    settings = settings_of(context)

    async def work() -> list[Lock]:
        async with database_of(settings) as database:
            return await list_locks(database, ended=ended)

    found = run(work())
    if as_json:
        show_json(found)
        return
    rows = [(one.lock_id, _covers(one), ", ".join(one.people), one.reason, one.person, f"{one.time:%Y-%m-%d %H:%M}",
             one.ended_by or "") for one in found]  # fmt: skip
    show_table(f"Locks: {len(found)}", ("lock", "nobody plays", "but", "why", "by", "since (UTC)", "ended by"), rows)


def _covers(one: Lock) -> str:
    if one.incident is not None:
        return f"incident {one.incident}"
    return f"{', '.join(one.officers)} from {one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M}"


async def _set(settings: Settings, body: ViewingLock) -> None:
    message = ViewingLockSet(body.lock_id, signed_by_person(settings, body))
    await announce(settings, "viewings.set", message, key=body.lock_id, cause=(body.lock_id, body.kind))
    async with database_of(settings) as database:
        await until(
            lambda: database.fetch_one(
                "SELECT 1 FROM viewing_locks WHERE lock_id = %s AND kind = %s", (body.lock_id, body.kind)
            ),
            "the record has not taken it",
        )

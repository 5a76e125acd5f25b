"""`bwv people name | open | lock | unlock`: who may see one clip, signed by whoever says so."""

from __future__ import annotations

import click

from console.cli.clips import one_clip
from console.cli.common import announce, database_of, run, settings_of, signed_by_person, until
from streams.messages import ClipViewingSet
from workers.footage.clip import check_enrolled_id
from workers.keys.statements import Viewing, now_iso


@click.command()
@click.argument("clip")
@click.argument("people_named", nargs=-1, metavar="PERSON...")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def name(context: click.Context, clip: str, people_named: tuple[str, ...], reason: str) -> None:
    """Only these PEOPLE may see CLIP from now on; they take the place of whoever was named before."""
    _set(context, clip, "named", people_named, reason)


@click.command("open")
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def open_clip(context: click.Context, clip: str, reason: str) -> None:
    """CLIP is seen as any other again."""
    _set(context, clip, "open", (), reason)


@click.command()
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed, recorded, and shown to whoever wants to play it.")
@click.pass_context
def lock(context: click.Context, clip: str, reason: str) -> None:
    """Nobody plays CLIP for now, as before an officer's first account after a serious incident."""
    _set(context, clip, "lock", (), reason)


@click.command()
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def unlock(context: click.Context, clip: str, reason: str) -> None:
    """CLIP may be played again."""
    _set(context, clip, "unlock", (), reason)


def _set(context: click.Context, clip: str, kind: str, named: tuple[str, ...], reason: str) -> None:
    settings = settings_of(context)
    for one in named:
        check_enrolled_id("person", one)

    async def work() -> str:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            body = Viewing(clip_id, kind, named, reason, settings.person, now_iso())
            message = ClipViewingSet(clip_id, signed_by_person(settings, body))
            await announce(settings, "clips.viewing-set", message, key=clip_id, cause=(clip_id, kind, body.at))
            await until(
                lambda: database.fetch_one(
                    "SELECT 1 FROM viewings WHERE clip_id = %s AND kind = %s AND time = %s", (clip_id, kind, body.at)
                ),
                "the record has not taken it",
            )
            return clip_id

    who = f" {', '.join(named) or 'nobody'}" if kind == "named" else ""
    click.echo(f"{run(work())}: {kind}{who}, signed by {settings.person}")

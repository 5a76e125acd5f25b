"""`bwv encounters record`: all that is known of an encounter, and the copy for the person concerned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from console.cli.asking import Request, answered, request
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from streams.messages import HoldRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.encounters.check import moment
from workers.encounters.person import facts, local, page
from workers.encounters.queries import Known, known_of
from workers.encounters.rows import Recorded, named
from workers.footage.canonical import derived_id
from workers.keys.statements import now_iso
from workers.retention.answers import Verdict
from workers.retention.explaining import Explanation
from workers.retention.facts import HoldReason
from workers.retention.questions import explained_by_log, explained_by_row
from workers.retention.scopes import Scope
from workers.retention.statements import HoldRequest

AROUND = timedelta(minutes=30)
"""How far before and after an encounter footage is held for the person concerned: what led to it, what followed."""


@click.command()
@click.argument("encounter", metavar="ENCOUNTER")
@click.option("--for-person", is_flag=True, help="As a page for the person concerned: prints, needs no script.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the page there [default: print it]."
)
@click.option("--asked", is_flag=True, help="The person asked for the footage: hold it until that is answered.")
@json_option
@click.pass_context
def record(
    context: click.Context, /, *, encounter: str, for_person: bool, out: Path | None, asked: bool, as_json: bool
) -> int:
    """ENCOUNTER (the force's reference, or an id): its record, its clips, what is missing, until when they are there.

    The person concerned may ask for the record for three months (PACE 1984 s.3(9)). With --asked a hold of reason
    subject-access keeps the clips of all officers present, docked later too; asking again changes nothing. Exit 1
    when the hold was refused.
    """
    if out is not None and not for_person:
        raise click.UsageError("--out goes with --for-person")
    settings = settings_of(context)

    async def work() -> tuple[Recorded, Known, dict[str, Explanation], str | None, bool]:
        async with database_of(settings) as database:
            found = await one_encounter(database, encounter)
            refused = asked and not await _hold(settings, database, found)
            async with database.connection() as connection:
                known = await known_of(connection, found.encounter_id)
            explained = {clip.clip_id: await _explained(database, clip.clip_id) for clip in known.clips}
            return found, known, explained, await _held_since(settings, database, found), refused

    found, known, explained, held, refused = run(work())
    if for_person:
        text = page(found, known, explained, now=datetime.now(UTC), contact=settings.encounter_contact, held=held)
        if out is not None:
            out.write_bytes(text)
        elif not as_json:
            click.echo(text.decode())
    if as_json:
        show_json(
            {
                "encounter": found,
                "clips": known.clips,
                "gaps": known.gaps,
                "kept": {clip: explanation.says for clip, explanation in explained.items()},
                "held_since": held,
                "page": str(out) if out else None,
            }
        )
    elif not for_person:
        _show(found, known, explained, held)
    elif out is not None:
        click.echo(f"{out}: the copy for the person concerned" + (f"; held since {held}" if held else ""))
    return int(refused)


async def one_encounter(database: Database, words: str) -> Recorded:
    """The one encounter that `words` mean."""
    async with database.connection() as connection:
        found = await named(connection, words)
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f"no encounter {words!r}: expected the force's reference, an id or its beginning")
    raise click.UsageError(f"{words!r} may mean {', '.join(one.encounter_id for one in found)}; give more of the id")


async def _explained(database: Database, clip_id: str) -> Explanation:
    """Why a clip is kept or gone, as everybody may know it: a restricted hold is the force's."""
    now = datetime.now(UTC)
    by_row = await explained_by_row(database, clip_id, now, restricted=False)
    return by_row if by_row is not None else (await explained_by_log(database, clip_id, now, restricted=False))[0]


def hold_id_of(settings: Settings, found: Recorded) -> str:
    """The hold that the person concerned asks for: one, however often they ask."""
    return derived_id("hold", settings.namespace, "asked", found.encounter_id)


async def _hold(settings: Settings, database: Database, found: Recorded) -> bool:
    """Ask for the hold and wait for its answer; False: refused."""
    it = found.encounter
    at = moment(it.at)
    assert at is not None  # it was checked before it was recorded
    until = (moment(it.until) if it.until else None) or at
    asked = HoldRequest(
        hold_id=hold_id_of(settings, found),
        scope=Scope.ENCOUNTER.value,
        reason=HoldReason.SUBJECT_ACCESS,
        by=settings.person,
        at=now_iso(),
        officers=tuple(one.officer for one in it.officers),
        since=now_iso(at - AROUND),
        until=now_iso(until + AROUND),
        encounter=it.incident or it.reference,
        reference=it.reference,
    )
    message = HoldRequested(asked.hold_id, signed_by_person(settings, asked))
    [made] = await request(settings, [Request("holds.requested", message, asked.hold_id, (asked.hold_id,))])
    given = await answered(database, made, "holds")
    if given.verdict is Verdict.REFUSED:
        click.echo(f"the hold was refused: {given.says}", err=True)
    return given.verdict is not Verdict.REFUSED


async def _held_since(settings: Settings, database: Database, found: Recorded) -> str | None:
    row = await database.fetch_one(
        "SELECT placed_at FROM holds WHERE hold_id = %s AND lifted_at IS NULL", (hold_id_of(settings, found),)
    )
    return local(row["placed_at"]) if row else None


def _show(found: Recorded, known: Known, explained: dict[str, Explanation], held: str | None) -> None:
    click.echo(f"{found.encounter_id}   version {found.version} of {known.versions}, signed by {found.signed_by}\n")
    for name, value in facts(found.encounter):
        click.echo(f"{name:<40}{value}")
    if held:
        click.echo(f"{'Held for the person concerned since':<40}{held}")
    click.echo("")
    show_table(
        f"Clips: {len(known.clips)}",
        ("clip", "officer", "camera", "began (UTC)", "ended", "by", "kept"),
        [
            (c.clip_id, c.officer, c.camera, f"{c.began:%Y-%m-%d %H:%M:%S}" if c.began else "",
             f"{c.ended:%H:%M:%S}" if c.ended else "unknown", c.how, explained[c.clip_id].says)
            for c in known.clips
        ],
    )  # fmt: skip
    rows = [(g.officer, g.gap, "" if g.seconds is None else f"{g.seconds:.0f} s", g.explained_by, g.reason, g.note)
            for g in known.gaps]  # fmt: skip
    show_table(f"Gaps: {len(rows)}", ("officer", "gap", "missing", "explained by", "reason", "note"), rows)

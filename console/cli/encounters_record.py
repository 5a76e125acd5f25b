"""`bwv encounters record`: all that is known of an encounter, and the copy for the person concerned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from console import encounters
from console.cli.asking import Request, answered, request
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.complaint_access import holds_named
from streams.settings import Settings
from workers.database.engine import Database
from workers.encounters.person import facts, local
from workers.encounters.queries import Known, known_of
from workers.encounters.rows import Recorded, named
from workers.keys.statements import now_iso
from workers.retention.answers import Verdict
from workers.retention.explaining import Explanation


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

    async def work() -> tuple[Recorded, Known, dict[str, Explanation], encounters.Held | None, bool]:
        async with database_of(settings) as database:
            found = await one_encounter(database, encounter)
            refused = asked and not await _hold(settings, database, found)
            async with database.connection() as connection:
                known = await known_of(connection, found.encounter_id)
            now = datetime.now(UTC)
            kept = {
                clip.clip_id: await encounters.explained(
                    database, clip.clip_id, now, holds_named(settings, clip.officer)
                )
                for clip in known.clips
            }
            return found, known, kept, await encounters.held(database, settings.namespace, found), refused

    found, known, explained, since, refused = run(work())
    held = local(since.since) if since else None
    if for_person:
        text = encounters.copy(
            found, known, explained, since, now=datetime.now(UTC), contact=settings.encounter_contact
        )
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


async def _hold(settings: Settings, database: Database, found: Recorded) -> bool:
    """Ask for the hold and wait for its answer; False: refused."""
    hold = await encounters.asked_hold_id(database, settings.namespace, found)
    message = encounters.asked_hold(
        hold, found, by=settings.person, at=now_iso(), sign=lambda body: signed_by_person(settings, body)
    )
    [made] = await request(settings, [Request("holds.requested", message, hold, (hold,))])
    given = await answered(database, made, "holds")
    if given.verdict is Verdict.REFUSED:
        click.echo(f"the hold was refused: {given.says}", err=True)
    return given.verdict is not Verdict.REFUSED


def _show(found: Recorded, known: Known, explained: dict[str, Explanation], held: str | None) -> None:
    click.echo(f"{found.encounter_id}   version {found.version} of {known.versions}, signed by {found.signed_by}\n")
    for name, value in facts(found.encounter, "the person"):
        click.echo(f"{name:<40}{value}")
    if held:
        click.echo(f"{'Held for the person concerned since':<40}{held}")
    click.echo("")
    show_table(
        f"Clips: {len(known.clips)}",
        ("clip", "officer", "camera", "began (UTC)", "ended", "by", "metres away", "kept"),
        [
            (c.clip_id, c.officer, c.camera, f"{c.began:%Y-%m-%d %H:%M:%S}" if c.began else "",
             f"{c.ended:%H:%M:%S}" if c.ended else "unknown", c.how, "" if c.metres is None else f"{c.metres:.0f}",
             explained[c.clip_id].says)
            for c in known.clips
        ],
    )  # fmt: skip
    rows = [(g.officer, g.gap, "" if g.seconds is None else f"{g.seconds:.0f} s", g.explained_by, g.reason, g.note)
            for g in known.gaps]  # fmt: skip
    show_table(f"Gaps: {len(rows)}", ("officer", "gap", "missing", "explained by", "reason", "note"), rows)

"""How draws are shown to people, of panels and of supervisors alike."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.common import database_of, run, settings_of, show_json, show_table
from console.cli.panel_drawing import one_draw, the_document, write_draw
from workers.scrutiny.drawing import Draw
from workers.scrutiny.queries import Shown, recorded_since, shown
from workers.scrutiny.rows import KeptDraw
from workers.scrutiny.statements import DrawKind
from workers.statistics.months import month


def show_draw(document: Draw) -> None:
    """Tell a person what came out."""
    click.echo(f"list of {len(document.encounters)} encounters, SHA-256 {document.list_sha256}")
    click.echo(f"checkpoint of {document.size} entries, root {document.root}")
    for place, one in enumerate(document.drawn, 1):
        click.echo(f"{place:>4}  {one}")
    for passed in document.passed_over:
        click.echo(f"   –  {passed.encounter_id}  passed over: {passed.why}")


def show_draws(found: list[KeptDraw], *, as_json: bool) -> None:
    """List draws, of a panel or of a supervisor."""
    if as_json:
        show_json(found)
        return
    show_table(
        f"Draws: {len(found)}",
        ("draw", "month", "unit", "drawn", "of", "passed over", "seed", "by", "at (UTC)"),
        [
            (d.draw_id, d.month, d.unit, len(d.deed.drawn), d.deed.listed, len(d.deed.passed_over), d.deed.seed,
             d.drawn_by, f"{d.drawn_at:%Y-%m-%d %H:%M}")
            for d in found
        ],
    )  # fmt: skip


def show_kept(context: click.Context, kind: DrawKind, words: str, out: Path | None, *, as_json: bool) -> None:
    """Show a draw that is on record, of a panel or of a supervisor."""
    settings = settings_of(context)

    async def work() -> tuple[KeptDraw, list[Shown], int | None, Draw | None]:
        async with database_of(settings) as database:
            kept = await one_draw(database, kind, words)
            document = await the_document(database, kept) if out is not None else None
            async with database.connection() as connection:
                return kept, await shown(connection, kept), await recorded_since(connection, kept), document

    kept, rows, since, document = run(work())
    if out is not None and document is not None:
        write_draw(out, document)
    if as_json:
        show_json({"draw": kept, "encounters": rows, "recorded_since": since, "file": str(out) if out else None})
        return
    click.echo(f"{kept.draw_id}   {kept.month} {kept.unit or ''}  seed {kept.deed.seed!r}  drawn by {kept.drawn_by}")
    if kept.drawn_at < month(kept.month).until:
        click.echo("drawn before the month was over")
    if since:
        click.echo(f"recorded since, and not drawn from: {since} encounter{'' if since == 1 else 's'} of this month")
    if kept.deed.terms:
        click.echo(f"before anybody sees it: {kept.deed.terms}")
    show_table("", ("", "encounter", "record", "kind", "clips", "redacted", "hold", "grade"), map(_line, rows))
    for one in rows:
        for line in _said(one, panel=kept.kind is DrawKind.PANEL):
            click.echo(line)
    for passed in kept.deed.passed_over:
        click.echo(f"passed over: {passed.encounter_id}, {passed.why}")


def _said(one: Shown, *, panel: bool) -> list[str]:
    """What else is to be known of an encounter; a supervisor sees masters, a panel none."""
    said = []
    if panel:
        outstanding = [clip for clip in one.clips if clip not in one.redacted]
        said += [f"redaction outstanding: {clip}, of {one.reference}: bwv derive redact" for clip in outstanding]
        said += [f"no redaction can be made, of {one.reference}: {why}" for why in one.failed]
        said += [f"redacted in part alone, of {one.reference}: {part}" for part in one.parts]
    if one.notes:
        earlier = f"; grades before it: {one.grades - 1}" if one.grades > 1 else ""
        said.append(f"{one.reference}: {one.notes} ({one.graded_by}{earlier})")
    return said


def _line(one: Shown) -> tuple[object, ...]:
    clips = len(one.clips) or "not filmed"
    grade = one.grade.value if one.grade else ""
    return one.number, one.encounter_id, one.reference, one.kind, clips, len(one.redacted), one.hold, grade

"""`bwv panel`: what a scrutiny panel looks at, drawn by lot, so that anybody can repeat it; and what it found."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from console.cli.asking import Request, exit_code, say, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.complaint_access import oversight_only
from console.cli.panel_drawing import draw_and_ask, one_draw, write_draw
from console.cli.panel_fixing import fix
from console.cli.panel_grading import one_drawn, request_of_grade
from console.cli.panel_showing import show_draw, show_draws, show_kept
from console.cli.stats_shared import month_option, the_month
from workers.keys.statements import now_iso
from workers.scrutiny.drawing import Draw, faults, other_list
from workers.scrutiny.holding import panel_hold_id
from workers.scrutiny.queries import Returned, returned_to
from workers.scrutiny.rows import KeptDraw, list_draws
from workers.scrutiny.statements import DrawKind, Grade

GRADES = click.Choice([grade.value for grade in Grade])


@click.group()
def panel() -> None:
    """Scrutiny panels: draw by lot, verify, grade, and what officers get back."""


@panel.command()
@month_option
@click.option("--n", "number", type=click.IntRange(1, 200), required=True, help="Encounters to draw.")
@click.option("--seed", required=True, help="The panel's: named by them, after the list was fixed.")
@click.option("--checkpoint", "size", type=int, help="Entries of the sealed checkpoint; the newest if not given.")
@click.option("--terms", default="", help="What is covered and silenced before the panel sees it, in a sentence.")
@click.option(
    "--meets", metavar="DAY", help="When the panel meets, from which its holds' end counts [default: 92 days]."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the draw there: what is published.")
@json_option
@click.pass_context
def draw(
    context: click.Context,
    /,
    *,
    month: str | None,
    number: int,
    seed: str,
    size: int | None,
    terms: str,
    meets: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Draw encounters of a month by lot, unfilmed ones too, and hold their footage until the panel has met.

    Every encounter ranks by SHA-256(seed, zero byte, encounter id); the first ones are drawn. One of a live case or a
    complaint is passed over and listed. Signed, checked again by the stage, recorded. Exit 1 when it was refused.
    """
    settings, of = settings_of(context), the_month(month)
    answer, document = draw_and_ask(
        settings, of, number, seed, kind=DrawKind.PANEL, size=size, terms=terms, meets=meets, hidden=as_json
    )
    if not exit_code([answer]) and out is not None:
        write_draw(out, document)
    if as_json:
        show_json(
            {"answer": answer, "draw": msgspec.structs.replace(document, encounters=()), "file": out and str(out)}
        )
    else:
        say(answer)
        if not exit_code([answer]):
            show_draw(document)
    return exit_code([answer])


@panel.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--list", "given", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list that the panel was given before it named the seed (bwv panel fix).",
)  # fmt: skip
@json_option
def verify(file: Path, given: Path | None, as_json: bool) -> int:
    """Repeat the draw of FILE: from its list and its seed alone, without any database. Exit 1 if it is another one."""
    try:
        document = msgspec.json.decode(file.read_bytes(), type=Draw)
    except msgspec.DecodeError as error:
        raise click.UsageError(f"{file}: not a published draw: {error}") from error
    found = faults(document)
    if given is not None:
        found += other_list(document, given.read_bytes())
    if as_json:
        show_json({"draw": document.draw_id, "list_sha256": document.list_sha256, "faults": found})
    elif found:
        for one in found:
            click.echo(one)
    else:
        click.echo(
            f"{document.draw_id}: the seed {document.seed!r} draws these {len(document.drawn)} of"
            f" {len(document.encounters)} encounters; passed over: {len(document.passed_over)}"
        )
        click.echo("that the list was whole, the checkpoint shows: bwv custody verify")
    return int(bool(found))


@panel.command("list")
@click.option("--month", help="Those of this month, such as 2026-10.")
@json_option
@click.pass_context
def list_command(context: click.Context, month: str | None, as_json: bool) -> None:
    """The draws, newest first. Several of one month show here, each with its seed."""
    settings = settings_of(context)

    async def work() -> list[KeptDraw]:
        async with database_of(settings) as database, database.connection() as connection:
            return await list_draws(connection, DrawKind.PANEL, month)

    show_draws(run(work()), as_json=as_json)


@panel.command()
@click.argument("draw_words", metavar="DRAW")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write what is published there, again.")
@json_option
@click.pass_context
def show(context: click.Context, draw_words: str, out: Path | None, as_json: bool) -> None:
    """DRAW (an id, its beginning, or its month): each encounter, its clips and redactions, its hold, its grade."""
    show_kept(context, DrawKind.PANEL, draw_words, out, as_json=as_json)


@panel.command()
@click.argument("draw_words", metavar="DRAW")
@click.argument("encounter")
@click.option("--grade", type=GRADES, required=True, help="What the panel found.")
@click.option("--notes", required=True, help="Why; the officers read it. It names nobody.")
@click.option("--keep", is_flag=True, help="Do not ask that the hold of its footage is lifted.")
@json_option
@click.pass_context
def grade(
    context: click.Context, /, *, draw_words: str, encounter: str, grade: str, notes: str, keep: bool, as_json: bool
) -> int:
    """Record what the panel found of ENCOUNTER, return it to its officers, and be the first to lift its hold.

    A second person lifts it: bwv hold lift. Of several grades the newest counts; all stay. Exit 1 when refused.
    """
    settings = settings_of(context)

    async def find() -> tuple[KeptDraw, str]:
        async with database_of(settings) as database:
            kept = await one_draw(database, DrawKind.PANEL, draw_words)
            return kept, await one_drawn(database, kept, encounter)

    kept, about = run(find())
    hold = None if keep else panel_hold_id(kept.draw_id, about)
    asked: Request = request_of_grade(
        settings,
        kept,
        about,
        Grade(grade),
        notes,
        hold,
        at=now_iso(),
        sign=lambda body: signed_by_person(settings, body),
    )
    [answer] = settled(settings, "encounters", [asked])
    show_json(answer) if as_json else say(answer)
    return exit_code([answer])


@panel.command()
@click.option("--officer", help="Whose [default: yours]; a colleague's is for oversight alone.")
@json_option
@click.pass_context
def returned(context: click.Context, officer: str | None, as_json: bool) -> None:
    """What panels and supervisors found of encounters at which an officer was, newest first."""
    settings = settings_of(context)
    if officer not in (None, settings.person):
        oversight_only(settings)

    async def work() -> list[Returned]:
        async with database_of(settings) as database, database.connection() as connection:
            return await returned_to(connection, officer or settings.person)

    found = run(work())
    if as_json:
        show_json(found)
        return
    rows = [(f"{r.at:%Y-%m-%d %H:%M}", r.reference, r.drawn_for, r.grade.value, r.notes) for r in found]
    show_table(f"Returned: {len(rows)}", ("at (UTC)", "record", "drawn for", "grade", "notes"), rows)


panel.add_command(fix)

"""`bwv dip-sample`: some of a unit's encounters each month, drawn by lot for its supervisor; results are kept."""

from __future__ import annotations

import secrets

import click

from console.cli.asking import exit_code, say, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, signed_by_person
from console.cli.complaint_access import supervisors_only
from console.cli.panel import GRADES
from console.cli.panel_drawing import draw_and_ask, one_draw
from console.cli.panel_grading import one_drawn, request_of_grade
from console.cli.panel_showing import show_draw, show_draws, show_kept
from console.cli.stats_shared import month_option, the_month
from workers.keys.statements import now_iso
from workers.scrutiny.rows import KeptDraw, list_draws
from workers.scrutiny.statements import DrawKind, Grade


@click.group("dip-sample")
def dip_sample() -> None:
    """A supervisor's monthly sample: drawn by lot, results kept. Supervisors draw and grade; officers are told."""


@dip_sample.command()
@click.option("--unit", required=True, help="Borough or basic command unit.")
@month_option
@click.option("--n", "number", type=click.IntRange(1, 200), default=5, show_default=True, help="Encounters to draw.")
@json_option
@click.pass_context
def draw(context: click.Context, /, *, unit: str, month: str | None, number: int, as_json: bool) -> int:
    """Draw encounters of a unit and month by lot, unfilmed ones too. The seed is random, and recorded.

    One draw a unit and month: a second one is refused, so that nobody draws until they like it. Exit 1 when refused.
    """
    settings, of = settings_of(context), the_month(month)
    supervisors_only(settings)
    answer, document = draw_and_ask(
        settings, of, number, secrets.token_hex(16), kind=DrawKind.SAMPLE, unit=unit, hidden=as_json
    )
    if as_json:
        show_json({"answer": answer, "draw": document})
    else:
        say(answer)
        if not exit_code([answer]):
            show_draw(document)
    return exit_code([answer])


@dip_sample.command()
@click.argument("sample")
@click.argument("encounter")
@click.option("--grade", type=GRADES, required=True, help="What was found.")
@click.option("--notes", required=True, help="Why; the officers read it. It names nobody.")
@json_option
@click.pass_context
def result(context: click.Context, /, *, sample: str, encounter: str, grade: str, notes: str, as_json: bool) -> int:
    """Keep what was found of ENCOUNTER (its place in SAMPLE, an id, or the record's number). Exit 1 when refused."""
    settings = settings_of(context)
    supervisors_only(settings)

    async def find() -> tuple[KeptDraw, str]:
        async with database_of(settings) as database:
            kept = await one_draw(database, DrawKind.SAMPLE, sample)
            return kept, await one_drawn(database, kept, encounter)

    kept, about = run(find())
    asked = request_of_grade(
        settings,
        kept,
        about,
        Grade(grade),
        notes,
        None,
        at=now_iso(),
        sign=lambda body: signed_by_person(settings, body),
    )
    [answer] = settled(settings, "encounters", [asked])
    show_json(answer) if as_json else say(answer)
    return exit_code([answer])


@dip_sample.command("list")
@click.option("--unit", help="Of this borough or basic command unit.")
@click.option("--month", help="Those of this month, such as 2026-10.")
@json_option
@click.pass_context
def list_command(context: click.Context, unit: str | None, month: str | None, as_json: bool) -> None:
    """The samples that were drawn, newest first."""
    settings = settings_of(context)

    async def work() -> list[KeptDraw]:
        async with database_of(settings) as database, database.connection() as connection:
            return await list_draws(connection, DrawKind.SAMPLE, month, unit)

    show_draws(run(work()), as_json=as_json)


@dip_sample.command()
@click.argument("sample")
@json_option
@click.pass_context
def show(context: click.Context, sample: str, as_json: bool) -> None:
    """SAMPLE (an id, or its beginning): each encounter, its clips, what was found."""
    show_kept(context, DrawKind.SAMPLE, sample, None, as_json=as_json)

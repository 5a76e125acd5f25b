"""`bwv stats`: a month's figures as they may be published, made at a sealed checkpoint of the custody log."""

from __future__ import annotations

import csv
import io

import click
from rich.progress_bar import ProgressBar
from rich.table import Table as Drawing
from rich.text import Text

from console.cli.common import console, database_of, json_option, run, settings_of, show_json
from console.cli.counting import counted
from console.cli.stats_publishing import publish
from console.cli.stats_reproducing import reproduce
from console.cli.stats_shared import areas_of, figure_of, head_of, month_option, the_month
from workers.custody.queries import SealedHead
from workers.statistics.figures import BY_NAME, FIGURES, Figure
from workers.statistics.plots import number, percent
from workers.statistics.stated import Stated, csv_rows, places, state
from workers.statistics.tables import Place

BAR = 30
"""Columns of a bar that says "all of them"."""

FEW_AREAS = 40
"""Areas that a table on a terminal shows without being asked for one figure."""


@click.group(invoke_without_command=True)
@month_option
@click.option("--by", type=click.Choice(["borough", "bcu"]), help="For each of them; the whole force if not given.")
@click.option(
    "--figure", "names", multiple=True, type=click.Choice(list(BY_NAME)), help="These alone; all if not given."
)
@click.option("--csv", "as_csv", is_flag=True, help="Rows of a CSV file.")
@json_option
@click.pass_context
def stats(
    context: click.Context, month: str | None, by: str | None, names: tuple[str, ...], as_csv: bool, as_json: bool
) -> None:
    """A month's figures as they may be published: small numbers withheld, the checkpoint and each query's digest named.

    docs/statistics.md says what each counts and what it cannot show. Anybody who holds the sealed log makes the same
    numbers again: bwv stats reproduce FIGURE.
    """
    if context.invoked_subcommand is not None:
        return
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    settings, wanted = settings_of(context), the_month(month)
    areas = areas_of(settings)

    async def work() -> Stated:
        async with database_of(settings) as database:
            head: SealedHead = await head_of(database)
            with counted("entries", head.size, hidden=as_json or as_csv) as told:
                return await state(database, head, wanted, areas, told=told)

    stated = run(work())
    chosen = [figure for figure in FIGURES if not names or figure.name in names]
    if as_json:
        show_json(_reduced(stated, chosen, by))
    elif as_csv:
        click.echo(_csv(stated, chosen, by), nl=False)
    else:
        _draw(stated, chosen, by)


stats.add_command(publish)
stats.add_command(reproduce)


@stats.command()
@click.argument("figure")
def sql(figure: str) -> None:
    """Print a figure's SQL, as it is published and asked."""
    click.echo(figure_of(figure).sql, nl=False)


def _reduced(stated: Stated, chosen: list[Figure], by: str | None) -> dict[str, object]:
    """The statement with the figures and areas that were asked for."""
    names = {figure.name for figure in chosen}
    return {
        **{name: getattr(stated, name) for name in stated.__struct_fields__ if name not in ("queries", "tables")},
        "figures": [
            {"query": stated.query(name), "places": places(stated.table(name), by or "force")}
            for name in (figure.name for figure in FIGURES) if name in names
        ],
    }  # fmt: skip


def _csv(stated: Stated, chosen: list[Figure], by: str | None) -> str:
    names = {figure.name for figure in chosen}
    header, *rows = csv_rows(stated, by or "force")
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *(row for row in rows if row[1] in names)])
    return out.getvalue()


def _draw(stated: Stated, chosen: list[Figure], by: str | None) -> None:
    out = console()
    withheld = False
    for figure in chosen:
        table = stated.table(figure.name)
        shown = places(table, by or "force")
        out.print(Text(f"\n{figure.title}", "bold"))
        if by and not figure.by_area:
            out.print("of the whole force alone: entries about cases and looks name no area")
            continue
        for place in shown[: None if len(chosen) == 1 else FEW_AREAS]:
            if by:
                out.print(Text(place.borough or place.bcu or "the force", "underline"))
            out.print(_bars(figure, place))
            withheld = withheld or any(line.number is None for line in place.lines)
        if figure.note:
            out.print(Text(figure.note, "dim"))
    if withheld:
        out.print(f"\nwithheld: fewer than {stated.fewest}, or one that such a number could be worked out from")
    if stated.unfinished:
        out.print(f"\n{stated.month} is not over: more of it will be counted later")
    out.print(
        f"\nmade at the checkpoint of {stated.size:,} entries, root {stated.root[:16]}…, sealed "
        f"{stated.sealed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    )
    out.print(f"the same from the vault alone: bwv stats reproduce FIGURE --month {stated.month}")


def _bars(figure: Figure, place: Place) -> Drawing:
    numbers = {line.measure: line.number for line in place.lines}
    shown: set[str] = set()
    drawn = Drawing(box=None, pad_edge=False, show_header=False)
    for one in figure.completed(numbers):
        head = ", ".join(filter(None, (one.says, one.how)))
        if one.total not in shown:
            drawn.add_row(Text(head, "bold"), Text(number(numbers[one.total]), "bold", justify="right"))
        elif one.how:  # divided in another way
            drawn.add_row(Text(head, "italic"), Text(number(numbers[one.total]), "dim", justify="right"))
        shown.add(one.total)
        for measure, says in one.parts.items():
            part, whole = numbers[measure], numbers[one.total]
            drawn.add_row(
                Text(f"  {says}"),
                Text(number(part), justify="right"),
                Text(percent(part, whole), justify="right"),
                ProgressBar(whole, part, width=BAR, complete_style="blue") if part is not None and whole else Text(""),
            )
    return drawn

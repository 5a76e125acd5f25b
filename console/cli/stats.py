"""`bwv stats`: figures that can be published, with the query that made them."""

from __future__ import annotations

import click
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from console.cli.common import console, database_of, json_option, run, settings_of, show_json
from workers.prosecution.statistics import MEASURES, Figure, Group, MonthOfOutcomes, month_of_outcomes, query

BAR = 40
"""Columns of a bar that says "all of them"."""


@click.group()
def stats() -> None:
    """Figures that can be published, with the query that made them."""


@stats.command()
@click.option("--month", required=True, help="Of the submission, such as 2026-10 (local time).")
@click.option("--query", "only_query", is_flag=True, help="Print the very SQL and ask nothing.")
@json_option
@click.pass_context
def outcomes(context: click.Context, month: str, only_query: bool, as_json: bool) -> None:
    """What the footage that the CPS acknowledged in a month was followed by: charge, guilty plea, conviction.

    Followed by, not led to: docs/statistics.md says what the figures can and cannot show.
    """
    try:
        statement = query(month)
    except ValueError as error:
        raise click.UsageError(f"--month {error}") from error
    if only_query:
        show_json({"month": month, "query": statement}) if as_json else click.echo(statement, nl=False)
        return
    settings = settings_of(context)

    async def ask() -> MonthOfOutcomes:
        async with database_of(settings) as database, database.connection() as connection:
            return await month_of_outcomes(connection, month)

    found = run(ask())
    if as_json:
        show_json(found)
        return
    _draw(found)


def _draw(found: MonthOfOutcomes) -> None:
    out = console()
    out.print(Text(f"Submitted to the CPS in {found.month} and acknowledged; followed by … up to today\n", "bold"))
    clips = found.recorded.submitted.clips
    out.print(_bars(f"Clips: {_number(clips)}", clips, [(f.name, f.clips) for f in found.recorded.followed]))
    for title, group in (
        ("Cases with footage", found.recorded),
        ('Cases that said "not recorded"', found.not_recorded),
    ):
        out.print()
        out.print(_cases(title, group))
    if _any_withheld(found):
        out.print(f"\nwithheld: it rests on fewer than {found.fewest} cases, or leaves fewer than {found.fewest} over")
    out.print("\nFollowed by is not led to; the query: bwv stats outcomes --month", found.month, "--query")


def _cases(title: str, group: Group) -> Table:
    total = group.submitted.cases
    return _bars(f"{title}: {_number(total)}", total, [(figure.name, figure.cases) for figure in group.followed])


def _bars(title: str, total: int | None, counts: list[tuple[str, int | None]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False)
    for name, count in counts:
        share = "" if not total or count is None else f"{count / total:.0%}"
        bar = ProgressBar(total=total or 1, completed=count or 0, width=BAR, complete_style="blue")
        table.add_row(f"  {MEASURES[name]:<12}", Text(f"{_number(count):>10}"), Text(f"{share:>5}"), bar)
    return table


def _number(count: int | None) -> str:
    return "withheld" if count is None else f"{count:,}"


def _any_withheld(found: MonthOfOutcomes) -> bool:
    figures: list[Figure] = []
    for group in (found.recorded, found.not_recorded):
        figures += [group.submitted, *group.followed]
    return any(figure.withheld for figure in figures)

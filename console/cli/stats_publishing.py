"""`bwv stats publish`: a month's figures as a folder that any web server serves."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.common import database_of, json_option, run, settings_of, show_json
from console.cli.counting import counted
from console.cli.stats_shared import areas_of, head_of, the_month
from workers.custody.queries import seals
from workers.statistics.earlier import check_head, read_earlier
from workers.statistics.publishing import publish as write
from workers.statistics.stated import Stated, state
from workers.statistics.trend import last_months


@click.command()
@click.option("--month", help="Such as 2026-10, by the clocks of England and Wales; the last whole one if not given.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder.")
@click.option("--checkpoint", "size", type=int, help="Entries of the sealed checkpoint; the newest if not given.")
@click.option(
    "--beside",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where folders of earlier months stand, for the last 13 months [default: beside --out].",
)
@json_option
@click.pass_context
def publish(
    context: click.Context, month: str | None, out: Path, size: int | None, beside: Path | None, as_json: bool
) -> None:
    """Write a month's figures into a folder: a page without script, CSV, JSON, the queries, the signed checkpoint.

    Everything in it may be published: small numbers are withheld over all tables together, and it names no person.
    Earlier months are shown beside it as they were published, never asked again.
    Publish a month once, when it is over: two states of the same month, side by side, tell more than either.
    """
    settings, wanted = settings_of(context), the_month(month or last_months(the_month(None).name, 2)[0].name)
    areas = areas_of(settings)
    earlier = read_earlier(beside or out.absolute().parent, wanted.name)

    async def work() -> Stated:
        async with database_of(settings) as database:
            head = await head_of(database, size)
            for one in earlier:
                sealed = [found for found in await seals(database, one.size) if found.size == one.size]
                check_head(one, sealed[0] if sealed else None)
            with counted("entries", head.size, hidden=as_json) as told:
                return await state(database, head, wanted, areas, told=told)

    stated = run(work())
    paths = write(stated, areas, out, earlier)
    if as_json:
        show_json(
            {"month": wanted.name, "unfinished": stated.unfinished, "size": stated.size, "root": stated.root,
             "files": [str(path) for path in paths]}
        )  # fmt: skip
        return
    click.echo(
        f"{len(paths)} files in {out}, made at the checkpoint of {stated.size} entries; the page: {out}/index.html"
    )
    if stated.unfinished:
        click.echo(f"{wanted.name} is not over, as the page says; a month is published once, so rather when it is over")

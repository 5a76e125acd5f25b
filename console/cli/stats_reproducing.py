"""`bwv stats reproduce`: a figure again, from the sealed bundles in the vault alone."""

from __future__ import annotations

import os

import click
from msgspec import Struct

from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.counting import counted
from console.cli.rebuild import quiet_or_lines
from console.cli.stats_shared import areas_of, figure_of, head_of, month_option, the_month
from streams.sealing import open_archive
from workers.custody.keys import load_verifiers
from workers.errors import LogForked
from workers.statistics.asking import Counted
from workers.statistics.reproducing import checkpoint_at
from workers.statistics.reproducing import reproduce as from_the_vault
from workers.statistics.stated import answers


class Compared(Struct, frozen=True):
    """One number, made twice; None: one of both has no such row."""

    bcu: str
    borough: str
    measure: str
    database: int | None
    vault: int | None


class Reproduced(Struct, frozen=True):
    """A figure, made twice.

    Attributes:
        sha256: digest of the figure's SQL; root: of the checkpoint, hex.
    """

    figure: str
    month: str
    sha256: str
    size: int
    root: str
    equal: bool
    rows: tuple[Compared, ...]


@click.command()
@click.argument("figure")
@month_option
@click.option("--checkpoint", "size", type=int, help="Entries of the sealed checkpoint; the newest if not given.")
@json_option
@click.pass_context
def reproduce(context: click.Context, figure: str, month: str | None, size: int | None, as_json: bool) -> None:
    """Make FIGURE again from the vault alone, and compare it with the present database, number by number.

    The bundles of the checkpoint are fetched and must have the root that was signed; they are counted in a schema of
    their own, and the same SQL is asked there. The numbers are shown before any is withheld: not for publication.
    1 when they differ.
    """
    settings, wanted, one = settings_of(context), the_month(month), figure_of(figure)
    areas, archive = areas_of(settings), open_archive(settings)
    verifiers = load_verifiers(settings.keys / "custody")

    async def work() -> Reproduced:
        async with database_of(settings) as database:
            head = await head_of(database, size)
            with counted("entries", head.size, hidden=as_json) as told:
                here = await answers(database, head, wanted, areas, [one], told=told)
        checkpoint, _ = checkpoint_at(archive, head.size, verifiers, settings.origin)
        if checkpoint.root != head.root:
            raise LogForked(
                f"the database says that the log of {head.size} entries has root {head.root.hex()}, the checkpoint in "
                f"the vault {checkpoint.root.hex()}: two histories; bwv custody verify"
            )
        schema = f"{settings.namespace}_figures_{os.getpid()}"
        again = await from_the_vault(
            settings.database, schema, archive, checkpoint, [one], wanted, areas, told=quiet_or_lines(as_json)
        )
        rows = compared(here[one.name], again[one.name])
        equal = all(row.database == row.vault for row in rows)
        return Reproduced(one.name, wanted.name, one.sha256, head.size, head.root.hex(), equal, rows)

    made = run(work())
    if as_json:
        show_json(made)
    else:
        _show(made)
    context.exit(0 if made.equal else 1)


def compared(here: tuple[Counted, ...], again: tuple[Counted, ...]) -> tuple[Compared, ...]:
    """Every number of either side beside that of the other. Pure."""
    one, other = ({(row.bcu, row.borough, row.measure): row.number for row in rows} for rows in (here, again))
    return tuple(Compared(*key, one.get(key), other.get(key)) for key in sorted(one.keys() | other.keys()))


def _show(made: Reproduced) -> None:
    show_table(
        f"{made.figure} of {made.month}, before anything is withheld",
        ("BCU", "borough", "measure", "in the database", "from the vault", ""),
        ((row.bcu, row.borough, row.measure, row.database, row.vault, "" if row.database == row.vault else "DIFFERS")
         for row in made.rows),
    )  # fmt: skip
    click.echo(f"at the checkpoint of {made.size} entries, root {made.root}; the SQL's SHA-256 {made.sha256}")
    click.echo("equal to the digit" if made.equal else "THEY DIFFER: find out why before anything is published")

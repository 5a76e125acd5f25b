"""`bwv stats reproduce`: figures again, from the sealed bundles in the vault alone."""

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
from workers.custody.queries import SealedHead
from workers.errors import LogForked
from workers.statistics.asking import Answers, Counted
from workers.statistics.figures import BY_NAME, FIGURES, Figure
from workers.statistics.reproducing import checkpoint_at
from workers.statistics.reproducing import reproduce as from_the_vault
from workers.statistics.stated import answers


class Compared(Struct, frozen=True):
    """One number, made twice; None: one of both has no such row.

    Attributes:
        equal: the numbers are, and so is what stands behind them, which decides what is withheld.
    """

    bcu: str
    borough: str
    measure: str
    database: int | None
    vault: int | None
    equal: bool


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
@click.argument("figures", metavar="[FIGURE]...", nargs=-1)
@month_option
@click.option("--checkpoint", "size", type=int, help="Entries of the sealed checkpoint; the newest if not given.")
@json_option
@click.pass_context
def reproduce(
    context: click.Context, figures: tuple[str, ...], month: str | None, size: int | None, as_json: bool
) -> None:
    """Make FIGURE again from the vault alone, and compare it with the present database, number by number.

    Several are made from one look at the vault; all of them if none is named. The bundles of the checkpoint are fetched
    and must have the root that was signed; they are counted in a schema of their own, and the same SQL is asked there.
    The numbers are shown before any is withheld: not for publication. 1 when they differ.
    """
    settings, wanted = settings_of(context), the_month(month)
    chosen = [figure_of(name) for name in figures] or list(FIGURES)
    areas, archive = areas_of(settings), open_archive(settings)
    verifiers = load_verifiers(settings.keys / "custody")

    async def work() -> list[Reproduced]:
        async with database_of(settings) as database:
            head = await head_of(database, size)
            with counted("entries", head.size, hidden=as_json) as told:
                here = await answers(database, head, wanted, areas, chosen, told=told)
        checkpoint, _ = checkpoint_at(archive, head.size, verifiers, settings.origin)
        if checkpoint.root != head.root:
            raise LogForked(
                f"the database says that the log of {head.size} entries has root {head.root.hex()}, the checkpoint in "
                f"the vault {checkpoint.root.hex()}: two histories; bwv custody verify"
            )
        schema = f"{settings.namespace}_figures_{os.getpid()}"
        again = await from_the_vault(
            settings.database, schema, archive, checkpoint, chosen, wanted, areas, told=quiet_or_lines(as_json)
        )
        return [_reproduced(one, wanted.name, head, here, again) for one in chosen]

    made = run(work())
    if as_json:
        show_json(made[0] if len(figures) == 1 else made)
    else:
        click.echo(f"{wanted.name}, before anything is withheld: for whoever checks, not for publication")
        for one in made:
            _show(one)
        click.echo(f"at the checkpoint of {made[0].size} entries, root {made[0].root}")
        differ = [one.figure for one in made if not one.equal]
        click.echo(
            f"THEY DIFFER: {', '.join(differ)}; find out why before anything is published"
            if differ
            else f"{len(made)} figure{'s' * (len(made) > 1)}, equal to the digit"
        )
    context.exit(0 if all(one.equal for one in made) else 1)


def _reproduced(one: Figure, month: str, head: SealedHead, here: Answers, again: Answers) -> Reproduced:
    rows = compared(here[one.name], again[one.name])
    equal = all(row.equal for row in rows)
    return Reproduced(one.name, month, one.sha256, head.size, head.root.hex(), equal, rows)


def compared(here: tuple[Counted, ...], again: tuple[Counted, ...]) -> tuple[Compared, ...]:
    """Every number of either side beside that of the other. Pure."""
    one, other = ({(row.bcu, row.borough, row.measure): row for row in rows} for rows in (here, again))
    return tuple(
        Compared(*key, one[key].number if key in one else None, other[key].number if key in other else None,
                 one.get(key) == other.get(key))
        for key in sorted(one.keys() | other.keys())
    )  # fmt: skip


def _show(made: Reproduced) -> None:
    figure = BY_NAME[made.figure]
    says = {measure: f"{one.says}: {words}" for one in reversed(figure.completed(row.measure for row in made.rows))
            for measure, words in one.parts.items()} | {one.total: one.says for one in figure.sums}  # fmt: skip
    by_area = any(row.bcu or row.borough for row in made.rows)
    show_table(
        f"\n{made.figure}: {figure.title}",
        (*(("BCU", "borough") if by_area else ()), "what", "in the database", "from the vault", ""),
        ((*((row.bcu, row.borough) if by_area else ()), says.get(row.measure, row.measure), row.database, row.vault,
          "" if row.equal else "DIFFERS") for row in made.rows),
    )  # fmt: skip
    if not made.rows:
        click.echo("nothing of it in that month, on both sides")

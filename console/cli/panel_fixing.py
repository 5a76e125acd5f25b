"""`bwv panel fix`: the list that will be drawn from, published before the panel names its seed."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.common import database_of, json_option, run, settings_of, show_json
from console.cli.counting import counted
from console.cli.stats_shared import head_of, month_option, the_month
from workers.custody.queries import SealedHead
from workers.scrutiny.drawing import list_digest
from workers.scrutiny.listing import listed
from workers.statistics.counting import count


@click.command()
@month_option
@click.option("--checkpoint", "size", type=int, help="Entries of the sealed checkpoint; the newest if not given.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write the ids there, one a line."
)
@json_option
@click.pass_context
def fix(context: click.Context, /, *, month: str | None, size: int | None, out: Path, as_json: bool) -> None:
    """Write the list of a month's encounters, and say its digest: give the panel both before they name the seed.

    Nothing is drawn. `bwv panel draw --checkpoint` with the same number draws from this list. `sha256sum FILE` is the
    digest.
    """
    settings, of = settings_of(context), the_month(month)

    async def work() -> tuple[SealedHead, list[str]]:
        async with database_of(settings) as database:
            head = await head_of(database, size)
            with counted("entries", head.size, hidden=as_json) as told:
                await count(database, head.size, told=told)
            async with database.connection() as connection:
                return head, await listed(connection, of, None, head.size)

    head, encounters = run(work())
    out.write_bytes("".join(f"{one}\n" for one in encounters).encode())
    digest = list_digest(encounters)
    if as_json:
        show_json(
            {
                "month": of.name, "encounters": len(encounters), "list_sha256": digest, "size": head.size,
                "root": head.root.hex(), "checkpoint": head.checkpoint, "file": str(out),
            }
        )  # fmt: skip
        return
    click.echo(f"{out}: {len(encounters)} encounters of {of.name}, SHA-256 {digest}")
    click.echo(f"at the checkpoint of {head.size} entries, root {head.root.hex()}")
    click.echo(f"once the panel has named its seed: bwv panel draw --month {of.name} --checkpoint {head.size} --seed …")

"""What leaves the house: the export of one clip's custody, a day's time stamp, the verifier for both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from console.cli.clips import one_clip
from console.cli.common import database_of, run, settings_of, show_json
from streams.settings import Settings
from workers.custody import bwv_verify
from workers.custody.export import Row, Timestamp, build_export, write_export
from workers.custody.merkle import Hashes
from workers.custody.queries import SealedHead, entries_of, newest_seal, timestamp_of
from workers.custody.tree import answer
from workers.database.engine import Database
from workers.errors import PartUnreachable, RuleBroken


@click.command()
@click.argument("clip")
@click.option("--out", type=click.Path(path_type=Path), help="Write the export into this new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the proof itself.")
@click.pass_context
def prove(context: click.Context, clip: str, out: Path | None, as_json: bool) -> None:
    """Prove the custody of CLIP: every entry about it, with its path to the newest signed checkpoint.

    The export holds no other case's data. Whoever has bwv_verify.py (bwv custody verifier) and the log's public
    key (bwv custody keys) checks it without us.
    """
    settings = settings_of(context)

    async def work() -> tuple[dict[str, bytes], int]:
        async with database_of(settings) as database:
            return await export_of(database, settings, await one_clip(database, clip))

    files, waiting = run(work())
    keys = [line for path in (settings.keys / "custody").glob("*.vkey") for line in path.read_text().splitlines()]
    try:
        proven = bwv_verify.check_export(files, bwv_verify.read_keys(keys))
    except bwv_verify.Refused as error:
        raise RuleBroken(
            f"{clip}: the proof does not hold, so nothing was written; run bwv custody verify: {error}"
        ) from error
    if out is not None:
        write_export(files, out)
    if as_json:
        show_json(bwv_verify.as_json(proven, str(out or ""), False))
    else:
        click.echo(bwv_verify.as_text(proven, str(out or ""), False))
        if out is None:
            click.echo("nothing was written; --out DIR writes the export")
    if waiting:
        click.echo(f"{waiting} newer entries about the clip are not sealed yet and not in the proof", err=True)


async def export_of(
    database: Database, settings: Settings, clip_id: str, shown: Callable[[list[Row]], list[Row]] = list
) -> tuple[dict[str, bytes], int]:
    """The files of a clip's export at the newest seal, and how many of its entries are not sealed yet.

    Args:
        shown: which of the sealed entries its recipient may see; all of them, unless told otherwise.

    Raises:
        PartUnreachable: nothing about the clip is sealed yet.
    """
    sealed = await newest_seal(database)
    rows = await entries_of(database, clip_id)
    ours = [row for row in rows if sealed and row.index < sealed.size]
    if sealed is None or not ours:
        raise PartUnreachable(f"nothing about {clip_id} is sealed yet; try again in {settings.seal_after:g} s")
    stamped = await timestamp_of(database)
    stamp = stamped[1] if stamped else None
    told = shown(ours)
    files = await answer(database, lambda hashes: _build(settings.namespace, clip_id, told, sealed, hashes, stamp))
    return files, len(rows) - len(ours)


def _build(
    namespace: str, clip_id: str, rows: list[Row], sealed: SealedHead, hashes: Hashes, stamp: Timestamp | None
) -> dict[str, bytes]:
    return build_export(namespace, clip_id, rows, sealed.size, hashes, sealed.checkpoint, stamp)


@click.command()
@click.argument("day", required=False)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the two files.")
@click.pass_context
def token(context: click.Context, day: str | None, out: Path) -> None:
    """Write the RFC 3161 token of DAY (ISO date; the newest if none is given) and the checkpoint it stamps."""
    settings = settings_of(context)

    async def work() -> tuple[str, Timestamp] | None:
        async with database_of(settings) as database:
            return await timestamp_of(database, day)

    found = run(work())
    if found is None:
        raise PartUnreachable(
            f"no time stamp of {day or 'any day'}; one is taken a day once `timestamp_authority` is set and answers"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / bwv_verify.TOKEN).write_bytes(found[1].token)
    (out / bwv_verify.STAMPED).write_text(found[1].checkpoint)
    click.echo(f"time stamp of {found[0]}; check it with:\n{bwv_verify.openssl_command(str(out))}")


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default="bwv_verify.py", show_default=True, help="File to write."
)
def verifier(out: Path) -> None:
    """Write the one-file verifier: Python's standard library and `cryptography`, nothing of ours."""
    out.write_bytes(Path(bwv_verify.__file__).read_bytes())
    click.echo(f"{out}: python {out} EXPORT --key KEY")

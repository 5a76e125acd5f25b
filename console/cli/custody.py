"""`bwv custody`: the log's head, its proofs, its keys, and whether all of it still stands as it was signed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from console.cli.as_of import as_of_option, size_at
from console.cli.common import database_of, json_option, run, settings_of, show_json
from console.cli.counting import counted
from console.cli.proofs import prove, token, verifier
from streams.sealing import open_archive
from streams.settings import Settings
from workers.custody import witness
from workers.custody.audit import Audit, audit
from workers.custody.checkpoint import Checkpoint, read_checkpoint
from workers.custody.keys import load_verifiers, new_key
from workers.custody.note import Verifier
from workers.custody.queries import SealedHead, log_size, newest_seal, seals
from workers.database.engine import Database
from workers.errors import LogForked, NoteInvalid, PartUnreachable

FINDINGS_SHOWN = 20


@click.group()
def custody() -> None:
    """The custody log: signed head, proofs for anybody, and a check of the whole."""


custody.add_command(prove)
custody.add_command(token)
custody.add_command(verifier)


@custody.command()
@json_option
@click.pass_context
def head(context: click.Context, as_json: bool) -> None:
    """Print the newest sealed checkpoint: a C2SP signed note that any verifier of transparency logs reads."""
    settings = settings_of(context)

    async def work() -> tuple[SealedHead, int]:
        async with database_of(settings) as database:
            return await _sealed(database, settings), await log_size(database)

    sealed, size = run(work())
    if as_json:
        show_json({"origin": settings.origin, "size": sealed.size, "root": sealed.root.hex(), "entries": size,
                   "sealed_at": sealed.sealed_at, "checkpoint": sealed.checkpoint})  # fmt: skip
        return
    click.echo(sealed.checkpoint, nl=False)
    local = sealed.sealed_at.astimezone()
    click.echo(
        f"sealed {local:%Y-%m-%d %H:%M:%S %Z}; {size - sealed.size} entries since then wait for the next", err=True
    )


@custody.command()
@as_of_option
@click.option("--witness", "folder", type=click.Path(path_type=Path), help="Folder of published checkpoints.")
@json_option
@click.pass_context
def verify(context: click.Context, as_of: str | None, folder: Path | None, as_json: bool) -> None:
    """Compute every leaf, payload and tile again and compare every signed checkpoint: database, vault, witness.

    1 when anything is not as it was written; each finding is named.
    """
    settings = settings_of(context)

    async def work() -> Audit:
        async with database_of(settings) as database:
            size = await size_at(database, settings, as_of) if as_of else await log_size(database)
            checkpoints = await _checkpoints(database, settings, folder, size, whole=as_of is None)
            with counted("entries", size, hidden=as_json) as told:
                return await audit(database, size, checkpoints, told=told)

    found = run(work())
    if as_json:
        show_json(found)
    else:
        click.echo(
            f"{found.size} entries, {found.payloads} payloads ({found.erased} erased with their clips), {found.tiles} "
            f"tiles and {found.checkpoints} checkpoints computed again\nroot {found.root}"
        )
        for finding in found.findings[:FINDINGS_SHOWN]:
            click.echo(f"NOT AS WRITTEN  {finding}")
        more = len(found.findings) - FINDINGS_SHOWN
        click.echo(f"and {more} more; --json lists them" if more > 0 else "" if found.findings else "all as written")
    context.exit(1 if found.findings else 0)


@custody.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def publish(context: click.Context, folder: Path) -> None:
    """Put the newest checkpoint into FOLDER, where this system cannot rewrite it later."""
    settings = settings_of(context)

    async def work() -> SealedHead:
        async with database_of(settings) as database:
            return await _sealed(database, settings)

    sealed = run(work())
    known = load_verifiers(settings.keys / "custody")
    path = witness.publish(folder, read_checkpoint(sealed.checkpoint, known, settings.origin), sealed.checkpoint)
    click.echo(f"published {path}; compare with it at any time: bwv custody verify --witness {folder}")


@custody.command("new-key")
@click.argument("name")
@click.pass_context
def make_key(context: click.Context, name: str) -> None:
    """Make another key that signs checkpoints; old and new both sign until the old one is retired."""
    settings = settings_of(context)
    if not name.isidentifier() or (settings.keys / "custody" / f"{name}.vkey").exists():
        raise click.UsageError(f"{name!r}: expected letters, digits and _, and no key of that name before")
    click.echo(
        f"{new_key(settings.keys / 'custody', name, settings.origin)}\nnext: restart record; it signs from then on"
    )


@custody.command("retire-key")
@click.argument("name")
@click.pass_context
def retire_key(context: click.Context, name: str) -> None:
    """Destroy the private half of NAME; the public half stays for the checkpoints that it signed."""
    folder = settings_of(context).keys / "custody"
    private = folder / f"{name}.pem"
    if not private.exists():
        raise click.UsageError(f"{private}: no such key")
    if len(list(folder.glob("*.pem"))) == 1:
        raise click.UsageError(f"{name} is the only key that signs; make its successor first: bwv custody new-key NAME")
    private.unlink()
    click.echo(f"{name} signs no more; restart record. {folder / name}.vkey still proves what it signed")


@custody.command("keys")
@json_option
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """List the public keys (C2SP) that verify this log's checkpoints; give them to whoever checks."""
    folder = settings_of(context).keys / "custody"
    known = [(path.stem, path.read_text().strip(), path.with_suffix(".pem").exists())
             for path in sorted(folder.glob("*.vkey"))]  # fmt: skip
    if as_json:
        show_json([{"name": name, "key": key, "signs": signs} for name, key, signs in known])
        return
    for _, key, _ in known:
        click.echo(key)


async def _sealed(database: Database, settings: Settings) -> SealedHead:
    sealed = await newest_seal(database)
    if sealed is None:
        raise PartUnreachable(
            f"nothing of {settings.origin} is sealed yet; record does it {settings.seal_after:g} s after an entry"
        )
    return sealed


async def _checkpoints(
    database: Database, settings: Settings, folder: Path | None, size: int, *, whole: bool
) -> list[tuple[str, Checkpoint]]:
    """Every signed checkpoint to compare; one that is not signed by a known key ends the command."""
    known = load_verifiers(settings.keys / "custody")
    read = partial(_read, known, settings.origin)
    found = []
    for sealed in await seals(database, size):
        found.append(("in the database", read(sealed.checkpoint, f"of size {sealed.size} in the database")))
    archive = open_archive(settings)
    for number in archive.sizes():
        if whole or number <= size:
            found.append(("in the vault", read(archive.note(number), f"of size {number} in the vault")))
    if folder is not None:
        at_witness = witness.read_witness(folder, known, settings.origin)
        found += [(f"at {place}", point) for place, point in at_witness if whole or point.size <= size]
    return found


def _read(known: list[Verifier], origin: str, note: str, place: str) -> Checkpoint:
    try:
        return read_checkpoint(note, known, origin)
    except NoteInvalid as error:
        raise LogForked(f"the checkpoint {place}: {error}") from error

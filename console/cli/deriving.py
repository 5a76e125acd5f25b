"""The work behind `bwv derive check`."""

from __future__ import annotations

import asyncio
from functools import partial

import click

from console.cli.common import database_of
from streams.settings import Settings
from streams.vaults import open_vault
from workers.errors import PartUnreachable, StoreAway
from workers.footage.sandbox import sandbox_works
from workers.keys.keyring import Keyring, load_public, load_unenrolled
from workers.keys.signing import Role, as_it_signed, opened
from workers.keys.statements import PURPOSES
from workers.prosecution.derivatives.again import Compared, compare, order_of
from workers.prosecution.derivatives.making import make, tool_of
from workers.prosecution.derivatives.master import fetch, master_of
from workers.prosecution.derivatives.rows import find_derivative
from workers.prosecution.derivatives.workspace import folder_of, room
from workers.prosecution.statements import Lineage


async def check_again(settings: Settings, derivative_id: str) -> Compared:
    """Make a derivative again and compare it.

    Raises:
        UsageError: there is no such derivative.
        Refused: its master is gone or not what was signed, or it cannot be made here.
        PartUnreachable: the store or the database is away.
    """
    services = {key.id: key for key in load_unenrolled(settings.keys, settings.trust_root)}
    async with database_of(settings) as database:
        row = await find_derivative(database, derivative_id)
        if row is None or row.lineage is None:
            raise click.UsageError(f"no derivative {derivative_id!r} was made; see: bwv derive list CLIP")
        key = as_it_signed(services.get(row.lineage.key))
        lineage = opened(PURPOSES[Lineage], row.lineage, Lineage, role=Role.SERVICE, find=lambda _: key)
        keyring = Keyring(database, load_public(settings.trust_root))
        master, _ = await master_of(database, keyring, settings.namespace, row.clip_id)
    tool = await tool_of(
        settings.ffmpeg,
        settings.ffprobe,
        walls=await sandbox_works(),
        seconds=settings.derive_seconds,
        memory=settings.derive_memory,
    )
    vault = open_vault(settings, "prosecution")
    try:
        async with room(folder_of(settings.derive_folder)) as folder:
            clip, out = folder / "master", folder / "out"
            await asyncio.to_thread(out.mkdir)
            get = partial(fetch, vault, master, clip, stop=lambda: False, told=lambda count: None)
            await asyncio.to_thread(get)
            made = await make(tool, order_of(lineage), clip, master.demuxer, out)
            return await asyncio.to_thread(compare, vault, row, lineage, made, tool)
    except StoreAway as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error
    finally:
        vault.close()

"""The bytes of a submission's items as they are sent: stride by stride out of the vault, so that memory stays flat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from streams.engine.byte_threads import ByteThreads, Work
from workers.vault.vault import Reader, Vault

STRIDE = 1 << 20
"""Bytes that are read at once."""


class ItemBytes:
    """Opens items of manifests by key and version.

    Args:
        vault: with a role that may read clips and derivatives.
    """

    def __init__(self, vault: Vault, threads: ByteThreads) -> None:
        self._vault = vault
        self._threads = threads

    @asynccontextmanager
    async def open(self, item: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Lend the bytes of an item, from the first.

        Raises:
            StoreAway: the store does not answer.
            NotThere: it is no longer in the vault.
        """
        work = Work()
        reader = await self._threads.run(work, lambda: self._opened(item, work))
        try:
            yield self._strides(reader, work)
        finally:
            reader.close()

    def _opened(self, item: Mapping[str, Any], work: Work) -> Reader:
        reader = self._vault.get(item["key"], item["version_id"])
        if work.stopped():
            reader.close()  # whoever asked has gone meanwhile
        return reader

    async def _strides(self, reader: Reader, work: Work) -> AsyncIterator[bytes]:
        buffer = memoryview(bytearray(STRIDE))
        while count := await self._threads.run(work, lambda: reader.readinto(buffer), on_stop=reader.close):
            yield bytes(buffer[:count])

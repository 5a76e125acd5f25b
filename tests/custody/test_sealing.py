"""A seal puts the same bytes, whoever carries it out and however often it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.custody.logs import ORIGIN, Sealed, archive_of, clip, grow, message, messages
from workers.custody.archive import Archive
from workers.custody.checkpoint import read_checkpoint
from workers.custody.continuity import check_extends, root_at
from workers.custody.merkle import leaf_hash
from workers.custody.tiles import Edge, unbundle
from workers.database.engine import Database
from workers.errors import LogForked, StoreAway
from workers.vault.fake import FakeVault

pytestmark = pytest.mark.stack


async def test_what_is_sealed_is_enough_to_grow_the_tree_again(database: Database) -> None:
    log = Sealed(database)
    for start, count in ((0, 3), (3, 250), (253, 400)):
        await grow(database, messages(start, count))
        note = await log.seal()
    checkpoint = read_checkpoint(note, [log.key.verifier], ORIGIN)
    assert log.archive.newest([log.key.verifier], ORIGIN) == checkpoint
    assert log.archive.sizes() == [3, 253, 653]

    entries = [entry for number, width in ((0, 256), (1, 256), (2, 141)) for entry in unbundle(
        log.archive.read(f"tile/entries/{number:03d}" + ("" if width == 256 else f".p/{width}")))]  # fmt: skip
    again = Edge(0, {})
    again.append([leaf_hash(entry) for entry in entries])
    assert (again.size, again.root()) == (checkpoint.size, checkpoint.root)
    payloads = {held.index: held for some in log.archive.payloads() for held in some}
    assert sorted(payloads) == list(range(653))
    assert payloads[17].body == message(17, about=17 % 7 + 1).body
    assert log.archive.facts(653).offsets == (("clips.verified", 0, 653),)


async def test_payloads_lie_with_their_clip_so_that_they_can_go_with_it(database: Database) -> None:
    log = Sealed(database)
    await grow(database, messages(0, 64))
    await log.seal()
    prefix = "force/custody/payloads/"
    folders = {key.removeprefix(prefix).split("/")[0] for key in log.stored() if key.startswith(prefix)}
    assert folders == {"other", *(clip(number) for number in range(1, 8))}


async def test_nothing_new_is_not_sealed_again(database: Database) -> None:
    log = Sealed(database)
    await log.sealer.decide()
    assert await log.sealer.unfinished() is None
    await grow(database, messages(0, 4))
    assert await log.sealer.unsealed() == 4
    await log.seal()
    before = log.stored()
    await log.sealer.decide()
    assert await log.sealer.unfinished() is None and log.stored() == before


class Interrupted(FakeVault):
    """A store that stops answering after some writes."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0

    def put_new(self, key: str, *args: Any, **kwargs: Any) -> Any:
        if self.head(key) is None:
            self.left -= 1
            if self.left < 0:
                raise StoreAway("the store does not answer (injected)")
        return super().put_new(key, *args, **kwargs)


async def test_a_seal_interrupted_at_every_write_ends_with_the_same_bytes(database: Database) -> None:
    vault = Interrupted()
    log = Sealed(database, vault)
    await grow(database, messages(0, 300))
    await log.sealer.decide()
    seal = await log.sealer.unfinished()
    assert seal is not None
    interrupted, note = 0, None
    while note is None:
        vault.left = 1  # one write more each time
        await grow(database, messages(300 + interrupted, 1))  # appending goes on meanwhile
        try:
            note = await log.sealer.carry_out(seal)
        except StoreAway:
            interrupted += 1
            assert log.archive.sizes() == [], "the checkpoint comes last"
    assert interrupted >= 10
    assert read_checkpoint(note, [log.key.verifier]).root == await root_at(database, 300)
    versions = [version.key for version in vault.list_versions("")]
    assert len(versions) == len(set(versions)), "nothing was written twice"


async def test_other_bytes_in_the_vault_are_another_history(database: Database) -> None:
    log = Sealed(database)
    await grow(database, messages(0, 4))
    log.vault.put_new("force/custody/tile/0/000.p/4", b"x" * 128, lock_until=None)
    await log.sealer.decide()
    seal = await log.sealer.unfinished()
    assert seal is not None
    with pytest.raises(LogForked, match="two histories"):
        await log.sealer.carry_out(seal)
    assert log.archive.sizes() == []


Change = Callable[[Database], Any]


async def test_an_older_or_another_database_is_not_appended_to(database: Database) -> None:
    log = Sealed(database)
    await grow(database, messages(0, 40))
    await log.seal()
    newest = log.archive.newest([log.key.verifier], ORIGIN)
    assert newest is not None
    await check_extends(database, [("in the vault", newest)])
    await grow(database, messages(40, 3))
    await check_extends(database, [("in the vault", newest)])  # longer is fine

    await database.execute("UPDATE custody_head SET size = 39")
    with pytest.raises(LogForked, match="older copy"):
        await check_extends(database, [("in the vault", newest)])
    await database.execute("UPDATE custody_head SET size = 43")
    await database.execute(
        "UPDATE custody_tiles SET hashes = overlay(hashes PLACING '\\x00'::bytea FROM 700) WHERE level = 0"
    )
    with pytest.raises(LogForked, match="two histories"):
        await check_extends(database, [("in the vault", newest)])


async def test_a_checkpoint_by_an_unknown_key_is_refused(database: Database) -> None:
    log, stranger = Sealed(database), Sealed(database)
    await grow(database, messages(0, 4))
    await log.seal()
    reading: Archive = archive_of(log.vault)
    with pytest.raises(LogForked, match="newest checkpoint"):
        reading.newest([stranger.key.verifier], ORIGIN)

"""A stored clip is read again: what is whole, what is rotten and where, what is gone, and when nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.unit.footage.footage_world import CHUNK, LONG, SHORT, SIDECAR, CountingVault, World
from workers.errors import RuleBroken, StoreAway
from workers.footage.canonical import canonical, sha256_hex
from workers.footage.deed import Deed, Kind, read_manifest
from workers.footage.finding import Condition, Finding
from workers.footage.manifest import Manifest
from workers.footage.scrub import MOST_SILENT, SidecarProof, reread
from workers.vault.fake import FakeReader
from workers.vault.values import Lock

PROOF = SidecarProof(len(SIDECAR), sha256_hex(SIDECAR))


class RottingVault(CountingVault):
    """A store whose disks rot under it; one that keeps checksums of its own does not hand rotten bytes out."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[tuple[str, int]] = []
        self.away = False
        self.slips = 0

    def flip(self, key: str, at: int) -> None:
        stored = self._stored[key][-1]
        stored.data = stored.data[:at] + bytes([stored.data[at] ^ 1]) + stored.data[at + 1 :]

    def cut(self, key: str, size: int) -> None:
        self._stored[key][-1].data = self._stored[key][-1].data[:size]

    def replace_by(self, key: str, data: bytes) -> None:
        self._stored[key][-1].data = data

    def lose(self, key: str) -> None:
        del self._stored[key]

    def relock(self, key: str, lock: Lock) -> None:
        self._stored[key][-1].lock = lock

    def get(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> FakeReader:
        reader = super().get(key, version_id, offset=offset, length=length)
        if self.away or any(key == k and offset <= at < offset + reader.size for k, at in self.silent):
            return _Breaking(bytes(reader._data))
        if self.slips and key.endswith("footage"):
            self.slips -= 1
            return FakeReader(b"\x00" + bytes(reader._data[1:]))
        return reader


class _Breaking(FakeReader):
    def readinto(self, buffer: memoryview) -> int:
        raise StoreAway("503")


def stored(data: bytes) -> tuple[RottingVault, Deed]:
    world = World(data, vault=RottingVault())
    made = world.secure()
    order = world.order
    deed = Deed(
        order.clip_id,
        1,
        order.keys,
        made.manifest.footage_version,
        made.manifest_version,
        order.size,
        order.sha256,
        CHUNK,
    )
    return world.vault, deed  # type: ignore[return-value]


def look(vault: RottingVault, deed: Deed, *, serves: Callable[[], bool] | None = None, **changes: object) -> Finding:
    serves = serves or (lambda: not vault.away)
    manifest, trouble = read_manifest(vault, deed, serves=serves)
    given = {"sidecar": PROOF, **changes}
    return reread(vault, deed, manifest=manifest, trouble=trouble, serves=serves, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [SHORT, LONG, LONG[: 2 * CHUNK]], ids=["one chunk", "several", "whole chunks"])
def test_what_was_stored_is_whole(data: bytes) -> None:
    vault, deed = stored(data)
    found = look(vault, deed)
    assert (found.condition, found.reason, found.lock, found.certain) == (Condition.WHOLE, "", "", False)
    assert found.found_sha256 == sha256_hex(data)
    assert found.bytes_read == len(data) + len(SIDECAR)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4])
@pytest.mark.parametrize("where", ["first", "last"])
def test_every_chunk_that_is_rotten_is_named(chunk: int, where: str) -> None:
    vault, deed = stored(LONG)
    at = (chunk - 1) * CHUNK if where == "first" else min(chunk * CHUNK, len(LONG)) - 1
    vault.flip(deed.keys.footage, at)
    found = look(vault, deed)
    assert (found.condition, found.certain) == (Condition.DAMAGED, True)
    [bad] = found.chunks
    assert (bad.number, bad.offset) == (chunk, (chunk - 1) * CHUNK)
    assert bad.found not in (None, bad.expected)
    assert found.found_sha256 not in (None, deed.sha256)
    assert f"chunks {chunk} (bytes {bad.offset} to {bad.offset + bad.size})" in found.reason


def test_footage_that_was_cut_off_names_what_is_gone() -> None:
    vault, deed = stored(LONG)
    vault.cut(deed.keys.footage, CHUNK + 10)
    found = look(vault, deed)
    assert found.condition is Condition.DAMAGED
    assert [(bad.number, bad.found is None) for bad in found.chunks] == [(2, False), (3, True), (4, True)]


def test_a_chunk_that_the_store_does_not_give_is_found_while_it_gives_others() -> None:
    vault, deed = stored(LONG)
    vault.silent = [(deed.keys.footage, CHUNK + 5), (deed.keys.footage, 3 * CHUNK + 1)]
    found = look(vault, deed)
    assert (found.condition, found.certain) == (Condition.DAMAGED, False)
    assert [(bad.number, bad.found) for bad in found.chunks] == [(2, None), (4, None)]
    assert found.found_sha256 is None


def test_a_store_that_gives_nothing_is_no_verdict() -> None:
    vault, deed = stored(LONG)
    vault.away = True
    with pytest.raises(StoreAway):
        look(vault, deed)


def test_a_store_that_goes_in_the_middle_is_no_verdict() -> None:
    vault, deed = stored(LONG)
    manifest, trouble = read_manifest(vault, deed, serves=lambda: True)
    vault.away = True
    with pytest.raises(StoreAway):
        reread(vault, deed, manifest=manifest, trouble=trouble, sidecar=PROOF, serves=lambda: False)


def test_not_every_chunk_is_asked_for_when_many_are_silent() -> None:
    size = (MOST_SILENT + 3) * CHUNK
    vault, deed = stored(bytes(size))
    vault.silent = [(deed.keys.footage, at) for at in range(0, size, CHUNK)]
    assert len(look(vault, deed).chunks) == MOST_SILENT


def test_a_read_that_broke_off_once_is_no_damage() -> None:
    vault, deed = stored(LONG)
    manifest, trouble = read_manifest(vault, deed, serves=lambda: True)
    reads = []

    class Once(RottingVault):
        def get(self, *args: object, **kwargs: object) -> FakeReader:
            reads.append(args)
            reader = vault.get(*args, **kwargs)  # type: ignore[arg-type]
            return _Breaking(bytes(reader._data)) if len(reads) == 1 else reader

    with pytest.raises(StoreAway, match="each of its chunks can be read"):
        reread(Once(), deed, manifest=manifest, trouble=trouble, sidecar=PROOF, serves=lambda: True)


def test_bytes_that_differ_only_once_are_a_slip_on_the_way_and_no_damage() -> None:
    vault, deed = stored(LONG)
    vault.slips = 1
    with pytest.raises(StoreAway, match="reads differently each time"):
        look(vault, deed)


@pytest.mark.parametrize("part", ["footage", "sidecar", "manifest"])
def test_an_object_that_is_gone_is_missing(part: str) -> None:
    vault, deed = stored(LONG)
    vault.lose(getattr(deed.keys, part))
    found = look(vault, deed)
    assert (found.condition, found.certain) == (Condition.MISSING, True)
    assert "missing" in found.reason


@pytest.mark.parametrize("data", [SHORT, LONG], ids=["one chunk", "several"])
def test_every_byte_of_a_sidecar_and_of_a_manifest_that_changes_is_noticed(data: bytes) -> None:
    vault, deed = stored(data)
    flips = caught = 0
    for key in (deed.keys.sidecar, deed.keys.manifest):
        size = len(vault.get_small(key))
        for at in range(0, size, 1 if data is SHORT else 7):
            vault.flip(key, at)
            flips += 1
            found = look(vault, deed) if data is SHORT or key == deed.keys.sidecar else _manifest_alone(vault, deed)
            caught += found.condition is Condition.DAMAGED and found.certain
            vault.flip(key, at)
    print(f"{flips} bytes flipped, {caught} caught")
    assert caught == flips > 100


def _manifest_alone(vault: RottingVault, deed: Deed) -> Finding:
    _, trouble = read_manifest(vault, deed, serves=lambda: True)
    return Finding(1, "", 1, "", (trouble,) if trouble else ())


@pytest.mark.parametrize(
    "change",
    [
        {"clip_id": "clip-other"},
        {"attempt": 2},
        {"size": 7},
        {"sha256": "0" * 64},
        {"footage_version": "v99"},
        {"chunks": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_manifest_that_says_something_else_is_damage_whatever_the_store_says(
    change: dict[str, object],
) -> None:
    vault, deed = stored(LONG)
    manifest = msgspec.json.decode(vault.get_small(deed.keys.manifest), type=Manifest)
    other = canonical(msgspec.structs.replace(manifest, **change))
    vault.lose(deed.keys.manifest)
    version = vault.put_new(deed.keys.manifest, other, lock_until=None).version_id
    found = look(vault, msgspec.structs.replace(deed, manifest_version=version))
    assert [(trouble.part, trouble.kind) for trouble in found.troubles] == [("manifest.json", Kind.DIFFERS)]


def test_a_manifest_whose_chunks_are_not_those_that_lie_there_is_damage() -> None:
    vault, deed = stored(LONG)
    manifest = msgspec.json.decode(vault.get_small(deed.keys.manifest), type=Manifest)
    first = msgspec.structs.replace(manifest.chunks[0], crc64nvme="0" * 16)
    other = canonical(msgspec.structs.replace(manifest, chunks=(first, *manifest.chunks[1:])))
    vault.lose(deed.keys.manifest)
    version = vault.put_new(deed.keys.manifest, other, lock_until=None).version_id
    found = look(vault, msgspec.structs.replace(deed, manifest_version=version))
    assert found.condition is Condition.DAMAGED
    assert "lists other chunks than lie there" in found.reason
    assert found.found_sha256 == deed.sha256


def test_without_a_manifest_the_footage_is_read_all_the_same() -> None:
    vault, deed = stored(LONG)
    unknown = msgspec.structs.replace(deed, manifest_version=None)
    assert look(vault, unknown).condition is Condition.WHOLE
    vault.silent = [(deed.keys.footage, 2 * CHUNK)]
    assert [bad.number for bad in look(vault, unknown).chunks] == [3]


def test_a_sidecar_that_nobody_signed_is_read_and_compared_with_what_the_store_took_in() -> None:
    vault, deed = stored(SHORT)
    assert look(vault, deed, sidecar=None).condition is Condition.WHOLE
    vault.flip(deed.keys.sidecar, 3)
    assert look(vault, deed, sidecar=None).condition is Condition.DAMAGED


def test_without_a_digest_there_is_no_verdict() -> None:
    vault, deed = stored(SHORT)
    with pytest.raises(RuleBroken, match="no SHA-256"):
        reread(
            vault,
            msgspec.structs.replace(deed, sha256=""),
            manifest=None,
            trouble=None,
            sidecar=None,
            serves=lambda: True,
        )


def test_a_lock_that_ends_earlier_and_a_hold_that_is_missing_are_said_of_whole_bytes() -> None:
    vault, deed = stored(SHORT)
    held = msgspec.structs.replace(deed, held=True)
    assert "expected a legal hold" in look(vault, held).lock
    later = msgspec.structs.replace(deed, lease_end=datetime.now(UTC) + timedelta(days=30))
    assert "expected a COMPLIANCE lock until" in look(vault, later).lock
    vault.relock(deed.keys.footage, Lock("COMPLIANCE", datetime.now(UTC) - timedelta(seconds=5), legal_hold=True))
    found = look(vault, held)
    assert "expected a COMPLIANCE lock until" in found.lock
    assert "legal hold" not in found.lock
    assert found.condition is Condition.WHOLE
    vault.relock(deed.keys.footage, Lock())
    assert "found no lock" in look(vault, deed).lock

"""What any vault must do: the same sentences for the fake and for a real store."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.conftest import RealStore
from workers.errors import AlreadyThere, ConfigurationInvalid, RuleBroken
from workers.vault.checksums import crc64nvme
from workers.vault.fake import FakeVault
from workers.vault.faults import BytesRefused, NotAsWritten, NotThere, StillLocked, UploadGone
from workers.vault.keys import ClipKeys, attempt_keys, clip_prefix
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.vault import ChunkProtection, Part, Upload, Vault, Version

HEAD, TAIL = os.urandom(5 << 20), os.urandom(700_001)


@dataclass
class World:
    """A vault, its clock, and the way to let a lock run out."""

    vault: Vault
    now: Callable[[], datetime]
    advance: Callable[[float], None]
    keys: ClipKeys
    prefix: str

    def soon(self, seconds: float = 60) -> datetime:
        return self.now() + timedelta(seconds=seconds)


class Roles:
    """Each call goes out with the credentials of the role whose work it is."""

    ROLE_OF = {  # noqa: RUF012  read only
        "set_legal_hold": "disposal",
        "extend_lock": "lease",
        "delete_version": "disposal",
        "list_versions": "disposal",
    }

    def __init__(self, store: RealStore) -> None:
        limits = Limits(tries=2, longest_wait=0.1)
        self._vaults = {role: S3Vault(store.access(role), limits=limits) for role in ("transfer", "lease", "disposal")}

    def __getattr__(self, name: str) -> object:
        return getattr(self._vaults[self.ROLE_OF.get(name, "transfer")], name)

    def close(self) -> None:
        for vault in self._vaults.values():
            vault.close()


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    clip = "clip-" + secrets.token_hex(16).translate(str.maketrans("0189", "ghij"))
    keys, prefix = attempt_keys("contract", clip, 1), clip_prefix("contract", clip)
    if request.param == "fake":
        clock = [datetime(2026, 11, 22, 12, tzinfo=UTC)]

        def advance(seconds: float) -> None:
            clock[0] += timedelta(seconds=seconds)

        yield World(FakeVault(lambda: clock[0]), lambda: clock[0], advance, keys, prefix)
        return
    roles = Roles(request.getfixturevalue("real_store"))
    yield World(roles, lambda: datetime.now(UTC), time.sleep, keys, prefix)  # type: ignore[arg-type]
    roles.close()


def send(world: World, *, lock_until: datetime | None = None) -> tuple[Upload, list[Part]]:
    upload = world.vault.create_upload(world.keys.footage, lock_until=lock_until)
    parts = [
        world.vault.put_part(upload, number, memoryview(data), crc64nvme(data))
        for number, data in ((1, HEAD), (2, TAIL))
    ]
    return upload, parts


def read(world: World, version: Version, stride: int = 256 << 10, **part: int) -> bytes:
    out = bytearray()
    buffer = memoryview(bytearray(stride))
    with world.vault.get(version.key, version.version_id, **part) as reader:
        while count := reader.readinto(buffer):
            out += buffer[:count]
        assert len(out) == reader.size
    return bytes(out)


def delete_once_the_lock_is_past(world: World, version: Version) -> None:
    for _ in range(60):
        try:
            world.vault.delete_version(version.key, version.version_id)
            return
        except StillLocked:
            world.advance(0.2)
    raise AssertionError("the lock never ended")


# -- put


def test_a_new_object_can_be_read_and_is_locked_from_its_first_moment(world: World) -> None:
    until = world.soon()
    version = world.vault.put_new(world.keys.manifest, b'{"a":1}', lock_until=until)
    head = world.vault.assert_locked(version, 7, until)
    assert head.lock.mode == "COMPLIANCE"
    assert head.store_time <= world.now() + timedelta(seconds=2)
    assert world.vault.get_small(world.keys.manifest) == b'{"a":1}'
    assert read(world, version) == b'{"a":1}'


def test_an_empty_object_is_an_object(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"", lock_until=None)
    assert version.size == 0
    assert world.vault.get_small(world.keys.sidecar) == b""


def test_a_taken_key_is_never_overwritten(world: World) -> None:
    version = world.vault.put_new(world.keys.manifest, b"first", lock_until=None)
    with pytest.raises(AlreadyThere):
        world.vault.put_new(world.keys.manifest, b"second", lock_until=None)
    assert [found.version_id for found in world.vault.list_versions(world.prefix)] == [version.version_id]
    assert world.vault.get_small(world.keys.manifest) == b"first"


def test_one_of_several_writers_at_once_wins(world: World) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def write(number: int) -> None:
        gate.wait()
        try:
            world.vault.put_new(world.keys.manifest, b"%d" % number, lock_until=None)
            outcomes.append("won")
        except AlreadyThere:
            outcomes.append("lost")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
    assert len(list(world.vault.list_versions(world.prefix))) == 1


def test_bytes_that_were_spoilt_on_the_way_are_refused_and_nothing_is_kept(world: World) -> None:
    with pytest.raises(BytesRefused):
        world.vault.put_new(world.keys.manifest, b"flipped", lock_until=None, crc64nvme=crc64nvme(b"right"))
    assert world.vault.head(world.keys.manifest) is None


def test_a_lock_that_ends_in_the_past_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationInvalid):
        world.vault.put_new(world.keys.manifest, b"x", lock_until=world.soon(-60))
    assert world.vault.head(world.keys.manifest) is None


# -- multipart


def test_an_object_of_parts_is_locked_and_reads_back_whole_and_by_range(world: World) -> None:
    until = world.soon()
    upload, parts = send(world, lock_until=until)
    assert world.vault.head(world.keys.footage) is None
    version = world.vault.complete(upload, parts)
    head = world.vault.ensure_locked(version, len(HEAD) + len(TAIL), until)
    assert head.checksum in (None, crc64nvme(HEAD + TAIL))
    assert read(world, version, stride=1 << 20) == HEAD + TAIL
    assert read(world, version, offset=len(HEAD), length=1000) == TAIL[:1000]
    assert read(world, version, offset=len(HEAD) - 7) == HEAD[-7:] + TAIL
    assert not list(world.vault.list_uploads(world.keys.footage))


def test_an_interrupted_upload_goes_on_from_what_is_there(world: World) -> None:
    begun = world.vault.create_upload(world.keys.footage, lock_until=None)
    world.vault.put_part(begun, 1, HEAD, crc64nvme(HEAD))
    (found,) = world.vault.list_uploads(world.keys.footage)
    assert (found.key, found.upload_id) == (begun.key, begun.upload_id)
    (kept,) = world.vault.list_parts(found)
    assert (kept.number, kept.size) == (1, len(HEAD))
    missing = world.vault.put_part(found, 2, TAIL, crc64nvme(TAIL))
    version = world.vault.complete(found, [replace(kept, crc64nvme=crc64nvme(HEAD)), missing])
    assert read(world, version) == HEAD + TAIL


def test_the_last_part_sent_under_a_number_counts(world: World) -> None:
    upload = world.vault.create_upload(world.keys.footage, lock_until=None)
    world.vault.put_part(upload, 1, HEAD, crc64nvme(HEAD))
    part = world.vault.put_part(upload, 1, TAIL, crc64nvme(TAIL))
    assert read(world, world.vault.complete(upload, [part])) == TAIL


def test_a_spoilt_part_is_refused_and_not_listed(world: World) -> None:
    upload = world.vault.create_upload(world.keys.footage, lock_until=None)
    with pytest.raises(BytesRefused):
        world.vault.put_part(upload, 1, TAIL, crc64nvme(HEAD))
    assert world.vault.list_parts(upload) == []
    world.vault.abort(upload)


def test_parts_whose_checksums_do_not_make_the_whole_are_refused(world: World) -> None:
    upload, parts = send(world)
    with pytest.raises(BytesRefused):
        world.vault.complete(upload, [parts[0], replace(parts[1], crc64nvme=1)])
    assert world.vault.head(world.keys.footage) is None
    world.vault.complete(upload, parts)


def test_completing_again_gives_the_same_version(world: World) -> None:
    upload, parts = send(world)
    first = world.vault.complete(upload, parts)
    again = world.vault.complete(upload, parts)
    assert again.version_id == first.version_id
    assert len(list(world.vault.list_versions(world.prefix))) == 1


def test_completing_over_other_bytes_is_refused(world: World) -> None:
    upload, parts = send(world)
    world.vault.put_new(world.keys.footage, b"somebody was first", lock_until=None)
    with pytest.raises(AlreadyThere):
        world.vault.complete(upload, parts)
    assert world.vault.get_small(world.keys.footage) == b"somebody was first"
    world.vault.abort(upload)


def test_an_aborted_upload_is_gone(world: World) -> None:
    upload, parts = send(world)
    world.vault.abort(upload)
    world.vault.abort(upload)
    assert not list(world.vault.list_uploads(world.keys.footage))
    with pytest.raises(UploadGone):
        world.vault.list_parts(upload)
    with pytest.raises(UploadGone):
        world.vault.put_part(upload, 1, TAIL, crc64nvme(TAIL))
    with pytest.raises(UploadGone):
        world.vault.complete(upload, parts)


def test_a_part_number_that_s3_does_not_know_is_refused(world: World) -> None:
    with pytest.raises(RuleBroken):
        world.vault.put_part(Upload(world.keys.footage, "any"), 10_001, b"", 0)


@pytest.mark.parametrize("protection", ChunkProtection)
def test_parts_arrive_whole_under_every_protection(real_store: RealStore, protection: ChunkProtection) -> None:
    vault = S3Vault(real_store.access("transfer"), protection=protection)
    footage = attempt_keys("contract", "clip-" + "a" * 32, list(ChunkProtection).index(protection) + 1).footage
    until = datetime.now(UTC) + timedelta(seconds=30)
    upload = vault.create_upload(footage, lock_until=until)
    parts = [vault.put_part(upload, n, data, crc64nvme(data)) for n, data in ((1, HEAD), (2, TAIL))]
    version = vault.complete(upload, parts)
    vault.ensure_locked(version, len(HEAD) + len(TAIL), until)
    assert vault.complete(upload, parts).version_id == version.version_id
    assert vault.get_small(footage, limit=1 << 30) == HEAD + TAIL


# -- read


def test_what_is_not_there_is_said_to_be_not_there(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"x", lock_until=None)
    assert world.vault.head(world.keys.manifest) is None
    assert world.vault.head(world.keys.sidecar, version.version_id[::-1]) is None
    with pytest.raises(NotThere):
        world.vault.get_small(world.keys.manifest)
    with pytest.raises(NotThere):
        world.vault.get(world.keys.sidecar, version.version_id[::-1])
    with pytest.raises(NotThere):
        world.vault.set_legal_hold(replace(version, version_id=version.version_id[::-1]), True)


def test_a_range_behind_the_end_is_not_silently_empty(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"short", lock_until=None)
    with pytest.raises(NotAsWritten):
        world.vault.get(world.keys.sidecar, version.version_id, offset=100)


def test_a_big_object_is_not_read_at_once(world: World) -> None:
    world.vault.put_new(world.keys.sidecar, b"x" * 1000, lock_until=None)
    with pytest.raises(RuleBroken):
        world.vault.get_small(world.keys.sidecar, limit=999)


def test_a_reader_may_be_closed_early(world: World) -> None:
    version = world.vault.put_new(world.keys.footage, TAIL, lock_until=None)
    for _ in range(20):
        with world.vault.get(version.key, version.version_id) as reader:
            assert reader.readinto(memoryview(bytearray(1000))) == 1000
    assert read(world, version) == TAIL


# -- locks, holds, deletion


def test_a_locked_version_cannot_be_deleted_before_its_date_and_can_after_it(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"x", lock_until=world.soon(2))
    with pytest.raises(StillLocked):
        world.vault.delete_version(version.key, version.version_id)
    delete_once_the_lock_is_past(world, version)
    assert world.vault.head(version.key, version.version_id) is None
    assert list(world.vault.list_versions(world.prefix)) == []
    with pytest.raises(NotThere):
        world.vault.get(version.key, version.version_id)
    world.vault.delete_version(version.key, version.version_id)


def test_a_lock_can_be_extended_and_not_shortened(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"x", lock_until=world.soon(60))
    later = world.soon(90)
    world.vault.extend_lock(version, later)
    world.vault.extend_lock(version, later)
    world.vault.assert_locked(version, 1, later)
    with pytest.raises(StillLocked):
        world.vault.extend_lock(version, world.soon(30))
    world.vault.assert_locked(version, 1, later)


def test_a_lock_that_is_missing_is_noticed_and_can_be_set(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"x", lock_until=None)
    until = world.soon(60)
    with pytest.raises(NotAsWritten, match="expected a COMPLIANCE lock"):
        world.vault.assert_locked(version, 1, until)
    with pytest.raises(NotAsWritten, match="expected 2 bytes, found 1"):
        world.vault.assert_locked(version, 2, until)
    world.vault.extend_lock(version, until)
    assert world.vault.assert_locked(version, 1, until).lock.mode == "COMPLIANCE"
    with pytest.raises(NotAsWritten):
        world.vault.assert_locked(version, 1, until + timedelta(seconds=1))


def test_a_legal_hold_forbids_deletion_until_it_is_lifted(world: World) -> None:
    version = world.vault.put_new(world.keys.sidecar, b"x", lock_until=None)
    world.vault.set_legal_hold(version, True)
    head = world.vault.head(version.key, version.version_id)
    assert head is not None
    assert head.lock.legal_hold
    with pytest.raises(StillLocked, match="locked"):
        world.vault.delete_version(version.key, version.version_id)
    world.vault.set_legal_hold(version, False)
    world.vault.delete_version(version.key, version.version_id)
    assert world.vault.head(version.key, version.version_id) is None


def test_a_listing_has_every_version_under_its_prefix_and_no_other(world: World) -> None:
    expected = set()
    for number in range(1, 8):
        keys = attempt_keys("contract", world.prefix.split("/")[2], number)
        expected.add(world.vault.put_new(keys.manifest, b"%d" % number, lock_until=None).version_id)
    found = list(world.vault.list_versions(world.prefix))
    assert {version.version_id for version in found} == expected
    assert len(found) == len(expected)
    assert all(version.size == 1 and version.modified is not None for version in found)

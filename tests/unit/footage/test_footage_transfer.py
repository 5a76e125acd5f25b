from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.footage.footage_world import CHUNK, LONG, SHORT, World, footage, order_for
from workers import failpoints
from workers.errors import AlreadyThere, DockGone, RuleBroken, StoreAway
from workers.footage import conclusion, deposit, quarantine, transfer
from workers.footage.conclusion import Secured
from workers.footage.manifest import Manifest
from workers.footage.passage import STRIDE, Stopped
from workers.footage.quarantine import SURPLUS, Quarantined
from workers.vault.vault import Upload

OTHER = footage(len(LONG), seed=2)
CLEAN = {"clips/*/1/footage": 1, "clips/*/1/manifest.json": 1, "clips/*/1/sidecar.json": 1}


class Crash(BaseException):
    """The process dies here; only what the vault and the record have is left."""


def clean(world: World) -> None:
    assert world.versions() == CLEAN
    assert world.unfinished() == []
    assert world.uploads.recorded == {}
    assert world.stored(world.order.keys.footage) == world.data


def test_the_declared_bytes_become_a_locked_clip_with_a_manifest(any_world: World) -> None:
    outcome = any_world.secure()
    assert isinstance(outcome, Secured)
    clean(any_world)
    manifest = msgspec.json.decode(any_world.stored(any_world.order.keys.manifest), type=Manifest)
    assert manifest == outcome.manifest
    assert manifest.sha256 == hashlib.sha256(any_world.data).hexdigest()
    assert sum(chunk.size for chunk in manifest.chunks) == len(any_world.data)
    head = any_world.vault.head(manifest.footage_key, manifest.footage_version)
    assert head is not None
    assert head.lock.mode == "COMPLIANCE"
    assert head.lock.until is not None
    assert head.lock.until > datetime.now(UTC)
    assert any_world.vault.calls[-1] == "put manifest.json"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 3), st.integers(-2, 2), st.integers(0, 1))
def test_every_size_around_a_chunk_comes_out_as_it_went_in(multiple: int, off: int, spare: int) -> None:
    world = World(LONG[: max(0, multiple * CHUNK + off)], buffer_count=1 + spare)
    assert isinstance(world.secure(), Secured)
    clean(world)


def test_a_resumed_transfer_sends_only_what_is_missing(world: World) -> None:
    with pytest.raises(DockGone):
        world.secure(world.source(gone_after=2 * CHUNK + STRIDE))
    assert world.vault.calls == ["create", "part 1", "part 2"]
    world.vault.calls.clear()
    assert isinstance(world.secure(), Secured)
    assert [call for call in world.vault.calls if call.startswith(("part", "create"))] == ["part 3", "part 4"]
    clean(world)


def test_a_part_that_was_stored_from_a_bad_reading_is_sent_again(world: World) -> None:
    spoilt = OTHER[:CHUNK] + LONG[CHUNK:]
    with pytest.raises(DockGone):
        world.secure(world.source(spoilt, gone_after=3 * CHUNK))
    world.vault.calls.clear()
    assert isinstance(world.secure(), Secured)
    assert [call for call in world.vault.calls if call.startswith("part")] == ["part 1", "part 4"]
    clean(world)


def test_an_upload_that_is_not_on_record_is_found_at_the_store(world: World) -> None:
    stray = world.vault.create_upload(world.order.keys.footage, lock_until=None)
    world.vault.calls.clear()
    assert isinstance(world.secure(), Secured)
    assert "create" not in world.vault.calls
    assert stray not in world.unfinished()
    clean(world)


def test_an_upload_that_somebody_ended_is_begun_again(world: World) -> None:
    world.uploads.remember(world.order.keys.footage, "upload-long-gone")
    assert isinstance(world.secure(), Secured)
    clean(world)


def test_an_upload_ended_in_the_middle_waits_and_starts_again(world: World) -> None:
    def end(call: str) -> None:
        if call == "part 2":
            world.vault.abort(Upload(world.order.keys.footage, world.uploads.recorded[world.order.keys.footage]))

    world.vault.after = end
    with pytest.raises(StoreAway, match="begun again"):
        world.secure()
    world.vault.after = lambda _: None
    assert isinstance(world.secure(), Secured)
    clean(world)


STEPS = [name for name in failpoints.FAILPOINTS if name.startswith("transfer.")]


@pytest.mark.parametrize("step", [s for s in STEPS if s not in ("transfer.after_move", "transfer.after_quarantine")])
@pytest.mark.parametrize("data", [SHORT, LONG], ids=["one chunk", "several chunks"])
@pytest.mark.parametrize("dock_leaves", [False, True], ids=["dock stays", "dock leaves"])
def test_a_crash_at_any_step_is_repaired_by_doing_it_again(
    step: str, data: bytes, dock_leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, reached = World(data), []

    def die(name: str) -> None:
        if name == step and not reached:
            reached.append(name)
            raise Crash

    for module in (transfer, deposit, conclusion, quarantine):
        if hasattr(module, "reach"):
            monkeypatch.setattr(module, "reach", die)
    try:
        first = world.secure()
    except Crash:
        first = None
    assert bool(reached) == (first is None)
    if dock_leaves and first is None:
        try:
            world.secure(world.source(gone_after=0))
        except DockGone:
            assert step not in ("transfer.after_sidecar", "transfer.after_manifest")
    manifests = [v.version_id for v in world.vault.list_versions(world.order.keys.manifest)]
    again = world.secure()
    assert isinstance(again, Secured)
    assert not manifests or [again.manifest_version] == manifests
    assert world.secure() == again
    clean(world)


def test_every_step_of_a_transfer_is_reached(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[str] = set()
    for module in (transfer, deposit, conclusion, quarantine):
        if hasattr(module, "reach"):
            monkeypatch.setattr(module, "reach", reached.add)
    world.secure()
    apart = World(LONG)
    apart.secure(apart.source(OTHER))
    assert set(STEPS) - reached == {"transfer.after_move"}


def test_other_bytes_are_set_apart_after_a_second_full_reading(any_world: World) -> None:
    other = footage(len(any_world.data), seed=2)
    source = any_world.source(other)
    outcome = any_world.secure(source)
    assert isinstance(outcome, Quarantined)
    assert source.readings == 2
    assert outcome.found_sha256 == hashlib.sha256(other).hexdigest()
    assert outcome.expected_sha256 == any_world.order.sha256
    assert any_world.versions() == {
        "quarantine/*/footage": 1,
        "quarantine/*/manifest.json": 1,
        "quarantine/*/sidecar.json": 1,
    }
    assert any_world.stored(outcome.key) == other
    assert any_world.unfinished() == []
    assert any_world.uploads.recorded == {}
    assert any_world.secure(any_world.source(other)) == outcome


@pytest.mark.parametrize("found", [SHORT, LONG + b"x", LONG[:-1], b""], ids=["short", "longer", "shorter", "empty"])
def test_another_length_is_set_apart(world: World, found: bytes) -> None:
    outcome = world.secure(world.source(found))
    assert isinstance(outcome, Quarantined)
    assert (outcome.found_size, outcome.expected_size) == (len(found), len(LONG))
    assert world.stored(outcome.key) == found


def test_a_reading_that_was_wrong_once_recovers(any_world: World) -> None:
    flipped = bytes([any_world.data[0] ^ 1]) + any_world.data[1:]
    source = any_world.source(flipped, any_world.data)
    assert isinstance(any_world.secure(source), Secured)
    assert source.readings == 3
    clean(any_world)


def test_a_recording_that_reads_differently_each_time_is_left_to_its_dock(world: World) -> None:
    source = world.source(OTHER, LONG, OTHER, LONG)
    with pytest.raises(DockGone, match="reads differently"):
        world.secure(source)
    assert world.versions() == {}


def test_a_source_that_offers_far_more_than_declared_is_refused(world: World) -> None:
    class Endless(type(world.source())):  # type: ignore[misc]
        size = property(lambda _: 2 * len(LONG) + SURPLUS + 1)

    with pytest.raises(RuleBroken, match="offers"):
        world.secure(Endless(LONG, sidecar=world.sidecar))
    assert world.versions() == {}


def test_a_sidecar_that_is_not_the_declared_one_sets_the_recording_apart(world: World) -> None:
    world.sidecar = b"{}"
    outcome = world.secure()
    assert isinstance(outcome, Quarantined)
    assert "sidecar" in outcome.reason
    assert world.stored(world.order.apart.sidecar) == b"{}"


def test_a_taken_name_is_set_apart_even_if_the_bytes_are_as_declared(world: World) -> None:
    world.order = order_for(LONG, conflict_with="clip-" + "a" * 32)
    source = world.source()
    outcome = world.secure(source)
    assert isinstance(outcome, Quarantined)
    assert "taken" in outcome.reason
    assert (outcome.found_sha256, source.readings) == (world.order.sha256, 1)


def test_the_same_bytes_under_the_key_are_taken_as_our_own(any_world: World) -> None:
    key = any_world.order.keys.footage
    version = any_world.vault.put_new(key, any_world.data, lock_until=None)
    outcome = any_world.secure()
    assert isinstance(outcome, Secured)
    assert outcome.manifest.footage_version == version.version_id
    clean(any_world)
    head = any_world.vault.head(key)
    assert head is not None
    assert head.lock.mode == "COMPLIANCE"


def test_other_bytes_under_the_key_end_the_attempt(any_world: World) -> None:
    key = any_world.order.keys.footage
    any_world.vault.put_new(key, footage(len(any_world.data), seed=3), lock_until=None)
    with pytest.raises(AlreadyThere, match="declared are"):
        any_world.secure()
    assert list(any_world.versions()) == ["clips/*/1/footage"]


@pytest.mark.parametrize("name", ["sidecar", "manifest"])
def test_another_sidecar_or_manifest_in_the_way_ends_the_attempt(any_world: World, name: str) -> None:
    any_world.vault.put_new(getattr(any_world.order.keys, name), b'{"other":1}', lock_until=None)
    with pytest.raises(AlreadyThere):
        any_world.secure()


def test_a_store_that_loses_what_it_acknowledged_is_not_believed(world: World) -> None:
    world.vault.assert_locked = world.vault.ensure_locked = _lost  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreAway, match="lost"):
        world.secure()
    assert "put manifest.json" not in world.vault.calls


def _lost(*_: object) -> None:
    from workers.vault.faults import NotAsWritten

    raise NotAsWritten("lost")


def test_a_stop_ends_the_transfer_within_a_stride(world: World) -> None:
    stop, strides = threading.Event(), []

    def at_stride(position: int) -> None:
        strides.append(position)
        if len(strides) == 3:
            stop.set()

    with pytest.raises(Stopped):
        world.secure(world.source(at_stride=at_stride), stop=stop.is_set)
    assert len(strides) == 3
    assert isinstance(world.secure(), Secured)
    clean(world)


def test_progress_tells_of_every_byte(any_world: World) -> None:
    told: list[int] = []
    any_world.secure(told=told.append)
    assert sum(told) == len(any_world.data)
    assert max(told) <= STRIDE


def test_several_transfers_share_the_buffers() -> None:
    worlds = [World(footage(2 * CHUNK + n, seed=n)) for n in range(6)]
    for world in worlds:
        world.means = type(world.means)(
            vault=world.vault, uploads=world.uploads, buffers=worlds[0].buffers, lock_for=60
        )
    threads = [threading.Thread(target=world.secure) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for world in worlds:
        clean(world)
    assert len(worlds[0].buffers._idle) <= 2

"""Stored clips are read again: by a person's command and by the clock. Rot planted in the store's files is found."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.pipeline.alarming_rows import moved
from tests.pipeline.pipeline import Pipeline, Said, put_into
from workers.vault.keys import attempt_keys

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

CHUNK = 5 << 20
PATIENT = "scrub_patience = 1.5\nscrub_confirm = 1.0\n"
ALWAYS = f"{PATIENT}scrub_after = 1.0\nscrub_cycle = 600.0\n"
SOME = f"{PATIENT}scrub_after = 86400.0\nscrub_cycle = 864000.0\n"
"""Only what was not read for a day, and that is what a test has made to look so."""


@asynccontextmanager
async def settings(system: Pipeline, more: str, *, restart: bool) -> AsyncIterator[None]:
    """More settings for a while; the scrub reads them when it is started again."""
    file = system.home / "settings.toml"
    before = file.read_text()
    file.write_text(before + more)
    try:
        if restart:
            await system.kill("scrub")
        yield
    finally:
        file.write_text(before)
        if restart:
            # It may just have killed itself.
            await system.until(partial(asyncio.to_thread, system.pid, "scrub"), "the scrub to run")
            await system.kill("scrub")


async def stored(system: Pipeline, name: str, sizes: list[int]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Clips of a new camera, wiped from it, in the order of the sizes; and their bytes."""
    camera = system.camera(name)
    contents = [os.urandom(size) for size in sizes]
    digests = {}
    for number, content in enumerate(contents):
        draft = camera.folder.with_name(f"{name}-{number}.mp4")
        draft.write_bytes(content)
        said = camera.record(draft)
        digests[said.recording] = number
    await system.enrol(name)
    system.dock(camera, f"BAY-{name}")
    assert set((await system.settled(camera)).values()) == {"wiped"}
    rows = sorted(await system.clips(name), key=lambda row: digests[row["recording"]])
    ids = [row["clip_id"] for row in rows]

    async def known() -> bool:
        found = await system.sql(
            "SELECT 1 FROM clips WHERE clip_id = ANY(%s) AND verified_at IS NOT NULL AND wiped_at IS NOT NULL"
            " AND manifest_version IS NOT NULL", ids
        )  # fmt: skip
        return len(found) == len(ids)

    await system.until(known, "the catalogue to know the clips")
    return rows, contents


def rot(home: Path, content: bytes, at: int) -> Path:
    """Flip one bit of this content, `at` bytes from its beginning, in the store's own volume files."""
    sought = content[at : at + 64]
    for file in (home / "store" / "data").rglob("*.dat"):
        if not file.stat().st_size:
            continue
        with file.open("r+b") as volume:
            with mmap.mmap(volume.fileno(), 0, access=mmap.ACCESS_READ) as lies:
                place = lies.find(sought)
            if place >= 0:
                volume.seek(place)
                volume.write(bytes([sought[0] ^ 1]))
                return file
    raise AssertionError("the content is in none of the store's volume files")


async def remove(system: Pipeline, row: dict[str, Any]) -> None:
    """Delete a clip's footage behind the system's back, once its lock is past."""
    key = attempt_keys(system.settings.namespace, row["clip_id"], row["attempt"]).footage
    vault = system.vault("disposal")

    async def gone() -> bool:
        from workers.vault.faults import StillLocked

        try:
            await asyncio.to_thread(vault.delete_version, key, row["verified_version"])
        except StillLocked:
            return False
        return await asyncio.to_thread(vault.head, key, row["verified_version"]) is None

    await system.until(gone, "the lock to end")


class Doomed(Struct):
    """What will be rotten or missing; stored at the beginning, so that its locks end while other tests run.

    Attributes:
        lease: asleep until this is closed, or it may renew the locks whose end is waited for.
    """

    by_command: tuple[list[dict[str, Any]], list[bytes]]
    by_clock: tuple[list[dict[str, Any]], list[bytes]]
    lease: ExitStack


@pytest.fixture(scope="module", autouse=True)
def doomed(system: Pipeline) -> Iterator[Doomed]:
    async def both() -> list[tuple[list[dict[str, Any]], list[bytes]]]:
        return await asyncio.gather(
            stored(system, "SCR-0003", [3 * CHUNK + 5, 300_000, 70_000, 2000]),
            stored(system, "SCR-0004", [2 * CHUNK + 9, 100_000, 100_001, 100_002, 100_003]),
        )

    with ExitStack() as lease:
        lease.enter_context(system.frozen("lease"))
        yield Doomed(*asyncio.run(both()), lease)


def troubles(said: Said) -> dict[str, dict[str, Any]]:
    return {trouble["clip_id"]: trouble for trouble in said.json["troubles"]}


async def test_whole_clips_are_read_again_and_it_goes_on_record(system: Pipeline) -> None:
    rows, contents = await stored(system, "SCR-0001", [1000, 2 * CHUNK + 77])
    for row in rows:
        said = await system.done("verify", row["clip_id"], "--json")
        assert (said.json["clips"], said.json["whole"], said.json["troubles"]) == (1, 1, [])
        [told] = await system.told("clips.reread", "clip_id", row["clip_id"])
        assert (told["by"], told["version_id"]) == ("ADMIN", row["verified_version"])
    assert said.json["bytes"] > len(contents[1])
    [clip] = await system.sql(
        "SELECT reread_at > verified_at AS later FROM clips WHERE clip_id = %s", rows[0]["clip_id"]
    )
    assert clip["later"]
    by_name = await system.done("verify", f"SCR-0001/{rows[1]['recording']}")
    assert "read 1 clips" in by_name.out and "coverage" in by_name.out and "oldest unread" in by_name.out
    told = (await system.done("trace", rows[1]["clip_id"])).out
    assert "read again in full" in told and "is still what the dock signed" in told


async def test_shares_are_disjoint_and_together_everything(system: Pipeline) -> None:
    await stored(system, "SCR-0002", [100 + n for n in range(12)])
    whole = (await system.bwv("verify", "--json")).json["clips"]
    shares = [(await system.bwv("verify", "--subset", f"{n}/3", "--json")).json["clips"] for n in (1, 2, 3)]
    print(f"\nshares {shares} of {whole}")
    assert sum(shares) == whole and all(shares)
    assert (await system.bwv("verify", "--max-age", "1h", "--json")).json["clips"] == 0
    again = await system.bwv("verify", "--max-age", "0s", "--json")
    assert again.json["clips"] == whole and again.json["coverage"] == 1.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--subset", "8/7"), "expected i/n"),
        (("--max-age", "90"), "90d, 12h, 30m or 45s"),
        (("clip-nothing",), "expected a clip id"),
    ],
)
async def test_wrong_use_is_said(system: Pipeline, words: tuple[str, ...], says: str) -> None:
    said = await system.bwv("verify", *words)
    assert said.code == 2
    assert says in said.err


async def test_rot_in_the_store_s_files_and_a_missing_object_are_found_by_verify(
    system: Pipeline, doomed: Doomed
) -> None:
    rows, contents = doomed.by_command
    rot(system.home, contents[0], CHUNK + 1_000_000)
    rot(system.home, contents[1], 200_000)
    await remove(system, rows[2])
    planted = {rows[0]["clip_id"]: [2], rows[1]["clip_id"]: [1], rows[2]["clip_id"]: []}
    async with settings(system, PATIENT, restart=False):
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            said = await system.bwv("verify", row["clip_id"], "--json")
            assert said.code == (1 if row["clip_id"] in planted else 0), said
            found |= troubles(said)
    print(f"\nplanted {len(planted)}, found {len(found)}: { {t['condition'] for t in found.values()} }")
    assert {clip: [c["number"] for c in trouble["chunks"]] for clip, trouble in found.items()} == planted
    assert found[rows[2]["clip_id"]]["condition"] == "missing"
    await all_damaged(system, planted)
    [told] = await system.told("clips.damaged", "clip_id", rows[0]["clip_id"])
    assert (told["chunks"], told["by"]) == ([2], "ADMIN")
    assert "chunks 2 (bytes 5242880 to 10485760)" in told["reason"]
    lines = {line.clip_id: line for line in (await system.ledger("SCR-0003")).lines}
    assert {line.standing for clip, line in lines.items() if clip in planted} == {"damaged"}
    assert all(lines[clip].reason and lines[clip].settled for clip in planted)
    assert (await system.ledger("SCR-0003")).adds_up
    status = await system.bwv("status")
    assert status.code == 1 and "damaged" in status.out
    assert "DAMAGED" in (await system.done("trace", rows[0]["clip_id"])).out


async def all_damaged(system: Pipeline, clips: Any) -> None:
    async def done() -> bool:
        rows = await system.sql(
            "SELECT standing, c.damaged_at FROM clip_fate f JOIN clips c USING (clip_id) WHERE clip_id = ANY(%s)",
            list(clips),
        )
        return len(rows) == len(clips) and all(r["standing"] == "damaged" and r["damaged_at"] for r in rows)

    await system.until(done, "the damage to be on record")


async def test_the_scrub_reads_everything_within_a_cycle_and_finds_rot(system: Pipeline, doomed: Doomed) -> None:
    rows, contents = doomed.by_clock
    rot(system.home, contents[0], 2 * CHUNK + 1)
    rot(system.home, contents[1], 50_000)
    await remove(system, rows[2])
    doomed.lease.close()
    planted = {rows[0]["clip_id"]: [3], rows[1]["clip_id"]: [1], rows[2]["clip_id"]: []}
    whole = [row["clip_id"] for row in rows[3:]]
    known = {clip: len(await system.told("clips.reread", "clip_id", clip)) for clip in whole}
    async with settings(system, ALWAYS, restart=True):
        began = await now(system)
        await all_damaged(system, planted)
        found = {clip: (await system.told("clips.damaged", "clip_id", clip))[0]["chunks"] for clip in planted}
        assert found == planted
        await read_since(system, began, "everything to be read within a cycle")
        # A second cycle reads it again; a scrub that was killed goes on where the catalogue says.
        await system.kill("scrub")
        began = await now(system)
        await read_since(system, began, "everything to be read again")
    for clip in whole:
        told = (await system.told("clips.reread", "clip_id", clip))[known[clip] :]
        assert len(told) >= 2 and {t["by"] for t in told} == {"scrub"}
    print(f"\nplanted {len(planted)}, found {len(found)}, whole {len(whole)}")


async def now(system: Pipeline) -> Any:
    return (await system.sql("SELECT now() AS now"))[0]["now"]


async def read_since(system: Pipeline, began: Any, what: str) -> None:
    """Wait until every sound clip was read after this moment."""

    async def done() -> bool:
        rows = await system.sql(
            "SELECT count(*) AS left FROM clips JOIN clip_fate f USING (clip_id) WHERE verified_at IS NOT NULL"
            " AND f.standing IN ('verified', 'released') AND f.disposal IS NULL"
            " AND (reread_at IS NULL OR reread_at < %s)", began
        )  # fmt: skip
        return rows[0]["left"] == 0

    await system.until(done, what, 120)


async def test_a_scrub_killed_before_and_after_its_move_tells_of_the_damage_once(system: Pipeline) -> None:
    rows, contents = await stored(system, "SCR-0005", [10_000, 11_000])
    for content in contents:
        rot(system.home, content, 5_000)
    clips = [row["clip_id"] for row in rows]
    steps = ("scrub.before_move", "scrub.after_move")
    longest = partial(moved, system, "clips", "verified_at", "camera = 'SCR-0005'")
    async with longest(timedelta(days=-9)), settings(system, f'{SOME}fail = "{" ".join(steps)}"\n', restart=True):
        await all_damaged(system, clips)
    for step in steps:
        marker = system.home / "failpoints" / step
        assert marker.exists(), f"{step} did not fire"
        marker.unlink()
    for clip in clips:
        assert len(await system.told("clips.damaged", "clip_id", clip)) == 1


async def test_a_damaged_clip_is_not_released_and_its_recording_stays_on_the_camera(system: Pipeline) -> None:
    name = "SCR-0007"
    camera = system.filled(name, [3 * CHUNK])
    await system.enrol(name)
    with system.frozen("release"):
        system.dock(camera, f"BAY-{name}")
        [row] = await system.has_clips(name, 1, standing="verified")

        async def verified() -> bool:
            rows = await system.sql(
                "SELECT 1 FROM clips WHERE verified_at IS NOT NULL AND clip_id = %s", row["clip_id"]
            )
            return bool(rows)

        await system.until(verified, "the catalogue to know it")
        content = next(path for path in camera.folder.glob("*.mp4")).read_bytes()
        rot(system.home, content, 100)
        async with settings(system, PATIENT, restart=False):
            said = await system.bwv("verify", row["clip_id"], "--json")
        assert troubles(said)[row["clip_id"]]["told"], said
    await system.shows(name, row["recording"], "rejected", "damaged")
    assert [path.read_bytes() for path in camera.folder.glob("*.mp4")] == [content]
    [after] = await system.clips(name)
    assert (after["standing"], after["receipt"], after["camera_copy"]) == ("damaged", None, "present")
    [line] = (await system.ledger(name)).lines
    assert (line.standing, line.on_camera, line.settled) == ("damaged", True, True)


async def test_a_store_that_is_away_is_no_verdict(system: Pipeline) -> None:
    rows, _ = await stored(system, "SCR-0008", [5000])
    async with settings(system, PATIENT, restart=False):
        with system.frozen("store"):
            said = await system.bwv("verify", rows[0]["clip_id"])
    assert said.code == 3, said
    assert (await system.clips("SCR-0008"))[0]["standing"] == "released"
    assert (await system.done("verify", rows[0]["clip_id"], "--json")).json["whole"] == 1


async def test_what_a_dock_signed_before_its_key_was_revoked_still_proves(system: Pipeline) -> None:
    camera = system.filled("SCR-0009", [1000])
    await system.enrol("SCR-0009")
    async with system.another_dock("DOCK-71") as folder:
        await system.done("keys", "enrol", "dock", "DOCK-71")
        put_into(folder, "BAY-SCR-9", camera)
        [row] = await system.has_clips("SCR-0009", 1, camera_copy="wiped")
    await system.known(row["clip_id"])
    await system.done("keys", "revoke", row["report"]["key"], "--reason", "stolen")

    assert (await system.done("verify", row["clip_id"], "--json")).json["whole"] == 1

"""What the alarms are judged by, read from real rows as the stages would have left them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from workers.database.engine import Database, fetch_plain
from workers.operations.alarms import reading
from workers.operations.alarms.figures import Deadline, Docked, Figures, Gap
from workers.operations.alarms.reading import read_figures
from workers.operations.alarms.shifts import Shifts, parse_shifts
from workers.retention.leasing import Leases

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LEASES = Leases(lease=30 * DAY, renew=15 * DAY, first=7 * DAY)


class Rows:
    """Writes rows as the stages would have left them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def put(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join(f"%({name})s" for name in values)
        await self.database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)

    async def clip(self, clip_id: str, standing: str, registered_at: datetime, **clip: Any) -> None:
        await self.put(
            "clip_fate", clip_id=clip_id, camera="CAM-0001", recording=clip_id, standing=standing, docking=1,
            report="{}", registered_at=registered_at, moved_at=registered_at, lease_end=NOW + 20 * DAY,
            lease_confirmed=NOW + 20 * DAY,
        )  # fmt: skip
        await self.put("clips", clip_id=clip_id, camera="CAM-0001", **clip)

    async def docked(self, camera: str, docking: int, at: datetime, dock: str = "DOCK-01") -> None:
        await self.put(
            "dockings", camera=camera, docking=docking, dock=dock, bay="BAY-1", docked_at=at, sha256="", inventory="",
            key="", signature="",
        )  # fmt: skip

    async def figures(self, now: datetime = NOW, shifts: Shifts | None = None) -> Figures:
        return await read_figures(self.database, now, leases=LEASES, shifts=shifts)


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


async def test_an_empty_system_is_well_and_all_of_it_is_known(rows: Rows) -> None:
    seen = await rows.figures(shifts=parse_shifts("07:00", "Europe/London"))
    elsewhere = {"unread", "now", "stages", "dead_letters", "store", "database", "disks"}
    assert [n for n in Figures.__struct_fields__ if n not in elsewhere and getattr(seen, n) is None] == []
    assert (seen.verified and seen.verified.clips, seen.gaps, seen.deadlines, seen.docks) == (0, (), (), ())


async def test_clips_that_take_too_long_are_counted_from_their_rows(rows: Rows) -> None:
    def times(minutes: int) -> dict[str, Any]:
        return {"verified_at": NOW - HOUR / 2, "docked_at": NOW - HOUR / 2 - timedelta(minutes=minutes)}

    await rows.clip("in-time", "released", NOW, size=300_000_000, **times(14))
    await rows.clip("late", "released", NOW, size=300_000_000, **times(16))
    await rows.clip("large", "released", NOW, size=18_000_000_000, **times(140))
    await rows.clip("of-yesterday", "released", NOW, size=1, verified_at=NOW - DAY, docked_at=NOW - 2 * DAY)
    await rows.clip("young", "registered", NOW - 23 * HOUR)
    await rows.clip("old", "secured", NOW - 25 * HOUR)
    await rows.clip("older", "registered", NOW - 26 * HOUR)
    await rows.clip("just-verified", "verified", NOW - HOUR, verified_at=NOW - timedelta(minutes=19))
    await rows.clip("not-released", "verified", NOW - HOUR, verified_at=NOW - timedelta(minutes=21))
    await rows.clip("other", "quarantined", NOW - HOUR)
    await rows.clip("rotten", "damaged", NOW - 9 * DAY)
    await rows.clip("unlocked", "released", NOW - 9 * DAY)
    await rows.database.execute("UPDATE clip_fate SET lease_end = %(at)s, lease_confirmed = %(at)s"
                                " WHERE clip_id = 'unlocked'", {"at": NOW + 23 * HOUR})  # fmt: skip
    seen = await rows.figures()
    assert seen.verified and (seen.verified.clips, seen.verified.late) == (3, 1)
    assert seen.verified.p95 and 16 * 60 < seen.verified.p95 < 140 * 60
    assert seen.unverified and (seen.unverified.clips, seen.unverified.examples) == (2, ("older", "old"))
    assert seen.unverified.oldest == 26 * 3600
    assert seen.unreleased and (seen.unreleased.clips, seen.unreleased.examples) == (1, ("not-released",))
    assert seen.quarantined is not None and list(seen.quarantined) == ["other"]
    assert (seen.damaged, seen.leases_late) == (1, 1)
    await rows.database.execute("UPDATE clip_fate SET disposal = 'done'")
    assert await rows.figures() == replace(
        await rows.figures(), unverified=type(seen.unverified)(), unreleased=type(seen.unverified)(),
        quarantined={}, damaged=0, leases_late=0,
    )  # fmt: skip


async def test_cameras_are_judged_by_what_is_on_record_of_them(rows: Rows) -> None:
    async def camera(name: str, *, docked_at: datetime | None = None, docking: int = 1, sequences: str = "{}") -> None:
        await rows.put("enrolled_keys", id=f"camera:{name}:none", role="camera", owner=name, public="",
                       enrolled_at=NOW - 9 * DAY, enrolled_by="ADMIN")  # fmt: skip
        if docked_at:
            await rows.put("cameras", camera=name, docking=docking, dock="DOCK-01", bay="BAY-1",
                           docked_at=docked_at, sequences=sequences)  # fmt: skip

    async def held(name: str, officer: str | None, at: datetime) -> None:
        await rows.put("camera_holders", event_id=f"{name}{at}", camera=name, officer=officer, time=at, person="ADMIN")

    await camera("OUT")
    await held("OUT", "BAKER", NOW - 25 * HOUR)
    await camera("DOCKED", docked_at=NOW - 24.5 * HOUR)
    await held("DOCKED", "BAKER", NOW - 25 * HOUR)
    await camera("BACK")
    await held("BACK", "BAKER", NOW - 26 * HOUR)
    await held("BACK", None, NOW - 25 * HOUR)
    await camera("TODAY")
    await held("TODAY", "BAKER", NOW - 23 * HOUR)
    for name, reason in (("LOST", "Lost: left in a taxi"), ("FOUND", "stolen"), ("WORN", "worn out")):
        await camera(name)
        await rows.database.execute("UPDATE enrolled_keys SET revoked_at = %s, reason = %s WHERE owner = %s",
                                    (NOW - 2 * HOUR, reason, name))  # fmt: skip
    await held("FOUND", None, NOW - HOUR)
    await camera("GAP", docked_at=NOW, sequences="{[1,5),[8,10)}")
    for first, last in ((5, 7), (2, 3)):
        await rows.put("gaps", event_id=f"{first}", camera="GAP", docking=1, first=first, last=last, time=NOW)
    await camera("OFF", docked_at=NOW, docking=2)
    await camera("SET", docked_at=NOW, docking=3)
    for name in ("OFF", "SET"):
        await rows.put("clips", clip_id=f"clip-{name}", camera=name, docking=2, clock_offset=-31.0)
    seen = await rows.figures()
    assert seen.out is not None and [(one.camera, one.officer) for one in seen.out] == [("OUT", "BAKER")]
    assert seen.lost == {"LOST": "Lost: left in a taxi"}
    assert seen.gaps == (Gap("GAP", 5, 7),), "what a later inventory listed is no gap"
    assert seen.clocks == {"OFF": -31.0}, "SET was docked with a good clock since"


async def test_a_dock_is_compared_with_itself_on_the_days_before(rows: Rows) -> None:
    change = datetime(2026, 11, 22, 7, tzinfo=UTC)
    for back in range(1, 8):
        await rows.docked("CAM-0001", back, change - back * DAY, "DOCK-01")
        await rows.docked("CAM-0002", back, change - back * DAY + 2 * HOUR, "DOCK-02")
    await rows.docked("CAM-0002", 9, change + 2 * HOUR, "DOCK-02")
    seen = await rows.figures(shifts=parse_shifts("07:00", "Europe/London"))
    assert seen.docks == (
        Docked("DOCK-01", change, 0, (1,) * 7, 0),
        Docked("DOCK-02", change, 0, (0,) * 7, 1),
    )


async def test_submissions_are_held_against_the_clocks_of_their_cases(rows: Rows) -> None:
    async def case(case_id: str, hearing: datetime, *states: str) -> None:
        await rows.put("cases", case_id=case_id, urn="01AB", kind="prosecution", version=1, officer="BAKER",
                       clock="charged", first_hearing=hearing, opened_at=NOW, body="{}")  # fmt: skip
        for number, state in enumerate(states):
            await rows.put(
                "submissions", submission_id=f"{case_id}-{number}", case_id=case_id, urn="01AB", purpose="x",
                recipient="x", state=state, ordered="{}", items=1, urgent=False,
                requested_at=NOW + number * HOUR, due_at=NOW - HOUR,
            )  # fmt: skip

    await case("NEAR", NOW + 23 * HOUR, "acknowledged", "rejected")
    await case("DONE", NOW + 23 * HOUR, "rejected", "acknowledged")
    await case("FAR", NOW + 25 * HOUR, "prepared")
    await case("LATE", NOW + 25 * HOUR, "sent")
    assert (await rows.figures()).deadlines == (
        Deadline("NEAR-1", "01AB", "rejected", NOW + 23 * HOUR),
        Deadline("LATE-0", "01AB", "sent", None, True),
    )
    await rows.put("sweeps", sweep_id="1", started_at=NOW, policy=1, due=9, intended=0, state="stopped",
                   cause="budget", reason="9 are due, 1 is usual")  # fmt: skip
    assert (await rows.figures()).sweeps == {"budget": "9 are due, 1 is usual"}


@pytest.mark.parametrize("name", ("VERIFIED", "UNVERIFIED", "UNRELEASED", "QUARANTINED", "DAMAGED", "CLOCKS", "DOCKS",
                                  "DEADLINES", "SWEEPS"))  # fmt: skip
async def test_no_question_goes_over_a_large_table(name: str, database: Database) -> None:
    given = dict.fromkeys(("now", "since", "before", "near"), NOW)
    given |= {"most": 9, "examples": 5, "within": 900.0, "factor": 1.5, "rate": 1e6, "extra": 300.0}
    given |= {"begins": [NOW], "ends": [NOW]}
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("DROP INDEX clip_fate_lease")  # it is as good as any while there are no rows
        plan = await fetch_plain(connection, f"EXPLAIN {getattr(reading, name)}", given)
    lines = [line for (line,) in plan]
    assert [line for line in lines if "Index" in line or "Bitmap" in line], lines
    assert [line for line in lines if "Seq Scan" in line] == []
    for line in lines:
        if " on clip_fate" in line:
            assert re.search("clip_fate_unfinished|clip_fate_behind|Bitmap Heap|clip_fate_pkey", line), line
        if " on clips" in line:
            assert re.search("clips_verified|clips_clock_off|clips_pkey|Bitmap Heap", line), line

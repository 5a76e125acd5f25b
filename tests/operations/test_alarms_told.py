"""The stage alarms over real rows: what it reads, that a restart tells nothing twice, and that a channel that is
away is given everything later."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from msgspec.structs import replace
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streams.alarm_channels import WithoutDatabase, webhook_of
from streams.alarm_sight import disks, stalled
from streams.alarms import Alarms, serve
from streams.engine.health import Health
from streams.settings import Settings, load
from workers.database.engine import Database, fetch_plain
from workers.errors import ConfigurationInvalid
from workers.operations.alarms import reading
from workers.operations.alarms.figures import Deadline, Docked, Figures, Gap, Room, Stalled
from workers.operations.alarms.reading import read_figures
from workers.operations.alarms.shifts import Shifts, parse_shifts
from workers.operations.lag.figures import stage_lag
from workers.operations.lag.history import Look, Members, Place
from workers.retention.leasing import Leases
from workers.serving import Server, listen

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


# -- telling ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def receiver(answers: Iterable[int]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Whoever takes the webhook; yields its address and the bodies that it took."""
    given, taken = iter(answers), list[dict[str, Any]]()

    async def take(request: Request) -> Response:
        status = next(given, 200)
        if status == 200:
            taken.append(json.loads(await request.body()))
        return Response(status_code=status)

    app = Starlette(routes=[Route("/secret-path", take, methods=["POST"])])
    listening = listen("127.0.0.1", 0)
    server = Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none"))
    await server.open(listening, "receiver")
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/secret-path", taken
    await server.close()


def settings_of(database: Database, home: Path, url: str) -> Settings:
    file = home / "webhook"
    file.write_text(f"{url}\n")
    file.chmod(0o600)
    return load(home, database=database.dsn, namespace=database.schema, alarm_webhook="webhook", mail="mail",
                alarm_mail="ops@force.example, records@force.example", runbook="https://runbook")  # fmt: skip


def mails(home: Path) -> list[str]:
    """Subjects, in the order in which they were sent."""
    read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted((home / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)]  # fmt: skip
    assert {str(mail["To"]) for mail in read} <= {"ops@force.example, records@force.example"}
    return [str(mail["Subject"]) for mail in read]


async def test_an_alarm_is_told_once_to_each_channel_whatever_restarts_and_whoever_is_away(
    database: Database, tmp_path: Path
) -> None:
    ill = Figures(now=NOW, damaged=2)
    async with receiver([200, 503]) as (url, taken):
        settings = settings_of(database, tmp_path, url)
        health = Health("alarms")
        first = Alarms(settings, health)
        await first.tell(database)  # the channels are known from here on
        await first.judged(database, ill)
        await first.tell(database)
        await first.close()
        assert mails(tmp_path) == ["ALARM: Stored footage is rotten or gone"]
        assert [alert["labels"]["alertname"] for body in taken for alert in body["alerts"]] == ["damaged"]

        again = Alarms(settings, health := Health("alarms"))
        await again.judged(database, replace(ill, now=NOW + HOUR))
        await again.tell(database)
        assert len(mails(tmp_path)) == len(taken) == 1, "a restart tells nothing twice"
        well = replace(ill, damaged=0)
        for seconds in (0, 61):
            await again.judged(database, replace(well, now=NOW + HOUR + timedelta(seconds=seconds)))
        await again.tell(database)
        assert mails(tmp_path)[1:] == ["Over: Stored footage is rotten or gone"], "the webhook's fault is no other's"
        assert len(taken) == 1 and "secret" not in json.dumps(health.waiting())
        assert "answered 503" in health.waiting()["webhook"]
        assert health.alive()[0]
        await again.tell(database)
        assert taken[1]["status"] == "resolved" and len(taken) == 2 and health.waiting() == {}
        assert 'bwv_alarms_open{alarm="damaged",stage="alarms"} 0.0' in generate_latest(health.registry).decode()
        await again.close()


async def test_that_the_database_is_away_is_told_without_it(tmp_path: Path, database: Database) -> None:
    async with receiver([503]) as (url, taken):
        health = Health("alarms")
        alarms = Alarms(settings_of(database, tmp_path, url), health)
        beside = WithoutDatabase(alarms.channels, health)
        await beside.look(NOW)
        health.waits_for("database", "PostgreSQL does not answer")
        for seconds in (0, 59, 60):
            assert mails(tmp_path) == []
            await beside.look(NOW + timedelta(seconds=seconds))
        assert mails(tmp_path) == ["ALARM: PostgreSQL does not answer"] and taken == []
        await beside.look(NOW + timedelta(seconds=65))
        assert len(mails(tmp_path)) == len(taken) == 1, "what the webhook did not take it gets later"
        health.is_back("database")
        for seconds in (70, 130, 140):
            await beside.look(NOW + timedelta(seconds=seconds))
        assert mails(tmp_path)[1:] == ["Over: PostgreSQL does not answer"]
        assert [body["status"] for body in taken] == ["firing", "resolved"]
        await alarms.close()


async def test_a_new_channel_is_not_told_what_is_long_past(database: Database, tmp_path: Path) -> None:
    alarms = Alarms(load(tmp_path, database=database.dsn, namespace=database.schema), Health("alarms"))
    await alarms.judged(database, Figures(now=NOW, damaged=2))
    await alarms.tell(database)
    await alarms.close()
    async with receiver([]) as (url, taken):
        later = Alarms(settings_of(database, tmp_path, url), Health("alarms"))
        await later.tell(database)
        assert (taken, mails(tmp_path)) == ([], [])
        await later.close()


def test_the_webhooks_address_is_a_secret(tmp_path: Path) -> None:
    assert webhook_of(load(tmp_path)) is None
    settings = load(tmp_path, alarm_webhook="webhook")
    with pytest.raises(ConfigurationInvalid, match="cannot be read: No such file"):
        webhook_of(settings)
    (tmp_path / "webhook").write_text("https://hooks.example/T0/secret")
    (tmp_path / "webhook").chmod(0o640)
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        webhook_of(settings)
    (tmp_path / "webhook").chmod(0o600)
    assert webhook_of(settings) is not None
    (tmp_path / "webhook").write_text("hooks.example/secret")
    with pytest.raises(ConfigurationInvalid, match="expected one line") as wrong:
        webhook_of(settings)
    assert "secret" not in str(wrong.value)


def test_stages_are_told_by_their_verdict_and_disks_by_their_room(tmp_path: Path) -> None:
    waiting = Place("clips.verified", 0, 3, 0, 5, "m")
    lives = tuple(Look(float(at), Members.THERE, (waiting,)) for at in range(0, 60, 10))
    idle = tuple(
        Look(float(at), Members.THERE, (Place("clips.verified", 0, 5, 0, 5, "m"),)) for at in range(0, 600, 10)
    )
    assert stalled([stage_lag("release", lives), stage_lag("probe", idle)]) == {
        "release": Stalled("STALLED", "2 messages wait, and nothing was finished for 50 s")
    }
    seen = disks([str(tmp_path), str(tmp_path / "no-such-disk")])
    assert seen[str(tmp_path)].total > seen[str(tmp_path)].free > 0
    assert seen[str(tmp_path / "no-such-disk")] == Room(0, 1)


async def test_what_cannot_be_read_is_named_and_the_rest_is_judged(database: Database, tmp_path: Path) -> None:
    closed = listen("127.0.0.1", 0)
    port = closed.getsockname()[1]
    closed.close()
    settings = load(tmp_path, database=database.dsn, namespace=database.schema, kafka=f"127.0.0.1:{port}",
                    store=f"http://127.0.0.1:{port}", alarm_every=7.0)  # fmt: skip
    health = Health("alarms")
    alarms = Alarms(settings, health)
    async with asyncio.timeout(60):
        assert await alarms.round(database) == 7.0
    await alarms.close()
    stands = {(row["alarm"], row["subject"]) for row in await database.fetch("SELECT alarm, subject FROM alarms")}
    assert stands - {("disk-full", str(tmp_path))} == {
        ("blind", "stages"), ("blind", "dead letters"), ("store-red", "object store")
    }  # fmt: skip
    assert 'bwv_store_red{stage="alarms"} 1.0' in generate_latest(health.registry).decode()


async def test_the_stage_serves_until_it_is_told_to_stop(database: Database, tmp_path: Path) -> None:
    settings = load(tmp_path, database=database.dsn, namespace=database.schema, kafka="127.0.0.1:9",
                    store="http://127.0.0.1:9", alarm_every=0.05)  # fmt: skip
    health, stopping = Health("alarms"), asyncio.Event()
    serving = asyncio.create_task(serve(settings, health, stopping))
    async with asyncio.timeout(60):
        async for _ in database.notifications("nothing", wake_every=0.05):
            if serving.done() or await database.fetch("SELECT FROM alarms WHERE alarm = 'store-red'"):
                break
        stopping.set()
        await serving
    assert health.ready


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
            assert "clip_fate_unfinished" in line or "Bitmap Heap" in line or "clip_fate_pkey" in line
        if " on clips" in line:
            assert re.search("clips_verified|clips_clock_off|clips_pkey|Bitmap Heap", line), line

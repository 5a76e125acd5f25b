"""The stage alarms and who it tells: once, whatever restarts, however many processes run and whoever is away."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from streams.alarm_channels import webhook_of
from streams.alarm_sight import disks, stalled
from streams.alarm_without_database import WithoutDatabase
from streams.alarms import Alarms, serve
from streams.engine.health import Health
from streams.settings import Settings, load
from tests.operations.alarm_receiver import receiver
from tests.prosecution.test_links_post import relay
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid
from workers.operations.alarms import rows
from workers.operations.alarms.delivering import KEPT, MOST_AT_ONCE, deliver, tidy
from workers.operations.alarms.figures import Figures, Room, Stalled
from workers.operations.alarms.judge import Kind, Telling
from workers.operations.lag.figures import stage_lag
from workers.operations.lag.history import Look, Members, Place
from workers.serving import listen

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPS, RECORDS = "ops@force.example", "records@force.example"
KEYS = (b"0123456789abcdef01234567", bytes(range(32)))
OLD_KEY, NEW_KEY = ("whsec_" + base64.b64encode(key).decode() for key in KEYS)
ILL, WELL = Figures(now=NOW, damaged=2), Figures(now=NOW, damaged=0)


def settings_of(database: Database, home: Path, *lines: str, **more: Any) -> Settings:
    """Settings of a stage that tells by files of mail and, with lines for its file, by a webhook."""
    file = home / "webhook"
    file.write_text("".join(f"{line}\n" for line in lines))
    file.chmod(0o600)
    given = {"mail": "mail", "alarm_mail": f"{OPS}, {RECORDS}", "retry_first": 1e-6, "kafka": "127.0.0.1:9",
             "store": "http://127.0.0.1:9", **more}  # fmt: skip
    return load(home, database=database.dsn, namespace=database.schema, runbook="https://runbook",
                alarm_webhook="webhook" if lines else "", **given)  # fmt: skip


def mails(home: Path, to: str = OPS) -> list[str]:
    """Subjects to one address, in the order in which they were sent."""
    read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted((home / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)]  # fmt: skip
    return [str(mail["Subject"]) for mail in read if mail["To"] == to]


class Stage:
    """One process of it, whose rounds the test calls."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.health = Health("alarms")
        self.alarms = Alarms(settings, self.health)

    async def tell(self) -> None:
        await self.alarms.channels.give(self.database)

    async def round(self, figures: Figures, after: timedelta = timedelta()) -> None:
        await self.alarms.judged(self.database, replace(figures, now=NOW + after))
        await self.tell()


@asynccontextmanager
async def stage(database: Database, settings: Settings) -> AsyncIterator[Stage]:
    made = Stage(database, settings)
    try:
        await made.alarms.tidy(database, NOW)
        yield made
    finally:
        await made.alarms.close()


async def test_an_alarm_is_told_once_to_each_channel_whatever_restarts_and_whoever_is_away(
    database: Database, tmp_path: Path
) -> None:
    async with receiver([200, 503]) as to:
        settings = settings_of(database, tmp_path, to.url)
        async with stage(database, settings) as first:
            await first.round(ILL)
        assert mails(tmp_path) == mails(tmp_path, RECORDS) == ["ALARM: Stored footage is rotten or gone"]
        assert to.told == [("firing", "damaged")]

        async with stage(database, settings) as again:
            await again.round(ILL, HOUR)
            assert len(mails(tmp_path)) == len(to.asked) == 1, "a restart tells nothing twice"
            for seconds in (0, 61):
                await again.round(WELL, HOUR + timedelta(seconds=seconds))
            assert mails(tmp_path)[1:] == ["Over: Stored footage is rotten or gone"], (
                "the webhook's fault is no other's"
            )
            assert len(to.taken) == 1 and "secret" not in json.dumps(again.health.waiting())
            assert "answered 503" in again.health.waiting()["webhook"]
            assert again.health.alive()[0]
            await again.tell()
            assert to.told[1:] == [("resolved", "damaged")] and again.health.waiting() == {}
            assert to.asked[1].body == to.asked[2].body, "what was not taken is sent as it was"
            shown = generate_latest(again.health.registry).decode()
            assert 'bwv_alarms_open{alarm="damaged",stage="alarms"} 0.0' in shown
            [judged] = re.findall(r'^bwv_alarms_judged_timestamp_seconds{stage="alarms"} (\S+)$', shown, re.MULTILINE)
            assert float(judged) == (NOW + HOUR).timestamp() + 61


async def test_two_processes_tell_once_together_and_one_goes_on_when_the_other_ends(
    database: Database, tmp_path: Path
) -> None:
    async with receiver() as to:
        settings = settings_of(database, tmp_path, to.url, alarm_mail="", alarm_every=0.05)
        async with stage(database, settings) as one, stage(database, settings) as two:
            # As after a pause: both think that it is their turn.
            await asyncio.gather(*(each.round(ILL) for each in (one, two, one, two)))
            await asyncio.gather(one.tell(), two.tell())
        assert to.told == [("firing", "damaged")]

        stops = [asyncio.Event(), asyncio.Event()]
        served = [asyncio.create_task(serve(settings, Health("alarms"), stop)) for stop in stops]
        for stop, process in zip(stops, served, strict=True):  # whichever has the turn first, the other takes over
            [before] = await database.fetch("SELECT judged_at FROM alarm_rounds")
            await until(database, "SELECT FROM alarm_rounds WHERE judged_at > %s", before["judged_at"])
            stop.set()
            await process
        stands = await database.fetch("SELECT FROM alarms WHERE alarm = 'store-red'")
        assert len(stands) == 1 and to.told == [("firing", "damaged")], "seen, and not for long enough"


async def until(database: Database, statement: str, *given: Any) -> None:
    """Wait for an answer to a question."""
    async with asyncio.timeout(60):
        async for _ in database.notifications("nothing", wake_every=0.05):
            if await database.fetch(statement, given):
                return


async def test_what_was_sent_and_not_noted_before_a_crash_comes_again_as_the_same_message(
    database: Database, tmp_path: Path
) -> None:
    class Crash(Exception):
        pass

    sent: list[tuple[list[str], int]] = []

    async def send(tellings: Sequence[Telling], number: int) -> None:
        sent.append(([one.alarm for one in tellings], number))
        if len(sent) == 1:
            raise Crash

    async with stage(database, settings_of(database, tmp_path)) as told:
        await tidy(database, ["pager"], NOW)
        await told.alarms.judged(database, ILL)
        with pytest.raises(Crash):
            await deliver(database, "pager", send)
        await told.alarms.judged(database, replace(ILL, lost={"CAM-0001": "lost: in a taxi"}))
        assert await deliver(database, "pager", send) == 2
        assert await deliver(database, "pager", send) == 0
    assert sent == [(["damaged"], 1), (["damaged"], 1), (["camera-lost"], 2)]


async def test_a_body_is_signed_with_each_key_so_that_one_can_be_exchanged(database: Database, tmp_path: Path) -> None:
    async with receiver([500, 200]) as to:
        async with stage(database, settings_of(database, tmp_path, to.url, OLD_KEY, NEW_KEY)) as told:
            await told.round(ILL)
            await told.round(replace(ILL, lost={"CAM-0001": "lost: in a taxi"}), timedelta(seconds=1))
        first, again, later = to.asked
        assert first.body == again.body and later.told == [("firing", "camera-lost")], "the same message is the same"
        assert later.headers["webhook-id"] == f"alarms-{database.schema}-2"
        assert first.headers["webhook-id"] == again.headers["webhook-id"] == f"alarms-{database.schema}-1"
        assert abs(int(again.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
        # What a receiver does, by the specification: standardwebhooks.com, "Verifying webhook authenticity".
        signed = b".".join(
            [again.headers["webhook-id"].encode(), again.headers["webhook-timestamp"].encode(), again.body]
        )
        proofs = [proof.removeprefix("v1,") for proof in again.headers["webhook-signature"].split(" ")]
        assert [base64.b64decode(proof) for proof in proofs] == [
            hmac.digest(key, signed, hashlib.sha256) for key in KEYS
        ]
        assert json.loads(again.body)["alerts"][0]["annotations"]["runbook_url"] == "https://runbook#damaged"


async def test_mail_goes_to_each_address_by_a_real_relay_and_one_that_refuses_keeps_no_other_from_it(
    database: Database, tmp_path: Path
) -> None:
    async with relay() as (where, heard):
        async with stage(database, settings_of(database, tmp_path, mail=where)) as told:
            await told.round(ILL)
        to = [line.lower() for line in heard if line.upper().startswith("RCPT")]
        assert sorted(to) == [f"rcpt to:<{OPS}>", f"rcpt to:<{RECORDS}>"]
        texts = [line for line in heard if "ALARM" in line]
        assert len(texts) == 2 and all("https://runbook#damaged" in text for text in texts)
    async with relay("554 no") as (where, heard):
        async with stage(database, settings_of(database, tmp_path, mail=where)) as told:
            for seconds in (0, 61, 62):
                await told.round(WELL, timedelta(seconds=seconds))
            assert "SMTPDataError" in told.health.waiting()["mail relay"]
            assert len([line for line in heard if "Over: " in line]) >= 2
        async with stage(database, settings_of(database, tmp_path)) as later:
            await later.tell()
            assert later.health.waiting() == {}
    assert mails(tmp_path) == mails(tmp_path, RECORDS) == ["Over: Stored footage is rotten or gone"]


async def test_a_channel_that_is_away_is_asked_less_and_less_and_given_all_of_it_in_bounded_messages(
    database: Database, tmp_path: Path
) -> None:
    many = MOST_AT_ONCE + 1
    quarantined = {f"clip-{number}": "other bytes" for number in range(many)}
    async with receiver([503] * 3) as to:
        async with stage(database, settings_of(database, tmp_path, to.url, alarm_mail="", retry_first=30.0)) as told:
            for number in range(20):
                await told.round(Figures(now=NOW, quarantined=quarantined), timedelta(seconds=number))
            assert 1 <= len(to.asked) <= 6, "full jitter from 30 s on: not at every round"
        async with stage(database, settings_of(database, tmp_path, to.url, alarm_mail="")) as again:
            while again.health.waiting() or not to.taken:
                await again.tell()
        assert [len(one.told) for one in to.taken] == [MOST_AT_ONCE, 1]
        assert len(to.told) == len(quarantined)


async def test_that_the_database_is_away_is_told_without_it_and_not_again_after_a_restart(
    tmp_path: Path, database: Database
) -> None:
    async with receiver([503]) as to, stage(database, settings_of(database, tmp_path, to.url)) as first:
        settings = settings_of(database, tmp_path, to.url)

        def beside(of: Stage) -> WithoutDatabase:
            return WithoutDatabase(of.alarms.channels, of.health, tmp_path, of.alarms.ours)

        watch = beside(first)
        await watch.look(NOW)
        first.health.waits_for("database", "PostgreSQL does not answer")
        for seconds in (0, 59, 60):
            assert mails(tmp_path) == []
            await watch.look(NOW + timedelta(seconds=seconds))
        assert mails(tmp_path) == ["ALARM: PostgreSQL does not answer"] and to.taken == []

        async with stage(database, settings) as standby, stage(database, settings) as restarted:
            for other in (standby, restarted):
                other.health.waits_for("database", "PostgreSQL does not answer")
            standby.health.joined()  # it reached the database before, and it was not its turn
            for seconds in (65, 200):
                await beside(standby).look(NOW + timedelta(seconds=seconds))
            assert to.taken == []
            watch = beside(restarted)
            await watch.look(NOW + timedelta(seconds=205))
            assert len(mails(tmp_path)) == len(to.taken) == 1, "what the webhook did not take it gets later"
            restarted.health.is_back("database")
            for seconds in (210, 271, 280):
                await watch.look(NOW + timedelta(seconds=seconds))
        assert mails(tmp_path)[1:] == ["Over: PostgreSQL does not answer"]
        assert to.told == [("firing", "database-away"), ("resolved", "database-away")]


async def test_a_new_channel_is_not_told_what_is_long_past_nor_one_that_comes_back(
    database: Database, tmp_path: Path
) -> None:
    async with receiver() as to:
        async with stage(database, settings_of(database, tmp_path, alarm_mail="")) as alone:
            await alone.round(ILL)
        async with stage(database, settings_of(database, tmp_path, to.url)) as later:
            await later.tell()
            await tidy(database, ["mail:somebody"], NOW)  # as if both had been taken out of the settings
            await later.alarms.judged(database, replace(WELL, now=NOW + HOUR))
            await later.alarms.judged(database, replace(WELL, now=NOW + 2 * HOUR))
            await later.tell()
        assert (to.asked, mails(tmp_path)) == ([], [])
    assert [told.kind for told in await rows.read_told(database, 9)] == [Kind.OVER, Kind.FIRED]
    await tidy(database, [], NOW + KEPT + HOUR)
    assert [told.kind for told in await rows.read_told(database, 9)] == [Kind.OVER], "the older one has gone"


async def test_who_has_an_alarm_in_hand_is_told_to_the_others_once_and_forgotten_with_it(
    database: Database, tmp_path: Path
) -> None:
    async with receiver() as to, stage(database, settings_of(database, tmp_path, to.url)) as told:
        assert await rows.acknowledge(database, "damaged", "BAKER", "on it", NOW) == 0, "it does not stand"
        await told.round(ILL)
        assert await rows.acknowledge(database, "damaged", "BAKER", "restoring", NOW) == 1
        assert await rows.acknowledge(database, "damaged", "ABLE", "me too", NOW) == 0, "somebody has it in hand"
        await told.round(ILL, HOUR)
        [one] = await rows.read_open(database)
        assert (one.acknowledged_by, one.acknowledged_reason, one.over) == ("BAKER", "restoring", False)
        assert mails(tmp_path)[1:] == ["In hand: Stored footage is rotten or gone"]
        alert = json.loads(to.taken[1].body)["alerts"][0]
        assert (alert["status"], alert["annotations"]["acknowledged"]) == ("firing", "BAKER has it in hand: restoring")
        for seconds in (0, 61):
            await told.round(WELL, 2 * HOUR + timedelta(seconds=seconds))
        await told.round(ILL, 4 * HOUR)
        [back] = await rows.read_open(database)
        assert back.acknowledged_by is None and to.told[-1] == ("firing", "damaged")


async def test_when_nobody_judges_that_can_be_seen(database: Database, tmp_path: Path) -> None:
    assert (await rows.read_rounds(database)).stale
    async with stage(database, settings_of(database, tmp_path)) as told:
        await told.round(WELL)
    assert not (await rows.read_rounds(database)).stale
    await database.execute("UPDATE alarm_rounds SET judged_at = judged_at - interval '3 minutes'")
    seen = await rows.read_rounds(database)
    assert seen.stale and seen.ago and 180 <= seen.ago < 240


def test_the_webhooks_address_and_keys_are_secrets(tmp_path: Path) -> None:
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
    url = "https://hooks.example/secret"
    short = "whsec_" + base64.b64encode(b"secret").decode()
    for wrong, said in (
        ("hooks.example/secret", "first line"), (f"{url}\nsecret", "line 2 is no key"), (f"{url}\n{short}", "line 2"),
        (f"{url}\n{OLD_KEY}\nwhsec_not/base64!secret", "line 3"), ("", "first line"),
    ):  # fmt: skip
        (tmp_path / "webhook").write_text(wrong)
        with pytest.raises(ConfigurationInvalid, match=said) as refused:
            webhook_of(settings)
        assert "secret" not in str(refused.value) and short not in str(refused.value)


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
        ("blind", "Kafka"), ("store-red", "object store")
    }, "what is away is one alarm, whatever cannot be read for it"  # fmt: skip
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

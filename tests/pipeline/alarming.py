"""A bad hour on the running system: everything that can be broken at once is broken, and what was told is written down.

The stage alarms tells a real webhook, which is away at first, and a real mail relay; meanwhile it is killed once, and a
second process of it runs beside it. A real Prometheus with the files of deploy/ looks at the stages as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from streams.alarms import serve
from streams.engine.health import Health
from streams.settings import load
from tests.deploy.monitoring import PROMETHEUS, QUERIES
from tests.operations.alarm_receiver import Receiver, receiver
from tests.pipeline.alarming_rows import SHIFT_ZONE, SLOW, have_lasted, moved, shift_change, slowly_wrong
from tests.pipeline.broker import dead_letter, send
from tests.pipeline.pipeline import Pipeline, Said
from tests.prosecution.test_links_post import relay
from tests.running import changed
from workers.serving import listen

RUNBOOK = "https://force.example/runbook"
OFFICER = "PC-4711"
AWAY = "/no-such-disk"

PATIENCE = 150.0
"""Seconds for an alarm that takes one minute, on a machine that does other things."""

CAUSED = {
    "quarantine": "ALM-QUARANTINED",
    "dead-letters": "intake",
    "counter-gap": "ALM-GAP",
    "camera-clock": "ALM-CLOCK",
    "camera-lost": "ALM-LOST",
    "camera-not-docked": "ALM-OUT",
    "disk-full": AWAY,
    "not-released": "system",
    "unverified": "system",
    "store-red": "object store",
    "stage-stopped": "release",
    "stage-stalled": "record",
    **SLOW,
}
"""Alarm → the subject for which it is caused here; of a clip, its camera."""

HELD = "SELECT FROM alarms WHERE alarm = 'stage-stalled' AND subject = 'transfer' AND behind = 'store-red'"
"""Transfer stands still because the store does."""


class Told(Struct):
    """What was seen.

    Attributes:
        webhook: status, alarm, subject and annotations of each alert that was taken, in order.
        mail: texts of the mails.
        standing: rows of `bwv alarms --all --json` while all of it stands.
        listed, acknowledged, status: what the commands said then.
        answers: dashboard, panel and question → how many series Prometheus answered with.
        alerts: names of the alerts that fire in Prometheus.
        refused: requests that the webhook did not take.
    """

    webhook: list[tuple[str, str, str, dict[str, str]]]
    mail: list[str]
    standing: dict[str, Any]
    listed: Said
    acknowledged: Said
    status: Said
    answers: dict[tuple[str, str, str], int]
    alerts: set[str]
    refused: int

    def of(self, status: str, alarm: str) -> list[tuple[str, dict[str, str]]]:
        """Subjects of an alarm that were told, with their annotations."""
        return [(subject, says) for kind, name, subject, says in self.webhook if (kind, name) == (status, alarm)]


async def a_bad_hour(system: Pipeline, folder: Path) -> Told:
    """Break everything, look, and mend it.

    Args:
        folder: for Prometheus.
    """
    async with contextlib.AsyncExitStack() as stack:
        to = await stack.enter_async_context(receiver([503, 503]))
        where, heard = await stack.enter_async_context(relay())
        await stack.enter_async_context(broken(system))
        await stack.enter_async_context(settings_for(system, to, where))
        port = await stack.enter_async_context(second_process(system))
        prometheus = await stack.enter_async_context(prometheus_of(system, folder, port))
        async with slowly_wrong(system):
            await have_lasted(system)
            await fired(system, "quarantine", "dead-letters", "counter-gap", "camera-lost", "camera-clock",
                        "camera-not-docked", *SLOW)  # fmt: skip
        # A stage that sleeps is called stopped after more than a minute, and an alarm is over after one: both begin
        # before the rest is done.
        await stack.enter_async_context(not_released(system))
        await not_verified(system)
        answers = {query: await answered(system, prometheus, query[2]) for query in QUERIES}
        await system.kill("alarms")  # the second one goes on, and what was told is told no second time
        clip = await quarantined(system)
        with system.frozen("record"), system.frozen("store"):
            waits = system.filled("ALM-WAITS", [1000])
            system.dock(waits, "BAY-ALM-9")
            await fired(system, "store-red", "stage-stopped", "stage-stalled", "disk-full")
            await system.some(lambda: system.sql(HELD), "transfer to be held back")
            listed = await system.bwv("alarms")
            acknowledged = await system.bwv("alarms", "acknowledge", "store-red", "--reason", "calling the vendor")
            standing = (await system.bwv("alarms", "--all", "--json")).json
            status = await system.bwv("status", "--json")
            alerts = {one["metric"]["alertname"] for one in await ask(prometheus, 'ALERTS{alertstate="firing"}')}
        await system.until(lambda: over(system, "unverified"), "an alarm to be over")
        await system.until(lambda: everything_sent(system), "everything to be told")
    # What was taken by a receiver and not yet noted when the stage was killed comes again, as the same message.
    messages = {one.headers["webhook-id"]: one.body for one in to.taken}
    assert all(messages[one.headers["webhook-id"]] == one.body for one in to.taken)
    webhook = [(alert["status"], alert["labels"]["alertname"],
                alert["labels"]["subject"].replace(clip, CAUSED["quarantine"]), alert["annotations"])
               for body in messages.values() for alert in json.loads(body)["alerts"]]  # fmt: skip
    parsed = [email.message_from_string(text, policy=email.policy.default) for text in heard if "Subject: " in text]
    mail = list({one["Message-ID"]: one.get_content() for one in parsed}.values())
    return Told(webhook, mail, standing, listed, acknowledged, status, answers, alerts, len(to.asked) - len(to.taken))


# -- the stage and who it tells ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def settings_for(system: Pipeline, to: Receiver, relay: str) -> AsyncIterator[None]:
    """Run the stage with these settings; afterwards with its own again."""
    file, webhook = system.home / "settings.toml", system.home / "webhook"
    before = file.read_text()
    webhook.write_text(f"{to.url}\n")
    webhook.chmod(0o600)
    ours = {"mail": relay, "alarm_mail": "ops@force.example", "alarm_webhook": "webhook", "alarm_every": 2.0,
            "alarm_disks": AWAY, "runbook": RUNBOOK, "shift_zone": SHIFT_ZONE,
            "shift_changes": shift_change(datetime.now(UTC))}  # fmt: skip
    pid = system.pid("alarms")
    assert pid, "alarms does not run"
    os.kill(pid, signal.SIGSTOP)
    try:
        file.write_text(changed(before, ours))
        # As if nobody had been told of anything yet: earlier tests have left things broken.
        await system.sql("WITH gone AS (DELETE FROM alarm_tellings) DELETE FROM alarms RETURNING 1")
        await system.kill("alarms")
        yield
    finally:
        file.write_text(before)
        await system.kill("alarms")


@contextlib.asynccontextmanager
async def second_process(system: Pipeline) -> AsyncIterator[int]:
    """One more of the stage, which takes over when the first is killed; its health port."""
    health, stopping = Health("alarms"), asyncio.Event()
    await health.serve()
    serving = asyncio.create_task(serve(load(system.home), health, stopping))
    try:
        yield health.port
    finally:
        stopping.set()
        await serving
        await health.stop()


# -- what is broken ----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def broken(system: Pipeline) -> AsyncIterator[None]:
    """What wants nothing but to be noticed."""
    bad = system.filled("ALM-QUARANTINED", [1000], sha256="0" * 64)
    gap = system.camera("ALM-GAP")
    for sequence in (1, 4):
        gap.sequence = sequence - 1
        draft = gap.folder.with_name("draft.mp4")
        draft.write_bytes(bytes(sequence * 500))
        gap.record(draft)
    ahead = system.filled("ALM-CLOCK", [1000])
    (ahead.folder / "camera.json").write_text(json.dumps({"clock": "2040-01-01T00:00:00Z"}))
    cameras = ("ALM-QUARANTINED", "ALM-GAP", "ALM-CLOCK", "ALM-LOST", "ALM-OUT", "ALM-LATE", "ALM-OLD", "ALM-WAITS")
    await system.enrol(*cameras)
    for number, camera in enumerate((bad, gap, ahead), 1):
        system.dock(camera, f"BAY-ALM-{number}")
    nonsense = b"nonsense of ALM-GAP"
    await send(system, "uploads.reported", nonsense, key="ALM-GAP")
    await system.done("keys", "revoke", "camera:ALM-LOST:none", "--reason", "lost: left in a taxi")
    await system.done("cameras", "issue", "ALM-OUT", OFFICER)
    await dead_letter(system, nonsense)
    await system.has_clips("ALM-QUARANTINED", 1, standing="quarantined")
    for what in ("gaps WHERE camera = 'ALM-GAP'", "clips WHERE camera = 'ALM-CLOCK' AND clock_offset > 0",
                 "camera_holders WHERE camera = 'ALM-OUT'"):  # fmt: skip
        await system.some(lambda what=what: system.sql(f"SELECT FROM {what}"), f"a record of {what}")  # type: ignore[misc]
    async with moved(system, "camera_holders", "time", "camera = 'ALM-OUT'", timedelta(hours=-25)):
        yield


async def not_verified(system: Pipeline) -> None:
    """A clip that nobody has verified for a day, until that is told."""
    with system.frozen("verification"):
        system.dock(system.filled("ALM-OLD", [1000]), "BAY-ALM-5")
        await system.has_clips("ALM-OLD", 1, standing="secured")
        async with moved(system, "clip_fate", "registered_at", "camera = 'ALM-OLD'", timedelta(hours=-25)):
            await fired(system, "unverified")


@contextlib.asynccontextmanager
async def not_released(system: Pipeline) -> AsyncIterator[None]:
    """The stage release sleeps, and a clip was verified over 20 minutes ago."""
    with system.frozen("release"):
        system.dock(system.filled("ALM-LATE", [1000]), "BAY-ALM-6")
        await system.has_clips("ALM-LATE", 1, standing="verified")
        known = "SELECT FROM clips WHERE camera = 'ALM-LATE' AND verified_at IS NOT NULL"
        await system.some(lambda: system.sql(known), "the record of its verification")
        async with moved(system, "clips", "verified_at", "camera = 'ALM-LATE'", timedelta(minutes=-30)):
            await fired(system, "not-released")
        yield


# -- what is seen ------------------------------------------------------------------------------------------------


async def fired(system: Pipeline, *alarms: str) -> None:
    """Wait until each was told for the subject for which it is caused."""
    camera = "SELECT clip_id FROM clip_fate WHERE camera = %s"

    async def all_told() -> bool:
        rows = await system.sql("SELECT alarm, subject FROM alarms WHERE fired_at IS NOT NULL")
        clips = {row["clip_id"] for row in await system.sql(camera, CAUSED["quarantine"])}
        told = {(row["alarm"], CAUSED["quarantine"] if row["subject"] in clips else row["subject"]) for row in rows}
        return {(alarm, CAUSED[alarm]) for alarm in alarms} <= told

    await system.until(all_told, f"{alarms} to fire", PATIENCE)


async def quarantined(system: Pipeline) -> str:
    [row] = await system.clips(CAUSED["quarantine"])
    clip: str = row["clip_id"]
    return clip


async def over(system: Pipeline, alarm: str) -> bool:
    return bool(await system.sql("SELECT FROM alarm_tellings WHERE alarm = %s AND kind = 'over'", alarm))


async def everything_sent(system: Pipeline) -> bool:
    return bool(await system.sql(
        "SELECT 1 WHERE (SELECT count(DISTINCT upto) FROM alarm_channels) = 1"
        " AND (SELECT max(upto) FROM alarm_channels) = (SELECT max(id) FROM alarm_tellings)"
    ))  # fmt: skip


# -- Prometheus --------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def prometheus_of(system: Pipeline, folder: Path, port: int) -> AsyncIterator[httpx.AsyncClient | None]:
    """A real one with the files that are shipped, over the ports of the running stages; None: it is not installed."""
    server = shutil.which("prometheus")
    if server is None:
        yield None
        return
    for name in ("prometheus.yml", "rules.yml"):
        (folder / name).write_text((PROMETHEUS / name).read_text().replace("15s", "2s"))
    (folder / "targets").mkdir()
    ports = json.loads((system.home / "health" / "ports.json").read_text())
    targets = [f"127.0.0.1:{port}" for name, port in ports.items() if not any(x in name for x in NOT_STAGES)]
    targets.append(f"127.0.0.1:{port}")
    (folder / "targets" / "here.json").write_text(json.dumps([{"targets": targets}]))
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        server, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}", "--log.level=error", cwd=folder,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


NOT_STAGES = ("page", "gateway", "board")
"""As prometheus.yml says: these ports are no health ports."""


def free_port() -> int:
    listening = listen("127.0.0.1", 0)
    port: int = listening.getsockname()[1]
    listening.close()
    return port


async def ask(prometheus: httpx.AsyncClient | None, question: str) -> list[dict[str, Any]]:
    """What Prometheus answers; nothing without one."""
    if prometheus is None:
        return []
    answer = (await prometheus.get("/api/v1/query", params={"query": question})).json()
    assert answer["status"] == "success", (question, answer)
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


async def answered(system: Pipeline, prometheus: httpx.AsyncClient | None, question: str) -> int:
    """How many series it answers with; what a rate needs may come a moment later."""
    if prometheus is None:
        return 0
    with contextlib.suppress(AssertionError):
        return len(await system.some(lambda: ask(prometheus, question), question))
    return 0

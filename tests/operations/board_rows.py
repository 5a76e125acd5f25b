"""Rows of which every number of the board counts some, and some that it must not count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.fate.rows import SIGNED, insert
from workers.database.engine import Connection, Database, execute
from workers.footage.canonical import derived_id
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.cases.case import Case, Defendant, Exhibit
from workers.prosecution.cases.rows import store
from workers.prosecution.gateway.contract import ItemReceipt, ItemState, Receipt
from workers.prosecution.gateway.contract import State as GatewayState
from workers.prosecution.identity import case_id
from workers.prosecution.statements import CaseKind, Clock, OrderedItem, Purpose, Recipient, SubmissionOrder
from workers.prosecution.submission.compare import compare
from workers.prosecution.submission.manifest import FORMAT, Manifest, ManifestCase, ManifestItem
from workers.prosecution.submission.mme import Mme
from workers.retention.shipped import shipped


class Moment:
    """What the rows are reckoned from: one present for the whole of a test, and another for the next one."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def begin(self) -> None:
        """A test begins."""
        self.now = datetime.now(UTC)


moment = Moment()

URNS = ("01AB0000126", "SAR/2026/7", "01AB0000326")
CASES = tuple(case_id("test", urn) for urn in URNS)
SUBMISSIONS = tuple(derived_id("submission", "test", number) for number in range(5))


async def put(connection: Connection, table: str, **columns: Any) -> None:
    """One row."""
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    await execute(connection, f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values()))


async def clip(
    connection: Connection,
    fate: Mapping[str, Any],
    *,
    age: float = 60.0,
    plan: Mapping[str, Any] | None = None,
    told: Mapping[str, Any] | None = None,
) -> str:
    """A clip that was registered so many seconds ago, with its size, its plan and what the catalogue knows of it."""
    at = moment.now - timedelta(seconds=age)
    made = (await insert(connection, {"registered_at": at, "moved_at": at, **fate})).clip_id
    await put(connection, "declared", camera="CAM-1", recording=made, sha256="a" * 64, size=1000, clip_id=made)
    await put(connection, "clips", clip_id=made, camera="CAM-1", recording=made, size=1000, registered_at=at,
              docked_at=at, **(told or {}))  # fmt: skip
    usual = {"source_type": "body_worn", "docked_at": at, "size": 1000, "policy": 1, "verdict": "expire",
             "category": "arrest", "rule": "arrest", "held": False}  # fmt: skip
    await put(connection, "schedule", clip_id=made, **(usual | dict(plan or {})))
    return made


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORED = {"standing": "released", "verified_version": "v1", "camera_copy": "wiped"}


def read() -> dict[str, datetime]:
    """What the catalogue knows of a clip that was verified a day ago."""
    return {"secured_at": moment.now - DAY, "verified_at": moment.now - DAY}


async def everything(database: Database) -> None:
    """Of each number of `Counts` at least one, and what looks like it and is none."""
    moment.begin()
    async with database.transaction() as at:
        await clip(at, {"standing": "registered"})
        await clip(at, {"standing": "secured"})
        await clip(at, {"standing": "verified"})
        await clip(at, {"standing": "registered", "disposal": "done"})
        await clip(at, {"standing": "registered", "interrupted": True})
        await clip(at, {"standing": "registered", "attempt": 6})
        await clip(at, {"standing": "registered"}, age=8 * 86400.0)
        await clip(at, {"standing": "quarantined", "quarantine": {"reason": "the digest differs"}})
        await clip(at, {"standing": "quarantined", "quarantine": {"reason": "x"}, "decision": SIGNED})
        await clip(at, {"standing": "damaged"}, told=read())
        await clip(at, STORED | {"camera_copy": "present"}, told=read())
        leaves = {"dispose_from": moment.now + HOUR, "intend_from": moment.now - DAY, "ends_at": moment.now + DAY}
        binned = {"disposal": "intended", "dispose_from": moment.now + HOUR, "intended_at": moment.now - DAY}
        await clip(at, STORED | binned, plan=leaves, told=read())
        await clip(at, STORED, plan=leaves | {"category": "uncategorised"}, told=read())
        await clip(at, STORED, plan={"category": "uncategorised"}, told=read() | {"reread_at": moment.now - HOUR})
        await clip(at, STORED, plan=leaves | {"held": True}, told=read())
        await clip(at, STORED, plan=leaves | {"dispose_from": moment.now + 4 * DAY}, told=read())
        reviewed = await clip(at, STORED, told=read())
        for due in (moment.now - HOUR, moment.now - 9 * DAY, moment.now + DAY):
            await put(
                at, "reviews", clip_id=reviewed, due_at=due, policy=1, category="c", rule="r", opened_at=moment.now
            )
        await put(at, "reviews", clip_id=reviewed, due_at=moment.now - DAY, policy=1, category="c", rule="r",
                  opened_at=moment.now, decided_at=moment.now, verdict="keep")  # fmt: skip
        for hold, state in (("hold-a", "pending"), ("hold-b", "pending"), ("hold-c", "active")):
            await put(at, "hold_clips", hold_id=hold, clip_id=reviewed, state=state, says="complaint of PC 99")
        await put(at, "gaps", event_id="gap-1", camera="CAM-1", docking=1, first=4, last=6, time=moment.now)
        for event, when in (("reject-1", moment.now - HOUR), ("reject-2", moment.now - 8 * DAY)):
            await put(at, "rejections", event_id=event, time=when, camera="CAM-1", recording="r", code="replay",
                      reason="lower counter", action="look")  # fmt: skip
        for sweep, state, cause in (("s-1", "stopped", "budget"), ("s-2", "done", None), ("s-3", "approved", "budget")):
            await put(at, "sweeps", sweep_id=sweep, started_at=moment.now, policy=1, due=9, intended=0, state=state,
                      cause=cause, reason="too many")  # fmt: skip
        await put(at, "policies", version=3, name="met", toml=shipped("met"), sha256="", adopted_at=moment.now,
                  adopted_by="A", adoption="{}")  # fmt: skip
        await _cases(at)


async def _cases(at: Connection) -> None:
    for number, (kind, ends, closed) in enumerate((
        ("prosecution", moment.now + HOUR, None), ("subject_access", moment.now + 20 * DAY, None),
        ("prosecution", moment.now, moment.now),
    )):  # fmt: skip
        clip_id = (await insert(at, STORED)).clip_id if number == 0 else None
        exhibits = (Exhibit("JS/1", clip_id, "PC-1", "camera of PC-1", now_iso(moment.now), "PC-1"),) if clip_id else ()
        made = Case(CASES[number], CaseKind(kind), URNS[number], "R v Smith", "PC-1", 1, now_iso(moment.now), "PC-1",
                    Clock.DETAINED, clock_ends=now_iso(ends), exhibits=exhibits,
                    defendants=(Defendant("D1", "Jo Smith"),),
                    closed_at=now_iso(closed) if closed else None)  # fmt: skip
        assert await store(at, made)
    states = ("sent", "acknowledged", "rejected", "refused", "requested")
    for number, state in enumerate(states):
        order = SubmissionOrder(SUBMISSIONS[number], CASES[0], URNS[0], Purpose.CHARGING, Recipient.CPS,
                                (OrderedItem("JS/1", "clip"), OrderedItem("JS/2", "clip")), "PC-1",
                                now_iso(moment.now))  # fmt: skip
        ordered = Signer.new(Role.PERSON, "PC-1").sign(PURPOSES[SubmissionOrder], order)
        await put(at, "submissions", submission_id=SUBMISSIONS[number], case_id=CASES[0], urn=URNS[0],
                  purpose="charging", recipient="cps", state=state, items=2, urgent=False,
                  requested_at=moment.now - DAY,
                  ordered=msgspec.json.encode(ordered).decode(),
                  due_at=moment.now - HOUR if state in ("sent", "acknowledged") else None)  # fmt: skip


async def received(database: Database, submission: str) -> None:
    """The recipient of a submission has one item with other bytes, and lacks another."""
    items = tuple(
        ManifestItem(n, f"JS/{n}", f"clip-{n}", None, "master", str(n) * 64, 7, "video/mp4", str(n) * 64, "v1", "key",
                     "camera of PC-1", "PC-1", None, None, Mme("recorded"))
        for n in (1, 2)
    )  # fmt: skip
    manifest = Manifest(FORMAT, submission, "test", ManifestCase(CASES[0], URNS[0], "prosecution", "R v Smith", "PC-1"),
                        "charging", None, "cps", items, Mme("recorded"), None, "PC-1", now_iso(moment.now))  # fmt: skip
    receipt = Receipt(submission, GatewayState.REJECTED, 1, manifest.sha256,
                      (ItemReceipt(1, "f" * 64, 7, ItemState.RECEIVED), ItemReceipt(2, None, None, ItemState.MISSING)),
                      "cannot be played", "CPS-77")  # fmt: skip
    state, differences = compare(manifest, receipt)
    await database.execute(
        "UPDATE submissions SET manifest = %s, manifest_sha256 = %s, receipt = %s, differences = %s, state = %s,"
        " attempt = 1, sent_at = requested_at, answered_at = now() WHERE submission_id = %s",
        (msgspec.json.encode(manifest).decode(), manifest.sha256, msgspec.json.encode(receipt).decode(),
         msgspec.json.encode(differences).decode(), state.value, submission),
    )  # fmt: skip


EXPECTED: dict[str, int] = {
    "unverified": 5, "queued": 1, "interrupted": 1, "failed": 1, "quarantine": 1, "damaged": 1, "bin": 1, "soon": 2,
    "reviews": 2, "reviews_week": 1, "gaps": 3, "rejected": 1, "holds": 2, "sweeps": 1, "overdue": 1, "answered": 2,
    "policy": 3,
}  # fmt: skip
"""What `counts` says of `everything`."""

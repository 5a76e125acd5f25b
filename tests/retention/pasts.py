"""A clip's history made of real moves on a real row, recorded into a real custody log, step by step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from streams.messages import (
    ClipCategorised,
    ClipDisposed,
    ClipQuarantined,
    ClipRegistered,
    ClipReleased,
    ClipSecured,
    ClipTimeCorrected,
    ClipVerified,
    DisposalCancelled,
    DisposalCommitted,
    DisposalIntended,
    EarlyDisposalApproved,
    HoldAccepted,
    HoldLifted,
    Message,
    PolicyAdopted,
    ReviewDecided,
    UploadReported,
    event,
)
from streams.topics import BY_NAME
from tests.custody.logs import grow
from workers.custody.entry import Recorded, content_of
from workers.database.engine import Database, execute
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, announce, find, make, register
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.binning import restore
from workers.retention.categorising import categorise
from workers.retention.clips import clip_of
from workers.retention.correcting import correct_time
from workers.retention.decide import decide
from workers.retention.explaining import Explanation
from workers.retention.facts import EarlyDisposal, HoldReason, Reviewed, Verdict, hold_entry
from workers.retention.policy import Policy, parse
from workers.retention.questions import explained_by_log, explained_by_row
from workers.retention.statements import (
    Adoption,
    Categorisation,
    Disposed,
    EarlyDisposalRequest,
    HoldLift,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    TimeCorrection,
)

DOCK = Signer.new(Role.DOCK, "DOCK-01")
RELEASE = Signer.new(Role.SERVICE, "release")
DISPOSAL = Signer.new(Role.SERVICE, "disposal")
PEOPLE = {name: Signer.new(Role.PERSON, name) for name in ("ANNE", "BILL", "PSD-1")}


class Moment(Struct, frozen=True):
    """What the row said at a moment."""

    at: datetime
    seen: Explanation


class Past:
    """One clip whose history a test writes.

    Args:
        recorded: how long ago it began.
    """

    def __init__(self, database: Database, *, recorded: timedelta = timedelta(hours=2)) -> None:
        self.database = database
        self.began = datetime.now(UTC) - recorded
        self.report = self.report_of(1)
        self.clip = clip_id(database.schema, "BWC-0417", "REC-1", 1000, "a" * 64)
        self.policy: Policy | None = None
        self.sequence = 0
        self.moments: list[Moment] = []

    async def row(self) -> Fate:
        found = await find(self.database, self.clip)
        assert found is not None
        return found

    async def now(self) -> datetime:
        row = await self.database.fetch_one("SELECT clock_timestamp() AS now")
        assert row is not None
        return row["now"]

    async def look(self) -> Explanation:
        """Keep what the row says now, to be compared with what the log says of this moment later."""
        at = await self.now()
        seen = await explained_by_row(self.database, self.clip, at, restricted=False)
        assert seen is not None, "the row has nothing to say"
        self.moments.append(Moment(at, seen))
        return seen

    async def then(self, at: datetime, *, restricted: bool = False) -> Explanation:
        """What the custody log alone says of a moment."""
        explanation, _ = await explained_by_log(self.database, self.clip, at, restricted=restricted)
        return explanation

    # -- ingest --------------------------------------------------------------------------------------------

    async def enrol(self) -> None:
        key = DOCK.enrolment()
        await self.database.execute(
            "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
            " VALUES (%s, %s, %s, %s, now(), 'ADMIN') ON CONFLICT DO NOTHING",
            (key.id, key.role, key.owner, key.public),
        )

    def report_of(self, docking: int) -> Signed:
        recording = Recording(
            camera="BWC-0417", recording="REC-1", source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE, sequence=1,
            size=1000, sha256="a" * 64, measured_size=1000, measured_sha256="a" * 64, media_type="video/mp4",
            recorded_at=self.began.isoformat(), ended_at=None, trigger="button", owner="PC-4711", clock_offset=1.5,
            preroll=None, incident="INC-1", urgent=False, incomplete=False, sidecar_size=2, sidecar_sha256="b" * 64,
        )  # fmt: skip
        docked = self.began + timedelta(hours=docking)
        body = Report("DOCK-01", "BAY-01", docking, docked.isoformat(), "i", "http://127.0.0.1/1", recording)
        return DOCK.sign(PURPOSES[Report], body)

    async def registered(self) -> None:
        await self.enrol()
        await self.reported(self.report)
        declared = msgspec.json.decode(self.report.body, type=Report)
        told = self._event("clips.registered", ClipRegistered(self.clip, 1, self.report))
        async with self.database.transaction() as connection:
            await register(
                connection, clip_id=self.clip, report=self.report, declared=declared, urgent=False, events=[told]
            )
        await self.record()

    async def reported(self, report: Signed) -> None:
        """The dock's own message; the record enters it under the clip that it declares."""
        declared = msgspec.json.decode(report.body, type=Report).recording
        message = UploadReported(declared.camera, declared.recording, report)
        async with self.database.transaction() as connection:
            await announce(connection, [self._event("uploads.reported", message)])
        await self.record()

    async def docked_again(self) -> None:
        again = self.report_of(2)
        await self.reported(again)
        await self.move(moves.RELOCATE, [], docking=2, report=again)

    async def secured(self) -> None:
        message = ClipSecured(self.clip, 1, self.report, "k", "v1", "m", "m1", 1000, "a" * 64, now_iso())
        await self.move(moves.SECURE, [message], stored_version="v1")

    async def verified(self) -> None:
        message = ClipVerified(self.clip, 1, self.report, "k", "v1", 1000, "a" * 64, 0.1, now_iso())
        await self.move(moves.VERIFY, [message], verified_version="v1")

    async def released(self) -> None:
        copies = (StoredCopy("local", "k", "v1"),)
        body = Receipt(self.clip, "BWC-0417", "REC-1", 1000, "a" * 64, copies, now_iso())
        receipt = RELEASE.sign(PURPOSES[Receipt], body)
        message = ClipReleased(self.clip, 1, self.report, "BWC-0417", "REC-1", receipt)
        await self.move(moves.RELEASE, [message], receipt=receipt)

    async def quarantined(self) -> None:
        message = ClipQuarantined(self.clip, 1, self.report, "other bytes", "a" * 64, 1000, "c" * 64, 1000, "k", "v1")
        facts = {"reason": "other bytes", "found_size": 1000, "found_sha256": "c" * 64}
        await self.move(moves.QUARANTINE, [message], quarantine=facts)

    async def stored(self) -> None:
        """As most clips are: verified and released."""
        for step in (self.registered, self.secured, self.verified, self.released):
            await step()

    # -- people --------------------------------------------------------------------------------------------

    async def adopted(self, toml: str) -> None:
        version = self.policy.version + 1 if self.policy else 1
        self.policy = parse(toml, version)
        body = Adoption(version, toml, sha256_hex(toml.encode()), "d" * 64, "new rules", "ANNE", now_iso())
        told = self._event(
            "policies.adopted", PolicyAdopted(version, self.policy.name, self.signed("ANNE", body)), key="log"
        )
        async with self.database.transaction() as connection:
            await announce(connection, [told])
        await self.record()

    def signed(self, by: str, body: Struct) -> Signed:
        return PEOPLE[by].sign(PURPOSES[type(body)], body)

    async def categorised(self, category: str, by: str = "ANNE", *, confirms: bool = False) -> None:
        asked = Categorisation(self.clip, category, "because", by, now_iso(), confirms)
        fate = await self.row()
        change = categorise(fate, asked, self.policy)
        assert change.plan is not None
        message = ClipCategorised(self.clip, category, change.plan.category, change.plan.policy, self.signed(by, asked))
        await self.move(moves.CATEGORISE, [message], facts=change.facts)

    async def time_corrected(self, recorded: datetime, by: str = "ANNE", *, confirms: bool = False) -> None:
        asked = TimeCorrection(self.clip, recorded.isoformat(), "its clock was wrong", by, now_iso(), confirms)
        change = correct_time(await self.row(), asked, self.policy)
        await self.move(moves.CORRECT_TIME, [ClipTimeCorrected(self.clip, self.signed(by, asked))], facts=change.facts)

    async def reviewed(self, verdict: Verdict) -> None:
        said = ReviewVerdict(self.clip, verdict, "looked at", "ANNE", now_iso())
        fact = Reviewed(verdict, "ANNE", datetime.fromisoformat(said.at))
        facts = (*(await self.row()).facts, fact)
        await self.move(moves.DECIDE_REVIEW, [ReviewDecided(self.clip, self.signed("ANNE", said))], facts=facts)

    async def allowed_early(self) -> None:
        asked = EarlyDisposalRequest(self.clip, False, "a private matter", "ANNE", now_iso())
        approved = EarlyDisposalRequest(self.clip, True, "agreed", "BILL", now_iso())
        fact = EarlyDisposal("ANNE", "BILL", datetime.fromisoformat(approved.at))
        message = EarlyDisposalApproved(self.clip, self.signed("ANNE", asked), self.signed("BILL", approved))
        await self.move(moves.ALLOW_EARLY, [message], facts=(*(await self.row()).facts, fact))

    async def held(self, hold: str, reason: HoldReason = HoldReason.MANUAL, *, restricted: bool = False) -> None:
        by = "PSD-1" if restricted else "ANNE"
        asked = HoldRequest(hold, "clip", reason, by, now_iso(), clip_id=self.clip, restricted=restricted)
        async with self.database.transaction() as connection:
            await execute(
                connection,
                "INSERT INTO holds (hold_id, scope, reason, clip_id, restricted, request, placed_by, placed_at)"
                " VALUES (%s, 'clip', %s, %s, %s, %s, %s, %s)",
                (
                    hold,
                    reason,
                    self.clip,
                    restricted,
                    msgspec.json.encode(self.signed(by, asked)).decode(),
                    by,
                    asked.at,
                ),
            )
        message = HoldAccepted(self.clip, hold, reason, self.signed(by, asked))
        reasons = (*(await self.row()).hold_reasons, f"{reason.value}/{hold}")
        await self.move(moves.PLACE_HOLD, [message], hold_reasons=reasons)

    async def lifted(self, hold: str) -> None:
        row = await self.row()
        entry = next(entry for entry in row.hold_reasons if hold_entry(entry).hold_id == hold)
        lift = self.signed("ANNE", HoldLift(hold, "over", "ANNE", now_iso()))
        message = HoldLifted(self.clip, hold, hold_entry(entry).reason, (lift,))
        left = tuple(other for other in row.hold_reasons if other != entry)
        await self.move(moves.LIFT_HOLD, [message], hold_reasons=left)

    # -- disposal ------------------------------------------------------------------------------------------

    def _decision(self, fate: Fate) -> dict[str, Any]:
        assert self.policy is not None
        holds = tuple(hold_entry(entry) for entry in fate.hold_reasons)
        plan = decide(clip_of(fate), fate.facts, holds, self.policy, datetime.now(UTC)).plan
        return {"policy": plan.policy, "category": plan.category, "rule": plan.rule,
                "reasons": tuple(reason.says for reason in plan.reasons)}  # fmt: skip

    async def intended(self) -> None:
        fate, at = await self.row(), await self.now()
        told = DisposalIntended(
            clip_id=self.clip, **self._decision(fate), intended_at=now_iso(at), dispose_from=now_iso(at),
            ends_at=now_iso(at), sweep="sweep-1",
        )  # fmt: skip
        intent = msgspec.to_builtins(told)
        await self.move(moves.INTEND, [told], intended_at=at, intent=intent, dispose_from=at)

    async def restored(self) -> None:
        day = (datetime.now(UTC) + timedelta(days=40)).date()
        asked = Restoration(self.clip, day.isoformat(), "wanted", "BILL", now_iso())
        change = restore(await self.row(), asked, self.policy)
        message = DisposalCancelled(self.clip, "restored", self.signed("BILL", asked))
        await self.move(moves.RESTORE, [message], facts=change.facts)

    async def withdrawn(self) -> None:
        await self.move(moves.WITHDRAW, [DisposalCancelled(self.clip, "its time has not come after all")])

    async def committed(self) -> None:
        fate = await self.row()
        assert fate.intent is not None and fate.intended_at is not None
        intent = fate.intent
        told = DisposalCommitted(
            self.clip, fate.camera, fate.recording, fate.report, intent["policy"], intent["category"], intent["rule"],
            tuple(intent["reasons"]), now_iso(fate.intended_at), now_iso(),
        )  # fmt: skip
        await self.move(moves.COMMIT, [told])

    async def disposed(self, signer: Signer = DISPOSAL, **otherwise: Any) -> Signed:
        fate = await self.row()
        intent = fate.intent or {}
        body = Disposed(
            **{
                "clip_id": self.clip, "camera": fate.camera, "recording": fate.recording, "source_type": "body_worn",
                "size": 1000, "sha256": "a" * 64, "recorded_at": self.began.isoformat(), "docked_at": now_iso(),
                "policy": intent["policy"], "category": intent["category"], "rule": intent["rule"],
                "reasons": tuple(intent["reasons"]), "intended_at": now_iso(fate.intended_at),
                "committed_at": now_iso(), "gone_at": now_iso(), "versions": (("k", "v1"),), "uploads": 0,
                **otherwise,
            }
        )  # fmt: skip
        certificate = signer.sign(PURPOSES[Disposed], body)
        told = ClipDisposed(self.clip, fate.camera, body.policy, body.category, body.rule, certificate)
        await self.move(moves.DISPOSE, [told])
        return certificate

    # -- the row, the outbox and the record ----------------------------------------------------------------

    async def move(self, move: moves.Move, messages: Sequence[Message], **given: Any) -> None:
        """Make a real move with its real events, and record them."""
        topics = move.events
        assert len(topics) == len(messages)
        told = [self._event(topic, message) for topic, message in zip(topics, messages, strict=True)]
        await make(self.database, move, await self.row(), events=told, given=given)
        await self.record()

    def _event(self, topic: str, message: Message, key: str | None = None) -> Event:
        self.sequence += 1
        return event(
            topic,
            message,
            key=key or self.clip,
            subject=self.clip,
            source=f"/bwv/{self.database.schema}/test",
            cause=(self.sequence,),
        )

    async def record(self) -> None:
        """Enter what waits in the outbox into the custody log, as record does with what the relay has sent."""
        rows = await self.database.fetch("SELECT * FROM outbox WHERE sent_at IS NULL ORDER BY id")
        await grow(self.database, [self._recorded(row) for row in rows])
        await self.database.execute("UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL")

    def _recorded(self, row: dict[str, Any]) -> Recorded:
        body = bytes(row["body"])
        content, unreadable = content_of(body)
        return Recorded(
            topic=row["topic"], partition=0, offset=row["id"], event_id=row["event_id"], type=row["topic"],
            time=row["time"].isoformat(), source=row["source"], subject=row["subject"], verb=BY_NAME[row["topic"]].verb,
            body=body, content=content, unreadable=unreadable,
            about=self.clip if row["topic"] == "uploads.reported" else None,
        )  # fmt: skip


Step = Callable[[Past], Awaitable[Any]]


async def lived(past: Past, steps: Sequence[Step]) -> None:
    """Take the steps of a history and look at the row after each, as soon as there is one."""
    for step in steps:
        await step(past)
        if await find(past.database, past.clip) is not None:
            await past.look()

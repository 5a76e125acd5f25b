"""People ask, retention decides: the stage over a real database, without a broker."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from streams import messages as m
from streams.retention import Retention
from streams.settings import Settings
from streams.stage import Envelope, Parts
from tests.fate.rows import insert
from workers.database.engine import Database
from workers.fate.moves import INTEND, Standing
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, find_on, make_on
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.keyring import save_public
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention import statements as s
from workers.retention.answers import Answer, answer_to

SHIPPED = Path(__file__).parents[2] / "workers/retention/shipped"
SURREY = (SHIPPED / "surrey.toml").read_text()
MET = (SHIPPED / "met.toml").read_text()
DRY_RUN = "d" * 64
PEOPLE = ("ADMIN", "BAKER", "CLARK")
DOCK = Signer.new(Role.DOCK, "DOCK-01")

ASKED: dict[type, tuple[str, type[m.Message]]] = {
    s.Categorisation: ("categories.requested", m.CategoryRequested),
    s.TimeCorrection: ("corrections.requested", m.TimeCorrectionRequested),
    s.Restoration: ("restores.requested", m.RestoreRequested),
    s.ReviewVerdict: ("reviews.requested", m.ReviewRequested),
    s.EarlyDisposalRequest: ("disposals.early-requested", m.EarlyDisposalRequested),
    s.Adoption: ("policies.requested", m.PolicyAdoptionRequested),
    s.SweepDecision: ("sweeps.requested", m.SweepRequested),
}
"""What is signed → the topic and the message that carry it."""

_NUMBERS = itertools.count(1)


def ago(**length: float) -> datetime:
    return datetime.now(UTC) - timedelta(**length)


def report(camera: str, recording: str, **values: Any) -> Report:
    """What a dock declares; `docked_at` is the dock's, everything else the recording's."""
    docked_at = values.pop("docked_at", ago(hours=1))
    said: dict[str, Any] = {
        "source_type": SourceType.BODY_WORN, "kind": Kind.FOOTAGE, "sequence": 1, "size": 1000,
        "sha256": sha256_hex(recording.encode()), "measured_size": 1000,
        "measured_sha256": sha256_hex(recording.encode()), "media_type": "video/mp4",
        "recorded_at": now_iso(docked_at - timedelta(hours=2)), "ended_at": None, "trigger": "button", "owner": None,
        "clock_offset": 0.0, "preroll": None, "incident": None, "urgent": False, "incomplete": False,
        "sidecar_size": 2, "sidecar_sha256": sha256_hex(b"{}"),
    }  # fmt: skip
    made = Recording(camera=camera, recording=recording, **(said | values))
    return Report("DOCK-01", "BAY-01", 1, now_iso(docked_at), "i" * 64, "http://127.0.0.1:1/x", made)


class Desk:
    """One force: its people, its clips, and the stage that answers."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.people = {name: Signer.new(Role.PERSON, name) for name in PEOPLE}
        root = home / "trust-root.pub"
        save_public(self.people["ADMIN"].enrolment(), root)
        self.settings = Settings(home=home, namespace=database.schema, trust_root=root, retry_first=0.01)
        self.stage = self.another_stage()

    def another_stage(self) -> Retention:
        """One more process of it."""
        return Retention(Parts(self.settings, self.database, self._publish))

    @staticmethod
    async def _publish(event: Event) -> None:
        raise AssertionError(f"{event.topic} did not go through the outbox")

    async def open(self) -> Desk:
        for name in PEOPLE:
            await self.enrol(self.people[name])
        return self

    async def enrol(self, signer: Signer) -> None:
        key = signer.enrolment()
        await self.database.execute(
            "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
            " VALUES (%s, %s, %s, %s, now(), 'ADMIN')",
            (key.id, key.role, key.owner, key.public),
        )

    # -- asking --------------------------------------------------------------------------------------------

    def sign(self, person: str, body: msgspec.Struct) -> Signed:
        return self.people[person].sign(PURPOSES[type(body)], body)

    async def tell(self, topic: str, message: m.Message, key: str, event_id: str = "") -> str:
        """Give the stage a message; returns its event id."""
        given = event_id or f"evt-test-{next(_NUMBERS)}"
        headers = {"ce_id": given, "ce_type": f"bwv.{topic}"}
        await self.stage.receive(message, Envelope(topic, 0, 0, key, 0.0, headers, m.encode(message)))
        return given

    async def ask(self, body: Any, *, signed: Signed | None = None, event_id: str = "") -> Answer:
        """Ask as the person whom the body names; returns the answer."""
        topic, message = ASKED[type(body)]
        about = body.version if isinstance(body, s.Adoption) else getattr(body, "clip_id", "") or body.sweep_id
        told = message(about, signed or self.sign(body.by, body))
        return await self.answer(await self.tell(topic, told, str(about), event_id))

    async def answer(self, request: str) -> Answer:
        found = await answer_to(self.database, request)
        assert found is not None, f"{request} was not answered"
        return found

    def adoption(self, toml: str, version: int = 1, **changes: Any) -> s.Adoption:
        made = s.Adoption(version, toml, sha256_hex(toml.encode()), DRY_RUN, "by the board", "ADMIN", now_iso())
        return msgspec.structs.replace(made, **changes)

    async def adopt(self, toml: str = SURREY, version: int = 1) -> Answer:
        return await self.ask(self.adoption(toml, version))

    async def categorise(self, clip: str, category: str, by: str = "ADMIN", *, confirms: bool = False) -> Answer:
        return await self.ask(s.Categorisation(clip, category, "as it says", by, now_iso(), confirms))

    # -- clips ---------------------------------------------------------------------------------------------

    async def clip(self, *, row: dict[str, Any] | None = None, **recording: Any) -> str:
        """A released clip; `row` are columns of its row, the rest its recording."""
        camera, name = "CAM-1", f"recording-{next(_NUMBERS):05}"
        declared = report(camera, name, **recording)
        said = declared.recording
        made = clip_id(self.settings.namespace, camera, name, said.size, said.sha256)
        columns = {
            "camera": camera, "recording": name, "report": DOCK.sign(PURPOSES[Report], declared),
            "standing": Standing.RELEASED, "stored_version": "v1", "verified_version": "v1", "camera_copy": "wiped",
        }  # fmt: skip
        async with self.database.transaction() as connection:
            await insert(connection, columns | (row or {}), made)
        return made

    async def intend(self, clip: str) -> None:
        """Put a clip into the bin, as the sweep does."""
        async with self.database.transaction() as connection:
            fate = await find_on(connection, clip, lock=True)
            assert fate is not None
            told = m.DisposalIntended(clip, 1, "uncategorised", "uncategorised", (), now_iso(), now_iso(), now_iso(),
                                      "sweep-1")  # fmt: skip
            given = {"intended_at": datetime.now(UTC), "intent": msgspec.to_builtins(told),
                     "dispose_from": datetime.now(UTC) + timedelta(days=2)}  # fmt: skip
            event = m.event("disposals.intended", told, key=clip, subject=clip, source="sweep",
                            cause=(clip, next(_NUMBERS)))  # fmt: skip
            await make_on(connection, INTEND, fate, events=[event], given=given)

    async def fate(self, clip: str) -> Fate:
        found = await find(self.database, clip)
        assert found is not None
        return found

    async def planned(self, clip: str) -> dict[str, Any] | None:
        """The clip's row in the schedule."""
        return await self.database.fetch_one("SELECT * FROM schedule WHERE clip_id = %s", (clip,))

    async def told(self, topic: str) -> list[Any]:
        """Messages of a topic in the outbox, in their order."""
        rows = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(row["body"]) for row in rows]


@asynccontextmanager
async def opened(database: Database, home: Path):  # type: ignore[no-untyped-def]
    """A desk whose stage is stopped in the end."""
    desk = await Desk(database, home).open()
    try:
        yield desk
    finally:
        await desk.stage.stop()


def refused(answer: Answer, *words: str) -> bool:
    """Whether a request was refused with these words."""
    assert answer.verdict == "refused", answer
    missing = [word for word in words if word not in answer.says]
    assert not missing, f"{missing} not in {answer.says!r}"
    return True


def done(answer: Answer, *words: str) -> bool:
    """Whether a request was done with these words."""
    assert answer.verdict == "done", answer
    missing = [word for word in words if word not in answer.says]
    assert not missing, f"{missing} not in {answer.says!r}"
    return True


def numbers() -> Iterator[int]:
    """Numbers that nobody else has."""
    return _NUMBERS

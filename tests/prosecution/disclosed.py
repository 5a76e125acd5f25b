"""Clips and cases for what goes with footage: as values, and as rows of a real database."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import msgspec

from streams.messages import ClipRegistered, encode
from workers.catalogue.projection import project
from workers.custody.entry import Recorded, content_of
from workers.database.engine import Database, execute
from workers.fate.row import find, register
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Kind, PreRoll, Recording, Report, SourceType
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.cases.case import Case, Exhibit, Unused
from workers.prosecution.disclosure.material import Material, material_of
from workers.prosecution.statements import CaseKind, Clock, DerivativeKind, Lineage, Relevance

DOCK = Signer.new(Role.DOCK, "DOCK-1")
DOCKED = "2026-10-22T18:05:00Z"
NAMESPACE = "disclosure"

_NUMBERS = itertools.count(1)


def recording(**changes: Any) -> Recording:
    """14:02:08 to 14:17:37 by a camera whose clock is 3 s slow: 14:02:11 to 14:17:40 in truth, all BST."""
    name = f"R{next(_NUMBERS)}"
    made = Recording(
        camera="CAM-0001",
        recording=name,
        source_type=SourceType.BODY_WORN,
        kind=Kind.FOOTAGE,
        sequence=1,
        size=300_000_000,
        sha256=sha256_hex(name.encode()),
        measured_size=300_000_000,
        measured_sha256=sha256_hex(name.encode()),
        media_type="video/mp4",
        recorded_at="2026-10-22T14:02:08+01:00",
        ended_at="2026-10-22T14:17:37+01:00",
        trigger="button",
        owner=None,
        clock_offset=-3.0,
        preroll=PreRoll(30.0, False),
        incident="INC-1",
        urgent=False,
        incomplete=False,
        sidecar_size=1,
        sidecar_sha256="0" * 64,
    )
    return msgspec.structs.replace(made, **changes)


class Catalogued:
    """Clips as intake and record leave them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def clip(self, **changes: Any) -> str:
        declared = recording(**changes)
        signed = DOCK.sign(PURPOSES[Report], report_of(declared))
        clip = clip_id(NAMESPACE, declared.camera, declared.recording, declared.size, declared.sha256)
        body = encode(ClipRegistered(clip, 1, signed))
        seen = Recorded("clips.registered", 0, 0, "evt", "clips.registered", now_iso(), "intake", "", "collection",
                        body, content_of(body)[0])  # fmt: skip
        async with self.database.transaction() as connection:
            await register(
                connection, clip_id=clip, report=signed, declared=report_of(declared), urgent=False, events=[]
            )
            await project(connection, seen)
        return clip

    async def material(self, clip: str) -> Material:
        fate = await find(self.database, clip)
        assert fate is not None
        return material_of(fate)

    async def set(self, clip: str, column: str, value: str) -> None:
        await self.database.execute(f"UPDATE clip_fate SET {column} = %s WHERE clip_id = %s", (value, clip))

    async def under_hold(self, clip: str, hold: str, state: str) -> None:
        async with self.database.transaction() as connection:
            await execute(
                connection, "INSERT INTO hold_clips (hold_id, clip_id, state, says) VALUES (%s, %s, %s, '')",
                (hold, clip, state),
            )  # fmt: skip


def report_of(declared: Recording) -> Report:
    return Report("DOCK-1", "BAY-1", 1, DOCKED, "0" * 64, "http://127.0.0.1:1/x", declared)


def material(clip: str = "clip-a", **changes: Any) -> Material:
    """One clip as `material_of` makes it of that recording."""
    made = Material(
        clip_id=clip,
        camera="CAM-0001",
        recording="R1",
        source_type=SourceType.BODY_WORN,
        kind=Kind.FOOTAGE,
        officer="PC 1234 J. Smith",
        size=300_000_000,
        sha256="a" * 64,
        began=datetime(2026, 10, 22, 13, 2, 11, tzinfo=UTC),
        shown=datetime(2026, 10, 22, 13, 2, 8, tzinfo=UTC),
        ended=datetime(2026, 10, 22, 13, 17, 40, tzinfo=UTC),
        clock_offset=-3.0,
        docked_at=datetime(2026, 10, 22, 18, 5, tzinfo=UTC),
        corrected_by=None,
        preroll=PreRoll(30.0, False),
        incomplete=False,
        incident="INC-1",
        duration=None,
        standing="released",
        gone=False,
    )
    return msgspec.structs.replace(made, **changes)


def exhibit(reference: str = "JS/1", clip: str = "clip-a", **changes: Any) -> Exhibit:
    made = Exhibit(reference, clip, "PC Smith", "the arrest", "2026-10-23T09:00:00Z", "ADMIN")
    return msgspec.structs.replace(made, **changes)


def marked(clip: str, number: int, relevance: Relevance = Relevance.RELEVANT, description: str = "a clip") -> Unused:
    return Unused(clip, relevance, description, number)


def case(**changes: Any) -> Case:
    made = Case(
        case_id="case-" + "a" * 32,
        kind=CaseKind.PROSECUTION,
        urn="01AB0012326",
        title="R v Brown",
        officer="DC Grey",
        version=7,
        opened_at="2026-10-23T08:00:00Z",
        opened_by="ADMIN",
        clock=Clock.UNDER_INVESTIGATION,
        incidents=("INC-1",),
    )
    return msgspec.structs.replace(made, **changes)


def lineage(kind: DerivativeKind, **changes: Any) -> Lineage:
    made = Lineage(
        derivative_id="derivative-" + "a" * 32,
        clip_id="clip-a",
        kind=kind,
        parent_sha256="a" * 64,
        parent_size=300_000_000,
        sha256="b" * 64,
        size=1000,
        media_type="video/mp4",
        tool="ffmpeg 7.1",
        argv=(),
        parameters={},
        repeatable="",
        sound_from=0.0,
        start=None,
        end=None,
        made_at="2026-10-24T08:00:00Z",
        order=Signed("{}", "person:ADMIN:0", ""),
    )
    return msgspec.structs.replace(made, **changes)

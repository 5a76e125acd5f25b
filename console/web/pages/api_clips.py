"""A clip for programs: what its page says, under the same rights, and each look on record."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from starlette.responses import Response

from console.cli.timeline import Moment
from console.web.guard import FACTS, FOOTAGE
from console.web.pages.clip_page import explained, found, holds_of, playable, record_of
from console.web.refusals import problem
from console.web.visit import Visit
from workers.custody.queries import newest_seal
from workers.retention.explaining import Explanation
from workers.retention.hold_queries import Listed

READERS = FOOTAGE | FACTS


class ClipShown(Struct, frozen=True):
    """A clip as whoever asks may see it.

    Attributes:
        relation: why they may: own, case, incident, named, work, reason.
        camera_copy: whether its camera still has it: present, wiped, unknown.
        disposal: intended, committed, done; None: nothing of the kind.
        officer: whose it is, if anybody knows.
        size: bytes. clock_offset: seconds by which the camera's clock was fast.
        media: path of its footage, for whoever may play it; None: not them, or there is none.
        explained: why it is kept or gone.
        timeline: its continuity record; sealed: how many of its entries are sealed in the vault.
    """

    clip_id: str
    camera: str
    recording: str
    relation: str
    standing: str
    camera_copy: str
    disposal: str | None
    officer: str | None
    incidents: tuple[str, ...]
    category: str | None
    size: int | None
    sha256: str | None
    media_type: str | None
    recorded_at: datetime | None
    ended_at: datetime | None
    clock_offset: float | None
    registered_at: datetime
    verified_at: datetime | None
    incomplete: bool
    media: str | None
    explained: Explanation
    holds: tuple[Listed, ...]
    timeline: tuple[Moment, ...]
    sealed: int


async def clip(visit: Visit) -> ClipShown | Response:
    """The clip; the look is on record before anything is answered."""
    one = await found(visit)
    leave, seen, database = one.look, one.seen, visit.parts.database
    if leave.relation is None:
        return problem("This clip is not for you", leave.says, 403)
    await one.tell("look", leave.relation)
    sealed = await newest_seal(database)
    timeline = await record_of(visit, seen)
    plays = playable(seen) and one.play.relation is not None
    return ClipShown(
        clip_id=seen.clip_id, camera=seen.camera, recording=seen.recording, relation=leave.relation.value,
        standing=seen.standing, camera_copy=seen.camera_copy, disposal=seen.disposal, officer=seen.officer,
        incidents=seen.incidents, category=seen.category, size=seen.size, sha256=seen.sha256,
        media_type=seen.media_type, recorded_at=seen.recorded_at, ended_at=seen.ended_at,
        clock_offset=seen.clock_offset, registered_at=seen.registered_at, verified_at=seen.verified_at,
        incomplete=seen.incomplete, media=f"/clips/{seen.clip_id}/media" if plays else None,
        explained=await explained(visit, seen, None),
        holds=tuple(await holds_of(visit, seen)), timeline=tuple(timeline),
        sealed=sum(line.index < sealed.size for line in timeline) if sealed else 0,
    )  # fmt: skip

"""A clip as a statement or a schedule tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from workers.fate.moves import FINAL
from workers.fate.row import Fate
from workers.footage.recording import Kind, PreRoll, SourceType
from workers.keys.statements import Decision
from workers.retention.clips import clip_of, recorded_at
from workers.retention.facts import TimeCorrected

DEVICES = {
    SourceType.BODY_WORN: "body-worn video",
    SourceType.TASER: "Taser camera video",
    SourceType.VEHICLE: "vehicle camera video",
}
"""What a recording is called in a sentence."""


class Material(Struct, frozen=True):
    """What was declared of a clip, and what people said of it since.

    Attributes:
        officer: whoever held the camera, or whose it was said to be; None: unknown.
        size, sha256: of the master, as the dock declared them.
        began: start of the recording, by a person's correction or else by the camera's clock, less what the dock
            measured that it was ahead; None: the camera said nothing that is a time.
        shown: start as the camera's own clock shows it.
        ended: by the camera's clock, less what it was ahead; None: it did not say.
        clock_offset: seconds that the camera's clock was ahead of the dock's when it docked.
        corrected_by: the person whose correction `began` is.
        duration: seconds, as ffprobe found it; None: not known.
        standing, gone: where it stands in the vault; `gone` once its disposal is committed.
    """

    clip_id: str
    camera: str
    recording: str
    source_type: SourceType
    kind: Kind
    officer: str | None
    size: int
    sha256: str
    began: datetime | None
    shown: datetime | None
    ended: datetime | None
    clock_offset: float
    docked_at: datetime
    corrected_by: str | None
    preroll: PreRoll | None
    incomplete: bool
    incident: str | None
    duration: float | None
    standing: str
    gone: bool

    @property
    def device(self) -> str:
        """What it is called in a sentence."""
        return "camera event log" if self.kind is Kind.EVENT_LOG else DEVICES[self.source_type]

    @property
    def seconds(self) -> float | None:
        """How long it is, as it was probed or else as the camera said."""
        if self.duration is not None or self.began is None or self.ended is None:
            return self.duration
        length = (self.ended - self.began).total_seconds()
        return length if length >= 0 else None


def material_of(fate: Fate, *, officer: str | None = None, duration: float | None = None) -> Material:
    """The material of a clip's row.

    Args:
        officer: as the catalogue attributes it.
        duration: seconds, as it was probed.
    """
    recording = fate.declared().recording
    clip = clip_of(fate)
    began = clip.recorded_at
    ended = recorded_at(recording.ended_at, recording.clock_offset) if recording.ended_at else None
    corrections = [fact for fact in fate.facts if isinstance(fact, TimeCorrected)]
    if corrections:
        # A correction says when it began; how long it lasted was not in question.
        length = ended - began if began and ended else None
        began = corrections[-1].recorded_at.astimezone(UTC)
        ended = began + length if length is not None else None
    size, sha256 = recording.size, recording.sha256
    if fate.declaration is not None:
        accepted = msgspec.json.decode(fate.declaration.body, type=Decision)
        size, sha256 = accepted.size, accepted.sha256
    return Material(
        clip_id=fate.clip_id,
        camera=fate.camera,
        recording=fate.recording,
        source_type=clip.source_type,
        kind=clip.kind,
        officer=officer or recording.owner,
        size=size,
        sha256=sha256,
        began=began,
        shown=recorded_at(recording.recorded_at, 0.0),
        ended=ended,
        clock_offset=recording.clock_offset,
        docked_at=clip.docked_at,
        corrected_by=corrections[-1].by if corrections else None,
        preroll=recording.preroll,
        incomplete=recording.incomplete,
        incident=clip.incident,
        duration=duration,
        standing=fate.standing,
        gone=fate.disposal in FINAL,
    )


def at(material: Material, second: float | None) -> datetime | None:
    """The time of a moment of the clip; None where the clip's own time is not known.

    Args:
        second: into the clip; None: its end.
    """
    if second is None:
        second = material.seconds
    if material.began is None or second is None:
        return None
    return material.began + timedelta(seconds=second)

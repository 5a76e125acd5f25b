"""The machine-readable multimedia object of an item: was it recorded, when, by which camera, how true is its clock.

The prosecutor's own schema is not public; this is ours, documented in docs/submissions.md. No GPS and no free text:
those stay in the sidecar.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from workers.footage.recording import PreRoll, Recording, SourceType


class Mme(Struct, frozen=True, omit_defaults=False):
    """What is known of a recording, or why there is none.

    Attributes:
        because: why nothing was recorded; only with "not_recorded".
        recorded_at, ended_at: by the camera's clock, ISO 8601.
        clock_offset: seconds that the camera's clock was ahead of the dock's when it docked.
        preroll: the buffer from before *record* was pressed, at the front of the recording, commonly silent.
        incomplete: the recording was cut off (power lost); its digest is that of what there is.
    """

    status: Literal["recorded", "not_recorded"]
    because: str | None = None
    source_type: SourceType | None = None
    camera: str | None = None
    recording: str | None = None
    owner: str | None = None
    trigger: str | None = None
    recorded_at: str | None = None
    ended_at: str | None = None
    clock_offset: float | None = None
    preroll: PreRoll | None = None
    incomplete: bool = False


def recorded(recording: Recording) -> Mme:
    """Of a clip, as its dock declared it."""
    return Mme(
        status="recorded",
        source_type=recording.source_type,
        camera=recording.camera,
        recording=recording.recording,
        owner=recording.owner,
        trigger=recording.trigger,
        recorded_at=recording.recorded_at,
        ended_at=recording.ended_at,
        clock_offset=recording.clock_offset,
        preroll=recording.preroll,
        incomplete=recording.incomplete,
    )


def not_recorded(because: str) -> Mme:
    """Of a case without footage.

    Args:
        because: a sentence of the person who submits.
    """
    return Mme(status="not_recorded", because=because)

"""What a camera's own event log says of footage that is not there: a flat battery is not a camera off. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from workers.encounters.day import Held, LogEvent

WITHOUT_POWER = {"battery_flat": "battery_flat", "power_lost": "power_lost"}
"""Event after which a camera cannot record, and nobody chose that → what it explains."""

SWITCHED = {"power_on": "on", "power_off": "off", "record": "recording", "stop": "not recording"}


class Said(Struct, frozen=True):
    """What the records say of a moment at which there is no footage."""

    explained_by: str | None = None
    note: str | None = None


def said_of(moment: datetime, held: Sequence[Held], log: Iterable[LogEvent]) -> Said:
    """What the cameras that an officer had at a moment say of it.

    Only what nobody chose explains a gap. That a camera was switched off, stopped or not taken at all is a note: the
    officer's reason is still asked for.
    """
    cameras = {one.camera: one for one in held if one.since <= moment and (one.until is None or moment < one.until)}
    if not cameras:
        return Said(note="no camera is on record as issued to the officer then")
    states = {camera: _state(camera, moment, log) for camera in sorted(cameras)}
    reasons = {_without_power(state) for state in states.values()}
    if None not in reasons:
        return Said(explained_by=sorted(reason for reason in reasons if reason)[0])
    waiting = [camera for camera, one in sorted(cameras.items()) if one.docked_at is None or one.docked_at <= moment]
    if waiting:
        return Said(note=f"{', '.join(waiting)} has not been docked since: its clips may still come")
    notes = [note for camera, state in states.items() if (note := _note(camera, state)) is not None]
    return Said(note="; ".join(notes) or "the camera's event log says nothing of it")


def _state(camera: str, moment: datetime, log: Iterable[LogEvent]) -> LogEvent | None:
    """The newest event, by then, that says whether the camera could record."""
    telling = (*WITHOUT_POWER, *SWITCHED)
    before = [one for one in log if one.camera == camera and one.at <= moment and one.event in telling]
    return max(before, key=lambda one: (one.at, telling.index(one.event)), default=None)


def _without_power(state: LogEvent | None) -> str | None:
    return None if state is None else WITHOUT_POWER.get(state.event)


def _note(camera: str, state: LogEvent | None) -> str | None:
    if state is None:
        return None
    if state.event == "record":
        return f"{camera} was recording since {state.at:%H:%M:%S} UTC by its log: that recording is not here"
    return f"{camera} was {SWITCHED.get(state.event, 'without power')} since {state.at:%H:%M:%S} UTC by its log"

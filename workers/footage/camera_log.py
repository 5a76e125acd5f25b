"""What a camera wrote of itself: power, record, stop, mute, battery, clock set.

It comes as a recording of kind `event_log`: one JSON object a line, with `at`, `event` and, if you like, `value`.
Without it, "switched off" looks like a flat battery. What is no such line is passed over: a log is evidence as it is,
whether we can read it or not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

MOST = 5_000
"""Events that are taken from one log; a shift has some hundreds."""

LOG_BYTES = 8 << 20
"""A log that is larger is kept and not read."""

JSON_LINES = ("application/jsonl", "application/x-ndjson")

SAME = {
    "on": "power_on",
    "off": "power_off",
    "start": "record",
    "record_start": "record",
    "recording_started": "record",
    "record_stop": "stop",
    "recording_stopped": "stop",
    "audio_off": "mute",
    "audio_on": "unmute",
    "battery_empty": "battery_flat",
    "shutdown_battery": "battery_flat",
    "clock": "clock_set",
    "time_set": "clock_set",
}
"""What makers say → what we say."""

VALUE = re.compile(r"^(?P<name>[a-z_]+?)_(?P<value>[0-9.]+(_?%|_?v)?)$")


class LogLine(Struct, frozen=True):
    """One line of a camera's event log, as the camera wrote it."""

    at: str
    event: str
    value: str | int | float | None = None


class CameraEvent(Struct, frozen=True):
    """One thing that a camera did.

    Attributes:
        at: by the camera's clock, ISO 8601 with its zone.
        event: power_on, power_off, power_lost, record, stop, mute, unmute, battery, battery_flat, clock_set, or what
            the maker says, in small letters.
        value: such as "2 %".
    """

    at: str
    event: str
    value: str | None = None


def read_log(data: bytes) -> tuple[CameraEvent, ...]:
    """The events of a log of JSON lines, in the order of the log, at most `MOST`."""
    found: list[CameraEvent] = []
    for line in data.splitlines():
        if len(found) == MOST:
            break
        try:
            said = _event(msgspec.json.decode(line, type=LogLine))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if said is not None:
            found.append(said)
    return tuple(found)


def _event(line: LogLine) -> CameraEvent | None:
    try:
        at = datetime.fromisoformat(line.at)
    except ValueError:
        return None
    said = "_".join(line.event.lower().replace("-", " ").split())[:64]
    value = None if line.value is None else str(line.value)[:64]
    if value is None and (found := VALUE.fullmatch(said)) is not None:
        said, value = found["name"], found["value"].replace("_", " ")
    if not said.isprintable() or not said:
        return None
    if value is not None and not value.isprintable():
        value = None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)  # a camera without a zone keeps UTC (docs/how-a-folder-becomes-a-camera.md)
    return CameraEvent(at.isoformat(), SAME.get(said, said), value)

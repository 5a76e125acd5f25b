"""Changes of shift: when cameras come into their docks, on the wall clocks of the force."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from workers.errors import ConfigurationInvalid
from workers.operations.alarms.limits import WINDOW_AFTER, WINDOW_BEFORE


class Shifts(Struct, frozen=True):
    """At which times of each day shifts change; without any, no dock is judged."""

    changes: tuple[time, ...]
    zone: str


def parse_shifts(changes: str, zone: str) -> Shifts:
    """From the settings: "07:00 15:00 23:00" and "Europe/London".

    Raises:
        ConfigurationInvalid: that is no time of day, or no time zone.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationInvalid(f"shift_zone = {zone!r}: expected a zone such as Europe/London") from error
    try:
        return Shifts(tuple(time.fromisoformat(word) for word in changes.split()), zone)
    except ValueError as error:
        raise ConfigurationInvalid(f"shift_changes = {changes!r}: expected times such as 07:00 15:00 23:00") from error


def last_change(shifts: Shifts, now: datetime) -> datetime | None:
    """The last change of shift whose window is over; None if there are no shifts."""
    zone = ZoneInfo(shifts.zone)
    today = now.astimezone(zone).date()
    changes = [
        datetime.combine(today - timedelta(days=back), change, zone) for back in (0, 1, 2) for change in shifts.changes
    ]
    return max((change for change in changes if change + WINDOW_AFTER <= now), default=None)


def windows(change: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """The window around `change` and those of the days before, at the same time of the wall clock; newest first."""
    found = []
    for back in range(days + 1):
        day = change - timedelta(days=back)  # wall clock arithmetic: the zone is the force's own
        found.append((day - WINDOW_BEFORE, day + WINDOW_AFTER))
    return found

"""What a hold names, as people give it at a command line or on the board: which fields belong together, times, a place.

Only what was typed is read here; whether the hold is whole is checked with the whole request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec import Struct

from workers.errors import Refused

AGAIN = "give it again"


class Typed(Struct, frozen=True):
    """What somebody typed; None, or no officer: they left it empty.

    Attributes:
        place: latitude, longitude and metres, with commas between.
    """

    clip: str | None = None
    incident: str | None = None
    officers: tuple[str, ...] = ()
    place: str | None = None
    encounter: str | None = None
    since: str | None = None
    until: str | None = None


def fields_of(typed: Typed, called: Mapping[str, str], zone: tzinfo | None = None) -> dict[str, Any]:
    """The fields of a request for a hold.

    Args:
        called: field of `Typed` → its name where it was typed, for who must correct it.
        zone: of times without one; None: this machine's.

    Raises:
        Refused: not just one thing is named, or a time or a place cannot be read.
    """
    kinds = {"clip": typed.clip, "incident": typed.incident, "place": typed.place, "encounter": typed.encounter}
    named = [scope for scope, value in kinds.items() if value is not None]
    if not named and typed.officers:
        named = ["officer"]
    if len(named) != 1:
        scopes = ("clip", "incident", "officers", "place", "encounter")
        raise Refused(f"expected one of {', '.join(called[scope] for scope in scopes)}", AGAIN)
    return {
        "scope": named[0],
        "clip_id": typed.clip,
        "incident": typed.incident,
        "officers": list(typed.officers),
        "since": time_of(called["since"], typed.since, zone),
        "until": time_of(called["until"], typed.until, zone),
        "place": _place(called["place"], typed.place) if typed.place else None,
        "encounter": typed.encounter,
    }


def time_of(name: str, text: str | None, zone: tzinfo | None = None) -> str | None:
    """A time in UTC.

    Args:
        zone: of one that names none; None: this machine's.

    Raises:
        Refused: it is none.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise Refused(f"{name} {text[:40]!r}: expected a time such as 2026-11-22T10:00", AGAIN) from error


def _place(name: str, text: str) -> dict[str, float]:
    try:
        latitude, longitude, metres = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise Refused(f"{name} {text[:60]!r}: expected LAT,LON,METRES, such as 51.5007,-0.1246,200", AGAIN) from error
    return {"latitude": latitude, "longitude": longitude, "metres": metres}

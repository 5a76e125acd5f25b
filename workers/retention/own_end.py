"""When a hold ends by itself: of scrutiny alone, and as its own signed request says. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from workers.errors import Refused
from workers.retention.facts import HoldReason
from workers.retention.statements import HoldRequest

OWN_END_MOST = timedelta(days=2 * 366 + 2)
"""How long a hold of scrutiny stands at the longest: a year until its panel meets, and one after that."""


def own_end(body: str) -> datetime | None:
    """When a hold ends by itself; None: only people lift it.

    One of scrutiny that names no end, as by hand or from before there was one, has the longest that there is.

    Args:
        body: of its request, as it was signed; of what a rebuild found without one "".
    """
    try:
        asked = msgspec.json.decode(body, type=HoldRequest)
        if asked.reason is not HoldReason.SCRUTINY:
            return None
        if asked.latest_end is not None:
            return _moment(asked.latest_end)
        asked_at = _moment(asked.at)
    except msgspec.DecodeError:
        return None
    return None if asked_at is None else asked_at + OWN_END_MOST


def check_own_end(asked: HoldRequest) -> None:
    """Nobody signs away the people who lift a hold: only one of scrutiny ends by itself, and none of these never.

    Raises:
        Refused: the end is that of another reason, is no moment, or lies too far away.
    """
    if asked.latest_end is None:
        return
    if asked.reason is not HoldReason.SCRUTINY:
        raise Refused(f"a {asked.reason.value} hold is lifted by people: no latest_end", "ask again without it")
    at, end = _moment(asked.at), _moment(asked.latest_end)
    if at is None or end is None or not at < end <= at + OWN_END_MOST:
        raise Refused(
            f"latest_end {asked.latest_end[:64]}: expected within two years, with its zone",
            "ask again with such a time",
        )


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None

"""What a stage says of itself at its health endpoint, where it runs on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from msgspec import Struct

from workers.operations.lag.history import Members

ANSWERS_WITHIN = 2.0
"""Seconds for an endpoint of this machine."""

MUTE = "its own process, which does not answer at its health port"


class Said(Struct, frozen=True):
    """What the stage says.

    Attributes:
        members: whether it is there; UNKNOWN where it has never run under this home.
        waits_for: parts that are away, each with since when and why.
        at_work: messages that it works on; None: it did not say.
    """

    members: Members = Members.UNKNOWN
    waits_for: tuple[str, ...] = ()
    at_work: int | None = None


async def ask(home: Path, stage: str) -> Said:
    """Ask the stage's process at the port that it wrote down under `home`."""
    try:
        port = int((home / "health" / f"{stage}.port").read_text())
    except FileNotFoundError:
        return Said()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=ANSWERS_WITHIN) as client:
            live, metrics = (await client.get("/live")).json(), (await client.get("/metrics")).text
    except httpx.TimeoutException:
        return Said(Members.THERE, (MUTE,))
    except (httpx.TransportError, ValueError):
        return Said(Members.NOBODY)
    at_work = re.search(rf'^bwv_at_work{{stage="{stage}"}} (\S+)$', metrics, re.MULTILINE)
    if at_work is None:
        return Said(Members.NOBODY)  # somebody else has the port now
    waits = tuple(f"{part}, {reason}" for part, reason in live["waiting"].items())
    return Said(Members.THERE, waits, int(float(at_work[1])))

"""What stages say of themselves at their health endpoints, where they run on this machine."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from workers.operations.lag.history import Members

ANSWERS_WITHIN = 2.0
"""Seconds for an endpoint of this machine."""


class Said(Struct, frozen=True):
    """What a stage says.

    Attributes:
        members: whether it is there; UNKNOWN where it has never run under this home, or was not asked.
        waits_for: parts that are away, each with since when and why.
        at_work: messages that it works on; None: it did not say.
        mute: it is there and does not answer.
    """

    members: Members = Members.UNKNOWN
    waits_for: tuple[str, ...] = ()
    at_work: int | None = None
    mute: bool = False


async def ask_all(home: Path, stages: Iterable[str]) -> dict[str, Said]:
    """Ask the process of each of these stages, all at once, at the port that it wrote down under `home`."""
    ports = {stage: port for stage in stages if (port := _port(home, stage))}
    said = await asyncio.gather(*[asyncio.to_thread(_ask, stage, port) for stage, port in ports.items()])
    return dict(zip(ports, said, strict=True))


def _port(home: Path, stage: str) -> int | None:
    try:
        return int((home / "health" / f"{stage}.port").read_text())
    except (FileNotFoundError, ValueError):
        return None  # it has never run here, or is writing the file


def _ask(stage: str, port: int) -> Said:
    try:
        live, metrics = json.loads(_get(port, "/live")), _get(port, "/metrics")
        at_work = re.search(rf'^bwv_at_work{{stage="{stage}"}} (\S+)$', metrics, re.MULTILINE)
        waits = tuple(f"{part}, {reason}" for part, reason in live["waiting"].items())
    except TimeoutError:
        return Said(Members.THERE, mute=True)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return Said(Members.NOBODY)
    if at_work is None:
        return Said(Members.NOBODY)  # somebody else has the port now
    return Said(Members.THERE, waits, int(float(at_work[1])))


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()

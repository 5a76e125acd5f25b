"""The sentences of prosecution in a clip's timeline: what was made from it, who got it and for which case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from workers.prosecution.disclosure.recipients import NAMES
from workers.prosecution.statements import DerivativeKind, DerivativeOrder, Lineage, Recipient

_KINDS = {
    DerivativeKind.RANGE: "a range",
    DerivativeKind.STILL: "a still picture",
    DerivativeKind.PLAYBACK: "a playback copy",
    DerivativeKind.REDACTION: "a redacted copy",
}


_LOOKS = {"play": "played", "fetch": "taken away", "still": "looked at"}
"""How a clip was looked at (links/access.py)."""


def _made(c: dict[str, Any]) -> str:
    lineage = msgspec.json.decode(c["lineage"]["body"], type=Lineage)
    order = msgspec.json.decode(lineage.order.body, type=DerivativeOrder)
    asked = f"ordered by {order.by}" + (f" ({order.reason})" if order.reason else "")
    return (
        f"{_kind(c)}{_part(lineage)} was made from it by {lineage.tool}, {asked}: {c['derivative_id']}, "
        f"{c['size']:,} bytes, SHA-256 {c['sha256'][:16]}…; the master is as it was"
    )


def _failed(c: dict[str, Any]) -> str:
    return f"{_kind(c)} cannot be made from it ({c['derivative_id']}): {c['reason']}; {c['action']}"


def _submitted(c: dict[str, Any]) -> str:
    what = f"{c['derivative_id']}, made from it," if c.get("derivative_id") else "the master"
    return (
        f"{what} was submitted to {NAMES[Recipient(c['recipient'])]} as {c['reference']} of {c['urn']}: SHA-256 "
        f"{c['sha256'][:16]}…; {c['submission_id']}, whose manifest has SHA-256 {c['manifest_sha256'][:16]}…"
    )


def _looked(c: dict[str, Any]) -> str:
    part = f", bytes {c['part']}" if c.get("part") else ""
    return f"{_LOOKS[c['what']]} by {c['holder']} as {c['reference']}, by the link of {c['submission_id']}{part}"


def _kind(c: dict[str, Any]) -> str:
    return _KINDS[DerivativeKind(c["kind"])]


def _part(lineage: Lineage) -> str:
    if lineage.kind is DerivativeKind.STILL:
        return f" at {lineage.start or 0:g} s"
    if lineage.start is None and lineage.end is None:
        return ""
    return f" from {lineage.start or 0:g} s to " + ("its end" if lineage.end is None else f"{lineage.end:g} s")


PROSECUTION_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "derivatives.made": _made,
    "derivatives.failed": _failed,
    "clips.submitted": _submitted,
    "links.opened": _looked,
}
"""Event type → its sentence."""

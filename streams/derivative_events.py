"""What derivation tells: events of what was made or cannot be made, and the answers to whoever asked."""

from __future__ import annotations

from streams.messages import DerivativeFailed, DerivativeMade, event
from workers.errors import Refused
from workers.fate.outbox import Event
from workers.prosecution.derivatives.keeping import Kept
from workers.prosecution.statements import DerivativeOrder, Lineage
from workers.retention.answers import Answer, Verdict

SOURCE = "derivation"


def made(lineage: Lineage, kept: Kept) -> Event:
    """derivatives.made."""
    told = DerivativeMade(
        derivative_id=lineage.derivative_id,
        clip_id=lineage.clip_id,
        kind=lineage.kind.value,
        sha256=lineage.sha256,
        size=lineage.size,
        media_type=lineage.media_type,
        key=kept.key,
        version_id=kept.version_id,
        lineage=kept.lineage,
    )
    cause = (lineage.derivative_id, kept.version_id)
    return event("derivatives.made", told, key=told.clip_id, subject=told.clip_id, source=SOURCE, cause=cause)


def failed(order: DerivativeOrder, refused: Refused, request: str) -> Event:
    """derivatives.failed; asked for again and failed again, it is told again."""
    told = DerivativeFailed(order.derivative_id, order.clip_id, order.kind.value, refused.reason, refused.action)
    cause = (order.derivative_id, request)
    return event("derivatives.failed", told, key=told.clip_id, subject=told.clip_id, source=SOURCE, cause=cause)


def says_made(lineage: Lineage) -> Answer:
    """It is there."""
    details = {
        "derivative_id": lineage.derivative_id,
        "clip_id": lineage.clip_id,
        "kind": lineage.kind.value,
        "sha256": lineage.sha256,
        "size": lineage.size,
        "media_type": lineage.media_type,
        "sound": lineage.parameters.get("sound", ""),
    }
    says = f"{lineage.derivative_id} is made: {lineage.kind.value}, {lineage.size:,} bytes, SHA-256 {lineage.sha256}"
    return Answer(Verdict.DONE, says, details)


def says_pending(order: DerivativeOrder, share: float) -> Answer:
    """It is on its way, and how far."""
    details = {"derivative_id": order.derivative_id, "clip_id": order.clip_id, "share": round(share, 3)}
    return Answer(Verdict.PENDING, f"{order.derivative_id} is being made", details)


def says_failed(order: DerivativeOrder, refused: Refused) -> Answer:
    """It cannot be made."""
    details = {"derivative_id": order.derivative_id, "reason": refused.reason, "action": refused.action}
    return Answer(Verdict.REFUSED, f"{order.derivative_id} cannot be made: {refused}", details)

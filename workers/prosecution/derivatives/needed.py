"""Which derivative an exhibit needs before it can go to anybody; pure."""

from __future__ import annotations

from typing import Protocol

from workers.prosecution.identity import derivative_id
from workers.prosecution.statements import DerivativeKind, DerivativeOrder


class Cut(Protocol):
    """An exhibit, as far as it says what is shown of a clip (workers/prosecution/cases/case.Exhibit)."""

    @property
    def clip_id(self) -> str:
        """The clip."""

    @property
    def start(self) -> float | None:
        """Seconds into the clip; None: from its beginning."""

    @property
    def end(self) -> float | None:
        """Seconds into the clip; None: to its end."""

    @property
    def redaction(self) -> str | None:
        """Text of its redaction file, if it is redacted."""


def needed(exhibit: Cut, *, by: str, at: str, reason: str = "") -> DerivativeOrder | None:
    """What must be made before the exhibit can go; None: the master itself goes.

    A redaction is cut to the exhibit's range by the same derivative. No recipient gets more than the exhibit shows,
    so the answer is the same for all of them.

    Args:
        by, at: who signs the order, and when (ISO 8601).
        reason: for the record, such as the case's URN and the exhibit's reference.
    """
    if exhibit.redaction is not None:
        kind = DerivativeKind.REDACTION
    elif exhibit.start is not None or exhibit.end is not None:
        kind = DerivativeKind.RANGE
    else:
        return None
    return ordered(exhibit.clip_id, kind, exhibit.start, exhibit.end, exhibit.redaction, by=by, at=at, reason=reason)


def thumbnail(exhibit: Cut, *, by: str, at: str, reason: str = "") -> DerivativeOrder:
    """The exhibit's first picture, redacted as the exhibit is: nobody sees in small what is hidden in the large."""
    return ordered(
        exhibit.clip_id,
        DerivativeKind.STILL,
        exhibit.start or 0.0,
        None,
        exhibit.redaction,
        by=by,
        at=at,
        reason=reason,
    )


def ordered(
    clip_id: str,
    kind: DerivativeKind,
    start: float | None,
    end: float | None,
    redaction: str | None,
    *,
    by: str,
    at: str,
    reason: str = "",
) -> DerivativeOrder:
    """An order with its derived id: the same recipe of the same clip is the same derivative, whoever asks."""
    return DerivativeOrder(
        derivative_id=derivative_id(clip_id, kind, start, end, redaction),
        clip_id=clip_id,
        kind=kind,
        by=by,
        at=at,
        start=start,
        end=end,
        redaction=redaction,
        reason=reason,
    )

"""What a person's request does to one clip: checked here, made by a move of the row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.errors import Refused
from workers.fate.moves import FINAL, Disposal
from workers.fate.row import Fate
from workers.retention.decision import Outcome, Plan
from workers.retention.facts import Fact
from workers.retention.policy import Policy
from workers.retention.wording import said


class Change(Struct, frozen=True):
    """What becomes of a clip by an accepted request.

    Attributes:
        facts: all of the clip's afterwards; the same as before where the request changes nothing.
        plan: under the policy in force; None while there is none.
        says: one sentence for the person.
    """

    facts: tuple[Fact, ...]
    plan: Plan | None
    says: str

    def details(self, clip_id: str) -> dict[str, Any]:
        """What a script would read."""
        if self.plan is None:
            return {"clip_id": clip_id, "policy": None}
        told = ("policy", "category", "rule", "outcome", "ends_at", "dispose_from", "review_from", "held")
        return {"clip_id": clip_id, **{name: getattr(self.plan, name) for name in told}}


def checked(fate: Fate | None, clip_id: str) -> Fate:
    """The row of a clip that a person may still decide about.

    Raises:
        Refused: there is no such clip, or its disposal was committed.
    """
    if fate is None:
        raise Refused(f"there is no clip {clip_id}", "give the id of a clip: bwv ledger lists them")
    if fate.disposal not in FINAL:
        return fate
    stands = "was disposed of" if fate.disposal == Disposal.DONE else "is being disposed of"
    raise Refused(
        f"{clip_id} {stands}{_decided(fate.intent)}: that was committed and cannot be undone",
        f"the certificate and its reasons: bwv explain {clip_id}",
    )


def _decided(intent: dict[str, Any] | None) -> str:
    if not intent:
        return ""
    return f" as {intent.get('category')!r} by rule {intent.get('rule')!r} of policy {intent.get('policy')}"


def moment(value: datetime) -> str:
    """A time for a sentence where no policy says by which clock."""
    return f"{value.astimezone(UTC):%d %b %Y %H:%M} (UTC)"


def when(plan: Plan | None, policy: Policy | None) -> str:
    """When a clip's time comes, as the end of a sentence, by the wall clock of the force.

    Of holds no more than that something keeps it: whoever asks may be one who must not learn of them.
    """
    if plan is None or policy is None:
        return "no policy is in force, so nothing goes"
    held = "; the force keeps it, whatever its dates, until further notice" if plan.held else ""
    if plan.outcome is Outcome.EXPIRE and plan.dispose_from is not None and plan.ends_at is not None:
        return f"kept until {said(plan.dispose_from, policy)}, gone by {said(plan.ends_at, policy)}{held}"
    if plan.outcome is Outcome.REVIEW and plan.review_from is not None:
        return f"a person reviews it from {said(plan.review_from, policy)} on{held}"
    return f"it does not go by itself{held}"


def instant(text: str, what: str) -> datetime:
    """A point in time that a person wrote.

    Raises:
        Refused: not ISO 8601, or without its offset from UTC.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{what} {text!r} is no time", "write it as 2026-11-22T10:00:00+00:00") from error
    if value.tzinfo is None:
        raise Refused(f"{what} {text!r} does not say which zone it is in", "write it as 2026-11-22T10:00:00+00:00")
    return value


def stored(value: Any) -> str:
    """A value as a jsonb column takes it."""
    return msgspec.json.encode(value).decode()

"""Retention reviews: a long period is over, and a person keeps the clip for another one or lets it go."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import Refused
from workers.fate.row import Fate
from workers.retention.change import Change, instant, when
from workers.retention.facts import Reviewed, Verdict
from workers.retention.policy import Policy
from workers.retention.schedule import plan_of
from workers.retention.statements import ReviewVerdict

DECIDE_WITHIN = timedelta(days=28)
"""Time in which a review is decided once it is due, where no policy says; later it is overdue."""


class OpenReview(Struct, frozen=True):
    """A review that waits for a person. One whose clip has got a longer period since waits no more.

    Attributes:
        policy, category, rule: by which it is due now.
        overdue: it has waited for longer than the policy allows. Nothing happens to the clip by itself.
    """

    clip_id: str
    due_at: datetime
    policy: int
    category: str
    rule: str
    opened_at: datetime
    overdue: bool
    held: bool
    camera: str
    recording: str
    incident: str | None
    size: int


async def open_reviews(connection: Connection, within: timedelta, *, overdue: bool = False) -> list[OpenReview]:
    """Reviews that wait for a person, the oldest first.

    Args:
        within: time in which a review is decided.
        overdue: only those that have waited longer.
    """
    rows = await fetch(
        connection,
        "WITH waiting AS (SELECT r.clip_id, GREATEST(r.due_at, s.review_from) AS due_at, s.policy, s.category,"
        "  s.rule, r.opened_at, f.held, f.camera, f.recording, s.incident, s.size"
        "  FROM reviews r JOIN clip_fate f USING (clip_id) JOIN schedule s USING (clip_id)"
        "  WHERE r.decided_at IS NULL AND s.review_from <= now() AND f.disposal IS DISTINCT FROM 'committed'"
        "  AND f.disposal IS DISTINCT FROM 'done'),"
        " judged AS (SELECT *, due_at < now() - %s::interval AS overdue FROM waiting)"
        " SELECT * FROM judged WHERE overdue OR NOT %s ORDER BY due_at, clip_id",
        (within, overdue),
    )
    return [msgspec.convert(row, OpenReview) for row in rows]


async def is_open(connection: Connection, clip_id: str) -> bool:
    """Whether a review of this clip waits for a person; it stays so until the transaction ends."""
    rows = await fetch(
        connection, "SELECT 1 FROM reviews WHERE clip_id = %s AND decided_at IS NULL FOR UPDATE", (clip_id,)
    )
    return bool(rows)


def decide_review(fate: Fate, asked: ReviewVerdict, policy: Policy | None, *, due: bool) -> Change:
    """End the open review of a clip.

    Args:
        due: whether a review of it was opened.

    Raises:
        Refused: no review is open, or its period has become a longer one since; or it is to go while a hold
            stands: the hold is lifted first, and then somebody decides.
    """
    at = instant(asked.at, "the time of the request")
    before = plan_of(fate, policy) if policy else None
    if not due or before is None or before.review_from is None or before.review_from > at:
        raise Refused(
            f"no retention review of {fate.clip_id} is open; {when(before, policy)}", "those that are: bwv reviews list"
        )
    if asked.verdict is Verdict.DISPOSE and fate.held:
        raise Refused(
            f"{fate.clip_id} is kept by the force and cannot be let go",
            f"decide once nothing keeps it any more; see: bwv hold list --clip {fate.clip_id}",
        )
    facts = (*fate.facts, Reviewed(asked.verdict, asked.by, at))
    plan = plan_of(fate, policy, facts) if policy else None
    verdict = "is kept" if asked.verdict is Verdict.KEEP else "may go"
    return Change(facts, plan, f"{fate.clip_id} {verdict}, decided by {asked.by}; {when(plan, policy)}")


async def close(connection: Connection, asked: ReviewVerdict) -> None:
    """Write the verdict to every open review of the clip."""
    await execute(
        connection,
        "UPDATE reviews SET decided_at = %s, verdict = %s, decided_by = %s WHERE clip_id = %s AND decided_at IS NULL",
        (asked.at, asked.verdict, asked.by, asked.clip_id),
    )

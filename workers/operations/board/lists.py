"""The list behind every number of the board: each names its clips, the most pressing first.

What somebody may not know is not asked: a hold is "kept by the force", whatever its reason.
"""

from __future__ import annotations

from workers.errors import RuleBroken
from workers.operations.board.listing import Listing

OPEN = "(f.disposal IS NULL OR f.disposal = 'intended')"
CLIPS = "clip_fate f LEFT JOIN declared d USING (clip_id)"
PLANNED = "schedule s JOIN clip_fate f USING (clip_id)"
HELD = "hold_clips h JOIN clip_fate f USING (clip_id) LEFT JOIN declared d USING (clip_id)"

_SINCE = "CASE f.standing WHEN 'registered' THEN 'waits for its transfer' ELSE 'waits for its read-back' END"
_STUCK = (
    "CASE WHEN f.attempt > 5 THEN 'failed five times; it stays on its camera, a person looks'"
    " WHEN f.interrupted THEN 'its dock has gone; dock the camera again' ELSE " + _SINCE + " END"
)
_MISSING = "'running numbers ' || first || ' to ' || last || ': ' || (last - first + 1) || ' recordings'"
_GOES = (
    "'category ' || s.category || ', rule ' || s.rule || CASE WHEN f.disposal = 'intended' THEN ', in the bin' ELSE ''"
    " END || COALESCE(', waits: ' || s.waits, '')"
)

LISTS: dict[str, Listing] = {
    "unverified": Listing(
        "Not verified yet, oldest first",
        "Registered or stored, and not read back. Each is still on its camera. If the oldest is old, look at the"
        " pipeline first.",
        CLIPS, f"f.standing IN ('registered', 'secured') AND {OPEN}", "f.registered_at", _STUCK,
    ),
    "queued": Listing(
        "Waiting for over seven days",
        "Registered a week ago and not stored. Find the camera and dock it; if it stands in a dock, its bay says why.",
        CLIPS, f"f.standing = 'registered' AND f.registered_at < now() - interval '7 days' AND {OPEN}",
        "f.registered_at", _STUCK,
    ),
    "interrupted": Listing(
        "Interrupted transfers",
        "The camera or its dock has gone. Nothing is lost: dock the camera again, anywhere.",
        CLIPS, f"f.standing = 'registered' AND f.interrupted AND {OPEN}", "f.registered_at", _STUCK,
    ),
    "failed": Listing(
        "Failed five times",
        "What was read back was not what the dock had signed, each time. Nothing starts by itself any more; keep the"
        " camera and look at the store.",
        CLIPS, f"f.standing = 'registered' AND f.attempt > 5 AND {OPEN}", "f.registered_at", _STUCK,
    ),
    "quarantine": Listing(
        "In quarantine",
        "The bytes are not those that the dock declared. Decide about each: bwv quarantine decide.",
        CLIPS, f"f.standing = 'quarantined' AND f.decision IS NULL AND {OPEN}", "f.registered_at",
        "COALESCE(f.quarantine->>'reason', 'other bytes than declared')",
    ),
    "damaged": Listing(
        "Damaged in the store",
        "Read again and no longer what was verified. Kept as they are; restore them from another copy.",
        "clip_fate f LEFT JOIN declared d USING (clip_id) LEFT JOIN clips c USING (clip_id)",
        f"f.standing = 'damaged' AND {OPEN}", "f.registered_at", "COALESCE(c.damage->>'reason', 'differs')",
    ),
    "bin": Listing(
        "In the bin",
        "Their time has come; they are deleted at the time shown unless somebody takes them out:"
        " bwv retention restore.",
        "clip_fate f LEFT JOIN schedule s USING (clip_id)", "f.disposal = 'intended'", "f.dispose_from",
        "COALESCE('category ' || s.category || ', rule ' || s.rule || COALESCE(', waits: ' || s.waits, ''), 'in the"
        " bin')",
        size="s.size",
    ),
    "soon": Listing(
        "Deleted within 72 hours",
        "What nobody categorises, holds or exhibits goes at the time shown.",
        PLANNED, "s.dispose_from < now() + interval '72 hours' AND NOT s.held", "s.dispose_from", _GOES, size="s.size",
        id="s.clip_id",
    ),
    "uncategorised": Listing(
        "Uncategorised",
        "Nobody has said what they are. Give each a category, or it goes at the time shown: bwv categorise.",
        PLANNED, "s.category = 'uncategorised'", "COALESCE(s.ends_at, 'infinity')", _GOES, at="s.ends_at",
        size="s.size", id="s.clip_id",
    ),
    "reviews": Listing(
        "Retention reviews that are due",
        "A long period has ended: a person keeps or disposes of each: bwv reviews decide.",
        "reviews r JOIN clip_fate f USING (clip_id) LEFT JOIN declared d USING (clip_id)",
        "r.decided_at IS NULL AND r.due_at < now()", "r.due_at", "'category ' || r.category || ', rule ' || r.rule",
        id="r.clip_id",
    ),
    "gaps": Listing(
        "Recordings that are missing",
        "A camera counted on, and no inventory ever listed these. Ask who held the camera; keep it for examination.",
        "gaps g", "true", "g.time", _MISSING, id="g.event_id", clip="NULL", camera="g.camera", recording="NULL",
        size="NULL", newest=True,
    ),
    "rejected": Listing(
        "Rejected reports of seven days",
        "A dock reported what cannot become a clip; the footage stays on its camera. The reason says what to do.",
        "rejections j", "j.time > now() - interval '7 days'", "j.time", "j.reason || '; ' || j.action",
        id="j.event_id", clip="NULL", camera="j.camera", recording="j.recording", size="NULL", newest=True,
    ),
    "holds": Listing(
        "Holds outstanding at the store",
        "The clip is protected; the store's own hold follows as soon as the store answers.",
        HELD,
        "h.state = 'pending'", "h.at", "'kept by the force; the hold in the store is outstanding'",
        id="h.hold_id || h.clip_id",
    ),
    "sweeps": Listing(
        "Sweeps that stopped",
        "Retention wants to dispose of more than it may, or cannot be sure. Nothing goes until somebody answers:"
        " bwv retention approve.",
        "sweeps w", "w.state = 'stopped' AND w.cause IS NOT NULL", "w.started_at", "COALESCE(w.reason, w.cause)",
        id="w.sweep_id", clip="NULL", camera="NULL", recording="NULL", size="NULL", newest=True,
    ),
    "overdue": Listing(
        "Submissions without a receipt",
        "Sent, and the gateway has not confirmed them in time: bwv submissions show.",
        "submissions b", "b.state = 'sent' AND b.due_at < now()", "b.due_at",
        "b.urn || ', ' || b.items || ' items'", id="b.submission_id", clip="NULL", camera="NULL",
        recording="NULL", size="NULL", case="b.case_id",
    ),
    "answered": Listing(
        "Submissions to look at",
        "Refused, rejected, or answered with another list than was sent: bwv submissions show, then retry.",
        "submissions b", "b.state IN ('refused', 'rejected', 'partial', 'contradicted')", "b.requested_at",
        "b.urn || ', ' || b.state || COALESCE(': ' || b.waits_for, '')", id="b.submission_id", clip="NULL",
        camera="NULL", recording="NULL", size="NULL", case="b.case_id",
    ),
}  # fmt: skip
"""Name → list; the name is that of a field of `Counts`, or `uncategorised` of `Totals`."""


def named(name: str) -> Listing:
    """The list of this name; RuleBroken if there is none."""
    if name not in LISTS:
        raise RuleBroken(f"there is no list {name!r}; there are {', '.join(LISTS)}")
    return LISTS[name]

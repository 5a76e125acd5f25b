"""The lists behind what comes in: clips on their way, what is wrong with some, and what was read and compared.

What somebody may not know is not asked: a hold is "kept by the force", whatever its reason.
"""

from __future__ import annotations

from workers.operations.board.listing import Listing
from workers.operations.board.reconciling import DAYS, DAYS_OF

OPEN = "(f.disposal IS NULL OR f.disposal = 'intended')"
CLIPS = "clip_fate f LEFT JOIN declared d USING (clip_id)"

_SINCE = "CASE f.standing WHEN 'registered' THEN 'waits for its transfer' ELSE 'waits for its read-back' END"
_STUCK = (
    "CASE WHEN f.attempt > 5 THEN 'failed five times; it stays on its camera, a person looks'"
    " WHEN f.interrupted THEN 'its dock has gone; dock the camera again' ELSE " + _SINCE + " END"
)
_MISSING = "'running numbers ' || first || ' to ' || last || ': ' || (last - first + 1) || ' recordings'"

LISTS: dict[str, Listing] = {
    "unverified": Listing(
        "Not verified yet, oldest first",
        "Registered or stored, and not read back. Each is still on its camera. If the oldest is old, look at the"
        " pipeline first.",
        CLIPS, f"f.standing IN ('registered', 'secured') AND {OPEN}", "f.registered_at", _STUCK,
        do="'bwv trace ' || f.clip_id",
    ),
    "queued": Listing(
        "Waiting for over seven days",
        "Registered a week ago and not stored. Find the camera and dock it; if it stands in a dock, its bay says why.",
        CLIPS, f"f.standing = 'registered' AND f.registered_at < now() - interval '7 days' AND {OPEN}",
        "f.registered_at", _STUCK,
        do="'bwv trace ' || f.clip_id",
    ),
    "interrupted": Listing(
        "Interrupted transfers",
        "The camera or its dock has gone. Nothing is lost: dock the camera again, anywhere.",
        CLIPS, f"f.standing = 'registered' AND f.interrupted AND {OPEN}", "f.registered_at", _STUCK,
        do="'bwv trace ' || f.clip_id",
    ),
    "failed": Listing(
        "Failed five times",
        "What was read back was not what the dock had signed, each time. Nothing starts by itself any more; keep the"
        " camera and look at the store.",
        CLIPS, f"f.standing = 'registered' AND f.attempt > 5 AND {OPEN}", "f.registered_at", _STUCK,
        do="'bwv trace ' || f.clip_id",
    ),
    "quarantine": Listing(
        "In quarantine",
        "The bytes are not those that the dock declared. Decide about each: bwv quarantine decide.",
        CLIPS, f"f.standing = 'quarantined' AND f.decision IS NULL AND {OPEN}", "f.registered_at",
        "COALESCE(f.quarantine->>'reason', 'other bytes than declared')",
        do="'bwv quarantine decide ' || f.clip_id || ' accept|keep --reason …'",
    ),
    "damaged": Listing(
        "Damaged in the store",
        "Read again and no longer what was verified. Kept as they are; restore them from another copy.",
        "clip_fate f LEFT JOIN declared d USING (clip_id) LEFT JOIN clips c USING (clip_id)",
        f"f.standing = 'damaged' AND {OPEN}", "f.registered_at", "COALESCE(c.damage->>'reason', 'differs')",
        do="'bwv verify ' || f.clip_id",
    ),
    "gaps": Listing(
        "Recordings that are missing",
        "A camera counted on, and no inventory ever listed these. Ask who held the camera; keep it for examination.",
        "gaps g", "true", "g.time", _MISSING, id="g.event_id", clip="NULL", camera="g.camera", recording="NULL",
        size="NULL", newest=True,
        to="'/search?camera=' || g.camera", do="'bwv cameras list'",
    ),
    "rejected": Listing(
        "Rejected reports of seven days",
        "A dock reported what cannot become a clip; the footage stays on its camera. The reason says what to do.",
        "rejections j", "j.time > now() - interval '7 days'", "j.time", "j.reason || '; ' || j.action",
        id="j.event_id", clip="NULL", camera="j.camera", recording="j.recording", size="NULL", newest=True,
        to="'/search?camera=' || j.camera",
    ),
    "unreleased": Listing(
        "Verified, and not released yet",
        "Read back in full; the wipe receipt is still to be signed. Cameras fill up meanwhile: look at the stage"
        " release.",
        CLIPS, f"f.standing = 'verified' AND {OPEN}", "f.registered_at", "'waits for its wipe receipt'",
        do="'bwv trace ' || f.clip_id",
    ),
    "unwiped": Listing(
        "Released, and still on the camera",
        "The camera may erase these. It does so in a dock: one that is out, or whose dock is silent, still has them.",
        CLIPS, "f.standing = 'released' AND f.camera_copy = 'present' AND f.disposal IS NULL", "f.moved_at",
        "'its camera has not erased it'", do="'bwv trace ' || f.clip_id",
    ),
    "verified": Listing(
        "Verified, the newest first",
        "Stored, and read back in full with other credentials.",
        "clips c JOIN clip_fate f USING (clip_id)", "c.verified_at IS NOT NULL", "c.verified_at",
        "COALESCE('in ' || extract(epoch FROM c.verified_at - c.docked_at)::bigint || ' s from its docking', '')",
        size="c.size", newest=True,
    ),
    "unread": Listing(
        "Read longest ago",
        "When each stored clip was last read in full. The scrub reads these first; a clip can be read at once.",
        "clips c JOIN clip_fate f USING (clip_id)", "c.verified_at IS NOT NULL AND c.damaged_at IS NULL",
        "COALESCE(c.reread_at, c.verified_at)",
        "CASE WHEN c.reread_at IS NULL THEN 'read when it was verified' ELSE 'read again' END",
        size="c.size", do="'bwv verify ' || f.clip_id",
    ),
    "reconciled": Listing(
        "Days and their reconciliation",
        f"What docks declared on each of the last {DAYS} days against what is stored. A day without a statement was"
        " compared with nothing yet.",
        f"{DAYS_OF} y", "true", "y.since",
        "CASE WHEN y.stated_at IS NULL THEN 'not reconciled yet' ELSE y.declared || ' declared, ' || y.stored ||"
        " ' stored, ' || y.verified || ' verified, ' || y.unexplained || ' unexplained' END",
        id="y.day", clip="NULL", camera="NULL", recording="y.day", size="NULL", to="NULL",
        do="CASE WHEN y.unexplained = 0 THEN '' ELSE 'bwv reconcile --day ' || y.day END", newest=True,
    ),
}  # fmt: skip
"""Name → list."""

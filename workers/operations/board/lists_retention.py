"""The lists behind what is kept and deleted, and what goes to the prosecutor."""

from __future__ import annotations

from workers.operations.board.listing import Listing

PLANNED = "schedule s JOIN clip_fate f USING (clip_id)"
HELD = "hold_clips h JOIN clip_fate f USING (clip_id) LEFT JOIN declared d USING (clip_id)"

_GOES = (
    "'category ' || s.category || ', rule ' || s.rule || CASE WHEN f.disposal = 'intended' THEN ', in the bin' ELSE ''"
    " END || COALESCE(', waits: ' || s.waits, '')"
)

LISTS: dict[str, Listing] = {
    "soon": Listing(
        "Deleted within 72 hours",
        "What nobody categorises, holds or exhibits goes at the time shown.",
        PLANNED, "s.dispose_from < now() + interval '72 hours' AND NOT s.held", "s.dispose_from", _GOES, size="s.size",
        id="s.clip_id",
        do="'bwv categorise ' || s.clip_id || ' CATEGORY --reason …'",
    ),
    "bin": Listing(
        "In the bin",
        "Their time has come; they are deleted at the time shown unless somebody takes them out:"
        " bwv retention restore.",
        "clip_fate f LEFT JOIN schedule s USING (clip_id)", "f.disposal = 'intended'", "f.dispose_from",
        "COALESCE('category ' || s.category || ', rule ' || s.rule || COALESCE(', waits: ' || s.waits, ''), 'in the"
        " bin')",
        size="s.size",
        do="'bwv retention restore ' || f.clip_id || ' --category CATEGORY --reason …'",
    ),
    "uncategorised": Listing(
        "Uncategorised",
        "Nobody has said what they are. Give each a category, or it goes at the time shown: bwv categorise.",
        PLANNED, "s.category = 'uncategorised'", "COALESCE(s.ends_at, 'infinity')", _GOES, at="s.ends_at",
        size="s.size", id="s.clip_id",
        do="'bwv categorise ' || s.clip_id || ' CATEGORY --reason …'",
    ),
    "reviews": Listing(
        "Retention reviews that are due",
        "A long period has ended: a person keeps or disposes of each: bwv reviews decide.",
        "reviews r JOIN clip_fate f USING (clip_id) LEFT JOIN declared d USING (clip_id)",
        "r.decided_at IS NULL AND r.due_at < now()", "r.due_at", "'category ' || r.category || ', rule ' || r.rule",
        id="r.clip_id",
        do="'bwv reviews decide ' || r.clip_id || ' keep|dispose --reason …'",
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
        to="NULL", do="'bwv retention approve ' || w.sweep_id || ' --reason …'",
    ),
    "overdue": Listing(
        "Submissions without a receipt",
        "Sent, and the gateway has not confirmed them in time: bwv submissions show.",
        "submissions b", "b.state = 'sent' AND b.due_at < now()", "b.due_at",
        "b.urn || ', ' || b.items || ' items'", id="b.submission_id", clip="NULL", camera="NULL",
        recording="NULL", size="NULL", case="b.case_id",
        to="'/submissions/' || b.submission_id", do="'bwv submissions show ' || b.submission_id",
    ),
    "answered": Listing(
        "Submissions to look at",
        "Refused, rejected, or answered with another list than was sent: bwv submissions show, then retry.",
        "submissions b", "b.state IN ('refused', 'rejected', 'partial', 'contradicted')", "b.requested_at",
        "b.urn || ', ' || b.state || COALESCE(': ' || b.waits_for, '')", id="b.submission_id", clip="NULL",
        camera="NULL", recording="NULL", size="NULL", case="b.case_id",
        to="'/submissions/' || b.submission_id", do="'bwv submissions retry ' || b.submission_id || ' --reason …'",
    ),
}  # fmt: skip
"""Name → list."""

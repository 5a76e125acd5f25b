"""Which custody entries of a clip go into a package, and of which the content goes too. Pure.

Each entry stands by itself: its inclusion proof leads to the signed checkpoint without the others. What goes is what
proves the footage: where it came from, that it was stored, read back and never changed, what was made from it for this
submission, and that it is part of it. Holds, reviews and other decisions about keeping it stay at home, since a hold
may be restricted; so do other cases' submissions and whoever looked at it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from workers.custody.bwv_verify import MADE, SUBMITTED, readable
from workers.custody.export import Row
from workers.prosecution.package.recipients import Part, has
from workers.prosecution.statements import Recipient

CONTINUITY = frozenset(
    {
        "uploads.reported",
        "clips.registered",
        "clips.secured",
        "clips.transfer-interrupted",
        "clips.readback-failed",
        "clips.verified",
        "clips.released",
        "clips.wiped",
        "clips.reread",
        "clips.damaged",
    }
)
"""Entries that machines made; none has a word of free text about what is seen or heard."""

SAID_BY_PEOPLE = frozenset(
    {"clips.probed", "clips.attributed", "clips.time-corrected", "clips.quarantined", "quarantine.decided"}
)
"""Entries whose content has a person's words, or words that came out of the footage."""


def extract(
    rows: Iterable[Row],
    recipient: Recipient,
    submission_id: str,
    *,
    made: Collection[str],
    told: Collection[str],
    redacted: bool,
) -> list[Row]:
    """The entries of one clip that this recipient sees; without payload and salt where the content stays at home.

    Args:
        rows: every entry about the clip.
        made: derivatives of this clip in the submission.
        told: those of them of which the recipient learns how they were made.
        redacted: one of them is a redaction.
    """
    found = []
    for row in rows:
        kind = str(msgspec.json.decode(row.entry)["type"]).removesuffix(".urgent")
        said = said_in(row)
        if kind == SUBMITTED and said.get("submission_id") == submission_id:
            found.append(row)
        elif kind == MADE and said.get("derivative_id") in made:
            found.append(row if said["derivative_id"] in told else _bare(row))
        elif kind in CONTINUITY:
            found.append(row if has(recipient, Part.PAYLOADS) else _bare(row))
        elif kind in SAID_BY_PEOPLE:
            shown = not redacted or has(recipient, Part.REDACTION)
            found.append(row if shown and has(recipient, Part.PAYLOADS) else _bare(row))
    return found


def said_in(row: Row) -> dict[str, Any]:
    """An entry's payload as an object; empty where it has none, or none that can be read."""
    try:
        return readable(row.payload) if row.payload is not None else {}
    except ValueError:
        return {}


def _bare(row: Row) -> Row:
    return msgspec.structs.replace(row, payload=None, salt=None)

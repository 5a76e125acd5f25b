"""The schedule: when each clip's time comes under the policy in force. An index: whoever acts decides again.

A clip's plan is written whenever something that it depends on has changed: it was registered, stored or
quarantined, a person decided something, a hold came or went, another policy is in force. A row whose policy is
not the one in force is out of date; `slice_of_outdated` finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from workers.database.engine import Connection, execute, fetch
from workers.fate.moves import Disposal
from workers.fate.row import FATE_COLUMNS, Fate
from workers.footage.recording import Report
from workers.keys.signing import Signed
from workers.retention.clips import clip_of
from workers.retention.decide import plan
from workers.retention.decision import Outcome, Plan
from workers.retention.facts import Fact, hold_entry
from workers.retention.policy import Policy

NO_POLICY = 0
"""The version that stands in rows written before the first policy: nothing goes."""

COLUMNS = (
    ("clip_id", "text"),
    ("source_type", "text"),
    ("recorded_at", "timestamptz"),
    ("docked_at", "timestamptz"),
    ("size", "bigint"),
    ("incident", "text"),
    ("policy", "int"),
    ("verdict", "text"),
    ("category", "text"),
    ("rule", "text"),
    ("ends_at", "timestamptz"),
    ("dispose_from", "timestamptz"),
    ("intend_from", "timestamptz"),
    ("review_from", "timestamptz"),
    ("held", "boolean"),
    ("exception", "text"),
)

_NAMES = ", ".join(name for name, _ in COLUMNS)
_TYPES = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
_UPDATES = ", ".join(f"{name} = EXCLUDED.{name}" for name, _ in COLUMNS[1:])

WRITE = (
    f"INSERT INTO schedule ({_NAMES}) SELECT {_NAMES} FROM jsonb_to_recordset(%s) AS given ({_TYPES})"
    f" ORDER BY clip_id ON CONFLICT (clip_id) DO UPDATE SET {_UPDATES}"
)


def plan_of(fate: Fate, policy: Policy, facts: tuple[Fact, ...] | None = None) -> Plan:
    """When the time of this clip comes.

    Args:
        facts: instead of those that the row has.
    """
    holds = tuple(hold_entry(entry) for entry in fate.hold_reasons)
    return plan(clip_of(fate), fate.facts if facts is None else facts, holds, policy)


async def reschedule(connection: Connection, clip_ids: Sequence[str], policy: Policy | None) -> None:
    """Write the plans of these clips, as their rows stand in this transaction; a disposed clip has none.

    Args:
        policy: that is in force; None before the first.
    """
    found = await fetch(
        connection,
        f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE clip_id = ANY(%s) AND disposal IS DISTINCT FROM %s",
        (list(clip_ids), Disposal.DONE),
    )
    fates = [msgspec.convert(row, Fate) for row in found]
    rows = [_row(fate, policy) for fate in fates]
    if rows:
        await execute(connection, WRITE, (msgspec.json.encode(rows).decode(),))
    if len(rows) < len(clip_ids):
        there = [fate.clip_id for fate in fates]
        await execute(
            connection,
            "DELETE FROM schedule WHERE clip_id = ANY(%s) AND clip_id <> ALL(%s)",
            (list(clip_ids), there),
        )


async def slice_of_outdated(connection: Connection, version: int, after: str, most: int) -> list[str]:
    """The next clips whose plan is of an older policy, in the order of their ids; locked, those that are busy left out.

    Args:
        version: in force.
        after: the last clip of the slice before; "" to begin.
    """
    rows = await fetch(
        connection,
        "SELECT clip_id FROM schedule WHERE clip_id > %s AND policy < %s ORDER BY clip_id LIMIT %s"
        " FOR UPDATE SKIP LOCKED",
        (after, version, most),
    )
    return [row["clip_id"] for row in rows]


async def outdated(connection: Connection, version: int) -> bool:
    """Whether any plan is of an older policy."""
    rows = await fetch(connection, "SELECT EXISTS (SELECT FROM schedule WHERE policy < %s) AS found", (version,))
    return bool(rows[0]["found"])


def _row(fate: Fate, policy: Policy | None) -> dict[str, Any]:
    clip = clip_of(fate)
    made = plan_of(fate, policy) if policy else _unplanned(fate)
    return {
        "clip_id": clip.clip_id,
        "source_type": clip.source_type,
        "recorded_at": clip.recorded_at,
        "docked_at": clip.docked_at,
        "size": _size(fate),
        "incident": clip.incident,
        "policy": made.policy,
        "verdict": made.outcome,
        "category": made.category,
        "rule": made.rule,
        "ends_at": made.ends_at,
        "dispose_from": made.dispose_from,
        "intend_from": made.intend_from,
        "review_from": made.review_from,
        "held": made.held,
        "exception": made.exception,
    }


def _unplanned(fate: Fate) -> Plan:
    return Plan(Outcome.NEVER, "uncategorised", "no policy", NO_POLICY, (), held=fate.held)


class _Sized(msgspec.Struct):
    """Body of a person's second declaration, as far as its length goes."""

    size: int


def _size(fate: Fate) -> int:
    """Bytes that lie in the vault: the declared ones, or those that are kept or were accepted in their place."""
    if fate.declaration is not None:
        return _accepted(fate.declaration)
    if fate.quarantine is not None:
        return int(fate.quarantine["found_size"])
    return msgspec.json.decode(fate.report.body, type=Report).recording.size


def _accepted(declaration: Signed) -> int:
    return msgspec.json.decode(declaration.body, type=_Sized).size

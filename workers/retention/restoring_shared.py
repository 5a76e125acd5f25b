"""What is about many clips, made again from the custody log: policies, standing holds, lifts, the schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from workers.custody.entry import Entry
from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import PolicyInvalid
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.footage.canonical import derived_id
from workers.keys.proving import proved
from workers.keys.signing import Role, Signed, signer_of
from workers.retention.facts import HoldReason
from workers.retention.lifting import people_needed
from workers.retention.own_end import own_end
from workers.retention.past import Told
from workers.retention.policies import current
from workers.retention.policy import parse
from workers.retention.restoring import IsMessage, Keys, asked_hold, enter_again, is_over, lifters
from workers.retention.schedule import reschedule
from workers.retention.scopes import HoldRow, Scope, enter_hold, find_hold
from workers.retention.statements import Adoption, HoldLift

SHARED_TYPES = ("policies.adopted", "holds.standing-placed", "holds.lift-asked", "holds.standing-lifted")
"""Events about no clip that are read here."""

REBUILD = "rebuild"
"""Who placed a hold of which only the vault or a clip's entry is left."""

AT_ONCE = 500
"""Clips that are planned together."""


async def restore_shared(connection: Connection, keys: Keys, is_message: IsMessage) -> dict[str, int]:
    """Policies, standing holds and lifts, in the order of time; returns how many policies and holds there are.

    Called after every clip's own holds are entered: they are lifted here too.
    """
    rows = await fetch(
        connection,
        "SELECT type, topic, time, entry, payload FROM custody WHERE type = ANY(%s) AND conflicts_with IS NULL"
        " AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL ORDER BY time, index",
        (list(SHARED_TYPES),),
    )
    for row in rows:
        if is_message(row["topic"], row["payload"]):
            content = msgspec.json.decode(row["payload"])
            item = Told(row["time"], row["type"], msgspec.json.decode(row["entry"], type=Entry), content)
            await SHARED[item.type](connection, item, keys)
    counted = await fetch(
        connection, "SELECT (SELECT count(*) FROM policies) AS policies, (SELECT count(*) FROM holds) AS holds"
    )
    return {name: int(count) for name, count in counted[0].items()}


async def _adopted(connection: Connection, item: Told, keys: Keys) -> None:
    content = item.content or {}
    asked = proved(content.get("adoption"), Adoption, Role.PERSON, keys)
    if asked is None:
        return
    try:
        policy = parse(asked.toml, asked.version)
    except PolicyInvalid:
        return  # it was not in force then either
    await execute(
        connection,
        "INSERT INTO policies (version, name, toml, sha256, adopted_at, adopted_by, adoption)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (asked.version, policy.name, asked.toml, asked.sha256, asked.at, asked.by,
         msgspec.json.encode(content["adoption"]).decode()),
    )  # fmt: skip


async def _placed(connection: Connection, item: Told, keys: Keys) -> None:
    hold = asked_hold((item.content or {}).get("request"), keys)
    if hold is not None:
        await enter_again(connection, hold)


async def _lift_asked(connection: Connection, item: Told, keys: Keys) -> None:
    content = item.content or {}
    asked = proved(content.get("lift"), HoldLift, Role.PERSON, keys)
    if asked is not None:
        await execute(
            connection,
            "UPDATE holds SET lift = %s WHERE hold_id = %s AND lift IS NULL",
            (msgspec.json.encode(content["lift"]).decode(), asked.hold_id),
        )


async def _lifted(connection: Connection, item: Told, keys: Keys) -> None:
    content = item.content or {}
    hold = await find_hold(connection, content["hold_id"])
    people = lifters(content, keys)
    if hold is None:
        return
    if len(people) >= people_needed(hold) or is_over(own_end(hold.request.body), item.time):
        signers = [signer_of(msgspec.convert(lift, Signed)) for lift in content["lifts"]]
        await execute(
            connection,
            "UPDATE holds SET lifted_at = %s, lifted_by = %s WHERE hold_id = %s AND lifted_at IS NULL",
            (item.time, signers, hold.hold_id),
        )


SHARED = {
    "policies.adopted": _adopted,
    "holds.standing-placed": _placed,
    "holds.lift-asked": _lift_asked,
    "holds.standing-lifted": _lifted,
}


def restored_hold(clip_id: str) -> HoldRow:
    """The hold of a clip of which only the vault's legal hold is left; two people lift it."""
    return _unproved(derived_id("hold", REBUILD, clip_id), HoldReason.RESTORED, clip_id)


def _unproved(hold_id: str, reason: HoldReason, clip_id: str) -> HoldRow:
    return HoldRow(
        hold_id=hold_id,
        scope=Scope.CLIP,
        reason=reason,
        restricted=False,
        request=Signed("", "", ""),
        placed_by=REBUILD,
        placed_at=datetime.now(UTC),
        clip_id=clip_id,
    )


async def enter_unproved(connection: Connection) -> int:
    """Give every entry of a row whose hold nobody can prove a hold that people can lift; returns how many."""
    rows = await fetch(
        connection,
        "SELECT DISTINCT ON (hold_id) split_part(entry, '/', 2) AS hold_id, split_part(entry, '/', 1) AS reason,"
        " clip_id FROM clip_fate, unnest(hold_reasons) AS entry WHERE held"
        " AND NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = split_part(entry, '/', 2)) ORDER BY hold_id, clip_id",
    )
    for row in rows:
        await enter_hold(connection, _unproved(row["hold_id"], HoldReason(row["reason"]), row["clip_id"]))
    return len(rows)


async def fan_out_again(connection: Connection, event_of: Callable[[Any], Event]) -> int:
    """Tell again of every standing hold, and of every lifted one that a row still carries; returns how many.

    Whether each of its clips was reached, the lost database knew.

    Args:
        event_of: the event of a custody row, with the id that it had.
    """
    rows = await fetch(
        connection,
        "SELECT c.event_id, c.type, c.topic, c.clip_id, c.index, c.time, c.entry, c.payload FROM custody c JOIN holds h"
        " ON h.hold_id = c.entry::jsonb->>'subject' WHERE c.conflicts_with IS NULL AND c.payload IS NOT NULL AND"
        " ((c.topic = 'holds.standing-placed' AND h.scope <> 'clip' AND h.lifted_at IS NULL)"
        " OR (c.topic = 'holds.standing-lifted' AND h.lifted_at IS NOT NULL AND EXISTS (SELECT FROM clip_fate f"
        "  WHERE f.held AND h.reason || '/' || h.hold_id = ANY(f.hold_reasons)))) ORDER BY c.index",
    )
    await announce(connection, [event_of(row) for row in rows])
    return len(rows)


async def plan_all(database: Database, told: Callable[[int], None]) -> int:
    """Write every clip's plan under the policy in force, slice by slice; returns how many clips there are.

    Args:
        told: gets the number of clips done.
    """
    after, done = "", 0
    while True:
        async with database.transaction() as connection:
            rows = await fetch(
                connection,
                "SELECT clip_id FROM clip_fate WHERE clip_id > %s ORDER BY clip_id LIMIT %s",
                (after, AT_ONCE),
            )
            if not rows:
                return done
            clips = [row["clip_id"] for row in rows]
            await reschedule(connection, clips, await current(connection))
        after, done = clips[-1], done + len(clips)
        told(done)

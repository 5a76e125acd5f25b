"""Early disposal of accidental, private or privileged footage: an officer asks, data protection approves."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import Refused
from workers.fate.row import Fate
from workers.keys.signing import Signed
from workers.retention.change import Change, instant, stored, when
from workers.retention.facts import EarlyDisposal
from workers.retention.policy import Policy
from workers.retention.schedule import plan_of
from workers.retention.statements import EarlyDisposalRequest


class Wish(Struct, frozen=True):
    """An early disposal that somebody asked for and nobody has approved."""

    asked_by: str
    request: Signed


async def wished(connection: Connection, clip_id: str) -> Wish | None:
    """The wish for this clip, if one stands."""
    rows = await fetch(connection, "SELECT asked_by, request FROM early_requests WHERE clip_id = %s", (clip_id,))
    return msgspec.convert(rows[0], Wish) if rows else None


async def wish(connection: Connection, fate: Fate, asked: EarlyDisposalRequest, signed: Signed) -> str:
    """Note that an officer asks; returns what to tell. The newest wish stands.

    Raises:
        Refused: the clip is held, in the bin, or allowed to go already.
    """
    _possible(fate)
    await execute(
        connection,
        "INSERT INTO early_requests (clip_id, asked_by, asked_at, request) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (clip_id) DO UPDATE SET asked_by = EXCLUDED.asked_by, asked_at = EXCLUDED.asked_at,"
        " request = EXCLUDED.request",
        (fate.clip_id, asked.by, asked.at, stored(signed)),
    )
    return (
        f"{asked.by} asks that {fate.clip_id} goes early; another person, of data protection, approves: "
        f"bwv retention early {fate.clip_id} --approve --reason …"
    )


def approve(fate: Fate, asked: EarlyDisposalRequest, stands: Wish | None, policy: Policy | None) -> Change:
    """Approve what an officer asked for.

    Raises:
        Refused: nobody asked, the same person did, or the clip may not go early now.
    """
    _possible(fate)
    if stands is None:
        raise Refused(
            f"nobody asked for an early disposal of {fate.clip_id}",
            f"an officer asks first: bwv retention early {fate.clip_id} --reason …",
        )
    if stands.asked_by == asked.by:
        raise Refused(
            f"{asked.by} asked for the early disposal of {fate.clip_id} and cannot approve it too",
            "another person, of data protection, approves it",
        )
    at = instant(asked.at, "the time of the request")
    facts = (*fate.facts, EarlyDisposal(stands.asked_by, asked.by, at))
    plan = plan_of(fate, policy, facts) if policy else None
    says = f"{fate.clip_id} may go early: {stands.asked_by} asked, {asked.by} approved; {when(plan, policy)}"
    return Change(facts, plan, says)


async def settle(connection: Connection, clip_id: str) -> None:
    """The wish was granted."""
    await execute(connection, "DELETE FROM early_requests WHERE clip_id = %s", (clip_id,))


def _possible(fate: Fate) -> None:
    if fate.held:
        raise Refused(
            f"{fate.clip_id} is kept by the force and cannot go early",
            f"ask once nothing keeps it any more; see: bwv hold list --clip {fate.clip_id}",
        )
    if fate.disposal is not None:
        raise Refused(f"{fate.clip_id} is in the bin already", f"see when it goes: bwv explain {fate.clip_id}")

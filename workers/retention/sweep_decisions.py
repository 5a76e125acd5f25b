"""A sweep that stopped asks a person: it may go on, or not."""

from __future__ import annotations

from workers.database.engine import Connection, execute, fetch
from workers.errors import Refused
from workers.retention.statements import SweepDecision

LIST = "stopped sweeps: bwv retention sweeps"


async def decide_sweep(connection: Connection, asked: SweepDecision) -> str:
    """Write a person's decision about a stopped sweep; returns what to tell.

    Raises:
        Refused: there is no such sweep, or it does not wait for anybody.
    """
    rows = await fetch(
        connection,
        "SELECT state, due, reason, decided_by FROM sweeps WHERE sweep_id = %s FOR UPDATE",
        (asked.sweep_id,),
    )
    if not rows:
        raise Refused(f"there is no sweep {asked.sweep_id[:64]!r}", LIST)
    sweep = rows[0]
    if sweep["state"] != "stopped":
        said = f"was {sweep['state']} by {sweep['decided_by']}" if sweep["decided_by"] else f"is {sweep['state']}"
        raise Refused(f"{asked.sweep_id} {said} and waits for nobody", LIST)
    state = "approved" if asked.approve else "refused"
    await execute(
        connection,
        "UPDATE sweeps SET state = %s, decided_by = %s, decided_at = %s WHERE sweep_id = %s",
        (state, asked.by, asked.at, asked.sweep_id),
    )
    then = "goes on" if asked.approve else "does not go on"
    return f"{asked.sweep_id} {then}: {sweep['due']} clips were due; {state} by {asked.by}"

"""Brings a clip under a hold, and out of it: first the row, then the store, then the row again.

    protect    one transaction: the reason goes into the clip's row. From its commit on nothing disposes of the clip
    put_on     the store's legal hold on every version, each read back
    confirm    one transaction: the clip is ACTIVE

Each may be repeated, and a crash between two of them leaves a clip that is protected and reads PENDING.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import StoreAway
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, announce, find_on, make_on
from workers.retention.scopes import HoldRow, find_hold
from workers.vault.faults import NotThere
from workers.vault.keys import clip_prefix, quarantine_keys
from workers.vault.vault import Vault, Version


class State(StrEnum):
    """What a hold means for one clip."""

    PENDING = "pending"
    """It falls under it: protected, and the store's legal hold is outstanding."""
    ACTIVE = "active"
    """Every version is under legal hold, read back."""
    REFUSED = "refused"
    """Its disposal had been committed before."""
    CLEARED = "cleared"
    """It was looked at and does not fall under it."""
    LIFTED = "lifted"


OPEN = (State.PENDING, State.ACTIVE)


class Protected(Struct, frozen=True):
    """What became of a clip that a hold is to cover.

    Attributes:
        state: PENDING or ACTIVE: it is protected. REFUSED, CLEARED, LIFTED: it was decided, now or before.
        fate: the row as it is now; None with the hold lifted, or without a row.
    """

    state: State
    fate: Fate | None = None


class Told(Struct, frozen=True):
    """The events that tell of one clip under one hold; which are told is decided with the row."""

    accepted: Event
    refused: Event


async def protect(connection: Connection, hold_id: str, clip_id: str, told: Told) -> Protected:
    """Put the hold into the clip's row; inside the caller's transaction.

    A clip that was in the bin is out of it. A hold that was lifted, and a clip that was cleared, stay so.
    """
    # The hold first, then the clip: in this order everywhere, and a hold is not lifted in between.
    hold = await find_hold(connection, hold_id, lock="FOR SHARE")
    fate = await find_on(connection, clip_id, lock=True)
    before = await state_of(connection, hold_id, clip_id)
    if hold is None or hold.lifted_at is not None or fate is None:
        return Protected(State.LIFTED)
    if before in (State.CLEARED, State.LIFTED, State.REFUSED):
        return Protected(before, fate)
    if fate.disposal in moves.FINAL:
        await enter(connection, hold_id, clip_id, State.REFUSED, refusal(fate))
        await announce(connection, [told.refused])
        return Protected(State.REFUSED, fate)
    if hold.hold.entry not in fate.hold_reasons:
        reasons = (*fate.hold_reasons, hold.hold.entry)
        await make_on(connection, moves.PLACE_HOLD, fate, events=[told.accepted], given={"hold_reasons": reasons})
        fate = await find_on(connection, clip_id)
    if before is State.ACTIVE:
        return Protected(State.ACTIVE, fate)
    await enter(connection, hold_id, clip_id, State.PENDING, "protected; the store's legal hold follows")
    return Protected(State.PENDING, fate)


def refusal(fate: Fate) -> str:
    """Why a hold comes too late, and where its proof is."""
    done = "it was disposed of" if fate.disposal == moves.Disposal.DONE else "its disposal was committed"
    certificate = "the certificate is" if fate.disposal == moves.Disposal.DONE else "its certificate will be"
    return f"{fate.clip_id}: {done} at {fate.moved_at:%Y-%m-%d %H:%M:%S %Z}; {certificate} certificates/{fate.clip_id}"


async def state_of(connection: Connection, hold_id: str, clip_id: str) -> State | None:
    """What this hold means for the clip so far."""
    rows = await fetch(
        connection, "SELECT state FROM hold_clips WHERE hold_id = %s AND clip_id = %s", (hold_id, clip_id)
    )
    return State(rows[0]["state"]) if rows else None


async def enter(connection: Connection, hold_id: str, clip_id: str, state: State, says: str) -> None:
    """Write down what a hold means for a clip."""
    await execute(
        connection,
        "INSERT INTO hold_clips (hold_id, clip_id, state, says) VALUES (%s, %s, %s, %s) ON CONFLICT (hold_id, clip_id)"
        " DO UPDATE SET state = EXCLUDED.state, says = EXCLUDED.says, at = now()",
        (hold_id, clip_id, state, says),
    )


def put_on(vault: Vault, namespace: str, fate: Fate) -> int:
    """Put the legal hold on every version of a clip and read each back; returns how many there are. Blocks.

    Args:
        fate: with a verified version, or quarantined: its bytes lie there.

    Raises:
        StoreAway: the store does not answer, or shows something else than it answered.
    """
    held = set()
    for prefix in (clip_prefix(namespace, fate.clip_id), quarantine_keys(namespace, fate.clip_id).prefix):
        held |= {version.version_id for version in vault.list_versions(prefix) if _held(vault, version)}
    # Of a damaged clip that very version may be gone; what is left of it is held.
    if fate.verified_version not in held and not (held and fate.standing in NOT_ALL_THERE):
        raise StoreAway(
            f"{fate.clip_id}: the store lists {len(held)} versions, and not {fate.verified_version}, which was verified"
        )
    return len(held)


NOT_ALL_THERE = (moves.Standing.DAMAGED, moves.Standing.QUARANTINED)


def _held(vault: Vault, version: Version) -> bool:
    if version.delete_marker:
        return False
    try:
        vault.set_legal_hold(version, True)
    except NotThere:
        return False
    head = vault.head(version.key, version.version_id)
    if head is None:
        return False
    if not head.lock.legal_hold:
        raise StoreAway(f"{version.key} version {version.version_id}: the store took the legal hold and shows none")
    return True


async def confirm(connection: Connection, hold_id: str, clip_id: str, versions: int, placed: Event) -> bool:
    """The clip is ACTIVE; False if the hold was lifted from it meanwhile, or it was before. Inside a transaction."""
    fate = await find_on(connection, clip_id, lock=True)
    if fate is None or await state_of(connection, hold_id, clip_id) is not State.PENDING:
        return False
    await enter(connection, hold_id, clip_id, State.ACTIVE, f"legal hold on {versions} versions, each read back")
    await announce(connection, [placed])
    return True


async def clear(connection: Connection, hold_id: str, clip_id: str, says: str, cleared: Event) -> None:
    """The clip does not fall under this hold after all; inside the caller's transaction."""
    await find_on(connection, clip_id, lock=True)
    if await state_of(connection, hold_id, clip_id) in (None, State.PENDING):
        await enter(connection, hold_id, clip_id, State.CLEARED, says)
        await announce(connection, [cleared])


async def release(connection: Connection, hold: HoldRow, clip_id: str, lifted: Event) -> None:
    """Take a lifted hold out of the clip's row; nothing happens at the store. Inside the caller's transaction."""
    fate = await find_on(connection, clip_id, lock=True)
    state = await state_of(connection, hold.hold_id, clip_id)
    if fate is not None and hold.hold.entry in fate.hold_reasons and fate.disposal not in moves.FINAL:
        reasons = tuple(entry for entry in fate.hold_reasons if entry != hold.hold.entry)
        await make_on(connection, moves.LIFT_HOLD, fate, events=[lifted], given={"hold_reasons": reasons})
        state = state or State.ACTIVE
    if state in OPEN:
        await enter(connection, hold.hold_id, clip_id, State.LIFTED, "the hold was lifted")

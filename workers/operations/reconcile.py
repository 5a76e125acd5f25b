"""Declared, custody log, vault and rows compared: it adds up, or each difference has a name.

Account-keeping is that of the invariants; here they run over the system slice by slice. A system that moves is
looked at again: a difference is named only if it shows at every look, and what moved within the grace is in
flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.footage.clip import CLIP_ID
from workers.operations.accounts import accounts
from workers.operations.collecting import unfinished
from workers.operations.counting import Totals
from workers.operations.differences import difference
from workers.operations.disposed import check_disposed
from workers.operations.invariants import (
    CHECKS,
    check_conservation,
    check_immutability,
    check_whole_clips,
)
from workers.operations.locks import check_locks
from workers.operations.looking import Means, look, strays
from workers.operations.scope import Scope, Slice, slices
from workers.operations.shelves import Prefixes, Recorded
from workers.operations.statement import Difference
from workers.operations.violation import Kind, Violation
from workers.operations.world import OpenUpload, Stored, World
from workers.vault.keys import clip_id_in, upload_prefixes

WITHOUT_PROOFS = (check_conservation, check_immutability, check_locks, check_whole_clips, check_disposed)

AGAIN = (1.0, 3.0)
"""Seconds before each further look at what seemed wrong: the record and a transfer's last steps take less."""

STRAYS = 1000
"""Strays that are named together."""

Progress = Callable[[int, int], None]
"""Told how many cameras are done, and how many there are."""


class Outcome(Struct, frozen=True):
    """What was found.

    Attributes:
        in_flight: did not agree, and moved within the grace.
    """

    totals: Totals
    differences: tuple[Difference, ...]
    in_flight: tuple[str, ...]


async def reconcile(
    means: Means,
    scope: Scope,
    *,
    recorded: Recorded | None,
    now: Callable[[], datetime],
    grace: timedelta,
    told: Progress = lambda done, of: None,
) -> Outcome:
    """Look at everything in the scope.

    Args:
        recorded: a listing of the whole vault, made before; None: only the clips' own prefixes are looked at.
        grace: what moved since is in flight.

    Raises:
        DatabaseAway, StoreAway: nothing is stated.
    """
    near = Prefixes(means.sight.versions, means.namespace)
    totals, wrong = Totals(), list[_Wrong]()
    async for done, of, part in slices(means.database, scope):
        told(done, of)
        world = await look(means, part, recorded or near)
        found = _violations(world, now() - grace, means.proofs)
        if found:
            wrong.append(_Wrong(part, frozenset(map(_name, found))))
        else:
            totals.add(world)
    named, in_flight = list[Violation](), list[Violation]()
    for number, pause in enumerate(AGAIN):
        if not wrong:
            break
        await asyncio.sleep(pause)
        wrong, seen = [], wrong
        means = await _asked_again(means, seen)
        for earlier in seen:
            world = await look(means, earlier.part, near)
            before = now() - grace
            found = [v for v in _violations(world, before, means.proofs) if _name(v) in earlier.names]
            if found and number + 1 < len(AGAIN):
                wrong.append(_Wrong(earlier.part, frozenset(map(_name, found))))
                continue
            totals.add(world)
            for violation in found:
                (in_flight if _young(violation, world, before) else named).append(violation)
    if recorded is not None:
        named += await _strays(means, recorded)
    if scope.whole and means.proofs:
        named += await _unsent(means.database, now() - grace) + await _cut(means.database)
    unique = {(*_name(v), v.reason): v for v in named}
    return Outcome(totals, tuple(difference(v) for v in unique.values()), tuple(str(v) for v in in_flight))


class _Wrong(Struct, frozen=True):
    """A slice that is looked at again, and what seemed wrong in it."""

    part: Slice
    names: frozenset[tuple[Kind, str]]


async def _asked_again(means: Means, seen: Iterable[_Wrong]) -> Means:
    """With the uploads that are unfinished now: what was under way at the first look may have been completed."""
    if not any(kind is Kind.UPLOAD for earlier in seen for kind, _ in earlier.names):
        return means
    begun = await asyncio.to_thread(unfinished, means.sight, upload_prefixes(means.namespace))
    return msgspec.structs.replace(means, begun=begun)


def _name(violation: Violation) -> tuple[Kind, str]:
    return violation.kind, violation.subject


def _young(violation: Violation, world: World, before: datetime) -> bool:
    moved = last_change(violation, world)
    return moved is not None and moved > before


def check_reported(world: World, before: datetime) -> list[Violation]:
    """I11: nothing that a camera held when it was docked `before` waits for its first report."""
    docked = {
        (docking.inventory.camera, item.recording): docking.inventory.docked_at
        for docking in world.inventories
        for item in docking.inventory.recordings
    }
    refused = {(rejection.camera, rejection.recording) for rejection in world.rejections}
    refused |= {(d.inventory.camera, item.name) for d in world.inventories for item in d.inventory.refused}
    found = []
    for account in accounts(world):
        name = account.camera, account.recording
        if account.standing != "on_camera" or account.clips or name in refused:
            continue
        if datetime.fromisoformat(docked[name]) < before:
            reason = f"{account.declared} bytes were listed on {docked[name]} and never reported"
            found.append(Violation("I11", f"{account.camera}/{account.recording}", reason, Kind.NEVER_REPORTED))
    return found


def check_undamaged(world: World) -> list[Violation]:
    """I3: no clip was found damaged. That it was told accounts for it (I1) and does not make it whole."""
    return [
        Violation("I3", f"{account.camera}/{account.recording}", account.why, Kind.DAMAGED)
        for account in accounts(world)
        if account.standing == "damaged"
    ]


def last_change(violation: Violation, world: World) -> datetime | None:
    """When what the violation is about last moved; None if that cannot be said."""
    events = {event.event_id: event.clip_id for event in world.events}
    clips = {clip_id_in(violation.subject), events.get(violation.subject)}
    if CLIP_ID.fullmatch(violation.subject):
        clips.add(violation.subject)
    camera, _, recording = violation.subject.partition("/")
    clips |= {row.clip_id for row in world.fates if (row.camera, row.recording) == (camera, recording)}
    moved = [max(row.moved_at, row.registered_at) for row in world.fates if row.clip_id in clips]
    moved += [event.time for event in world.events if event.clip_id in clips]
    moved += [
        datetime.fromisoformat(docking.inventory.docked_at)
        for docking in world.inventories
        if any(
            (docking.inventory.camera, item.recording) == (camera, recording) for item in docking.inventory.recordings
        )
    ]
    return max(moved, default=None)


def _violations(world: World, before: datetime, proofs: bool) -> list[Violation]:
    checks = CHECKS if proofs else WITHOUT_PROOFS
    found = [violation for check in checks for violation in check(world)]
    return [*found, *check_reported(world, before), *check_undamaged(world)]


async def _strays(means: Means, recorded: Recorded) -> list[Violation]:
    """What lies in the vault, or is being uploaded to it, without a row."""
    begun = {key: clip_id_in(key) for key in means.begun}
    rows = await means.database.fetch(
        "SELECT clip_id FROM clip_fate WHERE clip_id = ANY(%s)", ([clip for clip in begun.values() if clip],)
    )
    known = {row["clip_id"] for row in rows}
    uploads = tuple(OpenUpload(key, "the store") for key, clip in begun.items() if clip not in known)
    found = check_whole_clips(World(namespace=means.namespace, uploads=uploads))
    for some in _chunks(await recorded.strays()):
        found += check_conservation(strays(means, some))
    return found


async def _unsent(database: Database, before: datetime) -> list[Violation]:
    """I9: events that are about no clip and have waited in the outbox since `before`."""
    rows = await database.fetch(
        "SELECT event_id, topic, key FROM outbox WHERE sent_at IS NULL AND topic NOT LIKE 'clips.%%' AND time < %s",
        (before,),
    )
    words = "waits in the outbox and was never sent"
    return [Violation("I9", r["event_id"], f"{r['topic']} of {r['key']} {words}", Kind.EVENT) for r in rows]


async def _cut(database: Database) -> list[Violation]:
    """I9: the log has as many entries as its head says, and no index is missing."""
    row = await database.fetch_one(
        "SELECT size, (SELECT count(*) FROM custody) AS entries, (SELECT max(index) + 1 FROM custody) AS after"
        " FROM custody_head"
    )
    if row is None or (row["entries"], row["after"] or 0) == (row["size"], row["size"]):
        return []
    reason = f"the head says {row['size']} entries; {row['entries']} are there, the last is {row['after']}"
    return [Violation("I9", "custody", reason, Kind.CUSTODY)]


def _chunks(objects: Iterable[Stored]) -> Iterator[list[Stored]]:
    rest = iter(objects)
    while some := list(islice(rest, STRAYS)):
        yield some

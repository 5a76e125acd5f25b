"""I5, first half: what must not go yet is locked for as long as its manifest, the custody log and its row say.

A COMPLIANCE lock can only be extended, so a shorter one says that the store was changed behind our back, or
does not keep locks. Looks only where a HEAD was sent (`Stored.lock`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.operations.violation import Kind, Violation
from workers.operations.world import World
from workers.vault.keys import clip_id_in
from workers.vault.wire import whole_second

COMPLIANCE = "COMPLIANCE"


class _Secured(Struct, frozen=True):
    """What a clips.secured event says of the lock."""

    key: str
    version_id: str
    locked_until: str


def check_locks(world: World) -> list[Violation]:
    """I5: every version has a COMPLIANCE lock, at least until the lease that its row confirms, footage also until the
    date that was told and written down."""
    promised = dict(_promised(world))
    leased = {row.clip_id: row.lease_confirmed for row in world.fates if row.lease_confirmed is not None}
    found = []
    for stored in world.objects:
        if stored.lock is None:
            continue
        until = stored.lock.until
        dates = (promised.get((stored.key, stored.version_id)), leased.get(clip_id_in(stored.key) or ""))
        least = max((date for date in dates if date is not None), default=None)
        if stored.lock.mode != COMPLIANCE or until is None:
            reason = f"has {stored.lock.mode or 'no lock'} until {until}; expected a {COMPLIANCE} lock"
        elif least is not None and until < least:
            reason = f"is locked until {until:%Y-%m-%d %H:%M:%SZ}; its lock was set to {least:%Y-%m-%d %H:%M:%SZ}"
        else:
            continue
        found.append(Violation("I5", stored.key, reason, Kind.LOCK))
    return found


def _promised(world: World) -> Iterable[tuple[tuple[str, str], datetime]]:
    """(key, version id) of footage → the latest date that its manifest or its event names."""
    dates: dict[tuple[str, str], datetime] = {}

    def note(key: str, version: str, until: str) -> None:
        try:
            # A store keeps whole seconds: compared as it was sent.
            date = whole_second(datetime.fromisoformat(until))
        except ValueError:
            return
        dates[key, version] = max(date, dates.get((key, version), date))

    for manifest in world.manifests.values():
        note(manifest.footage_key, manifest.footage_version, manifest.locked_until)
    for event in world.events:
        if event.topic == "clips.secured" and event.body:
            try:
                secured = msgspec.json.decode(event.body, type=_Secured)
            except msgspec.DecodeError:
                continue  # not what transfer says; check_custody looks at the entry itself
            note(secured.key, secured.version_id, secured.locked_until)
    return dates.items()

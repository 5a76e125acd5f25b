"""Makes what intake owns again from the custody log: keys, dockings, running numbers, who is urgent.

The log holds every message, the forged ones too, so each signature is checked again, by the keys as they were
enrolled when it was said; what intake would have refused then is passed over now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from workers.database.engine import Connection, Row, fetch
from workers.errors import PermanentFault
from workers.footage.canonical import sha256_hex
from workers.footage.recording import Inventory
from workers.intake import ledger
from workers.keys.signing import EnrolledKey, Role, Signed, as_it_signed, opened
from workers.keys.statements import PURPOSES, Enrolment, Revocation, Urgency

IsMessage = Callable[[str, bytes], bool]
"""Whether these bytes are a message of the type that the topic carries; what is not had no effect."""

PEOPLE_TYPES = ("keys.enrolled", "keys.revoked", "urgency.requested")
DOCKING_TYPE = "cameras.docked"


class Keys:
    """Enrolled keys as they come to be known while the log is read in the order of time.

    Args:
        known: the trust root and the services' keys.
    """

    def __init__(self, known: Iterable[EnrolledKey]) -> None:
        self.known = {key.id: key for key in known}

    def find(self, key: str) -> EnrolledKey | None:
        """The key as it stands at this point of the log."""
        return self.known.get(key)


async def restore_people(connection: Connection, keys: Keys, is_message: IsMessage) -> int:
    """Keys and urgency, in the order in which they were said; returns how many statements counted."""
    counted = 0
    for row in await _events(connection, PEOPLE_TYPES, "time, index"):
        if not is_message(row["topic"], row["payload"]):
            continue
        try:
            await _said(connection, row, keys)
        except (PermanentFault, ValueError):
            continue  # intake refused it at the time, and so it has no effect now
        counted += 1
    return counted


async def _said(connection: Connection, row: Row, keys: Keys) -> None:
    content = msgspec.json.decode(row["payload"])
    if row["type"] == "keys.enrolled":
        enrolment = opened(PURPOSES[Enrolment], msgspec.convert(content["enrolment"], Signed), Enrolment,
                           role=Role.PERSON, find=keys.find)  # fmt: skip
        key = EnrolledKey(enrolment.id, Role(enrolment.role), enrolment.owner, enrolment.public)
        await ledger.enrol(connection, key, enrolment.by, datetime.fromisoformat(enrolment.at))
        keys.known.setdefault(key.id, key)
    elif row["type"] == "keys.revoked":
        revocation = opened(PURPOSES[Revocation], msgspec.convert(content["revocation"], Signed), Revocation,
                            role=Role.PERSON, find=keys.find)  # fmt: skip
        at = datetime.fromisoformat(revocation.at)
        await ledger.revoke(connection, revocation.id, revocation.by, at, revocation.reason)
        if (known := keys.known.get(revocation.id)) is not None:
            keys.known[revocation.id] = msgspec.structs.replace(known, revoked=True)
    else:
        urgency = opened(PURPOSES[Urgency], msgspec.convert(content["request"], Signed), Urgency,
                         role=Role.PERSON, find=keys.find)  # fmt: skip
        await ledger.hasten(connection, urgency.camera, datetime.fromisoformat(urgency.at))


async def restore_dockings(connection: Connection, keys: Keys, is_message: IsMessage) -> int:
    """Each camera's inventories, oldest docking first; returns how many counted."""
    inventories = []
    for row in await _events(connection, (DOCKING_TYPE,), "index"):
        if not is_message(row["topic"], row["payload"]):
            continue
        signed = msgspec.convert(msgspec.json.decode(row["payload"])["inventory"], Signed)
        try:
            # A dock's key that was revoked since still proves what it signed before.
            inventory = opened(PURPOSES[Inventory], signed, Inventory, role=Role.DOCK,
                               find=lambda key: as_it_signed(keys.find(key)))  # fmt: skip
        except PermanentFault:
            continue
        if inventory.dock == signed.key.split(":")[1]:
            inventories.append((inventory.camera, inventory.docking, row["index"], inventory, signed))
    counted = 0
    for _, _, _, inventory, signed in sorted(inventories, key=lambda item: item[:3]):
        try:
            await ledger.note_inventory(connection, inventory, signed, sha256_hex(signed.body.encode()))
        except PermanentFault:
            continue
        counted += 1
    return counted


async def _events(connection: Connection, types: tuple[str, ...], order: str) -> list[Row]:
    return await fetch(
        connection,
        "SELECT index, type, topic, payload FROM custody WHERE type = ANY(%s) AND conflicts_with IS NULL"
        f" AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL ORDER BY {order}",
        (list(types),),
    )

"""Which file goes for an exhibit: the master of its clip, or what was made from it; and what is still to be made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.fate.row import FATE_COLUMNS, Fate
from workers.footage.recording import Report
from workers.keys.signing import Signed
from workers.keys.statements import Decision
from workers.prosecution.derivatives.rows import COLUMNS, Derivative
from workers.prosecution.statements import OrderedItem
from workers.prosecution.submission.manifest import ItemKind
from workers.prosecution.submission.mme import Mme, recorded
from workers.vault.keys import attempt_keys


class File(Struct, frozen=True):
    """A file in the vault that goes.

    Attributes:
        sha256, size: of the file.
    """

    kind: ItemKind
    sha256: str
    size: int
    media_type: str
    key: str
    version_id: str


async def fates(connection: Connection, clip_ids: Collection[str]) -> dict[str, Fate]:
    """The rows of these clips by their ids, as far as there are any."""
    rows = await fetch(
        connection, f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE clip_id = ANY(%s)", (sorted(set(clip_ids)),)
    )
    return {row["clip_id"]: msgspec.convert(row, Fate) for row in rows}


async def derived(connection: Connection, items: Collection[OrderedItem]) -> dict[str, Derivative]:
    """What was made, or cannot be made, for these items: by the derivative's id."""
    ids = sorted({item.derivative_id for item in items if item.derivative_id is not None})
    rows = await fetch(connection, f"SELECT {COLUMNS} FROM derivatives WHERE derivative_id = ANY(%s)", (ids,))
    return {row["derivative_id"]: msgspec.convert(row, Derivative) for row in rows}


def master(namespace: str, fate: Fate) -> File:
    """The master of a verified clip, with the digest that was signed for it."""
    assert fate.verified_version is not None, f"{fate.clip_id} is not verified"
    size, sha256 = signed_for(fate)
    return File(
        kind="master",
        sha256=sha256,
        size=size,
        media_type=report_of(fate.report).recording.media_type,
        key=attempt_keys(namespace, fate.clip_id, fate.attempt).footage,
        version_id=fate.verified_version,
    )


def signed_for(fate: Fate) -> tuple[int, str]:
    """Size and SHA-256 that the dock signed, or those that a person accepted in a quarantine."""
    if fate.declaration is not None:
        accepted = msgspec.json.decode(fate.declaration.body, type=Decision)
        return accepted.size, accepted.sha256
    recording = report_of(fate.report).recording
    return recording.size, recording.sha256


def mme_of(fate: Fate) -> Mme:
    """The multimedia object of a clip."""
    return recorded(report_of(fate.report).recording)


def report_of(signed: Signed) -> Report:
    """A dock's report out of a clip's row; its signature was checked when it came and when it was verified."""
    return msgspec.json.decode(signed.body, type=Report)


def file_of(namespace: str, item: OrderedItem, fate: Fate, made: Mapping[str, Derivative]) -> File:
    """The file that goes for an item; what it needs has been made."""
    if item.derivative_id is None:
        return master(namespace, fate)
    there = made[item.derivative_id]
    given = {name: getattr(there, name) for name in File.__struct_fields__}
    return msgspec.convert(given, File)

"""Brings a master out of the vault into a file, to be read there. Memory stays flat, whatever its size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from workers.database.engine import Database
from workers.errors import Refused
from workers.fate.moves import NOT_COMMITTED, Standing
from workers.fate.row import Fate, find
from workers.footage.order import declared
from workers.footage.passage import STRIDE, Stopped, Told
from workers.footage.probe import DEMUXERS
from workers.footage.recording import Kind, Recording, Report
from workers.keys.keyring import Keyring
from workers.keys.signing import Role, as_it_signed, opened
from workers.keys.statements import PURPOSES, Decision
from workers.prosecution.derivatives.workspace import demand_space
from workers.vault.faults import NotThere
from workers.vault.keys import attempt_keys
from workers.vault.vault import Vault

SAFE = (Standing.VERIFIED, Standing.RELEASED)


class Master(Struct, frozen=True):
    """A clip's footage, as it was verified and as somebody signed for it.

    Attributes:
        size, sha256: as signed.
        demuxer: ffmpeg's name of its container, by the declared media type.
    """

    clip_id: str
    key: str
    version_id: str
    size: int
    sha256: str
    demuxer: str


class MasterDiffers(Refused):
    """The footage in the vault is not what was signed. An alarm: somebody must look now."""


async def master_of(database: Database, keyring: Keyring, namespace: str, clip_id: str) -> tuple[Master, Recording]:
    """A clip's footage, and what the dock declared of it.

    Raises:
        Refused: there is none from which anything can be made now.
        PermanentFault: what was signed for the clip does not hold.
    """
    fate = await find(database, clip_id)
    if fate is None:
        raise Refused(f"there is no clip {clip_id}", "look for it: bwv trace CAMERA/RECORDING")
    demand_present(fate)
    if fate.standing not in SAFE or fate.verified_version is None:
        raise Refused(
            f"{clip_id} is {fate.standing}: it was not read back and found to be what the dock signed",
            f"ask again when it is verified (bwv trace {clip_id})",
        )
    # A key that was revoked since then still proves what it signed before.
    key = as_it_signed(await keyring.find(fate.report.key))
    report = opened(PURPOSES[Report], fate.report, Report, role=Role.DOCK, find=lambda _: key)
    decision = None
    if fate.declaration is not None:
        person = as_it_signed(await keyring.find(fate.declaration.key))
        decision = opened(PURPOSES[Decision], fate.declaration, Decision, role=Role.PERSON, find=lambda _: person)
    size, sha256 = declared(namespace, clip_id, report, decision)
    footage = attempt_keys(namespace, clip_id, fate.attempt).footage
    return Master(clip_id, footage, fate.verified_version, size, sha256, _demuxer(report.recording)), report.recording


def demand_present(fate: Fate) -> None:
    """Demand that nobody has decided to dispose of a clip.

    Raises:
        Refused: its disposal is committed.
    """
    if fate.disposal not in NOT_COMMITTED:
        raise Refused(
            f"the disposal of {fate.clip_id} is {fate.disposal}: nothing can be made from it any more",
            f"see why: bwv explain {fate.clip_id}",
        )


def _demuxer(recording: Recording) -> str:
    demuxer = DEMUXERS.get(recording.media_type.partition(";")[0].strip().lower())
    if recording.kind is Kind.EVENT_LOG or demuxer is None:
        raise Refused(
            f"{recording.camera}/{recording.recording} is {recording.kind.value} of type {recording.media_type[:80]}, "
            "from which nothing can be made",
            "submit the clip itself",
        )
    return demuxer


def fetch(vault: Vault, master: Master, to: Path, *, stop: Callable[[], bool], told: Told) -> None:
    """Write a master into a file, and compare it on the way with what was signed.

    Args:
        stop: asked at each stride whether to give up.
        told: told of each stride.

    Raises:
        MasterDiffers: it is something else, or not there.
        Refused: there is no room for it.
        StoreAway, Stopped: nothing is known; try again.
    """
    demand_space(to.parent, master.size)
    buffer, digest, size = memoryview(bytearray(STRIDE)), hashlib.sha256(), 0
    try:
        with vault.get(master.key, master.version_id) as reader, to.open("wb") as file:
            while count := reader.readinto(buffer):
                if stop():
                    raise Stopped(f"given up after {size} bytes")
                digest.update(buffer[:count])
                file.write(buffer[:count])
                size += count
                told(count)
    except NotThere as error:
        raise _differs(master, f"it is not in the vault ({error})") from error
    if (size, digest.hexdigest()) != (master.size, master.sha256):
        raise _differs(
            master,
            f"declared are {master.size} bytes, SHA-256 {master.sha256}; read were {size}, {digest.hexdigest()}",
        )


def _differs(master: Master, what: str) -> MasterDiffers:
    return MasterDiffers(
        f"the footage of {master.clip_id} is not what was signed for it: {what}",
        f"look now: bwv verify {master.clip_id}",
    )

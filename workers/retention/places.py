"""Whether a recording was made near a place: by the GPS track in its sidecar, which never leaves the vault."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, radians

import msgspec

from workers.dock.sidecars import SIDECAR_BYTES
from workers.errors import PermanentFault
from workers.fate.moves import Standing
from workers.fate.row import Fate
from workers.footage.canonical import sha256_hex
from workers.footage.recording import Place, decode_sidecar
from workers.retention.statements import PlaceAndRadius
from workers.vault.faults import NotThere
from workers.vault.keys import attempt_keys, quarantine_keys
from workers.vault.vault import Vault

log = logging.getLogger(__name__)

FIX_ERROR = 100.0
"""Metres that a track may be wrong: a receiver between tall buildings, and the way between two fixes."""

DEGREE = 111_320.0
"""Metres of one degree of latitude, and of one of longitude at the equator."""

MOST_LATITUDE, MOST_LONGITUDE = 90.0, 180.0
"""Degrees; what is beyond is no place on the globe."""


def distance(track: Sequence[Place], latitude: float, longitude: float) -> float | None:
    """Metres from a place to the nearest point of a track, ways between fixes included; None without a track.

    On a plane around the place: within the few kilometres that a hold names its error is below one per cent.
    """
    across = DEGREE * cos(radians(latitude))
    fixes = [
        (((fix.longitude - longitude + 180) % 360 - 180) * across, (fix.latitude - latitude) * DEGREE) for fix in track
    ]
    if not fixes:
        return None
    return min([hypot(*fix) for fix in fixes] + [_to_way(one, other) for one, other in pairwise(fixes)])


def _to_way(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of the origin from the straight way between two fixes."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else min(1.0, max(0.0, -(one[0] * dx + one[1] * dy) / length))
    return hypot(one[0] + along * dx, one[1] + along * dy)


def outside(track: Sequence[Place], place: PlaceAndRadius) -> float | None:
    """How far outside of a place a track stayed, in metres from its centre; None if it may have been inside."""
    metres = distance(track, place.latitude, place.longitude)
    return metres if metres is not None and metres > place.metres + FIX_ERROR else None


def stored(fate: Fate) -> bool:
    """Whether the clip's bytes lie in the vault for good: verified, or set apart."""
    return fate.verified_version is not None or fate.standing == Standing.QUARANTINED


def believed(track: Sequence[Place]) -> tuple[Place, ...]:
    """Fixes of a track that a receiver can have had.

    One without a fix commonly writes 0°, 0°, which lies in the sea: taken for a place, it would let a hold of the real
    one go.
    """
    return tuple(
        fix
        for fix in track
        if abs(fix.latitude) <= MOST_LATITUDE
        and abs(fix.longitude) <= MOST_LONGITUDE
        and (fix.latitude, fix.longitude) != (0.0, 0.0)
    )


def read_track(vault: Vault, namespace: str, fate: Fate) -> tuple[Place, ...]:
    """The track of a stored clip; empty where there is none, or none that can be believed. Blocks.

    Raises:
        StoreAway: the store does not answer.
    """
    apart = fate.standing == Standing.QUARANTINED
    keys = quarantine_keys(namespace, fate.clip_id) if apart else attempt_keys(namespace, fate.clip_id, fate.attempt)
    try:
        data = vault.get_small(keys.sidecar, limit=SIDECAR_BYTES)
        if sha256_hex(data) != fate.declared().recording.sidecar_sha256:
            log.warning("%s: its sidecar is not the one that its dock signed; its track does not count", fate.clip_id)
            return ()
        return believed(decode_sidecar(data).track)
    except (NotThere, PermanentFault, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s: its track cannot be read, so it counts as one without: %s", fate.clip_id, error)
        return ()

"""A violation and its kind, and the one that is common to all: a signature that does not hold."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from workers.errors import SignatureInvalid
from workers.keys.signing import Role, Signed, check_signature
from workers.keys.statements import PURPOSES
from workers.operations.world import World


class Kind(StrEnum):
    """What went wrong, as people look it up; differences.py has cause and remedy of each."""

    LOST = "recording lost"
    NEVER_REPORTED = "never reported"
    SUM = "wrong sum"
    UNDECLARED = "undeclared clip"
    STRAY = "stray object"
    MISSING = "missing object"
    VERSIONS = "version too many"
    MARKER = "delete marker"
    MANIFEST = "manifest differs"
    BYTES = "other bytes"
    DAMAGED = "damaged clip"
    UPLOAD = "unfinished upload"
    LOCK = "shortened lock"
    GAP = "camera gap"
    RECEIPT = "receipt unfounded"
    SIGNATURE = "signature wrong"
    EVENT = "lost event"
    CUSTODY = "custody log damaged"
    CERTIFICATE = "certificate missing"
    LEFT = "left after disposal"
    OTHER = "other"


class Violation(Struct, frozen=True):
    """One thing that must never be so."""

    invariant: str
    subject: str
    reason: str
    kind: Kind = Kind.OTHER

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.reason}"


def signed_by(
    invariant: str, subject: str, world: World, signed: Signed, body: type[Struct], role: Role
) -> list[Violation]:
    """Nothing if `signed` is a `body` signed by a known key of this role. A key revoked since then still proves."""
    key = world.keys.get(signed.key)
    if key is None or key.role != role:
        reason = f"its {body.__name__} is signed by {signed.key}, no key of a {role}"
        return [Violation(invariant, subject, reason, Kind.SIGNATURE)]
    try:
        check_signature(PURPOSES[body], signed, key)
    except SignatureInvalid as error:
        return [Violation(invariant, subject, str(error), Kind.SIGNATURE)]
    return []

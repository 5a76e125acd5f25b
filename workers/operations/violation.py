"""A violation, and the one that is common to all: a signature that does not hold."""

from __future__ import annotations

from msgspec import Struct

from workers.errors import SignatureInvalid
from workers.keys.signing import Role, Signed, check_signature
from workers.keys.statements import PURPOSES
from workers.operations.world import World


class Violation(Struct, frozen=True):
    """One thing that must never be so."""

    invariant: str
    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.reason}"


def signed_by(
    invariant: str, subject: str, world: World, signed: Signed, body: type[Struct], role: Role
) -> list[Violation]:
    """Nothing if `signed` is a `body` signed by a known key of this role. A key revoked since then still proves."""
    key = world.keys.get(signed.key)
    if key is None or key.role != role:
        return [Violation(invariant, subject, f"its {body.__name__} is signed by {signed.key}, no key of a {role}")]
    try:
        check_signature(PURPOSES[body], signed, key)
    except SignatureInvalid as error:
        return [Violation(invariant, subject, str(error))]
    return []

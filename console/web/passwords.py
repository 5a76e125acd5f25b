"""Passwords of the local file of people: hashed with scrypt, and checked so that nobody learns who is there."""

from __future__ import annotations

import base64
import hmac
import os

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from workers.errors import Refused

SHORTEST = 12
LONGEST = 256
"""Characters of a password; NCSC: length, not rules about digits."""


class Cost(Struct, frozen=True, array_like=True):
    """What a guess costs (RFC 7914): 128 · r · 2^log_n bytes, p times. OWASP's figures for scrypt."""

    log_n: int = 15
    r: int = 8
    p: int = 3


def hashed(password: str, cost: Cost | None = None) -> str:
    """What is kept of a password: `scrypt$log_n$r$p$salt$hash`.

    Raises:
        Refused: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(
            f"a password of {len(password)} characters; expected {SHORTEST} to {LONGEST}", "take three random words"
        )
    salt, cost = os.urandom(16), cost or Cost()
    made = _scrypt(password, salt, cost)
    return "$".join(("scrypt", str(cost.log_n), str(cost.r), str(cost.p), _text(salt), _text(made)))


def fits(password: str, kept: str) -> bool:
    """Whether this is the password; takes as long for nobody's as for somebody's."""
    nobody = f"scrypt$15$8$3${_text(bytes(16))}${_text(bytes(32))}"
    _, log_n, r, p, salt, wanted = (kept or nobody).split("$")
    found = _scrypt(password[:LONGEST], base64.b64decode(salt), Cost(int(log_n), int(r), int(p)))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and bool(kept)


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost.log_n, r=cost.r, p=cost.p).derive(password.encode())


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()

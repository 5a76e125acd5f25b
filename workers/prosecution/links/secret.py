"""The one secret of the links: everything that must not be guessed is derived from it.

It lies in `<keys>/links.secret`, readable by its owner alone. Whoever makes a new one makes every link anew: the old
addresses lead nowhere from then on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

from workers.errors import ConfigurationInvalid

LINKS_SECRET = "links.secret"
"""Its file in the folder of keys."""

_SHORTEST = 32


class Secret:
    """Derives values that only its holder can derive.

    Args:
        value: at least 32 bytes from a random source.
    """

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def read(cls, keys: Path) -> Secret:
        """The secret in this folder of keys.

        Raises:
            ConfigurationInvalid: there is none, it is too short, or others can read it.
        """
        path = keys / LINKS_SECRET
        try:
            mode, value = path.stat().st_mode, path.read_bytes().strip()
        except OSError as error:
            raise ConfigurationInvalid(f"{path}: no secret for links ({error.strerror}); `bwv up` makes one") from error
        if mode & 0o077:
            raise ConfigurationInvalid(f"{path}: a secret that others can read; chmod 600 it")
        if len(value) < _SHORTEST:
            raise ConfigurationInvalid(f"{path}: {len(value)} bytes; expected at least {_SHORTEST} random ones")
        return cls(value)

    def token(self, link_id: str) -> str:
        """The secret part of a link's address: the same for the same link, 256 bits for whoever guesses."""
        return text(self.mac("token", link_id.encode()))

    def mac(self, purpose: str, *parts: bytes) -> bytes:
        """HMAC-SHA256 of these parts, for this purpose alone."""
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in (purpose.encode(), *parts))
        return hmac.digest(self._value, framed, "sha256")

    def __repr__(self) -> str:
        return "Secret(…)"


def token_digest(token: str) -> str:
    """What the database holds of a token: looked up, it gives away nothing by its time."""
    return hashlib.sha256(token.encode()).hexdigest()


def text(value: bytes) -> str:
    """Bytes as they stand in an address: base64url without its padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

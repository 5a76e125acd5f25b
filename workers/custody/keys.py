"""The keys that sign checkpoints: `<folder>/<name>.pem` with its public half, a C2SP key, in `<name>.vkey`.

While a key is rotated both lie there and both sign. A key that was taken out of use leaves its .vkey behind,
for the checkpoints that it signed.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.custody.note import Signer, Verifier
from workers.errors import ConfigurationInvalid, NoteInvalid
from workers.keys.signing import load_private, save_private


def new_key(folder: Path, name: str, origin: str) -> Verifier:
    """Make a key for the log `origin` and return its public half; an existing key is never overwritten."""
    private = Ed25519PrivateKey.generate()
    verifier = Signer(origin, private).verifier
    save_private(private, folder / f"{name}.pem")
    (folder / f"{name}.vkey").write_text(f"{verifier}\n")
    return verifier


def load_signers(folder: Path, origin: str) -> list[Signer]:
    """The keys that sign now, by name.

    Raises:
        ConfigurationInvalid: there is none, or one cannot be used.
    """
    paths = sorted(folder.glob("*.pem"))
    if not paths:
        raise ConfigurationInvalid(f"{folder}: no key that signs checkpoints; make one with: bwv custody new-key NAME")
    return [Signer(origin, load_private(path)) for path in paths]


def load_verifiers(folder: Path) -> list[Verifier]:
    """Every public key that has ever signed for this log.

    Raises:
        ConfigurationInvalid: a file is no C2SP key.
    """
    found = []
    for path in sorted(folder.glob("*.vkey")):
        try:
            found.append(Verifier.parse(path.read_text().strip()))
        except (NoteInvalid, UnicodeDecodeError) as error:
            raise ConfigurationInvalid(f"{path}: {error}") from error
    return found

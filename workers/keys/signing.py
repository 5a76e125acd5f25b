"""Ed25519 signatures over the exact bytes of a body, and the keys that may make them.

A signed thing travels as `Signed`: the body as the text that was signed, never decoded and encoded again on
the way, so that its signature holds at the far end and in twenty years.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from msgspec import Struct

from workers.errors import ConfigurationInvalid, MessageInvalid, SignatureInvalid
from workers.footage.canonical import canonical

T = TypeVar("T")


class Role(StrEnum):
    """Who holds a key. A key signs only what its role may say."""

    DOCK = "dock"
    CAMERA = "camera"
    PERSON = "person"
    SERVICE = "service"


class Signed(Struct, frozen=True):
    """A body with its signature.

    Attributes:
        body: canonical JSON (RFC 8785) as text.
        key: id of the key, `<role>:<owner>:<first 16 hex digits of SHA-256 of the public key>`.
        signature: Ed25519 over `purpose + "\\n" + body`, base64.
    """

    body: str
    key: str
    signature: str


class EnrolledKey(Struct, frozen=True):
    """A public key that the force has enrolled."""

    id: str
    role: Role
    owner: str
    public: str
    revoked: bool = False


def key_id(role: Role, owner: str, public: bytes) -> str:
    """Name a public key so that the name cannot be moved to another key."""
    return f"{role.value}:{owner}:{hashlib.sha256(public).hexdigest()[:16]}"


class Signer:
    """Holds one private key."""

    def __init__(self, role: Role, owner: str, private: Ed25519PrivateKey) -> None:
        self.role = role
        self.owner = owner
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.key = key_id(role, owner, self.public)

    @classmethod
    def new(cls, role: Role, owner: str) -> Signer:
        """Make a fresh key."""
        return cls(role, owner, Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, role: Role, owner: str, path: Path) -> Signer:
        """Read a private key (PEM) that only its owner may read."""
        try:
            private = load_private(path)
        except FileNotFoundError as error:
            raise ConfigurationInvalid(
                f"{path}: no such key; make it with: bwv keys new {role.value} {owner}"
            ) from error
        return cls(role, owner, private)

    def save(self, path: Path) -> None:
        """Write the private key with mode 0600; an existing file is never overwritten."""
        save_private(self._private, path)

    def sign(self, purpose: str, value: object) -> Signed:
        """Sign the canonical form of `value`.

        Args:
            purpose: what the signature means ("bwv.report.1"); it is signed too, so that a signature given
                for one thing cannot be shown for another.
        """
        body = canonical(value)
        return Signed(body.decode(), self.key, base64.b64encode(self._private.sign(_message(purpose, body))).decode())

    def enrolment(self) -> EnrolledKey:
        """The public half, as it is enrolled."""
        return EnrolledKey(self.key, self.role, self.owner, base64.b64encode(self.public).decode())


def load_private(path: Path) -> Ed25519PrivateKey:
    """Read a private key (PEM) that only its owner may read.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigurationInvalid: others may read it, or it is no Ed25519 key.
    """
    if path.stat().st_mode & 0o077:
        raise ConfigurationInvalid(f"{path}: a private key that others can read; chmod 600 it")
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise ConfigurationInvalid(f"{path}: not a PEM private key ({error})") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationInvalid(f"{path}: expected an Ed25519 key, found {type(private).__name__}")
    return private


def save_private(private: Ed25519PrivateKey, path: Path) -> None:
    """Write a private key (PEM) with mode 0600; an existing file is never overwritten."""
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)


def _message(purpose: str, body: bytes) -> bytes:
    return purpose.encode() + b"\n" + body


def check_signature(purpose: str, signed: Signed, key: EnrolledKey) -> None:
    """Raise SignatureInvalid unless `signed` was made by `key` for `purpose`."""
    try:
        public = base64.b64decode(key.public, validate=True)
        signature = base64.b64decode(signed.signature, validate=True)
        if signed.key != key.id or key.id != key_id(key.role, key.owner, public):
            raise SignatureInvalid(f"{signed.key}: the enrolled key is {key.id}")
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _message(purpose, signed.body.encode()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SignatureInvalid(f"the signature by {signed.key} over this {purpose} is wrong") from error


def signer_of(signed: Signed) -> str:
    """Who owns the key that signed; the form of its id was checked with the signature."""
    return signed.key.split(":")[1]


def check_signer(by: str, signed: Signed) -> None:
    """Raise SignatureInvalid unless whoever is named as saying it signed it. The signature itself holds."""
    if by != signer_of(signed):
        raise SignatureInvalid(
            f"asked by {by[:64]!r} and signed by {signer_of(signed)}: everybody signs for themselves"
        )


def as_it_signed(key: EnrolledKey | None) -> EnrolledKey | None:
    """The key as it was when it signed: what it signed before it was revoked stays true."""
    return msgspec.structs.replace(key, revoked=False) if key is not None else None


def opened(purpose: str, signed: Signed, body: type[T], *, role: Role, find: Callable[[str], EnrolledKey | None]) -> T:
    """Check a signature and decode what was signed.

    Args:
        role: the only role whose keys may say this.
        find: looks an enrolled key up by id.

    Raises:
        SignatureInvalid: unknown, revoked or wrong-role key, or wrong signature.
        MessageInvalid: rightly signed, but not a `body`.
    """
    key = find(signed.key)
    if key is None:
        raise SignatureInvalid(f"key {signed.key[:100]} is not enrolled; enrol it with: bwv keys enrol")
    if key.revoked:
        raise SignatureInvalid(f"key {key.id} was revoked; nothing it signs is accepted")
    if key.role != role:
        raise SignatureInvalid(f"key {key.id} belongs to a {key.role.value}; expected one of a {role.value}")
    check_signature(purpose, signed, key)
    try:
        return msgspec.json.decode(signed.body, type=body)
    except msgspec.DecodeError as error:
        raise MessageInvalid(f"signed by {key.id}, but not a {body.__name__}: {error}") from error

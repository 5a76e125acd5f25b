"""Signed notes: text with one or more Ed25519 signatures below it (C2SP signed-note, c2sp.org/signed-note).

    the text, one or more lines
                                          (an empty line)
    — name base64(key id, signature)      (one or more such lines)

A key is named by its name and its id together. While a key is rotated, the old and the new one both sign, and
whoever knows either of them accepts the note. Reading is strict, so that one note has one form: a byte that
was changed anywhere is found, unless it lies in a signature of a key that the reader does not know.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from workers.errors import NoteInvalid

ED25519 = b"\x01"
"""Signature type of a plain Ed25519 signature."""
KEY_ID_SIZE = 4
KEY_SIZE = 32
MAXIMUM_SIZE = 1_000_000
"""Bytes of a note."""
MAXIMUM_SIGNATURES = 100
"""A reader has to take 16 or more; each one costs a verification at most."""

DASH = "— "
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""ASCII control characters other than the newline."""
VERIFIER_KEY = re.compile(r"([^+]*)\+([0-9a-f]{8})\+(.*)", re.DOTALL)


class Verifier(Struct, frozen=True):
    """A public key that notes are checked with.

    Attributes:
        name: of the key; no spaces and no plus sign, by custom an address without its scheme ("force.example/log").
        public: Ed25519, 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public) != KEY_SIZE:
            raise NoteInvalid(f"key {self.name}: {len(self.public)} bytes, expected an Ed25519 key of {KEY_SIZE}")

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a key as `str()` writes it: "name+8 hex digits of its id+base64 of its type and its bytes".

        Raises:
            NoteInvalid: not of that form, not an Ed25519 key, or its id is not its own.
        """
        parts = VERIFIER_KEY.fullmatch(text)
        if parts is None:
            raise NoteInvalid(f"{text[:200]!r} is not a verifier key, expected name+hash+base64")
        name, key_id, encoded = parts.groups()
        key = decode_base64(encoded, f"verifier key {name}")
        if key[:1] != ED25519:
            raise NoteInvalid(f"verifier key {name} is of type 0x{key[:1].hex()}, expected 0x01 (Ed25519)")
        found = cls(name, key[1:])
        if found.key_id.hex() != key_id:
            raise NoteInvalid(f"verifier key {name}: the hash is {key_id}, that of its bytes is {found.key_id.hex()}")
        return found

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @property
    def key_id(self) -> bytes:
        """SHA-256 of name, newline, type and public key, its first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_SIZE]

    def check(self, text: str, signature: bytes) -> None:
        """Raise NoteInvalid unless this key signed `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise NoteInvalid(f"the signature by {self.name}+{self.key_id.hex()} does not fit the text") from error


class Signer:
    """Holds a private key that signs notes.

    Args:
        name: of the key, as in `Verifier`.
    """

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = Verifier(name, private.public_key().public_bytes_raw())

    def line(self, text: str) -> str:
        """The signature line over `text`."""
        signature = self.verifier.key_id + self._private.sign(text.encode())
        return f"{DASH}{self.verifier.name} {base64.b64encode(signature).decode()}\n"


class Note(Struct, frozen=True):
    """A note that at least one known key signed.

    Attributes:
        text: what was signed, with its last newline.
        signers: known keys that signed it, in the order of their signatures.
        unknown: names in signatures by keys that are not known; they prove nothing.
    """

    text: str
    signers: tuple[Verifier, ...]
    unknown: tuple[str, ...]


def sign(text: str, signers: Sequence[Signer]) -> str:
    """Sign a text.

    Args:
        text: ends with a newline and holds no other control character.
        signers: one key, or several while they are rotated.

    Raises:
        NoteInvalid: a text that a note cannot carry, or no key to sign with.
    """
    if not text.endswith("\n"):
        raise NoteInvalid("the text of a note ends with a newline, this one does not")
    if not 1 <= len(signers) <= MAXIMUM_SIGNATURES:
        raise NoteInvalid(f"a note has 1 to {MAXIMUM_SIGNATURES} signatures, {len(signers)} keys were given")
    _require_readable(_encoded(text))
    _known(signer.verifier for signer in signers)
    note = text + "\n" + "".join(signer.line(text) for signer in signers)
    _require_readable(_encoded(note))
    return note


def open_note(note: str | bytes, verifiers: Sequence[Verifier]) -> Note:
    """Check a note's form and its signatures.

    Raises:
        NoteInvalid: malformed; a signature by a known key does not fit; or no known key signed it.
    """
    data = note if isinstance(note, bytes) else _encoded(note)
    content = _require_readable(data)
    text, gap, lines = content.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteInvalid("a note is a text, an empty line and signature lines that end with a newline")
    text += "\n"
    signed = lines[:-1].split("\n")
    if len(signed) > MAXIMUM_SIGNATURES:
        raise NoteInvalid(f"the note has {len(signed)} signatures, at most {MAXIMUM_SIGNATURES} are read")
    known = _known(verifiers)
    signers: list[Verifier] = []
    unknown: list[str] = []
    for line in signed:
        name, key_id, signature = _parsed_line(line)
        verifier = known.get((name, key_id))
        if verifier is None:
            unknown.append(name)
            continue
        if verifier in signers:
            raise NoteInvalid(f"the note is signed by {name}+{key_id.hex()} twice")
        verifier.check(text, signature)
        signers.append(verifier)
    if not signers:
        known_names = ", ".join(f"{name}+{key_id.hex()}" for name, key_id in known) or "none"
        raise NoteInvalid(f"no known key signed the note: it is signed by {', '.join(unknown)}; known: {known_names}")
    return Note(text, tuple(signers), tuple(unknown))


def decode_base64(text: str, what: str) -> bytes:
    """Decode standard base64 (RFC 4648 section 4) in its one canonical form: padded, no spare bits, no spaces.

    Args:
        what: names the thing in the error.

    Raises:
        NoteInvalid: not base64, or not in that form.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NoteInvalid(f"{what}: {text[:100]!r} is not base64 ({error})") from error
    if base64.b64encode(data).decode() != text:
        raise NoteInvalid(f"{what}: {text[:100]!r} is base64, but not in its canonical form")
    return data


def _parsed_line(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature of a signature line."""
    parts = line.removeprefix(DASH).split(" ")
    if not line.startswith(DASH) or len(parts) != 2:
        raise NoteInvalid(f"{line[:100]!r} is not a signature line, expected: — name base64")
    name, encoded = parts
    _require_name(name)
    data = decode_base64(encoded, f"signature by {name}")
    if len(data) <= KEY_ID_SIZE:
        raise NoteInvalid(f"signature by {name}: {len(data)} bytes, expected a key id of {KEY_ID_SIZE} and a signature")
    return name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:]


def _known(verifiers: Iterable[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    """Keys by name and id, which must tell them apart."""
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise NoteInvalid(f"two keys are both {verifier.name}+{verifier.key_id.hex()}: give one of them a new name")
    return known


def _require_name(name: str) -> None:
    _encoded(name)
    if not name or "+" in name or CONTROL.search(name) or any(letter.isspace() for letter in name):
        raise NoteInvalid(f"{name[:100]!r} is not a key name, expected one or more letters, no space and no plus sign")


def _require_readable(data: bytes) -> str:
    if len(data) > MAXIMUM_SIZE:
        raise NoteInvalid(f"the note has {len(data)} bytes, at most {MAXIMUM_SIZE} are read")
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        raise NoteInvalid(f"the note is not UTF-8 ({error})") from error
    if found := CONTROL.search(content):
        raise NoteInvalid(f"the note holds the control character {found[0]!r}, expected none but newlines")
    return content


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NoteInvalid(f"the text of a note has to be Unicode without surrogates ({error})") from error

#!/usr/bin/env python3
"""Checks the exported custody of one clip, or a package of exhibits, without the system that made it.

    python bwv_verify.py EXPORT --key KEY [--key KEY ...] [--footage FILE] [--json]
    python bwv_verify.py PACKAGE --key KEY [--key KEY ...] [--seal SEAL] [--json]

    EXPORT    the folder: proof.json and, where there is one, timestamp.tsr with timestamp-checkpoint
    PACKAGE   the folder of a package: bagit.txt and what lies beside it
    --key     a key of the log: "name+hash+base64" (C2SP signed-note verifier key), or a file with one a line.
              Get it from somewhere else than the export: whoever can change both can prove anything.
    --footage the recording itself, to be compared with what the dock declared of it
    --seal    the package's seal, as its maker told you: a package with this seal is that package to the last byte

    exit 0    YES: every entry shown stands in the signed log, exactly as shown; every exhibit is what was submitted
    exit 1    NO: and where the export or the package is wrong
    exit 2    wrong use: a key or a path that cannot be used

One file, for whoever must not trust us: Python 3.9 or newer, its standard library and the package
`cryptography` for Ed25519. Nothing is fetched, written or run. What is checked, and by which rule:

    files       no file but the three, regular, of bounded size; their SHA-256 stands in proof.json
    JSON        RFC 8785 canonical form, byte for byte, so that there is one way to read it and to write it
    checkpoint  C2SP signed note (c2sp.org/signed-note) and checkpoint (c2sp.org/tlog-checkpoint); every
                signature must be by a given key and hold, so a note of a key rotation needs both keys
    entries     SHA-256(0x00 || entry) leads by its path to the signed root (RFC 9162 section 2.1.3.2)
    payloads    SHA-256(salt || payload) is the digest in the entry
    clip        every entry is about this clip; the clip's id is the digest of what was declared of it
    timestamp   the time-stamped checkpoint is of the same log (RFC 9162 section 2.1.4.2), and the RFC 3161
                token is about that checkpoint; the token's own signature is for openssl to check

and of a package, beside the export of each of its clips:

    bag         BagIt 1.0 (RFC 8493): every file is listed with its SHA-256 and every listed file is there, no other
                file, no link, no empty folder; the lists in their one order and spelling
    manifest    the submission's own manifest in canonical form; its digest stands in the log with every exhibit
    exhibits    each file has the digest that the manifest and the entry `clips.submitted` of its clip say
    masters     a master has the digest that the dock declared; what was made from one has that digest for its
                parent in the manifest, in the entry `derivatives.made`, and in the signed lineage
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shlex
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("bwv_verify: needs the package `cryptography` for Ed25519: python -m pip install cryptography\n")
    raise SystemExit(2) from None

FORMAT = "bwv-custody-proof/1"
PROOF = "proof.json"
TOKEN = "timestamp.tsr"
STAMPED = "timestamp-checkpoint"
LIMITS = {PROOF: 32 << 20, TOKEN: 1 << 20, STAMPED: 64 << 10}
"""The files of an export, and the most bytes that each may have."""

MOST_ENTRY = 65_535
"""Bytes of an entry: what fits into a bundle of c2sp.org/tlog-tiles."""

MOST_SIGNATURES = 64
MOST_LEVELS = 8
"""Objects and arrays inside one another."""

SALT = 16
"""Bytes. A fixed length, so that salt and payload cannot be cut apart elsewhere."""

CLIP_ID = re.compile(r"clip-[a-z2-7]{32}")
KEY_NAME = r"[^\s+]+"
VERIFIER_KEY = re.compile(rf"({KEY_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]+={{0,2}})")
SIGNATURE_LINE = re.compile(rf"— ({KEY_NAME}) ([A-Za-z0-9+/]+={{0,2}})")
ED25519 = 1
"""Signature type of c2sp.org/signed-note."""


class Refused(Exception):
    """The export does not prove what it says.

    Args:
        where: file and place in it.
        expected, found: for people.
    """

    def __init__(self, where: str, expected: str, found: str) -> None:
        super().__init__(f"{where}: expected {expected}; found {found}")
        self.where, self.expected, self.found = where, expected, found


class WrongUse(Exception):
    """A key or a path on the command line cannot be used."""


@dataclass(frozen=True)
class Key:
    """A verifier key: name, key id (4 bytes), and the key itself."""

    name: str
    id: bytes
    public: Ed25519PublicKey

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}"


@dataclass(frozen=True)
class Checkpoint:
    """The head of the log that a note signs; `signers` are the keys whose signatures hold."""

    origin: str
    size: int
    root: bytes
    signers: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """A proven entry, with its payload where the export has it.

    Attributes:
        header: the entry.
        payload: None where it was erased or withheld.
        said: the payload's JSON object, if it can be read as one; `unread` says why not.
    """

    header: dict[str, Any]
    payload: bytes | None
    said: dict[str, Any] | None
    unread: str | None


@dataclass(frozen=True)
class Declared:
    """What was signed for when the clip was named: its id is derived from this."""

    camera: str
    recording: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Stamp:
    """The time-stamped checkpoint, and what the token says of when."""

    checkpoint: Checkpoint
    time: str


@dataclass(frozen=True)
class Proven:
    """All that an export proves."""

    namespace: str
    clip_id: str
    camera: str | None
    declared: Declared | None
    checkpoint: Checkpoint
    events: tuple[Event, ...] = field(repr=False)
    stamp: Stamp | None = None


# -- text that others wrote ------------------------------------------------------------------------------------


def shown(value: object, most: int = 200) -> str:
    """Text that is safe on a terminal: no control characters, nothing that changes the direction of writing."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = value if isinstance(value, str) else json.dumps(value)
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: most + 1])
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def canonical(value: Any, deep: int = MOST_LEVELS) -> str:
    """RFC 8785 form of strings, numbers, null, arrays and objects: names sorted by their UTF-16 units."""
    if not deep:
        raise ValueError(f"more than {MOST_LEVELS} levels deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name], deep - 1)}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, deep - 1) for item in value) + "]"
    return _number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A number as ECMAScript writes it (RFC 8785 section 3.2.2.3): Python's digits, with other exponents."""
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if 0 < point <= 21:
        text = text.ljust(point, "0") if len(text) <= point else text[:point] + "." + text[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + text
    else:
        text = text[0] + ("." + text[1:] if text[1:] else "") + f"e{point - 1:+d}"
    return "-" * sign + text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, item in pairs:
        if name in value:
            raise ValueError(f"the name {shown(name, 60)} stands twice in one object")
        value[name] = item
    return value


def _short_number(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _whole_number(digits: str) -> int:
    if len(digits) > 16 or abs(int(digits)) > 2**53 - 1:
        raise ValueError(f"the number {shown(digits, 30)} is beyond 2^53 - 1")
    return int(digits)


def _no_number(digits: str) -> None:
    raise ValueError(f"{shown(digits, 30)} is not a whole number")


def _fraction(digits: str) -> float:
    value = float(digits) if len(digits) <= 30 else float("inf")
    if not abs(value) < 1e21:
        raise ValueError(f"the number {shown(digits, 30)} is too long or too large")
    return value


def strict_json(where: str, data: bytes, fractions: bool = False) -> Any:
    """Decode JSON that must be its own canonical form (RFC 8785), byte for byte.

    Args:
        fractions: numbers need not be whole.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_whole_number,
            parse_float=_fraction if fractions else _no_number,
            parse_constant=_no_number,
        )
        again = canonical(value).encode("utf-8")
    except RecursionError:
        raise Refused(where, "JSON a few levels deep", "JSON nested too deep") from None
    except ValueError as error:
        raise Refused(where, "canonical JSON (RFC 8785)", shown(str(error))) from None
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data)) if a != b), min(len(again), len(data)))  # noqa: B905
        raise Refused(
            where, f"canonical JSON (RFC 8785), {shown(_near(again, at))}", f"{shown(_near(data, at))} at byte {at}"
        )
    return value


def _near(data: bytes, at: int) -> str:
    return data[max(0, at - 10) : at + 20].decode("utf-8", "backslashreplace")


def readable(data: bytes) -> dict[str, Any]:
    """Read a payload, which was recorded as it came; raises ValueError that says why it has not one meaning."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_int=_short_number)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


# -- single values ---------------------------------------------------------------------------------------------


def members(where: str, value: Any, names: Sequence[str]) -> dict[str, Any]:
    """The object at `where`, which must have exactly these names."""
    if not isinstance(value, dict):
        raise Refused(where, "an object", shown(value, 60))
    if set(value) != set(names):
        raise Refused(where, "exactly the names " + ", ".join(sorted(names)), shown(", ".join(sorted(value))))
    return value


def items(where: str, value: Any) -> list[Any]:
    """The array at `where`."""
    if not isinstance(value, list):
        raise Refused(where, "an array", shown(value, 60))
    return value


def text(where: str, value: Any) -> str:
    """The string at `where`."""
    if not isinstance(value, str):
        raise Refused(where, "a text", shown(value, 60))
    return value


def whole(where: str, value: Any) -> int:
    """The number at `where`, from 0."""
    if type(value) is not int or value < 0:
        raise Refused(where, "a whole number from 0", shown(value, 60))
    return value


def hexadecimal(where: str, value: Any, size: int) -> bytes:
    """The `size` bytes at `where`, in lower-case hex."""
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
        raise Refused(where, f"{2 * size} lower-case hex digits", shown(value, 80))
    return bytes.fromhex(value)


def hashes(where: str, value: Any) -> list[bytes]:
    """The array of SHA-256 digests at `where`."""
    return [hexadecimal(f"{where}[{number}]", item, 32) for number, item in enumerate(items(where, value))]


def base64_bytes(where: str, value: Any) -> bytes:
    """The bytes at `where`, in base64 that has one spelling (RFC 4648 section 4, padded)."""
    try:
        data = base64.b64decode(text(where, value).encode("ascii"), validate=True)
    except ValueError:
        raise Refused(where, "base64", shown(value, 60)) from None
    if base64.b64encode(data).decode() != value:
        raise Refused(where, "base64 in its one canonical spelling", shown(value, 60))
    return data


def utf8(where: str, data: bytes) -> str:
    """The file's text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(where, "UTF-8", f"byte {data[error.start]:#04x} at {error.start}") from None


# -- files -----------------------------------------------------------------------------------------------------


def read_export(folder: str) -> dict[str, bytes]:
    """Read the files of an export: no others, no links, nothing beyond its limit."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise WrongUse(f"{folder}: not a folder that can be read ({error.strerror})") from None
    for name in sorted(names):
        if name not in LIMITS:
            raise Refused(shown(name), "no file but " + ", ".join(LIMITS), "a file that does not belong to an export")
    return {name: _read(os.path.join(folder, name), name, LIMITS[name]) for name in sorted(names)}


def _read(path: str, name: str, most: int) -> bytes:
    data: bytes = _from_file(path, name, lambda file: file.read(most + 1))
    if len(data) > most:
        raise Refused(name, f"at most {most} bytes", "more")
    return data


def _from_file(path: str, name: str, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of a regular file; a link is refused, whatever it leads to."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Refused(name, "a regular file", "a link, a folder or a device")
        with os.fdopen(os.open(path, flags), "rb") as file:
            return read(file)
    except OSError as error:
        raise Refused(name, "a file that can be read", str(error.strerror)) from None


def measure(path: str) -> tuple[int, str]:
    """Size and SHA-256 (hex) of the footage, read once in strides."""
    try:
        if not os.path.isfile(path):
            raise WrongUse(f"{path}: --footage is not a regular file")
        with open(path, "rb") as file:
            return _digest_of(file)
    except OSError as error:
        raise WrongUse(f"{path}: --footage cannot be read ({error.strerror})") from None


def _digest_of(file: Any, told: Callable[[int], None] = lambda size: None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while stride := file.read(1 << 20):
        digest.update(stride)
        size += len(stride)
        told(len(stride))
    return size, digest.hexdigest()


# -- keys, notes and checkpoints -------------------------------------------------------------------------------


def read_keys(given: Sequence[str]) -> list[Key]:
    """Verifier keys from the command line: each a key, or a file with one a line (`#` begins a remark)."""
    keys = []
    for value in given:
        if VERIFIER_KEY.fullmatch(value):
            keys.append(parse_key(value, "--key"))
            continue
        try:
            with open(value, encoding="utf-8-sig") as file:
                lines = file.read(1 << 20).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(
                f"--key {shown(value)}: neither name+hash+base64 nor a file of such lines ({error})"
            ) from None
        found = [parse_key(line, value) for line in map(str.strip, lines) if line and not line.startswith("#")]
        if not found:
            raise WrongUse(f"--key {shown(value)}: the file has no key in it")
        keys += found
    return keys


def parse_key(line: str, source: str) -> Key:
    """Parse `name+hash+base64`; its hash must belong to it (c2sp.org/signed-note)."""
    match = VERIFIER_KEY.fullmatch(line)
    if match is None or not line.isprintable():
        raise WrongUse(f"{shown(source)}: expected a key as name+hash+base64, found {shown(line, 80)}")
    name, digest, encoded = match.groups()
    try:
        raw = base64_bytes(source, encoded)
    except Refused as error:
        raise WrongUse(f"key {shown(name)}: {error}") from None
    if len(raw) != 33 or raw[0] != ED25519:
        raise WrongUse(
            f"key {shown(name)}: expected an Ed25519 key (type 1, 32 bytes), "
            f"found {len(raw)} bytes of type {raw[:1].hex()}"
        )
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if key_id.hex() != digest:
        raise WrongUse(f"key {shown(name)}: its hash should be {key_id.hex()}, found {digest}; it was copied wrongly")
    return Key(name, key_id, Ed25519PublicKey.from_public_bytes(raw[1:]))


def open_note(where: str, note: str, keys: Sequence[Key]) -> tuple[str, tuple[str, ...]]:
    """The text of a signed note and who signed it; every signature must be by a given key, and hold."""
    if any(c < " " and c != "\n" for c in note):
        raise Refused(where, "a signed note", "a control character in it")
    body, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise Refused(where, "a signed note: text, an empty line, signature lines", shown(note, 80))
    signed, lines = body + "\n", tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Refused(where, f"at most {MOST_SIGNATURES} signatures", str(len(lines)))
    signers: list[str] = []
    for number, line in enumerate(lines, 1):
        signer = _signer(f"{where}, signature {number}", signed, line, keys)
        if signer in signers:
            raise Refused(
                f"{where}, signature {number}", "one signature by each key", f"a second one by {shown(signer)}"
            )
        signers.append(signer)
    return signed, tuple(signers)


def _signer(where: str, signed: str, line: str, keys: Sequence[Key]) -> str:
    match = SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise Refused(where, "a line of em dash, key name and base64", shown(line, 80))
    name, data = match.group(1), base64_bytes(where, match.group(2))
    if len(data) != 4 + 64:
        raise Refused(where, "4 bytes of key id and 64 of Ed25519 signature", f"{len(data)} bytes")
    known = [key for key in keys if (key.name, key.id) == (name, data[:4])]
    if not known:
        raise Refused(
            where,
            "a signature by a key given with --key (a note of a key rotation has two, by the old and the new key: "
            "give both)",
            f"one that names the key {shown(name)}+{data[:4].hex()}",
        )
    try:
        known[0].public.verify(data[4:], signed.encode("utf-8"))
    except InvalidSignature:
        raise Refused(
            where, f"a signature by {shown(str(known[0]))} over this very text", "one that does not hold"
        ) from None
    return str(known[0])


def read_checkpoint(where: str, note: str, keys: Sequence[Key]) -> Checkpoint:
    """Check a signed checkpoint (c2sp.org/tlog-checkpoint): origin, size, root; signed by its log at least."""
    signed, signers = open_note(where, note, keys)
    lines = signed[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Refused(where, "three lines: origin, size, root", shown(signed, 100))
    if not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1], re.ASCII):
        raise Refused(where, "the size as a decimal number", shown(lines[1], 40))
    root = base64_bytes(where, lines[2])
    if len(root) != 32:
        raise Refused(where, "a root of 32 bytes", f"{len(root)} bytes")
    if not any(signer.rpartition("+")[0] == lines[0] for signer in signers):
        raise Refused(where, f"a signature by the log itself, {shown(lines[0])}", "only " + shown(", ".join(signers)))
    return Checkpoint(lines[0], int(lines[1]), root, signers)


# -- the tree, RFC 9162 section 2.1 ----------------------------------------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_inclusion(where: str, entry: bytes, index: int, path: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """RFC 9162 section 2.1.3.2: the path leads from the entry, at its index, to the signed root."""
    at, last, found = index, checkpoint.size - 1, hashlib.sha256(b"\x00" + entry).digest()
    steps = 0
    for sibling in path:
        if last == 0:
            break
        steps += 1
        if at & 1 or at == last:
            found = _node(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, sibling)
        at, last = at >> 1, last >> 1
    if last or steps != len(path):
        raise Refused(
            f"{where}.path", f"the hashes from entry {index} to a root over {checkpoint.size}", f"{len(path)} of them"
        )
    if found != checkpoint.root:
        raise Refused(
            f"{where}.path",
            f"to lead from this entry, at index {index}, to the signed root {checkpoint.root.hex()}",
            f"that it leads to {found.hex()}: the entry, its index or its path was changed",
        )


def check_consistency(where: str, old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> None:
    """RFC 9162 section 2.1.4.2: the newer tree begins with the whole older one."""
    expected = f"proof that the log of {new.size} entries begins with the log of {old.size}"
    if old.size == new.size:
        if path or old.root != new.root:
            raise Refused(where, expected, "two different roots of one size, or hashes too many")
        return
    rest = [old.root, *path] if old.size & (old.size - 1) == 0 else list(path)
    if not path or not rest:
        raise Refused(where, expected, "no hashes")
    at, last = old.size - 1, new.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = rest[0]
    steps = 1
    for sibling in rest[1:]:
        if last == 0:
            break
        steps += 1
        if at & 1 or at == last:
            before, after = _node(sibling, before), _node(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = _node(after, sibling)
        at, last = at >> 1, last >> 1
    if last or steps != len(rest) or before != old.root or after != new.root:
        raise Refused(where, expected, "hashes that lead to other roots: one log is not the beginning of the other")


# -- entries ---------------------------------------------------------------------------------------------------

HEADER = ("event_id", "type", "time", "source", "verb")


def check_entry(where: str, value: Any, clip: str, checkpoint: Checkpoint, least: int) -> Event:
    """One entry: about this clip, in the signed tree, with the payload that was recorded.

    Args:
        least: the lowest index it may have, so that they ascend.
    """
    item = members(where, value, ("index", "entry", "path", "payload", "salt"))
    index = whole(f"{where}.index", item["index"])
    if not least <= index < checkpoint.size:
        raise Refused(f"{where}.index", f"an index from {least}, below the log's size {checkpoint.size}", str(index))
    line = _bytes_of(f"{where}.entry", item["entry"])
    header = _header(f"{where}.entry", line)
    if header["index"] != index:
        raise Refused(f"{where}.index", f"{header['index']}, as the entry says", str(index))
    if header.get("clip_id") != clip:
        raise Refused(f"{where}.entry", f"an entry about {clip}", f"one about {shown(header.get('clip_id'), 60)}")
    check_inclusion(where, line, index, hashes(f"{where}.path", item["path"]), checkpoint)
    if (item["payload"] is None) != (item["salt"] is None):
        raise Refused(f"{where}.salt", "payload and salt, or neither", "one of them")
    if item["payload"] is None:
        return Event(header, None, None, None)
    payload = base64_bytes(f"{where}.payload", item["payload"])
    salt = hexadecimal(f"{where}.salt", item["salt"], SALT)
    found = hashlib.sha256(salt + payload).hexdigest()
    if found != header["payload"]:
        raise Refused(f"{where}.payload", f"SHA-256(salt || payload) = {header['payload']}, as the entry says", found)
    try:
        said = readable(payload)
    except ValueError as error:
        return Event(header, payload, None, shown(str(error)))
    named = said.get("clip_id")
    if isinstance(named, str) and CLIP_ID.fullmatch(named) and named != clip:
        raise Refused(f"{where}.payload", f"a payload about {clip}", f"one about {named}")
    return Event(header, payload, said, None)


def _bytes_of(where: str, value: Any) -> bytes:
    line = text(where, value).encode("utf-8")
    if len(line) > MOST_ENTRY:
        raise Refused(where, f"at most {MOST_ENTRY} bytes", str(len(line)))
    return line


def _header(where: str, line: bytes) -> dict[str, Any]:
    header = strict_json(where, line)
    if not isinstance(header, dict) or not all(type(value) in (str, int, type(None)) for value in header.values()):
        raise Refused(where, "an object of texts and numbers", shown(header, 60))
    whole(f"{where}: index", header.get("index"))
    for name in HEADER:
        text(f"{where}: {name}", header.get(name))
    hexadecimal(f"{where}: payload", header.get("payload"), 32)
    return header


# -- which recording -------------------------------------------------------------------------------------------


def derived_clip(domain: str, namespace: str, declared: Declared) -> str | None:
    """The id of the clip that a declaration is about: a digest of it, so that it cannot be given another."""
    parts = [domain, namespace, declared.camera, declared.recording, declared.size, declared.sha256]
    try:
        digest = hashlib.sha256(canonical(parts).encode("utf-8")).digest()
    except UnicodeEncodeError:
        return None
    return "clip-" + base64.b32encode(digest).decode().lower()[:32]


def signed_body(said: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """What stands in a signed part of a payload; empty where there is none that can be read."""
    signed = (said or {}).get(name)
    body = signed.get("body") if isinstance(signed, dict) else None
    try:
        return readable(body.encode("utf-8")) if isinstance(body, str) else {}
    except ValueError:
        return {}


def _declaration(value: Any) -> Declared | None:
    value = value if isinstance(value, dict) else {}
    camera, recording, size, sha256 = (value.get(name) for name in ("camera", "recording", "size", "sha256"))
    if not all(isinstance(part, str) for part in (camera, recording, sha256)) or type(size) is not int:
        return None
    return Declared(str(camera), str(recording), size, str(sha256))


def find_declared(namespace: str, clip: str, events: Sequence[Event]) -> Declared | None:
    """What the clip's id was derived from: a dock's report, or a person's acceptance of quarantined bytes.

    None where no payload that is left says it.
    """
    reported: list[int] = []
    for number, event in enumerate(events):
        report = _declaration(signed_body(event.said, "report").get("recording"))
        accepted = _declaration(signed_body(event.said, "declaration"))
        for domain, declared in (("bwv-clip-1", report), ("bwv-accepted-1", accepted)):
            if declared is not None and derived_clip(domain, namespace, declared) == clip:
                return declared
        if report is not None:
            reported.append(number)
    if reported and all(event.payload is not None for event in events):
        raise Refused(
            f"{PROOF}: entries[{reported[0]}].payload",
            f"a declaration from which {clip} is derived in the namespace {shown(namespace)}",
            "a report of another recording",
        )
    return None


def find_camera(declared: Declared | None, events: Sequence[Event]) -> str | None:
    """The camera of the declaration; where none is left, the one that the entries name first."""
    if declared is not None:
        return declared.camera
    named = (event.header.get("camera") for event in events)
    return next((camera for camera in named if isinstance(camera, str)), None)


def check_identity(proof: dict[str, Any], events: Sequence[Event]) -> tuple[str | None, Declared | None]:
    """Namespace, camera and recording are what the entries say; the last two null where nothing left proves them."""
    namespace = text(f"{PROOF}: namespace", proof["namespace"])
    sources = sorted({event.header["source"] for event in events})
    if not any(source.startswith(f"/bwv/{namespace}/") for source in sources):
        raise Refused(
            f"{PROOF}: namespace", "the one in a source of the entries, " + shown(", ".join(sources)), shown(namespace)
        )
    declared = find_declared(namespace, proof["clip_id"], events)
    proven = {"camera": find_camera(declared, events), "recording": declared.recording if declared else None}
    for name, value in proven.items():
        if proof[name] != value:
            raise Refused(f"{PROOF}: {name}", f"{shown(value)}, as the entries say", shown(proof[name]))
    return proven["camera"], declared


# -- the time-stamp, RFC 3161 ----------------------------------------------------------------------------------

SEQUENCE, INTEGER, OCTETS, OID, SET, TIME, EXPLICIT_0 = 0x30, 0x02, 0x04, 0x06, 0x31, 0x18, 0xA0
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
TST_INFO = bytes.fromhex("2a864886f70d0109100104")  # 1.2.840.113549.1.9.16.1.4
SHA256_OID = bytes.fromhex("608648016503040201")  # 2.16.840.1.101.3.4.2.1


def der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Take one DER element off the front: its content, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise Refused(TOKEN, f"a DER element {tag:#04x}", data[:2].hex() or "the end")
    length, start = data[1], 2
    if length >= 0x80:
        count = length & 0x7F
        encoded = data[2 : 2 + count]
        length, start = int.from_bytes(encoded, "big"), 2 + count
        if not 1 <= count <= 4 or len(encoded) < count or encoded[0] == 0 or length < 0x80:
            raise Refused(TOKEN, "a definite DER length in its shortest form", data[1:start].hex())
    if len(data) < start + length:
        raise Refused(TOKEN, f"{length} bytes of a DER element", f"{len(data) - start}")
    return data[start : start + length], data[start + length :]


def _last(data: bytes, tag: int) -> bytes:
    content, rest = der(data, tag)
    if rest:
        raise Refused(TOKEN, "nothing after the end", f"{len(rest)} bytes")
    return content


def read_token(token: bytes, stamped: bytes) -> str:
    """The time in an RFC 3161 response about `stamped`. Its signature is not checked here: openssl does that."""
    status, rest = der(_last(token, SEQUENCE), SEQUENCE)
    granted = der(status, INTEGER)[0]
    if granted not in (b"\x00", b"\x01"):
        raise Refused(TOKEN, "a granted time-stamp", f"status {granted.hex()}")
    kind, content = der(_last(rest, SEQUENCE), OID)
    signed = _last(_last(content, EXPLICIT_0), SEQUENCE)
    after_version = der(signed, INTEGER)[1]
    inner = der(der(after_version, SET)[1], SEQUENCE)[0]
    inner_kind, inner_content = der(inner, OID)
    if (kind, inner_kind) != (SIGNED_DATA, TST_INFO):
        raise Refused(TOKEN, "signed time-stamp information", f"types {kind.hex()} and {inner_kind.hex()}")
    info = _last(_last(_last(inner_content, EXPLICIT_0), OCTETS), SEQUENCE)
    info = der(der(info, INTEGER)[1], OID)[1]
    imprint, info = der(info, SEQUENCE)
    algorithm, digest = der(imprint, SEQUENCE)
    if der(algorithm, OID)[0] != SHA256_OID:
        raise Refused(TOKEN, "an imprint by SHA-256", f"algorithm {der(algorithm, OID)[0].hex()}")
    expected, found = hashlib.sha256(stamped).hexdigest(), _last(digest, OCTETS).hex()
    if found != expected:
        raise Refused(TOKEN, f"a token about {STAMPED}, whose SHA-256 is {expected}", f"one about {found}")
    return _utc_of(der(der(info, INTEGER)[1], TIME)[0])


def _utc_of(generalized: bytes) -> str:
    match = re.fullmatch(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z", generalized)
    if match is None:
        raise Refused(TOKEN, "a time as YYYYMMDDhhmmss[.f]Z", shown(generalized.decode("latin-1"), 40))
    year, month, day, hour, minute, second, part = (group.decode() if group else "" for group in match.groups())
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{part}Z"


def check_stamp(
    proof: dict[str, Any], files: Mapping[str, bytes], keys: Sequence[Key], checkpoint: Checkpoint
) -> Stamp | None:
    """The time-stamped checkpoint is of this log, and the token is about it."""
    stated = proof["timestamp"]
    present = [name for name in (TOKEN, STAMPED) if name in files]
    if stated is None and not present:
        return None
    if stated is None or len(present) != 2:
        raise Refused(
            f"{PROOF}: timestamp",
            f"{TOKEN}, {STAMPED} and their proof, or none of them",
            ", ".join(present) or "no file",
        )
    where = f"{PROOF}: timestamp"
    members(where, stated, ("size", "consistency"))
    stamped = read_checkpoint(STAMPED, utf8(STAMPED, files[STAMPED]), keys)
    if stamped.origin != checkpoint.origin:
        raise Refused(STAMPED, f"a checkpoint of {shown(checkpoint.origin)}", f"one of {shown(stamped.origin)}")
    if whole(f"{where}.size", stated["size"]) != stamped.size or not stamped.size:
        raise Refused(f"{where}.size", f"{stamped.size}, as {STAMPED} says, and not 0", str(stated["size"]))
    old, new = sorted((stamped, checkpoint), key=lambda each: each.size)
    check_consistency(f"{where}.consistency", old, new, hashes(f"{where}.consistency", stated["consistency"]))
    return Stamp(stamped, read_token(files[TOKEN], files[STAMPED]))


# -- the whole export ------------------------------------------------------------------------------------------

NAMES = ("format", "namespace", "clip_id", "camera", "recording", "checkpoint", "entries", "files", "timestamp")


def check_export(files: Mapping[str, bytes], keys: Sequence[Key]) -> Proven:
    """Check everything that an export says; raises Refused at the first thing that is wrong.

    Args:
        files: name → bytes, as `read_export` gives them.
    """
    if PROOF not in files:
        raise Refused(PROOF, "the file", "none")
    proof = members(PROOF, strict_json(PROOF, files[PROOF]), NAMES)
    if proof["format"] != FORMAT:
        raise Refused(f"{PROOF}: format", FORMAT, shown(proof["format"], 60))
    clip = text(f"{PROOF}: clip_id", proof["clip_id"])
    if not CLIP_ID.fullmatch(clip):
        raise Refused(f"{PROOF}: clip_id", "clip- and 32 letters and digits", shown(clip, 60))
    _check_files(proof["files"], files)
    checkpoint = read_checkpoint(f"{PROOF}: checkpoint", text(f"{PROOF}: checkpoint", proof["checkpoint"]), keys)
    events: list[Event] = []
    for number, item in enumerate(items(f"{PROOF}: entries", proof["entries"])):
        least = events[-1].header["index"] + 1 if events else 0
        events.append(check_entry(f"{PROOF}: entries[{number}]", item, clip, checkpoint, least))
    if not events:
        raise Refused(f"{PROOF}: entries", "at least one entry", "none: nothing is proven")
    camera, declared = check_identity(proof, events)
    stamp = check_stamp(proof, files, keys, checkpoint)
    return Proven(proof["namespace"], clip, camera, declared, checkpoint, tuple(events), stamp)


def _check_files(stated: Any, files: Mapping[str, bytes]) -> None:
    beside = sorted(set(files) - {PROOF})
    for name in sorted(stated) if isinstance(stated, dict) else ():
        if name not in files:
            raise Refused(shown(name), f"the file, as {PROOF} names it", "none")
    for name, value in members(f"{PROOF}: files", stated, beside).items():
        found = hashlib.sha256(files[name]).hexdigest()
        if value != found:
            raise Refused(name, f"SHA-256 {shown(value, 80)}, as {PROOF} says", found)


def check_footage(proven: Proven, size: int, sha256: str) -> None:
    """The footage is what was declared of the clip when it was named."""
    if proven.declared is None:
        raise Refused("--footage", "a payload that declares the recording", "none: they were erased or withheld")
    declared = proven.declared
    if (size, sha256) != (declared.size, declared.sha256):
        raise Refused(
            "--footage",
            f"{declared.size} bytes with SHA-256 {shown(declared.sha256, 80)}, as declared",
            f"{size} bytes with {sha256}",
        )


# -- a package: a BagIt folder (RFC 8493) of exhibits with the custody of their clips -----------------------------

BAG_DECLARATION = "bagit.txt"
BAG_INFO = "bag-info.txt"
PAYLOAD_LIST = "manifest-sha256.txt"
TAG_LIST = "tagmanifest-sha256.txt"
PAGE = "index.html"
VERIFIER = "verifier/bwv_verify.py"
VERIFIER_README = "verifier/README.txt"
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
TAG_FILES = (BAG_INFO, BAG_DECLARATION, PAGE, PAYLOAD_LIST, VERIFIER_README, VERIFIER)

SUBMISSION = "data/manifest.json"
CASE = "data/case.json"
EXHIBIT_LIST = "data/exhibits.csv"
EXHIBITS, SCHEDULES, STATEMENTS, CUSTODY = "data/exhibits/", "data/schedules/", "data/statements/", "data/custody/"
MME, LINEAGE, THUMBNAIL, SIDECAR = "mme.json", "lineage.json", "thumbnail.jpg", "sidecar.json"
SUBMISSION_FORMAT = "bwv-submission/1"
SUBMITTED, MADE = "clips.submitted", "derivatives.made"

MOST_FILES = 100_000
MOST_LIST = 32 << 20
"""Bytes of a list of files, and of a submission's manifest."""

PLAIN_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,5}")
LISTED = re.compile(r"([0-9a-f]{64})  (.+)")
EXTENSIONS = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "video/webm": ".webm",
    "video/mp2t": ".ts",
    "video/x-msvideo": ".avi",
    "audio/mp4": ".m4a",
    "image/png": ".png",
    "image/jpeg": ".jpg",
}
"""Media type → how the name of an exhibit's file ends; anything else is `.bin`."""

DEVICES = re.compile("con|prn|aux|nul|com[0-9]|lpt[0-9]")
"""Names that Windows gives to no file."""


@dataclass(frozen=True)
class Exhibit:
    """One exhibit of a package, proven.

    Attributes:
        path: of its file in the package.
        declared: the master was compared with what the dock declared; False where that was withheld.
        since: who declared the master's digest, and when; None where that was withheld.
        made: of something made from a master: its signed lineage was shown; None for a master.
    """

    number: int
    reference: str
    clip_id: str
    kind: str
    path: str
    size: int
    sha256: str
    declared: bool
    since: tuple[str, str] | None
    made: bool | None


@dataclass(frozen=True)
class Package:
    """All that a package proves.

    Attributes:
        manifest: of the submission.
        seal: SHA-256 of `tagmanifest-sha256.txt`: it stands for every byte of the package.
    """

    manifest: dict[str, Any]
    seal: str
    files: int
    size: int
    exhibits: tuple[Exhibit, ...]
    custody: Mapping[str, Proven] = field(repr=False)


def exhibit_folders(references: Sequence[str]) -> list[str]:
    """A folder's name for each exhibit: its reference in letters, digits and hyphens, unique on every system."""
    names: list[str] = []
    for number, reference in enumerate(references, 1):
        name = re.sub("[^A-Za-z0-9]+", "-", reference)[:40].strip("-") or "exhibit"
        while DEVICES.fullmatch(name.lower()) or name.lower() in (taken.lower() for taken in names):
            name = f"{name}-{number}"
        names.append(name)
    return names


def media_name(folder: str, media_type: str) -> str:
    """The path of an exhibit's file in a package."""
    kind = media_type.partition(";")[0].strip().lower()
    return f"{EXHIBITS}{folder}/{folder}{EXTENSIONS.get(kind, '.bin')}"


def is_package(folder: str) -> bool:
    """Whether a folder says that it is a bag."""
    return os.path.lexists(os.path.join(folder, BAG_DECLARATION))


def walked(folder: str, below: str = "") -> Iterator[str]:
    """Every file of a package, as `/`-separated paths; a link, an empty folder or a strange name is refused."""
    try:
        found = sorted(os.scandir(os.path.join(folder, *below.split("/"))), key=lambda each: each.name)
    except OSError as error:
        if not below:
            raise WrongUse(f"{folder}: not a folder that can be read ({error.strerror})") from None
        raise Refused(shown(below), "a folder that can be read", str(error.strerror)) from None
    if not found:
        raise Refused(shown(below) or "the package", "files in it", "an empty folder")
    for each in found:
        name = below + each.name
        if not PLAIN_PATH.fullmatch(name):
            raise Refused(shown(name), "a file that belongs to a package", "a name that none of its files has")
        if each.is_symlink():
            raise Refused(name, "a regular file or a folder", "a link")
        if each.is_dir(follow_symlinks=False):
            yield from walked(folder, name + "/")
        else:
            yield name


class Bag:
    """The files of a package, each proven to be as the bag's own lists say.

    Args:
        told: gets the bytes of each stride that was read.
    """

    def __init__(self, folder: str, told: Callable[[int], None] = lambda size: None) -> None:
        self._folder = folder
        self._told = told
        self.names = self._all()
        self.found = {name: self._measure(name) for name in self.names}
        if self.read(BAG_DECLARATION, len(BAGIT) + 1) != BAGIT:
            raise Refused(BAG_DECLARATION, "BagIt 1.0 in UTF-8, as RFC 8493 writes it", "something else")
        payload = [name for name in self.names if name.startswith("data/")]
        self._check_list(TAG_LIST, [name for name in self.names if name not in payload and name != TAG_LIST])
        self._check_list(PAYLOAD_LIST, payload)
        self.seal = self.found[TAG_LIST][1]

    def _all(self) -> list[str]:
        names: list[str] = []
        for name in walked(self._folder):
            names.append(name)
            if len(names) > MOST_FILES:
                raise Refused("the package", f"at most {MOST_FILES} files", "more")
        for name in (*TAG_FILES, TAG_LIST, SUBMISSION, CASE, EXHIBIT_LIST):
            if name not in names:
                raise Refused(name, "the file", "none")
        for name in names:
            if not name.startswith("data/") and name not in (*TAG_FILES, TAG_LIST):
                raise Refused(name, "no file but those of a package", "a file that does not belong to it")
        return names

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, *name.split("/"))

    def _measure(self, name: str) -> tuple[int, str]:
        found: tuple[int, str] = _from_file(self._path(name), name, lambda file: _digest_of(file, self._told))
        return found

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a file whose digest was checked, compared with it once more."""
        data = _read(self._path(name), name, most)
        if hashlib.sha256(data).hexdigest() != self.found[name][1]:
            raise Refused(name, "a file that nobody writes to meanwhile", "other bytes than a moment ago")
        return data

    def _check_list(self, name: str, files: Sequence[str]) -> None:
        """The list names exactly these files, in the order of their names, each with its digest."""
        lines = utf8(name, self.read(name, MOST_LIST)).split("\n")
        if lines.pop() != "":
            raise Refused(name, "a line feed at its end", "none")
        listed: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            match = LISTED.fullmatch(line)
            if match is None:
                raise Refused(f"{name}, line {number}", "64 hex digits, two blanks and a path", shown(line, 120))
            listed[match.group(2)] = match.group(1)
        for path in sorted(set(files) ^ set(listed)):
            there = path in files
            raise Refused(shown(path), f"a line in {name}" if there else "the file, as " + name + " lists it", "none")
        if list(listed) != sorted(files) or len(lines) != len(files):
            raise Refused(name, "each file once, in the order of their names", "another order, or one twice")
        for path in sorted(files):
            if listed[path] != self.found[path][1]:
                raise Refused(path, f"SHA-256 {listed[path]}, as {name} says", self.found[path][1])


def check_package(folder: str, keys: Sequence[Key], told: Callable[[int], None] = lambda size: None) -> Package:
    """Check everything that a package says; raises Refused at the first thing that is wrong.

    Args:
        told: gets the bytes of each stride that was read.
    """
    bag = Bag(folder, told)
    data = bag.read(SUBMISSION, MOST_LIST)
    manifest = strict_json(SUBMISSION, data, fractions=True)
    if not isinstance(manifest, dict) or manifest.get("format") != SUBMISSION_FORMAT:
        raise Refused(f"{SUBMISSION}: format", SUBMISSION_FORMAT, shown(manifest, 60))
    bound = _bound(manifest, data)
    listed = items(f"{SUBMISSION}: items", manifest.get("items"))
    wanted = [_item(f"{SUBMISSION}: items[{n}]", item) for n, item in enumerate(listed)]
    if not wanted:
        raise Refused(f"{SUBMISSION}: items", "at least one exhibit", "none: nothing is proven")
    folders = exhibit_folders([item["reference"] for item in wanted])
    _check_places(bag, wanted, folders)
    custody = _custody_of(bag, {item["clip_id"] for item in wanted}, keys)
    exhibits = []
    for number, (item, name) in enumerate(zip(wanted, folders), 1):  # noqa: B905
        if item["n"] != number:
            raise Refused(f"{SUBMISSION}: items[{number - 1}].n", str(number), shown(item["n"]))
        exhibits.append(_check_exhibit(bag, item, name, custody[item["clip_id"]], bound))
    _check_makers(wanted, custody)
    size = sum(size for size, _ in bag.found.values())
    return Package(manifest, bag.seal, len(bag.names), size, tuple(exhibits), custody)


def _bound(manifest: dict[str, Any], data: bytes) -> dict[str, str]:
    """What every entry of a clip in this submission says."""
    case = manifest.get("case")
    urn = case.get("urn") if isinstance(case, dict) else None
    return {
        "submission_id": text(f"{SUBMISSION}: submission_id", manifest.get("submission_id")),
        "recipient": text(f"{SUBMISSION}: recipient", manifest.get("recipient")),
        "urn": text(f"{SUBMISSION}: case.urn", urn),
        "manifest_sha256": hashlib.sha256(data).hexdigest(),
    }


def _item(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(where, "an object", shown(value, 60))
    for name in ("reference", "clip_id", "kind", "sha256", "media_type", "parent_sha256"):
        text(f"{where}.{name}", value.get(name))
    for name in ("n", "size"):
        whole(f"{where}.{name}", value.get(name))
    if not CLIP_ID.fullmatch(value["clip_id"]):
        raise Refused(f"{where}.clip_id", "clip- and 32 letters and digits", shown(value["clip_id"], 60))
    if (value["kind"] == "master") != (value.get("derivative_id") is None):
        raise Refused(f"{where}.derivative_id", "one, unless it is a master", shown(value.get("derivative_id"), 60))
    return value


def _check_places(bag: Bag, wanted: Sequence[dict[str, Any]], folders: Sequence[str]) -> None:
    """Every file of the payload has its place in a package; nothing lies beside."""
    places = {SUBMISSION, CASE, EXHIBIT_LIST}
    for item, folder in zip(wanted, folders):  # noqa: B905
        places |= {f"{EXHIBITS}{folder}/{name}" for name in (MME, LINEAGE, THUMBNAIL, SIDECAR)}
        places |= {media_name(folder, item["media_type"]), f"{STATEMENTS}MG11-{folder}.txt"}
        places |= {f"{CUSTODY}{item['clip_id']}/{name}" for name in LIMITS}
    schedule = re.compile(re.escape(SCHEDULES) + r"[^/]+\.(csv|html)")
    for name in bag.names:
        if name.startswith("data/") and name not in places and not schedule.fullmatch(name):
            raise Refused(name, "a file that has its place in a package", "one that has none")


def _custody_of(bag: Bag, clips: set[str], keys: Sequence[Key]) -> dict[str, Proven]:
    proven = {}
    for clip in sorted(clips):
        place = f"{CUSTODY}{clip}/"
        files = {name: bag.read(place + name, most) for name, most in LIMITS.items() if place + name in bag.found}
        try:
            proven[clip] = check_export(files, keys)
        except Refused as no:
            raise Refused(place + no.where, no.expected, no.found) from None
        if proven[clip].clip_id != clip:
            raise Refused(f"{place}{PROOF}: clip_id", clip, proven[clip].clip_id)
    return proven


def _check_exhibit(bag: Bag, item: dict[str, Any], folder: str, proven: Proven, bound: dict[str, Any]) -> Exhibit:
    """One exhibit: its file, its entry in the log, its master, and what it was made by."""
    path, where = media_name(folder, item["media_type"]), f"{SUBMISSION}: items[{item['n'] - 1}]"
    if path not in bag.found:
        raise Refused(path, f"the file of exhibit {shown(item['reference'], 60)}", "none")
    stated = (item["size"], item["sha256"])
    if bag.found[path] != stated:
        raise Refused(
            path, "{} bytes with SHA-256 {}, as submitted".format(*stated), "{} with {}".format(*bag.found[path])
        )
    _check_submitted(path, item, proven, bound)
    _check_mme(bag, f"{EXHIBITS}{folder}/{MME}", item)
    declared = proven.declared
    measured = item["sha256"] if item["kind"] == "master" else item["parent_sha256"]
    if item["kind"] == "master" and item["parent_sha256"] != item["sha256"]:
        raise Refused(
            f"{where}.parent_sha256", f"{item['sha256']}, since a master goes", shown(item["parent_sha256"], 80)
        )
    if declared is not None and measured != declared.sha256:
        raise Refused(f"{where}.parent_sha256", f"{declared.sha256}, as declared of the master", shown(measured, 80))
    _check_sidecar(bag, f"{EXHIBITS}{folder}/{SIDECAR}", proven)
    made = None if item["kind"] == "master" else _check_made(bag, f"{EXHIBITS}{folder}/{LINEAGE}", item, proven)
    if made is None and f"{EXHIBITS}{folder}/{LINEAGE}" in bag.found:
        raise Refused(f"{EXHIBITS}{folder}/{LINEAGE}", "no lineage of a master", "one")
    return Exhibit(
        item["n"], item["reference"], item["clip_id"], item["kind"], path, item["size"], item["sha256"],
        declared is not None, declared_when(proven.events, declared), made,
    )  # fmt: skip


def _check_submitted(path: str, item: dict[str, Any], proven: Proven, bound: dict[str, Any]) -> None:
    """The clip's custody has the entry of this very file in this very submission."""
    wanted = {
        **bound,
        "reference": item["reference"],
        "sha256": item["sha256"],
        "derivative_id": item.get("derivative_id"),
    }
    told = [event.said for event in proven.events if event.header["type"] == SUBMITTED and event.said]
    best: list[str] = list(wanted)
    for said in told:
        other = [name for name in wanted if said.get(name) != wanted[name]]
        if not other:
            return
        best = min(best, other, key=len)
    raise Refused(
        f"{CUSTODY}{item['clip_id']}/{PROOF}",
        f"an entry {SUBMITTED} of {path}, with {', '.join(f'{n} {shown(wanted[n], 80)}' for n in best)}",
        f"{len(told)} entries {SUBMITTED}, none of which says that",
    )


def _check_mme(bag: Bag, path: str, item: dict[str, Any]) -> None:
    if path not in bag.found:
        raise Refused(path, "the file", "none")
    if strict_json(path, bag.read(path, MOST_LIST), fractions=True) != item.get("mme"):
        raise Refused(path, "what the submission's manifest says of this exhibit", "something else")


def _check_sidecar(bag: Bag, path: str, proven: Proven) -> None:
    """A sidecar is the one that a dock declared with the recording."""
    if path not in bag.found:
        return
    reports = (signed_body(event.said, "report").get("recording") for event in proven.events)
    if bag.found[path][1] not in [report.get("sidecar_sha256") for report in reports if isinstance(report, dict)]:
        raise Refused(path, "the sidecar that a dock declared with the recording", "another one")


def _check_made(bag: Bag, path: str, item: dict[str, Any], proven: Proven) -> bool:
    """What made it: the log's entry and the signed lineage agree with the manifest; False where they were withheld."""
    told = [event.said for event in proven.events if event.header["type"] == MADE and event.said]
    said = next((said for said in told if said.get("derivative_id") == item["derivative_id"]), None)
    if (said is None) != (path not in bag.found):
        raise Refused(path, f"an entry {MADE} and the lineage, or neither", "one of them")
    if said is None:
        return False
    lineage = signed_body(said, "lineage")
    wanted = {"sha256": item["sha256"], "size": item["size"], "derivative_id": item["derivative_id"]}
    for name, value in wanted.items():
        for source, found in ((f"the entry {MADE}", said), ("the lineage", lineage)):
            if found.get(name) != value:
                raise Refused(
                    f"{CUSTODY}{item['clip_id']}/{PROOF}", f"{name} {value} in {source}", shown(found.get(name))
                )
    if lineage.get("parent_sha256") != item["parent_sha256"]:
        raise Refused(path, f"parent_sha256 {item['parent_sha256']}", shown(lineage.get("parent_sha256"), 80))
    if strict_json(path, bag.read(path, MOST_LIST), fractions=True) != said.get("lineage"):
        raise Refused(path, f"the signed lineage of the entry {MADE}", "another one")
    return True


def _check_makers(wanted: Sequence[dict[str, Any]], custody: Mapping[str, Proven]) -> None:
    """Each thing that was made has an entry of its making, be its content withheld."""
    for clip, proven in custody.items():
        things = {item["derivative_id"] for item in wanted if item["clip_id"] == clip and item["kind"] != "master"}
        entries = sum(event.header["type"] == MADE for event in proven.events)
        if entries < len(things):
            raise Refused(f"{CUSTODY}{clip}/{PROOF}", f"{len(things)} entries {MADE}", str(entries))


def declared_when(events: Sequence[Event], declared: Declared | None) -> tuple[str, str] | None:
    """Who declared the master's digest first, and when: a dock's id, or a person's name; None if nothing says it."""
    for event in events:
        report, decision = signed_body(event.said, "report"), signed_body(event.said, "declaration")
        for said, about, who, when in (
            (report, report.get("recording"), "dock", "docked_at"),
            (decision, decision, "by", "at"),
        ):
            if declared is not None and _declaration(about) == declared and isinstance(said.get(when), str):
                return str(said.get(who)), str(said[when])
    return None


def package_as_json(package: Package) -> dict[str, Any]:
    """The YES about a package as one object."""
    manifest = package.manifest
    return {
        "verdict": "YES",
        "submission_id": manifest["submission_id"],
        "urn": manifest["case"]["urn"],
        "recipient": manifest["recipient"],
        "seal": package.seal,
        "files": package.files,
        "size": package.size,
        "exhibits": [
            {
                "n": each.number,
                "reference": each.reference,
                "clip_id": each.clip_id,
                "kind": each.kind,
                "path": each.path,
                "size": each.size,
                "sha256": each.sha256,
                "unchanged_since": None if each.since is None else {"declared_by": each.since[0], "at": each.since[1]},
                "lineage_shown": each.made,
            }
            for each in package.exhibits
        ],
        "custody": {
            clip: {"entries_proven": len(proven.events), "log_size": proven.checkpoint.size,
                   "signed_by": list(proven.checkpoint.signers), "timestamp": proven.stamp and proven.stamp.time}
            for clip, proven in package.custody.items()
        },
        "not_proven": package_not_proven(package),
    }  # fmt: skip


def package_not_proven(package: Package) -> list[str]:
    """What nobody should read into a YES about a package."""
    lines = [
        "that this is the package that was sent: compare its seal with the one that its maker tells you (--seal)",
        "that the log has no other entry about these clips: a package leaves out what its recipient may not see",
        "that what an entry, a schedule or a statement says is true: it was written so, and was not changed since",
        "the signatures of docks, services and persons inside the payloads: their keys are not part of a package",
    ]
    for each in package.exhibits:
        if not each.declared:
            lines.append(
                f"that {shown(each.reference, 60)} goes back to what a dock declared: its declaration was withheld"
            )
        if each.made is False:
            lines.append(f"how {shown(each.reference, 60)} was made from its master: its lineage was withheld")
    return lines


def package_as_text(package: Package) -> str:
    """The YES about a package for people."""
    manifest, count = package.manifest, len(package.exhibits)
    lines = [
        f"YES: the package is whole, and its {count} exhibits are what was submitted, to the last byte.",
        "",
        f"submission {shown(manifest['submission_id'])}",
        f"case       {shown(manifest['case']['urn'])}, for {shown(manifest['recipient'])}",
        f"files      {package.files}, {package.size} bytes",
        f"seal       {package.seal}",
        "",
    ]
    for each in package.exhibits:
        lines.append(f"{shown(each.reference, 60)}  {each.kind}, {each.size} bytes, {each.path}")
        lines.append(f"    SHA-256 {each.sha256}")
        master = "unchanged" if each.kind == "master" else "made from a master that is unchanged"
        if each.since is not None:
            lines.append(
                f"    {master} since {shown(each.since[0], 60)} declared its digest at {shown(each.since[1], 40)}"
            )
    for clip, proven in package.custody.items():
        stamped = f", time-stamped {proven.stamp.time}" if proven.stamp else ""
        lines.append(
            f"{clip}: {len(proven.events)} of {proven.checkpoint.size} entries of "
            f"{shown(proven.checkpoint.origin)} proven{stamped}"
        )
    lines += ["", "This does not prove"]
    lines += [f"  - {line}" for line in package_not_proven(package)]
    return "\n".join(lines)


# -- telling it to people --------------------------------------------------------------------------------------

PHRASES = {
    "clips.registered": (
        "declared by {report.dock} in {report.bay}: {report.recording.size} bytes, "
        "recorded at {report.recording.recorded_at}"
    ),
    "clips.secured": "attempt {attempt}: {size} bytes stored in {store}, locked until {locked_until}",
    "clips.verified": "attempt {attempt}: {size} bytes read back whole from {store}, SHA-256 {sha256}",
    "clips.readback-failed": "attempt {attempt}: not what was declared: {reason}",
    "clips.transfer-interrupted": "attempt {attempt}: the dock left: {reason}",
    "clips.quarantined": "set apart: {reason}",
    "clips.released": "the camera may erase its copy of {receipt.size} bytes, verified at {receipt.verified_at}",
    "clips.wiped": "the camera's copy was erased in {wiped.bay} of {wiped.dock} at {wiped.at}",
    "clips.probed": "looked at by {tool}; readable: {readable}; seconds: {duration}",
    "clips.attributed": "attributed to {attribution.officer}: {attribution.reason}",
    "quarantine.decided": "bytes set apart; accepted: {decision.accept}: {decision.reason}",
    "uploads.rejected": "report rejected as {code}: {reason}",
    "derivatives.made": "a {kind} of {size} bytes was made from the master, SHA-256 {sha256}",
    "clips.submitted": "submitted to {recipient} as {reference} in {urn}, SHA-256 {sha256}",
}
"""What a payload says, in one phrase, by the entry's type; a name leads through signed bodies too."""


def phrase(event: Event) -> str:
    """What the payload of an entry says, in one phrase."""
    if event.payload is None:
        return "(payload not shown: erased with the clip, or withheld)"
    if event.said is None:
        return f"(payload proven, but it cannot be read: {event.unread})"
    said = event.said
    form = PHRASES.get(event.header["type"].replace(".urgent", ""))
    if form is None:
        plain = [
            f"{name} {value}"
            for name, value in said.items()
            if type(value) in (str, int) and name not in ("clip_id", "camera")
        ]
        return shown("; ".join(plain), 160) or "(nothing but references)"
    return shown(re.sub(r"\{([a-z_0-9.]+)\}", lambda match: _follow(said, match.group(1).split(".")), form), 240)


def _follow(said: dict[str, Any], path: Sequence[str]) -> str:
    value: Any = said.get(path[0])
    if len(path) > 1:
        value = signed_body(said, path[0])
        for name in path[1:]:
            value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return "?"
    return shown({True: "yes", False: "no"}[value] if isinstance(value, bool) else value, 120)


def utc(value: str) -> datetime | None:
    """An ISO 8601 time with its zone, in UTC; None if it is not one."""
    try:
        time = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", value))
        return time.astimezone(timezone.utc) if time.tzinfo else None  # noqa: UP017
    except (ValueError, OverflowError):
        return None


def timeline(proven: Proven) -> list[dict[str, Any]]:
    """The entries by their time and then by index, which is the order of history; by index alone if a time is none."""
    rows: list[dict[str, Any]] = []
    for event in proven.events:
        time = utc(event.header["time"])
        rows.append(
            {
                "index": event.header["index"],
                "time": time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if time else f"{event.header['time']} (not UTC)",
                "verb": event.header["verb"],
                "type": event.header["type"],
                "person": event.header.get("person"),
                "says": phrase(event) + _oddities(event, proven.camera),
            }
        )
    if all(utc(event.header["time"]) for event in proven.events):
        rows.sort(key=lambda row: (row["time"], row["index"]))
    return rows


def _oddities(event: Event, camera: str | None) -> str:
    """What a reader of this entry must know beside its content."""
    header, words = event.header, ""
    if header.get("conflicts_with") is not None:
        words += f" (has the event id of entry {shown(header['conflicts_with'])}, with other content)"
    if header.get("camera") not in (None, camera):
        words += f" (names another camera: {shown(header['camera'], 40)})"
    if header.get("unreadable") is not None:
        words += f" (was unreadable when recorded: {shown(header['unreadable'], 80)})"
    return words


def not_proven(proven: Proven, footage: bool) -> list[str]:
    """What nobody should read into a YES."""
    shown_payloads = sum(event.payload is not None for event in proven.events)
    count, size = len(proven.events), proven.checkpoint.size
    lines = [
        f"that the log has no other entry about this clip: {count} of its {size} entries are proven here; "
        "whoever holds the whole log can count them, so compare with the custody log and its size",
        "that what an entry says is true: it was recorded so, and was not changed since",
        "that everybody was shown this same log: compare its size and root with a witness's",
        "the signatures of docks, services and persons inside the payloads: their keys are not part of an export",
    ]
    if shown_payloads < count:
        lines.append(
            f"what {count - shown_payloads} of {count} payloads said: erased with the clip, or withheld; ask which"
        )
    if proven.declared is None:
        lines.append("which recording this clip was: no payload that is left declares it")
    if not footage:
        lines.append("that any file is this clip's footage: give it with --footage")
    if proven.stamp is not None:
        lines.append("who issued the time-stamp: check the token with the openssl command above")
    return lines


def openssl_command(folder: str) -> str:
    """The command that checks the token's own signature."""
    token, stamped = (shlex.quote(os.path.join(folder, name)) for name in (TOKEN, STAMPED))
    return f"openssl ts -verify -in {token} -data {stamped} -CAfile AUTHORITY.pem"


def as_json(proven: Proven, folder: str, footage: bool) -> dict[str, Any]:
    """The YES as one object."""
    checkpoint, stamp, declared = proven.checkpoint, proven.stamp, proven.declared
    return {
        "verdict": "YES",
        "namespace": proven.namespace,
        "clip_id": proven.clip_id,
        "camera": proven.camera,
        "recording": declared.recording if declared else None,
        "declared": {"size": declared.size, "sha256": declared.sha256} if declared else None,
        "log": {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()},
        "signed_by": list(checkpoint.signers),
        "entries_proven": len(proven.events),
        "payloads_shown": sum(event.payload is not None for event in proven.events),
        "footage_matches": True if footage else None,
        "timestamp": None
        if stamp is None
        else {"time": stamp.time, "size": stamp.checkpoint.size, "check_with": openssl_command(folder)},
        "timeline": timeline(proven),
        "not_proven": not_proven(proven, footage),
    }


def as_text(proven: Proven, folder: str, footage: bool) -> str:
    """The YES for people."""
    found, checkpoint = as_json(proven, folder, footage), proven.checkpoint
    lines = [
        f"YES: {len(proven.events)} entries about {proven.clip_id} stand in the signed log, exactly as shown here.",
        "",
        f"camera     {shown(proven.camera)}, recording {shown(found['recording'])}",
        f"log        {shown(checkpoint.origin)}, {checkpoint.size} entries",
        f"root       {checkpoint.root.hex()}",
        f"signed by  {shown(', '.join(checkpoint.signers), 400)}",
    ]
    if proven.declared is not None:
        lines.insert(3, f"declared   {proven.declared.size} bytes, SHA-256 {shown(proven.declared.sha256, 80)}")
    if footage:
        lines.append("footage    is what was declared: same size, same SHA-256")
    if proven.stamp is not None:
        lines.append(
            f"stamped    {proven.stamp.time}, by the token: the log's first {proven.stamp.checkpoint.size} entries"
            f" existed then; check the token's signature: {openssl_command(folder)}"
        )
    lines += ["", f"{'index':>9}  {'time (UTC)':23}  {'verb':12}  {'type':26}  {'person':12}  what it says"]
    for row in found["timeline"]:
        cells = [shown(row[name] or "-", 60) for name in ("time", "verb", "type", "person")]
        lines.append(
            f"{row['index']:>9}  {cells[0]:23}  {cells[1]:12}  {cells[2]:26}  {cells[3]:12}  {shown(row['says'], 400)}"
        )
    lines += ["", "This does not prove"]
    lines += [f"  - {line}" for line in found["not_proven"]]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="bwv_verify.py",
        description="Check the exported custody of one clip, or a package of exhibits.",
        epilog="exit codes: 0 YES, everything is proven; 1 NO, and where; 2 wrong use",
    )
    parser.add_argument("export", metavar="FOLDER", help="the folder with proof.json, or a package with bagit.txt")
    parser.add_argument(
        "--key", action="append", required=True, help="name+hash+base64, or a file with one a line; repeat for more"
    )
    parser.add_argument("--footage", metavar="FILE", help="the recording, to compare with what was declared")
    parser.add_argument("--seal", metavar="SEAL", help="of a package, as its maker told you")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    given = parser.parse_args(arguments)
    tell: Callable[[dict[str, Any], str], None] = lambda found, words: print(  # noqa: E731
        json.dumps(found, indent=2) if given.json else words
    )
    try:
        found, words = _checked(given, read_keys(given.key))
    except WrongUse as error:
        print(f"bwv_verify: {error}", file=sys.stderr)
        return 2
    except Refused as no:
        tell(as_no(no), f"NO: {no.where}\n  expected  {no.expected}\n  found     {no.found}")
        return 1
    tell(found, words)
    return 0


def as_no(no: Refused) -> dict[str, Any]:
    """The NO as one object."""
    return {"verdict": "NO", "where": no.where, "expected": no.expected, "found": no.found}


def check_seal(package: Package, seal: str) -> None:
    """The package is the one whose seal was told."""
    if package.seal != seal.strip().lower():
        raise Refused("the seal", shown(seal, 80), f"{package.seal}: another package, or one that was changed")


def _checked(given: argparse.Namespace, keys: Sequence[Key]) -> tuple[dict[str, Any], str]:
    if is_package(given.export):
        if given.footage is not None:
            raise WrongUse("--footage goes with the export of one clip; a package has its files in it")
        package = check_package(given.export, keys)
        if given.seal is not None:
            check_seal(package, given.seal)
        return package_as_json(package), package_as_text(package)
    if given.seal is not None:
        raise WrongUse(f"--seal goes with a package; {given.export} has no {BAG_DECLARATION}")
    proven = check_export(read_export(given.export), keys)
    if given.footage is not None:
        check_footage(proven, *measure(given.footage))
    footage = given.footage is not None
    return as_json(proven, given.export, footage), as_text(proven, given.export, footage)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())

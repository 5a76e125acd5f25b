#!/usr/bin/env python3
"""Checks the exported custody of one clip, without the system that made it.

    python bwv_verify.py EXPORT --key KEY [--key KEY ...] [--footage FILE] [--json]

    EXPORT    the folder: proof.json and, where there is one, timestamp.tsr with timestamp-checkpoint
    --key     a key of the log: "name+hash+base64" (C2SP signed-note verifier key), or a file with one a line.
              Get it from somewhere else than the export: whoever can change both can prove anything.
    --footage the recording itself, to be compared with what the dock declared of it

    exit 0    YES: every entry shown stands in the signed log, exactly as shown
    exit 1    NO: and where the export is wrong
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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
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
    """RFC 8785 form of strings, whole numbers, null, arrays and objects: names sorted by their UTF-16 units."""
    if not deep:
        raise ValueError(f"more than {MOST_LEVELS} levels deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name], deep - 1)}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, deep - 1) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


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


def strict_json(where: str, data: bytes) -> Any:
    """Decode JSON that must be its own canonical form (RFC 8785), byte for byte."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_whole_number,
            parse_float=_no_number,
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
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Refused(name, "a regular file", "a link, a folder or a device")
        with os.fdopen(os.open(path, flags), "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Refused(name, "a file that can be read", str(error.strerror)) from None
    if len(data) > most:
        raise Refused(name, f"at most {most} bytes", "more")
    return data


def measure(path: str) -> tuple[int, str]:
    """Size and SHA-256 (hex) of the footage, read once in strides."""
    digest, size = hashlib.sha256(), 0
    try:
        if not os.path.isfile(path):
            raise WrongUse(f"{path}: --footage is not a regular file")
        with open(path, "rb") as file:
            while stride := file.read(1 << 20):
                digest.update(stride)
                size += len(stride)
    except OSError as error:
        raise WrongUse(f"{path}: --footage cannot be read ({error.strerror})") from None
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
        description="Check the exported custody of one clip.",
        epilog="exit codes: 0 YES, every entry is proven; 1 NO, and where; 2 wrong use",
    )
    parser.add_argument("export", metavar="EXPORT", help="the folder with proof.json")
    parser.add_argument(
        "--key", action="append", required=True, help="name+hash+base64, or a file with one a line; repeat for more"
    )
    parser.add_argument("--footage", metavar="FILE", help="the recording, to compare with what was declared")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    given = parser.parse_args(arguments)
    tell: Callable[[dict[str, Any], str], None] = lambda found, words: print(  # noqa: E731
        json.dumps(found, indent=2) if given.json else words
    )
    try:
        keys = read_keys(given.key)
        files = read_export(given.export)
        proven = check_export(files, keys)
        if given.footage is not None:
            check_footage(proven, *measure(given.footage))
    except WrongUse as error:
        print(f"bwv_verify: {error}", file=sys.stderr)
        return 2
    except Refused as no:
        tell(
            {"verdict": "NO", "where": no.where, "expected": no.expected, "found": no.found},
            f"NO: {no.where}\n  expected  {no.expected}\n  found     {no.found}",
        )
        return 1
    footage = given.footage is not None
    tell(as_json(proven, given.export, footage), "" if given.json else as_text(proven, given.export, footage))
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())

"""The export of one clip's custody: what an expert takes away, and checks with `bwv_verify.py` without us.

A folder with `proof.json`, the RFC 8785 form of a signed checkpoint and of every entry about the clip with its
inclusion proof, payload and salt; and, where one was taken, an RFC 3161 token with the checkpoint that it is
about. It carries leaves and paths of this one clip, never a bundle with other people's cases.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.bwv_verify import (
    FORMAT,
    LIMITS,
    MOST_ENTRY,
    PROOF,
    STAMPED,
    TOKEN,
    Declared,
    Event,
    Refused,
    find_camera,
    find_declared,
    readable,
)
from workers.custody.checkpoint import Checkpoint
from workers.custody.entry import Entry
from workers.custody.merkle import Hashes, consistency_path, inclusion_path
from workers.errors import MessageInvalid, NameInvalid, RuleBroken
from workers.footage.canonical import canonical, sha256_hex


class Row(Struct, frozen=True):
    """One entry as the log keeps it.

    Attributes:
        entry: canonical JSON, the text that the leaf is the hash of.
        payload, salt: None once they were erased with the clip.
    """

    index: int
    entry: str
    payload: bytes | None
    salt: bytes | None


class Timestamp(Struct, frozen=True):
    """An RFC 3161 response over the bytes of a signed checkpoint."""

    token: bytes
    checkpoint: str


def build_export(
    namespace: str,
    clip_id: str,
    rows: Sequence[Row],
    size: int,
    hashes: Hashes,
    checkpoint: str,
    timestamp: Timestamp | None = None,
) -> dict[str, bytes]:
    """Build the files of an export: name → bytes.

    Hashes are looked up and never compared, so this may be the question of `tiles.needed`. What was built is
    proven by `bwv_verify.check_export`, with the log's keys.

    Args:
        rows: the entries about this clip below `size`, in any order.
        size: entries of the log at `checkpoint`.
        hashes: of a tree that is at least that large, and as large as the time-stamped one.
        checkpoint: the signed note.

    Raises:
        RuleBroken: no entry, one beyond the checkpoint, one of another clip, or more than a verifier reads.
        NoteInvalid: a note that is no checkpoint.
    """
    head = _head(checkpoint)
    if head.size != size:
        raise RuleBroken(f"the checkpoint is of {head.size} entries, the export of {size}: give the one of this size")
    if not rows:
        raise RuleBroken(f"{clip_id}: the custody log has no entry about it below {size}; is the id right?")
    ordered = sorted(rows, key=lambda row: row.index)
    events = [_event(clip_id, row, size) for row in ordered]
    declared = _declared(namespace, clip_id, events)
    files = {TOKEN: timestamp.token, STAMPED: timestamp.checkpoint.encode()} if timestamp else {}
    proof = {
        "format": FORMAT,
        "namespace": namespace,
        "clip_id": clip_id,
        "camera": find_camera(declared, events),
        "recording": declared.recording if declared else None,
        "checkpoint": checkpoint,
        "entries": [_entry(row, size, hashes) for row in ordered],
        "files": {name: sha256_hex(data) for name, data in files.items()},
        "timestamp": _between(timestamp, head, hashes) if timestamp else None,
    }
    files = {**files, PROOF: canonical(proof)}
    for name, data in files.items():
        if len(data) > LIMITS[name]:
            raise RuleBroken(f"{clip_id}: {name} of {len(data)} bytes, a verifier reads at most {LIMITS[name]}")
    return files


def write_export(files: Mapping[str, bytes], folder: Path) -> None:
    """Write an export into a new or empty folder; `proof.json` last, so that a cut-off export has none.

    Raises:
        NameInvalid: the folder has something in it, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise NameInvalid(f"{folder}: not empty; an export needs a folder of its own")
        for name in sorted(files, key=lambda name: name == PROOF):
            with (folder / name).open("xb") as file:
                file.write(files[name])
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise NameInvalid(f"{folder}: the export cannot be written there ({error.strerror})") from error


def _head(note: str) -> Checkpoint:
    """The checkpoint in a note; whoever has the keys checks who signed it."""
    return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")


def _event(clip_id: str, row: Row, size: int) -> Event:
    """The entry as the verifier will see it, refused where it does not belong into this export."""
    try:
        entry = msgspec.json.decode(row.entry, type=Entry)
    except msgspec.DecodeError as error:
        raise MessageInvalid(f"entry {row.index} of the custody log is not an entry: {error}") from error
    if entry.clip_id != clip_id:
        raise RuleBroken(f"entry {row.index} is about {entry.clip_id}: it has no place in the export of {clip_id}")
    if entry.index != row.index or not 0 <= row.index < size:
        raise RuleBroken(
            f"entry {entry.index} was given as {row.index} of {size}; expected its own index, below the size"
        )
    if (row.payload is None) != (row.salt is None):
        raise RuleBroken(f"entry {row.index} has a payload or a salt alone; expected both, or neither once erased")
    if len(row.entry.encode()) > MOST_ENTRY:
        raise RuleBroken(f"entry {row.index} of {len(row.entry.encode())} bytes; a verifier reads at most {MOST_ENTRY}")
    try:
        said, unread = readable(row.payload) if row.payload is not None else None, None
    except ValueError as error:
        said, unread = None, str(error)
    return Event(msgspec.json.decode(row.entry), row.payload, said, unread)


def _declared(namespace: str, clip_id: str, events: Sequence[Event]) -> Declared | None:
    """What the clip was declared to be, found by the verifier's own code: the export states what it will read."""
    try:
        return find_declared(namespace, clip_id, events)
    except Refused as error:
        raise RuleBroken(f"{clip_id}: {error}") from error


def _entry(row: Row, size: int, hashes: Hashes) -> dict[str, Any]:
    return {
        "index": row.index,
        "entry": row.entry,
        "path": [step.hex() for step in inclusion_path(row.index, size, hashes)],
        "payload": None if row.payload is None else base64.b64encode(row.payload).decode(),
        "salt": None if row.salt is None else row.salt.hex(),
    }


def _between(timestamp: Timestamp, head: Checkpoint, hashes: Hashes) -> dict[str, Any]:
    stamped = _head(timestamp.checkpoint)
    if stamped.origin != head.origin:
        raise RuleBroken(f"the time-stamped checkpoint is of the log {stamped.origin}; expected {head.origin}")
    old, new = sorted((stamped.size, head.size))
    return {"size": stamped.size, "consistency": [step.hex() for step in consistency_path(old, new, hashes)]}

"""Verifies the whole custody log: every leaf, payload and tile is computed again, every checkpoint compared.

Nothing that the log says of itself is trusted: the tree is grown anew from the entries, and the roots that it
has on the way must be those that were signed, in the database, in the vault and at witnesses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.checkpoint import Checkpoint
from workers.custody.entry import Entry
from workers.custody.merkle import leaf_hash
from workers.custody.tiles import Edge, Place, Tile
from workers.custody.tree import read_tiles
from workers.database.engine import Database, Row
from workers.footage.canonical import canonical

AT_ONCE = 4096
"""Entries in memory together."""

COMPARED = ("event_id", "type", "clip_id", "camera", "verb", "person", "conflicts_with")
"""Columns that repeat the entry's header, so that they can be searched."""


class Finding(Struct, frozen=True):
    """One thing that is not as it was written.

    Attributes:
        where: `entry 17`, `tile/0/000`, `checkpoint 1024 in the vault`.
    """

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


class Audit(Struct):
    """What an audit looked at and found.

    Attributes:
        size, root: of the log as it was computed again; root in hex.
        erased: entries whose payload went with its clip; their leaves still prove that they happened.
        checkpoints: signed checkpoints whose root was compared.
    """

    size: int = 0
    root: str = ""
    payloads: int = 0
    erased: int = 0
    tiles: int = 0
    checkpoints: int = 0
    findings: list[Finding] = []


Progress = Callable[[int], None]


async def audit(
    database: Database,
    size: int,
    checkpoints: Iterable[tuple[str, Checkpoint]],
    *,
    told: Progress = lambda done: None,
) -> Audit:
    """Compute the log's first `size` entries again.

    Args:
        checkpoints: where each lies, and what it says; those beyond `size` are findings. Signatures have been
            checked.
        told: gets the number of entries done, now and then.
    """
    found = Audit()
    due: dict[int, list[tuple[str, Checkpoint]]] = {}
    for place, checkpoint in checkpoints:
        due.setdefault(checkpoint.size, []).append((place, checkpoint))
    for beyond in sorted(number for number in due if number > size):
        for place, _ in due[beyond]:
            found.findings.append(Finding(f"checkpoint {beyond} {place}", f"at most {size} entries", str(beyond)))
    edge = Edge(0, {})
    _compare(found, edge, due)
    stops = sorted(number for number in due if 0 < number < size)
    for stop in [*stops, size]:
        while edge.size < stop:
            grown = await _grow(database, edge, min(stop, edge.size + AT_ONCE), found)
            if not grown:
                break
            told(edge.size)
        if edge.size != stop:
            break
        _compare(found, edge, due)
    found.size, found.root = edge.size, edge.root().hex()
    return found


def _compare(found: Audit, edge: Edge, due: Mapping[int, list[tuple[str, Checkpoint]]]) -> None:
    for place, checkpoint in due.get(edge.size, []):
        found.checkpoints += 1
        if checkpoint.root != edge.root():
            found.findings.append(
                Finding(f"checkpoint {edge.size} {place}", f"root {edge.root().hex()} (of the log)",
                        checkpoint.root.hex())
            )  # fmt: skip


async def _grow(database: Database, edge: Edge, stop: int, found: Audit) -> bool:
    """Compute the entries up to `stop`; False where the log has a hole, which ends the audit."""
    start = edge.size
    rows = await database.fetch(
        f"SELECT index, entry, leaf, payload, salt, {', '.join(COMPARED)} FROM custody"
        " WHERE index >= %s AND index < %s ORDER BY index",
        (start, stop),
    )
    leaves = []
    for expected, row in zip(range(start, stop), rows, strict=False):
        if row["index"] != expected:
            break
        _check_row(row, found)
        leaves.append(leaf_hash(row["entry"].encode()))
    whole = len(leaves) == stop - start
    if not whole:
        found.findings.append(Finding(f"entry {start + len(leaves)}", "an entry", "none: the log has a hole"))
    await _check_tiles(database, edge.append(leaves), found)
    return whole


def _check_row(row: Row, found: Audit) -> None:
    where = f"entry {row['index']}"
    text = row["entry"].encode()
    if leaf_hash(text) != row["leaf"]:
        found.findings.append(Finding(where, f"leaf {leaf_hash(text).hex()}", bytes(row["leaf"]).hex()))
    try:
        entry = msgspec.json.decode(text, type=Entry)
    except msgspec.DecodeError as error:
        found.findings.append(Finding(where, "an entry", f"text that is none: {error}"))
        return
    if canonical(entry) != text:
        found.findings.append(Finding(where, "canonical JSON (RFC 8785) of known fields", "another form"))
    if entry.index != row["index"]:
        found.findings.append(Finding(where, f"index {row['index']}", f"index {entry.index}"))
    for column in COMPARED:
        said: Any = getattr(entry, column)
        if said != row[column]:
            found.findings.append(Finding(f"{where}, column {column}", repr(said), repr(row[column])))
    if row["payload"] is None:
        found.erased += 1
        return
    found.payloads += 1
    digest = hashlib.sha256(row["salt"] + row["payload"]).hexdigest()
    if digest != entry.payload:
        found.findings.append(Finding(f"{where}, payload", f"salted SHA-256 {entry.payload}", digest))


async def _check_tiles(database: Database, grown: Mapping[Place, bytes], found: Audit) -> None:
    """Compare the stored tiles with those that grew; a stored one may be wider, it belongs to a later size."""
    async with database.connection() as connection:
        stored = await read_tiles(connection, grown)
    for (level, number), hashes in grown.items():
        found.tiles += 1
        if stored.get((level, number), b"")[: len(hashes)] != hashes:
            path = Tile(level, number, 256).path
            there = "none" if (level, number) not in stored else "other hashes"
            found.findings.append(Finding(path, "the hashes of the entries below it", there))

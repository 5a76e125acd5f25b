"""The custody log's tree and entries as files: tiles and entry bundles of C2SP tlog-tiles (c2sp.org/tlog-tiles).

A tile is a row of up to 256 consecutive hashes. Level 0 holds the hashes of leaves; a hash of level `l` is the
root over a full tile of level `l - 1`, so it stands for 256**l leaves. The rows between are computed. Full tiles
never change; the last tile of a level is partial until it is full.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from workers.custody.merkle import HASH_SIZE, Hashes, node_hash, root
from workers.errors import RuleBroken, TileInvalid

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes of a full tile, and entries of a full bundle."""
TILE_SIZE = TILE_WIDTH * HASH_SIZE
"""Bytes of a full tile."""
MAXIMUM_ENTRY = 0xFFFF
"""Bytes of an entry: its length is written as 16 bits."""

Place = tuple[int, int]
"""(level, number) of a tile."""


class Tile(Struct, frozen=True):
    """One tile, full or partial.

    Attributes:
        level: 0 for leaves.
        number: from 0, from left to right within the level.
        width: hashes in it, 1 to 256.
    """

    level: int
    number: int
    width: int

    @classmethod
    def at(cls, size: int, level: int, number: int) -> Tile:
        """The tile at this place in a tree of `size` leaves, as wide as the tree makes it.

        Raises:
            RuleBroken: the tree has no hash there.
        """
        width = min((size >> TILE_HEIGHT * level) - number * TILE_WIDTH, TILE_WIDTH)
        if width < 1:
            raise RuleBroken(f"a tree of {size} leaves has no tile {number} on level {level}")
        return cls(level, number, width)

    @property
    def path(self) -> str:
        """Where the tile is kept: "tile/0/x001/x234/067", and with ".p/5" behind it when 5 wide."""
        return f"tile/{self.level}/{_numbered(self.number, self.width)}"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.width * HASH_SIZE


def entries_path(number: int, width: int) -> str:
    """Where the bundle of the entries from `number * 256` on is kept: "tile/entries/000", ".p/W" when partial."""
    return f"tile/entries/{_numbered(number, width)}"


def tiles_at(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` leaves that a tree of `since` leaves did not have in this width.

    Lower levels come first, so that whoever writes them in order never has a parent without its children.

    Raises:
        RuleBroken: the tree is smaller than it was.
    """
    if not 0 <= since <= size:
        raise RuleBroken(f"a log of {since} entries does not grow into one of {size}: give the smaller size as since")
    level = 0
    while count := size >> TILE_HEIGHT * level:
        before = since >> TILE_HEIGHT * level
        if count > before:
            for number in range(before >> TILE_HEIGHT, (count - 1 >> TILE_HEIGHT) + 1):
                yield Tile.at(size, level, number)
        level += 1


def bundles_at(size: int, since: int = 0) -> Iterator[tuple[int, int]]:
    """The entry bundles, as (number, width), that a log of `since` entries did not have in this width.

    Raises:
        RuleBroken: the log is smaller than it was.
    """
    return ((tile.number, tile.width) for tile in tiles_at(size, since) if tile.level == 0)


def bundle(entries: Iterable[bytes]) -> bytes:
    """Pack up to 256 entries, each behind its length (16 bits, big-endian).

    Raises:
        RuleBroken: no entry, too many, or one that is too long.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAXIMUM_ENTRY:
            raise RuleBroken(f"entry {len(parts)} of a bundle has {len(entry)} bytes, at most {MAXIMUM_ENTRY} fit")
        parts.append(struct.pack(">H", len(entry)) + entry)
    if not 1 <= len(parts) <= TILE_WIDTH:
        raise RuleBroken(f"a bundle holds 1 to {TILE_WIDTH} entries, not {len(parts)}")
    return b"".join(parts)


def unbundle(data: bytes) -> list[bytes]:
    """Unpack a bundle.

    Raises:
        TileInvalid: empty, cut short, or with more entries than a bundle holds.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise TileInvalid(f"the bundle of {len(data)} bytes ends within entry {len(entries)}")
        if len(entries) == TILE_WIDTH:
            raise TileInvalid(f"the bundle of {len(data)} bytes goes on behind entry {TILE_WIDTH - 1}, its last")
        entries.append(data[start:at])
    if not entries:
        raise TileInvalid(f"the bundle is empty, expected 1 to {TILE_WIDTH} entries")
    return entries


def hashes_from(tiles: Mapping[Place, bytes]) -> Hashes:
    """A source of subtree hashes that computes them from tiles.

    Args:
        tiles: (level, number) → the concatenated hashes, at least as wide as will be asked. A tile that is wider,
            read from a newer tree, gives the same answers: complete subtrees do not change.

    Returns:
        A function that raises TileInvalid where a tile is missing or too narrow.
    """

    def hashes(height: int, index: int) -> bytes:
        tile, first = _lies(height, index)
        return _subtree_root(_content(tiles, tile)[first * HASH_SIZE :])

    return hashes


def needed(question: Callable[[Hashes], object]) -> list[Place]:
    """Which tiles a question will read, so that they can be fetched in one go.

    Args:
        question: such as `lambda hashes: inclusion_path(index, size, hashes)`; it is run with hashes that mean
            nothing, so it must not compare them.

    Returns:
        (level, number) in order, each once; `Tile.at` tells how wide.
    """
    asked: set[Place] = set()

    def recording(height: int, index: int) -> bytes:
        tile, _ = _lies(height, index)
        asked.add((tile.level, tile.number))
        return bytes(HASH_SIZE)

    question(recording)
    return sorted(asked)


class Edge:
    """The right edge of a growing tree: the partial tile of each level, which is all that an append needs.

    Args:
        size: leaves in the tree.
        tiles: content of the tiles that `Edge.needed(size)` names; wider ones are cut to the tree's size.

    Raises:
        TileInvalid: a tile is missing or too narrow.
    """

    def __init__(self, size: int, tiles: Mapping[Place, bytes]) -> None:
        self.size = size
        self._partial = {level: _content(tiles, Tile.at(size, level, number)) for level, number in self.needed(size)}

    @staticmethod
    def needed(size: int) -> list[Place]:
        """The tiles to make the edge of a tree of `size` leaves from, as (level, number)."""
        return needed(lambda hashes: root(size, hashes))

    def append(self, leaves: Sequence[bytes]) -> dict[Place, bytes]:
        """Append leaves; either all are appended or, when it raises, none.

        Args:
            leaves: their hashes, as `merkle.leaf_hash` makes them.

        Returns:
            Whole content of each tile that changed, full and partial.

        Raises:
            RuleBroken: a leaf is not a hash.
        """
        for at, leaf in enumerate(leaves):
            if len(leaf) != HASH_SIZE:
                raise RuleBroken(f"leaf {self.size + at} has {len(leaf)} bytes, expected a hash of {HASH_SIZE}")
        changed: dict[Place, bytes] = {}
        level, rising = 0, b"".join(leaves)
        while rising:
            row = self._partial.pop(level, b"") + rising
            number = self.size >> TILE_HEIGHT * (level + 1)
            parents = []
            for tile in _cut(row):
                changed[level, number] = tile
                if len(tile) == TILE_SIZE:
                    parents.append(_subtree_root(tile))
                else:
                    self._partial[level] = tile
                number += 1
            level, rising = level + 1, b"".join(parents)
        self.size += len(leaves)
        return changed

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        tiles = {(level, self.size >> TILE_HEIGHT * (level + 1)): tile for level, tile in self._partial.items()}
        return root(self.size, hashes_from(tiles))


def _numbered(number: int, width: int) -> str:
    """`number` in groups of three digits, all but the last behind an "x", and the width of what is partial."""
    grouped = f"{number:,}".split(",")
    *above, last = (group.zfill(3) for group in grouped)
    return "".join(f"x{group}/" for group in above) + last + ("" if width == TILE_WIDTH else f".p/{width}")


def _lies(height: int, index: int) -> tuple[Tile, int]:
    """Where a subtree's hash comes from: a tile just wide enough, and the first of its hashes to take."""
    level, rows = divmod(height, TILE_HEIGHT)
    number, first = divmod(index << rows, TILE_WIDTH)
    return Tile(level, number, first + (1 << rows)), first


def _content(tiles: Mapping[Place, bytes], tile: Tile) -> bytes:
    """The hashes of a tile, cut to its width."""
    content = tiles.get((tile.level, tile.number), b"")
    if not tile.size <= len(content) <= TILE_SIZE or len(content) % HASH_SIZE:
        raise TileInvalid(
            f"{tile.path}, of this width or wider: found {len(content)} bytes, "
            f"expected {tile.width} to {TILE_WIDTH} hashes of {HASH_SIZE} bytes"
        )
    return content[: tile.size]


def _cut(row: bytes) -> Iterator[bytes]:
    return (row[at : at + TILE_SIZE] for at in range(0, len(row), TILE_SIZE))


def _subtree_root(row: bytes) -> bytes:
    """Root over concatenated hashes, as many as a power of two."""
    while len(row) > HASH_SIZE:
        row = b"".join(
            node_hash(row[at : at + HASH_SIZE], row[at + HASH_SIZE : at + 2 * HASH_SIZE])
            for at in range(0, len(row), 2 * HASH_SIZE)
        )
    return row

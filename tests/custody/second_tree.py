"""A second implementation of RFC 9162 section 2.1: its recursive definitions as they stand there.

It imports nothing of ours, is as slow as it likes and remembers every range it hashed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k = 2 * k
    return k


def combine(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class SecondTree:
    """MTH, PATH and SUBPROOF over a list of entries; D[a:b] is written (a, b)."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, a: int, b: int) -> bytes:
        if (a, b) not in self._known:
            self._known[a, b] = self._mth(a, b)
        return self._known[a, b]

    def _mth(self, a: int, b: int) -> bytes:
        n = b - a
        if n == 0:
            return hashlib.sha256(b"").digest()
        if n == 1:
            return hashlib.sha256(b"\x00" + self.entries[a]).digest()
        k = largest_power_below(n)
        return combine(self.mth(a, a + k), self.mth(a + k, b))

    def path(self, m: int, n: int) -> list[bytes]:
        """PATH(m, D[0:n])."""
        return self._path(m, 0, n)

    def _path(self, m: int, a: int, b: int) -> list[bytes]:
        n = b - a
        if n == 1:
            return []
        k = largest_power_below(n)
        if m < k:
            return [*self._path(m, a, a + k), self.mth(a + k, b)]
        return [*self._path(m - k, a + k, b), self.mth(a, a + k)]

    def proof(self, m: int, n: int) -> list[bytes]:
        """PROOF(m, D[0:n])."""
        return self._subproof(m, 0, n, True)

    def _subproof(self, m: int, a: int, b: int, known: bool) -> list[bytes]:
        n = b - a
        if m == n:
            return [] if known else [self.mth(a, b)]
        k = largest_power_below(n)
        if m <= k:
            return [*self._subproof(m, a, a + k, known), self.mth(a + k, b)]
        return [*self._subproof(m - k, a + k, b, False), self.mth(a, a + k)]

    def subtree(self, height: int, index: int) -> bytes:
        """Hash of a complete subtree."""
        return self.mth(index << height, (index + 1) << height)

    def tile(self, level: int, number: int, width: int) -> bytes:
        """A tile as C2SP tlog-tiles defines it."""
        leaves = 256**level
        return b"".join(self.mth((number * 256 + i) * leaves, (number * 256 + i + 1) * leaves) for i in range(width))

    def tiles(self, n: int) -> dict[tuple[int, int], bytes]:
        """All tiles of the tree of the first `n` entries: (level, number) → content."""
        found = {}
        level = 0
        while n // 256**level > 0:
            hashes = n // 256**level
            for number in range((hashes + 255) // 256):
                found[level, number] = self.tile(level, number, min(256, hashes - 256 * number))
            level += 1
        return found


def root_from_path(m: int, n: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to, by following PATH down; None where its length is wrong."""
    if n == 1:
        return None if path else leaf
    if not path:
        return None
    k = largest_power_below(n)
    if m < k:
        left, right = root_from_path(m, k, leaf, path[:-1]), path[-1]
    else:
        left, right = path[-1], root_from_path(m - k, n - k, leaf, path[:-1])
    return None if left is None or right is None else combine(left, right)


def roots_from_proof(m: int, n: int, old: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Old and new root that a consistency proof leads to, by following SUBPROOF down."""
    return _roots(m, n, old, path, True)


def _roots(m: int, n: int, old: bytes, path: list[bytes], known: bool) -> tuple[bytes, bytes] | None:
    if m == n:
        if known:
            return None if path else (old, old)
        return (path[0], path[0]) if len(path) == 1 else None
    if not path:
        return None
    k = largest_power_below(n)
    if m <= k:
        below = _roots(m, k, old, path[:-1], known)
        return below and (below[0], combine(below[1], path[-1]))
    below = _roots(m - k, n - k, old, path[:-1], False)
    return below and (combine(path[-1], below[0]), combine(path[-1], below[1]))


def random_entries(rng: random.Random, count: int) -> list[bytes]:
    """Entries that all differ."""
    return [b"%d " % at + rng.randbytes(rng.randrange(40)) for at in range(count)]

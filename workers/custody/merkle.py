"""The Merkle tree over the custody log: roots, inclusion and consistency proofs (RFC 9162 section 2.1).

Nothing here holds a tree. Roots and proofs are computed from the hashes of complete subtrees, which never
change once they exist, and which a caller supplies as a function (`workers.custody.tiles` makes one from tiles).
A proof at an older size is therefore made from the same hashes as one at the newest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import reduce

from workers.errors import ProofInvalid, RuleBroken

HASH_SIZE = 32
"""Bytes of a SHA-256 hash."""

Hashes = Callable[[int, int], bytes]
"""(height, index) → hash of the `index`-th complete subtree of 2**height leaves, counted from 0."""


def empty_root() -> bytes:
    """The root of a tree without leaves: the hash of nothing (section 2.1.1)."""
    return hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf. The prefix keeps a leaf from ever being taken for a node (section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, hashes: Hashes) -> bytes:
    """The root of the tree of the first `size` leaves.

    Raises:
        RuleBroken: `size` is below 0.
    """
    if size < 0:
        raise RuleBroken(f"a tree has 0 or more leaves, not {size}")
    return _range_root(0, size, hashes) if size else empty_root()


def inclusion_path(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """Prove that leaf `index` is in the tree of the first `size` leaves (section 2.1.3.1).

    Returns:
        The siblings on the way from the leaf up to the root, lowest first.

    Raises:
        RuleBroken: the tree has no such leaf.
    """
    _require_leaf(index, size)
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, hashes))
            high = middle
        else:
            path.append(_range_root(low, middle, hashes))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, hashes: Hashes) -> list[bytes]:
    """Prove that the tree of `new` leaves begins with the tree of `old` leaves (section 2.1.4.1).

    Returns:
        The hashes to rebuild both roots from, lowest first. Empty where nothing needs proof: for equal sizes, and
        from the empty tree.

    Raises:
        RuleBroken: `new` is smaller than `old`.
    """
    _require_growth(old, new)
    path: list[bytes] = []
    if old == 0:
        return path
    low, high = 0, new
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, hashes))
            high = middle
        else:
            path.append(_range_root(low, middle, hashes))
            low = middle
    if low > 0:
        # Unless the old tree is a complete subtree of the new one, its rightmost part is not known to the verifier.
        path.append(_range_root(low, high, hashes))
    return path[::-1]


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Check an inclusion proof (section 2.1.3.2).

    A proof binds the leaf to the root. It says nothing about `size`, which has to come with `root` from a signed
    checkpoint: some trees of different sizes share the shape of a path.

    Args:
        leaf: the leaf's hash, as `leaf_hash` makes it.
        path: as `inclusion_path` makes it.

    Raises:
        RuleBroken: the tree has no such leaf.
        ProofInvalid: the proof does not lead from the leaf to the root.
    """
    _require_leaf(index, size)
    what = f"the proof that leaf {index} is in the tree of {size}"
    _require_hashes(what, [leaf, root, *path])
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofInvalid(f"{what} has {len(path)} hashes, more than the tree is high")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            node, last = _leave_right_edge(node, last)
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofInvalid(f"{what} has {len(path)} hashes, too few to reach the root")
    _require_same(what, "root", root, found)


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check a consistency proof (section 2.1.4.2). As for inclusion, sizes have to come with their roots.

    Args:
        path: as `consistency_path` makes it.

    Raises:
        RuleBroken: `new` is smaller than `old`.
        ProofInvalid: the proof does not show that the new tree begins with the old one.
    """
    _require_growth(old, new)
    what = f"the proof that the tree of {new} begins with the tree of {old}"
    _require_hashes(what, [old_root, new_root, *path])
    if old in (0, new):
        if path:
            raise ProofInvalid(f"{what} has {len(path)} hashes, expected none")
        _require_same(what, "old root", old_root, empty_root() if old == 0 else new_root)
        if new == 0:
            _require_same(what, "new root", new_root, empty_root())
        return
    if not path:
        raise ProofInvalid(f"{what} is empty")
    # A complete old tree is a node of the new one; the verifier has its hash, so the proof leaves it out.
    first, *rest = [old_root, *path] if old & (old - 1) == 0 else path
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    found_old = found_new = first
    for sibling in rest:
        if last == 0:
            raise ProofInvalid(f"{what} has {len(path)} hashes, more than the tree is high")
        if node & 1 or node == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            node, last = _leave_right_edge(node, last)
        else:
            found_new = node_hash(found_new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofInvalid(f"{what} has {len(path)} hashes, too few to reach the root")
    _require_same(what, "old root", old_root, found_old)
    _require_same(what, "new root", new_root, found_new)


def _split(size: int) -> int:
    """The largest power of two below `size`, where RFC 9162 divides a tree of two or more leaves."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(low: int, high: int, hashes: Hashes) -> bytes:
    """Root over the leaves from `low` up to `high`, where RFC 9162 divides a tree: `low` is aligned to the range."""
    peaks = []
    while low < high:
        height = (high - low).bit_length() - 1
        peaks.append(hashes(height, low >> height))
        low += 1 << height
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks))


def _leave_right_edge(node: int, last: int) -> tuple[int, int]:
    """Climb while a node is the last of its level and a left child: there it has no sibling to hash with."""
    while node and not node & 1:
        node, last = node >> 1, last >> 1
    return node, last


def _require_leaf(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise RuleBroken(f"a tree of {size} leaves has no leaf {index}: they are counted from 0")


def _require_growth(old: int, new: int) -> None:
    if not 0 <= old <= new:
        raise RuleBroken(f"a tree of {old} leaves does not grow into one of {new}: give the smaller size first")


def _require_hashes(what: str, values: Sequence[bytes]) -> None:
    for value in values:
        if len(value) != HASH_SIZE:
            raise ProofInvalid(f"{what} holds a hash of {len(value)} bytes, expected {HASH_SIZE}")


def _require_same(what: str, which: str, expected: bytes, found: bytes) -> None:
    if found != expected:
        raise ProofInvalid(f"{what} leads to {found.hex()}, the {which} is {expected.hex()}")

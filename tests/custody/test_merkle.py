"""The tree gives the roots and proofs of RFC 9162, and takes no other."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import partial

import pytest

from tests.custody.second_tree import SecondTree, random_entries, root_from_path, roots_from_proof
from workers.custody.merkle import (
    check_consistency,
    check_inclusion,
    consistency_path,
    empty_root,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
)
from workers.errors import ProofInvalid, RuleBroken

SEED = 9162

# The eight leaves that the implementations of Certificate Transparency are compared by.
CT_ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = [
    (0, 1, []),
    (0, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (5, 8, [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
]  # fmt: skip
CT_CONSISTENCY = [
    (1, 1, []),
    (1, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (6, 8, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 5, [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
    (6, 7, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
]  # fmt: skip


def complete(entries: list[bytes], height: int, index: int) -> bytes:
    """Hash of a complete subtree, from its entries alone."""
    row = [leaf_hash(entry) for entry in entries[index << height : (index + 1) << height]]
    assert len(row) == 1 << height, "asked for a subtree that is not complete"
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


CT = partial(complete, CT_ENTRIES)


@pytest.mark.parametrize("size", range(9))
def test_the_known_trees_have_their_known_roots(size: int) -> None:
    assert root(size, CT).hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), CT_INCLUSION)
def test_the_known_inclusion_proofs_are_made_and_taken(index: int, size: int, path: list[str]) -> None:
    made = inclusion_path(index, size, CT)
    assert [step.hex() for step in made] == path
    check_inclusion(index, size, leaf_hash(CT_ENTRIES[index]), made, bytes.fromhex(CT_ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "path"), CT_CONSISTENCY)
def test_the_known_consistency_proofs_are_made_and_taken(old: int, new: int, path: list[str]) -> None:
    made = consistency_path(old, new, CT)
    assert [step.hex() for step in made] == path
    check_consistency(old, bytes.fromhex(CT_ROOTS[old]), new, bytes.fromhex(CT_ROOTS[new]), made)


def test_a_leaf_is_no_node_and_the_empty_tree_is_the_hash_of_nothing() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert empty_root() == hashlib.sha256(b"").digest() == root(0, CT)


def test_ten_thousand_random_trees_agree_with_the_definitions() -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    trees = 0
    for log in range(25):
        largest = 5000 if log % 5 == 0 else 1100
        second = SecondTree(random_entries(rng, largest))
        sizes = [*rng.sample(range(largest + 1), 396), 0, 1, 2, largest]
        for size in sizes:
            assert root(size, second.subtree) == second.mth(0, size)
            if size:
                _agree_on_a_leaf(second, rng.randrange(size), size)
                _agree_on_growth(second, rng.randint(1, size), size)
            trees += 1
    assert trees == 10_000


def test_every_leaf_and_every_growth_of_every_small_tree_agrees() -> None:
    second = SecondTree(random_entries(random.Random(SEED), 70))
    for size in range(1, 71):
        for at in range(size):
            _agree_on_a_leaf(second, at, size)
            _agree_on_growth(second, at + 1, size)


def _agree_on_a_leaf(second: SecondTree, index: int, size: int) -> None:
    path = inclusion_path(index, size, second.subtree)
    assert path == second.path(index, size)
    leaf, head = second.mth(index, index + 1), second.mth(0, size)
    check_inclusion(index, size, leaf, path, head)
    assert root_from_path(index, size, leaf, path) == head


def _agree_on_growth(second: SecondTree, old: int, new: int) -> None:
    path = consistency_path(old, new, second.subtree)
    assert path == second.proof(old, new)
    old_root, new_root = second.mth(0, old), second.mth(0, new)
    check_consistency(old, old_root, new, new_root, path)
    assert roots_from_proof(old, new, old_root, path) == (old_root, new_root)


def test_only_complete_subtrees_within_the_tree_are_asked_for() -> None:
    for size in range(1, 40):

        def within(height: int, index: int, size: int = size) -> bytes:
            assert (index + 1) << height <= size
            return bytes(32)

        root(size, within)
        for at in range(size):
            inclusion_path(at, size, within)
            consistency_path(at, size, within)


def bit_flips(value: bytes) -> Iterator[bytes]:
    """The value with each of its bits changed."""
    for bit in range(8 * len(value)):
        yield (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


def damaged(path: list[bytes]) -> Iterator[list[bytes]]:
    """The proof with one bit changed, a hash left out, doubled, added or cut short, or two exchanged."""
    for at, step in enumerate(path):
        for flipped in bit_flips(step):
            yield [*path[:at], flipped, *path[at + 1 :]]
        yield [*path[:at], *path[at + 1 :]]
        yield [*path[:at], step, *path[at:]]
        yield [*path[:at], step[:-1], *path[at + 1 :]]
        yield [*path[:at], step + b"\x00", *path[at + 1 :]]
        for other in range(at):
            swapped = list(path)
            swapped[at], swapped[other] = path[other], step
            yield swapped
    yield [*path, bytes(32)]
    yield [bytes(32), *path]
    yield [*path, b""]


SIZES = [1, 2, 3, 5, 8, 21, 64, 100]


@pytest.mark.parametrize("size", SIZES)
def test_every_damaged_inclusion_proof_is_refused(size: int) -> None:
    second = SecondTree(random_entries(random.Random(SEED), size))
    head = second.mth(0, size)
    for index in sorted({0, 1, size // 2, size - 2, size - 1} & set(range(size))):
        leaf, path = second.mth(index, index + 1), second.path(index, size)
        check_inclusion(index, size, leaf, path, head)
        for other in damaged(path):
            with pytest.raises(ProofInvalid):
                check_inclusion(index, size, leaf, other, head)
        for flipped in bit_flips(leaf):
            with pytest.raises(ProofInvalid):
                check_inclusion(index, size, flipped, path, head)
        for flipped in bit_flips(head):
            with pytest.raises(ProofInvalid):
                check_inclusion(index, size, leaf, path, flipped)
        for elsewhere in set(range(size)) - {index}:
            with pytest.raises(ProofInvalid):
                check_inclusion(elsewhere, size, leaf, path, head)


@pytest.mark.parametrize("new", SIZES)
def test_every_damaged_consistency_proof_is_refused(new: int) -> None:
    second = SecondTree(random_entries(random.Random(SEED), new))
    new_root = second.mth(0, new)
    for old in sorted({1, 2, new // 2, new - 1, new} & set(range(1, new + 1))):
        old_root, path = second.mth(0, old), second.proof(old, new)
        check_consistency(old, old_root, new, new_root, path)
        for other in damaged(path):
            with pytest.raises(ProofInvalid):
                check_consistency(old, old_root, new, new_root, other)
        for flipped in bit_flips(old_root):
            with pytest.raises(ProofInvalid):
                check_consistency(old, flipped, new, new_root, path)
        for flipped in bit_flips(new_root):
            with pytest.raises(ProofInvalid):
                check_consistency(old, old_root, new, flipped, path)


def test_a_size_with_the_root_of_another_size_is_taken_only_where_the_definitions_cannot_tell_them_apart() -> None:
    second = SecondTree(random_entries(random.Random(SEED), 40))
    refused = 0
    for size in range(1, 41):
        for index in range(size):
            leaf, path, head = second.mth(index, index + 1), second.path(index, size), second.mth(0, size)
            for claimed in set(range(index + 1, 41)) - {size}:
                same_shape = root_from_path(index, claimed, leaf, path) == head
                refused += not same_shape
                assert _taken(check_inclusion, index, claimed, leaf, path, head) == same_shape
                # With the root that the claimed size really has, the proof fails whatever its shape.
                assert not _taken(check_inclusion, index, claimed, leaf, path, second.mth(0, claimed))
    assert refused > 10_000


def test_sizes_of_a_consistency_proof_are_taken_only_where_the_definitions_cannot_tell_them_apart() -> None:
    second = SecondTree(random_entries(random.Random(SEED), 20))
    refused = 0
    for new in range(1, 21):
        for old in range(1, new + 1):
            path, roots = second.proof(old, new), (second.mth(0, old), second.mth(0, new))
            for claimed_new in range(1, 21):
                for claimed_old in range(1, claimed_new + 1):
                    taken = _taken(check_consistency, claimed_old, roots[0], claimed_new, roots[1], path)
                    assert taken == (roots_from_proof(claimed_old, claimed_new, roots[0], path) == roots)
                    refused += not taken
                    if (claimed_old, claimed_new) != (old, new):
                        real = (second.mth(0, claimed_old), second.mth(0, claimed_new))
                        agrees = roots_from_proof(claimed_old, claimed_new, real[0], path) == real
                        assert _taken(check_consistency, claimed_old, real[0], claimed_new, real[1], path) == agrees
                        assert agrees == (path == second.proof(claimed_old, claimed_new))
    assert refused > 10_000


def _taken(check: object, *arguments: object) -> bool:
    try:
        check(*arguments)  # type: ignore[operator]
    except ProofInvalid:
        return False
    return True


def test_a_log_that_was_rewritten_has_no_consistency_proof() -> None:
    entries = random_entries(random.Random(SEED), 100)
    honest = SecondTree(entries)
    for at in range(60):
        rewritten = SecondTree([*entries[:at], b"another history", *entries[at + 1 :]])
        path = rewritten.proof(60, 100)
        with pytest.raises(ProofInvalid, match="tree of 100 begins with the tree of 60 leads to"):
            check_consistency(60, honest.mth(0, 60), 100, rewritten.mth(0, 100), path)


def test_a_proof_that_goes_on_above_the_root_is_refused_whatever_it_leads_to() -> None:
    left, right, above = leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")
    head = node_hash(left, right)
    with pytest.raises(ProofInvalid, match="has 1 hashes, more than the tree is high"):
        check_inclusion(0, 1, right, [left], head)
    with pytest.raises(ProofInvalid, match="has 2 hashes, more than the tree is high"):
        check_inclusion(1, 2, right, [left, above], node_hash(above, head))
    with pytest.raises(ProofInvalid, match="has 2 hashes, more than the tree is high"):
        check_consistency(1, node_hash(above, left), 2, node_hash(above, head), [right, above])


def test_a_byte_moved_from_one_hash_to_its_neighbour_is_found() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    head = node_hash(left, right)
    assert node_hash(left + right[:1], right[1:]) == head
    with pytest.raises(ProofInvalid, match="a hash of 33 bytes, expected 32"):
        check_inclusion(0, 2, left + right[:1], [right[1:]], head)
    with pytest.raises(ProofInvalid, match="a hash of 33 bytes, expected 32"):
        check_consistency(1, left + right[:1], 2, head, [right[1:]])


def test_the_empty_tree_begins_every_tree_and_needs_no_proof() -> None:
    head = bytes.fromhex(CT_ROOTS[8])
    assert consistency_path(0, 8, CT) == consistency_path(0, 0, CT) == consistency_path(8, 8, CT) == []
    check_consistency(0, empty_root(), 8, head, [])
    check_consistency(0, empty_root(), 0, empty_root(), [])
    for arguments in [
        (0, head, 8, head, []),
        (0, empty_root(), 0, head, []),
        (0, empty_root(), 8, head, [head]),
        (8, head, 8, empty_root(), []),
        (8, head, 8, head, [head]),
        (4, bytes.fromhex(CT_ROOTS[4]), 8, head, []),
    ]:
        assert not _taken(check_consistency, *arguments)


def test_questions_that_have_no_answer_say_so() -> None:
    with pytest.raises(RuleBroken, match="a tree of 8 leaves has no leaf 8"):
        inclusion_path(8, 8, CT)
    with pytest.raises(RuleBroken, match="a tree of 0 leaves has no leaf 0"):
        check_inclusion(0, 0, bytes(32), [], empty_root())
    with pytest.raises(RuleBroken, match="has no leaf -1"):
        check_inclusion(-1, 8, bytes(32), [], empty_root())
    with pytest.raises(RuleBroken, match="a tree of 8 leaves does not grow into one of 7"):
        consistency_path(8, 7, CT)
    with pytest.raises(RuleBroken, match="a tree of -1 leaves does not grow"):
        check_consistency(-1, bytes(32), 7, bytes(32), [])
    with pytest.raises(RuleBroken, match="not -1"):
        root(-1, CT)

"""Tiles and bundles are those of C2SP tlog-tiles, and an edge grows them as if made from scratch."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.custody.second_tree import SecondTree, random_entries
from workers.custody.merkle import Hashes, check_consistency, check_inclusion, consistency_path, inclusion_path, root
from workers.custody.tiles import (
    Edge,
    Place,
    Tile,
    bundle,
    bundles_at,
    entries_path,
    hashes_from,
    needed,
    tiles_at,
    unbundle,
)
from workers.errors import RuleBroken, TileInvalid

SEED = 6962
BIG = SecondTree(random_entries(random.Random(SEED), 70_000))


def leaves(second: SecondTree, start: int, stop: int) -> list[bytes]:
    return [second.mth(at, at + 1) for at in range(start, stop)]


# Names.


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 1234067, 256), "tile/0/x001/x234/067"),
        (Tile(0, 1234067, 5), "tile/0/x001/x234/067.p/5"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(2, 1000, 1), "tile/2/x001/000.p/1"),
        (Tile(63, 273_000, 256), "tile/63/x273/000"),
    ],
)
def test_a_tile_is_named_as_the_specification_says(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tile.size == tile.width * 32


def test_a_bundle_is_named_like_a_tile() -> None:
    assert entries_path(1234067, 256) == "tile/entries/x001/x234/067"
    assert entries_path(0, 17) == "tile/entries/000.p/17"


def test_names_are_different_where_tiles_are() -> None:
    names = [tile.path for size in (1, 255, 256, 257, 70_000) for tile in tiles_at(size)]
    assert len(set(names)) == len({tile for size in (1, 255, 256, 257, 70_000) for tile in tiles_at(size)})


# Which tiles a tree has.


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_at(70_000))
    assert tiles[:273] == [Tile(0, number, 256) for number in range(273)]
    assert tiles[273:] == [Tile(0, 273, 112), Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above() -> None:
    assert list(tiles_at(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles_at(255)) == [Tile(0, 0, 255)]
    assert list(tiles_at(0)) == []


def test_what_is_new_is_what_the_older_tree_did_not_have() -> None:
    rng = random.Random(SEED)
    pairs = [sorted(rng.choices(range(70_001), k=2)) for _ in range(200)]
    pairs += [[256 * a, 256 * b] for a, b in [(0, 1), (1, 1), (1, 2), (255, 256), (256, 257)]]
    for since, size in pairs:
        expected = {(tile.level, tile.number, tile.width) for tile in set(tiles_at(size)) - set(tiles_at(since))}
        assert expected <= _shapes(size)
        found = list(tiles_at(size, since))
        assert len(found) == len(expected)
        assert {(tile.level, tile.number, tile.width) for tile in found} == expected
        assert list(bundles_at(size, since)) == [(t.number, t.width) for t in found if t.level == 0]


def _shapes(size: int) -> set[tuple[int, int, int]]:
    """(level, number, width) of all tiles, counted hash by hash."""
    shapes = set()
    level, count = 0, size
    while count:
        full, rest = divmod(count, 256)
        shapes |= {(level, number, 256) for number in range(full)} | ({(level, full, rest)} if rest else set())
        level, count = level + 1, full
    return shapes


def test_a_tile_is_as_wide_as_its_tree_makes_it() -> None:
    for size in (1, 255, 256, 300, 65_536, 70_000):
        assert {(t.level, t.number, t.width) for t in tiles_at(size)} == _shapes(size)
        for tile in tiles_at(size):
            assert Tile.at(size, tile.level, tile.number) == tile
    with pytest.raises(RuleBroken, match="a tree of 256 leaves has no tile 1 on level 0"):
        Tile.at(256, 0, 1)


def test_a_log_that_shrank_is_refused() -> None:
    with pytest.raises(RuleBroken, match="a log of 6 entries does not grow into one of 5"):
        list(tiles_at(5, 6))
    with pytest.raises(RuleBroken, match="does not grow"):
        list(bundles_at(5, -1))


# Reading.


def questions(rng: random.Random, size: int) -> list[Callable[[Hashes], object]]:
    index, old = rng.randrange(size), rng.randint(1, size)
    return [
        partial(root, size),
        partial(inclusion_path, index, size),
        partial(consistency_path, old, size),
    ]


def test_proofs_at_every_size_come_from_the_tiles_of_the_newest_tree() -> None:
    rng = random.Random(SEED)
    newest = hashes_from(BIG.tiles(70_000))
    for size in [1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 69_999, 70_000, *rng.sample(range(1, 70_000), 60)]:
        index, old = rng.randrange(size), rng.randint(1, size)
        head = root(size, newest)
        assert head == BIG.mth(0, size)
        path = inclusion_path(index, size, newest)
        assert path == BIG.path(index, size)
        check_inclusion(index, size, BIG.mth(index, index + 1), path, head)
        proof = consistency_path(old, size, newest)
        assert proof == BIG.proof(old, size)
        check_consistency(old, BIG.mth(0, old), size, head, proof)


def test_the_tiles_that_are_said_to_be_needed_are_enough_and_none_is_too_many() -> None:
    rng = random.Random(SEED)
    for size in [1, 256, 300, 65_600, 70_000, *rng.sample(range(1, 70_000), 20)]:
        everything = {(t.level, t.number): BIG.tile(t.level, t.number, t.width) for t in tiles_at(size)}
        for question in questions(rng, size):
            places = needed(question)
            assert places == sorted(set(places))
            read = {place: everything[place] for place in places}
            assert question(hashes_from(read)) == question(hashes_from(everything))
            for place in places:
                left_out = {other: content for other, content in read.items() if other != place}
                with pytest.raises(TileInvalid, match=rf"tile/{place[0]}/.*found 0 bytes"):
                    question(hashes_from(left_out))


def test_a_proof_needs_few_tiles() -> None:
    assert needed(partial(inclusion_path, 5, 70_000)) == [(0, 0), (0, 273), (1, 0), (1, 1)]
    assert len(needed(partial(inclusion_path, 10**9, 10**12))) <= 10


@pytest.mark.parametrize("size", [0, 31, 32 * 2, 32 * 3 - 1, 32 * 3 + 1, 32 * 257])
def test_a_tile_that_is_missing_narrow_or_malformed_is_refused(size: int) -> None:
    with pytest.raises(TileInvalid, match=rf"tile/0/000\.p/[23], .*found {size} bytes"):
        root(3, hashes_from({(0, 0): bytes(size)}))
    with pytest.raises(TileInvalid, match=rf"tile/0/000\.p/3, .*found {size} bytes"):
        Edge(3, {(0, 0): bytes(size)})


# Growing.


def grow(second: SecondTree, batches: list[int], edge: Edge) -> dict[Place, bytes]:
    """Append in batches and compare each step with what is made from scratch; return the tiles as stored."""
    stored: dict[Place, bytes] = {}
    for batch in batches:
        before, after = edge.size, edge.size + batch
        changed = edge.append(leaves(second, before, after))
        assert changed == {
            (t.level, t.number): second.tile(t.level, t.number, t.width) for t in tiles_at(after, before)
        }
        stored |= changed
        assert edge.size == after
        assert edge.root() == second.mth(0, after)
    return stored


def test_an_edge_that_grows_by_random_batches_equals_tiles_made_from_scratch() -> None:
    rng = random.Random(SEED)
    for _ in range(20):
        batches = [rng.choice([0, 1, 1, 2, 7, 255, 256, 257, rng.randrange(900)]) for _ in range(rng.randrange(40))]
        stored = grow(BIG, batches, Edge(0, {}))
        assert stored == BIG.tiles(sum(batches))


def test_an_edge_grows_over_the_second_and_third_level() -> None:
    batches = [65_280, 255, 1, 1, 255, 4_000, 1, 207]
    assert sum(batches) == 70_000
    assert grow(BIG, batches, Edge(0, {})) == BIG.tiles(70_000)


def test_an_edge_that_grows_leaf_by_leaf_is_right_at_every_size() -> None:
    assert grow(BIG, [1] * 1100, Edge(0, {})) == BIG.tiles(1100)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 69_000])
def test_an_edge_made_from_stored_tiles_goes_on_where_the_other_stopped(size: int) -> None:
    stored = BIG.tiles(size)
    edge = Edge(size, {place: stored[place] for place in Edge.needed(size)})
    assert edge.root() == BIG.mth(0, size)
    grow(BIG, [1, 255, 256, 3], edge)


def test_an_edge_needs_its_partial_tiles_alone_and_cuts_wider_ones() -> None:
    assert Edge.needed(70_000) == [(0, 273), (1, 1), (2, 0)]
    assert Edge.needed(65_536) == [(2, 0)]
    assert Edge.needed(256) == [(1, 0)]
    assert Edge.needed(0) == []
    edge = Edge(300, BIG.tiles(70_000))
    assert edge.root() == BIG.mth(0, 300)
    grow(BIG, [500], edge)


def test_an_edge_that_refused_a_leaf_has_not_grown() -> None:
    edge = Edge(300, BIG.tiles(300))
    with pytest.raises(RuleBroken, match="leaf 301 has 31 bytes, expected a hash of 32"):
        edge.append([bytes(32), bytes(31)])
    assert (edge.size, edge.root()) == (300, BIG.mth(0, 300))
    grow(BIG, [300], edge)


# Bundles.


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert unbundle(bundle(entries)) == entries


def test_a_bundle_is_lengths_and_entries() -> None:
    assert bundle([b"", b"a", b"\xff" * 258]) == b"\x00\x00" + b"\x00\x01a" + b"\x01\x02" + b"\xff" * 258
    longest = bytes(65_535)
    assert unbundle(bundle([longest])) == [longest]


def test_a_bundle_of_the_log_hashes_to_its_tile() -> None:
    data = bundle(BIG.entries[256:512])
    second = SecondTree(unbundle(data))
    assert second.tile(0, 0, 256) == BIG.tile(0, 1, 256)


def test_what_does_not_fit_into_a_bundle_is_refused() -> None:
    with pytest.raises(RuleBroken, match="entry 1 of a bundle has 65536 bytes, at most 65535 fit"):
        bundle([b"", bytes(65_536)])
    with pytest.raises(RuleBroken, match="1 to 256 entries, not 257"):
        bundle([b""] * 257)
    with pytest.raises(RuleBroken, match="1 to 256 entries, not 0"):
        bundle([])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\x00", "ends within entry 0"),
        (b"\x00\x01", "ends within entry 0"),
        (b"\x00\x01a\x00", "ends within entry 1"),
        (b"\x00\x01a\xff\xff" + bytes(65_534), "ends within entry 1"),
        (bytes(2 * 257), "goes on behind entry 255"),
        (bytes(2 * 256 + 2) + b"\x01", "goes on behind entry 255"),
    ],
)
def test_a_malformed_bundle_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(TileInvalid, match=says):
        unbundle(data)


def test_a_bundle_cut_anywhere_is_refused_or_holds_fewer_entries() -> None:
    entries = [b"a" * at for at in range(20)]
    data = bundle(entries)
    ends = {len(bundle(entries[:count])): count for count in range(1, 21)}
    for cut in range(len(data)):
        if cut in ends:
            assert unbundle(data[:cut]) == entries[: ends[cut]]
        else:
            with pytest.raises(TileInvalid):
                unbundle(data[:cut])


@given(st.binary(max_size=700))
def test_any_bytes_are_a_bundle_in_one_way_or_refused(data: bytes) -> None:
    try:
        entries = unbundle(data)
    except TileInvalid:
        return
    assert bundle(entries) == data

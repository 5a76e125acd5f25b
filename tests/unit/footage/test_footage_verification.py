from __future__ import annotations

import hashlib

import pytest

from tests.unit.footage.footage_world import LONG, World
from workers.errors import StoreAway
from workers.footage.fake import FakeSource
from workers.footage.verification import Outcome, Verdict, read_back
from workers.vault.fake import FakeReader, FakeVault

DIGEST = hashlib.sha256(LONG).hexdigest()


class LyingVault(FakeVault):
    """Acknowledged one thing and gives another."""

    def __init__(self, gives: bytes) -> None:
        super().__init__()
        self._gives = gives

    def get(self, *args: object, **kwargs: object) -> FakeReader:
        return FakeReader(self._gives)


def verdict_on(vault: FakeVault, version: str = "v", sha256: str = DIGEST) -> Verdict:
    return read_back(vault, "t/clips/c/1/footage", version, size=len(LONG), sha256=sha256, chunk_size=5 << 20)


def test_the_declared_bytes_are_correct(world: World) -> None:
    outcome = world.secure()
    keys = world.order.keys
    verdict = read_back(
        world.vault,
        keys.footage,
        outcome.manifest.footage_version,
        size=len(LONG),
        sha256=DIGEST,
        chunk_size=5 << 20,
    )
    assert verdict.outcome is Outcome.CORRECT
    assert verdict.compared == 2


@pytest.mark.parametrize(
    "gives",
    [LONG[:-1], LONG + b"x", b"", bytes([LONG[0] ^ 1]) + LONG[1:], LONG[:-1] + bytes([LONG[-1] ^ 128])],
    ids=["short", "long", "empty", "first byte flipped", "last bit flipped"],
)
def test_a_lying_store_is_caught(gives: bytes) -> None:
    verdict = verdict_on(LyingVault(gives))
    assert verdict.outcome is Outcome.MISMATCH
    assert verdict.found_sha256 == hashlib.sha256(gives).hexdigest()


def test_a_missing_object_is_a_mismatch() -> None:
    verdict = verdict_on(FakeVault())
    assert verdict.outcome is Outcome.MISMATCH
    assert verdict.found_sha256 is None


def test_a_store_that_does_not_answer_gives_no_verdict_on_the_bytes() -> None:
    class Away(FakeVault):
        def get(self, *args: object, **kwargs: object) -> FakeReader:
            raise StoreAway("503")

    assert verdict_on(Away()).outcome is Outcome.UNREADABLE


def test_a_read_that_breaks_off_gives_no_verdict_on_the_bytes() -> None:
    class Breaking(FakeVault):
        def get(self, *args: object, **kwargs: object) -> FakeReader:
            reader = FakeReader(LONG)
            reader.readinto = FakeSource(LONG, gone_after=1 << 20).open().readinto  # type: ignore[method-assign]
            return reader

    assert verdict_on(Breaking()).outcome is Outcome.UNREADABLE


@pytest.mark.parametrize("digest", ["", "null", DIGEST.upper(), DIGEST[:-1]])
def test_without_a_digest_nothing_is_verified(digest: str) -> None:
    verdict = verdict_on(LyingVault(LONG), sha256=digest)
    assert verdict.outcome is Outcome.NO_DIGEST
    assert verdict.compared == 0


def test_a_good_verdict_cannot_be_made_without_its_comparisons() -> None:
    with pytest.raises(AssertionError, match="0 comparisons"):
        Verdict(Outcome.CORRECT, "believe me")

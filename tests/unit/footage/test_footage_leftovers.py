"""No unfinished upload is left of a clip that has settled, not even one that only the store knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.footage.footage_world import CHUNK, LONG, World, footage
from workers.errors import AlreadyThere
from workers.footage.conclusion import Secured

LOCK = datetime.now(UTC) + timedelta(days=1)


def test_an_upload_whose_create_was_answered_twice_is_dropped() -> None:
    world = World(LONG)
    begun: list[str] = []

    def lost_answer(call: str) -> None:
        # The client heard nothing, asked again, and a second upload is what it knows.
        if call == "create" and not begun:
            begun.append(call)
            world.vault.create_upload(world.order.keys.footage, lock_until=LOCK)

    world.vault.after = lost_answer
    assert isinstance(world.secure(), Secured)
    assert begun
    assert world.unfinished() == []


def test_an_attempt_that_found_its_key_taken_leaves_no_upload() -> None:
    world = World(LONG)
    other = footage(CHUNK + 1, seed=2)

    def taken(call: str) -> None:
        if call == "part 1":
            world.vault.put_new(world.order.keys.footage, other, lock_until=LOCK)

    world.vault.after = taken
    with pytest.raises(AlreadyThere):
        world.secure()
    assert world.unfinished() == []

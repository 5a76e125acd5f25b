"""Who a session is for, how often one may try, and where a request comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.web.armour import address_of, networks
from console.web.people import Person, Role
from console.web.sessions import Session, Via, person_of
from console.web.tries import MOST_A_PERSON, MOST_AN_ADDRESS, MOST_TRIES, WITHIN, forget_tries, may_try
from tests.web.site import CHEAP
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def tried(database: Database, person: str, address: str, times: int) -> int:
    """How many of so many tries were let through."""
    return sum([await may_try(database, person, address, NOW) for _ in range(times)])


async def test_tries_are_counted_by_person_and_place_by_person_and_by_place(emptied: Database) -> None:
    assert await tried(emptied, "PC-100", "10.0.0.1", MOST_TRIES + 3) == MOST_TRIES
    assert await tried(emptied, "PC-100", "10.0.0.2", 1) == 1, "who knows a number locks nobody out elsewhere"
    places = [await tried(emptied, "PC-100", f"10.0.1.{n}", MOST_TRIES) for n in range(10)]
    assert sum(places) == MOST_A_PERSON - MOST_TRIES - 1, "and yet a number is not guessed at from everywhere"
    others = [await tried(emptied, f"PC-{n}", "10.0.0.9", 1) for n in range(200, 200 + MOST_AN_ADDRESS + 5)]
    assert sum(others) == MOST_AN_ADDRESS
    async with emptied.transaction() as connection:
        await forget_tries(connection, "PC-100", "10.0.0.1")
    assert await tried(emptied, "PC-100", "10.0.0.1", MOST_TRIES + 1) == MOST_TRIES
    assert await may_try(emptied, "PC-200", "10.0.0.9", NOW + WITHIN + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("peer", "forwarded", "fronts", "asks"),
    [
        ("203.0.113.9", [], "", "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "", "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "10.0.0.0/8", "203.0.113.9"),
        ("10.0.0.5", ["198.51.100.1"], "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.5", ["1.2.3.4, 198.51.100.1"], "10.0.0.5", "198.51.100.1"),
        ("10.0.0.5", ["1.2.3.4", "198.51.100.1, 10.0.0.6"], "10.0.0.5 10.0.0.6", "198.51.100.1"),
        ("10.0.0.5", [], "10.0.0.5", "10.0.0.5"),
        ("10.0.0.5", ["no address"], "10.0.0.5", "no address"),
    ],
)
def test_who_asks_is_whom_the_nearest_front_of_ours_names(
    peer: str, forwarded: list[str], fronts: str, asks: str
) -> None:
    assert address_of(peer, forwarded, networks(fronts)) == asks


def test_a_front_that_is_no_address_is_told() -> None:
    with pytest.raises(ConfigurationInvalid, match="board_fronts"):
        networks("front.example")


def session(via: Via = Via.PASSWORD, stamp: str = "", roles: tuple[Role, ...] = ()) -> Session:
    return Session("s", "PC-100", stamp, NOW, NOW, NOW, via, "As told", roles)


KEPT = Person("PC-100", "As kept", (Role.OFFICER,), CHEAP)
LEFT = Person("PC-100", "As kept", (), left_at="2026-11-22T11:00:00.000Z")
TOMORROW = Person("PC-100", "As kept", (Role.OFFICER,), since=NOW.date() + timedelta(days=1))
YESTERDAY = Person("PC-100", "As kept", (Role.OFFICER,), until=NOW.date() - timedelta(days=1))
TODAY = Person("PC-100", "As kept", (Role.OFFICER,), since=NOW.date(), until=NOW.date())
BY_GROUPS = session(Via.DIRECTORY, roles=(Role.AUDITOR,))


@pytest.mark.parametrize(
    ("opened", "kept", "name", "roles"),
    [
        (session(stamp=KEPT.stamp), KEPT, "As kept", (Role.OFFICER,)),
        (session(stamp="of another password"), KEPT, None, ()),
        (session(stamp=LEFT.stamp), LEFT, None, ()),
        (session(), None, None, ()),
        (session(Via.DIRECTORY), KEPT, "As kept", (Role.OFFICER,)),
        (session(Via.DIRECTORY), None, None, ()),
        (session(Via.DIRECTORY), TODAY, "As kept", (Role.OFFICER,)),
        (session(Via.DIRECTORY), TOMORROW, None, ()),
        (session(Via.DIRECTORY), YESTERDAY, None, ()),
        (BY_GROUPS, None, "As told", (Role.AUDITOR,)),
        (BY_GROUPS, KEPT, "As told", (Role.AUDITOR,)),
        (BY_GROUPS, LEFT, None, ()),
        (BY_GROUPS, YESTERDAY, None, ()),
    ],
)
def test_who_a_session_is_for(opened: Session, kept: Person | None, name: str | None, roles: tuple[Role, ...]) -> None:
    found = person_of(opened, kept, NOW)
    assert (found.name, found.roles) == (name, roles) if found else name is None

"""How often somebody may try to sign in: by person and place, by person, and by place.

A person is slowed down after few tries from one place, so that whoever knows a warrant number cannot lock its owner out
from elsewhere; tries from many places are bounded all the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from workers.database.engine import Connection, Database, execute, fetch

WITHIN = timedelta(minutes=15)
"""Tries count for so long."""
MOST_TRIES = 5
"""For one warrant number from one address."""
MOST_A_PERSON = 20
"""For one warrant number, wherever from."""
MOST_AN_ADDRESS = 60
"""From one address, for whomever: a station's people may all come from one."""


async def may_try(database: Database, person: str, address: str, now: datetime) -> bool:
    """Note a try to sign in with this warrant number from this address; False: there were too many.

    Tries for one person, and those from one address, take turns, so that a burst is counted like a row of them.
    """
    async with database.transaction() as connection:
        await execute(connection, "DELETE FROM web_tries WHERE at < %s", (now - WITHIN,))
        for one in sorted({f"person {person}", f"address {address}"}):
            await execute(connection, "SELECT pg_advisory_xact_lock(hashtext('web_tries'), hashtext(%s))", (one,))
        rows = await fetch(
            connection,
            "SELECT count(*) FILTER (WHERE person = %(person)s AND address = %(address)s) AS both,"
            " count(*) FILTER (WHERE person = %(person)s) AS person, count(*) FILTER (WHERE address = %(address)s)"
            " AS address FROM web_tries WHERE (person = %(person)s OR address = %(address)s) AND at >= %(since)s",
            {"person": person, "address": address, "since": now - WITHIN},
        )
        tried = rows[0]
        if tried["both"] >= MOST_TRIES or tried["person"] >= MOST_A_PERSON or tried["address"] >= MOST_AN_ADDRESS:
            return False
        await execute(
            connection, "INSERT INTO web_tries (person, address, at) VALUES (%s, %s, %s)", (person, address, now)
        )
        return True


async def forget_tries(connection: Connection, person: str, address: str) -> None:
    """They have signed in from there."""
    await execute(connection, "DELETE FROM web_tries WHERE person = %s AND address = %s", (person, address))

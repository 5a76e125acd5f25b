"""The database is lost: what was told becomes a custody log, and everything is made again from that alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from streams import messages as m
from streams.rebuilding import _is_message as is_message
from streams.topics import BY_NAME
from workers.custody.entry import Recorded, content_of
from workers.custody.log import append, read_head
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.fate import restoring
from workers.fate.outbox import Event
from workers.fate.rebuilt import Listed, apply_vault, restore_fates
from workers.keys.signing import EnrolledKey
from workers.keys.statements import now_iso
from workers.retention.restoring_shared import enter_unproved, fan_out_again, plan_all, restore_shared


async def record(database: Database, events: Iterable[Event]) -> None:
    """What was told, as the record writes it."""
    head = await read_head(database)
    batch = []
    for event in events:
        offset = head.offsets.get((event.topic, 0), 0) + sum(item.topic == event.topic for item in batch)
        content, unreadable = content_of(event.body)
        batch.append(
            Recorded(event.topic, 0, offset, event.id, event.topic, now_iso(), event.source, event.subject,
                     BY_NAME[event.topic].verb, event.body, content, unreadable)
        )  # fmt: skip
    await append(database, head, [item for item in batch if BY_NAME[item.topic].recorded])


async def record_outbox(database: Database) -> None:
    """Everything in the outbox, in the order in which it was told."""
    rows = await database.fetch("SELECT topic, key, event_id, subject, source, body FROM outbox ORDER BY id")
    await record(
        database, [Event(r["topic"], r["key"], r["event_id"], r["subject"], r["source"], r["body"]) for r in rows]
    )


async def registered(database: Database, clip: str) -> Event:
    """What intake told of a clip whose row is there."""
    row = await database.fetch_one("SELECT report FROM clip_fate WHERE clip_id = %s", (clip,))
    assert row is not None
    told = m.ClipRegistered(clip, 1, msgspec.convert(row["report"], m.Signed))
    return m.event("clips.registered", told, key=clip, subject=clip, source="intake", cause=(clip,))


class Again:
    """The tables made again."""

    def __init__(self, database: Database, counted: dict[str, int]) -> None:
        self.database = database
        self.counted = counted

    async def row(self, clip: str) -> dict[str, Any]:
        found = await self.database.fetch_one("SELECT * FROM clip_fate WHERE clip_id = %s", (clip,))
        assert found is not None
        return found


@asynccontextmanager
async def made_again(
    lost: Database, keys: Iterable[EnrolledKey], listed: Iterable[Listed] = ()
) -> AsyncIterator[Again]:
    """A database made from the custody log of a lost one, and from what the vault lists."""
    fresh = f"{lost.schema}_again"
    upgrade(lost.dsn, fresh)
    known = {key.id: key for key in keys}
    async with Database(lost.dsn, fresh) as database:
        await database.execute(f"INSERT INTO custody SELECT * FROM {lost.schema}.custody")
        clips, told = await restore_fates(database, known, is_message, progress=lambda n: None)
        async with database.transaction() as connection:
            counted = await restore_shared(connection, known, is_message)
        counted |= {"clips": clips, "again": told}
        counted |= await apply_vault(database, listed)
        async with database.transaction() as connection:
            counted["unproved"] = await enter_unproved(connection)
            counted["fan out"] = await fan_out_again(connection, lambda row: restoring.told(row).event)
        await plan_all(database, lambda n: None)
        yield Again(database, counted)


async def same(lost: Database, again: Again, table: str, columns: str) -> list[dict[str, Any]]:
    """Fail unless both have the same rows in these columns; returns them."""
    ask = f"SELECT {columns} FROM {table} ORDER BY {columns}"
    before, after = await lost.fetch(ask), await again.database.fetch(ask)
    assert after == before, table
    return after

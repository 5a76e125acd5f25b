"""What the catalogue says of readings: oldest first, disjoint shares, coverage; in whatever order events come."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import psycopg
import pytest
from alembic import command

from tests.fate.rows import insert
from workers.catalogue.projection import project
from workers.catalogue.rereads import (
    Share,
    coverage,
    lately_read,
    longest_unread,
    page_of,
    reread_since,
    share_of,
)
from workers.custody.entry import Recorded
from workers.database import schema as schemas
from workers.database.engine import Database, execute
from workers.database.schema import upgrade
from workers.fate.moves import Disposal, Standing

HOUR = 3600.0


def recorded(kind: str, clip: str, time: str, **content: Any) -> Recorded:
    body = {"clip_id": clip, **content}
    return Recorded(
        kind, 0, 0, f"evt-{kind}-{time}", kind, time, "test", clip, "collection", msgspec.json.encode(body), body
    )


async def add(database: Database, hours: float, *, reread: float | None = None, size: int = 100, **row: Any) -> str:
    """A clip that was verified so many hours ago, and perhaps read again since."""
    state = {"standing": Standing.RELEASED, "verified_version": "v1", **row}
    async with database.connection() as connection:
        clip = (await insert(connection, state)).clip_id
        await execute(
            connection,
            "INSERT INTO clips (clip_id, size, verified_at, reread_at, damaged_at, manifest_version, stored_attempt)"
            " VALUES (%s, %s, now() - make_interval(secs => %s), now() - make_interval(secs => %s),"
            " CASE WHEN %s THEN now() END, 'm1', 1)",
            (clip, size, hours * HOUR, None if reread is None else reread * HOUR, state["standing"] == "damaged"),
        )
    return clip


async def test_the_longest_unread_clip_comes_first_and_what_is_damaged_or_gone_does_not(database: Database) -> None:
    read_again = await add(database, 90, reread=1)
    oldest = await add(database, 50)
    younger = await add(database, 40, disposal=Disposal.INTENDED)
    await add(database, 99, standing=Standing.DAMAGED)
    await add(database, 98, disposal=Disposal.COMMITTED)
    await add(database, 97, standing=Standing.REGISTERED, verified_version=None)
    seen: list[str] = []
    while (found := await longest_unread(database, seen)) is not None:
        seen.append(found.clip_id)
    assert seen == [oldest, younger, read_again]
    first = await longest_unread(database)
    assert first is not None
    assert first.age == pytest.approx(50 * HOUR, abs=60)
    assert [found.clip_id for found in await lately_read(database, read_again)] == [younger, oldest]


async def test_shares_are_disjoint_complete_and_stable(database: Database) -> None:
    clips = {await add(database, 2) for _ in range(60)}
    shares = []
    for number in range(1, 8):
        share, paged, after = Share(number, 7), list[str](), ""
        while page := await page_of(database, share, after, 3):
            paged += [stored.clip_id for stored in page]
            after = paged[-1]
        assert await share_of(database, share) == (len(paged), 100 * len(paged))
        shares.append(set(paged))
    assert set().union(*shares) == clips
    assert sum(map(len, shares)) == len(clips)
    await add(database, 2)
    assert shares[0] <= {stored.clip_id for stored in await page_of(database, Share(1, 7), "", 100)}


async def test_a_share_may_be_only_what_was_not_read_lately_or_one_clip(database: Database) -> None:
    old = await add(database, 30)
    await add(database, 30, reread=2)
    assert [s.clip_id for s in await page_of(database, Share(age=10 * HOUR), "", 10)] == [old]
    damaged = await add(database, 5, standing=Standing.DAMAGED)
    assert [s.clip_id for s in await page_of(database, Share(clip_id=damaged), "", 10)] == [damaged]
    assert await share_of(database, Share(clip_id="clip-nowhere")) == (0, 0)


async def test_coverage_counts_bytes(database: Database) -> None:
    empty = await coverage(database, HOUR)
    assert (empty.ratio, empty.oldest, empty.damaged) == (1.0, None, 0)
    await add(database, 50, reread=1, size=300)
    await add(database, 20, size=100)
    await add(database, 60, size=999, standing=Standing.DAMAGED)
    found = await coverage(database, 10 * HOUR)
    assert (found.clips, found.bytes, found.covered, found.ratio, found.damaged) == (2, 400, 300, 0.75, 1)
    assert found.oldest == pytest.approx(20 * HOUR, abs=60)


async def test_the_catalogue_does_not_depend_on_the_order_of_events(database: Database) -> None:
    events = [
        ("clips.secured", "2026-11-22T10:00:00Z", {"attempt": 1, "version_id": "v1", "manifest_version": "m1"}),
        ("clips.secured", "2026-11-22T10:05:00Z", {"attempt": 2, "version_id": "v2", "manifest_version": "m2"}),
        ("clips.reread", "2026-11-22T11:00:00Z", {"reread_at": "2026-11-22T11:00:00Z"}),
        ("clips.reread", "2026-11-22T12:00:00Z", {"reread_at": "2026-11-22T12:00:00Z"}),
        ("clips.damaged", "2026-11-22T13:00:00Z", {"reason": "rot", "chunks": [2]}),
    ]
    found = []
    for number, order in enumerate(itertools.permutations(events)):
        clip = "clip-" + f"{number:032d}".translate(str.maketrans("0189", "abcd"))
        async with database.connection() as connection:
            for kind, time, content in order:
                await project(connection, recorded(kind, clip, time, **content))
        row = await database.fetch_one(
            "SELECT stored_attempt, stored_version, manifest_version, reread_at, damaged_at, damage->>'reason' AS why"
            " FROM clips WHERE clip_id = %s", (clip,)
        )  # fmt: skip
        found.append(row)
    assert len(found) == 120
    assert all(row == found[0] for row in found)
    assert found[0] is not None
    assert (found[0]["stored_version"], found[0]["manifest_version"], found[0]["why"]) == ("v2", "m2", "rot")
    assert found[0]["reread_at"].hour == 12


async def test_a_reading_is_known_once_the_catalogue_is_as_far(database: Database) -> None:
    clip = await add(database, 5, reread=1)
    row = await database.fetch_one("SELECT reread_at, reread_at + interval '1 s' AS later FROM clips")
    assert row is not None
    assert await reread_since(database, {clip: row["reread_at"]}) == [clip]
    assert await reread_since(database, {clip: row["later"]}) == []
    damaged = await add(database, 5, standing=Standing.DAMAGED)
    assert await reread_since(database, {damaged: row["later"]}) == [damaged]


def test_what_was_recorded_before_the_scrub_is_filled_in(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "before_scrub"
    with monkeypatch.context() as earlier:
        whole = command.upgrade
        earlier.setattr(schemas.command, "upgrade", lambda config, _: whole(config, "0002"))
        upgrade(dsn, name)
    told = [
        (0, "clips.secured", "clip-a", {"clip_id": "clip-a", "attempt": 1, "manifest_version": "old"}),
        (1, "clips.secured.urgent", "clip-a", {"clip_id": "clip-a", "attempt": 2, "manifest_version": "new"}),
        (2, "clips.secured", "clip-b", None),
    ]
    with psycopg.connect(dsn, options=f"-c search_path={name}") as connection:
        for index, kind, clip, content in told:
            body = None if content is None else msgspec.json.encode(content)
            connection.execute(
                "INSERT INTO custody (index, event_id, type, clip_id, verb, time, entry, leaf, payload, salt, topic,"
                " partition, \"offset\") VALUES (%s, %s, %s, %s, 'collection', now(), '{}', '', %s, '', %s, 0, %s)",
                (index, f"evt-{index}", kind, clip, body, kind, index),
            )
        connection.execute("INSERT INTO clips (clip_id) VALUES ('clip-a'), ('clip-b')")
    upgrade(dsn, name)
    with psycopg.connect(dsn, options=f"-c search_path={name}") as connection:
        rows = connection.execute("SELECT clip_id, stored_attempt, manifest_version FROM clips ORDER BY 1").fetchall()
    assert rows == [("clip-a", 2, "new"), ("clip-b", None, None)]

"""How `bwv complaint` asks, and what it reads to make a receipt."""

from __future__ import annotations

import asyncio
import time

import click

from console.cli.asking import Request
from console.cli.common import database_of, signed_by_person
from streams.messages import ScrutinyRequested, event_id
from streams.settings import Settings
from workers.custody.queries import newest_seal
from workers.database.engine import Database
from workers.keys.signing import Signed
from workers.retention.answers import Verdict, answer_to
from workers.retention.hold_queries import clips_under
from workers.scrutiny.complaint import Complaint
from workers.scrutiny.queries import kept_by
from workers.scrutiny.receipt import Receipt, receipt
from workers.scrutiny.rows import find_complaint
from workers.scrutiny.statements import Deed, ScrutinyDeed

LOOK_EVERY = 0.2
"""Seconds between two looks at how far a hold has come."""


def request_of(settings: Settings, about: str, deed: Deed, at: str, holds: tuple[Signed, ...] = ()) -> Request:
    """The signed request."""
    body = ScrutinyDeed(about, deed, settings.person, at, holds)
    message = ScrutinyRequested(about, signed_by_person(settings, body))
    return Request("scrutiny.requested", message, about, (message.deed.signature,))


async def complaint_of(database: Database, about: str) -> Complaint:
    """The complaint of this id."""
    async with database.connection() as connection:
        found = await find_complaint(connection, about)
    if found is None:
        raise click.UsageError("no complaint has this reference; open it: bwv complaint open REF …")
    return found


async def settled_clips(settings: Settings, hold: str, wait: float) -> None:
    """Wait until the store's legal hold is on every clip of a hold; after `wait` seconds go on as it is."""
    end = time.monotonic() + wait
    async with database_of(settings) as database:
        while time.monotonic() < end:
            answer = await answer_to(database, event_id("holds.requested", hold))
            clips = await clips_under(database, hold)
            if answer is not None and answer.verdict is not Verdict.PENDING and not clips["pending"]:
                return
            await asyncio.sleep(LOOK_EVERY)


async def made_receipt(settings: Settings, about: str) -> Receipt:
    """What is kept for a complaint now, with the newest checkpoint."""
    async with database_of(settings) as database:
        found = await complaint_of(database, about)
        head = await newest_seal(database)
        size = head.size if head is not None else 0
        # Each opening carried the signed request for one hold; which of the versions those are, is not kept.
        openings = [event_id("scrutiny.recorded", about, "complaint", n + 1) for n in range(found.version)]
        row = await database.fetch_one(
            "SELECT count(*) AS n FROM custody WHERE event_id = ANY(%s) AND index < %s AND conflicts_with IS NULL",
            (openings, size),
        )
        async with database.connection() as connection:
            kept = await kept_by(connection, found)
    sealed = row is not None and row["n"] == len(found.holds)
    return receipt(found, kept, size=size, checkpoint=head.checkpoint if head else "", sealed=sealed)

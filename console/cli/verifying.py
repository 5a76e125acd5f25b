"""The reading behind `bwv verify`: several clips at a time, each told of as the scrub tells it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

import click
from msgspec import Struct

from console.cli.counting import counted
from streams.engine.pace import Paced
from streams.engine.publishing import Publisher
from streams.rereading import Rereader, Seen
from streams.settings import Settings
from workers.catalogue.rereads import Coverage, Share, Stored, coverage, page_of, reread_since, share_of
from workers.database.engine import Database
from workers.errors import BrokerAway, PartUnreachable, PermanentFault, StoreAway
from workers.footage.finding import Condition

PAGE = 200
RECORDED_WITHIN = 10.0
"""Seconds that the command waits for the record, so that its coverage counts what it has just read."""


class Trouble(Struct, frozen=True):
    """A clip that is not as it should be.

    Attributes:
        condition: damaged, missing, unreadable (a second reading decides), unjudged (what was signed does not
            hold), or weaker lock.
        told: it is on record.
        chunks: where the footage is wrong.
    """

    clip_id: str
    camera: str
    recording: str
    condition: str
    told: bool
    reason: str
    chunks: tuple[dict[str, Any], ...] = ()


class Result(Struct):
    """What a run has read and found."""

    clips: int = 0
    whole: int = 0
    bytes: int = 0
    seconds: float = 0.0
    troubles: list[Trouble] = []


async def verify_share(
    settings: Settings, database: Database, share: Share, within: float, *, hidden: bool
) -> tuple[Result, Coverage]:
    """Read a share of the clips again and tell what was found.

    Args:
        within: seconds; what was read within them counts as covered.
        hidden: show no progress.

    Raises:
        PartUnreachable: the store or Kafka is away; what was read so far is told.
        UsageError: the one clip that was named is not in the vault.
    """
    clips, size = await share_of(database, share)
    if share.clip_id is not None and not clips:
        raise click.UsageError(f"{share.clip_id} was never verified, or is disposed of: there is nothing to read again")
    publisher = Publisher(settings.kafka, settings.namespace, f"bwv.person.{settings.person}")
    rereader = None
    try:
        await publisher.start()
        rereader = Rereader(settings, database, publisher.publish, by=settings.person)
        reading = Reading(settings, rereader)
        with counted("bytes", size, hidden=hidden) as tell:
            await reading.all(_clips(database, share), lambda done: tell(min(done, size)))
            await reading.doubtful_again(hidden)
        await _recorded(database, reading)
    except (BrokerAway, StoreAway) as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error
    finally:
        if rereader is not None:
            rereader.close()
        await publisher.stop()
    return reading.result, await coverage(database, within)


async def _clips(database: Database, share: Share) -> AsyncIterator[Stored]:
    after = ""
    while page := await page_of(database, share, after, PAGE):
        for stored in page:
            yield stored
        after = page[-1].clip_id


class Reading:
    """Reads clips, several at a time, and keeps what was found."""

    def __init__(self, settings: Settings, rereader: Rereader) -> None:
        self.result = Result()
        self.last: Seen | None = None
        self._settings = settings
        self._rereader = rereader
        self._doubtful: list[Stored] = []

    async def all(self, clips: AsyncIterator[Stored], tell: Callable[[int], None]) -> None:
        """Read them all; the first part that is away ends it."""
        began = time.monotonic()

        def count(number: int) -> None:
            self.result.bytes += number

        async def reader() -> None:
            async for stored in clips_in_turn():
                await self._one(stored, count)
                tell(self.result.bytes)

        turn = asyncio.Lock()

        async def clips_in_turn() -> AsyncIterator[Stored]:
            while True:
                async with turn:
                    stored = await anext(clips, None)
                if stored is None:
                    return
                yield stored

        await together(reader() for _ in range(self._settings.at_once))
        self.result.seconds = time.monotonic() - began

    async def doubtful_again(self, hidden: bool) -> None:
        """Read those that could not be read a second time, once it is time for it."""
        doubtful, self._doubtful = self._doubtful, []
        for stored in doubtful:
            wait = self._rereader.suspects.get(stored.clip_id, 0.0) - time.monotonic()
            if wait > 1 and not hidden:
                click.echo(
                    f"{stored.clip_id} cannot be read while others can; it is read again in {wait:.0f} s", err=True
                )
            await asyncio.sleep(max(0.0, wait))
            await self._one(stored, lambda _: None, again=True)

    async def _one(self, stored: Stored, count: Callable[[int], None], *, again: bool = False) -> None:
        try:
            seen = await self._rereader.read(stored, Paced(count=count))
        except PermanentFault as fault:
            self._note(stored.clip_id, "", "", "unjudged", False, str(fault))
            return
        if seen is None:
            return
        finding, fate = seen.finding, seen.fate
        if finding.condition is not Condition.WHOLE and not finding.certain and not seen.told and not again:
            self._doubtful.append(stored)
            return
        self.result.clips += 1
        self.last = seen if seen.told else self.last
        if finding.condition is Condition.WHOLE and not finding.lock:
            self.result.whole += 1
            return
        name, reason = finding.condition.value, finding.reason
        if finding.condition is Condition.WHOLE:
            name, reason = "weaker lock", finding.lock
        chunks = tuple(
            {"number": c.number, "offset": c.offset, "size": c.size, "expected": c.expected, "found": c.found}
            for c in finding.chunks
        )
        self._note(fate.clip_id, fate.camera, fate.recording, name, seen.told, reason, chunks)

    def _note(self, *facts: Any) -> None:
        self.result.troubles.append(Trouble(*facts))


async def together(readers: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run them at the same time; the first error ends them all."""
    tasks = [asyncio.ensure_future(reader) for reader in readers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _recorded(database: Database, reading: Reading) -> None:
    """Wait a moment for the catalogue to know what was read last; without the record the command ends all the same."""
    if reading.last is None:
        return
    noted = {reading.last.fate.clip_id: reading.last.read_at}
    end = time.monotonic() + RECORDED_WITHIN
    while not await reread_since(database, noted):
        if time.monotonic() > end:
            click.echo("the record is behind: what was just read does not count yet (bwv status)", err=True)
            return
        await asyncio.sleep(0.1)

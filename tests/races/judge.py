"""What a round has left of each clip, and whether that is one whole outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any

from msgspec import Struct

from streams.settings import Settings
from streams.vaults import open_vault
from tests.races.force import OBJECTS, Race, Trial
from workers.database.engine import Database
from workers.fate.moves import Disposal
from workers.vault.keys import certificate_key, places_of
from workers.vault.values import ObjectHead


class Outcome(StrEnum):
    """Who was first."""

    KEPT = "kept"
    GONE = "gone"


class Found(Struct, frozen=True):
    """Everything about one clip once a round is over.

    Attributes:
        row: of clip_fate.
        holds: hold → its state for the clip.
        answers: request → verdict.
        topics: of the events about the clip, in their order.
        heads: of every version that is left.
        certificate: whether it lies in the vault.
    """

    row: dict[str, Any]
    holds: dict[str, str]
    answers: dict[str, str]
    topics: list[str]
    heads: list[ObjectHead]
    certificate: bool


class Judge:
    """Looks at the row, the answers, the events and the store."""

    def __init__(self, settings: Settings, database: Database, threads: ThreadPoolExecutor) -> None:
        self.settings = settings
        self.database = database
        self.threads = threads
        self.vault = open_vault(settings, "disposal")

    async def look(self, trials: list[Trial]) -> list[Found]:
        """What is left of each."""
        clips = [trial.clip for trial in trials]
        rows = {row["clip_id"]: row for row in await self._fetch("SELECT * FROM clip_fate WHERE clip_id", clips)}
        states = await self._fetch("SELECT * FROM hold_clips WHERE clip_id", clips)
        asked = [request for trial in trials for request in trial.asked]
        given = await self._fetch("SELECT * FROM answers WHERE request", asked)
        answers = {row["request"]: row["verdict"] for row in given}
        events = await self._fetch("SELECT id, topic, subject FROM outbox WHERE subject", clips)
        told = dict[str, list[str]]()
        for event in sorted(events, key=lambda event: event["id"]):
            told.setdefault(event["subject"], []).append(event["topic"])
        loop = asyncio.get_running_loop()
        stored = await asyncio.gather(*(loop.run_in_executor(self.threads, self._stored, clip) for clip in clips))
        return [
            Found(
                rows[trial.clip],
                {state["hold_id"]: state["state"] for state in states if state["clip_id"] == trial.clip},
                {request: answers.get(request, "none") for request in trial.asked},
                told.get(trial.clip, []),
                *left,
            )
            for trial, left in zip(trials, stored, strict=True)
        ]

    async def _fetch(self, which: str, values: list[str]) -> list[dict[str, Any]]:
        return await self.database.fetch(f"{which} = ANY(%s)", (values,))

    def _stored(self, clip: str) -> tuple[list[ObjectHead], bool]:
        space = self.settings.namespace
        versions = [version for prefix in places_of(space, clip) for version in self.vault.list_versions(prefix)]
        heads = [self.vault.head(version.key, version.version_id) for version in versions]
        certificates = list(self.vault.list_versions(certificate_key(space, clip)))
        assert len(certificates) <= 1, f"{clip} has {len(certificates)} certificates"
        return [head for head in heads if head is not None], bool(certificates)


def outcome_of(found: Found) -> Outcome:
    """Whether the clip is there or gone, by its row."""
    return Outcome.GONE if found.row["disposal"] in (Disposal.COMMITTED, Disposal.DONE) else Outcome.KEPT


def wrongs(trial: Trial, found: Found) -> Iterator[str]:
    """Everything that contradicts itself, or the promise of docs/life-of-a-clip.md §3."""
    gone = outcome_of(found) is Outcome.GONE
    protected = [hold for hold, state in found.holds.items() if state in ("pending", "active")]
    if protected and (gone or len(found.heads) < OBJECTS):
        yield f"HELD AND GONE: {protected}"
    if len(found.heads) != (0 if gone else OBJECTS):
        yield f"TORN: {len(found.heads)} of {OBJECTS} versions, disposal {found.row['disposal']}"
    if "active" in found.holds.values() and not all(head.lock.legal_hold for head in found.heads):
        yield "ACTIVE, and a legal hold reads OFF"
    held = {reason.partition("/")[2] for reason in found.row["hold_reasons"]}
    if held != {hold for hold, state in found.holds.items() if state == "active"}:
        yield f"the row knows the holds {held}, people were told {found.holds}"
    told = [found.topics.count(topic) for topic in ("disposals.committed", "clips.disposed")]
    if told != [int(gone)] * 2 or found.certificate != gone:
        yield f"told {told} times of its commit and its end, certificate {found.certificate}, gone {gone}"
    yield from _answers(trial, found, gone)
    yield from _race(trial, found, gone)


def _answers(trial: Trial, found: Found, gone: bool) -> Iterator[str]:
    """Each request is answered, by what became of the clip."""
    for request, topic in trial.asked.items():
        verdict = found.answers[request]
        if verdict not in ("done", "refused"):
            yield f"{topic} was answered {verdict}"
        if topic == "holds.requested" and (verdict == "refused") != gone:
            yield f"a hold was answered {verdict}, and the clip is {outcome_of(found)}"
        if topic == "categories.requested" and (verdict == "refused") != gone:
            yield f"a category was answered {verdict}, and the clip is {outcome_of(found)}"
        if topic == "restores.requested" and verdict == "done" and gone:
            yield "taken out of the bin, and gone"


def _race(trial: Trial, found: Found, gone: bool) -> Iterator[str]:
    row, topics = found.row, found.topics
    if trial.race is Race.LEASE and not gone:
        locks = [head.lock.until for head in found.heads]
        if row["lease_confirmed"] is None or any(until is None or until < row["lease_confirmed"] for until in locks):
            yield f"kept, leased until {row['lease_confirmed']}, locks {locks}"
    binned = next((place for place, topic in enumerate(topics) if topic == "disposals.intended"), len(topics))
    if trial.before is not None and binned < len(topics) and "holds.lifted" not in topics[:binned]:
        yield f"put into the bin before its hold was lifted: {topics}"
    if trial.before is not None and found.holds[trial.before] != "lifted":
        yield f"lifted, and still {found.holds[trial.before]}"

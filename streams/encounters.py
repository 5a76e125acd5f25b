"""encounters: stops, searches and the use of force, set against the clips of each officer who was there.

    encounters.requested          encounters.recorded: version 1, or a corrected one. The same record again changes
                                  nothing. Refused: requests.refused. Always an answer
    encounters.reason-requested   encounters.reasoned: why footage, or a record, is missing
    scrutiny.requested            draws, grades, complaints: streams/scrutiny.py
    by the clock                  encounters.joined: whatever is new in the custody log (a clip, its officer, category,
                                  its camera's log, a record) is joined again around it, officer by officer
    by the clock                  how near a clip came to an encounter, from its track: streams/encounter_places.py

A record, its row and its event are one transaction; the relay publishes it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import singledispatchmethod

from streams.encounter_joins import tell_of_joins
from streams.encounter_places import EncounterPlaces
from streams.encounter_rules import rules_of
from streams.engine.recurring import Recurring
from streams.messages import (
    EncounterReasoned,
    EncounterReasonRequested,
    EncounterRecorded,
    EncounterRequested,
    Message,
    ScrutinyRequested,
    event,
)
from streams.requests import Requests
from streams.scrutiny import Scrutiny, end_what_is_due
from streams.stage import Envelope, Parts, Stage
from workers.database.engine import Connection
from workers.encounters.batch import join_all
from workers.encounters.check import checked
from workers.encounters.joining import alone, join_one
from workers.encounters.marking import is_far_behind, look
from workers.encounters.rows import enter_reason, find_encounter, is_gap, store
from workers.encounters.statements import ENCOUNTER_ID, EncounterReason, EncounterRecord, encounter_id, strangers
from workers.encounters.words import GapKind
from workers.errors import MessageInvalid, Refused, RuleBroken
from workers.fate.row import announce
from workers.footage.clip import CLIP_ID, ENROLLED_ID
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Signed
from workers.retention.answers import Answer, Verdict
from workers.statistics.counting import count_sealed

log = logging.getLogger(__name__)

COUNTED_AT_ONCE = 4
"""Slices of the log that are counted for figures in one look, so that no join waits for a long past."""

REASON_MOST = 500
"""Characters of a reason."""


class Encounters(Stage):
    """An encounter is the newest of its signed versions; what it is joined to is made of it and of the clips."""

    name = "encounters"
    listens = ("encounters.requested", "encounters.reason-requested", "scrutiny.requested")

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.requests = Requests(
            self.name, self.database, Keyring(self.database, load_public(self.settings.trust_root))
        )
        self.scrutiny = Scrutiny(self.requests, self.settings.namespace)
        self.rules = rules_of(self.settings)
        # What is joined late is only shown late.
        self._looks = Recurring("encounters", self.look, self.settings.encounter_every, self.settings)
        self.places = EncounterPlaces(self.settings, self.database, self.rules)
        # Beside the looks: while the store is away nothing but the places waits.
        self._reads = Recurring(
            "places of clips", self.places.read_what_is_asked, self.settings.encounter_every, self.settings
        )

    async def start(self) -> None:
        """Begin to look for what is new."""
        self.places.open()
        self._looks.start()
        self._reads.start()

    async def stop(self) -> None:
        """End it."""
        await self._looks.stop()
        await self._reads.stop()
        self.places.close()

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"encounters does not listen to {type(message).__name__}")

    # -- records ---------------------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: EncounterRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self.requests.opened(message.record, EncounterRecord, message.encounter_id)

            async def work(connection: Connection) -> Answer:
                return await self._record(connection, asked, message.record)

            await self.requests.decide(envelope, f"record of encounter {asked.encounter_id}", asked, work)

    async def _record(self, connection: Connection, asked: EncounterRecord, signed: Signed) -> Answer:
        unknown = strangers(signed.body)
        if unknown:
            raise Refused(
                f"a record has no {', '.join(name[:40] for name in unknown[:10])}: of the person concerned only what"
                " PACE Code A 4.3 asks is kept",
                "send it without; docs/encounters.md has every field",
            )
        encounter = checked(asked.encounter, datetime.now(UTC))
        expected = encounter_id(self.settings.namespace, encounter.reference)
        if asked.encounter_id != expected:
            raise RuleBroken(f"the record {encounter.reference} is {expected} here, not {asked.encounter_id}")
        before = await find_encounter(connection, expected, lock=True)
        details = {"encounter_id": expected, "reference": encounter.reference}
        if before is not None and before.encounter == encounter:
            says = f"{encounter.reference} is on record as this since {before.signed_at:%Y-%m-%d %H:%M %Z}"
            return Answer(Verdict.DONE, says, details | {"version": before.version, "new": False})
        await alone(connection)  # before its rows: a look takes them in this order too
        version = 1 if before is None else before.version + 1
        told = event(
            "encounters.recorded",
            EncounterRecorded(expected, version, encounter.kind.value, signed),
            key=expected,
            subject=expected,
            source=self.name,
            cause=(expected, version),
        )
        await store(connection, asked, signed, version, told.id)
        await join_one(connection, self.rules, expected)
        await announce(connection, [told])
        says = f"{encounter.reference} is on record" + (f", corrected: version {version}" if version > 1 else "")
        return Answer(Verdict.DONE, says, details | {"version": version, "new": True})

    # -- reasons ---------------------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: EncounterReasonRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self.requests.opened(message.reason, EncounterReason, message.about)

            async def work(connection: Connection) -> Answer:
                return await self._reason(connection, asked, message.reason)

            await self.requests.decide(envelope, f"reason for {asked.about}", asked, work)

    async def _reason(self, connection: Connection, asked: EncounterReason, signed: Signed) -> Answer:
        _check_reason(asked)
        if not await is_gap(connection, asked):
            whose = "" if asked.gap is GapKind.UNMATCHED else f" of {asked.officer}"
            raise Refused(f"{asked.about} has no gap {asked.gap.value}{whose}", "see: bwv encounters gaps")
        told = event(
            "encounters.reasoned",
            EncounterReasoned(asked.about, asked.gap.value, signed, asked.clip_id),
            key=asked.about,
            subject=asked.about,
            source=self.name,
            cause=(signed.signature,),
        )
        await enter_reason(connection, asked, signed, told.id)
        await announce(connection, [told])
        details = {"about": asked.about, "officer": asked.officer, "gap": asked.gap.value}
        return Answer(Verdict.DONE, f"the reason is on record, given by {asked.by}", details)

    @receive.register
    async def _(self, message: ScrutinyRequested, envelope: Envelope) -> None:
        await self.scrutiny.receive(message, envelope)

    # -- by the clock ----------------------------------------------------------------------------------------

    async def look(self) -> None:
        """One round: join what is new, count what was sealed, end the holds whose time is over."""
        await self.join_what_is_new()
        await count_sealed(self.database, most=COUNTED_AT_ONCE)
        await end_what_is_due(self.database, datetime.now(UTC))

    async def join_what_is_new(self) -> None:
        """Set what is new in the record against each other, until nothing is."""
        async with self.database.connection() as connection:
            far = await is_far_behind(connection)
        if far:
            tally = await join_all(self.database, self.rules)
            log.info("joined anew: %d encounters, %d clips, %d gaps", tally.encounters, tally.clips, tally.gaps)
            await self.places.forget_the_gone()
        there = 1
        while there:
            async with self.database.transaction() as connection:
                there = await look(connection, self.rules)
        await tell_of_joins(self.database)


def _check_reason(asked: EncounterReason) -> None:
    text = asked.reason.strip()
    if not (0 < len(text) <= REASON_MOST and text.isprintable()):
        raise Refused(f"the reason: expected 1 to {REASON_MOST} characters on one line", "write it again")
    one = (asked.encounter_id is None) != (asked.clip_id is None)
    if not one or (asked.gap is GapKind.UNMATCHED) != (asked.clip_id is not None):
        raise Refused("a reason is of a gap of one encounter, or of one clip without a record", "name one of them")
    if asked.clip_id is not None and not CLIP_ID.fullmatch(asked.clip_id):
        raise Refused(f"clip {asked.clip_id[:64]!r}: expected a clip's whole id", "see: bwv encounters gaps")
    if asked.encounter_id is not None and not ENCOUNTER_ID.fullmatch(asked.encounter_id):
        raise Refused(f"encounter {asked.encounter_id[:64]!r}: expected its whole id", "see: bwv encounters gaps")
    if not ENROLLED_ID.fullmatch(asked.officer):
        raise Refused(f"officer {asked.officer[:40]!r}: expected a warrant number", "name who was there")


STAGE = Encounters

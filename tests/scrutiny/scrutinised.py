"""A force whose encounters are told, sealed and counted; and deeds, signed as the commands sign them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from streams import messages as m
from tests.custody.logs import Sealed
from tests.encounters.force import Force, an_encounter
from workers.custody.queries import SealedHead, newest_seal
from workers.database.engine import Row
from workers.encounters.rows import find_encounter
from workers.keys.statements import now_iso
from workers.retention.answers import Answer
from workers.retention.facts import HoldReason
from workers.retention.scopes import check, enter_hold
from workers.retention.self_ending import kept_after
from workers.retention.statements import HoldLift, HoldRequest
from workers.scrutiny.drawing import list_digest
from workers.scrutiny.holding import complaint_hold, met, panel_hold, panel_hold_id
from workers.scrutiny.listing import drawn, listed
from workers.scrutiny.statements import (
    ComplaintOpened,
    Deed,
    DrawKind,
    Drawn,
    Grade,
    Graded,
    ScrutinyDeed,
    complaint_id,
    draw_id,
)
from workers.statistics.counting import count_sealed
from workers.statistics.months import month

MARCH = month("2026-03")


class Scrutinised:
    """A force under scrutiny."""

    def __init__(self, force: Force) -> None:
        self.force = force
        self.database = force.database
        self.namespace = force.settings.namespace
        self.sealed = Sealed(force.database)
        self.head: SealedHead | None = None

    async def on_record(self, count: int, **values: Any) -> list[str]:
        """So many encounters of March 2026; returns their ids."""
        made = []
        for number in range(1, count + 1):
            name = f"{values.get('borough', 'Newham')[:2].upper()}-{number}"
            answer = await self.force.put_on_record(an_encounter(name, f"2026-03-{number:02}T14:00:00Z", **values))
            assert answer.details is not None, answer
            made.append(str(answer.details["encounter_id"]))
        return made

    async def fixed(self) -> SealedHead:
        """Everything is told, recorded, sealed and counted: the list stands."""
        await self.force.looked()
        await self.force.recorded()
        await self.sealed.seal()
        await count_sealed(self.database)
        self.head = await newest_seal(self.database)
        assert self.head is not None
        return self.head

    # -- deeds -------------------------------------------------------------------------------------------------

    async def give(self, about: str, deed: Deed, by: str = "ADMIN", **more: Any) -> Answer:
        body = ScrutinyDeed(about, deed, by, more.pop("at", now_iso()), **more)
        message = m.ScrutinyRequested(about, self.force.sign(body, by))
        return await self.force.give("scrutiny.requested", message, about)

    async def draw(
        self,
        seed: str = "panel",
        n: int = 3,
        *,
        kind: DrawKind = DrawKind.PANEL,
        unit: str | None = None,
        changed: Callable[[Drawn], Drawn] = lambda deed: deed,
        held: Callable[[list[HoldRequest]], list[HoldRequest]] = lambda holds: holds,
    ) -> tuple[str, Drawn, Answer]:
        """Draw as the command does, and have it recorded.

        Args:
            changed: what somebody makes of the deed, held: of its holds, before they sign.
        """
        assert self.head is not None
        async with self.database.connection() as connection:
            encounters = await listed(connection, MARCH, unit, self.head.size)
            lot = await drawn(connection, encounters, seed, n)
        deed = changed(
            Drawn(kind, MARCH.name, n, seed, self.head.size, self.head.root.hex(), len(encounters),
                  list_digest(encounters), lot.drawn, lot.passed_over, unit)
        )  # fmt: skip
        about = draw_id(self.namespace, deed.kind, deed.month, deed.unit, deed.size, deed.seed, deed.n)
        at, holds = now_iso(), []
        async with self.database.connection() as connection:
            until = await kept_after(connection, met(deed, at))
        for encounter in deed.drawn if deed.kind is DrawKind.PANEL else ():
            async with self.database.connection() as connection:
                found = await find_encounter(connection, encounter)
            if found is not None:
                holds.append(panel_hold(about, found, by="ADMIN", at=at, until=until))
        signed = tuple(self.force.sign(hold) for hold in held(holds))
        return about, deed, await self.give(about, deed, at=at, holds=signed)

    async def grade(self, draw: str, encounter: str, grade: Grade, notes: str, *, lift: bool = True) -> Answer:
        wish = HoldLift(panel_hold_id(draw, encounter), "graded", "ADMIN", now_iso())
        lifts = (self.force.sign(wish),) if lift else ()
        return await self.give(draw, Graded(encounter, grade, notes), lifts=lifts)

    async def complain(self, deed: ComplaintOpened, fields: dict[str, Any], by: str = "ADMIN") -> tuple[str, Answer]:
        about, at = complaint_id(self.namespace, deed.reference), now_iso()
        hold = complaint_hold(about, deed, fields, by=by, at=at)
        return about, await self.give(about, deed, by, at=at, holds=(self.force.sign(hold, by),))

    # -- what stands -------------------------------------------------------------------------------------------

    async def stands(self, hold: HoldRequest) -> None:
        """A hold, as the stage holds enters it."""
        async with self.database.transaction() as connection:
            await enter_hold(connection, check(hold, self.force.sign(hold, hold.by)))

    async def outbox(self, topic: str) -> list[Any]:
        """What was told on a topic, in its order."""
        rows = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(bytes(row["body"])) for row in rows]

    async def rows(self, table: str) -> list[Row]:
        return await self.database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")


PLACE = {
    "scope": "place",
    "place": {"latitude": 51.5007, "longitude": -0.1246, "metres": 200.0},
    "since": "2026-03-01T13:30:00+00:00",
    "until": "2026-03-01T14:30:00+00:00",
}
"""Where and when somebody complains of: at the first encounter."""

COMPLAINT = ComplaintOpened("CO/00123/26", HoldReason.COMPLAINT, restricted=False)


def refused(answer: Answer, words: str) -> None:
    """The stage refused, and says why."""
    assert answer.verdict == "refused" and words in answer.says, answer

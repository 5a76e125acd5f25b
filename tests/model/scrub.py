"""Scrub: a verified clip is read again. What lies there may rot, and a reading may be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import DISPOSAL, STANDING, VERIFIED_AS, Table
from tests.model.work import Step, goes_on, killed, moved
from tests.model.world import Job, Scenario, State, blank, in_order, put, spend
from workers.fate.moves import Disposal, Standing

STAGE = "scrubs"
OVER = (Disposal.COMMITTED, Disposal.DONE)


class Scrub:
    """Reads what was verified, sleeps perhaps, and moves the row if it differs. Nobody sends it messages."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table
        self.watched = table.watched("scrub")

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that the scrub, and the store's disks, may do now."""
        yield from self._rot(s)
        if None in s.scrubs:
            yield from self._read(s)
        yield from killed(s, STAGE)
        for place, job in enumerate(s.scrubs):
            if job is not None:
                yield self._tell(s, place, job)

    def _rot(self, s: State) -> Iterator[Step]:
        version = s.row[VERIFIED_AS] if s.row is not None else None
        if version is None or s.footage[version[0]] != (version, "good"):
            return
        if (faults := spend(s.faults, "rot")) is not None:
            rotten = put(s.footage, version[0], (version, "rotten"))
            yield "the verified version ROTS", s._replace(footage=rotten, faults=faults), False

    def _read(self, s: State) -> Iterator[Step]:
        row = s.row
        if row is None or row[STANDING] not in (Standing.VERIFIED, Standing.RELEASED) or row[DISPOSAL] in OVER:
            return
        version = row[VERIFIED_AS]
        jobs = list(s.scrubs)
        jobs[jobs.index(None)] = Job("damage", 0, 0, blank(row, self.watched), version)
        found = s._replace(scrubs=in_order(jobs))
        if version is None or s.footage[version[0]] != (version, "good"):
            yield "the scrub reads other bytes", found, True
        elif (faults := spend(s.faults, "misread")) is not None:
            yield "the scrub reads good bytes wrongly, twice", found._replace(faults=faults), False

    def _tell(self, s: State, place: int, job: Job) -> Step:
        after = self.table.make("damage", s.row, job.seen, {}) if s.row is not None else None
        left = goes_on(s, STAGE, place, None)
        if after is None:
            return "scrub: damage: refused", left, True
        return "DAMAGE", moved(left, self.scenario, self.table, "damage", job.seen, after), True

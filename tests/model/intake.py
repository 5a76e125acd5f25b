"""Intake: a report becomes a clip, a new place, a second try, or a request for the receipt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import ATTEMPT, DISPOSAL, DOCKING, STANDING, VERIFIED_AS, Table
from tests.model.work import Step, bits, goes_on, killed, leaves, moved, published, taken
from tests.model.world import NOBODY, REGISTERED, REPORTED, REQUESTED, Job, Scenario, State, blank, spend
from workers.fate.moves import Disposal, Standing

STAGE = "intakes"


class Intake:
    """Judges a report against the row that it read; the row may have changed by then."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table
        self.watched = table.watched("intake") | {ATTEMPT, DOCKING}

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that intake may do now."""
        if None in s.intakes:
            for number in bits(s.waiting, REPORTED):
                yield self.takes(s, 1 << (REPORTED + number), number + 1)
            if s.row is not None and (faults := spend(s.faults, "urgent")) is not None:
                hurry = Job("hasten", 0, 0, blank(s.row, self.watched))
                label, after, _ = self._at_once(*taken(s._replace(faults=faults), STAGE, hurry), "takes the wish")
                yield f"a person asks for the urgent lane, {label}", after, False
        yield from killed(s, STAGE)
        for place, job in enumerate(s.intakes):
            if job is None:
                continue
            label, after, fair = self._step(s, place, job)
            yield f"intake {label}", after, fair and job.owner > NOBODY

    def takes(self, s: State, message: int, docking: int) -> Step:
        """Intake takes a report; if it never sleeps, it is done with it at once."""
        label = f"intake takes uploads.reported (docking {docking})"
        if s.row is None:
            new = s._replace(row=self.scenario.new_row(docking), waiting=s.waiting & ~message)
            return f"{label}: REGISTERS", published(new, 1 << REGISTERED), True
        after, fair = taken(s, STAGE, Job("judge", message, docking, blank(s.row, self.watched)))
        return self._at_once(after, fair, label)

    def _at_once(self, s: State, fair: bool, label: str) -> Step:
        while "intake" not in self.scenario.sleepy and any(s.intakes):
            place = next(place for place, job in enumerate(s.intakes) if job is not None)
            job = s.intakes[place]
            assert job is not None
            what, s, _ = self._step(s, place, job)
            label = f"{label}, {what}"
        return label, s, fair

    def _step(self, s: State, place: int, job: Job) -> Step:
        return (self._hasten if job.step == "hasten" else self._judge)(s, place, job)

    def _judge(self, s: State, place: int, job: Job) -> Step:
        left = leaves(s, STAGE, place)
        if s.row is None:
            return "finds no row: the report is given again", left, True
        if job.attempt < job.seen[DOCKING]:
            return "rejects a replay", left, True
        if job.attempt > job.seen[DOCKING] and s.row[STANDING] != Standing.RELEASED:
            after = self.table.make("relocate", s.row, job.seen, {"docking": job.attempt, "report": job.attempt})
            seen = blank(s.row if after is None else after, self.watched)
            on = goes_on(s, STAGE, place, job._replace(seen=seen))
            if after is None:
                return "relocate: refused, reads the row again", on, True
            return "RELOCATE", moved(on, self.scenario, self.table, "relocate", job.seen, after), True
        after = self.table.make("restart", s.row, job.seen, {})
        if after is not None:
            return "RESTART", moved(left, self.scenario, self.table, "restart", job.seen, after), True
        disposed = s.row[DISPOSAL] in (Disposal.COMMITTED, Disposal.DONE)
        if s.row[STANDING] == Standing.DAMAGED and not disposed:
            return "rejects it: the vault's copy is damaged", left, True
        earned = s.row[VERIFIED_AS] is not None or disposed
        if earned:
            return "asks for the receipt", published(left, REQUESTED), True
        return "has nothing to do", left, True

    def _hasten(self, s: State, place: int, job: Job) -> Step:
        after = self.table.make("hasten", s.row, job.seen, {}) if s.row is not None else None
        left = leaves(s, STAGE, place)
        if after is None:
            return "hasten: refused", left, True
        return "HASTEN", moved(left, self.scenario, self.table, "hasten", job.seen, after), True

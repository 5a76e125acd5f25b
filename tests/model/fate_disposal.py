"""Disposal after the commit, what processes suffer, and what time and accidents bring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model.fate_people import RESTORED
from tests.model.fate_table import CAMERA, DISPOSAL, STANDING
from tests.model.fate_world import (
    LAST,
    LATE_PUT,
    OF_THE_CLIP,
    Job,
    Scenario,
    State,
    Version,
    changed,
    goes_on,
    next_there,
    put,
    spend,
    with_job,
    without,
    working,
)
from tests.model.table import Table
from tests.model.work import Step
from workers.fate.moves import CameraCopy, Disposal, Standing


class Deletion:
    """Every version singly, proved, certified; listed again after the deadline of every request."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.protocol = scenario.protocol
        self.table = table

    def begins(self, s: State) -> Iterator[Step]:
        """Disposal takes the message that the broker confirmed; once it is done, it looks again after a while."""
        known = s.told == 2 or (s.told == 1 and not self.protocol.waits)
        believed = s.row[DISPOSAL] == Disposal.COMMITTED or (not self.protocol.looks_at_row and not s.certificate)
        if known and believed and not working(s, "delete"):
            yield "delete: takes the commit", with_job(s, Job("delete", "", "off", 0, ())), True
        if s.row[DISPOSAL] == Disposal.DONE and not s.looked and not s.put and not working(s, "delete", "late"):
            yield "delete: the second listing", with_job(s, Job("delete", "late", "off", 0, ())), True

    def delete(self, s: State, job: Job) -> Iterator[Step]:
        """One step of a try."""
        match job.step:
            case "off":
                yield self._off(s, job)
            case "delete":
                yield from self._delete(s, job)
            case "prove":
                yield self._prove(s, job)
            case _:
                yield self._dispose(s, job)

    def _prove(self, s: State, job: Job) -> Step:
        if (any(s.store) or s.upload) and self.protocol.proves:
            return "delete: something is left", goes_on(s, job, self._again(job)), job.live
        if job.about == "late":
            return "delete: nothing came late", without(s, job, looked=True), job.live
        return "delete: all is gone", goes_on(s, job, job._replace(step="dispose")), job.live

    def _again(self, job: Job) -> Job:
        return job._replace(step="off" if self.protocol.off_each_try else "delete", at=0)

    def _off(self, s: State, job: Job) -> Step:
        at = next_there(s, job.at)
        version = None if at is None else s.store[at]
        if at is None or version is None:
            return "delete: every hold is off", goes_on(s, job, job._replace(step="delete", at=0)), job.live
        following = next_there(s, at + 1)
        further = job._replace(step="delete", at=0) if following is None else job._replace(at=following)
        store = put(s.store, at, version._replace(hold=False))
        return f"delete: legal hold OFF, version {at}", goes_on(s, job, further, store=store), job.live

    def _delete(self, s: State, job: Job) -> Iterator[Step]:
        at = next_there(s, job.at)
        version = None if at is None else s.store[at]
        if at is None or version is None:
            upload = s.upload and not self.protocol.aborts
            yield "delete: uploads ABORTED", goes_on(s, job, job._replace(step="prove", at=0), upload=upload), job.live
            return
        if version.hold or s.now < version.lock:
            yield f"delete: 403, version {at}", goes_on(s, job, self._again(job)), job.live
            return
        further = job._replace(at=at + 1)
        yield f"DELETE version {at}", goes_on(s, job, further, store=put(s.store, at, None)), job.live
        if (faults := spend(s.faults, "lying delete")) is not None:
            yield f"delete: 204, and version {at} is kept", goes_on(s, job, further, faults=faults), False

    def _dispose(self, s: State, job: Job) -> Step:
        after = self.table.make("dispose", s.row, s.row)
        if after is None:
            return "delete: was done already", without(s, job), job.live
        looked = not self.protocol.lists_again
        return "DISPOSED, certificate", without(s, job, row=after, certificate=True, looked=looked), job.live


class Outside:
    """Time, the dock, the scrub, kills, sleepers, a late transfer, a lost database."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.protocol = scenario.protocol
        self.table = table

    def begins(self, s: State) -> Iterator[Step]:
        """Everything that befalls a clip."""
        if s.now < LAST:
            yield f"it is {s.now + 1} o'clock", s._replace(now=s.now + 1), True
        if s.row[DISPOSAL] == Disposal.INTENDED and not s.bin:
            yield "the bin is served", s._replace(bin=True), True
        if s.row[CAMERA] != CameraCopy.WIPED and (after := self.table.make("note wiped", s.row, s.row)) is not None:
            yield "the dock has wiped it", s._replace(row=after), True
        if s.row[STANDING] != Standing.DAMAGED and (faults := spend(s.faults, "damage")) is not None:
            after = self.table.make("damage", s.row, s.row)
            if after is not None:
                yield "the scrub finds DAMAGE", s._replace(row=after, faults=faults), False
        if s.put:
            store = put(s.store, LATE_PUT, Version(False, min(s.now + 1, LAST)))
            yield "a stopped transfer PUTS something", s._replace(put=False, store=store), False
            yield "the late request meets its deadline", s._replace(put=False), True
        yield from self._sleepers(s)
        yield from self._restores(s)

    def _sleepers(self, s: State) -> Iterator[Step]:
        for job in dict.fromkeys(s.jobs):
            if job.live:
                yield f"{job.kind} {job.about} is KILLED at {job.step}", without(s, job), False
            faults = spend(s.faults, "stopped") if job.live and job.kind in self.scenario.stops else None
            if faults is not None:
                asleep = goes_on(s, job, job._replace(live=False), faults=faults)
                yield f"{job.kind} {job.about} is STOPPED at {job.step}", asleep, False

    def _restores(self, s: State) -> Iterator[Step]:
        """The database is lost; stages are stopped for a restore (runbook)."""
        if (faults := spend(s.faults, "database lost")) is not None:
            told = s._replace(faults=faults, told=2 if s.told else 0)
            yield "the DATABASE is lost and restored", self._restored(told, self._known(s)), False
            if s.told == 2 and not s.certificate:
                behind = self._restored(s._replace(faults=faults, told=0), self._known(s))
                yield "the DATABASE is restored from bundles that lack the commit", behind._replace(told=2), False
            if (faults := spend(faults, "outbox lost")) is not None:
                asked = tuple("asked" if at == "pending" else at for at in s.holds)
                untold = s._replace(faults=faults, told=0 if s.told == 1 else s.told, holds=asked)
                yield "the DATABASE is lost with what it had not told", self._restored(untold, ()), False

    def _known(self, s: State) -> tuple[str, ...]:
        """Holds of which custody has the events."""
        if "holds.accepted" not in self.table.tells("place hold"):
            return ()
        names = zip(self.scenario.reasons, s.holds, strict=True)
        return tuple(name for name, at in names if at in ("pending", "active"))

    def _restored(self, s: State, known: tuple[str, ...]) -> State:
        sign = any(version is not None and version.hold for version in s.store)
        if sign and self.protocol.fails_long:
            known = (*known, RESTORED)
        partly = any(s.store[at] is None for at in OF_THE_CLIP) and self.protocol.missing_means_committed
        disposal = None
        if s.certificate:
            disposal = Disposal.DONE
        elif s.told == 2 or partly:
            disposal = Disposal.COMMITTED
        columns: dict[str, Any] = {"intended_at": None, "intent": None, "dispose_from": None}
        columns |= {"lease_end": None, "lease_confirmed": None, "disposal": disposal}
        row = changed(s.row, hold_reasons=() if disposal is not None else known, **columns)
        return s._replace(row=row, jobs=(), bin=False, told=2 if disposal is not None else s.told)

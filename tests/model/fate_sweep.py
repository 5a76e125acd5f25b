"""The sweep (intend, withdraw, commit), the lease, and the relay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.fate_decide import dispose_from, expires
from tests.model.fate_people import OVER
from tests.model.fate_table import CAMERA, CONFIRMED, DISPOSAL, DISPOSE_FROM, INTENDED_AT, LEASE_END
from tests.model.fate_world import (
    Job,
    Scenario,
    State,
    goes_on,
    next_there,
    only,
    put,
    spend,
    with_job,
    without,
    working,
)
from tests.model.table import Row, Table
from tests.model.work import Step
from workers.fate.moves import CameraCopy, Disposal


class Known(NamedTuple):
    """What a sweep read beside the row."""

    policy: int
    standing: bool


class Sweep:
    """Each looks at the row, thinks, and moves it; it may sleep in between."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.protocol = scenario.protocol
        self.table = table

    def begins(self, s: State) -> Iterator[Step]:
        """What the sweep, the lease and the relay find to do."""
        row, known = s.row, Known(s.policy, s.standing == "stands")
        if row[DISPOSAL] is None and expires(row, s.policy, s.now) and not known.standing and not working(s, "intend"):
            yield "intend: decides Expire", with_job(s, Job("intend", "", "move", 0, row, known)), True
        if row[DISPOSAL] == Disposal.INTENDED and not working(s, "withdraw") and not working(s, "commit"):
            if known.standing or not expires(row, s.policy, s.now):
                yield (
                    "withdraw: decides Keep",
                    with_job(s, Job("withdraw", "", "move", 0, only(row, INTENDED_AT))),
                    True,
                )
            elif (s.bin or not self.protocol.bin) and self._may_commit(s, row, known):
                step = "head" if self.protocol.head else "move"
                yield "commit: decides Expire again", with_job(s, Job("commit", "", step, 0, row, known)), True
        if s.told == 1:
            yield "the relay: the commit is CONFIRMED", s._replace(told=2), True
        if self.scenario.lease and not working(s, "lease"):
            yield from self._lease_due(s)

    def _may_commit(self, s: State, row: Row, known: Known) -> bool:
        """What commit asks of a row and of the decision: all but the bin, whose end stays, and the store."""
        p = self.protocol
        return (
            (not p.date or s.now >= row[DISPOSE_FROM])
            and (not p.decides_again or self._time_has_come(s, row, known))
            and (not p.lease or row[LEASE_END] is None or s.now >= row[LEASE_END])
            and (not p.camera or row[CAMERA] == CameraCopy.WIPED)
        )

    def _time_has_come(self, s: State, row: Row, known: Known) -> bool:
        """`decide` says Expire, and the date of this very decision is past: the row's may be of another policy."""
        date = s.now >= dispose_from(row, known.policy) or not self.protocol.new_date
        return not known.standing and expires(row, known.policy, s.now) and date

    # -- steps -----------------------------------------------------------------------------------------------

    def intend(self, s: State, job: Job) -> Iterator[Step]:
        """Put it into the bin."""
        given = {
            "intended_at": s.intents + 1,
            "intent": f"policy {job.given.policy}",
            "dispose_from": dispose_from(job.seen, job.given.policy),
        }
        after = self.table.make("intend disposal", s.row, job.seen, given)
        if after is None:
            yield "intend: refused", without(s, job), job.live
        else:
            yield "INTEND", without(s, job, row=after, bin=False, intents=s.intents + 1), job.live

    def withdraw(self, s: State, job: Job) -> Iterator[Step]:
        """Take it out of the bin."""
        after = self.table.make("withdraw intent", s.row, job.seen)
        if after is None:
            yield "withdraw: refused", without(s, job), job.live
        else:
            yield "WITHDRAW", without(s, job, row=after), job.live

    def commit(self, s: State, job: Job) -> Iterator[Step]:
        """Look at the locks; then, in one transaction, at everything else once more, and commit."""
        if job.step == "head":
            locked = any(version is not None and s.now < version.lock for version in s.store)
            if locked:
                yield "commit: waits for the lock", without(s, job), job.live
            elif not self.protocol.off_after_commit:
                yield "commit: no lock is in force", goes_on(s, job, job._replace(step="off")), job.live
            else:
                yield "commit: no lock is in force", goes_on(s, job, job._replace(step="move")), job.live
        elif job.step == "off":
            store = tuple(version and version._replace(hold=False) for version in s.store)
            yield "commit: legal hold OFF, too early", goes_on(s, job, job._replace(step="move"), store=store), job.live
        else:
            yield self._decides(s, job)

    def _decides(self, s: State, job: Job) -> Step:
        known = Known(s.policy, s.standing == "stands") if self.protocol.guard else job.given
        if not self._may_commit(s, job.seen, known):
            return "commit: not any more", without(s, job), job.live
        after = self.table.make("commit disposal", s.row, job.seen)
        if after is None:
            return "commit: refused", without(s, job), job.live
        told = 1 if "disposals.committed" in self.table.tells("commit disposal") else s.told
        return "COMMIT", without(s, job, row=after, told=told), job.live

    # -- the lease -------------------------------------------------------------------------------------------

    def _lease_due(self, s: State) -> Iterator[Step]:
        row = s.row
        if row[DISPOSAL] in OVER:
            return
        target, end = min(dispose_from(row, s.policy), s.now + 1), row[LEASE_END]
        if target > max(s.now, end or 0):
            step = "row" if self.protocol.lease_row_first else "extend"
            yield (
                f"lease: due, until {target}",
                with_job(s, Job("lease", "", step, 0, only(row, LEASE_END), target)),
                True,
            )
        elif end is not None and end > s.now and row[CONFIRMED] != end:
            yield (
                f"lease: {end} was not confirmed",
                with_job(s, Job("lease", "", "extend", 0, only(row, LEASE_END), end)),
                True,
            )

    def lease(self, s: State, job: Job) -> Iterator[Step]:
        """The date into the row, then into every version's lock; each is read back; the row again."""
        if job.step == "row":
            after = self.table.make("renew lease", s.row, job.seen, {"lease_end": job.given})
            if after is None:
                yield "lease: refused", without(s, job), job.live
            else:
                extend = job._replace(step="extend", seen=only(after, LEASE_END))
                yield "RENEW LEASE", goes_on(s, job, extend, row=after), job.live
        elif job.step == "extend":
            yield from self._extend(s, job)
        else:
            yield self._confirm(s, job)

    def _extend(self, s: State, job: Job) -> Iterator[Step]:
        at = next_there(s, job.at)
        version = None if at is None else s.store[at]
        if at is None or version is None:
            yield "lease: nothing is there", without(s, job), job.live
            return
        following = next_there(s, at + 1)
        further = job._replace(step="confirm", at=0) if following is None else job._replace(at=following)
        longer = job.given > s.now and job.given > version.lock  # S3 takes no date that is past, and no shorter one
        if longer and (faults := spend(s.faults, "lying lock")) is not None:
            yield f"lease: 200, and version {at} has no such lock", goes_on(s, job, further, faults=faults), False
        store = put(s.store, at, version._replace(lock=job.given)) if longer else s.store
        yield f"lease: version {at} locked until {job.given}", goes_on(s, job, further, store=store), job.live

    def _confirm(self, s: State, job: Job) -> Step:
        short = any(version is not None and version.lock < job.given for version in s.store)
        if short and self.protocol.reads_back:
            return "lease: a lock is shorter, not confirmed", without(s, job), job.live
        after = self.table.make("confirm lease", s.row, job.seen, {"lease_confirmed": job.given})
        if after is None:
            return "lease: confirmation refused", without(s, job), job.live
        return "CONFIRM LEASE", without(s, job, row=after), job.live

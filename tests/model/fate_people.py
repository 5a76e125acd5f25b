"""What people ask for: clip holds and standing holds, lifts, categories and the other facts, another policy."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.fate_table import DISPOSAL, FACTS, HELD, REASONS
from tests.model.fate_world import (
    OF_THE_CLIP,
    STANDING_HOLD,
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
from workers.fate.moves import Disposal

OVER = (Disposal.COMMITTED, Disposal.DONE)
RESTORED = "restored"


class People:
    """Holds, their lifts, and what is said about a clip; each read of a row and its move are two steps."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.protocol = scenario.protocol
        self.table = table

    def begins(self, s: State) -> Iterator[Step]:
        """What somebody may ask for, or a process take up."""
        for place, name in enumerate(self.scenario.reasons):
            yield from self._hold(s, place, name)
        if s.standing == "" and (faults := spend(s.faults, "standing hold")) is not None:
            holds = put(s.holds, len(s.holds) - 1, "asked")
            yield "a STANDING HOLD is placed", s._replace(standing="stands", holds=holds, faults=faults), False
        for number, (move, fact) in enumerate(self.scenario.wishes):
            if s.wishes >> number & 1 and not working(s, "say", fact):
                job = Job("say", fact, move, number, only(s.row, FACTS))
                yield f"a person wishes: {move}, {fact}", with_job(s, job), False
        if (faults := spend(s.faults, "policy")) is not None:
            yield "a POLICY is adopted", s._replace(policy=s.policy + 1, faults=faults), False

    def _hold(self, s: State, place: int, name: str) -> Iterator[Step]:
        at = s.holds[place]
        if at == "" and name != STANDING_HOLD:
            yield f"hold {name} is ASKED for", s._replace(holds=put(s.holds, place, "asked")), False
        if at in ("asked", "pending") and not working(s, "place", name):
            yield f"place {name}: reads the row", with_job(s, self._place(s, name, place)), True
        if at in ("active", "lifted") and (faults := spend(s.faults, "comes again")) is not None:
            job = self._place(s, name, place)
            yield f"the request for {name} comes again", with_job(s, job, faults=faults), False
        wanted = at == "active" and not working(s, "lift", name)
        if wanted and (faults := spend(s.faults, "lift")) is not None:
            job = Job("lift", name, "move", place, only(s.row, REASONS))
            yield f"hold {name} is to be LIFTED", with_job(s, job, faults=faults), False

    def _place(self, s: State, name: str, place: int) -> Job:
        if not self.protocol.row_first:
            return Job("place", name, "on", 0, (), place)
        return Job("place", name, "move", 0, only(s.row, REASONS, DISPOSAL), place)

    # -- steps -----------------------------------------------------------------------------------------------

    def place(self, s: State, job: Job) -> Iterator[Step]:
        """One step of placing a hold: the row, every version, the read-back, the answer."""
        number, name = job.given, f"place {job.about}"
        if job.step == "move":
            yield self._protect(s, job)
        elif job.step == "on":
            yield from self._on(s, job)
        elif job.step == "look":
            seen = [s.store[at] for at in OF_THE_CLIP]
            if all(version is not None and version.hold for version in seen) or not self.protocol.reads_back:
                yield f"{name}: reads ON everywhere", goes_on(s, job, job._replace(step="answer")), job.live
            else:
                yield f"{name}: not ON everywhere", without(s, job), job.live
        else:
            protected = job.about in s.row[REASONS] or not self.protocol.row_first
            if s.holds[number] in ("asked", "pending") and protected:
                yield f"{name}: answers ACTIVE", without(s, job, holds=put(s.holds, number, "active")), job.live
            else:
                yield f"{name}: nothing to answer", without(s, job), job.live

    def _on(self, s: State, job: Job) -> Iterator[Step]:
        at, name = next_there(s, job.at), f"place {job.about}"
        version = None if at is None else s.store[at]
        if at is None or version is None:
            yield f"{name}: came to the end", goes_on(s, job, job._replace(step="look", at=0)), job.live
            return
        following = next_there(s, at + 1)
        further = job._replace(step="look", at=0) if following is None else job._replace(at=following)
        if not version.hold and (faults := spend(s.faults, "lying lock")) is not None:
            yield f"{name}: 200, and version {at} is not ON", goes_on(s, job, further, faults=faults), False
        store = put(s.store, at, version._replace(hold=True))
        yield f"{name}: legal hold ON, version {at}", goes_on(s, job, further, store=store), job.live

    def _protect(self, s: State, job: Job) -> Step:
        number, name = job.given, f"place {job.about}"
        standing = s.holds[number]
        if standing == "lifted" and self.protocol.checks_lifted:
            return f"{name}: was lifted", without(s, job), job.live
        if job.seen[DISPOSAL] in OVER:
            refused = put(s.holds, number, "refused") if standing == "asked" else s.holds
            return f"{name}: answers REFUSED", without(s, job, holds=refused), job.live
        on = job._replace(step="on", seen=())
        if job.about in s.row[REASONS]:
            return f"{name}: the row has it already", goes_on(s, job, on), job.live
        given = {"hold_reasons": (*job.seen[REASONS], job.about)}
        after = self.table.make("place hold", s.row, job.seen, given)
        if after is None:
            return (
                f"{name}: refused, reads again",
                goes_on(s, job, job._replace(seen=only(s.row, REASONS, DISPOSAL))),
                job.live,
            )
        holds = put(s.holds, number, "pending") if standing != "active" else s.holds
        return f"{name}: PROTECTS", goes_on(s, job, on, row=after, holds=holds), job.live

    def lift(self, s: State, job: Job) -> Iterator[Step]:
        """One step of lifting: the row alone."""
        if s.holds[job.at] != "active":
            yield f"lift {job.about}: nothing to lift", without(s, job), job.live
            return
        others = zip(self.scenario.reasons, s.holds, strict=True)
        sure = all(at != "active" or name in (job.about, *job.seen[REASONS]) for name, at in others)
        gone = (job.about, RESTORED) if sure else (job.about,)  # what only the vault knows of might be another's
        kept = tuple(reason for reason in job.seen[REASONS] if reason not in gone)
        after = self.table.make("lift hold", s.row, job.seen, {"hold_reasons": kept})
        if after is None:
            over = not s.row[HELD] or s.row[DISPOSAL] in OVER
            left = without(s, job) if over else goes_on(s, job, job._replace(seen=only(s.row, REASONS)))
            yield f"lift {job.about}: refused", left, job.live
            return
        standing = "lifted" if job.about == STANDING_HOLD else s.standing
        store = s.store
        if not self.protocol.keeps_hold_on:
            store = tuple(version and version._replace(hold=False) for version in store)
        holds = put(s.holds, job.at, "lifted")
        lifted = without(s, job, row=after, holds=holds, standing=standing, store=store)
        yield f"LIFT {job.about}", lifted, job.live

    def say(self, s: State, job: Job) -> Iterator[Step]:
        """One step of a fact: the row, compared with what was seen."""
        said = s.wishes & ~(1 << job.at)
        if not s.wishes >> job.at & 1:
            yield f"{job.step}: was said already", without(s, job), job.live
            return
        after = self.table.make(job.step, s.row, job.seen, {"facts": (*job.seen[FACTS], job.about)})
        if after is not None:
            yield f"{job.step.upper()}, {job.about}", without(s, job, row=after, wishes=said), job.live
        elif self._changed(job.seen, s.row):
            yield f"{job.step}: refused, reads again", goes_on(s, job, job._replace(seen=only(s.row, FACTS))), job.live
        else:
            yield f"{job.step}: answers REFUSED", without(s, job, wishes=said), job.live

    def _changed(self, seen: Row, row: Row) -> bool:
        return seen[FACTS] != row[FACTS]

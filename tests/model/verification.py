"""Verification and release: what was stored is proved, and what was proved may be wiped."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import ATTEMPT, DISPOSAL, RECEIPT, STANDING, STORED, VERIFIED_AS, Table
from tests.model.work import Step, bits, killed, leaves, moved, passed_over, receipt_sent, taken
from tests.model.world import (
    NOBODY,
    REQUESTED,
    SECURED,
    VERIFIED,
    WIPED,
    Job,
    Scenario,
    State,
    blank,
    put,
    spend,
)
from workers.fate.moves import Disposal, Standing

OVER = (Disposal.COMMITTED, Disposal.DONE)


class Verification:
    """Reads everything back and gives one verdict."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table
        self.watched = table.watched("verification") | {ATTEMPT, STORED}

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that verification may do now."""
        if None in s.verifiers:
            for number in bits(s.waiting, SECURED):
                yield from self._take(s, number)
        yield from killed(s, "verifiers")
        for place, job in enumerate(s.verifiers):
            if job is not None:
                yield self._judge(s, place, job)

    def _take(self, s: State, number: int) -> Iterator[Step]:
        attempt = self.scenario.first + number
        label = f"verification takes clips.secured (attempt {attempt})"
        row = s.row
        if row is None or row[STANDING] != Standing.SECURED or row[ATTEMPT] != attempt or row[DISPOSAL] in OVER:
            after, fair = passed_over(s, "verifiers", 1 << (SECURED + number))
            yield f"{label}: of the past", after, fair
            return
        version = row[STORED]
        good = s.footage[version[0]] == (version, "good")
        job = Job("good" if good else "differs", 1 << (SECURED + number), attempt, blank(row, self.watched), version)
        after, fair = taken(s, "verifiers", job)
        yield f"{label}: {'reads the right bytes' if good else 'reads other bytes'}", after, fair
        if good and (faults := spend(s.faults, "lie")) is not None:
            after, _ = taken(s._replace(faults=faults), "verifiers", job._replace(step="differs"))
            yield f"{label}: the store LIES", after, False

    def _judge(self, s: State, place: int, job: Job) -> Step:
        last = job.attempt == self.table.last_attempt
        name = "verify" if job.step == "good" else "exhaust" if last else "fail read-back"
        given = {"verified_version": job.version} if name == "verify" else {}
        after = self.table.make(name, s.row, job.seen, given) if s.row is not None else None
        left = leaves(s, "verifiers", place)
        if after is None:
            return f"verification: {name} (attempt {job.attempt}): refused", left, job.owner > NOBODY
        number = self.scenario.slot(job.attempt)
        verdict = put(left.verdict, number, left.verdict[number] + ("ok" if name == "verify" else "no"))
        proved = left.proved | (job.step == "good") << job.version[0]
        left = left._replace(verdict=verdict, proved=proved)
        done = moved(left, self.scenario, self.table, name, job.seen, after)
        return f"verification: {name.upper()} (attempt {job.attempt})", done, job.owner > NOBODY


class Release:
    """Signs receipts, repeats them, and notes what docks erased."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table
        self.watched = table.watched("release")

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that release may do now."""
        if None in s.releases:
            for message in (VERIFIED, REQUESTED):
                if s.waiting & message:
                    label, after, fair = self._take(s, message)
                    if "release" not in self.scenario.sleepy:
                        busy = (place for place, job in enumerate(after.releases) if job is not None)
                        if (place := next(busy, None)) is not None:
                            label, after, fair = self._sign(after, place, after.releases[place])
                    yield label, after, fair
        yield from killed(s, "releases")
        for place, job in enumerate(s.releases):
            if job is not None:
                yield self._sign(s, place, job)
        if s.waiting & WIPED:
            yield self._note(s)

    def _take(self, s: State, message: int) -> Step:
        row = s.row
        done = s._replace(waiting=s.waiting & ~message)
        damaged = row is not None and row[STANDING] == Standing.DAMAGED and row[DISPOSAL] not in OVER
        if damaged and not self.scenario.repeats_of_damaged:
            return "release: damaged, no receipt", done, True
        if message == REQUESTED:
            if row is not None and row[RECEIPT] is not None:
                return "release: the receipt again", receipt_sent(done), True
            if s.certificate is not None:
                if s.certificate == "with receipt":
                    return "release: the receipt of the certificate", receipt_sent(done), True
                return "release: disposed unverified, a person decides", done, True
        if row is None or row[STANDING] == Standing.RELEASED:
            return "release: nothing to do", done, True
        job = Job("sign", message, 0, blank(row, self.watched | {VERIFIED_AS}))
        after, fair = taken(s, "releases", job)
        return "release takes a message", after, fair

    def _sign(self, s: State, place: int, job: Job) -> Step:
        given = {"receipt": ("receipt", job.seen[VERIFIED_AS])}
        after = self.table.make("release", s.row, job.seen, given) if s.row is not None else None
        left = leaves(s, "releases", place)
        if after is None:
            return "release: refused", left, job.owner > NOBODY
        return "RELEASE", moved(left, self.scenario, self.table, "release", job.seen, after), job.owner > NOBODY

    def _note(self, s: State) -> Step:
        done = s._replace(waiting=s.waiting & ~WIPED)
        for name, move in self.table.moves.items():
            if move.by == "release" and "camera_copy" in move.sets and s.row is not None:
                after = self.table.make(name, s.row, s.row)
                if after is not None:
                    return name.upper(), done._replace(row=after), True
        return "release: note wiped: refused", done, True

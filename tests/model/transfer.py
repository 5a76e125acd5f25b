"""Transfer: the bytes from the dock into the vault. Several processes, any of which may sleep or die."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import ATTEMPT, DISPOSAL, DOCKING, STANDING, Table
from tests.model.work import Step, bits, goes_on, killed, leaves, moved, passed_over, taken
from tests.model.world import NOBODY, REGISTERED, Job, Scenario, State, blank, put, spend
from workers.fate.moves import Disposal, Standing

STAGE = "transfers"


class Transfer:
    """What the transfer stage does, step by step; each step that others can see is one transition."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table
        self.watched = table.watched("transfer") | {ATTEMPT, DOCKING}

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that transfer may do now."""
        if None in s.transfers:
            for number in bits(s.waiting, REGISTERED):
                yield from self._take(s, number)
        yield from killed(s, STAGE)
        for place, job in enumerate(s.transfers):
            if job is not None:
                for label, after, fair in getattr(self, "_" + job.step)(s, place, job):
                    yield f"transfer {label} (attempt {job.attempt})", after, fair and job.owner > NOBODY

    def _take(self, s: State, number: int) -> Iterator[Step]:
        message = 1 << (REGISTERED + number)
        attempt = self.scenario.first + number
        label = f"transfer takes clips.registered (attempt {attempt})"
        row = s.row
        past = row is None or row[STANDING] != Standing.REGISTERED or row[ATTEMPT] != attempt
        if row is None or past or row[DISPOSAL] in (Disposal.COMMITTED, Disposal.DONE):
            after, fair = passed_over(s, STAGE, message)
            yield f"{label}: {'of the past' if past else 'disposed of'}", after, fair
            return
        job = Job("pull", message, attempt, blank(row, self.watched))
        if s.certificate is not None:
            label, job = f"{label}: a certificate", job._replace(step="recognise")
        elif s.manifest[number] is not None:
            label, job = f"{label}: stored already", job._replace(step="secure", version=s.manifest[number])
        after, fair = taken(s, STAGE, job)
        yield label, after, fair

    def _recognise(self, s: State, place: int, job: Job) -> Iterator[Step]:
        yield self._moves(s, place, job, "recognise disposed", {})

    def _pull(self, s: State, place: int, job: Job) -> Iterator[Step]:
        number = self.scenario.slot(job.attempt)
        reachable = s.camera == "docked" and s.dockings == job.seen[DOCKING]
        if not reachable:
            yield "finds the dock gone", goes_on(s, STAGE, place, job._replace(step="interrupt")), True
            return
        if (faults := spend(s.faults, "lost link")) is not None:
            gone = goes_on(s, STAGE, place, job._replace(step="interrupt"), faults=faults)
            yield "loses the link", gone, False
        if (faults := spend(s.faults, "misread")) is not None:
            misread = goes_on(s, STAGE, place, job._replace(step="quarantine"), faults=faults)
            yield "reads other bytes twice, from a failing camera", misread, False
        if not self.scenario.true:
            yield "reads other bytes twice", goes_on(s, STAGE, place, job._replace(step="quarantine")), True
            return
        if s.deletion == 3:
            # Its uploads were aborted, and a single PUT is refused once its deadline has passed: disposal lists
            # the prefix again only after that.
            yield "is too late to store", leaves(s, STAGE, place), True
            return
        yield from self._store(s, place, job, number)

    def _store(self, s: State, place: int, job: Job, number: int) -> Iterator[Step]:
        """Put-if-absent, and what 412 leads to."""
        there = s.footage[number]
        if there is None or there[1] == "lost":
            version = (number, 1 if there is None else there[0][1] + 1)
            if version[1] > 3:
                return
            for kept, fault in (("good", None), ("bad", "lie"), ("lost", "lie")):
                left = spend(s.faults, fault) if fault else s.faults
                if left is not None:
                    stored = goes_on(
                        s, STAGE, place, job._replace(step="describe", version=version),
                        footage=put(s.footage, number, (version, kept)), faults=left,
                    )  # fmt: skip
                    yield "stores" if not fault else f"stores, the store LIES ({kept})", stored, not fault
        elif there[1] == "good":
            same = job._replace(step="describe", version=there[0])
            yield "finds the same bytes (412)", goes_on(s, STAGE, place, same), True
            if (faults := spend(s.faults, "lie")) is not None:
                differs = goes_on(s, STAGE, place, job._replace(step="differ"), faults=faults)
                yield "finds the same bytes (412), the store LIES", differs, False
        else:
            yield "finds other bytes (412)", goes_on(s, STAGE, place, job._replace(step="differ")), True

    def _describe(self, s: State, place: int, job: Job) -> Iterator[Step]:
        number = self.scenario.slot(job.attempt)
        named = s.manifest[number]
        if s.deletion == 3:
            yield "is too late to describe", leaves(s, STAGE, place), True
        elif named is None or named == job.version:
            described = put(s.manifest, number, job.version)
            yield "writes the manifest", goes_on(s, STAGE, place, job._replace(step="secure"), manifest=described), True
        else:
            yield "finds another manifest (412)", goes_on(s, STAGE, place, job._replace(step="differ")), True

    def _secure(self, s: State, place: int, job: Job) -> Iterator[Step]:
        yield self._moves(s, place, job, "secure", {"stored_version": job.version})

    def _differ(self, s: State, place: int, job: Job) -> Iterator[Step]:
        step = None
        for name, move in self.table.moves.items():
            if move.by == "transfer" and "attempt" in move.sets and (step is None or step[0].endswith("refused")):
                step = self._moves(s, place, job, name, {})
        if step is None:
            return
        label, after, fair = step
        if label.endswith("refused") and job.attempt >= self.table.last_attempt and self.scenario.dead_letters:
            label, after = f"{label}, dead-lettered", after._replace(alarm=True)
        yield label, after, fair

    def _quarantine(self, s: State, place: int, job: Job) -> Iterator[Step]:
        yield self._moves(s, place, job, "quarantine", {"quarantine": job.attempt})

    def _interrupt(self, s: State, place: int, job: Job) -> Iterator[Step]:
        label, after, fair = self._moves(s, place, job, "interrupt", {})
        row = s.row
        moved_on = (
            row is not None
            and row[STANDING] == Standing.REGISTERED
            and row[ATTEMPT] == job.attempt
            and row[DOCKING] != job.seen[DOCKING]
        )
        if label.endswith("refused") and moved_on and self.scenario.reads_again:
            # The camera stands in another dock by now: the refusal is no end, the recording is to be had there.
            assert row is not None
            again = job._replace(step="pull", seen=blank(row, self.watched))
            yield f"{label}, reads the row again", goes_on(s, STAGE, place, again), fair
        else:
            yield label, after, fair

    def _moves(self, s: State, place: int, job: Job, name: str, given: dict[str, object]) -> Step:
        after = self.table.make(name, s.row, job.seen, given) if s.row is not None else None
        left = leaves(s, STAGE, place)
        if after is None:
            return f"{name}: refused", left, True
        return name.upper(), moved(left, self.scenario, self.table, name, job.seen, after), True

"""Disposal, a restored database, and messages that come again: what befalls a clip from outside ingest."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import CAMERA_COPY, DISPOSAL, RECEIPT, STANDING, VERIFIED_AS, Row, Table
from tests.model.work import Step, published
from tests.model.world import NAMES, STAGES, Scenario, State, put, spend
from workers.fate.moves import NOT_COMMITTED, CameraCopy, Disposal, Standing


class Outside:
    """Disposal, coarse: what ingest sees of it. Its own moves are explored by the model of fate."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that may happen from outside now."""
        if s.row is not None and s.deletion == 0 and s.row[DISPOSAL] in NOT_COMMITTED:
            yield from self._commit(s, s.row)
        gone = (None,) * len(s.footage)
        if s.deletion == 1:
            yield "disposal deletes every version", s._replace(deletion=2, footage=gone, manifest=gone), True
        if s.deletion == 2 and s.row is not None:
            again = {"footage": gone, "manifest": gone} if self.scenario.second_listing else {}
            certificate = "with receipt" if s.row[RECEIPT] is not None else "without"
            row = put(s.row, DISPOSAL, Disposal.DONE)
            done = s._replace(row=row, deletion=3, certificate=certificate, **again)
            yield "disposal lists again, CERTIFICATE", done, True
        if s.deletion == 3 and s.row is not None and (faults := spend(s.faults, "row lost")) is not None:
            yield "the database is restored, the row is LOST", self._restored(s._replace(faults=faults)), False
        yield from self._decide(s)
        if self.scenario.cleans:
            yield from self._clean(s)
        if (faults := spend(s.faults, "again")) is not None:
            for message, name in NAMES.items():
                if s.told & message and not s.waiting & message:
                    yield f"{name} comes again", published(s, message)._replace(faults=faults), False

    def _decide(self, s: State) -> Iterator[Step]:
        if s.row is not None and (faults := spend(s.faults, "person decides")) is not None:
            after = self.table.make("decide quarantine", s.row, s.row, {"decision": f"the person's, {faults}"})
            if after is not None:
                yield "a person DECIDES", s._replace(row=after, faults=faults), False

    def _restored(self, s: State) -> State:
        """Stages are stopped for a restore (runbook): nobody remembers a row that no longer is."""
        nobody = {stage: (None,) * len(getattr(s, stage)) for stage in STAGES}
        return s._replace(row=None, verdict=("",) * len(s.verdict), proved=0, **nobody)

    def _commit(self, s: State, row: Row) -> Iterator[Step]:
        committed = s._replace(row=put(row, DISPOSAL, Disposal.COMMITTED), deletion=1)
        if (faults := spend(s.faults, "person disposes")) is None:
            return
        due = row[STANDING] == Standing.RELEASED and row[CAMERA_COPY] == CameraCopy.WIPED
        yield "disposal COMMITS" + ("" if due else ", a person decided"), committed._replace(faults=faults), False

    def _clean(self, s: State) -> Iterator[Step]:
        """A failed attempt goes once another one was proved; a lost one leaves nothing to delete."""
        if s.row is None or s.row[VERIFIED_AS] is None or s.deletion:
            return
        for number, there in enumerate(s.footage):
            if there is not None and there[1] != "lost" and number != s.row[VERIFIED_AS][0]:
                kept = put(s.footage, number, (there[0], "lost"))
                yield f"a failed attempt ({number}) is deleted", s._replace(footage=kept), True

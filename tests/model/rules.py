"""What must hold in every state, on every step, and where every clip must be able to arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model.table import (
    ATTEMPT,
    CAMERA_COPY,
    DECISION,
    DISPOSAL,
    DOCKING,
    INTERRUPTED,
    RECEIPT,
    STANDING,
    STORED,
    URGENT,
    VERIFIED_AS,
    Row,
    Table,
)
from tests.model.world import Scenario, State
from workers.fate.moves import CameraCopy, Disposal, Standing

OVER = (Disposal.COMMITTED, Disposal.DONE)
INGEST = (STANDING, ATTEMPT, INTERRUPTED, URGENT, STORED, VERIFIED_AS, RECEIPT)
LIVENESS = "liveness: nothing that happens by itself brings this clip on"


class Rules:
    """The invariants of ingest."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.table = table

    def broken(self, s: State) -> Iterator[str]:
        """Names of the rules that this state breaks."""
        if s.broken:
            yield s.broken
        for verdict in s.verdict:
            if verdict not in ("", "ok", "no"):
                yield f"one attempt, one verdict: {verdict}"
        if s.certificate is not None and (any(s.footage) or any(s.manifest)):
            yield "I6: footage under a certificate"
        version = s.row[VERIFIED_AS] if s.row is not None else None
        there = s.footage[version[0]] if version is not None else None
        # Nobody can keep a disk from rotting; that it is found and told is a matter of liveness.
        kept = version is not None and there in ((version, "good"), (version, "rotten"))
        if s.camera == "erased" and not kept and not s.deletion:
            yield "wiped with neither a verified copy nor a certificate"
        if version is not None and not kept and not s.deletion:
            yield "the verified version is gone"
        if version is not None and not s.proved >> version[0] & 1:
            yield "I2: verified without a read-back"
        if s.row is not None:
            yield from self._contradictions(s, s.row, version)

    def _contradictions(self, s: State, row: Row, version: Any) -> Iterator[str]:
        """Columns of the row that do not go together."""
        standing, stored, receipt = row[STANDING], row[STORED], row[RECEIPT]
        if standing == Standing.SECURED and (stored is None or stored[0] != self.scenario.slot(row[ATTEMPT])):
            yield "secured, but the stored version is of another attempt"
        if (standing in (Standing.VERIFIED, Standing.RELEASED, Standing.DAMAGED)) != (version is not None):
            yield f"{standing} with verified version {version}"
        if standing != Standing.DAMAGED and (standing == Standing.RELEASED) != (receipt is not None):
            yield f"{standing} with receipt {receipt}"
        if standing == Standing.REGISTERED and stored is not None:
            yield "registered with a stored version"
        if row[DECISION] is not None and standing != Standing.QUARANTINED:
            yield f"{standing} with a decision about its quarantine"
        if row[INTERRUPTED] and standing != Standing.REGISTERED:
            yield f"{standing} and interrupted"
        if receipt is not None and receipt[1] != version:
            yield "the receipt names another version"
        if row[ATTEMPT] > self.table.last_attempt and standing != Standing.REGISTERED:
            yield "an attempt after the last"
        idle = not s.waiting and not any(s.transfers + s.verifiers + s.releases + s.intakes)
        if s.camera == "erased" and idle and row[CAMERA_COPY] == CameraCopy.PRESENT:
            yield "erased and reported, but the row believes it on the camera"

    def broken_by_step(self, s: State, t: State) -> Iterator[str]:
        """Names of the rules that the step from `s` to `t` breaks."""
        a, b = s.row, t.row
        if a is b or a is None or b is None:
            return
        for place, thing in ((VERIFIED_AS, "verified version"), (RECEIPT, "receipt"), (DECISION, "decision")):
            if a[place] is not None and b[place] != a[place]:
                yield f"the {thing} was replaced"
        for place, thing in ((DOCKING, "docking"), (ATTEMPT, "attempt")):
            if b[place] < a[place]:
                yield f"the {thing} went back"
        if b[ATTEMPT] > a[ATTEMPT]:
            yield from self._abandoned(s, t, a[ATTEMPT], b[ATTEMPT])
        if a[DISPOSAL] in OVER and b[DISPOSAL] not in OVER:
            yield "disposal was taken back"
        if a[DISPOSAL] in OVER and any(a[place] != b[place] for place in INGEST):
            yield "ingest went on after disposal was committed"
        yield from self._quarantined(a[STANDING], b[STANDING])
        if a[STANDING] == Standing.DAMAGED and b[STANDING] != Standing.DAMAGED:
            yield "damage was taken back"

    def _quarantined(self, before: str, after: str) -> Iterator[str]:
        """Quarantine begins where nothing was secured, and never ends by itself."""
        if before != after and Standing.QUARANTINED in (before, after) and before != Standing.REGISTERED:
            yield f"from {before} to {after}"

    def _abandoned(self, s: State, t: State, attempt: int, following: int) -> Iterator[str]:
        number = self.scenario.slot(attempt)
        if following > attempt + 1:
            yield "an attempt was skipped"
        if "no" not in t.verdict[number] and s.footage[number] is None:
            yield "an attempt was given up that nobody had begun"

    def settled(self, s: State) -> bool:
        """Whether this is a place to rest: answered, or visibly waiting for a person or for the camera."""
        damage = self._damage_is_told(s)
        return self._answered(s) if damage is None else damage

    def _damage_is_told(self, s: State) -> bool | None:
        """Whether the damage of what lies there is visible with its reason; None where nothing is damaged."""
        row = s.row
        if row is None or row[DISPOSAL] in OVER:
            return None
        if row[STANDING] == Standing.DAMAGED:
            return s.camera != "erased" or not s.waiting
        version = row[VERIFIED_AS]
        return False if version is not None and s.footage[version[0]] == (version, "rotten") else None

    def _answered(self, s: State) -> bool:
        row = s.row
        if s.camera == "erased":
            return not s.waiting
        if row is None:
            return s.camera == "away"
        if row[STANDING] == Standing.QUARANTINED and row[DISPOSAL] not in OVER:
            return True
        if row[DISPOSAL] == Disposal.DONE:
            return s.certificate == "without" or s.camera == "away"
        if row[DISPOSAL] == Disposal.COMMITTED:
            return False
        if row[STANDING] == Standing.REGISTERED and row[ATTEMPT] >= self.table.last_attempt and s.alarm:
            return True
        if s.camera == "away":
            return row[STANDING] == Standing.RELEASED or (row[STANDING] == Standing.REGISTERED and row[INTERRUPTED])
        return False

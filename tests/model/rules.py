"""What must hold in every state, on every step, and where every clip must be able to arrive."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.table import (
    ATTEMPT,
    CAMERA_COPY,
    DISPOSAL,
    DOCKING,
    INTERRUPTED,
    RECEIPT,
    STANDING,
    STORED,
    VERIFIED_AS,
    Table,
)
from tests.model.world import Scenario, State
from workers.fate.moves import CameraCopy, Disposal, Standing

OVER = (Disposal.COMMITTED, Disposal.DONE)
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
        row = s.row
        version = row[VERIFIED_AS] if row is not None else None
        kept = version is not None and s.footage[version[0]] == (version, "good")
        if s.camera == "erased" and not kept and not s.deletion:
            yield "wiped with neither a verified copy nor a certificate"
        if row is None:
            return
        idle = not s.waiting and not any(s.transfers + s.verifiers + s.releases + s.intakes)
        if s.camera == "erased" and idle and row[CAMERA_COPY] == CameraCopy.PRESENT:
            yield "erased and reported, but the row believes it on the camera"
        if version is not None and not s.deletion and not kept:
            yield "the verified version is gone"
        if version is not None and not s.proved >> version[0] & 1:
            yield "I2: verified without a read-back"
        if row[STANDING] == Standing.SECURED and (
            row[STORED] is None or row[STORED][0] != self.scenario.slot(row[ATTEMPT])
        ):
            yield "secured, but the stored version is of another attempt"
        if (row[STANDING] in (Standing.VERIFIED, Standing.RELEASED)) != (version is not None):
            yield f"{row[STANDING]} with verified version {version}"
        if (row[STANDING] == Standing.RELEASED) != (row[RECEIPT] is not None):
            yield f"{row[STANDING]} with receipt {row[RECEIPT]}"
        if row[RECEIPT] is not None and row[RECEIPT][1] != version:
            yield "the receipt names another version"
        if row[ATTEMPT] > self.table.last_attempt and row[STANDING] != Standing.REGISTERED:
            yield "an attempt after the last"

    def broken_by_step(self, s: State, t: State) -> Iterator[str]:
        """Names of the rules that the step from `s` to `t` breaks."""
        a, b = s.row, t.row
        if a is b or a is None or b is None:
            return
        if a[VERIFIED_AS] is not None and b[VERIFIED_AS] != a[VERIFIED_AS]:
            yield "the verified version was replaced"
        if a[RECEIPT] is not None and b[RECEIPT] != a[RECEIPT]:
            yield "the receipt was replaced"
        if b[DOCKING] < a[DOCKING]:
            yield "the camera went back to an earlier docking"
        if b[ATTEMPT] < a[ATTEMPT]:
            yield "the attempt went back"
        if b[ATTEMPT] > a[ATTEMPT] and b[ATTEMPT] > a[ATTEMPT] + 1:
            yield "an attempt was skipped"
        if b[ATTEMPT] > a[ATTEMPT]:
            yield from self._abandoned(s, t, a[ATTEMPT])
        if a[DISPOSAL] in OVER:
            if b[DISPOSAL] not in OVER:
                yield "disposal was taken back"
            if any(a[place] != b[place] for place in (STANDING, ATTEMPT, STORED, VERIFIED_AS, RECEIPT)):
                yield "ingest went on after disposal was committed"
        if a[STANDING] == Standing.QUARANTINED and b[STANDING] != a[STANDING]:
            yield "quarantine ended by itself"

    def _abandoned(self, s: State, t: State, attempt: int) -> Iterator[str]:
        number = self.scenario.slot(attempt)
        judged = "no" in t.verdict[number]
        if not judged and s.footage[number] is None:
            yield "an attempt was given up that nobody had begun"

    def settled(self, s: State) -> bool:
        """Whether this is a place to rest: answered, or visibly waiting for a person or for the camera."""
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
        if row[STANDING] == Standing.REGISTERED and row[ATTEMPT] > self.table.last_attempt:
            return s.alarm
        if s.camera == "away":
            return row[STANDING] == Standing.RELEASED or (row[STANDING] == Standing.REGISTERED and row[INTERRUPTED])
        return False

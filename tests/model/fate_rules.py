"""What must hold of a clip's fate in every state and on every step, and where it must be able to arrive."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.fate_decide import dispose_from, expires
from tests.model.fate_people import OVER, RESTORED
from tests.model.fate_table import (
    CAMERA,
    CONFIRMED,
    DISPOSAL,
    DISPOSE_FROM,
    FACTS,
    HELD,
    INTENDED_AT,
    INTENT,
    LEASE_END,
    REASONS,
)
from tests.model.fate_world import FAULTS, LAST, OF_THE_CLIP, Scenario, State
from tests.model.table import Row
from workers.fate.moves import CameraCopy, Disposal

LOST = FAULTS.index("database lost")
BIN_COLUMNS = (INTENDED_AT, INTENT, DISPOSE_FROM)
ANSWERS = {
    ("", "asked"),
    ("asked", "pending"),
    ("asked", "refused"),
    ("pending", "active"),
    ("active", "lifted"),
}
"""A request is answered PENDING, then ACTIVE, or REFUSED; nothing is taken back but by a lift."""


class FateRules:
    """Invariants I4 to I7 of docs/life-of-a-clip.md, and what the row says of itself."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def broken(self, s: State) -> Iterator[str]:
        """Names of the rules that this state breaks."""
        if s.broken:
            yield s.broken
        row, missing = s.row, any(s.store[at] is None for at in OF_THE_CLIP)
        yield from self._held(s, missing)
        if missing and row[DISPOSAL] not in OVER:
            yield "I7: partly gone, and not committed"
        if missing and s.told != 2:
            yield "I5: deleted before the broker had confirmed the commit"
        if s.looked and (any(s.store) or s.upload or s.put):
            yield "I6: listed again, and something is left or may still come"
        if row[DISPOSAL] is None and any(row[column] is not None for column in BIN_COLUMNS):
            yield "not in the bin, but the row says since when"
        if row[DISPOSAL] == Disposal.INTENDED and any(row[column] is None for column in BIN_COLUMNS):
            yield "in the bin, and the row does not say since when"
        if row[HELD] and row[DISPOSAL] is not None:
            yield f"held, and disposal {row[DISPOSAL]}"
        yield from self._locked(s)

    def _held(self, s: State, missing: bool) -> Iterator[str]:
        for name, at in zip(self.scenario.reasons, s.holds, strict=True):
            if at not in ("pending", "active"):
                continue
            if missing:
                yield "I4: held and gone"
            if name not in s.row[REASONS] and RESTORED not in s.row[REASONS]:
                yield "I4: held, and the row does not know it"
            versions = [s.store[place] for place in OF_THE_CLIP]
            if at == "active" and any(version is not None and not version.hold for version in versions):
                yield "I4: ACTIVE, and a legal hold reads OFF"

    def _locked(self, s: State) -> Iterator[str]:
        locks = [version.lock for version in (s.store[at] for at in OF_THE_CLIP) if version is not None]
        known = max(self.scenario.first_lock, s.row[LEASE_END] or 0)
        if s.row[DISPOSAL] in OVER and any(s.now < lock for lock in locks):
            yield "committed, and locked"
        restored = "database lost" in self.scenario.faults
        if not restored and any(lock > known for lock in locks):
            yield "locked for longer than the row knows"
        confirmed = s.row[CONFIRMED]
        if confirmed is not None and s.row[DISPOSAL] not in OVER and any(lock < confirmed for lock in locks):
            yield "a lease is confirmed, and a lock is shorter"

    def broken_by_step(self, s: State, t: State) -> Iterator[str]:
        """Names of the rules that the step from `s` to `t` breaks."""
        restored = s.faults[LOST] != t.faults[LOST]
        for before, after in zip(s.holds, t.holds, strict=True):
            if before != after and (before, after) not in ANSWERS and not restored:
                yield f"a request was {before} and is {after}"
        if s.row is t.row or restored:
            return
        yield from self._disposed(s, t)
        yield from self._said(s.row, t.row)
        yield from self._leased(s.row, t.row)
        for name, at in zip(self.scenario.reasons, t.holds, strict=True):
            if name in s.row[REASONS] and name not in t.row[REASONS] and at != "lifted":
                yield "a reason left the row, and nobody lifted it"

    def _disposed(self, s: State, t: State) -> Iterator[str]:
        a, b = s.row, t.row
        if b[DISPOSAL] == Disposal.INTENDED and a[INTENDED_AT] != b[INTENDED_AT]:
            yield from self._intended(s, t)
        if a[DISPOSAL] == b[DISPOSAL]:
            return
        if a[DISPOSAL] in OVER and b[DISPOSAL] not in OVER:
            yield "disposal was taken back"
        if b[DISPOSAL] == Disposal.COMMITTED:
            yield from self._committed(s)
        if b[DISPOSAL] == Disposal.DONE and a[DISPOSAL] != Disposal.COMMITTED:
            yield "done without a commit"
        if b[DISPOSAL] == Disposal.DONE and (any(s.store[at] for at in OF_THE_CLIP) or s.upload):
            yield "I6: a certificate of what is still there"

    def _said(self, a: Row, b: Row) -> Iterator[str]:
        if b[FACTS][: len(a[FACTS])] != a[FACTS]:
            yield "a fact was removed"
        if a[FACTS] != b[FACTS] and b[DISPOSAL] == Disposal.INTENDED:
            yield "something was said, and it is in the bin for what was said before"

    def _leased(self, a: Row, b: Row) -> Iterator[str]:
        for column, what in ((LEASE_END, "lease"), (CONFIRMED, "confirmed lease")):
            if a[column] is not None and (b[column] is None or b[column] < a[column]):
                yield f"a {what} was shortened"
        if a[DISPOSAL] in OVER and a[LEASE_END] != b[LEASE_END]:
            yield "a lease was renewed after the commit"

    def _intended(self, s: State, t: State) -> Iterator[str]:
        if s.row[DISPOSAL] is not None:
            yield "put into the bin twice"
        if s.row[HELD]:
            yield "put into the bin while it is held"
        # Another policy may come at any time: commit decides again. What people said of this clip counts at once.
        if not expires(s.row, 1, s.now) or (t.row[DISPOSE_FROM] or 0) < dispose_from(s.row, 1):
            yield "put into the bin before its time"

    def _committed(self, s: State) -> Iterator[str]:
        """I5: everything that a commit asks, at the very moment of the commit."""
        row = s.row
        if row[DISPOSAL] != Disposal.INTENDED:
            yield "I5: committed, and it was not in the bin"
        if row[HELD]:
            yield "I5: committed while it was held"
        if s.standing == "stands":
            yield "I5: committed under a standing hold"
        if not s.bin:
            yield "I5: committed before its bin was served"
        if s.now < dispose_from(row, s.policy) or s.now < (row[DISPOSE_FROM] or 0):
            yield "I5: committed before its time"
        if s.now < (row[LEASE_END] or 0):
            yield "I5: committed before its lease was over"
        if row[CAMERA] != CameraCopy.WIPED:
            yield "I5: committed while the camera has the recording"

    def settled(self, s: State) -> bool:
        """Whether this is a place to rest: every request answered, and kept for a reason or gone for good."""
        if any(at in ("asked", "pending") for at in s.holds):
            return False
        if s.row[DISPOSAL] == Disposal.DONE:
            return s.certificate and s.looked
        kept = s.row[HELD] or s.standing == "stands"
        return s.row[DISPOSAL] is None and kept and s.now == LAST

"""One camera in a bay, from its appearance to the last erased recording: what is due, and what it shows.

Bookkeeping only: nothing here blocks, hashes or publishes. The dock agent (streams/dock/agent.py) does what is due
in threads and tells the outcome. Time comes in as `now`, seconds on a clock that never steps.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from workers.dock.bay import RecordingState, Sign, State, sign_of
from workers.dock.camera import Camera, Found, Look
from workers.dock.notes import Docking
from workers.dock.offers import Offer, Offers, address
from workers.footage.canonical import sha256_hex
from workers.footage.recording import Inventory, RefusedItem
from workers.keys.signing import Signed

SHORT = 10
"""A recording shorter than declared is probably still being copied: it must be still this many times longer.
And so many times longer than `settle` the dock waits at most for a restless camera."""
_SMOOTH = 0.5
_RENEW_MOST = 600.0


class Item:
    """One recording of a docked camera.

    Attributes:
        report: our signed declaration, once measured.
        changed: it changed after it was reported; only a new docking can report it again.
        seen: when it was first seen in this bay.
        repeat_at: when the report is to be sent again; 0 at once.
    """

    def __init__(self, found: Found, now: float) -> None:
        self.found = found
        self.state = State.SETTLING
        self.reason = ""
        self.seen = self.since = self.still_since = now
        self.report: Signed | None = None
        self.offer: Offer | None = None
        self.changed = False
        self.clip_id: str | None = None
        self.repeat_at = 0.0
        self.done = 0
        self.rate = 0.0
        self._sample = (now, 0)

    @property
    def recording(self) -> str:
        """Its id."""
        return self.found.sidecar.recording

    def becomes(self, state: State, now: float, reason: str = "") -> None:
        """Change the state that people see."""
        if state is not self.state:
            self.since = now
        self.state, self.reason = state, reason

    def view(self, now: float) -> RecordingState:
        """The state as it is shown; bytes on their way come from the server's own count."""
        state, offer = self.state, self.offer
        if offer is not None and state is State.REPORTED:
            self.done = offer.position
            if offer.reading:
                state = State.TRANSFERRING
            elif offer.fetched:
                state = State.FETCHED
        counted = offer.served if offer is not None else self.done
        then, before = self._sample
        if now - then >= _SMOOTH:
            self.rate = max(0, counted - before) / (now - then)
            self._sample = now, counted
        moving = state in (State.MEASURING, State.TRANSFERRING)
        rate, total = self.rate if moving else 0.0, self.found.stamp.size
        done = total if state in (State.FETCHED, State.RELEASED, State.WIPED) else self.done
        return RecordingState(
            recording=self.recording,
            file=self.found.sidecar.file,
            state=state,
            total=total,
            bytes=done,
            rate=rate,
            eta=(total - done) / rate if rate > 0 else None,
            waits=now - self.since,
            reason=self.reason,
            clip_id=self.clip_id,
            urgent=self.found.sidecar.urgent,
        )


class DockedCamera:
    """A camera that stands in a bay.

    Args:
        settle: seconds without a change before a recording is read.
        restarted: it stood there already when the agent started.

    Attributes:
        generation: one higher after each erasure; a look that began before is out of date.
        failed: why the camera as a whole cannot be served; empty if it can.
    """

    def __init__(self, camera: Camera, offers: Offers, settle: float, *, restarted: bool, now: float) -> None:
        self.camera = camera
        self.restarted = restarted
        self.items: dict[str, Item] = {}
        self.refused: tuple[RefusedItem, ...] = ()
        self.docking: Docking | None = None
        self.look: Look | None = None
        self.listed: frozenset[str] = frozenset()
        self.generation = 0
        self.failed = ""
        self._offers, self._settle = offers, settle
        self._quiet_since = self._restless_since = now
        self._renewals = 0
        self._renew_after = now

    # -- what the camera holds -----------------------------------------------------------------------------

    def seen(self, look: Look, now: float) -> None:
        """The camera was looked at."""
        if self.look is None or look.stamps != self.look.stamps:
            self._quiet_since = now
        self.look, self.refused = look, look.refused
        present = {found.sidecar.recording: found for found in look.recordings}
        for recording, found in present.items():
            item = self.items.get(recording)
            if item is None or item.state is State.WIPED:
                self.items[recording] = Item(found, now)
            elif item.found != found:
                self._changed(item, found, now)
        for recording, item in list(self.items.items()):
            if recording not in present and item.state not in (State.RELEASED, State.WIPED):
                self._vanished(item, now)
        if not self._unlisted():
            self._restless_since = now

    def _changed(self, item: Item, found: Found, now: float) -> None:
        item.found, item.still_since = found, now
        if item.report is None and item.state is State.SETTLING:
            return  # it is still being copied
        self._take_back(item, 409, f"recording {item.recording!r} changed after it was measured")
        item.changed = item.changed or item.report is not None
        item.report = None
        item.becomes(State.REFUSED, now, "changed while it was docked; measured again once it is still")

    def _vanished(self, item: Item, now: float) -> None:
        self._take_back(item, 410, f"recording {item.recording!r} is no longer on the camera as it was")
        if item.report is None and item.state is State.SETTLING:
            del self.items[item.recording]
            return
        item.changed = item.changed or item.report is not None
        item.report = None
        item.becomes(State.REFUSED, now, "no longer on the camera as it was; look at the camera and its sidecar")

    def _take_back(self, item: Item, status: int, reason: str) -> None:
        if item.offer is not None:
            self._offers.withdraw(item.offer, status, reason)
            item.offer = None

    def left(self) -> None:
        """The camera is gone: bodies on their way end now."""
        for item in self.items.values():
            self._take_back(item, 410, f"camera {self.camera.name} was taken out of {self.camera.place.bay}")

    # -- what is due -----------------------------------------------------------------------------------------

    def docking_due(self, now: float) -> bool:
        """Whether an inventory is to be taken: a first one, or anew because the camera holds something else."""
        if self.look is None or (self.docking is not None and not self._unlisted()):
            return False
        quiet = now - self._quiet_since >= self._settle
        waited = now - self._restless_since >= self._settle * SHORT
        return (quiet or waited) and now >= self._renew_after

    def _unlisted(self) -> bool:
        if self.docking is None:
            return True
        here = {f.sidecar.recording for f in self.look.recordings} if self.look else set()
        return any(
            item.changed or recording not in self.listed
            for recording, item in self.items.items()
            if recording in here and item.state is not State.WIPED
        )

    def docked(self, docking: Docking, now: float) -> None:
        """An inventory was taken: everything is declared anew under its number."""
        assert docking.signed is not None
        inventory = msgspec.json.decode(docking.signed.body, type=Inventory)
        self.docking = docking
        self.listed = frozenset(item.recording for item in inventory.recordings)
        for item in self.items.values():
            item.report, item.changed, item.repeat_at = None, False, 0.0
        # A camera that never comes to rest may not fill the topics with inventories.
        self._renewals += 1
        self._renew_after = now + min(_RENEW_MOST, self._settle * 2.0**self._renewals)

    def next_to_measure(self, now: float) -> Item | None:
        """The recording to be declared next: still for long enough, urgent ones first."""
        if self.docking is None:
            return None
        due = [item for item in self.items.values() if self._settled(item, now)]
        return min(due, key=lambda i: (not i.found.sidecar.urgent, i.found.sidecar.sequence), default=None)

    def _settled(self, item: Item, now: float) -> bool:
        if item.report is not None or item.changed or item.recording not in self.listed:
            return False
        if item.state in (State.RELEASED, State.WIPED) or self.look is None:
            return False
        if item.found not in self.look.recordings:
            return False
        needed = self._settle if item.found.complete else self._settle * SHORT
        return now - item.still_since >= needed

    def declared(self, item: Item, found: Found, report: Signed, now: float) -> bool:
        """A recording was measured; returns False if it changed meanwhile, so that nothing may be told of it."""
        if item.found != found or self.items.get(item.recording) is not item or self.docking is None:
            return False
        if item.offer is None:
            item.offer = Offer(self.camera, found)
        item.report, item.repeat_at = report, 0.0
        self._offers.add(address(self.camera.name, self.docking.docking, item.recording), item.offer)
        if item.state in (State.SETTLING, State.MEASURING, State.REFUSED):
            item.becomes(State.REPORTED, now)
        return True

    def due_reports(self, now: float) -> Iterable[Item]:
        """Recordings whose report is to be sent, or sent again."""
        waiting = (State.RELEASED, State.WIPED)
        return [i for i in self.items.values() if i.report and i.state not in waiting and now >= i.repeat_at]

    # -- answers -----------------------------------------------------------------------------------------------

    def find(self, recording: str) -> Item | None:
        """The recording that an answer is about, if it is declared and not erased."""
        item = self.items.get(recording)
        done = item is None or item.report is None or item.state in (State.RELEASED, State.WIPED)
        return None if done else item

    def answered(self, item: Item, report_sha256: str) -> bool:
        """Whether an answer is to the report that stands now, not to one of an earlier docking."""
        return item.report is not None and sha256_hex(item.report.body.encode()) == report_sha256

    def wiped(self, item: Item, now: float) -> None:
        """It was erased."""
        self.generation += 1
        self._take_back(item, 410, f"recording {item.recording!r} was erased after its wipe receipt")
        item.becomes(State.WIPED, now)

    # -- what it shows -----------------------------------------------------------------------------------------

    def views(self, now: float) -> list[RecordingState]:
        """The recordings as they are shown, in the camera's own order."""
        return [i.view(now) for i in sorted(self.items.values(), key=lambda i: i.found.sidecar.sequence)]

    def sign(self, views: list[RecordingState]) -> Sign:
        """What the bay shows."""
        return sign_of(views, failed=self.failed, refused=len(self.refused), docked=self.docking is not None)

"""What a dock does with answers: shows them at the bay, and erases what a receipt permits."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from streams.engine import tracing
from streams.messages import ClipQuarantined, ClipReleased, ClipWiped, Message, UploadRejected, event
from streams.settings import Settings
from workers.dock.bay import State
from workers.dock.camera import Camera
from workers.dock.docked import DockedCamera, Item
from workers.dock.folder import Changed
from workers.dock.inventory import DockIdentity
from workers.dock.measuring import Stopped
from workers.dock.notes import Erasure, NotesUnfit
from workers.dock.offers import Offers
from workers.dock.receipts import FindKey, ReceiptRefused, check_receipt, erase, statement
from workers.fate.outbox import Event
from workers.footage.canonical import sha256_hex
from workers.footage.recording import Report
from workers.keys.signing import Signed
from workers.keys.statements import now_iso

Publish = Callable[[Event], Awaitable[None]]
Told = tuple[Event, Erasure | None]
"""An event to be published, and the erasure whose note goes once it is confirmed."""

SELDOM = 10
"""A recording that a person must decide about is reported this many times less often."""
RECEIPT_REFUSED = "receipt_refused"


class Tools(Struct, frozen=True):
    """What a dock gives to each of its bays.

    Attributes:
        publish: sends one event and returns when it is confirmed; raises PassingFault to be tried again.
        find_release_key: the keys whose receipts permit an erasure.
        measuring: how many recordings are hashed at once in this dock.
        now: seconds since 1970.
    """

    settings: Settings
    identity: DockIdentity
    offers: Offers
    publish: Publish
    find_release_key: FindKey
    measuring: asyncio.Semaphore
    now: Callable[[], float]

    def event(self, topic: str, message: Message, key: str, *cause: object) -> Event:
        """The event that tells of `message`, from this dock."""
        source = f"dock/{self.identity.dock}"
        return event(topic, message, key=key, subject=key, source=source, cause=cause)


def wiped(tools: Tools, camera: Camera, erasure: Erasure) -> Event:
    """The event that tells of an erasure; the same bytes each time."""
    clip, signed = statement(erasure, camera, tools.identity.dock, tools.identity.signer)
    told = ClipWiped(clip, camera.name, erasure.recording, signed)
    return tools.event("clips.wiped", told, clip, clip, tools.identity.dock, erasure.at)


class Answers:
    """Answers about one camera.

    Args:
        to_tell: what is to be published goes here.
        wake: called when something is due.
        stopped: asked while hashing.
    """

    def __init__(
        self,
        tools: Tools,
        docked: DockedCamera,
        to_tell: list[Told],
        wake: Callable[[], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._tools, self._docked, self._to_tell = tools, docked, to_tell
        self._wake, self._stopped = wake, stopped
        self._receipts: asyncio.Queue[tuple[Item, Signed, Signed, str]] = asyncio.Queue(1000)
        self._refused_receipts: set[str] = set()

    def repeat_later(self, item: Item) -> None:
        """Spread out, so that a room of docks that lost its network does not come back in one moment."""
        seldom = SELDOM if item.state in (State.QUARANTINED, State.REJECTED) else 1
        item.repeat_at = time.monotonic() + self._tools.settings.dock_repeat * seldom * random.uniform(0.8, 1.2)

    def hear(self, message: Message) -> None:
        """An answer came; most are for other cameras."""
        now = time.monotonic()
        if isinstance(message, ClipReleased) and message.camera == self._docked.camera.name:
            self._hear_receipt(message, now)
        elif isinstance(message, UploadRejected) and message.camera == self._docked.camera.name:
            item = self._docked.find(message.recording)
            ours = message.dock == self._tools.identity.dock and message.code != RECEIPT_REFUSED
            if item is not None and ours and self._docked.answered(item, message.report_sha256):
                state = State.QUARANTINED if message.code == "quarantined" else State.REJECTED
                item.becomes(state, now, f"{message.reason}; {message.action}")
                self.repeat_later(item)
        elif isinstance(message, ClipQuarantined):
            told = msgspec.json.decode(message.report.body, type=Report).recording
            item = self._docked.find(told.recording) if told.camera == self._docked.camera.name else None
            if item is not None and item.clip_id == message.clip_id:
                item.becomes(State.QUARANTINED, now, f"{message.reason}; a person decides")
                self.repeat_later(item)

    def _hear_receipt(self, message: ClipReleased, now: float) -> None:
        item = self._docked.find(message.recording)
        if item is None or item.report is None or self._receipts.full():
            return  # it comes again
        declared = msgspec.json.decode(item.report.body, type=Report).recording
        try:
            check_receipt(message.receipt, declared, self._tools.find_release_key)
        except ReceiptRefused as error:
            return self._refuse_receipt(item, message.receipt, error)
        item.becomes(State.RELEASED, now)
        self._receipts.put_nowait((item, item.report, message.receipt, tracing.current()))

    async def erase_next(self) -> None:
        """Wait for a good receipt, then erase what it permits to erase."""
        item, report, receipt, trace = await self._receipts.get()
        with tracing.doing("dock erases", item.clip_id or "", trace):
            await self._erase(item, report, receipt)
        self._wake()

    async def _erase(self, item: Item, report: Signed, receipt: Signed) -> None:
        try:
            erasure = await asyncio.to_thread(
                erase,
                self._docked.camera,
                item.found,
                report,
                receipt,
                find=self._tools.find_release_key,
                now=now_iso,
                stopped=self._stopped,
            )
        except ReceiptRefused as error:
            self._refuse_receipt(item, receipt, error)
        except (Changed, NotesUnfit, Stopped, OSError) as error:
            item.becomes(State.REFUSED, time.monotonic(), f"not erased: {error}")
        else:
            self._docked.wiped(item, time.monotonic())
            self._to_tell.append((wiped(self._tools, self._docked.camera, erasure), erasure))

    def _refuse_receipt(self, item: Item, receipt: Signed, error: ReceiptRefused) -> None:
        """Say it at the bay and on the topic, once for each receipt; the recording stays."""
        item.becomes(State.REFUSED, time.monotonic(), str(error))
        this = sha256_hex(f"{receipt.body}{receipt.signature}".encode("utf-8", "surrogatepass"))
        if this in self._refused_receipts or item.report is None:
            return
        if len(self._refused_receipts) > 10_000:
            self._refused_receipts.clear()
        self._refused_receipts.add(this)
        report_sha256 = sha256_hex(item.report.body.encode())
        told = UploadRejected(
            camera=self._docked.camera.name,
            recording=item.recording,
            dock=self._tools.identity.dock,
            report_sha256=report_sha256,
            code=RECEIPT_REFUSED,
            reason=str(error),
            action="find out who sent this receipt; the recording stays on the camera",
            clip_id=item.clip_id,
        )
        cause = (report_sha256, RECEIPT_REFUSED, this)
        self._to_tell.append((self._tools.event("uploads.rejected", told, told.camera, *cause), None))
        self._wake()

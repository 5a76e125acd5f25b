"""Reading stored clips again and telling what was found: what the scrub and `bwv verify` have in common.

A clip that is whole is told of by one confirmed publish; damage is a move of its row, told through the outbox. A
clip that cannot be read while others can is told to be damaged only after a second reading, `scrub_confirm` seconds
after the first: part of the store may just be restarting.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec import Struct

from streams.engine.byte_threads import ByteThreads, Work
from streams.reread_events import damaged_event, reread_event
from streams.settings import Settings
from streams.vaults import open_vault
from workers.catalogue.rereads import Stored, lately_read
from workers.database.engine import Database
from workers.errors import MoveRefused, PermanentFault, StoreAway
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, make
from workers.footage.deed import Deed, Kind, Trouble, read_manifest, read_small
from workers.footage.finding import Condition, Finding
from workers.footage.manifest import Manifest
from workers.footage.order import declared
from workers.footage.recording import Report
from workers.footage.scrub import SidecarProof, reread
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Role, Signed, as_it_signed, opened
from workers.keys.statements import PURPOSES, Decision, now_iso
from workers.vault.keys import MANIFEST, attempt_keys
from workers.vault.retry import Limits
from workers.vault.vault import Vault

S = TypeVar("S", bound=Struct)

log = logging.getLogger(__name__)

SOUND = (moves.Standing.VERIFIED, moves.Standing.RELEASED)


class Seen(Struct, frozen=True):
    """A clip that was read.

    Attributes:
        told: it was published or moved; False while a clip that cannot be read waits for its second reading, and
            where the row was moved by somebody else meanwhile.
    """

    fate: Fate
    finding: Finding
    read_at: datetime
    told: bool


class Rereader:
    """Reads clips with verification's credentials, each on connections of its own.

    Args:
        publish: as in `streams.stage.Parts`.
        by: who wants it: "scrub", or a person.
    """

    def __init__(
        self, settings: Settings, database: Database, publish: Callable[[Event], Awaitable[None]], by: str = "scrub"
    ) -> None:
        self._settings = settings
        self._database = database
        self._publish = publish
        self._by = by
        self._keyring = Keyring(database, load_public(settings.trust_root))
        limits = Limits(tries=1, silence=settings.scrub_patience, stride=2 * settings.scrub_patience)
        self._vault = open_vault(settings, "verification", limits=limits)
        self._threads = ByteThreads(settings, "scrub")
        self._first_unread: dict[str, float] = {}

    @property
    def suspects(self) -> dict[str, float]:
        """Clips that could not be read → the time (monotonic) from which they may be read a second time."""
        return {clip: first + self._settings.scrub_confirm for clip, first in self._first_unread.items()}

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()
        self._vault.close()

    async def read(self, stored: Stored, work: Work) -> Seen | None:
        """Read a clip and tell what was found; None if by now there is nothing to read.

        Raises:
            StoreAway: the store gives nothing now, or not the same twice; nothing is told.
            PermanentFault: what was signed for this clip does not hold: a person must look.
            DatabaseAway, BrokerAway: nothing is told, or it is not known whether it was.
        """
        fate = await find(self._database, stored.clip_id)
        if fate is None or fate.verified_version is None or fate.disposal not in moves.NOT_COMMITTED:
            return None
        deed, decision = await self._deed(fate, stored)
        controls = await self._controls(stored.clip_id, deed)
        fresh = self._vault.fresh()
        try:
            serves = partial(_serves, fresh, controls)
            finding = await self._finding(fate, deed, decision, fresh, serves, work)
        finally:
            fresh.close()
        return await self._tell(fate, finding)

    # -- what should lie there -----------------------------------------------------------------------------

    async def _deed(self, fate: Fate, stored: Stored) -> tuple[Deed, Decision | None]:
        report = await self._proved(fate.report, Report, Role.DOCK)
        decision = await self._proved(fate.declaration, Decision, Role.PERSON) if fate.declaration else None
        size, sha256 = declared(self._settings.namespace, fate.clip_id, report, decision)
        known = stored.stored_attempt == fate.attempt
        deed = Deed(
            clip_id=fate.clip_id,
            attempt=fate.attempt,
            keys=attempt_keys(self._settings.namespace, fate.clip_id, fate.attempt),
            version_id=fate.verified_version or "",
            manifest_version=stored.manifest_version if known else None,
            size=size,
            sha256=sha256,
            chunk_size=self._settings.chunk_size,
            held=stored.held,
            lease_end=stored.lease_end,
        )
        return deed, decision

    async def _proved(self, signed: Signed, body: type[S], role: Role) -> S:
        """Open what was signed; a key that was revoked since then still proves what it signed before."""
        key = await self._keyring.find(signed.key)
        return opened(PURPOSES[body], signed, body, role=role, find=lambda _: as_it_signed(key))

    async def _controls(self, clip: str, deed: Deed) -> list[tuple[str, str]]:
        """Keys and versions of manifests, of other clips first: whether the store gives any of them."""
        others = await lately_read(self._database, clip)
        found = [
            (attempt_keys(self._settings.namespace, o.clip_id, o.stored_attempt).manifest, o.manifest_version)
            for o in others
            if o.stored_attempt and o.manifest_version
        ]
        own = [(deed.keys.manifest, deed.manifest_version)] if deed.manifest_version else []
        return found + own

    # -- what lies there -----------------------------------------------------------------------------------

    async def _finding(
        self,
        fate: Fate,
        deed: Deed,
        decision: Decision | None,
        vault: Vault,
        serves: Callable[[], bool],
        work: Work,
    ) -> Finding:
        manifest, trouble = await self._threads.run(
            work, partial(read_manifest, vault, deed, serves=serves, told=work.told)
        )
        sidecar = None
        if manifest is not None:
            try:
                sidecar = await self._signed_sidecar(fate, manifest, decision)
            except PermanentFault as fault:
                # The row's report holds, so this one was signed as well, once: the manifest has changed.
                manifest, trouble = (
                    None,
                    Trouble(MANIFEST, Kind.DIFFERS, f"the report in {deed.keys.manifest}: {fault}"),
                )
        return await self._threads.run(
            work,
            partial(
                reread,
                vault,
                deed,
                manifest=manifest,
                trouble=trouble,
                sidecar=sidecar,
                serves=serves,
                stop=work.stopped,
                told=work.told,
            ),
        )

    async def _signed_sidecar(self, fate: Fate, manifest: Manifest, decision: Decision | None) -> SidecarProof | None:
        """What the dock signed about the sidecar; accepted quarantined bytes took theirs over as it was."""
        report = await self._proved(manifest.report, Report, Role.DOCK)
        declared(self._settings.namespace, fate.clip_id, report, decision)
        if decision is not None:
            return None
        return SidecarProof(report.recording.sidecar_size, report.recording.sidecar_sha256)

    # -- what is told --------------------------------------------------------------------------------------

    async def _tell(self, fate: Fate, finding: Finding) -> Seen:
        now = now_iso()
        read_at = datetime.fromisoformat(now)
        if finding.condition is Condition.WHOLE:
            self._first_unread.pop(fate.clip_id, None)
            await self._tell_whole(fate, finding, now)
            return Seen(fate, finding, read_at, told=True)
        if not finding.certain and not self._seen_before(fate.clip_id):
            log.warning("%s cannot be read while others can: %s", fate.clip_id, finding.reason)
            return Seen(fate, finding, read_at, told=False)
        self._first_unread.pop(fate.clip_id, None)
        return Seen(fate, finding, read_at, told=await self._tell_damaged(fate, finding, now))

    def _seen_before(self, clip: str) -> bool:
        """Whether this is the second reading that failed, long enough after the first."""
        now = time.monotonic()
        return now - self._first_unread.setdefault(clip, now) >= self._settings.scrub_confirm

    async def _tell_whole(self, fate: Fate, finding: Finding, now: str) -> None:
        if finding.lock:
            log.error("%s is held less firmly than it should be: %s", fate.clip_id, finding.lock)
        told = reread_event(self._settings, fate, finding, now, self._by)
        await self._publish(told)

    async def _tell_damaged(self, fate: Fate, finding: Finding, now: str) -> bool:
        """Move the row; False if it is known already, or somebody else has decided about the clip meanwhile."""
        log.error("%s is %s: %s", fate.clip_id, finding.condition, finding.reason)
        if fate.standing not in SOUND:
            return False
        told = damaged_event(self._settings, fate, finding, now, self._by)
        reach("scrub.before_move")
        try:
            await make(self._database, moves.DAMAGE, fate, events=[told])
        except MoveRefused as refused:
            log.info("no damage told: %s", refused)
            return False
        reach("scrub.after_move")
        return True


def _serves(vault: Vault, controls: list[tuple[str, str]]) -> bool:
    """Whether the store gives any of these objects now."""
    for key, version_id in controls:
        try:
            body, _ = read_small(vault, key, version_id, MANIFEST, serves=lambda: False, told=lambda _: None)
        except StoreAway:
            continue
        if body is not None:
            return True
    return False

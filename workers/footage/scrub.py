"""Reading a stored clip again, long after it was verified: footage, sidecar and manifest, everything, by version id.

The footage is compared with what was *signed*, by the same read-back that verification makes. Where it differs,
the manifest's list of chunks says where. A store that keeps checksums of its own does not hand rotten bytes out: it
answers with an error, or not at all. Such a failure counts only while the store serves other objects, and then the
chunks are asked for one by one, so that the rotten ones are found; if nothing can be read, the store is away and
nothing is said of the clip.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from workers.errors import DockGone, RuleBroken, StoreAway
from workers.footage.chunking import spans
from workers.footage.deed import Deed, Kind, Trouble, read_small
from workers.footage.finding import BadChunk, Finding
from workers.footage.manifest import Chunk, Manifest
from workers.footage.passage import Told, measured
from workers.footage.verification import Outcome, Verdict, read_back
from workers.vault.faults import NotAsWritten, NotThere
from workers.vault.keys import FOOTAGE, SIDECAR
from workers.vault.vault import MINIMUM_PART, ObjectHead, Vault

MOST_SILENT = 8
"""Chunks that the store does not give, after which no further one is asked for: each costs its whole patience."""


class SidecarProof(Struct, frozen=True):
    """Size and SHA-256 of the sidecar, as the dock signed them in the report that the manifest carries."""

    size: int
    sha256: str


def reread(
    vault: Vault,
    deed: Deed,
    *,
    manifest: Manifest | None,
    trouble: Trouble | None,
    sidecar: SidecarProof | None,
    serves: Callable[[], bool],
    stop: Callable[[], bool] = lambda: False,
    told: Told = lambda _: None,
) -> Finding:
    """Read a clip's footage and sidecar again and say in what condition it is.

    Args:
        vault: fresh, with verification's credentials.
        manifest, trouble: as `read_manifest` gave them.
        sidecar: None where nobody signed one (accepted quarantined bytes): it is read and not compared.
        serves: whether the store gives other objects now; asked after each read that failed.
        stop, told: as in Passage.

    Raises:
        StoreAway: the store gives nothing now, or not the same twice: no verdict.
        Stopped: `stop` said so.
        RuleBroken: there is no digest to compare with.
    """
    began, passed = time.monotonic(), 0

    def count(number: int) -> None:
        nonlocal passed
        passed += number
        told(number)

    look = _Look(vault, deed, manifest, serves, stop, count)
    troubles = [trouble] if trouble else []
    seen, found, chunks = look.footage()
    troubles += found
    if manifest is not None:
        if not found and manifest.chunks != seen.chunks:
            troubles.append(
                Trouble("manifest.json", Kind.DIFFERS, f"{deed.keys.manifest} lists other chunks than lie there")
            )
        troubles += look.sidecar(manifest.sidecar_version, sidecar)
    return Finding(
        size=deed.size,
        sha256=deed.sha256,
        found_size=seen.found_size,
        found_sha256=seen.found_sha256,
        troubles=tuple(troubles),
        chunks=chunks,
        lock=look.lock(),
        bytes_read=passed,
        seconds=time.monotonic() - began,
    )


class _Look:
    def __init__(
        self,
        vault: Vault,
        deed: Deed,
        manifest: Manifest | None,
        serves: Callable[[], bool],
        stop: Callable[[], bool],
        told: Told,
    ) -> None:
        self._vault, self._deed, self._manifest = vault, deed, manifest
        self._serves, self._stop, self._told = serves, stop, told
        size = manifest.chunks[0].size if manifest else deed.chunk_size
        self._chunk_size = max(size, MINIMUM_PART)

    def footage(self) -> tuple[Verdict, list[Trouble], tuple[BadChunk, ...]]:
        """Read the whole footage; where something is wrong, once more, so that a slip on the way is no damage."""
        deed = self._deed
        seen = self._read_back()
        match seen.outcome:
            case Outcome.CORRECT:
                return seen, [], ()
            case Outcome.NO_DIGEST:
                raise RuleBroken(f"{deed.clip_id}: {seen.reason}")
            case Outcome.UNREADABLE:
                bad = self._asked_one_by_one(seen.reason)
                return seen, [Trouble(FOOTAGE, Kind.UNREADABLE, f"cannot be read: {seen.reason}")], bad
        if not seen.compared:
            return seen, [Trouble(FOOTAGE, Kind.MISSING, seen.reason)], ()
        again = self._read_back()
        if (again.outcome, again.found_sha256) != (seen.outcome, seen.found_sha256):
            raise StoreAway(f"{deed.clip_id} reads differently each time: {seen.reason}; then: {again.reason}")
        bad = tuple(_differing(self._manifest.chunks, seen.chunks)) if self._manifest else ()
        return seen, [Trouble(FOOTAGE, Kind.DIFFERS, seen.reason)], bad

    def _read_back(self) -> Verdict:
        deed = self._deed
        return read_back(
            self._vault,
            deed.keys.footage,
            deed.version_id,
            size=deed.size,
            sha256=deed.sha256,
            chunk_size=self._chunk_size,
            stop=self._stop,
            told=self._told,
        )

    def _asked_one_by_one(self, why: str) -> tuple[BadChunk, ...]:
        """The chunks that the store does not give, or gives otherwise, while it serves."""
        self._demand_service(why)
        bad: list[BadChunk] = []
        silent = 0
        for chunk in self._expected():
            try:
                found = self._chunk(chunk)
            except (StoreAway, DockGone) as error:
                self._demand_service(str(error))
                found, silent = None, silent + 1
            except (NotThere, NotAsWritten):
                found = None
            if found is None or chunk.crc64nvme not in ("", found):
                bad.append(BadChunk(chunk.number, chunk.offset, chunk.size, chunk.crc64nvme, found))
            if silent == MOST_SILENT:
                break
        if not bad:
            raise StoreAway(f"{self._deed.clip_id} broke off ({why}), and each of its chunks can be read")
        return tuple(bad)

    def _expected(self) -> Sequence[Chunk]:
        if self._manifest:
            return self._manifest.chunks
        return [Chunk(span.number, span.offset, span.size, "") for span in spans(self._deed.size, self._chunk_size)]

    def _chunk(self, chunk: Chunk) -> str:
        deed = self._deed
        reader = self._vault.get(deed.keys.footage, deed.version_id, offset=chunk.offset, length=chunk.size)
        fixity = measured(reader, chunk.size, self._chunk_size, stop=self._stop, told=self._told)
        return fixity.chunks[0].crc64nvme

    def _demand_service(self, why: str) -> None:
        if not self._serves():
            raise StoreAway(f"the store gives nothing now: {why}")

    def sidecar(self, version_id: str, proof: SidecarProof | None) -> list[Trouble]:
        """Read the sidecar and compare it with what the dock signed."""
        key = self._deed.keys.sidecar
        if proof is None:
            _, trouble = read_small(self._vault, key, version_id, SIDECAR, serves=self._serves, told=self._told)
            return [trouble] if trouble else []
        seen = read_back(
            self._vault,
            key,
            version_id,
            size=proof.size,
            sha256=proof.sha256,
            chunk_size=MINIMUM_PART,
            stop=self._stop,
            told=self._told,
        )
        match seen.outcome:
            case Outcome.CORRECT:
                return []
            case Outcome.UNREADABLE:
                self._demand_service(seen.reason)
                return [Trouble(SIDECAR, Kind.UNREADABLE, f"cannot be read: {seen.reason}")]
        return [Trouble(SIDECAR, Kind.DIFFERS if seen.compared else Kind.MISSING, seen.reason)]

    def lock(self) -> str:
        """What is weaker about the footage's lock or hold than it should be; nothing of what is gone."""
        head = self._vault.head(self._deed.keys.footage, self._deed.version_id)
        if head is None:
            return ""
        until = [datetime.fromisoformat(self._manifest.locked_until)] if self._manifest else []
        return weaker(
            head, max([*until, *([self._deed.lease_end] if self._deed.lease_end else [])], default=None), self._deed
        )


def weaker(head: ObjectHead, until: datetime | None, deed: Deed) -> str:
    """What the store's lock lacks: the end that was told, or the legal hold that the row has a reason for."""
    lacks = []
    lock = head.lock
    if until is not None and (
        lock.mode != "COMPLIANCE" or lock.until is None or lock.until < until.replace(microsecond=0)
    ):
        lacks.append(f"expected a COMPLIANCE lock until {until}, found {lock.mode or 'no lock'} until {lock.until}")
    if deed.held and not lock.legal_hold:
        lacks.append("expected a legal hold, found none")
    return "; ".join(lacks)


def _differing(expected: Sequence[Chunk], found: Sequence[Chunk]) -> list[BadChunk]:
    came = {chunk.number: chunk for chunk in found}
    return [
        BadChunk(chunk.number, chunk.offset, chunk.size, chunk.crc64nvme, there.crc64nvme if there else None)
        for chunk in expected
        if (there := came.get(chunk.number)) != chunk
    ]

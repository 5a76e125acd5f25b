"""What every vault asserts about a lock, built on `head` and `extend_lock` alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime

from workers.vault.faults import NotAsWritten
from workers.vault.values import ObjectHead, Version
from workers.vault.wire import whole_second


class Locking(ABC):
    """Mixed into the vaults: one meaning of "locked" for the real one and for the fake."""

    @abstractmethod
    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        """See Vault."""

    @abstractmethod
    def extend_lock(self, version: Version, until: datetime) -> None:
        """See Vault."""

    def assert_locked(self, version: Version, size: int, until: datetime) -> ObjectHead:
        """See Vault."""
        head = self._present(version, size)
        if not _covers(head, until):
            raise NotAsWritten(
                f"{version.key} version {version.version_id}: expected a COMPLIANCE lock until {until}, "
                f"found {head.lock.mode or 'no lock'} until {head.lock.until}. "
                "The store does not keep locks: run bwv store-check"
            )
        return head

    def ensure_locked(self, version: Version, size: int, until: datetime) -> ObjectHead:
        """See Vault."""
        if _covers(head := self._present(version, size), until):
            return head
        self.extend_lock(version, until)
        return self.assert_locked(version, size, until)

    def _present(self, version: Version, size: int) -> ObjectHead:
        head = self.head(version.key, version.version_id)
        if head is None:
            raise NotAsWritten(f"{version.key} version {version.version_id} was acknowledged and is not there")
        if head.size != size:
            raise NotAsWritten(f"{version.key} version {version.version_id}: expected {size} bytes, found {head.size}")
        return head


def _covers(head: ObjectHead, until: datetime) -> bool:
    lock = head.lock
    # A store keeps whole seconds, so the date that was asked for is compared rounded as it was sent.
    return lock.mode == "COMPLIANCE" and lock.until is not None and lock.until >= whole_second(until)

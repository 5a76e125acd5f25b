"""What reading a clip again has shown: in what condition it lies in the vault, and where it is wrong."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from workers.footage.deed import Kind, Trouble


class Condition(StrEnum):
    """In what condition a clip lies in the vault."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MISSING = "missing"


class BadChunk(Struct, frozen=True):
    """A chunk of the footage that is not what the manifest says.

    Attributes:
        number, offset, size: as in the manifest; bytes.
        expected: its CRC64NVME, hex; empty where the manifest cannot be used.
        found: of what came; None where nothing did.
    """

    number: int
    offset: int
    size: int
    expected: str
    found: str | None


class Finding(Struct, frozen=True):
    """What reading a clip again has shown.

    Attributes:
        troubles: what is wrong, one for each of the three objects at most.
        chunks: where the footage is wrong, as far as that can be told.
        lock: what is weaker about lock or legal hold than it should be. The bytes may be whole all the same.
        bytes_read, seconds: what the reading cost.
    """

    size: int
    sha256: str
    found_size: int
    found_sha256: str | None
    troubles: tuple[Trouble, ...] = ()
    chunks: tuple[BadChunk, ...] = ()
    lock: str = ""
    bytes_read: int = 0
    seconds: float = 0.0

    @property
    def condition(self) -> Condition:
        """The worst of what was found."""
        if any(trouble.kind is Kind.MISSING for trouble in self.troubles):
            return Condition.MISSING
        return Condition.DAMAGED if self.troubles else Condition.WHOLE

    @property
    def certain(self) -> bool:
        """Whether something is wrong that a second reading later cannot put right."""
        return any(trouble.kind is not Kind.UNREADABLE for trouble in self.troubles)

    @property
    def reason(self) -> str:
        """What is wrong, for people; empty when the clip is whole."""
        where = ""
        if self.chunks:
            where = "; chunks " + ", ".join(
                f"{c.number} (bytes {c.offset} to {c.offset + c.size})" for c in self.chunks
            )
        return "; ".join(trouble.reason for trouble in self.troubles) + where

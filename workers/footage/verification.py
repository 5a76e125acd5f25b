"""Reading back: everything, by version id, on a new connection, with other credentials than the writer's.

What comes back is compared with what somebody *signed*, never with what another stage measured (safety.md I2).
There are four outcomes and no boolean: a comparison that did not happen must not look like one that passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from workers.errors import DockGone, StoreAway
from workers.failpoints import reach
from workers.footage.clip import SHA256_HEX
from workers.footage.manifest import Chunk
from workers.footage.passage import Told, measured
from workers.footage.source import SourceReader
from workers.vault.faults import NotThere
from workers.vault.vault import Vault

COMPARISONS = 2
"""Length and digest. A verdict of CORRECT that rests on fewer cannot be made."""


class Outcome(StrEnum):
    """What a read-back found."""

    CORRECT = "correct"
    MISMATCH = "mismatch"
    UNREADABLE = "could not read"
    NO_DIGEST = "no digest given"


class Verdict(Struct, frozen=True):
    """What a read-back found, and on how many comparisons it rests.

    Attributes:
        found_sha256: None where nothing could be read.
        seconds: that the reading took.
        chunks: as they were read, to be compared with the manifest's by whoever wants to know where it differs.
    """

    outcome: Outcome
    reason: str
    compared: int = 0
    found_size: int = 0
    found_sha256: str | None = None
    seconds: float = 0.0
    chunks: tuple[Chunk, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a good verdict without its comparisons."""
        if self.outcome is Outcome.CORRECT and self.compared != COMPARISONS:
            raise AssertionError(f"correct after {self.compared} comparisons; expected {COMPARISONS}")


def read_back(
    vault: Vault,
    key: str,
    version_id: str,
    *,
    size: int,
    sha256: str,
    chunk_size: int,
    stop: Callable[[], bool] = lambda: False,
    told: Told = lambda _: None,
) -> Verdict:
    """Read a version and compare it with its declaration.

    Args:
        vault: fresh: no connection that was used for writing, and the verification role's credentials.
        size, sha256: as signed.
        stop, told: as in Passage.

    Raises:
        Stopped: `stop` said so. Everything else is an outcome.
    """
    if not SHA256_HEX.fullmatch(sha256):
        return Verdict(Outcome.NO_DIGEST, f"the declaration of {key} carries no SHA-256: nothing to compare with")
    began = time.monotonic()
    try:
        reader = vault.get(key, version_id)
    except NotThere as error:
        return Verdict(Outcome.MISMATCH, f"missing: {error}")
    except StoreAway as error:
        return Verdict(Outcome.UNREADABLE, str(error))
    halfway = _Halfway(reader, reader.size)
    try:
        fixity = measured(halfway, reader.size, chunk_size, stop=stop, told=told)
    except (StoreAway, DockGone) as error:
        return Verdict(Outcome.UNREADABLE, str(error))
    compared, wrong = 0, []
    for what, expected, found in (("bytes", size, fixity.size), ("SHA-256", sha256, fixity.sha256)):
        compared += 1
        if expected != found:
            wrong.append(f"{what}: declared {expected}, read back {found}")
    return Verdict(
        Outcome.MISMATCH if wrong else Outcome.CORRECT,
        f"{key} version {version_id}: {'; '.join(wrong) or 'as declared'}",
        compared=compared,
        found_size=fixity.size,
        found_sha256=fixity.sha256,
        seconds=time.monotonic() - began,
        chunks=fixity.chunks,
    )


class _Halfway:
    """A reader that passes the failpoint in its middle."""

    def __init__(self, reader: SourceReader, size: int) -> None:
        self._reader = reader
        self._until = size // 2

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._reader.readinto(buffer)
        if self._until >= 0:
            self._until -= count
            if self._until < 0:
                reach("verification.mid_read")
        return count

    def close(self) -> None:
        self._reader.close()

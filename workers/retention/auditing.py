"""Checks what the log says of a finished disposal: who signed its certificate, and whether it fits its entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from workers.errors import BwvError
from workers.keys.signing import EnrolledKey, Role, Signed, as_it_signed, opened
from workers.keys.statements import PURPOSES
from workers.retention.questions import DisposedEntry
from workers.retention.statements import Disposed

DISPOSAL = "disposal"
"""The one service whose key signs certificates of disposal."""


class Checked(Struct, frozen=True):
    """A disposal as its certificate states it, and what is wrong with that.

    Attributes:
        index: of its custody entry.
        sealed: whether the entry stands below a signed checkpoint, so that anybody can check it.
        statement: None where it cannot be read.
        finding: one sentence; None when all is well.
    """

    index: int
    clip_id: str
    time: datetime
    sealed: bool
    statement: Disposed | None
    certificate: Signed | None
    finding: str | None = None


def check(entry: DisposedEntry, sealed: int, keys: Mapping[str, EnrolledKey]) -> Checked:
    """Check one disposal.

    Args:
        sealed: entries below the newest signed checkpoint.
        keys: of the services, by id.
    """
    statement, finding = _opened(entry, keys)
    finding = finding or (_misfit(entry, statement) if statement else None)
    return Checked(entry.index, entry.clip_id, entry.time, entry.index < sealed, statement, entry.certificate, finding)


def _opened(entry: DisposedEntry, keys: Mapping[str, EnrolledKey]) -> tuple[Disposed | None, str | None]:
    if entry.certificate is None:
        return None, "its entry carries no certificate that can be read"
    try:
        statement = opened(PURPOSES[Disposed], entry.certificate, Disposed, role=Role.SERVICE,
                           find=lambda key: as_it_signed(keys.get(key)))  # fmt: skip
    except BwvError as error:
        return None, f"its certificate: {error}"
    owner = keys[entry.certificate.key].owner
    return statement, None if owner == DISPOSAL else f"its certificate is signed by the service {owner}"


def _misfit(entry: DisposedEntry, statement: Disposed) -> str | None:
    """What the statement says against its entry or against itself."""
    steps = [datetime.fromisoformat(at) for at in (statement.intended_at, statement.committed_at, statement.gone_at)]
    if statement.clip_id != entry.clip_id:
        return f"its certificate is about {statement.clip_id}"
    if steps != sorted(steps):
        return "intended, committed and gone are not in this order"
    if not statement.versions:
        return "its certificate names nothing that was deleted"
    return None

"""Bytes that are not the declared ones, or that come under a taken name: kept apart, complete, locked, visible.

They lie under `quarantine/<clip_id>/` with their sidecar and a manifest of what they really are. A person
decides; until then the recording stays on the camera.
"""

from __future__ import annotations

from msgspec import Struct

from workers.errors import AlreadyThere, RuleBroken, StoreAway
from workers.failpoints import reach
from workers.footage.conclusion import conclude_apart
from workers.footage.deposit import Deposited, Means, deposit, dropped, lying
from workers.footage.order import Order
from workers.footage.passage import Fixity
from workers.footage.source import Source

SURPLUS = 1 << 30
"""Bytes beyond twice the declared size that are still kept; a source that offers more is refused."""


class Quarantined(Struct, frozen=True):
    """What was set apart, and why."""

    reason: str
    expected_size: int
    expected_sha256: str
    found_size: int
    found_sha256: str
    key: str
    version_id: str


class MatchesAfterAll(Exception):
    """This reading gave the declared bytes. Never leaves the package."""


def set_apart(
    order: Order, source: Source, sidecar: bytes, means: Means, reason: str, *, whatever: bool = False
) -> Quarantined:
    """Read everything once more, into the quarantine.

    Args:
        whatever: keep it apart even if it is what was declared.

    Raises:
        MatchesAfterAll: it is what was declared; nothing was set apart.
        RuleBroken: the source offers far more than was declared.
    """
    key = order.apart.footage
    try:
        stored = deposit(key, source, means, _Apart(order, whatever), media_type=order.media_type)
    except MatchesAfterAll:
        dropped(key, means)
        raise
    except AlreadyThere:
        stored = _lying(key, means)
    conclude_apart(order, stored, sidecar, means)
    for begun in (order.keys.footage, key):
        dropped(begun, means)
    reach("transfer.after_quarantine")
    return Quarantined(
        reason=reason,
        expected_size=order.size,
        expected_sha256=order.sha256,
        found_size=stored.fixity.size,
        found_sha256=stored.fixity.sha256,
        key=key,
        version_id=stored.version.version_id,
    )


class _Apart:
    """Lets everything into the quarantine but what was declared after all."""

    def __init__(self, order: Order, whatever: bool) -> None:
        self._order = order
        self._whatever = whatever

    def size(self, size: int) -> None:
        if size > 2 * self._order.size + SURPLUS:
            raise RuleBroken(
                f"{self._order.clip_id}: declared {self._order.size} bytes and the source offers {size}: "
                "refused; look at the camera"
            )

    def all_read(self, fixity: Fixity) -> None:
        declared = (self._order.size, self._order.sha256)
        if not self._whatever and (fixity.size, fixity.sha256) == declared:
            raise MatchesAfterAll


def _lying(key: str, means: Means) -> Deposited:
    # A try before a crash set other bytes apart, or these. What lies there is what is told.
    found = lying(key, means)
    if found is None:
        raise StoreAway(f"{key} was refused as taken, and nothing lies there")
    return found

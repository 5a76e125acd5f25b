"""From a source into the vault: footage, its lock, the sidecar, and the manifest last.

    secure(order, source, means)
        the bytes that were declared       → Secured: footage locked and looked at, manifest written
        other bytes, in two full readings  → Quarantined: what was read lies apart, complete and locked
        the name is taken by other bytes   → Quarantined, whatever the digest

The order of effects is safety.md §2: store chunks → compare with the declaration → complete → lock → sidecar →
manifest. A crash anywhere is repaired by doing it again: every write is put-if-absent, and what is found in the
way is read and compared. The same bytes are taken as our own; other bytes end this attempt (AlreadyThere), and
the stage opens the next one under keys of its own.
"""

from __future__ import annotations

from typing import NoReturn

from workers.errors import AlreadyThere, DockGone, FootageDiffers, StoreAway
from workers.failpoints import reach
from workers.footage.canonical import sha256_hex
from workers.footage.conclusion import Secured, conclude, concluded_earlier, demand_declared
from workers.footage.deposit import Deposited, Means, deposit, dropped, lying
from workers.footage.order import Order
from workers.footage.passage import Fixity
from workers.footage.quarantine import MatchesAfterAll, Quarantined, set_apart
from workers.footage.source import Source

ROUNDS = 2
"""How often a recording whose readings differ from one another is tried before its dock is given up."""


def secure(order: Order, source: Source, means: Means) -> Secured | Quarantined:
    """Bring a recording into the vault; may be repeated at any time, from any process.

    Raises:
        AlreadyThere: other bytes lie under this attempt's keys.
        DockGone, DockBusy: of the source, unless everything lies in the vault already.
        StoreAway, DatabaseAway: what was sent stays for the next try.
        Stopped: `means.stop` said so.
        RuleBroken: far more bytes than were declared, or more than fit into one object.
    """
    long = order.size > means.buffers.size
    if order.conflict_with is None and long and (earlier := concluded_earlier(order, means)) is not None:
        dropped(order.keys.footage, means)
        return earlier
    reach("transfer.before_first_byte")
    try:
        outcome = _secured(order, source, means)
    except DockGone:
        # A crash may have left everything in the vault before the camera was taken out.
        if order.conflict_with is not None or (found := concluded_earlier(order, means)) is None:
            raise
        outcome = found
    except AlreadyThere:
        if long:
            dropped(order.keys.footage, means)  # the next attempt has keys of its own
        raise
    if long and isinstance(outcome, Secured):
        dropped(order.keys.footage, means)
    return outcome


def _secured(order: Order, source: Source, means: Means) -> Secured | Quarantined:
    sidecar, as_declared = _sidecar(order, source)
    if order.conflict_with is not None:
        reason = f"the name is taken by other bytes: clip {order.conflict_with}"
        return set_apart(order, source, sidecar, means, reason, whatever=True)
    if not as_declared:
        return set_apart(order, source, sidecar, means, "the sidecar is not the declared one", whatever=True)
    for _ in range(ROUNDS):
        try:
            return conclude(order, _stored(order, source, means), sidecar, means)
        except FootageDiffers as differs:
            try:
                return set_apart(order, source, sidecar, means, _difference(differs))
            except MatchesAfterAll:
                continue
    raise DockGone("the recording reads differently each time; the dock reports it again")


def _stored(order: Order, source: Source, means: Means) -> Deposited:
    """The declared bytes under this attempt's key: put there now, or found there and compared."""
    key = order.keys.footage
    if order.size > means.buffers.size and (found := lying(key, means)) is not None:
        demand_declared(order, found)
        return found
    try:
        return deposit(key, source, means, _AsDeclared(order), media_type=order.media_type)
    except AlreadyThere:
        found = lying(key, means)
        if found is None:
            raise StoreAway(f"{key} was refused as taken, and nothing lies there") from None
        demand_declared(order, found)
        return found


class _AsDeclared:
    """Lets only the declared bytes under a clip's key."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def size(self, size: int) -> None:
        if size != self._order.size:
            self._refuse(size, "")

    def all_read(self, fixity: Fixity) -> None:
        if (fixity.size, fixity.sha256) != (self._order.size, self._order.sha256):
            self._refuse(fixity.size, fixity.sha256)

    def _refuse(self, size: int, sha256: str) -> NoReturn:
        declared = self._order
        raise FootageDiffers(
            f"declared {declared.size} bytes, SHA-256 {declared.sha256}; "
            f"found {size} bytes{f', SHA-256 {sha256}' if sha256 else ''}",
            expected=(declared.sha256, declared.size),
            found=(sha256, size),
        )


def _difference(differs: FootageDiffers) -> str:
    """For a list that people read; both digests stand beside it."""
    (_, declared), (_, found) = differs.expected, differs.found
    if found != declared:
        return f"its length is not the declared one: {declared:,} bytes declared, {found:,} found"
    return "its bytes are not the declared ones"


def _sidecar(order: Order, source: Source) -> tuple[bytes, bool]:
    """The sidecar, and whether it is the declared one; a wrong one is read twice."""
    sidecar = source.sidecar()
    if order.sidecar_sha256 is None or sha256_hex(sidecar) == order.sidecar_sha256:
        return sidecar, True
    sidecar = source.sidecar()
    return sidecar, sha256_hex(sidecar) == order.sidecar_sha256

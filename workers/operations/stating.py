"""Makes the statement of an outcome: sums, named differences, and the custody log as it stands."""

from __future__ import annotations

from datetime import datetime

from workers.custody.queries import newest_seal
from workers.custody.tree import load_edge
from workers.database.engine import Database, fetch
from workers.errors import TileInvalid
from workers.keys.statements import now_iso
from workers.operations.reconcile import Outcome
from workers.operations.scope import Scope
from workers.operations.statement import LISTED, CustodyHead, Looked, Reconciliation, sentence


async def custody_head(database: Database) -> CustodyHead:
    """Size and root of the custody log now, and its newest sealed checkpoint."""
    async with database.transaction() as connection:
        size = (await fetch(connection, "SELECT size FROM custody_head"))[0]["size"]
        try:
            root = (await load_edge(connection, size)).root().hex()
        except TileInvalid:
            root = None  # bwv custody verify says what is wrong with the tree
    sealed = await newest_seal(database)
    return CustodyHead(size, root, sealed.checkpoint if sealed else None)


def stated(
    outcome: Outcome,
    scope: Scope,
    *,
    namespace: str,
    store: str,
    by: str,
    now: datetime,
    looked: Looked,
    head: CustodyHead,
) -> Reconciliation:
    """The statement, ready to be signed."""
    totals = outcome.totals
    return Reconciliation(
        namespace=namespace,
        store=store,
        day=scope.day.isoformat() if scope.day else None,
        dock=scope.dock,
        stated_at=now_iso(now),
        by=by,
        sentence=sentence(totals.declared.files, totals.stored.files, totals.verified.files, len(outcome.differences)),
        declared=totals.declared,
        stored=totals.stored,
        verified=totals.verified,
        wiped=totals.wiped,
        lines=totals.lines(),
        quarantined=tuple(totals.quarantined),
        unexplained=len(outcome.differences),
        differences=outcome.differences[:LISTED],
        in_flight=outcome.in_flight[:LISTED],
        looked=looked,
        custody=head,
    )

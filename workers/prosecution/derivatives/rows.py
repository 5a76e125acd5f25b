"""What was made from clips, or cannot be made: the table `derivatives`, written by derivation alone."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.keys.signing import Signed
from workers.prosecution.derivatives.keeping import Kept
from workers.prosecution.statements import DerivativeOrder, Lineage

MADE, FAILED = "made", "failed"


class Derivative(Struct, frozen=True):
    """A row.

    Attributes:
        state: made or failed.
        lineage: as it was signed, where it was made.
        reason, action: why it cannot be made, and what a person can do.
    """

    derivative_id: str
    clip_id: str
    kind: str
    state: str
    sha256: str | None
    size: int | None
    media_type: str | None
    key: str | None
    version_id: str | None
    lineage: Signed | None
    reason: str | None
    action: str | None
    requested_by: str
    at: datetime

    def stated(self) -> Lineage | None:
        """What the lineage says; its signature is not looked at."""
        return msgspec.json.decode(self.lineage.body, type=Lineage) if self.lineage is not None else None


COLUMNS = ", ".join(Derivative.__struct_fields__)


async def find_derivative(database: Database, derivative_id: str) -> Derivative | None:
    """The derivative's row; None: nobody has made it, or tried to."""
    async with database.connection() as connection:
        return await find_on(connection, derivative_id)


async def derivatives_of(database: Database, clip_id: str) -> list[Derivative]:
    """All of a clip's, newest first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM derivatives WHERE clip_id = %s ORDER BY at DESC, derivative_id", (clip_id,)
    )
    return [msgspec.convert(row, Derivative) for row in rows]


async def find_on(connection: Connection, derivative_id: str) -> Derivative | None:
    """The same on this connection."""
    rows = await fetch(connection, f"SELECT {COLUMNS} FROM derivatives WHERE derivative_id = %s", (derivative_id,))
    return msgspec.convert(rows[0], Derivative) if rows else None


async def enter_made(connection: Connection, lineage: Lineage, kept: Kept, by: str) -> None:
    """It was made; what failed before is forgotten."""
    await _enter(
        connection,
        lineage.derivative_id,
        (lineage.clip_id, lineage.kind.value, MADE, lineage.sha256, lineage.size, lineage.media_type, kept.key,
         kept.version_id, msgspec.json.encode(kept.lineage).decode(), None, None, by),
    )  # fmt: skip


async def enter_failed(connection: Connection, order: DerivativeOrder, reason: str, action: str) -> None:
    """It cannot be made; what was made stays as it is."""
    await _enter(
        connection,
        order.derivative_id,
        (order.clip_id, order.kind.value, FAILED, None, None, None, None, None, None, reason, action, order.by),
    )


async def _enter(connection: Connection, derivative_id: str, values: tuple[object, ...]) -> None:
    names = COLUMNS.removeprefix("derivative_id, ").removesuffix(", at").split(", ")
    await execute(
        connection,
        f"INSERT INTO derivatives (derivative_id, {', '.join(names)})"
        f" VALUES (%s, {', '.join(['%s'] * len(names))}) ON CONFLICT (derivative_id) DO UPDATE SET"
        f" {', '.join(f'{name} = EXCLUDED.{name}' for name in names)}, at = now()"
        " WHERE derivatives.state <> 'made'",
        (derivative_id, *values),
    )

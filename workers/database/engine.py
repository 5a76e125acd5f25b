"""PostgreSQL: the one place that knows the driver.

A process has one `Database`: a small pool whose connections see only the namespace's schema. Faults of the
connection become DatabaseAway, so that a stage waits; anything else is a defect and ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from workers.errors import DatabaseAway

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]
Parameters = Mapping[str, Any] | Sequence[Any]

IDLE_MOST = 10
"""Seconds that a transaction may rest between two statements: the server then ends it and frees its rows, so that
a process that was put to sleep in the middle holds up nobody. When it wakes, it finds DatabaseAway."""

NO_TABLES = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
"""The schema was dropped or is being rebuilt: whoever needs it waits, as for a server that is down."""

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    *NO_TABLES,
)


class Database:
    """A pool of connections to one namespace's schema.

    Args:
        dsn: libpq connection string; the password comes from a passfile.
        schema: the namespace; every statement sees this schema alone.
        size: most connections that this process opens.
        wait: seconds to wait for a connection before DatabaseAway.
    """

    def __init__(self, dsn: str, schema: str, *, size: int = 4, wait: float = 5.0) -> None:
        self.schema = schema
        self.dsn = dsn
        self._wait = wait
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size,
            open=False,
            timeout=wait,
            reconnect_timeout=30,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,
                "options": f"-c search_path={schema} -c idle_in_transaction_session_timeout={IDLE_MOST}s",
                "connect_timeout": max(2, int(wait)),
                # A server that vanished without a word is noticed instead of waited for.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
            },
        )

    async def open(self) -> Self:
        """Open the pool and prove that the server answers; raises DatabaseAway."""
        await self._pool.open()
        try:
            await self._pool.wait(timeout=self._wait)
        except PoolTimeout as error:
            await self._pool.close()
            raise DatabaseAway(f"PostgreSQL does not answer within {self._wait:g} s") from error
        return self

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode; connection faults come out as DatabaseAway."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (*AWAY, PoolTimeout) as error:
            raise DatabaseAway(f"PostgreSQL does not answer: {str(error).strip() or type(error).__name__}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        """Run one statement and return its rows."""
        async with self.connection() as connection:
            return await fetch(connection, statement, parameters)

    async def fetch_one(self, statement: str, parameters: Parameters = ()) -> Row | None:
        """Run one statement and return its first row, if any."""
        rows = await self.fetch(statement, parameters)
        return rows[0] if rows else None

    async def execute(self, statement: str, parameters: Parameters = ()) -> int:
        """Run one statement in a transaction of its own and return how many rows it touched."""
        async with self.connection() as connection:
            return await execute(connection, statement, parameters)

    async def notifications(self, channel: str, *, wake_every: float) -> AsyncIterator[None]:
        """Yield once at the start, at each NOTIFY on `channel`, and at least every `wake_every` seconds.

        Uses a connection of its own. Raises DatabaseAway when it breaks; the caller starts again.
        """
        try:
            connection = await AsyncConnection.connect(self.dsn, autocommit=True, connect_timeout=5)
            async with connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield None
                while True:
                    async for _ in connection.notifies(timeout=wake_every, stop_after=1):
                        pass
                    yield None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseAway(f"PostgreSQL does not answer: {str(error).strip()}") from error


async def fetch(connection: Connection, statement: str, parameters: Parameters = ()) -> list[Row]:
    """Run one statement on `connection` and return its rows."""
    cursor = await connection.execute(statement.encode(), parameters)
    return await cursor.fetchall()


async def fetch_plain(connection: Connection, statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """The same, each row a tuple: for questions with a million answers."""
    cursor = connection.cursor(row_factory=tuple_row)
    return await (await cursor.execute(statement.encode(), parameters)).fetchall()


async def execute(connection: Connection, statement: str, parameters: Parameters = ()) -> int:
    """Run one statement on `connection` and return how many rows it touched."""
    cursor = await connection.execute(statement.encode(), parameters)
    return cursor.rowcount


async def wait_until_answering(dsn: str, *, deadline: float) -> None:
    """Return when PostgreSQL answers; raise DatabaseAway after `deadline` seconds."""
    end = asyncio.get_running_loop().time() + deadline
    while True:
        try:
            async with await AsyncConnection.connect(dsn, connect_timeout=2):
                return
        except psycopg.OperationalError as error:
            if asyncio.get_running_loop().time() >= end:
                raise DatabaseAway(f"PostgreSQL does not answer: {str(error).strip()}") from error
            await asyncio.sleep(0.1)

"""Schemas for tests: one that a test has left as it was made is emptied and renamed for the next, and no other is.

Making one costs 0.4 CPU seconds, emptying one a few hundredths, and hundreds of tests ask for one.
"""

from __future__ import annotations

import itertools
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)

_CATALOGUE: LiteralString = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT 'class ' || c.oid || ' ' || c.xmin AS line FROM pg_class c WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'column ' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'default ' || d.oid || ' ' || d.xmin FROM pg_attrdef d
        JOIN pg_class c ON c.oid = d.adrelid WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'index ' || i.indexrelid || ' ' || i.xmin FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'trigger ' || t.oid || ' ' || t.xmin FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'rule ' || r.oid || ' ' || r.xmin FROM pg_rewrite r
        JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'constraint ' || k.oid || ' ' || k.xmin FROM pg_constraint k
        WHERE k.connamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'function ' || p.oid || ' ' || p.xmin FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace(%(name)s)
    UNION ALL SELECT 'type ' || y.oid || ' ' || y.xmin FROM pg_type y WHERE y.typnamespace = to_regnamespace(%(name)s)
) AS lines
"""
"""Every definition in a schema and the transaction that wrote it: the same again means that nobody altered any."""


class Schemas:
    """The schemas of one server. Each has a name that no schema had before, since stores and topics know it too."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._made: dict[str, str | None] = {}
        self._left: list[str] = []
        self._first: dict[str, Any] | None = None

    def take(self) -> str:
        """A schema as the migrations leave it."""
        name = f"test{next(_NUMBERS)}"
        if not (self._left and self._renamed(self._left.pop(), name)):
            upgrade(self._dsn, name)
            with psycopg.connect(self._dsn) as connection:
                self._first = self._first or _rows(connection, name)  # what the migrations inserted
                self._made[name] = _catalogue(connection, name)
        return name

    def leave(self, name: str) -> None:
        """The test is over."""
        self._left.append(name)

    def _renamed(self, old: str, name: str) -> bool:
        try:
            with psycopg.connect(self._dsn) as connection:
                connection.execute("SET LOCAL lock_timeout = '1s'")  # somebody may have left a transaction open
                if _catalogue(connection, old) != self._made.pop(old):
                    return False
                connection.execute(
                    sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(name))
                )
                self._empty(connection, name)
                self._made[name] = _catalogue(connection, name)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            return False
        return True

    def _empty(self, connection: psycopg.Connection, name: str) -> None:
        filled = [table for table, rows in _rows(connection, name, most=1).items() if rows]
        for table in filled:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(name, table)))
        for table, rows in (self._first or {}).items():
            if rows:
                at = sql.Identifier(name, table)
                query = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_recordset(NULL::{}, %s)").format(at, at)
                connection.execute(query, (Jsonb(rows),))
        connection.execute(
            "SELECT setval(c.oid, s.seqstart, false) FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid"
            " WHERE c.relnamespace = to_regnamespace(%s)",
            (name,),
        )


def _catalogue(connection: psycopg.Connection, name: str) -> str | None:
    row = connection.execute(_CATALOGUE, {"name": name}).fetchone()
    return row[0] if row else None


def _rows(connection: psycopg.Connection, name: str, most: int | None = None) -> dict[str, Any]:
    """Each table with its rows, or the first of them."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (name,)).fetchall()
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, (SELECT jsonb_agg(to_jsonb(t)) FROM (SELECT * FROM {} LIMIT {}) t)").format(
            sql.Literal(table), sql.Identifier(name, table), sql.Literal(most)
        )
        for (table,) in tables
    )
    return {table: rows or [] for table, rows in connection.execute(query).fetchall()}

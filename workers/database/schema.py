"""Creates and upgrades a namespace's schema with Alembic, under a lock so that two starts do not collide."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.pool import NullPool

from workers.errors import DatabaseAway, RuleBroken


def upgrade(dsn: str, schema: str) -> None:
    """Bring `schema` to the newest version; safe to call at every start and from several processes.

    Args:
        dsn: libpq connection string.
        schema: the namespace; created if it is not there.
    """
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    try:
        with engine.begin() as connection:
            connection.execute(
                sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(schema.encode())}
            )
            connection.execute(sqlalchemy.text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
            connection.execute(sqlalchemy.text(f'SET LOCAL search_path TO "{schema}"'))
            config.attributes["connection"] = connection
            config.attributes["schema"] = schema
            command.upgrade(config, "head")
    except sqlalchemy.exc.OperationalError as error:
        raise DatabaseAway(f"PostgreSQL does not answer: {error.orig}") from error
    finally:
        engine.dispose()


def replace_schema(dsn: str, fresh: str, schema: str, *, sealed: int) -> str | None:
    """Put `fresh` in the place of `schema`, in one transaction; returns the name that the old one has now.

    Whoever writes to the old one meanwhile ends first: each of its tables is locked before it is moved away.

    Args:
        sealed: size of the newest seal that `fresh` knows.

    Raises:
        RuleBroken: the old one has decided a newer seal, which `fresh` would contradict; nothing was changed.
    """
    kept = f"{schema}_before_{datetime.now(UTC):%Y%m%d%H%M%S}"
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,)
        ).fetchall()
        for (table,) in tables:
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(schema, table)))
        there = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
        if ("custody_seals",) in tables:
            seals = sql.SQL("SELECT COALESCE(max(size), 0) FROM {}").format(sql.Identifier(schema, "custody_seals"))
            newest = (connection.execute(seals).fetchone() or (0,))[0]
            if newest > sealed:
                raise RuleBroken(
                    f"record sealed {newest} entries of the present log while {sealed} were read from the vault; stop "
                    "record (bwv status names it) and begin again"
                )
        rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
        if there is not None:
            connection.execute(rename.format(sql.Identifier(schema), sql.Identifier(kept)))
        connection.execute(rename.format(sql.Identifier(fresh), sql.Identifier(schema)))
    return kept if there is not None else None


def drop_schema(dsn: str, schema: str) -> None:
    """Remove a schema and all that is in it, if it is there."""
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))

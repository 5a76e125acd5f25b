"""Creates and upgrades a namespace's schema with Alembic, under a lock so that two starts do not collide."""

from __future__ import annotations

import zlib
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from workers.errors import DatabaseAway


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

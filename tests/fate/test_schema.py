"""The schema is made once, whoever starts first and however many start together."""

from __future__ import annotations

import subprocess
import sys

import psycopg

from tests.fate.rows import insert
from workers.database.engine import Database
from workers.database.schema import upgrade

UPGRADE = "import sys; from workers.database.schema import upgrade; upgrade(sys.argv[1], sys.argv[2])"


def tables(dsn: str, schema: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", (schema,)
        )
        return [row[0] for row in rows]


async def test_an_upgrade_that_is_repeated_changes_nothing(dsn: str, schema: str, database: Database) -> None:
    before = tables(dsn, schema)
    async with database.connection() as connection:
        row = await insert(connection, {})
    upgrade(dsn, schema)
    assert tables(dsn, schema) == before
    assert {"clip_fate", "outbox", "custody", "alembic_version"} <= set(before)
    assert len(await database.fetch("SELECT 1 FROM clip_fate WHERE clip_id = %s", (row.clip_id,))) == 1


def test_processes_that_upgrade_at_once_do_not_collide(dsn: str) -> None:
    for trial in range(2):
        schema = f"at_once{trial}"
        processes = [
            subprocess.Popen([sys.executable, "-c", UPGRADE, dsn, schema], stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=120)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        with psycopg.connect(dsn) as connection:
            versions = connection.execute(f"SELECT count(*) FROM {schema}.alembic_version").fetchone()
        assert versions == (1,)
        assert "clip_fate" in tables(dsn, schema)


def test_one_namespace_does_not_see_another(dsn: str) -> None:
    for schema in ("force_a", "force_b"):
        upgrade(dsn, schema)
    assert tables(dsn, "force_a") == tables(dsn, "force_b")
    with psycopg.connect(dsn, options="-c search_path=force_a") as connection:
        connection.execute("INSERT INTO open_uploads (key, upload_id, clip_id, attempt) VALUES ('', '', '', 1)")
    with psycopg.connect(dsn, options="-c search_path=force_b") as connection:
        assert connection.execute("SELECT count(*) FROM open_uploads").fetchone() == (0,)

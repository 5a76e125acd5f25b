"""The database is dropped while docks go on, and made again from the vault, Kafka and what the store holds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import psycopg
import pytest

from tests.pipeline.pipeline import Pipeline
from tests.pipeline.test_custody import sealed, sealed_clip
from workers.vault.keys import attempt_keys

pytestmark = pytest.mark.stack

MOST_DEADLOCKS = 20

PROJECTED = ("clips", "rejections", "camera_holders", "attributions", "gaps", "reconciliations")
OWNED = {
    "clip_fate": "clip_id, camera, recording, standing, attempt, urgent, docking, stored_version, verified_version,"
    " receipt, camera_copy, quarantine, decision, declaration, conflict_with, disposal",
    "enrolled_keys": "id, role, owner, public, enrolled_at, enrolled_by, revoked_at, revoked_by, reason",
    "dockings": "*",
    "declared": "*",
    "cases": "case_id, urn, version, opened_at, body",
    "submissions": "submission_id, state, attempt, ordered, items, manifest, manifest_sha256, prepared_at, sent_at",
}


async def tables(system: Pipeline) -> dict[str, list[str]]:
    """Every projected table and what can be said of the owned ones, row by row."""
    columns = dict.fromkeys(PROJECTED, "*") | OWNED
    found = {}
    for name, some in columns.items():
        rows = await system.sql(f"SELECT {some} FROM {name}")
        found[name] = sorted(msgspec.json.encode(row).decode() for row in rows)
    return found


async def at_rest(system: Pipeline) -> None:
    """Wait until no row moves any more and everything that was told is on record and sealed."""
    seen: list[Any] = []

    async def quiet() -> bool:
        rows = await system.sql(
            "SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS unsent, (SELECT size FROM custody_head),"
            " (SELECT max(moved_at) FROM clip_fate), now() - (SELECT max(moved_at) FROM clip_fate) > '3 s' AS rests"
        )
        seen.append((rows[0]["unsent"], rows[0]["size"], rows[0]["max"]))
        # A dock repeats itself every half second, so a dozen equal looks see every repeat.
        return rows[0]["rests"] and rows[0]["unsent"] == 0 and len(set(seen[-12:])) == 1 and len(seen) >= 12

    await system.until(quiet, "the system to come to rest", 90)
    await sealed(system)


async def submitted(system: Pipeline) -> str:
    """A case of which nothing was recorded, and that told to the prosecutor; the submission's id."""
    urn, batch = "12RB0045626", system.home / "rebuild.csv"
    batch.write_text(f"urn,purpose,not_recorded\n{urn},charging,the battery was flat\n")
    await system.done("case", "open", urn, "--title", "R v Doe", "--officer", "PC 100")
    await system.done("submit", str(batch))

    async def prepared() -> Any:
        return await system.sql("SELECT submission_id FROM submissions WHERE urn = %s AND state = 'prepared'", urn)

    [row] = await system.some(prepared, "the submission to be prepared")
    return str(row["submission_id"])


async def test_a_dropped_database_is_made_again_while_docks_go_on(system: Pipeline) -> None:
    held = await sealed_clip(system, "REB-0001", "BAY-REB-1")
    submission = await submitted(system)
    await at_rest(system)
    [fate] = await system.sql("SELECT * FROM clip_fate WHERE clip_id = %s", held)
    footage = attempt_keys(system.settings.namespace, held, fate["attempt"]).footage
    holds = system.vault("holds")
    head = await asyncio.to_thread(holds.head, footage, fate["verified_version"])
    assert head is not None
    await asyncio.to_thread(holds.set_legal_hold, head.version, True)
    # The store's legal hold stays on a clip whose hold was lifted; a hold that stands comes back from the log.
    [counted] = await system.sql(
        "SELECT count(*) AS n FROM clip_fate f WHERE NOT held AND clip_id <> %s AND EXISTS"
        " (SELECT FROM hold_clips k WHERE k.clip_id = f.clip_id AND k.state = 'lifted')",
        held,
    )
    of_holds = counted["n"]
    before = await tables(system)
    log = await system.sql("SELECT index, leaf FROM custody ORDER BY index")
    assert all(before[name] for name in ("clips", "clip_fate", "enrolled_keys", "dockings", "declared"))

    await system.enrol("REB-0002")
    drop_all(system)
    new = system.filled("REB-0002", [40_000, 50_000])
    system.dock(new, "BAY-REB-2")  # a dock knows nothing of databases

    said = (await system.done("rebuild", "--json")).json
    assert said["sealed"] >= len(log) and said["clips"] == len(before["clip_fate"])
    assert said["by_vault"] == {"held": 1 + of_holds, "disposed": said["by_vault"]["disposed"], "missing": 0}

    assert said["submissions"] == len(before["submissions"]) and said["passed_over"] == []
    shown = (await system.done("submissions", "show", submission, "--json")).json
    assert (shown["state"], shown["attempt"]) == ("prepared", 0)

    assert set((await system.settled(new)).values()) == {"wiped"}
    after = await tables(system)
    for name, rows in before.items():
        assert lost(rows, after[name]) == [], f"{name} is not as it was"
    again = await system.sql("SELECT index, leaf FROM custody ORDER BY index")
    assert again[: len(log)] == log and len(again) > len(log)
    [row] = await system.sql("SELECT hold_reasons FROM clip_fate WHERE clip_id = %s", held)
    [entry] = row["hold_reasons"]
    assert entry.startswith("restored/hold-"), "any sign of a hold is a hold"
    [hold] = await system.sql("SELECT * FROM holds WHERE hold_id = %s", entry.removeprefix("restored/"))
    assert (hold["scope"], hold["clip_id"], hold["placed_by"]) == ("clip", held, "rebuild"), "two people can lift it"
    rebuilt = await system.sql("SELECT green_at FROM rebuilds")
    assert {line["green_at"] for line in rebuilt} == {None}, "nothing is disposed of before a reconciliation is green"
    await at_rest(system)
    assert (await system.done("custody", "verify", "--json")).json["findings"] == []
    await asyncio.to_thread(holds.set_legal_hold, head.version, False)


def drop_all(system: Pipeline) -> None:
    """Drop every table under the stages, which go on asking: the database may have to choose between them and us."""
    with psycopg.connect(system.settings.database, autocommit=True) as connection:
        for _ in range(MOST_DEADLOCKS):
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                connection.execute(f"DROP SCHEMA {system.settings.namespace} CASCADE")
                return
    pytest.fail(f"{MOST_DEADLOCKS} deadlocks, one after the other")


def lost(before: list[str], after: list[str]) -> list[Any]:
    return sorted(set(before) - set(after))[:3]

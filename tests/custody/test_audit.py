"""Whatever is changed behind the log's back is found: changed = found."""

from __future__ import annotations

import random
from pathlib import Path

import psycopg
import pytest

from tests.custody.logs import ORIGIN, Sealed, grow, messages
from workers.custody.audit import Audit, audit
from workers.custody.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from workers.custody.tiles import Edge
from workers.custody.witness import publish, read_witness
from workers.database.engine import Database
from workers.errors import LogForked

pytestmark = pytest.mark.stack

SIZE = 600

CHANGES = {
    "an entry's text": "UPDATE custody SET entry = replace(entry, 'evt-77', 'evt-78') WHERE index = 77",
    "a leaf": "UPDATE custody SET leaf = overlay(leaf PLACING '\\x00'::bytea FROM 3) WHERE index = 300",
    "a payload": "UPDATE custody SET payload = payload || '\\x20'::bytea WHERE index = 12",
    "a salt": "UPDATE custody SET salt = overlay(salt PLACING '\\xff00'::bytea FROM 3) WHERE index = 13",
    "whose clip it is": "UPDATE custody SET clip_id = 'clip-x' WHERE index = 21",
    "who it was": "UPDATE custody SET person = 'PC-1' WHERE index = 22",
    "a verb": "UPDATE custody SET verb = 'erasure' WHERE index = 23",
    "a tile": "UPDATE custody_tiles SET hashes = overlay(hashes PLACING '\\x0000'::bytea FROM 9) WHERE level = 1",
    "a tile gone": "DELETE FROM custody_tiles WHERE level = 0 AND number = 0",
    "a tile cut": "UPDATE custody_tiles SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND number = 2",
    "two entries swapped": "UPDATE custody SET index = CASE index WHEN 5 THEN 100006 WHEN 6 THEN 5 ELSE index END"
                           " WHERE index IN (5, 6); UPDATE custody SET index = 6 WHERE index = 100006",
    "the last entry gone": "DROP RULE custody_keeps_entries ON custody; DELETE FROM custody WHERE index = 599",
    "an entry gone": "DROP RULE custody_keeps_entries ON custody; DELETE FROM custody WHERE index = 200",
}  # fmt: skip


async def look(log: Sealed, size: int = SIZE) -> Audit:
    rows = await log.database.fetch("SELECT size, checkpoint FROM custody_seals ORDER BY size")
    known = [log.key.verifier]
    points = [("in the database", read_checkpoint(row["checkpoint"], known, ORIGIN)) for row in rows]
    points += [("in the vault", read_checkpoint(log.archive.note(n), known, ORIGIN)) for n in log.archive.sizes()]
    return await audit(log.database, size, [point for point in points if point[1].size <= size])


@pytest.fixture
async def log(database: Database) -> Sealed:
    made = Sealed(database)
    for start, count in ((0, 100), (100, 412), (512, 88)):
        await grow(database, messages(start, count))
        await made.seal()
    return made


async def test_a_log_that_is_as_it_was_written(log: Sealed) -> None:
    found = await look(log)
    assert (found.size, found.payloads, found.erased, found.checkpoints, found.findings) == (SIZE, SIZE, 0, 6, [])
    early = await look(log, 512)
    assert (early.size, early.checkpoints, early.findings) == (512, 4, [])
    assert early.root != found.root


@pytest.mark.parametrize("what", list(CHANGES))
async def test_a_change_behind_its_back_is_found(log: Sealed, dsn: str, schema: str, what: str) -> None:
    with psycopg.connect(dsn, options=f"-c search_path={schema}", autocommit=True) as connection:
        for statement in CHANGES[what].split("; "):
            assert connection.execute(statement).rowcount != 0, f"{what} was not planted"
    found = await look(log)
    assert found.findings, f"{what}: nothing was found"


async def test_each_byte_of_an_entry_counts(log: Sealed, dsn: str, schema: str) -> None:
    """Flips = caught, over a sample of entries and the whole length of each."""
    flips = caught = 0
    seed = random.randrange(1 << 30)
    chosen = random.Random(seed)
    with psycopg.connect(dsn, options=f"-c search_path={schema}", autocommit=True) as connection:
        for index in chosen.sample(range(SIZE), 3):
            text = connection.execute("SELECT entry FROM custody WHERE index = %s", (index,)).fetchone()[0]  # type: ignore[index]
            for at in chosen.sample(range(len(text)), 12):
                flipped = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
                connection.execute("UPDATE custody SET entry = %s WHERE index = %s", (flipped, index))
                flips += 1
                caught += bool((await look(log)).findings)
                connection.execute("UPDATE custody SET entry = %s WHERE index = %s", (text, index))
    print(f"seed {seed}: flips {flips}, caught {caught}")
    assert flips == caught == 36


async def rewritten(log: Sealed, dsn: str, schema: str) -> None:
    """What somebody with the key and the database can do: another history, every hash and signature right."""
    with psycopg.connect(dsn, options=f"-c search_path={schema}", autocommit=True) as connection:
        connection.execute("DROP RULE custody_keeps_entries ON custody")
        for table in ("custody", "custody_tiles", "custody_seals", "record_offsets"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("UPDATE custody_head SET size = 0")
    again = Sealed(log.database, key=log.key)
    await grow(log.database, [m for m in messages(0, SIZE + 1) if m.offset != 17])
    await again.seal()
    assert (await look(again)).findings == [], "in itself the forged log is sound: it has the key"
    log.archive = again.archive  # it replaced the vault too
    log.vault = again.vault


async def test_a_log_rewritten_by_whoever_holds_the_key_is_caught_by_the_witness(
    log: Sealed, dsn: str, schema: str, tmp_path: Path
) -> None:
    known = [log.key.verifier]
    note = log.archive.note(SIZE)
    publish(tmp_path, read_checkpoint(note, known), note)
    publish(tmp_path, read_checkpoint(note, known), note)  # again is fine
    await rewritten(log, dsn, schema)
    assert (await look(log)).findings == []
    witnessed = read_witness(tmp_path, known, ORIGIN)
    found = await audit(log.database, SIZE, witnessed)
    assert [finding.where for finding in found.findings] == [f"checkpoint {SIZE} {witnessed[0][0]}"]


async def test_two_checkpoints_of_one_size_cannot_both_be_published(log: Sealed, tmp_path: Path) -> None:
    note = log.archive.note(SIZE)
    publish(tmp_path, read_checkpoint(note, [log.key.verifier]), note)
    other = Edge(0, {})
    other.append([bytes(32)] * SIZE)
    forged = Checkpoint(ORIGIN, SIZE, other.root())
    with pytest.raises(LogForked, match="two histories"):
        publish(tmp_path, forged, sign_checkpoint(forged, [log.key]))

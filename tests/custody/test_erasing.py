"""A clip's payloads go with it: headers, leaves and proofs stay, and what says why it went stays too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams import messages as m
from streams.topics import BY_NAME
from tests.custody.exports import SPACE, START, Clip
from tests.custody.logs import ORIGIN, Sealed, grow
from workers.custody import bwv_verify
from workers.custody.audit import audit
from workers.custody.checkpoint import read_checkpoint
from workers.custody.entry import Recorded, content_of
from workers.custody.export import build_export
from workers.custody.log import erase_disposed
from workers.custody.queries import entries_of
from workers.custody.restoring import restore_log
from workers.custody.tree import answer
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.keys.signing import Signed

pytestmark = pytest.mark.stack

GOING, STAYING = Clip(1), Clip(2)
SIGNED = Signed('{"clip_id":"x"}', "service:disposal:0123456789abcdef", "c2ln")
WHY = ("uncategorised", "uncategorised", ("31 days",))


def told(topic: str, message: m.Message, offset: int, *, type: str | None = None, event_id: str = "") -> Recorded:
    """A message as the record reads it."""
    body = m.encode(message)
    content, unreadable = content_of(body)
    return Recorded(
        topic=topic, partition=0, offset=offset, event_id=event_id or f"evt-{topic}-{offset}", type=type or topic,
        time=START.isoformat(), source=f"/bwv/{SPACE}/test", subject="", verb=BY_NAME[topic].verb, body=body,
        content=content, unreadable=unreadable, about=GOING.id if topic == "uploads.reported" else None,
    )  # fmt: skip


def lived(clip: Clip, offset: int) -> list[Recorded]:
    """Everything up to the commit of its disposal."""
    at = START.isoformat()
    committed = m.DisposalCommitted(clip.id, clip.camera, clip.recording, clip.report, 3, *WHY, at, at)
    intended = m.DisposalIntended(clip.id, 3, *WHY, at, at, at, "sweep-1")
    events = [*clip.events(), ("disposals.intended", intended), ("disposals.committed", committed)]
    return [told(topic, message, offset + number) for number, (topic, message) in enumerate(events)]


def disposed(clip: Clip, offset: int = 0, **more: Any) -> Recorded:
    message = m.ClipDisposed(clip.id, clip.camera, 3, "uncategorised", "uncategorised", SIGNED)
    return told("clips.disposed", message, offset, **more)


def reported(offset: int) -> Recorded:
    """A dock reports the clip that goes."""
    return told("uploads.reported", m.UploadReported(GOING.camera, GOING.recording, GOING.report), offset)


async def left(database: Database, clip: str) -> list[str]:
    """Topics of the entries that still have a payload; none has one without the other."""
    rows = await database.fetch(
        "SELECT topic, payload IS NULL AS gone, salt IS NULL AS unsalted FROM custody WHERE clip_id = %s"
        " ORDER BY index",
        (clip,),
    )
    assert all(row["gone"] == row["unsalted"] for row in rows)
    return [row["topic"] for row in rows if not row["gone"]]


WHY_IT_WENT = ["disposals.intended", "disposals.committed", "clips.disposed"]


async def test_payloads_go_when_the_disposal_is_told_and_the_log_still_proves(database: Database) -> None:
    log = Sealed(database)
    await grow(database, [*lived(GOING, 0), *lived(STAYING, 20), reported(0)])
    await log.seal()
    before = await database.fetch("SELECT index, entry, leaf FROM custody ORDER BY index")
    await grow(database, [disposed(GOING)])

    assert await left(database, GOING.id) == WHY_IT_WENT
    assert len(await left(database, STAYING.id)) == 8
    after = await database.fetch("SELECT index, entry, leaf FROM custody ORDER BY index")
    assert after[: len(before)] == before and len(after) == len(before) + 1

    note = await log.seal()
    checkpoint = read_checkpoint(note, [log.key.verifier], ORIGIN)
    found = await audit(database, checkpoint.size, [("sealed", checkpoint)])
    assert (found.findings, found.erased, found.payloads) == ([], 7, 11)
    rows = await entries_of(database, GOING.id)
    files = await answer(database, lambda hashes: build_export(SPACE, GOING.id, rows, checkpoint.size, hashes, note))
    proven = bwv_verify.check_export(files, bwv_verify.read_keys([str(log.key.verifier)]))
    assert len(proven.events) == 10 and proven.declared is not None
    said = bwv_verify.as_text(proven, "", False)
    assert said.count("erased with the clip, or withheld") >= 7
    headers = [event.header for event in proven.events if event.header["type"] == "clips.disposed"]
    assert [(h["category"], h["policy"], h["rule"]) for h in headers] == [("uncategorised", 3, "uncategorised")]


async def test_what_is_told_of_a_clip_after_its_disposal_goes_too(database: Database) -> None:
    await grow(database, [*lived(GOING, 0), disposed(GOING)])
    wiped = GOING.events()[-1]
    await grow(database, [told(*wiped, 90), reported(0)])
    assert await left(database, GOING.id) == WHY_IT_WENT
    await grow(database, [disposed(GOING, 1)])  # a supplement, of what came late
    assert await left(database, GOING.id) == [*WHY_IT_WENT, "clips.disposed"]


async def test_a_type_that_another_topic_claims_erases_nothing(database: Database) -> None:
    await grow(database, lived(GOING, 0))
    forged = told(*GOING.events()[-1], 91, type="clips.disposed")
    await grow(database, [forged])
    assert len(await left(database, GOING.id)) == 9


async def test_a_second_telling_with_other_bytes_is_a_conflict_and_erases_nothing(database: Database) -> None:
    await grow(database, [*lived(GOING, 0), *lived(STAYING, 20), disposed(STAYING, event_id="evt-one")])
    await grow(database, [disposed(GOING, 1, event_id="evt-one")])
    assert len(await left(database, GOING.id)) == 9
    assert await left(database, STAYING.id) == WHY_IT_WENT


async def test_what_says_why_a_clip_went_does_not_lie_under_the_clip(database: Database) -> None:
    log = Sealed(database)
    await grow(database, lived(GOING, 0))
    await log.seal()
    await grow(database, [disposed(GOING)])
    await log.seal()
    prefix = f"force/custody/payloads/{GOING.id}/"
    under = [key for key in log.stored() if key.startswith(prefix)]
    assert len(under) == 1
    kept = {held.index for some in log.archive.payloads() for held in some}
    for key in under:
        sealed = msgspec.json.decode(log.vault.get_small(key))
        kept -= {held["index"] for held in sealed}
    rows = await database.fetch("SELECT index FROM custody WHERE payload IS NOT NULL")
    assert kept == {row["index"] for row in rows} and len(kept) == 3


async def test_nothing_is_sealed_under_a_clip_that_disposal_deletes(database: Database) -> None:
    log = Sealed(database)
    await grow(database, [*lived(GOING, 0), *lived(STAYING, 20)])
    await database.execute("INSERT INTO disposals (clip_id, committed) VALUES (%s, '{}')", (GOING.id,))
    await log.seal()
    folders = {key.split("/")[3] for key in log.stored() if key.startswith("force/custody/payloads/")}
    assert folders == {"other", STAYING.id}, "disposal has listed the prefix, and would have to look again"


async def test_a_rebuilt_log_has_what_outlasted_the_clip_and_nothing_else(database: Database, dsn: str) -> None:
    log = Sealed(database)
    await grow(database, [*lived(GOING, 0), *lived(STAYING, 20)])
    await log.seal()
    await grow(database, [disposed(GOING)])
    await log.seal()
    upgrade(dsn, f"{database.schema}_again")
    async with Database(dsn, f"{database.schema}_again") as again:
        # Disposal has not deleted the payloads yet: the vault gives back what the log had erased.
        made = await restore_log(again, log.archive, [log.key.verifier], ORIGIN, told=lambda done: None)
        assert made.erased == 0
        async with again.transaction() as connection:
            assert await erase_disposed(connection) == 6
        assert await left(again, GOING.id) == WHY_IT_WENT == await left(database, GOING.id)
        assert len(await left(again, STAYING.id)) == 8
        found = await audit(again, made.size, [])
        assert found.findings == []
